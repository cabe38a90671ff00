"""The folders below a location that a window touches, level by level and in parallel.

Nothing here lists a whole tree: a level whose folders the window alone tells is not listed,
and what is listed streams through. A prefix that may not be listed stands in nobody else's
way, once it lies below an account; what fits no layout is told, not passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial

from athena_flow.errors import AccessDenied
from athena_flow.layout import Layout, Partition, partition_of
from athena_flow.parallel import in_order, threads
from athena_flow.plan import Denied
from athena_flow.ports import ObjectStore
from athena_flow.window import Window


@dataclass(frozen=True, slots=True)
class Folder:
    """A prefix that fits the layout's first folders, and the parts that it names."""

    prefix: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stray:
    """A key, or a folder (ending in ``/``), where the layout has none such."""

    uri: str


Step = Folder | Stray | Denied
FEW = 100
"""Keys of one folder that are told one by one; more of them are told by their folder alone."""
_DATED = ("year", "month", "day", "hour")
"""The parts of a layout by which a folder belongs to a time."""


def walk(
    location: str, layout: Layout, window: Window, store: ObjectStore, depth: int | None = None
) -> Iterator[Step]:
    """The prefixes of the layout's first ``depth`` folders, in the order of their keys.

    Lists no more than the window touches, and always the last folder. Raises AccessDenied
    for a refusal above the accounts, NotFound.
    """
    steps: Iterable[Step] = [Folder(location, {})]
    with threads() as pool:
        for segment in layout.segments[:depth]:
            below = partial(_below, segment, layout, window, store)
            steps = _stage(pool, below, steps)
        yield from steps


def _stage(
    pool: ThreadPoolExecutor, below: Callable[[Step], list[Step]], steps: Iterable[Step]
) -> Iterator[Step]:
    for found in in_order(pool, below, steps):
        yield from found


def _below(
    segment: str, layout: Layout, window: Window, store: ObjectStore, above: Step
) -> list[Step]:
    if not isinstance(above, Folder):
        return [above]
    prefix, parts = above.prefix, above.parts
    dated = tuple((part, parts[part]) for part in _DATED if part in parts)
    folders = _told(layout, segment, dated, window)
    stray: list[Step] = []
    if folders is None:
        try:
            level = store.level(prefix)
        except AccessDenied as error:
            if "account" not in parts:
                raise
            return [Denied(prefix, error.message)]
        folders = level.folders
        if "account" in parts:
            keys = level.objects if len(level.objects) <= FEW else ("",)
            odd = [f for f in folders if layout.read(segment, f) is None]
            stray = [Stray(prefix + name) for name in (*keys, *odd)]
    read = ((folder, layout.read(segment, folder)) for folder in folders)
    found = [Folder(prefix + f, {**parts, **more}) for f, more in read if more is not None]
    return stray + [folder for folder in found if _touched(folder.parts, window)]


@lru_cache(1_024)
def _told(
    layout: Layout, segment: str, dated: tuple[tuple[str, str], ...], window: Window
) -> tuple[str, ...] | None:
    """`Layout.branches`, which is the same for every account and region."""
    return layout.branches(segment, dict(dated), window)


def _touched(parts: Mapping[str, str], window: Window) -> bool:
    """Can the window touch anything in a folder of this year, month, day and hour?"""
    told = [parts[part] for part in _DATED if part in parts]
    if window.start and told < _spelled(window.start)[: len(told)]:
        return False
    last = window.end + window.late - timedelta(microseconds=1) if window.end else None
    return last is None or told <= _spelled(last)[: len(told)]


def _spelled(moment: datetime) -> list[str]:
    return [f"{moment.year:04}", f"{moment:%m}", f"{moment:%d}", f"{moment:%H}"]


def sources(
    location: str, layout: Layout, window: Window, store: ObjectStore
) -> list[tuple[str, Mapping[str, str]]]:
    """The accounts and regions that ever delivered: their prefix, and what it names.

    Raises AccessDenied when one of them may not be listed.
    """
    found = []
    for step in walk(location, layout, window, store, source_depth(layout)):
        if isinstance(step, Denied):
            raise AccessDenied(step.reason)
        if isinstance(step, Folder):
            found.append((step.prefix, step.parts))
    return found


def source_depth(layout: Layout) -> int:
    """How many of a layout's folders lead to one account and region."""
    return next(n for n, s in enumerate(layout.segments) if "{region}" in s) + 1


def first_below(layout: Layout, source: Folder, store: ObjectStore) -> Partition | None:
    """The first day or hour of a source; None when it has none. Raises AccessDenied."""
    return _first(layout, layout.segments[source_depth(layout) :], source, store)


def _first(
    layout: Layout, segments: tuple[str, ...], folder: Folder, store: ObjectStore
) -> Partition | None:
    """A folder that holds none, or a day that the calendar lacks, gives way to the next one."""
    if not segments:
        return partition_of(folder.parts)
    for name in sorted(store.level(folder.prefix).folders):
        more = layout.read(segments[0], name)
        if more is not None:
            below = Folder(folder.prefix + name, {**folder.parts, **more})
            found = _first(layout, segments[1:], below, store)
            if found:
                return found
    return None
