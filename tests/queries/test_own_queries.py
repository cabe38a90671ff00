"""`queries new` and `queries test`: users' own queries, from the scaffold to what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from athena_server import AthenaServer
from conftest import Ran

from athena_flow.errors import BadQuery
from athena_flow.query import parse_query
from athena_flow.trial import faults, scaffold

Cli = Callable[..., Ran]
OWN = ("--queries-dir", "own")


@pytest.fixture
def new(cli: Cli, tmp_path: Path) -> Path:
    """A query of one's own, as the scaffold has it; the next step is told as it has to be typed."""
    ran = cli("queries", "new", "who-talks", *OWN)
    assert ran.code == 0, ran.err
    assert "try it: athena-flow queries test who-talks --queries-dir own\n" in ran.err
    return tmp_path / "own" / "who-talks.sql"


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_scaffold_passes_its_own_test(cli: Cli, new: Path) -> None:
    """What `new` writes is a query that finds rows, and `test` says so with exit code 0."""
    ran = cli("queries", "test", *OWN, "--as", "json")
    assert ran.code == 0, ran.err
    (found,) = json.loads(ran.out)
    assert found["name"] == "who-talks"
    assert found["findings"] == []
    assert found["rows"] > 0
    assert found["validated"] is False
    assert "own/who-talks.sql: ok: " in cli("queries", "test", "who-talks", *OWN).out
    assert cli("run", "who-talks", *OWN, "--logs", ".").code == 3  # there are no logs here


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("INSERT INTO x SELECT srcaddr FROM {{ table }} WHERE {{ window }}", "INSERT is not run"),
        ("SELECT srcaddr FROM {{ table }} WHERE {{ window }}; DROP TABLE x", "2 statements"),
    ],
)
def test_what_must_not_run_is_no_query(cli: Cli, tmp_path: Path, statement: str, said: str) -> None:
    """A file that `run` refuses whatever is asked is left out of the list, and said."""
    own = tmp_path / "own"
    own.mkdir()
    header = '-- title = "Wrong"\n-- requires = ["srcaddr", "end"]\n'
    (own / "wrong.sql").write_text(f"{header}{statement}\n")
    ran = cli("queries", *OWN, "--log-format", "default", "--as", "json")
    assert ran.code == 0
    assert "wrong" not in [entry["name"] for entry in json.loads(ran.out)]
    assert "note: left out: own/wrong.sql" in ran.err
    assert said in ran.err
    ran = cli("queries", "test", "wrong", *OWN)
    assert (ran.code, said in ran.out) == (6, True)


def test_two_queries_of_one_alias_are_a_finding(cli: Cli, new: Path) -> None:
    """What every other command leaves out for its names does not pass the test either."""
    _edit(new, '-- group = "own"', '-- aliases = ["whisperers"]\n-- group = "own"')
    new.with_name("x-other.sql").write_text(new.read_text())
    assert cli("queries", "test", "who-talks", *OWN).code == 0
    ran = cli("queries", "test", "x-other", *OWN)
    assert ran.code == 6
    assert "whisperers (who-talks)" in ran.out


def test_new_overwrites_nothing(cli: Cli, new: Path) -> None:
    """A file that is there stays as it is."""
    new.write_text("mine")
    ran = cli("queries", "new", "who-talks", *OWN)
    assert ran.code == 2
    assert "is left as it is" in ran.err
    assert new.read_text() == "mine"


@pytest.mark.parametrize("name", ["Who", "../x", "a b", "-x", "x.sql", ""])
def test_new_wants_a_plain_name(cli: Cli, tmp_path: Path, name: str) -> None:
    """A name is a word that a shell takes; no path."""
    ran = cli("queries", "new", *OWN, "--", name)
    assert ran.code == 2
    assert not (tmp_path / "own").exists()


def test_new_wants_a_folder(cli: Cli) -> None:
    """Where to is never guessed."""
    ran = cli("queries", "new", "who-talks")
    assert ran.code == 2
    assert "--queries-dir" in ran.err


