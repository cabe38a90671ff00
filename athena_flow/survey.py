"""A look at what lies below a location: a few objects of each source, never all of them.

An open window is looked at from afar: the first and the last day of every account and
region, and the head of one object of each flow log and file type there. A closed one is
looked at closely: every day of it, the first and the last object, and all their rows. One
prefix can hold several flow logs of different formats (Transit Gateway logs lie in the same
tree); only the flow log's id in the file name tells their files apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial
from itertools import islice, pairwise

from athena_flow.awserrors import IAM
from athena_flow.blocks import day_folders, widest
from athena_flow.days import find_days
from athena_flow.errors import (
    AccessDenied,
    BadFile,
    BadFormat,
    EngineError,
    NotFound,
    UnknownField,
    files,
    some,
)
from athena_flow.layout import ROOT, Layout, Partition, layout_of_key
from athena_flow.logformat import LogFormat
from athena_flow.parallel import in_order, threads
from athena_flow.ports import ObjectInfo, ObjectStore, Progress, no_progress
from athena_flow.samples import (
    HEAD_BYTES,
    WHOLE_BYTES,
    ParquetColumns,
    Sample,
    file_type_of,
    flow_log_of,
    look,
)
from athena_flow.window import Window

DAY_OBJECTS = 10_000
"""Keys looked at in one day's folder: those of 30 flow logs that deliver every 5 minutes."""
MOST_OBJECTS = 2_000
"""Objects looked at in all; of more, the newest of every source first."""
REFUSALS = 3
"""Refusals that are told word for word."""


@dataclass(frozen=True, slots=True)
class Survey:
    samples: tuple[Sample, ...]
    strange: tuple[str, ...]
    """Keys below ``AWSLogs/`` that fit no layout."""
    keys: int
    """Keys that were listed."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Objects that are no log, each with the reason."""
    longer: tuple[str, ...] = ()
    """Folders of which not every key was listed."""
    left_out: int = 0
    """Objects that `MOST_OBJECTS` left out."""
    sources_left_out: int = 0
    """Accounts and regions of which nothing was looked at, because there are so many."""
    refused: tuple[str, ...] = ()
    """What the store would not list or give, each in the words of the refusal."""


def survey(
    location: str,
    store: ObjectStore,
    parquet_columns: ParquetColumns,
    window: Window,
    progress: Progress = no_progress,
) -> Survey:
    """Looks at the window's days, for the window's accounts and regions.

    An open window means the first and the last day of every source. Raises NotFound when it
    has no flow logs; a closed one may have none. Raises AccessDenied when ``AWSLogs/`` may
    not be listed, or when refusals left nothing to look at.
    """
    closely = window.start is not None and window.end is not None
    days = find_days(location, window, store, progress)
    with threads() as pool:
        listed, refused = _listed(days.folders, store, pool, progress)
        groups, strange = _groups(location, [key for keys in listed.values() for key in keys])
        chosen = [one for group in groups for one in _picked(group, closely)]
        few = _newest_of_all(chosen)
        most = WHOLE_BYTES if closely else HEAD_BYTES
        see = partial(_see, store=store, parquet_columns=parquet_columns, most=most)
        seen = []
        for one in in_order(pool, see, few):
            seen.append(one)
            progress("looking at objects", len(seen), len(few))
    refused += (one for one in seen if isinstance(one, str))
    found = Survey(
        samples=tuple(one for one in seen if isinstance(one, Sample)),
        strange=_from_every_folder((*days.stray, *strange)),
        keys=sum(map(len, listed.values())) + len(days.stray),
        unreadable=tuple(one for one in seen if isinstance(one, tuple)),
        longer=(*(d for d, keys in listed.items() if len(keys) == DAY_OBJECTS), *days.longer),
        left_out=len(chosen) - len(few),
        sources_left_out=days.left_out,
        refused=tuple(dict.fromkeys((*days.refused, *refused))),
    )
    if found.refused and not found.samples:
        raise AccessDenied(some(found.refused, 1), hint=IAM)
    if not found.samples and not closely:
        raise _nothing(location, window, found, store)
    return found


def _from_every_folder(keys: Sequence[str]) -> tuple[str, ...]:
    """The keys, the first of every folder before the others: those are the ones that are named."""
    first: dict[str, str] = {}
    for key in keys:
        first.setdefault(key.rpartition("/")[0], key)
    return tuple(dict.fromkeys((*first.values(), *keys)))


