"""A directory of logs read as it lies, while others change it, and beside what is broken."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Ran
from here import in_process

from athena_flow.layout import DAILY, Partition
from athena_flow.local import DirStore, LogTree
from athena_flow.logformat import DEFAULT
from athena_flow.ports import ObjectInfo, Registered
from athena_flow.table import TableSpec
from athena_flow.window import DAY

ROW = "2 123456789010 eni-1 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1795219500 1795219560"
TEXT = f"{DEFAULT.header}\n{ROW} REJECT OK\n".encode()
TODAY = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/21"
OLD = TODAY.replace("11/21", "11/01")
STATUS = ("run", "log-status-summary", "--logs", "net", "--as", "json")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    return in_process(tmp_path, monkeypatch)


def put(root: Path, *paths: str, data: bytes = TEXT) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(gzip.compress(data) if path.endswith(".gz") else data)


def found(ran: Ran) -> dict[str, Any]:
    assert ran.code == 0, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    return document


# ---------------------------------------------------------------- a window without a file

BROKEN = {
    "cut.log.gz": gzip.compress(TEXT * 50)[:12],
    "utf16.log": TEXT.decode().encode("utf-16"),
    "parquet.log": b"PAR1 by another name",
    "both.log": b"version srcaddr end log-status vpc-id tgw-id packets-lost-blackhole\n",
    "twice.log": b"version srcaddr end log-status srcaddr\n",
}
"""Files whose first line cannot be read, or is that of no log."""


@pytest.mark.parametrize("skip", [(), ("--skip-bad-files",)], ids=["", "skip"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_outside_of_the_window_is_not_in_the_way(
    run: Callable[..., Ran], tmp_path: Path, name: str, skip: tuple[str, ...]
) -> None:
    """No file is in the window: no rows, whatever lies elsewhere."""
    put(tmp_path / "net", f"{OLD}/z.log.gz")
    (tmp_path / "net" / OLD / name).write_bytes(BROKEN[name])
    assert found(run(*STATUS, "--since", "2026-11-20", *skip))["rows"] == []


def test_the_format_is_that_of_the_first_log_that_says_one(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    """What a query finds missing is missing in the logs there are."""
    (tmp_path / "net" / OLD).mkdir(parents=True)
    (tmp_path / "net" / OLD / "cut.log.gz").write_bytes(BROKEN["cut.log.gz"])
    put(tmp_path / "net", f"{OLD}/z.log", data=b"version srcaddr end\n2 10.0.0.1 1793520000\n")
    ran = run(*STATUS, "--since", "2026-11-20")
    assert ran.code == 2
    assert "log-status" in ran.err


# ---------------------------------------------------------------- files that go meanwhile


@pytest.fixture
def rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Has a path below ``net`` removed when a folder below it was just listed, as a rotation of
    logs does."""
    scandir = os.scandir

    def set_up(gone: str, listed: str) -> None:
        def listing(folder: str) -> Iterator[os.DirEntry[str]]:
            entries = list(scandir(folder))
            target = tmp_path / "net" / gone
            if Path(folder) == tmp_path / "net" / listed and target.exists():
                for path in [*target.iterdir(), target] if target.is_dir() else [target]:
                    path.rmdir() if path.is_dir() else path.unlink()
            return iter(entries)

        monkeypatch.setattr(os, "scandir", listing)

    return set_up


PARQUET = f"{TODAY}/a.parquet"


