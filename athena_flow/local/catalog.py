"""Glue's own dictionaries in one SQLite file, so that a table means here what it means there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from athena_flow.errors import BadFile, NotFound
from athena_flow.gluetable import GlueDict, partition_input, spec_from_table, table_input
from athena_flow.layout import Partition
from athena_flow.ports import GONE, Applied, Part, Progress, Registered
from athena_flow.table import TableSpec, check_same
from athena_flow.window import Window

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


WAIT_SECONDS = 30
"""For another process that is writing to the file."""


class LocalCatalog:
    """Tables and partitions in one SQLite file, in Glue's own words. Raises BadFile."""

    def __init__(self, file: Path | None) -> None:
        """``file`` None keeps everything in memory; a file is made by the first `create`."""
        self._file = file
        self._in_memory = file is None or not file.exists()
        self._db = self._open(None if self._in_memory else file)

    def _open(self, file: Path | None) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(file or ":memory:", timeout=WAIT_SECONDS)
            db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise self._refused("is no local catalog", error) from None
        return db

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction."""
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            raise self._refused("cannot be written", error) from None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Damage is told by SQLite, or by what a row holds."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._refused("cannot be read", error) from None
        except (KeyError, TypeError, ValueError) as error:
            raise BadFile(f"{self._file}: is damaged: {error!r}") from None

    def _refused(self, what: str, error: sqlite3.Error) -> BadFile:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return BadFile(
                f"{self._file}: is locked by another process", hint="try again when that is done"
            )
        return BadFile(f"{self._file}: {what}: {error}")

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
        with self._reading():
            row = self._db.execute(
                "SELECT table_input FROM tables WHERE database = ? AND name = ?", (database, name)
            ).fetchone()
            found: GlueDict | None = row and dict(json.loads(row[0]))
        if found is None:
            raise NotFound(
                f"no table {database}.{name} in the local catalog {self._file or 'in memory'}",
                hint="athena-flow init-table creates it",
            )
        return found

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        for expression in spec.layout.expressions(window):
            for part in self._parts(spec.database, spec.name, expression or "TRUE"):
                partition = spec.layout.partition(part.values)
                if partition is None or window.holds(
                    partition.account, partition.region, partition.start, spec.layout.step
                ):
                    yield Registered(partition, part.location)

    def parts(self, database: str, name: str) -> Iterator[Part]:
        yield from self._parts(database, name, "TRUE")

    def _parts(self, database: str, name: str, expression: str) -> list[Part]:
        with self._reading():
            rows = self._db.execute(
                "SELECT partition_input FROM partitions WHERE database = ? AND name = ?"
                f" AND {expression} ORDER BY key",
                (database, name),
            )
            entries = (json.loads(text) for (text,) in rows)
            return [Part(tuple(e["Values"]), e["StorageDescriptor"]["Location"]) for e in entries]

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
