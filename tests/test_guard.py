"""The guard: what is dearer, larger, without a window or not known does not run unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from athena_flow.cost import Budget, Estimate, Price, TableRead
from athena_flow.entries import Entry, Spent, day_of, spent
from athena_flow.errors import (
    AccessDenied,
    AthenaFlowError,
    BadSetting,
    CannotWrite,
    EngineError,
    OverBudget,
)
from athena_flow.guard import GIVEN, Guard, Objection, objections, over_budget, time_keys
from athena_flow.ports import Result

MB = 2**20
NOW = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
FIVE = Price("us-east-1", 5.0, "a price list")
UNKNOWN = Price("us-gov-west-1", None, "no price is known")


def estimate_of(size: int | None, price: Price = FIVE, *reads: TableRead) -> Estimate:
    certainty = "exact" if size is not None else "unknown"
    return Estimate("q", "SELECT 1", size, certainty, 1, 1, price, (), reads)  # type: ignore[arg-type]  # a Certainty


def read(
    condition: str | None = None,
    keys: Sequence[str] = ("aws_account_id", "aws_region", "date"),
    spans: Sequence[tuple[str, str, str]] = (),
) -> TableRead:
    return TableRead(
        "flow_logs.t", tuple(keys), 3, 9, 5, 1000, "exact", condition, (), tuple(spans)
    )


# ---------------------------------------------------------------- one run


@pytest.mark.parametrize(
    ("size", "budget"),
    [
        (10**15, Budget()),
        (None, Budget()),
        (1000, Budget(max_bytes=1000)),
        (0, Budget(max_bytes=0)),
        (10**12, Budget(max_usd=5.01)),
        (0, Budget(max_usd=0.0000524288)),
    ],
)
def test_within_the_budget(size: int | None, budget: Budget) -> None:
    """What is exactly allowed is allowed, and no budget allows all."""
    assert objections(estimate_of(size), budget, Spent()) == ()


@pytest.mark.parametrize(
    ("found", "budget", "said", "hint"),
    [
        (estimate_of(1001), Budget(max_bytes=1000), "would scan", "--max-scan"),
        (estimate_of(None), Budget(max_bytes=10**18), "an unknown amount", "--yes"),
        (estimate_of(10**12), Budget(max_usd=4.99),
         "would cost $5.00, over the budget of $4.99", "--max-cost"),
        (estimate_of(0), Budget(max_usd=0.0),
         "would cost $0.000052, over the budget of $0.00", "--max-cost"),
        (estimate_of(None), Budget(max_usd=1e9), "an unknown amount", "--yes"),
        (estimate_of(5, UNKNOWN), Budget(max_usd=1e9), "an unknown amount", "no price is known"),
        (estimate_of(2000), Budget(max_usd=1e9, max_bytes=1000), "would scan", "--max-scan"),
    ],
)  # fmt: skip
def test_over_the_budget(found: Estimate, budget: Budget, said: str, hint: str) -> None:
    """What is dearer, larger or not known is refused with both numbers and the way out."""
    error = over_budget(objections(found, budget, Spent()))
    assert said in str(error)
    assert error.code == 4
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("found", "so_far", "hints"),
    [
        (estimate_of(10**10), Spent(), 4 * ["narrow its WHERE"]),
        (estimate_of(None), Spent(), 4 * ["--yes"]),
        (estimate_of(5), Spent(1, None, None), 2 * ["wait for tomorrow"]),
    ],
)
def test_the_way_out_is_one(found: Estimate, so_far: Spent, hints: list[str]) -> None:
    """A text has no flags that narrow it, and no budget is above what is not known."""
    budget = Budget(0.01, 1000, 0.02, 2000)
    against = objections(found, budget, so_far, GIVEN)
    for one, said in zip(against, hints, strict=True):
        assert said in one.hint
        assert "--since" not in one.hint
        assert ("raise" in one.hint) == (said == "narrow its WHERE")


def test_a_text_says_itself_when() -> None:
    """--since is no window of a text, and nothing is of what nobody understands."""
    budget = Budget(require_window=True)
    (one,) = objections(estimate_of(5, FIVE, read()), budget, Spent(), GIVEN)
    assert one.hint == "put date into the WHERE of each that reads it"
    (one,) = objections(estimate_of(5, FIVE, read()), budget, Spent())
    assert one.hint == "give --since, or put date into the WHERE of each that reads it"
    (one,) = objections(estimate_of(None), budget, Spent(), GIVEN)
    assert "--yes" in one.hint


def test_all_that_is_over_is_said_at_once() -> None:
    """Bytes and money, of the run and of the day: four reasons in one line."""
    budget = Budget(0.01, 1000, 0.02, 2000)
    against = objections(estimate_of(10**10), budget, Spent())
    assert len(against) == 4
    message = over_budget(against).message
    assert "\n" not in message
    for part in ("1.0 KB", "$0.01", "2.0 KB a day", "$0.02 a day"):
        assert part in message


# ---------------------------------------------------------------- a day


@pytest.mark.parametrize(
    ("today", "over"),
    [
        (Spent(), False),
        (Spent(3, 9000, 0.0), False),
        (Spent(3, 9001, 0.0), True),
        (Spent(1, None, 0.0), True),
    ],
)
def test_bytes_of_a_day(today: Spent, over: bool) -> None:
    """The day's runs and this one together may reach the budget, and not pass it."""
    against = objections(estimate_of(1000), Budget(max_bytes_per_day=10_000), today)
    assert bool(against) == over


