"""The local store of a bucket: only what the window touches is listed and fetched, and after
that no query needs the bucket any more."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from athena_server import ACCOUNT, AthenaServer
from conftest import NOW, Ran, put_tree
from here import in_process

from athena_flow import download, ingesting
from athena_flow.aws import Account, S3Store
from athena_flow.demo import ACCOUNTS, REGIONS, write_demo
from athena_flow.download import Downloads
from athena_flow.engines.duckdb import piecewriter
from athena_flow.errors import BadSetting
from athena_flow.layout import LAYOUTS
from athena_flow.logformat import DEFAULT
from athena_flow.manifest import Holding
from athena_flow.store import Store

Cli = Callable[..., Ran]

URI = "s3://logs/net/"


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line in this process: a run of its own costs more than what it does here."""
    return in_process(tmp_path, monkeypatch)


@pytest.fixture
def logs(tmp_path: Path, aws: AthenaServer) -> Path:
    """Two days of the demo's logs, on this machine and below s3://logs/net/."""
    root = tmp_path / "logs"
    write_demo(root, NOW, fmt=DEFAULT, days=2)
    put_tree(root, "logs", "net/")
    return root


def s3() -> Any:
    """The bench's S3 by its back door."""
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT]["aws"]


def key_of(logs: Path, path: Path) -> str:
    return "net/" + path.relative_to(logs).as_posix()


def ingested(cli: Cli, *words: str, code: int = 0) -> dict:
    done = cli("ingest", "--logs", URI, "--as", "json", *words)
    assert done.code == code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def ask(cli: Cli, logs: str | Path, *words: str) -> dict:
    done = ok(cli("run", "top-talkers", "--logs", str(logs), "--as", "json", *words))
    found: dict[str, Any] = json.loads(done.out)
    return found


def same(cli: Cli, logs: Path, *words: str) -> dict:
    """The bucket's rows, bytes and estimate by the store are those of the same logs here."""
    stored, text = ask(cli, URI, *words), ask(cli, logs, "--no-store", *words)
    for run in (stored, text):
        found = run["estimate"]
        run["estimate"] = [found[what] for what in ("bytes", "usd", "partitions", "objects")]
    own = [note for note in stored["notes"] if "store" not in note and URI not in note]
    assert {**stored, "notes": own} == text
    assert stored["rows"]
    return stored


def calls(done: Ran) -> dict[str, int]:
    """What --verbose says of AWS calls."""
    (line,) = [line for line in done.err.splitlines() if line.startswith("AWS calls: ")]
    return {name: int(count) for name, count in re.findall(r"(\w+\.\w+) (\d+)", line)}


