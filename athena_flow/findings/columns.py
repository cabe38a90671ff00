"""Columns held against what the files hold: their order, their number, their types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from athena_flow.case import Case, Change, Finding, Table
from athena_flow.errors import some
from athena_flow.fields import Field
from athena_flow.findings.words import (
    Readable,
    agree,
    count,
    grouped,
    parted,
    readable,
    uris,
    who,
)
from athena_flow.fixes import MOVES, anew, apart, away, day_of, named_after, scheduled, split
from athena_flow.logformat import LogFormat, union
from athena_flow.names import field_of_column
from athena_flow.samples import Sample
from athena_flow.table import PARQUET_READS


def known(column: str) -> str | None:
    """Our column for one of a table, where its name leaves no doubt."""
    field = field_of_column(column)
    return field.replace("-", "_") if field else None


def unnamed(table: Table) -> list[str]:
    """Columns of somebody's text table whose names say no field: taken by their position."""
    if table.spec or table.file_type != "text":
        return []
    return [name for name, _ in table.columns if known(name) is None]


def fits(table: Table, sample: Sample) -> bool:
    """Can the table read the file, as far as type, format and number of fields tell?"""
    if sample.file_type != table.file_type:
        return False
    if sample.file_type == "parquet":
        return True
    if sample.format:
        return _wrong(table, sample.format) is None
    return not sample.rows or sample.rows.fields in (0, len(table.columns))


def _wrong(table: Table, log_format: LogFormat) -> int | None:
    """The first position at which a text table shows another field than its column says.

    A column of somebody's own naming says nothing, and is taken at its position; one of
    ours says what it is, also where we do not know the field.
    """
    pairs = zip((name for name, _ in table.columns), log_format.columns, strict=False)
    for at, (column, field) in enumerate(pairs):
        meant = known(column)
        if column != field and (meant or table.spec) and meant != field:
            return at
    return None


def _in_order(case: Case) -> Readable | None:
    """The text files whose fields stand where the columns are, and the longest format of them.

    Of formats that differ in what they add at their end, the one of most files counts.
    """
    texts = [s for s in case.samples if s.file_type == "text"]
    return readable(s for s in texts if s.format and _wrong(case.table, s.format) is None)


# ---------------------------------------------------------------- text


def text_width(case: Case) -> Iterator[Change | Finding]:
    """Fields without a column, and columns without a field, at the end."""
    found = _in_order(case)
    if found is None:
        return
    width = len(case.table.columns)
    new = found.format.fields[width:]
    if new:
        longer = [s for s in found.samples if s.format and len(s.format.fields) > width]
        yield _new(case, new, longer, found.format)
    absent = [name for name, _ in case.table.columns[len(found.format.fields) :]]
    if absent:
        once = [s for s in case.past() if s.file_type == "text" and fits(case.table, s)]
        ever = readable([*found.samples, *once], found.format) or found
        absent = [name for name, _ in case.table.columns[len(ever.format.fields) :]]
        if absent:
            yield _absent(case, absent, found.samples, ever.format)


def _new(
    case: Case, new: Sequence[Field], members: Sequence[Sample], wanted: LogFormat
) -> Change | Finding:
    first = min(s.at for s in members).date()
    message = (
        f"{count(members)} of {who(members)}, from {first} on, hold fields that the table has"
        f" no column for: {some([f.name for f in new], 10)}"
    )
    return _reformed(case, "new-fields", message, members, wanted)


def _absent(
    case: Case, absent: Sequence[str], members: Sequence[Sample], wanted: LogFormat
) -> Change | Finding:
    message = f"no file has what these columns show, so they are NULL: {some(absent, 10)}"
    return _reformed(case, "missing-fields", message, members, wanted)


def _reformed(
    case: Case, kind: str, message: str, members: Sequence[Sample], wanted: LogFormat
) -> Change | Finding:
    """A table with other columns: ours, or one beside somebody else's."""
    if case.table.spec:
        return Change(kind, message, {"format": wanted}, uris(members))
    return Finding(kind, message, anew(case, members[0], wanted), uris(members))


def text_formats(case: Case) -> Iterator[Finding]:
    """Header order against columns."""
    found = _in_order(case)
    right = found.samples if found else []
    left = _but(right, (s for s in case.samples if s.file_type == "text" and s.format))
    while wrong := readable(left):
        yield from _shifted(case, wrong, right)
        left = _but(wrong.samples, left)


def _but(these: Sequence[Sample], samples: Iterable[Sample]) -> list[Sample]:
    gone = {s.uri for s in these}
    return [s for s in samples if s.uri not in gone]


