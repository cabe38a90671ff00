"""How many bytes a scan of Parquet reads: held against Trino's own figures, and DuckDB's."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest
from athena_server import AthenaServer
from conftest import Ran, put_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.columnar import (
    FOOTER_BYTES,
    SMALL_FILE_BYTES,
    Chunk,
    Footer,
    Footers,
    Needs,
    RowGroup,
    Sample,
    parquet_bytes,
    read_bytes,
    read_footers,
    sized,
)
from athena_flow.engines.duckdb import parquet_footers
from athena_flow.errors import AccessDenied
from athena_flow.local import DirStore
from athena_flow.ports import ObjectInfo
from athena_flow.prune import Range

MIB = 2**20
NO_FILTER: frozenset[str] = frozenset()


def group(*sizes: tuple[str, int], at: int = 4) -> RowGroup:
    """Chunks of these columns, one after the other."""
    chunks = []
    for column, size in sizes:
        chunks.append(Chunk(column, at, size))
        at += size
    return RowGroup(chunks[0].start, tuple(chunks))


# ---------------------------------------------------------------- by hand


@pytest.mark.parametrize("size", [0, 1, 1000, 3 * MIB])
def test_a_small_file_is_read_whole(size: int) -> None:
    """Up to 3 MiB, whatever the columns, as Trino reads it: once, with no footer before it."""
    footer = Footer(500, (group(("a", size // 2)),))
    for columns in (NO_FILTER, frozenset({"a"}), None):
        assert read_bytes(size, footer, Needs(columns)) == size


@pytest.mark.parametrize(
    ("size", "footer", "counted"),
    [
        (4_867_592, 9_000, 49_152),
        (33_997_987, 9_000, 98_304),
        (40_441_192, 255_060, 608_424),
    ],
)
def test_count_reads_the_ends_alone(size: int, footer: int, counted: int) -> None:
    """One end for each split, and a long footer once more: what Trino 435 reported."""
    groups = (group(("a", 1 * MIB), ("b", 2 * MIB)),)
    assert read_bytes(size, Footer(footer, groups), Needs(NO_FILTER, (), NO_FILTER)) == counted


def test_chunks_that_lie_near_are_read_with_what_is_between() -> None:
    """A gap of a MiB is read along, one byte more is not."""
    for gap, read in ((MIB, 100 + MIB + 100), (MIB + 1, 200)):
        footer = Footer(500, (group(("a", 100), ("gap", gap), ("b", 100)),))
        needs = Needs(frozenset({"a", "b"}), (), NO_FILTER)
        assert read_bytes(9 * MIB, footer, needs) == FOOTER_BYTES + read


def test_no_more_than_8_mib_are_read_together() -> None:
    """Beyond that a new read begins, and the gap before it is left out."""
    footer = Footer(500, (group(("a", 7 * MIB), ("gap", MIB // 2), ("b", MIB)),))
    needs = Needs(frozenset({"a", "b"}), (), NO_FILTER)
    assert read_bytes(20 * MIB, footer, needs) == FOOTER_BYTES + 8 * MIB


def test_a_long_chunk_is_read_by_itself() -> None:
    """One of more than 8 MiB draws no neighbour in."""
    footer = Footer(500, (group(("a", 9 * MIB), ("gap", 10), ("b", 10)),))
    needs = Needs(frozenset({"a", "b"}), (), NO_FILTER)
    assert read_bytes(20 * MIB, footer, needs) == FOOTER_BYTES + 9 * MIB + 10


def test_chunks_of_two_splits_are_read_apart() -> None:
    """A worker reads its own row groups alone, so nothing between two of them."""
    first = group(("a", 100), ("gap", 18 * MIB))
    second = group(("a", 100), ("rest", 18 * MIB), at=first.chunks[-1].end)
    size = second.chunks[-1].end + 500
    needs = Needs(frozenset({"a"}), (), NO_FILTER)
    assert read_bytes(size, Footer(500, (first, second)), needs) == 2 * FOOTER_BYTES + 200


def test_a_filter_may_read_a_dictionary_again() -> None:
    """Of columns that rows are chosen by; of all needed ones where that is not known."""
    chunks = (Chunk("a", 4, 4 * MIB, 1000), Chunk("b", 4 * MIB + 4, 50, 30))
    footer = Footer(500, (RowGroup(4, chunks),))
    size = 4 * MIB + 54 + 500
    both = frozenset({"a", "b"})
    plain = read_bytes(size, footer, Needs(both, (), NO_FILTER))
    assert read_bytes(size, footer, Needs(both, (), frozenset({"b"}))) == plain + 30
    assert read_bytes(size, footer, Needs(both)) == plain + 1030


def test_a_filter_may_read_an_index() -> None:
    """What lies between the last chunk and the footer counts as soon as rows are chosen."""
    footer = Footer(500, (group(("a", 4 * MIB)),))
    size = 4 + 4 * MIB + 700 + 500
    needs = [Needs(frozenset({"a"}), (), filtered) for filtered in (NO_FILTER, None)]
    plain, filtered = (read_bytes(size, footer, one) for one in needs)
    assert filtered == plain + 700


def bounded(low: int | str | None, high: int | str | None) -> RowGroup:
    return RowGroup(4, (Chunk("end", 4, 4 * MIB, 0, low, high),))


@pytest.mark.parametrize(
    ("low", "high", "wanted", "read"),
    [
        (10, 20, Range("end", 21, None), False),
        (10, 20, Range("end", None, 9), False),
        (10, 20, Range("end", 20, None), True),
        (10, 20, Range("end", None, 10), True),
        (10, 20, Range("end", 12, 13), True),
        (10, 20, Range("start", 21, None), True),
        (10, 20, Range("end", "21", None), True),
        (None, None, Range("end", 21, None), True),
        ("a", "c", Range("end", "d", "d"), False),
        ("a", "c", Range("end", "b", "b"), True),
        ("a", None, Range("end", "d", "d"), True),
        ("10", "20", Range("end", 21, None), True),
    ],
)
def test_statistics_rule_row_groups_out(
    low: int | str | None, high: int | str | None, wanted: Range, read: bool
) -> None:
    """Only where no value can be wanted; what is not known, or of another type, is read."""
    size = 5 * MIB
    found = read_bytes(size, Footer(500, (bounded(low, high),)), Needs(None, (wanted,), NO_FILTER))
    assert found == FOOTER_BYTES + 4 * MIB * read


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(st.integers(1, 9 * MIB), min_size=3, max_size=3), min_size=1, max_size=6),
    st.sets(st.sampled_from("abc")),
)
def test_never_less_than_the_chunks(groups: list[list[int]], columns: set[str]) -> None:
    """Whatever is read together: the chunks, and an end of the file, are read at the least."""
    at, made = 4, []
    for sizes in groups:
        made.append(group(*zip("abc", sizes, strict=True), at=at))
        at = made[-1].chunks[-1].end
    size = max(at + 500, SMALL_FILE_BYTES + 1)
    chunks = sum(c.size_bytes for g in made for c in g.chunks if c.column in columns)
    found = read_bytes(size, Footer(500, tuple(made)), Needs(frozenset(columns)))
    assert found >= chunks + FOOTER_BYTES


# ---------------------------------------------------------------- real files


ROWS = 400_000


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file of several row groups, in the order of ``end``."""
    file = tmp_path_factory.mktemp("parquet") / "log.parquet"
    with duckdb.connect() as db:
        db.execute("SELECT setseed(0.5)")
        db.execute(f"""COPY (
            SELECT 1795000000 + range AS "end", '10.0.' || (range * 7919 % 256) || '.'
              || (range * 31 % 256) AS srcaddr, (random() * 65535)::INT AS dstport,
              (random() * 1e9)::BIGINT AS bytes, (range % 3)::INT AS code,
              md5(range::VARCHAR) AS flow
            FROM range({ROWS})) TO '{file}' (FORMAT parquet, ROW_GROUP_SIZE 61440)""")
    return file


