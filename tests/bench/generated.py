"""Flow logs for the bench on one machine: seeded, fast to write, in AWS's folders.

    python tests/bench/generated.py DIR --records 2000000 --files 56 --fields 14

A tenth of the traffic is rejected and a few records are NODATA; addresses are skewed, so that
gzip and group-by have the work that real logs give them. The same arguments give the same
text. Real files are deflated at zlib's level 6, and so are these.
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from athena_flow.fields import VPC, VPC_DEFAULT

DAYS = 7
FIRST = datetime(2026, 11, 14, tzinfo=UTC)
ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("eu-west-1", "us-east-1")
FORMATS = {14: VPC_DEFAULT, 29: VPC[:29]}
SERVICES = (443, 443, 443, 443, 80, 80, 53, 22, 3389, 5432, 8080, 6379, 123, 9092)
WORKERS = 2


@dataclass(frozen=True)
class Part:
    """One file: where it lies, its seed, and how many records it holds."""

    path: Path
    seed: int
    start: datetime
    seconds: int
    records: int
    fields: int


def parts(root: Path, records: int, files: int, fields: int) -> Iterator[Part]:
    """The files of a tree, spread evenly over days, accounts and regions.

    Raises ValueError for a number of files that does not divide so.
    """
    places = [(a, r) for a in ACCOUNTS for r in REGIONS]
    each, rest = divmod(files, DAYS * len(places))
    if rest or not each:
        raise ValueError(f"{files} files are no multiple of {DAYS * len(places)}")
    seconds = 86_400 // each
    for number in range(files):
        day, inside = divmod(number, each * len(places))
        place, slot = divmod(inside, each)
        account, region = places[place]
        start = FIRST + timedelta(days=day, seconds=slot * seconds)
        folder = root / f"AWSLogs/{account}/vpcflowlogs/{region}/{start:%Y/%m/%d}"
        name = f"{account}_vpcflowlogs_{region}_fl-0a{place:06x}_{start:%Y%m%dT%H%MZ}_{number:08x}"
        count = records * (number + 1) // files - records * number // files
        yield Part(folder / f"{name}.log.gz", number, start, seconds, count, fields)


def write(part: Part) -> int:
    """Writes a file; returns the bytes of its text."""
    header = " ".join(field.name for field in FORMATS[part.fields])
    data = "\n".join((header, *lines(part), "")).encode()
    part.path.parent.mkdir(parents=True, exist_ok=True)
    part.path.write_bytes(gzip.compress(data, compresslevel=6, mtime=0))
    return len(data)


def lines(part: Part) -> Iterator[str]:
    """The records of a file, by a generator of its own."""
    rng = random.Random(part.seed)
    account, region = part.path.parts[-7], part.path.parts[-5]
    own = [f"10.{rng.randrange(4)}.{rng.randrange(32)}.{rng.randrange(1, 255)}" for _ in range(300)]
    far = [
        ".".join(str(rng.randrange(1, 255)) for _ in range(4)) for _ in range(part.records // 8 + 9)
    ]
    enis = [f"eni-0{rng.getrandbits(64):016x}" for _ in own]
    tails = [_tail(region, rng) for _ in own] if part.fields == 29 else [""] * len(own)
    begin = int(part.start.timestamp())
    for _ in range(part.records):
        here = int(rng.random() ** 2 * len(own))
        near, eni, tail = own[here], enis[here], tails[here]
        start = begin + int(rng.random() * (part.seconds - 60))
        kind = rng.random()
        if kind < 0.01:
            hyphens = " - - - - - - - - - - - - - - -" if tail else ""
            yield (f"2 {account} {eni} - - - - - - - {start} {start + 59} - NODATA{hyphens}")
            continue
        other = far[int(rng.random() ** 3 * len(far))]
        service, port = SERVICES[int(rng.random() * 14)], 1024 + int(rng.random() * 64_000)
        packets = 1 + int(rng.random() ** 6 * 4000)
        size = packets * (40 + int(rng.random() * 1400))
        protocol = 17 if service in (53, 123) else 6
        end = start + int(rng.random() * 60)
        if kind < 0.11:
            action, flow = "REJECT", f"{other} {near} {port} {service}"
            packets, size = 1, 40
        elif kind < 0.55:
            action, flow = "ACCEPT", f"{near} {other} {service} {port}"
        else:
            action, flow = "ACCEPT", f"{other} {near} {port} {service}"
        yield (
            f"2 {account} {eni} {flow} {protocol} {packets} {size} {start} {end} {action} OK{tail}"
        )


def _tail(region: str, rng: random.Random) -> str:
    """The fields 15 to 29 of an interface."""
    vpc, subnet, instance = (f"{rng.getrandbits(68):017x}" for _ in range(3))
    source = f"10.0.{rng.randrange(32)}.{rng.randrange(1, 255)}"
    return (
        f" vpc-{vpc} subnet-{subnet} i-{instance} {rng.choice((0, 2, 18, 19))} IPv4 {source}"
        f" 10.1.0.9 {region} {region}-az{rng.randrange(1, 4)} - - - AMAZON ingress -"
    )


def make(root: Path, records: int, files: int, fields: int) -> int:
    """Writes a tree, if it is not there; returns the bytes of its text."""
    done = root / "text_bytes"
    if not done.exists():
        with ProcessPoolExecutor(WORKERS) as pool:
            every = list(parts(root, records, files, fields))
            done.write_text(str(sum(pool.map(write, every, chunksize=max(1, files // 64)))))
    return int(done.read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--files", type=int, default=56)
    parser.add_argument("--fields", type=int, choices=FORMATS, default=14)
    given = parser.parse_args()
    make(given.folder, given.records, given.files, given.fields)
