"""Every saved query gives the same rows and notes from the local store as from the logs."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import NOW
from generated_logs import WINDOW, write_log

from athena_flow import given, ingesting, jobs, wire
from athena_flow.demo import write_demo, write_transit
from athena_flow.guard import Guard
from athena_flow.ports import Result, no_progress
from athena_flow.query import SavedQuery, library
from athena_flow.settings import Settings

LIBRARY = library()
NEEDS_A_WEEK = {"egress-baseline"}


@dataclass(frozen=True)
class Ingested:
    """A tree of logs, and a store that holds them."""

    logs: Path
    store: Path
    since: str | None = None
    until: str | None = None

    def ask(self, name: str, params: Sequence[str], *, stored: bool) -> tuple[list[str], Result]:
        """What `run` says before the rows, and the answer."""
        s = Settings(
            logs=str(self.logs),
            store=str(self.store),
            no_store=not stored,
            since=self.since,
            until=self.until,
            param=tuple(params),
            quiet=True,
        )
        asked, reading, notes = given.asked(s, name)
        engine = wire.open_engine(s, no_progress)
        _, result = jobs.run(asked, reading, engine, Guard(), no_progress)
        return notes, result


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ingested]:
    """Three days of the demo's two flow logs; generated ones of both kinds, text and Parquet."""
    demo = tmp_path_factory.mktemp("demo")
    write_demo(demo, NOW, days=3)
    write_transit(demo, NOW, days=3)
    mixed = tmp_path_factory.mktemp("mixed")
    for name, kind in (("v5", "text"), ("all", "parquet"), ("tgw", "parquet")):
        write_log(mixed / f"{name}-{kind}", name, kind)
    assert WINDOW.start
    assert WINDOW.end
    found = {
        "demo": Ingested(demo, tmp_path_factory.mktemp("stores") / "demo"),
        "mixed": Ingested(
            mixed,
            tmp_path_factory.mktemp("stores") / "mixed",
            WINDOW.start.isoformat(),
            WINDOW.end.isoformat(),
        ),
    }
    for tree in found.values():
        ingesting.run(Settings(logs=str(tree.logs), store=str(tree.store), quiet=True))
    return found


def _given(query: SavedQuery) -> Sequence[str]:
    module = importlib.import_module(f"expected_{query.group}")
    found: dict[str, list[str]] = getattr(module, "DEMO", {})
    return found.get(query.name, [])


@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.parametrize("tree", ["demo", "mixed"])
def test_the_store_answers_as_the_logs_do(
    tree: str, name: str, trees: dict[str, Ingested], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns, rows, bytes and notes are the same, but for the one that says whence they came."""
    monkeypatch.setenv("ATHENA_FLOW_NOW", NOW.isoformat())
    params = _given(LIBRARY[name])
    said, text = trees[tree].ask(name, params, stored=False)
    said_of_store, stored = trees[tree].ask(name, params, stored=True)
    assert said_of_store == said
    assert stored.columns == text.columns
    assert [*stored.rows] == [*text.rows]
    assert stored.scanned_bytes == text.scanned_bytes
    *notes, whence = stored.notes
    assert tuple(notes) == text.notes
    assert whence.startswith("read from the store: ")
    assert "themselves" not in whence
    assert text.rows or tree == "mixed" or name in NEEDS_A_WEEK
