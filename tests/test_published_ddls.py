"""Published Athena DDLs against ours for the same format: same columns, compatible types.

What differs is listed here with the reason; the README says it to users.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from athena_flow.fields import COLUMNS
from athena_flow.logformat import from_names
from athena_flow.names import field_of_column

WIDER = {("int", "bigint"), ("smallint", "int"), ("string", "bigint"), ("string", "int")}
"""(theirs, ours): ours reads every value that theirs reads, and bytes beyond 2^31 as well;
text in a number's column is theirs to keep '-' apart from NULL."""

NOT_THE_LOG = {"ts"}
"""A column of CloudWatch exports that no flow log in S3 holds."""


def _ddls(shared: Path) -> list[dict[str, Any]]:
    """All but the two tables that converters wrote, with columns and types of their own."""
    found: list[dict[str, Any]] = json.loads((shared / "data/ddls.json").read_text("utf-8"))
    logs = [d for d in found if not any(_converted(c) for c in d["columns"])]
    assert len(found) - len(logs) == 2
    return logs


def _converted(column: dict[str, Any]) -> bool:
    return column["name"].startswith("__") or column["type"] == "timestamp"


def test_each_published_table_has_our_columns(shared: Path) -> None:
    """Every published column is a field of ours in the same place, of a type ours can hold."""
    checked = 0
    for ddl in _ddls(shared):
        theirs = [c for c in ddl["columns"] if c["name"] not in NOT_THE_LOG]
        names = [field_of_column(c["name"]) for c in theirs]
        assert all(names), ddl["source"]
        ours = from_names([name for name in names if name])
        assert len(ours.fields) == len(theirs)
        for column, field in zip(theirs, ours.fields, strict=True):
            same = column["type"] == field.athena_type
            assert same or (column["type"], field.athena_type) in WIDER, (ddl["source"], column)
        checked += 1
    assert checked == 28


def test_aws_projection_samples_drop_a_column_that_ours_keep(shared: Path) -> None:
    """The samples that partition by `region` leave the log's own `region` out of a text table.

    Its columns are positional, so every later one is read from its neighbour's field.
    """
    dropped = [
        ddl
        for ddl in _ddls(shared)
        if ddl["format"] == "text"
        and "region" in {p["name"] for p in ddl["partition_columns"]}
        and "az_id" in {c["name"] for c in ddl["columns"]}
    ]
    assert dropped
    for ddl in dropped:
        names = [c["name"] for c in ddl["columns"]]
        assert "region" not in names
        whole = [*names[: names.index("az_id")], "region", *names[names.index("az_id") :]]
        assert "region" in from_names(whole).columns


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("srcaddr", "srcaddr"),
        ("sourceaddress", "srcaddr"),
        ("destinationport", "dstport"),
        ("numbytes", "bytes"),
        ("starttime", "start"),
        ("end_time", "end"),
        ("logstatus", "log-status"),
        ("account", "account-id"),
        ("tcpflags", "tcp-flags"),
        ("pktsrcawsservice", "pkt-src-aws-service"),
        ("account-id", "account-id"),
        ("dt", None),
        ("client_ip", None),
    ],
)
def test_names_that_people_use_are_understood(column: str, field: str | None) -> None:
    """A column of somebody's table is matched to a field when its name leaves no doubt."""
    assert field_of_column(column) == field


def test_every_column_of_ours_is_its_own_field() -> None:
    """No field's column is taken for another field's."""
    for column, name in COLUMNS.items():
        assert field_of_column(column) == name
        assert field_of_column(re.sub("_", "", column)) == name
