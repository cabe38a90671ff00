"""A format as people have it, all the way to a table: through the command, into Glue and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from athena_server import AthenaServer
from conftest import Ran
from hypothesis import given, settings
from hypothesis import strategies as st
from test_logformat import SHORT, SPELLINGS, mixed_formats
from test_table import PROJECTED, SPEC, layouts, specs

from athena_flow.engines.duckdb import write_parquet
from athena_flow.errors import BadFormat, ForeignTable
from athena_flow.gluetable import spec_from_table, table_input
from athena_flow.logformat import LogFormat, check_one_kind, parse_format
from athena_flow.table import TableSpec, properties, spec_from_properties

Cli = Callable[..., Ran]

FORMAT = " ".join(f"${{{name}}}" for name in SHORT)
DRY = ("init-table", "--dry-run", "--as", "json")


def entry(**more: Any) -> dict[str, Any]:
    return {
        "CreationTime": "2026-03-01T12:00:00.000Z",
        "DestinationOptions": {
            "FileFormat": "parquet",
            "HiveCompatiblePartitions": True,
            "PerHourPartition": True,
        },
        "FlowLogId": "fl-0a",
        "LogDestination": "arn:aws:s3:::net-logs/a/",
        "LogDestinationType": "s3",
        "LogFormat": FORMAT,
        "ResourceId": "vpc-1",
    } | more


def answer(*entries: dict[str, Any]) -> str:
    return json.dumps({"FlowLogs": entries}, indent=4)


HARD = (
    *("terraform heredoc", "terraform join", "yaml list", "yaml key of a list", "block comments"),
    *("shell continuations", "curly double quotes", "escaped braces", "upper case"),
    *("windows heredoc", "byte order mark", "metric filter"),
)
"""Spellings that a shell, an argument parser or a line end could spoil on the way."""


@pytest.mark.parametrize("spelling", HARD)
def test_a_spelling_reaches_the_table(cli: Cli, spelling: str) -> None:
    """The flag takes it as it is, the columns are right, and stderr says how it was read."""
    ran = cli(*DRY, "--location", "s3://net-logs/", "--log-format", SPELLINGS[spelling])
    assert ran.code == 0, ran.err
    columns = [column["name"] for column in json.loads(ran.out)["columns"]]
    assert columns == [name.replace("-", "_") for name in SHORT]
    assert ran.err == f"log format read as: {' '.join(SHORT)}\n"


def test_the_settings_file_takes_every_spelling(cli: Cli, tmp_path: Path) -> None:
    """A text of several lines, as it stands in a template."""
    text = SPELLINGS["terraform indented heredoc"]
    (tmp_path / "athena-flow.toml").write_text(f"log_format = '''{text}'''\n", "utf-8")
    ran = cli(*DRY, "--location", "s3://net-logs/")
    assert ran.code == 0, ran.err
    assert len(json.loads(ran.out)["columns"]) == len(SHORT)


# ---------------------------------------------------------------- an answer of DescribeFlowLogs


def test_an_answer_needs_no_other_flag(aws: AthenaServer, cli: Cli) -> None:
    """`init-table` makes the table where the flow log delivers, of its file type and layout."""
    boto3.client("s3").create_bucket(Bucket="net-logs")
    ran = cli("init-table", "--log-format", answer(entry()))
    assert ran.code == 0, ran.err
    assert ran.out == ""
    assert ran.err.splitlines()[:2] == [
        "note: taken from fl-0a: --location s3://net-logs/a/ --layout hive-hourly"
        " --file-type parquet",
        f"log format read as: {' '.join(SHORT)}",
    ]
    made = boto3.client("glue").get_table(DatabaseName="flow_logs", Name="vpc_flow_logs")["Table"]
    spec = spec_from_table("flow_logs", made)
    assert (spec.location, spec.layout.name) == ("s3://net-logs/a/", "hive-hourly")
    assert spec.file_type == "parquet"
    assert [f.name for f in spec.format.fields] == SHORT


@pytest.mark.parametrize("text", [json.dumps(entry()), json.dumps([entry()])])
def test_a_piece_of_an_answer_says_as_much(cli: Cli, text: str) -> None:
    """One entry, or a list of them."""
    ran = cli(*DRY, "--log-format", text)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["location"] == "s3://net-logs/a/AWSLogs/"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--layout", "daily"),
            "--layout daily, but fl-0a says --layout hive-hourly",
        ),
        (
            ("--location", "s3://elsewhere"),
            "--location s3://elsewhere/, but fl-0a says --location s3://net-logs/a/",
        ),
        (
            ("--file-type", "text"),
            "--file-type text, but fl-0a says --file-type parquet",
        ),
    ],
)
def test_a_flag_against_the_answer_is_refused(
    aws: AthenaServer, cli: Cli, flags: tuple[str, ...], message: str
) -> None:
    """Both values are named, and nothing is sent."""
    ran = cli("init-table", "--log-format", answer(entry()), *flags, "--as", "json")
    assert (ran.code, ran.out) == (2, "")
    error = json.loads(ran.err)["error"]
    assert (error["kind"], error["message"]) == ("BadSetting", message)
    assert aws.log == []


def test_flags_that_agree_or_say_more(cli: Cli) -> None:
    """A real key says the layout in its own spelling."""
    key = (
        "AWSLogs/o-abcdefghij/aws-account-id=123456789012/service=vpcflowlogs/"
        "aws-region=eu-west-1/year=2026/month=11/day=20/hour=10/x.log.parquet"
    )
    flags = ("--location", "s3://net-logs/a", "--layout", key)
    ran = cli(*DRY, "--log-format", answer(entry()), *flags)
    assert ran.code == 0, ran.err
    assert "o-abcdefghij/aws-account-id={account}/service=" in json.loads(ran.out)["ddl"]
    assert "note: taken from fl-0a: --file-type parquet\n" in ran.err
    text = cli(*DRY, "--log-format", answer(entry()), "--layout", key.replace(".parquet", ".gz"))
    assert text.code == 2
    assert "--layout is the key of a text file" in text.err


def test_a_copy_of_the_logs_on_this_machine(cli: Cli, tmp_path: Path) -> None:
    """With the embedded engine the logs lie elsewhere than the answer says; the rest holds."""
    flags = ("--engine", "duckdb", "--location", str(tmp_path))
    ran = cli(*DRY, "--log-format", answer(entry()), *flags)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["location"] == f"{tmp_path.as_posix()}/AWSLogs/"
    assert "taken from fl-0a: --layout hive-hourly --file-type parquet" in ran.err


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (answer(), "BadFormat", "the answer holds no flow log"),
        (
            answer(entry(), entry(FlowLogId="fl-0b", LogDestination="arn:aws:s3:::other")),
            "BadSetting",
            "fl-0a with --location s3://net-logs/a/; fl-0b with --location s3://other/",
        ),
        (
            answer(entry(), entry(FlowLogId="fl-0b", DestinationOptions={"FileFormat": "parquet"})),
            "BadSetting",
            "fl-0a with --layout hive-hourly; fl-0b with --layout daily",
        ),
        (
            answer(entry(DestinationOptions={}), entry(LogFormat="${end}", DestinationOptions={})),
            "BadFormat",
            "2 formats, those of fl-0a; fl-0a",
        ),
        (answer(entry(LogFormat="${end} ${end}")), "UnknownField", "repeated: end"),
        (answer(entry(LogFormat="")), "BadFormat", "empty"),
    ],
)
def test_an_answer_that_is_not_one_table(cli: Cli, text: str, kind: str, message: str) -> None:
    """One line, with the flow logs that do not go together."""
    ran = cli(*DRY, "--log-format", text)
    assert (ran.code, ran.out) == (2, "")
    error = json.loads(ran.err)["error"]
    assert error["kind"] == kind
    assert message in error["message"]


# ---------------------------------------------------------------- VPC and Transit Gateway together


mixed_specs = st.builds(
    lambda spec, log_format: replace(spec, format=log_format, file_type="parquet", header_lines=1),
    specs,
    mixed_formats,
)


@settings(deadline=None, max_examples=150)
@given(mixed_specs)
def test_a_superset_table_remembers_itself(spec: TableSpec) -> None:
    """Parquet over both kinds of log: its properties and its Glue table are the spec again."""
    assert spec.format.kind == "vpc+tgw"
    assert spec_from_properties(spec.database, spec.name, properties(spec)) == spec
    assert spec_from_table(spec.database, table_input(spec)) == spec


@settings(deadline=None, max_examples=50)
@given(mixed_formats, layouts)
def test_no_text_table_has_fields_of_both_kinds(log_format: LogFormat, layout: Any) -> None:
    """It is read by position; a table that says so of itself is not ours."""
    with pytest.raises(BadFormat, match="not both"):
        replace(SPEC, format=log_format, layout=layout)
    kept = {**properties(SPEC), "athena_flow.log_format": log_format.header}
    with pytest.raises(ForeignTable):
        spec_from_properties("db", "t", kept)
    projected = replace(PROJECTED, format=log_format, layout=layout, file_type="parquet")
    assert projected.format == log_format


def test_the_command_refuses_a_text_table_over_both(cli: Cli) -> None:
    """The message names the fields of each kind, the hint the file type that may."""
    both = ("--location", "s3://net-logs/", "--log-format", "action end tgw-id")
    refused = cli(*DRY, *both)
    assert (refused.code, refused.out) == (2, "")
    error = json.loads(refused.err)["error"]
    assert error["message"].endswith("not both: action against tgw-id")
    assert "--file-type parquet" in error["hint"]
    parquet = cli(*DRY, *both, "--file-type", "parquet")
    assert parquet.code == 0, parquet.err
    columns = [(c["name"], c["type"]) for c in json.loads(parquet.out)["columns"]]
    assert columns == [("action", "string"), ("end", "bigint"), ("tgw_id", "string")]


VPC_LOG = "srcaddr dstaddr srcport dstport packets bytes start end action log-status"
TGW_LOG = "tgw-id srcaddr dstaddr bytes packets start end log-status packets-lost-no-route"
END = 1795219560
"""2026-11-21 00:06 UTC."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A day's folder with a Parquet file of a VPC's flow log and one of a Transit Gateway's."""
    values = {
        "srcaddr": "10.0.0.1", "dstaddr": "10.0.0.2", "srcport": 40000, "dstport": 22,
        "packets": 2, "bytes": 100, "start": END - 60, "end": END, "action": "REJECT",
        "log-status": "OK", "tgw-id": "tgw-1", "packets-lost-no-route": 1,
    }  # fmt: skip
    day = tmp_path / "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/21"
    day.mkdir(parents=True)
    for flow_log, header, rows in (("fl-0a", VPC_LOG, 2), ("fl-0b", TGW_LOG, 3)):
        log_format = parse_format(header)
        check_one_kind(log_format)
        columns = [
            (f.column, {"INT_32": "integer", "INT_64": "bigint"}.get(f.parquet_type, "varchar"))
            for f in log_format.fields
        ]
        row = [values[f.name] for f in log_format.fields]
        name = f"111122223333_vpcflowlogs_us-east-1_{flow_log}_20261121T0005Z_0a0b.log.parquet"
        write_parquet(columns, [row] * rows, day / name)
    return tmp_path


