"""The test bench itself: what it answers is checked against answers worked out by hand."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import os
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import duckdb
import pyathena
import pytest
from athena_server import AthenaServer, serve
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-1"
FIELDS = "version account-id interface-id srcaddr dstaddr bytes packets start end action"
COLUMNS = """`version` int, `account_id` string, `interface_id` string, `srcaddr` string,
  `dstaddr` string COMMENT 'where it\\'s going', `bytes` bigint, `packets` bigint,
  `start` bigint, `end` bigint, `action` string"""
TABLE = f"""CREATE EXTERNAL TABLE IF NOT EXISTS `flow`.`logs` (
  {COLUMNS}
)
COMMENT 'VPC flow logs'
PARTITIONED BY (`aws_region` string, `day` string)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ' '
STORED AS TEXTFILE
LOCATION 's3://logs/AWSLogs/'
TBLPROPERTIES ('skip.header.line.count'='1', 'made.by'='a "test" \\\\ \\u0041')"""
DAY_1 = [
    "2 111 eni-1 10.0.0.1 10.0.0.2 700 3 1795000000 1795000060 ACCEPT",
    "2 111 eni-1 10.0.0.9 10.0.0.2 - - 1795000000 1795000060 NODATA extra field",
    "2 111 eni-1 \\N 10.0.0.2 1.9 99999999999 x",
    "",
]
DAY_2 = ['2 111 eni-2 10.0.0."5" 10.0.0.7 100 7 1795086400 1795086460 REJECT']


def day_file(rows: list[str]) -> bytes:
    """Two gzip members, as S3 may hold; the header is in the first."""
    return gzip.compress(f"{FIELDS}\n".encode()) + gzip.compress(
        "".join(f"{row}\n" for row in rows).encode()
    )


@pytest.fixture(scope="module")
def bench() -> Iterator[AthenaServer]:
    with serve() as server:
        yield server


@pytest.fixture
def aws(bench: AthenaServer, monkeypatch: pytest.MonkeyPatch) -> AthenaServer:
    monkeypatch.setenv("AWS_ENDPOINT_URL", bench.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    bench.reset()
    for bucket in ("logs", "results"):
        client("s3").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    return bench


@cache
def client_at(endpoint: str, service: str) -> Any:
    """Kept, because making one costs more than what most tests do with it."""
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client(service, region_name=REGION, endpoint_url=endpoint, config=config)


def client(service: str) -> Any:
    return client_at(os.environ["AWS_ENDPOINT_URL"], service)


def start(text: str, **more: Any) -> str:
    given: dict[str, Any] = {"ResultConfiguration": {"OutputLocation": "s3://results/out"}, **more}
    return client("athena").start_query_execution(QueryString=text, **given)["QueryExecutionId"]


def ended(text: str, **more: Any) -> dict[str, Any]:
    number = start(text, **more)
    return client("athena").get_query_execution(QueryExecutionId=number)["QueryExecution"]


def ok(text: str, **more: Any) -> dict[str, Any]:
    done = ended(text, **more)
    assert done["Status"]["State"] == "SUCCEEDED", done["Status"].get("StateChangeReason")
    return done


def failure(text: str, **more: Any) -> str:
    done = ended(text, **more)
    assert done["Status"]["State"] == "FAILED"
    return done["Status"]["StateChangeReason"]


def rows(text: str, **more: Any) -> list[tuple[str | None, ...]]:
    """The answer's rows as text, without the header."""
    number = ok(text, **more)["QueryExecutionId"]
    answer = client("athena").get_query_results(QueryExecutionId=number)["ResultSet"]["Rows"]
    return [tuple(d.get("VarCharValue") for d in row["Data"]) for row in answer][1:]


def put(key: str, body: bytes) -> int:
    client("s3").put_object(Bucket="logs", Key=key, Body=body)
    return len(body)


