"""What is estimated of large Parquet files is never less than what Trino reads of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from athena_server import AthenaServer
from conftest import put_tree
from large_files import ALL, FILES, write_large
from test_saved_queries import Stand, parameters

from athena_flow.aws import Account, S3Store
from athena_flow.cost import Estimate
from athena_flow.engines.trino import TrinoEngine
from athena_flow.glue import GlueCatalog
from athena_flow.layout import DAILY
from athena_flow.query import BoundQuery, library
from athena_flow.table import TableSpec
from athena_flow.window import Window

pytest_plugins = "trino_fixtures"

On = Callable[[str], TrinoEngine]
LIBRARY = {name: query for name, query in library().items() if not query.missing(ALL)}
ONE_GROUP = "aws_region = 'eu-west-2'"
WHOLE = (
    "SELECT count(*) FROM {t}",
    "SELECT max(version) FROM {t}",
    "SELECT max(srcaddr) FROM {t}",
    "SELECT max(version), max(packets), max(log_status) FROM {t}",
    "SELECT max(account_id), max(srcport), max(\"end\") FROM {t} WHERE aws_region LIKE '%-1'",
    f"SELECT max(bytes) FROM {{t}} WHERE {ONE_GROUP}",
    "SELECT count(*) FROM (SELECT DISTINCT * FROM {t} WHERE aws_region = 'eu-west-1')",
)
"""Nothing is asked of a column's values."""
PARTLY = (
    'SELECT max(srcaddr) FROM {t} WHERE "end" BETWEEN 1763350000 AND 1763351000',
    'SELECT max(srcaddr) FROM {t} WHERE "end" < 5',
    "SELECT max(srcaddr) FROM {t} WHERE dstport = 22",
    "SELECT max(srcaddr) FROM {t} WHERE dstport = 23",
    "SELECT max(bytes) FROM {t} WHERE srcaddr = '10.1.2.3' AND action = 'REJECT'",
    "SELECT max(bytes) FROM {t} WHERE action = 'BLOCK' OR protocol IN (6, 17)",
    "SELECT * FROM {t} WHERE dstport = 443 ORDER BY bytes, srcaddr, dstaddr LIMIT 3",
    "SELECT * FROM {t} LIMIT 5",
    "SELECT count(*) FROM {t} WHERE instance_id IS NULL",
    "SELECT max(a.bytes) FROM {t} AS a JOIN (VALUES 22, 443) AS b (p) ON a.dstport = b.p",
    """SELECT count(*) FROM {t} AS a
       JOIN (SELECT DISTINCT srcaddr AS s FROM {t} WHERE packets < 5) AS b ON a.srcaddr = b.s""",
    "SELECT srcaddr, sum(bytes) FROM {t} WHERE srcport + 1 = 5 GROUP BY 1",
)


@pytest.fixture(scope="module")
def stand(
    bench: AthenaServer, trino_engine: On, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    """A table over the large files."""
    bench.reset()
    root = tmp_path_factory.mktemp("large") / "logs"
    write_large(root)
    put_tree(root, "large")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        account = Account(region="us-east-1", endpoint=bench.endpoint)
        spec = TableSpec("flows", "large", "s3://large/", ALL, DAILY, "parquet")
        engine = partial(trino_engine, "flows")
        found = Stand(engine, GlueCatalog(account), S3Store(account), spec)
        found.register()
        yield found


def asked(stand: Stand, statement: str) -> tuple[Estimate, int]:
    """The estimate of a statement, and what Trino read for it."""
    bound = BoundQuery("test", statement.format(t=stand.spec.sql), stand.spec, Window(), {})
    estimate, _ = stand.estimate(bound)
    read = stand.engine().run(bound.sql, ()).scanned_bytes
    assert estimate.size_bytes is not None
    assert read is not None
    return estimate, read


@pytest.mark.parametrize("statement", WHOLE)
def test_without_a_condition_the_estimate_is_near(stand: Stand, statement: str) -> None:
    """It is above by what a condition could read as well: dictionaries and filters, once more."""
    estimate, read = asked(stand, statement)
    assert estimate.size_bytes is not None
    assert 0 < read <= estimate.size_bytes < 1.5 * read


@pytest.mark.parametrize("statement", PARTLY)
def test_the_estimate_is_never_lower(stand: Stand, statement: str) -> None:
    """Dictionaries and footers that are read twice, and what joins ask for, are in it."""
    estimate, read = asked(stand, statement)
    assert estimate.size_bytes is not None
    assert read <= estimate.size_bytes


@pytest.mark.parametrize("name", LIBRARY)
def test_a_saved_query_reads_no_more_than_is_estimated(stand: Stand, name: str) -> None:
    """With many row groups in a file; what statistics rule out wholly, Trino counts as 0."""
    query = LIBRARY[name]
    window = Window(accounts=("111122223333",), regions=("eu-west-1",))
    bound = stand.bound(query, parameters(query)[0], window)
    estimate, _ = stand.estimate(bound)
    read = stand.engine().run(bound.sql, ()).scanned_bytes
    assert estimate.size_bytes is not None
    assert read is not None
    assert read <= estimate.size_bytes


def test_the_files_are_of_every_kind(stand: Stand) -> None:
    """Else the above says little: whole, in row groups, in one, and in two pieces."""
    sizes = sorted(o.size_bytes for o in stand.store.objects("s3://large/"))
    assert len(sizes) == len(FILES)
    assert sizes[0] <= 3 * 2**20 < sizes[1]
    assert sizes[-2] <= 32 * 2**20 < sizes[-1]
