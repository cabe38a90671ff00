"""What stands between an estimate and its run: budgets, windows, and somebody to ask.

Pure: what speaks, asks and writes is handed in. What is not known is over any budget.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from athena_flow.cost import Budget, Estimate, TableRead, show_bytes, show_usd
from athena_flow.entries import Entry, Ledger, Number, Outcome, Spent
from athena_flow.errors import (
    AccessError,
    AthenaFlowError,
    BadSetting,
    EngineError,
    OverBudget,
    some,
)
from athena_flow.ports import Result


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What to tell somebody whose statement reads too much, or says nothing about time."""

    less: str
    when: str
    """The keys that say when stand for the braces."""


SAVED = Narrowing(
    "narrow it with --since, --account or --region",
    "give --since, or put {} into the WHERE of each that reads it",
)
GIVEN = Narrowing("narrow its WHERE", "put {} into the WHERE of each that reads it")
"""Of a text that goes to the engine as it is."""
ANYWAY = "--yes runs it all the same"


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason not to run, and the way out."""

    message: str
    hint: str


def _nobody(found: Estimate, objections: Sequence[Objection]) -> bool:
    """The answer where there is nobody to ask."""
    return False


def _silent(text: object) -> None:
    """Where nobody listens."""


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Guard:
    """Under which policy a run goes, who hears of it, and where it is written down."""

    budget: Budget = Budget()
    ledger: Ledger | None = None
    announce: Callable[[Estimate], None] = _silent
    say: Callable[[str], None] = _silent
    """Takes notes for people."""
    override: Callable[[Estimate, Sequence[Objection]], bool] = _nobody
    """Whether to run all the same, in spite of these."""
    now: Callable[[], datetime] = _clock
    seconds: Callable[[], float] = time.monotonic
    """A stopwatch."""
    narrowing: Narrowing = SAVED

    def __post_init__(self) -> None:
        if self.budget.per_day and self.ledger is None:
            raise BadSetting(
                "a budget per day needs the ledger, which is off",
                hint="leave out --ledger off, --max-cost-per-day or --max-scan-per-day",
            )

    def admit(self, found: Estimate, engine: str) -> Written:
        """Lets a run go, and writes it down as begun.

        Raises OverBudget when somebody objects and nobody overrides, and where a budget per
        day has no ledger to go by what the ledger raises; else that is a note.
        """
        entry = Entry(
            started=self.now(),
            query=found.query,
            tables=tuple(dict.fromkeys(read.table for read in found.scans)),
            engine=engine,
            region=found.price.region,
            certainty=found.certainty,
            estimated_bytes=found.size_bytes,
            estimated_usd=found.usd,
            per_tb_usd=found.price.per_tb_usd,
        )
        today = Spent()
        if self.budget.per_day and self.ledger:
            today = self.ledger.spent(engine, entry.started)
        against = objections(found, self.budget, today, self.narrowing)
        if against and not self.override(found, against):
            raise over_budget(against)

        def check(now: Spent) -> None:
            """Once more, for meanwhile another run may have begun."""
            again = () if against else objections(found, self.budget, now, self.narrowing)
            if again:
                raise over_budget(again)

        number = None
        if self.ledger:
            try:
                number = self.ledger.start(entry, check)
            except AccessError as error:
                if self.budget.per_day:
                    raise
                self.say(f"note: the ledger knows nothing of this run: {error.message}")
        return Written(self, found, entry, number, self.seconds())


@dataclass(frozen=True, slots=True)
class Written:
    """A run that was let go, and its line in the ledger, where there is one."""

    guard: Guard
    found: Estimate
    entry: Entry
    number: int | None
    began: float

    def started(self, query_id: str) -> None:
        """The engine calls it so: whoever finds the line of a killed run can look it up."""
        if self.guard.ledger and self.number is not None:
            try:
                self.guard.ledger.name(self.number, query_id)
            except AccessError as error:
                self.guard.say(f"note: the ledger does not know query {query_id}: {error.message}")

    def done(self, result: Result) -> None:
        self._end("done", result.scanned_bytes, result.query_id)

    def failed(self, error: BaseException) -> None:
        """What failed is free; what was stopped is not. Of what we lost sight there is no end."""
        match error:
            case EngineError(stopped=True):
                self._end("cancelled", error.scanned_bytes, error.query_id)
            case AthenaFlowError(under_way=False):
                self._end("failed", None, getattr(error, "query_id", None))
            case KeyboardInterrupt():
                self._end("cancelled", None, None)

    def _end(self, outcome: Outcome, scanned: int | None, query_id: str | None) -> None:
        if self.guard.ledger is None or self.number is None:
            return
        ended = replace(
            self.entry,
            outcome=outcome,
            scanned_bytes=scanned,
            usd=self.found.bill(scanned),
            query_id=query_id,
            seconds=self.guard.seconds() - self.began,
        )
        try:
            self.guard.ledger.end(self.number, ended)
        except AccessError as error:
            self.guard.say(f"note: the ledger did not hear of the end: {error.message}")


def objections(
    found: Estimate, budget: Budget, today: Spent, narrowing: Narrowing = SAVED
) -> tuple[Objection, ...]:
    """All that speaks against a run; ``today`` is what the day's runs came to so far."""
    windows = _of_windows(found, narrowing.when) if budget.require_window else []
    less = narrowing.less
    return (*windows, *_of_run(found, budget, less), *_of_day(found, budget, today, less))


