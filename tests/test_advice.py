"""Advice: every number comes from sizes that are there, or from a sample that was converted."""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import DemoTree, Ran

from athena_flow.advice import Advice, Converted, Looking, advise, sample
from athena_flow.columnar import (
    FOOTER_BYTES,
    SMALL_FILE_BYTES,
    Chunk,
    Footer,
    RowGroup,
)
from athena_flow.cost import Estimate, Price, TableRead
from athena_flow.engines.duckdb import as_parquet
from athena_flow.errors import AccessDenied
from athena_flow.layout import DAILY, Partition
from athena_flow.logformat import DEFAULT
from athena_flow.ports import ObjectInfo, Registered, Scan
from athena_flow.table import Projection, TableSpec
from athena_flow.window import DAY, Window

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
FIVE = Price("us-east-1", 5.0, "a price list")
TEXT = TableSpec("flow_logs", "t", "s3://logs/", DEFAULT, DAILY)
PARQUET = replace(TEXT, file_type="parquet")
COMPUTED = Projection(NOW.date(), regions=("eu-west-1",), accounts=("123456789012",))
MB = 10**6
BIG = 40 * MB
"""Each day's object, in bytes."""


def a_scan(spec: TableSpec, days: int, size: int = BIG, root: str = "s3://logs/") -> Scan:
    parts = []
    for back in reversed(range(days)):
        start = NOW.replace(hour=0) - back * DAY
        at = f"{root}{start:%d}/"
        place = Registered(Partition("123456789012", "eu-west-1", start), at)
        parts.append((place, (ObjectInfo(f"{at}a.log.gz", size),)))
    return Scan(spec, tuple(parts))


def an_estimate(scans: Sequence[Scan], columns: tuple[str, ...] | None = None) -> Estimate:
    reads = tuple(
        TableRead(
            table=scan.spec.title,
            keys=("aws_account_id", "aws_region", "date"),
            partitions=len(scan.parts),
            of=len(scan.parts),
            objects=scan.objects,
            size_bytes=scan.size_bytes,
            certainty="exact",
            condition=None,
            columns=columns,
        )
        for scan in scans
    )
    size = sum(scan.size_bytes for scan in scans)
    return Estimate("q", "SELECT 1", size, "exact", 1, 1, FIVE, (), reads)


def nothing_to_read(uri: str, most: int | None) -> bytes:
    raise AccessDenied(f"reading {uri}: AccessDenied")


SAMPLE_BYTES = 1000
MADE = Converted(600, {"srcaddr": 200, "bytes": 100, "action": 50, "dstport": 150})
"""What a sample of 1,000 bytes of text becomes: 500 in columns, 100 of footer."""


def looking(made: Converted = MADE) -> Looking:
    """Each object of the sample is as long as it has to be for SAMPLE_BYTES in all."""
    count = []

    def read(uri: str, most: int | None) -> bytes:
        count.append(uri)
        return bytes(SAMPLE_BYTES)

    def convert(spec: TableSpec, logs: Sequence[tuple[str, bytes]]) -> Converted:
        times = sum(len(content) for _, content in logs) // SAMPLE_BYTES
        columns = {column: size * times for column, size in made.columns.items()}
        return Converted(made.size_bytes * times, columns)

    return Looking(read, convert, None)


def by_words(found: Sequence[Advice], words: str) -> Advice:
    (one,) = [a for a in found if words in a.what]
    return one


# ---------------------------------------------------------------- less time


def test_a_seventh_of_the_window() -> None:
    """The partitions that the last day of a week touches: two of eight."""
    scan = a_scan(TEXT, 8)
    window = Window(NOW - timedelta(days=7), NOW)
    found = by_words(advise(an_estimate([scan]), [scan], window, None), "the last")
    assert found.what == "only the last 24 hours of that time"
    assert found.size_bytes == 2 * BIG
    assert found.usd == FIVE.usd(2 * BIG)


def test_without_a_window_the_time_of_the_logs() -> None:
    """Fourteen days: the last two of them."""
    scan = a_scan(TEXT, 14)
    found = by_words(advise(an_estimate([scan]), [scan], Window(), None), "the last")
    assert found.what == "only the last 2 days of that time"
    assert found.size_bytes == 2 * BIG


def test_a_single_day_cannot_be_shorter() -> None:
    """A partition is read or it is not: nothing is promised below one."""
    scan = a_scan(TEXT, 1)
    found = advise(an_estimate([scan]), [scan], Window(NOW - timedelta(hours=5), NOW), None)
    assert not [a for a in found if "the last" in a.what]


def test_a_table_that_is_read_twice_is_shortened_twice() -> None:
    """Both scans of it count, before and after."""
    scan = a_scan(TEXT, 14)
    found = advise(an_estimate([scan, scan]), [scan, scan], Window(), None)
    assert by_words(found, "the last").size_bytes == 4 * BIG


