"""What a Catalog promises, asked of Glue (on the bench) and of the local file alike."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from athena_server import AthenaServer

from athena_flow.aws import Account
from athena_flow.errors import (
    AccessDenied,
    ForeignTable,
    NoCredentials,
    NotFound,
    TableDiffers,
)
from athena_flow.glue import GlueCatalog
from athena_flow.layout import LAYOUTS, Partition
from athena_flow.local import LocalCatalog
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.ports import Applied, Catalog, no_progress
from athena_flow.table import TableSpec
from athena_flow.window import DAY, HOUR, Window

FIRST = datetime(2026, 11, 18, tzinfo=UTC)
ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-west-1")
HOSTILE = parse_format("end start bytes srcaddr account-id region tcp-flags log-status")

Stored = dict[str, Any]


@dataclass(frozen=True)
class Kit:
    """A catalog, and the ways around it by which a test looks and meddles."""

    open: Callable[[], Catalog]
    location: str
    partitions: Callable[[], list[Stored]]
    """Every partition of the table, as it is stored."""
    table: Callable[[], Stored]
    """The table, as it is stored."""
    put_table: Callable[[Stored], None]
    """Writes another table over it, behind the catalog's back."""
    put_partition: Callable[[Stored], None]
    """Writes another partition over one, likewise."""


@cache
def account() -> Account:
    """Kept, because opening one costs more than what most tests do with it."""
    return Account()


def _glue_kit() -> Kit:
    glue = account().client("glue")
    where = {"DatabaseName": "flow", "TableName": "logs"}

    def partitions() -> list[Stored]:
        pages = glue.get_paginator("get_partitions").paginate(**where)
        return [entry for page in pages for entry in page["Partitions"]]

    def put_table(table: Stored) -> None:
        glue.update_table(DatabaseName="flow", TableInput=table)

    def put_partition(entry: Stored) -> None:
        kept = {key: entry[key] for key in ("Values", "StorageDescriptor")}
        glue.update_partition(PartitionValueList=entry["Values"], PartitionInput=kept, **where)

    return Kit(
        open=lambda: GlueCatalog(account()),
        location="s3://bucket/net/",
        partitions=partitions,
        table=lambda: glue.get_table(DatabaseName="flow", Name="logs")["Table"],
        put_table=put_table,
        put_partition=put_partition,
    )


def _local_kit(folder: Path) -> Kit:
    file = folder / "deep" / "catalog.sqlite"

    def read(sql: str) -> list[Stored]:
        with sqlite3.connect(file) as db:
            found = [json.loads(text) for (text,) in db.execute(sql)]
        db.close()
        return found

    def put_table(table: Stored) -> None:
        with sqlite3.connect(file) as db:
            db.execute("UPDATE tables SET table_input = ?", (json.dumps(table),))
        db.close()

    def put_partition(entry: Stored) -> None:
        row = (json.dumps(entry), "/".join(entry["Values"]))
        with sqlite3.connect(file) as db:
            db.execute("UPDATE partitions SET partition_input = ? WHERE key = ?", row)
        db.close()

    return Kit(
        open=lambda: LocalCatalog(file),
        location="/somewhere/net/",
        partitions=lambda: read("SELECT partition_input FROM partitions"),
        table=lambda: read("SELECT table_input FROM tables")[0],
        put_table=put_table,
        put_partition=put_partition,
    )


@pytest.fixture(params=["glue", "local"])
def kit(request: pytest.FixtureRequest) -> Kit:
    if request.param == "glue":
        request.getfixturevalue("aws")
        return _glue_kit()
    return _local_kit(request.getfixturevalue("tmp_path"))


@pytest.fixture
def catalog(kit: Kit) -> Iterator[Catalog]:
    found = kit.open()
    yield found
    if isinstance(found, LocalCatalog):
        found.close()


@pytest.fixture
def spec(kit: Kit) -> TableSpec:
    return TableSpec("flow", "logs", kit.location, DEFAULT, LAYOUTS["daily"])


