"""What a plan costs: the calls follow the window, whatever the history, and each is counted."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from athena_server import AthenaServer
from conftest import Ran
from organisation import (
    ACCOUNTS,
    EVERY,
    REGIONS,
    Values,
    check_catalog,
    days,
    deliver,
    make_table,
    put,
    register,
    several,
    stored,
)

from athena_flow.layout import LAYOUTS
from athena_flow.window import Window

Cli = Callable[..., Ran]

PLAN = ("add-partitions", "--dry-run", "--as", "json", "--verbose")
TERM = r"(aws_account_id|aws_region|date) (=|IN|>=|<=) ('[^']*'|\('[^']*'(, '[^']*')*\))"
COUNTED = re.compile(r"AWS calls: ([\d,]+) \((.*)\)")


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    return done


def told(done: Ran) -> Counter[str]:
    """The calls that --verbose counts."""
    (line,) = [line for line in done.err.splitlines() if line.startswith("AWS calls")]
    match = COUNTED.fullmatch(line)
    assert match
    each = (entry.rpartition(" ") for entry in match[2].split(", "))
    found = Counter({name: int(count) for name, _, count in each})
    assert found.total() == int(match[1].replace(",", ""))
    return found


def sent(aws: AthenaServer) -> Counter[str]:
    """The calls that the bench was sent, in the words of --verbose."""
    names = {"AWSGlue": "glue", "S3": "s3", "AmazonAthena": "athena"}
    split = (call.operation.partition(".") for call in aws.log)
    return Counter(f"{names[service]}.{operation}" for service, _, operation in split)


def expressions(aws: AthenaServer) -> list[str]:
    """Those by which Glue was asked for partitions; each is one that it can prune by."""
    found = [call.get("Expression", "") for call in aws.calls("AWSGlue.GetPartitions")]
    for text in found:
        assert re.fullmatch(f"{TERM}( AND {TERM})*", text)
        assert len(text) <= 2_048
    return found


@pytest.fixture
def history(aws: AthenaServer) -> Callable[[int], None]:
    """A table with so many partitions in the years before the window, there and registered."""

    def make(count: int) -> None:
        aws.reset()
        make_table()
        past = several(ACCOUNTS, REGIONS, days("2022-01-01", 1_300))[:count]
        register(past)
        deliver(values for values in past if values[2].endswith("-01"))
        deliver(EVERY)
        register(EVERY[:3])
        aws.log.clear()

    return make


@pytest.mark.parametrize(
    ("window", "listings"),
    [
        (("--since", "7d"), 1 + 2 + 4),
        (("--since", "2026-10-30"), 1 + 2 + 4 * 2),
        (("--since", "7d", "--account", ACCOUNTS[0]), 1 + 2),
        (("--since", "7d", "--account", ACCOUNTS[0], "--region", REGIONS[0]), 1),
    ],
    ids=["week", "two months", "an account", "an account and region"],
)
def test_calls_follow_the_window(
    aws: AthenaServer, history: Callable[[int], None], cli: Cli, window: list[str], listings: int
) -> None:
    """One table, one page of partitions, and one listing for each level that the window touches:
    with 50 partitions in the past or with 5,000."""
    exact = {"glue.GetTable": 1, "glue.GetPartitions": 1, "s3.ListObjectsV2": listings}
    for count in (50, 5_000):
        history(count)
        done = ok(cli(*PLAN, *window))
        assert sent(aws) == exact
        assert told(done) == exact
        (expression,) = expressions(aws)
        assert "date >= '2026-1" in expression
        (call,) = aws.calls("AWSGlue.GetPartitions")
        assert call["ExcludeColumnSchema"] is True
        wanted = 12 // (2 ** sum(word in window for word in ("--account", "--region")))
        document = json.loads(done.out)
        assert (document["wanted"], document["present"]) == (wanted, 3)


def test_every_call_is_counted(aws: AthenaServer, cli: Cli) -> None:
    """--verbose counts what was sent: repeated calls too, writes too, by Glue or by Athena."""
    make_table()
    deliver(EVERY)
    put("s3://results/old")
    aws.log.clear()
    aws.faults.add("S3.ListObjectsV2", "SlowDown", 503, times=2)
    aws.faults.cut("AWSGlue.BatchCreatePartition")
    done = ok(cli("add-partitions", "--since", "2026-11-21", "--verbose"))
    assert told(done) == sent(aws)
    assert told(done)["glue.BatchCreatePartition"] == 2
    aws.log.clear()
    by_sql = ("--via", "sql", "--output-location", "s3://results/")
    done = ok(cli("add-partitions", "--since", "7d", "--verbose", *by_sql))
    assert told(done) == sent(aws)
    assert told(done)["athena.StartQueryExecution"] == 1
    quiet = ok(cli("add-partitions", "--since", "7d"))
    assert "AWS calls" not in quiet.err
    check_catalog(EVERY)


def test_very_many_accounts(aws: AthenaServer, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 accounts are asked for in chunks, each partition once, in expressions that fit."""
    make_table()
    accounts = [f"{n:012}" for n in range(1, 301)]
    here = several([accounts[0], accounts[150], accounts[299]], REGIONS, days("2026-11-20", 2))
    deliver(here)
    register([*here[:5], *several(["999999999999"], REGIONS, days("2026-11-20", 2))])
    aws.log.clear()
    monkeypatch.setenv("ATHENA_FLOW_ACCOUNT", ",".join(accounts))
    done = ok(cli(*PLAN, "--since", "2d"))
    document = json.loads(done.out)
    assert (document["wanted"], document["present"]) == (12, 5)
    texts = expressions(aws)
    assert len(texts) == 3
    asked = re.findall(r"'(\d{12})'", " ".join(texts))
    assert asked == accounts
    assert told(done) == sent(aws)


