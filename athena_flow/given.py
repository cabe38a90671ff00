"""Settings -> the statement that an estimate or a run is about, and where its tables are read.

A saved query by its name, or a text of the user's own with --sql; never both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from athena_flow import measuring, policy, stored, terminal, wire
from athena_flow.errors import AccessError, BadFile, BadSetting, EngineError, NoCredentials
from athena_flow.settings import Settings, expanded, flag

if TYPE_CHECKING:
    from athena_flow.cost import Price
    from athena_flow.estimating import Asked, Reading
    from athena_flow.inventory import Inventory
    from athena_flow.ports import Catalog, ObjectStore, Partitions, Progress
    from athena_flow.query import BoundQuery
    from athena_flow.sizes import KeptSizes
    from athena_flow.table import TableSpec
    from athena_flow.window import Window

INPUT = "-"
"""What --sql says for standard input, and -p NAME=@- as well."""

Known = TypeVar("Known")


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that is known before the statement is."""

    spec: TableSpec
    partitions: Partitions
    has: frozenset[str]
    """The columns that all its logs have."""
    notes: tuple[str, ...]


def asked(
    s: Settings, query: str | None, listing: Inventory | None = None, *, runs: bool = False
) -> tuple[Asked, Reading, list[str]]:
    """What is asked for, where its tables are read from, and notes on both.

    One that ``runs`` has to be read-only. Raises BadSetting for both ways to ask, or none.
    """
    if s.sql is None and query is None:
        raise BadSetting(
            "no query is named", hint="athena-flow queries lists them; --sql FILE reads your own"
        )
    if s.sql is not None and query is not None:
        raise BadSetting(f"the query {query} and --sql are both there", hint="leave one out")
    if query is not None:
        return _saved(s, query, listing)
    return _given(s, listing, runs)


# ---------------------------------------------------------------- a saved query


def _saved(
    s: Settings, name: str, listing: Inventory | None
) -> tuple[BoundQuery, Reading, list[str]]:
    """The query on its table and window, where that table is read from, and notes on both."""
    from athena_flow import params, query
    from athena_flow.fields import COLUMNS
    from athena_flow.header import Alias

    wire.engine_name(s)
    saved = query.named(name, wire.own_queries(s))
    alias = saved.alias(name)
    if alias:
        meant = Alias(saved.name, alias.given)
        terminal.say(s, f"note: {name} is called {meant} here")
    said = [*s.param, *(alias.beside(s.param) if alias else ())]
    values = params.bind(saved.params, said, wire.now(), _list_file)
    price = policy.price(s, wire.region(s))
    window = wire.time_window(s, default=None if s.logs else "7d")

    def in_catalog(catalog: Catalog) -> _Table:
        spec, partitions, notes = wire.queried_table(s, window, catalog)
        return _Table(spec, partitions, frozenset(spec.format.columns), notes)

    reading, table = _source(s, price, window, listing, saved.requires, in_catalog)
    spec, notes = table.spec, [*table.notes]
    if "end" not in spec.format and (window.start or window.end):
        notes.append(f"{spec.title} has no field end: the window is whole partitions")
    lacking = {COLUMNS[c]: saved.improves[c] for c in saved.lacking(table.has)}
    if lacking and not saved.missing(spec.format):
        less = "; ".join(f"{field}, which {adds}" for field, adds in lacking.items())
        notes.append(f"{saved.name} runs with less, for not all logs have {less}")
    for note in notes:
        terminal.say(s, f"note: {note}")
    bound = query.bind(saved, values, spec, window, table.has)
    if s.verbose:
        terminal.say(s, bound.sql)
    return bound, replace(reading, partitions=table.partitions), notes


def _list_file(path: str) -> str:
    """The text of a file that -p NAME=@FILE names. Raises BadFile, BadSetting."""
    try:
        if path == INPUT:
            return sys.stdin.read()
        return Path(expanded(path, "-p")).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _unreadable(name: str, error: OSError | UnicodeDecodeError) -> BadFile:
    reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
    return BadFile(f"{name}: cannot be read: {reason}")


# ---------------------------------------------------------------- a text of --sql


def _given(s: Settings, listing: Inventory | None, runs: bool) -> tuple[Asked, Reading, list[str]]:
    from athena_flow import statement, views
    from athena_flow.query import check_read_only
    from athena_flow.statement import GivenSql
    from athena_flow.translate.grammar import parse

    if s.param:
        raise BadSetting("-p belongs to saved queries: --sql takes a text as it is")
    engine = wire.engine_name(s)
    name, text = _text(s.sql or INPUT)
    found = statement.read(text, name)
    if runs:
        check_read_only(found.text, name)
    reading, notes = _reading(s, listing)
    for note in notes:
        terminal.say(s, f"note: {note}")
    sql = found.text
    if runs and engine == "duckdb":
        parse(sql)  # what is refused is named as it is written
        sql = views.qualified(sql, reading.session)
    return GivenSql(name, sql), reading, notes


