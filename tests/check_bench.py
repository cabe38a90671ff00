"""What the tests of `check` share: small trees of logs, tables over them, and fixes that run.

A fix is run as it is printed. Those of ours run in this process, on the embedded engine's
catalog; the others in a shell.
"""

from __future__ import annotations

import gzip
import json
import shlex
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import NOW

from athena_flow import demo
from athena_flow.case import Finding, Table, one_slash
from athena_flow.check import Look, Report, check, find_table, other_tables
from athena_flow.cli import app
from athena_flow.engines.duckdb import parquet_columns
from athena_flow.fixes import named_after
from athena_flow.gluetable import table_input
from athena_flow.layout import DAILY, LAYOUTS, Layout, Partition
from athena_flow.local import DirStore, LocalCatalog
from athena_flow.logformat import DEFAULT, LogFormat, parse_format
from athena_flow.partitions import delivered
from athena_flow.ports import no_progress
from athena_flow.table import TableSpec
from athena_flow.window import Window

ACCOUNT, OTHER = "111122223333", "444455556666"
REGION = "us-east-1"
DAYS = tuple(datetime(2026, 11, day, tzinfo=UTC) for day in (18, 19, 20))
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
WINDOW = Window(DAYS[0], TODAY)
WITH_TODAY = Window(DAYS[0], NOW)
HOURLY, HIVE = LAYOUTS["hourly"], LAYOUTS["hive-daily"]
MOVED = parse_format(
    "version account-id interface-id dstaddr srcaddr srcport dstport protocol packets bytes"
    " start end action log-status"
)
LONGER = parse_format(f"{DEFAULT.header} vpc-id tcp-flags")
PORTS = "srcaddr dstaddr srcport dstport end log-status"


def record(at: datetime, **more: str) -> dict[str, str]:
    base = dict.fromkeys((f.name for f in demo.VPC), "-")
    times = {"start": str(int(at.timestamp())), "end": str(int(at.timestamp()) + 59)}
    return base | {"srcport": "443", "srcaddr": "10.0.0.1", "log-status": "OK"} | times | more


FULL = {
    "account-id": ACCOUNT, "interface-id": "eni-1", "dstaddr": "10.0.0.2", "dstport": "1",
    "protocol": "6", "packets": "1", "bytes": "1", "action": "ACCEPT",
}  # fmt: skip
"""With these, a record is in the default format's shape also without a header."""


@dataclass(frozen=True)
class Logs:
    """A tree of small log files, and the tables over it."""

    root: Path
    location: str
    """Where the tables find it."""

    def text(
        self,
        at: datetime,
        fmt: LogFormat = DEFAULT,
        *,
        layout: Layout = DAILY,
        account: str = ACCOUNT,
        flow_log: str = "fl-0a",
        lines: Sequence[str] | None = None,
        end: str = "\n",
    ) -> Path:
        """One delivered file; ``lines`` stand in for its header and its two records."""
        rows = lines if lines is not None else [*demo.lines(fmt, [record(at), record(at)])]
        return self.put(
            self.key(layout, at, account, flow_log) + ".log.gz",
            gzip.compress("".join(f"{row}{end}" for row in rows).encode()),
        )

    def key(self, layout: Layout, at: datetime, account: str, flow_log: str) -> str:
        name = f"{account}_vpcflowlogs_{REGION}_{flow_log}_{at:%Y%m%dT%H%MZ}_1a2b3c4d"
        return layout.prefix(Partition(account, REGION, at)) + name

    def put(self, key: str, data: bytes) -> Path:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def parquet(
        self,
        at: datetime,
        names: str = PORTS,
        *,
        layout: Layout = DAILY,
        account: str = ACCOUNT,
        flow_log: str = "fl-0a",
        types: dict[str, str] | None = None,
    ) -> Path:
        """One delivered Parquet file, with AWS's types unless ``types`` says other ones."""
        real = {"INT_32": "INTEGER", "INT_64": "BIGINT", "STRING": "VARCHAR"}
        fields = parse_format(names).fields
        kinds = {f.column: real[f.parquet_type] for f in fields} | (types or {})
        path = self.put(self.key(layout, at, account, flow_log) + ".log.parquet", b"")
        row = ", ".join(f'CAST(7 AS {kind}) AS "{column}"' for column, kind in kinds.items())
        with duckdb.connect() as db:
            db.execute(f"COPY (SELECT {row}) TO '{path}' (FORMAT parquet)")
        return path

    def spec(self, fmt: LogFormat = DEFAULT, **more: Any) -> TableSpec:
        return replace(TableSpec("flow", "logs", self.location, fmt, DAILY), **more)

    def parquet_spec(self, names: str = PORTS, **more: Any) -> TableSpec:
        return self.spec(parse_format(names), file_type="parquet", **more)

    def held(self, table: Table, window: Window = WINDOW) -> Report:
        """A table of which the catalog says no more than this, against what lies here."""
        return check(table, Look(DirStore(), parquet_columns, window, NOW))


