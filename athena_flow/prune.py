"""Which partitions can a statement read? Those for which its WHERE cannot be proved false.

For every place where a statement scans a table, the WHERE around it is relaxed to a
condition on that table's partition keys alone: what is about something else becomes true
(false under an odd number of NOTs), so the condition can only grow. Evaluating it over the
partitions' values then keeps every partition that the statement needs. What is not
understood keeps everything: an estimate may be high, never low.

The evaluation itself is handed in: an SQL engine does it well, and this floor has none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from athena_flow.errors import BadSql
from athena_flow.layout import Partition
from athena_flow.table import TableSpec

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

Evaluate = Callable[[str, Sequence[str], Sequence[Sequence[str]]], Sequence[bool]]
"""From a condition in Athena's SQL, the names of its columns and the rows of their values
(all strings) to whether it may hold for each row. On an error in the condition: all True."""


@dataclass(frozen=True, slots=True)
class TableScan:
    """One place where a statement reads a table."""

    database: str
    """Empty when the statement leaves it to the session's default."""
    table: str
    condition: str | None
    """In Athena's SQL, over the table's partition keys; None keeps every partition."""


def table_scans(sql: str, keys: Collection[str]) -> tuple[TableScan, ...]:
    """Every scan in a statement, a table read twice being two. Raises BadSql."""
    import sqlglot
    from sqlglot.optimizer.scope import build_scope

    try:
        tree = sqlglot.parse_one(sql, dialect="athena")
        root = build_scope(tree)
        found = list(_scans(root, set(keys), ())) if root else []
    except sqlglot.errors.SqlglotError as error:
        raise BadSql(" ".join(str(error).split())) from None
    return tuple(scan for _, scan in found) + tuple(_overlooked(tree, [n for n, _ in found]))


def kept(
    scan: TableScan, spec: TableSpec, partitions: Sequence[Partition | None], evaluate: Evaluate
) -> Sequence[bool]:
    """May the scan read each of these? Yes for one that is None: it lies in no layout."""
    placed = [partition for partition in partitions if partition is not None]
    if scan.condition is None or len(placed) < len(partitions):
        return [True] * len(partitions)
    rows = [spec.values(partition) for partition in placed]
    return evaluate(scan.condition, spec.layout.keys, rows)


def _scans(
    scope: Scope, keys: set[str], above: tuple[Scope, ...]
) -> Iterator[tuple[exp.Expr, TableScan]]:
    """The scans of a query and of what it reads, as often as it reads it."""
    from sqlglot import exp

    if scope in above:
        return
    above = (*above, scope)
    for inner in (*scope.set_operation_scopes, *scope.subquery_scopes):
        yield from _scans(inner, keys, above)
    for alias, (node, source) in scope.selected_sources.items():
        if isinstance(source, exp.Table):
            condition = _condition(scope, alias, keys)
            text = condition.sql(dialect="athena", identify=True) if condition else None
            yield node, TableScan(source.db.lower(), source.name.lower(), text)
        else:
            yield from _scans(source, keys, above)


def _overlooked(tree: exp.Expr, seen: list[exp.Expr]) -> Iterator[TableScan]:
    """Tables that stand where no scope shows them: read whole, so that nothing is missed."""
    from sqlglot import exp

    met = {id(node) for node in seen}
    named = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        inside = table.find_ancestor(exp.CTE)
        unread = inside is not None and inside.alias_or_name.lower() not in _names_read(tree)
        if id(table) not in met and (table.db or table.name.lower() not in named) and not unread:
            yield TableScan(table.db.lower(), table.name.lower(), None)


def _names_read(tree: exp.Expr) -> set[str]:
    from sqlglot import exp

    return {table.name.lower() for table in tree.find_all(exp.Table)}


def _condition(scope: Scope, alias: str, keys: set[str]) -> exp.Expr | None:
    """The scope's WHERE relaxed to ``alias``'s keys; None when it says nothing about them."""
    from sqlglot import exp

    where = scope.expression.args.get("where")
    table, _ = scope.selected_sources[alias]
    if where is None or _null_supplied(scope) or table.alias_column_names:
        return None
    relaxed = _relax(where.this.copy(), lambda column: _is_key(column, scope, alias, keys), True)
    return None if isinstance(relaxed, exp.Boolean) and relaxed.this else relaxed


def _null_supplied(scope: Scope) -> bool:
    """Has the scope an outer join? Its WHERE may then speak of rows that no partition holds."""
    joins = scope.expression.args.get("joins") or ()
    return any(join.side for join in joins)


def _relax(node: exp.Expr, is_key: Callable[[exp.Column], bool], positive: bool) -> exp.Expr:
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return exp.paren(_relax(node.this, is_key, positive), copy=False)
    if isinstance(node, exp.And | exp.Or):
        sides = (_relax(side, is_key, positive) for side in (node.left, node.right))
        return type(node)(this=next(sides), expression=next(sides))
    if isinstance(node, exp.Not):
        return exp.Not(this=_relax(node.this, is_key, not positive))
    if not _is_about_keys(node, is_key):
        return exp.Boolean(this=positive)
    for column in node.find_all(exp.Column):
        column.set("table", None)
    return node


def _is_about_keys(node: exp.Expr, is_key: Callable[[exp.Column], bool]) -> bool:
    """A condition over keys and constants alone, with the same answer each time it is asked."""
    from sqlglot import exp

    opaque = (exp.Query, exp.AggFunc, exp.Anonymous, exp.Rand, exp.Uuid, exp.Placeholder)
    columns = list(node.find_all(exp.Column))
    return bool(columns) and all(map(is_key, columns)) and not node.find(*opaque)


def _is_key(column: exp.Column, scope: Scope, alias: str, keys: set[str]) -> bool:
    """Does the column name a partition key of ``alias``, and of nothing else in the scope?"""
    if column.name.lower() not in keys:
        return False
    if column.table:
        return column.table.lower() == alias.lower() and not column.args.get("db")
    others = [source for name, (_, source) in scope.selected_sources.items() if name != alias]
    return all(_surely_lacks(source, column.name.lower()) for source in others)


def _surely_lacks(source: exp.Expr | Scope, column: str) -> bool:
    """True when the source's columns are spelled out and ``column`` is none of them."""
    from sqlglot import exp

    node = getattr(source, "expression", source)
    if not isinstance(node, exp.Unnest):
        return False
    names = [name.lower() for name in node.alias_column_names]
    return bool(names) and column not in names
