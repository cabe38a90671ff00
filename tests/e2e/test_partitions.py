"""add-partitions in a world that throttles, breaks off, refuses and dies: processes on the bench.

After each fault the catalog holds exactly the right partitions, each of them right.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from athena_server import AthenaServer
from conftest import Ran
from organisation import (
    ACCOUNTS,
    DAYS,
    EVERY,
    LOCATION,
    REGIONS,
    TITLE,
    Values,
    called,
    check_catalog,
    days,
    deliver,
    ended,
    folder,
    forget,
    make_table,
    put,
    register,
    running,
    several,
    stored,
    until,
)

from athena_flow.aws import Account, S3Store
from athena_flow.errors import NotFound, PartlyDone
from athena_flow.lambda_handler import handler

Cli = Callable[..., Ran]

ADD = ("add-partitions", "--since", "7d", "--as", "json")
MANY = several([f"{n:012}" for n in range(1, 7)], REGIONS, days("2026-08-24", 90))
"""1,080 partitions: 11 batches."""
ADD_MANY = ("add-partitions", "--since", "2026-08-24", "--as", "json")
CREATE = "AWSGlue.BatchCreatePartition"
LIST = "S3.ListObjectsV2"


@pytest.fixture
def org(aws: AthenaServer) -> AthenaServer:
    """Two accounts, two regions, three days; a table without partitions."""
    make_table()
    deliver(EVERY)
    aws.log.clear()
    return aws


@pytest.fixture
def many(aws: AthenaServer) -> AthenaServer:
    make_table()
    deliver(MANY)
    aws.log.clear()
    return aws


def ok(done: Ran) -> dict[str, Any]:
    assert done.code == 0, done.err
    document: dict[str, Any] = json.loads(done.out)
    assert document["failed"] == []
    return document


def counts(document: dict[str, Any]) -> tuple[int, int, int]:
    return document["wanted"], document["present"], document["added"]


def added(document: dict[str, Any]) -> list[Values]:
    return [(p["account"], p["region"], p["date"]) for p in document["partitions"]]


# ---------------------------------------------------------------- a world that is slow or breaks


def test_throttled_on_every_third_call(org: AthenaServer, cli: Cli) -> None:
    """Glue that says "rate exceeded" again and again is waited out."""
    org.faults.add("AWSGlue.", "ThrottlingException", every=3, times=99)
    assert counts(ok(cli(*ADD))) == (12, 0, 12)
    assert counts(ok(cli(*ADD))) == (12, 12, 0)
    assert len(org.calls(CREATE)) == 2, "one of the two was throttled"
    check_catalog(EVERY)


def test_s3_asks_to_slow_down(org: AthenaServer, cli: Cli) -> None:
    """503 on every third listing: no folder is missed."""
    org.faults.add(LIST, "SlowDown", 503, "Please reduce your request rate.", every=3, times=99)
    assert counts(ok(cli(*ADD))) == (12, 0, 12)
    assert len(org.calls(LIST)) == 10, "7 listings, 3 of them twice"
    check_catalog(EVERY)


def test_connections_cut_in_mid_answer(org: AthenaServer, cli: Cli) -> None:
    """Half a listing, half a page of partitions, half an answer to a write that was done."""
    register(EVERY[:2])
    org.faults.cut(LIST, times=2, after=3)
    org.faults.cut("AWSGlue.GetPartitions")
    org.faults.cut(CREATE)
    document = ok(cli(*ADD))
    assert document["wanted"] == document["present"] + document["added"] == 12
    assert len(org.calls(CREATE)) == 2
    assert org.faults.left == 0
    for values in EVERY[:2]:
        forget(values)
    check_catalog(EVERY[2:])


def test_an_object_cut_in_mid_answer(org: AthenaServer) -> None:
    """What boto3 does not repeat, the reading of a body, is repeated from the start."""
    org.faults.cut("S3.GetObject", times=2)
    put("s3://logs/object")
    store = S3Store(Account())
    uri = folder(EVERY[0]) + "some.log.gz"
    assert store.read(uri, None) == b"x"
    assert len(org.calls("S3.GetObject")) == 3


def test_one_account_may_not_be_listed(org: AthenaServer, cli: Cli) -> None:
    """The others are done; the prefix is named, on stderr and in the JSON; exit 5."""
    prefix = f"net/AWSLogs/{ACCOUNTS[1]}/"
    org.faults.add(LIST, "AccessDenied", 403, "not yours", times=999, where={"prefix": prefix})
    done = cli(*ADD)
    assert done.code == 5
    document = json.loads(done.out)
    assert counts(document) == (6, 0, 6)
    (denied,) = document["denied"]
    assert denied["prefix"] == f"s3://logs/{prefix}vpcflowlogs/"
    assert "AccessDenied: not yours" in denied["reason"]
    error = json.loads(done.err.splitlines()[-1])["error"]
    assert (error["code"], error["kind"]) == (5, "PartlyDone")
    assert denied["prefix"] in error["message"]
    check_catalog([values for values in EVERY if values[0] == ACCOUNTS[0]])


def test_a_denied_account_beside_one_that_is_silent(org: AthenaServer, cli: Cli) -> None:
    """A window in which nobody delivered, and one account in the dark: partly done, not denied."""
    prefix = f"net/AWSLogs/{ACCOUNTS[1]}/"
    org.faults.add(LIST, "AccessDenied", 403, "not yours", times=999, where={"prefix": prefix})
    window = ("--since", "2026-10-01", "--until", "2026-10-03")
    done = cli("add-partitions", *window, "--as", "json")
    assert done.code == 5
    assert [d["prefix"] for d in json.loads(done.out)["denied"]] == [
        f"s3://logs/{prefix}vpcflowlogs/"
    ]
    alone = cli("add-partitions", *window, "--account", ACCOUNTS[1])
    assert (alone.code, alone.out) == (3, "")
    assert f"s3://logs/{prefix}" in alone.err
    check_catalog([])


def in_even_days(values: Sequence[str]) -> bool:
    return values[2] == DAYS[1]


@pytest.mark.parametrize("code", ["InternalServiceException", "OperationTimeoutException"])
def test_a_part_of_a_batch_fails_for_a_moment(org: AthenaServer, cli: Cli, code: str) -> None:
    """What Glue leaves undone inside a 200 answer is sent again, and only that."""
    org.faults.refuse(CREATE, in_even_days, code)
    assert counts(ok(cli(*ADD))) == (12, 0, 12)
    assert [len(call["PartitionInputList"]) for call in org.calls(CREATE)] == [12, 4]
    check_catalog(EVERY)


def test_a_part_of_a_batch_fails_for_good(org: AthenaServer, cli: Cli) -> None:
    """The rest is added; what is not is listed with Glue's reason; a repeat is the cure."""
    org.faults.refuse(CREATE, in_even_days, "ResourceNumberLimitExceededException", "full", times=9)
    rest = [values for values in EVERY if not in_even_days(values)]
    done = cli("add-partitions", "--since", "7d")
    assert done.code == 5
    lines = [line for line in done.err.splitlines() if line.startswith("not added: ")]
    reason = "ResourceNumberLimitExceededException: full"
    places = ", ".join(" ".join(values) for values in EVERY if in_even_days(values))
    assert lines == [f"not added: {places}: {reason}"]
    assert f"4 partitions of {TITLE} failed: {reason}" in done.err
    assert len(org.calls(CREATE)) == 1, "it is not asked again for what is refused"
    check_catalog(rest)
    document = json.loads(cli(*ADD).out)
    assert counts(document) == (12, 8, 0)
    failed = [entry["partition"] for entry in document["failed"]]
    assert [entry["location"] for entry in failed] == [
        folder(values) for values in EVERY if in_even_days(values)
    ]
    assert {entry["reason"] for entry in document["failed"]} == {reason}
    org.faults.clear()
    assert counts(ok(cli(*ADD))) == (12, 8, 4)
    check_catalog(EVERY)


