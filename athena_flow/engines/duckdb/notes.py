"""What was odd in the files of a run, by name, as lines for a reader of its rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from athena_flow.errors import note


@dataclass
class Notes:
    """What was odd in the files, by file name."""

    empty: list[str] = field(default_factory=list)
    mapped: list[str] = field(default_factory=list)
    undecodable: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    odd_rows: int = 0
    first_odd: str = ""
    """The file and the line of one of them."""
    no_end: int = 0

    def lines(self) -> tuple[str, ...]:
        lines = [
            *note("left out, cannot be read", sorted(self.bad)),
            *note("empty", sorted(self.empty)),
            *note("another header than the table's, read by field name", sorted(self.mapped)),
            *note("not UTF-8, read with replacement characters", sorted(self.undecodable)),
        ]
        if self.odd_rows:
            first = f", the first at {self.first_odd}" if self.first_odd else ""
            lines.append(
                f"rows with fewer or more fields than their header: {self.odd_rows}{first}"
            )
        if self.no_end:
            lines.append(f"rows whose end is no number, in no window: {self.no_end}")
        return tuple(lines)
