"""Trino by its own client: the engine that Athena is made of, where somebody runs one.

The same statements as Athena's, on a catalog whose metastore is the Glue that athena-flow
writes to: Trino itself, EMR, Starburst. A schema there is a database here.
"""

from __future__ import annotations

import getpass
import re
import ssl
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
from athena_flow.ports import Result, Scan, Started, nobody_hears

PORT, TLS_PORT = 8080, 443
"""Where Trino listens, without and with TLS, as its own clients have it."""
CATALOG = "hive"
PASSWORD = "ATHENA_FLOW_TRINO_PASSWORD"
"""The variable that holds the password: no flag and no file does, which others could read."""
ANSWER_SECONDS = 20.0
"""Trino answers within a second, with rows or without. One that is silent is asked three times, as
the client does, and is gone after a minute."""
STOP_SECONDS = 3.0
"""As long as each of three tries to stop a query waits: somebody pressed Ctrl-C, and waits too."""


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
        if not re.fullmatch(r"[\w.-]+|\[[0-9A-Fa-f:.]+\]", self.host):
            raise BadSetting(
                f"--trino-host {self.host!r} is no name of a host",
                hint="write the name alone, as in trino.example.com; --trino-port and --trino-tls"
                " say the rest",
            )
        if self.password and not self.tls:
            raise BadSetting(
                f"{PASSWORD} is set, and would cross the network in the clear",
                hint="add --trino-tls, or unset the variable",
            )

    @property
    def title(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


def _trusted(authority: Path | None) -> str | bool:
    """Whose certificates to believe, as requests takes it. Raises NotFound."""
    if authority is None:
        return True
    try:
        ssl.create_default_context(cafile=authority)
    except OSError as error:
        why = (
            "it holds no certificate, as PEM" if isinstance(error, ssl.SSLError) else error.strerror
        )
        raise NotFound(f"--trino-ca {authority}: {why}") from None
    return str(authority)


def this_user() -> str:
    """As whom Trino's own clients ask when nobody says. Raises BadSetting."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise BadSetting("--trino-user is missing, and this machine knows none") from None


class _Session(requests.Session):  # type: ignore[misc]  # requests has no types
    """Trusts whom it is told to, whatever REQUESTS_CA_BUNDLE says; requests has it the other way
    round. And waits for no server that will not stop a query."""

    def merge_environment_settings(self, url, proxies, stream, verify, cert):  # type: ignore[no-untyped-def]
        """Overrides requests, which asks the environment before the session."""
        chosen = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, chosen, cert)

    def delete(self, url: str | bytes, **more: Any) -> requests.Response:
        """What the client sends to end a query."""
        return super().delete(url, **{**more, "timeout": STOP_SECONDS})


class TrinoEngine:
    """Raises EngineError with the query id; NotFound where no Trino answers; NoCredentials.

    Ctrl-C stops the running query before KeyboardInterrupt goes on, and so does a failure on
    our side: nothing is left running.
    """

    name = "trino"

    def __init__(self, address: Address, database: str) -> None:
        self._address = address
        session = _Session()
        session.verify = _trusted(address.authority)
        self._connection = connect(
            host=address.host,
            port=address.port,
            user=address.user,
            catalog=address.catalog,
            schema=database,
            source="athena-flow",
            http_scheme="https" if address.tls else "http",
            auth=BasicAuthentication(address.user, address.password) if address.password else None,
            http_session=session,
            timezone="UTC",  # Athena's; the client would take this machine's
            request_timeout=ANSWER_SECONDS,
        )

    def run(self, sql: str, scans: Sequence[Scan], started: Started = nobody_hears) -> Result:
        heard: set[str] = set()

        def hear(stats: dict[str, Any]) -> None:
            if not heard:
                heard.add(stats["queryId"])
                started(stats["queryId"])

        cursor = self._connection.cursor(stats_callback=hear)
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
        first = _first(error)
        if isinstance(first, ssl.SSLCertVerificationError):
            return NotFound(
                f"the certificate of {title} is not to be trusted: {first.verify_message}",
                hint="--trino-ca is the file of who signed it, and --trino-host a host it is for",
            )
        status = re.match(r"error (\d+)", said)
        match status and status[1]:
            case "401":
                wrong = "does not know user {!r} by this password"
                lacking = "wants a password of user {!r}"
                what = (wrong if self._address.password else lacking).format(self._address.user)
                return NoCredentials(
                    f"{title} {what}", hint=f"set --trino-user and the variable {PASSWORD}"
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
    """What the first error of the chain says, without the client's and urllib3's own words."""
    first = _first(error)
    said = str(getattr(first, "strerror", None) or first) or type(first).__name__
    return re.sub(r"^\[SSL[^]]*\] | \(_ssl\.c:\d+\)$", "", said)


def _first(error: BaseException) -> BaseException:
    while isinstance(error.__context__, Exception):
        error = error.__context__
    return error


def _type(text: str) -> str:
    """``varchar(3)`` -> ``varchar``, ``array(row(a bigint))`` -> ``array``: Athena's names."""
    return re.sub(r"\(.*\)", "", text)


def _line(text: Any) -> str:  # a message of whatever Trino's answer holds
    return " ".join(str(text).split())
