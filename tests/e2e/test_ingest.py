"""The local store as a user meets it: logs of a directory, read into it, changed, damaged."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import NOW, Ran
from here import in_process

from athena_flow.demo import ACCOUNTS, REGIONS, file_key, write_demo, write_file
from athena_flow.ingesting import WORKERS
from athena_flow.layout import DAILY, LAYOUTS, Partition
from athena_flow.logformat import DEFAULT

Cli = Callable[..., Ran]

WHENCE = "read from the store: "


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line in this process: a run of its own costs more than what it does here."""
    return in_process(tmp_path, monkeypatch)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A day of the demo's logs: 2 accounts, 2 regions."""
    write_demo(tmp_path / "logs", NOW, fmt=DEFAULT, days=1)
    return tmp_path / "logs"


def asked(cli: Cli, logs: str | Path, name: str = "log-status-summary", *words: str) -> dict:
    """A run's JSON without its notes on the store, which stand apart as ``whence``."""
    done = ok(cli("run", name, "--logs", str(logs), "--as", "json", *words))
    found: dict[str, Any] = json.loads(done.out)
    every = found["notes"]
    found["notes"] = [note for note in every if not note.startswith(WHENCE)]
    found["whence"] = [note for note in every if note.startswith(WHENCE)]
    return found


def same(cli: Cli, logs: Path, *words: str) -> list[str]:
    """Asks both ways, and returns whence the rows came where the store may be used."""
    stored = asked(cli, logs, "top-talkers", *words)
    text = asked(cli, logs, "top-talkers", *words, "--no-store")
    assert text.pop("whence") == []
    whence: list[str] = stored.pop("whence")
    assert stored == text
    assert stored["rows"]
    return whence


def ingested(cli: Cli, logs: str | Path, *words: str) -> dict:
    done = ok(cli("ingest", "--logs", str(logs), "--as", "json", *words))
    found: dict[str, Any] = json.loads(done.out)
    return found


def pieces(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / ".athena-flow" / "store").rglob("_*.parquet"))


def first_log(logs: Path) -> Path:
    return min(logs.rglob("*.log.gz"))


# ---------------------------------------------------------------- the usual course


