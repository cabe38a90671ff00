"""`discover` as a user types it: what an account describes, what a bucket holds, what is kept."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from athena_server import ACCOUNT, AthenaServer
from conftest import Ran, put_tree

from athena_flow.errors import BadSetting
from athena_flow.layout import DAILY, LAYOUTS, Layout, Partition, layout_named
from athena_flow.logformat import DEFAULT, LogFormat, parse_format

Cli = Callable[..., Ran]

ONE, OTHER = ("111122223333", "us-east-1"), ("444455556666", "eu-west-1")
AT = datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
SHORT = parse_format("srcaddr end")
RECORD = "2 111122223333 eni-1 10.0.0.1 10.0.0.2 1 22 6 1 40 1795169110 1795169160 REJECT OK"


def put(
    root: Path,
    source: tuple[str, str] = ONE,
    *,
    layout: Layout = DAILY,
    fmt: LogFormat = DEFAULT,
    header: bool = True,
    at: datetime = AT,
    flow_log: str = "fl-0a",
) -> Path:
    """One text object with one record, where AWS would put it."""
    name = f"{source[0]}_vpcflowlogs_{source[1]}_{flow_log}_{at:%Y%m%dT%H%MZ}_0a.log.gz"
    path = root / layout.prefix(Partition(*source, at)) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    values = dict(zip(DEFAULT.columns, RECORD.split(), strict=True))
    record = " ".join(values.get(column, "-") for column in fmt.columns)
    path.write_bytes(
        gzip.compress(f"{fmt.header}\n{record}\n"[0 if header else len(fmt.header) + 1 :].encode())
    )
    return path


def put_parquet(
    root: Path, source: tuple[str, str] = ONE, select: str = "22 AS dstport, 'a' AS srcaddr"
) -> Path:
    path = put(root, source).with_suffix("").with_suffix(".log.parquet")
    path.with_suffix("").with_suffix(".log.gz").unlink()
    with duckdb.connect() as db:
        db.execute(f"COPY (SELECT {select}) TO '{path}' (FORMAT parquet)")
    return path


def blocks(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = json.loads(ran.out)
    return found


def error(ran: Ran) -> tuple[str, str]:
    """The message and the hint of the error that a command ended in."""
    said = ran.err.split("athena-flow: error: ")[1].splitlines()
    return said[0], said[1].removeprefix("hint: ") if len(said) > 1 else ""


# ---------------------------------------------------------------- DescribeFlowLogs


def flow_log(number: int, **changes: Any) -> dict[str, Any]:
    """An entry as EC2 answers it; a change to None takes a member away."""
    entry = {
        "CreationTime": "2026-03-01T12:00:00.000Z",
        "DeliverLogsStatus": "SUCCESS",
        "FlowLogId": f"fl-0{number}",
        "FlowLogStatus": "ACTIVE",
        "ResourceId": f"vpc-{number}",
        "TrafficType": "ALL",
        "LogDestinationType": "s3",
        "LogDestination": "arn:aws:s3:::logs/net/",
        "LogFormat": "${version} ${srcaddr} ${action}",
        "MaxAggregationInterval": "600",
    }
    return {name: value for name, value in (entry | changes).items() if value is not None}


def options(file_format: str, hive: bool, hourly: bool) -> dict[str, str]:
    return {
        "FileFormat": file_format,
        "HiveCompatiblePartitions": str(hive).lower(),
        "PerHourPartition": str(hourly).lower(),
    }


@pytest.fixture
def described(aws: AthenaServer) -> AthenaServer:
    """An account with flow logs of every kind, told two to a page."""
    aws.flow_logs_page = 2
    aws.flow_logs = [
        flow_log(1),
        flow_log(2, CreationTime="2025-05-01T00:00:00.000Z"),
        flow_log(3, DestinationOptions=options("parquet", True, True)),
        flow_log(4, LogDestinationType="cloud-watch-logs", LogDestination=None, LogGroupName="x"),
        flow_log(
            5,
            LogDestination="arn:aws-cn:s3:::china/a/b",
            DestinationOptions=options("plain-text", False, True),
        ),
        flow_log(6, LogDestination="arn:aws-us-gov:s3:::gov/x//y/", DestinationOptions={}),
        flow_log(
            7,
            LogFormat="${srcaddr} ${tgw-id}",
            ResourceId="tgw-1",
            DestinationOptions=options("parquet", True, True),
        ),
    ]
    return aws


def test_flow_logs_of_an_account(described: AthenaServer, cli: Cli) -> None:
    """All pages; layout and file type by their options; what delivers elsewhere is not asked."""
    found = blocks(cli("discover", "--as", "json"))
    assert [(b["location"], b["layout"], b["file_type"], b["flow_logs"]) for b in found] == [
        ("s3://logs/net/", "daily", "text", ["fl-01", "fl-02"]),
        ("s3://logs/net/", "hive-hourly", "parquet", ["fl-03", "fl-07"]),
        ("s3://china/a/b/", "hourly", "text", ["fl-05"]),
        ("s3://gov/x/y/", "daily", "text", ["fl-06"]),
    ]
    assert {(*b["accounts"], *b["regions"]) for b in found} == {(ACCOUNT, "us-east-1")}
    assert [(b["first"], b["last"]) for b in found[:2]] == [
        ("2025-05-01", "2026-11-21"),
        ("2026-03-01", "2026-11-21"),
    ]
    assert found[0]["log_format"] == "${version} ${srcaddr} ${action}"
    assert found[1]["log_format"] == "${version} ${srcaddr} ${action} ${tgw-id}"
    asked = described.calls("EC2.DescribeFlowLogs")
    assert [call.get("NextToken") for call in asked] == [None, "2", "4"]
    assert {call["Filter.1.Value.1"] for call in asked} == {"s3"}


def test_flow_logs_for_people(described: AthenaServer, cli: Cli) -> None:
    """Every block says the flags that choose it; one table over two kinds is called so."""
    ran = cli("discover")
    assert ran.code == 0, ran.err
    assert "4 fields, VPC and Transit Gateway: version srcaddr action tgw-id" in ran.out
    choices = [
        line.split("choose with")[1].strip() for line in ran.out.splitlines() if "choose" in line
    ]
    assert choices[1:3] == ["--file-type parquet", "--layout hourly"]
    assert choices[3] == f"--location s3://gov/x/y/ --account {ACCOUNT} --region us-east-1"


def test_a_described_block_is_kept(described: AthenaServer, cli: Cli) -> None:
    """discover --write, and init-table needs no flags."""
    ran = cli("discover", "--file-type", "parquet", "--write")
    assert ran.code == 0, ran.err
    assert "note: of 4 blocks, only those of --file-type parquet\n" in ran.err
    made = cli("init-table", "--dry-run", "--as", "json")
    assert made.code == 0, made.err
    table = json.loads(made.out)
    assert table["location"] == "s3://logs/net/AWSLogs/"
    assert [c["name"] for c in table["columns"]] == ["version", "srcaddr", "action", "tgw_id"]
    assert [k["name"] for k in table["partition_keys"]][-1] == "hour"
    assert "STORED AS PARQUET" in table["ddl"]


def test_several_described_blocks_are_not_kept(
    described: AthenaServer, cli: Cli, tmp_path: Path
) -> None:
    """Which is meant has to be said, and how is said for each."""
    ran = cli("discover", "--write")
    assert ran.code == 2
    message, hint = error(ran)
    assert message == "--write needs one block, and there are 4"
    assert "block 2: --file-type parquet; block 3: --layout hourly; block 4: --location" in hint
    assert not (tmp_path / "athena-flow.toml").exists()


def test_described_text_of_two_formats_in_one_place(aws: AthenaServer, cli: Cli) -> None:
    """No flag tells them apart, because no table does."""
    aws.flow_logs = [flow_log(1), flow_log(2, LogFormat="${srcaddr} ${end}")]
    ran = cli("discover", "--write")
    assert ran.code == 2
    assert "note: text logs of 2 formats go to s3://logs/net/" in ran.err
    assert "block 1: no flags: it lies in the folders of block 2" in error(ran)[1]
    assert [b["flags"] for b in blocks(cli("discover", "--as", "json"))] == [None, None]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--region", "eu-west-1"), 3, "none of the logs that were found fits --region eu-west-1"),
        (("--file-type", "parqet"), 2, "--file-type 'parqet' is none of text, parquet"),
        (("--layout", "dayly"), 2, "no layout is called 'dayly' (did you mean daily?)"),
        (("--engine", "duckdb"), 2, "--engine duckdb looks at no account"),
    ],
)
def test_wishes_that_no_flow_log_fits(
    described: AthenaServer, cli: Cli, words: tuple[str, ...], code: int, message: str
) -> None:
    """Nothing is shown for what is not there, or is no word of ours."""
    ran = cli("discover", *words)
    assert (ran.code, ran.out, error(ran)[0]) == (code, "", message)


def test_an_account_that_may_not_ask(aws: AthenaServer, cli: Cli) -> None:
    """EC2's refusal is one line, and exit 3."""
    aws.faults.add("EC2.DescribeFlowLogs", "UnauthorizedOperation", 403, "not you")
    ran = cli("discover")
    assert ran.code == 3
    assert error(ran)[0] == "describing flow logs: UnauthorizedOperation: not you"


