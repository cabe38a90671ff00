"""Bytes and money: what a run would scan, what Athena bills for it, and the budget.

The one home of sizes and prices. Rounding errs high under either reading of AWS's words:
a TB is the decimal one (fewer bytes, so a higher price for the same scan), an MB the binary
one (more bytes to round up to). Source: Athena pricing page, "rounded up to the nearest
megabyte, with a 10 MB minimum per query".
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from athena_flow.errors import BadSetting

MB = 2**20
TB = 10**12
MINIMUM_BYTES = 10 * MB
"""What the smallest query is billed as."""

UNKNOWN = "unknown: "
"""What the assumption begins with that says why."""
Certainty = Literal["exact", "at_most", "unknown"]

_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": TB, "PB": 10**15}


@dataclass(frozen=True, slots=True)
class Price:
    """USD per TB scanned in one region; None where nobody here could read it."""

    region: str
    per_tb_usd: float | None
    source: str
    by_bytes: bool = True
    """False where it is not bytes that are billed, but capacity."""

    def usd(self, scanned_bytes: int | None) -> float | None:
        """What Athena bills for a scan; None when either side of the product is not known."""
        if scanned_bytes is None or self.per_tb_usd is None:
            return None
        return billed_bytes(scanned_bytes) * self.per_tb_usd / TB


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that one run may cost or scan, and all of a day (UTC); None for no limit."""

    max_usd: float | None = None
    max_bytes: int | None = None
    max_usd_per_day: float | None = None
    max_bytes_per_day: int | None = None
    require_window: bool = False
    """Refuse what reads a partitioned table and says nothing about time."""

    @property
    def per_day(self) -> bool:
        """Does it need to know what other runs came to?"""
        return self.max_usd_per_day is not None or self.max_bytes_per_day is not None


@dataclass(frozen=True, slots=True)
class TableRead:
    """One scan of one table, as an estimate counts it; a table read twice is two of them."""

    table: str
    """``database.table``, or the directory that is read as it is."""
    keys: tuple[str, ...]
    """Its partition keys, none for a table without partitions."""
    partitions: int
    of: int
    """How many there were to choose from."""
    objects: int
    size_bytes: int | None
    certainty: Certainty
    condition: str | None
    """What chose the partitions, in Athena's SQL; None where nothing did."""
    columns: tuple[str, ...] | None
    """Data columns that can be needed; None for all of them."""
    spans: tuple[tuple[str, str, str], ...] = ()
    """Of each key its first and its last value among the partitions."""
    notes: tuple[str, ...] = ()
    """What its size rests on."""
    unknown: str = ""
    """Why its size is not known, where it is not."""


@dataclass(frozen=True, slots=True)
class PlanRead:
    """A table's partitions as the engine's planner would read them, beside the estimate's.

    The planner tells the values of each key on its own: an upper bound of what is read.
    """

    table: str
    partitions: int
    of: int
    only_plan: tuple[str, ...]
    """Those that the estimate leaves out, as ``key=value/key=value``."""
    only_estimate: tuple[str, ...]
    """Those that the planner leaves out."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would scan and cost. ``size_bytes`` None is unknown, which is never 0."""

    query: str
    sql: str
    size_bytes: int | None
    certainty: Certainty
    partitions: int
    objects: int
    price: Price
    assumptions: tuple[str, ...]
    scans: tuple[TableRead, ...] = ()
    plan: tuple[PlanRead, ...] | None = None
    """What the engine's planner said, where it was asked."""
    unplanned: str = ""
    """Why it said nothing."""
    free: str = ""
    """Why Athena bills nothing, where it does not: ``SHOW PARTITIONS scans nothing``."""

    @property
    def reason(self) -> str:
        """``unknown: ..``, for an estimate that is."""
        return next((text for text in self.assumptions if text.startswith(UNKNOWN)), "")

    @property
    def billed_bytes(self) -> int | None:
        if self.free:
            return 0
        if self.size_bytes is None or not self.price.by_bytes:
            return None
        return billed_bytes(self.size_bytes)

    @property
    def usd(self) -> float | None:
        return self.bill(self.size_bytes)

    def bill(self, scanned_bytes: int | None) -> float | None:
        """What Athena bills for the statement, once it is known what it scanned."""
        return 0.0 if self.free else self.price.usd(scanned_bytes)


