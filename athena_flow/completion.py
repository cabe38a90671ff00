"""What the shell offers at TAB: names of queries, of their parameters, and of choices.

Only headers are read, nothing is asked of an account, and what goes wrong offers nothing: an
error has its place when the command runs.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from athena_flow.errors import AthenaFlowError, BadQuery
from athena_flow.settings import load

if TYPE_CHECKING:
    from athena_flow.params import Param
    from athena_flow.query import SavedQuery

Offer = list[tuple[str, str]]
"""Words, each with a line of help."""


def complete_query(ctx: typer.Context, incomplete: str) -> Offer:
    """Saved queries that begin so; their other names to those who begin one."""
    queries = _library(ctx.params).values()
    names = [(q.name, q.title) for q in queries]
    if incomplete:
        names += [(a.name, f"is {q.name}") for q in queries for a in q.aliases]
    return [offer for offer in names if offer[0].startswith(incomplete)]


def complete_param(ctx: typer.Context, incomplete: str) -> Offer:
    """The query's parameters, ``name=``; after that the values of a choice.

    Not in bash, which takes the equals sign for the end of a word.
    """
    from athena_flow.query import find

    query = ctx.params.get("query") or next(iter(ctx.args), "")
    try:
        params = find(query, _library(ctx.params)).params
    except AthenaFlowError:
        return []
    said = {pair.partition("=")[0] for pair in ctx.params.get("param") or ()}
    return [
        offer
        for param in params
        for offer in _offers(param, incomplete.startswith(f"{param.name}="), said)
        if offer[0].startswith(incomplete)
    ]


def _offers(param: Param, named: bool, said: Collection[str]) -> Iterator[tuple[str, str]]:
    from athena_flow.params import TYPES

    if named:
        words = param.choices or {"bool": ("true", "false")}.get(param.type, ())
        for word in words or (TYPES[param.type].example,):
            yield f"{param.name}={word}", param.doc
    elif param.many or param.name not in said:
        yield f"{param.name}=", param.doc


def _library(given: Mapping[str, Any]) -> Mapping[str, SavedQuery]:
    from athena_flow.query import library

    broken: dict[str, BadQuery] = {}
    try:
        flags = {key: given.get(key) for key in ("config", "queries_dir")}
        settings = load(flags, os.environ, Path.cwd())
        own = Path(settings.queries_dir) if settings.queries_dir else None
        return library(own, broken)
    except AthenaFlowError:
        return {}