def info(file: Path) -> ObjectInfo:
    return ObjectInfo(str(file), file.stat().st_size)


def footer_of(file: Path) -> Footer:
    (found,) = read_footers([info(file)], DirStore().tail, parquet_footers)
    assert isinstance(found, Footer)
    return found


def test_a_footer_says_what_lies_where(log: Path) -> None:
    """Row groups, columns and their bounds, from the file's end alone."""
    footer = footer_of(log)
    assert len(footer.groups) == -(-ROWS // 61440)
    names = ["end", "srcaddr", "dstport", "bytes", "code", "flow"]
    assert all([c.column for c in g.chunks] == names for g in footer.groups)
    ends = [g.chunks[0] for g in footer.groups]
    assert (ends[0].low, ends[-1].high) == (1795000000, 1795000000 + ROWS - 1)
    chunks = sum(c.size_bytes for g in footer.groups for c in g.chunks)
    assert 0 <= log.stat().st_size - chunks - footer.size_bytes < 30_000  # bloom filters


def own_count(sql: str, file: Path) -> int:
    """The bytes that this process reads from files while DuckDB answers, as Linux counts them."""

    def read() -> int:
        text = Path("/proc/self/io").read_text()
        return int(text.partition("rchar:")[2].split()[0])

    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.execute(f"CREATE VIEW log AS SELECT * FROM read_parquet('{file}')")
        before = read()
        db.execute(sql).fetchall()
        return read() - before


@pytest.mark.skipif(sys.platform != "linux", reason="counts by /proc")
@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT sum(bytes) FROM log", {"bytes"}),
        ("SELECT sum(length(srcaddr)) FROM log", {"srcaddr"}),
        ("SELECT sum(length(flow)) FROM log", {"flow"}),
        ("SELECT srcaddr, sum(bytes) FROM log GROUP BY 1", {"srcaddr", "bytes"}),
        ("SELECT sum(dstport), sum(bytes), sum(code) FROM log", {"dstport", "bytes", "code"}),
        ("SELECT * FROM log", None),
        ("SELECT count(*) FROM log", set()),
    ],
)
def test_never_below_what_a_reader_reads(log: Path, sql: str, columns: set[str] | None) -> None:
    """DuckDB's own reads, counted by the kernel, are no more than what was said before."""
    needs = Needs(None if columns is None else frozenset(columns))
    said = read_bytes(log.stat().st_size, footer_of(log), needs)
    assert said >= own_count(sql, log)


