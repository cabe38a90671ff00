"""What the same answer would cost another way: less time, Parquet, fewer columns, projection.

Each line has its number and how it was measured. What cannot be measured is not said.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from athena_flow.columnar import FOOTER_BYTES, SMALL_FILE_BYTES, Footer, Footers
from athena_flow.cost import Estimate, Price, TableRead, show_bytes
from athena_flow.errors import AccessError, EngineError
from athena_flow.ports import ObjectInfo, Scan
from athena_flow.table import TableSpec
from athena_flow.window import HOUR, Window

SHORTER = 7
"""The part of the time that is tried."""
SAMPLED = 3
"""Objects that are looked into: enough to see the shares of columns, few enough to fetch."""
MOST_SAMPLED_BYTES = 32 * 2**20
"""Larger objects are not fetched for advice."""
GET_PARTITIONS = 1_000
"""Partitions in one answer. Source: Glue API reference, GetPartitions, MaxResults."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One other way, what it would scan and cost, and how that is known."""

    what: str
    size_bytes: int | None
    usd: float | None
    measured: str


@dataclass(frozen=True, slots=True)
class Converted:
    """Text objects as one Parquet file: its bytes, and those of each column in it."""

    size_bytes: int
    columns: Mapping[str, int]

    @property
    def footer_bytes(self) -> int:
        """What is no column."""
        return self.size_bytes - sum(self.columns.values())


Convert = Callable[[TableSpec, Sequence[tuple[str, bytes]]], Converted]
"""From logs of a table, each with the last part of its name. Raises AthenaFlowError."""
Read = Callable[[str, int | None], bytes]


@dataclass(frozen=True, slots=True)
class Looking:
    """How objects are looked into."""

    read: Read
    convert: Convert
    footers: Footers | None


@dataclass(frozen=True, slots=True)
class _Table:
    """One scan of a table of flow logs, with its objects."""

    read: TableRead
    scan: Scan

    @property
    def size_bytes(self) -> int:
        return self.scan.size_bytes

    def needed(self, columns: Mapping[str, int]) -> dict[str, int]:
        """Those of the columns that the statement needs, the largest first."""
        wanted = {
            c: n for c, n in columns.items() if self.read.columns is None or c in self.read.columns
        }
        return dict(sorted(wanted.items(), key=lambda one: (-one[1], one[0])))


def advise(
    found: Estimate, scans: Sequence[Scan], window: Window, looking: Looking | None
) -> tuple[Advice, ...]:
    """All that can be said of a statement whose size is known.

    Without a way to look into objects, what their sizes alone say.
    """
    tables = _tables(found, scans)
    if found.free or found.size_bytes is None or not tables:
        return ()
    return (
        *_shorter(found, tables, window),
        *(_columnar(found, tables, looking) if looking else ()),
        *_projection(found.price, tables),
    )


def _tables(found: Estimate, scans: Sequence[Scan]) -> list[_Table]:
    """Each scan with its objects, when all of them are known."""
    reads: dict[str, list[TableRead]] = {}
    for read in found.scans:
        reads.setdefault(read.table.lower(), []).append(read)
    tables = []
    for scan in scans:
        waiting = reads.get(scan.spec.title.lower()) or reads.get(scan.spec.name.lower())
        if waiting:
            tables.append(_Table(waiting.pop(0), scan))
    whole = len(tables) == len(found.scans) and not any(scan.unlisted for scan in scans)
    return tables if whole and any(table.size_bytes for table in tables) else []


def _line(what: str, size: float, price: Price, measured: str) -> Advice:
    whole = math.ceil(size)
    return Advice(what, whole, price.usd(whole), measured)


# ---------------------------------------------------------------- less time


def _shorter(found: Estimate, tables: Sequence[_Table], window: Window) -> Iterator[Advice]:
    starts = [start for table in tables for start, _ in _timed(table)]
    if not starts or any(len(_timed(t)) < len(t.scan.parts) for t in tables):
        return
    step = max(table.scan.spec.layout.step for table in tables)
    first, end = window.start or min(starts), window.end or max(starts) + step
    span = max((end - first) / SHORTER, min(t.scan.spec.layout.step for t in tables))
    since = end - span
    size = sum(_later(table, since) for table in tables)
    if size < found.size_bytes:  # type: ignore[operator]  # it is known
        yield _line(
            f"only the last {_span(span)} of that time",
            size,
            found.price,
            "the listed sizes of the partitions that are left",
        )


def _timed(table: _Table) -> list[tuple[datetime, int]]:
    """The start and the size of each partition whose time is known."""
    return [
        (at.partition.start, sum(o.size_bytes for o in objects))
        for at, objects in table.scan.parts
        if at.partition
    ]


def _later(table: _Table, since: datetime) -> float:
    """What is left of a scan; of columns that are read in part, the same part."""
    step, whole = table.scan.spec.layout.step, table.size_bytes
    left = sum(size for start, size in _timed(table) if start + step > since)
    return left / whole * (table.read.size_bytes or 0) if whole else 0.0


def _span(span: timedelta) -> str:
    hours = max(1, round(span / HOUR))
    return f"{hours // 24} days" if hours >= 48 and not hours % 24 else f"{hours} hours"


# ---------------------------------------------------------------- Parquet and its columns


