"""Athena's DDL for the test bench: read the Hive grammar strictly, apply it to moto's Glue.

This judges the DDL that the project writes, so it shares no code with the project, and whatever it
does not know is refused with Hive's ParseException instead of being guessed at.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from moto.glue.models import FakePartition, FakeTable, GlueBackend

RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
    ALL ALTER AND ARRAY AS AUTHORIZATION BETWEEN BIGINT BINARY BOOLEAN BOTH BY CASE CASHE
    CAST CHAR COLUMN CONF CONSTRAINT COMMIT CREATE CROSS CUBE CURRENT CURRENT_DATE
    CURRENT_TIMESTAMP CURSOR DATABASE DATE DAYOFWEEK DECIMAL DELETE DESCRIBE DISTINCT DIV
    DOUBLE DROP ELSE END EXCHANGE EXISTS EXTENDED EXTERNAL EXTRACT FALSE FETCH FLOAT FLOOR
    FOLLOWING FOR FOREIGN FROM FULL FUNCTION GRANT GROUP GROUPING HAVING IF IMPORT IN INNER
    INSERT INT INTEGER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LESS LIKE LOCAL MACRO
    MAP MORE NONE NOT NULL NUMERIC OF ON ONLY OR ORDER OUT OUTER OVER PARTIALSCAN PARTITION
    PERCENT PRECEDING PRECISION PRESERVE PRIMARY PROCEDURE RANGE READS REDUCE REGEXP
    REFERENCES REVOKE RIGHT RLIKE ROLLBACK ROLLUP ROW ROWS SELECT SET SMALLINT START TABLE
    TABLESAMPLE THEN TIME TIMESTAMP TO TRANSFORM TRIGGER TRUE TRUNCATE UNBOUNDED UNION
    UNIQUEJOIN UPDATE USER USING UTC_TIMESTAMP VALUES VARCHAR VIEWS WHEN WHERE WINDOW WITH
    """,
    )
)
SIMPLE_TYPES = frozenset(
    re.findall(
        r"\w+", "tinyint smallint int bigint boolean float double string binary timestamp date"
    )
)
LAZY_SIMPLE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
FORMATS = {
    "TEXTFILE": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    ),
    "PARQUET": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    ),
}
DDL_TASK = "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "


class HiveError(Exception):
    """The StateChangeReason of a DDL statement that fails."""


class ManyStatementsError(Exception):
    """More than one statement: Athena refuses the call itself, no query is started."""


# ---------------------------------------------------------------- tokens


class Token(NamedTuple):
    kind: str  # word, quoted (back-ticks), string, punct, end
    text: str  # for strings and quoted names the value, unescaped
    start: int


