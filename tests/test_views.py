"""Names in a query, views in their place, tables as the catalog describes them, shortcuts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from athena_flow.errors import BadSql, NotFound
from athena_flow.gluetable import table_input
from athena_flow.layout import DAILY
from athena_flow.logformat import DEFAULT
from athena_flow.readable import Readable, View, readable
from athena_flow.shortcuts import JOINED, LIMITED, NEVER, PATHS, SAMPLED, UNTOLD, shortcuts
from athena_flow.table import CODECS, TableSpec
from athena_flow.views import Session, resolved

VIEWS = {
    "db.v": View("db", "v", "SELECT a, d FROM x WHERE d > 1", "other"),
    "db.w": View("db", "w", "WITH x AS (SELECT * FROM v) SELECT * FROM x", "db"),
    "db.h": View("db", "h", "SELECT `a` FROM `t` JOIN `u` ON t.d = u.d WHERE d = 1", "db", "hive"),
    "db.one": View("db", "one", "SELECT * FROM two", "db"),
    "db.two": View("db", "two", "SELECT * FROM db.one", "db"),
    "db.broken": View("db", "broken", "SELECT FROM", "db"),
    "db.writes": View("db", "writes", "DROP TABLE t", "db"),
}
INSIDE = '(SELECT a, d FROM "other".x WHERE d > 1)'


def _look(database: str, name: str) -> View | None:
    if name == "missing":
        raise NotFound(f"no table {database}.{name}")
    return VIEWS.get(f"{database}.{name}")


def _resolved(sql: str) -> str:
    return resolved(sql, Session("db"), _look).sql


# ---------------------------------------------------------------- names and views


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM T", 'SELECT * FROM "db".T'),
        ("SELECT * FROM AwsDataCatalog.E.t", 'SELECT * FROM "e".t'),
        ("SELECT * FROM v", f'SELECT * FROM {INSIDE} AS "v"'),
        ("SELECT q.a FROM v AS q (a, b)", f"SELECT q.a FROM {INSIDE} AS q(a, b)"),
        ("SELECT * FROM (v) AS q", f'SELECT * FROM ({INSIDE} AS "v") AS q'),
        (
            "SELECT * FROM v TABLESAMPLE BERNOULLI (10)",
            f'SELECT * FROM {INSIDE} AS "v" TABLESAMPLE BERNOULLI (10)',
        ),
        (
            "WITH x AS (SELECT 1 AS k) SELECT * FROM v, x",
            f'WITH x AS (SELECT 1 AS k) SELECT * FROM {INSIDE} AS "v", x',
        ),
        (
            "SELECT * FROM w",
            f'SELECT * FROM (WITH x AS (SELECT * FROM {INSIDE} AS "v") SELECT * FROM x) AS "w"',
        ),
        (
            "SELECT * FROM h",
            'SELECT * FROM (SELECT "a" FROM "db"."t" JOIN "db"."u" ON TRUE) AS "h"',
        ),
        (
            "WITH t AS (SELECT * FROM t) SELECT * FROM t",
            'WITH t AS (SELECT * FROM "db".t) SELECT * FROM t',
        ),
        (
            "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b",
            'WITH a AS (SELECT * FROM "db".b), b AS (SELECT * FROM a) SELECT * FROM b',
        ),
        (
            "SELECT 1 FROM (WITH q AS (SELECT 1) SELECT * FROM q) AS z, q",
            'SELECT 1 FROM (WITH q AS (SELECT 1) SELECT * FROM q) AS z, "db".q',
        ),
        (
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t",
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t",
        ),
        (
            "SELECT (SELECT MAX(x) FROM b) FROM a WHERE x IN (TABLE c)",
            'SELECT (SELECT MAX(x) FROM "db".b) FROM "db".a WHERE x IN (SELECT * FROM "db".c)',
        ),
    ],
)
def test_names_and_views(sql: str, expected: str) -> None:
    """Each table has its database; a WITH query is none; a view is its text, whose names are its
    own, and in Hive's SQL proves nothing."""
    assert _resolved(sql) == expected


