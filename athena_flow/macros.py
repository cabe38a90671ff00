"""Functions that saved queries have and Athena has not, written out in Athena's own SQL.

``in_cidr(srcaddr, '10.0.0.0/8')`` becomes a comparison of addresses before anything else sees the
statement: estimate, checks, translation and every engine get plain Trino SQL, so a macro has one
meaning. Calls are found by tokens, never in strings or comments, and the rest of the text stays
to the byte. Of what is no value (NULL, ``-``, text that is no address) every macro is NULL, so
neither a condition nor its NOT holds. No I/O, no tables, no Jinja.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from athena_flow.codes import (
    PORTS,
    PRIVATE_NETWORKS,
    PROTOCOLS,
    TCP_FLAGS,
    TRAFFIC_PATHS,
)
from athena_flow.errors import BadSql, BadWindow
from athena_flow.sqltext import literal
from athena_flow.window import parse_span

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

Range: TypeAlias = tuple[int, int]
"""First and last address as Trino's IPADDRESS orders them: 128 bits, IPv4 as ::ffff:a.b.c.d."""

_MAPPED = 0xFFFF << 32
_LAST_MAPPED = _MAPPED + 2**32 - 1
_IPV4 = _MAPPED, _LAST_MAPPED
MONDAY = 345_600
"""1970-01-05 00:00 UTC: buckets of time are counted from there, so that weeks begin on Monday."""
_UNITS = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call: its text, and its values when these are spelled out."""

    text: str
    values: tuple[str | None, ...] | None
    """Of a literal, or of a parenthesised list of them; None stands for NULL in it."""

    @property
    def operand(self) -> str:
        """The text as one side of an operator."""
        simple = re.fullmatch(r'[\w.]+|"[^"]+"', self.text)
        return self.text if simple else f"({self.text})"

    @property
    def known(self) -> list[str]:
        """The values that are no NULL."""
        return [value for value in self.values or () if value is not None]


def _in_cidr(address: Argument, networks: Argument) -> str:
    if networks.values is None:
        return _in_a_column(f"TRY_CAST({address.text} AS ipaddress)", networks.text)
    return _among(address, [r for text in networks.known for r in _ranges(text)])


def _in_a_column(address: str, network: str) -> str:
    """The engine's own contains, for which IPv4 addresses lie in wider IPv6 networks."""
    wider = f"contains({network}, CAST('{ipaddress.IPv6Address(_MAPPED - 1)}' AS ipaddress))"
    return f"(contains({network}, {address}) AND NOT ({_between(address, *_IPV4)} AND {wider}))"


def _is_private(address: Argument) -> str:
    return _among(address, [r for text in PRIVATE_NETWORKS for r in _ranges(text)])


def _ranges(text: str) -> list[Range]:
    """What a network (or an address) covers; an IPv6 one leaves out the IPv4 addresses."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is no address, and no network without host bits") from None
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.version == 4:
        return [(_MAPPED + first, _MAPPED + last)]
    if first >= _MAPPED and last <= _LAST_MAPPED:
        return [(first, last)]
    around = [(first, min(last, _MAPPED - 1)), (max(first, _LAST_MAPPED + 1), last)]
    return [(low, high) for low, high in around if low <= high]


def _among(address: Argument, ranges: Iterable[Range]) -> str:
    cast = f"TRY_CAST({address.text} AS ipaddress)"
    merged = _merged(ranges)
    if not merged:
        return f"({cast} <> {cast})"
    if len(merged) == 1:
        return f"({_between(cast, *merged[0])})"
    single = [_ip(low) for low, high in merged if low == high]
    wide = [_between("ip", low, high) for low, high in merged if low != high]
    tests = [f"any_match(ARRAY[{cast}], ip -> {' OR '.join(wide)})"] if wide else []
    if single:
        tests.append(f"{cast} IN ({', '.join(single)})")
    return f"({' OR '.join(tests)})"


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """The same addresses in as few ranges as can be, in order."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _between(what: str, low: int, high: int) -> str:
    return f"{what} BETWEEN {_ip(low)} AND {_ip(high)}"


def _ip(number: int) -> str:
    if _MAPPED <= number <= _LAST_MAPPED:
        return f"IPADDRESS '{ipaddress.IPv4Address(number - _MAPPED)}'"
    return f"IPADDRESS '{ipaddress.IPv6Address(number)}'"


