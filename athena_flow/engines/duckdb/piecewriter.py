"""Writes pieces of the local store: the logs of one place, as one Parquet file.

Logs are read here as a query reads them, by `Load`; a piece holds every field of its logs
under the types of a table, so that a query over it gives the rows that it gives over them.
One column more says which rows of the last write were odd; nobody reads it again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import LifoQueue
from typing import Any

import duckdb

from athena_flow.engines.duckdb import parquet
from athena_flow.engines.duckdb.database import (
    fetched,
    first_line,
    opened,
)
from athena_flow.engines.duckdb.load import ODD, Batch, Load, Texts
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.engines.duckdb.text import Form, field, is_odd, lines, split
from athena_flow.errors import BadFile, CannotWrite
from athena_flow.ingest import BadLogs, Counts, SeveralFormats
from athena_flow.layout import FLAT
from athena_flow.logformat import DEFAULT, LogFormat, header_format
from athena_flow.manifest import Schema, columns_of, is_columns
from athena_flow.ports import ObjectInfo, Progress, Registered, no_progress
from athena_flow.sqltext import literal, name
from athena_flow.table import TableSpec

FORM = (
    "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1,"
    " DICTIONARY_SIZE_LIMIT 2000"
)
"""By measurement: 2.8 M records of 14 fields take 59 MB, and 97 as snappy in version 1, for less
time in writing, of which large dictionaries would take a quarter; queries are no slower.
Rows stay in the order of their files, which is that of time: to sort them by srcaddr takes half
as long as reading the text, and makes a search for one source quicker by a tenth of a second."""
MEMORY = "900MB"
"""For each place that is being written; what is more goes to disk."""
_NOWHERE = Registered(None, "/")
_TABLE = TableSpec("logs", "logs", "/", DEFAULT, FLAT)
_ROOM = "make room, or give another --store"


class PieceWriter:
    """Writes pieces below a store's folder for several threads, a few of them at a time."""

    def __init__(self, folder: Path, spill: Path, at_once: int, threads: int) -> None:
        """``at_once`` are the pieces, each in a database of its own; ``threads`` those of one."""
        self._folder, self._spill, self._threads = folder, spill, threads
        self._free: LifoQueue[duckdb.DuckDBPyConnection | None] = LifoQueue()
        """None for one that was not needed yet."""
        for _ in range(at_once):
            self._free.put(None)
        self._open: list[duckdb.DuckDBPyConnection] = []
        self._loads: dict[int, Load] = {}
        """What each thread reads, or was the last to read."""
        self._stopped = False

    def stop(self) -> None:
        """Ends what is under way, if anything is, and begins nothing more."""
        self._stopped = True
        for load in list(self._loads.values()):  # threads go on adding theirs
            load.stopped.set()
        for db in self._open:
            db.interrupt()

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One that nobody else writes with, without what was in it; waits until there is one.

        Raises CannotWrite once writing is stopped.
        """
        db = self._free.get()
        try:
            if self._stopped:
                raise CannotWrite(f"writing the store {self._folder} was stopped")
            if db is None:
                db = opened("")
                self._open.append(db)
                db.execute(f"SET temp_directory = {literal(str(self._spill))}")
                db.execute(f"SET memory_limit = '{MEMORY}'")
                db.execute(f"SET threads = {self._threads}")
            db.execute(f"DROP SCHEMA IF EXISTS {name(_TABLE.database)} CASCADE")
            yield db
        finally:
            self._free.put(db)

    def __call__(self, form: str, paths: Sequence[str], base: str | None, path: str) -> Counts:
        """An `ingest.Tools.write`. Raises BadLogs, CannotWrite."""
        with self._database() as db:
            return self._written(db, form, paths, base, self._folder / path)

    def _written(
        self,
        db: duckdb.DuckDBPyConnection,
        form: str,
        paths: Sequence[str],
        base: str | None,
        target: Path,
    ) -> Counts:
        part = target.with_name(f"{target.name}.part")
        before = [str(self._folder / base)] if base else []
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if is_columns(form):
                counts = _columns(db, form, paths, before, part)
            else:
                logs = _Lines(db, replace(_TABLE, format=header_format(form)))
                logs.workers = self._threads
                self._loads[threading.get_ident()] = logs
                if self._stopped:
                    logs.stopped.set()
                counts = _text(db, logs, paths, before, part)
            part.replace(target)
            return counts
        except OSError as error:
            raise CannotWrite(f"cannot write {target}: {error.strerror}", hint=_ROOM) from None
        finally:
            part.unlink(missing_ok=True)


def _columns(
    db: duckdb.DuckDBPyConnection,
    form: str,
    paths: Sequence[str],
    base: Sequence[str],
    part: Path,
) -> Counts:
    """Writes Parquet logs, and what the piece ``base`` held before."""
    try:
        rows = _copy(db, f"FROM {parquet.read([*paths, *base])}", part)
    except CannotWrite:
        faults = {path: error for path in paths if (error := _fault(path))}
        if faults:
            raise BadLogs(faults) from None
        raise
    return _counted(db, part, rows, columns_of(form))


def _fault(path: str) -> BadFile | None:
    """What is wrong with a Parquet log."""
    try:
        parquet.check(path)
    except BadFile as error:
        return error
    return None


def _text(
    db: duckdb.DuckDBPyConnection,
    logs: _Lines,
    paths: Sequence[str],
    base: Sequence[str],
    part: Path,
) -> Counts:
    """Writes text logs, and what the piece ``base`` held before."""
    logs.all(_sized(paths), no_progress)
    source = logs.rows()
    if base:
        source += f" UNION ALL SELECT * REPLACE (NULL AS {name(ODD)}) FROM {parquet.read(base)}"
    counts = _counted(db, part, _copy(db, source, part), logs.spec.columns)
    odds = f"SELECT count({name(ODD)}), min({name(ODD)}) FROM {parquet.read([str(part)])}"
    odd, first = _one(db, odds, part)
    return replace(
        counts,
        odd_rows=odd,
        first_odd=logs.first_odd(first) if odd else "",
        undecodable=frozenset(logs.notes.undecodable),
    )


def _sized(paths: Sequence[str]) -> dict[ObjectInfo, Registered]:
    """Logs as a Load takes them. Raises BadLogs for those that are gone."""
    found: dict[ObjectInfo, Registered] = {}
    faults: dict[str, BadFile] = {}
    for path in paths:
        try:
            found[ObjectInfo(path, Path(path).stat().st_size)] = _NOWHERE
        except OSError as error:
            faults[path] = BadFile(f"{path}: cannot be read: {error.strerror}")
    if faults:
        raise BadLogs(faults)
    return found


class _Lines(Load):
    """Loads text logs of one format as lines, to be split as they are written.

    Raises BadLogs at the end, with a SeveralFormats for each that has a header of another format.
    """

    batch_bytes = 16 * 2**20

    def __init__(self, db: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
        self.spec, self.notes = spec, Notes()
        super().__init__(db, spec, spec.columns, self.notes)
        self._escaped = False
        self._batches: Sequence[Batch] = ()
        self._faults: dict[str, BadFile] = {}

    def all(self, objects: dict[ObjectInfo, Registered], progress: Progress) -> None:
        super().all(objects, progress)
        if self._faults:
            raise BadLogs(self._faults)

    def _bad(self, path: str, error: BadFile) -> None:
        self._faults[path] = error

    def rows(self) -> str:
        """What selects the rows, each with the number of its batch where it is odd."""
        form = Form(self.spec.format, self._escaped)
        fields = (f"{field(form, c, kind)} AS {name(c)}" for c, kind in self.spec.columns)
        odd = f"CASE WHEN {is_odd(form)} THEN batch END AS {name(ODD)}"
        return f"SELECT {', '.join(fields)}, {odd} FROM {split(self.spec.sql.text)}"

    def first_odd(self, number: int) -> str:
        """The log of a batch, and the line in it, with too few or too many fields."""
        return self.first_odd_of(self._batches[number])

    def check(self, log_format: LogFormat, uri: str) -> None:
        raise SeveralFormats(f"{uri}: holds lines of another format, too: {log_format.header}")

    def _create(self) -> None:
        self._db.execute(f"CREATE SCHEMA {name(self.spec.database)}")
        self._db.execute(f"CREATE TABLE {self.spec.sql} (line VARCHAR, batch UINTEGER)")

    def _insert(self, db: duckdb.DuckDBPyConnection, number: int, texts: Texts) -> None:
        for form, pieces in texts.taken():
            if form.escaped:
                self._escaped = True
            into = f"INSERT INTO {self.spec.sql} SELECT line, {number} FROM {lines()}"
            try:
                db.execute(into, {"texts": [piece for piece, _ in pieces]})
            except duckdb.Error as error:
                raise CannotWrite(
                    f"cannot write what memory does not hold: {first_line(error)}", hint=_ROOM
                ) from error

    def _count(self, batches: Sequence[Batch]) -> None:
        self._batches = batches


def _copy(db: duckdb.DuckDBPyConnection, source: str, part: Path) -> int:
    """Writes the rows; returns how many. Raises CannotWrite."""
    (rows,) = _one(db, f"COPY ({source}) TO {literal(str(part))} ({FORM})", part)
    return int(rows)


def _counted(db: duckdb.DuckDBPyConnection, part: Path, rows: int, columns: Schema) -> Counts:
    """What a file that was written holds, as far as it says itself."""
    ends = [column for column, _ in columns if column.lower() == "end"]
    counts = "".join(f", count(*) - count({name(end)})" for end in ends)
    there, *no_end = _one(db, f"SELECT count(*){counts} FROM {parquet.read([str(part)])}", part)
    if there != rows:
        raise CannotWrite(f"{part}: {there:,} rows were written of {rows:,}", hint=_ROOM)
    return Counts(rows, 0, "", sum(no_end), frozenset())


def _one(db: duckdb.DuckDBPyConnection, sql: str, part: Path) -> tuple[Any, ...]:
    """The only row of an answer in the writing of this file. Raises CannotWrite."""
    try:
        (row,) = fetched(db, sql)
    except duckdb.Error as error:
        raise CannotWrite(f"cannot write {part}: {first_line(error)}", hint=_ROOM) from error
    return row
