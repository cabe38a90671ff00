"""The edge to the ledger: one SQLite file on this machine, that no run leaves.

Several processes write at once: each change is one immediate transaction, and waits for the
others. Names, sizes and amounts are kept, no statement and no value of a parameter.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from athena_flow.entries import Entry, Spent, day_of, spent
from athena_flow.errors import BadFile, CannotWrite

WAIT_SECONDS = 30
"""How long one process waits for another's change: each takes milliseconds."""
OURS = 0x41464C57
"""SQLite's application_id of a ledger."""
MAGIC = b"SQLite format 3\0"
"""What an SQLite file begins with. Source: SQLite, "Database File Format"."""
VERSION = 1
"""Of the file's tables; SQLite's user_version."""

_COLUMNS = tuple(f.name for f in fields(Entry))
_TABLE = """CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    query TEXT NOT NULL,
    tables TEXT NOT NULL,
    engine TEXT NOT NULL,
    region TEXT NOT NULL,
    certainty TEXT NOT NULL,
    estimated_bytes INTEGER,
    estimated_usd REAL,
    per_tb_usd REAL,
    outcome TEXT NOT NULL,
    scanned_bytes INTEGER,
    usd REAL,
    query_id TEXT,
    seconds REAL
)"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_time ON runs (started)"


class FileLedger:
    """An `entries.Ledger`. Raises CannotWrite, and BadFile for a file that is no ledger."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def start(self, entry: Entry, check: Callable[[Spent], None]) -> int:
        marks = ", ".join("?" for _ in _COLUMNS)
        with self._change() as db:
            check(_spent(db, entry.engine, entry.started))
            insert = f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({marks})"
            return db.execute(insert, _row(entry)).lastrowid or 0

    def name(self, number: int, query_id: str) -> None:
        with self._change() as db:
            db.execute("UPDATE runs SET query_id = ? WHERE number = ?", (query_id, number))

    def end(self, number: int, entry: Entry) -> None:
        news = ("outcome", "scanned_bytes", "usd", "query_id", "seconds")
        sets = ", ".join(f"{column} = coalesce(?, {column})" for column in news)
        values = [getattr(entry, column) for column in news]
        with self._change() as db:
            db.execute(f"UPDATE runs SET {sets} WHERE number = ?", (*values, number))

    def spent(self, engine: str, day: datetime) -> Spent:
        with self._change() as db:
            return _spent(db, engine, day)

    def entries(self, since: datetime | None, until: datetime | None) -> Iterator[Entry]:
        if not self.file.exists():
            return
        mode = "rw" if os.access(self.file, os.W_OK) else "ro"
        with self._asking("read"), closing(self._open(mode)) as db:
            if not _is_ledger(db, self.file):
                return
            found = [*_entries(db, since, until)]
        yield from found

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction, all of it or nothing, in a ledger that is made where there is none."""
        with self._asking("written"):
            self._make()
            with closing(self._open("rw")) as db:
                db.execute("BEGIN IMMEDIATE")
                if not _is_ledger(db, self.file):
                    db.execute(_TABLE)
                    db.execute(_INDEX)
                    db.execute(f"PRAGMA application_id = {OURS}")
                    db.execute(f"PRAGMA user_version = {VERSION}")
                yield db
                db.execute("COMMIT")

    def _make(self) -> None:
        """An empty file that its owner alone may read: what one asks is nobody else's business."""
        if not self.file.exists():
            self.file.parent.mkdir(0o700, parents=True, exist_ok=True)
            os.close(os.open(self.file, os.O_CREAT | os.O_RDWR, 0o600))

    def _open(self, mode: str) -> sqlite3.Connection:
        with self.file.open("rb") as file:
            head = file.read(len(MAGIC))
        if head and head != MAGIC:  # SQLite takes a short text for an empty file
            raise BadFile(f"{self.file} is no ledger", hint="name another file with --ledger")
        address = f"{self.file.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise CannotWrite(f"the ledger {self.file} cannot be {what}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise BadFile(f"the ledger {self.file} cannot be {what}: {error}") from error
        except OSError as error:
            reason = error.strerror or error
            raise CannotWrite(f"the ledger {self.file} cannot be {what}: {reason}") from error


def _is_ledger(db: sqlite3.Connection, file: Path) -> bool:
    """False for an empty file. Raises BadFile for one that is somebody else's, or newer."""
    ((owner,),) = db.execute("PRAGMA application_id")
    ((version,),) = db.execute("PRAGMA user_version")
    ((tables,),) = db.execute("SELECT count(*) FROM sqlite_master")
    if owner != OURS and (owner or version or tables):
        raise BadFile(f"{file} is no ledger", hint="name another file with --ledger")
    if version > VERSION:
        raise BadFile(f"the ledger {file} is of a newer athena-flow")
    return bool(tables)


def _spent(db: sqlite3.Connection, engine: str, day: datetime) -> Spent:
    that_day = _entries(db, *day_of(day.astimezone(UTC)))
    return spent(entry for entry in that_day if entry.engine == engine)


def _entries(
    db: sqlite3.Connection, since: datetime | None, until: datetime | None
) -> Iterator[Entry]:
    within = [(sign, _text(at)) for sign, at in ((">=", since), ("<", until)) if at]
    where = " AND ".join(["TRUE", *(f"started {sign} ?" for sign, _ in within)])
    query = f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE {where} ORDER BY started, number"
    for row in db.execute(query, [text for _, text in within]):
        yield _entry(dict(zip(_COLUMNS, row, strict=True)))


def _row(entry: Entry) -> tuple[object, ...]:
    values = {column: getattr(entry, column) for column in _COLUMNS}
    values |= {"started": _text(entry.started), "tables": json.dumps(entry.tables)}
    values["query"] = entry.query.encode("utf-8", "backslashreplace").decode()  # a file's name
    return tuple(values.values())


def _entry(values: dict[str, Any]) -> Entry:
    started = datetime.fromisoformat(values.pop("started"))
    return Entry(started=started, tables=tuple(json.loads(values.pop("tables"))), **values)


def _text(moment: datetime) -> str:
    """In UTC and always as long, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
