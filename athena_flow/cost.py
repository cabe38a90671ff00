"""Bytes and money: what a run would scan, what Athena bills for it, and the budget.

The one home of sizes and prices. Rounding errs high under either reading of AWS's words:
a TB is the decimal one (fewer bytes, so a higher price for the same scan), an MB the binary
one (more bytes to round up to). Source: Athena pricing page, "rounded up to the nearest
megabyte, with a 10 MB minimum per query".
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Literal

from athena_flow.errors import BadSetting, OverBudget
from athena_flow.ports import Scan

MB = 2**20
TB = 10**12
MINIMUM_BYTES = 10 * MB
"""What the smallest query is billed as."""

Certainty = Literal["exact", "at_most", "unknown"]

_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": TB, "PB": 10**15}


@dataclass(frozen=True, slots=True)
class Price:
    """USD per TB scanned in one region; None where nobody here could read it."""

    region: str
    per_tb_usd: float | None
    source: str

    def usd(self, scanned_bytes: int | None) -> float | None:
        """What Athena bills for a scan; None when either side of the product is not known."""
        if scanned_bytes is None or self.per_tb_usd is None:
            return None
        return billed_bytes(scanned_bytes) * self.per_tb_usd / TB


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that one run may cost or scan; None for no limit."""

    max_usd: float | None = None
    max_bytes: int | None = None


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

    @property
    def billed_bytes(self) -> int | None:
        return None if self.size_bytes is None else billed_bytes(self.size_bytes)

    @property
    def usd(self) -> float | None:
        return self.price.usd(self.size_bytes)


def billed_bytes(scanned_bytes: int) -> int:
    """Bytes as billed: whole MB, and 10 of them at the least."""
    return max(math.ceil(scanned_bytes / MB) * MB, MINIMUM_BYTES)


def price_in(region: str, override: float | None = None) -> Price:
    """The price of a region, from the user or from ``prices.toml``."""
    if override is not None:
        if not override > 0 or math.isinf(override):
            raise BadSetting(f"--price-per-tb {override:g} is no price in USD")
        return Price(region, override, "--price-per-tb")
    table = tomllib.loads((files("athena_flow") / "prices.toml").read_text("utf-8"))
    row = table["usd_per_tb"].get(region)
    if row is None:
        return Price(region, None, f"no price is known for {region}: give --price-per-tb")
    source = table["source"][row["source"]]
    return Price(region, row["usd"], f"{source['url']}, read {source['date']}")


def estimate(
    query: str, sql: str, scans: Sequence[Scan], price: Price, unknown: str = ""
) -> Estimate:
    """Adds up the objects of every scan; ``unknown`` says why there can be no sum.

    The sum is exact for text, which Athena reads whole, and an upper bound for Parquet, of
    which it reads the columns that it needs.
    """
    columnar = any(scan.spec.file_type == "parquet" for scan in scans)
    assumptions = [
        f"1 TB = 10^12 bytes at ${price.per_tb_usd:g} in {price.region}"
        if price.per_tb_usd is not None
        else price.source,
        "billed in whole MB of 2^20 bytes, 10 MB at the least",
    ]
    if columnar:
        assumptions.append("Parquet: whole objects are counted, of which Athena reads a part")
    if unknown:
        assumptions.append(f"unknown: {unknown}")
    return Estimate(
        query=query,
        sql=sql,
        size_bytes=None if unknown else sum(scan.size_bytes for scan in scans),
        certainty="unknown" if unknown else "at_most" if columnar else "exact",
        partitions=sum(len(scan.parts) for scan in scans),
        objects=sum(scan.objects for scan in scans),
        price=price,
        assumptions=tuple(assumptions),
    )


def check_budget(found: Estimate, budget: Budget) -> None:
    """Raises OverBudget with the numbers; what is not known is over any budget."""
    if budget.max_bytes is not None and (
        found.size_bytes is None or found.size_bytes > budget.max_bytes
    ):
        raise OverBudget(
            f"{found.query} would scan {show_bytes(found.size_bytes)},"
            f" over the budget of {show_bytes(budget.max_bytes)}",
            hint="narrow it with --since, --account or --region, or raise --max-scan",
        )
    if budget.max_usd is not None and (found.usd is None or found.usd > budget.max_usd):
        raise OverBudget(
            f"{found.query} would cost {show_usd(found.usd)},"
            f" over the budget of {show_usd(budget.max_usd)}",
            hint="narrow it with --since, --account or --region, or raise --max-cost"
            if found.usd is not None
            else found.price.source,
        )


def parse_bytes(text: str) -> int:
    """``10GB``, ``500 MB``, ``1.5TB`` or plain bytes; decimal units. Raises BadSetting."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?) ?([KMGTP]?B)?", text, re.ASCII | re.I)
    if not match:
        raise BadSetting(f"{text!r} is no size", hint="write 10GB, 500MB or a number of bytes")
    return int(Decimal(match[1]) * _SIZES[(match[2] or "B").upper()])


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
