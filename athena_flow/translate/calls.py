"""Calls whose arguments decide how they are translated: formats, paths, lambdas, types."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from sqlglot import exp

from athena_flow.errors import BadSql
from athena_flow.translate.grammar import shown
from athena_flow.translate.typecheck import family

Rule: TypeAlias = Callable[[list[exp.Expr]], exp.Expr]
"""The arguments of a call -> what stands there in DuckDB's SQL."""


def call(name: str, *args: object) -> exp.Anonymous:
    """A call by name; arguments that are no expressions become literals."""
    parts = [arg if isinstance(arg, exp.Expr) else exp.convert(arg) for arg in args]
    return exp.Anonymous(this=name, expressions=parts)


def _text_of(name: str, node: exp.Expr) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise BadSql(f"{name}() is only translated with a literal here, not {shown(node)}")
    return str(node.this)


def _patterns(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


_MYSQL_DATES = _patterns(
    """a=%a b=%b c=%-m d=%d e=%-d f=%f H=%H h=%I I=%I i=%M j=%j k=%-H l=%-I M=%B m=%m p=%p S=%S
    s=%S T=%H:%M:%S v=%V W=%A x=%G Y=%Y y=%y %=%%"""
) | {"r": "%I:%M:%S %p"}
_JODA_DATES = _patterns(
    """yyyy=%Y yy=%y YYYY=%Y y=%Y MMMM=%B MMM=%b MM=%m M=%-m dd=%d d=%-d HH=%H H=%-H hh=%I h=%-I
    mm=%M m=%-M ss=%S s=%-S SSS=%g a=%p EEEE=%A EEE=%a EE=%a E=%a DDD=%j Z=%z xxxx=%G ww=%V"""
)


def _mysql(name: str, fmt: str) -> str:
    """A date_format pattern as strftime's."""

    def one(match: re.Match[str]) -> str:
        if match[1] not in _MYSQL_DATES:
            raise BadSql(f"{name}(): %{match[1]} is not translated for DuckDB")
        return _MYSQL_DATES[match[1]]

    return re.sub(r"%(.?)", one, fmt, flags=re.DOTALL)


def _joda(name: str, fmt: str) -> str:
    """A format_datetime pattern as strftime's."""

    def one(match: re.Match[str]) -> str:
        if match[2] is None:
            return (match[1] or "'" if match[0].startswith("'") else match[0]).replace("%", "%%")
        if match[2] not in _JODA_DATES or (match[2] == "Z" and name == "format_datetime"):
            raise BadSql(f"{name}(): {match[2]} is not translated for DuckDB")
        return _JODA_DATES[match[2]]

    return re.sub(r"'([^']*)'|(([a-zA-Z])\3*)|.", one, fmt, flags=re.DOTALL)


def _dated(name: str, to: str, read: Callable[[str, str], str]) -> Rule:
    return lambda args: call(to, args[0], read(name, _text_of(name, args[1])))


def _replaced(args: list[exp.Expr]) -> exp.Expr:
    """regexp_replace: Java's $1 and \\$ as RE2's \\1 and $, and all matches."""
    java = _text_of("regexp_replace", args[2]) if len(args) > 2 else ""
    if re.search(r"\$(?!\d)(?<!\\\$)", java):
        raise BadSql("regexp_replace(): only $1 to $9 are translated for DuckDB")
    steps = re.sub(r"\\(.)|\$(\d)|(\\)", lambda m: f"\\{m[2]}" if m[2] else
                   "\\\\" if m[1] == "\\" or m[3] else m[1], java)  # fmt: skip
    return call("regexp_replace", args[0], args[1], steps, "g")


def _formatted(args: list[exp.Expr]) -> exp.Expr:
    """format(): each of Java's conversions by itself, joined with ||."""
    java, values, parts = _text_of("format", args[0]), iter(args[1:]), []
    for text, spec in re.findall(r"([^%]+)|(%(?:%|[^a-zA-Z%]*[a-zA-Z]))", java):
        if text or spec in ("%%", "%n"):
            parts.append(exp.convert(text or spec[1:].replace("n", "\n")))
        else:
            parts.append(_conversion(spec, next(values, None)))
    return _joined(parts)


def _joined(parts: list[exp.Expr]) -> exp.Expr:
    whole = exp.convert("")
    for part in parts:
        whole = exp.DPipe(this=whole, expression=part)
    return exp.Paren(this=whole)


def _conversion(spec: str, value: exp.Expr | None) -> exp.Expr:
    match = re.fullmatch(r"%(-?)([0,]*)(\d*)(?:\.(\d+))?([sdfxb])", spec)
    if match is None or value is None:
        raise BadSql(f"format(): {spec} is not translated for DuckDB, or has no value")
    left, flags, width, digits, kind = match.groups()
    if kind in "sb":
        made: exp.Expr = call("af_varchar", value)
    elif kind == "f":
        number = call("round", exp.cast(value, "double"), int(digits or 6))
        made = call("format", f"{{:{',' * (',' in flags)}.{digits or 6}f}}", number)
    else:
        made = call("format", f"{{:{',' if ',' in flags else kind}}}", value)
    made = call("coalesce", made, "null")
    if not width:
        return made
    pad = "0" if "0" in flags else " "
    longest = exp.cast(call("greatest", int(width), call("length", made.copy())), "int")
    return call("rpad" if left else "lpad", made, longest, pad)


def _json_path(name: str, macro: str) -> Rule:
    def rule(args: list[exp.Expr]) -> exp.Expr:
        path = _text_of(name, args[1])
        if not re.fullmatch(r"""\$(\.\w+|\[\d+\]|\[["'][^"'\]]*["']\])*""", path):
            raise BadSql(f"{name}(): the path {path} is not translated for DuckDB")
        path = re.sub(r"""\[["']([^"'\]]*)["']\]""", r'."\1"', path)
        return call(macro, args[0], path)

    return rule


def _sequence(args: list[exp.Expr]) -> exp.Expr:
    """sequence() of numbers, or of dates and timestamps where a part shows that."""
    first, last, *step = args
    if (step and step[0].find(exp.Interval)) or "date or time" in map(family, args[:2]):
        return call("af__days", first, last, *(step or [exp.Interval(
            this=exp.Literal.string("1"), unit=exp.var("DAY"))]))  # fmt: skip
    back = exp.Case().when(exp.GT(this=first.copy(), expression=last.copy()), "-1").else_("1")
    return call("af__sequence", first, last, *(step or [back]))


def _contains(args: list[exp.Expr]) -> exp.Expr:
    """contains(network, address) or contains(array, element)."""
    if family(args[0]) != "text" and family(args[1]) != "IP address":
        return call("af__list_has", *args)
    first = known_ip(call("split_part", args[0].copy(), "/", 1))
    return call("af__in_net", args[0], first, args[1])


def known_ip(value: exp.Expr) -> exp.Expr:
    """The address in a text, or a failure that names the text."""
    return call("af__known_ip", call("af__try_ip", value), value.copy())


def _reduced(args: list[exp.Expr]) -> exp.Expr:
    start, step, finish = args[1:]
    if finish.this.sql() != finish.expressions[0].sql():
        raise BadSql("reduce() is only translated with s -> s at its end")
    return call("list_reduce", args[0], step, start)


def _map_rows(args: list[exp.Expr]) -> exp.Expr:
    """The rows of map_agg; ``rewrite`` makes them a map, outside FILTER and OVER."""
    rows = call("array_agg", call("row", *args))
    rows.meta["map_agg"] = True
    return rows


def _array_join(args: list[exp.Expr]) -> exp.Expr:
    """array_join skips NULL, or puts its third argument there."""
    item = call("af_varchar", exp.column("e"))
    item = call("coalesce", item, args[2]) if len(args) > 2 else item
    texts = exp.Lambda(this=item, expressions=[exp.to_identifier("e")])
    return call("array_to_string", call("list_transform", args[0], texts), args[1])


def _from_unixtime(args: list[exp.Expr]) -> exp.Expr:
    instant = call("af_from_unixtime", args[0])
    return zoned(instant, args[1]) if args[1:] else instant


def zoned(value: exp.Expr, zone: exp.Expr) -> exp.Expr:
    """A time in a zone: the wall time there, except in UTC."""
    if zone.is_string and zone.name.upper() == "UTC":
        return exp.cast(value, "timestamptz")
    return call("af_at_timezone", value, zone)


CALLS: dict[str, Rule] = {
    "date_format": _dated("date_format", "strftime", _mysql),
    "date_parse": _dated("date_parse", "strptime", _mysql),
    "format_datetime": _dated("format_datetime", "strftime", _joda),
    "parse_datetime": lambda args: exp.cast(
        _dated("parse_datetime", "strptime", _joda)(args), "timestamptz"),
    "regexp_replace": _replaced,
    "format": _formatted,
    "json_extract": _json_path("json_extract", "af__json"),
    "json_extract_scalar": _json_path("json_extract_scalar", "af__json_scalar"),
    "sequence": _sequence,
    "contains": _contains,
    "reduce": _reduced,
    "cardinality": lambda args: exp.cast(call("cardinality", *args), "bigint"),
    "map_agg": _map_rows,
    "md5": lambda args: call("from_hex", call("md5", *args)),
    "sha1": lambda args: call("from_hex", call("sha1", *args)),
    "sha256": lambda args: call("from_hex", call("sha256", *args)),
    "date": lambda args: exp.cast(args[0], "date"),
    "from_iso8601_date": lambda args: exp.cast(args[0], "date"),
    "from_iso8601_timestamp": lambda args: exp.cast(args[0], "timestamptz"),
    "json_parse": lambda args: exp.cast(args[0], "json"),
    "e": lambda args: call("exp", 1),
    "nan": lambda args: exp.cast(exp.convert("nan"), "double"),
    "infinity": lambda args: exp.cast(exp.convert("inf"), "double"),
    "current_timezone": lambda args: exp.convert("UTC"),
    "bitwise_and": lambda args: exp.Paren(
        this=exp.BitwiseAnd(this=args[0], expression=args[1])),
    "bitwise_or": lambda args: exp.Paren(
        this=exp.BitwiseOr(this=args[0], expression=args[1])),
    "bitwise_not": lambda args: exp.BitwiseNot(this=exp.Paren(this=args[0])),
    "array_sort": lambda args: call("list_sort", args[0], "ASC", "NULLS LAST"),
    "to_iso8601": lambda args: call(
        "replace", call("replace", call("af_varchar", *args), " UTC", "Z"), " ", "T"),
    "array_join": _array_join,
    "at_timezone": lambda args: zoned(*args),
    "from_unixtime": _from_unixtime,
    "set_agg": lambda args: call("array_agg", exp.Distinct(expressions=args)),
}  # fmt: skip
"""Functions whose arguments say how they are translated."""
