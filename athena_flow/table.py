"""TableSpec: all that DDL, partition planning and queries need to know of one table.

A table remembers itself: `properties` go into it as table properties, and
`spec_from_properties` reads them back, so that later commands need only its name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import zip_longest
from typing import Literal

from athena_flow.errors import (
    BadFormat,
    BadSetting,
    ForeignTable,
    RequestError,
    TableDiffers,
)
from athena_flow.layout import (
    ACCOUNT,
    DATE,
    HOUR_KEY,
    LAYOUTS,
    REGION,
    ROOT,
    Layout,
    Partition,
)
from athena_flow.logformat import LogFormat, check_one_kind, parse_format
from athena_flow.sqltext import Sql, name
from athena_flow.window import Window

FileType = Literal["text", "parquet"]
PartitionMode = Literal["explicit", "projection", "files"]
"""``files``: no table at all, a directory of logs read as it is; each file says its format."""

FILE_TYPES: Mapping[str, FileType] = {"text": "text", "parquet": "parquet"}
MODES: Mapping[str, PartitionMode] = {"explicit": "explicit", "projection": "projection"}
HEADER_LINES: Mapping[str, int] = {"1": 1, "0": 0}
"""What a user can ask for, by its name."""

SKIPPED_LINES = "skip.header.line.count"
"""The property by which Athena, Trino and Hive leave out each file's first lines. Missing is
0 to all of them, so a table without header lines lacks it."""

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


CODECS: Mapping[FileType, Codec] = {
    "text": Codec(
        ddl="ROW FORMAT DELIMITED\nFIELDS TERMINATED BY ' '\nSTORED AS TEXTFILE",
        serde="org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        input_format="org.apache.hadoop.mapred.TextInputFormat",
        output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        serde_parameters={"field.delim": " ", "serialization.format": " "},
    ),
    "parquet": Codec(
        ddl="STORED AS PARQUET",
        serde="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        serde_parameters={"serialization.format": "1"},
    ),
}

PARQUET_READS: Mapping[str, frozenset[str]] = {
    "int": frozenset({"integer"}),
    "bigint": frozenset({"integer", "bigint"}),
    "string": frozenset({"varchar"}),
}
"""What a column's type reads of a Parquet file's, by SQL's names: Trino widens INT_32, and
converts nothing else. Source: Trino's Parquet reader, ColumnReaderFactory."""

_PREFIX = "athena_flow."
NAME_LENGTH = 255
"""Longest name of a database or table. Source: AWS Glue API reference, NameString."""
_NAME = re.compile(rf"[a-z0-9_]{{1,{NAME_LENGTH}}}", re.ASCII)
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^*?\x00-\x1f]*")


@dataclass(frozen=True, slots=True)
class Projection:
    """What Athena computes a table's partitions from, instead of asking the catalog."""

    start: date
    """The first day; the last is always tomorrow (UTC)."""
    regions: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    """None when every query has to name its own (an ``injected`` key)."""

    def __post_init__(self) -> None:
        if not self.regions:
            raise BadSetting("projection needs the regions: --region, repeatable")
        if len(self.accounts) > ENUM_VALUES:
            raise BadSetting(
                f"projection takes up to {ENUM_VALUES} accounts, not {len(self.accounts)}",
                hint="leave --account out here, and give it with each query",
            )

    def names(self, account: str, region: str) -> bool:
        """Are the logs of this account and region among the partitions that are computed?"""
        return region in self.regions and (not self.accounts or account in self.accounts)


