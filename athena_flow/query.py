"""Saved queries: a TOML header in SQL comments, and a Jinja body that holds values only.

The file stays SQL, so editors and linters work on it. Header and body are checked against
each other when the file is read. Every ``{{ x }}`` becomes a quoted literal: only
`sqltext.Sql`, which core code alone can make, passes unquoted. A body may hold ``{{ name }}``
and ``{% if %}``; anything that computes is refused, because a template cannot be tested.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from athena_flow.errors import (
    BadParameter,
    BadQuery,
    BadSql,
    MissingFields,
    UnknownQuery,
    did_you_mean,
)
from athena_flow.fields import COLUMNS
from athena_flow.params import TYPES, Param, Value
from athena_flow.sqltext import Sql, literal
from athena_flow.table import TableSpec
from athena_flow.window import Window

if TYPE_CHECKING:
    from jinja2 import nodes

_GIVEN = ("table", "window")
"""What every body gets from us: the table's name and the window's predicate."""
_HEADER_KEYS = {"title", "description", "requires", "params"}
_PARAM_KEYS = {"type", "doc", "default", "required", "min", "max", "choices", "many"}
_PLAIN_NODES = {
    *("Template", "Output", "TemplateData", "Name", "If", "Compare", "Operand"),
    *("Const", "Not", "And", "Or", "Test", "Tuple", "List"),
}


@dataclass(frozen=True, slots=True)
class SavedQuery:
    name: str
    title: str
    description: str
    requires: tuple[str, ...]
    """Columns without which it has no meaning."""
    params: tuple[Param, ...]
    body: str
    path: Path

    def missing(self, columns: Container[str]) -> tuple[str, ...]:
        """The required columns that a table (or format, or set of columns) lacks."""
        return tuple(c for c in self.requires if c not in columns)


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query ready to be estimated and sent."""

    name: str
    sql: str
    spec: TableSpec
    window: Window
    values: Mapping[str, Value]


def shipped_folder() -> Path:
    """Where the queries of this package lie: inside a wheel, or beside a checkout."""
    inside = Path(__file__).parent / "queries"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "queries"


def library(
    own: Path | None = None, broken: dict[str, BadQuery] | None = None
) -> dict[str, SavedQuery]:
    """All saved queries by name, sorted; one in the user's ``own`` folder hides ours.

    Raises BadQuery for a folder that is none, and for a file that is wrong, unless
    ``broken`` is there to take it.
    """
    if own is not None and not own.is_dir():
        raise BadQuery(f"{own} is no folder", hint="--queries-dir takes a folder of *.sql files")
    folders = [shipped_folder()] + ([own] if own else [])
    found = {path.stem: path for folder in folders for path in sorted(folder.glob("*.sql"))}
    queries = {}
    for name in sorted(found):
        try:
            queries[name] = parse_query(_text(found[name]), found[name])
        except BadQuery as error:
            if broken is None:
                raise
            broken[name] = error
    return queries


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadQuery(f"{path}: cannot be read: {error}") from None


def find(name: str, queries: Mapping[str, SavedQuery]) -> SavedQuery:
    """Raises UnknownQuery with the nearest names."""
    if name not in queries:
        raise UnknownQuery(
            f"no saved query is called {name!r}{did_you_mean(name, queries)}",
            hint="athena-flow queries lists them",
        )
    return queries[name]


def parse_query(text: str, path: Path) -> SavedQuery:
    """Reads one file. Raises BadQuery with everything wrong in it, and the file's name."""
    header_lines, body = _split(text)
    try:
        header = tomllib.loads("\n".join(header_lines))
    except tomllib.TOMLDecodeError as error:
        raise BadQuery(f"{path}: header: {error}") from None
    wrong = list(_header_faults(header)) or list(_body_faults(header, body))
    if wrong:
        raise BadQuery(f"{path}: " + "; ".join(wrong))
    return SavedQuery(
        name=path.stem,
        title=header["title"],
        description=" ".join(header.get("description", "").split()),
        requires=tuple(header["requires"]),
        params=tuple(_param(name, entry) for name, entry in header.get("params", {}).items()),
        body=body.strip(),
        path=path,
    )


