"""Athena by PyAthena: one statement, its rows, what it scanned and its query id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pyathena import connect
from pyathena.error import Error

from athena_flow.awserrors import IAM, aws_failure
from athena_flow.errors import (
    AccessDenied,
    AthenaFlowError,
    BadSetting,
    BadSql,
    EngineError,
    NotFound,
)
from athena_flow.ports import Result, Scan, Started, nobody_hears
from athena_flow.sqltext import STATEMENT_BYTES

POLL_SECONDS = 0.5
PRIMARY = "primary"
"""The workgroup that every account has. Source: Athena User Guide, "Use workgroups"."""


class AthenaEngine:
    """Raises EngineError with the query id, NotFound for a workgroup, and as `aws_failure`.

    Ctrl-C stops the running query before KeyboardInterrupt goes on.
    """

    name = "athena"

    def __init__(
        self,
        session: Any,  # a boto3.Session, whose types are made at run time
        *,
        region: str,
        workgroup: str | None,
        output_location: str | None,
        endpoint: str | None,
        database: str = "default",
    ) -> None:
        try:
            self._connection = connect(
                session=session,
                work_group=workgroup or PRIMARY,
                s3_staging_dir=output_location or "",
                schema_name=database,
                region_name=region,
                endpoint_url=endpoint,
                poll_interval=POLL_SECONDS,
                kill_on_interrupt=False,
            )
        except (BotoCoreError, ClientError, Error) as error:
            raise aws_failure(error, "connecting to Athena") from error

    def run(self, sql: str, scans: Sequence[Scan], started: Started = nobody_hears) -> Result:
        size = len(sql.encode())
        if size > STATEMENT_BYTES:
            raise BadSql(
                f"the statement has {size:,} bytes, and Athena takes {STATEMENT_BYTES:,}",
                hint="give fewer values, or run it in parts",
            )
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql, on_start_query_execution=started)
            rows = cursor.fetchall()
        except KeyboardInterrupt:
            if not cursor.query_id:
                raise
            cursor.cancel()
            raise KeyboardInterrupt(f"query {cursor.query_id} was stopped") from None
        except (BotoCoreError, ClientError, Error) as error:
            raise self._failed(error, cursor.query_id) from error
        return Result(
            columns=tuple((column[0], column[1]) for column in cursor.description or ()),
            rows=rows,
            scanned_bytes=cursor.data_scanned_in_bytes,
            query_id=cursor.query_id,
        )

    def _failed(self, error: Exception, query_id: str | None) -> AthenaFlowError:
        failure = _failure(error, query_id)
        if query_id and isinstance(error.__cause__, ClientError | BotoCoreError):
            failure.under_way = True
        elif query_id and isinstance(failure, EngineError):
            failure.stopped, failure.scanned_bytes = self._stopped(query_id)
        return failure

    def _stopped(self, query_id: str) -> tuple[bool, int | None]:
        """Was the query stopped in its course, and what had it scanned by then?

        A workgroup's cut-off does that, and Athena bills it. Source: Athena User Guide,
        "Configure per-query and per-workgroup data usage controls".
        """
        try:
            answer = self._connection.client.get_query_execution(QueryExecutionId=query_id)
        except (BotoCoreError, ClientError):
            return True, None  # nobody knows: the most that it can have been
        ended = answer["QueryExecution"]
        stopped = ended["Status"]["State"] == "CANCELLED"
        return stopped, ended.get("Statistics", {}).get("DataScannedInBytes") if stopped else None


def _failure(error: Exception, query_id: str | None) -> AthenaFlowError:
    """PyAthena wraps what botocore raised; a query that failed has no such cause."""
    cause = error.__cause__
    said = " ".join(str(error).split())
    if isinstance(cause, ClientError | BotoCoreError):
        failure = aws_failure(cause, "athena")
        if "workgroup" in said.lower() and "not found" in said.lower():
            return NotFound(failure.message, hint="name one with --workgroup")
        if "output bucket" in said.lower():
            return NotFound(failure.message, hint="name another with --output-location")
        if "output location" in said.lower():
            hint = "set --output-location s3://..., or one in the workgroup"
            return BadSetting(failure.message, hint=hint)
        return failure
    where = f"query {query_id}: " if query_id else ""
    if "AccessDeniedException" in said or "is not authorized to perform" in said:
        return AccessDenied(f"athena: {where}{said}", hint=IAM)
    return EngineError(f"athena: {where}{said}", query_id=query_id)
