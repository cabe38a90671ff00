"""Trino by its own client: the engine that Athena is made of, where somebody runs one.

The same statements as Athena's, on a catalog whose metastore is the Glue that athena-flow
writes to: Trino itself, EMR, Starburst. A schema there is a database here.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from trino.auth import BasicAuthentication
from trino.dbapi import Cursor, connect
from trino.exceptions import Error, HttpError, TrinoQueryError

from athena_flow.errors import (
    AccessDenied,
    AthenaFlowError,
    BadSetting,
    EngineError,
    NoCredentials,
    NotFound,
)
from athena_flow.ports import Result, Scan

PORT, TLS_PORT = 8080, 443
"""Where Trino listens, without and with TLS, as its own clients have it."""
CATALOG = "hive"
PASSWORD = "ATHENA_FLOW_TRINO_PASSWORD"
"""The variable that holds the password: no flag and no file does, which others could read."""
ANSWER_SECONDS = 60.0
"""Trino answers within a second, with rows or without: one that is silent for so long is gone."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Trino is, and as whom to ask it."""

    host: str
    port: int
    catalog: str
    user: str
    tls: bool = False
    authority: Path | None = None
    """A file of certificates to trust instead of the usual ones."""
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.password and not self.tls:
            raise BadSetting(
                f"{PASSWORD} is set, and would cross the network in the clear",
                hint="add --trino-tls, or unset the variable",
            )

    @property
    def title(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


def this_user() -> str:
    """As whom Trino's own clients ask when nobody says. Raises BadSetting."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise BadSetting("--trino-user is missing, and this machine knows none") from None


class TrinoEngine:
    """Raises EngineError with the query id; NotFound where no Trino answers; NoCredentials.

    Ctrl-C stops the running query before KeyboardInterrupt goes on, and so does a failure on
    our side: nothing is left running.
    """

    name = "trino"

    def __init__(self, address: Address, database: str) -> None:
        self._address = address
        self._connection = connect(
            host=address.host,
            port=address.port,
            user=address.user,
            catalog=address.catalog,
            schema=database,
            source="athena-flow",
            http_scheme="https" if address.tls else "http",
            auth=BasicAuthentication(address.user, address.password) if address.password else None,
            verify=str(address.authority) if address.authority else True,
            timezone="UTC",  # Athena's; the client would take this machine's
            request_timeout=ANSWER_SECONDS,
        )

    def run(self, sql: str, scans: Sequence[Scan]) -> Result:
        cursor = self._connection.cursor()
        with closing(self._connection), _stopping(cursor), self._told(cursor):
            cursor.execute(sql)
            rows = [tuple(row) for row in cursor.fetchall()]
        return Result(
            columns=tuple((column.name, _type(column.type_code)) for column in cursor.description),
            rows=rows,
            scanned_bytes=cursor.stats["physicalInputBytes"],
            query_id=cursor.query_id,
            notes=tuple(f"trino: {_line(warning['message'])}" for warning in cursor.warnings),
        )

    @contextmanager
    def _told(self, cursor: Cursor) -> Iterator[None]:
        """The client's errors as ours."""
        try:
            yield
        except TrinoQueryError as error:
            raise self._refused(error) from error
        except (Error, HttpError, requests.RequestException, ValueError, OverflowError) as error:
            raise self._failed(error, cursor.query_id) from error

    def _refused(self, error: TrinoQueryError) -> AthenaFlowError:
        """What Trino said of the statement, or of its run."""
        hint = None
        if error.error_name in ("CATALOG_NOT_FOUND", "SCHEMA_NOT_FOUND", "TABLE_NOT_FOUND"):
            hint = (
                f"--trino-catalog {self._address.catalog} has to be a Hive catalog over the Glue"
                " that --aws-region names"
            )
        said = f"trino: query {error.query_id}: {error.error_name}: {_line(error.message)}"
        return EngineError(said, hint=hint, query_id=error.query_id)

    def _failed(self, error: Exception, query_id: str | None) -> AthenaFlowError:
        """Everything else that can go wrong between here and Trino."""
        said = _line(_cause(error))
        title = self._address.title
        if query_id and isinstance(error, ValueError | OverflowError):
            message = f"trino: query {query_id}: a value of the answer cannot be read: {said}"
            return EngineError(message, query_id=query_id)
        if query_id:
            message = f"trino: query {query_id}: {said}"
            return EngineError(message, hint=f"is {title} still there?", query_id=query_id)
        status = re.match(r"error (\d+)", said)
        match status and status[1]:
            case "401":
                return NoCredentials(
                    f"{title} does not know user {self._address.user!r} by this password",
                    hint=f"set --trino-user and the variable {PASSWORD}",
                )
            case "403":
                return AccessDenied(f"{title} does not let user {self._address.user!r} in: {said}")
        return NotFound(
            f"no Trino answers at {title}: {said}",
            hint="check --trino-host, --trino-port and --trino-tls",
        )


@contextmanager
def _stopping(cursor: Cursor) -> Iterator[None]:
    """Stops a query that is left before its end."""
    try:
        yield
    except KeyboardInterrupt:
        if not cursor.query_id:
            raise
        raise KeyboardInterrupt(f"query {cursor.query_id} {_stop(cursor)}") from None
    except AthenaFlowError:
        _stop(cursor)
        raise


def _stop(cursor: Cursor) -> str:
    """What became of the query."""
    try:
        cursor.cancel()
    except (Error, HttpError, requests.RequestException) as error:
        return f"may still run, for it could not be stopped: {_line(_cause(error))}"
    return "was stopped"


def _cause(error: Exception) -> str:
    """The first error of the chain, without the client's and urllib3's own words around it."""
    first: BaseException = error
    while isinstance(first.__context__, Exception):
        first = first.__context__
    return str(getattr(first, "strerror", None) or first) or type(first).__name__


def _type(text: str) -> str:
    """``varchar(3)`` -> ``varchar``, ``array(row(a bigint))`` -> ``array``: Athena's names."""
    return re.sub(r"\(.*\)", "", text)


def _line(text: Any) -> str:  # a message of whatever Trino's answer holds
    return " ".join(str(text).split())
