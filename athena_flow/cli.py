"""The command line: the only module that prints or exits, and the one that wires.

It picks engine, store and catalog by the settings, hands them to a job, prints the result.
stdout carries data only; progress, notes and errors go to stderr. What a command does not
need is not imported: ``--help`` pays for typer alone.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

import athena_flow
from athena_flow.errors import (
    INTERRUPTED,
    AthenaFlowError,
    BadSetting,
    Findings,
    ForeignTable,
    NotFound,
)
from athena_flow.settings import ENVIRONMENT, FILE_NAME, ROWS, Settings, flag, load

if TYPE_CHECKING:
    from athena_flow.cost import Budget, Estimate, Price
    from athena_flow.jobs import Reading
    from athena_flow.local import LogTree
    from athena_flow.logformat import LogFormat
    from athena_flow.output import Rows
    from athena_flow.ports import Catalog, Engine, ObjectStore, Partitions, Progress
    from athena_flow.query import BoundQuery, SavedQuery
    from athena_flow.survey import Block
    from athena_flow.table import Projection, TableSpec
    from athena_flow.window import Window

Choice = TypeVar("Choice")

NOW = "ATHENA_FLOW_NOW"
"""A variable that stands in for the clock, for tests and for reports made again."""

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""click's UsageError, as this typer has it: new ones carry a click of their own."""