_TOKEN = re.compile(
    r"(?P<space>(?:\s+|--[^\n]*)+)"
    r"|`(?P<quoted>(?:[^`]|``)*)`"
    r"|'(?P<single>(?:[^'\\]|\\.)*)'"
    r'|"(?P<double>(?:[^"\\]|\\.)*)"'
    r"|(?P<word>[A-Za-z0-9][A-Za-z0-9_]*)"
    r"|(?P<punct><=|>=|<>|!=|[(),.=<>:;])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPED = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


def unescape(body: str) -> str:
    """The value of a Hive string literal's inside, after Hive's unescapeSQLString."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if len(code) == 3:
            return chr(int(code, 8))
        if code in "%_":
            return "\\" + code
        return _ESCAPED.get(code, code)

    return _ESCAPE.sub(one, body)


def _parse_error(text: str, at: int, message: str) -> HiveError:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1)
    return HiveError(f"FAILED: ParseException line {line}:{column} {message}")


def tokenize(text: str) -> list[Token]:
    """All tokens, closed by one of kind `end`."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise _parse_error(text, at, f"character '{text[at]}' not supported here")
        kind = match.lastgroup or ""
        if kind in ("single", "double"):
            tokens.append(Token("string", unescape(match[kind]), at))
        elif kind == "quoted":
            tokens.append(Token("quoted", match[kind].replace("``", "`"), at))
        elif kind != "space":
            tokens.append(Token(kind, match[kind], at))
        at = match.end()
    return [*tokens, Token("end", "<EOF>", len(text))]


# ---------------------------------------------------------------- statements


class Name(NamedTuple):
    database: str | None
    name: str


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    comment: str | None = None

    def glue(self) -> dict[str, str]:
        comment = {} if self.comment is None else {"Comment": self.comment}
        return {"Name": self.name, "Type": self.type, **comment}


@dataclass
class CreateDatabase:
    name: str
    if_not_exists: bool
    comment: str | None = None
    location: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class DropDatabase:
    name: str
    if_exists: bool
    cascade: bool


@dataclass
class CreateTable:
    table: Name
    if_not_exists: bool
    columns: list[Column]
    comment: str | None = None
    keys: list[Column] = field(default_factory=list)
    serde: str | None = None
    serde_properties: dict[str, str] = field(default_factory=dict)
    formats: tuple[str, str] = FORMATS["TEXTFILE"]
    location: str | None = None
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class DropTable:
    table: Name
    if_exists: bool


@dataclass
class AddPartitions:
    table: Name
    if_not_exists: bool
    partitions: list[tuple[dict[str, str], str | None]]


@dataclass
class DropPartitions:
    table: Name
    if_exists: bool
    specs: list[list[tuple[str, str, str]]]  # key, operator, value


@dataclass
class ShowPartitions:
    table: Name
    spec: dict[str, str]


Statement = (
    CreateDatabase
    | DropDatabase
    | CreateTable
    | DropTable
    | AddPartitions
    | DropPartitions
    | ShowPartitions
)


class Parser:
    """Recursive descent over one statement; every clause in Hive's own order."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.at = 0
        semicolons = [i for i, t in enumerate(self.tokens) if (t.kind, t.text) == ("punct", ";")]
        if semicolons and semicolons[0] + 2 < len(self.tokens):
            raise ManyStatementsError
        if semicolons:  # Athena takes one closing semicolon
            del self.tokens[semicolons[0]]

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def fail(self, expecting: str) -> HiveError:
        message = f"mismatched input '{self.token.text}' expecting {expecting}"
        return _parse_error(self.text, self.token.start, message)

    def accept(self, *words: str) -> bool:
        """Step over these keywords or signs if exactly they come next."""
        coming = self.tokens[self.at : self.at + len(words)]
        same = len(coming) == len(words) and all(
            t.kind in ("word", "punct") and t.text.upper() == w
            for t, w in zip(coming, words, strict=True)
        )
        if same:
            self.at += len(words)
        return same

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                raise self.fail(word)

    def string(self) -> str:
        if self.token.kind != "string":
            raise self.fail("StringLiteral")
        self.at += 1
        return self.tokens[self.at - 1].text

    def identifier(self) -> str:
        token = self.token
        bare = token.kind == "word" and token.text.upper() not in RESERVED
        if not (bare or (token.kind == "quoted" and token.text)):
            raise self.fail("Identifier")
        self.at += 1
        return token.text.lower()

    def name(self) -> Name:
        first = self.identifier()
        return Name(first, self.identifier()) if self.accept(".") else Name(None, first)

    def comma_list(self, item: Callable[[], Any]) -> list[Any]:
        """( item, item ... )"""
        self.expect("(")
        items = [item()]
        while self.accept(","):
            items.append(item())
        self.expect(")")
        return items

    def type(self) -> str:
        token = self.token
        word = token.text.lower() if token.kind == "word" else ""
        if word in SIMPLE_TYPES:
            self.at += 1
            return word
        if word in ("decimal", "varchar", "char"):
            self.at += 1
            if word == "decimal" and (self.token.kind, self.token.text) != ("punct", "("):
                return word
            return f"{word}({','.join(self.comma_list(self.number))})"
        if word in ("array", "map"):
            self.at += 1
            self.expect("<")
            inner = self.type() if word == "array" else self.map_inside()
            self.expect(">")
            return f"{word}<{inner}>"
        raise self.fail("a data type")

    def map_inside(self) -> str:
        key = self.type()
        self.expect(",")
        return f"{key},{self.type()}"

    def number(self) -> str:
        if self.token.kind != "word" or not self.token.text.isdecimal():
            raise self.fail("Number")
        self.at += 1
        return self.tokens[self.at - 1].text

    def column(self) -> Column:
        name, kind = self.identifier(), self.type()
        return Column(name, kind, self.string() if self.accept("COMMENT") else None)

    def property(self) -> tuple[str, str]:
        key = self.string()
        self.expect("=")
        return key, self.string()

    def properties(self) -> dict[str, str]:
        return dict(self.comma_list(self.property))

    def constant(self) -> str:
        """A partition value: a string, or a bare number."""
        return self.string() if self.token.kind == "string" else self.number()

    def equality(self) -> tuple[str, str]:
        key = self.identifier()
        self.expect("=")
        return key, self.constant()

    def comparison(self) -> tuple[str, str, str]:
        key = self.identifier()
        for sign in ("=", "!=", "<>", "<=", ">=", "<", ">"):
            if self.accept(sign):
                return key, sign, self.constant()
        raise self.fail("a comparison")

    def statement(self) -> Statement:
        found = self.command()
        if self.token.kind != "end":
            raise self.fail("EOF")
        return found

    def command(self) -> Statement:
        if self.accept("CREATE", "DATABASE") or self.accept("CREATE", "SCHEMA"):
            return self.create_database()
        if self.accept("CREATE", "EXTERNAL", "TABLE"):
            return self.create_table()
        if self.accept("DROP", "DATABASE") or self.accept("DROP", "SCHEMA"):
            if_exists = self.accept("IF", "EXISTS")
            name = self.identifier()
            cascade = self.accept("CASCADE")
            if not cascade:
                self.accept("RESTRICT")
            return DropDatabase(name, if_exists, cascade)
        if self.accept("DROP", "TABLE"):
            if_exists = self.accept("IF", "EXISTS")
            return DropTable(self.name(), if_exists)
        if self.accept("SHOW", "PARTITIONS"):
            table = self.name()
            spec = self.comma_list(self.equality) if self.accept("PARTITION") else []
            return ShowPartitions(table, dict(spec))
        if self.accept("ALTER", "TABLE"):
            return self.alter_table()
        raise _parse_error(
            self.text, self.token.start, f"cannot recognize input near '{self.token.text}'"
        )

    def create_database(self) -> CreateDatabase:
        made = CreateDatabase("", self.accept("IF", "NOT", "EXISTS"))
        made.name = self.identifier()
        if self.accept("COMMENT"):
            made.comment = self.string()
        if self.accept("LOCATION"):
            made.location = self.string()
        if self.accept("WITH", "DBPROPERTIES"):
            made.properties = self.properties()
        return made

    def create_table(self) -> CreateTable:
        if_not_exists = self.accept("IF", "NOT", "EXISTS")
        table = self.name()
        made = CreateTable(table, if_not_exists, self.comma_list(self.column))
        if self.accept("COMMENT"):
            made.comment = self.string()
        if self.accept("PARTITIONED", "BY"):
            made.keys = self.comma_list(self.column)
        if self.accept("ROW", "FORMAT"):
            self.row_format(made)
        if self.accept("STORED", "AS"):
            self.stored_as(made)
        if self.accept("LOCATION"):
            made.location = self.string()
        if self.accept("TBLPROPERTIES"):
            made.properties = self.properties()
        return made

    def row_format(self, made: CreateTable) -> None:
        if self.accept("SERDE"):
            made.serde = self.string()
            if self.accept("WITH"):
                self.expect("SERDEPROPERTIES")
                made.serde_properties = self.properties()
            return
        self.expect("DELIMITED")
        found = made.serde_properties
        if self.accept("FIELDS", "TERMINATED", "BY"):
            found["field.delim"] = found["serialization.format"] = self.string()
            if self.accept("ESCAPED", "BY"):
                found["escape.delim"] = self.string()
        for key, words in (
            ("collection.delim", ("COLLECTION", "ITEMS", "TERMINATED", "BY")),
            ("mapkey.delim", ("MAP", "KEYS", "TERMINATED", "BY")),
            ("line.delim", ("LINES", "TERMINATED", "BY")),
            ("serialization.null.format", ("NULL", "DEFINED", "AS")),
        ):
            if self.accept(*words):
                found[key] = self.string()

    def stored_as(self, made: CreateTable) -> None:
        if self.accept("INPUTFORMAT"):
            reader = self.string()
            self.expect("OUTPUTFORMAT")
            made.formats = (reader, self.string())
            return
        for word, formats in FORMATS.items():
            if self.accept(word):
                made.formats = formats
                if word == "PARQUET" and made.serde is None:
                    made.serde = PARQUET_SERDE
                return
        raise self.fail("TEXTFILE, PARQUET or INPUTFORMAT")

    def alter_table(self) -> AddPartitions | DropPartitions:
        table = self.name()
        if self.accept("ADD"):
            return self.add_partitions(table)
        self.expect("DROP")
        if_exists = self.accept("IF", "EXISTS")
        specs = []
        while not specs or self.accept(","):
            self.expect("PARTITION")
            specs.append(self.comma_list(self.comparison))
        return DropPartitions(table, if_exists, specs)

    def add_partitions(self, table: Name) -> AddPartitions:
        """Partitions follow each other without a comma; that is Hive's rule, not a slip."""
        made = AddPartitions(table, self.accept("IF", "NOT", "EXISTS"), [])
        while not made.partitions or self.token.kind != "end":
            self.expect("PARTITION")
            spec = self.comma_list(self.equality)
            if len(dict(spec)) < len(spec):
                raise HiveError("FAILED: SemanticException duplicate key in the partition spec")
            made.partitions.append((dict(spec), self.string() if self.accept("LOCATION") else None))
        return made


# ---------------------------------------------------------------- applying to Glue


def run(text: str, glue: GlueBackend, database: str | None) -> list[str]:
    """Do the statement; the lines that it answers (only SHOW PARTITIONS has any)."""
    statement = Parser(text).statement()
    if isinstance(statement, CreateDatabase):
        return _create_database(statement, glue)
    if isinstance(statement, DropDatabase):
        return _drop_database(statement, glue)
    where = statement.table.database or database or "default"
    if where not in glue.databases:
        raise HiveError(
            f"FAILED: SemanticException [Error 10072]: Database does not exist: {where}"
        )
    if isinstance(statement, CreateTable):
        return _create_table(statement, glue, where)
    table = glue.databases[where].tables.get(statement.table.name)
    if isinstance(statement, DropTable):
        if table is None and not statement.if_exists:
            raise HiveError(_no_table(where, statement.table.name))
        glue.databases[where].tables.pop(statement.table.name, None)
        return []
    if table is None:
        raise HiveError(_no_table(where, statement.table.name))
    if isinstance(statement, AddPartitions):
        return _add_partitions(statement, table)
    if isinstance(statement, DropPartitions):
        return _drop_partitions(statement, table)
    return _show_partitions(statement, table)


def _no_table(database: str, name: str) -> str:
    return f"FAILED: SemanticException [Error 10001]: Table not found {database}.{name}"


def _create_database(made: CreateDatabase, glue: GlueBackend) -> list[str]:
    if made.name in glue.databases:
        if made.if_not_exists:
            return []
        raise HiveError(f"{DDL_TASK}Database {made.name} already exists")
    given: dict[str, Any] = {"Name": made.name, "Parameters": made.properties}
    if made.comment is not None:
        given["Description"] = made.comment
    if made.location is not None:
        given["LocationUri"] = made.location
    glue.create_database(made.name, given)
    return []


def _drop_database(dropped: DropDatabase, glue: GlueBackend) -> list[str]:
    found = glue.databases.get(dropped.name)
    if found is None and not dropped.if_exists:
        raise HiveError(f"{DDL_TASK}NoSuchObjectException(message:{dropped.name})")
    if found is not None and found.tables and not dropped.cascade:
        raise HiveError(
            f"{DDL_TASK}InvalidOperationException(message:Database {dropped.name} is not empty. "
            "One or more tables exist.)"
        )
    glue.databases.pop(dropped.name, None)
    return []


def _check_columns(made: CreateTable) -> None:
    seen: set[str] = set()
    for column in made.columns:
        if column.name in seen:
            raise HiveError(
                f"FAILED: SemanticException [Error 10036]: Duplicate column name: {column.name}"
            )
        seen.add(column.name)
    for key in made.keys:
        if key.name in seen:
            raise HiveError(
                "FAILED: SemanticException [Error 10035]: Column repeated in partitioning columns"
            )
        seen.add(key.name)


def check_location(location: str | None) -> str:
    """S3 folders only, as Athena wants them: no ARN, wildcard or other scheme."""
    if location and re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[^*]*)?", location):
        return location
    raise HiveError(f"{DDL_TASK}MetaException(message:Got exception: bad LOCATION {location!r})")


