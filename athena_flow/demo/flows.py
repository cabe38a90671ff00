"""What VPC flow logs say of a conversation, and the usual conversations of a VPC.

A flow is recorded once by each interface that sees it. What AWS leaves out is left out: no
DNS to the VPC's resolver, no Amazon Time Sync. All that varies comes from the
`random.Random` that is passed in.
Source: VPC User Guide, "Flow log records", "Flow log record examples" and "limitations".
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from athena_flow.demo.vpc import Host, Record, Vpc

SLOT = timedelta(minutes=5)
"""A file holds the records whose ``end`` lies in the 5 minutes from the time in its name."""

ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
_SECURE = {22, 443}
_FLAGS = (("3", "19"),) * 6 + (("2", "18"), ("0", "0")) * 2 + (("1", "1"), ("3", "23"))
"""tcp-flags of a request and its response: mostly whole connections, also parts of long ones."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a conversation within one aggregation interval; times in Unix seconds."""

    source: Host
    target: Host
    srcport: int
    dstport: int
    protocol: int
    packets: int
    size_bytes: int
    start: int
    end: int
    flags: str

    @property
    def record(self) -> Record:
        """What a record says of it, whoever logs it."""
        return {
            "srcaddr": self.source.address,
            "dstaddr": self.target.address,
            "srcport": str(self.srcport),
            "dstport": str(self.dstport),
            "protocol": str(self.protocol),
            "packets": str(self.packets),
            "bytes": str(self.size_bytes),
            "start": str(self.start),
            "end": str(self.end),
            "log-status": "OK",
            "tcp-flags": self.flags,
            "type": "IPv6" if ":" in self.source.address else "IPv4",
        }

    def reply(self, size_bytes: int, flags: str) -> Flow:
        """The other direction."""
        return Flow(
            self.target, self.source, self.dstport, self.srcport, self.protocol,
            packets_of(size_bytes), size_bytes, self.start, self.end, flags,
        )  # fmt: skip


def seen(at: Host, flow: Flow, egress: bool) -> Record:
    """The record of an accepted flow as the interface ``at`` sees it, leaving or coming in."""
    peer = flow.target if egress else flow.source
    secure = flow.srcport in _SECURE or flow.dstport in _SECURE
    return {
        **at.base,
        **flow.record,
        "action": "ACCEPT",
        "pkt-srcaddr": flow.source.address,
        "pkt-dstaddr": flow.target.address,
        "pkt-src-aws-service": flow.source.service,
        "pkt-dst-aws-service": flow.target.service,
        "flow-direction": "egress" if egress else "ingress",
        "traffic-path": peer.path if egress else "-",
        "encryption-status": str((1 if peer.base else 0) + (2 if secure else 0)),
        **peer.hop,
    }


def refused(flow: Flow, reason: str = "-") -> Record:
    """The record of a flow that its target's interface turned away; BPA's have no bytes."""
    record = seen(flow.target, flow, egress=False)
    record |= {"action": "REJECT", "reject-reason": reason, "encryption-status": "-"}
    return record | {"bytes": "-"} if reason == "BPA" else record


def silent(at: Host, status: str, start: int, end: int) -> Record:
    """A NODATA or SKIPDATA record; times in Unix seconds."""
    return {**at.base, "start": str(start), "end": str(end), "log-status": status}


def conversation(flow: Flow, back: Flow) -> Iterator[Record]:
    """Both directions, as each end that is an interface of ours sees them."""
    if flow.source.base:
        yield seen(flow.source, flow, egress=True)
        yield seen(flow.source, back, egress=False)
    if flow.target.base:
        yield seen(flow.target, flow, egress=False)
        yield seen(flow.target, back, egress=True)


def through_nat(nat: Host, flow: Flow, back: Flow) -> Iterator[Record]:
    """Both directions at a private interface and at the NAT gateway, two of them on each side.

    Only a zonal gateway has an interface, and only there do ``srcaddr`` and ``dstaddr``
    differ from the packet's.
    """
    near = replace(flow.target, path="1", hop=nat.hop)
    yield seen(flow.source, replace(flow, target=near), egress=True)
    yield seen(flow.source, replace(back, source=near), egress=False)
    zonal = nat.base["interface-id"] != "-"
    yield seen(nat, flow, egress=False) | ({"dstaddr": nat.address} if zonal else {})
    yield seen(nat, replace(flow, source=nat), egress=True)
    yield seen(nat, replace(back, target=nat), egress=False)
    yield seen(nat, back, egress=True) | ({"srcaddr": nat.address} if zonal else {})


@dataclass(frozen=True, slots=True)
class _Habit:
    """A conversation that takes place ever so often between two groups of hosts.

    ``sent`` and ``received`` are typical bytes in one interval; without an answer it is refused.
    """

    weight: int
    source: str
    target: str
    ports: Sequence[int]
    sent: int = 44
    received: int = 0
    protocol: int = TCP
    nat: str = ""
    reason: str = "-"