@pytest.mark.parametrize(("accounts", "regions"), [(0, 0), (1, 2), (121, 0), (122, 30), (300, 80)])
def test_expressions_fit(accounts: int, regions: int) -> None:
    """Whatever is named: each within Glue's limit, and together every account once."""
    window = Window(
        datetime(2026, 11, 14, tzinfo=UTC),
        datetime(2026, 11, 21, tzinfo=UTC),
        tuple(f"{n:012}" for n in range(accounts)),
        tuple(f"eu-west-{n}" for n in range(regions)),
    )
    texts = LAYOUTS["hive-hourly"].expressions(window)
    for text in texts:
        assert re.fullmatch(f"{TERM}( AND {TERM})*", text)
        assert len(text) <= 2_048
        assert text.endswith("date >= '2026-11-14' AND date <= '2026-11-20'")
    assert re.findall(r"'(\d{12})'", " ".join(texts)) == list(window.accounts)
    assert len(texts) <= 1 + accounts // 50


def test_hours_are_exact(aws: AthenaServer, cli: Cli) -> None:
    """In an hourly layout a window of hours means just these, though Glue is asked by days."""
    make_table("hive-hourly")
    hours = [f"{n:02}" for n in range(24)]
    both = several(ACCOUNTS[:1], REGIONS, ["2026-11-20", "2026-11-21"], hours)
    deliver(both, "hive-hourly")
    aws.log.clear()
    window = ("--since", "2026-11-20T22:30Z", "--until", "2026-11-21T01:00:01Z")
    done = ok(cli("add-partitions", *window, "--as", "json", "--verbose"))
    wanted = [
        v
        for v in both
        if v[2:]
        in {("2026-11-20", "22"), ("2026-11-20", "23"), ("2026-11-21", "00"), ("2026-11-21", "01")}
    ]
    check_catalog(wanted, "hive-hourly")
    assert expressions(aws) == ["date >= '2026-11-20' AND date <= '2026-11-21'"]
    assert told(done)["s3.ListObjectsV2"] == 1 + 1 + 2 * 2
    again = json.loads(ok(cli(*PLAN, *window)).out)
    assert (again["wanted"], again["present"]) == (8, 8)
    listed = json.loads(ok(cli("partitions", "list", *window, "--as", "json")).out)
    assert [(e["region"], e["date"], e["hour"]) for e in listed] == [v[1:] for v in wanted]


def test_a_long_page_is_read_in_segments(aws: AthenaServer, cli: Cli) -> None:
    """More than a page in the window: every segment is asked, and nothing is lost or double."""
    make_table()
    accounts = [f"{n:012}" for n in range(1, 41)]
    register(several(accounts, REGIONS, days("2026-11-01", 30)))
    aws.log.clear()
    done = ok(cli("partitions", "list", "--as", "json", "--verbose"))
    listed: list[Values] = [(e["account"], e["region"], e["date"]) for e in json.loads(done.out)]
    assert listed == sorted(stored())
    calls = aws.calls("AWSGlue.GetPartitions")
    assert {call.get("Segment", {}).get("SegmentNumber") for call in calls} == {None, 0, 1, 2, 3, 4}
    assert len(calls) == 6
    assert told(done) == sent(aws)
