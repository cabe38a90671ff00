"""What a statement reads, and what that costs: each scan with its partitions and their objects.

Never low: what cannot be bounded, of the statement, of a table or of one partition of it, makes
the whole unknown, with the reason and with the sum of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress

from athena_flow import cost, statement, views
from athena_flow.columnar import Footers, Sample, Sized, sized, whole_bytes
from athena_flow.cost import Estimate, PlanRead, Price, TableRead
from athena_flow.errors import AccessDenied, AthenaFlowError, BadSql, EngineError, NotFound, some
from athena_flow.explained import EXPLAIN, Explain, PlannedRead, read_plan
from athena_flow.filters import filtered_columns
from athena_flow.lookup import OneTable, Place, Prepared, Tables
from athena_flow.parallel import in_order, threads
from athena_flow.ports import ObjectInfo, Objects, Partitions, Progress, Scan
from athena_flow.prune import NO_VALUE, Evaluate, Relation, TableScan, chosen, table_scans
from athena_flow.query import BoundQuery
from athena_flow.readable import PLACES, Readable, ReadAs, View, read_as
from athena_flow.shortcuts import UNTOLD, shortcuts
from athena_flow.statement import GivenSql, Statement
from athena_flow.views import Session

NEITHER = "neither text nor Parquet: large objects are counted twice, as the most that is read"
_PASSING = (AccessDenied, NotFound, EngineError)
"""What may be wrong with one place and not with another."""

Objects_ = dict[str, "tuple[ObjectInfo, ...] | AthenaFlowError"]
Asked = BoundQuery | GivenSql


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a statement's tables are read from."""

    partitions: Partitions | None
    """Of the table that a saved query is about."""
    store: Objects
    evaluate: Evaluate
    price: Price
    now: datetime
    """By the clock of the engine, which a condition may ask."""
    tables: Tables | None = None
    """All others."""
    session: Session = Session("")
    """Of a text that somebody gave."""
    prepared: Prepared | None = None
    """Where there are prepared statements."""
    footers: Footers | None = None
    """How the ends of Parquet files are read; None counts whole files."""
    sample: Sample = Sample()
    explain: Explain | None = None
    """Where a planner is to be asked as well."""
    told: Callable[[], Sequence[str]] = tuple
    """What the store has to say of the sizes, once all is listed."""

    def of(self, asked: Asked) -> tuple[Tables | None, Session]:
        """Where the tables of one statement are looked up, and what its names mean."""
        if isinstance(asked, GivenSql):
            return self.tables, self.session
        session = Session(asked.spec.database, self.session.catalogs)
        if self.partitions is None or (asked.spec.source and self.tables):
            return self.tables, session
        return OneTable(asked.spec, self.partitions, asked.window, self.tables), session


def estimate(
    asked: Asked, reading: Reading, progress: Progress
) -> tuple[Estimate, tuple[Scan, ...]]:
    """What a run would read and cost, and the objects of our tables that it would read.

    Raises NotFound for a table that is not there; AccessDenied and NotFound when nothing at
    all may be listed.
    """
    try:
        found = _statement(asked, reading)
        if found.kind == "free":
            free = f"{found.said} scans nothing, and is free"
            return cost.estimate(asked.name, asked.sql, (), reading.price, free=free), ()
        if found.kind == "unknown":
            raise BadSql(found.said)
        query = _Query(asked, reading, found)
    except BadSql as error:
        return cost.estimate(asked.name, asked.sql, (), reading.price, unknown=error.message), ()
    return query.estimate(progress)


def _statement(asked: Asked, reading: Reading) -> Statement:
    found = statement.read(asked.sql, asked.name)
    if found.kind != "prepared":
        return found
    if reading.prepared is None:
        raise BadSql(f"{found.said}: prepared statements are kept by Athena alone")
    inner = statement.bind(found, reading.prepared(found.name))
    if inner.kind == "prepared":
        raise BadSql(f"{found.said} runs an EXECUTE, which nobody can prepare")
    return inner


