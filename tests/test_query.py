"""Saved queries: header against body, values that stay values, and one read-only statement."""

from __future__ import annotations

import itertools
import random
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from test_ddl import ALL_VPC
from test_table import SPEC

from athena_flow.errors import BadParameter, BadQuery, BadSql, MissingFields, UnknownQuery
from athena_flow.layout import DAILY
from athena_flow.logformat import parse_format
from athena_flow.params import Value
from athena_flow.params import bind as bind_values
from athena_flow.query import (
    SavedQuery,
    bind,
    check_read_only,
    find,
    library,
    parse_query,
    shipped_folder,
)
from athena_flow.table import TableSpec
from athena_flow.window import Window

WIDE = TableSpec("flow_logs", "all_fields", "s3://bucket/", ALL_VPC, DAILY)
WINDOW = Window(datetime(2026, 11, 14, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
FILE = Path("folder/my-query.sql")

HEADER = """\
-- title = "A title"
-- requires = ["srcaddr"]
"""
BODY = "\nSELECT srcaddr FROM {{ table }} WHERE {{ window }}\n"


def _text(body: str = BODY, params: str = "", header: str = HEADER) -> str:
    return header + "".join(f"-- {line}\n" for line in params.splitlines()) + body


def _declared(*names: str, type_: str = "string") -> str:
    return "\n".join(f'[params.{n}]\ntype = "{type_}"\ndoc = "x"' for n in names)


def _parsed(body: str, *names: str) -> SavedQuery:
    return parse_query(_text(body, _declared(*names)), FILE)


def _sql(body: str, values: dict[str, Value]) -> str:
    return bind(_parsed(body, *values), values, WIDE, WINDOW).sql


# ---------------------------------------------------------------- the file


def test_a_file_is_read_whole() -> None:
    """Name, title, description on one line, columns, parameters and body come from one file."""
    text = _text(
        BODY.rstrip() + "\n  AND dstport IN {{ ports }} AND packets > {{ low }}\n",
        """\
description = \"\"\"
Two lines
of text.\"\"\"
[params.ports]
type = "port"
many = true
default = [22, 3389]
doc = "which"
[params.low]
type = "int"
required = true
min = 0
max = 9
doc = "how few"
""",
    )
    text = text.replace('["srcaddr"]', '["srcaddr", "dstport", "packets"]')
    found = parse_query(text, FILE)
    assert (found.name, found.title, found.path) == ("my-query", "A title", FILE)
    assert found.description == "Two lines of text."
    assert found.requires == ("srcaddr", "dstport", "packets")
    ports, low = found.params
    assert (ports.name, ports.type, ports.many, ports.default) == (
        "ports",
        "port",
        True,
        (22, 3389),
    )
    assert (low.name, low.required, low.min, low.max, low.doc) == ("low", True, 0, 9, "how few")
    assert found.body.startswith("SELECT srcaddr")
    sql = bind(found, bind_values(found.params, ["low=3"]), WIDE, WINDOW).sql
    assert 'FROM "flow_logs"."all_fields"' in sql
    assert "dstport IN (22, 3389) AND packets > 3" in sql


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_endings_and_a_byte_order_mark_do_not_matter(ending: str) -> None:
    """A file written on Windows is the same query."""
    plain = parse_query(_text(), FILE)
    other = parse_query("\ufeff" + _text().replace("\n", ending), FILE)
    assert (other.title, other.requires, other.body) == (plain.title, plain.requires, plain.body)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", ["no title", "no list 'requires'"]),
        ('-- title = "x"\n', ["no list 'requires'"]),
        ('-- title = 5\n-- requires = ["end"]\n', ["no title"]),
        ('-- title = "x"\n-- requires = "end"\n', ["no list 'requires'"]),
        ('-- title = "x"\n-- requires = ["pkt-srcaddr"]\n', ["did you mean pkt_srcaddr"]),
        ('-- title = "x"\n-- requires = ["foo", "bar"]\n', ["'foo'", "'bar'"]),
        ('-- title = "x"\n-- requires = [1]\n', ["requires"]),
        ('-- title = "x"\n-- requires = [["end"]]\n', ["requires"]),
        ('-- titel = "x"\n-- requires = ["end"]\n', ["'titel' (did you mean title?)", "no title"]),
        ("-- title = x\n", ["header:"]),
        ('-- title = "x"\n-- requires = ["end"]\n-- description = 5\n', ["description"]),
        ('-- title = "x"\n-- requires = ["end"]\n-- params = 5\n', ["params"]),
        ('-- title = "x"\n-- requires = ["end"]\n-- [params]\n-- p = 5\n', ["parameter 'p'"]),
    ],
)
def test_a_wrong_header_is_refused(header: str, said: list[str]) -> None:
    """Everything that is wrong is said at once, with the file, and never as a crash."""
    with pytest.raises(BadQuery) as caught:
        parse_query(_text(header=header), FILE)
    message = str(caught.value)
    assert str(FILE) in message
    assert "\n" not in message
    for part in said:
        assert part in message


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('doc = "x"', "type None is none of"),
        ('type = "integer"\ndoc = "x"', "'integer' is none of"),
        ('type = "int"', "no doc"),
        ('type = "int"\ndoc = "x"\nmini = 1', "did you mean min"),
        ('type = "int"\ndoc = "x"\nrequired = true\ndefault = 1', "required and has a default"),
        ('type = "int"\ndoc = "x"\ndefault = "1"', "default '1'"),
        ('type = "int"\ndoc = "x"\ndefault = 1.5', "default 1.5"),
        ('type = "int"\ndoc = "x"\ndefault = 0\nmin = 1', "at least 1"),
        ('type = "int"\ndoc = "x"\ndefault = [1, 2]', "default"),
        ('type = "int"\ndoc = "x"\nmany = true\ndefault = 1', "default"),
        ('type = "int"\ndoc = "x"\nmin = "1"', "min"),
        ('type = "int"\ndoc = "x"\nmax = true', "max"),
        ('type = "int"\ndoc = "x"\nmany = "yes"', "many"),
        ('type = "int"\ndoc = "x"\nrequired = 1', "required"),
        ('type = "int"\ndoc = 5', "doc"),
        ('type = "int"\ndoc = "x"\nchoices = ["1", "2"]', "choices"),
        ('type = "string"\ndoc = "x"\nchoices = "day"', "choices"),
        ('type = "string"\ndoc = "x"\nchoices = 5', "choices"),
        ('type = "string"\ndoc = "x"\nchoices = ["a"]\ndefault = "b"', "one of a"),
        ('type = "bool"\ndoc = "x"\ndefault = "true"', "default 'true'"),
        ('type = "ip"\ndoc = "x"\ndefault = "10.0.0.999"', "an IPv4 or IPv6 address"),
        ('type = "float"\ndoc = "x"\ndefault = nan', "default nan"),
        ('type = "string"\ndoc = "x"\ndefault = 2026-11-01', "default"),
        ('type = ["int"]\ndoc = "x"', "type"),
    ],
)
def test_a_wrong_parameter_is_refused(entry: str, said: str) -> None:
    """What a declaration cannot mean is said when the file is read, not when it is run."""
    body = BODY.rstrip() + " AND srcport = {{ p }}\n"
    with pytest.raises(BadQuery, match="parameter 'p'") as caught:
        parse_query(_text(body, f"[params.p]\n{entry}"), FILE)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["table", "window", "Limit", "2nd", "_x", "a-b", "sql.x"])
