"""What an estimate says of a saved query, held against the files that its run opens."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from athena_flow.columnar import read_footers
from athena_flow.engines.duckdb import DuckDBEngine, evaluate, parquet_footers, parquet_schema
from athena_flow.fields import TGW, VPC
from athena_flow.jobs import Reading, estimate
from athena_flow.layout import LAYOUTS, Partition
from athena_flow.local import DirStore, LogTree, list_logs, tree_of
from athena_flow.logformat import LogFormat
from athena_flow.ports import no_progress
from athena_flow.prices import price_in
from athena_flow.query import SavedQuery, bind, library
from athena_flow.reads import variants
from athena_flow.window import Window

LIBRARY = library()
FIRST = datetime(2026, 11, 10, tzinfo=UTC)
WINDOW = Window(FIRST + timedelta(days=3, hours=6), FIRST + timedelta(days=6))
"""Three of ten days, the first of them in part."""
ACCOUNTS = ("111122223333", "444455556666")

_opened: list[set[str]] = []
"""Where the files go that are being opened, while somebody wants to know."""


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened and isinstance(arguments[0], str):
        _opened[-1].add(arguments[0])


sys.addaudithook(_hear)


@contextmanager
def opened(below: Path) -> Iterator[set[str]]:
    """The files below a folder that Python opens meanwhile."""
    every: set[str] = set()
    found: set[str] = set()
    _opened.append(every)
    try:
        yield found
    finally:
        _opened.pop()
        found.update(path for path in every if path.startswith(f"{below}/"))


def _folder(tmp_path_factory: pytest.TempPathFactory, fmt: LogFormat) -> Path:
    """Ten days of two accounts, two files each, no two of one size."""
    root = tmp_path_factory.mktemp("logs")
    layout = LAYOUTS["daily"]
    for n in range(10):
        for account in ACCOUNTS:
            partition = Partition(account, "eu-west-1", FIRST + timedelta(n))
            folder = root / layout.prefix(partition)
            folder.mkdir(parents=True)
            end = int(partition.start.timestamp()) + 600
            for m in range(2):
                record = ["-" if f.column != "end" else f"{end}" for f in fmt.fields]
                lines = [fmt.header, *[" ".join(record)] * (1 + n + 11 * m)]
                (folder / f"{m}{account[0]}.log").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One for each kind of log, with every field that its kind has."""
    formats = {"vpc": LogFormat(VPC), "tgw": LogFormat(TGW)}
    return {kind: _folder(tmp_path_factory, fmt) for kind, fmt in formats.items()}


def tree_for(query: SavedQuery, folders: dict[str, Path]) -> tuple[LogTree, Path]:
    kind = "tgw" if query.missing(LogFormat(VPC)) else "vpc"
    folder = folders[kind]
    listing = list_logs(str(folder))
    tree = tree_of(
        listing, WINDOW, None, query.requires, lambda p: [c for c, _ in parquet_schema(p)]
    )
    return tree, folder


@pytest.mark.parametrize("name", LIBRARY)
def test_the_estimate_is_what_is_opened(name: str, folders: dict[str, Path]) -> None:
    """To the byte, for each scan: the objects that it counts are the files that a run opens."""
    query = LIBRARY[name]
    tree, folder = tree_for(query, folders)
    variant = next(variants(query.params, list(query.improves), query.body))
    bound = bind(query, variant.values, tree.spec, WINDOW, tree.common)
    reading = Reading(tree, tree, evaluate, price_in("us-east-1"), datetime.now(UTC))
    found, scans = estimate(bound, reading, no_progress)
    assert found.certainty == "exact"
    with opened(folder) as files:
        DuckDBEngine().run(bound.sql, scans)
    assert files, "a run opens something"
    counted = [{o.uri for _, objects in scan.parts for o in objects} for scan in scans]
    assert set().union(*counted) == files
    sizes = {path: Path(path).stat().st_size for path in files}
    assert found.size_bytes == sum(sizes[path] for scan in counted for path in scan)
    if len(scans) == 1:
        assert found.size_bytes == sum(sizes.values())


# ---------------------------------------------------------------- Parquet


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of Parquet, of some MB each, in the order of ``end``."""
    root = tmp_path_factory.mktemp("parquet")
    for n in range(2):
        start = FIRST + timedelta(n)
        folder = root / LAYOUTS["daily"].prefix(Partition(ACCOUNTS[0], "eu-west-1", start))
        folder.mkdir(parents=True)
        first = int(start.timestamp())
        with duckdb.connect() as db:
            db.execute(f"""COPY (SELECT 2::INT AS version, '10.0.' || (range * 7919 % 256) || '.'
                || (range * 31 % 256) AS srcaddr, md5(range::VARCHAR) AS dstaddr,
                (range * 7 % 65535)::INT AS dstport, (range * 7919 % 1000003)::BIGINT AS bytes,
                range % 97 AS packets, {first} + range // 5 AS start,
                {first} + range // 5 + 30 AS "end", CASE WHEN range % 5 = 0 THEN 'REJECT'
                ELSE 'ACCEPT' END AS action FROM range(400000))
                TO '{folder}/x.parquet' (FORMAT parquet, ROW_GROUP_SIZE 61440)""")
    return root


@pytest.mark.skipif(sys.platform != "linux", reason="counts by /proc")
@pytest.mark.parametrize(
    ("name", "share"), [("reject-report", 0.5), ("top-talkers", 1.05), ("daily-trend", 0.4)]
)
def test_parquet_is_never_below_what_is_read(name: str, share: float, parquet: Path) -> None:
    """The kernel counts what DuckDB reads of the files: no more than was said.

    That is a share of the files by the columns that are needed: ``dstaddr`` is most of them.
    """
    query = LIBRARY[name]
    window = Window(FIRST, FIRST + timedelta(days=2))
    listing = list_logs(str(parquet))
    tree = tree_of(
        listing, window, None, query.requires, lambda p: [c for c, _ in parquet_schema(p)]
    )
    variant = next(variants(query.params, list(query.improves), query.body))
    bound = bind(query, variant.values, tree.spec, window, tree.common)
    reading = Reading(
        tree,
        tree,
        evaluate,
        price_in("us-east-1"),
        datetime.now(UTC),
        footers=lambda objects: read_footers(objects, DirStore().tail, parquet_footers),
    )
    found, scans = estimate(bound, reading, no_progress)
    assert found.size_bytes is not None
    assert found.certainty == "at_most"
    whole = sum(o.size_bytes for scan in scans for _, objects in scan.parts for o in objects)
    before = _read_so_far()
    DuckDBEngine().run(bound.sql, scans)
    read = _read_so_far() - before
    assert read <= found.size_bytes < share * whole


def _read_so_far() -> int:
    """The bytes that this process has read, as Linux counts them."""
    text = Path("/proc/self/io").read_text()
    return int(text.partition("rchar:")[2].split()[0])
