"""The rules by which a table is judged: each says what queries get wrong in silence, and a fix.

Text columns go by position, Parquet's by name, and Athena complains of neither: a table
that does not fit shows shifted values, NULLs or no rows. A rule is a function from a
`Case` to its findings, and one line in `findings`.

Fixes are run one after the other, so no two may undo each other: a file is judged by one
rule of place and format, all that is wrong with a table of ours as such ends in one and the
same command, and files are mended before whole flow logs move.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from athena_flow.case import Case, Change, Finding
from athena_flow.findings.columns import (
    parquet_formats,
    parquet_types,
    text_formats,
    text_types,
    text_width,
)
from athena_flow.findings.lines import headless, lines, odd_objects, skips
from athena_flow.findings.places import (
    explicit,
    file_types,
    layouts,
    lost,
    misplaced,
    projections,
    serdes,
)
from athena_flow.fixes import replaced, takes_out


def findings(case: Case) -> tuple[Finding, ...]:
    """Everything that is wrong between a table and what it reads.

    For a table that reads nothing right, what one table can be right for comes first, and
    only that: the rest is judged when it is.
    """
    first = lost(case)
    settled = [] if first else misplaced(case)
    case = replace(case, settled=frozenset(s.uri for s in settled))
    of_files = [f for judge in (headless, lines, odd_objects) for f in judge(case)]
    if first:
        return (*of_files, first)
    of_table = (serdes, projections, text_width, text_types, parquet_formats, parquet_types, skips)
    found = [one for judge in of_table for one in judge(case)]
    of_logs = [f for judge in (file_types, layouts, text_formats) for f in judge(case)]
    if any(takes_out(f.fix) for f in of_logs):
        found += explicit(case)
    return (*_mended(case, found), *of_files, *of_logs)


def _mended(case: Case, found: Sequence[Finding | Change]) -> Iterator[Finding]:
    """Every change as a finding whose fix makes all of them: those of later rules count."""
    better = case.table.spec
    for one in found:
        if isinstance(one, Change) and better:
            better = replace(better, **one.what)
    for one in found:
        if isinstance(one, Finding):
            yield one
        elif better:
            steps = [replaced(case, better), *filter(None, [one.then])]
            yield Finding(one.kind, one.message, " && ".join(steps), one.uris)
