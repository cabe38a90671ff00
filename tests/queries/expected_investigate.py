"""Answers of the group investigate, in plain Python."""

from __future__ import annotations

from asked import Asked, Rows, grouped, highest, inside, lowest, ordered, total, utc

DEMO = {
    "traffic-from-source": ["ip=203.0.113.45"],
    "ioc-match": ["indicators=203.0.113.0/24", "indicators=198.51.100.77"],
}
CASES = {
    "traffic-from-source": [["ip=10.0.0.5"], ["ip=2001:db8::1", "limit=2"]],
    "ioc-match": [
        ["indicators=203.0.113.9"],
        ["indicators=203.0.113.0/24", "indicators=2001:db8::/32", "indicators=10.0.0.5"],
        ["indicators=0.0.0.0/0", "limit=7"],
        ["indicators=::/0"],
    ],
}
FINDS = {
    "ioc-match": lambda rows, planted: any(
        row["indicator"] == planted.transfer.targets[0]
        and row["direction"] == "to"
        and row["bytes"] == planted.transfer.size_bytes
        for row in rows
    ),
}


def traffic_from_source(asked: Asked) -> Rows:
    rest = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "packets", "bytes")
    rows = [
        (utc(r["end"]), *(r[column] for column in rest))
        for r in asked.records
        if r["srcaddr"] == asked.p.ip
    ]
    return ordered(rows, "-0 2 3 4 5 6 7 8", asked.p.limit)


def ioc_match(asked: Asked) -> Rows:
    def key(r: dict) -> tuple | None:
        if inside(r["dstaddr"], asked.p.indicators):
            return r["dstaddr"], r["srcaddr"], "to"
        if inside(r["srcaddr"], asked.p.indicators):
            return r["srcaddr"], r["dstaddr"], "from"
        return None

    groups = grouped(asked.records, key)
    groups.pop(None, None)
    rows = [
        (
            *pair,
            len(group),
            sum(r["action"] == "ACCEPT" for r in group) if "action" in asked.columns else None,
            total(r["bytes"] for r in group) or 0,
            utc(lowest(r["start"] for r in group)),
            utc(highest(r["end"] for r in group)),
        )
        for pair, group in groups.items()
    ]
    return ordered(rows, "-5 0 1 2", asked.p.limit)