@pytest.mark.skipif(sys.platform != "linux", reason="counts by /proc")
def test_row_groups_that_a_reader_leaves_out(log: Path) -> None:
    """A filter on a sorted column leaves most of the file unread, by both counts."""
    low = 1795000000 + ROWS - 1000
    needs = Needs(frozenset({"end", "flow"}), (Range("end", low, None),))
    size = log.stat().st_size
    said = read_bytes(size, footer_of(log), needs)
    read = own_count(f'SELECT sum(length(flow)) FROM log WHERE "end" >= {low}', log)
    assert read <= said < size / 4


def test_the_end_is_read_once_and_a_long_one_twice(tmp_path: Path) -> None:
    """16 KiB hold the footer of some row groups; only a longer one takes a second read."""
    with duckdb.connect() as db:
        for name, rows in (("short", 122_880), ("long", 2_048)):
            db.execute(f"""COPY (SELECT range AS a, range AS b, range AS c FROM range(200000))
                TO '{tmp_path}/{name}.parquet' (FORMAT parquet, ROW_GROUP_SIZE {rows})""")
    for name, reads in (("short", [16_384]), ("long", [16_384, 34_000])):
        asked: list[int] = []

        def tail(uri: str, most: int, asked: list[int] = asked) -> bytes:
            asked.append(most)
            return DirStore().tail(uri, most)

        (footer,) = read_footers([info(tmp_path / f"{name}.parquet")], tail, parquet_footers)
        assert isinstance(footer, Footer)
        assert asked == [*reads[:1], *[footer.size_bytes] * (len(reads) - 1)]
        assert (footer.size_bytes > 16_384) == (len(reads) > 1)


def test_a_file_without_rows(tmp_path: Path) -> None:
    """Has no row groups, and that is no fault."""
    file = tmp_path / "none.parquet"
    with duckdb.connect() as db:
        db.execute(f"COPY (SELECT 1 AS a WHERE false) TO '{file}' (FORMAT parquet)")
    assert footer_of(file).groups == ()


# ---------------------------------------------------------------- broken files


def _grown(log: Path, file: Path, end: bytes) -> ObjectInfo:
    file.write_bytes(log.read_bytes()[: 4 * MIB] + end)
    return info(file)


BROKEN: dict[str, bytes] = {
    "no magic": b"x" * 1000,
    "encrypted": b"x" * 1000 + (992).to_bytes(4, "little") + b"PARE",
    "longer than the file": b"x" * 1000 + (2**31).to_bytes(4, "little") + b"PAR1",
    "no footer": b"x" * 1000 + (900).to_bytes(4, "little") + b"PAR1",
    "of length 0": (0).to_bytes(4, "little") + b"PAR1",
}


@pytest.mark.parametrize("end", BROKEN.values(), ids=BROKEN)
def test_a_broken_footer_counts_as_more_than_the_file(
    log: Path, tmp_path: Path, end: bytes
) -> None:
    """By name, in a note; the other files are counted as they are."""
    broken = _grown(log, tmp_path / "broken.parquet", end)
    needs = Needs(frozenset({"code"}))
    footers = footers_of(DirStore().tail)
    good = parquet_bytes([[info(log)]], needs, footers, Sample())
    both = parquet_bytes([[info(log)], [broken]], needs, footers, Sample())
    assert good.size_bytes is not None
    assert both.size_bytes is not None
    assert both.size_bytes >= good.size_bytes + broken.size_bytes
    assert both.certainty == "at_most"
    assert any("broken.parquet" in note for note in both.notes)
    assert not any("broken.parquet" in note for note in good.notes)


