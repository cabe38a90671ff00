"""Pruning: never a partition too few, judged by an engine; on saved queries none too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import duckdb
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp
from test_ddl import ALL_VPC
from test_table import SPEC

from athena_flow.engines.duckdb import evaluate
from athena_flow.errors import BadSql
from athena_flow.layout import LAYOUTS, Partition
from athena_flow.logformat import parse_format
from athena_flow.params import TYPES
from athena_flow.params import bind as bind_values
from athena_flow.prune import Relation, TableScan, chosen, table_scans
from athena_flow.query import bind, library
from athena_flow.table import TableSpec
from athena_flow.window import DAY, Window

FORMAT = parse_format("srcaddr bytes end")
HOURLY = replace(SPEC, format=FORMAT, layout=LAYOUTS["hourly"])
KEYS = dict(HOURLY.keys)
RELATION = Relation(dict(HOURLY.columns), KEYS)
FIRST = datetime(2026, 11, 19, tzinfo=UTC)
TABLES = ("t0", "t1", "t2")
"""Names for one table: each place of a statement that reads it has its own name here."""

PARTITIONS = [
    Partition(account, region, FIRST + timedelta(days=day, hours=hour))
    for account in ("111111111111", "222222222222")
    for region in ("eu-west-1", "us-gov-west-1")
    for day in range(3)
    for hour in (0, 7, 23)
]
VALUES = [HOURLY.values(partition) for partition in PARTITIONS]


def _known(_: str, table: str) -> Relation | None:
    return None if table == "other" else RELATION


def _rows() -> Iterator[tuple[object, ...]]:
    """Two records for each partition; some values are NULL, and some look like keys."""
    sources = ["10.0.0.1", "10.0.0.2", "2026-11-20", "eu-west-1", "07", None]
    for n, partition in enumerate(PARTITIONS):
        values = HOURLY.values(partition)
        moment = int(partition.start.timestamp())
        yield (n, sources[n % 6], None if n % 5 == 0 else n, moment, *values)
        yield (n, sources[(n + 2) % 6], 100 - n, None if n % 7 == 0 else moment + 60, *values)


def _judge() -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    keys = ", ".join(f'"{key}" VARCHAR' for key in KEYS)
    db.execute(
        f'CREATE TABLE base (p INTEGER, srcaddr VARCHAR, bytes BIGINT, "end" BIGINT, {keys})'
    )
    db.executemany(f"INSERT INTO base VALUES ({', '.join('?' * (4 + len(KEYS)))})", list(_rows()))
    return db


JUDGE = _judge()


def _answer(sql: str, numbers: dict[str, set[int]] | None = None) -> list[str]:
    """The rows of a statement, sorted, over all partitions or only those named for a table."""
    for table in TABLES:
        where = ""
        if numbers is not None:
            listed = ", ".join(map(str, sorted(numbers.get(table, ())))) or "NULL"
            where = f" WHERE p IN ({listed})"
        JUDGE.execute(
            f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT * EXCLUDE (p) FROM base{where}"
        )
    return sorted(map(repr, JUDGE.execute(sql).fetchall()))


@cache
def _kept(condition: str, keys: tuple[tuple[str, str], ...], rows: object) -> Sequence[bool]:
    assert isinstance(rows, tuple)
    return evaluate(condition, dict(keys), rows)


def _remembered(
    condition: str, keys: Mapping[str, str], rows: Sequence[Sequence[str | None]]
) -> Sequence[bool]:
    """The embedded engine's evaluation, asked once for each condition."""
    return _kept(condition, tuple(keys.items()), tuple(map(tuple, rows)))


def _numbers(sql: str) -> dict[str, set[int]]:
    """Which partitions the scans of each table keep."""
    found: dict[str, set[int]] = {}
    for scan in table_scans(sql, _known):
        answers = chosen(scan, KEYS, VALUES, _remembered, FIRST)[0]
        assert len(answers) == len(PARTITIONS)
        found.setdefault(scan.table, set()).update(n for n, yes in enumerate(answers) if yes)
    return found


