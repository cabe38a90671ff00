"""Damaged and odd files through `ingest`: the store answers as stands beside them by hand.

As `test_dirty_logs` does for the text, and on the store alone: while it is asked, the logs
whose rows it holds do not lie where they lay.
"""

from __future__ import annotations

import gc
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import NOW, Ran, total
from dirty import BOTH, FIRST, HEADER, ONE, SECOND, SEED, TWO, Dirty, Row, changed, corpus, text
from test_dirty_logs import EVERY, RUNNABLE, SPEC, written

from athena_flow import ingesting, params, query, stored
from athena_flow.engines.duckdb import DuckDBEngine, answers
from athena_flow.engines.duckdb import text as duckdb_text
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.errors import BadFile, BadFormat, EngineError
from athena_flow.layout import DAILY, FLAT, Partition, find_partition
from athena_flow.local import first_line, list_logs
from athena_flow.logformat import DEFAULT
from athena_flow.manifest import Holding
from athena_flow.ports import ObjectInfo, Registered, Result, Scan
from athena_flow.settings import Settings
from athena_flow.store import Store
from athena_flow.table import TableSpec
from athena_flow.window import Window

CORPUS = corpus()
KINDS = {kind.name: kind for kind in CORPUS}
SEVERAL = ("another-header-below.log",)
"""Of several formats each: every query reads them itself."""
ACCOUNTS = ("123456789010", "123456789011")
REGIONS = ("eu-west-1", "us-east-1")
DAYS = (17, 18, 19)
"""Of November 2026; the records end on the second of them."""
PLACES = [Partition(a, r, datetime(2026, 11, d, tzinfo=UTC))
          for a, r, d in product(ACCOUNTS, REGIONS, DAYS)]  # fmt: skip

Files = Mapping[str, Dirty]
"""What lies at each path."""


@dataclass(frozen=True)
class Tree:
    """Logs, and the store that they go into."""

    root: Path
    files: dict[str, Dirty]
    store: Path

    @property
    def kept(self) -> dict[str, Dirty]:
        """The files whose rows the store holds, and the empty ones."""
        return {path: kind for path, kind in self.files.items() if is_kept(kind)}


def is_kept(kind: Dirty) -> bool:
    return not kind.bad and kind.name not in SEVERAL


def spread(root: Path) -> Files:
    """The corpus in daily folders, one file after the other in the next of them."""
    places = [PLACES[n % len(PLACES)] for n, _ in enumerate(CORPUS)]
    return {
        str(root / DAILY.prefix(place) / kind.name): kind
        for place, kind in zip(places, CORPUS, strict=True)
    }


def put(files: Files) -> None:
    for path, kind in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(kind.data)


def ingested(root: Path, store: Path, *, skip: bool = True) -> dict[str, Any]:
    """What `athena-flow ingest --as json` says. Raises what it raises."""
    first_line.cache_clear()
    settings = Settings(
        logs=str(root), store=str(store), log_format="default", skip_bad_files=skip, as_="json"
    )
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        ingesting.run(settings)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def listed(root: Path) -> tuple[ObjectInfo, ...]:
    """The logs as they lie now."""
    return list_logs(str(root)).logs


def ask(
    tree: Tree, logs: Iterable[ObjectInfo], sql: str = EVERY, spec: TableSpec = SPEC,
    *, skip: bool = False,
) -> Result:  # fmt: skip
    """A statement over these logs, by way of the store where it stands in for them."""
    parts: dict[Registered, tuple[ObjectInfo, ...]] = {}
    for log in logs:
        found = find_partition(log.uri) if spec.layout is not FLAT else None
        place = Registered(found[1] if found else None, log.uri.rpartition("/")[0] + "/")
        parts[place] = (*parts.get(place, ()), log)
    look = stored.matching(Settings(store=str(tree.store)))
    scan = Scan(spec, tuple(parts.items()))
    return DuckDBEngine(look=look, skip_bad=skip).run(sql, [scan])


