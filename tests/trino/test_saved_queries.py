"""Every saved query on Trino gives DuckDB's rows, prunes as we estimate, and reads no more bytes.

The logs and the parameters are those of tests/queries. A new query follows by itself.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from athena_server import AthenaServer
from conftest import NOW, put_tree
from real_trino import CATALOG, Cluster

from athena_flow import jobs, measuring, params, partitions
from athena_flow.aws import Account, S3Store
from athena_flow.cost import Estimate
from athena_flow.engines.duckdb import DuckDBEngine, evaluate
from athena_flow.engines.trino import TrinoEngine
from athena_flow.glue import GlueCatalog
from athena_flow.jobs import Reading
from athena_flow.layout import DAILY
from athena_flow.local import DirStore, LocalCatalog
from athena_flow.ports import (
    Catalog,
    Engine,
    ObjectInfo,
    ObjectStore,
    Part,
    Result,
    Scan,
    no_progress,
)
from athena_flow.prices import price_in
from athena_flow.query import BoundQuery, SavedQuery, bind, library
from athena_flow.table import TableSpec
from athena_flow.window import Window

sys.path.append(str(Path(__file__).parents[1] / "queries"))
from generated_logs import KINDS, WINDOW, Log, write_log  # noqa: E402

pytest_plugins = "trino_fixtures"

On = Callable[[str], TrinoEngine]
LIBRARY = library()
PRICE = price_in("us-east-1", None)


THREADS = 3
"""Statements that Trino does at once; each waits for more than it works."""
NARROW = replace(WINDOW, accounts=("111122223333",), regions=("eu-west-1",))


class OnceListed(S3Store):
    """The bench's S3: what is there stays so, and each folder is listed once."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._listed: dict[str, tuple[ObjectInfo, ...]] = {}

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        if prefix not in self._listed:
            self._listed[prefix] = tuple(super().objects(prefix))
        return iter(self._listed[prefix])


@dataclass(frozen=True)
class Stand:
    """One engine with its catalog and store, and a table over the log."""

    engine: Callable[[], Engine]
    catalog: Catalog
    store: ObjectStore
    spec: TableSpec

    def register(self) -> None:
        """Makes the table, and its partitions of what lies there."""
        self.catalog.create(self.spec)
        lies = partitions.delivered(self.spec, Window(), self.store, no_progress)
        plan = partitions.plan_partitions(self.spec, Window(), timedelta(), self.catalog, lies)
        assert not partitions.add_partitions(self.spec, plan, self.catalog, no_progress).failed

    def bound(self, query: SavedQuery, given: list[str], window: Window) -> BoundQuery:
        return bind(query, params.bind(query.params, given, NOW), self.spec, window)

    def estimate(self, bound: BoundQuery) -> tuple[Estimate, tuple[Scan, ...]]:
        footers = measuring.footers(self.store)
        reading = Reading(
            self.catalog, self.store, evaluate, PRICE, datetime.now(UTC), footers=footers
        )
        return jobs.estimate(bound, reading, no_progress)

    def run(self, bound: BoundQuery) -> Result:
        return self.engine().run(bound.sql, self.estimate(bound)[1])

    def locations(self, bound: BoundQuery) -> set[str]:
        """Where the partitions lie that the estimate keeps."""
        return {part.location for scan in self.estimate(bound)[1] for part, _ in scan.parts}


@dataclass(frozen=True)
class Pair:
    """A log, a table over it on each engine, and the partitions that Glue has of it."""

    log: Log
    trino: Stand
    duckdb: Stand
    parts: list[Part] = field(default_factory=list)

    @property
    def records(self) -> str:
        """What the log's files hold, whatever their type."""
        return self.log.name.partition("-")[0]


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
        glue = partial(trino_engine, "flows"), GlueCatalog(account), OnceListed(account)
        here = DuckDBEngine, local, DirStore()
        found = []
        for name, file_type in KINDS:
            title = f"{name}-{file_type}"
            log = write_log(root / title, name, file_type)
            put_tree(log.root, title)
            stands = []
            for (engine, catalog, store), at in ((glue, f"s3://{title}/"), (here, f"{log.root}/")):
                table = title.replace("-", "_")
                spec = TableSpec("flows", table, at, log.format, DAILY, file_type)
                stands.append(Stand(engine, catalog, store, spec))
                stands[-1].register()
            glue_parts = list(glue[1].parts("flows", stands[0].spec.name))
            found.append(Pair(log, *stands, glue_parts))
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


