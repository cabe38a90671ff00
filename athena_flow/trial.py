"""A user's own query file: its scaffold, where its faults stand, and rows held against a file.

Pure: texts and rows come in, findings go out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from athena_flow.errors import BadQuery, BadSetting

SCAFFOLD = """\
-- title = "{title}"
-- group = "own"
-- description = \"\"\"
-- What it answers, and why one asks, in two sentences.\"\"\"
-- read = "What one row is, the order, what stands out."
-- caveats = ["What would mislead somebody who does not know it."]
-- requires = ["srcaddr", "dstport", "bytes", "action"]
-- [params.port]
-- type = "port"
-- default = 443
-- doc = "the destination port"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at most"

SELECT srcaddr, count(*) AS flows, sum(bytes) AS bytes
FROM {{{{ table }}}}
WHERE {{{{ window }}}}
  AND action = 'ACCEPT'
  AND dstport = {{{{ port }}}}
GROUP BY srcaddr
ORDER BY bytes DESC, srcaddr
LIMIT {{{{ limit }}}}
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, and where: lines count from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one query."""

    name: str
    file: str
    findings: tuple[Finding, ...] = ()
    rows: int | None = None
    """Rows on the demo's logs; None where it did not come to that."""
    expected: str | None = None
    """The file that its rows were held against."""
    validated: bool = False
    """Did Athena say that the statement is valid?"""
    notes: tuple[str, ...] = field(default=())


def scaffold(name: str) -> str:
    """The text of a new query, which passes its own test. Raises BadSetting for a bad name."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise BadSetting(
            f"{name!r} is no name for a query", hint="small letters, digits and -: who-talks"
        )
    return SCAFFOLD.format(title=name.replace("-", " ").capitalize()[:60])


def faults(error: BadQuery, path: Path, text: str) -> tuple[Finding, ...]:
    """What is wrong in a file, each with its line."""
    found = error.faults or (error.message.removeprefix(f"{path}: "),)
    return tuple(Finding(str(path), line_of(fault, text), fault) for fault in found)


def line_of(fault: str, text: str) -> int:
    """The line that a fault is about: the one that it names, or where its words stand; else
    where the statement begins."""
    said = re.search(r"\bline (\d+)", fault, re.IGNORECASE)
    if said:
        return int(said[1])
    words = [w for w in re.findall(r"\w+", fault) if "_" in w or len(w) > 4]
    marked = re.findall(r"\{\{ (\w+) \}\}", fault) + re.findall(r"'([^'\n]+)'", fault)
    wanted = [rf"(?<!\w){re.escape(word)}(?!\w)" for word in (*reversed(marked), *words)]
    if "{{ value }}" in fault:
        wanted = [r"['\"`\w-]\{\{|\}\}['\"`\w]"]
    for pattern in wanted:
        for number, line in enumerate(text.splitlines(), start=1):
            if re.search(pattern, line):
                return number
    return body_line(text)


def body_line(text: str) -> int:
    """The line at which the statement of a file begins."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("--"):
            return number
    return 1


def differences(found: str, expected: str, file: Path) -> Iterator[Finding]:
    """The first row of a CSV text that is not as the file has it."""
    rows = zip_longest(_rows(found), _rows(expected))
    for number, (ours, theirs) in enumerate(rows, start=1):
        if ours != theirs:
            yield Finding(
                str(file), number, f"expected {_shown(theirs)}, and the query gives {_shown(ours)}"
            )
            return


def _rows(text: str) -> list[list[str]]:
    return [row for row in csv.reader(text.splitlines()) if row]


def _shown(row: Sequence[str] | None) -> str:
    return "no such row" if row is None else ",".join(row)


def document(trials: Iterable[Trial]) -> list[Mapping[str, object]]:
    """The answer of ``queries test``, as JSON."""
    return [
        {
            "name": t.name,
            "file": t.file,
            "findings": [
                {"file": f.file, "line": f.line, "message": f.message} for f in t.findings
            ],
            "rows": t.rows,
            "expected": t.expected,
            "validated": t.validated,
            "notes": list(t.notes),
        }
        for t in trials
    ]
