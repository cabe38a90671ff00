"""A local AWS whose Athena really answers: the test bench of every test that needs AWS.

moto's server keeps S3, Glue, STS and EC2. In front of it a WSGI wrapper records each call, answers
with errors that a test asked for, holds Glue to its limits and pages, describes flow logs as a test
says them, and does Athena's queries: DDL into moto's Glue (hive_ddl), SELECT with DuckDB over
moto's S3 (athena_select). It knows nothing of the project's code, so that it can judge what the
project writes.

    with serve() as aws:
        os.environ["AWS_ENDPOINT_URL"] = aws.endpoint
        aws.faults.add("AWSGlue.BatchCreatePartition", "ThrottlingException", times=2)
        ...
        assert len(aws.calls("AmazonAthena.StartQueryExecution")) == 1

Operations are named after their x-amz-target ("AmazonAthena.GetQueryResults", "AWSGlue.GetTable"),
else service and operation: "S3.ListObjectsV2", "S3.GetObject", "STS.GetCallerIdentity",
"EC2.DescribeFlowLogs".
"""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import time
import traceback
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from athena_select import Answer

ACCOUNT = "123456789012"  # moto's
QUERY_BYTES = 262_144
EXPRESSION_CHARACTERS = 2_048
PAGE = 1_000
GLUE_LIMITS = {
    "BatchCreatePartition": ("PartitionInputList", 100),
    "BatchUpdatePartition": ("Entries", 100),
    "BatchDeletePartition": ("PartitionsToDelete", 25),
    "BatchGetPartition": ("PartitionsToGet", 1000),
}
S3_BY_QUERY = {"list-type": "ListObjectsV2", "location": "GetBucketLocation"}

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Answering = Callable[[StartResponse], Iterable[bytes]]


class Call(NamedTuple):
    """One request: the operation, and its parameters (S3: Method, Bucket, Key and the query)."""

    operation: str
    detail: dict[str, Any]


