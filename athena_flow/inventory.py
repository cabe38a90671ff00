"""A listing of a bucket from a file, in place of the network: partitions and objects of it.

What ``aws s3 ls --recursive`` printed, or an inventory that S3 delivered, as CSV or Parquet.
It stands in for a Catalog's partitions and for an ObjectStore, so that an estimate needs no
account at all. A file is read once, row by row, and kept folder by folder as plain bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from array import array
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from athena_flow.errors import BadFile, NotFound
from athena_flow.layout import PARQUET, Layout, Partition, find_partition, layout_of_key
from athena_flow.ports import ObjectInfo, Registered, is_visible
from athena_flow.table import FileType, TableSpec
from athena_flow.window import Window, show

Row = tuple[str, str, int]
"""Bucket, which a listing leaves empty; key; size in bytes."""
ParquetRows = Callable[[Path], tuple[Sequence[str], Iterator[Sequence[Any]]]]
"""The columns of a Parquet file, and its rows. Raises BadFile."""

_LISTED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +(\d+) (.+)")
_ROUNDED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +[\d.]+ (?:Bytes?|[KMGTPE]iB) ")
_FOLDER = re.compile(r" +PRE .*/")
_TOTAL = re.compile(r"Total Objects: (\d+)")
_TOTAL_SIZE = re.compile(r" *Total Size: \d+")
_NEEDED = ("bucket", "key", "size")
_VERSIONS = ("versionid", "islatest", "isdeletemarker")
_FIELDS = {*_NEEDED, *_VERSIONS, "lastmodifieddate", "etag", "storageclass"}
_ZERO = "\0"
"""Ends each name that is kept: no key has one."""


@dataclass(slots=True)
class _Folder:
    """The objects of one partition: their keys below its folder, and their sizes."""

    names: bytearray = field(default_factory=bytearray)
    sizes: array[int] = field(default_factory=lambda: array("q"))

    def add(self, name: str, size_bytes: int) -> None:
        self.names += f"{name}{_ZERO}".encode("utf-8", "surrogateescape")
        self.sizes.append(size_bytes)

    def sorted(self) -> list[tuple[str, int]]:
        names = self.names.decode("utf-8", "surrogateescape").split(_ZERO)[:-1]
        return sorted(zip(names, self.sizes, strict=True))


@dataclass(frozen=True)
class Inventory:
    """A bucket as a file tells it: a table, its partitions and its objects."""

    spec: TableSpec
    file: Path
    notes: tuple[str, ...]
    folders: Mapping[Partition, _Folder]

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        step = self.spec.layout.step
        for partition in sorted(self.folders):
            if window.holds(partition.account, partition.region, partition.start, step):
                yield Registered(partition, self.spec.place(partition))

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """Raises BadFile for a key that the file has twice."""
        partition = self.spec.layout.parse(prefix.removeprefix(self.spec.location))
        folder = self.folders.get(partition) if partition else None
        before = None
        for name, size_bytes in folder.sorted() if folder else ():
            if name == before:
                raise BadFile(
                    f"{self.file}: {prefix}{name} is there twice",
                    hint="give one listing, and not several after each other",
                )
            before = name
            yield ObjectInfo(prefix + name, size_bytes)

    def told(self) -> tuple[str, ...]:
        """What an estimate rests on."""
        return (f"partitions and sizes are those in {self.file}; no store was asked",)

    def late(self, window: Window) -> tuple[str, ...]:
        """A note where the window reaches further than what the file tells of, on each side."""
        starts = [partition.start for partition in self.folders]
        first, last = min(starts), max(starts) + self.spec.layout.step
        notes = []
        if window.start and window.start < first:
            notes.append(
                f"{self.file} has no log before {show(first)}: what came before is not counted"
            )
        if window.end and window.end > last:
            notes.append(
                f"{self.file} has no log after {show(last)}: what came since is not counted"
            )
        return tuple(notes)


def read_inventory(
    file: Path, spec: TableSpec, parquet_rows: ParquetRows, detect: bool, file_type: FileType | None
) -> Inventory:
    """The objects of ``spec``'s bucket and folders that a file lists.

    With ``detect`` the layout is that of the first key which is in one, and ``file_type``
    None is told by that key as well. Raises NotFound for no such file, and BadFile for a pipe
    and for one that is no listing, is of another bucket, or holds none of the table's keys.
    """
    if file.is_fifo():
        raise BadFile(
            f"--inventory {file}: a pipe, and it has to be a file",
            hint="write the listing into a file, and give that",
        )
    if not file.is_file():
        raise NotFound(f"--inventory {file}: no such file")
    rows, notes = _rows(file, parquet_rows)
    placing = _Placing(file, spec, detect, file_type)
    for row in rows:
        placing.add(row)
    return placing.done(tuple(notes))


class _Placing:
    """Puts each row where its key belongs, and counts what belongs nowhere."""

    def __init__(
        self, file: Path, spec: TableSpec, detect: bool, file_type: FileType | None
    ) -> None:
        self._file, self._spec, self._detect, self._type = file, spec, detect, file_type
        bucket, _, prefix = spec.location.removeprefix("s3://").partition("/")
        on_s3 = spec.location.startswith("s3://")
        self._bucket, self._prefix = (bucket, prefix) if on_s3 else ("", "")
        self._layout: Layout | None = None if detect else spec.layout
        self._folders: dict[Partition, _Folder] = {}
        self._known: dict[str, tuple[_Folder, str] | None] = {}
        """Each folder of a key: where its objects go, and by which name below that place."""
        self._seen = 0
        self._elsewhere = 0
        self._first = ""
        self._strays: list[str] = []

    def add(self, row: Row) -> None:
        bucket, key, size_bytes = row
        self._seen += 1
        if bucket and self._bucket and bucket != self._bucket:
            raise BadFile(
                f"{self._file} lists the bucket {bucket}, and --location is {self._spec.location}",
                hint=f"write --location s3://{bucket}/ with what stands before AWSLogs/",
            )
        self._first = self._first or key
        if not key.startswith(self._prefix):
            self._elsewhere += 1
            return
        folder, slash, name = key.removeprefix(self._prefix).rpartition("/")
        if not is_visible(name):
            return
        folder += slash
        if folder not in self._known:
            self._known[folder] = self._place(folder, name)
        known = self._known[folder]
        if known is None:
            self._elsewhere += 1
        else:
            place, below = known
            place.add(below + name, size_bytes)

    def _place(self, folder: str, name: str) -> tuple[_Folder, str] | None:
        if self._layout is None:
            self._layout = layout_of_key(folder + name)
        parts = folder.split("/")
        depth = len(self._layout.segments) if self._layout else 0
        above, below = "/".join(parts[:depth]) + "/", "/".join(parts[depth:])
        partition = self._layout.parse(above) if self._layout else None
        if partition is None:
            if find_partition("/" + folder + name):
                self._strays.append(folder + name)
            return None
        if self._type is None:
            self._type = "parquet" if name.endswith(PARQUET) else "text"
        return self._folders.setdefault(partition, _Folder()), below

    def done(self, notes: tuple[str, ...]) -> Inventory:
        if not self._seen:
            raise BadFile(f"{self._file} lists no objects")
        if not self._folders:
            self._nothing()
        assert self._layout
        if self._detect and self._strays:
            raise BadFile(
                f"{self._file} lists flow logs of more than one layout: {self._layout.title}, and"
                f" {self._strays[0]}",
                hint="say which one is meant: --layout",
            )
        if self._elsewhere:
            where = f"a folder of the layout {self._layout.title} below {self._spec.location}"
            notes += (f"{self._file}: {self._elsewhere:,} objects are in no {where[2:]}",)
        spec = replace(
            self._spec, layout=self._layout, file_type=self._type or self._spec.file_type
        )
        return Inventory(spec, self._file, notes, self._folders)

    def _nothing(self) -> None:
        key = self._strays[0] if self._strays else self._first
        found = layout_of_key(key)
        hint = f"its logs are in --layout {found.name}" if found else None
        _, root, _ = self._first.partition("AWSLogs/")
        if root and not self._first.startswith(self._prefix + root):
            above = self._first.partition(root)[0]
            hint = f"its keys are below --location s3://{self._bucket or 'BUCKET'}/{above}"
        wanted = f"the layout {self._layout.title}" if self._layout else "any layout"
        raise BadFile(
            f"{self._file}: of {self._seen:,} objects none lies below {self._spec.location} in"
            f" {wanted}; the first is {self._first}",
            hint=hint,
        )


# ---------------------------------------------------------------- what such a file looks like


def _rows(file: Path, parquet_rows: ParquetRows) -> tuple[Iterator[Row], list[str]]:
    if file.suffix == ".json":
        return _delivered(_Manifest.read(file), parquet_rows)
    manifest = _manifest_of(file)
    if manifest and len(manifest.keys) > 1:
        raise BadFile(
            f"{file} is one of {len(manifest.keys)} files of an inventory",
            hint=f"--inventory {manifest.file} reads them all",
        )
    if manifest:
        return _delivered(manifest, parquet_rows)
    if _starts(file) == b"PAR1":
        return _parquet(file, parquet_rows), []
    lines = _lines(file)
    first = next((line for line in lines if line.strip()), "")
    if first.startswith('"'):
        return _csv(file, chain([first], lines), None), []
    return _ls(file, chain([first], lines)), []


def _starts(file: Path) -> bytes:
    try:
        with file.open("rb") as raw:
            return raw.read(4)
    except OSError as error:
        raise BadFile(f"{file}: cannot be read: {error.strerror}") from None


def _lines(file: Path) -> Iterator[str]:
    """The lines of a text, plain or gzip, with their ends. Raises BadFile."""
    start = _starts(file)
    encoding = "utf-16" if start[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig"
    number = 0
    try:
        with (
            gzip.open(file) if start[:2] == b"\x1f\x8b" else file.open("rb") as raw,
            io.TextIOWrapper(raw, encoding, newline="\n") as text,
        ):
            for line in text:
                number += 1
                yield line
    except UnicodeDecodeError:
        raise BadFile(f"{file}: line {number + 1} is no UTF-8 text") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadFile(f"{file}: cannot be read: {reason}") from None


def _ls(file: Path, lines: Iterable[str]) -> Iterator[Row]:
    """What ``aws s3 ls --recursive`` prints, with the sums of ``--summarize`` or without."""
    count = 0
    for number, whole in enumerate(lines, start=1):
        line = whole.rstrip("\r\n")
        found = _LISTED.fullmatch(line)
        if found and not found[2].startswith(("Byte ", "Bytes ")):
            if not whole.endswith("\n"):
                raise BadFile(f"{file}: line {number}, the last, is cut off", hint=_HOW)
            count += 1
            yield "", found[2], int(found[1])
        elif total := _TOTAL.fullmatch(line):
            if int(total[1]) != count:
                raise BadFile(
                    f"{file} says that it has {int(total[1]):,} objects, and lists {count:,}"
                )
        elif line.strip() and not _TOTAL_SIZE.fullmatch(line):
            raise BadFile(f"{file}: {_odd(number, line)}", hint=_HOW)


_HOW = "give what aws s3 ls --recursive s3://bucket/prefix/ prints, or an inventory's manifest.json"


def _odd(number: int, line: str) -> str:
    if _ROUNDED.match(line):
        return f"line {number} has a rounded size: make it anew without --human-readable"
    if _FOLDER.fullmatch(line):
        return f"line {number} is a folder: make it anew with --recursive"
    return f"line {number} is no object's time, size and key: {line[:80]!r}"


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What S3 delivers beside an inventory. Source: Amazon S3 User Guide, inventory manifest."""

    file: Path
    format: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    made: datetime | None

    @classmethod
    def read(cls, file: Path) -> _Manifest:
        try:
            found = json.loads(file.read_text("utf-8"))
            made = found.get("creationTimestamp")
            return cls(
                file,
                str(found["fileFormat"]).upper(),
                tuple(_plain(name) for name in str(found["fileSchema"]).split(",")),
                tuple(entry["key"] for entry in found["files"]),
                datetime.fromtimestamp(int(made) / 1000, UTC) if made else None,
            )
        except OSError as error:
            raise BadFile(f"{file}: cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise BadFile(f"{file} is no manifest of an S3 inventory: {reason}") from None

    def path(self, key: str) -> Path:
        """Where a data file lies, beside the manifest or as S3 lays it out. Raises NotFound."""
        name = key.rpartition("/")[2]
        folder = self.file.parent
        places = (folder / name, folder / "data" / name, folder.parent / "data" / name)
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise NotFound(
                f"{self.file} names {key}, which is not there",
                hint=f"copy it to {places[0]}: without it the estimate would be low",
            )
        return found


def _plain(name: str) -> str:
    """``IsLatest``, ``is_latest`` -> ``islatest``: CSV and Parquet spell them differently."""
    return re.sub(r"[^a-z]", "", name.lower())


def _manifest_of(file: Path) -> _Manifest | None:
    for folder in (file.parent, file.parent.parent):
        beside = folder / "manifest.json"
        if beside.is_file():
            manifest = _Manifest.read(beside)
            if any(key.rpartition("/")[2] == file.name for key in manifest.keys):
                return manifest
    return None


def _delivered(manifest: _Manifest, parquet_rows: ParquetRows) -> tuple[Iterator[Row], list[str]]:
    if manifest.format not in ("CSV", "PARQUET"):
        raise BadFile(
            f"{manifest.file}: an inventory as {manifest.format} is not read",
            hint="let S3 write CSV or Parquet",
        )
    paths = [manifest.path(key) for key in manifest.keys]
    if manifest.format == "PARQUET":
        rows = chain.from_iterable(_parquet(path, parquet_rows) for path in paths)
    else:
        rows = chain.from_iterable(_csv(path, _lines(path), manifest.columns) for path in paths)
    notes = [f"{manifest.file}: the bucket as of {show(manifest.made)}"] if manifest.made else []
    return rows, notes


def _csv(file: Path, lines: Iterable[str], columns: Sequence[str] | None) -> Iterator[Row]:
    """An inventory's CSV: every field in quotes, no header line, keys in URL's spelling."""
    rows = csv.reader(lines, strict=True)
    picked: Callable[[Sequence[str]], Row | None] | None = None
    try:
        for row in filter(None, rows):
            if picked is None:
                names = tuple(map(_plain, row))
                header = set(_NEEDED) <= set(names)
                columns = names if header else columns or _told_by(file, row)
                picked = _picker(file, columns)
                if header:
                    continue
            if len(row) != len(columns or ()):
                raise ValueError(f"{len(row)} fields, not {len(columns or ())}")
            if found := picked(row):
                yield found[0], unquote_plus(found[1]), found[2]
    except (csv.Error, ValueError) as error:
        where = f"{file}: line {rows.line_num}"
        raise BadFile(f"{where} is no object of an inventory: {error}") from None


def _told_by(file: Path, row: Sequence[str]) -> tuple[str, ...]:
    """The columns of a CSV that no manifest describes: their order is S3's own."""
    rest = [f"x{n}" for n in range(len(row))]
    if len(row) >= 3 and row[2].isdecimal():
        return (*_NEEDED, *rest[3:])
    flags = {"true", "false"}
    if len(row) >= 6 and {row[3].lower(), row[4].lower()} <= flags and (row[5] or "0").isdecimal():
        return ("bucket", "key", *_VERSIONS, "size", *rest[6:])
    raise BadFile(
        f"{file}: nothing says which column is the size",
        hint="put the inventory's manifest.json beside it, or give that as --inventory",
    )


def _picker(file: Path, columns: Sequence[str]) -> Callable[[Sequence[Any]], Row | None]:
    """From a row to what we need of it; None for a version that is not the latest, or deleted."""
    at = {name: n for n, name in enumerate(columns)}
    missing = [name for name in _NEEDED if name not in at]
    if missing:
        raise BadFile(
            f"{file}: an inventory without {', '.join(missing)}; it has {', '.join(columns)}",
            hint="add the field Size to the inventory's configuration",
        )
    if "versionid" in at and "islatest" not in at:
        raise BadFile(f"{file}: an inventory of versions that does not say which is the latest")
    bucket, key, size = (at[name] for name in _NEEDED)
    latest, deleted = at.get("islatest"), at.get("isdeletemarker")

    def pick(row: Sequence[Any]) -> Row | None:
        if latest is not None and not _true(row[latest]):
            return None
        if deleted is not None and _true(row[deleted]):
            return None
        return row[bucket], row[key], _size(row[size])

    return pick


def _true(value: object) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return str(value).lower() == "true"


def _size(value: object) -> int:
    text = str(value)
    if not text.isdecimal():
        raise ValueError(f"{value!r} is no size in bytes")
    return int(text)


def _parquet(file: Path, parquet_rows: ParquetRows) -> Iterator[Row]:
    names, rows = parquet_rows(file)
    picked = _picker(file, [_plain(name) for name in names])
    try:
        for row in rows:
            if found := picked(row):
                yield found
    except ValueError as error:
        raise BadFile(f"{file} holds a row that is none of an inventory: {error}") from None
