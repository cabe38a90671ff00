"""The rules by which a table is judged: each says what queries get wrong in silence, and a fix.

Text columns go by position, Parquet's by name, and Athena complains of neither: a table
that does not fit shows shifted values, NULLs or no rows. A rule is a function from a
`Case` to its findings, and one line in `findings`.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from athena_flow.case import PLACES, SKIP, Case, Finding, Table, one_slash
from athena_flow.errors import files, some
from athena_flow.fields import Field
from athena_flow.layout import Layout, Partition
from athena_flow.logformat import LogFormat, union
from athena_flow.names import field_of_column
from athena_flow.sqltext import hive_string
from athena_flow.survey import Sample
from athena_flow.table import (
    FILE_TYPES,
    PARQUET_READS,
    FileType,
    Projection,
)
from athena_flow.window import DAY

Key = TypeVar("Key")

URIS = 3
"""Objects that a finding names."""


"""What a LOCATION starts with: in S3, or on this machine."""


# ---------------------------------------------------------------- what can be wrong


def findings(case: Case) -> tuple[Finding, ...]:
    """Everything that is wrong between a table and what was seen of its logs."""
    judges = (
        _serdes, _file_types, _layouts, _projections, _text_formats, _parquet_formats,
        _text_types, _parquet_types, _skips, _headless, _lines, _odd_objects,
    )  # fmt: skip
    return tuple(finding for judge in judges for finding in judge(case))


def locations(case: Case) -> Iterator[Finding]:
    """LOCATION itself."""
    table = case.table
    wanted = table.spec.root if table.spec else one_slash(f"{table.location}/")
    if not table.spec and not table.location.startswith(PLACES):
        yield Finding("location", f"LOCATION {table.location!r} is no s3:// URI", None)
    elif table.location != wanted:
        why = "holds //" if "//" in table.location.removeprefix("s3://") else "lacks the final /"
        why = "is not where athena-flow put the table" if table.spec else why
        fix = case.altered(f"LOCATION {hive_string(wanted)}")
        yield Finding("location", f"LOCATION {table.location} {why}", fix)


def _serdes(case: Case) -> Iterator[Finding]:
    """A SerDe that does not read flow logs, and columns that somebody altered."""
    table, samples = case.table, case.found.samples
    if table.altered:
        yield Finding("altered", table.altered, _right(case, samples))
    if table.file_type is None:
        message = (
            f"{table.serde} neither splits lines at single spaces nor reads Parquet:"
            " its columns are not held against the files"
        )
        yield Finding("serde", message, _right(case, samples))


def _right(case: Case, samples: Sequence[Sample]) -> str | None:
    """The command for a table that reads the samples, as far as one table can."""
    known = [s for s in samples if s.format]
    return case.anew(known[0], _format(known)) if known else None


def _format(samples: Sequence[Sample]) -> LogFormat:
    """The format of a table over these samples: every field, or the longest of text."""
    formats = [s.format for s in samples if s.format]
    if samples[0].file_type == "parquet":
        return union(formats)
    return max(formats, key=lambda found: len(found.fields))


def _file_types(case: Case) -> Iterator[Finding]:
    """Text beside Parquet: a table reads one of them."""
    ours = case.table.file_type
    for other in FILE_TYPES.values():
        samples = [s for s in case.found.samples if s.file_type == other and s.format]
        if ours is None or other == ours or not samples:
            continue
        effect = "reads their bytes as rows" if ours == "text" else "fails on them"
        message = (
            f"{_count(samples)} from {min(s.at for s in samples).date()} on, and of type {other}:"
            f" this {ours} table {effect}"
        )
        fix = _for_type(case, samples, other)
        yield Finding("file-type", message, fix, _uris(samples))


def _for_type(case: Case, samples: Sequence[Sample], other: FileType) -> str:
    if not case.samples:
        return case.anew(samples[0], _format(samples))
    theirs = {_day(s) for s in samples}
    if theirs & {_day(s) for s in case.samples}:
        return case.apart("*.parquet" if other == "parquet" else "*.log.gz", other)
    days = sorted(day for _, day in theirs)
    limits = ("--since", f"{days[0]}", "--until", f"{_next(days[-1])}")
    return case.beside(samples[0], _format(samples), other, limits)


def _layouts(case: Case) -> Iterator[Finding]:
    """Daily beside hourly, hive-compatible beside plain, and a layout that is not the table's."""
    groups = _grouped(case.samples, lambda s: s.layout)
    if not groups:
        return
    home = case.table.spec.layout if case.table.spec else next(iter(groups))
    beside = any(layout.template == home.template for layout in groups)
    for layout, samples in groups.items():
        if layout.template != home.template:
            first = min(s.at for s in samples).date()
            message = (
                f"{_count(samples)} from {first} on lie in layout {layout.title},"
                f" {'beside' if beside else 'none in'} {home.title}: {_reading(home, layout)}"
            )
            fix = _for_layout(case, home, samples, beside)
            yield Finding("layout", message, fix, _uris(samples))


