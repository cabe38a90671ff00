"""--sql: any statement against a bench that runs it, and local files; bytes equal to the byte."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from athena_server import AthenaServer
from conftest import NOW, Ran, put_tree

from athena_flow.aws import Account
from athena_flow.demo import ACCOUNTS, REGIONS, write_demo
from athena_flow.glue import GlueCatalog
from athena_flow.layout import DAILY, Partition
from athena_flow.logformat import DEFAULT
from athena_flow.ports import no_progress
from athena_flow.table import CODECS, TableSpec

Cli = Callable[..., Ran]

LOCATION = "s3://logs/net/"
DAYS = (19, 20, 21)
SIZES = {"eu": 1_000, "us": 20_000, "us-old": 300}
"""Bytes of the objects of the foreign table, by partition."""
FLAT_BYTES = 7_777
TEXT = CODECS["text"]
ICEBERG = {"table_type": "ICEBERG"}
PROJECTED = {"2026/11/19": 400, "2026/11/20": 60}
PROJECTION = {
    "projection.enabled": "true",
    "projection.day.type": "date",
    "projection.day.format": "yyyy/MM/dd",
    "projection.day.range": "2026/11/19,NOW",
    "storage.location.template": "s3://lake/days/${day}",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of the demo's logs in the default format."""
    root = tmp_path_factory.mktemp("net")
    write_demo(root, NOW, fmt=DEFAULT, days=3)
    return root


def _storage(location: str, columns: dict[str, str], input_format: str = "") -> dict[str, Any]:
    return {
        "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
        "Location": location,
        "InputFormat": input_format or TEXT.input_format,
        "OutputFormat": TEXT.output_format,
        "SerdeInfo": {"SerializationLibrary": TEXT.serde, "Parameters": {"field.delim": " "}},
    }


def _table(name: str, storage: dict[str, Any], keys: dict[str, str], **more: Any) -> dict[str, Any]:
    entries = [{"Name": key, "Type": kind} for key, kind in keys.items()]
    about = {"Name": name, "TableType": "EXTERNAL_TABLE", "PartitionKeys": entries}
    return {**about, "StorageDescriptor": storage, "Parameters": {}, **more}


def _view(name: str, sql: str) -> dict[str, Any]:
    view = {"originalSql": sql, "catalog": "awsdatacatalog", "schema": "other", "columns": []}
    encoded = base64.b64encode(json.dumps(view).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {"Columns": []},
    }


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def filled(bench: AthenaServer, tree: Path) -> AthenaServer:
    """Our table with its partitions; somebody's tables and views in a database beside it."""
    bench.reset()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": bench.endpoint}.items():
            patch.setenv(name, value)
        _fill(tree)
    return bench


