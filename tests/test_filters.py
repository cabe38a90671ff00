"""Which columns a query chooses rows by: none too few, and few too many."""

from __future__ import annotations

import pytest

from athena_flow.errors import BadSql
from athena_flow.filters import filtered_columns

NONE = (
    "SELECT * FROM t",
    "SELECT a, sum(b) FROM t GROUP BY a ORDER BY 2 DESC LIMIT 5",
    "SELECT DISTINCT a FROM t UNION ALL SELECT b FROM u",
    "SELECT sum(IF(a = 1, b, 0)) FROM t",
    "WITH c AS (SELECT a FROM t) SELECT count(*) FROM c CROSS JOIN (VALUES 1, 2) AS v (x)",
)


@pytest.mark.parametrize("sql", NONE)
def test_no_row_is_chosen(sql: str) -> None:
    """Grouping, sorting and limits read no dictionary first."""
    assert filtered_columns(sql) == frozenset()


SOME: dict[str, str] = {
    "SELECT x FROM t WHERE a = 1": "a",
    "SELECT x FROM t WHERE A = 1 AND \"B\" IN (1, 2) OR NOT lower(c) LIKE 'x%'": "a b c",
    "SELECT x FROM t JOIN u ON t.a = u.b": "t a u b",
    "SELECT x FROM t JOIN u USING (a, b)": "a b",
    "SELECT x FROM t, u WHERE t.a = u.b": "t a u b",
    "SELECT a AS n, count(*) FROM t GROUP BY 1 HAVING a > 1": "a",
    "SELECT * FROM (SELECT a AS n, b FROM t) WHERE n = 1": "n a",
    "WITH c AS (SELECT a + b AS n FROM t) SELECT n AS m FROM c WHERE n > 5": "n a b",
    "WITH c AS (SELECT a AS n FROM t), d AS (SELECT n AS m FROM c) SELECT * FROM d WHERE m = 1": (
        "m n a"
    ),
    "SELECT x FROM t WHERE a IN (SELECT b FROM u)": "a b",
    "SELECT x FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.b = t.a)": "u b t a",
    "SELECT count(*) FILTER (WHERE a = 1) FROM t": "a",
    "SELECT * FROM (SELECT a FROM t UNION ALL SELECT b FROM u) WHERE a = 1": "a b",
    "SELECT * FROM (SELECT a AS n FROM t UNION SELECT b AS m FROM u UNION SELECT c FROM v)"
    " WHERE n = 1": "n a m b c",
    "SELECT x FROM t CROSS JOIN UNNEST(split(a, ',')) AS u (w) WHERE w = 'x'": "w a",
    "SELECT x FROM t WHERE r.f = 1": "r f",
    "SELECT a, b IN (SELECT c FROM u) FROM t": "b c",
    "SELECT a FROM t WHERE b > ALL (SELECT c FROM u)": "b c",
}


@pytest.mark.parametrize(("sql", "columns"), SOME.items())
def test_what_conditions_speak_of(sql: str, columns: str) -> None:
    """Through aliases, CTEs and unions; what is only shown is none of it."""
    assert filtered_columns(sql) == set(columns.split())


UNKNOWN = (
    "SELECT x FROM t NATURAL JOIN u",
    "SELECT * FROM (SELECT a FROM t) AS s (n) WHERE n = 1",
    "WITH c (n) AS (SELECT a FROM t) SELECT * FROM c WHERE n = 1",
    "SELECT * FROM (SELECT * FROM t UNION ALL SELECT * FROM u) WHERE a = 1",
)


@pytest.mark.parametrize("sql", UNKNOWN)
def test_what_is_not_understood_may_be_all(sql: str) -> None:
    """Names that change by their place, and joins that name nothing."""
    assert filtered_columns(sql) is None


def test_what_is_no_sql() -> None:
    """Is said so."""
    with pytest.raises(BadSql):
        filtered_columns("SELECT FROM WHERE (")
