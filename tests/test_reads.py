"""Which fields a statement reads, and whether the header says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from athena_flow.errors import BadQuery, BadSql
from athena_flow.params import Param
from athena_flow.query import parse_query
from athena_flow.reads import columns_read, variants


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT srcaddr FROM db.logs", "srcaddr"),
        ("SELECT count(*) AS n FROM db.logs WHERE action = 'A'", "action"),
        ("SELECT * FROM logs", "*"),
        ("SELECT l.* FROM logs l", "*"),
        ("SELECT * FROM (SELECT srcaddr FROM logs) AS s", "srcaddr"),
        ("SELECT sum(bytes) AS packets FROM logs ORDER BY packets", "bytes"),
        ("SELECT srcaddr FROM logs ORDER BY dstaddr", "srcaddr dstaddr"),
        ("SELECT srcaddr FROM logs GROUP BY 1 HAVING max(packets) > 1", "srcaddr packets"),
        ('SELECT "end", SRCADDR FROM logs', "end srcaddr"),
        ("SELECT t.srcaddr FROM logs AS t", "srcaddr"),
        (
            "SELECT addr FROM logs CROSS JOIN UNNEST(ARRAY[srcaddr, dstaddr]) AS s (addr)",
            "srcaddr dstaddr",
        ),
        (
            "WITH a AS (SELECT srcaddr, count(*) AS packets FROM logs GROUP BY 1)"
            " SELECT srcaddr, packets FROM a WHERE packets > 1 ORDER BY packets",
            "srcaddr",
        ),
        (
            "WITH a AS (SELECT srcaddr AS bytes FROM logs)"
            " SELECT dstaddr FROM logs WHERE dstaddr IN (SELECT bytes FROM a)",
            "srcaddr dstaddr",
        ),
        (
            "SELECT a.srcaddr, b.bytes FROM logs a JOIN logs b ON a.dstaddr = b.srcaddr",
            "srcaddr dstaddr bytes",
        ),
        (
            "SELECT srcaddr FROM logs t WHERE EXISTS"
            " (SELECT 1 FROM logs u WHERE u.srcaddr = t.dstaddr AND protocol = 6)",
            "srcaddr dstaddr protocol",
        ),
        (
            "SELECT srcaddr FROM logs UNION ALL SELECT dstaddr FROM logs ORDER BY 1",
            "srcaddr dstaddr",
        ),
        (
            "SELECT max(bytes) FILTER (WHERE action = 'A'),"
            " row_number() OVER (PARTITION BY vpc_id ORDER BY start) FROM logs",
            "bytes action vpc_id start",
        ),
        ("SELECT any_match(ARRAY[srcaddr], x -> x = dstaddr) FROM logs", "srcaddr dstaddr"),
        ("SELECT 1 FROM other WHERE bytes > 1", ""),
    ],
)
def test_columns_of_a_statement(sql: str, columns: str) -> None:
    """What is read of the table and nothing else: no output names, no other sources' columns."""
    assert columns_read(sql, "logs") == set(columns.split())


def test_a_statement_that_is_none_is_refused() -> None:
    """One line says that it does not parse."""
    with pytest.raises(BadSql, match="does not parse"):
        columns_read("SELECT FROM WHERE", "logs")


def _parse(body: str, requires: str, improves: str = "", params: str = "") -> None:
    header = ['title = "x"', f"requires = [{', '.join(repr(c) for c in requires.split())}]"]
    header += ["[improves]"] * bool(improves) + [f'{c} = "more"' for c in improves.split()]
    header += params.splitlines()
    text = "".join(f"-- {line}\n" for line in header)
    parse_query(f"{text}{body} \nFROM {{{{ table }}}}\nWHERE {{{{ window }}}}\n", Path("mine.sql"))


BY = '[params.by]\ntype = "choice"\nchoices = ["bytes", "packets"]\ndefault = "bytes"\ndoc = "x"'
PICK = "SELECT {% if by == 'bytes' %}sum(bytes){% else %}sum(packets){% endif %} AS n"
GUARDED = "SELECT srcaddr{% if has_action %}, action{% endif %}"
NOT_GUARDED = "SELECT srcaddr, action {% if has_action %}{% endif %}"
TWO = "SELECT srcaddr{% if has_action and has_bytes %}, action, bytes{% endif %}"