@pytest.fixture
def lake(filled: AthenaServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[AthenaServer]:
    """All of that, with nothing logged so far; partitions that a test adds are gone after it."""
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": filled.endpoint}.items():
        monkeypatch.setenv(name, value)
    filled.log.clear()
    yield filled
    filled.faults.clear()
    for call in filled.calls("AWSGlue.CreatePartition"):
        values = call["PartitionInput"]["Values"]
        glue = boto3.client("glue")
        glue.delete_partition(DatabaseName="other", TableName="hosts", PartitionValues=values)


def _fill(tree: Path) -> None:
    put_tree(tree, "logs", "net/")
    s3, glue = boto3.client("s3"), boto3.client("glue")
    for bucket in ("results", "lake"):
        s3.create_bucket(Bucket=bucket)
    catalog = GlueCatalog(Account())
    spec = TableSpec("flow_logs", "vpc_flow_logs", LOCATION, DEFAULT, DAILY)
    catalog.create(spec)
    parts = [
        Partition(account, region, NOW.replace(day=day, hour=0, minute=0))
        for account in ACCOUNTS
        for region in REGIONS
        for day in DAYS
    ]
    catalog.add(spec, parts, no_progress)
    glue.create_database(DatabaseInput={"Name": "other"})
    line = b"1 one\n"
    columns = {"id": "int", "word": "string"}
    for part, size in SIZES.items():
        body = line * (size // len(line)) + b"\n" * (size % len(line))
        s3.put_object(Bucket="lake", Key=f"hosts/{part}/a.txt", Body=body)
    s3.put_object(Bucket="lake", Key="hosts/us-west/a.txt", Body=b"1 beside\n")
    s3.put_object(Bucket="lake", Key="flat/a.txt", Body=b"x" * FLAT_BYTES)
    hosts = _storage("s3://lake/hosts/", columns)
    keys = {"place": "string", "year": "int"}
    glue.create_table(DatabaseName="other", TableInput=_table("hosts", hosts, keys))
    for values, at in ((["eu", "2026"], "eu/"), (["us", "2026"], "us"), (["us", "2025"], "us-old")):
        storage = _storage(f"s3://lake/hosts/{at}", columns)
        entry = {"Values": values, "StorageDescriptor": storage}
        glue.create_partition(DatabaseName="other", TableName="hosts", PartitionInput=entry)
    for day, size in PROJECTED.items():
        s3.put_object(Bucket="lake", Key=f"days/{day}/a.txt", Body=b"x" * size)
    s3.put_object(Bucket="lake", Key="days/2026/11/18/a.txt", Body=b"x" * 50)  # before the range
    days = _storage("s3://lake/days/", columns)
    for made in (
        _table("days", days, {"day": "string"}, Parameters=PROJECTION),
        _table("flat", _storage("s3://lake/flat/", columns), {}),
        _table(
            "ice", _storage("s3://lake/flat/", columns), {}, Parameters={"table_type": "ICEBERG"}
        ),
        _view("here", "SELECT id, word, place FROM hosts WHERE place = 'us'"),
        _view("now", "WITH hosts AS (SELECT * FROM here) SELECT word FROM hosts"),
        _view("circle", "SELECT * FROM circle"),
    ):
        glue.create_table(DatabaseName="other", TableInput=made)


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


@pytest.fixture
def estimated(cli: Cli) -> Callable[..., dict[str, Any]]:
    """The document of `estimate --sql`, and nothing else on either stream than notes."""

    def run(sql: str, *words: str) -> dict[str, Any]:
        done = ok(cli("estimate", "--sql", "-", "--as", "json", *words, stdin=sql))
        assert all(line.startswith("note: ") for line in done.err.splitlines()), done.err
        document: dict[str, Any] = json.loads(done.out)
        return document

    return run


def scanned(sql: str) -> int:
    """The bytes that the bench opened to run it."""
    athena = boto3.client("athena")
    number = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": "flow_logs"},
        ResultConfiguration={"OutputLocation": "s3://results/"},
    )["QueryExecutionId"]
    while True:
        found = athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]
        if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
    return int(found["Statistics"]["DataScannedInBytes"])


DAY = "\"date\" = '2026-11-20'"
READS = {
    "SELECT": f"SELECT action, count(*) FROM vpc_flow_logs WHERE {DAY} GROUP BY action",
    "comments": f"\ufeff-- a; b\r\nSELECT count(*) FROM flow_logs.vpc_flow_logs WHERE {DAY} ;\r\n",
    "catalog": f"SELECT count(*) FROM AwsDataCatalog.Flow_Logs.VPC_Flow_Logs WHERE {DAY}",
    "CTE twice": f"WITH w AS (SELECT srcaddr FROM vpc_flow_logs WHERE {DAY}) SELECT count(*)"
    " FROM w a JOIN w b ON a.srcaddr = b.srcaddr",
    "UNION": f"SELECT srcaddr FROM vpc_flow_logs WHERE {DAY} UNION SELECT word FROM other.hosts",
    "join": "SELECT count(*) FROM vpc_flow_logs v JOIN other.hosts h ON v.srcaddr = h.word"
    f" WHERE v.{DAY} AND h.place = 'eu'",
    "subquery": f"SELECT count(*) FROM vpc_flow_logs WHERE {DAY}"
    " AND srcaddr IN (SELECT word FROM other.hosts WHERE year = 2025)",
    "int key": "SELECT count(*) FROM other.hosts WHERE year >= 2026",
    "no partitions": "SELECT count(*) FROM other.flat",
    "view": "SELECT count(*) FROM other.here",
    "view of views": "SELECT count(*) FROM other.now n JOIN other.here h ON n.word = h.word",
    "CTAS": f"CREATE TABLE other.made AS SELECT * FROM vpc_flow_logs WHERE {DAY}",
    "INSERT": f"INSERT INTO other.missing SELECT srcaddr FROM vpc_flow_logs WHERE {DAY}",
    "UNLOAD": f"UNLOAD (SELECT * FROM vpc_flow_logs WHERE {DAY}) TO 's3://results/x/'"
    " WITH (format = 'JSON')",
    "EXPLAIN ANALYZE": f"EXPLAIN ANALYZE SELECT count(*) FROM vpc_flow_logs WHERE {DAY}",
    "nothing": "SELECT 1",
    "information_schema": "SELECT 'x' FROM other.\"hosts$partitions\"",
}  # fmt: skip