def test_views_are_told() -> None:
    """Those inside others as well, each once."""
    found = resolved("SELECT * FROM w, v", Session("db"), _look)
    assert found.views == ("db.v", "db.w")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT * FROM one", "view db.one reads itself, by way of db.two"),
        ("SELECT * FROM broken", "it is not understood"),
        ("SELECT * FROM writes", "it is not understood"),
        ("SELECT * FROM other.db.t", "other.db.t lies in another catalog"),
        ("SELECT * FROM TABLE(f(1))", "a function stands where a table should"),
        ("SELECT 1; SELECT 2", "no single query"),
        ("SELECT * FROM t WHERE (", "it is not understood"),
    ],
)
def test_what_is_not_understood(sql: str, reason: str) -> None:
    """The reason, in one line."""
    with pytest.raises(BadSql, match=reason) as caught:
        _resolved(sql)
    assert "\n" not in caught.value.message


def test_a_table_that_is_missing_is_missing() -> None:
    """Also inside a view."""
    with pytest.raises(NotFound):
        _resolved("SELECT * FROM missing")


def test_metadata_is_no_table() -> None:
    """It is not looked up, for nobody has it."""
    sql = 'SELECT * FROM information_schema.missing, e."missing$partitions"'
    found = resolved(sql, Session("db"), _look)
    assert found.system == ("information_schema.missing", "e.missing$partitions")


# ---------------------------------------------------------------- tables of the catalog

TEXT = CODECS["text"].input_format
KEYS = [{"Name": "Year", "Type": "int"}]


def _described(**more: Any) -> dict[str, Any]:
    storage = {
        "Columns": [{"Name": "A", "Type": "int"}],
        "Location": "s3://b/x/",
        "InputFormat": TEXT,
    }
    about = {"Name": "T", "TableType": "EXTERNAL_TABLE", "PartitionKeys": KEYS, "Parameters": {}}
    return {**about, "StorageDescriptor": storage | more.pop("storage", {}), **more}


def _table(**more: Any) -> Readable:
    found = readable("db", _described(**more))
    assert isinstance(found, Readable)
    return found


def test_a_table_of_ours_is_one() -> None:
    """With its spec; one that somebody altered is read like anybody's."""
    spec = TableSpec("db", "t", "s3://b/", DEFAULT, DAILY)
    found = readable("db", table_input(spec))
    assert isinstance(found, Readable)
    assert (found.spec, found.keys) == (spec, dict(spec.keys))
    altered = table_input(spec)
    altered["StorageDescriptor"]["Columns"].pop()
    other = readable("db", altered)
    assert isinstance(other, Readable)
    assert (other.spec, other.keys, other.unbounded) == (None, dict(spec.keys), "")


@pytest.mark.parametrize(
    ("input_format", "file_type"),
    [
        (TEXT, "text"),
        (CODECS["parquet"].input_format, "parquet"),
        ("org.apache.hadoop.hive.ql.io.orc.OrcInputFormat", "other"),
    ],
)
def test_anybodys_table(input_format: str, file_type: str) -> None:
    """Columns and keys in lower case; how its files are read."""
    found = _table(storage={"InputFormat": input_format})
    assert (found.title, found.columns, found.keys) == ("db.t", {"a": "int"}, {"year": "int"})
    assert (found.file_type, found.spec, found.unbounded) == (file_type, None, "")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"Parameters": {"table_type": "ICEBERG"}}, "iceberg"),
        ({"Parameters": {"spark.sql.sources.provider": "delta"}}, "delta"),
        ({"Parameters": {"classification": "delta"}}, "delta"),
        ({"TargetTable": {"DatabaseName": "d", "Name": "t"}}, "a link"),
        ({"Parameters": {"storage_handler": "com.x.DynamoDB"}}, "connector"),
        ({"storage": {"Location": "jdbc.public.t"}}, "no place in S3"),
        ({"storage": {"Location": ""}}, "no place in S3"),
        (
            {"storage": {"InputFormat": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"}},
            "SymlinkTextInputFormat",
        ),
        ({"storage": {"InputFormat": "org.apache.hudi.hadoop.HoodieParquetInputFormat"}}, "Hoodie"),
        ({"storage": {"InputFormat": None}}, "none"),
    ],
)
def test_tables_whose_files_cannot_be_listed(more: dict[str, Any], reason: str) -> None:
    """What lies at their location is not what is read."""
    assert reason in _table(**more).unbounded


def _presto(text: str) -> dict[str, Any]:
    return {"Name": "v", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text}


