"""Every saved query: its rows equal an answer worked out in plain Python, on every log that has
its fields, and on the demo's logs it finds what was planted.

A query is tested by a function of its name in ``expected_<group>.py``; see queries/README.md.
"""

from __future__ import annotations

import importlib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from asked import Asked
from conftest import NOW, DemoTree
from demo_logs import demo_of
from generated_logs import KINDS, WINDOW, Log, write_log
from loaded_logs import Loaded

from athena_flow import jobs, params
from athena_flow.engines.duckdb import DuckDBEngine, evaluate, parquet_schema
from athena_flow.errors import MissingFields
from athena_flow.guard import Guard
from athena_flow.header import GROUPS
from athena_flow.jobs import Reading
from athena_flow.local import list_logs, tree_of
from athena_flow.ports import no_progress
from athena_flow.prices import price_in
from athena_flow.query import SavedQuery, bind, library
from athena_flow.window import Window

LIBRARY = library()
HERE = Path(__file__).parent
PRICE = price_in("us-east-1", None)

each_query = pytest.mark.parametrize("name", LIBRARY)


@cache
def _expected(group: str) -> ModuleType:
    assert (HERE / f"expected_{group}.py").is_file(), (
        f"tests/queries/expected_{group}.py is missing"
    )
    return importlib.import_module(f"expected_{group}")


def _function(query: SavedQuery) -> Callable[[Asked], Sequence[tuple]]:
    """The query's independent answer. Fails by name where nobody wrote one."""
    name = query.name.replace("-", "_")
    found = getattr(_expected(query.group), name, None)
    assert found, f"write {name}(asked) in tests/queries/expected_{query.group}.py"
    return found


def _table(query: SavedQuery, name: str) -> Mapping[str, Any]:
    return getattr(_expected(query.group), name, {})


def _cases(query: SavedQuery) -> list[list[str]]:
    """The parameters that a query is tried with: none where it needs none, and its CASES."""
    cases = _table(query, "CASES").get(query.name, [])
    needed = [p.name for p in query.params if p.required]
    assert cases or not needed, f"{query.name} needs {needed}: give CASES"
    return [*([] if needed else [[]]), *cases]


# ---------------------------------------------------------------- running one


@dataclass(frozen=True)
class Ran:
    """A query's answer, and what an independent one is worked out from."""

    rows: Sequence[tuple]
    values: Mapping[str, Any]


def _run(query: SavedQuery, given: Sequence[str], root: Path, window: Window) -> Ran:
    """As `run --logs` does it, from the files. Raises MissingFields."""
    listing = list_logs(str(root))
    tree = tree_of(
        listing, window, None, query.requires, lambda p: [c for c, _ in parquet_schema(p)]
    )
    values = params.bind(query.params, given, NOW)
    bound = bind(query, values, tree.spec, window, tree.common)
    reading = Reading(tree, tree, evaluate, PRICE, datetime.now(UTC))
    _, result = jobs.run(bound, reading, DuckDBEngine(), Guard(), no_progress)
    return Ran(result.rows, values)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _same(one: Any, two: Any) -> bool:
    """Equal, where two floats may differ in their last digits."""
    one, two = _plain(one), _plain(two)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, float) or isinstance(two, float):
        numbers = isinstance(one, int | float) and isinstance(two, int | float)
        return numbers and math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == two)


def _compare(found: Sequence[tuple], wanted: Sequence[tuple], what: str) -> None:
    for n, (one, two) in enumerate(zip(found, wanted, strict=False)):
        assert _same(one, two), f"{what}: row {n}:\n  query    {one}\n  expected {two}"
    assert len(found) == len(wanted), f"{what}: {len(found)} rows, expected {len(wanted)}"


def _asked(records: Sequence[dict], columns: Sequence[str], values: Mapping[str, Any]) -> Asked:
    return Asked(records, frozenset(columns), SimpleNamespace(**values))


# ---------------------------------------------------------------- generated logs


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Log]:
    root = tmp_path_factory.mktemp("generated")
    return [write_log(root / f"{name}-{kind}", name, kind) for name, kind in KINDS]


@pytest.fixture(scope="module")
def loaded(logs: list[Log]) -> dict[str, tuple[Log, Loaded]]:
    """Each format's log and its records in DuckDB; files of text and Parquet hold the same."""
    texts = [log for log in logs if log.name.endswith("-text")]
    return {
        log.name.removesuffix("-text"): (log, Loaded(log.format, log.records, log.places))
        for log in texts
    }


@pytest.fixture(scope="module")
def shuffled(loaded: dict[str, tuple[Log, Loaded]]) -> dict[str, Loaded]:
    """The same records in another order: rows that tie in the log and in the answer."""

    def mixed(log: Log) -> Loaded:
        both = list(zip(log.records, log.places, strict=True))
        random.Random(-7).shuffle(both)
        records, places = zip(*both, strict=True)
        return Loaded(log.format, records, places)

    return {name: mixed(log) for name, (log, _) in loaded.items() if name in ("all", "tgw")}


def _values(query: SavedQuery, given: Sequence[str]) -> dict[str, Any]:
    return params.bind(query.params, given, NOW)


