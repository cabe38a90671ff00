"""Wanted against existing partitions: a plan that can be printed, applied or found empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from athena_flow.layout import Partition


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """All three sorted and without repetition."""

    missing: tuple[Partition, ...]
    """Wanted and not registered: what will be added."""
    present: tuple[Partition, ...]
    unexpected: tuple[Partition, ...]
    """Registered in the window and not wanted."""

    @property
    def wanted(self) -> int:
        return len(self.missing) + len(self.present)


def plan(wanted: Iterable[Partition], existing: Iterable[Partition]) -> PartitionPlan:
    want, have = set(wanted), set(existing)
    return PartitionPlan(
        missing=tuple(sorted(want - have)),
        present=tuple(sorted(want & have)),
        unexpected=tuple(sorted(have - want)),
    )


def batches(partitions: Iterable[Partition], size: int) -> Iterator[tuple[Partition, ...]]:
    """The partitions in order, at most ``size`` at a time."""
    batch: list[Partition] = []
    for partition in partitions:
        batch.append(partition)
        if len(batch) == size:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)
