"""Layouts: prefix, key and partition values are one thing, and a window selects the same ones."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from athena_flow.errors import BadSetting
from athena_flow.layout import (
    DAILY,
    FLAT,
    LAYOUTS,
    Layout,
    Partition,
    find_partition,
    layout_named,
    layout_of_key,
)
from athena_flow.window import DAY, HOUR, Window, floor, parse_window

REGIONS = ["eu-west-1", "us-gov-west-1", "cn-north-1", "il-central-1", "ap-southeast-7"]
ACCOUNTS = ["123456789012", "000000000001", "999999999999"]
FILE = "123456789012_vpcflowlogs_eu-west-1_fl-0a1b2c3d_20261120T1005Z_1a2b3c4d.log.gz"
START = datetime(2028, 2, 27, tzinfo=UTC)

each_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
layouts = st.sampled_from(list(LAYOUTS.values()))


def partitions(layout: Layout, first: datetime, last: datetime) -> st.SearchStrategy[Partition]:
    """Any partition of a layout between two times."""
    return st.builds(
        lambda account, region, moment: Partition(account, region, floor(moment, layout.step)),
        st.from_regex(r"[0-9]{12}", fullmatch=True),
        st.sampled_from(REGIONS),
        st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None)).map(
            lambda moment: moment.replace(tzinfo=UTC)
        ),
    )


def _any(layout: Layout) -> st.SearchStrategy[Partition]:
    return partitions(layout, datetime(1000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


def _near(layout: Layout) -> list[Partition]:
    """Every partition of two accounts and two regions over five days and a leap day."""
    count = 5 * DAY // layout.step
    return [
        Partition(account, region, START + n * layout.step)
        for account in ACCOUNTS[:2]
        for region in REGIONS[:2]
        for n in range(count)
    ]


def at(day: int, *clock: int) -> datetime:
    """A time in the five days of `_near`, of which the third is 29 February 2028."""
    return START + timedelta(days=day, **dict(zip(("hours", "minutes"), clock, strict=False)))


WINDOWS = {
    "everything": Window(),
    "since": Window(at(1)),
    "since inside an hour": Window(at(1, 13, 30)),
    "until": Window(None, at(3)),
    "until a second after midnight": Window(None, at(3) + timedelta(seconds=1)),
    "a day": Window(at(2), at(3)),
    "an hour": Window(at(2, 10), at(2, 11)),
    "a second": Window(at(2, 23, 59), at(2, 23, 59) + timedelta(seconds=1)),
    "over midnight": Window(at(1, 23), at(2, 1)),
    "hour of day falls": Window(at(1, 22), at(3, 3)),
    "late": Window(at(1), at(2), late=timedelta(minutes=5)),
    "late by a day": Window(at(1), at(2, 7), late=DAY),
    "one account": Window(at(1), at(3), accounts=(ACCOUNTS[0],)),
    "two accounts and a region": Window(None, None, tuple(ACCOUNTS[:2]), (REGIONS[1],)),
    "an unknown region": Window(at(1), at(3), regions=("mx-central-1",)),
    "a hostile account": Window(at(1), at(3), accounts=("' OR '1'='1",)),
    "before": Window(at(-9), at(-8)),
    "after": Window(at(8), at(9)),
}


def _covered(layout: Layout, window: Window, candidates: Collection[Partition]) -> list[Partition]:
    return [
        p
        for p in candidates
        if window.covers(p.start, layout.step)
        and (not window.accounts or p.account in window.accounts)
        and (not window.regions or p.region in window.regions)
    ]


def _selected(
    layout: Layout, condition: str, candidates: Collection[Partition], projected: bool = False
) -> list[Partition]:
    """The partitions whose values an SQL engine finds the condition true for."""
    db = sqlite3.connect(":memory:")
    try:
        keys = ", ".join(f'"{key}" TEXT' for key in layout.keys)
        marks = ", ".join("?" for _ in range(len(layout.keys) + 1))
        db.execute(f"CREATE TABLE t (n INTEGER, {keys})")
        rows = [(n, *layout.values(p, projected)) for n, p in enumerate(candidates)]
        db.executemany(f"INSERT INTO t VALUES ({marks})", rows)
        found = db.execute(f"SELECT n FROM t WHERE {condition} ORDER BY n").fetchall()
    finally:
        db.close()
    ordered = list(candidates)
    return [ordered[n] for (n,) in found]


# ---------------------------------------------------------------- prefixes and keys


@settings(deadline=None, max_examples=150)
@given(st.data(), layouts)
def test_a_key_leads_back_to_its_partition(data: st.DataObject, layout: Layout) -> None:
    """The prefix of any partition, with or without a file below it, is that partition again."""
    partition = data.draw(_any(layout))
    assert layout.parse(layout.prefix(partition) + FILE) == partition
    assert layout.parse(layout.prefix(partition)) == partition


@settings(deadline=None, max_examples=150)
@given(st.data(), layouts)
def test_values_lead_back_to_their_partition(data: st.DataObject, layout: Layout) -> None:
    """The partition values that a catalog holds are that partition again."""
    partition = data.draw(_any(layout))
    for projected in (False, True):
        values = layout.values(partition, projected)
        assert len(values) == len(layout.keys)
        assert layout.partition(values, projected) == partition


@each_layout
def test_an_early_year_has_four_digits(layout: Layout) -> None:
    """A folder of a year before 1000 is written as it is read."""
    early = Partition(ACCOUNTS[0], REGIONS[0], datetime(500, 1, 2, tzinfo=UTC))
    assert layout.parse(layout.prefix(early)) == early
    assert layout.partition(layout.values(early)) == early


@each_layout
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_key_fits_one_layout(layout: Layout, data: st.DataObject) -> None:
    """No key of one layout is read as a key of another one."""
    partition = data.draw(_any(layout))
    key = layout.prefix(partition) + FILE
    assert [name for name, other in LAYOUTS.items() if other.parse(key)] == [layout.name]


def test_the_prefixes_are_those_of_aws() -> None:
    """Each layout spells its folders as the VPC User Guide does."""
    partition = Partition("123456789012", "us-gov-west-1", datetime(2028, 2, 29, 7, tzinfo=UTC))
    plain = "AWSLogs/123456789012/vpcflowlogs/us-gov-west-1/2028/02/29/"
    hive = (
        "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-gov-west-1/"
        "year=2028/month=02/day=29/"
    )
    assert {name: layout.prefix(partition) for name, layout in LAYOUTS.items()} == {
        "daily": plain,
        "hourly": plain + "07/",
        "hive-daily": hive,
        "hive-hourly": hive + "hour=07/",
    }


@each_layout
def test_the_keys_are_the_same_for_every_layout(layout: Layout) -> None:
    """Account, region and date, and the hour in hourly layouts: no name of a log's own field."""
    hour = ["hour"] if layout.step == HOUR else []
    assert list(layout.keys) == ["aws_account_id", "aws_region", "date", *hour]


