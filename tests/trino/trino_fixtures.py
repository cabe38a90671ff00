"""The one Trino of the group, for every module of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from athena_server import AthenaServer
from conftest import NOW, put_tree
from real_trino import CATALOG, Cluster, missing, running

from athena_flow.aws import Account, S3Store
from athena_flow.demo import write_demo
from athena_flow.engines.trino import Address, TrinoEngine
from athena_flow.glue import GlueCatalog
from athena_flow.layout import DAILY
from athena_flow.logformat import DEFAULT
from athena_flow.partitions import delivered
from athena_flow.ports import no_progress
from athena_flow.table import TableSpec
from athena_flow.window import Window

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def trino_is_here(request: pytest.FixtureRequest) -> None:
    """A Trino takes minutes, so only who names this folder gets one; others skip, by name."""
    asked = (Path(word.partition("::")[0]).resolve() for word in request.config.args)
    reason = missing()
    if not reason and not any(path.is_relative_to(HERE) for path in asked):
        reason = "real Trino: runs when it is named: pytest tests/trino"
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def trino(trino_is_here: None, bench: AthenaServer) -> Iterator[Cluster]:
    """A cluster over the bench."""
    with running(bench) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def trino_engine(trino: Cluster) -> Callable[[str], TrinoEngine]:
    """Our engine on that cluster, for a database."""

    def on(database: str) -> TrinoEngine:
        address = Address(trino.host, trino.port, CATALOG, "tests", tls=False)
        return TrinoEngine(address, database)

    return on


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of the demo's logs in the default format."""
    folder = tmp_path_factory.mktemp("logs")
    write_demo(folder, NOW, fmt=DEFAULT, days=3)
    return folder


@pytest.fixture
def logs(aws: AthenaServer, root: Path) -> TableSpec:
    """A table over them, with its partitions."""
    put_tree(root, "logs")
    spec = TableSpec("flow_logs", "logs", "s3://logs/", DEFAULT, DAILY)
    account = Account()
    catalog = GlueCatalog(account)
    catalog.create(spec)
    found = delivered(spec, Window(), S3Store(account), no_progress)
    assert not catalog.add(spec, found.partitions, no_progress).failed
    return spec
