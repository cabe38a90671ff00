"""What anybody's partition projection comes to: values and places, or why that is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from conftest import NOW

from athena_flow.errors import BadSql
from athena_flow.layout import LAYOUTS
from athena_flow.logformat import DEFAULT
from athena_flow.lookup import named_values
from athena_flow.partitions import ProjectedPartitions
from athena_flow.projected import projected_parts
from athena_flow.table import Projection, TableSpec, properties
from athena_flow.window import Window


def _values(key: str, about: Mapping[str, str], listed: Sequence[str] = ()) -> list[str]:
    """Of a table with this one key."""
    named = {f"projection.{key}.{what}": text for what, text in about.items()}
    parts = projected_parts(named, [key], "s3://b/t", NOW, lambda _: listed)
    return [part.values[0] for part in parts]


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_ours_read_as_anybodys(layout: str) -> None:
    """Our own projections, from their properties alone, are what we take them for."""
    spec = TableSpec(
        *("db", "t", "s3://b/x/", DEFAULT, LAYOUTS[layout]),
        partitions="projection",
        projection=Projection(date(2026, 11, 18), ("eu-west-1", "us-east-1"), ("1" * 12,)),
    )
    keys = spec.layout.keys
    found = projected_parts(properties(spec), keys, "", NOW, lambda _: ())
    ours = ProjectedPartitions(NOW).registered(spec, Window(end=NOW + timedelta(days=2)))
    expected = {(spec.values(r.partition), r.location) for r in ours if r.partition}
    assert {(part.values, part.location) for part in found} == expected
    injected = replace(spec, projection=Projection(date(2026, 11, 18), ("eu-west-1",)))
    named = projected_parts(properties(injected), keys, "", NOW, lambda key: ["2" * 12])
    assert {part.values[0] for part in named} == {"2" * 12}


@pytest.mark.parametrize(
    ("about", "values"),
    [
        ({"type": "enum", "values": "a, b,c"}, ["a", "b", "c"]),
        ({"type": "integer", "range": "8,11"}, ["8", "9", "10", "11"]),
        ({"type": "integer", "range": "0, 10", "interval": "5", "digits": "2"}, ["00", "05", "10"]),
        (
            {"type": "date", "format": "yyyy/MM/dd", "range": "NOW-2DAYS,NOW"},
            ["2026/11/19", "2026/11/20", "2026/11/21"],
        ),
        (
            {"type": "date", "format": "yyyyMM", "range": "202609,NOW"},
            ["202609", "202610", "202611"],
        ),
        (
            {
                "type": "date",
                "format": "yyyy-MM-dd-HH",
                "range": "2026-11-21-06,NOW",
                "interval": "2",
                "interval.unit": "HOURS",
            },
            ["2026-11-21-06", "2026-11-21-08", "2026-11-21-10"],
        ),
        (
            {"type": "date", "format": "'y='yyyy", "range": "y=2025,NOW", "interval.unit": "YEARS"},
            ["y=2025", "y=2026"],
        ),
    ],
)
def test_values(about: Mapping[str, str], values: list[str]) -> None:
    """Both ends of a range belong to it; the step is the format's finest part."""
    assert _values("k", about) == values


def test_injected_values_are_the_statements() -> None:
    """The key's values are those that the statement lists."""
    assert _values("k", {"type": "injected"}, ["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"type": "injected"}, "wants k = '...'"),
        ({"type": "set"}, "not understood"),
        ({}, "no type"),
        ({"type": "integer", "range": "1,x"}, "not understood"),
        ({"type": "integer", "range": "1,99999999"}, "too many to list"),
        ({"type": "date", "format": "YYYY-ww", "range": "2026-01,NOW"}, "not understood"),
        ({"type": "date", "format": "yyyy", "range": "LAST,NOW"}, "not understood"),
        (
            {"type": "date", "format": "yyyy", "range": "2025,NOW", "interval.unit": "EONS"},
            "not understood",
        ),
    ],
)
def test_what_cannot_be_listed(about: Mapping[str, str], reason: str) -> None:
    """Never a part of the partitions for all of them."""
    with pytest.raises(BadSql, match=reason):
        _values("k", about)


def test_places() -> None:
    """The template's, else Hive's folders; a template that names no key is refused."""
    about = {"projection.k.type": "enum", "projection.k.values": "a"}
    (part,) = projected_parts(about, ["k"], "s3://b/t/", NOW, lambda _: ())
    assert part.location == "s3://b/t/k=a/"
    template = {**about, "storage.location.template": "s3://b/${K}/x"}
    (part,) = projected_parts(template, ["k"], "s3://b/t/", NOW, lambda _: ())
    assert part.location == "s3://b/a/x/"
    wrong = {**about, "storage.location.template": "s3://b/${other}/"}
    with pytest.raises(BadSql, match="no partition key"):
        list(projected_parts(wrong, ["k"], "s3://b/t/", NOW, lambda _: ()))


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("k = 'a'", ("a",)),
        ("'a' = \"k\"", ("a",)),
        ("x > 1 AND (k IN ('a', 'b'))", ("a", "b")),
        ("x > 1 AND y < 2 AND k = 'a'", ("a",)),
        ("(x > 1 AND (y < 2 AND k = 'a')) AND z = 3", ("a",)),
        ("k = 'a' OR k = 'b'", ()),
        ("k = 'a' OR x > 1", ()),
        ("k = lower('A')", ()),
        ("k IN ('a', lower('B'))", ()),
        ("NOT k = 'a'", ()),
        ("k > 'a'", ()),
        ("k = 1", ()),
        (None, ()),
    ],
)
def test_values_that_a_condition_lists(condition: str | None, values: tuple[str, ...]) -> None:
    """Only where every row has to have one of them."""
    assert named_values(condition, "k") == values
