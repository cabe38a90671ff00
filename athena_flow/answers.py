"""What can a log format answer? Which queries run on it, and which fields would unlock more.

A flow log's format cannot be changed afterwards, so this is asked before one is made. Pure: a
format and the queries come in, nouns go out.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from athena_flow.fields import BY_NAME, COLUMNS
from athena_flow.logformat import LogFormat
from athena_flow.query import SavedQuery

Status = Literal["runnable", "runs with less", "missing fields"]


def status(query: SavedQuery, columns: Container[str]) -> Status:
    """What becomes of a query on a table, format or set of columns."""
    if query.missing(columns):
        return "missing fields"
    return "runs with less" if query.lacking(columns) else "runnable"


@dataclass(frozen=True, slots=True)
class Step:
    """Fields to add to a format, and what the format can then do that it could not before."""

    add: tuple[str, ...]
    """Columns."""
    beside: tuple[str, ...]
    """Columns of the steps before, without which these do not do."""
    unlocks: tuple[str, ...]
    """Names of queries that run then."""
    improves: tuple[str, ...]
    """Names of queries that ran with less, and of which a field comes with this step."""


def unlock(queries: Iterable[SavedQuery], known: LogFormat) -> tuple[Step, ...]:
    """Steps by which all queries come to run, the most queries for a field first.

    Queries about the other kind of log, which no field can unlock, are left out: `out_of_reach`.
    """
    away = {q.name for q in out_of_reach(queries, known)}
    todo = [q for q in queries if q.name not in away]
    have = set(known.columns)
    steps: list[Step] = []
    added: tuple[str, ...] = ()
    while blocked := [q for q in todo if q.missing(have)]:
        add = min(
            (q.missing(have) for q in blocked), key=lambda fields: _rank(fields, blocked, have)
        )
        unlocked = [q.name for q in blocked if not q.missing(have | {*add})]
        improved = tuple(_improved(todo, add, have, unlocked))
        steps.append(Step(add, added, tuple(unlocked), improved))
        added += add
        have |= {*add}
    more = {c for q in todo for c in q.lacking(have) if _reachable(c, known)}
    found = [Step((c,), added, (), tuple(_improved(todo, (c,), have, ()))) for c in sorted(more)]
    return (*steps, *sorted(found, key=lambda step: -len(step.improves)))


def out_of_reach(queries: Iterable[SavedQuery], known: LogFormat) -> tuple[SavedQuery, ...]:
    """The queries that need a field which logs of this kind cannot have."""
    return tuple(
        q for q in queries if any(not _reachable(c, known) for c in q.missing(known.columns))
    )


def _reachable(column: str, known: LogFormat) -> bool:
    return any(COLUMNS[column] in BY_NAME[kind] for kind in known.kinds)


def _rank(
    fields: Sequence[str], blocked: Sequence[SavedQuery], have: set[str]
) -> tuple[float, ...]:
    """Smaller is better: queries for a field, then queries, then few fields."""
    count = sum(not q.missing(have | {*fields}) for q in blocked)
    return (-count / len(fields), -count, len(fields))


def _improved(
    queries: Sequence[SavedQuery], add: Sequence[str], have: set[str], unlocked: Container[str]
) -> Iterator[str]:
    for query in queries:
        ran = query.name not in unlocked and not query.missing(have)
        if ran and {*query.lacking(have)} & {*add}:
            yield query.name
