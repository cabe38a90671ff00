"""A table held against the logs that lie there now.

Samples the objects, lets the rules of `findings` judge what the table reads, tells what it
does not read, and says what it looked at and measured on the way. Nothing here writes.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from athena_flow.case import PLACES, Case, Finding, Others, Table, nobody, one_slash
from athena_flow.errors import AccessDenied, ForeignTable, NotFound, files, some
from athena_flow.findings import findings
from athena_flow.findings.columns import fits, unknown_types, unnamed
from athena_flow.findings.places import locations
from athena_flow.fixes import names
from athena_flow.gluetable import GlueDict, alterations
from athena_flow.layout import LAYOUTS, ROOT, Partition, find_partition
from athena_flow.ports import Catalog, ObjectStore, Progress, no_progress
from athena_flow.samples import ParquetColumns, Sample
from athena_flow.survey import Survey, limits, survey
from athena_flow.table import (
    CODECS,
    SKIPPED_LINES,
    FileType,
    TableSpec,
    spec_from_properties,
)
from athena_flow.unread import Unread, sorted_out, unregistered
from athena_flow.window import DAY, Window, floor


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found, and on how much it rests."""

    table: str
    looked_at: int
    keys: int
    findings: tuple[Finding, ...]
    measured: Mapping[str, int | None]
    """None where no format says it."""
    notes: tuple[str, ...]


def find_table(catalog: Catalog, database: str, name: str, window: Window) -> Table:
    """A table and what it has registered from the window's first day on. Raises NotFound."""
    described = catalog.described(database, name)
    table = table_of(database, described)
    if table.projected or not described.get("PartitionKeys") or window.start is None:
        return table
    first = floor(window.start, DAY)
    spec = table.spec
    found: dict[str, Partition | None]
    if spec is None or "partition keys" in " ".join(table.altered):
        found = {_folder(p.location): _place(p.location) for p in catalog.parts(database, name)}
        return replace(table, registered=found)
    since = catalog.registered(spec, Window(first))
    found = {_folder(r.location): r.partition for r in since}
    before = catalog.registered(spec, Window(None, first))
    return replace(table, registered=found, older=next(before, None) is not None)


def other_tables(catalog: Catalog, database: str, window: Window) -> Others:
    """How `check` asks for another table of the database by its name."""

    def find(name: str) -> Table | None:
        try:
            return find_table(catalog, database, name, window)
        except (NotFound, AccessDenied):  # what nobody is seen to read stays a finding
            return None

    return find


def _folder(location: str) -> str:
    return one_slash(f"{location}/")


def _place(location: str) -> Partition | None:
    found = find_partition(_folder(location))
    return found[1] if found else None


def table_of(database: str, described: GlueDict) -> Table:
    """A table as GetTable gives it (or a TableInput), as if it were not partitioned."""
    storage = described.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    known = described.get("Parameters") or {}
    projected = known.get("projection.enabled", "").lower() == "true"
    spec = _spec(database, described)
    columns = [(c["Name"], c.get("Type", "")) for c in storage.get("Columns") or ()]
    skipped = int(known[SKIPPED_LINES]) if known.get(SKIPPED_LINES, "").isdecimal() else 0
    if spec:
        skipped = spec.header_lines if spec.file_type == "text" else 0
    return Table(
        database=database,
        name=described["Name"],
        location=storage.get("Location") or "",
        columns=tuple((n.lower(), t.lower()) for n, t in (spec.columns if spec else columns)),
        file_type=spec.file_type if spec else _file_type(serde),
        serde=serde.get("SerializationLibrary") or "no SerDe",
        skipped=skipped,
        spec=spec,
        altered=tuple(alterations(spec, described)) if spec else (),
        projected=projected,
        template=known.get("storage.location.template", "") if projected else "",
    )


def _spec(database: str, described: GlueDict) -> TableSpec | None:
    try:
        return spec_from_properties(database, described["Name"], described.get("Parameters") or {})
    except ForeignTable:
        return None


def _file_type(serde: GlueDict) -> FileType | None:
    library = serde.get("SerializationLibrary")
    if library == CODECS["parquet"].serde:
        return "parquet"
    delimiter = (serde.get("Parameters") or {}).get("field.delim")
    return "text" if library == CODECS["text"].serde and delimiter == " " else None