def told(files: Files, *, ends: bool = True) -> tuple[str, ...]:
    """What has to be said of these files, from what stands beside them."""

    def of(what: str, paths: list[str]) -> list[str]:
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        count = f"{len(paths)} file{'s' * (len(paths) > 1)}"
        return [f"{what}: {count}: {', '.join(sorted(paths)[:3])}{more}"] if paths else []

    def having(test: Callable[[Dirty], object]) -> list[str]:
        return sorted(path for path, kind in files.items() if test(kind))

    notes = of("left out, cannot be read", having(lambda kind: kind.bad))
    notes += of("empty", having(lambda kind: kind.empty))
    notes += of("not UTF-8, read with replacement characters", having(lambda k: k.undecodable))
    if odd := having(lambda kind: kind.odd):
        count = sum(files[path].odd for path in odd)
        first = f"{odd[0]}:{files[odd[0]].first_odd}"
        notes.append(
            f"rows with fewer or more fields than their header: {count}, the first at {first}"
        )
    no_end = sum(kind.no_end for kind in files.values())
    if no_end and ends:
        notes.append(f"rows whose end is no number, in no window: {no_end}")
    return tuple(notes)


def whence(files: Files) -> str:
    """From where the rows of all these files have to come once they are ingested."""
    store = sum(map(is_kept, files.values()))
    rest = len(files) - store
    note = f"read from the store: {count_of(store)}"
    again = "not in the store as they lie now: athena-flow ingest reads them into it"
    return note + (f"; read themselves: {count_of(rest)}, {again}" if rest else "")


def count_of(files: int) -> str:
    return f"{files} file{'s' * (files != 1)}"


def rows_of(files: Files) -> list[Row]:
    return [row for kind in files.values() for row in kind.rows]


def holds(tree: Tree) -> Holding:
    """What the manifest says of the logs."""
    store = Store(tree.store)
    try:
        return store.holding(f"{tree.root.resolve()}/")
    finally:
        store.close()


def check(tree: Tree) -> None:
    """All files together, bad ones left out: rows, report, and whence."""
    result = ask(tree, listed(tree.root), skip=True)
    assert Counter(result.rows) == Counter(rows_of(tree.files))
    assert result.notes == (*told(tree.files), whence(tree.files))


def check_clean(tree: Tree) -> None:
    """Nothing lies in the store's folder but its manifest and the pieces that this names."""
    gc.collect()  # with the last query goes its connection, and with that the write-ahead log
    names = {piece.path for piece in holds(tree).pieces}
    lying = {p.relative_to(tree.store).as_posix() for p in tree.store.rglob("*") if p.is_file()}
    assert lying == {"lock", "manifest.sqlite", *names}


@contextmanager
def away(folder: Path) -> Iterator[None]:
    """Takes the logs away for a while: what is told of them can only come from the store."""
    elsewhere = folder.with_name(f"{folder.name}-away")
    folder.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(folder)


