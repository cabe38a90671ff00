"""Settings: flag before environment before file before default, for every one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from athena_flow.errors import BadSetting
from athena_flow.settings import FILE_NAME, ROWS, Settings, flag, load

TEXTS = [n for n, row in ROWS.items() if row.default is None and n != "config"]
LISTS = [n for n, row in ROWS.items() if row.default == ()]
SWITCHES = [n for n, row in ROWS.items() if row.default is False]
PATHS = ("logs", "location", "queries_dir", "catalog", "output")


def _key(name: str) -> str:
    return name.rstrip("_")


def _variable(name: str) -> str:
    return "ATHENA_FLOW_" + _key(name).upper()


def _load(
    folder: Path,
    file: str | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """What the three sources give; the file, if any, lies in ``folder``."""
    if file is not None:
        (folder / FILE_NAME).write_text(file, "utf-8")
    return load(flags or {}, environment or {}, folder)


def test_nothing_said_is_the_default(tmp_path: Path) -> None:
    """Without flag, variable and file every setting is None, empty or off."""
    found = _load(tmp_path)
    assert {name: getattr(found, name) for name in ROWS} == (
        dict.fromkeys(["config", *TEXTS])
        | dict.fromkeys(LISTS, ())
        | dict.fromkeys(SWITCHES, False)
    )
    assert found.folder == tmp_path


def test_the_contract_is_in_the_table() -> None:
    """Every flag that the contract names for this release is a setting."""
    assert {flag(name) for name in ROWS} >= {
        *("--config", "--engine", "--logs", "--database", "--table", "--location", "--log-format"),
        *("--layout", "--file-type", "--partitions", "--account", "--region", "--since", "--until"),
        *("--param", "--max-cost", "--max-scan", "--workgroup", "--output-location", "--profile"),
        *("--aws-region", "--endpoint-url", "--late", "--ahead", "--queries-dir", "--price-per-tb"),
        *("--dry-run", "--as", "--output", "--quiet", "--verbose"),
    }


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_comes_from_flag_then_environment_then_file(name: str, tmp_path: Path) -> None:
    """The nearer source hides the farther one, for each setting that is a text."""
    file = f'{_key(name)} = "s3://from-file/"'
    environment = {_variable(name): "from environment"}
    assert getattr(_load(tmp_path, file), name) == "s3://from-file/"
    assert getattr(_load(tmp_path, file, {}, environment), name) == "from environment"
    found = _load(tmp_path, file, {name: "from flag"}, environment)
    assert getattr(found, name) == "from flag"


@pytest.mark.parametrize("name", LISTS)
def test_a_list_comes_from_flag_then_environment_then_file(name: str, tmp_path: Path) -> None:
    """Lists replace each other; they are not added up."""
    file = f'{_key(name)} = ["a=1", "b=2"]'
    assert getattr(_load(tmp_path, file), name) == ("a=1", "b=2")
    lists = ("c=3\nd=4",) if name == "param" else ("c=3 d=4", "c=3,d=4", "c=3, d=4")
    for text in lists:
        assert getattr(_load(tmp_path, file, {}, {_variable(name): text}), name) == ("c=3", "d=4")
    found = _load(tmp_path, file, {name: ["e=5"]}, {_variable(name): "c=3"})
    assert tuple(getattr(found, name)) == ("e=5",)


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_of_flags_is_none_given(name: str, tmp_path: Path) -> None:
    """A repeatable flag that was not given leaves the others their turn."""
    assert getattr(_load(tmp_path, f'{_key(name)} = "one"', {name: []}), name) == ("one",)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_comes_from_flag_then_environment_then_file(name: str, tmp_path: Path) -> None:
    """A switch is turned on by any source, and off by a nearer one."""
    key, variable = _key(name), _variable(name)
    assert getattr(_load(tmp_path, f"{key} = true"), name) is True
    assert getattr(_load(tmp_path, f"{key} = false"), name) is False
    for text, value in (
        ("1", True),
        ("true", True),
        ("TRUE", True),
        ("0", False),
        ("false", False),
    ):
        on = f"{key} = {str(not value).lower()}"
        assert getattr(_load(tmp_path, on, {}, {variable: text}), name) is value
    assert getattr(_load(tmp_path, f"{key} = false", {name: True}, {variable: "0"}), name) is True


@pytest.mark.parametrize("name", ["log_format", "max_cost", "max_scan", "since"])
def test_an_empty_flag_is_not_overlooked(name: str, tmp_path: Path) -> None:
    """--max-cost "$UNSET" is a mistake to be told: it neither means no limit nor the file's."""
    (tmp_path / FILE_NAME).write_text(f'{name} = "7d"', "utf-8")
    with pytest.raises(BadSetting, match=flag(name)):
        load({name: ""}, {}, tmp_path)


def test_an_empty_variable_is_unset(tmp_path: Path) -> None:
    """By the shells' convention an empty variable says nothing."""
    assert _load(tmp_path, 'since = "7d"', {}, {"ATHENA_FLOW_SINCE": ""}).since == "7d"


