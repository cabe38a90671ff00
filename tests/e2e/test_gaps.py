"""partitions list, gaps and drop: the truth about what is there, each kind planted by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from athena_server import AthenaServer
from conftest import Ran
from organisation import (
    ACCOUNTS,
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
    glue_table,
    make_table,
    on_terminal,
    register,
    running,
    several,
    stored,
)

from athena_flow.aws import Account
from athena_flow.glue import GlueCatalog
from athena_flow.layout import LAYOUTS
from athena_flow.logformat import DEFAULT
from athena_flow.table import Projection, TableSpec

Cli = Callable[..., Ran]
Golden = Callable[[str, str], None]

GAPS = ("partitions", "gaps", "--since", "2026-11-10")
DROP = ("partitions", "drop")
WINDOW = days("2026-11-10", 11)
"""The days that are over; the 21st is today."""
ONE, TWO, THREE, FOUR = several(ACCOUNTS, REGIONS)
"""An account and region each."""
CONTROL = re.compile(r"\x1b\[[0-9;]*m")


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    return done


def entry(values: Values, layout: str = "daily", **more: str) -> dict[str, Any]:
    """A partition as JSON shows it."""
    account, region, day, *hour = values
    return {
        "account": account,
        "region": region,
        "date": day,
        "hour": hour[0] if hour else None,
        "location": folder(values, layout),
        **more,
    }


def elsewhere(values: Values) -> str:
    return f"s3://old/{'-'.join(values)}/"


@pytest.fixture
def planted(aws: AthenaServer) -> AthenaServer:
    """Four sources over eleven days and today, with one of each kind of gap."""
    make_table()
    first = {ONE: "2026-10-01", TWO: "2026-11-15", THREE: "2026-11-10", FOUR: "2026-11-10"}
    here = {(*s, d) for s in first for d in WINDOW if d >= first[s]} | {(*ONE, "2026-10-01")}
    here -= {(*ONE, "2026-11-12"), (*THREE, "2026-11-13"), (*TWO, "2026-11-20")}
    deliver([*here, (*FOUR, "2026-11-21")])
    missing, wrong = {(*THREE, "2026-11-18"), (*FOUR, "2026-11-21")}, (*FOUR, "2026-11-16")
    register(sorted(here - missing - {wrong}))
    register([wrong], at=elsewhere)
    register([(*THREE, "2026-11-13")])  # a phantom
    register(several(*([part] for part in THREE), ["2026-11-21", "2026-11-22"]))  # ahead
    aws.log.clear()
    return aws


# ---------------------------------------------------------------- gaps


def test_each_kind_of_gap(planted: AthenaServer, cli: Cli) -> None:
    """Exactly what was planted: no day before a source's first, none that is not over."""
    done = ok(cli(*GAPS, "--as", "json"))
    assert json.loads(done.out) == {
        "missing": [entry((*THREE, "2026-11-18")), entry((*FOUR, "2026-11-21"))],
        "phantom": [entry((*THREE, "2026-11-13"))],
        "wrong_location": [
            entry((*FOUR, "2026-11-16"), registered=elsewhere((*FOUR, "2026-11-16")))
        ],
        "silent": [
            entry((*ONE, "2026-11-12")),
            entry((*TWO, "2026-11-20")),
            entry((*THREE, "2026-11-13")),
        ],
        "denied": [],
        "strange": [],
        "unknown": [],
    }
    assert "34 present, 2 missing, 1 phantom, 1 at a wrong location, 3 silent" in done.err


