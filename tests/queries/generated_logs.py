"""Seeded logs that are unkind: few values so that everything ties, and ``-`` wherever it may stand.

The same records are written in several formats and file types. A record is what an independent
answer is worked out from: column -> int, text, or None for a number that is not there.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
from loaded_logs import fill

from athena_flow.demo import TRANSIT_FIELDS, file_key, write_file
from athena_flow.fields import TGW, VPC, Field
from athena_flow.layout import DAILY, Partition
from athena_flow.logformat import DEFAULT, LogFormat
from athena_flow.window import Window

FileType = Literal["text", "parquet"]
Texts = dict[str, str]
"""AWS's field name -> the text in a log."""
Record = dict[str, Any]
"""Column -> value."""

FIRST = datetime(2026, 11, 19, tzinfo=UTC)
DAYS = 4
"""From a Thursday to a Sunday."""
WINDOW = Window(FIRST + timedelta(hours=5), FIRST + timedelta(days=3, hours=1, minutes=7))
"""Neither side is a day's, so that partitions and times both count."""
V5 = LogFormat(tuple(f for f in VPC if f.version <= 5))
"""All 29 fields of versions 2 to 5."""
ALL = LogFormat(VPC)
FORMATS: Mapping[str, LogFormat] = {"default": DEFAULT, "v5": V5, "all": ALL, "tgw": TRANSIT_FIELDS}
KINDS: tuple[tuple[str, FileType], ...] = (
    ("default", "text"),
    ("v5", "text"),
    ("all", "text"),
    ("all", "parquet"),
    ("tgw", "text"),
    ("tgw", "parquet"),
)

ALWAYS = {"version", "account-id", "region", "start", "end", "log-status", "resource-type"}
"""Fields that AWS always fills."""
_INSIDE = ("10.0.0.5", "10.0.0.6", "10.0.1.7", "172.16.9.9", "192.168.3.4", "100.64.7.7", "fd00::5")
_OUTSIDE = ("203.0.113.9", "203.0.113.200", "198.51.100.7", "172.32.0.1", "2001:db8::1", "8.8.8.8")
_PORTS = (22, 22, 53, 80, 443, 443, 3389, 5432, 3333, 0, 1024, 8080, 40001)
_IDS = ("0123456789abcdef0", "0123456789abcdef1", "0aaaaaaaaaaaaaaaa")
_ZONES = ("use1-az1", "use1-az2", "euw1-az1")
_HOMES = {"10.0.0.5": "use1-az1", "172.16.9.9": "use1-az2", "fd00::5": "euw1-az1"}
"""Zones of hosts that stay in theirs; others move about."""
_SERVICES = ("S3", "DYNAMODB", "AMAZON", "EC2", "-", "-", "-", "-")


@dataclass(frozen=True)
class Log:
    """A tree of files of one format, and the records in them."""

    name: str
    format: LogFormat
    root: Path
    records: tuple[Record, ...]
    places: tuple[Partition, ...]
    """Where each record lies."""

    def within(self, window: Window) -> list[Record]:
        """The records whose end lies in the window, as the files hold them."""
        low, high = (int(t.timestamp()) if t else None for t in (window.start, window.end))
        return [
            r
            for r in self.records
            if r["end"] is not None
            and (low is None or r["end"] >= low)
            and (high is None or r["end"] < high)
        ]


