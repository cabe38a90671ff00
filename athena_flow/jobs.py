"""The jobs on queries, written against ports: what a run would cost, and the run.

A job gets its engine, store, catalog and clock as arguments, and returns nouns. It prints
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from athena_flow.cost import UNKNOWN, Estimate
from athena_flow.errors import AccessDenied, AthenaFlowError, BadSql, some
from athena_flow.estimating import Asked, Reading, estimate
from athena_flow.guard import Guard
from athena_flow.ports import Engine, Progress, Result, Scan

__all__ = ["Reading", "estimate", "run"]


def run(
    asked: Asked, reading: Reading, engine: Engine, guard: Guard, progress: Progress
) -> tuple[Estimate, Result]:
    """Estimates, announces, asks the guard, and only then runs; the ledger hears of both ends.

    Raises OverBudget, and CannotWrite or BadFile where a budget per day has no ledger to go by;
    for an engine that opens files itself, AccessDenied and BadSql where these are not known.
    """
    found, scans = estimate(asked, reading, progress)
    guard.announce(found)
    written = guard.admit(found, engine.name)
    try:
        if engine.name == "duckdb" and found.certainty == "unknown":
            raise _unreadable(found, scans)
        result = engine.run(asked.sql, scans, written.started)
    except BaseException as error:
        written.failed(error)
        raise
    written.done(result)
    return found, result


def _unreadable(found: Estimate, scans: Sequence[Scan]) -> AthenaFlowError:
    unlisted = [why for scan in scans for why in scan.unlisted]
    if unlisted:
        return AccessDenied(some(unlisted))
    return BadSql(f"{found.query}: {found.reason.removeprefix(UNKNOWN)}")
