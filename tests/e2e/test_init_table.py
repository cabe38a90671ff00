"""Making and changing a table, as a user types it: what is made, what is refused, what is said."""

from __future__ import annotations

import gzip
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count, product
from pathlib import Path
from typing import Any

import boto3
import pytest
from athena_server import AthenaServer
from conftest import NOW, Ran, put_tree

from athena_flow import ddl
from athena_flow.aws import Account
from athena_flow.demo import ACCOUNTS, REGIONS, write_demo, write_file
from athena_flow.glue import GlueCatalog
from athena_flow.gluetable import table_input
from athena_flow.layout import DAILY, LAYOUTS, Partition, layout_named
from athena_flow.local import LocalCatalog
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.ports import no_progress
from athena_flow.table import TableSpec
from athena_flow.tables import KEEPER

Cli = Callable[..., Ran]

LOCATION = "s3://logs/net/"
SPEC = TableSpec("flow_logs", "vpc_flow_logs", LOCATION, DEFAULT, DAILY)
INIT = ("init-table", "--location", LOCATION)
WRITES = re.compile(r"\.(Create|Put|Delete|Update|Batch(Create|Update|Delete)|Start|Post)")
RESULTS = ("--output-location", "s3://results/")
DAYS = tuple(
    Partition(account, region, NOW.replace(day=day, hour=0, minute=0))
    for account in ACCOUNTS
    for region in REGIONS
    for day in (20, 21)
)
HOURLY = replace(SPEC, layout=LAYOUTS["hourly"])


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


def rows(done: Ran) -> list[list[Any]]:
    found: list[list[Any]] = json.loads(ok(done).out)["rows"]
    return found


def athena(statement: str) -> str:
    """Runs a statement as Athena's query editor does; its state."""
    client = boto3.client("athena")
    where = {"OutputLocation": "s3://results/"}
    number = client.start_query_execution(QueryString=statement, ResultConfiguration=where)
    status = client.get_query_execution(QueryExecutionId=number["QueryExecutionId"])
    found: dict[str, Any] = status["QueryExecution"]["Status"]
    return f"{found['State']} {found.get('StateChangeReason', '')}".strip()


def writes(aws: AthenaServer) -> list[str]:
    return [call.operation for call in aws.log if WRITES.search(call.operation)]


def partitions(name: str = "vpc_flow_logs") -> dict[tuple[str, ...], str]:
    """What Glue has registered: values, and where each lies."""
    pages = boto3.client("glue").get_paginator("get_partitions")
    return {
        tuple(entry["Values"]): entry["StorageDescriptor"]["Location"]
        for page in pages.paginate(DatabaseName="flow_logs", TableName=name)
        for entry in page["Partitions"]
    }


def places(spec: TableSpec, wanted: tuple[Partition, ...]) -> dict[tuple[str, ...], str]:
    return {spec.values(p): spec.place(p) for p in wanted}


