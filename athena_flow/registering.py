"""What ``athena-flow add-partitions`` and ``athena-flow partitions`` do: add, list, gaps, drop."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from athena_flow import terminal, wire
from athena_flow.command import TABLE, WINDOW
from athena_flow.errors import BadSetting, ForeignTable, did_you_mean, some
from athena_flow.settings import Settings, as_flags

if TYPE_CHECKING:
    from athena_flow.plan import Delivered, Gaps, PartitionPlan
    from athena_flow.ports import Applied, Catalog, Progress
    from athena_flow.table import TableSpec


@dataclass(frozen=True, slots=True)
class Planned:
    """The partitions of a window, looked at and not yet added."""

    spec: TableSpec
    catalog: Catalog
    found: Delivered
    plan: PartitionPlan


def planned(s: Settings, progress: Progress) -> Planned:
    """What `add-partitions` would do. Of a projected table: nothing."""
    from athena_flow import partitions as jobs
    from athena_flow.plan import Delivered, PartitionPlan
    from athena_flow.window import parse_span

    if wire.one_of("--via", s.via or "glue", VIA) == "sql" and wire.engine_name(s) != "athena":
        hint = f"leave it out with --engine {wire.engine_name(s)}"
        raise BadSetting("--via sql is Athena's", hint=hint)
    window = wire.time_window(s, default="7d")
    ahead = parse_span(s.ahead) if s.ahead else timedelta()
    catalog = wire.open_catalog(s)
    spec = wire.own_table(s, catalog)
    if spec.projection:
        return Planned(spec, catalog, Delivered(()), PartitionPlan((), (), ()))
    found = jobs.delivered(spec, window, wire.open_store(s), progress)
    return Planned(spec, catalog, found, jobs.plan_partitions(spec, window, ahead, catalog, found))


VIA = {"glue": "glue", "sql": "sql"}
"""Ways to add partitions."""


def added(s: Settings, wanted: Planned, progress: Progress) -> Applied:
    """Adds what is planned, by Glue's API or by Athena's ALTER TABLE."""
    from athena_flow import ddl
    from athena_flow import partitions as jobs

    missing = wanted.plan.missing
    if s.via != "sql" or not missing:
        return jobs.add_partitions(wanted.spec, wanted.plan, wanted.catalog, progress)
    engine = wire.open_engine(s, progress)
    statements = ddl.added_by(wanted.spec, missing)
    send = partial(engine.run, scans=())
    return jobs.add_by_sql(statements, send, len(missing), progress)


# ---------------------------------------------------------------- the commands


def add(s: Settings) -> None:
    """Register the partitions of the window; doing it twice adds nothing."""
    from athena_flow import ddl, output
    from athena_flow import partitions as jobs
    from athena_flow.ports import Applied

    if s.dry_run:
        terminal.only(s, "table", "json")
    with terminal.progress(s) as progress:
        try:
            wanted = planned(s, progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("looking for logs: nothing was added") from None
        for note in _plan_notes(s, wanted):
            terminal.say(s, f"note: {note}")
        plan, found = wanted.plan, wanted.found
        have = f"{wanted.spec.title}: wanted {plan.wanted}, present"
        if s.dry_run:
            terminal.say(s, f"{have} {len(plan.present)}, to add {len(plan.missing)}")
            if s.as_ == "json":
                terminal.data(s, output.to_json(output.planned_doc(wanted.spec, plan, found)))
            else:
                texts = ddl.add_partitions(wanted.spec, plan.missing)
                terminal.data(s, (f"{text};\n" for text in texts))
            jobs.check_applied(wanted.spec, Applied(), found)
            return
        applied = added(s, wanted, progress)
    present = len(plan.present) + len(applied.already)
    terminal.say(s, f"{have} {present}, added {len(applied.done)}")
    if s.as_ == "json":
        terminal.data(s, output.to_json(output.added_doc(wanted.spec, plan, applied, found)))
    elif s.as_ in ("csv", "ndjson", "parquet"):
        _print_partitions(s, (output.partition_doc(wanted.spec, p) for p in applied.done))
    elif applied.done:
        columns = ("account", "region", "added", "first", "last")
        terminal.print_rows(s, [(c, "string") for c in columns], output.sources(applied.done))
    _say_failed(s, "not added", output.failed_docs(wanted.spec, applied))
    jobs.check_applied(wanted.spec, applied, found)


FAILED_SHOWN = 20
"""Partitions that are named for each reason where nobody asked for JSON."""
GAPS_SHOWN = 40
"""Gaps that are listed below the calendar on a terminal."""


def _say_failed(s: Settings, what: str, failed: Sequence[Mapping[str, Any]]) -> None:
    """One line for each reason, with the first of its partitions."""
    reasons: dict[str, list[str]] = {}
    for entry in failed if s.as_ != "json" else ():
        named = (entry["partition"][key] for key in ("account", "region", "date", "hour"))
        reasons.setdefault(entry["reason"], []).append(" ".join(filter(None, named)))
    for reason, places in reasons.items():
        terminal.say(s, f"{what}: {some(places, FAILED_SHOWN)}: {reason}")


def _plan_notes(s: Settings, wanted: Planned) -> Iterator[str]:
    spec = wanted.spec
    if spec.projection:
        yield f"{spec.title} projects its partitions: Athena computes them, nothing to add"
        return
    yield from wanted.found.notes()
    if not wanted.found.partitions:
        named = " ".join(as_flags(s, ("account", "region")))
        yield f"no logs{f' of {named}' * bool(named)} lie in the window below {spec.root}"
    elsewhere = wanted.plan.elsewhere
    if elsewhere:
        yield (
            f"{len(elsewhere)} of the present partitions are registered at another location than"
            f" they lie: {_again(s, 'gaps', '--fix')} mends them"
        )


def _again(s: Settings, action: str, *more: str) -> str:
    """`partitions` with an action, over the table and the window of this command."""
    since = () if s.since else ("--since", "7d")
    asked = as_flags(s, ("config", *TABLE, *WINDOW))
    return shlex.join(("athena-flow", "partitions", action, *more, *since, *asked))


def _print_partitions(s: Settings, entries: Iterable[Mapping[str, object]]) -> None:
    columns = ("account", "region", "date", "hour", "location")
    rows = (tuple(entry[c] for c in columns) for entry in entries)
    _print_filled(s, columns, rows)


def _print_filled(s: Settings, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Rows of texts; as a table, without the columns that hold nothing."""
    if s.as_ in (None, "table") and (rows := list(rows)):
        filled = [n for n in range(len(columns)) if any(row[n] is not None for row in rows)]
        columns = [columns[n] for n in filled]
        rows = [tuple(row[n] or "" for n in filled) for row in rows]
    terminal.print_rows(s, [(c, "string") for c in columns], rows)


