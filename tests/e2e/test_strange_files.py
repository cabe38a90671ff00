"""Files that are no flow logs, or in no known format, among those that are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ran

Cli = Callable[..., Ran]
LOG = "srcaddr action log-status\n10.0.0.1 ACCEPT OK\n10.0.0.2 REJECT OK\n"
STRANGE = {
    "a blank first line": "\n" + LOG,
    "a header in capitals": LOG.upper(),
    "tabs": LOG.replace(" ", "\t"),
    "a comment": "# exported\n" + LOG,
    "a format string": "${srcaddr} ${action}\n10.0.0.1 ACCEPT\n",
    "a field twice": "srcaddr srcaddr\n10.0.0.1 10.0.0.1\n",
    "blanks": "   \n",
    "a page": "<html><body>403</body></html>\n",
    "a load balancer's": 'http 2026-11-20T10:00:00.000000Z app/lb/1 10.0.0.1:80 "GET / HTTP/1.1"\n',
    "prose": "Nobody expects this here.\n",
}


@pytest.fixture(params=STRANGE.values(), ids=STRANGE)
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One good log, and one strange file."""
    root = tmp_path / "logs"
    root.mkdir()
    (root / "good.log").write_text(LOG)
    (root / "strange.log").write_text(request.param)
    return root


def test_it_is_named_and_can_be_left_out(cli: Cli, logs: Path) -> None:
    """By each command that reads logs: an error that names it, or a note."""
    words = ("--logs", str(logs), "--as", "json")
    for command in (("run", "log-status-summary"), ("estimate", "log-status-summary"), ("ingest",)):
        refused = cli(*command, *words)
        assert refused.code in (2, 3), refused.err
        error = json.loads(refused.err.splitlines()[-1])["error"]
        assert "strange.log" in error["message"]
        assert "--skip-bad-files" in error["hint"]
        done = cli(*command, *words, "--skip-bad-files")
        assert done.code == 0, done.err
        assert "strange.log" in done.err
    for more in ((), ("--no-store",)):
        done = cli("run", "log-status-summary", *words, *more, "--skip-bad-files")
        assert json.loads(done.out)["rows"] == [["OK", 2]]
        assert "left out, in no format that is known: 1 file: " in done.err


def test_alone_it_is_refused(cli: Cli, logs: Path) -> None:
    """Where nothing else is left there is no answer."""
    (logs / "good.log").unlink()
    ran = cli("run", "log-status-summary", "--logs", str(logs), "--skip-bad-files")
    assert ran.code in (2, 3), ran.err
    assert "strange.log" in ran.err


def test_a_format_that_is_said_later(cli: Cli, tmp_path: Path) -> None:
    """What was left out for want of it is named again, and read once it is said."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "good.log").write_text(LOG)
    (logs / "bare.log").write_text("10.0.0.3 ACCEPT OK\n")
    words = ("ingest", "--logs", str(logs), "--as", "json", "--skip-bad-files")
    for _ in range(2):
        done = cli(*words)
        assert json.loads(done.out)["bad"] == [str(logs / "bare.log")]
        assert "left out: 1 file: " in done.err
    said = ("--log-format", "srcaddr action log-status")
    done = cli(*words, *said)
    document = json.loads(done.out)
    assert (document["read"], document["rows"], document["bad"]) == (1, 1, [])
    done = cli("run", "log-status-summary", *words[1:5], *said)
    assert json.loads(done.out)["rows"] == [["OK", 3]]
    assert "read from the store: 2 files" in done.err


def test_what_a_line_is_read_as_is_told(cli: Cli, tmp_path: Path) -> None:
    """Not as --log-format says where it cannot be that, and has the default format's shape."""
    line = "2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 22 6 5 840 1795000000 1795000060 ACCEPT OK\n"
    (tmp_path / "a.log").write_text(line)
    (tmp_path / "b.log").write_text("10.0.0.2 OK\n")
    asked = ("--log-format", "${srcaddr} ${log-status}")
    ran = cli("run", "log-status-summary", "--logs", ".", "--as", "json", *asked)
    assert json.loads(ran.out)["rows"] == [["OK", 2]]
    assert "no header line, read as the default format: 1 file: " in ran.err
    assert "no header line, read as --log-format: 1 file: " in ran.err
