"""An estimate, and a run beside it, as figures for people and as JSON. Nothing here prints.

The JSON shapes are a contract: keys are added, never renamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from athena_flow.cost import (
    MB,
    MINIMUM_BYTES,
    TB,
    Estimate,
    PlanRead,
    TableRead,
    show_bytes,
    show_usd,
)
from athena_flow.errors import some
from athena_flow.output import plain
from athena_flow.ports import Result


def estimate_line(found: Estimate) -> str:
    """The one line that a run says before it starts."""
    if found.free:
        return f"estimate: {found.free}"
    if found.reason:
        return f"estimate: {found.reason}"
    certainty = "at most " if found.certainty == "at_most" else ""
    size = f"{certainty}{show_bytes(found.size_bytes)}"
    return (
        f"estimate: {size} in {_count(found.objects, 'object')} of"
        f" {_count(found.partitions, 'partition')}, {show_usd(found.usd)}"
        f"{' (10 MB minimum)' if _is_floor(found) else ''}"
    )


def _is_floor(found: Estimate) -> bool:
    return (
        found.size_bytes is not None
        and found.billed_bytes not in (None, found.size_bytes)
        and (found.size_bytes < MINIMUM_BYTES)
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def estimate_doc(found: Estimate) -> dict[str, Any]:
    return {
        "query": found.query,
        "bytes": found.size_bytes,
        "certainty": found.certainty,
        "billed_bytes": found.billed_bytes,
        "usd": found.usd,
        "price_per_tb_usd": found.price.per_tb_usd,
        "price_source": found.price.source,
        "partitions": found.partitions,
        "objects": found.objects,
        "assumptions": list(found.assumptions),
        "sql": found.sql,
        "free": bool(found.free),
        "tb_bytes": TB,
        "mb_bytes": MB,
        "minimum_bytes": MINIMUM_BYTES,
        "scans": [_scan_doc(scan) for scan in found.scans],
        "plan": None if found.plan is None else [_plan_doc(plan) for plan in found.plan],
    }


def _plan_doc(plan: PlanRead) -> dict[str, Any]:
    return {
        "table": plan.table,
        "partitions": plan.partitions,
        "of": plan.of,
        "only_plan": list(plan.only_plan),
        "only_estimate": list(plan.only_estimate),
    }


def _scan_doc(scan: TableRead) -> dict[str, Any]:
    return {
        "table": scan.table,
        "partitions": scan.partitions,
        "of": scan.of,
        "objects": scan.objects,
        "bytes": scan.size_bytes,
        "certainty": scan.certainty,
        "condition": scan.condition,
        "columns": None if scan.columns is None else list(scan.columns),
        "keys": {key: {"first": first, "last": last} for key, first, last in scan.spans},
        "notes": [*scan.notes, *([scan.unknown] if scan.unknown else [])],
    }


def estimate_rows(found: Estimate, every: bool = False) -> list[tuple[str, str]]:
    """An estimate for people, as rows of what and how much; ``every`` tells of each scan."""
    certainty = found.certainty.replace("_", " ")
    scan = "nothing (free)" if found.free else f"{show_bytes(found.size_bytes)} ({certainty})"
    billed = "unknown" if found.billed_bytes is None else f"{found.billed_bytes // MB:,} MB"
    scans = found.scans if every or len(found.scans) > 1 else ()
    return [
        ("query", found.query),
        ("scan", scan),
        ("partitions", f"{found.partitions:,}"),
        ("objects", f"{found.objects:,}"),
        *(row for scan in scans for row in _scan_rows(scan, every)),
        *(("planner", _planned(plan)) for plan in found.plan or ()),
        *([("billed", billed)] if found.price.by_bytes else []),
        ("cost", show_usd(found.usd)),
        *(("assuming", text) for text in found.assumptions),
        *([("price from", found.price.source)] if found.price.by_bytes else []),
    ]


def _planned(plan: PlanRead) -> str:
    """What the planner would read of a table, and where the estimate differs."""
    told = [f"{plan.table}: {plan.partitions:,} of {_count(plan.of, 'partition')}"]
    if plan.only_plan:
        told.append(f"{len(plan.only_plan):,} not in the estimate: {some(plan.only_plan)}")
    if plan.only_estimate:
        told.append(
            f"{len(plan.only_estimate):,} in the estimate alone: {some(plan.only_estimate)}"
        )
    if len(told) == 1:
        told.append("the estimate's")
    return "; ".join(told)


def _scan_rows(scan: TableRead, every: bool) -> Iterator[tuple[str, str]]:
    """One scan in a line; with ``every``, also which partitions and columns."""
    size = "unknown" if scan.size_bytes is None else show_bytes(scan.size_bytes)
    chosen = f"{scan.partitions:,} of {_count(scan.of, 'partition')}" if scan.keys else "all of it"
    yield "reads", f"{scan.table}: {size} in {_count(scan.objects, 'object')}, {chosen}"
    if not every:
        return
    for key, first, last in scan.spans:
        yield "", f"{key} {first}" if first == last else f"{key} {first} to {last}"
    if scan.condition:
        yield "", f"where {scan.condition}"
    columns = "all columns" if scan.columns is None else some(scan.columns, 12)
    yield "", f"columns: {columns or 'none'}"


def run_doc(
    found: Estimate, result: Result, engine: str, notes: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "query": found.query,
        "columns": [{"name": name, "type": kind} for name, kind in result.columns],
        "rows": [[plain(value) for value in row] for row in result.rows],
        "estimate": estimate_doc(found),
        "scanned_bytes": result.scanned_bytes,
        "usd": found.bill(result.scanned_bytes),
        "engine": engine,
        "query_id": result.query_id,
        "notes": [*notes, *result.notes],
    }
