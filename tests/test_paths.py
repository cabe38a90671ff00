"""Paths of this machine as they are given: ``~`` everywhere, and homes that there are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DemoTree, Ran

from athena_flow.errors import BadSetting
from athena_flow.settings import FILE_NAME, load

Cli = Callable[..., Ran]

NOBODY = "~no-such-user/x"
LOGS = ("--logs", ".")
DUCK = ("--engine", "duckdb")
TRINO = ("--engine", "trino", "--trino-host", "localhost")
COMMANDS = {
    "--config": ("queries",),
    "--sql": ("estimate", *LOGS),
    "--logs": ("run", "reject-report"),
    "--location": ("init-table", *DUCK),
    "--queries-dir": ("queries",),
    "--catalog": ("partitions", "list", *DUCK),
    "--store": ("run", "reject-report", *LOGS),
    "--output": ("queries",),
    "-o": ("queries",),
    "--trino-ca": ("run", "reject-report", *TRINO),
    "--inventory": ("estimate", "reject-report", "--location", "s3://b12/"),
    "--ledger": ("run", "reject-report", *LOGS),
    "--sizes": ("estimate", "reject-report"),
}
"""A command for each flag that takes a path."""


@pytest.mark.parametrize("flag", COMMANDS)
def test_the_home_of_nobody_is_one_clear_line(cli: Cli, tmp_path: Path, flag: str) -> None:
    """Exit 2 with the flag and the path, and no folder of that name is made."""
    ran = cli(*COMMANDS[flag], flag, NOBODY)
    assert (ran.code, ran.out) == (2, "")
    said, hint = ran.err.splitlines()
    name = "--output" if flag == "-o" else flag
    assert said == (
        f"athena-flow: error: {name} {NOBODY}: there is no home directory ~no-such-user"
    )
    assert f"./{NOBODY}" in hint
    assert list(tmp_path.iterdir()) == []


def test_the_home_of_nobody_in_a_list_of_values(cli: Cli) -> None:
    """As the file of a parameter."""
    ran = cli("run", "ioc-match", *LOGS, "-p", f"indicators=@{NOBODY}")
    assert (ran.code, ran.out) == (2, "")
    assert f"error: -p {NOBODY}: there is no home directory ~no-such-user\n" in ran.err


def test_the_home_of_nobody_in_variables_and_files(tmp_path: Path) -> None:
    """Named by the variable, or by the file and the key; one that a flag hides is not looked at."""
    with pytest.raises(BadSetting, match=f"^ATHENA_FLOW_STORE {NOBODY}: there is no home"):
        load({}, {"ATHENA_FLOW_STORE": NOBODY}, tmp_path)
    with pytest.raises(BadSetting, match=f"^--config {NOBODY}: there is no home"):
        load({}, {"ATHENA_FLOW_CONFIG": NOBODY}, tmp_path)
    file = tmp_path / FILE_NAME
    file.write_text(f'queries_dir = "{NOBODY}"', "utf-8")
    with pytest.raises(BadSetting, match=f"^{file}: queries_dir {NOBODY}: there is no home"):
        load({}, {}, tmp_path)
    assert load({"queries_dir": "own"}, {}, tmp_path).queries_dir == "own"


@pytest.mark.parametrize("key", ["logs", "catalog", "output", "store", "sql", "ledger"])
def test_the_home_is_meant_whoever_says_it(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By flag, by variable and in a file: a shell leaves ``--catalog=~/x`` as it is."""
    monkeypatch.setenv("HOME", "/home/somebody")
    given = "~/net/x"
    variable = {f"ATHENA_FLOW_{key.upper()}": given}
    by_flag, by_variable = load({key: given}, {}, tmp_path), load({}, variable, tmp_path)
    (tmp_path / FILE_NAME).write_text(f'{key} = "{given}"', "utf-8")
    for found in (by_flag, by_variable, load({}, {}, tmp_path)):
        assert getattr(found, key) == "/home/somebody/net/x"


def test_what_a_shell_would_leave_alone_is_left_alone(tmp_path: Path) -> None:
    """A tilde further in, a URI, standard input."""
    for given in ("a/~b", "./~b", "s3://~bucket/~x", "-"):
        assert load({"sql": given}, {}, tmp_path).sql == given


def test_everything_below_the_home(
    cli: Cli, demo_tree: DemoTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs, statement and answer by ``~/``, as no shell has expanded them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "net").symlink_to(demo_tree.root)
    (tmp_path / "q.sql").write_text("SELECT count(*) AS n FROM vpc_flow_logs", "utf-8")
    words = ("run", "--logs=~/net", "--sql=~/q.sql", "--as", "json", "-o", "~/n.json")
    ran = cli(*words, cwd=demo_tree.root)
    assert ran.code == 0, ran.err
    (row,) = json.loads((tmp_path / "n.json").read_text("utf-8"))["rows"]
    assert row == [demo_tree.demo.records]
