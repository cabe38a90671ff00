"""What lies below a table's location and is not read by it, sorted by what that means.

Logs that fit wait for their partitions: a finding. Logs that do not fit are nobody's harm
while they are not registered: a note, for that is also how a table looks whose days of
another format were given to a second one. Logs in another layout are never registered, so
they are a finding, until there is a table for them that is called as our fixes call it:
no list of a database's tables is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice, takewhile

from athena_flow.case import Case, Finding, Others, Table, days_of
from athena_flow.errors import files, some
from athena_flow.findings.columns import fits
from athena_flow.findings.words import count, readable, uris, who
from athena_flow.fixes import (
    NUMBERS,
    Source,
    Span,
    anew,
    day_of,
    gaps_fixed,
    named_after,
    registering,
    spans_of,
)
from athena_flow.layout import Layout, Partition, partition_of
from athena_flow.ports import ObjectStore
from athena_flow.samples import Sample, time_of
from athena_flow.survey import Survey
from athena_flow.walk import Folder, walk
from athena_flow.window import DAY, HOUR, Window, floor

FRESH = HOUR
"""A partition whose first file is younger than this by its name is not missed: jobs that add
partitions run at most each hour, and AWS delivers within 5 to 10 minutes, best effort. A job
that adds those of today (``--ahead 1d``, or each hour) is never told of a gap; one that adds
each day only what is over leaves today's logs out of every query until then, and is told."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Samples that the table does not read, and objects that are no samples."""

    waiting: tuple[Sample, ...] = ()
    """That it could read if they were registered."""
    misfits: tuple[Sample, ...] = ()
    """In its own folders, and of another format or file type."""
    beside: tuple[Sample, ...] = ()
    """In folders of another layout."""
    elsewhere: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    """By the other table that reads them."""
    answered: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    """In folders of another layout, by the other table of that layout."""
    odd: tuple[str, ...] = ()
    """In no layout, or no logs."""

    def notes(self) -> Iterator[str]:
        if self.misfits:
            days = sorted({s.at.date() for s in self.misfits})
            lie = "lies" if len(self.misfits) == 1 else "lie"
            yield (
                f"{count(self.misfits)} of another format or file type {lie} in days that the"
                f" table has not registered: {who(self.misfits)}, {_range(days)}"
            )
        for title, samples in self.elsewhere.items():
            yield f"read by {title}: {count(samples)}"
        for title, samples in self.answered.items():
            yield f"in the layout of {title}, to be checked there: {count(samples)}"
        if self.odd:
            yield f"{files(len(self.odd))} in no place that the table reads: {some(self.odd)}"


def sorted_out(table: Table, found: Survey, others: Others) -> tuple[Survey, Unread]:
    """What the table reads, and the rest.

    A table that has no partition at all is judged by what it would read once it had.
    """
    home = _home(table, found)
    read, rest = _parted(found.samples, partial(_is_read, table))
    days = {day_of(s) for s in found.samples if home and s.layout.template == home.template}
    own, beside = _parted(rest, lambda s: home is not None and _belongs(home, s, days))
    if table.projected:
        read, own = read + own, []
    elsewhere: dict[str, tuple[Sample, ...]] = {}
    answered: dict[str, tuple[Sample, ...]] = {}
    for other in _relatives(table, [*own, *beside], others) if home else ():
        taken, own = _parted(own, partial(_is_read, other))
        theirs, beside = _parted(beside, partial(_is_read, other))
        layouts, beside = _parted(beside, partial(_answers, other, home))
        if taken or theirs:
            elsewhere[other.title] = (*taken, *theirs)
        if layouts:
            answered[other.title] = tuple(layouts)
        if not own and not beside:
            break
    waiting, misfits = _parted(own, partial(fits, table))
    if table.bare:
        read, misfits = [*read, *own], []
    unreadable = [one for one in found.unreadable if table.bare or table.reads(one[0])]
    strange = [uri for uri in found.strange if table.bare or table.reads(uri)]
    every = (*found.strange, *(uri for uri, _ in found.unreadable))
    shown = {*strange, *(uri for uri, _ in unreadable)}
    judged = replace(
        found, samples=tuple(read), strange=tuple(strange), unreadable=tuple(unreadable)
    )
    return judged, Unread(
        tuple(waiting),
        tuple(misfits),
        tuple(beside),
        elsewhere,
        answered,
        tuple(uri for uri in every if uri not in shown),
    )


def _parted(
    samples: Iterable[Sample], test: Callable[[Sample], bool]
) -> tuple[list[Sample], list[Sample]]:
    """Those that pass, and the others."""
    passed: list[Sample] = []
    failed: list[Sample] = []
    for sample in samples:
        (passed if test(sample) else failed).append(sample)
    return passed, failed


def _home(table: Table, found: Survey) -> Layout | None:
    """The table's layout; of somebody else's, that of most logs that it reads, or of most."""
    read = tuple(s for s in found.samples if table.reads(s.uri))
    return Case(table, replace(found, samples=read or found.samples), Window()).home


def _belongs(home: Layout, sample: Sample, days: Container[object]) -> bool:
    """Does a log lie in a folder of the layout, or in hours below one that is used?"""
    below = home.template == days_of(sample.layout) and day_of(sample) in days
    return below or home.template == sample.layout.template


def _is_read(table: Table, sample: Sample) -> bool:
    return table.reads(sample.uri)


def _answers(other: Table, home: Layout | None, sample: Sample) -> bool:
    """Is the other table the one to miss this log, as it lies in the other's own folders?"""
    if other.spec is None or home is None:
        return False
    theirs, lying = other.spec.layout, sample.layout
    near = days_of(theirs) == days_of(lying) and days_of(home) != days_of(lying)
    return near or theirs.template == lying.template


