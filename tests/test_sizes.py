"""Kept sizes: what is asked of the store a second time, and when nothing kept is believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from athena_server import AthenaServer
from conftest import Ran, put_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.errors import AccessDenied, NoCredentials
from athena_flow.ports import ObjectInfo
from athena_flow.sizes import CHECKED, KeptSizes
from athena_flow.window import Window

NOW = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
ROOT = "s3://logs/net/"


def day(n: int, root: str = ROOT) -> str:
    """The folder of the day so many days ago."""
    return f"{root}AWSLogs/123456789012/vpcflowlogs/eu-west-1/{NOW - timedelta(n):%Y/%m/%d}/"


class Shelf:
    """A store in memory that counts what it is asked."""

    def __init__(self, keys: Mapping[str, int]) -> None:
        self.keys = dict(keys)
        self.asked: list[str] = []
        self.denied = ""

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self.asked.append(prefix)
        if self.denied and prefix.startswith(self.denied):
            raise AccessDenied(f"listing {prefix}: AccessDenied")
        for key in sorted(self.keys):
            if key.startswith(prefix):
                yield ObjectInfo(key, self.keys[key])


def shelf(days: int, root: str = ROOT) -> Shelf:
    """Two objects of each day, of sizes that tell the days apart."""
    keys = {
        f"{day(n, root)}{name}.log.gz": 1000 * n + len(name)
        for n in range(days)
        for name in ("a", "bc")
    }
    return Shelf(keys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "sizes.sqlite"


def kept(
    store: Shelf,
    file: Path,
    owner: str = "aws 1",
    now: datetime = NOW,
    window: Window | None = None,
) -> KeptSizes:
    return KeptSizes(store, file, lambda: owner, now, window or Window())


def listed(sizes: KeptSizes, days: int, root: str = ROOT) -> list[tuple[ObjectInfo, ...]]:
    found = [tuple(sizes.objects(day(n, root))) for n in range(days)]
    sizes.notes()
    return found


def test_old_days_are_asked_for_once(file: Path) -> None:
    """The second run lists the days that can still change, and a few of the others."""
    store = shelf(40)
    first = listed(kept(store, file), 40)
    assert len(store.asked) == 40
    store.asked.clear()
    assert listed(kept(store, file), 40) == first
    assert len(store.asked) == 4 + CHECKED
    assert set(map(day, range(4))) <= set(store.asked)


def test_a_day_is_settled_three_days_after_its_end(file: Path) -> None:
    """And not a second earlier."""
    store = shelf(6)
    end = datetime(2026, 11, 18, tzinfo=UTC)  # of the 17th
    for now, asked in ((end + timedelta(days=3, seconds=-1), 2), (end + timedelta(days=3), 1)):
        listed(kept(store, file, now=now), 6)
        store.asked.clear()
        sizes = kept(store, file, now=now, window=Window(start=end))
        list(sizes.objects(day(4)))
        assert len(store.asked) == asked - 1
        store.asked.clear()
        file.unlink()


def test_the_notes_say_what_was_kept_and_when(file: Path) -> None:
    """How many partitions of how many, the days on which they were listed, and the file."""
    store = shelf(40)
    assert kept(store, file).notes() == ()
    listed(kept(store, file, now=NOW - timedelta(days=10)), 20)
    listed(kept(store, file, now=NOW - timedelta(days=5)), 30)
    sizes = kept(store, file)
    listed(sizes, 40)
    (note,) = sizes.notes()
    assert "of 40 partitions" in note
    assert "2026-11-11 to 2026-11-16" in note
    assert str(file) in note


@pytest.mark.parametrize("change", ["grown", "one more", "gone"])
def test_one_difference_forgets_the_table(file: Path, change: str) -> None:
    """Were one of the days that are looked at not as it was, all are listed, with a note."""
    store = shelf(12)
    other = shelf(12, "s3://logs/other/")
    store.keys |= other.keys
    listed(kept(store, file), 12)
    listed(kept(store, file), 12, "s3://logs/other/")
    for n in range(4, 12):  # each of the days that may be looked at
        old = f"{day(n)}a.log.gz"
        if change == "gone":
            del store.keys[old]
        elif change == "grown":
            store.keys[old] += 1
        else:
            store.keys[f"{day(n)}new.log.gz"] = 0
    truth = listed(KeptSizes(store, file.with_name("none"), lambda: "x", NOW, Window()), 12)
    sizes = kept(store, file)
    assert listed(sizes, 12) == truth
    assert any("forgotten" in note and ROOT in note for note in sizes.notes())
    store.asked.clear()
    listed(kept(store, file), 12, "s3://logs/other/")
    assert len(store.asked) == 4 + 2, "another table's sizes stay"


def test_what_is_kept_again_is_what_was_found(file: Path) -> None:
    """After a difference the new sizes are the ones that are kept."""
    store = shelf(12)
    listed(kept(store, file), 12)
    store.keys = {key: size + 5 for key, size in store.keys.items()}
    truth = listed(kept(store, file), 12)
    store.asked.clear()
    assert listed(kept(store, file), 12) == truth
    assert len(store.asked) < 12


def test_two_accounts_never_mix(file: Path) -> None:
    """The same bucket by another endpoint or account is another one."""
    store, empty = shelf(10), Shelf({})
    found = listed(kept(store, file, "https://s3 111122223333"), 10)
    assert listed(kept(empty, file, "https://s3 444455556666"), 10) == [()] * 10
    assert listed(kept(empty, file, "http://minio 111122223333"), 10) == [()] * 10
    assert listed(kept(store, file, "https://s3 111122223333"), 10) == found


def test_only_the_window_is_looked_at_again(file: Path) -> None:
    """A query of one old day does not list eight others."""
    store = shelf(40)
    listed(kept(store, file), 40)
    store.asked.clear()
    window = Window(NOW - timedelta(days=21), NOW - timedelta(days=19))
    sizes = kept(store, file, window=window)
    list(sizes.objects(day(20)))
    assert len(store.asked) <= 1
    assert all(prefix in (day(19), day(20)) for prefix in store.asked)


def test_folders_that_tell_no_day_are_listed(file: Path) -> None:
    """Nothing says that they can no longer change."""
    store = Shelf({"s3://logs/2020/01/01/x.log": 5, f"{day(20)}x.log": 6})
    for _ in range(2):
        sizes = kept(store, file)
        assert [o.size_bytes for o in sizes.objects("s3://logs/2020/01/01/")] == [5]
        assert [o.size_bytes for o in sizes.objects(f"{day(20)}x.log")] == [6]
        sizes.notes()
    assert len(store.asked) == 4


def test_an_empty_day_is_kept(file: Path) -> None:
    """That nothing lies there is known as well as anything."""
    store = Shelf({})
    listed(kept(store, file), 30)
    store.asked.clear()
    assert listed(kept(store, file), 30) == [()] * 30
    assert len(store.asked) < 30


def test_a_denial_is_never_kept(file: Path) -> None:
    """It goes to who asked; when it is over, the day is listed."""
    store = shelf(10)
    store.denied = day(7)
    with pytest.raises(AccessDenied):
        list(kept(store, file).objects(day(7)))
    store.denied = ""
    sizes = kept(store, file)
    assert len(list(sizes.objects(day(7)))) == 2


def test_a_denial_of_what_is_looked_at_again(file: Path) -> None:
    """Is no failure of the day that is asked for: it forgets, and says why."""
    store = shelf(10)
    listed(kept(store, file), 10)
    store.denied = day(7)
    for n in (4, 5, 6, 8, 9):
        sizes = kept(store, file, now=NOW + timedelta(minutes=n))
        assert len(list(sizes.objects(day(n)))) == 2


@pytest.mark.parametrize("wrong", ["no database", "a directory", "no right", "another table"])
def test_a_file_that_cannot_be_used_is_a_note(file: Path, wrong: str) -> None:
    """The sizes are listed as without it."""
    file.parent.mkdir()
    if wrong == "no database":
        file.write_bytes(b"no SQLite at all" * 100)
    elif wrong == "a directory":
        file.mkdir()
    elif wrong == "another table":
        with sqlite3.connect(file) as db:
            db.execute("CREATE TABLE listings (x)")
        db.close()
    else:
        file = Path("/proc/no/such/place.sqlite")
    store = shelf(10)
    sizes = kept(store, file)
    assert [len(found) for found in listed(sizes, 10)] == [2] * 10
    (note,) = sizes.notes()
    assert str(file) in note


def test_no_credentials_are_said_by_the_listing(file: Path) -> None:
    """Who cannot say whose the objects are keeps nothing, with the reason."""

    def nobody() -> str:
        raise NoCredentials("no AWS credentials")

    sizes = KeptSizes(shelf(5), file, nobody, NOW, Window())
    assert len(list(sizes.objects(day(4)))) == 2
    assert any("no AWS credentials" in note for note in sizes.notes())


def test_a_row_that_broke_is_listed_again(file: Path) -> None:
    """Half a row is worth nothing."""
    store = shelf(40)
    first = listed(kept(store, file), 40)
    with sqlite3.connect(file) as db:
        db.execute("UPDATE listings SET names = x'00'")
    db.close()
    assert listed(kept(store, file), 40) == first


def test_many_threads_ask_at_once(file: Path) -> None:
    """As an estimate does: everyone gets what lies there, and the check is made once."""
    store = shelf(200)
    truth = listed(kept(store, file), 200)
    store.asked.clear()
    sizes = kept(store, file)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: tuple(sizes.objects(day(n))), range(200)))
    sizes.notes()
    assert found == truth
    assert len(store.asked) == 4 + CHECKED


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1),
        st.integers(0, 2**40),
        max_size=20,
    )
)
def test_any_name_and_size_comes_back(
    tmp_path_factory: pytest.TempPathFactory, names: dict[str, int]
) -> None:
    """Keys are any text, and sizes up to 5 TB."""
    store = Shelf({day(9) + name: size for name, size in names.items()})
    file = tmp_path_factory.mktemp("sizes") / "sizes.sqlite"
    first = kept(store, file)
    truth = list(first.objects(day(9)))
    first.notes()
    store.asked.clear()
    sizes = kept(store, file, window=Window(end=NOW - timedelta(days=30)))
    assert list(sizes.objects(day(9))) == truth
    assert store.asked == []


# ---------------------------------------------------------------- the command


@pytest.fixture
def logs(aws: AthenaServer, tmp_path: Path, cli: Callable[..., Ran]) -> AthenaServer:
    """A table of 20 days in the bench's account."""
    tree = tmp_path / "tree"
    for n in range(20):
        folder = tree / day(n).removeprefix(ROOT)
        folder.mkdir(parents=True)
        (folder / "x.log").write_bytes(b"x" * (100 + n))
    put_tree(tree, "logs", "net/")
    made = cli("init-table", "--location", ROOT)
    assert made.code == 0, made.err
    added = cli("add-partitions", "--since", "20d")
    assert added.code == 0, added.err
    return aws