@pytest.mark.parametrize(
    ("found", "today", "over"),
    [
        (estimate_of(10**12), Spent(1, 0, 5.0), False),
        (estimate_of(10**12), Spent(1, 0, 5.01), True),
        (estimate_of(10**12, UNKNOWN), Spent(), True),
        (estimate_of(None), Spent(), True),
        (estimate_of(0), Spent(2, 0, None), True),
    ],
)
def test_money_of_a_day(found: Estimate, today: Spent, over: bool) -> None:
    """As with bytes; what cannot be added up is over."""
    against = objections(found, Budget(max_usd_per_day=10.01), today)
    assert bool(against) == over


def test_a_budget_per_day_needs_a_ledger() -> None:
    """A wall that sees nothing is none."""
    with pytest.raises(BadSetting, match="ledger"):
        Guard(Budget(max_bytes_per_day=5))


# ---------------------------------------------------------------- windows


@pytest.mark.parametrize(
    "condition",
    [
        "\"date\" >= '2026-11-01'",
        "\"date\" = '2026/11/01' OR \"date\" = '2026/11/02'",
        "\"aws_region\" = 'eu-west-1' AND \"date\" < '2026'",
        "(\"date\" BETWEEN '2026-11-01' AND '2026-11-02' AND TRUE)",
        "substr(\"date\", 1, 7) = '2026-11'",
    ],
)
def test_a_condition_on_time_is_a_window(condition: str) -> None:
    """Any that can keep some time out."""
    assert not objections(
        estimate_of(5, FIVE, read(condition)), Budget(require_window=True), Spent()
    )


@pytest.mark.parametrize(
    "condition",
    [
        None,
        "\"aws_region\" = 'eu-west-1'",
        "\"date\" >= '2026-11-01' OR TRUE",
        "(\"date\" >= '2026-11-01' OR TRUE) AND \"aws_region\" = 'eu-west-1'",
        "NOT (FALSE AND \"date\" = 'x')",
    ],
)
def test_without_a_window_nothing_runs(condition: str | None) -> None:
    """A condition on other keys, or one that any time fulfils, is none."""
    found = estimate_of(5, FIVE, read("\"date\" = 'x'"), read(condition))
    assert objections(found, Budget(), Spent()) == ()
    error = over_budget(objections(found, Budget(require_window=True), Spent()))
    assert "flow_logs.t without saying when" in error.message
    assert "--since" in (error.hint or "")
    assert "date" in (error.hint or "")


def test_a_table_without_partitions_has_no_window() -> None:
    """Nothing could be left out, so nothing is asked for."""
    found = estimate_of(5, FIVE, read(None, keys=()))
    assert not objections(found, Budget(require_window=True), Spent())


def test_what_is_not_understood_has_no_window() -> None:
    """An unknown statement may read everything; one that is free reads nothing."""
    unknown = estimate_of(None)
    assert objections(unknown, Budget(require_window=True), Spent())
    lake = replace(read(None, keys=()), table="lake", certainty="unknown", size_bytes=None)
    (one,) = objections(estimate_of(None, FIVE, lake), Budget(require_window=True), Spent())
    assert "what of lake" in one.message
    free = replace(estimate_of(0), free="SHOW TABLES scans nothing")
    assert not objections(free, Budget(require_window=True), Spent())