@pytest.mark.parametrize("layout", ["daily", "hive-hourly"])
def test_queries_need_no_bucket_afterwards(
    cli: Cli, tmp_path: Path, aws: AthenaServer, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    """The same rows as from the files, with nothing behind the endpoint any more."""
    root = tmp_path / "logs"
    write_demo(root, NOW, fmt=DEFAULT, days=1, layout=LAYOUTS[layout])
    put_tree(root, "logs", "net/")
    refused = cli("run", "top-talkers", "--logs", URI)
    assert refused.code == 3
    assert f"hint: athena-flow ingest --logs {URI}" in refused.err
    done = ingested(cli)
    assert done["read"] == done["files"] == len(list(root.rglob("*.gz")))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    stored = same(cli, root)
    assert f"{URI} as it was at the last ingest, 2026-11-21 10:05Z" in stored["notes"]
    assert stored["notes"][-1] == f"read from the store: {done['files']} files"
    found = json.loads(ok(cli("estimate", "top-talkers", "--logs", URI, "--as", "json")).out)
    assert found["bytes"] == sum(path.stat().st_size for path in root.rglob("*.gz"))
    assert "reject-report" in ok(cli("queries", "--logs", URI)).out
    refused = cli("run", "top-talkers", "--logs", URI, "--no-store")
    assert refused.code == 2
    left = list((tmp_path / ".athena-flow" / "store" / "work").rglob("*"))
    assert not [path for path in left if path.is_file()]


def test_only_the_window_is_listed_and_fetched(cli: Cli, logs: Path) -> None:
    """One account, one region, one day: its folder alone, and each object once."""
    words = ("--account", ACCOUNTS[0], "--region", REGIONS[0], "--since", "2026-11-21")
    done = ok(cli("ingest", "--logs", URI, *words, "--verbose"))
    folder = logs / "AWSLogs" / ACCOUNTS[0] / "vpcflowlogs" / REGIONS[0] / "2026/11/21"
    sent = calls(done)
    assert sent["s3.GetObject"] == len(list(folder.iterdir()))
    assert sent["s3.ListObjectsV2"] <= 3
    same(cli, logs, *words)
    wider = ask(cli, URI, "--account", ACCOUNTS[0], "--region", REGIONS[0])
    assert any("where no ingest has been" in note for note in wider["notes"])
    again = calls(ok(cli("ingest", "--logs", URI, *words, "--verbose")))
    assert "s3.GetObject" not in again


def test_what_changed_and_what_is_gone(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """An object with another ETag is fetched again, alone with its day; one that is gone goes."""
    ingested(cli)
    first, second, *_ = sorted(logs.rglob("*.gz"))
    text = gzip.decompress(first.read_bytes()).replace(b" OK\n", b" ZZ\n")
    first.write_bytes(gzip.compress(text, 6, mtime=0))
    s3().put_object("logs", key_of(logs, first), first.read_bytes())
    s3().delete_object("logs", key_of(logs, second))
    second.unlink()
    done = ingested(cli)
    assert (done["changed"], done["gone"], done["new"]) == (1, 1, 0)
    assert done["read"] == len(list(first.parent.iterdir()))
    same(cli, logs)


def test_a_prefix_that_may_not_be_listed(cli: Cli, logs: Path, aws: AthenaServer) -> None:
    """The others are read, exit 5; what the store had of it stays; the next ingest ends it."""
    ingested(cli)
    prefix = f"net/AWSLogs/{ACCOUNTS[0]}/vpcflowlogs/{REGIONS[0]}/"
    for path in logs.rglob("*.gz"):
        if ACCOUNTS[1] in path.parts:
            s3().delete_object("logs", key_of(logs, path))
            path.unlink()
    aws.faults.add("S3.ListObjectsV2", "AccessDenied", 403, times=99, where={"prefix": prefix})
    done = cli("ingest", "--logs", URI, "--as", "json")
    assert done.code == 5
    found = json.loads(done.out)
    assert found["denied"] == [f"s3://logs/{prefix}"]
    assert found["gone"] > 0
    assert "AccessDenied" in done.err
    same(cli, logs)


def test_nothing_may_be_listed(cli: Cli, logs: Path, aws: AthenaServer) -> None:
    aws.faults.add("S3.ListObjectsV2", "AccessDenied", 403, times=99)
    refused = cli("ingest", "--logs", URI)
    assert refused.code == 3
    assert "AccessDenied" in refused.err


def test_a_corrupt_object(cli: Cli, logs: Path) -> None:
    """By its own name, not that of the download; with --skip-bad-files each query tells it."""
    bad = min(logs.rglob("*.gz"))
    uri = f"s3://logs/{key_of(logs, bad)}"
    s3().put_object("logs", key_of(logs, bad), bad.read_bytes()[:-100])
    refused = cli("ingest", "--logs", URI)
    assert refused.code == 3
    assert f"error: {uri}: cannot be read: " in refused.err
    refused = cli("run", "top-talkers", "--logs", URI)
    assert refused.code == 3, "the ingest has not come to its end"
    assert "not read yet" in refused.err
    assert ingested(cli, "--skip-bad-files")["bad"] == [uri]
    bad.unlink()
    found = ask(cli, URI)
    assert f"could not be read when they were ingested: 1 file: {uri}" in found["notes"]
    assert found["rows"] == ask(cli, logs)["rows"]


def test_killed_and_resumed(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """No query takes the half for the whole; the next ingest does the rest."""
    store = tmp_path / ".athena-flow" / "store"
    command = [sys.executable, "-m", "athena_flow", "ingest", "--logs", URI]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + 60
        while running.poll() is None and time.monotonic() < until:
            if any(name.startswith("_") for _, _, names in os.walk(store) for name in names):
                break
        running.send_signal(signal.SIGKILL)
    if running.returncode:
        refused = cli("run", "top-talkers", "--logs", URI)
        assert refused.code == 3
        assert "listed and not read yet" in refused.err
    done = ingested(cli)
    assert done["read"] + done["same"] == done["files"]
    same(cli, logs)


def test_downloads_are_bounded(cli: Cli, logs: Path) -> None:
    """Places are read in steps that fit; one object that does not is refused, by name."""
    size = max(path.stat().st_size for path in logs.rglob("*.gz"))
    refused = cli("ingest", "--logs", URI, "--cache-size", str(size - 1))
    assert refused.code == 2
    assert "--cache-size" in refused.err
    done = ingested(cli, "--cache-size", str(size * 2))
    assert done["read"] + done["same"] == done["files"]
    same(cli, logs)


# ---------------------------------------------------------------- larger than the cache


def held(tmp_path: Path) -> Holding:
    """What the manifest says."""
    store = Store(tmp_path / ".athena-flow" / "store")
    try:
        return store.holding(URI)
    finally:
        store.close()


def lying(tmp_path: Path) -> set[str]:
    """The pieces on disk, below the store's folder."""
    store = tmp_path / ".athena-flow" / "store"
    return {path.relative_to(store).as_posix() for path in store.rglob("_*")}


def named(tmp_path: Path) -> set[str]:
    return {piece.path for piece in held(tmp_path).pieces}


@pytest.fixture
def small(logs: Path) -> tuple[str, str]:
    """A cache in which there is room for one log of each place at a time."""
    return ("--cache-size", str(max(path.stat().st_size for path in logs.rglob("*.gz"))))


def test_a_place_read_in_steps_is_written_once(
    cli: Cli, logs: Path, tmp_path: Path, small: tuple[str, str]
) -> None:
    """Nothing lies on disk afterwards but what is in the store, whatever the number of steps."""
    done = ingested(cli, *small)
    assert done["read"] == done["files"]
    assert len(named(tmp_path)) > len({path.parent for path in logs.rglob("*.gz")})
    assert lying(tmp_path) == named(tmp_path)
    same(cli, logs)


def test_what_comes_later_joins_what_is_small(
    cli: Cli, logs: Path, tmp_path: Path, small: tuple[str, str]
) -> None:
    """A day grows by a log: its piece is written anew, unless it is as large as a step."""
    first, second, *_ = sorted(logs.rglob("*.gz"))
    for late in (first, second):
        s3().delete_object("logs", key_of(logs, late))
    ingested(cli, *small)
    before = named(tmp_path)
    s3().put_object("logs", key_of(logs, second), second.read_bytes())
    ingested(cli, *small)
    assert before < named(tmp_path)
    before = named(tmp_path)
    s3().put_object("logs", key_of(logs, first), first.read_bytes())
    ingested(cli)
    after = named(tmp_path)
    assert (len(after), len(before - after)) == (len(before), 1)
    same(cli, logs)


def test_a_place_of_which_some_steps_are_done(
    cli: Cli, logs: Path, tmp_path: Path, aws: AthenaServer, small: tuple[str, str]
) -> None:
    """What is done stays done and is no answer yet; the next ingest reads the rest, and no more."""
    count = len(list(logs.rglob("*.gz")))
    aws.faults.add("S3.GetObject", "AccessDenied", 403, times=count, after=count // 2)
    refused = cli("ingest", "--logs", URI, *small)
    assert refused.code == 3
    kept = len([*held(tmp_path).kept()])
    assert 0 < kept < count
    assert cli("run", "top-talkers", "--logs", URI).code == 3
    aws.faults.clear()
    done = ingested(cli, *small)
    assert (done["read"], done["same"]) == (count - kept, kept)
    assert lying(tmp_path) == named(tmp_path)
    same(cli, logs)


def test_no_more_is_written_at_once_than_has_memory(
    cli: Cli, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who fetch ahead wait for a database, each of which may take `piecewriter.MEMORY`."""
    opened: list[str] = []

    def heard(translated: str, opens: Callable[..., Any] = piecewriter.opened) -> Any:
        opened.append(translated)
        return opens(translated)

    monkeypatch.setattr(piecewriter, "opened", heard)
    ingested(cli)
    assert 0 < len(opened) <= ingesting.WORKERS
    same(cli, logs)


# ---------------------------------------------------------------- fetching


@pytest.fixture
def bucket(aws: AthenaServer, tmp_path: Path) -> tuple[Account, dict[str, bytes]]:
    """Objects of several sizes, some larger than a range."""
    objects = {f"{n}.log": bytes([65 + n]) * size for n, size in enumerate((1, 999, 1000, 5003))}
    s3().create_bucket("many", "us-east-1")
    for key, data in objects.items():
        s3().put_object("many", key, data)
    return Account(), objects


def test_large_objects_come_in_ranges(
    bucket: tuple[Account, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put together they are what lies there; afterwards nothing is left on disk."""
    monkeypatch.setattr(download, "RANGE_BYTES", 1000)
    account, objects = bucket
    listed = list(S3Store(account).objects("s3://many/"))
    downloads = Downloads(account, tmp_path / "work", 10_000)
    with downloads.fetch(listed) as paths:
        found = {uri.rpartition("/")[2]: Path(path).read_bytes() for uri, path in paths.items()}
    assert found == objects
    assert account.calls["s3.GetObject"] == 1 + 1 + 1 + 6
    assert list((tmp_path / "work").iterdir()) == []
    downloads.close()


def test_an_object_that_changed_meanwhile_is_told(
    bucket: tuple[Account, dict[str, bytes]], tmp_path: Path
) -> None:
    account, _ = bucket
    listed = list(S3Store(account).objects("s3://many/"))
    s3().put_object("many", "1.log", b"x" * 999)
    s3().delete_object("many", "3.log")
    downloads = Downloads(account, tmp_path / "work", 10_000)
    with downloads.fetch(listed):
        moved = [log.uri for log in listed if downloads.moved(log)]
    assert moved == ["s3://many/1.log", "s3://many/3.log"]
    downloads.close()


def test_an_object_that_is_removed_meanwhile_is_left_out_alone(
    cli: Cli, logs: Path, tmp_path: Path, aws: AthenaServer
) -> None:
    """The others are read, also those of its day; exit 5 names it; the next ingest ends it."""
    gone = min(logs.rglob("*.gz"))
    key = key_of(logs, gone)
    aws.faults.add("S3.GetObject", "NoSuchKey", 404, where={"Key": key})
    done = cli("ingest", "--logs", URI)
    assert done.code == 5, done.err
    assert f"changed while they were read: 1 file: s3://logs/{key}" in done.err
    assert [log.uri for log in held(tmp_path).waiting] == [f"s3://logs/{key}"]
    s3().delete_object("logs", key)
    gone.unlink()
    assert ingested(cli)["read"] == 0
    same(cli, logs)


def test_who_wants_more_waits(bucket: tuple[Account, dict[str, bytes]], tmp_path: Path) -> None:
    """Two that do not fit beside each other come one after the other."""
    account, _ = bucket
    listed = list(S3Store(account).objects("s3://many/"))
    downloads = Downloads(account, tmp_path / "work", sum(o.size_bytes for o in listed))
    with pytest.raises(BadSetting), downloads.fetch([*listed, listed[0]]):
        pass
    second = threading.Event()

    def later() -> None:
        with downloads.fetch(listed[:1]):
            second.set()

    waiting = threading.Thread(target=later)
    with downloads.fetch(listed):
        waiting.start()
        assert not second.wait(0.3)
    waiting.join(30)
    assert second.is_set()
    downloads.close()