# ---------------------------------------------------------------- which block is meant


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A tree that needs three tables: two accounts, two layouts, text and Parquet."""
    root = tmp_path / "mixed"
    put(root)
    put_parquet(root, OTHER)
    put(root, OTHER, layout=LAYOUTS["hive-hourly"], fmt=SHORT)
    return root


def test_each_block_is_kept_by_its_flags(mixed: Path, cli: Cli, tmp_path: Path) -> None:
    """The flags that are shown for a block write that block's settings, and a table follows."""
    found = blocks(cli("discover", "--logs", "mixed", "--as", "json"))
    assert len(found) == 3
    for n, block in enumerate(found):
        folder = tmp_path / f"{n}"
        folder.mkdir()
        flags = block["flags"]
        assert flags
        ran = cli("discover", "--logs", str(mixed), *flags, "--write", cwd=folder)
        assert ran.code == 0, ran.err
        made = cli("init-table", "--dry-run", "--as", "json", cwd=folder)
        assert made.code == 0, made.err
        table = json.loads(made.out)
        assert table["log_format"] == block["log_format"]
        assert table["header_lines"] == block["header_lines"]
        assert cli("init-table", cwd=folder).code == 0
        added = cli("add-partitions", "--since", "7d", "--as", "json", cwd=folder)
        places = {(p["account"], p["region"]) for p in json.loads(added.out)["partitions"]}
        assert places == {(*block["accounts"], *block["regions"])}


