"""One SQL text, two engines, one answer: Athena on the bench and DuckDB over the same bytes.

Both are held against answers worked out here in plain Python, which shares nothing with the
queries but cli.md's description of them.
"""

from __future__ import annotations

import gzip
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from athena_server import AthenaServer
from conftest import NOW, Line, log_status_summary, put_tree, read_lines, reject_report, total

from athena_flow import jobs, params, partitions, query
from athena_flow.aws import Account, S3Store
from athena_flow.cost import Budget, Estimate
from athena_flow.demo import ACCOUNTS, REGIONS, write_demo
from athena_flow.engines.athena import AthenaEngine
from athena_flow.engines.duckdb import DuckDBEngine, evaluate
from athena_flow.errors import (
    AccessDenied,
    AthenaFlowError,
    BadSetting,
    EngineError,
    NoCredentials,
    NotFound,
    OverBudget,
)
from athena_flow.fields import VPC
from athena_flow.glue import GlueCatalog
from athena_flow.guard import Guard
from athena_flow.jobs import Reading
from athena_flow.layout import DAILY
from athena_flow.local import DirStore, LocalCatalog
from athena_flow.logformat import DEFAULT, LogFormat
from athena_flow.ports import Catalog, Engine, Objects, Result, no_progress
from athena_flow.prices import price_in
from athena_flow.query import BoundQuery
from athena_flow.table import TableSpec
from athena_flow.window import Window

LIBRARY = query.library()
DAYS = 3
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0)
BACKWARDS = LogFormat(tuple(reversed(VPC)))
"""All 54 fields in an order that AWS never wrote."""


# ---------------------------------------------------------------- two ways to the same bytes


@dataclass(frozen=True)
class Stand:
    """One engine with its catalog and store, and a table over the tree."""

    engine: Engine
    catalog: Catalog
    store: Objects
    spec: TableSpec

    def bind(self, name: str, given: Iterable[str], window: Window) -> BoundQuery:
        saved = LIBRARY[name]
        return query.bind(saved, params.bind(saved.params, given), self.spec, window)

    def sql(self, text: str, window: Window | None = None) -> BoundQuery:
        """A statement of the test's own; ``{table}`` and ``{window}`` as in a saved query."""
        window = window or Window()
        filled = text.format(
            table=self.spec.sql, window=self.spec.layout.predicate(window, self.spec.format.columns)
        )
        return BoundQuery("test", filled, self.spec, window, {})

    def run(self, bound: BoundQuery, budget: Budget | None = None) -> tuple[Estimate, Result]:
        reading = Reading(
            self.catalog, self.store, evaluate, price_in("us-east-1"), datetime.now(UTC)
        )
        return jobs.run(bound, reading, self.engine, Guard(budget or Budget()), no_progress)


@dataclass(frozen=True)
class Both:
    """The same tree, read by both engines."""

    athena: Stand
    duckdb: Stand
    root: Path
    lines: list[Line] = field(default_factory=list)

    def __iter__(self) -> Iterator[Stand]:
        yield from (self.athena, self.duckdb)

    def within(self, window: Window) -> list[Line]:
        """The records whose end lies in the window, of its accounts and regions."""
        return [
            line
            for line in self.lines
            if holds(window, line.path)
            and (window.start is None or line.number("end") >= window.start.timestamp())
            and (window.end is None or line.number("end") < window.end.timestamp())
        ]

    def kept(self, window: Window) -> list[Path]:
        """The files of the days, accounts and regions that the window touches."""
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return [path for path in files if holds(window, path)]


def holds(window: Window, path: Path) -> bool:
    """May a file of this path hold records of the window? By its folders alone."""
    account, _, region, *day = path.parts[-7:-1]
    start = datetime(*map(int, day), tzinfo=UTC)
    return (
        (not window.accounts or account in window.accounts)
        and (not window.regions or region in window.regions)
        and (window.start is None or start + timedelta(days=1) > window.start)
        and (window.end is None or start < window.end + window.late)
    )


