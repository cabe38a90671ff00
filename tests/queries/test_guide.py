"""queries/README.md names everything that a header, a parameter and a body may hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from athena_flow import publish, trial
from athena_flow.header import GROUPS
from athena_flow.macros import MACROS
from athena_flow.params import TYPES
from athena_flow.query import parse_query, shipped_folder

GUIDE = (shipped_folder() / "README.md").read_text("utf-8")


@pytest.mark.parametrize("call", [macro.call for macro in MACROS.values()])
def test_every_macro_is_explained(call: str) -> None:
    """A new macro has its line in the table."""
    assert f"| `{call}` | " in GUIDE


@pytest.mark.parametrize("word", [*TYPES, *GROUPS])
def test_every_type_and_group_is_named(word: str) -> None:
    """A new type or group is in its table."""
    assert re.search(rf"`{word}`", GUIDE)


def test_the_shapes_of_json_are_told() -> None:
    """Each key of what `queries test` and `queries publish` print is explained."""
    (entry,) = trial.document([trial.Trial("who-talks", "own/who-talks.sql")])
    none = publish.Changes((), (), (), ())
    answer = publish.document("primary", "db.t", none, [], done=True)
    for key in (*entry, *answer):
        assert re.search(rf'[`"]{key}[`"]', GUIDE), key


def test_the_example_is_a_query() -> None:
    """What the guide shows passes every check."""
    (text,) = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
    query = parse_query(text, Path("example.sql"))
    assert [p.name for p in query.params] == ["ports"]
    assert [str(alias) for alias in query.aliases] == [
        "VpcFlowLogsSomething",
        "high-port-scan -p ports=32768-65535",
    ]