def _shifted(case: Case, wrong: Readable, right: Sequence[Sample]) -> Iterator[Finding]:
    """Values under the wrong columns: always, from or until a day, or from one flow log."""
    texts = [s for s in case.found.samples if s.file_type == "text"]
    others = [s for s in texts if s.format and not agree(s.format, wrong.format)]
    mixed, alone = parted(wrong.samples, others)
    if alone:
        yield _alone(case, wrong.format, alone, right or others)
    if mixed:
        yield _mixed(case, wrong.format, mixed, others, these_days=bool(alone))


def _alone(
    case: Case, wrong: LogFormat, samples: Sequence[Sample], others: Sequence[Sample]
) -> Finding:
    """Days of their own: one table for all of those."""
    groups: dict[tuple[str, date | None], list[Sample]] = defaultdict(list)
    for source, own in grouped(samples, lambda s: s.source).items():
        near = [s.at for s in others if s.source == source]
        groups[_when([s.at for s in own], near)] += own
    said = [_changed(own, when, day) for (when, day), own in groups.items()]
    suffix = named_after(wrong)
    return Finding(
        "shifted" if {when for when, _ in groups} == {"always"} else "format-change",
        f"{'; '.join(said)}: {shift(case.table, wrong)}{scheduled(case, samples, suffix)}",
        split(case, sorted(samples, key=lambda s: s.layout != case.home), wrong, suffix),
        uris(samples),
    )


def _when(own: Sequence[datetime], others: Sequence[datetime]) -> tuple[str, date | None]:
    """How the times of one format's files lie to those of another's in the same folders."""
    if not others:
        return "always", None
    if min(own) > max(others):
        return "from", min(own).date()
    return ("until", min(others).date()) if max(own) < min(others) else ("between", None)


def _changed(own: Sequence[Sample], when: str, day: date | None) -> str:
    if when == "from":
        return f"{who(own)} changed the format on {day}"
    if when == "until":
        return f"{who(own)} changed the format on {day}, and before that"
    return (
        f"{who(own)} changed the format to and fro, on {_days(own)}"
        if when == "between"
        else (f"{count(own)} of {who(own)}")
    )


def _days(samples: Sequence[Sample]) -> str:
    return some(sorted({f"{s.at.date()}" for s in samples}))


def shift(table: Table, log_format: LogFormat) -> str:
    """What a text table shows of files in another order."""
    at = _wrong(table, log_format)
    if at is None:
        return "the fields at its end are others than those of most files"
    has = {known(name) or name for name, _ in table.columns}
    new = [f.name for f in log_format.fields if f.column not in has]
    lost = [name for name, _ in table.columns if (known(name) or name) not in log_format]
    return (
        f"from column {at + 1} on, values stand under the wrong names:"
        f" {table.columns[at][0]} shows {log_format.fields[at].name}"
        + (f"; the files also hold {some(new, 5)}" if new else "")
        + (f"; the files lack {some(lost, 5)}" if lost else "")
    )


def _mixed(
    case: Case,
    wrong: LogFormat,
    samples: Sequence[Sample],
    others: Sequence[Sample],
    these_days: bool,
) -> Finding:
    """Another format in the same folders, where no partition can tell the files apart."""
    days = {day_of(s) for s in samples}
    ids = sorted({s.flow_log for s in samples})
    theirs = {s.flow_log for s in others if day_of(s) in days}
    if "" in ids or not theirs.isdisjoint(ids):
        fix: str | None = away(case, [s.uri for s in samples])
    else:
        times = [f"_{day:%Y%m%d}T" for day in sorted({s.at.date() for s in samples})]
        patterns = [f"*_{one}{time}*" for one in ids for time in (times if these_days else ["_"])]
        fix = apart(case, samples, wrong, ids[0], patterns)
    message = (
        f"{who(samples)} writes another format into the same folders: {shift(case.table, wrong)};"
        f" give that flow log a prefix of its own, or Parquet: {MOVES}"
    )
    return Finding("mixed-formats", message, fix, uris(samples))


_HOLDS = {"tinyint": 127, "smallint": 2**15 - 1, "int": 2**31 - 1, "integer": 2**31 - 1}
_LARGEST = {"srcport": 2**16 - 1, "dstport": 2**16 - 1, "bytes": 2**32}
"""What numbers of a field can come to: bytes pass 2^31 at 30 Mbit/s within 10 minutes."""


