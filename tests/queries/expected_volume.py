"""Answers of the group volume, in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

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
    percent,
    private,
    total,
    utc,
)
from number_names import flag_names, port_name, protocol_name

_BY = [["by=packets", "limit=7"], ["by=flows"]]
CASES = {
    "daily-trend": [["bucket=hour"]],
    "top-talkers": [["limit=3"]],
    "top-talkers-packet-level": [["limit=3"]],
    "top-pairs": [["by=bytes", "limit=5"], *_BY],
    "top-pairs-packet-level": _BY,
    "top-sources": [
        *_BY,
        ["protocol=udp", "by=flows"],
        ["source=10.0.0.0/24", "source=2001:db8::1", "limit=3"],
    ],
    "top-destinations": [*_BY, ["protocol=icmp"], ["source=203.0.113.0/24", "source=fd00::/8"]],
    "pair-byte-stats": [["min_flows=12"], ["limit=4"]],
    "top-instances": _BY,
    "top-subnets": _BY,
    "top-interfaces": _BY,
    "transfer-report": [
        ["network=203.0.113.0/24", "network=2001:db8::/32", "hosts=2"],
        ["hosts=3"],
        ["network=0.0.0.0/0", "network=::/0"],
    ],
    "bytes-by-ip-version": [["version=IPv4"], ["version=IPv6"]],
    "bytes-by-protocol": [["limit=2"]],
    "bytes-by-place": [["by=account"], ["by=region"], ["by=vpc", "limit=3"]],
    "interface-minute-peaks": [["bucket=1h", "limit=500"], ["bucket=7s"], ["bucket=1w"]],
    "top-servers": [
        ["by=bytes", "ports=22", "ports=3000-6000"],
        ["by=flows", "protocol=udp", "ports=53"],
        ["by=clients", "limit=3"],
    ],
    "service-port-bytes": [
        ["port=22", "limit=1"],
        ["instance=i-0123456789abcdef1", "instance=i-0aaaaaaaaaaaaaaaa"],
    ],
    "top-ports": [
        ["ports=0-65535", "by=bytes"],
        ["ports=22", "ports=443", "by=packets", "limit=2"],
    ],
    "five-tuple-aggregate": [
        ["protocol=tcp", "limit=30"],
        ["min_bytes=200000", "limit=2000"],
        ["protocol=1"],
    ],
}
DEMO = {"five-tuple-aggregate": ["limit=20000"]}
FINDS: dict[str, Callable[[list[dict], Any], bool]] = {
    "top-pairs": lambda rows, planted: (
        (rows[0]["srcaddr"], rows[0]["dstaddr"], rows[0]["bytes"])
        == (planted.transfer.source, *planted.transfer.targets, planted.transfer.size_bytes)
    ),
    "top-pairs-packet-level": lambda rows, planted: (
        (rows[0]["pkt_srcaddr"], rows[0]["bytes"])
        == (planted.transfer.source, planted.transfer.size_bytes)
    ),
    "top-talkers-packet-level": lambda rows, planted: (
        {rows[0]["addr"], rows[1]["addr"]} == {planted.transfer.source, *planted.transfer.targets}
    ),
    "top-sources": lambda rows, planted: rows[0]["srcaddr"] == planted.transfer.source,
    "top-destinations": lambda rows, planted: (rows[0]["dstaddr"],) == planted.transfer.targets,
    "pair-byte-stats": lambda rows, planted: (
        rows[0]["flows"] == 60 and rows[0]["min_bytes"] >= 700_000_000
    ),
    "transfer-report": lambda rows, planted: any(
        row["host"] == planted.transfer.source
        and row["place"] == 1
        and (row["top_peer"],) == planted.transfer.targets
        for row in rows
    ),
    "bytes-by-ip-version": lambda rows, _: [r["version"] for r in rows] == ["IPv4", "IPv6"],
    "bytes-by-protocol": lambda rows, _: (
        rows[0]["protocol"] == "TCP"
        and {"UDP", "ICMP", "ICMPv6"} <= {row["protocol"] for row in rows}
    ),
    "bytes-by-place": lambda rows, _: {"use1-az1", "euw1-az3", "-"} <= {r["az_id"] for r in rows},
    "interface-minute-peaks": lambda rows, planted: (
        rows[0]["sent_bytes"] > 700_000_000 and rows[0]["bits_per_second"] > 93_000_000
    ),
    "top-ports": lambda rows, _: {"https", "postgresql", "ssh"} <= {r["service"] for r in rows},
    "five-tuple-aggregate": lambda rows, planted: (
        (rows[0]["srcaddr"], rows[0]["bytes"], rows[0]["records"])
        == (planted.transfer.source, planted.transfer.size_bytes, 60)
    ),
}


def _sum(records: Iterable[Record], column: str) -> int:
    return total(r[column] for r in records) or 0


def _volume(records: Sequence[Record]) -> tuple[int, int, int]:
    """Bytes, packets, records."""
    return _sum(records, "bytes"), _sum(records, "packets"), len(records)


def _ways(asked: Asked, records: Sequence[Record]) -> tuple[int | None, int | None]:
    """Bytes that went out of and came in at the interfaces, if the log says so."""
    if "flow_direction" not in asked.columns:
        return None, None
    out = _sum((r for r in records if r["flow_direction"] == "egress"), "bytes")
    return out, _sum((r for r in records if r["flow_direction"] == "ingress"), "bytes")


def _verdicts(asked: Asked, records: Iterable[Record], verdict: str) -> int | None:
    if "action" not in asked.columns:
        return None
    return sum(r["action"] == verdict for r in records)


def _flows(asked: Asked) -> list[Record]:
    """The records that have both addresses."""
    none = (None, "-")
    return [r for r in asked.records if r["srcaddr"] not in none and r["dstaddr"] not in none]


def _largest(rows: Iterable[tuple], keys: int, by: str, limit: int) -> Rows:
    """Rows of keys and then bytes, packets, records, the largest first."""
    place = keys + ("bytes", "packets", "flows").index(by)
    return ordered(rows, f"-{place} " + " ".join(map(str, range(keys))), limit)


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
    return _talkers(asked, ("srcaddr", "dstaddr"), total)


def top_talkers_packet_level(asked: Asked) -> Rows:
    return _talkers(asked, ("pkt_srcaddr", "pkt_dstaddr"), lambda found: total(found) or 0)


def _talkers(asked: Asked, sides: Iterable[str], add: Callable) -> Rows:
    groups: dict[str, list] = defaultdict(list)
    for side in sides:
        for record in asked.records:
            if record[side] != "-":
                groups[record[side]].append(record)
    rows = [
        (addr, add(r["bytes"] for r in group), add(r["packets"] for r in group), len(group))
        for addr, group in groups.items()
    ]
    return ordered(rows, "-1 0", asked.p.limit)


def top_pairs(asked: Asked) -> Rows:
    return _pairs(asked, "srcaddr", "dstaddr")


def top_pairs_packet_level(asked: Asked) -> Rows:
    return _pairs(asked, "pkt_srcaddr", "pkt_dstaddr")


def _pairs(asked: Asked, source: str, target: str) -> Rows:
    groups = grouped(asked.records, lambda r: (r[source], r[target]))
    rows = [(*pair, *_volume(group)) for pair, group in groups.items() if "-" not in pair]
    return _largest(rows, 2, asked.p.by, asked.p.limit)


def top_sources(asked: Asked) -> Rows:
    return _one_side(asked, "srcaddr", "dstaddr")


def top_destinations(asked: Asked) -> Rows:
    return _one_side(asked, "dstaddr", "srcaddr")


def _one_side(asked: Asked, side: str, other: str) -> Rows:
    p = asked.p
    wanted = [
        r
        for r in _flows(asked)
        if (p.protocol is None or r["protocol"] == p.protocol)
        and (not p.source or inside(r["srcaddr"], p.source))
    ]
    column = 1 + ("bytes", "packets", "flows").index(p.by) + 1
    rows = [
        (addr, private(addr), *_volume(group), distinct(r[other] for r in group))
        for addr, group in grouped(wanted, lambda r: r[side]).items()
    ]
    return ordered(rows, f"-{column} 0", p.limit)


def pair_byte_stats(asked: Asked) -> Rows:
    groups = grouped(
        (r for r in _flows(asked) if r["bytes"] is not None), lambda r: (r["srcaddr"], r["dstaddr"])
    )
    rows = []
    for pair, group in groups.items():
        sizes = [r["bytes"] for r in group]
        if len(sizes) >= asked.p.min_flows:
            mean = sum(sizes) / len(sizes)
            rows.append((*pair, sum(sizes), len(sizes), mean, min(sizes), max(sizes)))
    return ordered(rows, "-2 0 1", asked.p.limit)


def top_instances(asked: Asked) -> Rows:
    return _resources(asked, "instance_id")


def top_subnets(asked: Asked) -> Rows:
    return _resources(asked, "subnet_id")


def top_interfaces(asked: Asked) -> Rows:
    return _resources(asked, "interface_id")


def _busy(asked: Asked) -> list[Record]:
    """The records that say how much there was."""
    return [r for r in asked.records if r["packets"] is not None or r["bytes"] is not None]


def _resources(asked: Asked, column: str) -> Rows:
    groups = grouped((r for r in _busy(asked) if r[column] != "-"), lambda r: r[column])
    rows = [(key, *_volume(group), *_ways(asked, group)) for key, group in groups.items()]
    return _largest(rows, 1, asked.p.by, asked.p.limit)


def transfer_report(asked: Asked) -> Rows:
    network = asked.p.network
    sent: dict[tuple, Counter] = defaultdict(Counter)
    received: dict[tuple, Counter] = defaultdict(Counter)
    for r in _flows(asked):
        day, size_bytes = bucket(r["end"], 86_400), r["bytes"] or 0
        sent[day, r["srcaddr"]][r["dstaddr"]] += size_bytes
        received[day, r["dstaddr"]][r["srcaddr"]] += size_bytes
    days: dict[Any, list] = defaultdict(list)
    for day, host in {*sent, *received}:
        if not (inside(host, network) if network else private(host)):
            continue
        out, back = sent[day, host], received[day, host]
        peers = {peer: out[peer] + back[peer] for peer in {*out, *back}}
        top = min(peers, key=lambda peer: (-peers[peer], peer))
        whole = (sum(peers.values()), sum(out.values()), sum(back.values()))
        days[day].append((host, *whole, len(peers), top, peers[top]))
    rows = []
    for day, hosts in days.items():
        largest = ordered(hosts, "-1 0", asked.p.hosts)
        rows += [(day, place, *host) for place, host in enumerate(largest, start=1)]
    return ordered(rows, "0 1")


def bytes_by_ip_version(asked: Asked) -> Rows:
    groups = grouped(
        (r for r in asked.records if r["srcaddr"] not in (None, "-")),
        lambda r: "IPv6" if ":" in r["srcaddr"] else "IPv4",
    )
    volumes = {version: _volume(group) for version, group in groups.items()}
    whole = sum(volume[0] for volume in volumes.values())
    wanted = asked.p.version
    rows = [
        (version, size_bytes, percent(size_bytes, whole), *rest)
        for version, (size_bytes, *rest) in volumes.items()
        if wanted in (None, version)
    ]
    return ordered(rows, "-1 0")


def bytes_by_protocol(asked: Asked) -> Rows:
    groups = grouped(
        (r for r in asked.records if r["protocol"] is not None), lambda r: r["protocol"]
    )
    whole = sum(_sum(group, "bytes") for group in groups.values())
    rows = []
    for number, group in groups.items():
        size_bytes, *rest = _volume(group)
        share = percent(size_bytes, whole)
        sources = distinct(r["srcaddr"] for r in group)
        rows.append((protocol_name(number), size_bytes, share, *rest, sources))
    return ordered(rows, "-1 0", asked.p.limit)


def bytes_by_place(asked: Asked) -> Rows:
    levels = {"account": 0, "region": 1, "vpc": 2, "zone": 3}[asked.p.by]
    finer = ("region", "vpc_id", "az_id")
    told = [c if c in asked.columns and n < levels else None for n, c in enumerate(finer)]
    groups = grouped(
        _busy(asked), lambda r: (r["account_id"], *(r[c] if c else None for c in told))
    )
    rows = [
        (*key, *_volume(group), distinct(r["interface_id"] for r in group), *_ways(asked, group))
        for key, group in groups.items()
    ]
    return ordered(rows, "-4 0 1 2 3", asked.p.limit)


def accept_reject_split(asked: Asked) -> Rows:
    groups = grouped(
        (r for r in asked.records if r["action"] not in (None, "-")), lambda r: r["action"]
    )
    flows = sum(len(group) for group in groups.values())
    size_bytes = sum(_sum(group, "bytes") for group in groups.values())
    rows = [
        (
            action,
            len(group),
            percent(len(group), flows),
            _sum(group, "packets"),
            _sum(group, "bytes"),
            percent(_sum(group, "bytes"), size_bytes),
            distinct(r["srcaddr"] for r in group),
        )
        for action, group in groups.items()
    ]
    return ordered(rows, "-1 0")


def interface_minute_peaks(asked: Asked) -> Rows:
    size = asked.p.bucket
    groups = grouped(
        (r for r in _busy(asked) if r["interface_id"] != "-"),
        lambda r: (bucket(r["end"], size), r["interface_id"]),
    )
    rows = []
    for key, group in groups.items():
        size_bytes, *rest = _volume(group)
        rows.append((*key, size_bytes, size_bytes * 8 // size, *rest, *_ways(asked, group)))
    return ordered(rows, "-2 0 1", asked.p.limit)


def top_servers(asked: Asked) -> Rows:
    p = asked.p
    called = [
        r
        for r in asked.records
        if r["dstaddr"] != "-" and r["protocol"] == p.protocol and on_port(r["dstport"], p.ports)
    ]
    rows = [
        (
            addr,
            port,
            private(addr),
            *_volume(group),
            _verdicts(asked, group, "ACCEPT"),
            distinct(r["srcaddr"] for r in group),
        )
        for (addr, port), group in grouped(called, lambda r: (r["dstaddr"], r["dstport"])).items()
    ]
    place = {"bytes": 3, "packets": 4, "flows": 5, "clients": 7}[p.by]
    return ordered(rows, f"-{place} 0 1", p.limit)


def service_port_bytes(asked: Asked) -> Rows:
    p = asked.p
    wanted = [
        r
        for r in asked.records
        if r["instance_id"] != "-"
        and p.port in (r["srcport"], r["dstport"])
        and (not p.instance or r["instance_id"] in p.instance)
    ]
    rows = []
    for instance, group in grouped(wanted, lambda r: r["instance_id"]).items():
        to, back = ([r for r in group if r[side] == p.port] for side in ("dstport", "srcport"))
        parts: tuple[int | None, int | None] = (None, None)
        if "flow_direction" in asked.columns:
            served = [
                r
                for r in group
                if (r["flow_direction"] == "ingress" and r["dstport"] == p.port)
                or (r["flow_direction"] == "egress" and r["srcport"] == p.port)
            ]
            fetched = [
                r
                for r in group
                if (r["flow_direction"] == "egress" and r["dstport"] == p.port)
                or (r["flow_direction"] == "ingress" and r["srcport"] == p.port)
            ]
            parts = (_sum(served, "bytes"), _sum(fetched, "bytes"))
        whole = (_sum(group, "bytes"), len(group), _sum(to, "bytes"), _sum(back, "bytes"))
        rows.append((instance, *whole, *parts))
    return ordered(rows, "-1 0", p.limit)


def top_ports(asked: Asked) -> Rows:
    p = asked.p
    called = [
        r for r in asked.records if r["protocol"] in (6, 17) and on_port(r["dstport"], p.ports)
    ]
    rows = [
        (
            port,
            protocol_name(protocol),
            port_name(port),
            *_volume(group),
            _verdicts(asked, group, "ACCEPT"),
            distinct(r["srcaddr"] for r in group),
            distinct(r["dstaddr"] for r in group),
        )
        for (port, protocol), group in grouped(
            called, lambda r: (r["dstport"], r["protocol"])
        ).items()
    ]
    place = {"bytes": 3, "packets": 4, "flows": 5}[p.by]
    return ordered(rows, f"-{place} 0 1", p.limit)


def five_tuple_aggregate(asked: Asked) -> Rows:
    p = asked.p
    keys = ("srcaddr", "srcport", "dstaddr", "dstport", "protocol")
    wanted = [r for r in _flows(asked) if p.protocol is None or r["protocol"] == p.protocol]
    rows = [
        (
            *key[:4],
            protocol_name(key[4]),
            *_volume(group),
            _verdicts(asked, group, "ACCEPT"),
            _verdicts(asked, group, "REJECT"),
            flag_names(r.get("tcp_flags") for r in group),
            utc(lowest(r["start"] for r in group)),
            utc(highest(r["end"] for r in group)),
        )
        for key, group in grouped(wanted, lambda r: tuple(r[key] for key in keys)).items()
        if _sum(group, "bytes") >= p.min_bytes
    ]
    return ordered(rows, "-5 0 1 2 3 4", p.limit)