def test_a_second_estimate_lists_less(logs: AthenaServer, cli: Callable[..., Ran]) -> None:
    """The same bytes for fewer calls, and a line that says so; --sizes off lists all."""
    before = len(logs.calls("S3.ListObjectsV2"))
    runs, listings = [], []
    for more in ((), (), ("--sizes", "off")):
        runs.append(cli("estimate", "reject-report", "--since", "19d", "--as", "json", *more))
        now = len(logs.calls("S3.ListObjectsV2"))
        listings.append(now - before)
        before = now
    assert [run.code for run in runs] == [0, 0, 0]
    assert len({run.out.partition('"bytes":')[2].split(",")[0] for run in runs}) == 1
    assert listings[0] == listings[2] == 20
    assert listings[1] <= 4 + 4
    assert "kept in" in runs[1].out
    assert "kept in" not in runs[0].out + runs[2].out


def test_a_network_without_sts(logs: AthenaServer, cli: Callable[..., Ran]) -> None:
    """Who may not ask whose credentials these are keeps sizes by the key."""
    listings = []
    for _ in range(2):
        logs.faults.add("STS.GetCallerIdentity", "AccessDenied", 403)
        before = len(logs.calls("S3.ListObjectsV2"))
        ran = cli("estimate", "reject-report", "--since", "19d", "--as", "json")
        assert ran.code == 0, ran.err
        listings.append(len(logs.calls("S3.ListObjectsV2")) - before)
    assert logs.faults.left == 0
    assert listings[1] < listings[0] == 20
