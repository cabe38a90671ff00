"""The field table: complete, in AWS's order, consistent, and safe to paste into DDL."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from athena_flow.errors import UnknownField
from athena_flow.fields import (
    BY_NAME,
    COLUMNS,
    FIELDS,
    NAMES,
    TGW,
    TGW_DEFAULT,
    VPC,
    VPC_DEFAULT,
    Field,
    Kind,
    field,
)

REFERENCE = Path(__file__).parents[2] / "shared/reference/fields.csv"

each_field = pytest.mark.parametrize("f", FIELDS, ids=lambda f: f"{f.kind}-{f.name}")


def test_the_table_is_complete() -> None:
    """AWS documents 54 VPC and 36 Transit Gateway fields, and the table lists VPC first."""
    assert (len(VPC), len(TGW)) == (54, 36)
    assert FIELDS == VPC + TGW


def test_each_vpc_version_added_its_fields() -> None:
    """The VPC fields per version are those of AWS's page, where no field carries version 6."""
    assert Counter(f.version for f in VPC) == {
        2: 14, 3: 7, 4: 4, 5: 4, 7: 10, 8: 1, 9: 1, 10: 1, 11: 12,
    }  # fmt: skip


def test_each_tgw_version_added_its_fields() -> None:
    """The Transit Gateway fields come from versions 2 to 6."""
    assert Counter(f.version for f in TGW) == {2: 12, 3: 2, 4: 1, 5: 3, 6: 18}


def test_vpc_default_format_is_in_aws_order() -> None:
    """The default VPC format is the order in which text columns are read, so it is fixed."""
    assert " ".join(f.name for f in VPC_DEFAULT) == (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
        "start end action log-status"
    )


def test_tgw_default_format_is_every_field_in_aws_order() -> None:
    """The default Transit Gateway format is the whole table, in an order of its own."""
    assert " ".join(f.name for f in TGW_DEFAULT) == (
        "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id "
        "tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id "
        "tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr "
        "dstaddr srcport dstport protocol packets bytes start end log-status type "
        "packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded "
        "packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service "
        "pkt-dst-aws-service"
    )


@each_field
def test_doc_is_safe_as_a_column_comment(f: Field) -> None:
    """A doc goes into Hive DDL and Markdown tables, so nothing in it may need escaping."""
    assert f.doc.isascii()
    assert f.doc.isprintable()
    assert not set(f.doc) & set("'\"`\\;|")
    assert 1 <= len(f.doc) <= 200
    assert f.doc == f.doc.strip()
    assert f.doc[0].isupper()
    assert not f.doc.endswith(".")


@each_field
def test_number_docs_say_null_where_they_mention_a_dash(f: Field) -> None:
    """A number column never shows a dash, so its doc says NULL and names the dash as the log's."""
    says_dash = any(word.strip("(),") == "-" for word in f.doc.split())
    if f.athena_type != "string" and says_dash:
        assert "NULL (logged as -)" in f.doc


@each_field
def test_types_go_together(f: Field) -> None:
    """Athena's type follows the Parquet type, except that protocol is wider, as in AWS's DDL."""
    expected = {"INT_32": "int", "INT_64": "bigint", "STRING": "string"}[f.parquet_type]
    assert f.athena_type == ("bigint" if f.name == "protocol" else expected)


@each_field
def test_a_column_leads_back_to_its_name(f: Field) -> None:
    """A column is the name with underscores, and COLUMNS undoes that for both kinds."""
    assert "-" not in f.column
    assert COLUMNS[f.column] == f.name


def test_a_column_is_spelled_as_aws_spells_it() -> None:
    """AWS's DDL and Parquet files write hyphens as underscores."""
    assert field("pkt-src-aws-service").column == "pkt_src_aws_service"


@pytest.mark.parametrize("rows", [VPC, TGW], ids=["vpc", "tgw"])
def test_columns_are_unique_within_a_kind(rows: tuple[Field, ...]) -> None:
    """No two fields of one table would claim the same column."""
    assert len({f.column for f in rows}) == len(rows)


def test_shared_names_have_one_type() -> None:
    """A name that both kinds have means one column type, whoever wrote the log."""
    shared = BY_NAME["vpc"].keys() & BY_NAME["tgw"].keys()
    assert {"srcaddr", "protocol", "end"} <= shared
    assert {n for n in shared if field(n).athena_type != field(n, "tgw").athena_type} == set()


def test_names_and_columns_cover_both_kinds() -> None:
    """NAMES and COLUMNS hold the names of both kinds and nothing else."""
    assert {"pkt-srcaddr", "tgw-id"} <= NAMES
    assert {f.name for f in FIELDS} == NAMES == set(COLUMNS.values())


def test_source_is_the_page_of_its_kind() -> None:
    """Each kind is documented on one AWS page."""
    assert field("end").source.endswith("/userguide/flow-log-records.html")
    assert field("end", "tgw").source.endswith("/tgw/tgw-flow-logs.html")


@each_field
def test_field_finds_every_row(f: Field) -> None:
    """Every row can be looked up by its name and kind."""
    assert field(f.name, f.kind) is f


def test_unknown_field_names_the_nearest() -> None:
    """A typing error is answered with the name that was meant."""
    with pytest.raises(UnknownField, match=r"no field scraddr \(did you mean .*srcaddr") as caught:
        field("scraddr")
    assert caught.value.__context__ is None


def test_a_column_name_is_no_field_name() -> None:
    """Underscores are refused, and the name with hyphens is offered."""
    with pytest.raises(UnknownField, match=r"did you mean pkt-srcaddr"):
        field("pkt_srcaddr")


def test_unknown_field_without_likeness_suggests_nothing() -> None:
    """A name unlike any other gets no misleading suggestion."""
    with pytest.raises(UnknownField) as caught:
        field("zzz")
    assert str(caught.value) == "VPC flow logs have no field zzz"


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("action", "tgw", "Transit Gateway flow logs have no field action, VPC flow logs do"),
        ("tgw-id", "vpc", "VPC flow logs have no field tgw-id, Transit Gateway flow logs do"),
    ],
)
def test_a_field_of_the_other_kind_is_said_to_be_one(name: str, kind: Kind, message: str) -> None:
    """A right name asked of the wrong kind of log is told apart from a typing error."""
    with pytest.raises(UnknownField) as caught:
        field(name, kind)
    assert str(caught.value) == message


def test_table_agrees_with_the_reference() -> None:
    """Row by row and in order, the table says what the collected AWS facts say."""
    if not REFERENCE.exists():
        pytest.skip(f"no reference table at {REFERENCE}")
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        expected = [
            (r["kind"], r["name"], int(r["version"]), r["athena_type"], r["parquet_type"])
            for r in csv.DictReader(file)
        ]
    assert [(f.kind, f.name, f.version, f.athena_type, f.parquet_type) for f in FIELDS] == expected
