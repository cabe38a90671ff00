"""The embedded engine: Athena's SQL on DuckDB over logs on this machine.

``database`` is a connection that knows Athena's functions, ``answers`` runs a statement on
it, ``load`` brings a table's files in: ``text`` reads and splits text logs, ``parquet`` maps
the columns of Parquet files, ``notes`` keeps what was odd in them. ``footers`` reads what the
ends of Parquet files say of the rest, ``converted`` writes a few logs as one.
``piecewriter`` writes the local store, ``pieces`` reads it.
"""

from athena_flow.engines.duckdb.answers import DuckDBEngine, evaluate
from athena_flow.engines.duckdb.converted import as_parquet
from athena_flow.engines.duckdb.footers import parquet_footers
from athena_flow.engines.duckdb.parquet import (
    inventory_rows,
    parquet_columns,
    parquet_schema,
    write_parquet,
)

__all__ = [
    "as_parquet",
    "DuckDBEngine",
    "evaluate",
    "inventory_rows",
    "parquet_columns",
    "parquet_footers",
    "parquet_schema",
    "write_parquet",
]
