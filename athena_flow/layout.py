"""Layouts: where flow logs lie under a prefix, and what their partitions are called.

One template per layout builds prefixes, reads keys and names the values of the partition
keys; nothing else in the package knows how AWS spells a folder. A `Partition` is the same
value for every layout: an account, a region, and the day or hour that it covers.

The partition keys are strings, because Glue prunes only string keys, and the same for
every layout. They never carry the name of a flow-log field: a text table is positional,
so it must keep the log's own `account_id` and `region` columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from sys import intern

from athena_flow.errors import BadSetting, did_you_mean
from athena_flow.sqltext import Sql, conjunction, literal, name
from athena_flow.window import DAY, HOUR, Window

ACCOUNT, REGION, DATE, HOUR_KEY = "aws_account_id", "aws_region", "date", "hour"
ROOT = "AWSLogs/"
"""The folder under which AWS delivers; users give what stands before it."""
PARQUET = ".parquet"
LOG_SUFFIXES = (".log", ".log.gz", ".gz", PARQUET)
"""What the names of logs end in: AWS's end in .log.gz or .parquet, other tools' in the rest."""

ORGANISATION = re.compile(r"o-[a-z0-9]{10,32}/", re.ASCII)
"""An organisation's folder, which some buckets have above the accounts."""

_PARTS = {
    "account": r"(?P<account>\d{12})",
    "region": r"(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d+)",
    "year": r"(?P<year>\d{4})",
    "month": r"(?P<month>\d{2})",
    "day": r"(?P<day>\d{2})",
    "hour": r"(?P<hour>\d{2})",
}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_KEY_PARTS = {ACCOUNT: "{account}", REGION: "{region}", DATE: "{day}", HOUR_KEY: "{hour}"}
"""Each partition key with the part of a template by which a layout has it."""
_WIDE = timedelta(days=5 * 366)
"""A window from which folders are listed and not counted up."""
EXPRESSION_CHARACTERS = 2_048
"""Longest Expression of GetPartitions. Source: AWS Glue API reference, GetPartitions."""
_JAVA = {"{year}": "yyyy", "{month}": "MM", "{day}": "dd"}


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """What one account delivered from one region in one day or hour, from ``start`` (UTC) on."""

    account: str
    region: str
    start: datetime


