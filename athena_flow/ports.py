"""The three doors to the outside, each with two implementations, and what comes through them.

| port | with an account | without |
|---|---|---|
| Engine | Athena | DuckDB |
| Catalog | Glue | one SQLite file |
| ObjectStore | S3 | a directory |

One contract suite each (``tests/test_contract_*.py``). A port has no behaviour; jobs are
written against it and know of nothing behind it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from athena_flow.gluetable import GlueDict
from athena_flow.layout import Partition
from athena_flow.table import TableSpec
from athena_flow.window import Window

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how many are done, and of how many (None: not known)."""


def no_progress(what: str, done: int, total: int | None) -> None:
    """The Progress of jobs that nobody watches."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectInfo:
    uri: str
    size_bytes: int
    """As stored: compressed, which is what Athena counts."""
    stamp: str = field(default="", compare=False)
    """What tells this version of it from another: its ETag, or the `file_stamp`."""


def file_stamp(found: os.stat_result) -> str:
    """A file's times of change, to the nanosecond.

    That of its inode cannot be set back, as ``cp -p`` and ``rsync`` set back the other.
    """
    return f"{found.st_mtime_ns:x}.{found.st_ctime_ns:x}"


@dataclass(frozen=True, slots=True, order=True)
class Registered:
    """A partition as the catalog has it. ``partition`` is None for logs that lie in no layout."""

    partition: Partition | None
    location: str


@dataclass(frozen=True, slots=True)
class Part:
    """A partition of any table: its values as the catalog has them, and where it lies."""

    values: tuple[str, ...]
    location: str
    input_format: str = field(default="", compare=False)
    """Hive's, where it is not known to be the table's."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the partitions that were to be added, removed or mended."""

    done: tuple[Partition, ...] = ()
    already: tuple[Partition, ...] = ()
    """Done by somebody else meanwhile: as good as done."""
    failed: tuple[tuple[Partition, str], ...] = ()
    """Each with the catalog's reason."""


GONE = "is not registered any more"
"""Why a partition cannot be mended that somebody removed meanwhile."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One table as a statement reads it: the partitions left, each with its objects."""

    spec: TableSpec
    parts: tuple[tuple[Registered, tuple[ObjectInfo, ...]], ...]
    unlisted: tuple[str, ...] = ()
    """Why objects are missing here that a run would read; none where all are there."""

    @property
    def objects(self) -> int:
        return sum(len(objects) for _, objects in self.parts)

    @property
    def size_bytes(self) -> int:
        return sum(o.size_bytes for _, objects in self.parts for o in objects)


@dataclass(frozen=True, slots=True)
class Result:
    columns: tuple[tuple[str, str], ...]
    """Name and Athena type."""
    rows: Sequence[tuple[object, ...]]
    scanned_bytes: int | None
    """As the engine counted them; None when it did not say."""
    query_id: str | None = None
    notes: tuple[str, ...] = ()
    """What a reader of the rows has to know: records left out, files of another format."""


def is_visible(name: str) -> bool:
    """Does Athena read an object whose key ends in this name? Not with ``_`` or ``.`` first."""
    return bool(name) and not name.startswith(("_", "."))


@dataclass(frozen=True, slots=True)
class Level:
    """What lies directly below a prefix; both sorted."""

    folders: tuple[str, ...] = ()
    """Their names, each ending in ``/``."""
    objects: tuple[str, ...] = ()
    """Their names, without those that are hidden from Athena."""


class Objects(Protocol):
    """Objects by URI: ``s3://bucket/key``, or an absolute path."""

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object that Athena would read below ``prefix``, sorted by key.

        Those whose last part starts with ``_`` or ``.`` are hidden from Athena, so from us.
        Raises NotFound when there is no such bucket, AccessDenied.
        """


class ObjectStore(Objects, Protocol):
    """Objects, and the folders that their keys make."""

    def level(self, prefix: str) -> Level:
        """What lies directly below ``prefix``. Raises as `objects`."""

    def read(self, uri: str, most: int | None) -> bytes:
        """The first ``most`` bytes of an object, or all of it. Raises as `objects`."""

    def tail(self, uri: str, most: int) -> bytes:
        """The last ``most`` bytes of an object, or all of a shorter one. Raises as `objects`."""


class Partitions(Protocol):
    """What a table's queries can read."""

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        """The registered partitions that the window touches."""


class Catalog(Partitions, Protocol):
    """Tables and their partitions."""

    def create(self, spec: TableSpec) -> bool:
        """Makes database and table where missing; False when that very table is there.

        Raises TableDiffers or ForeignTable when another of its name is.
        """

    def table(self, database: str, name: str) -> TableSpec:
        """Raises NotFound, and ForeignTable for a table that athena-flow did not make."""

    def described(self, database: str, name: str) -> GlueDict:
        """A table in Glue's own words, whoever made it. Raises NotFound."""

    def parts(self, database: str, name: str) -> Iterator[Part]:
        """Every partition of a table, whoever made it."""

    def drop(self, spec: TableSpec) -> None:
        """Removes a table and its partitions: metadata only. One that is not there is fine."""

    def add(self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress) -> Applied:
        """Registers them; one that is there already is no failure. Safe to kill and repeat.

        Ctrl-C ends it between two batches; KeyboardInterrupt then says how many are done.
        """

    def remove(
        self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress
    ) -> Applied:
        """Forgets them, and no object of theirs; one that is gone is no failure. As `add`."""

    def mend(self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress) -> Applied:
        """Writes anew what is registered of them: location, format, columns. As `add`."""


Started = Callable[[str], None]
"""Called with the id of a query that has begun."""


def nobody_hears(query_id: str) -> None:
    """The Started of runs that nobody keeps a book on."""


class Engine(Protocol):
    """Runs one read-only statement in Athena's SQL."""

    @property
    def name(self) -> str: ...

    def run(self, sql: str, scans: Sequence[Scan], started: Started = nobody_hears) -> Result:
        """``scans`` are what the estimate left to read, for an engine that opens files itself.

        ``started`` hears of the query's id as soon as there is one. Raises EngineError, with the
        query id where there is one.
        """
