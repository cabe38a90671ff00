"""Lines and objects: header lines, and files that are no logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from athena_flow.case import Case, Change, Finding
from athena_flow.errors import files, some
from athena_flow.findings.columns import fits
from athena_flow.findings.words import URIS, count, grouped, uris
from athena_flow.fixes import LOOKED_AT, MOVES, REWRITES, away, rewritten, skipping
from athena_flow.logformat import DEFAULT
from athena_flow.samples import Sample
from athena_flow.table import SKIPPED_LINES


def skips(case: Case) -> Iterator[Change | Finding]:
    """Header lines that become rows, and rows that are taken for header lines."""
    skipped, samples = case.table.skipped, [s for s in case.samples if fits(case.table, s)]
    headed = [s for s in samples if s.header]
    bare = [s for s in samples if not s.header]
    if case.table.file_type == "parquet":
        if skipped and samples:
            message = f"{SKIPPED_LINES} is {skipped} on Parquet: the first row of each file is lost"
            yield _skipping(case, message, 0)
    elif headed and bare:
        yield _unlike(case, headed, bare)
    elif headed and skipped != 1:
        effect = "a row lost" if skipped else "the header is a row"
        message = f"{SKIPPED_LINES} is {skipped}: {effect} in each of {count(headed)}"
        yield _skipping(case, message, 1, headed)
    elif bare and skipped:
        message = f"{count(bare)} without a header line: the first row of each is lost"
        yield _skipping(case, message, 0, bare)


def _skipping(
    case: Case, message: str, lines: int, samples: Sequence[Sample] = (), then: str = ""
) -> Change | Finding:
    """A table with so many header lines: ours, or somebody else's."""
    if case.table.spec:
        what = {"header_lines": lines}
        return Change("header-skip", message, what, uris(samples), then)
    steps = [skipping(case, lines), *filter(None, [then])]
    return Finding("header-skip", message, " && ".join(steps), uris(samples))


def _unlike(case: Case, headed: Sequence[Sample], bare: Sequence[Sample]) -> Change | Finding:
    """Files with a header line and files without: no number of lines is right for both."""
    if case.table.skipped == 0 and len(bare) > len(headed):
        message = f"{count(headed)} with a header line, which is a row there; {REWRITES}"
        width = len(case.table.columns)
        same = [s.uri for s in headed if s.format and len(s.format.fields) == width]
        other = [s.uri for s in headed if s.uri not in same]
        steps = [rewritten(same, ("sed", "1d")), away(case, other)]
        message += f", or {MOVES} where only the header tells their fields" * bool(other)
        return Finding("header-skip", message, " && ".join(filter(None, steps)), uris(headed))
    log_format = case.table.spec.format if case.table.spec else headed[0].format
    header = (log_format or DEFAULT).header
    message = f"{count(bare)} without a header line: the first row of each is lost; {REWRITES}"
    fix = rewritten([s.uri for s in bare], ("sed", f"1i {header}"))
    if case.table.skipped == 1:
        return Finding("header-skip", message, fix, uris(bare))
    return _skipping(case, message, 1, bare, fix)


def _is_odd(case: Case, sample: Sample) -> bool:
    """Has it no header line, and another number of fields than the table has columns?"""
    rows = sample.rows
    return not sample.format and rows is not None and rows.fields not in (
        0, len(case.table.columns)
    )  # fmt: skip


def _has_rows(sample: Sample) -> bool:
    return sample.rows is not None and sample.rows.rows > 0


def headless(case: Case) -> Iterator[Finding]:
    """Files that do not say their format, and have another number of fields.

    They are moved only where they lie among more that can be read: else it is the table
    that has to be told their format, and moving them would empty it.
    """
    odd = [s for s in case.samples if _is_odd(case, s)]
    if not odd:
        return
    others = [s for s in case.samples if not _is_odd(case, s) and (s.format or _has_rows(s))]
    widths = sorted({s.rows.fields for s in odd if s.rows})
    message = (
        f"{count(odd)} without a header line, with {some([str(n) for n in widths])} fields"
        f" for {len(case.table.columns)} columns: "
    )
    fix: str | None = None
    if len(odd) < len(others):
        message += f"nothing says which is which; {MOVES}, {LOOKED_AT}"
        fix = away(case, [s.uri for s in odd])
    elif others or len(widths) > 1:
        message += (
            "nothing says which is which, and they are too many to be moved: a table reads files of"
            " one format, so give each format a prefix and a table of its own"
        )
    else:
        anew = "init-table --replace" if case.table.spec else "a table of ours, init-table"
        message += (
            f"nothing says which of the {widths[0]} fields is which: say the format: {anew}"
            f" --header-lines 0 --log-format '...' with {widths[0]} fields"
        )
    yield Finding("no-header", message, fix, uris(odd))


def lines(case: Case) -> Iterator[Finding]:
    """What somebody did to text files after AWS wrote them."""
    again = [s for s in case.samples if s.rows and s.rows.headers]
    if again:
        message = f"header lines further down in {count(again)}: each is read as a row; {REWRITES}"
        yield Finding("header-inside", message, _without_headers(case, again), uris(again))


_BUT_THE_FIRST = r'{ line = $0; sub(/\r$/, "", line) } NR == 1 || line != header'
"""For awk: every line but the headers further down, whatever their line ends."""


def _without_headers(case: Case, samples: Sequence[Sample]) -> str:
    """Takes the header lines out but the first, or the file away that holds another format's."""
    steps = []
    for header, members in grouped(samples, _repeated).items():
        names = [s.uri for s in members]
        words = ("awk", "-v", f"header={header}", _BUT_THE_FIRST)
        steps.append(rewritten(names, words) if header else away(case, names))
    return " && ".join(steps)


def _repeated(sample: Sample) -> str:
    """The header line that stands further down; empty for those of another format."""
    headers = set(sample.rows.headers) if sample.rows else set()
    wanted = sample.format.header if sample.format else ""
    return wanted if headers == {wanted} else ""


def odd_objects(case: Case) -> Iterator[Finding]:
    """Objects that are no logs, or not where logs lie."""
    found = case.found
    if found.strange:
        message = f"{files(len(found.strange))} in no layout: {some(found.strange)}; {MOVES}"
        yield Finding("strange-keys", message, away(case, found.strange), found.strange[:URIS])
    if found.unreadable:
        names = tuple(uri for uri, _ in found.unreadable)
        reasons = [f"{uri}: {reason}" for uri, reason in found.unreadable]
        message = f"{files(len(names))} cannot be read: {some(reasons)}"
        fix: str | None = None
        if case.seen:
            message, fix = f"{message}; {MOVES}", away(case, names)
        else:
            message += "; no file looked at can, so none is moved"
        yield Finding("unreadable", message, fix, names[:URIS])