@pytest.fixture
def sizes(aws: AthenaServer) -> dict[str, int]:
    """The table `flow.logs` with two days, one partition by DDL, the other by Glue."""
    made = {
        "day1": put("AWSLogs/2026/11/20/a.log.gz", day_file(DAY_1)),
        "day2": put("AWSLogs/2026/11/21/a.log.gz", day_file(DAY_2)),
    }
    put("AWSLogs/2026/11/21/_hidden.log.gz", b"not gzip")
    put("AWSLogs/2026/11/21/", b"")
    ok("CREATE DATABASE IF NOT EXISTS `flow` COMMENT 'x'")
    ok(TABLE)
    ok(
        "ALTER TABLE `flow`.`logs` ADD IF NOT EXISTS\n"
        " PARTITION (`aws_region`='eu-west-1', `day`='2026/11/20')"
        " LOCATION 's3://logs/AWSLogs/2026/11/20/'"
    )
    glue = client("glue")
    table = glue.get_table(DatabaseName="flow", Name="logs")["Table"]
    storage = {**table["StorageDescriptor"], "Location": "s3://logs/AWSLogs/2026/11/21/"}
    partition = {"Values": ["eu-west-1", "2026/11/21"], "StorageDescriptor": storage}
    answer = glue.batch_create_partition(
        DatabaseName="flow", TableName="logs", PartitionInputList=[partition]
    )
    assert not answer.get("Errors")
    return made


# ---------------------------------------------------------------- DDL


def test_created_table_is_what_athena_writes(sizes: dict[str, int]) -> None:
    table = client("glue").get_table(DatabaseName="flow", Name="logs")["Table"]
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["Parameters"]["EXTERNAL"] == "TRUE"
    assert table["Parameters"]["made.by"] == 'a "test" \\ A'
    assert int(table["Parameters"]["transient_lastDdlTime"]) == pytest.approx(time.time(), abs=60)
    assert [k["Name"] for k in table["PartitionKeys"]] == ["aws_region", "day"]
    storage = table["StorageDescriptor"]
    assert storage["Columns"][4] == {
        "Name": "dstaddr",
        "Type": "string",
        "Comment": "where it's going",
    }
    assert storage["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"serialization.format": " ", "field.delim": " "},
    }