def _in_ports(port: Argument, ranges: Argument) -> str:
    if ranges.values is None:
        raise ValueError("its second argument is spelled out: 22, '1024-65535', or a list of those")
    tests = []
    for text in ranges.known:
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text, re.ASCII)
        if not match or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(f"{text!r} is no port and no range of ports")
        tests.append(f"{port.operand} BETWEEN {int(match[1])} AND {int(match[2] or match[1])}")
    return f"({' OR '.join(tests) or f'{port.operand} <> {port.operand}'})"


def _named(names: Mapping[int, str]) -> Callable[[Argument], str]:
    """A number's name; the number itself as text when it has none."""
    cases = " ".join(f"WHEN {number} THEN {literal(name)}" for number, name in names.items())
    return lambda number: f"CASE {number.operand} {cases} ELSE CAST({number.text} AS varchar) END"


def _tcp_flag_names(flags: Argument) -> str:
    each = ", ".join(
        f"IF(bitwise_and({flags.text}, {bit}) <> 0, {literal(name)})"
        for bit, name in TCP_FLAGS.items()
    )
    return (
        f"CASE WHEN {flags.operand} = 0 THEN 'none'"
        f" WHEN {flags.operand} > 0 THEN array_join(ARRAY[{each}], '+') END"
    )


def _time_bucket(size: Argument, moment: Argument) -> str:
    seconds = _seconds(size) if size.values is not None else size.operand
    at = moment.operand
    return f"CAST(from_unixtime({at} - mod({at} - {MONDAY}, {seconds})) AS timestamp)"


def _seconds(size: Argument) -> int:
    """The length of a bucket as it is spelled: 300, '5m', 'hour'."""
    text = size.known[0] if len(size.known) == 1 else ""
    try:
        seconds = _UNITS.get(text) or (
            int(text) if text.isdecimal() else int(parse_span(text).total_seconds())
        )
    except BadWindow:
        seconds = 0
    if seconds <= 0:
        raise ValueError(f"{size.text} is no length of time: write 300, '5m', '1h' or 'day'")
    return seconds


@dataclass(frozen=True, slots=True)
class Macro:
    """How a call is written, what it means, and what stands in its place."""

    call: str
    doc: str
    rule: Callable[..., str]

    @property
    def arity(self) -> int:
        return self.call.count(",") + 1


def _table(*macros: Macro) -> Mapping[str, Macro]:
    return {macro.call.partition("(")[0]: macro for macro in macros}


MACROS = _table(
    Macro(
        "in_cidr(address, networks)",
        "Is the address in the network, or in any of a list? A single address counts as a network;"
        " IPv4 in IPv6 networks is not, and ::ffff:a.b.c.d is IPv4; in an empty list is nothing",
        _in_cidr,
    ),
    Macro(
        "is_private(address)",
        "Does the address stay within a network, link or host? RFC 1918, 100.64.0.0/10, link-local,"
        " loopback, IPv6 unique local",
        _is_private,
    ),
    Macro(
        "in_ports(port, ranges)",
        "Is the port 22, in '1024-65535', or in any of a list of such? In an empty list is nothing",
        _in_ports,
    ),
    Macro(
        "protocol_name(number)", "TCP, UDP ...; the number where it has no name", _named(PROTOCOLS)
    ),
    Macro("port_name(number)", "ssh, https ...; the number where it has no name", _named(PORTS)),
    Macro(
        "traffic_path_name(number)",
        "gateway endpoint, internet gateway ...; the number where it has no name",
        _named(TRAFFIC_PATHS),
    ),
    Macro(
        "tcp_flag_names(flags)",
        "The flags that are set, as in SYN+ACK; none for 0",
        _tcp_flag_names,
    ),
    Macro(
        "time_bucket(size, unix_seconds)",
        "The UTC timestamp at which the bucket begins; the size is seconds, '5m', or minute, hour,"
        " day or week (from Monday)",
        _time_bucket,
    ),
)
"""Name -> macro. To add one: an entry here, and a test of its meaning."""

_NAMED = re.compile(rf"\b(?:{'|'.join(MACROS)})\s*\(", re.IGNORECASE)


