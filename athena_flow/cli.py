"""The command line: each command reads settings, hands nouns to a job, prints the result.

Flags come from the table in `settings`; `wire` opens what a job needs, `terminal` prints.
What a command does not need is not imported: ``--help`` pays for typer alone.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from athena_flow import library, terminal, wire
from athena_flow.command import BUDGET, LIBRARY, QUERY, SHAPE, TABLE, WINDOW, app, command, main
from athena_flow.completion import complete_query
from athena_flow.errors import BadSetting, Findings, ForeignTable, did_you_mean, some
from athena_flow.settings import ENVIRONMENT, FILE_NAME, Settings, flag

if TYPE_CHECKING:
    from athena_flow.blocks import Block
    from athena_flow.cost import Estimate
    from athena_flow.plan import Gaps
    from athena_flow.table import TableSpec
    from athena_flow.wire import Planned

__all__ = ["app", "main"]

SAVED: Any = typer.Argument(help="a saved query", autocompletion=complete_query)


@command(*TABLE, *SHAPE, "header_lines", "since", "account", "region", "replace", "dry_run")
def init_table(s: Settings) -> None:
    """Create database (if missing) and table; --dry-run prints the DDL and sends nothing."""
    from athena_flow.output import table_doc, to_json

    spec = wire.table_spec(s)
    if s.log_format and s.log_format not in (spec.format.text, spec.format.header):
        terminal.say(s, f"log format read as: {spec.format.header}")
    _only(s, "table", "json")
    unknown = [f.name for f in spec.format.fields if not f.version]
    if unknown:
        terminal.say(s, f"note: fields that are not known here, kept as text: {some(unknown)}")
    if s.replace:
        _replace_table(s, spec)
        return
    document = table_doc(spec)
    if s.dry_run:
        terminal.data(s, to_json(document) if s.as_ == "json" else document["ddl"] + "\n")
        return
    from athena_flow import tables

    made, notes = tables.init_table(
        spec, wire.open_catalog(s), wire.open_store(s), wire.access_flags(s)
    )
    for note in notes:
        terminal.say(s, f"note: {note}")
    if s.as_ == "json":
        terminal.data(s, to_json(document))
    state = "created" if made else "exists already:"
    terminal.say(s, f"{state} {spec.title} over {spec.root}, {len(spec.columns)} columns")


def _replace_table(s: Settings, spec: TableSpec) -> None:
    from athena_flow import tables
    from athena_flow.output import table_doc, to_json

    catalog = wire.open_catalog(s)
    with terminal.progress(s) as progress:
        wanted = tables.plan_replacement(
            spec, catalog, wire.open_store(s), progress, wire.access_flags(s)
        )
    if wanted is None:
        if s.as_ == "json":
            terminal.data(s, to_json(table_doc(spec, ())))
        terminal.say(s, f"nothing to replace: {spec.title} is that table already")
        return
    for note in wanted.notes:
        terminal.say(s, f"note: {note}")
    if not s.dry_run:
        with terminal.progress(s) as progress:
            tables.replace_table(wanted, catalog, progress)
    if s.as_ == "json":
        terminal.data(s, to_json(table_doc(spec, wanted.statements())))
    elif s.dry_run:
        terminal.data(s, "".join(f"{text};\n" for text in wanted.statements()))
    count = f"{len(wanted.partitions):,} partitions"
    told = f"to do: {wanted.steps}" if s.dry_run else f"replaced {spec.title}, with {count}"
    terminal.say(s, f"{told}: metadata only, no log is touched")


@command(*TABLE, "location", "logs", "file_type", "layout", "account", "region", "write")
def discover(s: Settings) -> None:
    """Say what logs lie in a bucket, or which flow logs this account has; --write keeps it."""
    from athena_flow import output

    chosen, found = wire.blocks_of(s)
    both = list(zip(chosen, wire.choices(s, chosen), strict=True))
    if s.as_ == "json":
        terminal.data(s, output.to_json([output.block_doc(*one) for one in both]))
    else:
        columns = [("block", "int"), ("what", "string"), ("value", "string")]
        numbered = [(n, output.block_rows(*one)) for n, one in enumerate(both, start=1)]
        terminal.print_rows(s, columns, [(n, *row) for n, rows in numbered for row in rows])
    if s.write:
        _keep_settings(s, chosen, found)


def _keep_settings(s: Settings, chosen: Sequence[Block], found: Sequence[Block]) -> None:
    from athena_flow import output

    file = Path.cwd() / FILE_NAME
    if len(chosen) != 1:
        raise BadSetting(
            f"--write needs one block, and there are {len(chosen)}",
            hint=wire.how_to_choose(s, chosen),
        )
    (block,) = chosen
    if block.format is None:
        raise BadSetting(
            "--write needs to know the format, and these files have no header line that says it",
            hint=wire.by_hand(s, block),
        )
    if file.exists():
        raise BadSetting(f"{file} exists and is left as it is", hint="move it away first")
    terminal.write_file(file, output.block_settings(block, wire.kept(s, block, found)))
    terminal.say(s, f"written: {file}; athena-flow init-table needs no flags now")


@command(*TABLE, *WINDOW)
def check(s: Settings) -> None:
    """Hold a table, anyone's, against the logs that lie there now; exit 6 with findings."""
    from athena_flow import check as checking
    from athena_flow.engines.duckdb import parquet_columns
    from athena_flow.output import to_json

    names = wire.table_name(s)
    window = wire.time_window(s, default="7d")
    catalog = wire.open_catalog(s)
    table = checking.find_table(catalog, *names, window)
    others = checking.other_tables(catalog, names[0], window)
    store, access = wire.open_store(s), wire.access_flags(s)
    with terminal.progress(s) as progress:
        look = checking.Look(store, parquet_columns, window, wire.now(), access, progress)
        report = checking.check(table, look, others)
    for note in report.notes:
        terminal.say(s, f"note: {note}")
    if s.as_ == "json":
        terminal.data(s, to_json(checking.document(report)))
    elif report.findings:
        columns = [(c, "string") for c in ("kind", "finding", "fix")]
        terminal.print_rows(s, columns, [(f.kind, f.message, f.fix or "") for f in report.findings])
    count = len(report.findings)
    if count:
        raise Findings(f"{count} finding{'s' * (count > 1)} in {report.table}")