def _days(layout: Layout) -> str:
    """A layout's template without its folders of hours."""
    return re.sub(r"[^/]*\{hour\}/", "", layout.template)


def _reading(home: Layout, other: Layout) -> str:
    """What a table of one layout makes of another's files."""
    if _days(home) != _days(other):
        return "in folders where the table's partitions do not lie"
    if _days(home) == home.template:
        return "a daily table reads both, and cannot leave out an hour"
    return "the partitions of hours do not hold them"


def _for_layout(case: Case, home: Layout, samples: Sequence[Sample], beside: bool) -> str | None:
    """An hourly table becomes a daily one, which reads both and is left as it is; all else gets
    a second table.
    """
    layout = samples[0].layout
    if beside and home.template == _days(layout):
        return None
    known = [s for s in samples if s.format] or samples
    if not beside or layout.template == _days(home):
        return case.anew(known[0], _format(known))
    first = min(s.partition.start for s in samples).date()
    return case.beside(known[0], _format(known), layout.name, ("--since", f"{first}"))


def _projections(case: Case) -> Iterator[Finding]:
    """Logs that a projection does not reach."""
    spec = case.table.spec
    if spec is None or spec.projection is None:
        return
    outside = [s for s in case.samples if not _reached(spec.projection, s.partition)]
    if outside:
        wider = replace(spec, projection=_wider(spec.projection, outside))
        fixed = replace(case, table=replace(case.table, spec=wider))
        message = f"{_count(outside)} of {_who(outside)} lie outside the projection"
        yield Finding("projection", message, fixed.anew(outside[0], spec.format), _uris(outside))


def _reached(projection: Projection, place: Partition) -> bool:
    return (
        place.account in (projection.accounts or (place.account,))
        and place.region in projection.regions
        and place.start.date() >= projection.start
    )


def _wider(projection: Projection, samples: Sequence[Sample]) -> Projection:
    """The projection that reaches these as well."""
    accounts = {*projection.accounts, *(s.partition.account for s in samples)}
    return replace(
        projection,
        start=min(projection.start, *(s.partition.start.date() for s in samples)),
        regions=tuple(sorted({*projection.regions, *(s.partition.region for s in samples)})),
        accounts=tuple(sorted(accounts)) if projection.accounts else (),
    )


# ---------------------------------------------------------------- columns


def _known(column: str) -> str | None:
    """Our column for one of a table, where its name leaves no doubt."""
    field = field_of_column(column)
    return field.replace("-", "_") if field else None


def _fits(table: Table, log_format: LogFormat) -> bool:
    """Do a text format's fields stand where the table's columns are, as far as both go?"""
    return _wrong(table, log_format) is None


def _wrong(table: Table, log_format: LogFormat) -> int | None:
    """The first position at which a text table shows another field than its column says.

    A column of somebody's own naming says nothing, so it is no proof.
    """
    pairs = zip((name for name, _ in table.columns), log_format.columns, strict=False)
    for at, (column, field) in enumerate(pairs):
        known = _known(column)
        if column != field and (known or table.spec) and known != field:
            return at
    return None


def _text_formats(case: Case) -> Iterator[Finding]:
    """Header order against columns."""
    samples = [s for s in case.samples if s.format and s.file_type == "text"]
    formats = _grouped(samples, lambda s: s.format)
    fitting = {}
    for log_format, members in formats.items():
        if log_format is None:
            continue
        if _fits(case.table, log_format):
            fitting[log_format] = members
            yield from _appended(case, log_format, members)
        else:
            yield from _shifted(case, log_format, members)
    if fitting:
        longest = max(fitting, key=lambda found: len(found.fields))
        absent = [name for name, _ in case.table.columns[len(longest.fields) :]]
        if absent:
            yield _absent(case, absent, fitting[longest], longest)