def _relatives(table: Table, samples: Sequence[Sample], others: Others) -> Iterator[Table]:
    """Tables over the same logs that our fixes make, and those that they were made for.

    Their names have one part more, or parts less: ``logs_hive_daily`` for ``logs``.
    """
    parts = table.name.split("_")
    shorter = ["_".join(parts[:n]) for n in range(len(parts), 0, -1)]
    suffixes = {"athena_flow"}
    for s in samples:
        layout = s.layout.name.replace("-", "_")
        own = {s.file_type, *([named_after(s.format)] if s.format else ())}
        suffixes |= {layout, *own, *(f"{layout}_{one}" for one in own)}
    longer = [f"{name}_{suffix}" for name in shorter for suffix in sorted(suffixes)]
    for name in dict.fromkeys((*shorter, *longer)) if samples else ():
        numbered = (name, *(f"{name}_{n}" for n in NUMBERS))
        for other in takewhile(bool, map(others, numbered if name != table.name else ())):
            if other and other.base == table.base:
                yield other


# ---------------------------------------------------------------- what is not registered


def unregistered(
    case: Case, unread: Unread, store: ObjectStore, now: datetime
) -> Iterator[Finding]:
    """Logs that fit and whose partitions are not there, or lie somewhere else."""
    home, registered = case.home or _first_layout(unread), case.table.registered
    if home is None or registered is None or case.table.file_type is None:
        return
    known = {partition: place for place, partition in registered.items() if partition}
    lying = [p for p in _lying(case, home, store) if not case.table.reads(_inside(case, home, p))]
    missed = list(_waiting(case, unread, home, lying))
    moved = [p for p in missed if p in known]
    if moved:
        shown = [f"{known[p]} for {case.table.base}{home.prefix(p)}" for p in moved]
        message = f"{len(moved)} partitions are registered at another place: {some(shown)}"
        yield Finding("wrong-location", message, gaps_fixed(case))
    missing = [p for p in missed if p not in known and not _is_fresh(case, home, p, store, now)]
    if missing:
        fix: str | None = _added(case, missing, set(lying).difference(missed), now)
        if case.table.spec is None:
            found = readable([*unread.waiting, *case.samples])
            fix = anew(case, found.samples[0], found.format) if found else None
        yield Finding("missing-partitions", _message(missing, home), fix, uris(unread.waiting))


def _first_layout(unread: Unread) -> Layout | None:
    return next((s.layout for s in unread.waiting), None)


def _lying(case: Case, home: Layout, store: ObjectStore) -> Iterator[Partition]:
    """The partitions of the days that were looked at whose folder lies there."""
    window = case.window
    if window.start is None or window.end is None:
        raise ValueError("a case has a closed window")
    last = max(window.starts(DAY))
    days = replace(window, start=floor(window.start, DAY), end=last + DAY, late=timedelta())
    for step in walk(case.table.base, home, days, store):
        if isinstance(step, Folder) and (partition := partition_of(step.parts)):
            place = case.table.base + home.prefix(partition)
            if days.covers(partition.start, home.step) and place.startswith(case.table.place):
                yield partition


def _inside(case: Case, home: Layout, partition: Partition) -> str:
    """An object as it would be called in the folder of a partition."""
    return f"{case.table.base}{home.prefix(partition)}x"


def _waiting(
    case: Case, unread: Unread, home: Layout, lying: Iterable[Partition]
) -> Iterator[Partition]:
    """Those that the table would read right. Where none was looked into, its day tells."""
    right = {s.uri for s in (*case.found.samples, *unread.waiting) if fits(case.table, s)}
    days: dict[object, list[Sample]] = defaultdict(list)
    for sample in case.seen:
        if days_of(sample.layout) == days_of(home):
            days[day_of(sample)].append(sample)
    for partition in lying:
        folder = case.table.base + home.prefix(partition)
        own = days[_day(partition)]
        seen = [s for s in own if s.uri.startswith(folder)] or own
        if not seen or any(s.uri in right for s in seen):
            yield partition


def _is_fresh(
    case: Case, home: Layout, partition: Partition, store: ObjectStore, now: datetime
) -> bool:
    """Did its first file come so lately that nobody can have registered it?"""
    if partition.start + home.step <= now - FRESH:
        return False
    objects = islice(store.objects(case.table.base + home.prefix(partition)), 1_000)
    times = [time_of(o.uri) or partition.start for o in objects]
    return not times or min(times) > now - FRESH


def _added(
    case: Case, missing: Sequence[Partition], others: Iterable[Partition], now: datetime
) -> str:
    """The commands that register these, and none of the others."""
    days, not_these = ({_day(p) for p in found} for found in (missing, others))
    if not not_these - days:
        first = min(day for _, day in days)
        until = max(day for _, day in days) + DAY
        over = case.window.end is not None and case.window.end < now
        window = case.window
        several = [Span(first, until if over else None, window.accounts, window.regions)]
    else:
        several = spans_of(case, days, not_these - days)
    return registering(case, several)


def _day(partition: Partition) -> tuple[Source, date]:
    return (partition.account, partition.region), partition.start.date()


def _message(missing: Sequence[Partition], home: Layout) -> str:
    sources: dict[str, list[date]] = {}
    for p in missing:
        sources.setdefault(f"{p.account}/{p.region}", []).append(p.start.date())
    accounts = len({p.account for p in missing})
    unit = "day" if home.step == DAY else "hour"
    return (
        f"{len(missing)} {unit}{'s' * (len(missing) > 1)} of {accounts}"
        f" account{'s' * (accounts > 1)} have logs and are not registered, so no query reads them:"
        f" {some([f'{source} {_range(days)}' for source, days in sources.items()])}"
    )


def _range(days: Sequence[date]) -> str:
    return f"{days[0]}" if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