@command(*TABLE, *WINDOW, "ahead", "via", "workgroup", "output_location", "dry_run")
def add_partitions(s: Settings) -> None:
    """Register the partitions of the window; doing it twice adds nothing."""
    from athena_flow import ddl, output
    from athena_flow import partitions as jobs
    from athena_flow.ports import Applied

    if s.dry_run:
        _only(s, "table", "json")
    with terminal.progress(s) as progress:
        try:
            wanted = wire.planned(s, progress)
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
                terminal.data(s, "".join(f"{text};\n" for text in texts))
            jobs.check_applied(wanted.spec, Applied(), found)
            return
        applied = wire.added(s, wanted, progress)
    document = output.added_doc(wanted.spec, plan, applied, found)
    terminal.say(s, f"{have} {document['present']}, added {document['added']}")
    if s.as_ == "json":
        terminal.data(s, output.to_json(document))
    elif s.as_ in ("csv", "ndjson", "parquet"):
        _print_partitions(s, document["partitions"])
    elif applied.done:
        columns = ("account", "region", "added", "first", "last")
        terminal.print_rows(s, [(c, "string") for c in columns], output.sources(applied.done))
    _say_failed(s, "not added", document["failed"])
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
        named = " ".join(_asked_for(s, "account", "region"))
        yield f"no logs{f' of {named}' * bool(named)} lie in the window below {spec.root}"
    elsewhere = wanted.plan.elsewhere
    if elsewhere:
        yield (
            f"{len(elsewhere)} of the present partitions are registered at another location than"
            f" they lie: {_again(s, 'gaps', '--fix')} mends them"
        )


def _asked_for(s: Settings, *names: str) -> Iterator[str]:
    """These settings as flags, where they were given."""
    for name in names:
        value = getattr(s, name)
        for one in value if isinstance(value, tuple) else filter(None, [value]):
            yield from (flag(name), one)


def _again(s: Settings, action: str, *more: str) -> str:
    """`partitions` with an action, over the table and the window of this command."""
    asked = _asked_for(s, "config", *TABLE, *WINDOW)
    since = () if s.since or action == "drop" else ("--since", "7d")
    return shlex.join(("athena-flow", "partitions", action, *more, *since, *asked))


def _print_partitions(s: Settings, entries: Sequence[Mapping[str, object]]) -> None:
    columns = ("account", "region", "date", "hour", "location")
    rows = [tuple(entry[c] for c in columns) for entry in entries]
    _print_filled(s, columns, rows)


