"""Settings -> the statement that an estimate or a run is about, and where its tables are read.

A saved query by its name, or a text of the user's own with --sql; never both.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from athena_flow import measuring, policy, stored, terminal, wire
from athena_flow.errors import BadFile, BadSetting
from athena_flow.settings import Settings, flag

if TYPE_CHECKING:
    from athena_flow.estimating import Asked, Reading
    from athena_flow.inventory import Inventory
    from athena_flow.ports import Progress

INPUT = "-"
"""What --sql says for standard input."""


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
        return wire.bound_query(s, query, listing)
    return _given(s, listing, runs)


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
        path = Path(given).expanduser()
        name, read = path.name, path.read_bytes
    try:
        return name, read().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise BadFile(f"{given if given != INPUT else name}: cannot be read: {reason}") from None


def _reading(s: Settings, listing: Inventory | None) -> tuple[Reading, list[str]]:
    from athena_flow.engines.duckdb import evaluate
    from athena_flow.jobs import Reading
    from athena_flow.lookup import CatalogTables, OneTable
    from athena_flow.views import ATHENA_CATALOG, Session
    from athena_flow.window import Window

    database, table = wire.table_name(s)
    catalogs = {ATHENA_CATALOG} | ({(s.trino_catalog or "hive").lower()} if s.trino_host else set())
    session = Session(database, frozenset(catalogs))
    price, clock = policy.price(s, wire.region(s)), wire.engines_clock()
    notes = []
    if s.logs or listing:
        notes.append(f"the logs are table {table} of database {database}")
    if s.logs:
        window = wire.time_window(s, default=None)
        tree = wire.log_tree(s, window)
        if window.start or window.end:
            notes.append("only folders and files of the window are read, and those whole")
        spec = replace(tree.spec, database=database, name=table)
        reading = Reading(None, tree, evaluate, price, clock, OneTable(spec, tree, window))
        if not stored.is_bucket(s.logs):
            reading = replace(reading, footers=measuring.footers(wire.open_store(s)))
        notes += tree.notes
    else:
        ignored = [flag(n) for n in ("since", "until", "account", "region") if getattr(s, n)]
        if ignored:
            notes.append(f"--sql says itself what it reads: {', '.join(ignored)} has no part in it")
        if listing:
            spec = replace(listing.spec, database=database, name=table)
            one = OneTable(spec, listing, Window())
            reading = Reading(None, listing, evaluate, price, clock, one, told=listing.told)
            notes += [*listing.notes, *listing.late(Window())]
        else:
            tables = CatalogTables(wire.open_catalog(s), wire.now())
            reading = Reading(None, wire.open_store(s), evaluate, price, clock, tables)
            reading = wire.measured(s, reading, Window())
    prepared = wire.prepared_statements(s)
    sample = measuring.sample(s)
    return replace(reading, session=session, prepared=prepared, sample=sample), notes


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