def test_show_partitions(sizes: dict[str, int]) -> None:
    done = ok("SHOW PARTITIONS `flow`.`logs`")
    assert done["StatementType"] == "UTILITY"
    answer = client("athena").get_query_results(QueryExecutionId=done["QueryExecutionId"])
    assert [r["Data"][0]["VarCharValue"] for r in answer["ResultSet"]["Rows"]] == [
        "aws_region=eu-west-1/day=2026%2F11%2F20",
        "aws_region=eu-west-1/day=2026%2F11%2F21",
    ]
    location = done["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://results/out/{done['QueryExecutionId']}.txt"


def test_drop(sizes: dict[str, int]) -> None:
    ok("ALTER TABLE `flow`.`logs` DROP IF EXISTS PARTITION (`day` < '2026/11/21')")
    assert rows('SELECT DISTINCT "day" FROM flow.logs') == [("2026/11/21",)]
    assert "not found" in failure("ALTER TABLE `flow`.`logs` DROP PARTITION (`day`='x')")
    ok("DROP TABLE IF EXISTS `flow`.`logs`")
    ok("DROP TABLE IF EXISTS `flow`.`logs`")
    assert "Table not found flow.logs" in failure("DROP TABLE `flow`.`logs`")


SMALL = "CREATE EXTERNAL TABLE `flow`.`t` ({}) {} LOCATION 's3://logs/x/'{}"
PARTITION = "PARTITION (`aws_region`='a', `day`='{}') LOCATION 's3://logs/{}/'"
BAD_DDL = {
    "bare reserved word": (SMALL.format("end bigint", "", ""), "mismatched input 'end'"),
    "bare key": (SMALL.format("a int", "PARTITIONED BY (date string)", ""), "input 'date'"),
    "trailing comma": (SMALL.format("`a` int,", "", ""), "mismatched input ')'"),
    "integer": (SMALL.format("`a` integer", "", ""), "a data type"),
    "clause order": (SMALL.format("`a` int", "TBLPROPERTIES ('a'='b')", ""), "'LOCATION'"),
    "double quotes": (SMALL.format('"a" int', "", ""), "ParseException"),
    "key is a column": (SMALL.format("a int", "PARTITIONED BY (a string)", ""), "repeated"),
    "column twice": (SMALL.format("a int, A int", "", ""), "Duplicate column name: a"),
    "exists": (TABLE.replace("IF NOT EXISTS ", ""), "already exists"),
    "no database": (SMALL.replace("flow", "nope").format("a int", "", ""), "does not exist: nope"),
    "no location": ("CREATE EXTERNAL TABLE `flow`.`t` (a int)", "LOCATION"),
    "arn": (SMALL.replace("s3://", "arn:aws:s3:::").format("a int", "", ""), "LOCATION"),
    "managed table": ("CREATE TABLE `flow`.`t` (a int)", "ParseException"),
    "msck": ("MSCK REPAIR TABLE `flow`.`logs`", "ParseException"),
    "comma": (
        "ALTER TABLE `flow`.`logs` ADD " + ", ".join(PARTITION.format(d, d) for d in "12"),
        "mismatched input ','",
    ),
    "half a key": ("ALTER TABLE `flow`.`logs` ADD PARTITION (`day`='1')", "fully match"),
    "partition exists": (
        "ALTER TABLE `flow`.`logs` ADD PARTITION (`aws_region`='eu-west-1', `day`='2026/11/20')",
        "Partition already exists",
    ),
    "dotted name": ("DROP TABLE `flow.logs`", "Database does not exist: default"),
}


@pytest.mark.parametrize("name", list(BAD_DDL))
def test_bad_ddl_is_refused(sizes: dict[str, int], name: str) -> None:
    text, reason = BAD_DDL[name]
    found = failure(text)
    assert found.startswith("FAILED: ")
    assert reason in found


def test_many_partitions_in_one_statement(sizes: dict[str, int]) -> None:
    parts = " ".join(PARTITION.format(n, n) for n in range(1200))
    ok(f"ALTER TABLE `flow`.`logs` ADD IF NOT EXISTS {parts}")
    pages = (
        client("glue")
        .get_paginator("get_partitions")
        .paginate(DatabaseName="flow", TableName="logs", ExcludeColumnSchema=True)
    )
    assert [len(p["Partitions"]) for p in pages] == [1000, 202]


# ---------------------------------------------------------------- SELECT


def test_text_is_read_as_hive_reads_it(sizes: dict[str, int]) -> None:
    assert rows(
        'SELECT srcaddr, bytes, packets, "start", action, version, aws_region, "day" '
        'FROM flow.logs ORDER BY "day", bytes DESC'
    ) == [
        ("10.0.0.1", "700", "3", "1795000000", "ACCEPT", "2", "eu-west-1", "2026/11/20"),
        (None, "1", "99999999999", None, None, "2", "eu-west-1", "2026/11/20"),
        ("10.0.0.9", None, None, "1795000000", "NODATA", "2", "eu-west-1", "2026/11/20"),
        (None, None, None, None, None, None, "eu-west-1", "2026/11/20"),
        ('10.0.0."5"', "100", "7", "1795086400", "REJECT", "2", "eu-west-1", "2026/11/21"),
    ]


def test_text_of_other_types(sizes: dict[str, int]) -> None:
    put(
        "types/a.log",
        b"2026-11-20\t2026-11-20 10:00:00.5\t1.5\tTRUE\t1.25\r\n2026-02-30\tx\tnan\tyes\t-\r\n",
    )
    ok(
        "CREATE EXTERNAL TABLE `flow`.`types` (`a` date, `b` timestamp, `c` double, `d` boolean, "
        "`e` decimal(9,2)) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' "
        "LOCATION 's3://logs/types'"
    )
    assert rows("SELECT * FROM flow.types") == [
        ("2026-11-20", "2026-11-20 10:00:00.500", "1.5", "true", "1.25"),
        (None, None, None, None, None),
    ]


SCANS = {
    "SELECT * FROM flow.logs": ("day1", "day2"),
    "SELECT * FROM flow.logs WHERE bytes > 3": ("day1", "day2"),
    "SELECT * FROM flow.logs WHERE \"day\" = '2026/11/21' AND bytes > 3": ("day2",),
    "SELECT * FROM flow.logs WHERE \"day\" = '2026/11/21' OR bytes > 3": ("day1", "day2"),
    "SELECT * FROM flow.logs WHERE substr(\"day\", 9) < '21'": ("day1",),
    "SELECT * FROM flow.logs WHERE \"day\" > '2027'": (),
    "WITH q AS (SELECT * FROM flow.logs) SELECT * FROM q WHERE \"day\" < '2026/11/21'": ("day1",),
    "WITH q AS (SELECT * FROM flow.logs WHERE \"day\" < '2026/11/21') "
    "SELECT * FROM q a JOIN q b ON a.srcaddr = b.srcaddr": ("day1", "day1"),
    "SELECT a.bytes FROM flow.logs a LEFT JOIN flow.logs b ON a.srcaddr = b.srcaddr "
    "WHERE a.\"day\" = '2026/11/21'": ("day2", "day1", "day2"),
    'SELECT * FROM flow."logs$partitions"': (),
    "EXPLAIN SELECT * FROM flow.logs": (),
    "EXPLAIN (TYPE IO, FORMAT JSON) SELECT * FROM flow.logs": (),
    "EXPLAIN ANALYZE SELECT * FROM flow.logs WHERE \"day\" = '2026/11/21'": ("day2",),
    "CREATE TABLE flow.made AS SELECT * FROM flow.logs WHERE \"day\" = '2026/11/21'": ("day2",),
    "INSERT INTO flow.made SELECT * FROM flow.logs WHERE \"day\" = '2026/11/21'": ("day2",),
    "UNLOAD (SELECT * FROM flow.logs WHERE \"day\" = '2026/11/21') TO 's3://b/'": ("day2",),
}


@pytest.mark.parametrize("text", list(SCANS))
def test_scanned_bytes_follow_the_partitions(sizes: dict[str, int], text: str) -> None:
    statistics = ok(text)["Statistics"]
    assert statistics["DataScannedInBytes"] == sum(sizes[part] for part in SCANS[text])
    assert statistics["EngineExecutionTimeInMillis"] > 0


def test_other_partitions_are_not_opened(sizes: dict[str, int]) -> None:
    put("AWSLogs/2026/11/20/b.log.gz", day_file(DAY_1)[:-9])
    assert rows("SELECT count(*) FROM flow.logs WHERE \"day\" = '2026/11/21'") == [("1",)]
    assert failure("SELECT * FROM flow.logs").startswith("HIVE_CURSOR_ERROR: ")


SEMANTICS = {
    "SELECT 7 / 2": "3",
    "SELECT -7 / 2": "-3",
    "SELECT sum(bytes) / sum(packets) FROM flow.logs WHERE \"day\" = '2026/11/21'": "14",
    "SELECT 7 / 4.0": "1.8",
    "SELECT sum(bytes) / 1024.0 / 1024.0 FROM flow.logs": "0.0",
    "SELECT try(1 / 0)": None,
    "WITH p(n, name) AS (VALUES (6, 'tcp'), (17, 'udp')) SELECT name FROM p WHERE n = 17": "udp",
    "SELECT cast(7 AS double) / 2": "3.5",
    "SELECT cast(2.5E0 AS bigint)": "3",
    "SELECT 1.0E10": "1.0E10",
    "SELECT 1e-5": "1.0E-5",
    "SELECT TRUE": "true",
    "SELECT date_diff('hour', TIMESTAMP '2026-01-01 00:59:00', TIMESTAMP '2026-01-01 01:01:00')": (
        "0"
    ),
    "SELECT date_add('day', -1, DATE '2026-03-01')": "2026-02-28",
    "SELECT from_unixtime(1795082400)": "2026-11-19 10:00:00.000 UTC",
    "SELECT date_trunc('hour', from_unixtime(1795082400.5))": "2026-11-19 10:00:00.000 UTC",
    "SELECT TIMESTAMP '2026-11-20 10:00:00'": "2026-11-20 10:00:00.000",
    "SELECT date_format(from_unixtime(0), '%Y-%m-%d %H:%i')": "1970-01-01 00:00",
    "SELECT regexp_extract('abc', 'x')": None,
    "SELECT split_part('a/b', '/', 3)": None,
    "SELECT nullif('-', '-')": None,
    "SELECT approx_distinct(action) FROM flow.logs": "3",
    "SELECT 'it''s \"q\", you'": 'it\'s "q", you',
    "SELECT array_agg(packets ORDER BY packets) FILTER (WHERE packets < 9) FROM flow.logs": (
        "[3, 7]"
    ),
    "SELECT count(*) FROM (SELECT 1 AS a UNION SELECT 2) OFFSET 0 LIMIT 1": "2",
}


@pytest.mark.parametrize("text", list(SEMANTICS))
def test_trino_semantics(sizes: dict[str, int], text: str) -> None:
    assert rows(text) == [(SEMANTICS[text],)]


BAD_SELECTS = {
    "SELECT * FROM flow.nope": (
        "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.flow.nope' does not exist"
    ),
    "SELECT * FROM nope.t": "SCHEMA_NOT_FOUND: line 1:15: Schema 'nope' does not exist",
    "SELECT * FROM logs": "MISSING_SCHEMA_NAME: line 1:15",
    "SELECT bytes,\n  nope FROM flow.logs": "COLUMN_NOT_FOUND: line 2:3: Column 'nope'",
    "SELECT action AS a, count(*) FROM flow.logs GROUP BY a": "COLUMN_NOT_FOUND: line 1:54",
    "SELECT end FROM flow.logs": "SYNTAX_ERROR: line 1:8: mismatched input 'end'",
    "SELECT `end` FROM flow.logs": "SYNTAX_ERROR: ",
    "SELEC 1": "SYNTAX_ERROR: ",
    "SELECT 1 LIMIT 5 OFFSET 2": "SYNTAX_ERROR: line 1:",
    "SELECT * FROM flow.logs WHERE bytes = '3'": "TYPE_MISMATCH: line 1:31: Cannot apply operator",
    "SELECT * FROM flow.logs WHERE srcaddr IN (1, 2)": "TYPE_MISMATCH: line 1:31",
    'SELECT * FROM flow.logs WHERE current_date = "day"': "TYPE_MISMATCH: ",
    "SELECT nofunction(bytes) FROM flow.logs": "FUNCTION_NOT_FOUND: ",
    "SELECT srcaddr, count(*) FROM flow.logs": "EXPRESSION_NOT_AGGREGATE: ",
    "SELECT cast(srcaddr AS bigint) FROM flow.logs": "INVALID_CAST_ARGUMENT: ",
    "SELECT 1 / 0": "DIVISION_BY_ZERO: ",
    "DELETE FROM flow.logs": "NOT_SUPPORTED: ",
}


@pytest.mark.parametrize("text", list(BAD_SELECTS))
def test_bad_select_fails_with_a_reason(sizes: dict[str, int], text: str) -> None:
    assert failure(text).startswith(BAD_SELECTS[text])


def test_context_database_and_parameters(sizes: dict[str, int]) -> None:
    text = "-- saved query\nSELECT packets FROM logs WHERE action = ? AND packets > ?"
    context = {"QueryExecutionContext": {"Database": "flow"}}
    assert rows(text, ExecutionParameters=["'REJECT'", "1"], **context) == [("7",)]
    assert failure(text, **context).startswith("INVALID_PARAMETER_USAGE: ")


def test_partition_of_another_schema_is_a_mismatch(sizes: dict[str, int]) -> None:
    glue = client("glue")
    found = glue.get_partition(
        DatabaseName="flow", TableName="logs", PartitionValues=["eu-west-1", "2026/11/21"]
    )["Partition"]
    storage = found["StorageDescriptor"]
    storage["Columns"][5]["Type"] = "int"
    glue.update_partition(
        DatabaseName="flow",
        TableName="logs",
        PartitionValueList=found["Values"],
        PartitionInput={"Values": found["Values"], "StorageDescriptor": storage},
    )
    assert failure("SELECT * FROM flow.logs").startswith("HIVE_PARTITION_SCHEMA_MISMATCH: ")


def test_projection_is_not_built(sizes: dict[str, int]) -> None:
    ok(TABLE.replace("`logs`", "`p`").replace("'made.by'", "'projection.enabled'='true', 'x'"))
    assert "projection" in failure("SELECT * FROM flow.p")


def test_parquet(sizes: dict[str, int], tmp_path: Any) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql(
        "COPY (SELECT 7::INTEGER AS bytes, 'x' AS srcaddr, TIMESTAMP '2026-11-20 10:00:00' AS at)"
        f" TO '{path}' (FORMAT parquet)"
    )
    size = put("pq/a.log.parquet", path.read_bytes())
    text = (
        "CREATE EXTERNAL TABLE `flow`.`pq` (`srcaddr` string, `bytes` bigint, `missing` int, "
        "`at` timestamp) STORED AS PARQUET LOCATION 's3://logs/pq/'"
    )
    ok(text)
    assert rows('SELECT *, "$path" FROM flow.pq') == [
        ("x", "7", None, "2026-11-20 10:00:00.000", "s3://logs/pq/a.log.parquet")
    ]
    assert ok("SELECT * FROM flow.pq")["Statistics"]["DataScannedInBytes"] == size
    ok(text.replace("`pq`", "`bad`").replace("`bytes` bigint", "`bytes` string"))
    assert failure("SELECT * FROM flow.bad").startswith("HIVE_BAD_DATA: ")


# ---------------------------------------------------------------- results


def test_csv_of_the_result(sizes: dict[str, int]) -> None:
    done = ok("SELECT srcaddr, bytes, '' AS e, 'a\"b' q, count(*) OVER () FROM flow.logs LIMIT 1")
    bucket, key = done["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").split("/", 1)
    data = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    head, line = data.splitlines()
    assert head == '"srcaddr","bytes","e","q","_col4"'
    assert line == '"10.0.0.1","700","","a""b","5"'
    data = rows("SELECT srcaddr FROM flow.logs WHERE action = 'NODATA' OR srcaddr IS NULL")
    assert data.count((None,)) == 2
    assert list(csv.reader(io.StringIO(line)))[0][3] == 'a"b'


def test_pyathena_reads_every_page(sizes: dict[str, int]) -> None:
    lines = [f'2 111 eni-{n} "a,b" - {n} - 1795082400 1795082460 ACCEPT' for n in range(2500)]
    put("AWSLogs/2026/11/21/many.log.gz", day_file(lines))
    with pyathena.connect(s3_staging_dir="s3://results/p/", region_name=REGION) as connection:
        cursor = connection.cursor()
        cursor.execute(
            'SELECT interface_id, srcaddr, bytes, packets, from_unixtime("start") AS at, '
            "CAST(from_unixtime(\"start\") AS date) AS d, TIMESTAMP '2026-11-20 10:00:00' AS t, "
            "bytes / 2e0 AS half, bytes > 1 AS big FROM flow.logs WHERE interface_id LIKE 'eni-%' "
            "AND packets IS NULL AND \"day\" = '2026/11/21' ORDER BY bytes"
        )
        found = cursor.fetchall()
        kinds = [column[1] for column in cursor.description]
    moment = dt.datetime(2026, 11, 19, 10)  # noqa: DTZ001 - what the timestamp column is without a zone
    assert len(found) == 2500
    assert found[7][:4] == ("eni-7", '"a,b"', 7, None)
    assert found[7][4].replace(tzinfo=None) == moment
    assert found[7][5:] == (moment.date(), moment + dt.timedelta(days=1), 3.5, True)
    assert kinds == [
        "varchar",
        "varchar",
        "bigint",
        "bigint",
        "timestamp with time zone",
        "date",
        "timestamp",
        "double",
        "boolean",
    ]


def test_pages_of_results(aws: AthenaServer) -> None:
    number = ok("SELECT n FROM unnest(sequence(1, 25)) AS t(n)")["QueryExecutionId"]
    athena = client("athena")
    pages = athena.get_paginator("get_query_results").paginate(
        QueryExecutionId=number, PaginationConfig={"PageSize": 10}
    )
    cells = [[r["Data"][0]["VarCharValue"] for r in p["ResultSet"]["Rows"]] for p in pages]
    assert [len(c) for c in cells] == [10, 10, 6]
    assert cells[0][:2] == ["n", "1"]
    with pytest.raises(ClientError, match="MaxResults"):
        athena.get_query_results(QueryExecutionId=number, MaxResults=1001)


# ---------------------------------------------------------------- the API


def test_calls_that_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ClientError, match="WorkGroup nope is not found"):
        start("SELECT 1", WorkGroup="nope")
    with pytest.raises(ClientError, match="WorkGroup nope is not found"):
        client("athena").get_work_group(WorkGroup="nope")
    with pytest.raises(ClientError, match="No output location provided"):
        start("SELECT 1", ResultConfiguration={})
    with pytest.raises(ClientError, match="output bucket"):
        start("SELECT 1", ResultConfiguration={"OutputLocation": "s3://nope/"})
    with pytest.raises(ClientError, match="262144 bytes"):
        start("SELECT '" + "é" * 131_072 + "'")
    with pytest.raises(ClientError, match="Only one sql statement"):
        start("SELECT 1; SELECT 2")
    with pytest.raises(ClientError, match="Only one sql statement"):
        start("DROP TABLE `flow`.`logs`; DROP TABLE `flow`.`logs`")
    assert rows("SELECT 1;") == [("1",)]


