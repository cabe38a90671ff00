"""Every saved query in every way that it can be rendered: Athena's SQL, pruned, fully ordered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
import sqlglot
from sqlglot import exp

from athena_flow import macros
from athena_flow.engines.duckdb import evaluate
from athena_flow.fields import COLUMNS, TGW, VPC
from athena_flow.header import GROUPS
from athena_flow.layout import DAILY, LAYOUTS, Layout, Partition
from athena_flow.logformat import LogFormat
from athena_flow.params import TYPES, Param
from athena_flow.prune import Relation, chosen, table_scans
from athena_flow.query import SavedQuery, bind, library, parse_query, render
from athena_flow.reads import Variant, columns_read, variants
from athena_flow.table import TableSpec
from athena_flow.translate import to_duckdb
from athena_flow.window import DAY, Window

LIBRARY = library()
WINDOW = Window(datetime(2026, 11, 18, 6, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
each_query = pytest.mark.parametrize("name", LIBRARY)


def spec_of(query: SavedQuery, has: frozenset[str], layout: Layout = DAILY) -> TableSpec:
    """A table with every field of its kind of log but the improving ones that it is to lack."""
    fields = VPC if not query.missing(LogFormat(VPC)) else TGW
    lack = query.improves.keys() - has
    fmt = LogFormat(tuple(f for f in fields if f.column not in lack))
    return TableSpec("flow_logs", "logs", "s3://bucket/", fmt, layout)


@cache
def _ways(name: str) -> tuple[tuple[Variant, TableSpec], ...]:
    query = LIBRARY[name]
    found = variants(query.params, list(query.improves), query.body)
    return tuple((variant, spec_of(query, variant.has)) for variant in found)


def ways(query: SavedQuery) -> tuple[tuple[Variant, TableSpec], ...]:
    return _ways(query.name)


@cache
def _rendered(name: str) -> tuple[tuple[str, exp.Query], ...]:
    query, found = LIBRARY[name], []
    for variant, spec in _ways(name):
        sql = bind(query, variant.values, spec, WINDOW).sql
        tree = sqlglot.parse_one(sql, dialect="athena")
        assert isinstance(tree, exp.Query)
        found.append((sql, tree))
    return tuple(found)


def rendered(query: SavedQuery) -> tuple[tuple[str, exp.Query], ...]:
    """The statements that it can become, each with its tree in Athena's dialect."""
    return _rendered(query.name)


_asked_of = cache(lambda condition, keys, rows: tuple(evaluate(condition, dict(keys), rows)))


def _evaluated(
    condition: str, keys: Mapping[str, str], rows: Sequence[Sequence[str | None]]
) -> list[bool]:
    """`evaluate`, asked once for each condition: the statements of one query share theirs."""
    return list(_asked_of(condition, tuple(keys.items()), tuple(map(tuple, rows))))


@each_query
def test_the_file_passes_every_check(name: str) -> None:
    """Header against body, fields against statement: what is checked of a user's own query."""
    query = LIBRARY[name]
    assert parse_query(query.path.read_text("utf-8"), query.path) == query
    read = set().union(*(columns_read(sql, "logs") for sql, _ in rendered(query)))
    unread = {*query.requires, *query.improves} - read
    assert not unread or "*" in read, f"declared and not read: {unread}"


@each_query
def test_the_header_says_what_people_need(name: str) -> None:
    """Group, purpose, how to read it and caveats are there, as sentences; parameters have docs."""
    query = LIBRARY[name]
    assert query.group in GROUPS
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", query.name)
    for text in (query.description, query.read, *query.caveats):
        assert text.endswith("."), text
        assert text[0].isupper() or not text[0].isalpha(), text
    assert query.caveats
    assert len(query.title) <= 60
    assert not query.title.endswith(".")
    assert query.attack or query.group != "detect", "a detection names its technique"
    for param in query.params:
        assert param.doc, param.name
        assert param.required or param.many or param.default is not None or _tests(query, param)


def _tests(query: SavedQuery, param: Param) -> bool:
    """Is a parameter that may be NULL looked at before it is used?"""
    return f"{{% if {param.name} is not none" in query.body


@each_query
def test_it_is_athenas_sql_and_duckdbs(name: str) -> None:
    """It parses in Athena's dialect, no macro is left in it, and it translates for DuckDB."""
    query = LIBRARY[name]
    for (_, spec), (sql, _) in zip(ways(query), rendered(query), strict=True):
        assert macros.expand(sql) == sql
        assert len(sql.encode()) < 100_000
        to_duckdb(sql, {spec.key: dict((*spec.columns, *spec.keys))})