def billed_bytes(scanned_bytes: int) -> int:
    """Bytes as billed: whole MB, and 10 of them at the least."""
    return max(math.ceil(scanned_bytes / MB) * MB, MINIMUM_BYTES)


def estimate(
    query: str,
    sql: str,
    scans: Sequence[TableRead],
    price: Price,
    notes: Sequence[str] = (),
    *,
    unknown: str = "",
    free: str = "",
) -> Estimate:
    """Adds up the scans; ``unknown`` says why there can be no sum at all, ``free`` why no bill.

    As certain as the least certain of them: one that is unknown makes it so.
    """
    reasons = [unknown] * bool(unknown) + [scan.unknown for scan in scans if scan.unknown]
    known = sum(scan.size_bytes for scan in scans if scan.size_bytes is not None)
    certainties = {scan.certainty for scan in scans}
    certainty: Certainty = "at_most" if "at_most" in certainties else "exact"
    assumptions = [
        *([free] if free else price_words(price)),
        *notes,
        *(note for scan in scans for note in scan.notes),
    ]
    if reasons:
        certainty = "unknown"
        rest = f"; the other scans are {show_bytes(known)}" if known else ""
        assumptions.append(f"{UNKNOWN}{'; '.join(dict.fromkeys(reasons))}{rest}")
    return Estimate(
        query=query,
        sql=sql,
        size_bytes=None if reasons else known,
        certainty=certainty,
        partitions=sum(scan.partitions for scan in scans),
        objects=sum(scan.objects for scan in scans),
        price=price,
        assumptions=tuple(dict.fromkeys(assumptions)),
        scans=tuple(scans),
        free=free,
    )


def price_words(price: Price) -> list[str]:
    """The constants that money is reckoned with, to be repeated beside it."""
    if not price.by_bytes:
        return [price.source]
    known = price.per_tb_usd is not None
    return [
        f"1 TB = 10^12 bytes at ${price.per_tb_usd:g} in {price.region}" if known else price.source,
        "billed in whole MB of 2^20 bytes, 10 MB at the least",
    ]


def parse_bytes(text: str) -> int:
    """``10GB``, ``500 MB``, ``1.5TB`` or plain bytes; decimal units. Raises BadSetting."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?) ?([KMGTP]?B)?", text, re.ASCII | re.I)
    if not match:
        raise BadSetting(f"{text!r} is no size", hint="write 10GB, 500MB or a number of bytes")
    return int(Decimal(match[1]) * _SIZES[(match[2] or "B").upper()])


def parse_usd(text: str, what: str) -> float:
    """``0.50``, ``$5``; ``what`` is the flag it was given by. Raises BadSetting."""
    if not re.fullmatch(r"\$?(\d{1,15}(\.\d{0,12})?|\.\d{1,12})(e-?\d{1,2})?", text, re.ASCII):
        raise BadSetting(f"{what} {text!r} is no amount of USD", hint="write 0.50 or 5")
    return float(text.removeprefix("$"))


def show_bytes(size: int | None) -> str:
    """``4.2 MB``, in decimal units; ``an unknown amount`` for None."""
    if size is None:
        return "an unknown amount"
    for unit, step in _SIZES.items():
        number = size / step
        digits = 0 if unit == "B" or round(number, 1) >= 100 else 1
        if round(number, digits) < 1000:
            break
    return f"{number:.{digits}f} {unit}"


def show_usd(usd: float | None) -> str:
    """``$0.00005``, ``$1.23``: two digits that say something, cents at the least."""
    if usd is None:
        return "an unknown amount"
    digits = 2 if usd == 0 or usd >= 0.1 else 1 - math.floor(math.log10(usd))
    whole, _, fraction = f"{usd:,.{digits}f}".partition(".")
    return f"${whole}.{fraction.rstrip('0').ljust(2, '0')}"