def partitions(s: Settings, action: str) -> None:
    """What is registered; what is missing, phantom, wrong or silent; removal."""
    actions = {"list": _list_partitions, "gaps": _gaps, "drop": _drop_partitions}
    if action not in actions:
        raise BadSetting(
            f"partitions {action!r} is none of {', '.join(actions)}{did_you_mean(action, actions)}"
        )
    if (s.before and action != "drop") or (s.fix and action != "gaps"):
        raise BadSetting(f"partitions {action} takes no {'--before' if s.before else '--fix'}")
    actions[action](s)


def _list_partitions(s: Settings) -> None:
    from athena_flow import output
    from athena_flow import partitions as jobs

    catalog = wire.open_catalog(s)
    window = wire.time_window(s, default=None)
    try:
        spec = wire.own_table(s, catalog)
    except ForeignTable:
        if s.account or s.region or window.start or window.end:
            raise
        database, name = wire.table_name(s)
        keys = [key["Name"] for key in catalog.described(database, name)["PartitionKeys"]]
        columns = [(key, "string") for key in (*keys, "location")]
        parts = catalog.parts(database, name)
        rows = sorted((*part.values, part.location) for part in parts)
        terminal.print_list(s, columns, rows)
        return
    if spec.projection:
        terminal.say(s, f"{spec.title} projects its partitions: none is registered")
    found = jobs.listed(spec, window, catalog)
    entries = (
        output.partition_doc(spec, partition)
        | ({"location": found.elsewhere[partition]} if partition in found.elsewhere else {})
        for partition in found.partitions
    )
    _note_unknown(s, found.unknown)
    terminal.say(s, f"{spec.title}: {len(found.partitions):,} partitions")
    if s.as_ == "json":
        terminal.data(s, output.to_json(list(entries)))
    else:
        _print_partitions(s, entries)


def _note_unknown(s: Settings, locations: Sequence[str]) -> None:
    if locations:
        terminal.say(
            s,
            f"note: left out, registered with values that are no account, region and day:"
            f" {len(locations):,}: {some(locations)}",
        )


