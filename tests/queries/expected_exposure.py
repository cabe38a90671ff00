"""Answers of the group exposure, in plain Python."""

from __future__ import annotations

from asked import Asked, Rows, grouped, ordered, total

FINDS = {
    "ssh-rdp-traffic": lambda rows, planted: (
        {planted.ssh_scan.source, planted.rdp.source} <= {row["srcaddr"] for row in rows}
    )
}
DEMO = {"ssh-rdp-traffic": ["limit=5000"]}


def ssh_rdp_traffic(asked: Asked) -> Rows:
    keys = ("srcaddr", "dstaddr", "dstport", "action")
    groups = grouped(
        (r for r in asked.records if r["dstport"] in (22, 3389)),
        lambda r: tuple(r[key] for key in keys),
    )
    rows = [
        (*key, len(group), total(r["packets"] for r in group), total(r["bytes"] for r in group))
        for key, group in groups.items()
    ]
    return ordered(rows, "-4 0 1 2 3", asked.p.limit)
