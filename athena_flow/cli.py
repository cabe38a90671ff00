"""The command line: each command reads settings, hands nouns to a job, prints the result.

Flags come from the table in `settings`; `wire` opens what a job needs, `terminal` prints.
What a command does not need is not imported: ``--help`` pays for typer alone.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from athena_flow import terminal, wire
from athena_flow.command import BUDGET, QUERY, SHAPE, TABLE, WINDOW, app, command, main
from athena_flow.errors import BadQuery, BadSetting, Findings, some
from athena_flow.settings import ENVIRONMENT, FILE_NAME, Settings

if TYPE_CHECKING:
    from athena_flow.cost import Estimate
    from athena_flow.query import SavedQuery
    from athena_flow.survey import Block

__all__ = ["app", "main"]


@command(*TABLE, *SHAPE, "since", "account", "region", "replace", "dry_run")
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
    document = table_doc(spec)
    if s.dry_run:
        terminal.data(s, to_json(document) if s.as_ == "json" else document["ddl"] + "\n")
        return
    from athena_flow import jobs

    catalog = wire.open_catalog(s)
    if s.replace:
        with terminal.progress(s) as progress:
            count = jobs.replace_table(spec, catalog, progress)
        if count is None:
            terminal.say(s, f"nothing to replace: {spec.title} is that table already")
        else:
            terminal.say(s, f"replaced {spec.title} with its {count} partitions: metadata only")
        return
    made, notes = jobs.init_table(spec, catalog, wire.open_store(s))
    for note in notes:
        terminal.say(s, f"note: {note}")
    if s.as_ == "json":
        terminal.data(s, to_json(document))
    state = "created" if made else "exists already:"
    terminal.say(s, f"{state} {spec.title} over {spec.root}, {len(spec.columns)} columns")


@command(*TABLE, "location", "logs", "file_type", "layout", "account", "region", "write")
def discover(s: Settings) -> None:
    """Say what logs lie in a bucket, or which flow logs this account has; --write keeps it."""
    from athena_flow import output

    found = wire.blocks_of(s)
    if s.as_ == "json":
        terminal.data(s, output.to_json([output.block_doc(b) for b in found]))
    else:
        columns = [("block", "int"), ("what", "string"), ("value", "string")]
        numbered = [(n, output.block_rows(block)) for n, block in enumerate(found, start=1)]
        terminal.print_rows(s, columns, [(n, *row) for n, rows in numbered for row in rows])
    if s.write:
        _keep_settings(s, found)


def _keep_settings(s: Settings, found: Sequence[Block]) -> None:
    from athena_flow import output

    file = Path.cwd() / FILE_NAME
    if len(found) != 1:
        raise BadSetting(
            f"--write needs one block, and there are {len(found)}",
            hint="choose with --location, --account, --region, --layout or --file-type",
        )
    if file.exists():
        raise BadSetting(f"{file} exists and is left as it is", hint="move it away first")
    terminal.write_file(file, output.block_settings(found[0], wire.engine_name(s)))
    terminal.say(s, f"written: {file}; athena-flow init-table needs no flags now")


@command(*TABLE, *WINDOW)
def check(s: Settings) -> None:
    """Hold a table, anyone's, against the logs that lie there now; exit 6 with findings."""
    from athena_flow import check as checking
    from athena_flow.engines.duckdb import parquet_columns
    from athena_flow.output import to_json

    names = wire.table_name(s)
    window = wire.time_window(s, default="7d")
    table = checking.table_of(names[0], wire.open_catalog(s).described(*names))
    report = checking.check(
        table, wire.open_store(s), parquet_columns, window, wire.access_flags(s)
    )
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


