"""init-table --replace: killed anywhere, running it again ends with the new table whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from athena_server import AthenaServer

from athena_flow import tables
from athena_flow.aws import Account, S3Store
from athena_flow.errors import AccessDenied, AthenaFlowError, BadSetting, NotFound, TableDiffers
from athena_flow.glue import GlueCatalog
from athena_flow.gluetable import GlueDict, alterations, table_input
from athena_flow.layout import LAYOUTS, Partition
from athena_flow.local import DirStore, LocalCatalog
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.ports import Catalog, ObjectStore, no_progress
from athena_flow.table import Projection, TableSpec
from athena_flow.tables import Replacement
from athena_flow.window import HOUR, Window

FIRST = datetime(2026, 11, 18, tzinfo=UTC)
ACCOUNTS = ("111111111111", "222222222222")
DAYS = tuple(
    Partition(account, "us-east-1", FIRST + timedelta(days=day))
    for account in ACCOUNTS
    for day in range(4)
)
HOURS = tuple(replace(day, start=day.start + n * HOUR) for day in DAYS for n in (0, 9, 23))
"""Three hours of each day."""


@dataclass(frozen=True)
class Kit:
    """A catalog and a store, with a table of four days that two accounts delivered."""

    catalog: Catalog
    store: ObjectStore
    old: TableSpec
    put: Callable[[str], None]
    """Makes an object at a location and name."""

    def deliver(self, spec: TableSpec, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self.put(f"{spec.place(partition)}x.log.gz")

    def plan(self, spec: TableSpec, store: ObjectStore | None = None) -> Replacement | None:
        return tables.plan_replacement(spec, self.catalog, store or self.store, no_progress)

    def replace(self, spec: TableSpec, catalog: Catalog | None = None) -> Replacement | None:
        """As the command does it: look, then do."""
        wanted = self.plan(spec)
        if wanted:
            tables.replace_table(wanted, catalog or self.catalog, no_progress)
        return wanted

    def partitions(self, spec: TableSpec) -> set[tuple[Partition | None, str]]:
        return {(r.partition, r.location) for r in self.catalog.registered(spec, Window())}

    def is_whole(self, spec: TableSpec, partitions: Iterable[Partition]) -> bool:
        """Is the table this one, with these partitions in their places, and nothing left over?"""
        with pytest.raises(NotFound):
            self.catalog.table("db", "flows" + tables.KEEPER)
        found = self.catalog.table("db", "flows")
        return found == spec and self.partitions(spec) == {(p, spec.place(p)) for p in partitions}


@pytest.fixture(params=["local", "glue"])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    """Both catalogs and stores. The logs lie in hours, which a daily table reads as well."""
    if request.param == "local":
        yield from _local(tmp_path)
    else:
        request.getfixturevalue("aws")
        yield _ready(_on_glue())


def _local(folder: Path) -> Iterator[Kit]:
    catalog = LocalCatalog(folder / "catalog.sqlite")
    yield _ready(Kit(catalog, DirStore(), _daily(f"{folder}/logs/"), _write))
    catalog.close()


@cache
def _account() -> Account:
    """Kept, because opening one costs more than what most tests do with it."""
    return Account()


@cache
def _edges() -> tuple[GlueCatalog, S3Store, Any]:
    account = _account()
    return GlueCatalog(account), S3Store(account), account.client("s3")


def _on_glue() -> Kit:
    catalog, store, s3 = _edges()
    s3.create_bucket(Bucket="logs")

    def put(uri: str) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    return Kit(catalog, store, _daily("s3://logs/"), put)


def _daily(location: str) -> TableSpec:
    return TableSpec("db", "flows", location, DEFAULT, LAYOUTS["daily"])


def _write(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(b"x")


def _ready(kit: Kit) -> Kit:
    kit.catalog.create(kit.old)
    kit.catalog.add(kit.old, DAYS, no_progress)
    kit.deliver(hourly(kit.old), HOURS)
    return kit


def other_format(old: TableSpec) -> TableSpec:
    return replace(old, format=parse_format("version srcaddr dstaddr end"))


def hourly(old: TableSpec) -> TableSpec:
    return replace(old, layout=LAYOUTS["hourly"])


CHANGES = {"format": (other_format, DAYS), "layout": (hourly, HOURS)}
"""What becomes of the table, and the partitions that it has then."""


class Killed(BaseException):
    """What no handler may catch, as SIGKILL."""


class Mortal:
    """A catalog whose process is killed before or after its n-th write."""

    def __init__(self, real: Catalog, write: int, *, after: bool) -> None:
        self._real, self._left, self._after = real, write, after

    def __getattr__(self, name: str) -> object:
        method = getattr(self._real, name)
        if name not in ("create", "add", "drop"):
            return method

        def mortal(*arguments: object) -> object:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            done = method(*arguments)
            if self._left == 0:
                raise Killed
            return done

        return mortal


def die(kit: Kit, spec: TableSpec, write: int, *, after: bool = True) -> bool:
    """Does a replacement until it is killed; did that happen?"""
    try:
        kit.replace(spec, Mortal(kit.catalog, write, after=after))  # type: ignore[arg-type]  # a catalog in all it does
    except Killed:
        return True
    return False


# ---------------------------------------------------------------- whole, whatever happens


def test_the_new_table_has_the_old_partitions(kit: Kit) -> None:
    """Format changed, partitions kept, nothing else left behind; the second time is nothing."""
    new = other_format(kit.old)
    kit.catalog.add(kit.old, [replace(DAYS[0], start=FIRST + timedelta(days=30))], no_progress)
    wanted = kit.replace(new)
    assert wanted
    assert wanted.notes == ()
    ahead = replace(DAYS[0], start=FIRST + timedelta(days=30))
    assert kit.is_whole(new, {*DAYS, ahead})
    assert kit.replace(new) is None


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 7))
def test_killed_anywhere_it_is_finished_by_the_next_run(
    kit: Kit, write: int, after: bool, change: str
) -> None:
    """Whichever write a run dies at, the partitions are never lost, and a second run is enough."""
    change_of, partitions = CHANGES[change]
    new = change_of(kit.old)
    assert die(kit, new, write, after=after)
    kit.replace(new)
    assert kit.is_whole(new, partitions)


@pytest.mark.parametrize("change", CHANGES)
def test_killed_twice(tmp_path: Path, change: str) -> None:
    """The run that was to finish it dies as well, at each of its writes."""
    change_of, partitions = CHANGES[change]
    for writes in product(range(1, 7), range(1, 6)):
        folder = tmp_path / "-".join(map(str, writes))
        folder.mkdir()
        for kit in _local(folder):
            new = change_of(kit.old)
            for write in writes:
                die(kit, new, write)
            kit.replace(new)
            assert kit.is_whole(new, partitions), writes


def test_a_run_makes_six_writes(kit: Kit) -> None:
    """The deaths above cover every write: keeper, copy, drop, table, copy, drop."""
    assert not die(kit, other_format(kit.old), 7)


def test_glue_breaks_off_in_the_middle_of_a_drop(aws: AthenaServer) -> None:
    """The old table has lost some partitions and is there still: the keeper has them all."""
    kit = _ready(_on_glue())
    many = [Partition("333333333333", "eu-west-1", FIRST + n * HOUR * 24) for n in range(60)]
    kit.catalog.add(kit.old, many, no_progress)
    aws.faults.add("AWSGlue.BatchDeletePartition", "AccessDeniedException", message="no", after=1)
    new = other_format(kit.old)
    with pytest.raises(AthenaFlowError, match="AccessDenied"):
        kit.replace(new)
    assert len(kit.partitions(kit.old)) < len(many)
    kit.replace(new)
    assert kit.is_whole(new, {*DAYS, *many})


def test_another_replacement_waits_for_the_first(kit: Kit) -> None:
    """With one replacement unfinished, another is refused and loses nothing."""
    new = other_format(kit.old)
    assert die(kit, new, 3)
    with pytest.raises(TableDiffers, match="stopped half-way") as caught:
        kit.plan(hourly(kit.old))
    assert "--replace" in (caught.value.hint or "")
    assert new.format.header in (caught.value.hint or "")
    kit.replace(new)
    assert kit.is_whole(new, DAYS)


def test_a_plan_writes_nothing(kit: Kit) -> None:
    """Looked at and never done: the table is what it was."""
    for new in (other_format(kit.old), hourly(kit.old)):
        assert kit.plan(new)
        assert kit.is_whole(kit.old, DAYS)


def test_there_must_be_a_table(kit: Kit) -> None:
    """A table that does not exist is not replaced but created, without the flag."""
    with pytest.raises(NotFound, match="to replace"):
        kit.plan(replace(kit.old, name="another"))


def test_a_drop_that_left_only_what_is_not_read(kit: Kit) -> None:
    """Killed within a drop, with nothing left to carry over: the keeper's partitions count."""
    plain = replace(DAYS[0], start=FIRST - timedelta(days=1))
    kit.catalog.add(kit.old, [plain], no_progress)
    kit.deliver(kit.old, [plain])
    assert die(kit, hourly(kit.old), 2)
    kit.catalog.remove(kit.old, DAYS, no_progress)
    kit.replace(hourly(kit.old))
    assert kit.is_whole(hourly(kit.old), HOURS)