@dataclass(frozen=True)
class Layout:
    """One way in which AWS lays flow logs out. Source: VPC User Guide, "Flow log files"."""

    name: str
    template: str
    """Below the table's location, ending in ``/``."""
    step: timedelta
    """What one partition covers: a day or an hour."""
    example: str
    """A key of the kind that AWS writes, below the location."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The partition keys in order; all of them strings."""
        return tuple(key for key, part in _KEY_PARTS.items() if part in self.template)

    @property
    def title(self) -> str:
        """The name, or the template where it is spelled otherwise than the name says."""
        known = LAYOUTS.get(self.name)
        return self.name if known and known.template == self.template else self.template

    @property
    def segments(self) -> tuple[str, ...]:
        """The template folder by folder, each ending in ``/``."""
        return tuple(f"{part}/" for part in self.template.rstrip("/").split("/"))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(_pattern_of(self.template) + "[^/]*", re.ASCII)

    def prefix(self, partition: Partition) -> str:
        """The folder of a partition, below the table's location and ending in ``/``."""
        return self.template.format(**_parts(partition))

    def parse(self, key: str) -> Partition | None:
        """The partition in whose folder a key (or prefix) below the location lies, or None."""
        match = self._pattern.fullmatch(key)
        return partition_of(match.groupdict()) if match else None

    def projection(self) -> tuple[str, str]:
        """Athena's ``storage.location.template`` below the location, and the date's format.

        The format is a Java DateTimeFormatter pattern; its letters stand in quotes.
        """
        template = self.template.replace(self._folders_of_day, f"${{{DATE}}}")
        for key in (ACCOUNT, REGION, HOUR_KEY):
            template = template.replace(_KEY_PARTS[key], f"${{{key}}}")
        words = re.split(r"(\{\w+\})", self._folders_of_day)
        pattern = "".join(_JAVA.get(word) or _java_literal(word) for word in words)
        return template, pattern

    def branches(
        self, segment: str, parts: Mapping[str, str], window: Window
    ) -> tuple[str, ...] | None:
        """The folders that ``segment`` can be below ``parts``, when the window alone tells.

        None when only a listing can: for accounts and regions that the window does not
        name, for an open window, and for the last folder, whose existence is the question.
        """
        variables = _PLACEHOLDER.findall(segment)
        if not variables:
            return (segment,)
        if segment == self.segments[-1]:
            return None
        (variable,) = variables
        known = {"account": window.accounts, "region": window.regions}.get(variable)
        if known is None and window.start and window.end and window.end - window.start < _WIDE:
            days = (_parts(Partition("", "", start)) for start in window.starts(self.step))
            known = tuple(
                dict.fromkeys(
                    day[variable]
                    for day in days
                    if all(day[p] == value for p, value in parts.items() if day[p])
                )
            )
        return tuple(segment.format(**{variable: value}) for value in known or ()) or None

    def read(self, segment: str, folder: str) -> Mapping[str, str] | None:
        """The parts that ``folder`` gives to ``segment``; None when it is none such."""
        match = re.fullmatch(_pattern_of(segment), folder, re.ASCII)
        return match.groupdict() if match else None

    @cached_property
    def _folders_of_day(self) -> str:
        """The part of the template that a day fills: ``{year}/{month}/{day}``."""
        found = re.search(r"[^/]*\{year\}.*\{day\}", self.template)
        return found[0] if found else ""

    def _spelling(self, key: str, projected: bool) -> str:
        """The template of a key's values. A projected date is pasted into the path as it is."""
        if key == DATE:
            return self._folders_of_day if projected else "{year}-{month}-{day}"
        return _KEY_PARTS[key]

    def values(self, partition: Partition, projected: bool = False) -> tuple[str, ...]:
        """The partition's values for `keys`, in order.

        A date is ``2026-11-20`` for explicit partitions; for projected ones it is spelled
        as the folders are: ``2026/11/20``, or ``year=2026/month=11/day=20`` on hive layouts.
        """
        parts = _parts(partition)
        return tuple(self._spelling(key, projected).format(**parts) for key in self.keys)

    def partition(self, values: Collection[str], projected: bool = False) -> Partition | None:
        """The partition with these values of `keys`; None when they are none of ours."""
        pattern = "\0".join(_pattern_of(self._spelling(key, projected)) for key in self.keys)
        match = re.fullmatch(pattern, "\0".join(values), re.ASCII)
        return partition_of(match.groupdict()) if match else None

    def expressions(self, window: Window) -> tuple[str, ...]:
        """The window as filters on the keys alone, ones that Glue can prune by; '' for all.

        Together they are the accounts, regions and days of the window, and none of them more
        than `EXPRESSION_CHARACTERS` long. Hours are for the caller to pick: Glue builds its
        plan key by key, so nothing but AND joins the terms, with the key on the left of
        ``=  IN  >=  <=``. Source: AWS Glue API reference, GetPartitions.
        """
        if DATE not in self.keys:
            return ("",)
        terms = [f"{DATE} {operator} {day}" for operator, _, day, _ in self._ends(window, False)]
        regions = _in(REGION, window.regions)
        if regions and len(regions) < EXPRESSION_CHARACTERS // 2:
            terms.insert(0, regions)
        room = EXPRESSION_CHARACTERS - len(" AND ".join(terms)) - len(_in(ACCOUNT, ("",))) - 5
        most = max(1, room // len("'123456789012', "))
        chunks = [window.accounts[n : n + most] for n in range(0, len(window.accounts), most)]
        return tuple(
            " AND ".join([*filter(None, [_in(ACCOUNT, chunk)]), *terms]) for chunk in chunks or [()]
        )

    def predicate(self, window: Window, columns: Collection[str], projected: bool = False) -> Sql:
        """The window for a WHERE clause: the partitions it touches AND the exact times.

        The exact times are on ``end``, by which AWS files a record; a log without that
        field is filtered by partition alone.
        """
        terms = self._key_terms(window, lambda key: name(key).text, projected)
        if "end" in columns:
            column = name("end").text
            if window.start:
                terms.append(f"{column} >= {int(window.start.timestamp())}")
            if window.end:
                terms.append(f"{column} < {int(window.end.timestamp())}")
        return conjunction(terms)

    def recent(
        self, days: int, accounts: tuple[str, ...], regions: tuple[str, ...], projected: bool
    ) -> list[str]:
        """Conditions on the keys for the last ``days``, as counted when the statement runs.

        Athena computes `current_date` before it lists partitions, so they are pruned.
        """
        terms = self._key_terms(
            Window(accounts=accounts, regions=regions), lambda key: name(key).text, projected
        )
        if DATE in self.keys:
            parts = {"year": "%Y", "month": "%m", "day": "%d"}
            spelled = literal(self._spelling(DATE, projected).format(**parts))
            first = f"current_date - INTERVAL '{days}' DAY"
            terms.append(f"{name(DATE)} >= date_format({first}, {spelled})")
        return terms

    def _key_terms(
        self, window: Window, quoted: Callable[[str], str], projected: bool
    ) -> list[str]:
        terms = [
            f"{quoted(key)} IN {literal(tuple(wanted))}"
            for key, wanted in ((ACCOUNT, window.accounts), (REGION, window.regions))
            if wanted and key in self.keys
        ]
        for operator, strict, day, hour in self._ends(window, projected):
            if DATE in self.keys:
                terms.append(f"{quoted(DATE)} {operator} {day}")
            if HOUR_KEY in self.keys:
                terms.append(
                    f"({quoted(DATE)} {strict} {day} OR {quoted(HOUR_KEY)} {operator} {hour})"
                )
        return terms

    def _ends(self, window: Window, projected: bool) -> Iterator[tuple[str, str, str, str]]:
        """Each closed side of the window: ``>=``, ``>``, and the literals of its day and hour."""
        for operator, strict, moment in (
            (">=", ">", window.start),
            ("<=", "<", _last(window)),
        ):
            if moment is not None:
                parts = _parts(Partition("", "", moment))
                day = literal(self._spelling(DATE, projected).format(**parts))
                yield operator, strict, day, literal(parts["hour"])


def _in(key: str, values: tuple[str, ...]) -> str:
    """``key IN ('a', 'b')``; nothing for no values."""
    return f"{key} IN {literal(values)}" if values else ""


def _last(window: Window) -> datetime | None:
    """A moment in the last partition that the window touches."""
    return window.end + window.late - timedelta(seconds=1) if window.end else None


def _parts(partition: Partition) -> Mapping[str, str]:
    start = partition.start
    return {
        "account": partition.account,
        "region": partition.region,
        "year": f"{start.year:04}",
        "month": f"{start:%m}",
        "day": f"{start:%d}",
        "hour": f"{start:%H}",
    }


def _java_literal(text: str) -> str:
    return f"'{text}'" if any(c.isalpha() for c in text) else text


def _pattern_of(template: str) -> str:
    """The regular expression of a template or of one of its folders."""
    return _PLACEHOLDER.sub(lambda m: _PARTS[m[1]], template)


def partition_of(parts: Mapping[str, str]) -> Partition | None:
    """The partition named by parsed parts; None for a date that the calendar lacks.

    Partitions share their texts and their start: there can be a million of them.
    """
    start = _start(*(parts.get(p, "0") for p in ("year", "month", "day", "hour")))
    return Partition(intern(parts["account"]), intern(parts["region"]), start) if start else None


@lru_cache(100_000)
def _start(year: str, month: str, day: str, hour: str) -> datetime | None:
    """One object for all the partitions that start then."""
    try:
        return datetime(int(year), int(month), int(day), int(hour), tzinfo=UTC)
    except ValueError:
        return None


_PLAIN = "AWSLogs/{account}/vpcflowlogs/{region}/{year}/{month}/{day}/"
_HIVE = (
    "AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/"
    "year={year}/month={month}/day={day}/"
)
_FILE = "123456789012_vpcflowlogs_eu-west-1_fl-0a1b2c3d4e5f60718_20261120T1005Z_1a2b3c4d.log.gz"

_BELOW = {"account": "123456789012", "region": "eu-west-1"} | dict(
    zip(("year", "month", "day", "hour"), ("2026", "11", "20", "10"), strict=True)
)


def _layout(name: str, template: str, step: timedelta) -> Layout:
    return Layout(name, template, step, template.format(**_BELOW) + _FILE)


LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout
    for layout in (
        _layout("daily", _PLAIN, DAY),
        _layout("hourly", _PLAIN + "{hour}/", HOUR),
        _layout("hive-daily", _HIVE, DAY),
        _layout("hive-hourly", _HIVE + "hour={hour}/", HOUR),
    )
}
DAILY = LAYOUTS["daily"]
FLAT = Layout("flat", "", DAY, "flow.log")
"""Logs in no layout at all: no partition keys. For a directory that was read as it is, and
never for a table."""


