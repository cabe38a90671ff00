"""The jobs on partitions, written against ports: what is there, what should be, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby

from athena_flow import plan as planning
from athena_flow.awserrors import IAM
from athena_flow.errors import (
    AccessDenied,
    AccessError,
    BadSetting,
    EngineError,
    NotFound,
    PartlyDone,
    some,
)
from athena_flow.layout import ROOT, Partition, partition_of
from athena_flow.parallel import in_order, threads
from athena_flow.plan import Delivered, Denied, Gaps, PartitionPlan
from athena_flow.ports import Applied, Catalog, ObjectStore, Partitions, Progress, Registered
from athena_flow.table import TableSpec
from athena_flow.walk import Folder, Step, Stray, first_below, source_depth, walk
from athena_flow.window import DAY, HOUR, Window, floor

AGAIN = "run the same command again: it does what is still undone"
SECOND = timedelta(seconds=1)
GRACE = HOUR
"""After this a day or hour is over: its last file has come. AWS delivers within 5 to 10 minutes,
best effort. Source: VPC User Guide, "Flow log files"."""


def delivered(spec: TableSpec, window: Window, store: ObjectStore, progress: Progress) -> Delivered:
    """The partitions whose folder is there, by listing no more than the window touches.

    A folder that holds nothing but the marker that S3's console writes counts as well: to
    tell would take a call for each day. Raises NotFound when there are no flow logs below the
    location at all, AccessDenied when nothing of it may be listed.
    """
    found: list[Partition] = []
    stray: list[str] = []
    denied: list[Denied] = []
    for step in walk(spec.location, spec.layout, window, store):
        if isinstance(step, Denied):
            denied.append(step)
        elif isinstance(step, Stray):
            stray.append(step.uri)
        elif (partition := partition_of(step.parts)) is None:
            stray.append(step.prefix)
        elif window.covers(partition.start, spec.layout.step):
            found.append(partition)
            progress("looking for logs", len(found), None)
    if denied and not found and not _may_look(spec, window, store, denied):
        raise AccessDenied(_refusal(denied), hint=IAM)
    if not found and ROOT not in (folders := store.level(spec.location).folders):
        raise NotFound(
            f"no {ROOT} below {spec.location}",
            hint=f"there are: {some(folders, 5)}" if folders else "no folder lies there",
        )
    found.sort()
    return Delivered(tuple(p for p, _ in groupby(found)), tuple(stray), tuple(denied))


def _may_look(
    spec: TableSpec, window: Window, store: ObjectStore, denied: Sequence[Denied]
) -> bool:
    """Is there an account and region of the window of which nothing is denied?"""
    found = walk(spec.location, spec.layout, window, store, source_depth(spec.layout))
    prefixes = [step.prefix for step in found if isinstance(step, Folder)]
    return any(not any(d.prefix.startswith(prefix) for d in denied) for prefix in prefixes)


def _refusal(denied: Sequence[Denied]) -> str:
    more = f", and {len(denied) - 1} more prefixes" if len(denied) > 1 else ""
    return f"{denied[0].reason}{more}"


def plan_partitions(
    spec: TableSpec,
    window: Window,
    ahead: timedelta,
    catalog: Catalog,
    found: Delivered,
) -> PartitionPlan:
    """What was delivered in the window, against what is registered.

    ``ahead`` also wants the day or hour in which the window ends, and those up to the one that
    the span leads to, of every account and region that delivered in the window: at midnight
    nothing lies there yet.
    """
    coming = _coming(window, ahead, spec.layout.step)
    wider = window.extended(ahead + SECOND) if coming else window
    sources = {(p.account, p.region) for p in found.partitions}
    wanted = {Partition(*source, start) for source in sources for start in coming}
    elsewhere: list[tuple[Partition, str]] = []

    def registered() -> Iterator[Partition]:
        for part in catalog.registered(spec, wider):
            if part.partition:
                yield part.partition
                if part.location.rstrip("/") != spec.place(part.partition).rstrip("/"):
                    elsewhere.append((part.partition, part.location))

    plan = planning.plan(chain(found.partitions, wanted), registered())
    ours = {partition for partition, _ in elsewhere}.intersection(plan.present)
    return replace(plan, elsewhere=tuple(sorted(at for at in elsewhere if at[0] in ours)))


def _coming(window: Window, ahead: timedelta, step: timedelta) -> tuple[datetime, ...]:
    """From the start in which the window ends to the one that ``ahead`` leads to."""
    if not (window.end and ahead):
        return ()
    return tuple(Window(floor(window.end, step), window.end + ahead + SECOND).starts(step))


def add_partitions(
    spec: TableSpec, wanted: PartitionPlan, catalog: Catalog, progress: Progress
) -> Applied:
    """Registers what the plan misses. Doing it again does nothing more."""
    return catalog.add(spec, wanted.missing, progress) if wanted.missing else Applied()


def add_by_sql(
    statements: Iterator[tuple[str, tuple[Partition, ...]]],
    send: Callable[[str], object],
    total: int,
    progress: Progress,
) -> Applied:
    """The same by ALTER TABLE, for accounts that may not write to Glue.

    ``statements`` come with the partitions that each registers. One that Athena fails takes
    its partitions with it, and the others go on; a refusal that every statement will meet
    ends it, and so does Ctrl-C. Raises that refusal where nothing was done before it.
    """
    done: list[Partition] = []
    failed: list[tuple[Partition, str]] = []
    refused = ""
    for text, partitions in statements:
        reason = refused
        if not refused:
            try:
                send(text)
            except EngineError as error:
                reason = error.message
            except AccessError as error:
                if not done:
                    raise
                reason = refused = error.message
            except KeyboardInterrupt as stopped:
                said = f"{stopped}; " if str(stopped) else ""
                raise KeyboardInterrupt(
                    f"{said}adding partitions: {len(done):,} of {total:,} are done; the same"
                    " command does the rest"
                ) from None
        if reason:
            failed += [(partition, reason) for partition in partitions]
        else:
            done += partitions
        progress("adding partitions", len(done) + len(failed), total)
    return Applied(tuple(done), failed=tuple(failed))


def check_applied(spec: TableSpec, applied: Applied, found: Delivered | None = None) -> None:
    """Raises PartlyDone when some partitions were not done, or could not be looked for."""
    said = []
    if applied.failed:
        reasons = sorted({reason for _, reason in applied.failed})
        which = some([spec.layout.prefix(partition) for partition, _ in applied.failed])
        count = f"{len(applied.failed)} partitions of {spec.title} failed"
        said.append(f"{count}: {some(reasons)} ({which})")
    if found and found.denied:
        said.append(f"not looked at: {some([d.reason for d in found.denied])}")
    if said:
        hints = [AGAIN] * bool(applied.failed) + [IAM] * bool(found and found.denied)
        raise PartlyDone("; ".join(said), hint="; ".join(hints))


def find_gaps(
    spec: TableSpec,
    window: Window,
    now: datetime,
    partitions: Partitions,
    store: ObjectStore,
    found: Delivered,
) -> Gaps:
    """The window's calendar against S3 and the catalog; both sides of it closed.

    A day or hour counts as silent, and as phantom, once it is over by `GRACE`. Of prefixes
    that may not be listed nothing is said but that.
    """
    step = spec.layout.step
    starts = [start for start in window.starts(step) if _is_over(start, step, now)]
    first, denied = _first(spec, window, store)
    calendar = (Partition(*source, start) for source in first for start in starts)
    expected = [
        partition
        for partition in calendar
        if partition.start >= first[partition.account, partition.region]
        and not (found.denied and found.hides(spec.place(partition)))
    ]
    every = list(partitions.registered(spec, window))
    registered = [
        ((r.partition, r.location), spec.place(r.partition))
        for r in every
        if r.partition and not found.hides(spec.place(r.partition))
    ]
    lying = frozenset(found.partitions)
    judged = [
        (place, wanted)
        for place, wanted in registered
        if place[0] in lying
        or _is_over(place[0].start, step, now)
        or place[1].rstrip("/") != wanted.rstrip("/")
    ]
    known = {one.prefix for one in found.denied}
    more = (one for one in denied if one.prefix not in known)
    return replace(
        planning.gaps(expected, found.partitions, judged),
        seen=replace(found, denied=(*found.denied, *more)),
        unknown=tuple(sorted(r.location for r in every if r.partition is None)),
    )


def _is_over(start: datetime, step: timedelta, now: datetime) -> bool:
    return start + step + GRACE <= now


def _first(
    spec: TableSpec, window: Window, store: ObjectStore
) -> tuple[Mapping[tuple[str, str], datetime], list[Denied]]:
    """When each account and region first delivered, and of whom that may not be known."""

    def look(source: Step) -> Partition | Denied | None:
        if not isinstance(source, Folder):
            return source if isinstance(source, Denied) else None
        try:
            return first_below(spec.layout, source, store)
        except AccessDenied as error:
            return Denied(source.prefix, error.message)

    named = Window(accounts=window.accounts, regions=window.regions)
    steps = walk(spec.location, spec.layout, named, store, source_depth(spec.layout))
    with threads() as pool:
        found = list(in_order(pool, look, steps))
    starts = {(p.account, p.region): p.start for p in found if isinstance(p, Partition)}
    return starts, [one for one in found if isinstance(one, Denied)]


def mend_locations(spec: TableSpec, found: Gaps, catalog: Catalog, progress: Progress) -> Applied:
    """Registers what lies elsewhere anew, where its layout puts it."""
    wrong = [partition for partition, _ in found.wrong_location]
    return catalog.mend(spec, wrong, progress) if wrong else Applied()


@dataclass(frozen=True, slots=True)
class Listed:
    """What is registered in a window. There can be a million: a location that the layout
    tells is not kept."""

    partitions: tuple[Partition, ...]
    """Sorted."""
    elsewhere: Mapping[Partition, str]
    """Where those lie that the catalog has at another LOCATION, to the letter."""
    unknown: tuple[str, ...]
    """The locations of those whose values are no account, region and day; sorted."""


def listed(spec: TableSpec, window: Window, catalog: Catalog) -> Listed:
    partitions: list[Partition] = []
    elsewhere: dict[Partition, str] = {}
    unknown: list[str] = []
    for found in catalog.registered(spec, window):
        if found.partition is None:
            unknown.append(found.location)
            continue
        partitions.append(found.partition)
        if found.location != spec.place(found.partition):
            elsewhere[found.partition] = found.location
    partitions.sort()
    return Listed(tuple(partitions), elsewhere, tuple(sorted(unknown)))


def within(spec: TableSpec, window: Window, catalog: Catalog) -> tuple[Partition, ...]:
    """The registered partitions that lie in the window as a whole, sorted."""
    step = spec.layout.step
    return tuple(
        sorted(
            partition
            for registered in catalog.registered(spec, window)
            if (partition := registered.partition)
            and (window.start is None or partition.start >= window.start)
            and (window.end is None or partition.start + step <= window.end)
        )
    )


@dataclass(frozen=True, slots=True)
class ProjectedPartitions:
    """The Partitions of a projected table: what Athena would compute, and list, at ``now``."""

    now: datetime

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        """Raises BadSetting when neither the table nor the window names the accounts."""
        if spec.projection is None:
            raise ValueError(f"{spec.title} is not projected")
        named = spec.projection.accounts
        accounts = [a for a in window.accounts or named if not named or a in named]
        if not (window.accounts or named):
            raise BadSetting(
                f"{spec.title} projects its partitions for the accounts that a query names",
                hint="give --account, repeatable",
            )
        first = datetime(*spec.projection.start.timetuple()[:3], tzinfo=UTC)
        until = window.end + window.late if window.end else self.now + DAY
        since, until = max(window.start or first, first), min(until, floor(self.now, DAY) + 2 * DAY)
        if since >= until:
            return
        days = Window(since, until)
        for account in accounts:
            for region in window.regions or spec.projection.regions:
                if region in spec.projection.regions:
                    for start in days.starts(spec.layout.step):
                        partition = Partition(account, region, start)
                        yield Registered(partition, spec.place(partition))
