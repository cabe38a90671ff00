"""Statements and the partitions that each of their scans keeps, to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from prune_judge import evaluate

from athena_flow.prune import Relation, chosen, table_scans

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DATA = {"srcaddr": "string", "bytes": "bigint"}

CATALOG: Mapping[str, tuple[Mapping[str, str], Mapping[str, Sequence[str]]]] = {
    "logs": (
        {"date": "string"},
        {"19": ["2026-11-19"], "20": ["2026-11-20"], "21": ["2026-11-21"]},
    ),
    "other": (
        {"date": "string"},
        {"19": ["2026-11-19"], "20": ["2026-11-20"], "21": ["2026-11-21"]},
    ),
    "hourly": (
        {"date": "string", "hour": "string"},
        {
            "19.00": ["2026-11-19", "00"],
            "19.23": ["2026-11-19", "23"],
            "20.00": ["2026-11-20", "00"],
            "20.23": ["2026-11-20", "23"],
        },
    ),
    "typed": (
        {"day": "date", "hr": "int"},
        {
            "19.0": ["2026-11-19", "0"],
            "19.23": ["2026-11-19", "23"],
            "20.0": ["2026-11-20", "0"],
            "20.23": ["2026-11-20", "23"],
        },
    ),
    "parts": (
        {"year": "string", "month": "string", "day": "string"},
        {
            "1130": ["2026", "11", "30"],
            "1201": ["2026", "12", "01"],
            "1202": ["2026", "12", "02"],
        },
    ),
    "slashes": ({"date": "string"}, {"19": ["2026/11/19"], "20": ["2026/11/20"]}),
}
"""Each table's keys, and its partitions by a short name."""

