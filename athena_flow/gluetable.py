"""TableSpec and Partition <-> the dictionaries of Glue's API.

``spec_from_table(table_input(s)) == s``. What engines add to a table is ignored; a column
list that no longer says what the properties say is an error, because someone altered it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from athena_flow.errors import TableDiffers
from athena_flow.layout import Partition
from athena_flow.table import CODECS, TableSpec, properties, spec_from_properties

GlueDict = dict[str, Any]
"""A structure of Glue's API as boto3 takes and gives it."""


def table_input(spec: TableSpec) -> GlueDict:
    """The TableInput of CreateTable."""
    return {
        "Name": spec.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **properties(spec)},
        "PartitionKeys": [{"Name": key, "Type": type_} for key, type_ in spec.keys],
        "StorageDescriptor": _storage(spec, spec.root),
    }


def partition_input(spec: TableSpec, partition: Partition) -> GlueDict:
    """The PartitionInput of BatchCreatePartition.

    It repeats the table's whole StorageDescriptor: Athena reads a partition by its own.
    """
    return {
        "Values": list(spec.values(partition)),
        "StorageDescriptor": _storage(spec, spec.place(partition)),
    }


def spec_from_table(database: str, table: Mapping[str, Any]) -> TableSpec:
    """The spec of a table as GetTable gives it (or of a TableInput).

    Raises ForeignTable for one that athena-flow did not make, TableDiffers for one whose
    columns were altered since.
    """
    spec = spec_from_properties(database, table["Name"], table.get("Parameters") or {})
    for what, key, real in (
        ("columns", spec.columns, (table.get("StorageDescriptor") or {}).get("Columns")),
        ("partition keys", spec.keys, table.get("PartitionKeys")),
    ):
        found = tuple((c["Name"], c.get("Type", "")) for c in real or ())
        if found != key:
            raise TableDiffers(
                f"table {spec.title} was altered: its {what} are not those of its"
                f" athena_flow.log_format ({_first_difference(key, found)})",
                hint="drop it (metadata only) and run init-table again",
            )
    return spec


def is_intact(spec: TableSpec, described: Mapping[str, Any]) -> bool:
    """Does the catalog's table say all that we would write, whatever engines added to it?"""
    wanted = table_input(spec)
    storage = described.get("StorageDescriptor") or {}
    location = str(storage.get("Location", "")).rstrip("/") + "/"
    columns, keys = (
        [(c["Name"], c.get("Type", "")) for c in found or ()]
        for found in (storage.get("Columns"), described.get("PartitionKeys"))
    )
    return (
        wanted["Parameters"].items() <= (described.get("Parameters") or {}).items()
        and (columns, keys) == (list(spec.columns), list(spec.keys))
        and location == spec.root
    )


def _first_difference(
    wanted: tuple[tuple[str, str], ...], found: tuple[tuple[str, str], ...]
) -> str:
    for position, (ours, theirs) in enumerate(zip(wanted, found, strict=False), start=1):
        if ours != theirs:
            return f"number {position} is {' '.join(theirs)}, not {' '.join(ours)}"
    return f"{len(found)} instead of {len(wanted)}"


def _storage(spec: TableSpec, location: str) -> GlueDict:
    codec = CODECS[spec.file_type]
    return {
        "Columns": [
            {"Name": f.column, "Type": f.athena_type, "Comment": f.doc} for f in spec.format.fields
        ],
        "Location": location,
        "InputFormat": codec.input_format,
        "OutputFormat": codec.output_format,
        "SerdeInfo": {
            "SerializationLibrary": codec.serde,
            "Parameters": dict(codec.serde_parameters),
        },
    }
