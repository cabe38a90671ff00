"""The embedded engine: Athena's SQL on DuckDB over text logs on this machine.

Files are inflated here and not by DuckDB, whose reader checks no CRC, stops at a stray
carriage return and cannot say which rows it left out. Whole lines go into DuckDB, which
splits them as Hive's LazySimpleSerDe does: at single spaces, missing fields NULL, more
fields ignored. Columns are mapped by each file's own header, and header lines are no rows
wherever they stand. What was odd is counted and reported in the notes.
"""

from __future__ import annotations

import gzip
import tempfile
import threading
import zlib
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp

from athena_flow.errors import (
    BadFile,
    BadSql,
    EngineError,
    NotFound,
    RequestError,
    files,
    some,
)
from athena_flow.logformat import LogFormat, format_of, is_header
from athena_flow.ports import ObjectInfo, Progress, Registered, Result, Scan, no_progress
from athena_flow.sqltext import literal, name
from athena_flow.table import PARQUET_READS, TableSpec
from athena_flow.translate import setup_for, to_duckdb

BATCH_BYTES = 256 * 2**20
"""Text inflated at a time: what waits on disk between inflating and loading."""
INFLATION = 5
"""Bytes of text in a byte of gzip, about, in flow logs."""
THREADS = 2
STOP_SECONDS = 5
"""How long an interrupted statement may take to end before the program does."""
LINE_BYTES = 64 * 2**20
"""Longest line that is read; Athena's own limit is 200 MB."""
_DELIMITERS = "\x1f\x1e\x1d\x1c\x01\x02\x03\x04"
"""Tried in this order; AWS writes printable text, so the first will do."""

_DUCKDB_TYPES = {"int": "INTEGER", "bigint": "BIGINT", "string": "VARCHAR"}
_ATHENA_TYPES = {
    '"NULL"': "unknown",
    "HUGEINT": "bigint",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
_PARQUET_TYPES = {"string": "VARCHAR", "timestamp with time zone": "TIMESTAMP"}
PARQUET = ".parquet"
Schema = tuple[tuple[str, str], ...]
"""A Parquet file's columns: name and DuckDB type."""
_ODD = "$odd"
"""A hidden column: has the line another number of fields than its header?"""
_QUIET = "SET enable_progress_bar = false"
_MACROS = (
    # What LazySimpleSerDe takes for a whole number: digits with a sign, a fraction cut off.
    r"""CREATE TEMP MACRO hive_digits(x) AS CASE
        WHEN x NOT GLOB '*[!0-9]*' THEN x
        WHEN regexp_full_match(x, '[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)')
        THEN regexp_replace(split_part(x, '.', 1), '^([+-]?)$', '\10') END""",
    r"CREATE TEMP MACRO hive_string(x) AS nullif(x, '\N')",
)


class DuckDBEngine:
    """One in-memory database per run. Raises EngineError, BadSql and BadFile."""

    name = "duckdb"

    def __init__(self, progress: Progress = no_progress) -> None:
        self._progress = progress

    def run(self, sql: str, scans: Sequence[Scan]) -> Result:
        _check_tables(sql, scans)
        translated = _translated(sql, scans)
        with _connection(translated) as db:
            notes = _Notes()
            scanned = 0
            for spec, parts in _tables(scans):
                load = _Load(db, spec, _needed(sql, spec), notes)
                scanned += load.all(parts, self._progress)
            columns, rows = _answer(db, translated)
        return Result(columns, rows, scanned, notes=notes.lines())


def evaluate(condition: str, keys: Sequence[str], rows: Sequence[Sequence[str]]) -> Sequence[bool]:
    """A `prune.Evaluate`: may the condition hold for these values? All True when in doubt."""
    if not rows:
        return []
    values = ", ".join(literal((n, *row)) for n, row in enumerate(rows))
    names = ", ".join(name(key).text for key in ("$n", *keys))
    try:
        where = to_duckdb(f"SELECT 1 FROM keys WHERE {condition}").partition(" WHERE ")[2]
        with _connection(where) as db:
            kept = db.execute(
                f'SELECT "$n" FROM (VALUES {values}) AS keys ({names}) WHERE {where}'
            ).fetchall()
    except (duckdb.Error, BadSql):
        return [True] * len(rows)
    numbers = {n for (n,) in kept}
    return [n in numbers for n in range(len(rows))]


def write_parquet(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]], file: Path
) -> None:
    """An `output.ParquetWriter`."""
    with _connection("") as db:
        names = ", ".join(f"{name(c).text} {_PARQUET_TYPES.get(t, t)}" for c, t in columns)
        db.execute(f"CREATE TABLE answer ({names})")
        if rows:
            marks = ", ".join("?" for _ in columns)
            db.executemany(f"INSERT INTO answer VALUES ({marks})", rows)
        try:
            db.execute(f"COPY answer TO {literal(str(file))} (FORMAT parquet)")
        except duckdb.Error as error:
            raise NotFound(f"cannot write {file}: {_first_line(error)}") from None


