"""Which data columns a scan can need, bounds on their values, and what a statement must not do."""

from __future__ import annotations

import pytest

from athena_flow.errors import BadSql
from athena_flow.prune import Range, Relation, TableScan, table_scans

LOGS = Relation(
    {"srcaddr": "string", "bytes": "bigint", "srcport": "int", "ratio": "double"},
    {"date": "string", "order": "string"},
)
TABLES = {"logs": LOGS, "other": LOGS}


def _relation(_: str, table: str) -> Relation | None:
    return TABLES.get(table)


def _scans(sql: str) -> tuple[TableScan, ...]:
    return table_scans(sql, _relation)


def _columns(sql: str) -> list[str]:
    """Each scan's columns, sorted; * for all of them."""
    return ["*" if s.columns is None else " ".join(sorted(s.columns)) for s in _scans(sql)]


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT * FROM logs", ["*"]),
        ("SELECT a.* FROM logs AS a", ["*"]),
        ("SELECT count(*) FROM logs", [""]),
        ("SELECT count(*) FROM logs WHERE date = 'x'", [""]),
        ("SELECT date FROM logs", [""]),
        ("SELECT count(*) FROM logs WHERE bytes > 5 AND date = 'x'", ["bytes"]),
        ("SELECT SRCADDR, Logs.Bytes FROM logs", ["bytes srcaddr"]),
        ("SELECT sum(bytes) AS srcaddr FROM logs ORDER BY srcaddr", ["bytes"]),
        ("SELECT date FROM logs ORDER BY bytes", ["bytes"]),
        ("SELECT srcaddr, sum(bytes) FROM logs GROUP BY 1 ORDER BY 2", ["bytes srcaddr"]),
        ("SELECT srcaddr, sum(bytes) AS n FROM logs GROUP BY 1 ORDER BY n / 2", ["bytes srcaddr"]),
        ("SELECT count(*) AS n FROM logs GROUP BY date ORDER BY n, max(bytes) + n", ["bytes"]),
        ("SELECT count(*) FROM logs GROUP BY srcaddr HAVING max(bytes) > 1", ["bytes srcaddr"]),
        ("SELECT bytes FROM (SELECT * FROM logs)", ["bytes"]),
        ("SELECT count(*) FROM (SELECT * FROM logs)", [""]),
        ("SELECT b FROM (SELECT srcaddr AS a, bytes AS b, srcport AS c FROM logs)", ["bytes"]),
        ("SELECT b FROM (SELECT srcaddr, sum(bytes) AS b FROM logs GROUP BY 1)", ["bytes srcaddr"]),
        ("SELECT b FROM (SELECT DISTINCT srcaddr, bytes AS b FROM logs)", ["bytes srcaddr"]),
        ("SELECT srcaddr FROM (SELECT *, rank() OVER (ORDER BY bytes) AS r FROM logs)",
         ["bytes srcaddr"]),
        ("WITH t (a, b, c, d, e, f) AS (SELECT * FROM logs) SELECT c FROM t WHERE b > 1",
         ["bytes srcport"]),
        ("SELECT a FROM (SELECT srcaddr AS a, bytes FROM logs UNION ALL"
         " SELECT srcaddr, srcport FROM other)", ["srcaddr", "srcaddr"]),
        ("SELECT a FROM (SELECT srcaddr AS a, bytes FROM logs UNION"
         " SELECT srcaddr, srcport FROM other)", ["bytes srcaddr", "srcaddr srcport"]),
        ("SELECT a.bytes FROM logs AS a JOIN other AS b ON a.srcaddr = b.srcaddr",
         ["bytes srcaddr", "srcaddr"]),
        ("SELECT a.bytes FROM logs AS a JOIN other AS b USING (srcaddr)",
         ["bytes srcaddr", "srcaddr"]),
        ("SELECT * FROM logs AS a JOIN other AS b ON a.bytes = b.bytes", ["*", "*"]),
        ("SELECT a.* FROM logs AS a JOIN other AS b ON a.bytes = b.bytes", ["*", "bytes"]),
        ("SELECT date FROM logs NATURAL JOIN other", ["*", "*"]),
        ("SELECT 1 FROM logs WHERE EXISTS (SELECT * FROM other WHERE other.bytes = logs.srcport)",
         ["srcport", "bytes"]),
        ("SELECT 1 FROM logs WHERE srcaddr IN (SELECT srcaddr FROM other)", ["srcaddr", "srcaddr"]),
        ("SELECT (SELECT max(bytes) FROM other WHERE other.srcport = a.srcport) FROM logs AS a",
         ["srcport", "bytes srcport"]),
        ("SELECT (SELECT max(bytes + ratio) FROM other) FROM logs", ["", "bytes ratio"]),
        ("SELECT x FROM logs CROSS JOIN UNNEST(split(srcaddr, '.')) AS u (x)", ["srcaddr"]),
        ("SELECT c.b FROM logs AS a CROSS JOIN LATERAL"
         " (SELECT max(bytes) AS b FROM other WHERE other.srcport = a.srcport) AS c",
         ["srcport", "bytes srcport"]),
        ("SELECT transform(ARRAY[bytes], x -> x + srcport) FROM logs", ["bytes srcport"]),
        ('SELECT "$path", bytes FROM logs', ["bytes"]),
        ("SELECT nothing FROM logs", ["*"]),
        ("SELECT z.bytes FROM logs AS a", ["*"]),
        ("SELECT b.x FROM (logs AS a CROSS JOIN other) AS b (u, v, w, x)", ["*", "*"]),
        ("SELECT x.y FROM unknown AS a, logs", ["*", ""]),
        ("SELECT bytes FROM logs TABLESAMPLE BERNOULLI (10)", ["*"]),
        ("SELECT bytes FROM logs AS a (b, bytes, d, e, f, g)", ["bytes"]),
        ("SELECT d FROM logs AS a (b, c, d, e, f, g)", ["srcport"]),
    ],
)  # fmt: skip
def test_columns_that_a_scan_can_need(sql: str, columns: list[str]) -> None:
    """Those of the data that the statement can look at: none of them more, keys aside."""
    assert _columns(sql) == columns