def test_only_footers_that_were_read_are_counted(log: Path, tmp_path: Path) -> None:
    """None of one; then one of two."""
    broken = _grown(log, tmp_path / "broken.parquet", BROKEN["no magic"])
    needs, footers = Needs(frozenset({"code"})), footers_of(DirStore().tail)
    (alone,) = parquet_bytes([[broken]], needs, footers, Sample()).notes
    assert alone.startswith("Parquet: 1 object counts twice")
    both = parquet_bytes([[info(log)], [broken]], needs, footers, Sample()).notes
    assert both[0] == "Parquet: by the footers of 1 of 2 larger objects"
    assert parquet_bytes([[info(log)]], needs, footers, Sample()).notes == (
        "Parquet: by the footers of all 1 larger object",
    )


def footers_of(tail: Callable[[str, int], bytes]) -> Footers:
    return lambda objects: read_footers(objects, tail, parquet_footers)


def test_footers_that_may_not_be_read(log: Path) -> None:
    """Who may list and not read gets an upper bound, with the reason."""

    def denied(uri: str, most: int) -> bytes:
        raise AccessDenied(f"reading {uri}: AccessDenied: no")

    needs = Needs(frozenset({"code"}))
    found = parquet_bytes([[info(log)]], needs, footers_of(denied), Sample())
    assert found.size_bytes is not None
    assert found.size_bytes >= log.stat().st_size
    assert any("AccessDenied" in note for note in found.notes)


# ---------------------------------------------------------------- many files


def test_text_is_exact_and_the_rest_is_not() -> None:
    """Text is read whole; what is neither text nor Parquet is at most what lies there."""
    parts = [[ObjectInfo("s3://b/1", 10), ObjectInfo("s3://b/2", 5)], []]
    assert (sized(parts, "text", None).size_bytes, sized(parts, "text", None).certainty) == (
        15,
        "exact",
    )
    assert sized(parts, "other", frozenset({"a"})).certainty == "at_most"
    assert sized([], "parquet", None).size_bytes == 0


def test_small_objects_need_no_footer() -> None:
    """They are read whole, so nothing is asked; the note says so."""

    def never(objects: Sequence[ObjectInfo]) -> list[Footer | str]:
        raise AssertionError(objects)

    parts = [[ObjectInfo(f"s3://b/{n}", 3 * MIB) for n in range(1000)]]
    found = parquet_bytes(parts, Needs(frozenset({"a"})), never, Sample())
    assert found.size_bytes == 3000 * MIB
    assert any("whole" in note for note in found.notes)


def test_without_footers_nothing_is_too_low(log: Path) -> None:
    """From a listing alone: more than what any statement reads of the file."""
    found = parquet_bytes([[info(log)]], Needs(None), None, Sample())
    assert found.size_bytes is not None
    assert found.size_bytes >= read_bytes(log.stat().st_size, footer_of(log), Needs(None))


@pytest.fixture(scope="module")
def many() -> tuple[list[list[ObjectInfo]], Footers, int]:
    """3,000 large objects in 60 partitions, whose needed share varies by partition and file."""
    chance = random.Random(1)
    parts, shares = [], {}
    for day in range(60):
        base = chance.uniform(0.05, 0.4)
        part = []
        for n in range(50):
            size = int(SMALL_FILE_BYTES * (1 + chance.paretovariate(1.5)))
            one = ObjectInfo(f"s3://b/{day:02}/{n:02}.parquet", size)
            shares[one.uri] = min(0.9, base * chance.uniform(0.5, 1.5))
            part.append(one)
        parts.append(part)

    def footers(objects: Sequence[ObjectInfo]) -> list[Footer | str]:
        found: list[Footer | str] = []
        for o in objects:
            wanted = int(o.size_bytes * shares[o.uri])
            found.append(Footer(500, (group(("a", wanted), ("b", o.size_bytes - wanted - 504)),)))
        return found

    needs = Needs(frozenset({"a"}), (), NO_FILTER)
    exact = parquet_bytes(parts, needs, footers, Sample(None)).size_bytes
    assert exact is not None
    return parts, footers, exact


