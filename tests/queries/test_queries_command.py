"""`queries` and `run` as a user types them: what a format can answer, aliases, lists, two logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DemoTree, Ran

from athena_flow.demo import TRANSIT
from athena_flow.logformat import parse_format
from athena_flow.page import query_page
from athena_flow.query import library

Cli = Callable[..., Ran]
LIBRARY = library()


@pytest.fixture
def mixed(demo_folder: DemoTree) -> Path:
    """The demo's folder: a VPC flow log, and one of Transit Gateways below it."""
    return demo_folder.root


def _ok(ran: Ran) -> Ran:
    assert ran.code == 0, ran.err
    return ran


def _listed(cli: Cli, *words: str, cwd: Path | None = None) -> dict[str, dict]:
    found = json.loads(_ok(cli("queries", *words, "--as", "json", cwd=cwd)).out)
    return {entry["name"]: entry for entry in found}


def test_without_a_format_nothing_is_held_against_one(cli: Cli) -> None:
    """Where no table, log or format is named, queries are listed without a verdict, offline."""
    found = _listed(cli)
    assert found.keys() == LIBRARY.keys()
    assert {entry["status"] for entry in found.values()} == {None}
    entry = found["port-scan"]
    assert entry["group"] == "detect"
    assert entry["attack"] == ["T1046"]
    assert entry["improves"].keys() == {"flow-direction", "tcp-flags"}
    assert entry["params"]["ports"] | {"doc": ""} == {
        **{"type": "port_range", "required": False, "default": ["0-32767"], "doc": ""},
        "many": True,
    }


@pytest.mark.parametrize(
    ("log_format", "name", "status", "missing", "lacking"),
    [
        ("default", "reject-report", "runnable", [], []),
        ("default", "port-scan", "runs with less", [], ["flow-direction", "tcp-flags"]),
        ("srcaddr bytes end", "ioc-match", "missing fields", ["dstaddr", "start"], ["action"]),
        ("default-tgw", "port-scan", "missing fields", ["action"], []),
        ("default-tgw", "tgw-packet-loss", "runnable", [], []),
        ("default-tgw", "ioc-match", "runs with less", [], ["action"]),
    ],
)
def test_what_a_format_can_answer(
    cli: Cli, log_format: str, name: str, status: str, missing: list[str], lacking: list[str]
) -> None:
    """Runnable, runs with less, or missing fields: with the fields by name."""
    entry = _listed(cli, "--log-format", log_format)[name]
    assert (entry["status"], entry["missing"], entry["lacking"]) == (status, missing, lacking)
    assert entry["runnable"] is (not missing)


def test_a_table_is_a_format_too(cli: Cli, tmp_path: Path) -> None:
    """A table in the local catalog says which queries run on it, without a flag."""
    (tmp_path / "AWSLogs").mkdir()
    where = ("--engine", "duckdb")
    shape = ("--location", ".", "--log-format", "version srcaddr dstaddr packets bytes end")
    _ok(cli("init-table", *where, *shape))
    found = _listed(cli, *where)
    assert found["top-talkers"]["status"] == "runnable"
    assert found["reject-report"]["missing"] == ["dstport", "action"]


def test_a_table_that_is_not_there_is_a_note(cli: Cli) -> None:
    """Queries are listed all the same."""
    ran = _ok(cli("queries", "--engine", "duckdb", "--table", "nowhere"))
    assert "note: not held against a table: no table flow_logs.nowhere" in ran.err
    assert "top-talkers" in ran.out


def test_a_mixed_tree_answers_what_one_of_its_logs_answers(cli: Cli, mixed: Path) -> None:
    """With both logs every query runs; with one of them, those that it has the fields for."""
    both = _listed(cli, "--logs", str(mixed))
    assert {entry["status"] for entry in both.values()} == {"runnable"}
    transit = _listed(cli, "--logs", str(mixed / TRANSIT))
    assert transit["reject-report"]["status"] == "missing fields"
    assert transit["tgw-packet-loss"]["status"] == "runnable"


