"""Runs the command line in this process, for tests of many runs that share nothing else."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from conftest import NOW, Ran

from athena_flow import wire
from athena_flow.cli import main
from athena_flow.engines.duckdb import parquet_schema
from athena_flow.local import first_line


def in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """As the fixture `cli`, in ``tmp_path`` or ``cwd``; what a process remembers is forgotten."""
    monkeypatch.setenv("ATHENA_FLOW_NOW", NOW.isoformat())
    monkeypatch.setenv("XDG_STATE_HOME", f"{tmp_path}-state")
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words: str, cwd: Path | None = None) -> Ran:
        first_line.cache_clear()
        parquet_schema.cache_clear()
        wire._accounts.clear()
        monkeypatch.chdir(cwd or tmp_path)
        monkeypatch.setattr(sys, "argv", ["athena-flow", *words])
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    return run