def test_the_values_of_a_partition() -> None:
    """A date is YYYY-MM-DD in every layout, so it sorts, and an hour has two digits."""
    partition = Partition("000000000001", "cn-north-1", datetime(2026, 1, 2, 3, tzinfo=UTC))
    for name, hours in {
        "daily": (),
        "hourly": ("03",),
        "hive-daily": (),
        "hive-hourly": ("03",),
    }.items():
        expected = ("000000000001", "cn-north-1", "2026-01-02", *hours)
        assert LAYOUTS[name].values(partition) == expected


@pytest.mark.parametrize(
    ("name", "template", "pattern", "date"),
    [
        ("daily", "AWSLogs/${aws_account_id}/vpcflowlogs/${aws_region}/${date}/", "yyyy/MM/dd",
         "2026/01/02"),
        ("hourly", "AWSLogs/${aws_account_id}/vpcflowlogs/${aws_region}/${date}/${hour}/",
         "yyyy/MM/dd", "2026/01/02"),
        ("hive-daily", "AWSLogs/aws-account-id=${aws_account_id}/aws-service=vpcflowlogs/"
         "aws-region=${aws_region}/${date}/", "'year='yyyy'/month='MM'/day='dd",
         "year=2026/month=01/day=02"),
        ("hive-hourly", "AWSLogs/aws-account-id=${aws_account_id}/aws-service=vpcflowlogs/"
         "aws-region=${aws_region}/${date}/hour=${hour}/", "'year='yyyy'/month='MM'/day='dd",
         "year=2026/month=01/day=02"),
    ],
)  # fmt: skip
def test_a_projected_date_is_pasted_into_the_path(
    name: str, template: str, pattern: str, date: str
) -> None:
    """Athena puts the keys' values into the template, and the result is the partition's folder."""
    layout = LAYOUTS[name]
    assert layout.projection() == (template, pattern)
    found = template
    moment = datetime(2026, 1, 2, 3, tzinfo=UTC)
    partition = Partition(ACCOUNTS[0], REGIONS[1], floor(moment, layout.step))
    values = dict(zip(layout.keys, layout.values(partition, projected=True), strict=True))
    assert values["date"] == date
    for key, value in values.items():
        found = found.replace(f"${{{key}}}", value)
    assert found == layout.prefix(partition)


