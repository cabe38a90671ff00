"""The ingest: from logs as they lie to pieces of the local Parquet store, place by place.

Written against functions that are handed in: what reads logs, writes Parquet, fetches
objects and keeps the manifest is for the edges. A place that is done stays done: killed at
any moment, the next ingest does the rest, and comes to the same.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from athena_flow.errors import (
    NO_FORMAT,
    SKIP_BAD_FILES,
    AthenaFlowError,
    BadFile,
    BadFormat,
    RequestError,
    files,
    note,
    some,
)
from athena_flow.layout import PARQUET
from athena_flow.logformat import (
    DEFAULT,
    LogFormat,
    format_of,
    is_json,
    is_told,
)
from athena_flow.manifest import (
    Bad,
    Change,
    Holding,
    Kept,
    Piece,
    Place,
    Plan,
    Seal,
    in_steps,
    plan,
)
from athena_flow.parallel import in_order, threads
from athena_flow.ports import ObjectInfo, Progress
from athena_flow.sources import Found
from athena_flow.window import Window

TRIES = 3
"""Of logs that are read together, each without those that changed during the one before."""


NO_HEADER = "no header line, and not in the default format"


class SeveralFormats(BadFile):
    """A text log with several headers, which say different formats: no piece can hold it."""


class BadLogs(BadFile):
    """Every log of a piece that cannot be in it, so that it need not be tried once for each."""

    def __init__(self, each: Mapping[str, BadFile]) -> None:
        """By their paths."""
        super().__init__(f"{files(len(each))} cannot be read: {some(sorted(each))}")
        self.each = each


@dataclass(frozen=True, slots=True)
class Counts:
    """What a piece came to as it was written."""

    rows: int
    odd_rows: int
    first_odd: str
    """The path of a log, and the line in it."""
    no_end: int
    """Of all of the piece, as are the rows; what is odd is of the logs that were read."""
    undecodable: frozenset[str]
    """Paths of the logs that were read with replacement characters."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a place has come to, for one transaction."""

    pieces: tuple[Piece, ...] = ()
    empty: tuple[Kept, ...] = ()
    """Logs without a row, and files that are no flow logs."""
    bad: tuple[Bad, ...] = ()
    waiting: tuple[ObjectInfo, ...] = ()
    """Logs of this place that a later step reads."""


