"""What DescribeFlowLogs says of a table, from whatever piece of it was pasted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from athena_flow import described
from athena_flow.described import Told, one_table, told, warnings
from athena_flow.errors import BadFormat, BadSetting, UnknownField
from athena_flow.logformat import LogFormat
from athena_flow.pasted import entries

PARQUET = {"FileFormat": "parquet", "HiveCompatiblePartitions": True, "PerHourPartition": False}
TEXT = {"FileFormat": "plain-text", "HiveCompatiblePartitions": False, "PerHourPartition": True}
NET = {"--location": "s3://logs/net/", "--layout": "hive-daily", "--file-type": "parquet"}
"""What `flow_log()` says, in flags."""


def flow_log(id: str = "fl-0a", **more: Any) -> dict[str, Any]:
    return {
        "CreationTime": "2026-03-01T12:00:00.000Z",
        "DeliverLogsStatus": "SUCCESS",
        "DestinationOptions": PARQUET,
        "FlowLogId": id,
        "LogDestination": "arn:aws:s3:::logs/net/",
        "LogDestinationType": "s3",
        "LogFormat": "${srcaddr} ${end}",
        "Tags": [{"Key": "Name", "Value": "x"}],
    } | more


def read(*flow_logs: dict[str, Any]) -> list[Told]:
    return [told(entry) for entry in entries(json.dumps({"FlowLogs": flow_logs})) or ()]


def table(*flow_logs: dict[str, Any], **said: str) -> tuple[dict[str, str], LogFormat, list[str]]:
    """What flow logs say of their table, with these flags."""
    flags = {f"--{name.replace('_', '-')}": value for name, value in said.items()}
    merged, log_format, notes = one_table(read(*flow_logs), flags)
    return dict(merged.says), log_format, notes


def test_all_is_taken_that_an_entry_says() -> None:
    """Location, layout and file type, and a note that says so as flags."""
    says, log_format, notes = table(flow_log())
    assert says == NET
    assert log_format.header == "srcaddr end"
    assert notes == [
        "taken from fl-0a: --location s3://logs/net/ --layout hive-daily --file-type parquet"
    ]


TEMPLATES = {
    "aws cli, yaml": """
FlowLogs:
- CreationTime: '2026-03-01T12:00:00.000000+00:00'
  DestinationOptions:
    FileFormat: parquet
    HiveCompatiblePartitions: true
    PerHourPartition: false
  FlowLogId: fl-0a
  LogDestination: arn:aws:s3:::logs/net
  LogDestinationType: s3
  LogFormat: ${srcaddr}
    ${end}
  MaxAggregationInterval: 600
  Tags:
  - Key: Name
    Value: x
  TrafficType: ALL
""",
    "lines of json": """
    "DestinationOptions": {
        "FileFormat": "parquet",
        "HiveCompatiblePartitions": true,
        "PerHourPartition": false
    },
    "LogDestination": "arn:aws:s3:::logs/net/",
    "LogFormat": "${srcaddr} ${end}",
    "Tags": [
        { "Key": "FileFormat", "Value": "x" }
    ],
""",
    "cloudformation": """
  NetLog:
    Type: AWS::EC2::FlowLog
    Properties:
      Tags:
        - Key: Name
          Value: x
      LogFormat: >-
        ${srcaddr}
        ${end}
      LogDestinationType: s3
      LogDestination: arn:aws:s3:::logs/net/
      DestinationOptions: {FileFormat: parquet, HiveCompatiblePartitions: true}
      ResourceType: VPC
""",
    "terraform": """
resource "aws_flow_log" "net" {
  log_destination      = "arn:aws:s3:::logs/net/" # the archive
  log_destination_type = "s3"
  log_format           = <<-EOT
    $${srcaddr} $${end}
  EOT
  traffic_type         = "ALL"
  destination_options {
    file_format                = "parquet"
    hive_compatible_partitions = true
  }
}
""",
    "terraform, short": """
  traffic_type = "ALL"
  log_destination = "arn:aws:s3:::logs/net"
  destination_options { file_format = "parquet" }
  hive_compatible_partitions = true
  log_format = join(" ", ["$${srcaddr}", "$${end}"])
""",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("text", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_templates_say_the_same(text: str, end: str) -> None:
    """The API's names in YAML, JSON without its braces, CloudFormation's and Terraform's."""
    found = entries(text.replace("\n", end))
    assert found is not None
    (one,) = found
    merged, log_format, _ = one_table([told(one)], {})
    assert merged.says == NET
    assert log_format.header == "srcaddr end"


