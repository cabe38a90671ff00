"""The embedded engine as a user types it: the demo, a folder of logs, a local catalog."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import NOW, DemoTree, Line, Ran, log_status_summary, read_lines, reject_report

from athena_flow.demo import ACCOUNTS, REGIONS, write_demo
from athena_flow.layout import LAYOUTS, Layout, Partition
from athena_flow.logformat import DEFAULT

Cli = Callable[..., Ran]

HEADLESS = [
    "2 123456789010 eni-1235b8ca 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010"
    " 1418530070 ACCEPT OK",
    "2 123456789010 eni-1235b8ca 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010"
    " 1418530070 REJECT OK",
    "2 123456789010 eni-1235b8ca - - - - - - - 1418530010 1418530070 - NODATA",
]


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


def rows(done: Ran) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in json.loads(ok(done).out)["rows"]]


def listing(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def lines(demo_tree: DemoTree) -> list[Line]:
    """Every record of the demo's 54-field tree."""
    return list(read_lines(demo_tree.root.rglob("*.gz")))


# ---------------------------------------------------------------- demo


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which `athena-flow demo net` ran, and what its terminal saw."""
    folder = tmp_path_factory.mktemp("demo-run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATHENA_FLOW_NOW", NOW.isoformat())
        done = subprocess.run(
            [sys.executable, "-m", "athena_flow", "demo", "net"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stdout
    return folder / "net", done.stdout


def test_the_demo_shows_each_command_before_its_output(shown: tuple[Path, str]) -> None:
    """Four commands, each followed by what it says, the planted port scan at the top at last."""
    text = shown[1]
    marks = [
        "$ athena-flow init-table\n",
        "created flow_logs.vpc_flow_logs",
        "$ athena-flow add-partitions",
        "added 28",
        "$ athena-flow estimate reject-report",
        "28",
        "$ athena-flow run reject-report",
        "estimate: ",
        "srcaddr",
        "198.51.100.23",
    ]
    at = 0
    for mark in marks:
        assert mark in text[at:], f"{mark!r} is missing after {text[:at]!r}"
        at = text.index(mark, at) + len(mark)
    assert text.count("$ athena-flow ") == 4


def test_the_commands_of_the_demo_can_be_typed_again(
    shown: tuple[Path, str], cli: Cli, lines: list[Line]
) -> None:
    """In the demo's folder each command works as shown, and adding again adds nothing."""
    folder, text = shown
    commands = [
        line.removeprefix("$ athena-flow ").split()
        for line in text.splitlines()
        if line.startswith("$ athena-flow ")
    ]
    added, run = commands[1], commands[3]
    assert json.loads(ok(cli(*added, "--as", "json", cwd=folder)).out)["added"] == 0
    below = folder / "AWSLogs" / ACCOUNTS[0]
    assert rows(cli(*run, "--as", "json", cwd=below)) == reject_report(lines, limit=10)


def test_a_second_demo_begins_anew(shown: tuple[Path, str], cli: Cli, tmp_path: Path) -> None:
    """Over its own folder the demo works again, even when that one was meddled with."""
    shutil.copytree(shown[0], tmp_path / "net")
    (tmp_path / "net" / "AWSLogs" / "left-over.log.gz").write_bytes(b"no gzip at all")
    done = ok(cli("demo", "net"))
    assert "added 28" in done.err
    assert "198.51.100.23" in done.out
    logs = listing(tmp_path / "net" / "AWSLogs")
    assert logs == listing(shown[0] / "AWSLogs")


@pytest.mark.parametrize("what", ["folder", "file", "other settings"])
def test_the_demo_leaves_what_is_not_its_own(cli: Cli, tmp_path: Path, what: str) -> None:
    """A folder or file of somebody else's is refused, and stays as it was to the byte."""
    target = tmp_path / "mine"
    if what == "file":
        target.write_text("precious")
    else:
        name = "athena-flow.toml" if what == "other settings" else "precious.txt"
        (target / "AWSLogs").mkdir(parents=True)
        (target / name).write_text('engine = "duckdb"\n')
        (target / "AWSLogs" / "x.log").write_text("2 3 4\n")
    before = listing(tmp_path)
    done = cli("demo", "mine")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("athena-flow: error: mine exists")
    assert listing(tmp_path) == before
    assert target.is_file() == (what == "file")