def test_a_plan_says_what_is_still_to_do(kit: Kit) -> None:
    """At each stage of an unfinished run, no more and no less."""
    new = other_format(kit.old)
    keeper = f"db.flows{tables.KEEPER}"
    stages = (
        (2, f"drop db.flows, create db.flows, add 8 partitions, drop {keeper}"),
        (3, f"create db.flows, add 8 partitions, drop {keeper}"),
        (4, f"add 8 partitions, drop {keeper}"),
    )
    for write, steps in stages:
        assert die(kit, new, write)
        wanted = kit.plan(new)
        assert wanted
        assert wanted.steps == steps
        assert len(list(wanted.statements())) == steps.count(",") + 1
        kit.replace(new)
        kit.replace(kit.old)


# ---------------------------------------------------------------- what init-table says meanwhile


@pytest.mark.parametrize("write", range(1, 6))
def test_init_table_says_that_a_replacement_is_unfinished(kit: Kit, write: int) -> None:
    """With the old table, without any, and with the new one: nothing is made, the end is named."""
    new = hourly(kit.old)
    assert die(kit, new, write)
    before = {name: _exists(kit, name) for name in ("flows", "flows" + tables.KEEPER)}
    for spec in (kit.old, new):
        with pytest.raises(TableDiffers, match=r"db\.flows was stopped half-way") as caught:
            tables.init_table(spec, kit.catalog, kit.store, ("--profile", "mine"))
        assert caught.value.hint == f"to finish it: {new.command('--replace', '--profile', 'mine')}"
    assert {name: _exists(kit, name) for name in before} == before
    kit.replace(new)
    assert tables.init_table(new, kit.catalog, kit.store) == (False, ())
    assert kit.is_whole(new, HOURS)


