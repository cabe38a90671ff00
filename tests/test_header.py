"""Headers of saved queries: what people need to know, checked when the file is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_query import WIDE, WINDOW

from athena_flow.errors import BadQuery, UnknownQuery
from athena_flow.header import Alias
from athena_flow.params import bind as bind_values
from athena_flow.query import SavedQuery, bind, find, library, parse_query

FULL = '''\
-- title = "A title"
-- group = "detect"
-- description = """
-- What it
-- says."""
-- read = """
-- One row
-- each."""
-- caveats = ["One.", "Two."]
-- aliases = ["OtherName", "by-packets by=packets limit=3"]
-- attack = ["T1046", "T1021.001"]
-- requires = ["srcaddr"]
-- [improves]
-- packets = "counts packets"
-- [params.by]
-- type = "choice"
-- choices = ["flows", "packets"]
-- default = "flows"
-- doc = "what to count"
-- [params.limit]
-- type = "int"
-- default = 9
-- doc = "rows"

SELECT srcaddr, {% if has_packets %}sum(packets){% else %}0{% endif %} AS packets
FROM {{ table }} WHERE {{ window }} AND {{ by }} <> '' GROUP BY 1 ORDER BY 1 LIMIT {{ limit }}
'''


def _read(text: str, name: str = "mine.sql") -> SavedQuery:
    return parse_query(text, Path("folder") / name)


def test_a_header_is_read_whole() -> None:
    """Every key ends up in the query, running text on one line."""
    found = _read(FULL)
    assert (found.group, found.description, found.read) == (
        "detect",
        "What it says.",
        "One row each.",
    )
    assert found.caveats == ("One.", "Two.")
    assert found.attack == ("T1046", "T1021.001")
    assert found.improves == {"packets": "counts packets"}
    assert found.aliases == (Alias("OtherName"), Alias("by-packets", ("by=packets", "limit=3")))


def test_only_title_and_requires_are_needed() -> None:
    """A user's own query may be short; it stands in a group of its own."""
    text = '-- title = "x"\n-- requires = ["srcaddr"]\n'
    found = _read(f"{text}SELECT srcaddr FROM {{{{ table }}}} WHERE {{{{ window }}}}")
    assert (found.group, found.read, found.caveats, found.improves) == ("own", "", (), {})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('group = "detect"', 'group = "Two words"', "group 'Two words' is no short word"),
        ('group = "detect"', "group = 5", "the group is no text"),
        ('read = """', 'raed = """', "'raed' (did you mean read?)"),
        ('caveats = ["One.", "Two."]', 'caveats = "One."', "caveats is no list of texts"),
        ('attack = ["T1046", "T1021.001"]', 'attack = ["T46"]', "'T46' is no technique"),
        ('attack = ["T1046", "T1021.001"]', 'attack = "T1046"', "attack is no list of texts"),
        ('"OtherName", ', '"Other Name", ', "alias 'Other': 'Name' is not of the form"),
        ("by=packets limit=3", "by=bytes", "alias 'by-packets': by='bytes': wants one of"),
        ("by=packets limit=3", "on=packets", "alias 'by-packets': unknown parameter 'on'"),
        ('"OtherName", ', '"!", ', "alias '!' is no name"),
        ("-- packets = ", "-- packtes = ", "improves: no field has the column 'packtes'"),
        ("-- packets = ", "-- srcaddr = ", "improves: srcaddr is under requires as well"),
        ('"counts packets"', '""', "improves: packets: say what the field adds"),
        ("[improves]", "[[improves]]", "improves is no table"),
        ('type = "choice"', 'type = "int"', "only a choice or string has choices"),
        ('choices = ["flows", "packets"]', 'doc2 = "x"', "unknown key 'doc2'"),
        ('-- choices = ["flows", "packets"]\n', "", "a choice needs its choices"),
        ('type = "int"', 'type = "int"\n-- pattern = "x"', "only a string has one"),
        ('type = "int"\n-- default = 9', 'type = "string"\n-- pattern = "("', "pattern: "),
        ('type = "int"\n-- default = 9', 'type = "ip"\n-- min = 3', "of type ip is no number"),
        ('type = "int"\n-- default = 9', 'type = "duration"\n-- default = 9', "default 9: wants"),
        (
            'type = "int"\n-- default = 9',
            'type = "protocol"\n-- default = 6',
            "default 6 is written as text, such as 'tcp'",
        ),
        ("[params.limit]", "[params.has_limit]", "no name for a parameter"),
    ],
)
def test_a_wrong_header_says_what_is_wrong(old: str, new: str, said: str) -> None:
    """Each mistake is named when the file is read, with the file and nothing else broken."""
    assert FULL.count(old) == 1
    with pytest.raises(BadQuery) as caught:
        _read(FULL.replace(old, new))
    assert said in str(caught.value)
    assert "mine.sql: " in str(caught.value)


