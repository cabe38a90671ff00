"""How a Trino is reached: by TLS, with a password, and what is said where one is not.

The server is a real one with HTTPS and password authentication; only what hangs is a stub.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from athena_server import AthenaServer
from conftest import NOW, Ran
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from real_trino import CATALOG, Cluster, Tls, free_port, running

from athena_flow.engines import trino as engine
from athena_flow.engines.trino import Address, TrinoEngine
from athena_flow.errors import AthenaFlowError, BadSetting, EngineError, NotFound
from athena_flow.table import TableSpec

pytest_plugins = "trino_fixtures"

Cli = Callable[..., Ran]

USER, PASSWORD = "alice", "correct horse"


# ---------------------------------------------------------------- certificates


@dataclass(frozen=True)
class Signer:
    """Somebody who signs certificates."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def named(cls, name: str) -> Signer:
        key, title = ec.generate_private_key(ec.SECP256R1()), _title(name)
        builder = _certificate(title, title, key, timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def sign(self, host: str, lasts: timedelta = timedelta(days=1)) -> bytes:
        """A key and its certificate for a host, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _certificate(_title(host), self.certificate.subject, key, lasts)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        signed = builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return secret + signed.public_bytes(serialization.Encoding.PEM)

    def write(self, file: Path) -> Path:
        file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return file


def _title(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + lasts)
    )


# ---------------------------------------------------------------- a Trino by TLS


@dataclass(frozen=True)
class Guarded:
    """A Trino that is asked by TLS, and how to ask it rightly."""

    cluster: Cluster
    address: Address
    folder: Path
    """Where its certificates lie."""

    @property
    def flags(self) -> list[str]:
        words = ["--engine", "trino", "--table", "logs", "--trino-host", self.address.host]
        words += ["--trino-port", str(self.address.port), "--trino-user", self.address.user]
        return [*words, "--trino-ca", str(self.address.authority)]


@pytest.fixture(scope="module")
def guarded(
    trino_is_here: None, bench: AthenaServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("certificates")
    signer = Signer.named("a company")
    authority = signer.write(folder / "company.pem")
    (folder / "server.pem").write_bytes(signer.sign("localhost"))
    tls = Tls(free_port(), folder / "server.pem", USER, PASSWORD)
    address = Address(
        "localhost", tls.port, CATALOG, USER, tls=True, authority=authority, password=PASSWORD
    )
    with running(bench, 0, tls) as cluster:
        yield Guarded(cluster, address, folder)


def said(address: Address) -> AthenaFlowError:
    """How a run there fails."""
    with pytest.raises(AthenaFlowError) as caught:
        TrinoEngine(address, "x").run("SELECT 1", ())
    assert "\n" not in str(caught.value)
    assert PASSWORD not in f"{caught.value!r} {caught.value} {caught.value.hint}"
    return caught.value


def test_a_run_by_tls_with_a_password(
    guarded: Guarded, logs: TableSpec, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trino knows who asked; and the file of --trino-ca counts, whatever requests is told."""
    monkeypatch.setenv("ATHENA_FLOW_TRINO_PASSWORD", PASSWORD)
    other = Signer.named("another").write(guarded.folder / "environment.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    words = ["run", "reject-report", "--since", "7d", *guarded.flags, "--as", "json"]
    ran = cli(*words, "--verbose")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["rows"]
    assert PASSWORD not in ran.out + ran.err
    session = guarded.cluster.ask(f"/v1/query/{told['query_id']}")["session"]
    assert (session["user"], session["principal"], session["source"]) == (USER, USER, "athena-flow")


def test_without_its_own_file_the_environment_says_whom_to_trust(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(guarded.address.authority))
    result = TrinoEngine(replace(guarded.address, authority=None), "x").run("SELECT 1", ())
    assert list(result.rows) == [(1,)]


@pytest.mark.parametrize("password", ["wrong", None])
def test_a_wrong_password(
    guarded: Guarded,
    logs: TableSpec,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    password: str | None,
) -> None:
    if password:
        monkeypatch.setenv("ATHENA_FLOW_TRINO_PASSWORD", password)
    ran = cli("run", "reject-report", "--since", "7d", *guarded.flags)
    assert (ran.code, ran.out) == (3, "")
    what = "does not know user 'alice' by this password" if password else "wants a password"
    assert f"https://localhost:{guarded.address.port} {what}" in ran.err
    assert "hint: set --trino-user and the variable ATHENA_FLOW_TRINO_PASSWORD" in ran.err
    assert "Traceback" not in ran.err


def test_a_certificate_that_nobody_vouches_for(guarded: Guarded) -> None:
    """Without a file, and by the file of somebody else."""
    stranger = Signer.named("a stranger").write(guarded.folder / "stranger.pem")
    for authority in (None, stranger):
        error = said(replace(guarded.address, authority=authority))
        assert error.code == 3
        assert "is not to be trusted: unable to get local issuer certificate" in str(error)
        assert "--trino-ca" in str(error.hint)


def test_a_certificate_of_another_host(guarded: Guarded) -> None:
    error = said(replace(guarded.address, host="127.0.0.1"))
    assert error.code == 3
    assert "is not to be trusted: IP address mismatch" in str(error)
    assert "--trino-host" in str(error.hint)


def test_a_file_that_holds_no_certificate(
    guarded: Guarded, logs: TableSpec, cli: Cli, tmp_path: Path
) -> None:
    """It is named, and nothing is asked of anybody."""
    (tmp_path / "notes.pem").write_text("a certificate\n")
    other = replace(guarded, address=replace(guarded.address, authority=Path("notes.pem")))
    ran = cli("run", "reject-report", *other.flags)
    assert (ran.code, ran.out) == (3, "")
    assert "notes.pem: it holds no certificate, as PEM" in ran.err


def test_tls_where_there_is_none_and_the_other_way_round(guarded: Guarded) -> None:
    plain = replace(guarded.address, port=guarded.cluster.port)
    assert "wrong version number" in str(said(plain))
    assert "--trino-tls" in str(said(replace(guarded.address, tls=False, password=None)).hint)


@pytest.mark.parametrize("host", ["https://x.example", "x.example:8443", "x/y", "", "a b", "u@x"])
def test_a_host_is_a_name_alone(host: str) -> None:
    """An address in full would decide by itself about port and TLS."""
    with pytest.raises(BadSetting, match="no name of a host"):
        Address(host, 443, "hive", "me")


# ---------------------------------------------------------------- one that hangs


@contextmanager
def silent(first: Callable[[int], bytes] | None = None) -> Iterator[tuple[int, threading.Event]]:
    """A server that takes connections and says nothing, or nothing after its first answer.

    Its port, and an event for when somebody waits.
    """
    waited = threading.Event()
    held: list[socket.socket] = []

    def serve(listening: socket.socket) -> None:
        answer = first
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            held.append(connection)
            if answer:
                connection.recv(65_536)
                connection.sendall(answer(port))
                answer = None
            else:
                waited.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield port, waited
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    for connection in held:
        connection.close()


def accepted(port: int) -> bytes:
    """Trino's answer to a statement: a query, and where to ask on."""
    stats = {"state": "QUEUED", "physicalInputBytes": 0}
    told = {
        "id": "20260101_000000_00001_abcde",
        "infoUri": "http://127.0.0.1/ui",
        "nextUri": f"http://127.0.0.1:{port}/v1/statement/queued/1",
        "stats": stats,
        "warnings": [],
    }
    body = json.dumps(told).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's patience is a minute; here it is less than a second."""
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(engine, "STOP_SECONDS", 0.2)


def test_a_server_that_never_answers(impatient: None) -> None:
    with silent() as (port, _):
        error = said(Address("127.0.0.1", port, "hive", "me"))
    assert isinstance(error, NotFound)
    assert "timed out" in str(error)


def test_a_server_that_falls_silent(impatient: None) -> None:
    """The query is named, and the book that hears of queries has heard of it."""
    heard: list[str] = []
    with silent(accepted) as (port, _):
        address = Address("127.0.0.1", port, "hive", "me")
        with pytest.raises(EngineError, match="timed out") as caught:
            TrinoEngine(address, "x").run("SELECT 1", (), heard.append)
    assert caught.value.query_id == "20260101_000000_00001_abcde"
    assert heard == ["20260101_000000_00001_abcde"]


@pytest.mark.parametrize("first", [None, accepted], ids=["at once", "with a query"])
def test_ctrl_c_ends_the_wait(
    aws: AthenaServer, logs: TableSpec, first: Callable[[int], bytes] | None
) -> None:
    """Within seconds; a query that could not be stopped is named."""
    with silent(first) as (port, waited):
        words = ["run", "reject-report", "--table", "logs", "--since", "7d", "--engine", "trino"]
        words += ["--trino-host", "127.0.0.1", "--trino-port", str(port), "--trino-user", "me"]
        process = subprocess.Popen(
            [sys.executable, "-m", "athena_flow", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "ATHENA_FLOW_NOW": NOW.isoformat()},
        )
        try:
            assert waited.wait(60)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    if first:
        assert "20260101_000000_00001_abcde may still run, for it could not be stopped" in err
