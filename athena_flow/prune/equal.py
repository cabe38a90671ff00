"""Columns that a join makes equal: what is known of one is known of the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sqlglot import exp

from athena_flow.prune.names import Scope, marked, position

Place = tuple[int, int]
"""A source and a position in it."""


def carried(
    scope: Scope, found: Iterable[exp.Expr], conditions: Sequence[Sequence[exp.Expr]]
) -> Iterator[tuple[int, exp.Expr]]:
    """Conditions on one column, by the source that has a column equal to it.

    ``found`` are conjuncts that hold for every row of the join, ``conditions`` those on each
    source. Only columns of tables, of one type, and rows that no outer join makes up: as far as
    Trino's EqualityInference goes at the least.
    """
    for places in _classes(scope, found):
        for source, column in places:
            for condition in conditions[source]:
                if {position(c)[1] for c in condition.find_all(exp.Column)} == {column}:
                    yield from (
                        (at, _moved(condition, place)) for at, place in places if at != source
                    )


def _classes(scope: Scope, found: Iterable[exp.Expr]) -> list[set[Place]]:
    """Columns that are equal to each other, two or more each time."""
    classes: dict[Place, set[Place]] = {}
    for one, two in (*_compared(scope, found), *_merged(scope)):
        if _kind(scope, one) and _kind(scope, one) == _kind(scope, two):
            both = classes.get(one, {one}) | classes.get(two, {two})
            classes |= dict.fromkeys(both, both)
    return list({id(each): each for each in classes.values()}.values())


def _compared(scope: Scope, found: Iterable[exp.Expr]) -> Iterator[tuple[Place, Place]]:
    every = frozenset(range(len(scope.sources)))
    for condition in found:
        if isinstance(condition, exp.EQ):
            sides = [condition.this.unnest(), condition.expression.unnest()]
            places = [scope.place(s, every) for s in sides if isinstance(s, exp.Column)]
            if len(places) == 2 and places[0] and places[1]:
                yield places[0], places[1]


def _merged(scope: Scope) -> Iterator[tuple[Place, Place]]:
    """What USING makes equal."""
    owners: dict[str, list[Place]] = defaultdict(list)
    for at, source in enumerate(scope.sources):
        for name in scope.merged:
            if source.names is not None and source.names.count(name) == 1:
                owners[name].append((at, source.names.index(name)))
    for places in owners.values():
        yield from ((places[0], other) for other in places[1:])


def _kind(scope: Scope, place: Place) -> str:
    """The type of a table's column; empty where an outer join may have made its row up."""
    return "" if place[0] in scope.nulled else scope.kind(*place)


def _moved(condition: exp.Expr, place: int) -> exp.Expr:
    copy = exp.paren(condition.copy(), copy=False)
    for column in list(copy.find_all(exp.Column)):
        column.replace(marked(0, place))
    found: exp.Expr = copy.this
    return found
