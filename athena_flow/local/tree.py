"""A directory of logs looked at with no set-up at all: format and partitions from the files."""

from __future__ import annotations

import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import BinaryIO

from athena_flow.errors import (
    NO_FORMAT,
    SKIP_BAD_FILES,
    BadFile,
    BadFormat,
    BadSetting,
    BadWindow,
    NotFound,
    RequestError,
    files,
    note,
    some,
)
from athena_flow.layout import (
    DAILY,
    FLAT,
    LAYOUTS,
    LOG_SUFFIXES,
    PARQUET,
    Layout,
    Partition,
    find_partition,
)
from athena_flow.local.stores import below, folder_location, is_gone
from athena_flow.logformat import (
    DEFAULT,
    LogFormat,
    format_of,
    from_names,
    is_header,
    is_json,
    is_told,
    union,
)
from athena_flow.ports import ObjectInfo, Registered
from athena_flow.table import FileType, TableSpec
from athena_flow.window import Window, floor

_OTHER_SERVICE = re.compile(r"/AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/(?!vpcflowlogs/)\w+/", re.ASCII)
"""CloudTrail and others deliver below ``AWSLogs/`` as well."""

TOP_BYTES = 2048
"""Read of each file at first: a compressed header line needs a few hundred."""
LINE_BYTES = 2**20
"""Read of a first line at the most."""
GZIP = b"\x1f\x8b"
_MEMBERS = 31
"""zlib's ``wbits`` for a gzip header and its checksum."""
_GONE = "left out, removed since it was listed"
_PARQUET = b"PAR1"
_LINE_END = re.compile(rb"\r\n|\r|\n")

ParquetColumns = Callable[[str], Sequence[str]]
"""The column names of a Parquet file, by its path or URI."""
Head = Callable[[ObjectInfo], str | None]
"""The first line of a text log; None for one that holds none."""


@dataclass(frozen=True)
class LogTree:
    """A directory of logs as it lies: a table, its partitions and its objects, from the files.

    Stands in for a Catalog's partitions and for an ObjectStore; nothing is written.
    """

    spec: TableSpec
    notes: tuple[str, ...]
    parts: dict[Registered, tuple[ObjectInfo, ...]]
    formats: tuple[LogFormat, ...] = ()
    """Every format that the window's files have, also of those that were left out."""
    common: frozenset[str] = frozenset()
    """The columns that each file has; `spec` has those that any has."""

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        yield from sorted(self.parts, key=lambda r: r.location)

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from self._by_location.get(prefix, ())

    @cached_property
    def _by_location(self) -> dict[str, list[ObjectInfo]]:
        found: dict[str, list[ObjectInfo]] = defaultdict(list)
        for registered, objects in self.parts.items():
            found[registered.location] += objects
        return found


@dataclass(frozen=True, slots=True)
class Listing:
    """The logs below a folder or a prefix, and notes on what else lies there."""

    root: str
    logs: tuple[ObjectInfo, ...]
    notes: tuple[str, ...] = ()


def list_logs(folder: str) -> Listing:
    """The logs below a directory. Raises NotFound for no directory or no logs."""
    root = folder_location(folder)
    every = [file for file in below(root) if not _is_ours(file.path.removeprefix(root))]
    found = [file.object for file in every if file.object and not file.hidden]
    logs = [o for o in found if o.uri.endswith(LOG_SUFFIXES)]
    if not logs:
        raise NotFound(
            f"no flow logs in {folder}: none of {files(len(found))} ends in"
            f" {', '.join(LOG_SUFFIXES)}"
        )
    others = [o.uri for o in found if not o.uri.endswith(LOG_SUFFIXES)]
    notes = note("left out, no .log or .gz", others)
    hidden = [file.path for file in every if file.object and file.hidden]
    notes += note("left out as Athena does, named with _ or . first", hidden)
    odd = {file.path: is_gone(file.path) for file in every if not file.object}
    notes += note("left out, no regular file", [path for path, gone in odd.items() if not gone])
    notes += note(_GONE, [path for path, gone in odd.items() if gone])
    foreign = [o.uri for o in logs if _OTHER_SERVICE.search(o.uri)]
    notes += note("left out, of another service than vpcflowlogs", foreign)
    logs = [o for o in logs if not _OTHER_SERVICE.search(o.uri)]
    if not logs:
        raise NotFound(f"no flow logs in {folder}, only logs of other services")
    return Listing(root, tuple(logs), notes)


