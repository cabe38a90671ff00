"""Plans: what to add, what is there and what should not be, whatever the order of the input."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.layout import Partition
from athena_flow.parallel import batches
from athena_flow.plan import plan

DAY_0 = datetime(2026, 11, 20, tzinfo=UTC)
some_partitions = st.lists(
    st.builds(
        Partition,
        st.sampled_from(["123456789012", "000000000001"]),
        st.sampled_from(["eu-west-1", "us-gov-west-1"]),
        st.integers(0, 5).map(lambda n: DAY_0 + timedelta(days=n)),
    ),
    max_size=30,
)


def _day(n: int, account: str = "123456789012") -> Partition:
    return Partition(account, "eu-west-1", DAY_0 + timedelta(days=n))


def test_a_plan_says_what_is_missing_present_and_unexpected() -> None:
    """Each partition falls into one of three lists, sorted and without repetition."""
    found = plan([_day(3), _day(1), _day(2), _day(1)], [_day(2), _day(9), _day(2)])
    assert found.missing == (_day(1), _day(3))
    assert found.present == (_day(2),)
    assert found.unexpected == (_day(9),)
    assert found.wanted == 3


def test_an_empty_plan() -> None:
    """Nothing wanted and nothing there is a plan with nothing in it."""
    found = plan([], [])
    assert (found.missing, found.present, found.unexpected, found.wanted) == ((), (), (), 0)


def test_partitions_are_sorted_by_account_region_and_time() -> None:
    """The order is account, then region, then time, so that two runs print the same."""
    wanted = [_day(1, "222222222222"), _day(2, "111111111111"), _day(1, "111111111111")]
    assert plan(wanted, []).missing == (wanted[2], wanted[1], wanted[0])


@settings(deadline=None, max_examples=200)
@given(some_partitions, some_partitions)
def test_a_plan_loses_and_invents_nothing(wanted: list[Partition], have: list[Partition]) -> None:
    """The three lists are the set algebra of the two inputs, each strictly increasing."""
    found = plan(iter(wanted), iter(have))
    assert {*found.missing, *found.present} == set(wanted)
    assert {*found.present, *found.unexpected} == set(have)
    assert set(found.missing).isdisjoint(have)
    for part in (found.missing, found.present, found.unexpected):
        assert list(part) == sorted(set(part))


@settings(deadline=None, max_examples=100)
@given(some_partitions, some_partitions)
def test_a_plan_applied_is_empty_the_second_time(
    wanted: list[Partition], have: list[Partition]
) -> None:
    """Once the missing ones are registered, the same request finds nothing to do."""
    again = plan(wanted, [*have, *plan(wanted, have).missing])
    assert again.missing == ()
    assert again.unexpected == plan(wanted, have).unexpected


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (99, [99]), (100, [100]), (101, [100, 1])]
)
def test_batches_hold_what_one_call_takes(count: int, sizes: list[int]) -> None:
    """Glue takes 100 partitions in a call: batches are full, the last one holds the rest."""
    partitions = [_day(n) for n in range(count)]
    found = list(batches(iter(partitions), 100))
    assert [len(batch) for batch in found] == sizes
    assert [p for batch in found for p in batch] == partitions
