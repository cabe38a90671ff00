"""How far a long piece of work is, and when it will be done. The clock is handed in."""

from __future__ import annotations

from collections.abc import Callable

from athena_flow.cost import show_bytes

EVERY_SECONDS = 10.0
"""Between two lines, where nobody sees a bar."""
BYTES = "ingesting"
"""The work that is counted in bytes; all other is counted one by one."""


class Pace:
    """Remembers when each kind of work began."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._began: dict[str, tuple[float, int]] = {}
        self._told = seconds()

    def far(self, what: str, done: int, total: int | None) -> str:
        """``1.2 GB of 4.6 GB, done in about 40 s``; the time once some of it is done."""
        show = show_bytes if what == BYTES else "{:,}".format
        began, first = self._began.setdefault(what, (self._seconds(), done))
        if total is None:
            return show(done)
        text = f"{show(done)} of {show(total)}"
        taken, more = self._seconds() - began, done - first
        if not more or done >= total:
            return text
        return f"{text}, done in about {_span(taken / more * (total - done))}"

    def line(self, what: str, done: int, total: int | None) -> str:
        """The same as a line of its own, and nothing where the last one was just now."""
        text = self.far(what, done, total)
        if self._seconds() - self._told < EVERY_SECONDS:
            return ""
        self._told = self._seconds()
        return f"{what}: {text}"


def _span(seconds: float) -> str:
    """``40 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
