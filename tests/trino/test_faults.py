"""`run --engine trino` as a user types it, and what becomes of it when something breaks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from athena_server import AthenaServer
from conftest import NOW, Ran, read_lines, reject_report
from real_trino import WORKERS, Cluster, Node, free_port

from athena_flow.aws import Account
from athena_flow.engines import trino as engine
from athena_flow.engines.trino import Address, TrinoEngine
from athena_flow.errors import AthenaFlowError, BadSetting, EngineError, NotFound
from athena_flow.glue import GlueCatalog
from athena_flow.table import TableSpec

pytest_plugins = "trino_fixtures"

Cli = Callable[..., Ran]
On = Callable[[str], TrinoEngine]

LONG = """SELECT count(*) AS n
FROM (SELECT srcaddr FROM {{ table }} WHERE {{ window }}) AS a
CROSS JOIN (SELECT dstaddr FROM {{ table }} WHERE {{ window }}) AS b
WHERE a.srcaddr || b.dstaddr = 'no such text'"""
"""Minutes of work over a few hundred KB."""
START_SECONDS = 60


def flags(cluster: Cluster, port: int | None = None) -> list[str]:
    where = ["--trino-host", cluster.host, "--trino-port", str(port or cluster.port)]
    return ["--engine", "trino", *where, "--trino-user", "tests", "--table", "logs"]


def state(cluster: Cluster, query_id: str) -> tuple[str, str | None]:
    """How a query stands, and by what it failed."""
    told = cluster.ask(f"/v1/query/{query_id}")
    return told["state"], (told.get("errorCode") or {}).get("name")


def running(cluster: Cluster) -> str:
    """The id of the long query, once it is at work."""
    asked = (
        "SELECT query_id FROM system.runtime.queries"
        " WHERE state = 'RUNNING' AND query LIKE '%no such text%' AND query NOT LIKE '%runtime%'"
    )
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        found = cluster.rows(asked)
        if found:
            return str(found[0][0])
        time.sleep(0.1)
    raise AssertionError("the long query never ran")


@pytest.fixture
def long_query(trino: Cluster, trino_engine: On, logs: TableSpec) -> Iterator[Callable[[], Any]]:
    """Starts the long query in a thread; the call returns how it ended."""
    ended: list[Any] = []

    def work() -> None:
        try:
            statement = LONG.replace("{{ table }}", "logs").replace("{{ window }}", "true")
            ended.append(trino_engine("flow_logs").run(statement, ()))
        except AthenaFlowError as error:
            ended.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def outcome() -> Any:
        thread.join(120)
        assert ended, "the engine hangs"
        return ended[0]

    yield outcome
    thread.join(120)


# ---------------------------------------------------------------- as it should be


def test_a_run_from_the_shell(
    trino: Cluster, logs: TableSpec, cli: Cli, root: Path, aws: AthenaServer
) -> None:
    """Estimate, budget, rows, what was scanned and the query's id, as with Athena."""
    words = ["run", "reject-report", "--since", "7d", *flags(trino)]
    ran = cli(*words, "--as", "json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert [tuple(row) for row in told["rows"]] == reject_report(
        list(read_lines(root.rglob("*.gz")))
    )
    size = sum(path.stat().st_size for path in root.rglob("*.gz"))
    assert (told["engine"], told["scanned_bytes"], told["estimate"]["bytes"]) == (
        *("trino", size, size),
    )
    assert state(trino, told["query_id"]) == ("FINISHED", None)
    assert told["query_id"] in ran.err
    assert "Athena would bill" in ran.err
    assert aws.statements == []
    over = cli(*words, "--max-scan", "1KB")
    assert (over.code, over.out) == (4, "")


