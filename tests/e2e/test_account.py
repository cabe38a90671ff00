"""The three commands on an account, as a user types them: processes against the bench's AWS."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from athena_server import AthenaServer
from conftest import NOW, Line, Ran, put_tree, read_lines, reject_report

from athena_flow.aws import Account
from athena_flow.demo import ACCOUNTS, REGIONS, write_demo
from athena_flow.glue import GlueCatalog
from athena_flow.layout import DAILY, Partition
from athena_flow.logformat import DEFAULT
from athena_flow.ports import no_progress
from athena_flow.table import TableSpec

Cli = Callable[..., Ran]

LOCATION = "s3://logs/net/"
DAYS = ("2026-11-19", "2026-11-20", "2026-11-21")
WRITES = re.compile(r"\.(Create|Put|Delete|Update|Batch(Create|Update|Delete)|Start|Post)")
RUN = ("run", "reject-report", "--since", "7d", "--output-location", "s3://results/")


@dataclass(frozen=True)
class Tree:
    root: Path
    lines: list[Line]

    def files(self, *, account: str = "", region: str = "") -> list[Path]:
        found = [path for path in self.root.rglob("*.gz") if f"/{account}" in str(path)]
        return [path for path in found if f"/{region}" in str(path)]

    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files())


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Three days of the demo's logs in the default format."""
    root = tmp_path_factory.mktemp("net")
    write_demo(root, NOW, fmt=DEFAULT, days=3)
    return Tree(root, list(read_lines(root.rglob("*.gz"))))


@pytest.fixture
def net(aws: AthenaServer, tree: Tree) -> AthenaServer:
    """An account with logs in its S3 and a bucket for results, and no table yet."""
    put_tree(tree.root, "logs", "net/")
    boto3.client("s3").create_bucket(Bucket="results")
    aws.log.clear()
    return aws


@pytest.fixture
def ready(net: AthenaServer) -> AthenaServer:
    """The same with the table and its partitions made."""
    catalog = GlueCatalog(Account())
    spec = TableSpec("flow_logs", "vpc_flow_logs", LOCATION, DEFAULT, DAILY)
    catalog.create(spec)
    catalog.add(spec, every_partition(), no_progress)
    net.log.clear()
    return net


def every_partition() -> list[Partition]:
    return [
        Partition(account, region, NOW.replace(day=int(day[-2:]), hour=0, minute=0))
        for account in ACCOUNTS
        for region in REGIONS
        for day in DAYS
    ]


def place(account: str, region: str, day: str) -> str:
    return f"{LOCATION}AWSLogs/{account}/vpcflowlogs/{region}/{day.replace('-', '/')}/"


def writes(aws: AthenaServer) -> list[str]:
    """The operations so far that change something in Glue or S3, or start a query."""
    return [call.operation for call in aws.log if WRITES.search(call.operation)]


def glue_partitions() -> dict[tuple[str, ...], str]:
    """The registered partitions: values, and where each lies."""
    pages = boto3.client("glue").get_paginator("get_partitions")
    found = pages.paginate(DatabaseName="flow_logs", TableName="vpc_flow_logs")
    return {
        tuple(entry["Values"]): entry["StorageDescriptor"]["Location"]
        for page in found
        for entry in page["Partitions"]
    }


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


def rows(done: Ran) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in json.loads(done.out)["rows"]]


# ---------------------------------------------------------------- init-table


def test_the_ddl_needs_no_account(cli: Cli) -> None:
    """--dry-run prints one statement for Athena's editor, with no credentials and no region."""
    done = ok(cli("init-table", "--location", LOCATION, "--dry-run"))
    assert done.out.startswith("CREATE EXTERNAL TABLE IF NOT EXISTS `flow_logs`.`vpc_flow_logs`")
    assert f"LOCATION '{LOCATION}AWSLogs/'" in done.out
    assert ";" not in done.out
    assert done.err == ""


def test_the_ddl_as_json(cli: Cli) -> None:
    """The document of cli.md: names, columns in the log's order, keys, location and the DDL."""
    text = cli("init-table", "--location", LOCATION, "--dry-run").out
    done = ok(cli("init-table", "--location", LOCATION, "--dry-run", "--as", "json"))
    document = json.loads(done.out)
    assert document["database"] == "flow_logs"
    assert document["table"] == "vpc_flow_logs"
    assert document["location"] == f"{LOCATION}AWSLogs/"
    assert document["ddl"].strip() == text.strip()
    assert [c["name"] for c in document["columns"]] == list(DEFAULT.columns)
    assert document["columns"][:2] == [
        {"name": "version", "type": "int"},
        {"name": "account_id", "type": "string"},
    ]
    assert document["partition_keys"] == [
        {"name": name, "type": "string"} for name in ("aws_account_id", "aws_region", "date")
    ]


