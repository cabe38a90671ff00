"""The price table: what Athena charges per TB, by region, each row with its date and source.

One shape for two files: ``prices.toml`` of this package, and what `prices --refresh` keeps on
the user's machine, which wins. Also reads AWS's own price list. Files and network are
`pricelist`'s.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from athena_flow.cost import Price
from athena_flow.errors import AccessError, BadFile, BadSetting

FLAG = "--price-per-tb"
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}")
MOST_USD = 1000
"""No TB was ever near it: a price above it, or of nothing, is a slip of whoever wrote it."""
SHIPPED = "shipped"
"""Where a row comes from that came with this package."""


@dataclass(frozen=True, slots=True)
class Row:
    """The price of one region."""

    region: str
    usd: float
    day: date
    """Of which day the price is."""
    source: str
    """Where it was read."""
    kept_in: str = SHIPPED

    @property
    def price(self) -> Price:
        return Price(self.region, self.usd, f"{self.source}, as of {self.day}")


Table = Mapping[str, Row]
"""Rows by region."""


@cache
def shipped() -> Table:
    """The rows that came with this package."""
    return read_table((files("athena_flow") / "prices.toml").read_text("utf-8"), SHIPPED)


def price_in(region: str, override: float | None = None, kept: Table | None = None) -> Price:
    """The price of a region: the user's word, else a row that was ``kept``, else a shipped one."""
    if override is not None:
        if not override > 0 or override == float("inf"):
            raise BadSetting(f"{FLAG} {override:g} is no price in USD")
        return Price(region, override, FLAG)
    row = {**shipped(), **(kept or {})}.get(region)
    return row.price if row else Price(region, None, unknown(region))


def unknown(region: str) -> str:
    return f"no price is known for {region}: give {FLAG}, or ask AWS: athena-flow prices --refresh"


def read_table(text: str, where: str) -> Table:
    """The rows of a file; ``where`` names it. Raises BadFile."""
    try:
        document = tomllib.loads(text)
        sources = document.get("source", {})
        rows = document["usd_per_tb"].items()
        return {region: _row(region, row, sources, where) for region, row in rows}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else f"{error}"
        raise BadFile(f"the price table {where}: {said}") from None


def _row(region: str, row: Mapping[str, Any], sources: Mapping[str, Any], where: str) -> Row:
    source = sources[row["source"]]
    day, usd = source["date"], row["usd"]
    if not REGION.fullmatch(region):
        raise ValueError(f"{region!r} is no region")
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 < usd <= MOST_USD:
        raise ValueError(f"{usd!r} is no price of {region}")
    if type(day) is not date:
        raise ValueError(f"{day!r} is no date of {row['source']}")
    return Row(region, float(usd), day, str(source["url"]), where)


def table_text(rows: Sequence[Row]) -> str:
    """Rows as a file of them."""
    names = {source: f"list-{n}" for n, source in enumerate(_sources(rows), start=1)}
    lines = ["# What AWS's price list said. Written by: athena-flow prices --refresh", ""]
    for (day, url), name in names.items():
        lines += [f"[source.{name}]", f"date = {day}", f"url = {json.dumps(url)}", ""]
    lines.append("[usd_per_tb]")
    for row in sorted(rows, key=lambda r: r.region):
        source = json.dumps(names[row.day, row.source])
        lines.append(f"{row.region} = {{ usd = {row.usd!r}, source = {source} }}")
    return "\n".join(lines) + "\n"


def _sources(rows: Sequence[Row]) -> dict[tuple[date, str], None]:
    return dict.fromkeys((row.day, row.source) for row in rows)


# ---------------------------------------------------------------- AWS's price list

USAGE = re.compile(r"(?:\w+-)?DataScannedInTB")
"""The usage type of bytes scanned, such as USE1-DataScannedInTB."""
UNIT = "Terabytes"


def from_price_list(document: Any, url: str) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The rows of an offer file of the service AmazonAthena, and notes on what it left open.

    Where a region has several prices the highest counts. Raises AccessError for a document
    that is no such file. Source of its shape: AWS Billing User Guide, "Reading a price list
    file".
    """
    try:
        day = date.fromisoformat(document["publicationDate"][:10])
        found = dict(_regions(document))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AccessError(f"{url}: this is no price list: {error!r}") from None
    rows, notes = [], []
    for region, prices in sorted(found.items()):
        usd = max(prices, default=0.0)
        if 0 < usd <= MOST_USD:
            rows.append(Row(region, usd, day, url, ""))
        else:
            notes.append(f"{region}: no price in USD per {UNIT} that could be one")
    if not rows:
        raise AccessError(f"{url}: the price list has no price for bytes scanned in USD")
    return tuple(rows), tuple(notes)


def _regions(document: Mapping[str, Any]) -> Iterator[tuple[str, list[float]]]:
    terms = document["terms"]["OnDemand"]
    found: dict[str, list[float]] = {}
    for sku, product in document["products"].items():
        about = product["attributes"]
        region = about.get("regionCode", "")
        if USAGE.fullmatch(about.get("usagetype", "")) and REGION.fullmatch(region):
            found.setdefault(region, []).extend(_prices(terms.get(sku, {})))
    yield from found.items()


def _prices(offers: Mapping[str, Any]) -> Iterator[float]:
    for offer in offers.values():
        for dimension in offer["priceDimensions"].values():
            if dimension["unit"] == UNIT and "USD" in dimension["pricePerUnit"]:
                yield float(dimension["pricePerUnit"]["USD"])