@dataclass(frozen=True)
class Tree:
    """Two days of logs in folders of hours, which a daily table reads as well."""

    root: Path
    hours: tuple[Partition, ...]
    """Those that hold logs: every second one, and some more."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    root = tmp_path_factory.mktemp("hours")
    write_demo(root, NOW, fmt=DEFAULT, layout=HOURLY.layout, days=2)
    keys = (path.relative_to(root).as_posix() for path in root.rglob("*.gz"))
    found = {HOURLY.layout.parse(key) for key in keys}
    return Tree(root, tuple(sorted(hour for hour in found if hour)))


@pytest.fixture
def net(aws: AthenaServer, tree: Tree) -> AthenaServer:
    """An account with these logs, a bucket for results, and a daily table with its partitions."""
    put_tree(tree.root, "logs", "net/")
    boto3.client("s3").create_bucket(Bucket="results")
    catalog = GlueCatalog(Account())
    catalog.create(SPEC)
    catalog.add(SPEC, DAYS, no_progress)
    aws.log.clear()
    return aws


# ---------------------------------------------------------------- files without a header line


RECORD = "2 {account} eni-1 10.0.0.{n} 10.0.1.1 {port} 443 6 1 40 {second} {second} ACCEPT OK"
RECORDS = 7
"""Records of each headless file."""


@dataclass(frozen=True)
class Headless:
    """Logs from which somebody took the header line, and a query that counts their rows."""

    root: Path
    ports: list[int]
    """The source port of every record, file by file; no two share one."""

    @property
    def words(self) -> tuple[str, ...]:
        return ("run", "all-ports", "--queries-dir", str(self.root / "own"), "--as", "json")


@pytest.fixture
def headless(tmp_path: Path) -> Headless:
    root = tmp_path / "headless"
    ports = count(1000)
    for day, n in product(DAYS, range(3)):
        second = int(day.start.timestamp()) + 3600 * n
        records = [
            RECORD.format(account=day.account, n=n, port=next(ports), second=second)
            for n in range(RECORDS)
        ]
        write_file(root / f"{DAILY.prefix(day)}{n}.log.gz", records)
    own = root / "own"
    own.mkdir()
    (own / "all-ports.sql").write_text(
        '-- title = "Every source port"\n-- requires = ["srcport"]\n\n'
        "SELECT srcport FROM {{ table }} WHERE {{ window }} ORDER BY srcport\n"
    )
    return Headless(root, list(range(1000, next(ports))))


@pytest.mark.parametrize("lines", ["0", "1"])
def test_athena_reads_headless_files_whole_with_0(
    aws: AthenaServer, headless: Headless, cli: Cli, lines: str
) -> None:
    """With 0 all rows, as the embedded engine gives them; with 1 the first of each file is lost."""
    put_tree(headless.root, "logs", "net/")
    boto3.client("s3").create_bucket(Bucket="results")
    ok(cli(*INIT, "--header-lines", lines))
    ok(cli("add-partitions", "--since", "7d"))
    found = [port for (port,) in rows(cli(*headless.words, "--since", "7d", *RESULTS))]
    embedded = rows(cli(*headless.words, "--logs", str(headless.root), "--since", "7d"))
    assert [port for (port,) in embedded] == headless.ports
    first = {port for port in headless.ports if (port - 1000) % RECORDS == 0}
    lost = first if lines == "1" else set()
    assert found == [port for port in headless.ports if port not in lost]


@pytest.mark.parametrize("lines", ["0", "1"])
def test_the_embedded_engine_knows_headers_by_what_they_say(
    headless: Headless, cli: Cli, lines: str
) -> None:
    """Its table gives all rows, of files with a header and without, whatever it was told."""
    first = next(headless.root.rglob("*.gz"))
    text = gzip.decompress(first.read_bytes()).decode()
    write_file(first, [DEFAULT.header, *text.splitlines()])
    local = ("--engine", "duckdb", "--catalog", str(headless.root / "catalog.sqlite"))
    place = ("--location", str(headless.root), "--header-lines", lines)
    ok(cli("init-table", *local, *place))
    ok(cli("add-partitions", *local, "--since", "7d"))
    found = rows(cli(*headless.words, *local, "--since", "7d"))
    assert [port for (port,) in found] == headless.ports


def test_header_lines_from_flag_environment_and_file(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's number of the TOML, over it the variable, over that the flag."""
    (tmp_path / "athena-flow.toml").write_text(f'location = "{LOCATION}"\nheader_lines = 0\n')
    words = ("init-table", "--dry-run", "--as", "json")

    def asked(*more: str) -> tuple[int, bool]:
        document = json.loads(ok(cli(*words, *more)).out)
        return document["header_lines"], "skip.header.line.count" in document["ddl"]

    assert asked() == (0, False)
    monkeypatch.setenv("ATHENA_FLOW_HEADER_LINES", "1")
    assert asked() == (1, True)
    assert asked("--header-lines", "0") == (0, False)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--header-lines", "2"), "--header-lines '2' is none of 1, 0"),
        (("--header-lines", "0", "--file-type", "parquet"), "Parquet files have no header lines"),
    ],
)
def test_header_lines_that_no_table_has(cli: Cli, more: tuple[str, ...], said: str) -> None:
    """Anything but 0 and 1, and 0 for Parquet, is a wrong request."""
    done = cli(*INIT, *more, "--dry-run")
    assert (done.code, done.out) == (2, "")
    assert said in done.err