def test_dry_runs_send_nothing(net: AthenaServer, cli: Cli) -> None:
    """With an account at hand, --dry-run of init-table makes no call at all."""
    ok(cli("init-table", "--location", LOCATION, "--dry-run"))
    assert net.log == []


def test_init_table_twice(net: AthenaServer, cli: Cli) -> None:
    """The first makes database and table, the second says that they are there."""
    first = ok(cli("init-table", "--location", LOCATION))
    table = boto3.client("glue").get_table(DatabaseName="flow_logs", Name="vpc_flow_logs")["Table"]
    assert table["StorageDescriptor"]["Location"] == f"{LOCATION}AWSLogs/"
    assert "created flow_logs.vpc_flow_logs" in first.err
    second = ok(cli("init-table", "--location", LOCATION))
    assert "exists already" in second.err
    assert (first.out, second.out) == ("", "")
    assert writes(net).count("AWSGlue.CreateTable") == 1


def test_another_table_of_the_name_is_exit_2(ready: AthenaServer, cli: Cli) -> None:
    """A table with another format is left alone; the difference is shown."""
    done = cli("init-table", "--location", LOCATION, "--log-format", "srcaddr end")
    assert done.code == 2
    assert "log format" in done.err
    assert writes(ready) == []


# ---------------------------------------------------------------- add-partitions


def test_add_partitions_dry_run(ready: AthenaServer, cli: Cli) -> None:
    """The plan as ALTER TABLE text for Athena's editor; nothing is written."""
    forget(*DAYS[:2])
    ready.log.clear()
    done = ok(cli("add-partitions", "--since", "7d", "--dry-run"))
    assert done.out.count("ALTER TABLE `flow_logs`.`vpc_flow_logs` ADD IF NOT EXISTS") == 1
    assert done.out.count("PARTITION (") == 8
    assert place(ACCOUNTS[1], REGIONS[1], DAYS[0]) in done.out
    assert DAYS[2] not in done.out
    assert "wanted 12, present 4" in done.err
    assert writes(ready) == []
    assert len(glue_partitions()) == 4


def forget(*days: str) -> None:
    """Takes the partitions of these days out of Glue."""
    for values in glue_partitions():
        if values[2] in days:
            boto3.client("glue").delete_partition(
                DatabaseName="flow_logs", TableName="vpc_flow_logs", PartitionValues=list(values)
            )


def test_add_partitions_as_json(ready: AthenaServer, cli: Cli) -> None:
    """The document of cli.md, planned and done; doing it again adds nothing."""
    forget(DAYS[1])
    expected = [
        {
            "account": account,
            "region": region,
            "date": DAYS[1],
            "hour": None,
            "location": place(account, region, DAYS[1]),
        }
        for account in sorted(ACCOUNTS)
        for region in sorted(REGIONS)
    ]
    seen = {"failed": [], "denied": [], "strange": []}
    counts = {"table": "flow_logs.vpc_flow_logs", "wanted": 12, **seen}
    words = ("add-partitions", "--since", "7d", "--as", "json")
    planned = json.loads(ok(cli(*words, "--dry-run")).out)
    (statement,) = planned.pop("statements")
    assert statement.startswith("ALTER TABLE")
    assert planned == {**counts, "present": 8, "added": 0, "partitions": expected}
    done = json.loads(ok(cli(*words)).out)
    assert done == {**counts, "present": 8, "added": 4, "partitions": expected}
    again = json.loads(ok(cli(*words)).out)
    assert again == {**counts, "present": 12, "added": 0, "partitions": []}
    assert writes(ready) == ["AWSGlue.DeletePartition"] * 4 + ["AWSGlue.BatchCreatePartition"]


