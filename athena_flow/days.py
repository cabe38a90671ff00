"""The days worth a look below a location, found folder by folder, and what lies beside them.

Only levels that lead to those days are listed, never the objects of a whole history. What
is met on the way and fits no layout is told: no table reads logs that lie there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import islice
from typing import TypeVar

from athena_flow.errors import AccessDenied
from athena_flow.layout import ORGANISATION, ROOT, Layout, partition_of, spellings
from athena_flow.parallel import in_order, threads
from athena_flow.ports import ObjectStore, Progress
from athena_flow.window import DAY, Window

Item = TypeVar("Item")

MOST_SOURCES = 2_000
"""Accounts and regions whose days are looked at; of more, some from everywhere."""
STRAY_FOLDERS = 200
"""Folders in no layout whose keys are listed."""
STRAY_OBJECTS = 1_000
"""Keys listed in each of them: one page of S3's."""

_SERVICE = "vpcflowlogs/"
_ALIKE = 0.7
"""As near as ``flowlogs/`` is to AWS's own spelling, and as ``vpcdnsquerylogs/``, another
service's, is not: the ratio of difflib."""
_TEST_FILE = re.compile(r"ELB\w*TestFile", re.ASCII)
"""What Elastic Load Balancing leaves beside the services' folders. Source: its User Guide,
"Access logs"."""
_SOME_DAY = {"account": "", "region": "", "year": "2000", "month": "01", "day": "01"}


@dataclass(frozen=True, slots=True)
class Days:
    """What was found on the way down to the days."""

    folders: tuple[str, ...]
    """Of the days to look at."""
    stray: tuple[str, ...]
    """Keys in no layout."""
    longer: tuple[str, ...]
    """Folders in no layout of which not every key was listed."""
    refused: tuple[str, ...]
    """What could not be listed, each in the words of the refusal."""
    left_out: int
    """Accounts and regions that `MOST_SOURCES` left out."""


def find_days(location: str, window: Window, store: ObjectStore, progress: Progress) -> Days:
    """All days of a closed window, or the first and the last day of every source.

    Raises AccessDenied when ``AWSLogs/`` itself may not be listed, NotFound for no bucket.
    """
    search = _Search(store, window)
    with threads() as pool:
        sources: list[_Branch] = []
        branches = [_Branch(location + ROOT, spellings(), 1, {})]
        while branches:
            found = [b for below in in_order(pool, search.below, branches) for b in below]
            sources += (b for b in found if "region" in b.parts)
            branches = [b for b in found if "region" not in b.parts]
            progress("finding accounts and regions", len(sources), None)
        chosen = evenly(sorted(sources, key=lambda source: source.prefix), MOST_SOURCES)
        days: list[str] = []
        for number, folders in enumerate(in_order(pool, search.days, chosen), start=1):
            days += folders
            progress("finding days", number, len(chosen))
        odd = sorted(search.odd_folders)
        listed = list(in_order(pool, search.keys, odd[:STRAY_FOLDERS]))
    longer = [folder for folder, keys in zip(odd, listed, strict=False) if _is_full(keys)]
    return Days(
        folders=tuple(days),
        stray=tuple(sorted([*search.odd_objects, *(key for keys in listed for key in keys)])),
        longer=(*longer, *odd[STRAY_FOLDERS:]),
        refused=tuple(sorted(search.refused)),
        left_out=len(sources) - len(chosen),
    )


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of the items, from everywhere among them, in their order."""
    count = len(items)
    if count <= most:
        return list(items)
    return [items[n * count // most] for n in range(most)]


def _is_full(keys: Sequence[str]) -> bool:
    return len(keys) == STRAY_OBJECTS


@dataclass(frozen=True, slots=True, eq=False)
class _Branch:
    """A folder on the way down, and the layouts that it can still belong to."""

    prefix: str
    layouts: tuple[Layout, ...]
    depth: int
    """How many of a layout's folders lead to it."""
    parts: Mapping[str, str]

    def into(self, folder: str) -> _Branch | None:
        """The branch of a folder directly below; None when it fits no layout."""
        if self.depth == 1 and ORGANISATION.fullmatch(folder):
            return _Branch(self.prefix + folder, spellings(folder), 2, {})
        read = [
            (layout, layout.read(layout.segments[self.depth], folder)) for layout in self.layouts
        ]
        fits = [(layout, parts) for layout, parts in read if parts is not None]
        if not fits:
            return None
        parts = {**self.parts, **fits[0][1]}
        if partition_of({**_SOME_DAY, **parts}) is None:
            return None
        return _Branch(
            self.prefix + folder, tuple(layout for layout, _ in fits), self.depth + 1, parts
        )

    @property
    def services(self) -> bool:
        """Is it an account's folder, which every service of AWS delivers into?"""
        return "{" not in self.layouts[0].segments[self.depth]


