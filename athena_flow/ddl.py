"""TableSpec -> the text of CREATE and ALTER TABLE, in Hive's grammar as Athena takes it.

Every identifier is back-ticked (`start`, `end`, `date` are reserved), every data column is
kept in the log's order (text columns are positional), and nothing ends in ``;``. Text goes
out only; nothing here sends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from athena_flow.layout import Partition
from athena_flow.parallel import batches
from athena_flow.sqltext import STATEMENT_BYTES, hive_name, hive_string
from athena_flow.table import CODECS, TableSpec, properties

DROPPED = 500
"""Partitions per ALTER TABLE DROP: about 60 kB, far within `STATEMENT_BYTES`."""


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


def drop_table(spec: TableSpec) -> str:
    """Forgets an external table and its partitions: its objects stay as they are."""
    return f"DROP TABLE IF EXISTS {_table(spec)}"


def add_partitions(spec: TableSpec, partitions: Iterable[Partition]) -> Iterator[str]:
    """ALTER TABLE statements that register the partitions, each within `STATEMENT_BYTES`."""
    return (text for text, _ in added_by(spec, partitions))


def added_by(
    spec: TableSpec, partitions: Iterable[Partition]
) -> Iterator[tuple[str, tuple[Partition, ...]]]:
    """The same statements, each with the partitions that it registers."""
    head = f"ALTER TABLE {_table(spec)} ADD IF NOT EXISTS"
    room = STATEMENT_BYTES - len(head.encode())
    clauses: list[str] = []
    held: list[Partition] = []
    used = 0
    for partition in partitions:
        clause = _partition(spec, partition)
        size = len(clause.encode())
        if clauses and used + size > room:
            yield head + "".join(clauses), tuple(held)
            clauses, held, used = [], [], 0
        clauses.append(clause)
        held.append(partition)
        used += size
    if clauses:
        yield head + "".join(clauses), tuple(held)


def drop_partitions(spec: TableSpec, partitions: Iterable[Partition]) -> Iterator[str]:
    """ALTER TABLE statements that forget the partitions, `DROPPED` at a time."""
    head = f"ALTER TABLE {_table(spec)} DROP IF EXISTS"
    for batch in batches(partitions, DROPPED):
        yield head + ",".join(f"\n  PARTITION ({_named(spec, p)})" for p in batch)


def _partition(spec: TableSpec, partition: Partition) -> str:
    named, place = _named(spec, partition), hive_string(spec.place(partition))
    return f"\n  PARTITION ({named}) LOCATION {place}"


def _named(spec: TableSpec, partition: Partition) -> str:
    values = zip(spec.layout.keys, spec.values(partition), strict=True)
    return ", ".join(f"{hive_name(key)} = {hive_string(value)}" for key, value in values)


def _table(spec: TableSpec) -> str:
    return f"{hive_name(spec.database)}.{hive_name(spec.name)}"
