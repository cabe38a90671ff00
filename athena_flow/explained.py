"""EXPLAIN (TYPE IO): which values of its keys a planner would read of each table.

The planner tells each key's values on its own, and equal scans of a table once: what it reads
lies in their cross product, so this is an upper bound, for all scans of the table together.
The shape is Trino's, IoPlanPrinter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from athena_flow.errors import EngineError

EXPLAIN = "EXPLAIN (TYPE IO, FORMAT JSON) "
Explain = Callable[[str], str]
"""From a query to its plan as JSON: free, nothing is scanned."""

_NUMBERS = ("tinyint", "smallint", "integer", "bigint")


@dataclass(frozen=True, slots=True)
class Span:
    """Values from low to high; None is open. One value is a span with itself at both ends."""

    low: str | None = None
    low_included: bool = True
    high: str | None = None
    high_included: bool = True

    def holds(self, value: str, order: Callable[[str], Any]) -> bool:
        at = order(value)
        low = self.low is None or order(self.low) < at
        high = self.high is None or order(self.high) > at
        return (low or (self.low_included and order(self.low or "") == at)) and (
            high or (self.high_included and order(self.high or "") == at)
        )


@dataclass(frozen=True, slots=True)
class KeyValues:
    """What a column may be in the rows that are read."""

    kind: str
    """Trino's name of its type."""
    spans: tuple[Span, ...]
    null: bool

    def allow(self, value: str | None) -> bool:
        if value is None:
            return self.null
        order: Callable[[str], Any] = int if self.kind in _NUMBERS else str
        try:
            return any(span.holds(value, order) for span in self.spans)
        except ValueError:
            return True


@dataclass(frozen=True, slots=True)
class PlannedRead:
    """One table as a planner would read it; ``columns`` None reads nothing of it."""

    database: str
    table: str
    columns: Mapping[str, KeyValues] | None

    def reads(self, keys: Sequence[str], values: Sequence[str | None]) -> bool:
        """May a partition with these values of these keys be read?"""
        if self.columns is None:
            return False
        return all(
            key not in self.columns or self.columns[key].allow(value)
            for key, value in zip(keys, values, strict=True)
        )


def read_plan(text: str) -> tuple[PlannedRead, ...]:
    """Raises EngineError for what is no such plan."""
    try:
        return tuple(_table(entry) for entry in json.loads(text)["inputTableColumnInfos"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise EngineError(
            f"the planner's answer cannot be read: {type(error).__name__}: {error}"
        ) from None


def _table(entry: Mapping[str, Any]) -> PlannedRead:
    named = entry["table"]["schemaTable"]
    constraint = entry.get("constraint") or entry
    columns = None
    if not constraint.get("none", False):
        found = constraint.get("columnConstraints") or ()
        columns = {one["columnName"].lower(): _values(one) for one in found}
    return PlannedRead(named["schema"].lower(), named["table"].lower(), columns)


def _values(constraint: Mapping[str, Any]) -> KeyValues:
    domain = constraint["domain"]
    kind = constraint.get("type") or constraint.get("typeSignature") or ""
    spans = tuple(_span(one) for one in domain["ranges"])
    return KeyValues(str(kind), spans, bool(domain["nullsAllowed"]))


def _span(found: Mapping[str, Any]) -> Span:
    low, high = found["low"], found["high"]
    return Span(
        low.get("value"),
        low["bound"] == "EXACTLY",
        high.get("value"),
        high["bound"] == "EXACTLY",
    )
