"""Athena's SELECT for the test bench: sqlglot and DuckDB over moto's Glue and moto's S3.

An independent judge of the project's SQL: it reads the objects by itself, refuses what Athena
refuses and DuckDB would take, and counts the bytes that a scan costs. It holds no project code.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
import tempfile
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import sqlglot
from hive_ddl import FORMATS, LAZY_SIMPLE, PARQUET_SERDE, ManyStatementsError
from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.qualify_columns import qualify_columns, validate_qualify_columns
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.tokens import TokenType

if TYPE_CHECKING:
    from moto.glue.models import FakeTable, GlueBackend
    from moto.s3.models import S3Backend

RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
    ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG
    CURRENT_DATE CURRENT_PATH CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
    DEALLOCATE DELETE DESCRIBE DISTINCT DROP ELSE END ESCAPE EXCEPT EXECUTE EXISTS EXTRACT
    FALSE FIRST FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTO IS JOIN
    JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LAST LEFT LIKE
    LISTAGG LOCALTIME LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL OF ON OR ORDER OUTER PREPARE
    RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN TRIM TRUE UESCAPE UNION UNNEST USING
    VALUES WHEN WHERE WITH
    """,
    )
)
CUTOFF_REASON = "Query exhausted resources on this scale factor: Bytes scanned limit was exceeded"


class QueryError(Exception):
    """The StateChangeReason of a query that fails."""


class CutoffError(Exception):
    """The workgroup's BytesScannedCutoffPerQuery stopped the query."""

    def __init__(self, scanned: int) -> None:
        super().__init__(CUTOFF_REASON)
        self.scanned = scanned


@dataclass
class Answer:
    columns: list[tuple[str, str]] = field(default_factory=list)  # name, Trino's type name
    rows: list[list[str | None]] = field(default_factory=list)
    scanned: int = 0


class Stored(NamedTuple):
    """One object of a partition."""

    uri: str
    size: int
    read: Callable[[], bytes]


@dataclass
class Part:
    values: list[str]
    storage: dict[str, Any]
    objects: list[Stored]


@dataclass
class Scan:
    """One mention of a Glue table in the statement, under its name in DuckDB."""

    name: str
    columns: dict[str, str]  # of the table, Hive types
    keys: dict[str, str]
    parts: list[Part]
    table: dict[str, Any]

    @property
    def schema(self) -> dict[str, str]:
        return {**self.columns, **self.keys}


# ---------------------------------------------------------------- text files


_INTEGER = re.compile(r"([+-]?\d+)(\.\d*)?\Z", re.ASCII)
_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}


def _integer(bits: int) -> Callable[[str], int | None]:
    limit = 1 << (bits - 1)

    def convert(text: str) -> int | None:
        match = _INTEGER.match(text)
        if not match:
            return None
        number = int(match[1])
        return number if -limit <= number < limit else None

    return convert


def _double(text: str) -> float | None:
    try:
        number = float(text) if text == text.strip() and "_" not in text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _matching(pattern: str) -> Callable[[str], str | None]:
    whole = re.compile(pattern, re.ASCII)
    return lambda text: text if whole.fullmatch(text) else None


