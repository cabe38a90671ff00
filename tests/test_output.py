"""Output: the JSON shapes of the contract, and text that keeps every value and moves no cursor."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_ddl import ALL_VPC
from test_table import SPEC

from athena_flow import ddl, output
from athena_flow.errors import BadSetting
from athena_flow.layout import LAYOUTS, Partition
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.plan import Delivered, Denied, plan
from athena_flow.ports import Applied
from athena_flow.query import library

HOURLY = replace(SPEC, layout=LAYOUTS["hive-hourly"])
ONE = Partition("123456789012", "eu-west-1", datetime(2026, 11, 20, tzinfo=UTC))
TWO = Partition("123456789012", "eu-west-1", datetime(2026, 11, 21, tzinfo=UTC))
ONE_DOC = {
    "account": "123456789012",
    "region": "eu-west-1",
    "date": "2026-11-20",
    "hour": None,
    "location": "s3://bucket/prefix/AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/11/20/",
}
COLUMNS = (("time", "timestamp"), ("x", "double"), ("n", "bigint"), ("s", "varchar"))
ROWS = [
    (datetime(2026, 11, 21, 10, 5), 1.5, 2**62, "a"),  # noqa: DTZ001  # as engines give it
    (None, math.nan, None, None),
    (datetime(2026, 11, 21, 10, 5, tzinfo=UTC), math.inf, -1, "-"),
    (datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=2))), -math.inf, 0, ""),
]


def holds(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Each key of the contract with its value; keys may be added, and all of it is JSON."""
    assert {key: found[key] for key in expected} == expected
    assert json.loads(output.to_json(found)) == found


# ---------------------------------------------------------------- JSON shapes


def test_the_shape_of_a_table() -> None:
    """init-table --dry-run --as json."""
    holds(
        output.table_doc(SPEC),
        {
            "database": "flow_logs",
            "table": "vpc_flow_logs",
            "ddl": ddl.create_table(SPEC),
            "columns": [{"name": f.column, "type": f.athena_type} for f in DEFAULT.fields],
            "partition_keys": [
                {"name": "aws_account_id", "type": "string"},
                {"name": "aws_region", "type": "string"},
                {"name": "date", "type": "string"},
            ],
            "location": "s3://bucket/prefix/AWSLogs/",
        },
    )


def test_the_shape_of_a_partition() -> None:
    """A partition has an hour in an hourly layout, and null in a daily one."""
    holds(output.partition_doc(SPEC, ONE), ONE_DOC)
    seven = replace(ONE, start=ONE.start + timedelta(hours=7))
    found = output.partition_doc(HOURLY, seven)
    assert (found["date"], found["hour"]) == ("2026-11-20", "07")
    assert found["location"].endswith("/year=2026/month=11/day=20/hour=07/")


SEEN = Delivered(
    frozenset(), ("s3://b/AWSLogs/x.log",), (Denied("s3://b/AWSLogs/1/", "AccessDenied: no"),)
)


def test_the_shape_of_added_partitions() -> None:
    """add-partitions --as json: what was wanted, was there, was added, and failed with a reason."""
    wanted = plan([ONE, TWO, replace(TWO, region="eu-north-1")], [ONE])
    applied = Applied((TWO,), (replace(TWO, region="x-x-1"),), ((ONE, "AccessDenied: no"),))
    two_doc = output.partition_doc(SPEC, TWO)
    holds(
        output.added_doc(SPEC, wanted, applied, SEEN),
        {
            "table": "flow_logs.vpc_flow_logs",
            "wanted": 3,
            "present": 2,
            "added": 1,
            "failed": [{"partition": ONE_DOC, "reason": "AccessDenied: no"}],
            "partitions": [two_doc],
            "denied": [{"prefix": "s3://b/AWSLogs/1/", "reason": "AccessDenied: no"}],
            "strange": ["s3://b/AWSLogs/x.log"],
        },
    )


def test_the_shape_of_a_plan() -> None:
    """add-partitions --dry-run --as json: nothing is added, and the statements are there."""
    wanted = plan([ONE, TWO], [TWO])
    holds(
        output.planned_doc(SPEC, wanted, SEEN),
        {
            "table": "flow_logs.vpc_flow_logs",
            "wanted": 2,
            "present": 1,
            "added": 0,
            "failed": [],
            "partitions": [ONE_DOC],
            "statements": list(ddl.add_partitions(SPEC, [ONE])),
        },
    )