def text_types(case: Case) -> Iterator[Change | Finding]:
    """Columns that show NULL for what the files hold."""
    found = _in_order(case)
    if found is None:
        return
    pairs = zip(case.table.columns, found.format.fields, strict=False)
    bad = [f"{name} {kind}" for (name, kind), field in pairs if not _text_reads(kind, field)]
    if bad:
        message = f"columns whose type reads what the files hold as NULL: {some(sorted(bad), 10)}"
        yield _reformed(case, "type", message, found.samples, found.format)


def _text_reads(kind: str, field: Field) -> bool:
    """Does a text column of this type show all values of the field? Times fit an int till 2038."""
    kind = kind.partition("(")[0]
    if kind in ("string", "varchar", "char"):
        return True
    usual = 2**31 - 1 if field.parquet_type == "INT_64" else 2**8 - 1
    enough = _HOLDS.get(kind, 0) >= _LARGEST.get(field.column, usual)
    return field.athena_type != "string" and (enough or kind in ("bigint", "double", "decimal"))


# ---------------------------------------------------------------- Parquet


def parquet_formats(case: Case) -> Iterator[Change | Finding]:
    """Parquet goes by name: what is new is not seen, what is gone is NULL."""
    found = _by_name(case)
    if found is None:
        return
    columns = [name for name, _ in case.table.columns]
    new = [f for f in found.format.fields if f.column not in columns]
    if new:
        held = found.format
        longer = [s for s in found.samples if s.format and any(f.column in s.format for f in new)]
        wanted = union([case.table.spec.format, held]) if case.table.spec else held
        yield _new(case, new, longer, wanted)
    absent = _without_field(columns, found.samples)
    if absent:
        once = [s for s in case.past() if s.file_type == "parquet"]
        absent = _without_field(absent, once)
        if absent:
            wanted = union([found.format, *(s.format for s in once if s.format)])
            yield _absent(case, absent, found.samples, wanted)


def _without_field(columns: Iterable[str], samples: Sequence[Sample]) -> list[str]:
    """Those columns that no Parquet file has."""
    every = {f.column for s in samples if s.format for f in s.format.fields}
    return [name for name in columns if name not in every]


def _by_name(case: Case) -> Readable | None:
    """All Parquet files, and their fields but those we do not know and no table of ours reads."""
    found = readable(s for s in case.samples if s.file_type == "parquet")
    if found is None:
        return None
    odd = {name.replace("-", "_") for s in found.samples for name, _, _ in s.misfits}
    kept = tuple(f for f in found.format.fields if f.version or f.column not in odd)
    return Readable(LogFormat(kept), found.samples)


_READS = {
    **PARQUET_READS,
    "integer": PARQUET_READS["int"],
    "varchar": PARQUET_READS["string"],
    "char": PARQUET_READS["string"],
}
"""Types of foreign tables as well."""


def parquet_types(case: Case) -> Iterator[Change | Finding]:
    """Columns that no Parquet file, or not every one, can be read into."""
    types = dict(case.table.columns)
    found = _by_name(case)
    ours: dict[str, list[Sample]] = defaultdict(list)
    theirs: dict[str, list[Sample]] = defaultdict(list)
    for sample in found.samples if found else ():
        odd = {name for name, _, _ in sample.misfits if _is_known(sample, name)}
        for name, real in sample.columns:
            kind = types.get(name.replace("-", "_").lower(), "")
            if kind and real not in _READS.get(kind.partition("(")[0], ()):
                said = f"{name} {kind} cannot read {real}"
                (theirs if name in odd else ours)[said].append(sample)
    if ours and found:
        members = list(dict.fromkeys(s for several in ours.values() for s in several))
        yield _reformed(case, "type", _fails(members, ours), members, found.format)
    if theirs:
        members = list(dict.fromkeys(s for several in theirs.values() for s in several))
        message = f"{_fails(members, theirs)}; write them anew with AWS's types: {MOVES}"
        yield Finding("type", message, away(case, [s.uri for s in members]), uris(members))


def _fails(members: Sequence[Sample], columns: dict[str, list[Sample]]) -> str:
    return f"{count(members)}: the query fails: {some(list(columns), 10)}"


def _is_known(sample: Sample, name: str) -> bool:
    """Is it a field whose type AWS tells, so that the file is what is wrong, and not the table?"""
    fields = sample.format.fields if sample.format else ()
    return any(f.version for f in fields if f.column == name.replace("-", "_").lower())


def unknown_types(case: Case) -> str:
    """Fields of Parquet that we do not know, and that a column of text does not read."""
    odd = {
        f"{name} {real}"
        for s in case.samples
        for name, real, _ in s.misfits
        if not _is_known(s, name)
    }
    return some(sorted(odd), 10)
