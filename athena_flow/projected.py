"""Partition projection of anybody's table: which partitions Athena computes, and where they lie.

Source: Athena User Guide, "Set up partition projection" and "Supported types for partition
projection". What is not understood, or is too much to list, cannot be bounded: BadSql.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from math import prod

from athena_flow.errors import BadSql

ENABLED = "projection.enabled"
TEMPLATE = "storage.location.template"
MOST_PARTITIONS = 200_000
"""More are not listed here: a million is the most that Athena reads in one scan."""

Named = Callable[[str], Sequence[str]]
"""From a key to the values that a statement lets it have; none where it does not list them."""

_UNITS = {"WEEK": timedelta(weeks=1), "DAY": timedelta(days=1), "HOUR": timedelta(hours=1)}
_UNITS |= {"MINUTE": timedelta(minutes=1), "SECOND": timedelta(seconds=1)}
_NOW = re.compile(r"NOW(?:\s*([+-])\s*(\d+)\s*([A-Z]+?)S?)?", re.IGNORECASE)
_JAVA = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
"""The letters of Java's date formats that projections are made of, as Python has them."""
_PIECE = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


@dataclass(frozen=True, slots=True)
class ProjectedPart:
    values: tuple[str, ...]
    location: str


def is_projected(parameters: Mapping[str, str]) -> bool:
    return parameters.get(ENABLED, "").lower() == "true"


def projected_parts(
    parameters: Mapping[str, str], keys: Sequence[str], location: str, now: datetime, named: Named
) -> Iterator[ProjectedPart]:
    """Every partition that the table's properties describe, as of ``now``. Raises BadSql.

    Names of properties in lower case, as they are compared.
    """
    about = {name.lower(): value for name, value in parameters.items()}
    values = [_values(key, about, now, named) for key in keys]
    count = prod(map(len, values))
    if count > MOST_PARTITIONS:
        raise BadSql(f"it projects {count:,} partitions, which are too many to list")
    template = about.get(TEMPLATE) or _hive(location, keys)
    for row in product(*values):
        yield ProjectedPart(row, _placed(template, dict(zip(keys, row, strict=True))))


def _hive(location: str, keys: Sequence[str]) -> str:
    return location.rstrip("/") + "/" + "".join(f"{key}=${{{key}}}/" for key in keys)


def _placed(template: str, values: Mapping[str, str]) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1].lower() not in values:
            raise BadSql(f"its {TEMPLATE} names {match[0]}, which is no partition key")
        return values[match[1].lower()]

    return re.sub(r"\$\{([^}]*)\}", fill, template).rstrip("/") + "/"


def _values(key: str, about: Mapping[str, str], now: datetime, named: Named) -> Sequence[str]:
    def said(what: str) -> str:
        return about.get(f"projection.{key}.{what}", "").strip()

    kind = said("type").lower()
    match kind:
        case "enum":
            return [value.strip() for value in said("values").split(",")]
        case "injected":
            found = named(key)
            if not found:
                raise BadSql(f"it wants {key} = '...' in the statement, as a projected key")
            return found
        case "integer":
            return _integers(key, said("range"), said("interval"), said("digits"))
        case "date":
            return _dates(key, said, now)
    raise BadSql(f"its projection of {key} is not understood ({kind or 'no type'})")


def _integers(key: str, span: str, interval: str, digits: str) -> Sequence[str]:
    found = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*", span)
    step, width = interval or "1", digits or "0"
    if not found or not step.isdecimal() or not width.isdecimal() or not int(step):
        raise BadSql(f"its projection of {key} is not understood (range {span})")
    numbers = range(int(found[1]), int(found[2]) + 1, int(step))
    if len(numbers) > MOST_PARTITIONS:
        raise BadSql(f"it projects {len(numbers):,} values of {key}, which are too many to list")
    return [f"{number:0{int(width) + (number < 0)}d}" for number in numbers]


def _dates(key: str, said: Callable[[str], str], now: datetime) -> Sequence[str]:
    java = said("format")
    form = _python(java)
    first, _, last = said("range").partition(",")
    unit = said("interval.unit").upper().removesuffix("S") or _finest(java)
    step = said("interval") or "1"
    if form is None or not step.isdecimal() or not int(step):
        raise BadSql(f"its projection of {key} is not understood (format {java})")
    start, end = (_moment(text, form, java, now) for text in (first, last))
    if start is None or end is None:
        raise BadSql(f"its projection of {key} is not understood (range {said('range')})")
    found: list[str] = []
    moment = start
    while moment <= end:
        found.append(_written(moment, form))
        if len(found) > MOST_PARTITIONS:
            raise BadSql(f"it projects too many values of {key} to list")
        later = _after(moment, unit, int(step))
        if later is None:
            raise BadSql(f"its projection of {key} is not understood (unit {unit})")
        moment = later
    return found


def _written(moment: datetime, form: str) -> str:
    return moment.strftime(form.replace("%Y", f"{moment.year:04d}"))


def _python(java: str) -> str | None:
    """``yyyy/MM/dd`` -> ``%Y/%m/%d``; None for what is not understood."""
    done, at = "", 0
    for match in _PIECE.finditer(java):
        if match.start() != at:
            return None
        at = match.end()
        if match[1] is not None:
            done += match[1].replace("''", "'").replace("%", "%%") or "'"
        elif match[2]:
            if match[0] not in _JAVA:
                return None
            done += _JAVA[match[0]]
        else:
            done += match[0].replace("%", "%%")
    return done if at == len(java) and "%Y" in done else None


def _finest(java: str) -> str:
    """The unit of the smallest part of a date, which is the step where none is said."""
    bare = re.sub(r"'[^']*'", "", java)
    units = (("ss", "SECOND"), ("mm", "MINUTE"), ("HH", "HOUR"), ("dd", "DAY"), ("MM", "MONTH"))
    return next((unit for letters, unit in units if letters in bare), "YEAR")


def _moment(text: str, form: str, java: str, now: datetime) -> datetime | None:
    """An end of a range: a date as the format writes it, or one that NOW tells, cut to it."""
    told = _NOW.fullmatch(text.strip())
    try:
        if not told:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
        moment: datetime | None = now.astimezone(UTC)
        if told[1]:
            count = int(told[1] + told[2])
            moment = _after(now.astimezone(UTC), told[3].upper(), count)
        if moment is None:
            return None
        return datetime.strptime(_written(moment, form), form).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _after(moment: datetime, unit: str, count: int) -> datetime | None:
    if unit in _UNITS:
        return moment + count * _UNITS[unit]
    months = count * {"MONTH": 1, "YEAR": 12}.get(unit, 0)
    if not months:
        return None
    at = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(at, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
