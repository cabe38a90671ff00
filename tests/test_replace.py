"""init-table --replace: killed anywhere, running it again ends with the new table whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from athena_server import AthenaServer

from athena_flow import jobs
from athena_flow.aws import Account, GlueCatalog
from athena_flow.errors import NotFound, TableDiffers
from athena_flow.gluetable import is_intact, table_input
from athena_flow.layout import LAYOUTS, Partition
from athena_flow.local import LocalCatalog
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.ports import Catalog, no_progress
from athena_flow.table import TableSpec
from athena_flow.window import Window

FIRST = datetime(2026, 11, 18, tzinfo=UTC)
OLD = TableSpec("db", "flows", "s3://logs/", DEFAULT, LAYOUTS["daily"])
NEW = replace(OLD, format=parse_format("version srcaddr dstaddr end"))
HOURLY = replace(OLD, layout=LAYOUTS["hourly"])
DAYS = tuple(
    Partition(account, "us-east-1", FIRST + timedelta(days=day))
    for account in ("111111111111", "222222222222")
    for day in range(4)
)


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


@pytest.fixture(params=["local", "glue"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """Both catalogs, with the old table and its partitions."""
    if request.param == "local":
        made: Catalog = LocalCatalog(tmp_path / "catalog.sqlite")
    else:
        request.getfixturevalue("aws")
        made = GlueCatalog(Account())
    made.create(OLD)
    made.add(OLD, DAYS, no_progress)
    yield made
    if isinstance(made, LocalCatalog):
        made.close()


def _partitions(catalog: Catalog, spec: TableSpec) -> set[tuple[Partition | None, str]]:
    return {(r.partition, r.location) for r in catalog.registered(spec, Window())}


WHOLE = {(day, OLD.place(day)) for day in DAYS}


def test_the_new_table_has_the_old_partitions(catalog: Catalog) -> None:
    """Format changed, partitions kept, nothing else left behind."""
    assert jobs.replace_table(NEW, catalog, no_progress) == len(DAYS)
    assert catalog.table("db", "flows") == NEW
    assert _partitions(catalog, NEW) == WHOLE
    with pytest.raises(NotFound):
        catalog.table("db", "flows" + jobs.KEEPER)
    assert jobs.replace_table(NEW, catalog, no_progress) is None


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 8))
def test_killed_anywhere_it_is_finished_by_the_next_run(
    catalog: Catalog, write: int, after: bool
) -> None:
    """Whichever write a run dies at, the partitions are never lost, and a second run is enough."""
    mortal = Mortal(catalog, write, after=after)
    try:
        jobs.replace_table(NEW, mortal, no_progress)  # type: ignore[arg-type]  # a catalog in all it does
    except Killed:
        jobs.replace_table(NEW, catalog, no_progress)
    assert catalog.table("db", "flows") == NEW
    assert _partitions(catalog, NEW) == WHOLE
    with pytest.raises(NotFound):
        catalog.table("db", "flows" + jobs.KEEPER)


def test_a_run_makes_at_least_six_writes(catalog: Catalog) -> None:
    """The deaths above cover every write: keeper, copy, drop, table, copy, drop."""
    with pytest.raises(Killed):
        jobs.replace_table(NEW, Mortal(catalog, 6, after=True), no_progress)  # type: ignore[arg-type]  # as above
    assert catalog.table("db", "flows") == NEW


def test_a_day_becomes_its_hours_and_hours_their_day(catalog: Catalog) -> None:
    """Between daily and hourly layouts the partitions cover the same time."""
    assert jobs.replace_table(HOURLY, catalog, no_progress) == 24 * len(DAYS)
    assert len(_partitions(catalog, HOURLY)) == 24 * len(DAYS)
    jobs.replace_table(OLD, catalog, no_progress)
    assert _partitions(catalog, OLD) == WHOLE


def test_another_replacement_waits_for_the_first(catalog: Catalog) -> None:
    """With one replacement unfinished, another is refused and loses nothing."""
    with pytest.raises(Killed):
        jobs.replace_table(NEW, Mortal(catalog, 3, after=True), no_progress)  # type: ignore[arg-type]  # as above
    with pytest.raises(TableDiffers):
        jobs.replace_table(HOURLY, catalog, no_progress)
    jobs.replace_table(NEW, catalog, no_progress)
    assert _partitions(catalog, NEW) == WHOLE


def test_an_altered_table_is_made_right_again(aws: AthenaServer) -> None:
    """A column that somebody renamed, or a property that is gone, comes back; partitions stay."""
    catalog = GlueCatalog(Account())
    catalog.create(OLD)
    catalog.add(OLD, DAYS, no_progress)
    assert jobs.replace_table(OLD, catalog, no_progress) is None
    for spoil in ("columns", "header"):
        table = table_input(OLD)
        if spoil == "columns":
            table["StorageDescriptor"]["Columns"][3]["Name"] = "source"
        else:
            del table["Parameters"]["skip.header.line.count"]
        boto3.client("glue").update_table(DatabaseName="db", TableInput=table)
        assert jobs.replace_table(OLD, catalog, no_progress) == len(DAYS)
        assert catalog.table("db", "flows") == OLD
        assert is_intact(OLD, catalog.described("db", "flows"))
        assert _partitions(catalog, OLD) == WHOLE


def test_there_must_be_a_table(aws: AthenaServer) -> None:
    """A table that does not exist is not replaced but created, without the flag."""
    with pytest.raises(NotFound, match="to replace"):
        jobs.replace_table(NEW, GlueCatalog(Account()), no_progress)