def test_a_sample_is_an_upper_bound_and_near(
    many: tuple[list[list[ObjectInfo]], Footers, int],
) -> None:
    """By 200 seeds: at most one is lower than the truth, and they are 15 percent above it."""
    parts, footers, exact = many
    needs = Needs(frozenset({"a"}), (), NO_FILTER)
    found = [
        parquet_bytes(parts, needs, footers, Sample(200, seed)).size_bytes or 0
        for seed in range(200)
    ]
    assert sum(size < exact for size in found) <= 1
    assert sum(found) / len(found) < 1.15 * exact


def test_a_sample_says_what_it_is(many: tuple[list[list[ObjectInfo]], Footers, int]) -> None:
    """How many of how many, by which seed, and what was added; the same again by that seed."""
    parts, footers, _ = many
    needs = Needs(frozenset({"a"}), (), NO_FILTER)
    first = parquet_bytes(parts, needs, footers, Sample(50, 7))
    assert first == parquet_bytes(parts, needs, footers, Sample(50, 7))
    (note,) = first.notes
    assert "of 3,000 larger objects" in note
    assert "seed 7" in note
    assert "%" in note
    assert first.certainty == "at_most"


def test_a_sample_reads_few_footers(many: tuple[list[list[ObjectInfo]], Footers, int]) -> None:
    """About as many as were asked for, of every partition that has its share of the bytes."""
    parts, footers, _ = many
    asked: list[ObjectInfo] = []

    def counting(objects: Sequence[ObjectInfo]) -> Sequence[Footer | str]:
        asked.extend(objects)
        return footers(objects)

    parquet_bytes(parts, Needs(frozenset({"a"})), counting, Sample(200))
    assert 190 <= len(asked) <= 230
    assert len({o.uri.split("/")[3] for o in asked}) > 50


def test_a_sample_of_one_is_no_guess(many: tuple[list[list[ObjectInfo]], Footers, int]) -> None:
    """One footer tells nothing of the spread: all that may be read is counted."""
    parts, footers, exact = many
    found = parquet_bytes(parts, Needs(frozenset({"a"}), (), NO_FILTER), footers, Sample(1))
    assert found.size_bytes is not None
    assert found.size_bytes > exact


# ---------------------------------------------------------------- the command


FOLDER = "AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/11/20/"


@pytest.fixture
def table(aws: AthenaServer, log: Path, tmp_path: Path, cli: Callable[..., Ran]) -> AthenaServer:
    """A Parquet table of one day in the bench's account: a large file and a small one."""
    folder = tmp_path / "tree" / FOLDER
    folder.mkdir(parents=True)
    (folder / "large.parquet").write_bytes(log.read_bytes())
    (folder / "small.parquet").write_bytes(b"x" * 1000)
    put_tree(tmp_path / "tree", "logs")
    words = ("--location", "s3://logs/", "--file-type", "parquet")
    header = "srcaddr dstport bytes packets start end action"
    made = cli("init-table", *words, "--log-format", header)
    assert made.code == 0, made.err
    added = cli("add-partitions", "--since", "2026-11-20", "--until", "2026-11-21")
    assert added.code == 0, added.err
    return aws


SQL = "SELECT dstport, sum(bytes) AS b FROM flow_logs.vpc_flow_logs GROUP BY 1"


def test_a_footer_is_read_by_its_end(
    table: AthenaServer, log: Path, cli: Callable[..., Ran]
) -> None:
    """One ranged read of the large file, none of the small one, and the columns' bytes."""
    ran = cli("estimate", "--sql", "-", "--as", "json", stdin=SQL)
    assert ran.code == 0, ran.err
    needs = Needs(frozenset({"dstport", "bytes"}), (), NO_FILTER)
    told = json.loads(ran.out)
    assert told["bytes"] == 1000 + read_bytes(log.stat().st_size, footer_of(log), needs)
    assert told["bytes"] < log.stat().st_size / 2
    assert told["certainty"] == "at_most"
    (asked,) = table.calls("S3.GetObject")
    assert "large.parquet" in str(asked)


def test_who_may_only_list(table: AthenaServer, log: Path, cli: Callable[..., Ran]) -> None:
    """Gets more than the whole files, with the reason, and no failure."""
    table.faults.add("S3.GetObject", "AccessDenied", 403, "the reason")
    ran = cli("estimate", "--sql", "-", "--as", "json", stdin=SQL)
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["bytes"] > log.stat().st_size
    assert "the reason" in "".join(told["assumptions"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--sample", "0"), "--sample '0'"),
        (("--sample", "many"), "--sample 'many'"),
        (("--sample", "5", "--exact"), "--exact"),
    ],
)
def test_samples_that_are_none(
    cli: Callable[..., Ran], tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    """Refused in one line."""
    (tmp_path / "x.log").write_text("version\n2\n")
    ran = cli("estimate", "log-status-summary", "--logs", ".", *more)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
