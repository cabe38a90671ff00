"""An ingest that is killed, has no room, or finds other logs than it left: the store is as if
nothing of that had been."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from conftest import NOW
from dirty import CORPUS, HEADER, KINDS, SEED, TWO, Dirty, put, text
from ingested import (
    PLACES,
    Tree,
    ask,
    check,
    check_answer,
    check_clean,
    filled,
    holds,
    ingested,
    laid,
    listed,
    spread,
    whence,
)

from athena_flow.engines.duckdb import piecewriter
from athena_flow.engines.duckdb.piecewriter import PieceWriter
from athena_flow.errors import CannotWrite, PartlyDone
from athena_flow.ingest import TRIES, Counts
from athena_flow.layout import DAILY
from athena_flow.manifest import Seal
from athena_flow.store import Store


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The corpus in daily folders, ingested at once."""
    return filled(tmp_path_factory.mktemp("days"), spread())


# ---------------------------------------------------------------- killed

KILLED = """
import itertools, os, re, signal, sqlite3, sys

what, number = os.environ.pop("DIE_AT").rsplit(" ", 1)
times = itertools.count(1)

def heard(said):
    if re.match(what, said) and next(times) == int(number):
        os.kill(os.getpid(), signal.SIGKILL)

def hook(event, args):
    if event in ("open", "os.rename"):
        heard(f"{event} {args[0]}")

def connected(*args, connect=sqlite3.connect, **more):
    db = connect(*args, **more)
    db.set_trace_callback(lambda sql: heard("sql " + " ".join(sql.split())))
    return db

from athena_flow.cli import main

sqlite3.connect = connected
sys.addaudithook(hook)
main()
"""
"""The command line, killed as it does for the nth time what `DIE_AT` says: a statement to the
manifest, a file that is opened or renamed."""


def die(tree: Tree, at: str) -> int:
    """An ingest that is killed there; its exit code."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", KILLED, "ingest", "--logs", str(tree.root)),
            *("--store", str(tree.store), "--log-format", "default", "--skip-bad-files"),
        ],
        cwd=tree.store.parent,
        env={**os.environ, "ATHENA_FLOW_NOW": NOW.isoformat(), "DIE_AT": at},
        capture_output=True,
        check=False,
    )
    return done.returncode


MOMENTS = {
    "the manifest is not there yet": "os.rename .*manifest 1",
    "a log is being read": r"open .*/AWSLogs/.*\.log 60",
    "the first piece is written": r"os\.rename .*\.part 1",
    "a later piece is written": r"os\.rename .*\.part 9",
    "in the middle of a transaction": "sql INSERT OR REPLACE INTO logs 30",
    "all but committed": "sql COMMIT 8",
    "all but finished": "sql INSERT OR REPLACE INTO windows 1",
}


def result_of(tree: Tree) -> tuple[object, ...]:
    """What the manifest holds, but for what tells one writing of a file from another."""
    found = holds(tree)
    return (
        {replace(piece, seal=Seal(0, "", "")) for piece in found.pieces},
        *(set(logs) for logs in (found.empty, found.bad, found.waiting)),
    )


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_resumed(days: Tree, tmp_path: Path, moment: str) -> None:
    """Queries are right at once; the next ingest does the rest, to what it had been at once."""
    tree = replace(days, store=tmp_path / "store")
    assert die(tree, MOMENTS[moment]) == -signal.SIGKILL
    assert whence(tree.files) not in check_answer(tree) or "finished" in moment
    ingested(tree)
    check(tree)
    check_clean(tree)
    assert result_of(tree) == result_of(days)


def test_killed_again_and_again(days: Tree, tmp_path: Path) -> None:
    """Each time a little further on, and the last time to the end."""
    tree = replace(days, store=tmp_path / "store")
    kept = [0]
    while die(tree, "sql INSERT INTO pieces 8") == -signal.SIGKILL:
        kept.append(len(list(holds(tree).kept())))
        assert kept[-2] < kept[-1]
    assert len(kept) > 2
    check(tree)
    assert result_of(tree) == result_of(days)
    ingested(tree)
    check_clean(tree)


def test_killed_while_a_change_is_read(tmp_path: Path) -> None:
    """Where there was a store already: the old rows of a changed place are never told."""
    tree = filled(tmp_path, spread())
    names = ("number-hex.log", "number-plus.log", "crlf.log", "quotes.log", "stray-cr.log")
    for path in [path for path in tree.files if Path(path).name in names]:
        become(tree, path, KINDS["stray-cr.log"])
    become(tree, path_of(tree, "bom-no-header.log"), None)
    assert die(tree, "sql DELETE FROM pieces 2") == -signal.SIGKILL
    (told,) = check_answer(tree)
    assert told.startswith("read from the store: ")
    ingested(tree)
    check(tree)
    ingested(tree)
    check_clean(tree)


# ---------------------------------------------------------------- no room


FULL = """
import resource, sys
from athena_flow.cli import main
from athena_flow.engines.duckdb import piecewriter