# ---------------------------------------------------------------- a table that is there


FORMAT = " ".join([*DEFAULT.header.split(" ")[:3], "dstaddr", "srcaddr"])
PROJECTED = ("--partitions", "projection", "--region", REGIONS[0], "--since")
PROJECTION = (*PROJECTED, "2026-11-20")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ("--log-format", FORMAT),
            "another log format: field 4 is srcaddr, not dstaddr (only there: srcport, ",
        ),
        (
            ("--location", "s3://logs/", "--layout", "hive-hourly", "--header-lines", "0"),
            f"another location: {LOCATION}, not s3://logs/; another layout: daily, not hive-hourly;"
            " another number of header lines: 1, not 0",
        ),
        (
            ("--file-type", "parquet", *PROJECTION),
            "another file type: text, not parquet; another partitions: explicit, not projection",
        ),
    ],
)
def test_a_table_that_differs_is_left_alone(
    net: AthenaServer, cli: Cli, more: tuple[str, ...], said: str
) -> None:
    """Exit 2, the difference in words, --replace as the next step, and nothing written."""
    init = INIT[:1] if "--location" in more else INIT
    done = cli(*init, *more)
    error, hint = done.err.splitlines()[-2:]
    assert (done.code, done.out) == (2, "")
    assert f"table flow_logs.vpc_flow_logs exists with {said}" in error
    assert hint.startswith("hint: add --replace to make it anew (metadata only")
    assert writes(net) == []


def test_a_projection_that_differs_is_told_by_part(aws: AthenaServer, cli: Cli) -> None:
    """Neither a day nor a region changes without a word."""
    boto3.client("s3").create_bucket(Bucket="logs")
    ok(cli(*INIT, *PROJECTION))
    ok(cli(*INIT, *PROJECTION))
    done = cli(*INIT, *PROJECTED, "2025-01-01", "--region", "eu-west-1")
    assert done.code == 2
    assert "another first day: 2026-11-20, not 2025-01-01; another set of regions: " in done.err
    assert "only here: eu-west-1" in done.err


def test_somebody_elses_table_is_left_alone(net: AthenaServer, cli: Cli) -> None:
    """Neither init-table nor --replace touches it; another --table is the way."""
    foreign = table_input(SPEC) | {"Name": "theirs", "Parameters": {"EXTERNAL": "TRUE"}}
    boto3.client("glue").create_table(DatabaseName="flow_logs", TableInput=foreign)
    net.log.clear()
    for more in ((), ("--replace",)):
        done = cli(*INIT, "--table", "theirs", *more)
        assert (done.code, done.out) == (3, "")
        assert "table flow_logs.theirs was not created by athena-flow" in done.err
        assert "another --table" in done.err.splitlines()[-1]
    assert writes(net) == []


def test_an_altered_table_is_mended_by_the_command_that_is_named(
    net: AthenaServer, cli: Cli
) -> None:
    """Every command refuses columns that were altered, with the way back, which works as typed."""
    table = table_input(SPEC)
    table["StorageDescriptor"]["Columns"][3]["Name"] = "source"
    boto3.client("glue").update_table(DatabaseName="flow_logs", TableInput=table)
    for words in (INIT, ("add-partitions", "--since", "7d")):
        done = cli(*words)
        assert done.code == 2
        assert "was altered: its columns are not those" in done.err
        assert "number 4 is source string, not srcaddr string" in done.err
    (command,) = re.findall(r"hint: to mend it .*: (athena-flow .*)", done.err)
    mended = ok(cli(*shlex.split(command)[1:]))
    assert "replaced flow_logs.vpc_flow_logs, with 8 partitions: metadata only" in mended.err
    assert partitions() == places(SPEC, DAYS)
    assert "exists already" in ok(cli(*INIT)).err