def _exists(kit: Kit, name: str) -> bool:
    try:
        kit.catalog.table("db", name)
    except NotFound:
        return False
    return True


def test_a_role_that_may_not_see_the_keeper_can_create_its_table(aws: AthenaServer) -> None:
    """A policy may name one table alone; what was not looked at is said."""
    kit = _on_glue()
    kit.put("s3://logs/AWSLogs/x")
    aws.faults.add("AWSGlue.GetTable", "AccessDeniedException", message="not yours")
    made, notes = tables.init_table(kit.old, kit.catalog, kit.store)
    assert made
    (note,) = notes
    assert "not checked whether a --replace was stopped" in note
    assert "not yours" in note


def test_a_long_name_can_have_no_keeper(aws: AthenaServer) -> None:
    """Athena's longest name is taken; Glue is not asked for a keeper, whose name it refuses."""
    kit = _ready(_on_glue())
    aws.log.clear()
    long = replace(kit.old, name="x" * 255)
    assert tables.init_table(long, kit.catalog, kit.store) == (True, ())
    assert {call["Name"] for call in aws.calls("AWSGlue.GetTable")} == {long.name}


# ---------------------------------------------------------------- another place


def test_only_hours_that_hold_objects_are_registered(kit: Kit) -> None:
    """From days to hours, 3 of each day's 24; how many are left out is said."""
    new = hourly(kit.old)
    wanted = kit.replace(new)
    assert wanted
    (note,) = wanted.notes
    assert note.startswith("168 of 192 hours hold no logs and are left out")
    assert kit.is_whole(new, HOURS)


def test_hours_become_their_day(kit: Kit) -> None:
    """Back again, each day is there once, and none is left out."""
    kit.replace(hourly(kit.old))
    wanted = kit.replace(kit.old)
    assert wanted
    assert wanted.notes == ()
    assert kit.is_whole(kit.old, DAYS)


