"""`check` on columns: their order, their number and their types, of text and of Parquet."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta

import pytest
from check_bench import (
    ACCOUNT,
    DAYS,
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
    retyped,
    run,
    second,
    world_fixture,  # noqa: F401  # pytest finds it
)

from athena_flow.check import table_of
from athena_flow.layout import DAILY, LAYOUTS, Partition
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.window import DAY, Window

SHORT = parse_format("srcaddr dstaddr bytes")

# ---------------------------------------------------------------- text, by position


def test_another_order_of_fields(logs: Logs, world: World) -> None:
    """The first wrong column and what it shows are named; the table is replaced."""
    for day in DAYS:
        logs.text(day, MOVED)
    world.table(logs.spec())
    report = world.check()
    found = only(report, "shifted")
    assert "from column 4 on" in found.message
    assert "srcaddr shows dstaddr" in found.message
    assert found.fix is not None
    assert found.fix.startswith("athena-flow init-table --database flow --table logs --location")
    assert found.fix.endswith(f"--log-format '{MOVED.header}' --replace")
    assert len(found.uris) == 3
    world.mend(report)
    world.mended("logs")


def test_another_order_than_a_long_history_has(clean: Logs, world: World) -> None:
    """Where no newer file fits and an older one does, the table stays: what came later moves."""
    for day in (TODAY - DAY, TODAY):
        clean.text(day + timedelta(hours=7), MOVED, flow_log="fl-0b")
        for path in (clean.root / DAILY.prefix(Partition(ACCOUNT, REGION, day))).glob("*fl-0a*"):
            path.unlink()
    world.table(clean.spec())
    late = Window(TODAY - DAY, NOW)
    report = world.check(window=late)
    found = only(report, "shifted")
    assert found.fix is not None
    assert "--replace" not in found.fix
    assert f"--table {second(MOVED)} " in found.fix
    world.mend(report)
    world.mended("logs", second(MOVED), window=late)
    world.mended("logs", second(MOVED))
    assert world.registered() == [Partition(ACCOUNT, REGION, day) for day in DAYS[:2]]


def test_two_formats_and_neither_is_the_tables(logs: Logs, world: World) -> None:
    """The table becomes that of most files; the others get one of their own."""
    for day in DAYS:
        logs.text(day, MOVED)
        logs.text(day, SHORT, account=OTHER, flow_log="fl-0b")
    logs.text(TODAY, MOVED)
    world.table(logs.spec())
    report = world.check()
    assert "; 3 files of other kinds are left then: check again" in only(report, "shifted").message
    world.mend(report)
    report = world.check()
    assert only(report, "shifted").message.startswith("3 files looked at of fl-0b")
    world.mend(report)
    world.mended("logs", second(SHORT))


def test_a_field_in_the_middle(logs: Logs, world: World) -> None:
    """A field that came in between is named: all after it are shifted."""
    logs.text(DAYS[0], parse_format(DEFAULT.header.replace("srcport", "vpc-id srcport")))
    world.table(logs.spec())
    found = only(world.check(), "shifted")
    assert "srcport shows vpc-id; the files also hold vpc-id" in found.message


def test_a_field_that_the_files_lack_in_the_middle(logs: Logs, world: World) -> None:
    """A column of the table without a field shifts all after it."""
    logs.text(DAYS[0], parse_format(DEFAULT.header.replace(" srcport", "")))
    world.table(logs.spec())
    found = only(world.check(), "shifted")
    assert "srcport shows dstport; the files lack srcport" in found.message


def test_new_fields_at_the_end(logs: Logs, world: World) -> None:
    """They shift nothing and are not seen; a longer table reads both times."""
    logs.text(DAYS[0])
    logs.text(DAYS[1])
    logs.text(DAYS[2], LONGER, flow_log="fl-0b")
    world.table(logs.spec())
    report = world.check()
    found = only(report, "new-fields")
    assert "fl-0b, from 2026-11-20 on" in found.message
    assert "vpc-id, tcp-flags" in found.message
    world.mend(report)
    world.mended("logs")


def test_new_fields_of_two_kinds_at_the_end(logs: Logs, world: World) -> None:
    """One table cannot have both: that of fewer files gets a table of its own."""
    other = parse_format(f"{DEFAULT.header} subnet-id")
    for day in DAYS:
        logs.text(day, LONGER)
        logs.text(day, other, account=OTHER, flow_log="fl-0b")
    logs.text(TODAY, LONGER)
    world.table(logs.spec())
    report = world.check()
    assert kinds(report) == ["new-fields", "shifted"]
    assert "the fields at its end are others than those of most files" in report.findings[1].message
    world.mend(report)
    world.mended("logs", second(other))


def test_fields_that_no_file_has(clean: Logs, world: World) -> None:
    """Columns at the end without a field are NULL in every row."""
    world.table(clean.spec(LONGER))
    report = world.check()
    assert "vpc_id, tcp_flags" in only(report, "missing-fields").message
    world.mend(report)
    world.mended("logs")


@pytest.mark.parametrize("parquet", [False, True], ids=["text", "parquet"])
def test_fields_that_only_older_files_have(parquet: bool, logs: Logs, world: World) -> None:
    """A flow log that became shorter leaves NULLs, and the table is right for both times."""
    if parquet:
        logs.parquet(DAYS[0], f"{PORTS} bytes")
        logs.parquet(TODAY, PORTS)
        spec = logs.parquet_spec(f"{PORTS} bytes packets")
    else:
        logs.text(DAYS[0], parse_format(f"{DEFAULT.header} vpc-id"))
        logs.text(TODAY)
        spec = logs.spec(LONGER)
    world.table(spec)
    late = Window(TODAY, NOW)
    report = world.check(window=late)
    only(report, "missing-fields")
    world.mend(report)
    world.mended("logs", window=late)
    world.mended("logs")


def test_a_field_that_nobody_knows_yet(logs: Logs, world: World) -> None:
    """A header may name fields newer than this package: the fix keeps them."""
    fmt = parse_format(f"{DEFAULT.header} brand-new", allow_unknown=True)
    logs.text(DAYS[0], fmt)
    world.table(logs.spec())
    report = world.check()
    assert "brand-new" in only(report, "new-fields").message
    world.mend(report)
    world.mended("logs")


def test_a_format_that_changed_on_a_date(clean: Logs, world: World) -> None:
    """Date and flow log are said; a second table begins that day, and the first ends there."""
    for at in (TODAY, TODAY + timedelta(minutes=5)):
        clean.text(at, MOVED)
    world.table(clean.spec())
    report = world.check()
    found = only(report, "format-change")
    assert found.message.startswith("fl-0a changed the format on 2026-11-21: from column 4 on")
    assert found.message.endswith(
        "a scheduled add-partitions of logs would register these days again: end it (--until"
        f" 2026-11-21), and schedule one for {second(MOVED)}"
    )
    assert found.fix is not None
    assert found.fix.split(" && ")[1:] == [
        f"athena-flow add-partitions --database flow --table {second(MOVED)} --since 2026-11-21",
        "athena-flow partitions drop --database flow --table logs --since 2026-11-21"
        " --until 2026-11-22 --yes",
    ]
    world.mend(report)
    world.mended("logs", second(MOVED))
    assert world.registered(second(MOVED)) == [Partition(ACCOUNT, REGION, TODAY)]
    assert world.check().notes[-1] == f"read by flow.{second(MOVED)}: 2 files looked at"


def test_a_table_of_the_format_since_the_change(clean: Logs, world: World) -> None:
    """What lies before the change gets a second table, which ends there."""
    clean.text(TODAY, MOVED, flow_log="fl-0b")
    world.table(clean.spec(MOVED))
    report = world.check()
    found = only(report, "format-change")
    assert "fl-0a changed the format on 2026-11-21, and before that: from column" in found.message
    assert "give it --since 2026-11-21 at the earliest" in found.message
    world.mend(report)
    world.mended("logs", second(DEFAULT))


def test_a_format_that_changed_in_one_of_two_accounts(clean: Logs, world: World) -> None:
    """Only that account's days move, and a job is told which accounts to keep."""
    for day in (*DAYS, TODAY):
        clean.text(day, account=OTHER, flow_log="fl-0c")
    clean.text(TODAY, MOVED, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    found = only(report, "format-change")
    assert f"give it --account {OTHER}, and schedule one" in found.message
    assert found.fix is not None
    assert found.fix.endswith(
        f"--since 2026-11-21 --until 2026-11-22 --account {ACCOUNT} --region {REGION} --yes"
    )
    world.mend(report)
    world.mended("logs", second(MOVED))
    assert Partition(OTHER, REGION, TODAY) in world.registered()


def test_a_change_in_the_only_account_that_was_asked_for(clean: Logs, world: World) -> None:
    """What was not looked at keeps its partitions."""
    for day in (*DAYS, TODAY):
        clean.text(day, MOVED if day == TODAY else DEFAULT, account=OTHER, flow_log="fl-0c")
    clean.text(TODAY)
    world.table(clean.spec())
    report = world.check(window=Window(DAYS[0], NOW, accounts=(OTHER,)))
    only(report, "format-change")
    world.mend(report)
    world.mended("logs", second(MOVED))
    assert Partition(ACCOUNT, REGION, TODAY) in world.registered()


def test_a_format_that_changed_in_the_middle_of_a_day(clean: Logs, world: World) -> None:
    """No partition tells that day's files apart: those of one flow log are moved."""
    noon = DAYS[1] + timedelta(hours=12)
    for path in (clean.root / DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[1]))).glob("*T23*"):
        path.unlink()
    for path in (clean.root / DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[2]))).iterdir():
        path.unlink()
    for at in (noon, DAYS[2], TODAY):
        clean.text(at, MOVED, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    assert kinds(report) == ["format-change", "mixed-formats"]
    assert "2026-11-20" in report.findings[0].message
    assert "*_fl-0b_20261119T*" in (report.findings[1].fix or "")
    world.mend(report)
    world.mended("logs", second(MOVED), "logs_fl_0b_apart")
    assert [p.name for p in (clean.root / "fl-0b").rglob("*.gz")] == [
        f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-0b_20261119T1200Z_1a2b3c4d.log.gz"
    ]


def test_a_format_that_went_to_and_fro(clean: Logs, world: World) -> None:
    """Days between others are taken out one by one."""
    for path in (clean.root / DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[1]))).iterdir():
        path.unlink()
    clean.text(DAYS[1], MOVED)
    world.table(clean.spec())
    report = world.check()
    found = only(report, "format-change")
    assert "changed the format to and fro, on 2026-11-19" in found.message
    world.mend(report)
    world.mended("logs", second(MOVED))