class AwsError(Exception):
    """An error in AWS's own terms; each protocol has its own wire format for it."""

    def __init__(self, code: str, message: str, status: int = 400, **more: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.more = code, message, status, more


def _invalid(message: str, kind: str = "INVALID_INPUT") -> AwsError:
    return AwsError("InvalidRequestException", message, AthenaErrorCode=kind)


@dataclass
class Fault:
    operation: str
    error: AwsError
    times: int
    after: int
    where: dict[str, str]
    every: int = 1
    kind: str = "error"
    seconds: float = 0.0
    refuses: Callable[[list[str]], bool] | None = None
    seen: int = 0

    def strikes(self) -> bool:
        """Counts a call that it meets: is this one hit?"""
        if self.after:
            self.after -= 1
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.times -= 1
        return True

    def meets(self, operation: str, detail: dict[str, Any]) -> bool:
        """Only calls of the operation whose parameters begin as ``where`` says, or batches that
        hold what is refused."""
        ours = self.operation in (operation, operation.partition(".")[0] + ".")
        if not ours or self.refuses is None:
            where = self.where.items()
            return ours and all(str(detail.get(k, "")).startswith(start) for k, start in where)
        name, key = _batch(operation)
        return any(self.refuses(entry[key]) for entry in detail[name])


def _batch(operation: str) -> tuple[str, str]:
    """What a batch's list is called, and the values of an entry of it."""
    name = GLUE_LIMITS[operation.rpartition(".")[2]][0]
    return name, "PartitionValueList" if name == "Entries" else "Values"


class Faults:
    """Errors to answer with, in the order they were added; each is used up call by call.

    And what else goes wrong between a client and AWS: see `cut`, `delay`, `refuse` and
    `fail_query`, each of which is counted for itself.
    """

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()
        self._over = threading.Event()

    def add(
        self,
        operation: str,
        code: str,
        status: int = 400,
        message: str = "Rate exceeded",
        *,
        times: int = 1,
        after: int = 0,
        every: int = 1,
        where: dict[str, str] | None = None,
    ) -> None:
        """Let the next `times` calls of the operation fail, once `after` calls went well.

        Only those, with `where`, whose parameters begin so: {"prefix": "AWSLogs/1"}, {"Key": "a"}.
        With `every`, only each third call and the like. The operation "AWSGlue." is all of Glue's.

        Codes as AWS has them: ThrottlingException, AccessDeniedException, ExpiredTokenException
        (400 in JSON services); in S3 AccessDenied 403, SlowDown 503, ExpiredToken 400.
        """
        error = AwsError(code, message, status)
        with self._lock:
            self._waiting.append(Fault(operation, error, times, after, where or {}, every))

    def cut(self, operation: str, *, times: int = 1, after: int = 0) -> None:
        """Let the connection break in mid-answer: the call is done, half of the answer is sent."""
        self._other("cut", operation, times, after)

    def delay(self, operation: str, seconds: float, *, times: int = 1, after: int = 0) -> None:
        """Let the calls wait before anything is done, or until `let_go`."""
        self._other("delay", operation, times, after, seconds=seconds)

    def refuse(
        self,
        operation: str,
        refuses: Callable[[list[str]], bool],
        code: str = "InternalServiceException",
        message: str = "try again",
        *,
        times: int = 1,
    ) -> None:
        """Let entries of a batch fail inside an answer that is a success, by their values.

        Only batches that hold such an entry count.
        """
        error = AwsError(code, message)
        self._other("refuse", operation, times, 0, error=error, refuses=refuses)

    def fail_query(self, reason: str, *, times: int = 1, after: int = 0) -> None:
        """Let Athena take a statement, and the query end as FAILED with this reason."""
        error = AwsError("FAILED", reason)
        self._other("fail", "AmazonAthena.StartQueryExecution", times, after, error=error)

    def _other(
        self,
        kind: str,
        operation: str,
        times: int,
        after: int,
        *,
        error: AwsError | None = None,
        seconds: float = 0.0,
        refuses: Callable[[list[str]], bool] | None = None,
    ) -> None:
        fault = Fault(operation, error or AwsError(kind, kind), times, after, {}, kind=kind)
        fault.seconds, fault.refuses = seconds, refuses
        with self._lock:
            self._waiting.append(fault)

    def take(self, operation: str, detail: dict[str, Any], kind: str = "error") -> Fault | None:
        with self._lock:
            for fault in self._waiting:
                if fault.kind == kind and fault.times and fault.meets(operation, detail):
                    return fault if fault.strikes() else None
        return None

    def pause(self, operation: str, detail: dict[str, Any]) -> Callable[[], bool]:
        """Waits, once it is called, as long as a delay says."""
        over, fault = self._over, self.take(operation, detail, "delay")
        return partial(over.wait, fault.seconds if fault else 0.0)

    @property
    def left(self) -> int:
        """How many failures have not been met yet."""
        return sum(f.times for f in self._waiting)

    def let_go(self) -> None:
        """Ends every wait."""
        with self._lock:
            self._over.set()
            self._over = threading.Event()

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()
        self.let_go()


# ---------------------------------------------------------------- requests and answers


@dataclass
class Request:
    service: str  # athena, glue, s3, sts...
    region: str
    operation: str
    detail: dict[str, Any]

    @property
    def name(self) -> str:
        """The operation without its service."""
        return self.operation.rpartition(".")[2]


def _body(environ: Environ) -> bytes:
    """The body, put back so that moto can read it too."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def read_request(environ: Environ) -> Request:
    scope = re.search(
        r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", "")
    )
    region, service = (scope[1], scope[2]) if scope else ("us-east-1", "s3")
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return Request(service, region, target, json.loads(_body(environ) or b"{}"))
    if service == "s3":
        return Request(service, region, *_s3(environ))
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = {k: v[0] for k, v in parse_qs(_body(environ).decode()).items()}
        return Request(service, region, f"{service.upper()}.{form.get('Action', '')}", form)
    path = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    return Request(service, region, f"{service}.{path}", {})


def _s3(environ: Environ) -> tuple[str, dict[str, Any]]:
    method = environ["REQUEST_METHOD"]
    bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    query = {k: v[0] for k, v in parse_qs(environ["QUERY_STRING"], True).items()}
    verb = method.capitalize()
    by_query = next((name for mark, name in S3_BY_QUERY.items() if mark in query), None)
    if key:
        name = f"{verb}Object"
    elif not bucket:
        name = "ListBuckets"
    elif method == "GET" and by_query:
        name = by_query
    elif method == "GET":
        name = "ListObjects"
    elif method == "POST" and "delete" in query:
        name = "DeleteObjects"
    else:
        name = {"PUT": "CreateBucket"}.get(method, f"{verb}Bucket")
    return f"S3.{name}", {"Method": method, "Bucket": bucket, "Key": key, **query}


def _send(start_response: StartResponse, status: int, kind: str, body: bytes) -> list[bytes]:
    start_response(
        f"{status} {'OK' if status < 400 else 'ERROR'}",
        [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("x-amzn-RequestId", str(uuid.uuid4())),
        ],
    )
    return [body]


def _broken_off(answer: Answering, start_response: StartResponse) -> list[bytes]:
    """The headers of an answer, the first half of it, and no more."""
    status, headers, body = _whole(answer)
    headers = [(k, v) for k, v in headers if k.lower() != "content-length"]
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body[: len(body) // 2]]


def _whole(answer: Answering) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body of an answer that is given as WSGI does."""
    begun: list[Any] = []
    body = b"".join(answer(lambda status, headers, *_: begun.append((status, headers))))
    ((status, headers),) = begun
    return status, headers, body


def _send_json(start_response: StartResponse, answer: dict[str, Any]) -> list[bytes]:
    body = json.dumps(answer).encode()
    return _send(start_response, 200, "application/x-amz-json-1.1", body)


def _send_error(request: Request, error: AwsError, start_response: StartResponse) -> list[bytes]:
    if request.detail.get("Method") == "HEAD":
        return _send(start_response, error.status, "application/xml", b"")
    inside = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if request.service == "s3":
        text = f"<Error>{inside}<RequestId>BENCH</RequestId></Error>"
    elif request.service == "ec2":
        text = f"<Response><Errors><Error>{inside}</Error></Errors></Response>"
    elif request.operation.startswith(request.service.upper() + "."):
        text = f"<ErrorResponse><Error><Type>Sender</Type>{inside}</Error></ErrorResponse>"
    else:
        answer = {"__type": error.code, "Message": error.message, **error.more}
        body = json.dumps({**answer, "message": error.message}).encode()
        return _send(start_response, error.status, "application/x-amz-json-1.1", body)
    body = b'<?xml version="1.0" encoding="UTF-8"?>' + text.encode()
    return _send(start_response, error.status, "application/xml", body)


# ---------------------------------------------------------------- Athena


@dataclass
class Execution:
    id: str
    query: str
    kind: str  # DDL, DML or UTILITY
    workgroup: str
    region: str
    output: str
    database: str | None
    parameters: list[str]
    request: dict[str, Any]
    cutoff: int | None
    state: str = "RUNNING"
    reason: str | None = None
    started: float = field(default_factory=time.time)
    ended: float | None = None
    answer: Answer | None = None
    scanned: int = 0

    def end(self, state: str, reason: str | None = None) -> None:
        self.state, self.reason, self.ended = state, reason, time.time()

    def describe(self) -> dict[str, Any]:
        """GetQueryExecution's answer; as in AWS, times are there only once the query ended."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.started}
        statistics: dict[str, Any] = {}
        if self.ended is not None:
            took = max(1, round((self.ended - self.started) * 1000))
            status["CompletionDateTime"] = self.ended
            statistics = {
                "EngineExecutionTimeInMillis": took,
                "DataScannedInBytes": self.scanned,
                "TotalExecutionTimeInMillis": took,
                "QueryQueueTimeInMillis": 0,
                "ServiceProcessingTimeInMillis": 0,
            }
        if self.reason is not None:
            status["StateChangeReason"] = self.reason
        if self.state == "FAILED":
            status["AthenaError"] = {
                "ErrorCategory": 2,
                "ErrorType": 1006,
                "Retryable": False,
                "ErrorMessage": self.reason,
            }
        return {
            "QueryExecutionId": self.id,
            "Query": self.query,
            "StatementType": self.kind,
            "ResultConfiguration": {"OutputLocation": self.output},
            "QueryExecutionContext": self.request.get("QueryExecutionContext", {}),
            "Status": status,
            "Statistics": statistics,
            "WorkGroup": self.workgroup,
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
        }


def statement_kind(text: str) -> tuple[str, str]:
    """The statement type and the statement without the comments before it."""
    bare = re.sub(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", "", text, flags=re.DOTALL)
    word = re.match(r"\w*", bare)
    first = word[0].upper() if word else ""
    if re.match(r"create\s+table\b[^;]*?\bas\s*\(?\s*(select|with)\b", bare, re.IGNORECASE):
        return "DML", bare
    if first in ("CREATE", "ALTER", "DROP", "MSCK"):
        return "DDL", bare
    return ("UTILITY" if first in ("SHOW", "DESCRIBE", "EXPLAIN") else "DML"), bare


def result_csv(columns: list[tuple[str, str]], rows: list[list[str | None]]) -> bytes:
    """Athena's CSV: everything in quotes but NULL, which is nothing at all."""

    def line(cells: Iterable[str | None]) -> str:
        shown = ("" if c is None else '"' + c.replace('"', '""') + '"' for c in cells)
        return ",".join(shown) + "\n"

    return "".join([line(name for name, _ in columns), *map(line, rows)]).encode()


class Athena:
    """Athena's operations on queries and saved queries; workgroups stay moto's."""

    def __init__(self, server: AthenaServer) -> None:
        self.server = server
        self.lock = threading.RLock()  # moto's stores know no threads
        self.executions: dict[str, Execution] = {}
        self.tokens: dict[str, str] = {}

    def answer(self, request: Request) -> dict[str, Any] | None:
        """What the operation answers; None when it is moto's."""
        handler = {
            "StartQueryExecution": self.start,
            "GetQueryExecution": self.get,
            "BatchGetQueryExecution": self.batch_get,
            "ListQueryExecutions": self.list,
            "StopQueryExecution": self.stop,
            "GetQueryResults": self.results,
            "GetWorkGroup": self.check_workgroup,
            "CreateWorkGroup": self.check_new_workgroup,
            "UpdateWorkGroup": self.update_workgroup,
            "GetPreparedStatement": self.prepared,
            "GetNamedQuery": self.named,
            "UpdateNamedQuery": self.update_named,
            "DeleteNamedQuery": self.delete_named,
            "BatchGetNamedQuery": self.batch_named,
        }.get(request.name)
        if handler is None:
            return None
        with self.lock:
            return handler(request)

    @staticmethod
    def _backend(region: str) -> Any:
        from moto.athena.models import athena_backends

        return athena_backends[ACCOUNT][region]

    def _workgroup(self, request: Request) -> tuple[str, dict[str, Any]]:
        name = request.detail.get("WorkGroup") or "primary"
        group = self._backend(request.region).work_groups.get(name)
        if group is None:
            raise _invalid(f"WorkGroup {name} is not found.")
        return name, group.configuration

    def check_workgroup(self, request: Request) -> None:
        self._workgroup(request)

    def check_new_workgroup(self, request: Request) -> None:
        if request.detail["Name"] in self._backend(request.region).work_groups:
            raise _invalid("WorkGroup is already created")
        _check_cutoff(request.detail.get("Configuration") or {})

    def update_workgroup(self, request: Request) -> dict[str, Any]:
        """Moto lacks it. What is not named stays; ResultConfigurationUpdates go in one by one."""
        _, settings = self._workgroup(request)
        news = dict(request.detail.get("ConfigurationUpdates") or {})
        _check_cutoff(news)
        results = news.pop("ResultConfigurationUpdates", {})
        settings["ResultConfiguration"] = {**settings.get("ResultConfiguration", {}), **results}
        if news.pop("RemoveBytesScannedCutoffPerQuery", False):
            settings.pop("BytesScannedCutoffPerQuery", None)
        settings.update(news)
        return {}

    # -- queries

    def start(self, request: Request) -> dict[str, Any]:
        given = request.detail
        group, configuration = self._workgroup(request)
        text = given.get("QueryString", "")
        if not text.strip():
            raise _invalid("Query string is empty")
        if len(text.encode()) > QUERY_BYTES:
            raise _invalid(f"Query string exceeds the limit of {QUERY_BYTES} bytes")
        token = given.get("ClientRequestToken")
        if token in self.tokens:
            return {"QueryExecutionId": self._same(self.tokens[token], given)}
        kind, bare = statement_kind(text)
        if kind == "DDL" and given.get("ExecutionParameters"):
            raise _invalid("ExecutionParameters are not allowed with DDL")
        number = str(uuid.uuid4())
        suffix = "csv" if kind == "DML" else "txt"
        execution = Execution(
            number,
            text,
            kind,
            group,
            request.region,
            f"{self._output(given, configuration, request.region)}{number}.{suffix}",
            (given.get("QueryExecutionContext") or {}).get("Database"),
            given.get("ExecutionParameters") or [],
            given,
            configuration.get("BytesScannedCutoffPerQuery"),
        )
        fault = self.server.faults.take(request.operation, given, "fail")
        if fault:
            execution.end("FAILED", fault.error.message)
        elif not (self.server.hold and kind == "DML"):
            self._run(execution)
        self.executions[number] = execution
        if token:
            self.tokens[token] = number
        return {"QueryExecutionId": number}

    def _same(self, number: str, given: dict[str, Any]) -> str:
        """A retried call is the same query; a token used for another one is an error."""
        if self.executions[number].request != given:
            raise _invalid("Idempotent parameters do not match")
        return number

    @staticmethod
    def _output(given: dict[str, Any], configuration: dict[str, Any], region: str) -> str:
        from moto.s3.models import s3_backends

        own = (given.get("ResultConfiguration") or {}).get("OutputLocation")
        group = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
        enforced = configuration.get("EnforceWorkGroupConfiguration") and group
        output = group if enforced else own or group
        if not output:
            raise _invalid(
                "No output location provided. An output location is required either through the "
                "Workgroup result configuration setting or as an API input."
            )
        match = re.fullmatch(r"s3://([^/]+)(/.*)?", output)
        if not match or match[1] not in s3_backends[ACCOUNT]["aws"].buckets:
            raise _invalid(f"Unable to verify/create output bucket {output}")
        return output.rstrip("/") + "/"

    def _run(self, execution: Execution) -> None:
        """To the end: SUCCEEDED, FAILED, or CANCELLED by the workgroup's limit."""
        from athena_select import CutoffError, QueryError
        from hive_ddl import HiveError, ManyStatementsError

        try:
            answer = self._execute(execution)
        except ManyStatementsError:
            raise _invalid(f"Only one sql statement is allowed. Got: {execution.query}") from None
        except (QueryError, HiveError) as error:
            execution.end("FAILED", str(error))
        except CutoffError as error:
            execution.scanned = error.scanned
            execution.end("CANCELLED", str(error))
        else:
            execution.answer, execution.scanned = answer, answer.scanned
            self._write(execution, answer)
            execution.end("SUCCEEDED")

    def _execute(self, execution: Execution) -> Answer:
        import athena_select
        import hive_ddl
        from moto.glue.models import glue_backends
        from moto.s3.models import s3_backends

        glue, s3 = glue_backends[ACCOUNT][execution.region], s3_backends[ACCOUNT]["aws"]
        _, bare = statement_kind(execution.query)
        execute = re.fullmatch(r"execute\s+(\w+)(?:\s+using\s+(.*))?", bare, re.I | re.S)
        if execute:
            text = self._prepared(execute[1], execution.workgroup, execution.region)
            using = athena_select.literals(execute[2] or "")
            return athena_select.run(text, glue, s3, execution.database, using, execution.cutoff)
        if execution.kind == "DML" or athena_select.is_explain(bare):
            # comments in front become blanks, so that error positions stay true
            comments = execution.query[: len(execution.query) - len(bare)]
            return athena_select.run(
                re.sub(r"[^\n]", " ", comments) + bare,
                glue,
                s3,
                execution.database,
                execution.parameters,
                execution.cutoff,
            )
        lines = hive_ddl.run(execution.query, glue, execution.database)
        shown = [("partition", "string")] if execution.kind == "UTILITY" else []
        return athena_select.Answer(shown, [[line] for line in lines])

    @staticmethod
    def _write(execution: Execution, answer: Answer) -> None:
        from moto.s3.models import s3_backends

        if execution.kind == "DML":
            data = result_csv(answer.columns, answer.rows)
        else:
            data = "".join(f"{row[0]}\n" for row in answer.rows).encode()
        bucket, _, key = execution.output.removeprefix("s3://").partition("/")
        s3_backends[ACCOUNT]["aws"].put_object(bucket, key, data)

    def _execution(self, number: str) -> Execution:
        execution = self.executions.get(number)
        if execution is None:
            raise _invalid(f"QueryExecution {number} was not found", "INVALID_QUERY_EXECUTION_ID")
        if execution.state == "RUNNING" and not self.server.hold:
            self._run(execution)  # it was held until now
        return execution

    def get(self, request: Request) -> dict[str, Any]:
        execution = self._execution(request.detail["QueryExecutionId"])
        return {"QueryExecution": execution.describe()}

    def batch_get(self, request: Request) -> dict[str, Any]:
        numbers = request.detail["QueryExecutionIds"]
        if len(numbers) > 50:
            raise _invalid("Too many query execution ids")
        known = [n for n in numbers if n in self.executions]
        return {
            "QueryExecutions": [self._execution(n).describe() for n in known],
            "UnprocessedQueryExecutionIds": [
                {"QueryExecutionId": n, "ErrorCode": "INVALID_QUERY_EXECUTION_ID"}
                for n in numbers
                if n not in self.executions
            ],
        }

    def list(self, request: Request) -> dict[str, Any]:
        group, _ = self._workgroup(request)
        newest = [
            e.id
            for e in reversed(self.executions.values())
            if (e.workgroup, e.region) == (group, request.region)
        ]
        page, more = _page(newest, request.detail, 50)
        return {"QueryExecutionIds": page, **more}

    def stop(self, request: Request) -> dict[str, Any]:
        execution = self.executions.get(request.detail["QueryExecutionId"])
        if execution is None:
            raise _invalid("QueryExecution was not found", "INVALID_QUERY_EXECUTION_ID")
        if execution.state == "RUNNING":
            execution.end("CANCELLED", "Query cancelled by user")
        return {}

    def results(self, request: Request) -> dict[str, Any]:
        execution = self._execution(request.detail["QueryExecutionId"])
        if execution.state == "RUNNING":
            raise _invalid("Query has not yet finished. Current state: RUNNING")
        if execution.answer is None:
            raise _invalid(
                f"Query did not finish successfully. Final query state: {execution.state}"
            )
        if request.detail.get("MaxResults", PAGE) > PAGE:
            raise _invalid("MaxResults is more than maximum allowed length 1000")
        columns, rows = execution.answer.columns, execution.answer.rows
        header = [[name for name, _ in columns]] if execution.kind == "DML" else []
        page, more = _page([*header, *rows], request.detail, PAGE)
        return {
            "UpdateCount": 0,
            "ResultSet": {
                "Rows": [{"Data": [_datum(cell) for cell in row]} for row in page],
                "ResultSetMetadata": {"ColumnInfo": [_column_info(*c) for c in columns]},
            },
            **more,
        }

    # -- prepared statements: moto keeps them, and breaks over one that is not there

    def prepared(self, request: Request) -> dict[str, Any]:
        name, group = request.detail["StatementName"], self._workgroup(request)[0]
        text = self._prepared(name, group, request.region)
        return {
            "PreparedStatement": {
                "StatementName": name,
                "QueryStatement": text,
                "WorkGroupName": group,
            }
        }

    def _prepared(self, name: str, group: str, region: str) -> str:
        found = self._backend(region).prepared_statements.get(name)
        if found is None or found.workgroup != group:
            raise AwsError("ResourceNotFoundException", f"PreparedStatement {name} was not found")
        return str(found.query_statement)

    # -- saved queries: moto creates and lists them, and lacks the rest

    def _named(self, request: Request) -> Any:
        number = request.detail["NamedQueryId"]
        found = self._backend(request.region).named_queries.get(number)
        if found is None:
            raise _invalid(f"NamedQuery {number} was not found")
        return found

    def named(self, request: Request) -> dict[str, Any]:
        return {"NamedQuery": _named_query(self._named(request))}

    def update_named(self, request: Request) -> dict[str, Any]:
        found, given = self._named(request), request.detail
        found.name, found.query_string = given["Name"], given["QueryString"]
        found.description = given.get("Description", found.description)
        return {}

    def delete_named(self, request: Request) -> dict[str, Any]:
        del self._backend(request.region).named_queries[self._named(request).id]
        return {}

    def batch_named(self, request: Request) -> dict[str, Any]:
        numbers = request.detail["NamedQueryIds"]
        if len(numbers) > 50:
            raise _invalid("Too many named query ids")
        all_of_them = self._backend(request.region).named_queries
        return {
            "NamedQueries": [_named_query(all_of_them[n]) for n in numbers if n in all_of_them],
            "UnprocessedNamedQueryIds": [
                {"NamedQueryId": n, "ErrorCode": "INVALID_INPUT"}
                for n in numbers
                if n not in all_of_them
            ],
        }


def _check_cutoff(settings: dict[str, Any]) -> None:
    if settings.get("BytesScannedCutoffPerQuery", 10_000_000) < 10_000_000:
        raise _invalid("BytesScannedCutoffPerQuery has to be 10000000 at the least")


def _page(items: list[Any], given: dict[str, Any], most: int) -> tuple[list[Any], dict[str, str]]:
    """The page that NextToken and MaxResults ask for, and the token of the one after it."""
    token = str(given.get("NextToken") or 0)
    if not token.isdecimal():
        raise _invalid("Invalid NextToken")
    start = int(token)
    end = start + min(given.get("MaxResults") or most, most)
    return items[start:end], ({"NextToken": str(end)} if end < len(items) else {})


def _datum(cell: str | None) -> dict[str, str]:
    return {} if cell is None else {"VarCharValue": cell}


def _column_info(name: str, kind: str) -> dict[str, Any]:
    precision = {"varchar": 2147483647, "bigint": 19, "integer": 10, "double": 17}
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": kind,
        "Precision": precision.get(kind, 0),
        "Scale": 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind == "varchar",
    }