def _moment(pattern: str) -> Callable[[str], str | None]:
    """A date or a timestamp of the calendar: month 13 or 30 February would stop DuckDB."""
    shaped = _matching(pattern)

    def convert(text: str) -> str | None:
        try:
            return shaped(text) and dt.datetime.fromisoformat(text[:26]) and text
        except ValueError:
            return None

    return convert


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def converter(hive_type: str) -> Callable[[str], Any]:
    """LazySimpleSerDe's reading of a field: what does not fit the type is NULL, never an error."""
    if hive_type in _BITS:
        return _integer(_BITS[hive_type])
    if hive_type in ("float", "double"):
        return _double
    if hive_type == "boolean":
        return _boolean
    if hive_type == "date":
        return _moment(r"\d{4}-\d\d-\d\d")
    if hive_type == "timestamp":
        return _moment(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?")
    if hive_type.startswith("decimal"):
        return _matching(r"[+-]?\d+(\.\d*)?")
    return lambda text: text


def inflate(data: bytes) -> bytes:
    """All members of a gzip file."""
    out = []
    while data:
        member = zlib.decompressobj(wbits=31)
        out.append(member.decompress(data) + member.flush())
        if not member.eof:
            raise zlib.error("unexpected end of compressed stream")
        data = member.unused_data
    return b"".join(out)


def _lines(stored: Stored, skip: int) -> list[str]:
    data = stored.read()
    if stored.uri.endswith(".gz"):
        try:
            data = inflate(data)
        except zlib.error as error:
            raise QueryError(
                f"HIVE_CURSOR_ERROR: Failed to read file at {stored.uri}: {error}"
            ) from error
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines[skip:]


def text_rows(scan: Scan, part: Part, stored: Stored) -> Iterator[list[Any]]:
    """The object's rows by position, as LazySimpleSerDe: short rows padded, long rows cut."""
    skip = int(scan.table.get("Parameters", {}).get("skip.header.line.count", "0"))
    serde = part.storage["SerdeInfo"].get("Parameters", {})
    delimiter = serde.get("field.delim", "\x01")
    null = serde.get("serialization.null.format", "\\N")
    converters = [converter(t) for t in scan.columns.values()]
    for line in _lines(stored, skip):
        fields = line.split(delimiter)
        row = [None if f == null else c(f) for f, c in zip(fields, converters, strict=False)]
        yield row + [None] * (len(converters) - len(row))


# ---------------------------------------------------------------- the catalogue and the store


def _listing(s3: S3Backend) -> Callable[[str], list[Stored]]:
    """A function from a location to its visible objects; each bucket is sorted once."""
    buckets: dict[str, list[str]] = {}

    def under(location: str) -> list[Stored]:
        bucket, _, path = location.removeprefix("s3://").partition("/")
        if bucket not in s3.buckets:
            raise QueryError(f"PERMISSION_DENIED: The specified bucket does not exist: {bucket}")
        keys = s3.buckets[bucket].keys
        names = buckets.setdefault(bucket, sorted(keys))
        prefix = path.rstrip("/") + "/" if path.strip("/") else ""
        found = []
        for name in names[bisect_left(names, prefix) :]:
            if not name.startswith(prefix):
                break
            kept = keys.get(name)
            if name.rsplit("/", 1)[-1][:1] not in ("", "_", ".") and hasattr(kept, "size"):
                found.append(Stored(f"s3://{bucket}/{name}", kept.size, lambda k=kept: k.value))
        return found

    return under


def _position(node: exp.Expression | None, text: str) -> str:
    """Trino's `line 1:15` of the first identifier in the node."""
    found = node.find_all(exp.Identifier) if node else ()
    starts = [i.meta["start"] for i in found if "start" in i.meta]
    start = min(starts, default=0)
    return f"line {text.count(chr(10), 0, start) + 1}:{start - text.rfind(chr(10), 0, start)}"


class Catalogue:
    """Glue tables as scans."""

    def __init__(self, glue: GlueBackend, s3: S3Backend, database: str | None, text: str) -> None:
        self.glue, self.database, self.text = glue, database, text
        self.under = _listing(s3)

    def scan(self, node: exp.Table, name: str) -> Scan:
        return self._scan(self.table(node), name, node.name.lower().endswith("$partitions"))

    def table(self, node: exp.Table) -> FakeTable:
        where = _position(node, self.text)
        database = (node.db or self.database or "").lower()
        if not database:
            raise QueryError(
                f"MISSING_SCHEMA_NAME: {where}: Schema must be specified when session schema "
                "is not set"
            )
        if node.catalog and node.catalog.lower() != "awsdatacatalog":
            raise QueryError(f"CATALOG_NOT_FOUND: {where}: Catalog '{node.catalog}' not found")
        if database not in self.glue.databases:
            raise QueryError(f"SCHEMA_NOT_FOUND: {where}: Schema '{database}' does not exist")
        wanted = node.name.lower()
        table = self.glue.databases[database].tables.get(wanted.removesuffix("$partitions"))
        if table is None:
            raise QueryError(
                f"TABLE_NOT_FOUND: {where}: Table 'awsdatacatalog.{database}.{wanted}' "
                "does not exist"
            )
        return table

    def view(self, node: exp.Table) -> tuple[exp.Query, str] | None:
        """The query of an Athena view and the database of its names; None for a table."""
        about = self.table(node).as_dict()
        if about.get("TableType") != "VIRTUAL_VIEW":
            return None
        encoded = about["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
        view = json.loads(base64.b64decode(encoded))
        return parse(view["originalSql"], []), view["schema"]

    def _scan(self, table: FakeTable, name: str, only_partitions: bool) -> Scan:
        about = table.as_dict()
        if about.get("Parameters", {}).get("projection.enabled", "").lower() == "true":
            raise NotImplementedError("partition projection is not built into the test bench")
        keys = {k["Name"].lower(): k["Type"] for k in about.get("PartitionKeys", [])}
        storage = about["StorageDescriptor"]
        if only_partitions:  # db."t$partitions": one row a partition, nothing scanned
            parts = [Part(p.values, {}, []) for p in table.partitions.values()]
            return Scan(name, {}, keys, parts, about)
        columns = {c["Name"].lower(): c["Type"].lower() for c in storage["Columns"]}
        if keys:
            found = [
                (p.values, p.partition_input.get("StorageDescriptor", {}))
                for p in table.partitions.values()
            ]
        else:
            found = [([], storage)]
        # locations are listed only once the partitions to read are known
        parts = [Part(values, descriptor, []) for values, descriptor in found]
        return Scan(name, columns, keys, parts, about)

    def fill(self, scan: Scan, parts: Iterable[Part]) -> None:
        """List the objects of these partitions; Athena checks their metadata first."""
        for part in parts:
            if scan.columns and not part.objects:
                _check_partition(scan, part)
                part.objects = self.under(part.storage["Location"])


def _check_partition(scan: Scan, part: Part) -> None:
    storage = part.storage
    if not storage.get("InputFormat") or not storage.get("SerdeInfo", {}).get(
        "SerializationLibrary"
    ):
        raise QueryError(
            "HIVE_UNSUPPORTED_FORMAT: Unable to create input format "
            f"{storage.get('InputFormat') or ''}"
        )
    if not storage.get("Location"):
        raise QueryError("HIVE_INVALID_METADATA: partition location is empty")
    here = [c["Type"].lower() for c in storage.get("Columns", [])]
    for (name, kind), other in zip(scan.columns.items(), here, strict=False):
        if kind != other:
            raise QueryError(
                "HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch between the table and "
                f"partition schemas. The column '{name}' in table "
                f"'{scan.table['DatabaseName']}.{scan.table['Name']}' is declared as type "
                f"'{kind}', but partition '{'/'.join(part.values)}' declared it as '{other}'."
            )


# ---------------------------------------------------------------- reading the statement


_EXPLAIN = re.compile(
    r"\s*explain\s*(analyze\b)?\s*(\(\s*(?:type|format)\b[^)]*\))?", re.IGNORECASE
)
_UNLOAD = re.compile(r"\s*unload\s*\((.*)\)\s*to\s*'[^']*'", re.IGNORECASE | re.DOTALL)
IO_VALUES = 32
"""More values of a key than this become one range. Source: Trino, Domain.simplify."""
_NO_ESTIMATE = dict.fromkeys(
    ("outputRowCount", "outputSizeInBytes", "cpuCost", "maxMemory", "networkCost"), "NaN"
)


def parse(text: str, parameters: list[str]) -> exp.Query:
    """The statement in Trino's grammar, less what sqlglot takes and Athena does not."""
    try:
        trees = [t for t in sqlglot.parse(text, read="trino") if t is not None]
        _check_limits(text)
    except SqlglotError as error:
        message = str(error).split("\n")[0]
        raise QueryError(f"SYNTAX_ERROR: line 1:1: mismatched input: {message}") from error
    if len(trees) != 1:
        raise ManyStatementsError
    (tree,) = trees
    if isinstance(tree, exp.Create | exp.Insert) and isinstance(tree.expression, exp.Query):
        tree = tree.expression.pop()  # what a CREATE TABLE AS or an INSERT reads
    if not isinstance(tree, exp.Query) or tree.args.get("into"):
        raise QueryError(f"NOT_SUPPORTED: the test bench does not run {tree.key.upper()}")
    for found in tree.find_all(exp.Identifier):
        if not found.quoted and found.name.upper() in RESERVED:
            raise QueryError(
                f"SYNTAX_ERROR: {_position(found, text)}: mismatched input '{found.name}'. "
                "Expecting: <expression>"
            )
        found.set("this", found.name.lower())
    for cte in tree.find_all(exp.CTE):
        _name_values(cte)
    return _bind(tree, parameters)


def _name_values(cte: exp.CTE) -> None:
    """WITH p(a, b) AS (VALUES ...): sqlglot leaves the names outside, where DuckDB needs them."""
    values, alias = cte.this.find(exp.Values), cte.args["alias"]
    if values is not None and values.alias == "_values" and alias.columns:
        values.args["alias"].set("columns", [c.copy() for c in alias.columns])


def _check_limits(text: str) -> None:
    """Trino wants OFFSET before LIMIT; sqlglot takes both orders."""
    limits = [False]
    for token in sqlglot.tokenize(text, read="trino"):
        if token.token_type == TokenType.L_PAREN:
            limits.append(False)
        elif token.token_type == TokenType.R_PAREN and len(limits) > 1:
            limits.pop()
        elif token.token_type == TokenType.LIMIT:
            limits[-1] = True
        elif token.token_type == TokenType.OFFSET and limits[-1]:
            raise QueryError(
                f"SYNTAX_ERROR: line {token.line}:{token.col}: mismatched input 'OFFSET'. "
                "Expecting: <EOF>"
            )


def _bind(tree: exp.Query, parameters: list[str]) -> exp.Query:
    """ExecutionParameters, each an SQL literal, in place of the question marks."""
    marks = list(tree.find_all(exp.Placeholder, bfs=False))
    if len(marks) != len(parameters):
        raise QueryError(
            f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected "
            f"{len(marks)} but found {len(parameters)}"
        )
    for mark, given in zip(marks, parameters, strict=True):
        mark.replace(sqlglot.parse_one(given, read="trino"))
    return tree


def _open_views(tree: exp.Query, catalogue: Catalogue) -> None:
    """Views become subqueries, those in views too."""
    for scope in traverse_scope(tree):
        for source in list(scope.sources.values()):
            if not isinstance(source, exp.Table) or source.name.lower().endswith("$partitions"):
                continue
            view = catalogue.view(source)
            if view is None:
                continue
            query, database = view
            for inside in traverse_scope(query):
                for table in inside.sources.values():
                    if isinstance(table, exp.Table) and not table.db:
                        table.set("db", exp.to_identifier(database))
            _open_views(query, catalogue)
            alias = source.args.get("alias") or exp.TableAlias(
                this=exp.to_identifier(source.name, quoted=True)
            )
            new = exp.Subquery(this=query, alias=alias.copy())
            for kept in ("joins", "laterals", "sample"):
                new.set(kept, source.args.get(kept))
            source.replace(new)


def _name_columns(tree: exp.Query) -> None:
    """Trino calls what has no name _col0, _col1 and so on, by place."""
    for select in tree.find_all(exp.Select):
        if select.find_ancestor(exp.Exists):
            continue
        for place, shown in enumerate(select.expressions):
            if not isinstance(shown, exp.Alias | exp.Column | exp.Star | exp.Aliases):
                shown.replace(exp.alias_(shown.copy(), f"_col{place}"))


def _take_scans(tree: exp.Query, catalogue: Catalogue) -> dict[str, Scan]:
    """Every mention of a Glue table becomes a DuckDB table of its own, `__scan<n>`."""
    found: dict[str, tuple[exp.Table, Scan]] = {}
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            known = any(source is node for node, _ in found.values())
            if isinstance(source, exp.Table) and not known:
                name = f"__scan{len(found)}"
                found[name] = (source, catalogue.scan(source, name))
    for name, (node, _) in found.items():
        alias = node.args.get("alias") or exp.TableAlias(
            this=exp.to_identifier(node.name, quoted=True)
        )
        new = exp.Table(this=exp.to_identifier(name), alias=alias.copy())
        for kept in ("joins", "laterals", "sample"):
            new.set(kept, node.args.get(kept))
        node.replace(new)
    for column in tree.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)
    _hide_path(tree)
    return {name: scan for name, (_, scan) in found.items()}


def _hide_path(tree: exp.Query) -> None:
    """ "$path" is a column that no star shows: taken out of sqlglot's sight it stays so."""
    for column in [c for c in tree.find_all(exp.Column) if c.name == "$path"]:
        shown: exp.Expression = exp.var(column.sql("duckdb"))
        if column.arg_key == "expressions" and isinstance(column.parent, exp.Select):
            shown = exp.alias_(shown, "$path", quoted=True)
        column.replace(shown)


_FAMILIES = {
    **dict.fromkeys(exp.DataType.TEXT_TYPES, "varchar"),
    **dict.fromkeys(exp.DataType.NUMERIC_TYPES, "number"),
    exp.DataType.Type.DATE: "date",
    exp.DataType.Type.TIMESTAMP: "timestamp",
    exp.DataType.Type.TIMESTAMPTZ: "timestamp",
    exp.DataType.Type.BOOLEAN: "boolean",
}


def _family(node: exp.Expression) -> str | None:
    return _FAMILIES.get(node.type.this) if node.type is not None else None


def _trino_name(node: exp.Expression) -> str:
    name = node.type.sql("trino").lower() if node.type is not None else "unknown"
    return {"int": "integer"}.get(name, name)


def _operands(node: exp.Expression) -> Iterator[tuple[exp.Expression, exp.Expression]]:
    if isinstance(node, exp.Between):
        yield node.this, node.args["low"]
        yield node.this, node.args["high"]
    elif isinstance(node, exp.In):
        yield from ((node.this, value) for value in node.expressions)
    else:
        yield node.this, node.expression


def _check_types(tree: exp.Query, text: str) -> None:
    """Trino compares a varchar with nothing but a varchar; DuckDB would cast in silence."""
    kinds = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
    for node in tree.find_all(*kinds):
        for left, right in _operands(node):
            pair = {_family(left), _family(right)}
            if None in pair or len(pair) == 1 or pair == {"date", "timestamp"}:
                continue
            raise QueryError(
                f"TYPE_MISMATCH: {_position(node, text)}: Cannot apply operator: "
                f"{_trino_name(left)} {_OPERATORS.get(node.key, node.key.upper())} "
                f"{_trino_name(right)}"
            )


_OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_SCHEMA_TYPES = {"string": "varchar", "float": "real"}


def _qualify(tree: exp.Query, scans: dict[str, Scan], text: str) -> exp.Query:
    """Resolve the columns and give every expression its type, or say which column is unknown."""
    schema = {
        name: {c: _SCHEMA_TYPES.get(t, t) for c, t in scan.schema.items()}
        for name, scan in scans.items()
    }
    options: dict[str, Any] = {"expand_alias_refs": False, "expand_stars": True}
    try:
        done = qualify_columns(tree.copy(), schema, dialect="trino", **options)
        validate_qualify_columns(done)
    except OptimizeError as error:
        missing = re.match(r"(?:Column|Unknown column:) '?\"?([^'\"]+)", str(error))
        if not missing or "Ambiguous" in str(error):
            return tree  # sqlglot cannot resolve it (UNNEST, say): DuckDB will judge
        name = missing[1].split(".")[-1]
        column = next((c for c in tree.find_all(exp.Column) if c.name == name), None)
        raise QueryError(
            f"COLUMN_NOT_FOUND: {_position(column, text)}: Column '{name}' cannot be resolved or "
            "requester is not authorized to access requested resources"
        ) from error
    done = annotate_types(done, schema, dialect="trino")
    _check_types(done, text)
    return done


# ---------------------------------------------------------------- Trino's meaning in DuckDB

MACROS = (
    "CREATE MACRO __quotient(a, b) AS CASE WHEN b = 0 "
    "THEN error('DIVISION_BY_ZERO: / by zero') ELSE a // b END",
    "CREATE MACRO __try_quotient(a, b) AS a // nullif(b, 0)",
    "CREATE MACRO to_iso8601(t) AS strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ')",
    "CREATE MACRO __found(s, p, v) AS CASE WHEN regexp_matches(s, p) THEN v END",
    "CREATE MACRO __piece(s, d, n) AS string_split(s, d)[n]",
)


def _is(node: exp.Expression | None, kinds: Iterable[Any]) -> bool:
    return node is not None and node.type is not None and node.type.this in kinds


def _quotient(node: exp.Expression) -> exp.Div | None:
    """The division inside, if it is Trino's integer division."""
    inner = node.this if isinstance(node, exp.Cast) else node
    integers = exp.DataType.INTEGER_TYPES
    if isinstance(inner, exp.Div) and _is(inner.left, integers) and _is(inner.right, integers):
        return inner
    return None


def _scale(node: exp.Expression) -> int | None:
    """The digits behind the point of an exact number, after Trino's rules; None for others."""
    if isinstance(node, exp.Literal):
        exact = not node.is_string and "e" not in node.name.lower()
        return len(node.name.partition(".")[2]) if exact else None
    if isinstance(node, exp.Cast) and node.to.this in exp.DataType.REAL_TYPES:
        sizes = node.to.expressions
        if node.to.this != exp.DataType.Type.DECIMAL:
            return None
        return int(sizes[1].name) if len(sizes) > 1 else 0
    if isinstance(node, exp.Paren | exp.Neg | exp.Sum | exp.Abs):
        return _scale(node.this)
    if isinstance(node, exp.Mul | exp.Add | exp.Sub | exp.Div):
        left, right = _scale(node.left), _scale(node.right)
        if left is None or right is None:
            return None
        return left + right if isinstance(node, exp.Mul) else max(left, right)
    return 0 if _is(node, exp.DataType.INTEGER_TYPES) else None


def _decimal_quotient(node: exp.Expression) -> int | None:
    """The scale of a division of decimals: Trino keeps the larger of the two, so 7 / 4.0 is 1.8."""
    scale = _scale(node) if isinstance(node, exp.Div) else None
    return scale or None


def _like_trino(node: exp.Expression) -> exp.Expression:
    """One node as DuckDB must see it to answer as Trino does."""
    if (division := _quotient(node)) is not None:
        name = "__try_quotient" if node.find_ancestor(exp.Try) else "__quotient"
        return exp.func(name, division.left, division.right)
    if (scale := _decimal_quotient(node)) is not None:
        rounded = exp.Round(this=node.copy(), decimals=exp.Literal.number(scale))
        return exp.cast(rounded, f"decimal(38, {scale})")
    if isinstance(node, exp.ApproxDistinct):
        return exp.Count(this=exp.Distinct(expressions=[node.this]))
    if isinstance(node, exp.DateDiff):  # DuckDB's date_diff counts boundaries crossed
        unit = exp.Literal.string(node.text("unit").lower() or "day")
        return exp.Anonymous(this="date_sub", expressions=[unit, node.expression, node.this])
    if isinstance(node, exp.RegexpExtract):
        return exp.func("__found", node.this.copy(), node.expression.copy(), node.copy())
    if isinstance(node, exp.SplitPart):
        return exp.func("__piece", node.this, node.args["delimiter"], node.args["part_index"])
    date = exp.DataType.Type.DATE
    if isinstance(node, exp.DateAdd | exp.DateSub) and _is(node.this, [date]):
        return exp.cast(node.copy(), "date")
    return node


def _round_casts(node: exp.Expression) -> None:
    """CAST(2.5 AS bigint) is 3 in Trino, away from zero; DuckDB rounds doubles to even."""
    real = (exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT)
    if (
        isinstance(node, exp.Cast)
        and _is(node.this, real)
        and node.to.this in (exp.DataType.INTEGER_TYPES)
    ):
        node.set("this", exp.Round(this=node.this.copy()))


def to_duckdb(tree: exp.Expression) -> str:
    def change(node: exp.Expression) -> exp.Expression:
        if _quotient(node) is None:
            _round_casts(node)
        return _like_trino(node)

    # from the leaves up, so that nothing made here is met again
    tree = tree.copy()
    for node in reversed(list(tree.walk())):
        new = change(node)
        if new is not node:
            if node is tree:
                tree = new
            else:
                node.replace(new)
    return tree.sql("duckdb")


# ---------------------------------------------------------------- partition pruning


def _null_supplying(select: exp.Select, alias: str) -> bool:
    """Whether an outer join can turn this table's rows into NULLs: then WHERE cannot prune it."""
    joins = select.args.get("joins") or []
    place = next((i for i, j in enumerate(joins) if j.this.alias_or_name == alias), -1)
    if place >= 0 and joins[place].side in ("LEFT", "FULL"):
        return True
    return any(j.side in ("RIGHT", "FULL") for j in joins[place + 1 :])


def _key_conjuncts(node: exp.Table, keys: Iterable[str]) -> list[exp.Expression]:
    """The AND parts of the table's own WHERE that speak of nothing but its partition keys."""
    select, alias = node.find_ancestor(exp.Select), node.alias_or_name
    if select is None or _null_supplying(select, alias):
        return []
    conditions = [select.args["where"].this] if select.args.get("where") else []
    conditions += [
        j.args["on"] for j in select.args.get("joins") or [] if j.args.get("on") and not j.side
    ]
    parts = [part for condition in conditions for part in _conjuncts(condition)]
    joined = (j.this for j in select.args.get("joins") or [])
    lone = all(isinstance(other, exp.Unnest) for other in joined)
    return [p for p in parts if _only_keys(p, alias, set(keys), lone)]


def _conjuncts(condition: exp.Expression) -> Iterator[exp.Expression]:
    """What AND joins, through parentheses."""
    inner = condition.unnest()
    if isinstance(inner, exp.And):
        yield from _conjuncts(inner.left)
        yield from _conjuncts(inner.right)
    else:
        yield inner


def _only_keys(part: exp.Expression, alias: str, keys: set[str], lone: bool) -> bool:
    columns = list(part.find_all(exp.Column))
    own = all(c.name in keys and (c.table == alias or (lone and not c.table)) for c in columns)
    return bool(columns) and own and part.find(exp.Query) is None


def _prune(con: duckdb.DuckDBPyConnection, scan: Scan, node: exp.Table) -> list[Part]:
    """The partitions that the table's WHERE leaves; a part that cannot be evaluated prunes none."""
    if not scan.keys:
        return scan.parts
    left = set(range(len(scan.parts)))
    alias = exp.to_identifier(node.alias_or_name, quoted=True).sql("duckdb")
    for part in _key_conjuncts(node, scan.keys):
        sql = f"SELECT __i FROM {scan.name}_parts AS {alias} WHERE {to_duckdb(part)}"
        try:
            left &= {i for (i,) in con.execute(sql).fetchall()}
        except duckdb.Error:
            continue
    return [scan.parts[i] for i in sorted(left)]


def _inlined(tree: exp.Query) -> exp.Query:
    """WITH queries put where they are used, as Trino plans them: each use is a scan of its own."""
    tree = tree.copy()
    for with_ in list(tree.find_all(exp.With)):
        if with_.recursive:
            continue
        queries: dict[str, exp.Expression] = {}
        for cte in with_.expressions:
            _put_queries(cte.this, queries)
            queries[cte.alias] = cte.this.copy()
        parent = with_.parent
        with_.pop()
        if parent is not None:
            _put_queries(parent, queries)
    return tree


def _put_queries(tree: exp.Expression, queries: dict[str, exp.Expression]) -> None:
    for table in list(tree.find_all(exp.Table)):
        if table.name in queries and not table.db:
            new = exp.Subquery(this=queries[table.name].copy())
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
            new.set("alias", alias.copy())
            table.replace(new)


def _scanned(
    con: duckdb.DuckDBPyConnection,
    tree: exp.Query,
    scans: dict[str, Scan],
    catalogue: Catalogue,
) -> list[int]:
    """The size of every object that Athena would read: each scan apart, predicates pushed down."""
    try:
        plan = pushdown_predicates(_inlined(tree), dialect="trino")
    except OptimizeError:
        plan = tree
    sizes = []
    for node in plan.find_all(exp.Table):
        if node.name in scans:
            kept = _prune(con, scans[node.name], node)
            catalogue.fill(scans[node.name], kept)
            sizes += [o.size for part in kept for o in part.objects]
    return sizes


# ---------------------------------------------------------------- loading


_DUCK_TYPES = {"string": "VARCHAR", "binary": "BLOB"}


def _duck_type(hive_type: str) -> str:
    if hive_type in _DUCK_TYPES:
        return _DUCK_TYPES[hive_type]
    return "VARCHAR" if hive_type.startswith(("char", "varchar")) else hive_type.upper()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Loader:
    """Rows into DuckDB tables, by way of files in a folder that lives as long as the query."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.con, self.folder, self.files = con, folder, 0

    def file(self) -> Path:
        self.files += 1
        return self.folder / str(self.files)

    def create(self, table: str, columns: dict[str, str]) -> None:
        defined = ", ".join(f"{_quoted(c)} {_duck_type(t)}" for c, t in columns.items())
        self.con.execute(f"CREATE TABLE {table} ({defined})")

    def rows(self, table: str, columns: dict[str, str], rows: Iterable[list[Any]]) -> None:
        path = self.file()
        names = list(columns)
        with path.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
        types = ", ".join(f"{_quoted(c)}: {_literal(_duck_type(t))}" for c, t in columns.items())
        self.con.execute(
            f"INSERT INTO {table} SELECT * FROM read_json({_literal(str(path))}, "
            f"format='newline_delimited', columns={{{types}}})"
        )

    def partitions(self, scan: Scan) -> None:
        columns = {"__i": "bigint", **scan.keys}
        self.create(f"{scan.name}_parts", columns)
        self.rows(f"{scan.name}_parts", columns, ([i, *p.values] for i, p in enumerate(scan.parts)))

    def scan(self, scan: Scan, kept: list[Part], with_path: bool) -> None:
        columns = {**scan.columns, **scan.keys, **({"$path": "string"} if with_path else {})}
        self.create(scan.name, columns)
        if not scan.columns:
            self.rows(scan.name, columns, (list(p.values) for p in kept))
            return
        text: list[tuple[Part, Stored]] = []
        for part in kept:
            serde = part.storage["SerdeInfo"]["SerializationLibrary"]
            if serde == PARQUET_SERDE and part.storage["InputFormat"] == FORMATS["PARQUET"][0]:
                for stored in part.objects:
                    self.parquet(scan, part, stored, with_path)
            elif serde == LAZY_SIMPLE and part.storage["InputFormat"] == FORMATS["TEXTFILE"][0]:
                text += [(part, stored) for stored in part.objects]
            else:
                raise QueryError(f"HIVE_UNSUPPORTED_FORMAT: {serde} is not in the test bench")
        self.rows(
            scan.name,
            columns,
            (
                [*row, *part.values, *([stored.uri] if with_path else [])]
                for part, stored in text
                for row in text_rows(scan, part, stored)
            ),
        )

    def parquet(self, scan: Scan, part: Part, stored: Stored, with_path: bool) -> None:
        """By column name, as Athena does by default; a column that the file lacks is NULL."""
        path = self.file()
        path.write_bytes(stored.read())
        source = f"read_parquet({_literal(str(path))})"
        try:
            described = self.con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        except duckdb.Error as error:
            raise QueryError(f"HIVE_CURSOR_ERROR: {stored.uri}: {error}") from error
        there = {name.lower(): (name, kind) for name, kind, *_ in described}
        shown = []
        for name, kind in scan.columns.items():
            actual, stored_type = there.get(name, (None, None))
            if actual is None:
                shown.append("NULL")
                continue
            if ("VARCHAR" in (stored_type, _duck_type(kind))) and stored_type != _duck_type(kind):
                raise QueryError(
                    f"HIVE_BAD_DATA: Field {name}'s type {stored_type} in parquet file "
                    f"{stored.uri} is incompatible with type {kind} defined in table schema"
                )
            shown.append(f"CAST({_quoted(actual)} AS {_duck_type(kind)})")
        shown += [_literal(v) for v in part.values] + ([_literal(stored.uri)] if with_path else [])
        self.con.execute(f"INSERT INTO {scan.name} SELECT {', '.join(shown)} FROM {source}")


# ---------------------------------------------------------------- results


_TIMESTAMPS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_TRINO_TYPES = {
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",  # DuckDB's sum() of integers; Trino's is a bigint
    "UBIGINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "VARCHAR": "varchar",
    "DATE": "date",
    "TIME": "time",
    **dict.fromkeys(_TIMESTAMPS, "timestamp"),
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "BLOB": "varbinary",
    '"NULL"': "unknown",
}


def _trino_type(duck: str) -> str:
    if duck.endswith("]"):
        return "array"
    kind = re.match(r"DECIMAL|MAP|STRUCT", duck)
    if kind:
        return {"DECIMAL": "decimal", "MAP": "map", "STRUCT": "row"}[kind[0]]
    return _TRINO_TYPES.get(duck, "varchar")


def _java_double(value: float) -> str:
    """Double.toString: plain from 1e-3 to 1e7, else a scientific form with a capital E."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = int(exponent) + len(digits) - 1
    shown = "".join(map(str, digits))
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{power}"


def _show(value: Any) -> str | None:
    """A value as Athena writes it into its CSV."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _java_double(value)
    if isinstance(value, list):
        return "[" + ", ".join(_show(v) or "null" for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}={_show(v) or 'null'}" for k, v in value.items()) + "}"
    if isinstance(value, bytes):
        return value.hex(" ")
    return str(value)


def _fetched(name: str, duck: str) -> str:
    """Timestamps are made text inside DuckDB: three digits, the zone behind."""
    if duck == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({name} AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%g') || ' UTC'"
    if duck in _TIMESTAMPS:
        return f"strftime({name}::TIMESTAMP, '%Y-%m-%d %H:%M:%S.%g')"
    return name


def _fetch(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[tuple[str, str]], list[Any]]:
    columns = [(name, kind) for name, kind, *_ in con.execute(f"DESCRIBE {sql}").fetchall()]
    names = [f"c{i}" for i in range(len(columns))]
    shown = ", ".join(_fetched(n, kind) for n, (_, kind) in zip(names, columns, strict=True))
    rows = con.execute(f"SELECT {shown} FROM ({sql}) AS r({', '.join(names)})").fetchall()
    return columns, [[_show(v) for v in row] for row in rows]


def _reason(error: duckdb.Error, tree: exp.Query, text: str) -> str:
    """DuckDB's complaint in Trino's words, as far as tests look at them."""
    message = str(error).split("\n")[0]
    known = re.search(r"[A-Z_]{5,}: .*", message)
    if known:
        return known[0]
    missing = re.search(r'Referenced (?:column|table) "([^"]+)" not found', message)
    if missing:
        column = next(
            (c for c in tree.find_all(exp.Column) if missing[1] in (c.name, c.table)), None
        )
        return (
            f"COLUMN_NOT_FOUND: {_position(column, text)}: Column '{missing[1]}' cannot be "
            "resolved or requester is not authorized to access requested resources"
        )
    function = re.search(r"Function with name \"?(\w+)", message)
    if function:
        return f"FUNCTION_NOT_FOUND: line 1:1: Function '{function[1]}' not registered"
    if "GROUP BY clause" in message:
        return f"EXPRESSION_NOT_AGGREGATE: line 1:1: {message}"
    if isinstance(error, duckdb.ConversionException):
        return f"INVALID_CAST_ARGUMENT: {message}"
    if isinstance(error, duckdb.BinderException):
        return f"TYPE_MISMATCH: line 1:1: {message}"
    if isinstance(error, duckdb.ParserException):
        return f"SYNTAX_ERROR: line 1:1: {message}"
    return f"GENERIC_INTERNAL_ERROR: {message}"


# ---------------------------------------------------------------- the whole


def is_explain(text: str) -> bool:
    return _EXPLAIN.match(text) is not None


def literals(text: str) -> list[str]:
    """The values of USING."""
    if not text:
        return []
    return [one.sql("trino") for one in sqlglot.parse_one(f"SELECT {text}", read="trino").selects]


def run(
    text: str,
    glue: GlueBackend,
    s3: S3Backend,
    database: str | None,
    parameters: list[str],
    cutoff: int | None,
) -> Answer:
    """The answer of one SELECT; raises QueryError, CutoffError or ManyStatementsError."""
    explain = _EXPLAIN.match(text)
    if explain:  # blanks keep the positions in messages right
        text = " " * explain.end() + text[explain.end() :]
    analyze = bool(explain and explain[1])
    mode = "" if explain is None or analyze else explain[2] or "(TYPE LOGICAL)"
    unload = _UNLOAD.match(text)
    if unload:
        text = " " * unload.start(1) + unload[1]
    tree = parse(text, parameters)
    catalogue = Catalogue(glue, s3, database, text)
    try:
        _name_columns(tree)
        _open_views(tree, catalogue)
        scans = _take_scans(tree, catalogue)
        tree = _qualify(tree, scans, text)
    except NotImplementedError as error:
        raise QueryError(f"NOT_SUPPORTED: {error}") from error
    except SqlglotError as error:
        raise QueryError(f"SYNTAX_ERROR: line 1:1: {error}") from error
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        for setting in ("threads = 1", "TimeZone = 'UTC'", "integer_division = true"):
            con.execute(f"SET {setting}")
        try:
            answer = _answer(Loader(con, Path(folder)), tree, scans, catalogue, cutoff, mode)
        except duckdb.Error as error:
            raise QueryError(_reason(error, tree, text)) from error
    if analyze:
        return Answer([("Query Plan", "varchar")], [["Fragment 1 [SINGLE]"]], answer.scanned)
    return answer


def _io_plan(
    con: duckdb.DuckDBPyConnection, tree: exp.Query, scans: dict[str, Scan]
) -> dict[str, Any]:
    """EXPLAIN (TYPE IO): of each table the values of its keys, with equal entries but once."""
    infos: list[dict[str, Any]] = []
    for node in pushdown_predicates(_inlined(tree), dialect="trino").find_all(exp.Table):
        scan = scans.get(node.name)
        if scan is None:
            continue
        kept = _prune(con, scan, node)
        constraints = []
        for place, (key, kind) in enumerate(scan.keys.items()):
            values = sorted({part.values[place] for part in kept})
            one = [{"value": v, "bound": "EXACTLY"} for v in values]
            ranges = [{"low": mark, "high": mark} for mark in one]
            if len(one) > IO_VALUES:
                ranges = [{"low": one[0], "high": one[-1]}]
            domain = {"nullsAllowed": False, "ranges": ranges}
            about = {"columnName": key, "type": _SCHEMA_TYPES.get(kind, kind), "domain": domain}
            constraints += [about] if kept else []
        schema = {"schema": scan.table["DatabaseName"], "table": scan.table["Name"]}
        info = {
            "table": {"catalog": "awsdatacatalog", "schemaTable": schema},
            "constraint": {"none": not kept, "columnConstraints": constraints},
            "estimate": _NO_ESTIMATE,
        }
        infos += [info] if info not in infos else []
    return {"inputTableColumnInfos": infos, "estimate": _NO_ESTIMATE}


def _answer(
    loader: Loader,
    tree: exp.Query,
    scans: dict[str, Scan],
    catalogue: Catalogue,
    cutoff: int | None,
    explain: str,
) -> Answer:
    con = loader.con
    for macro in MACROS:
        con.execute(macro)
    for scan in scans.values():
        loader.partitions(scan)
    if re.search(r"\btype\s+io\b", explain, re.IGNORECASE):
        lines = json.dumps(_io_plan(con, tree, scans), indent=2).split("\n")
        return Answer([("Query Plan", "varchar")], [[line] for line in lines])
    sizes = [] if explain else _scanned(con, tree, scans, catalogue)
    scanned = 0
    for size in sizes:
        scanned += size
        if cutoff is not None and scanned > cutoff:
            raise CutoffError(scanned)
    with_path = any("$path" in v.name for v in tree.find_all(exp.Var))
    for node in [n for n in tree.find_all(exp.Table) if n.name in scans]:
        scan = scans[node.name]
        kept = [] if explain else _prune(con, scan, node)
        catalogue.fill(scan, kept)
        loader.scan(scan, kept, with_path)
    columns, rows = _fetch(con, to_duckdb(tree))
    if explain:
        plan = [[f"- Output[{', '.join(name for name, _ in columns)}]"]]
        return Answer([("Query Plan", "varchar")], [list(row) for row in plan])
    return Answer([(name, _trino_type(kind)) for name, kind in columns], rows, scanned)