@dataclass(frozen=True, slots=True)
class Look:
    """What a check looks at, and with what."""

    store: ObjectStore
    parquet_columns: ParquetColumns
    window: Window
    """Closed."""
    now: datetime
    access: tuple[str, ...] = ()
    """Flags by which the user reached the table, for the commands."""
    progress: Progress = no_progress

    def at(self, table: Table, window: Window) -> Survey:
        """What was seen below the place where all of the table's partitions lie."""
        found = survey(table.base, self.store, self.parquet_columns, window, self.progress)
        place = table.base if table.spec or ROOT not in table.place else table.place
        return replace(
            found,
            samples=tuple(s for s in found.samples if s.uri.startswith(place)),
            strange=tuple(uri for uri in found.strange if uri.startswith(place)),
            unreadable=tuple(one for one in found.unreadable if one[0].startswith(place)),
        )


def check(table: Table, look: Look, others: Others = nobody) -> Report:
    """Looks at the logs of a closed window, and holds the table against them."""
    window = look.window
    if window.start is None or window.end is None:
        raise ValueError("a close look needs a closed window")
    nothing = Survey((), (), 0)
    case = Case(table, nothing, window, look.access, others=others)
    if not table.location.startswith(PLACES):
        return _report(case, nothing, Unread(), [*locations(case)])
    named = _named(table.place.removeprefix(table.base))
    limited = replace(
        window,
        accounts=window.accounts or named.accounts,
        regions=window.regions or named.regions,
    )
    seen, unread = nothing, Unread()
    try:
        seen = look.at(table, limited)
        judged, unread = sorted_out(table, seen, others)
        case = replace(case, found=judged, window=limited, beside=unread.beside, seen=seen.samples)
        if not (seen.samples or seen.unreadable):
            found = [_silent(case, window, look.at(table, named)), *findings(case)]
        else:
            case = replace(case, past=_past(case, look, named))
            case = replace(case, history=_has_history(case, unread))
            found = [*unregistered(case, unread, look.store, look.now), *findings(case)]
    except NotFound as error:
        hint = f"; {error.hint}" if error.hint else ""
        found = [_nowhere(case, f"{error.message}{hint}")]
    return _report(case, seen, unread, [*locations(case), *found])


def _past(case: Case, look: Look, named: Window) -> Callable[[], Sequence[Sample]]:
    """Looks, when it is asked for, at the first day of every source."""

    @cache
    def past() -> tuple[Sample, ...]:
        if not case.table.older:
            return ()
        samples = look.at(case.table, named).samples
        return tuple(s for s in samples if s.partition.start.date() < case.first)

    return past


def _has_history(case: Case, unread: Unread) -> bool:
    """Do some logs fit the table, be it older ones than those of the window?

    Then it has to stay as it is, and what does not fit needs a table of its own.
    """
    known = (case.found.samples, unread.waiting)
    if any(fits(case.table, s) and s.layout == case.home for several in known for s in several):
        return True
    return any(fits(case.table, s) and s.layout == case.home for s in case.past())


def _named(below: str) -> Window:
    """The account and the region that a place below ``AWSLogs/`` lies in."""
    found: dict[str, str] = {}
    folders = [f"{folder}/" for folder in below.split("/")]
    for layout in (LAYOUTS["daily"], LAYOUTS["hive-daily"]):
        for segment, folder in zip(layout.segments, folders, strict=False):
            parts = layout.read(segment, folder)
            if parts is None:
                break
            found |= parts
    accounts, regions = ((found[p],) if p in found else () for p in ("account", "region"))
    return Window(accounts=accounts, regions=regions)


def _silent(case: Case, window: Window, ever: Survey) -> Finding:
    """A window without logs: they stopped, or never lay there."""
    if not ever.samples:
        return _nowhere(case, f"all flow logs below {case.table.base} lie elsewhere")
    last = max(s.at for s in ever.samples).date()
    whose = some((*window.accounts, *window.regions))
    message = (
        f"no logs{' of ' * bool(whose)}{whose} lie in the window; the last day that has any logs"
        f" is {last}"
    )
    again = ("athena-flow", "check", *names(case, case.table.name), "--since", f"{last}")
    return Finding("silent", message, shlex.join(again))


