"""Bytes and money: billing errs high, prices have a source, and a budget stops what is unknown."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_table import SPEC

from athena_flow import cost
from athena_flow.cost import (
    Budget,
    Estimate,
    Price,
    billed_bytes,
    check_budget,
    parse_bytes,
    price_in,
    show_bytes,
    show_usd,
)
from athena_flow.errors import BadSetting, OverBudget
from athena_flow.layout import Partition
from athena_flow.ports import ObjectInfo, Registered, Scan
from athena_flow.table import TableSpec

MB = 2**20
FIVE = Price("us-east-1", 5.0, "a price list")
UNKNOWN = Price("us-gov-west-1", None, "no price is known")


def _estimate(size: int | None, price: Price = FIVE) -> Estimate:
    certainty = "exact" if size is not None else "unknown"
    return Estimate("q", "SELECT 1", size, certainty, 1, 1, price, ())  # type: ignore[arg-type]  # a Certainty


@pytest.mark.parametrize(
    ("scanned", "billed"),
    [
        (0, 10 * MB),
        (1, 10 * MB),
        (10_000_000, 10 * MB),
        (10_000_001, 10 * MB),
        (10 * MB, 10 * MB),
        (10 * MB + 1, 11 * MB),
        (11 * MB, 11 * MB),
        (11_000_000, 11 * MB),
        (10**12, 953_675 * MB),
    ],
)
def test_billing_rounds_up_to_megabytes_and_ten_at_least(scanned: int, billed: int) -> None:
    """AWS bills whole megabytes, 10 at the least; the binary one is the larger reading."""
    assert billed_bytes(scanned) == billed


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 10**16), st.integers(0, 10**9))
def test_billing_never_errs_low(scanned: int, more: int) -> None:
    """No scan is billed below either megabyte's rounding, and more bytes never cost less."""
    billed = billed_bytes(scanned)
    decimal = max(-(-scanned // 10**6) * 10**6, 10**7)
    assert billed >= decimal or billed >= scanned + MB - 1 - (scanned - 1) % MB
    assert scanned <= billed <= max(scanned + MB, 10 * MB)
    assert billed % MB == 0
    assert billed_bytes(scanned + more) >= billed


def test_the_smallest_query_costs_five_thousandths_of_a_cent() -> None:
    """10 MB at 5 USD per TB is 0.00005 USD, and a TB is the decimal one, which is dearer."""
    assert FIVE.usd(0) == pytest.approx(0.0000524288)
    assert FIVE.usd(10**12) == pytest.approx(5.0, rel=1e-6)
    assert FIVE.usd(2**40) == pytest.approx(5 * 2**40 / 10**12)


def test_what_is_not_known_has_no_price() -> None:
    """An unknown scan or an unknown price is None and never 0."""
    assert FIVE.usd(None) is None
    assert UNKNOWN.usd(5) is None
    assert (_estimate(None).billed_bytes, _estimate(None).usd) == (None, None)
    assert (_estimate(5, UNKNOWN).billed_bytes, _estimate(5, UNKNOWN).usd) == (10 * MB, None)


# ---------------------------------------------------------------- prices


@pytest.mark.parametrize(
    ("region", "usd"),
    [("us-east-1", 5.0), ("eu-west-1", 5.0), ("sa-east-1", 9.0), ("eu-west-3", 7.0)],
)
def test_prices_that_were_read(region: str, usd: float) -> None:
    """A region in the table has its price, with where and when it was read."""
    found = price_in(region)
    assert (found.region, found.per_tb_usd) == (region, usd)
    assert re.search(r"Athena.*read 20\d\d-\d\d-\d\d$", found.source)


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


@pytest.mark.parametrize("usd", [0.0, -1.0, float("nan"), float("inf"), -0.0])
def test_what_is_no_price_is_refused(usd: float) -> None:
    """A price of nothing would make every budget pass."""
    with pytest.raises(BadSetting, match="--price-per-tb"):
        price_in("us-east-1", usd)


# ---------------------------------------------------------------- estimates


def _scan(spec: TableSpec, *sizes: tuple[int, ...]) -> Scan:
    parts = []
    for n, objects in enumerate(sizes):
        place = Partition("123456789012", "eu-west-1", datetime(2026, 11, n + 1, tzinfo=UTC))
        infos = tuple(ObjectInfo(f"s3://b/{n}/{m}", size) for m, size in enumerate(objects))
        parts.append((Registered(place, f"s3://b/{n}/"), infos))
    return Scan(spec, tuple(parts))


def test_an_estimate_adds_up_every_scan() -> None:
    """A table that is read twice counts twice; empty partitions count as partitions."""
    scan = _scan(SPEC, (5_000_000, 7_000_000), (), (1,))
    found = cost.estimate("name", "SELECT 1", [scan, scan], FIVE)
    assert (found.query, found.sql, found.price) == ("name", "SELECT 1", FIVE)
    assert (found.size_bytes, found.objects, found.partitions) == (24_000_002, 6, 6)
    assert found.certainty == "exact"
    assert found.billed_bytes == 23 * MB
    assert any("$5 in us-east-1" in text for text in found.assumptions)


def test_an_estimate_over_parquet_is_an_upper_bound() -> None:
    """Athena reads the columns that it needs, so the objects' sizes are the most it can be."""
    found = cost.estimate("q", "", [_scan(replace(SPEC, file_type="parquet"), (5,))], FIVE)
    assert found.certainty == "at_most"
    assert any("Parquet" in text for text in found.assumptions)


def test_an_estimate_of_no_objects_is_the_minimum() -> None:
    """A query over empty partitions is still a query, billed as the smallest one."""
    found = cost.estimate("q", "", [_scan(SPEC)], FIVE)
    assert (found.size_bytes, found.billed_bytes, found.partitions) == (0, 10 * MB, 0)


def test_an_estimate_without_a_price_says_so() -> None:
    """The assumptions tell that no price is known."""
    found = cost.estimate("q", "", [_scan(SPEC, (5,))], UNKNOWN)
    assert found.usd is None
    assert UNKNOWN.source in found.assumptions


# ---------------------------------------------------------------- budgets


@pytest.mark.parametrize(
    ("size", "budget"),
    [
        (10**15, Budget()),
        (None, Budget()),
        (1000, Budget(max_bytes=1000)),
        (0, Budget(max_bytes=0)),
        (10**12, Budget(max_usd=5.01)),
        (0, Budget(max_usd=0.0000524288)),
    ],
)
def test_within_the_budget(size: int | None, budget: Budget) -> None:
    """What is exactly allowed is allowed, and no budget allows all."""
    check_budget(_estimate(size), budget)


@pytest.mark.parametrize(
    ("found", "budget", "said", "hint"),
    [
        (_estimate(1001), Budget(max_bytes=1000), "would scan", "--max-scan"),
        (_estimate(None), Budget(max_bytes=10**18), "an unknown amount", "--max-scan"),
        (_estimate(10**12), Budget(max_usd=4.99), "would cost $5.00, over the budget of $4.99",
         "--max-cost"),
        (_estimate(0), Budget(max_usd=0.0), "would cost $0.000052, over the budget of $0.00",
         "--max-cost"),
        (_estimate(None), Budget(max_usd=1e9), "an unknown amount", None),
        (_estimate(5, UNKNOWN), Budget(max_usd=1e9), "an unknown amount", "no price is known"),
        (_estimate(2000), Budget(max_usd=1e9, max_bytes=1000), "would scan", "--max-scan"),
    ],
)  # fmt: skip
def test_over_the_budget(found: Estimate, budget: Budget, said: str, hint: str | None) -> None:
    """What is dearer, larger or not known is refused with both numbers and the way out."""
    with pytest.raises(OverBudget) as caught:
        check_budget(found, budget)
    assert said in str(caught.value)
    assert caught.value.code == 4
    assert hint is None or hint in (caught.value.hint or "")


# ---------------------------------------------------------------- sizes and amounts as text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("5B", 5),
        ("1KB", 1000),
        ("10MB", 10**7),
        ("10mb", 10**7),
        ("500 MB", 5 * 10**8),
        ("10GB", 10**10),
        ("1.5TB", 15 * 10**11),
        ("2PB", 2 * 10**15),
        ("0.5KB", 500),
        ("999999999999999", 999_999_999_999_999),
    ],
)
def test_sizes(text: str, size: int) -> None:
    """A size is a number of bytes, or a number with a decimal unit."""
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "GB", "10 G", "10GiB", "-1", "+5", "1e9", "1,000", "1_000", ".5GB", "1.GB"),
        *("10GB ", " 10GB", "10GB\n", "10  GB", "10XB", "\u0661\u0660GB", "inf", "nan", "10GB/s"),
    ],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    """A budget is never guessed at."""
    with pytest.raises(BadSetting, match="is no size"):
        parse_bytes(text)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 9999), st.integers(0, 99), st.sampled_from(["KB", "MB", "GB", "TB"]))
