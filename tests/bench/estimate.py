"""What an estimate costs and how right it is: calls, seconds and bytes, beside its peers.

    pip install -e '.[bench]'
    python tests/bench/estimate.py [--peers VENV/bin/python] [--repeats 3]

100,000 objects in 1,000 partitions of 20 sources. Ours is the command as a user runs it, cold
and with the sizes that it kept; beside it stand ``aws s3 ls --recursive --summarize`` over the
same prefixes, and athena-cost-guard on the same statements. The truth of each statement is
worked out here, from the partitions that it reads: a table that is read twice counts twice.

Every answer waits for 50 ms, as a real service's does; seconds are medians of runs in turns,
imports included (athena-cost-guard's without its own, for it is no command). Calls are exact.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from partitions import DELAY, NOW, must, table
from stub import BUCKET, KEYS_PER_PAGE, LAST, OBJECT_BYTES, Stub, Tree

TREE = Tree(accounts=10, regions=2, days=50, objects=100)
DATABASE, TABLE = "flow_logs", "vpc_flow_logs"
T = f"{DATABASE}.{TABLE}"
LIST = "S3.ListObjectsV2"
WEEK = LAST - timedelta(6)
"""The first day of the 7 that end with the last."""
FEW_CALLS = 20
"""The most that a whole estimate may ask again once sizes are kept, beside the days that can
still change."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One process, and what it asked for."""

    seconds: float
    calls: Counter[str]
    out: str