def test_each_item_of_a_yaml_list_is_a_flow_log() -> None:
    """What one leaves out is not taken from the next, and tags are no flow logs."""
    text = """
- FlowLogId: fl-0a
  LogFormat: ${end}
  Tags:
  - Key: LogFormat
    Value: x
- DestinationOptions:
    FileFormat: parquet
  FlowLogId: fl-0b
  LogFormat: ${start}
"""
    first, second = (told(entry) for entry in entries(text) or ())
    assert (first.id, first.says) == ("fl-0a", {})
    assert (second.id, second.says) == ("fl-0b", {"--file-type": "parquet"})


LISTS_WITHIN = {
    "tags at the margin": "FileFormat: parquet\nTags:\n- Key: Name\n  Value: x\n"
    "LogFormat: ${end}\n",
    "another list": "- FileFormat: parquet\n  Others:\n    - Name: x\n  LogFormat: ${end}\n",
}


@pytest.mark.parametrize("text", LISTS_WITHIN.values(), ids=LISTS_WITHIN.keys())
def test_a_list_within_a_flow_log_does_not_end_it(text: str) -> None:
    """What stands before it and after it is of one flow log."""
    (one,) = (told(entry) for entry in entries(text) or ())
    assert one.says == {"--file-type": "parquet"}
    assert one.format_text.strip() == "${end}"


@pytest.mark.parametrize("text", ["", "default", "${version}", "version end", "[version, end = 1]"])
def test_a_format_alone_is_no_flow_log(text: str) -> None:
    """It is read as a format, and flags say the rest."""
    assert entries(text) is None


def test_what_is_cut_away_is_not_said() -> None:
    """Only what stands there counts: flags may say the rest, and nothing contradicts them."""
    only_format = {"LogFormat": "${end}"}
    assert table(only_format) == ({}, table(only_format)[1], [])
    assert table(only_format, layout="hourly", file_type="parquet")[0] == {}
    no_options = flow_log(DestinationOptions=None)
    assert table(no_options, layout="hourly")[0] == {"--location": "s3://logs/net/"}
    assert table(flow_log(LogDestination="aws_s3_bucket.logs.arn"))[0].keys() == {
        "--layout",
        "--file-type",
    }


@pytest.mark.parametrize(
    ("said", "theirs"),
    [
        ({"layout": "daily"}, "--layout daily, but fl-0a says --layout hive-daily"),
        ({"file_type": "text"}, "--file-type text, but fl-0a says --file-type parquet"),
        ({"location": "s3://b/"}, "--location s3://b/, but fl-0a says --location s3://logs/net/"),
        (
            {"layout": "daily", "location": "s3://logs/net/", "file_type": "text"},
            "--layout daily --file-type text, but fl-0a says --layout hive-daily"
            " --file-type parquet",
        ),
    ],
)
def test_a_flag_that_says_otherwise_is_refused(said: dict[str, str], theirs: str) -> None:
    """Both values are named: one of them is wrong, and we cannot know which."""
    with pytest.raises(BadSetting) as caught:
        table(flow_log(), **said)
    assert str(caught.value) == theirs


def test_a_flag_that_says_the_same_is_fine() -> None:
    """It is not taken from the answer then."""
    says, _, notes = table(flow_log(), layout="hive-daily", location="s3://logs/net/")
    assert says == NET
    assert notes == ["taken from fl-0a: --file-type parquet"]


def test_flow_logs_of_several_tables_are_named() -> None:
    """With what tells them apart, and the flags that choose."""
    several = (
        flow_log("fl-0a"),
        flow_log("fl-0b", DestinationOptions=TEXT),
        flow_log("fl-0c", DestinationOptions=TEXT),
    )
    with pytest.raises(BadSetting, match="need 2 tables") as caught:
        table(*several)
    assert "fl-0a with --layout hive-daily --file-type parquet" in str(caught.value)
    assert "fl-0b, fl-0c with --layout hourly --file-type text" in str(caught.value)
    assert "choose with --layout or --file-type" in (caught.value.hint or "")
    says, _, notes = table(*several, layout="hourly")
    assert says["--file-type"] == "text"
    assert notes[0] == "left out, of another table: fl-0a"
    with pytest.raises(BadSetting, match="--layout daily, but fl-0a says .* fl-0c says"):
        table(*several, layout="daily")


