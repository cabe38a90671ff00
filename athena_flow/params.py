"""Typed parameters of saved queries: text from a command line -> a value SQL can hold.

A value is checked by its type before anything is rendered, and is never trimmed or
repaired: an address with a newline is refused, not cleaned. What a type admits becomes a
literal in `sqltext`, so a string may hold anything. A new type is one entry in TYPES.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import available_timezones

from athena_flow.codes import OTHER_NAMES, PROTOCOLS
from athena_flow.errors import AccessError, BadParameter, BadWindow, did_you_mean
from athena_flow.window import parse_span, parse_time, whole_seconds

Scalar = str | int | float | bool
Value = Scalar | None | tuple["Value", ...]


_NUMBER = re.compile(
    r"[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE
)


def _limit(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else str(number)


def _int(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise ValueError("a whole number of at most 18 digits")
    return int(text)


def _float(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError("a number")
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number")
    return number


def _bool(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text]
    except KeyError:
        raise ValueError("true or false") from None


def _string(text: str) -> str:
    if "\0" in text:
        raise ValueError("text without NUL")
    return text


def _ip(text: str) -> str:
    try:
        if "%" in text:
            raise ValueError(text)
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError("an IPv4 or IPv6 address") from None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _cidr(text: str) -> str:
    try:
        if "/" not in text or "%" in text:
            raise ValueError(text)
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError("a network such as 10.0.0.0/8, with no host bits set") from None


def _ip_or_cidr(text: str) -> str:
    try:
        return _cidr(text) if "/" in text else _ip(text)
    except ValueError:
        raise ValueError("an address, or a network such as 10.0.0.0/8 with no host bits") from None


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or int(text) > 65535:
        raise ValueError("a port from 0 to 65535")
    return int(text)


def _port_range(text: str) -> str:
    low, dash, high = text.partition("-")
    try:
        first, last = _port(low), _port(high if dash else low)
    except ValueError:
        raise ValueError("a port from 0 to 65535, or a range such as 1024-65535") from None
    if first > last:
        raise ValueError(f"a range from the lower to the higher port: {last}-{first}")
    return f"{first}-{last}" if dash else str(first)


_PROTOCOL = {**{name.lower(): number for number, name in PROTOCOLS.items()}, **OTHER_NAMES}


def _protocol(text: str) -> int:
    if re.fullmatch(r"\d{1,3}", text, re.ASCII) and int(text) < 256:
        return int(text)
    try:
        return _PROTOCOL[text.lower() if text.isascii() else ""]
    except KeyError:
        near = did_you_mean(text, _PROTOCOL)
        raise ValueError(f"a protocol such as tcp, or its number from 0 to 255{near}") from None


def _duration(text: str) -> int:
    """Seconds."""
    try:
        if re.fullmatch(r"\d{1,6}s", text, re.ASCII):
            span = timedelta(seconds=int(text[:-1]))
        else:
            span = parse_span(text)
    except BadWindow:
        span = timedelta()
    if not span:
        raise ValueError("a length of time such as 30s, 5m, 1h, 7d or 2w")
    return int(span.total_seconds())


def _time(text: str, now: datetime) -> int:
    """Unix seconds, rounded up as those of a window."""
    try:
        return int(whole_seconds(parse_time(text, now)).timestamp())
    except BadWindow:
        raise ValueError("a time such as 2026-11-01T10:00Z, yesterday, or 7d back") from None


def account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text, re.ASCII):
        raise ValueError("an account of 12 digits")
    return text


def _matching(pattern: str, wanted: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(wanted)
        return text

    return read


def _time_zone(text: str) -> str:
    """A name of the IANA database, where this machine has one; else what looks like a name."""
    known = available_timezones()
    if text not in known if known else not re.fullmatch(r"[A-Za-z][\w+/-]*", text, re.ASCII):
        raise ValueError(f"a time zone such as Europe/Berlin{did_you_mean(text, known)}")
    return text


def _id(prefix: str, of: str) -> Callable[[str], str]:
    """AWS's ids: 8 hex digits in old ones, 17 in those since 2016."""
    wanted = f"the id of {of}: {prefix}- and 8 or 17 hex digits"
    return _matching(rf"{prefix}-[0-9a-f]{{8}}(?:[0-9a-f]{{9}})?", wanted)


@dataclass(frozen=True, slots=True)
class Type:
    """One kind of value: how a text of it is read, and one such text."""

    read: Callable[[str, datetime | None], Scalar]
    """Raises ValueError with what was wanted."""
    example: str
    spelled: bool = False
    """Its value is another thing than its text: 5m is 300. A header gives the text."""


def _type(read: Callable[[str], Scalar], example: str, *, spelled: bool = False) -> Type:
    return Type(lambda text, now: read(text), example, spelled)


def _since(text: str, now: datetime | None) -> int:
    if now is None:
        raise TypeError("a parameter of type time needs a clock")
    return _time(text, now)


