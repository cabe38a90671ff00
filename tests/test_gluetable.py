"""Glue tables: a spec survives Glue, whoever else writes there, and agrees with the DDL."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import hive_ddl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_layout import partitions
from test_table import SPEC, specs

from athena_flow import ddl
from athena_flow.errors import ForeignTable, TableDiffers
from athena_flow.gluetable import alterations, partition_input, spec_from_table, table_input
from athena_flow.layout import LAYOUTS
from athena_flow.logformat import parse_format
from athena_flow.table import TableSpec


def _as_glue_gives_it(given: dict[str, Any]) -> dict[str, Any]:
    """A table of GetTable: the input with all that Glue, Athena, Trino and crawlers add."""
    table = copy.deepcopy(given)
    table |= {
        "DatabaseName": "flow_logs",
        "Owner": "hadoop",
        "CreateTime": datetime(2026, 11, 21, tzinfo=UTC),
        "UpdateTime": datetime(2026, 11, 21, tzinfo=UTC),
        "Retention": 0,
        "CreatedBy": "arn:aws:sts::123456789012:assumed-role/x",
        "IsRegisteredWithLakeFormation": False,
        "CatalogId": "123456789012",
        "VersionId": "3",
    }
    table["Parameters"] |= {
        "transient_lastDdlTime": "1763719507",
        "classification": "csv",
        "presto_version": "0.215",
        "UPDATED_BY_CRAWLER": "x",
        "athena_flow.added_by_a_newer_version": "x",
    }
    table["StorageDescriptor"] |= {
        "Compressed": True,
        "NumberOfBuckets": -1,
        "SortColumns": [],
        "SkewedInfo": {"SkewedColumnNames": []},
        "StoredAsSubDirectories": False,
        "Parameters": {"CrawlerSchemaSerializerVersion": "1.0"},
    }
    for column in table["StorageDescriptor"]["Columns"]:
        column["Parameters"] = {"iceberg.field.id": "1"}
        column.pop("Comment")
    return table


@settings(deadline=None, max_examples=150)
@given(specs)
def test_a_spec_survives_glue(spec: TableSpec) -> None:
    """The spec of a table input is the spec, and it is again when others have written there."""
    given = table_input(spec)
    assert spec_from_table(spec.database, given) == spec
    assert spec_from_table(spec.database, _as_glue_gives_it(given)) == spec
    assert alterations(spec, given) == []
    assert alterations(spec, _as_glue_gives_it(given)) == []


@settings(deadline=None, max_examples=60)
@given(specs)
def test_ddl_and_glue_make_the_same_table(spec: TableSpec) -> None:
    """What Hive's grammar makes of the DDL is, in Glue's words, what the table input says."""
    made = hive_ddl.Parser(ddl.create_table(spec)).statement()
    assert isinstance(made, hive_ddl.CreateTable)
    given = table_input(spec)
    storage = given["StorageDescriptor"]
    assert (made.table.database, made.table.name) == (spec.database, given["Name"])
    assert [c.glue() for c in made.columns] == storage["Columns"]
    assert [c.glue() for c in made.keys] == given["PartitionKeys"]
    assert made.location == storage["Location"]
    assert made.formats == (storage["InputFormat"], storage["OutputFormat"])
    assert (made.serde or hive_ddl.LAZY_SIMPLE) == storage["SerdeInfo"]["SerializationLibrary"]
    assert {"serialization.format": "1", **made.serde_properties} == storage["SerdeInfo"][
        "Parameters"
    ]
    assert {"EXTERNAL": "TRUE", **made.properties} == given["Parameters"]


@settings(deadline=None, max_examples=60)
@given(specs)
def test_a_table_is_within_glues_limits(spec: TableSpec) -> None:
    """Names, comments and parameters are as long as Glue takes them, and all are strings."""
    given = table_input(spec)
    assert given["TableType"] == "EXTERNAL_TABLE"
    for key, value in given["Parameters"].items():
        assert isinstance(value, str)
        assert len(key) <= 255
        assert len(value) <= 512_000
    for column in (*given["StorageDescriptor"]["Columns"], *given["PartitionKeys"]):
        assert 1 <= len(column["Name"]) <= 255
        assert len(column.get("Comment", "")) <= 255


@settings(deadline=None, max_examples=60)
@given(st.data(), specs)
def test_a_partition_repeats_its_tables_storage(data: st.DataObject, spec: TableSpec) -> None:
    """Athena reads a partition by its own descriptor: all but place and comments is the table's."""
    year = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    partition = data.draw(partitions(spec.layout, *year))
    given = partition_input(spec, partition)
    projected = spec.projection is not None
    assert spec.layout.partition(given["Values"], projected) == partition
    storage = given["StorageDescriptor"]
    assert storage["Location"] == spec.place(partition)
    whole = table_input(spec)["StorageDescriptor"]
    columns = [{k: c[k] for k in ("Name", "Type")} for c in whole["Columns"]]
    assert {**storage, "Location": ""} == {**whole, "Location": "", "Columns": columns}


