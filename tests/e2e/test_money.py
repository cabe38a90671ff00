"""Prices, budgets, the ledger and the workgroup, as a user types them."""

from __future__ import annotations

import gzip
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from athena_server import AthenaServer
from conftest import NOW, Ran
from test_prices import TB, price_list

from athena_flow.aws import Account
from athena_flow.glue import GlueCatalog
from athena_flow.layout import DAILY, Partition
from athena_flow.logformat import DEFAULT
from athena_flow.ports import no_progress
from athena_flow.table import TableSpec

Cli = Callable[..., Ran]
RUN = ("run", "top-talkers", "--since", "2d", "--output-location", "s3://results/")
MINIMUM = 10 * 2**20 * 5 / 10**12
"""What a small query costs in us-east-1, in USD."""
PER_TWO = f"{1.5 * MINIMUM:.9f}"
"""A day's budget that holds one small query and not two."""


@dataclass
class Logs:
    """An account with a table of two small files."""

    aws: AthenaServer
    sizes: list[int] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes)


@pytest.fixture
def logs(aws: AthenaServer) -> Logs:
    s3, found = boto3.client("s3"), Logs(aws)
    for bucket in ("logs", "results"):
        s3.create_bucket(Bucket=bucket)
    spec = TableSpec("flow_logs", "vpc_flow_logs", "s3://logs/", DEFAULT, DAILY)
    days = [NOW.replace(day=d, hour=0, minute=0) for d in (20, 21)]
    places = [Partition("123456789012", "us-east-1", day) for day in days]
    for place in places:
        record = f"2 123456789012 eni-1 10.0.0.1 10.0.0.2 22 9 6 3 {place.start.day} 1795243000 "
        end = int(place.start.timestamp()) + 60
        text = f"{DEFAULT.header}\n{record}{end} ACCEPT OK\n"
        data = gzip.compress(text.encode(), mtime=0)
        key = DAILY.prefix(place) + "a.log.gz"
        s3.put_object(Bucket="logs", Key=key.removeprefix("/"), Body=data)
        found.sizes.append(len(data))
    catalog = GlueCatalog(Account())
    catalog.create(spec)
    catalog.add(spec, places, no_progress)
    aws.log.clear()
    return found


def ok(done: Ran) -> Ran:
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


def costs(cli: Cli, *words: str) -> Any:
    return json.loads(ok(cli("costs", *words, "--as", "json")).out)


# ---------------------------------------------------------------- prices


@contextmanager
def price_server(body: bytes, status: int = 200, length: int | None = None) -> Iterator[str]:
    """A price list over HTTP on this machine; the address to give as --endpoint-url."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/offers/v1.0/aws/AmazonAthena/current/index.json"
            self.send_response(status if known else 404)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not a word on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


LISTED = json.dumps(
    price_list(
        ("us-east-1", "USE1-DataScannedInTB", [(TB, "USD", "6.5000000000")]),
        ("il-central-1", "ILC1-DataScannedInTB", [(TB, "USD", "5.5000000000")]),
        ("cn-north-1", "CNN1-DataScannedInTB", [(TB, "CNY", "34.34")]),
    )
).encode()


def priced(cli: Cli, *words: str) -> dict[str, dict[str, Any]]:
    return {r["region"]: r for r in json.loads(ok(cli("prices", *words, "--as", "json")).out)}


def test_prices_are_listed_with_date_and_source(cli: Cli) -> None:
    """Every shipped row, and the region in force also where nobody knows its price."""
    found = priced(cli)
    assert len(found) >= 20
    assert all(row["usd_per_tb"] > 0 and row["date"] and row["source"] for row in found.values())
    unknown = priced(cli, "--aws-region", "il-central-1")["il-central-1"]
    assert (unknown["usd_per_tb"], unknown["date"]) == (None, None)
    assert "--price-per-tb" in unknown["source"]
    assert "il-central-1" in ok(cli("prices", "--aws-region", "il-central-1")).out


def test_refreshed_prices_are_kept_and_win(cli: Cli, home: Path, logs: Logs) -> None:
    """What AWS's list says counts from then on, in every estimate, with its address."""
    with price_server(LISTED) as address:
        done = ok(cli("prices", "--refresh", "--endpoint-url", address, "--as", "json"))
        found = {row["region"]: row for row in json.loads(done.out)}
        assert "cn-north-1" in done.err
        assert found["us-east-1"]["usd_per_tb"] == 6.5
        assert found["us-east-1"]["date"] == "2026-11-19"
        assert found["us-east-1"]["source"].startswith(address)
        assert found["us-east-1"]["kept_in"] == str(home / "state/athena-flow/prices.toml")
        assert found["sa-east-1"]["kept_in"] == "shipped"
    assert priced(cli) == found
    estimate = json.loads(ok(cli("estimate", *RUN[1:4], "--as", "json")).out)
    assert estimate["price_per_tb_usd"] == 6.5
    assert address in estimate["price_source"]
    assert estimate["usd"] == pytest.approx(10 * 2**20 * 6.5 / 10**12)