@pytest.fixture
def glue_only(aws: AthenaServer) -> tuple[AthenaServer, GlueCatalog, TableSpec]:
    """For what only a service can do: refuse, throttle, fail in part."""
    catalog = GlueCatalog(account())
    spec = TableSpec("flow", "logs", "s3://bucket/", DEFAULT, LAYOUTS["daily"])
    catalog.create(spec)
    return aws, catalog, spec


def days(count: int, *, account: str = ACCOUNTS[0], region: str = REGIONS[0]) -> list[Partition]:
    return [Partition(account, region, FIRST + n * DAY) for n in range(count)]


def add(catalog: Catalog, spec: TableSpec, partitions: Iterable[Partition]) -> Applied:
    return catalog.add(spec, partitions, no_progress)


def registered(catalog: Catalog, spec: TableSpec, window: Window | None = None) -> list[Any]:
    """The window's partitions, sorted; each of them must be there once."""
    found = sorted(catalog.registered(spec, window or Window()))
    assert len(found) == len(set(found))
    return [entry.partition for entry in found]


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("fmt", [DEFAULT, HOSTILE], ids=["default", "custom"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_create_makes_database_and_table(kit: Kit, catalog: Catalog, layout: str, fmt: Any) -> None:
    """A new table comes back from the catalog, opened anew, as the spec that made it."""
    spec = TableSpec("flow", "logs", kit.location, fmt, LAYOUTS[layout])
    assert catalog.create(spec) is True
    assert kit.open().table("flow", "logs") == spec


def test_a_second_create_changes_nothing(kit: Kit, catalog: Catalog, spec: TableSpec) -> None:
    """Creating the table that is there says False, and leaves it and its partitions."""
    catalog.create(spec)
    add(catalog, spec, days(2))
    before = kit.table()
    assert catalog.create(spec) is False
    assert kit.table() == before
    assert registered(catalog, spec) == days(2)


def test_two_tables_of_one_database(catalog: Catalog, spec: TableSpec) -> None:
    """A database that is there is no obstacle, and tables know only their own partitions."""
    other = replace(spec, name="others")
    assert catalog.create(spec)
    assert catalog.create(other)
    add(catalog, spec, days(3))
    assert registered(catalog, other) == []
    assert len(registered(catalog, spec)) == 3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"layout": LAYOUTS["hourly"]}, "hourly"),
        ({"format": HOSTILE}, "log format"),
        ({"location": "s3://elsewhere/"}, "s3://elsewhere/"),
    ],
    ids=["layout", "format", "location"],
)
def test_another_table_of_the_name_is_an_error(
    kit: Kit, catalog: Catalog, spec: TableSpec, change: dict[str, Any], named: str
) -> None:
    """A table that differs is named with the difference, and stays as it was."""
    catalog.create(spec)
    before = kit.table()
    with pytest.raises(TableDiffers, match=named):
        catalog.create(replace(spec, **change))
    assert kit.table() == before


def test_a_foreign_table_is_refused(kit: Kit, catalog: Catalog, spec: TableSpec) -> None:
    """A table that somebody else made is neither read nor replaced; the error names it."""
    foreign = {
        "Name": "logs",
        "PartitionKeys": [{"Name": "day", "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [{"Name": "srcaddr", "Type": "string"}],
            "Location": kit.location,
        },
        "Parameters": {"made.by": "hand"},
    }
    catalog.create(spec)
    kit.put_table(foreign)
    before = kit.table()
    for ask in (lambda: catalog.table("flow", "logs"), lambda: catalog.create(spec)):
        with pytest.raises(ForeignTable, match=r"flow\.logs was not created by athena-flow") as e:
            ask()
        assert e.value.hint
    assert kit.table() == before


def test_a_table_whose_columns_were_altered_is_refused(
    kit: Kit, catalog: Catalog, spec: TableSpec
) -> None:
    """Columns that no longer are those of the remembered format are an error that says which."""
    catalog.create(spec)
    kept = ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    altered = {key: value for key, value in kit.table().items() if key in kept}
    altered["StorageDescriptor"]["Columns"][3]["Type"] = "bigint"
    kit.put_table(altered)
    with pytest.raises(TableDiffers, match="srcaddr"):
        catalog.table("flow", "logs")


@pytest.mark.parametrize("database", ["flow", "no_such_database"])
def test_a_missing_table_is_not_found(catalog: Catalog, spec: TableSpec, database: str) -> None:
    """Neither a missing table nor a missing database is anything but NotFound, by name."""
    catalog.create(replace(spec, name="another"))
    with pytest.raises(NotFound, match=rf"{database}\.logs") as caught:
        catalog.table(database, "logs")
    assert "init-table" in (caught.value.hint or "")


def test_adding_to_a_missing_table_is_not_found(catalog: Catalog, spec: TableSpec) -> None:
    """Partitions of a table that is gone are refused and not kept for later."""
    with pytest.raises(NotFound):
        add(catalog, spec, days(1))


# ---------------------------------------------------------------- which partitions a window reads


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}+00:00")


