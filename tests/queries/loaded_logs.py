"""Logs in DuckDB, filled from Python's records once and asked many statements.

What a query's SQL says is compared here, many times; that files are found, pruned and read right
is compared by whole runs, a few for each query.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from athena_flow.layout import DAILY, Partition
from athena_flow.logformat import LogFormat
from athena_flow.query import SavedQuery, bind
from athena_flow.sqltext import name
from athena_flow.table import TableSpec
from athena_flow.translate import SETUP, to_duckdb
from athena_flow.window import Window

_NULL = "\\N"
_TYPES = {"int": "INTEGER", "bigint": "BIGINT", "string": "VARCHAR"}
SMALL = 5_000
"""Records so few that DuckDB's optimizer takes longer than the statement."""
_ZONED = "TIMESTAMP WITH TIME ZONE"
Columns = Sequence[tuple[str, str]]
"""Names and Athena's types."""


def fill(
    db: duckdb.DuckDBPyConnection, table: str, columns: Columns, rows: Iterable[Sequence[Any]]
) -> None:
    """Makes a table of these rows; texts of logs hold no spaces."""
    listed = ", ".join(f"{name(column).text} {_TYPES[kind]}" for column, kind in columns)
    db.execute(f"CREATE OR REPLACE TABLE {table} ({listed})")
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8") as file:
        out = csv.writer(file, delimiter=" ", lineterminator="\n", quoting=csv.QUOTE_NONE)
        out.writerows([_NULL if v is None else v for v in row] for row in rows)
        file.flush()
        db.execute(
            f"COPY {table} FROM '{file.name}'"
            f" (FORMAT csv, HEADER false, DELIMITER ' ', QUOTE '', ESCAPE '', NULLSTR '{_NULL}')"
        )


@dataclass(frozen=True)
class Answer:
    """The columns' names, and the rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Loaded:
    """One table of records, and the partition keys of where each of them lies."""

    def __init__(
        self,
        log_format: LogFormat,
        records: Sequence[Mapping[str, Any]],
        places: Sequence[Partition],
        common: frozenset[str] | None = None,
    ) -> None:
        """``common`` are the columns that every record has, where that is not all of them."""
        self.spec = TableSpec("logs", "logs", "/nowhere/", log_format, DAILY, "text", "files")
        self.common = frozenset(log_format.columns) if common is None else common
        self._db = duckdb.connect()
        for statement in ("SET enable_progress_bar = false", *SETUP):
            self._db.execute(statement)
        self._db.execute("CREATE SCHEMA logs")
        data = log_format.columns
        rows = (
            (*(record.get(c) for c in data), *self.spec.values(place))
            for record, place in zip(records, places, strict=True)
        )
        fill(self._db, self.spec.sql.text, (*self.spec.columns, *self.spec.keys), rows)
        if len(records) < SMALL:
            self._db.execute("PRAGMA disable_optimizer")
            self._db.execute("SET threads = 1")
        self._known: dict[str, tuple[tuple[str, ...], list[str]]] = {}

    def ask(self, query: SavedQuery, values: Mapping[str, Any], window: Window) -> Answer:
        """The query's answer. Raises MissingFields."""
        sql = self._statement(query, values, window)
        first = None
        if query.name not in self._known:
            first = self._db.execute(sql)
            described = first.description or []
            kinds = [str(column[1]) for column in described]
            self._known[query.name] = tuple(column[0] for column in described), kinds
        names, kinds = self._known[query.name]
        if _ZONED in kinds:
            first = self._db.execute(_without_zones(sql, kinds))
        return Answer(names, (first or self._db.execute(sql)).fetchall())

    def _statement(self, query: SavedQuery, values: Mapping[str, Any], window: Window) -> str:
        """For DuckDB: made once for all logs that have the same of the query's fields."""
        lacks = tuple(query.missing(self.spec.format)), frozenset(query.lacking(self.common))
        key = (query.name, tuple(values.items()), lacks, self.spec.format.kinds, window)
        if key not in _STATEMENTS:
            sql = bind(query, values, self.spec, window, self.common).sql
            columns = dict((*self.spec.columns, *self.spec.keys))
            _STATEMENTS[key] = to_duckdb(sql, {self.spec.key: columns})
        return _STATEMENTS[key]


_STATEMENTS: dict[tuple[Any, ...], str] = {}


def _without_zones(sql: str, kinds: Sequence[str]) -> str:
    """Times with a zone as UTC times without one, as people are shown them."""
    names = [f"c{n}" for n in range(len(kinds))]
    shown = (
        f"CAST({c} AS TIMESTAMP)" if kind == _ZONED else c
        for c, kind in zip(names, kinds, strict=True)
    )
    return f"SELECT {', '.join(shown)} FROM ({sql}) AS answer ({', '.join(names)})"