def test_times_are_utc_wherever_one_sits(trino_engine: On, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    found = trino_engine("x").run(
        "SELECT current_timezone(), CAST(from_unixtime(0) AS varchar)", ()
    )
    assert list(found.rows) == [("UTC", "1970-01-01 00:00:00.000 UTC")]


def test_types_are_named_as_athena_names_them(trino_engine: On) -> None:
    values = {
        "varchar": "CAST('x' AS varchar(3))",
        "decimal": "DECIMAL '1.50'",
        "timestamp": "TIMESTAMP '2026-01-01 00:00:00.000'",
        "timestamp with time zone": "from_unixtime(0)",
        "array": "ARRAY[ROW(1, CAST('x' AS varchar(3)))]",
        "map": "MAP(ARRAY['a'], ARRAY[1])",
        "row": "ROW(1, 'x')",
        "integer": "1",
        "bigint": "BIGINT '1'",
        "double": "1e0",
        "date": "DATE '2026-01-01'",
        "boolean": "true",
    }
    found = trino_engine("x").run(f"SELECT {', '.join(values.values())}", ())
    assert [kind for _, kind in found.columns] == list(values)


# ---------------------------------------------------------------- refused before anything is sent


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--trino-host", ""], 2, "--trino-host is empty"),
        ([], 2, "--trino-host is missing"),
        (["--trino-host", "127.0.0.1", "--trino-port", "http"], 2, "is no port"),
        (["--trino-host", "127.0.0.1", "--trino-port", "70000"], 2, "is no port"),
        (["--trino-host", "127.0.0.1", "--trino-ca", "no.pem"], 3, "no.pem: no such file"),
    ],
)
def test_settings_that_are_wrong(
    trino: Cluster, logs: TableSpec, cli: Cli, words: list[str], code: int, said: str
) -> None:
    ran = cli("run", "reject-report", "--table", "logs", "--engine", "trino", *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_a_password_does_not_cross_the_network_in_the_clear(
    trino: Cluster, logs: TableSpec, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATHENA_FLOW_TRINO_PASSWORD", "hunter2")
    ran = cli("run", "reject-report", *flags(trino), "--verbose")
    assert ran.code == 2
    assert "--trino-tls" in ran.err
    assert "hunter2" not in ran.err + ran.out
    assert "hunter2" not in repr(Address("h", 443, "hive", "me", tls=True, password="hunter2"))
    with pytest.raises(BadSetting):
        Address("h", 80, "hive", "me", password="hunter2")


def test_without_the_client(trino: Cluster, logs: TableSpec) -> None:
    """A machine without the extra: what to install, and exit 3."""
    start = "import sys; sys.modules['trino'] = None; from athena_flow.cli import main; main()"
    words = ["run", "reject-report", *flags(trino)]
    done = subprocess.run(
        [sys.executable, "-c", start, *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3
    assert "pip install 'athena-flow[trino]'" in done.stderr


# ---------------------------------------------------------------- what breaks


def test_no_trino_is_there(logs: TableSpec, trino: Cluster, cli: Cli) -> None:
    ran = cli("run", "reject-report", *flags(trino, free_port()))
    assert ran.code == 3
    assert "no Trino answers at http://127.0.0.1:" in ran.err
    assert "hint: check --trino-host" in ran.err


def test_something_else_is_there(aws: AthenaServer, trino: Cluster) -> None:
    """A web server that is no Trino."""
    port = int(aws.endpoint.rpartition(":")[2])
    with pytest.raises(NotFound, match="no Trino answers"):
        TrinoEngine(Address("127.0.0.1", port, "hive", "me"), "x").run("SELECT 1", ())


def test_another_catalog(trino: Cluster, logs: TableSpec) -> None:
    """A name that Trino does not have is its own error, with the flag to set."""
    engine = TrinoEngine(Address(trino.host, trino.port, "glue", "me"), "flow_logs")
    with pytest.raises(EngineError, match="CATALOG_NOT_FOUND") as caught:
        engine.run("SELECT 1 FROM logs", ())
    assert "--trino-catalog" in str(caught.value.hint)


def test_a_table_that_was_dropped_meanwhile(trino_engine: On, logs: TableSpec) -> None:
    GlueCatalog(Account()).drop(logs)
    with pytest.raises(EngineError, match="TABLE_NOT_FOUND") as caught:
        trino_engine("flow_logs").run("SELECT count(*) FROM logs", ())
    assert caught.value.query_id
    assert caught.value.query_id in str(caught.value)


def test_objects_that_went_meanwhile(
    trino_engine: On, trino: Cluster, logs: TableSpec, aws: AthenaServer
) -> None:
    """S3 says no in the middle: Trino's reason, its query, and nothing left at work."""
    aws.faults.add("S3.GetObject", "AccessDenied", 403, "not yours", times=1_000)
    with pytest.raises(EngineError) as caught:
        trino_engine("flow_logs").run("SELECT max(srcaddr) FROM logs", ())
    aws.faults.clear()
    assert "\n" not in str(caught.value)
    assert state(trino, str(caught.value.query_id))[0] == "FAILED"


def test_a_query_that_somebody_ends(trino: Cluster, long_query: Callable[[], Any]) -> None:
    query_id = running(trino)
    trino.ask(f"/v1/query/{query_id}", method="DELETE")
    error = long_query()
    assert isinstance(error, EngineError)
    assert (error.code, error.query_id) == (1, query_id)
    assert "CANCEL" in str(error)


def test_ctrl_c_stops_the_query(trino: Cluster, logs: TableSpec, tmp_path: Path) -> None:
    head = "\n".join(f'-- {key} = "long"' for key in ("title", "description", "read"))
    head += '\n-- group = "health"\n-- requires = ["srcaddr", "dstaddr"]'
    (tmp_path / "long.sql").write_text(f"{head}\n\n{LONG}\n")
    words = ["run", "long", "--queries-dir", str(tmp_path), "--since", "7d", *flags(trino)]
    process = subprocess.Popen(
        [sys.executable, "-m", "athena_flow", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "ATHENA_FLOW_NOW": NOW.isoformat()},
    )
    try:
        query_id = running(trino)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert f"query {query_id} was stopped" in err
    assert "Traceback" not in err
    assert state(trino, query_id) == ("FAILED", "USER_CANCELED")


def test_the_server_hangs(
    trino: Cluster,
    trino_engine: On,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """It keeps the connection and says nothing more: the query is given up, and named."""
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 3.0)
    monkeypatch.setattr(engine, "STOP_SECONDS", 0.5)
    ended = request.getfixturevalue("long_query")
    query_id = running(trino)
    trino.coordinator.freeze()
    try:
        error = ended()
    finally:
        trino.coordinator.thaw()
    assert isinstance(error, EngineError)
    assert (error.code, error.query_id) == (1, query_id)
    assert "timed out" in str(error)
    assert str(trino.port) in str(error.hint)
    trino.ask(f"/v1/query/{query_id}", method="DELETE")


def end_of(trino: Cluster, node: Node, long_query: Callable[[], Any]) -> EngineError:
    """What the engine says when a process dies under its query; the cluster is whole again."""
    query_id = running(trino)
    node.kill()
    try:
        error = long_query()
    finally:
        trino.revive()
    assert isinstance(error, EngineError)
    assert (error.code, error.query_id) == (1, query_id)
    assert query_id in str(error)
    assert "\n" not in str(error)
    return error


@pytest.mark.skipif(not WORKERS, reason="one process: TRINO_WORKERS=1 starts a worker")
def test_a_worker_dies(trino: Cluster, long_query: Callable[[], Any], trino_engine: On) -> None:
    """Trino gives the query up, and says so; the next one runs on what is left."""
    end_of(trino, trino.workers[0], long_query)
    assert list(trino_engine("flow_logs").run("SELECT count(*) > 0 FROM logs", ()).rows) == [
        (True,)
    ]


def test_the_server_dies(trino: Cluster, long_query: Callable[[], Any], trino_engine: On) -> None:
    """The query's id, where it was, and that nobody answers any more."""
    error = end_of(trino, trino.coordinator, long_query)
    assert str(trino.port) in str(error.hint)
    assert list(trino_engine("flow_logs").run("SELECT count(*) > 0 FROM logs", ()).rows) == [
        (True,)
    ]
