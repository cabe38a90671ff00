"""`check`: every way in which a table does not fit its logs is found, and its fix mends it."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from athena_server import AthenaServer
from conftest import NOW, Ran, put_tree

from athena_flow import demo
from athena_flow.aws import Account, GlueCatalog
from athena_flow.case import Finding, Table, one_slash
from athena_flow.check import Report, check, table_of
from athena_flow.cli import app
from athena_flow.engines.duckdb import parquet_columns
from athena_flow.errors import Findings, NotFound
from athena_flow.gluetable import table_input
from athena_flow.layout import DAILY, LAYOUTS, Layout, Partition
from athena_flow.local import DirStore, LocalCatalog
from athena_flow.logformat import DEFAULT, LogFormat, parse_format
from athena_flow.ports import Catalog
from athena_flow.table import Projection, TableSpec
from athena_flow.window import DAY, Window

ACCOUNT, OTHER = "111122223333", "444455556666"
REGION = "us-east-1"
DAYS = tuple(datetime(2026, 11, day, tzinfo=UTC) for day in (18, 19, 20))
WINDOW = Window(DAYS[0], DAYS[-1] + DAY)
V5 = parse_format(f"{DEFAULT.text} ${{vpc-id}} ${{subnet-id}} ${{instance-id}} ${{tcp-flags}}")
MOVED = parse_format(
    "version account-id interface-id dstaddr srcaddr srcport dstport protocol packets bytes"
    " start end action log-status"
)
LONGER = parse_format(f"{DEFAULT.header} vpc-id tcp-flags")
PORTS = "srcaddr dstaddr srcport dstport end log-status"
SKIP = "skip.header.line.count"


@dataclass(frozen=True)
class Logs:
    """A tree of small log files, and the tables over it."""

    root: Path

    @property
    def location(self) -> str:
        return f"{self.root.as_posix()}/"

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

    def check(self, spec: TableSpec, window: Window = WINDOW) -> Report:
        """Through the local catalog, as `athena-flow check` does it."""
        catalog = LocalCatalog(None)
        catalog.create(spec)
        found = catalog.described(spec.database, spec.name)
        catalog.close()
        return self.held(table_of("flow", found), window)

    def held(self, table: Table, window: Window = WINDOW) -> Report:
        return check(table, DirStore(), parquet_columns, window)


def record(at: datetime, **more: str) -> dict[str, str]:
    base = dict.fromkeys((f.name for f in demo.VPC), "-")
    times = {"start": str(int(at.timestamp())), "end": str(int(at.timestamp()) + 59)}
    return base | {"srcport": "443", "srcaddr": "10.0.0.1", "log-status": "OK"} | times | more


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "bucket")


@pytest.fixture
def clean(logs: Logs) -> Logs:
    """Three days of one flow log in the default format."""
    for day in DAYS:
        for hours in (0, 10, 23):
            logs.text(day + timedelta(hours=hours))
    return logs


def kinds(report: Report) -> list[str]:
    return [finding.kind for finding in report.findings]


def only(report: Report, kind: str) -> Finding:
    assert kinds(report) == [kind], report.findings
    return report.findings[0]


@pytest.fixture
def mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Runs a fix as a user would who pastes it; its tables are in ``tmp_path``'s catalog."""
    monkeypatch.setenv("ATHENA_FLOW_NOW", NOW.isoformat())
    monkeypatch.setenv("ATHENA_FLOW_ENGINE", "duckdb")
    monkeypatch.setenv("ATHENA_FLOW_CATALOG", str(tmp_path / "catalog.sqlite"))
    monkeypatch.chdir(tmp_path)

    def run(fix: str | None) -> None:
        assert fix
        if not fix.startswith("athena-flow "):
            subprocess.run(fix, shell=True, check=True)
            return
        for command in fix.split(" && "):
            program, *words = shlex.split(command)
            assert program == "athena-flow"
            app(words, standalone_mode=False)

    return run


Mend = Callable[[str | None], None]


def again(name: str, folder: Path, window: Window = WINDOW) -> Report:
    """The check of a table that a fix made."""
    catalog = LocalCatalog(folder / "catalog.sqlite")
    table = table_of("flow", catalog.described("flow", name))
    assert list(catalog.registered(catalog.table("flow", name), Window()))
    catalog.close()
    return check(table, DirStore(), parquet_columns, window)


def kept(spec: TableSpec, folder: Path) -> TableSpec:
    """The table in the catalog that a fix works on, with a partition of every day."""
    catalog = LocalCatalog(folder / "catalog.sqlite")
    catalog.create(spec)
    places = [Partition(ACCOUNT, REGION, day) for day in DAYS]
    catalog.add(spec, places, lambda *_: None)
    catalog.close()
    return spec


# ---------------------------------------------------------------- nothing wrong


def test_a_table_that_fits_has_no_finding(clean: Logs) -> None:
    """Every day is looked at, its first and last object; what was measured is said."""
    report = clean.check(clean.spec())
    assert report.findings == ()
    assert (report.looked_at, report.keys) == (6, 9)
    assert report.measured == {
        "text_objects": 6, "cut_objects": 0, "rows": 12,
        "nodata": 0, "skipdata": 0, "outside_slot": 0,
    }  # fmt: skip
    assert report.notes[0] == "looked at 6 objects among 9 keys, 2026-11-18 to 2026-11-20"


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_demo_tree_is_clean(layout: Layout, tmp_path: Path) -> None:
    """All fields, all layouts, two accounts, two regions: nothing to find."""
    demo.write_demo(tmp_path, NOW, layout=layout, days=3)
    logs = Logs(tmp_path)
    window = Window(datetime(2026, 11, 19, tzinfo=UTC), NOW)
    report = logs.check(logs.spec(demo.ALL_FIELDS, layout=layout), window)
    assert kinds(report) == []
    assert report.looked_at == 2 * 2 * 3 * 2
    assert report.measured["outside_slot"] == 0
    assert report.measured["nodata"]


