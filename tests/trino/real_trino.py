"""A real Trino on this machine: the engine that Athena is made of, over the bench's Glue and S3.

`setup.sh` fetches it. From the shell it is a playground, until Ctrl-C:

    python tests/trino/real_trino.py --workers 1
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))  # for a start from the shell

from athena_server import AthenaServer, serve  # noqa: E402
from glue_front import glue_front  # noqa: E402

CACHE = Path(os.environ.get("ATHENA_FLOW_CACHE") or HERE.parents[1] / ".cache").absolute() / "trino"
"""Read once, at import: tests run without the variables of the developer's shell."""
READY = CACHE / "ready"
WORKERS = int(os.environ.get("TRINO_WORKERS") or 0)
"""Processes beside the coordinator; without one, the coordinator does all the work."""

CATALOG = "hive"
HEAP = "1g"
"""Of each process."""
START_SECONDS = 180
"""A node that is not up by then never will be; ten seconds are usual."""
POLL_SECONDS = 0.2

_JVM = (
    *("-server", f"-Xmx{HEAP}", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=1"),
    *("-XX:+ExitOnOutOfMemoryError", "-XX:-OmitStackTraceInFastThrow"),
    *("-Djdk.attach.allowAttachSelf=true", "-Djdk.nio.maxCachedBufferSize=2000000"),
    *("-Dfile.encoding=UTF-8", "-Duser.timezone=UTC"),
)
"""As Trino's deployment page has them, but for the size and a compiler that starts sooner."""


def missing() -> str | None:
    """Why there is no Trino on this machine, and what would bring it; None when there is one."""
    if shutil.which("java") is None:
        return "real Trino: no java on this machine (17 to 23)"
    if not READY.exists():
        return "real Trino: not fetched yet: bash tests/trino/setup.sh"
    return None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass(frozen=True)
class Tls:
    """How a Trino is asked by TLS, where it wants a password; the bench itself asks without."""

    port: int
    certificate: Path
    """With its key, as PEM."""
    user: str
    password: str

    def settings(self, work: Path) -> dict[str, object]:
        """Those of a coordinator that keeps its files in ``work``."""
        asks = work / "password.properties"
        words = {"password-authenticator.name": "one", "user": self.user, "password": self.password}
        _write(asks, words)
        return {
            "http-server.https.enabled": True,
            "http-server.https.port": self.port,
            "http-server.https.keystore.path": self.certificate,
            "http-server.authentication.type": "PASSWORD",
            "http-server.authentication.allow-insecure-over-http": True,
            "password-authenticator.config-files": asks,
            "internal-communication.shared-secret": "bench",
        }


class Node:
    """One Trino process; everything it writes lies below ``work``."""

    def __init__(
        self,
        work: Path,
        port: int,
        coordinator: int,
        hive: Mapping[str, object],
        *,
        works: bool,
        tls: Tls | None = None,
    ) -> None:
        self.port = port
        self.log = work / "server.log"
        etc = work / "etc"
        (etc / "catalog").mkdir(parents=True)
        is_coordinator = port == coordinator
        settings: dict[str, object] = {
            "coordinator": is_coordinator,
            "http-server.http.port": port,
            "node.bind-ip": "127.0.0.1",
            "node.internal-address": "127.0.0.1",
            "discovery.uri": f"http://127.0.0.1:{coordinator}",
            "catalog.management": "static",
            "plugin.dir": CACHE / "plugin",
            "query.max-history": 1000,
            "query.min-expire-age": "1h",
            "query.remote-task.max-error-duration": "15s",  # 5m: too long to watch a worker die
        }
        if is_coordinator:
            settings["node-scheduler.include-coordinator"] = works
            settings |= tls.settings(etc) if tls else {}
        _write(etc / "config.properties", settings)
        _write(etc / "catalog" / f"{CATALOG}.properties", hive)
        (etc / "log.properties").write_text("io.airlift.bootstrap=WARN\norg=ERROR\n", "utf-8")
        words = [
            *("java", *_JVM, f"-Djava.io.tmpdir={work}"),
            f"-Dconfig={etc / 'config.properties'}",
            f"-Dcatalog.config-dir={etc / 'catalog'}",
            f"-Dlog.levels-file={etc / 'log.properties'}",
            *("-Dnode.environment=bench", f"-Dnode.id=node-{port}", f"-Dnode.data-dir={work}"),
            *("-cp", os.pathsep.join([str(CACHE / "classes"), str(CACHE / "lib" / "*")])),
            *("athenaflow.Start", (CACHE / "installed").read_text("utf-8").strip()),
        ]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                words, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Ends it at once, as a crash does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        """Lets it answer nothing any more, and keep its connections."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


def _write(file: Path, settings: Mapping[str, object]) -> None:
    def text(value: object) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    lines = (f"{key}={text(value)}\n" for key, value in settings.items())
    file.write_text("".join(lines), "utf-8")


def _hive(glue: str, s3: str) -> dict[str, object]:
    """The Hive connector over Glue and S3, reading as Athena does."""
    return {
        "connector.name": "hive",
        "hive.metastore": "glue",
        "hive.metastore.glue.region": "us-east-1",
        "hive.metastore.glue.endpoint-url": glue,
        "hive.metastore.glue.aws-access-key": "testing",
        "hive.metastore.glue.aws-secret-key": "testing",
        "hive.metastore.glue.default-warehouse-dir": "s3://warehouse/",
        "fs.hadoop.enabled": False,
        "fs.native-s3.enabled": True,
        "s3.endpoint": s3,
        "s3.region": "us-east-1",
        "s3.path-style-access": True,
        "s3.aws-access-key": "testing",
        "s3.aws-secret-key": "testing",
        "hive.recursive-directories": True,
        "hive.partition-projection-enabled": True,
    }


class Cluster:
    """A coordinator and its workers over a Glue and an S3; it is at ``host`` and ``port``."""

    host = "127.0.0.1"

    def __init__(
        self, glue: str, s3: str, work: Path, workers: int, tls: Tls | None = None
    ) -> None:
        self.port = free_port()
        self._hive, self._work, self._number, self._tls = _hive(glue, s3), work, 0, tls
        self.coordinator = self._node(self.port, works=not workers)
        self.workers = [self._node(free_port()) for _ in range(workers)]
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def _node(self, port: int, *, works: bool = True) -> Node:
        self._number += 1
        work = self._work / f"node-{self._number}"
        return Node(work, port, self.port, self._hive, works=works, tls=self._tls)

    def revive(self) -> None:
        """Starts anew, at the same places, the processes that are gone."""
        if not self.coordinator.runs:
            self.coordinator = self._node(self.port, works=not self.workers)
        self.workers = [node if node.runs else self._node(node.port) for node in self.workers]
        self.wait()

    def wait(self) -> None:
        """Returns once every process takes work. Raises RuntimeError with a log."""
        limit = time.monotonic() + START_SECONDS
        nodes = [self.coordinator, *self.workers]
        while not self._is_up(len(nodes)):
            gone = [node for node in nodes if not node.runs]
            if gone or time.monotonic() > limit:
                log = (gone or nodes)[0].log.read_text("utf-8", "replace")
                raise RuntimeError(f"Trino does not start:\n{log[-20_000:]}")
            time.sleep(POLL_SECONDS)

    def _is_up(self, processes: int) -> bool:
        active = "SELECT count(*) FROM system.runtime.nodes WHERE state = 'active'"
        try:
            return not self.ask("/v1/info")["starting"] and self.rows(active) == [[processes]]
        except (OSError, RuntimeError):
            return False

    def ask(self, path: str, body: str | None = None, method: str | None = None) -> Any:  # JSON
        """What the coordinator answers to one request."""
        address = path if path.startswith("http") else f"http://{self.host}:{self.port}{path}"
        request = urllib.request.Request(
            address,
            None if body is None else body.encode(),
            {"X-Trino-User": "bench"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of one statement, by no client but this. Raises RuntimeError."""
        found: list[list[Any]] = []
        answer = self.ask("/v1/statement", sql)
        while True:
            if "error" in answer:
                raise RuntimeError(answer["error"]["message"])
            found += answer.get("data", [])
            if "nextUri" not in answer:
                return found
            answer = self.ask(answer["nextUri"])

    def stop(self) -> None:
        for node in (*getattr(self, "workers", ()), self.coordinator):
            node.stop()


@contextmanager
def running(
    bench: AthenaServer, workers: int = WORKERS, tls: Tls | None = None
) -> Iterator[Cluster]:
    """A cluster over the bench's Glue and S3, gone again afterwards with all it wrote."""
    with glue_front(bench) as glue, tempfile.TemporaryDirectory(prefix="trino-") as work:
        cluster = Cluster(glue, bench.endpoint, Path(work), workers, tls)
        try:
            yield cluster
        finally:
            cluster.stop()


def main() -> None:
    """A bench and a cluster on it, until Ctrl-C."""
    flags = argparse.ArgumentParser(description="A Trino on this machine, over a Glue and an S3.")
    flags.add_argument("--workers", type=int, default=WORKERS, help="processes beside the first")
    workers = flags.parse_args().workers
    reason = missing()
    if reason:
        sys.exit(reason)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with serve() as aws, running(aws, workers) as cluster:
        lines = [
            f"export AWS_ENDPOINT_URL={aws.endpoint} AWS_DEFAULT_REGION=us-east-1",
            "export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing",
            f"export ATHENA_FLOW_ENGINE=trino ATHENA_FLOW_TRINO_HOST={cluster.host}",
            f"export ATHENA_FLOW_TRINO_PORT={cluster.port} ATHENA_FLOW_TRINO_CATALOG={CATALOG}",
            f"# {1 + workers} processes; Ctrl-C ends them",
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