def test_a_table_altered_by_ddl_is_what_it_does(net: AthenaServer, cli: Cli) -> None:
    """Header skipping switched off in Athena: the table has 0 header lines, and says so."""
    table = table_input(SPEC)
    table["Parameters"]["skip.header.line.count"] = "0"
    boto3.client("glue").update_table(DatabaseName="flow_logs", TableInput=table)
    done = cli(*INIT)
    assert done.code == 2
    assert "another number of header lines: 0, not 1" in done.err
    assert "exists already" in ok(cli(*INIT, "--header-lines", "0")).err
    again = ok(cli(*INIT, "--header-lines", "0", "--replace"))
    assert "nothing to replace" in again.err


# ---------------------------------------------------------------- --replace


def test_the_plan_of_a_replacement_is_text_for_athena(
    net: AthenaServer, tree: Tree, cli: Cli
) -> None:
    """DROP, CREATE and ALTER TABLE; nothing is written; pasted into Athena it does the job."""
    words = (*INIT, "--layout", "hourly", "--replace", "--dry-run")
    planned = ok(cli(*words))
    statements = [text.strip() for text in planned.out.split(";\n") if text.strip()]
    heads = [text.partition("\n")[0] for text in statements]
    assert heads == [
        "DROP TABLE IF EXISTS `flow_logs`.`vpc_flow_logs`",
        "CREATE EXTERNAL TABLE IF NOT EXISTS `flow_logs`.`vpc_flow_logs` (",
        "ALTER TABLE `flow_logs`.`vpc_flow_logs` ADD IF NOT EXISTS",
    ]
    assert planned.out.count("PARTITION (") == len(tree.hours)
    left_out, steps = planned.err.splitlines()
    assert left_out.startswith(f"note: {192 - len(tree.hours)} of 192 hours hold no logs")
    assert steps == (
        "to do: drop flow_logs.vpc_flow_logs, create flow_logs.vpc_flow_logs,"
        f" add {len(tree.hours)} partitions: metadata only, no log is touched"
    )
    document = json.loads(ok(cli(*words, "--as", "json")).out)
    assert document["statements"] == statements
    assert document["ddl"] == statements[1]
    assert document["table"] == "vpc_flow_logs"
    assert writes(net) == []
    assert partitions() == places(SPEC, DAYS)
    assert [athena(text) for text in statements] == ["SUCCEEDED"] * 3
    assert partitions() == places(HOURLY, tree.hours)
    assert "nothing to replace" in ok(cli(*words)).err


def test_a_replacement_does_what_its_plan_says(net: AthenaServer, tree: Tree, cli: Cli) -> None:
    """From days to hours: those with logs, and the same answer as before."""
    run = ("run", "log-status-summary", "--since", "2026-11-20", *RESULTS, "--as", "json")
    before = rows(cli(*run))
    done = ok(cli(*INIT, "--layout", "hourly", "--replace"))
    assert done.out == ""
    assert f"with {len(tree.hours)} partitions: metadata only" in done.err
    assert "hold no logs and are left out" in done.err
    assert partitions() == places(HOURLY, tree.hours)
    assert rows(cli(*run)) == before
    assert sum(count for _, count in before) > 0


def test_nothing_to_replace(net: AthenaServer, cli: Cli) -> None:
    """That very table is left alone, planned or done; the plan is empty."""
    done = ok(cli(*INIT, "--replace"))
    assert done.out == ""
    assert "nothing to replace: flow_logs.vpc_flow_logs is that table already" in done.err
    planned = ok(cli(*INIT, "--replace", "--dry-run", "--as", "json"))
    assert json.loads(planned.out)["statements"] == []
    assert planned.err == done.err
    assert writes(net) == []


def test_where_s3_may_not_be_listed_all_hours_are_kept(net: AthenaServer, cli: Cli) -> None:
    """The plan says why it could not look."""
    net.faults.add("S3.ListObjectsV2", "AccessDenied", 403, "not yours", times=1000)
    done = ok(cli(*INIT, "--layout", "hourly", "--replace", "--dry-run"))
    assert done.out.count("PARTITION (") == 24 * len(DAYS)
    assert "so all are kept" in done.err
    assert "not yours" in done.err