_FILE_NAME = re.compile(
    rf"{_PARTS['account']}_vpcflowlogs_{_PARTS['region']}_fl-[0-9a-f]+"
    rf"_{_PARTS['year']}{_PARTS['month']}{_PARTS['day']}T{_PARTS['hour']}\d{{2}}Z_.*",
    re.ASCII,
)


def find_partition(path: str) -> tuple[str, Partition] | None:
    """A layout's name and partition for a file anywhere: by its folders, else by its name.

    A file that has AWS's own name and lies in no layout counts as ``daily``.
    """
    _, root, below = path.rpartition("/" + ROOT)
    key = ROOT + below if root else path.lstrip("/")
    layout = layout_of_key(key)
    partition = layout.parse(key) if layout else None
    if layout and partition:
        return layout.name, partition
    match = _FILE_NAME.fullmatch(path.rpartition("/")[2])
    partition = partition_of(match.groupdict() | {"hour": "00"}) if match else None
    return (DAILY.name, partition) if partition else None


@lru_cache(1_024)
def spellings(organisation: str = "") -> tuple[Layout, ...]:
    """Every layout in every spelling, below an organisation's folder where one is given.

    Two things vary: Transit Gateway's guide writes ``service=`` for ``aws-service=``, and
    some buckets have an organisation's folder above the accounts.
    """
    return tuple(
        replace(layout, template=template.replace(ROOT, ROOT + organisation, 1))
        for layout in LAYOUTS.values()
        for template in dict.fromkeys((layout.template, layout.template.replace("/aws-s", "/s")))
    )


