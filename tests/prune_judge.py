"""An engine that stays open, to judge what pruning does: opening one for each question is slow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import duckdb

from athena_flow.errors import BadSql
from athena_flow.translate import SETUP, to_duckdb

SQL_TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
}


def _open() -> duckdb.DuckDBPyConnection:
    db = duckdb.connect(config={"threads": 1})
    for statement in SETUP:
        db.execute(statement)
    return db


JUDGE = _open()


def evaluate(
    condition: str, keys: Mapping[str, str], rows: Sequence[Sequence[str | None]]
) -> Sequence[bool]:
    """As the embedded engine's own `evaluate`, each question asked once."""
    return _evaluated(condition, tuple(keys.items()), tuple(map(tuple, rows)))


@cache
def _evaluated(
    condition: str, keys: tuple[tuple[str, str], ...], rows: tuple[tuple[str | None, ...], ...]
) -> tuple[bool, ...]:
    columns = ", ".join(f'CAST("{n}" AS {SQL_TYPES[k]}) AS "{n}"' for n, k in keys)
    names = ", ".join(f'"{n}"' for n, _ in keys)
    values = ", ".join(str((n, *row)) for n, row in enumerate(rows))
    try:
        where = to_duckdb(f"SELECT 1 FROM keys WHERE {condition}", {"keys": dict(keys)})
        found = JUDGE.execute(
            f'SELECT "$n" FROM (SELECT "$n", {columns} FROM (VALUES {values})'
            f' AS texts ("$n", {names})) AS keys WHERE {where.partition(" WHERE ")[2]}'
        ).fetchall()
    except (duckdb.Error, BadSql):
        return (True,) * len(rows)
    numbers = {n for (n,) in found}
    return tuple(n in numbers for n in range(len(rows)))