@pytest.fixture(scope="module")
def account(bench: AthenaServer) -> Iterator[Account]:
    """The bench, emptied once for the module, as an account with somewhere for results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        bench.reset()
        found = Account(region="us-east-1", endpoint=bench.endpoint)
        found.client("s3").create_bucket(Bucket="results")
        yield found


def athena_engine(account: Account, **settings: str | None) -> AthenaEngine:
    """Athena on the bench, with another workgroup or output location where given."""
    endpoint = account.client("s3").meta.endpoint_url
    given = {"workgroup": None, "output_location": "s3://results/", **settings}
    return AthenaEngine(account.session, region=account.region, **given, endpoint=endpoint)  # type: ignore[arg-type]  # by name


def stands(account: Account, root: Path, bucket: str, fmt: LogFormat) -> Both:
    """Puts a tree into S3, and makes the same table over it on both sides."""
    put_tree(root, bucket)
    glue = GlueCatalog(account), S3Store(account), f"s3://{bucket}/"
    local = LocalCatalog(None), DirStore(), f"{root}/"
    athena = athena_engine(account)
    made = []
    for engine, (catalog, store, location) in ((athena, glue), (DuckDBEngine(), local)):
        spec = TableSpec(f"db_{bucket}", "logs", location, fmt, DAILY)
        catalog.create(spec)
        found = partitions.delivered(spec, Window(), store, no_progress)
        wanted = partitions.plan_partitions(spec, Window(), timedelta(), catalog, found)
        assert partitions.add_partitions(spec, wanted, catalog, no_progress).failed == ()
        made.append(Stand(engine, catalog, store, spec))
    return Both(*made, root)


@pytest.fixture(scope="module")
def demo(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Three days of the demo's logs in the default format."""
    root = tmp_path_factory.mktemp("default")
    write_demo(root, NOW, fmt=DEFAULT, days=DAYS)
    both = stands(account, root, "default", DEFAULT)
    yield replace(both, lines=list(read_lines(both.kept(Window()))))
    both.duckdb.catalog.close()  # type: ignore[attr-defined]  # the local one


@pytest.fixture
def aws(bench: AthenaServer, account: Account) -> Iterator[AthenaServer]:
    """The bench with what the module put there, and a log that starts with the test."""
    bench.log.clear()
    yield bench
    left = bench.faults.left
    bench.faults.clear()
    assert left == 0, "a planned fault was never met"


# ---------------------------------------------------------------- the six queries in plain Python


def last(value: Any) -> tuple[bool, Any]:
    """A sort key with NULL after everything else, as Athena orders it."""
    return value is None, value if value is not None else 0


def falling(value: int | None) -> tuple[bool, int]:
    """The same for DESC, where NULL comes last too."""
    return value is None, -(value or 0)


def top_talkers(lines: list[Line], limit: int = 50) -> list[tuple]:
    sides = defaultdict(list)
    for line in lines:
        for side in ("srcaddr", "dstaddr"):
            if line.record[side] != "-":
                sides[line.record[side]].append(line)
    rows = [
        (
            address,
            total(line.number("bytes") for line in found),
            total(line.number("packets") for line in found),
            len(found),
        )
        for address, found in sides.items()
    ]
    return sorted(rows, key=lambda row: (falling(row[1]), row[0]))[:limit]


def ssh_rdp_traffic(lines: list[Line], limit: int = 50) -> list[tuple]:
    groups = defaultdict(list)
    for line in lines:
        if line.number("dstport") in (22, 3389):
            record = line.record
            key = record["srcaddr"], record["dstaddr"], line.number("dstport"), record["action"]
            groups[key].append(line)
    rows = [
        (
            *key,
            len(found),
            total(line.number("packets") for line in found),
            total(line.number("bytes") for line in found),
        )
        for key, found in groups.items()
    ]
    return sorted(rows, key=lambda row: (-row[4], row[:4]))[:limit]


def traffic_from_source(lines: list[Line], ip: str, limit: int = 100) -> list[tuple]:
    rows = [
        (
            datetime.fromtimestamp(line.number("end"), UTC).replace(tzinfo=None),
            line.record["srcaddr"],
            line.record["dstaddr"],
            line.number("srcport"),
            line.number("dstport"),
            line.number("protocol"),
            line.record["action"],
            line.number("packets"),
            line.number("bytes"),
        )
        for line in lines
        if line.record["srcaddr"] == ip
    ]
    rows.sort(key=lambda row: tuple(map(last, row[2:])))
    return sorted(rows, key=lambda row: row[0], reverse=True)[:limit]


