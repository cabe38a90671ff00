"""`ingest`: from settings to a store that is up to date, and what is said about it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from athena_flow import stored, terminal, wire
from athena_flow.errors import BadSetting, PartlyDone, files, note, some
from athena_flow.settings import Settings

if TYPE_CHECKING:
    from athena_flow.ingest import Report, Tools
    from athena_flow.manifest import Plan
    from athena_flow.ports import ObjectInfo, Progress
    from athena_flow.sources import Found
    from athena_flow.store import Store
    from athena_flow.window import Window

SETTINGS = (
    *("logs", "log_format", "since", "until", "account", "region", "store", "cache_size"),
    *("skip_bad_files", "dry_run", *wire.AWS_FLAGS),
)
CACHE_SIZE = "2GB"
"""Downloads that wait on disk to be read, unless the user says more or less."""
PROCESSORS = os.cpu_count() or 1
WORKERS = min(4, PROCESSORS)
"""Places that are read and written side by side, the processors shared among them."""
AHEAD = 2
"""Places of a bucket that are fetched while others are written."""
_TICK_NS = 50_000_000
"""Of a file system's clock, and more: two changes within one tick leave the same time."""


def run(s: Settings) -> None:
    """Reads what is new into the store, and prints what was done."""
    from athena_flow.ingest import ingest, prepare
    from athena_flow.manifest import Holding
    from athena_flow.store import Store

    if not s.logs:
        raise BadSetting("--logs is missing", hint="a directory, or s3://bucket/prefix/")
    terminal.only(s, "table", "json")
    wire.engine_name(s)
    window = wire.time_window(s, default=None)
    log_format = wire.log_format(s) if s.log_format else None
    store = Store(stored.folder(s))
    report = None
    with terminal.lasting(s) as progress, ExitStack() as stack:
        found = _found(s, window, store, progress)
        for line in found.notes:
            terminal.say(s, f"note: {line}")
        if not s.dry_run:
            stack.enter_context(store.locked())
            stack.callback(store.close)
            store.create()
            store.sweep()
        holding = store.holding(found.source) if store.exists() else Holding()
        retry_bad = not s.skip_bad_files
        plan = prepare(found, window, holding, store.is_sound, log_format, retry_bad)
        if not s.dry_run:
            tools = stack.enter_context(_tools(s, store, len(plan.changes)))
            report = ingest(found, plan, window, wire.now(), log_format, tools, progress)
    _tell(s, found, plan, report, store)


def _found(s: Settings, window: Window, store: Store, progress: Progress) -> Found:
    """The logs that lie there. Raises BadSetting for a store among the logs."""
    from athena_flow.manifest import has_text, touches
    from athena_flow.sources import Found, find_logs

    if stored.is_bucket(s.logs):
        from athena_flow.aws import S3Store
        from athena_flow.table import s3_location

        location = s3_location(s.logs or "")
        return find_logs(location, window, S3Store(wire.account_of(s)), progress)
    from athena_flow.layout import find_partition
    from athena_flow.local import list_logs

    listing = list_logs(s.logs or "")
    inside = f"{store.folder}/".removeprefix(listing.root)
    if inside != f"{store.folder}/" and "/.athena-flow/" not in f"/{inside}":
        raise BadSetting(
            f"the store {store.folder} would lie among the logs",
            hint="give --store a folder elsewhere",
        )
    outside = [log.uri for log in listing.logs if find_partition(log.uri) is None]
    if outside and (window.accounts or window.regions):
        raise BadSetting(
            f"no path tells the account and region of {files(len(outside))}: {some(outside)}",
            hint="leave --account and --region out",
        )
    nameless = [log.uri for log in listing.logs if not has_text(log.uri)]
    logs = tuple(o for o in listing.logs if touches(o.uri, window) and has_text(o.uri))
    if not has_text(listing.root):
        raise BadSetting(f"the path of {s.logs} is no UTF-8, which the store cannot hold")
    notes = (*listing.notes, *note("whose names are no UTF-8, read themselves", nameless))
    return Found(listing.root, logs, notes)


