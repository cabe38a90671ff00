"""Any statement that Athena takes -> what it is, and the one query by which it reads tables.

SELECT inside CREATE TABLE AS, INSERT, UNLOAD, EXPLAIN ANALYZE and EXECUTE is found by words and
parentheses alone, so that only a query is ever given to the SQL parser: that takes what it does
not know for an opaque command. What is not recognised is never taken for free.

Sources: Athena User Guide, "DDL statements", "SQL queries, functions, and operators", "Use
EXPLAIN and EXPLAIN ANALYZE", "Use prepared statements"; Trino's grammar, SqlBase.g4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from athena_flow.errors import BadSql

Kind = Literal["free", "reads", "prepared", "unknown"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, as far as an estimate has to know it."""

    text: str
    """As it is sent: without a byte order mark and without the semicolon at its end."""
    kind: Kind
    said: str
    """What it is (``SHOW PARTITIONS``), or why that is not known."""
    query: str = ""
    """The query by which it reads, for one that reads."""
    name: str = ""
    """Of the prepared statement that it executes."""
    values: tuple[str, ...] = ()
    """SQL texts that stand for the question marks of that one."""
    less: str = ""
    """Why it may read less than its query does."""


@dataclass(frozen=True, slots=True)
class GivenSql:
    """A text that somebody gave, as it stands, and what to call it."""

    name: str
    sql: str


class _Token(NamedTuple):
    text: str
    start: int
    end: int
    depth: int
    """Of parentheses around it; those themselves have that of what is outside."""

    @property
    def word(self) -> str:
        return self.text.upper()


_SPACE = r"\s+|--[^\r\n]*|/\*.*?\*/"
_REST = r"\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\w[\w$@]*|."
_TRINO = re.compile(rf"(?P<space>{_SPACE})|'(?:[^']|'')*'|{_REST}", re.DOTALL)
_HIVE = re.compile(
    rf"(?P<space>{_SPACE})|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|{_REST}", re.DOTALL
)
_QUERY = {"SELECT", "WITH", "VALUES", "TABLE", "("}
"""What a query begins with."""
_HIVE_WORDS = {"ALTER", "DESC", "DESCRIBE", "DROP", "MSCK", "SHOW"}
"""What only Hive's grammar reads, where a backslash escapes a quote."""
_FREE = _HIVE_WORDS | {
    *("COMMENT", "COMMIT", "DEALLOCATE", "DENY", "GRANT", "PREPARE", "RESET", "REVOKE"),
    *("ROLLBACK", "SET", "START", "TRUNCATE", "USE"),
}
_MADE = {"DATABASE", "EXTERNAL", "FUNCTION", "MATERIALIZED", "ROLE", "SCHEMA", "TABLE", "VIEW"}
"""What CREATE makes."""
_FREE_CALLS = {
    *("create_empty_partition", "sync_partition_metadata", "register_partition"),
    *("unregister_partition", "flush_metadata_cache", "drop_stats", "kill_query"),
}
"""Procedures that touch metadata alone. Source: Trino's documentation, Hive connector."""
_REWRITING = {
    "ANALYZE": "it reads a whole table for statistics",
    "DELETE": "what it reads depends on the files' own metadata",
    "MERGE": "what it reads depends on the files' own metadata",
    "OPTIMIZE": "it rewrites data files, and which is in the table's own metadata",
    "REFRESH": "it runs the query of a materialized view",
    "UPDATE": "what it reads depends on the files' own metadata",
    "VACUUM": "it removes data files, and which is in the table's own metadata",
}
NO_DATA = "WITH NO DATA may read nothing"
_DEEPEST = 8
"""Statements within statements: EXPLAIN ANALYZE EXECUTE IMMEDIATE and the like."""


def read(text: str, where: str) -> Statement:
    """The one statement in a text. Raises BadSql for none or several, naming ``where``, and for
    a query with a quote that is not closed."""
    text = text.removeprefix("\ufeff")
    first = _first_word(text)
    if first in _QUERY and (odd := open_quote(text)):
        raise BadSql(f"{where}: {odd}")
    pieces = _pieces(text, _HIVE if first in _HIVE_WORDS else _TRINO)
    if not pieces:
        raise BadSql(f"{where}: holds no statement")
    if len(pieces) > 1:
        raise BadSql(
            f"{where}: holds {len(pieces)} statements, not one",
            hint="put each into a file of its own",
        )
    ((start, end),) = pieces
    return _read(text[start:end], 0)


