"""What is registered and what is not: as rows, as JSON, and as a picture of the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from athena_flow.output import partition_doc
from athena_flow.plan import Gaps
from athena_flow.ports import Applied
from athena_flow.table import TableSpec
from athena_flow.window import DAY, Window

MARKS = {
    "missing": ("!", "red"),
    "wrong_location": ("x", "magenta"),
    "phantom": ("?", "yellow"),
    "silent": ("-", "cyan"),
    "present": ("#", "green"),
}
"""How a day is drawn, the worst first: a day of hours shows the worst of them."""
LEGEND = {
    "missing": "in S3, not registered",
    "wrong_location": "registered elsewhere",
    "phantom": "registered, nothing in S3",
    "silent": "nothing delivered",
    "present": "registered",
}

GAPS = ("missing", "phantom", "wrong_location", "silent")

COUNTED = (
    ("present", "present"),
    ("missing", "missing"),
    ("phantom", "phantom"),
    ("wrong_location", "at a wrong location"),
    ("silent", "silent"),
)
"""Each kind as a sentence counts it."""

Source = tuple[str, str]
Days = dict[tuple[Source, date], str]


def gaps_doc(spec: TableSpec, found: Gaps, mended: Applied | None = None) -> dict[str, Any]:
    """``mended`` is what became of the wrong locations, where they were to be put right."""

    def listed(kind: str) -> list[dict[str, Any]]:
        return [partition_doc(spec, partition) for partition in getattr(found, kind)]

    fixed = (
        {
            "mended": [partition_doc(spec, partition) for partition in mended.done],
            "failed": [
                {"partition": partition_doc(spec, partition), "reason": reason}
                for partition, reason in mended.failed
            ],
        }
        if mended
        else {}
    )
    return {
        "missing": listed("missing"),
        "phantom": listed("phantom"),
        "wrong_location": [
            {**partition_doc(spec, partition), "registered": location}
            for partition, location in found.wrong_location
        ],
        "silent": listed("silent"),
        "denied": [{"prefix": d.prefix, "reason": d.reason} for d in found.seen.denied],
        "strange": list(found.seen.stray),
        "unknown": list(found.unknown),
        **fixed,
    }


GAP_COLUMNS = ("gap", "account", "region", "date", "hour", "location", "registered")


def gap_rows(spec: TableSpec, found: Gaps) -> list[tuple[object, ...]]:
    """One row of `GAP_COLUMNS` for each gap."""
    document = gaps_doc(spec, found)
    return [
        (kind.replace("_", "-"), *(entry.get(column) for column in GAP_COLUMNS[1:]))
        for kind in GAPS
        for entry in document[kind]
    ]


def picture(found: Gaps, window: Window, width: int) -> Iterator[list[tuple[str, str]]]:
    """The window's days as lines of (text, colour): a cell a day, a row per account and region.

    Both sides of the window are closed. Days that do not fit into ``width`` go on below.
    """
    cells = _cells(found)
    if not cells:
        return
    sources = sorted({source for source, _ in cells})
    label = max((len(" ".join(source)) for source in sources), default=0) + 2
    days = [start.date() for start in window.starts(DAY)]
    room = max(8, width - label)
    for first in range(0, len(days), room):
        part = days[first : first + room]
        if first:
            yield [("", "")]
        for line in _ruler(part, room):
            yield [(" " * label + line, "")]
        for source in sources:
            drawn = [MARKS.get(cells.get((source, day), ""), (" ", "")) for day in part]
            yield [(" ".join(source).ljust(label), ""), *drawn]
    shown = set(cells.values())
    yield [("  ".join(f"{MARKS[k][0]} {said}" for k, said in LEGEND.items() if k in shown), "")]


def _cells(found: Gaps) -> Days:
    cells: Days = {}
    for kind in reversed(MARKS):
        for entry in getattr(found, kind):
            partition = entry[0] if kind == "wrong_location" else entry
            cells[(partition.account, partition.region), partition.start.date()] = kind
    return cells


def _ruler(days: list[date], room: int) -> Iterator[str]:
    """The months, and below them the first day and every Monday's, where there is room."""
    months, numbers = [" "] * room, [" "] * room
    firsts = [at for at, day in enumerate(days) if at == 0 or day.day == 1]
    crowded = len(firsts) > 1 and firsts[1] <= len("Nov 2026")
    with_year = firsts[1] if crowded else 0
    for at in sorted(firsts, key=lambda at: at == 0 and crowded):
        year = at == with_year or days[at].month == 1
        _write(months, at, f"{days[at]:%b %Y}" if year else f"{days[at]:%b}")
    for at, day in enumerate(days):
        if at == 0 or day.weekday() == 0:
            _write(numbers, at, str(day.day))
    yield "".join(months).rstrip()
    yield "".join(numbers).rstrip()


def _write(line: list[str], at: int, text: str) -> None:
    """Writes where nothing stands yet, and a gap is left on both sides."""
    end = at + len(text)
    if end <= len(line) and not "".join(line[max(0, at - 1) : end + 1]).strip():
        line[at:end] = text