@contextmanager
def _connection(translated: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that understands this translated statement, and logs."""
    db = duckdb.connect(config={"temp_directory": tempfile.gettempdir()})
    for statement in (_QUIET, *setup_for(translated), *_MACROS):
        db.execute(statement)
    held: AbstractContextManager[None] = nullcontext()
    try:
        yield db
    except KeyboardInterrupt:
        held = suppress(duckdb.Error)  # a statement that is slow to stop: it ends with us
        raise
    finally:
        with held:
            db.close()


def _check_tables(sql: str, scans: Sequence[Scan]) -> None:
    """Raises BadSql for a table that is none of ours: DuckDB would look for a file of its name."""
    known = {name for s in scans for name in (s.spec.key, s.spec.name)}
    tree = sqlglot.parse_one(sql, dialect="athena")
    named = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        key = ".".join(part.lower() for part in (table.catalog, table.db, table.name) if part)
        if key not in known | named and not isinstance(table.this, exp.Func):
            raise BadSql(
                f"there is no table {key} on this machine",
                hint="a saved query reads {{ table }}, and what it makes of it",
            )


def _translated(sql: str, scans: Sequence[Scan]) -> str:
    return to_duckdb(sql, {s.spec.key: dict((*s.spec.columns, *s.spec.keys)) for s in scans})


def _answer(
    db: duckdb.DuckDBPyConnection, sql: str
) -> tuple[tuple[tuple[str, str], ...], list[tuple[object, ...]]]:
    try:
        db.execute("SET enable_external_access = false")  # the statement reads tables, no files
        described = _fetched(db, f"DESCRIBE {sql}")
        types = [str(row[1]) for row in described]
        rows = _fetched(db, _plain_times(sql, types))
    except duckdb.Error as error:
        raise EngineError(f"duckdb: {_first_line(error)}") from error
    columns = tuple(
        (str(row[0]), _ATHENA_TYPES.get(kind, kind.lower()))
        for row, kind in zip(described, types, strict=True)
    )
    return columns, rows


def _fetched(db: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    """The rows of a statement, run beside the main thread, which alone hears Ctrl-C."""
    outcome: list[list[tuple[object, ...]] | duckdb.Error] = []

    def work() -> None:
        try:
            outcome.append(db.execute(sql).fetchall())
        except duckdb.Error as error:
            outcome.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while worker.is_alive():
            worker.join(0.05)
    except KeyboardInterrupt:
        db.interrupt()
        worker.join(STOP_SECONDS)
        raise
    (result,) = outcome
    if isinstance(result, duckdb.Error):
        raise result
    return result


def _plain_times(sql: str, types: Sequence[str]) -> str:
    """Times with a zone come out as UTC times without: fetching them would need pytz."""
    zoned = "TIMESTAMP WITH TIME ZONE"
    if zoned not in types:
        return sql
    columns = [f"c{n}" for n in range(len(types))]
    picked = (
        f"CAST({c} AS TIMESTAMP)" if t == zoned else c for c, t in zip(columns, types, strict=True)
    )
    return f"SELECT {', '.join(picked)} FROM ({sql}) AS answer ({', '.join(columns)})"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _tables(scans: Sequence[Scan]) -> Iterator[tuple[TableSpec, dict[ObjectInfo, Registered]]]:
    """Each table once, with the objects of all its scans."""
    objects: dict[str, dict[ObjectInfo, Registered]] = defaultdict(dict)
    specs = {scan.spec.key: scan.spec for scan in scans}
    for scan in scans:
        for registered, listed in scan.parts:
            objects[scan.spec.key].update(dict.fromkeys(listed, registered))
    for title, spec in specs.items():
        yield spec, objects[title]


def _needed(sql: str, spec: TableSpec) -> tuple[tuple[str, str], ...]:
    """The columns that a statement can touch, by name, in the table's order; one at least."""
    tree = sqlglot.parse_one(sql, dialect="athena")
    every = (*spec.columns, *spec.keys)
    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
        return every
    named = {column.name.lower() for column in tree.find_all(exp.Column)}
    return tuple(c for c in every if c[0] in named) or every[:1]


@dataclass
class _Notes:
    """What was odd in the files, by file name."""

    empty: list[str] = field(default_factory=list)
    mapped: list[str] = field(default_factory=list)
    undecodable: list[str] = field(default_factory=list)
    odd_rows: int = 0
    no_end: int = 0

    def lines(self) -> tuple[str, ...]:
        def of(what: str, names: list[str]) -> Iterator[str]:
            if names:
                yield f"{what}: {files(len(names))}: {some(sorted(names))}"

        lines = [
            *of("empty", self.empty),
            *of("another header than the table's, read by field name", self.mapped),
            *of("not UTF-8, read with replacement characters", self.undecodable),
        ]
        if self.odd_rows:
            lines.append(f"rows with fewer or more fields than their header: {self.odd_rows}")
        if self.no_end:
            lines.append(f"rows whose end is no number, in no window: {self.no_end}")
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class _Text:
    """The records of one file, without its header."""

    log_format: LogFormat
    place: Registered
    records: bytes
    delimiter: str
    """A character that the records do not hold, so that a line stays whole."""


_Kind = tuple[LogFormat, str]
"""What files that are loaded together share: their format and their delimiter."""


class _Load:
    """Loads the needed columns of one table, a batch of files at a time."""

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        spec: TableSpec,
        columns: Sequence[tuple[str, str]],
        notes: _Notes,
    ) -> None:
        self._db, self._spec, self._columns, self._notes = db, spec, columns, notes
        self._raw = name(spec.database, f"{spec.name}$raw").text

    def all(self, objects: dict[ObjectInfo, Registered], progress: Progress) -> int:
        """Reads the files; returns the bytes opened."""
        self._create()
        done = 0
        columnar = {log: place for log, place in objects.items() if log.uri.endswith(PARQUET)}
        self._insert_parquet(columnar)
        with ThreadPoolExecutor(THREADS) as pool:
            for batch in _batches(item for item in objects.items() if item[0] not in columnar):
                progress("reading logs", done, len(objects))
                texts = [text for text in pool.map(self._read, *zip(*batch, strict=True)) if text]
                self._insert(texts)
                done += len(batch)
        progress("reading logs", done, len(objects))
        self._count()
        return sum(o.size_bytes for o in objects)

    def _create(self) -> None:
        columns = ", ".join(
            f"{name(column).text} {_DUCKDB_TYPES[kind]}" for column, kind in self._columns
        )
        names = ", ".join(name(column).text for column, _ in self._columns)
        self._db.execute(f"CREATE SCHEMA IF NOT EXISTS {name(self._spec.database)}")
        self._db.execute(f"CREATE TABLE {self._raw} ({columns}, {name(_ODD)} BOOLEAN)")
        self._db.execute(f"CREATE VIEW {self._spec.sql} AS SELECT {names} FROM {self._raw}")

    def _read(self, log: ObjectInfo, place: Registered) -> _Text | None:
        """The records of a file; None for an empty one, which is noted."""
        text = self._decoded(_inflated(log.uri), log.uri)
        if not text:
            self._notes.empty.append(log.uri)
            return None
        head = text[: text.index(b"\n")].decode()
        try:
            log_format = _format(head, self._spec.format)
        except RequestError as error:
            raise BadFile(f"{log.uri}: its header: {error.message}") from None
        if is_header(head):
            text = _without(head.encode() + b"\n", text)
        if log_format.columns != self._spec.format.columns and self._spec.partitions != "files":
            self._check(log_format, log.uri)
            self._notes.mapped.append(log.uri)
        return _Text(log_format, place, text, _delimiter(text, log.uri))

    def _decoded(self, data: bytes, uri: str) -> bytes:
        """UTF-8 with every line ended by a newline, as Hadoop's line reader ends them."""
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            self._notes.undecodable.append(uri)
            data = data.decode("utf-8", "replace").encode()
        data = data.removeprefix(BOM_UTF8)
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data if not data or data.endswith(b"\n") else data + b"\n"

    def _check(self, log_format: LogFormat, uri: str) -> None:
        """Raises BadFile when the file's header lacks what the query needs of the table."""
        missing = [c for c, _ in self._columns if c in self._spec.format and c not in log_format]
        if missing:
            raise BadFile(
                f"{uri}: its header does not match table {self._spec.title}: it lacks"
                f" {some(missing)}; header: {log_format.header}; table: {self._spec.format.header}",
                hint="put logs of another format into a table of their own",
            )

    def _insert(self, texts: Iterable[_Text]) -> None:
        """One temporary file for each place, loaded by format, and gone again."""
        joined: dict[tuple[_Kind, Registered], list[bytes]] = defaultdict(list)
        for text in texts:
            joined[(text.log_format, text.delimiter), text.place].append(text.records)
        with tempfile.TemporaryDirectory(prefix="athena-flow-") as folder:
            by_kind: dict[_Kind, dict[str, Registered]] = defaultdict(dict)
            for number, ((kind, place), parts) in enumerate(joined.items()):
                file = Path(folder, f"{number}.log")
                file.write_bytes(b"".join(parts))
                by_kind[kind][str(file)] = place
            for (log_format, delimiter), places in by_kind.items():
                self._load(log_format, delimiter, places)

    def _insert_parquet(self, objects: dict[ObjectInfo, Registered]) -> None:
        """Parquet files by column name; files of one schema are loaded together."""
        by_schema: dict[Schema, dict[str, Registered]] = defaultdict(dict)
        for log, place in objects.items():
            if log.size_bytes:
                by_schema[parquet_schema(log.uri)][log.uri] = place
            else:
                self._notes.empty.append(log.uri)
        for schema, places in by_schema.items():
            picked = {c: self._parquet_column(c, k, schema, places) for c, k in self._data}
            self._fill(
                places,
                picked,
                f"read_parquet([{_list(places)}], filename = true, hive_partitioning = false)",
                "FALSE",
            )

    def _parquet_column(
        self, column: str, kind: str, schema: Schema, places: dict[str, Registered]
    ) -> str:
        """A column as the table's type; NULL where the files lack it. Raises BadFile."""
        real = {name.lower(): real for name, real in schema}.get(column)
        if real is None:
            return f"CAST(NULL AS {_DUCKDB_TYPES[kind]})"
        if real.lower() not in PARQUET_READS[kind]:
            raise BadFile(
                f"{next(iter(places))}: column {column} is {real}, which a table with"
                f" {column} {kind} cannot read",
                hint="AWS writes no such file: leave it out of the folder",
            )
        return f"CAST({name(column).text} AS {_DUCKDB_TYPES[kind]})"

    def _load(self, log_format: LogFormat, delimiter: str, places: dict[str, Registered]) -> None:
        position = {column: n for n, column in enumerate(log_format.columns, start=1)}
        picked = {column: _cast(position.get(column), kind) for column, kind in self._data}
        source = (
            "(SELECT string_split(coalesce(line, ''), ' ') AS f, filename"
            f" FROM {_lines(list(places), delimiter)})"
        )
        self._fill(places, picked, source, f"len(f) <> {len(log_format.fields)}")

    def _fill(
        self, places: dict[str, Registered], picked: dict[str, str], source: str, odd: str
    ) -> None:
        """Inserts the rows of ``source``, which has a ``filename``, with their places' keys."""
        keys = dict(self._spec.keys)
        values = ", ".join(name(c).text for c, _ in self._columns if c in keys)
        if values:
            rows = ", ".join(
                literal((file, *self._key_values(place))) for file, place in places.items()
            )
            source += f" JOIN (VALUES {rows}) AS places (filename, {values}) USING (filename)"
        columns = ", ".join(picked.get(c, name(c).text) for c, _ in self._columns)
        try:
            _fetched(self._db, f"INSERT INTO {self._raw} SELECT {columns}, {odd} FROM {source}")
        except duckdb.Error as error:
            raise EngineError(f"duckdb: reading logs: {_first_line(error)}") from error

    @property
    def _data(self) -> list[tuple[str, str]]:
        """The needed columns that stand in the files, apart from the partition keys."""
        return [(c, kind) for c, kind in self._columns if c in self._spec.format]

    def _key_values(self, place: Registered) -> list[str | None]:
        keys = self._spec.layout.keys
        values = (
            dict(zip(keys, self._spec.values(place.partition), strict=True))
            if (place.partition)
            else {}
        )
        return [values.get(column) for column, _ in self._columns if column in keys]

    def _count(self) -> None:
        needed = {column for column, _ in self._columns}
        end = 'count(*) FILTER ("end" IS NULL)' if "end" in needed else "0"
        found = self._db.execute(
            f"SELECT count(*) FILTER ({name(_ODD)}), {end} FROM {self._raw}"
        ).fetchone()
        if found:
            self._notes.odd_rows += found[0]
            self._notes.no_end += found[1]


