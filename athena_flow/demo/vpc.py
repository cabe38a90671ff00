"""A VPC and who is around it: the network interfaces and addresses that flows run between.

Ids and private addresses depend on account and region alone, so an address tells its VPC.
Outside hosts have addresses that nobody owns (RFC 2544, 3849, 5737), except those of AWS
services, which are AWS's own.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from athena_flow.fields import VPC

Record = dict[str, str]
"""AWS field name -> text as in the log, for every VPC field."""

_EMPTY: Mapping[str, str] = dict.fromkeys((f.name for f in VPC), "-")
_HOP = ("interface-id", "subnet-id", "az-id", "vpc-id", "interface-type")
_NO_HOP: Mapping[str, str] = {f"next-hop-{name}": "-" for name in _HOP}


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
class Vpc:
    """One account's VPC in one region, with the hosts in it and around it by group."""

    account: str
    region: str
    hosts: Mapping[str, Sequence[Host]]


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
    network = int(digest(account, region)[:2], 16)
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
        "vpc-id": id_of("vpc", *where),
        "interface-type": role.kind,
    }
    if role.group == "rnat":
        return base | {"resource-id": id_of("nat", *where)}
    base |= {
        "interface-id": id_of("eni", *where, name),
        "subnet-id": id_of("subnet", *where, str(role.public), str(place % 3)),
        "az-id": f"{_zone_prefix(region)}-az{place % 3 + 1}",
        "interface-tag": _encoded(name),
        "interface-tag-2": _encoded(role.team),
    }
    if role.instance:
        base |= {"instance-id": id_of("i", *where, name), "instance-tag": _encoded(name)}
        base |= {"instance-tag-2": _encoded(role.team), "asg-tag": _encoded(role.asg)}
    if role.group == "edge":
        base |= {"az-id": "-", "sublocation-type": "outpost", "sublocation-id": id_of("op", *where)}
    return base | _task(account, region, name) if role.group == "task" else base


def _task(account: str, region: str, name: str) -> Record:
    """The ECS fields of a task on Fargate: it has no container instance."""
    arn, task = f"arn:aws:ecs:{region}:{account}", digest(account, region, name)
    return {
        "ecs-cluster-arn": f"{arn}:cluster/shop",
        "ecs-cluster-name": "shop",
        "ecs-container-id": f"{task}-0527074092",
        "ecs-service-name": "checkout",
        "ecs-task-definition-arn": f"{arn}:task-definition/checkout:7",
        "ecs-task-arn": f"{arn}:task/shop/{task}",
        "ecs-task-id": task,
    }


def digest(*parts: str) -> str:
    """32 hex digits that depend on the parts alone."""
    return hashlib.blake2b("/".join(parts).encode(), digest_size=16).hexdigest()


def id_of(kind: str, *parts: str) -> str:
    """An id as AWS gives it to this kind of thing, the same for the same parts."""
    return f"{kind}-0{digest(kind, *parts)[:16]}"


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
