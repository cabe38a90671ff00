"""Settings become a price, a budget and a ledger, or one clear line of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from athena_flow import policy, xdg
from athena_flow.cost import Budget
from athena_flow.errors import BadFile, BadSetting, CannotWrite
from athena_flow.settings import Settings


def test_a_budget_has_five_sides() -> None:
    """Each setting is one of them, and what was not said has no limit."""
    assert policy.budget(Settings()) == Budget()
    said = Settings(
        max_cost="$0.50",
        max_scan="1GB",
        max_cost_per_day="5",
        max_scan_per_day="10 GB",
        require_window=True,
    )
    assert policy.budget(said) == Budget(0.5, 10**9, 5.0, 10**10, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_cost": "cheap"},
        {"max_cost": ""},
        {"max_cost": "nan"},
        {"max_scan": ""},
        {"max_scan": "lots"},
        {"max_cost_per_day": "-1"},
        {"max_scan_per_day": "-1"},
        {"max_cost": "5", "provisioned": True},
        {"max_cost_per_day": "5", "provisioned": True},
    ],
)
def test_a_budget_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    """Also where money has no meaning."""
    with pytest.raises(BadSetting):
        policy.budget(Settings(**wrong))  # type: ignore[arg-type]  # texts and a switch


def test_the_price_of_provisioned_capacity() -> None:
    """There is none by the byte, whatever the region's or the user's."""
    found = policy.price(Settings(provisioned=True, price_per_tb="5"), "us-east-1")
    assert (found.region, found.per_tb_usd) == ("us-east-1", None)


def test_the_users_price_needs_no_file(home: Path) -> None:
    """A broken file of kept prices is in nobody's way who says the price."""
    file = policy.prices_file()
    assert file.is_relative_to(home)
    file.parent.mkdir(parents=True)
    file.write_text("broken")
    assert policy.price(Settings(price_per_tb="4.25"), "us-east-1").per_tb_usd == 4.25
    with pytest.raises(BadFile):
        policy.price(Settings(), "us-east-1")


@pytest.mark.parametrize("said", ["", "relative/state"])
def test_without_a_state_folder_it_is_in_the_home(
    said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A variable that says no absolute path says nothing."""
    monkeypatch.setenv("XDG_STATE_HOME", said)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert xdg.folder("STATE") == tmp_path / ".local/state/athena-flow"


def test_without_a_home_runs_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may have none: a note, unless a day's budget depends on it."""

    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "expanduser", homeless)
    guard = policy.guard(Settings(), lambda found: None, lambda: None)  # type: ignore[arg-type,return-value]  # no clock is read
    assert guard.ledger is None
    with pytest.raises(CannotWrite, match="home"):
        policy.guard(Settings(max_cost_per_day="5"), lambda found: None, lambda: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(CannotWrite):
        policy.ledger(Settings())
    assert policy.price(Settings(), "us-east-1").per_tb_usd == 5.0
    assert policy.ledger(Settings(ledger="off")) is None