@pytest.mark.parametrize(
    ("body", "status", "length"),
    [
        (b"gone", 404, None),
        (b"{", 200, None),
        (b"{}", 200, None),
        (LISTED[: len(LISTED) // 2], 200, len(LISTED)),
        (b"", 200, None),
        (b"\xff\xfe", 200, None),
    ],
    ids=["no such page", "half a document", "another document", "cut off", "empty", "no text"],
)
def test_a_failed_refresh_loses_nothing(
    cli: Cli, home: Path, body: bytes, status: int, length: int | None
) -> None:
    """One line, exit 3, and what was kept stays to the byte."""
    with price_server(LISTED) as address:
        ok(cli("prices", "--refresh", "--endpoint-url", address))
    file = home / "state/athena-flow/prices.toml"
    before = file.read_bytes()
    with price_server(body, status, length) as address:
        done = cli("prices", "--refresh", "--endpoint-url", address)
    assert (done.code, done.out) == (3, "")
    assert "Traceback" not in done.err
    assert done.err.startswith(f"athena-flow: error: {address}")
    assert len([line for line in done.err.splitlines() if not line.startswith("hint: ")]) == 1
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["prices.toml"]


def test_no_network_is_exit_3(cli: Cli) -> None:
    """Nobody listens: one clear line, and the prices that came with the package stay."""
    before = priced(cli)
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and nobody listens
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = cli("prices", "--refresh", "--endpoint-url", address)
    assert done.code == 3
    assert "cannot be read" in done.err
    assert "--price-per-tb" in done.err
    assert priced(cli) == before


def test_a_kept_file_that_is_wrong_is_named(cli: Cli, home: Path, logs: Logs) -> None:
    """A price is not guessed while the file is broken; --refresh mends it."""
    file = home / "state/athena-flow/prices.toml"
    file.parent.mkdir(parents=True)
    file.write_text("us-east-1 = 5\n")
    done = cli(*RUN)
    assert (done.code, done.out) == (3, "")
    assert str(file) in done.err
    assert "--refresh" in done.err
    assert logs.aws.statements == []
    with price_server(LISTED) as address:
        ok(cli("prices", "--refresh", "--endpoint-url", address))
    ok(cli(*RUN))


def test_provisioned_capacity_has_bytes_and_no_money(cli: Cli, logs: Logs) -> None:
    """It is paid by the hour: no price by the byte, and no budget of money."""
    found = json.loads(ok(cli("estimate", *RUN[1:4], "--provisioned", "--as", "json")).out)
    assert (found["bytes"], found["usd"], found["price_per_tb_usd"]) == (
        logs.size_bytes, None, None,
    )  # fmt: skip
    assert "provisioned" in found["price_source"]
    shown = ok(cli("estimate", *RUN[1:4], "--provisioned"))
    assert shown.out.count("DPU-hour") == 1
    for word in ("billed in", "billed  ", "price from", "10 MB"):
        assert word not in shown.out
    done = cli(*RUN, "--provisioned", "--max-cost", "5")
    assert done.code == 2
    assert "--max-scan" in done.err
    assert logs.aws.statements == []
    ok(cli(*RUN, "--provisioned", "--max-scan", "1MB"))
    (run,) = costs(cli)["dearest"]
    assert (run["scanned_bytes"], run["usd"], run["price_per_tb_usd"]) == (
        logs.size_bytes, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_DEFAULT_REGION": "sa-east-1", "AWS_REGION": "us-east-1"},
        {"AWS_DEFAULT_REGION": "", "AWS_PROFILE": "south"},
    ],
    ids=["the variable that boto3 reads", "a profile"],
)
def test_the_price_is_that_of_where_athena_is(
    cli: Cli, logs: Logs, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A region that costs more is never taken for one that costs less."""
    (tmp_path / "aws").write_text("[profile south]\nregion = sa-east-1\n")
    (tmp_path / "keys").write_text(
        "[south]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    for name, value in variables.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name)
    sql = "SELECT count(*) FROM (VALUES 1) AS t (n)"
    found = json.loads(ok(cli("estimate", "--sql", "-", "--as", "json", stdin=sql)).out)
    assert found["price_per_tb_usd"] == 9.0


# ---------------------------------------------------------------- budgets


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MAX_COST", "cheap"),
        ("MAX_COST", "nan"),
        ("MAX_SCAN", "10 buckets"),
        ("MAX_COST_PER_DAY", "-1"),
        ("MAX_SCAN_PER_DAY", "1e9"),
        ("REQUIRE_WINDOW", "perhaps"),
        ("MAX_COSTS", "5"),
        ("MAX_COST_PER_MONTH", "5"),
    ],
)
def test_a_malformed_budget_is_never_ignored(
    cli: Cli, logs: Logs, variable: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither in the environment nor in the file: exit 2, and nothing is sent."""
    monkeypatch.setenv(f"ATHENA_FLOW_{variable}", text)
    done = cli(*RUN)
    assert done.code == 2, done.err
    monkeypatch.delenv(f"ATHENA_FLOW_{variable}")
    (tmp_path / "athena-flow.toml").write_text(f'{variable.lower()} = "{text}"\n')
    again = cli(*RUN)
    assert again.code == 2, again.err
    assert variable.lower().replace("_", "") in again.err.lower().replace("_", "").replace(
        "-", ""
    ) or (text in again.err)
    assert logs.aws.statements == []


@pytest.mark.parametrize("name", ["max_cost", "max_scan", "max_cost_per_day", "max_scan_per_day"])
def test_an_empty_budget_in_the_file_is_none_at_all(
    cli: Cli, logs: Logs, name: str, tmp_path: Path
) -> None:
    """It was meant to be one."""
    (tmp_path / "athena-flow.toml").write_text(f'{name} = ""\n')
    assert cli(*RUN).code == 2
    assert logs.aws.statements == []


def test_yes_runs_over_the_budget_and_says_so(cli: Cli, logs: Logs) -> None:
    """The reason stands on stderr, and the run is in the ledger."""
    refused = cli(*RUN, "--max-scan", "10B")
    assert refused.code == 4
    assert costs(cli)["total"]["runs"] == 0
    done = ok(cli(*RUN, "--max-scan", "10B", "--yes"))
    (note,) = [line for line in done.err.splitlines() if "over the budget" in line]
    assert note.startswith("note: ")
    assert "--yes" in note
    assert costs(cli)["total"]["runs"] == 1


def on_a_terminal(words: tuple[str, ...], answer: str, cwd: Path) -> tuple[int, str]:
    """Runs athena-flow with stdin and stderr on a terminal; exit code and what it showed there."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "athena_flow", *words],
        cwd=cwd,
        env={**os.environ, "ATHENA_FLOW_NOW": NOW.isoformat(), "TERM": "xterm"},
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown, told = b"", False
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            shown += piece
            if b"[y/N]" in shown and not told:
                os.write(ours, answer.encode() + b"\n")
                told = True
        elif running.poll() is not None:
            break
    os.close(ours)
    return running.wait(30), shown.decode()


@pytest.mark.parametrize(
    ("answer", "code"), [("y", 0), ("n", 4), ("", 4), ("yes", 0), ("maybe", 4)]
)
def test_a_person_is_asked(cli: Cli, logs: Logs, tmp_path: Path, answer: str, code: int) -> None:
    """With the numbers; only a yes runs it."""
    done, shown = on_a_terminal((*RUN, "--max-scan", "10B"), answer, tmp_path)
    assert done == code, shown
    asked = next(line for line in shown.splitlines() if "[y/N]" in line)
    assert "over the budget of 10 B" in asked
    assert len(logs.aws.statements) == (0 if code else 1)


def test_nobody_is_asked_within_the_budget(cli: Cli, logs: Logs, tmp_path: Path) -> None:
    """A question that comes every time is answered without reading it."""
    done, shown = on_a_terminal((*RUN, "--max-scan", "1MB"), "n", tmp_path)
    assert (done, "[y/N]" in shown) == (0, False)


def test_a_day_has_a_budget(cli: Cli, logs: Logs) -> None:
    """The second run of the day is one too many; tomorrow (UTC) there is room again."""
    ok(cli(*RUN, "--max-cost-per-day", PER_TWO))
    refused = cli(*RUN, "--max-cost-per-day", PER_TWO)
    assert refused.code == 4
    assert "today's 1 run" in refused.err
    assert len(logs.aws.statements) == 1
    ok(cli(*RUN, "--max-cost-per-day", PER_TWO, now="2026-11-22T00:00:01Z"))
    size = logs.size_bytes
    assert cli(*RUN, "--max-scan-per-day", f"{2 * size - 1}").code == 4
    ok(cli(*RUN, "--max-scan-per-day", f"{2 * size}"))


def test_failed_queries_are_free(cli: Cli, logs: Logs) -> None:
    """They leave the day's budget as it is."""
    logs.aws.faults.fail_query("the cluster is tired")
    assert cli(*RUN, "--max-cost-per-day", PER_TWO).code == 1
    assert costs(cli)["dearest"][0]["outcome"] == "failed"
    ok(cli(*RUN, "--max-cost-per-day", PER_TWO))


def start(words: tuple[str, ...], cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "athena_flow", *words],
        cwd=cwd,
        env={**os.environ, "ATHENA_FLOW_NOW": NOW.isoformat()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_runs_at_once_share_one_budget(cli: Cli, logs: Logs, tmp_path: Path) -> None:
    """Of four that begin together one fits into the day, and only that one is sent."""
    running = [start((*RUN, "--max-cost-per-day", PER_TWO), tmp_path) for _ in range(4)]
    for one in running:
        one.communicate(timeout=120)
    assert sorted(one.returncode for one in running) == [0, 4, 4, 4]
    assert len(logs.aws.statements) == 1
    assert costs(cli)["total"]["runs"] == 1


WINDOWED = ("--output-location", "s3://results/", "--require-window")


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("", 4),
        ("WHERE srcaddr = '10.0.0.1'", 4),
        ("WHERE aws_region = 'us-east-1'", 4),
        ("WHERE date >= '2026-11-20' OR srcaddr = '10.0.0.1'", 4),
        ("WHERE date >= '2026-11-20'", 0),
        ("WHERE date >= '2026-11-20' UNION ALL SELECT bytes FROM flow_logs.vpc_flow_logs", 4),
    ],
)
def test_a_window_is_required(cli: Cli, logs: Logs, where: str, code: int) -> None:
    """Of every place where the table is read; only then anything is sent."""
    text = f"SELECT bytes FROM flow_logs.vpc_flow_logs {where}"
    done = cli("run", "--sql", "-", *WINDOWED, stdin=text)
    assert done.code == code, done.err
    assert ("without saying when" in done.err) == bool(code)
    assert ("hint: put date into the WHERE of each" in done.err) == bool(code)
    assert "--since" not in done.err
    assert len(logs.aws.statements) == (0 if code else 1)


def test_saved_queries_have_a_window(cli: Cli, logs: Logs) -> None:
    """With --since, and with the week that is meant where there is none."""
    ok(cli(*RUN, "--require-window"))
    ok(cli("run", "top-talkers", *WINDOWED))


def test_what_is_not_known_is_over_every_budget(cli: Cli, logs: Logs) -> None:
    """Without a budget it runs, with a note; with one, only on --yes."""
    client = boto3.client("glue")
    table = client.get_table(DatabaseName="flow_logs", Name="vpc_flow_logs")["Table"]
    names = ("StorageDescriptor", "TableType", "Parameters")
    about = {name: table[name] for name in names if name in table}
    about["Parameters"] = {"table_type": "ICEBERG"}
    client.create_table(DatabaseName="flow_logs", TableInput={"Name": "lake", **about})
    words = ("run", "--sql", "-", "--output-location", "s3://results/")
    text = "SELECT count(*) AS n FROM flow_logs.lake"
    refused = cli(*words, "--max-scan", "1PB", stdin=text)
    assert refused.code == 4
    assert "an unknown amount" in refused.err
    assert "hint: --yes runs it all the same" in refused.err
    assert logs.aws.statements == []
    done = cli(*words, stdin=text)
    assert "estimate: unknown" in done.err
    assert len(logs.aws.statements) == 1
    cli(*words, "--max-scan", "1PB", "--yes", stdin=text)
    assert len(logs.aws.statements) == 2


# ---------------------------------------------------------------- the ledger


def wait_for_query(aws: AthenaServer) -> None:
    until = time.monotonic() + 60
    while not aws.calls("AmazonAthena.GetQueryExecution") and time.monotonic() < until:
        time.sleep(0.02)


def test_every_run_is_written_down(cli: Cli, logs: Logs) -> None:
    """What was estimated and what was scanned, what it cost, and by which id Athena knows it."""
    done = json.loads(ok(cli(*RUN, "--as", "json")).out)
    ok(cli("run", "reject-report", *RUN[2:]))
    found = costs(cli)
    assert found["total"]["runs"] == 2
    assert found["total"]["usd"] == pytest.approx(2 * MINIMUM)
    assert (found["total"]["ratio"], found["total"]["low_estimates"]) == (1.0, 0)
    assert [(t["name"], t["runs"]) for t in found["by_query"]] == [
        ("reject-report", 1),
        ("top-talkers", 1),
    ]
    assert [t["name"] for t in found["by_table"]] == ["flow_logs.vpc_flow_logs"]
    assert [t["name"] for t in found["by_month"]] == ["2026-11"]
    (run,) = [r for r in found["dearest"] if r["query"] == "top-talkers"]
    assert run["query_id"] == done["query_id"]
    assert run["estimated_bytes"] == run["scanned_bytes"] == logs.size_bytes
    assert (run["outcome"], run["engine"], run["region"]) == ("done", "athena", "us-east-1")
    assert run["usd"] == pytest.approx(MINIMUM)
    assert run["seconds"] >= 0


def test_costs_of_a_time(cli: Cli, logs: Logs) -> None:
    """--since and --until are about when runs began."""
    ok(cli(*RUN, now="2026-10-01T10:00:00Z"))
    ok(cli(*RUN))
    assert costs(cli)["total"]["runs"] == 2
    assert costs(cli, "--since", "30d")["total"]["runs"] == 1
    assert costs(cli, "--until", "2026-11-01")["by_month"][0]["name"] == "2026-10"


def test_costs_for_people_and_as_csv(cli: Cli, logs: Logs) -> None:
    """A table with sizes and amounts, a csv with numbers."""
    ok(cli(*RUN))
    table = ok(cli("costs")).out
    assert table.splitlines()[0].split()[:3] == ["by", "name", "runs"]
    assert "$0.000052" in table
    head, total, *_ = ok(cli("costs", "--as", "csv")).out.splitlines()
    values = dict(zip(head.split(","), total.split(","), strict=True))
    assert (values["by"], values["runs"], values["bytes"]) == ("all", "1", str(logs.size_bytes))


def test_a_run_that_was_killed_is_seen(cli: Cli, logs: Logs, tmp_path: Path) -> None:
    """kill -9 while Athena works: its line has no end, its estimate counts, its id is there."""
    logs.aws.hold = True
    running = start(RUN, tmp_path)
    wait_for_query(logs.aws)
    running.kill()
    running.communicate()
    done = ok(cli("costs", "--as", "json"))
    found = json.loads(done.out)
    assert found["total"]["unended"] == 1
    assert found["total"]["usd"] == pytest.approx(MINIMUM)
    (run,) = found["dearest"]
    assert (run["outcome"], run["scanned_bytes"]) == ("running", None)
    ids = boto3.client("athena").list_query_executions()["QueryExecutionIds"]
    assert run["query_id"] == ids[0]
    assert "without an end" in done.err
    assert cli(*RUN, "--max-cost-per-day", PER_TWO).code == 4


def test_a_run_that_was_interrupted_counts_with_its_estimate(
    cli: Cli, logs: Logs, tmp_path: Path
) -> None:
    """Athena bills what it had scanned when it was stopped, which is no more than that."""
    logs.aws.hold = True
    running = start(RUN, tmp_path)
    wait_for_query(logs.aws)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    (run,) = costs(cli)["dearest"]
    assert (run["outcome"], run["scanned_bytes"]) == ("cancelled", None)
    assert costs(cli)["total"]["usd"] == pytest.approx(MINIMUM)


def test_a_query_that_athena_cut_off_is_paid_for(cli: Cli, logs: Logs) -> None:
    """The workgroup's limit stops it in its course: cancelled, and no estimate is taken for it."""
    boto3.client("athena").create_work_group(
        Name="small", Configuration={"BytesScannedCutoffPerQuery": 10_000_000}
    )
    from moto.athena.models import athena_backends

    group = athena_backends["123456789012"]["us-east-1"].work_groups["small"]
    group.configuration["BytesScannedCutoffPerQuery"] = 1  # what no API takes
    assert cli(*RUN, "--workgroup", "small").code == 1
    (run,) = costs(cli)["dearest"]
    assert run["outcome"] == "cancelled"
    assert 0 < run["scanned_bytes"] <= logs.size_bytes
    assert run["usd"] == pytest.approx(MINIMUM)


def test_a_run_of_which_we_lost_sight_has_no_end(cli: Cli, logs: Logs) -> None:
    """Athena took the query, and then the permission to ask for it was gone."""
    logs.aws.faults.add("AmazonAthena.GetQueryExecution", "AccessDeniedException", times=99)
    assert cli(*RUN).code == 3
    (run,) = costs(cli)["dearest"]
    assert run["outcome"] == "running"
    assert run["query_id"]


def test_a_ledger_that_cannot_be_written_is_a_note(cli: Cli, logs: Logs, tmp_path: Path) -> None:
    """The run runs; but with a budget per day nothing runs that nobody can count."""
    (tmp_path / "ledger.txt").write_text("my notes\n")
    words = (*RUN, "--ledger", str(tmp_path / "ledger.txt"))
    done = ok(cli(*words))
    assert done.out
    assert "note: the ledger knows nothing of this run" in done.err
    refused = cli(*words, "--max-scan-per-day", "1TB")
    assert (refused.code, refused.out) == (3, "")
    assert "ledger.txt" in refused.err
    assert len(logs.aws.statements) == 1
    assert cli("costs", "--ledger", str(tmp_path / "ledger.txt")).code == 3
    assert (tmp_path / "ledger.txt").read_text() == "my notes\n"


def test_a_home_that_is_none_is_in_nobodys_way(
    cli: Cli, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As service users have it: a run runs, with a note."""
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/dev/null")
    done = ok(cli(*RUN))
    assert "note: the ledger knows nothing of this run" in done.err
    assert cli(*RUN, "--max-cost-per-day", "5").code == 3
    assert len(logs.aws.statements) == 1


def test_the_ledger_can_be_off_or_elsewhere(
    cli: Cli, logs: Logs, home: Path, tmp_path: Path
) -> None:
    """Off leaves nothing behind; a file of one's own lies where the settings file says."""
    ok(cli(*RUN, "--ledger", "off"))
    assert not (home / "state").exists()
    assert cli(*RUN, "--ledger", "off", "--max-cost-per-day", "5").code == 2
    assert cli("costs", "--ledger", "off").code == 2
    (tmp_path / "athena-flow.toml").write_text('ledger = "book/runs.sqlite"\n')
    below = tmp_path / "below"
    below.mkdir()
    ok(cli(*RUN, cwd=below))
    assert (tmp_path / "book/runs.sqlite").is_file()
    assert costs(cli)["total"]["runs"] == 1
    (tmp_path / "athena-flow.toml").write_text('ledger = "off"\n')
    ok(cli(*RUN))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["athena-flow.toml", "below", "book"]


def test_runs_on_this_machine_cost_nothing(cli: Cli, demo_tree: Any) -> None:
    """Their bytes are counted, and no money; and a day's budget is each engine's own."""
    ok(cli("run", "reject-report", "--logs", str(demo_tree.root)))
    done = ok(cli("costs", "--as", "json"))
    found = json.loads(done.out)
    assert found["total"]["bytes"] > 0
    assert found["total"]["usd"] == 0.0
    assert found["dearest"][0]["engine"] == "duckdb"
    assert "other engines" in done.err


def test_costs_of_nothing(cli: Cli, home: Path) -> None:
    """No run yet: no error, no file."""
    done = ok(cli("costs"))
    assert "no run" in done.err
    assert costs(cli)["total"]["runs"] == 0
    assert not (home / "state").exists()


# ---------------------------------------------------------------- workgroups

ENSURE = ("workgroup", "ensure", "--max-scan", "100GB", "--as", "json")


def settings_of(name: str) -> dict[str, Any]:
    group = boto3.client("athena").get_work_group(WorkGroup=name)["WorkGroup"]
    found: dict[str, Any] = group["Configuration"]
    return found


def writes(aws: AthenaServer) -> list[str]:
    names = [call.operation.rpartition(".")[2] for call in aws.log]
    return [name for name in names if name in ("CreateWorkGroup", "UpdateWorkGroup")]


def test_a_workgroup_is_made_once(cli: Cli, aws: AthenaServer) -> None:
    """Made with its cut-off, its settings enforced; the second time nothing changes."""
    dry = json.loads(ok(cli(*ENSURE, "--output-location", "s3://r/", "--dry-run")).out)
    assert writes(aws) == []
    assert (dry["workgroup"], dry["created"]) == ("athena-flow", False)
    made = json.loads(ok(cli(*ENSURE, "--output-location", "s3://r/")).out)
    assert made["created"]
    assert made["changes"] == dry["changes"]
    found = settings_of("athena-flow")
    assert found["BytesScannedCutoffPerQuery"] == 100 * 10**9
    assert found["EnforceWorkGroupConfiguration"] is True
    assert found["ResultConfiguration"] == {"OutputLocation": "s3://r/"}
    again = ok(cli(*ENSURE, "--output-location", "s3://r/"))
    assert json.loads(again.out)["changes"] == []
    assert "nothing to change" in again.err
    assert writes(aws) == ["CreateWorkGroup"]


def make(name: str, **settings: Any) -> None:
    boto3.client("athena").create_work_group(Name=name, Configuration=settings)


THEIRS: dict[str, Any] = {
    "ResultConfiguration": {
        "OutputLocation": "s3://theirs/",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
    },
    "EnforceWorkGroupConfiguration": True,
    "PublishCloudWatchMetricsEnabled": True,
    "RequesterPaysEnabled": True,
}


@pytest.mark.parametrize("limit", [None, 10**12])
def test_a_more_generous_one_is_tightened(cli: Cli, aws: AthenaServer, limit: int | None) -> None:
    """It is said, only the cut-off is sent, and all else of it stays."""
    make("team", **THEIRS, **({"BytesScannedCutoffPerQuery": limit} if limit else {}))
    before = settings_of("team")
    words = (*ENSURE, "--workgroup", "team", "--output-location", "s3://ours/")
    done = ok(cli(*words))
    assert "more generous" in done.err
    assert "keeps its output location" in done.err
    (sent,) = aws.calls("AmazonAthena.UpdateWorkGroup")
    assert sent == {
        "WorkGroup": "team",
        "ConfigurationUpdates": {"BytesScannedCutoffPerQuery": 100 * 10**9},
    }
    assert settings_of("team") == {**before, "BytesScannedCutoffPerQuery": 100 * 10**9}


def test_a_stricter_one_stays(cli: Cli, aws: AthenaServer) -> None:
    """A wall is not lowered by the way; --yes lowers it."""
    make("team", **THEIRS, BytesScannedCutoffPerQuery=10**10)
    done = ok(cli(*ENSURE, "--workgroup", "team"))
    assert "stricter" in done.err
    assert settings_of("team")["BytesScannedCutoffPerQuery"] == 10**10
    ok(cli(*ENSURE, "--workgroup", "team", "--yes"))
    assert settings_of("team")["BytesScannedCutoffPerQuery"] == 10**11


def test_settings_are_enforced_with_a_place_for_results(cli: Cli, aws: AthenaServer) -> None:
    """Where clients said their own, a workgroup without one would take no query any more."""
    refused = cli("workgroup", "ensure", "--max-scan", "1GB", "--workgroup", "primary")
    assert refused.code == 2
    assert "--output-location" in refused.err
    assert writes(aws) == []
    words = ("workgroup", "ensure", "--max-scan", "1GB", "--workgroup", "primary")
    done = ok(cli(*words, "--output-location", "s3://r/"))
    assert "win over those of its clients" in done.err
    found = settings_of("primary")
    assert found["EnforceWorkGroupConfiguration"] is True
    assert found["ResultConfiguration"] == {"OutputLocation": "s3://r/"}
    assert "EnforceWorkGroupConfiguration" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ensure",), "--max-scan"),
        (("ensure", "--max-scan", "9999999B"), "10,000,000"),
        (("ensure", "--max-scan", "8000PB"), "7,000PB"),
        (("ensure", "--max-scan", "much"), "no size"),
        (("ensure", "--max-scan", "1GB"), "--output-location"),
        (("ensure", "--max-scan", "1GB", "--workgroup", "a b"), "a b"),
        (("ensure", "--max-scan", "1GB", "--output-location", "/tmp"), "s3://"),
        (("insure", "--max-scan", "1GB"), "ensure"),
    ],
)
def test_what_is_no_workgroup_is_refused(
    cli: Cli, aws: AthenaServer, words: tuple[str, ...], said: str
) -> None:
    """Exit 2 before anything is changed."""
    done = cli("workgroup", *words)
    assert done.code == 2
    assert said in done.err
    assert writes(aws) == []