def expand(sql: str) -> str:
    """The statement with every macro written out, all else as it was. Raises BadSql."""
    if not _NAMED.search(sql):
        return sql
    from sqlglot.dialects.trino import Trino
    from sqlglot.errors import TokenError

    try:
        tokens = Trino().tokenize(sql)
    except TokenError as error:
        raise BadSql(f"this SQL does not parse: {str(error).splitlines()[0]}") from None
    return _Text(sql, tokens).all()


class _Text:
    """A statement and its tokens; pieces of it are copied, macros are written out."""

    def __init__(self, sql: str, tokens: Sequence[Token]) -> None:
        self._sql, self._tokens = sql, tokens

    def all(self) -> str:
        last = self._tokens[-1].end + 1
        return (
            self._sql[: self._tokens[0].start]
            + self._copy(0, len(self._tokens))
            + (self._sql[last:])
        )

    def _copy(self, first: int, stop: int) -> str:
        """The text from token ``first`` to before ``stop``, without what stands around it."""
        parts, at, n = [], self._tokens[first].start, first
        while n < stop:
            if not self._is_call(n):
                n += 1
                continue
            token = self._tokens[n]
            end = self._closing(n + 1)
            parts += [self._sql[at : token.start], self._expanded(n, end)]
            at, n = self._tokens[end].end + 1, end + 1
        return "".join(parts) + self._sql[at : self._tokens[stop - 1].end + 1]

    def _is_call(self, n: int) -> bool:
        """A macro's name, unquoted, before a parenthesis, and neither qualified nor an alias."""
        kinds = [t.token_type.name for t in self._tokens[max(n - 1, 0) : n + 2]]
        before, after = kinds[0] if n else "", kinds[-1]
        return (
            self._tokens[n].text.lower() in MACROS
            and kinds[min(n, 1)] == "VAR"
            and (before not in ("DOT", "ALIAS"))
            and after == "L_PAREN"
        )

    def _closing(self, n: int) -> int:
        """The number of the token that closes the parenthesis at ``n``."""
        depth = 0
        for m in range(n, len(self._tokens)):
            kind = self._tokens[m].token_type.name
            depth += kind in ("L_PAREN", "L_BRACKET", "L_BRACE")
            depth -= kind in ("R_PAREN", "R_BRACKET", "R_BRACE")
            if not depth:
                return m
        raise BadSql(f"{self._tokens[n - 1].text}(: its parenthesis is not closed")

    def _expanded(self, n: int, end: int) -> str:
        name = self._tokens[n].text.lower()
        macro = MACROS[name]
        spans = self._arguments(n + 2, end)
        if len(spans) != macro.arity or any(first == stop for first, stop in spans):
            raise BadSql(f"{name}(): write {macro.call}")
        arguments = [
            Argument(self._copy(first, stop), self._values(first, stop)) for first, stop in spans
        ]
        try:
            return macro.rule(*arguments)
        except ValueError as error:
            raise BadSql(f"{name}(): {error}") from None

    def _arguments(self, first: int, end: int) -> list[tuple[int, int]]:
        """First token and stop of each argument between the parentheses."""
        spans, start, n = [], first, first
        while n < end:
            kind = self._tokens[n].token_type.name
            if kind in ("L_PAREN", "L_BRACKET", "L_BRACE"):
                n = self._closing(n)
            elif kind == "COMMA":
                spans.append((start, n))
                start = n + 1
            n += 1
        return [*spans, (start, end)]

    def _values(self, first: int, stop: int) -> tuple[str | None, ...] | None:
        """The values of tokens that are a literal or a list of literals; else None."""
        tokens = self._tokens[first:stop]
        kinds = [t.token_type.name for t in tokens]
        if kinds[0] == "L_PAREN" and kinds[-1] == "R_PAREN" and len(kinds) > 2:
            tokens, kinds = tokens[1:-1], kinds[1:-1]
        elif len(kinds) > 1:
            return None
        values, commas = kinds[::2], kinds[1::2]
        if {*commas} - {"COMMA"} or {*values} - {"STRING", "NUMBER", "NULL"} or not len(kinds) % 2:
            return None
        return tuple(None if t.token_type.name == "NULL" else t.text for t in tokens[::2])
