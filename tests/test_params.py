"""Parameters: each type takes exactly its texts, nothing is repaired, all faults come at once."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.errors import BadFile, BadParameter
from athena_flow.params import TYPES, Param, Value, bind

GOOD: list[tuple[str, str, object]] = [
    ("int", "0", 0),
    ("int", "50", 50),
    ("int", "-7", -7),
    ("int", "+5", 5),
    ("int", "9" * 18, 10**18 - 1),
    ("float", "1", 1.0),
    ("float", "1.5", 1.5),
    ("float", "-.5", -0.5),
    ("float", "1e3", 1000.0),
    ("float", "2.5E-3", 0.0025),
    ("bool", "true", True),
    ("bool", "false", False),
    ("string", "", ""),
    ("string", " padded ", " padded "),
    ("string", "a=b", "a=b"),
    ("string", "' OR 1=1 --\n", "' OR 1=1 --\n"),
    ("ip", "10.0.0.1", "10.0.0.1"),
    ("ip", "2001:db8::1", "2001:db8::1"),
    ("ip", "::", "::"),
    ("ip", "::ffff:10.0.0.1", "10.0.0.1"),
    ("time_zone", "UTC", "UTC"),
    ("time_zone", "Etc/GMT+5", "Etc/GMT+5"),
    ("time_zone", "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ("cidr", "10.0.0.0/8", "10.0.0.0/8"),
    ("cidr", "0.0.0.0/0", "0.0.0.0/0"),
    ("cidr", "10.1.2.3/32", "10.1.2.3/32"),
    ("cidr", "2001:db8::/32", "2001:db8::/32"),
    ("port", "0", 0),
    ("port", "22", 22),
    ("port", "65535", 65535),
    ("account", "123456789012", "123456789012"),
    ("account", "000000000001", "000000000001"),
    ("choice", "any", "any"),
    ("ip_or_cidr", "10.0.0.1", "10.0.0.1"),
    ("ip_or_cidr", "2001:DB8::1", "2001:db8::1"),
    ("ip_or_cidr", "2001:db8::/32", "2001:db8::/32"),
    ("port_range", "22", "22"),
    ("port_range", "0-65535", "0-65535"),
    ("port_range", "443-443", "443-443"),
    ("protocol", "tcp", 6),
    ("protocol", "UDP", 17),
    ("protocol", "ICMPv6", 58),
    ("protocol", "ipv6-icmp", 58),
    ("protocol", "0", 0),
    ("protocol", "255", 255),
    ("duration", "30s", 30),
    ("duration", "5m", 300),
    ("duration", "1h", 3600),
    ("duration", "2w", 1_209_600),
    ("time", "2026-11-21T10:00Z", 1_795_255_200),
    ("time", "24h", 1_795_169_100),
    ("time", "yesterday", 1_795_132_800),
    ("time", "2026-11-21T10:00:00.5Z", 1_795_255_201),
    ("region", "us-east-1", "us-east-1"),
    ("region", "us-gov-west-1", "us-gov-west-1"),
    ("region", "eusc-de-east-1", "eusc-de-east-1"),
    ("interface", "eni-1235b8ca", "eni-1235b8ca"),
    ("interface", "eni-0123456789abcdef0", "eni-0123456789abcdef0"),
    ("instance", "i-0123456789abcdef0", "i-0123456789abcdef0"),
    ("vpc", "vpc-0123456789abcdef0", "vpc-0123456789abcdef0"),
    ("subnet", "subnet-0123456789abcdef0", "subnet-0123456789abcdef0"),
]

ARABIC_TEN = "\u0661\u0660"
FULL_WIDTH_TEN = "\uff11\uff10"
BAD: dict[str, list[str]] = {
    "int": [
        *("", " ", "x", "1.0", "1e3", "0x10", "1_000", "--1", "9" * 19, "10 ", " 10", "10\n"),
        *("10;", "1 OR 1=1", ARABIC_TEN, FULL_WIDTH_TEN, "\u00b2", "1\0", "True", "NULL"),
    ],
    "float": [
        *("", ".", "x", "nan", "inf", "-inf", "NaN", "Infinity", "1e", "1e999", "1.5.1", "1,5"),
        *("1.5 ", "1.5\n", "1_0.5", "0x1p3", "1.5 OR 1=1", "9" * 400),
        *(ARABIC_TEN, FULL_WIDTH_TEN, f"1.{ARABIC_TEN}", "9" * 300 + "e99"),
    ],
    "bool": ["", "True", "TRUE", "1", "0", "yes", "no", "on", "true ", "true\n"],
    "string": ["\0", "a\0b"],
    "ip": [
        *("", "10.0.0.1\n", "10.0.0.1 ", " 10.0.0.1", "\n10.0.0.1", "10.0.0.1\0", "10.0.0.1;"),
        *("10.0.0.1' OR 1=1", "10.0.0.1' OR '1'='1", "10.0.0.1--", "10.0.0", "10.0.0.256"),
        *("10.0.0.01", "010.0.0.1", "10.0.0.1/32", "0x0a000001", "167772161", "localhost", "-"),
        *("::1%eth0", "fe80::1%'", "[::1]", ":::", "12345::", f"{ARABIC_TEN}.0.0.1"),
        *(f"{FULL_WIDTH_TEN}.0.0.1", "10\u30020\u30020\u30021", "\u2024".join("1111")),
    ],
    "cidr": [
        *("", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8\n", "10.0.0.0/"),
        *(" 10.0.0.0/8", "10.0.0.0/8 ", "10.0.0.0/8' OR 1=1", "10.0.0.0/8/8", "fe80::%1/64"),
        *(f"10.0.0.0/{FULL_WIDTH_TEN}", "2001:db8::/129"),
    ],
    "port": [
        *("", "-1", "+22", "65536", "99999", "100000", "22.0", "22 ", "22\n", "ssh", "0x16"),
        *(ARABIC_TEN, FULL_WIDTH_TEN, "22;"),
    ],
    "account": [
        *("", "12345678901", "1234567890123", "unknown", "123456789012\n", " 123456789012"),
        *("1234-5678-9012", "12345678901x", "\uff11" * 12, "\u0661" * 12),
    ],
    "choice": ["\0"],
    "ip_or_cidr": ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1 ", "10.0.0.1\n", "host", "::%1"],
    "port_range": [
        *("", "-", "22-", "-22", "1024-22", "22-65536", "1-2-3", "22 - 23", "22,23", "1:2", "22\n"),
        *(f"1-{ARABIC_TEN}", "ssh", "*"),
    ],
    "protocol": ["", "256", "-1", "tcp ", "tpc", "6.0", "TCP\n", ARABIC_TEN, "\u212aCP", "any"],
    "duration": [
        *("", "0s", "0m", "5", "5 m", "5min", "-5m", "1.5h", "5m\n", "9999999d", "hour"),
        f"{ARABIC_TEN}m",
    ],
    "time": ["", "now", "2026-13-01", "10:00", "1795255200", "2026-11-21\n", "9999-01-01"],
    "time_zone": [
        "",
        "Mars/Base",
        "europe/berlin",
        "UTC ",
        "UTC\n",
        "+02:00",
        "localtime'",
        "../UTC",
    ],
    "region": ["", "us-east", "US-EAST-1", "us-east-1a", "us_east_1", "us-east-1\n", "global"],
    "interface": ["", "eni-", "eni-123", "eni-0123456789abcdefg", "ENI-1235b8ca", "i-1235b8ca"],
    "instance": ["", "i-1", "i-0123456789ABCDEF0", "i-1235b8ca\n", "mi-1235b8ca"],
    "vpc": ["", "vpc-1", "vpc-1235b8ca ", "subnet-1235b8ca"],
    "subnet": ["", "subnet-1", "subnet-1235b8ca\0", "vpc-1235b8ca"],
}


NOW = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)


def _param(type_: str, **more: object) -> Param:
    return replace(Param("x", type_, "what"), **more)  # type: ignore[arg-type]  # by name


def test_every_type_is_tested() -> None:
    """A new type comes with texts that it takes and texts that it refuses."""
    assert {kind for kind, _, _ in GOOD} == BAD.keys() == TYPES.keys()


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_good_texts(kind: str, text: str, value: object) -> None:
    """A text of the type is its value, of the right Python type."""
    found = bind([_param(kind)], [f"x={text}"], NOW)["x"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in BAD.items() for text in texts]
)
def test_bad_texts(kind: str, text: str) -> None:
    """Anything else is refused with the name, the text and what was wanted; never trimmed."""
    with pytest.raises(BadParameter, match="wants") as caught:
        bind([_param(kind)], [f"x={text}"], NOW)
    assert f"x={text!r}" in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from([*TYPES]))
def test_any_text_is_taken_whole_or_refused(text: str, kind: str) -> None:
    """Of any text a typed value holds nothing but what the type allows, or it is an error."""
    try:
        found = bind([_param(kind)], [f"x={text}"], NOW)["x"]
    except BadParameter:
        return
    if kind in ("string", "choice", "account"):
        assert found == text
    else:
        assert text.isascii()
        assert text.strip() == text
    if isinstance(found, float):
        assert math.isfinite(found)


@pytest.mark.parametrize("kind", ["int", "float", "port"])
@pytest.mark.parametrize(
    ("text", "wanted"), [("4", "at least 5"), ("21", "at most 20"), ("5", None), ("20", None)]
)
def test_limits_are_inclusive(kind: str, text: str, wanted: str | None) -> None:
    """A number below min or above max is refused by that limit, the limits themselves are not."""
    param = _param(kind, min=5, max=20)
    if wanted is None:
        assert bind([param], [f"x={text}"]) == {"x": TYPES[kind].read(text, None)}
    else:
        with pytest.raises(BadParameter, match=wanted):
            bind([param], [f"x={text}"])


def test_a_large_limit_is_said_as_written() -> None:
    """A limit of a million is shown to people as the number that they may type."""
    with pytest.raises(BadParameter, match="at least 1,?000,?000$"):
        bind([_param("int", min=1_000_000)], ["x=5"])


@pytest.mark.parametrize("text", ["Day", "days", "", "hour,day", "day\n", "hour day"])
def test_choices_are_exact(text: str) -> None:
    """One of the choices, letter by letter, and the error lists them."""
    param = _param("string", choices=("hour", "day"))
    assert bind([param], ["x=day"]) == {"x": "day"}
    with pytest.raises(BadParameter, match="one of hour, day"):
        bind([param], [f"x={text}"])


def test_a_near_choice_is_offered() -> None:
    """A typing error in a choice is answered with the choice that was meant."""
    with pytest.raises(BadParameter, match=r"did you mean hour\?"):
        bind([_param("string", choices=("hour", "day"))], ["x=hours"])


def test_many_values_keep_their_order() -> None:
    """A parameter of many values is repeated, and is a list even of one."""
    param = _param("port", many=True)
    assert bind([param], ["x=443", "x=22", "x=443"]) == {"x": (443, 22, 443)}
    assert bind([param], ["x=22"]) == {"x": (22,)}


def test_every_one_of_many_is_checked() -> None:
    """Each bad value of a list is named, and the good ones beside it do not hide it."""
    with pytest.raises(BadParameter) as caught:
        bind([_param("port", many=True, max=1024)], ["x=22", "x=ssh", "x=2000"])
    assert "x='ssh'" in str(caught.value)
    assert "x='2000'" in str(caught.value)
    assert "x='22'" not in str(caught.value)


def test_a_single_value_may_not_be_repeated() -> None:
    """Two values for one are a contradiction, even when they are the same."""
    with pytest.raises(BadParameter, match="x is given 2 times"):
        bind([_param("int")], ["x=1", "x=1"])


DECLARED = [
    Param("ip", "ip", "address", required=True),
    Param("limit", "int", "rows", default=50, min=1),
    Param("note", "string", "free"),
    Param("ports", "port", "ports", many=True, default=(22, 3389)),
]


def test_defaults_are_filled_in() -> None:
    """What is not given has its default, and is NULL without one."""
    expected: dict[str, Value] = {"ip": "::1", "limit": 50, "note": None, "ports": (22, 3389)}
    assert bind(DECLARED, ["ip=::1"]) == expected
    assert bind(DECLARED, ["ip=::1", "limit=3", "note="]) == expected | {"limit": 3, "note": ""}


def test_only_the_first_equals_sign_separates() -> None:
    """A value may hold equals signs."""
    assert bind(DECLARED, ["ip=::1", "note=a=b=c"])["note"] == "a=b=c"


def test_all_errors_come_at_once() -> None:
    """Unknown, ill-formed, ill-typed, out of range, repeated and missing are in one line."""
    given_ = ["limt=5", "nonsense", "limit=0", "ports=ssh", "note=a", "note=b"]
    with pytest.raises(BadParameter) as caught:
        bind(DECLARED, given_)
    message = str(caught.value)
    for part in (
        "unknown parameter 'limt' (did you mean limit?)",
        "'nonsense' is not of the form name=value",
        "limit='0': wants at least 1",
        "ports='ssh': wants a port",
        "note is given 2 times",
        "missing ip",
    ):
        assert part in message
    assert "\n" not in message
    assert "ip, limit, note, ports" in (caught.value.hint or "")


@pytest.mark.parametrize("pair", [" ip=::1", "IP=::1", "ip =::1", "=::1"])
def test_names_are_exact(pair: str) -> None:
    """A name is not trimmed and its case is its own."""
    with pytest.raises(BadParameter, match="unknown parameter"):
        bind(DECLARED, [pair, "ip=::1"])


def test_all_missing_are_named() -> None:
    """Every required parameter that is not there is in the error."""
    with pytest.raises(BadParameter, match="missing a, c"):
        bind([Param(n, "int", "", required=n != "b") for n in "abc"], [])


def test_a_query_without_parameters_takes_none() -> None:
    """The hint says that there is nothing to give."""
    assert bind([], []) == {}
    with pytest.raises(BadParameter) as caught:
        bind([], ["x=1"])
    assert "none" in (caught.value.hint or "")


def test_without_a_value_a_list_is_empty() -> None:
    """A list that is not given and has no default holds nothing; it is no NULL."""
    assert bind([_param("ip", many=True)], []) == {"x": ()}


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [("duration", "1h", 3600), ("protocol", "tcp", 6), ("time", "24h", 1_795_169_100)],
)
def test_a_default_is_read_as_a_text_is(kind: str, default: str, value: int) -> None:
    """What the header spells for people is a number in SQL, relative times by the clock."""
    assert bind([_param(kind, default=default)], [], NOW) == {"x": value}
    assert bind([_param(kind, default=(default,), many=True)], [], NOW) == {"x": (value,)}


def test_a_time_needs_a_clock() -> None:
    """A library user who forgets the clock hears of it at once."""
    with pytest.raises(TypeError, match="clock"):
        bind([_param("time")], ["x=24h"])
    east = NOW.astimezone(timezone(timedelta(hours=9)))
    assert bind([_param("time")], ["x=24h"], east) == bind([_param("time")], ["x=24h"], NOW)


def test_a_pattern_is_matched_whole() -> None:
    """A string with a pattern takes no text that only begins or ends so."""
    param = _param("string", pattern="[A-Z0-9_]+")
    assert bind([param], ["x=S3"]) == {"x": "S3"}
    for text in ("s3", "S3\n", "S3' OR", ""):
        with pytest.raises(BadParameter, match="matches"):
            bind([param], [f"x={text}"])


# ---------------------------------------------------------------- lists


def _files(**texts: str) -> object:
    def read(path: str) -> str:
        if path not in texts:
            raise BadFile(f"{path}: cannot be read: No such file or directory")
        return texts[path]

    return read


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_list_comes_from_a_file(ending: str) -> None:
    """One value a line; comments and blank lines are none, and files and values mix in order."""
    lines = ["\ufeff# ours", "10.0.0.1", "", "  # more", "10.0.0.0/8", "   ", "2001:db8::1"]
    read = _files(list=ending.join(lines))
    given = ["x=8.8.8.8", "x=@list", "x=9.9.9.9"]
    found = bind([_param("ip_or_cidr", many=True)], given, NOW, read)["x"]  # type: ignore[arg-type]
    assert found == ("8.8.8.8", "10.0.0.1", "10.0.0.0/8", "2001:db8::1", "9.9.9.9")


def test_commas_do_not_split() -> None:
    """A value may hold a comma, and a list of ports is not one port."""
    assert bind([_param("string", many=True)], ["x=a,b"]) == {"x": ("a,b",)}
    with pytest.raises(BadParameter, match="'22,443'"):
        bind([_param("port", many=True)], ["x=22,443"])


def test_a_wrong_line_is_named_with_its_file() -> None:
    """All wrong lines of all files, a file that is not there, and other faults come at once."""
    read = _files(one="10.0.0.1\nhost\n", two="10.0.0.1 \n", empty="# nothing\n")
    params = [_param("ip", many=True), Param("y", "int", "")]
    given = ["x=@one", "x=@two", "x=@gone", "x=bad", "y=z"]
    with pytest.raises(BadParameter) as caught:
        bind(params, given, NOW, read)  # type: ignore[arg-type]
    message = str(caught.value)
    for part in ("x=one:2: 'host'", "x=two:1: '10.0.0.1 '", "gone: cannot", "x='bad'", "y='z'"):
        assert part in message
    with pytest.raises(BadParameter, match="x=@empty: the file holds no value"):
        bind(params, ["x=@empty"], NOW, read)  # type: ignore[arg-type]


def test_an_at_sign_may_be_a_value() -> None:
    """Doubled, it begins a value of a list; of a single value it is nothing special."""
    assert bind([_param("string", many=True)], ["x=@@home"]) == {"x": ("@home",)}
    assert bind([_param("string")], ["x=@home"]) == {"x": "@home"}


def test_no_file_is_read_that_nobody_handed_in(tmp_path: Path) -> None:
    """The parameters themselves open nothing: a library user says who reads."""
    (tmp_path / "list").write_text("10.0.0.1")
    with pytest.raises(BadParameter, match="list"):
        bind([_param("ip", many=True)], [f"x=@{tmp_path}/list"], NOW)