def test_a_parameter_has_a_plain_name(name: str) -> None:
    """A name that a template cannot hold, or that is ours, is refused."""
    with pytest.raises(BadQuery, match="no name for a parameter"):
        parse_query(_text(params=_declared(f'"{name}"')), FILE)


def test_choices_of_numbers_work_or_are_refused() -> None:
    """A choice among numbers either takes its numbers and explains itself, or is a header fault."""
    params = '[params.p]\ntype = "port"\nchoices = [22, 3389]\ndoc = "x"'
    try:
        found = parse_query(_text(BODY.rstrip() + " AND dstport = {{ p }}\n", params), FILE)
    except BadQuery:
        return
    assert bind_values(found.params, ["p=22"]) == {"p": 22}
    with pytest.raises(BadParameter, match="22"):
        bind_values(found.params, ["p=23"])


@pytest.mark.parametrize(
    ("body", "names", "said"),
    [
        ("SELECT 1 FROM {{ table }}", (), ["{{ window }} is missing"]),
        ("SELECT 1 WHERE {{ window }}", (), ["{{ table }} is missing"]),
        ("SELECT 1", (), ["{{ table }} is missing", "{{ window }} is missing"]),
        (
            BODY + "LIMIT {{ limt }}",
            ("limit",),
            ["{{ limt }}", "mean limit", "'limit' is declared"],
        ),
        (BODY, ("a", "b"), ["'a' is declared but not used", "'b' is declared but not used"]),
        (BODY + "LIMIT {{ a }} OFFSET {{ b }}", (), ["{{ a }} is used", "{{ b }} is used"]),
        (BODY + "{% if x %}", ("x",), ["line"]),
        (BODY + "{{ x", ("x",), ["line"]),
        (BODY + "{% nonsense %}", (), ["line", "nonsense"]),
        ("", (), ["{{ table }} is missing"]),
    ],
)
def test_header_and_body_agree(body: str, names: tuple[str, ...], said: list[str]) -> None:
    """Whatever one of them has and the other has not is said, both ways and all at once."""
    with pytest.raises(BadQuery) as caught:
        _parsed(body, *names)
    for part in said:
        assert part in str(caught.value)


