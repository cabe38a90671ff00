"""What ``athena-flow queries`` does: list, show, unlock, publish, new, test."""

from __future__ import annotations

import shlex
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from athena_flow import terminal, wire
from athena_flow.errors import (
    AthenaFlowError,
    BadQuery,
    BadSetting,
    Findings,
    MissingFields,
    did_you_mean,
    some,
)
from athena_flow.settings import Settings

if TYPE_CHECKING:
    from athena_flow.logformat import LogFormat
    from athena_flow.params import Value
    from athena_flow.query import SavedQuery
    from athena_flow.trial import Finding, Trial

CLOCK = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
"""When the demo's logs end that queries are tested on, so that their rows stay the same."""
_ONE = {"show": True, "new": True, "publish": False}
"""Actions that need a name, and that take none; others may have one."""


def queries(s: Settings, action: str | None, name: str | None) -> None:
    """One of the actions."""
    actions = {"show": _show, "new": _new, "test": _test, "publish": _publish}
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


def _library(s: Settings) -> tuple[dict[str, SavedQuery], dict[str, BadQuery]]:
    """The saved queries, and what is wrong with those that are none; these are told."""
    from athena_flow import query

    broken: dict[str, BadQuery] = {}
    found = query.library(wire.own_queries(s), broken)
    return found, broken


def _said(s: Settings, broken: dict[str, BadQuery]) -> None:
    for error in broken.values():
        terminal.say(s, f"note: left out: {error.message}")


# ---------------------------------------------------------------- list, show, unlock


def _list(s: Settings) -> None:
    from athena_flow import output

    library, broken = _library(s)
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

    library, broken = _library(s)
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
    library, broken = _library(s)
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


# ---------------------------------------------------------------- new, test


def _folder(s: Settings, action: str) -> Path:
    folder = wire.own_queries(s)
    if folder is None:
        raise BadSetting(
            f"queries {action} wants to know the folder of your queries", hint="--queries-dir DIR"
        )
    return folder


def _new(s: Settings, name: str) -> None:
    from athena_flow import query, trial

    text = trial.scaffold(name)
    folder = _folder(s, "new")
    path = folder / f"{name}.sql"
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise BadSetting(f"{path} exists and is left as it is", hint="take another name")
    if (query.shipped_folder() / path.name).exists():
        terminal.say(s, f"note: {name} hides the query of that name that we ship")
    terminal.write_file(path, text)
    again = shlex.join(["athena-flow", "queries", "test", name, "--queries-dir", str(folder)])
    terminal.say(s, f"written: {path}; try it: {again}")


def _test(s: Settings, name: str) -> None:
    from athena_flow import output, trial

    paths = _to_test(s, name)
    if s.write and not name:
        raise BadSetting("--write keeps the rows of one query", hint="queries test NAME --write")
    with tempfile.TemporaryDirectory(prefix="athena-flow-") as folder:
        done = [_tried(s, path, Path(folder)) for path in paths]
    broken = _library(s)[1]  # what is wrong with names only shows beside the other queries
    done = [t if t.findings or t.name not in broken else _misnamed(t, broken) for t in done]
    for tried in done:
        for note in tried.notes:
            terminal.say(s, f"note: {tried.name}: {note}")
    found = [finding for tried in done for finding in tried.findings]
    if s.as_ == "json":
        terminal.data(s, output.to_json(trial.document(done)))
    elif s.as_ in (None, "table") and not s.output:
        terminal.write("".join(f"{line}\n" for line in _told(done)))
    else:
        columns = [("file", "string"), ("line", "int"), ("finding", "string")]
        terminal.print_rows(s, columns, [(f.file, f.line, f.message) for f in found])
    if found:
        wrong = [tried.name for tried in done if tried.findings]
        raise Findings(f"{len(found)} finding{'s' * (len(found) > 1)} in {some(wrong)}")


def _misnamed(tried: Trial, broken: Mapping[str, BadQuery]) -> Trial:
    from athena_flow import trial

    path = Path(tried.file)
    return _with(tried, *trial.faults(broken[tried.name], path, path.read_text("utf-8")))


def _told(done: Iterable[Trial]) -> Iterator[str]:
    for tried in done:
        yield from map(str, tried.findings)
        if not tried.findings:
            more = [f"{tried.rows} rows on the demo's logs"] if tried.rows is not None else []
            more += [f"as in {tried.expected}"] if tried.expected else []
            more += ["valid for Athena"] if tried.validated else []
            yield f"{tried.file}: ok: {', '.join(more) or 'its header and statement'}"


