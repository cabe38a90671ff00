"""Blocks: the logs that one table can read, and the flags that choose one block of several.

Text is read by position, so each format is a block of its own; Parquet is read by name, so
all formats in one layout are one block, with every field.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, product

from athena_flow.described import FlowLog
from athena_flow.layout import Layout
from athena_flow.logformat import LogFormat, union
from athena_flow.samples import Sample
from athena_flow.table import FileType


@dataclass(frozen=True, slots=True)
class Block:
    """Logs that one table can read: one layout, one file type, one format."""

    location: str
    layout: Layout
    file_type: FileType
    format: LogFormat | None
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    flow_logs: tuple[str, ...]
    first: date
    last: date
    """The first and the last day on which it was seen; both were looked at."""
    example: str
    """A key of it, below the location."""
    header_lines: int = 1
    """At the top of each text file: 0 when no file that was looked at has one."""
    sources: tuple[tuple[str, str], ...] = ()
    """Accounts, each with a region; empty where every account has every region."""

    @property
    def places(self) -> frozenset[tuple[str, str]]:
        """Every account and region that it has logs of."""
        return frozenset(self.sources or product(self.accounts or ("",), self.regions or ("",)))


def blocks(location: str, samples: Sequence[Sample]) -> list[Block]:
    """The samples grouped into what one table each can read, largest group first."""
    formats: dict[Layout, set[LogFormat]] = defaultdict(set)
    for sample in samples:
        if sample.file_type == "text" and sample.format:
            formats[sample.layout].add(sample.format)
    groups: dict[tuple[Layout, FileType, LogFormat | None], list[Sample]] = defaultdict(list)
    for sample in samples:
        own = None if sample.file_type == "parquet" else sample.format
        own = widest(own, formats[sample.layout]) if own else None
        groups[sample.layout, sample.file_type, own].append(sample)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [_block(location, *group, members) for group, members in ordered]


def widest(log_format: LogFormat, formats: Iterable[LogFormat]) -> LogFormat:
    """The format of a text table that reads this one too: the same fields, and more after them.

    The format itself where several go on in different ways.
    """
    longer = [found for found in formats if _begins(log_format, found)]
    last = [
        one for one in longer if not any(one != other and _begins(one, other) for other in longer)
    ]
    return last[0] if len(last) == 1 else log_format


def _begins(short: LogFormat, long: LogFormat) -> bool:
    return long.fields[: len(short.fields)] == short.fields


def _block(
    location: str,
    layout: Layout,
    file_type: FileType,
    log_format: LogFormat | None,
    members: Sequence[Sample],
) -> Block:
    if file_type == "parquet":
        log_format = union(s.format for s in members if s.format)
    days = [s.partition.start.date() for s in members]
    return Block(
        location=location,
        layout=layout,
        file_type=file_type,
        format=log_format,
        accounts=tuple(sorted({s.partition.account for s in members})),
        regions=tuple(sorted({s.partition.region for s in members})),
        flow_logs=tuple(sorted({s.flow_log for s in members if s.flow_log})),
        first=min(days),
        last=max(days),
        example=members[0].uri.removeprefix(location),
        header_lines=int(any(s.header for s in members)),
        sources=tuple(sorted({s.source for s in members})),
    )


_Pairs = tuple[tuple[str, str], ...]
"""Flags, each with its value."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How `discover` is told that one block of several is meant."""

    flags: tuple[str, ...] | None
    """The fewest that leave this block alone; None when none do."""
    why: str = ""
    """What stands in the way, and what helps."""


def choice(block: Block, found: Sequence[Block]) -> Choice:
    """The choice of one of the blocks that were found."""
    others = [other for other in found if other is not block]
    ways = _ways(block, others)
    for count in range(len(ways) + 1):
        for names in combinations(ways, count):
            if not any(_left(block, other, names) for other in others):
                ordered = sorted(names, key=lambda name: name != "location")
                return Choice(tuple(w for name in ordered for pair in ways[name] for w in pair))
    return Choice(None, _entangled(block, found))


