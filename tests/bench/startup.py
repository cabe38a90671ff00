"""What commands cost before they do anything: CPU time beside that of an empty Python.

    python tests/bench/startup.py

User and system time of whole processes, the median of 9 runs each, taken in turns so that
a busy machine disturbs all alike.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence

RUNS = 9
PROGRAM = (sys.executable, "-m", "athena_flow")
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as where people install them, and not at each start."""
COMMANDS: dict[str, Sequence[str]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "athena-flow --help": (*PROGRAM, "--help"),
    "athena-flow queries": (*PROGRAM, "queries"),
    "athena-flow init-table --dry-run": (
        *(*PROGRAM, "init-table", "--dry-run"),
        *("--location", "s3://bucket/"),
    ),
}


def cpu_seconds(command: Sequence[str]) -> float:
    """User and system seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            taken[name].append(cpu_seconds(command))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    empty = medians["python -c pass"]
    for name, median in medians.items():
        more = f"{(median - empty) * 1000:5.0f} ms more, {median / empty:4.1f} times"
        sys.stdout.write(f"{name:34} {median * 1000:5.0f} ms  {more}\n")


if __name__ == "__main__":
    main()
