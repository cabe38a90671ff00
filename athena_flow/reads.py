"""Which fields does a saved query read, and does its header say so?

A body is rendered in every way that its ``{% if %}`` allow, and each statement is asked which of
the log's columns it reads. What is read always is under ``requires``; what is read only where the
format has it stands behind ``{% if has_FIELD %}`` and under ``improves``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from athena_flow import macros, template
from athena_flow.errors import BadSql, did_you_mean, some
from athena_flow.fields import COLUMNS
from athena_flow.params import TYPES, Param, Value
from athena_flow.sqltext import Sql, name

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

MOST_VARIANTS = 512
"""Ways to render one body; more of them nobody has tried."""
_TABLE = "athena_flow_logs"
_CLOCK_FREE = {"time": 1_790_000_000}


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to render a body: values for its parameters, and the fields that the format has
    beyond the required ones."""

    values: Mapping[str, Value]
    has: frozenset[str]

    def context(self, improves: Collection[str]) -> dict[str, object]:
        """What the body is rendered with, apart from table and window."""
        return {**self.values, **{template.HAS + c: c in self.has for c in improves}}


def variants(params: Sequence[Param], improves: Collection[str], body: str) -> Iterator[Variant]:
    """Every way in which the conditions of a body can come out. Raises ValueError for too many."""
    tested = template.tested(body)
    names = [p for p in params if p.name in tested]
    choices: list[Sequence[object]] = [_choices(p, tested[p.name]) for p in names]
    fields = [c for c in improves if template.HAS + c in tested]
    choices += [(False, True)] * len(fields)
    count = 1
    for each in choices:
        count *= len(each)
    if count > MOST_VARIANTS:
        raise ValueError(f"its conditions can come out in {count} ways: make two queries of it")
    fixed: dict[str, Value] = {p.name: sample(p) for p in params if p not in names}
    for picked in product(*choices):
        values: dict[str, Value] = {p.name: v for p, v in zip(names, picked, strict=False)}  # type: ignore[misc]  # one choice of its own each
        has = [c for c, yes in zip(fields, picked[len(names) :], strict=True) if yes]
        yield Variant({p.name: {**fixed, **values}[p.name] for p in params}, frozenset(has))


def sample(param: Param) -> Value:
    """A value as the parameter could have it."""
    if param.type in _CLOCK_FREE:
        one: Value = _CLOCK_FREE[param.type]
    elif param.choices:
        one = param.choices[0]
    else:
        one = TYPES[param.type].read(TYPES[param.type].example, None)
    return (one,) if param.many else one


def _choices(param: Param, constants: Sequence[object]) -> Sequence[object]:
    """Values by which a condition on the parameter can come out differently."""
    if param.many:
        return ((), sample(param))
    if param.type == "bool":
        return (False, True)
    if param.choices:
        found: list[object] = list(param.choices)
    else:
        found = [sample(param), *(c for c in constants if c is not None)]
    if not param.required and param.default is None:
        found.append(None)
    return list(dict.fromkeys(found))


def faults(
    params: Sequence[Param],
    requires: Collection[str],
    improves: Collection[str],
    body: str,
    check: Callable[[str], None],
) -> Iterator[str]:
    """Where header and statement disagree on the fields that are read.

    ``check`` raises BadSql for a statement that must not run.
    """
    try:
        for variant in variants(params, improves, body):
            context = variant.context(improves)
            window = {"table": name("logs", _TABLE), "window": Sql("TRUE")}
            sql = template.render(body, {**context, **window}, "the body")
            sql = macros.expand(sql)
            found = columns_read(sql)
            check(sql)
            wrong = list(_undeclared(found, set(requires), set(improves), variant.has))
            if wrong:
                yield from wrong
                return
    except BadSql as error:
        yield error.message
        return
    except ValueError as error:
        yield str(error)


def _undeclared(
    found: set[str], requires: set[str], improves: set[str], has: frozenset[str]
) -> Iterator[str]:
    extra = found - requires - has - {"*"}
    unknown = sorted(c for c in extra if c not in COLUMNS)
    for column in unknown:
        yield f"reads {column!r}, which no field has{did_you_mean(column, COLUMNS)}"
    unguarded = sorted(extra & improves)
    if unguarded:
        yield (
            f"reads {some(unguarded)} outside {{% if {template.HAS}{unguarded[0]} %}}:"
            " it is only under [improves]"
        )
    undeclared = sorted(extra - set(unknown) - improves)
    if undeclared:
        yield f"reads {', '.join(undeclared)}, not under requires"


def columns_read(sql: str, table: str = _TABLE) -> set[str]:
    """The columns that a statement reads of that table, in lower case; ``*`` for all of them.

    A column of which it is not clear whose it is counts. Raises BadSql.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.optimizer.scope import build_scope

    try:
        tree = sqlglot.parse_one(sql, dialect="athena")
        root = build_scope(tree)
    except sqlglot.errors.SqlglotError as error:
        raise BadSql(f"the statement does not parse: {_one_line(str(error))}") from None
    scopes = {id(s.expression): s for s in root.traverse()} if root else {}
    found: set[str] = set()
    for star in tree.find_all(exp.Star):
        scope = _owner(star, scopes)
        sources = _sources(scope).values() if scope else ()
        if not isinstance(star.parent, exp.Count) and any(_is(s, table) for s in sources):
            found.add("*")
    for column in tree.find_all(exp.Column):
        scope = _owner(column, scopes)
        if not _is_output(column) and _reads(column, scope, table):
            found.add(column.name.lower())
    return found


def _is_output(column: exp.Column) -> bool:
    """Does ORDER BY mean a column of the answer by this name?"""
    from sqlglot import exp

    clause = column.find_ancestor(exp.Order, exp.Query)
    if (
        column.table
        or not isinstance(clause, exp.Order)
        or not isinstance(clause.parent, exp.Query)
    ):
        return False
    return column.name.lower() in [n.lower() for n in clause.parent.named_selects]


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[\d*m", "", text).split())


def _owner(node: exp.Expr, scopes: Mapping[int, Scope]) -> Scope | None:
    """The scope in whose SELECT the node stands."""
    above = node.parent
    while above is not None and id(above) not in scopes:
        above = above.parent
    found = scopes.get(id(above))
    if found is not None and found.is_udtf:
        return found.parent
    return found


def _sources(scope: Scope) -> Mapping[str, object]:
    return {alias: source for alias, (_, source) in scope.selected_sources.items()}


def _is(source: object, table: str) -> bool:
    from sqlglot import exp

    return isinstance(source, exp.Table) and source.name.lower() == table


def _reads(column: exp.Column, scope: Scope | None, table: str) -> bool:
    """May the column be the table's, seen from this scope outwards?"""
    while scope is not None:
        sources = _sources(scope)
        if column.table:
            if column.table in sources:
                return _is(sources[column.table], table)
        elif any(column.name.lower() in _names(source) for source in sources.values()):
            return False
        elif any(_is(source, table) for source in sources.values()):
            return column.name.lower() in COLUMNS or all(map(_is_known, sources.values()))
        scope = scope.parent
    return False


def _is_known(source: object) -> bool:
    """Is it said which columns the source has? Not by the name of somebody's table."""
    from sqlglot import exp

    return not isinstance(source, exp.Table) or source.name.lower() == _TABLE


def _names(source: object) -> Collection[str]:
    """The columns of a source that says them."""
    from sqlglot import exp

    node = getattr(source, "expression", None)
    if isinstance(node, exp.Query):
        return [n.lower() for n in node.named_selects]
    if isinstance(node, exp.UDTF):
        return [n.lower() for n in node.alias_column_names]
    return ()