def _assert_sound(sql: str) -> dict[str, set[int]]:
    numbers = _numbers(sql)
    assert _answer(sql, numbers) == _answer(sql), (sql, table_scans(sql, _known))
    return numbers


# ---------------------------------------------------------------- generated statements

_values = {
    "aws_account_id": ["111111111111", "222222222222", "333333333333", ""],
    "aws_region": ["eu-west-1", "us-gov-west-1", "eu-%", "EU-WEST-1"],
    "date": ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11", "2026/11/20"],
    "hour": ["00", "07", "23", "7", "12"],
}
_operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "!="])


def _quoted(text: str) -> str:
    return f"'{text}'"


@st.composite
def _key_leaves(draw: st.DrawFn, a: str) -> str:
    key = draw(st.sampled_from(sorted(_values)))
    value = st.sampled_from(_values[key]).map(_quoted)
    other = draw(st.sampled_from(sorted(_values)))
    column = draw(st.sampled_from([f'{a}"{key}"', f"{a}{key}", f'{a}"{key.upper()}"']))
    one, two = draw(value), draw(value)
    pattern = draw(st.sampled_from(["'%'", "'2026%'", "'%-20'", "'_7'", "'%1111%'", "'eu-_est-1'"]))
    operator = draw(_operators)
    form = draw(st.integers(0, 13))
    return [
        f"{column} {operator} {one}",
        f"{one} {operator} {column}",
        f"{column} IN ({one}, {two})",
        f"{column} NOT IN ({one}, {two})",
        f"{column} IN ({one}, NULL)",
        f"{column} NOT IN ({one}, NULL)",
        f"{column} BETWEEN {one} AND {two}",
        f"{column} NOT BETWEEN {one} AND {two}",
        f"{column} LIKE {pattern}",
        f"{column} NOT LIKE {pattern}",
        f"{column} IS NULL",
        f"{column} IS NOT NULL",
        f"substr({column}, 1, 7) {operator} {one}",
        f'concat({column}, {a}"{other}") {operator} {one}',
    ][form]


@st.composite
def _data_leaves(draw: st.DrawFn, a: str) -> str:
    number = draw(st.integers(-1, 101))
    operator = draw(_operators)
    return draw(
        st.sampled_from(
            [
                f"{a}bytes {operator} {number}",
                f"{a}srcaddr {operator} '10.0.0.1'",
                f'{a}srcaddr = {a}"date"',
                f"{a}srcaddr IN ('10.0.0.2', {a}aws_region)",
                f"{a}bytes IS NULL",
                f"{a}bytes IS NOT NULL",
                f"coalesce({a}srcaddr, {a}\"date\") {operator} '2026-11-20'",
                f"CASE WHEN {a}bytes > {number} THEN {a}\"date\" ELSE '2026-11-20' END"
                " = '2026-11-20'",
                f"({a}bytes > {number}) = ({a}\"hour\" = '07')",
                f"({a}bytes > {number} AND {a}\"hour\" = '07') IS NULL",
                f"({a}bytes > {number} OR {a}\"hour\" = '07') IS NOT TRUE",
                f'{a}"end" >= {int(FIRST.timestamp()) + 86_400}',
                "1 = 0",
                "TRUE",
                "NULL",
            ]
        )
    )


def _conditions(a: str) -> st.SearchStrategy[str]:
    leaves = _key_leaves(a) | _data_leaves(a) | _key_leaves(a)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda x: f"({x[0]} AND {x[1]})"),
            st.tuples(inner, inner).map(lambda x: f"({x[0]} OR {x[1]})"),
            st.tuples(inner, inner).map(lambda x: f"(NOT {x[0]} AND {x[1]})"),
            inner.map(lambda x: f"NOT ({x})"),
            inner.map(lambda x: f"NOT (NOT ({x}))"),
        ),
        max_leaves=6,
    )