def test_add_partitions_ahead(ready: AthenaServer, cli: Cli) -> None:
    """--ahead also registers the coming days of every source, which hold nothing yet."""
    done = ok(cli("add-partitions", "--since", "7d", "--ahead", "1d", "--as", "json"))
    added = json.loads(done.out)["partitions"]
    assert {entry["date"] for entry in added} == {"2026-11-22"}
    assert {(entry["account"], entry["region"]) for entry in added} == {
        (account, region) for account in ACCOUNTS for region in REGIONS
    }
    assert len(glue_partitions()) == 16


def test_add_partitions_of_one_source(net: AthenaServer, cli: Cli) -> None:
    """--account and --region, and a window of one day: just that partition."""
    ok(cli("init-table", "--location", LOCATION))
    only = ("--account", ACCOUNTS[1], "--region", REGIONS[1])
    done = ok(cli("add-partitions", "--since", "2026-11-20", "--until", "2026-11-21", *only))
    values = (ACCOUNTS[1], REGIONS[1], "2026-11-20")
    assert glue_partitions() == {values: place(*values)}
    assert "added 1" in done.err


def test_only_days_with_logs_are_registered(net: AthenaServer, cli: Cli) -> None:
    """Eight days are asked for, three hold objects; foreign folders are passed by."""
    for key in ("AWSLogs/", "AWSLogs/x/", "AWSLogs/aws-glue/", "AWSLogs/111122223333/CloudTrail/"):
        boto3.client("s3").put_object(Bucket="logs", Key=f"net/{key}file", Body=b"x")
    ok(cli("init-table", "--location", LOCATION))
    ok(cli("add-partitions", "--since", "7d"))
    assert glue_partitions() == {
        (p.account, p.region, f"{p.start:%Y-%m-%d}"): place(p.account, p.region, f"{p.start:%F}")
        for p in every_partition()
    }


def test_partly_done_is_exit_5(
    ready: AthenaServer, cli: Cli, refuse_partitions: Callable[..., None]
) -> None:
    """What Glue refuses is listed with its reason, the rest is in, and a repeat finishes."""
    forget(*DAYS[:2])
    refuse_partitions(DAYS[0])
    done = cli("add-partitions", "--since", "7d", "--as", "json")
    assert done.code == 5
    document = json.loads(done.out)
    assert (document["added"], len(document["failed"])) == (4, 4)
    assert document["failed"][0]["partition"]["date"] == DAYS[0]
    assert "InternalServiceException" in document["failed"][0]["reason"]
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == 5
    refuse_partitions()
    assert json.loads(ok(cli("add-partitions", "--as", "json")).out)["added"] == 4


# ---------------------------------------------------------------- estimate and run


def test_the_three_commands(net: AthenaServer, tree: Tree, cli: Cli) -> None:
    """Table, partitions, report: the rows are the embedded engine's and plain Python's."""
    ok(cli("init-table", "--location", LOCATION))
    ok(cli("add-partitions", "--since", "7d"))
    done = ok(cli(*RUN, "--as", "json"))
    embedded = ok(
        cli("run", "reject-report", "--logs", str(tree.root), "--since", "7d", "--as", "json")
    )
    assert rows(done) == reject_report(tree.lines)
    assert rows(done) == rows(embedded)
    assert json.loads(done.out)["columns"] == json.loads(embedded.out)["columns"]


def test_estimate(ready: AthenaServer, tree: Tree, cli: Cli) -> None:
    """The document of cli.md, to the byte; for people the same in words; nothing runs."""
    document = json.loads(ok(cli("estimate", "reject-report", "--since", "7d", "--as", "json")).out)
    types = {
        "query": str,
        "bytes": int,
        "certainty": str,
        "billed_bytes": int,
        "usd": float,
        "price_per_tb_usd": float,
        "price_source": str,
        "partitions": int,
        "objects": int,
        "assumptions": list,
        "sql": str,
    }
    assert {key: type(document[key]) for key in types} == types
    assert document["bytes"] == tree.size_bytes()
    assert (document["certainty"], document["partitions"]) == ("exact", 12)
    assert document["objects"] == len(tree.files())
    assert document["billed_bytes"] == 10 * 2**20
    assert document["usd"] == pytest.approx(10 * 2**20 * 5 / 10**12)
    assert '"flow_logs"."vpc_flow_logs"' in document["sql"]
    shown = ok(cli("estimate", "reject-report", "--since", "7d", "--account", ACCOUNTS[0])).out
    assert f"objects     {len(tree.files(account=ACCOUNTS[0]))}" in shown
    assert "$0.000052" in shown
    assert ready.statements == []


