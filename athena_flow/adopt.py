"""Tables of somebody else: asked as they are, with their columns under our fields' names.

AWS's guide had other column names until 2022, and people have their own. Where a name
leaves no doubt which field it is, the table is read through a subquery that gives the
columns our names and types; a query whose fields are not all there is refused as usual.
The partitions are those whose own location lies in the window, whatever the keys are
called; one whose location says nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from athena_flow.errors import ForeignTable
from athena_flow.fields import Field
from athena_flow.layout import FLAT, LAYOUTS, find_partition
from athena_flow.logformat import LogFormat, from_names
from athena_flow.names import field_of_column
from athena_flow.ports import Part, Registered
from athena_flow.sqltext import Sql, conjunction, literal, name
from athena_flow.table import FileType, TableSpec
from athena_flow.window import Window

_READ_AS = {
    "int": {"tinyint", "smallint", "int"},
    "bigint": {"tinyint", "smallint", "int", "bigint"},
    "string": {"string"},
}
"""Our type and those of theirs that need no cast."""
_TRINO = {"int": "integer", "bigint": "bigint", "string": "varchar"}
_CASTABLE = {"string", "tinyint", "smallint", "int", "bigint"}
MOST_VALUES = 1000
"""Longest list of partition values that is written into a statement."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A foreign table seen through a window."""

    spec: TableSpec
    locations: tuple[str, ...]
    """What a query over the window reads: partitions, or the whole table."""
    notes: tuple[str, ...]

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        """The Partitions of this one table and window."""
        yield from (Registered(None, location) for location in self.locations)


def adopt(
    database: str, described: Mapping[str, Any], parts: Iterable[Part], window: Window
) -> Adopted:
    """The table ``described`` by the catalog, as our queries can read it in this window.

    Raises ForeignTable when no column of it is a flow-log field.
    """
    storage = described.get("StorageDescriptor") or {}
    columns = [(c["Name"], c.get("Type", "")) for c in storage.get("Columns") or ()]
    matched = _matched(columns)
    title = f"{database}.{described['Name']}"
    if (described.get("Parameters") or {}).get("projection.enabled") == "true":
        raise ForeignTable(
            f"table {title} projects its partitions, and was not created by athena-flow",
            hint="init-table under another --table makes one over the same logs, beside it",
        )
    if not matched:
        raise ForeignTable(f"table {title} has no column that is a flow-log field")
    keys = [
        (key["Name"], key.get("Type", "string")) for key in described.get("PartitionKeys") or ()
    ]
    kept = [part for part in parts if _touches(part, window)] if keys else []
    picked = ", ".join(f"{_cast(*theirs, ours)} AS {name(ours.column)}" for theirs, ours in matched)
    where = _key_predicate(keys, kept)
    text = f"(SELECT {picked} FROM {name(database, described['Name'])} WHERE {where})"
    location = str(storage.get("Location", "")).rstrip("/") + "/"
    parquet: FileType = "parquet" if "arquet" in str(storage.get("InputFormat")) else "text"
    renamed = [f"{their} as {ours.column}" for (their, _), ours in matched if their != ours.column]
    spec = TableSpec(
        database=database,
        name=described["Name"],
        location=location,
        format=LogFormat(tuple(ours for _, ours in matched)),
        layout=FLAT,
        file_type=parquet,
        partitions="files",
        source=Sql(text),
    )
    notes = [f"{title} was not created by athena-flow: read as it is"]
    if renamed:
        notes.append(f"columns read by another name: {', '.join(renamed)}")
    if not keys:
        notes.append(f"{title} has no partitions: every query reads all of it")
    return Adopted(spec, tuple(p.location for p in kept) if keys else (location,), tuple(notes))


def _matched(columns: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, str], Field]]:
    """The columns that are fields, each field once; one with a type we cannot read is none."""
    found: dict[str, tuple[str, str]] = {}
    for column, kind in columns:
        field = field_of_column(column)
        if field and kind in _CASTABLE:
            found.setdefault(field, (column, kind))
    fields = from_names(list(found)).fields if found else ()
    return list(zip(found.values(), fields, strict=True))


def _cast(column: str, kind: str, ours: Field) -> str:
    quoted = name(column).text
    if kind in _READ_AS[ours.athena_type]:
        return quoted
    return f"TRY_CAST({quoted} AS {_TRINO[ours.athena_type]})"


def _touches(part: Part, window: Window) -> bool:
    found = find_partition(part.location)
    if found is None:
        return True
    layout, partition = LAYOUTS[found[0]], found[1]
    return window.covers(partition.start, layout.step) and window.wants(
        partition.account, partition.region
    )


def _key_predicate(keys: Sequence[tuple[str, str]], kept: Sequence[Part]) -> Sql:
    """The kept partitions by their values, key by key; a key with too many is left out."""
    terms = []
    for place, (key, kind) in enumerate(keys):
        values = sorted({part.values[place] for part in kept})
        if len(values) <= MOST_VALUES and kind in ("string", "date"):
            prefix = "DATE " if kind == "date" else ""
            listed = ", ".join(prefix + literal(value) for value in values) or "NULL"
            terms.append(f"{name(key)} IN ({listed})")
    return conjunction(terms)
