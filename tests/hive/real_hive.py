"""A real Hive to hold our DDL and our reading of text against; it shares no code with the project.

`setup.sh` fetches it. One JVM (`java/athenaflow/Judge.java`) answers over a pipe: Hive's parser,
its whole driver on a metastore in memory, and ``s3://bucket/key`` as files below a folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from threading import Timer
from typing import Any

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("ATHENA_FLOW_CACHE") or HERE.parents[1] / ".cache").absolute() / "hive"
"""Read once, at import: tests run without the variables of the developer's shell."""
READY = CACHE / "ready"

ANSWER_SECONDS = 120
"""A JVM that is silent for longer is ended: Hive waits for ever for a class that is not there."""

_OPENED = ("java.lang", "java.net", "java.nio", "java.util", "java.util.concurrent")
"""Packages of Java that Hive 2.3 looks into by reflection, which Java 17 forbids unless told."""


class HiveRefusedError(Exception):
    """Hive's own words on a statement that it does not take."""


def missing() -> str | None:
    """Why there is no Hive on this machine, and what would bring it; None when there is one."""
    if shutil.which("java") is None or (not READY.exists() and shutil.which("javac") is None):
        return "real Hive: no JDK on this machine (17 or later, with javac)"
    if not READY.exists():
        return "real Hive: not fetched yet: bash tests/hive/setup.sh"
    made = READY.stat().st_mtime_ns
    if any(source.stat().st_mtime_ns > made for source in HERE.rglob("*.java")):
        return "real Hive: older than its sources: bash tests/hive/setup.sh"
    return None


class Hive:
    """One JVM with an empty metastore; everything it writes lies below ``work``."""

    def __init__(self, work: Path) -> None:
        self.buckets = work / "buckets"
        """``s3://bucket/key`` is the file ``bucket/key`` in here."""
        self.buckets.mkdir()
        self._log = work / "jvm.log"
        words = [
            *("java", "-Xmx1g", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC"),
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
            *(f"-Djava.io.tmpdir={work}", f"-Dderby.stream.error.file={work / 'derby.log'}"),
            *("-cp", os.pathsep.join([str(CACHE / "classes"), str(CACHE / "jars" / "*")])),
            *("athenaflow.Judge", str(work), str(self.buckets)),
        ]
        with self._log.open("wb") as log:
            self._jvm = subprocess.Popen(
                words, cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )

    def __enter__(self) -> Hive:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._jvm.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self._jvm.kill()
            self._jvm.communicate()

    def parse(self, sql: str) -> str:
        """The syntax tree of one statement, as text. Raises HiveRefusedError."""
        return self._ask(ask="parse", sql=sql)

    def execute(self, sql: str) -> None:
        """Runs one statement. Raises HiveRefusedError."""
        self.rows(sql)

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of one SELECT: None, numbers, strings. Raises HiveRefusedError."""
        return self._ask(ask="run", sql=sql)

    def table(self, database: str, name: str) -> dict[str, Any]:
        """A table as the metastore holds it, in the shape of Glue's API."""
        return self._ask(ask="table", database=database, name=name)

    def partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        """A table's partitions as the metastore holds them, in the shape of Glue's API."""
        return self._ask(ask="partitions", database=database, name=name)

    def _ask(self, **request: str) -> Any:  # whatever JSON holds
        assert self._jvm.stdin
        assert self._jvm.stdout
        limit = Timer(ANSWER_SECONDS, self._jvm.kill)
        limit.start()
        try:
            self._jvm.stdin.write(json.dumps(request).encode() + b"\n")
            self._jvm.stdin.flush()
            answer = self._jvm.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            limit.cancel()
        if not answer:
            log = self._log.read_text("utf-8", "replace")
            raise RuntimeError(f"the JVM is gone, after {request}:\n{log}")
        told = json.loads(answer)
        if "refused" in told:
            raise HiveRefusedError(told["refused"])
        return told["is"]
