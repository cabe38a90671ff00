"""The edge to this machine's files: DirStore, LocalCatalog and LogTree.

LocalCatalog is one SQLite file that holds Glue's own dictionaries, so that a table means
here what it means there. LogTree is a directory of logs looked at with no set-up at all.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
import zlib
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from athena_flow.errors import (
    AccessDenied,
    BadFile,
    BadFormat,
    BadSetting,
    BadWindow,
    NotFound,
    RequestError,
    files,
    some,
)
from athena_flow.gluetable import GlueDict, partition_input, spec_from_table, table_input
from athena_flow.layout import (
    DAILY,
    FLAT,
    LAYOUTS,
    Layout,
    Partition,
    find_partition,
)
from athena_flow.logformat import (
    DEFAULT,
    LogFormat,
    format_of,
    from_names,
    has_default_shape,
    is_header,
    union,
)
from athena_flow.ports import (
    GONE,
    Applied,
    Level,
    ObjectInfo,
    Part,
    Progress,
    Registered,
    is_visible,
)
from athena_flow.table import FileType, TableSpec, check_same
from athena_flow.window import Window, floor

LOG_SUFFIXES = (".log", ".log.gz", ".gz", ".parquet")


_OTHER_SERVICE = re.compile(r"/AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/(?!vpcflowlogs/)\w+/", re.ASCII)
"""CloudTrail and others deliver below ``AWSLogs/`` as well."""


def folder_location(text: str) -> str:
    """``--location`` on this machine as a TableSpec takes it: absolute, ending in ``/``.

    Raises NotFound when there is no such directory.
    """
    path = Path(text).expanduser()
    if path.is_file():
        raise NotFound(f"{text} is a file, not a directory", hint=f"give its folder: {path.parent}")
    if not path.is_dir():
        raise NotFound(f"no directory {text}")
    return f"{path.resolve().as_posix().rstrip('/')}/"


class DirStore:
    """Objects that are files, by absolute path. Raises NotFound, AccessDenied."""

    def level(self, prefix: str) -> Level:
        folders, objects = [], []
        for entry in _entries(prefix):
            if _is_folder(entry):
                folders.append(f"{entry.name}/")
            elif is_visible(entry.name) and os.path.isfile(entry.path):
                objects.append(entry.name)
        return Level(tuple(sorted(folders)), tuple(sorted(objects)))

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        for entry in _below(prefix):
            if entry.regular and not entry.hidden:
                yield ObjectInfo(entry.path, os.stat(entry.path).st_size)

    def read(self, uri: str, most: int | None) -> bytes:
        try:
            with open(uri, "rb") as file:
                return file.read() if most is None else file.read(most)
        except OSError as error:
            raise BadFile(f"{uri}: cannot be read: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class _File:
    """What lies in a folder and is no folder: a file, or a pipe, or a link to nothing."""

    path: str
    regular: bool
    hidden: bool
    """From Athena, and so from us: a name that starts with ``_`` or ``.``."""


def _below(prefix: str, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[_File]:
    """All files below a folder in the order of S3's keys; links are followed, but in no circle."""
    entries = [(entry, _is_folder(entry)) for entry in _entries(prefix)]
    if entries and not above:
        above = frozenset({_identity(prefix)})
    for entry, folder in sorted(entries, key=lambda e: e[0].name + "/" * e[1]):
        path = f"{prefix}{entry.name}"
        if not folder:
            hidden = not is_visible(entry.name)
            yield _File(path, os.path.isfile(path), hidden)
            continue
        here = _identity(path)
        if here not in above:
            yield from _below(path + "/", above | {here})


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads back to itself
        return False


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Like S3, where a prefix that nothing has is empty; only its own bucket can be missing."""
    try:
        return list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        raise AccessDenied(f"listing {folder}: permission denied") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


@cache
def first_line(path: str) -> str | None:
    """The first line of a text log, plain or gzip; None for a file that holds none.

    Raises BadFile for one that cannot be read, by name.
    """
    try:
        with open(path, "rb") as raw:
            gzipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if gzipped else raw as lines:
                line = lines.readline(1 << 20).removeprefix(BOM_UTF8)
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(f"{path}: cannot be read: {_reason(error)}") from None
    if not line:
        return None
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadFile(f"{path}: is no text log: its first line is not UTF-8") from None


_SCHEMA = """
CREATE TABLE IF NOT EXISTS tables (
  database TEXT, name TEXT, table_input TEXT NOT NULL, PRIMARY KEY (database, name));
CREATE TABLE IF NOT EXISTS partitions (
  database TEXT, name TEXT, key TEXT, partition_input TEXT NOT NULL,
  aws_account_id TEXT, aws_region TEXT, date TEXT, hour TEXT,
  PRIMARY KEY (database, name, key));