def test_a_fault_names_its_line() -> None:
    """The line is the one that an editor shows."""
    text = _text("\n\nSELECT 1\nFROM {{ table.text }}\nWHERE {{ window }}\n")
    (line,) = [n for n, found in enumerate(text.splitlines(), 1) if "table.text" in found]
    with pytest.raises(BadQuery, match=f"line {line}: "):
        parse_query(text, FILE)


def test_a_syntax_fault_names_its_line() -> None:
    """So is the line of a template that cannot be parsed."""
    text = _text("\n\nSELECT 1\nFROM {{ table }\nWHERE {{ window }}\n")
    (line,) = [n for n, found in enumerate(text.splitlines(), 1) if "{{ table }" in found]
    with pytest.raises(BadQuery, match=f"line {line}: "):
        parse_query(text, FILE)


# ---------------------------------------------------------------- the library


def test_the_shipped_queries_are_those_of_the_contract() -> None:
    """Scripts rely on the names and parameters of the first release."""
    found = library()
    assert {name: [p.name for p in found[name].params] for name in COLUMNS} == {
        "daily-trend": ["bucket"],
        "log-status-summary": [],
        "reject-report": ["limit", "min_count"],
        "ssh-rdp-traffic": ["limit"],
        "top-talkers": ["limit"],
        "traffic-from-source": ["ip", "limit"],
    }
    assert list(found) == sorted(found)
    assert {path.stem for path in shipped_folder().glob("*.sql")} == set(found)


def test_the_shipped_defaults_are_those_of_the_contract() -> None:
    """A run without -p means the same in every release."""
    found = {
        (name, p.name): p.default
        for name, q in library().items()
        for p in q.params
        if name in COLUMNS and not p.required
    }
    assert found == {
        ("daily-trend", "bucket"): "day",
        ("reject-report", "limit"): 50,
        ("reject-report", "min_count"): 1,
        ("ssh-rdp-traffic", "limit"): 50,
        ("top-talkers", "limit"): 50,
        ("traffic-from-source", "limit"): 100,
    }


