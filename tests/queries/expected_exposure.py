"""Answers of the group exposure, in plain Python."""

from __future__ import annotations

from collections.abc import Iterable

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

CASES = {
    "sensitive-port-traffic": [
        ["sources=public"],
        ["sources=private", "limit=5"],
        ["ports=0-80", "ports=443", "kind=admin"],
        ["ports=0-65535", "action=reject"],
        ["kind=admin"],
        ["kind=database", "action=accept"],
        ["kind=console"],
    ],
    "inbound-from-public": [
        ["action=accept", "except_ports=22", "except_ports=80-443"],
        ["action=reject", "ports=22", "ports=3000-65535", "limit=4"],
        ["inside=2001:db8::/32", "inside=203.0.113.128/25", "ignore=8.8.8.8"],
    ],
    "exposed-services": [
        ["min_sources=2"],
        ["inside=2001:db8::/32", "ports=0-65535", "limit=9"],
    ],
    "unused-listeners": [
        ["silent=1d"],
        ["silent=61h", "ports=0-65535"],
        ["silent=6h", "ports=22", "ports=443", "limit=5"],
    ],
    "internal-external-split": [
        ["by=pair"],
        ["by=pair", "scope=crossing", "limit=9"],
        ["by=pair", "scope=not-internal", "networks=10.0.0.0/16", "networks=2001:db8::1"],
        ["scope=external", "networks=10.0.0.0/8"],
        ["scope=inbound", "networks=10.0.0.0/8", "networks=fd00::/8"],
    ],
    "asymmetric-flows": [["min_packets=1"], ["protocol=udp", "min_packets=2", "limit=6"]],
}
DEMO = {
    "ssh-rdp-traffic": ["limit=5000"],
    "sensitive-port-traffic": ["sources=public"],
    "unused-listeners": ["silent=1d"],
}
FINDS = {
    "ssh-rdp-traffic": lambda rows, planted: (
        {planted.ssh_scan.source, planted.rdp.source} <= {row["srcaddr"] for row in rows}
    ),
    "sensitive-port-traffic": lambda rows, planted: any(
        (row["srcaddr"], row["service"], row["flows"])
        == (planted.guesses.source, "ssh", planted.guesses.accepted)
        for row in rows
    ),
    "inbound-from-public": lambda rows, planted: any(
        row["srcaddr"] == planted.guesses.source and row["accepted"] == planted.guesses.accepted
        for row in rows
    ),
    "exposed-services": lambda rows, planted: (
        {
            (planted.last_visit.targets[0], 8081, 1),
            (planted.opened.targets[0], 3306, 1),
        }
        <= {(row["dstaddr"], row["dstport"], row["sources"]) for row in rows}
    ),
    "unused-listeners": lambda rows, planted: any(
        (row["host"], row["port"], row["flows"]) == (planted.last_visit.targets[0], 8081, 3)
        for row in rows
    ),
    "internal-external-split": lambda rows, planted: any(
        row["scope"] == "outbound" and row["bytes"] > planted.transfer.size_bytes for row in rows
    ),
    "asymmetric-flows": lambda rows, planted: any(
        (row["dstaddr"], row["conversations"])
        == (planted.unanswered.targets[0], planted.unanswered.accepted)
        for row in rows
    ),
}
_KINDS = {
    "admin": (
        *("22-23", "135", "139", "445", "2375-2376", "3389", "5900-5901", "5985-5986", "6443"),
        "10250",
    ),
    "database": (
        *("1433-1434", "1521", "2483-2484", "3306", "5432", "5439", "6379", "7000-7001", "8182"),
        *("9042", "9200", "11211", "27017-27019", "50000"),
    ),
    "console": ("8000", "8080", "8088", "8443", "8888", "9090"),
}
_KINDS["any"] = tuple(ports for kind in _KINDS.values() for ports in kind)
_PROTOCOLS = {6: "TCP", 17: "UDP"}
_SERVICES = {
    **{21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "dns", 80: "http", 123: "ntp"},
    **{161: "snmp", 443: "https", 445: "smb", 1433: "mssql", 1900: "ssdp", 3306: "mysql"},
    **{3389: "rdp", 5060: "sip", 5432: "postgresql", 5900: "vnc", 6379: "redis"},
    **{8080: "http-alt", 8443: "https-alt", 9100: "node-exporter", 9200: "elasticsearch"},
}


