"""A look at what lies below a location: a few objects of each source, never all of them.

An open window is looked at from afar: the first and the last day of every account and
region, and the head of one object of each flow log and file type there. A closed one is
looked at closely: every day of it, the first and the last object, and all their rows. One
prefix can hold several flow logs of different formats (Transit Gateway logs lie in the same
tree); only the flow log's id in the file name tells their files apart.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from itertools import islice
from typing import Any

from athena_flow.errors import BadFile, BadFormat, NotFound, UnknownField, files, some
from athena_flow.layout import LAYOUTS, ORGANISATION, ROOT, Layout, Partition, layout_of_key
from athena_flow.logformat import (
    DEFAULT,
    LogFormat,
    from_names,
    has_default_shape,
    is_header,
    parse_format,
    union,
)
from athena_flow.ports import ObjectInfo, ObjectStore
from athena_flow.table import FileType
from athena_flow.walk import WORKERS, sources
from athena_flow.window import DAY, Window

HEAD_BYTES = 64 * 1024
"""Read of a text object to see its header: gzip of far more than one line."""
WHOLE_BYTES = 8 * 2**20
"""Read of a text object to count its rows, and the most text that is counted."""
DAY_OBJECTS = 10_000
"""Keys looked at in one day's folder: those of 30 flow logs that deliver every 5 minutes."""
MOST_OBJECTS = 2_000
"""Objects looked at in all; of more, some of every source."""
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
    columns: tuple[tuple[str, str], ...] = ()
    """A Parquet object's, as `ParquetColumns` gives them."""
    rows: Rows | None = None
    """A text object's."""

    @property
    def source(self) -> tuple[str, str]:
        return self.partition.account, self.partition.region


@dataclass(frozen=True, slots=True)
class Survey:
    samples: tuple[Sample, ...]
    strange: tuple[str, ...]
    """Keys below ``AWSLogs/`` that fit no layout."""
    keys: int
    """Keys that were listed."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Objects that are no log, each with the reason."""
    longer: tuple[str, ...] = ()
    """Days of which only the first `DAY_OBJECTS` keys were listed."""
    left_out: int = 0
    """Objects that `MOST_OBJECTS` left out."""


@dataclass(frozen=True, slots=True)
class Block:
    """Logs that one table can read: one layout, one file type, one format."""

    location: str
    layout: Layout
    file_type: FileType
    format: LogFormat | None
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    flow_logs: tuple[str, ...]
    first: date
    last: date
    """The first and the last day on which it was seen; both were looked at."""
    example: str
    """A key of it, below the location."""


