"""Where the tables of a statement are looked up: in a catalog, or in the one that is known.

A saved query knows its table, and which of its partitions its window touches; what else its
statement names is looked up as in any other statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from athena_flow.errors import BadSetting, BadSql, NotFound
from athena_flow.layout import ACCOUNT
from athena_flow.partitions import ProjectedPartitions
from athena_flow.ports import Catalog, Partitions, Registered
from athena_flow.projected import projected_parts
from athena_flow.prune import TableScan
from athena_flow.readable import Readable, View, readable, readable_of
from athena_flow.table import TableSpec
from athena_flow.window import Window


@dataclass(frozen=True, slots=True)
class Place:
    """A partition that a scan can read, or all of a table that has none."""

    values: tuple[str, ...] | None
    """Of the partition keys, as the catalog has them; None where it lies in no layout."""
    at: Registered
    input_format: str = ""
    """Hive's, where it is not known to be the table's."""


class Tables(Protocol):
    """The tables that statements can read."""

    def find(self, database: str, name: str) -> Readable | View:
        """Raises NotFound, and BadSql for a view whose text cannot be read."""

    def places(self, table: Readable, scan: TableScan) -> Iterator[Place]:
        """What there is to choose from. Raises BadSql where that cannot be known."""


@dataclass(frozen=True, slots=True)
class CatalogTables:
    """All tables of a catalog."""

    catalog: Catalog
    now: datetime

    def find(self, database: str, name: str) -> Readable | View:
        return readable(database, self.catalog.described(database, name))

    def places(self, table: Readable, scan: TableScan) -> Iterator[Place]:
        spec = table.spec
        if not table.keys:
            yield Place((), Registered(None, table.location))
        elif table.projected and spec is None:
            yield from self._foreign(table, scan)
        elif table.projected and spec is not None:
            yield from self._projected(spec, scan)
        else:
            for part in self.catalog.parts(table.database, table.name):
                at = spec.layout.partition(part.values) if spec else None
                yield Place(part.values, Registered(at, part.location), part.input_format)

    def _foreign(self, table: Readable, scan: TableScan) -> Iterator[Place]:
        def named(key: str) -> tuple[str, ...]:
            return named_values(scan.condition, key)

        keys, location = tuple(table.keys), table.location
        try:
            for part in projected_parts(table.parameters, keys, location, self.now, named):
                yield Place(part.values, Registered(None, part.location))
        except BadSql as error:
            raise BadSql(f"{table.title}: {error.message}") from None

    def _projected(self, spec: TableSpec, scan: TableScan) -> Iterator[Place]:
        accounts = named_values(scan.condition, ACCOUNT)
        try:
            for registered in ProjectedPartitions(self.now).registered(
                spec, Window(accounts=accounts)
            ):
                yield place_of(spec, registered)
        except BadSetting:
            raise BadSql(
                f"{spec.title} projects its partitions for the accounts that a query names, and"
                f" this one does not say {ACCOUNT} = '...'"
            ) from None


@dataclass(frozen=True, slots=True)
class OneTable:
    """A table whose partitions are known, and all others elsewhere."""

    spec: TableSpec
    partitions: Partitions
    window: Window
    others: Tables | None = None

    def find(self, database: str, name: str) -> Readable | View:
        if (database, name) == (self.spec.database, self.spec.name):
            return readable_of(self.spec)
        if self.others is None:
            raise NotFound(
                f"there is no table {database}.{name} here",
                hint=f"the one that is read is called {self.spec.key}",
            )
        return self.others.find(database, name)

    def places(self, table: Readable, scan: TableScan) -> Iterator[Place]:
        if table.spec is self.spec:
            for registered in self.partitions.registered(self.spec, self.window):
                yield place_of(self.spec, registered)
        elif self.others is not None:
            yield from self.others.places(table, scan)


def place_of(spec: TableSpec, registered: Registered) -> Place:
    at = registered.partition
    return Place(spec.values(at) if at else None, registered)


def named_values(condition: str | None, key: str) -> tuple[str, ...]:
    """The values that a condition lets a key have, where it lists them; none where it does not.

    Only what AND joins counts: each of these holds for every row that is read.
    """
    import sqlglot
    from sqlglot import exp

    if condition is None:
        return ()
    tree = sqlglot.parse_one(condition, dialect="athena")
    waiting = [tree]
    while waiting:
        part = waiting.pop(0).unnest()
        if isinstance(part, exp.And):
            waiting += [part.left, part.right]
        elif listed := _listed(part, key):
            return listed
    return ()


def _listed(part: object, key: str) -> tuple[str, ...]:
    from sqlglot import exp

    if isinstance(part, exp.EQ):
        sides = (part.left, part.right)
        values = [side for side in sides if isinstance(side, exp.Literal)]
        columns = [side for side in sides if isinstance(side, exp.Column)]
    elif isinstance(part, exp.In) and not part.args.get("query"):
        values = [v for v in part.expressions if isinstance(v, exp.Literal)]
        columns = [part.this] if len(values) == len(part.expressions) else []
    else:
        return ()
    if len(columns) != 1 or not isinstance(columns[0], exp.Column):
        return ()
    named = columns[0].name.lower() == key and all(v.is_string for v in values)
    return tuple(dict.fromkeys(v.name for v in values)) if named else ()


Prepared = Callable[[str], str]
"""From the name of a prepared statement to its text. Raises NotFound."""
