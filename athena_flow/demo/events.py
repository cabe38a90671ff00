"""The planted events: what there is to find in the demo's logs, and the records of it.

No chance is in them, so a test or a README may name what a query has to find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from athena_flow.demo.flows import (
    SLOT,
    TCP,
    UDP,
    Flow,
    conversation,
    knock,
    packets_of,
    refused,
    seen,
    through_nat,
)
from athena_flow.demo.vpc import Host, Record, Vpc
from athena_flow.layout import Partition
from athena_flow.window import DAY, HOUR

SSH_SCANNER = "203.0.113.45"
PORT_SCANNER = "198.51.100.23"
RDP_SOURCE = "2001:db8:bad:c0de::3389"
DROP = "203.0.113.200"
"""Where the large transfer goes."""
CONTROL = "198.51.100.77"
"""Whom the beacon calls."""
BUCKET = "52.95.128.180"
"""An address of S3 that is fetched from without a gateway endpoint."""
BEACON = timedelta(minutes=10)
GUESSER = "198.51.100.140"
LATE_GUEST = "198.51.100.160"
POOL = "203.0.113.150"
"""Of miners."""
STRANGE_DNS = "203.0.113.53"
MUTE = "203.0.113.170"
"""Who never answers."""
LAST_VISITOR = "203.0.113.190"


@dataclass(frozen=True, slots=True)
class Event:
    """The records from ``source`` to its targets, replies not counted.

    Every ``end`` lies in ``[start, end)``; targets and ports are sorted.
    """

    account: str
    region: str
    source: str
    targets: tuple[str, ...]
    ports: tuple[int, ...]
    start: datetime
    end: datetime
    accepted: int
    rejected: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Planted:
    """What there is to find. The sources of the first three appear in no other record."""

    ssh_scan: Event
    """Yesterday: every public host tried twice on port 22, let in twice, by the bastion."""
    port_scan: Event
    """Two days ago: one host, many ports, none open."""
    rdp: Event
    """Two days ago: port 3389 of several hosts, over IPv6, all refused."""
    transfer: Event
    """Yesterday: tens of GB in an hour from one web server to one address outside."""
    beacon: Event
    """Two days ago: one web server calls one address every `BEACON`, half a day long."""
    guesses: Event
    """Yesterday: one source logs in at a bastion, short tries and at last a long session."""
    opened: Event
    """Yesterday: port 3306 of a web server turns a source away, and then lets it in."""
    lateral: Event
    """Yesterday: one web server goes to port 445 of a dozen others."""
    mining: Event
    """Two days ago: one web server calls a mining pool, all day."""
    dns_tunnel: Event
    """Yesterday: one web server asks a name server outside, with far too many bytes."""
    unanswered: Event
    """Two days ago: one web server sends to one address, and nothing comes back."""
    last_visit: Event
    """Two days ago: the last that anybody sent to port 8081 of a web server."""
    nat_to_s3: Event
    """Two days ago: a batch host fetches from S3 through a NAT gateway, which costs money. Its
    targets are S3 at its own interface and the gateway at the gateway's."""


def plant(
    vpcs: Sequence[Vpc], midnight: datetime
) -> tuple[Planted, Mapping[Partition, Sequence[Record]]]:
    """The events before ``midnight``, and their records by account, region and slot."""
    yesterday, day_before = midnight - DAY, midnight - 2 * DAY
    first, second, third, fourth = vpcs
    events = {
        "ssh_scan": _ssh_scan(first, yesterday + 2 * HOUR + 2 * SLOT),
        "port_scan": _port_scan(second, day_before + 14 * HOUR + 7 * SLOT),
        "rdp": _rdp(third, day_before + 21 * HOUR + SLOT),
        "transfer": _transfer(first, yesterday + 3 * HOUR),
        "beacon": _beacon(fourth, day_before + 6 * HOUR),
        "guesses": _guesses(third, yesterday + 10 * HOUR),
        "opened": _opened(fourth, yesterday + 12 * HOUR),
        "lateral": _lateral(first, yesterday + 16 * HOUR),
        "mining": _mining(second, day_before),
        "dns_tunnel": _dns_tunnel(third, yesterday + 18 * HOUR),
        "unanswered": _unanswered(fourth, day_before + 10 * HOUR),
        "last_visit": _last_visit(first, day_before + 4 * HOUR),
        "nat_to_s3": _nat_to_s3(third, day_before + 10 * HOUR),
    }
    extra: dict[Partition, list[Record]] = defaultdict(list)
    for record in chain.from_iterable(events.values()):
        extra[_place(record)].append(record)
    return Planted(**{name: _event(records) for name, records in events.items()}), extra


