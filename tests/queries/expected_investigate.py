"""Answers of the group investigate, in plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

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
    percent,
    private,
    rounded,
    total,
    utc,
)

_ENI, _OTHER_ENI = "eni-0123456789abcdef0", "eni-0aaaaaaaaaaaaaaaa"

DEMO = {
    "traffic-from-source": ["ip=203.0.113.45"],
    "traffic-to-destination": ["ip=203.0.113.200"],
    "traffic-involving-ip": ["ip=203.0.113.200"],
    "traffic-between-ips": ["ip_a=10.0.0.0/8", "ip_b=203.0.113.200", "limit=500"],
    "pair-summary": ["ip_a=10.0.0.0/8", "ip_b=203.0.113.200"],
    "conversation-quads": ["ip=203.0.113.200"],
    "interface-traffic": ["interface=eni-0c49b3d1036faca4e"],
    "ioc-match": ["indicators=203.0.113.0/24", "indicators=198.51.100.77"],
    "ip-set": ["limit=5000"],
    "first-last-seen": ["ip=198.51.100.23", "ip=203.0.113.0/24"],
}
_PAIRS = [
    ["ip_a=10.0.0.5", "ip_b=203.0.113.9"],
    ["ip_a=10.0.0.0/8", "ip_a=fd00::/8", "ip_b=203.0.113.0/24", "ip_b=2001:db8::1", "limit=9"],
    ["ip_a=10.0.0.0/8", "ip_b=10.0.0.0/23"],
]
CASES = {
    "traffic-from-source": [["ip=10.0.0.5"], ["ip=2001:db8::1", "limit=2"]],
    "traffic-to-destination": [["ip=10.0.0.5"], ["ip=2001:db8::1", "limit=2"]],
    "traffic-involving-ip": [
        ["ip=10.0.0.5", "limit=400"],
        ["ip=2001:db8::/32", "ip=8.8.8.8", "side=source", "protocol=tcp"],
        ["ip=10.0.0.0/16", "side=destination", "dstports=22", "dstports=400-4000"],
        ["ip=203.0.113.0/24", "srcports=40000-65535", "action=REJECT"],
        ["ip=fd00::5", "action=ACCEPT", "protocol=17", "srcports=53", "dstports=0-100"],
    ],
    "traffic-between-ips": _PAIRS,
    "pair-summary": _PAIRS,
    "conversation-quads": [
        ["ip=10.0.0.5"],
        ["ip=203.0.113.9", "min_bytes=400"],
        ["ip=2001:db8::1", "limit=3"],
    ],
    "interface-traffic": [
        [f"interface={_ENI}"],
        [f"interface={_ENI}", f"interface={_OTHER_ENI}", "limit=500"],
    ],
    "resource-traffic": [
        ["instance=i-0123456789abcdef1"],
        ["subnet=subnet-0123456789abcdef0", "subnet=subnet-0aaaaaaaaaaaaaaaa", "limit=7"],
        ["vpc=vpc-0123456789abcdef1", "instance=i-0123456789abcdef1", "limit=900"],
    ],
    "interface-list": [["limit=2"]],
    "ip-set": [["side=source"], ["side=destination", "only=public"], ["only=private", "limit=3"]],
    "first-last-seen": [
        ["ip=10.0.0.5", "max_port=443", "entries=12"],
        ["ip=2001:db8::/32", "ip=203.0.113.9", "max_port=65535", "entries=100"],
    ],
    "ip-data-ratio": [["ip=10.0.0.0/8", "ip=2001:db8::1"], ["limit=3"]],
    "recent-records": [["order=oldest"], ["limit=400"]],
    "latest-per-connection": [["limit=900"], [f"interface={_ENI}", "limit=5"]],
    "regions-activity": [["region=eu-west-1"], ["region=us-east-1", "region=sa-east-1"]],
    "ecs-service-traffic": [["limit=2"]],
    "traffic-by-tag": [["kind=interface-tag"], ["kind=asg-tag-2"], ["limit=3"]],
    "next-hop-summary": [["limit=4"]],
    "encryption-status-report": [
        ["by=port"],
        ["by=pairs", "only=none"],
        ["by=pairs", "limit=3"],
        ["by=port", "only=unknown"],
    ],
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
    "traffic-to-destination": lambda rows, planted: (
        sum(row["bytes"] for row in rows) == planted.transfer.size_bytes
        and {row["srcaddr"] for row in rows} == {planted.transfer.source}
    ),
    "traffic-between-ips": lambda rows, planted: (
        sum(row["bytes"] for row in rows if row["direction"] == "a to b")
        == planted.transfer.size_bytes
    ),
    "pair-summary": lambda rows, planted: (
        rows[0]["bytes"] == planted.transfer.size_bytes and rows[0]["instance_id"] is not None
    ),
    "conversation-quads": lambda rows, planted: (
        (rows[0]["peer"], rows[0]["bytes_received"])
        == (planted.transfer.source, planted.transfer.size_bytes)
    ),
    "first-last-seen": lambda rows, planted: any(
        row["srcaddr"] == planted.port_scan.source
        and row["ports"] == len(planted.port_scan.ports)
        and row["port_list"].startswith("1 6 11 16 ")
        for row in rows
    ),
    "ip-set": lambda rows, planted: (
        {planted.port_scan.source, planted.beacon.source} <= {row["addr"] for row in rows}
    ),
    "ip-data-ratio": lambda rows, planted: (
        rows[0]["addr"] == planted.transfer.source and rows[0]["ratio"] > 10
    ),
    "traffic-by-tag": lambda rows, planted: (
        {"données", "shop front", "web-asg", "-"} <= {row["tag"] for row in rows}
        and {row["kind"] for row in rows if row["tag"] == "web-asg"} == {"asg-tag"}
    ),
    "ecs-service-traffic": lambda rows, planted: (
        [(row["ecs_service_name"], row["tasks"]) for row in rows] == [("checkout", 8)]
    ),
}
_NAMES = {None: None, 1: "ICMP", 6: "TCP", 17: "UDP", 47: "GRE", 58: "ICMPv6"}
_CONNECTION = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol")


def _shown(record: Record, *columns: str) -> tuple:
    """Columns of a record, protocols by name, and None for a column that the log has not."""
    return tuple(_NAMES[record[c]] if c == "protocol" else record.get(c) for c in columns)


def _seen(group: list[Record]) -> tuple:
    return utc(lowest(r["start"] for r in group)), utc(highest(r["end"] for r in group))


def _known(texts: Iterable[str]) -> str | None:
    """The last of the texts that is not ``-``."""
    return highest(text for text in texts if text != "-")


def _bytes(records: Iterable[Record]) -> int:
    return total(r["bytes"] for r in records) or 0


def _actions(group: list[Record], action: str) -> int:
    return sum(r["action"] == action for r in group)


def traffic_from_source(asked: Asked) -> Rows:
    rest = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "packets", "bytes")
    rows = [
        (utc(r["end"]), *(r[column] for column in rest))
        for r in asked.records
        if r["srcaddr"] == asked.p.ip
    ]
    return ordered(rows, "-0 2 3 4 5 6 7 8", asked.p.limit)


def traffic_to_destination(asked: Asked) -> Rows:
    rest = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "packets", "bytes")
    rows = [
        (utc(r["end"]), *(r[column] for column in rest))
        for r in asked.records
        if r["dstaddr"] == asked.p.ip
    ]
    return ordered(rows, "-0 1 3 4 5 6 7 8", asked.p.limit)


def traffic_involving_ip(asked: Asked) -> Rows:
    p, rows = asked.p, []
    for r in asked.records:
        sides = {"source": ("srcaddr", "pkt_srcaddr"), "destination": ("dstaddr", "pkt_dstaddr")}
        if p.side != "either":
            sides = {p.side: sides[p.side]}
        own = [side for side, (c, _) in sides.items() if inside(r[c], p.ip)]
        behind = [c for _, c in sides.values() if c in asked.columns and inside(r[c], p.ip)]
        if not own and not behind:
            continue
        if p.protocol is not None and r["protocol"] != p.protocol:
            continue
        if p.action != "any" and r["action"] != p.action:
            continue
        if p.srcports and not on_port(r["srcport"], p.srcports):
            continue
        if p.dstports and not on_port(r["dstport"], p.dstports):
            continue
        matched = "packet" if not own else own[0] if len(own) == 1 else "both"
        rest = ("interface_id", *_CONNECTION, "action", "packets", "bytes")
        rows.append((utc(r["end"]), matched, *(r[c] for c in rest)))
    return ordered(rows, "-0 1 2 3 4 5 6 7 8 9 10", p.limit)


def _between(asked: Asked) -> list[tuple[str, Record]]:
    """The records between both sides, with their direction."""
    a, b, found = asked.p.ip_a, asked.p.ip_b, []
    for r in asked.records:
        if inside(r["srcaddr"], a) and inside(r["dstaddr"], b):
            found.append(("a to b", r))
        elif inside(r["srcaddr"], b) and inside(r["dstaddr"], a):
            found.append(("b to a", r))
    return found


def traffic_between_ips(asked: Asked) -> Rows:
    has_direction = "flow_direction" in asked.columns
    rows = [
        (
            utc(r["start"]),
            utc(r["end"]),
            direction,
            r["interface_id"],
            r["flow_direction"] if has_direction else None,
            *_shown(r, *_CONNECTION, "action", "packets", "bytes"),
        )
        for direction, r in _between(asked)
    ]
    return ordered(rows, "-1 -0 2 3 4 5 6 7 8 9 10 11 12", asked.p.limit)


def pair_summary(asked: Asked) -> Rows:
    groups = grouped(
        (r for _, r in _between(asked)), lambda r: (r["interface_id"], r["srcaddr"], r["dstaddr"])
    )
    rows = [
        (
            interface,
            _known(r["instance_id"] for r in group) if "instance_id" in asked.columns else None,
            source,
            target,
            len(group),
            _actions(group, "ACCEPT"),
            _actions(group, "REJECT"),
            total(r["packets"] for r in group) or 0,
            _bytes(group),
            *_seen(group),
        )
        for (interface, source, target), group in groups.items()
    ]
    return ordered(rows, "-8 0 2 3", asked.p.limit)


def conversation_quads(asked: Asked) -> Rows:
    ip = asked.p.ip

    def key(r: Record) -> tuple | None:
        if r["srcaddr"] == ip:
            return r["dstaddr"], r["srcport"], r["dstport"], _NAMES[r["protocol"]]
        if r["dstaddr"] == ip:
            return r["srcaddr"], r["dstport"], r["srcport"], _NAMES[r["protocol"]]
        return None

    groups = grouped(asked.records, key)
    groups.pop(None, None)
    rows = [
        (
            *connection,
            len(group),
            _actions(group, "REJECT"),
            _bytes(r for r in group if r["srcaddr"] == ip),
            _bytes(r for r in group if r["srcaddr"] != ip),
            _bytes(group),
            *_seen(group),
        )
        for connection, group in groups.items()
        if _bytes(group) >= asked.p.min_bytes
    ]
    return ordered(rows, "-8 0 1 2 3", asked.p.limit)


def interface_traffic(asked: Asked) -> Rows:
    direction = "flow_direction" if "flow_direction" in asked.columns else "nothing"
    rest = ("interface_id", direction, *_CONNECTION, "action", "packets", "bytes", "log_status")
    rows = [
        (utc(r["end"]), *_shown(r, *rest))
        for r in asked.records
        if r["interface_id"] in asked.p.interface
    ]
    return ordered(rows, "-0 1 2 3 4 5 6 7 8 9 10 11", asked.p.limit)


def resource_traffic(asked: Asked) -> Rows:
    p = asked.p
    direction = "flow_direction" if "flow_direction" in asked.columns else "nothing"
    where = ("vpc_id", "subnet_id", "instance_id", "interface_id", direction)
    rows = [
        (utc(r["end"]), *_shown(r, *where, *_CONNECTION, "action", "packets", "bytes"))
        for r in asked.records
        if (not p.vpc or r["vpc_id"] in p.vpc)
        and (not p.subnet or r["subnet_id"] in p.subnet)
        and (not p.instance or r["instance_id"] in p.instance)
    ]
    return ordered(rows, "-0 1 2 3 4 5 6 7 8 9 10 11 12 13", p.limit)


def interface_list(asked: Asked) -> Rows:
    def place(group: list[Record], column: str) -> str | None:
        return _known(r[column] for r in group) if column in asked.columns else None

    groups = grouped(
        (r for r in asked.records if r["interface_id"] != "-"),
        lambda r: (r["account_id"], r["interface_id"]),
    )
    rows = [
        (
            *key,
            *(place(group, column) for column in ("vpc_id", "subnet_id", "instance_id")),
            len(group),
            sum(r["log_status"] == "OK" for r in group),
            _bytes(group),
            *_seen(group),
        )
        for key, group in groups.items()
    ]
    return ordered(rows, "0 1", asked.p.limit)


def _sides(records: Iterable[Record]) -> dict[str, list[tuple[str, Record]]]:
    """Address -> the records that it stands in, with the side on which it does."""
    found: dict[str, list[tuple[str, Record]]] = {}
    for r in records:
        for side, column in (("source", "srcaddr"), ("destination", "dstaddr")):
            if r[column] != "-":
                found.setdefault(r[column], []).append((side, r))
    return found


def ip_set(asked: Asked) -> Rows:
    p, rows = asked.p, []
    for addr, every in _sides(asked.records).items():
        stood = [(side, r) for side, r in every if p.side in ("either", side)]
        if not stood or (p.only != "all" and private(addr) is not (p.only == "private")):
            continue
        group = [r for _, r in stood]
        sources = sum(side == "source" for side, _ in stood)
        rows.append(
            (addr, private(addr), sources, len(stood) - sources, _bytes(group), *_seen(group))
        )
    return ordered(rows, "0", p.limit)


def first_last_seen(asked: Asked) -> Rows:
    p, rows = asked.p, []
    groups = grouped(
        (r for r in asked.records if "-" not in (r["srcaddr"], r["dstaddr"])),
        lambda r: r["srcaddr"],
    )
    for source, group in groups.items():
        if p.ip and not inside(source, p.ip):
            continue
        targets = sorted({r["dstaddr"] for r in group})
        ports = sorted({r["dstport"] for r in group if (r["dstport"] or 0) <= p.max_port} - {None})
        rows.append(
            (
                source,
                len(group),
                _actions(group, "ACCEPT"),
                len(targets),
                " ".join(targets[: p.entries]),
                len(ports),
                " ".join(map(str, ports[: p.entries])) if ports else None,
                *_seen(group),
            )
        )
    return ordered(rows, "-3 0", p.limit)


def ip_data_ratio(asked: Asked) -> Rows:
    rows = []
    accepted = (r for r in asked.records if r["action"] == "ACCEPT")
    for addr, stood in _sides(accepted).items():
        sizes = [r["bytes"] for _, r in stood if r["bytes"] is not None]
        if not sizes or (asked.p.ip and not inside(addr, asked.p.ip)):
            continue
        sent = [r for side, r in stood if side == "source"]
        received = [r for side, r in stood if side == "destination"]
        out = total(r["bytes"] for r in sent)
        rows.append(
            (
                addr,
                len(sent),
                len(received),
                out or 0,
                _bytes(received),
                rounded(sum(sizes) / len(sizes), 1),
                rounded(out / _bytes(received), 4)
                if out is not None and _bytes(received)
                else None,
                *_seen([r for _, r in stood]),
            )
        )
    return ordered(rows, "-3 0", asked.p.limit)


def recent_records(asked: Asked) -> Rows:
    before = ("account_id", "interface_id", *_CONNECTION)
    rows = [
        (
            utc(r["start"]),
            utc(r["end"]),
            *_shown(r, *before, "packets", "bytes", "action", "log_status"),
        )
        for r in asked.records
    ]
    first = "1 0" if asked.p.order == "oldest" else "-1 -0"
    return ordered(rows, f"{first} 2 3 4 5 6 7 8 9 10 11 12", asked.p.limit)


def latest_per_connection(asked: Asked) -> Rows:
    wanted, rows = asked.p.interface, []
    records = [
        r
        for r in asked.records
        if r["srcaddr"] != "-" and (not wanted or r["interface_id"] in wanted)
    ]
    for key, group in grouped(records, lambda r: tuple(r[c] for c in _CONNECTION)).items():
        repeats = [
            (r["end"], r["interface_id"], r["action"], r["packets"], r["bytes"]) for r in group
        ]
        end, interface, action, packets, size = ordered(repeats, "-0 1 2 3 4", 1)[0]
        connection = (*key[:4], _NAMES[key[4]])
        rows.append((utc(end), interface, *connection, action, packets, size, len(group)))
    return ordered(rows, "-0 1 2 3 4 5 6 7 8 9 10", asked.p.limit)


def regions_activity(asked: Asked) -> Rows:
    wanted = asked.p.region
    groups = grouped(
        (r for r in asked.records if not wanted or r["region"] in wanted),
        lambda r: (r["account_id"], r["region"]),
    )
    rows = [
        (
            *key,
            len(group),
            _actions(group, "ACCEPT"),
            _actions(group, "REJECT"),
            distinct(r["interface_id"] for r in group if r["interface_id"] != "-"),
            _bytes(group),
            *_seen(group),
        )
        for key, group in groups.items()
    ]
    return ordered(rows, "0 1")


def ecs_service_traffic(asked: Asked) -> Rows:
    def moved(group: list[Record], way: str) -> int | None:
        if "flow_direction" not in asked.columns:
            return None
        return _bytes(r for r in group if r["flow_direction"] == way)

    groups = grouped(
        (r for r in asked.records if r["ecs_cluster_name"] != "-"),
        lambda r: (r["ecs_cluster_name"], r["ecs_service_name"]),
    )
    rows = [
        (
            *key,
            distinct(r["ecs_task_id"] for r in group if r["ecs_task_id"] != "-"),
            len(group),
            _actions(group, "REJECT"),
            _bytes(group),
            moved(group, "egress"),
            moved(group, "ingress"),
            *_seen(group),
        )
        for key, group in groups.items()
    ]
    return ordered(rows, "-5 0 1", asked.p.limit)


def traffic_by_tag(asked: Asked) -> Rows:
    kinds = [f"{of}-tag{nth}" for of in ("instance", "interface", "asg") for nth in ("", "-2")]
    moved = [r for r in asked.records if (r["packets"], r["bytes"]) != (None, None)]
    rows = []
    for kind in kinds:
        column = kind.replace("-", "_")
        if column not in asked.columns or asked.p.kind not in ("any", kind):
            continue
        for tag, group in grouped(moved, lambda r, column=column: unquote(r[column])).items():
            rows.append((
                kind,
                tag,
                distinct(r["account_id"] for r in group),
                len({r["interface_id"] for r in group} - {"-"}),
                len(group),
                _actions(group, "REJECT"),
                total(r["packets"] for r in group) or 0,
                _bytes(group),
                *_seen(group),
            ))  # fmt: skip
    return ordered(rows, "-7 0 1", asked.p.limit)


def next_hop_summary(asked: Asked) -> Rows:
    keys = ("flow_direction", "next_hop_interface_type", "next_hop_az_id", "next_hop_vpc_id")
    groups = grouped(
        (r for r in asked.records if r["action"] == "ACCEPT"), lambda r: tuple(r[k] for k in keys)
    )
    rows = [
        (*key, len(group), total(r["packets"] for r in group) or 0, _bytes(group))
        for key, group in groups.items()
    ]
    return ordered(rows, "-6 0 1 2 3", asked.p.limit)


def encryption_status_report(asked: Asked) -> Rows:
    p = asked.p
    words = {0: "none", 1: "Nitro", 2: "application", 3: "both"}

    def word(r: Record) -> str:
        return words.get(r["encryption_status"], "unknown")

    accepted = (r for r in asked.records if r["action"] == "ACCEPT")
    records = [r for r in accepted if p.only in ("any", word(r))]

    def key(r: Record) -> tuple:
        pair = (r["srcaddr"], r["dstaddr"]) if p.by == "pairs" else (None, None)
        return word(r), *pair, None if p.by == "status" else r["dstport"]

    every = _bytes(records)
    rows = [
        (
            *found,
            len(group),
            _bytes(group),
            percent(_bytes(group), every),
        )
        for found, group in grouped(records, key).items()
    ]
    return ordered(rows, "-5 0 1 2 3", p.limit)


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
