"""The README says what is true: generated parts are current, and its examples run."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import DemoTree, Ran

from athena_flow.fields import FIELDS
from athena_flow.header import GROUPS
from athena_flow.layout import LAYOUTS
from athena_flow.query import library, parse_query

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _queries() -> str:
    rows = (
        (title, f"[`{q.name}`](queries/README.md#{q.name})", q.title)
        for group, title in GROUPS.items()
        for q in library().values()
        if q.group == group
    )
    return _table(("group", "query", "title"), rows)


def _fields() -> str:
    rows = ((f.kind, f"`{f.name}`", f.athena_type, str(f.version), f.doc) for f in FIELDS)
    return _table(("log", "field", "type", "version", "meaning"), rows)


def _layouts() -> str:
    rows = (
        (f"`{x.name}`", ", ".join(f"`{key}`" for key in x.keys), f"`{x.template}`")
        for x in LAYOUTS.values()
    )
    return _table(("layout", "partition keys", "folders below the location"), rows)


@pytest.mark.parametrize(
    ("part", "text"),
    [("queries", _queries), ("fields", _fields), ("layouts", _layouts)],
    ids=["queries", "fields", "layouts"],
)
def test_generated_parts_are_current(
    part: str, text: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    """A generated block of the README is what the code would generate now."""
    readme = README.read_text("utf-8")
    block = re.compile(rf"(<!-- generated: {part} -->\n).*?(<!-- end -->)", re.DOTALL)
    wanted = block.sub(lambda m: f"{m[1]}{text()}\n{m[2]}", readme)
    if request.config.getoption("--update-golden"):
        README.write_text(wanted, "utf-8")
    assert block.search(readme), f"no block {part}"
    assert README.read_text("utf-8") == wanted


def _examples() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize("command", _examples())
def test_examples_run(command: str, cli: Callable[..., Ran], demo_tree: DemoTree) -> None:
    """Every `$ athena-flow` line of the README works in the demo's folder and prints something."""
    program, *words = shlex.split(command)
    assert program == "athena-flow"
    ran = cli(*words, cwd=demo_tree.root)
    assert ran.code == 0, ran.err
    assert ran.out


def test_the_example_query_is_one() -> None:
    """The query that the README shows passes every check of a saved query."""
    (text,) = re.findall(r"```sql\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    query = parse_query(text, Path("port-talkers.sql"))
    assert [p.name for p in query.params] == ["port"]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """`.ci/run` calls the very line that a newcomer is told to type."""
    commands = re.findall(r"```sh\n(python3 -m venv .*?)\n```", README.read_text("utf-8"))
    assert len(commands) == 2
    assert commands[0].endswith("athena-flow demo")
    assert commands[1] in (ROOT / ".ci/run").read_text("utf-8").splitlines()


def test_only_what_git_holds_is_in_the_project() -> None:
    """No machine path stands in a committed file."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    words = ("/" + "work/", "/" + "root/")
    for name in listed.stdout.splitlines():
        text = (ROOT / name).read_text("utf-8", errors="replace")
        assert not [word for word in words if word in text], name