ENUM_VALUES = 30
"""Longest enum that we project. Source: Athena User Guide, projection types, "a few dozen"."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table over one tree of flow logs.

    Raises BadSetting for a name or location that Athena does not take, BadFormat for a
    field whose column a partition key already has, and for text with VPC and Transit Gateway
    fields together.
    """

    database: str
    name: str
    location: str
    """What stands before ``AWSLogs/``, ending in ``/``: an S3 URI or an absolute folder."""
    format: LogFormat
    layout: Layout
    file_type: FileType = "text"
    partitions: PartitionMode = "explicit"
    projection: Projection | None = None
    """Present when ``partitions`` is projection, and only then."""
    source: Sql | None = None
    """What stands in for the table's name in a query; None for the name itself."""
    header_lines: int = 1
    """Lines at the top of each text file that are no records: 1, or 0 where somebody took AWS's
    header away. Of no meaning to Parquet."""
    headless: LogFormat | None = None
    """The format of text files without a header, where it is not the table's."""

    def __post_init__(self) -> None:
        _check_name("database", self.database)
        _check_name("table", self.name)
        if not self.location.endswith("/") or "//" in self.location.removeprefix("s3://"):
            raise BadSetting(f"location {self.location!r} must end in / and hold no //")
        if (self.partitions == "projection") != (self.projection is not None):
            raise BadSetting("projected partitions need a projection, and others have none")
        if not self.header_lines and self.file_type == "parquet":
            raise BadSetting(
                "Parquet files have no header lines, and 0 of them say nothing",
                hint="leave --header-lines out, or write --file-type text",
            )
        if self.file_type == "text" and self.partitions != "files":
            check_one_kind(self.format)
        taken = [c for c in self.format.columns if c in self.layout.keys]
        if taken:
            raise BadFormat(f"log format: a partition key is called {', '.join(taken)} already")

    @property
    def title(self) -> str:
        """``database.table``, or the directory that is read as it is: for people."""
        as_it_lies = self.partitions == "files" and self.source is None
        return self.location if as_it_lies else self.key

    @property
    def key(self) -> str:
        """``database.table``."""
        return f"{self.database}.{self.name}"

    @property
    def sql(self) -> Sql:
        """The quoted name for SELECT."""
        return self.source or name(self.database, self.name)

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

    def values(self, partition: Partition) -> tuple[str, ...]:
        """A partition's values for the partition keys, in order."""
        return self.layout.values(partition, self.projection is not None)

    def predicate(self, window: Window) -> Sql:
        """A window as a WHERE clause wants it: partitions and exact times."""
        return self.layout.predicate(window, self.format.columns, self.projection is not None)

    def command(self, *more: str) -> str:
        """The init-table command that asks for this very table, quoted for a shell."""
        named = self.layout.title == self.layout.name
        words = [
            *("--database", self.database, "--table", self.name, "--location", self.location),
            *("--layout", self.layout.name if named else self.layout.prefix(_SOMEWHERE) + "x.log"),
            *("--file-type", self.file_type, "--log-format", self.format.header),
        ]
        if any(not f.version for f in self.format.fields):
            words.append("--allow-unknown")
        if not self.header_lines:
            words += ("--header-lines", "0")
        if self.projection:
            words += ("--partitions", "projection", "--since", f"{self.projection.start}")
            words += (word for r in self.projection.regions for word in ("--region", r))
            words += (word for a in self.projection.accounts for word in ("--account", a))
        return shlex.join(("athena-flow", "init-table", *words, *more))


_SOMEWHERE = Partition("123456789012", "eu-west-1", datetime(2026, 11, 20, 10, tzinfo=UTC))
"""A partition for keys that only show how a layout is spelled."""


def check_same(found: TableSpec, wanted: TableSpec) -> None:
    """Raises TableDiffers, with every difference, unless the two are one table."""
    different = differences(found, wanted)
    if different:
        raise TableDiffers(
            f"table {wanted.title} exists with another {'; another '.join(different)}",
            hint="add --replace to make it anew (metadata only, no log is touched), or choose"
            " another --table",
        )


def differences(found: TableSpec, wanted: TableSpec) -> list[str]:
    """What tells two tables of one name apart, in words; empty when they are one table."""
    pairs: list[tuple[str, object, object]] = [
        ("location", found.location, wanted.location),
        ("layout", found.layout.title, wanted.layout.title),
        ("file type", found.file_type, wanted.file_type),
        ("partitions", found.partitions, wanted.partitions),
    ]
    if found.file_type == wanted.file_type:
        pairs.append(("number of header lines", found.header_lines, wanted.header_lines))
    if found.projection and wanted.projection:
        pairs += _projections(found.projection, wanted.projection)
    pairs.append(("log format", *_formats(found.format.header, wanted.format.header)))
    return [f"{what}: {there}, not {here}" for what, there, here in pairs if there != here]


def _projections(there: Projection, here: Projection) -> Iterator[tuple[str, str, str]]:
    """Days, regions and accounts of two projections; the order of the values says nothing."""
    yield "first day", f"{there.start}", f"{here.start}"
    for what, theirs, ours, none in (
        ("set of regions", there.regions, here.regions, ""),
        ("set of accounts", there.accounts, here.accounts, "whichever a query names"),
    ):
        a, b = (", ".join(sorted(values)) or none for values in (theirs, ours))
        more = _only(theirs, ours) if theirs and ours else ""
        yield what, a, b + f" ({more})" * bool(more)


def _formats(theirs: str, ours: str) -> tuple[str, str]:
    """Two headers: where they part, and what only one of them holds; equal when they are."""
    there, here = theirs.split(), ours.split()
    pairs = enumerate(zip_longest(there, here, fillvalue="the end"), start=1)
    first = next((f"field {n} is {a}", b) for n, (a, b) in pairs if a != b) if there != here else ()
    if not first:
        return "", ""
    more = _only(there, here) or "the same fields in another order"
    return first[0], f"{first[1]} ({more})"


def _only(there: Collection[str], here: Collection[str]) -> str:
    """What just one of two lists holds; empty for none such."""
    only = {
        "only there": [name for name in there if name not in here],
        "only here": [name for name in here if name not in there],
    }
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in only.items() if names)