WINDOWS = {
    "all": Window(),
    "one day": Window(at("19T00:00"), at("20T00:00")),
    "a day and a second": Window(at("19T00:00"), at("20T00:00:01")),
    "a second before": Window(at("18T23:59:59"), at("20T00:00")),
    "within an hour": Window(at("19T10:05"), at("19T10:50")),
    "one hour": Window(at("19T10:00"), at("19T11:00")),
    "over midnight": Window(at("18T22:30"), at("19T01:30")),
    "over two midnights": Window(at("18T22:30"), at("20T00:00:01")),
    "late over midnight": Window(at("18T20:00"), at("18T23:00"), late=timedelta(hours=2)),
    "late by a second": Window(at("18T20:00"), at("19T00:00"), late=timedelta(seconds=1)),
    "open start": Window(None, at("18T02:00")),
    "open end": Window(at("20T21:10"), None),
    "before everything": Window(at("01T00:00"), at("02T00:00")),
    "one account": Window(at("19T00:00"), at("20T00:00"), accounts=(ACCOUNTS[1],)),
    "one region": Window(at("19T10:00"), at("19T12:00"), regions=(REGIONS[0],)),
    "both": Window(accounts=ACCOUNTS, regions=(REGIONS[1],)),
    "nobody's account": Window(accounts=("999999999999",)),
    "open, one account and region": Window(None, None, (ACCOUNTS[0],), (REGIONS[1],)),
}


def touched(window: Window, partitions: Iterable[Partition], step: timedelta) -> list[Partition]:
    """Second by second in mind: a partition holds times in [start, start + step)."""
    return sorted(
        p
        for p in partitions
        if (window.start is None or p.start + step > window.start)
        and (window.end is None or p.start < window.end + window.late)
        and (not window.accounts or p.account in window.accounts)
        and (not window.regions or p.region in window.regions)
    )


