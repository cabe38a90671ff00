"""What lies in partitions that can no longer change, kept on this machine: names and sizes.

`KeptSizes` stands in front of a store and answers for old partitions from one SQLite file. A
few of them are listed again in each run; where one differs, all that is kept of its table is
forgotten. A file that cannot be read or written is a note, never a failure.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from athena_flow.errors import AthenaFlowError
from athena_flow.layout import LAYOUTS, ROOT, find_partition
from athena_flow.parallel import in_order, threads
from athena_flow.ports import ObjectInfo, Objects
from athena_flow.window import Window

SETTLED = timedelta(days=3)
"""After so long nothing more is delivered into a day's or hour's folder."""
CHECKED = 8
"""Kept partitions of a table that a run lists again, at the most."""
ONE_IN = 4
"""Of few kept partitions, only each so-many-th is listed again."""
WRITTEN_TOGETHER = 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS listings (
  owner TEXT, root TEXT, location TEXT, start INTEGER, listed INTEGER,
  objects INTEGER, bytes INTEGER, names BLOB, sizes BLOB, PRIMARY KEY (owner, location));
CREATE INDEX IF NOT EXISTS by_root ON listings (owner, root, start);
"""
_ZERO = "\0"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of one partition."""

    objects: tuple[ObjectInfo, ...]
    listed: int


class KeptSizes:
    """The Objects of a store, those of settled partitions from a file."""

    def __init__(
        self,
        store: Objects,
        file: Path,
        owner: Callable[[], str],
        now: datetime,
        window: Window,
    ) -> None:
        """``owner`` says whose objects these are, by endpoint and account; asked at most once.

        ``window`` is what a run is about: only kept partitions in it are listed again.
        """
        self._store, self._file, self._ask_owner, self._now = store, file, owner, now
        self._window = window
        self._db: sqlite3.Connection | None = None
        self._owner = ""
        self._opened = False
        self._lock = threading.RLock()
        self._looked_at: set[str] = set()
        self._fresh: dict[str, tuple[ObjectInfo, ...]] = {}
        self._waiting: list[tuple[object, ...]] = []
        self._served: list[int] = []
        """When each partition was listed that the file answered for."""
        self._asked = 0
        self._checked = 0
        self._notes: list[str] = []

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        start = self._settled(prefix)
        with self._lock:
            self._asked += 1
            kept = self._kept(prefix) if start else None
        if kept:
            yield from kept.objects
            return
        fresh = self._fresh.get(prefix)
        listed = tuple(self._store.objects(prefix)) if fresh is None else fresh
        if start:
            self._keep(prefix, start, listed)
        yield from listed

    def notes(self) -> tuple[str, ...]:
        """What of the sizes came from the file, and of when; to be asked when all is listed."""
        with self._lock:
            self._write()
            notes = list(self._notes)
            if self._served:
                days = sorted({f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d}" for t in self._served})
                spans = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
                notes.append(
                    f"sizes of {len(self._served):,} of {self._asked:,} partitions are those of"
                    f" {spans}, kept in {self._file}; {self._checked:,} of such were listed again"
                )
            return tuple(notes)

    def _settled(self, prefix: str) -> datetime | None:
        """When a partition began that can no longer change; None for any other folder."""
        found = find_partition(prefix)
        if found is None or not prefix.endswith("/"):
            return None
        layout, partition = found
        over = partition.start + LAYOUTS[layout].step + SETTLED <= self._now
        return partition.start if over else None

    # ------------------------------------------------------------ the file

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection | None]:
        """The file's database; None when it cannot be used, which is noted once."""
        if not self._opened:
            self._opened = True
            try:
                self._owner = self._ask_owner()
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._db = sqlite3.connect(self._file, timeout=5, check_same_thread=False)
                self._db.execute("PRAGMA synchronous = OFF")
                self._db.executescript(_SCHEMA)
            except (sqlite3.Error, OSError, AthenaFlowError) as error:
                self._give_up(error)
        try:
            yield self._db
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or getattr(error, "message", None) or error
        self._notes.append(f"no sizes are kept: {self._file}: {reason}")
        self._db = None

    def _kept(self, prefix: str) -> _Kept | None:
        root = prefix.rpartition(ROOT)[0]
        with self._using() as db:
            if db is None:
                return None
            if root not in self._looked_at:
                self._looked_at.add(root)
                self._look_again(db, root)
            row = db.execute(
                "SELECT objects, names, sizes, listed FROM listings"
                " WHERE owner = ? AND location = ?",
                (self._owner, prefix),
            ).fetchone()
            objects = _unpacked(prefix, *row[:3]) if row and prefix not in self._fresh else None
            if objects is not None:
                self._served.append(row[3])
                return _Kept(objects, row[3])
        return None

    def _keep(self, prefix: str, start: datetime, listed: tuple[ObjectInfo, ...]) -> None:
        names = _ZERO.join(o.uri.removeprefix(prefix) for o in listed)
        sizes = array("q", (o.size_bytes for o in listed))
        row = (
            prefix.rpartition(ROOT)[0],
            prefix,
            int(start.timestamp()),
            int(self._now.timestamp()),
            len(listed),
            sum(sizes),
            zlib.compress(names.encode("utf-8", "surrogateescape"), 1),
            zlib.compress(sizes.tobytes(), 1),
        )
        with self._lock:
            self._waiting.append(row)
            if len(self._waiting) >= WRITTEN_TOGETHER:
                self._write()

    def _write(self) -> None:
        rows, self._waiting = self._waiting, []
        with self._using() as db:
            if db is not None and rows:
                with db:
                    db.executemany(
                        "INSERT OR REPLACE INTO listings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        [(self._owner, *row) for row in rows],
                    )

    def _look_again(self, db: sqlite3.Connection, root: str) -> None:
        """Lists a few kept partitions anew, and forgets the table's where one has changed."""
        since, until = (
            int(at.timestamp()) if at else limit
            for at, limit in ((self._window.start, 0), (self._window.end, 2**62))
        )
        kept = db.execute(
            "SELECT location, objects, bytes FROM listings"
            " WHERE owner = ? AND root = ? AND start BETWEEN ? AND ? ORDER BY location",
            (self._owner, root, since, until),
        ).fetchall()
        if not kept:
            return
        seed = f"{root} {self._now:%Y-%m-%d %H:%M}"
        count = min(CHECKED, max(1, len(kept) // ONE_IN))
        chosen = random.Random(seed).sample(kept, count)
        with threads(CHECKED) as pool:
            listings = in_order(pool, self._again, [row[0] for row in chosen])
            changed = [
                (location, listed)
                for (location, *kept_sums), listed in zip(chosen, listings, strict=True)
                if isinstance(listed, str)
                or kept_sums != [len(listed), sum(o.size_bytes for o in listed)]
            ]
        self._checked += count
        if changed:
            with db:
                db.execute("DELETE FROM listings WHERE owner = ? AND root = ?", (self._owner, root))
            location, found = changed[0]
            why = found if isinstance(found, str) else f"{location} has changed since"
            self._notes.append(f"all sizes that were kept of {root} are forgotten: {why}")

    def _again(self, location: str) -> tuple[ObjectInfo, ...] | str:
        """What lies there now; or why that cannot be seen."""
        try:
            self._fresh[location] = tuple(self._store.objects(location))
        except AthenaFlowError as error:
            return error.message
        return self._fresh[location]


def _unpacked(prefix: str, count: int, names: bytes, sizes: bytes) -> tuple[ObjectInfo, ...] | None:
    """The objects of a row; None for one that is broken."""
    try:
        found = array("q", zlib.decompress(sizes))
        text = zlib.decompress(names).decode("utf-8", "surrogateescape")
    except (zlib.error, ValueError):
        return None
    below = text.split(_ZERO) if found else []
    if not len(below) == len(found) == count:
        return None
    return tuple(ObjectInfo(prefix + name, size) for name, size in zip(below, found, strict=True))
