"""TableSpec: all that DDL, partition planning and queries need to know of one table.

A table remembers itself: `properties` go into it as table properties, and
`spec_from_properties` reads them back, so that later commands need only its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal, get_args

from athena_flow.errors import BadFormat, BadSetting, ForeignTable, TableDiffers
from athena_flow.layout import LAYOUTS, ROOT, Layout, Partition
from athena_flow.logformat import LogFormat, parse_format
from athena_flow.sqltext import Sql, name

FileType = Literal["text", "parquet"]
PartitionMode = Literal["explicit", "projection", "files"]
"""``files``: no table at all, a directory of logs read as it is; each file says its format."""

STRING = "string"
"""The type of every partition key: Glue prunes no other."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How Hive and Glue are told to read one file type."""

    ddl: str
    """Its clauses of CREATE TABLE."""
    serde: str
    input_format: str
    output_format: str
    serde_parameters: Mapping[str, str]
    properties: Mapping[str, str] = field(default_factory=dict)
    """Its table properties."""


CODECS: Mapping[FileType, Codec] = {
    "text": Codec(
        ddl="ROW FORMAT DELIMITED\nFIELDS TERMINATED BY ' '\nSTORED AS TEXTFILE",
        serde="org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        input_format="org.apache.hadoop.mapred.TextInputFormat",
        output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        serde_parameters={"field.delim": " ", "serialization.format": " "},
        properties={"skip.header.line.count": "1"},
    ),
    "parquet": Codec(
        ddl="STORED AS PARQUET",
        serde="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        serde_parameters={"serialization.format": "1"},
    ),
}
"""`skip.header.line.count` stays off Parquet tables: Hive would drop each file's first row."""

_PREFIX = "athena_flow."
_NAME = re.compile(r"[a-z0-9_]{1,255}", re.ASCII)
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.*", re.ASCII)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table over one tree of flow logs.

    Raises BadSetting for a name or location that Athena does not take, BadFormat for a
    field whose column a partition key already has.
    """

    database: str
    name: str
    location: str
    """What stands before ``AWSLogs/``, ending in ``/``: an S3 URI or an absolute folder."""
    format: LogFormat
    layout: Layout
    file_type: FileType = "text"
    partitions: PartitionMode = "explicit"

    def __post_init__(self) -> None:
        _check_name("database", self.database)
        _check_name("table", self.name)
        if not self.location.endswith("/") or "//" in self.location.removeprefix("s3://"):
            raise BadSetting(f"location {self.location!r} must end in / and hold no //")
        taken = [c for c in self.format.columns if c in self.layout.keys]
        if taken:
            raise BadFormat(f"log format: a partition key is called {', '.join(taken)} already")

    @property
    def title(self) -> str:
        """``database.table``, for people."""
        return f"{self.database}.{self.name}"

    @property
    def sql(self) -> Sql:
        """The quoted name for SELECT."""
        return name(self.database, self.name)

    @property
    def root(self) -> str:
        """The table's own LOCATION, ending in ``/``."""
        return self.location + ROOT

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Data columns in the log's order: name and Athena type."""
        return tuple((f.column, f.athena_type) for f in self.format.fields)

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Partition keys in order: name and type."""
        return tuple((key, STRING) for key in self.layout.keys)

    def place(self, partition: Partition) -> str:
        """The LOCATION of a partition, ending in ``/``."""
        return self.location + self.layout.prefix(partition)


def check_same(found: TableSpec, wanted: TableSpec) -> None:
    """Raises TableDiffers, with the first difference, unless the two are one table."""
    for what, theirs, ours in (
        ("location", found.location, wanted.location),
        ("layout", found.layout.name, wanted.layout.name),
        ("file type", found.file_type, wanted.file_type),
        ("partitions", found.partitions, wanted.partitions),
        ("log format", *_first_difference(found.format.header, wanted.format.header)),
    ):
        if theirs != ours:
            raise TableDiffers(
                f"table {wanted.title} exists with another {what}: {theirs}, not {ours}",
                hint="choose another --table, or drop it first (metadata only, no log is touched)",
            )


def _first_difference(theirs: str, ours: str) -> tuple[str, str]:
    """Two headers from their first different field on, shortened; equal when they are."""
    pairs = enumerate(zip_longest(theirs.split(), ours.split(), fillvalue="nothing"), start=1)
    for number, (there, here) in pairs:
        if there != here:
            return f"field {number} is {there}", here
    return "", ""


def properties(spec: TableSpec) -> dict[str, str]:
    """The table properties of a spec: its codec's, and those by which it remembers itself.

    The format is kept in a header line's spelling: shells, Terraform and Hive's own
    variable substitution eat ``${``.
    """
    return {
        **CODECS[spec.file_type].properties,
        _PREFIX + "location": spec.location,
        _PREFIX + "layout": spec.layout.name,
        _PREFIX + "file_type": spec.file_type,
        _PREFIX + "partitions": spec.partitions,
        _PREFIX + "log_format": spec.format.header,
    }


def spec_from_properties(database: str, name: str, found: Mapping[str, str]) -> TableSpec:
    """The spec that `properties` wrote; properties of others are ignored.

    Raises ForeignTable when they are not there, or not as this package writes them.
    """
    own = {k.removeprefix(_PREFIX): v for k, v in found.items() if k.startswith(_PREFIX)}
    missing = {"location", "layout", "file_type", "partitions", "log_format"} - own.keys()
    if missing:
        raise ForeignTable(
            f"table {database}.{name} was not created by athena-flow:"
            f" it has no property {_PREFIX}{min(missing)}",
            hint="init-table under another --table makes one over the same --location, beside"
            " it: metadata only, no log is touched",
        )
    if (
        own["layout"] not in LAYOUTS
        or own["file_type"] not in get_args(FileType)
        or own["partitions"] not in get_args(PartitionMode)
    ):
        raise ForeignTable(
            f"table {database}.{name} holds properties of another athena-flow: {own}",
            hint="upgrade athena-flow, or create the table again with this one",
        )
    return TableSpec(
        database=database,
        name=name,
        location=own["location"],
        format=parse_format(own["log_format"], allow_unknown=True),
        layout=LAYOUTS[own["layout"]],
        file_type=own["file_type"],  # type: ignore[arg-type]  # checked against FileType above
        partitions=own["partitions"],  # type: ignore[arg-type]  # likewise
    )


def _check_name(what: str, text: str) -> None:
    if not _NAME.fullmatch(text):
        raise BadSetting(
            f"{text!r} is no {what} name",
            hint="Athena takes lower-case letters, digits and underscores, at most 255",
        )


def s3_location(text: str) -> str:
    """``--location`` as a TableSpec takes it: an S3 URI with a final ``/``.

    Raises BadSetting with the location that was meant, where that can be told.
    """
    hint = "write s3://bucket/ or s3://bucket/prefix/: what stands before AWSLogs/"
    if text.startswith("arn:"):
        hint = f"write s3://{text.rpartition(':')[2].strip('/')}/"
    location = text if text.endswith("/") else text + "/"
    if not _S3.fullmatch(location):
        raise BadSetting(f"location {text!r} is no S3 URI", hint=hint)
    key = location.split("/", 3)[3]
    if "//" in "/" + key:
        raise BadSetting(f"location {text!r} holds //", hint=hint)
    return before_root(location)


def before_root(location: str) -> str:
    """The location itself. Raises BadSetting when it reaches into ``AWSLogs/``."""
    head, root, _ = location.partition("/" + ROOT)
    if root:
        raise BadSetting(
            f"location {location!r} reaches into {ROOT}",
            hint=f"write {head}/ and choose with --account and --region",
        )
    return location