def test_two_flow_logs_of_two_formats(clean: Logs, world: World) -> None:
    """No partition tells their files apart: the other's get a prefix and a table of their own."""
    for day in DAYS:
        clean.text(day + timedelta(hours=5), MOVED, flow_log="fl-0b")
    world.table(clean.spec())
    report = world.check()
    found = only(report, "mixed-formats")
    assert found.message.startswith("fl-0b writes another format into the same folders")
    assert found.message.endswith("the command moves logs")
    world.mend(report)
    world.mended("logs", "logs_fl_0b_apart")
    assert len([*(clean.root / "fl-0b").rglob("*.gz")]) == 3


def test_two_formats_that_no_name_tells_apart(clean: Logs, world: World) -> None:
    """Somebody's own file names: the files that were looked at are moved one by one."""
    folder = DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[1]))
    text = f"{MOVED.header}\n{' '.join('1' * 14)}\n"
    clean.put(f"{folder}mine.log.gz", gzip.compress(text.encode()))
    world.table(clean.spec())
    report = world.check()
    found = only(report, "mixed-formats")
    assert (found.fix or "").startswith("mkdir -p ")
    world.mend(report)
    world.mended("logs")


def test_transit_gateway_logs_in_a_vpc_table(clean: Logs, world: World) -> None:
    """They lie in the same tree, and only the flow log's id tells them apart."""
    clean.text(DAYS[1] + timedelta(hours=3), parse_format("default-tgw"), flow_log="fl-0f")
    world.table(clean.spec())
    report = world.check()
    found = only(report, "mixed-formats")
    assert "fl-0f" in found.message
    assert "account_id shows resource-type" in found.message
    world.mend(report)
    world.mended("logs", "logs_fl_0f_apart")