def test_an_alias_is_found_in_any_case() -> None:
    """AWS writes names in capitals; people do not."""
    queries = {"mine": _read(FULL)}
    for name in ("OtherName", "othername", "by-packets", "mine"):
        assert find(name, queries).name == "mine"
    assert queries["mine"].alias("BY-PACKETS") == queries["mine"].aliases[1]
    assert queries["mine"].alias("mine") is None


@pytest.mark.parametrize(
    ("typed", "meant"), [("OthrName", "OtherName"), ("by-packet", "by-packets"), ("min", "mine")]
)
def test_a_near_alias_is_offered(typed: str, meant: str) -> None:
    """A typing error finds aliases too, spelled as they are."""
    with pytest.raises(UnknownQuery, match=rf"did you mean .*\b{meant}\b"):
        find(typed, {"mine": _read(FULL)})


def test_an_alias_may_mean_parameters() -> None:
    """What it means holds where the user says nothing else."""
    query = _read(FULL)
    alias = query.aliases[1]
    assert str(alias) == "by-packets -p by=packets -p limit=3"
    assert alias.beside(["limit=5"]) == ["by=packets"]
    values = bind_values(query.params, ["limit=5", *alias.beside(["limit=5"])])
    assert values == {"by": "packets", "limit": 5}


def _put(folder: Path, name: str, *aliases: str) -> None:
    listed = ", ".join(f'"{alias}"' for alias in aliases)
    header = f'-- title = "x"\n-- aliases = [{listed}]\n-- requires = ["srcaddr"]\n'
    body = "SELECT srcaddr FROM {{ table }} WHERE {{ window }}\n"
    (folder / f"{name}.sql").write_text(header + body)


@pytest.mark.parametrize(
    ("aliases", "said"),
    [(("one",), "one (one)"), (("Shared",), "Shared (one)"), (("x", "X"), "twice")],
)
def test_names_do_not_clash_in_a_folder(
    tmp_path: Path, aliases: tuple[str, ...], said: str
) -> None:
    """An alias that is another query's name or alias is an error that says whose."""
    _put(tmp_path, "one", "shared")
    _put(tmp_path, "two", *aliases)
    with pytest.raises(BadQuery, match="two.sql") as caught:
        library(tmp_path)
    assert said in str(caught.value)


def test_the_users_own_alias_wins_over_ours(tmp_path: Path) -> None:
    """A name that both folders give means the user's query."""
    _put(tmp_path, "mine", "vpcflowlogstoptalkers")
    assert find("VpcFlowLogsTopTalkers", library()).name == "top-talkers"
    assert find("VpcFlowLogsTopTalkers", library(tmp_path)).name == "mine"


def test_an_improving_field_is_used_where_it_is() -> None:
    """With the field its branch is rendered, without it the other one."""
    query = _read(FULL)
    values = bind_values(query.params, [])
    assert "sum(packets) AS packets" in bind(query, values, WIDE, WINDOW).sql
    from dataclasses import replace

    from athena_flow.logformat import parse_format

    narrow = replace(WIDE, format=parse_format("srcaddr end"))
    assert "0 AS packets" in bind(query, values, narrow, WINDOW).sql
    assert query.lacking(narrow.format) == ("packets",)
    assert query.lacking(WIDE.format) == ()


def test_macros_are_written_out_when_a_query_is_bound() -> None:
    """What is sent holds no function that Athena lacks."""
    text = FULL.replace("AND {{ by }} <> ''", "AND is_private(srcaddr) AND {{ by }} <> ''")
    query = _read(text)
    sql = bind(query, bind_values(query.params, []), WIDE, WINDOW).sql
    assert "is_private" not in sql
    assert "IPADDRESS '10.0.0.0'" in sql
