"""Settings -> the nouns and edges that jobs are handed: tables, windows, catalogs, engines.

Edges are imported inside the function that opens them, so that a command pays only for
what it uses.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from athena_flow import terminal
from athena_flow.errors import (
    AccessError,
    BadFile,
    BadQuery,
    BadSetting,
    ForeignTable,
    MissingPackage,
    NotFound,
    some,
)
from athena_flow.settings import Settings, flag

if TYPE_CHECKING:
    from athena_flow.blocks import Block, Choice
    from athena_flow.cost import Budget, Price
    from athena_flow.jobs import Reading
    from athena_flow.local import LogTree
    from athena_flow.logformat import LogFormat
    from athena_flow.named import WorkgroupQueries
    from athena_flow.params import Value
    from athena_flow.plan import Delivered, PartitionPlan
    from athena_flow.ports import (
        Applied,
        Catalog,
        Engine,
        ObjectStore,
        Partitions,
        Progress,
        Result,
    )
    from athena_flow.query import BoundQuery, SavedQuery
    from athena_flow.table import Projection, TableSpec
    from athena_flow.window import Window

One = TypeVar("One")

AUTO = "auto"
"""For a format, layout or file type that is to be read from the logs themselves."""
ENGINES = ("athena", "duckdb", "trino")
"""Trino reads the Glue and the S3 of an account, as Athena does."""
AWS_FLAGS = ("profile", "aws_region", "endpoint_url")
"""The settings by which an account is reached."""
TRINO_FLAGS = ("trino_host", "trino_port", "trino_catalog", "trino_user", "trino_tls", "trino_ca")
"""The settings by which a Trino is reached."""
NOW = "ATHENA_FLOW_NOW"
"""A variable that stands in for the clock, for tests and for reports made again."""


def now() -> datetime:
    """The only clock."""
    fixed = os.environ.get(NOW)
    if not fixed:
        return datetime.now(UTC)
    from athena_flow.window import parse_time

    return parse_time(fixed, datetime.now(UTC))


def engine_name(s: Settings) -> str:
    name = s.engine or ("duckdb" if s.logs else "athena")
    if name not in ENGINES:
        raise BadSetting(f"--engine {name!r} is none of {', '.join(ENGINES)}")
    if s.logs and name != "duckdb":
        raise BadSetting("--logs is read by --engine duckdb", hint="leave one of them out")
    return name


def table_spec(s: Settings) -> TableSpec:
    from athena_flow.layout import layout_named
    from athena_flow.table import FILE_TYPES, HEADER_LINES, MODES, TableSpec

    s = _as_described(s)
    if not s.location:
        raise BadSetting(
            "--location is missing", hint="say what stands before AWSLogs/: s3://bucket/prefix/"
        )
    accounts(s)
    if AUTO in (s.log_format, s.layout, s.file_type):
        s = _as_it_lies(s)
    location = location_of(s)
    mode = _one_of("--partitions", s.partitions or "explicit", MODES)
    return TableSpec(
        *table_name(s),
        location,
        log_format(s),
        layout_named(s.layout or "daily"),
        _one_of("--file-type", s.file_type or _type_of_key(s.layout) or "text", FILE_TYPES),
        mode,
        _projection(s) if mode == "projection" else None,
        header_lines=_one_of("--header-lines", s.header_lines or "1", HEADER_LINES),
    )


def _type_of_key(layout: str | None) -> str | None:
    """The file type that a real key as --layout tells; None when it is no key of a file."""
    if layout and layout.endswith(".parquet"):
        return "parquet"
    return "text" if layout and layout.endswith((".log", ".log.gz")) else None


def _as_described(s: Settings) -> Settings:
    """The settings with what a pasted answer of DescribeFlowLogs says and no flag does."""
    from athena_flow import described
    from athena_flow.pasted import entries

    answer = entries(s.log_format or "")
    if answer is None:
        return s
    told = [described.told(entry) for entry in answer]
    if engine_name(s) == "duckdb":  # the logs were copied from where the answer says
        told = [replace(log, location=None) for log in told]
    if s.layout == AUTO:
        told = [replace(log, layout=None) for log in told]
    if s.file_type == AUTO:
        told = [replace(log, file_type=None) for log in told]
    chosen, wanted, notes = described.one_table(told, _said(s), allow_unknown=s.allow_unknown)
    of_key = _type_of_key(s.layout)
    if not s.file_type and of_key and chosen.file_type not in (None, of_key):
        raise BadSetting(
            f"--layout is the key of a {of_key} file, but the answer says"
            f" --file-type {chosen.file_type}"
        )
    for note in notes:
        terminal.say(s, f"note: {note}")
    return replace(
        s,
        log_format=wanted.header,
        location=s.location or chosen.location,
        layout=s.layout or (chosen.layout.name if chosen.layout else None),
        file_type=s.file_type or chosen.file_type,
    )


def _said(s: Settings) -> dict[str, str]:
    """What flags say of where and how logs are delivered, in the words of an answer."""
    from athena_flow.layout import layout_named
    from athena_flow.table import FILE_TYPES

    said = {}
    if s.location:
        said["--location"] = location_of(s)
    if s.layout and s.layout != AUTO:
        said["--layout"] = layout_named(s.layout).name
    if s.file_type and s.file_type != AUTO:
        said["--file-type"] = _one_of("--file-type", s.file_type, FILE_TYPES)
    return said


def location_of(s: Settings) -> str:
    from athena_flow.layout import ROOT
    from athena_flow.table import before_root, s3_location

    text = s.location or s.logs or ""
    if engine_name(s) == "duckdb":
        from athena_flow.local import folder_location

        location = folder_location(text)
        if s.logs:  # a directory of logs may lie anywhere in their tree
            return location.partition("/" + ROOT)[0].rstrip("/") + "/"
        return before_root(location)
    return s3_location(text)


def _one_of(what: str, text: str, known: Mapping[str, One]) -> One:
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
    return Projection(parse_time(s.since, now()).date(), s.region, accounts(s))


def accounts(s: Settings) -> tuple[str, ...]:
    from athena_flow.params import account

    for text in s.account:
        try:
            account(text)
        except ValueError as error:
            raise BadSetting(f"--account {text!r}: wants {error}") from None
    return s.account


def log_format(s: Settings) -> LogFormat:
    """--log-format as it was given. With --logs it is that of text files without a header."""
    from athena_flow.logformat import check_one_kind, parse_format

    found = parse_format(s.log_format or "default", allow_unknown=s.allow_unknown)
    if s.logs:
        check_one_kind(found)
    return found


def table_name(s: Settings) -> tuple[str, str]:
    return s.database or "flow_logs", s.table or "vpc_flow_logs"


_accounts: dict[tuple[str | None, ...], Any] = {}
"""One for each way to reach one, so that its calls are counted together."""


def _account(s: Settings) -> Any:  # athena_flow.aws is imported only where AWS is asked
    from athena_flow.aws import Account

    way = (s.profile, s.aws_region, s.endpoint_url)
    if way not in _accounts:
        _accounts[way] = Account(*way)
    return _accounts[way]


def calls() -> Mapping[str, int]:
    """The requests that AWS was sent so far, by ``service.Operation``."""
    counts = Counter[str]()
    for account in _accounts.values():
        counts.update(account.calls)
    return counts


def open_catalog(s: Settings) -> Catalog:
    if engine_name(s) != "duckdb":
        from athena_flow.aws import GlueCatalog

        return GlueCatalog(_account(s))
    from athena_flow.local import LocalCatalog

    return LocalCatalog(_catalog_file(s))


def _catalog_file(s: Settings) -> Path:
    return Path(s.catalog or s.folder / ".athena-flow" / "catalog.sqlite")


def access_flags(s: Settings) -> tuple[str, ...]:
    """The flags by which another command reaches the same catalog and the same account."""
    said = {name: getattr(s, name) for name in ("engine", "catalog", *AWS_FLAGS)}
    return tuple(word for name, value in said.items() if value for word in (flag(name), value))


def open_store(s: Settings) -> ObjectStore:
    if engine_name(s) != "duckdb":
        from athena_flow.aws import S3Store

        return S3Store(_account(s))
    from athena_flow.local import DirStore

    return DirStore()


def open_engine(s: Settings, progress: Progress) -> Engine:
    if engine_name(s) == "athena":
        from athena_flow.engines.athena import AthenaEngine

        account = _account(s)
        return AthenaEngine(
            account.session,
            region=account.region,
            workgroup=s.workgroup,
            output_location=s.output_location,
            endpoint=s.endpoint_url,
        )
    if engine_name(s) == "trino":
        return _trino(s)
    from athena_flow.engines.duckdb import DuckDBEngine

    return DuckDBEngine(progress)


def _trino(s: Settings) -> Engine:
    try:
        from athena_flow.engines import trino
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"--engine trino needs a package that is not installed: {error.name}",
            hint="pip install 'athena-flow[trino]'",
        ) from error
    if not s.trino_host:
        raise BadSetting("--trino-host is missing", hint="say where your Trino is")
    tls = s.trino_tls or s.trino_ca is not None
    port = s.trino_port or str(trino.TLS_PORT if tls else trino.PORT)
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise BadSetting(f"--trino-port {port!r} is no port", hint="write 8080 or 443")
    authority = Path(s.trino_ca).expanduser() if s.trino_ca else None
    if authority and not authority.is_file():
        raise NotFound(f"--trino-ca {s.trino_ca}: no such file")
    address = trino.Address(
        s.trino_host,
        int(port),
        s.trino_catalog or trino.CATALOG,
        s.trino_user or trino.this_user(),
        tls,
        authority,
        os.environ.get(trino.PASSWORD),
    )
    return trino.TrinoEngine(address, table_name(s)[0])


@dataclass(frozen=True, slots=True)
class Planned:
    """The partitions of a window, looked at and not yet added."""

    spec: TableSpec
    catalog: Catalog
    found: Delivered
    plan: PartitionPlan


def planned(s: Settings, progress: Progress) -> Planned:
    """What `add-partitions` would do. Of a projected table: nothing."""
    from athena_flow import partitions
    from athena_flow.plan import Delivered, PartitionPlan
    from athena_flow.window import parse_span

    if _one_of("--via", s.via or "glue", VIA) == "sql" and engine_name(s) != "athena":
        hint = f"leave it out with --engine {engine_name(s)}"
        raise BadSetting("--via sql is Athena's", hint=hint)
    window = time_window(s, default="7d")
    ahead = parse_span(s.ahead) if s.ahead else timedelta()
    catalog = open_catalog(s)
    spec = own_table(s, catalog)
    if spec.projection:
        return Planned(spec, catalog, Delivered(frozenset()), PartitionPlan((), (), ()))
    found = partitions.delivered(spec, window, open_store(s), progress)
    return Planned(
        spec, catalog, found, partitions.plan_partitions(spec, window, ahead, catalog, found)
    )


VIA = {"glue": "glue", "sql": "sql"}
"""Ways to add partitions."""


def added(s: Settings, wanted: Planned, progress: Progress) -> Applied:
    """Adds what is planned, by Glue's API or by Athena's ALTER TABLE."""
    from athena_flow import ddl, partitions

    missing = wanted.plan.missing
    if s.via != "sql" or not missing:
        return partitions.add_partitions(wanted.spec, wanted.plan, wanted.catalog, progress)
    engine = open_engine(s, progress)
    statements = ddl.added_by(wanted.spec, missing)
    send = partial(engine.run, scans=())
    return partitions.add_by_sql(statements, send, len(missing), progress)


def own_table(s: Settings, catalog: Catalog) -> TableSpec:
    return catalog.table(*table_name(s))


def own_queries(s: Settings) -> Path | None:
    return Path(s.queries_dir).expanduser() if s.queries_dir else None


def time_window(s: Settings, default: str | None) -> Window:
    from athena_flow.window import parse_span, parse_window

    window = parse_window(s.since, s.until, now(), default=default)
    if default and s.since is None:
        terminal.say(s, f"note: without --since, the last {default}")
    late = parse_span(s.late) if s.late else timedelta()
    return replace(window, accounts=accounts(s), regions=s.region, late=late)


def bound_query(s: Settings, query_name: str) -> tuple[BoundQuery, Reading, list[str]]:
    """The query on its table and window, where that table is read from, and notes on both."""
    from athena_flow import params, query
    from athena_flow.engines.duckdb import evaluate
    from athena_flow.fields import COLUMNS
    from athena_flow.header import Alias
    from athena_flow.jobs import Reading

    engine_name(s)
    broken: dict[str, BadQuery] = {}
    library = query.library(own_queries(s), broken)
    if query_name in broken:
        raise broken[query_name]
    saved = query.find(query_name, library)
    alias = saved.alias(query_name)
    if alias:
        meant = Alias(saved.name, alias.given)
        terminal.say(s, f"note: {query_name} is called {meant} here")
    given = [*s.param, *(alias.beside(s.param) if alias else ())]
    values = params.bind(saved.params, given, now(), _list_file)
    price = _price(s)
    window = time_window(s, default=None if s.logs else "7d")
    if s.logs:
        tree = _tree(s, window, saved.requires)
        spec, notes, has = tree.spec, [*tree.notes], tree.common
        reading = Reading(tree, tree, evaluate, price)
    else:
        spec, partitions, notes = _read_table(s, window)
        has = frozenset(spec.format.columns)
        reading = Reading(partitions, open_store(s), evaluate, price)
    if "end" not in spec.format and (window.start or window.end):
        notes.append(f"{spec.title} has no field end: the window is whole partitions")
    lacking = {COLUMNS[c]: saved.improves[c] for c in saved.lacking(has)}
    if lacking and not saved.missing(spec.format):
        less = "; ".join(f"{field}, which {adds}" for field, adds in lacking.items())
        notes.append(f"{saved.name} runs with less, for not all logs have {less}")
    for note in notes:
        terminal.say(s, f"note: {note}")
    bound = query.bind(saved, values, spec, window, has)
    if s.verbose:
        terminal.say(s, bound.sql)
    return bound, reading, notes


def _list_file(path: str) -> str:
    """The text of a file that -p NAME=@FILE names. Raises BadFile."""
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise BadFile(f"{path}: cannot be read: {reason}") from None


def _read_table(s: Settings, window: Window) -> tuple[TableSpec, Partitions, list[str]]:
    """The table that queries are about, ours or somebody's, and its partitions."""
    from athena_flow.adopt import adopt
    from athena_flow.partitions import ProjectedPartitions

    catalog = open_catalog(s)
    try:
        spec = own_table(s, catalog)
    except ForeignTable:
        if engine_name(s) == "duckdb":
            raise
        database, name = table_name(s)
        described = catalog.described(database, name)
        adopted = adopt(database, described, catalog.parts(database, name), window)
        return adopted.spec, adopted, [*adopted.notes]
    return spec, ProjectedPartitions(now()) if spec.projection else catalog, []