STATEMENTS = [
    "SELECT * FROM t0 WHERE {p}",
    "SELECT count(*), sum(bytes), min(srcaddr) FROM t0 AS a WHERE {a}",
    "SELECT srcaddr, count(*) FROM t0 WHERE {p} GROUP BY srcaddr"
    " HAVING min(\"date\") > '2026-11-19'",
    'SELECT upper(aws_region) AS "date", srcaddr AS hour FROM t0 WHERE {p} ORDER BY 1, 2',
    "WITH c AS (SELECT * FROM t0 AS a WHERE {a}) SELECT * FROM c WHERE {p}",
    "WITH c AS (SELECT * FROM t0) SELECT * FROM c WHERE {p}",
    'WITH t1 AS (SELECT aws_region, srcaddr AS "date", bytes, "end", hour, aws_account_id, srcaddr'
    " FROM t0 AS a WHERE {a}) SELECT * FROM t1 WHERE {p}",
    "SELECT * FROM (SELECT * FROM t0 AS a WHERE {a}) AS b WHERE {b}",
    "SELECT a.bytes, b.bytes FROM t0 AS a JOIN t1 AS b ON a.srcaddr = b.srcaddr WHERE {a} AND {b}",
    "SELECT a.bytes, b.bytes FROM t0 AS a JOIN t1 AS b ON a.srcaddr = b.srcaddr WHERE {a} OR {b}",
    "SELECT a.bytes, b.bytes FROM t0 AS a JOIN t1 AS b ON {a} AND {b} AND a.bytes = b.bytes",
    "SELECT a.bytes, b.bytes FROM t0 AS a, t1 AS b"
    ' WHERE a."date" = b."date" AND {b} AND a.bytes < 9',
    'SELECT count(*) FROM t0 AS a JOIN t1 AS b USING ("date") WHERE {a} AND NOT ({b})',
    "SELECT a.bytes, b.bytes FROM t0 AS a LEFT JOIN t1 AS b ON a.bytes = b.bytes AND {b} WHERE {a}",
    "SELECT a.bytes, b.bytes FROM t0 AS a LEFT JOIN t1 AS b ON a.bytes = b.bytes WHERE {b}",
    "SELECT a.bytes, b.bytes FROM t0 AS a RIGHT JOIN t1 AS b ON a.bytes = b.bytes WHERE {a}",
    "SELECT a.bytes, b.bytes FROM t0 AS a FULL JOIN t1 AS b ON a.bytes = b.bytes AND {a} WHERE {b}",
    "SELECT a.bytes FROM t0 AS a LEFT JOIN (SELECT * FROM t1 AS b WHERE {b}) AS c"
    ' ON a.bytes = c.bytes WHERE c."date" IS NULL',
    "SELECT bytes FROM t0 AS a WHERE {a} AND srcaddr IN (SELECT srcaddr FROM t1 AS b WHERE {b})",
    "SELECT bytes FROM t0 AS a WHERE {a} OR bytes NOT IN (SELECT bytes FROM t1 AS b WHERE {b})",
    "SELECT bytes FROM t0 AS a WHERE NOT ({a} OR EXISTS (SELECT 1 FROM t1 AS b WHERE {b}"
    ' AND b."date" = a."date"))',
    "SELECT bytes FROM t0 AS a WHERE EXISTS (SELECT 1 FROM t1 AS b WHERE {a} AND {b}"
    " AND a.bytes = b.bytes)",
    'SELECT bytes FROM t0 AS a WHERE "date" = (SELECT max("date") FROM t1 AS b WHERE {b}) AND {a}',
    "SELECT bytes, (SELECT count(*) FROM t1 AS b WHERE {b}) FROM t0 AS a WHERE {a}",
    "SELECT bytes FROM t0 AS a WHERE {a} UNION SELECT bytes FROM t1 AS b WHERE {b}",
    "SELECT bytes FROM t0 AS a WHERE {a} UNION ALL (SELECT bytes FROM t1 AS b WHERE {b})",
    "(SELECT bytes FROM t0 AS a WHERE {a}) EXCEPT SELECT bytes FROM t1 AS b WHERE {b}",
    "SELECT srcaddr FROM t0 AS a WHERE {a} INTERSECT SELECT srcaddr FROM t1 AS b WHERE {b}",
    "(SELECT count(*) FROM t0 WHERE {p})",
    "SELECT x, count(*) FROM t0 AS a CROSS JOIN UNNEST(ARRAY[srcaddr, aws_region]) AS u (x)"
    " WHERE {a} AND x <> '-' GROUP BY x",
    "SELECT x FROM t0 AS a CROSS JOIN UNNEST(ARRAY[srcaddr, aws_region]) AS u (x) WHERE {p}",
    'SELECT "date", count(*) OVER (PARTITION BY srcaddr) FROM t0 WHERE {p}',
    "WITH c AS (SELECT * FROM t0 AS a WHERE {a}), d AS (SELECT * FROM c AS b WHERE {b})"
    " SELECT count(*) FROM c AS x JOIN d AS y ON x.bytes = y.bytes WHERE x.bytes > 3",
    'SELECT * FROM t0 AS a ("date", w, x, aws_region, hour, aws_account_id, y) WHERE {keys}',
    'SELECT * FROM t0 AS a (v, w, x, aws_region, "date", hour, aws_account_id) WHERE {keys}',
]


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(STATEMENTS))
def test_no_statement_loses_a_row(data: st.DataObject, statement: str) -> None:
    """Over the kept partitions alone, a statement gives the rows that it gives over all."""
    filled = statement.format(
        p=data.draw(_conditions("")) if "{p}" in statement else "",
        a=data.draw(_conditions("a.")) if "{a}" in statement else "",
        b=data.draw(_conditions("b.")) if "{b}" in statement else "",
        keys=data.draw(_key_leaves("a.")) if "{keys}" in statement else "",
    )
    _assert_sound(filled)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_table_of_a_statement_is_a_scan(statement: str) -> None:
    """Each place that names a real table is found, and one below a CTE as often as it is read."""
    sql = statement.format(p="TRUE", a="TRUE", b="TRUE", keys="TRUE")
    tree = sqlglot.parse_one(sql, dialect="athena")
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    named = Counter(table.name for table in tree.find_all(exp.Table) if table.name not in ctes)
    found = Counter(scan.table for scan in table_scans(sql, _known))
    assert found.keys() == named.keys()
    assert found >= named
    assert found == named or ctes