@contextmanager
def _tools(s: Settings, store: Store, places: int) -> Iterator[Tools]:
    """What reads logs where they lie, or fetches them, and writes pieces."""
    from athena_flow.engines.duckdb.piecewriter import PieceWriter
    from athena_flow.ingest import Tools

    threads = max(1, PROCESSORS // max(1, min(WORKERS, places)))
    write = PieceWriter(store.folder, store.work, WORKERS, threads)
    if not stored.is_bucket(s.logs):
        yield Tools(
            keeper=store,
            fetch=_in_place,
            head=_head,
            write=write,
            moved=_moved,
            most_bytes=None,
            workers=WORKERS,
            stop=write.stop,
            in_place=True,
            skip_bad=s.skip_bad_files,
        )
        return
    from athena_flow.cost import parse_bytes
    from athena_flow.download import Downloads

    most = parse_bytes(s.cache_size or CACHE_SIZE)
    downloads = Downloads(wire.account_of(s), store.work, most)

    def stop() -> None:
        downloads.close()
        write.stop()

    try:
        yield Tools(
            keeper=store,
            fetch=downloads.fetch,
            head=_head,
            write=write,
            moved=downloads.moved,
            most_bytes=max(most // (WORKERS + AHEAD), 1),
            workers=WORKERS + AHEAD,
            stop=stop,
            in_place=False,
            skip_bad=s.skip_bad_files,
        )
    finally:
        downloads.close()


@contextmanager
def _in_place(logs: Sequence[ObjectInfo]) -> Iterator[Mapping[str, str]]:
    """Logs that lie on this machine; what was written just now is let settle first."""
    last = max((int(log.stamp.rpartition(".")[2], 16) for log in logs), default=0)
    wait = last + _TICK_NS - time.time_ns()
    if 0 < wait <= _TICK_NS:
        time.sleep(wait / 1e9)
    yield {log.uri: log.uri for log in logs}


def _moved(log: ObjectInfo) -> bool:
    from athena_flow.ports import file_stamp

    try:
        found = os.stat(log.uri)
    except OSError:
        return True
    return (found.st_size, file_stamp(found)) != (log.size_bytes, log.stamp)


def _head(path: str) -> str | None:
    from athena_flow.engines.duckdb import parquet_schema
    from athena_flow.layout import PARQUET
    from athena_flow.local import first_line
    from athena_flow.manifest import columns_text

    return columns_text(parquet_schema(path)) if path.endswith(PARQUET) else first_line(path)


def _tell(s: Settings, found: Found, plan: Plan, report: Report | None, store: Store) -> None:
    """The notes and the figures. Raises PartlyDone for what could not be listed or read."""
    from athena_flow import output
    from athena_flow.cost import show_bytes
    from athena_flow.ingest import notes_of

    notes = [*notes_of(plan), *(report.notes() if report else ())]
    for line in notes:
        terminal.say(s, f"note: {line}")
    document: dict[str, Any] = {
        "source": found.source,
        "store": str(store.folder),
        "files": len(found.logs),
        "same": plan.same,
        "new": plan.new,
        "changed": len(plan.changed),
        "gone": len(plan.gone),
        "to_read_bytes": plan.size_bytes,
        "read": report.read if report else 0,
        "rows": report.rows if report else 0,
        "bad": sorted([*plan.passed, *(bad.uri for bad in report.bad)]) if report else [],
        "denied": [one.prefix for one in found.denied],
        "notes": [*found.notes, *notes],
    }
    if s.as_ == "json":
        terminal.data(s, output.to_json(document))
    todo = f"{files(plan.size)}, {show_bytes(plan.size_bytes)}"
    if report is None:
        terminal.say(s, f"to read: {todo}; in the store as they lie: {files(plan.same)}")
    else:
        told = f"read {files(report.read)}, {show_bytes(report.size_bytes)}: {report.rows:,} rows"
        were = "was" if plan.same == 1 else "were"
        terminal.say(s, f"{told}; {files(plan.same)} {were} in the store {store.folder}")
    _check_whole(found, report)


def _check_whole(found: Found, report: Report | None) -> None:
    undone = [f"{one.prefix}: {one.reason}" for one in found.denied]
    if report:
        undone += note("changed while they were read", report.moved)
        undone += note("beside files that change", report.beside)
    if undone:
        raise PartlyDone(
            f"not all of {found.source} is in the store: {'; '.join(undone)}",
            hint="what is done stays done; the same command does the rest",
        )
