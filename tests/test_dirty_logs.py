"""Damaged and odd files, read by the embedded engine: every row and every report as by hand."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import Ran, somebody
from dirty import (
    COLUMNS,
    CORPUS,
    EVERY,
    HEADER,
    ONE,
    PLAIN,
    RUNNABLE,
    SPEC,
    TWO,
    WINDOWS,
    Dirty,
    Files,
    clean,
    grouped,
    put,
    rejected,
    rows_of,
    saved_sql,
    text,
    told,
)

from athena_flow.engines.duckdb import DuckDBEngine
from athena_flow.engines.duckdb import text as duckdb_text
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.errors import BadFile
from athena_flow.fields import NAMES
from athena_flow.layout import FLAT
from athena_flow.local.tree import first_line
from athena_flow.logformat import DEFAULT
from athena_flow.ports import ObjectInfo, Registered, Result, Scan
from athena_flow.table import TableSpec


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The corpus in one folder."""
    root = tmp_path_factory.mktemp("dirty")
    files = {str(root / kind.name): kind for kind in CORPUS}
    put(files)
    return files


@pytest.fixture(scope="module")
def good(files: Files) -> Files:
    """Those that can be read."""
    return {path: kind for path, kind in files.items() if not kind.bad}


def ask(files: Files, sql: str = EVERY, *, skip: bool = False) -> Result:
    """A statement over these files, in the order in which a folder is listed."""
    logs = tuple(ObjectInfo(path, len(files[path].data)) for path in sorted(files))
    scan = Scan(SPEC, ((Registered(None, "/"), logs),))
    return DuckDBEngine(skip_bad=skip).run(sql, [scan])


def test_the_corpus_has_forty_kinds() -> None:
    """And as many again: more than the issue asked for."""
    assert len(CORPUS) >= 40


@pytest.mark.parametrize("kind", CORPUS, ids=lambda kind: kind.name)
def test_a_file_gives_its_rows_and_its_report(files: Files, kind: Dirty) -> None:
    """Alone: the rows to the value, and a note for each thing that is odd, no more."""
    (path,) = [path for path, at in files.items() if at is kind]
    if kind.bad:
        with pytest.raises(BadFile, match=kind.bad) as caught:
            ask({path: kind})
        assert caught.value.message.startswith(f"{path}: ")
        return
    result = ask({path: kind})
    assert Counter(result.rows) == Counter(kind.rows)
    assert result.notes == told({path: kind})


@pytest.mark.parametrize("column", COLUMNS)
def test_rows_in_are_rows_counted_whatever_is_read(good: Files, column: str | None) -> None:
    """One column, or none: as many rows from all files together, and the same report."""
    sql, rows = grouped(good, column)
    result = ask(good, sql)
    assert Counter(result.rows) == Counter(rows)
    assert result.notes == told(good, ends=column == "end")


@pytest.mark.parametrize("window", WINDOWS)
def test_filters_leave_the_report_whole(good: Files, window: str) -> None:
    """What a WHERE turns away is not added up, and is reported all the same."""
    sql, rows = rejected(good, window)
    result = ask(good, sql)
    assert result.rows == rows
    assert result.notes == told(good, ends=bool(window))


def test_bad_files_are_left_out_when_asked_and_named(files: Files, good: Files) -> None:
    """--skip-bad-files: not one row of theirs, their names and their number in a note."""
    result = ask(files, skip=True)
    assert Counter(result.rows) == Counter(rows_of(good))
    assert result.notes == told(files)


def test_without_it_the_first_bad_file_fails_the_query(files: Files) -> None:
    """By name, and by one that is bad."""
    with pytest.raises(BadFile) as caught:
        ask(files)
    assert files[caught.value.message.partition(": ")[0]].bad


# ---------------------------------------------------------------- a folder, as a user has it

