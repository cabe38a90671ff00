"""Parquet files: their columns, as a table reads them, and answers written as one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from athena_flow.engines.duckdb.database import (
    ATHENA_TYPES,
    DUCKDB_TYPES,
    FILE,
    connection,
    first_line,
    listed,
)
from athena_flow.errors import BadFile, EngineError, NotFound
from athena_flow.layout import PARQUET
from athena_flow.manifest import has_text
from athena_flow.sqltext import literal, name
from athena_flow.table import PARQUET_READS

ROWS = 10_000
"""Rows of an inventory that are held at a time."""
Schema = tuple[tuple[str, str], ...]
"""A Parquet file's columns: name and DuckDB type."""
_WRITES = {"string": "VARCHAR", "timestamp with time zone": "TIMESTAMP", "unknown": "VARCHAR"}
"""DuckDB's types for Athena's, where the names differ."""
_AS_PARQUET = "give each column a name of its own and a plain type, or take --as json"


@cache
def parquet_schema(path: str) -> Schema:
    """A Parquet file's columns and DuckDB's types of them. Raises BadFile."""
    return _schema(path)


def _schema(path: str) -> Schema:
    if not has_text(path):
        raise BadFile(f"{path}: its path is no UTF-8, which DuckDB cannot open")
    with duckdb.connect() as db:
        try:
            rows = db.execute(f"DESCRIBE FROM {read([path])}").fetchall()
        except duckdb.Error as error:
            raise BadFile(f"{path}: cannot be read: {first_line(error)}") from error
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
    return [(column, ATHENA_TYPES.get(kind, kind.lower())) for column, kind in schema]


def inventory_rows(file: Path) -> tuple[Sequence[str], Iterator[tuple[Any, ...]]]:
    """An `inventory.ParquetRows`: a few thousand rows at a time. Raises BadFile."""
    names = [column for column, _ in _schema(str(file))]

    def rows() -> Iterator[tuple[Any, ...]]:
        with connection("") as db:
            try:
                answer = db.execute(f"FROM {read([str(file)])}")
                while some_rows := answer.fetchmany(ROWS):
                    yield from some_rows
            except duckdb.Error as error:
                raise BadFile(f"{file}: cannot be read: {first_line(error)}") from error

    return names, rows()


def column(name_: str, kind: str, schema: Schema, file: str) -> str:
    """A column as the table's type; NULL where the files lack it. Raises BadFile."""
    real = {name.lower(): real for name, real in schema}.get(name_)
    if real is None:
        return f"CAST(NULL AS {DUCKDB_TYPES[kind]})"
    if real.lower() not in PARQUET_READS[kind]:
        raise BadFile(
            f"{file}: column {name_} is {real}, which a table with {name_} {kind} cannot read",
            hint="AWS writes no such file: leave it out of the folder",
        )
    return f"CAST({name(name_).text} AS {DUCKDB_TYPES[kind]})"


def read(paths: Iterable[str], *, filename: bool = False) -> str:
    """What reads these files, and no others; columns and rows are theirs alone."""
    more = ", filename = true" if filename else ""
    return f"read_parquet([{listed(paths)}], hive_partitioning = false{more})"


def rows(paths: Iterable[str]) -> str:
    """The rows of Parquet files, each with its file."""
    return f"(SELECT *, filename AS {name(FILE)} FROM {read(paths, filename=True)})"


def check(path: str) -> None:
    """Reads a file whole. Raises BadFile."""
    with duckdb.connect() as db:
        try:
            db.execute(f"SELECT max(hash(log)) FROM {read([path])} AS log").fetchall()
        except duckdb.Error as error:
            raise BadFile(f"{path}: cannot be read: {first_line(error)}") from error


def write_parquet(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]], file: Path
) -> None:
    """An `output.ParquetWriter`."""
    with connection("") as db:
        names = ", ".join(f"{name(c).text} {_WRITES.get(t, t)}" for c, t in columns)
        marks = ", ".join("?" for _ in columns)
        try:
            db.execute(f"CREATE TABLE answer ({names})")
            if rows:
                db.executemany(f"INSERT INTO answer VALUES ({marks})", rows)
            db.execute(f"COPY answer TO {literal(str(file))} (FORMAT parquet)")
        except duckdb.IOException as error:
            raise NotFound(f"cannot write {file}: {first_line(error)}") from None
        except duckdb.Error as error:
            raise EngineError(
                f"the answer is not written as Parquet: {first_line(error)}", hint=_AS_PARQUET
            ) from None