def test_a_query_reads_the_store_by_itself(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """After ingest a run gives the same rows, notes and price from the store; --no-store not."""
    count = len(list(logs.rglob("*.log.gz")))
    assert same(cli, logs) == []
    done = ingested(cli, logs)
    assert (done["files"], done["read"], done["same"]) == (count, count, 0)
    assert same(cli, logs) == [f"{WHENCE}{count} files"]
    text = b"".join(gzip.decompress(p.read_bytes()) for p in logs.rglob("*.log.gz"))
    assert done["rows"] == text.count(b"\n") - count
    assert len(pieces(tmp_path)) == len(ACCOUNTS) * len(REGIONS)
    again = ingested(cli, logs)
    assert (again["read"], again["same"], again["rows"]) == (0, count, 0)


def test_only_what_is_new_is_read(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """A file that came since is read itself by a query, and is all that the next ingest reads."""
    late = first_log(logs)
    shutil.move(late, tmp_path / late.name)
    ingested(cli, logs)
    shutil.move(tmp_path / late.name, late)
    (told,) = same(cli, logs)
    assert "read themselves: 1 file," in told
    done = ingested(cli, logs)
    assert (done["read"], done["new"], done["to_read_bytes"]) == (1, 1, late.stat().st_size)
    (told,) = same(cli, logs)
    assert "themselves" not in told
    assert len(pieces(tmp_path)) == len(ACCOUNTS) * len(REGIONS) + 1, "the old one may be in use"
    ingested(cli, logs)
    assert len(pieces(tmp_path)) == len(ACCOUNTS) * len(REGIONS)


def test_a_changed_file_is_read_again(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """Also one of the same size whose time of change was set back, as rsync and cp -p do."""
    ingested(cli, logs)
    changed = first_log(logs)
    before = changed.stat()
    text = gzip.decompress(changed.read_bytes()).replace(b" OK\n", b" ZZ\n")
    data = gzip.compress(text, 6, mtime=0)
    changed.write_bytes(data)
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    (told,) = same(cli, logs)
    assert "read themselves: " in told
    done = ingested(cli, logs)
    assert done["changed"] == 1
    assert f"changed since the last ingest, to be read again: 1 file: {changed}" in done["notes"]
    (told,) = same(cli, logs)
    assert "themselves" not in told
    assert "ZZ" in [row[0] for row in asked(cli, logs)["rows"]]


def test_a_file_that_is_gone_takes_its_rows_along(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """The store mirrors what lies there, and says what went."""
    ingested(cli, logs)
    gone = first_log(logs)
    gone.unlink()
    same(cli, logs)
    done = ingested(cli, logs)
    assert done["gone"] == 1
    assert f"gone since the last ingest, and their rows with them: 1 file: {gone}" in done["notes"]
    (told,) = same(cli, logs)
    assert "themselves" not in told
    shutil.rmtree(logs / "AWSLogs" / ACCOUNTS[0])
    assert ingested(cli, logs)["gone"] > 1
    same(cli, logs)
    assert ACCOUNTS[0] not in str([path.parts for path in manifest_paths(tmp_path)])


def manifest_paths(tmp_path: Path) -> list[Path]:
    import sqlite3

    with sqlite3.connect(tmp_path / ".athena-flow" / "store" / "manifest.sqlite") as db:
        found = [Path(path) for (path,) in db.execute("SELECT path FROM pieces")]
    db.close()
    return found


def test_a_window_touches_nothing_else(cli: Cli, tmp_path: Path) -> None:
    """--since, --account and --region choose what is read, and what may be gone."""
    logs = tmp_path / "logs"
    write_demo(logs, NOW, fmt=DEFAULT, days=3)
    done = ingested(cli, logs, "--since", "2026-11-21", "--region", REGIONS[0])
    assert len(pieces(tmp_path)) == len(ACCOUNTS)
    assert same(cli, logs, "--since", "2026-11-21", "--region", REGIONS[0]) == [
        f"{WHENCE}{done['read']} files"
    ]
    (told,) = same(cli, logs, "--since", "2026-11-20")
    assert "themselves" in told
    shutil.rmtree(logs / "AWSLogs" / ACCOUNTS[0] / "vpcflowlogs" / REGIONS[0])
    assert ingested(cli, logs, "--since", "2026-11-21", "--region", REGIONS[1])["gone"] == 0
    assert ingested(cli, logs, "--since", "2026-11-21")["gone"] == done["read"] / 2
    same(cli, logs)


def test_a_dry_run_does_nothing(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """It says how much there is to read, and leaves no store."""
    done = ok(cli("ingest", "--logs", str(logs), "--dry-run"))
    assert "to read: " in done.err
    assert not (tmp_path / ".athena-flow").exists()


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_and_a_table_over_it(cli: Cli, tmp_path: Path, layout: Any) -> None:
    """A table of the local catalog over the same logs reads the store, too, keys included."""
    logs = tmp_path / "logs"
    write_demo(logs, NOW, fmt=DEFAULT, layout=layout, days=1)
    ingested(cli, logs)
    (told,) = same(cli, logs, "--since", "2026-11-21T03:00Z")
    assert "themselves" not in told
    engine = ("--engine", "duckdb")
    shape = ("--location", str(logs), "--layout", layout.name, "--log-format", "default")
    ok(cli("init-table", *engine, *shape))
    ok(cli("add-partitions", *engine, "--since", "2d"))
    words = ("run", "log-coverage", *engine, "--since", "2d", "--as", "json")
    stored, text = (json.loads(ok(cli(*words, *no)).out) for no in ((), ("--no-store",)))
    assert stored["notes"][-1].startswith(WHENCE)
    assert "themselves" not in stored["notes"][-1]
    assert (stored["rows"], stored["notes"][:-1]) == (text["rows"], text["notes"])
    assert stored["rows"]


# ---------------------------------------------------------------- dirty logs


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    """A folder without a layout, with all that a text log should not be."""
    logs = tmp_path / "heap"
    logs.mkdir()
    head = DEFAULT.header
    line = "2 123456789010 eni-1 10.0.0.{} 10.0.0.9 443 5000 6 10 840 1795000000 1795000{:03} {} OK"
    good = [line.format(n, n, "ACCEPT") for n in range(1, 9)]

    def put(name: str, data: bytes) -> None:
        (logs / name).write_bytes(data)

    put("good.log.gz", gzip.compress("\n".join([head, *good, ""]).encode()))
    put("two-members.log.gz", 2 * gzip.compress("\n".join([head, *good, ""]).encode()))
    put("crlf.log", "\r\n".join([head, *good, ""]).encode())
    put("bom.log", b"\xef\xbb\xbf" + "\n".join([head, good[0]]).encode())
    put("headless.log", "\n".join([*good, ""]).encode())
    put("repeated.log", "\n".join([head, good[0], head, good[1]]).encode())
    put("empty.log", b"")
    put("empty.log.gz", gzip.compress(b""))
    put("only-a-header.log", head.encode())
    put("latin.log", "\n".join([head, good[2].replace("OK", "caf\xe9")]).encode("latin-1"))
    put("odd.log", "\n".join([head, good[3] + " more", "2 123", "", good[4]]).encode())
    put("no-end.log", "\n".join([head, good[5].replace("1795000006", "-")]).encode())
    put(
        "numbers.log",
        "\n".join([head, good[6].replace("840", "8.9").replace("5000", "+7")]).encode(),
    )
    put("null.log", "\n".join([head, good[7].replace("eni-1", "\\N")]).encode())
    put(
        "other.log",
        b"version dstaddr srcaddr end bytes new-field\n2 10.9.9.9 10.8.8.8 1795000001 7 x",
    )
    return logs


def test_a_dirty_folder_is_told_the_same(cli: Cli, dirty: Path) -> None:
    """Rows, counts of odd rows and names of odd files are those of the text, all of them."""
    done = ingested(cli, dirty)
    assert done["files"] == 15
    own = dirty.parent / "own"
    own.mkdir()
    (own / "all.sql").write_text(
        '-- title = "All"\n-- requires = ["srcaddr", "dstaddr", "end", "bytes"]\n'
        "SELECT t.* FROM {{ table }} AS t WHERE {{ window }}"
        ' ORDER BY srcaddr, dstaddr, "end", bytes\n'
    )
    words = ("all", "--queries-dir", str(own))
    stored, text = asked(cli, dirty, *words), asked(cli, dirty, *words, "--no-store")
    assert stored["whence"] == [f"{WHENCE}13 files"], "all but the empty ones"
    assert sorted(map(str, stored["rows"])) == sorted(map(str, text["rows"]))
    assert stored["columns"] == text["columns"]
    assert stored["notes"] == text["notes"]
    told = "; ".join(text["notes"])
    for what in ("empty: 2 files", "not UTF-8", "fields than their header", "end is no number"):
        assert what in told, text["notes"]
    assert len(text["rows"]) > 50


def test_a_format_for_lines_without_a_header(cli: Cli, tmp_path: Path) -> None:
    """Kept under another format than the query's, a log is read itself."""
    logs = tmp_path / "heap"
    logs.mkdir()
    (logs / "a.log").write_text("2 10.0.0.1 5 1795000001\n")
    one, other = "version srcaddr bytes end", "version dstaddr packets end"
    refused = cli("ingest", "--logs", str(logs))
    assert refused.code == 2
    assert "--log-format" in refused.err
    ingested(cli, logs, "--log-format", one)
    own = tmp_path / "own"
    own.mkdir()
    (own / "all.sql").write_text(
        '-- title = "All"\n-- requires = ["end"]\nSELECT t.* FROM {{ table }} AS t'
        " WHERE {{ window }}\n"
    )
    words = ("all", "--queries-dir", str(own), "--log-format")
    found = asked(cli, logs, *words, one)
    assert found["rows"] == [[2, "10.0.0.1", 5, 1795000001]]
    assert found["whence"] == [f"{WHENCE}1 file"]
    found = asked(cli, logs, *words, other)
    assert [column["name"] for column in found["columns"]][:3] == ["version", "dstaddr", "packets"]
    assert found["rows"] == [[2, "10.0.0.1", 5, 1795000001]]
    assert "read themselves: 1 file" in found["whence"][0]


def test_a_log_of_several_formats_is_left_to_the_query(cli: Cli, tmp_path: Path) -> None:
    """A header in the middle that says other fields: no piece holds both, no row is lost."""
    logs = tmp_path / "heap"
    logs.mkdir()
    one, other = "version srcaddr bytes end", "version end dstaddr srcaddr bytes"
    line = "2 10.0.0.1 5 1795000001"
    (logs / "a.log").write_text(f"{one}\n{line}\n{other}\n2 1795000002 10.1.1.1 10.0.0.2 7\n")
    (logs / "b.log").write_text(f"{one}\n{line}\n")
    (logs / "c.log").write_text(f"{other}\n2 1795000003 10.1.1.1 10.0.0.3 9\n")
    done = ingested(cli, logs)
    assert done["read"] == 2
    assert (
        f"of several formats each, read themselves by each query: 1 file: {logs}/a.log"
        in (done["notes"])
    )
    own = tmp_path / "own"
    own.mkdir()
    (own / "all.sql").write_text(
        '-- title = "All"\n-- requires = ["srcaddr", "end"]\nSELECT t.* FROM {{ table }} AS t'
        ' WHERE {{ window }} ORDER BY srcaddr, "end"\n'
    )
    words = ("all", "--queries-dir", str(own))
    stored, text = asked(cli, logs, *words), asked(cli, logs, *words, "--no-store")
    assert stored["whence"][0].startswith(f"{WHENCE}2 files; read themselves: 1 file,")
    assert stored["rows"] == text["rows"]
    assert len(stored["rows"]) == 4


def test_what_was_read_is_told(cli: Cli, tmp_path: Path) -> None:
    """Neither what was left out or aside, nor what was there already, counts as read."""
    logs = tmp_path / "heap"
    logs.mkdir()
    line = "2 10.0.0.1 5 1795000001\n"
    one, other = "version srcaddr bytes end\n", "version end dstaddr srcaddr bytes\n"
    (logs / "aside.log").write_text(one + line + other + line * 500)
    (logs / "bad.log.gz").write_bytes(gzip.compress((one + line * 99).encode())[:-9])
    (logs / "good.log").write_text(one + line)
    size = len(one + line)
    words = ("ingest", "--logs", str(logs), "--skip-bad-files")
    assert f"read 1 file, {size} B: 1 rows" in ok(cli(*words)).err
    (logs / "more.log").write_text(one + line * 2)
    assert f"read 1 file, {size + len(line)} B: 2 rows" in ok(cli(*words)).err


def test_names_that_are_no_text(cli: Cli, logs: Path) -> None:
    """Bytes that are no UTF-8, and characters that mean something to others."""
    folder = first_log(logs).parent
    shutil.copy(first_log(logs), folder / "it's a [b]*.log.gz")
    odd = os.fsencode(folder) + b"/caf\xe9.log.gz"
    Path(os.fsdecode(odd)).write_bytes(first_log(logs).read_bytes())
    done = ingested(cli, logs)
    assert any(note.startswith("whose names are no UTF-8") for note in done["notes"])
    (told,) = same(cli, logs)
    assert "read themselves: 1 file," in told


def test_no_logs_named(cli: Cli) -> None:
    refused = cli("ingest")
    assert refused.code == 2
    assert "--logs is missing" in refused.err


def test_a_corrupt_file_is_named(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """It fails the ingest; with --skip-bad-files the rest is kept, and it is tried again later."""
    bad = first_log(logs)
    whole = bad.read_bytes()
    bad.write_bytes(whole[:-200])
    refused = cli("ingest", "--logs", str(logs))
    assert (refused.code, refused.out) == (3, "")
    assert f"athena-flow: error: {bad}: cannot be read: " in refused.err
    assert "--skip-bad-files" in refused.err
    done = ingested(cli, logs, "--skip-bad-files")
    assert done["bad"] == [str(bad)]
    assert ingested(cli, logs, "--skip-bad-files")["read"] == 0
    refused = cli("run", "log-status-summary", "--logs", str(logs))
    assert refused.code == 3, "what is not in the store is read itself"
    assert str(bad) in refused.err
    bad.write_bytes(whole)
    assert ingested(cli, logs)["read"] == 1
    (told,) = same(cli, logs)
    assert "themselves" not in told


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "damaged inside"])
def test_a_corrupt_parquet_file_is_named(cli: Cli, tmp_path: Path, cut: bool) -> None:
    """By its footer, or by its data, which only a whole reading meets."""
    logs = tmp_path / "logs" / DAILY.prefix(Partition(ACCOUNTS[0], REGIONS[0], NOW))
    logs.mkdir(parents=True)
    for name in ("a", "b"):
        with duckdb.connect() as db:
            db.execute(
                "COPY (SELECT 2::INTEGER AS version, 'x' || md5(i::VARCHAR) AS srcaddr,"
                ' 1795000000::BIGINT + i AS "end" FROM range(9000) AS r (i))'
                f" TO '{logs / name}.log.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )
    bad = logs / "b.log.parquet"
    data = bad.read_bytes()
    bad.write_bytes(data[:-9] if cut else data[:4] + b"\0" * 200 + data[204:])
    refused = cli("ingest", "--logs", str(tmp_path / "logs"))
    assert refused.code == 3
    assert f"error: {bad}: cannot be read: " in refused.err
    done = ingested(cli, tmp_path / "logs", "--skip-bad-files")
    assert (done["bad"], done["rows"]) == ([str(bad)], 9000)


# ---------------------------------------------------------------- a store that was meddled with


@pytest.mark.parametrize("how", ["a byte", "cut", "missing"])
def test_a_damaged_store_file_is_never_read(cli: Cli, tmp_path: Path, logs: Path, how: str) -> None:
    """A query names it and reads the logs; the next ingest writes it anew."""
    ingested(cli, logs)
    hurt = pieces(tmp_path)[0]
    data = hurt.read_bytes()
    if how == "missing":
        hurt.unlink()
    else:
        hurt.write_bytes(data[: len(data) // 2] if how == "cut" else _flipped(data))
    found, text = asked(cli, logs), asked(cli, logs, "log-status-summary", "--no-store")
    assert found["rows"] == text["rows"]
    assert "read themselves" in found["whence"][0]
    inside = hurt.relative_to(tmp_path / ".athena-flow" / "store").as_posix()
    assert f"damaged files of the store, not read: 1 file: {inside}" in found["notes"]
    done = ingested(cli, logs)
    assert f"damaged files of the store, to be written anew: 1 file: {inside}" in done["notes"]
    (told,) = same(cli, logs)
    assert "themselves" not in told


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 3
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_a_store_that_was_copied_is_good(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """Other times of change alone are no damage: the sum over the file decides."""
    ingested(cli, logs)
    shutil.copytree(tmp_path / ".athena-flow" / "store", tmp_path / "copy")
    found = asked(cli, logs, "log-status-summary", "--store", str(tmp_path / "copy"))
    assert "themselves" not in found["whence"][0]


def test_a_manifest_that_is_none(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """A query says so and reads the logs; an ingest says what to do."""
    ingested(cli, logs)
    manifest = tmp_path / ".athena-flow" / "store" / "manifest.sqlite"
    for beside in manifest.parent.glob("manifest.sqlite-*"):
        beside.unlink()
    manifest.write_bytes(b"no database at all" * 100)
    found = asked(cli, logs)
    assert any(note.startswith("the store is not read: ") for note in found["notes"])
    refused = cli("ingest", "--logs", str(logs))
    assert refused.code == 3
    assert "remove that folder" in refused.err


def test_somebodys_own_folder_is_no_store(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """Nor is one among the logs; both stay as they are."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious.parquet").write_text("x")
    refused = cli("ingest", "--logs", str(logs), "--store", str(mine))
    assert refused.code == 2
    assert "is no store" in refused.err
    assert [p.name for p in mine.iterdir()] == ["precious.parquet"]
    refused = cli("ingest", "--logs", str(logs), "--store", str(logs / "store"))
    assert refused.code == 2
    assert "among the logs" in refused.err
    assert not (logs / "store").exists()


def test_a_store_beside_the_logs_is_no_log(cli: Cli, logs: Path) -> None:
    """In the folder of the logs, and where somebody reads a folder above it."""
    before = asked(cli, logs)
    done = ok(cli("ingest", "--logs", str(logs), cwd=logs))
    assert "read " in done.err
    found = asked(cli, logs)
    assert (found["rows"], found["notes"]) == (before["rows"], before["notes"])
    above = asked(cli, logs.parent)
    assert (above["rows"], above["notes"]) == (before["rows"], before["notes"])


# ---------------------------------------------------------------- stopped, full, two at once


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Logs that take a while: 12 places."""
    write_demo(tmp_path / "logs", NOW, fmt=DEFAULT, days=3)
    return tmp_path / "logs"


def process(tmp_path: Path, *words: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """A process of its own, with what a shell does to it before."""
    return subprocess.run(
        ["bash", "-c", f'{before}exec "$@"', "-", sys.executable, "-m", "athena_flow", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def start(tmp_path: Path, logs: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "athena_flow", "ingest", "--logs", str(logs)],
        cwd=tmp_path,
        env={**os.environ, "ATHENA_FLOW_NOW": NOW.isoformat()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize("written", [0, 1, 4, 8])
def test_killed_at_any_moment(cli: Cli, tmp_path: Path, many: Path, written: int) -> None:
    """A query after the kill is right; the next ingest does the rest, to the same end."""
    store = tmp_path / ".athena-flow" / "store"
    with start(tmp_path, many) as running:
        until = time.monotonic() + 60
        while running.poll() is None and time.monotonic() < until:
            names = [name for _, _, names in os.walk(store) for name in names]
            done = sum(name.startswith("_") and name.endswith(".parquet") for name in names)
            if done >= written and (written or any(name.endswith(".part") for name in names)):
                break
        running.send_signal(signal.SIGKILL)
    same(cli, many)
    done = ingested(cli, many)
    assert done["read"] + done["same"] == done["files"]
    (told,) = same(cli, many)
    assert "themselves" not in told
    assert not list(store.rglob("*.part"))
    assert len(pieces(tmp_path)) == 12
    assert not any(path.is_file() for path in (store / "work").rglob("*"))


def test_ctrl_c_ends_it(cli: Cli, tmp_path: Path, many: Path) -> None:
    """With 130 and no traceback; what is done stays done."""
    command = [sys.executable, "-m", "athena_flow", "ingest", "--logs", str(many)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        while running.poll() is None and len(pieces(tmp_path)) <= WORKERS:
            time.sleep(0.01)  # one more than can be written and not yet be done
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    if running.returncode:
        assert running.returncode == 130
        assert said == "athena-flow: interrupted\n"
    assert ingested(cli, many)["same"] > 0
    same(cli, many)


def test_two_at_once(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """The second says who is at it; queries go on."""
    store = tmp_path / ".athena-flow" / "store"
    ingested(cli, logs)
    with (store / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = cli("ingest", "--logs", str(logs))
        assert refused.code == 3
        assert f"{store} is being written by another athena-flow ingest" in refused.err
        same(cli, logs)
    ingested(cli, logs)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for nothing much."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_one_clear_line(
    cli: Cli, tmp_path: Path, logs: Path, small_disk: Path
) -> None:
    """Nothing half written stays, queries are right, and with room it goes on."""
    store = small_disk / "store"
    for _ in range(9):
        logs.joinpath(f"copy{_}").mkdir()
        for path in (logs / "AWSLogs").rglob("*.gz"):
            shutil.copy(path, logs / f"copy{_}" / path.name)
    refused = process(tmp_path, "ingest", "--logs", str(logs), "--store", str(store))
    assert refused.returncode == 3, refused.stderr
    assert "cannot write" in refused.stderr
    assert str(small_disk) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not list(store.rglob("*.part"))
    same(cli, logs, "--store", str(store))


def test_a_limit_on_the_size_of_files(cli: Cli, tmp_path: Path, logs: Path) -> None:
    """The same for `ulimit -f`."""
    big = logs / file_key(
        DAILY, Partition(ACCOUNTS[0], REGIONS[0], datetime(2026, 11, 20, tzinfo=UTC))
    )
    line = (
        "2 123456789010 eni-1 10.{}.{}.{} 10.0.0.9 {} 5000 6 10 {} 1795000000 1795000000 ACCEPT OK"
    )
    rows = (line.format(n % 251, n % 241, n % 239, n % 60000, n * 7919) for n in range(60_000))
    write_file(big, (DEFAULT.header, *rows))
    done = process(tmp_path, "ingest", "--logs", str(logs), before="ulimit -f 100; ")
    assert done.returncode == 3, done.stderr
    assert "athena-flow: error: cannot write " in done.stderr
    assert ingested(cli, logs)["read"] >= 1
    (told,) = same(cli, logs)
    assert "themselves" not in told