def daily_trend(lines: list[Line], bucket: str = "day") -> list[tuple]:
    groups = defaultdict(list)
    for line in lines:
        moment = datetime.fromtimestamp(line.number("end"), UTC).replace(tzinfo=None)
        cut = moment.replace(minute=0, second=0)
        groups[cut if bucket == "hour" else cut.replace(hour=0)].append(line)
    return [
        (
            moment,
            sum(line.record["action"] == "ACCEPT" for line in found),
            sum(line.record["action"] == "REJECT" for line in found),
            total(line.number("packets") for line in found) or 0,
            total(line.number("bytes") for line in found) or 0,
        )
        for moment, found in sorted(groups.items())
    ]


PLAIN: dict[str, Callable[..., list[tuple]]] = {
    "reject-report": reject_report,
    "top-talkers": top_talkers,
    "ssh-rdp-traffic": ssh_rdp_traffic,
    "traffic-from-source": traffic_from_source,
    "log-status-summary": log_status_summary,
    "daily-trend": daily_trend,
}
COLUMNS = {
    "reject-report": ["srcaddr", "rejects", "packets", "bytes", "dst_ports"],
    "top-talkers": ["addr", "bytes", "packets", "flows"],
    "ssh-rdp-traffic": [
        *("srcaddr", "dstaddr", "dstport", "action", "flows", "packets", "bytes"),
    ],
    "traffic-from-source": [
        *("time", "srcaddr", "dstaddr", "srcport", "dstport"),
        *("protocol", "action", "packets", "bytes"),
    ],
    "log-status-summary": ["log_status", "records"],
    "daily-trend": ["bucket", "accepted", "rejected", "packets", "bytes"],
}
"""As cli.md has them: scripts rely on the names and on their order."""

WINDOWS = {
    "7d": Window(NOW - timedelta(days=7), NOW),
    "day": Window(MIDNIGHT - timedelta(days=1), MIDNIGHT),
    "hours": Window(
        MIDNIGHT - timedelta(hours=3, minutes=17), MIDNIGHT + timedelta(minutes=40, seconds=1)
    ),
    "one account": Window(NOW - timedelta(days=2), NOW, accounts=(ACCOUNTS[1],)),
    "one region": Window(
        MIDNIGHT - timedelta(days=1), MIDNIGHT, accounts=ACCOUNTS, regions=(REGIONS[0],)
    ),
}
GIVEN: dict[str, tuple[dict[str, Any], ...]] = {
    "reject-report": ({}, {"limit": 7, "min_count": 3}),
    "top-talkers": ({}, {"limit": 3}),
    "ssh-rdp-traffic": ({}, {"limit": 4}),
    "traffic-from-source": ({"ip": "busiest"}, {"ip": "2001:db8:bad:c0de::3389", "limit": 9}),
    "log-status-summary": ({},),
    "daily-trend": ({}, {"bucket": "hour"}),
}
CASES = [
    pytest.param(name, given, title, id=f"{name}-{'set' if number else 'default'}-{title}")
    for name, several in GIVEN.items()
    for number, given in enumerate(several)
    for title in (WINDOWS if number == 0 else ("7d",))
]


def test_every_saved_query_is_worked_out_here() -> None:
    """Each has an answer in plain Python, columns and parameters; tests/queries has all others."""
    assert PLAIN.keys() == COLUMNS.keys() == GIVEN.keys()
    assert PLAIN.keys() <= LIBRARY.keys()


