"""The folders below a location that a window touches, level by level and in parallel.

Nothing here lists a whole tree: a level whose folders the window alone tells is not listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from athena_flow.layout import Layout
from athena_flow.ports import ObjectStore
from athena_flow.window import Window

WORKERS = 16
"""Prefixes listed in parallel."""


def walk(
    location: str, layout: Layout, window: Window, store: ObjectStore, depth: int | None = None
) -> list[tuple[str, Mapping[str, str]]]:
    """The prefixes of the layout's first ``depth`` folders, each with the parts it names.

    Lists no more than the window touches, level by level and in parallel, and always the
    last folder. In the order of their keys.
    """
    found: list[tuple[str, Mapping[str, str]]] = [(location, {})]
    with ThreadPoolExecutor(WORKERS) as pool:
        for segment in layout.segments[:depth]:
            below = pool.map(partial(_below, segment, layout, window, store), found)
            found = [entry for entries in below for entry in entries]
    return found


def _below(
    segment: str,
    layout: Layout,
    window: Window,
    store: ObjectStore,
    above: tuple[str, Mapping[str, str]],
) -> list[tuple[str, Mapping[str, str]]]:
    prefix, parts = above
    folders = layout.branches(segment, parts, window)
    read = (
        (folder, layout.read(segment, folder))
        for folder in (store.level(prefix).folders if folders is None else folders)
    )
    return [(prefix + folder, {**parts, **more}) for folder, more in read if more is not None]


def sources(
    location: str, layout: Layout, window: Window, store: ObjectStore
) -> list[tuple[str, Mapping[str, str]]]:
    """The accounts and regions that ever delivered: their prefix, and what it names."""
    depth = next(n for n, s in enumerate(layout.segments) if "{region}" in s) + 1
    return walk(location, layout, window, store, depth)
