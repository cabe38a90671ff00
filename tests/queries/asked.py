"""What an independent answer is worked out from, and what SQL does that Python does not.

Nothing of the package may be imported here or in the ``expected_*`` modules: an answer that shares
code with the query proves nothing.
"""

from __future__ import annotations

import ipaddress
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

Record = dict[str, Any]
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Asked:
    """A query's records, those of the window alone, and its parameters.

    A record has the columns of its log: text (``-`` stays ``-``), or a number or None.
    """

    records: Sequence[Record]
    columns: frozenset[str]
    """Those of the log's format: ``"tcp_flags" in asked.columns`` is what has_tcp_flags says."""
    p: SimpleNamespace
    """The parameters' values as SQL gets them: durations in seconds, protocols as numbers."""


def grouped(records: Iterable[Record], key: Callable[[Record], Any]) -> dict[Any, list[Record]]:
    """Records by a key, as GROUP BY has them: NULL is a group of its own."""
    groups: dict[Any, list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return groups


def total(numbers: Iterable[int | None]) -> int | None:
    """SQL's sum: NULL does not count, and nothing adds up to NULL."""
    found = [number for number in numbers if number is not None]
    return sum(found) if found else None


def distinct(values: Iterable[Any]) -> int:
    """SQL's count(DISTINCT ..): NULL does not count."""
    return len({value for value in values if value is not None})


def lowest(numbers: Iterable[Any]) -> Any:
    return min((n for n in numbers if n is not None), default=None)


def highest(numbers: Iterable[Any]) -> Any:
    return max((n for n in numbers if n is not None), default=None)


def rounded(number: float, places: int) -> float:
    """SQL's round: a half goes away from zero, where Python's goes to the even digit."""
    return math.copysign(math.floor(abs(number) * 10**places + 0.5) / 10**places, number)


def percent(part: int, whole: int) -> float | None:
    """A share with one digit after the point; None of nothing."""
    return rounded(100 * part / whole, 1) if whole else None


def utc(seconds: int | None) -> datetime | None:
    """Unix seconds as SQL's timestamp: UTC, without a zone."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


@cache
def address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for what is no address."""
    try:
        return ipaddress.ip_address(text or "")
    except ValueError:
        return None


_network = cache(ipaddress.ip_network)


def inside(text: str | None, networks: str | Iterable[str]) -> bool | None:
    """in_cidr by Python's ipaddress; None where there is no address."""
    found = address(text)
    if found is None:
        return None
    listed = [networks] if isinstance(networks, str) else networks
    return any(found in _network(network) for network in listed)


_PRIVATE = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
    *("127.0.0.0/8", "::1/128", "fc00::/7", "fe80::/10"),
)


def private(text: str | None) -> bool | None:
    """is_private, written out again."""
    return inside(text, _PRIVATE)


def on_port(port: int | None, ranges: str | Iterable[str]) -> bool | None:
    """in_ports; None where there is no port."""
    if port is None:
        return None
    listed = [ranges] if isinstance(ranges, str) else ranges
    bounds = [(text.partition("-")[0], text.rpartition("-")[2]) for text in listed]
    return any(int(low) <= port <= int(high) for low, high in bounds)


def bucket(seconds: int | None, size: int) -> datetime | None:
    """time_bucket of a size in seconds, counted from Monday 1970-01-05."""
    return None if seconds is None else utc((seconds - 345_600) // size * size + 345_600)


def ordered(rows: Iterable[Sequence[Any]], by: str, limit: int | None = None) -> Rows:
    """ORDER BY positions from 0, as in ``"-2 0"``: the third descending, then the first.

    NULL comes last either way, as in Athena.
    """
    found = [tuple(row) for row in rows]
    for part in reversed(by.split()):
        n, down = int(part.lstrip("-")), part.startswith("-")
        known = [row for row in found if row[n] is not None]
        found = sorted(known, key=lambda row: row[n], reverse=down) + [
            row for row in found if row[n] is None
        ]
    return found[:limit]
