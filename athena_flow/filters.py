"""By which columns does a query choose or join rows? An engine looks these up before it reads.

By names alone, and rather too many than too few: a name that a condition speaks of, and what
stands behind it where it is an alias, in whatever part of the query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_flow.errors import BadSql

if TYPE_CHECKING:
    from sqlglot import exp


def filtered_columns(sql: str) -> frozenset[str] | None:
    """Names in lower case; empty where no row is chosen, None where that cannot be said.

    Raises BadSql.
    """
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(sql, dialect="athena")
    except sqlglot.errors.SqlglotError as error:
        raise BadSql(" ".join(str(error).split())) from None
    if any(join.method or join.kind in ("SEMI", "ANTI") for join in tree.find_all(exp.Join)):
        return None  # NATURAL: by whatever the two have in common
    names = _in_conditions(tree)
    if not names:
        return frozenset()
    if _renames(tree) or tree.find(exp.MatchRecognize):
        return None
    behind = [(alias.alias.lower(), _names(alias.this)) for alias in tree.find_all(exp.Alias)]
    for union in tree.find_all(exp.SetOperation):
        columns = _columns(union)
        if columns is None:
            return None
        behind += columns
    before = -1
    while before < len(names):
        before = len(names)
        for alias, columns_behind in behind:
            if alias in names:
                names |= columns_behind
    return frozenset(names)


def _in_conditions(tree: exp.Expr) -> set[str]:
    from sqlglot import exp

    found = set()
    for node in tree.find_all(exp.Where, exp.Having, exp.Qualify):
        found |= _names(node)
    for test in tree.find_all(exp.In, exp.SubqueryPredicate):
        found |= _names(test) if test.find(exp.Query) else set()
    for join in tree.find_all(exp.Join):
        on = join.args.get("on")
        found |= _names(on) if on else set()
        found |= {name.name.lower() for name in join.args.get("using") or ()}
    for unnest in tree.find_all(exp.Unnest):
        found |= _names(unnest) if found else set()
    return found


def _names(node: exp.Expr) -> set[str]:
    """Every name that may be a column's; of ``a.b`` both, for b may be a field of a column a."""
    from sqlglot import exp

    columns = list(node.find_all(exp.Column))
    return {part.name.lower() for column in columns for part in column.parts}


def _renames(tree: exp.Expr) -> bool:
    """Are columns of a table or subquery called otherwise by their place?"""
    from sqlglot import exp

    return any(
        alias.columns and not isinstance(alias.parent, exp.Unnest | exp.Values)
        for alias in tree.find_all(exp.TableAlias)
    )


def _columns(union: exp.SetOperation) -> list[tuple[str, set[str]]] | None:
    """The first side's names, each with what stands there on the other; None for a ``*``."""
    from sqlglot import exp

    left, right = union.left.unnest(), union.right.unnest()
    if not isinstance(left, exp.Query) or not isinstance(right, exp.Query):
        return None
    firsts, seconds = left.selects, right.selects
    if left.is_star or right.is_star or len(firsts) != len(seconds):
        return None
    return [
        (first.alias_or_name.lower(), _names(second) | {second.alias_or_name.lower()})
        for first, second in zip(firsts, seconds, strict=True)
    ]