@each_layout
def test_the_example_is_a_key_of_its_layout(layout: Layout) -> None:
    """The key that `layouts` shows is one that the layout reads."""
    found = layout.parse(layout.example)
    assert found is not None
    assert layout.example.startswith(layout.prefix(found))


def test_real_keys_are_daily(shared: Path) -> None:
    """Keys that AWS wrote lie in the default layout, in the account, region and day they name."""
    lines = (shared / "data/logs/opensearch-catalog/keys.txt").read_text("utf-8").split()
    assert lines
    for key in lines:
        parts = key.split("/")
        expected = Partition(
            parts[1],
            parts[3],
            datetime(*map(int, parts[4:7]), tzinfo=UTC),  # type: ignore[arg-type,misc]  # three numbers
        )
        assert DAILY.parse(key) == expected
        assert find_partition(f"/logs/{key}") == ("daily", expected)


DAILY_KEY = f"AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/11/20/{FILE}"
HIVE_KEY = (
    "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-west-1/"
    f"year=2026/month=11/day=20/{FILE}"
)
NO_KEYS = [
    "",
    FILE,
    "AWSLogs/",
    "/" + DAILY_KEY,
    "prefix/" + DAILY_KEY,
    DAILY_KEY.replace("AWSLogs", "awslogs"),
    DAILY_KEY.replace("vpcflowlogs/", "elasticloadbalancing/"),
    DAILY_KEY.replace("vpcflowlogs/", "CloudTrail/"),
    DAILY_KEY.replace("AWSLogs/123456789012", "AWSLogs/12345678901"),
    DAILY_KEY.replace("AWSLogs/123456789012", "AWSLogs/1234567890123"),
    DAILY_KEY.replace("AWSLogs/123456789012", "AWSLogs/o-abc/123456789012"),
    DAILY_KEY.replace("AWSLogs/123456789012", "AWSLogs/12345678901\u0662"),
    DAILY_KEY.replace("/eu-west-1/", "/EU-WEST-1/"),
    DAILY_KEY.replace("/eu-west-1/", "/eu-west/"),
    DAILY_KEY.replace("/2026/11/20/", "/2026/11/31/"),
    DAILY_KEY.replace("/2026/11/20/", "/2026/13/20/"),
    DAILY_KEY.replace("/2026/11/20/", "/2026/00/20/"),
    DAILY_KEY.replace("/2026/11/20/", "/2026/11/00/"),
    DAILY_KEY.replace("/2026/11/20/", "/2027/02/29/"),
    DAILY_KEY.replace("/2026/11/20/", "/0000/11/20/"),
    DAILY_KEY.replace("/2026/11/20/", "/2026/11/2/"),
    DAILY_KEY.replace("/2026/11/20/", "/2026/11/20/24/"),
    DAILY_KEY.replace("/2026/11/20/", "/2026/11/20/10/05/"),
    DAILY_KEY.replace("/2026/11/20/", "/2026/11/20//"),
    DAILY_KEY.replace("/2026/11/20/", "/2026-11-20/"),
    HIVE_KEY.replace("aws-service=vpcflowlogs", "aws-service=route53"),
    HIVE_KEY.replace("year=2026", "2026"),
    HIVE_KEY.replace("month=11", "month=99"),
    HIVE_KEY.replace("day=20/", "day=20/hour=24/"),
]