def test_run_as_table(ready: AthenaServer, tree: Tree, cli: Cli) -> None:
    """Rows on stdout; on stderr the estimate before, and what was really scanned after.

    A budget that holds the billed minimum is no obstacle.
    """
    done = ok(cli(*RUN, "-p", "limit=3", "--max-cost", "0.0001", "--max-scan", "1MB"))
    head, *lines = done.out.splitlines()
    assert head.split() == ["srcaddr", "rejects", "packets", "bytes", "dst_ports"]
    expected = reject_report(tree.lines, limit=3)
    assert [line.split() for line in lines] == [list(map(str, row)) for row in expected]
    estimate, scanned = done.err.splitlines()
    assert re.match(rf"estimate: \S+ KB in {len(tree.files())} objects of 12 partitions", estimate)
    assert "$0.000052" in estimate
    query = boto3.client("athena").list_query_executions()["QueryExecutionIds"][0]
    assert scanned.startswith("scanned: ")
    assert "$0.000052" in scanned
    assert query in scanned
    assert scanned.replace(",", "").split()[1:3] == estimate.split()[1:3]


def test_run_as_json(ready: AthenaServer, tree: Tree, cli: Cli) -> None:
    """The document of cli.md, with --quiet nothing beside it."""
    done = ok(cli(*RUN, "-p", "min_count=5", "--as", "json", "--quiet"))
    document = json.loads(done.out)
    assert done.err == ""
    assert document["query"] == "reject-report"
    assert document["columns"][:2] == [
        {"name": "srcaddr", "type": "varchar"},
        {"name": "rejects", "type": "bigint"},
    ]
    assert rows(done) == reject_report(tree.lines, min_count=5)
    assert document["estimate"]["bytes"] == document["scanned_bytes"] == tree.size_bytes()
    assert document["usd"] == pytest.approx(10 * 2**20 * 5 / 10**12)
    assert (document["engine"], document["notes"]) == ("athena", [])
    assert (
        document["query_id"] in boto3.client("athena").list_query_executions()["QueryExecutionIds"]
    )


def test_run_into_files(ready: AthenaServer, tree: Tree, cli: Cli, tmp_path: Path) -> None:
    """csv, ndjson and parquet hold the same rows, on stdout or in a file."""
    expected = reject_report(tree.lines)
    text = ok(cli(*RUN, "--as", "csv")).out
    head, *found = csv.reader(io.StringIO(text))
    assert head == ["srcaddr", "rejects", "packets", "bytes", "dst_ports"]
    assert found == [["" if v is None else str(v) for v in row] for row in expected]
    done = ok(cli(*RUN, "--as", "ndjson", "-o", "rows.ndjson"))
    assert done.out == ""
    lines = (tmp_path / "rows.ndjson").read_text("utf-8").splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == expected
    done = ok(cli(*RUN, "--as", "parquet", "--output", "rows.parquet"))
    assert done.out == ""
    parquet = duckdb.sql(f"SELECT * FROM '{tmp_path / 'rows.parquet'}'")
    assert parquet.columns == head
    assert [str(t) for t in parquet.types] == ["VARCHAR", *["BIGINT"] * 4]
    assert parquet.fetchall() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.ndjson", "rows.parquet"]