def limits(block: Block, found: Sequence[Block]) -> dict[str, tuple[str, ...]]:
    """The accounts or regions by which partitions keep to this block's folders.

    Days in folders of the same names hold other blocks' logs, in other accounts or regions: a
    table's partitions are folders, whatever lies in them. Empty where there are none such, or
    where they cannot be told apart so.
    """
    here = (block.location, day_folders(block.layout))
    near = [o for o in found if (o.location, day_folders(o.layout)) == here and not _meet(block, o)]
    own = {"region": block.regions, "account": block.accounts}
    for count in range(len(own) + 1):
        for names in combinations(own, count):
            if not any(_left(block, other, names) for other in near):
                return {name: own[name] for name in names}
    return {}


def day_folders(layout: Layout) -> str:
    """The template of its days: a table of days reads the folders of their hours, too."""
    return re.sub(r"[^/]*\{hour\}/", "", layout.template)


def _ways(block: Block, others: Sequence[Block]) -> dict[str, _Pairs]:
    """The flags that tell this block from others, the simplest first."""
    alike = [o for o in others if o.layout.name == block.layout.name]
    named = all(o.layout.template == block.layout.template for o in alike)
    accounts = tuple(("--account", account) for account in block.accounts)
    regions = tuple(("--region", region) for region in block.regions)
    ways: dict[str, _Pairs] = {
        "file type": (("--file-type", block.file_type),),
        "layout": (("--layout", block.layout.name if named else block.example),),
        "region": regions,
        "account": accounts,
        "location": (("--location", block.location), *accounts, *regions),
    }
    return {name: pairs for name, pairs in ways.items() if pairs}


def _left(block: Block, other: Block, names: Sequence[str]) -> bool:
    """Is another block left, too, when this one is chosen by these properties?"""
    if "location" in names and other.location != block.location:
        return False
    if "file type" in names and other.file_type != block.file_type:
        return False
    if "layout" in names and other.layout.template != block.layout.template:
        return False
    return any(
        ("account" not in names or account in block.accounts)
        and ("region" not in names or region in block.regions)
        for account, region in other.places
    )


def _entangled(block: Block, found: Sequence[Block]) -> str:
    """Why no flags choose this block alone, and what does."""
    number, other = next(
        (n, other)
        for n, other in sorted(enumerate(found, start=1), key=lambda one: not _meet(block, one[1]))
        if other is not block and _left(block, other, ("location", "file type", "layout"))
    )
    if not _meet(block, other):
        return (
            f"no flags: its accounts and regions are mixed with those of block {number}; choose"
            " some of them with --account and --region"
        )
    if block.last < other.first or other.last < block.first:
        return (
            f"no flags: the format in the folders of block {number} changed; make a table for each"
            " time, with its own days (athena-flow check names the day)"
        )
    return (
        f"no flags: it lies in the folders of block {number}, and only its format is another; give"
        " each flow log a prefix of its own, or Parquet"
    )


def _meet(block: Block, other: Block) -> bool:
    return bool(block.places & other.places)


def described_blocks(logs: Sequence[FlowLog], account: str, region: str, now: date) -> list[Block]:
    """Flow logs of one account and region grouped into what one table each can read."""
    groups: dict[tuple[str, Layout, FileType, LogFormat | None], list[FlowLog]] = defaultdict(list)
    for log in logs:
        own = None if log.file_type == "parquet" else log.format
        groups[log.location, log.layout, log.file_type, own].append(log)
    return [
        Block(
            location=location,
            layout=layout,
            file_type=file_type,
            format=union(log.format for log in members),
            accounts=(account,) if account else (),
            regions=(region,),
            flow_logs=tuple(sorted(log.id for log in members)),
            first=min(log.created for log in members),
            last=now,
            example=layout.example,
        )
        for (location, layout, file_type, _), members in groups.items()
    ]