def test_another_account_in_another_format(clean: Logs, world: World) -> None:
    """Folders of their own: a second table for that account, and none of it in the first."""
    for day in DAYS:
        clean.text(day, MOVED, account=OTHER, flow_log="fl-0c")
    world.table(clean.spec())
    report = world.check()
    found = only(report, "shifted")
    assert f"--since 2026-11-18 --account {OTHER} --region {REGION}" in (found.fix or "")
    assert f"give it --account {ACCOUNT}, and schedule one for {second(MOVED)}" in found.message
    world.mend(report)
    world.mended("logs", second(MOVED))


def test_several_accounts_in_another_format(clean: Logs, world: World) -> None:
    """One second table for all of them."""
    for number in (7, 8, 9):
        for day in DAYS:
            clean.text(day, MOVED, account=f"{number}" * 12, flow_log=f"fl-0{number}")
    world.table(clean.spec())
    report = world.check()
    only(report, "shifted")
    world.mend(report)
    world.mended("logs", second(MOVED))
    assert len(world.registered(second(MOVED))) == 9


def test_accounts_that_change_one_after_the_other(clean: Logs, world: World) -> None:
    """They share the second table, whenever each is found; none of the tables misses days."""
    for day in (*DAYS, TODAY):
        clean.text(day, account=OTHER, flow_log="fl-0c")
    clean.text(TODAY, MOVED, flow_log="fl-0b")
    world.table(clean.spec())
    world.mend(world.check())
    for path in (clean.root / DAILY.prefix(Partition(OTHER, REGION, TODAY))).iterdir():
        path.unlink()
    clean.text(TODAY, MOVED, account=OTHER, flow_log="fl-0d")
    report = world.check()
    only(report, "format-change")
    world.mend(report)
    world.mended("logs", second(MOVED))


