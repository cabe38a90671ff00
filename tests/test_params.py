"""Parameters: each type takes exactly its texts, nothing is repaired, all faults come at once."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.errors import BadParameter
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
    ("cidr", "10.0.0.0/8", "10.0.0.0/8"),
    ("cidr", "0.0.0.0/0", "0.0.0.0/0"),
    ("cidr", "10.1.2.3/32", "10.1.2.3/32"),
    ("cidr", "2001:db8::/32", "2001:db8::/32"),
    ("port", "0", 0),
    ("port", "22", 22),
    ("port", "65535", 65535),
    ("account", "123456789012", "123456789012"),
    ("account", "000000000001", "000000000001"),
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
}


def _param(type_: str, **more: object) -> Param:
    return replace(Param("x", type_, "what"), **more)  # type: ignore[arg-type]  # by name


def test_every_type_is_tested() -> None:
    """A new type comes with texts that it takes and texts that it refuses."""
    assert {kind for kind, _, _ in GOOD} == BAD.keys() == TYPES.keys()


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_good_texts(kind: str, text: str, value: object) -> None:
    """A text of the type is its value, of the right Python type."""
    found = bind([_param(kind)], [f"x={text}"])["x"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in BAD.items() for text in texts]
)
def test_bad_texts(kind: str, text: str) -> None:
    """Anything else is refused with the name, the text and what was wanted; never trimmed."""
    with pytest.raises(BadParameter, match="wants") as caught:
        bind([_param(kind)], [f"x={text}"])
    assert f"x={text!r}" in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from([*TYPES]))
def test_any_text_is_taken_whole_or_refused(text: str, kind: str) -> None:
    """Of any text a typed value holds nothing but what the type allows, or it is an error."""
    try:
        found = bind([_param(kind)], [f"x={text}"])["x"]
    except BadParameter:
        return
    if kind in ("string", "account"):
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
        assert bind([param], [f"x={text}"]) == {"x": TYPES[kind](text)}
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