# ---------------------------------------------------------------- single traps


def _days(numbers: set[int]) -> list[str]:
    return sorted({f"{PARTITIONS[n].start:%d}" for n in numbers})


@pytest.mark.parametrize(
    ("where", "days"),
    [
        ("\"date\" = '2026-11-20'", ["20"]),
        ("'2026-11-20' = \"date\"", ["20"]),
        ("\"date\" >= '2026-11-20'", ["20", "21"]),
        ("\"date\" BETWEEN '2026-11-19' AND '2026-11-20' AND bytes > 5", ["19", "20"]),
        ("\"date\" IN ('2026-11-19', '2026-11-21')", ["19", "21"]),
        ("\"date\" LIKE '%-20'", ["20"]),
        ("substr(\"date\", 9) = '20'", ["20"]),
        ("bytes > 5 AND (\"date\" = '2026-11-20' OR \"date\" = '2026-11-21')", ["20", "21"]),
        ("NOT \"date\" = '2026-11-20'", ["19", "21"]),
        ("NOT (\"date\" = '2026-11-20' OR bytes > 5)", ["19", "21"]),
        ("NOT (\"date\" = '2026-11-20' AND bytes > 5)", ["19", "20", "21"]),
        ("\"date\" = '2026-11-20' OR bytes > 5", ["19", "20", "21"]),
        ("bytes > 5", ["19", "20", "21"]),
        ("\"date\" = '1999-01-01'", []),
        ("\"date\" = '2026-11-20' AND FALSE", ["20"]),
        ("CAST(hour AS integer) < 24 AND DATE(\"date\") = DATE '2026-11-20'", ["20"]),
        ("\"date\" = '2026-11-20' AND random() < 0.5", ["20"]),
        ("\"date\" = '2026-11-20' AND srcaddr IN (SELECT srcaddr FROM t1)", ["20"]),
    ],
)
def test_a_condition_on_keys_is_used(where: str, days: list[str]) -> None:
    """What is about keys narrows the days, beside any other condition."""
    assert _days(_numbers(f"SELECT * FROM t0 WHERE {where}")["t0"]) == days


