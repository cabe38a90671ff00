"""What a ledger holds of each run, the sums over many of them, and the port to the file.

Amounts are never low: a run whose end nobody saw counts with its estimate, and a sum over
something unknown is unknown. Reading and writing the file is `ledger`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

Outcome = Literal["running", "done", "failed", "cancelled"]
"""``running`` is also what a run stays that was killed."""

BILLED = "athena"
"""The engine whose runs are paid for; of the others only the bytes are real."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run, as it was announced and as it ended."""

    started: datetime
    query: str
    tables: tuple[str, ...]
    engine: str
    region: str
    certainty: str
    estimated_bytes: int | None
    estimated_usd: float | None
    per_tb_usd: float | None
    outcome: Outcome = "running"
    scanned_bytes: int | None = None
    usd: float | None = None
    """What Athena bills for it, and would bill where another engine ran it."""
    query_id: str | None = None
    seconds: float | None = None

    @property
    def counted_bytes(self) -> int | None:
        """What it scanned, else the most that it can have scanned; None where nobody knows."""
        if self.scanned_bytes is not None:
            return self.scanned_bytes
        return 0 if self.outcome == "failed" else self.estimated_bytes

    @property
    def counted_usd(self) -> float | None:
        """The same as money. What failed is free. Source: Athena pricing page."""
        if self.outcome == "failed":
            return 0.0
        return self.estimated_usd if self.scanned_bytes is None else self.usd


@dataclass(frozen=True, slots=True)
class Spent:
    """What some runs came to, at the most; None where one of them is not known."""

    runs: int = 0
    size_bytes: int | None = 0
    usd: float | None = 0.0


Number = TypeVar("Number", int, float)


def spent(entries: Iterable[Entry]) -> Spent:
    found = [*entries]
    return Spent(
        len(found),
        _sum([e.counted_bytes for e in found], 0),
        _sum([e.counted_usd for e in found], 0.0),
    )


def _sum(numbers: Sequence[Number | None], start: Number) -> Number | None:
    known = [n for n in numbers if n is not None]
    return sum(known, start) if len(known) == len(numbers) else None


class Ledger(Protocol):
    """Where runs are written down. Each raises CannotWrite or BadFile."""

    def start(self, entry: Entry, check: Callable[[Spent], None]) -> int:
        """Writes a run down before it starts, and returns its number.

        ``check`` sees what this engine's runs of that day came to, and raises to keep the
        run out; between the look and the writing nobody else gets in.
        """

    def name(self, number: int, query_id: str) -> None:
        """The engine has taken the query, and calls it so."""

    def end(self, number: int, entry: Entry) -> None:
        """The run has come to its end: the entry as it is now."""

    def spent(self, engine: str, day: datetime) -> Spent:
        """What this engine's runs of that day (UTC) came to."""

    def entries(self, since: datetime | None, until: datetime | None) -> Iterator[Entry]:
        """The runs that started in ``[since, until)``, the oldest first."""


def day_of(moment: datetime) -> tuple[datetime, datetime]:
    """The day (UTC) that holds a moment, as ``[start, end)``."""
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=1)


# ---------------------------------------------------------------- sums


@dataclass(frozen=True, slots=True)
class Total:
    """What the runs of one query, table or month came to."""

    name: str
    runs: int
    size_bytes: int
    """Counted as `Entry.counted_bytes`, without those that are not known."""
    usd: float
    """Of Athena's runs, without those that have no price."""
    estimated_bytes: int
    scanned_bytes: int
    """Estimate and actual of the runs that have both: these two can be compared."""
    low: int
    """Runs that scanned more than their estimate."""
    unknown: int
    """Athena's runs of which the bytes or the money are not known."""
    unended: int
    """Runs without an end: they are running still, or were killed."""

    @property
    def ratio(self) -> float | None:
        """Actual by estimate."""
        return self.scanned_bytes / self.estimated_bytes if self.estimated_bytes else None


def total(name: str, entries: Iterable[Entry]) -> Total:
    found = [*entries]
    paid = [e for e in found if e.engine == BILLED]
    both = [
        (e.estimated_bytes, e.scanned_bytes)
        for e in found
        if e.outcome == "done" and e.estimated_bytes is not None and e.scanned_bytes is not None
    ]
    return Total(
        name=name,
        runs=len(found),
        size_bytes=sum(e.counted_bytes or 0 for e in found),
        usd=sum((e.counted_usd or 0.0 for e in paid), 0.0),
        estimated_bytes=sum(estimated for estimated, _ in both),
        scanned_bytes=sum(scanned for _, scanned in both),
        low=sum(scanned > estimated for estimated, scanned in both),
        unknown=sum(e.counted_bytes is None or e.counted_usd is None for e in paid),
        unended=sum(e.outcome == "running" for e in found),
    )


def totals(entries: Iterable[Entry], key: Callable[[Entry], str]) -> tuple[Total, ...]:
    """One for each name that ``key`` gives, the dearest first, then the largest."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    found = (total(name, group) for name, group in groups.items())
    return tuple(sorted(found, key=lambda t: (-t.usd, -t.size_bytes, t.name)))


def by_query(entries: Iterable[Entry]) -> tuple[Total, ...]:
    return totals(entries, lambda e: e.query)


def by_table(entries: Iterable[Entry]) -> tuple[Total, ...]:
    """Runs that read several tables stand under all their names together."""
    return totals(entries, lambda e: " + ".join(e.tables) or "no table")


def by_month(entries: Iterable[Entry]) -> tuple[Total, ...]:
    """The newest month first."""
    found = totals(entries, lambda e: f"{e.started:%Y-%m}")
    return tuple(sorted(found, key=lambda t: t.name, reverse=True))


def dearest(entries: Iterable[Entry], most: int = 5) -> tuple[Entry, ...]:
    """The runs that cost most, or scanned most where nothing was paid."""

    def rank(entry: Entry) -> tuple[float, int]:
        paid = entry.counted_usd or 0.0 if entry.engine == BILLED else 0.0
        return -paid, -(entry.counted_bytes or 0)

    return tuple(sorted(entries, key=lambda e: (*rank(e), e.started))[:most])
