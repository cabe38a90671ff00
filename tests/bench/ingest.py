"""What the local store costs and what it brings: ingest against one hand-written scan of the same
files, and queries on the store against the same queries on text.

    python tests/bench/ingest.py DIR --records 2000000 --files 56

DIR is where the logs and the store are put; logs that are there are used again. Whole
processes, taken in turns, medians of their wall and processor seconds; processor seconds
are what counts on a machine that does other things. Each query's answer has to be the same
both ways, or the bench fails.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 3
QUERIES = {
    "reject-report": (),
    "top-talkers": (),
    "daily-trend": ("-p", "bucket=hour"),
    "ssh-rdp-traffic": (),
}
PROGRAM = (sys.executable, "-m", "athena_flow")
SCAN = """
import sys, duckdb
from athena_flow.fields import VPC
names = open(sys.argv[2]).read().split()
types = {f.name: {"int": "INTEGER", "bigint": "BIGINT"}.get(f.athena_type, "VARCHAR") for f in VPC}
columns = ", ".join(f"'{n}': '{types[n]}'" for n in names)
counts = ", ".join(f'count("{n}")' for n in names)
print(duckdb.sql(
    f"SELECT {counts} FROM read_csv('{sys.argv[1]}/**/*.gz', delim=' ', header=true,"
    f" nullstr='-', columns={{{columns}}})"
).fetchall())
"""
"""What an expert writes to read every field once, with nothing counted and nothing checked."""
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as where people install them, and not at each start."""
Seconds = tuple[float, float]
"""Wall and processor."""


def measured(command: Sequence[str], folder: Path) -> tuple[Seconds, str]:
    """One run, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, env=ENVIRONMENT
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime), done.stdout


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("folder", type=Path)
    given.add_argument("--records", default="2000000")
    given.add_argument("--files", default="56")
    given.add_argument("--fields", default="14")
    given.add_argument("--rounds", type=int, default=ROUNDS)
    asked = given.parse_args()
    root: Path = asked.folder.resolve()
    logs = root / f"logs-{asked.records}-{asked.files}-{asked.fields}"
    shape = ("--records", asked.records, "--files", asked.files, "--fields", asked.fields)
    generator = Path(__file__).parent / "generated.py"
    subprocess.run([sys.executable, str(generator), str(logs), *shape], check=True)
    names = root / "names"
    first = next(logs.rglob("*.gz"))
    names.write_text(subprocess.check_output(["zcat", first]).split(b"\n", 1)[0].decode())
    store = root / "store"
    words = ("--logs", str(logs), "--store", str(store))
    taken: dict[str, list[Seconds]] = defaultdict(list)
    for _ in range(asked.rounds):
        shutil.rmtree(store, ignore_errors=True)
        for what, command in {
            "hand-written scan": (sys.executable, "-c", SCAN, str(logs), str(names)),
            "ingest": (*PROGRAM, "ingest", *words),
            "ingest again": (*PROGRAM, "ingest", *words),
        }.items():
            taken[what].append(measured(command, root)[0])
        for query, given_words in QUERIES.items():
            run = (*PROGRAM, "run", query, *given_words, *words, "--as", "csv", "--ledger", "off")
            text, rows = measured((*run, "--no-store"), root)
            stored, same = measured(run, root)
            if rows != same:
                raise SystemExit(f"{query}: the store gives other rows than the text")
            taken[f"{query}, text"].append(text)
            taken[f"{query}, store"].append(stored)
    report(taken, logs, store)


def report(taken: dict[str, list[Seconds]], logs: Path, store: Path) -> None:
    median = {
        what: tuple(statistics.median(one[n] for one in times) for n in (0, 1))
        for what, times in taken.items()
    }

    def line(what: str, beside: str = "") -> None:
        wall, cpu = median[what]
        more = ""
        if beside:
            more = (
                f"   x {median[beside][0] / wall:5.2f} wall, x {median[beside][1] / cpu:5.2f} cpu"
            )
        sys.stdout.write(f"{what:28} {wall:7.2f} s {cpu:7.2f} cpu{more}\n")

    sizes = [sum(p.stat().st_size for p in root.rglob("*.*")) / 1e6 for root in (logs, store)]
    sys.stdout.write(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f};")
    sys.stdout.write(f" logs {sizes[0]:.0f} MB, store {sizes[1]:.0f} MB\n")
    line("hand-written scan")
    line("ingest", "hand-written scan")
    line("ingest again")
    for query in QUERIES:
        line(f"{query}, text")
        line(f"{query}, store", f"{query}, text")


if __name__ == "__main__":
    main()
