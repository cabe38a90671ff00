"""Prices: every one has a date and a source, and what AWS's list says is read to the cent."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from importlib.resources import files
from typing import Any

import pytest

from athena_flow.errors import AccessError, BadFile, BadSetting
from athena_flow.prices import (
    Row,
    from_price_list,
    price_in,
    read_table,
    shipped,
    table_text,
)

URL = "https://pricing.example/index.json"


@pytest.mark.parametrize(
    ("region", "usd"),
    [("us-east-1", 5.0), ("eu-west-1", 5.0), ("sa-east-1", 9.0), ("eu-west-3", 7.0)],
)
def test_prices_that_were_read(region: str, usd: float) -> None:
    """A region in the table has its price, with where it was read and of what day it is."""
    found = price_in(region)
    assert (found.region, found.per_tb_usd) == (region, usd)
    assert re.search(r"Athena.* as of 20\d\d-\d\d-\d\d$", found.source)


def test_every_row_of_the_table_has_a_dated_source() -> None:
    """No price stands in the table without its source and a date that is not in the future."""
    table = tomllib.loads((files("athena_flow") / "prices.toml").read_text("utf-8"))
    assert len(table["usd_per_tb"]) >= 20
    for region, row in table["usd_per_tb"].items():
        assert re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region)
        assert 1 <= row["usd"] <= 20
        source = table["source"][row["source"]]
        assert source["url"]
        assert date(2020, 1, 1) < source["date"] <= date(2026, 11, 21)
        assert price_in(region).per_tb_usd == row["usd"]
    assert set(table["source"]) == {row["source"] for row in table["usd_per_tb"].values()}


@pytest.mark.parametrize("region", ["us-gov-west-1", "il-central-1", "cn-north-1", "nowhere", ""])
def test_an_unknown_region_has_no_price(region: str) -> None:
    """Nobody read its price: it is None, and the source says what to give."""
    found = price_in(region)
    assert found.per_tb_usd is None
    assert "--price-per-tb" in found.source


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1"])
def test_the_users_price_wins(region: str) -> None:
    """With --price-per-tb a region needs no row."""
    found = price_in(region, 4.25)
    assert (found.region, found.per_tb_usd, found.source) == (region, 4.25, "--price-per-tb")


def test_a_kept_row_wins_over_a_shipped_one() -> None:
    """What was read from AWS on this machine comes first, and hides nothing else."""
    kept = {"us-east-1": Row("us-east-1", 6.0, date(2026, 11, 1), URL)}
    assert price_in("us-east-1", None, kept).per_tb_usd == 6.0
    assert price_in("us-east-1", None, kept).source == f"{URL}, as of 2026-11-01"
    assert price_in("sa-east-1", None, kept).per_tb_usd == 9.0
    assert price_in("us-east-1", 1.0, kept).per_tb_usd == 1.0


@pytest.mark.parametrize("usd", [0.0, -1.0, float("nan"), float("inf"), -0.0])
def test_what_is_no_price_is_refused(usd: float) -> None:
    """A price of nothing would make every budget pass."""
    with pytest.raises(BadSetting, match="--price-per-tb"):
        price_in("us-east-1", usd)


# ---------------------------------------------------------------- files of prices


def test_rows_come_back_from_their_file() -> None:
    """What is written is read again, of several days and sources."""
    rows = [
        Row("us-east-1", 5.0, date(2026, 11, 1), URL, "here"),
        Row("us-gov-west-1", 6.125, date(2026, 10, 31), 'a "quoted" place', "here"),
        Row("sa-east-1", 9.0, date(2026, 11, 1), URL, "here"),
    ]
    assert read_table(table_text(rows), "here") == {row.region: row for row in rows}


def test_shipped_rows_are_marked() -> None:
    """Where a row comes from is part of it."""
    assert {row.kept_in for row in shipped().values()} == {"shipped"}


GOOD = '[source.a]\ndate = 2026-11-01\nurl = "x"\n[usd_per_tb]\nus-east-1 = '


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        "usd_per_tb = 5",
        "[usd_per_tb]\nus-east-1 = 5.0",
        '[usd_per_tb]\nus-east-1 = { usd = 5.0, source = "a" }',
        GOOD + '{ usd = 5.0, source = "b" }',
        GOOD + '{ usd = "5", source = "a" }',
        GOOD + '{ usd = 0, source = "a" }',
        GOOD + '{ usd = -5, source = "a" }',
        GOOD + '{ usd = nan, source = "a" }',
        GOOD + '{ usd = inf, source = "a" }',
        GOOD + '{ usd = true, source = "a" }',
        GOOD + '{ source = "a" }',
        (GOOD + '{ usd = 5.0, source = "a" }').replace("2026-11-01", '"2026-11-01"'),
        (GOOD + '{ usd = 5.0, source = "a" }').replace("us-east-1", '"US East"'),
    ],
)
def test_a_wrong_file_is_told_by_name(text: str) -> None:
    """A price that cannot be read is never left out in silence."""
    with pytest.raises(BadFile, match="over/there"):
        read_table(text, "over/there")


# ---------------------------------------------------------------- AWS's price list


def product(region: str, usage: str, *, sku: str = "") -> dict[str, Any]:
    about = {"servicecode": "AmazonAthena", "usagetype": usage, "regionCode": region}
    return {"sku": sku, "productFamily": "Athena Queries", "attributes": about}


def offer(sku: str, *prices: tuple[str, str, str]) -> dict[str, Any]:
    """Terms of one product: unit, currency, price of each tier."""
    dimensions = {
        f"{sku}.T.{n}": {"unit": unit, "beginRange": "0", "pricePerUnit": {currency: price}}
        for n, (unit, currency, price) in enumerate(prices)
    }
    return {f"{sku}.T": {"sku": sku, "priceDimensions": dimensions}}


def price_list(*rows: tuple[str, str, list[tuple[str, str, str]]]) -> dict[str, Any]:
    """An offer file, in the shape of AWS's: region, usage type and prices."""
    skus = {f"SKU{n}": row for n, row in enumerate(rows)}
    return {
        "formatVersion": "v1.0",
        "offerCode": "AmazonAthena",
        "publicationDate": "2026-11-19T20:11:12Z",
        "products": {sku: product(r[0], r[1], sku=sku) for sku, r in skus.items()},
        "terms": {"OnDemand": {sku: offer(sku, *r[2]) for sku, r in skus.items()}},
    }


