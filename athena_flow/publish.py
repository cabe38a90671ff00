"""Saved queries as Athena's named queries, where the console shows them.

Names of named queries are not unique, so ours carry a mark in their description: the table, the
query and a hash of all that was written. What bears no mark, or was changed since it was written,
is somebody else's and never touched. Pure but for `apply`, which is handed the named queries.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from athena_flow import macros, params, query, template
from athena_flow.errors import BadParameter, BadSql, BadWindow
from athena_flow.fields import COLUMNS
from athena_flow.params import Param, Value
from athena_flow.query import SavedQuery, check_read_only
from athena_flow.sqltext import STATEMENT_BYTES, Sql, conjunction, literal, name
from athena_flow.table import TableSpec
from athena_flow.window import parse_span

DESCRIPTION_LENGTH = 1_024
"""Longest description. Source: Athena API reference, CreateNamedQuery, Description."""
_MARK = re.compile(r"athena-flow (\S+) (\S+) ([0-9a-f]{16})")
_ASKED = "athena_flow_parameter_"
_DAY = 86_400
_ANY_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
"""For times that do not count from one."""


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """One named query; ``id`` is empty before Athena has given one."""

    name: str
    description: str
    database: str
    sql: str
    id: str = ""

    @property
    def mark(self) -> tuple[str, str] | None:
        """The table and the saved query that it was made of, by us and as it stands; else None."""
        found = self._marked
        return (found[1], found[2]) if found and found[3] == _hash(self) else None

    @property
    def is_changed(self) -> bool:
        """Was it ours until somebody changed it?"""
        found = self._marked
        return found is not None and found[3] != _hash(self)

    @property
    def _marked(self) -> re.Match[str] | None:
        return _MARK.fullmatch(self.description.rpartition("\n")[2])


@dataclass(frozen=True, slots=True)
class Left:
    """A saved query that is not published, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes a workgroup's named queries those that we ship."""

    create: tuple[Named, ...]
    update: tuple[Named, ...]
    remove: tuple[Named, ...]
    same: tuple[Named, ...]
    changed: tuple[Named, ...] = ()
    """Ours until somebody changed them: theirs now, and left as they are."""


class NamedQueries(Protocol):
    """The named queries of one workgroup."""

    def all(self) -> Iterator[Named]:
        """Every one of them. Raises NotFound for a workgroup that is not there, AccessDenied."""

    def create(self, wanted: Named) -> None: ...

    def update(self, wanted: Named) -> None:
        """Name, description and statement of the one with that id."""

    def remove(self, found: Named) -> None:
        """One that is gone already is fine."""


def wanted(
    queries: Iterable[SavedQuery], spec: TableSpec, window: Sql
) -> tuple[tuple[Named, ...], tuple[Left, ...]]:
    """What is to be published of a table, and the queries that cannot be."""
    found: list[Named] = []
    left: list[Left] = []
    for saved in queries:
        try:
            found.append(named(saved, spec, window))
        except (BadSql, BadParameter) as error:
            left.append(Left(saved.name, error.message))
    return tuple(found), tuple(left)


def named(saved: SavedQuery, spec: TableSpec, window: Sql) -> Named:
    """A query as the console gets it: defaults in place, a ``?`` for each required parameter.

    Raises BadParameter where it cannot ask for one, BadSql where a ``?`` may not stand.
    """
    missing = saved.missing(spec.format)
    if missing:
        raise BadParameter(f"the table lacks {', '.join(COLUMNS[c] for c in missing)}")
    _check_asked(saved)
    values = {p.name: _value(p) for p in saved.params}
    try:
        body = query.render(saved, values, spec, window)
        sql = macros.expand(body)
    except BadSql as error:
        raise BadSql(f"Athena cannot ask for a parameter there: {error.message}") from None
    asked = re.findall(rf"\b{_ASKED}(\w+)", sql)
    sql = re.sub(rf"\b{_ASKED}\w+", "?", sql)
    check_read_only(sql, saved.name)
    if len(sql.encode()) > STATEMENT_BYTES:
        raise BadSql(f"its statement is longer than Athena's {STATEMENT_BYTES:,} bytes")
    bare = Named(saved.name, "", spec.database, sql)
    known = {p.name: p for p in saved.params}
    text = _description(saved, [known[each] for each in asked])
    draft = replace(bare, description=f"{text}\n")
    return replace(draft, description=f"{text}\nathena-flow {spec.key} {saved.name} {_hash(draft)}")


def _check_asked(saved: SavedQuery) -> None:
    tested = template.tested(saved.body)
    for param in saved.params:
        if param.required and (param.many or param.name in tested):
            what = "a list" if param.many else "a choice of statements"
            raise BadParameter(f"its parameter {param.name} is {what}, for which ? cannot stand")
        if param.type == "time" and param.many and param.default:
            raise BadParameter(f"its parameter {param.name} is a list of times")


