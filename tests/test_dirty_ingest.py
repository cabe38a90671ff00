"""Damaged and odd files through `ingest`: the store answers as stands beside them by hand.

As `test_dirty_logs` does for the text, and on the store alone.
"""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from conftest import Ran
from dirty import (
    BOTH,
    COLUMNS,
    CORPUS,
    FIRST,
    HEADER,
    KINDS,
    ONE,
    RUNNABLE,
    SECOND,
    SPEC,
    TWO,
    WINDOWS,
    Dirty,
    changed,
    clean,
    count_of,
    grouped,
    rejected,
    rows_of,
    saved_sql,
    text,
    told,
)
from ingested import (
    DAYS,
    PLACES,
    SEVERAL,
    Tree,
    ask,
    ask_away,
    away,
    check,
    check_clean,
    filled,
    holds,
    ingested,
    is_kept,
    laid,
    listed,
    spread,
    whence,
)

from athena_flow import ingesting
from athena_flow.engines.duckdb import answers
from athena_flow.errors import BadFile, BadFormat, EngineError
from athena_flow.layout import DAILY
from athena_flow.local import first_line
from athena_flow.logformat import DEFAULT
from athena_flow.settings import Settings


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Each file in a folder of its own, and so in a piece of its own."""
    files = {f"{n:02}/{kind.name}": kind for n, kind in enumerate(CORPUS)}
    return filled(tmp_path_factory.mktemp("apart"), files)


@pytest.fixture(scope="module")
def heap(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """All files that can be kept in one folder, and so in one piece for each header."""
    files = {kind.name: kind for kind in CORPUS if is_kept(kind)}
    return filled(tmp_path_factory.mktemp("heap"), files, skip=False)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """All files in daily folders, as AWS makes them."""
    return filled(tmp_path_factory.mktemp("days"), spread())


# ---------------------------------------------------------------- each kind, and all together


@pytest.mark.parametrize("kind", [*filter(is_kept, CORPUS)], ids=lambda kind: kind.name)
def test_a_file_gives_its_rows_and_its_report(apart: Tree, kind: Dirty) -> None:
    """Alone, from its piece: the rows to the value, and a note for each odd thing, no more."""
    (path,) = [path for path, at in apart.files.items() if at is kind]
    logs = [log for log in listed(apart.root) if log.uri == path]
    with away(apart.root):
        result = ask(apart, logs=logs)
    assert Counter(result.rows) == Counter(kind.rows)
    assert result.notes == (*told({path: kind}), "read from the store: 1 file")


@pytest.mark.parametrize("name", SEVERAL)
def test_a_file_of_several_formats_is_read_itself(apart: Tree, name: str) -> None:
    """No piece can hold it, and no row of it is lost."""
    logs = [log for log in listed(apart.root) if log.uri.endswith(f"/{name}")]
    result = ask(apart, logs=logs)
    assert Counter(result.rows) == Counter(KINDS[name].rows)
    assert result.notes[-1].startswith("read from the store: 0 files; read themselves: 1 file, ")


@pytest.mark.parametrize("kind", [k for k in CORPUS if k.bad], ids=lambda kind: kind.name)
def test_a_bad_file_fails_the_ingest_by_name(tmp_path: Path, kind: Dirty) -> None:
    """And its reason; when it is skipped, each query names it, or fails by its name."""
    tree = laid(tmp_path, {kind.name: kind, "a.log": KINDS["crlf.log"]})
    path = tree.root / kind.name
    with pytest.raises(BadFile, match=kind.bad) as caught:
        ingested(tree, skip=False)
    assert caught.value.message.startswith(f"{path}: ")
    assert "--skip-bad-files" in (caught.value.hint or "")
    done = ingested(tree)
    assert (done["bad"], done["rows"], done["read"]) == ([str(path)], 2, 1)
    with pytest.raises(BadFile, match=kind.bad) as caught:
        ask(tree)
    assert caught.value.message.startswith(f"{path}: ")
    check(tree)


def test_the_ingest_counts_what_stands_beside_the_files(days: Tree, tmp_path: Path) -> None:
    """Files, rows, bad ones and those of several formats, in its own report."""
    tree = replace(days, store=tmp_path / "store")
    done = ingested(tree)
    assert done["files"] == done["new"] == len(CORPUS)
    assert done["read"] == len(days.kept)
    assert done["rows"] == len(rows_of(days.kept))
    assert sorted(done["bad"]) == sorted(path for path, kind in days.files.items() if kind.bad)
    (several,) = [path for path, kind in days.files.items() if kind.name in SEVERAL]
    assert (
        f"of several formats each, read themselves by each query: 1 file: {several}"
        in done["notes"]
    )
    again = ingested(tree)
    assert again["same"] == len(days.kept)
    assert (again["read"], again["rows"]) == (0, 0)


@pytest.mark.parametrize("name", ["apart", "days"])
def test_all_together(name: str, request: pytest.FixtureRequest) -> None:
    """With the bad ones, which are named, and the one of several formats."""
    tree: Tree = request.getfixturevalue(name)
    check(tree)
    check_clean(tree)
    with pytest.raises(BadFile) as caught:
        ask(tree)
    assert tree.files[caught.value.message.partition(": ")[0]].bad


def test_all_that_is_kept_in_one_heap(heap: Tree) -> None:
    """One piece for each header; rows, report, and whence without a look at any log."""
    result = ask_away(heap)
    assert Counter(result.rows) == Counter(rows_of(heap.files))
    assert result.notes == (*told(heap.files), whence(heap.files))
    check_clean(heap)


@pytest.mark.parametrize("column", COLUMNS)
def test_rows_in_are_rows_counted_whatever_is_read(heap: Tree, column: str | None) -> None:
    """One column, or none: as many rows from all files together, and the same report."""
    sql, rows = grouped(heap.files, column)
    result = ask_away(heap, sql)
    assert Counter(result.rows) == Counter(rows)
    assert result.notes == (*told(heap.files, ends=column == "end"), whence(heap.files))


@pytest.mark.parametrize("window", WINDOWS)
def test_filters_leave_the_report_whole(heap: Tree, window: str) -> None:
    """What a WHERE turns away is not added up, and is reported all the same."""
    sql, rows = rejected(heap.files, window)
    result = ask_away(heap, sql)
    assert result.rows == rows
    assert result.notes == (*told(heap.files, ends=bool(window)), whence(heap.files))


@pytest.fixture(scope="module")
def one_clean(heap: Tree, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """One log that holds the rows of the whole heap, and no store."""
    return laid(tmp_path_factory.mktemp("clean"), {"clean.log": clean(heap.files)})


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_saved_query_is_that_over_the_rows(heap: Tree, one_clean: Tree, name: str) -> None:
    """Its answer from the store is its answer from one clean log that holds the rows."""
    sql = saved_sql(name)
    stored, one = ask_away(heap, sql), ask(one_clean, sql)
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
    sql = "SELECT max(account_id), count(*), count(DISTINCT srcport) FROM db.logs"
    if times == 2:
        with pytest.raises(EngineError, match="could not allocate block"):
            ask_away(heap, sql)
        return
    result = ask_away(heap, sql)
    assert result.rows == ask_away(heap, sql).rows
    assert not failures
    assert result.rows[0][1] == len(rows_of(heap.files))
    assert result.notes == (*told(heap.files, ends=False), whence(heap.files))


# ---------------------------------------------------------------- daily folders


def test_partition_keys_stand_beside_the_rows(days: Tree) -> None:
    """Those of each file's folder, also for the rows that are read from the file itself."""
    spec = replace(SPEC, layout=DAILY)
    columns = '", "'.join(DEFAULT.columns)
    sql = f'SELECT aws_account_id, aws_region, "date", "{columns}" FROM db.logs'
    result = ask(days, sql, spec, skip=True)
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


