"""What the local Parquet store holds of which logs, and what an ingest has to do: pure.

A log is kept once its rows are in a `Piece`, one Parquet file of the store. A piece holds
the rows of logs of one place and one form: of all of them, unless those of a bucket are read
in steps. A place is changed as a whole, or a step of it, so that whoever is killed leaves
each place as it was or as it should be. Reading files, Parquet and the manifest's own
database are for the edges.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from athena_flow.errors import RequestError, note
from athena_flow.layout import LAYOUTS, Partition, find_partition
from athena_flow.logformat import LogFormat, format_of, header_format, is_header
from athena_flow.ports import ObjectInfo, Registered
from athena_flow.window import DAY, Window, floor

Schema = tuple[tuple[str, str], ...]
"""The columns of a Parquet file: name and DuckDB type."""
_NO_TEXT = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes that are no UTF-8."""


@dataclass(frozen=True, slots=True)
class Place:
    """Logs of one folder and one day or hour: what is read, and written, together."""

    folder: str
    """Ends in ``/``."""
    partition: Partition | None
    """None where neither folder nor file name tells it."""


def place_of(uri: str) -> Place:
    found = find_partition(uri)
    return Place(uri.rpartition("/")[0] + "/", found[1] if found else None)


@dataclass(frozen=True, slots=True)
class Kept:
    """One log whose rows, if it has any, are in the store."""

    uri: str
    size_bytes: int
    stamp: str
    """As of `ObjectInfo`: another one means that the log has changed."""
    head: str | None
    """Its first line, or its columns where it is Parquet; None for an empty one."""
    undecodable: bool = False
    """Was it read with replacement characters?"""

    def is_now(self, log: ObjectInfo | None) -> bool:
        """Does the log lie there as it was when it was read?"""
        return log is not None and (log.size_bytes, log.stamp) == (self.size_bytes, self.stamp)


@dataclass(frozen=True, slots=True)
class Bad:
    """One log that could not be read, and was left out as the user wished."""

    uri: str
    size_bytes: int
    stamp: str
    reason: str


@dataclass(frozen=True, slots=True)
class Seal:
    """What a file of the store is known by."""

    size_bytes: int
    stamp: str
    """Its `file_stamp` when it was written."""
    digest: str
    """Of all of it: a copy has another stamp."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One Parquet file of the store, and what was counted as it was written."""

    place: Place
    form: str
    """What its logs share: a header, or the columns of Parquet logs (`columns_text`)."""
    path: str
    """Below the store's folder."""
    seal: Seal
    rows: int
    odd_rows: int
    """Of text logs, rows with fewer or more fields than their header."""
    first_odd: str
    """The log and the line of one of them."""
    no_end: int
    """Rows whose ``end`` is no number; all of them where the form has no such field."""
    logs: tuple[Kept, ...]

    @property
    def log_format(self) -> LogFormat | None:
        """The format of its text logs; None where they are Parquet."""
        return None if is_columns(self.form) else header_format(self.form)


def columns_text(schema: Schema) -> str:
    """The columns of Parquet logs as one text, which no header line can be."""
    return json.dumps(schema, ensure_ascii=False)


def is_columns(form: str) -> bool:
    return form.startswith("[")


def columns_of(text: str) -> Schema:
    """What `columns_text` wrote."""
    return tuple((str(name), str(kind)) for name, kind in json.loads(text))


def has_text(name: str) -> bool:
    """Can the manifest hold a name? It is a text; names of files may be any bytes."""
    return not _NO_TEXT.search(name)


# ---------------------------------------------------------------- what has to be done