def _nothing(location: str, window: Window, found: Survey, store: ObjectStore) -> NotFound:
    """The error for a location without flow logs, with what lies there instead."""
    level = store.level(location)
    whose = some((*window.accounts, *window.regions))
    if found.strange or found.unreadable:
        hint = "; ".join(oddities(found))
    elif found.keys:
        hint = f"{files(found.keys)} looked at, and no line in them"
    elif ROOT in level.folders:
        hint = f"{location}{ROOT} holds: {some(store.level(location + ROOT).folders, 5)}"
    elif level.folders or level.objects:
        hint = f"{location} holds: {some((*level.folders, *level.objects), 5)}"
    else:
        hint = "no folder lies there"
    return NotFound(f"no flow logs{' of ' * bool(whose)}{whose} below {location}{ROOT}", hint=hint)


def warnings(found: Survey) -> list[str]:
    """What stands in the way of one right table, in words."""
    texts = [s for s in found.samples if s.file_type == "text"]
    return [
        *_several_formats(texts),
        *_several_file_types(found.samples),
        *_headers(texts),
        *_fields(found.samples),
        *oddities(found),
        *limits(found),
    ]


def _several_formats(texts: Sequence[Sample]) -> Iterator[str]:
    """Formats in the same folders: at the same time, or one after the other."""
    days: dict[tuple[str, str], dict[LogFormat, list[date]]] = {}
    every = {s.format for s in texts if s.format}
    for s in texts:
        if s.format:
            formats = days.setdefault((day_folders(s.layout), "/".join(s.source)), {})
            own = formats.setdefault(widest(s.format, every), [])
            own.append(s.partition.start.date())
    mixed: set[str] = set()
    changed: set[str] = set()
    for (_, source), formats in days.items():
        spans = sorted((min(own), max(own)) for own in formats.values())
        apart = all(a[1] < b[0] for a, b in pairwise(spans))
        if len(spans) > 1:
            (changed if apart else mixed).add(source)
    if mixed:
        yield (
            "text logs of several formats lie in the same folders, where a table reads all and by"
            f" position: {some(sorted(mixed))}; give each flow log a prefix of its own, or Parquet"
        )
    if changed:
        yield (
            f"text logs changed their format: {some(sorted(changed))}; a table goes by position, so"
            " each time needs its own; athena-flow check names the day"
        )


def _several_file_types(samples: Sequence[Sample]) -> Iterator[str]:
    types: dict[tuple[str, str, date], set[str]] = defaultdict(set)
    for s in samples:
        place = (day_folders(s.layout), "/".join(s.source), s.partition.start.date())
        types[place].add(s.file_type)
    both = {source for (_, source, _), found in types.items() if len(found) > 1}
    if both:
        yield (
            "text and Parquet lie in the same folders, where a table of either takes both for its"
            f" own: {some(sorted(both))}; give each flow log a prefix of its own"
        )


def _headers(texts: Sequence[Sample]) -> Iterator[str]:
    """Files without a header line: of no known format, beside others with one, or all of them."""
    shapeless = [s.uri for s in texts if s.format is None]
    if shapeless:
        yield (
            "no header line, and not in the default format, so nothing says which field is which:"
            f" {files(len(shapeless))}: {some(shapeless)}"
        )
    groups: dict[tuple[Layout, LogFormat | None], list[Sample]] = defaultdict(list)
    for s in texts:
        groups[s.layout, s.format].append(s)
    alike = [
        (own, [s.uri for s in own if not s.header]) for own in groups.values() if own[0].format
    ]
    beside = [uri for own, headless in alike if len(headless) < len(own) for uri in headless]
    if beside:
        yield (
            f"no header line, where others have one: {files(len(beside))}: {some(beside)}; a table"
            " skips the first line of all files or of none, so the first row of each of these is"
            " lost: put the header line of the others above it"
        )
    none = [uri for own, headless in alike if len(headless) == len(own) for uri in headless]
    if none:
        yield (
            f"no header line, and in the default format: {files(len(none))}: {some(none)};"
            " their table has --header-lines 0"
        )


def _fields(samples: Sequence[Sample]) -> Iterator[str]:
    """Fields that nobody knows here, and Parquet columns of other types than AWS writes."""
    unknown = {f.name for s in samples if s.format for f in s.format.fields if not f.version}
    if unknown:
        yield (
            f"fields that this athena-flow does not know, kept as text: {some(sorted(unknown))};"
            " init-table takes them with --allow-unknown"
        )
    odd = [s for s in samples if s.misfits]
    if odd:
        columns = dict.fromkeys(
            f"{n} is {real}, not {ours}" for s in odd for n, real, ours in s.misfits
        )
        yield (
            f"Parquet columns that no table of these fields can read: {some(columns, 10)}:"
            f" {files(len(odd))}: {some([s.uri for s in odd])}; queries that name such a column"
            " fail: write these files anew with AWS's types, or take them away"
        )