@command(*TABLE, *WINDOW, "ahead", "dry_run")
def add_partitions(s: Settings) -> None:
    """Register the partitions of the window; doing it twice adds nothing."""
    from athena_flow import ddl, output, partitions
    from athena_flow.plan import PartitionPlan
    from athena_flow.ports import Applied
    from athena_flow.window import parse_span

    window = wire.time_window(s, default="7d")
    ahead = parse_span(s.ahead) if s.ahead else timedelta()
    catalog = wire.open_catalog(s)
    spec = wire.own_table(s, catalog)
    if spec.projection:
        terminal.say(
            s, f"{spec.title} projects its partitions: Athena computes them, nothing to add"
        )
        if s.as_ == "json":
            nothing = PartitionPlan((), (), ())
            terminal.data(s, output.to_json(output.added_doc(spec, nothing, Applied())))
        return
    with terminal.progress(s) as progress:
        wanted = partitions.plan_partitions(
            spec, window, ahead, catalog, wire.open_store(s), progress
        )
    have = f"{spec.title}: wanted {wanted.wanted}, present"
    if s.dry_run:
        _only(s, "table", "json")
        terminal.say(s, f"{have} {len(wanted.present)}, to add {len(wanted.missing)}")
        if s.as_ == "json":
            terminal.data(s, output.to_json(output.planned_doc(spec, wanted)))
        else:
            terminal.data(s, "".join(f"{t};\n" for t in ddl.add_partitions(spec, wanted.missing)))
        return
    with terminal.progress(s) as progress:
        applied = partitions.add_partitions(spec, wanted, catalog, progress)
    document = output.added_doc(spec, wanted, applied)
    terminal.say(s, f"{have} {document['present']}, added {document['added']}")
    if s.as_ == "json":
        terminal.data(s, output.to_json(document))
    elif s.as_ in ("csv", "ndjson", "parquet"):
        columns = ("account", "region", "date", "hour", "location")
        rows = [tuple(entry[c] for c in columns) for entry in document["partitions"]]
        terminal.print_rows(s, [(c, "string") for c in columns], rows)
    elif applied.added:
        columns = ("account", "region", "added", "first", "last")
        terminal.print_rows(s, [(c, "string") for c in columns], output.sources(applied.added))
    partitions.check_applied(spec, applied)


@command(*TABLE, *QUERY, *WINDOW)
def estimate(s: Settings, query: Annotated[str, typer.Argument(help="a saved query")]) -> None:
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
def run(s: Settings, query: Annotated[str, typer.Argument(help="a saved query")]) -> None:
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


@command(*TABLE, "logs", "log_format", "queries_dir")
def queries(
    s: Settings,
    action: Annotated[str | None, typer.Argument(help="show")] = None,
    name: Annotated[str | None, typer.Argument(help="a saved query")] = None,
) -> None:
    """List the saved queries; `queries show NAME` prints one with its parameters."""
    from athena_flow import output, query

    broken: dict[str, BadQuery] = {}
    library = query.library(wire.own_queries(s), broken)
    if name in broken:
        raise broken[name]
    for error in broken.values():
        terminal.say(s, f"note: left out: {error.message}")
    if action not in (None, "show") or (action == "show") != (name is not None):
        raise BadSetting("write `queries`, or `queries show NAME`")
    if name:
        _show_query(s, query.find(name, library))
        return
    known = wire.known_columns(s)
    documents = [output.query_doc(q, known) for q in library.values()]
    if s.as_ == "json":
        terminal.data(s, output.to_json(documents))
        return
    names = ["query", "title", "parameters"]
    rows = [[d["name"], d["title"], ", ".join(d["params"])] for d in documents]
    if known is not None:
        names.append("missing fields")
        rows = [[*row, ", ".join(d["missing"])] for row, d in zip(rows, documents, strict=True)]
    terminal.print_rows(s, [(c, "string") for c in names], rows)


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


def _show_query(s: Settings, saved: SavedQuery) -> None:
    from athena_flow.output import query_doc, to_json

    if s.as_ == "json":
        terminal.data(s, to_json(query_doc(saved, wire.known_columns(s)) | {"sql": saved.body}))
    else:
        terminal.data(s, saved.path.read_text("utf-8"))
