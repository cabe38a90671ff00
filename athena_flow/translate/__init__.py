"""Athena SQL -> DuckDB SQL, so that one saved query gives one answer on both engines.

Why: a plain transpile of Athena's SQL (Trino 3 DML) runs on DuckDB and is silently wrong
in places (7 / 2, date_diff, regexp_extract without a match, CAST to varchar ...). Here
every function and every kind of clause is on a list, and what is on none is refused by
name: sqlglot translates the functions in ``PARSED``, ``NATIVE`` mean the same on both sides,
``CALLS`` have formats or lambdas that are rewritten, the rest are the macros of ``MACROS``.
No I/O; an engine runs ``SETUP`` once per connection.

``grammar`` parses and refuses, ``typecheck`` refuses by type, ``sides`` makes UNNEST of
spelled-out arrays quick, ``rewrite`` makes the tree DuckDB's with the help of ``calls``;
``functions`` and ``macros`` are the tables under them.

What stays different from Athena:

* approx_distinct and approx_percentile are exact, and the latter picks a row's value.
* AT TIME ZONE and from_unixtime(x, zone) give the wall time without its zone: the same below
  date_trunc, date_format, casts and in output columns, refused where instants are compared
  (but not seen if that happens through the column of a subquery).
* Timestamps keep microseconds where Athena has milliseconds; CAST(.. AS varchar) shows three
  digits even for a literal without a fraction.
* Decimals: quotients pass through double (exact to 15 digits), avg of decimals is a double
  rounded to their scale, and more than 38 digits are an error earlier than in Athena.
* Regular expressions are RE2's: DuckDB refuses look-around and back references.
* max_by(x, y, n) skips NULL x, sequence() has no limit of 10,000 entries, ``m[k]`` takes a
  NULL in a map for a missing key, and json_extract_scalar gives 1.5 for the JSON text 1.50.
* Types are checked as far as they are known: columns only with ``schema``; arguments
  (``lower(1)``) not at all. There DuckDB accepts some statements that Athena refuses.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from athena_flow.errors import BadSql
from athena_flow.translate.grammar import first_line, parse
from athena_flow.translate.macros import SETUP, setup_for
from athena_flow.translate.rewrite import rewrite
from athena_flow.translate.sides import number_sides
from athena_flow.translate.typecheck import Schema, annotate, check_types

__all__ = ["SETUP", "Schema", "setup_for", "to_duckdb"]

_SURPRISES = (AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What sqlglot's untyped trees raise for text such as ``ceil()`` that its parser let pass."""


def to_duckdb(sql: str, schema: Schema | None = None) -> str:
    """One Athena SELECT as a DuckDB statement of the same meaning, for after ``SETUP``.

    With ``schema`` the types of columns are known, and more of what Athena refuses is
    refused here. Raises BadSql with the reason.
    """
    tree = parse(sql)
    try:
        check_types(tree, schema or {})
        number_sides(tree)
        annotate(tree)
        addresses = any(kind.this == exp.DType.IPADDRESS for kind in tree.find_all(exp.DataType))
        rewrite(tree)
        text = tree.sql("duckdb", identify=True, normalize_functions=False,
                        unsupported_level=ErrorLevel.RAISE, copy=False)  # fmt: skip
    except (SqlglotError, *_SURPRISES) as error:
        raise BadSql(f"this is not translated for DuckDB: {first_line(error)}") from None
    return f"SELECT af__out(COLUMNS(*)) FROM ({text})" if addresses else text