def oddities(found: Survey) -> list[str]:
    """Objects that are no logs, or not where logs lie."""
    said = []
    if found.strange:
        said.append(f"in no layout: {files(len(found.strange))}: {some(found.strange)}")
    if found.unreadable:
        reasons = [f"{uri}: {reason}" for uri, reason in found.unreadable]
        said.append(f"no log: {files(len(reasons))}: {some(reasons)}")
    return said


def limits(found: Survey) -> list[str]:
    """What was not looked at: much of the same, or what is not allowed."""
    said: list[str] = []
    said += (f"not looked at: {refusal}" for refusal in found.refused[:REFUSALS])
    if len(found.refused) > REFUSALS:
        said.append(f"not looked at: {len(found.refused) - REFUSALS:,} more, refused as well")
    if found.longer:
        said.append(f"not every key was listed of: {some(found.longer)}")
    if found.left_out:
        said.append(f"{found.left_out:,} more objects were left out: there are many sources")
    if found.sources_left_out:
        said.append(
            f"{found.sources_left_out:,} more accounts and regions were left out: choose some"
            " with --account and --region"
        )
    return said


_Chosen = tuple[ObjectInfo, Layout, Partition]
_Seen = Sample | tuple[str, str] | str | None
"""A sample; an object's URI and why it is no log; a refusal; or nothing, from an empty object."""


def _listed(
    days: Sequence[str], store: ObjectStore, pool: ThreadPoolExecutor, progress: Progress
) -> tuple[dict[str, list[ObjectInfo]], list[str]]:
    """The first objects of each day, and the refusals."""
    listed: dict[str, list[ObjectInfo]] = {}
    refused = []
    for number, day, keys in zip(
        range(1, len(days) + 1), days, in_order(pool, partial(_keys, store), days), strict=True
    ):
        if isinstance(keys, str):
            refused.append(keys)
        else:
            listed[day] = keys
        progress("listing days", number, len(days))
    return listed, refused


def _keys(store: ObjectStore, day: str) -> list[ObjectInfo] | str:
    try:
        return list(islice(store.objects(day), DAY_OBJECTS))
    except AccessDenied as error:
        return error.message


def _groups(
    location: str, objects: Sequence[ObjectInfo]
) -> tuple[list[list[_Chosen]], tuple[str, ...]]:
    """The objects of each layout, day, source, flow log and file type; strange keys."""
    groups: dict[tuple[object, ...], list[_Chosen]] = defaultdict(list)
    strange = []
    place = cache(_place)
    for info in objects:
        folder, _, file = info.uri.removeprefix(location).rpartition("/")
        layout, partition = place(f"{folder}/")
        if layout is None or partition is None:
            strange.append(info.uri)
        elif info.size_bytes:
            day = replace(partition, start=partition.start.replace(hour=0))
            group = (layout, day, flow_log_of(file), file_type_of(file))
            groups[group].append((info, layout, partition))
    return list(groups.values()), tuple(strange)


def _place(folder: str) -> tuple[Layout | None, Partition | None]:
    layout = layout_of_key(folder)
    return layout, layout.parse(folder) if layout else None


def _picked(group: Sequence[_Chosen], closely: bool) -> list[_Chosen]:
    """The first and the last text object of a day for a close look; else the smallest object."""
    if closely and file_type_of(group[0][0].uri) == "text":
        return list(dict.fromkeys((group[0], group[-1])))
    return [min(group, key=lambda found: found[0].size_bytes)]


def _newest_of_all(chosen: Sequence[_Chosen]) -> list[_Chosen]:
    """At most `MOST_OBJECTS`: the newest object of every source, then the next ones."""
    newest = sorted(range(len(chosen)), key=lambda n: chosen[n][2].start, reverse=True)
    older: Counter[tuple[str, str]] = Counter()
    ranked = []
    for number in newest:
        place = chosen[number][2]
        ranked.append((older[place.account, place.region], number))
        older[place.account, place.region] += 1
    kept = sorted(ranked, key=lambda one: one[0])[:MOST_OBJECTS]
    return [chosen[number] for number in sorted(number for _, number in kept)]


def _see(chosen: _Chosen, store: ObjectStore, parquet_columns: ParquetColumns, most: int) -> _Seen:
    info, layout, partition = chosen
    try:
        return look(info.uri, layout, partition, store, parquet_columns, most)
    except (BadFile, BadFormat, UnknownField) as error:
        return info.uri, error.message.removeprefix(f"{info.uri}: ")
    except (AccessDenied, NotFound, EngineError) as error:  # S3's archives refuse as engines do
        return error.message
