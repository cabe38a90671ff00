"""What DescribeFlowLogs says of a flow log: its format, and how and where it is delivered.

The answer comes from the API, or is pasted by a user, perhaps with half of it cut away, or
out of a template; then flags say the rest, and may not say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from athena_flow.errors import BadFormat, BadSetting, some
from athena_flow.layout import LAYOUTS, Layout
from athena_flow.logformat import LogFormat, only_format, parse_format, union
from athena_flow.pasted import ASK_FOR_ONE, Entry
from athena_flow.table import FileType

_LAYOUT_OPTIONS = {
    (False, False): "daily",
    (False, True): "hourly",
    (True, False): "hive-daily",
    (True, True): "hive-hourly",
}
"""DestinationOptions HiveCompatiblePartitions and PerHourPartition -> layout."""
_FILE_FORMATS: Mapping[str, FileType] = {"plain-text": "text", "parquet": "parquet"}
"""DestinationOptions FileFormat -> file type. Source: EC2 API, DestinationOptionsRequest."""
_ALONE = "give --log-format the format alone, and say the rest with flags"
_ARN = re.compile(r"arn:[a-z-]+:s3:::([^$]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class FlowLog:
    """One flow log that delivers to S3, as DescribeFlowLogs tells it."""

    id: str
    location: str
    format: LogFormat
    layout: Layout
    file_type: FileType
    created: date


@dataclass(frozen=True, slots=True)
class Told:
    """What an entry, whole or cut, says of a flow log; None where it says nothing."""

    id: str
    format_text: str
    location: str | None
    layout: Layout | None
    file_type: FileType | None
    elsewhere: str | None
    """Where it delivers to, when that is not S3."""

    @property
    def says(self) -> Mapping[str, str]:
        """The flags of `init-table` that say the same."""
        layout = self.layout.name if self.layout else None
        found = {"--location": self.location, "--layout": layout, "--file-type": self.file_type}
        return {flag: value for flag, value in found.items() if value}


def flow_log(described: Mapping[str, Any]) -> FlowLog:
    """An entry of the API's answer. A missing DestinationOptions means AWS's defaults.

    Raises BadFormat for a destination or an option that this package does not know.
    """
    found = told(described)
    if found.location is None:
        raise BadFormat(f"flow log {found.id} delivers to {described.get('LogDestination')}")
    return FlowLog(
        id=found.id,
        location=found.location,
        format=parse_format(found.format_text, allow_unknown=True),
        layout=found.layout or LAYOUTS["daily"],
        file_type=found.file_type or "text",
        created=described["CreationTime"].date(),
    )


def warnings(logs: Iterable[FlowLog]) -> list[str]:
    """What stands in the way of one right table, in words."""
    ids: dict[str, dict[LogFormat, list[str]]] = {}
    for log in logs:
        if log.file_type == "text":
            ids.setdefault(log.location, {}).setdefault(log.format, []).append(log.id)
    return [
        f"text logs of {len(several)} formats go to {location}, where a table reads all and by"
        f" position: {'; '.join(some(own) for own in several.values())};"
        " give each flow log a prefix of its own, or Parquet"
        for location, several in ids.items()
        if len(several) > 1
    ]


def told(entry: Entry) -> Told:
    """An entry as it was given. Raises BadFormat for an option that is none."""
    options = entry.get("DestinationOptions") or {}
    if not isinstance(options, Mapping):
        raise BadFormat(f"{_of(entry)}DestinationOptions {options} are none", hint=_ALONE)
    file_format = str(options.get("FileFormat") or "")
    if file_format and file_format not in _FILE_FORMATS:
        known = " nor ".join(_FILE_FORMATS)
        raise BadFormat(f"{_of(entry)}FileFormat {file_format} is neither {known}", hint=_ALONE)
    hive, hourly = (
        _switch(entry, name, options.get(name))
        for name in ("HiveCompatiblePartitions", "PerHourPartition")
    )
    says_layout = (hive, hourly) != (None, None)
    kind = str(entry.get("LogDestinationType") or "s3")
    return Told(
        id=str(entry.get("FlowLogId") or ""),
        format_text=entry["LogFormat"],
        location=_location(str(entry.get("LogDestination"))),
        layout=LAYOUTS[_LAYOUT_OPTIONS[bool(hive), bool(hourly)]] if says_layout else None,
        file_type=_FILE_FORMATS[file_format] if file_format else None,
        elsewhere=None if kind == "s3" else kind,
    )


def _of(entry: Entry) -> str:
    return f"{entry['FlowLogId']}: " if entry.get("FlowLogId") else ""


def _switch(entry: Entry, name: str, value: object) -> bool | None:
    """A template's value is a word; None for one that is not there."""
    known = {"none": None, "": None, "true": True, "false": False}
    word = str(value).lower()
    if word not in known:
        raise BadFormat(f"{_of(entry)}{name} {value} is neither true nor false", hint=_ALONE)
    return known[word]