COLUMNS = {
    "reject-report": "srcaddr rejects packets bytes dst_ports",
    "top-talkers": "addr bytes packets flows",
    "ssh-rdp-traffic": "srcaddr dstaddr dstport action flows packets bytes",
    "traffic-from-source": "time srcaddr dstaddr srcport dstport protocol action packets bytes",
    "log-status-summary": "log_status records",
    "daily-trend": "bucket accepted rejected packets bytes",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_shipped_columns_are_those_of_the_contract(name: str) -> None:
    """Names and order of the columns are what a script reads by."""
    query = library()[name]
    given = ["ip=10.0.0.1"] if name == "traffic-from-source" else []
    bound = bind(query, bind_values(query.params, given), SPEC, WINDOW)
    tree = sqlglot.parse_one(bound.sql, dialect="athena")
    assert isinstance(tree, exp.Select)
    assert tree.named_selects == COLUMNS[name].split()
    assert tree.args.get("order") is not None


def test_an_own_query_hides_ours(tmp_path: Path) -> None:
    """The user's folder adds to the library, and wins where a name is in both."""
    (tmp_path / "reject-report.sql").write_text(_text(), "utf-8")
    (tmp_path / "mine.sql").write_text(_text(), "utf-8")
    (tmp_path / "notes.txt").write_text("no query", "utf-8")
    found = library(tmp_path)
    assert found["reject-report"].title == "A title"
    assert found["mine"].name == "mine"
    assert set(found) == {*library(), "mine"}


def test_a_wrong_file_in_the_folder_is_named(tmp_path: Path) -> None:
    """One bad file is an error that names it."""
    (tmp_path / "broken.sql").write_text("SELECT 1", "utf-8")
    with pytest.raises(BadQuery, match=r"broken\.sql"):
        library(tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A file in another encoding is a bad query and no traceback."""
    (tmp_path / "latin.sql").write_bytes(_text().replace("A title", "\xe4").encode("latin-1"))
    with pytest.raises(BadQuery, match=r"latin\.sql"):
        library(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A folder that is not there is the request's fault."""
    with pytest.raises(BadQuery, match="is no folder"):
        library(tmp_path / "nowhere")


def test_an_unknown_query_is_answered_with_the_nearest() -> None:
    """A typing error finds the query that was meant."""
    assert find("reject-report", library()).name == "reject-report"
    with pytest.raises(UnknownQuery, match=r"'rejects-report' \(did you mean reject-report"):
        find("rejects-report", library())


def test_missing_fields_are_all_named_as_aws_spells_them() -> None:
    """A table without the needed columns says which fields of a flow log it lacks."""
    query = library()["ssh-rdp-traffic"]
    narrow = TableSpec("db", "t", "s3://bucket/", parse_format("srcaddr bytes log-status"), DAILY)
    assert query.missing(narrow.format) == ("dstaddr", "dstport", "action", "packets")
    with pytest.raises(MissingFields, match=r"db\.t lacks: dstaddr, dstport, action, packets$"):
        bind(query, bind_values(query.params, []), narrow, WINDOW)


def test_a_query_carries_what_it_was_bound_to() -> None:
    """Table, window and values go on with the statement."""
    query = library()["log-status-summary"]
    bound = bind(query, {}, SPEC, WINDOW)
    assert (bound.name, bound.spec, bound.window) == ("log-status-summary", SPEC, WINDOW)
    assert "\"date\" >= '2026-11-14' AND \"date\" <= '2026-11-20'" in bound.sql
    assert f'"end" < {int(datetime(2026, 11, 21, tzinfo=UTC).timestamp())}' in bound.sql


# ---------------------------------------------------------------- templates hold values only


@pytest.mark.parametrize(
    "snippet",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ table.text }}",
        "{{ window.text }}",
        "{{ x.upper() }}",
        "{{ x|safe }}",
        "{{ x|upper }}",
        "{{ x|replace('a', 'b') }}",
        "{{ x ~ 'y' }}",
        "{{ x + 'y' }}",
        "{{ x * 3 }}",
        "{{ x % 3 }}",
        "{{ -x }}",
        "{{ x[0] }}",
        "{{ x['__class__'] }}",
        "{{ range(3) }}",
        "{{ lipsum() }}",
        "{{ cycler('a') }}",
        "{{ self }}",
        "{{ caller() }}",
        "{{ namespace() }}",
        "{{ {'a': x} }}",
        "{{ x if x else 'y' }}",
        "{% for i in [1, 2] %}1{% endfor %}",
        "{% set y = x %}",
        "{% set table = x %}",
        "{% include 'other.sql' %}",
        "{% import 'other.sql' as o %}",
        "{% from 'other.sql' import o %}",
        "{% extends 'other.sql' %}",
        "{% macro m() %}1{% endmacro %}",
        "{% block b %}1{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{% call x() %}1{% endcall %}",
        "{% with y = x %}1{% endwith %}",
        "{% autoescape true %}1{% endautoescape %}",
        "{% if x is divisibleby(2) %}1{% endif %}",
    ],
)
def test_what_computes_is_refused_or_is_a_value(snippet: str) -> None:
    """No template reaches Python or makes SQL text: it is refused, or it is one quoted value."""
    body = f"SELECT {{{{ x }}}}, {snippet} AS y FROM {{{{ table }}}} WHERE {{{{ window }}}}"
    try:
        sql = _sql(body, {"x": "'; DROP TABLE t; --"})
    except (BadQuery, BadSql):
        return
    tree = sqlglot.parse_one(sql, dialect="athena")
    assert isinstance(tree, exp.Select)
    assert all(isinstance(e.unalias(), exp.Literal | exp.Boolean) for e in tree.expressions), sql


