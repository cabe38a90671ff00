"""`discover` and the look at a bucket behind it: what lies there, in how many tables."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from athena_server import AthenaServer
from conftest import NOW, Ran, put_tree

from athena_flow import days, demo, survey
from athena_flow.blocks import Block, blocks, described_blocks
from athena_flow.described import FlowLog, flow_log
from athena_flow.engines.duckdb import parquet_columns
from athena_flow.errors import AccessDenied, BadFile, NotFound
from athena_flow.layout import DAILY, LAYOUTS, ROOT, Layout, Partition
from athena_flow.local import DirStore
from athena_flow.logformat import DEFAULT, LogFormat, parse_format
from athena_flow.ports import Level, ObjectInfo
from athena_flow.samples import text_of
from athena_flow.survey import Survey
from athena_flow.window import DAY, Window

ACCOUNT, OTHER = "111122223333", "444455556666"
REGION = "us-east-1"
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
LAST = datetime(2026, 11, 20, 23, 55, tzinfo=UTC)
TGW = parse_format("default-tgw")
HIVE = LAYOUTS["hive-daily"]
SERVICE = replace(HIVE, template=HIVE.template.replace("aws-service", "service"))
ORGANISATION = replace(DAILY, template=DAILY.template.replace(ROOT, f"{ROOT}o-a1b2c3d4e5/"))

Cli = Callable[..., Ran]


class Tree:
    """A tree of small log files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.location = f"{root.as_posix()}/"

    def put(
        self,
        at: datetime,
        fmt: LogFormat | None = DEFAULT,
        *,
        layout: Layout = DAILY,
        source: tuple[str, str] = (ACCOUNT, REGION),
        flow_log: str = "fl-0a",
        lines: Sequence[str] = (),
        name: str = "",
    ) -> Path:
        stamp = f"{source[0]}_vpcflowlogs_{source[1]}_{flow_log}_{at:%Y%m%dT%H%MZ}_0a.log.gz"
        path = self.root / layout.prefix(Partition(*source, at)) / (name or stamp)
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {"end": str(int(at.timestamp())), "log-status": "OK"}
        rows = lines or (demo.lines(fmt, [values]) if fmt else ())
        path.write_bytes(gzip.compress("".join(f"{row}\n" for row in rows).encode()))
        return path

    def parquet(self, at: datetime, names: str, flow_log: str = "fl-0a") -> Path:
        path = self.put(at, flow_log=flow_log, name=f"x_{flow_log}_{at:%Y%m%dT%H%MZ}_.log.parquet")
        columns = ", ".join(f"7 AS {f.column}" for f in parse_format(names).fields)
        with duckdb.connect() as db:
            db.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")
        return path

    def look(self, window: Window | None = None) -> Survey:
        return survey.survey(self.location, DirStore(), parquet_columns, window or Window())

    def blocks(self) -> list[Block]:
        return blocks(self.location, self.look().samples)


class Listed:
    """A store that keeps what was listed, and refuses what it is told to."""

    def __init__(self, store: DirStore, refused: Collection[str] = ()) -> None:
        self.store, self.refused = store, refused
        self.listed: list[str] = []

    def _check(self, doing: str, uri: str) -> None:
        self.listed.append(uri)
        if any(part in uri for part in self.refused):
            raise AccessDenied(f"{doing} {uri}: AccessDenied: no")

    def level(self, prefix: str) -> Level:
        self._check("listing", prefix)
        return self.store.level(prefix)

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self._check("listing", prefix)
        return self.store.objects(prefix)

    def read(self, uri: str, most: int | None) -> bytes:
        self._check("reading", uri)
        return self.store.read(uri, most)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "bucket")


def one(found: Sequence[Block]) -> Block:
    (block,) = found
    return block


# ---------------------------------------------------------------- what lies there


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), SERVICE, ORGANISATION],
                         ids=[*LAYOUTS, "service", "organisation"])  # fmt: skip
def test_every_layout_is_recognised(tree: Tree, layout: Layout) -> None:
    """Accounts, regions, first and last day, and a key by which the layout can be named."""
    tree.put(FIRST, layout=layout)
    tree.put(LAST, layout=layout, source=(OTHER, "eu-west-1"), flow_log="fl-0b")
    block = one(tree.blocks())
    assert block.layout.template == layout.template
    assert (block.format, block.file_type) == (DEFAULT, "text")
    assert (block.accounts, block.regions) == ((ACCOUNT, OTHER), ("eu-west-1", REGION))
    assert (block.first, block.last) == (FIRST.date(), LAST.date())
    assert block.flow_logs == ("fl-0a", "fl-0b")
    assert (tree.root / block.example).is_file()


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1", "ap-southeast-7"])
def test_regions_of_every_partition_of_aws(tree: Tree, region: str) -> None:
    """GovCloud's and China's regions are named otherwise."""
    tree.put(FIRST, source=(ACCOUNT, region))
    assert one(tree.blocks()).regions == (region,)


