"""Bounds on data columns, from comparisons that Trino turns into domains of values as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from athena_flow.prune import Range

_INTEGERS = frozenset({"tinyint", "smallint", "int", "integer", "bigint"})
_MIRRORED: Mapping[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE,
}  # fmt: skip
Bound = int | str | None


def ranges(conditions: Sequence[exp.Expr], columns: Mapping[str, str]) -> Iterator[Range]:
    """What column-against-literal comparisons, BETWEEN and IN leave of columns, one range each."""
    found: dict[str, Range] = {}
    for condition in conditions:
        one = _range(condition.unnest(), columns)
        if one is not None:
            found[one.column] = _both(one, found.get(one.column, one))
    yield from (one for one in found.values() if (one.low, one.high) != (None, None))


def _both(one: Range, other: Range) -> Range:
    low, high = _outer(max, one.low, other.low), _outer(min, one.high, other.high)
    lists = [set(r.among) for r in (one, other) if r.among]
    return Range(one.column, low, high, tuple(sorted(set.intersection(*lists))) if lists else ())


def _range(node: exp.Expr, columns: Mapping[str, str]) -> Range | None:
    if type(node) in _MIRRORED:
        return _compared(type(node), node.this, node.expression, columns) or _compared(
            _MIRRORED[type(node)], node.expression, node.this, columns
        )
    if not isinstance(node, exp.Between | exp.In) or not isinstance(node.this, exp.Column):
        return None
    if isinstance(node, exp.Between):
        operands = [] if node.args.get("symmetric") else [node.args["low"], node.args["high"]]
    else:
        operands = node.expressions
    kind = columns.get(node.this.name, "")
    found = [_value(operand, kind) for operand in operands]
    values = tuple(value for value in found if value is not None)
    if not values or len(values) < len(found):
        return None
    if isinstance(node, exp.Between):
        low, high = values
        return Range(node.this.name, low, high)
    return Range(node.this.name, _outer(min, *values), _outer(max, *values), values)


def _compared(
    operator: type[exp.Expr], column: exp.Expr, literal: exp.Expr, columns: Mapping[str, str]
) -> Range | None:
    column = column.unnest()
    if not isinstance(column, exp.Column):
        return None
    value = _value(literal, columns.get(column.name, ""))
    if value is None:
        return None
    step = 1 if isinstance(value, int) and operator in (exp.LT, exp.GT) else 0
    low = operator in (exp.EQ, exp.GT, exp.GTE)
    high = operator in (exp.EQ, exp.LT, exp.LTE)
    return Range(
        column.name,
        value + step if low and isinstance(value, int) else value if low else None,
        value - step if high and isinstance(value, int) else value if high else None,
    )


def _value(node: exp.Expr, kind: str) -> Bound:
    """A literal of a column's own type; None for anything else."""
    node, sign = node.unnest(), 1
    if isinstance(node, exp.Neg):
        node, sign = node.this.unnest(), -1
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        is_text = kind == "string" or kind.partition("(")[0] == "varchar"
        return node.name if is_text and sign == 1 else None
    return sign * int(node.name) if kind in _INTEGERS and node.name.isdigit() else None


def _outer(pick: object, *bounds: Bound) -> Bound:
    known = [bound for bound in bounds if bound is not None]
    return pick(known) if known else None  # type: ignore[operator]  # min or max of one type