NO_LOGS: dict[str, tuple[bytes, str]] = {
    "trail.json.gz": (gzip.compress(b'{"Records":[{"eventVersion":"1.08"}]}'), "no flow log"),
    "list.json.log": (b'[\n{"version": 2}\n]\n', "no flow log"),
    "empty.log": (b"", "empty"),
    "readme.txt": (b"what lies here\n", "no .log or .gz"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\0\0", "no .log or .gz"),
    "_temporary.log": (PLAIN, "as Athena does"),
    ".hidden.log": (PLAIN, "as Athena does"),
}
"""Files that are left out of a folder by themselves, and a part of the note that names each."""
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "cut.log.gz": (gzip.compress(PLAIN)[:-20], "cannot be read"),
    "cut-late.log.gz": (gzip.compress(PLAIN)[:-4], "cannot be read"),
    "utf16.log": (PLAIN.decode().encode("utf-16"), "no text log"),
    "utf16-no-mark.log": (PLAIN.decode().encode("utf-16-le"), "no text log"),
    "picture.log.gz": (gzip.compress(b"\x89PNG\r\n\x1a\n\0\0"), "no text log"),
    "broken.parquet": (b"PAR1 and nothing else", "cannot be read"),
}
"""Files that fail a query by name, unless bad files are to be skipped."""
LOGS = {"a.log.gz": gzip.compress(text(HEADER, ONE)), "b.log": text(HEADER, TWO)}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two logs among files that are none, links, a folder with a log's name."""
    root = tmp_path / "logs"
    (root / "x.log.gz").mkdir(parents=True)
    (root / "x.log.gz" / "inside.log").write_bytes(text(HEADER, ONE))
    for name, data in {**LOGS, **{name: data for name, (data, _) in NO_LOGS.items()}}.items():
        (root / name).write_bytes(data)
    (root / "nowhere.log").symlink_to("gone")
    return root


def counted(ran: Ran) -> dict[str, object]:
    assert ran.code == 0, ran.err
    found: dict[str, object] = json.loads(ran.out)
    return found


def test_what_is_no_log_is_named(cli: Callable[..., Ran], tree: Path) -> None:
    """JSON, pictures, empty and hidden files, a link to nothing: each stands in one note."""
    found = counted(cli("run", "log-status-summary", "--logs", str(tree), "--as", "json"))
    assert found["rows"] == [["OK", 3]]
    notes = found["notes"]
    assert isinstance(notes, list)
    for name, (_, said) in {**NO_LOGS, "nowhere.log": (b"", "no regular file")}.items():
        (note,) = [note for note in notes if f"/{name}" in note]
        assert said in note


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_bad_file_in_a_folder(cli: Callable[..., Ran], tree: Path, name: str) -> None:
    """It fails the query by name; with --skip-bad-files it is left out, named and counted."""
    data, said = UNREADABLE[name]
    (tree / name).write_bytes(data)
    words = ("run", "log-status-summary", "--logs", str(tree), "--as", "json")
    ran = cli(*words)
    assert (ran.code, ran.out) == (3, "")
    assert f"{tree / name}: " in ran.err
    assert said in ran.err
    found = counted(cli(*words, "--skip-bad-files"))
    assert found["rows"] == [["OK", 3]]
    (note,) = [note for note in found["notes"] if f"/{name}" in note]  # type: ignore[attr-defined]
    assert note.startswith("left out, cannot be read: 1 file: ")


def test_an_estimate_skips_bad_files_too(cli: Callable[..., Ran], tree: Path) -> None:
    """A file whose header cannot be read is none that the estimate counts."""
    words = ("estimate", "log-status-summary", "--logs", str(tree), "--as", "json")
    before = counted(cli(*words))["objects"]
    (tree / "utf16.log").write_bytes(UNREADABLE["utf16.log"][0])
    assert cli(*words).code == 3
    assert counted(cli(*words, "--skip-bad-files"))["objects"] == before == 3


def test_csv_and_other_shapes_are_refused_by_name(cli: Callable[..., Ran], tree: Path) -> None:
    """Lines that are neither a header nor a record are no guess: their format is asked for."""
    (tree / "export.log").write_bytes(text(HEADER.replace(" ", ","), ONE.replace(" ", ",")))
    ran = cli("run", "log-status-summary", "--logs", str(tree))
    assert (ran.code, ran.out) == (2, "")
    assert "export.log" in ran.err
    assert "--log-format" in ran.err


def test_parquet_by_another_name_is_refused(cli: Callable[..., Ran], tree: Path) -> None:
    """Its rows are somebody's logs: it is not left out by itself."""
    parquet = tree / "really.parquet"
    write_log(parquet, "2::INTEGER AS version, '10.0.0.1' AS srcaddr, 'OK' AS log_status")
    words = ("run", "log-status-summary", "--logs", str(tree), "--as", "json")
    assert counted(cli(*words))["rows"] == [["OK", 4]]
    parquet.rename(tree / "really.log.gz")
    ran = cli(*words)
    assert ran.code == 3
    assert re.search(r"really\.log\.gz: is Parquet by another name", ran.err)


def write_log(path: Path, columns: str) -> None:
    with duckdb.connect() as db:
        db.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")


