"""Estimates from a file that lists a bucket: no network, no account, and nothing guessed."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import duckdb
import pytest
from conftest import Ran

from athena_flow.engines.duckdb import inventory_rows
from athena_flow.errors import BadFile, NotFound
from athena_flow.inventory import Inventory, read_inventory
from athena_flow.layout import LAYOUTS, Partition
from athena_flow.logformat import DEFAULT
from athena_flow.table import TableSpec
from athena_flow.window import Window

DAY = datetime(2026, 11, 20, tzinfo=UTC)
ACCOUNT = "123456789012"
LOCATION = "s3://logs/net/"


def key(days: int, name: str = "x.log.gz", layout: str = "daily", account: str = ACCOUNT) -> str:
    """The key of an object that was delivered so many days before the 20th."""
    partition = Partition(account, "eu-west-1", DAY - timedelta(days))
    return f"net/{LAYOUTS[layout].prefix(partition)}{name}"


OBJECTS = [(key(n, f"{m}.log.gz"), 1000 * n + m) for n in range(10) for m in range(3)]


def spec(location: str = LOCATION, layout: str = "daily") -> TableSpec:
    return TableSpec("flow_logs", "vpc_flow_logs", location, DEFAULT, LAYOUTS[layout])


def read(file: Path, detect: bool = True, location: str = LOCATION) -> Inventory:
    return read_inventory(file, spec(location), inventory_rows, detect, None)


def found(inventory: Inventory, window: Window | None = None) -> list[tuple[str, int]]:
    """All that lies in the window, by key."""
    return [
        (o.uri.removeprefix("s3://logs/"), o.size_bytes)
        for part in inventory.registered(inventory.spec, window or Window())
        for o in inventory.objects(part.location)
    ]


# ---------------------------------------------------------------- ways to write one


def ls(objects: Iterable[tuple[str, int]]) -> str:
    return "".join(f"2026-11-20 10:10:00 {size:>10} {name}\n" for name, size in objects)


def write_ls(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    file.write_text(ls(objects))
    return file


def write_summarized(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    total = sum(size for _, size in objects)
    sums = f"\nTotal Objects: {len(objects)}\n   Total Size: {total}\n"
    file.write_text(ls(objects) + sums)
    return file


def write_gzip(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    file.write_bytes(gzip.compress(ls(objects).encode()))
    return file


def write_windows(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    """As PowerShell redirects a program's output."""
    file.write_bytes(ls(objects).replace("\n", "\r\n").encode("utf-16"))
    return file


def csv(rows: Iterable[Sequence[object]]) -> str:
    return "".join(",".join(f'"{field}"' for field in row) + "\n" for row in rows)


