"""Tables as an estimate sees them: ours or anybody's, from what the catalog says of them.

A table whose files lie below its own location, or its partitions', can be sized by listing.
Where a table format, a manifest or a connector says which files there are, listing proves
nothing, and the table says why.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from athena_flow.errors import BadSql, ForeignTable, TableDiffers
from athena_flow.gluetable import spec_from_table
from athena_flow.projected import is_projected
from athena_flow.table import CODECS, TableSpec

ReadAs = Literal["text", "parquet", "other"]
"""How much of an object a scan reads: all of it, the columns that it needs, or not known."""

_TEXT, _PARQUET = CODECS["text"].input_format, CODECS["parquet"].input_format
_LISTED: Mapping[str, ReadAs] = {
    _TEXT: "text",
    _PARQUET: "parquet",
    "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat": "other",
    "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat": "other",
    "org.apache.hadoop.hive.ql.io.RCFileInputFormat": "other",
    "org.apache.hadoop.mapred.SequenceFileInputFormat": "other",
    "com.amazon.ion.hiveserde.formats.IonInputFormat": "other",
    "com.amazon.emr.cloudtrail.CloudTrailInputFormat": "text",
    "parquet.hive.DeprecatedParquetInputFormat": "parquet",
}
"""Input formats whose files are those that lie at a location. Source: Athena User Guide,
"Choose a SerDe for your data"."""
_KINDS = ("table_type", "spark.sql.sources.provider", "classification")
"""Properties that say what keeps a table's files."""
_KEPT_ELSEWHERE = {"iceberg", "delta", "hudi", "governed"}
_LINK = "it is a link to a table of another database or account"
PLACES = ("s3://", "/")
"""How a location begins whose objects can be listed."""
_VIEW = ("/* Presto View: ", " */")
"""Around a view's definition. Source: Trino, ViewReaderUtil."""


@dataclass(frozen=True, slots=True)
class Readable:
    """Any table of the catalog, a flow log's or not, as an estimate sees it."""

    database: str
    name: str
    columns: Mapping[str, str]
    """Data columns: lower-case name and Athena type."""
    keys: Mapping[str, str]
    """Partition keys, in order."""
    file_type: ReadAs
    location: str
    """Its own, where it has no partitions."""
    spec: TableSpec | None = None
    """Where it is one of ours."""
    projected: bool = False
    """Are its partitions computed, and none registered?"""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Its properties, where they say what is projected; names in lower case."""
    unbounded: str = ""
    """Why its files cannot be known; empty where they can."""

    @property
    def title(self) -> str:
        return self.spec.title if self.spec else f"{self.database}.{self.name}"


@dataclass(frozen=True, slots=True)
class View:
    """A query under a name."""

    database: str
    name: str
    sql: str
    schema: str
    """The database of the names in its text that say none."""
    dialect: Literal["athena", "hive"] = "athena"


def readable_of(spec: TableSpec) -> Readable:
    return Readable(
        spec.database,
        spec.name,
        dict(spec.columns),
        dict(spec.keys),
        spec.file_type,
        spec.root,
        spec,
        spec.projection is not None,
    )


def readable(database: str, described: Mapping[str, Any]) -> Readable | View:
    """A table or view as the catalog describes it. Raises BadSql for a view without a text."""
    name = str(described["Name"]).lower()
    if described.get("TableType") == "VIRTUAL_VIEW":
        return _view(database, name, described)
    try:
        return readable_of(spec_from_table(database, described))
    except (ForeignTable, TableDiffers):
        return _foreign(database, name, described)


def _foreign(database: str, name: str, described: Mapping[str, Any]) -> Readable:
    storage = described.get("StorageDescriptor") or {}
    parameters = {k.lower(): str(v) for k, v in (described.get("Parameters") or {}).items()}
    input_format = str(storage.get("InputFormat") or "")
    location = str(storage.get("Location") or "")
    return Readable(
        database,
        name,
        {c["Name"].lower(): c.get("Type", "") for c in storage.get("Columns") or ()},
        {k["Name"].lower(): k.get("Type", "") for k in described.get("PartitionKeys") or ()},
        read_as(input_format) or "other",
        location,
        projected=is_projected(parameters),
        parameters=parameters if is_projected(parameters) else {},
        unbounded=_LINK
        if described.get("TargetTable")
        else _unbounded(parameters, input_format, location),
    )


def read_as(input_format: str) -> ReadAs | None:
    """How files of a Hive input format are read; None where listing does not say which."""
    return _LISTED.get(input_format)


def _unbounded(parameters: Mapping[str, str], input_format: str, location: str) -> str:
    named = {parameters.get(name, "").lower() for name in _KINDS}
    for kind in sorted(named & _KEPT_ELSEWHERE):
        return f"its own metadata says which files it has ({kind})"
    if "storage_handler" in parameters:
        return f"it is read by a connector ({parameters['storage_handler']})"
    if not location.startswith(PLACES):
        return f"its location is no place in S3 ({location or 'none'})"
    if read_as(input_format) is None:
        return f"which files its input format reads is not known ({input_format or 'none'})"
    return ""


def _view(database: str, name: str, described: Mapping[str, Any]) -> View:
    for text in _texts(described, "ViewOriginalText"):
        if text.startswith(_VIEW[0]) and text.endswith(_VIEW[1]):
            return _presto_view(database, name, text[len(_VIEW[0]) : -len(_VIEW[1])])
    for text in _texts(described, "ViewExpandedText"):
        if text and not text.startswith("/*"):
            return View(database, name, text, database, "hive")
    raise BadSql(f"the catalog does not say what view {database}.{name} reads")


def _texts(described: Mapping[str, Any], which: str) -> list[str]:
    """The view's text, and those of a view that the catalog holds in several dialects."""
    more = (described.get("ViewDefinition") or {}).get("Representations") or ()
    athena = [one for one in more if one.get("Dialect") in ("ATHENA", None)]
    return [str(one.get(which) or "").strip() for one in (described, *athena)]


def _presto_view(database: str, name: str, encoded: str) -> View:
    try:
        found = json.loads(base64.b64decode(encoded.strip(), validate=True))
        return View(database, name, found["originalSql"], str(found.get("schema") or database))
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise BadSql(f"the definition of view {database}.{name} cannot be read") from None
