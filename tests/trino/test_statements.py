"""Statements on a real Trino: its bytes are the estimate's, its plan reads the same partitions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from conftest import NOW
from real_trino import CATALOG, Cluster
from trino.dbapi import connect

from athena_flow import jobs
from athena_flow.aws import Account, S3Store
from athena_flow.cost import Estimate
from athena_flow.demo import ACCOUNTS
from athena_flow.engines.duckdb import evaluate
from athena_flow.engines.trino import TrinoEngine
from athena_flow.glue import GlueCatalog
from athena_flow.jobs import Reading
from athena_flow.lookup import CatalogTables
from athena_flow.ports import no_progress
from athena_flow.prices import price_in
from athena_flow.statement import GivenSql
from athena_flow.table import TableSpec
from athena_flow.views import Session

pytest_plugins = "trino_fixtures"

On = Callable[[str], TrinoEngine]
ONE, OTHER = ACCOUNTS[:2]
DAY = "\"date\" = '2026-11-20'"

READS = {
    "day": f"SELECT action, count(*) FROM logs WHERE {DAY} GROUP BY 1",
    "range": "SELECT count(srcaddr) FROM logs WHERE \"date\" > '2026-11-19'",
    "in": f"SELECT count(srcaddr) FROM logs WHERE aws_account_id IN ('{ONE}') AND {DAY}",
    "function": "SELECT count(srcaddr) FROM logs WHERE substr(\"date\", 9) = '21'",
    "or": f"SELECT count(srcaddr) FROM logs WHERE (aws_account_id = '{ONE}' AND \"date\" ="
    f" '2026-11-19') OR (aws_account_id = '{OTHER}' AND {DAY})",
    "twice": f"WITH w AS (SELECT srcaddr FROM logs WHERE {DAY}) SELECT count(*)"
    " FROM w a JOIN w b ON a.srcaddr = b.srcaddr",
    "union": f"SELECT srcaddr FROM logs WHERE {DAY} UNION ALL SELECT dstaddr FROM logs",
    "nothing": "SELECT count(srcaddr) FROM logs WHERE \"date\" = '1999-01-01'",
    "view": "SELECT count(srcaddr) FROM of_day",
    "view of a view": "SELECT count(*) FROM of_views v JOIN of_day d ON v.a = d.srcaddr",
}


@pytest.fixture
def on(trino: Cluster, trino_engine: On, logs: TableSpec) -> On:
    """The engine, with views that Trino has written itself."""
    client = connect(trino.host, trino.port, "tests", catalog=CATALOG, schema=logs.database)
    for made in (
        f'CREATE VIEW of_day AS SELECT srcaddr, "date" FROM logs WHERE {DAY}',
        "CREATE VIEW of_views AS WITH logs AS (SELECT * FROM of_day) SELECT srcaddr AS a FROM logs",
    ):
        client.cursor().execute(made).fetchall()
    return trino_engine


def estimated(sql: str, on: On, database: str) -> Estimate:
    account = Account()
    reading = Reading(
        None,
        S3Store(account),
        evaluate,
        price_in("us-east-1", None),
        datetime.now(UTC),
        CatalogTables(GlueCatalog(account), NOW),
        Session(database),
        explain=lambda text: "\n".join(str(r[0]) for r in on(database).run(text, ()).rows),
    )
    return jobs.estimate(GivenSql("q", sql), reading, no_progress)[0]


@pytest.mark.parametrize("what", READS)
def test_a_statement_reads_what_was_estimated(on: On, logs: TableSpec, what: str) -> None:
    """To the byte; what the planner tells of each key's values holds the estimate's partitions."""
    found = estimated(READS[what], on, logs.database)
    result = on(logs.database).run(READS[what], ())
    assert (found.size_bytes, found.certainty) == (result.scanned_bytes, "exact")
    for plan in found.plan or ():
        assert plan.only_estimate == ()
        assert bool(plan.only_plan) == (what == "or")
    assert found.plan is not None
    assert len(found.plan) == 1


def test_explain_analyze_reads_as_much(on: On, logs: TableSpec) -> None:
    """What EXPLAIN ANALYZE explains is run."""
    sql = f"EXPLAIN ANALYZE {READS['day']}"
    found = estimated(sql, on, logs.database)
    assert found.size_bytes == on(logs.database).run(sql, ()).scanned_bytes
