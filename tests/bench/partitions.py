"""What partitions cost at the scale of an organisation: calls, seconds beside peers, memory.

    pip install -e '.[bench]'
    python tests/bench/partitions.py            10,000 added, 100,000 listed: 7 minutes
    python tests/bench/partitions.py --full     100,000 added, 1,000,000 listed: 45 minutes
    python tests/bench/partitions.py --only added|again|memory

Calls are exact, and the bench fails where they are not what they have to be. Seconds are
medians of runs in turns, so that a busy machine disturbs all alike: ratios count, not
single times. Glue, S3 and Athena are `stub`, a process of its own that holds everything in
memory and lets each answer wait for 50 ms, as a real service does (for memory it does not
wait). Of the library calls the imports are not counted, of the commands everything is.

Memory is a whole process's peak (ru_maxrss). This process stays small, because a child's
peak is never below that of its parent when it started.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from contenders import ALTERED, LOCATION
from stub import LAST, MOST_CREATED, Stub, Tree

DELAY = 0.05
"""Seconds that each answer waits."""
WRITE, READ = "AWSGlue.BatchCreatePartition", "AWSGlue.GetPartitions"
LIST, ALTER = "S3.ListObjectsV2", "AmazonAthena.StartQueryExecution"
NOW = f"{LAST + timedelta(1)}T10:05Z"
NONE = Tree(0, 0, 0)
CONTENDERS = str(Path(__file__).with_name("contenders.py"))


@dataclass(frozen=True, slots=True)
class Ran:
    """One process: what it took, and what it asked for."""

    seconds: float
    busy: float
    """Seconds of the processor, user's and system's."""
    peak_mb: float
    calls: Counter[str]


def _process(stub: Stub, words: Sequence[str], out: int) -> tuple[Ran, bytes]:
    stub.calls()
    with tempfile.TemporaryFile() as said:
        before = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *words],
            stdout=out,
            stderr=said,
            env={**os.environ, **stub.environment, "ATHENA_FLOW_NOW": NOW},
        )
        told = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - before
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(words)}: {said.read().decode()}")
    busy = usage.ru_utime + usage.ru_stime
    return Ran(seconds, busy, usage.ru_maxrss * 1024 / 1e6, stub.calls()), told


def command(stub: Stub, *words: str) -> Ran:
    """``athena-flow`` as a user runs it."""
    return _process(stub, ("-m", "athena_flow", *words), subprocess.DEVNULL)[0]


def contender(stub: Stub, name: str, tree: Tree) -> Ran:
    """One call of a library, timed by itself."""
    words = (CONTENDERS, name, json.dumps(asdict(tree)))
    ran, told = _process(stub, words, subprocess.PIPE)
    return Ran(*map(float, told.split()), ran.peak_mb, ran.calls)


def window(tree: Tree) -> tuple[str, ...]:
    """The flags that ask for the days of a tree."""
    return (
        *("--since", f"{LAST - timedelta(tree.days - 1)}"),
        *("--until", f"{LAST + timedelta(1)}"),
    )


def must(holds: bool, what: str) -> None:
    if not holds:
        raise SystemExit(f"this has to hold: {what}")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The first column to the left, the others to the right."""
    cells = [columns, *rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns))]
    sys.stdout.write(f"\n{title}\n\n")
    for row in cells:
        rest = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        sys.stdout.write(f"{row[0]:{widths[0]}}  {'  '.join(rest)}\n")
    sys.stdout.flush()


# ---------------------------------------------------------------- adding

OURS = "athena-flow, GlueCatalog.add"
THEIRS = "awswrangler, add_csv_partitions"
BARE = "awswrangler, without columns"
ALL = "athena-flow add-partitions, all of it"
AGAIN = "second run: athena-flow add-partitions"
THEIRS_AGAIN = "second run: awswrangler"
ONE_BY_ONE = f"ALTER TABLE one by one ({ALTERED}, extrapolated)"