def test_text_of_the_template_is_not_run_twice() -> None:
    """A value that looks like a template stays what it is."""
    sql = _sql(BODY + "AND srcaddr = {{ x }}", {"x": "{{ table }}{% if x %}"})
    assert "'{{ table }}{% if x %}'" in sql


def test_if_chooses_text_by_a_value() -> None:
    """The one thing that a template may do is leave text out."""
    body = BODY + "{% if x is not none and x != '' %}AND srcaddr = {{ x }}{% endif %}"
    assert "AND srcaddr = 'a'" in _sql(body, {"x": "a"})
    assert "AND srcaddr" not in _sql(body, {"x": None})
    assert "AND srcaddr" not in _sql(body, {"x": ""})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (5, "5"),
        (1.5, "1.5E0"),
        ("a'b", "'a''b'"),
        ((1, 2), "(1, 2)"),
        (("a", "b'"), "('a', 'b''')"),
        ((), "(NULL)"),
    ],
)
def test_every_value_is_rendered_as_a_literal(value: Value, text: str) -> None:
    """What a parameter can be becomes SQL of that kind."""
    body = "SELECT 1 FROM {{ table }} WHERE {{ window }} AND srcaddr IN {{ x }}"
    if not isinstance(value, tuple):
        body = body.replace("IN {{ x }}", "= {{ x }}")
    assert _sql(body, {"x": value}).partition(" AND srcaddr ")[2].split(" ", 1)[1] == text


def test_what_no_literal_can_hold_is_a_bad_parameter() -> None:
    """A NUL that came in by the library is refused by name."""
    with pytest.raises(BadParameter, match="my-query"):
        _sql(BODY + "AND srcaddr = {{ x }}", {"x": "a\0b"})


# ---------------------------------------------------------------- hostile values

FRAGMENTS = [
    *("'", "''", '"', '""', "`", "\\", "\\'", "\\\\'", ";", "--", "/*", "*/", "#", "\n", "\r"),
    *("\r\n", "\t", "\x0b", "\u2028", "\u2019", "\uff07", "\u02bc", "\ufeff", "\x1b", "%", "_"),
    *("{{", "}}", "{% raw %}", "{#", "${x}", "$$", "E'", "U&'", "x'", "\\u0027", "&apos;"),
    *(" OR 1=1", " UNION SELECT 1", "; DROP TABLE t", ")", "(", " AND (", "NULL", "@x", ":x", "?"),
    *("10.0.0.1", "50", "day", "hour", "0", "1e9", "-1", "\u0665", "\U0001f600", ""),
]