TB = "Terabytes"


def test_a_price_list_is_read() -> None:
    """A row for each region that has bytes scanned, and for nothing else."""
    listed = price_list(
        ("us-east-1", "USE1-DataScannedInTB", [(TB, "USD", "5.0000000000")]),
        ("us-east-1", "USE1-DPU-Hour", [("DPU-Hour", "USD", "0.30")]),
        ("us-east-1", "USE1-CodeExecutionInDPUHours", [(TB, "USD", "7")]),
        ("il-central-1", "ILC1-DataScannedInTB", [(TB, "USD", "5.5")]),
        ("us-gov-west-1", "UGW1-DataScannedInTB", [(TB, "USD", "6.0")]),
        ("eu-west-1", "DataScannedInTB", [(TB, "USD", "5")]),
    )
    rows, notes = from_price_list(listed, URL)
    assert {row.region: row.usd for row in rows} == {
        "us-east-1": 5.0,
        "il-central-1": 5.5,
        "us-gov-west-1": 6.0,
        "eu-west-1": 5.0,
    }
    assert {(row.day, row.source) for row in rows} == {(date(2026, 11, 19), URL)}
    assert notes == ()


def test_of_several_prices_the_highest_counts() -> None:
    """An estimate may be high, never low: neither a free tier nor a rebate is counted on."""
    tiers = [(TB, "USD", "0.0"), (TB, "USD", "5.5"), (TB, "USD", "4.0")]
    rows, _ = from_price_list(price_list(("us-east-1", "USE1-DataScannedInTB", tiers)), URL)
    assert [row.usd for row in rows] == [5.5]


@pytest.mark.parametrize(
    "odd",
    [
        [(TB, "CNY", "34.34")],
        [("Gigabytes", "USD", "0.005")],
        [(TB, "USD", "0")],
        [(TB, "USD", "5000000")],
        [],
    ],
)
def test_what_could_be_no_price_is_left_out_and_said(odd: list[tuple[str, str, str]]) -> None:
    """Another currency or unit, nothing, or a slip: the region stays as it was, with a note."""
    good = ("us-east-1", "USE1-DataScannedInTB", [(TB, "USD", "5")])
    rows, notes = from_price_list(
        price_list(good, ("cn-north-1", "CNN1-DataScannedInTB", odd)), URL
    )
    assert [row.region for row in rows] == ["us-east-1"]
    assert len(notes) == 1
    assert "cn-north-1" in notes[0]


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        "text",
        {"publicationDate": "2026-11-19"},
        price_list(),
        {**price_list(), "publicationDate": "yesterday"},
        {**price_list(), "products": []},
        price_list(("us-east-1", "USE1-DataScannedInTB", [(TB, "USD", "five")])),
    ],
)
def test_what_is_no_price_list_is_refused(wrong: Any) -> None:
    """A document of another shape changes nothing, and the address is named."""
    with pytest.raises(AccessError, match="price list") as caught:
        from_price_list(json.loads(json.dumps(wrong)), URL)
    assert URL in str(caught.value)
    assert caught.value.code == 3
