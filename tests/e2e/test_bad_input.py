"""What bad input gets: one line, the right exit code, nothing written, and no traceback."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from athena_server import AthenaServer
from conftest import Ran

from athena_flow.aws import Account
from athena_flow.glue import GlueCatalog
from athena_flow.layout import DAILY, Partition
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.ports import no_progress
from athena_flow.table import TableSpec

Cli = Callable[..., Ran]

WRITES = re.compile(r"\.(Create|Put|Delete|Update|Batch(Create|Update|Delete)|Start|Post)")
ROW = "2 123456789010 eni-1 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1795219500 1795219560"
TEXT = f"{DEFAULT.header}\n{ROW} REJECT OK\n".encode()
DAY = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/21"
RUN = ("run", "reject-report")


@dataclass(frozen=True)
class Refused:
    """What a command that failed said, with --as json."""

    message: str
    hint: str


Refuse = Callable[..., Refused]


@pytest.fixture
def refuse(cli: Cli, tmp_path: Path, bench: AthenaServer) -> Refuse:
    """Runs a command that must fail, and checks what every failure owes.

    ``tried`` is the one call that may have been sent and refused; with ``people`` the command
    runs without --as json as well, and says the same.
    """

    def run(*words: str, code: int, kind: str, tried: str = "", people: bool = False) -> Refused:
        before = everything(tmp_path)
        bench.log.clear()
        *notes, last = failed(cli(*words, "--as", "json"), code).splitlines()
        assert all(line.startswith(("note: ", "estimate: ")) for line in notes), notes
        (error,) = json.loads(last).values()
        assert error.keys() == {"code", "kind", "message", "hint"}
        assert (error["code"], error["kind"]) == (code, kind)
        assert "\n" not in error["message"]
        if people:
            hint = [f"hint: {error['hint']}"] if error["hint"] else []
            text = failed(cli(*words), code).splitlines()
            assert text == [*notes, f"athena-flow: error: {error['message']}", *hint]
        sent = {call.operation for call in bench.log if WRITES.search(call.operation)}
        assert sent <= {tried}
        assert everything(tmp_path) == before
        return Refused(error["message"], error["hint"] or "")

    return run


def everything(folder: Path) -> dict[str, bytes | None]:
    """Each file below a folder with its bytes, and each folder."""
    return {str(p): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def failed(done: Ran, code: int) -> str:
    """The stderr of a command that failed with this code, and without a word on stdout."""
    assert done.code == code, done
    assert done.out == ""
    assert "Traceback" not in done.err
    return done.err


def check_lines(err: str) -> None:
    """One error line, at most one hint after it, and nothing after those."""
    lines = err.splitlines()
    at = [n for n, line in enumerate(lines) if line.startswith("athena-flow: error: ")]
    assert len(at) == 1, err
    after = lines[at[0] + 1 :]
    assert len(after) <= 1, err
    assert all(line.startswith("hint: ") for line in after), err


# ---------------------------------------------------------------- a wrong request: nothing is sent

REQUESTS: dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = {
    # the command, the kind of error, what its message and hint must hold
    "unknown fields": (
        ("init-table", "--location", "s3://b12/", "--log-format", "${srcadr} ${end} ${bytez}"),
        "UnknownField",
        ("srcadr", "srcaddr", "bytez", "bytes"),
    ),
    "unknown field, dry": (
        (*("init-table", "--location", "s3://b12/", "--dry-run"), "--log-format", "srcadr end"),
        "UnknownField",
        ("srcadr", "srcaddr"),
    ),
    "repeated field": (
        ("init-table", "--location", "s3://b12/", "--log-format", "srcaddr end srcaddr"),
        "UnknownField",
        ("srcaddr",),
    ),
    "no format": (
        ("init-table", "--location", "s3://b12/", "--log-format", "a, b; c"),
        "BadFormat",
        ("log format",),
    ),
    "empty format": (
        ("init-table", "--location", "s3://b12/", "--dry-run", "--log-format", ""),
        "BadSetting",
        ("empty",),
    ),
    "blank format": (
        ("init-table", "--location", "s3://b12/", "--log-format", " "),
        "BadFormat",
        ("empty",),
    ),
    "no location": (("init-table",), "BadSetting", ("--location", "s3://bucket/prefix/")),
    "location is no URI": (
        ("init-table", "--location", "bucket/prefix"),
        "BadSetting",
        ("bucket/prefix", "s3://"),
    ),
    "location below AWSLogs": (
        ("init-table", "--location", "s3://b12/AWSLogs/111122223333/"),
        "BadSetting",
        ("AWSLogs", "s3://b12/"),
    ),
    "unknown layout": (
        ("init-table", "--location", "s3://b12/", "--layout", "hive-dayly"),
        "BadSetting",
        ("hive-dayly", "hive-daily"),
    ),
    "bad table name": (
        ("init-table", "--location", "s3://b12/", "--table", "a`b; DROP"),
        "BadSetting",
        ("a`b; DROP",),
    ),
    "since is no time": ((*RUN, "--since", "7x"), "BadWindow", ("7x", "7d")),
    "since is empty": ((*RUN, "--since", ""), "BadSetting", ("--since is empty",)),
    "since is no date": ((*RUN, "--since", "2026-02-30"), "BadWindow", ("2026-02-30",)),
    "since after until": (
        (*RUN, "--since", "2026-11-20", "--until", "2026-11-19"),
        "BadWindow",
        ("2026-11-20", "2026-11-19"),
    ),
    "since in the future": (
        ("add-partitions", "--since", "2027-01-01"),
        "BadWindow",
        ("2027-01-01",),
    ),
    "until before a week": ((*RUN, "--until", "2026-11-01"), "BadWindow", ("2026-11-01",)),
    "late is no span": ((*RUN, "--late", "yesterday"), "BadWindow", ("yesterday",)),
    "ahead is no span": (("add-partitions", "--ahead", "1 day"), "BadWindow", ("1 day",)),
    "region is none": ((*RUN, "--region", "mars"), "BadSetting", ("mars", "us-east-1")),
    "account is none": ((*RUN, "--account", "12345"), "BadSetting", ("12345", "12 digits")),
    "unknown query": (
        ("run", "reject-reprot"),
        "UnknownQuery",
        ("reject-reprot", "reject-report", "athena-flow queries"),
    ),
    "estimate of an unknown query": (
        ("estimate", "toptalkers"),
        "UnknownQuery",
        ("toptalkers", "top-talkers"),
    ),
    "missing parameter": (("run", "traffic-from-source"), "BadParameter", ("missing ip",)),
    "unknown parameter": ((*RUN, "-p", "limt=3"), "BadParameter", ("limt", "limit")),
    "parameter of no form": ((*RUN, "-p", "limit"), "BadParameter", ("limit", "name=value")),
    "ill-typed parameter": ((*RUN, "-p", "limit=many"), "BadParameter", ("many", "whole number")),
    "parameter out of range": ((*RUN, "-p", "limit=0"), "BadParameter", ("limit", "at least 1")),
    "parameter given twice": (
        (*RUN, "-p", "limit=1", "-p", "limit=2"),
        "BadParameter",
        ("2 times",),
    ),
    "all of them at once": (
        ("run", "traffic-from-source", "-p", "limit=x", "-p", "prot=6"),
        "BadParameter",
        ("limit='x'", "prot", "missing ip"),
    ),
    "a choice that is none": (
        ("run", "daily-trend", "-p", "bucket=week"),
        "BadParameter",
        ("week", "hour", "day"),
    ),
    "ip with a quote": (
        ("run", "traffic-from-source", "-p", "ip=10.0.0.1' OR '1'='1"),
        "BadParameter",
        ("ip=", "address"),
    ),
    "ip with a newline": (
        ("run", "traffic-from-source", "-p", "ip=10.0.0.1\n"),
        "BadParameter",
        ("ip=", r"\n"),
    ),
    "ip with a space": (
        ("run", "traffic-from-source", "-p", "ip= 10.0.0.1"),
        "BadParameter",
        ("ip=",),
    ),
    "unknown flag": ((*RUN, "--sinze", "7d"), "Usage", ("--sinze", "--help")),
    "unknown command": (("runn", "x"), "Usage", ("runn", "--help")),
    "no query": (("run",), "BadSetting", ("query", "--sql")),
    "unknown engine": ((*RUN, "--engine", "presto"), "BadSetting", ("presto", "athena", "duckdb")),
    "logs with athena": (
        (*RUN, "--engine", "athena", "--logs", "."),
        "BadSetting",
        ("--logs",),
    ),
    "unknown form": ((*RUN, "--as", "xml"), "BadSetting", ("xml", "json")),
    "parquet on stdout": ((*RUN, "--as", "parquet"), "BadSetting", ("-o",)),
    "a budget of no money": ((*RUN, "--max-cost", "cheap"), "BadSetting", ("cheap",)),
    "a budget of no size": ((*RUN, "--max-scan", "10 buckets"), "BadSetting", ("10 buckets",)),
    "a price of none": ((*RUN, "--price-per-tb", "-5"), "BadSetting", ("-5",)),
    "no such settings file": ((*RUN, "--config", "none.toml"), "BadSetting", ("none.toml",)),
    "no folder of queries": ((*RUN, "--queries-dir", "none"), "BadQuery", ("none",)),
}
PLAIN_ERRORS = {"unknown form", "parquet on stdout"}
"""Those whose own --as is what is wrong: their error is one line for people."""
PEOPLE = {
    "unknown fields",
    "since is no time",
    "unknown query",
    "unknown flag",
    "ip with a newline",
}
"""Those that are looked at as people see them too: lines are made in one place."""


@pytest.mark.parametrize("case", sorted(REQUESTS.keys() - PLAIN_ERRORS))
def test_a_wrong_request_is_exit_2(aws: AthenaServer, refuse: Refuse, case: str) -> None:
    """Refused before a single call to AWS, with the nearest right thing in the message or hint."""
    words, kind, named = REQUESTS[case]
    refused = refuse(*words, code=2, kind=kind, people=case in PEOPLE)
    for text in named:
        assert text in refused.message + " " + refused.hint
    assert aws.log == []


@pytest.mark.parametrize("case", sorted(PLAIN_ERRORS))
def test_a_wrong_form_is_exit_2(aws: AthenaServer, cli: Cli, tmp_path: Path, case: str) -> None:
    """An --as that cannot be is one line for people, and nothing is sent or written."""
    words, _, named = REQUESTS[case]
    done = cli(*words)
    assert (done.code, done.out) == (2, "")
    check_lines(done.err)
    assert all(text in done.err for text in named)
    assert aws.log == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('sinze = "7d"\n', ("athena-flow.toml", "sinze", "since")),
        ("since = [1]\n", ("athena-flow.toml", "since")),
        ("since = \n", ("athena-flow.toml",)),
        ('quiet = "yes"\n', ("athena-flow.toml", "quiet")),
    ],
    ids=["unknown key", "wrong type", "no TOML", "no boolean"],
)
def test_a_wrong_settings_file_is_exit_2(
    aws: AthenaServer, refuse: Refuse, tmp_path: Path, text: str, named: tuple[str, ...]
) -> None:
    """athena-flow.toml is checked by key and type, and the error names file and key."""
    (tmp_path / "athena-flow.toml").write_text(text)
    refused = refuse(*RUN, code=2, kind="BadSetting")
    assert all(part in refused.message for part in named)
    assert aws.log == []


def test_a_wrong_query_file_is_exit_2(aws: AthenaServer, refuse: Refuse, tmp_path: Path) -> None:
    """A query of the user's own that writes, or that uses what it does not declare, is named."""
    (tmp_path / "mine.sql").write_text(
        '-- title = "x"\n-- requires = ["srcaddr"]\n'
        "SELECT srcaddr FROM {{ table }} WHERE {{ window }} AND dstport = {{ prot }}\n"
    )
    refused = refuse("run", "mine", "--queries-dir", str(tmp_path), code=2, kind="BadQuery")
    assert "mine.sql" in refused.message
    assert "prot" in refused.message
    assert aws.log == []


