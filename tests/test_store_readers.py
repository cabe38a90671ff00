"""A store that is read while others write, lies where it did not, or cannot be written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Ran
from dirty import HEADER, KINDS, ONE, TWO, put, text
from ingested import Tree, ask, ask_away, check_clean, filled, ingested, laid

from athena_flow import store as stores
from athena_flow.engines.duckdb import answers
from athena_flow.errors import BadSetting
from athena_flow.manifest import Kept, Piece
from athena_flow.store import Store

Cli = Callable[..., Ran]
COUNT = "SELECT count(*) FROM db.logs"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two folders of one good log each, ingested."""
    return filled(tmp_path, {"1/a.log": KINDS["crlf.log"], "2/a.log": KINDS["crlf.log"]})


def add(tree: Tree, name: str) -> Tree:
    """A further good log."""
    more = {str(tree.root / name): KINDS["crlf.log"]}
    put(more)
    return replace(tree, files={**tree.files, **more})


def test_an_ingest_between_two_reads_of_the_manifest(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query sees the store before it or after it: no row twice, none missing."""
    tree = add(tree, "2/b.log")
    pieces = Store._pieces
    pending = [True]

    def slow(store: Store, source: int, logs: Mapping[int, Sequence[Kept]]) -> Iterator[Piece]:
        if pending:
            pending.clear()
            ingested(tree)
        yield from pieces(store, source, logs)

    monkeypatch.setattr(Store, "_pieces", slow)
    assert ask(tree, COUNT).rows == [(6,)]
    assert not pending
    assert ask_away(tree, COUNT).rows == [(6,)]


def test_ingests_while_a_query_goes_on(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has found stays until it has ended, and goes with the ingest after that."""
    answer = answers._answer

    def slow(*given: object) -> object:
        nonlocal tree
        for name in ("1/b.log", "1/c.log"):
            tree = add(tree, name)
            ingested(tree)
        return answer(*given)

    with monkeypatch.context() as patched:
        patched.setattr(answers, "_answer", slow)
        assert ask(tree, COUNT).rows == [(4,)]
    assert ask_away(tree, COUNT).rows == [(8,)]
    ingested(tree)
    check_clean(tree)


def test_a_folder_of_somebody_is_no_store(tmp_path: Path) -> None:
    """Not even one whose folders are called as ours: nothing in it is touched."""
    tree = laid(tmp_path, {"a.log": KINDS["crlf.log"]})
    for name in ("work/thesis.txt", "lockers/y"):
        (tree.store / name).parent.mkdir(parents=True)
        (tree.store / name).write_text("mine")
    with pytest.raises(BadSetting, match="holds other things and is no store: lockers, work"):
        ingested(tree)
    assert (tree.store / "work/thesis.txt").read_text() == "mine"


def test_a_store_that_cannot_be_written_is_read(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is mounted read-only."""

    def access(path: Path, mode: int) -> bool:
        return mode != os.W_OK and path.exists()

    monkeypatch.setattr(stores.os, "access", access)
    result = ask_away(tree, COUNT)
    assert result.rows == [(4,)]
    assert result.notes == ("read from the store: 2 files",)


@pytest.mark.parametrize("inside", ["a[1]", "s*", "w?", "[", "]"])
def test_names_are_no_patterns(cli: Cli, tmp_path: Path, inside: str) -> None:
    """DuckDB takes paths for patterns; another folder that one of them fits is not read."""
    here, *others = (tmp_path / "logs" / name for name in (inside, "a1", "sw", "w1"))
    for folder in (here, *others):
        folder.mkdir(parents=True)
        (folder / "a.log").write_bytes(text(HEADER, ONE if folder == here else TWO))
    words = ("--sql", "-", "--as", "json")
    for number, folder in enumerate((here, *others)):
        as_parquet = tmp_path / f"{number}.parquet"
        every = "SELECT * FROM vpc_flow_logs"
        done = cli("run", *words[:2], "--logs", str(folder), "--as", "parquet", "-o",
                   str(as_parquet), stdin=every)  # fmt: skip
        assert not done.code, done.err
        as_parquet.rename(folder / "b.parquet")
        (folder / "a.log").unlink()
    sql = "SELECT interface_id, count(*) FROM vpc_flow_logs GROUP BY 1"
    logs = ("--logs", str(here), "--store", str(tmp_path / "stores" / inside))
    expected = json.loads(cli("run", *words, "--logs", str(here), stdin=sql).out)["rows"]
    assert expected == [["eni-1", 1]]
    assert not cli("ingest", *logs).code
    done = cli("run", *words, *logs, stdin=sql)
    assert json.loads(done.out)["rows"] == expected
    assert "read from the store: 1 file" in done.err