# ---------------------------------------------------------------- death, Ctrl-C, and others at work


def test_killed_between_batches(many: AthenaServer, tmp_path: Path, cli: Cli) -> None:
    """SIGKILL when some batches are in and others are lost on their way; run again, it is whole."""
    many.faults.delay(CREATE, 60, times=8, after=3)
    many.faults.add(CREATE, "InternalServiceException", 500, "lost", times=8, after=3)
    with running(tmp_path, *ADD_MANY) as process:
        called(many, CREATE, 11)
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
    many.faults.let_go()
    until(lambda: many.faults.left == 0, "the batches on their way")
    assert counts(ok(cli(*ADD_MANY))) == (1_080, 300, 780)
    check_catalog(MANY)


def test_ctrl_c_while_it_looks(org: AthenaServer, tmp_path: Path, cli: Cli) -> None:
    """Exit 130 at once, whatever hangs; it says that nothing was added; run again, all is."""
    org.faults.delay(LIST, 60, times=99, after=3)
    with running(tmp_path, *ADD) as process:
        called(org, LIST, 5)
        process.send_signal(signal.SIGINT)
        done = ended(process)
    org.faults.clear()
    assert (done.code, done.out) == (130, "")
    assert done.err == "athena-flow: interrupted: looking for logs: nothing was added\n"
    check_catalog([])
    assert counts(ok(cli(*ADD))) == (12, 0, 12)
    check_catalog(EVERY)


