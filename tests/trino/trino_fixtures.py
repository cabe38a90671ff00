"""The one Trino of the group, for every module of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from athena_server import AthenaServer
from real_trino import CATALOG, Cluster, missing, running

from athena_flow.engines.trino import Address, TrinoEngine

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def trino(bench: AthenaServer, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster over the bench. It takes minutes, so only who names this folder gets it."""
    asked = (Path(word.partition("::")[0]).resolve() for word in request.config.args)
    reason = missing()
    if not reason and not any(path.is_relative_to(HERE) for path in asked):
        reason = "real Trino: runs when it is named: pytest tests/trino"
    if reason:
        pytest.skip(reason)
    with running(bench) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def trino_engine(trino: Cluster) -> Callable[[str], TrinoEngine]:
    """Our engine on that cluster, for a database."""

    def on(database: str) -> TrinoEngine:
        address = Address(trino.host, trino.port, CATALOG, "tests", tls=False)
        return TrinoEngine(address, database)

    return on
