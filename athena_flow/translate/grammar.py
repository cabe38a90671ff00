"""What is accepted of Athena's grammar, and one line for what is not.

sqlglot reads more than Athena does, and writes some of what it read for DuckDB as something
else. So every kind of syntax and every function is on a list, and what is on none is
refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from athena_flow.errors import BadSql, did_you_mean
from athena_flow.translate.functions import ARITIES, LAMBDA_LISTS, NATIVE, PARSED, words

RESERVED = words(
    """alter and as between by case cast constraint create cross cube current_catalog
    current_date current_path current_role current_schema current_time current_timestamp
    current_user deallocate delete describe distinct drop else end escape except execute exists
    extract false for from full group grouping having in inner insert intersect into is join
    json_array json_exists json_object json_query json_table json_value left like listagg
    localtime localtimestamp natural normalize not null on or order outer prepare recursive
    right rollup select skip table then trim true uescape union unnest using values when where
    with"""
)
"""Trino's reserved words: as a name they need double quotes, where sqlglot is lenient."""

NODES = words(
    """Add Alias All And Anonymous Any AnyValue ApproxDistinct ApproxQuantile ArgMax ArgMin Array
    ArrayAgg ArrayFilter AtTimeZone Avg Between Boolean Bracket CTE Case Cast Ceil Coalesce Column
    ColumnDef Concat Count CountIf Cube CurrentDate CurrentTimestamp DPipe DataType DataTypeParam
    Distinct Div Dot EQ Escape Except Exists Extract Fetch Filter FirstValue Floor From GT GTE
    Greatest Group GroupingSets Having Identifier If IgnoreNulls In Intersect Interval Is Join LT
    LTE Lag Lambda LastValue Lead Least Like Limit Literal Localtimestamp Map Max Min Mod Mul NEQ
    Neg Not NthValue Ntile Null NullSafeEQ NullSafeNEQ Nullif Offset Or Order Ordered Paren
    ParseJSON RespectNulls Rollup RowNumber Select Star StrPosition Struct Sub
    Subquery Substring Sum Table TableAlias Transform Trim Try TryCast Tuple Union
    Unhex Unnest Values Var Where Window WindowSpec With WithinGroup GroupConcat Lateral
    LimitOptions"""
)
"""Kinds of syntax that mean the same on both engines, or that a rule of ``rewrite`` rewrites."""

SPELLINGS = {
    "::": "CAST(x AS type)", "==": "=", "<=>": "IS NOT DISTINCT FROM", "&": "bitwise_and(a, b)",
    "|": "bitwise_or(a, b)", "^": "bitwise_xor(a, b)", "~": "bitwise_not(a)",
    "<<": "bitwise_left_shift(a, b)", ">>": "bitwise_right_shift(a, b)", "&&": "AND",
    "**": "power(a, b)", "//": "/",
}  # fmt: skip
"""Operators that sqlglot reads and Athena does not have -> Athena's spelling."""

MISPLACED = frozenset(
    {(TokenType.COMMA, after) for after in (TokenType.FROM, TokenType.R_PAREN)}
    | {(before, TokenType.L_BRACKET) for before in (
        TokenType.SELECT, TokenType.COMMA, TokenType.L_PAREN, TokenType.EQ, TokenType.IN)}
    | {(TokenType.STRING, TokenType.STRING)}
)  # fmt: skip
"""Neighbouring tokens that sqlglot lets pass: trailing commas, [1] for ARRAY[1], 'a' 'b'."""


class AthenaDml(Trino):
    """Trino's grammar, in which only the functions of ``PARSED`` have nodes of their own."""

    INDEX_OFFSET = 0

    class Parser(TrinoParser):
        FUNCTIONS = {
            name: build for name, build in TrinoParser.FUNCTIONS.items() if name.lower() in PARSED
        }
        FUNCTION_PARSERS = {
            name: parse
            for name, parse in TrinoParser.FUNCTION_PARSERS.items()
            if name.lower() in PARSED or name in ("CAST", "TRY_CAST")
        }


