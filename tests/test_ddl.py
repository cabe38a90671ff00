"""DDL: the text is what Hive's grammar takes, complete, in order, and within Athena's limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hive_ddl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_layout import REGIONS
from test_table import PROJECTED, SPEC, specs

from athena_flow import ddl
from athena_flow.fields import VPC
from athena_flow.layout import LAYOUTS, Partition
from athena_flow.logformat import parse_format
from athena_flow.table import TableSpec, properties

LIMIT = 262_144
"""Bytes of a statement. Source: Athena User Guide, service quotas."""

ALL_VPC = parse_format(" ".join(f.name for f in VPC))
each_layout = pytest.mark.parametrize("layout", LAYOUTS)


def _created(spec: TableSpec) -> hive_ddl.CreateTable:
    found = hive_ddl.Parser(ddl.create_table(spec)).statement()
    assert isinstance(found, hive_ddl.CreateTable)
    return found


def _partitions(count: int, step: timedelta, accounts: int = 1) -> list[Partition]:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Partition(f"{n % accounts:012}", REGIONS[n % len(REGIONS)], first + n * step)
        for n in range(count)
    ]


def _added(statement: str) -> hive_ddl.AddPartitions:
    found = hive_ddl.Parser(statement).statement()
    assert isinstance(found, hive_ddl.AddPartitions)
    return found


@each_layout
def test_the_default_table(layout: str, golden: Callable[[str, str], None]) -> None:
    """The statement for the default format in each layout is the reviewed one, to the letter."""
    text = ddl.create_table(replace(SPEC, layout=LAYOUTS[layout]))
    golden(f"ddl/default-{layout}.sql", text + "\n")


def test_the_table_of_all_vpc_fields(golden: Callable[[str, str], None]) -> None:
    """All 54 VPC fields make one table, in AWS's order."""
    spec = replace(SPEC, format=ALL_VPC)
    assert len(_created(spec).columns) == 54
    golden("ddl/all-vpc-fields.sql", ddl.create_table(spec) + "\n")


def test_the_transit_gateway_table(golden: Callable[[str, str], None]) -> None:
    """The default Transit Gateway format makes a table of 36 columns."""
    spec = replace(SPEC, name="tgw_flow_logs", format=parse_format("default-tgw"))
    assert len(_created(spec).columns) == 36
    golden("ddl/default-tgw.sql", ddl.create_table(spec) + "\n")


@each_layout
def test_the_projected_table(layout: str, golden: Callable[[str, str], None]) -> None:
    """Projection is properties alone; the quotes of its date format survive Hive's escapes."""
    spec = replace(PROJECTED, layout=LAYOUTS[layout])
    assert _created(spec).properties == properties(spec)
    golden(f"ddl/projected-{layout}.sql", ddl.create_table(spec) + "\n")


def test_the_parquet_table(golden: Callable[[str, str], None]) -> None:
    """A Parquet table has its own clauses, and skips no header line."""
    text = ddl.create_table(replace(SPEC, file_type="parquet"))
    assert "skip.header" not in text
    golden("ddl/default-daily-parquet.sql", text + "\n")


@settings(deadline=None, max_examples=100)
@given(specs)
def test_hive_reads_the_whole_spec(spec: TableSpec) -> None:
    """Name, columns in the log's order, keys, location and properties survive Hive's grammar."""
    found = _created(spec)
    assert found.table == (spec.database, spec.name)
    assert found.if_not_exists
    assert [(c.name, c.type) for c in found.columns] == list(spec.columns)
    assert [c.comment for c in found.columns] == [f.doc for f in spec.format.fields]
    assert [(c.name, c.type) for c in found.keys] == list(spec.keys)
    assert found.location == spec.root
    assert found.properties == properties(spec)


def test_the_database_is_created_if_missing() -> None:
    """Creating a database twice is no error, and its name is quoted."""
    text = ddl.create_database("flow_logs")
    assert hive_ddl.Parser(text).statement() == hive_ddl.CreateDatabase("flow_logs", True)
    assert "`flow_logs`" in text


def test_a_table_is_dropped_if_it_is_there() -> None:
    """Its name is quoted as where it was made, and a second time is no error."""
    found = hive_ddl.Parser(ddl.drop_table(SPEC)).statement()
    assert found == hive_ddl.DropTable(_created(SPEC).table, True)


def test_a_table_without_header_lines_skips_none() -> None:
    """The statement differs in nothing else; engines take a missing number for 0."""
    headless = ddl.create_table(replace(SPEC, header_lines=0))
    line = "  'skip.header.line.count' = '1',\n"
    assert headless == ddl.create_table(SPEC).replace(line, "")
    assert "skip.header" not in headless


def test_no_statement_ends_in_a_semicolon() -> None:
    """Athena's API takes one statement; whoever prints several puts the marks between them."""
    texts = [
        ddl.create_database("db"),
        ddl.create_table(SPEC),
        *ddl.add_partitions(SPEC, _partitions(3, timedelta(days=1))),
        ddl.drop_table(SPEC),
    ]
    assert len(texts) == 4
    for text in texts:
        assert text == text.strip()
        assert not text.endswith(";")


def test_nothing_to_add_is_no_statement() -> None:
    """An empty plan has no text."""
    assert list(ddl.add_partitions(SPEC, [])) == []


def test_one_partition(golden: Callable[[str, str], None]) -> None:
    """A partition is added if it is not there, by its keys and with its own location."""
    partitions = [
        Partition("123456789012", "us-gov-west-1", datetime(2028, 2, 29, 7, tzinfo=UTC)),
        Partition("123456789012", "us-gov-west-1", datetime(2028, 2, 29, 8, tzinfo=UTC)),
    ]
    spec = replace(SPEC, layout=LAYOUTS["hive-hourly"])
    (text,) = ddl.add_partitions(spec, partitions)
    golden("ddl/add-partitions.sql", text + "\n")


@each_layout
def test_many_partitions_are_split_by_size(layout: str) -> None:
    """Each statement is within Athena's limit, and every partition is in exactly one."""
    spec = replace(SPEC, layout=LAYOUTS[layout], location="s3://bucket/" + "long-prefix/" * 20)
    partitions = _partitions(2000, spec.layout.step)
    statements = list(ddl.add_partitions(spec, iter(partitions)))
    assert len(statements) > 1
    assert max(len(text.encode()) for text in statements) <= LIMIT
    found = [pair for text in statements for pair in _added(text).partitions]
    assert [location for _, location in found] == [spec.place(p) for p in partitions]
    assert [tuple(keys.values()) for keys, _ in found] == [
        spec.layout.values(p) for p in partitions
    ]
    assert {tuple(keys) for keys, _ in found} == {spec.layout.keys}
    assert all(_added(text).if_not_exists for text in statements)
    assert {_added(text).table for text in statements} == {(spec.database, spec.name)}


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 300), st.sampled_from(["x", "\u00e4", "\u65e5", "\U0001f600"]))
def test_the_limit_is_in_bytes_and_used(length: int, letter: str) -> None:
    """Bytes count, not characters, and no statement ends early that had room for one more."""
    spec = replace(SPEC, location=f"s3://bucket/p{letter * length}/")
    partitions = _partitions(2500, timedelta(days=1))
    statements = list(ddl.add_partitions(spec, partitions))
    sizes = [len(text.encode()) for text in statements]
    assert max(sizes) <= LIMIT
    one = len(next(iter(ddl.add_partitions(spec, partitions[:1]))).encode())
    assert all(size + one > LIMIT for size in sizes[:-1])
    assert sum(text.count("LOCATION") for text in statements) == len(partitions)