def published_table(s: Settings) -> TableSpec:
    """The table that saved queries are published for."""
    from athena_flow.window import Window

    return _read_table(s, Window())[0]


def open_named(s: Settings) -> WorkgroupQueries:
    """The named queries of --workgroup."""
    from athena_flow.engines.athena import PRIMARY
    from athena_flow.named import WorkgroupQueries

    return WorkgroupQueries(_account(s).client("athena"), s.workgroup or PRIMARY)


def validate(s: Settings, saved: SavedQuery, values: Mapping[str, Value]) -> None:
    """Lets Athena look at a statement, which costs nothing. Raises EngineError, MissingFields."""
    from athena_flow import query
    from athena_flow.ports import no_progress
    from athena_flow.window import parse_window

    window = parse_window("1d", None, now(), default=None)
    window = replace(window, accounts=accounts(s), regions=s.region)
    bound = query.bind(saved, values, published_table(s), window)
    open_engine(s, no_progress).run(f"EXPLAIN (TYPE VALIDATE) {bound.sql}", ())


def rows_of(saved: SavedQuery, values: Mapping[str, Value], logs: str) -> Result:
    """A query's rows on all logs of a directory, by the embedded engine."""
    from athena_flow import jobs, query
    from athena_flow.cost import Budget, price_in
    from athena_flow.engines.duckdb import DuckDBEngine, evaluate
    from athena_flow.jobs import Reading
    from athena_flow.ports import no_progress
    from athena_flow.window import Window

    tree = _tree(Settings(logs=logs), Window(), saved.requires)
    bound = query.bind(saved, values, tree.spec, Window(), tree.common)
    reading = Reading(tree, tree, evaluate, price_in("us-east-1", None))
    budget = Budget(None, None)
    _, result = jobs.run(bound, reading, DuckDBEngine(), budget, lambda _: None, no_progress)
    return result