def bind(statement: Statement, prepared: str) -> Statement:
    """What an EXECUTE runs, from the text that was prepared: its values in place of ``?``."""
    text = _with_values(prepared, statement.values)
    found = _read(text.strip().removesuffix(";"), 1)
    return replace(found, text=statement.text, said=f"EXECUTE {statement.name}: {found.said}")


def open_quote(text: str) -> str:
    """Which quote of a query is not closed, and where; empty where each is."""
    for token in _tokens(text, _TRINO):
        if token.text in ("'", '"'):
            line = text.count("\n", 0, token.start) + 1
            column = token.start - text.rfind("\n", 0, token.start)
            return f"the quote {token.text} at line {line}, column {column} is not closed"
    return ""


def _first_word(text: str) -> str:
    return next((token.word for token in _tokens(text, _TRINO)), "")


def _tokens(text: str, grammar: re.Pattern[str]) -> Iterator[_Token]:
    depth = 0
    for match in grammar.finditer(text):
        if match["space"] is None:
            depth -= match[0] == ")"
            yield _Token(match[0], match.start(), match.end(), depth)
            depth += match[0] == "("


def _pieces(text: str, grammar: re.Pattern[str]) -> list[tuple[int, int]]:
    """Where the statements between semicolons start and end, without what is empty."""
    found: list[tuple[int, int]] = []
    inside: list[_Token] = []
    for token in (*_tokens(text, grammar), _Token(";", len(text), len(text), 0)):
        if token.text != ";":
            inside.append(token)
        elif inside:
            found.append((inside[0].start, inside[-1].end))
            inside = []
    return found


def _read(text: str, above: int) -> Statement:
    tokens = list(_tokens(text, _TRINO))
    words = [token.word for token in tokens]
    first, second = [*words, "", ""][:2]
    if above > _DEEPEST:
        return Statement(text, "unknown", "it holds statements within statements without end")
    if first in _QUERY:
        if (first, second) == ("WITH", "FUNCTION"):
            return Statement(text, "unknown", "WITH FUNCTION is not understood")
        return Statement(text, "reads", "SELECT", text)
    match first:
        case "CREATE":
            return _created(text, tokens)
        case "INSERT":
            return _inner(text, "INSERT", _inserted(text, tokens))
        case "UNLOAD":
            return _inner(text, "UNLOAD", _within(text, tokens[1:]))
        case "EXPLAIN":
            return _explained(text, tokens, above)
        case "EXECUTE":
            return _executed(text, tokens, above)
        case "USING":
            return _inner(text, "SELECT", _from_word(text, tokens[1:], {"SELECT", "WITH"}))
        case "CALL":
            called = [token.text.strip('"').lower() for token in tokens if not token.depth]
            if _FREE_CALLS.isdisjoint(called):
                return Statement(text, "unknown", "what this CALL reads is not known")
            return Statement(text, "free", "CALL")
        case "ALTER" if "EXECUTE" in words[3:]:
            return Statement(text, "unknown", "ALTER TABLE ... EXECUTE rewrites data files")
        case _ if first in _FREE:
            return Statement(text, "free", " ".join(words[: 2 if second.isalpha() else 1]))
        case _ if first in _REWRITING:
            return Statement(text, "unknown", f"{first}: {_REWRITING[first]}")
    return Statement(text, "unknown", f"no statement that is known here begins with {first}")


def _inner(text: str, said: str, query: str | None) -> Statement:
    if query is None:
        return Statement(text, "unknown", f"no query was found in this {said}")
    return Statement(text, "reads", said, query)


def _created(text: str, tokens: Sequence[_Token]) -> Statement:
    """CREATE TABLE AS reads, whichever grammar's quotes it is looked at with; others are free."""
    words = [token.word for token in tokens if not token.depth]
    made = next((word for word in words[1:] if word not in ("OR", "REPLACE", "PROTECTED")), "")
    if made == "MULTI":
        made = "VIEW"
    if made not in _MADE:
        return Statement(text, "unknown", f"CREATE {made} is not understood")
    if made == "TABLE":
        for grammar in (_TRINO, _HIVE):
            query = _after_as(text, list(_tokens(text, grammar)))
            if query is not None:
                less = NO_DATA if words[-3:] == ["WITH", "NO", "DATA"] else ""
                return Statement(text, "reads", "CREATE TABLE AS", query, less=less)
    return Statement(text, "free", f"CREATE {made}")


