"""Quoting: any text that goes into SQL comes out of a parser as the same text."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import duckdb
import hive_ddl
import pytest
import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from athena_flow.sqltext import Sql, conjunction, hive_name, hive_string, literal, name

HOSTILE = [
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "' OR 1=1 --",
    "'; DROP TABLE t; --",
    "/* ' */",
    "\n",
    "\r\n",
    "\t",
    '"',
    "`",
    "${x}",
    "{{ x }}",
    "%",
    "\u2028",
    "\u2019",
    "'\\u0027",
    "\U0001f600",
    "\x1b[2J",
    "a\\",
]

any_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
texts = any_text | st.lists(st.sampled_from(HOSTILE)).map("".join)
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def _selected(sql: str) -> exp.Expression:
    """The one expression that a statement selects, by sqlglot's reading of Athena's SQL."""
    (statement,) = sqlglot.parse(f"SELECT {sql}", dialect="athena")
    assert isinstance(statement, exp.Select)
    (found,) = statement.expressions
    return found


_ENGINE = duckdb.connect()


def _value(sql: str) -> object:
    """What an SQL engine takes a literal for."""
    row = _ENGINE.execute(f"SELECT {sql}").fetchone()
    assert row is not None
    return row[0]


@settings(deadline=None, max_examples=150)
@given(texts)
@example("'; DROP TABLE t; --")
@example("\\' OR 1=1 --")
def test_a_string_literal_holds_exactly_its_text(text: str) -> None:
    """No text ends its literal early or changes in it, for a parser of Athena's SQL."""
    found = _selected(literal(text))
    assert isinstance(found, exp.Literal)
    assert found.is_string
    assert found.this == text


@pytest.mark.parametrize("text", HOSTILE)
def test_an_engine_reads_a_string_literal_back(text: str) -> None:
    """A real engine with standard strings reads the text back, backslashes included."""
    assert _value(literal(text)) == text


@settings(deadline=None, max_examples=150)
@given(texts)
def test_a_hive_string_holds_exactly_its_text(text: str) -> None:
    """Hive's tokenizer reads one string token that is the text again."""
    tokens = hive_ddl.tokenize(hive_string(text))
    assert [(t.kind, t.text) for t in tokens] == [("string", text), ("end", "<EOF>")]


def test_a_hive_string_holds_a_nul() -> None:
    """Hive has an escape for NUL, so a DDL string can hold it."""
    assert hive_ddl.tokenize(hive_string("a\0b"))[0].text == "a\0b"


@settings(deadline=None, max_examples=200)
@given(words)
def test_a_hive_name_holds_exactly_its_text(text: str) -> None:
    """A back-ticked name is one quoted token, whatever stands in it."""
    tokens = hive_ddl.tokenize(hive_name(text))
    assert [(t.kind, t.text) for t in tokens] == [("quoted", text), ("end", "<EOF>")]


@settings(deadline=None, max_examples=200)
@given(words)
def test_a_name_holds_exactly_its_text(text: str) -> None:
    """A double-quoted name is one identifier, whatever stands in it."""
    found = _selected(name(text).text)
    assert isinstance(found, exp.Column)
    assert found.name == text
    assert found.table == ""


def test_a_dotted_name_is_quoted_part_by_part() -> None:
    """A dot inside a part stays inside it, a dot between parts separates them."""
    assert name("db", "a.b").text == '"db"."a.b"'
    table = sqlglot.parse_one(f"SELECT 1 FROM {name('db', 'a.b')}", dialect="athena").find(
        exp.Table
    )
    assert table is not None
    assert (table.db, table.name) == ("db", "a.b")


@pytest.mark.parametrize("word", ["start", "end", "date", "partition", "table", "user"])
def test_reserved_words_are_quoted_in_both_grammars(word: str) -> None:
    """Flow logs have columns with reserved names, and both grammars take them quoted."""
    assert (hive_name(word), name(word).text) == (f"`{word}`", f'"{word}"')


@settings(deadline=None, max_examples=60)
@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_an_integer_is_read_back(value: int) -> None:
    """Every bigint is itself again."""
    assert _value(literal(value)) == value


@settings(deadline=None, max_examples=100)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1e300)
@example(5e-324)
@example(1e16)
def test_a_float_is_read_back_as_a_double(value: float) -> None:
    """A float keeps every bit and is a double, not a decimal, in SQL."""
    text = literal(value)
    assert "E" in text
    found = _value(text)
    assert isinstance(found, float)
    assert found == value


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (False, "FALSE"),
        (0, "0"),
        (-5, "-5"),
        (1.5, "1.5E0"),
        (date(2028, 2, 29), "DATE '2028-02-29'"),
        (datetime(2026, 11, 1, 10, tzinfo=UTC), "TIMESTAMP '2026-11-01 10:00:00'"),
        (
            datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            "TIMESTAMP '2026-10-31 23:00:00'",
        ),
        ([], "(NULL)"),
        ((1, "a'b"), "(1, 'a''b')"),
        (["x"], "('x')"),
    ],
)
def test_each_kind_of_value_has_its_spelling(value: object, sql: str) -> None:
    """Values of every kind that a parameter can have are spelled as Trino reads them."""
    assert literal(value) == sql


def test_true_is_no_number() -> None:
    """Python takes True for 1, SQL must not."""
    assert _value(literal(True)) is True


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (date(500, 1, 2), "0500-01-02"),
        (datetime(500, 1, 2, 3, tzinfo=UTC), "0500-01-02 03:00:00"),
    ],
)
def test_an_early_year_has_four_digits(value: date, text: str) -> None:
    """A date is spelled with four digits of year, because others sort and parse wrongly."""
    assert f"'{text}'" in literal(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "a\0b", ["a\0b"]])
def test_what_sql_text_cannot_hold_is_refused(value: object) -> None:
    """NaN, infinity and NUL have no literal, alone or in a list."""
    with pytest.raises(ValueError, match="no SQL literal"):
        literal(value)


def test_a_time_without_zone_is_refused() -> None:
    """A naive time could be anyone's, so it is no value."""
    with pytest.raises(ValueError, match="time zone"):
        literal(datetime(2026, 11, 1))  # noqa: DTZ001  # the naive time is the point


@pytest.mark.parametrize("value", [object(), b"bytes", {"a": 1}, Sql("1"), {1}])
def test_other_kinds_are_refused(value: object) -> None:
    """What is no value is a mistake of the program and says its type."""
    with pytest.raises(TypeError, match=type(value).__name__):
        literal(value)


def test_sql_text_is_no_string() -> None:
    """Only the package can make text that passes unquoted, and no string method keeps it so."""
    assert not isinstance(Sql("x"), str)
    assert str(Sql("x")) == "x"


def test_a_conjunction_stays_together() -> None:
    """An OR beside it cannot split it, and none at all is true."""
    assert conjunction([]).text == "TRUE"
    assert _value(f"TRUE OR {conjunction(['TRUE', 'FALSE'])}") is True
    assert _value(f"NOT {conjunction(['FALSE', 'TRUE'])}") is True
    assert _value(f"{conjunction(['TRUE', 'FALSE'])} AND TRUE") is False