def test_parquet_that_fits_has_no_finding(logs: Logs) -> None:
    """A superset table over mixed formats is what Parquet is for."""
    logs.parquet(DAYS[0], PORTS)
    logs.parquet(DAYS[0], "srcaddr bytes", flow_log="fl-0b")
    report = logs.check(logs.spec(parse_format(f"{PORTS} bytes"), file_type="parquet"))
    assert report.findings == ()
    assert report.measured["rows"] == 0
    assert report.measured["nodata"] is None


def test_what_the_format_does_not_say_is_not_measured(logs: Logs) -> None:
    """Without log-status and end there is no share of NODATA and no slot: None, not 0."""
    fmt = parse_format("srcaddr dstaddr bytes")
    logs.text(DAYS[0], fmt)
    measured = logs.check(logs.spec(fmt)).measured
    assert [measured[key] for key in ("rows", "nodata", "skipdata", "outside_slot")] == [
        2, None, None, None,
    ]  # fmt: skip


def test_rows_outside_their_slot_are_measured_and_no_finding(logs: Logs) -> None:
    """Older files hold a few rows that end up to a minute before their slot."""
    at = DAYS[0] + timedelta(hours=6)
    first = int(at.timestamp())
    ends = (-30, -1, 0, 299, 300)
    logs.text(at, lines=[*demo.lines(DEFAULT, [record(at, end=str(first + e)) for e in ends])])
    report = logs.check(logs.spec())
    assert report.findings == ()
    assert report.measured["outside_slot"] == 3
    assert "3 (60.0%) end outside the 5 minutes of their file" in report.notes[1]


# ---------------------------------------------------------------- columns of text


def test_another_order_of_fields(logs: Logs, mend: Mend, tmp_path: Path) -> None:
    """The first wrong column and what it shows are named; the table is replaced."""
    for day in DAYS:
        logs.text(day, MOVED)
    found = only(logs.check(kept(logs.spec(), tmp_path)), "shifted")
    assert "from column 4 on" in found.message
    assert "srcaddr shows dstaddr" in found.message
    assert found.fix is not None
    assert found.fix.startswith("athena-flow init-table --database flow --table logs --location")
    assert found.fix.endswith(f"--log-format '{MOVED.header}' --replace")
    assert len(found.uris) == 3
    mend(found.fix)
    assert kinds(again("logs", tmp_path)) == []


def test_a_field_in_the_middle(logs: Logs) -> None:
    """A field that came in between is named: all after it are shifted."""
    fmt = parse_format(DEFAULT.header.replace("srcport", "vpc-id srcport"))
    logs.text(DAYS[0], fmt)
    found = only(logs.check(logs.spec()), "shifted")
    assert "srcport shows vpc-id; the files also hold vpc-id" in found.message


def test_a_field_that_the_files_lack_in_the_middle(logs: Logs) -> None:
    """A column of the table without a field shifts all after it."""
    fmt = parse_format(DEFAULT.header.replace(" srcport", ""))
    logs.text(DAYS[0], fmt)
    found = only(logs.check(logs.spec()), "shifted")
    assert "srcport shows dstport; the files lack srcport" in found.message


def test_new_fields_at_the_end(logs: Logs, mend: Mend, tmp_path: Path) -> None:
    """They shift nothing and are not seen; a longer table reads both times."""
    logs.text(DAYS[0])
    logs.text(DAYS[1])
    logs.text(DAYS[2], LONGER, flow_log="fl-0b")
    found = only(logs.check(kept(logs.spec(), tmp_path)), "new-fields")
    assert "fl-0b, from 2026-11-20 on" in found.message
    assert "vpc-id, tcp-flags" in found.message
    mend(found.fix)
    assert kinds(again("logs", tmp_path)) == []


