"""What one object of a flow log says: its format, its header, its columns, its rows.

An object is read once, at most so far as it is asked for. Which objects are worth a look is
not decided here.
"""

from __future__ import annotations

import re
import zlib
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from athena_flow.errors import BadFile, some
from athena_flow.layout import PARQUET, Layout, Partition
from athena_flow.logformat import (
    DEFAULT,
    LogFormat,
    from_names,
    has_default_shape,
    header_format,
    is_header,
)
from athena_flow.ports import ObjectStore
from athena_flow.table import PARQUET_READS, FileType

HEAD_BYTES = 64 * 1024
"""Read of a text object to see its header: gzip of far more than one line."""
WHOLE_BYTES = 8 * 2**20
"""Read of a text object to count its rows, and the most text that is counted."""
SLOT_SECONDS = 300
"""A file holds the records that end in this time from the one in its name on. Source: VPC
User Guide, "Flow log files"; older files hold a few that ended up to a minute before."""

ParquetColumns = Callable[[bytes], Sequence[tuple[str, str]]]
"""The columns of a whole Parquet object, name and type as Athena's SELECT calls it (``integer``,
``varchar``): handed in, no floor below the edges reads one."""

_FLOW_LOG = re.compile(r"_(fl-[0-9a-f]+)_\d{8}T\d{4}Z_", re.ASCII)
_TIME = re.compile(r"_(\d{8}T\d{4})Z_", re.ASCII)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a text object say, as far as it was read."""

    fields: int
    """In the first of them; 0 when there is none."""
    rows: int
    nodata: int | None
    skipdata: int | None
    """None where the format has no ``log-status``."""
    outside_slot: int | None
    """Rows that end outside the 5 minutes of the file's name; None where that is not told."""
    crlf: int
    headers: tuple[str, ...]
    """Header lines further down than the first line."""
    cut: bool
    """Was more there than was read?"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One object that was looked at."""

    uri: str
    layout: Layout
    partition: Partition
    file_type: FileType
    flow_log: str
    """The flow log's id by the file name; empty when the name has none."""
    at: datetime
    """The time in the file name; the partition's start when there is none."""
    format: LogFormat | None
    """None when the object has no header and is not in the default format's shape."""
    header: bool
    """Does a text object begin with a header line?"""
    columns: tuple[tuple[str, str], ...] = ()
    """A Parquet object's, as `ParquetColumns` gives them."""
    rows: Rows | None = None
    """A text object's."""

    @property
    def source(self) -> tuple[str, str]:
        return self.partition.account, self.partition.region

    @property
    def misfits(self) -> tuple[tuple[str, str, str], ...]:
        """Parquet columns that our table cannot read: the name, its type, and the table's.

        Of the fields that we know AWS writes none such; other writers do.
        """
        ours = {f.column: f.athena_type for f in self.format.fields} if self.format else {}
        named = ((name, real, ours.get(name)) for name, real in self.columns)
        return tuple(
            (name, real, kind)
            for name, real, kind in named
            if kind and real not in PARQUET_READS[kind]
        )


def look(
    uri: str,
    layout: Layout,
    partition: Partition,
    store: ObjectStore,
    parquet_columns: ParquetColumns,
    most: int,
) -> Sample | None:
    """What one object is written in, from ``most`` bytes of text; None when it is empty.

    Raises BadFile, BadFormat or UnknownField for one that is no log, and what the store
    raises.
    """
    file_type = file_type_of(uri)
    at = time_of(uri) or partition.start
    blank = Sample(uri, layout, partition, file_type, flow_log_of(uri), at, None, True)
    if file_type == "text":
        data = store.read(uri, most)
        if data and uri.endswith(".gz") and not data.startswith(_GZIP):
            raise BadFile("is called .gz and is no gzip: every query that reads it fails")
        text, cut = text_of(data, most)
        return _read(blank, text, cut) if text else None
    columns = tuple(parquet_columns(store.read(uri, None)))
    hyphened = [name for name, _ in columns if "-" in name]
    if hyphened:
        several = "columns {} are" if len(hyphened) > 1 else "column {} is"
        raise BadFile(
            f"its {several.format(some(hyphened, 10))} written with -, which no table column is:"
            f" {'they' if len(hyphened) > 1 else 'it'} would be NULL"
        )
    log_format = from_names([name for name, _ in columns], allow_unknown=True)
    return replace(blank, format=log_format, columns=columns)