@pytest.mark.parametrize("what", list(READS))
def test_the_estimate_is_what_is_opened(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]], what: str
) -> None:
    """To the byte on text, for every kind of statement; a table read twice counts twice."""
    found = estimated(READS[what])
    assert found["bytes"] == scanned(READS[what].lstrip("\ufeff").strip().rstrip(";"))
    assert found["certainty"] == "exact", found["assumptions"]
    assert found["bytes"] == sum(scan["bytes"] for scan in found["scans"])
    if what not in ("nothing", "information_schema"):
        assert found["bytes"] > 0


# ---------------------------------------------------------------- which partitions, which objects


def test_each_scan_is_told(lake: AthenaServer, estimated: Callable[..., dict[str, Any]]) -> None:
    """Table, partitions of how many, objects, bytes, what chose them, columns and key range."""
    found = estimated(READS["join"])
    flow, hosts = sorted(found["scans"], key=lambda scan: str(scan["table"]))
    assert (flow["table"], flow["partitions"], flow["of"]) == ("flow_logs.vpc_flow_logs", 4, 12)
    assert flow["keys"]["date"] == {"first": "2026-11-20", "last": "2026-11-20"}
    assert "2026-11-20" in flow["condition"]
    assert flow["columns"] == ["srcaddr"]
    assert hosts == {
        "table": "other.hosts",
        "partitions": 1,
        "of": 3,
        "objects": 1,
        "bytes": SIZES["eu"],
        "certainty": "exact",
        "condition": hosts["condition"],
        "columns": ["word"],
        "keys": {
            "place": {"first": "eu", "last": "eu"},
            "year": {"first": "2026", "last": "2026"},
        },
        "notes": [],
    }


def test_the_table_shows_each_scan(lake: AthenaServer, cli: Cli) -> None:
    """For people: a line for each of several scans; the named constants stand below."""
    done = ok(cli("estimate", "--sql", "-", stdin=READS["join"]))
    assert "other.hosts: 1.0 KB in 1 object, 1 of 3 partitions" in done.out
    assert "1 TB = 10^12 bytes at $5 in us-east-1" in done.out
    assert "billed in whole MB of 2^20 bytes, 10 MB at the least" in done.out


def test_a_location_without_a_slash_is_a_folder(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]]
) -> None:
    """hosts/us is not hosts/us-west."""
    found = estimated("SELECT * FROM other.hosts WHERE place = 'us' AND year = 2026")
    assert (found["bytes"], found["objects"]) == (SIZES["us"], 1)


def test_a_projection_is_computed(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]]
) -> None:
    """Nothing is registered, and nothing outside the range is read."""
    day = estimated("SELECT * FROM other.days WHERE day = '2026/11/20'")
    assert (day["bytes"], day["partitions"], day["scans"][0]["of"]) == (60, 1, 3)
    assert estimated("SELECT * FROM other.days")["bytes"] == 460


# ---------------------------------------------------------------- free, prepared, unknown


@pytest.mark.parametrize(
    "sql",
    ["SHOW PARTITIONS other.hosts", f"EXPLAIN {READS['SELECT']}", "MSCK REPAIR TABLE other.hosts"],
)
def test_what_is_free_is_said(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]], sql: str
) -> None:
    """No bytes, no minimum, no dollars, and nobody is asked."""
    found = estimated(sql)
    assert (found["bytes"], found["billed_bytes"], found["usd"]) == (0, 0, 0.0)
    assert (found["certainty"], found["free"]) == ("exact", True)
    assert found["assumptions"][0].endswith("scans nothing, and is free")
    assert not lake.log