def test_the_table_of_queries_is_by_group(cli: Cli) -> None:
    """People see the groups in the catalog's order, and a verdict for each query."""
    ran = _ok(cli("queries", "--log-format", "default", "--as", "csv"))
    rows = [line.split(",")[0] for line in ran.out.splitlines()[1:]]
    assert rows.index("volume") < rows.index("rejects") < rows.index("health")
    assert "runnable: " in ran.err


def test_unlock_says_which_fields_to_add(cli: Cli) -> None:
    """Step by step, the most queries for a field first; the other kind of log is a note."""
    ran = _ok(cli("queries", "--unlock", "--log-format", "srcaddr dstaddr end", "--as", "json"))
    steps = json.loads(ran.out)
    assert "tgw-packet-loss" in ran.err
    have, unlocked = {"srcaddr", "dstaddr", "end"}, []
    added: list[str] = []
    for step in steps:
        assert step["with"] == added, "what a step does it does with the fields of those before"
        added += step["add"] if step["unlocks"] else ()
        have |= set(step["add"])
        unlocked += step["unlocks"]
    assert len(unlocked) == len(set(unlocked))
    assert set(unlocked) == LIBRARY.keys() - {
        q.name for q in LIBRARY.values() if any(c.startswith("tgw_") for c in q.requires)
    }
    assert "flow-direction" in have
    table = _ok(cli("queries", "--unlock", "--log-format", "default"))
    assert "flow-direction" in table.out


def test_unlock_wants_a_format(cli: Cli) -> None:
    """Without one there is nothing to add to."""
    ran = cli("queries", "--unlock")
    assert ran.code == 2
    assert "--unlock wants to know the log format" in ran.err


@pytest.mark.parametrize("name", LIBRARY)
def test_the_page_says_all_that_the_header_says(name: str) -> None:
    """Purpose, reading, caveats, parameters, fields, other names, techniques and the SQL."""
    query = LIBRARY[name]
    page = "".join(query_page(query, {"version", "srcaddr"}))
    flat = " ".join(page.split())
    for text in (query.title, query.description, query.read, *query.caveats, *query.attack):
        assert text in flat
    for param in query.params:
        assert f"-p {param.name}=" in flat
        assert " ".join(param.doc.split()) in flat
    for alias in query.aliases:
        assert str(alias) in flat
    assert query.body in page
    assert ("not in this log format" in flat) == bool({*query.requires} - {"version", "srcaddr"})
    assert max(map(len, page.splitlines())) <= 130


def test_show_prints_the_page(cli: Cli) -> None:
    """`queries show` prints a query's page, held against a format."""
    query = LIBRARY["port-scan"]
    ran = _ok(cli("queries", "show", "port-scan", "--log-format", "version srcaddr"))
    assert ran.out == "".join(query_page(query, parse_format("version srcaddr")))


def test_show_finds_an_alias(cli: Cli) -> None:
    """AWS's name shows our query."""
    ran = _ok(cli("queries", "show", "VpcFlowLogsSshRdpTraffic"))
    assert ran.out.startswith("ssh-rdp-traffic: ")


def test_run_takes_an_alias_and_says_the_name(cli: Cli, mixed: Path) -> None:
    """The rows are those of the query; its real name is on stderr."""
    where = ("--logs", str(mixed), "-p", "limit=3", "--as", "json")
    one = _ok(cli("run", "vpcflowlogstoptalkers", *where))
    two = _ok(cli("run", "top-talkers", *where))
    assert json.loads(one.out)["rows"] == json.loads(two.out)["rows"]
    assert "vpcflowlogstoptalkers is called top-talkers here" in one.err
    assert "is called" not in two.err


