"""A statement's scans put together: what is listed, what is added up, and what is not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

import pytest
from conftest import NOW

from athena_flow import jobs
from athena_flow.columnar import SMALL_FILE_BYTES
from athena_flow.cost import Estimate, Price
from athena_flow.engines.duckdb import evaluate
from athena_flow.errors import AccessDenied, NotFound
from athena_flow.jobs import Reading
from athena_flow.layout import DAILY
from athena_flow.local import LocalCatalog
from athena_flow.logformat import DEFAULT
from athena_flow.lookup import CatalogTables, Place
from athena_flow.ports import ObjectInfo, Registered, no_progress
from athena_flow.prune import TableScan
from athena_flow.readable import Readable, ReadAs, View
from athena_flow.statement import NO_DATA, GivenSql
from athena_flow.table import CODECS, Projection, TableSpec
from athena_flow.views import Session

ORC = "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat"
TEXT = CODECS["text"].input_format


class Lake:
    """Tables t and u of database db with a partition for each day, and what lies in each."""

    def __init__(self, sizes: Mapping[str, int], formats: Mapping[str, str] | None = None) -> None:
        self.sizes, self.formats = sizes, formats or {}
        self.file_type: ReadAs = "text"
        self.denied: set[str] = set()
        self.listed = Counter[str]()

    def find(self, database: str, name: str) -> Readable | View:
        if name not in ("t", "u"):
            raise NotFound(f"no table {database}.{name}")
        keys = {"day": "string"}
        return Readable(database, name, {"a": "int"}, keys, self.file_type, "s3://b/")

    def places(self, table: Readable, scan: TableScan) -> Iterator[Place]:
        for day in self.sizes:
            at = Registered(None, f"s3://b/{table.name}/{day}/")
            yield Place((day,), at, self.formats.get(day, ""))

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self.listed[prefix] += 1
        day = prefix.split("/")[-2]
        if day in self.denied:
            raise AccessDenied(f"listing {prefix}: denied")
        yield ObjectInfo(f"{prefix}x", self.sizes[day])


def estimated(sql: str, lake: Lake, prepared: Mapping[str, str] | None = None) -> Estimate:
    reading = Reading(
        None,
        lake,
        evaluate,
        Price("us-east-1", 5.0, "a list"),
        NOW,
        lake,
        Session("db"),
        prepared.__getitem__ if prepared else None,
    )
    return jobs.estimate(GivenSql("q", sql), reading, no_progress)[0]


def test_a_folder_is_listed_once_and_counted_as_often_as_it_is_read() -> None:
    """Three scans of one table, one listing of each folder."""
    lake = Lake({"1": 10, "2": 200})
    found = estimated("SELECT 1 FROM t a, t b, (SELECT a FROM t WHERE day = '2') c", lake)
    assert [scan.size_bytes for scan in found.scans] == [210, 210, 200]
    assert (found.size_bytes, found.certainty) == (620, "exact")
    assert set(lake.listed.values()) == {1}


def test_what_is_not_read_is_not_listed() -> None:
    """Only the folders of kept partitions."""
    lake = Lake({"1": 10, "2": 200, "3": 3000})
    assert estimated("SELECT 1 FROM t WHERE day BETWEEN '2' AND '3'", lake).size_bytes == 3200
    assert set(lake.listed) == {"s3://b/t/2/", "s3://b/t/3/"}


def test_null_is_no_value() -> None:
    """The catalog's word for NULL is no day: no comparison holds for it."""
    lake = Lake({"1": 10, "__HIVE_DEFAULT_PARTITION__": 5})
    assert estimated("SELECT 1 FROM t WHERE day <> '2'", lake).size_bytes == 10
    assert estimated("SELECT 1 FROM t WHERE day IS NULL", lake).size_bytes == 5


@pytest.mark.parametrize(
    ("condition", "size", "certainty"),
    [
        ("day = '2'", 200, "exact"),
        ("day >= '1'", 210, "exact"),
        ("day = cast('2' AS char(20))", 210, "at_most"),
        ("day <> '1' AND day = cast('2' AS char(20))", 200, "at_most"),
        ("cast(now() AT TIME ZONE 'Pacific/Kiritimati' AS date) = date(day)", 210, "at_most"),
        ("random() < 0.5 AND day = date_format(now(), '%s')", 210, "at_most"),
        ("false", 210, "at_most"),
    ],
)
def test_a_condition_that_is_not_understood_is_an_upper_bound(
    condition: str, size: int, certainty: str
) -> None:
    """It keeps what Athena may leave out; one that keeps all because all fits is exact."""
    found = estimated(f"SELECT 1 FROM t WHERE {condition}", Lake({"1": 10, "2": 200}))
    assert (found.size_bytes, found.certainty) == (size, certainty)


def test_a_table_that_gets_no_data() -> None:
    """Its query is planned, and what is read for that is Athena's affair."""
    lake = Lake({"1": 10, "2": 200})
    made = "CREATE TABLE n AS SELECT a FROM t"
    assert estimated(f"{made} WITH DATA", lake).certainty == "exact"
    found = estimated(f"{made} WITH NO DATA", lake)
    assert (found.size_bytes, found.certainty) == (210, "at_most")
    assert NO_DATA in found.assumptions