def test_enforced_workgroup_output_and_cutoff(sizes: dict[str, int]) -> None:
    configuration = {
        "ResultConfiguration": {"OutputLocation": "s3://results/group/"},
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 10_000_000,
    }
    client("athena").create_work_group(Name="small", Configuration=configuration)
    size = put("AWSLogs/2026/11/20/big.log", b"x" * 10_000_001)
    done = ended("SELECT count(*) FROM flow.logs", WorkGroup="small")
    assert done["Status"]["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in done["Status"]["StateChangeReason"]
    assert done["Statistics"]["DataScannedInBytes"] >= size
    done = ended("SELECT * FROM flow.logs WHERE \"day\" = '2026/11/21'", WorkGroup="small")
    assert done["Status"]["State"] == "SUCCEEDED"
    assert done["ResultConfiguration"]["OutputLocation"].startswith("s3://results/group/")


def test_hold_and_stop(aws: AthenaServer) -> None:
    athena = client("athena")
    aws.hold = True
    ok("CREATE DATABASE `d`")
    stopped, finished = start("SELECT 1"), start("SELECT 2")

    def state(number: str) -> str:
        found = athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]
        return found["Status"]["State"]

    assert state(stopped) == state(finished) == "RUNNING"
    with pytest.raises(ClientError, match="Current state: RUNNING"):
        athena.get_query_results(QueryExecutionId=finished)
    athena.stop_query_execution(QueryExecutionId=stopped)
    assert state(stopped) == "CANCELLED"
    aws.hold = False
    assert state(finished) == "SUCCEEDED"
    assert state(stopped) == "CANCELLED"
    with pytest.raises(ClientError, match="CANCELLED"):
        athena.get_query_results(QueryExecutionId=stopped)
    with pytest.raises(ClientError, match="was not found"):
        athena.get_query_execution(QueryExecutionId="nope")
    ids = athena.list_query_executions()["QueryExecutionIds"]
    states = athena.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]
    assert [q["Status"]["State"] for q in states] == ["SUCCEEDED", "CANCELLED", "SUCCEEDED"]