def process(stub: Stub, words: Sequence[str], **more: str) -> Ran:
    stub.calls()
    before = time.perf_counter()
    done = subprocess.run(
        words,
        env={**os.environ, **stub.environment, "ATHENA_FLOW_NOW": NOW, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - before
    must(done.returncode == 0, f"{' '.join(words)}: {done.stderr}")
    return Ran(seconds, stub.calls(), done.stdout)


def ours(stub: Stub, *words: str, cache: str = "off") -> Ran:
    """``athena-flow estimate``."""
    command = (sys.executable, "-m", "athena_flow", "estimate", *words, "--as", "json")
    return process(stub, (*command, "--sizes", cache))


def told(ran: Ran) -> int | None:
    found = json.loads(ran.out)["bytes"]
    return None if found is None else int(found)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, and the days that each of its scans reads of all sources."""

    what: str
    sql: str
    days: tuple[int, ...]

    @property
    def truth(self) -> int:
        sources = TREE.accounts * TREE.regions
        return sum(self.days) * sources * TREE.objects * OBJECT_BYTES


def statements() -> list[Statement]:
    week, last = f"{WEEK}", f"{LAST}"
    return [
        Statement("strings", f"SELECT count(*) FROM {T} WHERE date >= '{week}'", (7,)),
        Statement(
            "BETWEEN", f"SELECT count(*) FROM {T} WHERE date BETWEEN '{week}' AND '{last}'", (7,)
        ),
        Statement(
            "a date literal", f"SELECT count(*) FROM {T} WHERE date(date) >= DATE '{week}'", (7,)
        ),
        Statement(
            "CAST to a date",
            f"SELECT count(*) FROM {T} WHERE CAST(date AS date) > DATE '{week}'",
            (6,),
        ),
        Statement("OR", f"SELECT count(*) FROM {T} WHERE date = '{week}' OR date = '{last}'", (2,)),
        Statement(
            "date_format of a day",
            f"SELECT count(*) FROM {T} WHERE date = date_format(DATE '{last}', '%Y-%m-%d')",
            (1,),
        ),
        Statement("LIKE 'x%'", f"SELECT count(*) FROM {T} WHERE date LIKE '2026-11-1%'", (10,)),
        Statement(
            "a self-join",
            f"SELECT count(*) FROM {T} a JOIN {T} b ON a.srcaddr = b.dstaddr"
            f" WHERE a.date = '{last}' AND b.date = '{week}'",
            (1, 1),
        ),
        Statement(
            "UNION ALL",
            f"SELECT srcaddr FROM {T} WHERE date = '{last}' UNION ALL"
            f" SELECT dstaddr FROM {T} WHERE date >= '{week}'",
            (1, 7),
        ),
        Statement(
            "a CTE read twice",
            f"WITH day AS (SELECT * FROM {T} WHERE date = '{last}')"
            " SELECT count(*) FROM day a JOIN day b ON a.srcaddr = b.dstaddr",
            (1, 1),
        ),
        Statement(
            "a CTE named as its table",
            f"WITH {TABLE} AS (SELECT * FROM {TABLE} WHERE date >= '{week}')"
            f" SELECT count(*) FROM {TABLE}",
            (7,),
        ),
        Statement(
            "a column of UNNEST called date",
            f"SELECT count(*) FROM {T} CROSS JOIN UNNEST(ARRAY['x']) AS u (date)"
            " WHERE u.date = 'x'",
            (50,),
        ),
        Statement(
            "UNLOAD",
            f"UNLOAD (SELECT * FROM {T} WHERE date = '{last}') TO 's3://{BUCKET}-out/x/'"
            " WITH (format = 'PARQUET')",
            (1,),
        ),
        Statement("all of it", f"SELECT count(*) FROM {T}", (50,)),
    ]


# ---------------------------------------------------------------- how right


def right(stub: Stub, peers: str, folder: Path) -> None:
    rows = []
    for n, statement in enumerate(statements()):
        file = folder / f"{n}.sql"
        file.write_text(statement.sql, "utf-8")
        mine = ours(stub, "--sql", str(file), "--database", DATABASE)
        bytes_ = told(mine)
        theirs = process(stub, (peers, str(Path(__file__).with_name("guarded.py")), str(file)))
        answer = json.loads(theirs.out)
        rows.append(
            (
                statement.what,
                f"{statement.truth:,}",
                _times(bytes_, statement.truth),
                f"{mine.calls.total():,}",
                f"{mine.seconds:.1f}",
                _times(answer["bytes"], statement.truth, answer.get("error")),
                f"{theirs.calls.total():,}",
                f"{answer['seconds']:.1f}",
            )
        )
        must(bytes_ is None or bytes_ >= statement.truth, f"never low: {statement.what}, {bytes_}")
    table(
        f"bytes of the truth; {DELAY * 1000:.0f} ms an answer",
        (
            *("statement", "truth", "athena-flow", "calls", "seconds"),
            *("athena-cost-guard", "calls", "seconds"),
        ),
        rows,
    )


def _times(found: int | None, truth: int, error: str | None = None) -> str:
    if found is None:
        return error.split(":")[0] if error else "unknown"
    return "exact" if found == truth else "0" if not found else f"x {found / truth:.2f}"


# ---------------------------------------------------------------- how fast


def fast(stub: Stub, peers: str, folder: Path, repeats: int) -> None:
    ls = (str(Path(peers).with_name("aws")), "s3", "ls", "--recursive", "--summarize")
    whole = folder / "whole.sql"
    whole.write_text(f"SELECT count(*) FROM {T}", "utf-8")
    week = ("reject-report", "--since", f"{WEEK}")
    every = ("--sql", str(whole))
    listing = folder / "list.txt"
    listing.write_text(process(stub, (*ls, f"s3://{BUCKET}/")).out, "utf-8")
    runs: dict[str, list[Ran]] = {}

    def add(name: str, ran: Ran) -> None:
        runs.setdefault(name, []).append(ran)

    for turn in range(repeats):
        cache = str(folder / f"{turn}.sqlite")
        add("7 days, cold", ours(stub, *week, cache=cache))
        add("7 days, sizes kept", ours(stub, *week, cache=cache))
        add("50 days, cold", ours(stub, *every))
        ours(stub, *every, cache=cache)
        add("50 days, sizes kept", ours(stub, *every, cache=cache))
        add(
            "7 days, --inventory of that aws s3 ls",
            ours(stub, *week, "--inventory", str(listing), "--location", f"s3://{BUCKET}/"),
        )
        add("50 days, aws s3 ls", process(stub, (*ls, f"s3://{BUCKET}/")))
        add("7 days, aws s3 ls of each prefix", _each_prefix(stub, ls))
    keys = len(TREE) * TREE.objects
    sources = TREE.accounts * TREE.regions
    for name, bytes_ in (("7 days", 7), ("50 days", 50)):
        wanted = bytes_ * sources * TREE.objects * OBJECT_BYTES
        for label, found in runs.items():
            if label.startswith(name) and "aws s3 ls" not in label:
                must(all(told(ran) == wanted for ran in found), f"{label}: {wanted:,} bytes")
    must(runs["50 days, aws s3 ls"][0].calls[LIST] == keys // KEYS_PER_PAGE, "a page holds 1,000")
    unsettled = 4 * sources
    for name in ("7 days, sizes kept", "50 days, sizes kept"):
        asked = max(ran.calls[LIST] for ran in runs[name])
        must(asked <= unsettled + FEW_CALLS, f"{name}: {asked} listings")
    table(
        f"{keys:,} objects in {len(TREE):,} partitions; {DELAY * 1000:.0f} ms an answer,"
        f" {repeats} runs in turns",
        ("", "listings", "other calls", "seconds"),
        [
            (
                name,
                f"{found[0].calls[LIST]:,}",
                f"{found[0].calls.total() - found[0].calls[LIST]:,}",
                f"{statistics.median(ran.seconds for ran in found):.1f}",
            )
            for name, found in runs.items()
        ],
    )


def _each_prefix(stub: Stub, ls: Sequence[str]) -> Ran:
    """One command for each source and day, as a loop in a shell; the first 20, extrapolated."""
    wanted = [f for (_, _, day), f in TREE.folders() if day >= f"{WEEK}"]
    some = wanted[:20]
    ran = [process(stub, (*ls, f"s3://{BUCKET}/{folder}")) for folder in some]
    factor = len(wanted) // len(some)
    calls = Counter({LIST: len(wanted)})
    return Ran(sum(one.seconds for one in ran) * factor, calls, "")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", default=sys.executable, help="a Python that has them")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of each")
    parser.add_argument("--only", choices=("right", "fast"), help="one of the two")
    given = parser.parse_args()
    parts: dict[str, Callable[[Stub, Path], None]] = {
        "right": lambda stub, folder: right(stub, given.peers, folder),
        "fast": lambda stub, folder: fast(stub, given.peers, folder, given.repeats),
    }
    with Stub() as stub, tempfile.TemporaryDirectory() as folder:
        made = ("init-table", "--location", f"s3://{BUCKET}/")
        process(stub, (sys.executable, "-m", "athena_flow", *made))
        stub.keys(TREE)
        stub.partitions(TREE)
        stub.delay(DELAY)
        for name, part in parts.items():
            if given.only in (None, name):
                part(stub, Path(folder))


if __name__ == "__main__":
    main()