def write_log(root: Path, name: str, file_type: FileType, seed: int = 7, count: int = 1200) -> Log:
    """Writes a log below ``root``; another order of the records for another ``seed`` sign."""
    dice = random.Random(abs(seed))
    made = list(_tgw(dice, count // 2) if name == "tgw" else _vpc(dice, count))
    if seed < 0:
        random.Random(seed).shuffle(made)
    fmt = FORMATS[name]
    version = str(max(f.version for f in fmt.fields))
    texts = [{f.name: record.get(f.name, "-") for f in fmt.fields} for record in made]
    texts = [record | {"version": version} for record in texts]
    places = tuple(map(_place, made))
    records = tuple(typed(row, fmt.fields) for row in texts)
    files: dict[Partition, list[int]] = defaultdict(list)
    for n, place in enumerate(places):
        files[place].append(n)
    with duckdb.connect() as db:
        for place, numbers in sorted(files.items()):
            key = file_key(DAILY, place)
            if file_type == "text":
                lines = (" ".join(texts[n][f.name] for f in fmt.fields) for n in numbers)
                write_file(root / key, (fmt.header, *lines))
            else:
                path = (root / key).with_suffix("").with_suffix(".log.parquet")
                _write_parquet(db, path, fmt, [records[n] for n in numbers])
    return Log(f"{name}-{file_type}", fmt, root, records, places)


def typed(texts: Mapping[str, str], fields: tuple[Field, ...]) -> Record:
    """A record's texts as the values of its columns, as a log's reader sees them."""
    return {
        column: texts[name] if is_text else _number(texts[name])
        for name, column, is_text in _read_as(fields)
        if name in texts
    }


@cache
def _read_as(fields: tuple[Field, ...]) -> tuple[tuple[str, str, bool], ...]:
    """Of each field its name, its column, and whether that is text."""
    return tuple((f.name, f.column, f.athena_type == "string") for f in fields)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _place(made: Texts) -> Partition:
    """The file that a record belongs to: account, region, and day."""
    slot = int(made["end"]) // 86_400 * 86_400
    return Partition(made["account-id"], made["region"], datetime.fromtimestamp(slot, UTC))


def _write_parquet(
    db: duckdb.DuckDBPyConnection, path: Path, fmt: LogFormat, records: Sequence[Record]
) -> None:
    kinds = [(f.column, f.athena_type) for f in fmt.fields]
    fill(db, "log", kinds, [tuple(r.values()) for r in records])
    path.parent.mkdir(parents=True, exist_ok=True)
    db.execute(f"COPY log TO '{path}' (FORMAT parquet)")


# ---------------------------------------------------------------- what is in them


def _vpc(dice: random.Random, count: int) -> Iterator[Texts]:
    """Flows, replies, the same flow at a second interface, and records without data."""
    made = 0
    while made < count:
        flow = _flow(dice)
        group = [flow]
        if dice.random() < 0.4:
            group.append(_reply(flow, dice))
        if dice.random() < 0.3:
            flags = dice.choice(("1", "2", "4", "18")) if flow["protocol"] == "6" else "0"
            other = {"flow-direction": _other(flow), "tcp-flags": flags}
            group.append(flow | _interface(dice) | _home(_far_end(flow)) | other)
        if dice.random() < 0.06:
            group = [_silent(dice)]
        for record in group:
            yield _holed(record, dice)
        made += len(group)


def _flow(dice: random.Random) -> Texts:
    inward = dice.random() < 0.5
    ours, theirs = dice.choice(_INSIDE), dice.choice(_INSIDE + _OUTSIDE + _OUTSIDE)
    source, target = (theirs, ours) if inward else (ours, theirs)
    protocol = dice.choice((6, 6, 6, 6, 17, 17, 1, 58, 47))
    ports = (dice.choice(_PORTS), dice.choice(_PORTS)) if protocol in (6, 17) else (0, 0)
    rejected = dice.random() < 0.3
    packets = dice.choice((1, 1, 2, 3, 10, 10, 5_000))
    record = _interface(dice) | _home(ours) | _times(dice)
    return record | {
        "srcaddr": source,
        "dstaddr": target,
        "srcport": str(ports[0]),
        "dstport": str(ports[1]),
        "protocol": str(protocol),
        "packets": str(packets),
        "bytes": str(packets * dice.choice((40, 40, 100, 1_500, 150_000))),
        "action": "REJECT" if rejected else "ACCEPT",
        "log-status": "OK",
        "tcp-flags": dice.choice(("0", "1", "2", "2", "3", "4", "18", "19", "23"))
        if protocol == 6
        else "0",
        "type": "IPv6" if ":" in source else "IPv4",
        "pkt-srcaddr": source if dice.random() < 0.8 else dice.choice(_INSIDE + _OUTSIDE),
        "pkt-dstaddr": target if dice.random() < 0.8 else dice.choice(_INSIDE + _OUTSIDE),
        "pkt-src-aws-service": dice.choice(_SERVICES),
        "pkt-dst-aws-service": dice.choice(_SERVICES),
        "flow-direction": "ingress" if inward else "egress",
        "traffic-path": "-" if inward else dice.choice("12345678"),
        "reject-reason": dice.choice(("BPA", "EC", "-", "-")) if rejected else "-",
        "encryption-status": dice.choice(("0", "1", "2", "3", "-")),
    }


def _interface(dice: random.Random) -> Texts:
    """What a record says of where it was made; ids repeat over accounts on purpose."""
    n = dice.randrange(3)
    zone, hop = dice.choice(_ZONES), dice.choice(_ZONES)
    return {
        "account-id": dice.choice(("111122223333", "444455556666")),
        "region": dice.choice(("us-east-1", "eu-west-1")),
        "interface-id": f"eni-{_IDS[n]}",
        "vpc-id": f"vpc-{_IDS[n % 2]}",
        "subnet-id": f"subnet-{dice.choice(_IDS)}",
        "instance-id": dice.choice((f"i-{_IDS[n]}", "-")),
        "az-id": zone,
        "sublocation-type": dice.choice(("-", "-", "-", "outpost", "localzone")),
        "sublocation-id": dice.choice(("-", "op-1")),
        "ecs-cluster-arn": "arn:aws:ecs:us-east-1:111122223333:cluster/shop",
        "ecs-cluster-name": dice.choice(("shop", "back", "-")),
        "ecs-service-name": dice.choice(("checkout", "search", "-")),
        "ecs-task-id": dice.choice(("t1", "t2", "-")),
        "ecs-task-definition-arn": "arn:aws:ecs:us-east-1:111122223333:task-definition/c:1",
        "ecs-task-arn": dice.choice(("arn:aws:ecs:us-east-1:111122223333:task/shop/t1", "-")),
        "ecs-container-id": dice.choice(("c1", "-")),
        "resource-id": dice.choice(("-", "-", "nat-0123456789abcdef0")),
        "instance-tag": dice.choice(("web%2D1", "db%2D1", "-")),
        "instance-tag-2": dice.choice(("shop%20front", "R%26D", "-")),
        "interface-tag": dice.choice(("web%2D1", "donn%C3%A9es", "-")),
        "interface-tag-2": dice.choice(("shop%20front", "-")),
        "asg-tag": dice.choice(("web%2Dasg", "-")),
        "interface-type": dice.choice(
            ("-", "nat_gateway", "regional_nat_gateway", "vpc_endpoint", "transit_gateway")
        ),
        "next-hop-interface-id": dice.choice(("-", f"eni-{_IDS[n - 1]}")),
        "next-hop-subnet-id": dice.choice(("-", f"subnet-{_IDS[n - 1]}")),
        "next-hop-az-id": dice.choice(("-", hop, zone)),
        "next-hop-vpc-id": dice.choice(("-", f"vpc-{_IDS[n - 1]}")),
        "next-hop-interface-type": dice.choice(("-", "nat_gateway", "vpc_endpoint")),
    }


def _home(address: str) -> Texts:
    """The zone of a host that has one of its own."""
    return {"az-id": _HOMES[address]} if address in _HOMES else {}


def _far_end(flow: Texts) -> str:
    """The end of a flow at which it was not recorded."""
    return flow["srcaddr" if flow["flow-direction"] == "ingress" else "dstaddr"]


def _times(dice: random.Random) -> Texts:
    """Seconds anywhere in the days, often the same ones, at times on a bucket's edge."""
    whole = DAYS * 86_400
    offset = dice.choice((dice.randrange(whole), dice.randrange(whole // 3_600) * 3_600, 90_061))
    end = int(FIRST.timestamp()) + offset
    return {"start": str(end - dice.choice((0, 1, 59, 60, 300))), "end": str(end)}


def _reply(flow: Texts, dice: random.Random) -> Texts:
    swapped = {
        "srcaddr": flow["dstaddr"],
        "dstaddr": flow["srcaddr"],
        "srcport": flow["dstport"],
        "dstport": flow["srcport"],
        "pkt-srcaddr": flow["pkt-dstaddr"],
        "pkt-dstaddr": flow["pkt-srcaddr"],
        "flow-direction": _other(flow),
        "traffic-path": "-" if _other(flow) == "ingress" else dice.choice("178"),
        "tcp-flags": "19" if flow["protocol"] == "6" else "0",
    }
    return flow | swapped


def _other(flow: Texts) -> str:
    return "egress" if flow["flow-direction"] == "ingress" else "ingress"


def _silent(dice: random.Random) -> Texts:
    """A record without traffic: of any interface, or of one that never has any."""
    record = _interface(dice) | _times(dice)
    if dice.random() < 0.2:
        return record | {"interface-id": "eni-0bbbbbbbbbbbbbbbb", "log-status": "NODATA"}
    return record | {"log-status": dice.choice(("NODATA", "NODATA", "SKIPDATA"))}


def _holed(record: Texts, dice: random.Random) -> Texts:
    """The record with ``-`` here and there."""
    return {k: v if k in ALWAYS or dice.random() > 0.03 else "-" for k, v in record.items()}


def _tgw(dice: random.Random, count: int) -> Iterator[Texts]:
    for _ in range(count):
        flow = _flow(dice) if dice.random() > 0.06 else _silent(dice)
        one, two = (f"tgw-attach-{dice.choice(_IDS)}" for _ in range(2))
        sides: Texts = {}
        for which in ("src", "dst"):
            n = dice.randrange(3)
            sides |= {
                f"tgw-{which}-vpc-account-id": dice.choice(("111122223333", "444455556666", "-")),
                f"tgw-{which}-vpc-id": dice.choice((f"vpc-{_IDS[n]}", "-")),
                f"tgw-{which}-subnet-id": f"subnet-{_IDS[n]}",
                f"tgw-{which}-eni": f"eni-{_IDS[n]}",
                f"tgw-{which}-az-id": dice.choice(_ZONES),
            }
        if flow["log-status"] == "OK":
            sides |= {
                f"packets-lost-{reason}": dice.choice(("0", "0", "0", "1", "7", "7", "300"))
                for reason in ("no-route", "blackhole", "mtu-exceeded", "ttl-expired")
            }
        gateway = {
            "resource-type": "TransitGateway",
            "tgw-id": f"tgw-{dice.choice(_IDS[:2])}",
            "tgw-attachment-id": one,
            "tgw-pair-attachment-id": two,
        }
        names = {f.name for f in TGW}
        record = {**flow, **sides, **gateway}
        yield _holed({k: v for k, v in record.items() if k in names}, dice)