@pytest.mark.parametrize("layout", ["hourly", "hive-daily", "hive-hourly"])
def test_a_change_in_every_layout(layout: str, logs: Logs, world: World) -> None:
    """Hours and hive folders are dropped and registered by the same days."""
    for day in DAYS:
        logs.text(day + timedelta(hours=3), layout=LAYOUTS[layout])
    logs.text(TODAY + timedelta(hours=3), MOVED, layout=LAYOUTS[layout])
    world.table(logs.spec(layout=LAYOUTS[layout]))
    report = world.check()
    only(report, "format-change")
    world.mend(report)
    world.mended("logs", second(MOVED))


# ---------------------------------------------------------------- Parquet, by name


def test_fields_that_a_parquet_table_lacks(logs: Logs, world: World) -> None:
    """What is in the middle shifts nothing: Parquet goes by name, so it is only not seen."""
    logs.parquet(DAYS[0], "srcaddr vpc-id dstaddr srcport dstport end log-status")
    world.table(logs.parquet_spec())
    report = world.check()
    assert only(report, "new-fields").message.endswith("no column for: vpc-id")
    world.mend(report)
    world.mended("logs")


def test_columns_that_no_parquet_file_has(logs: Logs, world: World) -> None:
    """Read by name, a column of another name is NULL in every row."""
    logs.parquet(DAYS[0], PORTS)
    world.table(logs.parquet_spec(f"{PORTS} bytes"))
    report = world.check()
    assert only(report, "missing-fields").message.endswith(": bytes")
    world.mend(report)
    world.mended("logs")


def test_parquet_with_ports_of_text(logs: Logs, world: World) -> None:
    """Somebody's own converter wrote them: the file goes, for AWS writes no such type."""
    logs.parquet(DAYS[0])
    bad = logs.parquet(DAYS[1], types={"srcport": "VARCHAR", "dstport": "VARCHAR"})
    world.table(logs.parquet_spec())
    report = world.check()
    found = only(report, "type")
    assert "srcport int cannot read varchar, dstport int cannot read varchar" in found.message
    assert found.message.endswith("the command moves logs")
    assert found.uris == (str(bad),)
    world.mend(report)
    world.mended("logs")


