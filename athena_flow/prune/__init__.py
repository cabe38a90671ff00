"""What does a statement read? Of each table the partitions, the columns, and bounds on values.

A partition is left out only where the statement provably needs none of its rows, and where
Athena's planner finds that out as well: a proof that only we have would make an estimate low.
What is not understood keeps everything. The evaluation of a condition over the partitions'
values is handed in: an SQL engine does it well, and this floor has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""A key's NULL in the catalog. Source: Hive, hive.exec.default.partition.name."""

Evaluate = Callable[[str, Mapping[str, str], Sequence[Sequence[str | None]]], Sequence[bool]]
"""From a condition in Athena's SQL, its columns (name and Athena type) and the rows of their
values, as the catalog has them (None: NULL), to whether it may hold for each row. Where that
cannot be told, of the condition or of a value: True."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What has to be known of a table. Names in lower case, in the table's order."""

    columns: Mapping[str, str]
    """Data columns: name and Athena type."""
    keys: Mapping[str, str]
    """Partition keys: name and Athena type."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a data column surely lies in, in each row that a scan needs: no NULL, and both ends
    inclusive. None is open."""

    column: str
    low: int | str | None
    high: int | str | None
    among: tuple[int | str, ...] = ()
    """The values themselves, where a statement lists them."""


@dataclass(frozen=True, slots=True)
class TableScan:
    """One place where a statement reads a table."""

    database: str
    """Empty when the statement leaves it to the session's default."""
    table: str
    condition: str | None
    """In Athena's SQL, over the table's partition keys; None keeps every partition."""
    columns: frozenset[str] | None = None
    """Data columns that it can need; None for all of them."""
    ranges: tuple[Range, ...] = ()


Known = Callable[[str, str], Relation | None]
"""From a database (empty: the session's) and a table, both in lower case, to what is known of
it; None where nothing is."""


def table_scans(sql: str, relation: Known) -> tuple[TableScan, ...]:
    """Every scan of a query, a table read twice being two. Raises BadSql."""
    from athena_flow.prune.scans import scans_of

    return scans_of(sql, relation)


def chosen(
    scan: TableScan,
    keys: Mapping[str, str],
    values: Sequence[Sequence[str | None] | None],
    evaluate: Evaluate,
    now: datetime,
) -> tuple[Sequence[bool], bool]:
    """May the scan read each partition? And was all of its condition understood: else it may keep
    too many.

    ``values`` are the partitions' as the catalog has them, in the keys' order; one whose are None
    is kept. ``now`` is the engine's clock: what a condition would keep half an hour later it keeps
    now (`prune.clock`).
    """
    placed = [row for row in values if row is not None]
    if scan.condition is None or not placed:
        return [True] * len(values), True
    from athena_flow.prune.keeping import answers

    found, understood = answers(scan.condition, keys, placed, evaluate, now)
    each = iter(found)
    return [True if row is None else next(each) for row in values], understood
