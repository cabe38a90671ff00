"""The house rules that a machine can check: floors, light imports, and the wheel's content."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import athena_flow

ROOT = Path(__file__).parents[1]
HEAVY = ("boto3", "botocore", "pyathena", "duckdb", "sqlglot", "jinja2", "rich", "moto")


def _loaded_after(code: str) -> set[str]:
    probe = f"{code}\nimport sys\nprint(*sys.modules, file=sys.__stdout__)"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["init-table", "--location", "s3://bucket/", "--dry-run"],
        ["fields"],
        ["layouts"],
        ["--version"],
    ],
    ids=lambda words: words[0],
)
def test_light_commands_load_nothing_heavy(words: list[str]) -> None:
    """What needs no engine and no account loads no engine and no SDK."""
    code = f"import sys\nsys.argv = ['athena-flow', *{words!r}]\nfrom athena_flow.cli import main\n"
    run = "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
    loaded = _loaded_after(code + run)
    assert "typer" in loaded
    assert not loaded & set(HEAVY)


def test_the_package_itself_is_light() -> None:
    """`import athena_flow` gives the public names and loads no engine, SDK or command line."""
    assert not _loaded_after("import athena_flow") & {*HEAVY, "typer", "click"}


def test_public_names_exist_and_are_listed() -> None:
    """`__all__` is what the package exports, no more and no less."""
    modules = {path.stem for path in (ROOT / "athena_flow").iterdir()}
    public = {n for n in vars(athena_flow) if not n.startswith("_")} - modules
    assert public | {"__version__"} == set(athena_flow.__all__)


def test_import_floors_hold() -> None:
    """import-linter agrees with the contracts in pyproject.toml."""
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_wheel_holds_queries_and_prices(tmp_path: Path) -> None:
    """An installed package finds its saved queries and its price table."""
    build = "import hatchling.build as b, sys; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"athena_flow/queries/{path.name}" for path in (ROOT / "queries").glob("*.sql")}
    assert shipped
    assert shipped | {"athena_flow/prices.toml", "athena_flow/py.typed"} <= names