def _columnar(found: Estimate, tables: Sequence[_Table], looking: Looking) -> Iterator[Advice]:
    text = [table for table in tables if table.scan.spec.file_type == "text"]
    if len(text) == len(tables):
        yield from _as_parquet(found, tables, looking)
    elif not text and looking.footers:
        yield from _fewer_columns(found, tables, looking.footers)


def _as_parquet(found: Estimate, tables: Sequence[_Table], looking: Looking) -> Iterator[Advice]:
    """Text is read whole, whatever is asked of it; converted, a sample of it says the rest."""
    largest = max(tables, key=lambda t: t.size_bytes)
    chosen = sample([o for _, objects in largest.scan.parts for o in objects])
    if not chosen:
        return
    try:
        data = [(o.uri.rpartition("/")[2], looking.read(o.uri, None)) for o in chosen]
        made = looking.convert(largest.scan.spec, data)
    except (AccessError, EngineError) as error:
        yield Advice("the same as Parquet", None, None, f"could not be measured: {error.message}")
        return
    taken = sum(len(content) for _, content in data)
    how = (
        f"{len(chosen)} of {sum(t.read.objects for t in tables):,} objects, {show_bytes(taken)} of"
        f" text, written as Parquet (gzip) here: {show_bytes(made.size_bytes)}, which errs high"
    )

    def read(columns: Mapping[str, int]) -> float:
        """Of large files the needed columns, and the end of each file."""
        data = sum(_scaled(t, sum(t.needed(columns).values()), taken) for t in tables)
        ends = sum(_ends(_scaled(t, made.size_bytes, taken), made.footer_bytes) for t in tables)
        return data + ends

    count = max(len(table.needed(made.columns)) for table in tables)
    yield _line(
        f"as Parquet in files above {show_bytes(SMALL_FILE_BYTES)}, where it needs {count}"
        f" of {len(made.columns)} columns",
        read(made.columns),
        found.price,
        how,
    )
    yield _line(
        "as Parquet in smaller files, which are read whole",
        sum(_scaled(table, made.size_bytes, taken) for table in tables),
        found.price,
        how,
    )
    if count > 1:
        dearest = next(iter(largest.needed(made.columns)))
        yield _line(
            f"as Parquet, and without the column {dearest}; as text no column makes it cheaper",
            read({c: n for c, n in made.columns.items() if c != dearest}),
            found.price,
            how,
        )


def _scaled(table: _Table, measured: int, taken: int) -> float:
    """What was measured on the sample, for all of a scan."""
    return table.size_bytes * measured / taken


def _ends(parquet_bytes: float, footer_bytes: int) -> int:
    """What is read of the files' ends, were they just large enough not to be read whole."""
    return math.ceil(parquet_bytes / SMALL_FILE_BYTES) * max(footer_bytes, FOOTER_BYTES)


def _fewer_columns(found: Estimate, tables: Sequence[_Table], footers: Footers) -> Iterator[Advice]:
    largest = max(tables, key=lambda t: t.size_bytes)
    chosen = sample([o for _, objects in largest.scan.parts for o in objects], most_bytes=None)
    ends = [end for end in footers(chosen) if isinstance(end, Footer)]
    if not ends:
        return
    if all(o.size_bytes <= SMALL_FILE_BYTES for o in chosen):
        yield Advice(
            f"in files above {show_bytes(SMALL_FILE_BYTES)}: smaller ones, as these, are read"
            " whole, whatever is asked of them",
            None,
            None,
            f"the sizes of {len(chosen)} objects",
        )
        return
    columns: dict[str, int] = {}
    for chunk in (c for end in ends for group in end.groups for c in group.chunks):
        columns[chunk.column] = columns.get(chunk.column, 0) + chunk.size_bytes
    needed = largest.needed(columns)
    if len(needed) < 2:
        return
    dearest, size = next(iter(needed.items()))
    share = 1 - size / sum(needed.values())
    yield _line(
        f"without the column {dearest}",
        sum((table.read.size_bytes or 0) * share for table in tables),
        found.price,
        f"its share of the {len(needed)} needed columns in the footers of {len(ends)} objects",
    )


def sample(
    objects: Sequence[ObjectInfo], most: int = SAMPLED, most_bytes: int | None = MOST_SAMPLED_BYTES
) -> list[ObjectInfo]:
    """A few objects, spread evenly over the bytes, so that large ones have their weight."""
    fit = [
        o for o in objects if o.size_bytes and (most_bytes is None or o.size_bytes <= most_bytes)
    ]
    if not fit:
        return []
    upto = list(accumulate(o.size_bytes for o in fit))
    marks = (upto[-1] * (2 * n + 1) / (2 * most) for n in range(most))
    return list(dict.fromkeys(fit[bisect_left(upto, mark)] for mark in marks))


# ---------------------------------------------------------------- projection


def _projection(price: Price, tables: Sequence[_Table]) -> Iterator[Advice]:
    registered = [
        t
        for t in tables
        if t.scan.spec.partitions == "explicit"
        and any(at.location.startswith("s3://") for at, _ in t.scan.parts)
    ]
    if registered:
        calls = sum(math.ceil(t.read.partitions / GET_PARTITIONS) for t in registered)
        size = sum(t.read.size_bytes or 0 for t in tables)
        yield _line(
            f"with partition projection no byte less; at least {calls:,} GetPartitions"
            f" call{'s' * (calls != 1)} of Glue less for each run",
            size,
            price,
            f"{GET_PARTITIONS:,} partitions to a call",
        )
