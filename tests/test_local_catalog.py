"""The local catalog's file when it is damaged, or in somebody else's hands."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import Ran

from athena_flow.errors import BadFile
from athena_flow.layout import DAILY, Partition
from athena_flow.local import LocalCatalog, catalog
from athena_flow.logformat import DEFAULT
from athena_flow.ports import no_progress
from athena_flow.table import TableSpec
from athena_flow.window import DAY, Window

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
PAGE = 4096
SPEC = TableSpec("flow_logs", "vpc_flow_logs", "/net/", DEFAULT, DAILY)
ENGINE = ("--engine", "duckdb", "--catalog", "catalog.sqlite")


def days(count: int) -> list[Partition]:
    return [Partition("111122223333", "us-east-1", FIRST + n * DAY) for n in range(count)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalog of one table and of partitions on many pages."""
    path = tmp_path / "catalog.sqlite"
    made = LocalCatalog(path)
    made.create(SPEC)
    made.add(SPEC, days(600), no_progress)
    made.close()
    return path


READS: dict[str, Callable[[LocalCatalog], object]] = {
    "described": lambda found: found.described("flow_logs", "vpc_flow_logs"),
    "registered": lambda found: list(found.registered(SPEC, Window())),
    "parts": lambda found: list(found.parts("flow_logs", "vpc_flow_logs")),
}
WRITES: dict[str, Callable[[LocalCatalog], object]] = {
    "create": lambda found: found.create(SPEC),
    "drop": lambda found: found.drop(SPEC),
    "add": lambda found: found.add(SPEC, days(900), no_progress),
    "remove": lambda found: found.remove(SPEC, days(600), no_progress),
    "mend": lambda found: found.mend(SPEC, days(600), no_progress),
}


# ---------------------------------------------------------------- damage


def damage(file: Path, *, root_pages: bool = False) -> None:
    """Zeros in place of its rows, or of what leads to those; the schema on page 1 is whole."""
    with sqlite3.connect(file) as db:
        roots = [row[0] for row in db.execute("SELECT rootpage FROM sqlite_schema")]
    db.close()
    data = bytearray(file.read_bytes())
    for page in range(2, len(data) // PAGE + 1):
        if root_pages or page not in roots:
            data[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    file.write_bytes(data)


@pytest.mark.parametrize("read", READS)
def test_damaged_pages_are_told_by_the_name_of_the_file(file: Path, read: str) -> None:
    """Whatever is asked for first."""
    damage(file, root_pages=True)
    found = LocalCatalog(file)
    with pytest.raises(BadFile, match=f"^{file}: "):
        READS[read](found)
    found.close()


@pytest.mark.parametrize(
    "words",
    [
        ("partitions", "list"),
        ("run", "reject-report", "--since", "2025-01-01"),
        ("estimate", "reject-report", "--since", "2025-01-01"),
        ("partitions", "drop", "--before", "2025-03-01", "--yes"),
    ],
    ids=" ".join,
)
def test_damaged_pages_are_exit_3(cli: Callable[..., Ran], file: Path, words: list[str]) -> None:
    """One line for a person, no rows, and the file as it was."""
    damage(file)
    before = file.read_bytes()
    ran = cli(*words, *ENGINE)
    assert (ran.code, ran.out) == (3, "")
    *notes, last = ran.err.splitlines()
    assert last.startswith("athena-flow: error: catalog.sqlite: cannot be read: ")
    assert all(line.startswith("note: ") for line in notes)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("read", "table", "text"),
    [
        ("described", "tables", '{"Name": "vpc_fl'),
        ("described", "tables", "7"),
        ("registered", "partitions", '{"Values": ["x"'),
        ("registered", "partitions", '{"Valuez": []}'),
        ("parts", "partitions", "[]"),
    ],
)
def test_a_row_that_holds_something_else(file: Path, read: str, table: str, text: str) -> None:
    """Damage that SQLite cannot see."""
    column = "table_input" if table == "tables" else "partition_input"
    with sqlite3.connect(file) as db:
        db.execute(f"UPDATE {table} SET {column} = ?", (text,))
    db.close()
    found = LocalCatalog(file)
    with pytest.raises(BadFile, match=f"^{file}: is damaged: "):
        READS[read](found)
    found.close()


# ---------------------------------------------------------------- another process


@pytest.fixture
def locked(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Has another connection take the file for itself, for longer than we wait."""
    monkeypatch.setattr(catalog, "WAIT_SECONDS", 0.05)
    other = sqlite3.connect(file, isolation_level=None)
    yield lambda: other.execute("BEGIN EXCLUSIVE") and None
    other.close()


def test_a_locked_catalog_is_said_to_be_locked(file: Path, locked: Callable[[], None]) -> None:
    """It is a local catalog, and it is whole."""
    locked()
    with pytest.raises(BadFile, match=f"^{file}: is locked by another process$"):
        LocalCatalog(file)


@pytest.mark.parametrize("what", [*READS, *WRITES])
def test_one_that_is_locked_after_it_was_opened(
    file: Path, locked: Callable[[], None], what: str
) -> None:
    """In the midst of a command, reading or writing: nothing of it is done."""
    found = LocalCatalog(file)
    locked()
    with pytest.raises(BadFile, match=f"^{file}: is locked by another process$"):
        (READS | WRITES)[what](found)
    found.close()


def test_a_lock_that_goes_is_waited_for(file: Path) -> None:
    """As two runs of add-partitions at a time have it."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    letting_go = threading.Timer(0.3, other.rollback)
    letting_go.start()
    found = LocalCatalog(file)
    assert len(list(found.parts("flow_logs", "vpc_flow_logs"))) == 600
    found.close()
    letting_go.join()
    other.close()