@pytest.mark.parametrize("key", NO_KEYS)
def test_a_key_that_fits_no_layout_is_none(key: str) -> None:
    """What AWS does not write, or no calendar has, is no partition of any layout."""
    assert [name for name, layout in LAYOUTS.items() if layout.parse(key)] == []


@pytest.mark.parametrize(
    ("layout", "values"),
    [
        ("daily", ()),
        ("daily", ("123456789012", "eu-west-1")),
        ("daily", ("123456789012", "eu-west-1", "2026-11-20", "10")),
        ("daily", ("123456789012", "eu-west-1", "2026/11/20")),
        ("daily", ("123456789012", "eu-west-1", "2026-11-31")),
        ("daily", ("123456789012", "eu-west-1", "2026-11-20\n")),
        ("daily", ("123456789012", "eu-west-1", "__HIVE_DEFAULT_PARTITION__")),
        ("hourly", ("123456789012", "eu-west-1", "2026-11-20")),
        ("hourly", ("123456789012", "eu-west-1", "2026-11-20", "24")),
        ("hourly", ("123456789012", "eu-west-1", "2026-11-20", "1")),
        ("hourly", ("123456789012", "eu-west-1", "2026-11-20", "\u0661\u0662")),
    ],
)
def test_foreign_partition_values_are_none(layout: str, values: tuple[str, ...]) -> None:
    """Someone else's partition is none of ours, and no crash."""
    assert LAYOUTS[layout].partition(values) is None


@pytest.mark.parametrize(
    ("path", "layout"),
    [
        (f"/data/{DAILY_KEY}", "daily"),
        (f"/data/{HIVE_KEY}", "hive-daily"),
        (f"AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/11/20/10/{FILE}", "hourly"),
        (f"/AWSLogs/old/{DAILY_KEY}", "daily"),
        (f"/downloads/{FILE}", "daily"),
        (FILE, "daily"),
    ],
)
def test_a_file_anywhere_finds_its_partition(path: str, layout: str) -> None:
    """By its folders, else by its own name, whatever stands before."""
    found = find_partition(path)
    assert found is not None
    name, partition = found
    assert name == layout
    assert (partition.account, partition.region) == ("123456789012", "eu-west-1")
    hour = 10 if layout == "hourly" else 0
    assert partition.start == datetime(2026, 11, 20, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "path", ["", "flow.log", "/data/x.gz", f"/x/{FILE.replace('20261120', '20261131')}"]
)
def test_a_file_of_no_layout_has_no_partition(path: str) -> None:
    """A name that says nothing is not guessed at."""
    assert find_partition(path) is None


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (DAILY_KEY, "daily"),
        (HIVE_KEY, "hive-daily"),
        (HIVE_KEY.replace("day=20/", "day=20/hour=07/"), "hive-hourly"),
        (HIVE_KEY.replace("aws-service=", "service="), "hive-daily"),
        (DAILY_KEY.replace("AWSLogs/", "AWSLogs/o-abcdefghij/"), "daily"),
    ],
)
def test_a_real_key_shows_its_layout(key: str, name: str) -> None:
    """A key is read by the layout that is found in it, and its folders are spelled as it has."""
    layout = layout_of_key(key)
    assert layout is not None
    assert layout == layout_named(key)
    assert layout.name == name
    partition = layout.parse(key)
    assert partition is not None
    assert key.startswith(layout.prefix(partition))
    assert len(layout.prefix(partition)) == key.rindex("/") + 1
    assert layout.keys == LAYOUTS[name].keys


