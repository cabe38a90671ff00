"""Answers of the group rejects, in plain Python."""

from __future__ import annotations

from collections.abc import Iterable

from asked import (
    Asked,
    Record,
    Rows,
    bucket,
    distinct,
    grouped,
    highest,
    inside,
    lowest,
    on_port,
    ordered,
    private,
    total,
    utc,
)
from number_names import flag_names, port_name, protocol_name

CASES = {
    "reject-report": [["limit=2"], ["min_count=15"]],
    "rejected-traffic": [
        ["protocol=tcp", "limit=1000"],
        ["network=203.0.113.0/24", "network=fd00::5", "limit=60"],
    ],
    "tcp-traffic": [["action=REJECT"], ["action=ACCEPT", "limit=7"]],
    "top-rejected-pairs": [["limit=4"], ["limit=1000"], ["min_count=2", "limit=1000"]],
    "rejects-by-interface": [["protocol=tcp"], ["min_count=2", "protocol=17"]],
    "high-volume-rejects": [
        ["min_count=1", "limit=500"],
        ["bucket=1d", "min_count=2"],
        ["bucket=1w", "min_count=3", "limit=4"],
    ],
    "rejected-uncommon-ports": [["ignore_ports=0-1023", "limit=3"], ["min_count=4"]],
}
FINDS = {
    "top-rejected-pairs": lambda rows, planted: any(
        row["srcaddr"] == planted.port_scan.source
        and row["dst_ports"] == len(planted.port_scan.ports)
        for row in rows
    ),
    "rejects-by-interface": lambda rows, planted: any(
        row["srcaddr"] == planted.port_scan.source and row["rejects"] == planted.port_scan.rejected
        for row in rows
    ),
    "high-volume-rejects": lambda rows, planted: any(
        row["srcaddr"] == planted.port_scan.source
        and row["dst_ports"] == len(planted.port_scan.ports)
        for row in rows
    ),
    "rejected-uncommon-ports": lambda rows, planted: (
        {"rdp", "telnet"} <= {row["service"] for row in rows}
        and not {22, 80, 443} & {row["dstport"] for row in rows}
    ),
    "reject-reason-breakdown": lambda rows, planted: (
        {"BPA", "-"} <= {row["reject_reason"] for row in rows}
    ),
}


def _rejected(asked: Asked) -> list[Record]:
    return [r for r in asked.records if r["action"] == "REJECT"]


def _packets(records: Iterable[Record]) -> int:
    return total(r["packets"] for r in records) or 0


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


def rejected_traffic(asked: Asked) -> Rows:
    p = asked.p
    rows = [
        (
            utc(r["end"]),
            *(r[c] for c in ("interface_id", "srcaddr", "dstaddr", "srcport", "dstport")),
            protocol_name(r["protocol"]),
            r["packets"],
            r["bytes"],
            r["reject_reason"] if "reject_reason" in asked.columns else None,
        )
        for r in _rejected(asked)
        if (p.protocol is None or r["protocol"] == p.protocol)
        and (not p.network or inside(r["srcaddr"], p.network) or inside(r["dstaddr"], p.network))
    ]
    return ordered(rows, "-0 1 2 3 4 5 6 7 8 9", p.limit)


def tcp_traffic(asked: Asked) -> Rows:
    rest = ("interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "action")
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    rows = []
    for r in asked.records:
        if r["protocol"] == 6 and r["action"] == asked.p.action:
            moment = utc(r["end"])
            assert moment
            flags = flag_names([r["tcp_flags"]]) if "tcp_flags" in asked.columns else None
            told = (r[c] for c in (*rest, "packets", "bytes"))
            rows.append((moment, days[moment.weekday()], *told, flags))
    return ordered(rows, "-0 1 2 3 4 5 6 7 8 9 10", asked.p.limit)


def top_rejected_pairs(asked: Asked) -> Rows:
    rows = [
        (
            *pair,
            private(pair[0]),
            len(group),
            _packets(group),
            distinct(r["dstport"] for r in group),
            utc(lowest(r["start"] for r in group)),
            utc(highest(r["end"] for r in group)),
        )
        for pair, group in grouped(_rejected(asked), lambda r: (r["srcaddr"], r["dstaddr"])).items()
        if "-" not in pair and len(group) >= asked.p.min_count
    ]
    return ordered(rows, "-3 0 1", asked.p.limit)


def rejects_by_interface(asked: Asked) -> Rows:
    p = asked.p
    wanted = [
        r
        for r in _rejected(asked)
        if r["srcaddr"] != "-" and (p.protocol is None or r["protocol"] == p.protocol)
    ]
    rows = [
        (
            *key,
            private(key[1]),
            len(group),
            _packets(group),
            distinct(r["dstport"] for r in group),
        )
        for key, group in grouped(wanted, lambda r: (r["interface_id"], r["srcaddr"])).items()
        if len(group) >= p.min_count
    ]
    return ordered(rows, "-3 0 1", p.limit)


def high_volume_rejects(asked: Asked) -> Rows:
    p = asked.p
    groups = grouped(
        (r for r in _rejected(asked) if r["srcaddr"] != "-"),
        lambda r: (bucket(r["end"], p.bucket), r["srcaddr"]),
    )
    rows = [
        (
            *key,
            private(key[1]),
            len(group),
            _packets(group),
            distinct(r["dstaddr"] for r in group),
            distinct(r["dstport"] for r in group),
        )
        for key, group in groups.items()
        if len(group) >= p.min_count
    ]
    return ordered(rows, "-3 0 1", p.limit)


def rejected_uncommon_ports(asked: Asked) -> Rows:
    p = asked.p
    wanted = [
        r
        for r in _rejected(asked)
        if r["protocol"] in (6, 17) and on_port(r["dstport"], p.ignore_ports) is False
    ]
    rows = [
        (
            port,
            protocol_name(protocol),
            port_name(port),
            len(group),
            _packets(group),
            distinct(r["srcaddr"] for r in group),
            distinct(r["dstaddr"] for r in group),
            sum(private(r["srcaddr"]) is True for r in group),
        )
        for (port, protocol), group in grouped(
            wanted, lambda r: (r["dstport"], r["protocol"])
        ).items()
        if len(group) >= p.min_count
    ]
    return ordered(rows, "-3 0 1", p.limit)


def reject_reason_breakdown(asked: Asked) -> Rows:
    meanings = {
        "BPA": "VPC Block Public Access",
        "EC": "encryption control",
        "-": "security group or network ACL",
    }
    rows = [
        (
            reason,
            meanings[reason],
            len(group),
            _packets(group),
            distinct(r["interface_id"] for r in group),
            distinct(r["srcaddr"] for r in group),
            distinct(r["dstaddr"] for r in group),
        )
        for reason, group in grouped(_rejected(asked), lambda r: r["reject_reason"]).items()
    ]
    return ordered(rows, "-2 0")
