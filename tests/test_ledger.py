"""The ledger: what was written is there, for all who write at once, and sums are never low."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from athena_flow import entries
from athena_flow.entries import Entry, Spent
from athena_flow.errors import BadFile, CannotWrite, OverBudget
from athena_flow.ledger import FileLedger

NOW = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
ONE = Entry(NOW, "top-talkers", ("flow_logs.a",), "athena", "us-east-1", "exact", 1000, 0.5, 5.0)
DONE = replace(ONE, outcome="done", scanned_bytes=900, usd=0.45, query_id="id", seconds=1.5)


def accept(today: Spent) -> None:
    """Lets a run go."""


@pytest.fixture
def ledger(tmp_path: Path) -> FileLedger:
    return FileLedger(tmp_path / "not yet there" / "ledger.sqlite")


# ---------------------------------------------------------------- the file


def test_a_run_is_there_from_its_start_to_its_end(ledger: FileLedger) -> None:
    """Written down as begun, named, and ended: another reader sees each of it."""
    number = ledger.start(ONE, accept)
    reader = FileLedger(ledger.file)
    assert [*reader.entries(None, None)] == [ONE]
    ledger.name(number, "id-1")
    assert [*reader.entries(None, None)] == [replace(ONE, query_id="id-1")]
    ledger.end(number, replace(DONE, query_id=None))
    assert [*reader.entries(None, None)] == [replace(DONE, query_id="id-1")]


def test_any_name_can_be_written(ledger: FileLedger) -> None:
    """A query may be called as its file, whose name need be no text."""
    ledger.start(replace(ONE, query="q\udcff.sql", tables=("flow_logs.\u00e4",)), accept)
    (found,) = ledger.entries(None, None)
    assert (found.query, found.tables) == ("q\\udcff.sql", ("flow_logs.\u00e4",))


def test_times_are_utc_and_sorted(ledger: FileLedger) -> None:
    """Runs come in the order in which they began, whatever the clock of their writer."""
    there = timezone(timedelta(hours=-8))
    moments = [NOW, NOW.astimezone(there) - timedelta(microseconds=1), NOW + timedelta(days=1)]
    for moment in moments:
        ledger.start(replace(ONE, started=moment), accept)
    found = [entry.started for entry in ledger.entries(None, None)]
    assert found == sorted(moments)
    assert [e.started for e in ledger.entries(NOW, NOW + timedelta(days=1))] == [NOW]


def test_only_its_owner_may_read_it(ledger: FileLedger) -> None:
    """What somebody asks of his logs is nobody else's business."""
    ledger.start(ONE, accept)
    assert stat.S_IMODE(ledger.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(ledger.file.parent.stat().st_mode) == 0o700


def test_a_ledger_that_is_not_there_holds_nothing(ledger: FileLedger) -> None:
    """Reading makes no file."""
    assert [*ledger.entries(None, None)] == []
    assert not ledger.file.exists()
    ledger.file.parent.mkdir()
    ledger.file.touch()
    assert [*ledger.entries(None, None)] == []
    ledger.start(ONE, accept)
    assert [*ledger.entries(None, None)] == [ONE]


def test_who_is_refused_leaves_nothing(ledger: FileLedger) -> None:
    """The look at the day and the line in the book are one step, or none."""

    def refuse(today: Spent) -> None:
        raise OverBudget(f"{today.runs}")

    ledger.start(ONE, accept)
    with pytest.raises(OverBudget, match="1"):
        ledger.start(ONE, refuse)
    assert len([*ledger.entries(None, None)]) == 1


def test_a_day_is_a_day_in_utc_of_one_engine(ledger: FileLedger) -> None:
    """What ended counts as it was, what did not as it was estimated."""
    ledger.end(ledger.start(ONE, accept), DONE)
    ledger.start(ONE, accept)
    ledger.start(replace(ONE, engine="duckdb"), accept)
    ledger.start(replace(ONE, started=NOW - timedelta(hours=10, minutes=6)), accept)
    ledger.start(replace(ONE, started=NOW + timedelta(hours=14)), accept)
    assert ledger.spent("athena", NOW) == Spent(2, 1900, 0.95)
    there = NOW.astimezone(timezone(timedelta(hours=-11)))
    assert ledger.spent("athena", there) == Spent(2, 1900, 0.95)
    assert ledger.spent("trino", NOW) == Spent()


def test_many_threads_write_at_once(ledger: FileLedger) -> None:
    """No line is lost, and a day's budget for ten runs lets ten go, not eleven."""

    def ten(today: Spent) -> None:
        if today.runs >= 10:
            raise OverBudget("full")

    def one(n: int) -> bool:
        try:
            number = ledger.start(replace(ONE, query=f"q{n}"), ten)
        except OverBudget:
            return False
        ledger.end(number, DONE)
        return True

    with ThreadPoolExecutor(8) as pool:
        went = [*pool.map(one, range(40))]
    assert sum(went) == 10
    assert len([*ledger.entries(None, None)]) == 10


def test_many_processes_make_one_ledger(ledger: FileLedger) -> None:
    """The first ones find no file, and none of them writes over another."""
    code = f"""
import sys
from datetime import datetime, UTC
from pathlib import Path
from athena_flow.entries import Entry
from athena_flow.ledger import FileLedger
book = FileLedger(Path({str(ledger.file)!r}))
for n in range(5):
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    entry = Entry(moment, sys.argv[1], (), "athena", "r", "exact", n, 0.0, 5.0)
    book.end(book.start(entry, lambda today: None), entry)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, f"w{n}"]) for n in range(6)]
    assert [writer.wait(60) for writer in writers] == [0] * 6
    found = [(e.query, e.estimated_bytes) for e in ledger.entries(None, None)]
    assert sorted(found) == sorted((f"w{w}", n) for w in range(6) for n in range(5))


@pytest.mark.parametrize("content", [b"not a database, but long enough for a header" * 9, b"x"])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    """It is left as it was."""
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(content)
    book = FileLedger(file)
    with pytest.raises(BadFile, match="ledger.sqlite"):
        book.start(ONE, accept)
    with pytest.raises(BadFile, match="ledger.sqlite"):
        [*book.entries(None, None)]
    assert file.read_bytes() == content


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    """A database without our mark is no ledger."""
    file = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE runs (number INTEGER)")
        db.commit()
    before = file.read_bytes()
    with pytest.raises(BadFile, match="no ledger"):
        FileLedger(file).start(ONE, accept)
    assert file.read_bytes() == before


def test_a_newer_ledger_is_not_written(ledger: FileLedger) -> None:
    """A later version may mean something else by its columns."""
    ledger.start(ONE, accept)
    with closing(sqlite3.connect(ledger.file)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(BadFile, match="newer"):
        ledger.start(ONE, accept)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file where a folder should be, and a folder where the file should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="file"):
        FileLedger(tmp_path / "file" / "ledger.sqlite").start(ONE, accept)
    with pytest.raises(CannotWrite, match="cannot be written"):
        FileLedger(tmp_path).start(ONE, accept)
    with pytest.raises(CannotWrite, match="cannot be read"):
        [*FileLedger(tmp_path).entries(None, None)]


# ---------------------------------------------------------------- sums


@pytest.mark.parametrize(
    ("entry", "size", "usd"),
    [
        (ONE, 1000, 0.5),
        (DONE, 900, 0.45),
        (replace(ONE, outcome="failed"), 0, 0.0),
        (replace(ONE, outcome="cancelled"), 1000, 0.5),
        (replace(ONE, outcome="cancelled", scanned_bytes=7, usd=0.1), 7, 0.1),
        (replace(ONE, outcome="done"), 1000, 0.5),
        (replace(ONE, estimated_bytes=None, estimated_usd=None), None, None),
        (replace(DONE, estimated_bytes=None, estimated_usd=None), 900, 0.45),
    ],
)
def test_what_a_run_counts_for(entry: Entry, size: int | None, usd: float | None) -> None:
    """What it scanned; where that is not known the most that it can be; what failed is free."""
    assert (entry.counted_bytes, entry.counted_usd) == (size, usd)
    assert entries.spent([entry, DONE]) == Spent(
        2, None if size is None else size + 900, None if usd is None else pytest.approx(usd + 0.45)
    )


def test_sums_by_query_table_and_month() -> None:
    """The dearest first, months the newest first; several tables stand together."""
    both = replace(DONE, query="join", tables=("flow_logs.a", "flow_logs.b"), usd=9.0)
    old = replace(DONE, started=NOW - timedelta(days=40), usd=1.0)
    runs = [DONE, both, old, replace(DONE, tables=())]
    assert [(t.name, t.runs) for t in entries.by_query(runs)] == [("join", 1), ("top-talkers", 3)]
    assert [(t.name, t.runs) for t in entries.by_table(runs)] == [
        ("flow_logs.a + flow_logs.b", 1),
        ("flow_logs.a", 2),
        ("no table", 1),
    ]
    assert [(t.name, t.runs) for t in entries.by_month(runs)] == [("2026-11", 3), ("2026-10", 1)]
    assert entries.dearest(runs, 2) == (both, old)


def test_only_athena_costs_money() -> None:
    """Runs on other engines count with their bytes, and their price with nothing."""
    local = replace(DONE, engine="duckdb", usd=100.0)
    found = entries.total("all", [DONE, local])
    assert (found.runs, found.size_bytes, found.usd) == (2, 1800, 0.45)
    assert entries.dearest([local, DONE]) == (DONE, local)


def test_estimate_against_actual() -> None:
    """Only runs that have both are compared, and those that scanned more are counted."""
    more = replace(DONE, scanned_bytes=1100)
    found = entries.total("all", [DONE, more, ONE, replace(ONE, outcome="failed")])
    assert (found.estimated_bytes, found.scanned_bytes) == (2000, 2000)
    assert (found.ratio, found.low, found.unended) == (1.0, 1, 1)
    assert entries.total("none", []).ratio is None


def test_what_is_not_known_is_counted() -> None:
    """A sum that leaves something out says how many it left out."""
    unpriced = replace(DONE, usd=None, estimated_usd=None, per_tb_usd=None)
    found = entries.total("all", [DONE, unpriced, replace(unpriced, engine="trino")])
    assert (found.usd, found.unknown) == (0.45, 1)