def test_a_key_of_no_layout_shows_none() -> None:
    """A key of another service says nothing, and as a name it is refused with the list."""
    key = DAILY_KEY.replace("vpcflowlogs/", "CloudTrail/")
    assert layout_of_key(key) is None
    with pytest.raises(BadSetting, match="in no layout: 'CloudTrail/'"):
        layout_named(key)


def test_layouts_are_found_by_name() -> None:
    """A wrong name is answered with the near ones and with the list."""
    assert layout_named("hive-daily") is LAYOUTS["hive-daily"]
    with pytest.raises(BadSetting, match=r"'dayly' \(did you mean daily") as caught:
        layout_named("dayly")
    assert "hive-hourly" in (caught.value.hint or "")
    with pytest.raises(BadSetting):
        layout_named("flat")


# ---------------------------------------------------------------- windows as conditions


@each_layout
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS.keys())
def test_the_conditions_keep_what_the_window_covers(layout: Layout, window: Window) -> None:
    """Glue's filter and the WHERE of a query keep exactly the partitions of the window."""
    near = _near(layout)
    expected = _covered(layout, window, near)
    assert _asked(layout, window, near) == sorted(expected)
    for projected in (False, True):
        condition = layout.predicate(window, (), projected).text
        assert _selected(layout, condition, near, projected) == expected


_seconds = st.integers(-86_400, 6 * 86_400)


@settings(deadline=None, max_examples=100)
@given(
    layouts,
    st.none() | _seconds,
    st.none() | st.integers(1, 3 * 86_400),
    st.sampled_from([timedelta(0), timedelta(minutes=5), HOUR, DAY]),
    st.sets(st.sampled_from(ACCOUNTS)),
    st.sets(st.sampled_from(REGIONS)),
)
@example(LAYOUTS["hourly"], 86_399, 1, timedelta(0), set(), set())
def test_any_window_keeps_what_it_covers(
    layout: Layout,
    since: int | None,
    length: int | None,
    late: timedelta,
    accounts: set[str],
    regions: set[str],
) -> None:
    """Over random windows, too, the conditions lose no partition and keep none too many."""
    start = None if since is None else START + timedelta(seconds=since)
    end = None if length is None else (start or START) + timedelta(seconds=length)
    window = Window(start, end, tuple(sorted(accounts)), tuple(sorted(regions)), late)
    near = _near(layout)
    expected = _covered(layout, window, near)
    assert _asked(layout, window, near) == sorted(expected)
    for projected in (False, True):
        condition = layout.predicate(window, (), projected).text
        assert _selected(layout, condition, near, projected) == expected


@each_layout
@pytest.mark.parametrize("since", ["0001-01-01", "0500-01-01", "1970-01-01"])
def test_a_since_long_ago_means_everything(layout: Layout, since: str) -> None:
    """A year before 1000 is as good a start as any other: nothing of today is left out."""
    window = parse_window(since, None, at(9))
    near = _near(layout)
    assert _asked(layout, window, near) == sorted(near)