def test_other_variables_are_not_ours(tmp_path: Path) -> None:
    """Only ATHENA_FLOW_* counts."""
    environment = {"SINCE": "1d", "AWS_PROFILE": "x", "athena_flow_since": "2d"}
    assert _load(tmp_path, None, {}, environment) == Settings(folder=tmp_path)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ('datbase = "x"', ["datbase", "database"]),
        ('log-fromat = "x"', ["log_fromat", "log_format"]),
        ('datbase = "x"\nwrokgroup = "y"', ["datbase", "wrokgroup"]),
        ('config = "other.toml"', ["config"]),
        ('folder = "/x"', ["folder"]),
        ('[athena-flow]\nsince = "7d"', ["athena_flow"]),
    ],
)
def test_unknown_keys_are_all_named(file: str, said: list[str], tmp_path: Path) -> None:
    """Each unknown key is named with the nearest that there is, and the file is named."""
    with pytest.raises(BadSetting, match="unknown") as caught:
        _load(tmp_path, file)
    for part in (FILE_NAME, *said):
        assert part in str(caught.value)


def test_a_key_may_be_spelled_as_the_flag(tmp_path: Path) -> None:
    """Hyphens and underscores are one in the file."""
    assert _load(tmp_path, 'log-format = "default"').log_format == "default"
    assert _load(tmp_path, 'as = "json"').as_ == "json"


@pytest.mark.parametrize(
    "file",
    [
        "since = true",
        "since = [1]",
        "since = {a = 1}",
        "dry_run = 1",
        'dry_run = "true"',
        "dry_run = []",
        "account = {a = 1}",
        "account = [true]",
        "account = true",
        "account = [[1]]",
        "param = [{a = 1}]",
    ],
)
def test_a_value_of_another_type_is_refused(file: str, tmp_path: Path) -> None:
    """A text, a list of texts, or true and false: each setting takes its own."""
    with pytest.raises(BadSetting) as caught:
        _load(tmp_path, file)
    assert FILE_NAME in str(caught.value)
    assert file.split(" =")[0] in str(caught.value)


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("max_cost = 0.5", "max_cost", "0.5"),
        ("max_cost = 5", "max_cost", "5"),
        ("account = 123456789012", "account", ("123456789012",)),
        ("account = [123456789012]", "account", ("123456789012",)),
        ('account = "000000000001"', "account", ("000000000001",)),
    ],
)
def test_a_number_may_stand_without_quotes(
    file: str, name: str, value: object, tmp_path: Path
) -> None:
    """TOML has numbers, and people write amounts and accounts as such."""
    assert getattr(_load(tmp_path, file), name) == value


@pytest.mark.parametrize("text", ["yes", "on", "2", "maybe", " true"])
def test_a_switch_in_the_environment_is_true_or_false(text: str, tmp_path: Path) -> None:
    """Anything else could be meant either way, so it is refused by the variable's name."""
    with pytest.raises(BadSetting, match="ATHENA_FLOW_DRY_RUN"):
        _load(tmp_path, None, {}, {"ATHENA_FLOW_DRY_RUN": text})


@pytest.mark.parametrize("name", PATHS)
def test_a_relative_path_starts_where_its_file_lies(name: str, tmp_path: Path) -> None:
    """A path in the file means the same from every folder below; flags start at the current one."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / FILE_NAME).write_text(f'{name} = "data/x"', "utf-8")
    found = load({}, {}, below)
    assert Path(getattr(found, name)) == tmp_path / "data" / "x"
    assert found.folder == tmp_path
    assert getattr(load({name: "data/y"}, {}, below), name) == "data/y"
    assert getattr(load({}, {_variable(name): "data/z"}, below), name) == "data/z"


@pytest.mark.parametrize("value", ["s3://bucket/x/", "/absolute/x"])
def test_other_locations_stay_as_they_are(value: str, tmp_path: Path) -> None:
    """A URI and an absolute path mean the same everywhere."""
    assert _load(tmp_path, f'location = "{value}"').location == value


def test_the_nearest_file_upwards_is_read(tmp_path: Path) -> None:
    """The file of a folder hides that of the folders above it."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / FILE_NAME).write_text('since = "1d"\nuntil = "today"', "utf-8")
    assert load({}, {}, below).since == "1d"
    (tmp_path / "a" / FILE_NAME).write_text('since = "2d"', "utf-8")
    assert (load({}, {}, below).since, load({}, {}, below).until) == ("2d", None)


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_a_named_file_replaces_the_nearest(how: str, tmp_path: Path) -> None:
    """--config, as flag or variable, is the only file that is read."""
    other = tmp_path / "conf" / "other.toml"
    other.parent.mkdir()
    other.write_text('since = "3d"\nlogs = "here"', "utf-8")
    flags = {"config": str(other)} if how == "flag" else {}
    environment = {} if how == "flag" else {"ATHENA_FLOW_CONFIG": str(other)}
    found = _load(tmp_path, 'since = "1d"\nuntil = "today"', flags, environment)
    assert (found.since, found.until) == ("3d", None)
    assert Path(found.logs or "") == other.parent / "here"
    assert found.folder == other.parent


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    """A wrong --config is an error and not a silent default."""
    for missing in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(BadSetting, match="no such file"):
            _load(tmp_path, None, {"config": str(missing)})


@pytest.mark.parametrize("content", [b"since = ", b"since = 7d", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_broken_file_is_named(content: bytes, tmp_path: Path) -> None:
    """What is no TOML, or no text, is an error of the settings that names the file."""
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(BadSetting, match=re.escape(str(tmp_path / FILE_NAME))):
        load({}, {}, tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"), [("log_format", "--log-format"), ("as_", "--as"), ("logs", "--logs")]
)
def test_a_flag_is_spelled_with_hyphens(name: str, expected: str) -> None:
    """Flags, variables and keys are one name in three spellings."""
    assert flag(name) == expected
