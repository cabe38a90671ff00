"""The commands that mend what a check finds: text, every word quoted for a shell.

Nothing here runs one. Metadata is mended by commands of our own, logs by the AWS command
line, and those that move or rewrite a log say so in the finding (`MOVES`, `REWRITES`).
"""

from __future__ import annotations

import re
import shlex
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import ParamSpec

from athena_flow.case import Case, days_of
from athena_flow.errors import BadSetting, RequestError
from athena_flow.layout import ROOT
from athena_flow.logformat import LogFormat
from athena_flow.samples import Sample
from athena_flow.sqltext import hive_name, hive_string
from athena_flow.table import SKIPPED_LINES, TableSpec, differences
from athena_flow.window import DAY

MOVES = "the command moves logs"
LOOKED_AT = "only the files looked at"
REWRITES = f"the command writes logs anew, {LOOKED_AT}"
NUMBERS = range(2, 10)
"""For second tables whose names are taken."""
MOST = 20
"""Objects that one command names; the check is to be run again for more."""


# ---------------------------------------------------------------- tables

P = ParamSpec("P")


def _if_possible(fix: Callable[P, str]) -> Callable[P, str | None]:
    """None for a table that cannot be: with a column that is called as a partition key is."""

    def tried(*args: P.args, **kwargs: P.kwargs) -> str | None:
        try:
            return fix(*args, **kwargs)
        except RequestError:
            return None

    return tried


@_if_possible
def anew(case: Case, like: Sample, log_format: LogFormat) -> str:
    """Makes our table right, or a right one beside somebody else's."""
    ours = case.table.spec
    if ours is None:
        return _beside(case, like, log_format, "athena_flow", [_all(case)])
    spec = _spec(case, like, log_format)
    spec = replace(spec, partitions=ours.partitions, projection=ours.projection)
    made = replaced(case, spec)
    return f"{made} && {registering(case, [_all(case)])}" if case.table.bare else made


def replaced(case: Case, spec: TableSpec) -> str:
    """Makes our table anew as ``spec`` says, with the partitions it has."""
    return spec.command("--replace", *case.access)


@_if_possible
def beside(case: Case, samples: Sequence[Sample], log_format: LogFormat, suffix: str) -> str:
    """Makes a second table for logs in another layout, with its partitions."""
    since = min(s.partition.start for s in samples).date()
    return _beside(case, samples[0], log_format, suffix, [replace(_all(case), since=since)])


@_if_possible
def split(case: Case, samples: Sequence[Sample], log_format: LogFormat, suffix: str) -> str:
    """Makes a second table for these logs, and leaves them out of the first."""
    several = spans(case, samples)
    made = _beside(case, samples[0], log_format, suffix, several)
    return " && ".join([made, *_without(case, several)])


def _beside(
    case: Case, like: Sample, log_format: LogFormat, suffix: str, several: Iterable[Span]
) -> str:
    spec = _second(case, _spec(case, like, log_format), suffix)
    added = (_ours(case, "add-partitions", "", spec.name, span.flags()) for span in several)
    return " && ".join([spec.command(*case.access), *added])


def _without(case: Case, several: Sequence[Span]) -> Iterator[str]:
    """Takes the spans out of our table."""
    for span in several if case.table.spec else ():
        flags = replace(span, until=span.until or _last(case) + DAY).flags()
        yield _ours(case, "partitions", "drop", case.table.name, (*flags, "--yes"))


def takes_out(fix: str | None) -> bool:
    """Does the command take days out of our table? Only explicit partitions can be."""
    return " partitions drop " in (fix or "")


def _last(case: Case) -> date:
    """The last day of which there are logs, or a partition."""
    days = [s.partition.start.date() for s in (*case.found.samples, *case.beside)]
    days += [p.start.date() for p in (case.table.registered or {}).values() if p]
    return max(days)


def scheduled(case: Case, samples: Sequence[Sample], suffix: str) -> str:
    """Words on a scheduled add-partitions, which would register again what `split` took out."""
    table = case.table
    if table.spec is None:
        return ""
    several = spans(case, samples)
    left = case.sources - {s.source for s in samples}
    accounts, regions = ({source[n] for source in left} for n in (0, 1))
    if not left and len(several) == 1 and several[0].until is None:
        advice = f"end it (--until {several[0].since})"
    elif not left and len(several) == 1:
        advice = f"give it --since {several[0].until} at the earliest"
    elif left and not accounts & {s.source[0] for s in samples}:
        advice = f"give it {shlex.join(_flags('--account', accounts))}"
    elif left and not regions & {s.source[1] for s in samples}:
        advice = f"give it {shlex.join(_flags('--region', regions))}"
    else:
        advice = "leave them out with --since, --until, --account and --region"
    return (
        f"; a scheduled add-partitions of {table.name} would register these days again:"
        f" {advice}, and schedule one for {second(case, suffix)}"
    )


