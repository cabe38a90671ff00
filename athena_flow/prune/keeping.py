"""Which partitions a condition keeps, asked of an evaluator as few times as that takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlglot import exp, parse_one

from athena_flow.prune import NO_VALUE, Evaluate
from athena_flow.prune.clock import at_any_moment
from athena_flow.prune.conditions import conjuncts
from athena_flow.prune.tables import text
from athena_flow.translate.grammar import AthenaDml

Row = tuple[str | None, ...]


def answers(
    condition: str,
    keys: Mapping[str, str],
    values: Sequence[Sequence[str | None]],
    evaluate: Evaluate,
    now: datetime,
) -> tuple[list[bool], bool]:
    """May the condition hold for each partition, at any time that a run may start? And was all
    of it understood?"""
    given = parse_one(f"SELECT 1 WHERE {condition}", dialect=AthenaDml).args["where"].this
    tree = at_any_moment(given, now)
    timed = len(list(tree.find_all(exp.Boolean))) == len(list(given.find_all(exp.Boolean)))
    asked = {column.name.lower() for column in tree.find_all(exp.Column)}
    if not asked:
        return [True] * len(values), False
    places = [at for at, key in enumerate(keys) if key.lower() in asked]
    used = {key: kind for key, kind in keys.items() if key.lower() in asked}
    rows: list[Row] = [
        tuple(None if row[at] == NO_VALUE else row[at] for at in places) for row in values
    ]
    found, understood = _of(tree, used, list(dict.fromkeys(rows)), evaluate)
    return [found[row] for row in rows], timed and understood


def _of(
    tree: exp.Expr, keys: Mapping[str, str], rows: Sequence[Row], evaluate: Evaluate
) -> tuple[dict[Row, bool], bool]:
    """Part by part where the whole is not understood: then a part of it may still be.

    What keeps all, and would keep all if it were the other way round, is not understood.
    """
    found = dict(zip(rows, evaluate(text(tree), keys, rows), strict=True))
    against = exp.Not(this=exp.paren(tree))
    if not all(found.values()) or not all(evaluate(text(against), keys, rows)):
        return found, True
    parts = list(conjuncts(tree))
    for part in parts if len(parts) > 1 else ():
        one, _ = _of(part, keys, rows, evaluate)
        found = {row: yes and one[row] for row, yes in found.items()}
    return found, False
