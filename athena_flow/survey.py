"""A look at what lies below a location: a few objects of each source, never all of them.

Samples the first and the last day of every account and region, one object of each flow
log and file type there, and reads what it is written in. One prefix can hold several flow
logs of different formats (Transit Gateway logs lie in the same tree); only the flow log's
id in the file name tells their files apart.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any

from athena_flow.errors import BadFile, NotFound, files, some
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
from athena_flow.window import Window

HEAD_BYTES = 64 * 1024
"""Read of a text object to see its header: gzip of far more than one line."""
DAY_OBJECTS = 500
"""Keys looked at in one day's folder."""
WORKERS = 16
"""Sources looked at in parallel."""

ParquetColumns = Callable[[bytes], Sequence[str]]
"""The column names of a whole Parquet object: handed in, no floor below the edges reads one."""

_FLOW_LOG = re.compile(r"_(fl-[0-9a-f]+)_\d{8}T\d{4}Z_", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sample:
    """One object that was looked at."""

    uri: str
    layout: Layout
    partition: Partition
    file_type: FileType
    flow_log: str
    """The flow log's id by the file name; empty when the name has none."""
    format: LogFormat | None
    """None when the object has no header and is not in the default format's shape."""
    header: bool


@dataclass(frozen=True, slots=True)
class Survey:
    samples: tuple[Sample, ...]
    strange: tuple[str, ...]
    """Keys below ``AWSLogs/`` that fit no layout."""
    keys: int
    """Keys that were listed."""


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


def walk(
    location: str, layout: Layout, window: Window, store: ObjectStore, depth: int | None = None
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The prefixes of the layout's first ``depth`` folders, each with the parts it names.

    Lists no more than the window touches, and always the last folder.
    """
    depth = len(layout.segments) if depth is None else depth

    def below(prefix: str, parts: Mapping[str, str], at: int) -> Iterator[_Found]:
        if at == depth:
            yield prefix, parts
            return
        segment = layout.segments[at]
        folders = layout.branches(segment, parts, window)
        for folder in store.folders(prefix) if folders is None else folders:
            more = layout.read(segment, folder)
            if more is not None:
                yield from below(prefix + folder, {**parts, **more}, at + 1)

    return below(location, {}, 0)


_Found = tuple[str, Mapping[str, str]]


def sources(
    location: str, layout: Layout, window: Window, store: ObjectStore
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The accounts and regions that ever delivered: their prefix, and what it names."""
    depth = next(n for n, s in enumerate(layout.segments) if "{region}" in s) + 1
    return walk(location, layout, window, store, depth)


def survey(
    location: str, store: ObjectStore, parquet_columns: ParquetColumns, window: Window
) -> Survey:
    """Looks at the first and last day of every source, for the window's accounts and regions.

    Raises NotFound when there are no flow logs below the location.
    """
    found = list(_all_sources(location, store, window))
    with ThreadPoolExecutor(WORKERS) as pool:
        days = [day for several in pool.map(lambda f: _ends(f, store), found) for day in several]
        keys = [key for several in pool.map(lambda d: _keys(d, store), days) for key in several]
        chosen, strange = _choose(location, keys)
        samples = tuple(pool.map(lambda c: _look(c, store, parquet_columns), chosen))
    if not samples:
        folders = store.folders(location)
        raise NotFound(
            f"no flow logs below {location}{ROOT}",
            hint=f"{location} holds: {some(folders, 5)}" if folders else "no folder lies there",
        )
    return Survey(samples, tuple(strange), len(keys))


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
    if found.strange:
        said.append(f"in no layout: {files(len(found.strange))}: {some(found.strange)}")
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


def head_line(data: bytes) -> str | None:
    """The first line of a text object from its first bytes, plain or gzip; None for none.

    Raises BadFile for bytes that are neither.
    """
    try:
        text = zlib.decompressobj(wbits=31).decompress(data) if data[:2] == b"\x1f\x8b" else data
        return text.split(b"\n", 1)[0].decode("utf-8").rstrip("\r") if text else None
    except (zlib.error, UnicodeDecodeError) as error:
        raise BadFile(f"is no text log: {error}") from None


def _all_sources(location: str, store: ObjectStore, window: Window) -> Iterator[tuple[Layout, str]]:
    """Every source's layout (as far as its folders tell) and prefix, in every spelling."""
    organisations = [f for f in store.folders(location + ROOT) if ORGANISATION.fullmatch(f)]
    daily, hive = LAYOUTS["daily"], LAYOUTS["hive-daily"]
    other = replace(hive, template=hive.template.replace("/aws-s", "/s"))
    for below in ("", *organisations):
        for layout in (daily, hive, other):
            spelled = replace(layout, template=layout.template.replace(ROOT, ROOT + below, 1))
            for prefix, _ in sources(location, spelled, window, store):
                yield spelled, prefix


def _ends(source: tuple[Layout, str], store: ObjectStore) -> list[str]:
    """The folders of the first and of the last day below a source's prefix."""
    layout, prefix = source
    at = next(n for n, s in enumerate(layout.segments) if "{year}" in s)
    ends = []
    for pick in (min, max):
        folder = prefix
        for segment in layout.segments[at:]:
            found = [f for f in store.folders(folder) if layout.read(segment, f)]
            if not found:
                break
            folder += pick(found)
        else:
            ends.append(folder)
    return list(dict.fromkeys(ends))


def _keys(day: str, store: ObjectStore) -> list[ObjectInfo]:
    return list(islice(store.objects(day), DAY_OBJECTS))


def _choose(
    location: str, objects: Sequence[ObjectInfo]
) -> tuple[list[tuple[ObjectInfo, Layout, Partition]], list[str]]:
    """The smallest object of each layout, day, source, flow log and file type; strange keys."""
    smallest: dict[tuple[object, ...], tuple[ObjectInfo, Layout, Partition]] = {}
    strange = []
    for info in objects:
        key = info.uri.removeprefix(location)
        layout = layout_of_key(key)
        partition = layout.parse(key) if layout else None
        if layout is None or partition is None:
            strange.append(info.uri)
            continue
        day = replace(partition, start=partition.start.replace(hour=0))
        group = (layout, day, flow_log_of(key), file_type_of(key))
        if info.size_bytes and (
            group not in smallest or info.size_bytes < smallest[group][0].size_bytes
        ):
            smallest[group] = (info, layout, partition)
    return list(smallest.values()), strange


def _look(
    chosen: tuple[ObjectInfo, Layout, Partition],
    store: ObjectStore,
    parquet_columns: ParquetColumns,
) -> Sample:
    info, layout, partition = chosen
    file_type = file_type_of(info.uri)
    log_format: LogFormat | None
    if file_type == "parquet":
        names = parquet_columns(store.read(info.uri, None))
        log_format, header = from_names(names, allow_unknown=True), True
    else:
        line = head_line(store.read(info.uri, HEAD_BYTES)) or ""
        header = is_header(line)
        if header:
            log_format = from_names(line.split(), allow_unknown=True)
        else:
            log_format = DEFAULT if has_default_shape(line) else None
    flow_log = flow_log_of(info.uri)
    return Sample(info.uri, layout, partition, file_type, flow_log, log_format, header)
