"""A table held against the logs that lie there now.

Samples the objects, lets the rules of `findings` judge, and says what it looked at and
measured on the way. Nothing here writes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from athena_flow.case import PLACES, SKIP, Case, Finding, Table
from athena_flow.errors import ForeignTable, NotFound, TableDiffers, files, some
from athena_flow.findings import findings, locations
from athena_flow.gluetable import GlueDict, spec_from_table
from athena_flow.layout import LAYOUTS, ROOT
from athena_flow.ports import ObjectStore
from athena_flow.survey import ParquetColumns, Sample, Survey, limits, survey
from athena_flow.table import (
    CODECS,
    FileType,
    TableSpec,
)
from athena_flow.window import Window


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


def table_of(database: str, described: GlueDict) -> Table:
    """A table as GetTable gives it (or a TableInput)."""
    storage = described.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    known = described.get("Parameters") or {}
    projected = known.get("projection.enabled", "").lower() == "true"
    spec, altered = _spec(database, described)
    return Table(
        database=database,
        name=described["Name"],
        location=storage.get("Location") or "",
        template=known.get("storage.location.template", "") if projected else "",
        columns=tuple(
            (c["Name"].lower(), c.get("Type", "").lower()) for c in storage.get("Columns") or ()
        ),
        file_type=_file_type(serde),
        serde=serde.get("SerializationLibrary") or "no SerDe",
        skipped=int(known[SKIP]) if known.get(SKIP, "").isdecimal() else 0,
        spec=spec,
        altered=altered,
    )


def _spec(database: str, described: GlueDict) -> tuple[TableSpec | None, str]:
    try:
        return spec_from_table(database, described), ""
    except ForeignTable:
        return None, ""
    except TableDiffers as error:
        return None, error.message


def _file_type(serde: GlueDict) -> FileType | None:
    library = serde.get("SerializationLibrary")
    if library == CODECS["parquet"].serde:
        return "parquet"
    delimiter = (serde.get("Parameters") or {}).get("field.delim")
    return "text" if library == CODECS["text"].serde and delimiter == " " else None


def check(
    table: Table,
    store: ObjectStore,
    parquet_columns: ParquetColumns,
    window: Window,
    access: tuple[str, ...] = (),
) -> Report:
    """Looks at the logs of a closed window, and holds the table against them."""
    if window.start is None or window.end is None:
        raise ValueError("a close look needs a closed window")
    case = Case(table, Survey((), (), 0), window.start.date(), access)
    if not table.location.startswith(PLACES):
        return _report(case, [*locations(case)])
    named = _named(table.place.removeprefix(table.base))
    accounts, regions = window.accounts or named.accounts, window.regions or named.regions

    def look(at: Window) -> Survey:
        return _within(table, survey(table.base, store, parquet_columns, at))

    try:
        case = replace(case, found=look(replace(window, accounts=accounts, regions=regions)))
        found = findings(case) if _seen(case.found) else [_silent(case, window, look(named))]
    except NotFound as error:
        hint = f"; {error.hint}" if error.hint else ""
        found = [_nowhere(case, f"{error.message}{hint}")]
    return _report(case, [*locations(case), *found])


def _seen(found: Survey) -> bool:
    return bool(found.samples or found.unreadable or found.strange)


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


def _within(table: Table, found: Survey) -> Survey:
    """What was seen below the place where all of the table's partitions lie."""
    place = table.base if table.spec or ROOT not in table.place else table.place
    return replace(
        found,
        samples=tuple(s for s in found.samples if s.uri.startswith(place)),
        strange=tuple(uri for uri in found.strange if uri.startswith(place)),
        unreadable=tuple(one for one in found.unreadable if one[0].startswith(place)),
    )


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
    again = ("athena-flow", "check", *case.names(case.table.name), "--since", f"{last}")
    return Finding("silent", message, shlex.join(again))


def _nowhere(case: Case, why: str) -> Finding:
    place = case.table.place
    bucket = "/".join(place.split("/")[:3]) + "/" if place.startswith("s3://") else place
    fix = shlex.join(("athena-flow", "discover", "--location", bucket, *case.access))
    return Finding("location", f"LOCATION {case.table.location} leads to no logs: {why}", fix)


def _report(case: Case, found: Sequence[Finding]) -> Report:
    survey_ = case.found
    days = sorted({s.at.date() for s in survey_.samples})
    span = f", {days[0]} to {days[-1]}" if days else ""
    looked = f"looked at {len(survey_.samples)} objects among {survey_.keys:,} keys{span}"
    measured = _measured(survey_.samples)
    notes = (looked, *_measures(measured), *limits(survey_))
    return Report(
        case.table.title, len(survey_.samples), survey_.keys, tuple(found), measured, notes
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
    }
