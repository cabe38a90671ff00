"""The scans of a statement, one for each time that it reads a table.

From the outermost query inwards: each gets the conditions that surely hold for those of its
rows that are needed, and the columns that are. Conditions go down where Trino's
PredicatePushDown takes them as well: through names, expressions, WITH, GROUP BY keys, DISTINCT,
set operations, and joins on the side whose rows they choose. LIMIT, window functions, aggregates
and anything not known here stop them. Source of what Trino does: trinodb/trino,
PredicatePushDown, QueryPlanner and RelationPlanner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError

from athena_flow.errors import BadSql
from athena_flow.prune import Known, TableScan
from athena_flow.prune.names import Cte, Env, Source
from athena_flow.prune.scopes import Scopes
from athena_flow.prune.selects import Asked, Needed, Open, Select
from athena_flow.prune.tables import scan_of
from athena_flow.translate.grammar import AthenaDml, first_line

RECURSION_DEPTH = 10
"""How often Trino unrolls a WITH RECURSIVE, whatever its end; step n holds n copies of the step
and one of the start. Source: Trino, SystemSessionProperties, max_recursion_depth, and
RelationPlanner.planExpand; Athena has no session properties."""
MOST_SCANS = 10_000
"""More than any engine plans: WITH queries that read each other twice double with each one."""


def scans_of(sql: str, relation: Known) -> tuple[TableScan, ...]:
    """Raises BadSql."""
    if "\0" in sql:
        raise BadSql("this SQL does not parse: it holds a NUL character")
    try:
        trees = [t for t in AthenaDml().parser().parse(AthenaDml().tokenize(sql), sql) if t]
        if len(trees) != 1:
            raise BadSql(f"this SQL holds {len(trees)} statements, not one")
        return _Reader(relation).all(trees[0])
    except SqlglotError as error:
        raise BadSql(f"this SQL does not parse: {first_line(error)}") from None
    except RecursionError:
        raise BadSql("this SQL is nested too deeply") from None


class _Reader:
    def __init__(self, relation: Known) -> None:
        self._scopes = Scopes(relation)
        self._scans: list[TableScan] = []
        self._count = 0
        self._met: set[int] = set()
        self._read: set[int] = set()

    def all(self, tree: exp.Expr) -> tuple[TableScan, ...]:
        found = self._query(tree, {}, (), None)
        lost = [c for c, owned in found if not owned and not c.name.startswith("$")]
        whole = list(self._overlooked(tree))
        if lost or whole:
            self._scans = [
                TableScan(s.database, s.table, s.condition, None, s.ranges) for s in self._scans
            ]
        return (*self._scans, *whole)

    def _overlooked(self, tree: exp.Expr) -> Iterator[TableScan]:
        """Tables that stand where nothing here looks: read whole, so that none is missed."""
        for table in tree.find_all(exp.Table):
            inside = [c for c in _ancestors(table) if isinstance(c, exp.CTE)]
            if id(table) not in self._met and all(id(cte) in self._read for cte in inside):
                yield TableScan(table.db.lower(), table.name.lower(), None)

    # What follows returns columns that are somebody's further out.

    def _query(
        self, node: exp.Expr, env: Env, filters: Sequence[exp.Expr], needed: Needed
    ) -> list[Open]:
        """Reads a query of which only the rows that pass ``filters`` are needed."""
        env = self._scopes.env(node, env)
        if node.args.get("limit") or node.args.get("offset"):
            filters = ()
        if isinstance(node, exp.Select):
            return self._select(node, env, filters, needed)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, env, filters, needed)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            odd = set(node.args) - {"this", "alias", "with_", "limit", "offset", "joins"}
            if any(node.args[key] for key in odd - {"order"}):
                filters = ()
            needed = None if node.args.get("order") else needed
            return self._query(node.this, env, filters, needed)
        return list(self._loose(node, env))

    def _select(
        self, node: exp.Select, env: Env, filters: Sequence[exp.Expr], needed: Needed
    ) -> list[Open]:
        select = Select(node, self._scopes.scope(node, env))
        select.choose(filters)
        before = len(self._scans)
        left = select.need(needed, lambda part: self._loose(part, env))
        in_order = [self._taken(before)]
        for source, asked in reversed(list(zip(select.sources, select.asked, strict=True))):
            found = self._source(source, env, asked)
            left += select.resolve(found) if source.lateral else found
            in_order.insert(0, self._taken(before))
        self._scans += [scan for scans in in_order for scan in scans]
        return left

    def _taken(self, start: int) -> list[TableScan]:
        """The scans from there on, which stand elsewhere from now on."""
        taken, self._scans = self._scans[start:], self._scans[:start]
        return taken

    def _set_operation(
        self, node: exp.SetOperation, env: Env, filters: Sequence[exp.Expr], needed: Needed
    ) -> list[Open]:
        odd = any(node.args.get(key) for key in ("by_name", "side", "kind", "on"))
        every = not node.args.get("distinct")
        sides = (node.this, node.expression)
        if odd or (every and not isinstance(node, exp.Union)):
            filters = ()
        if odd or not every or not isinstance(node, exp.Union) or node.args.get("order"):
            needed = None
        widths = {len(self._scopes.columns(side, env) or ()) for side in sides}
        if len(widths) > 1 or widths == {0}:
            filters, needed = (), None
        return [c for side in sides for c in self._query(side, env, filters, needed)]

    def _loose(self, node: exp.Expr, env: Env) -> Iterator[Open]:
        """The columns in an expression, and those that its subqueries leave open."""
        waiting = [node]
        while waiting:
            part = waiting.pop()
            if isinstance(part, exp.Query) and part is not node:
                only = frozenset[int]() if isinstance(part.parent, exp.Exists) else None
                yield from self._query(part, env, (), only)
            elif isinstance(part, exp.Column):
                yield part, False
            else:
                waiting += part.iter_expressions()

    def _source(self, source: Source, env: Env, asked: Asked) -> list[Open]:
        needed = asked.positions
        filters = [] if source.lateral else asked.conditions
        if source.cte is not None:
            self._met.add(id(source.node))
            return self._cte(source.cte, filters, needed)
        if source.is_table:
            self._met.add(id(source.node))
            self._add(scan_of(source, filters, needed))
            return list(self._loose(source.node.this, env))
        if source.query is not None:
            return self._query(source.query, env, filters, needed)
        return [c for part in source.node.iter_expressions() for c in self._loose(part, env)]

    def _cte(self, cte: Cte, filters: Sequence[exp.Expr], needed: Needed) -> list[Open]:
        self._read.add(id(cte.node))
        if cte.is_step:
            return []
        body, env = cte.node.this, self._scopes.inside(cte)
        if not cte.looping:
            return self._query(body, env, filters, needed)
        unrolled = RECURSION_DEPTH + 1
        if not isinstance(body, exp.SetOperation):
            return self._times(unrolled * (unrolled + 1) // 2, body, env)
        env = self._scopes.env(body, env)
        return self._times(unrolled + 1, body.this, env) + self._times(
            unrolled * (unrolled + 1) // 2, body.expression, env
        )

    def _times(self, count: int, query: exp.Expr, env: Env) -> list[Open]:
        """Reads a query and counts its scans so many times."""
        before = len(self._scans)
        free = self._query(query, env, (), None)
        for scan in self._scans[before:] * (count - 1):
            self._add(scan)
        return free

    def _add(self, scan: TableScan) -> None:
        self._scans.append(scan)
        self._count += 1
        if self._count > MOST_SCANS:
            raise BadSql(
                f"this SQL reads tables more than {MOST_SCANS:,} times",
                hint="a WITH query is read anew wherever it is named",
            )


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent
