"""What a format can answer, and which fields would unlock more."""

from __future__ import annotations

from pathlib import Path

import pytest

from athena_flow import answers
from athena_flow.answers import Step
from athena_flow.fields import BY_NAME, COLUMNS, VPC
from athena_flow.logformat import DEFAULT, LogFormat, parse_format
from athena_flow.query import SavedQuery, library

KNOWN = parse_format("version srcaddr end")


def _query(name: str, requires: str, improves: str = "") -> SavedQuery:
    adds = dict.fromkeys(improves.split(), "more")
    return SavedQuery(name, name, "", tuple(requires.split()), (), "", Path(name), improves=adds)


@pytest.mark.parametrize(
    ("requires", "improves", "status"),
    [
        ("srcaddr", "", "runnable"),
        ("srcaddr", "end", "runnable"),
        ("srcaddr", "action", "runs with less"),
        ("srcaddr action", "end", "missing fields"),
    ],
)
def test_status(requires: str, improves: str, status: str) -> None:
    """A query runs, runs with less, or not at all."""
    assert answers.status(_query("q", requires, improves), KNOWN) == status


def test_the_field_that_unlocks_most_comes_first() -> None:
    """Steps go by queries for a field; what needs two fields comes when it is worth it."""
    queries = [
        _query("a", "srcaddr action"),
        _query("b", "srcaddr action", "bytes"),
        _query("c", "srcaddr bytes packets"),
        _query("d", "srcaddr"),
        _query("e", "srcaddr", "action vpc_id"),
    ]
    assert answers.unlock(queries, KNOWN) == (
        Step(("action",), (), ("a", "b"), ("e",)),
        Step(("bytes", "packets"), ("action",), ("c",), ("b",)),
        Step(("vpc_id",), ("action", "bytes", "packets"), (), ("e",)),
    )


def test_after_all_steps_everything_runs() -> None:
    """On the default format's way to all fields no query of ours is forgotten."""
    queries = list(library().values())
    have, unlocked = set(KNOWN.columns), set()
    for step in answers.unlock(queries, KNOWN):
        assert not set(step.add) & have
        have |= set(step.add)
        now = {q.name for q in queries if not q.missing(have)}
        assert set(step.unlocks) <= now
        unlocked |= set(step.unlocks)
    away = {q.name for q in answers.out_of_reach(queries, KNOWN)}
    at_once = {q.name for q in queries if not q.missing(KNOWN)}
    assert unlocked | away | at_once == {q.name for q in queries}
    assert all(COLUMNS[c] in BY_NAME["vpc"] for c in have)


def test_the_other_kind_of_log_is_out_of_reach() -> None:
    """No field of a VPC flow log makes it one of a Transit Gateway, nor the reverse."""
    queries = [_query("tgw", "srcaddr tgw_id"), _query("vpc", "srcaddr action")]
    assert [q.name for q in answers.out_of_reach(queries, DEFAULT)] == ["tgw"]
    transit = parse_format("default-tgw")
    assert [q.name for q in answers.out_of_reach(queries, transit)] == ["vpc"]
    assert answers.unlock(queries, LogFormat(VPC)) == ()


def test_of_several_formats_the_best_counts() -> None:
    """A mixed tree answers what one of its formats answers, and not what both have together."""
    query = _query("q", "srcaddr action", "bytes")
    formats = [parse_format(text) for text in ("srcaddr", "srcaddr action", "action bytes")]
    assert query.best(formats) == formats[1]