def _hostile() -> list[str]:
    """Every pair of fragments, and some longer mixtures, always the same ones."""
    pairs = ["".join(p) for p in itertools.product(FRAGMENTS, repeat=2)]
    dice = random.Random(20261121)
    longer = ["".join(dice.choices(FRAGMENTS, k=dice.randint(3, 8))) for _ in range(600)]
    return list(dict.fromkeys(FRAGMENTS + pairs + longer))


HOSTILE = _hostile()


def _shape(sql: str) -> str:
    """A statement with every literal replaced, in sqlglot's own notation.

    It reads the unit of date_trunc, a string in SQL, as a Var.
    """
    (tree,) = sqlglot.parse(sql, dialect="athena")
    assert tree is not None
    found = tree.transform(
        lambda node: exp.Placeholder() if isinstance(node, exp.Literal | exp.Var) else node
    )
    return repr(found)


def test_there_are_enough_hostile_values() -> None:
    """The test below tries at least 2,000 different texts."""
    assert len(HOSTILE) >= 2000


STRINGS = [f"p{n}" for n in range(40)]
STRING_BODY = "SELECT {} FROM {{{{ table }}}} WHERE {{{{ window }}}} AND ({})".format(
    ", ".join(f"{{{{ {name} }}}} AS {name}" for name in STRINGS[:20]),
    " OR ".join(f"srcaddr LIKE {{{{ {name} }}}}" for name in STRINGS[20:]),
)


def test_no_hostile_value_leaves_its_literal() -> None:
    """Each of 2,000 texts in a string parameter is one literal that holds exactly that text."""
    query = _parsed(STRING_BODY, *STRINGS)
    shape = _shape(bind(query, dict.fromkeys(STRINGS, "calm"), WIDE, WINDOW).sql)
    for first in range(0, len(HOSTILE), len(STRINGS)):
        texts = HOSTILE[first : first + len(STRINGS)]
        texts += [""] * (len(STRINGS) - len(texts))
        given = [f"{name}={text}" for name, text in zip(STRINGS, texts, strict=True)]
        sql = bind(query, bind_values(query.params, given), WIDE, WINDOW).sql
        assert _shape(sql) == shape
        tree = sqlglot.parse_one(sql, dialect="athena")
        selected = [e.unalias().this for e in tree.expressions]
        liked = [like.expression.this for like in tree.find_all(exp.Like)]
        assert selected == texts[:20]
        assert sorted(liked) == sorted(texts[20:])


@pytest.mark.parametrize(
    ("body", "attack"),
    [
        ("AND srcaddr = '{{ x }}'", " OR 1=1 --"),
        ("AND srcaddr LIKE '%{{ x }}%'", " OR 1=1 --"),
        ('AND "{{ x }}" = srcaddr', 'srcaddr" = srcaddr OR "srcaddr'),
        ("-- only {{ x }}\nAND action = 'REJECT'", "\nOR 1=1 --"),
        ("/* only {{ x }} */ AND action = 'REJECT'", "*/ OR 1=1 /*"),
    ],
)
def test_a_value_inside_quotes_or_a_comment_cannot_get_out(body: str, attack: str) -> None:
    """An author who quotes a placeholder himself is refused, or the value is harmless there."""
    try:
        query = _parsed(BODY + body, "x")
    except BadQuery:
        return
    shapes = set()
    for calm in (None, "calm"):
        with suppress(BadSql):
            shapes.add(_shape(bind(query, {"x": calm}, WIDE, WINDOW).sql))
    try:
        sql = bind(query, {"x": attack}, WIDE, WINDOW).sql
    except (BadSql, BadParameter):
        return
    assert _shape(sql) in shapes, sql


# ---------------------------------------------------------------- read-only


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT 1;",
        "-- a comment\nSELECT 1 -- and one more",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
        "SELECT 1 UNION ALL SELECT 2",
        "(SELECT 1)",
        "SELECT ';' AS \"a;b\"",
        "SELECT 'INSERT INTO t' FROM t WHERE note = 'DROP TABLE x'",
        'SELECT "update", "delete" FROM t',
        "SELECT a FROM t CROSS JOIN UNNEST(ARRAY[1]) AS u (a)",
        "SELECT srcaddr FROM t TABLESAMPLE BERNOULLI (1)",
        "SELECT count(*) OVER (PARTITION BY a) FROM t",
    ],
)
def test_a_read_only_statement_passes(sql: str) -> None:
    """SELECT and WITH in every dress are what is run, whatever words stand in their strings."""
    check_read_only(sql, "x.sql")


