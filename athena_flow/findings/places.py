"""Where logs lie and of what type they are, held against the table's own words on that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from athena_flow.case import PLACES, Case, Change, Finding, days_of, one_slash, reached
from athena_flow.errors import files, some
from athena_flow.findings.columns import fits, shift
from athena_flow.findings.words import count, grouped, parted, readable, uris, who
from athena_flow.fixes import (
    MOVES,
    Span,
    alter,
    anew,
    apart,
    away,
    beside,
    day_of,
    registering,
    replaced,
    scheduled,
    split,
)
from athena_flow.layout import Layout
from athena_flow.samples import Sample
from athena_flow.sqltext import hive_string
from athena_flow.table import ENUM_VALUES, Projection


def locations(case: Case) -> Iterator[Finding]:
    """LOCATION itself, and whatever else of a table of ours somebody altered."""
    table = case.table
    if table.spec:
        if table.altered:
            kind = "altered" if table.location == table.spec.root else "location"
            message = f"{table.title} was altered: {'; '.join(table.altered)}"
            yield Finding(kind, message, replaced(case, table.spec))
    elif not table.location.startswith(PLACES):
        yield Finding("location", f"LOCATION {table.location!r} is no s3:// URI", None)
    elif table.location != (wanted := one_slash(f"{table.location}/")):
        why = "holds //" if "//" in table.location.removeprefix("s3://") else "lacks the final /"
        fix = alter(case, f"LOCATION {hive_string(wanted)}")
        yield Finding("location", f"LOCATION {table.location} {why}", fix)


def serdes(case: Case) -> Iterator[Finding]:
    """A SerDe that does not read flow logs."""
    table = case.table
    if table.file_type is None:
        found = readable(case.found.samples)
        message = (
            f"{table.serde} neither splits lines at single spaces nor reads Parquet:"
            " its columns are not held against the files"
        )
        fix = anew(case, found.samples[0], found.format) if found else None
        yield Finding("serde", message, fix)


def lost(case: Case) -> Finding | None:
    """A table that reads nothing right: what most of the logs in its folders want it to be,
    or most of all where none lie there.
    """
    table, home = case.table, case.home
    every = [*case.found.samples, *case.beside]
    if table.file_type is None or home is None or case.history:
        return None
    if any(fits(table, s) and (table.whole or s.layout.template == home.template) for s in every):
        return None
    outside = {s.uri for s in case.beside}
    places = grouped(every, lambda s: (s.layout, s.file_type)).values()
    kinds = sorted(
        filter(None, map(readable, places)),
        key=lambda kind: (kind.samples[0].uri in outside, -len(kind.samples)),
    )
    if not kinds:
        return None
    samples, log_format = kinds[0].samples, kinds[0].format
    like = samples[0]
    left = len(every) - len(samples)
    if not table.whole and like.layout.template != home.template:
        kind = "layout"
        message = _lie(case, samples, home, "none in")
    elif like.file_type != table.file_type:
        kind, message = "file-type", _typed(case, samples)
    else:
        kind = "shifted"
        message = f"{count(samples)} of {who(samples)}: {shift(table, log_format)}"
    if left:
        message += f"; {files(left)} of other kinds are left then: check again"
    return Finding(kind, message, anew(case, like, log_format), uris(samples))


# ---------------------------------------------------------------- file types


def file_types(case: Case) -> Iterator[Finding]:
    """Text beside Parquet: a table reads one of them."""
    ours = case.table.file_type
    others = [s for s in case.found.samples if s.file_type != ours and s.uri not in case.settled]
    if ours is None:
        return
    for layout, samples in grouped(others, lambda s: s.layout).items():
        other = samples[0].file_type
        mixed, alone = parted(samples, (s for s in case.found.samples if s.file_type == ours))
        if alone:
            suffix = other if layout == case.home else f"{layout.name}_{other}"
            found = readable(alone)
            if found:
                fix = split(case, alone, found.format, suffix)
                message = _typed(case, alone) + scheduled(case, alone, suffix)
            else:
                fix = away(case, [s.uri for s in alone])
                message = f"{_typed(case, alone)}; {MOVES}"
            yield Finding("file-type", message, fix, uris(alone))
        if mixed:
            fix = _typed_apart(case, mixed, these_days=bool(alone))
            message = (
                f"{_typed(case, mixed)}, and no partition tells them apart; give them a prefix"
                f" of their own: {MOVES}"
            )
            yield Finding("file-type", message, fix, uris(mixed))


def _typed_apart(case: Case, samples: Sequence[Sample], these_days: bool) -> str | None:
    """Moves the flow logs of another file type, or these few files where no id names one."""
    found = readable(samples)
    if found is None or any(not s.flow_log for s in samples):
        return away(case, [s.uri for s in samples])
    folder = min(s.flow_log for s in samples)
    return apart(case, samples, found.format, folder, _named(samples, these_days))


def _typed(case: Case, samples: Sequence[Sample]) -> str:
    ours = case.table.file_type
    effect = "reads their bytes as rows" if ours == "text" else "fails on them"
    return (
        f"{count(samples)} from {min(s.at for s in samples).date()} on, and of type"
        f" {samples[0].file_type}: this {ours} table {effect}"
    )


def _named(samples: Sequence[Sample], these_days: bool) -> list[str]:
    """Patterns of the names of such a flow log's objects, on these days only or on all."""
    times = [f"{day:%Y%m%d}T" for day in sorted({s.at.date() for s in samples})]
    kinds = sorted({(s.flow_log, _ending(s.uri)) for s in samples})
    return [
        f"*_{flow_log}_{time}*{ending}"
        for flow_log, ending in kinds
        for time in (times if these_days else [""])
    ]