@dataclass(frozen=True)
class World:
    """Logs, and a catalog that commands of ours work on."""

    logs: Logs
    file: Path

    def table(self, spec: TableSpec, *, registered: Window | None = WITH_TODAY) -> TableSpec:
        """The table with the partitions of all that lies in the window now."""
        catalog = LocalCatalog(self.file)
        catalog.create(spec)
        if registered and not spec.projection:
            found = delivered(spec, registered, DirStore(), no_progress).partitions
            catalog.add(spec, sorted(found), no_progress)
        catalog.close()
        return spec

    def register(self, spec: TableSpec, *partitions: Partition) -> None:
        catalog = LocalCatalog(self.file)
        catalog.add(spec, partitions, no_progress)
        catalog.close()

    def registered(self, name: str = "logs") -> list[Partition | None]:
        catalog = LocalCatalog(self.file)
        found = [r.partition for r in catalog.registered(catalog.table("flow", name), Window())]
        catalog.close()
        return found

    def check(self, name: str = "logs", window: Window = WITH_TODAY, now: datetime = NOW) -> Report:
        """As `athena-flow check` does it."""
        catalog = LocalCatalog(self.file)
        table = find_table(catalog, "flow", name, window)
        others = other_tables(catalog, "flow", window)
        report = check(table, Look(DirStore(), parquet_columns, window, now), others)
        catalog.close()
        return report

    def tables(self) -> list[str]:
        with sqlite3.connect(self.file) as db:
            return [name for (name,) in db.execute("SELECT name FROM tables ORDER BY name")]

    def mend(self, report: Report) -> None:
        """Runs every fix in turn, as they are printed."""
        for finding in report.findings:
            run(finding.fix)

    def mended(self, *tables: str, window: Window = WITH_TODAY) -> None:
        """These are all the tables there are now, and each of them is clean."""
        assert self.tables() == sorted(tables)
        for name in tables:
            report = self.check(name, window)
            assert report.findings == (), (name, report.findings)


def run(fix: str | None) -> None:
    """A fix as a user runs it who pastes it."""
    assert fix
    steps = groupby(fix.split(" && "), key=lambda step: step.startswith("athena-flow "))
    for ours, several in steps:
        if not ours:
            subprocess.run(" && ".join(several), shell=True, check=True)
            continue
        for command in several:
            app(shlex.split(command)[1:], standalone_mode=False)


def second(log_format: LogFormat, table: str = "logs") -> str:
    """What the fix for another text format calls the second table."""
    return f"{table}_{named_after(log_format)}"


def kinds(report: Report) -> list[str]:
    return [finding.kind for finding in report.findings]


def only(report: Report, kind: str) -> Finding:
    assert kinds(report) == [kind], report.findings
    return report.findings[0]


def foreign(spec: TableSpec, **changes: Any) -> dict[str, Any]:
    """The dictionary of a table that something else made, over the same logs."""
    table = json.loads(json.dumps(table_input(spec)))
    own = {k: v for k, v in table["Parameters"].items() if not k.startswith("athena_flow.")}
    table["Parameters"] = {k: v for k, v in (own | changes).items() if v is not None}
    return table


def retyped(table: dict[str, Any], **types: str) -> dict[str, Any]:
    for column in table["StorageDescriptor"]["Columns"]:
        column["Type"] = types.get(column["Name"], column["Type"])
    return table


def at_days(table: Table, layout: Layout = DAILY) -> Table:
    """The table with the partitions of one source's days."""
    places = [Partition(ACCOUNT, REGION, day) for day in DAYS]
    folders = {one_slash(f"{table.base}/{layout.prefix(p)}"): p for p in places}
    return replace(table, registered=folders)


@pytest.fixture(name="logs")
def logs_fixture(tmp_path: Path) -> Logs:
    root = tmp_path / "bucket"
    root.mkdir()
    return Logs(root, f"{root.as_posix()}/")


@pytest.fixture(name="clean")
def clean_fixture(logs: Logs) -> Logs:
    """Three days of one flow log in the default format."""
    for day in DAYS:
        for hours in (0, 10, 23):
            logs.text(day + timedelta(hours=hours))
    return logs


@pytest.fixture(name="world")
def world_fixture(logs: Logs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Commands that a fix names find the catalog by the environment."""
    file = tmp_path / "catalog.sqlite"
    monkeypatch.setenv("ATHENA_FLOW_NOW", NOW.isoformat())
    monkeypatch.setenv("ATHENA_FLOW_ENGINE", "duckdb")
    monkeypatch.setenv("ATHENA_FLOW_CATALOG", str(file))
    monkeypatch.chdir(tmp_path)
    return World(logs, file)