@each_query
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_it_prunes_partitions(name: str, layout: Layout) -> None:
    """Each scan of the table reads the partitions of the window and no others."""
    query = LIBRARY[name]
    days = [WINDOW.start + n * DAY - timedelta(hours=6) for n in range(-3, 5) if WINDOW.start]
    places = [
        Partition(account, "us-east-1", day + hours)
        for account in ("111122223333", "444455556666")
        for day in days
        for hours in (timedelta(), timedelta(hours=23))
        if layout.step < DAY or not hours
    ]
    wanted = [WINDOW.covers(place.start, layout.step) for place in places]
    assert 0 < sum(wanted) < len(places)
    found = ways(query)
    asked = {0, len(found) - 1} if layout is not DAILY else set(range(len(found)))
    for number, (variant, daily) in enumerate(found):
        spec = spec_of(query, variant.has, layout)
        sql = render(query, variant.values, spec, WINDOW)
        window = spec.predicate(WINDOW).text
        same = render(query, variant.values, daily, WINDOW)
        assert sql.replace(window, daily.predicate(WINDOW).text) == same
        if number not in asked:
            continue  # but for the window it is the statement that is asked for daily folders
        relation = Relation(dict(spec.columns), dict(spec.keys))
        scans = table_scans(macros.expand(sql), lambda _, __, found=relation: found)
        assert scans
        values = [spec.values(place) for place in places]
        for scan in scans:
            assert (
                list(chosen(scan, dict(spec.keys), values, _evaluated, WINDOW.end)[0]) == wanted
            ), scan


@each_query
def test_its_rows_have_one_order(name: str) -> None:
    """ORDER BY settles every tie: by all columns, or by those that tell the rows apart."""
    for sql, tree in rendered(LIBRARY[name]):
        keys = _keys(tree) - _fixed(tree)
        assert keys <= _ordered_by(tree), f"the order leaves ties among {keys}:\n{sql}"


def _ordered_by(tree: exp.Query) -> set[int]:
    """Positions of the columns by which the statement orders its rows."""
    names = [n.lower() for n in tree.named_selects]
    texts = [e.unalias().sql("trino").lower() for e in tree.selects]
    found = set()
    order = tree.args.get("order")
    for item in order.expressions if order else ():
        node = item.this
        if isinstance(node, exp.Literal):
            found.add(int(node.this) - 1)
        elif isinstance(node, exp.Column) and node.name.lower() in names:
            found.add(names.index(node.name.lower()))
        elif node.sql("trino").lower() in texts:
            found.add(texts.index(node.sql("trino").lower()))
    return found


def _fixed(tree: exp.Query) -> set[int]:
    """Positions of columns that WHERE sets equal to one value."""
    where = tree.args.get("where")
    tests = list(where.this.flatten()) if where and isinstance(where.this, exp.And) else []
    fixed = {
        test.this.name
        for test in tests
        if isinstance(test, exp.EQ) and isinstance(test.expression, exp.Literal)
    }
    return {n for n, e in enumerate(tree.selects) if isinstance(e, exp.Column) and e.name in fixed}


def _keys(tree: exp.Query) -> set[int]:
    """Positions of columns of which no two rows have the same values; all where none are known."""
    every = set(range(len(tree.selects)))
    if not isinstance(tree, exp.Select):
        return every
    selects = [e.unalias() for e in tree.selects]
    group = tree.args.get("group")
    if group and group.expressions:
        texts = [e.sql("trino").lower() for e in selects]
        found = set()
        for item in group.expressions:
            place = int(item.this) - 1 if isinstance(item, exp.Literal) else None
            text = item.sql("trino").lower()
            if place is None and text not in texts:
                return every
            found.add(texts.index(text) if place is None else place)
        return found
    if all(e.find(exp.AggFunc) and not e.find(exp.Window) for e in selects):
        return set()
    return _source_keys(tree, selects, every)


def _source_keys(tree: exp.Select, selects: list[exp.Expression], every: set[int]) -> set[int]:
    """The keys of the one CTE or subquery that the statement reads, where it shows them all."""
    source = tree.args.get("from_")
    if source is None or tree.args.get("joins") or tree.args.get("distinct"):
        return every
    ctes = {cte.alias: cte.this for cte in tree.ctes}
    inner = (
        source.this.this if isinstance(source.this, exp.Subquery) else ctes.get(source.this.name)
    )
    if not isinstance(inner, exp.Query):
        return every
    keys = [inner.named_selects[n] for n in _keys(inner)]
    shown = [e.name if isinstance(e, exp.Column) else _whole(e) for e in selects]
    return {shown.index(key) for key in keys} if set(keys) <= set(shown) else every


def _whole(node: exp.Expression) -> str:
    """The column of which a CASE of names shows every value: protocol_name and its like."""
    column = node.this if isinstance(node, exp.Case) else None
    return column.name if isinstance(column, exp.Column) else ""


def test_names_and_aliases_are_unique() -> None:
    """No two queries answer to one name, whatever its case."""
    names = [*LIBRARY, *(a.name for q in LIBRARY.values() for a in q.aliases)]
    assert len({name.lower() for name in names}) == len(names)


def test_every_type_has_an_example_that_it_takes() -> None:
    """The example of a type is a text of that type."""
    for kind, found in TYPES.items():
        if kind != "choice":
            found.read(found.example, datetime(2026, 1, 1, tzinfo=UTC))
    assert COLUMNS
