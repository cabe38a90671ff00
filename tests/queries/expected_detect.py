"""Answers of the group detect, in plain Python."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

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
    rounded,
    total,
    utc,
)

CASES = {
    "port-scan": [
        ["min_ports=2"],
        ["min_ports=2", "ports=22", "ports=40000-65535", "ignore=203.0.113.0/24"],
        ["min_ports=3", "ignore=2001:db8::1", "ignore=10.0.0.0/8", "limit=4"],
    ],
    "unusual-protocols": [["ignore=6", "limit=400"], ["ignore=tcp", "ignore=gre", "limit=4"]],
    "unapproved-dns": [
        ["approved=8.8.8.8", "approved=10.0.0.0/8", "ports=53", "ports=443"],
        ["approved=2001:db8::/32", "ports=0-65535", "limit=5"],
    ],
    "crypto-ports": [["ignore=203.0.113.0/24"], ["ports=22-443", "ignore=::/0", "limit=6"]],
    "host-sweep": [
        ["min_hosts=3"],
        ["min_hosts=2", "ports=0-65535", "ignore=10.0.0.0/8", "ignore=2001:db8::1", "limit=7"],
    ],
    "large-transfers": [
        ["min_bytes=0", "min_packets=5000", "limit=9"],
        ["min_bytes=0", "min_packets=10", "max_packet_size=99"],
    ],
    "burst-sources": [
        ["min_flows=2", "bucket=1h"],
        ["min_flows=3", "bucket=6h", "ignore=203.0.113.0/24", "limit=8"],
    ],
    "off-hours-traffic": [
        ["zone=Asia/Kolkata", "weekends=false"],
        ["zone=America/New_York", "from_hour=9", "to_hour=17", "ports=22", "ports=443"],
        ["from_hour=4", "to_hour=4", "weekends=true", "ignore=203.0.113.0/24", "limit=6"],
    ],
    "egress-baseline": [
        ["min_hours=2", "min_bytes=1000", "z=0.3"],
        ["by=account", "min_hours=3", "min_bytes=0", "z=0.7", "ignore=8.8.8.8"],
        ["by=pair", "min_hours=2", "min_bytes=0", "z=0", "limit=9"],
    ],
    "beaconing": [
        ["min_connections=3", "max_jitter=1.37", "min_interval=1s", "outside_only=false"],
        [
            *("min_connections=3", "max_jitter=99", "min_interval=1s", "outside_only=false"),
            *("ignore=203.0.113.0/24", "ignore=10.0.0.5", "limit=50"),
        ],
        ["min_connections=3", "max_jitter=99", "outside_only=false", "limit=900"],
    ],
    "ssh-brute-force": [
        ["min_tries=2", "ports=0-65535", "span=1d"],
        [
            "min_tries=2",
            "max_try_bytes=400",
            "span=2w",
            "ports=22",
            "ports=443",
            "ignore=203.0.113.9",
        ],
    ],
    "accepted-after-rejected": [
        ["by=host", "ports=0-65535"],
        ["by=host", "min_rejected=2", "ignore=10.0.0.5", "limit=3"],
        ["ports=0-65535", "ignore=2001:db8::1"],
    ],
    "lateral-movement": [
        ["min_hosts=2", "span=1d", "ports=0-65535"],
        [
            *("min_hosts=2", "span=12h", "networks=0.0.0.0/0", "ignore=10.0.0.5"),
            *("ports=0-65535", "limit=6"),
        ],
    ],
    "syn-only-flows": [
        ["min_flows=1"],
        ["min_flows=1", "action=accept", "ignore=10.0.0.0/24"],
        ["min_flows=1", "action=reject", "max_packet_size=5000", "limit=3"],
    ],
    "new-destinations": [
        ["recent=3d"],
        ["recent=3d", "ports=0-65535", "ignore=203.0.113.9"],
        ["recent=4d", "limit=2"],
        ["recent=67h", "ports=0-65535"],
    ],
}
DEMO = {
    "unapproved-dns": ["approved=192.0.2.53"],
}
FINDS = {
    "port-scan": lambda rows, planted: (
        rows[0]["srcaddr"] == planted.port_scan.source
        and rows[0]["ports"] == len(planted.port_scan.ports)
        and rows[0]["accepted"] == 0
    ),
    "unusual-protocols": lambda rows, planted: {row["name"] for row in rows} == {"GRE"},
    "unapproved-dns": lambda rows, planted: (
        [(row["srcaddr"], row["dstaddr"], row["bytes"]) for row in rows]
        == [
            (
                planted.dns_tunnel.source,
                planted.dns_tunnel.targets[0],
                planted.dns_tunnel.size_bytes,
            )
        ]
    ),
    "crypto-ports": lambda rows, planted: (
        (rows[0]["srcaddr"], rows[0]["flows"]) == (planted.mining.source, planted.mining.accepted)
    ),
    "host-sweep": lambda rows, planted: any(
        (row["srcaddr"], row["dstport"], row["hosts"])
        == (planted.ssh_scan.source, 22, len(planted.ssh_scan.targets))
        for row in rows
    ),
    "large-transfers": lambda rows, planted: (
        {row["dstaddr"] for row in rows} == set(planted.transfer.targets)
        and sum(row["bytes"] for row in rows) == planted.transfer.size_bytes
    ),
    "burst-sources": lambda rows, planted: rows[0]["srcaddr"] == planted.port_scan.source,
    "off-hours-traffic": lambda rows, planted: (
        (rows[0]["dstaddr"], rows[0]["bytes"], rows[0]["days"])
        == (planted.transfer.targets[0], planted.transfer.size_bytes, 1)
    ),
    "egress-baseline": lambda rows, planted: (
        rows[0]["srcaddr"] == planted.transfer.source
        and rows[0]["hour"] == planted.transfer.start.replace(minute=0, second=0, tzinfo=None)
        and rows[0]["bytes"] >= planted.transfer.size_bytes
    ),
    "beaconing": lambda rows, planted: (
        (rows[0]["srcaddr"], rows[0]["dstaddr"], rows[0]["jitter"], rows[0]["interval_seconds"])
        == (planted.beacon.source, planted.beacon.targets[0], 0, 600)
    ),
    "ssh-brute-force": lambda rows, planted: (
        (rows[0]["srcaddr"], rows[0]["tries"], rows[0]["sessions"])
        == (planted.guesses.source, planted.guesses.accepted - 1, 1)
    ),
    "accepted-after-rejected": lambda rows, planted: any(
        (row["srcaddr"], row["rejected"], row["accepted_later"])
        == (planted.opened.source, planted.opened.rejected, planted.opened.accepted)
        for row in rows
    ),
    "lateral-movement": lambda rows, planted: (
        (rows[0]["srcaddr"], rows[0]["hosts"])
        == (planted.lateral.source, len(planted.lateral.targets))
    ),
    "syn-only-flows": lambda rows, planted: (
        (rows[0]["srcaddr"], rows[0]["rejected"])
        == (planted.port_scan.source, planted.port_scan.rejected)
    ),
    "new-destinations": lambda rows, planted: (
        (rows[0]["dstaddr"], rows[0]["bytes"])
        == (planted.transfer.targets[0], planted.transfer.size_bytes)
    ),
}
_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 47: "GRE", 58: "ICMPv6"}
_SERVICES = {
    **{21: "ftp", 22: "ssh", 23: "telnet", 53: "dns", 80: "http", 123: "ntp", 161: "snmp"},
    **{443: "https", 445: "smb", 1433: "mssql", 1900: "ssdp", 3306: "mysql", 3389: "rdp"},
    **{5060: "sip", 5432: "postgresql", 5900: "vnc", 6379: "redis", 8080: "http-alt"},
    **{8443: "https-alt", 9100: "node-exporter", 9200: "elasticsearch"},
}


def _wanted(text: str | None, ignore: Iterable[str]) -> bool:
    """Not on the list; where there is one, only an address can be told to be not on it."""
    return not ignore or inside(text, ignore) is False


def _is_answer(record: Record) -> bool:
    """SYN and ACK both, in a log that has the flags."""
    flags = record.get("tcp_flags")
    return flags is not None and flags & 18 == 18


def _has_low_source(record: Record) -> bool:
    """From a port below 1024, or one that is not known, to one above: as answers do."""
    source, target = record["srcport"], record["dstport"]
    return target is not None and target >= 1024 and (source is None or source < 1024)


def _on_the_way(asked: Asked, direction: str) -> Callable[[Record], bool]:
    """Is a record one of this direction? Any is, in a log without directions."""
    known = "flow_direction" in asked.columns
    return lambda r: not known or r["flow_direction"] == direction


def _leaves(asked: Asked, r: Record) -> bool:
    """Did a host of ours send it: by its direction, or else by its private source?"""
    if "flow_direction" in asked.columns:
        return r["flow_direction"] == "egress" and r["srcaddr"] != "-"
    return bool(private(r["srcaddr"]))


def _accepted(records: Iterable[Record]) -> int:
    return sum(r["action"] == "ACCEPT" for r in records)


def _seen(records: list[Record]) -> tuple:
    """First and last second as times."""
    return utc(lowest(r["start"] for r in records)), utc(highest(r["end"] for r in records))


def _keyed(records: Iterable[Record], *columns: str) -> Iterator[tuple[tuple, list[Record]]]:
    yield from grouped(records, lambda r: tuple(r[c] for c in columns)).items()


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


def unusual_protocols(asked: Asked) -> Rows:
    found = (r for r in asked.records if r["protocol"] not in (None, *asked.p.ignore))
    rows = [
        (
            number,
            _PROTOCOLS[number],
            source,
            target,
            len(group),
            _accepted(group) if "action" in asked.columns else None,
            total(r["packets"] for r in group) or 0,
            total(r["bytes"] for r in group) or 0,
            *_seen(group),
        )
        for (number, source, target), group in _keyed(found, "protocol", "srcaddr", "dstaddr")
    ]
    return ordered(rows, "-7 0 2 3", asked.p.limit)


def _sent_out(asked: Asked) -> Iterator[Record]:
    """TCP and UDP that hosts of ours sent to the ports that count."""
    for r in asked.records:
        if r["protocol"] in (6, 17) and on_port(r["dstport"], asked.p.ports) and _leaves(asked, r):
            yield r


def unapproved_dns(asked: Asked) -> Rows:
    found = (
        r
        for r in _sent_out(asked)
        if r["dstaddr"] != "-" and _wanted(r["dstaddr"], asked.p.approved)
    )
    rows = [
        (
            *key,
            len(group),
            _accepted(group),
            total(r["packets"] for r in group) or 0,
            total(r["bytes"] for r in group) or 0,
            *_seen(group),
        )
        for key, group in _keyed(found, "srcaddr", "dstaddr", "dstport")
    ]
    return ordered(rows, "-6 0 1 2", asked.p.limit)


def crypto_ports(asked: Asked) -> Rows:
    found = (
        r
        for r in _sent_out(asked)
        if private(r["dstaddr"]) is False
        and _wanted(r["dstaddr"], asked.p.ignore)
        and not _is_answer(r)
        and not _has_low_source(r)
    )
    rows = []
    for key, group in _keyed(found, "srcaddr", "dstaddr", "dstport"):
        first, last = _seen(group)
        rows.append((
            *key,
            len(group),
            _accepted(group),
            total(r["packets"] for r in group) or 0,
            total(r["bytes"] for r in group) or 0,
            int((last - first).total_seconds()),
            first,
            last,
        ))  # fmt: skip
    return ordered(rows, "-7 -3 0 1 2", asked.p.limit)


def _tries(asked: Asked) -> Iterator[Record]:
    """What comes to the ports that count, from sources that nobody leaves out."""
    comes_in = _on_the_way(asked, "ingress")
    for r in asked.records:
        if (
            comes_in(r)
            and on_port(r["dstport"], asked.p.ports)
            and "-" not in (r["srcaddr"], r["dstaddr"])
            and _wanted(r["srcaddr"], asked.p.ignore)
            and not _is_answer(r)
        ):
            yield r


def host_sweep(asked: Asked) -> Rows:
    rows = [
        (
            source,
            port,
            _SERVICES.get(port, str(port)),
            private(source),
            distinct(r["dstaddr"] for r in group),
            len(group),
            _accepted(group),
            *_seen(group),
        )
        for (source, port), group in _keyed(_tries(asked), "srcaddr", "dstport")
    ]
    rows = [row for row in rows if row[4] >= asked.p.min_hosts]
    return ordered(rows, "-4 -5 0 1", asked.p.limit)


def large_transfers(asked: Asked) -> Rows:
    p = asked.p
    columns = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "packets", "bytes")
    rows = [
        (utc(r["end"]), *(r[c] for c in columns), r["end"] - r["start"])
        for r in asked.records
        if r["bytes"] is not None
        and r["packets"] is not None
        and r["bytes"] >= p.min_bytes
        and r["packets"] >= p.min_packets
        and (p.max_packet_size is None or r["bytes"] <= r["packets"] * p.max_packet_size)
    ]
    return ordered(rows, "-8 -7 0 1 2 3 4 5 6 9", p.limit)


def burst_sources(asked: Asked) -> Rows:
    p, comes_in = asked.p, _on_the_way(asked, "ingress")
    found = (
        r
        for r in asked.records
        if r["srcaddr"] != "-" and comes_in(r) and _wanted(r["srcaddr"], p.ignore)
    )
    rows = [
        (
            *key,
            len(group),
            _accepted(group),
            len({r["dstaddr"] for r in group} - {"-"}),
            distinct(r["dstport"] for r in group),
        )
        for key, group in grouped(
            found, lambda r: (bucket(r["start"], p.bucket), r["srcaddr"])
        ).items()
        if len(group) >= p.min_flows
    ]
    return ordered(rows, "-2 0 1", p.limit)


def off_hours_traffic(asked: Asked) -> Rows:
    p, zone = asked.p, ZoneInfo(asked.p.zone)
    off, hour = set(), p.from_hour
    while hour != p.to_hour:
        off.add(hour)
        hour = (hour + 1) % 24

    def there(r: Record) -> datetime:
        return datetime.fromtimestamp(r["end"], UTC).astimezone(zone)

    found = [
        r
        for r in asked.records
        if r["action"] == "ACCEPT"
        and "-" not in (r["srcaddr"], r["dstaddr"])
        and on_port(r["dstport"], p.ports)
        and _wanted(r["srcaddr"], p.ignore)
        and _wanted(r["dstaddr"], p.ignore)
        and (there(r).hour in off or (p.weekends and there(r).strftime("%a") in ("Sat", "Sun")))
    ]
    rows = [
        (
            *key,
            len(group),
            len({there(r).date() for r in group}),
            total(r["packets"] for r in group) or 0,
            total(r["bytes"] for r in group) or 0,
            *_seen(group),
        )
        for key, group in _keyed(found, "srcaddr", "dstaddr", "dstport")
    ]
    return ordered(rows, "-6 0 1 2", p.limit)


def egress_baseline(asked: Asked) -> Rows:
    p = asked.p
    found = [
        r
        for r in asked.records
        if r["action"] == "ACCEPT"
        and r["bytes"] is not None
        and private(r["dstaddr"]) is False
        and _leaves(asked, r)
        and _wanted(r["dstaddr"], p.ignore)
    ]

    def subject(r: Record) -> tuple:
        source = None if p.by == "account" else r["srcaddr"]
        return r["account_id"], source, r["dstaddr"] if p.by == "pair" else None

    rows = []
    for key, records in grouped(found, subject).items():
        hours = sorted(grouped(records, lambda r: bucket(r["end"], 3_600)).items())
        sizes = [sum(r["bytes"] for r in group) for _, group in hours]
        for n, (hour, group) in enumerate(hours):
            earlier = sizes[:n]
            if n < p.min_hours or sizes[n] < p.min_bytes:
                continue
            mean = statistics.fmean(earlier)
            z = (sizes[n] - mean) / max(statistics.stdev(earlier), mean / 10, 1)
            if z >= p.z:
                peers = distinct(r["dstaddr"] for r in group)
                rows.append((*key, hour, sizes[n], int(rounded(mean, 0)), n, rounded(z, 1), peers))
    return ordered(rows, "-7 3 0 1 2 4 5 6 8", p.limit)


def beaconing(asked: Asked) -> Rows:
    p = asked.p
    ends = ("srcaddr", "dstaddr", "dstport", "protocol")
    found = [
        r
        for r in asked.records
        if r["protocol"] in (6, 17)
        and not {"-", None} & {r["srcaddr"], r["dstaddr"], r["srcport"], r["dstport"]}
        and (not p.outside_only or private(r["dstaddr"]) is False)
        and _wanted(r["dstaddr"], p.ignore)
    ]
    rows = []
    for key, group in _keyed(found, *ends):
        began = sorted(lowest(r["start"] for r in same) for _, same in _keyed(group, "srcport"))
        gaps = [later - earlier for earlier, later in pairwise(began)]
        if len(began) < p.min_connections or statistics.fmean(gaps) < p.min_interval:
            continue
        mean, deviation = statistics.fmean(gaps), statistics.pstdev(gaps)
        if deviation <= mean * p.max_jitter:
            rows.append((
                *key[:3],
                _PROTOCOLS[key[3]],
                len(began),
                int(rounded(mean, 0)),
                rounded(deviation / mean, 3),
                total(r["bytes"] for r in group) or 0,
                utc(began[0]),
                utc(began[-1]),
            ))  # fmt: skip
    return ordered(rows, "6 -4 0 1 2 3", p.limit)


def ssh_brute_force(asked: Asked) -> Rows:
    p = asked.p
    found = [
        r
        for r in asked.records
        if r["protocol"] == 6
        and "-" not in (r["srcaddr"], r["dstaddr"])
        and r["srcport"] is not None
        and on_port(r["dstport"], p.ports)
        and _wanted(r["srcaddr"], p.ignore)
    ]
    rows = []
    for key, group in _keyed(found, "srcaddr", "dstaddr", "dstport"):
        tries, sessions, refused = [], [], 0
        for _, same in _keyed(group, "srcport"):
            began = lowest(r["start"] for r in same)
            long = (total(r["bytes"] for r in same) or 0) > p.max_try_bytes
            if long and _accepted(same):
                sessions.append(began)
            else:
                tries.append(began)
                refused += any(r["action"] == "REJECT" for r in same)

        def before(moment: int, tries: list[int] = tries) -> int:
            return sum(moment - p.span <= began <= moment for began in tries)

        most = max(map(before, tries), default=0)
        after = [began for began in sessions if before(began) >= p.min_tries]
        if most >= p.min_tries:
            rows.append((
                *key,
                private(key[0]),
                len(tries),
                most,
                refused,
                len(after),
                utc(lowest(tries)),
                utc(lowest(after)),
                utc(highest(r["end"] for r in group)),
            ))  # fmt: skip
    return ordered(rows, "-7 -5 0 1 2", p.limit)


def accepted_after_rejected(asked: Asked) -> Rows:
    p = asked.p

    def door(r: Record) -> tuple:
        return r["srcaddr"], r["dstaddr"], r["dstport"] if p.by == "port" else None

    rows = []
    for key, group in grouped(_tries(asked), door).items():
        rejected = [r["end"] for r in group if r["action"] == "REJECT"]
        accepted = [r for r in group if r["action"] == "ACCEPT"]
        later = [r for r in accepted if rejected and r["start"] >= min(rejected)]
        if later and len(rejected) >= p.min_rejected:
            rows.append((
                *key,
                private(key[0]),
                len(rejected),
                len(later),
                total(r["bytes"] for r in later) or 0,
                utc(min(rejected)),
                utc(lowest(r["start"] for r in later)),
                utc(highest(r["end"] for r in accepted)),
            ))  # fmt: skip
    return ordered(rows, "-8 0 1 2", p.limit)


def lateral_movement(asked: Asked) -> Rows:
    p = asked.p

    def ours(text: str) -> bool:
        return bool(inside(text, p.networks) if p.networks else private(text))

    found = [
        r
        for r in _tries(asked)
        if r["protocol"] == 6
        and ours(r["srcaddr"])
        and ours(r["dstaddr"])
        and r["srcaddr"] != r["dstaddr"]
    ]
    rows = [
        (
            *key,
            distinct(r["dstaddr"] for r in group),
            distinct(r["dstaddr"] for r in group if r["action"] == "ACCEPT"),
            distinct(r["dstport"] for r in group),
            len(group),
            *_seen(group),
        )
        for key, group in grouped(found, lambda r: (r["srcaddr"], bucket(r["end"], p.span))).items()
    ]
    rows = [row for row in rows if row[2] >= p.min_hosts]
    return ordered(rows, "-2 -3 0 1", p.limit)


def syn_only_flows(asked: Asked) -> Rows:
    p, comes_in = asked.p, _on_the_way(asked, "ingress")
    verdicts = {"accept": ("ACCEPT",), "reject": ("REJECT",), "any": ("ACCEPT", "REJECT", "-")}

    def is_empty(r: Record) -> bool:
        if r["bytes"] is None or r["packets"] is None:
            return r["bytes"] is None
        return r["bytes"] <= r["packets"] * p.max_packet_size

    found = [
        r
        for r in asked.records
        if r["tcp_flags"] == 2
        and r["protocol"] == 6
        and r["srcaddr"] != "-"
        and r["action"] in verdicts[p.action]
        and is_empty(r)
        and comes_in(r)
        and _wanted(r["srcaddr"], p.ignore)
    ]
    rows = [
        (
            source,
            len(group),
            _accepted(group),
            sum(r["action"] == "REJECT" for r in group),
            total(r["packets"] for r in group) or 0,
            len({r["dstaddr"] for r in group} - {"-"}),
            distinct(r["dstport"] for r in group),
            *_seen(group),
        )
        for (source,), group in _keyed(found, "srcaddr")
        if len(group) >= p.min_flows
    ]
    return ordered(rows, "-1 0", p.limit)


def new_destinations(asked: Asked) -> Rows:
    p = asked.p
    newest = datetime.fromtimestamp(highest(r["end"] for r in asked.records), UTC)
    since = int((newest - timedelta(seconds=p.recent)).timestamp())
    found = [
        r
        for r in asked.records
        if r["action"] == "ACCEPT"
        and private(r["dstaddr"]) is False
        and not _has_low_source(r)
        and on_port(r["dstport"], p.ports)
        and _leaves(asked, r)
        and _wanted(r["dstaddr"], p.ignore)
    ]
    rows = [
        (
            target,
            distinct(r["srcaddr"] for r in group),
            distinct(r["dstport"] for r in group),
            len(group),
            total(r["bytes"] for r in group) or 0,
            *_seen(group),
        )
        for (target,), group in _keyed(found, "dstaddr")
        if all(r["start"] >= since for r in group)
    ]
    return ordered(rows, "-4 0 1 2 3 5 6", p.limit)