@pytest.mark.parametrize("layout", ["daily", "hive-hourly"])
def test_a_window_reads_exactly_its_partitions(
    kit: Kit, catalog: Catalog, spec: TableSpec, layout: str
) -> None:
    """Days and hours at the window's edges, accounts and regions: none too many, none missing."""
    spec = replace(spec, layout=LAYOUTS[layout])
    catalog.create(spec)
    step = HOUR if layout == "hive-hourly" else DAY
    every = [
        Partition(account, region, FIRST + n * step)
        for account, region in product(ACCOUNTS, REGIONS)
        for n in range(3 * DAY // step)
    ]
    add(catalog, spec, every)
    expected = {title: touched(window, every, step) for title, window in WINDOWS.items()}
    found = {title: registered(catalog, spec, window) for title, window in WINDOWS.items()}
    assert found == expected
    sizes = {title: len(partitions) for title, partitions in expected.items()}
    by_hand = {"one day": 4, "over midnight": 8, "one region": 2, "late by a second": 8}
    if layout == "hive-hourly":
        by_hand = {"one day": 96, "over midnight": 16, "one region": 4, "late by a second": 20}
    assert by_hand.items() <= sizes.items()


def test_locations_are_those_of_the_layout(kit: Kit, catalog: Catalog, spec: TableSpec) -> None:
    """A partition is read where AWS delivers it, below the table's location."""
    catalog.create(spec)
    add(catalog, spec, days(1, account=ACCOUNTS[1], region=REGIONS[1]))
    (found,) = catalog.registered(spec, Window())
    where = "AWSLogs/444455556666/vpcflowlogs/eu-west-1/2026/11/18/"
    assert found.location == kit.location + where


# ---------------------------------------------------------------- adding


def test_adding_twice_adds_nothing(kit: Kit, catalog: Catalog, spec: TableSpec) -> None:
    """The second time, all are there already, and none is there twice."""
    catalog.create(spec)
    assert add(catalog, spec, days(3)) == Applied(done=tuple(days(3)))
    assert add(kit.open(), spec, days(3)) == Applied(already=tuple(days(3)))
    assert registered(catalog, spec) == days(3)


def test_one_that_is_there_is_no_failure(catalog: Catalog, spec: TableSpec) -> None:
    """A partition that somebody else registered meanwhile, in the middle of a batch."""
    catalog.create(spec)
    first, second, third = days(3)
    add(catalog, spec, [second])
    assert add(catalog, spec, [first, second, third]) == Applied((first, third), (second,))


def test_nothing_to_add(catalog: Catalog, spec: TableSpec) -> None:
    """An empty list is added without a word."""
    catalog.create(spec)
    assert add(catalog, spec, []) == Applied()


@pytest.mark.parametrize("count", [100, 101, 1_250])
def test_more_than_one_batch(
    request: pytest.FixtureRequest, kit: Kit, catalog: Catalog, spec: TableSpec, count: int
) -> None:
    """Hundreds go in and come back out, in as few calls as Glue's limit allows."""
    catalog.create(spec)
    wanted = days(count)
    assert add(catalog, spec, wanted) == Applied(done=tuple(wanted))
    assert registered(catalog, spec) == wanted
    if isinstance(catalog, GlueCatalog):
        calls = request.getfixturevalue("aws").calls("AWSGlue.BatchCreatePartition")
        assert len(calls) == math.ceil(count / 100)


@pytest.mark.parametrize("reports", [0, 1, 2])
def test_killed_and_repeated(kit: Kit, catalog: Catalog, spec: TableSpec, reports: int) -> None:
    """Killed at any report of progress, then run again: every partition is there, once."""
    catalog.create(spec)
    wanted = days(250)
    left = iter(range(reports))

    def killed(what: str, done: int, total: int | None) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        catalog.add(spec, wanted, killed)
    before = registered(catalog, spec)
    again = add(kit.open(), spec, wanted)
    assert sorted(again.already) == before
    assert sorted(again.done + again.already) == wanted
    assert again.failed == ()
    assert registered(catalog, spec) == wanted


def test_a_source_that_breaks_off(kit: Kit, catalog: Catalog, spec: TableSpec) -> None:
    """When the partitions to add end in an error, what is registered is still well-formed."""
    catalog.create(spec)

    def source() -> Iterator[Partition]:
        yield from days(150)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add(catalog, spec, source())
    assert set(registered(kit.open(), spec)) <= set(days(150))
    add(catalog, spec, days(150))
    assert registered(catalog, spec) == days(150)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_partition_is_complete(kit: Kit, catalog: Catalog, spec: TableSpec, layout: str) -> None:
    """Athena reads a partition by its own descriptor: all that the table says, and its place."""
    spec = replace(spec, layout=LAYOUTS[layout], format=HOSTILE)
    catalog.create(spec)
    add(catalog, spec, days(1))
    table = kit.table()["StorageDescriptor"]
    (partition,) = kit.partitions()
    found = partition["StorageDescriptor"]
    values = [ACCOUNTS[0], REGIONS[0], "2026-11-18", "00"]
    assert partition["Values"] == values[: len(spec.layout.keys)]
    assert [(c["Name"], c["Type"]) for c in found["Columns"]] == [
        ("end", "bigint"),
        ("start", "bigint"),
        ("bytes", "bigint"),
        ("srcaddr", "string"),
        ("account_id", "string"),
        ("region", "string"),
        ("tcp_flags", "int"),
        ("log_status", "string"),
    ]
    told = [{k: c[k] for k in ("Name", "Type")} for c in table["Columns"]]
    assert told == [{k: c[k] for k in ("Name", "Type")} for c in found["Columns"]]
    assert found["Location"] == kit.location + spec.layout.prefix(days(1)[0])
    assert found["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    assert found["OutputFormat"].endswith("HiveIgnoreKeyTextOutputFormat")
    serde = found["SerdeInfo"]
    assert serde["SerializationLibrary"].endswith("lazy.LazySimpleSerDe")
    assert serde["Parameters"]["field.delim"] == " "
    assert serde == table["SerdeInfo"]


# ---------------------------------------------------------------- removing and mending

WRITES = ("add", "remove", "mend")
SIZES = {"add": 100, "remove": 25, "mend": 100}
OPERATIONS = {"add": "Create", "remove": "Delete", "mend": "Update"}


def spoil(kit: Kit, every: int = 1) -> None:
    """Each such partition lies elsewhere, has another SerDe and one column too many."""
    for entry in kit.partitions()[::every]:
        storage = entry["StorageDescriptor"]
        storage["Location"] = "s3://elsewhere/" + "/".join(entry["Values"])
        storage["Columns"].append({"Name": "more", "Type": "string"})
        storage["SerdeInfo"]["SerializationLibrary"] = "another"
        kit.put_partition(entry)


def storages(kit: Kit) -> dict[tuple[str, ...], Stored]:
    return {tuple(entry["Values"]): entry["StorageDescriptor"] for entry in kit.partitions()}


def test_removing_takes_just_those(kit: Kit, catalog: Catalog, spec: TableSpec) -> None:
    """The others stay; those that are gone already are told apart, and no failure."""
    catalog.create(spec)
    other = replace(spec, name="others")
    catalog.create(other)
    add(catalog, spec, days(5))
    add(catalog, other, days(5))
    first, second, third, *rest = days(5)
    assert catalog.remove(spec, [third, first], no_progress) == Applied(done=(third, first))
    again = kit.open().remove(spec, [first, second], no_progress)
    assert again == Applied(done=(second,), already=(first,))
    assert registered(catalog, spec) == rest
    assert registered(catalog, other) == days(5)
    assert catalog.remove(spec, [], no_progress) == Applied()


def test_mending_writes_the_whole_partition_anew(
    kit: Kit, catalog: Catalog, spec: TableSpec
) -> None:
    """Location, format and columns are as `add` writes them; the others stay as they are."""
    catalog.create(spec)
    add(catalog, spec, days(3))
    good = storages(kit)
    spoil(kit)
    bad = storages(kit)
    first, _, third = days(3)
    for _ in range(2):
        assert catalog.mend(spec, [first, third], no_progress) == Applied(done=(first, third))
        assert storages(kit) == {
            values: (bad if values[2] == "2026-11-19" else good)[values] for values in good
        }
    assert catalog.mend(spec, [], no_progress) == Applied()


def test_what_is_gone_cannot_be_mended(kit: Kit, catalog: Catalog, spec: TableSpec) -> None:
    """It is not made again: somebody removed it; it is a failure with a reason."""
    catalog.create(spec)
    add(catalog, spec, days(1))
    here, gone = days(2)
    applied = catalog.mend(spec, [here, gone], no_progress)
    assert applied == Applied(done=(here,), failed=((gone, "is not registered any more"),))
    assert registered(catalog, spec) == [here]


@pytest.mark.parametrize("write", ["remove", "mend"])
def test_writing_to_a_missing_table(catalog: Catalog, spec: TableSpec, write: str) -> None:
    """A table that is gone is NotFound, and no list of partitions that are gone."""
    with pytest.raises(NotFound):
        getattr(catalog, write)(spec, days(1), no_progress)


@pytest.mark.parametrize(("write", "count"), [("remove", 60), ("mend", 250)])
def test_batches_of_removals_and_repairs(
    request: pytest.FixtureRequest,
    kit: Kit,
    catalog: Catalog,
    spec: TableSpec,
    write: str,
    count: int,
) -> None:
    """All are done, in as few calls as Glue's limits allow: 25 for one, 100 for the other."""
    catalog.create(spec)
    add(catalog, spec, days(count))
    good = storages(kit)
    assert getattr(catalog, write)(spec, days(count), no_progress) == Applied(tuple(days(count)))
    assert storages(kit) == ({} if write == "remove" else good)
    if isinstance(catalog, GlueCatalog):
        aws = request.getfixturevalue("aws")
        calls = aws.calls(f"AWSGlue.Batch{OPERATIONS[write]}Partition")
        assert len(calls) == math.ceil(count / SIZES[write])


@pytest.mark.parametrize("reports", [0, 2])
@pytest.mark.parametrize("write", ["remove", "mend"])
def test_killed_while_it_removes_or_mends(
    kit: Kit, catalog: Catalog, spec: TableSpec, write: str, reports: int
) -> None:
    """Killed at any report of progress, then run again: all of it is done."""
    catalog.create(spec)
    count = 3 * SIZES[write]
    add(catalog, spec, days(count))
    good = storages(kit)
    if write == "mend":
        spoil(kit, every=25)
    left = iter(range(reports))

    def killed(what: str, done: int, total: int | None) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        getattr(catalog, write)(spec, days(count), killed)
    applied = getattr(kit.open(), write)(spec, days(count), no_progress)
    assert applied.failed == ()
    assert sorted(applied.done + applied.already) == days(count)
    assert storages(kit) == ({} if write == "remove" else good)


@pytest.mark.parametrize("write", WRITES)
def test_ctrl_c_in_the_middle_of_a_file(tmp_path: Path, write: str) -> None:
    """The local catalog does all or nothing, and says which."""
    catalog = LocalCatalog(tmp_path / "c.sqlite")
    spec = TableSpec("flow", "logs", "/net/", DEFAULT, LAYOUTS["daily"])
    catalog.create(spec)
    if write != "add":
        add(catalog, spec, days(9))

    def source() -> Iterator[Partition]:
        yield from days(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="partitions: none is done"):
        getattr(catalog, write)(spec, source(), no_progress)
    assert len(registered(catalog, spec)) == (0 if write == "add" else 9)
    catalog.close()


# ---------------------------------------------------------------- what only a service does


@pytest.mark.parametrize("write", WRITES)
def test_ctrl_c_says_how_many_are_done(
    glue_only: tuple[AthenaServer, GlueCatalog, TableSpec], write: str
) -> None:
    """And tells the truth: what is on its way is waited for, what is not begun is left."""
    _, catalog, spec = glue_only
    count = 12 * SIZES[write]
    if write != "add":
        add(catalog, spec, days(count))
    reports = iter([KeyboardInterrupt])

    def stopped(what: str, done: int, total: int | None) -> None:
        if error := next(reports, None):
            raise error

    with pytest.raises(KeyboardInterrupt) as caught:
        getattr(catalog, write)(spec, days(count), stopped)
    match = re.search(rf"partitions: ([\d,]+) of {count:,} are done", str(caught.value))
    assert match
    done = int(match[1].replace(",", ""))
    assert 0 < done < count
    here = len(registered(catalog, spec))
    assert here == {"add": done, "remove": count - done, "mend": count}[write]


def test_ctrl_c_while_it_waits_to_ask_again(
    glue_only: tuple[AthenaServer, GlueCatalog, TableSpec],
) -> None:
    """Between two rounds it says what is in, too."""
    aws, _, spec = glue_only
    operation = "AWSGlue.BatchCreatePartition"
    aws.faults.refuse(operation, lambda values: values[2] == "2026-11-19", times=9)

    def pause(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="adding partitions: 4 of 5 are done"):
        add(GlueCatalog(account(), pause), spec, days(5))


@pytest.mark.parametrize("write", WRITES)
def test_an_answer_that_breaks_off_hides_no_failure(
    glue_only: tuple[AthenaServer, GlueCatalog, TableSpec], write: str
) -> None:
    """Half an answer is not taken for one without errors: the call is repeated."""
    aws, catalog, spec = glue_only
    add(catalog, spec, days(3) if write == "add" else days(5))
    operation = f"AWSGlue.Batch{OPERATIONS[write]}Partition"
    aws.log.clear()
    aws.faults.refuse(
        operation, lambda values: values[2] == "2026-11-22", "InvalidInputException", "no", times=9
    )
    aws.faults.cut(operation)
    applied = getattr(catalog, write)(spec, days(5), no_progress)
    assert len(aws.calls(operation)) == 2
    assert applied.failed == ((days(5)[4], "InvalidInputException: no"),)
    assert sorted(applied.done + applied.already) == days(5)[:4]
    aws.faults.clear()


def test_a_partition_that_lies_nowhere(
    glue_only: tuple[AthenaServer, GlueCatalog, TableSpec],
) -> None:
    """One that somebody made without a LOCATION is read as that, and can be mended."""
    _, catalog, spec = glue_only
    (day,) = days(1)
    account().client("glue").create_partition(
        DatabaseName="flow", TableName="logs", PartitionInput={"Values": list(spec.values(day))}
    )
    (found,) = catalog.registered(spec, Window())
    assert (found.partition, found.location) == (day, "")
    assert catalog.mend(spec, [day], no_progress) == Applied((day,))
    (found,) = catalog.registered(spec, Window())
    assert found.location == spec.place(day)


def test_pages_are_read_in_segments(
    glue_only: tuple[AthenaServer, GlueCatalog, TableSpec],
) -> None:
    """2,500 partitions: every one is there once, throttled or cut on the way."""
    aws, catalog, spec = glue_only
    wanted = sorted(p for n in range(5) for p in days(500, account=f"{n:012}"))
    assert len(add(catalog, spec, wanted).done) == 2_500
    aws.faults.add("AWSGlue.GetPartitions", "ThrottlingException", after=3)
    aws.faults.cut("AWSGlue.GetPartitions", after=2)
    assert registered(catalog, spec) == wanted
    assert aws.faults.left == 0
    asked = [call.get("Segment") for call in aws.calls("AWSGlue.GetPartitions")]
    assert asked[0] is None
    assert {segment["SegmentNumber"] for segment in asked[1:]} == {0, 1, 2, 3, 4}
    assert {segment["TotalSegments"] for segment in asked[1:]} == {5}
    assert len(asked) == 1 + 5 + 2


def test_a_partition_that_glue_refuses_is_listed(
    glue_only: tuple[AthenaServer, GlueCatalog, TableSpec],
    refuse_partitions: Callable[..., None],
) -> None:
    """A failure inside a successful answer ends in `failed` with Glue's reason; others go in."""
    spec, waits = glue_only[2], []
    catalog = GlueCatalog(account(), waits.append)
    add(catalog, spec, days(1))
    refuse_partitions("2026-11-19", "2026-11-21")
    one, two, three, four, five = days(5)
    applied = add(catalog, spec, days(5))
    reason = "InternalServiceException: try again"
    assert sorted(waits) == [0.5, 2.0]
    assert applied == Applied((three, five), (one,), ((two, reason), (four, reason)))
    assert registered(catalog, spec) == [one, three, five]


def test_a_batch_that_fails_keeps_those_before_it(
    glue_only: tuple[AthenaServer, GlueCatalog, TableSpec],
) -> None:
    """Denied half-way: what is not done is listed, and the same call again does it."""
    aws, catalog, spec = glue_only
    aws.faults.add("AWSGlue.BatchCreatePartition", "AccessDeniedException", message="no", after=1)
    applied = add(catalog, spec, days(250))
    assert sorted(applied.done + tuple(p for p, _ in applied.failed)) == days(250)
    assert all("no" in reason for _, reason in applied.failed)
    assert len(applied.failed) in (50, 100)
    assert registered(catalog, spec) == sorted(applied.done)
    again = add(catalog, spec, days(250))
    assert (len(again.done), len(again.already)) == (len(applied.failed), len(applied.done))


def test_a_denial_of_all(glue_only: tuple[AthenaServer, GlueCatalog, TableSpec]) -> None:
    """Where nothing could be done it is one error, and not each batch is tried."""
    aws, catalog, spec = glue_only
    aws.faults.add("AWSGlue.BatchCreatePartition", "AccessDeniedException", message="no", times=99)
    with pytest.raises(AccessDenied, match=r"batch create partition of flow\.logs"):
        add(catalog, spec, days(5_000))
    assert len(aws.calls("AWSGlue.BatchCreatePartition")) < 20
    aws.faults.clear()


@pytest.mark.parametrize("operation", ["GetTable", "GetPartitions", "BatchCreatePartition"])
def test_a_throttled_call_is_repeated(
    glue_only: tuple[AthenaServer, GlueCatalog, TableSpec], operation: str
) -> None:
    """Glue's "rate exceeded" is waited out, and nobody sees it."""
    aws, catalog, spec = glue_only
    aws.faults.add(f"AWSGlue.{operation}", "ThrottlingException")
    assert catalog.create(spec) is False
    assert add(catalog, spec, days(2)).done == tuple(days(2))
    assert registered(catalog, spec) == days(2)
    assert aws.faults.left == 0


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDeniedException", AccessDenied), ("ExpiredTokenException", NoCredentials)],
)
@pytest.mark.parametrize(
    "operation", ["GetTable", "CreateDatabase", "CreateTable", "GetPartitions"]
)
def test_what_aws_refuses_is_one_error(
    aws: AthenaServer, operation: str, code: str, error: type[Exception]
) -> None:
    """Denied and expired are told apart at every call, with what was being done."""
    spec = TableSpec("flow", "logs", "s3://bucket/", DEFAULT, LAYOUTS["daily"])
    catalog = GlueCatalog(account())
    if operation == "GetPartitions":
        catalog.create(spec)
    aws.faults.add(f"AWSGlue.{operation}", code, message="the reason")
    ask = registered if operation == "GetPartitions" else GlueCatalog.create
    with pytest.raises(error, match="the reason"):
        ask(catalog, spec)
    assert aws.faults.left == 0


def test_a_table_that_another_run_made_meanwhile(aws: AthenaServer) -> None:
    """Lost the race for database and table: the table is there, and that is no error."""
    spec = TableSpec("flow", "logs", "s3://bucket/", DEFAULT, LAYOUTS["daily"])
    GlueCatalog(account()).create(spec)
    aws.faults.add("AWSGlue.GetTable", "EntityNotFoundException", message="not yet")
    assert GlueCatalog(account()).create(spec) is False
    other = replace(spec, format=HOSTILE)
    aws.faults.add("AWSGlue.GetTable", "EntityNotFoundException", message="not yet")
    with pytest.raises(TableDiffers):
        GlueCatalog(account()).create(other)
    assert len(account().client("glue").get_tables(DatabaseName="flow")["TableList"]) == 1


def test_two_processes_share_the_local_file(tmp_path: Path) -> None:
    """What one opening of the file adds, another sees at once, and neither adds twice."""
    spec = TableSpec("flow", "logs", "/net/", DEFAULT, LAYOUTS["daily"])
    one, two = (LocalCatalog(tmp_path / "c.sqlite") for _ in range(2))
    assert (one.create(spec), two.create(spec)) == (True, False)
    assert add(one, spec, days(2)).done == tuple(days(2))
    assert add(two, spec, days(3)).done == tuple(days(3)[2:])
    assert registered(one, spec) == days(3)
    one.close()
    two.close()