def file_type_of(uri: str) -> FileType:
    return "parquet" if uri.endswith(PARQUET) else "text"


def flow_log_of(uri: str) -> str:
    """The flow log's id in AWS's file name; empty when there is none."""
    match = _FLOW_LOG.search(uri.rpartition("/")[2])
    return match[1] if match else ""


def time_of(uri: str) -> datetime | None:
    """The time in AWS's file name; None when there is none."""
    match = _TIME.search(uri.rpartition("/")[2])
    try:
        return datetime.strptime(match[1], "%Y%m%dT%H%M").replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def text_of(data: bytes, most: int) -> tuple[str, bool]:
    """At most ``most`` bytes of a text object as text, plain or gzip, and whether it goes on.

    ``data`` is the object, or its first ``most`` bytes; of what goes on, the last line is
    whole. Raises BadFile for bytes that are neither, and for gzip that ends too early.
    """
    gzipped = data[:2] == _GZIP
    raw, cut = _inflated(data, most) if gzipped else (data[:most], len(data) >= most)
    if cut:
        raw = raw[: raw.rfind(b"\n") + 1] or raw
    raw = raw.removeprefix(BOM_UTF8)
    try:
        raw.partition(b"\n")[0].decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadFile(f"is no text log: {error}") from None
    return raw.decode("utf-8", "replace"), cut


def _inflated(data: bytes, most: int) -> tuple[bytes, bool]:
    """The text of every member of a gzip object, up to ``most`` bytes; does it go on?"""
    whole, raw, ended = len(data) < most, b"", True
    try:
        while data[:2] == _GZIP and len(raw) < most:
            member = zlib.decompressobj(wbits=31)
            raw += member.decompress(data, most - len(raw))
            ended, data = member.eof, member.unused_data
    except zlib.error as error:
        raise BadFile(f"is no text log: {error}") from None
    if whole and not ended and len(raw) < most:
        raise BadFile("is cut short: its gzip ends too early")
    return raw, not (whole and ended)


def _read(blank: Sample, text: str, cut: bool) -> Sample:
    """The sample of a text object."""
    lines = text.removesuffix("\n").split("\n")
    plain = [line.removesuffix("\r") for line in lines]
    header = is_header(plain[0])
    log_format: LogFormat | None = DEFAULT if has_default_shape(plain[0]) else None
    if header:
        log_format = header_format(plain[0])
    crlf = sum(line.endswith("\r") for line in lines)
    rows = _counted(plain, log_format, time_of(blank.uri), crlf, cut)
    return replace(blank, format=log_format, header=header, rows=rows)


def _counted(
    lines: Sequence[str], log_format: LogFormat | None, at: datetime | None, crlf: int, cut: bool
) -> Rows:
    records = list(_records(lines, log_format))
    statuses = _values(records, "log_status")
    many = Counter(statuses or ())
    ends = _values(records, "end")
    return Rows(
        fields=len(records[0][1]) if records else 0,
        rows=len(records),
        nodata=None if statuses is None else many["NODATA"],
        skipdata=None if statuses is None else many["SKIPDATA"],
        outside_slot=None if at is None or ends is None else _outside(ends, at),
        crlf=crlf,
        headers=tuple(line for line in lines[1:] if is_header(line)),
        cut=cut,
    )


_Record = tuple[Mapping[str, int], list[str]]
"""Where each column stands, by the header above; and the fields."""


def _records(lines: Sequence[str], log_format: LogFormat | None) -> Iterator[_Record]:
    at = {column: n for n, column in enumerate(log_format.columns)} if log_format else {}
    for line in lines:
        if is_header(line):
            at = {name.replace("-", "_"): n for n, name in enumerate(line.split())}
        else:
            yield at, line.split(" ")


def _values(records: Sequence[_Record], column: str) -> list[str] | None:
    """The values of a column, where the rows have it; None when no format does."""
    if not any(column in at for at, _ in records):
        return None
    return [row[at[column]] for at, row in records if at.get(column, len(row)) < len(row)]


def _outside(ends: Sequence[str], slot: datetime) -> int:
    first = int(slot.timestamp())
    numbers = (int(end) for end in ends if re.fullmatch(r"\d{1,18}", end, re.ASCII))
    return sum(not first <= end < first + SLOT_SECONDS for end in numbers)