def _named_query(found: Any) -> dict[str, Any]:
    return {
        "Name": found.name,
        "Description": found.description or "",
        "Database": found.database,
        "QueryString": found.query_string,
        "NamedQueryId": found.id,
        "WorkGroup": found.workgroup.name,
    }


# ---------------------------------------------------------------- Glue's limits


def glue_answer(request: Request) -> dict[str, Any] | None:
    """What moto forgets: the limits of batches, the count of values, the pages of partitions."""
    given = request.detail
    if request.name in GLUE_LIMITS:
        name, most = GLUE_LIMITS[request.name]
        if len(given.get(name, [])) > most:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {most}",
            )
    table = _glue_table(request)
    if table is None:
        return None
    if request.name == "BatchCreatePartition":
        keys = table.as_dict().get("PartitionKeys", [])
        if any(len(p["Values"]) != len(keys) for p in given["PartitionInputList"]):
            raise AwsError(
                "InvalidInputException",
                "The number of partition keys do not match the number of partition values",
            )
    if request.name == "GetPartitions":
        return _glue_partitions(table, given)
    return None


def _glue_table(request: Request) -> Any:
    from moto.glue.models import glue_backends

    database = glue_backends[ACCOUNT][request.region].databases.get(
        request.detail.get("DatabaseName")
    )
    return database.tables.get(request.detail.get("TableName")) if database else None


