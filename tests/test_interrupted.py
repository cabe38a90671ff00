"""Ctrl-C while the embedded engine is at it: nothing is left behind."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from dirty import HEADER, SEED, TWO, text

LITTLE = """
from athena_flow.cli import main
from athena_flow.engines.duckdb import answers

answers.MEMORY = "80MB"
main()
"""
"""The command line with little memory."""
SPILLING = """SELECT a.interface_id, count(*) AS n FROM vpc_flow_logs a
JOIN vpc_flow_logs b ON a.dstport = b.dstport GROUP BY a.interface_id, b.interface_id ORDER BY n"""
"""More groups than any machine has room for."""


def test_what_was_spilled_goes(tmp_path: Path) -> None:
    """The folder for temporary files is as it was."""
    rng = random.Random(SEED)
    lines = [TWO.replace("eni-2", f"eni-{rng.getrandbits(64):x}") for _ in range(100_000)]
    logs, spill = tmp_path / "logs", tmp_path / "spill"
    logs.mkdir()
    spill.mkdir()
    (logs / "a.log.gz").write_bytes(gzip.compress(text(HEADER, *lines), 1, mtime=0))
    with subprocess.Popen(
        [sys.executable, "-c", LITTLE, "run", "--logs", str(logs), "--no-store", "--sql", "-"],
        env={**os.environ, "TMPDIR": str(spill)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        process.stdin.write(SPILLING)
        process.stdin.close()
        process.stdin = None
        until = time.monotonic() + 60
        while sum(file.stat().st_size for file in spill.iterdir()) < 2**20:
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < until, "nothing is spilled"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "athena-flow: interrupted" in err
    assert not out
    assert not list(spill.iterdir())