def test_the_least_cutoff_is_athenas(cli: Cli, aws: AthenaServer) -> None:
    """10 MB are 10,000,000 bytes."""
    ok(cli("workgroup", "ensure", "--max-scan", "10MB", "--output-location", "s3://r/"))
    assert settings_of("athena-flow")["BytesScannedCutoffPerQuery"] == 10_000_000


def test_made_by_somebody_else_meanwhile(cli: Cli, aws: AthenaServer) -> None:
    """Two at the same time: the later one looks at what the other made."""
    make("team", **THEIRS)
    aws.faults.add("AmazonAthena.GetWorkGroup", "InvalidRequestException",
                   message="WorkGroup team is not found.")  # fmt: skip
    done = ok(cli(*ENSURE, "--workgroup", "team", "--output-location", "s3://r/"))
    assert json.loads(done.out)["created"] is False
    assert settings_of("team")["BytesScannedCutoffPerQuery"] == 10**11
    assert settings_of("team")["ResultConfiguration"]["OutputLocation"] == "s3://theirs/"


def test_a_denied_workgroup_is_exit_3(cli: Cli, aws: AthenaServer) -> None:
    """The action that is missing is named."""
    aws.faults.add("AmazonAthena.CreateWorkGroup", "AccessDeniedException", message="no")
    done = cli(*ENSURE, "--output-location", "s3://r/")
    assert done.code == 3
    assert "creating workgroup athena-flow" in done.err