def test_gaps_as_rows(planted: AthenaServer, cli: Cli) -> None:
    """The same as csv, and as a table, which has no column that holds nothing."""
    head, *rows = csv.reader(io.StringIO(ok(cli(*GAPS, "--as", "csv")).out))
    assert head == ["gap", "account", "region", "date", "hour", "location", "registered"]
    wrong = (*FOUR, "2026-11-16")
    assert rows == [
        ["missing", *THREE, "2026-11-18", "", folder((*THREE, "2026-11-18")), ""],
        ["missing", *FOUR, "2026-11-21", "", folder((*FOUR, "2026-11-21")), ""],
        ["phantom", *THREE, "2026-11-13", "", folder((*THREE, "2026-11-13")), ""],
        ["wrong-location", *wrong, "", folder(wrong), elsewhere(wrong)],
        ["silent", *ONE, "2026-11-12", "", folder((*ONE, "2026-11-12")), ""],
        ["silent", *TWO, "2026-11-20", "", folder((*TWO, "2026-11-20")), ""],
        ["silent", *THREE, "2026-11-13", "", folder((*THREE, "2026-11-13")), ""],
    ]
    done = ok(cli(*GAPS, "--account", ACCOUNTS[0]))
    assert [line.split() for line in done.out.splitlines()] == [
        ["gap", "account", "region", "date", "location"],
        ["silent", *ONE, "2026-11-12", folder((*ONE, "2026-11-12"))],
        ["silent", *TWO, "2026-11-20", folder((*TWO, "2026-11-20"))],
    ]


def test_a_day_is_silent_once_it_is_over(planted: AthenaServer, cli: Cli) -> None:
    """The last files of a day come some minutes after midnight: it is given an hour."""
    for now, silent in (("2026-11-22T00:59:59Z", 0), ("2026-11-22T01:00Z", 3)):
        done = ok(cli("partitions", "gaps", "--since", "2026-11-21", "--as", "json", now=now))
        found = json.loads(done.out)
        assert len(found["silent"]) == silent
        assert len(found["phantom"]) == silent // 3


def test_fix_registers_where_it_lies(planted: AthenaServer, cli: Cli) -> None:
    """--dry-run says what, --fix does it, and the partition is whole: then there is no gap."""
    wrong = (*FOUR, "2026-11-16")
    before = stored()
    done = ok(cli(*GAPS, "--fix", "--dry-run"))
    assert "to mend: the location of 1 partitions" in done.err
    assert stored() == before
    done = ok(cli(*GAPS, "--fix", "--as", "json"))
    assert "mended the location of 1 partitions" in done.err
    document = json.loads(done.out)
    assert (document["mended"], document["failed"]) == ([entry(wrong)], [])
    assert {v: s for v, s in stored().items() if v != wrong} == {
        v: s for v, s in before.items() if v != wrong
    }
    for values in set(stored()) - {wrong}:
        forget(values)
    check_catalog([wrong])
    again = ok(cli(*GAPS, "--fix", "--as", "json"))
    assert (json.loads(again.out)["wrong_location"], json.loads(again.out)["mended"]) == ([], [])
    assert len(planted.calls("AWSGlue.BatchUpdatePartition")) == 1


def test_a_partition_that_is_gone_before_it_is_mended(
    planted: AthenaServer, tmp_path: Path, cli: Cli
) -> None:
    """Somebody deletes it meanwhile: it is not made again, but named, exit 5; the other is done."""
    gone, other = (*FOUR, "2026-11-16"), (*FOUR, "2026-11-17")
    forget(other)
    register([other], at=elsewhere)
    planted.faults.delay("AWSGlue.BatchUpdatePartition", 60)
    with running(tmp_path, *GAPS, "--fix", "--as", "json") as process:
        called(planted, "AWSGlue.BatchUpdatePartition")
        forget(gone)
        planted.faults.clear()
        done = ended(process)
    assert done.code == 5
    document = json.loads(done.out)
    assert document["mended"] == [entry(other)]
    assert document["failed"] == [
        {"partition": entry(gone), "reason": "is not registered any more"}
    ]
    assert gone not in stored()
    assert stored()[other]["Location"] == folder(other)
    again = json.loads(ok(cli(*GAPS, "--fix", "--as", "json")).out)
    assert entry(gone) in again["missing"]