def _create_table(made: CreateTable, glue: GlueBackend, database: str) -> list[str]:
    _check_columns(made)
    location = check_location(made.location)
    if made.table.name in glue.databases[database].tables:
        if made.if_not_exists:
            return []
        raise HiveError(
            f"{DDL_TASK}AlreadyExistsException(message:Table {made.table.name} already exists.)"
        )
    comment = {} if made.comment is None else {"comment": made.comment}
    given = {
        "Name": made.table.name,
        "Owner": "hadoop",
        "TableType": "EXTERNAL_TABLE",
        "Retention": 0,
        "PartitionKeys": [c.glue() for c in made.keys],
        "StorageDescriptor": _storage(made, location),
        "Parameters": {
            "EXTERNAL": "TRUE",
            "transient_lastDdlTime": str(int(time.time())),
            **comment,
            **made.properties,
        },
    }
    glue.create_table(database, made.table.name, given)
    return []


def _storage(made: CreateTable, location: str) -> dict[str, Any]:
    return {
        "Columns": [c.glue() for c in made.columns],
        "Location": location,
        "InputFormat": made.formats[0],
        "OutputFormat": made.formats[1],
        "Compressed": False,
        "NumberOfBuckets": -1,
        "SerdeInfo": {
            "SerializationLibrary": made.serde or LAZY_SIMPLE,
            "Parameters": {"serialization.format": "1", **made.serde_properties},
        },
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": {},
        "SkewedInfo": {
            "SkewedColumnNames": [],
            "SkewedColumnValues": [],
            "SkewedColumnValueLocationMaps": {},
        },
        "StoredAsSubDirectories": False,
    }


