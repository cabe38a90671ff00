"""Conditions that ask for the time keep what they would keep whenever the statement may start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prune_judge import evaluate
from sqlglot import parse_one

from athena_flow.prune import TableScan, chosen
from athena_flow.prune.clock import EARLY, LATE
from athena_flow.prune.tables import text
from athena_flow.translate.grammar import AthenaDml

KEYS = {"date": "string", "hour": "string", "day": "date"}
START = datetime(2026, 11, 18, tzinfo=UTC)
HOURS = [START + timedelta(hours=n) for n in range(0, 96)]
ROWS = [(f"{h:%Y-%m-%d}", f"{h:%H}", f"{h:%Y-%m-%d}") for h in HOURS]
NOON = datetime(2026, 11, 20, 12, 20, tzinfo=UTC)
EVENING = datetime(2026, 11, 20, 23, 45, tzinfo=UTC)
MORNING = datetime(2026, 11, 20, 0, 2, tzinfo=UTC)

CONDITIONS = [
    "day = current_date",
    "NOT day = current_date",
    "NOT (day <> current_date OR hour = '03')",
    "day > current_date - interval '1' day",
    "day BETWEEN current_date - interval '1' day AND current_date",
    "day NOT BETWEEN current_date - interval '1' day AND current_date",
    "day IN (current_date, date_add('day', -2, current_date))",
    "date = CAST(current_date AS varchar)",
    "date >= date_format(current_date - interval '1' day, '%Y-%m-%d')",
    "date = date_format(now(), '%Y-%m-%d')",
    "date = format_datetime(current_timestamp, 'yyyy-MM-dd')",
    "hour = date_format(current_timestamp, '%H')",
    "hour <> date_format(current_timestamp - interval '90' minute, '%H')",
    "concat(date, hour) = date_format(now() - interval '1' hour, '%Y-%m-%d%H')",
    "concat(date, hour) BETWEEN date_format(now() - interval '70' minute, '%Y-%m-%d%H')"
    " AND date_format(now(), '%Y-%m-%d%H')",
    "date_parse(concat(date, hour), '%Y-%m-%d%H') >= localtimestamp - interval '3' hour",
    "date_parse(concat(date, hour), '%Y-%m-%d%H')"
    " BETWEEN localtimestamp - interval '61' minute AND localtimestamp",
    "date_parse(concat(date, hour), '%Y-%m-%d%H') < date_trunc('hour', localtimestamp)",
    "date_parse(concat(date, hour), '%Y-%m-%d%H') = date_trunc('hour', localtimestamp)",
    "date_parse(concat(date, hour), '%Y-%m-%d%H') > date_add('minute', -90, localtimestamp)",
    "CAST(day AS timestamp) < localtimestamp - interval '1' day",
    "to_unixtime(date_parse(date, '%Y-%m-%d')) >= to_unixtime(now() - interval '1' day)",
    "CAST(hour AS bigint) = hour(current_timestamp)",
    "CAST(hour AS bigint) = EXTRACT(HOUR FROM current_timestamp)",
    "day = date(current_timestamp) AND hour > '20'",
    "day = CAST(now() AS date) OR date < '2026-11-19'",
    "month(day) = month(current_date) AND day(day) = day(current_date)",
    "(day = current_date) = (hour = '03')",
]
UNBOUNDED = [
    "CAST(hour AS bigint) = minute(current_timestamp)",
    "hour = date_format(current_timestamp, '%i')",
    "date_parse(concat(date, hour), '%Y-%m-%d%H') = localtimestamp",
    "date_parse(concat(date, hour), '%Y-%m-%d%H') > localtimestamp - interval '1' month",
    "date_parse(concat(date, hour), '%Y-%m-%d%H') > date_trunc('minute', localtimestamp)",
    "NOT CAST(hour AS bigint) <> minute(current_timestamp)",
]
"""True at moments between the ends, or not seen to be otherwise."""

MOMENTS = [
    START + timedelta(minutes=n, seconds=s) for n in range(0, 96 * 60, 5) for s in (-1, 0, 60)
]


def _kept(condition: str, now: datetime) -> set[int]:
    answers = chosen(TableScan("", "t", condition), KEYS, ROWS, evaluate, now)[0]
    return {n for n, yes in enumerate(answers) if yes}


def _true_at(condition: str, moments: Sequence[datetime]) -> set[int]:
    """What holds at one of these moments, the clock being a column of their own."""
    for call, column in (
        ("current_date", "CAST(moment AS date)"),
        ("localtimestamp", "moment"),
        ("current_timestamp", "instant"),
        ("now()", "instant"),
    ):
        condition = condition.replace(call, column)
    written = text(parse_one(f"SELECT 1 WHERE {condition}", dialect=AthenaDml).args["where"].this)
    keys = {**KEYS, "moment": "timestamp", "instant": "timestamp with time zone"}
    rows = [
        (*row, f"{moment:%Y-%m-%d %H:%M:%S}", f"{moment:%Y-%m-%d %H:%M:%S}+00")
        for moment in moments
        for row in ROWS
    ]
    return {n % len(ROWS) for n, yes in enumerate(evaluate(written, keys, rows)) if yes}


@pytest.mark.parametrize("now", [NOON, EVENING, MORNING], ids=["noon", "evening", "morning"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_holds_while_a_run_may_start_is_kept(condition: str, now: datetime) -> None:
    """And no more than that: what holds at no time between is left out."""
    first, last = now - EARLY, now + LATE
    moments = [first, *(m for m in MOMENTS if first < m < last), last]
    needed = _true_at(condition, moments)
    assert needed
    assert len(needed) < len(ROWS) or now != NOON or "<>" in condition
    assert _kept(condition, now) == needed


@pytest.mark.parametrize("condition", UNBOUNDED)
def test_what_may_hold_for_a_moment_only_is_taken_for_true(condition: str) -> None:
    """No two looks at the clock tell what a third would."""
    assert _kept(condition, NOON) == set(range(len(ROWS)))
    assert _kept(f"{condition} AND date = '2026-11-20'", NOON) == set(range(48, 72))


def test_a_day_that_may_begin_before_the_run_is_kept() -> None:
    """Late in the evening, and so is the day before when it has just ended."""
    days = {
        name: {ROWS[n][0][-2:] for n in _kept("day = current_date", now)}
        for name, now in (("noon", NOON), ("evening", EVENING), ("morning", MORNING))
    }
    assert days == {"noon": {"20"}, "evening": {"20", "21"}, "morning": {"19", "20"}}
