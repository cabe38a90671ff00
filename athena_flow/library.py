"""What ``athena-flow queries`` does: list, show, unlock, publish, new, test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from athena_flow import terminal, wire
from athena_flow.errors import (
    BadQuery,
    BadSetting,
    did_you_mean,
    some,
)
from athena_flow.settings import Settings

if TYPE_CHECKING:
    from athena_flow.logformat import LogFormat
    from athena_flow.query import SavedQuery

_ONE = {"show": True, "new": True, "publish": False}
"""Actions that need a name, and that take none; others may have one."""


def queries(s: Settings, action: str | None, name: str | None) -> None:
    """One of the actions."""
    from athena_flow import trying

    actions = {"show": _show, "new": trying.new, "test": trying.test, "publish": _publish}
    if action is None:
        _list(s)
        return
    if action not in actions:
        raise BadSetting(
            f"queries {action!r} is none of {', '.join(actions)}{did_you_mean(action, actions)}"
        )
    if action in _ONE and _ONE[action] != (name is not None):
        raise BadSetting(f"write `queries {action}{' NAME' if _ONE[action] else ''}`")
    actions[action](s, name or "")


def _said(s: Settings, broken: dict[str, BadQuery]) -> None:
    for error in broken.values():
        terminal.say(s, f"note: left out: {error.message}")


# ---------------------------------------------------------------- list, show, unlock


def _list(s: Settings) -> None:
    from athena_flow import output

    library, broken = wire.own_library(s)
    _said(s, broken)
    known = wire.known_formats(s)
    if s.unlock:
        _unlock(s, library.values(), known)
        return
    documents = [output.query_doc(q, q.best(known) if known else None) for q in library.values()]
    if s.as_ == "json":
        terminal.data(s, output.to_json(documents))
        return
    names = ["group", "query", "title", "parameters"]
    rows = [[d["group"], d["name"], d["title"], ", ".join(d["params"])] for d in documents]
    if known:
        names += ["status", "missing or lacking fields"]
        rows = [
            [*row, d["status"], ", ".join(d["missing"] or d["lacking"])]
            for row, d in zip(rows, documents, strict=True)
        ]
        counts = Counter(d["status"] for d in documents)
        terminal.say(s, ", ".join(f"{status}: {n}" for status, n in counts.most_common()))
    terminal.print_rows(s, [(c, "string") for c in names], sorted(rows, key=_catalog_order))


def _catalog_order(row: Sequence[object]) -> tuple[int, str]:
    from athena_flow.header import GROUPS

    order = list(GROUPS)
    group = str(row[0])
    return (order.index(group) if group in order else len(order), f"{group} {row[1]}")


def _unlock(s: Settings, library: Iterable[SavedQuery], known: Sequence[LogFormat]) -> None:
    """Prints which fields to add to a log format, to unlock which queries."""
    from athena_flow import answers, output

    saved = list(library)
    if not known:
        raise BadSetting(
            "--unlock wants to know the log format", hint="--log-format, --logs or --table"
        )
    log_format = min(known, key=lambda f: sum(bool(q.missing(f)) for q in saved))
    away = answers.out_of_reach(saved, log_format)
    if away:
        kind = "VPC" if log_format.kind == "tgw" else "Transit Gateway"
        names = some([q.name for q in away])
        terminal.say(s, f"note: {len(away)} queries need a flow log of a {kind}: {names}")
    steps = [output.step_doc(step) for step in answers.unlock(saved, log_format)]
    terminal.say(s, "note: each row goes on from those above: its queries need their fields, too")
    if s.as_ == "json":
        terminal.data(s, output.to_json(steps))
        return
    columns = ("add", "queries", "unlocks", "improves")
    rows = [
        [", ".join(d["add"]), len(d["unlocks"]), ", ".join(d["unlocks"]), ", ".join(d["improves"])]
        for d in steps
    ]
    terminal.print_rows(s, [(c, "int" if c == "queries" else "string") for c in columns], rows)


def _show(s: Settings, name: str) -> None:
    from athena_flow import query
    from athena_flow.output import query_doc, to_json
    from athena_flow.page import query_page

    library, broken = wire.own_library(s)
    if name in broken:
        raise broken[name]
    _said(s, broken)
    saved = query.find(name, library)
    known = wire.known_formats(s)
    columns = saved.best(known) if known else None
    if s.as_ == "json":
        terminal.data(s, to_json(query_doc(saved, columns) | {"sql": saved.body}))
    else:
        terminal.data(s, "".join(query_page(saved, columns)))


# ---------------------------------------------------------------- publish


def _publish(s: Settings, _: str) -> None:
    """Makes a workgroup's named queries those of the library that the table can answer."""
    from athena_flow import output, publish
    from athena_flow.window import parse_span

    if (s.as_ or "table") not in ("table", "json"):
        raise BadSetting(f"--as {s.as_} has no meaning here", hint="one of table, json")
    if s.logs or wire.engine_name(s) != "athena":
        raise BadSetting("queries publish writes to Athena's console", hint="--engine athena")
    span = parse_span(s.since or "7d")
    library, broken = wire.own_library(s)
    if broken:
        raise BadQuery(
            f"queries that are wrong: {some(list(broken))}",
            hint="athena-flow queries test says what; nothing was published",
        )
    spec = wire.published_table(s)
    accounts = wire.accounts(s)
    if spec.projection and not spec.projection.accounts and not accounts:
        raise BadSetting(
            f"every query of {spec.title} has to name an account", hint="give --account"
        )
    window = publish.recent(spec, span, accounts, wire.regions(s))
    ours, left = publish.wanted(library.values(), spec, window)
    port = wire.open_named(s)
    plan = publish.changes(ours, port.all(), spec.key)
    for each in left:
        terminal.say(s, f"note: not published: {each.name}: {each.why}")
    for one in plan.changed:
        terminal.say(s, f"note: {one.name} ({one.id}) was changed by somebody: left as it is")
    if not s.dry_run:
        with terminal.progress(s) as progress:
            publish.apply(plan, port, progress)
    if s.as_ == "json":
        found = publish.document(port.workgroup, spec.key, plan, left, done=not s.dry_run)
        terminal.data(s, output.to_json(found))
    elif s.dry_run:
        steps = (("create", plan.create), ("update", plan.update), ("remove", plan.remove))
        rows = [(step, one.name, one.id) for step, named in steps for one in named]
        terminal.print_rows(s, [(c, "string") for c in ("step", "query", "id")], rows)
    counts = (
        f"created {len(plan.create)}, updated {len(plan.update)}, removed {len(plan.remove)},"
        f" unchanged {len(plan.same)}"
    )
    said = "to do: " if s.dry_run else ""
    terminal.say(s, f"workgroup {port.workgroup}, {spec.title}: {said}{counts}")