class _Search:
    """Lists folders, in many threads, and keeps in mind what fits no layout."""

    def __init__(self, store: ObjectStore, window: Window) -> None:
        self._store, self._window = store, window
        self._wanted = _dates(window)
        self.odd_objects: set[str] = set()
        self.odd_folders: set[str] = set()
        self.refused: set[str] = set()

    def below(self, above: _Branch) -> list[_Branch]:
        """The folders directly below that the window touches."""
        try:
            level = self._store.level(above.prefix)
        except AccessDenied as error:
            if above.depth == 1:
                raise
            self.refused.add(error.message)
            return []
        odd = (name for name in level.objects if not (above.services and _TEST_FILE.match(name)))
        self.odd_objects.update(above.prefix + name for name in odd)
        found = []
        for folder in level.folders:
            branch = above.into(folder)
            if branch and self._wants(branch.parts):
                found.append(branch)
            elif branch is None and (_means_ours(folder) or not above.services):
                self.odd_folders.add(above.prefix + folder)
        return found

    def _wants(self, parts: Mapping[str, str]) -> bool:
        account, region = parts.get("account"), parts.get("region")
        if account and self._window.accounts and account not in self._window.accounts:
            return False
        if region and self._window.regions and region not in self._window.regions:
            return False
        dates = tuple(parts[part] for part in ("year", "month", "day") if part in parts)
        return not dates or self._wanted is None or dates in self._wanted

    def days(self, source: _Branch) -> list[str]:
        """The folders of a source's days: all that the window touches, or the two ends."""
        below = cache(self.below)
        if self._wanted is not None:
            return _all(source, below)
        ends = (_end(source, below, order) for order in (list, reversed))
        return list(dict.fromkeys(filter(None, ends)))

    def keys(self, folder: str) -> list[str]:
        """The first keys below a folder."""
        try:
            return [o.uri for o in islice(self._store.objects(folder), STRAY_OBJECTS)]
        except AccessDenied as error:
            self.refused.add(error.message)
            return []


_Below = Callable[[_Branch], list[_Branch]]


def _all(branch: _Branch, below: _Below) -> list[str]:
    if "day" in branch.parts:
        return [branch.prefix]
    return [day for folder in below(branch) for day in _all(folder, below)]


def _end(
    branch: _Branch, below: _Below, order: Callable[[list[_Branch]], Iterable[_Branch]]
) -> str | None:
    """The first day below a branch, in that order; folders without one are passed."""
    if "day" in branch.parts:
        return branch.prefix
    found = (_end(folder, below, order) for folder in order(below(branch)))
    return next(filter(None, found), None)


def _dates(window: Window) -> frozenset[tuple[str, ...]] | None:
    """The years, months and days that a closed window touches; None for an open one."""
    if window.start is None or window.end is None:
        return None
    days = [tuple(day.date().isoformat().split("-")) for day in window.starts(DAY)]
    return frozenset(day[:n] for day in days for n in (1, 2, 3))


def _means_ours(folder: str) -> bool:
    """Is a service's folder spelled so nearly as that of flow logs that these are meant?"""
    service = folder.rpartition("=")[2].lower()
    return SequenceMatcher(None, service, _SERVICE).ratio() >= _ALIKE
