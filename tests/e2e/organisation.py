"""A bucket of several accounts and regions on the bench, and what its table has to look like.

What is expected is spelled here by hand: nothing of the project's own tells it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from athena_server import ACCOUNT, AthenaServer
from conftest import NOW, Ran

from athena_flow.aws import Account
from athena_flow.glue import GlueCatalog
from athena_flow.layout import LAYOUTS
from athena_flow.logformat import DEFAULT
from athena_flow.table import TableSpec

Values = tuple[str, ...]
"""Account, region, ``2026-11-20`` and, in hourly layouts, ``07``."""

LOCATION = "s3://logs/net/"
TITLE = "flow_logs.vpc_flow_logs"
ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("eu-west-1", "us-east-1")
DAYS = ("2026-11-19", "2026-11-20", "2026-11-21")
PLAIN = "AWSLogs/{}/vpcflowlogs/{}/{}/{}/{}/"
HIVE = "AWSLogs/aws-account-id={}/aws-service=vpcflowlogs/aws-region={}/year={}/month={}/day={}/"
FOLDERS = {
    "daily": PLAIN,
    "hourly": PLAIN + "{}/",
    "hive-daily": HIVE,
    "hive-hourly": HIVE + "hour={}/",
}
COLUMNS = (
    ("version", "int"),
    ("account_id", "string"),
    ("interface_id", "string"),
    ("srcaddr", "string"),
    ("dstaddr", "string"),
    ("srcport", "int"),
    ("dstport", "int"),
    ("protocol", "bigint"),
    ("packets", "bigint"),
    ("bytes", "bigint"),
    ("start", "bigint"),
    ("end", "bigint"),
    ("action", "string"),
    ("log_status", "string"),
)


def days(first: str, count: int) -> tuple[str, ...]:
    """So many days from one on."""
    start = date.fromisoformat(first)
    return tuple(f"{start + timedelta(days=n)}" for n in range(count))


def several(*parts: Iterable[str]) -> list[Values]:
    """Every combination: of accounts, regions, days (and hours)."""
    return list(product(*parts))


EVERY = several(ACCOUNTS, REGIONS, DAYS)


def folder(values: Values, layout: str = "daily", location: str = LOCATION) -> str:
    """Where AWS delivers a partition."""
    account, region, day, *hour = values
    return location + FOLDERS[layout].format(account, region, *day.split("-"), *hour)


# ---------------------------------------------------------------- S3 and Glue, by the back door


def put(*uris: str) -> None:
    """Objects with a byte in them, or none in a folder's marker."""
    from moto.s3.models import s3_backends

    s3 = s3_backends[ACCOUNT]["aws"]
    for uri in uris:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if bucket not in s3.buckets:
            s3.create_bucket(bucket, "us-east-1")
        s3.put_object(bucket, key, b"" if key.endswith("/") else b"x")


def deliver(wanted: Iterable[Values], layout: str = "daily", location: str = LOCATION) -> None:
    """One object in the folder of each."""
    put(*(folder(values, layout, location) + "some.log.gz" for values in wanted))


def glue_table(name: str = "vpc_flow_logs") -> Any:
    from moto.glue.models import glue_backends

    return glue_backends[ACCOUNT]["us-east-1"].databases["flow_logs"].tables[name]


def stored() -> dict[Values, dict[str, Any]]:
    """Every registered partition as Glue has it: its values, and its StorageDescriptor."""
    found = list(glue_table().partitions.values())
    return {tuple(p.values): p.partition_input["StorageDescriptor"] for p in found}


def register(wanted: Iterable[Values], at: Callable[[Values], str] = folder) -> None:
    """Puts partitions into Glue as somebody else would."""
    for values in wanted:
        storage = {"Columns": [], "Location": at(values)}
        glue_table().create_partition({"Values": list(values), "StorageDescriptor": storage})


def forget(values: Values) -> None:
    """Takes a partition out of Glue, as somebody else would."""
    glue_table().delete_partition(list(values))


@cache
def account() -> Account:
    """Kept, because opening one costs more than what most tests do with it."""
    return Account()


def make_table(layout: str = "daily", location: str = LOCATION) -> None:
    put(location + "AWSLogs/marker")
    spec = TableSpec("flow_logs", "vpc_flow_logs", location, DEFAULT, LAYOUTS[layout])
    GlueCatalog(account()).create(spec)


def check_catalog(
    wanted: Iterable[Values], layout: str = "daily", location: str = LOCATION
) -> None:
    """The catalog holds exactly these, each with the right location, format and columns."""
    found = stored()
    assert sorted(found) == sorted(wanted)
    for values, storage in found.items():
        assert storage["Location"] == folder(values, layout, location)
        assert tuple((c["Name"], c["Type"]) for c in storage["Columns"]) == COLUMNS
        assert storage["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
        assert storage["OutputFormat"].endswith(".HiveIgnoreKeyTextOutputFormat")
        serde = storage["SerdeInfo"]
        assert serde["SerializationLibrary"].endswith(".lazy.LazySimpleSerDe")
        assert serde["Parameters"]["field.delim"] == " "


# ---------------------------------------------------------------- processes


def until(happened: Callable[[], object], what: str) -> None:
    """Waits for a thing that has to come."""
    last = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < last, f"waited in vain for {what}"
        time.sleep(0.01)


def called(aws: AthenaServer, operation: str, times: int = 1) -> None:
    """Waits for so many calls of an operation."""
    until(lambda: len(aws.calls(operation)) >= times, f"{times} calls of {operation}")


@contextmanager
def running(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """athena-flow as a process that a test meddles with."""
    process = subprocess.Popen(
        [sys.executable, "-m", "athena_flow", *words],
        cwd=folder,
        env={**os.environ, "ATHENA_FLOW_NOW": NOW.isoformat()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> Ran:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return Ran(process.returncode, out, err)


def on_terminal(folder: Path, *words: str, width: int = 100, typed: str = "") -> Ran:
    """athena-flow with a person at a terminal of this width; ``err`` is all that it shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    plain = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "athena_flow", *words],
        cwd=folder,
        env={**plain, "ATHENA_FLOW_NOW": NOW.isoformat(), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs if typed else subprocess.DEVNULL,
    )
    os.close(theirs)
    if typed:
        os.write(ours, typed.encode())
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    text = shown.decode().replace("\r\n", "\n")
    return Ran(process.wait(60), text, "")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # whoever wrote to it is gone
        return b""
