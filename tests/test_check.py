"""`check`: a table that fits has no finding, what was looked at is said; and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from check_bench import (
    ACCOUNT,
    DAYS,
    MOVED,
    OTHER,
    PORTS,
    REGION,
    TODAY,
    Logs,
    World,
    clean_fixture,  # noqa: F401  # pytest finds it
    kinds,
    logs_fixture,  # noqa: F401  # pytest finds it
    record,
    second,
    world_fixture,  # noqa: F401  # pytest finds it
)
from conftest import NOW, Ran

from athena_flow import demo
from athena_flow.errors import Findings
from athena_flow.layout import DAILY, LAYOUTS, Layout, Partition
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.window import Window

# ---------------------------------------------------------------- nothing wrong


def test_a_table_that_fits_has_no_finding(clean: Logs, world: World) -> None:
    """Every day is looked at, its first and last object; what was measured is said."""
    world.table(clean.spec())
    report = world.check()
    assert report.findings == ()
    assert (report.looked_at, report.keys) == (6, 9)
    assert report.measured == {
        "text_objects": 6, "cut_objects": 0, "rows": 12,
        "nodata": 0, "skipdata": 0, "outside_slot": 0,
    }  # fmt: skip
    assert report.notes[0] == (
        "looked at 6 objects among 9 keys, 2026-11-18 to 2026-11-20: 2 of 3 a day"
    )


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_demo_tree_is_clean(layout: Layout, logs: Logs, world: World) -> None:
    """All fields, all layouts, two accounts, two regions: nothing to find."""
    demo.write_demo(logs.root, NOW, layout=layout, days=3)
    window = Window(datetime(2026, 11, 19, tzinfo=UTC), NOW)
    world.table(logs.spec(demo.ALL_FIELDS, layout=layout), registered=window)
    report = world.check(window=window)
    assert kinds(report) == []
    assert report.looked_at == 2 * 2 * 3 * 2
    assert report.measured["outside_slot"] == 0
    assert report.measured["nodata"]


def test_parquet_that_fits_has_no_finding(logs: Logs, world: World) -> None:
    """A superset table over mixed formats is what Parquet is for."""
    logs.parquet(DAYS[0], PORTS)
    logs.parquet(DAYS[0], "srcaddr bytes", flow_log="fl-0b")
    world.table(logs.parquet_spec(f"{PORTS} bytes"))
    report = world.check()
    assert report.findings == ()
    assert report.measured["rows"] == 0
    assert report.measured["nodata"] is None


def test_transit_gateway_logs_have_no_finding(logs: Logs, world: World) -> None:
    """Their own table fits them."""
    tgw = parse_format("default-tgw")
    logs.text(DAYS[0], tgw)
    world.table(logs.spec(tgw))
    assert world.check().findings == ()


def test_what_the_format_does_not_say_is_not_measured(logs: Logs, world: World) -> None:
    """Without log-status and end there is no share of NODATA and no slot: None, not 0."""
    fmt = parse_format("srcaddr dstaddr bytes")
    logs.text(DAYS[0], fmt)
    world.table(logs.spec(fmt))
    measured = world.check().measured
    assert [measured[key] for key in ("rows", "nodata", "skipdata", "outside_slot")] == [
        2, None, None, None,
    ]  # fmt: skip


def test_rows_outside_their_slot_are_measured_and_no_finding(logs: Logs, world: World) -> None:
    """Older files hold a few rows that end up to a minute before their slot."""
    at = DAYS[0] + timedelta(hours=6)
    first = int(at.timestamp())
    ends = (-30, -1, 0, 299, 300)
    logs.text(at, lines=[*demo.lines(DEFAULT, [record(at, end=str(first + e)) for e in ends])])
    world.table(logs.spec())
    report = world.check()
    assert report.findings == ()
    assert report.measured["outside_slot"] == 3
    assert "3 (60.0%) end outside the 5 minutes of their file" in report.notes[1]


def test_skipdata(logs: Logs, world: World) -> None:
    """Rows that AWS left out make every count low, and nothing brings them back."""
    statuses = ("OK", "NODATA", "SKIPDATA", "SKIPDATA")
    rows = demo.lines(DEFAULT, [record(DAYS[0], **{"log-status": s}) for s in statuses])
    logs.text(DAYS[0], lines=[*rows])
    world.table(logs.spec())
    report = world.check()
    assert kinds(report) == []
    assert any(note.startswith("SKIPDATA: AWS left records out") for note in report.notes)
    assert (report.measured["nodata"], report.measured["skipdata"]) == (1, 2)
    assert any("1 (25.0%) NODATA, 2 (50.0%) SKIPDATA" in note for note in report.notes)


def test_what_the_table_does_not_read_is_not_measured(clean: Logs, world: World) -> None:
    """The shares are those of the table's own rows."""
    rows = demo.lines(MOVED, [record(TODAY, **{"log-status": "NODATA"})])
    clean.text(TODAY, lines=[*rows])
    world.table(clean.spec(), registered=Window(DAYS[0], TODAY))
    report = world.check()
    assert (report.measured["rows"], report.measured["nodata"]) == (12, 0)
    assert report.looked_at == 7


def test_a_long_file_is_read_in_part(logs: Logs, world: World) -> None:
    """Rows are counted up to a bound, and it is said."""
    path = logs.text(DAYS[0], lines=[*demo.lines(DEFAULT, [record(DAYS[0])] * 200_000)])
    world.table(logs.spec())
    report = world.check()
    assert path.stat().st_size < 8 * 2**20
    assert report.findings == ()
    assert report.measured["cut_objects"] == 1
    assert 100_000 < (report.measured["rows"] or 0) < 200_000
    assert "read only in part: 1 file" in report.notes