def _to_test(s: Settings, name: str) -> list[Path]:
    """The files to test: one of yours or ours by name, or all of yours."""
    from athena_flow import query

    if not name:
        folder = _folder(s, "test")
        found = sorted(folder.glob("*.sql")) if folder.is_dir() else []
        if not found:
            raise BadSetting(f"no *.sql lies in {folder}", hint="athena-flow queries new NAME")
        return found
    library, broken = _library(s)
    if name in broken:
        folder_of = wire.own_queries(s)
        return [(folder_of or query.shipped_folder()) / f"{name}.sql"]
    return [query.find(name, library).path]


def _demo(root: Path) -> str:
    """A folder of the demo's logs, written when the first query needs them."""
    from athena_flow.demo import write_demo, write_transit

    if not any(root.iterdir()):
        write_transit(root, CLOCK)
        write_demo(root, CLOCK)
    return str(root)


def _tried(s: Settings, path: Path, logs: Path) -> Trial:
    """One file through all checks, as far as it comes."""
    from athena_flow import params, query, trial
    from athena_flow.reads import sample

    try:
        text = path.read_text("utf-8")
        saved = query.parse_query(text, path)
    except BadQuery as error:
        return trial.Trial(path.stem, str(path), trial.faults(error, path, text))
    except (OSError, UnicodeDecodeError) as error:
        found = trial.Finding(str(path), 1, f"cannot be read: {error}")
        return trial.Trial(path.stem, str(path), (found,))
    tried = trial.Trial(saved.name, str(path))
    open_ = [p for p in saved.params if p.required]
    said = {pair.partition("=")[0] for pair in s.param}
    asked = [p for p in open_ if p.name not in said]
    optional = [replace(p, required=p.required and p.name in said) for p in saved.params]
    values: dict[str, Value] = params.bind(optional, s.param, CLOCK)
    values |= {p.name: sample(p) for p in asked}
    if asked:
        names = ", ".join(f"-p {p.name}=..." for p in asked)
        tried = replace(tried, notes=(f"tried with example values; give {names}",))
    tried = _validated(s, saved, values, text, tried)
    return _run_on(s, saved, values, text, logs, tried)


def _run_on(
    s: Settings,
    saved: SavedQuery,
    values: dict[str, Value],
    text: str,
    logs: Path,
    tried: Trial,
) -> Trial:
    """Runs it on the demo's logs, and holds its rows against NAME.expected.csv."""
    from athena_flow import output, trial

    try:
        result = wire.rows_of(saved, values, _demo(logs))
    except AthenaFlowError as error:
        return _with(tried, _at_body(tried, text, error.message))
    rows = result.rows
    tried = replace(tried, rows=len(rows))
    if not rows:
        tried = replace(tried, notes=(*tried.notes, "finds nothing in the demo's logs"))
    found = "".join(output.rows_text([name for name, _ in result.columns], rows, "csv"))
    file = saved.path.with_suffix(".expected.csv")
    if s.write:
        terminal.write_file(file, found)
        terminal.say(s, f"written: {file}")
    with suppress(FileNotFoundError):
        expected = file.read_text("utf-8")
        tried = replace(tried, expected=str(file))
        return _with(tried, *trial.differences(found, expected, file))
    return tried


def _validated(
    s: Settings, saved: SavedQuery, values: dict[str, Value], text: str, tried: Trial
) -> Trial:
    """Asks Athena, which does not charge for it, where --engine athena says so."""
    if s.engine != "athena":
        return tried
    try:
        wire.validate(s, saved, values)
    except MissingFields as error:
        return replace(tried, notes=(*tried.notes, f"not shown to Athena: {error.message}"))
    except AthenaFlowError as error:
        if error.code > 2:  # the account, not the query
            raise
        return _with(tried, _at_body(tried, text, error.message))
    return replace(tried, validated=True)


def _at_body(tried: Trial, text: str, message: str) -> Finding:
    from athena_flow import trial

    return trial.Finding(tried.file, trial.body_line(text), message)


def _with(tried: Trial, *found: Finding) -> Trial:
    return replace(tried, findings=(*tried.findings, *found))
