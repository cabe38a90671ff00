"""The header of a saved query: TOML in SQL comments, and everything that can be wrong in it.

The file stays SQL, so editors and linters work on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from athena_flow.errors import BadParameter, did_you_mean
from athena_flow.fields import COLUMNS
from athena_flow.params import TYPES, Param, bind, written
from athena_flow.template import HAS

GIVEN = ("table", "window")
"""What every body gets from us: the table's name and the window's predicate."""
GROUPS: Mapping[str, str] = {
    "volume": "Volume and top lists",
    "rejects": "What was refused, and why",
    "investigate": "One address, host or connection",
    "exposure": "Ports and what is open",
    "detect": "Detections",
    "money": "What traffic costs",
    "transit": "Transit Gateway",
    "graph": "Who talks to whom",
    "health": "The logs themselves",
}
"""Groups of our own queries, in the order of the catalog, with their titles."""
OWN_GROUP = "own"
"""Where a query stands whose header names no group."""

_TEXTS = ("title", "description", "read", "group")
_LISTS = ("requires", "caveats", "aliases", "attack")
_KEYS = {*_TEXTS, *_LISTS, "improves", "params"}
_PARAM_KEYS: Mapping[str, tuple[type, ...]] = {
    "type": (str,),
    "doc": (str,),
    "required": (bool,),
    "many": (bool,),
    "min": (int, float),
    "max": (int, float),
    "choices": (list,),
    "pattern": (str,),
    "default": (object,),
}
_COUNTED = ("int", "float", "port", "duration", "protocol", "time")
"""Types whose values are numbers, which alone have limits."""
_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
"""Any: a default may be relative to the clock, and is only tried here."""


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of a query, and the parameters that it means."""

    name: str
    given: tuple[str, ...] = ()
    """``k=v``, as after -p."""

    def __str__(self) -> str:
        return " ".join((self.name, *(f"-p {pair}" for pair in self.given)))

    def beside(self, given: Sequence[str]) -> list[str]:
        """What it means where a user gives nothing else for it."""
        said = {pair.partition("=")[0] for pair in given}
        return [pair for pair in self.given if pair.partition("=")[0] not in said]


def read_alias(text: str) -> Alias:
    """``name``, or ``name k=v k=v`` for a name that means these parameters."""
    name, *given = text.split()
    return Alias(name, tuple(given))


def prose(text: str) -> str:
    """Text over several lines as one."""
    return " ".join(text.split())


def read_param(name: str, entry: Mapping[str, Any]) -> Param:
    """A declaration without faults as a parameter."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return Param(name=name, doc=fields.pop("doc", ""), **fields)


def faults(header: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in a header, one line each."""
    for key in sorted(header.keys() - _KEYS):
        yield f"unknown header key {key!r}{did_you_mean(key, _KEYS)}"
    if not isinstance(header.get("title"), str):
        yield "the header has no title"
    for key in _TEXTS[1:]:
        if not isinstance(header.get(key, ""), str):
            yield f"the {key} is no text"
    if not isinstance(header.get("requires"), list):
        yield "the header has no list 'requires' of the columns that the query reads"
    for key in _LISTS[1:]:
        if not _is_texts(header.get(key, [])):
            yield f"{key} is no list of texts"
    if isinstance(group := header.get("group", OWN_GROUP), str) and not re.fullmatch(
        r"[a-z][a-z0-9-]*", group
    ):
        yield f"group {group!r} is no short word such as detect"
    yield from _field_faults(header)
    params = header.get("params", {})
    if not isinstance(params, dict):
        yield "params is no table of parameters: write [params.NAME]"
        return
    wrong = [
        f"parameter {name!r}: {fault}"
        for name, entry in params.items()
        for fault in _param_faults(name, entry)
    ]
    yield from wrong or _name_faults(header, params)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _field_faults(header: Mapping[str, Any]) -> Iterator[str]:
    requires, improves = header.get("requires"), header.get("improves", {})
    requires = requires if isinstance(requires, list) else []
    if not isinstance(improves, dict):
        yield "improves is no table: write [improves], and FIELD = 'what it adds' below it"
        improves = {}
    for key, columns in (("requires", requires), ("improves", improves)):
        for column in columns:
            if not isinstance(column, str) or column not in COLUMNS:
                near = did_you_mean(str(column), COLUMNS)
                yield f"{key}: no field has the column {column!r}{near}"
    for column, adds in improves.items():
        if not isinstance(adds, str) or not adds:
            yield f"improves: {column}: say what the field adds"
        if column in requires:
            yield f"improves: {column} is under requires as well"