def test_a_string_takes_anything_and_quotes_it(cli: Cli, tmp_path: Path) -> None:
    """What would break out of a quote is a value like any other, and finds nothing."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "x.log").write_bytes(TEXT)
    (tmp_path / "mine.sql").write_text(
        '-- title = "x"\n-- requires = ["srcaddr", "action"]\n-- [params.verdict]\n'
        '-- type = "string"\n-- required = true\n-- doc = "x"\n'
        "SELECT srcaddr, {{ verdict }} AS given FROM {{ table }}\n"
        "WHERE {{ window }} AND (action = {{ verdict }} OR {{ verdict }} LIKE '%--%')\n"
    )
    for given, found in (
        ("REJECT", True),
        ("x' OR '1'='1", False),
        ("'; DROP -- \n\\ {{ 1 }}", True),
    ):
        words = ("--queries-dir", str(tmp_path), "-p", f"verdict={given}", "--as", "json")
        done = cli("run", "mine", "--logs", str(folder), *words)
        assert done.code == 0, done.err
        assert json.loads(done.out)["rows"] == ([["172.31.9.69", given]] if found else [])


# ---------------------------------------------------------------- files on this machine


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A folder with one good file, to which a test adds a bad one."""
    folder = tmp_path / "net" / DAY
    folder.mkdir(parents=True)
    (folder / "good.log.gz").write_bytes(gzip.compress(TEXT))
    return folder