@pytest.mark.parametrize(
    ("where", "ranges"),
    [
        ("bytes = 5", ["bytes 5 5"]),
        ("bytes > 5 AND bytes <= 9", ["bytes 6 9"]),
        ("5 < bytes", ["bytes 6 None"]),
        ("bytes >= -5", ["bytes -5 None"]),
        ("bytes < 5", ["bytes None 4"]),
        ("bytes BETWEEN 5 AND 9", ["bytes 5 9"]),
        ("bytes IN (9, 5, 7)", ["bytes 5 9"]),
        ("srcport = 443 AND bytes > 1", ["srcport 443 443", "bytes 2 None"]),
        ("srcaddr = '10.0.0.1'", ["srcaddr 10.0.0.1 10.0.0.1"]),
        ("srcaddr > 'a'", ["srcaddr a None"]),
        ("srcaddr < 'a'", ["srcaddr None a"]),
        ("NOT (bytes > 5 OR srcport = 443)", []),
        ("NOT bytes > 5", []),
        ("bytes <> 5", []),
        ("bytes > 5 OR srcport = 443", []),
        ("bytes > srcport", []),
        ("bytes + 1 > 5", []),
        ("bytes > 5.5", []),
        ("bytes = NULL", []),
        ("bytes IN (5, NULL)", []),
        ("bytes NOT IN (5, 6)", []),
        ("bytes NOT BETWEEN 5 AND 6", []),
        ("srcaddr = 5", []),
        ("bytes = '5'", []),
        ("ratio > 5", []),
        ("lower(srcaddr) = 'a'", []),
        ("srcaddr LIKE '10.%'", []),
        ("date = '2026-11-20'", []),
        ("bytes > 5 AND random() < 0.5", ["bytes 6 None"]),
    ],
)
def test_ranges_are_what_plain_comparisons_say(where: str, ranges: list[str]) -> None:
    """Only a column against literals of its own type, and never more than holds for each row."""
    (scan,) = _scans(f"SELECT 1 FROM logs WHERE {where}")
    assert [f"{r.column} {r.low} {r.high}" for r in scan.ranges] == ranges