def _after_as(text: str, tokens: list[_Token]) -> str | None:
    """The query of a CREATE TABLE AS, without WITH [NO] DATA at its end."""
    for token, after in zip(tokens, tokens[1:], strict=False):
        if token.depth == 0 and token.word == "AS" and after.word in _QUERY:
            last = [t.word for t in tokens[-3:]]
            if last[-1] == "DATA" and "WITH" in last:
                tokens = tokens[: -3 + last.index("WITH")]
            return text[after.start : tokens[-1].end]
    return None


def _inserted(text: str, tokens: Sequence[_Token]) -> str | None:
    """What follows the table's name and its columns in parentheses."""
    outside = [token for token in tokens if token.depth == 0]
    for place, token in enumerate(outside[2:], start=2):
        if token.text == "(":
            inside = next((t for t in tokens if t.start > token.start), token)
            if inside.word not in _QUERY and place + 2 < len(outside):
                continue
        if token.word in _QUERY:
            return text[token.start :]
    return None


def _within(text: str, tokens: Sequence[_Token]) -> str | None:
    """What the first parentheses hold."""
    if not tokens or tokens[0].text != "(":
        return None
    close = next((t for t in tokens[1:] if t.text == ")" and t.depth == 0), None)
    return text[tokens[0].end : close.start].strip() if close else None


def _from_word(text: str, tokens: Sequence[_Token], words: set[str]) -> str | None:
    start = next((t.start for t in tokens if t.depth == 0 and t.word in words), None)
    return None if start is None else text[start:]


def _explained(text: str, tokens: Sequence[_Token], above: int) -> Statement:
    """EXPLAIN ANALYZE runs what it explains; EXPLAIN runs nothing."""
    rest = list(tokens[1:])
    if not rest or rest[0].word != "ANALYZE":
        return Statement(text, "free", "EXPLAIN")
    rest = rest[2 if len(rest) > 1 and rest[1].word == "VERBOSE" else 1 :]
    if len(rest) > 1 and rest[0].text == "(" and rest[1].word in ("FORMAT", "TYPE"):
        close = next((n for n, t in enumerate(rest) if t.text == ")" and t.depth == 0), 0)
        rest = rest[close + 1 :]
    if not rest:
        return Statement(text, "unknown", "EXPLAIN ANALYZE of nothing")
    found = _read(text[rest[0].start :], above + 1)
    said = found.said if found.kind == "unknown" else f"EXPLAIN ANALYZE {found.said}"
    return replace(found, text=text, said=said)


def _executed(text: str, tokens: Sequence[_Token], above: int) -> Statement:
    """EXECUTE name [USING ...], or EXECUTE IMMEDIATE 'text' [USING ...]."""
    if len(tokens) < 2:
        return Statement(text, "unknown", "EXECUTE of nothing")
    immediate = tokens[1].word == "IMMEDIATE" and len(tokens) > 2
    named = tokens[2 if immediate else 1]
    using = next((n for n, t in enumerate(tokens) if t.depth == 0 and t.word == "USING"), None)
    values = () if using is None else tuple(_items(text, tokens[using + 1 :]))
    if not immediate:
        name = named.text.strip('"')
        return Statement(text, "prepared", f"EXECUTE {name}", name=name, values=values)
    if not named.text.startswith("'"):
        return Statement(text, "unknown", "EXECUTE IMMEDIATE of no text")
    inner = _with_values(named.text[1:-1].replace("''", "'"), values)
    found = _read(inner.strip(), above + 1)
    return replace(found, text=text, said=f"EXECUTE IMMEDIATE: {found.said}")


def _items(text: str, tokens: Sequence[_Token]) -> Iterator[str]:
    """The texts between commas."""
    inside: list[_Token] = []
    for token in (*tokens, _Token(",", 0, 0, 0)):
        if token.text != "," or token.depth:
            inside.append(token)
        elif inside:
            yield text[inside[0].start : inside[-1].end]
            inside = []


def _with_values(text: str, values: Sequence[str]) -> str:
    """The values in place of the question marks, where there are as many."""
    marks = [token for token in _tokens(text, _TRINO) if token.text == "?"]
    if len(marks) != len(values):
        return text
    done, at = "", 0
    for mark, value in zip(marks, values, strict=True):
        done += text[at : mark.start] + value
        at = mark.end
    return done + text[at:]
