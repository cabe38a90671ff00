"""Brings the files of one table into DuckDB: the needed columns, by each file's own names.

As many threads as there are processors inflate text logs, a batch of them at a time, and have
DuckDB split and type it each on its own; rows that the statement provably cannot need are
left out as they come in. So all processors are busy, and memory holds columns, not text.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing

import duckdb

from athena_flow.engines.duckdb import parquet, text
from athena_flow.engines.duckdb.database import DUCKDB_TYPES, FILE, fetched, first_line
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.engines.duckdb.text import Form
from athena_flow.errors import SKIP_BAD_FILES, BadFile, EngineError, some
from athena_flow.layout import PARQUET
from athena_flow.logformat import LogFormat
from athena_flow.parallel import in_order, threads
from athena_flow.ports import ObjectInfo, Progress, Registered
from athena_flow.prune import Range
from athena_flow.sqltext import literal, name
from athena_flow.table import TableSpec

WORKERS = os.cpu_count() or 1
BATCH_BYTES = max(8, 64 // WORKERS) * 2**20
"""Text that one thread loads at a time, about."""
INFLATION = 4
"""Bytes of text in a byte of gzip, about, in flow logs."""
WARM_BYTES = 31 * 2**20
"""Asked of the C library once and given back: glibc then keeps blocks below it, and what is freed
at the end of a batch, instead of returning each to the system (M_MMAP_THRESHOLD, of 32 MiB at
most, and the M_TRIM_THRESHOLD that follows it); page faults fell to a seventh."""
_SETTINGS = (
    "preserve_insertion_order = false",
    "checkpoint_threshold = '1TB'",  # or the table is compressed again and again, for a fifth more
    "disabled_optimizers = 'filter_pushdown'",  # or lines are split once for each condition
)
"""For loading."""
FEW = 100
"""Listed values that each row is held against; of more, the least and the greatest."""
ODD = "$odd"
"""A hidden column: the number of the batch, in a row that has another number of fields than
its header."""

Batch = list[tuple[ObjectInfo, Registered]]
Rows = Sequence[Sequence[Range]]
"""The rows that a statement needs: those within all ranges of any of these. Without any: all."""


class Texts:
    """Pieces of text that wait to be loaded, by their form, each with its place."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._pieces: dict[Form, list[tuple[str, Registered]]] = defaultdict(list)

    def add(self, form: Form, records: bytes, place: Registered) -> None:
        """Adds whole lines."""
        self.size_bytes += len(records)
        self._pieces[form].append((str(memoryview(records)[:-1], "utf-8"), place))

    def join(self, others: Texts) -> None:
        self.size_bytes += others.size_bytes
        for form, pieces in others.taken():
            self._pieces[form] += pieces

    def taken(self) -> Iterator[tuple[Form, list[tuple[str, Registered]]]]:
        """The pieces of each form, which are no more held here."""
        self.size_bytes = 0
        while self._pieces:
            yield self._pieces.popitem()