def bind(
    query: SavedQuery, values: Mapping[str, Value], spec: TableSpec, window: Window
) -> BoundQuery:
    """The query on one table and window, with its values in place.

    Raises MissingFields when the table lacks a required field, and BadSql when the result
    is not one read-only statement.
    """
    missing = query.missing(spec.format)
    if missing:
        names = ", ".join(COLUMNS[c] for c in missing)
        raise MissingFields(
            f"{query.name} needs fields that the log format of {spec.title} lacks: {names}",
            hint="a flow log's format cannot be changed: make a new one with these fields;"
            " athena-flow check tells whether a table lacks what its logs hold",
        )
    context: dict[str, object] = dict(values)
    context["table"] = spec.sql
    context["window"] = spec.predicate(window)
    try:
        sql = _render(query, context)
    except ValueError as error:
        raise BadParameter(f"{query.name}: {error}") from None
    check_read_only(sql, query.path.name)
    return BoundQuery(query.name, sql, spec, window, values)


def check_read_only(sql: str, where: str) -> None:
    """Is this one SELECT (or WITH), by parsing? Raises BadSql when it is not."""
    import sqlglot
    from sqlglot import exp

    try:
        statements = [s for s in sqlglot.parse(sql, dialect="athena") if s is not None]
    except sqlglot.errors.SqlglotError as error:
        raise BadSql(f"{where}: {_one_line(str(error))}") from None
    if len(statements) != 1:
        raise BadSql(f"{where}: holds {len(statements)} statements, not one")
    writing = (exp.DDL, exp.DML, exp.Into, exp.Command)
    if not isinstance(statements[0], exp.Query) or statements[0].find(*writing):
        raise BadSql(
            f"{where}: {statements[0].key.upper()} is not read-only",
            hint="only SELECT and WITH are run",
        )


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[\d*m", "", text).split())


def _split(text: str) -> tuple[list[str], str]:
    """The header's lines without their comment marks, and the body with its line numbers."""
    lines = text.lstrip("\ufeff").splitlines()
    header = []
    for line in lines:
        if not line.startswith("--"):
            break
        header.append(line.removeprefix("--").removeprefix(" "))
    return header, "\n" * len(header) + "\n".join(lines[len(header) :]).rstrip()


def _header_faults(header: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(header.keys() - _HEADER_KEYS):
        yield f"unknown header key {key!r}{did_you_mean(key, _HEADER_KEYS)}"
    if not isinstance(header.get("title"), str):
        yield "the header has no title"
    if not isinstance(header.get("description", ""), str):
        yield "the description is no text"
    requires = header.get("requires")
    if not isinstance(requires, list):
        yield "the header has no list 'requires' of the columns that the query reads"
    for column in requires if isinstance(requires, list) else ():
        if not isinstance(column, str) or column not in COLUMNS:
            near = did_you_mean(str(column), COLUMNS)
            yield f"requires: no field has the column {column!r}{near}"
    params = header.get("params", {})
    if not isinstance(params, dict):
        yield "params is no table of parameters: write [params.NAME]"
        return
    for name, entry in params.items():
        yield from (f"parameter {name!r}: {fault}" for fault in _param_faults(name, entry))


_PARAM_TYPES: Mapping[str, tuple[type, ...]] = {
    "type": (str,),
    "doc": (str,),
    "required": (bool,),
    "many": (bool,),
    "min": (int, float),
    "max": (int, float),
    "choices": (list,),
}


def _param_faults(name: str, entry: object) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "is no table of type, doc, default ..."
        return
    for key in sorted(entry.keys() - _PARAM_KEYS):
        yield f"unknown key {key!r}{did_you_mean(key, _PARAM_KEYS)}"
    if name in _GIVEN or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        yield "no name for a parameter"
    unknown = entry.keys() - _PARAM_KEYS
    odd = [k for k, t in _PARAM_TYPES.items() if k in entry and not _is(entry[k], t)]
    for key in odd:
        yield f"{key} = {entry[key]!r} is of the wrong kind"
    if "doc" not in entry:
        yield "has no doc"
    if entry.get("required") and "default" in entry:
        yield "is required and has a default"
    if not odd and not unknown:
        yield from _value_faults(name, entry)


def _value_faults(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """What a parameter of the right shape still says wrong of its values."""
    if entry.get("type") not in TYPES:
        yield f"type {entry.get('type')!r} is none of {', '.join(TYPES)}"
        return
    param = _param(name, entry)
    for choice in param.choices:
        if not isinstance(choice, str) or param.type != "string":
            yield f"choices: {choice!r}: only a string has choices, and they are texts"
            return
    if "default" in entry:
        yield from _default_faults(param, entry["default"])


def _is(value: object, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _default_faults(param: Param, default: object) -> Iterator[str]:
    """A default must be of the parameter's own type: it is read as a user's text would be."""
    if isinstance(default, list) != param.many:
        yield f"default {default!r} has to be {'a list' if param.many else 'one value'}"
        return
    for item in default if isinstance(default, list) else [default]:
        text = str(item).lower() if isinstance(item, bool) else str(item)
        try:
            if param.read(text) != item:
                yield f"default {item!r} is written as {param.read(text)!r}"
        except ValueError as error:
            yield f"default {item!r}: wants {error}"


def _param(name: str, entry: Mapping[str, Any]) -> Param:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return Param(name=name, doc=fields.pop("doc", ""), **fields)


def _body_faults(header: Mapping[str, Any], body: str) -> Iterator[str]:
    """What the body does that it may not, and what header and body disagree on."""
    from jinja2 import TemplateSyntaxError, nodes

    try:
        template = _environment(literal).parse(body)
    except TemplateSyntaxError as error:
        yield f"line {error.lineno}: {error.message}"
        return
    for node in _all_nodes(template):
        kind = type(node).__name__
        if kind not in _PLAIN_NODES or (isinstance(node, nodes.Test) and node.name != "none"):
            yield (
                f"line {node.lineno or 1}: {kind} in the template:"
                " a body may hold {{ name }} and {% if %}, nothing that computes"
            )
            return
    marked, count = re.subn(r"\{\{.*?\}\}", _MARK, body, flags=re.DOTALL)
    if not _stand_alone(re.sub(r"\{[%#].*?[%#]\}", " ", marked, flags=re.DOTALL), count):
        yield _QUOTED
    used = {node.name for node in template.find_all(nodes.Name)}
    declared = set(header.get("params", {})) | set(_GIVEN)
    for name in sorted(used - declared):
        yield f"{{{{ {name} }}}} is used but not declared{did_you_mean(name, declared)}"
    for name in sorted(declared - used):
        if name in _GIVEN:
            yield "{{ " + name + " }} is missing"
        else:
            yield f"parameter {name!r} is declared but not used"


def _all_nodes(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all_nodes(child)


def _environment(write: Callable[[object], str]) -> Any:  # jinja2 costs start-up time
    """Jinja in its sandbox; ``write`` says what stands in the SQL for a value."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        finalize=lambda value: value.text if isinstance(value, Sql) else write(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


_MARK = "athena_flow_value"


def _render(query: SavedQuery, context: Mapping[str, object]) -> str:
    """The body with its values as literals.

    Raises BadQuery when one would stand inside quotes or a comment, where it could end them.
    """
    marks = []

    def mark(value: object) -> str:
        marks.append(value)
        return _MARK

    if not _stand_alone(_environment(mark).from_string(query.body).render(context), len(marks)):
        raise BadQuery(f"{query.path}: {_QUOTED}")
    sql: str = _environment(literal).from_string(query.body).render(context)
    return sql


_QUOTED = (
    "a {{ value }} stands inside quotes or a comment, or touches a word:"
    " write it alone, it is quoted already"
)


def _stand_alone(marked: str, count: int) -> bool:
    """Is each of ``count`` marks a word of its own in this SQL, outside quotes and comments?"""
    from sqlglot.dialects.trino import Trino
    from sqlglot.errors import TokenError

    try:
        tokens = Trino().tokenize(marked)
    except TokenError:
        return False
    return count == sum(t.text == _MARK and marked[t.start : t.end + 1] == _MARK for t in tokens)