def _glue_partitions(table: Any, given: dict[str, Any]) -> dict[str, Any]:
    """A page of at most 1,000 partitions, of one segment when the caller reads in segments.

    A token says after which values the page starts, so that a partition that is deleted while
    somebody reads shifts nothing; segments are told apart by a hash of the values.
    """
    expression = given.get("Expression") or ""
    if len(expression) > EXPRESSION_CHARACTERS:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'expression' failed to satisfy constraint: "
            f"Member must have length less than or equal to {EXPRESSION_CHARACTERS}",
        )
    segment = given.get("Segment") or {"SegmentNumber": 0, "TotalSegments": 1}
    number, total = segment["SegmentNumber"], segment["TotalSegments"]
    if not 1 <= total <= 10 or not 0 <= number < total:
        raise AwsError("InvalidInputException", f"Segment {number} of {total} is none")
    after = json.loads(given.get("NextToken") or "[]")
    here = [p for p in _matching(table, expression) if _hash(p) % total == number]
    found = sorted((p for p in here if p.values > after), key=lambda p: p.values)
    most = min(given.get("MaxResults") or PAGE, PAGE)
    shown = []
    for partition in found[:most]:
        about = partition.as_dict()
        about["CreationTime"] = about["CreationTime"].timestamp()
        if given.get("ExcludeColumnSchema") and "StorageDescriptor" in about:
            about["StorageDescriptor"] = {**about["StorageDescriptor"], "Columns": []}
        shown.append(about)
    more = {"NextToken": json.dumps(found[most - 1].values)} if len(found) > most else {}
    return {"Partitions": shown, **more}


