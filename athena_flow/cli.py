"""The command line: each command reads settings, hands nouns to a job, prints the result.

Flags come from the table in `settings`; `wire` opens what a job needs, `terminal` prints.
What a command does not need is not imported: ``--help`` pays for typer alone.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from athena_flow import (
    given,
    ingesting,
    library,
    policy,
    registering,
    shape,
    spending,
    terminal,
    wire,
)
from athena_flow.command import (
    BUDGET,
    LIBRARY,
    LISTING,
    PLANNER,
    QUERY,
    SHAPE,
    SIZES,
    TABLE,
    WINDOW,
    app,
    command,
    main,
)
from athena_flow.completion import complete_query
from athena_flow.errors import BadSetting, Findings, some
from athena_flow.settings import ENVIRONMENT, FILE_NAME, Settings

if TYPE_CHECKING:
    from athena_flow.blocks import Block
    from athena_flow.cost import Estimate
    from athena_flow.table import TableSpec

__all__ = ["app", "main"]

SAVED: Any = typer.Argument(help="a saved query", autocompletion=complete_query)


@command(*TABLE, *SHAPE, "header_lines", "since", "account", "region", "replace", "dry_run")
def init_table(s: Settings) -> None:
    """Create database (if missing) and table; --dry-run prints the DDL and sends nothing."""
    from athena_flow.output import table_doc, to_json

    spec = shape.table_spec(s)
    if s.log_format and s.log_format not in (spec.format.text, spec.format.header):
        terminal.say(s, f"log format read as: {spec.format.header}")
    terminal.only(s, "table", "json")
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

    chosen, found = shape.blocks_of(s)
    both = list(zip(chosen, shape.choices(s, chosen), strict=True))
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
            hint=shape.how_to_choose(s, chosen),
        )
    (block,) = chosen
    if block.format is None:
        raise BadSetting(
            "--write needs to know the format, and these files have no header line that says it",
            hint=shape.by_hand(s, block),
        )
    if file.exists():
        raise BadSetting(f"{file} exists and is left as it is", hint="move it away first")
    terminal.write_file(file, output.block_settings(block, shape.kept(s, block, found)))
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
    registering.add(s)


@command(*TABLE, *WINDOW, "before", "fix", "dry_run", "yes")
def partitions(
    s: Settings, action: Annotated[str, typer.Argument(help="list, gaps or drop")] = "list"
) -> None:
    """What is registered; what is missing, phantom, wrong or silent; removal."""
    registering.partitions(s, action)


@command(*TABLE, *QUERY, *WINDOW, *SIZES, *LISTING, *PLANNER, "advice")
def estimate(s: Settings, query: Annotated[str | None, SAVED] = None) -> None:
    """Say what a run would scan and cost, of a saved query or any --sql; runs nothing."""
    from athena_flow import figures, jobs, output

    listing = shape.inventory(s) if s.inventory else None
    asked, reading, _ = given.asked(s, query, listing)
    with terminal.progress(s) as progress:
        if s.explain_plan:
            reading = given.with_planner(s, reading, progress)
        found, scans = jobs.estimate(asked, reading, progress)
        advised = spending.advice(s, asked, found, scans) if s.advice else ()
    if s.explain_plan and found.plan is None:
        why = found.unplanned or "there is no query that it could plan"
        terminal.say(s, f"note: there is no plan: {why}")
    if s.as_ == "json":
        told = spending.advice_docs(advised) if s.advice else {}
        terminal.data(s, output.to_json({**figures.estimate_doc(found), **told}))
    else:
        columns = [("what", "string"), ("how much", "string")]
        rows = [*figures.estimate_rows(found, s.verbose), *spending.advice_rows(advised)]
        terminal.print_rows(s, columns, rows)


@command(*TABLE, *QUERY, *WINDOW, *SIZES, *BUDGET)
def run(s: Settings, query: Annotated[str | None, SAVED] = None) -> None:
    """Estimate, check the budget, run, and print the rows."""
    from athena_flow import figures, jobs, output
    from athena_flow.cost import show_bytes, show_usd

    policy.budget(s)
    asked, reading, notes = given.asked(s, query, runs=True)

    def announce(found: Estimate) -> None:
        terminal.say(s, figures.estimate_line(found))
        if query and not found.partitions:
            tables = some(dict.fromkeys(scan.table for scan in found.scans))
            terminal.say(s, f"no partition of {tables} lies in the window{_how_to_add(s)}")

    with terminal.progress(s) as progress:
        engine = wire.open_engine(s, progress)
        guard = policy.guard(s, announce, wire.now)
        found, result = jobs.run(asked, reading, engine, guard, progress)
    for note in result.notes:
        terminal.say(s, f"note: {note}")
    cost = show_usd(found.bill(result.scanned_bytes))
    cost = cost if engine.name == "athena" else f"Athena would bill {cost}"
    query_id = f" (query {result.query_id})" if result.query_id else ""
    terminal.say(s, f"scanned: {show_bytes(result.scanned_bytes)}, {cost}{query_id}")
    if s.as_ == "json":
        terminal.data(s, output.to_json(figures.run_doc(found, result, engine.name, notes)))
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


@command(*ingesting.SETTINGS)
def ingest(s: Settings) -> None:
    """Read logs into the local Parquet store, and only what is new: queries on it are fast."""
    ingesting.run(s)


@command(*spending.COSTS)
def costs(s: Settings) -> None:
    """Say what the runs of this machine cost, by query, table and month; the dearest ones."""
    spending.costs(s)


@command(*spending.PRICES)
def prices(s: Settings) -> None:
    """List the prices that are known, each with its date and source; --refresh asks AWS."""
    spending.prices(s)


@command(*spending.WORKGROUP)
def workgroup(s: Settings, action: Annotated[str, typer.Argument(help="ensure")]) -> None:
    """Make a workgroup whose queries Athena itself cuts off at --max-scan."""
    spending.workgroup(s, action)


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
        s,
        f"\nGo on in {folder}: athena-flow queries; athena-flow run top-talkers --since 24h;"
        " a Transit Gateway's log lies beside it: athena-flow run tgw-packet-loss --logs transit",
    )


def _how_to_add(s: Settings) -> str:
    return "" if s.logs else ": athena-flow add-partitions registers what lies in S3"