@lru_cache(maxsize=1024)
def _format(head: str, table: LogFormat) -> LogFormat:
    return format_of(head, table)


@cache
def parquet_schema(path: str) -> Schema:
    """A Parquet file's columns and DuckDB's types of them. Raises BadFile."""
    return _schema(path)


def _schema(path: str) -> Schema:
    with duckdb.connect() as db:
        try:
            rows = db.execute(
                f"DESCRIBE SELECT * FROM read_parquet({literal(path)}, hive_partitioning = false)"
            ).fetchall()
        except duckdb.Error as error:
            raise BadFile(f"{path}: cannot be read: {_first_line(error)}") from error
    return tuple((str(row[0]), str(row[1])) for row in rows)


def parquet_columns(data: bytes) -> Sequence[tuple[str, str]]:
    """A `survey.ParquetColumns`. Raises BadFile, which names no file."""
    with tempfile.NamedTemporaryFile(suffix=PARQUET) as file:
        file.write(data)
        file.flush()
        try:
            schema = _schema(file.name)
        except BadFile as error:
            message = error.message.removeprefix(f"{file.name}: ")
            raise BadFile(message.replace(file.name, "it")) from None
    return [(column, _ATHENA_TYPES.get(kind, kind.lower())) for column, kind in schema]


def _list(paths: Iterable[str]) -> str:
    return ", ".join(map(literal, paths))