def _of_windows(found: Estimate, hint: str) -> list[Objection]:
    against = []
    no_window = [read for read in found.scans if read.keys and not _narrows_time(read)]
    if no_window:
        tables = list(dict.fromkeys(read.table for read in no_window))
        keys = dict.fromkeys(key for read in no_window for key in time_keys(read) or read.keys)
        against.append(
            Objection(
                f"{found.query} reads {some(tables)} without saying when",
                hint.format(" or ".join(keys)),
            )
        )
    unseen = [r.table for r in found.scans if not r.keys and r.certainty == "unknown"]
    if unseen or (found.certainty == "unknown" and not found.scans):
        what = f"what of {some(list(dict.fromkeys(unseen)))}" if unseen else "what"
        against.append(
            Objection(f"nobody knows {what} {found.query} reads, nor of which time", ANYWAY)
        )
    return against


def time_keys(read: TableRead) -> tuple[str, ...]:
    """The partition keys that say when, by their names or by their values.

    A table of which none does is one whose keys nobody here can read: any of them will do.
    """
    looks = {key: f"{first} {last}" for key, first, last in read.spans}
    return tuple(
        key
        for key in read.keys
        if _WHEN.intersection(re.split(r"[^a-z]+", key.lower())) or _DAY.search(looks.get(key, ""))
    )


_WHEN = {
    *("date", "day", "dt", "ds", "hour", "hr", "minute", "month", "year", "week", "quarter"),
    *("time", "datetime", "timestamp", "ts", "dateint", "datehour", "yyyymmdd"),
}
"""Words of partition keys that say when."""
_DAY = re.compile(r"(?<!\d)(19|20)\d\d[-/]?(0[1-9]|1[0-2])([-/]?(0[1-9]|[12]\d|3[01]))?(?!\d)")


def _narrows_time(read: TableRead) -> bool:
    """Can the condition be false for some time? Not where a time key stands beside TRUE."""
    if read.condition is None:
        return False
    from sqlglot import exp, parse_one
    from sqlglot.optimizer.simplify import simplify

    left = simplify(parse_one(read.condition, dialect="athena"))
    named = {column.name.lower() for column in left.find_all(exp.Column)}
    return bool(named.intersection(time_keys(read) or read.keys))


def _of_run(found: Estimate, budget: Budget, less: str) -> list[Objection]:
    over: list[Objection] = []
    size, usd = found.size_bytes, found.usd
    if budget.max_bytes is not None and (size is None or size > budget.max_bytes):
        over.append(
            Objection(
                f"{found.query} would scan {show_bytes(size)},"
                f" over the budget of {show_bytes(budget.max_bytes)}",
                ANYWAY if size is None else f"{less}, or raise --max-scan",
            )
        )
    if budget.max_usd is not None and (usd is None or usd > budget.max_usd):
        over.append(
            Objection(
                f"{found.query} would cost {show_usd(usd)},"
                f" over the budget of {show_usd(budget.max_usd)}",
                _unpriced(found) or (ANYWAY if usd is None else f"{less}, or raise --max-cost"),
            )
        )
    return over


def _of_day(found: Estimate, budget: Budget, today: Spent, less: str) -> list[Objection]:
    over: list[Objection] = []
    so_far = f"with today's {today.runs:,} run{'s' * (today.runs != 1)}"
    if budget.max_bytes_per_day is not None:
        size = _plus(found.size_bytes, today.size_bytes)
        if size is None or size > budget.max_bytes_per_day:
            over.append(
                Objection(
                    f"{found.query} would scan {show_bytes(found.size_bytes)}, {so_far}"
                    f" {show_bytes(size)}, over the budget of"
                    f" {show_bytes(budget.max_bytes_per_day)} a day",
                    _way_out(found.size_bytes, today.size_bytes)
                    or f"{less}, raise --max-scan-per-day, or wait for tomorrow (UTC)",
                )
            )
    if budget.max_usd_per_day is not None:
        usd = _plus(found.usd, today.usd)
        if usd is None or usd > budget.max_usd_per_day:
            over.append(
                Objection(
                    f"{found.query} would cost {show_usd(found.usd)}, {so_far}"
                    f" {show_usd(usd)}, over the budget of"
                    f" {show_usd(budget.max_usd_per_day)} a day",
                    _unpriced(found)
                    or _way_out(found.usd, today.usd)
                    or f"{less}, raise --max-cost-per-day, or wait for tomorrow (UTC)",
                )
            )
    return over


def _plus(one: Number | None, other: Number | None) -> Number | None:
    return None if one is None or other is None else one + other


def _way_out(size: Number | None, so_far: Number | None) -> str | None:
    """Past a budget that nothing is ever below: the run, or the day so far, is not known."""
    if size is None:
        return ANYWAY
    return f"{ANYWAY}, or wait for tomorrow (UTC)" if so_far is None else None


def _unpriced(found: Estimate) -> str | None:
    """Why there are bytes and no money."""
    return found.price.source if found.price.per_tb_usd is None else None


def over_budget(found: Sequence[Objection]) -> OverBudget:
    """All of them as the error to raise."""
    hints = dict.fromkeys(one.hint for one in found)
    return OverBudget("; ".join(one.message for one in found), hint="; ".join(hints))
