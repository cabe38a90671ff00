"""How many bytes a statement reads of Parquet files: footers, and the columns it needs.

The model is what Trino reads, on which Athena is built, and never less: small files whole,
otherwise the end of the file for each split of it, and the chunks of the needed columns in the
row groups that their statistics do not rule out, with what lies between them. Footers are read
through a function that is handed in; a file whose footer cannot be read counts as a whole.

Source: Trino 435 (ParquetReaderOptions, MetadataReader, AbstractParquetDataSource,
PredicateUtils, HiveSplitSource), and what it reported as physically read, to the byte.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from athena_flow.cost import MB, Certainty, show_bytes
from athena_flow.errors import AthenaFlowError, some
from athena_flow.parallel import batches, in_order, threads
from athena_flow.ports import ObjectInfo

if TYPE_CHECKING:
    from athena_flow.prune import Range

SMALL_FILE_BYTES = 3 * MB
"""Up to this size a file is read in one piece. Source: Trino, parquet.small-file-threshold."""
FOOTER_BYTES = 48 * 2**10
"""Read of a file's end first, however short its footer. Source: Trino, MetadataReader."""
SPLIT_BYTES = 32 * MB
"""The least that one worker takes of a file. Source: Trino, hive.max-initial-split-size."""
GAP_BYTES = MB
"""Chunks that lie so near are read together. Source: Trino, parquet.max-merge-distance."""
READ_BYTES = 8 * MB
"""The most that is read together. Source: Trino, parquet.max-buffer-size."""
BLOOM_BYTES = 64
"""What is read of a bloom filter beside its bits, at the most."""

TAIL_BYTES = 16 * 2**10
"""What we ask for first of a file's end: room for the footer of a few row groups."""
MAGIC = b"PAR1"
_LENGTH = 8
"""The footer's length in 4 bytes, and `MAGIC`: the end of every Parquet file."""
PARSED_TOGETHER = 200
"""Footers that wait in memory for the parser."""

ALL_FOOTERS = 200
"""Up to so many objects, every footer is read."""
LEAST_DRAWN = 30
"""What is drawn at the least of those that chance decides on."""
ERRORS_ADDED = 3
"""Standard errors that are added to what a large sample says."""
FEW = 10
"""How fast that grows for a small one: with so many drawn, it is twice as many."""


@dataclass(frozen=True, slots=True)
class Sized:
    """The bytes of one scan. ``size_bytes`` None is unknown, which is never 0."""

    size_bytes: int | None
    certainty: Certainty
    notes: tuple[str, ...] = ()
    """What was assumed: sampling and its error, files that could not be looked into."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column of one row group."""

    column: str
    """The top-level column's name in lower case, as it is compared."""
    start: int
    size_bytes: int
    """Compressed, with its dictionary."""
    looked_up_bytes: int = 0
    """What a filter on the column may read beside it: its dictionary again, a bloom filter."""
    low: int | str | None = None
    high: int | str | None = None
    """Bounds of its values; None where the file does not say."""

    @property
    def end(self) -> int:
        return self.start + self.size_bytes


@dataclass(frozen=True, slots=True)
class RowGroup:
    at: int
    """The first column's first data page: it says to which split the group belongs."""
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Footer:
    """What the end of a file says about the rest."""

    size_bytes: int
    """With the length and the magic behind it."""
    groups: tuple[RowGroup, ...]


Tail = Callable[[str, int], bytes]
"""The last bytes of an object, by its URI and their number. Raises AthenaFlowError."""
ParseFooters = Callable[[Sequence[tuple[int, bytes]]], Sequence[tuple[RowGroup, ...] | None]]
"""From files' sizes and ends to their row groups; None for an end that says nothing."""
Footers = Callable[[Sequence[ObjectInfo]], Sequence[Footer | str]]
"""The footers of objects, in order; for one that cannot be read, why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How many footers are read: all, or as many as ``most``, drawn by ``seed``."""

    most: int | None = ALL_FOOTERS
    """None for all."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """What one scan needs of a table's data columns."""

    columns: frozenset[str] | None = None
    """None for all of them."""
    ranges: Sequence[Range] = ()
    """What holds for every row that is needed."""
    filtered: frozenset[str] | None = None
    """The columns by which rows are chosen or joined; None where it may be any."""

    def wants(self, chunk: Chunk) -> bool:
        return self.columns is None or chunk.column in self.columns

    def filters(self, chunk: Chunk) -> bool:
        return self.filtered is None or chunk.column in self.filtered

    def rules_out(self, group: RowGroup) -> bool:
        """Do the statistics prove that no row of the group is needed?"""
        bounds = {chunk.column: (chunk.low, chunk.high) for chunk in group.chunks}
        return any(_apart(bounds.get(r.column, (None, None)), (r.low, r.high)) for r in self.ranges)


