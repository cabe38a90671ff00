"""Windows of time: the one place where ``7d`` or ``2026-11-01T10:00Z`` becomes a moment.

A window is half-open, ``[start, end)``, in whole UTC seconds, because the times in a flow
log are whole Unix seconds. The clock is an argument everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from athena_flow.errors import BadWindow

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

_UNITS = {"m": timedelta(minutes=1), "h": HOUR, "d": DAY, "w": timedelta(weeks=1)}
_SPAN = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ][0-9:.]+(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_LONGEST = timedelta(days=36_500)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)
_SPELLINGS = "30m, 24h, 7d, 2w, 2026-11-01, 2026-11-01T10:00Z, today, yesterday"


def parse_span(text: str) -> timedelta:
    """A length of time such as ``30m``, ``24h``, ``7d`` or ``2w``. Raises BadWindow."""
    match = _SPAN.fullmatch(text)
    if not match:
        raise BadWindow(f"{text!r} is no length of time", hint="write 30m, 24h, 7d or 2w")
    span = int(match[1]) * _UNITS[match[2]]
    if span > _LONGEST:
        raise BadWindow(f"{text!r} is longer than {_LONGEST.days} days")
    return span


def parse_time(text: str, now: datetime) -> datetime:
    """A moment: back from ``now``, a date, a timestamp (UTC unless it says), today, yesterday.

    Raises BadWindow.
    """
    midnight = floor(now, DAY)
    if text in ("today", "yesterday"):
        return midnight if text == "today" else midnight - DAY
    try:
        if _SPAN.fullmatch(text):
            return now - parse_span(text)
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if moment > _LAST:
            raise OverflowError(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, BadWindow):
        raise BadWindow(f"{text!r} is no time", hint=f"write one of {_SPELLINGS}") from None


def floor(moment: datetime, step: timedelta) -> datetime:
    """The start of the UTC day or hour that ``moment`` lies in."""
    start = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return start.replace(hour=0) if step >= DAY else start


@dataclass(frozen=True, slots=True)
class Window:
    """``[start, end)``; None leaves a side open. No accounts or regions means all of them."""

    start: datetime | None = None
    end: datetime | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    late: timedelta = timedelta(0)
    """How much later than a record's ``end`` its file may be stamped: widens the partitions
    that are read, never the records that count."""

    def __post_init__(self) -> None:
        if self.start and self.end and self.start >= self.end:
            raise BadWindow(
                f"the window is empty: since {show(self.start)} is not before"
                f" until {show(self.end)}"
            )

    def starts(self, step: timedelta) -> Iterator[datetime]:
        """The start of every day or hour that the window's partitions cover, in order.

        Both sides must be closed.
        """
        if self.start is None or self.end is None:
            raise BadWindow("an open window has no end to its days")
        moment = floor(self.start, step)
        while moment < self.end + self.late:
            yield moment
            moment += step

    def covers(self, start: datetime, step: timedelta) -> bool:
        """Does the day or hour from ``start`` on overlap the window's partitions?"""
        return (self.start is None or start + step > self.start) and (
            self.end is None or start < self.end + self.late
        )

    def wants(self, account: str, region: str) -> bool:
        """Is this one of the accounts and regions that the window is about?"""
        return (not self.accounts or account in self.accounts) and (
            not self.regions or region in self.regions
        )

    def holds(self, account: str, region: str, start: datetime, step: timedelta) -> bool:
        """Does the window touch what this account delivered from this region in this time?"""
        return self.wants(account, region) and self.covers(start, step)

    def extended(self, ahead: timedelta) -> Window:
        """The same window with its end moved into the future by ``ahead``."""
        return replace(self, end=self.end + ahead) if self.end else self


def whole_seconds(moment: datetime) -> datetime:
    """``moment`` rounded up to the next whole second, as ``end`` in a record is one."""
    cut = moment.replace(microsecond=0)
    return cut if cut == moment else cut + timedelta(seconds=1)


def show(moment: datetime) -> str:
    """``2026-11-21 10:00Z``: short, and exact where it has to be."""
    seconds = ":%S" if moment.second else ""
    return moment.astimezone(UTC).strftime(f"%Y-%m-%d %H:%M{seconds}Z")


def parse_window(
    since: str | None, until: str | None, now: datetime, *, default: str | None = None
) -> Window:
    """The window of ``--since`` and ``--until``; ``default`` stands in for a missing since.

    ``until`` defaults to ``now`` once there is a since. Raises BadWindow.
    """
    since = since if since is not None else default
    if since is None and until is None:
        return Window()
    end = parse_time(until, now) if until is not None else now
    start = parse_time(since, now) if since is not None else None
    return Window(whole_seconds(start) if start else None, whole_seconds(end))