class Load:
    """Loads the needed columns of one table, a batch of files at a time."""

    workers = WORKERS
    batch_bytes = BATCH_BYTES

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        spec: TableSpec,
        columns: Sequence[tuple[str, str]],
        notes: Notes,
        rows: Rows = (),
        skip_bad: bool = False,
    ) -> None:
        self._db, self._spec, self._columns, self._notes = db, spec, columns, notes
        self._raw = name(spec.database, f"{spec.name}$raw").text
        self._headless = spec.headless or spec.format
        self._skip_bad = skip_bad
        self.stopped = threading.Event()
        """Nothing more is read once it is set."""
        keys = dict(spec.keys)
        self._keys = [column for column, _ in columns if column in keys]
        self._data = [(c, kind) for c, kind in columns if c in spec.format]
        known = {column for column, _ in self._data}
        found = [[r for r in ranges if r.column in known] for ranges in rows]
        self._rows = found if all(found) else []
        self._early = {r.column for ranges in found for r in ranges} | (known & {"end"})

    def all(self, objects: dict[ObjectInfo, Registered], progress: Progress) -> None:
        """Reads the files. Raises BadFile, EngineError."""
        self._create()
        for setting in _SETTINGS:
            self._db.execute(f"SET {setting}")
        columnar = {o: place for o, place in objects.items() if o.uri.endswith(PARQUET)}
        self._insert_parquet(columnar)
        lined = {log: place for log, place in objects.items() if log not in columnar}
        batches = list(_batches(lined, self.batch_bytes))
        done = len(columnar)
        bytes(WARM_BYTES)
        progress("reading logs", done, len(objects))
        with (
            threads(self.workers) as pool,
            closing(in_order(pool, self._batch, enumerate(batches), 2 * self.workers)) as loaded,
        ):
            try:
                for logs in loaded:
                    done += logs
                    progress("reading logs", done, len(objects))
            except BaseException:
                self.stopped.set()
                pool.shutdown(wait=True, cancel_futures=True)  # or they would fill what comes next
                raise
        self._db.execute("RESET disabled_optimizers")
        self._count(batches)

    def _create(self) -> None:
        columns = ", ".join(
            f"{name(column).text} {DUCKDB_TYPES[kind]}" for column, kind in self._columns
        )
        names = ", ".join(name(column).text for column, _ in self._columns)
        self._db.execute(f"CREATE SCHEMA IF NOT EXISTS {name(self._spec.database)}")
        self._db.execute(f"CREATE TABLE {self._raw} ({columns}, {name(ODD)} UINTEGER)")
        self._db.execute(f"CREATE VIEW {self._spec.sql} AS SELECT {names} FROM {self._raw}")

    # ------------------------------------------------------------ text

    def _batch(self, numbered: tuple[int, Batch]) -> int:
        """Loads a batch; returns its number of logs."""
        number, batch = numbered
        whole = Texts()
        with self._db.cursor() as db:
            for log, place in batch:
                if self.stopped.is_set():
                    raise EngineError("reading logs was stopped")
                whole.join(self._read(db, number, log, place))
                if whole.size_bytes >= self.batch_bytes:
                    self._insert(db, number, whole)
            self._insert(db, number, whole)
        return len(batch)

    def _read(
        self, db: duckdb.DuckDBPyConnection, number: int, log: ObjectInfo, place: Registered
    ) -> Texts:
        """What is still to be loaded of a log: most of a large one is by then, or nothing."""
        texts = Texts()
        begun = False
        pieces = text.read_text(log.uri, self._headless, self._notes)
        try:
            for form, records in self._checked(log.uri, pieces):
                if texts.size_bytes >= self.batch_bytes:
                    if not begun:
                        db.begin()
                        begun = True
                    self._insert(db, number, texts)
                texts.add(form, records, place)
        except BadFile as error:
            if begun:
                db.rollback()
            self._bad(log.uri, error)
            return Texts()
        if begun:
            self._insert(db, number, texts)
            db.commit()
        return texts

    def _bad(self, path: str, error: BadFile) -> None:
        if not self._skip_bad:
            error.hint = error.hint or SKIP_BAD_FILES
            raise error
        self._notes.bad.append(path)

    def _checked(
        self, uri: str, pieces: Iterable[tuple[Form, bytes]]
    ) -> Iterator[tuple[Form, bytes]]:
        """The pieces of a log, none of which lacks a column that the table has."""
        mapped = False
        for form, records in pieces:
            other = form.log_format.columns != self._spec.format.columns
            if other and self._spec.partitions != "files":
                self.check(form.log_format, uri)
                mapped = True
            yield form, records
        if mapped:
            self._notes.mapped.append(uri)

    def check(self, log_format: LogFormat, uri: str) -> None:
        """Raises BadFile when the file's header lacks what the query needs of the table."""
        missing = [c for c, _ in self._data if c not in log_format]
        if missing:
            raise BadFile(
                f"{uri}: its header does not match table {self._spec.title}: it lacks"
                f" {some(missing)}; header: {log_format.header}; table: {self._spec.format.header}",
                hint="put logs of another format into a table of their own",
            )

    def _insert(self, db: duckdb.DuckDBPyConnection, number: int, texts: Texts) -> None:
        """Loads pieces of text, which are then let go."""
        for form, pieces in texts.taken():
            columns = {c: text.field(form, c, kind) for c, kind in self._data}
            source = text.split(text.lines(self._keys))
            odd = text.is_odd(form)
            where = ""
            if self._rows:  # what decides on a row is typed first, and the rest of few rows
                early = ", ".join(f"{columns[c]} AS {name(c)}" for c in self._early)
                source = f"(SELECT *, {early} FROM {source})"
                columns |= {c: name(c).text for c in self._early}
                where = f" WHERE {_within(self._rows)} OR {odd}"
                where += ' OR "end" IS NULL' if "end" in self._early else ""
            values: dict[str, list[str | None]] = {"texts": [piece for piece, _ in pieces]}
            keys = [self._key_values(place) for _, place in pieces]
            values |= {f"key{n}": list(of) for n, of in enumerate(zip(*keys, strict=True))}
            marked = f"CASE WHEN {odd} THEN {number} END"
            try:
                db.execute(self._into(columns, marked) + f" FROM {source}{where}", values)
            except duckdb.Error as error:
                raise _failed(error) from error

    def _count(self, batches: Sequence[Batch]) -> None:
        end = 'count(*) FILTER ("end" IS NULL)' if "end" in self._early else "0"
        found = self._db.execute(
            f"SELECT count({name(ODD)}), min({name(ODD)}), {end} FROM {self._raw}"
        ).fetchone()
        odd, first, no_end = found or (0, None, 0)
        self._notes.odd_rows += odd
        self._notes.no_end += no_end
        if odd and not self._notes.first_odd:
            self._notes.first_odd = self.first_odd_of(batches[first])

    def first_odd_of(self, batch: Batch) -> str:
        """The first log of a batch, and the line in it, with too few or too many fields."""
        for log, _ in batch:
            if log.uri not in self._notes.bad:
                number = text.first_odd(log.uri, self._headless)
                if number:
                    return f"{log.uri}:{number}"
        raise BadFile(f"{batch[0][0].uri}: it, or one read with it, has changed meanwhile")

    # ------------------------------------------------------------ Parquet

    def _insert_parquet(self, objects: Mapping[ObjectInfo, Registered]) -> None:
        """Parquet files by column name; files of one schema are loaded together."""
        by_schema: dict[parquet.Schema, dict[str, Registered]] = defaultdict(dict)
        for log, place in objects.items():
            if not log.size_bytes:
                self._notes.empty.append(log.uri)
                continue
            try:
                by_schema[parquet.parquet_schema(log.uri)][log.uri] = place
            except BadFile as error:
                self._bad(log.uri, error)
        for schema, places in by_schema.items():
            first = next(iter(places))
            try:
                columns = {c: parquet.column(c, kind, schema, first) for c, kind in self._data}
            except BadFile as error:
                for file in places:
                    self._bad(file, error)
                continue
            try:
                self._fill(places, parquet.rows(places), columns)
            except EngineError:
                for file in list(places):
                    try:
                        parquet.check(file)
                    except BadFile as error:
                        self._bad(file, error)
                        del places[file]
                self._fill(places, parquet.rows(places), columns)

    def _fill(
        self, places: Mapping[str, Registered], source: str, columns: Mapping[str, str]
    ) -> None:
        """Inserts rows of ``source``, which names each row's file, with its place's keys."""
        if not places:
            return
        if self._keys:
            rows = ", ".join(literal((f, *self._key_values(p))) for f, p in places.items())
            names = ", ".join(name(c).text for c in (FILE, *self._keys))
            source += f" JOIN (VALUES {rows}) AS places ({names}) USING ({name(FILE)})"
        try:
            fetched(self._db, self._into(columns, "NULL") + f" FROM {source}")
        except duckdb.Error as error:
            raise _failed(error) from error

    # ------------------------------------------------------------ both

    def _into(self, columns: Mapping[str, str], odd: str) -> str:
        """An INSERT, up to where its rows come from."""
        picked = ", ".join(columns.get(c, name(c).text) for c, _ in self._columns)
        return f"INSERT INTO {self._raw} SELECT {picked}, {odd}"

    def _key_values(self, place: Registered) -> list[str | None]:
        """A place's values for the needed partition keys; NULLs where it lies in no layout."""
        if place.partition is None:
            return [None] * len(self._keys)
        keys = self._spec.layout.keys
        values = dict(zip(keys, self._spec.values(place.partition), strict=True))
        return [values[column] for column in self._keys]


def _failed(error: duckdb.Error) -> EngineError:
    return EngineError(f"duckdb: reading logs: {first_line(error)}")


def _batches(objects: Mapping[ObjectInfo, Registered], size_bytes: int) -> Iterator[Batch]:
    """The objects in order, so many at a time as hold about so much text."""
    batch: Batch = []
    size = 0
    for log, place in objects.items():
        size += log.size_bytes * (INFLATION if log.uri.endswith(".gz") else 1)
        batch.append((log, place))
        if size >= size_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _within(rows: Rows) -> str:
    """May a statement need the row? A condition over its columns."""
    return "(" + " OR ".join(" AND ".join(map(_holds, ranges)) for ranges in rows) + ")"


def _holds(r: Range) -> str:
    column = name(r.column).text
    if 0 < len(r.among) <= FEW:
        return f"{column} IN ({', '.join(map(literal, r.among))})"
    low = [] if r.low is None else [f"{column} >= {literal(r.low)}"]
    high = [] if r.high is None else [f"{column} <= {literal(r.high)}"]
    same = [f"{column} = {literal(r.low)}"] if r.low == r.high else []
    return " AND ".join(same or (low + high))