def layout_of_key(key: str) -> Layout | None:
    """The layout that a real key is in, spelled as that key spells it; None for none."""
    organisation = ORGANISATION.match(key.removeprefix(ROOT))
    found = spellings(organisation[0] if organisation else "")
    return next((layout for layout in found if layout.parse(key)), None)


def layout_named(text: str) -> Layout:
    """The layout of that name, or the one that a real key below ``AWSLogs/`` is in.

    Raises BadSetting with the nearest names, or with what keeps a key out of every layout.
    """
    if text in LAYOUTS:
        return LAYOUTS[text]
    above, root, below = text.partition(ROOT)
    if root and not above:
        found = layout_of_key(text)
        if found is None:
            raise BadSetting(
                f"the key {text!r} is in no layout: {_misfit(text)}",
                hint="athena-flow layouts shows a real key of each",
            )
        return found
    meant = f"give the key from {ROOT} on: {root}{below}"
    names = f"layouts: {', '.join(LAYOUTS)}; or give a real key, from {ROOT} on"
    raise BadSetting(
        f"no layout is called {text!r}{did_you_mean(text, LAYOUTS)}", hint=meant if root else names
    )


def _misfit(key: str) -> str:
    """What keeps a key out of every layout: the first folder that fits none, or its date."""
    folders = re.findall("[^/]*/", key)
    organisation = ORGANISATION.fullmatch(folders[1]) if len(folders) > 1 else None
    layouts = spellings(organisation[0] if organisation else "")
    for n, folder in enumerate(folders):
        deep = [layout for layout in layouts if n < len(layout.segments)]
        layouts = tuple(x for x in deep if x.read(x.segments[n], folder) is not None)
        if not layouts:
            wanted = dict.fromkeys(x.segments[n].format(**_BELOW) for x in deep)
            return _odd_folder(folder, list(wanted), first=n == 1)
    missing = [x.segments[len(folders)] for x in layouts if len(folders) < len(x.segments)]
    if len(missing) == len(layouts):
        return f"no folder such as {missing[0].format(**_BELOW)} follows {folders[-1]!r}"
    date = folders[-3:] if missing else folders[-4:]
    return f"the calendar has no {''.join(date)}"


def _odd_folder(folder: str, wanted: list[str], first: bool) -> str:
    if first and folder.startswith("o-"):
        return f"{folder!r} is no organisation's folder, which is o- and 10 to 32 of a-z and 0-9"
    if not wanted:
        return f"{folder!r} lies below the hour"
    return f"{folder!r} stands where a folder such as {' or '.join(wanted)} belongs"
