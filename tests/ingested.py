"""What the tests of `ingest` share: logs of the corpus, the store that they go into, and what it
has to answer.

While the store alone is asked, the logs whose rows it holds do not lie where they lay.
"""

from __future__ import annotations

import gc
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from dirty import CORPUS, EVERY, SPEC, Dirty, Files, count_of, put, rows_of, told

from athena_flow import ingesting, stored
from athena_flow.engines.duckdb import DuckDBEngine
from athena_flow.layout import DAILY, FLAT, Partition, find_partition
from athena_flow.local import first_line, list_logs
from athena_flow.manifest import Holding
from athena_flow.ports import ObjectInfo, Registered, Result, Scan
from athena_flow.settings import Settings
from athena_flow.store import Store
from athena_flow.table import TableSpec

SEVERAL = ("another-header-below.log",)
"""Of several formats each: every query reads them itself."""
ACCOUNTS = ("123456789010", "123456789011")
REGIONS = ("eu-west-1", "us-east-1")
DAYS = (17, 18, 19)
"""Of November 2026; the records end on the second of them."""
PLACES = [Partition(a, r, datetime(2026, 11, d, tzinfo=UTC))
          for a, r, d in product(ACCOUNTS, REGIONS, DAYS)]  # fmt: skip


# ---------------------------------------------------------------- logs, and their store


@dataclass(frozen=True)
class Tree:
    """Logs, and the store that they go into."""

    root: Path
    files: dict[str, Dirty]
    store: Path

    @property
    def kept(self) -> dict[str, Dirty]:
        """The files whose rows the store holds, and the empty ones."""
        return {path: kind for path, kind in self.files.items() if is_kept(kind)}


def is_kept(kind: Dirty) -> bool:
    return not kind.bad and kind.name not in SEVERAL


def spread() -> Files:
    """The corpus in daily folders, one file after the other in the next of them."""
    places = [PLACES[n % len(PLACES)] for n, _ in enumerate(CORPUS)]
    return {
        str(Path(DAILY.prefix(place), kind.name)): kind
        for place, kind in zip(places, CORPUS, strict=True)
    }


def laid(top: Path, files: Files) -> Tree:
    """These files under their names below a folder ``logs``, beside a store that is not yet."""
    root = top / "logs"
    root.mkdir()
    tree = Tree(root, {str(root / name): kind for name, kind in files.items()}, top / "store")
    put(tree.files)
    return tree


def filled(top: Path, files: Files, *, skip: bool = True) -> Tree:
    """The same, ingested."""
    tree = laid(top, files)
    ingested(tree, skip=skip)
    return tree


def ingested(tree: Tree, *, skip: bool = True) -> dict[str, Any]:
    """What `athena-flow ingest --as json` says. Raises what it raises."""
    first_line.cache_clear()
    settings = Settings(
        logs=str(tree.root), store=str(tree.store), log_format="default", skip_bad_files=skip,
        as_="json",
    )  # fmt: skip
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        ingesting.run(settings)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def listed(root: Path) -> tuple[ObjectInfo, ...]:
    """The logs as they lie now."""
    return list_logs(str(root)).logs


@contextmanager
def away(folder: Path) -> Iterator[None]:
    """Takes the logs away for a while: what is told of them can only come from the store."""
    elsewhere = folder.with_name(f"{folder.name}-away")
    folder.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(folder)


def holds(tree: Tree) -> Holding:
    """What the manifest says of the logs."""
    store = Store(tree.store)
    try:
        return store.holding(f"{tree.root.resolve()}/")
    finally:
        store.close()


# ---------------------------------------------------------------- asked


def ask(
    tree: Tree, sql: str = EVERY, spec: TableSpec = SPEC,
    *, logs: Iterable[ObjectInfo] | None = None, skip: bool = False,
) -> Result:  # fmt: skip
    """A statement over these logs, or all, by way of the store where it stands in for them."""
    parts: dict[Registered, tuple[ObjectInfo, ...]] = {}
    for log in listed(tree.root) if logs is None else logs:
        found = find_partition(log.uri) if spec.layout is not FLAT else None
        place = Registered(found[1] if found else None, log.uri.rpartition("/")[0] + "/")
        parts[place] = (*parts.get(place, ()), log)
    look = stored.matching(Settings(store=str(tree.store)))
    scan = Scan(spec, tuple(parts.items()))
    return DuckDBEngine(look=look, skip_bad=skip).run(sql, [scan])


def ask_away(tree: Tree, sql: str = EVERY) -> Result:
    """A statement over all logs, by way of the store alone."""
    logs = listed(tree.root)
    with away(tree.root):
        return ask(tree, sql, logs=logs)


def whence(files: Files) -> str:
    """From where the rows of all these files have to come once they are ingested."""
    store = sum(map(is_kept, files.values()))
    rest = len(files) - store
    note = f"read from the store: {count_of(store)}"
    again = "not in the store as they lie now: athena-flow ingest reads in those of one format"
    return note + (f"; read themselves: {count_of(rest)}, {again}" if rest else "")


def check(tree: Tree, when: str = "") -> None:
    """All files together, bad ones left out: rows, report, and whence."""
    assert check_answer(tree, when) == (whence(tree.files),), when


def check_answer(tree: Tree, when: str = "") -> tuple[str, ...]:
    """Rows and report alone, which are right at any time; what is said of whence they come."""
    result = ask(tree, skip=True)
    found, expected = Counter(result.rows), Counter(rows_of(tree.files))
    assert found == expected, (when, "too many:", found - expected, "too few:", expected - found)
    report = told(tree.files)
    assert result.notes[: len(report)] == report, (when, result.notes)
    return result.notes[len(report) :]


def check_clean(tree: Tree) -> None:
    """Nothing lies in the store's folder but its manifest and the pieces that this names."""
    gc.collect()  # with the last query goes its connection, and with that the write-ahead log
    names = {piece.path for piece in holds(tree).pieces}
    lying = {p.relative_to(tree.store).as_posix() for p in tree.store.rglob("*") if p.is_file()}
    expected = {"lock", "manifest.sqlite", *names}
    assert lying == expected, lying ^ expected
