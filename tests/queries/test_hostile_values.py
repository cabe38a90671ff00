"""Hostile texts, spread over every parameter of every saved query: none of them becomes SQL.

There are two walls, and each is tried alone. A parameter's type refuses a text, or makes a value
of it. A value, whatever it is, becomes a literal: so that this holds without the first wall, the
raw texts are put in place of the values as well.
"""

from __future__ import annotations

import importlib
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache

import pytest
import sqlglot
from sqlglot import exp
from test_rendered_queries import LIBRARY, WINDOW, spec_of, ways

from athena_flow import macros, params
from athena_flow.errors import BadParameter
from athena_flow.params import TYPES, Param, Value, written
from athena_flow.query import SavedQuery, check_read_only, render
from athena_flow.sqltext import literal
from athena_flow.table import TableSpec

CLOCK = datetime(2026, 11, 21, tzinfo=UTC)
FRAGMENTS = [
    *("'", "''", '"', '""', "`", "\\", "\\'", "\\\\'", ";", "--", "/*", "*/", "#", "\n", "\r"),
    *("\r\n", "\t", "\x0b", "\u2028", "\u2019", "\uff07", "\u02bc", "\ufeff", "\x1b", "%", "_"),
    *("{{", "}}", "{% raw %}", "{#", "${x}", "$$", "E'", "U&'", "x'", "\\u0027", "&apos;"),
    *(" OR 1=1", " UNION SELECT 1", "; DROP TABLE t", ")", "(", " AND (", "NULL", "@x", ":x", "?"),
    *("in_cidr(srcaddr, '0.0.0.0/0')", "is_private(srcaddr)", ") IS NOT NULL --", "','", "0-65535"),
    *("10.0.0.1", "50", "day", "hour", "0", "1e9", "-1", "\u0665", "\U0001f600", "", "::1/128"),
    *("{{ table }}", "', (SELECT 1), '", "athena_flow_value_7d1e", "0x1F", "1_000", "TRUE"),
]
EACH = 96
"""Texts for one parameter."""
ROUNDS = 48
"""Statements for one query, each with texts for all its parameters."""
LEAST = 20
"""Texts for one parameter that have to be seen in a statement."""
IN_A_LIST = (1, 3, 7)
"""How many of them a list holds, in turns."""

each_query = pytest.mark.parametrize("name", LIBRARY)


def _texts(query: SavedQuery, param: Param) -> list[str]:
    """Hostile texts for one parameter, always the same: alone, and around a text that it takes."""
    dice = random.Random(f"{query.name}/{param.name}")
    calm = _calm(query, param)
    around = [*(f"{calm}{f}" for f in FRAGMENTS), *(f"{f}{calm}" for f in FRAGMENTS)]
    pairs = ["".join(pair) for pair in itertools.product(FRAGMENTS, repeat=2)]
    found = dict.fromkeys([calm, *FRAGMENTS, *dice.sample(around, 15), *dice.sample(pairs, 5)])
    while len(found) < EACH:
        parts = dice.choices([*FRAGMENTS, calm], k=dice.randint(2, 6))
        found["".join(parts)] = None
    return list(found)


def _calm(query: SavedQuery, param: Param) -> str:
    """A text that the parameter takes: of a pattern without a default, one that a test gives."""
    if param.choices:
        return param.choices[0]
    default = param.default[:1] if isinstance(param.default, tuple) else (param.default,)
    if default and default[0] is not None:
        return written(default[0])
    if param.pattern:
        cases = importlib.import_module(f"expected_{query.group}").CASES[query.name]
        given = [text.partition("=") for case in cases for text in case]
        return next(text for name, _, text in given if name == param.name)
    return TYPES[param.type].example


# ---------------------------------------------------------------- two statements side by side


Node = tuple[int, type, str, str]
"""How deep it hangs, its kind, the argument that it is, and its text if it has one."""


def _nodes(sql: str) -> list[Node]:
    """A statement's tree, node after node; of a literal the text that it stands for.

    sqlglot reads the unit of date_trunc, a string in SQL, as a Var, and -1 as Neg of 1.
    """
    (tree,) = sqlglot.parse(sql, dialect="athena")
    assert tree is not None
    return list(_walked(tree, 0, ""))


_benign_nodes = lru_cache(256)(_nodes)