def _keys(table: FakeTable) -> list[str]:
    return [k["Name"] for k in table.as_dict().get("PartitionKeys", [])]


_UNSAFE = re.compile(r"[\x00-\x1f\"#%'*/:=?\\{\[\]^\x7f]")


def partition_name(keys: list[str], values: list[str]) -> str:
    """key=value/key=value, escaped as Hive does in paths and in SHOW PARTITIONS."""

    def escape(text: str) -> str:
        return _UNSAFE.sub(lambda m: f"%{ord(m[0]):02X}", text)

    return "/".join(f"{escape(k)}={escape(v)}" for k, v in zip(keys, values, strict=True))


def _add_partitions(added: AddPartitions, table: FakeTable) -> list[str]:
    keys = _keys(table)
    storage = table.as_dict()["StorageDescriptor"]
    new: dict[tuple[str, ...], str] = {}
    for spec, location in added.partitions:
        if set(spec) != set(keys):
            raise HiveError(
                "FAILED: ValidationFailureSemanticException table is partitioned but partition "
                f"spec is not specified or does not fully match table partitioning: {spec}"
            )
        values = [spec[k] for k in keys]
        if str(values) in table.partitions or tuple(values) in new:
            if not added.if_not_exists:
                raise HiveError(
                    f"{DDL_TASK}AlreadyExistsException(message:Partition already exists: {values})"
                )
            continue
        default = f"{storage['Location'].rstrip('/')}/{partition_name(keys, values)}"
        new[tuple(values)] = check_location(location or default)
    for found, location in new.items():
        table.create_partition(
            {
                "Values": list(found),
                "StorageDescriptor": {**storage, "Location": location},
                "Parameters": {"transient_lastDdlTime": str(int(time.time()))},
            }
        )
    return []