def _matching(table: Any, expression: str) -> list[Any]:
    from moto.glue.exceptions import InvalidInputException
    from moto.glue.utils import PartitionFilter

    matches = PartitionFilter(expression, table)
    try:
        return [partition for partition in list(table.partitions.values()) if matches(partition)]
    except InvalidInputException as error:
        raise AwsError("InvalidInputException", str(error)) from None


def _hash(partition: Any) -> int:
    return zlib.crc32("\0".join(partition.values).encode())


def _refused(request: Request, environ: Environ, fault: Fault) -> list[dict[str, Any]]:
    """Takes the entries of a batch that fail out of the request; what the answer says of them."""
    given = json.loads(_body(environ))
    name, key = _batch(request.operation)
    said = "PartitionValueList" if name == "Entries" else "PartitionValues"
    assert fault.refuses
    bad = [entry[key] for entry in given[name] if fault.refuses(entry[key])]
    given[name] = [entry for entry in given[name] if entry[key] not in bad]
    body = json.dumps(given).encode()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    detail = {"ErrorCode": fault.error.code, "ErrorMessage": fault.error.message}
    return [{said: values, "ErrorDetail": detail} for values in bad]


# ---------------------------------------------------------------- EC2's flow logs


def flow_logs_answer(described: list[dict[str, Any]], given: dict[str, Any], most: int) -> bytes:
    """A page of DescribeFlowLogs. Entries are as boto3 gives them, times and switches as text."""
    names = {n: name for n in range(1, 10) if (name := given.get(f"Filter.{n}.Name"))}
    for n, name in names.items():
        if name != "log-destination-type":
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        wanted = {value for key, value in given.items() if key.startswith(f"Filter.{n}.Value.")}
        described = [d for d in described if d.get("LogDestinationType") in wanted]
    page, more = _page(described, {"NextToken": given.get("NextToken")}, most)
    items = "".join(f"<item>{_xml(entry)}</item>" for entry in page)
    token = f"<nextToken>{more['NextToken']}</nextToken>" if more else ""
    return (
        '<DescribeFlowLogsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>BENCH</requestId><flowLogSet>{items}</flowLogSet>{token}"
        "</DescribeFlowLogsResponse>"
    ).encode()


