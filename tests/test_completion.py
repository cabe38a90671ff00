"""What the shell offers at TAB, as typer's own scripts ask for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from athena_flow.query import library


def _offered(line: str, folder: Path, shell: str = "zsh") -> str:
    """What typer's completion prints for a line, in a process as the shell starts it."""
    words = line.split(" ")
    asked = {
        "_ATHENA_FLOW_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": line,
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    code = "from athena_flow.cli import main; import sys; sys.argv = ['athena-flow']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["run", "estimate", "queries show"])
def test_names_of_queries(command: str, tmp_path: Path) -> None:
    """Every query is offered, with its title; a beginning chooses."""
    offered = _offered(f"athena-flow {command} ", tmp_path)
    assert all(f'"{name}"' in offered for name in library())
    offered = _offered(f"athena-flow {command} top-t", tmp_path)
    assert "top-talkers" in offered
    assert "reject-report" not in offered


def test_aliases_are_offered_to_those_who_begin_one(tmp_path: Path) -> None:
    """AWS's names do not crowd the list, and are found."""
    assert "VpcFlowLogs" not in _offered("athena-flow run ", tmp_path)
    assert "VpcFlowLogsTopTalkers" in _offered("athena-flow run VpcFlowLogsTop", tmp_path)


@pytest.mark.parametrize(
    ("typed", "offered", "other"),
    [
        ("reject-report -p ", "min_count=", "bucket="),
        ("reject-report -p lim", "limit=", "min_count="),
        ("reject-report -p limit=3 -p ", "min_count=", '"limit='),
        ("daily-trend --param bucket=", "bucket=hour", "min_count"),
        ("daily-trend --param bucket=d", "bucket=day", "bucket=hour"),
        ("VpcFlowLogsTopTalkers -p ", "limit=", "bucket="),
    ],
)
def test_parameters_and_choices(typed: str, offered: str, other: str, tmp_path: Path) -> None:
    """After -p come the query's parameters, after ``=`` the values of a choice."""
    found = _offered(f"athena-flow run {typed}", tmp_path)
    assert offered in found
    assert other not in found


def test_own_queries_are_offered(tmp_path: Path) -> None:
    """Those of the settings file's folder, and of --queries-dir."""
    own = tmp_path / "own"
    own.mkdir()
    body = "SELECT srcaddr FROM {{ table }} WHERE {{ window }}"
    (own / "mine.sql").write_text(f'-- title = "My own"\n-- requires = ["srcaddr"]\n{body}\n')
    (own / "broken.sql").write_text("nothing")
    assert "mine" in _offered("athena-flow run --queries-dir own m", tmp_path)
    (tmp_path / "athena-flow.toml").write_text('queries_dir = "own"\n')
    assert "mine" in _offered("athena-flow run m", tmp_path)


@pytest.mark.parametrize("typed", ["nonsense -p ", "reject-report -p nonsense=", "-p "])
def test_nonsense_offers_nothing(typed: str, tmp_path: Path) -> None:
    """A query or parameter that there is not offers nothing and says nothing."""
    found = _offered(f"athena-flow run {typed}", tmp_path)
    assert "=" not in found.replace("nonsense=", "")
