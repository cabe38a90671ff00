"""Answers of the group money, in plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asked import (
    Asked,
    Record,
    Rows,
    distinct,
    grouped,
    inside,
    ordered,
    percent,
    private,
    rounded,
    total,
)

_GATEWAYS = ["nat=10.195.0.33", "nat=10.130.0.33", "nat=10.202.0.33", "nat=10.50.0.33"]

DEMO = {"nat-top-sources": _GATEWAYS, "nat-internet-peers": ["by=conversation"]}
CASES = {
    "nat-top-sources": [
        ["nat=10.0.0.5"],
        ["nat=10.0.0.0/24", "hosts=10.0.0.0/16", "hosts=203.0.113.0/24"],
        ["nat=172.16.9.9", "nat=192.168.0.0/16", "price_per_gb=0.5", "limit=3"],
    ],
    "nat-internet-peers": [
        ["nat=10.0.0.0/24"],
        ["nat=10.0.0.5", "nat=fd00::/8", "price_per_gb=1", "limit=3"],
        ["by=host"],
        ["by=conversation", "nat=10.0.0.0/8"],
        ["by=conversation", "limit=5"],
    ],
    "nat-to-aws-services": [["nat=10.0.0.0/24"], ["nat=10.0.0.5", "price_per_gb=0"]],
    "aws-service-paths": [["limit=5"]],
    "egress-by-path": [["limit=2"]],
    "egress-to-internet": [
        ["by=source"],
        ["by=pair", "limit=8", "price_per_gb=0.5"],
        ["own=203.0.113.0/25", "own=2001:db8::/32", "by=pair"],
        ["ignore=10.0.0.0/24", "by=source"],
        ["ignore=fd00::/8", "own=8.8.8.8"],
        ["ignore=10.0.0.5", "by=pair", "limit=2000"],
    ],
    "cross-az-traffic": [["by=pairs"], ["by=pairs", "price_per_gb=0.1", "limit=3"]],
}
FINDS = {
    "nat-top-sources": lambda rows, planted: (
        {row["host"] for row in rows} >= {"10.195.10.35", "10.202.10.35", "10.130.10.35"}
        and all(row["bytes_received"] > row["bytes_sent"] > 0 for row in rows)
    ),
    "nat-internet-peers": lambda rows, planted: (
        {"192.0.2.80", "192.0.2.81"} <= {row["peer"] for row in rows}
        and {"10.195.10.35", "10.195.10.36"} <= {row["host"] for row in rows}
    ),
    "nat-to-aws-services": lambda rows, planted: (
        [(row["service"], row["endpoint"], row["hosts"]) for row in rows]
        == [("S3", "gateway endpoint", 1)]
        and rows[0]["bytes_sent"] == planted.nat_to_s3.size_bytes / 2
        and rows[0]["usd"] == 0.0005
    ),
    "aws-service-paths": lambda rows, planted: (
        {("S3", "gateway endpoint"), ("AMAZON", "internet gateway")}
        <= {(row["dst_service"], row["path"]) for row in rows}
    ),
    "egress-by-path": lambda rows, planted: (
        rows[0]["path"] == "internet gateway" and rows[0]["byte_percent"] > 50
    ),
    "egress-to-internet": lambda rows, planted: (
        (rows[0]["dstaddr"], rows[0]["bytes"])
        == (planted.transfer.targets[0], planted.transfer.size_bytes)
        and rows[0]["usd"] == 3.6391
    ),
    "cross-az-traffic": lambda rows, planted: (
        ("use1-az1", "use1-az2") in {(row["from_zone"], row["to_zone"]) for row in rows}
    ),
}
_PATHS = {
    None: None,
    1: "same VPC",
    2: "internet gateway or gateway endpoint",
    3: "virtual private gateway",
    4: "peering in the region",
    5: "peering across regions",
    6: "Local or Wavelength Zone",
    7: "gateway endpoint",
    8: "internet gateway",
}


def _bytes(records: Iterable[Record]) -> int:
    return total(r["bytes"] for r in records) or 0


def _usd(asked: Asked, size_bytes: int) -> float:
    return rounded(size_bytes / 2**30 * asked.p.price_per_gb, 4)


def _accepted(asked: Asked) -> list[Record]:
    return [r for r in asked.records if r["action"] == "ACCEPT"]


def nat_top_sources(asked: Asked) -> Rows:
    p, groups = asked.p, {}
    for r in _accepted(asked):
        if inside(r["dstaddr"], p.nat):
            host, sent = r["srcaddr"], True
        elif inside(r["srcaddr"], p.nat):
            host, sent = r["dstaddr"], False
        else:
            continue
        if inside(host, p.hosts) if p.hosts else private(host):
            groups.setdefault(host, []).append((sent, r))
    rows = []
    for host, moved in groups.items():
        every = [r for _, r in moved]
        rows.append(
            (
                host,
                len(every),
                total(r["packets"] for r in every) or 0,
                _bytes(r for sent, r in moved if sent),
                _bytes(r for sent, r in moved if not sent),
                _bytes(every),
                _usd(asked, _bytes(every)),
            )
        )
    return ordered(rows, "-5 0", p.limit)


def _translated(asked: Asked) -> Iterator[tuple[str, str, bool, Record]]:
    """What NAT gateways processed on their private side: host, peer, did the host send it?"""
    for r in _accepted(asked):
        if private(r["srcaddr"]) and private(r["pkt_dstaddr"]) is False:
            host, peer, gateway, sent = r["srcaddr"], r["pkt_dstaddr"], r["dstaddr"], True
        elif private(r["dstaddr"]) and private(r["pkt_srcaddr"]) is False:
            host, peer, gateway, sent = r["dstaddr"], r["pkt_srcaddr"], r["srcaddr"], False
        else:
            continue
        regional = "resource_id" in asked.columns and r["resource_id"].startswith("nat-")
        if asked.p.nat:
            zonal = inside(gateway, asked.p.nat)
        else:
            kind = r["interface_type"] if "interface_type" in asked.columns else "nat_gateway"
            zonal = kind == "nat_gateway" and private(gateway)
        if regional or zonal:
            yield host, peer, sent, r


def nat_internet_peers(asked: Asked) -> Rows:
    by, groups = asked.p.by, {}
    for host, peer, sent, r in _translated(asked):
        key = (None if by == "host" else peer, None if by == "peer" else host)
        groups.setdefault(key, []).append((peer if by == "host" else host, sent, r))
    rows = []
    for key, moved in groups.items():
        size = _bytes(r for _, _, r in moved)
        rows.append(
            (
                *key,
                distinct(other for other, _, _ in moved),
                len(moved),
                _bytes(r for _, sent, r in moved if sent),
                _bytes(r for _, sent, r in moved if not sent),
                size,
                _usd(asked, size),
            )
        )
    return ordered(rows, "-6 0 1", asked.p.limit)


def nat_to_aws_services(asked: Asked) -> Rows:
    groups: dict[str, list] = {}
    for host, _, sent, r in _translated(asked):
        service = r["pkt_dst_aws_service" if sent else "pkt_src_aws_service"]
        if service != "-":
            groups.setdefault(service, []).append((host, sent, r))
    remedy = {"S3": "gateway endpoint", "DYNAMODB": "gateway endpoint", "EC2": "none"}
    rows = []
    for service, moved in groups.items():
        size = _bytes(r for _, _, r in moved)
        rows.append(
            (
                service,
                remedy.get(service, "interface endpoint, if the service has one"),
                distinct(host for host, _, _ in moved),
                len(moved),
                _bytes(r for _, sent, r in moved if sent),
                _bytes(r for _, sent, r in moved if not sent),
                size,
                _usd(asked, size),
            )
        )
    return ordered(rows, "-6 0")


def aws_service_paths(asked: Asked) -> Rows:
    sides = ("pkt_src_aws_service", "pkt_dst_aws_service")
    records = [r for r in _accepted(asked) if {r[side] for side in sides} != {"-"}]
    groups = grouped(
        records, lambda r: (*(r[side] for side in sides), r["flow_direction"], r["traffic_path"])
    )
    rows = [(*key, _PATHS[key[3]], len(group), _bytes(group)) for key, group in groups.items()]
    return ordered(rows, "-6 0 1 2 3", asked.p.limit)


def egress_by_path(asked: Asked) -> Rows:
    left = [r for r in _accepted(asked) if r["flow_direction"] == "egress"]
    every = _bytes(left)
    rows = [
        (
            account,
            path,
            _PATHS[path],
            len(group),
            total(r["packets"] for r in group) or 0,
            _bytes(group),
            percent(_bytes(group), every),
        )
        for (account, path), group in grouped(
            left, lambda r: (r["account_id"], r["traffic_path"])
        ).items()
    ]
    return ordered(rows, "-5 0 1", asked.p.limit)


def egress_to_internet(asked: Asked) -> Rows:
    p = asked.p

    def leaves(r: Record) -> bool:
        if private(r["dstaddr"]) is not False or inside(r["dstaddr"], p.own):
            return False
        if inside(r["srcaddr"], p.ignore):
            return False
        if "traffic_path" in asked.columns:
            return r["traffic_path"] in (2, 8)
        if "flow_direction" in asked.columns:
            return r["flow_direction"] == "egress"
        return bool(private(r["srcaddr"]) or inside(r["srcaddr"], p.own))

    def key(r: Record) -> tuple:
        return (
            None if p.by == "destination" else r["srcaddr"],
            None if p.by == "source" else r["dstaddr"],
            r["pkt_dst_aws_service"] if "pkt_dst_aws_service" in asked.columns else None,
        )

    rows = [
        (
            *found,
            len(group),
            total(r["packets"] for r in group) or 0,
            _bytes(group),
            _usd(asked, _bytes(group)),
        )
        for found, group in grouped(filter(leaves, _accepted(asked)), key).items()
    ]
    return ordered(rows, "-5 0 1 2", p.limit)


def cross_az_traffic(asked: Asked) -> Rows:
    homes: dict[str, set[str]] = {}
    for r in asked.records:
        if r["flow_direction"] == "egress" and "-" not in (r["az_id"], r["srcaddr"]):
            homes.setdefault(r["srcaddr"], set()).add(r["az_id"])

    def zones(r: Record) -> tuple[str, str] | None:
        if "next_hop_az_id" in asked.columns:
            there = r["next_hop_az_id"]
        else:
            known = homes.get(r["dstaddr"], set())
            there = next(iter(known)) if len(known) == 1 else "-"
        here = r["az_id"]
        if "-" in (here, there) or here == there or here.split("-")[0] != there.split("-")[0]:
            return None
        return here, there

    groups: dict[tuple, list[Record]] = {}
    for r in _accepted(asked):
        crossed = zones(r) if r["flow_direction"] == "egress" else None
        if crossed:
            pair = (r["srcaddr"], r["dstaddr"]) if asked.p.by == "pairs" else (None, None)
            groups.setdefault((*crossed, *pair), []).append(r)
    rows = [
        (*key, len(group), _bytes(group), _usd(asked, _bytes(group)))
        for key, group in groups.items()
    ]
    return ordered(rows, "-5 0 1 2 3", asked.p.limit)
