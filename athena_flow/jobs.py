"""The jobs on queries, written against ports: what a run would cost, and the run.

A job gets its engine, store, catalog and clock as arguments, and returns nouns. It prints
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

from athena_flow import cost
from athena_flow.cost import Budget, Estimate, Price
from athena_flow.errors import some
from athena_flow.parallel import in_order, threads
from athena_flow.ports import Engine, ObjectInfo, Objects, Partitions, Progress, Result, Scan
from athena_flow.prune import Evaluate, TableScan, kept, table_scans
from athena_flow.query import BoundQuery
from athena_flow.table import TableSpec


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
    with threads() as pool:
        sizes = in_order(pool, lambda at: tuple(store.objects(at)), locations)
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
