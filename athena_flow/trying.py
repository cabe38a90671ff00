"""``athena-flow queries new`` and ``queries test``: a user's own queries, tried as far as can be.

Header, parameters and statement are held against our own rules and the demo's logs, the rows
against a file beside the query, and the statement is shown to Athena where that is asked.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterable, Iterator, Mapping
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
    some,
)
from athena_flow.settings import Settings

if TYPE_CHECKING:
    from athena_flow.params import Value
    from athena_flow.ports import Result
    from athena_flow.query import SavedQuery
    from athena_flow.trial import Finding, Trial

CLOCK = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
"""When the demo's logs end that queries are tested on, so that their rows stay the same."""


def _folder(s: Settings, action: str) -> Path:
    folder = wire.own_queries(s)
    if folder is None:
        raise BadSetting(
            f"queries {action} wants to know the folder of your queries", hint="--queries-dir DIR"
        )
    return folder


def new(s: Settings, name: str) -> None:
    """Writes a scaffold of a query of that name."""
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


def test(s: Settings, name: str) -> None:
    """Tries one query, or all of the user's, and prints what is wrong with them."""
    from athena_flow import output, trial

    paths = _to_test(s, name)
    if s.write and not name:
        raise BadSetting("--write keeps the rows of one query", hint="queries test NAME --write")
    with tempfile.TemporaryDirectory(prefix="athena-flow-") as folder:
        done = [_tried(s, path, Path(folder)) for path in paths]
    broken = wire.own_library(s)[1]  # what is wrong with names only shows beside the other queries
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
    library, broken = wire.own_library(s)
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
        result = _rows(saved, values, _demo(logs))
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
        _validate(s, saved, values)
    except MissingFields as error:
        return replace(tried, notes=(*tried.notes, f"not shown to Athena: {error.message}"))
    except AthenaFlowError as error:
        if error.code > 2:  # the account, not the query
            raise
        return _with(tried, _at_body(tried, text, error.message))
    return replace(tried, validated=True)


def _rows(saved: SavedQuery, values: Mapping[str, Value], logs: str) -> Result:
    """A query's rows on all logs of a directory, by the embedded engine."""
    from athena_flow import jobs, query
    from athena_flow.engines.duckdb import DuckDBEngine, evaluate
    from athena_flow.guard import Guard
    from athena_flow.ports import no_progress
    from athena_flow.prices import price_in
    from athena_flow.window import Window

    tree = wire.log_tree(Settings(logs=logs), Window(), saved.requires)
    bound = query.bind(saved, values, tree.spec, Window(), tree.common)
    price = price_in("us-east-1", None)
    reading = jobs.Reading(tree, tree, evaluate, price, wire.engines_clock())
    _, result = jobs.run(bound, reading, DuckDBEngine(), Guard(), no_progress)
    return result


def _validate(s: Settings, saved: SavedQuery, values: Mapping[str, Value]) -> None:
    """Lets Athena look at a statement, which costs nothing. Raises EngineError, MissingFields."""
    from athena_flow import query
    from athena_flow.ports import no_progress
    from athena_flow.window import parse_window

    window = parse_window("1d", None, wire.now(), default=None)
    window = replace(window, accounts=wire.accounts(s), regions=wire.regions(s))
    bound = query.bind(saved, values, wire.published_table(s), window)
    wire.open_engine(s, no_progress).run(f"EXPLAIN (TYPE VALIDATE) {bound.sql}", ())


def _at_body(tried: Trial, text: str, message: str) -> Finding:
    from athena_flow import trial

    return trial.Finding(tried.file, trial.body_line(text), message)


def _with(tried: Trial, *found: Finding) -> Trial:
    return replace(tried, findings=(*tried.findings, *found))
