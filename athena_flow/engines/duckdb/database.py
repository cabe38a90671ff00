"""A DuckDB in memory that understands translated statements, and how one is run on it."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache

import duckdb

from athena_flow.sqltext import literal
from athena_flow.translate import setup_for

STOP_SECONDS = 5
"""How long an interrupted statement may take to end before the program does."""
DUCKDB_TYPES = {"int": "INTEGER", "bigint": "BIGINT", "string": "VARCHAR"}
ATHENA_TYPES = {
    '"NULL"': "unknown",
    "HUGEINT": "bigint",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
FILE = "$file"
"""The column of rows that are read from files: the file that each stands in."""
_PATTERN = re.compile(r"[*?\[]")
_QUIET = "SET enable_progress_bar = false"
_MACROS = (
    # What LazySimpleSerDe takes for a whole number: digits with a sign, a fraction cut off. What
    # DuckDB would write for the number it reads needs no look at its characters, a third sooner.
    r"""CREATE MACRO hive_digits(x) AS CASE
        WHEN regexp_full_match(x, '[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)')
        THEN regexp_replace(split_part(x, '.', 1), '^([+-]?)$', '\10') END""",
    """CREATE MACRO hive_number(x) AS CASE
        WHEN CAST(TRY_CAST(x AS BIGINT) AS VARCHAR) = x THEN TRY_CAST(x AS BIGINT)
        ELSE TRY_CAST(hive_digits(x) AS BIGINT) END""",
    r"CREATE MACRO hive_string(x) AS nullif(x, '\N')",
)


def opened(translated: str) -> duckdb.DuckDBPyConnection:
    """A database in memory that understands this translated statement, and logs."""
    db = duckdb.connect(config={"temp_directory": tempfile.gettempdir()})
    for statement in (_QUIET, *setup_for(translated), *_MACROS):
        db.execute(statement)
    return db


@cache
def _scratch() -> duckdb.DuckDBPyConnection:
    """A database without tables: to open one takes longer than most of what it is asked."""
    return opened("")


def scratch(translated: str) -> duckdb.DuckDBPyConnection:
    """A connection to it that understands this translated statement."""
    db = _scratch().cursor()
    for statement in setup_for(translated):
        db.execute(statement)
    return db


@contextmanager
def connection(translated: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same for a while."""
    db = opened(translated)
    held: AbstractContextManager[None] = nullcontext()
    try:
        yield db
    except KeyboardInterrupt:
        held = suppress(duckdb.Error)  # a statement that is slow to stop: it ends with us
        raise
    finally:
        with held:
            db.close()


def fetched(db: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    """The rows of a statement, run beside the main thread, which alone hears Ctrl-C."""
    outcome: list[list[tuple[object, ...]] | Exception] = []
    done = threading.Event()

    def work() -> None:
        try:
            outcome.append(db.execute(sql).fetchall())
        except Exception as error:  # noqa: BLE001  # it is raised again, where Ctrl-C is heard
            outcome.append(error)
        finally:
            done.set()

    threading.Thread(target=work, daemon=True).start()
    try:
        while not done.wait(0.05):
            pass
    except KeyboardInterrupt:
        db.interrupt()
        done.wait(STOP_SECONDS)
        raise
    (result,) = outcome
    if isinstance(result, Exception):
        raise result
    return result


def listed(paths: Iterable[str]) -> str:
    """Paths for a statement that reads files: DuckDB takes each for a pattern."""
    return ", ".join(literal(_PATTERN.sub(r"[\g<0>]", path)) for path in paths)


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
