"""A workgroup whose cut-off Athena itself enforces: what is there, what is wanted, what changes.

The last wall: it also holds for queries that come from elsewhere. Asking AWS is `workgroups`'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Protocol

from athena_flow.cost import show_bytes
from athena_flow.errors import BadSetting

DEFAULT = "athena-flow"
"""The workgroup that is meant where none is named: one of our own, that nobody else is in."""
LEAST_BYTES = 10_000_000
"""Source: Athena API reference, WorkGroupConfiguration, BytesScannedCutoffPerQuery."""
MOST_BYTES = 7 * 10**18
"""Source: Athena console, "Data usage controls": 10 MB to 7 EB."""
NAME = re.compile(r"[a-zA-Z0-9._-]{1,128}")
"""Source: Athena API reference, WorkGroupName."""


@dataclass(frozen=True, slots=True)
class Workgroup:
    """A workgroup, as far as a cut-off has to know it."""

    name: str
    cutoff_bytes: int | None
    """BytesScannedCutoffPerQuery; None for none."""
    enforced: bool
    """EnforceWorkGroupConfiguration: do its settings win over those of its clients?"""
    output_location: str | None
    managed_results: bool = False
    """Does Athena keep the results itself?"""
    spark: bool = False
    enabled: bool = True


class Workgroups(Protocol):
    """The workgroups of one account and region."""

    def find(self, name: str) -> Workgroup | None: ...

    def create(self, wanted: Workgroup) -> bool:
        """False when somebody else made one of its name meanwhile."""

    def update(self, before: Workgroup, after: Workgroup) -> None:
        """Sends what differs, and nothing else."""


@dataclass(frozen=True, slots=True)
class Change:
    setting: str
    before: object
    """None for what was not set, or of a workgroup that was not there."""
    after: object


@dataclass(frozen=True, slots=True)
class Ensured:
    """What was found, what it becomes, and what a reader has to know."""

    before: Workgroup | None
    after: Workgroup
    notes: tuple[str, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        pairs = (
            ("BytesScannedCutoffPerQuery", "cutoff_bytes"),
            ("EnforceWorkGroupConfiguration", "enforced"),
            ("OutputLocation", "output_location"),
        )
        both = [(s, getattr(self.before, a, None), getattr(self.after, a)) for s, a in pairs]
        return tuple(Change(*one) for one in both if one[1] != one[2])


def wanted(name: str | None, cutoff_bytes: int, output_location: str | None) -> Workgroup:
    """The workgroup that is asked for. Raises BadSetting for what Athena would refuse."""
    name = name or DEFAULT
    if not NAME.fullmatch(name):
        hint = "up to 128 letters, digits, dots, underscores and hyphens"
        raise BadSetting(f"--workgroup {name!r} is no name of a workgroup", hint=hint)
    if not LEAST_BYTES <= cutoff_bytes <= MOST_BYTES:
        raise BadSetting(
            f"--max-scan {show_bytes(cutoff_bytes)} can be no cut-off",
            hint=f"from {LEAST_BYTES:,} bytes (10MB) to 7,000PB",
        )
    if output_location is not None and not re.fullmatch(r"s3://[^/]+(/.*)?", output_location):
        raise BadSetting(f"--output-location {output_location!r} is none: s3://bucket/prefix/")
    return Workgroup(name, cutoff_bytes, True, output_location)


def plan(found: Workgroup | None, want: Workgroup, loosen: bool) -> Ensured:
    """What has to change so that the cut-off holds; nothing else of ``found`` does.

    A cut-off that is stricter stays, unless ``loosen``. Raises BadSetting where the queries
    of the workgroup would have nowhere to write their results, and for one of Spark's.
    """
    if found is None:
        if want.output_location is None:
            raise BadSetting(
                f"workgroup {want.name} does not exist, and a new one needs --output-location",
                hint="say where Athena writes results: s3://bucket/prefix/",
            )
        return Ensured(None, want, ())
    if found.spark:
        raise BadSetting(
            f"workgroup {found.name} is one for Spark, which scans nothing by the byte"
        )
    notes = []
    after = replace(found, enforced=True)
    limit = want.cutoff_bytes or 0
    if found.cutoff_bytes is None or found.cutoff_bytes > limit:
        was = f"of {show_bytes(found.cutoff_bytes)}" if found.cutoff_bytes else "none"
        notes.append(f"workgroup {found.name} exists with a more generous cut-off: {was}")
        after = replace(after, cutoff_bytes=limit)
    elif found.cutoff_bytes < limit and loosen:
        after = replace(after, cutoff_bytes=limit)
    elif found.cutoff_bytes < limit:
        notes.append(
            f"workgroup {found.name} has a stricter cut-off, {show_bytes(found.cutoff_bytes)},"
            " which stays; --yes loosens it"
        )
    if not found.output_location and not found.managed_results:
        if want.output_location is None:
            raise BadSetting(
                f"workgroup {found.name} has no output location, and needs one of its own when"
                " its settings win over its clients'",
                hint="say it: --output-location s3://bucket/prefix/",
            )
        after = replace(after, output_location=want.output_location)
    elif want.output_location and want.output_location != found.output_location:
        kept = found.output_location or "Athena's own"
        notes.append(f"workgroup {found.name} keeps its output location, {kept}")
    if not found.enforced:
        notes.append(
            f"from now on the settings of workgroup {found.name} win over those of its clients:"
            " their results go to its output location"
        )
    if not found.enabled:
        notes.append(f"workgroup {found.name} is disabled, and stays so: it takes no queries")
    return Ensured(found, after, tuple(notes))


def ensure(found: Ensured, groups: Workgroups, want: Workgroup, loosen: bool) -> Ensured:
    """Makes it so; what somebody else made meanwhile is looked at anew."""
    if found.before is None:
        if groups.create(found.after):
            return found
        found = plan(groups.find(want.name), want, loosen)
    if found.before and found.changes:
        groups.update(found.before, found.after)
    return found
