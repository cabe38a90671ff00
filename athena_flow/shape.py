"""Settings -> the shape of a table: by flags, by a pasted answer, or as the logs lie."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from athena_flow import terminal
from athena_flow.errors import BadSetting, NotFound, some
from athena_flow.settings import Settings, as_flags, flag
from athena_flow.wire import (
    AUTO,
    AWS_FLAGS,
    access_flags,
    account_of,
    accounts,
    engine_name,
    location_of,
    log_format,
    now,
    one_of,
    open_catalog,
    open_store,
    own_table,
    regions,
    table_name,
)

if TYPE_CHECKING:
    from athena_flow.blocks import Block, Choice
    from athena_flow.inventory import Inventory
    from athena_flow.table import Projection, TableSpec


def table_spec(s: Settings) -> TableSpec:
    from athena_flow.layout import layout_named
    from athena_flow.table import FILE_TYPES, HEADER_LINES, MODES, TableSpec

    s = _as_described(s)
    if not s.location:
        raise BadSetting(
            "--location is missing", hint="say what stands before AWSLogs/: s3://bucket/prefix/"
        )
    accounts(s)
    if AUTO in (s.log_format, s.layout, s.file_type):
        s = _as_it_lies(s)
    location = location_of(s)
    mode = one_of("--partitions", s.partitions or "explicit", MODES)
    return TableSpec(
        *table_name(s),
        location,
        log_format(s),
        layout_named(s.layout or "daily"),
        one_of("--file-type", s.file_type or _type_of_key(s.layout) or "text", FILE_TYPES),
        mode,
        _projection(s) if mode == "projection" else None,
        header_lines=one_of("--header-lines", s.header_lines or "1", HEADER_LINES),
    )


def inventory(s: Settings) -> Inventory:
    """What --inventory lists, as the table of --location or of --table lies in it.

    Without --layout and --file-type these are told by the keys. Raises BadFile, NotFound.
    """
    from athena_flow.engines.duckdb import inventory_rows
    from athena_flow.inventory import read_inventory

    if s.logs:
        raise BadSetting("--inventory and --logs are both there", hint="leave one of them out")
    if s.log_format == AUTO:
        raise BadSetting("--log-format auto needs logs to look at", hint="say the format")
    detect = s.layout in (None, AUTO)
    typeless = s.file_type in (None, AUTO)
    if s.location:
        layout, file_type = (None if said == AUTO else said for said in (s.layout, s.file_type))
        spec = table_spec(replace(s, layout=layout, file_type=file_type))
    elif s.table or s.database or engine_name(s) == "duckdb":
        detect = typeless = False
        spec = own_table(s, open_catalog(s))
    else:
        raise BadSetting(
            "--inventory needs --location", hint="say what stands before AWSLogs/: s3://bucket/"
        )
    return read_inventory(
        Path(s.inventory or ""),
        spec,
        inventory_rows,
        detect,
        None if typeless else spec.file_type,
    )


def _type_of_key(layout: str | None) -> str | None:
    """The file type that a real key as --layout tells; None when it is no key of a file."""
    if layout and layout.endswith(".parquet"):
        return "parquet"
    return "text" if layout and layout.endswith((".log", ".log.gz")) else None


def _as_described(s: Settings) -> Settings:
    """The settings with what a pasted answer of DescribeFlowLogs says and no flag does."""
    from athena_flow import described
    from athena_flow.pasted import entries

    answer = entries(s.log_format or "")
    if answer is None:
        return s
    told = [described.told(entry) for entry in answer]
    if engine_name(s) == "duckdb":  # the logs were copied from where the answer says
        told = [replace(log, location=None) for log in told]
    if s.layout == AUTO:
        told = [replace(log, layout=None) for log in told]
    if s.file_type == AUTO:
        told = [replace(log, file_type=None) for log in told]
    chosen, wanted, notes = described.one_table(told, _said(s), allow_unknown=s.allow_unknown)
    of_key = _type_of_key(s.layout)
    if not s.file_type and of_key and chosen.file_type not in (None, of_key):
        raise BadSetting(
            f"--layout is the key of a {of_key} file, but the answer says"
            f" --file-type {chosen.file_type}"
        )
    for note in notes:
        terminal.say(s, f"note: {note}")
    return replace(
        s,
        log_format=wanted.header,
        location=s.location or chosen.location,
        layout=s.layout or (chosen.layout.name if chosen.layout else None),
        file_type=s.file_type or chosen.file_type,
    )


def _said(s: Settings) -> dict[str, str]:
    """What flags say of where and how logs are delivered, in the words of an answer."""
    from athena_flow.layout import layout_named
    from athena_flow.table import FILE_TYPES

    said = {}
    if s.location:
        said["--location"] = location_of(s)
    if s.layout and s.layout != AUTO:
        said["--layout"] = layout_named(s.layout).name
    if s.file_type and s.file_type != AUTO:
        said["--file-type"] = one_of("--file-type", s.file_type, FILE_TYPES)
    return said


def _projection(s: Settings) -> Projection:
    """``--since``, ``--region`` and ``--account`` are what a projected table is made of."""
    from athena_flow.table import Projection
    from athena_flow.window import parse_time

    if not s.since:
        raise BadSetting(
            "--partitions projection needs --since: the first day that queries may read",
            hint="write --since 2025-01-01; without --account, every query has to name one",
        )
    return Projection(parse_time(s.since, now()).date(), regions(s), accounts(s))


def _as_it_lies(s: Settings) -> Settings:
    """The settings with every ``auto`` replaced by what the logs themselves say."""
    found, _ = blocks_of(s)
    if len(found) != 1:
        raise BadSetting(
            f"auto needs logs that one table can read, and below {s.location} are {len(found)}"
            " blocks of such",
            hint=f"athena-flow discover shows them; {how_to_choose(s, found)}",
        )
    (block,) = found
    if s.log_format == AUTO and block.format is None:
        raise BadSetting(
            "--log-format auto needs header lines, and these files have none, nor the default"
            f" format: {block.location}{block.example}"
        )
    header = block.format.header if block.format else ""
    named = block.layout.title == block.layout.name
    return replace(
        s,
        log_format=header if s.log_format == AUTO else s.log_format,
        layout=(block.layout.name if named else block.example) if s.layout == AUTO else s.layout,
        file_type=block.file_type if s.file_type == AUTO else s.file_type,
        header_lines=s.header_lines or f"{block.header_lines}",
        allow_unknown=s.allow_unknown or s.log_format == AUTO,
    )


def blocks_of(s: Settings) -> tuple[list[Block], list[Block]]:
    """What lies below --location or --logs; without either, the account's own flow logs.

    First those of --layout, --file-type, --account and --region, where these are said, then
    all that were seen. Raises NotFound when none is left.
    """
    from athena_flow.layout import layout_named
    from athena_flow.table import FILE_TYPES

    wanted = None if s.layout in (None, AUTO) else layout_named(s.layout or "")
    if s.file_type not in (None, AUTO):
        one_of("--file-type", s.file_type or "", FILE_TYPES)
    found, notes = _all_blocks(s)
    for note in notes:
        terminal.say(s, f"note: {note}")
    chosen = [
        block
        for block in found
        if s.file_type in (None, AUTO, block.file_type)
        and (wanted is None or block.layout.name == s.layout or block.layout.title == wanted.title)
        and (not s.account or set(s.account) & set(block.accounts))
        and (not s.region or set(s.region) & set(block.regions))
    ]
    if not chosen:
        there = dict.fromkeys(
            f"{b.file_type} in {b.layout.title} of {some(b.accounts)} in {some(b.regions)}"
            for b in found
        )
        raise NotFound(
            f"none of the logs that were found fits {shlex.join(_chosen(s))}",
            hint=f"there are: {'; '.join(there)}",
        )
    if len(chosen) < len(found):
        terminal.say(s, f"note: of {len(found)} blocks, only those of {shlex.join(_chosen(s))}")
    return chosen, found


_CHOICES = ("file_type", "layout", "account", "region")
"""The settings that choose among blocks."""


def _chosen(s: Settings, names: Sequence[str] = _CHOICES) -> tuple[str, ...]:
    """The flags by which the user chose."""
    return as_flags(s, names, AUTO)


def choices(s: Settings, found: Sequence[Block]) -> list[Choice]:
    """How each block is chosen, with what the user chose already."""
    from athena_flow import blocks

    return [_with_chosen(s, blocks.choice(block, found)) for block in found]


def _with_chosen(s: Settings, choice: Choice) -> Choice:
    if not choice.flags:
        return choice
    others = [name for name in _CHOICES if flag(name) not in choice.flags]
    return replace(choice, flags=(*_chosen(s, others), *choice.flags))


def how_to_choose(s: Settings, found: Sequence[Block]) -> str:
    """The flags that choose each block, in one line."""
    ways = (shlex.join(c.flags) if c.flags else c.why for c in choices(s, found))
    return "; ".join(f"block {n}: {way}" for n, way in enumerate(ways, start=1))


def by_hand(s: Settings, block: Block) -> str:
    """The command that makes a block's table once its format is filled in."""
    words = {
        "--location": block.location,
        "--layout": block.example,
        "--file-type": block.file_type,
        "--header-lines": f"{block.header_lines}",
    }
    flags = [word for pair in words.items() for word in pair]
    said = shlex.join((*access_flags(replace(s, engine=engine_name(s))), *flags))
    return f"say it: athena-flow init-table {said} --log-format '${{...}} ${{...}}'"