def test_ctrl_c_while_it_adds(many: AthenaServer, tmp_path: Path, cli: Cli) -> None:
    """What is on its way is waited for and counted; the message is what the catalog says."""
    many.faults.delay(CREATE, 60, times=99)
    with running(tmp_path, *ADD_MANY) as process:
        called(many, CREATE, 8)
        process.send_signal(signal.SIGINT)  # heard before any answer that comes after it
        many.faults.clear()
        done = ended(process)
    assert (done.code, done.out) == (130, "")
    here = stored()
    assert 0 < len(here) < 1_080
    assert done.err == (
        f"athena-flow: interrupted: adding partitions: {len(here):,} of 1,080 are done;"
        " the same command does the rest\n"
    )
    check_catalog(here)
    assert counts(ok(cli(*ADD_MANY))) == (1_080, len(here), 1_080 - len(here))
    check_catalog(MANY)


def test_two_processes_at_once(org: AthenaServer, tmp_path: Path) -> None:
    """Both have planned the same before either writes: both end well, nothing is there twice."""
    org.faults.delay(CREATE, 60, times=2)
    with running(tmp_path, *ADD) as one, running(tmp_path, *ADD) as two:
        called(org, CREATE, 2)
        org.faults.clear()
        documents = [ok(ended(process)) for process in (one, two)]
    for document in documents:
        assert document["wanted"] == document["present"] + document["added"] == 12
    assert set(added(documents[0])) | set(added(documents[1])) == set(EVERY)
    check_catalog(EVERY)


def test_deleted_by_someone_else_meanwhile(org: AthenaServer, tmp_path: Path, cli: Cli) -> None:
    """A partition that was there when it looked, and is gone when it writes: the next run's."""
    ok(cli(*ADD, "--account", ACCOUNTS[0]))
    org.faults.delay(CREATE, 60)
    org.log.clear()
    with running(tmp_path, *ADD) as process:
        called(org, CREATE)
        forget(EVERY[0])
        org.faults.clear()
        assert counts(ok(ended(process))) == (12, 6, 6)
    check_catalog(EVERY[1:])
    assert added(ok(cli(*ADD))) == EVERY[:1]
    check_catalog(EVERY)


# ---------------------------------------------------------------- the clock


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-11-21T23:59:59Z", "2026-11-22"),
        ("2026-11-22T00:00:00Z", "2026-11-23"),
        ("2026-11-22T00:00:01Z", "2026-11-23"),
    ],
)
def test_around_midnight(org: AthenaServer, cli: Cli, now: str, last: str) -> None:
    """--ahead 1d has registered today and tomorrow, before anything was delivered in them."""
    words = ("add-partitions", "--since", "3d", "--ahead", "1d", "--as", "json")
    wanted = several(ACCOUNTS, REGIONS, [d for d in days("2026-11-19", 5) if d <= last])
    assert sorted(added(ok(cli(*words, now=now)))) == wanted
    check_catalog(wanted)


def test_ahead_by_the_hour(aws: AthenaServer, cli: Cli) -> None:
    """In an hourly layout the span goes by hours, from the one that runs now."""
    make_table("hourly")
    deliver([(ACCOUNTS[0], REGIONS[0], "2026-11-21", hour) for hour in ("08", "09")], "hourly")
    ok(cli("add-partitions", "--since", "2h", "--ahead", "2h", "--as", "json"))
    wanted = several(ACCOUNTS[:1], REGIONS[:1], ["2026-11-21"], ["08", "09", "10", "11", "12"])
    check_catalog(wanted, "hourly")


def test_a_leap_day(aws: AthenaServer, cli: Cli) -> None:
    """29 February is a day like others in 2028; in 2027 its folder is strange, and named."""
    make_table()
    leap = several(ACCOUNTS, REGIONS, ["2028-02-28", "2028-02-29", "2028-03-01"])
    none = (ACCOUNTS[0], REGIONS[0], "2027-02-29")
    deliver([*leap, none])
    words = ("add-partitions", "--as", "json", "--until", "2028-03-02", "--since")
    assert counts(ok(cli(*words, "2028-02-28"))) == (12, 0, 12)
    check_catalog(leap)
    document = ok(cli(*words, "2027-02-28"))
    assert counts(document) == (12, 12, 0)
    assert document["strange"] == [folder(none)]
    check_catalog(leap)


