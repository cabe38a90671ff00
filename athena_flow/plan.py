"""Wanted against existing partitions: a plan or a list of gaps that can be printed and applied."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import compress, groupby

from athena_flow.errors import some
from athena_flow.layout import Partition

Place = tuple[Partition, str]
"""A partition and the LOCATION that the catalog has for it."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A prefix below an account that may not be listed."""

    prefix: str
    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """What lies in S3 in a window."""

    partitions: tuple[Partition, ...]
    """Sorted, none of them twice: a set of a million takes four times the memory."""
    stray: tuple[str, ...] = ()
    """Keys and folders on the way that fit no layout."""
    denied: tuple[Denied, ...] = ()
    """Prefixes that may not be listed: nothing is known of them."""

    def notes(self) -> tuple[str, ...]:
        if not self.stray:
            return ()
        return (f"in no folder of the layout, left out: {len(self.stray):,}: {some(self.stray)}",)

    def hides(self, place: str) -> bool:
        """Does this folder lie where nothing may be listed?"""
        return any(place.startswith(denied.prefix) for denied in self.denied)


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """All three sorted and without repetition."""

    missing: tuple[Partition, ...]
    """Wanted and not registered: what will be added."""
    present: tuple[Partition, ...]
    unexpected: tuple[Partition, ...]
    """Registered in the window and not wanted."""
    elsewhere: tuple[Place, ...] = ()
    """Present ones with another LOCATION than their layout gives them."""

    @property
    def wanted(self) -> int:
        return len(self.missing) + len(self.present)


def plan(wanted: Iterable[Partition], existing: Iterable[Partition]) -> PartitionPlan:
    """Of either there can be a million: it keeps the wanted ones once, in no second set, and
    of the existing only those that are not wanted."""
    ours = [partition for partition, _ in groupby(sorted(wanted))]
    there = bytearray(len(ours))
    unexpected = set()
    for partition in existing:
        at = bisect_left(ours, partition)
        if at < len(ours) and ours[at] == partition:
            there[at] = True
        else:
            unexpected.add(partition)
    return PartitionPlan(
        missing=tuple(p for p, known in zip(ours, there, strict=True) if not known),
        present=tuple(compress(ours, there)),
        unexpected=tuple(sorted(unexpected)),
    )


@dataclass(frozen=True, slots=True)
class Gaps:
    """Calendar x accounts x regions, held against S3 and the catalog; all of them sorted."""

    present: tuple[Partition, ...]
    """Delivered, and registered where it lies."""
    missing: tuple[Partition, ...]
    """Delivered and not registered."""
    phantom: tuple[Partition, ...]
    """Registered and over, and nothing was delivered."""
    wrong_location: tuple[Place, ...]
    """Registered somewhere else than where its layout puts it."""
    silent: tuple[Partition, ...]
    """Over, and nothing was delivered, though its account and region had delivered before."""
    seen: Delivered = Delivered(())
    """What lies in S3 in the window, and what may not be looked at."""
    unknown: tuple[str, ...] = ()
    """The locations of registered partitions whose values are no account, region and day."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.phantom or self.wrong_location or self.silent)


def gaps(
    expected: Iterable[Partition],
    delivered: Collection[Partition],
    registered: Iterable[tuple[Place, str]],
) -> Gaps:
    """``expected`` are the partitions that are over, of those who delivered before.

    ``registered`` are what the catalog has, each with the LOCATION that it should have.
    """
    right, wrong = set(), []
    for (partition, location), wanted in registered:
        if location.rstrip("/") == wanted.rstrip("/"):
            right.add(partition)
        else:
            wrong.append((partition, location))
    over = set(expected)
    elsewhere = {partition for partition, _ in wrong}
    return Gaps(
        present=tuple(sorted(right.intersection(delivered))),
        missing=tuple(sorted(set(delivered) - right - elsewhere)),
        phantom=tuple(sorted(right.difference(delivered))),
        wrong_location=tuple(sorted(wrong)),
        silent=tuple(sorted(over.difference(delivered))),
    )