def kept(s: Settings, block: Block, found: Sequence[Block]) -> dict[str, str | tuple[str, ...]]:
    """The settings by which later commands reach a block, and no other of those found."""
    from athena_flow import blocks

    names = ("database", "table", "catalog", *AWS_FLAGS, "account", "region")
    said = {name: value for name in names if (value := getattr(s, name))}
    return {"engine": engine_name(s), **said, **blocks.limits(block, found)}


def _all_blocks(s: Settings) -> tuple[list[Block], list[str]]:
    from athena_flow import blocks, described

    if s.location or s.logs:
        return _seen_blocks(s)
    if engine_name(s) == "duckdb":
        raise BadSetting("--engine duckdb looks at no account", hint="write --logs DIR")
    from athena_flow.aws import describe_flow_logs

    account = account_of(s)
    logs = [described.flow_log(entry) for entry in describe_flow_logs(account)]
    if not logs:
        raise NotFound(
            f"no flow log of this account delivers to S3 from {account.region}",
            hint="for a central bucket, give --location s3://bucket/prefix/",
        )
    found = blocks.described_blocks(logs, account.number, account.region, now().date())
    return found, described.warnings(logs)


def _seen_blocks(s: Settings) -> tuple[list[Block], list[str]]:
    from athena_flow import blocks, survey
    from athena_flow.engines.duckdb import parquet_columns
    from athena_flow.window import Window

    if s.location and engine_name(s) != "duckdb" and Path(s.location).is_dir():
        raise BadSetting(
            f"--location {s.location} is a directory of this machine",
            hint=f"write --logs {shlex.quote(s.location)}",
        )
    location = location_of(replace(s, location=None) if s.logs else s)
    window = Window(accounts=accounts(s), regions=regions(s))
    with terminal.progress(s) as progress:
        found = survey.survey(location, open_store(s), parquet_columns, window, progress)
    count = len(found.samples)
    looked = f"looked at {count:,} object{'s' * (count != 1)} among {found.keys:,} keys"
    strays = [f"in no layout: {uri}" for uri in found.strange] if s.verbose else []
    notes = [looked, *survey.warnings(found), *strays]
    return blocks.blocks(location, found.samples), notes