@pytest.mark.parametrize(
    ("body", "requires", "improves", "params"),
    [
        ("SELECT srcaddr, is_private(dstaddr) AS p", "srcaddr dstaddr", "", ""),
        (PICK, "bytes packets", "", BY),
        (GUARDED, "srcaddr", "action", ""),
        (TWO, "srcaddr", "action bytes", ""),
        (
            "SELECT srcaddr{% if not has_action %}, 1{% else %}, action{% endif %}",
            "srcaddr",
            "action",
            "",
        ),
        ("SELECT *", "srcaddr", "", ""),
        ("SELECT count(*)", "", "", ""),
        ("SELECT count(*)", "srcaddr", "", ""),
    ],
)
def test_a_header_that_agrees(body: str, requires: str, improves: str, params: str) -> None:
    """Fields that are read always, by a parameter's value, and where the format has them."""
    _parse(body, requires, improves, params)


@pytest.mark.parametrize(
    ("body", "requires", "improves", "params", "said"),
    [
        ("SELECT srcaddr, dstaddr", "srcaddr", "", "", "reads dstaddr, not under requires"),
        (PICK, "bytes", "", BY, "reads packets, not under requires"),
        (
            "SELECT scraddr",
            "srcaddr",
            "",
            "",
            "'scraddr', which no field has (did you mean srcaddr",
        ),
        ("SELECT date", "srcaddr", "", "", "reads 'date', which no field has"),
        (GUARDED, "srcaddr", "", "", "has_action asks for a field that is not under [improves]"),
        (NOT_GUARDED, "srcaddr", "action", "", "reads action outside {% if has_action %}"),
        ("SELECT srcaddr", "srcaddr", "action", "", "no {% if has_action %} stands in the body"),
        (
            GUARDED.replace(", action", ", bytes"),
            "srcaddr",
            "action",
            "",
            "reads bytes, not under requires",
        ),
        ("SELECT (srcaddr", "srcaddr", "", "", "does not parse"),
        ("SELECT in_cidr(srcaddr)", "srcaddr", "", "", "write in_cidr(address, networks)"),
    ],
)
def test_a_header_that_does_not_agree(
    body: str, requires: str, improves: str, params: str, said: str
) -> None:
    """Each disagreement is said when the file is read."""
    with pytest.raises(BadQuery) as caught:
        _parse(body, requires, improves, params)
    assert said in str(caught.value)


def test_every_way_is_tried() -> None:
    """Conditions on choices, truths, lists, optional values and fields multiply."""
    body = (
        "{% if by == 'a' %}{% endif %}{% if yes %}{% endif %}{% if ports %}{% endif %}"
        "{% if ip is not none %}{% endif %}{% if has_action %}{% endif %}{{ n }}"
    )
    params = [
        Param("by", "choice", "", choices=("a", "b", "c"), default="a"),
        Param("yes", "bool", "", default=False),
        Param("ports", "port", "", many=True),
        Param("ip", "ip", ""),
        Param("n", "int", "", default=1),
    ]
    found = list(variants(params, ["action"], body))
    assert len(found) == 3 * 2 * 2 * 2 * 2
    assert {v.values["by"] for v in found} == {"a", "b", "c"}
    assert {v.values["ports"] for v in found} == {(), (443,)}
    assert {v.values["ip"] for v in found} == {None, "10.0.0.1"}
    assert {v.values["n"] for v in found} == {5}
    assert {v.has for v in found} == {frozenset(), frozenset({"action"})}


def test_a_number_that_a_condition_names_is_tried() -> None:
    """A condition on a number comes out both ways."""
    found = variants([Param("n", "int", "", default=0)], [], "{% if n == 0 %}{% endif %}")
    assert {v.values["n"] for v in found} == {5, 0}


def test_too_many_conditions_are_refused() -> None:
    """What cannot be tried in every way is no saved query."""
    params = [Param(f"p{n}", "bool", "", default=False) for n in range(10)]
    body = "".join(f"{{% if {p.name} %}}{{% endif %}}" for p in params)
    with pytest.raises(ValueError, match="1024 ways"):
        list(variants(params, [], body))
