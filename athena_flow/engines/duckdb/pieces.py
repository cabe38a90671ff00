"""Reads pieces of the local store in place of the logs whose rows they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import duckdb

from athena_flow.engines.duckdb import parquet
from athena_flow.engines.duckdb.database import DUCKDB_TYPES, fetched
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.logformat import LogFormat
from athena_flow.manifest import Match, Piece, Schema, columns_of
from athena_flow.ports import ObjectInfo, Registered
from athena_flow.sqltext import literal, name
from athena_flow.table import TableSpec


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
    notes.first_odd = min(filter(None, odd), default="", key=lambda at: order.get(_log(at), -1))
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


def hold(db: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    """Copies the rows of a table's pieces into DuckDB, which can then forget or spill them.

    Grouping 100 million rows of Parquet files by addresses, DuckDB keeps some memory for each
    row that it can neither; over a table of its own it does not (duckdb/duckdb#22578).
    """
    held = name(spec.database, f"{spec.name}$held")
    fetched(db, f"CREATE TABLE {held} AS FROM {spec.sql}")
    db.execute(f"CREATE OR REPLACE VIEW {spec.sql} AS FROM {held}")


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
    paths = [path for _, _, path in pieces]
    wanted = [c for c, _ in columns if c in keys]
    if not wanted:
        return f"SELECT {picked} FROM {parquet.read(paths)}"
    rows = []
    for _, place, path in pieces:
        values = spec.values(place.partition) if place.partition else (None,) * len(keys)
        named = dict(zip(spec.layout.keys, values, strict=True))
        rows.append(literal((path, *(named[c] for c in wanted))))
    names = ", ".join(name(c).text for c in wanted)
    return (
        f"SELECT {picked} FROM {parquet.read(paths, filename=True)}"
        f" JOIN (VALUES {', '.join(rows)}) AS places (filename, {names}) USING (filename)"
    )