@pytest.mark.parametrize(
    ("keys", "spans", "when"),
    [
        (("aws_account_id", "date", "hour"), (), ("date", "hour")),
        (("year", "month", "day", "region"), (), ("year", "month", "day")),
        (("event_date",), (), ("event_date",)),
        (("bucket", "p"), (("bucket", "a", "b"), ("p", "20261101", "20261130")), ("p",)),
        (("p",), (("p", "2026-11-01", "2026-11-30"),), ("p",)),
        (("p",), (("p", "2026/11", "2026/12"),), ("p",)),
        (("account", "id"), (("account", "123456789012", "210987654321"),), ()),
        (("updates", "validated"), (), ()),
    ],
)
def test_keys_that_say_when(
    keys: tuple[str, ...], spans: tuple[tuple[str, str, str], ...], when: tuple[str, ...]
) -> None:
    """By their names, or by values that are days or months."""
    assert time_keys(read(None, keys, spans)) == when


def test_where_no_key_says_when_any_will_do() -> None:
    """The keys of a foreign table may mean time in a spelling that nobody here knows."""
    budget = Budget(require_window=True)
    keys = ("part",)
    assert not objections(estimate_of(5, FIVE, read("\"part\" = 'w47'", keys)), budget, Spent())
    assert objections(estimate_of(5, FIVE, read(None, keys)), budget, Spent())


# ---------------------------------------------------------------- letting a run go


class Book:
    """A ledger in memory; ``broken`` cannot be written."""

    def __init__(self, *entries: Entry, broken: bool = False) -> None:
        self.lines, self.broken = [*entries], broken

    def _check(self) -> None:
        if self.broken:
            raise CannotWrite("the ledger is full")

    def start(self, entry: Entry, check: Callable[[Spent], None]) -> int:
        self._check()
        check(self.spent(entry.engine, entry.started))
        self.lines.append(entry)
        return len(self.lines) - 1

    def name(self, number: int, query_id: str) -> None:
        self._check()
        self.lines[number] = replace(self.lines[number], query_id=query_id)

    def end(self, number: int, entry: Entry) -> None:
        self._check()
        self.lines[number] = entry

    def spent(self, engine: str, day: datetime) -> Spent:
        self._check()
        start, end = day_of(day)
        return spent(e for e in self.lines if e.engine == engine and start <= e.started < end)

    def entries(self, since: datetime | None, until: datetime | None) -> Iterator[Entry]:
        yield from self.lines


def guard_on(
    book: Book, budget: Budget | None = None, yes: bool = False
) -> tuple[Guard, list[str]]:
    said: list[str] = []

    def override(found: Estimate, against: Sequence[Objection]) -> bool:
        said.extend(one.message for one in against)
        return yes

    watch = iter(range(100, 200, 3))
    return (
        Guard(
            budget or Budget(),
            book,
            said.append,  # type: ignore[arg-type]  # takes anything
            said.append,
            override,
            lambda: NOW,
            lambda: next(watch),
        ),
        said,
    )


def test_a_run_is_written_at_its_start_and_at_its_end() -> None:
    """Whoever looks meanwhile sees it running, with its estimate and its id."""
    book = Book()
    guard, _ = guard_on(book)
    found = estimate_of(2 * 10**7, FIVE, read("x"), read("y"))
    written = guard.admit(found, "athena")
    (line,) = book.lines
    assert (line.outcome, line.started, line.tables) == ("running", NOW, ("flow_logs.t",))
    assert (line.estimated_bytes, line.estimated_usd, line.scanned_bytes) == (
        2 * 10**7, found.usd, None,
    )  # fmt: skip
    written.started("id-1")
    assert book.lines[0].query_id == "id-1"
    written.done(Result((), (), 15 * MB, "id-1"))
    (line,) = book.lines
    assert (line.outcome, line.scanned_bytes, line.usd) == ("done", 15 * MB, FIVE.usd(15 * MB))
    assert (line.query_id, line.seconds) == ("id-1", 3)


