"""Answers of the group detect, in plain Python."""

from __future__ import annotations

from asked import (
    Asked,
    Rows,
    distinct,
    grouped,
    highest,
    inside,
    lowest,
    on_port,
    ordered,
    private,
    utc,
)

CASES = {
    "port-scan": [
        ["min_ports=2"],
        ["min_ports=2", "ports=22", "ports=40000-65535", "ignore=203.0.113.0/24"],
        ["min_ports=3", "ignore=2001:db8::1", "ignore=10.0.0.0/8", "limit=4"],
    ]
}
FINDS = {
    "port-scan": lambda rows, planted: (
        rows[0]["srcaddr"] == planted.port_scan.source
        and rows[0]["ports"] == len(planted.port_scan.ports)
        and rows[0]["accepted"] == 0
    ),
}


def port_scan(asked: Asked) -> Rows:
    p, found = asked.p, []
    for r in asked.records:
        if r["srcaddr"] == "-" or not on_port(r["dstport"], p.ports):
            continue
        if p.ignore and inside(r["srcaddr"], p.ignore) is not False:
            continue
        if "flow_direction" in asked.columns and r["flow_direction"] != "ingress":
            continue
        flags = r.get("tcp_flags")
        if flags is not None and flags & 2 and flags & 16:
            continue
        found.append(r)
    rows = [
        (
            *pair,
            private(pair[0]),
            distinct(r["dstport"] for r in group),
            len(group),
            sum(r["action"] == "ACCEPT" for r in group),
            utc(lowest(r["start"] for r in group)),
            utc(highest(r["end"] for r in group)),
        )
        for pair, group in grouped(found, lambda r: (r["srcaddr"], r["dstaddr"])).items()
        if distinct(r["dstport"] for r in group) >= p.min_ports
    ]
    return ordered(rows, "-3 0 1", p.limit)