@pytest.mark.parametrize(
    ("where", "among"),
    [
        ("bytes IN (7, 5)", (5, 7)),
        ("bytes IN (7, 5, 9) AND bytes IN (5, 9, 11)", (5, 9)),
        ("bytes IN (7, 5) AND bytes > 1", (5, 7)),
        ("bytes IN (7, 5) AND bytes IN (1, 2)", ()),
        ("bytes IN (7, NULL)", None),
        ("bytes BETWEEN 5 AND 7", ()),
    ],
)
def test_lists_keep_their_values(where: str, among: tuple[int, ...] | None) -> None:
    """All lists of a column together; one that is empty is none, and leaves the ends."""
    (scan,) = _scans(f"SELECT 1 FROM logs WHERE {where}")
    assert [r.among for r in scan.ranges] == ([] if among is None else [among])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM (SELECT * FROM logs) WHERE bytes = 5",
        "WITH t AS (SELECT bytes AS b FROM logs) SELECT 1 FROM t WHERE b = 5",
        "SELECT 1 FROM logs AS a JOIN unknown AS b ON a.bytes = 5",
        "SELECT 1 FROM unknown AS b LEFT JOIN logs AS a ON a.bytes = 5",
        "SELECT 1 FROM unknown AS b LEFT JOIN logs AS a ON b.x = a.bytes WHERE a.bytes = 5",
        "SELECT * FROM (SELECT bytes, count(*) FROM logs GROUP BY 1) WHERE bytes = 5",
    ],
)
def test_ranges_go_where_conditions_go(sql: str) -> None:
    """Through names, joins and groups."""
    assert [s.ranges for s in _scans(sql) if s.table == "logs"] == [(Range("bytes", 5, 5),)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM (SELECT * FROM logs LIMIT 3) WHERE bytes = 5",
        "SELECT 1 FROM logs AS a LEFT JOIN unknown AS b ON a.bytes = 5",
        "SELECT 1 FROM unknown AS b LEFT JOIN logs AS a ON b.x = a.srcport WHERE a.bytes IS NULL",
        "SELECT * FROM (SELECT max(bytes) AS bytes FROM logs) WHERE bytes = 5",
        "SELECT * FROM (SELECT -bytes AS bytes FROM logs) WHERE bytes = 5",
    ],
)
def test_ranges_stop_where_conditions_stop(sql: str) -> None:
    """A row that is not chosen by its value may still be needed."""
    assert [s.ranges for s in _scans(sql) if s.table == "logs"] == [()]


# ---------------------------------------------------------------- how often a table is read


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("WITH t AS (SELECT * FROM logs) SELECT 1", 0),
        ("WITH t AS (SELECT * FROM logs), u AS (SELECT * FROM t) SELECT 1 FROM t", 1),
        ("WITH t AS (SELECT * FROM logs) SELECT 1 FROM t AS a, t AS b, t AS c", 3),
        ("WITH t AS (SELECT * FROM logs), u AS (SELECT 1 FROM t AS a, t AS b)"
         " SELECT 1 FROM u AS a, u AS b", 4),
        ("WITH t AS (SELECT * FROM logs) SELECT (SELECT max(bytes) FROM T) FROM t", 2),
        ("SELECT 1 FROM logs WHERE bytes > (SELECT avg(bytes) FROM logs)", 2),
        ("SELECT 1 FROM logs UNION SELECT 2 FROM logs INTERSECT SELECT 3 FROM logs", 3),
        ("SELECT 1 FROM (((SELECT * FROM logs)))", 1),
        ("SELECT 1 FROM (logs AS a JOIN (logs AS b LEFT JOIN logs AS c ON true) ON true)", 3),
        ("WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3)"
         " SELECT * FROM t CROSS JOIN logs", 1),
        ("WITH RECURSIVE t (n) AS (SELECT bytes FROM logs UNION ALL SELECT n + 1 FROM t)"
         " SELECT * FROM t", 12),
        ("WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT bytes FROM t JOIN logs ON n = srcport)"
         " SELECT * FROM t", 66),
        ("SELECT 1 FROM logs MATCH_RECOGNIZE (PATTERN (x) DEFINE x AS true)", 1),
    ],
)  # fmt: skip
def test_each_time_that_a_table_is_read_counts(sql: str, count: int) -> None:
    """As often as Trino plans it: a WITH query wherever it is named, a recursive one unrolled."""
    assert [scan.table for scan in _scans(sql)] == ["logs"] * count