def test_flow_logs_of_several_buckets() -> None:
    """--location chooses among them."""
    gov = flow_log("fl-0b", LogDestination="arn:aws-us-gov:s3:::gov")
    with pytest.raises(BadSetting, match=r"fl-0a with --location s3://logs/net/; fl-0b with"):
        table(flow_log(), gov)
    assert table(flow_log(), gov, location="s3://gov/")[2][1].startswith("taken from fl-0b: ")


def test_flow_logs_of_one_table_are_one() -> None:
    """Several resources deliver to one place as a rule."""
    says, log_format, notes = table(flow_log(), flow_log("fl-0b", CreationTime="later"))
    assert (says, log_format.header) == (NET, "srcaddr end")
    assert notes[0].startswith("taken from fl-0a, fl-0b: ")


def test_parquet_of_several_formats_is_one_table() -> None:
    """It is read by name, VPC and Transit Gateway logs together; text is not."""
    tgw = {"LogFormat": "${tgw-id} ${end}"}
    vpc = {"LogFormat": "${action} ${end}"}
    _, log_format, notes = table(flow_log(**vpc), flow_log("fl-0b", **tgw))
    assert log_format.header == "action end tgw-id"
    assert log_format.kind == "vpc+tgw"
    assert "2 log formats" in notes[-1]
    options = {"DestinationOptions": TEXT}
    with pytest.raises(BadFormat, match="2 formats, those of fl-0a; fl-0b"):
        table(flow_log(**options, **vpc), flow_log("fl-0b", **options, **tgw))


def test_flow_logs_that_go_elsewhere() -> None:
    """Beside some that go to S3 they are left out; alone, their format is all they say."""
    arn = "arn:aws:logs:us-east-1:111122223333:log-group:x:*"
    cloudwatch = flow_log(
        "fl-0b",
        LogDestinationType="cloud-watch-logs",
        LogDestination=arn,
        LogFormat="${start}",
        DestinationOptions=None,
    )
    _, log_format, notes = table(flow_log(), cloudwatch)
    assert log_format.header == "srcaddr end"
    assert notes[0] == "left out, not delivered to S3: fl-0b (cloud-watch-logs)"
    says, log_format, notes = table(cloudwatch, layout="hourly")
    assert (says, log_format.header) == ({}, "start")
    assert notes == ["fl-0b: delivered to cloud-watch-logs, so only the log format is taken"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"FileFormat": "orc"}, "fl-0a: FileFormat orc is neither plain-text nor parquet"),
        ({"FileFormat": ["x"]}, "FileFormat"),
        ({"PerHourPartition": "var.hourly"}, "PerHourPartition var.hourly is neither true nor"),
        ({"HiveCompatiblePartitions": 1}, "HiveCompatiblePartitions 1 is neither"),
        ("parquet", "DestinationOptions parquet"),
    ],
)
def test_an_option_that_is_none(options: object, message: str) -> None:
    """A template's variable, or a file format that AWS added since: nothing is guessed."""
    with pytest.raises(BadFormat) as caught:
        read(flow_log(DestinationOptions=options))
    assert message in str(caught.value)


def test_an_unknown_field_of_an_answer() -> None:
    """Refused as in any format, and kept when that is asked for."""
    logs = read(flow_log(LogFormat="${end} ${brand-new}"))
    with pytest.raises(UnknownField, match="brand-new"):
        one_table(logs, {})
    assert one_table(logs, {}, allow_unknown=True)[1].columns == ("end", "brand_new")


def test_text_logs_that_share_a_place() -> None:
    """A table there reads all of them by position; Parquet may share."""
    when = {"CreationTime": datetime(2026, 3, 1, tzinfo=UTC)}
    text = when | {"DestinationOptions": TEXT}
    logs = [
        described.flow_log(flow_log("fl-0a", **text)),
        described.flow_log(flow_log("fl-0b", **text)),
        described.flow_log(flow_log("fl-0c", **text, LogFormat="${start}")),
        described.flow_log(flow_log("fl-0d", **when, LogFormat="${start}")),
    ]
    (said,) = warnings(logs)
    assert said.startswith("text logs of 2 formats go to s3://logs/net/,")
    assert "fl-0a, fl-0b; fl-0c" in said
    assert warnings(logs[:2]) == []
    assert warnings(logs[2:]) == []
