"""How far it is and when it will be done, by a clock that the test winds."""

from __future__ import annotations

import pytest

from athena_flow.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1, "done in about 4 s"),
        (20, "done in about 80 s"),
        (60, "done in about 4 min"),
        (3600, "done in about 4 h 0 min"),
    ],
)
def test_the_end_follows_from_the_pace_so_far(seconds: float, told: str) -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.far("ingesting", 0, 5_000_000) == "0 B of 5.0 MB"
    clock.now += seconds
    assert pace.far("ingesting", 1_000_000, 5_000_000) == f"1.0 MB of 5.0 MB, {told}"
    assert pace.far("ingesting", 5_000_000, 5_000_000) == "5.0 MB of 5.0 MB"


def test_what_is_no_byte_is_counted() -> None:
    pace = Pace(Clock())
    assert pace.far("finding days", 1200, None) == "1,200"
    assert pace.far("listing days", 3, 9) == "3 of 9"


def test_a_line_now_and_then() -> None:
    """Ten seconds after the start and after each line, none in between."""
    clock = Clock()
    pace = Pace(clock)
    lines = []
    for second in range(25):
        clock.now = 1000.0 + second
        lines.append(pace.line("ingesting", second * 1000, 50_000))
    assert [n for n, line in enumerate(lines) if line] == [10, 20]
    assert lines[10] == "ingesting: 10.0 KB of 50.0 KB, done in about 40 s"