# ---------------------------------------------------------------- each kind, and all together


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Each file in a folder of its own, and so in a piece of its own."""
    root = tmp_path_factory.mktemp("apart") / "logs"
    files = {str(root / f"{n:02}" / kind.name): kind for n, kind in enumerate(CORPUS)}
    tree = Tree(root, files, root.with_name("store"))
    put(tree.files)
    ingested(tree.root, tree.store)
    return tree


@pytest.fixture(scope="module")
def heap(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """All files that can be kept in one folder, and so in one piece for each header."""
    root = tmp_path_factory.mktemp("heap") / "logs"
    files = {str(root / kind.name): kind for kind in CORPUS if is_kept(kind)}
    tree = Tree(root, files, root.with_name("store"))
    put(tree.files)
    ingested(tree.root, tree.store, skip=False)
    return tree


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """All files in daily folders, as AWS makes them."""
    root = tmp_path_factory.mktemp("days") / "logs"
    tree = Tree(root, dict(spread(root)), root.with_name("store"))
    put(tree.files)
    ingested(tree.root, tree.store)
    return tree


@pytest.mark.parametrize("kind", [*filter(is_kept, CORPUS)], ids=lambda kind: kind.name)
def test_a_file_gives_its_rows_and_its_report(apart: Tree, kind: Dirty) -> None:
    """Alone, from its piece: the rows to the value, and a note for each odd thing, no more."""
    (path,) = [path for path, at in apart.files.items() if at is kind]
    logs = [log for log in listed(apart.root) if log.uri == path]
    with away(apart.root):
        result = ask(apart, logs)
    assert Counter(result.rows) == Counter(kind.rows)
    assert result.notes == (*told({path: kind}), "read from the store: 1 file")


@pytest.mark.parametrize("name", SEVERAL)
def test_a_file_of_several_formats_is_read_itself(apart: Tree, name: str) -> None:
    """No piece can hold it, and no row of it is lost."""
    logs = [log for log in listed(apart.root) if log.uri.endswith(f"/{name}")]
    result = ask(apart, logs)
    assert Counter(result.rows) == Counter(KINDS[name].rows)
    assert result.notes[-1].startswith("read from the store: 0 files; read themselves: 1 file, ")


@pytest.mark.parametrize("kind", [k for k in CORPUS if k.bad], ids=lambda kind: kind.name)
def test_a_bad_file_fails_the_ingest_by_name(apart: Tree, tmp_path: Path, kind: Dirty) -> None:
    """And its reason; when it is skipped, each query names it, or fails by its name."""
    path = tmp_path / "logs" / kind.name
    beside = replace(KINDS["crlf.log"], name="a.log")
    tree = Tree(
        path.parent, {str(path): kind, str(path.parent / "a.log"): beside}, tmp_path / "store"
    )
    put(tree.files)
    with pytest.raises(BadFile, match=kind.bad) as caught:
        ingested(tree.root, tree.store, skip=False)
    assert caught.value.message.startswith(f"{path}: ")
    assert "--skip-bad-files" in (caught.value.hint or "")
    done = ingested(tree.root, tree.store)
    assert (done["bad"], done["rows"], done["read"]) == ([str(path)], 2, 1)
    with pytest.raises(BadFile, match=kind.bad) as caught:
        ask(tree, listed(tree.root))
    assert caught.value.message.startswith(f"{path}: ")
    check(tree)


def test_the_ingest_counts_what_stands_beside_the_files(days: Tree, tmp_path: Path) -> None:
    """Files, rows, bad ones and those of several formats, in its own report."""
    done = ingested(days.root, tmp_path / "store")
    assert done["files"] == done["new"] == len(CORPUS)
    assert done["read"] == len(CORPUS) - len(done["bad"])
    assert done["rows"] == len(rows_of(days.kept))
    assert sorted(done["bad"]) == sorted(path for path, kind in days.files.items() if kind.bad)
    (several,) = [path for path, kind in days.files.items() if kind.name in SEVERAL]
    assert (
        f"of several formats each, read themselves by each query: 1 file: {several}"
        in (done["notes"])
    )
    again = ingested(days.root, tmp_path / "store")
    assert again["same"] == len(days.kept)
    assert (again["read"], again["rows"]) == (len(SEVERAL), 0)


@pytest.mark.parametrize("name", ["apart", "days"])
def test_all_together(name: str, request: pytest.FixtureRequest) -> None:
    """With the bad ones, which are named, and the one of several formats."""
    tree: Tree = request.getfixturevalue(name)
    check(tree)
    check_clean(tree)
    with pytest.raises(BadFile) as caught:
        ask(tree, listed(tree.root))
    assert tree.files[caught.value.message.partition(": ")[0]].bad


def test_all_that_is_kept_in_one_heap(heap: Tree) -> None:
    """One piece for each header; rows, report, and whence without a look at any log."""
    logs = listed(heap.root)
    with away(heap.root):
        result = ask(heap, logs)
        assert Counter(result.rows) == Counter(rows_of(heap.files))
        assert result.notes == (*told(heap.files), whence(heap.files))
    check_clean(heap)


@pytest.mark.parametrize("column", [None, *DEFAULT.columns])
def test_rows_in_are_rows_counted_whatever_is_read(heap: Tree, column: str | None) -> None:
    """One column, or none: as many rows from all files together, and the same report."""
    rows = rows_of(heap.files)
    logs = listed(heap.root)
    with away(heap.root):
        if column is None:
            result = ask(heap, logs, "SELECT count(*) FROM db.logs")
            assert result.rows == [(len(rows),)]
        else:
            result = ask(heap, logs, f'SELECT "{column}", count(*) FROM db.logs GROUP BY 1')
            at = DEFAULT.columns.index(column)
            assert dict(result.rows) == Counter(row[at] for row in rows)
    assert result.notes == (*told(heap.files, ends=column == "end"), whence(heap.files))


@pytest.mark.parametrize("window", ["", '"end" >= 1795000061', '"end" < 1795000061'])
def test_filters_leave_the_report_whole(heap: Tree, window: str) -> None:
    """What a WHERE turns away is not added up, and is reported all the same."""
    where = " AND ".join(filter(None, (window, "action = 'REJECT'")))
    logs = listed(heap.root)
    with away(heap.root):
        result = ask(heap, logs, f"SELECT count(*), sum(bytes) FROM db.logs WHERE {where}")
    end, action, size = (DEFAULT.columns.index(c) for c in ("end", "action", "bytes"))

    def within(row: Row) -> bool:
        late = row[end] is not None and row[end] >= 1795000061
        early = row[end] is not None and row[end] < 1795000061
        return row[action] == "REJECT" and (not window or (late if ">=" in window else early))

    rows = [row for row in rows_of(heap.files) if within(row)]
    assert result.rows == [(len(rows), total(row[size] for row in rows))]
    assert result.notes == (*told(heap.files, ends=bool(window)), whence(heap.files))


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_saved_query_is_that_over_the_rows(heap: Tree, name: str) -> None:
    """Its answer from the store is its answer from one clean log that holds the rows."""
    saved = query.library()[name]
    clean = heap.root.with_name("clean.log")
    if not clean.exists():
        clean.write_bytes(text(HEADER, *map(written, rows_of(heap.files))))
    values = params.bind(saved.params, RUNNABLE[name], NOW)
    sql = query.bind(saved, values, SPEC, Window(), frozenset(DEFAULT.columns)).sql
    nowhere = replace(heap, store=heap.root)
    logs = listed(heap.root)
    with away(heap.root):
        stored = ask(heap, logs, sql)
        one = ask(nowhere, [ObjectInfo(str(clean), clean.stat().st_size)], sql)
    assert list(map(repr, stored.rows)) == list(map(repr, one.rows))
    assert stored.columns == one.columns
    assert stored.notes[-1] == whence(heap.files)
    assert not any("store" in note for note in one.notes)


@pytest.mark.parametrize("times", [1, 2])
def test_out_of_memory_over_the_store(
    heap: Tree, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Once: the same statement over the same rows in a table; again: an error, as over logs."""
    failures = ["Out of Memory Error: could not allocate block"] * times

    def fetched(db: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
        if sql.startswith("SELECT") and failures:
            raise duckdb.OutOfMemoryException(failures.pop())
        return db.execute(sql).fetchall()

    monkeypatch.setattr(answers, "fetched", fetched)
    logs = listed(heap.root)
    sql = "SELECT max(account_id), count(*), count(DISTINCT srcport) FROM db.logs"
    with away(heap.root):
        if times == 2:
            with pytest.raises(EngineError, match="could not allocate block"):
                ask(heap, logs, sql)
            return
        result = ask(heap, logs, sql)
        assert result.rows == ask(heap, logs, sql).rows
    assert not failures
    assert result.rows[0][1] == len(rows_of(heap.files))
    assert result.notes == (*told(heap.files, ends=False), whence(heap.files))


# ---------------------------------------------------------------- daily folders


def test_partition_keys_stand_beside_the_rows(days: Tree) -> None:
    """Those of each file's folder, also for the rows that are read from the file itself."""
    spec = replace(SPEC, layout=DAILY)
    columns = '", "'.join(DEFAULT.columns)
    sql = f'SELECT aws_account_id, aws_region, "date", "{columns}" FROM db.logs'
    result = ask(days, listed(days.root), sql, spec, skip=True)
    expected: Counter[tuple[object, ...]] = Counter()
    for (path, kind), place in zip(days.files.items(), PLACES * len(CORPUS), strict=False):
        keys = (place.account, place.region, f"{place.start:%Y-%m-%d}")
        assert path.startswith(f"{days.root}/AWSLogs/{'/vpcflowlogs/'.join(keys[:2])}/")
        expected.update((*keys, *row) for row in kind.rows)
    assert Counter(result.rows) == expected
    assert result.notes == (*told(days.files), whence(days.files))


@pytest.mark.parametrize("day", DAYS)
def test_a_window_by_the_command_line(
    cli: Callable[..., Ran], days: Tree, tmp_path: Path, day: int
) -> None:
    """`run` over one day's folders: its rows that end in it, and the report of those folders."""
    queries = tmp_path / "own"
    queries.mkdir()
    (queries / "every.sql").write_text(
        '-- title = "Every row"\n-- requires = ["end"]\n'
        "SELECT t.* FROM {{ table }} AS t WHERE {{ window }}\n"
    )
    ran = cli(
        *("run", "every", "--queries-dir", str(queries), "--logs", str(days.root)),
        *("--store", str(days.store), "--log-format", "default", "--skip-bad-files"),
        *("--since", f"2026-11-{day}", "--until", f"2026-11-{day + 1}", "--as", "json"),
    )
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    files = {path: kind for path, kind in days.files.items() if f"/2026/11/{day}/" in path}
    start = int(datetime(2026, 11, day, tzinfo=UTC).timestamp())
    end = DEFAULT.columns.index("end")
    within = range(start, start + 86_400)
    rows = [row for row in rows_of(files) if row[end] in within]
    assert bool(rows) == (day == DAYS[1])
    at = [[column["name"] for column in found["columns"]].index(c) for c in DEFAULT.columns]
    assert Counter(tuple(row[n] for n in at) for row in found["rows"]) == Counter(rows)
    apart = ("left out, cannot be read: ", "empty: ")  # told by those who look, and who read
    expected = [note for note in told(files) if not note.startswith(apart)]
    assert [note for note in expected if note not in found["notes"]] == []
    for what, test in zip(apart, (lambda k: k.bad, lambda k: k.empty), strict=True):
        notes = [note for note in found["notes"] if note.startswith(what)]
        counts = [int(note.removeprefix(what).split()[0]) for note in notes]
        assert sum(counts) == sum(bool(test(kind)) for kind in files.values())
    assert found["notes"][-1].startswith("read from the store: ")


def test_lines_in_no_known_shape_ask_for_their_format(days: Tree, tmp_path: Path) -> None:
    """Without --log-format a log of commas is no guess, by name; nothing of its place is kept."""
    first_line.cache_clear()
    with pytest.raises(BadFormat, match=r"csv\.log"), redirect_stderr(io.StringIO()):
        ingesting.run(Settings(logs=str(days.root), store=str(tmp_path), skip_bad_files=True))
    tree = replace(days, store=tmp_path)
    kept = {log.uri for log in holds(tree).kept()}
    assert kept < days.kept.keys()
    assert not any(uri.endswith("/csv.log") for uri in kept)


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
        {replace(piece, size_bytes=0, stamp="", digest="") for piece in found.pieces},
        *(set(logs) for logs in (found.empty, found.bad, found.waiting)),
    )


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_resumed(days: Tree, tmp_path: Path, moment: str) -> None:
    """Queries are right at once; the next ingest does the rest, to what it had been at once."""
    tree = replace(days, store=tmp_path / "store")
    assert die(tree, MOMENTS[moment]) == -signal.SIGKILL
    result = ask(tree, listed(tree.root), skip=True)
    assert Counter(result.rows) == Counter(rows_of(tree.files))
    assert result.notes[: len(told(tree.files))] == told(tree.files)
    assert whence(tree.files) not in result.notes or "finished" in moment
    ingested(tree.root, tree.store)
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
    ingested(tree.root, tree.store)
    check_clean(tree)