class Keeper(Protocol):
    """The store, as an ingest needs it; to be called from several threads."""

    def new_path(self, source: str, place: Place, form: str, logs: Iterable[Kept]) -> str: ...

    def seal(self, path: str) -> Seal:
        """What the piece that lies there now is known by from now on."""

    def begin(self, source: str, waiting: Iterable[ObjectInfo], gone: Collection[str]) -> None: ...

    def replace(self, source: str, old: Iterable[Piece], outcome: Outcome) -> None: ...

    def finish(self, source: str, window: Window, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What reads and writes for an ingest, each from several threads."""

    keeper: Keeper
    fetch: Callable[[Sequence[ObjectInfo]], AbstractContextManager[Mapping[str, str]]]
    """Brings logs onto this machine for a while: their paths by URI."""
    head: Callable[[str], str | None]
    """The first line, or the columns, of the log at a path; None where it is empty."""
    write: Callable[[str, Sequence[str], str | None, str], Counts]
    """Writes the rows of the logs at these paths, which are of this form, and those of a
    piece that is there, as a new piece. Raises BadLogs."""
    moved: Callable[[ObjectInfo], bool]
    """Is a log no more what it was when it was listed?"""
    most_bytes: int | None
    """Of logs that are fetched at a time, and of those in a piece that takes in more of them;
    None for no limit."""
    workers: int
    stop: Callable[[], None]
    """Ends what is being fetched and written."""
    in_place: bool
    """Can a query read the logs themselves?"""
    skip_bad: bool = False
    """Are logs that cannot be read left out?"""


@dataclass(frozen=True, slots=True)
class Report:
    """What an ingest did."""

    read: int
    """Logs that are in the store now as they lie, and were read for that."""
    size_bytes: int
    rows: int
    """Both of those logs; a piece that they joined held more."""
    bad: tuple[Bad, ...] = ()
    aside: tuple[str, ...] = ()
    """Logs that each query reads itself: they have several headers."""
    moved: tuple[str, ...] = ()
    """Logs that changed while they were read: the next ingest reads them."""
    beside: tuple[str, ...] = ()
    """Logs that were to be read with them, and are left, too: one after the other changed."""

    def notes(self) -> Iterator[str]:
        yield from note("cannot be read, left out", [bad.uri for bad in self.bad])
        yield from note("of several formats each, read themselves by each query", self.aside)
        yield from note("changed while they were read, left for the next ingest", self.moved)
        yield from note("left for the next ingest, too, beside files that change", self.beside)


def notes_of(plan: Plan) -> Iterator[str]:
    """What is not as it was at the last ingest."""
    yield from note("gone since the last ingest, and their rows with them", plan.gone)
    yield from note("changed since the last ingest, to be read again", plan.changed)
    yield from note("cannot be read, as at the last ingest, left out", plan.passed)
    yield from note("damaged files of the store, to be written anew", plan.lost)


def prepare(
    found: Found,
    window: Window,
    holding: Holding,
    sound: Callable[[Piece], bool],
    wanted: LogFormat | None,
    retry_bad: bool,
) -> Plan:
    """What has to be done, where text logs without a header are in the ``wanted`` format.

    Bad logs that lie there unchanged are passed unless tried again, as are those that only
    lacked a format once one is said.
    """
    lost = {piece.path for piece in holding.pieces if not sound(piece)}
    bad = {
        (log.uri, log.size_bytes, log.stamp)
        for log in holding.bad
        if wanted is None or log.reason != NO_HEADER
    }
    known = [log for log in found.logs if (log.uri, log.size_bytes, log.stamp) in bad]
    unseen = [denied.prefix for denied in found.denied]
    return plan(found.logs, holding, window, lost, () if retry_bad else known, unseen, wanted)


def ingest(
    found: Found,
    wanted: Plan,
    window: Window,
    at: datetime,
    wanted_format: LogFormat | None,
    tools: Tools,
    progress: Progress,
) -> Report:
    """Does what was planned. ``wanted_format`` is that of text logs without a header.

    Raises BadFile for a log that cannot be read, BadFormat for one without a header and in
    no known shape, and what the tools raise; the places done so far stay done.
    """
    waiting = [log for change in wanted.changes for log in change.read]
    tools.keeper.begin(found.source, waiting, (*wanted.gone, *wanted.stale))
    work = _Work(found.source, wanted_format, tools, progress, wanted.size_bytes)
    with threads(tools.workers) as pool:
        try:
            done = list(in_order(pool, work.change, wanted.changes))
        except Exception:
            work.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        except KeyboardInterrupt:
            work.stop()
            raise
    report = Report(
        sum(one.read for one in done),
        sum(one.size_bytes for one in done),
        sum(one.rows for one in done),
        tuple(bad for one in done for bad in one.bad),
        tuple(uri for one in done for uri in one.aside),
        tuple(uri for one in done for uri in one.moved),
        tuple(uri for one in done for uri in one.beside),
    )
    if not found.denied and not report.moved:
        tools.keeper.finish(found.source, window, at)
    return report


@dataclass(slots=True)
class _Tally:
    """What one place added to the report."""

    read: int = 0
    size_bytes: int = 0
    rows: int = 0
    bad: list[Bad] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)

    def add(self, made: _Made) -> None:
        out = {*made.aside, *(bad.uri for bad in made.outcome.bad)}
        good = [log for log in made.logs if log.uri not in out]
        self.read += len(good)
        self.size_bytes += _size(good)
        self.rows += sum(piece.rows for piece in made.outcome.pieces)
        self.rows -= sum(piece.rows for piece in made.old)
        self.bad += made.outcome.bad
        self.aside += made.aside


@dataclass(frozen=True, slots=True)
class _Made:
    """What logs that were read together came to."""

    logs: Sequence[ObjectInfo]
    outcome: Outcome
    old: Sequence[Piece]
    """Those that the new pieces take the place of."""
    aside: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Making:
    """One piece to be: its logs, the piece that they join, and where to put what is left out."""

    place: Place
    form: str
    logs: Sequence[Kept]
    base: Piece | None
    paths: Mapping[str, str]
    bad: list[Bad]
    aside: list[str]


def _size(logs: Iterable[ObjectInfo | Kept]) -> int:
    return sum(log.size_bytes for log in logs)


def _named(at: str, uris: Mapping[str, str]) -> str:
    """``path:line`` with the log's own name in place of its path here."""
    path, mark, line = at.rpartition(":")
    return f"{uris[path]}{mark}{line}" if at else ""


class _Work:
    """The changes of one ingest, made in several threads."""

    def __init__(
        self,
        source: str,
        wanted_format: LogFormat | None,
        tools: Tools,
        progress: Progress,
        total_bytes: int,
    ) -> None:
        self._source, self._wanted, self._tools = source, wanted_format, tools
        self._progress, self._total, self._done = progress, total_bytes, 0
        self._lock = threading.Lock()
        self._stopped = False
        self._report(())

    def stop(self) -> None:
        """Nothing is written into the manifest from now on."""
        with self._lock:
            self._stopped = True
        self._tools.stop()

    def _report(self, logs: Sequence[ObjectInfo]) -> None:
        with self._lock:
            self._done += _size(logs)
            self._progress("ingesting", self._done, self._total)

    def change(self, change: Change) -> _Tally:
        """Brings one place up to date, a step at a time.

        No step writes again what another has written: all would be written for each of them.
        """
        tally = _Tally()
        keep, drop, rest = change.keep, change.drop, change.read
        left: list[ObjectInfo] = []
        for step in in_steps(change.read, self._tools.most_bytes):
            rest = rest[len(step) :]
            with self._tools.fetch(step) as paths:
                made = self._settled(change.place, step, paths, keep)
            done = set(made.logs if made else ())
            left += [log for log in step if log not in done]
            if made:
                with self._lock:
                    if self._stopped:
                        return tally
                    outcome = replace(made.outcome, waiting=(*left, *rest))
                    self._tools.keeper.replace(self._source, [*drop, *made.old], outcome)
                drop = ()
                keep = tuple(piece for piece in keep if piece not in made.old)
                tally.add(made)
            self._report(step)
        for log in left:
            (tally.moved if self._tools.moved(log) else tally.beside).append(log.uri)
        return tally

    def _settled(
        self,
        place: Place,
        step: Sequence[ObjectInfo],
        paths: Mapping[str, str],
        keep: Sequence[Piece],
    ) -> _Made | None:
        """What those logs come to that lie there unchanged when they have been read.

        None where there is no such log, or where each time others change.
        """
        logs = self._unmoved(step)
        for _ in range(TRIES):
            if step and not logs:
                return None
            made = None
            try:
                made = self._step(place, logs, paths, keep)
            except AthenaFlowError:
                if self._unmoved(logs) == logs:
                    raise
            unmoved = self._unmoved(logs)
            if made and unmoved == logs:
                return made
            logs = unmoved
        return None

    def _unmoved(self, logs: Sequence[ObjectInfo]) -> list[ObjectInfo]:
        return [log for log in logs if not self._tools.moved(log)]

    def _base(self, keep: Sequence[Piece], form: str, logs: Sequence[Kept]) -> Piece | None:
        """The piece that logs join, unless it would hold more than is read at a time."""
        most = self._tools.most_bytes
        of_form = (piece for piece in keep if piece.form == form)
        base = min(of_form, key=lambda piece: _size(piece.logs), default=None)
        full = base and most is not None and _size((*base.logs, *logs)) > most
        return None if full else base

    def _step(
        self,
        place: Place,
        logs: Sequence[ObjectInfo],
        paths: Mapping[str, str],
        keep: Sequence[Piece],
    ) -> _Made:
        """The pieces that these logs come to, and those that they take the place of."""
        forms: dict[str, list[Kept]] = defaultdict(list)
        empty: list[Kept] = []
        bad: list[Bad] = []
        aside: list[str] = []
        for log in logs:
            try:
                head = self._tools.head(paths[log.uri]) if log.size_bytes else None
                kept = Kept(log.uri, log.size_bytes, log.stamp, head)
                if head is None or (is_json(head) and not log.uri.endswith(PARQUET)):
                    empty.append(kept)
                else:
                    forms[self._form(kept, head)].append(kept)
            except BadFile as error:
                bad.append(self._bad(log, paths, error))
            except BadFormat as error:
                if not self._tools.skip_bad:
                    raise
                reason = error.message.removeprefix(f"{log.uri}: ")
                bad.append(Bad(log.uri, log.size_bytes, log.stamp, reason))
        pieces: list[Piece] = []
        old: list[Piece] = []
        for form, of_form in forms.items():
            base = self._base(keep, form, of_form)
            piece = self._piece(_Making(place, form, of_form, base, paths, bad, aside))
            if piece:
                pieces.append(piece)
                old += [base] if base else []
        return _Made(logs, Outcome(tuple(pieces), tuple(empty), tuple(bad)), old, aside)

    def _form(self, log: Kept, head: str) -> str:
        """What a log shares with those that it is kept with. Raises BadFormat."""
        if log.uri.endswith(PARQUET):
            return head
        if not is_told(head, self._wanted):
            raise BadFormat(f"{log.uri}: {NO_HEADER}", hint=NO_FORMAT)
        try:
            return format_of(head, self._wanted or DEFAULT).header
        except RequestError as error:
            raise BadFormat(f"{log.uri}: {error.message}", hint=SKIP_BAD_FILES) from None

    def _piece(self, making: _Making) -> Piece | None:
        """One piece with the rows of its logs, and those of the piece that was there."""
        base, paths = making.base, making.paths
        before = base.logs if base else ()
        good = list(making.logs)
        while good:
            every = sorted((*before, *good), key=lambda log: log.uri)
            path = self._tools.keeper.new_path(self._source, making.place, making.form, every)
            try:
                counts = self._tools.write(
                    making.form, [paths[log.uri] for log in good], base.path if base else None, path
                )
            except BadLogs as errors:
                for wrong in [log for log in good if paths[log.uri] in errors.each]:
                    error = errors.each[paths[wrong.uri]]
                    good.remove(wrong)
                    if isinstance(error, SeveralFormats) and self._tools.in_place:
                        making.aside.append(wrong.uri)
                    else:
                        making.bad.append(self._bad(wrong, paths, error))
                continue
            marked = {
                log.uri: replace(log, undecodable=paths[log.uri] in counts.undecodable)
                for log in good
            }
            odd = [_named(counts.first_odd, {paths[log.uri]: log.uri for log in good})]
            odd += [base.first_odd] if base else []
            return Piece(
                making.place,
                making.form,
                path,
                self._tools.keeper.seal(path),
                counts.rows,
                counts.odd_rows + (base.odd_rows if base else 0),
                min(filter(None, odd), default="", key=lambda at: at.rpartition(":")[0]),
                counts.no_end,
                tuple(marked.get(log.uri, log) for log in every),
            )
        return None

    def _bad(self, log: ObjectInfo | Kept, paths: Mapping[str, str], error: BadFile) -> Bad:
        """A log that is left out. Raises BadFile, by the log's own name, where none may be."""
        path = paths[log.uri]
        message = log.uri + error.message.removeprefix(path)
        if not self._tools.skip_bad:
            raise BadFile(message, hint=error.hint or SKIP_BAD_FILES) from error
        return Bad(log.uri, log.size_bytes, log.stamp, message.removeprefix(f"{log.uri}: "))
