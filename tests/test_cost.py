"""Bytes and money: billing errs high, and an estimate is a sum."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from athena_flow import cost
from athena_flow.cost import (
    Certainty,
    Estimate,
    Price,
    TableRead,
    billed_bytes,
    estimate,
    parse_bytes,
    parse_usd,
    show_bytes,
    show_usd,
)
from athena_flow.errors import BadSetting

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


# ---------------------------------------------------------------- estimates


def _read(size: int | None, certainty: Certainty = "exact", **more: Any) -> TableRead:
    return TableRead("db.t", ("date",), 3, 9, 3, size, certainty, None, None, **more)


def test_an_estimate_adds_up_every_scan() -> None:
    """A table that is read twice counts twice."""
    read = _read(12_000_001)
    found = cost.estimate("name", "SELECT 1", [read, read], FIVE)
    assert (found.query, found.sql, found.price) == ("name", "SELECT 1", FIVE)
    assert (found.size_bytes, found.objects, found.partitions) == (24_000_002, 6, 6)
    assert found.certainty == "exact"
    assert found.billed_bytes == 23 * MB
    assert any("$5 in us-east-1" in text for text in found.assumptions)


def test_an_estimate_is_as_certain_as_its_least_certain_scan() -> None:
    """An upper bound makes the sum one; what a scan rests on is said once."""
    read = _read(5, "at_most", notes=("Parquet: whole objects",))
    found = cost.estimate("q", "", [_read(7), read, read], FIVE)
    assert (found.size_bytes, found.certainty) == (17, "at_most")
    assert found.assumptions.count("Parquet: whole objects") == 1


def test_one_unknown_scan_makes_the_sum_unknown() -> None:
    """It is never 0; the reason stands there, with what the others come to."""
    reads = [_read(5_000_000), _read(None, "unknown", unknown="db.t: denied")]
    found = cost.estimate("q", "", reads, FIVE)
    assert (found.size_bytes, found.billed_bytes, found.usd) == (None, None, None)
    assert found.certainty == "unknown"
    assert found.assumptions[-1] == "unknown: db.t: denied; the other scans are 5.0 MB"


def test_what_is_free_is_billed_nothing() -> None:
    """Not even the minimum of a query."""
    found = cost.estimate("q", "SHOW TABLES", (), FIVE, free="SHOW TABLES scans nothing")
    assert (found.size_bytes, found.billed_bytes, found.usd) == (0, 0, 0.0)
    assert found.certainty == "exact"


def test_an_estimate_of_no_objects_is_the_minimum() -> None:
    """A query over empty partitions is still a query, billed as the smallest one."""
    found = cost.estimate("q", "", [_read(0)], FIVE)
    assert (found.size_bytes, found.billed_bytes, found.partitions) == (0, 10 * MB, 3)


def test_capacity_is_not_billed_by_the_byte() -> None:
    """Neither megabytes nor a minimum stand beside it."""
    found = estimate("q", "SELECT 1", (), Price("r", None, "by the hour", by_bytes=False))
    assert (found.billed_bytes, found.usd) == (None, None)
    assert found.assumptions == ("by the hour",)


def test_an_estimate_without_a_price_says_so() -> None:
    """The assumptions tell that no price is known."""
    found = cost.estimate("q", "", [_read(5)], UNKNOWN)
    assert found.usd is None
    assert UNKNOWN.source in found.assumptions


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


@pytest.mark.parametrize(
    ("text", "usd"),
    [("0", 0.0), ("0.50", 0.5), ("$5", 5.0), ("5.", 5.0), (".05", 0.05), ("5e-05", 0.00005)],
)
def test_amounts(text: str, usd: float) -> None:
    """A number of USD, also as TOML's small numbers come."""
    assert parse_usd(text, "--max-cost") == usd


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "$",
        "-1",
        "+5",
        "nan",
        "inf",
        "1_000",
        "1,000",
        "5 ",
        " 5",
        "5\n",
        "\u0665",
        "cheap",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """A budget of money is never guessed at either, and the flag is named."""
    with pytest.raises(BadSetting, match="--max-cost"):
        parse_usd(text, "--max-cost")


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
