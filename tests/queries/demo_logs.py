"""The demo's two flow logs as records in DuckDB, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from conftest import read_lines
from generated_logs import typed
from loaded_logs import Loaded

from athena_flow.demo import ALL_FIELDS, TRANSIT, TRANSIT_FIELDS
from athena_flow.layout import Partition, find_partition
from athena_flow.logformat import LogFormat, union
from athena_flow.query import SavedQuery

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class DemoLogs:
    """The records of the demo's flow logs by kind, and where each lies."""

    logs: Mapping[str, tuple[LogFormat, Records, Sequence[Partition]]]
    tables: dict[tuple[str, ...], Loaded] = field(default_factory=dict)
    whole: dict[tuple[str, ...], Records] = field(default_factory=dict)

    def fit(self, query: SavedQuery) -> tuple[str, ...]:
        """The kinds of log that have the fields of a query: those that a run reads."""
        return tuple(kind for kind, (fmt, _, _) in self.logs.items() if not query.missing(fmt))

    def table(self, kinds: tuple[str, ...]) -> Loaded:
        """Both logs, or one, as one table of all their fields; made once."""
        if kinds not in self.tables:
            self.tables[kinds] = self._loaded(kinds)
        return self.tables[kinds]

    def _loaded(self, kinds: tuple[str, ...]) -> Loaded:
        formats = [self.logs[kind][0] for kind in kinds]
        common = frozenset.intersection(*(frozenset(fmt.columns) for fmt in formats))
        places = [place for kind in kinds for place in self.logs[kind][2]]
        return Loaded(union(formats), self.records(kinds), places, common)

    def records(self, kinds: tuple[str, ...]) -> Records:
        """Their records, each with every column of any of them; made once."""
        if kinds not in self.whole:
            absent = dict.fromkeys(c for kind in kinds for c in self.logs[kind][0].columns)
            self.whole[kinds] = [absent | r for kind in kinds for r in self.logs[kind][1]]
        return self.whole[kinds]


@cache
def demo_of(root: Path) -> DemoLogs:
    """What `athena-flow demo` wrote into this folder."""

    def read(below: str, fmt: LogFormat) -> tuple[LogFormat, Records, list[Partition]]:
        lines = list(read_lines((root / below).rglob("*.gz")))
        places = {path: find_partition(str(path)) for path in {line.path for line in lines}}
        found = [places[line.path] for line in lines]
        return (
            fmt,
            [typed(line.record, fmt.fields) for line in lines],
            [place[1] for place in found if place],
        )

    return DemoLogs({"vpc": read("AWSLogs", ALL_FIELDS), "tgw": read(TRANSIT, TRANSIT_FIELDS)})