def _text(given: str) -> tuple[str, str]:
    """What to call the text, and the text. Raises BadFile."""
    if given == INPUT:
        name, read = "standard input", sys.stdin.buffer.read
    else:
        path = Path(given)
        name, read = path.name, path.read_bytes
    try:
        return name, read().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(given if given != INPUT else name, error) from None


def _reading(s: Settings, listing: Inventory | None) -> tuple[Reading, list[str]]:
    """Where the tables of a text are read from: logs and a listing are the one that --table names.

    Its window is in the text itself.
    """
    from athena_flow.lookup import OneTable
    from athena_flow.views import ATHENA_CATALOG, Session
    from athena_flow.window import Window

    database, name = wire.table_name(s)
    catalogs = {ATHENA_CATALOG} | ({(s.trino_catalog or "hive").lower()} if s.trino_host else set())
    price = policy.price(s, wire.region(s))
    window = wire.time_window(s, default=None) if s.logs else Window()
    reading, table = _source(s, price, window, listing, (), lambda catalog: None)
    notes = []
    if table:
        notes.append(f"the logs are table {name} of database {database}")
        spec = replace(table.spec, database=database, name=name)
        reading = replace(reading, tables=OneTable(spec, table.partitions, window))
    if window.start or window.end:
        notes.append("only folders and files of the window are read, and those whole")
    ignored = [flag(n) for n in ("since", "until", "account", "region") if getattr(s, n)]
    if ignored and not s.logs:
        notes.append(f"--sql says itself what it reads: {', '.join(ignored)} has no part in it")
    session = Session(database, frozenset(catalogs))
    reading = replace(reading, session=session, prepared=_prepared_statements(s))
    return reading, [*notes, *(table.notes if table else ())]


def _prepared_statements(s: Settings) -> Callable[[str], str] | None:
    """The texts of prepared statements by name, which only a workgroup of Athena keeps."""
    if wire.engine_name(s) != "athena":
        return None
    from athena_flow.engines.athena import PRIMARY
    from athena_flow.named import prepared_text

    def text(name: str) -> str:
        return prepared_text(wire.account_of(s).client("athena"), s.workgroup or PRIMARY, name)

    return text


def with_planner(s: Settings, reading: Reading, progress: Progress) -> Reading:
    """The reading that asks the engine's planner as well. Raises BadSetting where there is none."""
    if wire.engine_name(s) == "duckdb" or s.inventory:
        raise BadSetting(
            "--explain-plan asks the planner of an engine over the tables of an account",
            hint="--engine athena or --engine trino",
        )
    engine = wire.open_engine(s, progress)

    def explain(sql: str) -> str:
        return "\n".join(str(row[0]) for row in engine.run(sql, ()).rows)

    return replace(reading, explain=explain)


# ---------------------------------------------------------------- where tables are read from


def _source(
    s: Settings,
    price: Price,
    window: Window,
    listing: Inventory | None,
    needs: Sequence[str],
    in_catalog: Callable[[Catalog], Known],
) -> tuple[Reading, _Table | Known]:
    """The choice between --logs, a listing and the catalog, and the table that is known there.

    Logs that lack what a query ``needs`` are left out; ``in_catalog`` finds the table that it is
    about, where it is about one.
    """
    from athena_flow.engines.duckdb import evaluate
    from athena_flow.jobs import Reading
    from athena_flow.lookup import CatalogTables

    table: _Table | Known
    if s.logs:
        tree = wire.log_tree(s, window, needs)
        table = _Table(tree.spec, tree, tree.common, tree.notes)
        footers = None if stored.is_bucket(s.logs) else measuring.footers(wire.open_store(s))
        reading = Reading(None, tree, evaluate, price, wire.engines_clock(), footers=footers)
    elif listing:
        columns = frozenset(listing.spec.format.columns)
        notes = (*listing.notes, *listing.late(window))
        table = _Table(listing.spec, listing, columns, notes)
        told = listing.told
        reading = Reading(None, listing, evaluate, price, wire.engines_clock(), told=told)
    else:
        catalog = wire.open_catalog(s)
        table = in_catalog(catalog)
        tables, store = CatalogTables(catalog, wire.now()), wire.open_store(s)
        footers = measuring.footers(store)
        reading = Reading(
            None, store, evaluate, price, wire.engines_clock(), tables, footers=footers
        )
        kept = _kept_sizes(s, store, window)
        reading = replace(reading, store=kept, told=kept.notes) if kept else reading
    return replace(reading, sample=measuring.sample(s)), table


def _kept_sizes(s: Settings, store: ObjectStore, window: Window) -> KeptSizes | None:
    """The store with sizes that are kept, where it is one that has to be asked over a network."""
    if wire.engine_name(s) == "duckdb":
        return None
    where = getattr(store, "endpoint", "")
    return measuring.kept_sizes(
        s, store, lambda: f"{where} {_account_number(s)}", wire.now(), window
    )


def _account_number(s: Settings) -> str:
    """Whose credentials these are. Raises NoCredentials."""
    account = wire.account_of(s)
    try:
        return str(account.number)
    except NoCredentials:
        raise
    except (EngineError, AccessError):  # somebody's own S3, or a network without STS
        return str(account.key)