def write_csv(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    file.write_text(csv(("logs", quote_plus(name), size) for name, size in objects))
    return file


def write_versions(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    """With older versions and deleted objects, which nobody reads any more."""
    rows: list[Sequence[object]] = []
    for name, size in objects:
        rows.append(("logs", quote_plus(name), "v2", "true", "false", size, "STANDARD"))
        rows.append(("logs", quote_plus(name), "v1", "false", "false", size + 7, "STANDARD"))
    rows.append(("logs", quote_plus(key(1, "deleted.log.gz")), "v1", "true", "true", "", ""))
    file.write_text(csv(rows))
    return file


def write_parquet(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    values = ", ".join(f"('logs', '{name}', 'v', true, false, {size})" for name, size in objects)
    with duckdb.connect() as db:
        db.execute(f"""COPY (SELECT * FROM (VALUES {values}, ('logs', '{key(1, "z")}', 'o', false,
            false, 9)) AS t(bucket, key, version_id, is_latest, is_delete_marker, size))
            TO '{file}' (FORMAT parquet)""")
    return file


def manifest(folder: Path, names: Iterable[str], form: str = "CSV", **more: Any) -> Path:
    fields = "Bucket, Key, Size, LastModifiedDate"
    told = {
        "sourceBucket": "logs",
        "fileFormat": form,
        "fileSchema": fields,
        "creationTimestamp": "1795132800000",
        "files": [{"key": f"inventory/logs/all/data/{name}", "size": 1} for name in names],
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(told | more))
    return path


def write_manifest(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    """Two gzipped files in the folder that S3 puts them into."""
    (file.parent / "data").mkdir()
    for n in range(2):
        rows = (
            ("logs", quote_plus(k), size, "2026-11-20T10:10:00.000Z") for k, size in objects[n::2]
        )
        (file.parent / "data" / f"{n}.csv.gz").write_bytes(gzip.compress(csv(rows).encode()))
    return manifest(file.parent, ["0.csv.gz", "1.csv.gz"])


def write_parquet_manifest(file: Path, objects: Sequence[tuple[str, int]]) -> Path:
    write_parquet(file.with_name("0.parquet"), objects)
    return manifest(file.parent, ["0.parquet"], "Parquet", fileSchema="message s3.inventory {}")


WRITERS = [
    *(write_ls, write_summarized, write_gzip, write_windows, write_csv, write_versions),
    *(write_parquet, write_manifest, write_parquet_manifest),
]


@pytest.fixture(params=WRITERS, ids=lambda write: write.__name__)
def write(request: pytest.FixtureRequest) -> Callable[[Path, Sequence[tuple[str, int]]], Path]:
    return request.param  # type: ignore[no-any-return]


Writer = Callable[[Path, Sequence[tuple[str, int]]], Path]


# ---------------------------------------------------------------- what is read


def test_all_of_a_listing(write: Writer, tmp_path: Path) -> None:
    """Each way of writing the same bucket down says the same."""
    inventory = read(write(tmp_path / "list", OBJECTS))
    assert found(inventory) == sorted(OBJECTS)
    assert inventory.spec.layout.name == "daily"
    assert inventory.spec.file_type == "text"


def test_the_order_says_nothing(write: Writer, tmp_path: Path) -> None:
    """A file that is not sorted is read as one that is."""
    assert found(read(write(tmp_path / "list", OBJECTS[::-1]))) == sorted(OBJECTS)


def test_only_the_window(tmp_path: Path) -> None:
    """Its days, accounts and regions; a day that it touches is read whole."""
    other = [(key(n, account="999999999999"), 5) for n in range(10)]
    inventory = read(write_ls(tmp_path / "list", [*OBJECTS, *other]))
    window = Window(DAY - timedelta(days=2, hours=-5), DAY, (ACCOUNT,))
    assert {name.rpartition("/")[0] for name, _ in found(inventory, window)} == {
        key(n).rpartition("/")[0] for n in (1, 2)
    }
    assert list(inventory.registered(inventory.spec, Window(regions=("us-east-1",)))) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_is_told_by_the_keys(layout: str, tmp_path: Path) -> None:
    """Without --layout; and the file type by their ends."""
    for suffix, file_type in ((".log.gz", "text"), (".parquet", "parquet")):
        objects = [(key(n, f"x{suffix}", layout), 10 + n) for n in range(5)]
        inventory = read(write_csv(tmp_path / "list", objects))
        assert found(inventory) == sorted(objects)
        assert (inventory.spec.layout.name, inventory.spec.file_type) == (layout, file_type)


def test_what_athena_does_not_see(tmp_path: Path) -> None:
    """Folders' markers, and names that begin with _ or a dot."""
    objects = [(key(1), 5), (key(1, ""), 0), (key(1, "_SUCCESS"), 7), (key(1, ".crc"), 9)]
    assert found(read(write_ls(tmp_path / "list", objects))) == [(key(1), 5)]


def test_folders_below_a_partition_are_read(tmp_path: Path) -> None:
    """As Athena reads them: all that lies below a partition's location."""
    objects = [(key(1, "a.log"), 5), (key(1, "more/b.log"), 7), (key(1, "more/deep/c.log"), 9)]
    assert found(read(write_ls(tmp_path / "list", objects))) == objects


def test_keys_beside_the_layout_are_counted(tmp_path: Path) -> None:
    """What no partition reads is no part of the estimate, and is said."""
    beside = [("net/readme.txt", 10**9), ("other/" + key(1), 10**9)]
    inventory = read(write_ls(tmp_path / "list", [*OBJECTS, *beside]))
    assert found(inventory) == sorted(OBJECTS)
    assert any("2 objects" in note for note in inventory.notes)


def test_hard_keys(tmp_path: Path) -> None:
    """Spaces, plus, percent, quotes and other scripts, in every spelling of a key."""
    names = ("a b.log", "plus+sign.log", "100%.log", "%41.log", "données-日本-🙂.log", "k=v&x.log")
    objects = sorted((key(1, name), len(name)) for name in names)
    for one in (write_ls, write_gzip, write_windows, write_csv, write_parquet):
        assert found(read(one(tmp_path / one.__name__, objects))) == objects


def test_a_csv_with_its_own_header(tmp_path: Path) -> None:
    """Somebody's tool may have written the names above."""
    file = tmp_path / "list.csv"
    rows = (("logs", size, name) for name, size in OBJECTS)
    file.write_text(csv([("Bucket", "Size", "Key"), *rows]))
    assert found(read(file)) == sorted(OBJECTS)


def test_the_time_of_an_inventory_is_said(tmp_path: Path) -> None:
    """By its manifest; and where the window goes further, that nothing after it counts."""
    inventory = read(write_manifest(tmp_path / "x", OBJECTS))
    assert any("2026-11-20" in note for note in inventory.notes)
    assert inventory.late(Window(end=DAY + timedelta(hours=3))) == ()
    (note,) = inventory.late(Window(end=DAY + timedelta(days=3)))
    assert "2026-11-21 00:00Z" in note
    assert inventory.late(Window(start=DAY - timedelta(days=9))) == ()
    (note,) = inventory.late(Window(start=DAY - timedelta(days=10)))
    assert "no log before 2026-11-11 00:00Z" in note


# ---------------------------------------------------------------- what is refused


def refusal(file: Path, **more: Any) -> str:
    with pytest.raises((BadFile, NotFound)) as refused:
        found(read(file, **more))
    assert "\n" not in refused.value.message
    return f"{refused.value.message} | {refused.value.hint}"


HUMAN = f"2026-11-20 10:10:00   56.8 KiB {key(1)}\n"
FLAT = "                           PRE AWSLogs/\n"
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "lists no objects"),
    "blank": (b"\n\n", "lists no objects"),
    "rounded": (HUMAN.encode(), "without --human-readable"),
    "rounded bytes": (HUMAN.replace("56.8 KiB", "12 Bytes").encode(), "--human-readable"),
    "not recursive": (FLAT.encode(), "--recursive"),
    "something else": (b"hello\n", "line 1 is no object"),
    "broken half-way": (ls(OBJECTS).encode() + b"oops\n", "line 31"),
    "cut off": (ls(OBJECTS).encode() + b"\nTotal Objects: 31\n", "31 objects, and lists 30"),
    "not a text": (b"2026 \xff\xfe\xfd\x00\x80\x81", "is no UTF-8 text"),
    "half a gzip": (gzip.compress(ls(OBJECTS).encode())[:-20], "cannot be read"),
    "a cut last line": (ls(OBJECTS).encode()[:-5], "line 30, the last, is cut off"),
    "no Parquet": (b"PAR1" + b"x" * 100, "cannot be read"),
    "which is the size": (csv([("logs", "k", "v1", "x", "5")]).encode(), "manifest.json"),
    "two columns": (csv([("logs", "k")]).encode(), "manifest.json"),
    "no size": (csv([("Bucket", "Key", "ETag")]).encode(), "manifest.json"),
    "a size in words": (csv([("logs", key(1), 5), ("logs", key(2), "big")]).encode(), "line 2"),
    "a short row": (csv([("logs", key(1), 5), ("logs", key(2))]).encode(), "line 2"),
    "a negative size": (csv([("logs", key(1), 5), ("logs", key(2), -1)]).encode(), "line 2"),
    "an open quote": (csv([("logs", key(1), 5)]).encode() + b'"logs","k', "line 2"),
    "another bucket": (csv([("other", key(1), 5)]).encode(), "the bucket other"),
    "no such folder": (ls([("x/readme.txt", 5)]).encode(), "none lies below s3://logs/net/"),
    "another prefix": (ls([("x/" + key(1), 5)]).encode(), "--location s3://logs/x/net/"),
    "two layouts": (
        ls([(key(1, layout="hive-daily"), 5), (key(1), 5)]).encode(),
        "more than one layout",
    ),
    "twice": ((ls(OBJECTS) * 2).encode(), "is there twice"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_one_clear_line(tmp_path: Path, text: bytes, said: str) -> None:
    """What is wrong, in which file and where."""
    file = tmp_path / "list.txt"
    file.write_bytes(text)
    told = refusal(file)
    assert said in told
    assert str(file) in told


def test_no_such_file(tmp_path: Path) -> None:
    """And a directory is none."""
    assert "no such file" in refusal(tmp_path / "none.txt")
    assert "no such file" in refusal(tmp_path)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """It can be read but once, and is looked into first."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "a pipe, and it has to be a file" in refusal(pipe)


def test_another_layout_than_was_said(tmp_path: Path) -> None:
    """The hint names the one that the keys are in."""
    file = write_ls(tmp_path / "list", [(key(1, layout="hive-hourly"), 5)])
    assert "--layout hive-hourly" in refusal(file, detect=False)


MANIFESTS: dict[str, tuple[dict[str, Any], str]] = {
    "no JSON": ({}, "no manifest"),
    "ORC": ({"fileFormat": "ORC"}, "CSV or Parquet"),
    "no size": ({"fileSchema": "Bucket, Key, LastModifiedDate, ETag"}, "without size"),
    "versions, but which": ({"fileSchema": "Bucket, Key, VersionId, Size"}, "which is the latest"),
    "a file that is missing": ({"files": [{"key": "a/gone.csv.gz"}]}, "gone.csv.gz"),
    "no files": ({"files": []}, "lists no objects"),
}


@pytest.mark.parametrize(("more", "said"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_is_none(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    """Without a column that is needed, or without one of its files, it is refused."""
    row = ("logs", key(1), 5, "2026-11-20T10:10:00.000Z")
    (tmp_path / "0.csv").write_text(csv([row]))
    file = manifest(tmp_path, ["0.csv"], **more)
    if not more:
        file.write_text('{"files": 7}')
    assert said in refusal(file)


def test_one_file_of_several_is_no_inventory(tmp_path: Path) -> None:
    """It would be low: the manifest is to be given, which names all."""
    write_manifest(tmp_path / "x", OBJECTS)
    assert "manifest.json reads them all" in refusal(tmp_path / "data" / "0.csv.gz")


def test_the_only_file_of_an_inventory(tmp_path: Path) -> None:
    """Is read as the manifest beside it says."""
    file = tmp_path / "0.csv"
    file.write_text(csv(("logs", size, quote_plus(name)) for name, size in OBJECTS))
    manifest(tmp_path, ["0.csv"], fileSchema="Bucket, Size, Key")
    assert found(read(file)) == sorted(OBJECTS)


# ---------------------------------------------------------------- much of it


def test_a_long_listing_stays_small(tmp_path: Path) -> None:
    """150,000 objects take less memory than their keys' own text."""
    file = tmp_path / "list.txt"
    name = f"{ACCOUNT}_vpcflowlogs_eu-west-1_fl-0a1b2c3d4e5f60718_20261120T1005Z"
    with file.open("w") as lines:
        for n in range(300):
            lines.write(ls((key(n, f"{name}_{m:08x}.log.gz"), m) for m in range(500)))
    tracemalloc.start()
    inventory = read(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        sum(
            len(list(inventory.objects(p.location)))
            for p in inventory.registered(inventory.spec, Window())
        )
        == 150_000
    )
    assert peak < file.stat().st_size


# ---------------------------------------------------------------- the command


def test_an_estimate_without_an_account(cli: Callable[..., Ran], tmp_path: Path) -> None:
    """No credentials, no network: the bytes of the window's days."""
    write_summarized(tmp_path / "list.txt", OBJECTS)
    words = ("estimate", "reject-report", "--inventory", "list.txt", "--as", "json")
    ran = cli(*words, "--location", LOCATION, "--since", "2026-11-18", "--until", "2026-11-20")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    wanted = [size for name, size in OBJECTS if "/11/18/" in name or "/11/19/" in name]
    assert (told["bytes"], told["objects"]) == (sum(wanted), len(wanted))
    assert (told["certainty"], told["partitions"]) == ("exact", 2)
    assert any("list.txt" in line for line in told["assumptions"])


def test_an_estimate_of_the_local_table(cli: Callable[..., Ran], tmp_path: Path) -> None:
    """Without --location it is the table's shape that says what the keys mean."""
    (tmp_path / "AWSLogs").mkdir()
    made = cli("init-table", "--engine", "duckdb", "--location", ".", "--layout", "hourly")
    assert made.code == 0, made.err
    objects = [(key(0, f"{n}.log", "hourly").removeprefix("net/"), 10 + n) for n in range(4)]
    write_ls(tmp_path / "list.txt", objects)
    ran = cli(
        *("estimate", "reject-report", "--engine", "duckdb", "--inventory", "list.txt"),
        *("--since", "2026-11-20", "--until", "2026-11-21", "--as", "json"),
    )
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["bytes"] == sum(size for _, size in objects)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ((), 2, "--inventory needs --location"),
        (("--location", "s3://logs/"), 3, "--location s3://logs/net/"),
        (("--location", LOCATION, "--log-format", "auto"), 2, "--log-format auto"),
        (("--location", LOCATION, "--layout", "hourly"), 3, "--layout daily"),
        (("--location", LOCATION, "--layout", "weekly"), 2, "no layout is called"),
        (("--location", LOCATION, "--logs", "."), 2, "--inventory and --logs"),
    ],
)
def test_flags_that_do_not_fit(
    cli: Callable[..., Ran], tmp_path: Path, more: Sequence[str], code: int, said: str
) -> None:
    """One line, with the flag that would."""
    write_ls(tmp_path / "list.txt", OBJECTS)
    ran = cli("estimate", "reject-report", "--inventory", "list.txt", *more)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) <= 3
