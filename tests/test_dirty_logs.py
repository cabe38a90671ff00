"""Damaged and odd files, read by the embedded engine: every row and every report as by hand."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import pytest
from conftest import NOW, Ran, somebody, total
from dirty import HEADER, ONE, PLAIN, TWO, Dirty, Row, corpus, text

from athena_flow import params, query
from athena_flow.engines.duckdb import DuckDBEngine
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.engines.duckdb.text import read_text
from athena_flow.errors import BadFile
from athena_flow.layout import FLAT
from athena_flow.local.tree import first_line
from athena_flow.logformat import DEFAULT
from athena_flow.ports import ObjectInfo, Registered, Result, Scan
from athena_flow.table import TableSpec
from athena_flow.window import Window

CORPUS = corpus()
GOOD = [kind for kind in CORPUS if not kind.bad]
BAD = [kind for kind in CORPUS if kind.bad]
SPEC = TableSpec("db", "logs", "/", DEFAULT, FLAT, "text", "files")
EVERY = 'SELECT "{}" FROM db.logs'.format('", "'.join(DEFAULT.columns))
each_kind = pytest.mark.parametrize("kind", CORPUS, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dirty")
    for kind in CORPUS:
        (root / kind.name).write_bytes(kind.data)
    return root


def ask(folder: Path, kinds: Iterable[Dirty], sql: str = EVERY, *, skip: bool = False) -> Result:
    logs = tuple(ObjectInfo(str(folder / kind.name), len(kind.data)) for kind in kinds)
    scan = Scan(SPEC, ((Registered(None, "/"), logs),))
    return DuckDBEngine(skip_bad=skip).run(sql, [scan])


def test_the_corpus_has_forty_kinds() -> None:
    """And as many again: more than the issue asked for."""
    assert len(CORPUS) >= 40


@each_kind
def test_a_file_gives_its_rows_and_its_report(folder: Path, kind: Dirty) -> None:
    """Alone: the rows to the value, and a note for each thing that is odd, no more."""
    path = str(folder / kind.name)
    if kind.bad:
        with pytest.raises(BadFile, match=kind.bad) as caught:
            ask(folder, [kind])
        assert caught.value.message.startswith(f"{path}: ")
        return
    result = ask(folder, [kind])
    assert Counter(result.rows) == Counter(kind.rows)
    assert result.notes == expected_notes(folder, [kind])


def expected_notes(folder: Path, kinds: Sequence[Dirty], *, ends: bool = True) -> tuple[str, ...]:
    """What is said of these files, from what stands beside them."""

    def of(what: str, found: list[Dirty]) -> list[str]:
        names = sorted(str(folder / kind.name) for kind in found)
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        count = f"{len(names)} file{'s' * (len(names) > 1)}"
        return [f"{what}: {count}: {', '.join(names[:3])}{more}"] if names else []

    odd = [kind for kind in kinds if kind.odd]
    notes = of("left out, cannot be read", [kind for kind in kinds if kind.bad])
    notes += of("empty", [kind for kind in kinds if kind.empty])
    undecodable = [kind for kind in kinds if kind.undecodable]
    notes += of("not UTF-8, read with replacement characters", undecodable)
    if odd:
        count = sum(kind.odd for kind in odd)
        first = f"{folder / odd[0].name}:{odd[0].first_odd}"
        notes.append(
            f"rows with fewer or more fields than their header: {count}, the first at {first}"
        )
    no_end = sum(kind.no_end for kind in kinds)
    if no_end and ends:
        notes.append(f"rows whose end is no number, in no window: {no_end}")
    return tuple(notes)


@pytest.mark.parametrize("column", [None, *DEFAULT.columns])
def test_rows_in_are_rows_counted_whatever_is_read(folder: Path, column: str | None) -> None:
    """One column, or none: as many rows from all files together, and the same report."""
    rows = [row for kind in GOOD for row in kind.rows]
    if column is None:
        result = ask(folder, GOOD, "SELECT count(*) FROM db.logs")
        assert result.rows == [(len(rows),)]
    else:
        result = ask(folder, GOOD, f'SELECT "{column}", count(*) FROM db.logs GROUP BY 1')
        at = DEFAULT.columns.index(column)
        assert dict(result.rows) == Counter(row[at] for row in rows)
    assert result.notes == expected_notes(folder, GOOD, ends=column == "end")


@pytest.mark.parametrize("window", ["", '"end" >= 1795000061', '"end" < 1795000061'])
def test_filters_leave_the_report_whole(folder: Path, window: str) -> None:
    """What a WHERE turns away is not added up, and is reported all the same."""
    where = " AND ".join(filter(None, (window, "action = 'REJECT'")))
    result = ask(folder, GOOD, f"SELECT count(*), sum(bytes) FROM db.logs WHERE {where}")
    end, action, size = (DEFAULT.columns.index(c) for c in ("end", "action", "bytes"))

    def within(row: Row) -> bool:
        late = row[end] is not None and row[end] >= 1795000061
        early = row[end] is not None and row[end] < 1795000061
        return row[action] == "REJECT" and (not window or (late if ">=" in window else early))

    rows = [row for kind in GOOD for row in kind.rows if within(row)]
    assert result.rows == [(len(rows), total(row[size] for row in rows))]
    assert result.notes == expected_notes(folder, GOOD, ends=bool(window))


def test_bad_files_are_left_out_when_asked_and_named(folder: Path) -> None:
    """--skip-bad-files: not one row of theirs, their names and their number in a note."""
    result = ask(folder, CORPUS, skip=True)
    assert Counter(result.rows) == Counter(row for kind in GOOD for row in kind.rows)
    assert result.notes == expected_notes(folder, CORPUS)


def test_without_it_the_first_bad_file_fails_the_query(folder: Path) -> None:
    """By name, and by one that is bad."""
    with pytest.raises(BadFile) as caught:
        ask(folder, CORPUS)
    assert Path(caught.value.message.partition(": ")[0]).name in {kind.name for kind in BAD}


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

    def rows(*chosen: Path) -> list[tuple[object, ...]]:
        logs = tuple(ObjectInfo(str(path), path.stat().st_size) for path in chosen)
        scan = Scan(spec, ((Registered(None, "/"), logs),))
        sql = "SELECT srcaddr, bytes FROM db.logs ORDER BY srcaddr"
        return list(DuckDBEngine().run(sql, [scan]).rows)

    assert rows(*paths[:2]) == [("10.0.0.1", None), ("10.0.0.2", 7)]
    with pytest.raises(BadFile, match="wrong.parquet: column bytes is DOUBLE"):
        rows(*paths)


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
        list(read_text(str(closed), DEFAULT, Notes()))


# ---------------------------------------------------------------- every saved query

VALUES = {"ip": "10.0.0.1", "port": "22"}
"""For the parameters that have no default."""


def runnable() -> Iterator[tuple[str, list[str]]]:
    """The saved queries that the default format can answer, with what they must be given."""
    for name, saved in query.library().items():
        needed = [param.name for param in saved.params if param.required]
        if not saved.missing(DEFAULT) and set(needed) <= VALUES.keys():
            yield name, [f"{param}={VALUES[param]}" for param in needed]


RUNNABLE = dict(runnable())


def test_most_queries_are_asked() -> None:
    assert len(RUNNABLE) >= 30


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_saved_query_over_dirt_is_that_over_its_rows(folder: Path, name: str) -> None:
    """Its answer from the damaged files is its answer from one clean file that holds the rows
    that stand beside them by hand."""
    saved = query.library()[name]
    clean = folder / "clean.txt"
    if not clean.exists():
        rows = [row for kind in GOOD for row in kind.rows]
        clean.write_bytes(text(HEADER, *map(written, rows)))
    values = params.bind(saved.params, RUNNABLE[name], NOW)
    sql = query.bind(saved, values, SPEC, Window(), frozenset(DEFAULT.columns)).sql
    dirty = ask(folder, GOOD, sql)
    one = ask(folder, [Dirty(clean.name, clean.read_bytes())], sql)
    assert list(map(repr, dirty.rows)) == list(map(repr, one.rows))
    assert dirty.columns == one.columns


def written(row: Row) -> str:
    """A row as a line that holds it."""
    pairs = zip(row, DEFAULT.fields, strict=True)
    return " ".join(
        str(v) if v is not None else r"\N" if f.athena_type == "string" else "-" for v, f in pairs
    )