def sized(
    parts: Sequence[Sequence[ObjectInfo]],
    file_type: str,
    columns: frozenset[str] | None,
    ranges: Sequence[Range] = (),
    footers: Footers | None = None,
    sample: Sample | None = None,
    filtered: frozenset[str] | None = None,
) -> Sized:
    """The bytes of one scan over the objects of each partition.

    Text is read whole: exact. Of Parquet the needed columns, where ``footers`` can be read.
    Anything else is at most what lies there.
    """
    if file_type == "parquet":
        needs = Needs(columns, tuple(ranges), filtered)
        return parquet_bytes(parts, needs, footers, sample or Sample())
    total = sum(o.size_bytes for part in parts for o in part)
    return Sized(total, "exact" if file_type == "text" else "at_most")


# ---------------------------------------------------------------- one file


def read_bytes(size_bytes: int, footer: Footer, needs: Needs) -> int:
    """What is read of one file, at the most."""
    if size_bytes <= SMALL_FILE_BYTES:
        return size_bytes
    tail = min(size_bytes, FOOTER_BYTES)
    if footer.size_bytes > FOOTER_BYTES:
        tail += footer.size_bytes
    splits = list(_splits(size_bytes))
    total = tail * len(splits)
    for low, high in splits:
        groups = [g for g in footer.groups if low <= g.at < high and not needs.rules_out(g)]
        chunks = [c for g in groups for c in g.chunks if needs.wants(c)]
        total += _together(chunks) + sum(c.looked_up_bytes for c in chunks if needs.filters(c))
    if any(needs.wants(c) and needs.filters(c) for g in footer.groups for c in g.chunks):
        ends = [chunk.end for group in footer.groups for chunk in group.chunks]
        total += max(0, size_bytes - footer.size_bytes - max(ends, default=size_bytes))
    return total


def whole_bytes(size_bytes: int) -> int:
    """What is read of a file of which nothing is known but its size, at the most.

    Twice its size, for what is read twice: dictionaries for a filter, a footer longer than
    `FOOTER_BYTES`; and the end of the file for each split.
    """
    if size_bytes <= SMALL_FILE_BYTES:
        return size_bytes
    return 2 * size_bytes + FOOTER_BYTES * sum(1 for _ in _splits(size_bytes))


def _splits(size_bytes: int) -> Iterator[tuple[int, int]]:
    """The parts of a file that are read by themselves: two halves at its end."""
    at = 0
    while at < size_bytes:
        rest = size_bytes - at
        half = rest if rest <= SPLIT_BYTES else rest // 2
        step = half if rest <= 2 * SPLIT_BYTES else SPLIT_BYTES
        yield at, at + step
        at += step


def _together(chunks: Iterable[Chunk]) -> int:
    """The bytes of the chunks and of the gaps between those that are read as one."""
    total = 0
    last: tuple[int, int] | None = None
    for chunk in sorted(chunks, key=lambda c: c.start):
        if chunk.size_bytes > READ_BYTES:
            total += chunk.size_bytes
        elif last is None:
            last = chunk.start, chunk.end
        elif max(last[1], chunk.end) - last[0] <= READ_BYTES and last[1] + GAP_BYTES >= chunk.start:
            last = last[0], max(last[1], chunk.end)
        else:
            total += last[1] - last[0]
            last = chunk.start, chunk.end
    return total + (last[1] - last[0] if last else 0)


Bounds = tuple[int | str | None, int | str | None]


def _apart(values: Bounds, wanted: Bounds) -> bool:
    """Have the two spans nothing in common, as far as their types tell?"""
    return _above(values[0], wanted[1]) or _above(wanted[0], values[1])


def _above(low: int | str | None, high: int | str | None) -> bool:
    if isinstance(low, int) and isinstance(high, int):
        return low > high
    return isinstance(low, str) and isinstance(high, str) and low > high


# ---------------------------------------------------------------- many files


def parquet_bytes(
    parts: Sequence[Sequence[ObjectInfo]], needs: Needs, footers: Footers | None, sample: Sample
) -> Sized:
    """What a scan reads of Parquet files at the most: the sum, or a sample's upper end."""
    objects = [o for part in parts for o in part]
    large = [o for o in objects if o.size_bytes > SMALL_FILE_BYTES]
    small = sum(o.size_bytes for o in objects) - sum(o.size_bytes for o in large)
    notes = []
    if len(large) < len(objects):
        count = f"{len(objects) - len(large):,} of {len(objects):,} objects"
        notes.append(f"Parquet: {count}, of up to 3 MiB each, count whole, as Trino reads them")
    if not large:
        return Sized(small, "at_most", tuple(notes))
    if footers is None:
        notes.append(
            f"Parquet: {_larger(len(large))} counted twice, for no footer was read, and"
            " dictionaries may be read twice"
        )
        return Sized(small + sum(whole_bytes(o.size_bytes) for o in large), "at_most", (*notes,))
    if sample.most is None or len(large) <= sample.most:
        read, whole, more = _each(large, needs, footers)
        if whole < len(large):
            of = "all" if not whole else f"{len(large) - whole:,} of"
            notes.append(f"Parquet: by the footers of {of} {_larger(len(large))}")
        return Sized(small + sum(read), "at_most", (*notes, *more))
    total, more = _by_sample(large, needs, footers, sample.most, sample.seed)
    return Sized(small + total, "at_most", (*notes, *more))


