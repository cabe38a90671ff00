"""What is known of the rows that a scan of one table needs: its condition, columns and ranges."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from athena_flow.prune import Relation, TableScan
from athena_flow.prune.conditions import balanced, relaxed
from athena_flow.prune.names import Source, position
from athena_flow.prune.ranges import ranges
from athena_flow.translate.grammar import AthenaDml


def scan_of(
    source: Source, conditions: Sequence[exp.Expr], needed: frozenset[int] | None
) -> TableScan:
    """A scan whose rows meet these conditions on its columns, which are written by place."""
    node, relation = source.node, source.relation
    database, table = node.text("db").lower(), node.name.lower()
    if relation is None:
        return TableScan(database, table, None)
    names = (*relation.columns, *relation.keys)
    columns = None
    if needed is not None:
        columns = frozenset(names[at] for at in needed if names[at] in relation.columns)
        columns = None if columns == relation.columns.keys() else columns
    found = [_named(each, names) for each in conditions]
    return TableScan(
        database,
        table,
        _condition(found, relation),
        columns if columns or relation.columns else frozenset(),
        tuple(ranges(found, relation.columns)),
    )


def _named(condition: exp.Expr, names: Sequence[str]) -> exp.Expr:
    """The condition with the table's own names of its columns."""
    copy = exp.paren(condition.copy(), copy=False)
    for column in list(copy.find_all(exp.Column)):
        column.replace(exp.column(exp.to_identifier(names[position(column)[1]], quoted=True)))
    found: exp.Expr = copy.this
    return found


def _condition(conditions: Sequence[exp.Expr], relation: Relation) -> str | None:
    """What the conditions say of partition keys, in Athena's SQL; None where that is nothing."""
    found = [relaxed(each, lambda column: column.name in relation.keys) for each in conditions]
    unlike = {text(each): each for each in found if each is not None}
    return text(balanced(exp.And, list(unlike.values()))) if unlike else None


def text(node: exp.Expr) -> str:
    """Athena's SQL of a condition, functions under the names that they came by."""
    return node.sql(dialect=AthenaDml, identify=True, normalize_functions=False)