def _nowhere(case: Case, why: str) -> Finding:
    place = case.table.place
    bucket = "/".join(place.split("/")[:3]) + "/" if place.startswith("s3://") else place
    fix = shlex.join(("athena-flow", "discover", "--location", bucket, *case.access))
    return Finding("location", f"LOCATION {case.table.location} leads to no logs: {why}", fix)


def _report(case: Case, seen: Survey, unread: Unread, found: Sequence[Finding]) -> Report:
    measured = _measured(case.found.samples)
    notes = (
        _looked(seen), *_measures(measured), *_line_ends(case), *unread.notes(),
        *_meanings(case), *limits(seen),
    )  # fmt: skip
    return Report(case.table.title, len(seen.samples), seen.keys, tuple(found), measured, notes)


def _looked(seen: Survey) -> str:
    """How many objects of how many keys, in all and of a day."""
    days = sorted({s.partition.start.date() for s in seen.samples})
    looked = f"looked at {len(seen.samples):,} objects among {seen.keys:,} keys"
    if not days:
        return looked
    each = f"{len(seen.samples) / len(days):,.0f} of {seen.keys / len(days):,.0f} a day"
    return f"{looked}, {days[0]} to {days[-1]}: {each}"


def _line_ends(case: Case) -> Iterator[str]:
    """Hadoop's line reader, Trino's and ours take CRLF for one line end."""
    ended = [s for s in case.samples if s.rows and s.rows.crlf]
    if ended:
        yield f"CRLF line ends in {files(len(ended))}: read as line ends, harmless"


def _meanings(case: Case) -> Iterator[str]:
    """What was taken for granted, or cannot be helped."""
    table = case.table
    by_position = unnamed(table)
    if by_position:
        yield (
            f"names that say no field: {some(by_position, 10)}: the meaning of these columns is"
            " taken from their position"
        )
    unknown = unknown_types(case)
    if unknown:
        yield f"fields that are not known here, of types that no table of ours reads: {unknown}"
    if table.spec is None and table.location.startswith(PLACES):
        yield (
            f"{table.title} was not created by athena-flow: fixes make a table beside it, and"
            " leave it as it is"
        )


def _measured(samples: Iterable[Sample]) -> dict[str, int | None]:
    """Sums over the text objects; None where no object says it."""
    rows = [s.rows for s in samples if s.rows]

    def total(values: Iterable[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if known else None

    return {
        "text_objects": len(rows),
        "cut_objects": sum(r.cut for r in rows),
        "rows": sum(r.rows for r in rows),
        "nodata": total(r.nodata for r in rows),
        "skipdata": total(r.skipdata for r in rows),
        "outside_slot": total(r.outside_slot for r in rows),
    }


def _measures(measured: Mapping[str, int | None]) -> Iterator[str]:
    rows = measured["rows"]
    if not rows:
        return
    shares = [
        f"{_share(measured[key], rows)} {what}"
        for key, what in (
            ("nodata", "NODATA"),
            ("skipdata", "SKIPDATA"),
            ("outside_slot", "end outside the 5 minutes of their file"),
        )
        if measured[key] is not None
    ]
    if measured["skipdata"]:
        yield "SKIPDATA: AWS left records out, so every count is low; nothing brings them back"
    yield f"of {rows:,} rows in {files(measured['text_objects'] or 0)}: {', '.join(shares)}"
    if measured["cut_objects"]:
        yield f"read only in part: {files(measured['cut_objects'])}"


def _share(count: int | None, rows: int) -> str:
    return f"{count or 0:,} ({(count or 0) / rows:.1%})"


def document(report: Report) -> dict[str, Any]:
    """A report as JSON has it."""
    return {
        "table": report.table,
        "looked_at": report.looked_at,
        "keys": report.keys,
        "findings": [
            {"kind": f.kind, "message": f.message, "fix": f.fix, "uris": list(f.uris)}
            for f in report.findings
        ],
        "measured": dict(report.measured),
        "notes": list(report.notes),
    }
