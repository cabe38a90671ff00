"""Seeded VPC flow logs with planted events: the tree of `athena-flow demo`, and fixtures.

A record maps the name of every VPC field to its text, so that any log format can pick from
it. The same seed and the same clock give the same bytes. Ids and private addresses depend
on account and region alone; all else that varies comes from the one `random.Random` passed
down. Outside hosts have addresses that nobody owns (RFC 2544, 3849, 5737), except those of
AWS services, which are AWS's own. No engine and no network may enter this module.

What AWS leaves out is left out: no DNS to the VPC's resolver, no Amazon Time Sync.
Source: VPC User Guide, "Flow log records", "Flow log record examples" and "limitations".
"""

from __future__ import annotations

import gzip
import hashlib
import math
import random
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from athena_flow.errors import BadSetting
from athena_flow.fields import VPC
from athena_flow.layout import DAILY, ROOT, Layout, Partition
from athena_flow.logformat import LogFormat
from athena_flow.window import DAY, HOUR, floor

Record = dict[str, str]
"""AWS field name -> text as in the log, for every VPC field."""

ALL_FIELDS = LogFormat(VPC)
ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-west-1")
SLOT = timedelta(minutes=5)
"""A file holds the records whose ``end`` lies in the 5 minutes from the time in its name."""

ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
_SECURE = {22, 443}
_EMPTY: Mapping[str, str] = dict.fromkeys((f.name for f in VPC), "-")
_HOP = ("interface-id", "subnet-id", "az-id", "vpc-id", "interface-type")
_NO_HOP: Mapping[str, str] = {f"next-hop-{name}": "-" for name in _HOP}
_FLAGS = (("3", "19"),) * 6 + (("2", "18"), ("0", "0")) * 2 + (("1", "1"), ("3", "23"))
"""tcp-flags of a request and its response: mostly whole connections, also parts of long ones."""