# ---------------------------------------------------------------- Parquet and columns


def test_as_parquet_only_the_columns_that_are_needed() -> None:
    """The sample's share of the needed columns, and the ends of files as small as may be."""
    scan = a_scan(TEXT, 8, 16 * MB)
    found = advise(an_estimate([scan], ("bytes", "srcaddr")), [scan], Window(), looking())
    whole = 8 * 16 * MB
    ends = math.ceil(whole * 0.6 / SMALL_FILE_BYTES) * FOOTER_BYTES
    large = by_words(found, "where it needs 2 of 4 columns")
    assert large.size_bytes == whole * 3 // 10 + ends
    assert large.usd == FIVE.usd(large.size_bytes)
    assert "3 of 8 objects" in large.measured
    assert by_words(found, "smaller files").size_bytes == whole * 6 // 10
    assert by_words(found, "without the column srcaddr").size_bytes == whole // 10 + ends


def test_where_all_columns_are_needed_all_count() -> None:
    """SELECT *: the same sum as the file has."""
    scan = a_scan(TEXT, 8, 16 * MB)
    found = advise(an_estimate([scan], None), [scan], Window(), looking())
    ends = math.ceil(8 * 16 * MB * 0.6 / SMALL_FILE_BYTES) * FOOTER_BYTES
    assert by_words(found, "4 of 4 columns").size_bytes == 8 * 16 * MB // 2 + ends


def test_one_column_has_none_to_leave_out() -> None:
    """Nothing is said about fewer columns."""
    scan = a_scan(TEXT, 8, 16 * MB)
    found = advise(an_estimate([scan], ("bytes",)), [scan], Window(), looking())
    assert not [a for a in found if "without the column" in a.what]


def test_a_sample_that_cannot_be_read_is_said() -> None:
    """No number is made up; the rest of the advice stands."""
    scan = a_scan(TEXT, 8, 16 * MB)
    blind = replace(looking(), read=nothing_to_read)
    found = advise(an_estimate([scan]), [scan], Window(), blind)
    told = by_words(found, "Parquet")
    assert (told.size_bytes, told.usd) == (None, None)
    assert "AccessDenied" in told.measured
    assert by_words(found, "the last").size_bytes


def footer(*chunks: tuple[str, int]) -> Footer:
    return Footer(1000, (RowGroup(4, tuple(Chunk(c, 4, size) for c, size in chunks)),))


def test_parquet_has_fewer_columns_by_its_footers() -> None:
    """The dearest of the needed columns, by its share of their bytes."""
    scan = a_scan(PARQUET, 8)
    ends = footer(("srcaddr", 600), ("bytes", 200), ("end", 9999))
    looks = Looking(nothing_to_read, as_parquet, lambda objects: [ends] * len(objects))
    found = advise(an_estimate([scan], ("bytes", "srcaddr")), [scan], Window(), looks)
    assert by_words(found, "without the column srcaddr").size_bytes == 8 * BIG // 4
    assert not [a for a in found if "as Parquet" in a.what]


def test_small_parquet_files_are_read_whole() -> None:
    """Fewer columns make nothing cheaper there, so none are advised."""
    scan = a_scan(PARQUET, 8, MB)
    ends = footer(("srcaddr", 600), ("bytes", 200))
    looks = Looking(nothing_to_read, as_parquet, lambda objects: [ends] * len(objects))
    found = advise(an_estimate([scan], ("bytes", "srcaddr")), [scan], Window(), looks)
    assert by_words(found, "read whole").size_bytes is None
    assert not [a for a in found if "without the column" in a.what]


def test_footers_that_cannot_be_read_say_nothing() -> None:
    """Broken files are the estimate's business."""
    scan = a_scan(PARQUET, 8)
    looks = Looking(nothing_to_read, as_parquet, lambda objects: ["broken"] * len(objects))
    found = advise(an_estimate([scan], ("bytes", "srcaddr")), [scan], Window(), looks)
    assert not [a for a in found if "column" in a.what]


def test_the_sample_goes_by_bytes() -> None:
    """A few objects, the large ones among them, none that is empty or too large to fetch."""
    small = [ObjectInfo(f"{n}", 1) for n in range(1000)]
    large = ObjectInfo("large", 10_000)
    assert large in sample([*small, large])
    assert len(sample(small)) == 3
    assert sample([ObjectInfo("empty", 0)]) == []
    assert sample([ObjectInfo("huge", 10**9)]) == []
    assert sample([ObjectInfo("huge", 10**9)], most_bytes=None) == [ObjectInfo("huge", 10**9)]