def _name_faults(header: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[str]:
    """Wrong aliases and techniques, once the parameters are known to be right."""
    read = [read_param(name, entry) for name, entry in params.items()]
    for text in header.get("aliases", []) if _is_texts(header.get("aliases", [])) else ():
        words = text.split()
        if not words or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", words[0]):
            yield f"alias {text!r} is no name, nor a name and parameters k=v"
            continue
        needed = [p.name for p in read if p.required]
        others = [p for p in read if p.name not in needed]
        try:
            bind(others, words[1:], _CLOCK)
        except BadParameter as error:
            yield f"alias {words[0]!r}: {error.message}"
    for technique in header.get("attack", []) if _is_texts(header.get("attack", [])) else ():
        if not re.fullmatch(r"T\d{4}(\.\d{3})?", technique, re.ASCII):
            yield f"attack: {technique!r} is no technique of MITRE ATT&CK such as T1021.001"


def _param_faults(name: str, entry: object) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "is no table of type, doc, default ..."
        return
    unknown = sorted(entry.keys() - _PARAM_KEYS)
    for key in unknown:
        yield f"unknown key {key!r}{did_you_mean(key, _PARAM_KEYS)}"
    if name in GIVEN or name.startswith(HAS) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        yield "no name for a parameter"
    odd = [k for k, t in _PARAM_KEYS.items() if k in entry and not _is(entry[k], t)]
    for key in odd:
        yield f"{key} = {entry[key]!r} is of the wrong kind"
    if "doc" not in entry:
        yield "has no doc"
    if entry.get("required") and "default" in entry:
        yield "is required and has a default"
    if not odd and not unknown:
        yield from _value_faults(name, entry)


def _is(value: object, types: tuple[type, ...]) -> bool:
    if object in types:
        return True
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _value_faults(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """What a parameter of the right shape still says wrong of its values."""
    kind = entry.get("type")
    if kind not in TYPES:
        yield f"type {kind!r} is none of {', '.join(TYPES)}"
        return
    if kind == "choice" and not entry.get("choices"):
        yield "a choice needs its choices"
        return
    for choice in entry.get("choices", ()):
        if not isinstance(choice, str) or kind not in ("string", "choice"):
            yield f"choices: {choice!r}: only a choice or string has choices, and they are texts"
            return
    if "pattern" in entry:
        if kind != "string":
            yield "pattern: only a string has one"
            return
        try:
            re.compile(entry["pattern"])
        except re.error as error:
            yield f"pattern: {error}"
            return
    limits = [key for key in ("min", "max") if key in entry and kind not in _COUNTED]
    if limits:
        yield f"{limits[0]}: a value of type {kind} is no number"
    if "default" in entry:
        yield from _default_faults(read_param(name, entry), entry["default"])


def _default_faults(param: Param, default: object) -> Iterator[str]:
    """A default must be of the parameter's own type: it is read as a user's text would be."""
    if isinstance(default, list) != param.many:
        yield f"default {default!r} has to be {'a list' if param.many else 'one value'}"
        return
    kind = TYPES[param.type]
    for item in default if isinstance(default, list) else [default]:
        try:
            value = param.read(written(item), _CLOCK)
        except ValueError as error:
            yield f"default {item!r}: wants {error}"
            continue
        if kind.spelled and not isinstance(item, str):
            yield f"default {item!r} is written as text, such as {kind.example!r}"
        elif not kind.spelled and value != item:
            yield f"default {item!r} is written as {value!r}"