def service(port: int | None) -> str | None:
    """The ports of the generated and the demo's logs by name."""
    return None if port is None else _SERVICES.get(port, str(port))


def is_answer(record: Record) -> bool:
    """SYN and ACK both, in a log that has the flags."""
    flags = record.get("tcp_flags")
    return flags is not None and flags & 18 == 18


def has_low_source(record: Record) -> bool:
    """From a port below 1024, or one that is not known, to one above: as answers do."""
    source, target = record["srcport"], record["dstport"]
    return target is not None and target >= 1024 and (source is None or source < 1024)


def wanted(text: str | None, ignore: Iterable[str]) -> bool:
    """Not on the list; where there is one, only an address can be told to be not on it."""
    return not ignore or inside(text, ignore) is False


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


def sensitive_port_traffic(asked: Asked) -> Rows:
    source_is_private = {"any": (True, False, None), "public": (False,), "private": (True,)}
    found = [
        r
        for r in asked.records
        if on_port(r["dstport"], asked.p.ports or _KINDS[asked.p.kind])
        and private(r["srcaddr"]) in source_is_private[asked.p.sources]
        and asked.p.action in ("any", r["action"].lower())
    ]
    rows = [
        (
            port,
            service(port),
            source,
            target,
            private(source),
            len(group),
            sum(r["action"] == "ACCEPT" for r in group),
            total(r["packets"] for r in group) or 0,
            total(r["bytes"] for r in group) or 0,
        )
        for (port, source, target), group in grouped(
            found, lambda r: (r["dstport"], r["srcaddr"], r["dstaddr"])
        ).items()
    ]
    return ordered(rows, "-8 0 2 3", asked.p.limit)


def _from_outside(asked: Asked) -> Iterable[Record]:
    """What comes from public addresses to a host of ours on the ports that count."""
    ours = asked.p.inside
    for r in asked.records:
        source, target = r["srcaddr"], r["dstaddr"]
        if private(source) is not False or (ours and inside(source, ours)):
            continue
        if "flow_direction" in asked.columns:
            comes_in = r["flow_direction"] == "ingress" and target != "-"
        else:
            comes_in = private(target) or bool(ours and inside(target, ours))
        asks = not is_answer(r) and not has_low_source(r)
        if comes_in and asks and on_port(r["dstport"], asked.p.ports):
            yield r


def inbound_from_public(asked: Asked) -> Rows:
    p = asked.p
    verdicts = {"accept": ("ACCEPT",), "reject": ("REJECT",), "any": ("ACCEPT", "REJECT", "-")}
    found = [
        r
        for r in _from_outside(asked)
        if r["action"] in verdicts[p.action]
        and not on_port(r["dstport"], p.except_ports)
        and wanted(r["srcaddr"], p.ignore)
    ]
    rows = [
        (
            *key,
            service(key[2]),
            len(group),
            sum(r["action"] == "ACCEPT" for r in group),
            total(r["packets"] for r in group) or 0,
            total(r["bytes"] for r in group) or 0,
            utc(lowest(r["start"] for r in group)),
            utc(highest(r["end"] for r in group)),
        )
        for key, group in grouped(
            found, lambda r: (r["srcaddr"], r["dstaddr"], r["dstport"])
        ).items()
    ]
    return ordered(rows, "-5 -4 0 1 2", p.limit)