def properties(spec: TableSpec) -> dict[str, str]:
    """The table properties of a spec: those that engines go by, and those by which it
    remembers itself.

    The format is kept in a header line's spelling: shells, Terraform and Hive's own
    variable substitution eat ``${``. Header lines are remembered by what engines go by, so
    that a table altered there is what it does. On Parquet, Hive would drop the first row of
    each file.
    """
    own = {
        "location": spec.location,
        "layout": spec.layout.name,
        "file_type": spec.file_type,
        "partitions": spec.partitions,
        "log_format": spec.format.header,
    }
    if spec.layout.title != spec.layout.name:
        own["template"] = spec.layout.template
    projected = _projected(spec, spec.projection) if spec.projection else {}
    skips = spec.file_type == "text" and spec.header_lines
    return {
        **({SKIPPED_LINES: f"{spec.header_lines}"} if skips else {}),
        **projected,
        **{_PREFIX + key: value for key, value in own.items()},
    }


def _projected(spec: TableSpec, projection: Projection) -> dict[str, str]:
    """Athena's ``projection.*`` properties.

    The range starts at an absolute day, its interval and unit are always said, and it ends
    tomorrow, so that nothing is missing at midnight.
    """
    template, date_format = spec.layout.projection()
    first = datetime(*projection.start.timetuple()[:3], tzinfo=UTC)
    start = dict(zip(spec.layout.keys, spec.values(Partition("", "", first)), strict=True))[DATE]
    accounts = {"type": "enum", "values": ",".join(projection.accounts)}
    keys = {
        ACCOUNT: accounts if projection.accounts else {"type": "injected"},
        REGION: {"type": "enum", "values": ",".join(projection.regions)},
        DATE: {
            "type": "date",
            "format": date_format,
            "range": f"{start},NOW+1DAYS",
            "interval": "1",
            "interval.unit": "DAYS",
        },
        HOUR_KEY: {"type": "integer", "range": "00,23", "digits": "2"},
    }
    return {
        "projection.enabled": "true",
        **{f"projection.{key}.{k}": v for key in spec.layout.keys for k, v in keys[key].items()},
        "storage.location.template": spec.location + template,
    }


def _projection_from(found: Mapping[str, str], layout: Layout) -> Projection:
    """The projection that `_projected` wrote."""
    first = found[f"projection.{DATE}.range"].partition(",")[0]
    regions = tuple(found[f"projection.{REGION}.values"].split(","))
    accounts = tuple(filter(None, found.get(f"projection.{ACCOUNT}.values", "").split(",")))
    values = ["0" * 12, "aa-a-1", first, "00"]
    day = layout.partition(values[: len(layout.keys)], projected=True)
    if day is None:
        raise ValueError(first)
    return Projection(day.start.date(), regions, accounts)


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
    try:
        layout = LAYOUTS[own["layout"]]
        layout = replace(layout, template=own.get("template", layout.template))
        file_type = FILE_TYPES[own["file_type"]]
        mode = MODES[own["partitions"]]
        spec = TableSpec(
            database=database,
            name=name,
            location=own["location"],
            format=parse_format(own["log_format"], allow_unknown=True),
            layout=layout,
            file_type=file_type,
            partitions=mode,
            projection=_projection_from(found, layout) if mode == "projection" else None,
            header_lines=_header_lines(found) if file_type == "text" else 1,
        )
        spec.place(Partition("0" * 12, "aa-a-1", datetime(2000, 1, 1, tzinfo=UTC)))
    except (KeyError, ValueError, RequestError):
        raise ForeignTable(
            f"table {database}.{name} holds properties of another athena-flow: {own}",
            hint="upgrade athena-flow, or create the table again with this one",
        ) from None
    return spec


def _header_lines(found: Mapping[str, str]) -> int:
    """As engines count them; 1 for a number that no table of ours has."""
    return HEADER_LINES.get(found.get(SKIPPED_LINES, "0"), 1)


def _check_name(what: str, text: str) -> None:
    if not _NAME.fullmatch(text):
        raise BadSetting(
            f"{text!r} is no {what} name",
            hint=f"Athena takes lower-case letters, digits and underscores, at most {NAME_LENGTH}",
        )


def s3_location(text: str) -> str:
    """``--location`` as a TableSpec takes it: an S3 URI with a final ``/``.

    Raises BadSetting with the location that was meant, where that can be told.
    """
    hint = "write s3://bucket/ or s3://bucket/prefix/: what stands before AWSLogs/"
    if text.startswith("arn:"):
        hint = f"write s3://{text.rpartition(':')[2].strip('/')}/"
    location = text if text.endswith("/") else text + "/"
    if not location.startswith("s3://"):
        raise BadSetting(f"location {text!r} is no S3 URI", hint=hint)
    if not _S3.fullmatch(location):
        raise BadSetting(
            f"location {text!r} names no bucket: 3 to 63 of a-z, 0-9, - and ., and no wildcard",
            hint=hint,
        )
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
