"""The engine: a statement is translated, its tables are loaded, and DuckDB answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import duckdb
import sqlglot
from sqlglot import exp

from athena_flow.engines.duckdb.database import (
    ATHENA_TYPES,
    connection,
    fetched,
    first_line,
    scratch,
)
from athena_flow.engines.duckdb.load import Load, Rows
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.engines.duckdb.pieces import add_pieces, hold
from athena_flow.errors import BadSql, EngineError
from athena_flow.manifest import Matching, no_store
from athena_flow.ports import (
    ObjectInfo,
    Progress,
    Registered,
    Result,
    Scan,
    Started,
    no_progress,
    nobody_hears,
)
from athena_flow.prune import Relation, table_scans
from athena_flow.sqltext import literal, name
from athena_flow.table import TableSpec
from athena_flow.translate import to_duckdb

MEMORY = "1200MB"
"""What DuckDB keeps of a table and of its own work; what is more goes to disk."""
KEY_TYPES = {
    "string": "VARCHAR",
    "varchar": "VARCHAR",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
    "decimal": "DECIMAL",
    "float": "FLOAT",
    "double": "DOUBLE",
}
"""The types of partition keys, Athena's and DuckDB's."""


class DuckDBEngine:
    """One in-memory database per run. Raises EngineError, BadSql and BadFile."""

    name = "duckdb"

    def __init__(
        self,
        progress: Progress = no_progress,
        look: Matching = no_store,
        *,
        skip_bad: bool = False,
    ) -> None:
        """``look`` says which logs the local store stands in for; ``skip_bad`` leaves out and
        notes the files that cannot be read."""
        self._progress, self._look, self._skip_bad = progress, look, skip_bad

    def run(self, sql: str, scans: Sequence[Scan], started: Started = nobody_hears) -> Result:
        tree = sqlglot.parse_one(sql, dialect="athena")
        _check_tables(tree, scans)
        translated = _translated(sql, scans)
        with connection(translated) as db:
            db.execute(f"SET memory_limit = '{MEMORY}'")
            notes = Notes()
            folders: set[str] = set()
            stored: list[TableSpec] = []
            told: list[str] = []
            for spec, parts in _tables(scans):
                needed = _needed(tree, spec)
                match = self._look(parts, spec.headless or spec.format)
                load = Load(db, spec, needed, notes, _rows(sql, spec), self._skip_bad)
                load.all(dict(match.rest), self._progress)
                folders |= add_pieces(db, spec, needed, match, notes, load.check, parts)
                stored += [spec] if match.pieces else []
                told += match.notes
            columns, rows = _answer(db, translated, folders, stored)
        scanned = sum(scan.size_bytes for scan in scans)  # as Athena counts: each scan
        return Result(columns, rows, scanned, notes=(*notes.lines(), *told))


def evaluate(
    condition: str, keys: Mapping[str, str], rows: Sequence[Sequence[str | None]]
) -> Sequence[bool]:
    """A `prune.Evaluate`: may the condition hold for these values? All True when in doubt."""
    if not rows:
        return []
    names = [name(key).text for key in keys]
    listed = ", ".join(f"unnest($k{at}) AS {n}" for at, n in enumerate(names))
    try:
        typed = [
            f"TRY_CAST({n} AS {_key_type(k)})" for n, k in zip(names, keys.values(), strict=True)
        ]
        where = to_duckdb(f"SELECT 1 FROM keys WHERE {condition}", {"keys": keys})
        lost = " OR ".join(
            f"{n} IS NOT NULL AND {t} IS NULL" for n, t in zip(names, typed, strict=True)
        )
        columns = ", ".join(f"{t} AS {n}" for n, t in zip(names, typed, strict=True))
        with scratch(where) as db:
            kept = db.execute(
                f'WITH texts AS (SELECT unnest(range({len(rows)})) AS "$n", {listed}),'
                f' keys AS (SELECT "$n", {columns}, {lost} AS "$lost" FROM texts)'
                f' SELECT "$n" FROM keys WHERE "$lost" OR ({where.partition(" WHERE ")[2]})',
                {f"k{at}": list(column) for at, column in enumerate(zip(*rows, strict=True))},
            ).fetchall()
    except (duckdb.Error, BadSql):
        return [True] * len(rows)
    numbers = {n for (n,) in kept}
    return [n in numbers for n in range(len(rows))]


def _key_type(athena: str) -> str:
    """DuckDB's type of a partition key. Raises BadSql for one whose values are not its text."""
    kind, _, size = athena.lower().partition("(")
    if kind not in KEY_TYPES:
        raise BadSql(f"a partition key of type {athena} is not translated for DuckDB")
    return KEY_TYPES[kind] + (f"({size}" if kind == "decimal" and size else "")