TYPES: Mapping[str, Type] = {
    "int": _type(_int, "5"),
    "float": _type(_float, "1.5"),
    "bool": _type(_bool, "true"),
    "string": _type(_string, "text"),
    "choice": _type(_string, ""),
    "ip": _type(_ip, "10.0.0.1"),
    "cidr": _type(_cidr, "10.0.0.0/8"),
    "ip_or_cidr": _type(_ip_or_cidr, "10.0.0.0/8"),
    "port": _type(_port, "443"),
    "port_range": _type(_port_range, "1024-65535"),
    "protocol": _type(_protocol, "tcp", spelled=True),
    "duration": _type(_duration, "5m", spelled=True),
    "time": Type(_since, "2026-11-01T10:00Z", spelled=True),
    "time_zone": _type(_time_zone, "Europe/Berlin"),
    "account": _type(account, "123456789012"),
    "region": _type(
        _matching(r"[a-z]{2,}(?:-[a-z]+)+-\d{1,2}", "a region such as us-east-1"), "us-east-1"
    ),
    "interface": _type(_id("eni", "a network interface"), "eni-0123456789abcdef0"),
    "instance": _type(_id("i", "an instance"), "i-0123456789abcdef0"),
    "vpc": _type(_id("vpc", "a VPC"), "vpc-0123456789abcdef0"),
    "subnet": _type(_id("subnet", "a subnet"), "subnet-0123456789abcdef0"),
}
"""Protocols are numbers, durations seconds and times Unix seconds in SQL; a port range is a text
such as '1024-65535', which the macro in_ports takes."""


@dataclass(frozen=True, slots=True)
class Param:
    """One declared parameter. Without ``required`` and without ``default`` it is NULL, or an
    empty list."""

    name: str
    type: str
    doc: str
    required: bool = False
    default: Value = None
    """As the header has it: of a duration its text, ``5m``."""
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    """Of a string: a regular expression that the whole of it matches."""
    many: bool = False
    """A list: repeat ``-p``, or give a file."""

    def read(self, text: str, now: datetime | None = None) -> Scalar:
        """The value of ``text``. Raises ValueError with what was wanted."""
        value = TYPES[self.type].read(text, now)
        if self.choices and value not in self.choices:
            raise ValueError(f"one of {', '.join(self.choices)}{did_you_mean(text, self.choices)}")
        if self.pattern is not None and not re.fullmatch(self.pattern, text):
            raise ValueError(f"text that matches {self.pattern}")
        if isinstance(value, int | float) and not isinstance(value, bool):
            if self.min is not None and value < self.min:
                raise ValueError(f"at least {_limit(self.min)}")
            if self.max is not None and value > self.max:
                raise ValueError(f"at most {_limit(self.max)}")
        return value

    def otherwise(self, now: datetime | None = None) -> Value:
        """The value when none is given."""
        if self.many:
            listed = self.default if isinstance(self.default, tuple) else ()
            return tuple(self.read(written(item), now) for item in listed)
        return None if self.default is None else self.read(written(self.default), now)


def written(item: object) -> str:
    """A header's value as a user would type it."""
    return str(item).lower() if isinstance(item, bool) else str(item)


def no_files(path: str) -> str:
    """The reader of lists where no file may be read."""
    raise BadParameter(f"@{path}: lists from files are read by the command line")


def bind(
    params: Sequence[Param],
    given: Iterable[str],
    now: datetime | None = None,
    read_file: Callable[[str], str] = no_files,
) -> dict[str, Value]:
    """The values of ``k=v`` texts, defaults filled in; of a list ``k=@FILE`` as well.

    ``now`` is what relative times count from. ``read_file`` gives a file's text, or raises
    AccessError. Raises BadParameter with everything that is wrong, in one line.
    """
    known = {p.name: p for p in params}
    texts: dict[str, list[str]] = {}
    wrong = []
    for pair in given:
        key, equals, text = pair.partition("=")
        if not equals:
            wrong.append(f"{pair!r} is not of the form name=value")
        elif key not in known:
            wrong.append(f"unknown parameter {key!r}{did_you_mean(key, known)}")
        else:
            texts.setdefault(key, []).append(text)
    values: dict[str, Value] = {p.name: p.otherwise(now) for p in params if p.name not in texts}
    for key, several in texts.items():
        param = known[key]
        if len(several) > 1 and not param.many:
            wrong.append(f"{key} is given {len(several)} times")
            continue
        read: list[Value] = []
        for where, text in _listed(param, several, read_file, wrong):
            try:
                read.append(param.read(text, now))
            except ValueError as error:
                wrong.append(f"{where}{text!r}: wants {error}")
        values[key] = tuple(read) if param.many else (read or [None])[0]
    missing = [p.name for p in params if p.required and p.name not in texts]
    if missing:
        wrong.append(f"missing {', '.join(missing)}")
    if wrong:
        names = ", ".join(known) or "none"
        raise BadParameter("; ".join(wrong), hint=f"parameters: {names}; write -p name=value")
    return {p.name: values[p.name] for p in params}


def _listed(
    param: Param, texts: Sequence[str], read_file: Callable[[str], str], wrong: list[str]
) -> Iterator[tuple[str, str]]:
    """Each single text and where it stands, files read; what is wrong with those is added."""
    for text in texts:
        if not param.many or not text.startswith("@"):
            yield f"{param.name}=", text
        elif text.startswith("@@"):
            yield f"{param.name}=", text[1:]
        else:
            lines = list(_lines(text[1:], read_file, wrong))
            if not lines and not wrong:
                wrong.append(f"{param.name}={text}: the file holds no value")
            yield from ((f"{param.name}={text[1:]}:{n}: ", line) for n, line in lines)


def _lines(
    path: str, read_file: Callable[[str], str], wrong: list[str]
) -> Iterator[tuple[int, str]]:
    """The values in a file, one a line, with their line numbers."""
    try:
        text = read_file(path)
    except AccessError as error:
        wrong.append(error.message)
        return
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        value = line.removesuffix("\r")
        if value.strip() and not value.lstrip().startswith("#"):
            yield number, value