app = typer.Typer(
    name="athena-flow",
    help="VPC flow logs in Amazon Athena: tables from any format, partitions, saved queries,"
    " and the price before the run. --logs DIR needs no AWS account.",
    epilog="Every flag is also a variable ATHENA_FLOW_<FLAG> and a key of athena-flow.toml.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_AWS = ("profile", "aws_region", "endpoint_url")
_COMMON = ("config", "as_", "output", "quiet", "verbose")
_TABLE = ("engine", "database", "table", "catalog", *_AWS)
_SHAPE = ("location", "log_format", "allow_unknown", "layout", "file_type", "partitions")
_WINDOW = ("since", "until", "account", "region", "late")
_QUERY = ("param", "queries_dir", "price_per_tb", "logs", "log_format")
_BUDGET = ("max_cost", "max_scan", "workgroup", "output_location")


# ---------------------------------------------------------------- flags from the table


def _command(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a typer command whose flags are these settings, and its own arguments."""

    def decorate(job: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(job, eval_str=True).parameters.values())[1:]

        def command(**given: Any) -> None:  # typer gives what the signature says
            arguments = {p.name: given.pop(p.name) for p in own}
            settings = load(given, os.environ, Path.cwd())
            _check_common(settings)
            _State.settings = settings
            try:
                job(settings, **arguments)
            except KeyboardInterrupt as stopped:
                sys.stderr.write(
                    ": ".join(filter(None, ("athena-flow: interrupted", str(stopped)))) + "\n"
                )
                raise typer.Exit(INTERRUPTED) from None

        parameters = own + [_parameter(name) for name in dict.fromkeys((*names, *_COMMON))]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        command.__doc__ = job.__doc__
        app.command(job.__name__.rstrip("_").replace("_", "-"))(command)
        return job

    return decorate


def _parameter(name: str) -> inspect.Parameter:
    row = ROWS[name]
    spellings = [flag(name), *filter(None, [row.metadata.get("short")])]
    option = typer.Option(
        *spellings,
        help=row.metadata["help"],
        metavar=row.metadata.get("metavar"),
        show_default=False,
    )
    kind: Any = {False: bool, (): list[str]}.get(row.default, str | None)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=[] if row.default == () else row.default,
        annotation=Annotated[kind, option],
    )


def _check_common(settings: Settings) -> None:
    from athena_flow.output import check_format

    form = check_format(settings.as_ or "table")
    if form == "parquet" and not settings.output:
        raise BadSetting("--as parquet needs -o FILE: it is no text")
    if settings.output:
        _check_target(Path(settings.output))


def _check_target(path: Path) -> None:
    """Raises NotFound for an -o that cannot be written, before anything is done or paid for."""
    folder = path.absolute().parent
    if path.is_dir():
        raise NotFound(f"cannot write {path}: it is a directory")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise NotFound(f"cannot write {path}: no such directory, or not allowed")


class _State:
    """What the printer of errors has to know, also when a command fails half-way."""

    settings: Settings | None = None


def _version(wanted: bool) -> None:
    if wanted:
        _print(f"athena-flow {athena_flow.__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="the version")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        _print(context.get_help() + "\n")


# ---------------------------------------------------------------- commands


@_command(*_TABLE, *_SHAPE, "since", "account", "region", "replace", "dry_run")
def init_table(s: Settings) -> None:
    """Create database (if missing) and table; --dry-run prints the DDL and sends nothing."""
    from athena_flow.output import table_doc, to_json

    spec = _spec(s)
    if s.log_format and s.log_format not in (spec.format.text, spec.format.header):
        _say(s, f"log format read as: {spec.format.header}")
    document = table_doc(spec)
    if s.dry_run:
        _data(s, to_json(document) if s.as_ == "json" else document["ddl"] + "\n")
        return
    from athena_flow import jobs

    catalog = _catalog(s)
    if s.replace:
        with _progress(s) as progress:
            count = jobs.replace_table(spec, catalog, progress)
        _say(s, f"replaced {spec.title} with its {count} partitions: metadata only")
        return
    made, notes = jobs.init_table(spec, catalog, _store(s))
    for note in notes:
        _say(s, f"note: {note}")
    if s.as_ == "json":
        _data(s, to_json(document))
    state = "created" if made else "exists already:"
    _say(s, f"{state} {spec.title} over {spec.root}, {len(spec.columns)} columns")


@_command(*_TABLE, "location", "logs", "file_type", "layout", "account", "region", "write")
def discover(s: Settings) -> None:
    """Say what logs lie in a bucket, or which flow logs this account has; --write keeps it."""
    from athena_flow import output

    found, notes = _blocks(s)
    for note in notes:
        _say(s, f"note: {note}")
    found = [b for b in found if s.file_type in (None, b.file_type)]
    found = [b for b in found if s.layout in (None, b.layout.name)]
    if s.as_ == "json":
        _data(s, output.to_json([output.block_doc(b) for b in found]))
    else:
        for block in found:
            _rows(s, [("what", "string"), ("", "string")], output.block_rows(block))
            _print("\n")
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
    _written(file, output.block_settings(found[0], _engine_name(s)))
    _say(s, f"written: {file}; athena-flow init-table needs no flags now")


def _blocks(s: Settings) -> tuple[list[Block], list[str]]:
    """What lies below --location or --logs; without either, the account's own flow logs."""
    from athena_flow import survey
    from athena_flow.engines.duckdb import parquet_columns
    from athena_flow.window import Window

    if s.location or s.logs:
        location = _location(s)
        window = Window(accounts=_accounts(s), regions=s.region)
        found = survey.survey(location, _store(s), parquet_columns, window)
        looked = f"looked at {len(found.samples)} objects among {found.keys:,} keys"
        return survey.blocks(location, found.samples), [looked, *survey.warnings(found)]
    from athena_flow.aws import describe_flow_logs

    account = _account(s)
    logs = [survey.flow_log(entry) for entry in describe_flow_logs(account)]
    if not logs:
        raise NotFound(
            f"no flow log of this account delivers to S3 from {account.region}",
            hint="for a central bucket, give --location s3://bucket/prefix/",
        )
    today = _now().date()
    return survey.described_blocks(logs, account.number, account.region, today), []


@_command(*_TABLE, *_WINDOW)
def check(s: Settings) -> None:
    """Hold a table, anyone's, against the logs that lie there now; exit 6 with findings."""
    from athena_flow import check as checking
    from athena_flow.engines.duckdb import parquet_columns
    from athena_flow.output import to_json

    names = _table_name(s)
    window = _window(s, default="7d")
    table = checking.table_of(names[0], _catalog(s).described(*names))
    report = checking.check(table, _store(s), parquet_columns, window, _access(s))
    for note in report.notes:
        _say(s, f"note: {note}")
    if s.as_ == "json":
        _data(s, to_json(checking.document(report)))
    elif report.findings:
        columns = [(c, "string") for c in ("kind", "finding", "fix")]
        _rows(s, columns, [(f.kind, f.message, f.fix or "") for f in report.findings])
    count = len(report.findings)
    if count:
        raise Findings(f"{count} finding{'s' * (count > 1)} in {report.table}")


@_command(*_TABLE, *_WINDOW, "ahead", "dry_run")
def add_partitions(s: Settings) -> None:
    """Register the partitions of the window; doing it twice adds nothing."""
    from athena_flow import ddl, jobs, output
    from athena_flow.plan import PartitionPlan
    from athena_flow.ports import Applied
    from athena_flow.window import parse_span

    window = _window(s, default="7d")
    ahead = parse_span(s.ahead) if s.ahead else timedelta()
    catalog = _catalog(s)
    spec = _own_table(s, catalog)
    if spec.projection:
        _say(s, f"{spec.title} projects its partitions: Athena computes them, nothing to add")
        if s.as_ == "json":
            nothing = PartitionPlan((), (), ())
            _data(s, output.to_json(output.added_doc(spec, nothing, Applied())))
        return
    with _progress(s) as progress:
        wanted = jobs.plan_partitions(spec, window, ahead, catalog, _store(s), progress)
    have = f"{spec.title}: wanted {wanted.wanted}, present {len(wanted.present)}"
    if s.dry_run:
        _say(s, f"{have}, to add {len(wanted.missing)}")
        if s.as_ == "json":
            _data(s, output.to_json(output.planned_doc(spec, wanted)))
        else:
            _data(s, "".join(f"{t};\n" for t in ddl.add_partitions(spec, wanted.missing)))
        return
    applied = Applied()
    with _progress(s) as progress:
        applied = jobs.add_partitions(spec, wanted, catalog, progress)
    _say(s, f"{have}, added {len(applied.added)}")
    document = output.added_doc(spec, wanted, applied)
    if s.as_ == "json":
        _data(s, output.to_json(document))
    elif s.as_ in ("csv", "ndjson", "parquet"):
        columns = ("account", "region", "date", "hour", "location")
        rows = [tuple(entry[c] for c in columns) for entry in document["partitions"]]
        _rows(s, [(c, "string") for c in columns], rows)
    elif applied.added:
        columns = ("account", "region", "added", "first", "last")
        _rows(s, [(c, "string") for c in columns], output.sources(applied.added))
    jobs.check_applied(spec, applied)


@_command(*_TABLE, *_QUERY, *_WINDOW)
def estimate(s: Settings, query: Annotated[str, typer.Argument(help="a saved query")]) -> None:
    """Say what a run would scan and cost; runs nothing."""
    from athena_flow import jobs, output

    bound, reading = _bound(s, query)
    with _progress(s) as progress:
        found, _ = jobs.estimate(bound, reading, progress)
    if s.as_ == "json":
        _data(s, output.to_json(output.estimate_doc(found)))
    else:
        _rows(s, [("what", "string"), ("how much", "string")], output.estimate_rows(found))


@_command(*_TABLE, *_QUERY, *_WINDOW, *_BUDGET)
def run(s: Settings, query: Annotated[str, typer.Argument(help="a saved query")]) -> None:
    """Estimate, check the budget, run, and print the rows."""
    from athena_flow import jobs, output
    from athena_flow.cost import show_bytes, show_usd

    budget = _budget(s)
    bound, reading = _bound(s, query)
    engine = _engine(s)

    def announce(found: Estimate) -> None:
        _say(s, output.estimate_line(found))
        if not found.partitions:
            _say(s, f"no partition of {bound.spec.title} lies in the window{_how_to_add(s)}")

    with _progress(s) as progress:
        found, result = jobs.run(bound, reading, engine, budget, announce, progress)
    for note in result.notes:
        _say(s, f"note: {note}")
    cost = show_usd(found.price.usd(result.scanned_bytes))
    cost = cost if engine.name == "athena" else f"Athena would bill {cost}"
    query_id = f" (query {result.query_id})" if result.query_id else ""
    _say(s, f"scanned: {show_bytes(result.scanned_bytes)}, {cost}{query_id}")
    if s.as_ == "json":
        _data(s, output.to_json(output.run_doc(found, result, engine.name)))
    else:
        _rows(s, result.columns, result.rows)


@_command(*_TABLE, "logs", "log_format", "queries_dir")
def queries(
    s: Settings,
    action: Annotated[str | None, typer.Argument(help="show")] = None,
    name: Annotated[str | None, typer.Argument(help="a saved query")] = None,
) -> None:
    """List the saved queries; `queries show NAME` prints one with its parameters."""
    from athena_flow import output, query

    library = query.library(_own_queries(s))
    if action not in (None, "show") or (action == "show") != (name is not None):
        raise BadSetting("write `queries`, or `queries show NAME`")
    if name:
        _show_query(s, query.find(name, library))
        return
    known = _known_columns(s)
    documents = [output.query_doc(q, known) for q in library.values()]
    if s.as_ == "json":
        _data(s, output.to_json(documents))
        return
    names = ["query", "title", "parameters"]
    rows = [[d["name"], d["title"], ", ".join(d["params"])] for d in documents]
    if known is not None:
        names.append("missing fields")
        rows = [[*row, ", ".join(d["missing"])] for row, d in zip(rows, documents, strict=True)]
    _rows(s, [(c, "string") for c in names], rows)


@_command()
def fields(s: Settings) -> None:
    """List every flow-log field that is known: type, version, meaning."""
    from athena_flow.fields import FIELDS

    columns = [(c, "string") for c in ("kind", "field", "column", "type", "version", "meaning")]
    rows = [(f.kind, f.name, f.column, f.athena_type, f.version, f.doc) for f in FIELDS]
    _table(s, columns, rows)


@_command()
def layouts(s: Settings) -> None:
    """List the S3 layouts that are known, each with the partition keys and a real key."""
    from athena_flow.layout import LAYOUTS

    columns = [(c, "string") for c in ("layout", "keys", "example")]
    _table(s, columns, [(x.name, ", ".join(x.keys), x.example) for x in LAYOUTS.values()])


@_command()
def demo(
    s: Settings,
    folder: Annotated[str, typer.Argument(metavar="[DIR]", help="where")] = "athena-flow-demo",
) -> None:
    """Write realistic logs, then run the whole main job on them on this machine."""
    from athena_flow.demo import prepare

    root = Path(folder)
    written = prepare(root, _now())
    files = f"{written.files:,} files below {folder}/AWSLogs/"
    _say(s, f"{written.records:,} records of 54 fields in {files}")
    _print(f"$ cd {folder}\n")
    os.chdir(root)
    for variable in [v for v in os.environ if v.startswith(ENVIRONMENT) and v != NOW]:
        del os.environ[variable]  # the demo's own settings count, and no account is asked
    for words in (
        "init-table",
        "add-partitions --since 7d",
        "estimate reject-report --since 7d",
        "run reject-report --since 7d -p limit=10",
    ):
        _print(f"\n$ athena-flow {words}\n")
        sys.stdout.flush()
        app(words.split(), standalone_mode=False)
        sys.stdout.flush()
    _say(s, f"\nGo on in {folder}: athena-flow queries; athena-flow run top-talkers --since 24h")


# ---------------------------------------------------------------- wiring


def _now() -> datetime:
    """The only clock."""
    fixed = os.environ.get(NOW)
    if not fixed:
        return datetime.now(UTC)
    from athena_flow.window import parse_time

    return parse_time(fixed, datetime.now(UTC))


def _engine_name(s: Settings) -> str:
    name = s.engine or ("duckdb" if s.logs else "athena")
    if name not in ("athena", "duckdb"):
        raise BadSetting(f"--engine {name!r} is none of athena, duckdb")
    if s.logs and name != "duckdb":
        raise BadSetting("--logs is read by --engine duckdb", hint="leave one of them out")
    return name


def _spec(s: Settings) -> TableSpec:
    from athena_flow.layout import layout_named
    from athena_flow.table import FILE_TYPES, MODES, TableSpec

    if not s.location:
        raise BadSetting(
            "--location is missing", hint="say what stands before AWSLogs/: s3://bucket/prefix/"
        )
    location = _location(s)
    mode = _one_of("--partitions", s.partitions or "explicit", MODES)
    return TableSpec(
        *_table_name(s),
        location,
        _log_format(s),
        layout_named(s.layout or "daily"),
        _one_of("--file-type", s.file_type or "text", FILE_TYPES),
        mode,
        _projection(s) if mode == "projection" else None,
    )


def _location(s: Settings) -> str:
    from athena_flow.table import before_root, s3_location

    text = s.location or s.logs or ""
    if _engine_name(s) == "duckdb":
        from athena_flow.local import folder_location

        return before_root(folder_location(text))
    return s3_location(text)


def _one_of(what: str, text: str, known: Mapping[str, Choice]) -> Choice:
    if text not in known:
        raise BadSetting(f"{what} {text!r} is none of {', '.join(known)}")
    return known[text]


def _projection(s: Settings) -> Projection:
    """``--since``, ``--region`` and ``--account`` are what a projected table is made of."""
    from athena_flow.table import Projection
    from athena_flow.window import parse_time

    if not s.since:
        raise BadSetting(
            "--partitions projection needs --since: the first day that queries may read",
            hint="write --since 2025-01-01; without --account, every query has to name one",
        )
    return Projection(parse_time(s.since, _now()).date(), s.region, _accounts(s))


def _accounts(s: Settings) -> tuple[str, ...]:
    from athena_flow.params import account

    for text in s.account:
        try:
            account(text)
        except ValueError as error:
            raise BadSetting(f"--account {text!r}: wants {error}") from None
    return s.account


def _log_format(s: Settings) -> LogFormat:
    from athena_flow.logformat import parse_format

    return parse_format(s.log_format or "default", allow_unknown=s.allow_unknown)


def _table_name(s: Settings) -> tuple[str, str]:
    return s.database or "flow_logs", s.table or "vpc_flow_logs"


def _account(s: Settings) -> Any:  # athena_flow.aws is imported only where AWS is asked
    from athena_flow.aws import Account

    return Account(s.profile, s.aws_region, s.endpoint_url)


def _catalog(s: Settings) -> Catalog:
    if _engine_name(s) == "athena":
        from athena_flow.aws import GlueCatalog

        return GlueCatalog(_account(s))
    from athena_flow.local import LocalCatalog

    return LocalCatalog(Path(s.catalog or s.folder / ".athena-flow" / "catalog.sqlite"))


def _access(s: Settings) -> tuple[str, ...]:
    """The flags by which another command reaches the same catalog and the same account."""
    said = {name: getattr(s, name) for name in ("engine", "catalog", *_AWS)}
    return tuple(word for name, value in said.items() if value for word in (flag(name), value))


def _store(s: Settings) -> ObjectStore:
    if _engine_name(s) == "athena":
        from athena_flow.aws import S3Store

        return S3Store(_account(s))
    from athena_flow.local import DirStore

    return DirStore()


def _engine(s: Settings) -> Engine:
    if _engine_name(s) == "athena":
        from athena_flow.engines.athena import AthenaEngine

        account = _account(s)
        return AthenaEngine(
            account.session,
            region=account.region,
            workgroup=s.workgroup,
            output_location=s.output_location,
            endpoint=s.endpoint_url,
        )
    from athena_flow.engines.duckdb import DuckDBEngine

    return DuckDBEngine()


def _own_table(s: Settings, catalog: Catalog) -> TableSpec:
    return catalog.table(*_table_name(s))


def _own_queries(s: Settings) -> Path | None:
    return Path(s.queries_dir).expanduser() if s.queries_dir else None


def _window(s: Settings, default: str | None) -> Window:
    from dataclasses import replace

    from athena_flow.window import parse_span, parse_window

    window = parse_window(s.since, s.until, _now(), default=default)
    if default and s.since is None:
        _say(s, f"note: without --since, the last {default}")
    late = parse_span(s.late) if s.late else timedelta()
    return replace(window, accounts=_accounts(s), regions=s.region, late=late)


def _bound(s: Settings, query_name: str) -> tuple[BoundQuery, Reading]:
    """The query on its table and window, and where that table is read from."""
    from athena_flow import params, query
    from athena_flow.engines.duckdb import evaluate
    from athena_flow.jobs import Reading

    _engine_name(s)
    saved = query.find(query_name, query.library(_own_queries(s)))
    values = params.bind(saved.params, s.param)
    price = _price(s)
    window = _window(s, default=None if s.logs else "7d")
    if s.logs:
        tree = _tree(s, window, saved.requires)
        for note in tree.notes:
            _say(s, f"note: {note}")
        reading = Reading(tree, tree, evaluate, price)
        spec = tree.spec
    else:
        spec, partitions = _read_table(s, window)
        reading = Reading(partitions, _store(s), evaluate, price)
    if "end" not in spec.format:
        _say(s, f"note: {spec.title} has no field end: the window is whole partitions")
    bound = query.bind(saved, values, spec, window)
    if s.verbose:
        _say(s, bound.sql)
    return bound, reading


def _read_table(s: Settings, window: Window) -> tuple[TableSpec, Partitions]:
    """The table that queries are about, ours or somebody's, and its partitions."""
    from athena_flow.adopt import adopt
    from athena_flow.jobs import ProjectedPartitions

    catalog = _catalog(s)
    try:
        spec = _own_table(s, catalog)
    except ForeignTable:
        if _engine_name(s) != "athena":
            raise
        database, name = _table_name(s)
        described = catalog.described(database, name)
        adopted = adopt(database, described, catalog.parts(database, name), window)
        for note in adopted.notes:
            _say(s, f"note: {note}")
        return adopted.spec, adopted
    return spec, ProjectedPartitions(_now()) if spec.projection else catalog


def _tree(s: Settings, window: Window, needs: Sequence[str]) -> LogTree:
    from athena_flow.engines.duckdb import parquet_schema
    from athena_flow.local import read_tree

    wanted = _log_format(s) if s.log_format else None
    return read_tree(
        s.logs or "", window, wanted, needs, lambda path: [c for c, _ in parquet_schema(path)]
    )


def _price(s: Settings) -> Price:
    from athena_flow.cost import price_in

    region = s.aws_region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return price_in(region or "us-east-1", _usd(s.price_per_tb, "--price-per-tb"))


def _budget(s: Settings) -> Budget:
    from athena_flow.cost import Budget, parse_bytes

    size = parse_bytes(s.max_scan) if s.max_scan else None
    return Budget(_usd(s.max_cost, "--max-cost"), size)


def _usd(text: str | None, what: str) -> float | None:
    if text is None:
        return None
    try:
        usd = float(text.removeprefix("$"))
    except ValueError:
        usd = -1.0
    if not 0 <= usd < float("inf"):
        raise BadSetting(f"{what} {text!r} is no amount of USD", hint="write 0.50 or 5")
    return usd


def _known_columns(s: Settings) -> LogFormat | None:
    """The format that `queries` holds queries against; None when nothing names one."""
    if s.logs:
        from athena_flow.window import Window

        return _tree(s, Window(), ()).spec.format
    return _log_format(s) if s.log_format else None


def _how_to_add(s: Settings) -> str:
    return "" if s.logs else ": athena-flow add-partitions registers what lies in S3"


def _show_query(s: Settings, saved: SavedQuery) -> None:
    from athena_flow.output import query_doc, to_json

    if s.as_ == "json":
        _data(s, to_json(query_doc(saved, _known_columns(s)) | {"sql": saved.body}))
    else:
        _data(s, saved.path.read_text("utf-8"))


# ---------------------------------------------------------------- printing


def _print(text: str) -> None:
    sys.stdout.write(text)


def _say(s: Settings, text: str) -> None:
    """A note for people, on stderr."""
    if not s.quiet:
        sys.stderr.write(text + "\n")


def _data(s: Settings, text: str) -> None:
    if s.output:
        _written(Path(s.output), text)
    else:
        _print(text)


def _written(path: Path, text: str) -> None:
    """All of it or nothing: a file that is there stays as it is until the new one is whole."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise NotFound(f"cannot write {path}: {error.strerror}") from None


def _table(s: Settings, columns: Sequence[tuple[str, str]], rows: Rows) -> None:
    """Rows that are a list of things: as JSON, a list of objects."""
    from athena_flow.output import to_json

    if s.as_ == "json":
        names = [name for name, _ in columns]
        _data(s, to_json([dict(zip(names, row, strict=True)) for row in rows]))
    else:
        _rows(s, columns, rows)


def _rows(s: Settings, columns: Sequence[tuple[str, str]], rows: Rows) -> None:
    from athena_flow.output import rows_text

    if s.as_ == "parquet":
        from athena_flow.engines.duckdb import write_parquet

        write_parquet(columns, rows, Path(s.output or ""))
        return
    terminal = sys.stdout.isatty() and not s.output
    width = _terminal_width() if terminal else None
    text = rows_text([name for name, _ in columns], rows, s.as_ or "table", width=width)
    if s.output:
        _written(Path(s.output), "".join(text))
    else:
        for piece in text:
            _print(piece)


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


@contextmanager
def _progress(s: Settings) -> Iterator[Progress]:
    """A bar on stderr when that is a terminal; silence when it is not, or with --quiet."""
    from athena_flow.ports import no_progress

    if s.quiet or not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show


def _fail(error: AthenaFlowError | None, code: int, message: str, hint: str | None) -> NoReturn:
    kind = error.kind if error else "Usage"
    settings = _State.settings
    if (settings and settings.as_ == "json") or (not settings and _asks_for_json(sys.argv)):
        document = {"code": code, "kind": kind, "message": message, "hint": hint}
        sys.stderr.write(json.dumps({"error": document}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"athena-flow: error: {message}\n")
        if hint:
            sys.stderr.write(f"hint: {hint}\n")
    sys.exit(code)


def _asks_for_json(argv: Sequence[str]) -> bool:
    return "--as=json" in argv or ("--as", "json") in zip(argv, argv[1:], strict=False)


def main() -> None:
    """The entry point: runs a command, and turns what went wrong into one line and a code."""
    import logging

    for noisy in ("sqlglot", "pyathena"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        code = app(prog_name="athena-flow", standalone_mode=False)
        sys.stdout.flush()
    except AthenaFlowError as error:
        if _State.settings and _State.settings.verbose:
            traceback.print_exc()
        _fail(error, error.code, " ".join(error.message.split()), error.hint)
    except _UsageError as error:
        context: Any = getattr(error, "ctx", None)
        hint = f"{context.command_path} --help" if context else "athena-flow --help"
        _fail(None, 2, " ".join(str(error).split()), hint)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
