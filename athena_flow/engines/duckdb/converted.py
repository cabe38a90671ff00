"""A few text logs written as Parquet, to see what the same rows would take."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from athena_flow.advice import Converted
from athena_flow.engines.duckdb.database import connection, first_line
from athena_flow.engines.duckdb.load import Load
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.errors import EngineError
from athena_flow.ports import ObjectInfo, Registered, no_progress
from athena_flow.sqltext import literal, name
from athena_flow.table import TableSpec

CODEC = "gzip"
"""As AWS delivers flow logs in Parquet, and as Athena writes it. Source: VPC User Guide, "Flow log
files"; Athena User Guide, "CREATE TABLE AS"."""


def as_parquet(spec: TableSpec, logs: Sequence[tuple[str, bytes]]) -> Converted:
    """An `advice.Convert`. Raises BadFile, EngineError."""
    with tempfile.TemporaryDirectory(prefix="athena-flow-") as folder, connection("") as db:
        objects = {}
        for number, (last, content) in enumerate(logs):
            file = Path(folder, f"{number}-{last}")
            file.write_bytes(content)
            objects[ObjectInfo(str(file), len(content))] = Registered(None, folder)
        Load(db, spec, spec.columns, Notes()).all(objects, no_progress)
        made = Path(folder, "made.parquet")
        columns = ", ".join(name(column).text for column, _ in spec.columns)
        try:
            db.execute(
                f"COPY (SELECT {columns} FROM {spec.sql}) TO {literal(str(made))}"
                f" (FORMAT parquet, COMPRESSION {CODEC})"
            )
            sizes = db.execute(
                "SELECT path_in_schema, sum(total_compressed_size)"
                f" FROM parquet_metadata({literal(str(made))}) GROUP BY ALL"
            ).fetchall()
        except duckdb.Error as error:
            raise EngineError(f"duckdb: {first_line(error)}") from error
        return Converted(made.stat().st_size, {str(c).lower(): int(n) for c, n in sizes})
