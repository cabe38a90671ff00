"""Answers of the group rejects, in plain Python."""

from __future__ import annotations

from asked import Asked, Rows, distinct, grouped, ordered, total

CASES = {"reject-report": [["limit=2"], ["min_count=40"]]}


def reject_report(asked: Asked) -> Rows:
    rejected = [r for r in asked.records if r["action"] == "REJECT"]
    rows = [
        (
            source,
            len(group),
            total(r["packets"] for r in group),
            total(r["bytes"] for r in group),
            distinct(r["dstport"] for r in group),
        )
        for source, group in grouped(rejected, lambda r: r["srcaddr"]).items()
        if len(group) >= asked.p.min_count
    ]
    return ordered(rows, "-1 0", asked.p.limit)