def survey(
    location: str, store: ObjectStore, parquet_columns: ParquetColumns, window: Window
) -> Survey:
    """Looks at the window's days, for the window's accounts and regions.

    An open window means the first and the last day of every source. Raises NotFound when it
    has no flow logs; a closed one may have none.
    """
    closely = window.start is not None and window.end is not None
    found = list(_all_sources(location, store, window))
    with ThreadPoolExecutor(WORKERS) as pool:
        each = pool.map(lambda source: _days(location, source, window, store), found)
        days = list(dict.fromkeys(day for several in each for day in several))
        listed = dict(zip(days, pool.map(lambda day: _keys(day, store), days), strict=True))
        groups, strange = _groups(location, [key for keys in listed.values() for key in keys])
        chosen = [one for group in groups for one in _picked(group, closely)]
        some_of_all = chosen[:: -(-len(chosen) // MOST_OBJECTS) or 1]
        most = WHOLE_BYTES if closely else HEAD_BYTES
        seen = list(pool.map(lambda c: _look(c, store, parquet_columns, most), some_of_all))
    samples = tuple(one for one in seen if isinstance(one, Sample))
    if not samples and not closely:
        folders = store.level(location).folders
        raise NotFound(
            f"no flow logs below {location}{ROOT}",
            hint=f"{location} holds: {some(folders, 5)}" if folders else "no folder lies there",
        )
    return Survey(
        samples,
        tuple(strange),
        sum(map(len, listed.values())),
        tuple(one for one in seen if isinstance(one, tuple)),
        tuple(day for day, keys in listed.items() if len(keys) == DAY_OBJECTS),
        len(chosen) - len(some_of_all),
    )


def blocks(location: str, samples: Sequence[Sample]) -> list[Block]:
    """The samples grouped into what one table each can read, largest group first.

    Parquet is read by column name, so all its formats make one group, with every field.
    """
    groups: dict[tuple[Layout, FileType, LogFormat | None], list[Sample]] = defaultdict(list)
    for sample in samples:
        own = None if sample.file_type == "parquet" else sample.format
        groups[sample.layout, sample.file_type, own].append(sample)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [_block(location, *group, members) for group, members in ordered]


def _block(
    location: str,
    layout: Layout,
    file_type: FileType,
    log_format: LogFormat | None,
    members: Sequence[Sample],
) -> Block:
    if file_type == "parquet":
        log_format = union(s.format for s in members if s.format)
    days = [s.partition.start.date() for s in members]
    return Block(
        location=location,
        layout=layout,
        file_type=file_type,
        format=log_format,
        accounts=tuple(sorted({s.partition.account for s in members})),
        regions=tuple(sorted({s.partition.region for s in members})),
        flow_logs=tuple(sorted({s.flow_log for s in members if s.flow_log})),
        first=min(days),
        last=max(days),
        example=members[0].uri.removeprefix(location),
    )


def warnings(found: Survey) -> list[str]:
    """What stands in the way of one right table, in words."""
    said = []
    formats: dict[tuple[str, str], set[str]] = defaultdict(set)
    for sample in found.samples:
        if sample.file_type == "text" and sample.format:
            source = (sample.partition.account, sample.partition.region)
            formats[source].add(sample.format.header)
    mixed = sorted("/".join(source) for source, several in formats.items() if len(several) > 1)
    if mixed:
        said.append(
            "text logs of several formats lie in the same folders, where a table reads all and"
            f" by position: {some(mixed)}; give each flow log a prefix of its own, or Parquet"
        )
    headless = [s.uri for s in found.samples if not s.header]
    if headless:
        said.append(f"no header line: {files(len(headless))}: {some(headless)}")
    unknown = {f.name for s in found.samples if s.format for f in s.format.fields if not f.version}
    if unknown:
        said.append(
            f"fields that this athena-flow does not know, kept as text: {some(sorted(unknown))};"
            " init-table takes them with --allow-unknown"
        )
    if found.strange:
        said.append(f"in no layout: {files(len(found.strange))}: {some(found.strange)}")
    if found.unreadable:
        reasons = [f"{uri}: {reason}" for uri, reason in found.unreadable]
        said.append(f"no log: {files(len(reasons))}: {some(reasons)}")
    return said + limits(found)


def limits(found: Survey) -> list[str]:
    """What was not looked at because there is much of it."""
    said = []
    if found.longer:
        said.append(f"only the first {DAY_OBJECTS:,} keys were listed of: {some(found.longer)}")
    if found.left_out:
        said.append(f"{found.left_out:,} more objects were left out: there are many sources")
    return said


_LAYOUT_OPTIONS = {
    (False, False): "daily",
    (False, True): "hourly",
    (True, False): "hive-daily",
    (True, True): "hive-hourly",
}
"""DestinationOptions HiveCompatiblePartitions and PerHourPartition -> layout."""


@dataclass(frozen=True, slots=True)
class FlowLog:
    """One flow log that delivers to S3, as DescribeFlowLogs tells it."""

    id: str
    location: str
    format: LogFormat
    layout: Layout
    file_type: FileType
    created: date


def flow_log(described: Mapping[str, Any]) -> FlowLog:
    """An entry of DescribeFlowLogs. A missing DestinationOptions means AWS's defaults."""
    options = described.get("DestinationOptions") or {}
    hive = bool(options.get("HiveCompatiblePartitions"))
    hourly = bool(options.get("PerHourPartition"))
    bucket, _, prefix = described["LogDestination"].rpartition(":")[2].partition("/")
    return FlowLog(
        id=described["FlowLogId"],
        location=f"s3://{bucket}/{prefix.strip('/')}/".replace("//", "/").replace(":/", "://", 1),
        format=parse_format(described["LogFormat"], allow_unknown=True),
        layout=LAYOUTS[_LAYOUT_OPTIONS[hive, hourly]],
        file_type="parquet" if options.get("FileFormat") == "parquet" else "text",
        created=described["CreationTime"].date(),
    )


def described_blocks(logs: Sequence[FlowLog], account: str, region: str, now: date) -> list[Block]:
    """Flow logs of one account and region grouped into what one table each can read."""
    groups: dict[tuple[str, Layout, FileType, LogFormat], list[FlowLog]] = defaultdict(list)
    for log in logs:
        groups[log.location, log.layout, log.file_type, log.format].append(log)
    return [
        Block(
            location=location,
            layout=layout,
            file_type=file_type,
            format=log_format,
            accounts=(account,) if account else (),
            regions=(region,),
            flow_logs=tuple(sorted(log.id for log in members)),
            first=min(log.created for log in members),
            last=now,
            example=layout.example,
        )
        for (location, layout, file_type, log_format), members in groups.items()
    ]


def file_type_of(uri: str) -> FileType:
    return "parquet" if uri.endswith(".parquet") else "text"


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


_Source = tuple[Layout, str, Mapping[str, str]]
_Chosen = tuple[ObjectInfo, Layout, Partition]


def _all_sources(location: str, store: ObjectStore, window: Window) -> Iterator[_Source]:
    """Every source's layout (as far as its folders tell), prefix and parts, in every spelling."""
    organisations = [f for f in store.level(location + ROOT).folders if ORGANISATION.fullmatch(f)]
    daily, hive = LAYOUTS["daily"], LAYOUTS["hive-daily"]
    other = replace(hive, template=hive.template.replace("/aws-s", "/s"))
    for below in ("", *organisations):
        for layout in (daily, hive, other):
            spelled = replace(layout, template=layout.template.replace(ROOT, ROOT + below, 1))
            for prefix, parts in sources(location, spelled, window, store):
                yield spelled, prefix, parts


def _days(location: str, source: _Source, window: Window, store: ObjectStore) -> list[str]:
    """The folders of a source's days that are looked at: all of a closed window, or the ends."""
    layout, prefix, parts = source
    if window.start is None or window.end is None:
        return _ends(layout, prefix, store)
    places = (Partition(parts["account"], parts["region"], day) for day in window.starts(DAY))
    return [location + layout.prefix(place) for place in places]


def _ends(layout: Layout, prefix: str, store: ObjectStore) -> list[str]:
    """The folders of the first and of the last day below a source's prefix."""
    at = next(n for n, s in enumerate(layout.segments) if "{year}" in s)
    ends = []
    for pick in (min, max):
        folder = prefix
        for segment in layout.segments[at:]:
            found = [f for f in store.level(folder).folders if layout.read(segment, f)]
            if not found:
                break
            folder += pick(found)
        else:
            ends.append(folder)
    return list(dict.fromkeys(ends))


def _keys(day: str, store: ObjectStore) -> list[ObjectInfo]:
    return list(islice(store.objects(day), DAY_OBJECTS))


def _groups(
    location: str, objects: Sequence[ObjectInfo]
) -> tuple[list[list[_Chosen]], tuple[str, ...]]:
    """The objects of each layout, day, source, flow log and file type; strange keys."""
    groups: dict[tuple[object, ...], list[_Chosen]] = defaultdict(list)
    strange = []
    place = cache(_place)
    for info in objects:
        folder, _, file = info.uri.removeprefix(location).rpartition("/")
        layout, partition = place(f"{folder}/")
        if layout is None or partition is None:
            strange.append(info.uri)
        elif info.size_bytes:
            day = replace(partition, start=partition.start.replace(hour=0))
            group = (layout, day, flow_log_of(file), file_type_of(file))
            groups[group].append((info, layout, partition))
    return list(groups.values()), tuple(strange)


def _place(folder: str) -> tuple[Layout | None, Partition | None]:
    layout = layout_of_key(folder)
    return layout, layout.parse(folder) if layout else None


def _picked(group: Sequence[_Chosen], closely: bool) -> list[_Chosen]:
    """The first and the last text object of a day for a close look; else the smallest object."""
    if closely and file_type_of(group[0][0].uri) == "text":
        return list(dict.fromkeys((group[0], group[-1])))
    return [min(group, key=lambda found: found[0].size_bytes)]


def _look(
    chosen: _Chosen, store: ObjectStore, parquet_columns: ParquetColumns, most: int
) -> Sample | tuple[str, str] | None:
    """What one object is written in; its URI and the reason when it is no log; None if empty."""
    info, layout, partition = chosen
    file_type = file_type_of(info.uri)
    at = time_of(info.uri) or partition.start
    blank = Sample(info.uri, layout, partition, file_type, flow_log_of(info.uri), at, None, True)
    try:
        if file_type == "text":
            text, cut = text_of(store.read(info.uri, most), most)
            return _read(blank, text, cut) if text else None
        columns = tuple(parquet_columns(store.read(info.uri, None)))
        log_format = from_names([name for name, _ in columns], allow_unknown=True)
        return replace(blank, format=log_format, columns=columns)
    except (BadFile, BadFormat, UnknownField) as error:
        return info.uri, error.message.removeprefix(f"{info.uri}: ")


def _read(blank: Sample, text: str, cut: bool) -> Sample:
    """The sample of a text object."""
    lines = text.removesuffix("\n").split("\n")
    plain = [line.removesuffix("\r") for line in lines]
    header = is_header(plain[0])
    log_format: LogFormat | None = DEFAULT if has_default_shape(plain[0]) else None
    if header:
        log_format = from_names(plain[0].split(), allow_unknown=True)
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
