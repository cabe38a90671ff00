"""TableSpec and Partition <-> the dictionaries of Glue's API.

``spec_from_table(table_input(s)) == s``. What engines add to a table is ignored; a column
list that no longer says what the properties say is an error, because someone altered it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from athena_flow.errors import TableDiffers
from athena_flow.layout import Partition
from athena_flow.table import (
    CODECS,
    SKIPPED_LINES,
    TableSpec,
    properties,
    spec_from_properties,
)

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

    It repeats the table's StorageDescriptor, by which Athena reads a partition; not its
    comments, which would be two thirds of what is sent.
    """
    storage = _storage(spec, spec.place(partition))
    columns = [{"Name": name, "Type": type_} for name, type_ in spec.columns]
    return {
        "Values": list(spec.values(partition)),
        "StorageDescriptor": {**storage, "Columns": columns},
    }


def spec_from_table(database: str, table: Mapping[str, Any]) -> TableSpec:
    """The spec of a table as GetTable gives it (or of a TableInput).

    Raises ForeignTable for one that athena-flow did not make, TableDiffers for one whose
    columns were altered since.
    """
    spec = spec_from_properties(database, table["Name"], table.get("Parameters") or {})
    altered = [*_altered_columns(spec, table)]
    if altered:
        raise was_altered(spec, altered)
    return spec


def was_altered(spec: TableSpec, altered: list[str], *access: str) -> TableDiffers:
    """The error for a table of ours that somebody altered; ``access`` are flags for the hint."""
    reached = access or (() if spec.location.startswith("s3://") else ("--engine", "duckdb"))
    command = spec.command("--replace", *reached)
    return TableDiffers(
        f"table {spec.title} was altered: {'; '.join(altered)}",
        hint=f"to mend it (metadata only, its partitions stay): {command}",
    )


def alterations(spec: TableSpec, described: Mapping[str, Any]) -> list[str]:
    """Where the catalog's table no longer says what we wrote, whatever engines added to it."""
    storage = described.get("StorageDescriptor") or {}
    return [
        *_altered_columns(spec, described),
        *_altered_properties(spec, described.get("Parameters") or {}),
        *_altered_storage(spec, storage),
    ]


def _altered_columns(spec: TableSpec, described: Mapping[str, Any]) -> Iterator[str]:
    for what, key, real in (
        ("columns", spec.columns, (described.get("StorageDescriptor") or {}).get("Columns")),
        ("partition keys", spec.keys, described.get("PartitionKeys")),
    ):
        found = tuple((c["Name"], c.get("Type", "")) for c in real or ())
        if found != key:
            yield (
                f"its {what} are not those of its athena_flow.log_format"
                f" ({_first_difference(key, found)})"
            )


def _altered_properties(spec: TableSpec, found: Mapping[str, str]) -> Iterator[str]:
    wanted = {SKIPPED_LINES: "0", **properties(spec)}
    for key, value in wanted.items():
        there = found.get(key, "0" if key == SKIPPED_LINES else None)
        if there is None:
            yield f"its property {key} is gone"
        elif there != value:
            yield f"its property {key} is {there}, not {value}"


def _altered_storage(spec: TableSpec, storage: Mapping[str, Any]) -> Iterator[str]:
    codec = CODECS[spec.file_type]
    serde = storage.get("SerdeInfo") or {}
    delimiter = (serde.get("Parameters") or {}).get("field.delim")
    location = str(storage.get("Location", ""))
    pairs = (
        ("LOCATION", location.rstrip("/") + "/", spec.root),
        ("SerDe", serde.get("SerializationLibrary"), codec.serde),
        ("input format", storage.get("InputFormat"), codec.input_format),
        ("field delimiter", delimiter, codec.serde_parameters.get("field.delim")),
    )
    for what, there, here in pairs:
        if there != here:
            yield f"its {what} is {_shown(there)}, not {_shown(here)}"


def _shown(value: object) -> str:
    """A value in a sentence: a blank shows, and nothing is called nothing."""
    text = "nothing" if value is None else f"{value}"
    return text if text.strip() else repr(text)


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