_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _drop_partitions(dropped: DropPartitions, table: FakeTable) -> list[str]:
    keys = _keys(table)
    doomed: list[FakePartition] = []
    for spec in dropped.specs:
        for key, _, _ in spec:
            if key not in keys:
                raise HiveError(f"FAILED: SemanticException Column {key} not found")
        hit = [
            p
            for p in table.partitions.values()
            if all(_COMPARE[sign](p.values[keys.index(k)], v) for k, sign, v in spec)
        ]
        if not hit and not dropped.if_exists:
            text = ", ".join(f"{k} {sign} '{v}'" for k, sign, v in spec)
            raise HiveError(
                f"FAILED: SemanticException [Error 10006]: Partition not found ({text})"
            )
        doomed += hit
    for partition in doomed:
        table.partitions.pop(str(partition.values), None)
    return []


def _show_partitions(shown: ShowPartitions, table: FakeTable) -> list[str]:
    keys = _keys(table)
    name = f"{table.database_name}.{table.name}"
    if not keys:
        raise HiveError(f"FAILED: SemanticException Table {name} is not a partitioned table")
    if set(shown.spec) - set(keys):
        raise HiveError(f"FAILED: SemanticException bad partition spec {shown.spec} for {name}")
    if table.as_dict().get("Parameters", {}).get("projection.enabled") == "true":
        return []  # with projection, the catalogue's partitions are not looked at
    return sorted(
        partition_name(keys, p.values)
        for p in table.partitions.values()
        if all(p.values[keys.index(k)] == v for k, v in shown.spec.items())
    )
