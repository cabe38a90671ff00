"""What an ingest has to do, and which logs a store stands in for: on paper, no file is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from athena_flow.layout import DAILY, LAYOUTS, Partition
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.manifest import (
    Bad,
    Coverage,
    Holding,
    Kept,
    Match,
    Piece,
    Seal,
    columns_of,
    columns_text,
    in_steps,
    is_columns,
    match,
    place_of,
    plan,
    touches,
    uncovered,
)
from athena_flow.ports import ObjectInfo, Registered
from athena_flow.window import Window

ROOT = "/logs/"
DAY = datetime(2026, 11, 20, tzinfo=UTC)
LINE = "2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 1795000000 1795000001 ACCEPT OK"


def log(name: str, day: int = 20, size: int = 10, stamp: str = "a") -> ObjectInfo:
    place = Partition("123456789012", "eu-west-1", DAY.replace(day=day))
    return ObjectInfo(f"{ROOT}{DAILY.prefix(place)}{name}.log", size, stamp)


def kept(one: ObjectInfo, head: str | None = DEFAULT.header) -> Kept:
    return Kept(one.uri, one.size_bytes, one.stamp, head)


def piece(*logs: ObjectInfo, path: str = "p", head: str = DEFAULT.header) -> Piece:
    form = DEFAULT.header
    sums = (Seal(1, "s", "d"), 1, 0, "", 0)
    return Piece(place_of(logs[0].uri), form, path, *sums, tuple(kept(one, head) for one in logs))


def registered(*logs: ObjectInfo) -> dict[ObjectInfo, Registered]:
    return {one: Registered(None, one.uri.rpartition("/")[0] + "/") for one in logs}


# ---------------------------------------------------------------- the plan


def test_the_first_ingest_reads_all() -> None:
    """Place by place, in the order of their keys."""
    logs = [log("b", 21), log("b"), log("a")]
    found = plan(logs, Holding(), Window(), ())
    assert [[one.uri for one in change.read] for change in found.changes] == [
        [log("a").uri, log("b").uri],
        [log("b", 21).uri],
    ]
    assert (found.new, found.same, found.size, found.size_bytes) == (3, 0, 3, 30)


def test_nothing_new_is_nothing_to_do() -> None:
    logs = [log("a"), log("b")]
    holding = Holding((piece(*logs),), (kept(log("e"), None),))
    found = plan([*logs, log("e")], holding, Window(), ())
    assert found.changes == ()
    assert found.same == 3


def test_new_logs_join_the_piece_that_is_there() -> None:
    there = piece(log("a"))
    (change,) = plan([log("a"), log("b")], Holding((there,)), Window(), ()).changes
    assert (change.read, change.keep, change.drop) == ((log("b"),), (there,), ())


@pytest.mark.parametrize("other", [{"size": 11}, {"stamp": "b"}])
def test_a_changed_log_has_its_piece_written_anew(other: dict) -> None:
    """With its neighbours, whose rows nobody can tell from its own."""
    there = piece(log("a"), log("b"))
    now = [log("a", **other), log("b")]
    found = plan(now, Holding((there,)), Window(), ())
    (change,) = found.changes
    assert (change.read, change.keep, change.drop) == (tuple(now), (), (there,))
    assert found.changed == (log("a").uri,)


def test_a_log_that_is_gone_takes_its_rows_along() -> None:
    there = piece(log("a"), log("b"))
    found = plan([log("b")], Holding((there,)), Window(), ())
    (change,) = found.changes
    assert (change.read, change.drop) == ((log("b"),), (there,))
    assert found.gone == (log("a").uri,)
    (change,) = plan([], Holding((there,)), Window(), ()).changes
    assert (change.read, change.drop) == ((), (there,))


def test_a_lost_piece_is_written_anew() -> None:
    there = piece(log("a"), path="lost")
    found = plan([log("a")], Holding((there,)), Window(), {"lost"})
    (change,) = found.changes
    assert (change.read, change.drop, found.lost) == ((log("a"),), (there,), ("lost",))
    assert (found.new, found.changed, found.gone) == (0, (), ())


def test_outside_the_window_nothing_is_gone() -> None:
    """Nor below a prefix that may not be listed, whatever the listing lacks."""
    holding = Holding((piece(log("a")),))
    window = Window(DAY.replace(day=21), DAY.replace(day=22))
    assert plan([], holding, window, ()).changes == ()
    assert plan([], holding, Window(accounts=("999999999999",)), ()).changes == ()
    assert plan([], holding, Window(), (), unseen=(f"{ROOT}AWSLogs/123456789012/",)).changes == ()
    assert plan([], holding, Window(), (), unseen=(f"{ROOT}AWSLogs/9/",)).gone == (log("a").uri,)


def test_bad_logs_are_passed_until_they_change() -> None:
    bad = Bad(log("a").uri, 10, "a", "cut short")
    holding = Holding(bad=(bad,), waiting=(log("w"),))
    found = plan([log("a"), log("w")], holding, Window(), (), [log("a")])
    assert [change.read for change in found.changes] == [(log("w"),)]
    assert found.stale == ()
    assert plan([], holding, Window(), ()).stale == (log("w").uri, log("a").uri)


@pytest.mark.parametrize(
    ("most", "steps"),
    [(None, ["abc"]), (20, ["ab", "c"]), (10, ["a", "b", "c"]), (1, ["a", "b", "c"])],
)
def test_steps_hold_no_more_than_they_may(most: int | None, steps: list[str]) -> None:
    logs = [log("a"), log("b"), log("c")]
    found = ["".join(one.uri[-5] for one in step) for step in in_steps(logs, most)]
    assert found == steps
    assert list(in_steps((), most)) == [()]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_window_touches_places(layout: object) -> None:
    """By day or hour, whichever the folders tell; what no path dates it always touches."""
    assert layout in LAYOUTS.values()
    at = Partition("123456789012", "eu-west-1", DAY.replace(hour=10))
    uri = f"{ROOT}{LAYOUTS[layout.name].prefix(at)}x.log"  # type: ignore[attr-defined]
    hourly = "hour" in layout.name  # type: ignore[attr-defined]
    before = Window(DAY, DAY.replace(hour=9))
    assert touches(uri, before) is not hourly
    assert touches(uri, Window(DAY.replace(hour=10), DAY.replace(hour=11)))
    assert not touches(uri, Window(regions=("us-east-1",)))
    assert touches("/heap/x.log", before)


# ---------------------------------------------------------------- the match


def matched(logs: list[ObjectInfo], *pieces: Piece, table: str = DEFAULT.header) -> Match:
    form = parse_format(table)
    return match(registered(*logs), form, Holding(pieces), lambda one: f"/store/{one.path}")


def test_a_piece_stands_in_for_its_logs() -> None:
    found = matched([log("a"), log("b")], piece(log("a")))
    assert [path for _, _, path in found.pieces] == ["/store/p"]
    assert list(found.rest) == [log("b")]


@pytest.mark.parametrize(
    "logs",
    [[log("a", stamp="z"), log("b")], [log("a", size=1), log("b")], [log("a")], []],
    ids=["changed", "another size", "a part of them", "none"],
)
def test_a_piece_of_other_logs_does_not(logs: list[ObjectInfo]) -> None:
    found = matched(logs, piece(log("a"), log("b")))
    assert found.pieces == ()
    assert list(found.rest) == logs


def test_nor_one_of_two_partitions() -> None:
    """A query that tells them apart could not tell their rows apart."""
    logs = {log("a"): Registered(None, "/one/"), log("b"): Registered(None, "/two/")}
    holding = Holding((piece(log("a"), log("b")),))
    assert match(logs, DEFAULT, holding, lambda one: one.path).pieces == ()


def test_nor_one_that_is_damaged() -> None:
    found = match(registered(log("a")), DEFAULT, Holding((piece(log("a")),)), lambda one: None)
    assert found.pieces == ()
    assert found.notes == ("damaged files of the store, not read: 1 file: p",)


def test_lines_without_a_header_are_what_the_table_says() -> None:
    logs = [log("a")]
    headless = piece(*logs, head=LINE)
    assert matched(logs, headless).pieces
    other = " ".join(reversed(DEFAULT.header.split()))
    assert not matched(logs, headless, table=other).pieces
    assert matched(logs, piece(*logs), table=other).pieces


def test_empty_logs_are_told_again() -> None:
    holding = Holding(empty=(kept(log("e"), None), kept(log("f", stamp="old"), None)))
    found = match(registered(log("e"), log("f")), DEFAULT, holding, lambda one: None)
    assert found.empty == (log("e").uri,)
    assert list(found.rest) == [log("f")]


def test_columns_of_parquet_logs_are_no_header() -> None:
    schema = (("version", "INTEGER"), ("srcaddr", "VARCHAR"))
    assert columns_of(columns_text(schema)) == schema
    assert is_columns(columns_text(schema))
    assert not is_columns(DEFAULT.header)
    assert replace(piece(log("a")), form=columns_text(schema)).log_format is None


# ---------------------------------------------------------------- where an ingest has been


def window(first: int, last: int, *accounts: str) -> Window:
    return Window(DAY.replace(day=first), DAY.replace(day=last), accounts=accounts)


@pytest.mark.parametrize(
    ("asked", "done", "lacks"),
    [
        (window(10, 20), [window(10, 20)], False),
        (window(12, 18), [window(10, 20)], False),
        (window(9, 20), [window(10, 20)], True),
        (window(10, 20), [window(10, 15), window(15, 20)], False),
        (window(10, 20), [window(10, 14), window(15, 20)], True),
        (window(10, 29), [window(10, 20)], False),
        (window(10, 20), [window(10, 20, "1")], True),
        (window(10, 20, "1"), [window(10, 20, "1", "2")], False),
        (window(10, 20, "1"), [window(10, 20)], False),
        (window(10, 20, "1", "3"), [window(10, 20, "1", "2")], True),
        (Window(), [window(10, 20)], True),
        (Window(), [Window()], False),
        (window(10, 20), [Window()], False),
        (window(10, 20), [], True),
    ],
)
def test_what_no_ingest_has_seen(asked: Window, done: list[Window], lacks: bool) -> None:
    at = DAY + timedelta(days=1)
    assert uncovered(asked, [Coverage(one, at) for one in done]) is lacks


def half(first: int, last: int) -> Coverage:
    """An ingest of noon to noon, at its end."""
    noon = timedelta(hours=12)
    start, end = DAY.replace(day=first) + noon, DAY.replace(day=last) + noon
    return Coverage(Window(start, end), end)


@pytest.mark.parametrize(
    ("asked", "done", "lacks"),
    [
        (window(10, 11), [half(9, 10)], False),  # its afternoon is told by the time of that ingest
        (window(10, 11), [half(9, 10), half(11, 12)], True),
        (window(9, 13), [half(9, 10), half(11, 12)], True),
        (window(10, 11), [half(9, 10), half(10, 11)], False),
        (window(9, 12), [half(9, 10), half(10, 11), half(11, 12)], False),
        (window(9, 10), [half(9, 10), half(11, 12)], False),
    ],
)
def test_the_afternoon_that_no_ingest_has_seen(
    asked: Window, done: list[Coverage], lacks: bool
) -> None:
    """A run of a daily job that was missed leaves half a day: it is not taken for seen."""
    assert uncovered(asked, done) is lacks


def test_logs_without_a_header_are_read_again_in_another_format() -> None:
    """What was read by a wrong --log-format is mended by the right one; without one it stays."""
    other = parse_format(" ".join(reversed(DEFAULT.header.split())))
    line = "2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1 1 ACCEPT OK"
    holding = Holding((piece(log("a"), head=line), piece(log("b"), path="q")))
    assert not plan([log("a"), log("b")], holding, Window(), ()).changes
    assert not plan([log("a"), log("b")], holding, Window(), (), wanted=DEFAULT).changes
    (change,) = plan([log("a"), log("b")], holding, Window(), (), wanted=other).changes
    assert [one.path for one in change.drop] == ["p"]
    assert change.read == (log("a"),)


def test_damage_outside_the_window_is_not_told() -> None:
    """Nor is it mended: what is said to be written anew is."""
    there = log("a", day=10)
    holding = Holding((piece(there, path="lost"),))
    assert plan([], holding, window(12, 13), {"lost"}).lost == ()
    assert plan([there], holding, window(10, 11), {"lost"}).lost == ("lost",)
