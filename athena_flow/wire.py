"""Settings -> the nouns and edges that jobs are handed: tables, windows, catalogs, engines.

Edges are imported inside the function that opens them, so that a command pays only for
what it uses.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from athena_flow import terminal
from athena_flow.errors import BadQuery, BadSetting, ForeignTable, NotFound
from athena_flow.settings import Settings, flag

if TYPE_CHECKING:
    from athena_flow.cost import Budget, Price
    from athena_flow.jobs import Reading
    from athena_flow.local import LogTree
    from athena_flow.logformat import LogFormat
    from athena_flow.ports import Catalog, Engine, ObjectStore, Partitions, Progress
    from athena_flow.query import BoundQuery
    from athena_flow.survey import Block
    from athena_flow.table import Projection, TableSpec
    from athena_flow.window import Window

Choice = TypeVar("Choice")

AUTO = "auto"
"""For a format, layout or file type that is to be read from the logs themselves."""
AWS_FLAGS = ("profile", "aws_region", "endpoint_url")
"""The settings by which an account is reached."""
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
    if name not in ("athena", "duckdb"):
        raise BadSetting(f"--engine {name!r} is none of athena, duckdb")
    if s.logs and name != "duckdb":
        raise BadSetting("--logs is read by --engine duckdb", hint="leave one of them out")
    return name


def table_spec(s: Settings) -> TableSpec:
    from athena_flow.layout import layout_named
    from athena_flow.table import FILE_TYPES, MODES, TableSpec

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
        _one_of("--file-type", s.file_type or _type_of_key(s.layout), FILE_TYPES),
        mode,
        _projection(s) if mode == "projection" else None,
    )


def _type_of_key(layout: str | None) -> str:
    """The file type that a real key as --layout tells, else text."""
    return "parquet" if layout and layout.endswith(".parquet") else "text"


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
    from athena_flow.logformat import parse_format

    return parse_format(s.log_format or "default", allow_unknown=s.allow_unknown)


def table_name(s: Settings) -> tuple[str, str]:
    return s.database or "flow_logs", s.table or "vpc_flow_logs"


def _account(s: Settings) -> Any:  # athena_flow.aws is imported only where AWS is asked
    from athena_flow.aws import Account

    return Account(s.profile, s.aws_region, s.endpoint_url)


def open_catalog(s: Settings) -> Catalog:
    if engine_name(s) == "athena":
        from athena_flow.aws import GlueCatalog

        return GlueCatalog(_account(s))
    from athena_flow.local import LocalCatalog

    return LocalCatalog(Path(s.catalog or s.folder / ".athena-flow" / "catalog.sqlite"))


def access_flags(s: Settings) -> tuple[str, ...]:
    """The flags by which another command reaches the same catalog and the same account."""
    said = {name: getattr(s, name) for name in ("engine", "catalog", *AWS_FLAGS)}
    return tuple(word for name, value in said.items() if value for word in (flag(name), value))


def open_store(s: Settings) -> ObjectStore:
    if engine_name(s) == "athena":
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
    from athena_flow.engines.duckdb import DuckDBEngine

    return DuckDBEngine(progress)


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
    from athena_flow.jobs import Reading

    engine_name(s)
    broken: dict[str, BadQuery] = {}
    library = query.library(own_queries(s), broken)
    if query_name in broken:
        raise broken[query_name]
    saved = query.find(query_name, library)
    values = params.bind(saved.params, s.param)
    price = _price(s)
    window = time_window(s, default=None if s.logs else "7d")
    if s.logs:
        tree = _tree(s, window, saved.requires)
        spec, notes = tree.spec, [*tree.notes]
        reading = Reading(tree, tree, evaluate, price)
    else:
        spec, partitions, notes = _read_table(s, window)
        reading = Reading(partitions, open_store(s), evaluate, price)
    if "end" not in spec.format and (window.start or window.end):
        notes.append(f"{spec.title} has no field end: the window is whole partitions")
    for note in notes:
        terminal.say(s, f"note: {note}")
    bound = query.bind(saved, values, spec, window)
    if s.verbose:
        terminal.say(s, bound.sql)
    return bound, reading, notes


def _read_table(s: Settings, window: Window) -> tuple[TableSpec, Partitions, list[str]]:
    """The table that queries are about, ours or somebody's, and its partitions."""
    from athena_flow.adopt import adopt
    from athena_flow.partitions import ProjectedPartitions

    catalog = open_catalog(s)
    try:
        spec = own_table(s, catalog)
    except ForeignTable:
        if engine_name(s) != "athena":
            raise
        database, name = table_name(s)
        described = catalog.described(database, name)
        adopted = adopt(database, described, catalog.parts(database, name), window)
        return adopted.spec, adopted, [*adopted.notes]
    return spec, ProjectedPartitions(now()) if spec.projection else catalog, []


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


def known_columns(s: Settings) -> LogFormat | None:
    """The format that `queries` holds queries against; None when nothing names one."""
    if s.logs:
        from athena_flow.window import Window

        return _tree(s, Window(), ()).spec.format
    return log_format(s) if s.log_format else None


def _as_it_lies(s: Settings) -> Settings:
    """The settings with every ``auto`` replaced by what the logs themselves say."""
    found = blocks_of(s)
    if len(found) != 1 or found[0].format is None:
        raise BadSetting(
            f"auto needs logs of one layout, file type and known format below {s.location},"
            f" and there are {len(found)} kinds",
            hint="athena-flow discover lists them; then say which with flags",
        )
    block = found[0]
    header = block.format.header if block.format else ""
    named = block.layout.title == block.layout.name
    return replace(
        s,
        log_format=header if s.log_format == AUTO else s.log_format,
        layout=(block.layout.name if named else block.example) if s.layout == AUTO else s.layout,
        file_type=block.file_type if s.file_type == AUTO else s.file_type,
    )


def blocks_of(s: Settings) -> list[Block]:
    """What lies below --location or --logs; without either, the account's own flow logs.

    Only those of --layout and --file-type, where these are said.
    """
    found, notes = _all_blocks(s)
    for note in notes:
        terminal.say(s, f"note: {note}")
    return [
        block
        for block in found
        if s.file_type in (None, AUTO, block.file_type)
        and s.layout in (None, AUTO, block.layout.name)
    ]


def _all_blocks(s: Settings) -> tuple[list[Block], list[str]]:
    from athena_flow import survey
    from athena_flow.engines.duckdb import parquet_columns
    from athena_flow.window import Window

    if s.location or s.logs:
        location = location_of(s)
        window = Window(accounts=accounts(s), regions=s.region)
        found = survey.survey(location, open_store(s), parquet_columns, window)
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
    today = now().date()
    return survey.described_blocks(logs, account.number, account.region, today), []