def test_a_custom_prefix(tmp_path: Path) -> None:
    """Whatever stands before AWSLogs/ is the location."""
    tree = Tree(tmp_path / "a" / "b=c" / "d")
    tree.put(FIRST)
    assert one(tree.blocks()).location == f"{tmp_path.as_posix()}/a/b=c/d/"


def test_only_the_ends_of_an_open_window_are_read(tree: Tree) -> None:
    """A year of logs costs no more than its first and last day."""
    for n in range(30):
        tree.put(FIRST + n * DAY)
    found = tree.look()
    assert [s.at.day for s in found.samples] == [1, 30]
    assert found.keys == 2


def test_every_day_of_a_closed_window_is_read(tree: Tree) -> None:
    """The first and the last text object of each day, with what their rows say."""
    for n in range(5):
        for hour in (1, 9, 17):
            tree.put(FIRST + n * DAY + timedelta(hours=hour))
    found = tree.look(Window(FIRST + DAY, FIRST + 4 * DAY))
    assert [(s.at.day, s.at.hour) for s in found.samples] == [
        (day, hour) for day in (2, 3, 4) for hour in (1, 17)
    ]
    assert found.keys == 9
    rows = found.samples[0].rows
    assert rows is not None
    assert (rows.rows, rows.fields, rows.nodata, rows.outside_slot) == (1, 14, 0, 0)


def test_a_closed_window_may_be_empty(tree: Tree) -> None:
    """No logs on those days is an answer; no logs at all is an error."""
    tree.put(FIRST)
    assert tree.look(Window(LAST, LAST + DAY)) == Survey((), (), 0)
    with pytest.raises(NotFound, match="no flow logs below") as caught:
        Tree(tree.root.parent).look()
    assert caught.value.hint == f"{tree.root.parent.as_posix()}/ holds: bucket/"


def test_the_windows_accounts_and_regions(tree: Tree) -> None:
    """What the window does not name is not listed."""
    for source in ((ACCOUNT, REGION), (ACCOUNT, "eu-west-1"), (OTHER, REGION)):
        tree.put(FIRST, source=source)
    found = tree.look(Window(accounts=(ACCOUNT,), regions=(REGION,)))
    assert [s.source for s in found.samples] == [(ACCOUNT, REGION)]


# ---------------------------------------------------------------- several of them


def test_several_flow_logs_of_different_formats(tree: Tree) -> None:
    """Text goes by position: one block each, and the warning says why no table reads both."""
    other = parse_format(f"vpc-id {DEFAULT.header}")
    tree.put(FIRST)
    tree.put(LAST)
    tree.put(FIRST, other, flow_log="fl-0b")
    found = tree.look()
    assert [(b.format, b.flow_logs) for b in blocks(tree.location, found.samples)] == [
        (DEFAULT, ("fl-0a",)),
        (other, ("fl-0b",)),
    ]
    (warning,) = survey.warnings(found)
    assert "text logs of several formats lie in the same folders" in warning
    assert f"{ACCOUNT}/{REGION}" in warning


def test_a_format_that_only_goes_on(tree: Tree) -> None:
    """The same fields and more after them: one table reads both, so it is one block."""
    longer, other = (parse_format(f"{DEFAULT.header} {more}") for more in ("vpc-id", "az-id"))
    tree.put(FIRST)
    tree.put(LAST, longer, flow_log="fl-0b")
    found = tree.look()
    (block,) = blocks(tree.location, found.samples)
    assert (block.format, block.flow_logs) == (longer, ("fl-0a", "fl-0b"))
    assert survey.warnings(found) == []
    tree.put(LAST, other, flow_log="fl-0c")
    three = blocks(tree.location, tree.look().samples)
    assert {b.format for b in three} == {DEFAULT, longer, other}


def test_a_format_that_changed(tree: Tree) -> None:
    """One after the other is no mixture: a prefix of its own would come too late."""
    tree.put(FIRST)
    tree.put(LAST, parse_format("srcaddr end"), flow_log="fl-0b")
    (warning,) = survey.warnings(tree.look())
    assert warning.startswith(f"text logs changed their format: {ACCOUNT}/{REGION};")


def test_formats_in_two_layouts_lie_apart(tree: Tree) -> None:
    """Hive-compatible folders and plain ones of the same account need no warning."""
    tree.put(FIRST)
    tree.put(FIRST, parse_format("srcaddr end"), layout=HIVE)
    assert survey.warnings(tree.look()) == []


def test_hours_lie_in_the_folders_of_their_days(tree: Tree) -> None:
    """A table of days reads them, too, so another format there is in the same folders."""
    tree.put(FIRST)
    tree.put(FIRST, parse_format("srcaddr end"), layout=LAYOUTS["hourly"])
    (warning,) = survey.warnings(tree.look())
    assert "text logs of several formats lie in the same folders" in warning