def _tree(s: Settings, window: Window, needs: Sequence[str]) -> LogTree:
    from athena_flow.engines.duckdb import parquet_schema
    from athena_flow.local import read_tree

    wanted = log_format(s) if s.log_format else None
    return read_tree(
        s.logs or "", window, wanted, needs, lambda path: [c for c, _ in parquet_schema(path)]
    )


def _price(s: Settings) -> Price:
    from athena_flow.cost import price_in

    region = s.aws_region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return price_in(region or "us-east-1", _usd(s.price_per_tb, "--price-per-tb"))


def budget_of(s: Settings) -> Budget:
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


def known_formats(s: Settings) -> tuple[LogFormat, ...]:
    """The formats that `queries` holds queries against; none when nothing names one."""
    from athena_flow.window import Window

    if s.logs:
        return _tree(s, Window(), ()).formats
    if s.log_format and s.log_format != AUTO:
        return (log_format(s),)
    try:
        local = engine_name(s) == "duckdb" and _catalog_file(s).exists()
        if s.table or s.database or local:
            return (_read_table(s, Window())[0].format,)
    except AccessError as error:
        terminal.say(s, f"note: not held against a table: {error.message}")
    return ()


def _as_it_lies(s: Settings) -> Settings:
    """The settings with every ``auto`` replaced by what the logs themselves say."""
    found, _ = blocks_of(s)
    if len(found) != 1:
        raise BadSetting(
            f"auto needs logs that one table can read, and below {s.location} are {len(found)}"
            " blocks of such",
            hint=f"athena-flow discover shows them; {how_to_choose(s, found)}",
        )
    (block,) = found
    if s.log_format == AUTO and block.format is None:
        raise BadSetting(
            "--log-format auto needs header lines, and these files have none, nor the default"
            f" format: {block.location}{block.example}"
        )
    header = block.format.header if block.format else ""
    named = block.layout.title == block.layout.name
    return replace(
        s,
        log_format=header if s.log_format == AUTO else s.log_format,
        layout=(block.layout.name if named else block.example) if s.layout == AUTO else s.layout,
        file_type=block.file_type if s.file_type == AUTO else s.file_type,
        header_lines=s.header_lines or f"{block.header_lines}",
        allow_unknown=s.allow_unknown or s.log_format == AUTO,
    )