def test_athena_cuts_off_what_runs_in_it(cli: Cli, logs: Logs) -> None:
    """The last wall stands in Athena: a run in that workgroup, with no budget here, ends."""
    words = ("workgroup", "ensure", "--max-scan", "10MB", "--output-location", "s3://results/")
    ok(cli(*words))
    s3 = boto3.client("s3")
    key = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/21/big.log"
    s3.put_object(Bucket="logs", Key=key, Body=f"{DEFAULT.header}\n".encode() * 100_000)
    done = cli(*RUN[:4], "--workgroup", "athena-flow")
    assert done.code == 1
    assert "limit" in done.err


# ---------------------------------------------------------------- advice


def test_advice_reads_a_few_objects(cli: Cli, logs: Logs) -> None:
    """Nothing is run, no more is read than the sample, and nothing is written down."""
    words = ("estimate", *RUN[1:4], "--advice", "--as", "json")
    found = json.loads(ok(cli(*words)).out)
    said = [line["what"] for line in found["advice"]]
    assert any("Parquet" in what for what in said)
    assert any("GetPartitions" in what for what in said)
    assert 1 <= len(logs.aws.calls("S3.GetObject")) <= 3
    assert logs.aws.statements == []
    assert costs(cli)["total"]["runs"] == 0


def test_advice_without_the_right_to_read(cli: Cli, logs: Logs) -> None:
    """The estimate stands, and what could not be measured has no number."""
    logs.aws.faults.add("S3.GetObject", "AccessDenied", 403, times=99)
    found = json.loads(ok(cli("estimate", *RUN[1:4], "--advice", "--as", "json")).out)
    assert found["bytes"] == logs.size_bytes
    (line,) = [line for line in found["advice"] if "Parquet" in line["what"]]
    assert (line["bytes"], line["usd"]) == (None, None)
    assert "AccessDenied" in line["measured"]