def _appended(case: Case, log_format: LogFormat, members: Sequence[Sample]) -> Iterator[Finding]:
    new = log_format.fields[len(case.table.columns) :]
    if new:
        yield _new(case, new, members, log_format)


def _new(case: Case, new: Sequence[Field], members: Sequence[Sample], wanted: LogFormat) -> Finding:
    first = min(s.at for s in members).date()
    message = (
        f"{_count(members)} of {_who(members)}, from {first} on, hold fields that the table has"
        f" no column for: {some([f.name for f in new], 10)}"
    )
    return Finding("new-fields", message, case.anew(members[0], wanted), _uris(members))


def _absent(
    case: Case, absent: Sequence[str], members: Sequence[Sample], wanted: LogFormat
) -> Finding:
    message = f"no file has what these columns show, so they are NULL: {some(absent, 10)}"
    return Finding("missing-fields", message, case.anew(members[0], wanted), _uris(members))


def _shifted(case: Case, log_format: LogFormat, members: Sequence[Sample]) -> Iterator[Finding]:
    """Values under the wrong columns: always, from or until a day, or from one flow log."""
    others = [s for s in case.samples if s.format and s.format != log_format]
    groups: dict[tuple[str, date | None], list[Sample]] = defaultdict(list)
    for source, own in _grouped(members, lambda s: s.source).items():
        near = [s.at for s in others if s.source == source]
        groups[_when([s.at for s in own], near)] += own
    shift = _shift(case.table, log_format)
    for (when, day), own in groups.items():
        if day:
            yield _changed(case, own, when, day, shift)
        else:
            yield _alone(case, own, shift) if when == "always" else _beside(case, own, shift)


def _when(own: Sequence[datetime], others: Sequence[datetime]) -> tuple[str, date | None]:
    """How the times of one format's files lie to those of another's in the same folders."""
    if not others:
        return "always", None
    if min(own) > max(others):
        return "from", min(own).date()
    return ("until", min(others).date()) if max(own) < min(others) else ("beside", None)


def _changed(case: Case, own: Sequence[Sample], when: str, day: date, shift: str) -> Finding:
    """A format that changed on a day: a table for each time."""
    before = "" if when == "from" else "before that, "
    message = f"{_who(own)} changed the format on {day}: {before}{shift}"
    limit = ("--since" if when == "from" else "--until", f"{day}")
    fix = case.beside(own[0], _format(own), f"{when}_{day}", limit)
    return Finding("format-change", message, fix, _uris(own))


def _shift(table: Table, log_format: LogFormat) -> str:
    """What a text table shows of files in another order."""
    at = _wrong(table, log_format) or 0
    has = {_known(name) or name for name, _ in table.columns}
    new = [f.name for f in log_format.fields if f.column not in has]
    lost = [name for name, _ in table.columns if (_known(name) or name) not in log_format]
    return (
        f"from column {at + 1} on, values stand under the wrong names:"
        f" {table.columns[at][0]} shows {log_format.fields[at].name}"
        + (f"; the files also hold {some(new, 5)}" if new else "")
        + (f"; the files lack {some(lost, 5)}" if lost else "")
    )


def _beside(case: Case, samples: Sequence[Sample], shift: str) -> Finding:
    """Another format in the same folders, where no partition can tell the files apart."""
    flow_logs = sorted({s.flow_log for s in samples})
    fix = case.apart(f"*_{flow_logs[0]}_*", flow_logs[0]) if flow_logs[0] else None
    message = (
        f"{_who(samples)} writes another format into the same folders: {shift};"
        " give that flow log a prefix of its own, or Parquet"
    )
    return Finding("mixed-formats", message, fix, _uris(samples))


def _alone(case: Case, samples: Sequence[Sample], shift: str) -> Finding:
    """All files of some sources: a table of their own, or a new one where no other fits."""
    message = f"{_count(samples)} of {_who(samples)}: {shift}"
    fit = [s for s in case.samples if s.format and _fits(case.table, s.format)]
    if fit:
        first = samples[0]
        limits = ("--account", first.partition.account, "--region", first.partition.region)
        suffix = first.flow_log or f"{first.partition.account}_{first.partition.region}"
        fix = case.beside(first, _format(samples), suffix, limits)
    else:
        fix = case.anew(samples[0], _format(samples))
    return Finding("shifted", message, fix, _uris(samples))