def test_with_queries_that_double_are_refused_before_they_fill_the_memory() -> None:
    """Each one reads the one before it twice: two to the power of thirty scans."""
    steps = [f"t{n + 1} AS (SELECT 1 FROM t{n} AS a, t{n} AS b)" for n in range(30)]
    sql = f"WITH t0 AS (SELECT * FROM logs), {', '.join(steps)} SELECT 1 FROM t30"
    with pytest.raises(BadSql, match="more than 10,000 times"):
        _scans(sql)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM logs AS a, other AS a",
        "SELECT 1 FROM logs AS a JOIN other AS A ON true",
        "SELECT 1 FROM logs, logs",
        "SELECT 1 FROM logs AS other, other",
        "SELECT 1 FROM x.logs JOIN x.logs ON true",
        "SELECT 1 FROM (SELECT 1 FROM logs AS a, other AS a)",
        "WITH a AS (SELECT 1) SELECT 1 FROM a, logs AS a",
    ],
)
def test_one_name_for_two_tables_is_refused(sql: str) -> None:
    """The name and the way out are said."""
    with pytest.raises(BadSql, match="two tables of one FROM are called (a|logs|other)$") as error:
        _scans(sql)
    assert "an alias of its own" in str(error.value.hint)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'open",
        "SELECT 1 FROM",
        "nonsense(",
        "",
        "SELECT 1; SELECT 2",
        "SELECT '\0'",
        f"SELECT {'(' * 5000}1{')' * 5000}",
    ],
)
def test_what_is_no_statement_is_refused(sql: str) -> None:
    """What cannot be parsed has no estimate, least of all one of nothing."""
    with pytest.raises(BadSql):
        _scans(sql)


def _conditions(sql: str) -> list[str | None]:
    return [scan.condition for scan in _scans(sql)]


def test_a_key_that_a_subquery_hides_is_none() -> None:
    """What stands under the key's name is what counts, whatever it is made of."""
    assert _conditions(
        "SELECT * FROM (SELECT srcaddr AS date, date AS d FROM logs) WHERE date = 'x'"
    ) == [None]
    assert _conditions(
        "SELECT * FROM (SELECT srcaddr AS date, date AS d FROM logs) WHERE d = 'x'"
    ) == ["\"date\" = 'x'"]


def test_a_quoted_name_that_looks_like_a_keyword_is_a_name() -> None:
    """``"order"`` is a partition key here, and ``"select"`` an alias."""
    assert _conditions('SELECT 1 FROM logs AS "select" WHERE "select"."order" = \'x\'') == [
        "\"order\" = 'x'"
    ]


def test_case_is_of_no_meaning_in_names() -> None:
    """Quoted or not, as in Trino."""
    assert _conditions("SELECT 1 FROM LOGS AS A WHERE a.\"DATE\" = 'X'") == ["\"date\" = 'X'"]
    assert _conditions('WITH T AS (SELECT Date AS D FROM "Logs") SELECT 1 FROM t WHERE d = 1') == [
        '"date" = 1'
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM logs CROSS JOIN other WHERE date = 'x'",
        "SELECT 1 FROM logs CROSS JOIN unknown WHERE date = 'x'",
        "SELECT 1 FROM one.logs CROSS JOIN two.logs WHERE logs.date = 'x'",
        "SELECT 1 FROM logs AS a WHERE logs.date = 'x'",
        "SELECT 1 FROM logs WHERE one.logs.date = 'x'",
        "SELECT 1 FROM logs AS a (d, e) WHERE date = 'x'",
        "SELECT 1 FROM logs TABLESAMPLE BERNOULLI (10) WHERE date = 'x'",
        "SELECT 1 FROM (unknown AS a CROSS JOIN logs) AS b (date, d) WHERE date = 'x'",
        "SELECT * FROM (SELECT date, date FROM logs) WHERE date = 'x'",
    ],
)
def test_a_name_that_is_not_plain_chooses_nothing(sql: str) -> None:
    """Two that it may be, or none: no condition rests on a guess."""
    assert set(_conditions(sql)) == {None}


def test_a_long_statement_is_read() -> None:
    """Thousands of conditions under one OR, as a program writes them."""
    terms = " OR ".join(f"date = '{n}'" for n in range(3000))
    (scan,) = _scans(f"SELECT 1 FROM logs WHERE ({terms}) AND bytes = 5")
    assert scan.condition is not None
    assert "'2999'" in scan.condition