def test_the_shape_of_a_query() -> None:
    """queries --as json: fields as AWS spells them, and each parameter with its limits."""
    query = library()["reject-report"]
    doc = {
        "name": "reject-report",
        "title": query.title,
        "requires": ["srcaddr", "dstport", "action", "packets", "bytes"],
        "runnable": None,
        "missing": [],
    }
    holds(output.query_doc(query, None), doc)
    limit = output.query_doc(query, None)["params"]["limit"]
    holds(limit, {"type": "int", "required": False, "default": 50, "min": 1})
    assert "max" not in limit
    assert limit["doc"]
    bucket = output.query_doc(library()["daily-trend"], None)["params"]["bucket"]
    holds(bucket, {"type": "string", "default": "day", "choices": ["hour", "day"]})
    holds(output.query_doc(query, DEFAULT), doc | {"runnable": True})
    holds(
        output.query_doc(library()["log-status-summary"], {"srcaddr"}),
        {"runnable": False, "missing": ["log-status"]},
    )


@pytest.mark.parametrize("name", library())
def test_every_query_document_is_json(name: str) -> None:
    """Whatever a header holds goes into JSON and comes back."""
    query = library()[name]
    known = query.best([ALL_VPC, parse_format("default-tgw")])
    holds(output.query_doc(query, known), {"name": name, "runnable": True})


def test_json_ends_in_one_newline_and_keeps_letters() -> None:
    """Text beyond ASCII is written as itself, and NaN never as the word that JSON lacks."""
    assert output.to_json({"a": "\u00e4\u2028"}).endswith("}\n")
    assert "\u00e4" in output.to_json({"a": "\u00e4"})
    assert json.loads(output.to_json({"t": date(2028, 2, 29)})) == {"t": "2028-02-29"}


# ---------------------------------------------------------------- single values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (-(2**63), -(2**63)),
        (1.5, 1.5),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (Decimal("1.10"), "1.10"),
        (date(2028, 2, 29), "2028-02-29"),
        (datetime(2026, 11, 21, tzinfo=UTC), "2026-11-21 00:00:00"),
        ((1, math.nan, [None]), [1, "nan", [None]]),
        ({"a": datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)}, {"a": "2026-11-21 01:02:03"}),
        ({1: "x"}, {"1": "x"}),
    ],
)
def test_values_as_json_holds_them(value: object, expected: object) -> None:
    """Every value that an engine gives has one spelling, nested ones too."""
    assert output.plain(value) == expected
    json.dumps(output.plain(value), allow_nan=False)


def test_a_time_of_an_early_year_has_four_digits() -> None:
    """The spelling is YYYY-MM-DD HH:MM:SS for any year."""
    assert output.plain(datetime(500, 1, 2, tzinfo=UTC)) == "0500-01-02 00:00:00"


# ---------------------------------------------------------------- csv and ndjson


def _text(columns: list[str], rows: list[tuple[object, ...]], form: str) -> str:
    return "".join(output.rows_text(columns, rows, form))


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(cells, cells), max_size=5))
@example([('a,b"c', "d\ne")])
@example([("a\rb", "c")])
@example([("a\r\nb", "")])
def test_csv_is_read_back(rows: list[tuple[str, str]]) -> None:
    """A CSV reader gets every text back: commas, quotes and line ends of both kinds."""
    found = _read(_text(["x", 'y,"z"'], list(rows), "csv"))
    assert found == [["x", 'y,"z"'], *map(list, rows)]


def test_csv_of_every_kind_of_value(golden: Callable[[str, str], None]) -> None:
    """NULL is an empty field, lists are JSON, booleans are SQL's, lines end as on Unix."""
    rows = [*ROWS, (date(2028, 2, 29), True, [1, "a"], 'say "hi", you')]
    text = _text([name for name, _ in COLUMNS], rows, "csv")
    golden("output/values.csv", text)
    assert "\r" not in text


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(cells, st.integers() | st.none() | st.booleans()), max_size=5))
def test_ndjson_is_read_back(rows: list[tuple[str, object]]) -> None:
    """Each row is one JSON object on one line."""
    text = _text(["x", "y"], list(rows), "ndjson")
    lines = text.split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [{"x": x, "y": y} for x, y in rows]


def test_ndjson_of_every_kind_of_value() -> None:
    """The values are those of --as json."""
    lines = _text([name for name, _ in COLUMNS], ROWS, "ndjson").splitlines()
    assert json.loads(lines[1]) == {"time": None, "x": "nan", "n": None, "s": None}
    assert json.loads(lines[3]) == {"time": "2026-11-20 23:00:00", "x": "-inf", "n": 0, "s": ""}


def test_ndjson_loses_no_column_of_the_same_name() -> None:
    """SELECT 1 AS a, 2 AS a has two columns, and both values reach the reader."""
    text = _text(["a", "a"], [(1, 2)], "ndjson")
    assert "1" in text
    assert "2" in text