class _Query:
    """One query, its tables looked up and its scans found. Raises BadSql, NotFound."""

    def __init__(self, asked: Asked, reading: Reading, found: Statement) -> None:
        self._asked, self._reading, self._text = asked, reading, found.query
        tables, session = reading.of(asked)
        if tables is None:
            raise BadSql("there is nowhere to look up its tables")
        self._tables = tables
        self._found: dict[tuple[str, str], Readable] = {}
        self._places: dict[tuple[str, str | None], list[Place]] = {}
        self._resolved = views.resolved(found.query, session, self._look)
        self._shortcuts = shortcuts(self._resolved.sql)
        self._less = [found.less] * bool(found.less)
        self._filtered = filtered_columns(self._resolved.sql)
        self._scans = [
            scan
            for scan in table_scans(self._resolved.sql, self._relation)
            if not views.is_system(scan.database, scan.table)
        ]
        lost = [f"{s.database}.{s.table}" for s in self._scans if _name(s) not in self._found]
        if lost:
            raise BadSql(f"what it reads by the name of {some(lost)} was not found")

    def _look(self, database: str, name: str) -> View | None:
        if (database, name) in self._found:
            return None
        found = self._tables.find(database, name)
        if isinstance(found, View):
            return found
        self._found[database, name] = found
        return None

    def _relation(self, database: str, name: str) -> Relation | None:
        found = self._found.get((database, name))
        return Relation(found.columns, found.keys) if found else None

    def estimate(self, progress: Progress) -> tuple[Estimate, tuple[Scan, ...]]:
        choices = [self._choice(scan) for scan in self._scans]
        locations = dict.fromkeys(
            place.at.location
            for choice in choices
            for place in choice.places
            if place.at.location.startswith(PLACES)
        )
        objects = _listed(list(locations), self._reading.store, progress)
        reads = [self._read(choice, objects) for choice in choices]
        notes = [f"view {name}: counted by its own text" for name in self._resolved.views]
        notes += [f"{name}: metadata, nothing is scanned" for name in self._resolved.system]
        notes += self._reading.told()
        asked = self._asked
        found = cost.estimate(
            asked.name, asked.sql, [read for read, _ in reads], self._reading.price, notes
        )
        explain = self._reading.explain
        if explain:
            try:
                planned = read_plan(explain(EXPLAIN + self._text))
                found = replace(found, plan=tuple(_compared(choices, planned)))
            except AthenaFlowError as error:
                found = replace(found, unplanned=error.message)
        return found, tuple(scan for _, scan in reads if scan)

    def _choice(self, scan: TableScan) -> _Choice:
        table = self._found[_name(scan)]
        if table.unbounded:
            return _Choice(scan, table, (), (), (f"{table.title}: {table.unbounded}",))
        try:
            places = self._all_places(table, scan)
        except BadSql as error:
            return _Choice(scan, table, (), (), (error.message,))
        rows = [place.values for place in places]
        reading = self._reading
        keeps, understood = chosen(scan, table.keys, rows, reading.evaluate, reading.now)
        return _Choice(scan, table, places, tuple(compress(places, keeps)), (), understood)

    def _all_places(self, table: Readable, scan: TableScan) -> list[Place]:
        key = (table.title, scan.condition if table.projected else None)
        if key not in self._places:
            self._places[key] = list(self._tables.places(table, scan))
        return self._places[key]

    def _read(self, choice: _Choice, objects: Objects_) -> tuple[TableRead, Scan | None]:
        scan, table = choice.scan, choice.table
        problems = [*choice.problems, *_problems(choice, objects)]
        parts = [(place.at, _at(place, objects)) for place in choice.places]
        listed = [part for _, part in parts]
        kinds = {_read_as(place, table) for place in choice.places} or {table.file_type}
        size = self._size(listed, kinds.pop() if len(kinds) == 1 else "other", scan)
        said = [s.condition for s in self._scans if _name(s) == _name(scan)]
        looser = [*self._less, *self._shortcuts.reasons(table.keys, said)]
        looser += [] if choice.understood else [UNTOLD]
        if looser and size.certainty == "exact" and size.size_bytes:
            notes = dict.fromkeys((*size.notes, *looser))
            size = replace(size, certainty="at_most", notes=tuple(notes))
        if problems:
            told = f"; the rest is {cost.show_bytes(size.size_bytes)}" if any(listed) else ""
            size = replace(size, size_bytes=None, certainty="unknown")
            problems = [f"{some(problems)}{told}"]
        read = TableRead(
            table=table.title,
            keys=tuple(table.keys),
            partitions=len(choice.places),
            of=len(choice.of),
            objects=sum(map(len, listed)),
            size_bytes=size.size_bytes,
            certainty=size.certainty,
            condition=scan.condition,
            columns=None if scan.columns is None else tuple(sorted(scan.columns)),
            spans=_spans(table, choice.places),
            notes=size.notes,
            unknown="; ".join(problems),
        )
        if table.spec is None:
            return read, None
        return read, Scan(table.spec, tuple(parts), tuple(problems))

    def _size(
        self, parts: Sequence[tuple[ObjectInfo, ...]], kind: ReadAs | None, scan: TableScan
    ) -> Sized:
        if kind in ("text", "parquet"):
            footers, sample = self._reading.footers, self._reading.sample
            return sized(parts, kind, scan.columns, scan.ranges, footers, sample, self._filtered)
        most = sum(whole_bytes(o.size_bytes) for part in parts for o in part)
        return Sized(most, "at_most", (NEITHER,) if most else ())