@pytest.mark.parametrize(
    "sql",
    [
        "",
        ";",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE t",
        "SELECT 1;;DROP TABLE t",
        "INSERT INTO t SELECT 1",
        "INSERT INTO t VALUES (1)",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
        "TRUNCATE TABLE t",
        "DROP TABLE t",
        "DROP DATABASE d",
        "DROP VIEW v",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t (a int) LOCATION 's3://b/'",
        "CREATE DATABASE d",
        "ALTER TABLE t ADD IF NOT EXISTS PARTITION (d = '1')",
        "ALTER TABLE t RENAME TO u",
        "MSCK REPAIR TABLE t",
        "SELECT 1 INTO t",
        "SELECT * INTO t FROM s",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "DESCRIBE t",
        "SHOW TABLES",
        "SHOW CREATE TABLE t",
        "UNLOAD (SELECT 1) TO 's3://b/' WITH (format = 'JSON')",
        "VACUUM t",
        "OPTIMIZE t REWRITE DATA USING BIN_PACK",
        "PREPARE p FROM SELECT 1",
        "EXECUTE p",
        "DEALLOCATE PREPARE p",
        "CALL system.x()",
        "GRANT SELECT ON t TO u",
        "SET SESSION x = 1",
        "USE d",
        "COMMIT",
        "ANALYZE t",
        "nonsense",
        "SELECT 'open",
        "SELECT (1",
        "SELECT 1 FROM",
        "SELECT 1 /* open",
        "TABLE t",
        "VALUES (1)",
        "SELECT 1 FOR UPDATE",
        "SELECT * FROM TABLE(system.query(query => 'DELETE FROM t'))",
        "SELECT * FROM TABLE(other.system.query('DROP TABLE t'))",
        "SELECT * FROM t, TABLE(exclude_columns(input => TABLE(t), columns => DESCRIPTOR(a)))",
        "USING EXTERNAL FUNCTION f(x int) RETURNS int LAMBDA 'l' SELECT f(1)",
        "/* /* */ DROP TABLE t -- */ SELECT 1",
        "SELECT 1 /* /* */ ; DROP TABLE t -- */",
        "SELECT 'a\\'; DROP TABLE t --'",
        "SELECT 1 -- x\r; DROP TABLE t",
        "SELECT 1 /*+ ' */; DROP TABLE t -- ' */",
        'SELECT "a\\"; DROP TABLE t --"',
        "WITH a AS (DELETE FROM t) SELECT 1",
        "WITH a AS (SELECT 1) DELETE FROM t",
        "SELECT * FROM (DROP TABLE t)",
        "SELECT (INSERT INTO t VALUES (1))",
        "EXECUTE IMMEDIATE 'SELECT 1'",
        "BEGIN; SELECT 1",
        "COPY t TO 'x'",
        "REFRESH TABLE t",
        "\ufeffDROP TABLE t",
    ],
)
def test_anything_else_is_refused(sql: str) -> None:
    """Not one read-only statement is not sent: the error is one line and names the file."""
    with pytest.raises(BadSql, match=r"x\.sql: ") as caught:
        check_read_only(sql, "x.sql")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_bound_query_is_checked() -> None:
    """A body that writes is refused when it is bound, and so is one of two statements."""
    for body in (
        "INSERT INTO other SELECT 1 FROM {{ table }} WHERE {{ window }}",
        "SELECT 1 FROM {{ table }} WHERE {{ window }}; DROP TABLE {{ table }}",
        "DELETE FROM {{ table }} WHERE {{ window }}",
    ):
        with pytest.raises((BadQuery, BadSql), match=r"my-query\.sql"):
            _sql(body, {})