def test_an_execute_is_what_was_prepared(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]]
) -> None:
    """Its text comes from the workgroup; USING chooses the partitions, question marks none."""
    text = 'SELECT count(*) FROM vpc_flow_logs WHERE "date" = ?'
    athena = boto3.client("athena")
    athena.create_prepared_statement(
        StatementName="daily", WorkGroup="primary", QueryStatement=text
    )
    day, every = (estimated(sql) for sql in ("EXECUTE daily USING '2026-11-20'", "EXECUTE daily"))
    assert day["bytes"] == scanned("EXECUTE daily USING '2026-11-20'")
    assert (day["partitions"], every["partitions"]) == (4, 12)


UNKNOWN = {
    "iceberg": ("SELECT * FROM other.ice", "its own metadata says which files it has (iceberg)"),
    "another catalog": ("SELECT * FROM lambda.db.t", "lambda.db.t lies in another catalog"),
    "a function": ("SELECT * FROM TABLE(f(1))", "a function stands where a table should"),
    "no SQL": ("SELECT FROM WHERE", "it is not understood"),
    "no statement": ("SELEC 1", "no statement that is known here begins with SELEC"),
    "what rewrites": ("OPTIMIZE t REWRITE DATA USING BIN_PACK", "it rewrites data files"),
    "a circle": ("SELECT * FROM other.circle", "view other.circle reads itself"),
}


@pytest.mark.parametrize("what", list(UNKNOWN))
def test_what_cannot_be_bounded_is_unknown(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]], what: str
) -> None:
    """Never 0: no number, and the reason."""
    sql, reason = UNKNOWN[what]
    found = estimated(sql)
    assert (found["bytes"], found["billed_bytes"], found["usd"]) == (None, None, None)
    assert found["certainty"] == "unknown"
    assert reason in found["assumptions"][-1]


def test_one_unknown_table_leaves_the_others_sum(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]]
) -> None:
    """The whole is unknown; what the rest comes to is told."""
    found = estimated("SELECT * FROM other.ice, other.hosts WHERE place = 'us'")
    assert found["bytes"] is None
    assert [scan["bytes"] for scan in found["scans"]] == [None, 20_300]
    assert found["assumptions"][-1].endswith("; the other scans are 20.3 KB")


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [("AccessDenied", 403, "AccessDenied"), ("PermanentRedirect", 400, "PermanentRedirect")],
)
def test_a_listing_that_fails_is_unknown(
    lake: AthenaServer,
    estimated: Callable[..., dict[str, Any]],
    code: str,
    status: int,
    reason: str,
) -> None:
    """Of one prefix of three, denied or in a bucket of another region: never 0."""
    where = {"prefix": "hosts/us-old"}
    lake.faults.add("S3.ListObjectsV2", code, status, times=99, where=where)
    found = estimated("SELECT * FROM other.hosts")
    assert (found["bytes"], found["certainty"]) == (None, "unknown")
    (scan,) = found["scans"]
    assert (scan["bytes"], scan["partitions"], scan["objects"]) == (None, 3, 2)
    assert reason in scan["notes"][-1]
    assert scan["notes"][-1].endswith("; the rest is 21.0 KB")


@pytest.mark.parametrize(
    ("location", "reason"),
    [("", "us/2024 has no location"), ("s3://nowhere/x/", "NoSuchBucket")],
)
def test_a_partition_that_lies_nowhere_is_unknown(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]], location: str, reason: str
) -> None:
    """One without a location, and one whose bucket is gone."""
    storage = _storage(location, {"id": "int", "word": "string"})
    entry = {"Values": ["us", "2024"], "StorageDescriptor": storage}
    glue = boto3.client("glue")
    glue.create_partition(DatabaseName="other", TableName="hosts", PartitionInput=entry)
    found = estimated("SELECT * FROM other.hosts")
    assert found["bytes"] is None
    assert reason in found["scans"][0]["notes"][-1]
    assert estimated("SELECT * FROM other.hosts WHERE year > 2024")["bytes"] == sum(SIZES.values())


def test_a_partition_of_another_input_format(
    lake: AthenaServer, estimated: Callable[..., dict[str, Any]]
) -> None:
    """A manifest in a partition names files that lie elsewhere."""
    symlink = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
    storage = _storage("s3://lake/hosts/eu/", {"id": "int", "word": "string"}, symlink)
    entry = {"Values": ["us", "2024"], "StorageDescriptor": storage}
    glue = boto3.client("glue")
    glue.create_partition(DatabaseName="other", TableName="hosts", PartitionInput=entry)
    found = estimated("SELECT * FROM other.hosts WHERE year = 2024")
    assert found["bytes"] is None
    assert "SymlinkTextInputFormat" in found["assumptions"][-1]