def blocks_of(s: Settings) -> tuple[list[Block], list[Block]]:
    """What lies below --location or --logs; without either, the account's own flow logs.

    First those of --layout, --file-type, --account and --region, where these are said, then
    all that were seen. Raises NotFound when none is left.
    """
    from athena_flow.layout import layout_named
    from athena_flow.table import FILE_TYPES

    wanted = None if s.layout in (None, AUTO) else layout_named(s.layout or "")
    if s.file_type not in (None, AUTO):
        _one_of("--file-type", s.file_type or "", FILE_TYPES)
    found, notes = _all_blocks(s)
    for note in notes:
        terminal.say(s, f"note: {note}")
    chosen = [
        block
        for block in found
        if s.file_type in (None, AUTO, block.file_type)
        and (wanted is None or block.layout.name == s.layout or block.layout.title == wanted.title)
        and (not s.account or set(s.account) & set(block.accounts))
        and (not s.region or set(s.region) & set(block.regions))
    ]
    if not chosen:
        there = dict.fromkeys(
            f"{b.file_type} in {b.layout.title} of {some(b.accounts)} in {some(b.regions)}"
            for b in found
        )
        raise NotFound(
            f"none of the logs that were found fits {shlex.join(_chosen(s))}",
            hint=f"there are: {'; '.join(there)}",
        )
    if len(chosen) < len(found):
        terminal.say(s, f"note: of {len(found)} blocks, only those of {shlex.join(_chosen(s))}")
    return chosen, found


