"""Every saved query on Trino gives DuckDB's rows, prunes as we estimate, and reads no more bytes.

The logs and the parameters are those of tests/queries.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from athena_server import AthenaServer
from conftest import NOW, put_tree
from real_trino import CATALOG, Cluster

from athena_flow import jobs, params, partitions
from athena_flow.aws import Account, S3Store
from athena_flow.cost import Budget, Estimate, price_in
from athena_flow.engines.duckdb import DuckDBEngine, evaluate
from athena_flow.engines.trino import TrinoEngine
from athena_flow.glue import GlueCatalog
from athena_flow.jobs import Reading
from athena_flow.layout import DAILY
from athena_flow.local import DirStore, LocalCatalog
from athena_flow.ports import Catalog, Engine, ObjectStore, Part, Result, Scan, no_progress
from athena_flow.query import BoundQuery, SavedQuery, bind, library
from athena_flow.table import TableSpec
from athena_flow.window import Window

sys.path.append(str(Path(__file__).parents[1] / "queries"))
from generated_logs import KINDS, WINDOW, Log, write_log  # noqa: E402

pytest_plugins = "trino_fixtures"

On = Callable[[str], TrinoEngine]
ASKED = (
    *("daily-trend", "ioc-match", "log-status-summary", "port-scan", "reject-report"),
    *("ssh-rdp-traffic", "tgw-packet-loss", "top-talkers", "traffic-from-source"),
)
"""The queries that are asked here. The others have not been run on Trino: each one that passes
joins them, until this list is the library."""
LIBRARY = {name: query for name, query in library().items() if name in ASKED}
PRICE = price_in("us-east-1", None)


@dataclass(frozen=True)
class Stand:
    """One engine with its catalog and store, and a table over the log."""

    engine: Engine
    catalog: Catalog
    store: ObjectStore
    spec: TableSpec

    def bound(self, query: SavedQuery, given: list[str], window: Window) -> BoundQuery:
        return bind(query, params.bind(query.params, given, NOW), self.spec, window)

    @property
    def reading(self) -> Reading:
        return Reading(self.catalog, self.store, evaluate, PRICE)

    def run(self, bound: BoundQuery) -> tuple[Estimate, Result]:
        budget = Budget(None, None)
        return jobs.run(bound, self.reading, self.engine, budget, lambda found: None, no_progress)

    def scans(self, bound: BoundQuery) -> tuple[Scan, ...]:
        return jobs.estimate(bound, self.reading, no_progress)[1]


@dataclass(frozen=True)
class Pair:
    """A log, a table over it on each engine, and the partitions that Glue has of it."""

    log: Log
    trino: Stand
    duckdb: Stand

    @property
    def parts(self) -> list[Part]:
        spec = self.trino.spec
        return list(self.trino.catalog.parts(spec.database, spec.name))


@pytest.fixture(scope="module")
def pairs(
    bench: AthenaServer, trino_engine: On, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Pair]]:
    """Each log, as a table of Trino's and one of DuckDB's."""
    root = tmp_path_factory.mktemp("logs")
    bench.reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        account = Account(region="us-east-1", endpoint=bench.endpoint)
        local = LocalCatalog(None)
        glue = trino_engine("flows"), GlueCatalog(account), S3Store(account)
        here = DuckDBEngine(), local, DirStore()
        found = []
        for name, file_type in KINDS:
            title = f"{name}-{file_type}"
            log = write_log(root / title, name, file_type)
            put_tree(log.root, title)
            stands = []
            for (engine, catalog, store), at in ((glue, f"s3://{title}/"), (here, f"{log.root}/")):
                table = title.replace("-", "_")
                spec = TableSpec("flows", table, at, log.format, DAILY, file_type)
                catalog.create(spec)
                lies = partitions.delivered(spec, Window(), store, no_progress)
                plan = partitions.plan_partitions(spec, Window(), timedelta(), catalog, lies)
                assert not partitions.add_partitions(spec, plan, catalog, no_progress).failed
                stands.append(Stand(engine, catalog, store, spec))
            found.append(Pair(log, *stands))
        yield found
        local.close()


def parameters(query: SavedQuery) -> list[list[str]]:
    """Its defaults, and each set of parameters that tests/queries tries it with."""
    cases = getattr(importlib.import_module(f"expected_{query.group}"), "CASES", {})
    needed = any(p.required for p in query.params)
    return [*([] if needed else [[]]), *cases.get(query.name, [])]


def plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def same(one: Any, two: Any) -> bool:
    """Equal, where two floats may differ in their last digits: sums are added in any order."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-9)
    return type(one) is type(two) and bool(one == two)


def planned(cluster: Cluster, bound: BoundQuery, parts: Sequence[Part]) -> set[str]:
    """Where the registered partitions lie that Trino's planner keeps, by EXPLAIN.

    It tells the values of each key alone, so this is what all of them together leave.
    """
    table = f'"{CATALOG}".{bound.spec.sql}'
    sql = bound.sql.replace(str(bound.spec.sql), table)
    ((answer,),) = cluster.rows(f"EXPLAIN (TYPE IO, FORMAT JSON) {sql}")
    names = [name for name, _ in bound.spec.keys]
    kept: set[str] = set()
    for read in json.loads(answer)["inputTableColumnInfos"]:
        values = {
            column["columnName"]: {r["low"]["value"] for r in column["domain"]["ranges"]}
            for column in read["constraint"]["columnConstraints"]
            if column["columnName"] in names
        }
        for part in parts:
            named = zip(names, part.values, strict=True)
            if all(value in values.get(name, {value}) for name, value in named):
                kept.add(part.location)
    return kept


