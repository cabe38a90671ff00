"""Answers of the group transit, in plain Python."""

from __future__ import annotations

import math

from asked import (
    Asked,
    Record,
    Rows,
    grouped,
    highest,
    inside,
    ordered,
    rounded,
    total,
    utc,
)

_ATTACHMENTS = [f"tgw-attach-{n}" for n in ("0123456789abcdef0", "0aaaaaaaaaaaaaaaa")]

CASES = {
    "tgw-packet-loss": [["protocol=tcp", "limit=20"], ["protocol=47"]],
    "tgw-top-pairs": [["by=packets", "limit=7"], ["by=flows"]],
    "tgw-attachments": [["price_per_gb=0"], ["price_per_gb=1.5", "limit=2"]],
    "tgw-paths": [["limit=6"]],
    "tgw-cross-zone": [
        ["crosses=region"],
        ["crosses=zone", "limit=2"],
        [f"peering={_ATTACHMENTS[0]}"],
        [*(f"peering={name}" for name in _ATTACHMENTS), "crosses=region"],
    ],
    "tgw-records": [["ip=10.0.0.5", "ip=2001:db8::/32"], ["limit=900"]],
}
FINDS = {
    "tgw-packet-loss": lambda rows, planted: (
        {"10.250.0.7", "10.99.1.1"} <= {row["dstaddr"] for row in rows}
    ),
    "tgw-top-pairs": lambda rows, planted: all(
        row["src_vpc_id"] != row["dst_vpc_id"] for row in rows
    ),
    "tgw-attachments": lambda rows, planted: (
        len(rows) == 6
        and sum(row["vpc_id"] is None for row in rows) == 2
        and math.isclose(rows[0]["usd"], rows[0]["bytes_in"] / 2**30 * 0.02, abs_tol=5e-5)
    ),
    "tgw-paths": lambda rows, planted: (
        sum(row["to_attachment"] == "-" for row in rows) == 2
        and all(row["packets_lost"] > 0 for row in rows if row["to_attachment"] == "-")
    ),
    "tgw-cross-zone": lambda rows, planted: (
        {"nothing", "zone", "unknown"} == {row["crosses"] for row in rows}
    ),
    "tgw-records": lambda rows, planted: len(rows) == 100,
}
_NAMES = {None: None, 1: "ICMP", 6: "TCP", 17: "UDP", 47: "GRE", 58: "ICMPv6"}
_REASONS = ("no_route", "blackhole", "mtu_exceeded", "ttl_expired")


def _lost(group: list[Record]) -> int:
    return sum(r[f"packets_lost_{reason}"] or 0 for r in group for reason in _REASONS)


def _sum(group: list[Record], column: str) -> int:
    return total(r[column] for r in group) or 0


def _came_in(asked: Asked) -> list[Record]:
    return [r for r in asked.records if r["flow_direction"] == "ingress"]


def tgw_packet_loss(asked: Asked) -> Rows:
    keys = ("tgw_id", "tgw_attachment_id", "srcaddr", "dstaddr", "protocol")
    wanted = asked.p.protocol
    records = [r for r in asked.records if wanted is None or r["protocol"] == wanted]
    rows = []
    for key, group in grouped(records, lambda r: tuple(r[k] for k in keys)).items():
        lost = [total(r[f"packets_lost_{reason}"] for r in group) or 0 for reason in _REASONS]
        if sum(lost):
            rows.append((*key[:4], _NAMES[key[4]], sum(lost), *lost))
    return ordered(rows, "-5 0 1 2 3 4", asked.p.limit)


def tgw_top_pairs(asked: Asked) -> Rows:
    keys = ("tgw_id", "srcaddr", "dstaddr", "tgw_src_vpc_id", "tgw_dst_vpc_id")
    records = [r for r in _came_in(asked) if r["srcaddr"] != "-"]
    rows = [
        (*key, len(group), _sum(group, "packets"), _sum(group, "bytes"), _lost(group))
        for key, group in grouped(records, lambda r: tuple(r[k] for k in keys)).items()
    ]
    first = {"flows": 5, "packets": 6, "bytes": 7}[asked.p.by]
    return ordered(rows, f"-{first} 0 1 2 3 4", asked.p.limit)


def tgw_attachments(asked: Asked) -> Rows:
    rows = []
    seen = [r for r in asked.records if r["flow_direction"] in ("ingress", "egress")]
    for key, group in grouped(seen, lambda r: (r["tgw_id"], r["tgw_attachment_id"])).items():
        came = [r for r in group if r["flow_direction"] == "ingress"]
        left = [r for r in group if r["flow_direction"] == "egress"]
        owners, vpcs = (
            [r[f"tgw_src_{what}"] for r in came] + [r[f"tgw_dst_{what}"] for r in left]
            for what in ("vpc_account_id", "vpc_id")
        )
        sent = _sum(came, "bytes")
        rows.append(
            (
                *key,
                highest(owner for owner in owners if owner != "-"),
                highest(vpc for vpc in vpcs if vpc != "-"),
                len(group),
                sent,
                _sum(left, "bytes"),
                _lost(group),
                rounded(sent / 2**30 * asked.p.price_per_gb, 4),
            )
        )
    return ordered(rows, "-5 0 1", asked.p.limit)


def tgw_paths(asked: Asked) -> Rows:
    keys = ("tgw_id", "tgw_attachment_id", "tgw_pair_attachment_id", "tgw_src_vpc_id",
            "tgw_dst_vpc_id")  # fmt: skip
    rows = [
        (*key, len(group), _sum(group, "packets"), _sum(group, "bytes"), _lost(group))
        for key, group in grouped(_came_in(asked), lambda r: tuple(r[k] for k in keys)).items()
    ]
    return ordered(rows, "-7 0 1 2 3 4", asked.p.limit)


def tgw_cross_zone(asked: Asked) -> Rows:
    def crossed(r: Record) -> str:
        if {r["tgw_attachment_id"], r["tgw_pair_attachment_id"]} & set(asked.p.peering):
            return "region"
        one, two = r["tgw_src_az_id"], r["tgw_dst_az_id"]
        if "-" in (one, two):
            return "unknown"
        if one == two:
            return "nothing"
        return "zone" if one.split("-")[0] == two.split("-")[0] else "region"

    groups = grouped(
        _came_in(asked), lambda r: (r["tgw_src_az_id"], r["tgw_dst_az_id"], crossed(r))
    )
    rows = [
        (*key, len(group), _sum(group, "packets"), _sum(group, "bytes"))
        for key, group in groups.items()
        if asked.p.crosses in ("any", key[2])
    ]
    return ordered(rows, "-5 0 1 2", asked.p.limit)


def tgw_records(asked: Asked) -> Rows:
    ip = asked.p.ip
    before = ("tgw_id", "tgw_attachment_id", "flow_direction", "srcaddr", "dstaddr", "srcport",
              "dstport")  # fmt: skip
    rows = [
        (
            utc(r["end"]),
            *(r[column] for column in before),
            _NAMES[r["protocol"]],
            r["packets"],
            r["bytes"],
            _lost([r]),
            r["log_status"],
        )
        for r in asked.records
        if not ip or inside(r["srcaddr"], ip) or inside(r["dstaddr"], ip)
    ]
    return ordered(rows, "-0 1 2 3 4 5 6 7 8 9 10 11 12", asked.p.limit)