ALL = "19 20 21"
EVERY = "19.00 19.23 20.00 20.23"
TABLE: Sequence[tuple[str, str]] = [
    # -------------------------------------------------- one table: comparisons
    ("SELECT * FROM logs", f"logs {ALL}"),
    ("SELECT * FROM logs WHERE date = '2026-11-20'", "logs 20"),
    ("SELECT * FROM LOGS WHERE DATE = '2026-11-20'", "logs 20"),
    ('SELECT * FROM logs WHERE "date" <> \'2026-11-20\'', "logs 19 21"),
    ("SELECT * FROM logs WHERE date > '2026-11-19' AND date < '2026-11-21'", "logs 20"),
    ("SELECT * FROM logs WHERE date BETWEEN '2026-11-20' AND '2026-12-31'", "logs 20 21"),
    ("SELECT * FROM logs WHERE date NOT BETWEEN '2026-11-20' AND '2026-12-31'", "logs 19"),
    ("SELECT * FROM logs WHERE date IN ('2026-11-19', '2026-11-21', '1999')", "logs 19 21"),
    ("SELECT * FROM logs WHERE date NOT IN ('2026-11-19', '2026-11-21')", "logs 20"),
    ("SELECT * FROM logs WHERE date LIKE '2026-11-2%'", "logs 20 21"),
    ("SELECT * FROM logs WHERE date NOT LIKE '%-20'", "logs 19 21"),
    ("SELECT * FROM logs WHERE date IS NULL", "logs"),
    ("SELECT * FROM logs WHERE bytes > 5", f"logs {ALL}"),
    ("SELECT * FROM logs WHERE date = '2026-11-20' OR bytes > 5", f"logs {ALL}"),
    ("SELECT * FROM logs WHERE date = '2026-11-20' AND bytes > 5", "logs 20"),
    (
        "SELECT * FROM logs WHERE (date = '2026-11-20' AND bytes > 5) OR date = '2026-11-21'",
        "logs 20 21",
    ),
    ("SELECT * FROM logs WHERE NOT (date = '2026-11-20' OR bytes > 5)", "logs 19 21"),
    ("SELECT * FROM logs WHERE NOT (date = '2026-11-20' AND bytes > 5)", f"logs {ALL}"),
    ("SELECT * FROM logs WHERE date = '2026-11-20' AND random() < 0.5", "logs 20"),
    ("SELECT * FROM logs WHERE date = '2026-11-20' OR random() < 0.5", f"logs {ALL}"),
    (
        "SELECT * FROM hourly WHERE date > '2026-11-19' OR date = '2026-11-19' AND hour >= '12'",
        "hourly 19.23 20.00 20.23",
    ),
    # -------------------------------------------------- functions of keys, typed keys, the clock
    ("SELECT * FROM logs WHERE substr(date, 9) = '20'", "logs 20"),
    ("SELECT * FROM logs WHERE date(date) = DATE '2026-11-20'", "logs 20"),
    ("SELECT * FROM logs WHERE CAST(date AS date) >= DATE '2026-11-20'", "logs 20 21"),
    ("SELECT * FROM logs WHERE from_iso8601_date(date) < DATE '2026-11-20'", "logs 19"),
    (
        "SELECT * FROM logs WHERE date_parse(date, '%Y-%m-%d') >= TIMESTAMP '2026-11-20 00:00:00'",
        "logs 20 21",
    ),
    ("SELECT * FROM slashes WHERE date_parse(date, '%Y/%m/%d') > DATE '2026-11-19'", "slashes 20"),
    ("SELECT * FROM logs WHERE nonsense(date) = 'x' AND date <> '2026-11-20'", "logs 19 21"),
    ("SELECT * FROM logs WHERE CAST(date AS integer) = 5", f"logs {ALL}"),
    ("SELECT * FROM parts WHERE year = '2026' AND month = '12'", "parts 1201 1202"),
    ("SELECT * FROM parts WHERE year || month || day >= '20261201'", "parts 1201 1202"),
    ("SELECT * FROM parts WHERE concat(year, '-', month, '-', day) = '2026-12-01'", "parts 1201"),
    ("SELECT * FROM parts WHERE CAST(month AS integer) * 100 + CAST(day AS integer) > 1130",
     "parts 1201 1202"),
    ("SELECT * FROM typed WHERE day = DATE '2026-11-20'", "typed 20.0 20.23"),
    ("SELECT * FROM typed WHERE day >= DATE '2026-11-20' AND hr BETWEEN 1 AND 23", "typed 20.23"),
    ("SELECT * FROM typed WHERE hr < 7", "typed 19.0 20.0"),
    ("SELECT * FROM typed WHERE CAST(day AS varchar) = '2026-11-19'", "typed 19.0 19.23"),
    ("SELECT * FROM typed WHERE date_add('hour', hr, CAST(day AS timestamp))"
     " >= TIMESTAMP '2026-11-19 23:00:00'", "typed 19.23 20.0 20.23"),
    ("SELECT * FROM typed WHERE day = '2026-11-20'", "typed 19.0 19.23 20.0 20.23"),
    ("SELECT * FROM logs WHERE date = CAST(current_date AS varchar)", "logs 20"),
    ("SELECT * FROM logs WHERE date >= CAST(current_date - interval '1' day AS varchar)",
     f"logs {ALL}"),
    ("SELECT * FROM logs WHERE date >= date_format(date_add('day', 1, current_date), '%Y-%m-%d')",
     "logs 21"),
    ("SELECT * FROM logs WHERE date_parse(date, '%Y-%m-%d') > now() - interval '14' hour",
     "logs 20 21"),
    # -------------------------------------------------- subqueries and WITH
    ("SELECT * FROM (SELECT * FROM logs) WHERE date = '2026-11-20'", "logs 20"),
    ("WITH t AS (SELECT * FROM logs) SELECT bytes FROM t WHERE date = '2026-11-20'", "logs 20"),
    ("WITH t AS (SELECT date AS d FROM logs) SELECT 1 FROM t WHERE d = '2026-11-20'", "logs 20"),
    ("WITH t (a, b, c) AS (SELECT * FROM logs) SELECT 1 FROM t WHERE c = '2026-11-20'", "logs 20"),
    ("SELECT * FROM (SELECT srcaddr AS date FROM logs) WHERE date = '2026-11-20'", f"logs {ALL}"),
    ("SELECT * FROM (SELECT substr(date, 9) AS d FROM logs) WHERE d = '20'", "logs 20"),
    ("SELECT * FROM (SELECT * FROM logs LIMIT 9) WHERE date = '2026-11-20'", f"logs {ALL}"),
    ("SELECT * FROM (SELECT * FROM logs ORDER BY bytes) WHERE date = '2026-11-20'", "logs 20"),
    ("SELECT * FROM (SELECT *, rank() OVER (ORDER BY bytes) AS r FROM logs)"
     " WHERE date = '2026-11-20'", f"logs {ALL}"),
    ("SELECT * FROM (SELECT DISTINCT date, bytes FROM logs) WHERE date = '2026-11-20'", "logs 20"),
    ("SELECT * FROM (SELECT date, count(*) AS n FROM logs GROUP BY date)"
     " WHERE date = '2026-11-20' AND n > 5", "logs 20"),
    ("SELECT * FROM (SELECT max(date) AS date FROM logs) WHERE date = '2026-11-20'", f"logs {ALL}"),
    ("SELECT * FROM (SELECT date, count(*) AS n FROM logs GROUP BY ROLLUP (date))"
     " WHERE date = '2026-11-20'", f"logs {ALL}"),
    ("SELECT date, count(*) FROM logs GROUP BY 1 HAVING date = '2026-11-20'", "logs 20"),
    ("SELECT date, count(*) FROM logs GROUP BY 1 HAVING max(date) = '2026-11-20'", f"logs {ALL}"),
    ("WITH t AS (SELECT * FROM logs) SELECT 1 FROM t AS a JOIN t AS b ON a.bytes = b.bytes"
     " WHERE a.date = '2026-11-20' AND b.date = '2026-11-21'", "logs 20, logs 21"),
    ("WITH logs AS (SELECT * FROM logs WHERE date > '2026-11-19') SELECT * FROM logs"
     " WHERE date < '2026-11-21'", "logs 20"),
    ("WITH t AS (SELECT * FROM logs), u AS (WITH t AS (SELECT * FROM other) SELECT * FROM t)"
     " SELECT * FROM u WHERE date = '2026-11-20'", "other 20"),
    ("WITH t AS (SELECT * FROM logs) SELECT 1", ""),
    # -------------------------------------------------- set operations
    ("SELECT date FROM logs WHERE date = '2026-11-20' UNION SELECT date FROM other",
     f"logs 20, other {ALL}"),
    ("SELECT * FROM (SELECT date AS d FROM logs UNION ALL SELECT date FROM other)"
     " WHERE d = '2026-11-20'", "logs 20, other 20"),
    ("SELECT * FROM (SELECT date, bytes FROM logs UNION ALL SELECT srcaddr, bytes FROM other)"
     " WHERE date = '2026-11-20'", f"logs 20, other {ALL}"),
    ("SELECT * FROM (SELECT date FROM logs EXCEPT SELECT date FROM other)"
     " WHERE date = '2026-11-20'", "logs 20, other 20"),
    ("SELECT * FROM (SELECT date FROM logs INTERSECT SELECT date FROM other LIMIT 5)"
     " WHERE date = '2026-11-20'", f"logs {ALL}, other {ALL}"),
    # -------------------------------------------------- joins
    ("SELECT 1 FROM logs AS a, other AS b WHERE a.date = '2026-11-20'", f"logs 20, other {ALL}"),
    ("SELECT 1 FROM logs AS a JOIN other AS b ON a.bytes = b.bytes AND b.date = '2026-11-19'"
     " AND a.date = '2026-11-20'", "logs 20, other 19"),
    ("SELECT 1 FROM logs AS a LEFT JOIN other AS b ON a.bytes = b.bytes AND b.date = '2026-11-19'"
     " AND a.date = '2026-11-20'", f"logs {ALL}, other 19"),
    ("SELECT 1 FROM logs AS a LEFT JOIN other AS b ON a.bytes = b.bytes"
     " WHERE a.date = '2026-11-20' AND b.date IS NULL", f"logs 20, other {ALL}"),
    ("SELECT 1 FROM logs AS a LEFT JOIN other AS b ON a.bytes = b.bytes"
     " WHERE b.date = '2026-11-20'", f"logs {ALL}, other 20"),
    ("SELECT 1 FROM logs AS a RIGHT JOIN other AS b ON a.bytes = b.bytes AND a.date = '2026-11-19'"
     " WHERE b.date = '2026-11-20'", "logs 19, other 20"),
    ("SELECT 1 FROM logs AS a FULL JOIN other AS b ON a.date = '2026-11-20'"
     " WHERE coalesce(b.date, '2026-11-19') = '2026-11-19'", f"logs {ALL}, other {ALL}"),
    ("SELECT 1 FROM logs AS a JOIN other AS b USING (date) WHERE date = '2026-11-20'",
     "logs 20, other 20"),
    ("SELECT 1 FROM logs AS a LEFT JOIN other AS b USING (date) WHERE date = '2026-11-20'",
     f"logs {ALL}, other {ALL}"),
    ("SELECT 1 FROM logs AS a JOIN other AS b ON a.date = b.date WHERE a.date > '2026-11-19'",
     "logs 20 21, other 20 21"),
    ("SELECT 1 FROM logs AS a, other AS b, hourly AS c WHERE a.date = b.date AND b.date = c.date"
     " AND c.date = '2026-11-20' AND c.hour = '00'", "logs 20, other 20, hourly 20.00"),
    ("SELECT 1 FROM logs AS a LEFT JOIN other AS b ON a.date = b.date WHERE a.date > '2026-11-19'",
     f"logs 20 21, other {ALL}"),
    ("SELECT 1 FROM logs AS a JOIN typed AS b ON a.date = CAST(b.day AS varchar)"
     " WHERE a.date = '2026-11-20'", "logs 20, typed 19.0 19.23 20.0 20.23"),
    ("SELECT 1 FROM logs AS a CROSS JOIN UNNEST(ARRAY[a.srcaddr]) AS u (x)"
     " WHERE date = '2026-11-20' AND x <> '-'", "logs 20"),
    ("SELECT 1 FROM logs AS a CROSS JOIN LATERAL (SELECT b.bytes FROM other AS b"
     " WHERE b.date = '2026-11-19' AND b.bytes = a.bytes) AS c WHERE a.date = '2026-11-20'",
     "logs 20, other 19"),
    # -------------------------------------------------- subqueries in conditions
    ("SELECT * FROM logs WHERE date = '2026-11-20' AND bytes IN"
     " (SELECT bytes FROM other WHERE date = '2026-11-19')", "logs 20, other 19"),
    ("SELECT * FROM logs AS a WHERE EXISTS (SELECT 1 FROM other AS b WHERE b.bytes = a.bytes"
     " AND b.date = '2026-11-19' AND a.date = '2026-11-20')", f"logs {ALL}, other 19"),
    ("SELECT * FROM logs WHERE date = (SELECT max(date) FROM other)", f"logs {ALL}, other {ALL}"),
    ("SELECT (SELECT max(bytes) FROM other WHERE date = '2026-11-19') FROM logs",
     f"logs {ALL}, other 19"),
]  # fmt: skip


def _relation(_: str, table: str) -> Relation | None:
    return Relation(DATA, CATALOG[table][0]) if table in CATALOG else None


@pytest.mark.parametrize(("sql", "expected"), TABLE, ids=[sql for sql, _ in TABLE])
def test_what_each_scan_keeps(sql: str, expected: str) -> None:
    """Each scan in the order of the text, with the partitions that it may read."""
    found = []
    for scan in table_scans(sql, _relation):
        keys, partitions = CATALOG[scan.table]
        answers = chosen(scan, keys, list(partitions.values()), evaluate, NOW)[0]
        names = [name for name, yes in zip(partitions, answers, strict=True) if yes]
        found.append(" ".join([scan.table, *names]))
    assert ", ".join(found) == expected