def test_a_choice_keeps_what_was_said(mixed: Path, cli: Cli) -> None:
    """Flags that were given already stay, and are shown with those that choose."""
    account = OTHER[0]
    ran = cli("discover", "--logs", "mixed", "--account", account, "--write")
    assert ran.code == 2
    assert error(ran)[1] == (
        f"block 1: --account {account} --file-type parquet;"
        f" block 2: --account {account} --file-type text"
    )


def test_settings_keep_the_way_to_the_account(aws: AthenaServer, cli: Cli, tmp_path: Path) -> None:
    """What discover was told of tables, regions and endpoints, later commands need as well."""
    put(tmp_path / "tree")
    put_tree(tmp_path / "tree", "logs")
    words = ("--database", "net", "--table", "flows", "--aws-region", "eu-west-1")
    ran = cli("discover", "--location", "s3://logs/", *words, "--write")
    assert ran.code == 0, ran.err
    assert tomllib.loads((tmp_path / "athena-flow.toml").read_text("utf-8")) == {
        "engine": "athena",
        "database": "net",
        "table": "flows",
        "aws_region": "eu-west-1",
        "location": "s3://logs/",
        "layout": "daily",
        "file_type": "text",
        "log_format": DEFAULT.header,
    }
    made = cli("init-table")
    assert "created net.flows over s3://logs/AWSLogs/" in made.err
    found = boto3.client("glue", region_name="eu-west-1").get_table(
        DatabaseName="net", Name="flows"
    )
    assert found["Table"]["Name"] == "flows"