def _parquet_formats(case: Case) -> Iterator[Finding]:
    """Parquet goes by name: what is new is not seen, what is gone is NULL."""
    samples = [s for s in case.samples if s.format and s.file_type == "parquet"]
    if not samples:
        return
    held = _format(samples)
    columns = [name for name, _ in case.table.columns]
    new = [f for f in held.fields if f.column.lower() not in columns]
    if new:
        with_new = [s for s in samples if s.format and any(f.column in s.format for f in new)]
        wanted = union([case.table.spec.format, held]) if case.table.spec else held
        yield _new(case, new, with_new, wanted)
    has = {f.column.lower() for f in held.fields}
    absent = [name for name in columns if name not in has]
    if absent:
        yield _absent(case, absent, samples, held)


_READS = {
    **PARQUET_READS,
    "integer": PARQUET_READS["int"],
    "varchar": PARQUET_READS["string"],
    "char": PARQUET_READS["string"],
}
"""Types of foreign tables as well."""


def _parquet_types(case: Case) -> Iterator[Finding]:
    """Columns that no Parquet file, or not every one, can be read into."""
    fault: dict[tuple[bool, str], list[Sample]] = defaultdict(list)
    types = dict(case.table.columns)
    for sample in case.samples:
        for name, real in sample.columns:
            kind = types.get(name.lower(), "")
            if kind and real not in _READS.get(kind.partition("(")[0], ()):
                column = f"{name} {kind} cannot read {real}"
                fault[_is_aws(sample, name, real), column].append(sample)
    for theirs in (True, False):
        said = {column: members for (aws, column), members in fault.items() if aws is theirs}
        if said:
            members = list(dict.fromkeys(s for several in said.values() for s in several))
            message = f"{_count(members)}: the query fails: {some(list(said), 10)}"
            fix = _right(case, case.samples) if theirs else case.away(members[0].uri)
            yield Finding("type", message, fix, _uris(members))


def _is_aws(sample: Sample, name: str, real: str) -> bool:
    """Has a Parquet column the type that AWS writes, so that the table is what is wrong?"""
    fields = sample.format.fields if sample.format else ()
    expected = {f.column: f.athena_type for f in fields if f.version}.get(name.lower())
    return expected is None or real in _READS[expected]


def _text_types(case: Case) -> Iterator[Finding]:
    """Columns that show NULL for what the files hold."""
    formats = {s.format for s in case.samples if s.format and s.file_type == "text"}
    pairs = [
        (*column, field)
        for log_format in formats
        if _fits(case.table, log_format)
        for column, field in zip(case.table.columns, log_format.fields, strict=False)
    ]
    bad = {f"{name} {kind}" for name, kind, field in pairs if not _text_reads(kind, field)}
    if bad:
        message = f"columns whose type reads what the files hold as NULL: {some(sorted(bad), 10)}"
        yield Finding("type", message, _right(case, case.samples))


_HOLDS = {"tinyint": 127, "smallint": 2**15 - 1, "int": 2**31 - 1, "integer": 2**31 - 1}
_LARGEST = {"srcport": 2**16 - 1, "dstport": 2**16 - 1, "bytes": 2**32}
"""What numbers of a field can come to: bytes pass 2^31 at 30 Mbit/s within 10 minutes."""


def _text_reads(kind: str, field: Field) -> bool:
    """Does a text column of this type show all values of the field? Times fit an int till 2038."""
    kind = kind.partition("(")[0]
    if kind in ("string", "varchar", "char"):
        return True
    usual = 2**31 - 1 if field.parquet_type == "INT_64" else 2**8 - 1
    enough = _HOLDS.get(kind, 0) >= _LARGEST.get(field.column, usual)
    return field.athena_type != "string" and (enough or kind in ("bigint", "double", "decimal"))


# ---------------------------------------------------------------- lines and objects


def _skips(case: Case) -> Iterator[Finding]:
    """Header lines that become rows, and rows that are taken for header lines."""
    table, samples = case.table, case.samples
    headed = [s for s in samples if s.header]
    headless = [s for s in samples if not s.header]
    if table.file_type == "parquet" and table.skipped and samples:
        message = f"{SKIP} is {table.skipped} on Parquet: the first row of each file is lost"
        yield Finding("header-skip", message, case.skipping(0))
    elif table.file_type == "text" and headed and table.skipped != 1:
        effect = "a row lost" if table.skipped else "the header is a row"
        message = f"{SKIP} is {table.skipped}: {effect} in each of {_count(headed)}"
        yield Finding("header-skip", message, case.skipping(1), _uris(headed))
    elif table.file_type == "text" and headless and table.skipped:
        message = f"{_count(headless)} without a header line: the first row of each is lost"
        fix = _with_header(case, headless[0]) if headed else case.skipping(0)
        yield Finding("header-skip", message, fix, _uris(headless))