# ---------------------------------------------------------------- what is asked wrongly

BAD = {
    "both": (("reject-report", "--sql", "-"), "SELECT 1", 2, "are both there"),
    "neither": ((), "", 2, "no query is named"),
    "two statements": (("--sql", "-"), "SELECT 1; SELECT 2", 2, "holds 2 statements"),
    "nothing": (("--sql", "-"), "-- nothing\n", 2, "standard input: holds no statement"),
    "parameters": (("--sql", "-", "-p", "a=1"), "SELECT 1", 2, "-p belongs to saved queries"),
    "no file": (("--sql", "no.sql"), "", 3, "no.sql: cannot be read"),
    "no table": (("--sql", "-"), "SELECT * FROM other.nope", 3, "no table other.nope"),
    "no database": (("--sql", "-"), "SELECT * FROM nope.nope", 3, "no table nope.nope"),
    "prepared": (("--sql", "-"), "EXECUTE nope", 3, "prepared statement nope"),
    "planner": (("--sql", "-", "--explain-plan", "--engine", "duckdb"), "SELECT 1", 2, "planner"),
}


@pytest.mark.parametrize("what", list(BAD))
def test_what_is_asked_wrongly(lake: AthenaServer, cli: Cli, what: str) -> None:
    """One line and its exit code; nothing is run."""
    words, sql, code, reason = BAD[what]
    done = cli("estimate", *words, stdin=sql)
    assert done.code == code, done.err
    assert done.out == ""
    errors = [line for line in done.err.splitlines() if not line.startswith(("note: ", "hint: "))]
    assert len(errors) == 1
    assert errors[0].startswith("athena-flow: error: ")
    assert reason in errors[0]
    assert lake.statements == []


@pytest.mark.parametrize("command", ["run", "estimate"])
def test_a_quote_that_is_not_closed(lake: AthenaServer, cli: Cli, command: str) -> None:
    """Where it is opened."""
    sql = "SELECT 'a'\nFROM t WHERE b = 'c"
    done = cli(command, "--sql", "-", "--output-location", "s3://results/", stdin=sql)
    assert done.code == 2
    assert "standard input: the quote ' at line 2, column 18 is not closed" in done.err
    assert lake.statements == []


@pytest.mark.parametrize(
    "sql",
    [READS["INSERT"], READS["CTAS"], READS["UNLOAD"], "SHOW TABLES", "EXECUTE p", "DROP TABLE t"],
)
def test_only_a_query_is_run(lake: AthenaServer, cli: Cli, sql: str) -> None:
    """`run --sql` takes one read-only statement."""
    done = cli("run", "--sql", "-", "--output-location", "s3://results/", stdin=sql)
    assert done.code == 2
    assert f"{sql.split()[0]} is not run: only SELECT and WITH are" in done.err
    assert lake.statements == []


# ---------------------------------------------------------------- run


def test_run_sends_the_text_as_it_is(lake: AthenaServer, cli: Cli, tmp_path: Path) -> None:
    """To Athena, with the database as its context; the estimate is what it says it scanned."""
    sql = f"SELECT count(*) AS n -- all\nFROM vpc_flow_logs WHERE {DAY}"
    (tmp_path / "n.sql").write_text(f"-- how many\n{sql};\n", "utf-8")
    words = ("run", "--sql", "n.sql", "--as", "json", "--output-location", "s3://results/")
    document = json.loads(ok(cli(*words)).out)
    assert lake.statements == [sql]
    assert document["query"] == "n.sql"
    assert document["columns"] == [{"name": "n", "type": "bigint"}]
    assert document["scanned_bytes"] == document["estimate"]["bytes"] > 0


@pytest.mark.parametrize("sql", [READS["SELECT"], UNKNOWN["iceberg"][0]])
def test_run_keeps_the_budget(lake: AthenaServer, cli: Cli, sql: str) -> None:
    """Above it nothing is sent; what is not known is above any."""
    words = ("run", "--sql", "-", "--max-scan", "1KB", "--output-location", "s3://results/")
    done = cli(*words, stdin=sql)
    assert done.code == 4, done.err
    assert lake.statements == []


