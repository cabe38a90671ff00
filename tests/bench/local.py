"""The embedded engine on text logs, measured beside what people would use in its place.

    python tests/bench/local.py DIR [--records 20000000] [--runs 5] [--trees large,small,wide]
                                [--only duckdb,inflate] [--queries reject-report]
                                [--contenders-python PYTHON]

Makes the trees in DIR where they are not there: ``large`` is 56 files and ``small`` 8,064 of
the default format, ``wide`` a quarter of the records in 56 files of 29 fields. Contenders run
as whole processes in turns, ours first in each turn, so that a busy machine disturbs all
alike; figures are medians. Every answer has to be ours, or the bench ends. Contenders are in
the ``bench`` extra; ``--contenders-python`` is another environment that has them.
Twenty million records need 1.5 GB on disk and an hour with all contenders.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from generated import make
from local_contenders import CONTENDERS, QUERIES

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as where people install them, and not at each start."""
SHARES = {"7 of 7": "", "1 of 7": "2026/11/17"}
WINDOW = ("--since", "2026-11-17", "--until", "2026-11-18")
OURS = {
    "reject-report": ("reject-report",),
    "top-talkers": ("top-talkers",),
    "hourly": ("daily-trend", "-p", "bucket=hour"),
    "ssh-rdp-traffic": ("ssh-rdp-traffic",),
}


@dataclass(frozen=True)
class Run:
    """One process: its answer, and what it took."""

    rows: list[list[object]]
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def measured(command: Sequence[str]) -> Run:
    """Runs a command whose output is JSON. Raises RuntimeError when it fails."""
    read, write = os.pipe()
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT)
    os.close(write)
    with os.fdopen(read) as output:
        text = output.read()
    said = process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {said[-500:]!r}")
    found = json.loads(text)
    rows = found["rows"] if isinstance(found, dict) else found
    return Run(rows, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def commands(python: str, root: Path, query: str, share: str) -> dict[str, list[str]]:
    """What answers the query over the tree, by name; ours first."""
    window = WINDOW if SHARES[share] else ()
    ours = [sys.executable, "-m", "athena_flow", "run", *OURS[query], "--no-store", "--as", "json"]
    script = str(Path(__file__).with_name("local_contenders.py"))
    found = {"athena-flow": [*ours, "--logs", str(root), *window]}
    for name in CONTENDERS:
        found[name] = [python, script, name, query, str(root / "AWSLogs"), SHARES[share]]
    return found


def normal(query: str, rows: Sequence[Sequence[object]]) -> list[tuple[object, ...]]:
    """Rows in one spelling: hours as Unix seconds."""
    if query != "hourly":
        return [tuple(row) for row in rows]
    return [(_unix(row[0]), *row[1:]) for row in rows]


def _unix(hour: object) -> object:
    if isinstance(hour, str):
        return int(datetime.fromisoformat(hour).replace(tzinfo=UTC).timestamp())
    return hour


def compare(
    given: argparse.Namespace, tree: str, root: Path, records: int, query: str, share: str
) -> None:
    every = commands(given.contenders_python, root, query, share)
    names = ["athena-flow", *(n for n in every if n in given.only)]
    if query != "reject-report":
        names = [name for name in names if name not in ("flowlogs-reader", "inflate")]
    runs: dict[str, list[Run]] = defaultdict(list)
    for _ in range(given.runs):
        for name in names:
            if name != "flowlogs-reader" or not runs[name]:
                runs[name].append(measured(every[name]))
    answer = normal(query, runs["athena-flow"][0].rows)
    for name, found in runs.items():
        for run in found:
            if name != "inflate" and normal(query, run.rows) != answer:
                raise RuntimeError(f"{name} answers {query} otherwise than athena-flow")
    read = records // (7 if SHARES[share] else 1)
    for name, found in runs.items():
        seconds = statistics.median(run.seconds for run in found)
        pairs = zip(found, runs["athena-flow"], strict=False)
        ratio = statistics.median(other.seconds / ours.seconds for other, ours in pairs)
        cpu = statistics.median(run.cpu_seconds for run in found)
        own = statistics.median(run.cpu_seconds for run in runs["athena-flow"])
        peak = max(run.peak_bytes for run in found) / 2**20
        sys.stdout.write(
            f"{tree:6} {query:16} {share:7} {name:16} {seconds:7.2f} s {ratio:6.2f} x"
            f" {read / seconds / 1e6:6.2f} M/s  cpu {cpu:7.2f} s {cpu / own:6.2f} x"
            f" {peak:6.0f} MiB\n"
        )
    sys.stdout.flush()


def _words(text: str) -> list[str]:
    return text.split(",")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small-files", type=int, default=8_064)
    parser.add_argument("--trees", type=_words, default=["large", "small", "wide"])
    parser.add_argument("--queries", type=_words, default=list(QUERIES))
    parser.add_argument("--shares", type=_words, default=list(SHARES))
    parser.add_argument("--only", type=_words, default=list(CONTENDERS))
    parser.add_argument("--contenders-python", default=sys.executable)
    given = parser.parse_args()
    shapes = {
        "large": (given.records, 56, 14),
        "small": (given.records, given.small_files, 14),
        "wide": (given.records // 4, 56, 29),
    }
    for tree in given.trees:
        records, count, fields = shapes[tree]
        root = given.folder / f"{tree}-{records}-{count}"
        size = make(root, records, count, fields)
        sys.stdout.write(
            f"{tree}: {records:,} records, {count:,} files, {size / 1e9:.2f} GB text\n"
        )
        for query in given.queries:
            for share in given.shares:
                compare(given, tree, root, records, query, share)


if __name__ == "__main__":
    main()
