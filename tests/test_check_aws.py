"""`check` on AWS: tables that others made, in Glue and by Athena's DDL, and fixes in S3."""

from __future__ import annotations

import gzip
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from athena_server import AthenaServer
from check_bench import (
    ACCOUNT,
    DAYS,
    HIVE,
    MOVED,
    OTHER,
    REGION,
    TODAY,
    WINDOW,
    Logs,
    clean_fixture,  # noqa: F401  # pytest finds it
    logs_fixture,  # noqa: F401  # pytest finds it
    only,
    record,
    second,
)
from conftest import NOW, Ran, put_tree

from athena_flow import demo
from athena_flow.aws import Account, S3Store
from athena_flow.check import Look, Report, check, find_table, other_tables, table_of
from athena_flow.engines.duckdb import parquet_columns
from athena_flow.errors import NotFound
from athena_flow.glue import GlueCatalog
from athena_flow.gluetable import table_input
from athena_flow.layout import DAILY, Partition
from athena_flow.local import LocalCatalog
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.ports import Catalog, no_progress
from athena_flow.table import SKIPPED_LINES, TableSpec
from athena_flow.window import Window

Cli = Callable[..., Ran]

COLUMNS_OF_AWS = (
    "version int, account_id string, interface_id string, srcaddr string, dstaddr string,"
    " srcport int, dstport int, protocol bigint, packets bigint, bytes bigint, start bigint,"
    " end bigint, action string, log_status string, vpc_id string, subnet_id string,"
    " instance_id string, tcp_flags int, type string, pkt_srcaddr string, pkt_dstaddr string,"
    " az_id string, sublocation_type string, sublocation_id string, pkt_src_aws_service string,"
    " pkt_dst_aws_service string, flow_direction string, traffic_path int"
)
"""Of the projection example of Athena's user guide: it leaves ``region`` out."""


def published(bucket: str) -> dict[str, Any]:
    """AWS's published projected table, as Athena's DDL leaves it in Glue."""
    place = f"s3://{bucket}/net/AWSLogs/{ACCOUNT}/vpcflowlogs/"
    table = table_input(TableSpec("x", "vpc_flow_logs", f"s3://{bucket}/", DEFAULT, DAILY))
    table["PartitionKeys"] = [{"Name": n, "Type": "string"} for n in ("region", "day")]
    table["StorageDescriptor"] |= {
        "Location": place,
        "Columns": [
            dict(zip(("Name", "Type"), column.split(), strict=True))
            for column in COLUMNS_OF_AWS.split(", ")
        ],
    }
    table["Parameters"] = {
        "EXTERNAL": "TRUE",
        SKIPPED_LINES: "1",
        "projection.enabled": "true",
        "projection.region.type": "enum",
        "projection.region.values": "us-east-1,us-west-2,ap-south-1,eu-west-1",
        "projection.day.type": "date",
        "projection.day.range": "2021/01/01,NOW",
        "projection.day.format": "yyyy/MM/dd",
        "storage.location.template": f"{place}${{region}}/${{day}}",
    }
    return table


@pytest.fixture
def theirs(aws: AthenaServer, logs: Logs) -> Logs:
    """A bucket with logs of all 29 fields, and AWS's published table over it."""
    fmt = parse_format(
        re.sub(r" \w+,? ?", " ", f"{COLUMNS_OF_AWS} ").strip().replace(" az_id", " region az_id")
    )
    for day in DAYS:
        logs.text(day, fmt)
        logs.text(day, DEFAULT, account=OTHER)
    put_tree(logs.root, "logs", "net/")
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "flow_logs"})
    glue.create_table(DatabaseName="flow_logs", TableInput=published("logs"))
    return logs