@pytest.mark.parametrize(("name", "given", "title"), CASES)
def test_both_engines_and_plain_python_agree(
    demo: Both, aws: AthenaServer, name: str, given: dict[str, Any], title: str
) -> None:
    """Columns, types, rows and their order; the estimate and what was scanned, to the byte."""
    window = WINDOWS[title]
    if given.get("ip") == "busiest":
        given = {"ip": busiest(demo.within(window))}
    texts = [f"{key}={value}" for key, value in given.items()]
    found = [stand.run(stand.bind(name, texts, window)) for stand in demo]
    expected = PLAIN[name](demo.within(window), **given)
    assert expected, "a case without rows shows nothing"
    for _, result in found:
        assert [column for column, _ in result.columns] == COLUMNS[name]
        assert [tuple(row) for row in result.rows] == expected
    (ours, athena), (theirs, duckdb) = found
    assert athena.columns == duckdb.columns
    assert ours.sql == theirs.sql
    size = sum(path.stat().st_size for path in demo.kept(window))
    for estimate, result in found:
        assert (estimate.size_bytes, estimate.certainty) == (size, "exact")
        assert estimate.objects == len(demo.kept(window))
        assert result.scanned_bytes == size
    assert ours.partitions == theirs.partitions == len({p.parent for p in demo.kept(window)})
    assert athena.query_id
    assert duckdb.notes == ()


def busiest(lines: list[Line]) -> str:
    counts = Counter(line.record["srcaddr"] for line in lines)
    del counts["-"]
    return max(counts, key=lambda address: (counts[address], address))


def test_the_estimate_prunes(demo: Both, aws: AthenaServer) -> None:
    """Fewer partitions are read for a day than for a week, and fewer for one account."""
    sizes = {title: sum(p.stat().st_size for p in demo.kept(w)) for title, w in WINDOWS.items()}
    assert 0 < sizes["one region"] < sizes["day"] < sizes["7d"]
    assert len(demo.kept(WINDOWS["7d"])) == len(demo.kept(Window()))


def test_a_window_without_partitions(demo: Both, aws: AthenaServer) -> None:
    """Days that nobody registered: no rows, nothing scanned, the columns all the same."""
    window = Window(NOW - timedelta(days=400), NOW - timedelta(days=390))
    for stand in demo:
        estimate, result = stand.run(stand.bind("reject-report", [], window))
        assert (estimate.size_bytes, estimate.partitions, estimate.objects) == (0, 0, 0)
        assert (list(result.rows), result.scanned_bytes) == ([], 0)
        assert [column for column, _ in result.columns] == COLUMNS["reject-report"]


def test_all_fields_in_another_order(account: Account, aws: AthenaServer, tmp_path: Path) -> None:
    """54 fields backwards: every column of every record is the same text on both engines."""
    root = tmp_path / "tree"
    write_demo(root, MIDNIGHT + timedelta(minutes=30), fmt=BACKWARDS, days=1)
    both = stands(account, root, "backwards", BACKWARDS)
    names = ", ".join(f'"{f.column}"' for f in BACKWARDS.fields)
    order = ", ".join(str(n) for n in range(1, len(VPC) + 1))
    text = f"SELECT {names} FROM {{table}} WHERE {{window}} ORDER BY {order}"
    athena, duckdb = (stand.run(stand.sql(text))[1] for stand in both)
    assert athena.columns == duckdb.columns
    assert list(map(tuple, athena.rows)) == list(map(tuple, duckdb.rows))
    lines = list(read_lines(both.kept(Window())))
    assert len(lines) > 100
    expected = [
        tuple(
            line.record[f.name] if f.athena_type == "string" else line.number(f.name)
            for f in BACKWARDS.fields
        )
        for line in lines
    ]
    assert Counter(map(tuple, duckdb.rows)) == Counter(expected)
    both.duckdb.catalog.close()  # type: ignore[attr-defined]  # the local one


# ---------------------------------------------------------------- what a line of text means