def _each(
    objects: Sequence[ObjectInfo], needs: Needs, footers: Footers
) -> tuple[list[int], int, list[str]]:
    """What is read of each object, how many could not be looked into, and a note on those."""
    read: list[int] = []
    whole: list[ObjectInfo] = []
    reasons: dict[str, None] = {}
    for o, footer in zip(objects, footers(objects), strict=True):
        if isinstance(footer, str):
            whole.append(o)
            reasons[footer] = None
            read.append(whole_bytes(o.size_bytes))
        else:
            read.append(read_bytes(o.size_bytes, footer, needs))
    if not whole:
        return read, 0, []
    told = f"{some([o.uri for o in whole])}: {some(list(reasons))}"
    counts = "1 object counts" if len(whole) == 1 else f"{len(whole):,} objects count"
    return read, len(whole), [f"Parquet: {counts} twice the size, unread: {told}"]


def _larger(count: int) -> str:
    return f"{count:,} larger object{'s' * (count != 1)}"


def _by_sample(
    objects: Sequence[ObjectInfo], needs: Needs, footers: Footers, most: int, seed: int
) -> tuple[int, list[str]]:
    """The upper end of what a sample says about objects that lie in the order of partitions.

    One object in each of so many stretches of equal bytes, from a seeded start: so each byte
    has the same chance, partitions have their share, and what is larger than a stretch is
    always among them. `ERRORS_ADDED` standard errors and more are added; the whole is the limit.
    """
    total = sum(o.size_bytes for o in objects)
    step = max(1, total // most)
    large = [o for o in objects if o.size_bytes >= step]
    rest = [o for o in objects if o.size_bytes < step]
    drawn = _drawn(rest, max(most - len(large), min(most, LEAST_DRAWN)), random.Random(seed))
    read, whole, notes = _each([*large, *drawn], needs, footers)
    sure = sum(read[: len(large)])
    shares = [bytes_ / o.size_bytes for o, bytes_ in zip(drawn, read[len(large) :], strict=True)]
    rest_bytes = sum(o.size_bytes for o in rest)
    mean = fmean(shares) if shares else 0.0
    error = stdev(shares) / math.sqrt(len(shares)) if len(shares) > 1 else 1.0
    limit = sum(whole_bytes(o.size_bytes) for o in rest)
    errors = ERRORS_ADDED * (1 + FEW / max(1, len(shares)))
    upper = min(math.ceil((mean + errors * error) * rest_bytes), limit)
    guess = sure + mean * rest_bytes
    above = (sure + upper) / guess - 1 if guess else 0.0
    count = f"{len(read) - whole:,} of {_larger(len(objects))}"
    notes.insert(
        0,
        f"Parquet: by the footers of {count}, drawn by seed {seed}: about"
        f" {show_bytes(round(guess))}; {above:.1%} is added for the sampling error"
        f" ({errors:.1f} standard errors)",
    )
    return sure + upper, notes


def _drawn(objects: Sequence[ObjectInfo], most: int, chance: random.Random) -> list[ObjectInfo]:
    """One object for each of ``most`` stretches of equal bytes."""
    ends = list(accumulate(o.size_bytes for o in objects))
    if not ends:
        return []
    step = ends[-1] / most
    start = chance.random() * step
    found = (bisect_left(ends, start + n * step) for n in range(most))
    return [objects[min(n, len(objects) - 1)] for n in found]


# ---------------------------------------------------------------- footers


def read_footers(
    objects: Sequence[ObjectInfo], tail: Tail, parse: ParseFooters
) -> Sequence[Footer | str]:
    """`Footers` by ranged reads of the ends: `TAIL_BYTES`, and once more where that is short."""
    found: list[Footer | str] = []
    with threads() as pool:
        ends = in_order(pool, lambda o: _end(o, tail), objects)
        for some_ends in batches(ends, PARSED_TOGETHER):
            good = [end for end in some_ends if not isinstance(end, str)]
            parsed = iter(parse(good))
            for end in some_ends:
                if isinstance(end, str):
                    found.append(end)
                    continue
                groups = next(parsed)
                unread = "its footer is broken"
                found.append(unread if groups is None else Footer(len(end[1]), groups))
    return found


def _end(o: ObjectInfo, tail: Tail) -> tuple[int, bytes] | str:
    """An object's size and its footer; or why there is none."""
    try:
        end = tail(o.uri, TAIL_BYTES)
        if end[-4:] != MAGIC or len(end) < _LENGTH:
            return "it does not end as Parquet does"
        length = int.from_bytes(end[-_LENGTH:-4], "little") + _LENGTH
        if length + len(MAGIC) > o.size_bytes:
            return "its footer is longer than the file"
        if length > len(end):
            end = tail(o.uri, length)
    except AthenaFlowError as error:
        return error.message
    if len(end) < length:
        return "its footer is cut off"
    return o.size_bytes, end[-length:]