def parse(sql: str) -> exp.Query:
    """The one query in ``sql``, if all of it is Athena's and known here."""
    try:
        tokens = AthenaDml().tokenize(sql)
        _check_tokens(tokens)
        trees = [tree for tree in AthenaDml().parser().parse(tokens, sql) if tree is not None]
    except (SqlglotError, RecursionError) as error:
        raise BadSql(f"this SQL does not parse: {first_line(error)}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise BadSql("not one SELECT or WITH statement")
    for node in trees[0].walk():
        _check_node(node)
    return trees[0]


def first_line(error: Exception) -> str:
    """What went wrong by sqlglot, without its colours and the text around the place."""
    text = re.sub(r"\x1b\[\d*m|<Token.*?>", "", str(error)).partition("\n")[0]
    return re.sub(r"\. Line (\d+), Col: (\d+)", r" (line \1, column \2)", text).rstrip(". ")


def _check_tokens(tokens: Sequence[Token]) -> None:
    """Refuse what leaves no trace in the tree: order of clauses, foreign operators."""
    if not tokens or tokens[0].text.upper() not in ("SELECT", "WITH", "("):
        raise BadSql("not one SELECT or WITH statement")
    limits = [False]
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        pair = (before.token_type, token.token_type)
        if pair in MISPLACED or token.token_type == TokenType.COMMA and limits[-1]:
            raise BadSql(f"this SQL does not parse: unexpected {token.text} after {before.text}")
        symbol = token.token_type not in (TokenType.STRING, TokenType.IDENTIFIER)
        if symbol and token.text in SPELLINGS:
            raise BadSql(f"Athena has no {token.text}; write {SPELLINGS[token.text]}")
        if before.token_type == TokenType.INTERVAL and token.token_type == TokenType.NUMBER:
            raise BadSql(f"an interval's number is quoted: INTERVAL '{token.text}' ...")
        if token.token_type == TokenType.OFFSET and limits[-1]:
            raise BadSql("OFFSET goes before LIMIT: ORDER BY .. OFFSET m LIMIT n")
        if token.token_type == TokenType.L_PAREN:
            limits.append(False)
        elif token.token_type == TokenType.R_PAREN and len(limits) > 1:
            limits.pop()
        limits[-1] = limits[-1] or token.token_type in (TokenType.LIMIT, TokenType.FETCH)


def shown(node: exp.Expr) -> str:
    """The node's own text, for messages."""
    text = node.sql("trino", unsupported_level=ErrorLevel.IGNORE)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _check_node(node: exp.Expr) -> None:
    """Refuse a kind of syntax that is not known, and a known one where it is used oddly."""
    kind = type(node).__name__
    if kind not in NODES:
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind)
        raise BadSql(f"{spaced} ({shown(node)}) is not translated for DuckDB")
    if isinstance(node, exp.Anonymous):
        check_call(node)
    for of, odd, message in REFUSED:
        if isinstance(node, of) and odd(node):
            raise BadSql(message.format(shown(node)))


def check_call(node: exp.Anonymous) -> None:
    """Refuse a function that is not known, or has another number of arguments."""
    name = node.name.lower()
    known = NATIVE.keys() | ARITIES.keys() | LAMBDA_LISTS.keys()
    if name not in known:
        raise BadSql(f"{name}() is not translated for DuckDB{did_you_mean(name, known | PARSED)}")
    count = len(node.expressions)
    if name in ARITIES and count not in ARITIES[name]:
        raise BadSql(f"{name}() with {count} arguments is not translated for DuckDB")


def _is_bare_reserved(node: exp.Expr) -> bool:
    return not node.args.get("quoted") and node.name.lower() in RESERVED


def _is_odd_join(node: exp.Expr) -> bool:
    known = (None, "", "INNER", "CROSS", "OUTER", "LEFT", "RIGHT", "FULL", "NATURAL")
    return any(
        str(node.args.get(arg) or "").upper() not in known for arg in ("method", "side", "kind")
    ) or bool(node.args.get("hint"))