@each_layout
@pytest.mark.parametrize("name", ["a day", "an hour", "hour of day falls", "late", "since"])
def test_the_exact_times_are_half_open(layout: Layout, name: str) -> None:
    """Of the partitions of the window, only records with start <= end < until count."""
    window = WINDOWS[name]
    condition = layout.predicate(window, ("start", "end")).text
    partition = Partition(ACCOUNTS[0], REGIONS[0], floor(at(2, 10), layout.step))
    first = int((window.start or at(0)).timestamp())
    last = int((window.end or at(9)).timestamp())
    keys = [f"'{value}' AS \"{key}\"" for key, value in _named(layout, partition)]
    kept = []
    db = sqlite3.connect(":memory:")
    for moment in (first - 1, first, first + 1, last - 1, last, last + 1):
        row = f'SELECT {", ".join(keys)}, {moment} AS "end"'
        if db.execute(f"SELECT 1 FROM ({row}) WHERE {condition}").fetchone():
            kept.append(moment)
    db.close()
    if not window.covers(partition.start, layout.step):
        assert kept == []
    elif window.end is None:
        assert kept == [first, first + 1, last - 1, last, last + 1]
    else:
        assert kept == [first, first + 1, last - 1]


def _asked(layout: Layout, window: Window, near: list[Partition]) -> list[Partition]:
    """What Glue is asked for, and of that what the window holds."""
    found = [
        p for text in layout.expressions(window) for p in _selected(layout, text or "TRUE", near)
    ]
    assert len(found) == len(set(found))
    return sorted(p for p in found if window.holds(p.account, p.region, p.start, layout.step))


def _named(layout: Layout, partition: Partition) -> Iterator[tuple[str, str]]:
    return zip(layout.keys, layout.values(partition), strict=True)


def test_a_log_without_end_is_filtered_by_partition_alone() -> None:
    """A format need not hold the end of a record: then nothing asks for it."""
    window = WINDOWS["an hour"]
    assert '"end"' in DAILY.predicate(window, ("end",)).text
    assert '"end"' not in DAILY.predicate(window, ("start", "bytes")).text


@each_layout
def test_an_open_window_is_no_condition(layout: Layout) -> None:
    """Everything is '' for Glue and TRUE in a WHERE."""
    assert layout.expressions(Window()) == ("",)
    assert layout.predicate(Window(), ("end",)).text == "TRUE"


def test_an_expression_is_one_that_glue_prunes_by() -> None:
    """Plain comparisons with the key on the left, as in the pages of Glue: no function, no cast.

    Whole days, of an hourly layout too: an OR is what Glue cannot prune by.
    """
    (text,) = LAYOUTS["hourly"].expressions(WINDOWS["hour of day falls"])
    assert text == "date >= '2028-02-28' AND date <= '2028-03-01'"


EVERY_REGION = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-east-1", "ap-east-2"),
    *("ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3"),
    *("ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ap-northeast-1"),
    *("ap-northeast-2", "ap-northeast-3", "ca-central-1", "ca-west-1", "eu-central-1"),
    *("eu-central-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-south-1", "eu-south-2"),
    *("eu-north-1", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1"),
]


@pytest.mark.parametrize("accounts", [1, 30, 60, 70, 80, 81, 200, 1_000])
@pytest.mark.parametrize("regions", [1, len(EVERY_REGION)])
def test_an_expression_fits_into_one_call(accounts: int, regions: int) -> None:
    """Glue takes 2,048 characters: many accounts are asked for in several calls, each once."""
    wanted = tuple(f"{n:012}" for n in range(accounts))
    window = Window(at(1, 7), at(3, 8), wanted, tuple(EVERY_REGION[:regions]))
    texts = LAYOUTS["hourly"].expressions(window)
    assert max(map(len, texts)) <= 2048
    assert all("date >= " in text and "date <= " in text for text in texts)
    assert all(text.count("aws_region IN") == 1 for text in texts)
    assert [a for text in texts for a in re.findall(r"\d{12}", text)] == list(wanted)
    assert len(texts) <= 1 + accounts // 50


def test_more_regions_than_an_expression_holds() -> None:
    """Then nothing is asked of regions: the caller picks them from what comes back."""
    window = Window(at(1), at(2), ("123456789012",), tuple(f"xx-place-{n}" for n in range(200)))
    (text,) = DAILY.expressions(window)
    assert text.startswith("aws_account_id IN ('123456789012') AND date >= ")
    assert "aws_region" not in text


