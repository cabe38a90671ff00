"""The jobs, written against ports: what each command does, without a word of how.

A job gets its engine, store, catalog and clock as arguments, and returns nouns. It prints
nothing, and every write has a plan that can be looked at instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import compress

from athena_flow import cost
from athena_flow.cost import Budget, Estimate, Price
from athena_flow.errors import (
    AccessDenied,
    NotFound,
    TableDiffers,
    some,
)
from athena_flow.gluetable import is_intact
from athena_flow.layout import ROOT, Partition
from athena_flow.partitions import check_applied
from athena_flow.ports import (
    Catalog,
    Engine,
    ObjectInfo,
    Objects,
    ObjectStore,
    Partitions,
    Progress,
    Result,
    Scan,
)
from athena_flow.prune import Evaluate, TableScan, kept, table_scans
from athena_flow.query import BoundQuery
from athena_flow.table import Projection, TableSpec, spec_from_properties
from athena_flow.walk import WORKERS, sources
from athena_flow.window import DAY, Window


def init_table(
    spec: TableSpec, catalog: Catalog, store: ObjectStore
) -> tuple[bool, tuple[str, ...]]:
    """Creates the table where it is missing, once its location is known to exist.

    Returns whether it was made, and notes. Raises NotFound for a bucket or directory that
    is not there, before anything is written.
    """
    notes: tuple[str, ...] = ()
    try:
        if ROOT not in store.level(spec.location).folders:
            notes = (f"no {ROOT} below {spec.location} yet",)
        elif spec.projection and spec.projection.accounts:
            notes = _empty_prefixes(spec, spec.projection, store)
    except AccessDenied as error:
        notes = (f"not checked whether logs lie there: {error.message}",)
    return catalog.create(spec), notes


def replace_table(spec: TableSpec, catalog: Catalog, progress: Progress) -> int | None:
    """Makes the table anew with this spec and the partitions it had; returns how many.

    None when it is that very table already.

    The partitions are kept in a second table until the new one has them all, so a run that
    is killed anywhere is finished by the next. Raises NotFound when there is no such table,
    ForeignTable for one of somebody else's, TableDiffers when an earlier replacement by
    another spec is unfinished.
    """
    keeper = replace(spec, name=f"{spec.name}{KEEPER}")
    old, intact = _found(catalog, spec)
    kept, _ = _found(catalog, keeper)
    if old is None and kept is None:
        raise NotFound(f"no table {spec.title} to replace", hint="leave --replace out")
    if kept is not None and kept != keeper:
        raise TableDiffers(
            f"an earlier --replace of {spec.title}, by {kept.format.header} in layout"
            f" {kept.layout.title}, is unfinished",
            hint="run that one again, with its flags, and then this one: no partition is lost",
        )
    if old is not None and not (old == spec and intact):
        catalog.create(keeper)
        _copy_partitions(old, keeper, catalog, progress)
        catalog.drop(old)
    elif kept is None:
        return None
    catalog.create(spec)
    count = _copy_partitions(keeper, spec, catalog, progress)
    catalog.drop(keeper)
    return count


KEEPER = "__athena_flow_replacing"
"""Ends the name of the table that keeps the partitions while another is replaced."""


def _found(catalog: Catalog, spec: TableSpec) -> tuple[TableSpec | None, bool]:
    """What the table remembers of itself, and whether nobody altered it since."""
    try:
        described = catalog.described(spec.database, spec.name)
    except NotFound:
        return None, False
    remembered = described.get("Parameters") or {}
    found = spec_from_properties(spec.database, spec.name, remembered)
    return found, is_intact(found, described)


def _copy_partitions(
    source: TableSpec, target: TableSpec, catalog: Catalog, progress: Progress
) -> int:
    """Registers in ``target`` the time that ``source`` covers. Raises PartlyDone.

    A day becomes its hours, or an hour its day, when the layouts differ in that.
    """
    if source.projection or target.projection:
        return 0
    wanted: dict[Partition, None] = {}
    for registered in catalog.registered(source, Window()):
        if registered.partition:
            start = registered.partition.start
            covered = Window(start, start + source.layout.step)
            for part in covered.starts(target.layout.step):
                wanted[replace(registered.partition, start=part)] = None
    check_applied(target, catalog.add(target, sorted(wanted), progress))
    return len(wanted)


def _empty_prefixes(spec: TableSpec, projection: Projection, store: ObjectStore) -> tuple[str, ...]:
    """A note when more than half of what projection lists each day is empty."""
    listed = len(projection.accounts) * len(projection.regions)
    delivered = len(sources(spec.location, spec.layout, Window(), store))
    if listed <= 2 * delivered:
        return ()
    return (
        f"projection makes every query list {listed} prefixes for each {_step_name(spec)}, of"
        f" which {delivered} hold logs: explicit partitions list only those",
    )


def _step_name(spec: TableSpec) -> str:
    return "day" if spec.layout.step == DAY else "hour"


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a statement's tables are read from."""

    partitions: Partitions
    store: Objects
    evaluate: Evaluate
    price: Price


def estimate(
    bound: BoundQuery, reading: Reading, progress: Progress
) -> tuple[Estimate, tuple[Scan, ...]]:
    """What a run would read and cost, and the objects that it would read."""
    spec = bound.spec
    registered = list(reading.partitions.registered(spec, bound.window))
    places = [part.partition for part in registered]
    found = table_scans(bound.sql, spec.layout.keys)
    wanted = [
        list(compress(registered, kept(scan, spec, places, reading.evaluate))) for scan in found
    ]
    locations = list(dict.fromkeys(part.location for parts in wanted for part in parts))
    objects = dict(zip(locations, _objects(locations, reading.store, progress), strict=True))
    scans = tuple(
        Scan(spec, tuple((part, objects[part.location]) for part in parts)) for parts in wanted
    )
    others = [f"{s.database}.{s.table}".strip(".") for s in found if not _is(s, spec)]
    why = f"it reads {some(others)} as well" if others else ""
    return cost.estimate(bound.name, bound.sql, scans, reading.price, why), scans


def _is(scan: TableScan, spec: TableSpec) -> bool:
    return scan.table == spec.name and scan.database in ("", spec.database)


def _objects(
    locations: Sequence[str], store: Objects, progress: Progress
) -> Iterator[tuple[ObjectInfo, ...]]:
    """What lies at each location, listed in parallel."""
    with ThreadPoolExecutor(WORKERS) as pool:
        sizes = pool.map(lambda at: tuple(store.objects(at)), locations)
        for done, listed in enumerate(sizes, start=1):
            progress("sizing partitions", done, len(locations))
            yield listed


def run(
    bound: BoundQuery,
    reading: Reading,
    engine: Engine,
    budget: Budget,
    announce: Callable[[Estimate], None],
    progress: Progress,
) -> tuple[Estimate, Result]:
    """Estimates, announces, checks the budget, and only then runs. Raises OverBudget."""
    found, scans = estimate(bound, reading, progress)
    announce(found)
    cost.check_budget(found, budget)
    return found, engine.run(bound.sql, scans)