@dataclass(frozen=True, slots=True)
class Host:
    """An end of a flow: a network interface of ours, or an address outside."""

    address: str
    service: str = "-"
    """The AWS service whose ranges hold the address."""
    path: str = "8"
    """``traffic-path`` towards it: 1 VPC, 3 VPN, 7 gateway endpoint, 8 internet gateway."""
    base: Mapping[str, str] = field(default_factory=dict)
    """What every record of the interface says, all fields; empty for an outside host."""
    hop: Mapping[str, str] = field(default_factory=lambda: _NO_HOP)
    """The ``next-hop-*`` fields of whoever talks to it."""


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

    def reply(self, size_bytes: int, flags: str) -> Flow:
        """The other direction."""
        return Flow(
            self.target, self.source, self.dstport, self.srcport, self.protocol,
            _packets(size_bytes), size_bytes, self.start, self.end, flags,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vpc:
    """One account's VPC in one region, with the hosts in it and around it by group."""

    account: str
    region: str
    hosts: Mapping[str, Sequence[Host]]


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


@dataclass(frozen=True, slots=True)
class Demo:
    """What was written; ``size_bytes`` is compressed."""

    files: int
    records: int
    size_bytes: int
    planted: Planted


def write_demo(
    root: Path,
    now: datetime,
    seed: int = 54,
    fmt: LogFormat = ALL_FIELDS,
    layout: Layout = DAILY,
    days: int = 7,
) -> Demo:
    """Writes the logs of ``days`` UTC days, today's so far included, below ``root``.

    Nothing ends after ``now``. The planted events need three days or more. Files of the
    same keys are overwritten, others stay.
    """
    rng = random.Random(seed)
    midnight = floor(now, DAY)
    vpcs = [make_vpc(account, region) for account in ACCOUNTS for region in REGIONS]
    planted, extra = _plant(vpcs, midnight)
    files = records = size_bytes = 0
    for vpc in vpcs:
        for place, volume in _files(vpc, extra, midnight - (days - 1) * DAY, now):
            rows = [*traffic(vpc, place.start, rng, volume), *extra.get(place, ())]
            size_bytes += write_file(root / file_key(layout, place), lines(fmt, rows))
            files, records = files + 1, records + len(rows)
    return Demo(files, records, size_bytes, planted)


_MARK = "# Written by `athena-flow demo`, which writes this folder anew each time.\n"
_SETTINGS = (
    _MARK
    + """engine = "duckdb"
location = "."
log_format = "{log_format}"
"""
)


def prepare(root: Path, now: datetime) -> Demo:
    """Makes ``root`` a demo: its settings file, fresh logs, and no catalog yet.

    Raises BadSetting for a folder that holds anything but an earlier demo, and leaves it.
    """
    settings = root / "athena-flow.toml"
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        if not settings.is_file() or not settings.read_text("utf-8").startswith(_MARK):
            raise BadSetting(
                f"{root} exists and is no demo of ours: left as it is",
                hint="athena-flow demo NEW_FOLDER",
            )
        for old in (root / ROOT, root / ".athena-flow"):
            shutil.rmtree(old, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
    settings.write_text(_SETTINGS.format(log_format=ALL_FIELDS.header), "utf-8")
    return write_demo(root, now)


def _files(
    vpc: Vpc, extra: Iterable[Partition], first: datetime, now: datetime
) -> Iterator[tuple[Partition, float]]:
    """The slots of one VPC that get a file, and the volume of its usual traffic.

    One every two hours, and where an event needs one in between, with little else in it.
    """
    slots = {p.start for p in extra if (p.account, p.region) == (vpc.account, vpc.region)}
    usual = {first + n * 2 * HOUR for n in range((now - first) // (2 * HOUR) + 1)}
    for slot in sorted(slots | usual):
        if first <= slot <= now - SLOT:
            yield Partition(vpc.account, vpc.region, slot), 1.0 if slot in usual else 0.1


def file_key(layout: Layout, place: Partition) -> str:
    """The key of one delivered file; ``place.start`` is its slot, a multiple of 5 minutes."""
    account, region, stamp = place.account, place.region, f"{place.start:%Y%m%dT%H%MZ}"
    log = _id("fl", account, region)
    name = f"{account}_vpcflowlogs_{region}_{log}_{stamp}_{_digest(log, stamp)[:8]}.log.gz"
    return layout.prefix(place) + name


def write_file(path: Path, text: Iterable[str]) -> int:
    """Writes gzipped lines, the same bytes for the same lines; the compressed size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(gzip.compress("".join(f"{row}\n" for row in text).encode(), 6, mtime=0))


def lines(fmt: LogFormat, records: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """A text file's lines: the header, then the records as this format shows them.

    ``version`` is the highest of the format's fields; a field no record has is ``-``.
    """
    names = [f.name for f in fmt.fields]
    version = {"version": str(max(f.version for f in fmt.fields))}
    yield fmt.header
    for record in records:
        shown = {**record, **version}
        yield " ".join([shown.get(name, "-") for name in names])


def seen(at: Host, flow: Flow, egress: bool) -> Record:
    """The record of an accepted flow as the interface ``at`` sees it, leaving or coming in."""
    peer = flow.target if egress else flow.source
    secure = flow.srcport in _SECURE or flow.dstport in _SECURE
    return {
        **at.base,
        "srcaddr": flow.source.address,
        "dstaddr": flow.target.address,
        "srcport": str(flow.srcport),
        "dstport": str(flow.dstport),
        "protocol": str(flow.protocol),
        "packets": str(flow.packets),
        "bytes": str(flow.size_bytes),
        "start": str(flow.start),
        "end": str(flow.end),
        "action": "ACCEPT",
        "log-status": "OK",
        "tcp-flags": flow.flags,
        "type": "IPv6" if ":" in flow.source.address else "IPv4",
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


# ---- a VPC and its neighbours


@dataclass(frozen=True, slots=True)
class _Role:
    """Interfaces of one purpose. Those that AWS runs have no instance."""

    group: str
    count: int = 1
    public: bool = False
    instance: bool = True
    kind: str = "-"
    team: str = "platform"
    asg: str = "-"


_ROLES = (
    _Role("alb", 2, public=True, instance=False, team="shop front"),
    _Role("web", 20, public=True, team="shop front", asg="web-asg"),
    _Role("bastion", public=True),
    _Role("nat", public=True, instance=False, kind="nat_gateway"),
    _Role("lab", public=True, team="R&D"),
    _Role("db", team="données"),
    _Role("batch"),
    _Role("edge"),
    _Role("task", 2, instance=False, team="shop front"),
    _Role("endpoint", instance=False, kind="vpc_endpoint"),
    _Role("idle", 2, instance=False),
    _Role("rnat", instance=False, kind="regional_nat_gateway"),
)


def make_vpc(account: str, region: str) -> Vpc:
    """The VPC of an account and region, the same one every time."""
    network = int(_digest(account, region)[:2], 16)
    ours: dict[str, list[Host]] = defaultdict(list)
    each = [(role, place) for role in _ROLES for place in range(role.count)]
    for number, (role, place) in enumerate(each, 10):
        base = _base(account, region, role, place)
        hop = {f"next-hop-{name}": base[name] for name in _HOP}
        subnet = place % 3 + (0 if role.public else 10)
        v4 = f"10.{network}.{subnet}.{number}"
        if role.group == "rnat":
            v4 = f"192.0.2.{128 + network % 128}"
        v6 = f"2001:db8:{0xA000 + network:x}:{0xA100 + subnet:x}::{number:x}"
        ours[role.group].append(Host(v4, path="1", base=base, hop=hop))
        ours[f"{role.group}6"].append(Host(v6, path="1", base=base, hop=hop))
    reachable = ("alb", "web", "bastion", "nat")
    ours["public"] = [host for group in reachable for host in ours[group]]
    ours["public6"] = [host for group in reachable[:-1] for host in ours[f"{group}6"]]
    return Vpc(account, region, {**ours, **_outside()})


def _outside() -> dict[str, list[Host]]:
    return {
        "client": [Host(f"198.18.{n % 250}.{n * 37 % 250 + 1}") for n in range(300)],
        "client6": [Host(f"2001:db8:c000:{n:x}::{n * 977 % 65521:x}") for n in range(1, 60)],
        "stranger": [Host(f"198.19.{n * 91 % 250}.{n * 53 % 250 + 1}") for n in range(600)],
        "stranger6": [Host(f"2001:db8:dead:{n:x}::1") for n in range(1, 40)],
        "office": [Host(f"172.16.4.{n}", path="3") for n in range(20, 24)],
        "monitor": [Host("192.0.2.10")],
        "monitor6": [Host("2001:db8:10::10")],
        "resolver": [Host("192.0.2.53")],
        "clock": [Host("192.0.2.123")],
        "mirror": [Host("192.0.2.80"), Host("192.0.2.81")],
        "s3": [Host("52.95.128.179", "S3", "7")],
        "dynamodb": [Host("52.94.0.12", "DYNAMODB", "7")],
        "amazon": [Host("52.119.196.66", "AMAZON"), Host("52.119.198.12", "AMAZON")],
    }


def _base(account: str, region: str, role: _Role, place: int) -> Mapping[str, str]:
    """What every record of the ``place``-th interface of a role says."""
    name = f"{role.group}-{place + 1}"
    where = (account, region)
    base = {
        **_EMPTY,
        "version": str(max(f.version for f in VPC)),
        "account-id": account,
        "region": region,
        "vpc-id": _id("vpc", *where),
        "interface-type": role.kind,
    }
    if role.group == "rnat":
        return base | {"resource-id": _id("nat", *where)}
    base |= {
        "interface-id": _id("eni", *where, name),
        "subnet-id": _id("subnet", *where, str(role.public), str(place % 3)),
        "az-id": f"{_zone_prefix(region)}-az{place % 3 + 1}",
        "interface-tag": _encoded(name),
        "interface-tag-2": _encoded(role.team),
    }
    if role.instance:
        base |= {"instance-id": _id("i", *where, name), "instance-tag": _encoded(name)}
        base |= {"instance-tag-2": _encoded(role.team), "asg-tag": _encoded(role.asg)}
    if role.group == "edge":
        base |= {"az-id": "-", "sublocation-type": "outpost", "sublocation-id": _id("op", *where)}
    return base | _task(account, region, name) if role.group == "task" else base


def _task(account: str, region: str, name: str) -> Record:
    """The ECS fields of a task on Fargate: it has no container instance."""
    arn, task = f"arn:aws:ecs:{region}:{account}", _digest(account, region, name)
    return {
        "ecs-cluster-arn": f"{arn}:cluster/shop",
        "ecs-cluster-name": "shop",
        "ecs-container-id": f"{task}-0527074092",
        "ecs-service-name": "checkout",
        "ecs-task-definition-arn": f"{arn}:task-definition/checkout:7",
        "ecs-task-arn": f"{arn}:task/shop/{task}",
        "ecs-task-id": task,
    }


def _digest(*parts: str) -> str:
    """32 hex digits that depend on the parts alone."""
    return hashlib.blake2b("/".join(parts).encode(), digest_size=16).hexdigest()


def _id(kind: str, *parts: str) -> str:
    return f"{kind}-0{_digest(kind, *parts)[:16]}"


def _zone_prefix(region: str) -> str:
    """``use1`` for us-east-1, ``apse2`` for ap-southeast-2: how AZ IDs begin."""
    area, *middle, number = region.split("-")
    points = re.findall("gov|north|south|east|west|central", " ".join(middle))
    return area + "".join(point[0] for point in points) + number


def _encoded(tag: str) -> str:
    """A tag as AWS logs it: UTF-8, percent-encoded, the hyphen too; ``-`` alone means none."""
    if tag == "-":
        return tag
    return "".join(chr(b) if chr(b).isalnum() and b < 128 else f"%{b:02X}" for b in tag.encode())


# ---- the usual traffic


@dataclass(frozen=True, slots=True)
class _Habit:
    """A conversation that takes place ever so often between two groups of hosts.

    ``sent`` and ``received`` are typical bytes in one interval.
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

    @property
    def rejected(self) -> bool:
        return not self.received


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
        _packets(size_bytes), size_bytes, *_times(first, rng), flags,
    )  # fmt: skip
    if habit.rejected:
        yield refused(_knock(flow, rng.choice((1, 1, 1, 2, 3)), habit.sent), habit.reason)
        return
    back = flow.reply(_size(habit.received, rng), flags_back)
    if habit.nat:
        yield from through_nat(vpc.hosts[habit.nat][0], flow, back)
    else:
        yield from conversation(flow, back)


def _knock(flow: Flow, packets: int, size_bytes: int = 44) -> Flow:
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


def _packets(size_bytes: int) -> int:
    """Large ones are full, and the handshake's are empty."""
    return size_bytes // 1400 + (4 if size_bytes > 500 else 1)


# ---- the planted events; no chance in them

SSH_SCANNER = "203.0.113.45"
PORT_SCANNER = "198.51.100.23"
RDP_SOURCE = "2001:db8:bad:c0de::3389"
DROP = "203.0.113.200"
"""Where the large transfer goes."""
CONTROL = "198.51.100.77"
"""Whom the beacon calls."""
BEACON = timedelta(minutes=10)


def _plant(
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
    packets, start = _packets(size_bytes), end - 30
    srcport = 40_000 + end % 20_000
    return Flow(source, target, srcport, port, TCP, packets, size_bytes, start, end, "3")


def _ssh_scan(vpc: Vpc, start: datetime) -> list[Record]:
    records: list[Record] = []
    for n, target in enumerate(2 * list(vpc.hosts["public"])):
        flow = _call(Host(SSH_SCANNER), target, 22, int(start.timestamp()) + 12 * n, 4_800)
        if target in vpc.hosts["bastion"]:
            records += conversation(flow, flow.reply(5_200, "19"))
        else:
            records.append(refused(_knock(flow, 2)))
    return records


def _port_scan(vpc: Vpc, start: datetime) -> list[Record]:
    source, target, first = Host(PORT_SCANNER), vpc.hosts["web"][0], int(start.timestamp())
    ports = enumerate(range(1, 1024, 5))
    calls = (_call(source, target, port, first + n, 44) for n, port in ports)
    return [refused(_knock(call, 1)) for call in calls]


def _rdp(vpc: Vpc, start: datetime) -> list[Record]:
    source, targets, first = Host(RDP_SOURCE), vpc.hosts["web6"][:8], int(start.timestamp())
    calls = (_call(source, targets[n % 8], 3389, first + 14 * n, 44) for n in range(40))
    return [refused(_knock(call, 3)) for call in calls]


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
