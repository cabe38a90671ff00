"""Saved queries: a TOML header in SQL comments, and a Jinja body that holds values only.

Header and body are checked against each other when a file is read, down to the fields that the
statement reads. Queries of ours were checked by the tests, so only their headers are read anew.
`header`, `template`, `reads` and `macros` have the parts; here they are one noun.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from athena_flow import header, macros, reads, statement, template
from athena_flow.errors import (
    BadParameter,
    BadQuery,
    BadSql,
    MissingFields,
    UnknownQuery,
    did_you_mean,
)
from athena_flow.fields import COLUMNS
from athena_flow.header import GIVEN, OWN_GROUP, Alias
from athena_flow.params import Param, Value
from athena_flow.sqltext import Sql
from athena_flow.table import TableSpec
from athena_flow.window import Window


@dataclass(frozen=True, slots=True)
class SavedQuery:
    name: str
    title: str
    description: str
    requires: tuple[str, ...]
    """Columns without which it has no meaning."""
    params: tuple[Param, ...]
    body: str
    path: Path
    group: str = OWN_GROUP
    read: str = ""
    """How to read the answer."""
    caveats: tuple[str, ...] = ()
    improves: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Columns that it uses where the format has them, and what each adds."""
    aliases: tuple[Alias, ...] = ()
    attack: tuple[str, ...] = ()
    """Techniques of MITRE ATT&CK that it looks for."""

    def missing(self, columns: Container[str]) -> tuple[str, ...]:
        """The required columns that a table (or format, or set of columns) lacks."""
        return tuple(c for c in self.requires if c not in columns)

    def lacking(self, columns: Container[str]) -> tuple[str, ...]:
        """The improving columns that it lacks: without them it answers less."""
        return tuple(c for c in self.improves if c not in columns)

    def best(self, formats: Sequence[Container[str]]) -> Container[str]:
        """The one of several formats that suits the query most."""
        return min(formats, key=lambda f: (len(self.missing(f)), len(self.lacking(f))))

    def alias(self, called: str) -> Alias | None:
        """The alias by which the query was called, whatever its case; None for its own name."""
        if called == self.name:
            return None
        return next((a for a in self.aliases if a.name.lower() == called.lower()), None)


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query ready to be estimated and sent."""

    name: str
    sql: str
    spec: TableSpec
    window: Window
    values: Mapping[str, Value]


def shipped_folder() -> Path:
    """Where the queries of this package lie: inside a wheel, or beside a checkout."""
    inside = Path(__file__).parent / "queries"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "queries"


def library(
    own: Path | None = None, broken: dict[str, BadQuery] | None = None
) -> dict[str, SavedQuery]:
    """All saved queries by name, sorted; one in the user's ``own`` folder hides ours.

    Raises BadQuery for a folder that is none, and for a file that is wrong, unless
    ``broken`` is there to take it.
    """
    _check_folder(own)
    folders = [shipped_folder()] + ([own] if own else [])
    found = {path.stem: path for folder in folders for path in sorted(folder.glob("*.sql"))}
    queries: dict[str, SavedQuery] = {}
    taken = {
        folder: {name.lower(): name for name, path in found.items() if path.parent == folder}
        for folder in folders
    }
    for name in sorted(found):
        try:
            path = found[name]
            query = parse_query(_text(path), path, proven=path.parent == folders[0])
            _check_aliases(query, taken[path.parent])
            taken[path.parent] |= {a.name.lower(): name for a in query.aliases}
            queries[name] = query
        except BadQuery as error:
            if broken is None:
                raise
            broken[name] = error
    return queries


def _check_folder(own: Path | None) -> None:
    if own is not None and not own.is_dir():
        raise BadQuery(f"{own} is no folder", hint="--queries-dir takes a folder of *.sql files")


def _check_aliases(query: SavedQuery, taken: Mapping[str, str]) -> None:
    """Raises BadQuery for an alias that another query of its folder has as a name or alias."""
    wrong = [
        f"{a.name} ({taken[a.name.lower()]})" for a in query.aliases if a.name.lower() in taken
    ]
    if wrong:
        raise BadQuery(f"{query.path}: aliases that another query has: {', '.join(wrong)}")
    if len({a.name.lower() for a in query.aliases}) < len(query.aliases):
        raise BadQuery(f"{query.path}: an alias is there twice")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadQuery(f"{path}: cannot be read: {error}") from None


def named(name: str, own: Path | None = None) -> SavedQuery:
    """The query of that name, or else of that alias; the user's own before ours.

    One that lies there by its name is read alone. Raises BadQuery, and UnknownQuery with the
    nearest names.
    """
    _check_folder(own)
    for folder in filter(None, (own, shipped_folder())):
        path = folder / f"{name}.sql"
        if path.name == f"{name}.sql" and path.is_file():
            return parse_query(_text(path), path, proven=folder != own)
    return find(name, library(own, broken={}))


def find(name: str, queries: Mapping[str, SavedQuery]) -> SavedQuery:
    """The query of that name, or else of that alias; the user's own before ours.

    Raises UnknownQuery with the nearest names.
    """
    if name in queries:
        return queries[name]
    called = [q for q in queries.values() if q.alias(name)]
    if called:
        return min(called, key=lambda q: q.path.parent == shipped_folder())
    known = {n.lower(): n for q in queries.values() for n in (*(a.name for a in q.aliases), q.name)}
    near = did_you_mean(name, known)
    for lower, right in known.items():
        near = re.sub(rf"(?<![\w-]){re.escape(lower)}(?![\w-])", right, near)
    raise UnknownQuery(
        f"no saved query is called {name!r}{near}", hint="athena-flow queries lists them"
    )


def parse_query(text: str, path: Path, *, proven: bool = False) -> SavedQuery:
    """Reads one file; the body of a ``proven`` one is not checked.

    Raises BadQuery with everything wrong in it, and the file's name.
    """
    header_lines, body = _split(text)
    try:
        found = tomllib.loads("\n".join(header_lines))
    except tomllib.TOMLDecodeError as error:
        raise BadQuery(f"{path}: header: {error}", faults=[f"header: {error}"]) from None
    wrong = list(header.faults(found))
    if wrong:
        raise BadQuery(f"{path}: " + "; ".join(wrong), faults=wrong)
    query = SavedQuery(
        name=path.stem,
        title=found["title"],
        description=header.prose(found.get("description", "")),
        requires=tuple(found["requires"]),
        params=tuple(header.read_param(n, entry) for n, entry in found.get("params", {}).items()),
        body=body.strip(),
        path=path,
        group=found.get("group", OWN_GROUP),
        read=header.prose(found.get("read", "")),
        caveats=tuple(map(header.prose, found.get("caveats", ()))),
        improves={c: header.prose(adds) for c, adds in found.get("improves", {}).items()},
        aliases=tuple(map(header.read_alias, found.get("aliases", ()))),
        attack=tuple(found.get("attack", ())),
    )
    if not proven:
        declared = [*(p.name for p in query.params), *(template.HAS + c for c in query.improves)]
        wrong = list(template.faults(body, GIVEN, declared)) or list(
            reads.faults(
                query.params,
                query.requires,
                query.improves,
                body,
                lambda sql: check_read_only(sql, "the body"),
            )
        )
    if wrong:
        raise BadQuery(f"{path}: " + "; ".join(wrong), faults=wrong)
    return query


def bind(
    query: SavedQuery,
    values: Mapping[str, Value],
    spec: TableSpec,
    window: Window,
    has: Container[str] | None = None,
) -> BoundQuery:
    """The query on one table and window, with its values in place and its macros written out.

    ``has`` are the columns that every record has, where that is not all of the table's: they
    decide which improving fields are used.

    Raises MissingFields when the table lacks a required field, and BadSql when the result
    is not one read-only statement.
    """
    missing = query.missing(spec.format)
    if missing:
        names = ", ".join(COLUMNS[c] for c in missing)
        raise MissingFields(
            f"{query.name} needs fields that the log format of {spec.title} lacks: {names}",
            hint="a flow log's format cannot be changed: make a new one with these fields;"
            " athena-flow check tells whether a table lacks what its logs hold",
        )
    sql = macros.expand(render(query, values, spec, window, has))
    check_read_only(sql, query.path.name)
    return BoundQuery(query.name, sql, spec, window, values)


def render(
    query: SavedQuery,
    values: Mapping[str, Value | Sql],
    spec: TableSpec,
    window: Window | Sql,
    has: Container[str] | None = None,
) -> str:
    """The body with every value in place, its macros still calls. Arguments as of `bind`; a
    window may be its condition as well."""
    known = spec.format if has is None else has
    context: dict[str, object] = dict(values)
    context |= {template.HAS + c: c in known for c in query.improves}
    context["table"] = spec.sql
    context["window"] = window if isinstance(window, Sql) else spec.predicate(window)
    try:
        return template.render(query.body, context, query.path)
    except ValueError as error:
        raise BadParameter(f"{query.name}: {error}") from None


def check_read_only(sql: str, where: str) -> None:
    """Is this one SELECT (or WITH), by parsing? Raises BadSql when it is not."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.dialects.trino import Trino

    try:
        statements = [s for s in sqlglot.parse(sql, dialect="athena") if s is not None]
        first = next((t.text.upper() for t in Trino().tokenize(sql)), "")
    except sqlglot.errors.SqlglotError as error:
        raise BadSql(f"{where}: {statement.open_quote(sql) or _one_line(str(error))}") from None
    if len(statements) != 1:
        raise BadSql(f"{where}: holds {len(statements)} statements, not one")
    writing = (exp.DDL, exp.DML, exp.Into, exp.Command, exp.Lock)
    wrong = statements[0].find(*writing)
    if wrong or not isinstance(statements[0], exp.Query) or first not in ("SELECT", "WITH", "("):
        kind = first
        if wrong and first in ("SELECT", "WITH", "("):
            kind = wrong.key.upper()
        raise BadSql(f"{where}: {kind} is not run: only SELECT and WITH are")
    for table in statements[0].find_all(exp.Table, exp.TableFromRows):
        if isinstance(table, exp.TableFromRows) or isinstance(table.this, exp.Func):
            raise BadSql(
                f"{where}: a function stands where a table should: {_one_line(table.sql('trino'))}",
                hint="TABLE(system.query(...)) passes any statement on to another database",
            )


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[\d*m", "", text).split())


def _split(text: str) -> tuple[list[str], str]:
    """The header's lines without their comment marks, and the body with its line numbers."""
    lines = text.lstrip("\ufeff").splitlines()
    found = []
    for line in lines:
        if not line.startswith("--"):
            break
        found.append(line.removeprefix("--").removeprefix(" "))
    return found, "\n" * len(found) + "\n".join(lines[len(found) :]).rstrip()