def test_settings_of_an_odd_folder(cli: Cli, tmp_path: Path) -> None:
    """TOML has its own marks: what a folder is called comes back as it was."""
    name = 'a "b" \\ 🙂\x7f'
    put(tmp_path / name)
    ran = cli("discover", "--logs", name, "--write")
    assert ran.code == 0, ran.err
    made = cli("init-table", "--dry-run", "--as", "json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["location"] == f"{tmp_path}/{name}/AWSLogs/"


def test_settings_of_before_do_not_hide_the_rest(mixed: Path, cli: Cli) -> None:
    """A later look goes by athena-flow.toml, too, and says what it leaves out."""
    assert cli("discover", "--logs", "mixed", "--layout", "hive-hourly", "--write").code == 0
    ran = cli("discover")
    assert ran.code == 0, ran.err
    assert "note: of 3 blocks, only those of --file-type text --layout hive-hourly\n" in ran.err
    assert "looked at 3 objects" in ran.err


def test_a_directory_of_logs_goes_before_a_kept_location(
    mixed: Path, cli: Cli, tmp_path: Path
) -> None:
    """--logs is what is looked at, whatever athena-flow.toml says of another place."""
    put(tmp_path / "other")
    assert cli("discover", "--logs", "other", "--write").code == 0
    ran = cli("discover", "--logs", "mixed")
    assert f"{mixed}/" in ran.out


# ---------------------------------------------------------------- headers and formats


def test_files_without_headers_are_read_whole(cli: Cli, tmp_path: Path) -> None:
    """Where no file has a header line, the table skips none, and no row is lost."""
    put(tmp_path / "bare", header=False)
    ran = cli("discover", "--logs", "bare", "--write")
    assert ran.code == 0, ran.err
    assert "header lines  0: no file has one" in ran.out
    assert tomllib.loads((tmp_path / "athena-flow.toml").read_text())["header_lines"] == 0
    made = cli("init-table", "--dry-run")
    assert "skip.header.line.count" not in made.out
    for words in (("init-table",), ("add-partitions", "--since", "7d")):
        assert cli(*words).code == 0
    rows = cli("run", "reject-report", "--since", "2026-11-01", "--as", "json")
    assert rows.code == 0, rows.err
    assert [row[0] for row in json.loads(rows.out)["rows"]] == ["10.0.0.1"]


def test_a_format_that_nothing_says_is_not_kept(cli: Cli, tmp_path: Path) -> None:
    """No header and no known shape: the default format would be a guess."""
    put(tmp_path / "bare", fmt=parse_format("srcaddr end action"), header=False)
    ran = cli("discover", "--logs", "bare", "--write")
    assert ran.code == 2
    assert "log format    not known" in ran.out
    message, hint = error(ran)
    assert message.startswith("--write needs to know the format")
    assert f"athena-flow init-table --engine duckdb --location {tmp_path}/bare/ --layout" in hint
    assert "--header-lines 0 --log-format" in hint
    assert not (tmp_path / "athena-flow.toml").exists()


def test_auto_takes_what_the_logs_say(cli: Cli, tmp_path: Path) -> None:
    """init-table reads format, new fields and missing headers from the files themselves."""
    newer = parse_format("srcaddr brand-new end", allow_unknown=True)
    put(tmp_path / "newer", fmt=newer)
    put(tmp_path / "bare", header=False)
    auto = ("--log-format", "auto", "--layout", "auto", "--dry-run", "--as", "json")
    made = cli("init-table", "--engine", "duckdb", "--location", "newer", *auto)
    assert made.code == 0, made.err
    assert [c["name"] for c in json.loads(made.out)["columns"]] == ["srcaddr", "brand_new", "end"]
    assert "not known here, kept as text: brand-new" in made.err
    made = cli("init-table", "--engine", "duckdb", "--location", "bare", *auto)
    assert made.code == 0, made.err
    assert json.loads(made.out)["header_lines"] == 0


def test_auto_needs_one_block(mixed: Path, cli: Cli) -> None:
    """And says how each is chosen."""
    ran = cli("init-table", "--engine", "duckdb", "--location", "mixed", "--log-format", "auto")
    assert ran.code == 2
    message, hint = error(ran)
    assert message.endswith("are 3 blocks of such")
    assert "block 2: --file-type parquet" in hint


# ---------------------------------------------------------------- places


def test_a_directory_given_as_a_location(mixed: Path, cli: Cli) -> None:
    """The engine is Athena unless it is said: the flag that is meant is told."""
    ran = cli("discover", "--location", "mixed")
    assert ran.code == 2
    assert error(ran) == ("--location mixed is a directory of this machine", "write --logs mixed")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("o-abc/123456789012/vpcflowlogs/eu-west-1/2026/11/20/x", "'o-abc/' is no organisation's"),
        (
            "12345/vpcflowlogs/eu-west-1/2026/11/20/x",
            "'12345/' stands where a folder such as 12345",
        ),
        ("123456789012/flowlogs/eu-west-1/2026/11/20/x", "'flowlogs/' stands where a folder such"),
        ("123456789012/vpcflowlogs/eu/2026/11/20/x", "'eu/' stands where a folder such as eu-west"),
        ("123456789012/vpcflowlogs/eu-west-1/2026/13/20/x", "the calendar has no 2026/13/20/"),
        (
            "123456789012/vpcflowlogs/eu-west-1/2026/11/20/24/x",
            "the calendar has no 2026/11/20/24/",
        ),
        ("123456789012/vpcflowlogs/eu-west-1/2026/11/x", "no folder such as 20/ follows '11/'"),
        ("123456789012/vpcflowlogs/eu-west-1/2026/11/20/10/5/x", "'5/' lies below the hour"),
        (
            "aws-account-id=123456789012/vpcflowlogs/x",
            "such as aws-service=vpcflowlogs/ or service=",
        ),
        ("x", "no folder such as 123456789012/ follows 'AWSLogs/'"),
    ],
)
def test_a_key_that_is_in_no_layout(key: str, why: str) -> None:
    """The folder that does not fit is named, with what would."""
    with pytest.raises(BadSetting) as caught:
        layout_named(f"AWSLogs/{key}")
    assert caught.value.message.startswith(f"the key 'AWSLogs/{key}' is in no layout: ")
    assert why in caught.value.message