def named_after(log_format: LogFormat) -> str:
    """What a second table for this text format is called, whenever and for whom it is made."""
    digest = zlib.crc32(log_format.header.encode()) & 0xFFFF
    return f"{len(log_format.fields)}_fields_{digest:04x}"


def second(case: Case, suffix: str) -> str:
    """The name of a second table: by what its logs are, so that one is found again."""
    return re.sub("[^a-z0-9_]+", "_", f"{case.table.name}_{suffix}".lower())


def _second(case: Case, spec: TableSpec, suffix: str) -> TableSpec:
    """The second table by its own name, or by the next number where another table has that."""
    first = second(case, suffix)
    for name in (first, *(f"{first}_{number}" for number in NUMBERS)):
        there = case.others(name)
        if there is None or (there.spec and not differences(there.spec, spec)):
            return replace(spec, name=name)
    raise BadSetting(f"tables {first} to {first}_{NUMBERS[-1]} are there, each another one")


def _spec(case: Case, like: Sample, log_format: LogFormat) -> TableSpec:
    """The table, as it reads logs like this one."""
    return TableSpec(
        case.table.database,
        re.sub("[^a-z0-9_]+", "_", case.table.name.lower()),
        case.table.base,
        log_format,
        like.layout,
        like.file_type,
        header_lines=1 if like.header or like.file_type == "parquet" else 0,
    )


def _ours(case: Case, command: str, action: str, name: str, flags: Iterable[str]) -> str:
    words = ["athena-flow", command, *filter(None, [action]), *names(case, name), *flags]
    return shlex.join(words)


def _all(case: Case) -> Span:
    return Span(case.first, None, case.window.accounts, case.window.regions)


def registering(case: Case, several: Iterable[Span]) -> str:
    """Registers what lies in the spans, in our table."""
    name = case.table.name
    return " && ".join(_ours(case, "add-partitions", "", name, s.flags()) for s in several)


def gaps_fixed(case: Case) -> str:
    """Registers anew, where they lie, partitions that are registered somewhere else."""
    flags = ("--fix", *_all(case).flags())
    return _ours(case, "partitions", "gaps", case.table.name, flags)


def names(case: Case, name: str) -> tuple[str, ...]:
    """The flags by which a command finds a table."""
    return ("--database", case.table.database, "--table", name, *case.access)


def alter(case: Case, what: str) -> str:
    """A statement for Athena that alters somebody's table."""
    name = f"{hive_name(case.table.database)}.{hive_name(case.table.name)}"
    return f"ALTER TABLE {name} SET {what}"


def skipping(case: Case, lines: int) -> str:
    """Lets somebody's table leave out so many lines at the top of each file."""
    return alter(case, f"TBLPROPERTIES ({hive_string(SKIPPED_LINES)} = '{lines}')")


# ---------------------------------------------------------------- days


@dataclass(frozen=True, slots=True)
class Span:
    """Days of some accounts and regions, as the flags of a command say them."""

    since: date
    until: date | None = None
    """The day after; None when they go on."""
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    """All of them, when none are named."""

    def flags(self) -> tuple[str, ...]:
        until = ("--until", f"{self.until}") if self.until else ()
        named = (*_flags("--account", self.accounts), *_flags("--region", self.regions))
        return ("--since", f"{self.since}", *until, *named)


def _flags(flag: str, values: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for value in sorted(values) for word in (flag, value))


Source = tuple[str, str]


def spans(case: Case, samples: Sequence[Sample]) -> list[Span]:
    """The days of these logs, and none on which others of theirs lie in the same folders."""
    chosen, tree = {s.uri for s in samples}, days_of(samples[0].layout)
    others = {day_of(s) for s in case.seen if s.uri not in chosen and days_of(s.layout) == tree}
    days = {day_of(s) for s in samples}
    return spans_of(case, days, others - days)


def spans_of(
    case: Case, days: Iterable[tuple[Source, date]], others: Iterable[tuple[Source, date]]
) -> list[Span]:
    """As few spans as hold these days of each source, and none of the others.

    A source whose days nothing follows goes on; all sources that were seen need no naming.
    """
    own, near = _by_source(days), _by_source(others)
    alike: dict[tuple[tuple[date, date | None], ...], set[Source]] = defaultdict(set)
    for source, mine in own.items():
        alike[tuple(_runs(mine, near.get(source, set())))].add(source)
    unlimited = not (case.window.accounts or case.window.regions)
    return [
        Span(since, until, *named)
        for runs, sources in alike.items()
        for named in ([((), ())] if sources == case.sources and unlimited else _named(sources))
        for since, until in runs
    ]