def test_request_token(aws: AthenaServer) -> None:
    token = "t" * 32
    assert start("SELECT 1", ClientRequestToken=token) == start(
        "SELECT 1", ClientRequestToken=token
    )
    with pytest.raises(ClientError, match="Idempotent"):
        start("SELECT 2", ClientRequestToken=token)


def test_faults_and_log(aws: AthenaServer) -> None:
    faults = aws.faults
    faults.add("AmazonAthena.StartQueryExecution", "ThrottlingException", times=2)
    faults.add("S3.ListObjectsV2", "SlowDown", 503, "Please reduce your request rate.", after=1)
    faults.add("S3.PutObject", "AccessDenied", 403, "Access <Denied>")
    faults.add("S3.HeadObject", "Forbidden", 403)
    faults.add("AWSGlue.GetTable", "ExpiredTokenException", message="The token has expired")
    faults.add("STS.GetCallerIdentity", "ExpiredToken", 403, "expired")
    s3 = client("s3")

    def code(call: Any, **given: Any) -> tuple[str, int]:
        with pytest.raises(ClientError) as caught:
            call(**given)
        answer = caught.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    for _ in range(2):
        assert code(start, text="SELECT 1") == ("ThrottlingException", 400)
    start("SELECT 1")
    s3.list_objects_v2(Bucket="logs", Prefix="a/")
    assert code(s3.list_objects_v2, Bucket="logs") == ("SlowDown", 503)
    assert code(s3.put_object, Bucket="logs", Key="k", Body=b"b" * 99) == ("AccessDenied", 403)
    assert code(s3.head_object, Bucket="logs", Key="k") == ("403", 403)
    assert code(s3.head_object, Bucket="logs", Key="k") == ("404", 404)
    assert code(client("glue").get_table, DatabaseName="d", Name="t") == (
        "ExpiredTokenException",
        400,
    )
    assert code(client("sts").get_caller_identity) == ("ExpiredToken", 403)
    assert client("sts").get_caller_identity()["Account"] == "123456789012"
    assert faults.left == 0
    assert aws.statements == ["SELECT 1"] * 3
    listed = aws.calls("S3.ListObjectsV2")
    assert [c.get("prefix") for c in listed] == ["a/", None]
    aws.reset()
    assert not aws.log
    assert not s3.list_buckets()["Buckets"]