@pytest.mark.parametrize(
    ("old", "wrong", "line", "words"),
    [
        ('-- group = "own"', '-- grop = "own"', 2, "unknown header key 'grop'"),
        ('-- title = "', "-- title = ", 1, "header: "),
        ('type = "port"', 'type = "prot"', 9, "type 'prot' is none of"),
        ("default = 443", "default = 70000", 8, "default 70000"),
        ("action = 'ACCEPT'", "actoin = 'ACCEPT'", 21, "reads 'actoin', which no field has"),
        ("{{ port }}", "{{ prot }}", 22, "{{ prot }} is used but not declared"),
        ("dstport = {{ port }}", "dstport = '{{ port }}'", 22, "stands inside quotes"),
        ("GROUP BY srcaddr", "GROUP srcaddr", 23, "does not parse"),
        ("-- requires", "-- require", 7, "unknown header key 'require'"),
        ("SELECT srcaddr", "{% for x in y %}{% endfor %}SELECT srcaddr", 18, "For in the template"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, wrong: str, line: int, words: str) -> None:
    """Each fault of a file has the line where somebody has to look."""
    path = Path("own/who-talks.sql")
    text = scaffold("who-talks")
    assert old in text
    text = text.replace(old, wrong)
    with pytest.raises(BadQuery) as caught:
        parse_query(text, path)
    first = faults(caught.value, path, text)[0]
    assert words in first.message
    assert str(first).startswith(f"own/who-talks.sql:{line}: ")


@pytest.mark.parametrize(
    ("old", "wrong", "line", "words"),
    [
        ("action = 'ACCEPT'", "actoin = 'ACCEPT'", 21, "reads 'actoin', which no field has"),
        ("sum(bytes)", "sum(bytes, 2, 3)", 18, ""),
    ],
)
def test_a_finding_is_a_line_and_exit_code_6(
    cli: Cli, new: Path, old: str, wrong: str, line: int, words: str
) -> None:
    """One line of file, line and what is wrong there; the same as JSON."""
    _edit(new, old, wrong)
    ran = cli("queries", "test", *OWN, "--as", "json")
    assert ran.code == 6, ran.out + ran.err
    (found,) = json.loads(ran.out)
    first = found["findings"][0]
    assert (first["file"], words in first["message"]) == ("own/who-talks.sql", True), first
    assert first["line"] == line, first
    said = cli("queries", "test", "who-talks", *OWN)
    assert said.out.startswith(f"own/who-talks.sql:{line}: ")


def test_expected_rows(cli: Cli, new: Path) -> None:
    """--write keeps the rows beside the query; another row is a finding with its line."""
    ran = cli("queries", "test", "who-talks", *OWN, "--write")
    assert ran.code == 0, ran.err
    expected = new.with_suffix(".expected.csv")
    lines = expected.read_text().splitlines()
    assert lines[0] == "srcaddr,flows,bytes"
    assert ", as in own/who-talks.expected.csv" in cli("queries", "test", *OWN).out
    expected.write_text("\n".join([*lines[:3], "10.9.9.9,1,1", *lines[4:]]) + "\n")
    ran = cli("queries", "test", *OWN)
    assert ran.code == 6
    assert ran.out.startswith("own/who-talks.expected.csv:4: expected 10.9.9.9,1,1, and")
    expected.write_text("\n".join(lines[:-1]) + "\n")
    ran = cli("queries", "test", *OWN)
    assert f"own/who-talks.expected.csv:{len(lines)}: expected no such row" in ran.out


def test_all_queries_of_a_folder_are_tested(cli: Cli, new: Path) -> None:
    """Each file is, though the one before it is wrong."""
    (new.parent / "a-wrong-one.sql").write_text("SELECT 1\n")
    ran = cli("queries", "test", *OWN, "--as", "json")
    assert ran.code == 6
    found = json.loads(ran.out)
    assert [(t["name"], bool(t["findings"])) for t in found] == [
        ("a-wrong-one", True),
        ("who-talks", False),
    ]
    assert "finding" in ran.err


def test_a_required_parameter_gets_an_example(cli: Cli, new: Path) -> None:
    """Without -p it is tried with an example value, and a note says so."""
    _edit(new, "-- default = 443\n", "-- required = true\n")
    ran = cli("queries", "test", *OWN)
    assert ran.code == 0, ran.err
    assert "note: who-talks: tried with example values; give -p port=..." in ran.err
    ran = cli("queries", "test", "who-talks", *OWN, "-p", "port=22")
    assert "example values" not in ran.err


def test_ours_are_tested_by_name(cli: Cli) -> None:
    """A query that we ship passes as well."""
    ran = cli("queries", "test", "log-status-summary")
    assert ran.code == 0, ran.err
    assert ": ok: " in ran.out


def test_nothing_to_test(cli: Cli, tmp_path: Path) -> None:
    """Without a folder, or in an empty one, the next step is told."""
    assert "--queries-dir" in cli("queries", "test").err
    (tmp_path / "own").mkdir()
    ran = cli("queries", "test", *OWN)
    assert ran.code == 2
    assert "queries new NAME" in ran.err
    assert cli("queries", "test", "nowhere", *OWN).code == 2


def test_athena_is_asked_where_the_engine_is_said(aws: AthenaServer, cli: Cli, new: Path) -> None:
    """EXPLAIN (TYPE VALIDATE) is sent with --engine athena, and not without; it reads no log."""
    boto3.client("s3").create_bucket(Bucket="logs")
    assert cli("init-table", "--location", "s3://logs/").code == 0
    words = ("queries", "test", *OWN, "--as", "json")
    assert json.loads(cli(*words).out)[0]["validated"] is False
    assert not aws.calls("AmazonAthena.StartQueryExecution")
    where = ("--engine", "athena", "--output-location", "s3://logs/results/")
    ran = cli(*words, *where)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)[0]["validated"] is True
    (call,) = aws.calls("AmazonAthena.StartQueryExecution")
    assert call["QueryString"].startswith("EXPLAIN (TYPE VALIDATE) SELECT srcaddr")
    aws.faults.fail_query("SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved")
    ran = cli(*words, *where)
    assert ran.code == 6
    assert "cannot be resolved" in json.loads(ran.out)[0]["findings"][0]["message"]


def test_the_scaffold_is_a_query() -> None:
    """It passes every check of a header and a body, whatever its name."""
    for name in ("x", "who-talks", "a" * 90):
        assert parse_query(scaffold(name), Path(f"{name}.sql")).group == "own"