@pytest.mark.parametrize(
    ("error", "outcome", "scanned"),
    [
        (EngineError("refused", query_id="id"), "failed", None),
        (EngineError("cut off", query_id="id", stopped=True, scanned_bytes=7), "cancelled", 7),
        (EngineError("cut off", query_id="id", stopped=True), "cancelled", None),
        (AccessDenied("no"), "failed", None),
        (KeyboardInterrupt(), "cancelled", None),
        (MemoryError(), "running", None),
    ],
)
def test_how_a_run_ended(error: BaseException, outcome: str, scanned: int | None) -> None:
    """What failed is free; what was stopped, or what we lost sight of, may have been scanned."""
    book = Book()
    guard, _ = guard_on(book)
    guard.admit(estimate_of(1000), "athena").failed(error)
    (line,) = book.lines
    assert (line.outcome, line.scanned_bytes) == (outcome, scanned)
    paid = 0 if outcome == "failed" else 1000 if scanned is None else scanned
    assert line.counted_bytes == paid


def test_a_query_that_we_lost_sight_of_has_no_end() -> None:
    """The network broke while Athena went on: its estimate counts."""
    book = Book()
    guard, _ = guard_on(book)
    lost: AthenaFlowError = AccessDenied("asking how far it is")
    lost.under_way = True
    guard.admit(estimate_of(1000), "athena").failed(lost)
    assert (book.lines[0].outcome, book.lines[0].counted_bytes) == ("running", 1000)


def test_nothing_is_written_of_what_was_refused() -> None:
    """A refusal is no run."""
    book = Book()
    guard, said = guard_on(book, Budget(max_bytes=5))
    with pytest.raises(OverBudget):
        guard.admit(estimate_of(6), "athena")
    assert book.lines == []
    assert len(said) == 1


def test_overridden_it_runs_and_is_written() -> None:
    """Somebody said yes, with the reasons before his eyes."""
    book = Book()
    guard, said = guard_on(book, Budget(max_bytes=5, max_bytes_per_day=5), yes=True)
    guard.admit(estimate_of(6), "athena")
    assert len(book.lines) == 1
    assert len(said) == 2


def test_a_day_adds_up_until_it_is_full() -> None:
    """Estimates count while runs go on, actual bytes once they ended; tomorrow begins anew."""
    yesterday = Entry(NOW - timedelta(days=1), "q", (), "athena", "r", "exact", 10**15, 1.0, 5.0)
    local = replace(yesterday, started=NOW, engine="duckdb")
    book = Book(yesterday, local)
    guard, _ = guard_on(book, Budget(max_bytes_per_day=1000))
    first = guard.admit(estimate_of(600), "athena")
    with pytest.raises(OverBudget, match="today's 1 run "):
        guard.admit(estimate_of(600), "athena")
    first.done(Result((), (), 400))
    guard.admit(estimate_of(600), "athena")
    with pytest.raises(OverBudget, match="today's 2 runs"):
        guard.admit(estimate_of(1), "athena")


def test_room_that_somebody_took_meanwhile_is_gone() -> None:
    """Two runs at the same moment: the one that is written second sees the first."""

    class Late(Book):
        def start(self, entry: Entry, check: Callable[[Spent], None]) -> int:
            self.lines.append(replace(entry, query="the other"))
            return super().start(entry, check)

    book = Late()
    guard, _ = guard_on(book, Budget(max_bytes_per_day=1000))
    with pytest.raises(OverBudget):
        guard.admit(estimate_of(600), "athena")
    assert [line.query for line in book.lines] == ["the other"]


def test_without_a_ledger_a_run_runs_with_a_note() -> None:
    """Book-keeping never fails a run."""
    guard, said = guard_on(Book(broken=True))
    written = guard.admit(estimate_of(5), "athena")
    written.started("id")
    written.done(Result((), (), 5))
    assert len(said) == 1
    assert "the ledger is full" in said[0]


def test_a_budget_per_day_is_not_blind() -> None:
    """Where the day cannot be read or written, nothing runs."""
    guard, _ = guard_on(Book(broken=True), Budget(max_usd_per_day=1e9))
    with pytest.raises(CannotWrite):
        guard.admit(estimate_of(5), "athena")


def test_an_end_that_cannot_be_written_is_a_note() -> None:
    """The rows are there and paid for."""
    book = Book()
    guard, said = guard_on(book, Budget(max_bytes_per_day=10))
    written = guard.admit(estimate_of(5), "athena")
    book.broken = True
    written.started("id")
    written.done(Result((), (), 5))
    assert len(said) == 2
    assert book.lines[0].outcome == "running"