@pytest.mark.parametrize(
    "where",
    [
        "CAST(srcaddr AS integer) = 5",
        'CAST("date" AS integer) = 5',
        "nonsense(\"date\") = 'x'",
        '"date" = ?',
        "random() < 0.5",
        '"date" = CAST(uuid() AS varchar)',
        '"date" = (SELECT max("date") FROM t1)',
        '"date" = srcaddr',
        "t0.nothing = 'x'",
    ],
)
def test_what_is_not_understood_keeps_everything(where: str) -> None:
    """An estimate may be high, never low."""
    (scan, *_) = [
        s for s in table_scans(f"SELECT * FROM t0 WHERE {where}", _known) if s.table == "t0"
    ]
    assert list(chosen(scan, KEYS, VALUES, evaluate, FIRST)[0]) == [True] * len(PARTITIONS)


def test_no_where_keeps_everything() -> None:
    """Without a condition there is none to prove false."""
    assert table_scans("SELECT 1 FROM flow_logs.T0", _known) == (
        TableScan("flow_logs", "t0", None, frozenset()),
    )
    assert _numbers("SELECT * FROM t0") == {"t0": set(range(len(PARTITIONS)))}


def test_a_partition_without_place_is_kept() -> None:
    """Logs that lie in no layout have no keys to judge by."""
    (scan,) = table_scans("SELECT * FROM t0 WHERE \"date\" = '1999-01-01'", _known)
    assert list(chosen(scan, KEYS, VALUES[:2], evaluate, FIRST)[0]) == [False, False]
    assert list(chosen(scan, KEYS, [None], evaluate, FIRST)[0]) == [True]
    assert list(chosen(scan, KEYS, [VALUES[0], None, VALUES[1]], evaluate, FIRST)[0]) == [
        False,
        True,
        False,
    ]
    assert list(chosen(scan, KEYS, [], evaluate, FIRST)[0]) == []


def test_renamed_columns_are_not_keys() -> None:
    """A table alias with column names gives a key's name to a data column."""
    sql = (
        'SELECT * FROM t0 AS a ("date", b, e, acc, reg, d, h)'
        " WHERE a.\"date\" = '10.0.0.1' AND b > 0"
    )
    assert _answer(sql)
    _assert_sound(sql)


def test_a_cte_may_have_the_name_of_a_table() -> None:
    """The CTE's own columns are no keys, and the table below it is the one that is read."""
    sql = (
        'WITH t1 AS (SELECT srcaddr AS "date", bytes FROM t0)'
        " SELECT * FROM t1 WHERE \"date\" = '10.0.0.1'"
    )
    assert set(_assert_sound(sql)) == {"t0"}


def test_a_cte_read_twice_is_two_scans() -> None:
    """Trino inlines a WITH wherever it is named, so its table is read, and billed, that often."""
    sql = "WITH c AS (SELECT * FROM t0) SELECT 1 FROM c AS a JOIN c AS b ON a.bytes = b.bytes"
    assert [scan.table for scan in table_scans(sql, _known)] == ["t0", "t0"]


def test_a_cte_that_nothing_reads_is_no_row_lost() -> None:
    """An unused WITH is at worst counted: nothing fails."""
    sql = "WITH c AS (SELECT * FROM t0) SELECT count(*) FROM t1 WHERE \"date\" = '2026-11-20'"
    assert _days(_assert_sound(sql)["t1"]) == ["20"]