def test_a_parquet_field_that_nobody_knows_yet(logs: Logs, world: World) -> None:
    """As text it is kept; of another type no column of ours reads it, and that is said."""
    logs.parquet(DAYS[0])
    known = parse_format(f"{PORTS} brand-new", allow_unknown=True)
    for kind in ("VARCHAR", "BIGINT"):
        path = logs.parquet(DAYS[1], types={"brand_new": kind})
        world.table(logs.spec(known, file_type="parquet", name=f"with_{kind.lower()}"))
        world.table(logs.parquet_spec(name=f"without_{kind.lower()}"))
        report = world.check(f"with_{kind.lower()}")
        assert kinds(report) == ([] if kind == "VARCHAR" else ["type"])
        without = world.check(f"without_{kind.lower()}")
        assert kinds(without) == (["new-fields"] if kind == "VARCHAR" else [])
        if kind == "BIGINT":
            assert any("brand_new bigint" in note for note in without.notes)
            world.mend(report)
            assert kinds(world.check("with_bigint")) == []
        path.unlink()


def test_a_parquet_table_with_wrong_types(logs: Logs, world: World) -> None:
    """The files are as AWS writes them: a right table is made beside somebody else's."""
    logs.parquet(DAYS[0])
    described = retyped(foreign(logs.parquet_spec()), srcport="string", srcaddr="int")
    table = at_days(table_of("flow", described))
    found = only(logs.held(table), "type")
    assert "srcaddr int cannot read varchar, srcport string cannot read integer" in found.message
    run(found.fix)
    world.mended("logs_athena_flow")


@pytest.mark.parametrize(
    ("types", "bad"),
    [
        ({"srcaddr": "int", "bytes": "int"}, "bytes int, srcaddr int"),
        ({"srcport": "smallint", "start": "timestamp"}, "srcport smallint, start timestamp"),
        ({"packets": "int", "start": "int", "bytes": "decimal(20,0)", "version": "smallint"}, ""),
        ({"srcport": "string", "srcaddr": "varchar(45)", "bytes": "double"}, ""),
    ],
)
def test_a_text_table_with_wrong_types(clean: Logs, types: dict[str, str], bad: str) -> None:
    """A value that the type cannot hold is NULL in every row, or in the big ones."""
    table = at_days(table_of("flow", retyped(foreign(clean.spec()), **types)))
    report = clean.held(table)
    assert [f.message.partition("NULL: ")[2] for f in report.findings] == ([bad] if bad else [])
    assert set(kinds(report)) <= {"type"}


# ---------------------------------------------------------------- names of others


OLD = (
    "version account interfaceid sourceaddress destinationaddress sourceport destinationport"
    " protocol numpackets numbytes starttime endtime action logstatus"
)


def test_old_column_names_are_known(clean: Logs) -> None:
    """AWS's own names until 2022 say the same fields, and fit."""
    described = foreign(clean.spec())
    for column, name in zip(described["StorageDescriptor"]["Columns"], OLD.split(), strict=True):
        column["Name"] = name
    assert clean.held(at_days(table_of("flow", described))).findings == ()
    described["StorageDescriptor"]["Columns"][3:5] = described["StorageDescriptor"]["Columns"][
        4:2:-1
    ]
    found = only(clean.held(at_days(table_of("flow", described))), "shifted")
    assert "destinationaddress shows srcaddr" in found.message


def test_names_that_say_nothing_are_taken_by_position(clean: Logs) -> None:
    """And this is said, for nothing proves it; names that do say a field need no such note."""
    described = foreign(clean.spec())
    said = "the meaning of these columns is taken from their position"
    assert not any(said in note for note in clean.held(at_days(table_of("flow", described))).notes)
    for at, name in ((3, "a"), (4, "b")):
        described["StorageDescriptor"]["Columns"][at]["Name"] = name
    report = clean.held(at_days(table_of("flow", described)))
    assert report.findings == ()
    assert f"names that say no field: a, b: {said}" in report.notes


def test_a_window_outside_of_which_nothing_is_judged(clean: Logs, world: World) -> None:
    """A change before the window is none of its business."""
    clean.text(DAYS[0] - DAY, MOVED)
    world.table(clean.spec(), registered=Window(DAYS[0] - DAY, NOW))
    assert kinds(world.check(window=WINDOW)) == []
    assert kinds(world.check(window=replace(WINDOW, start=DAYS[0] - DAY))) == ["format-change"]