@dataclass(frozen=True)
class Run:
    """A query on one log, at work on Trino."""

    pair: Pair
    given: list[str]
    window: Window
    estimate: Estimate
    answer: Future[Result]


def begun(pool: ThreadPoolExecutor, query: SavedQuery, pairs: Sequence[Pair]) -> Iterator[Run]:
    """A query with each set of its parameters on the logs of all fields, text and Parquet; and, for
    the SQL that it has where fields are missing, once on the shorter ones, in a narrow window."""
    for pair in pairs:
        if query.missing(pair.log.format):
            continue
        long = pair.records in ("all", "tgw")
        for given in parameters(query) if long else parameters(query)[:1]:
            window = WINDOW if long else NARROW
            bound = pair.trino.bound(query, given, window)
            estimate, _ = pair.trino.estimate(bound)
            answer = pool.submit(lambda p=pair, b=bound: p.trino.engine().run(b.sql, ()))
            yield Run(pair, given, window, estimate, answer)


@pytest.mark.parametrize("name", LIBRARY)
def test_rows_equal_duckdbs(pairs: list[Pair], name: str) -> None:
    """With its defaults and with each set of parameters, on text and Parquet, to the value.

    What we estimate is never less than what Trino read, and to the byte on text: so the very
    objects that it reads are those that we keep.
    """
    query = LIBRARY[name]
    known: dict[tuple[str, ...], Result] = {}
    compared = 0
    with ThreadPoolExecutor(THREADS) as pool:
        for run in list(begun(pool, query, pairs)):
            where = f"{name} {run.given} on {run.pair.log.name}"
            records = (run.pair.records, *run.given)
            if records not in known:
                here = run.pair.duckdb
                known[records] = here.run(here.bound(query, run.given, run.window))
            trino, duckdb = run.answer.result(), known[records]
            assert [c for c, _ in trino.columns] == [c for c, _ in duckdb.columns], where
            for n, (one, two) in enumerate(zip(trino.rows, duckdb.rows, strict=True)):
                assert same(plain(one), plain(two)), f"{where}: row {n}\n{one}\n{two}"
            assert trino.columns == duckdb.columns, where
            assert run.estimate.size_bytes is not None
            assert trino.scanned_bytes is not None
            assert trino.scanned_bytes <= run.estimate.size_bytes, where
            if run.estimate.certainty == "exact":
                assert trino.scanned_bytes == run.estimate.size_bytes, where
            compared += len(trino.rows)
    assert compared, "no log gives a row: the comparison is empty"


@pytest.mark.parametrize("name", LIBRARY)
def test_what_a_saved_query_prunes(trino: Cluster, pairs: list[Pair], name: str) -> None:
    """The partitions that our estimate keeps are those that Trino plans to read."""
    query = LIBRARY[name]
    pair = next(pair for pair in pairs if not query.missing(pair.log.format))
    given = parameters(query)[0]
    everything = {part.location for part in pair.parts}
    for window, fewer in (
        (WINDOW, False),
        (NARROW, True),
        (Window(WINDOW.start, WINDOW.start + timedelta(hours=1)), True),
    ):
        bound = pair.trino.bound(query, given, window)
        ours = pair.trino.locations(bound)
        assert planned(trino, bound, pair.parts) == ours
        assert ours
        assert not fewer or ours < everything


def test_what_is_planned_is_read(bench: AthenaServer, pairs: list[Pair]) -> None:
    """The folders that Trino looks into are those that the estimate keeps, in any window."""
    pair, query = pairs[0], LIBRARY["reject-report"]
    for window in (WINDOW, NARROW, Window()):
        bound = pair.trino.bound(query, [], window)
        ours = pair.trino.locations(bound)
        bench.log.clear()
        pair.trino.engine().run(bound.sql, ())
        assert listed(bench, pair.log.name) == ours


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
    estimate, scans = pair.trino.estimate(bound)
    ours = {part.location for scan in scans for part, _ in scan.parts}
    bench.log.clear()
    result = pair.trino.engine().run(sql, ())
    assert listed(bench, pair.log.name) <= ours
    assert estimate.size_bytes is not None
    assert result.scanned_bytes is not None
    assert result.scanned_bytes <= estimate.size_bytes