def test_the_demo_ignores_the_users_settings(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another engine and table in the environment, the demo still needs no account."""
    monkeypatch.setenv("ATHENA_FLOW_ENGINE", "athena")
    monkeypatch.setenv("ATHENA_FLOW_LOCATION", "s3://bucket/")
    done = cli("demo", "net")
    assert "198.51.100.23" in done.out
    ok(done)


# ---------------------------------------------------------------- --logs


def test_a_tree_with_no_set_up(demo_tree: DemoTree, cli: Cli, lines: list[Line]) -> None:
    """Format from the header lines, partitions from the folders, everything without --since."""
    before = set(os.listdir(demo_tree.root))
    done = cli("run", "reject-report", "--logs", str(demo_tree.root), "--as", "json")
    assert rows(done) == reject_report(lines)
    document = json.loads(done.out)
    assert document["engine"] == "duckdb"
    assert document["query_id"] is None
    assert document["scanned_bytes"] == demo_tree.demo.size_bytes
    assert document["estimate"]["objects"] == demo_tree.demo.files
    assert set(os.listdir(demo_tree.root)) == before


def test_a_window_of_a_tree(demo_tree: DemoTree, cli: Cli, lines: list[Line]) -> None:
    """Times, account and region pick files by their folders and records by their end."""
    where = ("--logs", str(demo_tree.root), "--account", ACCOUNTS[0], "--region", REGIONS[1])
    times = ("--since", "2026-11-19T22:00Z", "--until", "2026-11-20T02:00Z")
    done = cli("run", "reject-report", *where, *times, "--as", "json")
    start, end = (datetime(2026, 11, *at, tzinfo=UTC).timestamp() for at in ((19, 22), (20, 2)))
    folder = demo_tree.root / "AWSLogs" / ACCOUNTS[0] / "vpcflowlogs" / REGIONS[1] / "2026" / "11"
    within = [
        line
        for line in lines
        if line.path.is_relative_to(folder) and start <= (line.number("end") or 0) < end
    ]
    assert rows(done) == reject_report(within) != []
    size = sum(p.stat().st_size for day in ("19", "20") for p in (folder / day).iterdir())
    assert json.loads(done.out)["estimate"]["bytes"] == size


def test_a_flat_folder_of_named_files(
    demo_tree: DemoTree, cli: Cli, lines: list[Line], tmp_path: Path
) -> None:
    """Files as `aws s3 cp` leaves them in one folder: account, region and day by their names."""
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in demo_tree.root.rglob("*20261120*.gz"):
        shutil.copy(path, flat)
    where = ("--logs", "flat", "--account", ACCOUNTS[1], "--since", "2026-11-20")
    done = cli("run", "reject-report", *where, "--as", "json")
    within = [
        line
        for line in lines
        if "20261120" in line.path.name and line.path.name.startswith(ACCOUNTS[1])
    ]
    assert rows(done) == reject_report(within) != []


def test_files_without_a_header_beside_others(cli: Cli, tmp_path: Path) -> None:
    """Their format is what --log-format says, however many other formats lie beside them."""
    (tmp_path / "bare.log").write_text("10.0.0.1 10.0.0.2 443 7 1418530070 REJECT\n")
    head = "version action dstaddr end srcaddr bytes packets dstport"
    (tmp_path / "other.log").write_text(f"{head}\n5 REJECT 10.0.0.4 1418530080 10.0.0.3 9 1 22\n")
    given = ("--log-format", "srcaddr dstaddr dstport bytes end action")
    asked = ("run", "--sql", "-", "--logs", str(tmp_path), *given, "--as", "json")
    columns = 'srcaddr, dstaddr, dstport, bytes, "end", action, packets'
    done = cli(*asked, stdin=f"SELECT {columns} FROM vpc_flow_logs ORDER BY 1")
    assert rows(done) == [
        ("10.0.0.1", "10.0.0.2", 443, 7, 1418530070, "REJECT", None),
        ("10.0.0.3", "10.0.0.4", 22, 9, 1418530080, "REJECT", 1),
    ]
    assert "fewer or more fields" not in done.err


def test_a_single_file_without_a_header(cli: Cli, tmp_path: Path) -> None:
    """Lines of the default format's shape are read as that, with a note that names the file."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "flow.log").write_text("".join(f"{row}\n" for row in HEADLESS))
    done = cli("run", "reject-report", "--logs", "logs", "--as", "json")
    assert rows(done) == [("172.31.9.69", 1, 20, 4249, 1)]
    (note,) = [line for line in done.err.splitlines() if "no header" in line]
    assert note.startswith("note: ")
    assert "default format" in note
    assert "flow.log" in note
    done = cli("run", "log-status-summary", "--logs", "logs", "--as", "json")
    assert rows(done) == [("OK", 2), ("NODATA", 1)]


def test_a_file_without_header_of_another_format(cli: Cli, tmp_path: Path) -> None:
    """What is no default record is refused by name, and read once its format is said."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "odd.log").write_text("REJECT 10.0.0.1 443 7 700 1418530070\n")
    done = cli("run", "reject-report", "--logs", "logs")
    assert (done.code, done.out) == (2, "")
    assert "odd.log" in done.err
    said = ("--log-format", "action srcaddr dstport packets bytes end")
    done = cli("run", "reject-report", "--logs", "logs", *said, "--as", "json")
    assert rows(done) == [("10.0.0.1", 1, 7, 700, 1)]


def test_files_of_several_formats(cli: Cli, tmp_path: Path) -> None:
    """Every file is read by its own header, and one that lacks a needed field is left out."""
    head = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/20"
    folder = tmp_path / "logs" / head
    folder.mkdir(parents=True)
    texts = {
        "a.log": f"{DEFAULT.header}\n" + "".join(f"{row}\n" for row in HEADLESS),
        "b.log.gz": "action end bytes packets dstport srcaddr log-status\n"
        "REJECT 1418530070 100 2 22 172.31.9.69 OK\nREJECT 1418530071 1 1 23 10.0.0.9 OK\n",
        "c.log": "srcaddr dstaddr log-status end\n10.0.0.7 10.0.0.8 OK 1418530070\n",
    }
    for name, text in texts.items():
        data = text.encode()
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    done = cli("run", "reject-report", "--logs", "logs", "--as", "json")
    assert rows(done) == [("172.31.9.69", 2, 22, 4349, 2), ("10.0.0.9", 1, 1, 1, 1)]
    (note,) = [line for line in done.err.splitlines() if "c.log" in line]
    assert note.startswith("note: ")
    done = cli("run", "log-status-summary", "--logs", "logs", "--as", "json")
    assert rows(done) == [("OK", 5), ("NODATA", 1)]


# ---------------------------------------------------------------- a local catalog


def test_the_three_commands_without_an_account(
    demo_tree: DemoTree, cli: Cli, lines: list[Line], tmp_path: Path
) -> None:
    """Table and partitions in a local file, twice without effect, and rows as plain Python's."""
    engine = ("--engine", "duckdb")
    shape = ("--location", str(demo_tree.root), "--log-format", lines_header(demo_tree))
    before = listing(demo_tree.root).keys()
    first = ok(cli("init-table", *engine, *shape))
    assert "created" in first.err
    assert "exists already" in ok(cli("init-table", *engine, *shape)).err
    added = ("add-partitions", "--since", "7d", *engine, "--as", "json")
    planned = json.loads(ok(cli(*added, "--dry-run")).out)
    assert (planned["wanted"], planned["added"], len(planned["partitions"])) == (28, 0, 28)
    document = json.loads(ok(cli(*added)).out)
    assert (document["wanted"], document["present"], document["added"]) == (28, 0, 28)
    assert document["partitions"][0] == {
        "account": ACCOUNTS[0],
        "region": min(REGIONS),
        "date": "2026-11-15",
        "hour": None,
        "location": f"{demo_tree.root}/AWSLogs/{ACCOUNTS[0]}/vpcflowlogs/eu-west-1/2026/11/15/",
    }
    again = json.loads(ok(cli(*added)).out)
    assert (again["wanted"], again["present"], again["added"]) == (28, 28, 0)
    report = cli("run", "reject-report", *engine, "--since", "7d", "--as", "json")
    assert rows(report) == reject_report(lines)
    status = cli("run", "log-status-summary", *engine, "--since", "7d", "--as", "json")
    assert rows(status) == log_status_summary(lines)
    assert listing(demo_tree.root).keys() == before
    assert listing(tmp_path).keys() == {".athena-flow/catalog.sqlite"}


def lines_header(tree: DemoTree) -> str:
    """The header line of a delivered file, as a user copies it."""
    path = next(tree.root.rglob("*.gz"))
    return gzip.decompress(path.read_bytes()).decode().splitlines()[0]


def test_partitions_that_nobody_added(demo_tree: DemoTree, cli: Cli) -> None:
    """A table without partitions has no rows: the note says which command adds them."""
    engine = ("--engine", "duckdb")
    shape = ("--location", str(demo_tree.root), "--log-format", lines_header(demo_tree))
    ok(cli("init-table", *engine, *shape))
    done = cli("run", "reject-report", *engine, "--since", "7d", "--as", "json")
    assert rows(done) == []
    assert "add-partitions" in done.err


@pytest.mark.parametrize("command", ["init-table", "add-partitions"])
def test_dry_runs_write_nothing(
    demo_tree: DemoTree, cli: Cli, tmp_path: Path, command: str
) -> None:
    """--dry-run leaves no catalog behind, whether the table is there or not."""
    words = ["--location", str(demo_tree.root)] if command == "init-table" else ["--since", "7d"]
    done = cli(command, "--engine", "duckdb", *words, "--dry-run")
    assert done.code == (0 if command == "init-table" else 3)
    assert listing(tmp_path) == {}
    assert not (tmp_path / ".athena-flow").exists()


def test_a_query_that_cannot_be_sized_has_no_estimate(
    cli: Callable[..., Ran], demo_tree: DemoTree, tmp_path: Path
) -> None:
    """What cannot be sized is unknown and over any budget, never 0."""
    own = tmp_path / "own"
    own.mkdir()
    text = (
        '-- title = "Two tables"\n-- requires = ["srcaddr"]\n'
        "SELECT count(*) AS n FROM {{ table }} CROSS JOIN far.other.big WHERE {{ window }}\n"
    )
    (own / "two.sql").write_text(text)
    words = ("two", "--queries-dir", str(own), "--logs", str(demo_tree.root))
    found = json.loads(cli("estimate", *words, "--as", "json").out)
    assert (found["certainty"], found["bytes"], found["usd"]) == ("unknown", None, None)
    assert "far.other.big" in found["assumptions"][-1]
    refused = cli("run", *words, "--max-scan", "1TB")
    assert refused.code == 4
    assert "estimate: unknown: far.other.big lies in another catalog" in refused.err
    (own / "two.sql").write_text(text.replace("far.other", "other"))
    missing = cli("estimate", *words)
    assert (missing.code, missing.out) == (3, "")
    assert "there is no table other.big here" in missing.err


def test_ctrl_c_stops_a_query_on_this_machine(demo_tree: DemoTree, tmp_path: Path) -> None:
    """A query that would take minutes ends with 130 soon after the first Ctrl-C."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "slow.sql").write_text(
        '-- title = "Every pair"\n-- requires = ["srcaddr", "dstaddr"]\n'
        "SELECT count(*) AS n\n"
        "FROM {{ table }} a CROSS JOIN {{ table }} b CROSS JOIN {{ table }} c\n"
        "WHERE {{ window }} AND a.srcaddr < b.srcaddr AND b.dstaddr < c.dstaddr\n"
    )
    words = ("run", "slow", "--queries-dir", str(own), "--logs", str(demo_tree.root))
    command = [sys.executable, "-m", "athena_flow", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("estimate: ")
        time.sleep(3)
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == "athena-flow: interrupted\n"


def test_a_query_reads_no_file_of_this_machine(
    cli: Callable[..., Ran], demo_tree: DemoTree, tmp_path: Path
) -> None:
    """A path in a query is no table, here as on Athena."""
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    (own / "peek.sql").write_text(
        '-- title = "Peek"\n-- requires = ["srcaddr"]\n'
        f'SELECT t.* FROM "{tmp_path}/secret.csv" AS t, {{{{ table }}}} WHERE {{{{ window }}}}\n'
    )
    ran = cli("run", "peek", "--queries-dir", str(own), "--logs", str(demo_tree.root))
    assert (ran.code, ran.out) == (3, "")
    assert "no table" in ran.err


def test_odd_things_in_a_folder_are_named(cli: Callable[..., Ran], tmp_path: Path) -> None:
    """Links to nothing, to themselves or back up, pipes and hidden files: one note, no hang."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_text("\ufeffversion srcaddr end log-status\n2 10.0.0.1 1795000000 OK\n")
    (logs / "nowhere.log").symlink_to("gone")
    (logs / "self.log").symlink_to("self.log")
    (logs / "up").symlink_to(logs)
    (logs / ".hidden.log").write_text("x")
    os.mkfifo(logs / "pipe.log")
    ran = cli("run", "log-status-summary", "--logs", str(logs), "--as", "json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["rows"] == [["OK", 1]]
    assert [note.split(": ")[:2] for note in found["notes"]] == [
        ["left out as Athena does, named with _ or . first", "1 file"],
        ["left out, no regular file", "3 files"],
    ]


def test_output_goes_where_it_is_sent(
    cli: Callable[..., Ran], demo_tree: DemoTree, tmp_path: Path
) -> None:
    """-o follows a link, keeps a file's mode, and leaves a device a device."""
    target = tmp_path / "kept.csv"
    target.write_text("old")
    target.chmod(0o600)
    (tmp_path / "link.csv").symlink_to(target)
    words = ("run", "log-status-summary", "--logs", str(demo_tree.root), "--as", "csv")
    assert cli(*words, "-o", "link.csv").code == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert target.read_text().startswith("log_status,records\n")
    assert target.stat().st_mode & 0o777 == 0o600
    assert cli(*words, "-o", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept.csv", "link.csv"]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_parquet_is_read_in_every_layout(cli: Cli, tmp_path: Path, layout: Layout) -> None:
    """Folders such as hour=10 are where a file lies, and never columns of it."""
    day = Partition(ACCOUNTS[0], REGIONS[0], datetime(2026, 11, 20, 10, tzinfo=UTC))
    folder = tmp_path / "srcaddr=9.9.9.9" / layout.prefix(day)
    folder.mkdir(parents=True)
    with duckdb.connect() as db:
        db.execute(
            "COPY (SELECT 2::INTEGER AS version, '10.0.0.1' AS srcaddr, '10.0.0.2' AS dstaddr,"
            f" 7::BIGINT AS bytes, 1::BIGINT AS packets, {int(day.start.timestamp())}::BIGINT"
            f" AS \"end\") TO '{folder}/a.log.parquet' (FORMAT parquet)"
        )
    root = str(tmp_path / "srcaddr=9.9.9.9")
    window = ("--since", "2026-11-20", "--until", "2026-11-21", "--as", "csv")
    wanted = "addr,bytes,packets,flows\n10.0.0.1,7,1,1\n10.0.0.2,7,1,1\n"
    assert cli("run", "top-talkers", "--logs", root, *window).out == wanted
    engine = ("--engine", "duckdb")
    made = cli("init-table", *engine, "--location", root, "--layout", layout.name,
               "--file-type", "parquet",
               "--log-format", "version srcaddr dstaddr bytes packets end vpc-id")  # fmt: skip
    assert made.code == 0, made.err
    assert cli("add-partitions", *engine, "--since", "2026-11-20").code == 0
    assert cli("run", "top-talkers", *engine, *window).out == wanted


def test_logs_of_other_services_are_left_out(cli: Cli, tmp_path: Path) -> None:
    """CloudTrail's files below the same AWSLogs/ are named, and the flow logs are read."""
    write_demo(tmp_path, NOW, fmt=DEFAULT, days=1)
    trail = tmp_path / "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/21"
    trail.mkdir(parents=True)
    (trail / "x.json.gz").write_bytes(gzip.compress(b"{}"))
    ran = cli("run", "log-status-summary", "--logs", str(tmp_path))
    assert ran.code == 0, ran.err
    assert "of another service than vpcflowlogs: 1 file" in ran.err