_HEAD = "2 123456789012 eni-{} 10.0.0.1 10.0.0.2 {} 22 6 {} {} 1795000000 1795000060 {}"
TEXTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "a whole row": (
        "2 123456789012 eni-1 10.0.0.1 10.0.0.2 4 22 6 5 840 1795000000 1795000060 ACCEPT OK",
        (2, "123456789012", "eni-1", "10.0.0.1", "10.0.0.2", 4, 22, 6, 5, 840)
        + (1795000000, 1795000060, "ACCEPT", "OK"),
    ),
    "missing trailing fields": (
        "2 123456789012 eni-2 10.0.0.1 10.0.0.2 4",
        (2, "123456789012", "eni-2", "10.0.0.1", "10.0.0.2", 4) + (None,) * 8,
    ),
    "extra fields": (
        "2 1 eni-3 a b 4 22 6 5 840 1795000000 1795000060 ACCEPT OK more and more",
        (2, "1", "eni-3", "a", "b", 4, 22, 6, 5, 840, 1795000000, 1795000060, "ACCEPT", "OK"),
    ),
    "hyphens": (
        "2 1 eni-4 - - - - - - - 1795000000 1795000060 - NODATA",
        (2, "1", "eni-4", "-", "-", *(None,) * 5, 1795000000, 1795000060, "-", "NODATA"),
    ),
    "fractions are cut off": (
        "1.9 1 eni-5 a b 1.5 -1.9 6. 0.999 -0.5 1795000000.9 2 ACCEPT OK",
        (1, "1", "eni-5", "a", "b", 1, -1, 6, 0, 0, 1795000000, 2, "ACCEPT", "OK"),
    ),
    "signs and zeros": (
        "+5 007 eni-6 a b +443 0022 -6 +007 -0 00 +1 +5 007",
        (5, "007", "eni-6", "a", "b", 443, 22, -6, 7, 0, 0, 1, "+5", "007"),
    ),
    "null marks": (
        r"\N \N eni-7 \N b \N 22 6 5 \N 1 2 \N \N",
        (None, None, "eni-7", None, "b", None, 22, 6, 5, None, 1, 2, None, None),
    ),
    "overflow of int": (
        "2147483647 1 eni-8 a b 2147483648 -2147483648 -2147483649 99999999999 1 1 2 A OK",
        (2147483647, "1", "eni-8", "a", "b", None, -2147483648, -2147483649, 99999999999)
        + (1, 1, 2, "A", "OK"),
    ),
    "overflow of bigint": (
        "2 1 eni-9 a b 4 22 6 9223372036854775807 9223372036854775808 -9223372036854775808"
        " 99999999999999999999999999999999999999999999 A OK",
        (2, "1", "eni-9", "a", "b", 4, 22, 6, 9223372036854775807, None)
        + (-9223372036854775808, None, "A", "OK"),
    ),
    "no numbers": (
        "two 1 eni-10 a b 1e3 0x16 1,5 5x 1_000 NaN ١٢ A OK",
        (None, "1", "eni-10", "a", "b", *(None,) * 7, "A", "OK"),
    ),
    "two spaces make an empty field": (
        "2  eni-11  b 4 22 6 5 840 1 2 A OK",
        (2, "", "eni-11", "", "b", 4, 22, 6, 5, 840, 1, 2, "A", "OK"),
    ),
    "a space in front": (
        " 2 eni-12 a b 4 22 6 5 840 1 2 A OK",
        (None, "2", "eni-12", "a", "b", 4, 22, 6, 5, 840, 1, 2, "A", "OK"),
    ),
    "a space behind": (
        "2 1 eni-13 a b 4 22 6 5 840 1 2 A ",
        (2, "1", "eni-13", "a", "b", 4, 22, 6, 5, 840, 1, 2, "A", ""),
    ),
    "a tab is no space": (
        "2\t1 eni-14 a b 4 22\t 6 5 840 1 2 A OK",
        (None, "eni-14", "a", "b", "4", None, 6, 5, 840, 1, 2, None, "OK", None),
    ),
    "quotes and commas are text": (
        '2 "1 eni-15 \'a\' "b" 4 22 6 5 840 1 2 A,B # ',
        (2, '"1', "eni-15", "'a'", '"b"', 4, 22, 6, 5, 840, 1, 2, "A,B", "#"),
    ),
    "other scripts": (
        "2 1 eni-16 données 日本🙂 4 22 6 5 840 1 2 A OK",
        (2, "1", "eni-16", "données", "日本🙂", 4, 22, 6, 5, 840, 1, 2, "A", "OK"),
    ),
    "a blank line": ("", (None,) * 14),
}
SELECT = (
    "SELECT {columns} FROM {{table}} WHERE {{window}} ORDER BY interface_id, account_id, bytes"
).format(columns=", ".join(f'"{column}"' for column in DEFAULT.columns))


