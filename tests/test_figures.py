"""Estimates, and runs beside them: the JSON shapes of the contract, and figures for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from test_output import COLUMNS, ROWS, holds

from athena_flow import figures, output
from athena_flow.cost import Estimate, PlanRead, Price, TableRead
from athena_flow.ports import Result
from athena_flow.prices import price_in

PRICE = Price("us-east-1", 5.0, "a price list, read 2026-09-11")
FOUND = Estimate("q", "SELECT 1", 4_200_000, "exact", 7, 1200, PRICE, ("one", "two"))
SCAN = TableRead(
    "db.t",
    ("aws_account_id", "date"),
    7,
    30,
    1200,
    4_200_000,
    "exact",
    """"date" >= '2026-11-15'""",
    ("srcaddr",),
    (("aws_account_id", "1", "1"), ("date", "2026-11-15", "2026-11-21")),
)
ESTIMATE_DOC = {
    "query": "q",
    "bytes": 4_200_000,
    "certainty": "exact",
    "billed_bytes": 10 * 2**20,
    "usd": 10 * 2**20 * 5 / 10**12,
    "price_per_tb_usd": 5.0,
    "price_source": "a price list, read 2026-09-11",
    "partitions": 7,
    "objects": 1200,
    "assumptions": ["one", "two"],
    "sql": "SELECT 1",
    "free": False,
    "tb_bytes": 10**12,
    "mb_bytes": 2**20,
    "minimum_bytes": 10 * 2**20,
    "scans": [],
    "plan": None,
}


# ---------------------------------------------------------------- JSON shapes


def test_the_shape_of_an_estimate() -> None:
    """estimate --as json."""
    holds(figures.estimate_doc(FOUND), ESTIMATE_DOC)


def test_the_shape_of_a_scan() -> None:
    """Which partitions, by their keys, what chose them, and how many objects."""
    (found,) = figures.estimate_doc(replace(FOUND, scans=(SCAN,)))["scans"]
    holds(
        found,
        {
            "table": "db.t",
            "partitions": 7,
            "of": 30,
            "objects": 1200,
            "bytes": 4_200_000,
            "certainty": "exact",
            "condition": """"date" >= '2026-11-15'""",
            "columns": ["srcaddr"],
            "keys": {
                "aws_account_id": {"first": "1", "last": "1"},
                "date": {"first": "2026-11-15", "last": "2026-11-21"},
            },
            "notes": [],
        },
    )


def test_an_unknown_estimate_is_null() -> None:
    """What is not known is null and never 0."""
    unknown = replace(FOUND, size_bytes=None, certainty="unknown")
    expected = {"bytes": None, "billed_bytes": None, "usd": None, "certainty": "unknown"}
    holds(figures.estimate_doc(unknown), ESTIMATE_DOC | expected)


def test_the_shape_of_a_run() -> None:
    """run --as json: NULL is null, times are UTC text, bigint a number, NaN and infinity text."""
    result = Result(COLUMNS, ROWS, 20 * 2**20, "id-1", ("a note",))
    holds(
        figures.run_doc(FOUND, result, "athena"),
        {
            "query": "q",
            "columns": [{"name": name, "type": kind} for name, kind in COLUMNS],
            "rows": [
                ["2026-11-21 10:05:00", 1.5, 2**62, "a"],
                [None, "nan", None, None],
                ["2026-11-21 10:05:00", "inf", -1, "-"],
                ["2026-11-20 23:00:00", "-inf", 0, ""],
            ],
            "estimate": ESTIMATE_DOC,
            "scanned_bytes": 20 * 2**20,
            "usd": 20 * 2**20 * 5 / 10**12,
            "engine": "athena",
            "query_id": "id-1",
            "notes": ["a note"],
        },
    )


def test_a_run_that_was_not_counted_has_no_price() -> None:
    """An engine that does not say what it scanned leaves null, and so does one without ids."""
    found = figures.run_doc(FOUND, Result((), [], None), "duckdb")
    expected = {"scanned_bytes": None, "usd": None, "query_id": None, "notes": [], "rows": []}
    holds(found, expected)


# ---------------------------------------------------------------- for people


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (FOUND, "estimate: 4.2 MB in 1,200 objects of 7 partitions, $0.000052 (10 MB minimum)"),
        (
            replace(FOUND, size_bytes=10**12, objects=1, partitions=1, certainty="at_most"),
            "estimate: at most 1.0 TB in 1 object of 1 partition, $5.00",
        ),
        (
            replace(FOUND, size_bytes=None, certainty="unknown"),
            "estimate: an unknown amount in 1,200 objects of 7 partitions, an unknown amount",
        ),
        (
            replace(FOUND, size_bytes=0, objects=0, partitions=0),
            "estimate: 0 B in 0 objects of 0 partitions, $0.000052 (10 MB minimum)",
        ),
        (replace(FOUND, size_bytes=10 * 2**20),
         "estimate: 10.5 MB in 1,200 objects of 7 partitions, $0.000052"),
        (replace(FOUND, price=price_in("us-gov-west-1")),
         "estimate: 4.2 MB in 1,200 objects of 7 partitions, an unknown amount (10 MB minimum)"),
    ],
)  # fmt: skip
def test_the_line_before_a_run(found: Estimate, line: str) -> None:
    """One line says how much, how sure, and how dear; the minimum is named when it is billed."""
    assert figures.estimate_line(found) == line


def test_an_estimate_for_people(golden: Callable[[str, str], None]) -> None:
    """The rows of `estimate`, as they stand on a screen."""
    rows: list[tuple[object, ...]] = list(figures.estimate_rows(FOUND))
    golden("output/estimate.txt", "".join(output.rows_text(["what", "how much"], rows, "table")))
    unknown = dict(figures.estimate_rows(replace(FOUND, size_bytes=None, certainty="unknown")))
    assert (unknown["billed"], unknown["cost"]) == ("unknown", "an unknown amount")
    assert "unknown" in unknown["scan"]


def test_several_scans_are_told_apart() -> None:
    """A line for each where there are several, or where each was asked for; with its keys then."""
    one = replace(FOUND, scans=(SCAN,))
    two = replace(FOUND, scans=(SCAN, replace(SCAN, table="db.u", size_bytes=None)))
    assert not [row for row in figures.estimate_rows(one) if row[0] == "reads"]
    assert [text for what, text in figures.estimate_rows(two) if what == "reads"] == [
        "db.t: 4.2 MB in 1,200 objects, 7 of 30 partitions",
        "db.u: unknown in 1,200 objects, 7 of 30 partitions",
    ]
    told = [text for what, text in figures.estimate_rows(one, every=True) if what in ("reads", "")]
    assert told[1:] == [
        "aws_account_id 1",
        "date 2026-11-15 to 2026-11-21",
        """where "date" >= '2026-11-15'""",
        "columns: srcaddr",
    ]


def test_the_planner_stands_beside_the_estimate() -> None:
    """Where it reads the same, it says so; where not, which partitions."""
    same = PlanRead("db.t", 7, 30, (), ())
    other = PlanRead("db.u", 2, 9, ("date=2026-11-20",), ("date=2026-11-21", "date=2026-11-22"))
    found = replace(FOUND, plan=(same, other))
    assert [text for what, text in figures.estimate_rows(found) if what == "planner"] == [
        "db.t: 7 of 30 partitions; the estimate's",
        "db.u: 2 of 9 partitions; 1 not in the estimate: date=2026-11-20;"
        " 2 in the estimate alone: date=2026-11-21, date=2026-11-22",
    ]
    holds(
        figures.estimate_doc(found)["plan"][1],
        {
            "table": "db.u",
            "partitions": 2,
            "of": 9,
            "only_plan": ["date=2026-11-20"],
            "only_estimate": ["date=2026-11-21", "date=2026-11-22"],
        },
    )


def test_what_is_free_says_so() -> None:
    """No size, no minimum, and no dollars that look like a bill."""
    free = replace(FOUND, size_bytes=0, free="SHOW TABLES scans nothing, and is free")
    assert figures.estimate_line(free) == "estimate: SHOW TABLES scans nothing, and is free"
    rows = dict(figures.estimate_rows(free))
    assert (rows["scan"], rows["billed"], rows["cost"]) == ("nothing (free)", "0 MB", "$0.00")