def _batches(
    objects: Iterable[tuple[ObjectInfo, Registered]],
) -> Iterator[list[tuple[ObjectInfo, Registered]]]:
    """The objects in order, so many at a time as hold about `BATCH_BYTES` of text."""
    batch: list[tuple[ObjectInfo, Registered]] = []
    size = 0
    for log, place in objects:
        size += log.size_bytes * (INFLATION if log.uri.endswith(".gz") else 1)
        batch.append((log, place))
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _inflated(path: str) -> bytes:
    """A file's text; every member of a gzip file, its checksums checked. Raises BadFile."""
    try:
        data = Path(path).read_bytes()
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(f"{path}: cannot be read: {error}") from error


def _without(header: bytes, text: bytes) -> bytes:
    """The text without its first line, and without that line wherever it stands again."""
    text = text[len(header) :]
    if header in text:
        lines = text.splitlines(keepends=True)
        text = b"".join(line for line in lines if line != header)
    return text


def _cast(position: int | None, kind: str) -> str:
    """A field's text as its column's type; NULL for a column that the file lacks."""
    if position is None:
        return f"CAST(NULL AS {_DUCKDB_TYPES[kind]})"
    if kind == "string":
        return f"hive_string(f[{position}])"
    return f"TRY_CAST(hive_digits(f[{position}]) AS {_DUCKDB_TYPES[kind]})"


def _delimiter(text: bytes, uri: str) -> str:
    for delimiter in _DELIMITERS:
        if delimiter.encode() not in text:
            return delimiter
    raise BadFile(f"{uri}: is no text log: it holds control characters of every kind")


def _lines(paths: Sequence[str], delimiter: str) -> str:
    """A table of whole lines: one column, whose delimiter is a byte that no line holds."""
    return (
        f"read_csv([{_list(paths)}], columns = {{'line': 'VARCHAR'}}, header = false,"
        f" auto_detect = false, delim = '{delimiter}', quote = '', escape = '', comment = '',"
        f" filename = true, max_line_size = {LINE_BYTES})"
    )
