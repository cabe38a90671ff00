"""Every saved query: its rows equal an answer worked out in plain Python, on every log that has
its fields, and on the demo's logs it finds what was planted.

A query is tested by a function of its name in ``expected_<group>.py``; see queries/README.md.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from asked import Asked
from conftest import NOW, Line, read_lines
from generated_logs import KINDS, WINDOW, Log, typed, write_log

from athena_flow import jobs, params
from athena_flow.cost import Budget, price_in
from athena_flow.demo import ALL_FIELDS, TRANSIT, TRANSIT_FIELDS, Demo, prepare
from athena_flow.engines.duckdb import DuckDBEngine, evaluate, parquet_schema
from athena_flow.errors import MissingFields
from athena_flow.header import GROUPS
from athena_flow.jobs import Reading
from athena_flow.local import read_tree
from athena_flow.ports import Result, no_progress
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

    result: Result
    values: Mapping[str, Any]


def _run(query: SavedQuery, given: Sequence[str], root: Path, window: Window) -> Ran:
    """As `run --logs` does it. Raises MissingFields."""
    tree = read_tree(
        str(root), window, None, query.requires, lambda p: [c for c, _ in parquet_schema(p)]
    )
    values = params.bind(query.params, given, NOW)
    bound = bind(query, values, tree.spec, window, tree.common)
    reading = Reading(tree, tree, evaluate, PRICE)
    _, result = jobs.run(
        bound, reading, DuckDBEngine(), Budget(None, None), lambda found: None, no_progress
    )
    return Ran(result, values)


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
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> list[Log]:
    """The same records in another order: rows that tie in the files and in the answer."""
    root = tmp_path_factory.mktemp("shuffled")
    return [write_log(root / name, name, "text", seed=-7) for name in ("all", "tgw")]


@each_query
def test_rows_equal_an_independent_answer(name: str, logs: list[Log]) -> None:
    """On each log that has its fields, a query's rows are those that plain Python works out."""
    query, answer = LIBRARY[name], _function(LIBRARY[name])
    able = [log for log in logs if not query.missing(log.format)]
    assert able, "no generated log has its fields"
    some = 0
    for log in able:
        for given in _cases(query):
            ran = _run(query, given, log.root, WINDOW)
            asked = _asked(log.within(WINDOW), log.format.columns, ran.values)
            _compare(ran.result.rows, answer(asked), f"{name} {given} on {log.name}")
            some += len(ran.result.rows)
    assert some, "no generated log gives a row: the comparison is empty"


@each_query
def test_everything_without_a_window(name: str, logs: list[Log]) -> None:
    """Without --since all records count, also on the logs' first and last day."""
    query, answer = LIBRARY[name], _function(LIBRARY[name])
    log = next(log for log in reversed(logs) if not query.missing(log.format))
    ran = _run(query, _cases(query)[0], log.root, Window())
    asked = _asked(log.records, log.format.columns, ran.values)
    _compare(ran.result.rows, answer(asked), f"{name} on {log.name}")


@each_query
def test_the_order_of_records_does_not_matter(
    name: str, logs: list[Log], shuffled: list[Log]
) -> None:
    """The same records in another order give the same rows in the same order, ties included."""
    query = LIBRARY[name]
    for log in shuffled:
        if query.missing(log.format):
            continue
        (twin,) = [other for other in logs if other.name == f"{log.root.name}-text"]
        for given in _cases(query):
            one, two = (_run(query, given, at.root, WINDOW).result.rows for at in (twin, log))
            _compare(one, two, f"{name} {given}: the order of the records shows")


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


@dataclass(frozen=True)
class DemoLogs:
    root: Path
    demo: Demo
    vpc: list[dict]
    tgw: list[dict]


@pytest.fixture(scope="module")
def demo_logs(tmp_path_factory: pytest.TempPathFactory) -> DemoLogs:
    """What `athena-flow demo` writes: two flow logs in one tree."""
    root = tmp_path_factory.mktemp("queries-demo")
    demo = prepare(root, NOW)

    def records(below: str, fields: Any) -> list[dict]:
        lines: Sequence[Line] = list(read_lines((root / below).rglob("*.gz")))
        return [typed(line.record, fields) for line in lines]

    return DemoLogs(
        root,
        demo,
        records("AWSLogs", ALL_FIELDS.fields),
        records(TRANSIT, TRANSIT_FIELDS.fields),
    )


@each_query
def test_the_demo_has_something_to_find(name: str, demo_logs: DemoLogs) -> None:
    """With its defaults each query has rows on the demo's mixed tree, and they are right."""
    query, answer = LIBRARY[name], _function(LIBRARY[name])
    given = _table(query, "DEMO").get(query.name, [])
    ran = _run(query, given, demo_logs.root, Window())
    assert ran.result.rows, "no rows: the demo plants nothing for it"
    formats = {"vpc": ALL_FIELDS, "tgw": TRANSIT_FIELDS}
    fit = {kind: fmt for kind, fmt in formats.items() if not query.missing(fmt)}
    absent = dict.fromkeys(column for fmt in fit.values() for column in fmt.columns)
    records = [absent | record for kind in fit for record in getattr(demo_logs, kind)]
    common = set.intersection(*(set(fmt.columns) for fmt in fit.values()))
    _compare(ran.result.rows, answer(_asked(records, [*common], ran.values)), f"{name} on the demo")
    finds = _table(query, "FINDS").get(query.name)
    if finds:
        names = [column for column, _ in ran.result.columns]
        rows = [dict(zip(names, row, strict=True)) for row in ran.result.rows]
        assert finds(rows, demo_logs.demo.planted), rows[:3]
    assert finds or query.group != "detect", "a detection says in FINDS what it has to find"


@each_query
def test_less_fields_give_the_same_columns(name: str) -> None:
    """What improves a query changes its rows, never the names of its columns."""
    import sqlglot
    from test_rendered_queries import rendered

    shapes = {
        tuple(sqlglot.parse_one(sql, dialect="athena").named_selects)
        for sql in rendered(LIBRARY[name])
    }
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
