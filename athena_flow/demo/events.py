"""The planted events: what there is to find in the demo's logs, and the records of it.

No chance is in them, so a test or a README may name what a query has to find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from athena_flow.demo.flows import SLOT, TCP, Flow, conversation, knock, packets_of, refused
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
BEACON = timedelta(minutes=10)


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