def test_a_window_has_no_part_in_a_text(lake: AthenaServer, cli: Cli) -> None:
    """The estimate is of what is sent, and a note says so."""
    sql = "SELECT count(*) FROM vpc_flow_logs"
    done = ok(cli("estimate", "--sql", "-", "--since", "1d", "--as", "json", stdin=sql))
    assert "note: --sql says itself what it reads: --since has no part in it" in done.err
    assert json.loads(done.out)["partitions"] == 12


# ---------------------------------------------------------------- the planner


def test_the_planner_reads_the_same(lake: AthenaServer, estimated: Callable[..., Any]) -> None:
    """Athena's EXPLAIN is asked, and is free; no partition is in one and not in the other."""
    words = ("--explain-plan", "--output-location", "s3://results/")
    found = estimated(READS["join"], *words)
    assert sorted(found["plan"], key=lambda plan: str(plan["table"])) == [
        {
            "table": "flow_logs.vpc_flow_logs",
            "partitions": 4,
            "of": 12,
            "only_plan": [],
            "only_estimate": [],
        },
        {"table": "other.hosts", "partitions": 1, "of": 3, "only_plan": [], "only_estimate": []},
    ]
    (sent,) = lake.statements
    assert sent.startswith("EXPLAIN (TYPE IO, FORMAT JSON) SELECT")


def test_where_the_planner_reads_more_it_is_shown(lake: AthenaServer, cli: Cli) -> None:
    """Two days of one account or of another: key by key that is four; which two, is said."""
    one, other = ACCOUNTS[:2]
    sql = (
        "SELECT count(*) FROM vpc_flow_logs WHERE"
        f" (aws_account_id = '{one}' AND \"date\" = '2026-11-19') OR"
        f" (aws_account_id = '{other}' AND \"date\" = '2026-11-20')"
    )
    words = ("estimate", "--sql", "-", "--explain-plan", "--output-location", "s3://results/")
    done = ok(cli(*words, "--as", "json", stdin=sql))
    found = json.loads(done.out)
    (plan,) = found["plan"]
    assert (found["partitions"], plan["partitions"]) == (4, 8)
    assert plan["only_estimate"] == []
    assert {name.partition("/aws_region")[0] for name in plan["only_plan"]} == {
        f"aws_account_id={one}",
        f"aws_account_id={other}",
    }
    assert (
        "8 of 12 partitions; 4 not in the estimate: aws_account_id="
        in ok(cli(*words, stdin=sql)).out
    )


def test_without_a_planner_the_estimate_stays(lake: AthenaServer, cli: Cli) -> None:
    """Who may not start queries still has what was counted, and is told why there is no plan."""
    lake.faults.add("AmazonAthena.StartQueryExecution", "AccessDeniedException", times=9)
    words = ("estimate", "--sql", "-", "--explain-plan", "--output-location", "s3://results/")
    done = ok(cli(*words, "--as", "json", stdin=READS["SELECT"]))
    found = json.loads(done.out)
    assert found["bytes"] > 0
    assert found["plan"] is None
    assert "note: there is no plan: " in done.err
    assert "AccessDenied" in done.err


# ---------------------------------------------------------------- local files


def test_local_files_are_a_table(cli: Cli, tree: Path) -> None:
    """With --logs the table goes by the names of --database and --table, and the note says so."""
    sql = f"SELECT action, count(*) AS n FROM vpc_flow_logs WHERE {DAY} GROUP BY 1 ORDER BY 1"
    done = ok(cli("run", "--sql", "-", "--logs", str(tree), "--as", "json", stdin=sql))
    assert "note: the logs are table vpc_flow_logs of database flow_logs" in done.err
    document = json.loads(done.out)
    days = tree.rglob("2026/11/20/*")
    assert document["estimate"]["bytes"] == sum(p.stat().st_size for p in days) > 0
    assert document["scanned_bytes"] == document["estimate"]["bytes"]
    assert [row[0] for row in document["rows"]] == ["-", "ACCEPT", "REJECT"]
    named = ok(
        cli(
            *("run", "--sql", "-", "--logs", str(tree), "--as", "json"),
            *("--database", "net", "--table", "Flows".lower()),
            stdin=sql.replace("vpc_flow_logs", "net.flows"),
        )
    )
    assert json.loads(named.out)["rows"] == document["rows"]


def test_local_files_have_no_other_table(cli: Cli, tree: Path) -> None:
    """The hint says what the table is called."""
    done = cli("estimate", "--sql", "-", "--logs", str(tree), stdin="SELECT * FROM logs")
    assert done.code == 3
    assert "hint: the one that is read is called flow_logs.vpc_flow_logs" in done.err


