"""`check` judges what a table reads: registered partitions, and those that are missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from check_bench import (
    ACCOUNT,
    DAYS,
    HOURLY,
    MOVED,
    NOW,
    OTHER,
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

from athena_flow.check import table_of
from athena_flow.layout import DAILY, LAYOUTS, Partition
from athena_flow.local import LocalCatalog
from athena_flow.logformat import parse_format
from athena_flow.ports import no_progress
from athena_flow.window import DAY, Window


def places(*days: object, account: str = ACCOUNT) -> list[Partition]:
    return [Partition(account, REGION, day) for day in days]  # type: ignore[arg-type]  # datetimes


# ---------------------------------------------------------------- missing


def test_a_table_with_no_partition_at_all(clean: Logs, world: World) -> None:
    """Logs lie there and no query reads one: what is missing, and the command."""
    for day in DAYS:
        clean.text(day, account=OTHER)
    world.table(clean.spec(), registered=None)
    report = world.check()
    found = only(report, "missing-partitions")
    assert found.message == (
        "6 days of 2 accounts have logs and are not registered, so no query reads them:"
        f" {ACCOUNT}/{REGION} 2026-11-18 to 2026-11-20, {OTHER}/{REGION} 2026-11-18 to 2026-11-20"
    )
    assert found.fix == (
        "athena-flow add-partitions --database flow --table logs --since 2026-11-18"
    )
    world.mend(report)
    world.mended("logs")


def test_some_days_that_are_not_registered(clean: Logs, world: World) -> None:
    """The first of them is where the command begins; a window in the past has an end."""
    world.table(clean.spec(), registered=Window(DAYS[0], DAYS[1]))
    found = only(world.check(), "missing-partitions")
    assert found.message.startswith("2 days of 1 account have logs")
    assert found.fix is not None
    assert found.fix.endswith("--table logs --since 2026-11-19")
    past = world.check(window=Window(DAYS[0], DAYS[2]))
    assert (past.findings[0].fix or "").endswith("--since 2026-11-19 --until 2026-11-20")
    run(past.findings[0].fix)
    assert world.registered() == places(*DAYS[:2])
    world.mend(world.check())
    world.mended("logs")


def test_one_account_of_the_window(clean: Logs, world: World) -> None:
    """Only what was asked for is looked at, and only that is registered by the fix."""
    for day in DAYS:
        clean.text(day, account=OTHER)
    world.table(clean.spec(), registered=None)
    report = world.check(window=replace(WINDOW, accounts=(OTHER,)))
    assert "of 1 account" in only(report, "missing-partitions").message
    world.mend(report)
    assert world.registered() == places(*DAYS, account=OTHER)


def test_hours_below_a_day_that_is_not_registered(clean: Logs, world: World) -> None:
    """The day holds daily files too, so it is the daily table's, hours and all."""
    clean.text(TODAY + timedelta(hours=1))
    clean.text(TODAY + timedelta(hours=6), layout=HOURLY, flow_log="fl-0b")
    world.table(clean.spec(), registered=Window(DAYS[0], TODAY))
    report = world.check()
    only(report, "missing-partitions")
    world.mend(report)
    world.mended("logs")


@pytest.mark.parametrize("layout", ["hourly", "hive-hourly"])
def test_hours_that_are_not_registered(layout: str, logs: Logs, world: World) -> None:
    """Every hour counts, also those of which no file was looked at."""
    for hour in range(6):
        logs.text(DAYS[1] + timedelta(hours=hour), layout=LAYOUTS[layout])
    spec = world.table(logs.spec(layout=LAYOUTS[layout]), registered=None)
    world.register(spec, *places(*(DAYS[1] + timedelta(hours=h) for h in (0, 1, 2, 5))))
    report = world.check()
    assert only(report, "missing-partitions").message.startswith("2 hours of 1 account")
    world.mend(report)
    world.mended("logs")
    assert len(world.registered()) == 6


@pytest.mark.parametrize(
    ("since_file", "late"), [(timedelta(minutes=59), []), (timedelta(minutes=61), [True])]
)
@pytest.mark.parametrize("layout", [DAILY, HOURLY], ids=["daily", "hourly"])
def test_a_partition_that_just_began(
    layout: object, since_file: timedelta, late: list[bool], logs: Logs, world: World
) -> None:
    """A job may run each hour: until then nobody is told. A later file changes nothing."""
    spec = logs.spec(layout=layout)
    first = TODAY + timedelta(hours=8)
    logs.text(first, layout=spec.layout, flow_log="fl-0b")
    logs.text(first + timedelta(minutes=50), layout=spec.layout)
    world.table(spec, registered=None)
    world.register(spec, *places(*DAYS))
    report = world.check(now=first + since_file)
    assert [kind == "missing-partitions" for kind in kinds(report)] == late


def test_a_partition_of_yesterday_just_after_midnight(logs: Logs, world: World) -> None:
    """Its last files are on their way, and its first are old: a job had its time."""
    logs.text(DAYS[2] + timedelta(hours=9))
    spec = world.table(logs.spec(), registered=None)
    world.register(spec, *places(DAYS[0]))
    assert kinds(world.check(now=TODAY + timedelta(minutes=5))) == ["missing-partitions"]


def test_partitions_that_are_ahead_are_no_finding(clean: Logs, world: World) -> None:
    """A scheduled job registers tomorrow before it has logs."""
    spec = world.table(clean.spec())
    world.register(spec, *places(TODAY, TODAY + DAY))
    assert world.check().findings == ()