def test_different_formats_in_different_accounts_need_no_warning(tree: Tree) -> None:
    """Their folders are apart, so a table each reads them."""
    tree.put(FIRST)
    tree.put(FIRST, parse_format("srcaddr end"), source=(OTHER, REGION))
    assert survey.warnings(tree.look()) == []
    assert len(tree.blocks()) == 2


def test_transit_gateway_logs_beside_vpc_logs(tree: Tree) -> None:
    """The same folders, told apart by the flow log's id in the file names."""
    tree.put(FIRST)
    tree.put(FIRST, TGW, flow_log="fl-0f")
    found = {b.format.kind: b for b in tree.blocks() if b.format}
    assert found["tgw"].flow_logs == ("fl-0f",)
    assert found["tgw"].format == TGW
    assert found["vpc"].flow_logs == ("fl-0a",)


def test_many_files_of_one_flow_log_hide_no_other(tree: Tree) -> None:
    """A day has 288 slots, and a folder several flow logs: all of them are seen."""
    for n in range(600):
        tree.put(FIRST, name=f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-0a_20261101T0000Z_{n:04}.log.gz")
    tree.put(FIRST, TGW, flow_log="fl-0f")
    assert len(tree.blocks()) == 2


def test_parquet_of_several_formats_is_one_block(tree: Tree) -> None:
    """Read by name: the table over all of them has every field."""
    tree.parquet(FIRST, "srcaddr dstaddr")
    tree.parquet(FIRST, "srcaddr bytes", flow_log="fl-0b")
    block = one(tree.blocks())
    assert block.file_type == "parquet"
    assert block.format == parse_format("srcaddr dstaddr bytes")


def test_parquet_columns_keep_their_types(tree: Tree) -> None:
    """So that a table can be held against them."""
    tree.parquet(FIRST, "srcport")
    (sample,) = tree.look().samples
    assert sample.columns == (("srcport", "integer"),)
    assert sample.misfits == ()


def test_parquet_of_other_types_than_aws_writes(tree: Tree) -> None:
    """Converters write ports as text, which no table of ours reads: named, with the types."""
    path = tree.parquet(FIRST, "srcport protocol end")
    select = "'22' AS srcport, 6::BIGINT AS protocol, 7 AS \"end\", 1.5 AS brand_new"
    with duckdb.connect() as db:
        db.execute(f"COPY (SELECT {select}) TO '{path}' (FORMAT parquet)")
    found = tree.look()
    assert found.samples[0].misfits == (
        ("srcport", "varchar", "int"),
        ("brand_new", "decimal(2,1)", "string"),
    )
    warning = survey.warnings(found)[-1]
    assert "srcport is varchar, not int, brand_new is decimal(2,1), not string: 1 file" in warning
    assert str(path) in warning


def test_text_and_parquet_are_two_blocks(tree: Tree) -> None:
    """No table reads both."""
    tree.put(FIRST)
    tree.parquet(FIRST, "srcaddr")
    assert {b.file_type for b in tree.blocks()} == {"text", "parquet"}
    assert survey.warnings(tree.look())[0].startswith("text and Parquet lie in the same folders")


def test_vpc_and_transit_gateway_parquet_is_one_block(tree: Tree) -> None:
    """Read by name, one table has the fields of both, and is called so."""
    tree.parquet(FIRST, "srcaddr action")
    tree.parquet(FIRST, "srcaddr tgw-id", flow_log="fl-0f")
    block = one(tree.blocks())
    assert block.format is not None
    assert block.format.header == "srcaddr action tgw-id"
    assert block.format.kind_title == "VPC and Transit Gateway"


# ---------------------------------------------------------------- what is odd


BASE = f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/"
HIVE_BASE = f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region={REGION}/"
STRAYS = [
    "AWSLogs/x.log.gz",
    f"{BASE}x.log.gz",
    f"{BASE}2026/x.log.gz",
    f"{BASE}2026/11/x.log.gz",
    f"{BASE}2026/13/01/x.log.gz",
    f"{BASE}2026/Nov/x.log.gz",
    f"{BASE}2026/11/31/x.log.gz",
    f"{BASE}2026/11/20/24/x.log.gz",
    f"{BASE}26/11/20/x.log.gz",
    f"AWSLogs/{ACCOUNT}/x.log.gz",
    f"AWSLogs/{ACCOUNT}/vpcflowlogs/x.log.gz",
    f"AWSLogs/{ACCOUNT}/vpcflowlogs/us_east_1/2026/11/20/x.log.gz",
    f"AWSLogs/{ACCOUNT}/VPCFlowLogs/{REGION}/2026/11/20/x.log.gz",
    f"AWSLogs/{ACCOUNT}/flowlogs/{REGION}/2026/11/20/x.log.gz",
    "AWSLogs/1234/x.log.gz",
    "AWSLogs/o-abc/x.log.gz",
    "AWSLogs/o-a1b2c3d4e5/x.log.gz",
    f"{HIVE_BASE}year=2026/month=13/day=01/x.log.gz",
    f"{HIVE_BASE}2026/x.log.gz",
    f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/{REGION}/x.log.gz",
]


@pytest.mark.parametrize("window", [Window(), Window(LAST - DAY, LAST + DAY)], ids=["ends", "days"])
@pytest.mark.parametrize("key", STRAYS)
def test_keys_beside_the_days(tree: Tree, key: str, window: Window) -> None:
    """Logs above the days, or in folders that are none, are read by no table: they are named."""
    tree.put(FIRST)
    tree.put(LAST)
    tree.put(LAST, layout=HIVE)
    stray = tree.root / key
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("x\n")
    found = tree.look(window)
    assert found.strange == (str(stray),)
    assert f"in no layout: 1 file: {stray}" in survey.warnings(found)
    assert {s.format for s in found.samples} == {DEFAULT}


@pytest.mark.parametrize(
    "key",
    [
        f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/11/20/x.json.gz",
        f"AWSLogs/{ACCOUNT}/Config/{REGION}/2026/11/20/x.json.gz",
        f"AWSLogs/{ACCOUNT}/elasticloadbalancing/{REGION}/2026/11/20/x.log.gz",
        f"AWSLogs/{ACCOUNT}/vpcdnsquerylogs/vpc-1/2026/11/20/x.log.gz",
        f"AWSLogs/{ACCOUNT}/ELBAccessLogTestFile",
        f"AWSLogs/o-a1b2c3d4e5/{ACCOUNT}/CloudTrail/{REGION}/x.json.gz",
        f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcdnsquerylogs/x.log.gz",
        f"{BASE}2026/11/.hidden/_x",
        f"{BASE}2026/Nov/_SUCCESS",
        "elsewhere/x.log.gz",
    ],
)
def test_what_is_not_strange(tree: Tree, key: str) -> None:
    """Other services deliver below AWSLogs/ as well, and hidden objects are nobody's logs."""
    tree.put(FIRST)
    other = tree.root / key
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_text("x\n")
    found = tree.look()
    assert (found.strange, found.keys) == ((), 1)


def test_strange_folders_are_listed_so_far(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in no layout can hold years of logs: some of its keys say what it is."""
    tree.put(FIRST)
    for account in ("1", "2", "3"):
        for n in range(4):
            tree.put(FIRST, source=(account, REGION), name=f"{n}.log")
    monkeypatch.setattr(days, "STRAY_OBJECTS", 3)
    monkeypatch.setattr(days, "STRAY_FOLDERS", 2)
    found = tree.look()
    assert [key.rpartition("/")[2] for key in found.strange] == ["0.log"] * 2 + [
        "1.log",
        "2.log",
    ] * 2
    root = f"{tree.location}AWSLogs/"
    assert survey.limits(found) == [f"not every key was listed of: {root}1/, {root}2/, {root}3/"]


def test_no_history_is_listed(tree: Tree) -> None:
    """Strays are looked for where days are: a closed window leaves other months alone."""
    tree.put(LAST)
    for key in ("2025/06/x.log.gz", "2026/06/x.log.gz", "2026/06/Nov/x.log.gz"):
        (tree.root / BASE / key).parent.mkdir(parents=True, exist_ok=True)
        (tree.root / BASE / key).write_text("x\n")
    seen = Listed(DirStore())
    found = survey.survey(tree.location, seen, parquet_columns, Window(LAST - DAY, LAST + DAY))
    assert found.strange == ()
    assert [p for p in seen.listed if "/06" in p or "/2025" in p] == []


def test_an_end_without_days_is_passed(tree: Tree) -> None:
    """The last year has a folder, and no day in it: the last day lies in the year before."""
    tree.put(FIRST)
    tree.put(LAST)
    stray = tree.root / BASE / "2027/x.log"
    stray.parent.mkdir()
    stray.write_text("x\n")
    found = tree.look()
    assert [s.at for s in found.samples] == [FIRST, LAST]
    assert found.strange == (str(stray),)


def test_strange_keys_are_counted_and_named(tree: Tree) -> None:
    """A key in no layout is never dropped in silence."""
    tree.put(FIRST)
    odd = [tree.put(FIRST, layout=replace(DAILY, template=DAILY.template + f"{n}x/")) for n in "ab"]
    found = tree.look()
    assert found.strange == tuple(str(path) for path in odd)
    assert survey.warnings(found) == [f"in no layout: 2 files: {odd[0]}, {odd[1]}"]


def test_files_without_a_header(tree: Tree) -> None:
    """The default's shape is recognised; any other is said to be unknown."""
    tree.put(FIRST, lines=["2 123456789012 eni-1 - - - - - - - 1 2 - NODATA"])
    tree.put(FIRST, lines=["1 2 3"], flow_log="fl-0b")
    found = tree.look()
    assert [s.format for s in found.samples] == [DEFAULT, None]
    shapeless, shaped = survey.warnings(found)
    assert shapeless.startswith("no header line, and not in the default format, so nothing says")
    assert "fl-0b" in shapeless
    assert shaped.startswith("no header line, and in the default format: 1 file: ")
    assert [b.header_lines for b in tree.blocks()] == [0, 0]


def test_files_with_and_without_a_header(tree: Tree) -> None:
    """One table skips the first line of both or of none: the rows that are lost are told."""
    bare = tree.put(FIRST, lines=["2 123456789012 eni-1 - - - - - - - 1 2 - NODATA"])
    tree.put(LAST)
    found = tree.look()
    assert one(blocks(tree.location, found.samples)).header_lines == 1
    (warning,) = survey.warnings(found)
    assert warning.startswith(f"no header line, where others have one: 1 file: {bare};")
    assert "the first row of each of these is lost" in warning


def test_headers_of_another_format_are_no_others(tree: Tree) -> None:
    """Each format is a table of its own, and skips as its own files need it."""
    tree.put(FIRST, lines=["2 123456789012 eni-1 - - - - - - - 1 2 - NODATA"])
    tree.put(FIRST, parse_format("srcaddr end"), source=(OTHER, REGION))
    assert {b.format: b.header_lines for b in tree.blocks()} == {
        DEFAULT: 0,
        parse_format("srcaddr end"): 1,
    }
    (warning,) = survey.warnings(tree.look())
    assert warning.startswith("no header line, and in the default format")


def test_empty_files_make_no_block(tree: Tree) -> None:
    """A gzip of nothing says nothing."""
    tree.put(FIRST)
    tree.put(FIRST, None, flow_log="fl-0b")
    assert one(tree.blocks()).flow_logs == ("fl-0a",)
    assert survey.warnings(tree.look()) == []


def test_an_object_called_gz_that_is_no_gzip(tree: Tree) -> None:
    """Athena goes by the name, and every query fails on it: no log, with the reason."""
    tree.put(FIRST)
    path = tree.put(FIRST, flow_log="fl-0b")
    path.write_text(f"{DEFAULT.header}\n")
    found = tree.look()
    reason = "is called .gz and is no gzip: every query that reads it fails"
    assert found.unreadable == ((str(path), reason),)
    assert one(blocks(tree.location, found.samples)).flow_logs == ("fl-0a",)
    assert f"no log: 1 file: {path}: {reason}" in survey.warnings(found)


def test_text_by_another_name_may_be_plain(tree: Tree) -> None:
    """Only the name .gz promises gzip."""
    path = tree.put(FIRST, name=f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-0a_20261101T0000Z_0a.log")
    path.write_text(f"{DEFAULT.header}\n")
    assert one(tree.blocks()).format == DEFAULT


def test_parquet_columns_with_hyphens(tree: Tree) -> None:
    """No table column is called so: each would be NULL in silence."""
    tree.parquet(FIRST, "srcaddr")
    path = tree.parquet(FIRST, "srcaddr", flow_log="fl-0b")
    with duckdb.connect() as db:
        select = "'1' AS \"account-id\", '2' AS srcaddr, 'OK' AS \"log-status\""
        db.execute(f"COPY (SELECT {select}) TO '{path}' (FORMAT parquet)")
    ((uri, reason),) = tree.look().unreadable
    assert uri == str(path)
    assert reason == (
        "its columns account-id, log-status are written with -, which no table column is:"
        " they would be NULL"
    )


def test_one_bad_file_stops_nothing(tree: Tree) -> None:
    """It is named, and the rest is looked at."""
    tree.put(FIRST)
    bad = tree.put(FIRST, lines=["srcaddr srcaddr"], flow_log="fl-0b")
    found = tree.look()
    assert len(found.samples) == 1
    (warning,) = survey.warnings(found)
    assert warning == f"no log: 1 file: {bad}: log format: repeated: srcaddr"


def test_what_is_too_much_is_said(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a huge folder nor a huge organisation is read to its end, in silence."""
    for n in range(4):
        tree.put(FIRST, source=(f"{n:012}", REGION))
    tree.put(FIRST, source=(f"{0:012}", REGION), flow_log="fl-0b")
    monkeypatch.setattr(survey, "DAY_OBJECTS", 2)
    monkeypatch.setattr(survey, "MOST_OBJECTS", 3)
    found = tree.look()
    assert (len(found.samples), found.left_out) == (3, 2)
    assert [day.split("/")[-7] for day in found.longer] == [f"{0:012}"]
    assert survey.limits(found) == [
        f"not every key was listed of: {found.longer[0]}",
        "2 more objects were left out: there are many sources",
    ]


def test_the_newest_of_every_source_is_seen_first(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of too many objects, no source loses its last day to another's first."""
    for n in range(3):
        tree.put(FIRST, source=(f"{n:012}", REGION))
        tree.put(LAST, source=(f"{n:012}", REGION))
    monkeypatch.setattr(survey, "MOST_OBJECTS", 4)
    found = tree.look()
    assert [s.partition.account for s in found.samples if s.at == LAST] == [
        f"{n:012}" for n in range(3)
    ]
    assert (len(found.samples), found.left_out) == (4, 2)


def test_too_many_sources(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some from everywhere are looked at, and how many are not is said."""
    for n in range(6):
        tree.put(FIRST, source=(f"{n:012}", REGION))
    monkeypatch.setattr(days, "MOST_SOURCES", 3)
    found = tree.look()
    assert [s.partition.account[-1] for s in found.samples] == ["0", "2", "4"]
    assert survey.limits(found) == [
        "3 more accounts and regions were left out: choose some with --account and --region"
    ]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("place", "doing"),
    [
        (f"AWSLogs/{OTHER}/", "listing"),
        (f"AWSLogs/{OTHER}/vpcflowlogs/", "listing"),
        (f"AWSLogs/{OTHER}/vpcflowlogs/{REGION}/2026/", "listing"),
        (f"AWSLogs/{OTHER}/vpcflowlogs/{REGION}/2026/11/01/", "listing"),
        (f"AWSLogs/{OTHER}/vpcflowlogs/{REGION}/2026/11/01/{OTHER}_", "reading"),
    ],
)
@pytest.mark.parametrize("window", [Window(), Window(FIRST, FIRST + DAY)], ids=["ends", "days"])
def test_one_refusal_stops_nothing(tree: Tree, place: str, doing: str, window: Window) -> None:
    """Another account's logs may be nobody's but its own: they are named, the rest is seen."""
    tree.put(FIRST)
    tree.put(FIRST, source=(OTHER, REGION))
    store = Listed(DirStore(), [tree.location + place])
    found = survey.survey(tree.location, store, parquet_columns, window)
    assert [s.partition.account for s in found.samples] == [ACCOUNT]
    (limit,) = survey.limits(found)
    assert limit.startswith(f"not looked at: {doing} {tree.location}{place}")


def test_a_refusal_at_the_root(tree: Tree) -> None:
    """Without AWSLogs/ there is nothing to look at."""
    tree.put(FIRST)
    with pytest.raises(AccessDenied, match="listing .*/AWSLogs/: AccessDenied"):
        survey.survey(tree.location, Listed(DirStore(), ["AWSLogs/"]), parquet_columns, Window())


@pytest.mark.parametrize("window", [Window(), Window(FIRST, FIRST + DAY)], ids=["ends", "days"])
def test_refusals_that_leave_nothing(tree: Tree, window: Window) -> None:
    """No logs were seen is not: there are no logs."""
    tree.put(FIRST)
    tree.put(FIRST, source=(OTHER, REGION))
    store = Listed(DirStore(), [".gz"])
    with pytest.raises(AccessDenied, match=r"reading .*: no and 1 more$"):
        survey.survey(tree.location, store, parquet_columns, window)


def test_many_refusals_are_counted(tree: Tree) -> None:
    """A few are told word for word."""
    tree.put(FIRST)
    for n in range(5):
        tree.put(FIRST, source=(f"{n:012}", REGION))
    store = Listed(DirStore(), [f"AWSLogs/{n:012}/" for n in range(5)])
    found = survey.survey(tree.location, store, parquet_columns, Window())
    assert len(found.refused) == 5
    assert survey.limits(found)[3:] == ["not looked at: 2 more, refused as well"]


# ---------------------------------------------------------------- the text of an object


def test_text_of_every_member_of_a_gzip_object() -> None:
    """Gzip files can be put together, and are read on past the first."""
    data = gzip.compress(b"one\n") + gzip.compress(b"two\n")
    assert text_of(data, 100) == ("one\ntwo\n", False)
    assert text_of(b"plain\n", 100) == ("plain\n", False)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_text_that_goes_on_ends_with_a_whole_line(pack: Callable[[bytes], bytes]) -> None:
    """Half a line would be half a record."""
    assert text_of(pack(b"first line\nsecond line\n")[:14], 14)[1]
    data = pack(b"ab\n" * 1000)
    assert text_of(data, 100) == ("ab\n" * 33, True)


def test_text_that_is_none() -> None:
    """Not UTF-8 in the first line, no gzip behind gzip's mark, or cut short."""
    for data, reason in (
        (b"\xff\xfe\n", "is no text log"),
        (b"\x1f\x8bxxxxxxxxxxxx", "is no text log"),
        (gzip.compress(b"text\n")[:-9], "ends too early"),
    ):
        with pytest.raises(BadFile, match=reason):
            text_of(data, 1000)
    assert text_of(b"header\n\xff\n", 100) == ("header\n\N{REPLACEMENT CHARACTER}\n", False)


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    """Editors put one before the header; the local reader passes it, too."""
    assert text_of(b"\xef\xbb\xbfversion end\n", 100) == ("version end\n", False)


# ---------------------------------------------------------------- DescribeFlowLogs


def described(**more: Any) -> dict[str, Any]:
    return {
        "FlowLogId": "fl-0a",
        "LogDestinationType": "s3",
        "LogDestination": "arn:aws:s3:::logs/net/",
        "LogFormat": DEFAULT.text,
        "CreationTime": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "ResourceId": "vpc-1",
    } | more


def options(**more: Any) -> dict[str, Any]:
    return {"DestinationOptions": more}


@pytest.mark.parametrize(
    ("more", "layout", "file_type"),
    [
        ({}, "daily", "text"),
        ({"DestinationOptions": None}, "daily", "text"),
        (options(FileFormat="plain-text"), "daily", "text"),
        (options(FileFormat="parquet", PerHourPartition=True), "hourly", "parquet"),
        (options(HiveCompatiblePartitions=True), "hive-daily", "text"),
        (options(HiveCompatiblePartitions=True, PerHourPartition=True), "hive-hourly", "text"),
    ],
)
def test_destination_options(more: dict[str, Any], layout: str, file_type: str) -> None:
    """They say layout and file type; without them AWS's defaults hold."""
    found = flow_log(described(**more))
    assert (found.layout.name, found.file_type) == (layout, file_type)


@pytest.mark.parametrize(
    ("arn", "location"),
    [
        ("arn:aws:s3:::logs", "s3://logs/"),
        ("arn:aws:s3:::logs/", "s3://logs/"),
        ("arn:aws:s3:::logs/net", "s3://logs/net/"),
        ("arn:aws-cn:s3:::logs/a/b/", "s3://logs/a/b/"),
        ("arn:aws-us-gov:s3:::logs/a//b/", "s3://logs/a/b/"),
    ],
)
def test_the_destinations_arn(arn: str, location: str) -> None:
    """Bucket and prefix, in every partition of AWS; a location always ends in /."""
    assert flow_log(described(LogDestination=arn)).location == location


def test_the_format_of_a_flow_log() -> None:
    """Fields newer than this package are kept in place."""
    found = flow_log(described(LogFormat="${srcaddr} ${brand-new} ${end}"))
    assert found.format.columns == ("srcaddr", "brand_new", "end")
    assert found.created == date(2026, 3, 1)


def test_flow_logs_of_one_table() -> None:
    """Those alike in location, layout, file type and format share a block."""
    entries = [
        described(),
        described(FlowLogId="fl-0b", CreationTime=datetime(2026, 1, 1, tzinfo=UTC)),
        described(FlowLogId="fl-0c", **options(FileFormat="parquet")),
    ]
    logs: list[FlowLog] = [flow_log(entry) for entry in entries]
    both, parquet = described_blocks(logs, ACCOUNT, REGION, NOW.date())
    assert both.flow_logs == ("fl-0a", "fl-0b")
    assert (both.first, both.last) == (date(2026, 1, 1), NOW.date())
    assert (both.accounts, both.regions) == ((ACCOUNT,), (REGION,))
    assert parquet.file_type == "parquet"


# ---------------------------------------------------------------- the command


def discover(cli: Cli, tree: Tree, *words: str) -> Ran:
    return cli("discover", "--engine", "duckdb", "--location", tree.location, *words)


def test_discover_as_json(tree: Tree, cli: Cli) -> None:
    """One object per block, and on stderr how much was looked at."""
    tree.put(FIRST)
    tree.put(LAST)
    ran = discover(cli, tree, "--as", "json")
    assert ran.code == 0, ran.err
    (block,) = json.loads(ran.out)
    assert block | {"example": ""} == {
        "location": tree.location, "layout": "daily", "file_type": "text",
        "log_format": DEFAULT.text, "kind": "vpc", "accounts": [ACCOUNT], "regions": [REGION],
        "first": "2026-11-01", "last": "2026-11-20", "flow_logs": ["fl-0a"], "example": "",
        "header_lines": 1, "flags": [],
    }  # fmt: skip
    assert ran.err == "note: looked at 2 objects among 2 keys\n"


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), SERVICE, ORGANISATION],
                         ids=[*LAYOUTS, "service", "organisation"])  # fmt: skip
def test_init_table_needs_no_flags_after_write(tree: Tree, layout: Layout, cli: Cli) -> None:
    """discover --write, init-table, add-partitions, and the table fits."""
    fmt = parse_format("srcaddr end vpc-id log-status")
    tree.put(LAST, fmt, layout=layout)
    assert discover(cli, tree, "--write").code == 0
    for words in (("init-table",), ("add-partitions", "--since", "7d"), ("check",)):
        ran = cli(*words)
        assert ran.code == 0, (words, ran.err, ran.out)


def test_write_refuses_several_blocks(tree: Tree, cli: Cli, tmp_path: Path) -> None:
    """Which one is meant has to be said; nothing is written."""
    tree.put(FIRST)
    tree.parquet(FIRST, "srcaddr")
    ran = discover(cli, tree, "--write")
    assert ran.code == 2
    assert "--write needs one block, and there are 2" in ran.err
    assert not (tmp_path / "athena-flow.toml").exists()
    assert discover(cli, tree, "--write", "--file-type", "parquet").code == 0
    assert 'file_type = "parquet"' in (tmp_path / "athena-flow.toml").read_text()


def test_write_leaves_a_file_that_is_there(tree: Tree, cli: Cli, tmp_path: Path) -> None:
    """Settings that somebody wrote are not overwritten."""
    tree.put(FIRST)
    (tmp_path / "athena-flow.toml").write_text("# mine\n")
    assert discover(cli, tree, "--write").code == 2
    assert (tmp_path / "athena-flow.toml").read_text() == "# mine\n"


def test_an_empty_folder_is_exit_3(cli: Cli, tmp_path: Path) -> None:
    """Nothing there, and what there is instead."""
    (tmp_path / "empty" / "photos").mkdir(parents=True)
    ran = discover(cli, Tree(tmp_path / "empty"))
    assert ran.code == 3
    assert "no flow logs below" in ran.err
    assert "holds: photos/" in ran.err


def test_a_central_bucket(aws: AthenaServer, tree: Tree, cli: Cli) -> None:
    """By the bucket itself: two accounts, all pages of a prefix, no table needed."""
    for source in ((ACCOUNT, REGION), (OTHER, "us-gov-east-1")):
        tree.put(FIRST, source=source)
        tree.put(LAST, source=source)
    put_tree(tree.root, "logs", "a/b/")
    ran = cli("discover", "--location", "s3://logs/a/b/", "--as", "json")
    assert ran.code == 0, ran.err
    (block,) = json.loads(ran.out)
    assert block["location"] == "s3://logs/a/b/"
    assert block["regions"] == [REGION, "us-gov-east-1"]


@pytest.fixture
def delivering(aws: AthenaServer) -> Iterator[list[str]]:
    """An account whose VPC delivers to a bucket, in two flow logs."""
    s3, ec2 = boto3.client("s3"), boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ids = []
    for traffic in ("ACCEPT", "REJECT"):
        s3.create_bucket(Bucket=f"logs-{traffic.lower()}")
        made = ec2.create_flow_logs(
            ResourceIds=[vpc],
            ResourceType="VPC",
            TrafficType=traffic,
            LogDestinationType="s3",
            LogDestination=f"arn:aws:s3:::logs-{traffic.lower()}",
            LogFormat="${srcaddr} ${end}",
        )
        ids += made["FlowLogIds"]
    yield ids
    ec2.delete_flow_logs(FlowLogIds=ids)
    ec2.delete_vpc(VpcId=vpc)


def test_the_accounts_own_flow_logs(delivering: list[str], cli: Cli) -> None:
    """Without a location, DescribeFlowLogs says where each delivers."""
    ran = cli("discover", "--as", "json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert {b["location"] for b in found} == {"s3://logs-accept/", "s3://logs-reject/"}
    assert sorted(fl for b in found for fl in b["flow_logs"]) == sorted(delivering)
    assert {b["log_format"] for b in found} == {"${srcaddr} ${end}"}


def test_an_account_without_flow_logs(aws: AthenaServer, cli: Cli) -> None:
    """The way to a central bucket is told."""
    ran = cli("discover")
    assert ran.code == 3
    assert "no flow log of this account delivers to S3 from us-east-1" in ran.err


def test_what_is_listed_can_be_a_store_of_anything() -> None:
    """The look asks a store for folders, objects and bytes, and for nothing else."""

    class Nothing:
        def level(self, prefix: str) -> Level:
            return Level()

        def objects(self, prefix: str) -> Iterator[ObjectInfo]:
            yield from ()

        def read(self, uri: str, most: int | None) -> bytes:
            return b""

    with pytest.raises(NotFound) as caught:
        survey.survey("s3://b/", Nothing(), parquet_columns, Window())
    assert caught.value.hint == "no folder lies there"