def test_views_of_the_catalog() -> None:
    """Athena's hold JSON, Hive's hold SQL, and one view may hold several dialects."""
    text = json.dumps({"originalSql": "SELECT 1", "schema": "s", "catalog": "awsdatacatalog"})
    encoded = f"/* Presto View: {base64.b64encode(text.encode()).decode()} */"
    view = View("db", "v", "SELECT 1", "s")
    assert readable("db", _presto(encoded)) == view
    several = {"Representations": [{"Dialect": "SPARK"}, {"Dialect": "ATHENA", **_presto(encoded)}]}
    about = {"Name": "v", "TableType": "VIRTUAL_VIEW", "ViewDefinition": several}
    assert readable("db", about) == view
    hive = {**_presto("select a from t"), "ViewExpandedText": "select `t`.`a` from `db`.`t`"}
    assert readable("db", hive) == View("db", "v", "select `t`.`a` from `db`.`t`", "db", "hive")


@pytest.mark.parametrize(
    "text", ["/* Presto View: !!! */", "/* Presto View: e30= */", "/* Presto Materialized View */"]
)
def test_a_view_that_does_not_say_what_it_reads(text: str) -> None:
    with pytest.raises(BadSql, match=r"view db\.v"):
        readable("db", _presto(text))


# ---------------------------------------------------------------- less than all


@pytest.mark.parametrize(
    ("sql", "reasons"),
    [
        ("SELECT * FROM t", ()),
        ("SELECT * FROM t LIMIT 5", (LIMITED,)),
        ("SELECT * FROM t FETCH FIRST 3 ROWS ONLY", (LIMITED,)),
        ("SELECT * FROM t ORDER BY a LIMIT 5", ()),
        ("SELECT count(*) FROM t LIMIT 5", ()),
        ("SELECT DISTINCT a FROM t LIMIT 5", ()),
        ("SELECT a, count(*) FROM t GROUP BY a LIMIT 5", ()),
        ("SELECT * FROM t UNION ALL SELECT * FROM u LIMIT 4", (LIMITED,)),
        ("SELECT * FROM t UNION SELECT * FROM u LIMIT 4", ()),
        ("SELECT * FROM t TABLESAMPLE SYSTEM (10)", (SAMPLED,)),
        ("SELECT * FROM t TABLESAMPLE BERNOULLI (10)", ()),
        ("SELECT * FROM t WHERE \"$path\" LIKE '%x'", (PATHS,)),
        ('SELECT "$path" FROM t', ()),
        ("SELECT * FROM t x JOIN u y ON x.d = y.d", (JOINED,)),
        ("SELECT * FROM t x JOIN u y USING (d)", (JOINED,)),
        ("SELECT * FROM t x JOIN u y ON x.a = y.a", ()),
        ("SELECT * FROM t WHERE d = (SELECT max(d) FROM t)", (JOINED,)),
        ("SELECT * FROM t WHERE d IN (SELECT e FROM u)", (JOINED,)),
        ("SELECT * FROM t WHERE a IN (SELECT e FROM u WHERE x = 1)", ()),
        ("SELECT * FROM t WHERE f(d)", (UNTOLD,)),
        ("SELECT d FROM t WHERE a = 1", ()),
        ("SELECT d FROM t WHERE false", (NEVER,)),
        ("SELECT d FROM t WHERE NULL", (NEVER,)),
        ("SELECT d FROM t WHERE a = 1 AND (1 = 2 AND b = 1)", (NEVER,)),
        ("SELECT d FROM t WHERE true AND 1 = 1 AND (a = 1 OR false)", ()),
        ("SELECT a FROM t GROUP BY a HAVING count(*) > 1", ()),
        ("SELECT a FROM t JOIN u ON lower('A') = 'b'", (NEVER,)),
    ],
)
def test_where_athena_may_read_less(sql: str, reasons: tuple[str, ...]) -> None:
    """Of a table partitioned by d, of whose condition pruning made nothing."""
    assert shortcuts(sql).reasons(["d"], [None]) == reasons


def test_a_condition_that_was_used_is_no_shortcut() -> None:
    """What pruning took up is counted already."""
    found = shortcuts("SELECT * FROM t WHERE d = 1 AND e = 2")
    assert found.reasons(["d", "e"], ["d = 1 AND e = 2"]) == ()
    assert found.reasons(["d", "e"], ["d = 1", None]) == (UNTOLD,)
    assert found.reasons(["d", "e"], ["d = 1", "e = 2"]) == ()