@dataclass(frozen=True, slots=True)
class _Choice:
    """The places that one scan reads, of which there are, and why they are not all."""

    scan: TableScan
    table: Readable
    of: Sequence[Place]
    places: tuple[Place, ...]
    problems: tuple[str, ...]
    understood: bool = True
    """Was every part of the scan's condition?"""


def _compared(choices: Sequence[_Choice], planned: Sequence[PlannedRead]) -> Iterator[PlanRead]:
    """Table by table, what a planner reads of those with partitions, and what the scans do."""
    tables = {choice.table.title: choice for choice in choices if choice.table.keys and choice.of}
    for title, one in tables.items():
        table, keys = one.table, tuple(one.table.keys)
        reads = [p for p in planned if (p.database, p.table) == (table.database, table.name)]
        ours = {place for c in choices if c.table.title == title for place in c.places}
        placed = [(place, _row(place)) for place in one.of]
        theirs = {p for p, row in placed if row and any(read.reads(keys, row) for read in reads)}
        yield PlanRead(
            table=f"{table.database}.{table.name}",
            partitions=len(theirs),
            of=len(one.of),
            only_plan=tuple(_shown(keys, p) for p, _ in placed if p in theirs - ours),
            only_estimate=tuple(_shown(keys, p) for p, _ in placed if p in ours - theirs),
        )


def _shown(keys: Sequence[str], place: Place) -> str:
    """``key=value/key=value``."""
    return "/".join(f"{k}={v}" for k, v in zip(keys, place.values or (), strict=False))


def _row(place: Place) -> tuple[str | None, ...] | None:
    """The values of a place as Athena has them."""
    values = place.values
    return None if values is None else tuple(None if v == NO_VALUE else v for v in values)


def _name(scan: TableScan) -> tuple[str, str]:
    return scan.database, scan.table


def _problems(choice: _Choice, objects: Objects_) -> Iterator[str]:
    """What cannot be known of the places that are read."""
    for place in choice.places:
        where = "/".join(place.values or ()) or "a partition"
        found = objects.get(place.at.location)
        if not place.at.location:
            yield f"{choice.table.title}: {where} has no location"
        elif not place.at.location.startswith(PLACES):
            yield f"{choice.table.title}: {where} lies outside S3, at {place.at.location}"
        elif isinstance(found, AthenaFlowError):
            yield found.message
        elif _read_as(place, choice.table) is None:
            yield f"{choice.table.title}: {where}: what is read of {place.input_format} is unknown"


def _read_as(place: Place, table: Readable) -> ReadAs | None:
    """A partition goes by its own input format, whatever the table's is."""
    return read_as(place.input_format) if place.input_format else table.file_type


def _at(place: Place, objects: Objects_) -> tuple[ObjectInfo, ...]:
    """The objects of a folder, and not those of another whose name begins alike."""
    location = place.at.location
    found = objects.get(location, ())
    if isinstance(found, AthenaFlowError):
        return ()
    if location.endswith("/") or not location.startswith("s3"):
        return found
    return tuple(o for o in found if o.uri == location or o.uri.startswith(f"{location}/"))


def _listed(locations: Sequence[str], store: Objects, progress: Progress) -> Objects_:
    """What lies at each location, listed in parallel, or why that cannot be said."""

    def look(location: str) -> tuple[ObjectInfo, ...] | AthenaFlowError:
        try:
            return tuple(store.objects(location))
        except _PASSING as error:
            return error

    found: Objects_ = {}
    with threads() as pool:
        for location, listed in zip(locations, in_order(pool, look, locations), strict=True):
            found[location] = listed
            progress("sizing partitions", len(found), len(locations))
    failed = [error for error in found.values() if isinstance(error, AthenaFlowError)]
    if failed and len(failed) == len(found) and not isinstance(failed[0], EngineError):
        raise failed[0]
    return found


def _spans(table: Readable, places: Sequence[Place]) -> tuple[tuple[str, str, str], ...]:
    """Of each key its first and last value."""
    rows = [place.values for place in places if place.values]
    if not rows:
        return ()
    found = []
    for key, values in zip(table.keys, zip(*rows, strict=True), strict=True):
        order = _in_numbers if all(v.isdecimal() for v in values) else _as_text
        found.append((key, min(values, key=order), max(values, key=order)))
    return tuple(found)


def _in_numbers(text: str) -> tuple[int, str]:
    return int(text), text


def _as_text(text: str) -> tuple[int, str]:
    return 0, text