def test_settings_from_file_and_environment(
    ready: AthenaServer, tree: Tree, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder's athena-flow.toml says the rest; the environment and flags go before it."""
    (tmp_path / "athena-flow.toml").write_text(
        'output_location = "s3://no-such-bucket/"\nsince = "7d"\nparam = ["limit=9"]\nas = "json"\n'
    )
    monkeypatch.setenv("ATHENA_FLOW_OUTPUT_LOCATION", "s3://results/env/")
    done = ok(cli("run", "reject-report", "-p", "limit=2"))
    assert rows(done) == reject_report(tree.lines, limit=2)
    number = json.loads(done.out)["query_id"]
    found = boto3.client("athena").get_query_execution(QueryExecutionId=number)["QueryExecution"]
    assert found["ResultConfiguration"]["OutputLocation"].startswith("s3://results/env/")


def test_without_since_the_last_week(ready: AthenaServer, tree: Tree, cli: Cli) -> None:
    """A saved query on a table reads the last 7 days, and says so."""
    done = ok(cli("run", "reject-report", "--output-location", "s3://results/", "--as", "json"))
    assert "7d" in done.err.splitlines()[0]
    assert done.err.startswith("note: ")
    assert rows(done) == reject_report(tree.lines)


@pytest.mark.parametrize(
    "limit", [("--max-cost", "0.00005"), ("--max-scan", "300KB")], ids=["cost", "scan"]
)
def test_over_budget_is_exit_4(ready: AthenaServer, cli: Cli, limit: tuple[str, str]) -> None:
    """The estimate is shown, both numbers are named, and no query was started."""
    done = cli(*RUN, *limit)
    assert (done.code, done.out) == (4, "")
    estimate, error, hint = done.err.splitlines()
    assert estimate.startswith("estimate: ")
    assert error.startswith("athena-flow: error: ")
    assert hint.startswith("hint: ")
    assert ready.statements == []
    assert writes(ready) == []


def test_a_query_that_fails_is_exit_1(ready: AthenaServer, cli: Cli, tmp_path: Path) -> None:
    """Athena's reason and the query id, in one line."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "broken.sql").write_text(
        '-- title = "Divides"\n-- requires = ["srcport"]\n\n'
        "SELECT sum(1 / (srcport - srcport)) AS x FROM {{ table }} WHERE {{ window }}\n"
    )
    done = cli(RUN[0], "broken", *RUN[2:], "--queries-dir", str(own))
    assert (done.code, done.out) == (1, "")
    (error,) = [line for line in done.err.splitlines() if line.startswith("athena-flow: error")]
    query = boto3.client("athena").list_query_executions()["QueryExecutionIds"][0]
    assert "by zero" in error
    assert query in error


# ---------------------------------------------------------------- the printed DDL, Ctrl-C


def athena(statement: str) -> str:
    """Runs a statement as Athena's query editor does; its state."""
    client = boto3.client("athena")
    where = {"OutputLocation": "s3://results/"}
    number = client.start_query_execution(QueryString=statement, ResultConfiguration=where)
    status = client.get_query_execution(QueryExecutionId=number["QueryExecutionId"])
    found: dict[str, Any] = status["QueryExecution"]["Status"]
    return f"{found['State']} {found.get('StateChangeReason', '')}".strip()


def test_the_printed_ddl_makes_the_same_table(net: AthenaServer, tree: Tree, cli: Cli) -> None:
    """DDL and ALTER TABLE text pasted into Athena: from there athena-flow works as from its own."""
    assert athena("CREATE DATABASE IF NOT EXISTS `flow_logs`") == "SUCCEEDED"
    ddl = ok(cli("init-table", "--location", LOCATION, "--dry-run")).out
    assert athena(ddl) == "SUCCEEDED"
    assert "exists already" in ok(cli("init-table", "--location", LOCATION)).err
    plan = ok(cli("add-partitions", "--since", "7d", "--dry-run", "--as", "json"))
    for statement in json.loads(plan.out)["statements"]:
        assert athena(statement) == "SUCCEEDED"
    again = json.loads(ok(cli("add-partitions", "--since", "7d", "--as", "json")).out)
    assert (again["present"], again["added"]) == (12, 0)
    assert rows(ok(cli(*RUN, "--as", "json"))) == reject_report(tree.lines)


@pytest.fixture
def interrupted(ready: AthenaServer, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run whose query is held by Athena, and that is told of Ctrl-C once it waits for it."""
    ready.hold = True
    running = subprocess.Popen(
        [sys.executable, "-m", "athena_flow", *RUN],
        cwd=tmp_path,
        env={**os.environ, "ATHENA_FLOW_NOW": NOW.isoformat()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 30
    while not ready.calls("AmazonAthena.GetQueryExecution") and time.monotonic() < until:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    yield running
    running.kill()
    running.communicate()


def test_ctrl_c_stops_the_query(ready: AthenaServer, interrupted: subprocess.Popen[str]) -> None:
    """Exit 130 within a moment, no rows, no traceback, and Athena scans no further."""
    out, err = interrupted.communicate(timeout=20)
    assert interrupted.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert "interrupted" in err
    number = boto3.client("athena").list_query_executions()["QueryExecutionIds"]
    status = boto3.client("athena").get_query_execution(QueryExecutionId=number[0])
    assert len(number) == 1
    assert status["QueryExecution"]["Status"]["State"] == "CANCELLED"
