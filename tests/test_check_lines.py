"""`check` on lines and objects: header lines, line ends, and files that are no logs."""

from __future__ import annotations

import gzip
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from check_bench import (
    ACCOUNT,
    DAYS,
    FULL,
    LONGER,
    OTHER,
    REGION,
    TODAY,
    Logs,
    World,
    at_days,
    clean_fixture,  # noqa: F401  # pytest finds it
    foreign,
    kinds,
    logs_fixture,  # noqa: F401  # pytest finds it
    only,
    record,
    run,
    world_fixture,  # noqa: F401  # pytest finds it
)

from athena_flow import demo
from athena_flow.check import table_of
from athena_flow.layout import DAILY, Partition
from athena_flow.logformat import DEFAULT
from athena_flow.table import SKIPPED_LINES
from athena_flow.window import Window

ONE_DAY = DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[1]))


def whole(logs: Logs, *, headers: bool = True, account: str = ACCOUNT) -> list[Path]:
    """A file a day, of records that show the default format also without a header."""
    paths = []
    for day in DAYS:
        rows = [*demo.lines(DEFAULT, [record(day, **FULL)])]
        paths.append(logs.text(day, lines=rows if headers else rows[1:], account=account))
    return paths


def lines_of(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


# ---------------------------------------------------------------- header lines


@pytest.mark.parametrize(
    ("skipped", "headers", "wanted", "words"),
    [
        (None, True, "1", "the header is a row in each of"),
        ("2", True, "1", "a row lost in each of"),
        ("1", False, "0", "without a header line: the first row of each is lost"),
    ],
)
def test_header_skipping_of_text(
    logs: Logs, skipped: str | None, headers: bool, wanted: str, words: str
) -> None:
    """One line too few is a bogus row per file, one too many a lost one."""
    whole(logs, headers=headers)
    described = foreign(logs.spec(), **{SKIPPED_LINES: skipped})
    found = only(logs.held(at_days(table_of("flow", described))), "header-skip")
    assert words in found.message
    assert (
        found.fix == f"ALTER TABLE `flow`.`logs` SET TBLPROPERTIES ('{SKIPPED_LINES}' = '{wanted}')"
    )  # noqa: E501
    described["Parameters"][SKIPPED_LINES] = wanted
    assert logs.held(at_days(table_of("flow", described))).findings == ()


@pytest.mark.parametrize(("lines", "wanted"), [(1, 0), (0, 1)])
def test_header_skipping_of_a_table_of_ours(
    lines: int, wanted: int, logs: Logs, world: World
) -> None:
    """It is made anew with the right number, and keeps its partitions."""
    whole(logs, headers=bool(wanted))
    world.table(logs.spec(header_lines=lines))
    report = world.check()
    found = only(report, "header-skip")
    assert " --replace" in (found.fix or "")
    assert ("--header-lines 0" in (found.fix or "")) is (wanted == 0)
    world.mend(report)
    world.mended("logs")
    assert len(world.registered()) == 3


def test_header_skipping_of_parquet(logs: Logs) -> None:
    """AWS's own examples have it: the first row of each file is dropped."""
    logs.parquet(DAYS[0])
    described = foreign(logs.parquet_spec(), **{SKIPPED_LINES: "1"})
    found = only(logs.held(at_days(table_of("flow", described))), "header-skip")
    assert found.fix == f"ALTER TABLE `flow`.`logs` SET TBLPROPERTIES ('{SKIPPED_LINES}' = '0')"


def test_some_files_without_a_header(logs: Logs, world: World) -> None:
    """No number of lines is right for both: those files get a header."""
    whole(logs)
    paths = whole(logs, headers=False, account=OTHER)
    world.table(logs.spec())
    report = world.check()
    assert only(report, "header-skip").message.endswith(
        "the command writes logs anew, only the files looked at"
    )
    world.mend(report)
    assert [lines_of(path)[0] for path in paths] == [DEFAULT.header] * 3
    world.mended("logs")


def test_some_files_with_a_header(logs: Logs, world: World) -> None:
    """In a table of headerless files it is the header that goes."""
    whole(logs, headers=False)
    rows = [*demo.lines(DEFAULT, [record(TODAY, **FULL)])]
    path = logs.text(TODAY, lines=rows)
    world.table(logs.spec(header_lines=0))
    report = world.check()
    only(report, "header-skip")
    world.mend(report)
    assert lines_of(path) == rows[1:]
    world.mended("logs")


def test_a_header_that_alone_tells_the_fields(logs: Logs, world: World) -> None:
    """It is not taken away: a file of another width leaves a table of headerless files."""
    whole(logs, headers=False)
    path = logs.text(TODAY, LONGER)
    world.table(logs.spec(header_lines=0))
    report = world.check()
    assert kinds(report) == ["new-fields", "header-skip"]
    assert "where only the header tells their fields" in report.findings[1].message
    run(report.findings[1].fix)
    assert lines_of(logs.root / "left-out" / path.relative_to(logs.root))[0] == LONGER.header
    world.mended("logs")


def test_a_file_of_no_known_shape(clean: Logs, world: World) -> None:
    """No header and another number of fields: nothing says which is which."""
    clean.text(DAYS[1] + timedelta(hours=23), lines=["a b c"])
    world.table(clean.spec())
    report = world.check()
    found = only(report, "no-header")
    assert "with 3 fields for 14 columns" in found.message
    assert found.message.endswith("the command moves logs, only the files looked at")
    world.mend(report)
    world.mended("logs")


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_no_file_says_its_format(logs: Logs, world: World, ours: bool) -> None:
    """They are the table's logs: none is moved, and how the format is said is told."""
    for day in DAYS:
        logs.text(day, lines=[" ".join(f"{n}" for n in range(17))] * 2)
    spec = logs.spec(LONGER)
    if ours:
        world.table(spec)
        report = world.check()
    else:
        report = logs.held(at_days(table_of("flow", foreign(spec))))
    found = only(report, "no-header")
    assert found.fix is None
    assert "3 files looked at without a header line, with 17 fields for 16 columns" in found.message
    said = "init-table --replace --header-lines 0" if ours else "init-table --header-lines 0"
    assert "nothing says which of the 17 fields is which: say the format: " in found.message
    assert found.message.endswith(f"{said} --log-format '...' with 17 fields")


@pytest.mark.parametrize("others", [(LONGER.header,), ("a b", "a b c")], ids=["even", "widths"])
def test_no_more_than_a_few_files_are_moved(
    logs: Logs, world: World, others: tuple[str, ...]
) -> None:
    """Half of the logs, or all of them, are not odd ones that lie among others."""
    logs.text(DAYS[0], lines=["1 2 3"])
    for hour, line in enumerate(others):
        logs.text(DAYS[1] + timedelta(hours=hour), lines=[line, line])
    world.table(logs.spec(LONGER))
    found = next(f for f in world.check().findings if f.kind == "no-header")
    assert found.fix is None
    assert "too many to be moved" in found.message


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_header_in_the_middle_of_a_file(clean: Logs, world: World, end: str) -> None:
    """Files that somebody put together hold header lines as rows."""
    rows = [*demo.lines(DEFAULT, [record(DAYS[0])])]
    paths = [clean.text(day, lines=rows * 2, end=end) for day in DAYS]
    world.table(clean.spec())
    report = world.check()
    found = only(report, "header-inside")
    assert found.message.endswith("the command writes logs anew, only the files looked at")
    world.mend(report)
    assert [lines_of(path) for path in paths] == [[*rows, rows[1]]] * 3
    world.mended("logs")


def test_a_header_of_another_format_in_the_middle(clean: Logs, world: World) -> None:
    """What follows it is of another format: the file goes."""
    rows = [*demo.lines(DEFAULT, [record(DAYS[0])])]
    clean.text(DAYS[0], lines=[*rows, "srcaddr dstaddr", "a b"])
    world.table(clean.spec())
    report = world.check()
    assert (only(report, "header-inside").fix or "").startswith("mkdir")
    world.mend(report)
    world.mended("logs")


def test_crlf(clean: Logs, world: World) -> None:
    """Hadoop's line reader takes it for one line end: no finding, and it is said."""
    for day in DAYS[1:]:
        clean.text(day, end="\r\n")
    world.table(clean.spec())
    report = world.check()
    assert report.findings == ()
    assert "CRLF line ends in 2 files: read as line ends, harmless" in report.notes
    assert not [n for n in world.check(window=Window(DAYS[0], DAYS[1])).notes if "CRLF" in n]


def test_a_log_is_written_over_by_a_whole_one_only(clean: Logs, world: World) -> None:
    """A file that breaks between the check and its fix stays as it is."""
    path = clean.text(DAYS[0], lines=[*demo.lines(DEFAULT, [record(DAYS[0])])] * 2)
    world.table(clean.spec())
    fix = only(world.check(), "header-inside").fix
    broken = path.read_bytes()[:-9]
    path.write_bytes(broken)
    with pytest.raises(subprocess.CalledProcessError):
        run(fix)
    assert path.read_bytes() == broken


# ---------------------------------------------------------------- objects


def test_keys_in_no_layout(clean: Logs, world: World) -> None:
    """Below a partition Athena reads them: they are counted and named."""
    paths = [clean.put(f"{ONE_DAY}copy/{n}.log.gz", b"x") for n in range(2)]
    world.table(clean.spec())
    report = world.check()
    found = only(report, "strange-keys")
    assert found.message == (
        f"2 files in no layout: {paths[0]}, {paths[1]}; the command moves logs"
    )
    world.mend(report)
    world.mended("logs")
    assert (clean.root / "left-out" / ONE_DAY / "copy" / "0.log.gz").read_bytes() == b"x"


def test_keys_that_no_partition_holds(clean: Logs, world: World) -> None:
    """No query reads them: they are named in a note."""
    path = clean.put(f"AWSLogs/{ACCOUNT}/vpcflowlogs/readme.txt", b"x")
    world.table(clean.spec())
    report = world.check()
    assert report.findings == ()
    assert f"1 file in no place that the table reads: {path}" in report.notes


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.log.gz", b"\x1f\x8bnonsense", "is no text log"),
        ("x.log.gz", gzip.compress(b"srcaddr dstaddr\n" * 9)[:-9], "its gzip ends too early"),
        ("x.log.gz", gzip.compress(b"srcaddr srcaddr\n"), "repeated: srcaddr"),
        ("x.log", b"\xff\xfe\x00", "is no text log"),
        ("x.log.gz", f"{DEFAULT.header}\n".encode(), "is called .gz and is no gzip: every query"),
    ],
    ids=["no gzip", "cut", "a field twice", "bytes", "plain text"],
)
def test_files_that_cannot_be_read(
    clean: Logs, name: str, data: bytes, reason: str, world: World
) -> None:
    """One bad file is a finding by name, and the others are looked at all the same."""
    clean.put(f"{ONE_DAY}{name}", data)
    world.table(clean.spec())
    report = world.check()
    found = only(report, "unreadable")
    assert f"{name}: " in found.message
    assert reason in found.message
    assert found.message.endswith("the command moves logs")
    assert report.looked_at == 6
    world.mend(report)
    world.mended("logs")