@pytest.mark.parametrize("form", ["csv", "ndjson", "table"])
def test_no_rows_are_no_rows(form: str) -> None:
    """An empty answer still names its columns where there is a header."""
    text = _text(["a", "b"], [], form)
    assert text.split() == {"csv": ["a,b"], "ndjson": [], "table": ["a", "b"]}[form]


# ---------------------------------------------------------------- tables


def test_a_plain_table(golden: Callable[[str, str], None]) -> None:
    """Columns are aligned, numbers to the right, and no line has spaces at its end."""
    rows: list[tuple[object, ...]] = [
        ("10.0.0.1", 5, 1.5, "short"),
        ("2001:db8::1", None, 12.25, None),
        ("-", 123_456_789, None, ""),
    ]
    text = _text(["srcaddr", "n", "x", "note"], rows, "table")
    golden("output/plain-table.txt", text)
    assert all(line == line.rstrip() for line in text.splitlines())


def test_the_values_of_a_plain_table(golden: Callable[[str, str], None]) -> None:
    """NULL, times, NaN, lists and booleans as people read them."""
    rows = [*ROWS, (date(2028, 2, 29), True, [1, None, "a"], {"k": 1.0})]
    golden("output/values.txt", _text([name for name, _ in COLUMNS], rows, "table"))


HOSTILE = {
    "\x1b[2J\x1b[31mred": "\\x1b[2J\\x1b[31mred",
    "a\nb": "a\\nb",
    "a\rb": "a\\rb",
    "a\tb": "a\\tb",
    "\x07": "\\x07",
    "\x9b31m": "\\x9b31m",
    "\u202egnp.exe": "\\u202egnp.exe",
    "\u2028": "\\u2028",
    "\u200b": "\\u200b",
    "\x00": "\\x00",
}


@pytest.mark.parametrize("width", [None, 80])
@pytest.mark.parametrize("text", HOSTILE)
def test_control_characters_are_made_visible(text: str, width: int | None) -> None:
    """Nothing that stands in a log moves the cursor, colours the screen or hides a letter."""
    found = "".join(output.rows_text(["x"], [(text,)], "table", width=width))
    assert HOSTILE[text] in found
    assert text not in found


@settings(deadline=None, max_examples=150)
@given(cells, cells)
def test_a_table_is_printable(value: str, other: str) -> None:
    """Whatever the values are, a table of one row is two printable lines."""
    text = _text(["a", "b"], [(value, other)], "table")
    assert text.count("\n") == 2
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("width", [None, 80])
def test_a_column_name_is_made_visible(width: int | None) -> None:
    """A name that somebody else's SQL gives a column moves no cursor either."""
    found = "".join(output.rows_text(["a\x1b[2Jb\nc"], [(1,)], "table", width=width))
    assert "\x1b[2J" not in found
    assert "a\\x1b[2Jb\\nc" in found


def test_ordinary_letters_stay() -> None:
    """Letters of any script are shown as they are."""
    assert "\u00e4\u65e5\u672c" in _text(["x"], [("\u00e4\u65e5\u672c",)], "table")


def test_a_terminal_gets_the_whole_value() -> None:
    """A narrow terminal folds a long value and loses none of it."""
    value = "0123456789" * 8
    found = "".join(output.rows_text(["x", "n"], [(value, 7)], "table", width=30))
    kept = "".join(c for c in re.sub(r"\x1b\[[0-9;]*m", "", found) if c.isdigit())
    assert sorted(kept) == sorted(value + "7")


@pytest.mark.parametrize("markup", ["[red]x[/red]", "[link=http://x]", ":smile:", "[/]"])
def test_a_value_is_no_markup(markup: str) -> None:
    """Brackets in a value are brackets."""
    assert markup in "".join(output.rows_text([markup], [(markup,)], "table", width=80))


@pytest.mark.parametrize("form", ["table", "csv", "json", "ndjson", "parquet"])
def test_known_forms(form: str) -> None:
    """The forms of the contract are taken."""
    assert output.check_format(form) == form


@pytest.mark.parametrize("form", ["", "JSON", "xml", "json "])
def test_unknown_forms(form: str) -> None:
    """Any other one is refused with the list."""
    with pytest.raises(BadSetting, match="table, csv, json, ndjson, parquet"):
        output.check_format(form)


# ---------------------------------------------------------------- for people


def test_sources_sum_up_partitions() -> None:
    """One row for each account and region: how many, the first and the last day."""
    other = Partition("000000000001", "cn-north-1", ONE.start)
    assert output.sources([TWO, other, ONE]) == [
        ("000000000001", "cn-north-1", 1, "2026-11-20", "2026-11-20"),
        ("123456789012", "eu-west-1", 2, "2026-11-20", "2026-11-21"),
    ]
    assert output.sources([]) == []
