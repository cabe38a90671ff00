"""TableSpec -> the text of CREATE and ALTER TABLE, in Hive's grammar as Athena takes it.

Every identifier is back-ticked (`start`, `end`, `date` are reserved), every data column is
kept in the log's order (text columns are positional), and nothing ends in ``;``. Text goes
out only; nothing here sends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from athena_flow.layout import Partition
from athena_flow.sqltext import hive_name, hive_string
from athena_flow.table import CODECS, TableSpec, properties

STATEMENT_BYTES = 262_144
"""Longest statement that Athena takes, in UTF-8 bytes. Source: Athena User Guide, quotas."""


def create_database(database: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {hive_name(database)}"


def create_table(spec: TableSpec) -> str:
    """The CREATE EXTERNAL TABLE statement, with the properties by which the table remembers."""
    columns = ",\n".join(
        f"  {hive_name(f.column)} {f.athena_type} COMMENT {hive_string(f.doc)}"
        for f in spec.format.fields
    )
    keys = ",\n".join(f"  {hive_name(key)} {type_}" for key, type_ in spec.keys)
    remembered = ",\n".join(
        f"  {hive_string(k)} = {hive_string(v)}" for k, v in properties(spec).items()
    )
    return "\n".join(
        [
            f"CREATE EXTERNAL TABLE IF NOT EXISTS {_table(spec)} (\n{columns}\n)",
            f"PARTITIONED BY (\n{keys}\n)",
            CODECS[spec.file_type].ddl,
            f"LOCATION {hive_string(spec.root)}",
            f"TBLPROPERTIES (\n{remembered}\n)",
        ]
    )


def add_partitions(spec: TableSpec, partitions: Iterable[Partition]) -> Iterator[str]:
    """ALTER TABLE statements that register the partitions, each within `STATEMENT_BYTES`."""
    head = f"ALTER TABLE {_table(spec)} ADD IF NOT EXISTS"
    room = STATEMENT_BYTES - len(head.encode())
    clauses: list[str] = []
    used = 0
    for partition in partitions:
        clause = _partition(spec, partition)
        size = len(clause.encode())
        if clauses and used + size > room:
            yield head + "".join(clauses)
            clauses, used = [], 0
        clauses.append(clause)
        used += size
    if clauses:
        yield head + "".join(clauses)


def _partition(spec: TableSpec, partition: Partition) -> str:
    values = zip(spec.layout.keys, spec.values(partition), strict=True)
    named = ", ".join(f"{hive_name(key)} = {hive_string(value)}" for key, value in values)
    return f"\n  PARTITION ({named}) LOCATION {hive_string(spec.place(partition))}"


def _table(spec: TableSpec) -> str:
    return f"{hive_name(spec.database)}.{hive_name(spec.name)}"
