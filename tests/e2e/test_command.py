"""What every command shares: flags said once, streams that are closed, a folder that is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DemoTree, Ran

Cli = Callable[..., Ran]
RUN = ("run", "log-status-summary", "--logs")


def shell(words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command line as a shell runs it; ``AF`` stands for the program."""
    program = f"{sys.executable} -m athena_flow"
    return subprocess.run(
        ["sh", "-c", words.replace("AF", program)],
        cwd=cwd,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("flag", ["--logs", "--since", "--log-format", "--as", "--max-cost"])
def test_a_flag_is_said_once(cli: Cli, flag: str) -> None:
    """The last one does not win in silence; those that are lists may be repeated."""
    ran = cli("run", "log-status-summary", flag, "a", flag, "b")
    assert ran.code == 2
    assert f"{flag} is given 2 times: a, b" in ran.err
    assert "is given" not in cli("run", "log-status-summary", flag, "a", flag, "a").err
    assert "is given" not in cli("run", "--account", "1", "--account", "2", "-p", "a=1").err


@pytest.mark.parametrize(
    ("closed", "heard"), [(">&-", False), ("2>&-", True), ("<&-", True), (">&- 2>&-", False)]
)
def test_closed_streams(demo_tree: DemoTree, tmp_path: Path, closed: str, heard: bool) -> None:
    """What nobody hears is not said, and the command does what it is asked for."""
    words = f"AF run log-status-summary --logs {demo_tree.root} --as csv"
    whole = shell(words, tmp_path)
    ran = shell(f"{words} {closed}", tmp_path)
    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr
    assert ran.stdout == (whole.stdout if heard else "")
    written = shell(f"{words} -o rows.csv {closed}", tmp_path)
    assert written.returncode == 0
    assert (tmp_path / "rows.csv").read_text() == whole.stdout


def test_a_statement_from_a_closed_stream(demo_tree: DemoTree, tmp_path: Path) -> None:
    """It is an empty one, and refused as such."""
    ran = shell(f"AF run --logs {demo_tree.root} --sql - <&-", tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.startswith("athena-flow: error: ")


def test_an_encoding_that_cannot_say_it(tmp_path: Path) -> None:
    """Escapes in place of a traceback."""
    (tmp_path / "a.log").write_text("srcaddr action\n10.0.0.1 \u00e9\u4e2d\n", "utf-8")
    (tmp_path / "q.sql").write_text("SELECT action FROM vpc_flow_logs")
    ran = shell("AF run --logs a.log --sql q.sql --as csv || AF run --logs . --sql q.sql --as csv",
                tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "\\u4e2d" in ran.stdout


def test_the_current_folder_is_gone(tmp_path: Path) -> None:
    ran = shell("mkdir x && cd x && rmdir ../x && AF queries", tmp_path)
    assert ran.returncode == 3
    assert "athena-flow: error: the current folder is gone" in ran.stderr


def test_notes_of_several_lines_stay_so(demo_tree: DemoTree, cli: Cli, tmp_path: Path) -> None:
    """The statement with --verbose, and what the demo says at its end."""
    ran = cli(*RUN, str(demo_tree.root), "--verbose")
    assert "\nFROM " in ran.err
    assert "\\n" not in ran.err
    assert "\nGo on in " in cli("demo", str(tmp_path / "demo")).err


def test_names_of_files_move_no_cursor(cli: Cli, tmp_path: Path) -> None:
    """Nor do they forge a note: a line break in one starts no line."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_text("srcaddr log-status\n10.0.0.1 OK\n")
    (logs / "e\nnote: all is well\x1b[31m.log").write_bytes(b"")
    ran = cli(*RUN, str(logs))
    assert ran.code == 0, ran.err
    assert "\x1b" not in ran.err
    assert "\nnote: all is well" not in ran.err
    assert "e\\nnote: all is well\\x1b[31m.log" in ran.err
