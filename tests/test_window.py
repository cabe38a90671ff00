"""Windows: every spelling of a time, half-open ends, and the days and hours they cover."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.errors import BadWindow
from athena_flow.window import (
    DAY,
    HOUR,
    Window,
    floor,
    parse_span,
    parse_time,
    parse_window,
    show,
    whole_seconds,
)

NOW = datetime(2026, 11, 21, 10, 5, 7, tzinfo=UTC)


def at(year: int, *rest: int) -> datetime:
    month, day, *clock = (*rest, *(1, 1)[len(rest) :])
    return datetime(year, month, day, *clock, tzinfo=UTC)


moments = st.integers(0, 4 * 366 * 24 * 3600).map(lambda s: at(2026) + timedelta(seconds=s))
spans = st.integers(1, 5 * 24 * 3600).map(lambda s: timedelta(seconds=s))
steps = st.sampled_from([DAY, HOUR])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", at(2026, 11, 21, 9, 35, 7)),
        ("24h", at(2026, 11, 20, 10, 5, 7)),
        ("7d", at(2026, 11, 14, 10, 5, 7)),
        ("2w", at(2026, 11, 7, 10, 5, 7)),
        ("0d", NOW),
        ("2026-11-01", at(2026, 11, 1)),
        ("2026-11-01T10:00Z", at(2026, 11, 1, 10)),
        ("2026-11-01T10:00:30Z", at(2026, 11, 1, 10, 0, 30)),
        ("2026-11-01T10:00", at(2026, 11, 1, 10)),
        ("2026-11-01 10:00", at(2026, 11, 1, 10)),
        ("2026-11-01T10:00+02:00", at(2026, 11, 1, 8)),
        ("2026-11-01T00:30+01:00", at(2026, 10, 31, 23, 30)),
        ("today", at(2026, 11, 21)),
        ("yesterday", at(2026, 11, 20)),
        ("2028-02-29", at(2028, 2, 29)),
    ],
)
def test_every_spelling_of_a_time(text: str, moment: datetime) -> None:
    """Each spelling of the contract is one moment, in UTC."""
    found = parse_time(text, NOW)
    assert found == moment
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "7", "d", "7 d", " 7d", "7d ", "7d\n", "7D", "-7d", "+7d", "1.5d", "7y", "1d2h"),
        *("٧d", "２d", "now", "tomorrow", "Today", "today ", "TODAY"),
        *("2026-11-31", "2027-02-29", "2026-13-01", "2026-00-10", "2026-11-1", "26-11-01"),
        *("20261101", "2026-W47", "2026/11/01", "11-01-2026", "1763719507"),
        *("2026-11-01\n", "2026-11-01T", "2026-11-01T25:00Z", "2026-11-01T10:00Z\n"),
        *("2026-11-01T10:60Z", "2026-11-01T١٠:00Z", "2026-11-01T10:00Z OR 1=1"),
        *("999999w", "0001-01-01T00:00+05:00"),
    ],
)
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    """Nothing is trimmed, guessed or rounded; the error quotes the text and shows spellings."""
    with pytest.raises(BadWindow, match="is no time") as caught:
        parse_time(text, NOW)
    assert repr(text) in str(caught.value)
    assert "7d" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    ["2026-11-01x10:00", "2026-11-01+02:00", "2026-11-01-10:00", "2026-11-01\n10:00"],
)
def test_a_date_and_a_clock_are_joined_by_t_or_a_space(text: str) -> None:
    """Any other sign between them is no spelling, least of all an offset read as a clock."""
    with pytest.raises(BadWindow):
        parse_time(text, NOW)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("0m", timedelta(0)),
    ],
)
def test_spans(text: str, span: timedelta) -> None:
    """A length of time is a whole number and a unit."""
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "7", "today", "2026-11-01", "-1d", "1s", "٧d", "5m\n"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """A moment is no length of time, and nothing is trimmed."""
    with pytest.raises(BadWindow, match="no length of time"):
        parse_span(text)


def test_until_defaults_to_now() -> None:
    """A since alone means up to this moment."""
    assert parse_window("7d", None, NOW) == Window(at(2026, 11, 14, 10, 5, 7), NOW)


def test_without_both_the_window_is_open() -> None:
    """No since and no until is everything, unless a default stands in for since."""
    assert parse_window(None, None, NOW) == Window()
    assert parse_window(None, None, NOW, default="7d") == Window(at(2026, 11, 14, 10, 5, 7), NOW)
    assert parse_window("1d", None, NOW, default="7d").start == at(2026, 11, 20, 10, 5, 7)


def test_until_alone_leaves_the_start_open() -> None:
    """Everything before a moment can be asked for."""
    assert parse_window(None, "today", NOW) == Window(None, at(2026, 11, 21))


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("today", "yesterday"),
        ("2026-11-02", "2026-11-01"),
        ("2026-11-01", "2026-11-01"),
        ("2027-01-01", None),
        ("0d", None),
    ],
)
def test_an_empty_window_is_refused(since: str, until: str | None) -> None:
    """A since that is not before its until selects nothing, which nobody means."""
    with pytest.raises(BadWindow, match="the window is empty: since .* is not before until"):
        parse_window(since, until, NOW)


def test_parts_of_a_second_round_up() -> None:
    """Records have whole seconds, so [x.5, y) begins with the second after x."""
    now = NOW + timedelta(microseconds=1)
    assert parse_window("1d", None, now) == Window(
        NOW - DAY + timedelta(seconds=1), NOW + timedelta(seconds=1)
    )
    assert whole_seconds(NOW) == NOW


@pytest.mark.parametrize(
    ("since", "until"), [("9999-12-31T23:59:59.5", None), (None, "9999-12-31T23:59:59.5")]
)
def test_the_end_of_the_calendar_is_no_crash(since: str | None, until: str | None) -> None:
    """A time that no calendar can round up is refused like any other bad time."""
    with pytest.raises(BadWindow):
        parse_window(since, until, NOW)


def test_a_span_longer_than_the_calendar_is_no_crash() -> None:
    """A --late that reaches past the year 9999 is refused, or reads everything to the end."""
    try:
        late = parse_span("999999w")
    except BadWindow:
        return
    assert Window(NOW - DAY, NOW, late=late).covers(floor(NOW, DAY), DAY)


def test_an_ahead_longer_than_the_calendar_is_no_crash() -> None:
    """A --ahead that reaches past the year 9999 is refused, not a traceback."""
    window = Window(NOW - DAY, NOW)
    with pytest.raises(BadWindow):
        window.extended(parse_span("999999w"))


def test_a_day_that_ends_at_the_start_is_not_covered() -> None:
    """The start belongs to the window: its own day is covered, the day before is not."""
    window = Window(at(2026, 11, 20), at(2026, 11, 21))
    assert [window.covers(at(2026, 11, d), DAY) for d in (19, 20, 21)] == [False, True, False]


def test_midnight_belongs_to_the_next_day() -> None:
    """An end at midnight needs nothing of the day that begins there; one second more does."""
    assert list(Window(at(2026, 11, 20), at(2026, 11, 21)).starts(DAY)) == [at(2026, 11, 20)]
    assert list(Window(at(2026, 11, 20), at(2026, 11, 21, 0, 0, 1)).starts(DAY)) == [
        at(2026, 11, 20),
        at(2026, 11, 21),
    ]


def test_a_leap_day_is_a_day() -> None:
    """The days of a window over the end of February 2028 include the 29th."""
    assert list(parse_window("2028-02-28", "2028-03-02", NOW).starts(DAY)) == [
        at(2028, 2, 28),
        at(2028, 2, 29),
        at(2028, 3, 1),
    ]
    assert parse_time("1d", at(2028, 3, 1)) == at(2028, 2, 29)


def test_hours_of_a_window() -> None:
    """A window in the middle of hours touches the first and the last of them."""
    window = Window(at(2026, 11, 20, 22, 30), at(2026, 11, 21, 1))
    assert list(window.starts(HOUR)) == [
        at(2026, 11, 20, 22),
        at(2026, 11, 20, 23),
        at(2026, 11, 21, 0),
    ]


def test_late_widens_the_upper_side_only() -> None:
    """With --late the partitions after the end are read too, those before the start are not."""
    window = Window(at(2026, 11, 20), at(2026, 11, 21), late=timedelta(minutes=5))
    assert [window.covers(at(2026, 11, d), DAY) for d in (19, 20, 21, 22)] == [
        False,
        True,
        True,
        False,
    ]
    assert list(window.starts(HOUR))[-1] == at(2026, 11, 21, 0)
    assert (window.start, window.end) == (at(2026, 11, 20), at(2026, 11, 21))


def test_ahead_moves_the_end() -> None:
    """The window with the coming days has the same start, accounts, regions and lateness."""
    window = Window(at(2026, 11, 20), at(2026, 11, 21), ("123456789012",), ("eu-west-1",), HOUR)
    assert window.extended(2 * DAY) == Window(
        at(2026, 11, 20), at(2026, 11, 23), ("123456789012",), ("eu-west-1",), HOUR
    )
    assert Window(at(2026, 11, 20)).extended(DAY) == Window(at(2026, 11, 20))


def test_an_open_window_covers_its_open_side() -> None:
    """None leaves a side open, and an open window has no list of days."""
    assert Window().covers(at(1970), DAY)
    assert Window(at(2026, 11, 20)).covers(at(2126), HOUR)
    assert not Window(at(2026, 11, 20)).covers(at(2026, 11, 19), DAY)
    assert not Window(None, at(2026, 11, 20)).covers(at(2026, 11, 20), DAY)
    for window in (Window(), Window(at(2026)), Window(None, at(2026))):
        with pytest.raises(BadWindow, match="open window"):
            list(window.starts(DAY))


@settings(deadline=None, max_examples=200)
@given(moments, spans, st.sampled_from([timedelta(0), timedelta(minutes=5), DAY]), steps)
def test_starts_are_exactly_what_is_covered(
    start: datetime, length: timedelta, late: timedelta, step: timedelta
) -> None:
    """Walking a window and asking it about each day or hour give the same answer."""
    window = Window(start, start + length, late=late)
    first = floor(start, DAY) - 2 * DAY
    count = int((length + late + 5 * DAY) / step)
    grid = [first + n * step for n in range(count)]
    assert list(window.starts(step)) == [moment for moment in grid if window.covers(moment, step)]


@settings(deadline=None, max_examples=200)
@given(moments, spans, steps, st.data())
def test_every_second_of_a_window_lies_in_a_covered_partition(
    start: datetime, length: timedelta, step: timedelta, data: st.DataObject
) -> None:
    """No record of the window can lie in a day or hour that is not read."""
    window = Window(start, start + length)
    seconds = int(length.total_seconds())
    inside = start + timedelta(seconds=data.draw(st.integers(0, seconds - 1)))
    assert window.covers(floor(inside, step), step)


def test_floor_is_in_utc() -> None:
    """A moment with another offset belongs to the UTC day that it lies in."""
    early = datetime(2026, 11, 21, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert floor(early, DAY) == at(2026, 11, 20)
    assert floor(early, HOUR) == at(2026, 11, 20, 23)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (at(2026, 11, 21, 10), "2026-11-21 10:00Z"),
        (at(2026, 11, 21, 10, 0, 5), "2026-11-21 10:00:05Z"),
        (datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=2))), "2026-11-20 23:00Z"),
    ],
)
def test_a_moment_is_shown_short_and_exact(moment: datetime, text: str) -> None:
    """Seconds are shown where there are any, and the time is UTC."""
    assert show(moment) == text