def test_a_window_in_the_future(org: AthenaServer, cli: Cli) -> None:
    """Nothing lies there and nothing is added; a note says so."""
    done = cli("add-partitions", "--since", "2027-01-01", "--until", "2027-01-08", "--as", "json")
    assert counts(ok(done)) == (0, 0, 0)
    assert f"note: no logs lie in the window below {LOCATION}AWSLogs/" in done.err
    check_catalog([])


# ---------------------------------------------------------------- what lies on the way


def test_what_fits_no_layout_is_named(org: AthenaServer, cli: Cli) -> None:
    """Keys and folders beside the days, but nothing that is hidden, and no marker of a folder."""
    month = f"{LOCATION}AWSLogs/{ACCOUNTS[0]}/vpcflowlogs/{REGIONS[0]}/2026/11/"
    odd = [month + "copy-of-20.log.gz", month + "20-old/"]
    put(odd[0], odd[1] + "x.log.gz", month + "_SUCCESS", month, f"{LOCATION}AWSLogs/readme.txt")
    put(f"{LOCATION}AWSLogs/{ACCOUNTS[0]}/CloudTrail/us-east-1/2026/11/20/x.json.gz")
    done = cli(*ADD)
    document = ok(done)
    assert sorted(document["strange"]) == sorted(odd)
    (note,) = [line for line in done.err.splitlines() if line.startswith("note: ")]
    assert all(uri in note for uri in odd)
    check_catalog(EVERY)


def test_very_many_strange_keys_are_told_by_their_folder(aws: AthenaServer, cli: Cli) -> None:
    """A table of hourly folders over a bucket that had daily ones: one line for each day."""
    make_table("hourly")
    day = folder((ACCOUNTS[0], REGIONS[0], "2026-11-20"))
    put(*(f"{day}{n}.log.gz" for n in range(101)))
    deliver([(ACCOUNTS[0], REGIONS[0], "2026-11-21", "00")], "hourly")
    assert ok(cli(*ADD))["strange"] == [day]


def test_a_folder_with_its_marker_alone(org: AthenaServer, cli: Cli) -> None:
    """A day's folder that S3's console made counts as a day: to tell would cost a call each."""
    marker = (ACCOUNTS[0], REGIONS[0], "2026-11-18")
    put(folder(marker))
    assert counts(ok(cli(*ADD))) == (13, 0, 13)
    check_catalog([*EVERY, marker])


# ---------------------------------------------------------------- --via sql

DEEP = "s3://logs/" + "d" * 400 + "/"
"""A location that makes each clause long: 1,080 partitions in three statements."""
BY_SQL = (*ADD_MANY, "--via", "sql", "--output-location", "s3://results/")
ALTER = f"ALTER TABLE `{TITLE.replace('.', '`.`')}` ADD IF NOT EXISTS"


@pytest.fixture
def deep(aws: AthenaServer) -> AthenaServer:
    make_table(location=DEEP)
    deliver(MANY, location=DEEP)
    put("s3://results/old")
    aws.log.clear()
    return aws


def test_by_sql(deep: AthenaServer, cli: Cli) -> None:
    """ALTER TABLE in statements that Athena takes, and not one write to Glue; twice is once."""
    assert counts(ok(cli(*BY_SQL))) == (1_080, 0, 1_080)
    sizes = [len(text.encode()) for text in deep.statements]
    assert len(sizes) == 3
    assert max(sizes) <= 262_144
    assert all(text.startswith(ALTER) for text in deep.statements)
    assert deep.calls(CREATE) == []
    check_catalog(MANY, location=DEEP)
    assert counts(ok(cli(*BY_SQL))) == (1_080, 1_080, 0)
    assert len(deep.statements) == 3


def test_a_statement_that_fails(deep: AthenaServer, cli: Cli) -> None:
    """Its partitions are listed with Athena's reason, the other statements go on, exit 5."""
    deep.faults.fail_query("FAILED: SemanticException no space", after=1)
    done = cli(*BY_SQL)
    assert done.code == 5
    document = json.loads(done.out)
    failed = [entry["partition"]["location"] for entry in document["failed"]]
    assert len(failed) == 1_080 - document["added"] == deep.statements[1].count("LOCATION")
    assert all("no space" in entry["reason"] for entry in document["failed"])
    check_catalog(
        [values for values in MANY if folder(values, location=DEEP) not in failed], location=DEEP
    )
    assert counts(ok(cli(*BY_SQL))) == (1_080, document["added"], len(failed))
    check_catalog(MANY, location=DEEP)


