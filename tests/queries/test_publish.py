"""`queries publish`: what the console is shown is ours, once, and nothing else is touched."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlglot
from athena_server import AthenaServer
from conftest import NOW, Ran
from sqlglot import exp

from athena_flow import publish
from athena_flow.engines.duckdb import evaluate
from athena_flow.fields import TGW, VPC
from athena_flow.layout import DAILY, LAYOUTS, Layout, Partition
from athena_flow.logformat import DEFAULT, LogFormat, parse_format
from athena_flow.prune import Relation, chosen, table_scans
from athena_flow.publish import Changes, Left, Named
from athena_flow.query import library
from athena_flow.table import Projection, TableSpec
from athena_flow.window import DAY, floor

Cli = Callable[..., Ran]
LIBRARY = library()
WEEK = timedelta(days=7)
TABLE = "flow_logs.vpc_flow_logs"


def spec_of(fmt: LogFormat, layout: Layout = DAILY, table: str = "vpc_flow_logs") -> TableSpec:
    return TableSpec("flow_logs", table, "s3://logs/", fmt, layout)


def wanted_of(spec: TableSpec) -> tuple[tuple[Named, ...], tuple[Left, ...]]:
    return publish.wanted(LIBRARY.values(), spec, publish.recent(spec, WEEK, (), ()))


# ---------------------------------------------------------------- what is published


@pytest.mark.parametrize("fields", [VPC, TGW], ids=["vpc", "tgw"])
def test_every_query_is_published_or_left_with_a_reason(fields: tuple) -> None:
    """Each is one read-only statement with as many ? as its description explains."""
    spec = spec_of(LogFormat(fields))
    ours, left = wanted_of(spec)
    assert {one.name for one in ours} | {each.name for each in left} == LIBRARY.keys()
    for one in ours:
        tree = sqlglot.parse_one(one.sql, dialect="athena")
        assert isinstance(tree, exp.Query)
        asked = len(list(tree.find_all(exp.Placeholder)))
        assert asked == len(re.findall(r"Parameter \d+: ", one.description)), one.sql
        assert len(one.description) <= 1024
        assert len(one.sql.encode()) <= 262_144
        assert one.mark == (TABLE, one.name)
        assert "{{" not in one.sql
        assert "athena_flow_parameter" not in one.sql
    for each in left:
        query = LIBRARY[each.name]
        assert query.missing(spec.format) or any(p.required for p in query.params), each


def test_a_required_parameter_is_asked_for() -> None:
    """The console asks for it; a list cannot be asked for, and the reason names it."""
    ours, left = wanted_of(spec_of(LogFormat(VPC)))
    (one,) = [one for one in ours if one.name == "traffic-from-source"]
    assert "srcaddr = ?" in one.sql
    assert "Parameter 1: ip" in one.description
    assert "such as '10.0.0.1'" in one.description
    (why,) = [each.why for each in left if each.name == "ioc-match"]
    assert "indicators is a list" in why


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("projected", [False, True])
def test_the_last_days_prune_partitions(layout: Layout, projected: bool) -> None:
    """A published statement reads the partitions of the last days by any clock, no older ones."""
    projection = Projection(NOW.date(), ("us-east-1",), ("111122223333",)) if projected else None
    spec = TableSpec(
        *("db", "t", "s3://b/", DEFAULT, layout, "text"),
        *("projection" if projected else "explicit", projection),
    )
    window = publish.recent(spec, WEEK, (), ())
    assert "to_unixtime(current_timestamp - INTERVAL '7' DAY)" in window.text
    sql = f"SELECT 1 FROM {spec.sql} WHERE {window}"
    (scan,) = table_scans(sql, lambda _, __: Relation(dict(spec.columns), dict(spec.keys)))
    days = {-9: False, -8: False, -6: True, -1: True, 0: True}
    for now in (NOW, NOW + 40 * DAY, datetime(2028, 3, 1, 12, tzinfo=UTC)):
        today = floor(now, DAY)
        places = [Partition("111122223333", "us-east-1", today + n * DAY) for n in days]
        values = [spec.values(place) for place in places]
        kept, _ = chosen(scan, dict(spec.keys), values, evaluate, now)
        assert list(kept) == [*days.values()], (scan, now)


# ---------------------------------------------------------------- what is done


def named(one: Named, number: str) -> Named:
    return Named(one.name, one.description, one.database, one.sql, number)


def test_only_ours_as_we_wrote_them_are_touched() -> None:
    """Others', other tables' and changed ones stay; doubles and those not shipped any more go."""
    ours, _ = wanted_of(spec_of(DEFAULT))
    other, _ = wanted_of(spec_of(DEFAULT, table="second"))
    foreign = Named(ours[0].name, "mine", "flow_logs", "SELECT 1", "a")
    changed = Named(ours[1].name, ours[1].description, "flow_logs", "SELECT 2", "b")
    found = [foreign, changed, *(named(one, f"t{n}") for n, one in enumerate(other))]
    plan = publish.changes(ours, found, TABLE)
    assert plan == Changes(ours, (), (), (), (changed,))
    twice = [named(ours[0], "x2"), named(ours[0], "x1"), named(ours[1], "x3")]
    plan = publish.changes(ours[:1], twice, TABLE)
    assert plan.same == (named(ours[0], "x1"),)
    assert plan.remove == (named(ours[0], "x2"), named(ours[1], "x3"))
    assert not plan.create
    assert not plan.update


NARROW = parse_format("srcaddr dstaddr dstport packets bytes action end")
"""What only some queries can be asked of: each one that is published is a call."""


@pytest.fixture
def table(aws: AthenaServer, cli: Cli) -> AthenaServer:
    """An account with a table of few fields, and a workgroup beside primary."""
    return _table(aws, cli, NARROW)


def _table(aws: AthenaServer, cli: Cli, fmt: LogFormat) -> AthenaServer:
    boto3.client("s3").create_bucket(Bucket="logs")
    boto3.client("athena").create_work_group(Name="team")
    ran = cli("init-table", "--location", "s3://logs/", "--log-format", fmt.text)
    assert ran.code == 0, ran.err
    return aws


def _published(cli: Cli, *words: str) -> dict[str, Any]:
    ran = cli("queries", "publish", *words, "--as", "json")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def _there(workgroup: str = "primary") -> dict[str, dict[str, str]]:
    athena = boto3.client("athena")
    found, token = {}, {}
    while True:
        page = athena.list_named_queries(WorkGroup=workgroup, **token)
        if ids := page["NamedQueryIds"]:
            several = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]
            found |= {one["NamedQueryId"]: one for one in several}
        if not page.get("NextToken"):
            return found
        token = {"NextToken": page["NextToken"]}


def _runnable(fmt: LogFormat = NARROW) -> set[str]:
    ours, _ = wanted_of(spec_of(fmt))
    return {one.name for one in ours}


def test_publishing_twice_changes_nothing(aws: AthenaServer, cli: Cli) -> None:
    """The first creates those that the table can answer; the second finds them."""
    table = _table(aws, cli, DEFAULT)
    athena = boto3.client("athena")
    mine = athena.create_named_query(Name="top-talkers", Database="x", QueryString="SELECT 1")
    first = _published(cli)
    assert {entry["name"] for entry in first["create"]} == _runnable(DEFAULT)
    before = _there()
    assert len(before) == len(_runnable(DEFAULT)) + 1
    assert len(before) > 50, "more than one page"
    second = _published(cli)
    assert not second["create"]
    assert not second["update"]
    assert not second["remove"]
    assert _there() == before
    assert mine["NamedQueryId"] in before
    assert not table.calls("AmazonAthena.UpdateNamedQuery")
    assert not table.calls("AmazonAthena.DeleteNamedQuery")


def test_what_changed_is_updated_and_what_is_gone_removed(
    table: AthenaServer, cli: Cli, tmp_path: Path
) -> None:
    """A query of one's own is published, changed in place, and removed with its file; the
    workgroup is the one that was named."""
    own = tmp_path / "own"
    assert cli("queries", "new", "who-talks", "--queries-dir", str(own)).code == 0
    words = ("--queries-dir", str(own), "--workgroup", "team")
    assert "who-talks" in {entry["name"] for entry in _published(cli, *words)["create"]}
    assert not _there()
    (number,) = [n for n, q in _there("team").items() if q["Name"] == "who-talks"]
    file = own / "who-talks.sql"
    file.write_text(file.read_text().replace("default = 443", "default = 8443"))
    plan = _published(cli, *words)
    assert [entry["id"] for entry in plan["update"]] == [number]
    assert "dstport = 8443" in _there("team")[number]["QueryString"]
    file.unlink()
    plan = _published(cli, *words)
    assert [entry["id"] for entry in plan["remove"]] == [number]
    assert number not in _there("team")


def test_one_that_somebody_changed_is_left(table: AthenaServer, cli: Cli) -> None:
    """Work done in the console is not lost: ours stands beside it from then on."""
    _published(cli)
    number, one = next((n, q) for n, q in _there().items() if q["Name"] == "top-talkers")
    athena = boto3.client("athena")
    athena.update_named_query(
        NamedQueryId=number,
        Name=one["Name"],
        QueryString="SELECT 7",
        Description=one["Description"],
    )
    ran = cli("queries", "publish")
    assert "was changed by somebody: left as it is" in ran.err
    assert _there()[number]["QueryString"] == "SELECT 7"
    assert [q["Name"] for q in _there().values()].count("top-talkers") == 2
    assert not _published(cli)["create"]


def test_dry_run_writes_nothing(table: AthenaServer, cli: Cli) -> None:
    """It prints the steps."""
    ran = cli("queries", "publish", "--dry-run", "--as", "csv")
    assert ran.code == 2
    ran = cli("queries", "publish", "--dry-run")
    assert ran.code == 0, ran.err
    assert "create  top-talkers" in ran.out
    assert not _there()
    assert _published(cli, "--dry-run")["done"] is False


def test_throttling_is_waited_out(table: AthenaServer, cli: Cli) -> None:
    """Each call that is throttled is sent again, and nothing is there twice."""
    late = {
        "ListNamedQueries": 0,
        "BatchGetNamedQuery": 0,
        "CreateNamedQuery": len(_runnable()) - 2,
    }
    boto3.client("athena").create_named_query(Name="mine", Database="x", QueryString="SELECT 1")
    for operation, after in late.items():
        table.faults.add(f"AmazonAthena.{operation}", "ThrottlingException", after=after)
    _published(cli)
    names = [q["Name"] for q in _there().values()]
    assert sorted(names) == sorted({*_runnable(), "mine"})


def test_many_named_queries_are_all_read(table: AthenaServer, cli: Cli) -> None:
    """Ours are found behind several pages of others'."""
    athena = boto3.client("athena")
    for n in range(120):
        athena.create_named_query(Name=f"other-{n}", Database="x", QueryString="SELECT 1")
    _published(cli)
    count = len(_there())
    assert not _published(cli)["create"]
    assert len(_there()) == count
    batches = table.calls("AmazonAthena.BatchGetNamedQuery")
    assert max(len(call["NamedQueryIds"]) for call in batches) <= 50


