"""queries/README.md lists every query, each with a run of it on the demo's logs: all of it true."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import NOW, DemoTree, Ran
from demo_logs import demo_of

from athena_flow import params
from athena_flow.fields import COLUMNS
from athena_flow.header import GROUPS
from athena_flow.output import rows_text
from athena_flow.query import SavedQuery, library, shipped_folder
from athena_flow.window import Window

LIBRARY = library()
PAGE = shipped_folder() / "README.md"
BLOCK = re.compile(r"(<!-- generated: catalog -->\n).*?(<!-- end -->)", re.DOTALL)
ROWS, TURNED_ROWS = 4, 2
"""Rows that an example shows; of a wide answer, which is shown turned, fewer."""
WIDTH = 100


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    for line in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(line)} |\n"


def catalog(root: Path) -> str:
    """The page's generated part; ``root`` is the demo's folder."""
    return "".join(_catalog(root))


def _catalog(root: Path) -> Iterator[str]:
    by_group = {g: [q for q in LIBRARY.values() if q.group == g] for g in GROUPS}
    for group, queries in by_group.items():
        yield f"\n### {GROUPS[group]}\n\n"
        head = ("query", "title", "parameters", "fields it needs", "also called")
        yield from _table(head, (_line(query) for query in queries))
        for query in queries:
            yield from _section(query, root)


def _line(query: SavedQuery) -> tuple[str, ...]:
    listed = (f"`{p.name}`" + (" (required)" if p.required else "") for p in query.params)
    return (
        f"[`{query.name}`](#{query.name})",
        query.title,
        ", ".join(listed),
        ", ".join(f"`{COLUMNS[c]}`" for c in query.requires),
        ", ".join(f"`{alias}`" for alias in query.aliases),
    )


def _section(query: SavedQuery, root: Path) -> Iterator[str]:
    yield f"\n#### {query.name}\n\n{query.description} {query.read}\n"
    if query.attack:
        yield f"MITRE ATT&CK: {', '.join(query.attack)}.\n"
    yield f"\n```console\n$ {_command(query)}\n{_shown(query, root)}```\n"


def _given(query: SavedQuery) -> list[str]:
    """The parameters of the example: those that its test on the demo needs, and few rows."""
    module = importlib.import_module(f"expected_{query.group}")
    given = [g for g in getattr(module, "DEMO", {}).get(query.name, []) if "limit=" not in g]
    limited = any(p.name == "limit" for p in query.params)
    return [*given, *([f"limit={ROWS}"] if limited else [])]


def _command(query: SavedQuery) -> str:
    words = [word for given in _given(query) for word in ("-p", given)]
    return shlex.join(["athena-flow", "run", query.name, "--logs", ".", *words])


def _shown(query: SavedQuery, root: Path) -> str:
    logs = demo_of(root)
    values = params.bind(query.params, _given(query), NOW)
    answer = logs.table(logs.fit(query)).ask(query, values, Window())
    text = "".join(rows_text(answer.columns, answer.rows[:ROWS], "table"))
    more = ["..."] if len(answer.rows) > ROWS else []
    if max(map(len, text.splitlines())) > WIDTH:
        some = [_cells(row) for row in answer.rows[:TURNED_ROWS]]
        turned = [(column, *(row[n] for row in some)) for n, column in enumerate(answer.columns)]
        head = ("column", *(f"row {n}" for n in range(1, len(some) + 1)))
        text = "".join(rows_text(head, turned, "table"))
        more = ["..."] if len(answer.rows) > TURNED_ROWS else []
    lines = [line.rstrip() for line in [*text.splitlines(), *more]]
    return "".join(f"{line}\n" for line in lines)


def _cells(row: Sequence[object]) -> list[str]:
    """A row as its table shows it."""
    _, *found = "".join(rows_text(["x"], [(value,) for value in row], "table")).split("\n")
    return [cell.strip() for cell in found][: len(row)]


def test_the_catalog_is_current(demo_folder: DemoTree, request: pytest.FixtureRequest) -> None:
    """Every query stands in it with what its header says and what it finds now."""
    page = PAGE.read_text("utf-8")
    assert BLOCK.search(page), "no block catalog"
    text = catalog(demo_folder.root)
    wanted = BLOCK.sub(lambda m: f"{m[1]}{text}\n{m[2]}", page)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(wanted, "utf-8")
    assert PAGE.read_text("utf-8") == wanted
    for name in LIBRARY:
        assert f"\n#### {name}\n" in wanted


@pytest.mark.parametrize("name", ["top-talkers", "port-scan", "tgw-packet-loss", "ioc-match"])
def test_its_examples_are_what_a_user_sees(
    name: str, cli: Callable[..., Ran], demo_folder: DemoTree
) -> None:
    """The command of an example prints the example's rows, in the demo's folder."""
    program, *words = shlex.split(_command(LIBRARY[name]))
    assert program == "athena-flow"
    ran = cli(*words, cwd=demo_folder.root)
    assert ran.code == 0, ran.err
    shown = _shown(LIBRARY[name], demo_folder.root).splitlines()
    printed = [line.rstrip() for line in ran.out.splitlines()]
    if shown[0].startswith("column"):
        first = [line[line.index("  ") :].split("  ") for line in shown[1:] if "  " in line]
        for cells in first:
            assert next(filter(None, cells)).strip() in printed[1]
    else:
        assert shown == printed[: len(shown)]