def test_a_partition_that_is_registered_somewhere_else(clean: Logs, world: World) -> None:
    """Adding it again does nothing: its location has to be mended."""
    elsewhere = Logs(clean.root / "old", f"{clean.location}old/")
    elsewhere.root.mkdir()
    spec = world.table(elsewhere.spec(), registered=None)
    world.register(spec, *places(*DAYS))
    catalog = LocalCatalog(world.file)
    catalog._db.execute(  # noqa: SLF001  # what another program did to the table
        "UPDATE tables SET table_input = replace(table_input, ?, ?)",
        (elsewhere.location, clean.location),
    )
    catalog._db.commit()  # noqa: SLF001
    catalog.close()
    report = world.check()
    found = only(report, "wrong-location")
    assert found.message.startswith("3 partitions are registered at another place: ")
    world.mend(report)
    world.mended("logs")


def test_days_that_are_missing_beside_days_that_must_not_come(clean: Logs, world: World) -> None:
    """The command registers the missing days, and none that were taken out for their format."""
    clean.text(TODAY, MOVED)
    clean.text(TODAY, account=OTHER)
    world.table(clean.spec(), registered=Window(DAYS[0], DAYS[1]))
    report = world.check()
    found = only(report, "missing-partitions")
    assert "--until 2026-11-21" in (found.fix or "")
    world.mend(report)
    assert world.registered() == [*places(*DAYS), *places(TODAY, account=OTHER)]
    world.mended("logs")


def test_no_partition_and_another_format(clean: Logs, world: World) -> None:
    """Such a table is judged by what it would read: made right, and its days added."""
    world.table(clean.spec(MOVED), registered=None)
    report = world.check()
    assert (only(report, "shifted").fix or "").count("athena-flow ") == 2
    world.mend(report)
    world.mended("logs")


def test_no_partition_and_some_days_of_another_format(clean: Logs, world: World) -> None:
    """Both findings are mended in turn, and neither undoes the other."""
    clean.text(TODAY, MOVED)
    world.table(clean.spec(), registered=None)
    report = world.check()
    assert kinds(report) == ["missing-partitions", "format-change"]
    world.mend(report)
    world.mended("logs", second(MOVED))


# ---------------------------------------------------------------- not registered, no harm


def test_misfits_that_are_not_registered_are_a_note(clean: Logs, world: World) -> None:
    """Another format, a file type and a bad day: the table reads none of it."""
    clean.text(TODAY, MOVED, account=OTHER)
    clean.parquet(TODAY, flow_log="fl-0b")
    world.table(clean.spec(), registered=Window(DAYS[0], TODAY))
    report = world.check()
    assert report.findings == ()
    assert report.notes[-1] == (
        "2 files looked at of another format or file type lie in days that the table has not"
        " registered: fl-0a, fl-0b, 2026-11-21"
    )
    assert report.looked_at == 8
    assert report.measured["rows"] == 12


def test_they_are_a_finding_once_they_are_registered(clean: Logs, world: World) -> None:
    """A scheduled add-partitions that nobody told registers them again."""
    clean.text(TODAY, MOVED)
    world.table(clean.spec())
    fix = only(world.check(), "format-change").fix
    run(fix)
    assert world.check().findings == ()
    run("athena-flow add-partitions --database flow --table logs --since 2d")
    assert only(world.check(), "format-change").fix == fix
    run(fix)
    world.mended("logs", second(MOVED))


def test_a_table_that_ended_stays_clean(clean: Logs, world: World) -> None:
    """Weeks later a window holds none of its days: what came after is no harm to it."""
    for n in range(3):
        clean.text(TODAY + n * DAY, MOVED, flow_log="fl-0b")
    later = Window(TODAY + DAY, TODAY + 3 * DAY)
    world.table(clean.spec(), registered=Window(DAYS[0], TODAY))
    report = world.check(window=later, now=TODAY + 3 * DAY)
    assert report.findings == ()
    assert any("another format" in note for note in report.notes)


def test_two_changes_in_one_window(clean: Logs, world: World) -> None:
    """Each has its table, and all three are clean."""
    for path in (clean.root / DAILY.prefix(places(DAYS[2])[0])).iterdir():
        path.unlink()
    clean.text(DAYS[2], MOVED)
    clean.text(TODAY, parse_format("srcaddr dstaddr end"), flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    assert [f.message.partition(":")[0] for f in report.findings] == [
        "fl-0a changed the format on 2026-11-20",
        "fl-0b changed the format on 2026-11-21",
    ]
    world.mend(report)
    world.mended("logs", second(MOVED), second(parse_format("srcaddr dstaddr end")))


def test_a_foreign_table_that_misses_days(clean: Logs, world: World) -> None:
    """Our command cannot add partitions to it: a table of ours is made beside it."""
    table = at_days(table_of("flow", foreign(clean.spec(name="theirs"))))
    clean.text(TODAY)
    window = Window(DAYS[0], NOW)
    found = only(clean.held(table, window), "missing-partitions")
    assert "1 day of 1 account" in found.message
    run(found.fix)
    world.mended("theirs_athena_flow")


def test_partitions_of_a_month(clean: Logs) -> None:
    """A foreign partition holds every day below its location, whatever its keys are called."""
    folder = clean.location + DAILY.prefix(places(DAYS[0])[0])[: -len("18/")]
    table = replace(table_of("flow", foreign(clean.spec())), registered={folder: None})
    assert clean.held(table).findings == ()
    folder = folder[: -len("11/")] + "1"
    table = replace(table, registered={folder: None})
    assert kinds(clean.held(table)) == ["missing-partitions"]


def test_a_drop_by_hand_is_seen(clean: Logs, world: World) -> None:
    """What was registered and is not any more waits for its partition."""
    spec = world.table(clean.spec())
    catalog = LocalCatalog(world.file)
    catalog.remove(spec, places(DAYS[1]), no_progress)
    catalog.close()
    assert "2026-11-19" in only(world.check(), "missing-partitions").message