def test_refused_between_statements(deep: AthenaServer, cli: Cli) -> None:
    """Denied from the second statement on: no third is tried, and what was done is told."""
    start = "AmazonAthena.StartQueryExecution"
    deep.faults.add(start, "AccessDeniedException", message="not today", times=99, after=1)
    done = cli(*BY_SQL)
    assert done.code == 5
    document = json.loads(done.out)
    assert len(deep.statements) == 2
    assert document["added"] == len(stored()) > 0
    assert len(document["failed"]) == 1_080 - document["added"]
    deep.faults.clear()
    deep.faults.add(start, "AccessDeniedException", message="not today", times=99)
    assert cli(*BY_SQL).code == 3


def test_ctrl_c_between_statements(deep: AthenaServer, tmp_path: Path, cli: Cli) -> None:
    """Exit 130; the message says what is in; the same command does the rest."""
    deep.faults.delay("AmazonAthena.StartQueryExecution", 60, after=1)
    deep.faults.add("AmazonAthena.StartQueryExecution", "InternalServerException", 500, after=1)
    with running(tmp_path, *BY_SQL) as process:
        called(deep, "AmazonAthena.StartQueryExecution", 2)
        process.send_signal(signal.SIGINT)
        done = ended(process)
    deep.faults.clear()
    here = stored()
    assert (done.code, done.out) == (130, "")
    assert f"adding partitions: {len(here):,} of 1,080 are done" in done.err
    assert 0 < len(here) < 1_080
    check_catalog(here, location=DEEP)
    ok(cli(*BY_SQL))
    check_catalog(MANY, location=DEEP)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--via", "sql", "--engine", "duckdb"), "--via sql is Athena's"),
        (("--via", "sqll"), "--via 'sqll' is none of glue, sql"),
        (("--via", "sql", "--engine", "duckdb", "--dry-run"), "--via sql is Athena's"),
    ],
)
def test_ways_that_there_are_not(
    org: AthenaServer, cli: Cli, words: tuple[str, ...], said: str
) -> None:
    """Exit 2 before anything is asked."""
    done = cli("add-partitions", "--since", "7d", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert org.log == []


# ---------------------------------------------------------------- unattended


@pytest.fixture
def unattended(org: AthenaServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AthenaServer:
    """A function's environment: settings in variables, and a folder without a file of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATHENA_FLOW_NOW", "2026-11-21T10:05Z")
    monkeypatch.setenv("ATHENA_FLOW_SINCE", "2d")
    return org


def test_the_handler(
    unattended: AthenaServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document of --as json, ready for JSON; the second time it adds nothing."""
    monkeypatch.setenv("ATHENA_FLOW_AHEAD", "1d")
    monkeypatch.setenv("ATHENA_FLOW_ACCOUNT", ",".join(ACCOUNTS))
    document = handler({}, None)
    assert json.loads(json.dumps(document)) == document
    wanted = several(ACCOUNTS, REGIONS, days("2026-11-19", 4))
    assert counts(document) == (16, 0, 16)
    assert sorted(added(document)) == wanted
    check_catalog(wanted)
    again = handler({"time": "now"}, object())
    assert (counts(again), again["partitions"]) == ((16, 16, 0), [])
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{TITLE}: wanted 16, present 16, added 0" in said.err


def test_the_handler_on_trial(unattended: AthenaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """ATHENA_FLOW_DRY_RUN is heeded: the plan, and no write."""
    monkeypatch.setenv("ATHENA_FLOW_DRY_RUN", "1")
    document = handler({}, None)
    assert counts(document) == (12, 0, 0)
    assert sorted(added(document)) == EVERY
    assert document["statements"]
    check_catalog([])


def test_the_handler_raises(unattended: AthenaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler sees a failed invocation; what could be done is done."""
    unattended.faults.refuse(CREATE, in_even_days, "InvalidInputException", "no", times=9)
    with pytest.raises(PartlyDone, match=rf"4 partitions of {TITLE} failed: InvalidInput"):
        handler({}, None)
    check_catalog([values for values in EVERY if not in_even_days(values)])
    monkeypatch.setenv("ATHENA_FLOW_TABLE", "no_such_table")
    with pytest.raises(NotFound, match="no_such_table"):
        handler({}, None)


def test_a_scheduler_reads_exit_codes(org: AthenaServer, cli: Cli) -> None:
    """Nothing to do is 0, nothing of one's own is 3, and stdout stays clean with --quiet."""
    ok(cli(*ADD))
    quiet = cli("add-partitions", "--since", "7d", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert cli("add-partitions", "--table", "nobodys").code == 3