_CHOICES = ("file_type", "layout", "account", "region")
"""The settings that choose among blocks."""


def _chosen(s: Settings, names: Sequence[str] = _CHOICES) -> tuple[str, ...]:
    """The flags by which the user chose."""
    said = ((flag(n), getattr(s, n)) for n in names if getattr(s, n) not in (None, AUTO))
    return tuple(
        word
        for name, value in said
        for one in (value if isinstance(value, tuple) else (value,))
        for word in (name, one)
    )


def choices(s: Settings, found: Sequence[Block]) -> list[Choice]:
    """How each block is chosen, with what the user chose already."""
    from athena_flow import blocks

    return [_with_chosen(s, blocks.choice(block, found)) for block in found]


def _with_chosen(s: Settings, choice: Choice) -> Choice:
    if not choice.flags:
        return choice
    others = [name for name in _CHOICES if flag(name) not in choice.flags]
    return replace(choice, flags=(*_chosen(s, others), *choice.flags))


def how_to_choose(s: Settings, found: Sequence[Block]) -> str:
    """The flags that choose each block, in one line."""
    ways = (shlex.join(c.flags) if c.flags else c.why for c in choices(s, found))
    return "; ".join(f"block {n}: {way}" for n, way in enumerate(ways, start=1))


def by_hand(s: Settings, block: Block) -> str:
    """The command that makes a block's table once its format is filled in."""
    words = {
        "--location": block.location,
        "--layout": block.example,
        "--file-type": block.file_type,
        "--header-lines": f"{block.header_lines}",
    }
    flags = [word for pair in words.items() for word in pair]
    said = shlex.join((*access_flags(replace(s, engine=engine_name(s))), *flags))
    return f"say it: athena-flow init-table {said} --log-format '${{...}} ${{...}}'"