def test_a_table_that_is_read_twice_is_counted_twice(cli: Cli, tree: Path) -> None:
    """As Athena does; once by the window's partitions, and once by all."""
    sql = f"SELECT 1 FROM vpc_flow_logs WHERE {DAY} UNION ALL SELECT 1 FROM vpc_flow_logs"
    done = ok(cli("run", "--sql", "-", "--logs", str(tree), "--as", "json", stdin=sql))
    document = json.loads(done.out)
    one, other = document["estimate"]["scans"]
    assert 0 < one["bytes"] < other["bytes"]
    assert document["scanned_bytes"] == one["bytes"] + other["bytes"]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "SELECT count(*) FROM vpc_flow_logs a, vpc_flow_logs a WHERE a.bytes > 1",
            "error: standard input: two tables of one FROM are called a",
        ),
        ("SELECT 1 FROM vpc_flow_logs WHERE random() < 0.5", "random() is not translated"),
    ],
)
def test_what_cannot_run_here_says_why(cli: Cli, tree: Path, sql: str, said: str) -> None:
    """By the estimate's reason, and in the text's own words."""
    done = cli("run", "--sql", "-", "--logs", str(tree), stdin=sql)
    assert done.code == 2, done.err
    assert said in done.err


def test_a_join_by_the_names_of_columns(cli: Cli, tree: Path) -> None:
    """USING names columns that stand nowhere else in the statement."""
    words = ("run", "--logs", str(tree), "--as", "json", "--sql", "-")
    joined = "SELECT count(*) FROM vpc_flow_logs a JOIN vpc_flow_logs b"
    using = cli(*words, stdin=f"{joined} USING (interface_id, start)")
    on = cli(*words, stdin=f"{joined} ON a.interface_id = b.interface_id AND a.start = b.start")
    assert json.loads(using.out)["rows"] == json.loads(on.out)["rows"] != [[0]]


def test_a_value_that_cannot_be_told_is_one_line(cli: Cli, tree: Path) -> None:
    """Not a traceback: Python has no such interval."""
    words = ("run", "--logs", str(tree), "--sql", "-")
    day = "interval '999999999' day"
    ran = cli(*words, stdin=f"SELECT {day} + {day}")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert ran.err.splitlines()[-1].startswith("athena-flow: error: duckdb: ")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT NULL AS x", ""),
        ("SELECT 1 AS a, 2 AS A", "the answer is not written as Parquet"),
        ("SELECT row(1, 'a') AS x", "the answer is not written as Parquet"),
    ],
)
def test_answers_as_parquet(cli: Cli, tree: Path, tmp_path: Path, sql: str, said: str) -> None:
    """Written, or refused by one line that says what to do."""
    words = ("run", "--logs", str(tree), "--sql", "-", "--as", "parquet", "-o", "answer.parquet")
    ran = cli(*words, stdin=sql)
    assert "Traceback" not in ran.err
    assert (tmp_path / "answer.parquet").exists() is (not said)
    assert ran.code == (1 if said else 0), ran.err
    assert said in ran.err


def test_a_window_chooses_local_folders(cli: Cli, tree: Path) -> None:
    """There it says which files are read, and those are read whole."""
    words = ("estimate", "--sql", "-", "--logs", str(tree), "--as", "json")
    done = ok(cli(*words, "--since", "2026-11-20", stdin="SELECT count(*) FROM vpc_flow_logs"))
    assert json.loads(done.out)["partitions"] == 8
    assert "note: only folders and files of the window are read, and those whole" in done.err


def test_the_local_catalog_has_tables(cli: Cli, tree: Path) -> None:
    """With --engine duckdb tables come from the catalog's file; a bare name is --database's."""
    engine = ("--engine", "duckdb")
    ok(cli("init-table", *engine, "--location", str(tree)))
    ok(cli("add-partitions", *engine, "--since", "7d"))
    sql = f"SELECT count(*) AS n FROM vpc_flow_logs a WHERE {DAY}"
    document = json.loads(ok(cli("run", "--sql", "-", *engine, "--as", "json", stdin=sql)).out)
    assert document["scanned_bytes"] == document["estimate"]["bytes"] > 0
    assert document["estimate"]["scans"][0]["of"] == 12