@pytest.mark.parametrize(
    ("name", "kind"), [("missing", "NotFound"), ("empty", "NotFound"), ("x.txt", "NotFound")]
)
def test_a_directory_with_no_logs_is_exit_3(
    refuse: Refuse, tmp_path: Path, name: str, kind: str
) -> None:
    """No directory, an empty one, and one that holds other things: named as it was given."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.txt").mkdir()
    (tmp_path / "x.txt" / "notes.txt").write_text("nothing")
    assert name in refuse(*RUN, "--logs", name, code=3, kind=kind).message


BROKEN = {
    "truncated": gzip.compress(TEXT * 50)[:-20],
    "header of gzip only": gzip.compress(TEXT)[:6],
    "corrupt": bytes(b ^ 0xFF if n == 40 else b for n, b in enumerate(gzip.compress(TEXT * 50))),
    "wrong checksum": gzip.compress(TEXT)[:-8] + b"\0\0\0\0" + gzip.compress(TEXT)[-4:],
    "rubbish behind": gzip.compress(TEXT) + b"rubbish",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_gz_is_exit_3(refuse: Refuse, logs: Path, case: str) -> None:
    """A file that cannot be read to its end is named; half of it is never counted."""
    (logs / "bad.log.gz").write_bytes(BROKEN[case])
    people = case == "truncated"
    refused = refuse(*RUN, "--logs", "net", code=3, kind="BadFile", people=people)
    assert "bad.log.gz" in refused.message
    assert "good.log.gz" not in refused.message


def test_a_broken_gz_of_a_table_is_exit_3(cli: Cli, refuse: Refuse, logs: Path) -> None:
    """The same through a local catalog, whose partitions hold the file."""
    engine = ("--engine", "duckdb")
    for words in (("init-table", "--location", "net"), ("add-partitions", "--since", "2d")):
        assert cli(*words, *engine).code == 0
    (logs / "bad.log.gz").write_bytes(BROKEN["truncated"])
    refused = refuse(*RUN, *engine, "--since", "2d", code=3, kind="BadFile")
    assert "bad.log.gz" in refused.message


@pytest.mark.parametrize("name", ["empty.log", "empty.log.gz"])
@pytest.mark.parametrize("data", [b"", gzip.compress(b"")], ids=["0 bytes", "gz of nothing"])
def test_an_empty_file_is_a_note(cli: Cli, logs: Path, name: str, data: bytes) -> None:
    """A file that holds nothing is named in a note, and the query goes on."""
    (logs / name).write_bytes(data)
    done = cli(*RUN, "--logs", "net", "--as", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rows"] == [["172.31.9.69", 1, 20, 4249, 1]]
    notes = [line for line in done.err.splitlines() if name in line]
    assert len(notes) == 1
    assert notes[0].startswith("note: ")
    assert "empty" in notes[0]


def test_a_header_that_does_not_match_is_exit_3(cli: Cli, refuse: Refuse, logs: Path) -> None:
    """A file of the table whose header lacks what the query needs: both formats are shown."""
    engine = ("--engine", "duckdb")
    for words in (("init-table", "--location", "net"), ("add-partitions", "--since", "2d")):
        assert cli(*words, *engine).code == 0
    (logs / "other.log").write_text("version srcaddr end\n2 10.0.0.1 1795219560\n")
    refused = refuse(*RUN, *engine, "--since", "2d", code=3, kind="BadFile")
    assert "other.log" in refused.message
    assert "version srcaddr end" in refused.message
    assert DEFAULT.header in refused.message


def test_a_local_table_that_is_missing_is_exit_3(refuse: Refuse) -> None:
    """No local catalog yet: the hint says what makes one, and none is made by asking."""
    for words in (RUN, ("add-partitions",)):
        refused = refuse(*words, "--engine", "duckdb", code=3, kind="NotFound")
        assert "flow_logs.vpc_flow_logs" in refused.message
        assert "init-table" in refused.hint


def test_a_local_location_that_is_missing_is_exit_3(refuse: Refuse) -> None:
    """A directory that is not there is named, and no table is made over it."""
    words = ("init-table", "--engine", "duckdb", "--location", "nowhere")
    assert "nowhere" in refuse(*words, code=3, kind="NotFound").message


@pytest.mark.parametrize("target", ["none/rows", "net"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_output_file_that_cannot_be_written(
    cli: Cli, logs: Path, tmp_path: Path, form: str, target: str
) -> None:
    """In no folder, or a folder itself: exit 3, the file named, and nothing half-written."""
    before = everything(tmp_path)
    err = failed(cli(*RUN, "--logs", "net", "--as", form, "-o", target), 3)
    check_lines(err)
    assert target in err.splitlines()[-1]
    assert everything(tmp_path) == before


# ---------------------------------------------------------------- an account that says no


@pytest.fixture
def table(aws: AthenaServer) -> AthenaServer:
    """An account with a bucket, a table with a partition, and a bucket for results."""
    s3 = boto3.client("s3")
    for bucket in ("logs", "results"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="logs", Key=f"{DAY}/x.log.gz", Body=gzip.compress(TEXT))
    catalog = GlueCatalog(Account())
    spec = TableSpec("flow_logs", "vpc_flow_logs", "s3://logs/", DEFAULT, DAILY)
    catalog.create(spec)
    start = datetime(2026, 11, 21, tzinfo=UTC)
    catalog.add(spec, [Partition("111122223333", "us-east-1", start)], no_progress)
    aws.log.clear()
    return aws


OUT = ("--output-location", "s3://results/")
EVERY = {
    "init-table": ("init-table", "--location", "s3://logs/"),
    "add-partitions": ("add-partitions", "--since", "2d"),
    "estimate": ("estimate", "reject-report", "--since", "2d"),
    "run": (*RUN, "--since", "2d", *OUT),
}


@pytest.mark.parametrize("command", ["init-table", "add-partitions", "run"])
def test_no_credentials_is_exit_3(
    table: AthenaServer, refuse: Refuse, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Without keys nothing reaches AWS, and the hint says how to get some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    people = command == "run"
    refused = refuse(*EVERY[command], code=3, kind="NoCredentials", people=people)
    assert "--profile" in refused.hint
    assert table.log == []


def test_a_profile_that_is_none_is_exit_3(table: AthenaServer, refuse: Refuse) -> None:
    """A --profile that no file holds is named."""
    refused = refuse(*EVERY["run"], "--profile", "nobody", code=3, kind="NoCredentials")
    assert "nobody" in refused.message


def test_a_missing_bucket_is_exit_3(table: AthenaServer, refuse: Refuse) -> None:
    """Named, by init-table before a table is made over it, and by the others if it is gone."""
    words = ("init-table", "--location", "s3://no-such-bucket/net/", "--table", "new")
    assert "no-such-bucket" in refuse(*words, code=3, kind="NotFound").message
    spec = TableSpec("flow_logs", "gone", "s3://no-such-bucket/net/", DEFAULT, DAILY)
    GlueCatalog(Account()).create(spec)
    words = ("add-partitions", "--since", "2d", "--table", "gone")
    assert "no-such-bucket" in refuse(*words, code=3, kind="NotFound").message


@pytest.mark.parametrize(
    ("command", "missing"), [("add-partitions", "--database"), ("run", "--table")]
)
def test_a_missing_table_is_exit_3(
    table: AthenaServer, refuse: Refuse, command: str, missing: str
) -> None:
    """A database or table that is not there is named, and the hint says what makes it."""
    refused = refuse(*EVERY[command], missing, "nope", code=3, kind="NotFound")
    assert "nope" in refused.message
    assert "init-table" in refused.hint


@pytest.mark.parametrize(
    ("words", "code", "kind", "named"),
    [
        (("--workgroup", "nope", *OUT), 3, "NotFound", ("nope", "--workgroup")),
        ((), 2, "BadSetting", ("output location", "--output-location")),
        (("--output-location", "s3://no-such-bucket/"), 3, "NotFound", ("no-such-bucket",)),
    ],
    ids=["workgroup", "output location", "output bucket"],
)
def test_where_athena_cannot_work(
    table: AthenaServer,
    refuse: Refuse,
    words: tuple[str, ...],
    code: int,
    kind: str,
    named: tuple[str, ...],
) -> None:
    """A missing workgroup or bucket for results is 3, an output location left out is 2."""
    tried = "AmazonAthena.StartQueryExecution"
    refused = refuse(*RUN, "--since", "2d", *words, code=code, kind=kind, tried=tried)
    assert all(text in f"{refused.message} {refused.hint}" for text in named)


REFUSALS = [
    ("init-table", "AWSGlue.GetTable"),
    ("add-partitions", "AWSGlue.BatchCreatePartition"),
    ("add-partitions", "S3.ListObjectsV2"),
    ("estimate", "AWSGlue.GetPartitions"),
    ("run", "S3.ListObjectsV2"),
    ("run", "AmazonAthena.StartQueryExecution"),
]
CODES = {
    "denied": ({"S3": ("AccessDenied", 403)}, ("AccessDeniedException", 400), "AccessDenied"),
    "expired": ({"S3": ("ExpiredToken", 400)}, ("ExpiredTokenException", 400), "NoCredentials"),
}


@pytest.mark.parametrize(
    ("command", "operation", "why"),
    [
        *((command, operation, "denied") for command, operation in REFUSALS),
        ("init-table", "AWSGlue.GetTable", "expired"),
        ("run", "S3.ListObjectsV2", "expired"),
        ("run", "AmazonAthena.StartQueryExecution", "expired"),
    ],
)
def test_what_aws_refuses_is_exit_3(
    table: AthenaServer, refuse: Refuse, command: str, operation: str, why: str
) -> None:
    """Denied and expired, at any call: AWS's reason, what was being done, and what to do."""
    by_service, other, kind = CODES[why]
    code, status = by_service.get(operation.partition(".")[0], other)
    table.faults.add(operation, code, status, "not today", times=99)
    if command == "add-partitions":
        key = DAY.replace("21", "20") + "/x.log"
        boto3.client("s3").put_object(Bucket="logs", Key=key, Body=TEXT)
    refused = refuse(*EVERY[command], code=3, kind=kind, tried=operation)
    assert "not today" in refused.message
    assert ("log in again" if why == "expired" else "IAM") in refused.hint


