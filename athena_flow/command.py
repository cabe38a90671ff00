"""How a function becomes a command: flags from the table in `settings`, errors to one line.

A command is a function of `Settings` and its own arguments; what every command shares (the
common flags, Ctrl-C, a pipe that closed, exit codes) is here and nowhere else.
"""

from __future__ import annotations

import gc
import inspect
import io
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

import athena_flow
from athena_flow import terminal, wire
from athena_flow.completion import complete_param
from athena_flow.errors import INTERRUPTED, AthenaFlowError, BadSetting, CannotWrite, NotFound
from athena_flow.settings import ROWS, Settings, flag, load
from athena_flow.terminal import Failure

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""click's UsageError, as this typer has it: new ones carry a click of their own."""

app = typer.Typer(
    name="athena-flow",
    help="VPC flow logs in Amazon Athena: tables from any format, partitions, saved queries,"
    " and the price before the run. --logs DIR needs no AWS account.",
    epilog="Every flag is also a variable ATHENA_FLOW_<FLAG> and a key of athena-flow.toml.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMON = ("config", "as_", "output", "quiet", "verbose")
TABLE = ("engine", "database", "table", "catalog", *wire.AWS_FLAGS)
SHAPE = ("location", "log_format", "allow_unknown", "layout", "file_type", "partitions")
WINDOW = ("since", "until", "account", "region", "late")
QUERY = (
    *("sql", "param", "queries_dir", "price_per_tb", "provisioned", "logs", "log_format"),
    *("allow_unknown", "store", "no_store", "skip_bad_files"),
)
SIZES = ("sample", "exact", "sizes")
LISTING = ("inventory", "location", "layout", "file_type", "allow_unknown")
"""What an estimate needs that asks no network."""
LIBRARY = (
    *("logs", "log_format", "allow_unknown", "store", "queries_dir", "unlock", "param", "write"),
    *("since", "account", "region", "workgroup", "output_location", "dry_run", "skip_bad_files"),
)
PLANNER = ("explain_plan", "workgroup", "output_location", *wire.TRINO_FLAGS)
BUDGET = (
    *("max_cost", "max_scan", "max_cost_per_day", "max_scan_per_day", "require_window", "yes"),
    *("ledger", "workgroup", "output_location", *wire.TRINO_FLAGS),
)

_GARBAGE = (200_000, 50, 50)
"""Python's thresholds for collecting garbage: a command is short, and by the usual ones a tenth
of its start, and a quarter of reading a long statement, is looking for garbage."""


# ---------------------------------------------------------------- flags from the table


def command(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a typer command whose flags are these settings, and its own arguments."""

    def decorate(job: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(job, eval_str=True).parameters.values())[1:]

        def run(**given: Any) -> None:  # typer gives what the signature says
            arguments = {p.name: given.pop(p.name) for p in own}
            settings = load(given, os.environ, _current())
            _check_common(settings)
            _State.settings = settings
            try:
                job(settings, **arguments)
                sys.stdout.flush()
            except KeyboardInterrupt as stopped:
                told = ": ".join(filter(None, ("athena-flow: interrupted", str(stopped))))
                _count_calls(settings)
                sys.stderr.write(told + "\n")
                sys.stderr.flush()
                os._exit(INTERRUPTED)  # all is unwound; a statement may be slow to hear of it
            except BrokenPipeError:  # whoever reads us has read enough
                _close_stdout()
                raise typer.Exit(0) from None
            except OSError as error:
                _close_stdout()
                raise CannotWrite(f"{error.strerror or error}{_where(error)}") from error
            finally:
                _count_calls(settings)

        parameters = own + [_parameter(name) for name in dict.fromkeys((*names, *COMMON))]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__doc__ = job.__doc__
        app.command(job.__name__.rstrip("_").replace("_", "-"))(run)
        return job

    return decorate


def _count_calls(s: Settings) -> None:
    calls = wire.calls()
    if s.verbose and calls:
        each = ", ".join(f"{name} {count:,}" for name, count in sorted(calls.items()))
        terminal.say(s, f"AWS calls: {sum(calls.values()):,} ({each})")


def _close_stdout() -> None:
    """Nothing more is written there, not even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _where(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ", writing the output"


def _parameter(name: str) -> inspect.Parameter:
    row = ROWS[name]
    spellings = [flag(name), *filter(None, [row.metadata.get("short")])]
    option = typer.Option(
        *spellings,
        help=row.metadata["help"],
        metavar=row.metadata.get("metavar"),
        show_default=False,
        autocompletion=complete_param if name == "param" else None,
    )
    kind: Any = bool if row.default is False else list[str]  # also to hear of what is said twice
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if row.default is False else [],
        annotation=Annotated[kind, option],
    )


def _current() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise NotFound("the current folder is gone", hint="cd to another one") from None


def _check_common(settings: Settings) -> None:
    from athena_flow.output import check_format

    form = check_format(settings.as_ or "table")
    if form == "parquet" and not settings.output:
        raise BadSetting("--as parquet needs -o FILE: it is no text")
    if settings.output:
        _check_target(Path(settings.output))


def _check_target(path: Path) -> None:
    """Raises NotFound for an -o that cannot be written, before anything is done or paid for."""
    target = path.resolve()
    if target.is_dir():
        raise NotFound(f"cannot write {path}: it is a directory")
    places = [target] if target.exists() else []
    if not places or target.is_file():
        places.append(target.parent)
    if not all(os.access(place, os.W_OK) for place in places):
        raise NotFound(f"cannot write {path}: no such directory, or not allowed")


class _State:
    """What the printer of errors has to know, also when a command fails half-way."""

    settings: Settings | None = None


def _version(wanted: bool) -> None:
    if wanted:
        terminal.write(f"athena-flow {athena_flow.__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="the version")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        terminal.write(context.get_help() + "\n")


def _prepare_streams() -> None:
    """What somebody closed is nowhere; what an encoding cannot say is written as an escape."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115  # open to our end
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """The entry point: runs a command, and turns what went wrong into one line and a code."""
    import logging

    gc.set_threshold(*_GARBAGE)
    _prepare_streams()
    for noisy in ("sqlglot", "pyathena"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        code = app(prog_name="athena-flow", standalone_mode=False)
        sys.stdout.flush()
    except AthenaFlowError as error:
        if _State.settings and _State.settings.verbose:
            traceback.print_exc()
        message = " ".join(error.message.split())
        terminal.fail(_State.settings, Failure(error.code, error.kind, message, error.hint))
    except _UsageError as error:
        context: Any = getattr(error, "ctx", None)
        hint = f"{context.command_path} --help" if context else "athena-flow --help"
        terminal.fail(_State.settings, Failure(2, "Usage", " ".join(str(error).split()), hint))
    sys.exit(code if isinstance(code, int) else 0)
