"""The scopes of a statement: what each FROM holds, and what each query hands upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from athena_flow.errors import BadSql
from athena_flow.prune import Known
from athena_flow.prune.names import Cte, Env, On, Output, Scope, Source, is_star, marked
from athena_flow.translate.functions import words

_QUERY_PARTS = words("with_ this expression distinct order limit offset alias joins")
_SELECT_PARTS = _QUERY_PARTS | words("expressions from_ where group having windows")
_TABLE_PARTS = words("this db catalog alias joins")


class Scopes:
    """The scopes of one statement, each made once."""

    def __init__(self, relation: Known) -> None:
        self._relation = relation
        self._scopes: dict[int, Scope] = {}
        self._envs: dict[int, Env] = {}

    def env(self, query: exp.Expr, above: Env) -> Env:
        """The names that a query sees: those above it, and those of its own WITH."""
        if id(query) not in self._envs:
            known = dict(above)
            clause = query.args.get("with_")
            recursive = clause is not None and bool(clause.args.get("recursive"))
            for cte in clause.expressions if clause is not None else ():
                name = cte.alias.lower()
                looping = recursive and _reads(cte.this, name)
                known[name] = Cte(cte, dict(known), looping)
            self._envs[id(query)] = known
        return self._envs[id(query)]

    def inside(self, cte: Cte) -> Env:
        """The names that a WITH query sees."""
        if not cte.looping:
            return cte.env
        return {**cte.env, cte.node.alias.lower(): Cte(cte.node, cte.env, True, is_step=True)}

    def scope(self, select: exp.Select, env: Env) -> Scope:
        if id(select) not in self._scopes:
            self._scopes[id(select)] = scope = Scope()
            scope.odd = bool(_set(select) - _SELECT_PARTS)
            source = select.args.get("from_")
            if source is not None:
                self._add(scope, source, env)
            self._join(scope, frozenset(range(len(scope.sources))), select, env)
            _check_aliases(scope.sources)
            scope.outputs = _outputs(scope, select)
        return self._scopes[id(select)]

    def columns(self, query: exp.Expr, env: Env) -> tuple[str, ...] | None:
        """The names of a query's columns, '' for one without; None where they are not known."""
        env = self.env(query, env)
        if isinstance(query, exp.Subquery | exp.SetOperation):
            return self.columns(query.this, env)
        if isinstance(query, exp.Select):
            outputs = self.scope(query, env).outputs
            return None if outputs is None else tuple(output.name for output in outputs)
        return None

    def _add(self, scope: Scope, item: exp.Expr, env: Env, odd: bool = False) -> frozenset[int]:
        """An item of a FROM with all that is joined to it; the sources that it brought."""
        if isinstance(item, exp.From):
            return self._add(scope, item.this, env)
        first = len(scope.sources)
        if isinstance(item, exp.Subquery) and not isinstance(item.this, exp.Query):
            self._add(scope, item.this, env, odd or bool(item.args.get("alias")))
        else:
            source = self._source(item, env)
            scope.sources.append(replace(source, names=None, relation=None) if odd else source)
        mine = frozenset(range(first, len(scope.sources)))
        return self._join(scope, mine, item, env, odd)

    def _join(
        self, scope: Scope, left: frozenset[int], item: exp.Expr, env: Env, odd: bool = False
    ) -> frozenset[int]:
        """Adds what is joined to some sources; all of them together."""
        for join in item.args.get("joins") or ():
            right = self._add(scope, join.this, env, odd)
            side, kind = str(join.side or "").upper(), str(join.kind or "").upper()
            known = (
                side in ("", "LEFT", "RIGHT", "FULL")
                and kind in ("", "INNER", "CROSS", *(("OUTER",) if side else ()))
                and str(join.method or "").upper() in ("", "NATURAL")
                and not _set(join) - {"this", "on", "using", "side", "kind", "method"}
            )
            condition = join.args.get("on")
            if condition is not None and known:
                chooses = {"": left | right, "LEFT": right, "RIGHT": left}.get(side, frozenset())
                scope.ons.append(On(condition, left | right, chooses, scope.nulled))
            scope.merged |= {name.name.lower() for name in join.args.get("using") or ()}
            scope.natural = scope.natural or bool(join.method)
            scope.odd = scope.odd or not known
            nulls = {"": frozenset[int](), "LEFT": right, "RIGHT": left}.get(side, left | right)
            scope.nulled |= nulls
            left |= right
        return left

    def _source(self, item: exp.Expr, env: Env) -> Source:
        alias, columns = item.alias.lower(), _alias_columns(item)
        if isinstance(item, exp.Table):
            cte = None if item.db or item.catalog else env.get(item.name.lower())
            if cte is not None:
                names = _renamed(self._of(cte), columns)
                return Source(item, alias or item.name.lower(), names=names, cte=cte)
            database, table = item.db.lower(), item.name.lower()
            known = _set(item) <= _TABLE_PARTS and isinstance(item.this, exp.Identifier)
            relation = self._relation(database, table) if known else None
            names = None if relation is None else (*relation.columns, *relation.keys)
            return Source(
                item,
                alias or table,
                "" if item.args.get("alias") else database,
                _renamed(names, columns),
                relation,
            )
        if isinstance(item, exp.Subquery):
            plain = not _set(item) - _QUERY_PARTS
            names = _renamed(self.columns(item.this, self.env(item, env)), columns)
            return Source(item, alias, names=names if plain else None, query=item)
        if isinstance(item, exp.Unnest):
            ordinal = item.args.get("offset")
            if isinstance(ordinal, exp.Expr):
                columns = (*columns, ordinal.name.lower())
            return Source(item, alias, names=columns or None, lateral=True)
        if isinstance(item, exp.Lateral) and isinstance(item.this, exp.Query):
            names = _renamed(self.columns(item.this, env), columns)
            return Source(item, alias, names=names, query=item.this, lateral=True)
        return Source(item, alias, names=columns or None, lateral=True)

    def _of(self, cte: Cte) -> tuple[str, ...] | None:
        columns = _alias_columns(cte.node)
        if cte.is_step:
            return columns or None
        return _renamed(self.columns(cte.node.this, self.inside(cte)), columns)


