"""The demo's second flow log: the Transit Gateways that join the VPCs of a region and an office.

A Transit Gateway logs a flow twice, ``ingress`` at the attachment where it comes in and ``egress``
where it leaves; what it drops it logs once, with the reason. Three losses are planted.
Source: "Transit Gateway flow log records" in the VPC guide of Transit Gateways.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from athena_flow.demo.flows import SLOT, TCP, Flow, packets_of
from athena_flow.demo.vpc import Host, Record, Vpc, id_of
from athena_flow.fields import TGW

_EMPTY: Mapping[str, str] = dict.fromkeys((f.name for f in TGW), "-")
_LOST = ("no-route", "blackhole", "mtu-exceeded", "ttl-expired")
OLD_NETWORK = "10.250.0.7"
"""Whom a web server still calls: its route is a black hole."""
UNROUTED = "10.99.1.1"
"""Whom a batch host calls: no route leads there."""
GRE = 47
GRE_SOURCE = "batch"
"""The group of hosts that has a tunnel to the other VPC."""
JUMBO_SOURCE = "db"
"""The group of hosts that sends packets larger than the gateway takes."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One side of a gateway: a VPC, or the office behind a VPN, which has no VPC."""

    id: str
    vpc: Vpc | None

    def side(self, host: Host, which: str) -> Record:
        """What a record says of a host on this side, ``src`` or ``dst``."""
        base = host.base
        if not self.vpc or not base:
            return {}
        return {
            f"tgw-{which}-vpc-account-id": base["account-id"],
            f"tgw-{which}-vpc-id": base["vpc-id"],
            f"tgw-{which}-subnet-id": base["subnet-id"],
            f"tgw-{which}-eni": base["interface-id"],
            f"tgw-{which}-az-id": base["az-id"],
        }


@dataclass(frozen=True, slots=True)
class Gateway:
    """A Transit Gateway, its account and region, and what is attached to it."""

    account: str
    region: str
    attachments: tuple[Attachment, ...]

    @property
    def base(self) -> Record:
        return {
            **_EMPTY,
            "resource-type": "TransitGateway",
            "account-id": self.account,
            "region": self.region,
            "tgw-id": id_of("tgw", self.account, self.region),
        }

    def silent(self, at: Attachment, start: int, end: int) -> Record:
        """A NODATA record; times in Unix seconds."""
        times = {"start": str(start), "end": str(end), "log-status": "NODATA"}
        return {**self.base, "tgw-attachment-id": at.id, **times}

    def passed(self, flow: Flow, source: Attachment, target: Attachment) -> Iterator[Record]:
        """The two records of a flow that goes through."""
        both = {**self._flow(flow), **source.side(flow.source, "src")}
        both |= target.side(flow.target, "dst")
        sides = (("ingress", source, target), ("egress", target, source))
        for direction, here, there in sides:
            yield {
                **both,
                "tgw-attachment-id": here.id,
                "tgw-pair-attachment-id": there.id,
                "flow-direction": direction,
            }

    def lost(self, flow: Flow, source: Attachment, reason: str) -> Record:
        """The record of a flow whose packets all got lost, for one of `_LOST`."""
        return {
            **self._flow(flow),
            **source.side(flow.source, "src"),
            "tgw-attachment-id": source.id,
            "flow-direction": "ingress",
            f"packets-lost-{reason}": str(flow.packets),
        }

    def _flow(self, flow: Flow) -> Record:
        lost = {f"packets-lost-{reason}": "0" for reason in _LOST}
        return {**self.base, **flow.record, **lost}


def make_gateway(account: str, region: str, vpcs: Sequence[Vpc]) -> Gateway:
    """The gateway of a region: its VPCs, and last an office behind a VPN."""
    name = (account, region)
    joined = [Attachment(id_of("tgw-attach", *name, v.account), v) for v in vpcs]
    office = Attachment(id_of("tgw-attach", *name, "vpn"), None)
    return Gateway(account, region, (*joined, office))


_HABITS = (("web", "db", 5432, 5_000, 30_000), ("batch", "web", 8080, 2_000, 90_000),
           ("web", "endpoint", 443, 2_500, 6_000))  # fmt: skip


def through(gateway: Gateway, slot: datetime, rng: random.Random) -> Iterator[Record]:
    """The records of one file: some thirty, and the losses that never cease."""
    first = int(slot.timestamp())
    *vpcs, office = gateway.attachments
    for _ in range(10):
        source, target = rng.sample(vpcs, 2)
        group, peers, port, sent, received = rng.choice(_HABITS)
        hosts = _hosts(source, group), _hosts(target, peers)
        yield from _talk(gateway, (source, target), hosts, (port, sent, received), first, rng)
    laptops = [Host(f"172.16.4.{n}") for n in range(20, 24)]
    bastion = _hosts(vpcs[0], "bastion")
    yield from _talk(gateway, (office, vpcs[0]), (laptops, bastion), (22, 6_000, 9_000), first, rng)
    for group, address, reason, size_bytes in (
        ("web", OLD_NETWORK, "blackhole", 6_000),
        ("batch", UNROUTED, "no-route", 400),
        (JUMBO_SOURCE, _hosts(vpcs[1], "web")[0].address, "mtu-exceeded", 90_000),
    ):
        host = _hosts(vpcs[0], group)[0]
        flow = _flow(host, Host(address), 443, size_bytes, first, rng)
        yield gateway.lost(flow, vpcs[0], reason)
    near, far = (_hosts(vpc, GRE_SOURCE)[0] for vpc in vpcs[:2])
    tunnel = Flow(near, far, 0, 0, GRE, 90, 64_800, first + 20, first + 80, "0")
    yield from gateway.passed(tunnel, vpcs[0], vpcs[1])
    yield gateway.silent(office, first, first + 60)


def _hosts(at: Attachment, group: str) -> Sequence[Host]:
    return at.vpc.hosts[group] if at.vpc else ()


def _talk(
    gateway: Gateway,
    ends: tuple[Attachment, Attachment],
    hosts: tuple[Sequence[Host], Sequence[Host]],
    what: tuple[int, int, int],
    first: int,
    rng: random.Random,
) -> Iterator[Record]:
    """A request and its answer; ``what`` is the port and the bytes of both."""
    port, sent, received = what
    flow = _flow(rng.choice(hosts[0]), rng.choice(hosts[1]), port, sent, first, rng)
    yield from gateway.passed(flow, *ends)
    yield from gateway.passed(flow.reply(received, "19"), ends[1], ends[0])


def _flow(
    source: Host, target: Host, port: int, size_bytes: int, first: int, rng: random.Random
) -> Flow:
    end = first + rng.randrange(int(SLOT.total_seconds()))
    return Flow(
        source, target, rng.randrange(32768, 61000), port, TCP,
        packets_of(size_bytes), size_bytes, end - 40, end, "3",
    )  # fmt: skip
