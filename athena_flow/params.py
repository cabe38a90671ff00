"""Typed parameters of saved queries: text from a command line -> a value SQL can hold.

A value is checked by its type before anything is rendered, and is never trimmed or
repaired: an address with a newline is refused, not cleaned. What a type admits becomes a
literal in `sqltext`, so a string may hold anything. A new type is one entry in TYPES.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from athena_flow.errors import BadParameter, did_you_mean

Value = str | int | float | bool | None | tuple["Value", ...]


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
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("an IPv4 or IPv6 address") from None


def _cidr(text: str) -> str:
    try:
        if "/" not in text or "%" in text:
            raise ValueError(text)
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError("a network such as 10.0.0.0/8, with no host bits set") from None


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or int(text) > 65535:
        raise ValueError("a port from 0 to 65535")
    return int(text)


def account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text, re.ASCII):
        raise ValueError("an account of 12 digits")
    return text


TYPES: Mapping[str, Callable[[str], str | int | float | bool]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "string": _string,
    "ip": _ip,
    "cidr": _cidr,
    "port": _port,
    "account": account,
}
"""Each reads one text, or raises ValueError with what it wanted."""


@dataclass(frozen=True, slots=True)
class Param:
    """One declared parameter. Without ``required`` and without ``default`` it is NULL."""

    name: str
    type: str
    doc: str
    required: bool = False
    default: Value = None
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    many: bool = False
    """A list: repeat ``-p``."""

    def read(self, text: str) -> Value:
        """The value of ``text``. Raises ValueError with what was wanted."""
        value = TYPES[self.type](text)
        if self.choices and value not in self.choices:
            raise ValueError(f"one of {', '.join(self.choices)}{did_you_mean(text, self.choices)}")
        if isinstance(value, int | float) and not isinstance(value, bool):
            if self.min is not None and value < self.min:
                raise ValueError(f"at least {_limit(self.min)}")
            if self.max is not None and value > self.max:
                raise ValueError(f"at most {_limit(self.max)}")
        return value


def bind(params: Sequence[Param], given: Iterable[str]) -> dict[str, Value]:
    """The values of ``k=v`` texts, defaults filled in.

    Raises BadParameter with everything that is wrong, in one line.
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
    values: dict[str, Value] = {p.name: p.default for p in params}
    for key, several in texts.items():
        param = known[key]
        if len(several) > 1 and not param.many:
            wrong.append(f"{key} is given {len(several)} times")
            continue
        read = []
        for text in several:
            try:
                read.append(param.read(text))
            except ValueError as error:
                wrong.append(f"{key}={text!r}: wants {error}")
        values[key] = tuple(read) if param.many else (read or [None])[0]
    missing = [p.name for p in params if p.required and p.name not in texts]
    if missing:
        wrong.append(f"missing {', '.join(missing)}")
    if wrong:
        names = ", ".join(known) or "none"
        raise BadParameter("; ".join(wrong), hint=f"parameters: {names}; write -p name=value")
    return values
