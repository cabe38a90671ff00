"""One SELECT: which conditions its sources' rows surely meet, and which columns are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from athena_flow.prune.conditions import conjuncts, is_plain, is_settled, refuses_null
from athena_flow.prune.equal import carried
from athena_flow.prune.names import MARK, On, Scope, Source, is_star, marked, position

Needed = frozenset[int] | None
"""Positions of the columns that are needed; None for all of them."""
Open = tuple[exp.Column, bool]
"""A column that may be somebody's further out, and whether somebody has it already."""
Loose = Callable[[exp.Expr], Iterable[Open]]
"""From an expression to its columns, and those that its subqueries leave open."""


@dataclass(eq=False, slots=True)
class Asked:
    """What is asked of one source."""

    conditions: list[exp.Expr] = field(default_factory=list)
    needed: set[int] = field(default_factory=set)
    whole: bool = False

    @property
    def positions(self) -> Needed:
        return None if self.whole else frozenset(self.needed)


class Select:
    """A SELECT as it is read once, by what is around it."""

    def __init__(self, node: exp.Select, scope: Scope) -> None:
        self._node, self._scope = node, scope
        self.asked = [Asked(whole=scope.odd) for _ in scope.sources]
        self._everything = frozenset(range(len(scope.sources)))

    @property
    def sources(self) -> list[Source]:
        return self._scope.sources

    # ---------------------------------------------------------------- conditions

    def choose(self, filters: Sequence[exp.Expr]) -> None:
        """Hands the conditions on rows to the sources: ON, WHERE, HAVING, and those from above."""
        for on in self._scope.ons:
            self._offer(conjuncts(on.condition), on)
        inner = [on.condition for on in self._scope.ons if on.chooses == on.visible]
        where, having = self._node.args.get("where"), self._node.args.get("having")
        found = list(conjuncts(where.this)) if where else []
        grouped = self._grouped()
        if having and grouped is not None:
            found += [c for c in conjuncts(having.this) if self._within(c, grouped)]
        if not self._is_barrier() and (grouped is not None or not self._is_group()):
            found += filter(None, (self._lowered(each, grouped) for each in filters))
        every = self._everything
        self._offer(found, On(exp.null(), every, every, self._scope.nulled))
        equal = [*found, *(c for condition in inner for c in conjuncts(condition))]
        for at, condition in list(carried(self._scope, equal, [a.conditions for a in self.asked])):
            self.asked[at].conditions.append(condition)

    def _offer(self, found: Iterable[exp.Expr], on: On) -> None:
        for condition in found:
            bound = self._bound(condition, on.visible)
            if bound is not None:
                at, settled = bound
                if at in on.chooses and (at not in on.nulled or refuses_null(settled)):
                    self.asked[at].conditions.append(settled)

    def _bound(self, condition: exp.Expr, visible: frozenset[int]) -> tuple[int, exp.Expr] | None:
        """The one source that a condition is about, and the condition by that source's columns."""
        if not is_settled(condition):
            return None
        copy = exp.paren(condition.copy(), copy=False)
        found: set[int] = set()
        for column in list(copy.find_all(exp.Column)):
            place = self._scope.place(column, visible)
            if place is None:
                return None
            found.add(place[0])
            column.replace(marked(0, place[1]))
        return (found.pop(), copy.this) if len(found) == 1 else None

    def _is_barrier(self) -> bool:
        """Does a row depend on other rows than those of its group?"""
        node = self._node
        distinct = node.args.get("distinct")
        parts = [*node.expressions, *filter(None, [node.args.get("order")])]
        return (
            self._scope.odd
            or self._scope.outputs is None
            or bool(distinct and distinct.args.get("on"))
            or any(isinstance(n, exp.Window) for part in parts for n in _own(part))
        )

    def _is_group(self) -> bool:
        """Are rows put together, in groups or in one of all?"""
        return any(map(self._node.args.get, ("group", "having"))) or any(
            isinstance(n, exp.AggFunc) for item in self._node.expressions for n in _own(item)
        )

    def _grouped(self) -> list[exp.Expr] | None:
        """What GROUP BY groups by, where that is a plain list."""
        group = self._node.args.get("group")
        if group is None or any(value for key, value in group.args.items() if key != "expressions"):
            return None
        found = []
        for each in group.expressions:
            if isinstance(each, (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)):
                return None
            found.append(self._ordinal(each) or each)
        return found

    def _ordinal(self, node: exp.Expr) -> exp.Expr | None:
        """The item that a number in GROUP BY or ORDER BY stands for."""
        if not isinstance(node, exp.Literal) or node.is_string or not node.name.isdigit():
            return None
        outputs, at = self._scope.outputs, int(node.name) - 1
        return outputs[at].value if outputs and 0 <= at < len(outputs) else None

    def _within(self, node: exp.Expr, grouped: Sequence[exp.Expr]) -> bool:
        """Is it made of nothing but columns that are grouped by?"""
        places = {self._place(each) for each in grouped} - {None}
        return all(self._place(c) in places for c in node.find_all(exp.Column)) and not any(
            isinstance(n, (exp.AggFunc, exp.Query)) for n in node.walk()
        )

    def _place(self, node: exp.Expr) -> tuple[int, int] | None:
        node = node.unnest()
        return self._scope.place(node, self._everything) if isinstance(node, exp.Column) else None

    def _lowered(self, above: exp.Expr, grouped: Sequence[exp.Expr] | None) -> exp.Expr | None:
        """A condition on what it hands upwards as one on its sources; None where it cannot be."""
        copy = exp.paren(above.copy(), copy=False)
        columns = list(copy.find_all(exp.Column))
        uses = Counter(position(column)[1] for column in columns)
        for column in columns:
            at = position(column)[1]
            value = (self._scope.outputs or ())[at].value
            plain = isinstance(value.unnest(), exp.Column)
            if not plain and (uses[at] > 1 or not is_plain(value)):
                return None
            if grouped is not None and not self._is_grouped(value, grouped):
                return None
            column.replace(value.copy() if plain else exp.paren(value.copy(), copy=False))
        found: exp.Expr = copy.this
        return found

    def _is_grouped(self, value: exp.Expr, grouped: Sequence[exp.Expr]) -> bool:
        return value in grouped or self._within(value, grouped)

    # ---------------------------------------------------------------- columns

    def need(self, needed: Needed, loose: Loose) -> list[Open]:
        """Marks the columns that are needed; returns those that are nobody's here."""
        node, outputs = self._node, self._scope.outputs
        clauses = [node.args.get(key) for key in ("where", "having")]
        parts = [on.condition for on in self._scope.ons]
        parts += [clause for clause in clauses if clause is not None]
        parts += node.args.get("windows") or ()
        if self._scope.odd:
            parts += _children(node, without=("expressions", "from_", "joins"))
        places, expressions = self._named()
        parts += expressions
        if needed is None or outputs is None or node.args.get("distinct"):
            places = None
        elif places is not None:
            places |= needed
        for number, item in enumerate(node.expressions):
            if is_star(item):
                self._need_star(number, item, places)
            elif self._is_wanted(number, item, places):
                parts.append(item)
        self._need_merged()
        return self.resolve(each for part in parts for each in loose(part))

    def resolve(self, found: Iterable[Open]) -> list[Open]:
        """Marks columns where they may belong; returns those that may be somebody else's."""
        rest = []
        for column, owned in found:
            if isinstance(column.this, exp.Star):
                for at in self._scope.starred(column):
                    self.asked[at].whole = True
                continue
            if column.table.startswith(MARK):
                source, place = position(column)
                self.asked[source].needed.add(place)
                continue
            owners = self._scope.owners(column)
            unknown = [self._need(at, name) for at, name in owners]
            if not owners or any(unknown):
                rest.append((column, owned or bool(owners)))
        return rest

    def _need(self, source: int, name: str) -> bool:
        """Marks a column of a source; are the source's columns unknown?"""
        names, asked = self._scope.sources[source].names, self.asked[source]
        if names is None:
            asked.whole = True
        else:
            asked.needed |= {at for at, each in enumerate(names) if each == name}
        return names is None

    def _need_star(self, number: int, item: exp.Expr, places: set[int] | None) -> None:
        outputs = self._scope.outputs
        if places is None or outputs is None:
            for at in self._scope.starred(item):
                self.asked[at].whole = True
            return
        for place in places:
            if outputs[place].item == number:
                source, column = position(outputs[place].value)
                self.asked[source].needed.add(column)

    def _need_merged(self) -> None:
        """What USING and NATURAL compare, of each side."""
        names = [n for source in self.sources for n in set(source.names or ())]
        common = {n for n, count in Counter(names).items() if count > 1}
        for at in range(len(self.sources)):
            for name in self._scope.merged | (common if self._scope.natural else set()):
                self._need(at, name)
            if self._scope.natural and any(s.names is None for s in self.sources):
                self.asked[at].whole = True

    def _is_wanted(self, number: int, item: exp.Expr, places: set[int] | None) -> bool:
        """A window function or a subquery counts although nobody asks for its column."""
        outputs = self._scope.outputs
        if places is None or outputs is None or any(outputs[p].item == number for p in places):
            return True
        return any(isinstance(n, exp.Window | exp.Query) for n in item.walk())

    def _named(self) -> tuple[set[int] | None, list[exp.Expr]]:
        """What GROUP BY and ORDER BY need: positions of columns handed upwards (None: all of
        them), and expressions."""
        places, expressions = set[int](), list[exp.Expr]()
        group, order = self._node.args.get("group"), self._node.args.get("order")
        names = [output.name for output in self._scope.outputs or ()]
        if group is not None:
            grouped = self._grouped()
            if grouped is None:
                return None, [group]
            expressions += grouped
        for each in order.expressions if order is not None else ():
            at = self._ordinal(each.this)
            if at is not None:
                expressions.append(at)
                continue
            named = {c.name.lower() for c in each.find_all(exp.Column) if not c.table}
            found = {place for place, name in enumerate(names) if name in named}
            places |= found
            if not (found and isinstance(each.this, exp.Column)):
                expressions.append(self._without(each.this, names))
        return places, expressions

    def _without(self, ordered: exp.Expr, names: Sequence[str]) -> exp.Expr:
        """An expression of ORDER BY without the names of outputs that no source has."""
        if ordered.find(exp.Query):
            return ordered
        copy = exp.paren(ordered.copy(), copy=False)
        for column in list(copy.find_all(exp.Column)):
            named = not column.table and column.name.lower() in names
            if named and not self._scope.owners(column):
                column.replace(exp.null())
        return copy


def _own(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of an expression, without those of its subqueries."""
    return node.walk(prune=lambda part: isinstance(part, exp.Query))


def _children(node: exp.Expr, without: Sequence[str]) -> Iterator[exp.Expr]:
    for child in node.iter_expressions():
        if child.arg_key not in without:
            yield child
