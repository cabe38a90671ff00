"""What a statement is: free, or the query by which it reads, or not known, and never free then."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.errors import BadSql
from athena_flow.statement import Statement, bind, read

QUERY = "SELECT a FROM db.t WHERE b = 'x;y'"


def _read(text: str) -> Statement:
    return read(text, "a.sql")


# ---------------------------------------------------------------- what reads nothing


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SHOW TABLES IN db", "SHOW TABLES"),
        ("show partitions db.t", "SHOW PARTITIONS"),
        ("DESCRIBE FORMATTED db.t", "DESCRIBE FORMATTED"),
        ("DESC `t`", "DESC"),
        ("EXPLAIN SELECT * FROM t", "EXPLAIN"),
        ("EXPLAIN (TYPE IO, FORMAT JSON) SELECT * FROM t", "EXPLAIN"),
        ("MSCK REPAIR TABLE t", "MSCK REPAIR"),
        ("ALTER TABLE t ADD PARTITION (d = 'it\\'s; one') LOCATION 's3://b/'", "ALTER TABLE"),
        ("DROP TABLE IF EXISTS t", "DROP TABLE"),
        ("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://b/'", "CREATE EXTERNAL"),
        ("CREATE TABLE t (a int) LOCATION 's3://b/' TBLPROPERTIES ('k'='v')", "CREATE TABLE"),
        (f"CREATE OR REPLACE VIEW v AS {QUERY}", "CREATE VIEW"),
        ("CREATE DATABASE IF NOT EXISTS d", "CREATE DATABASE"),
        ("CREATE PROTECTED MULTI DIALECT VIEW v AS SELECT 1", "CREATE VIEW"),
        (f"PREPARE p FROM {QUERY}", "PREPARE P"),
        ("DEALLOCATE PREPARE p", "DEALLOCATE PREPARE"),
        ("CALL system.sync_partition_metadata('d', 't', 'FULL')", "CALL"),
        ("-- a note\n/* and\nmore */ SHOW DATABASES;", "SHOW DATABASES"),
    ],
)
def test_what_is_free(text: str, said: str) -> None:
    """DDL, SHOW, DESCRIBE and EXPLAIN scan nothing."""
    found = _read(text)
    assert (found.kind, found.said) == ("free", said)
    assert found.query == ""


# ---------------------------------------------------------------- what reads


@pytest.mark.parametrize(
    ("text", "said", "query"),
    [
        (QUERY, "SELECT", QUERY),
        (f"({QUERY})", "SELECT", f"({QUERY})"),
        (f"WITH w AS ({QUERY}) SELECT * FROM w", "SELECT", f"WITH w AS ({QUERY}) SELECT * FROM w"),
        ("VALUES 1, 2", "SELECT", "VALUES 1, 2"),
        ("TABLE db.t", "SELECT", "TABLE db.t"),
        (f"CREATE TABLE n AS {QUERY}", "CREATE TABLE AS", QUERY),
        (f"CREATE TABLE IF NOT EXISTS d.n AS ({QUERY})", "CREATE TABLE AS", f"({QUERY})"),
        (
            "CREATE TABLE \"as\" WITH (format = 'PARQUET', as_of = ARRAY['SELECT']) COMMENT 'x'"
            f" AS {QUERY} WITH NO DATA",
            "CREATE TABLE AS",
            QUERY,
        ),
        (f"CREATE TABLE n (x, y) AS {QUERY} WITH DATA", "CREATE TABLE AS", QUERY),
        (
            f"CREATE TABLE n WITH (p = '\\') AS {QUERY}",
            "CREATE TABLE AS",
            QUERY,
        ),
        (f"INSERT INTO d.n {QUERY}", "INSERT", QUERY),
        (f'INSERT INTO "d"."n" (a, "select") {QUERY}', "INSERT", QUERY),
        (f"INSERT INTO n ({QUERY})", "INSERT", f"({QUERY})"),
        ("INSERT INTO n VALUES (1, (SELECT max(a) FROM t))", "INSERT",
         "VALUES (1, (SELECT max(a) FROM t))"),
        (f"INSERT INTO n (a) WITH w AS ({QUERY}) SELECT * FROM w", "INSERT",
         f"WITH w AS ({QUERY}) SELECT * FROM w"),
        (f"UNLOAD ({QUERY}) TO 's3://b/' WITH (format = 'JSON')", "UNLOAD", QUERY),
        (f"EXPLAIN ANALYZE {QUERY}", "EXPLAIN ANALYZE SELECT", QUERY),
        (f"EXPLAIN ANALYZE VERBOSE (FORMAT JSON) {QUERY}", "EXPLAIN ANALYZE SELECT", QUERY),
        (f"EXPLAIN ANALYZE INSERT INTO n {QUERY}", "EXPLAIN ANALYZE INSERT", QUERY),
        (
            f"USING EXTERNAL FUNCTION f(a varchar) RETURNS varchar LAMBDA 'l' {QUERY}",
            "SELECT",
            QUERY,
        ),
        ("EXECUTE IMMEDIATE 'SELECT ''a'' FROM t WHERE b = ?' USING 'it''s'",
         "EXECUTE IMMEDIATE: SELECT", "SELECT 'a' FROM t WHERE b = 'it''s'"),
    ],
)  # fmt: skip
def test_what_reads(text: str, said: str, query: str) -> None:
    """The query inside, to the letter; targets of CREATE TABLE AS, INSERT and UNLOAD are none."""
    found = _read(text)
    assert (found.kind, found.said, found.query) == ("reads", said, query)


# ---------------------------------------------------------------- prepared statements


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("EXECUTE p", ()),
        ("EXECUTE p USING 1, 'a, b', date '2026-11-20'", ("1", "'a, b'", "date '2026-11-20'")),
        ("execute P using concat('a', 'b'), 2", ("concat('a', 'b')", "2")),
    ],
)
def test_an_execute_names_what_was_prepared(text: str, values: tuple[str, ...]) -> None:
    """The name, and the values that stand for its question marks."""
    found = _read(text)
    assert (found.kind, found.name.lower(), found.values) == ("prepared", "p", values)


def test_a_prepared_text_takes_its_values() -> None:
    """A question mark in a string or a comment is none."""
    prepared = "SELECT '?' /* ? */ FROM t -- ?\nWHERE d = ? AND e < ?;"
    found = bind(_read("EXECUTE p USING DATE '2026-11-20', 5"), prepared)
    assert found.kind == "reads"
    assert found.said == "EXECUTE p: SELECT"
    assert found.query == ("SELECT '?' /* ? */ FROM t -- ?\nWHERE d = DATE '2026-11-20' AND e < 5")


def test_question_marks_without_their_values_stay() -> None:
    """Athena would refuse it; what they stand for is not guessed."""
    found = bind(_read("EXECUTE p USING 5"), "SELECT * FROM t WHERE d = ? AND e = ?")
    assert found.query == "SELECT * FROM t WHERE d = ? AND e = ?"


def test_what_was_prepared_may_write() -> None:
    """PREPARE takes INSERT, CREATE TABLE AS and UNLOAD as well."""
    found = bind(_read("EXECUTE p"), f"INSERT INTO n {QUERY}")
    assert (found.kind, found.said, found.query) == ("reads", "EXECUTE p: INSERT", QUERY)


# ---------------------------------------------------------------- what is not known


@pytest.mark.parametrize(
    "text",
    [
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "OPTIMIZE t REWRITE DATA USING BIN_PACK",
        "VACUUM t",
        "ANALYZE t",
        "REFRESH MATERIALIZED VIEW v",
        "ALTER TABLE t EXECUTE optimize",
        "CALL system.rewrite('t')",
        "SELEC 1",
        "CREATE INDEX i ON t (a)",
        "INSERT INTO t",
        "UNLOAD SELECT 1",
        "EXECUTE",
        "EXECUTE IMMEDIATE f('x')",
        "EXPLAIN ANALYZE",
        "WITH FUNCTION f(x int) RETURNS int RETURN x SELECT f(a) FROM t",
    ],
)
def test_what_is_not_known_is_never_free(text: str) -> None:
    """What rewrites files, and what is no statement, has a reason and no size."""
    found = _read(text)
    assert found.kind == "unknown"
    assert found.said


# ---------------------------------------------------------------- one statement to a text


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{QUERY}",
        f"{QUERY};",
        f"\r\n{QUERY}\r\n;\r\n",
        f"-- one; two\r\n{QUERY};; -- three",
        f"/* one;\ntwo */{QUERY}\n;\n\n/* three */",
        f"-- old line ends\r{QUERY}",
    ],
)
def test_what_stands_around_a_statement(text: str) -> None:
    """Comments, semicolons, a byte order mark and any line ends are no statement."""
    assert _read(text).text == QUERY


@pytest.mark.parametrize("text", ["", "  \r\n", ";", "-- nothing", "/* nothing */;", "\ufeff"])
def test_no_statement_is_refused(text: str) -> None:
    """An empty file is told by its name."""
    with pytest.raises(BadSql, match=r"a\.sql: holds no statement"):
        _read(text)


@pytest.mark.parametrize(
    "text", ["SELECT 1; SELECT 2", "SHOW TABLES; DROP TABLE t;", f"{QUERY};{QUERY}"]
)
def test_several_statements_are_refused(text: str) -> None:
    """Athena takes one at a time."""
    with pytest.raises(BadSql, match="holds 2 statements"):
        _read(text)


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("SELECTINROA()'\"`;-*/\\?, \n\r\ufeff"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but BadSql comes out, and nothing is free but what begins with a free word."""
    try:
        found = _read(text)
    except BadSql:
        return
    assert found.kind in ("reads", "unknown", "free", "prepared")
    assert found.kind != "free" or found.said.split(" ")[0].isalpha()