def kept(s: Settings, block: Block, found: Sequence[Block]) -> dict[str, str | tuple[str, ...]]:
    """The settings by which later commands reach a block, and no other of those found."""
    from athena_flow import blocks

    names = ("database", "table", "catalog", *AWS_FLAGS, "account", "region")
    said = {name: value for name in names if (value := getattr(s, name))}
    return {"engine": engine_name(s), **said, **blocks.limits(block, found)}


def _all_blocks(s: Settings) -> tuple[list[Block], list[str]]:
    from athena_flow import blocks, described

    if s.location or s.logs:
        return _seen_blocks(s)
    if engine_name(s) == "duckdb":
        raise BadSetting("--engine duckdb looks at no account", hint="write --logs DIR")
    from athena_flow.aws import describe_flow_logs

    account = _account(s)
    logs = [described.flow_log(entry) for entry in describe_flow_logs(account)]
    if not logs:
        raise NotFound(
            f"no flow log of this account delivers to S3 from {account.region}",
            hint="for a central bucket, give --location s3://bucket/prefix/",
        )
    found = blocks.described_blocks(logs, account.number, account.region, now().date())
    return found, described.warnings(logs)


def _seen_blocks(s: Settings) -> tuple[list[Block], list[str]]:
    from athena_flow import blocks, survey
    from athena_flow.engines.duckdb import parquet_columns
    from athena_flow.window import Window

    if s.location and engine_name(s) != "duckdb" and Path(s.location).expanduser().is_dir():
        raise BadSetting(
            f"--location {s.location} is a directory of this machine",
            hint=f"write --logs {shlex.quote(s.location)}",
        )
    location = location_of(replace(s, location=None) if s.logs else s)
    window = Window(accounts=accounts(s), regions=s.region)
    with terminal.progress(s) as progress:
        found = survey.survey(location, open_store(s), parquet_columns, window, progress)
    count = len(found.samples)
    looked = f"looked at {count:,} object{'s' * (count != 1)} among {found.keys:,} keys"
    strays = [f"in no layout: {uri}" for uri in found.strange] if s.verbose else []
    notes = [looked, *survey.warnings(found), *strays]
    return blocks.blocks(location, found.samples), notes
