"""Answers of the group transit, in plain Python."""

from __future__ import annotations

from asked import Asked, Rows, grouped, ordered, total

CASES = {"tgw-packet-loss": [["protocol=tcp", "limit=20"], ["protocol=47"]]}
FINDS = {
    "tgw-packet-loss": lambda rows, planted: (
        {"10.250.0.7", "10.99.1.1"} <= {row["dstaddr"] for row in rows}
    )
}
_NAMES = {None: None, 1: "ICMP", 6: "TCP", 17: "UDP", 47: "GRE", 58: "ICMPv6"}


def tgw_packet_loss(asked: Asked) -> Rows:
    keys = ("tgw_id", "tgw_attachment_id", "srcaddr", "dstaddr", "protocol")
    reasons = ("no_route", "blackhole", "mtu_exceeded", "ttl_expired")
    wanted = asked.p.protocol
    records = [r for r in asked.records if wanted is None or r["protocol"] == wanted]
    rows = []
    for key, group in grouped(records, lambda r: tuple(r[k] for k in keys)).items():
        lost = [total(r[f"packets_lost_{reason}"] for r in group) or 0 for reason in reasons]
        if sum(lost):
            rows.append((*key[:4], _NAMES[key[4]], sum(lost), *lost))
    return ordered(rows, "-5 0 1 2 3 4", asked.p.limit)
