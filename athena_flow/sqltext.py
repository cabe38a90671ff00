"""Quoting: the one place where a name or a value becomes SQL text.

Athena is two grammars behind one door. DDL goes to Hive's (back-ticks, backslash escapes),
SELECT to Trino's (double quotes, doubled single quotes); a name that is right in one is
wrong in the other. Nothing outside this module writes a quote into SQL. No I/O, and no
knowledge of tables or queries, may enter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

STATEMENT_BYTES = 262_144
"""Longest statement that Athena takes, in UTF-8 bytes. Source: Athena User Guide, quotas, and
Athena API reference, QueryString."""


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text made by this package, which a template passes through unquoted.

    Deliberately no ``str``: a string method called on it in a template gives plain text,
    and plain text is quoted as a value.
    """

    text: str

    def __str__(self) -> str:
        return self.text


def hive_name(name: str) -> str:
    """A name for DDL. Always quoted: `start`, `end` and `date` are reserved there."""
    return "`" + name.replace("`", "``") + "`"


_HIVE_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
)


def hive_string(text: str) -> str:
    """A string for DDL, with Hive's backslash escapes."""
    return "'" + text.translate(_HIVE_ESCAPES) + "'"


def name(*parts: str) -> Sql:
    """A (dotted) name for SELECT: ``name("db", "table")`` is ``"db"."table"``."""
    return Sql(".".join('"' + part.replace('"', '""') + '"' for part in parts))


def literal(value: object) -> str:
    """A value for SELECT: NULL, boolean, number, string, date, timestamp (UTC), or a list.

    A list is a parenthesised one, for IN; an empty one is ``(NULL)``, which matches nothing.
    Raises TypeError for anything else, and ValueError for a number or string that SQL text
    cannot hold (NaN, infinity, NUL).
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return f"{value!r}E0" if "e" not in repr(value) else repr(value).replace("e", "E")
        case str() if "\0" not in value:
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            if value.tzinfo is None:
                raise ValueError("a time without a time zone has no meaning here")
            return f"TIMESTAMP '{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case list() | tuple():
            return "(" + (", ".join(map(literal, value)) or "NULL") + ")"
        case float() | str():
            raise ValueError(f"no SQL literal can hold {value!r}")
    raise TypeError(f"no SQL literal for {type(value).__name__}")


def conjunction(terms: Sequence[str]) -> Sql:
    """The terms joined by AND, in parentheses so that no OR beside it can split them."""
    return Sql("(" + " AND ".join(terms) + ")") if terms else Sql("TRUE")
