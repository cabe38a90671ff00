"""Settings -> how sizes are found out: kept listings, footers, and how many of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from athena_flow import terminal, xdg
from athena_flow.errors import BadSetting, CannotWrite
from athena_flow.settings import OFF, Settings

if TYPE_CHECKING:
    from athena_flow.columnar import Footers, Sample
    from athena_flow.ports import ObjectStore
    from athena_flow.sizes import KeptSizes
    from athena_flow.window import Window

MOST_FOOTERS = 100_000


def sample(s: Settings) -> Sample:
    """How many footers are read. Raises BadSetting."""
    from athena_flow.columnar import Sample

    if s.sample is None:
        return Sample(None) if s.exact else Sample()
    if s.exact:
        raise BadSetting("--exact reads all footers, and --sample some", hint="leave one out")
    if not s.sample.isascii() or not s.sample.isdecimal() or not 0 < int(s.sample) < MOST_FOOTERS:
        raise BadSetting(
            f"--sample {s.sample!r} is no number of footers", hint="write 200, or --exact for all"
        )
    return Sample(int(s.sample))


def footers(store: ObjectStore) -> Footers:
    """How the ends of a store's Parquet files are read."""
    from athena_flow.columnar import read_footers
    from athena_flow.engines.duckdb import parquet_footers

    return lambda objects: read_footers(objects, store.tail, parquet_footers)


def kept_sizes(
    s: Settings,
    store: ObjectStore,
    owner: Callable[[], str],
    now: datetime,
    window: Window,
) -> KeptSizes | None:
    """The store with the sizes of old partitions from a file; None with ``--sizes off``."""
    from athena_flow.sizes import KeptSizes

    if s.sizes and s.sizes.lower() == OFF:
        return None
    try:
        file = Path(s.sizes) if s.sizes else xdg.folder("CACHE") / "sizes.sqlite"
    except CannotWrite:
        terminal.say(s, "note: no sizes are kept: there is no home directory")
        return None
    return KeptSizes(store, file, owner, now, window)
