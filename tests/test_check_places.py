"""`check` on places: file types, layouts, projections and LOCATION."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from check_bench import (
    ACCOUNT,
    DAYS,
    HIVE,
    HOURLY,
    LONGER,
    MOVED,
    NOW,
    OTHER,
    PORTS,
    REGION,
    TODAY,
    WINDOW,
    Logs,
    World,
    at_days,
    clean_fixture,  # noqa: F401  # pytest finds it
    foreign,
    kinds,
    logs_fixture,  # noqa: F401  # pytest finds it
    only,
    run,
    second,
    world_fixture,  # noqa: F401  # pytest finds it
)

from athena_flow.case import one_slash
from athena_flow.check import table_of
from athena_flow.gluetable import table_input
from athena_flow.layout import DAILY, LAYOUTS, Layout, Partition
from athena_flow.logformat import parse_format
from athena_flow.table import ENUM_VALUES, SKIPPED_LINES, Projection
from athena_flow.window import DAY, Window

SERVICE = replace(HIVE, template=HIVE.template.replace("aws-service", "service"))
ORGANISATION = replace(DAILY, template=DAILY.template.replace("AWSLogs/", "AWSLogs/o-abcdefghij/"))


# ---------------------------------------------------------------- file types


def test_text_beside_parquet(clean: Logs, world: World) -> None:
    """From another day on: the Parquet files get a table of their own."""
    clean.parquet(TODAY, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    found = only(report, "file-type")
    assert "from 2026-11-21 on, and of type parquet" in found.message
    assert "this text table reads their bytes as rows" in found.message
    assert "end it (--until 2026-11-21), and schedule one for logs_parquet" in found.message
    world.mend(report)
    world.mended("logs", "logs_parquet")


def test_parquet_between_text(clean: Logs, world: World) -> None:
    """Only the days of one account go, also when text follows them."""
    for path in (clean.root / DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[1]))).iterdir():
        path.unlink()
    clean.parquet(DAYS[1], flow_log="fl-0b")
    for day in DAYS:
        clean.text(day, account=OTHER)
    world.table(clean.spec())
    report = world.check()
    only(report, "file-type")
    world.mend(report)
    world.mended("logs", "logs_parquet")
    assert len(world.registered()) == 5


def test_text_and_parquet_in_the_same_folder(clean: Logs, world: World) -> None:
    """One of them has to move: a partition has one file type."""
    for day in DAYS:
        clean.parquet(day, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    assert only(report, "file-type").message.endswith("the command moves logs")
    world.mend(report)
    world.mended("logs", "logs_fl_0b_apart")
    assert len([*(clean.root / "fl-0b").rglob("*.parquet")]) == 3


def test_parquet_that_began_in_the_middle_of_a_day(clean: Logs, world: World) -> None:
    """That day's Parquet files move; the days after it are told apart by their partitions."""
    for at in (DAYS[2] + timedelta(hours=12), TODAY):
        clean.parquet(at, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    assert kinds(report) == ["file-type", "file-type"]
    world.mend(report)
    world.mended("logs", "logs_parquet", "logs_fl_0b_apart")
    assert len([*(clean.root / "fl-0b").rglob("*.parquet")]) == 1


def test_a_parquet_table_over_text(clean: Logs, world: World) -> None:
    """All of them are text: the table is replaced."""
    world.table(clean.parquet_spec())
    report = world.check()
    assert "this parquet table fails on them" in only(report, "file-type").message
    world.mend(report)
    world.mended("logs")


# ---------------------------------------------------------------- layouts


def test_hourly_after_daily(clean: Logs, world: World) -> None:
    """A daily table reads both, and whole days at a time: hours get a table of hours."""
    for hour in range(3):
        clean.text(TODAY + timedelta(hours=hour), layout=HOURLY)
    world.table(clean.spec())
    report = world.check()
    found = only(report, "layout")
    assert "from 2026-11-21 on lie in layout hourly, beside daily" in found.message
    assert "a daily table reads both, and cannot leave out an hour" in found.message
    world.mend(report)
    world.mended("logs", "logs_hourly")
    assert len(world.registered("logs_hourly")) == 3
    assert len(world.registered()) == 3


def test_daily_before_hourly(clean: Logs, world: World) -> None:
    """A table of hours does not see the daily files: they get a daily table."""
    for hour in range(3):
        clean.text(TODAY + timedelta(hours=hour), layout=HOURLY)
    world.table(clean.spec(layout=HOURLY))
    report = world.check()
    found = only(report, "layout")
    assert "layout daily, beside hourly: the partitions of hours do not hold them" in found.message
    world.mend(report)
    world.mended("logs", "logs_daily")


def test_daily_and_hourly_at_a_days_change(logs: Logs, world: World) -> None:
    """A day on which one follows the other is the daily table's, which reads both."""
    logs.text(DAYS[0])
    logs.text(DAYS[1] + timedelta(hours=1))
    logs.text(DAYS[1] + timedelta(hours=9), layout=HOURLY, flow_log="fl-0b")
    logs.text(DAYS[2] + timedelta(hours=9), layout=HOURLY, flow_log="fl-0b")
    for layout, suffix in ((DAILY, "hourly"), (HOURLY, "daily")):
        world.table(logs.spec(layout=layout, name=layout.name))
        report = world.check(layout.name)
        only(report, "layout")
        world.mend(report)
        assert kinds(world.check(layout.name)) == []
        other = f"{layout.name}_{suffix}"
        assert kinds(world.check(other)) == []
        hours = layout.name if layout is HOURLY else other
        assert world.registered(hours) == [Partition(ACCOUNT, REGION, DAYS[2] + timedelta(hours=9))]


def test_daily_and_hourly_at_the_same_time(clean: Logs, world: World) -> None:
    """Two flow logs in the same days: one of them gets a prefix of its own."""
    for day in DAYS:
        for hour in (5, 15):
            clean.text(day + timedelta(hours=hour), layout=HOURLY, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    assert only(report, "layout").message.endswith("the command moves logs")
    world.mend(report)
    world.mended("logs", "logs_fl_0b_apart")


@pytest.mark.parametrize(
    "layout",
    [HIVE, LAYOUTS["hive-hourly"], SERVICE, ORGANISATION],
    ids=["hive-daily", "hive-hourly", "service=", "organisation"],
)
def test_hive_beside_plain(layout: Layout, clean: Logs, world: World) -> None:
    """The hive-compatible folders get a table of their own, and both tables are clean then."""
    for at in (DAYS[1], DAYS[2], TODAY):
        clean.text(at, layout=layout, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    found = only(report, "layout")
    assert f"layout {layout.title}, beside daily: in folders where the table's" in found.message
    world.mend(report)
    name = f"logs_{layout.name.replace('-', '_')}"
    world.mended("logs", name)
    assert len(world.registered(name)) == 3
    assert world.check().notes[-1] == f"read by flow.{name}: 3 files looked at"


def test_hive_and_parquet_beside_plain_text(clean: Logs, world: World) -> None:
    """Both changed at once: one second table, of that type."""
    for at in (DAYS[2], TODAY):
        clean.parquet(at, layout=HIVE, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    assert "layout hive-daily and of type parquet" in only(report, "layout").message
    world.mend(report)
    world.mended("logs", "logs_hive_daily")


def test_a_second_table_answers_for_its_layout(clean: Logs, world: World) -> None:
    """What it misses is a finding there, and a note here that says so."""
    clean.text(DAYS[2], layout=HIVE)
    world.table(clean.spec())
    world.mend(world.check())
    clean.text(TODAY, layout=HIVE)
    report = world.check()
    assert report.findings == ()
    assert report.notes[-1] == (
        "in the layout of flow.logs_hive_daily, to be checked there: 1 file looked at"
    )
    report = world.check("logs_hive_daily")
    only(report, "missing-partitions")
    world.mend(report)
    world.mended("logs", "logs_hive_daily")


def test_a_name_that_another_table_has(clean: Logs, world: World) -> None:
    """It reads other logs, so it is no excuse, and the second table gets a number."""
    (clean.root / "old").mkdir()
    taken = clean.spec(name="logs_hive_daily", location=f"{clean.location}old/", layout=HIVE)
    world.table(taken, registered=None)
    clean.text(DAYS[2], layout=HIVE)
    world.table(clean.spec())
    report = world.check()
    assert " --table logs_hive_daily_2 " in (only(report, "layout").fix or "")
    world.mend(report)
    assert kinds(world.check("logs")) == []
    assert kinds(world.check("logs_hive_daily_2")) == []


def test_three_tables_over_one_tree(clean: Logs, world: World) -> None:
    """None of them reports what another one reads, or has to."""
    clean.text(TODAY, MOVED)
    for at in (DAYS[2], TODAY):
        clean.text(at, layout=HIVE, flow_log="fl-0b")
        clean.text(at, MOVED, layout=HIVE, account=OTHER, flow_log="fl-0c")
    world.table(clean.spec())
    report = world.check()
    assert kinds(report) == ["layout", "format-change"]
    world.mend(report)
    world.mend(world.check("logs_hive_daily"))
    world.mended("logs", second(MOVED), "logs_hive_daily", second(MOVED, "logs_hive_daily"))


def test_a_layout_that_is_not_the_tables(logs: Logs, world: World) -> None:
    """All files lie in another layout: the table is replaced."""
    for day in DAYS:
        logs.text(day, layout=SERVICE)
    world.table(logs.spec(), registered=None)
    report = world.check()
    found = only(report, "layout")
    assert "none in daily" in found.message
    assert "--replace && athena-flow add-partitions" in (found.fix or "")
    world.mend(report)
    world.mended("logs")
    assert len(world.registered()) == 3


def test_a_table_that_is_right_for_nothing_becomes_that_of_most(logs: Logs, world: World) -> None:
    """Of several other layouts the one of most files."""
    logs.text(DAYS[0], layout=HIVE)
    for day in DAYS:
        logs.text(day, layout=ORGANISATION, account=OTHER)
    world.table(logs.spec(), registered=None)
    report = world.check()
    assert f"3 files looked at from 2026-11-18 on lie in layout {ORGANISATION.title}" in (
        only(report, "layout").message
    )
    world.mend(report)
    world.mend(world.check())
    world.mended("logs", "logs_hive_daily")


def test_a_table_that_is_right_for_nothing_stays_in_its_folders(logs: Logs, world: World) -> None:
    """What it reads decides, also where more lies beside it."""
    logs.text(DAYS[0], MOVED)
    for day in DAYS:
        logs.text(day, layout=HIVE, account=OTHER)
    world.table(logs.spec())
    report = world.check()
    assert only(report, "shifted").message.endswith(
        "3 files of other kinds are left then: check again"
    )
    world.mend(report)
    world.mend(world.check())
    world.mended("logs", "logs_hive_daily")


def test_hive_hours_and_days_beside_plain(clean: Logs, world: World) -> None:
    """One daily table for that tree, which reads both; its own check parts them."""
    clean.text(DAYS[2], layout=HIVE)
    for day in DAYS[:2]:
        clean.text(day, layout=LAYOUTS["hive-hourly"])
    world.table(clean.spec())
    report = world.check()
    assert "2026-11-18 on lie in layout hive-" in only(report, "layout").message
    world.mend(report)
    only(world.check("logs_hive_daily"), "layout")
    world.mend(world.check("logs_hive_daily"))
    world.mended("logs", "logs_hive_daily", "logs_hive_daily_hive_hourly")


def test_a_layout_that_was_the_tables_once(clean: Logs, world: World) -> None:
    """A table with a history in its own layout is not made anew for what came later."""
    clean.text(TODAY, layout=HIVE)
    world.table(clean.spec())
    late = Window(TODAY, NOW)
    report = world.check(window=late)
    assert "--replace" not in (only(report, "layout").fix or "--replace")
    world.mend(report)
    world.mended("logs", "logs_hive_daily", window=late)
    assert len(world.registered()) == 3


# ---------------------------------------------------------------- projections


def projection(*accounts: str, start: date = date(2026, 11, 1)) -> Projection:
    return Projection(start, (REGION,), accounts)


def test_logs_outside_a_projection(clean: Logs, world: World) -> None:
    """A projected table reads no other account, region or day than it was told."""
    clean.text(DAYS[1], account=OTHER, flow_log="fl-0c")
    world.table(clean.spec(partitions="projection", projection=projection(ACCOUNT)))
    report = world.check()
    found = only(report, "projection")
    assert (found.fix or "").endswith(
        "--partitions projection --since 2026-11-01"
        f" --region {REGION} --account {ACCOUNT} --account {OTHER} --replace"
    )
    world.mend(report)
    world.mended("logs")


def test_two_changes_of_one_table(clean: Logs, world: World) -> None:
    """Whichever fix runs, and in whatever order, the table gets both."""
    clean.text(DAYS[1], LONGER, account=OTHER, flow_log="fl-0c")
    world.table(clean.spec(partitions="projection", projection=projection(ACCOUNT)))
    report = world.check()
    assert kinds(report) == ["projection", "new-fields"]
    assert report.findings[0].fix == report.findings[1].fix
    world.mend(report)
    world.mended("logs")


def test_more_accounts_than_a_projection_takes(clean: Logs, world: World) -> None:
    """The widened projection leaves the accounts to each query."""
    accounts = [f"{n:012}" for n in range(ENUM_VALUES)]
    world.table(clean.spec(partitions="projection", projection=projection(*accounts)))
    report = world.check()
    assert "--account" not in (only(report, "projection").fix or "--account")
    world.mend(report)
    world.mended("logs")


def test_a_projection_over_a_change(clean: Logs, world: World) -> None:
    """It cannot leave days out, so the table gets partitions, and a second one the rest."""
    clean.text(TODAY, MOVED)
    world.table(clean.spec(partitions="projection", projection=projection(ACCOUNT)))
    report = world.check()
    assert kinds(report) == ["projection", "format-change"]
    assert report.findings[0].message.startswith("a projection cannot leave out days")
    world.mend(report)
    world.mended("logs", second(MOVED))
    assert len(world.registered()) == 3


def test_a_projection_beside_hive(clean: Logs, world: World) -> None:
    """What it does not compute is no harm to it, once a second table reads it."""
    for at in (DAYS[2], TODAY):
        clean.text(at, MOVED, layout=HIVE)
    world.table(clean.spec(partitions="projection", projection=projection()))
    report = world.check()
    only(report, "layout")
    world.mend(report)
    world.mended("logs", "logs_hive_daily")


def test_a_projection_over_another_format(clean: Logs, world: World) -> None:
    """All of it in another order: the projection stays one."""
    spec = clean.spec(MOVED, partitions="projection", projection=projection(ACCOUNT))
    world.table(spec)
    report = world.check()
    only(report, "shifted")
    world.mend(report)
    world.mended("logs")


# ---------------------------------------------------------------- LOCATION


def test_a_location_without_logs(logs: Logs, world: World) -> None:
    """Nothing below it at all: discover says where they lie."""
    (logs.root / "elsewhere").mkdir()
    world.table(logs.spec(), registered=None)
    found = only(world.check(), "location")
    assert "leads to no logs: no flow logs below" in found.message
    assert "holds: elsewhere/" in found.message
    assert found.fix == f"athena-flow discover --location {logs.location}AWSLogs/"


def test_logs_that_stopped(clean: Logs, world: World) -> None:
    """An empty window is no clean one: the last day that has logs is said."""
    world.table(clean.spec())
    report = world.check(window=Window(TODAY, NOW))
    found = only(report, "silent")
    assert report.looked_at == 0
    assert found.message.endswith("is 2026-11-20")
    assert found.fix == "athena-flow check --database flow --table logs --since 2026-11-20"


@pytest.mark.parametrize(
    ("spelled", "why"), [("{root}AWSLogs", "lacks the final /"), ("{root}/AWSLogs/", "holds //")]
)
def test_how_location_is_spelled(clean: Logs, spelled: str, why: str) -> None:
    """A missing slash or a doubled one is a finding, and the logs are looked at all the same."""
    described = foreign(clean.spec())
    described["StorageDescriptor"]["Location"] = spelled.format(root=clean.location)
    report = clean.held(at_days(table_of("flow", described)))
    found = only(report, "location")
    assert why in found.message
    assert found.fix == f"ALTER TABLE `flow`.`logs` SET LOCATION '{clean.location}AWSLogs/'"
    assert report.looked_at == 6


def test_a_location_that_was_moved(clean: Logs, world: World) -> None:
    """A table of ours whose LOCATION somebody altered is written anew."""
    described = table_input(clean.spec())
    described["StorageDescriptor"]["Location"] = "/elsewhere/"
    found = only(clean.held(at_days(table_of("flow", described))), "location")
    assert f"its LOCATION is /elsewhere/, not {clean.location}AWSLogs/" in found.message
    world.table(clean.spec(MOVED))
    run(found.fix)
    world.mended("logs")


def test_a_table_of_ours_that_was_altered(clean: Logs, world: World) -> None:
    """Every other command refuses it: so does the check, with the way out."""
    described = table_input(clean.spec())
    described["StorageDescriptor"]["Columns"][5]["Type"] = "string"
    found = only(clean.held(at_days(table_of("flow", described))), "altered")
    assert "was altered: its columns are not those" in found.message
    world.table(clean.spec(MOVED))
    run(found.fix)
    world.mended("logs")


def test_a_location_of_one_account_and_region(clean: Logs) -> None:
    """What lies beside it is not the table's."""
    clean.text(DAYS[0], MOVED, account=OTHER)
    described = foreign(clean.spec())
    place = f"{clean.location}AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/"
    described["StorageDescriptor"]["Location"] = place
    report = clean.held(table_of("flow", described))
    assert report.findings == ()
    assert report.keys == 9


@pytest.mark.parametrize("location", ["", "arn:aws:s3:::logs/AWSLogs/", "hdfs://logs/"])
def test_a_location_of_another_kind(clean: Logs, location: str) -> None:
    """A view has none, and Athena takes nothing but S3: nothing is looked at."""
    described = foreign(clean.spec())
    described["StorageDescriptor"]["Location"] = location
    report = clean.held(table_of("flow", described))
    assert "is no s3:// URI" in only(report, "location").message
    assert report.looked_at == 0


def test_hive_folders_of_one_account(logs: Logs) -> None:
    """AWS's published Parquet table: its LOCATION names account and region, and it skips a row."""
    logs.parquet(DAYS[0], layout=LAYOUTS["hive-hourly"])
    logs.parquet(DAYS[0], "srcaddr", layout=LAYOUTS["hive-hourly"], account=OTHER)
    described = foreign(logs.parquet_spec(), **{SKIPPED_LINES: "1"})
    described["StorageDescriptor"]["Location"] = (
        f"{logs.location}AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs"
        f"/aws-region={REGION}/"
    )
    report = logs.held(table_of("flow", described))
    only(report, "header-skip")
    assert report.keys == 1


def test_one_slash() -> None:
    """Only the scheme keeps its two."""
    assert one_slash("s3://b//a///") == "s3://b/a/"
    assert one_slash("//a//b/") == "/a/b/"


# ---------------------------------------------------------------- tables of others


def test_a_table_without_partitions_reads_every_layout(clean: Logs) -> None:
    """All below its LOCATION is read, in hours and in hive folders as well."""
    clean.text(DAYS[1], layout=HIVE)
    clean.text(DAYS[1], layout=HOURLY)
    table = table_of("flow", foreign(clean.spec()))
    assert clean.held(table).findings == ()
    clean.text(DAYS[2], MOVED, layout=HIVE, account=OTHER)
    assert kinds(clean.held(table)) == ["shifted"]


def test_a_serde_that_reads_no_flow_logs(clean: Logs, world: World) -> None:
    """A regular expression or a comma: a table beside it reads the files."""
    described = foreign(clean.spec())
    described["StorageDescriptor"]["SerdeInfo"]["Parameters"]["field.delim"] = ","
    report = clean.held(at_days(table_of("flow", described)))
    assert kinds(report) == ["serde"]
    run(report.findings[0].fix)
    world.mended("logs_athena_flow")


def test_a_foreign_table_is_left_as_it_is(clean: Logs, world: World) -> None:
    """Its fix is a right table beside it, and the note says that this is all."""
    table = at_days(table_of("flow", foreign(clean.spec(MOVED))))
    report = clean.held(table)
    found = only(report, "shifted")
    assert report.notes[-1] == (
        "flow.logs was not created by athena-flow: fixes make a table beside it, and leave it"
        " as it is"
    )
    run(found.fix)
    world.mended("logs_athena_flow", window=WINDOW)


def test_a_name_that_no_table_of_ours_can_have(clean: Logs) -> None:
    """Where no command of ours can help, the finding stands without one."""
    described = foreign(clean.spec(MOVED))
    table = at_days(replace(table_of("my-database", described)))
    assert only(clean.held(table), "shifted").fix is None


def test_a_foreign_parquet_table_beside_text(clean: Logs, world: World) -> None:
    """The text gets a table of ours; theirs keeps its partitions."""
    clean.parquet(TODAY, PORTS)
    described = foreign(clean.parquet_spec())
    table = at_days(table_of("flow", described))
    today = clean.location + DAILY.prefix(Partition(ACCOUNT, REGION, TODAY))
    table = replace(table, registered={**(table.registered or {}), today: None})
    found = only(clean.held(table, Window(DAYS[0], NOW)), "file-type")
    assert "partitions drop" not in (found.fix or "")
    run(found.fix)
    world.mended("logs_text", window=Window(DAYS[0], TODAY))


def test_formats_of_a_foreign_table_are_judged_where_it_reads(clean: Logs) -> None:
    """Days of another format that it has not registered are a note."""
    clean.text(TODAY, MOVED)
    table = at_days(table_of("flow", foreign(clean.spec())))
    report = clean.held(table, Window(DAYS[0], NOW))
    assert report.findings == ()
    assert any(note.startswith("1 file looked at of another format") for note in report.notes)


def test_the_day_after_is_not_reached_by_a_window(clean: Logs, world: World) -> None:
    """Half-open: a change at midnight belongs to the next window."""
    clean.text(TODAY, parse_format("srcaddr dstaddr end"))
    world.table(clean.spec())
    assert kinds(world.check(window=Window(DAYS[0], datetime(2026, 11, 21, tzinfo=UTC)))) == []
    assert kinds(world.check(window=Window(DAYS[0], TODAY + DAY))) == ["format-change"]