def test_a_conversion_is_measured_on_what_was_written() -> None:
    """The columns of the table, each with its bytes, and the file around them."""
    rng = random.Random(7)
    rows = [
        f"2 123456789012 eni-1 10.0.{rng.randrange(256)}.{rng.randrange(256)} 10.0.0.2"
        f" {rng.randrange(65536)} 443 6 1 {rng.randrange(10**6)} 1795243000 1795243060 ACCEPT OK"
        for _ in range(5000)
    ]
    text = gzip.compress("\n".join([DEFAULT.header, *rows, ""]).encode())
    made = as_parquet(TEXT, [("a.log.gz", text), ("b.log.gz", text)])
    assert set(made.columns) == {column for column, _ in TEXT.columns}
    assert made.columns["srcport"] > 10 * made.columns["version"]
    assert made.size_bytes > sum(made.columns.values())
    assert 0 < made.footer_bytes < 20_000
    once = as_parquet(TEXT, [("a.log.gz", text)])
    assert made.columns["srcport"] > once.columns["srcport"]


# ---------------------------------------------------------------- projection, and nothing at all


def test_projection_saves_calls_and_no_byte() -> None:
    """As many calls as there are pages of a thousand partitions."""
    scan = a_scan(TEXT, 8)
    found = by_words(advise(an_estimate([scan]), [scan], Window(), None), "projection")
    assert found.size_bytes == 8 * BIG
    assert "1 GetPartitions call " in found.what
    local = a_scan(TEXT, 8, root="/logs/")
    advised = advise(an_estimate([local]), [local], Window(), None)
    assert not [a for a in advised if "projection" in a.what]
    projected = replace(scan, spec=replace(TEXT, partitions="projection", projection=COMPUTED))
    advised = advise(an_estimate([projected]), [projected], Window(), None)
    assert not [a for a in advised if "projection" in a.what]


def test_nothing_is_advised_where_nothing_is_known() -> None:
    """An unknown size, a free statement, a table of which not all was listed, no objects."""
    scan = a_scan(TEXT, 8)
    known = an_estimate([scan])
    assert advise(replace(known, size_bytes=None), [scan], Window(), None) == ()
    assert advise(replace(known, free="SHOW TABLES"), [scan], Window(), None) == ()
    assert advise(known, [replace(scan, unlisted=("denied",))], Window(), None) == ()
    assert advise(known, [], Window(), None) == ()
    empty = a_scan(TEXT, 8, 0)
    assert advise(an_estimate([empty]), [empty], Window(), None) == ()


# ---------------------------------------------------------------- as a user asks for it


def test_estimate_with_advice(cli: Callable[..., Ran], demo_tree: DemoTree, tmp_path: Path) -> None:
    """Each line has its number and how it was measured, for people and as JSON."""
    words = ("estimate", "top-talkers", "--logs", str(demo_tree.root), "--since", "7d", "--advice")
    table = cli(*words)
    assert table.code == 0, table.err
    assert sum(line.startswith("instead ") for line in table.out.splitlines()) == 4
    document = json.loads(cli(*words, "--as", "json").out)
    whole, advised = document["bytes"], document["advice"]
    assert len(advised) == 4
    shorter = advised[0]["bytes"]
    again = json.loads(cli(*words[:5], "24h", "--as", "json").out)
    assert again["bytes"] == shorter < whole
    parquet = advised[1]["bytes"]
    assert 0 < advised[3]["bytes"] < parquet < whole
    assert all(line["measured"] for line in advised)
    plain = json.loads(cli(*words[:-1], "--as", "json").out)
    assert "advice" not in plain


def test_advised_parquet_comes_true(demo_tree: DemoTree) -> None:
    """All of a day's logs converted: the forecast errs high: large files share dictionaries."""
    files = sorted(demo_tree.root.rglob("*.gz"))
    day = [f for f in files if "/2026/11/19/" in str(f)]
    objects = [ObjectInfo(str(f), f.stat().st_size) for f in day]
    whole = as_parquet(demo_spec(demo_tree), [(f.name, f.read_bytes()) for f in day])
    picked = [Path(o.uri) for o in sample(objects, most=9)]
    part = as_parquet(demo_spec(demo_tree), [(f.name, f.read_bytes()) for f in picked])
    taken = sum(f.stat().st_size for f in picked)
    total = sum(o.size_bytes for o in objects)
    for column in ("srcaddr", "bytes"):
        forecast = part.columns[column] * total / taken
        assert 0.95 <= forecast / whole.columns[column] <= 2.5


def demo_spec(tree: DemoTree) -> TableSpec:
    from athena_flow.demo import ALL_FIELDS

    return TableSpec("flow_logs", "t", f"{tree.root}/", ALL_FIELDS, DAILY)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a conversion is gone, also when it fails."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    as_parquet(TEXT, [("a.log", f"{DEFAULT.header}\n".encode())])
    with pytest.raises(Exception, match="a.log.gz"):
        as_parquet(TEXT, [("a.log.gz", b"\x1f\x8b broken")])
    assert list(tmp_path.iterdir()) == []
