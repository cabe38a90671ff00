"""The error tree: one exit code for each class, said alike by the docstring and the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from athena_flow import errors
from athena_flow.errors import AthenaFlowError, EngineError, did_you_mean, files, nearest, some

CODES = {
    "EngineError": 1,
    "RequestError": 2,
    "UnknownField": 2,
    "BadFormat": 2,
    "BadWindow": 2,
    "BadSetting": 2,
    "UnknownQuery": 2,
    "BadQuery": 2,
    "BadParameter": 2,
    "MissingFields": 2,
    "BadSql": 2,
    "TableDiffers": 2,
    "AccessError": 3,
    "NoCredentials": 3,
    "AccessDenied": 3,
    "NotFound": 3,
    "BadFile": 3,
    "ForeignTable": 3,
    "CannotWrite": 3,
    "MissingPackage": 3,
    "OverBudget": 4,
    "PartlyDone": 5,
    "Findings": 6,
}
"""The table of exit codes in the contract of the command line, class by class."""


def _classes() -> dict[str, type[AthenaFlowError]]:
    found: dict[str, type[AthenaFlowError]] = {}
    waiting = [AthenaFlowError]
    while waiting:
        for cls in waiting.pop().__subclasses__():
            found[cls.__name__] = cls
            waiting.append(cls)
    return {name: cls for name, cls in found.items() if cls.__module__ == errors.__name__}


def _drawn() -> dict[str, tuple[str, int | None]]:
    """Class -> its parent and its own code, as the docstring draws them."""
    found: dict[str, tuple[str, int | None]] = {}
    parents = {-1: "AthenaFlowError"}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:│   |    )*)[├└]── (\w+) *(\d?)", line)
        if match:
            depth = len(match[1]) // 4
            parents[depth] = match[2]
            found[match[2]] = (parents[depth - 1], int(match[3]) if match[3] else None)
    return found


def test_every_class_has_the_exit_code_of_the_contract() -> None:
    """A script tells what happened by the exit code alone, so none may drift."""
    assert {name: cls.code for name, cls in _classes().items()} == CODES


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    """The drawn tree names every class once, under its real parent and with its real code."""
    drawn = _drawn()
    classes = _classes()
    assert drawn.keys() == classes.keys()
    for name, (parent, code) in drawn.items():
        assert [base.__name__ for base in classes[name].__bases__] == [parent]
        assert code in (None, classes[name].code)


@pytest.mark.parametrize("name", CODES)
def test_an_error_is_its_one_line(name: str) -> None:
    """Every class carries its line, its next step and its kind, and is caught as the base."""
    raised = _classes()[name]("what happened", hint="what to do")
    with pytest.raises(AthenaFlowError) as caught:
        raise raised
    assert str(caught.value) == caught.value.message == "what happened"
    assert (caught.value.hint, caught.value.kind) == ("what to do", name)


def test_an_engine_error_names_its_run() -> None:
    """The query id is what a user needs to find the failed run in the console."""
    assert EngineError("no", query_id="1-2-3").query_id == "1-2-3"
    assert EngineError("no").query_id is None


@pytest.mark.parametrize("name", ["srcadr", "SRCADDR", "srcaddr"])
def test_nearest_finds_what_was_meant(name: str) -> None:
    """A slip of the finger or of the shift key is answered with the name that was meant."""
    assert nearest(name, {"srcaddr", "dstaddr", "bytes"}) == "srcaddr"


def test_nearest_always_names_one() -> None:
    """Even a name like no other is answered with one that there is."""
    assert nearest("zzz", {"bytes"}) == "bytes"


def test_did_you_mean_offers_only_likely_names() -> None:
    """Near names are offered, nearest first; to a name like no other nothing is said."""
    assert did_you_mean("dstadr", ["bytes", "srcaddr", "dstaddr"]).startswith(
        " (did you mean dstaddr"
    )
    assert did_you_mean("zzzz", ["bytes", "srcaddr", "dstaddr"]) == ""


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
        ([str(n) for n in range(103)], "0, 1, 2 and 100 more"),
    ],
)
def test_some_keeps_a_list_to_one_line(names: list[str], line: str) -> None:
    """The first three are named and the rest counted."""
    assert some(names) == line


@pytest.mark.parametrize(("count", "text"), [(0, "0 files"), (1, "1 file"), (12, "12 files")])
def test_files_counts_in_english(count: int, text: str) -> None:
    """One file, and any other number of files."""
    assert files(count) == text


WRONG = ("init-table", "--dry-run", "--location", "s3://bucket/", "--log-format", "${scraddr}")


def test_an_error_ends_the_program_with_its_code_and_two_lines(cli: Callable[..., Any]) -> None:
    """People read one line of error and one of hint on stderr, and stdout stays empty."""
    ran = cli("init-table", "--dry-run")
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("athena-flow: error: ")
    assert lines[1].startswith("hint: ")


def test_with_json_the_error_is_one_json_line(cli: Callable[..., Any]) -> None:
    """A program reads the same error as one JSON line with code, kind, message and hint."""
    ran = cli(*WRONG, "--as", "json")
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    error = json.loads(line)["error"]
    assert (error["code"], error["kind"]) == (2, "UnknownField")
    assert "scraddr (nearest: srcaddr)" in error["message"]
    assert error.keys() == {"code", "kind", "message", "hint"}