def _by_source(days: Iterable[tuple[Source, date]]) -> dict[Source, set[date]]:
    found: dict[Source, set[date]] = defaultdict(set)
    for source, day in days:
        found[source].add(day)
    return found


def _runs(own: set[date], others: set[date]) -> Iterator[tuple[date, date | None]]:
    """Where ``own`` days begin, and where others follow."""
    ordered = sorted(own | others)
    since: date | None = None
    for day, later in zip(ordered, [*ordered[1:], None], strict=True):
        if day in own:
            since = since or day
            if later is None or later in others:
                yield since, later
                since = None


def _named(sources: set[Source]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Accounts and regions whose every pair is one of the sources; all of them together."""
    regions = {account: frozenset(r for a, r in sources if a == account) for account, _ in sources}
    for several in dict.fromkeys(regions[a] for a in sorted(regions)):
        yield (
            tuple(sorted(a for a, found in regions.items() if found == several)),
            tuple(sorted(several)),
        )


def day_of(sample: Sample) -> tuple[Source, date]:
    return sample.source, sample.partition.start.date()


# ---------------------------------------------------------------- logs


@_if_possible
def apart(
    case: Case,
    samples: Sequence[Sample],
    log_format: LogFormat,
    folder: str,
    patterns: Sequence[str],
) -> str:
    """Moves the objects of such names to a prefix of their own, and makes a table there."""
    base = f"{case.table.base}{folder}/"
    spec = replace(_spec(case, samples[0], log_format), location=base)
    spec = _second(case, spec, f"{folder}_apart")
    made = spec.command(*case.access)
    moved = _moved(case.table.base + ROOT, base + ROOT, patterns)
    added = _ours(case, "add-partitions", "", spec.name, _all(case).flags())
    return f"{moved} && {made} && {added}"


def _moved(source: str, target: str, patterns: Sequence[str]) -> str:
    if source.startswith("s3://"):
        chosen = [word for pattern in patterns for word in ("--include", pattern)]
        return shlex.join(["aws", "s3", "mv", source, target, "--recursive", "--exclude", "*"]
                          + chosen)  # fmt: skip
    tests = " -o ".join(f"-name {shlex.quote(pattern)}" for pattern in patterns)
    source, target = shlex.quote(source), shlex.quote(target)
    copied = rf"find . \( {tests} \) -exec cp --parents {{}} {target} ';' -delete"
    emptied = "find . -type d -empty -delete"
    return f"mkdir -p {target} && (cd {source} && {copied} && {emptied})"


def away(case: Case, uris: Sequence[str]) -> str:
    """Moves objects out of the table, each to where its key says what it was."""
    return " && ".join(_away(case.table.base, uri) for uri in uris[:MOST])


def _away(base: str, uri: str) -> str:
    target = f"{base}left-out/{uri.removeprefix(base)}"
    if uri.startswith("s3://"):
        return shlex.join(("aws", "s3", "mv", uri, target))
    folder, left = (shlex.quote(path.rpartition("/")[0]) for path in (target, uri))
    emptied = f"rmdir -p --ignore-fail-on-non-empty {left}"
    return f"mkdir -p {folder} && {shlex.join(('mv', uri, target))} && {emptied}"


def rewritten(uris: Sequence[str], words: Sequence[str]) -> str:
    """Passes the text of files through a command, and puts the files back.

    A log is written over when every step before was right: where reading it fails, a pipe
    alone would put an empty file in its place.
    """
    return " && ".join(_rewritten(uri, words) for uri in uris[:MOST])


def _rewritten(uri: str, words: Sequence[str]) -> str:
    remote = uri.startswith("s3://")
    part = f"./{uri.rpartition('/')[2]}.part" if remote else f"{uri}.part"
    read = 'aws s3 cp "$0" -' if remote else 'cat "$0"'
    middle = 'gunzip | "${@:2}" | gzip' if uri.endswith(".gz") else '"${@:2}"'
    piped = shlex.join(("bash", "-o", "pipefail", "-c", f'{read} | {middle} > "$1"'))
    made = f"{piped} {shlex.join((uri, part, *words))}"
    if remote:
        return (
            f"{made} && {shlex.join(('aws', 's3', 'cp', part, uri))} && {shlex.join(('rm', part))}"
        )
    return f"{made} && {shlex.join(('mv', part, uri))}"