def _ending(uri: str) -> str:
    name, _, last = uri.rpartition("/")[2].rpartition(".")
    return f".log.{last}" if name.endswith(".log") else f".{last}" if name else last


# ---------------------------------------------------------------- layouts


def misplaced(case: Case) -> list[Sample]:
    """Those in another layout that the table reads, and that are to get a table of their own."""
    home = case.home
    if home is None or case.table.whole:
        return []
    own = [s for s in case.samples if s.layout.template == home.template]
    found = [s for s in case.samples if s.layout.template != home.template]
    if not own:
        return []
    both = _at_once(own, found)
    followed = {day_of(s) for s in own}
    return [s for s in found if day_of(s) in both or day_of(s) not in followed]


def layouts(case: Case) -> Iterator[Finding]:
    """Daily beside hourly, hive-compatible beside plain."""
    home = case.home
    if home is None:
        return
    own = [s for s in case.samples if s.layout.template == home.template]
    others = [*case.beside, *(s for s in case.found.samples if s.uri in case.settled)]
    for tree, samples in grouped(others, lambda s: days_of(s.layout)).items():
        near = bool(own) and tree == days_of(home)
        both = _at_once(own, samples) if near else set()
        at_once = [s for s in samples if day_of(s) in both]
        rest = [s for s in samples if day_of(s) not in both]
        if rest:
            yield _second(case, home, rest, near)
        if at_once:
            words = _lie(case, at_once, home, "beside")
            message = f"{words}; give that flow log a prefix of its own: {MOVES}"
            yield Finding("layout", message, _moved(case, at_once, own), uris(at_once))


def _second(case: Case, home: Layout, samples: Sequence[Sample], near: bool) -> Finding:
    """Folders of another layout: a table for those, a daily one where there are both."""
    daily = [s for s in samples if s.layout.template == days_of(s.layout)]
    found = readable(daily or samples)
    message = _lie(case, samples, home, "beside")
    if found is None:
        fix: str | None = away(case, [s.uri for s in samples])
        return Finding("layout", f"{message}: {MOVES}", fix, uris(samples))
    suffix = found.samples[0].layout.name
    if near:
        message += scheduled(case, samples, suffix)
        fix = split(case, _first(found.samples, samples), found.format, suffix)
    else:
        fix = beside(case, _first(found.samples, samples), found.format, suffix)
    return Finding("layout", message, fix, uris(samples))