def _location(arn: str) -> str | None:
    """What stands before ``AWSLogs/``; None for no ARN of S3, such as a template's reference."""
    match = _ARN.fullmatch(arn)
    return "s3://" + re.sub("/+", "/", f"{match[1]}/") if match else None


def one_table(
    found: Iterable[Told], said: Mapping[str, str], *, allow_unknown: bool = False
) -> tuple[Told, LogFormat, list[str]]:
    """What the described flow logs say of the one table over them, its format, and notes.

    ``said`` are flags and their values, as in `Told.says`; they choose among the flow logs.
    Raises BadSetting when they contradict every flow log, or when more than one table is left;
    BadFormat for text logs of several formats, UnknownField as `parse_format`.
    """
    everything = list(found)
    logs = [log for log in everything if not log.elsewhere] or everything
    fit = [log for log in logs if not _contradicted(log, said)]
    if not fit:
        raise _contradiction(logs, said)
    tables: dict[tuple[tuple[str, str], ...], list[Told]] = {}
    for log in fit:
        delivery = {"--layout": "daily", "--file-type": "text", **log.says, **said}
        tables.setdefault(tuple(sorted(delivery.items())), []).append(log)
    if len(tables) > 1:
        raise _too_many(tables)
    ((place, members),) = tables.items()
    formats: dict[LogFormat, list[str]] = {}
    for log in members:
        log_format = parse_format(log.format_text, allow_unknown=allow_unknown)
        formats.setdefault(log_format, []).append(log.id or "?")
    parquet = dict(place)["--file-type"] == "parquet"
    wanted = union(formats) if parquet else only_format(formats)
    merged = members[0]
    for log in members[1:]:
        merged = replace(
            merged,
            location=merged.location or log.location,
            layout=merged.layout or log.layout,
            file_type=merged.file_type or log.file_type,
        )
    return merged, wanted, _notes(everything, members, merged, said, len(formats))


def _contradicted(log: Told, said: Mapping[str, str]) -> list[str]:
    """The flags that say otherwise than the flow log."""
    return [flag for flag, value in said.items() if log.says.get(flag, value) != value]


def _contradiction(logs: Sequence[Told], said: Mapping[str, str]) -> BadSetting:
    theirs = {log: _contradicted(log, said) for log in logs}
    flags = {flag: said[flag] for flag in said if any(flag in own for own in theirs.values())}
    says = [
        f"{_called(log)} says {_shown({flag: log.says[flag] for flag in own})}"
        for log, own in theirs.items()
    ]
    return BadSetting(
        f"{_shown(flags)}, but {'; '.join(says)}",
        hint=f"leave {' and '.join(flags)} out, or {_ALONE}",
    )


def _too_many(tables: Mapping[tuple[tuple[str, str], ...], Sequence[Told]]) -> BadSetting:
    values = [dict(place) for place in tables]
    flags = [
        flag
        for flag in ("--location", "--layout", "--file-type")
        if len({value.get(flag) for value in values}) > 1
    ]
    listed = [
        f"{', '.join(map(_called, logs))} with"
        f" {_shown({flag: value[flag] for flag in flags if flag in value}) or 'no location'}"
        for logs, value in zip(tables.values(), values, strict=True)
    ]
    return BadSetting(
        f"the answer's flow logs need {len(tables)} tables: {'; '.join(listed)}",
        hint=f"choose with {' or '.join(flags)}, or {ASK_FOR_ONE}",
    )


def _notes(
    everything: Sequence[Told],
    members: Sequence[Told],
    merged: Told,
    said: Mapping[str, str],
    formats: int,
) -> list[str]:
    notes = []
    ids = ", ".join(map(_called, members))
    left_out = [log for log in everything if log.elsewhere and log not in members]
    if left_out:
        listed = ", ".join(f"{_called(log)} ({log.elsewhere})" for log in left_out)
        notes.append(f"left out, not delivered to S3: {listed}")
    others = [log for log in everything if not log.elsewhere and log not in members]
    if others:
        notes.append(f"left out, of another table: {', '.join(map(_called, others))}")
    if merged.elsewhere:
        notes.append(f"{ids}: delivered to {merged.elsewhere}, so only the log format is taken")
    taken = {flag: value for flag, value in merged.says.items() if flag not in said}
    if taken:
        notes.append(f"taken from {ids}: {_shown(taken)}")
    if formats > 1:
        notes.append(f"{formats} log formats, read by name: the table has every field of them")
    return notes


def _called(log: Told) -> str:
    return log.id or "the flow log"


def _shown(flags: Mapping[str, str]) -> str:
    return " ".join(f"{flag} {value}" for flag, value in flags.items())