# ---------------------------------------------------------------- the command


Cli = Callable[..., Ran]


def twice(logs: Logs) -> None:
    """A file that somebody put together of two: its header line is there again."""
    logs.text(DAYS[0], lines=[*demo.lines(DEFAULT, [record(DAYS[0])])] * 2)


@pytest.fixture
def local(clean: Logs, tmp_path: Path, cli: Cli) -> Cli:
    """The command line over the clean logs, with a table and its partitions."""

    def run(*words: str) -> Ran:
        return cli(*words, "--engine", "duckdb", "--catalog", str(tmp_path / "catalog.sqlite"))

    assert run("init-table", "--location", clean.location).code == 0
    assert run("add-partitions").code == 0
    return run


@pytest.fixture
def paste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Runs a line in a shell, where `athena-flow` is the one that is tested."""
    program = tmp_path / "bin" / "athena-flow"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m athena_flow "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ATHENA_FLOW_NOW", NOW.isoformat())

    def run(line: str) -> None:
        subprocess.run(line, shell=True, check=True, cwd=tmp_path)

    return run


def test_a_clean_table_is_exit_0(local: Cli) -> None:
    """Nothing on stdout; on stderr how many objects were read."""
    ran = local("check")
    assert (ran.code, ran.out) == (0, "")
    assert "note: looked at 6 objects among 9 keys" in ran.err
    document = json.loads(local("check", "--as", "json", "--since", "2026-11-20").out)
    assert document["findings"] == []
    assert (document["table"], document["looked_at"]) == ("flow_logs.vpc_flow_logs", 2)
    assert document["measured"]["rows"] == 4


def test_crlf_is_exit_0(logs: Logs, cli: Cli, tmp_path: Path) -> None:
    """Athena takes CRLF for one line end: the files are counted in a note, and clean."""
    for day in DAYS:
        logs.text(day, end="\r\n")
    words = ("--engine", "duckdb", "--catalog", str(tmp_path / "catalog.sqlite"))
    assert cli("init-table", "--location", logs.location, *words).code == 0
    assert cli("add-partitions", *words).code == 0
    ran = cli("check", *words)
    assert (ran.code, ran.out) == (0, "")
    assert "note: CRLF line ends in 3 files: read as line ends, harmless\n" in ran.err


def test_findings_are_exit_6(clean: Logs, local: Cli) -> None:
    """One line each, with the fix."""
    clean.text(DAYS[0] + timedelta(hours=1), MOVED, flow_log="fl-0b")
    twice(clean)
    ran = local("check")
    assert ran.code == 6
    header, *lines = ran.out.splitlines()
    assert header.split() == ["kind", "finding", "fix"]
    assert [line.split()[0] for line in lines] == ["header-inside", "mixed-formats"]
    assert ran.err.splitlines()[-1] == ("athena-flow: error: 2 findings in flow_logs.vpc_flow_logs")


def test_a_table_without_partitions_is_exit_6(local: Cli) -> None:
    """Nothing is registered, so nothing is read, and that is no clean table."""
    dropped = local("partitions", "drop", "--since", "2026-11-01", "--yes")
    assert dropped.code == 0, dropped.err
    ran = local("check")
    assert ran.code == 6
    assert "missing-partitions" in ran.out


def test_fixes_run_as_they_are_printed(
    clean: Logs, local: Cli, paste: Callable[[str], None]
) -> None:
    """In a shell, flags for the catalog and all; then both tables are clean."""
    clean.text(TODAY, MOVED)
    for path in (clean.root / DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[0]))).glob("*T00*"):
        path.unlink()
        twice(clean)
    clean.text(DAYS[1] + timedelta(hours=3), parse_format("default-tgw"), flow_log="fl-0f")
    assert local("add-partitions").code == 0
    ran = local("check", "--as", "json")
    assert ran.code == 6
    document = json.loads(ran.out)
    assert set(document) == {"table", "looked_at", "keys", "findings", "measured", "notes"}
    assert json.loads(ran.err.splitlines()[-1])["error"]["kind"] == Findings.__name__
    assert sorted(f["kind"] for f in document["findings"]) == [
        "format-change", "header-inside", "mixed-formats",
    ]  # fmt: skip
    for found in document["findings"]:
        assert set(found) == {"kind", "message", "fix", "uris"}
        paste(found["fix"])
    after = local("check")
    assert (after.code, after.out) == (0, ""), after
    for name in (second(MOVED, "vpc_flow_logs"), "vpc_flow_logs_fl_0f_apart"):
        ran = local("check", "--table", name)
        assert (ran.code, ran.out) == (0, ""), ran


def test_the_window_is_what_is_looked_at(clean: Logs, local: Cli) -> None:
    """A change outside it is none; --account of nobody is a silent window."""
    clean.text(DAYS[2] + timedelta(hours=23, minutes=30), MOVED)
    assert local("check", "--until", "2026-11-20").code == 0
    assert local("check", "--since", "2026-11-20").code == 6
    silent = local("check", "--account", OTHER)
    assert silent.code == 6
    assert f"no logs of {OTHER} lie in the window; the last day that has any" in silent.out


def test_no_such_table_is_exit_3(local: Cli) -> None:
    """Nothing to check, and what to do."""
    ran = local("check", "--table", "absent")
    assert ran.code == 3
    assert "no table flow_logs.absent" in ran.err
