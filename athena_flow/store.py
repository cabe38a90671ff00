"""The edge to the local Parquet store: its folder, its manifest, its lock.

The manifest is one SQLite file beside the Parquet files. It alone says what is in the
store: a Parquet file that it does not name is the rest of an ingest that was killed, or of
one that wrote its place anew, and goes with the next ingest. Nothing here knows DuckDB.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from athena_flow.errors import BadFile, BadSetting, CannotWrite, some
from athena_flow.ingest import Outcome
from athena_flow.layout import Partition
from athena_flow.manifest import Bad, Coverage, Holding, Kept, Piece, Place, Seal
from athena_flow.ports import ObjectInfo, file_stamp
from athena_flow.window import Window

MANIFEST = "manifest.sqlite"
VERSION = 2
"""Of the manifest and of what the pieces hold; a store of another one is not read."""
_PIECE = re.compile(r"_[0-9a-f]{16}\.parquet(\.part)?")
_WORK = "work"
"""The folder for what is under way: downloads, and what DuckDB spills."""
_OURS = {"lock", _WORK, f"{MANIFEST}.part", f"{MANIFEST}.part-journal"}
"""What lies in a store that was killed before it had a manifest, the lock in any case."""

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL)
"""What file systems without locks say."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sources (id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS windows (
  source INTEGER NOT NULL, start TEXT, end TEXT, accounts TEXT NOT NULL, regions TEXT NOT NULL,
  late INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (source, start, end, accounts, regions));
