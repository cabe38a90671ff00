"""Blocks: one table each, and the flags that choose one of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_flow.blocks import Block, Choice, choice, limits
from athena_flow.layout import DAILY, LAYOUTS, ROOT, Layout, layout_named
from athena_flow.logformat import DEFAULT, LogFormat, parse_format

HIVE = LAYOUTS["hive-daily"]
SERVICE = replace(
    HIVE,
    template=HIVE.template.replace("aws-service", "service"),
    example=HIVE.example.replace("aws-service", "service"),
)
ORGANISATION = replace(
    DAILY,
    template=DAILY.template.replace(ROOT, f"{ROOT}o-a1b2c3d4e5/"),
    example=DAILY.example.replace(ROOT, f"{ROOT}o-a1b2c3d4e5/"),
)
SHORT = parse_format("srcaddr end")
ACCOUNTS = ("111111111111", "222222222222")
REGIONS = ("eu-west-1", "us-east-1")
A, B = ACCOUNTS
EU, US = REGIONS
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 20)


def block(
    *places: tuple[str, str],
    layout: Layout = DAILY,
    file_type: str = "text",
    fmt: LogFormat | None = DEFAULT,
    days: tuple[date, date] = (FIRST, LAST),
    location: str = "s3://logs/",
) -> Block:
    return Block(
        location=location,
        layout=layout,
        file_type="parquet" if file_type == "parquet" else "text",
        format=fmt,
        accounts=tuple(sorted({account for account, _ in places})),
        regions=tuple(sorted({region for _, region in places})),
        flow_logs=(),
        first=days[0],
        last=days[1],
        example=layout.example,
        sources=places,
    )


def chosen(flags: Sequence[str], found: Sequence[Block]) -> list[Block]:
    """What `discover` with these flags shows: accounts and regions limit what is looked at."""
    given = list(zip(flags[::2], flags[1::2], strict=True))

    def said(flag: str) -> set[str]:
        return {value for name, value in given if name == flag}

    names = said("--layout") & LAYOUTS.keys()
    templates = {layout_named(text).template for text in said("--layout") - names}
    return [
        one
        for one in found
        if one.file_type in (said("--file-type") or {one.file_type})
        and one.layout.name in (names or {one.layout.name})
        and one.layout.template in (templates or {one.layout.template})
        and one.location in (said("--location") or {one.location})
        and any(
            account in (said("--account") or {account}) and region in (said("--region") or {region})
            for account, region in one.sources
        )
    ]


def test_one_block_needs_no_flags() -> None:
    """There is nothing to choose."""
    one = block((A, EU))
    assert choice(one, [one]) == Choice(())


def test_the_fewest_flags() -> None:
    """What tells a block from all the others, and nothing more."""
    text = block((A, EU), (B, US))
    parquet = block((A, EU), file_type="parquet")
    hive = block((A, EU), layout=HIVE)
    abroad = block((B, EU), fmt=SHORT)
    found = [text, parquet, hive]
    assert choice(parquet, found).flags == ("--file-type", "parquet")
    assert choice(hive, found).flags == ("--layout", "hive-daily")
    assert choice(text, found).flags == ("--file-type", "text", "--layout", "daily")
    assert choice(abroad, [block((A, EU)), abroad]).flags == ("--account", B)
    assert choice(abroad, [block((A, EU)), abroad, block((B, US))]).flags == (
        "--region", EU, "--account", B,
    )  # fmt: skip


def test_spellings_of_a_layout_are_told_by_a_key() -> None:
    """Two blocks whose layouts have one name differ by a real key."""
    found = [block((A, EU), layout=HIVE), block((A, EU), layout=SERVICE)]
    flags = choice(found[1], found).flags
    assert flags == ("--layout", SERVICE.example)
    assert chosen(flags, found) == [found[1]]


def test_described_blocks_in_two_buckets() -> None:
    """Whoever goes to a bucket sees others' logs there, too: account and region stay said."""
    found = [block((A, EU)), block((A, EU), location="s3://other/")]
    assert choice(found[1], found).flags == (
        "--location", "s3://other/", "--account", A, "--region", EU,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (block((A, EU), fmt=SHORT), "only its format is another; give each flow log a prefix"),
        (
            block((A, EU), fmt=SHORT, days=(date(2026, 12, 1), date(2026, 12, 9))),
            "the format in the folders of block 2 changed; make a table for each time",
        ),
        (block((A, US), (B, EU), fmt=SHORT), "accounts and regions are mixed with those of"),
    ],
    ids=["format", "time", "places"],
)
def test_blocks_that_no_flags_tell_apart(other: Block, why: str) -> None:
    """The reason is told, and what helps."""
    mine = block((A, EU), (B, US))
    found = choice(mine, [mine, other])
    assert found.flags is None
    assert found.why.startswith("no flags: ")
    assert why in found.why


blocks_ = st.builds(
    lambda places, layout, file_type, fmt: block(
        *sorted(places), layout=layout, file_type=file_type, fmt=fmt
    ),
    st.sets(st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(REGIONS)), min_size=1),
    st.sampled_from([*LAYOUTS.values(), SERVICE, ORGANISATION]),
    st.sampled_from(["text", "parquet"]),
    st.sampled_from([DEFAULT, SHORT, None]),
)


@given(st.lists(blocks_, min_size=1, max_size=5))
def test_flags_choose_exactly_their_block(found: list[Block]) -> None:
    """Whatever lies there: that block is left, and all of it."""
    for one in found:
        flags = choice(one, found).flags
        if flags is None:
            assert len(found) > 1
            continue
        assert [id(left) for left in chosen(flags, found)] == [id(one)]
        named = {value for name, value in pairwise(flags) if name in ("--account", "--region")}
        assert not named or named & {*one.accounts, *one.regions} == named


@given(st.lists(blocks_, min_size=1, max_size=5))
def test_settings_keep_to_the_blocks_folders(found: list[Block]) -> None:
    """A table's partitions are folders: those of other blocks' accounts and regions stay out."""
    for one in found:
        kept = limits(one, found)
        accounts, regions = kept.get("account", ACCOUNTS), kept.get("region", REGIONS)
        assert {(a, r) for a, r in one.sources if a in accounts and r in regions} == one.places
        if kept:
            folders = {"daily": DAILY, "hourly": DAILY}.get(one.layout.name, one.layout)
            apart = [o for o in found if o is not one and not o.places & one.places]
            near = [o for o in apart if o.layout.template.startswith(folders.template)]
            assert not [
                o for o in near if any(a in accounts and r in regions for a, r in o.sources)
            ]


def test_limits() -> None:
    """Only where days of the same folders belong to others."""
    text, parquet = block((A, EU)), block((B, US), file_type="parquet")
    assert limits(text, [text, parquet]) == {"region": (EU,)}
    assert limits(text, [text, block((B, EU), file_type="parquet")]) == {"account": (A,)}
    assert limits(text, [text, block((B, US), layout=LAYOUTS["hourly"])]) == {"region": (EU,)}
    assert limits(text, [text, block((B, US), layout=HIVE)]) == {}
    assert limits(text, [text, block((A, EU), fmt=SHORT)]) == {}
    assert limits(text, [text]) == {}