def test_logs_that_the_new_table_does_not_read_are_told(kit: Kit) -> None:
    """Two days lie in no hour's folder: the hourly table cannot have them, and says which."""
    plain = tuple(replace(DAYS[0], start=FIRST - timedelta(days=n)) for n in (1, 2))
    kit.catalog.add(kit.old, plain, no_progress)
    kit.deliver(kit.old, plain)
    wanted = kit.replace(hourly(kit.old))
    assert wanted
    told = [note for note in wanted.notes if "does not read" in note]
    assert len(told) == 1
    assert told[0].startswith("2 partitions are left out")
    assert kit.old.place(plain[0]) in told[0]
    assert "layout daily" in told[0]
    assert kit.is_whole(hourly(kit.old), HOURS)


def test_another_location_has_what_lies_there(kit: Kit) -> None:
    """Of four days two were moved; the other two and what lay there before are told apart."""
    new = replace(kit.old, location=f"{kit.old.location}archive/")
    kit.deliver(new, DAYS[1:3])
    kit.deliver(new, [replace(DAYS[0], start=FIRST + timedelta(days=300))])
    wanted = kit.replace(new)
    assert wanted
    assert any(note.startswith("6 of 8 days hold no logs") for note in wanted.notes)
    assert any(note.startswith("6 partitions are left out whose logs") for note in wanted.notes)
    assert kit.is_whole(new, DAYS[1:3])


def test_a_place_that_has_nothing_is_refused(kit: Kit) -> None:
    """A layout or location in which none of the logs lie must not cost the table all it reads."""
    for change in (
        {"layout": LAYOUTS["hive-daily"]},
        {"location": f"{kit.old.location}to-come/"},
    ):
        with pytest.raises(BadSetting, match="has 8 partitions that hold logs in") as caught:
            kit.plan(replace(kit.old, **change))
        assert "discover" in (caught.value.hint or "")
    assert kit.is_whole(kit.old, DAYS)


def test_days_that_hold_nothing_anywhere_are_left_out(kit: Kit) -> None:
    """Partitions that were registered in vain are no reason to refuse."""
    empty = replace(kit.old, name="empty", location=f"{kit.old.location}none/")
    kit.catalog.create(empty)
    kit.catalog.add(empty, DAYS, no_progress)
    wanted = kit.plan(replace(kit.old, name="empty", layout=LAYOUTS["hive-daily"]))
    assert wanted
    assert wanted.partitions == ()
    assert wanted.notes == (
        "8 of 8 days hold no logs and are left out: add-partitions registers what comes",
    )


def test_files_beside_the_folders_of_hours_are_told(kit: Kit) -> None:
    """A day of both has its hours kept; the files that no hour holds are named."""
    kit.put(f"{kit.old.place(DAYS[0])}astray.log.gz")
    wanted = kit.plan(hourly(kit.old))
    assert wanted
    assert set(wanted.partitions) == set(HOURS)
    (note,) = [note for note in wanted.notes if "astray.log.gz" in note]
    assert note.startswith("in no folder of the layout")


def test_a_place_where_nothing_lies_yet_is_told(kit: Kit) -> None:
    """A location without AWSLogs/ may be meant, for a table that reads nothing: it is said."""
    old = replace(kit.old, name="empty", location=f"{kit.old.location}none/")
    kit.catalog.create(old)
    new = replace(old, location=f"{kit.old.location}to-come/")
    wanted = kit.plan(new)
    assert wanted
    assert wanted.partitions == ()
    assert wanted.notes == (f"no AWSLogs/ below {new.location} yet",)


class Closed:
    """A store that may not be listed, all of it or below some prefixes."""

    def __init__(self, real: ObjectStore, *prefixes: str) -> None:
        self._real, self._prefixes = real, prefixes

    def __getattr__(self, name: str) -> object:
        method = getattr(self._real, name)

        def asked(prefix: str, *more: object) -> object:
            if prefix.startswith(self._prefixes):
                raise AccessDenied(f"listing {prefix}: no")
            return method(prefix, *more)

        return asked


def test_a_store_that_may_not_be_listed_keeps_all(kit: Kit) -> None:
    """Nobody can say which hours hold logs: all 24 of each day, with the reason."""
    closed: ObjectStore = Closed(kit.store, kit.old.location)  # type: ignore[assignment]  # a store in all it does
    wanted = kit.plan(hourly(kit.old), closed)
    assert wanted
    assert len(wanted.partitions) == 24 * len(DAYS)
    assert any("so all are kept: listing" in note for note in wanted.notes)