def write_day(root: Path, day: str, files: dict[str, bytes]) -> None:
    folder = root / f"AWSLogs/{ACCOUNTS[0]}/vpcflowlogs/{REGIONS[0]}/{day}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def text_of(*lines: str, end: str = "\n") -> bytes:
    return "".join(line + end for line in (DEFAULT.header, *lines)).encode()


ROW = TEXTS["a whole row"][0]
OTHER = ROW.replace("eni-1", "eni-2")
ONE, TWO = TEXTS["a whole row"][1], (2, "123456789012", "eni-2", *TEXTS["a whole row"][1][3:])
FILES: dict[str, tuple[bytes, list[tuple]]] = {
    "two-members.log.gz": (
        gzip.compress(text_of(ROW)) + gzip.compress(f"{OTHER}\n".encode()),
        [ONE, TWO],
    ),
    "plain.log": (text_of(ROW, OTHER), [ONE, TWO]),
    "no-newline.log": (text_of(ROW, OTHER)[:-1], [ONE, TWO]),
    "crlf.log": (text_of(ROW, OTHER, end="\r\n"), [ONE, TWO]),
    "header-only.log.gz": (gzip.compress(text_of()), []),
    "empty.log": (b"", []),
    "empty.log.gz": (gzip.compress(b""), []),
    "not-utf8.log": (
        text_of(ROW.replace("10.0.0.1", "\0")).replace(b"\0", b"\xff"),
        [(*ONE[:3], "\ufffd", *ONE[4:])],
    ),
    "_hidden.log": (text_of(ROW), []),
}