FULL = """
import resource, sys
from athena_flow.cli import main
from athena_flow.engines.duckdb import piecewriter

piecewriter.MEMORY = "24MB"
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
main()
"""
"""The command line with little memory, where no file may be larger than 1 MB."""


def test_no_room_for_what_memory_does_not_hold(tmp_path: Path) -> None:
    """One clear line, also where it is met while logs are read; with room it goes on."""
    rng = random.Random(SEED)
    lines = [TWO.replace("eni-2", f"eni-{rng.getrandbits(64):x}") for _ in range(400_000)]
    root = tmp_path / "logs"
    root.mkdir()
    (root / "a.log.gz").write_bytes(gzip.compress(text(HEADER, *lines), 1, mtime=0))
    (root / "b.log.gz").write_bytes(KINDS["good.log.gz"].data)
    tree = Tree(root, {}, tmp_path / "store")
    command = (sys.executable, "-c", FULL, "ingest", "--logs", str(root), "--store")
    done = subprocess.run(
        [*command, str(tree.store)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "athena-flow: error: cannot write " in done.stderr
    assert "Traceback" not in done.stderr
    assert ingested(root, tree.store)["rows"] == len(lines) + 2
    check_clean(tree)


# ---------------------------------------------------------------- changed since


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
    root = tmp_path / "logs"
    tree = Tree(root, dict(spread(root)), tmp_path / "store")
    put(tree.files)
    ingested(tree.root, tree.store)
    new = (Path(DAILY.prefix(PLACES[0])), Path(DAILY.prefix(PLACES[-1])))
    for what, change in CHANGES.items():
        for name, like in change.items():
            lying = [path for path in tree.files if Path(path).name == name]
            (path,) = lying or [str(root / new[len(name) % 2] / name)]
            if like is None:
                del tree.files[path]
                Path(path).unlink()
            else:
                kind = KINDS[like]
                tree.files[path] = kind
                put({path: kind})
        result = ask(tree, listed(root), skip=True)
        assert Counter(result.rows) == Counter(rows_of(tree.files)), f"{what}, before the ingest"
        assert result.notes[:-1] == told(tree.files), f"{what}, before the ingest"
        ingested(tree.root, tree.store)
        result = ask(tree, listed(root), skip=True)
        assert Counter(result.rows) == Counter(rows_of(tree.files)), what
        assert result.notes == (*told(tree.files), whence(tree.files)), what
    ingested(tree.root, tree.store)
    check_clean(tree)
    anew = replace(tree, store=tmp_path / "anew")
    ingested(anew.root, anew.store)
    assert result_of(anew) == result_of(tree)


def test_killed_while_a_change_is_read(tmp_path: Path) -> None:
    """Where there was a store already: the old rows of a changed place are never told."""
    root = tmp_path / "logs"
    tree = Tree(root, dict(spread(root)), tmp_path / "store")
    put(tree.files)
    ingested(tree.root, tree.store)
    for path, kind in [*tree.files.items()]:
        if kind.name in ("number-hex.log", "number-plus.log", "crlf.log", "quotes.log"):
            tree.files[path] = KINDS["stray-cr.log"]
    tree.files.pop(gone := next(path for path in tree.files if path.endswith("/bom-no-header.log")))
    Path(gone).unlink()
    put({path: kind for path, kind in tree.files.items() if kind is KINDS["stray-cr.log"]})
    assert die(tree, "sql DELETE FROM pieces 2") == -signal.SIGKILL
    result = ask(tree, listed(root), skip=True)
    assert Counter(result.rows) == Counter(rows_of(tree.files))
    assert result.notes[:-1] == told(tree.files)
    assert result.notes[-1].startswith("read from the store: ")
    ingested(tree.root, tree.store)
    check(tree)
    ingested(tree.root, tree.store)
    check_clean(tree)


def test_a_place_that_grows(tmp_path: Path) -> None:
    """Logs that come one after the other, in no order, join the pieces that are there."""
    root = tmp_path / "logs"
    tree = Tree(root, {}, tmp_path / "store")
    coming = list(CORPUS)
    random.Random(SEED).shuffle(coming)
    while coming:
        now = {str(root / kind.name): kind for kind in coming[:15]}
        coming = coming[15:]
        put(now)
        tree.files.update(now)
        ingested(tree.root, tree.store)
        check(tree)
    ingested(tree.root, tree.store)
    check_clean(tree)
    anew = replace(tree, store=tmp_path / "anew")
    ingested(anew.root, anew.store)
    pieces = [
        {(p.form, p.rows, p.first_odd, p.logs) for p in holds(t).pieces} for t in (tree, anew)
    ]
    assert pieces[0] == pieces[1]


# ---------------------------------------------------------------- more than a block, or a batch


BLOCK = 2**16
"""Bytes that are read at a time."""


def beyond() -> Iterator[Dirty]:
    """Kinds whose defect goes on for longer, or lies further down, than those of the corpus."""
    packed = KINDS["good.log.gz"].data
    yield replace(KINDS["zeros-behind.log.gz"], data=packed + bytes(140_000))
    empty = gzip.compress(b"", mtime=0)
    upto = packed + empty * ((BLOCK - len(packed)) // len(empty) - 1)
    name = "zeros-behind-astride.log.gz"
    yield Dirty(name, upto + bytes(BLOCK - len(upto) + 4), BOTH)
    mark = b"\xef\xbb\xbf"
    yield Dirty(
        "header-bom-below.log",
        text(HEADER, ONE) + mark + text(HEADER, TWO, f"{ONE} more"),
        (*BOTH, FIRST),
        odd=1, first_odd=5,
    )  # fmt: skip
    other = HEADER.replace("interface-id", "vpc-id")
    yield Dirty(
        "header-below-of-other-names.log",
        text(HEADER, ONE, other, TWO),
        (FIRST, changed(SECOND, interface_id=None)),
    )
    new = "brand-new " + HEADER.replace("interface-id", "vpc-id")
    yield Dirty(
        "header-below-of-a-new-name.log",
        text(HEADER, ONE, new, f"x {TWO}", f"x {TWO} more"),
        (FIRST, *(changed(SECOND, interface_id=None),) * 2),
        odd=1, first_odd=5,
    )  # fmt: skip
    yield Dirty(
        "returns-alone-in-many-pieces.log",
        text(HEADER, *([ONE, TWO] * 9_000)).replace(b"\n", b"\r"),
        (FIRST, SECOND) * 9_000,
    )


FURTHER = tuple(beyond())


@pytest.mark.parametrize("kind", FURTHER, ids=lambda kind: kind.name)
def test_a_defect_further_down(tmp_path: Path, kind: Dirty) -> None:
    """Beside a plain file: the rows of both, and a note for each odd thing, no more."""
    root = tmp_path / "logs"
    plain = KINDS["good.log.gz"]
    files = {str(root / kind.name): kind, str(root / plain.name): plain}
    put(files)
    tree = Tree(root, files, tmp_path / "store")
    ingested(root, tree.store, skip=False)
    result = ask(tree, listed(root))
    assert Counter(result.rows) == Counter(rows_of(files))
    assert result.notes[:-1] == told(files)
    stored = 1 if kind.name.startswith("header-below-of-") else 2
    assert result.notes[-1].startswith(f"read from the store: {count_of(stored)}")


def test_a_line_without_an_end_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it takes the machine's memory."""
    monkeypatch.setattr(duckdb_text, "LINE_BYTES", 2 * 2**20)
    log = tmp_path / "long.log"
    log.write_bytes(text(HEADER) + b"x" * 3 * 2**20)
    with pytest.raises(BadFile, match="a line has more than 2,097,152 bytes"):
        list(duckdb_text.read_text(str(log), DEFAULT, Notes()))


def test_json_among_the_logs_is_left_out_and_not_asked_for_again(
    cli: Callable[..., Ran], tmp_path: Path
) -> None:
    """As a query leaves it out; --log-format, which would make rows of it, is not hinted at."""
    root = tmp_path / "logs"
    root.mkdir()
    (root / "a.log").write_bytes(text(HEADER, ONE))
    (root / "trail.log").write_bytes(b'{"Records": []}\n')
    words = ("--logs", str(root), "--store", str(tmp_path / "store"), "--as", "json")
    reads = [json.loads(cli("ingest", *words).out)["read"] for _ in range(2)]
    assert reads == [2, 0]
    done = cli("run", "log-status-summary", *words)
    assert json.loads(done.out)["rows"] == [["OK", 1]]
    assert "left out, JSON and no flow log: 1 file" in done.err
    assert "read from the store: 1 file" in done.err


def test_odd_rows_of_two_tables_of_the_store(cli: Callable[..., Ran], tmp_path: Path) -> None:
    """The first of them is told, of either table."""
    for table in "ab":
        folder = f"{table}/AWSLogs/123456789010/vpcflowlogs/us-east-1/2026/11/10"
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.log").write_bytes(text(HEADER, ONE, "short"))
        local = ("--engine", "duckdb", "--table", table, "--catalog", str(tmp_path / "catalog"))
        assert not cli("init-table", *local, "--location", str(tmp_path / table)).code
        span = ("--since", "2026-11-10", "--until", "2026-11-11")
        assert not cli("add-partitions", *local, *span).code
        assert not cli("ingest", "--logs", table, "--store", "store", cwd=tmp_path).code
    sql = tmp_path / "both.sql"
    sql.write_text("SELECT count(*) AS n FROM a UNION ALL SELECT count(*) FROM b")
    done = cli("run", *local, "--sql", str(sql), "--store", "store", cwd=tmp_path)
    assert done.out.split() == ["n", "2", "2"], done.err
    assert "rows with fewer or more fields than their header: 2, the first at" in done.err


LARGE = 17 * 2**20
"""Bytes of a file that is read in a batch of its own."""
MANY = 100_000
FOLDERS = 10
"""Not in each is another log being read just then."""


@pytest.mark.parametrize("how", ["cannot be read", "of several formats"])
def test_a_log_that_is_left_out_leaves_the_others_once(tmp_path: Path, how: str) -> None:
    """Others of its place that were being read when it failed are in the store once, not twice."""
    rng = random.Random(SEED)
    lines = [TWO.replace("eni-2", f"eni-{rng.getrandbits(64):x}") for _ in range(40_000)]
    above = " ".join(reversed(HEADER.split())) if how == "of several formats" else HEADER
    data = gzip.compress(text(HEADER, *lines, above, *lines[:9_000]), 1, mtime=0)
    cut = data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]
    root = tmp_path / "logs"
    for number in range(FOLDERS):
        folder = root / str(number)
        folder.mkdir(parents=True)
        (folder / "a.log.gz").write_bytes(data if "formats" in how else cut)
        os.truncate(folder / "a.log.gz", LARGE)
        (folder / "b.log.gz").write_bytes(gzip.compress(text(HEADER) + text(TWO) * MANY, mtime=0))
    done = ingested(root, tmp_path / "store")
    assert any(note.startswith(how) and f": {FOLDERS} files: " in note for note in done["notes"])
    assert done["rows"] == FOLDERS * MANY
    tree = Tree(root, {}, tmp_path / "store")
    logs = [log for log in listed(root) if log.uri.endswith("/b.log.gz")]
    assert ask(tree, logs, "SELECT count(*) FROM db.logs").rows == [(FOLDERS * MANY,)]
