"""How findings name files and those who wrote them, and how samples are grouped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from athena_flow.errors import files, some
from athena_flow.fixes import day_of
from athena_flow.logformat import LogFormat, union
from athena_flow.samples import Sample

Key = TypeVar("Key")

URIS = 3
"""Objects that a finding names."""


def grouped(samples: Iterable[Sample], by: Callable[[Sample], Key]) -> dict[Key, list[Sample]]:
    """Samples by what they share, the largest group first."""
    groups: dict[Key, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[by(sample)].append(sample)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def parted(
    samples: Iterable[Sample], others: Iterable[Sample]
) -> tuple[list[Sample], list[Sample]]:
    """Those in a day's folder with some of the others, and those by themselves."""
    near = {day_of(s) for s in others}
    mixed: list[Sample] = []
    alone: list[Sample] = []
    for sample in samples:
        (mixed if day_of(sample) in near else alone).append(sample)
    return mixed, alone


def agree(one: LogFormat, other: LogFormat) -> bool:
    """Is one of them the other with fields added at its end?"""
    return all(a == b for a, b in zip(one.columns, other.columns, strict=False))


@dataclass(frozen=True, slots=True)
class Readable:
    """Samples that one table can read, and its format."""

    format: LogFormat
    samples: list[Sample]


def readable(samples: Iterable[Sample], wanted: LogFormat | None = None) -> Readable | None:
    """The most of these that one table can read, by ``wanted`` and more fields at its end.

    Of Parquet that is all of them. None when no file says its format.
    """
    groups = {f: own for f, own in grouped(samples, lambda s: s.format).items() if f}
    every = [s for own in groups.values() for s in own]
    if not every:
        return None
    if every[0].file_type == "parquet":
        return Readable(union(groups), every)
    longest = wanted or next(iter(groups))
    for log_format in groups:
        if agree(longest, log_format) and len(log_format.fields) > len(longest.fields):
            longest = log_format
    return Readable(longest, [s for f, own in groups.items() if agree(longest, f) for s in own])


def who(samples: Iterable[Sample]) -> str:
    """Whose files they are: flow logs, or accounts and regions where names do not say."""
    return some(sorted({s.flow_log or "/".join(s.source) for s in samples}))


def count(samples: Sequence[Sample]) -> str:
    return f"{files(len(samples))} looked at"


def uris(samples: Sequence[Sample]) -> tuple[str, ...]:
    return tuple(s.uri for s in samples[:URIS])
