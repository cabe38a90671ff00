"""The jobs on tables, written against ports: making one, and making it anew with its partitions.

Every write has a plan that can be looked at instead, and a run that is killed anywhere is
finished by the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from athena_flow import ddl
from athena_flow.errors import (
    AccessDenied,
    BadSetting,
    NotFound,
    TableDiffers,
    some,
)
from athena_flow.gluetable import alterations, was_altered
from athena_flow.layout import ROOT, Layout, Partition
from athena_flow.partitions import check_applied, delivered
from athena_flow.plan import Delivered
from athena_flow.ports import Catalog, ObjectStore, Progress
from athena_flow.table import (
    NAME_LENGTH,
    Projection,
    TableSpec,
    check_same,
    differences,
    spec_from_properties,
)
from athena_flow.walk import sources
from athena_flow.window import DAY, Window

KEEPER = "__athena_flow_replacing"
"""Ends the name of the table that keeps the partitions while another is replaced."""


def init_table(
    spec: TableSpec, catalog: Catalog, store: ObjectStore, access: Sequence[str] = ()
) -> tuple[bool, tuple[str, ...]]:
    """Creates the table where it is missing, once its location is known to exist.

    Returns whether it was made, and notes; ``access`` are the flags for the commands in
    hints. Raises NotFound for a bucket or directory that is not there, before anything is
    written; TableDiffers when the table is another one, was altered, or waits for the end of
    a replacement that was stopped.
    """
    notes = _look(spec, store) + _check_replaced(spec, catalog, access)
    found, altered = _found(catalog, spec.database, spec.name)
    if found:
        check_same(found, spec)
        if altered:
            raise was_altered(found, altered, *access)
    return catalog.create(spec), notes


def _look(spec: TableSpec, store: ObjectStore) -> tuple[str, ...]:
    """What has to be said of the place that the table is made over. Raises NotFound."""
    try:
        if ROOT not in store.level(spec.location).folders:
            return (f"no {ROOT} below {spec.location} yet",)
        return _prefixes(spec, spec.projection, store) if spec.projection else ()
    except AccessDenied as error:
        return (f"not checked whether logs lie there: {error.message}",)


def _check_replaced(spec: TableSpec, catalog: Catalog, access: Sequence[str]) -> tuple[str, ...]:
    """Raises TableDiffers when a replacement of this table was stopped half-way."""
    name = spec.name + KEEPER
    if len(name) > NAME_LENGTH:  # none can have begun
        return ()
    try:
        kept, _ = _found(catalog, spec.database, name)
    except AccessDenied as error:  # a role may know of one table alone
        return (f"not checked whether a --replace was stopped half-way: {error.message}",)
    if kept:
        raise _unfinished(spec, kept, access)
    return ()


def _unfinished(spec: TableSpec, kept: TableSpec, access: Sequence[str]) -> TableDiffers:
    asked = replace(kept, name=spec.name)
    return TableDiffers(
        f"an init-table --replace of {spec.title} was stopped half-way, and {kept.title} keeps"
        " its partitions",
        hint=f"to finish it: {asked.command('--replace', *access)}",
    )


def _found(catalog: Catalog, database: str, name: str) -> tuple[TableSpec | None, list[str]]:
    """What a table remembers of itself, and what somebody altered. Raises ForeignTable."""
    try:
        described = catalog.described(database, name)
    except NotFound:
        return None, []
    found = spec_from_properties(database, name, described.get("Parameters") or {})
    return found, alterations(found, described)


def _prefixes(spec: TableSpec, projection: Projection, store: ObjectStore) -> tuple[str, ...]:
    """Notes when projection lists prefixes in vain, and when it leaves logs out."""
    lies = {(p["account"], p["region"]) for _, p in sources(*_place(spec), Window(), store)}
    named = {source for source in lies if projection.names(*source)}
    accounts = projection.accounts or {account for account, _ in lies}
    listed = len(accounts) * len(projection.regions)
    notes = []
    if listed > 2 * len(named):
        whose = "every query" if projection.accounts else f"queries of {len(accounts)} accounts"
        notes.append(
            f"projection makes {whose} list {listed} prefixes for each {_step_name(spec)}, of"
            f" which {len(named)} hold logs: explicit partitions list only those"
        )
    if lies - named:
        left = some([" ".join(source) for source in sorted(lies - named)])
        notes.append(f"projection leaves out logs that lie there: {left}")
    return tuple(notes)


def _place(spec: TableSpec) -> tuple[str, Layout]:
    return spec.location, spec.layout


def _step_name(spec: TableSpec) -> str:
    return "day" if spec.layout.step == DAY else "hour"


@dataclass(frozen=True, slots=True)
class Replacement:
    """How a table is made anew: a plan that can be looked at, and of which nothing is done."""

    spec: TableSpec
    old: TableSpec | None
    """The table that goes; None when an earlier run took it away already."""
    partitions: tuple[Partition, ...]
    """Those of the new table, sorted."""
    unfinished: bool = False
    """Was an earlier run stopped half-way? Its keeper is there then."""
    made: bool = False
    """Did that run make the new table already?"""
    notes: tuple[str, ...] = ()

    @property
    def keeper(self) -> TableSpec:
        """The table that keeps the partitions until the new one has them all."""
        return _keeper(self.spec)

    @property
    def steps(self) -> str:
        """What is done, in one line."""
        steps = [f"drop {self.old.title}"] if self.old else []
        if not self.made:
            steps.append(f"create {self.spec.title}")
        steps.append(f"add {len(self.partitions):,} partitions")
        if self.unfinished:
            steps.append(f"drop {self.keeper.title}")
        return ", ".join(steps)

    def statements(self) -> Iterator[str]:
        """The same in SQL, for those who would see it or do it by hand."""
        if self.old:
            yield ddl.drop_table(self.old)
        if not self.made:
            yield ddl.create_table(self.spec)
        yield from ddl.add_partitions(self.spec, self.partitions)
        if self.unfinished:
            yield ddl.drop_table(self.keeper)


def _keeper(spec: TableSpec) -> TableSpec:
    return replace(spec, name=spec.name + KEEPER)


def plan_replacement(
    spec: TableSpec,
    catalog: Catalog,
    store: ObjectStore,
    progress: Progress,
    access: Sequence[str] = (),
) -> Replacement | None:
    """What makes the table anew with this spec; None when it is that very table already.

    It keeps the partitions that the table has; where location or layout change, those that
    hold objects there. Raises NotFound when there is no such table, or no such bucket;
    BadSetting when the new place holds nothing of what the old one does; ForeignTable for a
    table of somebody else's; TableDiffers when an earlier replacement by another spec is
    unfinished.
    """
    keeper = _keeper(spec)
    old, altered = _found(catalog, spec.database, spec.name)
    kept, _ = _found(catalog, keeper.database, keeper.name)
    if old is None and kept is None:
        raise NotFound(f"no table {spec.title} to replace", hint="leave --replace out")
    if kept and differences(kept, keeper):
        raise _unfinished(spec, kept, access)
    same = old is not None and not altered and not differences(old, spec)
    if same and kept is None:
        return None
    saved = {r.partition for r in catalog.registered(kept, Window()) if r.partition} if kept else ()
    notes = ("an earlier run was stopped half-way: this one finishes it",) if kept else ()
    if old is None or same:
        return Replacement(spec, None, tuple(sorted(saved)), True, same, notes)
    carried = _carried(old, spec, catalog, store, progress)
    if carried.unread and not carried.partitions and kept is None:
        raise BadSetting(
            f"nothing lies in layout {spec.layout.title} below {spec.location}, where {old.title}"
            f" has {len(carried.unread):,} partitions that hold logs in layout"
            f" {old.layout.title} below {old.location}",
            hint="athena-flow discover says what lies where; another --table leaves this one alone",
        )
    both = tuple(sorted({*saved, *carried.partitions}))
    return Replacement(spec, old, both, kept is not None, notes=notes + carried.notes)


def replace_table(wanted: Replacement, catalog: Catalog, progress: Progress) -> None:
    """Does it: metadata only.

    The partitions are kept in a second table until the new one has them all, so a run that
    is killed anywhere is finished by the next. Raises PartlyDone.
    """
    spec, keeper = wanted.spec, wanted.keeper
    if wanted.old:
        catalog.create(keeper)
        check_applied(keeper, catalog.add(keeper, wanted.partitions, progress))
        catalog.drop(wanted.old)
    catalog.create(spec)
    check_applied(spec, catalog.add(spec, wanted.partitions, progress))
    catalog.drop(keeper)


@dataclass(frozen=True, slots=True)
class _Carried:
    """What becomes of the partitions of a table that is made anew."""

    partitions: Collection[Partition]
    """Those of the new table."""
    notes: tuple[str, ...]
    unread: Sequence[str] = ()
    """Where the old table has logs of which the new one reads none, in order."""


def _carried(
    old: TableSpec, spec: TableSpec, catalog: Catalog, store: ObjectStore, progress: Progress
) -> _Carried:
    """The partitions of the new table for the time that the old one covers."""
    moved = _place(old) != _place(spec)
    notes = _look(spec, store) if moved or spec.projection else ()
    if old.projection:
        since = f"athena-flow add-partitions --since {old.projection.start}"
        said = f"{old.title} projected its partitions, and has none to keep: {since} registers them"
        return _Carried((), notes if spec.projection else (*notes, said))
    registered = list(catalog.registered(old, Window()))
    known = {r.partition: r.location for r in registered if r.partition}
    strange = [r.location for r in registered if r.partition is None]
    if strange:
        notes += (
            f"{_those(strange)} not kept, with values that are none of ours: {some(strange)}",
        )
    if spec.projection:
        return _Carried((), notes + _computed(old, spec.projection, known))
    if moved:
        carried = _moved(old, spec, known, store, progress)
        return replace(carried, notes=notes + carried.notes)
    astray = [at for p, at in known.items() if at.rstrip("/") != spec.place(p).rstrip("/")]
    if astray:
        notes += (f"{_those(astray)} put back where the layout says: {some(astray)}",)
    return _Carried(known, notes)


def _those(partitions: Collection[object]) -> str:
    count = len(partitions)
    return f"{count:,} partition{'s are' if count != 1 else ' is'}"


def _computed(
    old: TableSpec, projection: Projection, known: Collection[Partition]
) -> tuple[str, ...]:
    """Notes on registered partitions of a table that is projected from now on."""
    left = [
        old.place(p)
        for p in sorted(known)
        if not projection.names(p.account, p.region) or p.start.date() < projection.start
    ]
    notes = (f"{_those(known)} no longer needed: Athena computes them",) if known else ()
    return notes + ((f"{_those(left)} not among the projected: {some(left)}",) if left else ())


def _moved(
    old: TableSpec,
    spec: TableSpec,
    known: Collection[Partition],
    store: ObjectStore,
    progress: Progress,
) -> _Carried:
    """The same time in another place: those of its days or hours that hold objects there."""
    parts = {p: _parts(p, old.layout.step, spec.layout.step) for p in known}
    wanted = {part for covering in parts.values() for part in covering}
    try:
        found = _delivered(spec, wanted, store, progress)
    except AccessDenied as error:
        why = f"not looked which of them hold logs, so all are kept: {error.message}"
        return _Carried(wanted, (why,))
    lying = frozenset(found.partitions)
    here = {p for p in wanted if p in lying or found.hides(spec.place(p))}
    bare = [p for p, covering in parts.items() if here.isdisjoint(covering)]
    unread, notes = _unread(old, bare, store, progress)
    told = set(unread)
    astray = [uri for uri in found.stray if f"{uri.rstrip('/').rpartition('/')[0]}/" not in told]
    notes += replace(found, stray=tuple(astray)).notes()
    if found.denied:
        notes += (f"not looked, and so all kept: {some([d.reason for d in found.denied])}",)
    left = len(wanted) - len(here)
    if left:
        notes += (
            f"{left:,} of {len(wanted):,} {_step_name(spec)}s hold no logs and are left out:"
            " add-partitions registers what comes",
        )
    return _Carried(here, notes, unread)


def _parts(partition: Partition, step: timedelta, wanted: timedelta) -> list[Partition]:
    """What covers the time of a partition: its hours, or its day."""
    covered = Window(partition.start, partition.start + step)
    return [replace(partition, start=start) for start in covered.starts(wanted)]


def _unread(
    old: TableSpec, bare: Collection[Partition], store: ObjectStore, progress: Progress
) -> tuple[list[str], tuple[str, ...]]:
    """Where the old table has logs of which the new one reads none, in order; and a note."""
    try:
        found = _delivered(old, bare, store, progress)
    except AccessDenied as error:
        return [], (f"not looked what the old table reads: {error.message}",)
    except NotFound:  # its bucket is gone, which may be why
        return [], ()
    places = [old.place(p) for p in sorted(frozenset(bare).intersection(found.partitions))]
    if not places:
        return [], ()
    return places, (
        f"{_those(places)} left out whose logs the new table does not read, the last"
        f" {places[-1]}: a second --table in layout {old.layout.title} reads them",
    )


def _delivered(
    spec: TableSpec, wanted: Collection[Partition], store: ObjectStore, progress: Progress
) -> Delivered:
    """Where objects lie, on the days and in the accounts of these partitions."""
    if not wanted or ROOT not in store.level(spec.location).folders:
        return Delivered(())
    starts = [p.start for p in wanted]
    accounts = tuple(sorted({p.account for p in wanted}))
    window = Window(min(starts), max(starts) + spec.layout.step, accounts)
    return delivered(spec, window, store, progress)