def test_a_size_with_decimals_is_exact(whole: int, part: int, unit: str) -> None:
    """The bytes are those that the text says, to the last one."""
    text = f"{whole}.{part:02}{unit}"
    factor = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}[unit]
    assert parse_bytes(text) == int(Decimal(f"{whole}.{part:02}") * factor)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "an unknown amount"),
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (4_200_000, "4.2 MB"),
        (99_940_000, "99.9 MB"),
        (250_000_000, "250 MB"),
        (10**12, "1.0 TB"),
        (3 * 10**15, "3.0 PB"),
        (10**19, "10000 PB"),
    ],
)
def test_sizes_are_shown_short(size: int | None, text: str) -> None:
    """Decimal units, one digit after the point below 100."""
    assert show_bytes(size) == text


def test_a_size_just_below_a_unit_is_shown_in_it() -> None:
    """A rounded 1000 is the next unit's 1.0."""
    assert show_bytes(999_999) == "1.0 MB"
    assert show_bytes(99_960_000) == "100 MB"


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "an unknown amount"),
        (0.0, "$0.00"),
        (0.00005, "$0.00005"),
        (0.0000524288, "$0.000052"),
        (0.001, "$0.001"),
        (0.0123, "$0.012"),
        (0.05, "$0.05"),
        (0.1, "$0.10"),
        (0.5, "$0.50"),
        (1.0, "$1.00"),
        (1.234, "$1.23"),
        (1234.5, "$1,234.50"),
    ],
)
def test_amounts_are_shown_short(usd: float | None, text: str) -> None:
    """Cents at the least, and two digits that say something below them."""
    assert show_usd(usd) == text


@settings(deadline=None, max_examples=200)
@given(st.floats(1e-7, 1e6))
@example(0.0996)
@example(0.0999)
def test_an_amount_is_shown_with_cents_and_nearly_right(usd: float) -> None:
    """At least two digits after the point, and never more than 5 percent off."""
    text = show_usd(usd)
    assert re.fullmatch(r"\$[\d,]+\.\d{2,}", text)
    assert float(text[1:].replace(",", "")) == pytest.approx(usd, rel=0.051)
