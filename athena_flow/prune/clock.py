"""Conditions that ask for the time: what they can be true for while a statement may start.

An estimate is made a moment before its statement runs, and midnight may lie between. So a
condition with `current_date` keeps what it would keep at any time from `EARLY` before now to
`LATE` after it. That takes less than an hour, so a day or an hour that is asked for has two
values at the most, and a comparison with the time itself is true at one of the ends if it is
true at all. What is neither is taken for true.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

from sqlglot import exp

from athena_flow.prune.conditions import balanced
from athena_flow.translate.functions import words

EARLY = timedelta(minutes=5)
"""How far a clock here may be ahead of Athena's."""
LATE = timedelta(minutes=30)
"""How long after the estimate a statement may start."""
MOST_TIMES = 3
"""Times that one comparison may ask for; with more it is taken for true."""

_COMPARED = (exp.LT, exp.LTE, exp.GT, exp.GTE)
_FIXED = frozenset({"second", "minute", "hour", "day", "week"})
_COARSE_UNITS = frozenset({"hour", "day", "week", "month", "quarter", "year"})
_COARSE = words(
    """date hour day day_of_month day_of_week dow day_of_year doy week week_of_year month quarter
    year year_of_week yow last_day_of_month"""
)
"""Functions that tell nothing below the hour."""
_FORMATS = {"date_format": set("%isSfTr"), "format_datetime": set("msS")}
"""What tells of minutes and less in a format."""


def at_any_moment(condition: exp.Expr, now: datetime) -> exp.Expr:
    """The condition without a clock: true for what it can be true for around ``now``."""
    return _widened(condition.copy(), now, True)


def _widened(node: exp.Expr, now: datetime, positive: bool) -> exp.Expr:
    node = node.unnest()
    if isinstance(node, exp.Not):
        return exp.Not(this=exp.paren(_widened(node.this, now, not positive), copy=False))
    if isinstance(node, exp.And | exp.Or):
        kind = exp.And if isinstance(node, exp.And) else exp.Or
        return balanced(kind, [_widened(side, now, positive) for side in node.flatten()])
    if not any(_clocks(node)):
        return node
    if isinstance(node, exp.Between):
        low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
        high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
        return balanced(exp.And, [_widened(side, now, positive) for side in (low, high)])
    clocks = list(_clocks(node))
    if len(clocks) > MOST_TIMES or not all(_is_bounded(clock, node, clocks) for clock in clocks):
        return exp.Boolean(this=positive)
    ways = {way.sql(): way for way in _ways(node, now)}
    return balanced(exp.Or if positive else exp.And, list(ways.values()))


def _clocks(node: exp.Expr) -> Iterator[exp.Expr]:
    for part in node.walk():
        named = isinstance(part, exp.Anonymous) and part.name.lower() == "now"
        if named or isinstance(part, exp.CurrentDate | exp.CurrentTimestamp | exp.Localtimestamp):
            yield part


def _ways(node: exp.Expr, now: datetime) -> Iterator[exp.Expr]:
    """The condition with each of its clocks at each end of the time."""
    ends = (now - EARLY, now + LATE)
    for moments in product(ends, repeat=len(list(_clocks(node)))):
        copy = exp.paren(node.copy(), copy=False)
        for clock, moment in zip(list(_clocks(copy)), moments, strict=True):
            clock.replace(_literal(clock, moment.astimezone(UTC)))
        yield copy.this


def _literal(clock: exp.Expr, moment: datetime) -> exp.Expr:
    if isinstance(clock, exp.CurrentDate):
        return exp.cast(exp.Literal.string(f"{moment:%Y-%m-%d}"), "date")
    if isinstance(clock, exp.Localtimestamp):
        return exp.cast(exp.Literal.string(f"{moment:%Y-%m-%d %H:%M:%S.000}"), "timestamp")
    seconds = exp.Literal.number(int(moment.timestamp()))
    return exp.Anonymous(this="from_unixtime", expressions=[seconds])


def _is_bounded(clock: exp.Expr, whole: exp.Expr, clocks: list[exp.Expr]) -> bool:
    """Is the condition, at any time between, as it is at one of the ends?"""
    fixed = True
    part, above = clock, clock.parent
    if isinstance(clock, exp.CurrentDate):
        return True
    while above is not None and part is not whole:
        if _is_coarse(above):
            return True
        if above is whole:
            return fixed and len(clocks) == 1 and isinstance(above, _COMPARED)
        shift = _shift(above, part)
        if shift is None:
            return False
        fixed = fixed and shift
        part, above = above, above.parent
    return False


def _is_coarse(node: exp.Expr) -> bool:
    """Does it tell nothing below the hour?"""
    if isinstance(node, exp.Cast):
        return bool(node.to.is_type("date"))
    if isinstance(node, exp.Extract):
        return node.this.name.lower() in _COARSE_UNITS | _COARSE
    if not isinstance(node, exp.Anonymous):
        return False
    name, args = node.name.lower(), node.expressions
    if name == "date_trunc":
        return bool(args) and args[0].is_string and args[0].name.lower() in _COARSE_UNITS
    if name in _FORMATS and len(args) == 2 and args[1].is_string:
        return _is_coarse_format(name, args[1].name)
    return name in _COARSE and len(args) == 1


def _is_coarse_format(name: str, text: str) -> bool:
    if name == "date_format":
        used = {text[at + 1 : at + 2] for at, c in enumerate(text) if c == "%"}
    else:
        used = set(text)
    return not used & _FORMATS[name]


def _shift(node: exp.Expr, part: exp.Expr) -> bool | None:
    """Does it move a time by a constant, always by as much? None if it does something else."""
    if isinstance(node, exp.Paren):
        return True
    if isinstance(node, exp.Add) or isinstance(node, exp.Sub) and node.this is part:
        other = (node.expression if node.this is part else node.this).unnest()
        if isinstance(other, exp.Interval) and isinstance(other.this, exp.Literal):
            return str(other.args.get("unit")).lower() in _FIXED
        return None
    if isinstance(node, exp.Cast):
        return True if node.to.is_type("timestamp", "timestamptz", "bigint", "double") else None
    if isinstance(node, exp.AtTimeZone):
        return False
    if isinstance(node, exp.Anonymous) and node.expressions:
        name, unit = node.name.lower(), node.expressions[0]
        if name == "date_add" and node.expressions[-1] is part and unit.is_string:
            return unit.name.lower() in _FIXED if _is_number(node.expressions[1]) else None
        if name in ("to_unixtime", "from_unixtime") and len(node.expressions) == 1:
            return True
    return None


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node.this if isinstance(node, exp.Neg) else node, exp.Literal)