def _place(record: Record) -> Partition:
    end = int(record["end"])
    slot = datetime.fromtimestamp(end - end % int(SLOT.total_seconds()), UTC)
    return Partition(record["account-id"], record["region"], slot)


def _event(records: Sequence[Record]) -> Event:
    """The facts of an event, whose first record is one that its source sent."""
    source = records[0]["srcaddr"]
    sent = [r for r in records if r["srcaddr"] == source]
    ends = [int(r["end"]) for r in sent]
    return Event(
        account=sent[0]["account-id"],
        region=sent[0]["region"],
        source=source,
        targets=tuple(sorted({r["dstaddr"] for r in sent})),
        ports=tuple(sorted({int(r["dstport"]) for r in sent})),
        start=datetime.fromtimestamp(min(ends), UTC),
        end=datetime.fromtimestamp(max(ends) + 1, UTC),
        accepted=sum(r["action"] == "ACCEPT" for r in sent),
        rejected=sum(r["action"] == "REJECT" for r in sent),
        size_bytes=sum(int(r["bytes"]) for r in sent),
    )


def _call(source: Host, target: Host, port: int, end: int, size_bytes: int) -> Flow:
    """A TCP flow of a planted event; its source port depends on its time."""
    packets, start = packets_of(size_bytes), end - 30
    srcport = 40_000 + end % 20_000
    return Flow(source, target, srcport, port, TCP, packets, size_bytes, start, end, "3")


def _ssh_scan(vpc: Vpc, start: datetime) -> list[Record]:
    records: list[Record] = []
    for n, target in enumerate(2 * list(vpc.hosts["public"])):
        flow = _call(Host(SSH_SCANNER), target, 22, int(start.timestamp()) + 12 * n, 4_800)
        if target in vpc.hosts["bastion"]:
            records += conversation(flow, flow.reply(5_200, "19"))
        else:
            records.append(refused(knock(flow, 2)))
    return records


def _port_scan(vpc: Vpc, start: datetime) -> list[Record]:
    source, target, first = Host(PORT_SCANNER), vpc.hosts["web"][0], int(start.timestamp())
    ports = enumerate(range(1, 1024, 5))
    calls = (_call(source, target, port, first + n, 44) for n, port in ports)
    return [refused(knock(call, 1)) for call in calls]


def _rdp(vpc: Vpc, start: datetime) -> list[Record]:
    source, targets, first = Host(RDP_SOURCE), vpc.hosts["web6"][:8], int(start.timestamp())
    calls = (_call(source, targets[n % 8], 3389, first + 14 * n, 44) for n in range(40))
    return [refused(knock(call, 3)) for call in calls]