"""
"""A partition's values stand in columns of their own names as well, so that the expression
that prunes partitions in Glue prunes them here, unchanged."""


class LocalCatalog:
    """Tables and partitions in one SQLite file, in Glue's own words."""

    def __init__(self, file: Path | None) -> None:
        """``file`` None keeps everything in memory; a file is made by the first `create`."""
        self._file = file
        self._in_memory = file is None or not file.exists()
        self._db = self._open(None if self._in_memory else file)

    def _open(self, file: Path | None) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(file or ":memory:", timeout=30)
            db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise BadFile(f"{file}: is no local catalog: {error}") from None
        return db

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction. Raises BadFile when the file cannot be written."""
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            raise BadFile(f"cannot write {self._file}: {error}") from None

    def close(self) -> None:
        self._db.close()

    def create(self, spec: TableSpec) -> bool:
        if self._file and self._in_memory:
            try:
                self._file.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise BadFile(f"cannot write {self._file}: {error.strerror}") from None
            self.close()
            self._db, self._in_memory = self._open(self._file), False
        row = (spec.database, spec.name, json.dumps(table_input(spec)))
        with self._changing():
            made = self._db.execute("INSERT OR IGNORE INTO tables VALUES (?, ?, ?)", row).rowcount
        if not made:
            check_same(self.table(spec.database, spec.name), spec)
        return made > 0

    def table(self, database: str, name: str) -> TableSpec:
        return spec_from_table(database, self.described(database, name))

    def described(self, database: str, name: str) -> GlueDict:
        row = self._db.execute(
            "SELECT table_input FROM tables WHERE database = ? AND name = ?", (database, name)
        ).fetchone()
        if row is None:
            raise NotFound(
                f"no table {database}.{name} in the local catalog {self._file or 'in memory'}",
                hint="athena-flow init-table creates it",
            )
        found: GlueDict = json.loads(row[0])
        return found

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        for expression in spec.layout.expressions(window):
            rows = self._db.execute(
                "SELECT partition_input FROM partitions WHERE database = ? AND name = ?"
                f" AND {expression or 'TRUE'} ORDER BY key",
                (spec.database, spec.name),
            )
            for (text,) in rows:
                entry = json.loads(text)
                partition = spec.layout.partition(entry["Values"])
                if partition is None or window.holds(
                    partition.account, partition.region, partition.start, spec.layout.step
                ):
                    yield Registered(partition, entry["StorageDescriptor"]["Location"])

    def parts(self, database: str, name: str) -> Iterator[Part]:
        rows = self._db.execute(
            "SELECT partition_input FROM partitions WHERE database = ? AND name = ? ORDER BY key",
            (database, name),
        )
        for (text,) in rows:
            entry = json.loads(text)
            yield Part(tuple(entry["Values"]), entry["StorageDescriptor"]["Location"])

    def drop(self, spec: TableSpec) -> None:
        with self._changing():
            for kind in ("partitions", "tables"):
                self._db.execute(
                    f"DELETE FROM {kind} WHERE database = ? AND name = ?",
                    (spec.database, spec.name),
                )

    def add(self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress) -> Applied:
        sql = "INSERT OR IGNORE INTO partitions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        rows = ((p, _row(spec, p)) for p in partitions)
        return self._each("adding partitions", spec, sql, rows, progress)

    def remove(
        self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress
    ) -> Applied:
        sql = "DELETE FROM partitions WHERE database = ? AND name = ? AND key = ?"
        rows = ((p, (spec.database, spec.name, _key(spec, p))) for p in partitions)
        return self._each("removing partitions", spec, sql, rows, progress)

    def mend(self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress) -> Applied:
        sql = (
            "UPDATE partitions SET partition_input = ? WHERE database = ? AND name = ? AND key = ?"
        )
        rows = (
            (p, (json.dumps(partition_input(spec, p)), spec.database, spec.name, _key(spec, p)))
            for p in partitions
        )
        applied = self._each("mending partitions", spec, sql, rows, progress)
        gone = tuple((partition, GONE) for partition in applied.already)
        return Applied(applied.done, failed=gone)

    def _each(
        self,
        doing: str,
        spec: TableSpec,
        sql: str,
        rows: Iterable[tuple[Partition, tuple[str | None, ...]]],
        progress: Progress,
    ) -> Applied:
        """One transaction over them all: what is stopped half-way has not begun."""
        done: list[Partition] = []
        already: list[Partition] = []
        self.table(spec.database, spec.name)
        try:
            with self._changing():
                for partition, values in rows:
                    changed = self._db.execute(sql, values).rowcount
                    (done if changed else already).append(partition)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{doing}: none is done") from None
        progress(doing, len(done), len(done))
        return Applied(tuple(done), tuple(already))


def _key(spec: TableSpec, partition: Partition) -> str:
    return "/".join(spec.values(partition))


def _row(spec: TableSpec, partition: Partition) -> tuple[str | None, ...]:
    values = spec.values(partition)
    columns = (*values, *(None,) * (4 - len(values)))
    entry = json.dumps(partition_input(spec, partition))
    return (spec.database, spec.name, _key(spec, partition), entry, *columns)


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
        for registered, objects in self.parts.items():
            if registered.location == prefix:
                yield from objects


def read_tree(
    folder: str,
    window: Window,
    wanted: LogFormat | None,
    needs: Collection[str],
    parquet_columns: Callable[[str], Sequence[str]],
) -> LogTree:
    """Looks at the files below ``folder`` that the window touches.

    ``wanted`` is the format of files without a header; ``needs`` are the columns of the
    query: where files of several formats lie, those that lack one are left out, with a
    note. ``parquet_columns`` reads the column names of a Parquet file.

    Raises NotFound for no directory or no logs, BadFormat for a file that has no
    header and no known shape, BadSetting for accounts that no path tells.
    """
    root = folder_location(folder)
    every = [file for file in _below(root) if not _is_ours(file.path.removeprefix(root))]
    found = list(DirStore().objects(root))
    found = [o for o in found if not _is_ours(o.uri.removeprefix(root))]
    logs = [o for o in found if o.uri.endswith(LOG_SUFFIXES)]
    if not logs:
        raise NotFound(
            f"no flow logs in {folder}: none of {files(len(found))} ends in"
            f" {', '.join(LOG_SUFFIXES)}"
        )
    notes = _note("left out, no .log or .gz", [o.uri for o in found if o not in set(logs)])
    hidden = [file.path for file in every if file.regular and file.hidden]
    notes += _note("left out as Athena does, named with _ or . first", hidden)
    notes += _note("left out, no regular file", [f.path for f in every if not f.regular])
    foreign = [o.uri for o in logs if _OTHER_SERVICE.search(o.uri)]
    notes += _note("left out, of another service than vpcflowlogs", foreign)
    logs = [o for o in logs if not _OTHER_SERVICE.search(o.uri)]
    if not logs:
        raise NotFound(f"no flow logs in {folder}, only logs of other services")
    layout, within, outside = _place(logs, window)
    if window.start or window.end:
        told = "no folder or name tells the day, only the records' own times"
        notes += _note(told, [o.uri for o in outside])
    formats, more = _formats([o for _, o in within], wanted, parquet_columns)
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
            day = "#" + "/".join(layout.values(partition)) if partition else ""
            parts[Registered(partition, folder_of + day)].append(log)
    file_type: FileType = "parquet" if any(o.uri.endswith(".parquet") for o in formats) else "text"
    known = list(dict.fromkeys(formats.values())) or [wanted or _any_format(logs)]
    return LogTree(
        TableSpec("logs", "logs", root, union(known), layout, file_type, "files"),
        notes + more + left_out,
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
    return path.startswith(".athena-flow/") or path == "athena-flow.toml"


def _touches(partition: Partition, layout: Layout, window: Window) -> bool:
    return window.covers(partition.start, layout.step) and window.wants(
        partition.account, partition.region
    )


def _formats(
    logs: Sequence[ObjectInfo],
    wanted: LogFormat | None,
    parquet_columns: Callable[[str], Sequence[str]],
) -> tuple[dict[ObjectInfo, LogFormat], tuple[str, ...]]:
    """The format of each log that holds anything, and notes on those that say it not."""
    formats: dict[ObjectInfo, LogFormat] = {}
    empty: list[ObjectInfo] = []
    headless: list[ObjectInfo] = []
    shapeless: list[str] = []
    for log in logs:
        if log.uri.endswith(".parquet") and log.size_bytes:
            formats[log] = from_names(parquet_columns(log.uri), allow_unknown=True)
            continue
        line = first_line(log.uri)
        if line is None:
            empty.append(log)
            continue
        if not is_header(line):
            headless.append(log)
            if wanted is None and not has_default_shape(line):
                shapeless.append(log.uri)
        try:
            formats[log] = format_of(line, wanted or DEFAULT)
        except RequestError as error:
            raise BadFormat(f"{log.uri}: {error.message}") from None
    if shapeless:
        raise BadFormat(
            f"no header line, and not in the default format: {files(len(shapeless))}:"
            f" {some(shapeless)}",
            hint="say the format with --log-format, or read another folder",
        )
    unknown = {f.name for fmt in formats.values() for f in fmt.fields if not f.version}
    notes = _note("empty", [o.uri for o in empty])
    if headless:
        read_as = "--log-format" if wanted else "the default format"
        notes += _note(f"no header line, read as {read_as}", [o.uri for o in headless])
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
    notes = _note("left out, without the fields that the query needs", others)
    transit = [log.uri for log, fmt in fit.items() if fmt.kind == "tgw"]
    if 0 < len(transit) < len(fit):
        told = "of a Transit Gateway, counted beside VPC logs: a flow may be in both"
        notes += _note(told, transit)
    return fit, notes


def _any_format(logs: Sequence[ObjectInfo]) -> LogFormat:
    """The format of the first text log that holds anything, for a window that holds none."""
    lines = (first_line(log.uri) for log in logs if not log.uri.endswith(".parquet"))
    line = next((line for line in lines if line is not None), "")
    return format_of(line, DEFAULT)


def _note(what: str, paths: Sequence[str]) -> tuple[str, ...]:
    return (f"{what}: {files(len(paths))}: {some(paths)}",) if paths else ()
