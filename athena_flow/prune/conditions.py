"""What a condition says about some of its columns alone, whatever the others hold.

A condition is cut into its conjuncts as Trino cuts it, negations pushed inwards. What is about
something else becomes true (false under an odd number of NOTs), so a condition can only grow.
Only syntax and functions that are known to answer the same each time are looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce

from sqlglot import exp

from athena_flow.translate.functions import ARITIES, LAMBDA_LISTS, NATIVE, words

IsKey = Callable[[exp.Column], bool]

_SETTLED = NATIVE.keys() | ARITIES.keys() | LAMBDA_LISTS.keys()
"""Functions that have one value for the same arguments, all through a statement."""
_SCALAR = words(
    """abs at_timezone bigint chr codepoint concat_ws date date_add date_diff date_format
    date_parse date_trunc day day_of_month day_of_week day_of_year dow doy element_at format
    format_datetime from_iso8601_date from_iso8601_timestamp from_unixtime hour integer
    last_day_of_month length lower lpad ltrim millisecond minute month now parse_datetime pow power
    quarter regexp_count regexp_extract regexp_like regexp_replace repeat replace reverse round rpad
    rtrim second sign split split_part starts_with strpos substr to_iso8601 to_unixtime translate
    truncate upper varchar week week_of_year with_timezone year year_of_week yow"""
)
"""Those of them that are no aggregates, and that a condition on keys may use."""
_CALLS = (exp.Coalesce, exp.Nullif, exp.If, exp.Case, exp.Greatest, exp.Least, exp.Concat,
          exp.Substring, exp.Mod, exp.Trim, exp.StrPosition, exp.Extract, exp.Ceil, exp.Floor,
          exp.Cast, exp.AtTimeZone)  # fmt: skip
_COMPARED = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_PLAIN = (exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.And,
          exp.Or, exp.Not, *_COMPARED, exp.Between, exp.In, exp.Like, exp.Escape, exp.Is,
          exp.NullSafeEQ, exp.NullSafeNEQ, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.DPipe,
          exp.Tuple, exp.Array, exp.Bracket, exp.DataType, exp.DataTypeParam, exp.Interval,
          exp.Var, exp.CurrentDate, exp.CurrentTimestamp, exp.Localtimestamp,
          exp.Anonymous)  # fmt: skip
_OPAQUE = (exp.Query, exp.Window, exp.AggFunc, exp.Placeholder, exp.Parameter, exp.Rand, exp.Uuid)


def conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """The parts that all have to hold, in order; NOT (a OR b) is NOT a AND NOT b."""
    waiting = [condition]
    while waiting:
        node = waiting.pop().unnest()
        if isinstance(node, exp.And):
            waiting += reversed(list(node.flatten()))
        elif isinstance(node, exp.Not):
            inner = node.this.unnest()
            if isinstance(inner, exp.Not):
                waiting.append(inner.this)
            elif isinstance(inner, exp.Or):
                waiting += [exp.Not(this=side.copy()) for side in reversed(list(inner.flatten()))]
            else:
                yield node
        else:
            yield node


def is_settled(node: exp.Expr) -> bool:
    """Has it the same answer each time it is asked for the same row?"""
    return not any(
        isinstance(part, _OPAQUE)
        or isinstance(part, exp.Anonymous)
        and part.name.lower() not in _SETTLED
        for part in node.walk()
    )


def is_plain(node: exp.Expr) -> bool:
    """Is every part of it of a kind that Trino evaluates over a partition's values?

    It looks into no lambda, so neither into TRY.
    """
    return is_settled(node) and all(
        isinstance(part, (*_PLAIN, *_CALLS))
        and not (isinstance(part, exp.Is) and not isinstance(part.expression, exp.Null))
        and not (isinstance(part, exp.Anonymous) and part.name.lower() not in _SCALAR)
        and not part.args.get("symmetric")
        for part in node.walk()
    )


def relaxed(node: exp.Expr, is_key: IsKey) -> exp.Expr | None:
    """The condition as far as it is about keys; None when that is not at all."""
    found = _relaxed(node, is_key, True)
    return None if isinstance(found, exp.Boolean) else found


def _relaxed(node: exp.Expr, is_key: IsKey, positive: bool) -> exp.Expr:
    """TRUE or FALSE alone is what is not understood, never a part of something else."""
    node = node.unnest()
    if isinstance(node, exp.Not):
        inner = _relaxed(node.this, is_key, not positive)
        if isinstance(inner, exp.Boolean):
            return exp.Boolean(this=not inner.this)
        return exp.Not(this=exp.paren(inner, copy=False))
    if isinstance(node, exp.And | exp.Or):
        return _joined(type(node), [_relaxed(side, is_key, positive) for side in node.flatten()])
    return node.copy() if _is_about(node, is_key) else exp.Boolean(this=positive)


def _joined(kind: type[exp.And | exp.Or], sides: list[exp.Expr]) -> exp.Expr:
    """The sides under AND or OR, without those that decide nothing."""
    decides = kind is exp.Or
    constants = [side.this for side in sides if isinstance(side, exp.Boolean)]
    rest = [side for side in sides if not isinstance(side, exp.Boolean)]
    if decides in constants or not rest:
        return exp.Boolean(this=decides if decides in constants else not decides)
    return balanced(kind, rest)


def balanced(kind: type[exp.And | exp.Or], sides: list[exp.Expr]) -> exp.Expr:
    """Many sides as a tree that is not deep."""
    while len(sides) > 1:
        pairs = [sides[at : at + 2] for at in range(0, len(sides), 2)]
        sides = [
            reduce(lambda a, b: kind(this=_closed(a), expression=_closed(b)), p) for p in pairs
        ]
    return sides[0]


def _closed(side: exp.Expr) -> exp.Expr:
    return exp.paren(side, copy=False) if isinstance(side, exp.And | exp.Or) else side


def _is_about(node: exp.Expr, is_key: IsKey) -> bool:
    columns = list(node.find_all(exp.Column))
    return bool(columns) and all(map(is_key, columns)) and is_plain(node)


def refuses_null(node: exp.Expr) -> bool:
    """Is it never true where all of its columns are NULL? False where that is not plain to see."""
    node = node.unnest()
    if isinstance(node, exp.And):
        return any(map(refuses_null, node.flatten()))
    if isinstance(node, exp.Or):
        return all(map(refuses_null, node.flatten()))
    if isinstance(node, exp.Not):
        inner = node.this.unnest()
        return isinstance(inner, (*_COMPARED, exp.Between, exp.In, exp.Like)) and _is_null(inner)
    return isinstance(node, (*_COMPARED, exp.Between, exp.In, exp.Like)) and _is_null(node)


def _is_null(comparison: exp.Expr) -> bool:
    """Is it NULL where its columns are? Of BETWEEN and IN only the first operand is looked at."""
    sides = [comparison.this]
    if isinstance(comparison, (*_COMPARED, exp.Like)):
        sides.append(comparison.expression)
    return any(isinstance(side.unnest(), exp.Column) for side in sides)
