"""The tree of a checked Athena statement becomes that of a DuckDB statement."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from sqlglot import exp

from athena_flow.errors import BadSql
from athena_flow.translate.calls import CALLS, call, known_ip, zoned
from athena_flow.translate.functions import LAMBDA_LISTS, NATIVE
from athena_flow.translate.grammar import check_call, shown
from athena_flow.translate.macros import INTEGERS
from athena_flow.translate.typecheck import own_columns


def _wrap(node: exp.Expr, name: str, *more: exp.Expr) -> None:
    """Put ``name(node, *more)`` in the place of ``node``, which stays the same object."""
    around = call(name)
    node.replace(around)
    around.set("expressions", [node, *more])


def _cast(node: exp.Expr) -> exp.Expr:
    """CAST and TRY_CAST: integers, text, timestamps and addresses need Trino's rules."""
    to, tries, value = node.args["to"], isinstance(node, exp.TryCast), node.this
    kind = to.this.name.lower()
    whole = "integer" if kind == "int" else kind
    if whole in INTEGERS:
        return call(f"af__try_{whole}" if tries else f"af_{whole}", value)
    if kind in ("varchar", "text"):
        size = to.expressions[0].name if to.expressions else ""
        text = call("af_varchar", value)
        return call("left", text, int(size)) if size else text
    if kind == "ipaddress":
        spelled = _address(value.name) if value.is_string else None
        if spelled is not None:
            return exp.cast(exp.Literal.number(spelled), exp.DType.UINT128)
        found = call("af__try_ip", value) if tries else known_ip(value)
        found.type = to.copy()
        return found
    if kind == "json":
        return call("to_json", value)
    if kind in ("timestamp", "timestamptz"):
        to.set("expressions", None)
        if value.is_string:
            value.set("this", re.sub(r" (?=[+-]\d)", "", value.name))
    return node


def _address(text: str) -> int | None:
    """An address that is spelled out, as the macros hold one; binding them is slow."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    return int(found) + (0xFFFF << 32 if found.version == 4 else 0)


def _gap(node: exp.Expr) -> exp.Expr:
    """date + interval stays a date; nothing else changes."""
    left, right = node.this, node.expression
    name = "af__plus" if isinstance(node, exp.Add) else "af__minus"
    if isinstance(right.unnest(), (exp.Interval, exp.Mul)) and right.find(exp.Interval):
        return call(name, left, exp.Paren(this=right))
    if isinstance(left.unnest(), exp.Interval) and isinstance(node, exp.Add):
        return call(name, right, left)
    return node


def _named(node: exp.Expr) -> exp.Expr:
    """A call by name: rewritten, renamed or a macro."""
    name, args = node.name.lower(), node.expressions
    if name.startswith("af_"):
        return node
    if name in CALLS:
        return CALLS[name](args)
    if name in LAMBDA_LISTS:
        return call(LAMBDA_LISTS[name], call("list_transform", *args))
    return call(NATIVE.get(name, f"af_{name}"), *args)


def _extracted(node: exp.Expr) -> exp.Expr:
    """EXTRACT(unit FROM x) is the function of the unit's name."""
    unit = {"dayofweek": "dow", "dayofyear": "doy"}.get(node.this.name.lower(), node.this.name)
    made = call(unit.lower(), node.expression)
    check_call(made)
    return _named(made)


def _part(node: exp.Expr) -> exp.Expr:
    """substr(text, start) or substr(text, start, length)."""
    parts = (node.this, node.args.get("start"), node.args.get("length"))
    return call("af_substr", *filter(None, parts))


def _trimmed(node: exp.Expr) -> exp.Expr:
    if node.args.get("expression") is None:
        node.set("expression", exp.convert(" \t\n\x0b\x0c\r"))
    return node


def _best(node: exp.Expr) -> exp.Expr:
    """max_by keeps a NULL of the best row, as arg_max_null does; with n there is no such."""
    name = "arg_max" if isinstance(node, exp.ArgMax) else "arg_min"
    if (count := node.args.get("count")) is None:
        return call(f"{name}_null", node.this, node.expression)
    return call(name, node.this, node.expression, count)


def _unnested(node: exp.Expr) -> exp.Expr:
    """UNNEST of several arrays, a map (it has two columns) or rows: a lateral subquery."""
    arrays, alias, ordinal = node.expressions, node.args.get("alias"), node.args.get("offset")
    width = len(alias.columns) if alias is not None else 1
    if len(arrays) == 1 and width < 2:
        return node
    items: list[exp.Expr] = [call("unnest", array) for array in arrays]
    if len(arrays) == 1 and width == 2 and not arrays[0].is_type("array"):
        items = [call("unnest", call(f, arrays[0].copy())) for f in ("map_keys", "map_values")]
    elif len(arrays) == 1:
        depth = exp.PropertyEQ(this=exp.to_identifier("max_depth"), expression=exp.convert(2))
        items = [call("unnest", arrays[0], depth)]
    if isinstance(ordinal, exp.Expr) and alias is not None:
        sizes = [CALLS["cardinality"]([array.copy()]) for array in arrays]
        end = exp.Add(this=call("greatest", *sizes), expression=exp.convert(1))
        items.append(call("unnest", call("range", 1, end)))
        alias.append("columns", ordinal)
    return exp.Subquery(this=exp.Select(expressions=items), alias=alias)