def test_a_slip_in_the_location_costs_nothing(net: AthenaServer, cli: Cli) -> None:
    """A bucket that does not exist is exit 3, and the table is what it was."""
    done = cli("init-table", "--location", "s3://no-such-bucket/", "--replace")
    assert done.code == 3
    assert "no-such-bucket" in done.err
    assert writes(net) == []


def test_a_stopped_replacement_is_named_until_it_is_finished(cli: Cli, tmp_path: Path) -> None:
    """Killed with the old table dropped: init-table makes no empty one, and says what finishes."""
    root = tmp_path / "logs"
    path = root / layout_named("daily").prefix(DAYS[0]) / "x.log"
    path.parent.mkdir(parents=True)
    path.write_text(DEFAULT.header + "\n")
    file = tmp_path / "it's here.sqlite"
    spec = replace(SPEC, location=f"{root}/", format=parse_format("version srcaddr end"))
    keeper = replace(spec, name=SPEC.name + KEEPER)
    catalog = LocalCatalog(file)
    catalog.create(keeper)
    catalog.add(keeper, DAYS, no_progress)
    catalog.close()
    local = ("--engine", "duckdb", "--catalog", str(file))
    done = cli("init-table", *local, "--location", str(root))
    assert done.code == 2
    assert "--replace of flow_logs.vpc_flow_logs was stopped half-way" in done.err
    assert keeper.title in done.err
    (command,) = re.findall(r"hint: to finish it: (athena-flow .*)", done.err)
    words = shlex.split(command)[1:]
    planned = ok(cli(*words, "--dry-run"))
    assert planned.out.count("PARTITION (") == len(DAYS)
    assert planned.out.endswith(f"{ddl.drop_table(keeper)};\n")
    assert "stopped half-way: this one finishes it" in planned.err
    assert "with 8 partitions" in ok(cli(*words)).err
    catalog = LocalCatalog(file)
    assert catalog.table(SPEC.database, SPEC.name) == spec
    assert len(list(catalog.parts(SPEC.database, SPEC.name))) == len(DAYS)
    catalog.close()
    assert "nothing to replace" in ok(cli(*words)).err


# ---------------------------------------------------------------- projection


def test_a_projection_that_lists_in_vain_is_told(net: AthenaServer, cli: Cli) -> None:
    """More regions than deliver: so many prefixes for each hour, accounts named or not."""
    more = (*REGIONS, "sa-east-1", "eu-west-3", "eu-north-1")
    regions = [word for region in more for word in ("--region", region)]
    words = (*INIT, "--layout", "hourly", "--partitions", "projection", "--since", "2026-11-20")
    named = ok(cli(*words, *regions, "--table", "named", "--account", ACCOUNTS[0]))
    assert "every query list 5 prefixes for each hour, of which 2 hold logs" in named.err
    assert "projection leaves out logs that lie there" in named.err
    injected = ok(cli(*words, *regions, "--table", "injected"))
    assert "queries of 2 accounts list 10 prefixes for each hour, of which 4 hold" in injected.err
    assert "leaves out" not in injected.err
    assert "note" not in ok(cli(*words, *regions[:4], "--table", "right")).err


def test_a_projected_table_has_nothing_to_add(net: AthenaServer, cli: Cli) -> None:
    """add-partitions says why, and asks neither S3 nor Glue for partitions."""
    ok(cli(*INIT, *PROJECTION, "--table", "projected"))
    net.log.clear()
    done = ok(cli("add-partitions", "--table", "projected", "--since", "7d"))
    assert done.out == ""
    assert "flow_logs.projected projects its partitions: Athena computes them" in done.err
    assert "nothing to add" in done.err
    document = json.loads(
        ok(cli("add-partitions", "--table", "projected", "--since", "7d", "--as", "json")).out
    )
    assert (document["wanted"], document["added"], document["partitions"]) == (0, 0, [])
    assert {call.operation for call in net.log} == {"AWSGlue.GetTable"}