piecewriter.MEMORY = "24MB"
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
main()
"""
"""The command line with little memory, where no file may be larger than 1 MB."""


def unlike(count: int) -> list[str]:
    """Lines that cannot be packed small."""
    rng = random.Random(SEED)
    return [TWO.replace("eni-2", f"eni-{rng.getrandbits(64):x}") for _ in range(count)]


def test_no_room_for_what_memory_does_not_hold(tmp_path: Path) -> None:
    """One clear line, also where it is met while logs are read; with room it goes on."""
    lines = unlike(400_000)
    large = Dirty("a.log.gz", gzip.compress(text(HEADER, *lines), 1, mtime=0))
    tree = laid(tmp_path, {large.name: large, "b.log.gz": KINDS["good.log.gz"]})
    words = ("ingest", "--logs", str(tree.root), "--store", str(tree.store))
    done = subprocess.run(
        [sys.executable, "-c", FULL, *words],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "athena-flow: error: cannot write " in done.stderr
    assert "Traceback" not in done.stderr
    assert ingested(tree)["rows"] == len(lines) + 2
    check_clean(tree)


@pytest.mark.parametrize("statement", [1, 2])
def test_a_piece_that_cannot_be_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: int
) -> None:
    """One clear line, whichever of the two looks at it meets that; nothing of it stays."""
    tree = laid(tmp_path, {"a.log": KINDS["crlf.log"]})
    fetched = piecewriter.fetched
    asked: list[str] = []

    def torn(db: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
        rows = fetched(db, sql)
        asked.append(sql)
        if len(asked) == statement:
            (part,) = tree.store.rglob("*.part")
            os.truncate(part, 9)
        return rows

    with monkeypatch.context() as patched:
        patched.setattr(piecewriter, "fetched", torn)
        with pytest.raises(CannotWrite, match=r"cannot write .*\.part: ") as caught:
            ingested(tree)
    assert "--store" in (caught.value.hint or "")
    assert not list(tree.store.rglob("*.part"))
    ingested(tree)
    check(tree)


# ---------------------------------------------------------------- changed since


def path_of(tree: Tree, name: str) -> str:
    (path,) = [path for path in tree.files if Path(path).name == name]
    return path


def become(tree: Tree, path: str, kind: Dirty | None) -> None:
    """Another kind at this path, or none any more."""
    if kind is None:
        del tree.files[path]
        Path(path).unlink()
    else:
        tree.files[path] = kind
        put({path: kind})


CHANGES: dict[str, dict[str, str | None]] = {
    "a file changed": {"good.log.gz": "stray-cr.log"},
    "a file removed": {"stray-cr.log": None},
    "a file added": {"new.log": "missing-fields.log"},
    "one of each": {"crlf.log": "leading-space.log", "tabs.log": None, "a.log.gz": "good.log.gz"},
    "a bad one mended": {"truncated.log.gz": "late-invalid-utf8.log"},
    "a good one broken": {"late-invalid-utf8.log": "truncated-late.log.gz"},
    "a bad one removed": {"wrong-crc.log.gz": None},
    "a bad one that is another bad one": {"no-trailer.log.gz": "garbage-behind.log.gz"},
    "an empty one filled": {"zero-bytes.log": "no-header.log"},
    "one emptied": {"no-header.log": "zero-bytes.log"},
    "an empty one removed": {"empty-gzip.log.gz": None},
    "several formats that are one now": {"another-header-below.log": "repeated-header.log"},
    "one format that is several now": {"shuffled.log.gz": "another-header-below.log"},
    "another header": {"extended-header.log": "transit-gateway.log"},
    "all undecodable ones gone": {"invalid-utf8.log": None},
}
"""What becomes of files, one change after the other: the kind that each now holds."""


def test_changed_removed_and_added(tmp_path: Path) -> None:
    """After each change the store is what it would be if there had been nothing before."""
    tree = filled(tmp_path, spread())
    new = (Path(DAILY.prefix(PLACES[0])), Path(DAILY.prefix(PLACES[-1])))
    for what, change in CHANGES.items():
        for name, like in change.items():
            lying = [path for path in tree.files if Path(path).name == name]
            (path,) = lying or [str(tree.root / new[len(name) % 2] / name)]
            become(tree, path, KINDS[like] if like else None)
        assert len(check_answer(tree, f"{what}, before the ingest")) == 1
        ingested(tree)
        check(tree, what)
    ingested(tree)
    check_clean(tree)
    anew = replace(tree, store=tmp_path / "anew")
    ingested(anew)
    assert result_of(anew) == result_of(tree)


def test_a_place_that_grows(tmp_path: Path) -> None:
    """Logs that come one after the other, in no order, join the pieces that are there."""
    tree = laid(tmp_path, {})
    coming = list(CORPUS)
    random.Random(SEED).shuffle(coming)
    while coming:
        for kind in coming[:15]:
            become(tree, str(tree.root / kind.name), kind)
        coming = coming[15:]
        ingested(tree)
        check(tree)
    ingested(tree)
    check_clean(tree)
    anew = replace(tree, store=tmp_path / "anew")
    ingested(anew)
    pieces = [
        {(p.form, p.rows, p.first_odd, p.logs) for p in holds(t).pieces} for t in (tree, anew)
    ]
    assert pieces[0] == pieces[1]


# ---------------------------------------------------------------- left out while others are read


LARGE = 17 * 2**20
"""Bytes of a file that is read in a batch of its own."""
MANY = 100_000
FOLDERS = 10
"""Not in each is another log being read just then."""


@pytest.mark.parametrize("how", ["cannot be read", "of several formats"])
def test_a_log_that_is_left_out_leaves_the_others_once(tmp_path: Path, how: str) -> None:
    """Others of its place that were being read when it failed are in the store once, not twice."""
    lines = unlike(40_000)
    above = " ".join(reversed(HEADER.split())) if how == "of several formats" else HEADER
    data = gzip.compress(text(HEADER, *lines, above, *lines[:9_000]), 1, mtime=0)
    cut = data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]
    tree = laid(tmp_path, {})
    for number in range(FOLDERS):
        folder = tree.root / str(number)
        folder.mkdir()
        (folder / "a.log.gz").write_bytes(data if "formats" in how else cut)
        os.truncate(folder / "a.log.gz", LARGE)
        (folder / "b.log.gz").write_bytes(gzip.compress(text(HEADER) + text(TWO) * MANY, mtime=0))
    done = ingested(tree)
    assert any(note.startswith(how) and f": {FOLDERS} files: " in note for note in done["notes"])
    assert done["rows"] == FOLDERS * MANY
    logs = [log for log in listed(tree.root) if log.uri.endswith("/b.log.gz")]
    assert ask(tree, "SELECT count(*) FROM db.logs", logs=logs).rows == [(FOLDERS * MANY,)]


class Writing:
    """What a `PieceWriter` is asked for, one after the other, with a word before each."""

    def __init__(self, before: Callable[[Sequence[str]], None]) -> None:
        self.asked: list[Sequence[str]] = []
        self._before = before

    def put_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write = PieceWriter.__call__

        def heard(
            writer: PieceWriter, form: str, paths: Sequence[str], base: str | None, path: str
        ) -> Counts:
            self.asked.append(paths)
            self._before(paths)
            return write(writer, form, paths, base, path)

        monkeypatch.setattr(PieceWriter, "__call__", heard)


def test_bad_logs_of_a_place_are_found_in_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are: the rest is read once more without them."""
    bad = [KINDS["truncated-late.log.gz"], KINDS["wrong-crc.log.gz"], KINDS["no-trailer.log.gz"]]
    tree = laid(tmp_path, {})
    files = {f"{tree.root}/{n:02}-{bad[n % 3].name}": bad[n % 3] for n in range(20)}
    files |= {f"{tree.root}/good-{n}.log": KINDS["crlf.log"] for n in range(5)}
    put(files)
    tree = replace(tree, files=files)
    writing = Writing(lambda paths: None)
    writing.put_before(monkeypatch)
    done = ingested(tree)
    assert sorted(done["bad"]) == sorted(path for path, kind in files.items() if kind.bad)
    first, second = writing.asked  # some are known by their first lines, and not even asked for
    assert len(first) > 15
    assert all("good" in path for path in second)
    check(tree)