def athena(sql: str) -> None:
    """A statement that somebody runs in Athena's console."""
    client = boto3.client("athena")
    boto3.client("s3").create_bucket(Bucket="results")
    started = client.start_query_execution(
        QueryString=sql, ResultConfiguration={"OutputLocation": "s3://results/"}
    )
    while True:
        found = client.get_query_execution(QueryExecutionId=started["QueryExecutionId"])
        status = found["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
    assert status["State"] == "SUCCEEDED", (sql, status)


def looked(database: str, name: str, window: Window = WINDOW) -> Report:
    catalog = GlueCatalog(Account())
    look = Look(S3Store(Account()), parquet_columns, window, NOW)
    table = find_table(catalog, database, name, window)
    return check(table, look, other_tables(catalog, database, window))


def run(fix: str | None, cli: Cli) -> None:
    """Each command of a fix that is ours."""
    for command in (fix or "").split(" && "):
        program, *words = shlex.split(command)
        assert program == "athena-flow"
        done = cli(*words)
        assert done.code == 0, done.err


# ---------------------------------------------------------------- tables of ours


@pytest.fixture
def ours(aws: AthenaServer, clean: Logs) -> TableSpec:
    """A table of ours over three days, and a fourth in another format, all registered."""
    clean.text(TODAY, MOVED)
    put_tree(clean.root, "logs", "net/")
    spec = TableSpec("flow", "logs", "s3://logs/net/", DEFAULT, DAILY)
    catalog = GlueCatalog(Account())
    catalog.create(spec)
    places = [Partition(ACCOUNT, REGION, day) for day in (*DAYS, TODAY)]
    catalog.add(spec, places, no_progress)
    return spec


def test_a_change_is_mended_in_glue(ours: TableSpec, cli: Cli) -> None:
    """Second table, its partitions, and none of these days in the first: both are clean."""
    window = Window(DAYS[0], NOW)
    run(only(looked("flow", "logs", window), "format-change").fix, cli)
    for name in ("logs", second(MOVED)):
        report = looked("flow", name, window)
        assert report.findings == ()
    assert looked("flow", "logs", window).notes[-1] == (
        f"read by flow.{second(MOVED)}: 1 file looked at"
    )


def test_partitions_that_are_missing_in_glue(ours: TableSpec, aws: AthenaServer, cli: Cli) -> None:
    """A window is one question to Glue, whatever lies before it."""
    catalog = GlueCatalog(Account())
    catalog.remove(ours, [Partition(ACCOUNT, REGION, DAYS[1])], no_progress)
    found = only(looked("flow", "logs"), "missing-partitions")
    run(found.fix, cli)
    assert looked("flow", "logs").findings == ()


def test_hive_beside_plain_in_s3(ours: TableSpec, clean: Logs, cli: Cli) -> None:
    """The second table is known by its name, and the first is clean then."""
    clean.text(DAYS[2], layout=HIVE)
    put_tree(clean.root, "logs", "net/")
    run(only(looked("flow", "logs"), "layout").fix, cli)
    for name in ("logs", "logs_hive_daily"):
        assert looked("flow", name).findings == ()


def test_other_tables_that_may_not_be_seen(
    ours: TableSpec, clean: Logs, aws: AthenaServer, cli: Cli
) -> None:
    """Whoever may read one table only gets the finding that others might have answered."""
    clean.text(DAYS[2], layout=HIVE)
    put_tree(clean.root, "logs", "net/")
    run(only(looked("flow", "logs"), "layout").fix, cli)
    aws.faults.add("AWSGlue.GetTable", "AccessDeniedException", message="no", after=1, times=99)
    only(looked("flow", "logs"), "layout")
    aws.faults.clear()
    assert looked("flow", "logs").findings == ()


def test_fixes_in_s3(aws: AthenaServer, clean: Logs) -> None:
    """What has to be moved or rewritten there is said with the AWS command line."""
    rows = [*demo.lines(DEFAULT, [record(DAYS[0])])]
    clean.text(DAYS[0], lines=rows * 2)
    clean.text(DAYS[1] + timedelta(hours=3), MOVED, flow_log="fl-0b")
    put_tree(clean.root, "logs", "net/")
    spec = TableSpec("flow", "logs", "s3://logs/net/", DEFAULT, DAILY)
    catalog = GlueCatalog(Account())
    catalog.create(spec)
    catalog.add(spec, [Partition(ACCOUNT, REGION, day) for day in DAYS], no_progress)
    inside, mixed = looked("flow", "logs").findings
    assert (mixed.fix or "").partition(" && ")[0] == (
        "aws s3 mv s3://logs/net/AWSLogs/ s3://logs/net/fl-0b/AWSLogs/ --recursive"
        " --exclude '*' --include '*_fl-0b_*'"
    )
    (uri,) = inside.uris
    part = f"./{uri.rpartition('/')[2]}.part"
    piped, *rest = (inside.fix or "").split(" && ")
    script = 'aws s3 cp "$0" - | gunzip | "${@:2}" | gzip > "$1"'
    assert shlex.split(piped)[:8] == [
        "bash", "-o", "pipefail", "-c", script, uri, part, "awk",
    ]  # fmt: skip
    assert rest == [f"aws s3 cp {part} {uri}", f"rm {part}"]


FAKE_CLI = """#!/bin/sh
from="bucket/${3#s3://logs/}"
to="bucket/${4#s3://logs/}"
case "$3 $4" in
  s3:*" -") cat "$from" || exit; [ ! -e refused ] ;;
  *) cp "$3" "$to" ;;
esac
"""
"""`aws s3 cp`, as far as a rewriting fix uses it; with a file `refused`, downloads fail."""


def rewriting(clean: Logs) -> tuple[Path, bytes, str]:
    """A log in S3 that has its header line twice, its bytes, and the fix."""
    rows = [*demo.lines(DEFAULT, [record(DAYS[0])])]
    path = clean.text(DAYS[0], lines=rows * 2)
    put_tree(clean.root, "logs")
    spec = TableSpec("flow", "logs", "s3://logs/", DEFAULT, DAILY)
    catalog = GlueCatalog(Account())
    catalog.create(spec)
    catalog.add(spec, [Partition(ACCOUNT, REGION, day) for day in DAYS], no_progress)
    fix = only(looked("flow", "logs"), "header-inside").fix
    assert fix
    return path, path.read_bytes(), fix


@pytest.mark.parametrize("case", ["works", "refused", "broken"])
def test_a_log_in_s3_is_written_over_by_a_whole_one_only(
    aws: AthenaServer, clean: Logs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """In any shell: where a step fails, the object stays as it was."""
    path, before, fix = rewriting(clean)
    program = tmp_path / "bin" / "aws"
    program.parent.mkdir()
    program.write_text(FAKE_CLI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    if case == "refused":
        (tmp_path / "refused").touch()
    if case == "broken":
        before = before[:-9]
        path.write_bytes(before)
    done = subprocess.run(fix, shell=True, check=False, cwd=tmp_path, capture_output=True)
    if case == "works":
        assert done.returncode == 0, done.stderr
        rows = [*demo.lines(DEFAULT, [record(DAYS[0])])]
        assert gzip.decompress(path.read_bytes()).decode().splitlines() == [*rows, rows[1]]
        assert not list(tmp_path.glob("*.part"))
    else:
        assert done.returncode
        assert path.read_bytes() == before


def test_a_bad_object_in_s3(aws: AthenaServer, clean: Logs) -> None:
    """It is moved to where its key says what it was."""
    clean.put(f"{DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[1]))}x.log", b"\xff\xfe")
    put_tree(clean.root, "logs", "net/")
    spec = TableSpec("flow", "logs", "s3://logs/net/", DEFAULT, DAILY)
    catalog = GlueCatalog(Account())
    catalog.create(spec)
    catalog.add(spec, [Partition(ACCOUNT, REGION, day) for day in DAYS], no_progress)
    found = only(looked("flow", "logs"), "unreadable")
    below = f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/2026/11/19/x.log"
    assert found.fix == f"aws s3 mv s3://logs/net/{below} s3://logs/net/left-out/{below}"


# ---------------------------------------------------------------- tables of others


def test_the_published_table_that_lost_its_region(theirs: Logs, cli: Cli) -> None:
    """The shift is found, the other account is none of its business, and the fix works."""
    window = replace(WINDOW, accounts=(ACCOUNT,))
    report = looked("flow_logs", "vpc_flow_logs")
    assert (report.looked_at, report.keys) == (3, 3)
    found = only(report, "shifted")
    assert "from column 22 on" in found.message
    assert "az_id shows region; the files also hold region" in found.message
    run(found.fix, cli)
    assert looked("flow_logs", "vpc_flow_logs_athena_flow", window).findings == ()


def test_the_command_on_a_published_table(theirs: Logs, cli: Cli) -> None:
    """Exit 6, and what the fix leaves is said."""
    ran = cli("check")
    assert ran.code == 6, ran.err
    assert "shifted" in ran.out
    assert "fixes make a table beside it, and leave it as it is" in ran.err


BY_HAND = """
CREATE EXTERNAL TABLE mine.mine (a int, b string, c string, srcaddr string, dstaddr string,
  srcport int, dstport int, protocol bigint, packets bigint, bytes bigint, `start` bigint,
  `end` bigint, action string, log_status string)
PARTITIONED BY (`date` date) ROW FORMAT DELIMITED FIELDS TERMINATED BY ' '
LOCATION 's3://logs/net/AWSLogs/{account}/vpcflowlogs/{region}/'
TBLPROPERTIES ('{skip}'='{lines}')
"""
"""As AWS's guide for explicit partitions, and with names that say nothing."""


def by_hand(lines: int, *days: Any) -> None:
    athena("CREATE DATABASE mine")
    athena(BY_HAND.format(account=ACCOUNT, region=REGION, skip=SKIPPED_LINES, lines=lines))
    for day in days:
        athena(
            f"ALTER TABLE mine.mine ADD PARTITION (`date`='{day:%Y-%m-%d}') LOCATION"
            f" 's3://logs/net/AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{day:%Y/%m/%d}'"
        )


def test_a_table_made_in_athena(aws: AthenaServer, clean: Logs) -> None:
    """Its partitions say what it reads; what is registered without a final / is no other."""
    clean.text(DAYS[0], account=OTHER)
    clean.text(TODAY, MOVED)
    put_tree(clean.root, "logs", "net/")
    by_hand(1, *DAYS)
    report = looked("mine", "mine", Window(DAYS[0], NOW))
    assert report.findings == ()
    assert any(note.startswith("names that say no field: a, b, c:") for note in report.notes)
    assert any(note.startswith("1 file looked at of another format") for note in report.notes)


def test_a_property_that_mends_a_table_made_in_athena(aws: AthenaServer, clean: Logs) -> None:
    """What is theirs is altered by them, by a statement for Athena."""
    put_tree(clean.root, "logs", "net/")
    by_hand(0, *DAYS)
    found = only(looked("mine", "mine"), "header-skip")
    assert found.fix == (f"ALTER TABLE `mine`.`mine` SET TBLPROPERTIES ('{SKIPPED_LINES}' = '1')")
    glue = boto3.client("glue")
    table = glue.get_table(DatabaseName="mine", Name="mine")["Table"]
    kept = ("Name", "TableType", "PartitionKeys", "StorageDescriptor")
    changed = {key: table[key] for key in kept}
    changed["Parameters"] = table["Parameters"] | {SKIPPED_LINES: "1"}
    glue.update_table(DatabaseName="mine", TableInput=changed)
    assert looked("mine", "mine").findings == ()


def test_days_that_a_table_made_in_athena_misses(aws: AthenaServer, clean: Logs, cli: Cli) -> None:
    """A table of ours has them; theirs is clean as far as somebody reads the rest."""
    put_tree(clean.root, "logs", "net/")
    by_hand(1, *DAYS[:2])
    found = only(looked("mine", "mine"), "missing-partitions")
    run(found.fix, cli)
    for name in ("mine", "mine_athena_flow"):
        assert looked("mine", name).findings == (), name


def test_a_bucket_that_is_not_there(aws: AthenaServer, cli: Cli) -> None:
    """A LOCATION in no bucket leads nowhere: a finding, not a failure."""
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "flow_logs"})
    glue.create_table(DatabaseName="flow_logs", TableInput=published("absent"))
    ran = cli("check")
    assert ran.code == 6, ran.err
    assert "athena-flow discover --location s3://absent/" in ran.out


@pytest.mark.parametrize("where", ["glue", "local"])
def test_any_table_can_be_described(where: str, request: pytest.FixtureRequest) -> None:
    """Both catalogs give Glue's words for a table, and NotFound for none."""
    catalog: Catalog = LocalCatalog(None)
    if where == "glue":
        request.getfixturevalue("aws")
        catalog = GlueCatalog(Account())
    spec = TableSpec("flow", "logs", "s3://logs/net/", DEFAULT, DAILY)
    catalog.create(spec)
    found = table_of("flow", catalog.described("flow", "logs"))
    assert (found.spec, found.location, found.skipped) == (spec, "s3://logs/net/AWSLogs/", 1)
    with pytest.raises(NotFound, match=r"no table flow\.absent"):
        catalog.described("flow", "absent")
    if isinstance(catalog, LocalCatalog):
        catalog.close()
