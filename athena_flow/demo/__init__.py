"""Seeded flow logs with planted events: the tree of `athena-flow demo`, and fixtures.

``vpc`` and ``flows`` are the model, ``events`` is what was planted, ``transit`` is a second log,
of Transit Gateways, and the files are written here. A record maps the name of every field to its
text, so that any log format can pick from it. The same seed and the same clock give the same
bytes. No engine and no network may enter this package.
"""

from __future__ import annotations

import gzip
import random
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from athena_flow.demo.events import BEACON, Event, Planted, plant
from athena_flow.demo.flows import SLOT, traffic
from athena_flow.demo.transit import make_gateway, through
from athena_flow.demo.vpc import Record, Vpc, digest, id_of, make_vpc
from athena_flow.errors import BadSetting
from athena_flow.fields import TGW, VPC
from athena_flow.layout import DAILY, ROOT, Layout, Partition
from athena_flow.logformat import LogFormat
from athena_flow.window import DAY, HOUR, floor

__all__ = [
    "ACCOUNTS",
    "ALL_FIELDS",
    "BEACON",
    "REGIONS",
    "Demo",
    "Event",
    "Planted",
    "Record",
    "TRANSIT",
    "TRANSIT_FIELDS",
    "file_key",
    "lines",
    "make_vpc",
    "prepare",
    "traffic",
    "write_demo",
    "write_file",
    "write_transit",
]

ALL_FIELDS = LogFormat(VPC)
TRANSIT_FIELDS = LogFormat(TGW)
TRANSIT = "transit/"
"""Where the second log lies in the demo's folder: beside the first one's AWSLogs/, because a text
table maps columns by position and can hold one format only."""
ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-west-1")


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
    planted, extra = plant(vpcs, midnight)
    files = records = size_bytes = 0
    for vpc in vpcs:
        for place, volume in _files(vpc, extra, midnight - (days - 1) * DAY, now):
            rows = [*traffic(vpc, place.start, rng, volume), *extra.get(place, ())]
            size_bytes += write_file(root / file_key(layout, place), lines(fmt, rows))
            files, records = files + 1, records + len(rows)
    return Demo(files, records, size_bytes, planted)


def write_transit(root: Path, now: datetime, seed: int = 36, days: int = 7) -> int:
    """Writes a Transit Gateway flow log below ``root / TRANSIT``; returns how many records."""
    rng = random.Random(seed)
    first = floor(now, DAY) - (days - 1) * DAY
    records = 0
    for region in REGIONS:
        vpcs = [make_vpc(account, region) for account in ACCOUNTS]
        gateway = make_gateway(ACCOUNTS[0], region, vpcs)
        for place, _ in _files(vpcs[0], (), first, now):
            rows = list(through(gateway, place.start, rng))
            path = root / TRANSIT / file_key(DAILY, place, "tgw")
            write_file(path, lines(TRANSIT_FIELDS, rows))
            records += len(rows)
    return records


_MARK = "# Written by `athena-flow demo`, which writes this folder anew each time.\n"
_SETTINGS = (
    _MARK
    + """engine = "duckdb"
location = "."
log_format = "{log_format}"
ledger = ".athena-flow/ledger.sqlite"
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
        for old in (root / ROOT, root / TRANSIT, root / ".athena-flow"):
            shutil.rmtree(old, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
    settings.write_text(_SETTINGS.format(log_format=ALL_FIELDS.header), "utf-8")
    write_transit(root, now)
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


def file_key(layout: Layout, place: Partition, log_of: str = "") -> str:
    """The key of one delivered file; ``place.start`` is its slot, a multiple of 5 minutes.

    ``log_of`` tells flow logs of one account and region apart.
    """
    account, region, stamp = place.account, place.region, f"{place.start:%Y%m%dT%H%MZ}"
    log = id_of("fl", account, region, *filter(None, [log_of]))
    name = f"{account}_vpcflowlogs_{region}_{log}_{stamp}_{digest(log, stamp)[:8]}.log.gz"
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
