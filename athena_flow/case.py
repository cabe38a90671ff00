"""A table and what was seen of its logs: what the rules of a check judge.

A table answers for what it reads, and for nothing else: the partitions that are registered,
or all that a projection or an unpartitioned LOCATION reaches. Logs in another layout lie
beside it, and are a matter of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from athena_flow.layout import ROOT, Layout, Partition
from athena_flow.samples import Sample
from athena_flow.survey import Survey
from athena_flow.table import FileType, Projection, TableSpec
from athena_flow.window import Window

PLACES = ("s3://", "/")
"""How a location begins that we can look at."""


@dataclass(frozen=True, slots=True)
class Table:
    """What Athena knows of a table, ours or anyone's, as far as it decides what rows say."""

    database: str
    name: str
    location: str
    """LOCATION as it stands."""
    columns: tuple[tuple[str, str], ...]
    """Names and types in lower case; of a table of ours those that it remembers."""
    file_type: FileType | None
    """None when its SerDe neither splits lines at single spaces nor reads Parquet."""
    serde: str
    skipped: int
    """Lines left out at the top of each file."""
    spec: TableSpec | None = None
    """As athena-flow made it; None for somebody else's."""
    altered: tuple[str, ...] = ()
    """Where a table of ours no longer says what we wrote."""
    projected: bool = False
    template: str = ""
    """``storage.location.template`` of a projected table; else empty."""
    registered: Mapping[str, Partition | None] | None = None
    """Where its partitions lie, from the window's first day on; None for a table that has
    none of its own: a projected or an unpartitioned one."""
    older: bool = False
    """Has it partitions before the window?"""

    @property
    def title(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def place(self) -> str:
        """The folder below which its partitions lie, ending in ``/`` and without ``//``."""
        fixed, variable, _ = (self.template or self.location).partition("${")
        return one_slash(fixed[: fixed.rfind("/") + 1] if variable else f"{fixed}/")

    @property
    def base(self) -> str:
        """What stands before ``AWSLogs/``."""
        if self.spec:
            return self.spec.location
        head, root, _ = self.place.partition(f"/{ROOT}")
        return f"{head}/" if root else self.place

    @property
    def bare(self) -> bool:
        """Are partitions its way to read, and none is registered?"""
        return self.registered is not None and not self.registered and not self.older

    @property
    def whole(self) -> bool:
        """Does it read all below its LOCATION, for want of partitions?"""
        return self.registered is None and not self.projected

    def reads(self, uri: str) -> bool:
        """Do queries read the object, in whatever folder below a partition's it lies?"""
        if self.registered is not None:
            return any(folder in self.registered for folder in _above(uri))
        if self.spec and self.spec.projection:
            partition = _partition_above(self.spec, uri)
            return partition is not None and reached(self.spec.projection, partition)
        return uri.startswith(self.place)


def _above(uri: str) -> Iterator[str]:
    """The folders that an object lies in, the nearest one first."""
    while (end := uri.rstrip("/").rfind("/")) > 0:
        uri = uri[: end + 1]
        yield uri


def _partition_above(spec: TableSpec, uri: str) -> Partition | None:
    """The partition in whose folder, or below it, an object lies by the table's layout."""
    folders = uri.removeprefix(spec.location).split("/")[: len(spec.layout.segments)]
    return spec.layout.parse("/".join(folders) + "/")


def reached(projection: Projection, place: Partition) -> bool:
    """Does a projected table compute this partition?"""
    return projection.names(place.account, place.region) and place.start.date() >= projection.start


def days_of(layout: Layout) -> str:
    """A layout's template without its folders of hours."""
    return re.sub(r"[^/]*\{hour\}/", "", layout.template)


def one_slash(location: str) -> str:
    """A location with every ``//`` but the scheme's made one."""
    scheme = "s3://" if location.startswith("s3://") else ""
    return scheme + re.sub("/+", "/", location.removeprefix(scheme))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in words, and the command that mends it where one does."""

    kind: str
    message: str
    fix: str | None
    uris: tuple[str, ...] = ()
    """A few of the objects that show it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is wrong with a table of ours as such: what its spec has to say instead."""

    kind: str
    message: str
    what: Mapping[str, Any]
    """Fields of its TableSpec."""
    uris: tuple[str, ...] = ()
    then: str = ""
    """A command to run when the table is made anew."""


Others = Callable[[str], Table | None]
"""Another table of the same database by its name, where there is one."""


def nobody(name: str) -> Table | None:
    """The other tables of a database of which nothing is known."""
    return None


def nothing() -> Sequence[Sample]:
    """The past of which nothing is known."""
    return ()


@dataclass(frozen=True, slots=True)
class Case:
    """A table and what was seen of its logs."""

    table: Table
    found: Survey
    """What the table reads."""
    window: Window
    """Closed."""
    access: tuple[str, ...] = ()
    """Flags by which the user reached the table, for the commands."""
    beside: tuple[Sample, ...] = ()
    """In another layout below the same location, where no table that we know of reads them."""
    history: bool = False
    """Do some logs fit the table, older ones too, so that it must not be made for others?"""
    seen: tuple[Sample, ...] = ()
    """All of them, whether the table reads them or not."""
    settled: frozenset[str] = frozenset()
    """The URIs of those that have their finding: no other is made of them."""
    others: Others = nobody
    past: Callable[[], Sequence[Sample]] = nothing
    """Some logs from before the window of a table that has partitions there."""

    @property
    def samples(self) -> list[Sample]:
        """Those that the table reads, and that its SerDe can read."""
        ours = self.table.file_type
        return [s for s in self.found.samples if s.file_type == ours and s.uri not in self.settled]

    @property
    def home(self) -> Layout | None:
        """The table's own layout: of somebody else's, that of most of its logs."""
        if self.table.spec:
            return self.table.spec.layout
        found = Counter(s.layout for s in self.found.samples)
        return found.most_common(1)[0][0] if found else None

    @property
    def sources(self) -> frozenset[tuple[str, str]]:
        """The accounts and regions that were seen."""
        return frozenset(s.source for s in self.seen)

    @property
    def first(self) -> date:
        """The first day that was looked at."""
        if self.window.start is None:
            raise ValueError("a case has a closed window")
        return self.window.start.date()