def _walked(node: exp.Expression, depth: int, key: str) -> Iterator[Node]:
    if isinstance(node, exp.Literal | exp.Var | exp.Boolean | exp.Null | exp.Neg):
        yield depth, exp.Literal, key, node.sql("athena")
        return
    own = [(k, v) for k, v in node.args.items() if isinstance(v, str | bool) and v is not False]
    yield depth, type(node), key, repr(own)
    for held, found in node.args.items():
        for item in found if isinstance(found, list) else (found,):
            if isinstance(item, exp.Expr):
                yield from _walked(item, depth + 1, held)


def _in_place(hostile: str, benign: str, pairs: Mapping[str, str]) -> set[str]:
    """The benign literals in whose place hostile ones stand.

    Fails unless that is the one difference of the two statements. ``pairs`` are their texts in
    SQL, the benign one first.
    """
    one, two = _nodes(hostile), _benign_nodes(benign)
    assert [node[:3] for node in one] == [node[:3] for node in two], hostile
    swapped = set()
    for (_, kind, _, text), (*_, calm) in zip(one, two, strict=True):
        if text != calm:
            assert kind is exp.Literal, (text, calm)
            assert pairs.get(calm) == text, (text, calm)
        if calm in pairs:
            assert text == pairs[calm], (text, calm)
            swapped.add(calm)
    return swapped


# ---------------------------------------------------------------- the first wall: types


def _bound(query: SavedQuery, param: Param, texts: Sequence[str]) -> dict[str, Value]:
    """The query's values with these texts for a parameter. Raises BadParameter."""
    others = [p for p in query.params if p.required and p is not param]
    given = [f"{p.name}={_calm(query, p)}" for p in others]
    given += [f"{param.name}={_escaped(text, param)}" for text in texts]
    return params.bind(query.params, given, CLOCK)


def _escaped(text: str, param: Param) -> str:
    """A text that begins with @ as one, where @ means a file."""
    return f"@{text}" if text.startswith("@") and param.many else text


@cache
def _taken(name: str, param: str) -> Mapping[str, Value]:
    """The texts that a parameter takes, and what it makes of each; all others are refused."""
    query = LIBRARY[name]
    (found,) = [p for p in query.params if p.name == param]
    taken: dict[str, Value] = {}
    for text in _texts(query, found):
        try:
            value = _bound(query, found, [text])[param]
        except BadParameter:
            continue
        taken[text] = value[0] if isinstance(value, tuple) else value
    return taken


@each_query
def test_a_type_refuses_or_makes_a_value(name: str) -> None:
    """What a parameter takes is a value of its type, alone or in a list; what it made of it
    stands in the statement in the place of another value of that type, and nothing else does."""
    query = LIBRARY[name]
    spec = spec_of(query, frozenset(query.improves))
    for param in query.params:
        taken = _taken(name, param.name)
        assert _calm(query, param) in taken
        assert len(taken) < EACH or param.type == "string", "takes whatever it is given"
        several = [list(taken), [*taken, *reversed(taken)]] if param.many else []
        distinct = {str(value): [text] for text, value in taken.items()}
        for texts in [*distinct.values(), *several]:
            values = _bound(query, param, texts)
            sql = render(query, values, spec, WINDOW)
            if not param.choices and param.type != "bool":
                calm = [_calm(query, param)] * len(texts)
                twin = render(query, _bound(query, param, calm), spec, WINDOW)
                assert [n[:3] for n in _nodes(sql)] == [n[:3] for n in _nodes(twin)], texts
            check_read_only(macros.expand(sql), name)


# ---------------------------------------------------------------- the second wall: literals


@dataclass(frozen=True)
class Round:
    """One statement with hostile texts for all parameters, and its twin with benign ones."""

    hostile: Mapping[str, Value]
    benign: Mapping[str, Value]
    spec: TableSpec
    owners: Mapping[str, str]
    """A benign text in SQL -> the parameter that it is of."""
    pairs: Mapping[str, str]
    """A benign text in SQL -> the hostile one."""