def tree_of(
    listing: Listing,
    window: Window,
    wanted: LogFormat | None,
    needs: Collection[str],
    parquet_columns: ParquetColumns,
    head: Head | None = None,
    *,
    skip_bad: bool = False,
) -> LogTree:
    """The logs that the window touches as one table.

    ``wanted`` is the format of files without a header; ``needs`` are the columns of the
    query: where files of several formats lie, those that lack one are left out, with a
    note. ``parquet_columns`` reads the column names of a Parquet file, ``head`` the first
    line of a text file, where `first_line` is not to. ``skip_bad`` leaves out the files that
    cannot be read, with a note.

    Raises BadFile for a file that cannot be read, BadFormat for one that has no header and no
    known shape, BadSetting for accounts that no path tells.
    """
    head = head or (lambda log: first_line(log.uri))
    root, logs, notes = listing.root, listing.logs, listing.notes
    layout, within, outside = _place(logs, window)
    if window.start or window.end:
        told = "no folder or name tells the day, only the records' own times"
        notes += note(told, [o.uri for o in outside])
    looked, unread = _looked_at([o for _, o in within], parquet_columns, head, skip_bad)
    formats, more = _formats(looked, wanted, skip_bad)
    every_format = tuple(dict.fromkeys(formats.values()))
    formats, left_out = _fitting(formats, needs)
    timeless = [log.uri for log, fmt in formats.items() if "end" not in fmt]
    if layout is FLAT and timeless and (window.start or window.end):
        raise BadWindow(
            f"neither a folder nor a field end tells the time of {files(len(timeless))}:"
            f" {some(timeless)}",
            hint="leave --since and --until out",
        )
    parts: dict[Registered, list[ObjectInfo]] = defaultdict(list)
    for partition, log in within:
        if log in formats:
            folder_of = log.uri.rpartition("/")[0] + "/"
            day = f"#{'/'.join(layout.values(partition))}/" if partition else ""
            parts[Registered(partition, folder_of + day)].append(log)
    file_type: FileType = "parquet" if any(o.uri.endswith(PARQUET) for o in formats) else "text"
    known = list(dict.fromkeys(formats.values())) or [wanted or _any_format(logs, head)]
    spec = TableSpec("logs", "logs", root, union(known), layout, file_type, "files")
    return LogTree(
        replace(spec, headless=wanted or DEFAULT),
        notes + unread + more + left_out,
        {registered: tuple(objects) for registered, objects in parts.items()},
        every_format,
        frozenset.intersection(*(frozenset(fmt.columns) for fmt in known)),
    )


Placed = list[tuple[Partition | None, ObjectInfo]]


def _place(logs: Sequence[ObjectInfo], window: Window) -> tuple[Layout, Placed, list[ObjectInfo]]:
    """The layout that all logs share, each log of the window with its partition, and those
    that lie in no layout.

    Logs of several layouts are told apart by day alone. Where some lie in none, there are
    no partition keys at all. Raises BadSetting when the window names accounts or regions
    and some path does not tell them.
    """
    places = {log: find_partition(log.uri) for log in logs}
    outside = [log for log, place in places.items() if place is None]
    if outside and (window.accounts or window.regions):
        raise BadSetting(
            f"no path tells the account and region of {files(len(outside))}:"
            f" {some([o.uri for o in outside])}",
            hint="leave --account and --region out",
        )
    names = {place[0] for place in places.values() if place}
    layout = FLAT if outside else LAYOUTS[names.pop()] if len(names) == 1 else DAILY
    within: Placed = []
    for log, place in places.items():
        at = replace(place[1], start=floor(place[1].start, layout.step)) if place else None
        if at is None or _touches(at, layout, window):
            within.append((at if layout is not FLAT else None, log))
    return layout, within, outside


def _is_ours(path: str) -> bool:
    """Our own settings and catalog are no logs that somebody might miss."""
    return "/.athena-flow/" in f"/{path}" or path == "athena-flow.toml"


def _touches(partition: Partition, layout: Layout, window: Window) -> bool:
    return window.covers(partition.start, layout.step) and window.wants(
        partition.account, partition.region
    )


Look = LogFormat | str
"""What a file says of itself: the columns of Parquet, or the first line of text."""


def _looked_at(
    logs: Sequence[ObjectInfo], parquet_columns: ParquetColumns, head: Head, skip_bad: bool
) -> tuple[dict[ObjectInfo, Look], tuple[str, ...]]:
    """The logs that hold anything, and notes on the others. Raises BadFile."""
    looked: dict[ObjectInfo, Look] = {}
    empty: list[str] = []
    foreign: list[str] = []
    bad: list[str] = []
    gone: list[str] = []
    for log in logs:
        try:
            if log.uri.endswith(PARQUET) and log.size_bytes:
                looked[log] = from_names(parquet_columns(log.uri), allow_unknown=True)
                continue
            line = head(log)
        except BadFile as error:
            if is_gone(log.uri):
                gone.append(log.uri)
                continue
            if not skip_bad:
                error.hint = error.hint or SKIP_BAD_FILES
                raise
            bad.append(log.uri)
            continue
        if line is None:
            empty.append(log.uri)
        elif is_json(line):
            foreign.append(log.uri)
        else:
            looked[log] = line
    notes = note("left out, cannot be read", bad) + note(_GONE, gone)
    return looked, notes + note("left out, JSON and no flow log", foreign) + note("empty", empty)


