"""A table and what was seen of its logs: what rules judge, and the commands that mend.

The commands are text for the user, with every word quoted for a shell; nothing here runs
one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from athena_flow.layout import ROOT
from athena_flow.logformat import LogFormat
from athena_flow.sqltext import hive_name, hive_string
from athena_flow.survey import Sample, Survey
from athena_flow.table import (
    FileType,
    TableSpec,
)

PLACES = ("s3://", "/")
"""How a location begins that we can look at."""
SKIP = "skip.header.line.count"


@dataclass(frozen=True, slots=True)
class Table:
    """What Athena knows of a table, ours or anyone's, as far as it decides what rows say."""

    database: str
    name: str
    location: str
    """LOCATION as it stands."""
    template: str
    """``storage.location.template`` of a projected table; else empty."""
    columns: tuple[tuple[str, str], ...]
    """Names and types in lower case."""
    file_type: FileType | None
    """None when its SerDe neither splits lines at single spaces nor reads Parquet."""
    serde: str
    skipped: int
    """Lines left out at the top of each file."""
    spec: TableSpec | None
    """None for a table that athena-flow did not make, or that was altered since."""
    altered: str
    """How somebody altered a table of ours; else empty."""

    @property
    def title(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def place(self) -> str:
        """The folder below which its partitions lie, ending in ``/`` and without ``//``."""
        fixed, variable, _ = (self.template or self.location).partition("${")
        return one_slash(fixed[: fixed.rfind("/") + 1] if variable else f"{fixed}/")

    @property
    def base(self) -> str:
        """What stands before ``AWSLogs/``."""
        if self.spec:
            return self.spec.location
        head, root, _ = self.place.partition(f"/{ROOT}")
        return f"{head}/" if root else self.place


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in words, and the command that mends it where one does."""

    kind: str
    message: str
    fix: str | None
    uris: tuple[str, ...] = ()
    """A few of the objects that show it."""


def one_slash(location: str) -> str:
    """A location with every ``//`` but the scheme's made one."""
    scheme = "s3://" if location.startswith("s3://") else ""
    return scheme + re.sub("/+", "/", location.removeprefix(scheme))


@dataclass(frozen=True, slots=True)
class Case:
    """A table and what was seen of its logs."""

    table: Table
    found: Survey
    first: date
    """The first day that was looked at."""
    access: tuple[str, ...] = ()
    """Flags by which the user reached the table, for the commands."""

    @property
    def samples(self) -> list[Sample]:
        """Those that the table's SerDe can read."""
        return [s for s in self.found.samples if s.file_type == self.table.file_type]

    def anew(self, like: Sample, log_format: LogFormat) -> str:
        """The command that makes our table right, or a right one beside somebody else's."""
        if self.table.spec is None:
            return self.beside(like, log_format, "athena_flow")
        more = ("--replace", *_projected(self.table.spec))
        return self._init(like, log_format, self.table.name, more)

    def beside(
        self, like: Sample, log_format: LogFormat, suffix: str, limits: Sequence[str] = ()
    ) -> str:
        """The commands that make a second table, for those logs that lie within ``limits``."""
        name = re.sub("[^a-z0-9_]+", "_", f"{self.table.name}_{suffix}".lower())
        since = () if "--since" in limits else ("--since", f"{self.first}")
        add = ("athena-flow", "add-partitions", *self.names(name), *since, *limits)
        return f"{self._init(like, log_format, name)} && {shlex.join(add)}"

    def _init(
        self, like: Sample, log_format: LogFormat, name: str, more: Sequence[str] = ()
    ) -> str:
        known = like.layout.title == like.layout.name
        unknown = any(not field.version for field in log_format.fields)
        words = {
            "--location": self.table.base,
            "--layout": like.layout.name if known else like.uri.removeprefix(self.table.base),
            "--file-type": like.file_type,
            "--log-format": log_format.header,
        }
        flags = [word for pair in words.items() for word in pair] + ["--allow-unknown"] * unknown
        return shlex.join(["athena-flow", "init-table", *self.names(name), *flags, *more])

    def names(self, name: str) -> tuple[str, ...]:
        return ("--database", self.table.database, "--table", name, *self.access)

    def altered(self, what: str) -> str:
        """A statement for Athena that alters the table."""
        name = f"{hive_name(self.table.database)}.{hive_name(self.table.name)}"
        return f"ALTER TABLE {name} SET {what}"

    def skipping(self, lines: int) -> str:
        return self.altered(f"TBLPROPERTIES ({hive_string(SKIP)} = '{lines}')")

    def apart(self, pattern: str, folder: str) -> str:
        """The command that moves the objects of such names to a prefix of their own."""
        source, target = self.table.base + ROOT, f"{self.table.base}{folder}/{ROOT}"
        if source.startswith("s3://"):
            chosen = ("--recursive", "--exclude", "*", "--include", pattern)
            return shlex.join(("aws", "s3", "mv", source, target, *chosen))
        source, target, pattern = map(shlex.quote, (source, target, pattern))
        copied = f"find . -name {pattern} -exec cp --parents {{}} {target} ';' -delete"
        return f"mkdir -p {target} && cd {source} && {copied}"

    def away(self, uri: str) -> str:
        """The command that moves one object out of the table."""
        target = f"{self.table.base}left-out/"
        if uri.startswith("s3://"):
            return shlex.join(("aws", "s3", "mv", uri, target))
        return f"mkdir -p {shlex.quote(target)} && {shlex.join(('mv', uri, target))}"


def _projected(spec: TableSpec) -> tuple[str, ...]:
    """The flags of `init-table` by which a projected table stays one."""
    if spec.projection is None:
        return ()
    found = spec.projection
    regions = (word for region in found.regions for word in ("--region", region))
    accounts = (word for account in found.accounts for word in ("--account", account))
    return ("--partitions", "projection", "--since", f"{found.start}", *regions, *accounts)