@pytest.mark.parametrize("listed", [TODAY, f"{TODAY}/later"], ids=["before", "after"])
@pytest.mark.parametrize("gone", [f"{TODAY}/a.log.gz", PARQUET], ids=["text", "parquet"])
def test_a_log_that_is_removed_meanwhile_is_named(
    run: Callable[..., Ran],
    rotated: Callable[[str, str], None],
    tmp_path: Path,
    gone: str,
    listed: str,
) -> None:
    """Before its size was taken or after: the query goes on, and says what it has not read."""
    put(tmp_path / "net", f"{TODAY}/a.log.gz", f"{TODAY}/b.log.gz", f"{TODAY}/later/c.log.gz")
    with duckdb.connect() as db:
        db.execute(
            "COPY (SELECT 2::INTEGER AS version, '10.0.0.1' AS srcaddr, 'OK' AS log_status,"
            f" 1795219560::BIGINT AS \"end\") TO '{tmp_path}/net/{PARQUET}' (FORMAT parquet)"
        )
    (tmp_path / "net" / (PARQUET if gone != PARQUET else f"{TODAY}/a.log.gz")).unlink()
    rotated(gone, listed)
    document = found(run(*STATUS))
    assert document["rows"] == [["OK", 2]]
    (told,) = [said for said in document["notes"] if Path(gone).name in said]
    assert told == (
        f"left out, removed since it was listed: 1 file: {tmp_path.resolve() / 'net' / gone}"
    )


def test_an_estimate_counts_what_is_left(
    run: Callable[..., Ran], rotated: Callable[[str, str], None], tmp_path: Path
) -> None:
    """The bytes that it says are of files that can be read."""
    put(tmp_path / "net", f"{TODAY}/a.log.gz", f"{TODAY}/b.log.gz", f"{TODAY}/later/c.log.gz")
    rotated(f"{TODAY}/a.log.gz", f"{TODAY}/later")
    words = ("estimate", "log-status-summary", "--logs", "net", "--as", "json")
    assert found(run(*words))["objects"] == 2


def test_a_folder_that_is_removed_meanwhile(
    run: Callable[..., Ran], rotated: Callable[[str, str], None], tmp_path: Path
) -> None:
    """With all that was in it."""
    put(tmp_path / "net", f"{OLD}/a.log.gz", f"{TODAY}/b.log.gz")
    rotated(OLD, str(Path(OLD).parent))
    assert found(run(*STATUS))["rows"] == [["OK", 1]]


def test_a_store_lists_what_is_there(rotated: Callable[[str, str], None], tmp_path: Path) -> None:
    """As S3 would: a file that went is not there."""
    put(tmp_path / "net", "x/a.log", "x/b.log", "y/c.log")
    rotated("x/b.log", "x")
    root = f"{tmp_path}/net/"
    assert [o.uri for o in DirStore().objects(root)] == [f"{root}x/a.log", f"{root}y/c.log"]
    rotated("y", ".")
    assert [o.uri for o in DirStore().objects(root)] == [f"{root}x/a.log"]


# ---------------------------------------------------------------- many partitions


class Folder(str):
    """A location that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Folder.compared += 1
        return str.__eq__(self, other)


def test_each_partition_is_found_without_a_look_at_the_others() -> None:
    """The objects of 300 partitions, asked for one by one, in steps that are as many."""
    spec = TableSpec("logs", "logs", "/net/", DEFAULT, DAILY)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    parts = {
        Registered(Partition("111122223333", "us-east-1", start + n * DAY), Folder(f"/net/{n}/")): (
            ObjectInfo(f"/net/{n}/a.log", n),
        )
        for n in range(300)
    }
    tree = LogTree(spec, (), parts)
    Folder.compared = 0
    for n in range(300):
        assert list(tree.objects(f"/net/{n}/")) == [ObjectInfo(f"/net/{n}/a.log", n)]
    assert Folder.compared <= 3 * 300
    assert list(tree.objects("/net/")) == []


def test_partitions_of_one_location_are_together() -> None:
    """A folder without a day may hold the logs of several."""
    spec = TableSpec("logs", "logs", "/net/", DEFAULT, DAILY)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    logs = [ObjectInfo(f"/net/{n}.log", n) for n in range(3)]
    parts = {
        Registered(Partition("111122223333", "us-east-1", start + n * DAY), "/net/"): (log,)
        for n, log in enumerate(logs)
    }
    assert list(LogTree(spec, (), parts).objects("/net/")) == logs
