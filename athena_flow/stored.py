"""Settings -> the local Parquet store, and what a query reads from it.

A store that is there is used by itself, as far as it holds the logs as they lie now; for
the rest of a directory the logs are read. Logs of a bucket are read from the store alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from athena_flow.errors import BadFile, BadSetting, NotFound, files, note, some
from athena_flow.settings import Settings

if TYPE_CHECKING:
    from athena_flow.local import Listing, LogTree
    from athena_flow.logformat import LogFormat
    from athena_flow.manifest import Coverage, Kept, Match, Matching, Piece
    from athena_flow.ports import ObjectInfo, Registered
    from athena_flow.store import Store
    from athena_flow.window import Window

S3 = "s3://"


def is_bucket(logs: str | None) -> bool:
    """Do the logs of --logs lie in a bucket?"""
    return bool(logs) and str(logs).startswith(S3)


def folder(s: Settings) -> Path:
    """Where the store is, or would be."""
    return Path(s.store or s.folder / ".athena-flow" / "store").resolve()


def open_store(s: Settings) -> Store | None:
    """The store, where there is one and it is wanted."""
    from athena_flow.store import Store

    store = Store(folder(s))
    return store if store.exists() and not s.no_store else None


def matching(s: Settings) -> Matching:
    """How the embedded engine looks its logs up."""
    from athena_flow.manifest import no_store

    store = open_store(s)
    return _Look(store) if store else no_store


class _Look:
    """A `manifest.Matching` over all sources of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: ExitStack | None = None
        """What is found stays there until this one goes."""

    def __call__(self, logs: Mapping[ObjectInfo, Registered], table: LogFormat) -> Match:
        try:
            return self._looked_up(logs, table)
        except BadFile as error:
            from athena_flow.manifest import Match

            if any(is_bucket(log.uri) for log in logs):
                raise
            return Match((), (), logs, (f"the store is not read: {error.message}",))

    def _looked_up(self, logs: Mapping[ObjectInfo, Registered], table: LogFormat) -> Match:
        from athena_flow.manifest import Match, has_text, match

        if self._held is None:
            with ExitStack() as held:
                held.enter_context(self._store.held())
                self._held = held.pop_all()
        rest = logs
        pieces: list[tuple[Piece, Registered, str]] = []
        empty: list[str] = []
        notes: list[str] = []
        sources = [
            uri for uri in self._store.sources() if any(log.uri.startswith(uri) for log in logs)
        ]
        for source in sources:
            uris = [log.uri for log in rest if log.uri.startswith(source) and has_text(log.uri)]
            if uris:
                holding = self._store.holding(source, (min(uris), max(uris)))
                found = match(rest, table, holding, self._sound)
                rest = found.rest
                pieces += found.pieces
                empty += found.empty
                notes += found.notes
        away = [log.uri for log in rest if is_bucket(log.uri)]
        if away:
            raise BadFile(
                f"the store has not the rows of {files(len(away))}: {some(away)}"
                + "".join(f"; {note}" for note in notes),
                hint="run the athena-flow ingest of these logs again",
            )
        if sources:
            notes.append(_shares(len(logs) - len(rest), len(rest)))
        return Match(tuple(pieces), tuple(empty), rest, tuple(notes))

    def _sound(self, piece: Piece) -> str | None:
        return str(self._store.path(piece)) if self._store.is_sound(piece) else None


def _shares(stored: int, rest: int) -> str:
    """How many logs came from where."""
    if not rest:
        return f"read from the store: {files(stored)}"
    again = "not in the store as they lie now: athena-flow ingest reads in those of one format"
    return f"read from the store: {files(stored)}; read themselves: {files(rest)}, {again}"


def tree(s: Settings, window: Window, wanted: LogFormat | None, needs: Collection[str]) -> LogTree:
    """The logs of --logs as a table; what the store knows of them is not read again."""
    from athena_flow.local import first_line, list_logs, tree_of
    from athena_flow.manifest import columns_of

    store = open_store(s)
    known: dict[str, Kept] = {}
    if is_bucket(s.logs):
        listing, known = _bucket(s, store, window)
    else:
        listing = list_logs(s.logs or "")
        if store:
            known = _known(store, listing.logs)

    def head(log: ObjectInfo) -> str | None:
        return known[log.uri].head if log.uri in known else first_line(log.uri)

    def columns(uri: str) -> list[str]:
        from athena_flow.engines.duckdb import parquet_schema

        told = known[uri].head if uri in known else None
        return [column for column, _ in (columns_of(told) if told else parquet_schema(uri))]

    return tree_of(listing, window, wanted, needs, columns, head, skip_bad=s.skip_bad_files)


def _known(store: Store, logs: Collection[ObjectInfo]) -> dict[str, Kept]:
    """What the store has of these logs as they lie now; nothing where it cannot be read."""
    from athena_flow.manifest import has_text

    now = {log.uri: log for log in logs if has_text(log.uri)}
    first, last = min(now, default=""), max(now, default="")
    try:
        sources = [uri for uri in store.sources() if any(one.startswith(uri) for one in now)]
        kept = [log for uri in sources for log in store.holding(uri, (first, last)).kept()]
    except BadFile:  # the engine says so
        return {}
    return {log.uri: log for log in kept if log.is_now(now.get(log.uri))}


def _bucket(s: Settings, store: Store | None, window: Window) -> tuple[Listing, dict[str, Kept]]:
    """The logs of a bucket as the store has them. Raises NotFound, BadFile, BadSetting."""
    from athena_flow.local import Listing
    from athena_flow.manifest import touches
    from athena_flow.ports import ObjectInfo
    from athena_flow.table import s3_location

    location = s3_location(s.logs or "")
    how = f"athena-flow ingest --logs {location} --since 7d"
    if s.no_store:
        raise BadSetting(
            "--logs of a bucket is read from the local store alone", hint="leave --no-store out"
        )
    if store is None or location not in store.sources():
        raise NotFound(f"{location} is not in the store {folder(s)}", hint=f"{how} reads it there")
    holding = store.holding(location)
    waiting = [log.uri for log in holding.waiting if touches(log.uri, window)]
    if waiting:
        raise BadFile(
            f"{files(len(waiting))} of {location} were listed and not read yet: {some(waiting)}",
            hint="run that athena-flow ingest again: it goes on where it was stopped",
        )
    known = {log.uri: log for log in holding.kept()}
    logs = [ObjectInfo(log.uri, log.size_bytes, log.stamp) for log in known.values()]
    bad = [log.uri for log in holding.bad if touches(log.uri, window)]
    notes = [*_history(location, store.coverage(location), window)]
    notes += note("could not be read when they were ingested", bad)
    return Listing(location, tuple(sorted(logs)), tuple(notes)), known


def _history(location: str, done: Sequence[Coverage], window: Window) -> Iterator[str]:
    from athena_flow.manifest import uncovered
    from athena_flow.window import show

    if not done:
        yield f"no ingest of {location} has come to its end: there may be more than is counted"
        return
    yield f"{location} as it was at the last ingest, {show(done[0].at)}"
    if uncovered(window, done):
        yield "the window reaches where no ingest has been: what lies there is not counted"