def test_a_bad_file_in_a_day_that_is_not_registered(clean: Logs, world: World) -> None:
    """It is nobody's harm there, and not passed over."""
    clean.put(f"{DAILY.prefix(Partition(OTHER, REGION, DAYS[1]))}x.log", b"\xff\xfe\x00")
    world.table(clean.spec(), registered=None)
    world.register(clean.spec(), *(Partition(ACCOUNT, REGION, day) for day in DAYS))
    report = world.check()
    assert kinds(report) == ["missing-partitions"]
    assert any(note.startswith("1 file in no place that the table reads") for note in report.notes)


def test_a_parquet_file_that_is_none(logs: Logs, world: World) -> None:
    """The reason is told without the name of a temporary file."""
    logs.parquet(DAYS[0])
    path = logs.put(logs.key(DAILY, DAYS[1], ACCOUNT, "fl-0a") + ".log.parquet", b"PAR1 not")
    world.table(logs.parquet_spec())
    report = world.check()
    found = only(report, "unreadable")
    assert f"{path}: cannot be read" in found.message
    assert "/tmp" not in found.message.replace(str(path), "")
    world.mend(report)
    world.mended("logs")


def test_parquet_columns_with_hyphens(logs: Logs, world: World) -> None:
    """Converters keep the fields' names, and every column of our table is NULL there."""
    columns = {"account-id": "VARCHAR", "log-status": "VARCHAR"}
    path = logs.parquet(DAYS[0], "srcaddr", types=columns)
    logs.parquet(DAYS[1])
    world.table(logs.parquet_spec())
    report = world.check()
    found = only(report, "unreadable")
    assert (
        f"{path}: its columns account-id, log-status are written with -, which no table column is:"
        " they would be NULL" in found.message
    )
    world.mend(report)
    world.mended("logs")