CREATE TABLE IF NOT EXISTS texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS pieces (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, folder TEXT NOT NULL, account TEXT,
  region TEXT, start TEXT, form INTEGER NOT NULL, path TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL, stamp TEXT NOT NULL, digest TEXT NOT NULL, rows INTEGER NOT NULL,
  odd_rows INTEGER NOT NULL, first_odd TEXT NOT NULL, no_end INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS logs (
  source INTEGER NOT NULL, uri TEXT NOT NULL, size INTEGER NOT NULL, stamp TEXT NOT NULL,
  state TEXT NOT NULL, head INTEGER, piece INTEGER, undecodable INTEGER NOT NULL DEFAULT 0,
  reason TEXT, PRIMARY KEY (source, uri)) WITHOUT ROWID;
"""
"""``state`` is kept (with a piece, or empty without one), bad or waiting."""


class Store:
    """One folder with the rows of any number of sources. Raises BadFile, CannotWrite."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    @property
    def work(self) -> Path:
        return self.folder / _WORK

    def exists(self) -> bool:
        return (self.folder / MANIFEST).is_file()

    def path(self, piece: Piece) -> Path:
        return self.folder / piece.path

    # ------------------------------------------------------------ reading

    def sources(self) -> list[str]:
        return [uri for (uri,) in self._rows("SELECT uri FROM sources ORDER BY uri")]

    def holding(self, source: str, span: tuple[str, str] | None = None) -> Holding:
        """What there is of a source; with a ``span``, of the logs from one URI to another.

        A piece of which the span holds some logs is given with all of them.
        """
        with self._unchanging():
            return self._holding(source, span)

    def _holding(self, source: str, span: tuple[str, str] | None) -> Holding:
        key = self._source(source)
        if key is None:
            return Holding()
        first, last = span or ("", "\U0010ffff")
        logs: dict[int, list[Kept]] = defaultdict(list)
        empty: list[Kept] = []
        bad: list[Bad] = []
        waiting: list[ObjectInfo] = []
        rows = self._rows(
            "SELECT uri, size, stamp, state, t.text, piece, undecodable, reason"
            " FROM logs LEFT JOIN texts t ON t.id = head WHERE source = :source AND"
            " (uri BETWEEN :first AND :last OR piece IN"
            " (SELECT piece FROM logs WHERE source = :source AND uri BETWEEN :first AND :last))"
            " ORDER BY uri"
            if span
            else "SELECT uri, size, stamp, state, t.text, piece, undecodable, reason"
            " FROM logs LEFT JOIN texts t ON t.id = head WHERE source = :source ORDER BY uri",
            {"source": key, "first": first, "last": last},
        )
        for uri, size, stamp, state, head, piece, undecodable, reason in rows:
            if state == "bad":
                bad.append(Bad(uri, size, stamp, reason))
            elif state == "waiting":
                waiting.append(ObjectInfo(uri, size, stamp))
            elif piece is None:
                empty.append(Kept(uri, size, stamp, head))
            else:
                logs[piece].append(Kept(uri, size, stamp, head, bool(undecodable)))
        pieces = self._pieces(key, logs)
        return Holding(tuple(pieces), tuple(empty), tuple(bad), tuple(waiting))

    def _pieces(self, source: int, logs: Mapping[int, Sequence[Kept]]) -> Iterator[Piece]:
        rows = self._rows(
            "SELECT p.id, folder, account, region, start, t.text, path, size, stamp, digest,"
            " rows, odd_rows, first_odd, no_end FROM pieces p JOIN texts t ON t.id = form"
            " WHERE source = ? ORDER BY p.id",
            (source,),
        )
        for number, folder, account, region, start, form, path, size, *counts in rows:
            if number in logs:
                part = Partition(account, region, datetime.fromisoformat(start)) if start else None
                stamp, digest, count, odd_rows, first_odd, no_end = counts
                sums = (Seal(size, stamp, digest), count, odd_rows, first_odd, no_end)
                yield Piece(Place(folder, part), form, path, *sums, tuple(logs[number]))

    def coverage(self, source: str) -> tuple[Coverage, ...]:
        """The ingests of a source that came to their end, the newest first."""
        rows = self._rows(
            "SELECT start, end, accounts, regions, late, at FROM windows WHERE source = ?"
            " ORDER BY at DESC",
            (self._source(source),),
        )
        return tuple(
            Coverage(
                Window(
                    datetime.fromisoformat(start) if start else None,
                    datetime.fromisoformat(end) if end else None,
                    tuple(accounts.split()),
                    tuple(regions.split()),
                    timedelta(seconds=late),
                ),
                datetime.fromisoformat(at),
            )
            for start, end, accounts, regions, late, at in rows
        )

    def is_sound(self, piece: Piece) -> bool:
        """Is a piece's file as it was written? One that was copied is read and summed up."""
        path = self.path(piece)
        try:
            found = path.stat()
            if found.st_size != piece.seal.size_bytes:
                return False
            return file_stamp(found) == piece.seal.stamp or _digest(path) == piece.seal.digest
        except OSError:
            return False

    # ------------------------------------------------------------ writing

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process at a time writes; the system lets go when it ends, however it ends.

        Raises CannotWrite when another one is at it, BadSetting for somebody's own folder.
        """
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.exists():
                self._check_empty()
            lock = (self.folder / "lock").open("a+", encoding="ascii")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise CannotWrite(
                    f"{self.folder} is being written by another athena-flow ingest"
                    f" (process {lock.read().strip() or 'unknown'})",
                    hint="wait until it has ended, or give another --store",
                ) from None
            with _writing(self.folder):
                lock.truncate(0)
                lock.write(f"{os.getpid()}\n")
                lock.flush()
            yield

    @contextmanager
    def held(self, *, alone: bool = False) -> Iterator[bool]:
        """While it is held nobody removes a piece that the manifest no more names; ``alone``
        says whether nobody else holds it. On a file system without locks it is nothing.
        """
        try:
            place = os.open(self.folder, os.O_RDONLY)
        except OSError as error:
            raise BadFile(f"{self.folder}: cannot be read: {error.strerror}") from None
        try:
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
            except BlockingIOError:
                yield False
                return
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise BadFile(f"{self.folder}: cannot be locked: {error.strerror}") from None
            yield True
        finally:
            os.close(place)

    def _check_empty(self) -> None:
        names = {path.name for path in self.folder.iterdir()}
        others = sorted(names - _OURS if "lock" in names else names)
        if others:
            raise BadSetting(
                f"{self.folder} holds other things and is no store: {some(others)}",
                hint="give --store a folder of its own, or remove that one if it was a store",
            )

    def create(self) -> None:
        """Makes the manifest where there is none, whole or not at all."""
        with _writing(self.folder):
            self.work.mkdir(exist_ok=True)
            if self.exists():
                return
            part = self.folder / f"{MANIFEST}.part"
            part.unlink(missing_ok=True)
            db = sqlite3.connect(part)
            db.executescript(_SCHEMA)
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.close()
            part.replace(self.folder / MANIFEST)

    def sweep(self) -> None:
        """Removes pieces that the manifest does not name, and what lay half done."""
        named = {path for (path,) in self._rows("SELECT path FROM pieces")}
        with _writing(self.folder):
            with self.held(alone=True) as alone:
                for file in self.folder.rglob("_*.parquet*") if alone else ():
                    inside = file.relative_to(self.folder).as_posix()
                    if _PIECE.fullmatch(file.name) and inside not in named:
                        file.unlink()
            shutil.rmtree(self.work, ignore_errors=True)
            self.work.mkdir()

    def new_path(self, source: str, place: Place, form: str, logs: Iterable[Kept]) -> str:
        """Where a piece belongs, below the store's folder: another name for other logs.

        The name begins with ``_``, so that nobody takes it for a log.
        """
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", source.removeprefix("s3://")).strip("-")[-60:]
        folders = [f"{name}-{_short(source)}"]
        if place.partition:
            part = place.partition
            folders += [part.account, part.region, f"{part.start:%Y-%m-%d}"]
        told = [f"{log.uri} {log.size_bytes} {log.stamp}" for log in logs]
        return "/".join([*folders, f"_{_short(place.folder, form, *told)}.parquet"])

    def seal(self, path: str) -> Seal:
        """What the piece that lies there now is known by. Raises CannotWrite."""
        with _writing(self.folder):
            file = self.folder / path
            found = file.stat()
            return Seal(found.st_size, file_stamp(found), _digest(file))

    def begin(self, source: str, waiting: Iterable[ObjectInfo], gone: Collection[str]) -> None:
        """Notes what is to be read, so that nobody takes what there is for the whole."""
        with self._changing() as db:
            db.execute("INSERT OR IGNORE INTO sources (uri) VALUES (?)", (source,))
            key = self._source(source)
            db.executemany(
                "DELETE FROM logs WHERE source = ? AND uri = ? AND piece IS NULL",
                [(key, uri) for uri in gone],
            )
            self._wait(db, key, waiting)

    def replace(self, source: str, old: Iterable[Piece], outcome: Outcome) -> None:
        """One place as it is now, in one transaction."""
        with self._changing() as db:
            key = self._source(source)
            for piece in old:
                row = db.execute("SELECT id FROM pieces WHERE path = ?", (piece.path,)).fetchone()
                if row:
                    db.execute("DELETE FROM logs WHERE source = ? AND piece = ?", (key, *row))
                    db.execute("DELETE FROM pieces WHERE id = ?", row)
            for piece in outcome.pieces:
                self._add(db, key, piece)
            for log in outcome.empty:
                self._put(db, key, log, None)
            db.executemany(
                "INSERT OR REPLACE INTO logs (source, uri, size, stamp, state, reason)"
                " VALUES (?, ?, ?, ?, 'bad', ?)",
                [(key, log.uri, log.size_bytes, log.stamp, log.reason) for log in outcome.bad],
            )
            self._wait(db, key, outcome.waiting)

    def finish(self, source: str, window: Window, at: datetime) -> None:
        """An ingest has come to its end."""
        row = (
            self._source(source),
            window.start.isoformat() if window.start else "",
            window.end.isoformat() if window.end else "",
            " ".join(sorted(window.accounts)),
            " ".join(sorted(window.regions)),
            int(window.late.total_seconds()),
            at.astimezone(UTC).isoformat(),
        )
        with self._changing() as db:
            db.execute("INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _add(self, db: sqlite3.Connection, source: int | None, piece: Piece) -> None:
        part = piece.place.partition
        told = (part.account, part.region, part.start.isoformat()) if part else (None,) * 3
        number = db.execute(
            "INSERT INTO pieces (source, folder, account, region, start, form, path, size, stamp,"
            " digest, rows, odd_rows, first_odd, no_end)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(source, piece.place.folder, *told, _text(db, piece.form), piece.path),
                *(piece.seal.size_bytes, piece.seal.stamp, piece.seal.digest),
                *(piece.rows, piece.odd_rows, piece.first_odd, piece.no_end),
            ),
        ).lastrowid
        for log in piece.logs:
            self._put(db, source, log, number)

    @staticmethod
    def _wait(db: sqlite3.Connection, source: int | None, logs: Iterable[ObjectInfo]) -> None:
        """Those that have a row already keep what it says."""
        db.executemany(
            "INSERT INTO logs (source, uri, size, stamp, state) VALUES (?, ?, ?, ?, 'waiting')"
            " ON CONFLICT DO NOTHING",
            [(source, log.uri, log.size_bytes, log.stamp) for log in logs],
        )

    @staticmethod
    def _put(db: sqlite3.Connection, source: int | None, log: Kept, piece: int | None) -> None:
        head = None if log.head is None else _text(db, log.head)
        db.execute(
            "INSERT OR REPLACE INTO logs (source, uri, size, stamp, state, head, piece,"
            " undecodable) VALUES (?, ?, ?, ?, 'kept', ?, ?, ?)",
            (source, log.uri, log.size_bytes, log.stamp, head, piece, log.undecodable),
        )

    # ------------------------------------------------------------ the manifest

    def _source(self, uri: str) -> int | None:
        rows = self._rows("SELECT id FROM sources WHERE uri = ?", (uri,))
        return rows[0][0] if rows else None

    def _rows(self, sql: str, values: Mapping[str, object] | Sequence[object] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise BadFile(f"{self.folder / MANIFEST}: cannot be read: {error}") from None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._open is None:
            file = self.folder / MANIFEST
            writable = os.access(self.folder, os.W_OK) and os.access(file, os.W_OK)
            mode = "rw" if writable else "ro&immutable=1"
            log = file.with_name(f"{MANIFEST}-wal")
            if not writable and log.exists() and log.stat().st_size:
                raise BadFile(f"{file}: an ingest is in it, or was killed, and it is read-only")
            try:
                at = f"file:{quote(str(file))}?mode={mode}"
                db = sqlite3.connect(at, uri=True, timeout=30, check_same_thread=False)
                if writable:
                    db.execute("PRAGMA journal_mode = WAL")
                    db.execute("PRAGMA synchronous = NORMAL")
                (version,) = db.execute("PRAGMA user_version").fetchone()
                db.execute("SELECT count(*) FROM sources")
            except sqlite3.Error as error:
                raise BadFile(f"{file}: is no manifest of a store: {error}", hint=_ANEW) from None
            if version != VERSION:
                raise BadFile(f"{file}: was written by another athena-flow", hint=_ANEW)
            self._open = db
        return self._open

    @contextmanager
    def _unchanging(self) -> Iterator[None]:
        """All that is read within is of one moment, also while an ingest goes on."""
        self._rows("BEGIN")
        try:
            yield
        finally:
            self._db.rollback()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._db:
                yield self._db
        except sqlite3.Error as error:
            raise CannotWrite(f"cannot write {self.folder / MANIFEST}: {error}") from None

    def close(self) -> None:
        if self._open:
            self._open.close()
            self._open = None


_ANEW = "remove that folder and ingest again, or read without it: --no-store"


def _text(db: sqlite3.Connection, text: str) -> int:
    db.execute("INSERT OR IGNORE INTO texts (text) VALUES (?)", (text,))
    (number,) = db.execute("SELECT id FROM texts WHERE text = ?", (text,)).fetchone()
    return int(number)


def _digest(path: Path) -> str:
    """A checksum of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _short(*texts: str) -> str:
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        hint = "make room, or give another --store"
        raise CannotWrite(f"cannot write the store {folder}: {reason}", hint=hint) from None
