"""Settings -> the nouns and edges that jobs are handed: tables, windows, catalogs, engines.

Edges are imported inside the function that opens them, so that a command pays only for
what it uses.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from athena_flow import stored, terminal
from athena_flow.errors import (
    AccessError,
    BadQuery,
    BadSetting,
    ForeignTable,
    MissingPackage,
    NotFound,
)
from athena_flow.settings import Settings, as_flags, flag

if TYPE_CHECKING:
    from athena_flow.local import LogTree
    from athena_flow.logformat import LogFormat
    from athena_flow.named import WorkgroupQueries
    from athena_flow.ports import (
        Catalog,
        Engine,
        ObjectStore,
        Partitions,
        Progress,
    )
    from athena_flow.query import SavedQuery
    from athena_flow.table import TableSpec
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


def engines_clock() -> datetime:
    """The clock by which an engine runs a statement, whatever `NOW` says."""
    return datetime.now(UTC)


def engine_name(s: Settings) -> str:
    name = s.engine or ("duckdb" if s.logs else "athena")
    if name not in ENGINES:
        raise BadSetting(f"--engine {name!r} is none of {', '.join(ENGINES)}")
    if s.logs and name != "duckdb":
        raise BadSetting("--logs is read by --engine duckdb", hint="leave one of them out")
    return name


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


def one_of(what: str, text: str, known: Mapping[str, One]) -> One:
    if text not in known:
        raise BadSetting(f"{what} {text!r} is none of {', '.join(known)}")
    return known[text]


def accounts(s: Settings) -> tuple[str, ...]:
    return _each("account", s.account)


def regions(s: Settings) -> tuple[str, ...]:
    return _each("region", s.region)


def _each(name: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts, all of the parameter type of that name. Raises BadSetting."""
    from athena_flow.params import TYPES

    for text in texts:
        try:
            TYPES[name].read(text, None)
        except ValueError as error:
            raise BadSetting(f"{flag(name)} {text!r}: wants {error}") from None
    return texts


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


def account_of(s: Settings) -> Any:  # athena_flow.aws is imported only where AWS is asked
    from athena_flow.aws import Account

    way = (s.profile, s.aws_region, s.endpoint_url)
    if way not in _accounts:
        _accounts[way] = Account(*way)
    return _accounts[way]


def region(s: Settings) -> str:
    """Where Athena is, or would be for logs of this machine. Raises NoCredentials.

    An account's own word goes first: a profile has a region as well, and boto3 does not read
    AWS_REGION; a query costs what it costs there.
    """
    if engine_name(s) != "duckdb" and not s.inventory:
        return str(account_of(s).region)
    said = s.aws_region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return said or "us-east-1"


def calls() -> Mapping[str, int]:
    """The requests that AWS was sent so far, by ``service.Operation``."""
    counts = Counter[str]()
    for account in _accounts.values():
        counts.update(account.calls)
    return counts


def open_catalog(s: Settings) -> Catalog:
    if engine_name(s) != "duckdb":
        from athena_flow.glue import GlueCatalog

        return GlueCatalog(account_of(s))
    from athena_flow.local import LocalCatalog

    return LocalCatalog(_catalog_file(s))


def _catalog_file(s: Settings) -> Path:
    return Path(s.catalog or s.folder / ".athena-flow" / "catalog.sqlite")


def access_flags(s: Settings) -> tuple[str, ...]:
    """The flags by which another command reaches the same catalog and the same account."""
    return as_flags(s, ("engine", "catalog", *AWS_FLAGS))


def open_store(s: Settings) -> ObjectStore:
    if engine_name(s) != "duckdb":
        from athena_flow.aws import S3Store

        return S3Store(account_of(s))
    from athena_flow.local import DirStore

    return DirStore()


def open_engine(s: Settings, progress: Progress) -> Engine:
    if engine_name(s) == "athena":
        from athena_flow.engines.athena import AthenaEngine

        account = account_of(s)
        return AthenaEngine(
            account.session,
            region=account.region,
            workgroup=s.workgroup,
            output_location=s.output_location,
            endpoint=s.endpoint_url,
            database=table_name(s)[0],
        )
    if engine_name(s) == "trino":
        return _trino(s)
    from athena_flow.engines.duckdb import DuckDBEngine

    return DuckDBEngine(progress, stored.matching(s), skip_bad=s.skip_bad_files)


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
    authority = Path(s.trino_ca) if s.trino_ca else None
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


def own_table(s: Settings, catalog: Catalog) -> TableSpec:
    return catalog.table(*table_name(s))


def own_queries(s: Settings) -> Path | None:
    return Path(s.queries_dir) if s.queries_dir else None


def own_library(s: Settings) -> tuple[dict[str, SavedQuery], dict[str, BadQuery]]:
    """The saved queries, and what is wrong with those that are none."""
    from athena_flow import query

    broken: dict[str, BadQuery] = {}
    return query.library(own_queries(s), broken), broken


def time_window(s: Settings, default: str | None) -> Window:
    from athena_flow.window import parse_span, parse_window

    window = parse_window(s.since, s.until, now(), default=default)
    if default and s.since is None:
        terminal.say(s, f"note: without --since, the last {default}")
    late = parse_span(s.late) if s.late else timedelta()
    return replace(window, accounts=accounts(s), regions=regions(s), late=late)


def queried_table(
    s: Settings, window: Window, catalog: Catalog
) -> tuple[TableSpec, Partitions, tuple[str, ...]]:
    """The table that queries are about, ours or somebody's, its partitions, and notes on it."""
    from athena_flow.adopt import adopt
    from athena_flow.partitions import ProjectedPartitions

    try:
        spec = own_table(s, catalog)
    except ForeignTable:
        if engine_name(s) == "duckdb":
            raise
        database, name = table_name(s)
        described = catalog.described(database, name)
        adopted = adopt(database, described, catalog.parts(database, name), window)
        return adopted.spec, adopted, tuple(adopted.notes)
    return spec, ProjectedPartitions(now()) if spec.projection else catalog, ()


def published_table(s: Settings) -> TableSpec:
    """The table that saved queries are published for."""
    from athena_flow.window import Window

    return queried_table(s, Window(), open_catalog(s))[0]


def open_named(s: Settings) -> WorkgroupQueries:
    """The named queries of --workgroup."""
    from athena_flow.engines.athena import PRIMARY
    from athena_flow.named import WorkgroupQueries

    return WorkgroupQueries(account_of(s).client("athena"), s.workgroup or PRIMARY)


def log_tree(s: Settings, window: Window, needs: Sequence[str] = ()) -> LogTree:
    """The logs of --logs, from the local store where they lie in a bucket."""
    return stored.tree(s, window, log_format(s) if s.log_format else None, needs)


def known_formats(s: Settings) -> tuple[LogFormat, ...]:
    """The formats that `queries` holds queries against; none when nothing names one."""
    from athena_flow.window import Window

    if s.logs:
        return log_tree(s, Window()).formats
    if s.log_format and s.log_format != AUTO:
        return (log_format(s),)
    try:
        local = engine_name(s) == "duckdb" and _catalog_file(s).exists()
        if s.table or s.database or local:
            return (published_table(s).format,)
    except AccessError as error:
        terminal.say(s, f"note: not held against a table: {error.message}")
    return ()