def test_an_account_that_may_not_be_listed_keeps_its_own(kit: Kit) -> None:
    """Where one account is closed, the others are looked at."""
    shut = f"{kit.old.root}{ACCOUNTS[1]}/"
    closed: ObjectStore = Closed(kit.store, shut)  # type: ignore[assignment]  # as above
    wanted = kit.plan(hourly(kit.old), closed)
    assert wanted
    by_account = {a: [p for p in wanted.partitions if p.account == a] for a in ACCOUNTS}
    assert by_account[ACCOUNTS[0]] == [p for p in HOURS if p.account == ACCOUNTS[0]]
    assert len(by_account[ACCOUNTS[1]]) == 24 * 4
    assert any("so all kept" in note and shut in note for note in wanted.notes)


def test_a_bucket_that_is_not_there_is_found_before_anything_is_done(aws: AthenaServer) -> None:
    """A slip in --location must not cost the table its partitions."""
    kit = _ready(_on_glue())
    with pytest.raises(NotFound, match="no-such-bucket"):
        kit.plan(replace(kit.old, location="s3://no-such-bucket/"))
    assert kit.is_whole(kit.old, DAYS)


def test_partitions_of_other_values_or_places_are_told(aws: AthenaServer) -> None:
    """What somebody registered by hand does not vanish, or move, in silence."""
    kit = _ready(_on_glue())
    glue = _account().client("glue")
    storage = table_input(kit.old)["StorageDescriptor"]
    for values, place in (
        (["everybody", "us-east-1", "2026-11-30"], "s3://logs/odd/"),
        (["333333333333", "us-east-1", "2026-11-30"], "s3://restored/"),
    ):
        entry = {"Values": values, "StorageDescriptor": {**storage, "Location": place}}
        glue.create_partition(DatabaseName="db", TableName="flows", PartitionInput=entry)
    wanted = kit.replace(other_format(kit.old))
    assert wanted
    assert [note.partition(":")[0] for note in wanted.notes] == [
        "1 partition is not kept, with values that are none of ours",
        "1 partition is put back where the layout says",
    ]
    assert "s3://logs/odd/" in wanted.notes[0]
    assert "s3://restored/" in wanted.notes[1]
    here = Partition("333333333333", "us-east-1", datetime(2026, 11, 30, tzinfo=UTC))
    assert kit.is_whole(other_format(kit.old), {*DAYS, here})


# ---------------------------------------------------------------- projection


def projected(old: TableSpec, **change: object) -> TableSpec:
    computed = Projection(date(2026, 11, 19), ("us-east-1",), ACCOUNTS)
    return replace(old, partitions="projection", projection=replace(computed, **change))


def test_projection_needs_no_partitions(kit: Kit) -> None:
    """They are no longer registered; those that it does not compute are told."""
    new = projected(kit.old, accounts=ACCOUNTS[:1])
    wanted = kit.replace(new)
    assert wanted
    assert [note for note in wanted.notes if "no longer needed" in note]
    (left,) = [note for note in wanted.notes if "not among the projected" in note]
    assert f"projection leaves out logs that lie there: {ACCOUNTS[1]} us-east-1" in wanted.notes
    assert left.startswith("5 partitions are not among the projected")
    assert kit.is_whole(new, ())


def test_from_projection_the_way_back_is_named(kit: Kit) -> None:
    """A projected table has no partitions to keep: what registers them is said."""
    kit.replace(projected(kit.old))
    wanted = kit.replace(kit.old)
    assert wanted
    assert any("add-partitions --since 2026-11-19" in note for note in wanted.notes)
    assert kit.is_whole(kit.old, ())


