"""Tables of somebody else: their columns under our names, their partitions by where they lie."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from athena_server import AthenaServer
from conftest import NOW, Ran

from athena_flow.adopt import adopt
from athena_flow.demo import write_demo
from athena_flow.errors import ForeignTable
from athena_flow.logformat import DEFAULT
from athena_flow.ports import Part
from athena_flow.window import Window

OLD = (
    *(("version", "int"), ("account", "string"), ("interfaceid", "string")),
    *(("sourceaddress", "string"), ("destinationaddress", "string"), ("sourceport", "int")),
    *(("destinationport", "int"), ("protocol", "int"), ("numpackets", "int")),
    *(("numbytes", "bigint"), ("starttime", "int"), ("endtime", "int"), ("action", "string")),
    ("logstatus", "string"),
)
"""The columns that AWS's guide named until 2022."""
DAY = "s3://logs/AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/{}/"
WINDOW = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))


def _table(**changes: Any) -> dict[str, Any]:
    columns = [{"Name": name, "Type": kind} for name, kind in changes.pop("columns", OLD)]
    storage = {"Columns": columns, "Location": "s3://logs/AWSLogs", "InputFormat": "text"}
    keys = [{"Name": "dt", "Type": "string"}]
    return {"Name": "flows", "StorageDescriptor": storage, "PartitionKeys": keys, **changes}


def _parts(*days: str) -> list[Part]:
    return [Part((f"2026-11-{day}",), DAY.format(day)) for day in days]


def test_columns_get_our_names_and_types() -> None:
    """An old name becomes the field's column; a type that differs is cast, and cannot fail."""
    kinds = [(name, "string" if name == "numbytes" else kind) for name, kind in OLD]
    adopted = adopt("theirs", _table(columns=kinds), _parts("20"), WINDOW)
    assert adopted.spec.format.columns == DEFAULT.columns
    assert '"sourceaddress" AS "srcaddr"' in str(adopted.spec.sql)
    assert 'TRY_CAST("numbytes" AS bigint) AS "bytes"' in str(adopted.spec.sql)
    assert any("numbytes as bytes" in note for note in adopted.notes)


def test_partitions_are_chosen_by_where_they_lie() -> None:
    """The window keeps the day's partition, and one whose location says nothing."""
    odd = Part(("old",), "s3://logs/archive/")
    adopted = adopt("theirs", _table(), [*_parts("18", "20", "21"), odd], WINDOW)
    assert adopted.locations == (DAY.format("20"), "s3://logs/archive/")
    assert "\"dt\" IN ('2026-11-20', 'old')" in str(adopted.spec.sql)


def test_a_date_key_is_compared_with_dates() -> None:
    """Athena compares no date with a text."""
    keys = [{"Name": "date", "Type": "date"}]
    adopted = adopt("theirs", _table(PartitionKeys=keys), _parts("20"), WINDOW)
    assert "\"date\" IN (DATE '2026-11-20')" in str(adopted.spec.sql)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"columns": [("client_ip", "string")]}, "no column that is a flow-log field"),
        ({"Parameters": {"projection.enabled": "true"}}, "projects its partitions"),
    ],
)
def test_what_cannot_be_read_is_refused(change: dict[str, Any], said: str) -> None:
    """A table that is no flow log, or whose partitions we cannot know, is refused clearly."""
    with pytest.raises(ForeignTable, match=said):
        adopt("theirs", _table(**change), _parts("20"), WINDOW)


def test_a_guide_table_answers_like_our_own(
    aws: AthenaServer, cli: Callable[..., Ran], tmp_path: Path
) -> None:
    """The same logs under AWS's old table and under ours give the same rows and estimate."""
    write_demo(tmp_path, NOW, fmt=DEFAULT, days=3)
    s3, glue = boto3.client("s3"), boto3.client("glue")
    for bucket in ("logs", "results"):
        s3.create_bucket(Bucket=bucket)
    for file in sorted((tmp_path / "AWSLogs").rglob("*.gz")):
        s3.upload_file(str(file), "logs", file.relative_to(tmp_path).as_posix())
    assert cli("init-table", "--location", "s3://logs/").code == 0
    only = ("--account", "111122223333", "--region", "us-east-1")
    assert cli("add-partitions", "--since", "3d", *only).code == 0
    ours = glue.get_table(DatabaseName="flow_logs", Name="vpc_flow_logs")["Table"]
    storage = ours["StorageDescriptor"] | {"Columns": _table()["StorageDescriptor"]["Columns"]}
    glue.create_table(
        DatabaseName="flow_logs",
        TableInput={
            "Name": "guide",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "skip.header.line.count": "1"},
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": storage,
        },
    )
    for part in _parts("19", "20", "21"):
        here = {"Values": list(part.values), "StorageDescriptor": dict(storage)}
        here["StorageDescriptor"]["Location"] = part.location
        glue.create_partition(DatabaseName="flow_logs", TableName="guide", PartitionInput=here)
    words = ("--since", "1d", "--output-location", "s3://results/", "--as", "csv")
    for query in ("reject-report", "daily-trend", "log-status-summary"):
        mine = cli("run", query, *words, *only)
        theirs = cli("run", query, *words, "--table", "guide")
        assert mine.code == theirs.code == 0, theirs.err
        assert mine.out == theirs.out
        assert mine.out.count("\n") > 2
        assert "sourceaddress as srcaddr" in theirs.err
        estimates = {line for ran in (mine, theirs) for line in ran.err.splitlines()}
        assert len([line for line in estimates if line.startswith("estimate: ")]) == 1
    refused = cli("run", "traffic-from-source", "--table", "nothing", "-p", "ip=10.0.0.1")
    assert refused.code == 3