def test_fields_that_no_file_has(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """Columns at the end without a field are NULL in every row."""
    found = only(clean.check(kept(clean.spec(LONGER), tmp_path)), "missing-fields")
    assert "vpc_id, tcp_flags" in found.message
    mend(found.fix)
    assert kinds(again("logs", tmp_path)) == []


def test_a_field_that_nobody_knows_yet(logs: Logs, mend: Mend, tmp_path: Path) -> None:
    """A header may name fields newer than this package: the fix keeps them."""
    fmt = parse_format(f"{DEFAULT.header} brand-new", allow_unknown=True)
    logs.text(DAYS[0], fmt)
    found = only(logs.check(kept(logs.spec(), tmp_path)), "new-fields")
    assert "brand-new" in found.message
    mend(found.fix)
    assert kinds(again("logs", tmp_path)) == []


def test_a_format_that_changed_on_a_date(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """Date and flow log are said; a second table begins that day."""
    kept(clean.spec(), tmp_path)
    for at in (NOW, NOW + timedelta(minutes=5)):
        clean.text(at, MOVED)
    window = replace(WINDOW, end=NOW + DAY)
    found = only(clean.check(clean.spec(), window), "format-change")
    assert found.message.startswith("fl-0a changed the format on 2026-11-21: from column 4 on")
    assert found.fix is not None
    assert "--table logs_from_2026_11_21" in found.fix
    assert found.fix.endswith("add-partitions --database flow --table logs_from_2026_11_21"
                              " --since 2026-11-21")  # fmt: skip
    mend(found.fix)
    since = Window(NOW.replace(hour=0, minute=0), NOW + DAY)
    assert kinds(again("logs_from_2026_11_21", tmp_path, since)) == []


def test_a_table_of_the_format_since_the_change(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """What lies before the change gets a second table, which ends there."""
    clean.text(NOW, MOVED, flow_log="fl-0b")
    window = replace(WINDOW, end=NOW + DAY)
    found = only(clean.check(clean.spec(MOVED), window), "format-change")
    assert "fl-0a changed the format on 2026-11-21: before that, from column 4" in found.message
    mend(found.fix)
    assert kinds(again("logs_until_2026_11_21", tmp_path)) == []


def test_two_flow_logs_of_two_formats(clean: Logs, mend: Mend) -> None:
    """No partition tells their files apart: the other's are moved to a prefix of their own."""
    for day in DAYS:
        clean.text(day + timedelta(hours=5), MOVED, flow_log="fl-0b")
    found = only(clean.check(clean.spec()), "mixed-formats")
    assert found.message.startswith("fl-0b writes another format into the same folders")
    mend(found.fix)
    assert kinds(clean.check(clean.spec())) == []
    assert len([*(clean.root / "fl-0b").rglob("*.gz")]) == 3


def test_transit_gateway_logs_in_a_vpc_table(clean: Logs) -> None:
    """They lie in the same tree, and only the flow log's id tells them apart."""
    clean.text(DAYS[1] + timedelta(hours=3), parse_format("default-tgw"), flow_log="fl-0f")
    found = only(clean.check(clean.spec()), "mixed-formats")
    assert "fl-0f" in found.message
    assert "account_id shows resource-type" in found.message


def test_another_account_in_another_format(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """Folders of their own: a second table for that account."""
    for day in DAYS:
        clean.text(day, MOVED, account=OTHER, flow_log="fl-0c")
    found = only(clean.check(clean.spec()), "shifted")
    assert found.fix is not None
    assert f"--since 2026-11-18 --account {OTHER} --region {REGION}" in found.fix
    mend(found.fix)
    assert kinds(again("logs_fl_0c", tmp_path, replace(WINDOW, accounts=(OTHER,)))) == []


# ---------------------------------------------------------------- columns of Parquet


def test_fields_that_a_parquet_table_lacks(logs: Logs, mend: Mend, tmp_path: Path) -> None:
    """What is in the middle shifts nothing: Parquet goes by name, so it is only not seen."""
    logs.parquet(DAYS[0], "srcaddr vpc-id dstaddr srcport dstport end log-status")
    spec = kept(logs.spec(parse_format(PORTS), file_type="parquet"), tmp_path)
    found = only(logs.check(spec), "new-fields")
    assert found.message.endswith("no column for: vpc-id")
    mend(found.fix)
    assert kinds(again("logs", tmp_path)) == []


def test_columns_that_no_parquet_file_has(logs: Logs) -> None:
    """Read by name, a column of another name is NULL in every row."""
    logs.parquet(DAYS[0], PORTS)
    spec = logs.spec(parse_format(f"{PORTS} bytes"), file_type="parquet")
    assert only(logs.check(spec), "missing-fields").message.endswith(": bytes")


def test_parquet_with_ports_of_text(logs: Logs, mend: Mend) -> None:
    """Somebody's own converter wrote them: the file goes, for AWS writes no such type."""
    logs.parquet(DAYS[0])
    bad = logs.parquet(DAYS[1], types={"srcport": "VARCHAR", "dstport": "VARCHAR"})
    spec = logs.spec(parse_format(PORTS), file_type="parquet")
    found = only(logs.check(spec), "type")
    assert "srcport int cannot read varchar, dstport int cannot read varchar" in found.message
    assert found.uris == (str(bad),)
    mend(found.fix)
    assert kinds(logs.check(spec)) == []


def foreign(logs: Logs, spec: TableSpec, **changes: Any) -> dict[str, Any]:
    """The dictionary of a table that something else made, over the same logs."""
    table = json.loads(json.dumps(table_input(spec)))
    own = {k: v for k, v in table["Parameters"].items() if not k.startswith("athena_flow.")}
    table["Parameters"] = {k: v for k, v in (own | changes).items() if v is not None}
    return table


def retyped(table: dict[str, Any], **types: str) -> dict[str, Any]:
    for column in table["StorageDescriptor"]["Columns"]:
        column["Type"] = types.get(column["Name"], column["Type"])
    return table


def test_a_parquet_table_with_wrong_types(logs: Logs, mend: Mend, tmp_path: Path) -> None:
    """The files are as AWS writes them: a right table is made beside somebody else's."""
    logs.parquet(DAYS[0])
    spec = logs.spec(parse_format(PORTS), file_type="parquet")
    table = table_of("flow", retyped(foreign(logs, spec), srcport="string", srcaddr="int"))
    found = only(logs.held(table), "type")
    assert "srcaddr int cannot read varchar, srcport string cannot read integer" in found.message
    mend(found.fix)
    assert kinds(again("logs_athena_flow", tmp_path)) == []


@pytest.mark.parametrize(
    ("types", "bad"),
    [
        ({"srcaddr": "int", "bytes": "int"}, "bytes int, srcaddr int"),
        ({"srcport": "smallint", "start": "timestamp"}, "srcport smallint, start timestamp"),
        ({"packets": "int", "start": "int", "bytes": "decimal(20,0)", "version": "smallint"}, ""),
        ({"srcport": "string", "srcaddr": "varchar(45)", "bytes": "double"}, ""),
    ],
)
def test_a_text_table_with_wrong_types(clean: Logs, types: dict[str, str], bad: str) -> None:
    """A value that the type cannot hold is NULL in every row, or in the big ones."""
    report = clean.held(table_of("flow", retyped(foreign(clean, clean.spec()), **types)))
    assert [f.message.partition("NULL: ")[2] for f in report.findings] == ([bad] if bad else [])
    assert set(kinds(report)) <= {"type"}


# ---------------------------------------------------------------- folders and file types


def test_text_beside_parquet(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """From another day on: the Parquet files get a table of their own."""
    clean.parquet(NOW, flow_log="fl-0b")
    window = replace(WINDOW, end=NOW + DAY)
    found = only(clean.check(clean.spec(), window), "file-type")
    assert "from 2026-11-21 on, and of type parquet" in found.message
    assert found.message.endswith("this text table reads their bytes as rows")
    assert found.fix is not None
    assert "--since 2026-11-21 --until 2026-11-22" in found.fix
    mend(found.fix)
    since = Window(NOW.replace(hour=0, minute=0), NOW + DAY)
    assert kinds(again("logs_parquet", tmp_path, since)) == []


def test_text_and_parquet_in_the_same_folder(clean: Logs, mend: Mend) -> None:
    """One of them has to move: a partition has one file type."""
    for day in DAYS:
        clean.parquet(day, flow_log="fl-0b")
    found = only(clean.check(clean.spec()), "file-type")
    mend(found.fix)
    assert kinds(clean.check(clean.spec())) == []
    assert len([*(clean.root / "parquet").rglob("*.parquet")]) == 3


def test_a_parquet_table_over_text(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """All of them are text: the table is replaced."""
    spec = kept(clean.spec(parse_format(PORTS), file_type="parquet"), tmp_path)
    found = only(clean.check(spec), "file-type")
    assert "this parquet table fails on them" in found.message
    mend(found.fix)
    assert kinds(again("logs", tmp_path)) == []


def test_daily_beside_hourly(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """A daily table reads both; an hourly one misses the daily files and becomes daily."""
    for hour in range(3):
        clean.text(NOW + timedelta(hours=hour), layout=LAYOUTS["hourly"])
    window = replace(WINDOW, end=NOW + DAY)
    found = only(clean.check(clean.spec(), window), "layout")
    assert "from 2026-11-21 on lie in layout hourly, beside daily" in found.message
    assert found.fix is None
    hourly = clean.spec(layout=LAYOUTS["hourly"])
    found = only(clean.check(kept(hourly, tmp_path), window), "layout")
    assert "the partitions of hours do not hold them" in found.message
    mend(found.fix)
    (left,) = again("logs", tmp_path, window).findings
    assert "a daily table reads both" in left.message


def test_hive_beside_plain(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """The hive-compatible folders get a table of their own."""
    hive = LAYOUTS["hive-hourly"]
    clean.text(NOW, layout=hive)
    window = replace(WINDOW, end=NOW + DAY)
    found = only(clean.check(clean.spec(), window), "layout")
    assert "layout hive-hourly, beside daily: in folders where the table's" in found.message
    mend(found.fix)
    catalog = LocalCatalog(tmp_path / "catalog.sqlite")
    made = catalog.table("flow", "logs_hive_hourly")
    assert [r.partition for r in catalog.registered(made, Window())] == [
        Partition(ACCOUNT, REGION, NOW.replace(minute=0))
    ]
    catalog.close()


def test_a_layout_that_is_not_the_tables(logs: Logs, mend: Mend, tmp_path: Path) -> None:
    """All files lie in another layout: the table is replaced."""
    service = replace(
        LAYOUTS["hive-daily"],
        template=LAYOUTS["hive-daily"].template.replace("aws-service", "service"),
    )
    for day in DAYS:
        logs.text(day, layout=service)
    found = only(logs.check(kept(logs.spec(), tmp_path)), "layout")
    assert "none in daily" in found.message
    mend(found.fix)
    assert kinds(again("logs", tmp_path)) == []


def test_logs_outside_a_projection(clean: Logs) -> None:
    """A projected table reads no other account, region or day than it was told."""
    clean.text(DAYS[1], account=OTHER, flow_log="fl-0c")
    projection = Projection(date(2026, 11, 1), (REGION,), (ACCOUNT,))
    spec = clean.spec(partitions="projection", projection=projection)
    found = only(clean.check(spec), "projection")
    assert found.fix is not None
    assert found.fix.endswith(
        "--replace --partitions projection --since 2026-11-01"
        f" --region {REGION} --account {ACCOUNT} --account {OTHER}"
    )
    wider = replace(projection, accounts=(ACCOUNT, OTHER))
    assert clean.check(replace(spec, projection=wider)).findings == ()


# ---------------------------------------------------------------- lines


@pytest.mark.parametrize(
    ("skipped", "headers", "wanted", "words"),
    [
        (None, True, "1", "the header is a row in each of"),
        ("2", True, "1", "a row lost in each of"),
        ("1", False, "0", "without a header line: the first row of each is lost"),
    ],
)
def test_header_skipping_of_text(
    logs: Logs, skipped: str | None, headers: bool, wanted: str, words: str
) -> None:
    """One line too few is a bogus row per file, one too many a lost one."""
    for day in DAYS:
        rows = [*demo.lines(DEFAULT, [record(day, **{"account-id": ACCOUNT, "interface-id": "e",
            "dstaddr": "10.0.0.2", "dstport": "1", "protocol": "6", "packets": "1",
            "bytes": "1", "action": "ACCEPT"})])]  # fmt: skip
        logs.text(day, lines=rows if headers else rows[1:])
    table = foreign(logs, logs.spec(), **{SKIP: skipped})
    found = only(logs.held(table_of("flow", table)), "header-skip")
    assert words in found.message
    assert found.fix == f"ALTER TABLE `flow`.`logs` SET TBLPROPERTIES ('{SKIP}' = '{wanted}')"
    table["Parameters"][SKIP] = wanted
    assert logs.held(table_of("flow", table)).findings == ()


def test_header_skipping_of_parquet(logs: Logs) -> None:
    """AWS's own examples have it: the first row of each file is dropped."""
    logs.parquet(DAYS[0])
    spec = logs.spec(parse_format(PORTS), file_type="parquet")
    found = only(logs.held(table_of("flow", foreign(logs, spec, **{SKIP: "1"}))), "header-skip")
    assert found.fix == f"ALTER TABLE `flow`.`logs` SET TBLPROPERTIES ('{SKIP}' = '0')"


def test_one_file_without_a_header(clean: Logs, mend: Mend) -> None:
    """No number of lines is right for both: that file gets its header."""
    path = clean.text(DAYS[1] + timedelta(hours=23), lines=["1 " * 13 + "OK"])
    found = only(clean.check(clean.spec()), "header-skip")
    mend(found.fix)
    assert gzip.decompress(path.read_bytes()).decode().splitlines()[0] == DEFAULT.header
    assert kinds(clean.check(clean.spec())) == []


def test_a_file_of_no_known_shape(clean: Logs, mend: Mend) -> None:
    """No header and another number of fields: nothing says which is which."""
    clean.text(DAYS[1] + timedelta(hours=23), lines=["a b c"])
    report = clean.check(clean.spec())
    assert kinds(report) == ["header-skip", "no-header"]
    assert "with 3 fields for 14 columns" in report.findings[1].message
    mend(report.findings[1].fix)
    assert kinds(clean.check(clean.spec())) == []


def test_crlf(clean: Logs, mend: Mend) -> None:
    """The last column would hold a carriage return."""
    clean.text(DAYS[0], end="\r\n")
    found = only(clean.check(clean.spec()), "crlf")
    assert "log_status gets a carriage return" in found.message
    mend(found.fix)
    assert kinds(clean.check(clean.spec())) == []


def test_a_header_in_the_middle_of_a_file(clean: Logs, mend: Mend) -> None:
    """Files that somebody put together hold header lines as rows."""
    rows = [*demo.lines(DEFAULT, [record(DAYS[0])])]
    path = clean.text(DAYS[0], lines=rows * 2)
    found = only(clean.check(clean.spec()), "header-inside")
    mend(found.fix)
    assert gzip.decompress(path.read_bytes()).decode().splitlines() == [*rows, rows[1]]
    assert kinds(clean.check(clean.spec())) == []


def test_skipdata(clean: Logs) -> None:
    """Rows that AWS left out make every count low, and nothing brings them back."""
    statuses = ("OK", "NODATA", "SKIPDATA", "SKIPDATA")
    at = DAYS[0]
    rows = demo.lines(DEFAULT, [record(at, **{"log-status": s}) for s in statuses])
    clean.text(at, lines=[*rows])
    report = clean.check(clean.spec())
    assert kinds(report) == []
    assert any(note.startswith("SKIPDATA: AWS left records out") for note in report.notes)
    assert (report.measured["nodata"], report.measured["skipdata"]) == (1, 2)


# ---------------------------------------------------------------- objects


def test_keys_in_no_layout(clean: Logs, mend: Mend) -> None:
    """They are counted and named."""
    folder = DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[1]))
    path = clean.put(f"{folder}copy/x.log.gz", b"x")
    found = only(clean.check(clean.spec()), "strange-keys")
    assert found.message == f"1 file in no layout: {path}"
    mend(found.fix)
    assert kinds(clean.check(clean.spec())) == []


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.log.gz", b"\x1f\x8bnonsense", "is no text log"),
        ("x.log.gz", gzip.compress(b"srcaddr dstaddr\n" * 9)[:-9], "its gzip ends too early"),
        ("x.log.gz", gzip.compress(b"srcaddr srcaddr\n"), "repeated: srcaddr"),
        ("x.log", b"\xff\xfe\x00", "is no text log"),
    ],
    ids=["no gzip", "cut", "a field twice", "bytes"],
)
def test_files_that_cannot_be_read(
    clean: Logs, name: str, data: bytes, reason: str, mend: Mend
) -> None:
    """One bad file is a finding by name, and the others are looked at all the same."""
    folder = DAILY.prefix(Partition(ACCOUNT, REGION, DAYS[1]))
    clean.put(f"{folder}{name}", data)
    report = clean.check(clean.spec())
    found = only(report, "unreadable")
    assert f"{name}: " in found.message
    assert reason in found.message
    assert report.looked_at == 6
    mend(found.fix)
    assert kinds(clean.check(clean.spec())) == []


def test_a_parquet_file_that_is_none(logs: Logs) -> None:
    """The reason is told without the name of a temporary file."""
    logs.parquet(DAYS[0])
    path = logs.put(logs.key(DAILY, DAYS[1], ACCOUNT, "fl-0a") + ".log.parquet", b"PAR1 not")
    found = only(logs.check(logs.spec(parse_format(PORTS), file_type="parquet")), "unreadable")
    assert f"{path}: cannot be read" in found.message
    assert "/tmp" not in found.message.replace(str(path), "")


def test_a_long_file_is_read_in_part(logs: Logs) -> None:
    """Rows are counted up to a bound, and it is said."""
    path = logs.text(DAYS[0], lines=[*demo.lines(DEFAULT, [record(DAYS[0])] * 200_000)])
    report = logs.check(logs.spec())
    assert path.stat().st_size < 8 * 2**20
    assert report.findings == ()
    assert report.measured["cut_objects"] == 1
    assert 100_000 < (report.measured["rows"] or 0) < 200_000
    assert "read only in part: 1 file" in report.notes


def test_an_empty_file_says_nothing(clean: Logs) -> None:
    """A file of no bytes, or of no lines, is neither headless nor anything else."""
    clean.text(DAYS[0], lines=[])
    clean.put(clean.key(DAILY, DAYS[1], ACCOUNT, "fl-0a") + ".log.gz", b"")
    assert clean.check(clean.spec()).findings == ()


# ---------------------------------------------------------------- LOCATION


def test_a_location_without_logs(tmp_path: Path) -> None:
    """Nothing below it at all: discover says where they lie."""
    logs = Logs(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    found = only(logs.check(logs.spec()), "location")
    assert "leads to no logs: no flow logs below" in found.message
    assert "holds: elsewhere/" in found.message
    assert found.fix == f"athena-flow discover --location {logs.location}AWSLogs/"


def test_logs_that_stopped(clean: Logs) -> None:
    """An empty window is no clean one: the last day that has logs is said."""
    late = Window(NOW, NOW + DAY)
    report = clean.check(clean.spec(), late)
    found = only(report, "silent")
    assert report.looked_at == 0
    assert found.message.endswith("is 2026-11-20")
    assert found.fix == "athena-flow check --database flow --table logs --since 2026-11-20"


@pytest.mark.parametrize(
    ("spelled", "why"), [("{root}AWSLogs", "lacks the final /"), ("{root}/AWSLogs/", "holds //")]
)
def test_how_location_is_spelled(clean: Logs, spelled: str, why: str) -> None:
    """A missing slash or a doubled one is a finding, and the logs are looked at all the same."""
    table = foreign(clean, clean.spec())
    table["StorageDescriptor"]["Location"] = spelled.format(root=clean.location)
    report = clean.held(table_of("flow", table))
    found = only(report, "location")
    assert why in found.message
    assert found.fix == f"ALTER TABLE `flow`.`logs` SET LOCATION '{clean.location}AWSLogs/'"
    assert report.looked_at == 6


def test_a_location_that_was_moved(clean: Logs) -> None:
    """A table of ours whose LOCATION somebody altered."""
    table = table_input(clean.spec())
    table["StorageDescriptor"]["Location"] = "/elsewhere/"
    found = only(clean.held(table_of("flow", table)), "location")
    assert found.fix == f"ALTER TABLE `flow`.`logs` SET LOCATION '{clean.location}AWSLogs/'"


def test_a_location_of_one_account_and_region(clean: Logs) -> None:
    """What lies beside it is not the table's."""
    clean.text(DAYS[0], MOVED, account=OTHER)
    table = foreign(clean, clean.spec())
    place = f"{clean.location}AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/"
    table["StorageDescriptor"]["Location"] = place
    report = clean.held(table_of("flow", table))
    assert report.findings == ()
    assert report.keys == 9


@pytest.mark.parametrize("location", ["", "arn:aws:s3:::logs/AWSLogs/", "hdfs://logs/"])
def test_a_location_of_another_kind(clean: Logs, location: str) -> None:
    """A view has none, and Athena takes nothing but S3: nothing is looked at."""
    table = foreign(clean, clean.spec())
    table["StorageDescriptor"]["Location"] = location
    report = clean.held(table_of("flow", table))
    assert "is no s3:// URI" in only(report, "location").message
    assert report.looked_at == 0


def test_hive_folders_of_one_account(logs: Logs) -> None:
    """AWS's published Parquet table: its LOCATION names account and region, and it skips a row."""
    logs.parquet(DAYS[0], layout=LAYOUTS["hive-hourly"])
    logs.parquet(DAYS[0], "srcaddr", layout=LAYOUTS["hive-hourly"], account=OTHER)
    table = foreign(logs, logs.spec(parse_format(PORTS), file_type="parquet"), **{SKIP: "1"})
    table["StorageDescriptor"]["Location"] = (
        f"{logs.location}AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs"
        f"/aws-region={REGION}/"
    )
    report = logs.held(table_of("flow", table))
    only(report, "header-skip")
    assert report.keys == 1


def test_one_slash() -> None:
    """Only the scheme keeps its two."""
    assert one_slash("s3://b//a///") == "s3://b/a/"
    assert one_slash("//a//b/") == "/a/b/"


# ---------------------------------------------------------------- tables of others


def test_old_column_names_are_known(clean: Logs) -> None:
    """AWS's own names until 2022 say the same fields, and fit."""
    table = foreign(clean, clean.spec())
    old = (
        "version account interfaceid sourceaddress destinationaddress sourceport destinationport"
        " protocol numpackets numbytes starttime endtime action logstatus"
    )
    for column, name in zip(table["StorageDescriptor"]["Columns"], old.split(), strict=True):
        column["Name"] = name
    assert clean.held(table_of("flow", table)).findings == ()
    table["StorageDescriptor"]["Columns"][3:5] = table["StorageDescriptor"]["Columns"][4:2:-1]
    found = only(clean.held(table_of("flow", table)), "shifted")
    assert "destinationaddress shows srcaddr" in found.message


def test_names_that_say_nothing_prove_nothing(clean: Logs) -> None:
    """A column of somebody's own naming is taken at its position."""
    table = foreign(clean, clean.spec())
    table["StorageDescriptor"]["Columns"][3]["Name"] = "who"
    assert clean.held(table_of("flow", table)).findings == ()


def test_a_serde_that_reads_no_flow_logs(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """A regular expression or a comma: a table beside it reads the files."""
    table = foreign(clean, clean.spec())
    table["StorageDescriptor"]["SerdeInfo"]["Parameters"]["field.delim"] = ","
    found = only(clean.held(table_of("flow", table)), "serde")
    mend(found.fix)
    assert kinds(again("logs_athena_flow", tmp_path)) == []


def test_a_table_of_ours_that_was_altered(clean: Logs, mend: Mend, tmp_path: Path) -> None:
    """Every other command refuses it: so does the check, with the way out."""
    table = table_input(clean.spec())
    table["StorageDescriptor"]["Columns"][5]["Type"] = "string"
    found = only(clean.held(table_of("flow", table)), "altered")
    assert "was altered" in found.message
    mend(found.fix)
    assert kinds(again("logs_athena_flow", tmp_path)) == []


# ---------------------------------------------------------------- the command


Cli = Callable[..., Ran]


@pytest.fixture
def local(clean: Logs, tmp_path: Path, cli: Cli) -> Cli:
    """The command line over the clean logs, with a table."""

    def run(*words: str) -> Ran:
        return cli(*words, "--engine", "duckdb", "--catalog", str(tmp_path / "catalog.sqlite"))

    made = run("init-table", "--location", clean.location)
    assert made.code == 0, made.err
    return run


def test_a_clean_table_is_exit_0(local: Cli) -> None:
    """Nothing on stdout; on stderr how many objects were read."""
    ran = local("check")
    assert (ran.code, ran.out) == (0, "")
    assert "note: looked at 6 objects among 9 keys" in ran.err
    document = json.loads(local("check", "--as", "json", "--since", "2026-11-20").out)
    assert document["findings"] == []
    assert (document["table"], document["looked_at"]) == ("flow_logs.vpc_flow_logs", 2)
    assert document["measured"]["rows"] == 4


def test_findings_are_exit_6(clean: Logs, local: Cli, tmp_path: Path) -> None:
    """One line each, with the fix; the fix names the catalog that was asked."""
    clean.text(DAYS[0] + timedelta(hours=1), MOVED, flow_log="fl-0b")
    clean.text(DAYS[0], end="\r\n")
    ran = local("check")
    assert ran.code == 6
    header, *lines = ran.out.splitlines()
    assert header.split() == ["kind", "finding", "fix"]
    assert [line.split()[0] for line in lines] == ["mixed-formats", "crlf"]
    assert ran.err.splitlines()[-1] == ("athena-flow: error: 2 findings in flow_logs.vpc_flow_logs")


def test_findings_as_json(clean: Logs, local: Cli, tmp_path: Path) -> None:
    """The document stands on stdout, the error on stderr; the fix can be run as it is."""
    for day in DAYS:
        for path in (clean.root / DAILY.prefix(Partition(ACCOUNT, REGION, day))).iterdir():
            path.unlink()
        clean.text(day, MOVED)
    ran = local("check", "--as", "json")
    assert ran.code == 6
    document = json.loads(ran.out)
    assert set(document) == {"table", "looked_at", "keys", "findings", "measured"}
    (found,) = document["findings"]
    assert set(found) == {"kind", "message", "fix", "uris"}
    assert found["kind"] == "shifted"
    assert json.loads(ran.err.splitlines()[-1])["error"]["kind"] == Findings.__name__
    words = shlex.split(found["fix"])[1:]
    assert words[words.index("--catalog") + 1] == str(tmp_path / "catalog.sqlite")
    assert local(*words).code == 0
    assert local("check").code == 0


def test_the_window_is_what_is_looked_at(clean: Logs, local: Cli) -> None:
    """A change outside it is none; --account of nobody is a silent window."""
    clean.text(DAYS[2] + timedelta(hours=23, minutes=30), MOVED)
    assert local("check", "--until", "2026-11-20").code == 0
    assert local("check", "--since", "2026-11-20").code == 6
    silent = local("check", "--account", OTHER)
    assert silent.code == 6
    assert f"no logs of {OTHER} lie in the window; the last day that has any" in silent.out


def test_no_such_table_is_exit_3(local: Cli) -> None:
    """Nothing to check, and what to do."""
    ran = local("check", "--table", "absent")
    assert ran.code == 3
    assert "no table flow_logs.absent" in ran.err


# ---------------------------------------------------------------- on AWS


COLUMNS_OF_AWS = (
    "version int, account_id string, interface_id string, srcaddr string, dstaddr string,"
    " srcport int, dstport int, protocol bigint, packets bigint, bytes bigint, start bigint,"
    " end bigint, action string, log_status string, vpc_id string, subnet_id string,"
    " instance_id string, tcp_flags int, type string, pkt_srcaddr string, pkt_dstaddr string,"
    " az_id string, sublocation_type string, sublocation_id string, pkt_src_aws_service string,"
    " pkt_dst_aws_service string, flow_direction string, traffic_path int"
)
"""Of the projection example of Athena's user guide: it leaves ``region`` out."""


def published(bucket: str) -> dict[str, Any]:
    """AWS's published projected table, as Athena's DDL leaves it in Glue."""
    place = f"s3://{bucket}/net/AWSLogs/{ACCOUNT}/vpcflowlogs/"
    table = table_input(TableSpec("x", "vpc_flow_logs", f"s3://{bucket}/", DEFAULT, DAILY))
    table["PartitionKeys"] = [{"Name": n, "Type": "string"} for n in ("region", "day")]
    table["StorageDescriptor"] |= {
        "Location": place,
        "Columns": [
            dict(zip(("Name", "Type"), column.split(), strict=True))
            for column in COLUMNS_OF_AWS.split(", ")
        ],
    }
    table["Parameters"] = {
        "EXTERNAL": "TRUE",
        SKIP: "1",
        "projection.enabled": "true",
        "projection.region.type": "enum",
        "projection.region.values": "us-east-1,us-west-2,ap-south-1,eu-west-1",
        "projection.day.type": "date",
        "projection.day.range": "2021/01/01,NOW",
        "projection.day.format": "yyyy/MM/dd",
        "storage.location.template": f"{place}${{region}}/${{day}}",
    }
    return table


@pytest.fixture
def theirs(aws: AthenaServer, logs: Logs) -> Logs:
    """A bucket with logs of all 29 fields, and AWS's published table over it."""
    fmt = parse_format(
        re.sub(r" \w+,? ?", " ", f"{COLUMNS_OF_AWS} ").strip().replace(" az_id", " region az_id")
    )
    for day in DAYS:
        logs.text(day, fmt)
        logs.text(day, DEFAULT, account=OTHER)
    put_tree(logs.root, "logs", "net/")
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "flow_logs"})
    glue.create_table(DatabaseName="flow_logs", TableInput=published("logs"))
    return logs


def test_the_published_table_that_lost_its_region(theirs: Logs, cli: Cli) -> None:
    """The shift is found, the other account is none of its business, and the fix works."""
    ran = cli("check", "--as", "json")
    assert ran.code == 6, ran.err
    document = json.loads(ran.out)
    assert (document["looked_at"], document["keys"]) == (3, 3)
    (found,) = document["findings"]
    assert found["kind"] == "shifted"
    assert "from column 22 on" in found["message"]
    assert "az_id shows region; the files also hold region" in found["message"]
    for command in found["fix"].split(" && "):
        done = cli(*shlex.split(command)[1:])
        assert done.code == 0, done.err
    after = cli("check", "--table", "vpc_flow_logs_athena_flow", "--account", ACCOUNT)
    assert after.code == 0, after.out


def test_a_bucket_that_is_not_there(aws: AthenaServer, cli: Cli) -> None:
    """A LOCATION in no bucket leads nowhere: a finding, not a failure."""
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "flow_logs"})
    glue.create_table(DatabaseName="flow_logs", TableInput=published("absent"))
    ran = cli("check", "--as", "json")
    assert ran.code == 6, ran.err
    (found,) = json.loads(ran.out)["findings"]
    assert found["kind"] == "location"
    assert found["fix"] == "athena-flow discover --location s3://absent/"


def test_fixes_in_s3(theirs: Logs) -> None:
    """What has to be moved or rewritten there is said with the AWS command line."""
    theirs.text(DAYS[0], end="\r\n", account=OTHER)
    theirs.text(DAYS[1] + timedelta(hours=3), MOVED, account=OTHER, flow_log="fl-0b")
    put_tree(theirs.root, "logs", "net/")
    spec = TableSpec("flow", "logs", "s3://logs/net/", DEFAULT, DAILY)
    catalog = GlueCatalog(Account())
    catalog.create(spec)
    table = table_of("flow", catalog.described("flow", "logs"))
    from athena_flow.aws import S3Store

    window = replace(WINDOW, accounts=(OTHER,))
    mixed, crlf = check(table, S3Store(Account()), parquet_columns, window).findings
    assert mixed.fix == (
        "aws s3 mv s3://logs/net/AWSLogs/ s3://logs/net/fl-0b/AWSLogs/ --recursive"
        " --exclude '*' --include '*_fl-0b_*'"
    )
    (uri,) = crlf.uris
    assert crlf.fix == f"aws s3 cp {uri} - | gunzip | tr -d '\\r' | gzip | aws s3 cp - {uri}"


@pytest.mark.parametrize("where", ["glue", "local"])
def test_any_table_can_be_described(where: str, request: pytest.FixtureRequest) -> None:
    """Both catalogs give Glue's words for a table, and NotFound for none."""
    catalog: Catalog = LocalCatalog(None)
    if where == "glue":
        request.getfixturevalue("aws")
        catalog = GlueCatalog(Account())
    spec = TableSpec("flow", "logs", "s3://logs/net/", DEFAULT, DAILY)
    catalog.create(spec)
    found = table_of("flow", catalog.described("flow", "logs"))
    assert (found.spec, found.location, found.skipped) == (spec, "s3://logs/net/AWSLogs/", 1)
    with pytest.raises(NotFound, match=r"no table flow\.absent"):
        catalog.described("flow", "absent")
    if isinstance(catalog, LocalCatalog):
        catalog.close()