@dataclass(frozen=True, slots=True)
class Change:
    """What brings one place of the store to what lies there now."""

    place: Place
    read: tuple[ObjectInfo, ...]
    """Logs to read: those that are new or changed, and their neighbours in a lost piece."""
    keep: tuple[Piece, ...] = ()
    """Pieces that hold good; what is read joins the one of its form."""
    drop: tuple[Piece, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(log.size_bytes for log in self.read)


@dataclass(frozen=True, slots=True)
class Plan:
    changes: tuple[Change, ...]
    same: int
    """Logs that are in the store as they lie."""
    new: int
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    """Logs that the store has and that lie there no more: their rows go, too."""
    stale: tuple[str, ...]
    """Logs that the store waits for, or has as bad, and that lie there no more."""
    passed: tuple[str, ...]
    """Bad logs that are not tried again."""
    lost: tuple[str, ...]
    """Pieces of the store that are damaged or missing."""

    @property
    def size(self) -> int:
        """How many logs are to be read."""
        return sum(len(change.read) for change in self.changes)

    @property
    def size_bytes(self) -> int:
        return sum(change.size_bytes for change in self.changes)


@dataclass(frozen=True, slots=True)
class Holding:
    """What the store has of one source."""

    pieces: tuple[Piece, ...] = ()
    empty: tuple[Kept, ...] = ()
    """Logs without a row, which are in no piece."""
    bad: tuple[Bad, ...] = ()
    waiting: tuple[ObjectInfo, ...] = ()
    """Logs that were listed and not read yet, or that every query reads itself."""

    def kept(self) -> Iterator[Kept]:
        yield from self.empty
        for piece in self.pieces:
            yield from piece.logs


def plan(
    lying: Iterable[ObjectInfo],
    holding: Holding,
    window: Window,
    lost: Collection[str],
    passed: Collection[ObjectInfo] = (),
    unseen: Sequence[str] = (),
    wanted: LogFormat | None = None,
) -> Plan:
    """What has to be read and dropped so that the store mirrors the window's logs.

    ``lying`` are the logs of the window; ``lost`` are the paths of damaged pieces;
    ``passed`` are logs that are known to be bad and are not tried again. What lies below an
    ``unseen`` prefix, one that may not be listed, stays as it is. ``wanted`` is said to be the
    format of text logs without a header: those that were read as another are read again.
    """

    def seen(uri: str) -> bool:
        return touches(uri, window) and not uri.startswith(tuple(unseen))

    there = {log.uri: log for log in lying}
    now = {uri: log for uri, log in there.items() if log not in passed}
    known = {log.uri: log for log in holding.kept() if seen(log.uri)}
    changed = [uri for uri, log in known.items() if uri in now and not log.is_now(now[uri])]
    gone = [uri for uri in known if uri not in now]
    others = (log.uri for some in (holding.waiting, holding.bad) for log in some)
    stale = [uri for uri in others if uri not in there and seen(uri)]
    reads: dict[Place, list[ObjectInfo]] = defaultdict(list)
    keep: dict[Place, list[Piece]] = defaultdict(list)
    drop: dict[Place, list[Piece]] = defaultdict(list)
    settled: set[str] = {log.uri for log in holding.empty if log.is_now(now.get(log.uri))}
    for piece in holding.pieces:
        if not seen(piece.logs[0].uri):
            continue
        sound = piece.path not in lost and all(log.is_now(now.get(log.uri)) for log in piece.logs)
        sound = sound and (wanted is None or _reads_so(piece, wanted))
        (keep if sound else drop)[piece.place].append(piece)
        settled.update(log.uri for log in piece.logs if sound)
    for uri, log in now.items():
        if uri not in settled:
            reads[place_of(uri)].append(log)
    places = dict.fromkeys([*drop, *reads])
    return Plan(
        changes=tuple(
            Change(
                place,
                tuple(sorted(reads[place], key=lambda log: log.uri)),
                tuple(keep[place]),
                tuple(drop[place]),
            )
            for place in sorted(places, key=lambda p: (p.folder, str(p.partition)))
        ),
        same=len(settled),
        new=sum(uri not in known for uri in now),
        changed=tuple(sorted(changed)),
        gone=tuple(sorted(gone)),
        stale=tuple(stale),
        passed=tuple(sorted(log.uri for log in passed)),
        lost=tuple(
            sorted(p.path for p in holding.pieces if p.path in lost and seen(p.logs[0].uri))
        ),
    )


def touches(uri: str, window: Window) -> bool:
    """Can the window touch a log, by its place alone? One that no path dates always."""
    found = find_partition(uri)
    if found is None:
        return True
    name, partition = found
    step = LAYOUTS[name].step
    return window.holds(partition.account, partition.region, floor(partition.start, step), step)


def in_steps(
    read: Sequence[ObjectInfo], most_bytes: int | None
) -> Iterator[tuple[ObjectInfo, ...]]:
    """The logs in order, so many at a time as hold ``most_bytes``; one step at the least.

    A log that is larger by itself comes alone.
    """
    step: list[ObjectInfo] = []
    size = 0
    for log in read:
        if step and most_bytes is not None and size + log.size_bytes > most_bytes:
            yield tuple(step)
            step, size = [], 0
        step.append(log)
        size += log.size_bytes
    yield tuple(step)


# ---------------------------------------------------------------- what a query finds


@dataclass(frozen=True, slots=True)
class Coverage:
    """One ingest that came to its end: of what, and when."""

    window: Window
    at: datetime


def uncovered(window: Window, done: Sequence[Coverage]) -> bool:
    """Does the window reach where no ingest of that source has been?

    Its end does not count: what came since the last ingest is told by that one's time. An
    earlier ingest has seen of its last day what had come by then, and not the rest of it.
    """
    newest = max((one.at for one in done), default=None)
    able = [
        one
        for one in done
        if _wider(one.window.accounts, window.accounts)
        and _wider(one.window.regions, window.regions)
    ]
    if any(one.window.start is None for one in able):
        return False
    if window.start is None:
        return True
    last = max((one.window.end for one in able if one.window.end), default=None)
    if last is None:
        return True
    days = Window(window.start, min(window.end or last, last)) if window.start < last else None
    return any(
        not any(
            one.window.covers(start, DAY) and (one.at >= start + DAY or one.at == newest)
            for one in able
        )
        for start in (days.starts(DAY) if days else ())
    )


def _wider(theirs: Collection[str], ours: Collection[str]) -> bool:
    """Does a filter of accounts or regions let through all that ours does?"""
    return not theirs or (bool(ours) and set(ours) <= set(theirs))


@dataclass(frozen=True, slots=True)
class Match:
    """Which of a query's logs the store stands in for."""

    pieces: tuple[tuple[Piece, Registered, str], ...]
    """Each with its logs' partition, and the path of its file."""
    empty: tuple[str, ...]
    """Logs that hold nothing."""
    rest: Mapping[ObjectInfo, Registered]
    """Logs to read themselves."""
    notes: tuple[str, ...] = ()


Matching = Callable[[Mapping[ObjectInfo, Registered], LogFormat], Match]
"""Looks a query's logs up; the format is that of the table, for text without a header."""


def no_store(logs: Mapping[ObjectInfo, Registered], table: LogFormat) -> Match:
    """The `Matching` of a query that reads the logs themselves."""
    return Match((), (), logs)


def match(
    logs: Mapping[ObjectInfo, Registered],
    table: LogFormat,
    holding: Holding,
    sound: Callable[[Piece], str | None],
) -> Match:
    """The pieces that hold good for a query: all of whose logs it reads, from one partition.

    ``sound`` gives the path of a piece's file, and None for one that is damaged.
    """
    now = {log.uri: log for log in logs}
    pieces: list[tuple[Piece, Registered, str]] = []
    taken: set[str] = set()
    damaged: list[str] = []
    for piece in holding.pieces:
        if not all(log.is_now(now.get(log.uri)) for log in piece.logs):
            continue
        places = {logs[now[log.uri]] for log in piece.logs}
        if len(places) > 1 or not _reads_so(piece, table):
            continue
        path = sound(piece)
        if path is None:
            damaged.append(piece.path)
            continue
        pieces.append((piece, places.pop(), path))
        taken.update(log.uri for log in piece.logs)
    none = (log for log in holding.empty if log.head is None)
    empty = [log.uri for log in none if log.is_now(now.get(log.uri))]
    taken.update(empty)
    rest = {log: place for log, place in logs.items() if log.uri not in taken}
    notes = note("damaged files of the store, not read", damaged)
    return Match(tuple(pieces), tuple(empty), rest, notes)


def _reads_so(piece: Piece, table: LogFormat) -> bool:
    """Would this table's query take the piece's logs for what they were kept as?

    It does, unless a log has no header line and the table says another format.
    """
    if is_columns(piece.form):
        return True
    heads = (log.head for log in piece.logs if log.head is not None and not is_header(log.head))
    try:
        return all(format_of(head, table).header == piece.form for head in heads)
    except RequestError:  # whoever reads it says what is wrong
        return False