def exposed_services(asked: Asked) -> Rows:
    let_in = [
        r for r in _from_outside(asked) if r["action"] == "ACCEPT" and r["protocol"] in (6, 17)
    ]
    rows = [
        (
            target,
            _PROTOCOLS[protocol],
            port,
            service(port),
            distinct(r["interface_id"] for r in group),
            distinct(r["srcaddr"] for r in group),
            len(group),
            total(r["bytes"] for r in group) or 0,
            utc(lowest(r["start"] for r in group)),
            utc(highest(r["end"] for r in group)),
        )
        for (target, protocol, port), group in grouped(
            let_in, lambda r: (r["dstaddr"], r["protocol"], r["dstport"])
        ).items()
    ]
    rows = [row for row in rows if row[5] >= asked.p.min_sources]
    return ordered(rows, "-5 -6 0 1 2", asked.p.limit)


def unused_listeners(asked: Asked) -> Rows:
    newest = highest(r["end"] for r in asked.records)

    def comes_in(r: Record) -> bool:
        if "flow_direction" in asked.columns:
            to_us = r["flow_direction"] == "ingress" and r["dstaddr"] != "-"
        else:
            to_us = bool(private(r["dstaddr"]))
        let_in = r["action"] == "ACCEPT" and r["protocol"] in (6, 17)
        asks = not is_answer(r) and not has_low_source(r)
        return to_us and let_in and asks and bool(on_port(r["dstport"], asked.p.ports))

    rows = []
    for (host, protocol, port), group in grouped(
        filter(comes_in, asked.records), lambda r: (r["dstaddr"], r["protocol"], r["dstport"])
    ).items():
        last = highest(r["end"] for r in group)
        if newest - last >= asked.p.silent:
            rows.append((
                host,
                _PROTOCOLS[protocol],
                port,
                service(port),
                (newest - last) // 3_600,
                len({r["srcaddr"] for r in group} - {"-"}),
                len(group),
                utc(lowest(r["start"] for r in group)),
                utc(last),
            ))  # fmt: skip
    return ordered(rows, "-4 8 0 1 2 3 5 6 7", asked.p.limit)


def internal_external_split(asked: Asked) -> Rows:
    p = asked.p
    names = {
        (True, True): "internal",
        (True, False): "outbound",
        (False, True): "inbound",
        (False, False): "external",
    }
    chosen = {
        "any": set(names.values()),
        "crossing": {"outbound", "inbound"},
        "not-internal": {"outbound", "inbound", "external"},
    }.get(p.scope, {p.scope})

    def key(r: Record) -> tuple | None:
        ends = r["srcaddr"], r["dstaddr"]
        sides = tuple(inside(e, p.networks) if p.networks else private(e) for e in ends)
        if None in sides or names[sides] not in chosen:
            return None
        return (names[sides], *(ends if p.by == "pair" else (None, None)))

    groups = grouped(asked.records, key)
    groups.pop(None, None)
    rows = [
        (
            *ends,
            len(group),
            sum(r["action"] == "ACCEPT" for r in group) if "action" in asked.columns else None,
            total(r["packets"] for r in group) or 0,
            total(r["bytes"] for r in group) or 0,
        )
        for ends, group in groups.items()
    ]
    return ordered(rows, "-6 0 1 2", p.limit)


def asymmetric_flows(asked: Asked) -> Rows:
    def quad(r: Record) -> tuple:
        return r["srcaddr"], r["srcport"], r["dstaddr"], r["dstport"]

    ways = grouped(
        (
            r
            for r in asked.records
            if r["action"] == "ACCEPT"
            and r["protocol"] == asked.p.protocol
            and not {"-", None} & set(quad(r))
        ),
        quad,
    )
    lonely = {
        way: group
        for way, group in ways.items()
        if (*way[2:], *way[:2]) not in ways
        and (total(r["packets"] for r in group) or 0) >= asked.p.min_packets
    }
    rows = []
    for key, quads in grouped(lonely, lambda way: (way[0], way[2], way[3])).items():
        records = [r for way in quads for r in lonely[way]]
        rows.append((
            *key,
            len(quads),
            total(r["packets"] for r in records) or 0,
            total(r["bytes"] for r in records) or 0,
            utc(lowest(r["start"] for r in records)),
            utc(highest(r["end"] for r in records)),
        ))  # fmt: skip
    return ordered(rows, "-3 0 1 2", asked.p.limit)