def test_killed_in_the_middle_and_repeated(table: AthenaServer, cli: Cli, tmp_path: Path) -> None:
    """What was created before the kill is found again: every query is there once."""
    table.faults.delay("AmazonAthena.CreateNamedQuery", 60, after=2)
    words = [sys.executable, "-m", "athena_flow", "queries", "publish"]
    process = subprocess.Popen(words, cwd=tmp_path, env=os.environ, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(table.calls("AmazonAthena.CreateNamedQuery")) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    table.faults.let_go()
    assert _there()
    _published(cli)
    names = [q["Name"] for q in _there().values()]
    assert set(names) == _runnable()
    _published(cli)
    names = [q["Name"] for q in _there().values()]
    assert sorted(names) == sorted(_runnable())


def test_no_such_workgroup(table: AthenaServer, cli: Cli) -> None:
    """Exit code 3, and the flag that names another."""
    ran = cli("queries", "publish", "--workgroup", "nowhere")
    assert ran.code == 3
    assert "--workgroup" in ran.err


def test_a_refusal_ends_it(table: AthenaServer, cli: Cli) -> None:
    """Without the permission to create, exit code 3."""
    table.faults.add("AmazonAthena.CreateNamedQuery", "AccessDeniedException", times=99)
    ran = cli("queries", "publish")
    assert ran.code == 3
    assert "creating the named query" in ran.err


def test_only_athena_has_a_console(cli: Cli) -> None:
    """Nothing is published for the embedded engine."""
    ran = cli("queries", "publish", "--engine", "duckdb")
    assert ran.code == 2
    assert "--engine athena" in ran.err