def test_a_foreign_table_is_exit_3(table: AthenaServer, refuse: Refuse) -> None:
    """A table that athena-flow did not make is left alone; the hint says what can still be done."""
    storage = {"Columns": [{"Name": "srcaddr", "Type": "string"}], "Location": "s3://logs/"}
    given = {"Name": "theirs", "StorageDescriptor": storage, "Parameters": {"EXTERNAL": "TRUE"}}
    boto3.client("glue").create_table(DatabaseName="flow_logs", TableInput=given)
    for command in ("init-table", "add-partitions"):
        words = (*EVERY[command], "--table", "theirs")
        refused = refuse(*words, code=3, kind="ForeignTable")
        assert "flow_logs.theirs" in refused.message
        assert "init-table" in refused.hint
    lacking = refuse(*EVERY["run"], "--table", "theirs", code=2, kind="MissingFields")
    assert "dstport" in lacking.message


def test_a_table_with_another_format_is_exit_2(table: AthenaServer, refuse: Refuse) -> None:
    """init-table over a table of the name with other fields: the first difference is shown."""
    words = (*EVERY["init-table"], "--log-format", "srcaddr end")
    refused = refuse(*words, code=2, kind="TableDiffers")
    assert "log format" in refused.message
    assert "version" in refused.message
    assert "srcaddr" in refused.message