def test_a_key_of_a_layout(cli: Cli, tmp_path: Path) -> None:
    """Whole URIs are cut at AWSLogs/ by the user; a key chooses its own spelling alone."""
    hive = LAYOUTS["hive-daily"]
    service = replace(hive, template=hive.template.replace("aws-service", "service"))
    put(tmp_path / "tree", layout=hive)
    key = put(tmp_path / "tree", OTHER, layout=service, fmt=SHORT).relative_to(tmp_path / "tree")
    (found,) = blocks(cli("discover", "--logs", "tree", "--layout", str(key), "--as", "json"))
    assert found["log_format"] == "${srcaddr} ${end}"
    ran = cli("discover", "--logs", "tree", "--layout", f"s3://bucket/{key}")
    assert ran.code == 2
    assert error(ran)[1] == f"give the key from AWSLogs/ on: {key}"


@pytest.mark.parametrize(
    ("place", "message", "hint"),
    [
        ("s3://absent/", "listing s3://absent/AWSLogs/: NoSuchBucket", ""),
        ("s3://empty/", "no flow logs below s3://empty/AWSLogs/", "no folder lies there"),
        ("s3://logs/", "no flow logs below s3://logs/AWSLogs/", "s3://logs/ holds: net/"),
        ("s3://trail/", "no flow logs below s3://trail/AWSLogs/", "AWSLogs/ holds: 1111"),
    ],
)
def test_places_without_flow_logs(
    aws: AthenaServer, cli: Cli, tmp_path: Path, place: str, message: str, hint: str
) -> None:
    """No bucket, an empty one, a prefix that was left out, or another service's logs alone."""
    boto3.client("s3").create_bucket(Bucket="empty")
    put(tmp_path / "tree")
    put_tree(tmp_path / "tree", "logs", "net/")
    trail = tmp_path / "trail/AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/20/x.json.gz"
    trail.parent.mkdir(parents=True)
    trail.write_text("x")
    put_tree(tmp_path / "trail", "trail")
    ran = cli("discover", "--location", place)
    assert ran.code == 3
    assert error(ran)[0].startswith(message)
    assert hint in error(ran)[1]