def test_gaps_in_the_dark(planted: AthenaServer, cli: Cli) -> None:
    """Of a prefix that may not be listed nothing is claimed; the rest is told, exit 5."""
    prefix = f"net/AWSLogs/{ACCOUNTS[1]}/"
    planted.faults.add(
        "S3.ListObjectsV2", "AccessDenied", 403, "no", times=99, where={"prefix": prefix}
    )
    done = cli(*GAPS, "--as", "json")
    assert done.code == 5
    found = json.loads(done.out)
    assert [d["prefix"] for d in found["denied"]] == [f"s3://logs/{prefix}vpcflowlogs/"]
    assert (found["missing"], found["phantom"], found["wrong_location"]) == ([], [], [])
    assert found["silent"] == [entry((*ONE, "2026-11-12")), entry((*TWO, "2026-11-20"))]


def test_a_history_in_the_dark(planted: AthenaServer, cli: Cli) -> None:
    """Where the years may not be listed but the month may: its silence is unknown, and said so."""
    years = folder((*ONE, "2026-11-01")).removesuffix("2026/11/01/")
    month = f"{years}2026/11/".removeprefix("s3://logs/")
    planted.faults.add(
        "S3.ListObjectsV2",
        "AccessDenied",
        403,
        "no",
        times=1,
        after=1,
        where={"prefix": years.removeprefix("s3://logs/")},
    )
    done = cli(*GAPS, "--as", "json", "--account", ONE[0], "--region", ONE[1])
    assert planted.calls("S3.ListObjectsV2")[0]["prefix"] == month
    assert done.code == 5
    found = json.loads(done.out)
    assert [d["prefix"] for d in found["denied"]] == [years]
    assert (found["missing"], found["silent"]) == ([], [])
    assert "10 present" in done.err


def test_values_that_are_nobodys(planted: AthenaServer, cli: Cli) -> None:
    """Partitions registered by hand with other values are named, neither hidden nor touched."""
    odd = ("me", "here", "2026-11-15")
    register([odd], at=lambda _: "s3://mine/")
    note = "no account, region and day: 1: s3://mine/"
    done = ok(cli(*GAPS, "--as", "json"))
    assert note in done.err
    assert json.loads(done.out)["unknown"] == ["s3://mine/"]
    assert note in ok(cli("partitions", "list")).err
    ok(cli(*DROP, "--before", "2027-01-01", "--yes"))
    assert list(stored()) == [odd]


def make_projected(accounts: tuple[str, ...]) -> None:
    spec = TableSpec(
        "flow_logs",
        "vpc_flow_logs",
        LOCATION,
        DEFAULT,
        LAYOUTS["daily"],
        partitions="projection",
        projection=Projection(date(2026, 1, 1), REGIONS, accounts),
    )
    GlueCatalog(Account()).create(spec)


def test_a_projected_table(aws: AthenaServer, cli: Cli) -> None:
    """Nothing is registered, so nothing is phantom; what it does not project is missing."""
    make_projected(ACCOUNTS[:1])
    deliver(several(ACCOUNTS, REGIONS[:1], ["2026-11-18", "2026-11-20"]))
    done = ok(cli("partitions", "gaps", "--since", "2026-11-17", "--as", "json"))
    found = json.loads(done.out)
    assert found["missing"] == [
        entry((ACCOUNTS[1], REGIONS[0], day)) for day in ("2026-11-18", "2026-11-20")
    ]
    assert (found["phantom"], found["wrong_location"]) == ([], [])
    assert found["silent"] == [entry((a, REGIONS[0], "2026-11-19")) for a in ACCOUNTS]
    assert "projects other accounts, regions or days" in done.err
    only = ("--since", "2026-11-17", "--account", ACCOUNTS[1], "--as", "json")
    assert json.loads(ok(cli("partitions", "gaps", *only)).out)["missing"] == found["missing"]
    for words in (("list",), ("drop", "--before", "1d", "--yes")):
        done = ok(cli("partitions", *words, "--as", "json"))
        assert "projects its partitions: none is registered" in done.err
    assert "nothing to add" in ok(cli("add-partitions", "--since", "7d", "--ahead", "1d")).err
    assert stored() == {}