_KNOCKED = (22, 23, 23, 80, 445, 1433, 2222, 3306, 3389, 5900, 6379, 8080, 8443, 9200)

_HABITS = (
    _Habit(24, "client", "alb", (443, 443, 443, 80), 3_000, 60_000),
    _Habit(5, "client6", "alb6", (443,), 3_000, 60_000),
    _Habit(16, "alb", "web", (8080,), 4_000, 70_000),
    _Habit(4, "alb", "task", (8080,), 4_000, 20_000),
    _Habit(10, "web", "db", (5432,), 5_000, 30_000),
    _Habit(3, "web", "endpoint", (443,), 2_500, 6_000),
    _Habit(3, "task", "s3", (443,), 9_000, 250_000),
    _Habit(4, "task", "dynamodb", (443,), 4_000, 8_000),
    _Habit(2, "web", "amazon", (443,), 3_000, 5_000),
    _Habit(2, "db", "mirror", (443,), 2_000, 400_000, nat="nat"),
    _Habit(1, "task", "mirror", (443,), 2_000, 40_000, nat="nat"),
    _Habit(1, "batch", "mirror", (80,), 2_000, 900_000, nat="rnat"),
    _Habit(6, "web", "resolver", (53,), 70, 180, UDP),
    _Habit(2, "web", "clock", (123,), 76, 76, UDP),
    _Habit(2, "monitor", "bastion", (0,), 336, 336, ICMP),
    _Habit(1, "monitor6", "alb6", (0,), 416, 416, ICMP6),
    _Habit(1, "office", "bastion", (22,), 6_000, 9_000),
    _Habit(1, "bastion", "web", (22,), 6_000, 9_000),
    _Habit(1, "web", "edge", (9100,), 800, 20_000),
    _Habit(24, "stranger", "public", _KNOCKED),
    _Habit(2, "stranger6", "public6", (22, 80, 8080)),
    _Habit(2, "stranger", "public", (123, 161, 1900, 5060), 120, protocol=UDP),
    _Habit(1, "stranger", "public", (0,), 84, protocol=ICMP),
    _Habit(1, "stranger", "lab", _KNOCKED, reason="BPA"),
)
_WEIGHTS = [habit.weight for habit in _HABITS]


def traffic(vpc: Vpc, slot: datetime, rng: random.Random, volume: float = 1.0) -> Iterator[Record]:
    """The usual records of one file, about 50 at night and 250 in the afternoon (UTC).

    ``volume`` scales the conversations, not the NODATA rows of idle interfaces.
    """
    first = int(slot.timestamp())
    day_shape = (1 + math.cos((slot.hour + slot.minute / 60 - 14) * math.tau / 24)) / 2
    for habit in rng.choices(_HABITS, _WEIGHTS, k=round(volume * (24 + 70 * day_shape))):
        yield from _happening(vpc, habit, first, rng)
    for idle in vpc.hosts["idle"]:
        yield silent(idle, "NODATA", *_times(first, rng))
    if rng.random() < 0.1 * volume:
        yield silent(rng.choice(vpc.hosts["web"]), "SKIPDATA", *_times(first, rng))


def _happening(vpc: Vpc, habit: _Habit, first: int, rng: random.Random) -> Iterator[Record]:
    source, target = rng.choice(vpc.hosts[habit.source]), rng.choice(vpc.hosts[habit.target])
    port = rng.choice(habit.ports)
    flags, flags_back = rng.choice(_FLAGS) if habit.protocol == TCP else ("0", "0")
    size_bytes = _size(habit.sent, rng)
    flow = Flow(
        source, target, rng.randrange(32768, 61000) if port else 0, port, habit.protocol,
        packets_of(size_bytes), size_bytes, *_times(first, rng), flags,
    )  # fmt: skip
    if not habit.received:
        yield refused(knock(flow, rng.choice((1, 1, 1, 2, 3)), habit.sent), habit.reason)
        return
    back = flow.reply(_size(habit.received, rng), flags_back)
    if habit.nat:
        yield from through_nat(vpc.hosts[habit.nat][0], flow, back)
    else:
        yield from conversation(flow, back)


def knock(flow: Flow, packets: int, size_bytes: int = 44) -> Flow:
    """The same flow as so many packets without an answer, ``size_bytes`` each."""
    flags = "2" if flow.protocol == TCP else "0"
    return replace(flow, packets=packets, size_bytes=packets * size_bytes, flags=flags)


def _times(first: int, rng: random.Random) -> tuple[int, int]:
    """Start and end of an interval that ends in the slot from ``first`` on."""
    end = first + rng.randrange(int(SLOT.total_seconds()))
    return end - rng.randint(20, 60), end


def _size(typical: int, rng: random.Random) -> int:
    """Bytes about the typical ones; small messages have one size."""
    return int(typical * rng.lognormvariate(0, 0.7)) + 100 if typical > 500 else typical


def packets_of(size_bytes: int) -> int:
    """Large ones are full, and the handshake's are empty."""
    return size_bytes // 1400 + (4 if size_bytes > 500 else 1)