def test_run_takes_the_log_whose_fields_it_needs(cli: Cli, mixed: Path) -> None:
    """Of two logs in one tree each query reads its own, and says what it left."""
    vpc = _ok(cli("run", "reject-report", "--logs", str(mixed), "--as", "json"))
    alone = _ok(cli("run", "reject-report", "--logs", str(mixed / "AWSLogs"), "--as", "json"))
    assert json.loads(vpc.out)["rows"] == json.loads(alone.out)["rows"]
    assert any("left out, without the fields" in note for note in json.loads(vpc.out)["notes"])
    tgw = json.loads(_ok(cli("run", "tgw-packet-loss", "--logs", str(mixed), "--as", "json")).out)
    assert tgw["rows"]
    assert any("left out, without the fields" in note for note in tgw["notes"])


def test_what_both_logs_answer_is_told(cli: Cli, mixed: Path) -> None:
    """A query that both logs can answer reads both, and says that a flow may be in both; what
    only one of them has is not used, so that no record falls out for the lack of it."""
    where = ("-p", "indicators=10.0.0.0/8", "--as", "json")
    both = json.loads(_ok(cli("run", "ioc-match", "--logs", str(mixed), *where)).out)
    vpc = json.loads(_ok(cli("run", "ioc-match", "--logs", str(mixed / "AWSLogs"), *where)).out)
    assert any("of a Transit Gateway" in note for note in both["notes"])
    assert any("runs with less" in note for note in both["notes"])
    assert not any("runs with less" in note for note in vpc["notes"])
    assert {row[4] for row in both["rows"]} == {None} != {row[4] for row in vpc["rows"]}


def test_fields_of_two_logs_are_not_taken_together(cli: Cli, mixed: Path, tmp_path: Path) -> None:
    """A query that needs fields which no single log has is refused."""
    text = '-- title = "x"\n-- requires = ["tgw_id", "action"]\n'
    body = "SELECT tgw_id, action FROM {{ table }} WHERE {{ window }} ORDER BY 1, 2\n"
    (tmp_path / "torn.sql").write_text(text + body)
    ran = cli("run", "torn", "--queries-dir", str(tmp_path), "--logs", str(mixed))
    assert ran.code == 2
    assert "lacks: " in ran.err


def test_a_run_with_less_says_so(cli: Cli, tmp_path: Path) -> None:
    """The note names the field that is not there, and what it would have added."""
    row = "203.0.113.9 10.0.0.5 {} 1795219500 1795219560 REJECT"
    lines = ["srcaddr dstaddr dstport start end action", *(row.format(p) for p in range(40))]
    (tmp_path / "x.log").write_text("\n".join(lines) + "\n")
    ran = _ok(cli("run", "port-scan", "--logs", str(tmp_path), "--as", "json"))
    document = json.loads(ran.out)
    assert [row[:5] for row in document["rows"]] == [["203.0.113.9", "10.0.0.5", False, 40, 40]]
    (note,) = [note for note in document["notes"] if "runs with less" in note]
    assert "flow-direction, which leaves out" in note


def test_a_list_comes_from_a_file(cli: Cli, mixed: Path, tmp_path: Path) -> None:
    """A list of indicators in a file finds what the same list in words finds."""
    (tmp_path / "bad.txt").write_text("# ours\n203.0.113.200\n\n198.51.100.0/24\n")
    where = ("--logs", str(mixed), "--as", "json")
    one = _ok(cli("run", "ioc-match", "-p", "indicators=@bad.txt", *where))
    words = ("-p", "indicators=203.0.113.200", "-p", "indicators=198.51.100.0/24")
    two = _ok(cli("run", "ioc-match", *words, *where))
    assert json.loads(one.out)["rows"] == json.loads(two.out)["rows"] != []
    three = cli("run", "ioc-match", "-p", "indicators=@-", *where, stdin="203.0.113.200\n::1\n")
    assert json.loads(_ok(three).out)["rows"] != []
    (tmp_path / "bad.txt").write_text("203.0.113.200\nhost\n")
    ran = cli("run", "ioc-match", "-p", "indicators=@bad.txt", *where)
    assert ran.code == 2
    assert "bad.txt:2: 'host'" in ran.err
