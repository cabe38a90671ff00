"""A saved query on one page, for people: all that its header says, and its SQL."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Iterable, Iterator

from athena_flow.fields import COLUMNS
from athena_flow.params import Param, written
from athena_flow.query import SavedQuery

WIDTH = 100
"""Characters in a line."""


def query_page(query: SavedQuery, known: Container[str] | None) -> Iterator[str]:
    """All that a query's header says, for people, and its SQL."""
    yield f"{query.name}: {query.title}\n"
    yield from _paragraph(query.description)
    yield from _paragraph(query.read, "How to read it: ")
    for caveat in query.caveats:
        yield from _paragraph(caveat, "Mind: ")
    if query.params:
        yield "\nParameters\n"
        yield from _listed((f"-p {p.name}={_placeholder(p)}", _param_text(p)) for p in query.params)
    yield "\nFields\n"
    needed = [(COLUMNS[c], f"{_mark(c, known)}needed") for c in query.requires]
    better = [(COLUMNS[c], f"{_mark(c, known)}{adds}") for c, adds in query.improves.items()]
    yield from _listed([*needed, *better])
    if query.aliases:
        yield "\nAlso called\n"
        yield from _listed((str(alias), "") for alias in query.aliases)
    if query.attack:
        yield "\nMITRE ATT&CK\n"
        yield from _listed((t, f"{_ATTACK}{t.replace('.', '/')}/") for t in query.attack)
    yield f"\n{query.body}\n"


_ATTACK = "https://attack.mitre.org/techniques/"


def _paragraph(text: str, lead: str = "") -> Iterator[str]:
    if text:
        yield (
            "\n"
            + textwrap.fill(lead + text, WIDTH, break_long_words=False, break_on_hyphens=False)
            + "\n"
        )


def _listed(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    found = list(rows)
    width = max((len(left) for left, _ in found), default=0)
    for left, right in found:
        first = f"  {left.ljust(width)}  "
        space = " " * len(first)
        yield (
            textwrap.fill(
                right,
                WIDTH,
                initial_indent=first,
                subsequent_indent=space,
                break_long_words=False,
                break_on_hyphens=False,
            ).rstrip()
            + "\n"
            if right
            else f"  {left}\n"
        )


def _mark(column: str, known: Container[str] | None) -> str:
    return "not in this log format: " if known is not None and column not in known else ""


def _placeholder(p: Param) -> str:
    return "|".join(p.choices) if p.choices else p.type.upper()


def _param_text(p: Param) -> str:
    parts = [p.doc]
    if p.required:
        parts.append("required")
    elif p.default is not None:
        listed = p.default if isinstance(p.default, tuple) else (p.default,)
        parts.append(f"default {', '.join(map(written, listed)) or 'none'}")
    if p.many:
        parts.append("a list: repeat it, or give @FILE")
    limits = [f"{said} {n:,}" for said, n in (("from", p.min), ("to", p.max)) if n is not None]
    return "; ".join([*parts, *limits, *([f"matches {p.pattern}"] if p.pattern else [])])
