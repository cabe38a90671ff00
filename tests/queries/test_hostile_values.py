"""At least 10,000 hostile texts, spread over every parameter of every saved query."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime
from functools import cache

import pytest
import sqlglot
from sqlglot import exp
from test_rendered_queries import LIBRARY, WINDOW, spec_of, ways

from athena_flow import macros, params
from athena_flow.errors import BadParameter
from athena_flow.params import TYPES, Param, written
from athena_flow.query import SavedQuery, check_read_only, render

CLOCK = datetime(2026, 11, 21, tzinfo=UTC)
LEAST = 10_000
FRAGMENTS = [
    *("'", "''", '"', '""', "`", "\\", "\\'", "\\\\'", ";", "--", "/*", "*/", "#", "\n", "\r"),
    *("\r\n", "\t", "\x0b", "\u2028", "\u2019", "\uff07", "\u02bc", "\ufeff", "\x1b", "%", "_"),
    *("{{", "}}", "{% raw %}", "{#", "${x}", "$$", "E'", "U&'", "x'", "\\u0027", "&apos;"),
    *(" OR 1=1", " UNION SELECT 1", "; DROP TABLE t", ")", "(", " AND (", "NULL", "@x", ":x", "?"),
    *("in_cidr(srcaddr, '0.0.0.0/0')", "is_private(srcaddr)", ") IS NOT NULL --", "','", "0-65535"),
    *("10.0.0.1", "50", "day", "hour", "0", "1e9", "-1", "\u0665", "\U0001f600", "", "::1/128"),
]
PLACES = [(query, p.name) for query in LIBRARY.values() for p in query.params]
EACH = max(-(-LEAST // max(len(PLACES), 1)), 120)
"""Texts for one parameter."""


def _texts(query: SavedQuery, param: Param) -> list[str]:
    """Hostile texts for one parameter, always the same: alone, and around a text that it takes."""
    dice = random.Random(f"{query.name}/{param.name}")
    calm = _calm(param)
    texts = [*FRAGMENTS, *(f"{calm}{f}" for f in FRAGMENTS), *(f"{f}{calm}" for f in FRAGMENTS)]
    dice.shuffle(texts)
    found = dict.fromkeys([calm, *texts][:EACH])
    pairs = ["".join(pair) for pair in itertools.product(FRAGMENTS, repeat=2)]
    found |= dict.fromkeys(dice.sample(pairs, (EACH - len(found)) // 2))
    while len(found) < EACH:
        parts = dice.choices([*FRAGMENTS, calm], k=dice.randint(2, 6))
        found["".join(parts)] = None
    return list(found)


def _calm(param: Param) -> str:
    if param.choices:
        return param.choices[0]
    default = param.default[:1] if isinstance(param.default, tuple) else (param.default,)
    return written(default[0]) if default and default[0] is not None else TYPES[param.type].example


Shape = tuple[object, ...]


def _shape(sql: str) -> Shape:
    """A statement's tree with every literal replaced: kinds of nodes, where each hangs, names.

    sqlglot reads the unit of date_trunc, a string in SQL, as a Var.
    """
    (tree,) = sqlglot.parse(sql, dialect="athena")
    assert tree is not None
    return _node_shape(tree)


def _node_shape(node: exp.Expression) -> Shape:
    if isinstance(node, exp.Literal | exp.Var):
        return ("?",)
    parts: list[object] = [type(node)]
    for key, held in node.args.items():
        for item in held if isinstance(held, list) else (held,):
            if isinstance(item, exp.Expr):
                parts.append((key, _node_shape(item)))
            elif item is not None and item is not False:
                parts.append((key, item))
    return tuple(parts)


@cache
def _shapes(name: str) -> frozenset[Shape]:
    """The shapes that a query can have."""
    query = LIBRARY[name]
    return frozenset(_shape(render(query, v.values, s, WINDOW)) for v, s in ways(query))


def test_there_are_enough_hostile_values() -> None:
    """The test below tries at least 10,000 texts in all, some on every parameter."""
    counts = [len(_texts(q, p)) for q in LIBRARY.values() for p in q.params]
    assert sum(counts) >= LEAST
    assert min(counts) >= 100


@pytest.mark.parametrize(("query", "name"), PLACES, ids=lambda x: getattr(x, "name", x))
def test_no_hostile_value_changes_a_query(query: SavedQuery, name: str) -> None:
    """Each text is refused, or the statement keeps its shape and holds it as one literal."""
    (param,) = [p for p in query.params if p.name == name]
    spec = spec_of(query, frozenset(query.improves))
    shapes = _shapes(query.name)
    required = {p.name: _calm(p) for p in query.params if p.required and p.name != name}
    taken: dict[str, None] = {}
    for text in _texts(query, param):
        text = text.replace("@", "@@") if text.startswith("@") and param.many else text
        given = [f"{k}={v}" for k, v in (required | {name: text}).items()]
        try:
            values = params.bind(query.params, given, CLOCK)
        except BadParameter:
            continue
        taken[str(values[name])] = None
        rendered = render(query, values, spec, WINDOW)
        assert _shape(rendered) in shapes, text
        check_read_only(macros.expand(rendered), name)
        if param.type == "string":
            held = {
                n.this for n in sqlglot.parse_one(rendered, dialect="athena").find_all(exp.Literal)
            }
            value = values[name]
            assert (value[0] if isinstance(value, tuple) else value) in held or not held, text
    assert taken, "not one text was taken: the test tests nothing"
