"""Settings -> what a run may cost: its price, its guard, and the files that remember money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from athena_flow import terminal, xdg
from athena_flow.errors import BadSetting, CannotWrite
from athena_flow.settings import OFF, Settings, flag

if TYPE_CHECKING:
    from athena_flow.cost import Budget, Estimate, Price
    from athena_flow.guard import Guard, Objection
    from athena_flow.ledger import FileLedger

PROVISIONED = "provisioned capacity is billed by the DPU-hour, not by the bytes"
"""Source: Athena pricing page."""


def price(s: Settings, region: str) -> Price:
    """What a TB costs where Athena is. Raises BadSetting, and BadFile for prices that were kept."""
    from athena_flow import pricelist
    from athena_flow.cost import Price, parse_usd
    from athena_flow.prices import price_in

    own = None if s.price_per_tb is None else parse_usd(s.price_per_tb, flag("price_per_tb"))
    if s.provisioned:
        return Price(region, None, PROVISIONED, by_bytes=False)
    try:
        file = prices_file()
    except CannotWrite:  # no home, so nothing was kept there
        return price_in(region, own)
    return price_in(region, own, {} if own else pricelist.kept(file))


def guard(s: Settings, announce: Callable[[Estimate], None], now: Callable[[], datetime]) -> Guard:
    """The policy under which a run goes. Raises BadSetting for a budget that is none."""
    from athena_flow.guard import GIVEN, SAVED, Guard

    def override(found: Estimate, against: Sequence[Objection]) -> bool:
        return terminal.overrides(s, [one.message for one in against])

    def say(text: str) -> None:
        terminal.say(s, text)

    most = budget(s)
    try:
        book = ledger(s)
    except CannotWrite as error:
        if most.per_day:
            raise
        say(f"note: nothing is written into the ledger: {error.message}")
        book = None
    narrowing = SAVED if s.sql is None else GIVEN
    if s.sql is not None and s.logs:
        narrowing = replace(GIVEN, less=SAVED.less)
    return Guard(most, book, announce, say, override, now, narrowing=narrowing)


def budget(s: Settings) -> Budget:
    """Raises BadSetting, also for money where there is no price by the byte."""
    from athena_flow.cost import Budget, parse_bytes, parse_usd

    def usd(name: str) -> float | None:
        text = getattr(s, name)
        if text is not None and s.provisioned:
            raise BadSetting(
                f"{flag(name)} says nothing with --provisioned: {PROVISIONED}",
                hint="limit the bytes: --max-scan, --max-scan-per-day",
            )
        return None if text is None else parse_usd(text, flag(name))

    def size(name: str) -> int | None:
        text = getattr(s, name)
        return None if text is None else parse_bytes(text)

    return Budget(
        usd("max_cost"),
        size("max_scan"),
        usd("max_cost_per_day"),
        size("max_scan_per_day"),
        s.require_window,
    )


def ledger(s: Settings) -> FileLedger | None:
    """Where runs are written down; None with ``--ledger off``. Raises CannotWrite."""
    from athena_flow.ledger import FileLedger

    if s.ledger and s.ledger.lower() == OFF:
        return None
    return FileLedger(Path(s.ledger) if s.ledger else xdg.folder("STATE") / "ledger.sqlite")


def prices_file() -> Path:
    """Where `prices --refresh` keeps what it found."""
    return xdg.folder("STATE") / "prices.toml"