def test_two_tables_of_one_name_are_two_scans_or_refused() -> None:
    """Tables of the same name in two databases are both read."""
    sql = "SELECT count(*) FROM one.t CROSS JOIN two.t"
    try:
        found = table_scans(sql, _known)
    except BadSql:
        return
    assert sorted((scan.database, scan.table) for scan in found) == [("one", "t"), ("two", "t")]


def test_an_unqualified_key_between_two_tables_is_nobodys() -> None:
    """Which side it names is not known, so neither is narrowed."""
    sql = "SELECT 1 FROM t0 AS a CROSS JOIN other AS b WHERE \"date\" = '2026-11-20'"
    assert [scan.condition for scan in table_scans(sql, _known)] == [None, None]


@pytest.mark.parametrize(
    ("side", "where", "narrowed"),
    [
        ("LEFT", 'b."date" IS NULL', ""),
        ("RIGHT", 'a."date" IS NULL', ""),
        ("FULL", 'a."date" IS NULL', ""),
        ("FULL", 'b."date" IS NULL', ""),
        ("LEFT", "coalesce(b.hour, '00') < '07'", ""),
        ("LEFT", "NOT (b.hour < '07' AND b.bytes > 3)", ""),
        ("LEFT", "b.hour < '07' OR b.bytes IS NULL", ""),
        ("LEFT", "b.hour < '07'", "t1"),
        ("LEFT", "a.hour < '07'", "t0"),
        ("RIGHT", "a.hour < '07' OR a.hour IN ('23')", "t0"),
        ("RIGHT", "b.hour < '07'", "t1"),
        ("FULL", "a.hour < '07' AND NOT b.hour = '07'", "t0 t1"),
    ],
)
def test_an_outer_join_keeps_what_could_come_back_as_null(
    side: str, where: str, narrowed: str
) -> None:
    """A WHERE that a row of NULLs can pass says nothing of the rows that it took the place of."""
    sql = (
        f"SELECT a.bytes, b.bytes FROM t0 AS a {side} JOIN t1 AS b"
        f" ON a.bytes = b.bytes AND a.bytes > 50 WHERE {where}"
    )
    found = _assert_sound(sql)
    assert " ".join(t for t in found if len(found[t]) < len(PARTITIONS)) == narrowed


# ---------------------------------------------------------------- values of keys


def _kept_of(condition: str, keys: Mapping[str, str], rows: Sequence[Sequence[str]]) -> list[bool]:
    return list(chosen(TableScan("", "t", condition), keys, rows, evaluate, FIRST)[0])


def test_keys_are_compared_as_what_they_are() -> None:
    """The catalog holds text, whatever the type; 7 is below 10 in an int."""
    keys = {"day": "date", "hr": "int", "n": "bigint", "on": "boolean", "x": "decimal(5,2)"}
    rows = [("2026-11-20", "7", "7", "true", "1.50"), ("2026-11-21", "10", "10", "false", "2.00")]
    for condition in (
        "hr < 10",
        "n < 10",
        "day < DATE '2026-11-21'",
        '"on"',
        "x < 1.75",
        "CAST(hr AS varchar) = '7'",
    ):
        assert _kept_of(condition, keys, rows) == [True, False], condition


def test_a_value_that_is_none_of_its_type_is_kept() -> None:
    """Athena fails at such a partition, or skips it: nothing is proved of it."""
    rows = [("7",), ("x",), ("99",)]
    assert _kept_of("hr < 10", {"hr": "int"}, rows) == [True, True, False]
    assert _kept_of("c = 'a'", {"c": "char(3)"}, [("b",), ("a",)]) == [True, True]


