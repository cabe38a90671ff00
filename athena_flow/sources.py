"""What lies in a bucket for a window: the logs of an ingest.

Only folders that lead to days of the window are listed, several at a time; what is refused,
and what lies in no layout, is told and not passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from athena_flow.errors import AccessDenied, NotFound, note
from athena_flow.layout import LOG_SUFFIXES, ORGANISATION, ROOT, Layout, spellings
from athena_flow.manifest import touches
from athena_flow.parallel import in_order, threads
from athena_flow.plan import Denied
from athena_flow.ports import ObjectInfo, ObjectStore, Progress
from athena_flow.walk import Folder, Stray, walk
from athena_flow.window import DAY, Window


@dataclass(frozen=True, slots=True)
class Found:
    """The logs of a source that a window touches."""

    source: str
    logs: tuple[ObjectInfo, ...]
    notes: tuple[str, ...] = ()
    denied: tuple[Denied, ...] = ()


def find_logs(location: str, window: Window, store: ObjectStore, progress: Progress) -> Found:
    """The logs of a bucket that the window touches; only folders that lead there are listed.

    Raises NotFound where there are none, and AccessDenied for a refusal above the accounts.
    """
    days: dict[str, None] = {}
    stray: list[str] = []
    denied: dict[str, Denied] = {}
    for layout in _layouts(location, window, store):
        for step in walk(location, layout, window, store):
            match step:
                case Folder(prefix=prefix):
                    days[prefix] = None
                    progress("finding days", len(days), None)
                case Stray(uri=uri):
                    stray.append(uri)
                case Denied(prefix=prefix):
                    denied[prefix] = step
    logs: list[ObjectInfo] = []
    with threads() as pool:
        listing = in_order(pool, partial(_listed, store), days)
        for done, listed in enumerate(listing, start=1):
            if isinstance(listed, Denied):
                denied[listed.prefix] = listed
            else:
                logs += listed
            progress("listing days", done, len(days))
    others = [log.uri for log in logs if not log.uri.endswith(LOG_SUFFIXES)]
    found = [log for log in logs if log.uri.endswith(LOG_SUFFIXES) and touches(log.uri, window)]
    if not found and not denied:
        raise NotFound(f"no flow logs of that window in {location}")
    notes = (
        *note("left out, no .log or .gz", others),
        *note("left out, in no layout", sorted(set(stray))),
    )
    return Found(location, tuple(found), notes, tuple(denied.values()))


def _layouts(location: str, window: Window, store: ObjectStore) -> list[Layout]:
    """The layouts that lie there, told by the folders below ``AWSLogs/``."""
    try:
        folders = store.level(location + ROOT).folders
    except AccessDenied:
        if not window.accounts:
            raise
        folders = ()
    named = [folder for folder in folders if ORGANISATION.fullmatch(folder)]
    every = [*spellings(), *(layout for folder in named for layout in spellings(folder))]
    daily = [layout for layout in every if layout.step == DAY]
    if not folders:
        return daily
    return [x for x in daily if any(x.read(x.segments[1], f) is not None for f in folders)]


def _listed(store: ObjectStore, prefix: str) -> list[ObjectInfo] | Denied:
    try:
        return list(store.objects(prefix))
    except AccessDenied as error:
        return Denied(prefix, error.message)