def _first(chosen: Sequence[Sample], every: Sequence[Sample]) -> list[Sample]:
    """All of them, with one of the chosen first: the one that the table is made like."""
    return [chosen[0], *(s for s in every if s.uri != chosen[0].uri)]


def _lie(case: Case, samples: Sequence[Sample], home: Layout, how: str) -> str:
    first = min(s.at for s in samples).date()
    titles = some(list(dict.fromkeys(s.layout.title for s in samples)))
    types = {s.file_type for s in samples} - {case.table.file_type}
    typed = f" and of type {types.pop()}" if types else ""
    return (
        f"{count(samples)} from {first} on lie in layout {titles}{typed}, {how} {home.title}:"
        f" {_reading(home, samples[0].layout)}"
    )


def _reading(home: Layout, other: Layout) -> str:
    """What a table of one layout makes of another's files."""
    if days_of(home) != days_of(other):
        return "in folders where the table's partitions do not lie"
    if days_of(home) == home.template:
        return "a daily table reads both, and cannot leave out an hour"
    return "the partitions of hours do not hold them"


def _at_once(some_: Sequence[Sample], others: Sequence[Sample]) -> set[object]:
    """The days on which both were written at the same time."""
    days = grouped(others, day_of)
    found: set[object] = set()
    for day, mine in grouped(some_, day_of).items():
        times, theirs = [s.at for s in mine], [s.at for s in days.get(day, [])]
        if theirs and min(times) <= max(theirs) and min(theirs) <= max(times):
            found.add(day)
    return found


def _moved(case: Case, samples: Sequence[Sample], others: Sequence[Sample]) -> str | None:
    """The command that moves a flow log's files, or these few where no id tells them apart."""
    ids = sorted({s.flow_log for s in samples})
    found = readable(samples)
    if "" in ids or found is None or not {s.flow_log for s in others}.isdisjoint(ids):
        return away(case, [s.uri for s in samples])
    return apart(case, samples, found.format, ids[0], [f"*_{flow_log}_*" for flow_log in ids])


# ---------------------------------------------------------------- projections


def projections(case: Case) -> Iterator[Change]:
    """Logs that a projection does not reach."""
    spec = case.table.spec
    if spec is None or spec.projection is None:
        return
    outside = _outside(case, spec.projection)
    if outside:
        message = f"{count(outside)} of {who(outside)} lie outside the projection"
        wider = {"projection": _wider(spec.projection, outside)}
        yield Change("projection", message, wider, uris(outside))


def _outside(case: Case, projection: Projection) -> list[Sample]:
    return [s for s in case.samples if not reached(projection, s.partition)]


def explicit(case: Case) -> Iterator[Change]:
    """A projection over days that are to be left out, which only explicit partitions can be."""
    spec = case.table.spec
    if spec and spec.projection:
        found = _wider(spec.projection, _outside(case, spec.projection))
        span = Span(found.start, None, found.accounts, found.regions)
        what = {"partitions": "explicit", "projection": None}
        message = "a projection cannot leave out days: the table has to have explicit partitions"
        yield Change("projection", message, what, (), registering(case, [span]))


def _wider(projection: Projection, samples: Sequence[Sample]) -> Projection:
    """The projection that reaches these as well; with too many accounts, queries name theirs."""
    accounts = {*projection.accounts, *(s.partition.account for s in samples)}
    enumerable = len(accounts) <= ENUM_VALUES
    return replace(
        projection,
        start=min([projection.start, *(s.partition.start.date() for s in samples)]),
        regions=tuple(sorted({*projection.regions, *(s.partition.region for s in samples)})),
        accounts=tuple(sorted(accounts)) if projection.accounts and enumerable else (),
    )
