"""The jobs on partitions, written against ports: what is there, what should be, and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from athena_flow.errors import BadSetting, NotFound, PartlyDone, some
from athena_flow.layout import ROOT, Partition
from athena_flow.plan import PartitionPlan, plan
from athena_flow.ports import Applied, Catalog, ObjectStore, Progress, Registered
from athena_flow.table import TableSpec
from athena_flow.walk import walk
from athena_flow.window import DAY, Window, floor


def plan_partitions(
    spec: TableSpec,
    window: Window,
    ahead: timedelta,
    catalog: Catalog,
    store: ObjectStore,
    progress: Progress,
) -> PartitionPlan:
    """What lies in S3 in the window, against what is registered.

    ``ahead`` also wants the coming days of every account and region that delivered in the
    window. Raises NotFound when there are no flow logs below the location at all.
    """
    found = set()
    for partition in _delivered(spec, window, store):
        found.add(partition)
        progress("looking for logs", len(found), None)
    if not found and ROOT not in (folders := store.level(spec.location).folders):
        raise NotFound(
            f"no {ROOT} below {spec.location}",
            hint=f"there are: {some(folders, 5)}" if folders else "no folder lies there",
        )
    wider = window.extended(ahead)
    coming = list(_coming(window, wider, spec.layout.step))
    sources = {(p.account, p.region) for p in found}
    wanted = found | {Partition(*source, start) for source in sources for start in coming}
    registered = (r.partition for r in catalog.registered(spec, wider))
    return plan(wanted, (partition for partition in registered if partition))


def _coming(window: Window, wider: Window, step: timedelta) -> Iterator[datetime]:
    """The starts of the partitions that only the wider window touches."""
    if window.end and wider.end and wider.end > window.end:
        later = Window(window.end, wider.end)
        yield from (start for start in later.starts(step) if not window.covers(start, step))


def _delivered(spec: TableSpec, window: Window, store: ObjectStore) -> Iterator[Partition]:
    """The partitions whose folder holds objects, by listing no more than the window touches."""
    layout = spec.layout
    for prefix, _ in walk(spec.location, layout, window, store):
        partition = layout.parse(prefix.removeprefix(spec.location))
        if partition and window.covers(partition.start, layout.step):
            yield partition


def add_partitions(
    spec: TableSpec, wanted: PartitionPlan, catalog: Catalog, progress: Progress
) -> Applied:
    """Registers what the plan misses. Doing it again does nothing more."""
    return catalog.add(spec, wanted.missing, progress) if wanted.missing else Applied()


def check_applied(spec: TableSpec, applied: Applied) -> None:
    """Raises PartlyDone when some partitions were not added."""
    if applied.failed:
        reasons = sorted({reason for _, reason in applied.failed})
        raise PartlyDone(
            f"{len(applied.failed)} partitions of {spec.title} were not added: {some(reasons)}",
            hint="run the same command again: it adds what is still missing",
        )


@dataclass(frozen=True, slots=True)
class ProjectedPartitions:
    """The Partitions of a projected table: what Athena would compute, and list, at ``now``."""

    now: datetime

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        """Raises BadSetting when neither the table nor the window names the accounts."""
        if spec.projection is None:
            raise ValueError(f"{spec.title} is not projected")
        accounts = window.accounts or spec.projection.accounts
        if not accounts:
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