def _print_filled(s: Settings, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of texts; as a table, without the columns that hold nothing."""
    if s.as_ in (None, "table") and rows:
        filled = [n for n in range(len(columns)) if any(row[n] is not None for row in rows)]
        columns = [columns[n] for n in filled]
        rows = [tuple(row[n] or "" for n in filled) for row in rows]
    terminal.print_rows(s, [(c, "string") for c in columns], rows)


@command(*TABLE, *WINDOW, "before", "fix", "dry_run", "yes")
def partitions(
    s: Settings, action: Annotated[str, typer.Argument(help="list, gaps or drop")] = "list"
) -> None:
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
    found = list(catalog.registered(spec, window))
    entries = [
        {**output.partition_doc(spec, partition), "location": location}
        for partition, location in sorted((r.partition, r.location) for r in found if r.partition)
    ]
    _note_unknown(s, sorted(r.location for r in found if r.partition is None))
    terminal.say(s, f"{spec.title}: {len(entries):,} partitions")
    if s.as_ == "json":
        terminal.data(s, output.to_json(entries))
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
        _only(s, "table", "json")
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


@command(*TABLE, *QUERY, *WINDOW)
def estimate(s: Settings, query: Annotated[str, SAVED]) -> None:
    """Say what a run would scan and cost; runs nothing."""
    from athena_flow import jobs, output

    bound, reading, _ = wire.bound_query(s, query)
    with terminal.progress(s) as progress:
        found, _ = jobs.estimate(bound, reading, progress)
    if s.as_ == "json":
        terminal.data(s, output.to_json(output.estimate_doc(found)))
    else:
        terminal.print_rows(
            s, [("what", "string"), ("how much", "string")], output.estimate_rows(found)
        )


@command(*TABLE, *QUERY, *WINDOW, *BUDGET)
def run(s: Settings, query: Annotated[str, SAVED]) -> None:
    """Estimate, check the budget, run, and print the rows."""
    from athena_flow import jobs, output
    from athena_flow.cost import show_bytes, show_usd

    budget = wire.budget_of(s)
    bound, reading, notes = wire.bound_query(s, query)

    def announce(found: Estimate) -> None:
        terminal.say(s, output.estimate_line(found))
        if not found.partitions:
            terminal.say(
                s, f"no partition of {bound.spec.title} lies in the window{_how_to_add(s)}"
            )

    with terminal.progress(s) as progress:
        engine = wire.open_engine(s, progress)
        found, result = jobs.run(bound, reading, engine, budget, announce, progress)
    for note in result.notes:
        terminal.say(s, f"note: {note}")
    cost = show_usd(found.price.usd(result.scanned_bytes))
    cost = cost if engine.name == "athena" else f"Athena would bill {cost}"
    query_id = f" (query {result.query_id})" if result.query_id else ""
    terminal.say(s, f"scanned: {show_bytes(result.scanned_bytes)}, {cost}{query_id}")
    if s.as_ == "json":
        terminal.data(s, output.to_json(output.run_doc(found, result, engine.name, notes)))
    else:
        terminal.print_rows(s, result.columns, result.rows)


@command(*TABLE, *LIBRARY)
def queries(
    s: Settings,
    action: Annotated[str | None, typer.Argument(help="show, new, test or publish")] = None,
    name: Annotated[str | None, SAVED] = None,
) -> None:
    """List the saved queries and which of them run; show one, write and test your own, publish."""
    library.queries(s, action, name)


@command()
def fields(s: Settings) -> None:
    """List every flow-log field that is known: type, version, meaning."""
    from athena_flow.fields import FIELDS

    columns = [(c, "string") for c in ("kind", "field", "column", "type", "version", "meaning")]
    rows = [(f.kind, f.name, f.column, f.athena_type, f.version, f.doc) for f in FIELDS]
    terminal.print_list(s, columns, rows)


@command()
def layouts(s: Settings) -> None:
    """List the S3 layouts that are known, each with the partition keys and a real key."""
    from athena_flow.layout import LAYOUTS

    columns = [(c, "string") for c in ("layout", "keys", "example")]
    terminal.print_list(
        s, columns, [(x.name, ", ".join(x.keys), x.example) for x in LAYOUTS.values()]
    )


@command()
def demo(
    s: Settings,
    folder: Annotated[str, typer.Argument(metavar="[DIR]", help="where")] = "athena-flow-demo",
) -> None:
    """Write realistic logs, then run the whole main job on them on this machine."""
    from athena_flow.demo import prepare

    root = Path(folder)
    written = prepare(root, wire.now())
    files = f"{written.files:,} files below {folder}/AWSLogs/"
    terminal.say(s, f"{written.records:,} records of 54 fields in {files}")
    terminal.write(f"$ cd {shlex.quote(folder)}\n")
    os.chdir(root)
    for variable in [v for v in os.environ if v.startswith(ENVIRONMENT) and v != wire.NOW]:
        del os.environ[variable]  # the demo's own settings count, and no account is asked
    for words in (
        "init-table",
        "add-partitions --since 7d",
        "estimate reject-report --since 7d",
        "run reject-report --since 7d -p limit=10",
    ):
        terminal.write(f"\n$ athena-flow {words}\n")
        sys.stdout.flush()
        code = app(words.split(), standalone_mode=False)
        if code:
            raise typer.Exit(code)
        sys.stdout.flush()
    terminal.say(
        s, f"\nGo on in {folder}: athena-flow queries; athena-flow run top-talkers --since 24h"
    )


def _how_to_add(s: Settings) -> str:
    return "" if s.logs else ": athena-flow add-partitions registers what lies in S3"


def _only(s: Settings, *forms: str) -> None:
    if (s.as_ or "table") not in forms:
        raise BadSetting(f"--as {s.as_} has no meaning here", hint=f"one of {', '.join(forms)}")