def test_a_statement_that_is_too_long_is_not_sent(
    table: AthenaServer, refuse: Refuse, tmp_path: Path
) -> None:
    """Athena's limit is known, so nothing beyond it is sent."""
    text = f"SELECT count(*) FROM vpc_flow_logs WHERE srcaddr = '{'x' * 262_144}'"
    (tmp_path / "long.sql").write_text(text)
    refused = refuse("run", "--sql", "long.sql", code=2, kind="BadSql")
    assert "262,144" in refused.message


def test_missing_fields_are_exit_2(table: AthenaServer, refuse: Refuse) -> None:
    """A query on a table without its fields is refused before anything runs, naming them all."""
    fmt = parse_format("srcaddr end bytes log-status")
    spec = TableSpec("flow_logs", "small", "s3://logs/", fmt, DAILY)
    GlueCatalog(Account()).create(spec)
    refused = refuse(*EVERY["run"], "--table", "small", code=2, kind="MissingFields")
    assert all(name in refused.message for name in ("dstport", "action", "packets"))
    assert "log-status" not in refused.message


def test_a_table_that_was_altered_is_exit_2(table: AthenaServer, refuse: Refuse) -> None:
    """Columns changed behind our back: the first one that differs is named."""
    glue = boto3.client("glue")
    found = glue.get_table(DatabaseName="flow_logs", Name="vpc_flow_logs")["Table"]
    kept = ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    altered = {key: found[key] for key in kept}
    altered["StorageDescriptor"]["Columns"][3]["Name"] = "source"
    glue.update_table(DatabaseName="flow_logs", TableInput=altered)
    refused = refuse(*EVERY["run"], code=2, kind="TableDiffers")
    assert "source" in refused.message
    assert "srcaddr" in refused.message


def test_an_output_file_that_cannot_be_written_costs_nothing(
    table: AthenaServer, cli: Cli, tmp_path: Path
) -> None:
    """Where the rows cannot go is told before Athena scans a byte."""
    done = cli(*EVERY["run"], "-o", str(tmp_path / "none" / "rows"))
    assert (done.code, done.out) == (3, "")
    check_lines(done.err)
    assert table.statements == []