def _rounds(query: SavedQuery) -> Iterator[Round]:
    """Each way in which the conditions come out, again and again, until all texts were used.

    A parameter that a condition looks at keeps the value of the way in every second round, as
    otherwise only one way would ever be seen.
    """
    found, texts = ways(query), {p.name: _endless(query, p) for p in query.params}
    for number in range(max(ROUNDS, 2 * len(found)) if query.params else 0):
        way, spec = found[number // 2 % len(found)]
        hostile, benign = dict(way.values), dict(way.values)
        owners, pairs = {}, {}
        for place, param in enumerate(query.params):
            kept = param.choices or param.type == "bool" or way.values[param.name] in (None, ())
            if kept and number % 2:
                continue
            size = IN_A_LIST[number % len(IN_A_LIST)] if param.many else 1
            raw = [next(texts[param.name]) for _ in range(size)]
            calm = [_twin(text, param, f"calm {place} {n}") for n, text in enumerate(raw)]
            hostile[param.name] = tuple(raw) if param.many else raw[0]
            benign[param.name] = tuple(calm) if param.many else calm[0]
            twins = {literal(c): literal(r) for c, r in zip(calm, raw, strict=True)}
            pairs |= twins
            owners |= dict.fromkeys(twins, param.name)
        yield Round(hostile, benign, spec, owners, pairs)


def _twin(text: str, param: Param, calm: str) -> str:
    """A benign text for which the conditions come out as for the hostile one."""
    return text if text in ("", *param.choices) else calm


def _endless(query: SavedQuery, param: Param) -> Iterator[str]:
    """The texts over and over, shuffled, so that each is seen at many parameters."""
    texts = _texts(query, param)
    random.Random(f"{param.name}/{query.name}").shuffle(texts)
    return itertools.cycle(texts)


@cache
def _reached(name: str) -> Mapping[str, frozenset[str]]:
    """The hostile texts that stood in a statement of the query, by parameter; each as a literal
    in the place of a benign one, in a statement of the same shape."""
    query, found = LIBRARY[name], {p.name: set[str]() for p in LIBRARY[name].params}
    for each in _rounds(query):
        hostile = render(query, each.hostile, each.spec, WINDOW)
        benign = render(query, each.benign, each.spec, WINDOW)
        for calm in _in_place(hostile, benign, each.pairs):
            found[each.owners[calm]].add(each.pairs[calm])
    return {param: frozenset(texts) for param, texts in found.items()}


@each_query
def test_every_text_stays_a_literal(name: str) -> None:
    """Whatever stands for a value, the statement is the same but for that literal: also what
    every type would have refused, in lists of several, and in every way to render the query."""
    for param in LIBRARY[name].params:
        seen, written_out = _reached(name)[param.name], f"{{{{ {param.name} }}}}"
        if written_out in LIBRARY[name].body:  # else it only chooses among texts of ours
            assert len(seen) >= LEAST, f"{param.name}: {len(seen)} texts reached a statement"


def test_there_are_enough_hostile_values() -> None:
    """At least 10,000 texts for parameters in all, and as many that stood in a statement."""
    tried = sum(len(_texts(q, p)) for q in LIBRARY.values() for p in q.params)
    assert tried >= 10_000
    assert sum(len(seen) for name in LIBRARY for seen in _reached(name).values()) >= 10_000


@pytest.mark.parametrize(
    "broken",
    [
        "SELECT 1 FROM t WHERE a = 'x' OR 1=1",
        "SELECT 1 FROM t WHERE a = 'y'",
        "SELECT 1 FROM t WHERE a = x",
        "SELECT 2 FROM t WHERE a = 'x'",
        "SELECT 1 FROM u WHERE a = 'x'",
        "SELECT 1 FROM t WHERE b = 'x'",
        "SELECT 1 FROM t WHERE a <> 'x'",
        "SELECT 1 FROM t WHERE a = 'calm'",
        "SELECT DISTINCT 1 FROM t WHERE a = 'x'",
        "SELECT 1 FROM t WHERE a = 'x' LIMIT 1",
    ],
)
def test_another_statement_is_noticed(broken: str) -> None:
    """The comparison itself: any other difference than the value fails it."""
    calm, pairs = "SELECT 1 FROM t WHERE a = 'calm'", {"'calm'": "'x'"}
    assert _in_place(calm.replace("calm", "x"), calm, pairs) == {"'calm'"}
    with pytest.raises(AssertionError):
        _in_place(broken, calm, pairs)
