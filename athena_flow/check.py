"""A table held against the logs that lie there now: what its queries get wrong in silence.

Text columns are positional, Parquet's go by name, and Athena complains of neither: a table
that does not fit shows shifted values, NULLs or no rows. Each `Finding` says one such thing
and the command that mends it. Nothing here writes; the commands are text for the user.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Any

from athena_flow.errors import ForeignTable, NotFound, TableDiffers, files, some
from athena_flow.fields import COLUMNS, Field
from athena_flow.gluetable import GlueDict, spec_from_table
from athena_flow.layout import LAYOUTS, ROOT, Layout
from athena_flow.logformat import LogFormat, union
from athena_flow.ports import ObjectStore
from athena_flow.sqltext import hive_name, hive_string
from athena_flow.survey import ParquetColumns, Rows, Sample, Survey, blocks, limits, survey
from athena_flow.table import CODECS, FileType, Projection, TableSpec
from athena_flow.window import DAY, Window

SKIP = "skip.header.line.count"
URIS = 3
"""Objects that a finding names."""


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
    file_type: FileType | None
    """None when its SerDe neither splits lines at spaces nor reads Parquet."""
    serde: str
    skipped: int
    """Lines left out at the top of each file."""
    spec: TableSpec | None
    """None for a table that athena-flow did not make, or that was altered since."""
    altered: str = ""
    """How somebody altered a table of ours."""

    @property
    def title(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def ddl(self) -> str:
        """The start of a statement that alters it."""
        return f"ALTER TABLE {hive_name(self.database)}.{hive_name(self.name)} SET"

    @property
    def place(self) -> str:
        """The folder below which all its partitions lie, ending in ``/`` and without ``//``."""
        fixed, variable, _ = (self.template or self.location).partition("${")
        place = fixed[: fixed.rfind("/") + 1] if variable else f"{fixed}/"
        scheme = "s3://" if place.startswith("s3://") else ""
        return scheme + re.sub("/+", "/", place.removeprefix(scheme))

    @property
    def base(self) -> str:
        """What stands before ``AWSLogs/``."""
        if self.spec:
            return self.spec.location
        head, root, _ = self.place.partition(f"/{ROOT}")
        return f"{head}/" if root else self.place

    @property
    def formats_agree(self) -> bool:
        """Are the names of its columns all AWS's, so that each says what it is to show?"""
        return all(_same(column) in COLUMNS for column, _ in self.columns)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in words, and the command that mends it where one does."""

    kind: str
    message: str
    fix: str | None
    uris: tuple[str, ...] = ()
    """A few of the objects that show it."""


@dataclass(frozen=True, slots=True)
class Report:
    table: str
    looked_at: int
    keys: int
    findings: tuple[Finding, ...]
    measured: Mapping[str, int | None]
    notes: tuple[str, ...]