def test_hives_name_for_no_value_is_null() -> None:
    """It is what IS NULL finds, and nothing else."""
    rows = [("2026-11-20",), ("__HIVE_DEFAULT_PARTITION__",)]
    keys = {"date": "string"}
    assert _kept_of("date IS NULL", keys, rows) == [False, True]
    assert _kept_of("date > '2026'", keys, rows) == [True, False]
    assert _kept_of("NOT date > '2026'", keys, rows) == [False, False]


def test_what_cannot_be_evaluated_is_no_hindrance_to_the_rest() -> None:
    """One conjunct that an evaluator refuses or fails at is as good as true."""
    keys = {"date": "string"}
    rows = [("2026-11-20",), ("2026-11-21",)]
    for other in ("CAST(date AS integer) = 5", "date_add('fortnight', 1, date) = 1", "date = 5"):
        assert _kept_of(f"{other} AND date > '2026-11-20'", keys, rows) == [False, True], other
        assert _kept_of(other, keys, rows) == [True, True], other


def test_partitions_are_asked_for_once() -> None:
    """A thousand of them with the same day are one question."""
    asked: list[object] = []

    def counting(
        condition: str, keys: Mapping[str, str], rows: Sequence[Sequence[str | None]]
    ) -> Sequence[bool]:
        asked.append((dict(keys), list(rows)))
        return [False] * len(rows)

    rows = [(str(n), "2026-11-20") for n in range(1000)]
    scan = TableScan("", "t", "date > '2026-11-20'")
    answers = chosen(scan, {"account": "string", "date": "string"}, rows, counting, FIRST)[0]
    assert list(answers) == [False] * 1000
    assert asked == [({"date": "string"}, [("2026-11-20",)])]


# ---------------------------------------------------------------- tightness


def _window(days: tuple[int, int], hours: tuple[int, int] = (0, 0)) -> Window:
    start, end = (
        FIRST + timedelta(days=day, hours=hour) for day, hour in zip(days, hours, strict=True)
    )
    return Window(start, end)


WINDOWS = {
    "one day": _window((1, 2)),
    "part of a day": _window((1, 1), (6, 8)),
    "over midnight": _window((0, 1), (23, 1)),
    "a second of the next day": Window(FIRST, FIRST + DAY + timedelta(seconds=1)),
    "late": replace(_window((0, 1)), late=timedelta(minutes=5)),
    "one account": replace(_window((0, 3)), accounts=("222222222222",)),
    "a region since": Window(FIRST + DAY, regions=("us-gov-west-1",)),
    "everything": Window(),
    "nothing": _window((9, 10)),
}


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS.keys())
@pytest.mark.parametrize("layout", LAYOUTS)
def test_saved_queries_read_what_the_window_covers(layout: str, window: Window) -> None:
    """For each shipped query the kept partitions are those of the window: none more, none less."""
    spec = replace(SPEC, layout=LAYOUTS[layout])
    partitions = _of(spec)
    expected = [
        window.covers(p.start, spec.layout.step)
        and (not window.accounts or p.account in window.accounts)
        and (not window.regions or p.region in window.regions)
        for p in partitions
    ]
    values = [spec.values(partition) for partition in partitions]
    for name, query in library().items():
        given_ = [f"{p.name}={TYPES[p.type].example}" for p in query.params if p.required]
        log_format = parse_format("default-tgw") if query.missing(ALL_VPC) else ALL_VPC
        table = replace(spec, format=log_format)
        bound = bind(query, bind_values(query.params, given_, FIRST), table, window)
        relation = Relation(dict(table.columns), dict(table.keys))
        for scan in table_scans(bound.sql, lambda _, __, found=relation: found):  # type: ignore[misc]  # a default binds it now
            assert (scan.database, scan.table) == (spec.database, spec.name)
            assert list(chosen(scan, relation.keys, values, _remembered, FIRST)[0]) == expected, (
                name
            )


def _of(spec: TableSpec) -> Sequence[Partition]:
    if "hour" in spec.layout.keys:
        return PARTITIONS
    return [p for p in PARTITIONS if p.start.hour == 0]
