"""Real records that others published, in the S3 layout: each file reads as it says it does.

The records are outside the project (shared/data, each with its own licence), read in place.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Line, log_status_summary, reject_report

from athena_flow.cli import main

DAY = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/20"
NEEDS = {"srcaddr", "dstport", "action", "packets", "bytes"}
EVERY_RECORD = """\
-- title = "Every record"
-- requires = ["srcaddr", "dstaddr", "packets", "bytes", "start", "end"]
SELECT srcaddr, dstaddr, packets, bytes, start, "end" AS finish
FROM {{ table }} WHERE {{ window }}
ORDER BY 1, 2, 3, 4, 5, 6
"""

Asked = Callable[..., tuple[int, dict[str, Any], str]]


@dataclass(frozen=True)
class Sample:
    """One file with a header line, and what its manifest says of it."""

    path: Path
    fields: tuple[str, ...]
    records: int

    @property
    def lines(self) -> list[Line]:
        """Its records by the manifest's fields: a short line lacks the last ones."""
        data = self.path.read_bytes()
        text = (gzip.decompress(data) if self.path.suffix == ".gz" else data).decode()
        rows = (line.split(" ") for line in text.splitlines()[1:])
        return [Line(self.path, dict(zip(self.fields, row, strict=False))) for row in rows]


@pytest.fixture(scope="module")
def samples(shared: Path) -> list[Sample]:
    """The text logs that begin with a header line, as the manifest lists them."""
    entries = json.loads((shared / "data" / "manifest.json").read_text("utf-8"))
    return [
        Sample(shared / "data" / e["path"], tuple(e["format"].split(" ")), e["records"])
        for e in entries
        if e["kind"] == "log" and e["header_line"]
    ]


@pytest.fixture
def asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Asked:
    """Runs a saved query over samples laid out as S3 has them; exit code, document, stderr."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "every-record.sql").write_text(EVERY_RECORD)

    def ask(query: str, samples: Iterable[Sample]) -> tuple[int, dict[str, Any], str]:
        shutil.rmtree(tmp_path / "tree", ignore_errors=True)
        folder = tmp_path / "tree" / DAY
        folder.mkdir(parents=True)
        for sample in samples:
            shutil.copy(sample.path, folder)
        where = ("--logs", str(tmp_path / "tree"), "--queries-dir", str(own), "--as", "json")
        monkeypatch.setattr(sys, "argv", ["athena-flow", "run", query, *where])
        with pytest.raises(SystemExit) as done:
            main()
        shown = capsys.readouterr()
        return int(done.value.code or 0), json.loads(shown.out or "{}"), shown.err

    return ask


def rows(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in document["rows"]]


def test_the_samples_are_there(samples: list[Sample]) -> None:
    """The manifest names eleven text logs with a header line, in at least six formats."""
    assert len(samples) == 11
    assert len({sample.fields for sample in samples}) >= 6
    assert sum(len(sample.lines) for sample in samples) >= 40


def test_every_file_is_readable(samples: list[Sample], asked: Asked) -> None:
    """Each file alone, in its own format: every record's addresses, counts and times."""
    for sample in samples:
        code, document, err = asked("every-record", [sample])
        assert code == 0, (sample.path, err)
        lines = sample.lines
        expected = [
            (
                line.record.get("srcaddr"),
                line.record.get("dstaddr"),
                *(line.number(name) for name in ("packets", "bytes", "start", "end")),
            )
            for line in lines
        ]
        expected.sort(key=lambda row: [(v is None, "" if v is None else v) for v in row])
        assert rows(document) == expected, sample.path
        assert len(lines) >= sample.records > 0


@pytest.mark.parametrize(
    ("query", "plain", "needs"),
    [
        ("reject-report", reject_report, NEEDS),
        ("log-status-summary", log_status_summary, {"log-status"}),
    ],
)
def test_each_file_agrees_with_a_count_by_line(
    samples: list[Sample],
    asked: Asked,
    query: str,
    plain: Callable[[list[Line]], list[tuple]],
    needs: set[str],
) -> None:
    """Each file alone: the rows of plain Python, or the fields that it lacks by name."""
    answered = 0
    for sample in samples:
        code, document, err = asked(query, [sample])
        lacking = needs - set(sample.fields)
        if lacking:
            error = json.loads(err.splitlines()[-1])["error"]
            assert (code, error["kind"]) == (2, "MissingFields"), sample.path
            assert all(name in error["message"] for name in lacking)
        else:
            assert code == 0, (sample.path, err)
            assert rows(document) == plain(sample.lines), sample.path
            answered += 1
    assert answered >= 7


def test_all_files_in_one_tree(samples: list[Sample], asked: Asked) -> None:
    """Many formats in one folder: those that have the fields are counted, others are named."""
    code, document, err = asked("reject-report", samples)
    assert code == 0, err
    fit = [sample for sample in samples if set(sample.fields) >= NEEDS]
    assert rows(document) == reject_report(line for sample in fit for line in sample.lines) != []
    (note,) = [line for line in err.splitlines() if "left out" in line]
    assert f"{len(samples) - len(fit)} files" in note
    code, document, err = asked("log-status-summary", samples)
    assert code == 0, err
    fit = [sample for sample in samples if "log-status" in sample.fields]
    assert rows(document) == log_status_summary(line for s in fit for line in s.lines)


def test_odd_lines_are_told(samples: list[Sample], asked: Asked) -> None:
    """Too few fields, too many, and a line that is no record: counted in the notes."""
    odd = [
        sample
        for sample in samples
        if any(word in sample.path.name for word in ("too_few", "too_many", "bogus"))
    ]
    assert len(odd) == 3
    for sample in odd:
        _, document, _ = asked("log-status-summary", [sample])
        assert any("fewer or more fields" in note for note in document["notes"]), sample.path