def test_a_foreign_table(planted: AthenaServer, cli: Cli) -> None:
    """It can be listed in its own words, and nothing else: exit 3, and nothing is changed."""
    before = stored()
    table = {
        "Name": "theirs",
        "PartitionKeys": [{"Name": "day", "Type": "string"}],
        "StorageDescriptor": {"Columns": [], "Location": "s3://theirs/"},
    }
    glue = boto3.client("glue")
    glue.create_table(DatabaseName="flow_logs", TableInput=table)
    glue_table("theirs").create_partition(
        {"Values": ["20261120"], "StorageDescriptor": {"Location": "s3://theirs/x/"}}
    )
    listed = json.loads(ok(cli("partitions", "--table", "theirs", "--as", "json")).out)
    assert listed == [{"day": "20261120", "location": "s3://theirs/x/"}]
    for words in (
        GAPS,
        (*DROP, "--before", "1d", "--yes"),
        ("partitions", "list", "--since", "1d"),
    ):
        done = cli(*words, "--table", "theirs")
        assert (done.code, done.out) == (3, "")
        assert "was not created by athena-flow" in done.err
    assert len(glue_table("theirs").partitions) == 1
    assert stored() == before


def test_logs_on_this_machine(tmp_path: Path, cli: Cli) -> None:
    """The same on the local catalog, over folders: gaps, list and drop, with no account."""
    source = ONE
    for day in ("2026-11-17", "2026-11-18", "2026-11-20", "2026-11-21"):
        path = tmp_path / folder((*source, day), location="")
        path.mkdir(parents=True)
        (path / "some.log").touch()
    local = ("--engine", "duckdb")
    ok(cli("init-table", "--location", str(tmp_path), *local))
    ok(cli("add-partitions", "--since", "2026-11-18", "--ahead", "1d", *local))
    window = ("--since", "2026-11-17", "--as", "json", *local)
    found = json.loads(ok(cli("partitions", "gaps", *window)).out)
    shown = {kind: [e["date"] for e in found[kind]] for kind in ("missing", "silent", "phantom")}
    assert shown == {"missing": ["2026-11-17"], "silent": ["2026-11-19"], "phantom": []}
    ok(cli(*DROP, "--before", "2026-11-20", "--yes", *local))
    listed = json.loads(ok(cli("partitions", "--as", "json", *local)).out)
    assert [e["date"] for e in listed] == ["2026-11-20", "2026-11-21", "2026-11-22"]


# ---------------------------------------------------------------- the picture


def picture(folder: Path, *words: str, width: int = 100) -> str:
    done = on_terminal(folder, *words, width=width)
    assert done.code == 0, done.out
    return CONTROL.sub("", done.out)


def test_the_picture(planted: AthenaServer, tmp_path: Path, golden: Golden) -> None:
    """A cell a day, a row per account and region, and below it the rows; each kind a colour."""
    done = on_terminal(tmp_path, *GAPS)
    golden("output/gaps.txt", CONTROL.sub("", done.out))
    for mark, colour in (("!", 31), ("?", 33), ("x", 35), ("-", 36), ("#", 32)):
        assert f"\x1b[{colour}m{mark}" in done.out


def test_the_picture_of_a_narrow_terminal(
    planted: AthenaServer, tmp_path: Path, golden: Golden
) -> None:
    """Days that do not fit go on below; no line is longer than the terminal."""
    text = picture(tmp_path, *GAPS, "--until", "2026-11-21", "--region", REGIONS[1], width=33)
    golden("output/gaps-narrow.txt", text)
    calendar = text.partition("gap")[0].splitlines()[:-1]
    assert max(map(len, calendar)) <= 33


def test_the_picture_of_hours(aws: AthenaServer, tmp_path: Path, golden: Golden) -> None:
    """A day of hours shows the worst of them: one hour that is missing marks its day."""
    make_table("hive-hourly")
    hours = [f"{n:02}" for n in range(24)]
    source = (ACCOUNTS[0], REGIONS[0])
    here = several(*([part] for part in source), ["2026-11-19", "2026-11-20"], hours)
    here += several(*([part] for part in source), ["2026-11-21"], hours[:10])
    deliver(set(here) - {(*source, "2026-11-20", "05")}, "hive-hourly")
    where = {values: folder(values, "hive-hourly") for values in here}
    absent = {(*source, "2026-11-20", "05"), (*source, "2026-11-21", "07")}
    register(sorted(set(here) - absent), at=where.__getitem__)
    golden("output/gaps-hours.txt", picture(tmp_path, "partitions", "gaps", "--since", "3d"))