def _value(param: Param) -> Value | Sql:
    """What stands for a parameter: a mark for ?, or its default."""
    if param.required:
        return Sql(f"{_ASKED}{param.name}")
    if param.type == "time" and isinstance(param.default, str):
        return _moment(param, param.default)
    return param.otherwise()


def _moment(param: Param, text: str) -> Value | Sql:
    """A time as Unix seconds; one that counts from the clock does so when the statement runs."""
    if text in ("today", "yesterday"):
        day = f"current_date - INTERVAL '{1 if text == 'yesterday' else 0}' DAY"
        return Sql(f"CAST(to_unixtime(CAST({day} AS timestamp)) AS bigint)")
    try:
        seconds = int(parse_span(text).total_seconds())
    except BadWindow:
        return param.read(text, _ANY_CLOCK)
    return Sql(f"CAST(to_unixtime(current_timestamp - INTERVAL '{seconds}' SECOND) AS bigint)")


def _description(saved: SavedQuery, asked: Sequence[Param]) -> str:
    """Title, purpose, and what each ``?`` is, in their order; as long as Athena takes it."""
    parts = [f"{saved.title}. {saved.description}"]
    parts += [f"Parameter {n}: {p.name} ({_written(p)})" for n, p in enumerate(asked, start=1)]
    text = " ".join(" ".join(parts).split())
    most = DESCRIPTION_LENGTH - 400
    return text if len(text) <= most else text[: most - 3] + "..."


def _written(param: Param) -> str:
    """How a parameter's value is typed into the console: a literal of SQL."""
    kind = params.TYPES[param.type]
    value = param.choices[0] if param.choices else kind.read(kind.example, _ANY_CLOCK)
    return f"{param.doc}, such as {literal(value)}"


def _hash(one: Named) -> str:
    """Of all that we write but the mark itself."""
    text = one.description.rpartition("\n")[0]
    whole = "\0".join((one.name, text, one.database, one.sql))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def recent(
    spec: TableSpec, span: timedelta, accounts: tuple[str, ...], regions: tuple[str, ...]
) -> Sql:
    """The last ``span``, as counted when the statement runs, with the partitions it touches."""
    seconds = int(span.total_seconds())
    number, unit = (seconds // _DAY, "DAY") if not seconds % _DAY else (seconds, "SECOND")
    terms = spec.layout.recent(-(-seconds // _DAY), accounts, regions, bool(spec.projection))
    if "end" in spec.format:
        moment = f"current_timestamp - INTERVAL '{number}' {unit}"
        terms.append(f"{name('end')} >= to_unixtime({moment})")
    return conjunction(terms)


def changes(ours: Iterable[Named], found: Iterable[Named], table: str) -> Changes:
    """What to do so that of ``table`` exactly ``ours`` are there, each of them once.

    Those of other tables, of other people, and those that somebody changed, stay as they are.
    """
    there: dict[str, list[Named]] = {}
    every = sorted(found, key=lambda n: n.id)
    for one in every:
        mark = one.mark
        if mark and mark[0] == table:
            there.setdefault(mark[1], []).append(one)
    create: list[Named] = []
    update: list[Named] = []
    remove: list[Named] = []
    same: list[Named] = []
    for one in ours:
        if one.name not in there:
            create.append(one)
            continue
        first, *doubles = there.pop(one.name)
        remove += doubles
        if replace(first, id="") == one:
            same.append(first)
        else:
            update.append(replace(one, id=first.id))
    remove += [one for several in there.values() for one in several]
    changed = tuple(one for one in every if one.is_changed)
    return Changes(tuple(create), tuple(update), tuple(remove), tuple(same), changed)


def apply(
    planned: Changes, port: NamedQueries, progress: Callable[[str, int, int | None], None]
) -> None:
    """Does what is planned. Killed anywhere, the same plan made anew does the rest."""
    steps: list[tuple[Callable[[Named], None], Named]] = [
        *((port.create, one) for one in planned.create),
        *((port.update, one) for one in planned.update),
        *((port.remove, one) for one in planned.remove),
    ]
    for done, (step, one) in enumerate(steps):
        progress("publishing", done, len(steps))
        try:
            step(one)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{done} of {len(steps)} were published") from None
    progress("publishing", len(steps), len(steps))


def document(
    workgroup: str, table: str, planned: Changes, left: Sequence[Left], *, done: bool
) -> Mapping[str, object]:
    """The answer of ``queries publish``, as JSON."""
    return {
        "workgroup": workgroup,
        "table": table,
        "done": done,
        **{
            key: [_entry(one) for one in getattr(planned, key)]
            for key in ("create", "update", "remove", "same", "changed")
        },
        "left_out": [{"name": each.name, "reason": each.why} for each in left],
    }


def _entry(one: Named) -> Mapping[str, object]:
    return {
        "name": one.name,
        "id": one.id or None,
        "description": one.description,
        "database": one.database,
        "sql": one.sql,
    }