def _xml(entry: dict[str, Any]) -> str:
    """Members as elements, their first letter small."""
    shown = (
        (name[0].lower() + name[1:], _xml(value) if isinstance(value, dict) else escape(str(value)))
        for name, value in entry.items()
    )
    return "".join(f"<{name}>{text}</{name}>" for name, text in shown)


# ---------------------------------------------------------------- the server


class AthenaServer:
    """The running bench; see the module's docstring. Made by serve()."""

    def __init__(self, endpoint: str, moto_app: Callable[..., Any]) -> None:
        self.endpoint = endpoint
        self.hold = False  # True: SELECTs stay RUNNING until stopped, or until this is False
        self.flow_logs: list[dict[str, Any]] | None = None  # DescribeFlowLogs; None: moto's own
        self.flow_logs_page = PAGE
        self.log: list[Call] = []
        self.faults = Faults()
        self._moto_app = moto_app
        self._athena = Athena(self)

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """The parameters of each call of the operation so far, failed ones too."""
        return [call.detail for call in list(self.log) if call.operation == operation]

    @property
    def statements(self) -> list[str]:
        """The texts given to StartQueryExecution, in order."""
        return [d["QueryString"] for d in self.calls("AmazonAthena.StartQueryExecution")]

    def reset(self) -> None:
        """Empty everything: moto's accounts, queries, log, faults, hold."""
        from moto.moto_api._internal.models import moto_api_backend

        with self._athena.lock:
            moto_api_backend.reset()
            self._athena = Athena(self)
            self.faults.clear()
            self.log.clear()
            self.hold = False
            self.flow_logs, self.flow_logs_page = None, PAGE

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        request = read_request(environ)
        called = (request.operation, request.detail)
        pause = self.faults.pause(*called)  # taken before the log shows the call
        self.log.append(Call(*called))
        pause()
        answer = partial(self._respond, request, environ)
        if self.faults.take(*called, "cut"):
            return _broken_off(answer, start_response)
        return answer(start_response)

    def _respond(
        self, request: Request, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            fault = self.faults.take(request.operation, request.detail)
            if fault is not None:
                _body(environ)  # unread, it would be taken for the connection's next request
                raise fault.error
            if request.operation == "EC2.DescribeFlowLogs" and self.flow_logs is not None:
                body = flow_logs_answer(self.flow_logs, request.detail, self.flow_logs_page)
                return _send(start_response, 200, "text/xml", body)
            answer = self._answer(request)
        except AwsError as error:
            return _send_error(request, error, start_response)
        except Exception:  # noqa: BLE001 - the bench's own error: let the test see where it is
            broken = AwsError("InternalServerException", traceback.format_exc(), 500)
            return _send_error(request, broken, start_response)
        if answer is not None:
            return _send_json(start_response, answer)
        refusal = self.faults.take(request.operation, request.detail, "refuse")
        errors = _refused(request, environ, refusal) if refusal else []
        passed = partial(self._moto_app, environ)
        if not errors:
            return passed(start_response)
        status, headers, body = _whole(passed)
        if not status.startswith("200"):
            start_response(status, headers)
            return [body]
        others = json.loads(body or b"{}").get("Errors", [])
        return _send_json(start_response, {"Errors": others + errors})

    def _answer(self, request: Request) -> dict[str, Any] | None:
        if request.operation.startswith("AmazonAthena."):
            return self._athena.answer(request)
        return glue_answer(request) if request.operation.startswith("AWSGlue.") else None


@contextmanager
def serve() -> Iterator[AthenaServer]:
    """A bench on a free port of 127.0.0.1, empty; moto's state is the process's: one at a time."""
    from moto.server import ThreadedMotoServer

    logger = logging.getLogger("werkzeug")
    level = logger.level
    logger.setLevel(logging.ERROR)  # not a line on stderr for each request
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        assert moto._server is not None
        bench = AthenaServer(f"http://{host}:{port}", moto._server.app)
        moto._server.app = bench
        bench.reset()
        yield bench
        bench.reset()
    finally:
        moto.stop()
        logger.setLevel(level)