RULES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Anonymous: _named,
    exp.Div: lambda n: call("af__div", n.this, n.expression),
    exp.Add: _gap,
    exp.Sub: _gap,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Bracket: lambda n: call("af__at", n.this, *n.expressions),
    exp.Ceil: lambda n: call("af__ceil", n.this),
    exp.Floor: lambda n: call("af__floor", n.this),
    exp.Substring: _part,
    exp.Extract: _extracted,
    exp.AtTimeZone: lambda n: zoned(n.this, n.args["zone"]),
    exp.Trim: _trimmed,
    exp.ApproxDistinct: lambda n: exp.Count(this=exp.Distinct(expressions=[n.this])),
    exp.ApproxQuantile: lambda n: call("quantile_disc", n.this, n.args["quantile"]),
    exp.CountIf: lambda n: exp.Count(this=exp.Case().when(n.this.copy(), "1")),
    exp.ArgMax: _best,
    exp.ArgMin: _best,
    exp.Struct: lambda n: call("row", *n.expressions),
    exp.Unnest: _unnested,
}
"""Kind of node -> what stands there instead, its parts being rewritten already."""


def _outermost(node: exp.Expr) -> exp.Expr:
    """The whole of an aggregate: with its FILTER, IGNORE NULLS and OVER."""
    while isinstance(node.parent, (exp.Filter, exp.Window, exp.IgnoreNulls)) and (
        node.arg_key == "this"
    ):
        node = node.parent
    return node


def _type_aggregates(tree: exp.Query) -> None:
    """sum of integers is a bigint, avg of decimals is rounded, map_agg makes a map."""
    for node in list(tree.find_all(exp.Sum, exp.Avg, exp.Anonymous)):
        whole = _outermost(node)
        if isinstance(node, exp.Anonymous):
            if node.meta.get("map_agg"):
                _wrap(whole, "af__map")
            continue
        sample = inner = whole.copy()
        while type(inner) is not type(node):
            inner = inner.this
        sample = inner.replace(exp.Max(this=inner.this)).root()
        _wrap(whole, "af__sum" if isinstance(node, exp.Sum) else "af__avg", sample)


def _unwrap_tries(tree: exp.Query) -> None:
    """TRY around aggregates, which DuckDB forbids: the division and casts in it turn NULL."""
    for node in list(tree.find_all(exp.Try)):
        if not node.find(exp.AggFunc, exp.Window):
            continue
        for inner in list(node.this.walk()):
            if isinstance(inner, exp.Div):
                inner.replace(call("af__try_div", inner.this, inner.expression))
            elif type(inner) is exp.Cast:
                inner.replace(exp.TryCast(this=inner.this, to=inner.to))
            elif isinstance(inner, exp.Anonymous) and inner.name.lower() not in NATIVE:
                raise BadSql(f"TRY with {inner.name}() of aggregates is not translated for DuckDB")
        node.replace(exp.Paren(this=node.this))


def _name_columns(select: exp.Select) -> None:
    """``_col0``, ``_col1`` ... by position for what has no name of its own."""
    star = False
    for place, item in enumerate(select.expressions):
        if item.is_star:
            star = True
        elif isinstance(item, exp.Dot):
            item.replace(exp.alias_(item.copy(), item.name))
        elif not isinstance(item, (exp.Alias, exp.Column)):
            if star:
                raise BadSql(f"name the column after *: {shown(item)} AS ...")
            item.replace(exp.alias_(item.copy(), f"_col{place}"))


def _shield_names(select: exp.Select) -> None:
    """Point a column at its one table where DuckDB would else see an alias of that name."""
    source = select.args.get("from_")
    if source is None or select.args.get("joins") or not source.this.alias_or_name:
        return
    names = {item.alias for item in select.expressions if isinstance(item, exp.Alias)}
    clauses = [*select.expressions, *map(select.args.get, ("where", "group", "having"))]
    for column in [c for clause in clauses for c in own_columns(clause)]:
        if not column.table and column.name in names:
            column.set("table", exp.to_identifier(source.this.alias_or_name))


def _put(new: exp.Expr, old: exp.Expr) -> None:
    """``old.replace(new)``, which goes through all of the list that ``old`` stands in."""
    above, key, at = old.parent, old.arg_key, old.index
    if above is None or key is None or at is None:
        old.replace(new)
        return
    above.args[key][at] = new
    new.parent, new.arg_key, new.index = above, key, at
    old.parent = old.arg_key = old.index = None


def rewrite(tree: exp.Query) -> None:
    """Make the annotated ``tree`` of a query one that DuckDB's generator writes rightly."""
    for name in tree.find_all(exp.Identifier):
        name.set("this", name.this.lower())
    for select in list(tree.find_all(exp.Select)):
        _name_columns(select)
        _shield_names(select)
    _unwrap_tries(tree)
    for node in reversed(list(tree.dfs())):
        if (rule := RULES.get(type(node))) and (new := rule(node)) is not node:
            _put(new, node)
    _type_aggregates(tree)
