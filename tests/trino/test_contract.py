"""The suite that every engine passes (tests/test_contract_engines.py), with Trino for Athena.

Its tests, its logs and its answers in plain Python; only the engine is another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import test_contract_engines as contract
from athena_server import AthenaServer
from test_contract_engines import (
    Both,
    test_a_file_holds_the_same_rows_for_both,
    test_a_line_means_what_athena_says,
    test_a_window_without_partitions,
    test_both_engines_and_plain_python_agree,
    test_more_rows_than_a_page,
    test_the_estimate_prunes,
    test_what_an_engine_refuses_is_an_engine_error,
)

from athena_flow.aws import Account
from athena_flow.engines.trino import TrinoEngine
from athena_flow.logformat import LogFormat

pytest_plugins = "trino_fixtures"

__all__ = [
    "test_a_file_holds_the_same_rows_for_both",
    "test_a_line_means_what_athena_says",
    "test_a_window_without_partitions",
    "test_both_engines_and_plain_python_agree",
    "test_more_rows_than_a_page",
    "test_the_estimate_prunes",
    "test_what_an_engine_refuses_is_an_engine_error",
]

On = Callable[[str], TrinoEngine]


@pytest.fixture(scope="module", autouse=True)
def trino_for_athena(trino_engine: On) -> Iterator[None]:
    """Every pair of stands that the suite makes has Trino where it had Athena."""
    stands = contract.stands

    def with_trino(where: Account, root: Path, bucket: str, fmt: LogFormat) -> Both:
        both = stands(where, root, bucket, fmt)
        engine = trino_engine(both.athena.spec.database)
        return replace(both, athena=replace(both.athena, engine=engine))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract, "stands", with_trino)
        yield


account, aws, demo, texts = contract.account, contract.aws, contract.demo, contract.texts


def test_all_fields_in_another_order(account: Account, aws: AthenaServer, tmp_path: Path) -> None:
    contract.test_all_fields_in_another_order(account, aws, tmp_path)


def test_the_suite_ran_on_trino(demo: Both) -> None:
    """Else everything above would say nothing of Trino."""
    assert isinstance(demo.athena.engine, TrinoEngine)