def _with_header(case: Case, sample: Sample) -> str | None:
    """The command that puts the table's header above a file that has its fields."""
    spec = case.table.spec
    if spec is None or not sample.rows or sample.rows.fields != len(spec.columns):
        return None
    return _rewritten(sample.uri, ("sed", f"1i {spec.format.header}"))


def _headless(case: Case) -> Iterator[Finding]:
    """Files that do not say their format, and have another number of fields."""
    columns = len(case.table.columns)
    odd = [s for s in case.samples if not s.format and s.rows and s.rows.fields not in (0, columns)]
    if odd:
        counts = sorted({s.rows.fields for s in odd if s.rows})
        message = (
            f"{_count(odd)} without a header line, with {some([str(n) for n in counts])} fields"
            f" for {columns} columns: nothing says which is which"
        )
        yield Finding("no-header", message, case.away(odd[0].uri), _uris(odd))


def _lines(case: Case) -> Iterator[Finding]:
    """What somebody did to text files after AWS wrote them."""
    ended = [s for s in case.samples if s.rows and s.rows.crlf]
    if ended:
        last = case.table.columns[-1][0] if case.table.columns else "the last column"
        message = f"CRLF line ends in {_count(ended)}: {last} gets a carriage return, or NULL"
        fix = _rewritten(ended[0].uri, ("tr", "-d", r"\r"))
        yield Finding("crlf", message, fix, _uris(ended))
    again = [s for s in case.samples if s.rows and s.rows.headers]
    if again:
        message = f"header lines further down in {_count(again)}: each is read as a row"
        yield Finding("header-inside", message, _without_headers(again[0]), _uris(again))


def _without_headers(sample: Sample) -> str | None:
    """The command that takes the header lines out but the first; None for another format's."""
    headers = set(sample.rows.headers) if sample.rows else set()
    wanted = sample.format.header if sample.format else ""
    if headers != {wanted}:
        return None
    words = ("awk", "-v", f"header={wanted}", "NR == 1 || $0 != header")
    return _rewritten(sample.uri, words)


def _rewritten(uri: str, words: Sequence[str]) -> str:
    """A command that passes a file's text through another, and puts the file back."""
    zipped = uri.endswith(".gz")
    middle = f"gunzip | {shlex.join(words)} | gzip" if zipped else shlex.join(words)
    file = shlex.quote(uri)
    if uri.startswith("s3://"):
        return f"aws s3 cp {file} - | {middle} | aws s3 cp - {file}"
    part = shlex.quote(f"{uri}.part")
    return f"cat {file} | {{ {middle}; }} > {part} && mv {part} {file}"


def _odd_objects(case: Case) -> Iterator[Finding]:
    """Objects that are no logs, or not where logs lie."""
    found = case.found
    if found.strange:
        message = f"{files(len(found.strange))} in no layout: {some(found.strange)}"
        fix = case.away(found.strange[0])
        yield Finding("strange-keys", message, fix, found.strange[:URIS])
    if found.unreadable:
        uris = tuple(uri for uri, _ in found.unreadable)
        reasons = [f"{uri}: {reason}" for uri, reason in found.unreadable]
        message = f"{files(len(uris))} cannot be read: {some(reasons)}"
        yield Finding("unreadable", message, case.away(uris[0]), uris[:URIS])


# ---------------------------------------------------------------- words


def _grouped(samples: Iterable[Sample], by: Callable[[Sample], Key]) -> dict[Key, list[Sample]]:
    """Samples by what they share, the largest group first."""
    groups: dict[Key, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[by(sample)].append(sample)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def _who(samples: Iterable[Sample]) -> str:
    """Whose files they are: flow logs, or accounts and regions where names do not say."""
    return some(sorted({s.flow_log or "/".join(s.source) for s in samples}))


def _count(samples: Sequence[Sample]) -> str:
    return f"{files(len(samples))} looked at"


def _uris(samples: Sequence[Sample]) -> tuple[str, ...]:
    return tuple(s.uri for s in samples[:URIS])


def _day(sample: Sample) -> tuple[tuple[str, str], date]:
    return sample.source, sample.partition.start.date()


def _next(day: date) -> date:
    return day + DAY