def test_the_picture_of_more_than_a_year(aws: AthenaServer, tmp_path: Path, golden: Golden) -> None:
    """In blocks below each other, the year where it changes."""
    make_table("hive-daily")
    here = several(ACCOUNTS[:1], REGIONS, [d for d in days("2025-09-01", 446) if d[-2:] != "13"])
    deliver(here, "hive-daily")
    register(here, at=lambda values: folder(values, "hive-daily"))
    text = picture(tmp_path, "partitions", "gaps", "--since", "2025-08-15", width=120)
    golden("output/gaps-year.txt", text.partition("gap")[0])


def test_no_picture_where_nobody_looks(planted: AthenaServer, tmp_path: Path) -> None:
    """With -o the rows go into the file, and with --as to the terminal: no picture in either."""
    done = on_terminal(tmp_path, *GAPS, "-o", "gaps.txt")
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "gaps.txt").read_text("utf-8").startswith("gap ")
    assert on_terminal(tmp_path, *GAPS, "--as", "csv").out.startswith("gap,account")


# ---------------------------------------------------------------- list


def test_list(planted: AthenaServer, cli: Cli) -> None:
    """What the catalog has, with the locations that it has."""
    document = json.loads(ok(cli("partitions", "list", "--as", "json")).out)
    assert document == [
        {**entry(values), "location": storage["Location"]}
        for values, storage in sorted(stored().items())
    ]
    window = ("--since", "2026-11-15", "--until", "2026-11-17", "--account", ACCOUNTS[1])
    done = ok(cli("partitions", *window))
    assert [line.split() for line in done.out.splitlines()] == [
        ["account", "region", "date", "location"],
        [*THREE, "2026-11-15", folder((*THREE, "2026-11-15"))],
        [*THREE, "2026-11-16", folder((*THREE, "2026-11-16"))],
        [*FOUR, "2026-11-15", folder((*FOUR, "2026-11-15"))],
        [*FOUR, "2026-11-16", elsewhere((*FOUR, "2026-11-16"))],
    ]
    assert f"{TITLE}: 4 partitions" in done.err
    rows = list(csv.reader(io.StringIO(ok(cli("partitions", *window, "--as", "csv")).out)))
    assert rows[0] == ["account", "region", "date", "hour", "location"]
    assert rows[1] == [*THREE, "2026-11-15", "", folder((*THREE, "2026-11-15"))]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gap",), "did you mean gaps"),
        (("list", "--fix"), "list takes no --fix"),
        (("gaps", "--before", "1d"), "gaps takes no --before"),
        (("drop",), "wants to know which"),
        (("drop", "--account", ACCOUNTS[0]), "wants to know which"),
        (("drop", "--before", "1d", "--since", "2d"), "--before stands alone"),
        (("drop", "--before", "soon"), "'soon' is no time"),
    ],
)
def test_what_makes_no_sense(
    planted: AthenaServer, cli: Cli, words: tuple[str, ...], said: str
) -> None:
    """Exit 2, and nothing is asked."""
    done = cli("partitions", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert planted.log == []


# ---------------------------------------------------------------- drop

OLD = several([f"{n:012}" for n in range(1, 11)], REGIONS, days("2025-08-01", 50))
"""1,000 partitions of more than a year ago; 400 days before now is 2025-10-17, 10:05."""
EDGE = several(ACCOUNTS, REGIONS, ["2025-10-15", "2025-10-16", "2025-10-17", "2025-10-18"])
BEFORE = (*DROP, "--before", "400d")


@pytest.fixture
def old(aws: AthenaServer) -> AthenaServer:
    """A table whose partitions end before 400 days ago, or around it, or later."""
    make_table()
    register([*EDGE])
    aws.log.clear()
    return aws


def is_over(values: Values) -> bool:
    return values[2] <= "2025-10-16"


def test_drop_needs_a_yes(old: AthenaServer, tmp_path: Path, cli: Cli) -> None:
    """--dry-run shows; a terminal asks; without one it is refused; n leaves all as it is."""
    before = stored()
    dropped = [values for values in EDGE if is_over(values)]
    done = ok(cli(*BEFORE, "--dry-run", "--as", "json"))
    document = json.loads(done.out)
    assert (document["wanted"], document["dropped"]) == (8, 0)
    assert document["partitions"] == [entry(values) for values in dropped]
    (text,) = document["statements"]
    assert text.count("PARTITION (") == 8
    done = cli(*BEFORE)
    assert (done.code, done.out) == (2, "")
    assert "nobody is here to say yes" in done.err
    no = on_terminal(tmp_path, *BEFORE, typed="n\n")
    assert no.code == 0
    assert f"drop 8 partitions of {TITLE} (metadata only, no log is touched)? [y/N]" in no.out
    assert "nothing is dropped" in no.out
    assert stored() == before
    yes = on_terminal(tmp_path, *BEFORE, typed="y\n")
    assert yes.code == 0
    assert f"dropped 8 of 8 partitions of {TITLE}: metadata only" in yes.out
    assert sorted(stored()) == [values for values in EDGE if not is_over(values)]
    again = json.loads(ok(cli(*BEFORE, "--as", "json")).out)
    assert (again["wanted"], again["dropped"], again["partitions"]) == (0, 0, [])


def test_drop_of_whole_partitions_only(old: AthenaServer, cli: Cli) -> None:
    """A window that begins and ends within days takes only the days between."""
    window = ("--since", "2025-10-15T00:01Z", "--until", "2025-10-17T23:59Z")
    only = ("--account", ACCOUNTS[1], "--region", REGIONS[0], "--yes")
    document = json.loads(ok(cli(*DROP, *window, *only, "--as", "json")).out)
    gone = (ACCOUNTS[1], REGIONS[0], "2025-10-16")
    assert document["partitions"] == [entry(gone)]
    assert sorted(stored()) == [values for values in EDGE if values != gone]


def test_drop_in_batches(old: AthenaServer, tmp_path: Path, cli: Cli) -> None:
    """1,000 in batches of 25, throttled on the way; one is gone before its turn."""
    register(OLD)
    delete = "AWSGlue.BatchDeletePartition"
    old.faults.refuse(delete, lambda values: values == list(OLD[7]), "ThrottlingException")
    old.faults.add(delete, "ThrottlingException", after=20)
    old.faults.delay(delete, 60, times=8)
    late = ("--before", "2025-10-01", "--yes", "--as", "json")
    with running(tmp_path, *DROP, *late) as process:
        called(old, delete, 8)
        forget(OLD[0])
        old.faults.let_go()
        done = ok(ended(process))
    document = json.loads(done.out)
    assert (document["wanted"], document["gone"], document["dropped"]) == (1_000, 1, 999)
    assert sorted(stored()) == EDGE
    calls = [len(call["PartitionsToDelete"]) for call in old.calls(delete)]
    assert sorted(calls) == [1, *[25] * 41]
    assert json.loads(ok(cli(*DROP, *late)).out)["wanted"] == 0


def test_drop_that_glue_refuses_in_part(old: AthenaServer, cli: Cli) -> None:
    """What cannot be dropped is listed with the reason, the rest is gone, exit 5."""
    stuck = EDGE[0]
    old.faults.refuse(
        "AWSGlue.BatchDeletePartition",
        lambda values: values == list(stuck),
        "InvalidInputException",
        "no",
        times=9,
    )
    done = cli(*BEFORE, "--yes", "--as", "json")
    assert done.code == 5
    document = json.loads(done.out)
    assert document["dropped"] == 7
    assert document["failed"] == [
        {"partition": entry(stuck), "reason": "InvalidInputException: no"}
    ]
    assert sorted(stored()) == [v for v in EDGE if v == stuck or not is_over(v)]