@each_query
def test_rows_equal_an_independent_answer(
    name: str, loaded: dict[str, tuple[Log, Loaded]], shuffled: dict[str, Loaded]
) -> None:
    """On each log that has its fields, a query's rows are those that plain Python works out; the
    same records in another order give the same rows in the same order, ties included."""
    query, answer = LIBRARY[name], _function(LIBRARY[name])
    able = {title: one for title, one in loaded.items() if not query.missing(one[0].format)}
    assert able, "no generated log has its fields"
    some = 0
    for title, (log, table) in able.items():
        for given in _cases(query):
            values = _values(query, given)
            rows = table.ask(query, values, WINDOW).rows
            asked = _asked(log.within(WINDOW), log.format.columns, values)
            _compare(rows, answer(asked), f"{name} {given} on {title}")
            some += len(rows)
            if title in shuffled:
                again = shuffled[title].ask(query, values, WINDOW).rows
                _compare(rows, again, f"{name} {given}: the order of the records shows")
    assert some, "no generated log gives a row: the comparison is empty"


@each_query
def test_a_run_over_files_gives_those_rows(name: str, logs: list[Log]) -> None:
    """`run` over text and over Parquet files gives them too; one of the two within a window, the
    other without --since, where all records count, also on the logs' first and last day."""
    query, answer = LIBRARY[name], _function(LIBRARY[name])
    able = [log for log in logs if not query.missing(log.format)]
    given = _cases(query)[0]
    text, parquet = able[-2:]
    assert (text.name[:3], text.name[-5:]) == (parquet.name[:3], "-text")
    windows = (WINDOW, Window()) if list(LIBRARY).index(name) % 2 else (Window(), WINDOW)
    for log, window in zip((text, parquet), windows, strict=True):
        ran = _run(query, given, log.root, window)
        records = log.within(window) if window == WINDOW else log.records
        asked = _asked(records, log.format.columns, ran.values)
        _compare(ran.rows, answer(asked), f"{name} {given} on {log.name}")


@each_query
def test_without_its_fields_a_query_reaches_no_engine(name: str, logs: list[Log]) -> None:
    """On a log that lacks a required field it is refused, naming what is missing."""
    query = LIBRARY[name]
    for log in logs:
        missing = query.missing(log.format)
        if missing:
            with pytest.raises(MissingFields) as caught:
                _run(query, _cases(query)[0], log.root, WINDOW)
            assert missing[0].replace("_", "-") in str(caught.value)


# ---------------------------------------------------------------- the demo's logs


@each_query
def test_the_demo_has_something_to_find(name: str, demo_folder: DemoTree) -> None:
    """With its defaults each query has rows on the demo's mixed tree, and they are right."""
    query, answer = LIBRARY[name], _function(LIBRARY[name])
    demo_logs = demo_of(demo_folder.root)
    values = _values(query, _table(query, "DEMO").get(query.name, []))
    kinds = demo_logs.fit(query)
    table = demo_logs.table(kinds)
    ran = table.ask(query, values, Window())
    assert ran.rows, "no rows: the demo plants nothing for it"
    asked = _asked(demo_logs.records(kinds), [*table.common], values)
    _compare(ran.rows, answer(asked), f"{name} on the demo")
    finds = _table(query, "FINDS").get(query.name)
    if finds:
        rows = [dict(zip(ran.columns, row, strict=True)) for row in ran.rows]
        assert finds(rows, demo_folder.demo.planted), rows[:3]
    assert finds or query.group != "detect", "a detection says in FINDS what it has to find"


@each_query
def test_less_fields_give_the_same_columns(name: str) -> None:
    """What improves a query changes its rows, never the names of its columns."""
    from test_rendered_queries import rendered

    shapes = {tuple(tree.named_selects) for _, tree in rendered(LIBRARY[name])}
    assert len(shapes) == 1, shapes


def test_every_group_is_one_of_the_catalog() -> None:
    """A query stands in a group that the catalog knows, and every expectation has its query."""
    assert {query.group for query in LIBRARY.values()} <= GROUPS.keys()
    for path in HERE.glob("expected_*.py"):
        module = importlib.import_module(path.stem)
        for table in ("CASES", "DEMO", "FINDS"):
            unknown = getattr(module, table, {}).keys() - LIBRARY.keys()
            assert not unknown, (path.name, table, unknown)


def test_a_log_is_what_was_asked_for(logs: list[Log]) -> None:
    """The generator makes ties, holes in every field that may have one, and empty records."""
    full = next(log for log in logs if log.name == "all-text")
    assert len(full.within(WINDOW)) > 500
    for column in full.format.columns:
        values = [r[column] for r in full.records]
        assert len(set(values)) < len(values), column
        holes = sum(value in (None, "-") for value in values)
        always = column.replace("_", "-") in ("version", "account-id", "region", "start", "end")
        assert (holes == 0) == (always or column == "log_status"), column
    assert {r["log_status"] for r in full.records} == {"OK", "NODATA", "SKIPDATA"}
    parquet = next(log for log in logs if log.name == "all-parquet")
    assert parquet.records == full.records
    assert replace(parquet, root=full.root, name=full.name) == full
