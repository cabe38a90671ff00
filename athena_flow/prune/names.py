"""Whose is a column? The tables and subqueries of each FROM, and what each hands upwards.

Columns that are settled are written by place, not by name: ``"\\0<source>"."<position>"`` in a
SELECT, so that no alias, case or column of the same name can be mistaken for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from athena_flow.prune import Relation

Env = Mapping[str, "Cte"]
MARK = "\0"


@dataclass(frozen=True, eq=False, slots=True)
class Cte:
    """A WITH query, and the names that it sees itself."""

    node: exp.CTE
    env: Env
    looping: bool
    """Does it read itself?"""
    is_step: bool = False
    """Is this the name as the query itself sees it?"""


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """One item of a FROM."""

    node: exp.Expr
    alias: str = ""
    database: str = ""
    """Of a table that stands there under its own name."""
    names: tuple[str, ...] | None = None
    """Its columns; None where they are not known."""
    relation: Relation | None = None
    cte: Cte | None = None
    query: exp.Expr | None = None
    lateral: bool = False

    @property
    def is_table(self) -> bool:
        return isinstance(self.node, exp.Table) and self.cte is None


@dataclass(frozen=True, eq=False, slots=True)
class On:
    """A join's condition: what it may speak of, and whose rows it chooses."""

    condition: exp.Expr
    visible: frozenset[int]
    chooses: frozenset[int]
    nulled: frozenset[int]
    """Sources whose rows may already be NULLs of an outer join inside."""


@dataclass(frozen=True, eq=False, slots=True)
class Output:
    name: str
    item: int
    """Which of the SELECT's items it comes from."""
    value: exp.Expr


@dataclass(eq=False, slots=True)
class Scope:
    """A SELECT: its sources, and the columns that it hands upwards."""

    sources: list[Source] = field(default_factory=list)
    ons: list[On] = field(default_factory=list)
    nulled: frozenset[int] = frozenset()
    """Sources whose rows may be NULLs of an outer join."""
    merged: set[str] = field(default_factory=set)
    """Columns of USING, of which each side has its own."""
    natural: bool = False
    odd: bool = False
    """Is there syntax that is not known here?"""
    outputs: list[Output] | None = None

    def place(self, column: exp.Column, visible: frozenset[int]) -> tuple[int, int] | None:
        """The source and position that a column surely means; None for anything else."""
        if column.table.startswith(MARK):
            return int(column.table[1:]), int(column.name)
        named, name = column.name.lower(), column.table.lower()
        if isinstance(column.this, exp.Star) or self.odd:
            return None
        if name:
            found = [i for i in visible if self._is_called(i, column)]
        else:
            found = [i for i in visible if self._may_have(i, named)]
            if self.natural or named in self.merged and self.nulled:
                return None
            if named in self.merged and self._are_alike(found, named):
                found = [min(found)]
        if len(found) != 1:
            return None
        names = self.sources[found[0]].names
        if names is None or names.count(named) != 1:
            return None
        return found[0], names.index(named)

    def _are_alike(self, found: Iterable[int], name: str) -> bool:
        """Is the column of one type in several tables?"""
        kinds = set[str]()
        for at in found:
            names = self.sources[at].names or ()
            kinds.add(self.kind(at, names.index(name)) if names.count(name) == 1 else "")
        return len(kinds) == 1 and kinds != {""}

    def kind(self, source: int, position: int) -> str:
        """The type of a table's column; empty for one of anything else."""
        relation = self.sources[source].relation
        if relation is None:
            return ""
        return [*relation.columns.values(), *relation.keys.values()][position]

    def owners(self, column: exp.Column) -> list[tuple[int, str]]:
        """Every source that a column may belong to, with the column's name there."""
        named, name, above = column.name.lower(), column.table.lower(), column.text("db").lower()
        every = range(len(self.sources))
        if not name:
            return [(i, named) for i in every if self._may_have(i, named)]
        found = [(i, named) for i in every if self._is_called(i, column)]
        if not found and above:
            found = [(i, name) for i in every if self.sources[i].alias == above]
        if not found:
            found = [(i, above or name) for i in every if self._may_have(i, above or name)]
        return found

    def starred(self, item: exp.Expr) -> Iterator[int]:
        """The sources that a ``*`` or ``a.*`` stands for."""
        for at in range(len(self.sources)):
            if not isinstance(item, exp.Column) or self._is_called(at, item):
                yield at

    def _is_called(self, at: int, column: exp.Column) -> bool:
        source, above = self.sources[at], column.text("db").lower()
        return source.alias == column.table.lower() and above in ("", source.database)

    def _may_have(self, at: int, name: str) -> bool:
        names = self.sources[at].names
        return names is None or name in names


def marked(source: int, position: int) -> exp.Column:
    """A settled column."""
    return exp.column(
        exp.to_identifier(str(position), quoted=True),
        exp.to_identifier(f"{MARK}{source}", quoted=True),
    )


def position(column: exp.Expr) -> tuple[int, int]:
    """Source and position of a settled column."""
    return int(column.text("table")[len(MARK) :]), int(column.name)


def is_star(item: exp.Expr) -> bool:
    """Is it ``*`` or ``a.*``?"""
    return isinstance(item, exp.Star) or (
        isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
    )