@pytest.mark.parametrize(
    ("operation", "where", "said"),
    [
        ("S3.ListObjectsV2", {"prefix": "AWSLogs/4444"}, "listing s3://logs/AWSLogs/444455556666/"),
        ("S3.ListObjectsV2", {"prefix": "AWSLogs/444455556666/vpcflowlogs/eu-west-1/2026/11/20/"},
         "listing s3://logs/AWSLogs/444455556666/vpcflowlogs/eu-west-1/2026/11/20/"),
        ("S3.GetObject", {"Key": "AWSLogs/4444"}, "reading s3://logs/AWSLogs/444455556666/"),
    ],
    ids=["account", "day", "object"],
)  # fmt: skip
def test_what_is_denied_is_named(
    aws: AthenaServer, cli: Cli, tmp_path: Path, operation: str, where: dict[str, str], said: str
) -> None:
    """One account's logs that may not be read stop nothing, and are not passed over."""
    put(tmp_path / "tree")
    put(tmp_path / "tree", OTHER)
    put_tree(tmp_path / "tree", "logs")
    aws.faults.add(operation, "AccessDenied", 403, "Access Denied", times=9, where=where)
    ran = cli("discover", "--location", "s3://logs/", "--as", "json")
    (found,) = blocks(ran)
    assert found["accounts"] == [ONE[0]]
    assert f"note: not looked at: {said}" in ran.err
    assert "AccessDenied: Access Denied" in ran.err


def test_objects_in_an_archive_are_named(aws: AthenaServer, cli: Cli, tmp_path: Path) -> None:
    """Old logs often lie in S3 Glacier, which gives none of them; the newer ones are seen."""
    put(tmp_path / "tree", at=AT.replace(day=1))
    put(tmp_path / "tree")
    put_tree(tmp_path / "tree", "logs")
    old = {"Key": f"AWSLogs/{ONE[0]}/vpcflowlogs/{ONE[1]}/2026/11/01/"}
    aws.faults.add("S3.GetObject", "InvalidObjectState", 403, "in Glacier", where=old)
    ran = cli("discover", "--location", "s3://logs/", "--as", "json")
    (found,) = blocks(ran)
    assert (found["first"], found["last"]) == ("2026-11-20", "2026-11-20")
    assert f"note: not looked at: reading s3://logs/{old['Key']}" in ran.err


def test_a_root_that_is_denied(aws: AthenaServer, cli: Cli, tmp_path: Path) -> None:
    """Without it nothing is seen: exit 3."""
    put(tmp_path / "tree")
    put_tree(tmp_path / "tree", "logs")
    aws.faults.add("S3.ListObjectsV2", "AccessDenied", 403, "Access Denied", times=9)
    ran = cli("discover", "--location", "s3://logs/")
    assert ran.code == 3
    assert error(ran)[0] == "listing s3://logs/AWSLogs/: AccessDenied: Access Denied"


def test_strays_of_a_bucket(aws: AthenaServer, cli: Cli, tmp_path: Path) -> None:
    """Counted and named, a key of every folder first; --verbose names each of them."""
    day = put(tmp_path / "tree").parent
    strays = [day.parent / "x.log.gz", day.parent / "Nov/a.log.gz", day.parent / "Nov/b.log.gz",
              day.parents[1] / "13/01/c.log.gz", day.parents[2] / "d.log.gz"]  # fmt: skip
    for path in strays:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    put_tree(tmp_path / "tree", "logs")
    keys = [f"s3://logs/{path.relative_to(tmp_path / 'tree')}" for path in strays]
    ran = cli("discover", "--location", "s3://logs/", "--verbose")
    assert ran.code == 0, ran.err
    (told,) = (line for line in ran.err.splitlines() if "in no layout: 5 files: " in line)
    assert told.endswith(" and 2 more")
    assert len({key.rpartition("/")[0] for key in keys if key in told}) == 3
    assert all(f"note: in no layout: {key}\n" in ran.err for key in keys)


def test_only_strays(cli: Cli, tmp_path: Path) -> None:
    """No flow logs, and the reason: they lie one folder too high."""
    path = put(tmp_path / "tree")
    path.rename(path.parents[1] / path.name)
    ran = cli("discover", "--logs", "tree")
    assert ran.code == 3
    assert error(ran)[1] == f"in no layout: 1 file: {path.parents[1] / path.name}"