def test_one_denied_folder_is_unknown_and_the_rest_is_told() -> None:
    """By the scan that reads it, and by no other."""
    lake = Lake({"1": 10_000, "2": 200})
    lake.denied = {"2"}
    found = estimated("SELECT 1 FROM t, (SELECT a FROM u WHERE day = '1') v", lake)
    assert [scan.size_bytes for scan in found.scans] == [None, 10_000]
    assert found.scans[0].unknown == "listing s3://b/t/2/: denied; the rest is 10.0 KB"
    assert found.assumptions[-1].endswith("; the other scans are 10.0 KB")


def test_nothing_that_may_be_listed_is_an_error() -> None:
    """It is no estimate at all."""
    lake = Lake({"1": 10, "2": 200})
    lake.denied = {"1", "2"}
    with pytest.raises(AccessDenied, match="denied"):
        estimated("SELECT 1 FROM t", lake)


@pytest.mark.parametrize(
    ("formats", "certainty"),
    [({}, "exact"), ({"1": TEXT}, "exact"), ({"1": ORC}, "at_most")],
)
def test_a_partition_goes_by_its_own_format(formats: Mapping[str, str], certainty: str) -> None:
    """Where they are not all text, what is read of one is not known but for its bound."""
    found = estimated("SELECT a FROM t", Lake({"1": 10, "2": 200}, formats))
    assert (found.size_bytes, found.certainty) == (210, certainty)


def test_what_is_neither_text_nor_parquet_is_bounded() -> None:
    """ORC reads its footers again for each part of a large file: more than its size."""
    lake = Lake({"1": 10 * SMALL_FILE_BYTES})
    lake.file_type = "other"
    found = estimated("SELECT a FROM t", lake)
    assert found.size_bytes is not None
    assert found.size_bytes > 20 * SMALL_FILE_BYTES
    assert found.certainty == "at_most"


def test_the_first_and_last_value_of_a_key() -> None:
    """Numbers as numbers."""
    (scan,) = estimated("SELECT a FROM t", Lake({"9": 1, "10": 1, "2": 1})).scans
    assert scan.spans == (("day", "2", "10"),)


def test_a_prepared_statement_is_its_text() -> None:
    """USING gives the day; EXECUTE cannot be prepared, and is not followed in circles."""
    lake = Lake({"1": 10, "2": 200})
    texts = {"p": "SELECT 1 FROM t WHERE day = ?", "q": "EXECUTE q", "s": "SHOW TABLES"}
    assert estimated("EXECUTE p USING '2'", lake, texts).size_bytes == 200
    assert estimated("EXECUTE p", lake, texts).size_bytes == 210
    assert estimated("EXECUTE q", lake, texts).certainty == "unknown"
    assert estimated("EXECUTE s", lake, texts).billed_bytes == 0
    assert "kept by Athena alone" in estimated("EXECUTE p", lake).assumptions[-1]


def test_a_target_is_not_looked_up() -> None:
    """Only what is read has to be there."""
    lake = Lake({"1": 10})
    assert estimated("INSERT INTO gone SELECT a FROM t", lake).size_bytes == 10
    with pytest.raises(NotFound, match=r"no table db\.gone"):
        estimated("INSERT INTO t SELECT a FROM gone", lake)


def test_limits_and_nesting() -> None:
    """LIMIT makes it at most; what is too deep for us is unknown."""
    lake = Lake({"1": 10})
    assert estimated("SELECT a FROM t LIMIT 5", lake).certainty == "at_most"
    deep = estimated(f"SELECT {'(' * 2000}1{')' * 2000} FROM t", lake)
    assert (deep.size_bytes, deep.certainty) == (None, "unknown")
    assert "nested too deeply" in deep.assumptions[-1]


def test_a_projection_of_ours_needs_the_accounts_that_the_statement_names() -> None:
    """Athena refuses it without them, so that there is nothing to list."""

    class Everywhere:
        def objects(self, prefix: str) -> Iterator[ObjectInfo]:
            yield ObjectInfo(f"{prefix}x", 7)

    projection = Projection(date(2026, 11, 20), ("eu-west-1",))
    spec = TableSpec(
        *("db", "flows", "s3://b/", DEFAULT, DAILY), partitions="projection", projection=projection
    )
    catalog = LocalCatalog(None)
    catalog.create(spec)
    tables, price = CatalogTables(catalog, NOW), Price("us-east-1", 5.0, "a list")
    reading = Reading(None, Everywhere(), evaluate, price, NOW, tables, Session("db"))

    def of(where: str) -> Estimate:
        text = GivenSql("q", f"SELECT count(*) FROM flows WHERE {where}")
        return jobs.estimate(text, reading, no_progress)[0]

    one = of(f"aws_account_id = '{'1' * 12}' AND \"date\" = '2026/11/20'")
    assert (one.size_bytes, one.partitions, one.scans[0].of) == (7, 1, 3)
    assert of(f"aws_account_id IN ('{'1' * 12}', '{'2' * 12}')").partitions == 6
    every = of("\"date\" = '2026/11/20'")
    assert every.certainty == "unknown"
    assert "does not say aws_account_id = '...'" in every.assumptions[-1]
