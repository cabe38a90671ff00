"""EXPLAIN (TYPE IO): the values that a planner would read, held against partitions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from athena_flow.errors import EngineError
from athena_flow.explained import PlannedRead, read_plan

KEYS = ("place", "year")


def _mark(value: str | None, bound: str = "EXACTLY") -> dict[str, Any]:
    return {"bound": bound} if value is None else {"value": value, "bound": bound}


def _column(name: str, kind: str, *ranges: tuple[Any, Any], null: bool = False) -> dict[str, Any]:
    found = [{"low": low, "high": high} for low, high in ranges]
    return {"columnName": name, "type": kind, "domain": {"nullsAllowed": null, "ranges": found}}


def _plan(*columns: dict[str, Any], none: bool = False, old: bool = False) -> PlannedRead:
    table = {"catalog": "awsdatacatalog", "schemaTable": {"schema": "DB", "table": "T"}}
    constraint = {"none": none, "columnConstraints": list(columns)}
    entry = {"table": table, **(constraint if old else {"constraint": constraint})}
    (found,) = read_plan(json.dumps({"inputTableColumnInfos": [entry], "estimate": {}}))
    return found


def _one(value: str) -> tuple[Any, Any]:
    return _mark(value), _mark(value)


def test_a_plan_names_tables() -> None:
    """In lower case, without the catalog; a table without conditions is read whole."""
    found = _plan()
    assert (found.database, found.table) == ("db", "t")
    assert found.reads(KEYS, ("eu", "2026"))


@pytest.mark.parametrize("old", [False, True])
def test_values_key_by_key(old: bool) -> None:
    """A cross product; data columns say nothing about partitions."""
    found = _plan(
        _column("place", "varchar", _one("eu"), _one("us")),
        _column("year", "integer", _one("2025"), _one("2026")),
        _column("bytes", "bigint", _one("7")),
        old=old,
    )
    read = [v for v in (("eu", "2025"), ("us", "2026"), ("us", "2024"), ("x", "2026"))
            if found.reads(KEYS, v)]  # fmt: skip
    assert read == [("eu", "2025"), ("us", "2026")]


@pytest.mark.parametrize(
    ("low", "high", "inside"),
    [
        (_mark("9"), _mark("11"), ["9", "10", "11"]),
        (_mark("9", "ABOVE"), _mark("11", "BELOW"), ["10"]),
        (_mark(None, "ABOVE"), _mark("9"), ["8", "9"]),
        (_mark("10"), _mark(None, "BELOW"), ["10", "11", "12"]),
    ],
)
def test_ranges_of_numbers(low: Any, high: Any, inside: list[str]) -> None:
    """As numbers, not as text; each end as its bound says."""
    found = _plan(_column("year", "integer", (low, high)))
    assert [v for v in ("8", "9", "10", "11", "12") if found.reads(("year",), (v,))] == inside


def test_ranges_of_text() -> None:
    """As text: 10 comes before 9."""
    found = _plan(_column("place", "varchar", (_mark("1"), _mark("5"))))
    assert [v for v in ("10", "5", "50", "9") if found.reads(("place",), (v,))] == ["10", "5"]


def test_null_and_what_is_no_number() -> None:
    """NULL only where the plan allows it; a value that is none of its type is kept."""
    without, with_null = (
        _plan(_column("year", "integer", _one("1"), null=null)) for null in (False, True)
    )
    assert not without.reads(("year",), (None,))
    assert with_null.reads(("year",), (None,))
    assert without.reads(("year",), ("x",))


def test_a_plan_that_reads_nothing() -> None:
    """What the planner proves empty."""
    assert not _plan(none=True).reads(KEYS, ("eu", "2026"))


@pytest.mark.parametrize("text", ["", "Fragment 0", "[]", "{}", '{"inputTableColumnInfos": [1]}'])
def test_what_is_no_plan(text: str) -> None:
    """An engine may answer anything."""
    with pytest.raises(EngineError, match="the planner's answer cannot be read"):
        read_plan(text)