def listed(bench: AthenaServer, bucket: str) -> set[str]:
    """The folders that were looked into since the log was cleared."""
    calls = (call for call in bench.calls("S3.ListObjectsV2") if call["Bucket"] == bucket)
    return {f"s3://{bucket}/{call['prefix'].rstrip('/')}/" for call in calls}


@pytest.mark.parametrize("name", LIBRARY)
def test_rows_equal_duckdbs(pairs: list[Pair], name: str) -> None:
    """With its defaults and with each set of parameters, on text and Parquet, to the value.

    What we estimate is never less than what Trino read, and to the byte on text.
    """
    query = LIBRARY[name]
    compared = 0
    for pair in pairs:
        if query.missing(pair.log.format):
            continue
        for given in parameters(query):
            ours = pair.trino.bound(query, given, WINDOW)
            estimate, trino = pair.trino.run(ours)
            _, duckdb = pair.duckdb.run(pair.duckdb.bound(query, given, WINDOW))
            where = f"{name} {given} on {pair.log.name}"
            assert [c for c, _ in trino.columns] == [c for c, _ in duckdb.columns], where
            for n, (one, two) in enumerate(zip(trino.rows, duckdb.rows, strict=True)):
                assert same(plain(one), plain(two)), f"{where}: row {n}\n{one}\n{two}"
            assert trino.columns == duckdb.columns, where
            assert estimate.size_bytes is not None
            assert trino.scanned_bytes is not None
            assert trino.scanned_bytes <= estimate.size_bytes, where
            if pair.log.name.endswith("text") and estimate.certainty == "exact":
                assert trino.scanned_bytes == estimate.size_bytes, where
            compared += len(trino.rows)
    assert compared, "no log gives a row: the comparison is empty"


@pytest.mark.parametrize("name", LIBRARY)
def test_what_a_saved_query_prunes(
    bench: AthenaServer, trino: Cluster, pairs: list[Pair], name: str
) -> None:
    """The partitions that our estimate keeps are those that Trino plans to read, and reads."""
    query = LIBRARY[name]
    pair = next(pair for pair in pairs if not query.missing(pair.log.format))
    given = parameters(query)[0]
    everything = {part.location for part in pair.parts}
    for window, fewer in (
        (WINDOW, False),
        (replace(WINDOW, accounts=("111122223333",), regions=("eu-west-1",)), True),
        (Window(WINDOW.start, WINDOW.start + timedelta(hours=1)), True),
        (Window(), False),
    ):
        bound = pair.trino.bound(query, given, window)
        ours = {part.location for scan in pair.trino.scans(bound) for part, _ in scan.parts}
        assert planned(trino, bound, pair.parts) == ours
        bench.log.clear()
        pair.trino.engine.run(bound.sql, ())
        assert listed(bench, pair.log.name) == ours
        assert ours
        assert not fewer or ours < everything


STATEMENTS = (
    """SELECT count(*) FROM {t} WHERE "date" = '2026-11-18'""",
    """SELECT count(*) FROM {t} WHERE "date" = '2026-11-18' OR aws_region = 'eu-west-1'""",
    """SELECT count(*) FROM {t} WHERE "date" = '2026-11-18' OR srcport = 443""",
    """SELECT count(*) FROM {t} WHERE NOT ("date" > '2026-11-18')""",
    """SELECT count(*) FROM {t} WHERE aws_region LIKE 'us-%' AND bytes > 10""",
    """SELECT count(*) FROM {t} WHERE substr("date", 9, 2) IN ('18', '19')""",
    """SELECT count(*) FROM {t} WHERE date_parse("date", '%Y-%m-%d') >= date '2026-11-20'""",
    """SELECT count(*) FROM {t} a JOIN {t} b ON a."date" = b."date" AND b.aws_region = 'eu-west-1'
       WHERE a.aws_region = 'us-east-1' AND a."date" = '2026-11-18' AND a.bytes = b.bytes""",
    """SELECT count(*) FROM (SELECT "date" AS d, srcport FROM {t}) WHERE d = '2026-11-18'""",
    """SELECT count(*) FROM {t} WHERE "date" IN (SELECT max("date") FROM {t})""",
    """SELECT count(*) FROM {t} WHERE coalesce("date", 'x') = '2026-11-18'""",
    """SELECT count(*) FROM {t} WHERE "date" = '1999-01-01'""",
    """WITH a AS (SELECT * FROM {t} WHERE "date" >= '2026-11-19')
       SELECT count(*) FROM a WHERE aws_account_id = '111122223333' UNION ALL
       SELECT count(*) FROM {t} WHERE "date" = '2026-11-17'""",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_pruning_never_drops_what_trino_reads(
    bench: AthenaServer, pairs: list[Pair], statement: str
) -> None:
    """Statements of users: what Trino looks into lies within what we keep."""
    pair = pairs[0]
    sql = statement.format(t=pair.trino.spec.sql)
    bound = BoundQuery("test", sql, pair.trino.spec, Window(), {})
    estimate, scans = jobs.estimate(bound, pair.trino.reading, no_progress)
    ours = {part.location for scan in scans for part, _ in scan.parts}
    bench.log.clear()
    result = pair.trino.engine.run(sql, ())
    assert listed(bench, pair.log.name) <= ours
    assert estimate.size_bytes is not None
    assert result.scanned_bytes is not None
    assert result.scanned_bytes <= estimate.size_bytes