def _is_odd_cast(node: exp.Expr) -> bool:
    to = node.args["to"]
    digits = to.expressions[0].name if to.expressions else "3"
    stamps = to.this in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ) and not node.this.is_string
    return bool(to.this == exp.DType.CHAR or stamps and digits not in ("3", "6"))


WALL = words(
    """date_trunc date_format format_datetime date year quarter month week day hour minute second
    day_of_week dow day_of_year doy day_of_month"""
)
"""Functions that look at the wall time alone."""


def _is_instant(node: exp.Expr) -> bool:
    """Whether a wall time is used where Athena would look at the instant."""
    name = node.name.lower() if isinstance(node, exp.Anonymous) else "at_timezone"
    if name not in ("at_timezone", "from_unixtime") or len(node.expressions) == 1:
        return False
    zone = node.expressions[-1] if isinstance(node, exp.Anonymous) else node.args.get("zone")
    if isinstance(zone, exp.Literal) and zone.name.upper() == "UTC":
        return False
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    if isinstance(above, exp.Cast):
        return not above.to.is_type("date", "timestamp")
    if isinstance(above, exp.Anonymous):
        return above.name.lower() not in WALL
    return not isinstance(above, (exp.Alias, exp.Select, exp.Extract, exp.Group, exp.Ordered))


_Kinds: TypeAlias = type[exp.Expr] | tuple[type[exp.Expr], ...]
REFUSED: tuple[tuple[_Kinds, Callable[..., object], str], ...] = (
    (exp.Identifier, _is_bare_reserved, "a reserved word as a name needs double quotes: {}"),
    (exp.Join, _is_odd_join, "this kind of join is not Athena's: {}"),
    (exp.Cast, _is_odd_cast, "this type is not translated for DuckDB: {}"),
    ((exp.AtTimeZone, exp.Anonymous), _is_instant,
     "a time in a zone is only translated below date_trunc, date_format, CAST AS date or "
     "timestamp, and as a column: {}"),
    (exp.Distinct, lambda n: n.args.get("on") or len(n.expressions) > 1,
     "DISTINCT ON and DISTINCT over several columns are not Athena's: {}"),
    (exp.Star, lambda n: n.args.get("except_") or n.args.get("replace") or n.args.get("rename"),
     "Athena's * takes no EXCEPT, REPLACE or RENAME: {}"),
    (exp.Group, lambda n: n.args.get("all") is not None or n.args.get("totals"),
     "GROUP BY ALL is not Athena's: {}"),
    (exp.Limit, lambda n: n.args.get("offset"), "LIMIT takes one number: {}"),
    (exp.Fetch, lambda n: n.args.get("limit_options") is not None
     and n.args["limit_options"].args.get("with_ties"), "WITH TIES is not translated: {}"),
    (exp.Table, lambda n: any(n.args.get(k) for k in ("version", "when", "sample", "hints")),
     "this kind of table is not translated for DuckDB: {}"),
    (exp.Literal, lambda n: not n.is_string and n.name.isdigit() and int(n.name) >= 2**63,
     "no integer of Athena's is as large as {}"),
    (exp.Interval, lambda n: str(n.args.get("unit")).upper() not in
     ("SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR") or not n.this,
     "intervals are in SECOND, MINUTE, HOUR, DAY, MONTH or YEAR: {}"),
    (exp.ApproxQuantile, lambda n: n.args.get("weight") or n.args.get("accuracy"),
     "approx_percentile with weights is not translated for DuckDB: {}"),
    (exp.Lambda, lambda n: not (isinstance(n.parent, (exp.ArrayFilter, exp.Transform)) or
     isinstance(n.parent, exp.Anonymous) and n.parent.name.lower() in (*LAMBDA_LISTS, "reduce")),
     "this lambda is not translated for DuckDB: {}"),
)  # fmt: skip
"""(kind of node, is it one that must not pass, why not)."""
