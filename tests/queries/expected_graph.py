"""Answers of the group graph, in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from asked import (
    Asked,
    Record,
    Rows,
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
from number_names import port_name, protocol_name

CASES = {
    "ip-graph": [["part=nodes"], ["min_count=5", "limit=9"], ["part=nodes", "min_count=90"]],
    "client-server": [["limit=2000"]],
    "firewall-suggestions": [
        ["prefix=8", "max_networks=1"],
        ["prefix=16", "ports=22", "ports=443"],
        ["prefix=32", "max_networks=2", "min_flows=2", "host=10.0.0.0/16", "host=fd00::5"],
        ["max_networks=2", "ports=0-65535", "limit=40"],
    ],
    "graph-diff": [
        ["at=2026-11-20T20:00Z", "limit=1000"],
        ["at=2026-11-21T03:00Z", "change=new"],
        ["at=2026-11-20T12:00Z", "change=gone", "ports=0-65535", "limit=1000"],
        ["at=2026-11-20T20:00Z", "min_flows=2"],
    ],
}
DEMO = {"ip-graph": ["limit=9"], "graph-diff": ["at=2026-11-20T00:00Z", "limit=20000"]}
FINDS = {
    "client-server": lambda rows, planted: (
        (rows[0]["client"], rows[0]["server"], rows[0]["server_port"], rows[0]["client_bytes"])
        == (planted.transfer.source, *planted.transfer.targets, 443, planted.transfer.size_bytes)
    ),
    "firewall-suggestions": lambda rows, planted: any(
        row["dstport"] == 22 and row["source_network"] == "203.0.113.0/24" and row["flows"] == 2
        for row in rows
    ),
    "graph-diff": lambda rows, planted: (
        {("new", planted.transfer.targets[0]), ("gone", planted.beacon.targets[0])}
        <= {(row["change"], row["dstaddr"]) for row in rows}
    ),
}


def _flows(asked: Asked) -> list[Record]:
    """The records that have both addresses."""
    none = (None, "-")
    return [r for r in asked.records if r["srcaddr"] not in none and r["dstaddr"] not in none]


def _sum(records: Iterable[Record], column: str) -> int:
    return total(r[column] for r in records) or 0


def _answers(asked: Asked, record: Record) -> bool:
    """Is it the half of a handshake that a server sends?"""
    flags = record["tcp_flags"] if "tcp_flags" in asked.columns else None
    return flags is not None and bool(flags & 2) and bool(flags & 16)


def ip_graph(asked: Asked) -> Rows:
    edges = grouped(_flows(asked), lambda r: (r["srcaddr"], r["dstaddr"]))
    nodes: dict[str, list[Record]] = defaultdict(list)
    near: dict[str, set[str]] = defaultdict(set)
    for (source, target), group in edges.items():
        for one, other in ((source, target), (target, source)):
            nodes[one] += group
            near[one].add(other)
    found: list[tuple] = [
        ("edge", *pair, private(pair[0]), private(pair[1]), None, group)
        for pair, group in edges.items()
    ]
    if asked.p.part == "nodes":
        found = [
            ("node", addr, None, private(addr), None, len(near[addr]), group)
            for addr, group in nodes.items()
        ]
    rows = []
    for *key, group in found:
        if len(group) >= asked.p.min_count:
            known = "action" in asked.columns
            accepted = sum(r["action"] == "ACCEPT" for r in group) if known else None
            volume = (len(group), _sum(group, "packets"), _sum(group, "bytes"))
            rows.append((*key, accepted, *volume))
    return ordered(rows, "-7 1 2", asked.p.limit)


def _serves(asked: Asked, record: Record) -> bool | None:
    """Is the source the server, by the flags of the handshake? None where they do not say."""
    flags = record["tcp_flags"] if "tcp_flags" in asked.columns else None
    if flags is None or not flags & 2:
        return None
    return bool(flags & 16)


def client_server(asked: Asked) -> Rows:
    wanted = [
        r
        for r in _flows(asked)
        if r["protocol"] in (6, 17)
        and r["srcaddr"] != r["dstaddr"]
        and r["srcport"] is not None
        and r["dstport"] is not None
        and r["action"] == "ACCEPT"
    ]

    def ends(r: Record) -> tuple[tuple[int, str], tuple[int, str]]:
        return (r["srcport"], r["srcaddr"]), (r["dstport"], r["dstaddr"])

    connections = grouped(wanted, lambda r: (r["protocol"], *sorted(ends(r))))
    pairs: dict[tuple, list] = defaultdict(list)
    for (protocol, low, high), group in connections.items():
        votes = 0
        for r in group:
            source, target = ends(r)
            serving = _serves(asked, r)
            if serving is not None:
                votes += 1 if (source if serving else target) == high else -1
        server, client = (high, low) if votes > 0 else (low, high)
        pairs[client[1], server[1], server[0], protocol].append((group, client, server, not votes))
    rows = []
    for (client, server, port, protocol), parts in pairs.items():
        records = [r for group, *_ in parts for r in group]
        sent = sum(
            _sum((r for r in group if ends(r)[0] == end), "bytes") for group, end, _, _ in parts
        )
        whole = _sum(records, "bytes")
        rows.append(
            (
                client,
                server,
                port,
                protocol_name(protocol),
                whole,
                sent,
                whole - sent,
                _sum(records, "packets"),
                len(records),
                len(parts),
                sum(guess for *_, guess in parts),
                utc(lowest(r["start"] for r in records)),
                utc(highest(r["end"] for r in records)),
            )
        )
    return ordered(rows, "-4 0 1 2 3", asked.p.limit)


def _network(address: str, prefix: str) -> str:
    if ":" in address:
        return f"{address}/128"
    kept = int(prefix) // 8
    parts = address.split(".")[:kept] + ["0"] * (4 - kept)
    return ".".join(parts) + f"/{prefix}"


def firewall_suggestions(asked: Asked) -> Rows:
    p = asked.p
    told = "flow_direction" in asked.columns
    wanted = [
        r
        for r in _flows(asked)
        if r["action"] == "ACCEPT"
        and r["protocol"] in (6, 17)
        and on_port(r["dstport"], p.ports)
        and (r["flow_direction"] == "ingress" if told else private(r["dstaddr"]))
        and not _answers(asked, r)
        and (not p.host or inside(r["dstaddr"], p.host))
    ]
    rules: dict[tuple, list[Record]] = defaultdict(list)
    for key, group in grouped(
        wanted, lambda r: (r["dstaddr"], r["protocol"], r["dstport"])
    ).items():
        public: dict[bool, set[str]] = {False: set(), True: set()}
        for r in group:
            if not private(r["srcaddr"]):
                public[":" in r["srcaddr"]].add(_network(r["srcaddr"], p.prefix))
        for r in group:
            v6 = ":" in r["srcaddr"]
            network = _network(r["srcaddr"], p.prefix)
            if not private(r["srcaddr"]) and len(public[v6]) > p.max_networks:
                network = "::/0" if v6 else "0.0.0.0/0"
            rules[(*key, network)].append(r)
    rows: list[tuple[Any, ...]] = [
        (
            host,
            protocol_name(protocol),
            port,
            port_name(port),
            network,
            distinct(r["srcaddr"] for r in group),
            len(group),
            _sum(group, "bytes"),
            utc(highest(r["end"] for r in group)),
        )
        for (host, protocol, port, network), group in rules.items()
        if len(group) >= p.min_flows
    ]
    return ordered(rows, "0 1 2 4", p.limit)


def graph_diff(asked: Asked) -> Rows:
    p = asked.p
    wanted = [
        r
        for r in _flows(asked)
        if on_port(r["dstport"], p.ports) and r["action"] == "ACCEPT" and not _answers(asked, r)
    ]
    keys = ("srcaddr", "dstaddr", "dstport", "protocol")
    rows = []
    for key, group in grouped(wanted, lambda r: tuple(r[k] for k in keys)).items():
        after = {r["end"] >= p.at for r in group}
        change = "new" if after == {True} else "gone" if after == {False} else "both"
        if change == "both" or p.change not in ("both", change) or len(group) < p.min_flows:
            continue
        rows.append(
            (
                change,
                *key[:3],
                protocol_name(key[3]),
                len(group),
                _sum(group, "bytes"),
                utc(lowest(r["start"] for r in group)),
                utc(highest(r["end"] for r in group)),
            )
        )
    return ordered(rows, "-6 0 1 2 3 4", p.limit)
