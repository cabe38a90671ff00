"""The only module that writes to stdout or stderr, and that exits.

stdout carries data only: rows, SQL, plans, estimates. Notes, progress and errors go to
stderr; ``--quiet`` leaves errors alone there.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from athena_flow.errors import BadSetting, NotFound, visible
from athena_flow.settings import Settings

if TYPE_CHECKING:
    from athena_flow.output import Rows
    from athena_flow.ports import Progress


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it leaves the program; the JSON shape is a contract."""

    code: int
    kind: str
    message: str
    hint: str | None = None


def write(text: str) -> None:
    sys.stdout.write(text)


def say(s: Settings, text: str) -> None:
    """A note for people, on stderr; names of files in it are `visible` already."""
    if not s.quiet:
        sys.stderr.write("\n".join(map(visible, text.split("\n"))) + "\n")


def only(s: Settings, *forms: str) -> None:
    """Raises BadSetting for a form of output that a command does not have."""
    if (s.as_ or "table") not in forms:
        raise BadSetting(f"--as {s.as_} has no meaning here", hint=f"one of {', '.join(forms)}")


def confirm(s: Settings, question: str) -> bool:
    """Asks a person on the terminal; ``--yes`` answers. Raises BadSetting when nobody is there."""
    if s.yes:
        return True
    if not _is_somebody_there():
        raise BadSetting(f"{question} nobody is here to say yes", hint="give --yes, or --dry-run")
    with _no_bar():
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def overrides(s: Settings, objections: Sequence[str]) -> bool:
    """Whether to go on in spite of these: ``--yes`` says so, or a person who is asked."""
    if s.yes:
        for objection in objections:
            say(s, f"note: {objection}; run because of --yes")
        return True
    return _is_somebody_there() and confirm(s, f"{'; '.join(objections)}. Run it all the same?")


def _is_somebody_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_lines(s: Settings, lines: Iterator[list[tuple[str, str]]]) -> None:
    """Lines of (text, colour) on a terminal, and as plain text where there is none."""
    if s.output or not sys.stdout.isatty():
        data(s, "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width(), highlight=False)
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)


def data(s: Settings, text: str | Iterable[str]) -> None:
    """The text, or its pieces one after the other: there can be a million lines."""
    if s.output:
        write_file(Path(s.output), text)
    else:
        for piece in [text] if isinstance(text, str) else text:
            write(piece)


def write_file(path: Path, text: str | Iterable[str]) -> None:
    """All of it or nothing: a file that is there stays as it is until the new one is whole."""
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        file.writelines([text] if isinstance(text, str) else text)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which then takes the place of ``path``, links followed, mode kept.

    What is no regular file (a pipe, a device) is written to as it is. Raises NotFound.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        yield path
        return
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        part = Path(name)
        if target.exists():
            shutil.copymode(target, part)
        else:
            part.chmod(0o666 & ~_umask())
        yield part
        part.replace(target)
    except OSError as error:
        raise NotFound(f"cannot write {path}: {error.strerror}") from None
    finally:
        if part:
            part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def print_list(s: Settings, columns: Sequence[tuple[str, str]], rows: Rows) -> None:
    """Rows that are a list of things: as JSON, a list of objects."""
    from athena_flow.output import to_json

    if s.as_ == "json":
        names = [name for name, _ in columns]
        data(s, to_json([dict(zip(names, row, strict=True)) for row in rows]))
    else:
        print_rows(s, columns, rows)


def print_rows(
    s: Settings, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]]
) -> None:
    from athena_flow.output import rows_text

    if s.as_ == "parquet":
        from athena_flow.engines.duckdb import write_parquet

        with replacing(Path(s.output or "")) as part:
            write_parquet(columns, [*rows], part)
        return
    terminal = sys.stdout.isatty() and not s.output
    wide = width() if terminal else None
    text = rows_text([name for name, _ in columns], rows, s.as_ or "table", width=wide)
    data(s, text)


def watched() -> bool:
    """Does a person read standard output?"""
    return sys.stdout.isatty()


def width() -> int:
    """The columns of the terminal."""
    return shutil.get_terminal_size().columns


@contextmanager
def progress(s: Settings) -> Iterator[Progress]:
    """A bar on stderr when that is a terminal; silence when it is not, or with --quiet."""
    from athena_flow.ports import no_progress

    if s.quiet or not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar, _shown(bar):
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show


@contextmanager
def lasting(s: Settings) -> Iterator[Progress]:
    """As `progress` for what takes long: how far it is and when it will be done, in bytes.

    Where stderr is no terminal that is a line now and then.
    """
    from athena_flow.pace import Pace
    from athena_flow.ports import no_progress

    if s.quiet:
        yield no_progress
        return
    pace = Pace(time.monotonic)
    if not sys.stderr.isatty():

        def line(what: str, done: int, total: int | None) -> None:
            text = pace.line(what, done, total)
            if text:
                say(s, text)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[far]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar, _shown(bar):
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total, far="")
            bar.update(tasks[what], completed=done, total=total, far=pace.far(what, done, total))

        yield show


_bars: list[Any] = []
"""The bar that is drawn now, if any."""


@contextmanager
def _shown(bar: Any) -> Iterator[None]:
    _bars.append(bar)
    try:
        yield
    finally:
        _bars.remove(bar)


@contextmanager
def _no_bar() -> Iterator[None]:
    """Takes the bar away while somebody is asked: it would be drawn over the question."""
    for bar in _bars:
        bar.stop()
    try:
        yield
    finally:
        for bar in _bars:
            bar.start()


def fail(s: Settings | None, error: Failure) -> NoReturn:
    """One line for people, or one of JSON for scripts, and the exit code."""
    if s.as_ == "json" if s else _asks_for_json(sys.argv):
        sys.stderr.write(json.dumps({"error": asdict(error)}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"athena-flow: error: {visible(error.message)}\n")
        if error.hint:
            sys.stderr.write(f"hint: {visible(error.hint)}\n")
    sys.exit(error.code)


def _asks_for_json(argv: Sequence[str]) -> bool:
    """When a command fails before its settings are read."""
    return "--as=json" in argv or ("--as", "json") in zip(argv, argv[1:], strict=False)