def test_glue_limits(sizes: dict[str, int]) -> None:
    glue = client("glue")
    where = {"DatabaseName": "flow", "TableName": "logs"}
    too_many = [{"Values": ["a", str(n)]} for n in range(101)]
    with pytest.raises(ClientError, match="less than or equal to 100"):
        glue.batch_create_partition(PartitionInputList=too_many, **where)
    with pytest.raises(ClientError, match="less than or equal to 25"):
        glue.batch_delete_partition(PartitionsToDelete=too_many[:26], **where)
    with pytest.raises(ClientError, match="number of partition keys"):
        glue.batch_create_partition(PartitionInputList=[{"Values": ["a"]}], **where)
    again = {"Values": ["eu-west-1", "2026/11/20"]}
    errors = glue.batch_create_partition(PartitionInputList=[again], **where)["Errors"]
    assert errors[0]["ErrorDetail"]["ErrorCode"] == "AlreadyExistsException"
    glue.batch_create_partition(PartitionInputList=[{"Values": ["a", "b"]}], **where)
    assert failure("SELECT * FROM flow.logs").startswith("HIVE_UNSUPPORTED_FORMAT: ")


def test_saved_queries(aws: AthenaServer) -> None:
    athena = client("athena")
    given = {"Name": "top", "Database": "flow", "QueryString": "SELECT 1"}
    number = athena.create_named_query(**given)["NamedQueryId"]
    athena.update_named_query(NamedQueryId=number, Name="top", QueryString="SELECT 2")
    found = athena.batch_get_named_query(NamedQueryIds=[number, "nope"])
    assert found["NamedQueries"][0]["QueryString"] == "SELECT 2"
    assert found["UnprocessedNamedQueryIds"][0]["NamedQueryId"] == "nope"
    assert athena.list_named_queries()["NamedQueryIds"] == [number]
    athena.delete_named_query(NamedQueryId=number)
    with pytest.raises(ClientError, match="was not found"):
        athena.get_named_query(NamedQueryId=number)