def _set(node: exp.Expr) -> set[str]:
    """The parts that a node has."""
    return {key for key, value in node.args.items() if value not in (None, False, [], "")}


def _reads(query: exp.Expr, name: str) -> bool:
    return any(t.name.lower() == name and not t.db for t in query.find_all(exp.Table))


def _alias_columns(item: exp.Expr) -> tuple[str, ...]:
    alias = item.args.get("alias")
    return tuple(c.name.lower() for c in alias.columns) if isinstance(alias, exp.TableAlias) else ()


def _renamed(names: tuple[str, ...] | None, columns: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names after ``AS alias (columns)``; None where they do not fit."""
    if not columns:
        return names
    return columns if names is None or len(names) == len(columns) else None


def _check_aliases(sources: Sequence[Source]) -> None:
    """Raises BadSql where one name stands for two tables."""
    seen: dict[str, Source] = {}
    for source in sources:
        other = seen.setdefault(source.alias, source) if source.alias else source
        apart = source.database and other.database and source.database != other.database
        if other is not source and not apart:
            raise BadSql(
                f"two tables of one FROM are called {source.alias}",
                hint="give each of them an alias of its own: FROM logs AS a JOIN logs AS b ON ...",
            )


def _outputs(scope: Scope, select: exp.Select) -> list[Output] | None:
    found: list[Output] = []
    for number, item in enumerate(select.expressions):
        if not is_star(item):
            found.append(Output(item.alias_or_name.lower(), number, item.unalias()))
            continue
        stars = list(scope.starred(item))
        if any(scope.sources[i].names is None for i in stars) or scope.merged or scope.natural:
            return None
        if scope.odd or not stars or _set(item if isinstance(item, exp.Star) else item.this):
            return None
        for at in stars:
            names = scope.sources[at].names or ()
            found += [Output(n, number, marked(at, place)) for place, n in enumerate(names)]
    return found
