"""Where Athena may read less than all that a scan can reach: then a sum is at most, not exact.

Nothing here makes an estimate smaller; it only says which ones claim too much certainty. What
it does not recognise is a sum that may still be high, never low.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

LIMITED = "LIMIT may end a scan early"
PATHS = "a condition on a file's path, size or time may skip files"
SAMPLED = "TABLESAMPLE SYSTEM reads a part"
JOINED = "a join or subquery on partition keys may skip partitions while it runs"
UNTOLD = "not all that is said of the partition keys could be used"
NEVER = "a condition that names no column may be false, and then nothing is read"


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """What a query says by which a scan may end before it has read all."""

    everywhere: tuple[str, ...]
    """Reasons that hold for each scan."""
    named: frozenset[str]
    """Columns that its conditions name."""
    met: frozenset[str]
    """Those that are compared with columns of another table, or with a subquery."""

    def reasons(self, keys: Collection[str], conditions: Iterable[str | None]) -> tuple[str, ...]:
        """Why the scans of a table with these keys may read less than their conditions leave."""
        ours = self.named.intersection(keys)
        found = list(self.everywhere)
        if self.met & ours:
            found.append(JOINED)
        elif ours.difference(*map(_columns, conditions)):
            found.append(UNTOLD)
        return tuple(found)


def shortcuts(sql: str) -> Shortcuts:
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, dialect="athena")
    conditions = [
        clause.args["on"] if isinstance(clause, exp.Join) else clause.this
        for clause in tree.find_all(exp.Where, exp.Having, exp.Join)
        if not isinstance(clause, exp.Join) or clause.args.get("on")
    ]
    columns = [c for condition in conditions for c in condition.find_all(exp.Column)]
    using = [
        name.name.lower()
        for join in tree.find_all(exp.Join)
        for name in join.args.get("using") or ()
    ]
    everywhere = []
    if any(_ends_early(query) for query in tree.find_all(exp.Select, exp.SetOperation)):
        everywhere.append(LIMITED)
    if any(column.name.startswith("$") for column in columns):
        everywhere.append(PATHS)
    if any(_samples(node) for node in tree.find_all(exp.TableSample)):
        everywhere.append(SAMPLED)
    if any(_names_nothing(condition) for condition in conditions):
        everywhere.append(NEVER)
    return Shortcuts(
        tuple(everywhere),
        frozenset(c.name.lower() for c in columns) | frozenset(using),
        frozenset(name for condition in conditions for name in _met(condition)) | frozenset(using),
    )


def _columns(condition: str | None) -> frozenset[str]:
    import sqlglot
    from sqlglot import exp

    if condition is None:
        return frozenset()
    tree = sqlglot.parse_one(condition, dialect="athena")
    return frozenset(column.name.lower() for column in tree.find_all(exp.Column))


def _ends_early(query: exp.Expr) -> bool:
    """A limit over rows that come one by one: nothing has to see them all first."""
    from sqlglot import exp

    if not query.args.get("limit") or query.args.get("order"):
        return False
    if isinstance(query, exp.Select):
        whole = query.args.get("group") or query.args.get("distinct") or query.args.get("having")
        return not whole and not any(
            shown.find(exp.AggFunc) and not shown.find(exp.Window) for shown in query.expressions
        )
    return not query.args.get("distinct")


def _names_nothing(condition: exp.Expr) -> bool:
    """Is it, or a part that has to hold, about no row at all, and not plainly true?"""
    from sqlglot import exp
    from sqlglot.optimizer.simplify import simplify

    whole = condition.unnest()
    if isinstance(whole, exp.And):
        return any(map(_names_nothing, whole.flatten()))
    rows = whole.find(exp.Column, exp.Query, exp.AggFunc)
    return not rows and simplify(whole.copy()) != exp.true()


def _samples(node: exp.Expr) -> bool:
    return str(node.args.get("method") or "").upper() == "SYSTEM"


def _met(condition: exp.Expr) -> list[str]:
    """The columns that stand in a comparison with a subquery, or with another table's."""
    from sqlglot import exp

    found: list[str] = []
    for part in condition.find_all(exp.Binary, exp.In, exp.Between):
        if isinstance(part, exp.Connector):
            continue
        columns = [c for c in part.find_all(exp.Column) if not _is_inside(c, part)]
        if part.find(exp.Query) or len({c.table.lower() for c in columns}) > 1:
            found += (column.name.lower() for column in columns)
    return found


def _is_inside(column: exp.Expr, part: exp.Expr) -> bool:
    """Does the column stand in a subquery of the condition?"""
    from sqlglot import exp

    query = column.find_ancestor(exp.Query)
    return query is not None and any(query is inner for inner in part.find_all(exp.Query))
