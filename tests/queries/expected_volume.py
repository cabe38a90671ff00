"""Answers of the group volume, in plain Python."""

from __future__ import annotations

from asked import Asked, Rows, bucket, grouped, ordered, total

CASES = {"daily-trend": [["bucket=hour"]], "top-talkers": [["limit=3"]]}


def daily_trend(asked: Asked) -> Rows:
    size = {"hour": 3_600, "day": 86_400}[asked.p.bucket]
    rows = [
        (
            moment,
            sum(r["action"] == "ACCEPT" for r in group),
            sum(r["action"] == "REJECT" for r in group),
            total(r["packets"] for r in group) or 0,
            total(r["bytes"] for r in group) or 0,
        )
        for moment, group in grouped(asked.records, lambda r: bucket(r["end"], size)).items()
    ]
    return ordered(rows, "0")


def top_talkers(asked: Asked) -> Rows:
    sides = [(r[side], r) for r in asked.records for side in ("srcaddr", "dstaddr")]
    groups: dict[str, list] = {}
    for addr, record in sides:
        if addr != "-":
            groups.setdefault(addr, []).append(record)
    rows = [
        (addr, total(r["bytes"] for r in group), total(r["packets"] for r in group), len(group))
        for addr, group in groups.items()
    ]
    return ordered(rows, "-1 0", asked.p.limit)
