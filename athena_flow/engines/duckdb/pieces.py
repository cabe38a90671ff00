"""Pieces of the local store: logs written as one Parquet file, and read in place of them.

Logs are read here as a query reads them, by `Load`; a piece holds every field of its logs
under the types of a table, so that a query over it gives the rows that it gives over them.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from athena_flow.engines.duckdb import parquet
from athena_flow.engines.duckdb.database import (
    DUCKDB_TYPES,
    fetched,
    first_line,
    listed,
    opened,
)
from athena_flow.engines.duckdb.load import Load
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.errors import CannotWrite
from athena_flow.ingest import Counts, SeveralFormats
from athena_flow.layout import FLAT
from athena_flow.logformat import DEFAULT, LogFormat, header_format
from athena_flow.manifest import Match, Piece, Schema, columns_of, is_columns
from athena_flow.ports import ObjectInfo, Registered, file_stamp, no_progress
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
_TABLE = TableSpec("logs", "logs", "/", DEFAULT, FLAT)
_ROOM = "make room, or give another --store"


class PieceWriter:
    """Writes pieces below a store's folder, for several threads a database each."""

    def __init__(self, folder: Path, spill: Path) -> None:
        self._folder, self._spill = folder, spill
        self._own = threading.local()
        self._open: list[duckdb.DuckDBPyConnection] = []

    def stop(self) -> None:
        """Ends what is under way, if anything is."""
        for db in self._open:
            db.interrupt()

    def _db(self) -> duckdb.DuckDBPyConnection:
        """This thread's database, without what was in it."""
        db: duckdb.DuckDBPyConnection | None = getattr(self._own, "db", None)
        if db is None:
            db = self._own.db = opened("")
            self._open.append(db)
            db.execute(f"SET temp_directory = {literal(str(self._spill))}")
            db.execute(f"SET memory_limit = '{MEMORY}'")
            db.execute("SET preserve_insertion_order = false")
        db.execute(f"DROP SCHEMA IF EXISTS {name(_TABLE.database)} CASCADE")
        return db

    def __call__(self, form: str, paths: Sequence[str], base: str | None, path: str) -> Counts:
        """An `ingest.Tools.write`. Raises BadFile, CannotWrite."""
        target = self._folder / path
        part = target.with_name(f"{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            db = self._db()
            notes = Notes()
            source = _rows(db, form, paths, notes)
            if base:
                source = f"({source} UNION ALL FROM {_read([str(self._folder / base)])})"
            rows = _copy(db, source, part, paths if is_columns(form) else ())
            if is_columns(form):
                notes.no_end = _without_end(db, columns_of(form), _read(paths))
            size, digest = part.stat().st_size, _digest(part)
            part.replace(target)
            now = file_stamp(target.stat())
        except OSError as error:
            raise CannotWrite(f"cannot write {target}: {error.strerror}", hint=_ROOM) from None
        finally:
            part.unlink(missing_ok=True)
        odd = (notes.odd_rows, notes.first_odd, notes.no_end)
        return Counts(size, now, digest, rows, *odd, frozenset(notes.undecodable))


def _rows(db: duckdb.DuckDBPyConnection, form: str, paths: Sequence[str], notes: Notes) -> str:
    """The rows of logs of one form, to be selected: for text, loaded and counted."""
    if is_columns(form):
        return f"FROM {_read(paths)}"
    log_format = header_format(form)
    spec = replace(_TABLE, format=log_format)
    logs = {ObjectInfo(path, Path(path).stat().st_size): Registered(None, "/") for path in paths}
    _OneForm(db, spec, spec.columns, notes).all(logs, no_progress)
    return f"FROM {spec.sql}"


class _OneForm(Load):
    """Loads text logs of one format. Raises SeveralFormats for a header of another one."""

    def check(self, log_format: LogFormat, uri: str) -> None:
        raise SeveralFormats(f"{uri}: holds lines of another format, too: {log_format.header}")


def _copy(db: duckdb.DuckDBPyConnection, source: str, part: Path, logs: Sequence[str]) -> int:
    """Writes the rows; returns how many. Raises CannotWrite, and BadFile for one of the logs."""
    try:
        ((rows,),) = fetched(db, f"COPY ({source}) TO {literal(str(part))} ({FORM})")
    except duckdb.Error as error:
        for log in logs:
            parquet.check(log)
        raise CannotWrite(f"cannot write {part}: {first_line(error)}", hint=_ROOM) from error
    if not isinstance(rows, int):
        raise CannotWrite(f"cannot write {part}: DuckDB counted no rows")
    return rows


def _without_end(db: duckdb.DuckDBPyConnection, schema: Schema, source: str) -> int:
    """Rows whose ``end`` is NULL; 0 where there is no such column."""
    ends = [real for real, _ in schema if real.lower() == "end"]
    if not ends:
        return 0
    ((count,),) = fetched(db, f"SELECT count(*) - count({name(ends[0])}) FROM {source}")
    return count if isinstance(count, int) else 0


def _read(paths: Sequence[str]) -> str:
    return f"read_parquet([{listed(paths)}], hive_partitioning = false)"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


# ---------------------------------------------------------------- reading them


def add_pieces(
    db: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    columns: Sequence[tuple[str, str]],
    match: Match,
    notes: Notes,
    check: Callable[[LogFormat, str], None],
    logs: Iterable[ObjectInfo],
) -> set[str]:
    """Puts the rows of stored pieces beside those that a `Load` has made the table of.

    ``check`` is that Load's; ``logs`` are those of the query, in their order. Returns the
    folders of the pieces. Raises BadFile, also for Parquet logs with a column of another type
    than the table's.
    """
    notes.empty += match.empty
    if not match.pieces:
        return set()
    order = {log.uri: number for number, log in enumerate(logs)}
    by_schema: dict[Schema, list[tuple[Piece, Registered, str]]] = defaultdict(list)
    odd = [notes.first_odd, *(piece.first_odd for piece, _, _ in match.pieces)]
    notes.first_odd = min(filter(None, odd), default="", key=lambda at: order[_log(at)])
    ends = any(column == "end" for column, _ in columns)
    for piece, place, path in match.pieces:
        by_schema[_schema(piece)].append((piece, place, path))
        found = piece.log_format
        if found and spec.partitions != "files" and found.columns != spec.format.columns:
            check(found, piece.logs[0].uri)
            notes.mapped += (log.uri for log in piece.logs)
        notes.undecodable += (log.uri for log in piece.logs if log.undecodable)
        notes.odd_rows += piece.odd_rows
        has_end = any(real.lower() == "end" for real, _ in _schema(piece))
        notes.no_end += (piece.no_end if has_end else piece.rows) if ends else 0
    selects = [_select(spec, columns, schema, some) for schema, some in by_schema.items()]
    read = name(spec.database, f"{spec.name}$read")
    db.execute(f"ALTER VIEW {spec.sql} RENAME TO {name(f'{spec.name}$read')}")
    db.execute(f"CREATE VIEW {spec.sql} AS {' UNION ALL '.join([f'FROM {read}', *selects])}")
    return {str(Path(path).parent) for _, _, path in match.pieces}


def _log(at: str) -> str:
    """``log:line`` without the line."""
    return at.rpartition(":")[0]


def _schema(piece: Piece) -> Schema:
    """The columns of a piece's own file."""
    if piece.log_format is None:
        return columns_of(piece.form)
    return tuple((f.column, DUCKDB_TYPES[f.athena_type]) for f in piece.log_format.fields)


def _select(
    spec: TableSpec,
    columns: Sequence[tuple[str, str]],
    schema: Schema,
    pieces: Sequence[tuple[Piece, Registered, str]],
) -> str:
    """The rows of pieces that have the same columns, with their places' partition keys."""
    first = pieces[0][0].logs[0].uri
    keys = dict(spec.keys)
    picked = ", ".join(
        name(c).text if c in keys else f"{parquet.column(c, k, schema, first)} AS {name(c)}"
        for c, k in columns
    )
    paths = listed(path for _, _, path in pieces)
    wanted = [c for c, _ in columns if c in keys]
    if not wanted:
        return f"SELECT {picked} FROM read_parquet([{paths}], hive_partitioning = false)"
    rows = []
    for _, place, path in pieces:
        values = spec.values(place.partition) if place.partition else (None,) * len(keys)
        named = dict(zip(spec.layout.keys, values, strict=True))
        rows.append(literal((path, *(named[c] for c in wanted))))
    names = ", ".join(name(c).text for c in wanted)
    return (
        f"SELECT {picked} FROM read_parquet([{paths}], hive_partitioning = false, filename = true)"
        f" JOIN (VALUES {', '.join(rows)}) AS places (filename, {names}) USING (filename)"
    )