def _formats(
    looked: Mapping[ObjectInfo, Look], wanted: LogFormat | None, skip_bad: bool
) -> tuple[dict[ObjectInfo, LogFormat], tuple[str, ...]]:
    """The format of each log, and notes on those that say it not.

    Raises BadFormat for what is in none, unless it is left out and others are not.
    """
    formats: dict[ObjectInfo, LogFormat] = {}
    headless: dict[str, list[str]] = defaultdict(list)
    shapeless: list[str] = []
    strange: dict[str, str] = {}
    by_line: dict[str, LogFormat] = {}
    for log, line in looked.items():
        if isinstance(line, LogFormat):
            formats[log] = line
            continue
        if not is_told(line, wanted):
            shapeless.append(log.uri)
            continue
        try:
            if line not in by_line:
                by_line[line] = format_of(line, wanted or DEFAULT)
        except RequestError as error:
            strange[log.uri] = error.message
            continue
        formats[log] = by_line[line]
        if not is_header(line):
            read_as = "--log-format" if formats[log] == wanted else "the default format"
            headless[read_as].append(log.uri)
    if strange and not (skip_bad and formats):
        uri, reason = next(iter(strange.items()))
        raise BadFormat(f"{uri}: {reason}", hint=SKIP_BAD_FILES)
    if shapeless and not (skip_bad and formats):
        raise BadFormat(
            f"no header line, and not in the default format: {files(len(shapeless))}:"
            f" {some(shapeless)}",
            hint=NO_FORMAT,
        )
    unknown = {f.name for fmt in formats.values() for f in fmt.fields if not f.version}
    notes = note("left out, in no format that is known", [*strange, *shapeless])
    for read_as, uris in headless.items():
        notes += note(f"no header line, read as {read_as}", uris)
    if unknown:
        notes += (f"fields that this athena-flow does not know, kept as text: {some(unknown)}",)
    return formats, notes


def _fitting(
    formats: dict[ObjectInfo, LogFormat], needs: Collection[str]
) -> tuple[dict[ObjectInfo, LogFormat], tuple[str, ...]]:
    """Only the logs that have all columns in ``needs``, and a note on others.

    Where none has, those of one format that lacks few: the query is refused by what it lacks.
    """
    lacks = {fmt: {c for c in needs if c not in fmt} for fmt in dict.fromkeys(formats.values())}
    least = min(lacks.values(), key=len, default=set())
    fit = {log: fmt for log, fmt in formats.items() if lacks[fmt] == least}
    others = [log.uri for log in formats if log not in fit]
    notes = note("left out, without the fields that the query needs", others)
    transit = [log.uri for log, fmt in fit.items() if fmt.kind == "tgw"]
    if 0 < len(transit) < len(fit):
        told = "of a Transit Gateway, counted beside VPC logs: a flow may be in both"
        notes += note(told, transit)
    return fit, notes


def _any_format(logs: Sequence[ObjectInfo], head: Head) -> LogFormat:
    """The format of the first text log that says one, for a window that holds none.

    A file that is not in the window cannot be what is wrong with a query.
    """
    for log in logs:
        with suppress(BadFile, RequestError):
            line = None if log.uri.endswith(PARQUET) else head(log)
            if line is not None:
                return format_of(line, DEFAULT)
    return DEFAULT


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


@cache
def first_line(path: str) -> str | None:
    """The first line of a text log, plain or gzip; None for a file that holds none.

    Raises BadFile for one that cannot be read, or is no text, by name.
    """
    try:
        with open(path, "rb") as raw:
            text = _top(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(f"{path}: cannot be read: {_reason(error)}") from None
    if not text:
        return None
    if text.startswith(_PARQUET):
        raise BadFile(f"{path}: is Parquet by another name", hint="end its name in .parquet")
    line = _LINE_END.split(text.removeprefix(BOM_UTF8), maxsplit=1)[0]
    if b"\0" in line:
        raise BadFile(f"{path}: is no text log: its first line holds NUL bytes")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise BadFile(f"{path}: is no text log: its first line is not UTF-8") from None


def _top(raw: BinaryIO) -> bytes:
    """The first line of a file, and perhaps more. Raises as `gzip` does."""
    data = raw.read(TOP_BYTES)
    if not data.startswith(GZIP):
        return data if b"\n" in data else data + raw.readline(LINE_BYTES)
    text = zlib.decompressobj(wbits=_MEMBERS).decompress(data)
    if b"\n" in text:
        return text
    raw.seek(0)
    with gzip.open(raw) as lines:
        return lines.readline(LINE_BYTES)