def test_inputs_share_nothing() -> None:
    """What a caller changes in one input is not changed in the next one."""
    first = table_input(SPEC)
    first["StorageDescriptor"]["SerdeInfo"]["Parameters"]["x"] = "y"
    first["Parameters"]["x"] = "y"
    assert "x" not in table_input(SPEC)["StorageDescriptor"]["SerdeInfo"]["Parameters"]
    assert "x" not in table_input(SPEC)["Parameters"]


@pytest.mark.parametrize(
    "table",
    [
        {"Name": "t"},
        {"Name": "t", "Parameters": None},
        {"Name": "t", "Parameters": {"EXTERNAL": "TRUE"}, "StorageDescriptor": {"Columns": []}},
        {"Name": "t", "TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true"}},
    ],
)
def test_a_foreign_table_is_named(table: dict[str, Any]) -> None:
    """A table, view or bare entry of someone else is refused by name, and is no crash."""
    with pytest.raises(ForeignTable, match=r"flow_logs\.t was not created by athena-flow"):
        spec_from_table("flow_logs", table)


def _columns(table: dict[str, Any]) -> list[dict[str, str]]:
    columns: list[dict[str, str]] = table["StorageDescriptor"]["Columns"]
    return columns


def _dropped(table: dict[str, Any]) -> None:
    _columns(table).pop(3)


def _appended(table: dict[str, Any]) -> None:
    _columns(table).append({"Name": "extra", "Type": "string"})


def _retyped(table: dict[str, Any]) -> None:
    _columns(table)[5]["Type"] = "string"


def _renamed(table: dict[str, Any]) -> None:
    _columns(table)[3]["Name"] = "sourceaddress"


def _swapped(table: dict[str, Any]) -> None:
    columns = _columns(table)
    columns[3], columns[4] = columns[4], columns[3]


def _key_dropped(table: dict[str, Any]) -> None:
    table["PartitionKeys"].pop()


def _key_retyped(table: dict[str, Any]) -> None:
    table["PartitionKeys"][2]["Type"] = "date"


def _no_storage(table: dict[str, Any]) -> None:
    table.pop("StorageDescriptor")


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (_dropped, "number 4 is dstaddr string, not srcaddr string"),
        (_appended, "15 instead of 14"),
        (_retyped, "number 6 is srcport string, not srcport int"),
        (_renamed, "number 4 is sourceaddress string, not srcaddr string"),
        (_swapped, "number 4 is dstaddr string, not srcaddr string"),
        (_key_dropped, "2 instead of 3"),
        (_key_retyped, "number 3 is date date, not date string"),
        (_no_storage, "0 instead of 14"),
    ],
)
def test_an_altered_table_is_told_by_its_first_difference(alter: Any, said: str) -> None:
    """Columns that no longer say what the properties say would be read wrongly in silence."""
    table = _as_glue_gives_it(table_input(SPEC))
    alter(table)
    with pytest.raises(TableDiffers, match="was altered") as caught:
        spec_from_table("flow_logs", table)
    assert said in str(caught.value)
    assert (caught.value.hint or "").endswith(SPEC.command("--replace"))


def test_a_folders_table_is_mended_on_this_machine() -> None:
    """The command of the hint reaches the local catalog, where alone such a location is."""
    local = replace(SPEC, location="/net/")
    table = table_input(local)
    _renamed(table)
    with pytest.raises(TableDiffers) as caught:
        spec_from_table("flow_logs", table)
    assert (caught.value.hint or "").endswith(local.command("--replace", "--engine", "duckdb"))


def test_header_skipping_on_parquet_is_an_alteration() -> None:
    """Hive would drop the first row of each file; 0 there changes nothing."""
    parquet = replace(SPEC, file_type="parquet")
    table = table_input(parquet)
    for value, said in (("0", []), ("1", ["its property skip.header.line.count is 1, not 0"])):
        table["Parameters"]["skip.header.line.count"] = value
        assert spec_from_table(parquet.database, table) == parquet
        assert alterations(parquet, table) == said


def test_the_name_is_the_tables_own() -> None:
    """Database and name come from where the table was found, not from what it was copied from."""
    table = {**table_input(SPEC), "Name": "copy"}
    assert spec_from_table("elsewhere", table).title == "elsewhere.copy"


def test_a_table_with_a_newer_field_is_ours() -> None:
    """A field that AWS added since is a string column, in Glue as in the format."""
    newer = replace(SPEC, format=parse_format("version brand-new end", allow_unknown=True))
    assert spec_from_table("flow_logs", table_input(newer)) == newer
    wide = replace(newer, layout=LAYOUTS["hive-hourly"])
    assert [k["Name"] for k in table_input(wide)["PartitionKeys"]][-1] == "hour"