def test_no_file_can_be_read(logs: Logs, world: World) -> None:
    """All of them are the table's logs: they are named, and none is moved."""
    for day in DAYS:
        logs.parquet(day, "srcaddr", types={"log-status": "VARCHAR"})
    world.table(logs.parquet_spec())
    found = only(world.check(), "unreadable")
    assert "its column log-status is written with -" in found.message
    assert found.fix is None


def test_an_empty_file_says_nothing(clean: Logs, world: World) -> None:
    """A file of no bytes, or of no lines, is neither headless nor anything else."""
    clean.text(DAYS[0], lines=[])
    clean.put(clean.key(DAILY, DAYS[1], ACCOUNT, "fl-0a") + ".log.gz", b"")
    world.table(clean.spec())
    assert world.check().findings == ()


def test_more_files_than_one_command_names(logs: Logs, world: World) -> None:
    """The command mends some of them; run again, the check finds the rest."""
    for hour in range(23):
        at = DAYS[0] + timedelta(hours=hour)
        rows = [*demo.lines(DEFAULT, [record(at)])]
        logs.text(at, lines=rows * 2, flow_log=f"fl-{hour:02x}")
    world.table(logs.spec())
    report = world.check()
    assert "23 files looked at" in only(report, "header-inside").message
    assert (report.findings[0].fix or "").count("awk") == 20
    run(report.findings[0].fix)
    assert "3 files looked at" in only(world.check(), "header-inside").message