def _transfer(vpc: Vpc, start: datetime) -> list[Record]:
    source, target = vpc.hosts["web"][2], Host(DROP)
    records: list[Record] = []
    for minute in range(60):
        end = int(start.timestamp()) + 60 * minute + 59
        size_bytes = 700_000_000 + minute * 7_919_000 % 50_000_000
        flow = replace(_call(source, target, 443, end, size_bytes), srcport=51_515, flags="0")
        records += conversation(flow, flow.reply(size_bytes // 60, "0"))
    return records


def _beacon(vpc: Vpc, start: datetime) -> list[Record]:
    source, target = vpc.hosts["web"][4], Host(CONTROL)
    records: list[Record] = []
    for n in range(12 * HOUR // BEACON):
        flow = _call(source, target, 443, int((start + n * BEACON).timestamp()) + 41, 612)
        records += conversation(flow, flow.reply(208, "19"))
    return records


def _nat_to_s3(vpc: Vpc, start: datetime) -> list[Record]:
    source, target = vpc.hosts["batch"][0], Host(BUCKET, "S3", "8")
    records: list[Record] = []
    for n in range(6):
        flow = _call(source, target, 443, int(start.timestamp()) + 45 * n + 10, 3_400)
        records += through_nat(vpc.hosts["nat"][0], flow, flow.reply(2_000_000 + 7_000 * n, "19"))
    return records


def _guesses(vpc: Vpc, start: datetime) -> list[Record]:
    source, target, first = Host(GUESSER), vpc.hosts["bastion"][0], int(start.timestamp()) + 31
    records: list[Record] = []
    for n in range(30):
        flow = _call(source, target, 22, first + 7 * n, 2_300)
        records += conversation(flow, flow.reply(3_100, "19"))
    session = _call(source, target, 22, first + 250, 61_000)
    records += conversation(session, session.reply(480_000, "18"))
    return records


def _opened(vpc: Vpc, start: datetime) -> list[Record]:
    source, target, first = Host(LATE_GUEST), vpc.hosts["web"][7], int(start.timestamp())
    calls = [_call(source, target, 3306, first + n, 9_000) for n in (35, 50, 80, 240, 270)]
    records = [refused(knock(call, 1)) for call in calls[:3]]
    for call in calls[3:]:
        records += conversation(call, call.reply(52_000, "19"))
    return records


def _lateral(vpc: Vpc, start: datetime) -> list[Record]:
    source, first = vpc.hosts["web"][19], int(start.timestamp()) + 40
    records: list[Record] = []
    for n, target in enumerate(vpc.hosts["web"][:12]):
        flow = _call(source, target, 445, first + 20 * n, 7_000)
        records += conversation(flow, flow.reply(4_000, "19"))
    return records


def _mining(vpc: Vpc, start: datetime) -> list[Record]:
    source, target = vpc.hosts["web"][9], Host(POOL)
    records: list[Record] = []
    for n in range(12):
        end = int((start + 2 * n * HOUR).timestamp()) + 35 + 101 * n % 250
        flow = _call(source, target, 3333, end, 21_000)
        records += conversation(flow, flow.reply(34_000, "0"))
    return records


def _dns_tunnel(vpc: Vpc, start: datetime) -> list[Record]:
    source, target, first = vpc.hosts["web"][6], Host(STRANGE_DNS), int(start.timestamp()) + 40
    records: list[Record] = []
    for n in range(25):
        flow = _call(source, target, 53, first + 10 * n, 160_000)
        flow = replace(flow, protocol=UDP, packets=800, flags="0")
        records += conversation(flow, flow.reply(90_000, "0"))
    return records


def _unanswered(vpc: Vpc, start: datetime) -> list[Record]:
    source, target, first = vpc.hosts["web"][8], Host(MUTE), int(start.timestamp()) + 40
    calls = (_call(source, target, 8443, first + 30 * n, 8_400) for n in range(8))
    return [seen(source, replace(call, flags="2"), egress=True) for call in calls]


def _last_visit(vpc: Vpc, start: datetime) -> list[Record]:
    source, target, first = Host(LAST_VISITOR), vpc.hosts["web"][13], int(start.timestamp())
    records: list[Record] = []
    for end in (first + 45, first + 120, first + 200):
        flow = _call(source, target, 8081, end, 5_000)
        records += conversation(flow, flow.reply(20_000, "19"))
    return records