def test_one_table_over_parquet_of_both_kinds(tree: Path, cli: Cli) -> None:
    """Found, made, filled and asked: each record once, NULL in the fields of the other kind."""
    seen = cli("discover", "--engine", "duckdb", "--location", str(tree), "--write")
    assert seen.code == 0, seen.err
    assert "12 fields, VPC and Transit Gateway: " in seen.out
    for words in (("init-table",), ("add-partitions", "--since", "2d"), ("check",)):
        ran = cli(*words)
        assert ran.code == 0, (words, ran.out, ran.err)
    rejects = cli("run", "reject-report", "--since", "2d", "--as", "json")
    assert rejects.code == 0, rejects.err
    assert json.loads(rejects.out)["rows"] == [["10.0.0.1", 2, 4, 200, 1]]
    statuses = cli("run", "log-status-summary", "--since", "2d", "--as", "json")
    assert json.loads(statuses.out)["rows"] == [["OK", 5]]
    again = cli("init-table")
    assert again.code == 0
    assert "exists already" in again.err


def test_discover_says_the_kind(tree: Path, cli: Cli) -> None:
    """For scripts too: one block of both kinds."""
    ran = cli("discover", "--engine", "duckdb", "--location", str(tree), "--as", "json")
    (block,) = json.loads(ran.out)
    assert (block["kind"], block["file_type"]) == ("vpc+tgw", "parquet")
    assert block["flow_logs"] == ["fl-0a", "fl-0b"]


def test_a_headerless_text_log_is_of_one_kind(tmp_path: Path, cli: Cli) -> None:
    """--logs reads Parquet of both kinds by itself; --log-format there speaks of text alone."""
    (tmp_path / "flow.log").write_text("REJECT 1 tgw-1\n", "utf-8")
    words = ("run", "log-status-summary", "--logs", ".", "--log-format", "action end tgw-id")
    ran = cli(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "not both" in ran.err
