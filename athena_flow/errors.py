"""Every error that athena-flow raises, and the exit code each one ends in.

    AthenaFlowError
    ├── EngineError            1   the engine refused or failed (query id shown)
    ├── RequestError           2   the request is wrong; nothing was sent
    │   ├── UnknownField           a name that AWS does not have
    │   ├── BadFormat              a log format that cannot be one
    │   ├── BadWindow              a time that is none, or a window that is empty
    │   ├── BadSetting             a flag, variable or key of athena-flow.toml
    │   ├── UnknownQuery           no saved query of that name
    │   ├── BadQuery               a saved query whose file is wrong
    │   ├── BadParameter           missing, unknown or ill-typed -p
    │   ├── MissingFields          the table lacks fields that the query needs
    │   ├── BadSql                 not one read-only Athena statement
    │   └── TableDiffers           a table of that name exists and is another one
    ├── AccessError            3   the world outside said no
    │   ├── NoCredentials          none found, or expired
    │   ├── AccessDenied           the credentials may not
    │   ├── NotFound               no such table, database, bucket, workgroup, directory
    │   ├── BadFile                a file that cannot be read, named
    │   ├── ForeignTable           a table that athena-flow did not create
    │   ├── CannotWrite            standard output, or a file of ours
    │   └── MissingPackage         an engine's package is not installed
    ├── OverBudget             4   dearer or larger than allowed; nothing was run
    ├── PartlyDone             5   some partitions were not added
    └── Findings               6   `check` or `queries test` found something

One line says what, where and the nearest right thing; ``hint`` is the next step. Errors
of one kind found together are raised together, in one message. The exit code is a
property of the class, so that library users can ask for it and no table can drift.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

NO_FORMAT = "say the format with --log-format, or leave such files out with --skip-bad-files"
SKIP_BAD_FILES = "--skip-bad-files leaves out what cannot be read, and says so with each query"
"""What a log that cannot be read may be answered with."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, by the shells' convention of 128 + SIGINT."""


class AthenaFlowError(Exception):
    """Base of all errors raised on purpose; ``str()`` is one line without a final stop."""

    code = 1
    under_way = False
    """True of one that came between us and a query that Athena may still be running."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def kind(self) -> str:
        """The class's name: the stable ``kind`` of the JSON error."""
        return type(self).__name__


class EngineError(AthenaFlowError):
    """The engine refused or failed; ``query_id`` names the run where the engine has one.

    ``stopped`` is a run that was cancelled in its course, whose ``scanned_bytes`` are paid
    for; what failed is free.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        query_id: str | None = None,
        stopped: bool = False,
        scanned_bytes: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.query_id = query_id
        self.stopped, self.scanned_bytes = stopped, scanned_bytes


class RequestError(AthenaFlowError):
    code = 2


class UnknownField(RequestError):
    pass


class BadFormat(RequestError):
    pass


class BadWindow(RequestError):
    pass


class BadSetting(RequestError):
    pass


class UnknownQuery(RequestError):
    pass


class BadQuery(RequestError):
    """A saved query's file is wrong; ``faults`` are what is wrong in it, one by one."""

    def __init__(
        self, message: str, *, hint: str | None = None, faults: Iterable[str] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.faults = tuple(faults)


class BadParameter(RequestError):
    pass


class MissingFields(RequestError):
    pass


class BadSql(RequestError):
    pass


class TableDiffers(RequestError):
    pass


class AccessError(AthenaFlowError):
    code = 3


class NoCredentials(AccessError):
    pass


class AccessDenied(AccessError):
    pass


class NotFound(AccessError):
    pass


class BadFile(AccessError):
    pass


class ForeignTable(AccessError):
    pass


class CannotWrite(AccessError):
    pass


class MissingPackage(AccessError):
    pass


class OverBudget(AthenaFlowError):
    code = 4


class PartlyDone(AthenaFlowError):
    code = 5


class Findings(AthenaFlowError):
    code = 6


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of ``known`` (not empty) that looks most like ``name``, however little."""
    (best,) = difflib.get_close_matches(name.lower(), sorted(known), n=1, cutoff=0.0)
    return best


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` (did you mean a, b?)`` with the near names, or nothing: to append to a message."""
    close = difflib.get_close_matches(name.lower(), sorted(known), n=3, cutoff=0.6)
    return f" (did you mean {', '.join(close)}?)" if close else ""


def some(names: Collection[str], most: int = 3) -> str:
    """``a, b, c and 5 more``: enough names to find the thing, in one line."""
    shown = ", ".join(map(visible, list(names)[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def files(count: int) -> str:
    """``1 file``, ``12 files``."""
    return f"{count} file{'s' * (count != 1)}"


def visible(text: str) -> str:
    """A text in which nothing starts a line or moves the cursor of a terminal: names may be any."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def note(what: str, names: Collection[str]) -> tuple[str, ...]:
    """What some files are, how many, and the names of a few; nothing where there is none."""
    return (f"{what}: {files(len(names))}: {some(names)}",) if names else ()