def test_parquet_with_other_columns_and_types(tmp_path: Path) -> None:
    """Missing columns are NULL, int widens to bigint, and what is no column's type is refused."""
    spec = TableSpec("db", "logs", "/", DEFAULT, FLAT, "parquet", "files")
    paths = [tmp_path / f"{name}.parquet" for name in ("few", "narrow", "wrong")]
    write_log(paths[0], "'10.0.0.1' AS srcaddr")
    write_log(paths[1], "7::INTEGER AS bytes, 'x' AS other, '10.0.0.2' AS SRCADDR")
    write_log(paths[2], "7.5::DOUBLE AS bytes, '10.0.0.3' AS srcaddr")

    def read(*chosen: Path, skip: bool = False) -> Result:
        logs = tuple(ObjectInfo(str(path), path.stat().st_size) for path in chosen)
        scan = Scan(spec, ((Registered(None, "/"), logs),))
        sql = "SELECT srcaddr, bytes FROM db.logs ORDER BY srcaddr"
        return DuckDBEngine(skip_bad=skip).run(sql, [scan])

    expected = [("10.0.0.1", None), ("10.0.0.2", 7)]
    assert read(*paths[:2]).rows == expected
    with pytest.raises(BadFile, match="wrong.parquet: column bytes is DOUBLE"):
        read(*paths)
    without = read(*paths, skip=True)
    assert without.rows == expected
    assert without.notes == (f"left out, cannot be read: 1 file: {paths[2]}",)


def test_parquet_with_broken_pages_is_named(tmp_path: Path) -> None:
    """A footer that is whole over data that is not: by name, or left out whole."""
    spec = TableSpec("db", "logs", "/", DEFAULT, FLAT, "parquet", "files")
    good, broken = tmp_path / "good.parquet", tmp_path / "broken.parquet"
    write_log(good, "'10.0.0.1' AS srcaddr FROM range(3)")
    write_log(broken, "md5(range::VARCHAR) AS srcaddr FROM range(5000)")
    data = bytearray(broken.read_bytes())
    data[100:4000] = bytes(3900)
    broken.write_bytes(data)
    logs = tuple(ObjectInfo(str(path), path.stat().st_size) for path in (broken, good))
    scan = Scan(spec, ((Registered(None, "/"), logs),))
    sql = "SELECT srcaddr, count(*) FROM db.logs GROUP BY 1"
    with pytest.raises(BadFile, match=f"^{broken}: "):
        DuckDBEngine().run(sql, [scan])
    result = DuckDBEngine(skip_bad=True).run(sql, [scan])
    assert result.rows == [("10.0.0.1", 3)]
    assert result.notes == (f"left out, cannot be read: 1 file: {broken}",)


def test_a_file_that_may_not_be_read(tree: Path) -> None:
    """By name, where its first line is looked at and where it is read."""
    closed = tree / "b.log"
    closed.chmod(0)
    with somebody(), pytest.raises(BadFile, match=r"b\.log: cannot be read: .*Permission denied"):
        first_line(str(closed))
    with somebody(), pytest.raises(BadFile, match=r"b\.log: cannot be read: .*Permission denied"):
        list(duckdb_text.read_text(str(closed), DEFAULT, Notes()))


def test_a_line_without_an_end_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it takes the machine's memory."""
    monkeypatch.setattr(duckdb_text, "LINE_BYTES", 2 * 2**20)
    log = tmp_path / "long.log"
    log.write_bytes(text(HEADER) + b"x" * 3 * 2**20)
    with pytest.raises(BadFile, match="a line has more than 2,097,152 bytes"):
        list(duckdb_text.read_text(str(log), DEFAULT, Notes()))


@pytest.mark.parametrize("name", sorted(NAMES - {"srcaddr", "bytes"}))
def test_any_field_begins_a_header_further_down(tmp_path: Path, name: str) -> None:
    """Whatever its name: it is no row, and what is below it is read by it."""
    log = tmp_path / "a.log"
    log.write_bytes(text("srcaddr bytes", "10.0.0.1 100", f"{name} bytes", "x 50"))
    notes = Notes()
    found = list(duckdb_text.read_text(str(log), DEFAULT, notes))
    assert [form.log_format.header for form, _ in found] == ["srcaddr bytes", f"{name} bytes"]
    assert [records for _, records in found] == [b"10.0.0.1 100\n", b"x 50\n"]


# ---------------------------------------------------------------- every saved query


def test_most_queries_are_asked() -> None:
    assert len(RUNNABLE) >= 30


@pytest.fixture(scope="module")
def one_clean(good: Files, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """One log that holds the rows of all good ones."""
    files = {str(tmp_path_factory.mktemp("clean") / "clean.log"): clean(good)}
    put(files)
    return files


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_saved_query_over_dirt_is_that_over_its_rows(
    good: Files, one_clean: Files, name: str
) -> None:
    """Its answer from the damaged files is its answer from one clean file that holds the rows
    that stand beside them by hand."""
    sql = saved_sql(name)
    dirty, one = ask(good, sql), ask(one_clean, sql)
    assert list(map(repr, dirty.rows)) == list(map(repr, one.rows))
    assert dirty.columns == one.columns
