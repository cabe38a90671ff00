"""What every test gets: no network beyond this machine, no AWS account, and golden files."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from athena_server import ACCOUNT, AthenaServer, serve

from athena_flow.demo import Demo, prepare, write_demo

NOW = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
"""The clock of tests that need one; the CLI takes it as ATHENA_FLOW_NOW."""

SHARED = Path(__file__).parents[2] / "shared"
"""Real records and formats, where the machine has them; never part of the project."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another machine fails at once, by name."""
    connect = socket.socket.connect

    def loopback_only(sock: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reached for the network: {address}")
        connect(sock, address)  # type: ignore[arg-type]  # any address of the socket's family

    monkeypatch.setattr(socket.socket, "connect", loopback_only)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs of a test keep state, caches and settings: never the developer's own."""
    root = tmp_path_factory.mktemp("home")
    for name in ("STATE", "CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(root / name.lower()))
    return root


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's machine leaks in: neither AWS's nor ours."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "ATHENA_FLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with ``tests/golden/NAME``; ``--update-golden`` writes it."""

    def check(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8")

    return check


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real records; skips, by name, where the machine has none."""
    if not SHARED.is_dir():
        pytest.skip("real records (shared/) are not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def bench() -> Iterator[AthenaServer]:
    """S3, Glue and an Athena that answers, over HTTP on this machine."""
    with serve() as server:
        yield server


@pytest.fixture
def aws(bench: AthenaServer, monkeypatch: pytest.MonkeyPatch) -> AthenaServer:
    """The bench, empty, with the environment that points every AWS client at it."""
    bench.reset()
    for name, value in {
        "AWS_ENDPOINT_URL": bench.endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    return bench


@dataclass(frozen=True)
class DemoTree:
    """The demo's logs in a folder that tests read and never change."""

    root: Path
    demo: Demo


@pytest.fixture(scope="session")
def demo_tree(tmp_path_factory: pytest.TempPathFactory) -> DemoTree:
    root = tmp_path_factory.mktemp("demo")
    return DemoTree(root, write_demo(root, NOW))


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> DemoTree:
    """What `athena-flow demo` makes: its settings, two flow logs, no catalog. Read only."""
    root = tmp_path_factory.mktemp("demo-folder")
    return DemoTree(root, prepare(root, NOW))


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Ran]:
    """Runs ``athena-flow`` as a user does: a process of its own, in ``tmp_path`` or ``cwd``."""

    def run(*words: str, cwd: Path | None = None, stdin: str = "", now: str = "") -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "athena_flow", *words],
            cwd=cwd or tmp_path,
            env={**os.environ, "ATHENA_FLOW_NOW": now or NOW.isoformat(), "COLUMNS": "100"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def put_tree(root: Path, bucket: str, prefix: str = "", below: str = "AWSLogs") -> None:
    """Puts the files of a folder into the bench's S3 by its back door: HTTP takes seconds."""
    from moto.s3.models import s3_backends

    s3 = s3_backends[ACCOUNT]["aws"]
    if bucket not in s3.buckets:
        s3.create_bucket(bucket, "us-east-1")
    for path in sorted((root / below).rglob("*")):
        if path.is_file():
            s3.put_object(bucket, prefix + path.relative_to(root).as_posix(), path.read_bytes())


@pytest.fixture
def refuse_partitions(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets Glue refuse the partitions of these days inside an answer that is a success."""
    from moto.glue.models import GlueBackend

    create = GlueBackend.batch_create_partition

    def refuse(*days: str) -> None:
        def answer(self: GlueBackend, database: str, table: str, given: list[dict]) -> list[dict]:
            bad = [entry["Values"] for entry in given if entry["Values"][2] in days]
            good = [entry for entry in given if entry["Values"] not in bad]
            detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": "try again"}
            refused = [{"PartitionValues": values, "ErrorDetail": detail} for values in bad]
            return create(self, database, table, good) + refused

        monkeypatch.setattr(GlueBackend, "batch_create_partition", answer)

    return refuse


# ---- answers worked out in plain Python, line by line: what both engines are held against


@dataclass(frozen=True)
class Line:
    """One record of a file, and where that file lies."""

    path: Path
    record: dict[str, str]

    def number(self, field: str) -> int | None:
        text = self.record.get(field, "-")
        return int(text) if text.isdecimal() else None


def read_lines(paths: Iterable[Path]) -> Iterator[Line]:
    """The records of files that begin with a header line."""
    for path in paths:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        header, *rows = text.splitlines()
        for row in rows:
            yield Line(path, dict(zip(header.split(" "), row.split(" "), strict=False)))


def total(numbers: Iterable[int | None]) -> int | None:
    """SQL's sum: NULLs do not count, and nothing adds up to NULL."""
    found = [number for number in numbers if number is not None]
    return sum(found) if found else None


def reject_report(lines: Iterable[Line], limit: int = 50, min_count: int = 1) -> list[tuple]:
    """srcaddr, rejects, packets, bytes, distinct ports; rejects descending, then srcaddr."""
    groups = defaultdict(list)
    for line in lines:
        if line.record.get("action") == "REJECT":
            groups[line.record["srcaddr"]].append(line)
    rows = [
        (
            source,
            len(group),
            total(line.number("packets") for line in group),
            total(line.number("bytes") for line in group),
            len({line.number("dstport") for line in group} - {None}),
        )
        for source, group in groups.items()
        if len(group) >= min_count
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:limit]


def log_status_summary(lines: Iterable[Line]) -> list[tuple]:
    """log_status and records, the most first; a record without one comes last among equals."""
    counts = Counter(line.record.get("log-status") for line in lines)
    return sorted(counts.items(), key=lambda row: (-row[1], row[0] is None, row[0] or ""))


@contextmanager
def somebody() -> Iterator[None]:
    """No superuser, who may read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