def test_a_flat_folder_has_no_keys() -> None:
    """Logs in no layout have no partition keys, so a window is its exact times alone."""
    assert FLAT.keys == ()
    assert FLAT.expressions(WINDOWS["a day"]) == ("",)
    assert "date" not in FLAT.predicate(WINDOWS["a day"], ("end",)).text


# ---------------------------------------------------------------- walking folders


class Tree:
    """Folders as an object store shows them, with a count of the listings that were asked."""

    def __init__(self, prefixes: Collection[str]) -> None:
        self.listed: list[str] = []
        self._children: dict[str, set[str]] = {}
        for prefix in prefixes:
            for cut in [0, *(m.end() for m in re.finditer("/", prefix))]:
                rest = prefix[cut:]
                if rest:
                    self._children.setdefault(prefix[:cut], set()).add(rest.split("/")[0] + "/")

    def folders(self, prefix: str) -> list[str]:
        self.listed.append(prefix)
        return sorted(self._children.get(prefix, ()))


def _walk(
    layout: Layout, window: Window, tree: Tree, prefix: str, parts: Mapping[str, str], depth: int
) -> Iterator[Partition]:
    if depth == len(layout.segments):
        partition = layout.parse(prefix)
        if partition:
            yield partition
        return
    segment = layout.segments[depth]
    folders = layout.branches(segment, parts, window)
    for folder in tree.folders(prefix) if folders is None else folders:
        more = layout.read(segment, folder)
        if more is not None:
            yield from _walk(layout, window, tree, prefix + folder, {**parts, **more}, depth + 1)


NOISE = [
    "AWSLogs/123456789012/vpcflowlogs/eu-west-1/2028/02/xx/",
    "AWSLogs/123456789012/CloudTrail/eu-west-1/2028/02/29/",
    "AWSLogs/123456789012/vpcflowlogs/eu-west-1/2028/02/29/24/",
    "AWSLogs/o-abcdef/123456789012/vpcflowlogs/eu-west-1/2028/02/29/",
    "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-west-1/year=x/",
    "elsewhere/",
]


@each_layout
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS.keys())
def test_walking_finds_what_the_window_covers(layout: Layout, window: Window) -> None:
    """Descending by branches() and read() finds every covered partition among other folders."""
    near = _near(layout)
    tree = Tree([layout.prefix(p) for p in near] + NOISE)
    found = list(_walk(layout, window, tree, "", {}, 0))
    assert len(found) == len(set(found))
    assert sorted(_covered(layout, window, found)) == sorted(_covered(layout, window, near))


@each_layout
def test_walking_lists_no_more_than_the_window_touches(layout: Layout) -> None:
    """With closed window, account and region, only the folders that hold partitions are listed."""
    window = Window(at(2, 22), at(3, 2), (ACCOUNTS[0],), (REGIONS[0],))
    tree = Tree([layout.prefix(p) for p in _near(layout)])
    found = list(_walk(layout, window, tree, "", {}, 0))
    assert _covered(layout, window, found) == _covered(layout, window, _near(layout))
    # two months for days 29 February and 1 March; for hours, those two days
    assert len(tree.listed) == 2


@each_layout
def test_a_folder_is_read_only_by_its_own_segment(layout: Layout) -> None:
    """Every folder of the example is read by its segment, and a stranger by none."""
    folders = [f"{part}/" for part in layout.example.split("/")[:-1]]
    parts: dict[str, str] = {}
    for segment, folder in zip(layout.segments, folders, strict=True):
        read = layout.read(segment, folder)
        assert read is not None
        parts |= read
        for stranger in ("x/", "", folder.rstrip("/"), folder + "x/", "2026 /"):
            assert layout.read(segment, stranger) is None
    hour = {"hour": "10"} if layout.step == HOUR else {}
    assert parts == {
        "account": "123456789012", "region": "eu-west-1", "year": "2026", "month": "11",
        "day": "20", **hour,
    }  # fmt: skip