def test_a_log_that_breaks_while_it_is_read_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is still being downloaded: it is no bad log, and the next ingest reads it."""
    tree = laid(tmp_path, {"a.log.gz": KINDS["good.log.gz"]})
    (log,) = tree.files
    whole = Path(log).read_bytes()
    writing = Writing(lambda paths: [Path(path).write_bytes(whole[:-5]) for path in paths])
    with monkeypatch.context() as patched:
        writing.put_before(patched)
        with pytest.raises(PartlyDone, match="changed while they were read: 1 file: .*a.log.gz"):
            ingested(tree, skip=False)
    assert not [*holds(tree).kept()]
    Path(log).write_bytes(whole)
    assert ingested(tree, skip=False)["rows"] == len(KINDS["good.log.gz"].rows)
    check(tree)


# ---------------------------------------------------------------- changed while others are read


def in_one_place(tmp_path: Path, count: int) -> tuple[Tree, list[str]]:
    """Logs of one folder and one format, and their paths."""
    tree = laid(tmp_path, {f"{n}.log.gz": KINDS["good.log.gz"] for n in range(count)})
    return tree, sorted(tree.files)


@pytest.mark.parametrize("like", ["trailing-space.log", "truncated-late.log.gz", None])
def test_a_log_that_changes_is_left_out_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, like: str | None
) -> None:
    """Written, cut or removed while it is read: the others are in the store, and the next ingest
    reads that one alone."""
    tree, paths = in_one_place(tmp_path, 5)
    others = [*paths[:2], *paths[3:]]

    def change(asked: Sequence[str]) -> None:
        if paths[2] in asked:
            become(tree, paths[2], KINDS[like] if like else None)

    writing = Writing(change)
    with monkeypatch.context() as patched:
        writing.put_before(patched)
        with pytest.raises(PartlyDone, match=f"while they were read: 1 file: {paths[2]}$"):
            ingested(tree)
    assert (writing.asked[0], writing.asked[-1]) == (paths, others)
    assert [log.uri for log in holds(tree).kept()] == others
    assert [log.uri for log in holds(tree).waiting] == [paths[2]]
    check_answer(tree)
    done = ingested(tree)
    assert done["same"] == 4
    assert done["read"] == (like == "trailing-space.log")
    check(tree)


def test_a_log_that_changed_since_it_was_listed_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grown or removed before its turn came; also where the store had it, and its neighbours."""
    tree, paths = in_one_place(tmp_path, 5)
    ingested(tree)
    become(tree, paths[0], KINDS["stray-cr.log"])
    sweep = Store.sweep

    def later(store: Store) -> None:
        sweep(store)
        become(tree, paths[0], KINDS["trailing-space.log"])
        become(tree, paths[3], None)

    writing = Writing(lambda paths: None)
    with monkeypatch.context() as patched:
        writing.put_before(patched)
        patched.setattr(Store, "sweep", later)
        with pytest.raises(PartlyDone, match="while they were read: 2 files: "):
            ingested(tree, skip=False)
    others = [paths[1], paths[2], paths[4]]
    assert writing.asked == [others]
    assert [log.uri for log in holds(tree).kept()] == others
    check_answer(tree)
    assert ingested(tree, skip=False)["read"] == 1
    check(tree)
    ingested(tree)
    check_clean(tree)


def test_a_place_that_does_not_hold_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One log after the other changes: it is left as it was, with all its logs named."""
    tree, paths = in_one_place(tmp_path, 8)
    writing = Writing(lambda asked: become(tree, asked[0], KINDS["trailing-space.log"]))
    with monkeypatch.context() as patched:
        writing.put_before(patched)
        with pytest.raises(PartlyDone, match="3 files: .*; beside files that change: 5 files: "):
            ingested(tree, skip=False)
    assert writing.asked == [paths[n:] for n in range(TRIES)]
    assert not [*holds(tree).kept()]
    check_answer(tree)
    assert ingested(tree, skip=False)["read"] == 8
    check(tree)
    check_clean(tree)