def added(count: int, repeats: int) -> None:
    tree = Tree(accounts=100, regions=20, days=math.ceil(count / 2000))
    batches = math.ceil(len(tree) / MOST_CREATED)
    ran: dict[str, list[Ran]] = {
        name: [] for name in (OURS, THEIRS, BARE, ONE_BY_ONE, ALL, AGAIN, THEIRS_AGAIN)
    }
    with Stub() as stub:
        command(stub, "init-table", "--location", LOCATION)
        stub.keys(tree)
        stub.delay(DELAY)
        for turn in range(repeats):
            for name, call in ((OURS, "glue-add"), (BARE, "wrangler-add-bare")):
                stub.partitions(NONE)
                ran[name].append(contender(stub, call, tree))
                must(stub.holds(tree), f"{name}: every partition is there")
            stub.partitions(NONE)
            for name in (THEIRS, THEIRS_AGAIN):
                ran[name].append(contender(stub, "wrangler-add", tree))
                must(stub.holds(tree), f"{name}: every partition is there")
            stub.partitions(NONE)
            for name in (ALL, AGAIN):
                ran[name].append(command(stub, "add-partitions", *window(tree)))
                must(stub.holds(tree), f"{name}: every partition is there")
            if turn == 0:  # a minute, and nothing in it varies
                stub.partitions(NONE)
                ran[ONE_BY_ONE].append(contender(stub, "alter-table", tree))
                must(stub.held() == ALTERED, f"{ALTERED} partitions are added one by one")
    for name, writes in ((OURS, batches), (ALL, batches), (AGAIN, 0)):
        must(all(r.calls[WRITE] == writes for r in ran[name]), f"{name}: {writes} writes")
    more = {name: len(tree) // ALTERED if name == ONE_BY_ONE else 1 for name in ran}
    seconds = {n: statistics.median(r.seconds for r in ran[n]) * more[n] for n in ran}
    busy = {n: statistics.median(r.busy for r in ran[n]) * more[n] for n in ran}
    rows = []
    for name, (first, *_) in ran.items():
        writes = first.calls[WRITE] + first.calls[ALTER]
        rest = first.calls.total() - writes
        base = seconds[AGAIN if name in (AGAIN, THEIRS_AGAIN) else OURS]
        calls = (f"{writes * more[name]:,}", f"{rest * more[name]:,}")
        took = (f"{seconds[name]:,.1f}", f"{busy[name]:,.1f}", f"{seconds[name] / base:.1f}")
        rows.append((name, *calls, *took))
    table(
        f"{len(tree):,} partitions added; {DELAY * 1000:.0f} ms an answer, {repeats} runs in turns",
        ("", "writes", "other calls", "seconds", "cpu seconds", "times athena-flow"),
        rows,
    )


# ---------------------------------------------------------------- nothing to do


def again(repeats: int) -> None:
    trees = [Tree(accounts=20, regions=10, days=days) for days in (50, 5000)]
    ran: dict[int, list[Ran]] = {len(tree): [] for tree in trees}
    with Stub() as small, Stub() as large:
        for stub, tree in zip((small, large), trees, strict=True):
            command(stub, "init-table", "--location", LOCATION)
            stub.keys(tree)
            stub.partitions(tree)
            stub.delay(DELAY)
            command(stub, "add-partitions", "--since", "7d")  # the stub remembers what it picked
        for _ in range(repeats):
            for stub, tree in zip((small, large), trees, strict=True):
                ran[len(tree)].append(command(stub, "add-partitions", "--since", "7d"))
                must(stub.holds(tree), "nothing is added")
    every = [r.calls for runs in ran.values() for r in runs]
    must(all(calls == every[0] for calls in every), f"the calls do not grow: {every}")
    seconds = {size: statistics.median(r.seconds for r in runs) for size, runs in ran.items()}
    busy = {size: statistics.median(r.busy for r in runs) for size, runs in ran.items()}
    base = min(seconds)
    table(
        "add-partitions --since 7d with nothing to do, 20 accounts x 10 regions;"
        f" {DELAY * 1000:.0f} ms an answer, {repeats} runs in turns",
        (
            *("partitions in the table", "listings", "GetPartitions", "writes"),
            *("seconds", "cpu seconds", "ratio"),
        ),
        [
            (
                f"{size:,}",
                *(f"{runs[0].calls[name]:,}" for name in (LIST, READ, WRITE)),
                f"{seconds[size]:.1f}",
                f"{busy[size]:.1f}",
                f"{seconds[size] / seconds[base]:.2f}",
            )
            for size, runs in ran.items()
        ],
    )


# ---------------------------------------------------------------- memory


def memory(count: int) -> None:
    wide = Tree(accounts=math.ceil(count / (20 * 7 * 24)), regions=20, days=7, hourly=True)
    deep = Tree(accounts=1, regions=1, days=7, objects=math.ceil(count / 7))
    few = Tree(accounts=1, regions=1, days=1, hourly=True)
    add, dry = ("add-partitions", *window(wide)), "--dry-run"
    rows: list[tuple[str, Ran]] = []
    with Stub() as stub:
        command(stub, "init-table", "--location", LOCATION, "--layout", "hourly")
        stub.keys(few)
        rows.append((f"add-partitions --dry-run, {len(few)} partitions", command(stub, *add, dry)))
        stub.keys(wide)
        size = f"{len(wide):,} partitions"
        rows.append((f"add-partitions --dry-run, {size}", command(stub, *add, dry)))
        stub.partitions(wide)
        rows.append((f"add-partitions, {size}, all there", command(stub, *add)))
        rows.append((f"GlueCatalog.registered, {size}", contender(stub, "registered", NONE)))
        listing = ("partitions", "list", "--as", "csv")
        rows.append((f"partitions list --as csv, {size}", command(stub, *listing)))
        stub.partitions(NONE)
        rows.append((f"add-partitions, {size}, none there", command(stub, *add)))
        stub.partitions(NONE)
        stub.keys(deep)
        size = f"{deep.objects * len(deep):,} keys in 7 folders"
        rows.append((f"S3Store.objects, {size}", contender(stub, "objects", NONE)))
        rows.append((f"add-partitions --dry-run, {size}, hourly", command(stub, *add, dry)))
    with Stub() as stub:
        command(stub, "init-table", "--location", LOCATION)
        stub.keys(deep)
        rows.append((f"add-partitions --dry-run, {size}, daily", command(stub, *add, dry)))
    table(
        "peak memory of a process, no wait",
        ("", "listings", "GetPartitions", "seconds", "MB", "MB more"),
        [
            (
                name,
                *(f"{ran.calls[call]:,}" for call in (LIST, READ)),
                f"{ran.seconds:.1f}",
                f"{ran.peak_mb:.0f}",
                f"{ran.peak_mb - rows[0][1].peak_mb:.0f}",
            )
            for name, ran in rows
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="100,000 added, 1,000,000 listed")
    parser.add_argument("--added", type=int, metavar="N", help="partitions to add")
    parser.add_argument("--listed", type=int, metavar="N", help="partitions and keys to list")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of each")
    parser.add_argument("--only", choices=("added", "again", "memory"), help="one of the three")
    given = parser.parse_args()
    if given.only in (None, "added"):
        added(given.added or (100_000 if given.full else 10_000), given.repeats)
    if given.only in (None, "again"):
        again(given.repeats)
    if given.only in (None, "memory"):
        memory(given.listed or (1_000_000 if given.full else 100_000))


if __name__ == "__main__":
    main()