@pytest.fixture(scope="module")
def texts(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """One day for each odd line, and one for each odd file."""
    root = tmp_path_factory.mktemp("texts")
    for number, (line, _) in enumerate(TEXTS.values(), 1):
        write_day(root, f"2026/01/{number:02}", {"x.log.gz": gzip.compress(text_of(line))})
    for number, (name, (data, _)) in enumerate(FILES.items(), 1):
        write_day(root, f"2026/02/{number:02}", {name: data})
    write_day(root, "2026/03/01", {"many.log": text_of(*many_rows(2_500))})
    write_day(root, "2026/03/02", {"large.log": text_of("x" * 10_500_000)})
    both = stands(account, root, "texts", DEFAULT)
    yield both
    both.duckdb.catalog.close()  # type: ignore[attr-defined]  # the local one


def many_rows(count: int) -> list[str]:
    """Records of one source that only differ in time, port and size, several of them in none."""
    return [
        f"2 1 eni-1 10.9.9.9 10.0.0.{n % 3} {n % 7} 22 6 5 {n % 11} 1"
        f" {1772323200 + n % 400} ACCEPT OK"
        for n in range(count)
    ]


@pytest.mark.parametrize("limit", [999, 1_000, 1_001, 3_000])
def test_more_rows_than_a_page(texts: Both, aws: AthenaServer, limit: int) -> None:
    """Athena gives 1,000 rows a page, the header among them; all come, in order."""
    folder = texts.root / f"AWSLogs/{ACCOUNTS[0]}/vpcflowlogs/{REGIONS[0]}/2026/03/01"
    expected = traffic_from_source(list(read_lines(folder.iterdir())), "10.9.9.9", limit)
    assert len(expected) == min(limit, 2_500)
    window = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    for stand in texts:
        bound = stand.bind("traffic-from-source", ["ip=10.9.9.9", f"limit={limit}"], window)
        assert [tuple(row) for row in stand.run(bound)[1].rows] == expected


def of_day(both: Both, day: str) -> list[list[tuple]]:
    """What each engine reads of one day, by the partition alone."""
    statement = SELECT.replace("{window}", f"\"date\" = '{day}'")
    return [[tuple(row) for row in stand.run(stand.sql(statement))[1].rows] for stand in both]


@pytest.mark.parametrize("title", TEXTS)
def test_a_line_means_what_athena_says(texts: Both, aws: AthenaServer, title: str) -> None:
    """LazySimpleSerDe's rules for short, long and odd lines, on both engines alike."""
    day = f"2026-01-{list(TEXTS).index(title) + 1:02}"
    expected = TEXTS[title][1]
    athena, duckdb = of_day(texts, day)
    assert athena == [expected]
    assert duckdb == [expected]


@pytest.mark.parametrize("title", FILES)
def test_a_file_holds_the_same_rows_for_both(texts: Both, aws: AthenaServer, title: str) -> None:
    """Members of gzip, ends of lines, empty and hidden files: the same rows on both engines."""
    day = f"2026-02-{list(FILES).index(title) + 1:02}"
    expected = FILES[title][1]
    athena, duckdb = of_day(texts, day)
    assert athena == expected
    assert duckdb == expected


def test_odd_lines_are_counted_in_the_notes(texts: Both, aws: AthenaServer) -> None:
    """The embedded engine says how many lines were short or long, and whose end is no number."""
    statement = texts.duckdb.sql(SELECT.replace("{window}", "\"date\" LIKE '2026-01-%'"))
    notes = texts.duckdb.run(statement)[1].notes
    odd = sum(len(line.split(" ")) != 14 for line, _ in TEXTS.values())
    no_end = sum(row[11] is None for _, row in TEXTS.values())
    counts = {tuple(map(int, re.findall(r": (\d+)", note))) for note in notes}
    assert len(notes) == 2
    assert counts == {(odd,), (no_end,)}
    first = next(n for n, (line, _) in enumerate(TEXTS.values(), 1) if len(line.split(" ")) != 14)
    assert f"/2026/01/{first:02}/x.log.gz:2" in "".join(notes)


def test_empty_files_are_named_in_the_notes(texts: Both, aws: AthenaServer) -> None:
    """A file that holds nothing is told, by name, and the query goes on."""
    statement = texts.duckdb.sql(SELECT.replace("{window}", "\"date\" LIKE '2026-02-%'"))
    _, result = texts.duckdb.run(statement)
    (note,) = [note for note in result.notes if "empty" in note]
    assert "2 files" in note
    assert "/empty.log" in note
    assert "/empty.log.gz" in note
    assert len(result.rows) == sum(len(rows) for _, rows in FILES.values())


# ---------------------------------------------------------------- failures


def newest(account: Account, group: str = "primary") -> dict[str, Any]:
    """The last query that a workgroup was given, as it stands."""
    athena = account.client("athena")
    number = athena.list_query_executions(WorkGroup=group)["QueryExecutionIds"][0]
    found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]
    return found


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT nosuch FROM {table}", "nosuch"),
        ("SELECT srcaddr FROM {table} WHERE nosuch = 1", "nosuch"),
        ("SELECT 1 / 0 AS x FROM {table}", "by zero"),
    ],
)
def test_what_an_engine_refuses_is_an_engine_error(
    demo: Both, account: Account, aws: AthenaServer, statement: str, said: str
) -> None:
    """The engine's reason in one line; Athena's with the id of the query that failed."""
    for stand in demo:
        with pytest.raises(EngineError, match=said) as caught:
            stand.run(stand.sql(statement))
        assert caught.value.code == 1
        assert "\n" not in str(caught.value)
        if stand.engine.name == "athena":
            execution = newest(account)
            assert execution["Status"]["State"] == "FAILED"
            assert caught.value.query_id == execution["QueryExecutionId"]
            assert caught.value.query_id in str(caught.value)