@pytest.mark.parametrize("layout", ["daily", "hourly"])
def test_prefixes_that_projection_lists_in_vain(kit: Kit, layout: str) -> None:
    """Two accounts in one region delivered; the more is projected, the more is listed."""
    spec = replace(kit.old, layout=LAYOUTS[layout], name="another")

    def notes(**change: object) -> tuple[str, ...]:
        return tables.init_table(projected(spec, **change), kit.catalog, kit.store)[1]

    assert notes() == ()
    kit.catalog.drop(spec)
    regions = ("us-east-1", "eu-west-1", "sa-east-1")
    step = {"daily": "day", "hourly": "hour"}[layout]
    (note,) = notes(regions=regions)
    assert f"every query list 6 prefixes for each {step}, of which 2 hold logs" in note
    kit.catalog.drop(spec)
    (note,) = notes(regions=regions, accounts=())
    assert f"queries of 2 accounts list 6 prefixes for each {step}, of which 2 hold" in note
    kit.catalog.drop(spec)
    assert notes(accounts=()) == ()
    kit.catalog.drop(spec)
    (note,) = notes(accounts=ACCOUNTS[:1])
    assert note == f"projection leaves out logs that lie there: {ACCOUNTS[1]} us-east-1"


# ---------------------------------------------------------------- a table that somebody altered


def _renamed(table: GlueDict) -> None:
    table["StorageDescriptor"]["Columns"][3]["Name"] = "source"


def _retyped(table: GlueDict) -> None:
    table["StorageDescriptor"]["Columns"][5]["Type"] = "bigint"


def _headers(table: GlueDict) -> None:
    table["Parameters"]["skip.header.line.count"] = "2"


def _moved(table: GlueDict) -> None:
    table["StorageDescriptor"]["Location"] = "s3://logs/elsewhere"


def _delimited(table: GlueDict) -> None:
    table["StorageDescriptor"]["SerdeInfo"]["Parameters"]["field.delim"] = ","


def _serde(table: GlueDict) -> None:
    table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] = "org.openx.JsonSerDe"


def _key(table: GlueDict) -> None:
    table["PartitionKeys"][2]["Type"] = "date"


ALTERED = {
    "its columns are not those of its athena_flow.log_format"
    " (number 4 is source string, not srcaddr string)": _renamed,
    "its columns are not those of its athena_flow.log_format"
    " (number 6 is srcport bigint, not srcport int)": _retyped,
    "its property skip.header.line.count is 2, not 1": _headers,
    "its LOCATION is s3://logs/elsewhere/, not s3://logs/AWSLogs/": _moved,
    "its field delimiter is ,, not ' '": _delimited,
    "its SerDe is org.openx.JsonSerDe, not org.apache.hadoop.hive.serde2.lazy"
    ".LazySimpleSerDe": _serde,
    "its partition keys are not those of its athena_flow.log_format"
    " (number 3 is date date, not date string)": _key,
}


@pytest.mark.parametrize("said", ALTERED, ids=lambda said: ALTERED[said].__name__)
def test_an_altered_table_is_told_and_mended(aws: AthenaServer, said: str) -> None:
    """init-table says what was altered and the command that mends it; the partitions stay."""
    kit = _ready(_on_glue())
    assert tables.init_table(kit.old, kit.catalog, kit.store) == (False, ())
    assert kit.replace(kit.old) is None
    table = table_input(kit.old)
    ALTERED[said](table)
    _account().client("glue").update_table(DatabaseName="db", TableInput=table)
    with pytest.raises(TableDiffers, match="was altered") as caught:
        tables.init_table(kit.old, kit.catalog, kit.store)
    assert caught.value.message == f"table db.flows was altered: {said}"
    assert (caught.value.hint or "").endswith(kit.old.command("--replace"))
    kit.replace(kit.old)
    assert kit.is_whole(kit.old, DAYS)
    assert alterations(kit.old, kit.catalog.described("db", "flows")) == []


def test_a_projection_that_was_altered_is_told_and_mended(aws: AthenaServer) -> None:
    """Switched off, or with a range that ends today, a projected table reads too little."""
    kit = _on_glue()
    kit.put("s3://logs/AWSLogs/x")
    spec = projected(kit.old)
    kit.catalog.create(spec)
    for key, value, said in (
        ("projection.enabled", "false", "is false, not true"),
        ("projection.date.range", "2026/11/19,NOW", "is 2026/11/19,NOW, not 2026/11/19,NOW+1DAYS"),
        ("projection.date.interval", None, "is gone"),
    ):
        table = table_input(spec)
        table["Parameters"][key] = value
        if value is None:
            del table["Parameters"][key]
        _account().client("glue").update_table(DatabaseName="db", TableInput=table)
        with pytest.raises(TableDiffers) as caught:
            tables.init_table(spec, kit.catalog, kit.store)
        assert f"its property {key} {said}" in caught.value.message
        kit.replace(spec)
        assert kit.is_whole(spec, ())