def test_lines_in_no_known_shape_ask_for_their_format(tmp_path: Path) -> None:
    """Without --log-format a log of commas is no guess, by name, and is left out like a bad one."""
    tree = laid(tmp_path, {"csv.log": KINDS["csv.log"], "good.log": KINDS["crlf.log"]})

    def ingest(*, skip: bool) -> None:
        first_line.cache_clear()
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            ingesting.run(Settings(logs=str(tree.root), store=str(tree.store), skip_bad_files=skip))

    with pytest.raises(BadFormat, match=r"csv\.log: no header line, and not in the default"):
        ingest(skip=False)
    assert not [*holds(tree).kept()]
    ingest(skip=True)
    assert [log.uri for log in holds(tree).kept()] == [str(tree.root / "good.log")]
    assert [log.uri for log in holds(tree).bad] == [str(tree.root / "csv.log")]


# ---------------------------------------------------------------- further down than a block


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
    plain = KINDS["good.log.gz"]
    tree = filled(tmp_path, {kind.name: kind, plain.name: plain}, skip=False)
    result = ask(tree)
    assert Counter(result.rows) == Counter(rows_of(tree.files))
    assert result.notes[:-1] == told(tree.files)
    stored = 1 if kind.name.startswith("header-below-of-") else 2
    assert result.notes[-1].startswith(f"read from the store: {count_of(stored)}")


# ---------------------------------------------------------------- a folder, as a user has it


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