@pytest.mark.parametrize("over", [False, True], ids=["at", "over"])
@pytest.mark.parametrize("what", ["bytes", "usd"])
def test_over_budget_nothing_is_started(
    demo: Both, aws: AthenaServer, what: str, over: bool
) -> None:
    """One byte or a fraction of a cent too much is refused before a statement is sent."""
    for stand in demo:
        bound = stand.bind("reject-report", [], WINDOWS["7d"])
        size = sum(path.stat().st_size for path in demo.kept(WINDOWS["7d"]))
        floor = math.ceil(10 * 2**20) * 5 / 10**12
        most = Budget(max_bytes=size - over) if what == "bytes" else Budget(floor - over * 1e-9)
        aws.log.clear()
        if over:
            with pytest.raises(OverBudget) as caught:
                stand.run(bound, most)
            assert caught.value.code == 4
        else:
            assert stand.run(bound, most)[1].scanned_bytes == size
        started = len(aws.statements)
        assert started == (0 if over or stand.engine.name == "duckdb" else 1)


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDeniedException", AccessDenied), ("ExpiredTokenException", NoCredentials)],
)
@pytest.mark.parametrize(
    "operation", ["StartQueryExecution", "GetQueryExecution", "GetQueryResults"]
)
def test_what_athena_denies(
    demo: Both, aws: AthenaServer, operation: str, code: str, error: type[AthenaFlowError]
) -> None:
    """Denied and expired are told apart at every call of a query, with AWS's reason."""
    aws.faults.add(f"AmazonAthena.{operation}", code, message="the reason")
    with pytest.raises(error, match="the reason"):
        demo.athena.run(demo.athena.bind("log-status-summary", [], WINDOWS["day"]))


def test_a_throttled_query_is_repeated(demo: Both, aws: AthenaServer) -> None:
    """Athena's "rate exceeded" is waited out, and the statement runs once."""
    for operation in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults"):
        aws.faults.add(f"AmazonAthena.{operation}", "ThrottlingException")
    bound = demo.athena.bind("log-status-summary", [], WINDOWS["day"])
    _, result = demo.athena.run(bound)
    expected = log_status_summary(demo.within(WINDOWS["day"]))
    assert [tuple(row) for row in result.rows] == expected


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"workgroup": "nope"}, NotFound, "nope"),
        ({"output_location": None}, BadSetting, "output location"),
        ({"output_location": "s3://no-such-bucket/x/"}, NotFound, "no-such-bucket"),
    ],
    ids=["workgroup", "no output location", "output bucket"],
)
def test_where_athena_cannot_work(
    demo: Both,
    account: Account,
    aws: AthenaServer,
    settings: dict[str, str | None],
    error: type[AthenaFlowError],
    said: str,
) -> None:
    """A missing workgroup, output location or output bucket is named, and no query is started."""
    stand = replace(demo.athena, engine=athena_engine(account, **settings))
    with pytest.raises(error, match=said):
        stand.run(stand.bind("log-status-summary", [], WINDOWS["day"]))


def test_a_workgroup_with_its_own_output_location(
    demo: Both, account: Account, aws: AthenaServer
) -> None:
    """Without --output-location the workgroup's is used, and the query runs in that workgroup."""
    where = {"ResultConfiguration": {"OutputLocation": "s3://results/team/"}}
    account.client("athena").create_work_group(Name="team", Configuration=where)
    stand = replace(
        demo.athena, engine=athena_engine(account, workgroup="team", output_location=None)
    )
    _, result = stand.run(stand.bind("log-status-summary", [], WINDOWS["day"]))
    found = account.client("athena").get_query_execution(QueryExecutionId=result.query_id)
    execution = found["QueryExecution"]
    assert execution["WorkGroup"] == "team"
    assert execution["ResultConfiguration"]["OutputLocation"].startswith("s3://results/team/")
    assert result.rows


def test_a_query_that_the_workgroup_cuts_off(
    texts: Both, account: Account, aws: AthenaServer
) -> None:
    """A scan over the workgroup's own limit ends in EngineError with reason and query id."""
    limits = {"BytesScannedCutoffPerQuery": 10_000_000}
    account.client("athena").create_work_group(Name="cheap", Configuration=limits)
    stand = replace(texts.athena, engine=athena_engine(account, workgroup="cheap"))
    with pytest.raises(EngineError, match="Bytes scanned limit") as caught:
        stand.run(stand.sql("SELECT count(*) AS n FROM {table} WHERE \"date\" = '2026-03-02'"))
    execution = newest(account, "cheap")
    assert execution["Status"]["State"] == "CANCELLED"
    assert caught.value.query_id == execution["QueryExecutionId"]