def _gaps(s: Settings) -> None:
    from athena_flow import coverage, output
    from athena_flow import partitions as jobs
    from athena_flow.partitions import ProjectedPartitions
    from athena_flow.ports import Applied

    window = wire.time_window(s, default="30d")
    catalog, store, now = wire.open_catalog(s), wire.open_store(s), wire.now()
    spec = wire.own_table(s, catalog)
    known = ProjectedPartitions(now) if spec.projection else catalog
    with terminal.progress(s) as progress:
        seen = jobs.delivered(spec, window, store, progress)
        found = jobs.find_gaps(spec, window, now, known, store, seen)
        if spec.projection:
            found = replace(found, phantom=())
        mend = s.fix and not s.dry_run
        mended = jobs.mend_locations(spec, found, catalog, progress) if mend else None
    for note in found.seen.notes():
        terminal.say(s, f"note: {note}")
    _note_unknown(s, found.unknown)
    counts = ", ".join(f"{len(getattr(found, kind)):,} {said}" for kind, said in coverage.COUNTED)
    terminal.say(s, f"{spec.title}: {counts}")
    document = coverage.gaps_doc(spec, found, mended)
    if s.as_ == "json":
        terminal.data(s, output.to_json(document))
    else:
        if terminal.watched() and s.as_ in (None, "table") and not s.output:
            terminal.print_lines(s, coverage.picture(found, window, terminal.width()))
        rows = coverage.gap_rows(spec, found)
        shown = GAPS_SHOWN if terminal.watched() and not (s.as_ or s.output) else len(rows)
        if rows or s.as_ or s.output:
            _print_filled(s, coverage.GAP_COLUMNS, rows[:shown])
        if shown < len(rows):
            terminal.say(s, f"{len(rows) - shown:,} more gaps; --as csv lists all")
    for hint in _gap_hints(s, spec, found):
        terminal.say(s, hint)
    if mended:
        terminal.say(s, f"mended the location of {len(mended.done)} partitions")
        _say_failed(s, "not mended", document["failed"])
    jobs.check_applied(spec, mended or Applied(), found.seen)


def _gap_hints(s: Settings, spec: TableSpec, found: Gaps) -> Iterator[str]:
    if found.missing and spec.projection:
        yield f"missing: {spec.title} projects other accounts, regions or days"
    elif found.missing:
        yield "missing: athena-flow add-partitions over the same window registers them"
    if found.phantom:
        yield (
            "phantom: harmless and free; partitions drop forgets whole days, with --account and"
            " --region of one source, and good ones among them come back with add-partitions"
        )
    if found.wrong_location and s.dry_run:
        yield f"to mend: the location of {len(found.wrong_location)} partitions"
    elif found.wrong_location and not s.fix:
        yield "wrong-location: the same command with --fix registers them where they lie"


def _drop_partitions(s: Settings) -> None:
    from athena_flow import ddl, output
    from athena_flow import partitions as jobs

    if not (s.before or s.since or s.until):
        raise BadSetting("partitions drop wants to know which", hint="--before 400d, or --since")
    if s.before and (s.since or s.until):
        raise BadSetting("--before stands alone", hint="or write --since and --until")
    if s.dry_run:
        terminal.only(s, "table", "json")
    window = wire.time_window(replace(s, until=s.before) if s.before else s, default=None)
    catalog = wire.open_catalog(s)
    spec = wire.own_table(s, catalog)
    if spec.projection:
        terminal.say(s, f"{spec.title} projects its partitions: none is registered")
    wanted = jobs.within(spec, window, catalog)
    title = f"{len(wanted):,} partitions of {spec.title}"
    if s.dry_run:
        terminal.say(s, f"to drop: {title}: metadata only")
        document = output.dropped_doc(spec, wanted, None)
        texts = "".join(f"{text};\n" for text in ddl.drop_partitions(spec, wanted))
        terminal.data(s, output.to_json(document) if s.as_ == "json" else texts)
        return
    if wanted and not terminal.confirm(s, f"drop {title} (metadata only, no log is touched)?"):
        terminal.say(s, "nothing is dropped")
        return
    with terminal.progress(s) as progress:
        applied = catalog.remove(spec, wanted, progress)
    document = output.dropped_doc(spec, wanted, applied)
    terminal.say(s, f"dropped {len(applied.done):,} of {title}: metadata only")
    if s.as_ == "json":
        terminal.data(s, output.to_json(document))
    elif s.as_:
        _print_partitions(s, document["partitions"])
    elif applied.done:
        columns = ("account", "region", "dropped", "first", "last")
        terminal.print_rows(s, [(c, "string") for c in columns], output.sources(applied.done))
    _say_failed(s, "not dropped", document["failed"])
    jobs.check_applied(spec, applied)