def _check_tables(tree: exp.Expr, scans: Sequence[Scan]) -> None:
    """Raises BadSql for a table that is none of ours: DuckDB would look for a file of its name."""
    known = {name for s in scans for name in (s.spec.key, s.spec.name)}
    named = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        key = ".".join(part.lower() for part in (table.catalog, table.db, table.name) if part)
        if key not in known | named and not isinstance(table.this, exp.Func):
            raise BadSql(
                f"there is no table {key} on this machine",
                hint="a saved query reads {{ table }}, and what it makes of it",
            )


def _translated(sql: str, scans: Sequence[Scan]) -> str:
    return to_duckdb(sql, {s.spec.key: dict((*s.spec.columns, *s.spec.keys)) for s in scans})


def _answer(
    db: duckdb.DuckDBPyConnection,
    sql: str,
    folders: Collection[str],
    stored: Sequence[TableSpec],
) -> tuple[tuple[tuple[str, str], ...], list[tuple[object, ...]]]:
    """The statement reads tables and no files, but for those in ``folders``, of ``stored``."""
    try:
        db.execute(f"SET allowed_directories = [{', '.join(map(literal, sorted(folders)))}]")
        db.execute("SET enable_external_access = false")
        described = fetched(db, f"DESCRIBE {sql}")
        types = [str(row[1]) for row in described]
        plain = _plain_times(sql, types)
        try:
            rows = fetched(db, plain)
        except duckdb.OutOfMemoryException:
            if not stored:
                raise
            for spec in stored:
                hold(db, spec)
            rows = fetched(db, plain)
    except (duckdb.Error, ValueError, OverflowError) as error:  # Python's have no such value
        raise EngineError(f"duckdb: {first_line(error)}") from error
    columns = tuple(
        (str(row[0]), ATHENA_TYPES.get(kind, kind.lower()))
        for row, kind in zip(described, types, strict=True)
    )
    return columns, rows


def _plain_times(sql: str, types: Sequence[str]) -> str:
    """Times with a zone come out as UTC times without: fetching them would need pytz."""
    zoned = "TIMESTAMP WITH TIME ZONE"
    if zoned not in types:
        return sql
    columns = [f"c{n}" for n in range(len(types))]
    picked = (
        f"CAST({c} AS TIMESTAMP)" if t == zoned else c for c, t in zip(columns, types, strict=True)
    )
    return f"SELECT {', '.join(picked)} FROM ({sql}) AS answer ({', '.join(columns)})"


def _tables(scans: Sequence[Scan]) -> Iterator[tuple[TableSpec, dict[ObjectInfo, Registered]]]:
    """Each table once, with the objects of all its scans."""
    objects: dict[str, dict[ObjectInfo, Registered]] = defaultdict(dict)
    specs = {scan.spec.key: scan.spec for scan in scans}
    for scan in scans:
        for registered, logs in scan.parts:
            objects[scan.spec.key].update(dict.fromkeys(logs, registered))
    for title, spec in specs.items():
        yield spec, objects[title]


def _needed(tree: exp.Expr, spec: TableSpec) -> tuple[tuple[str, str], ...]:
    """The columns that a statement can touch, by name, in the table's order; one at least."""
    every = (*spec.columns, *spec.keys)
    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
        return every
    named = {column.name.lower() for column in tree.find_all(exp.Column)}
    using = (join.args.get("using") or () for join in tree.find_all(exp.Join))
    named |= {column.name.lower() for columns in using for column in columns}
    return tuple(c for c in every if c[0] in named) or every[:1]


def _rows(sql: str, spec: TableSpec) -> Rows:
    """What the rows lie in that a statement can need of a table: all of them when in doubt."""

    def known(database: str, table: str) -> Relation | None:
        ours = table == spec.name and database in ("", spec.database)
        return Relation(dict(spec.columns), dict(spec.keys)) if ours else None

    try:
        scans = table_scans(sql, known)
    except BadSql:
        return ()
    return [scan.ranges for scan in scans if scan.table == spec.name]
