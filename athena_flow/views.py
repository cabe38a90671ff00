"""The tables that a query names, each looked up once, and views put in place of their names.

What pruning is then given is one query over tables alone. Names in a view's text are qualified
with the view's own database, so that nothing around it can catch them. A view in Hive's SQL
loses its conditions: they compare as Hive does, and so prove nothing to Athena.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from athena_flow.errors import BadSql, some
from athena_flow.readable import View

if TYPE_CHECKING:
    from sqlglot import exp

ATHENA_CATALOG = "awsdatacatalog"
"""What Athena calls the Glue Data Catalog. Source: Athena User Guide, "Name databases"."""
SYSTEM = "information_schema"
HIDDEN = ("$partitions", "$properties")
"""What follows a Hive table's name where its metadata is asked for, which is not in its files.
Source: Trino's documentation, Hive connector, "Metadata tables"."""

Look = Callable[[str, str], View | None]
"""From database and name to the view of that name; None for a table. Raises NotFound."""
_SURPRISES = (AttributeError, LookupError, TypeError, ValueError)
"""What sqlglot's untyped trees raise for text that its parser let pass."""


@dataclass(frozen=True, slots=True)
class Session:
    """What names mean that do not say all."""

    database: str
    catalogs: Collection[str] = (ATHENA_CATALOG,)
    """What the catalog is called in which tables are looked up; lower-case."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A query over tables alone."""

    sql: str
    views: tuple[str, ...]
    """``database.name`` of those that are put in place."""
    system: tuple[str, ...]
    """Tables of metadata, which are in nobody's files."""


def resolved(query: str, session: Session, look: Look) -> Resolved:
    """The query with every view in place of its name, and every table with its database.

    Raises BadSql for what is not understood, and what ``look`` raises.
    """
    views: dict[str, None] = {}
    system: dict[str, None] = {}
    try:
        tree = _parsed(query, "athena")
        _put(tree, session, look, (), views, system)
        return Resolved(_text(tree), tuple(views), tuple(system))
    except RecursionError:
        raise BadSql("it is nested too deeply to be understood") from None
    except _SURPRISES as error:
        raise BadSql(f"it is not understood: {type(error).__name__}: {_line(error)}") from None


def qualified(query: str, session: Session) -> str:
    """The query with every table's database in place of what the session leaves unsaid."""
    return resolved(query, session, lambda database, name: None).sql


def is_system(database: str, name: str) -> bool:
    """Does a scan of this read nobody's files?"""
    return database == SYSTEM or name.endswith(HIDDEN)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _parsed(sql: str, dialect: str) -> exp.Expr:
    import sqlglot
    from sqlglot import exp

    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect=dialect) if tree is not None]
    except sqlglot.errors.SqlglotError as error:
        raise BadSql(f"it is not understood: {_plain(str(error))}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query | exp.Values):
        raise BadSql("it is not understood: no single query")
    tree = trees[0]
    writing = tree.find(exp.DDL, exp.DML, exp.Into, exp.Command)
    if writing:
        raise BadSql(f"it is not understood: {writing.key.upper()} inside a query")
    return tree


def _text(tree: exp.Expr) -> str:
    import sqlglot

    try:
        return tree.sql("athena", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.errors.SqlglotError as error:
        raise BadSql(f"it is not understood: {_plain(str(error))}") from None


def _plain(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[\d*m", "", text).split())


def _put(
    tree: exp.Expr,
    session: Session,
    look: Look,
    above: tuple[str, ...],
    views: dict[str, None],
    system: dict[str, None],
) -> None:
    """Qualifies the tables of a tree in place, and puts views in."""
    from sqlglot import exp

    for node in _tables(tree):
        database, name = _named(node, session)
        title = f"{database}.{name}"
        if is_system(database, name):
            system[title] = None
            view = None
        else:
            view = look(database, name)
        node.set("catalog", None)
        node.set("db", exp.to_identifier(database, quoted=True))
        if view is None:
            continue
        if title in above:
            raise BadSql(f"view {title} reads itself, by way of {some(above[1:]) or title}")
        inner = _parsed(view.sql, view.dialect)
        if view.dialect == "hive":
            _without_conditions(inner)
        inside = Session(view.schema.lower(), session.catalogs)
        _put(inner, inside, look, (*above, title), views, system)
        views[title] = None
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
        new = exp.Subquery(this=inner, alias=alias.copy())
        for kept in ("joins", "laterals", "sample", "pivots"):
            new.set(kept, node.args.get(kept))
        node.replace(new)


def _tables(tree: exp.Expr) -> list[exp.Table]:
    """Every mention of a table or view, and none of a WITH query."""
    from sqlglot import exp

    for rows in tree.find_all(exp.TableFromRows):
        raise BadSql(f"a function stands where a table should: {_line_of(rows)}")
    found = []
    for node in tree.find_all(exp.Table):
        if not isinstance(node.this, exp.Identifier):
            raise BadSql(f"a function stands where a table should: {_line_of(node)}")
        if node.db or not _is_with_query(node):
            found.append(node)
    return found


def _is_with_query(node: exp.Table) -> bool:
    """Does a WITH around the name define it? One inside a WITH sees those before it there."""
    from sqlglot import exp

    name = node.name.lower()
    child: exp.Expr = node
    parent = node.parent
    while parent is not None:
        seen: list[exp.CTE] = []
        if isinstance(parent, exp.With):
            own = next(n for n, cte in enumerate(parent.expressions) if cte is child)
            seen = parent.expressions[: own + bool(parent.recursive)]
            child, parent = parent, parent.parent
        elif parent.args.get("with_") is not None:
            seen = parent.args["with_"].expressions
        if any(cte.alias_or_name.lower() == name for cte in seen):
            return True
        if parent is not None:
            child, parent = parent, parent.parent
    return False


def _line_of(node: exp.Expr) -> str:
    return " ".join(node.sql("athena").split())


def _named(node: exp.Table, session: Session) -> tuple[str, str]:
    catalog, database, name = node.catalog.lower(), node.db.lower(), node.name.lower()
    if catalog and catalog not in session.catalogs:
        raise BadSql(f"{catalog}.{database}.{name} lies in another catalog")
    return database or session.database, name


def _without_conditions(tree: exp.Expr) -> None:
    from sqlglot import exp

    for select in list(tree.find_all(exp.Select)):
        for clause in ("where", "having", "qualify"):
            select.set(clause, None)
    for join in list(tree.find_all(exp.Join)):
        if join.args.get("on"):
            join.set("on", exp.true())
