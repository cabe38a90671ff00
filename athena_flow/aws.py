"""The edge to AWS by boto3: S3Store and GlueCatalog.

Every call goes through one of two small functions that turn what AWS refuses into one of
our errors, so that no refusal is met twice in different words.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from athena_flow.awserrors import aws_failure
from athena_flow.errors import AccessError, AthenaFlowError, BadSetting, EngineError, NotFound
from athena_flow.gluetable import GlueDict, partition_input, spec_from_table, table_input
from athena_flow.layout import Partition
from athena_flow.parallel import WORKERS, batches, threads
from athena_flow.ports import (
    GONE,
    Applied,
    Level,
    ObjectInfo,
    Part,
    Progress,
    Registered,
    is_visible,
    no_progress,
)
from athena_flow.table import TableSpec, check_same
from athena_flow.window import Window

GLUE_BATCH = 100
"""Partitions per BatchCreatePartition. Source: AWS Glue API reference, PartitionInputList."""

GLUE_DELETE_BATCH = 25
"""Partitions per BatchDeletePartition. Source: AWS Glue API reference, PartitionsToDelete."""
GLUE_PAGE = 1_000
"""Partitions per page of GetPartitions. Source: AWS Glue API reference, MaxResults."""
GLUE_SEGMENTS = 5
"""Parts in which a long list of partitions is read side by side; Glue takes up to 10. Source:
AWS Glue API reference, Segment."""
GLUE_WORKERS = 8
"""Batches on their way at the same time: Glue's rate is shared with everybody in the account."""
PAUSES = (0.5, 2.0)
"""Seconds at most before a batch, or what Glue left undone of one, is sent a second and a third
time; boto3 has repeated each call before."""
_PASSING = {
    "InternalServiceException",
    "OperationTimeoutException",
    "ThrottlingException",
}
"""Why Glue leaves single partitions of a batch undone without refusing them."""
READS = 3
"""Times that an object is read from the start whose answer breaks off."""
DEFAULT_REGION = "us-east-1"
"""Where we look when neither flag nor AWS's own settings name a region."""

_RETRIES = Config(
    retries={"mode": "adaptive", "max_attempts": 10}, max_pool_connections=2 * WORKERS
)
_UNCHECKED = _RETRIES.merge(Config(parameter_validation=False))
"""For Glue, whose input we build whole: botocore's check of 100 partitions takes a third of the
processor time of sending them, and all workers share one interpreter."""


class Account:
    """One AWS account as the user's settings reach it: clients on demand.

    Raises NoCredentials for a profile that does not exist.
    """

    def __init__(
        self, profile: str | None = None, region: str | None = None, endpoint: str | None = None
    ) -> None:
        try:
            self.session = boto3.Session(profile_name=profile, region_name=region)
        except BotoCoreError as error:
            raise aws_failure(error, f"profile {profile}") from error
        self.region: str = self.session.region_name or DEFAULT_REGION
        self.calls: Counter[str] = Counter()
        """Requests sent so far by ``service.Operation``, repeated ones included."""
        self._lock = threading.Lock()
        self.session.events.register("before-send", self._count)
        self.session.events.register("before-parse.*.*", _mark_if_broken)
        self.session.events.register("needs-retry.*.*", _repeat_if_broken)
        self._endpoint = endpoint

    def _count(self, event_name: str, **_: object) -> None:
        with self._lock:
            self.calls[event_name.removeprefix("before-send.")] += 1

    @property
    def number(self) -> str:
        """The 12 digits of the account."""
        answer = _asked("asking who we are", self.client("sts").get_caller_identity)
        return str(answer["Account"])

    def client(self, service: str) -> Any:  # boto3 makes its clients' types at run time
        config = _UNCHECKED if service == "glue" else _RETRIES
        try:
            return self.session.client(
                service, region_name=self.region, endpoint_url=self._endpoint, config=config
            )
        except BotoCoreError as error:
            raise aws_failure(error, f"connecting to {service}") from error
        except ValueError as error:
            raise BadSetting(f"connecting to {service}: {error}") from None


def _mark_if_broken(operation_model: Any, response_dict: dict[str, Any], **_: object) -> None:
    """Makes an answer whose connection broke a server's error, which boto3 repeats.

    botocore does not look at the length of a body that it reads as a whole, and takes the
    half of a JSON answer for an empty one: partitions that failed would count as added.
    """
    body, length = response_dict["body"], response_dict["headers"].get("content-length")
    if not isinstance(body, bytes) or operation_model.http["method"] == "HEAD":
        return
    if length and len(body) < int(length):
        response_dict.update(status_code=500, body=b"")


def _repeat_if_broken(response: tuple[Any, dict[str, Any]] | None, **_: object) -> None:
    """What is repeated is told by the status of the answer as it came, so that is changed too."""
    if response is not None:
        came, read = response
        came.status_code = read["ResponseMetadata"].get("HTTPStatusCode", came.status_code)


def _asked(doing: str, call: Callable[..., Any], **arguments: object) -> Any:  # as boto3
    try:
        return call(**arguments)
    except (ClientError, BotoCoreError) as error:
        raise aws_failure(error, doing) from error


class S3Store:
    """Objects in S3. Raises NotFound, AccessDenied, NoCredentials."""

    def __init__(self, account: Account) -> None:
        self._s3 = account.client("s3")

    def level(self, prefix: str) -> Level:
        skip = len(_split(prefix)[1])
        folders: list[str] = []
        objects: list[str] = []
        for page in self._pages(prefix, Delimiter="/"):
            folders += (entry["Prefix"][skip:] for entry in page.get("CommonPrefixes", ()))
            objects += (entry["Key"][skip:] for entry in page.get("Contents", ()))
        return Level(tuple(folders), tuple(filter(is_visible, objects)))

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        bucket, _ = _split(prefix)
        for page in self._pages(prefix):
            for entry in page.get("Contents", ()):
                if is_visible(entry["Key"].rpartition("/")[2]):
                    yield ObjectInfo(f"s3://{bucket}/{entry['Key']}", entry["Size"])

    def read(self, uri: str, most: int | None) -> bytes:
        bucket, key = _split(uri)
        part = {} if most is None else {"Range": f"bytes=0-{most - 1}"}
        for left in reversed(range(READS)):
            answer = _asked(f"reading {uri}", self._s3.get_object, Bucket=bucket, Key=key, **part)
            try:
                body: bytes = answer["Body"].read()
                break
            except BotoCoreError as error:  # boto3 repeats a call, but not the reading of a body
                if not left:
                    raise aws_failure(error, f"reading {uri}") from error
        return body

    def _pages(self, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
        bucket, key = _split(prefix)
        paginator = self._s3.get_paginator("list_objects_v2")
        pages = iter(paginator.paginate(Bucket=bucket, Prefix=key, **more))
        while (page := _asked(f"listing {prefix}", lambda: next(pages, None))) is not None:
            yield page


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def describe_flow_logs(account: Account) -> list[dict[str, Any]]:
    """The flow logs of the caller's account and region that deliver to S3, all pages."""
    paginator = account.client("ec2").get_paginator("describe_flow_logs")
    only = [{"Name": "log-destination-type", "Values": ["s3"]}]
    pages = iter(paginator.paginate(Filter=only))
    found: list[dict[str, Any]] = []
    while (page := _asked("describing flow logs", lambda: next(pages, None))) is not None:
        found += page["FlowLogs"]
    return found


def _part(entry: GlueDict) -> Part:
    """One that somebody made without a LOCATION lies nowhere."""
    return Part(tuple(entry["Values"]), (entry.get("StorageDescriptor") or {}).get("Location", ""))


def _wait(seconds: float) -> None:
    """Anything up to these seconds: what failed together is not sent again together."""
    time.sleep(random.uniform(0, seconds))


class _Outcome:
    """What became of each partition so far."""

    def __init__(self, spec: TableSpec, fine: str) -> None:
        self._spec, self._fine = spec, fine
        self._done: dict[Partition, bool] = {}
        """Done by us, or (False) by somebody else."""
        self._failed: dict[Partition, str] = {}
        self.passing: dict[Partition, str] = {}
        """Undone for a reason that may pass."""
        self.refused: AccessError | None = None
        """A refusal that every batch will meet."""

    @property
    def done(self) -> int:
        return len(self._done)

    @property
    def settled(self) -> int:
        return self.done + len(self._failed)

    def take(self, batch: Sequence[Partition], answer: Future[GlueDict]) -> None:
        try:
            errors = answer.result().get("Errors", ())
        except AccessError as error:
            self.refused = error
            return
        except AthenaFlowError as error:
            self.passing.update(dict.fromkeys(batch, error.message))
            return
        by_values = {self._spec.values(p): p for p in batch}
        for entry in errors:
            values = entry.get("PartitionValues") or entry.get("PartitionValueList")
            self._refuse(by_values.pop(tuple(values)), entry.get("ErrorDetail", {}))
        for partition in by_values.values():
            self._settle(partition, self._done, True)

    def _refuse(self, partition: Partition, detail: GlueDict) -> None:
        reason = f"{detail.get('ErrorCode')}: {detail.get('ErrorMessage')}"
        if detail.get("ErrorCode") == self._fine:
            self._settle(partition, self._done, False)
        elif detail.get("ErrorCode") in _PASSING:
            self.passing[partition] = reason
        else:
            self._settle(partition, self._failed, reason)

    def _settle(self, partition: Partition, where: dict[Partition, Any], how: object) -> None:
        where[partition] = how
        self.passing.pop(partition, None)

    def applied(self, wanted: Sequence[Partition]) -> Applied:
        """Raises AccessDenied, NoCredentials or NotFound where nothing could be done for it."""
        if self.refused and not self._done:
            raise self.refused
        undone = self.refused.message if self.refused else ""
        failed = {p: undone for p in wanted if p not in self._done} if self.refused else {}
        failed |= self.passing | self._failed
        return Applied(
            tuple(p for p in wanted if self._done.get(p) is True),
            tuple(p for p in wanted if self._done.get(p) is False),
            tuple((p, failed[p]) for p in wanted if p in failed),
        )


class GlueCatalog:
    """Tables and partitions in the Glue Data Catalog."""

    def __init__(self, account: Account, pause: Callable[[float], None] = _wait) -> None:
        """``pause`` waits for about so many seconds before what failed is sent again."""
        self._glue = account.client("glue")
        self._region = account.region
        self._pause = pause

    def create(self, spec: TableSpec) -> bool:
        found = self._find(spec.database, spec.name)
        if found is None:
            self._create_database(spec.database)
            found = self._create_table(spec)
        if found is None:
            return True
        check_same(found, spec)
        return False

    def table(self, database: str, name: str) -> TableSpec:
        return spec_from_table(database, self.described(database, name))

    def described(self, database: str, name: str) -> GlueDict:
        found = self._get(database, name)
        if found is None:
            raise NotFound(
                f"no table {database}.{name} in the Glue Data Catalog of {self._region}",
                hint="athena-flow init-table creates it; --aws-region looks elsewhere",
            )
        return found

    def registered(self, spec: TableSpec, window: Window) -> Iterator[Registered]:
        for expression in spec.layout.expressions(window):
            for part in self.parts(spec.database, spec.name, expression):
                at = spec.layout.partition(part.values)
                if at is None or window.holds(at.account, at.region, at.start, spec.layout.step):
                    yield Registered(at, part.location)

    def parts(self, database: str, name: str, expression: str = "") -> Iterator[Part]:
        """One call where one page holds them; of more, every segment at the same time."""
        ask = partial(self._page, database, name, expression)
        found, token = ask(None, "")
        if not token:
            yield from found
            return
        with threads(GLUE_SEGMENTS) as pool:
            waiting = deque((n, pool.submit(ask, n, "")) for n in range(GLUE_SEGMENTS))
            while waiting:
                number, answer = waiting.popleft()
                found, token = answer.result()
                if token:
                    waiting.append((number, pool.submit(ask, number, token)))
                yield from found

    def _page(
        self, database: str, name: str, expression: str, segment: int | None, token: str
    ) -> tuple[list[Part], str]:
        """The partitions of one page, and the token of the next; none where this is the last."""
        more: dict[str, object] = {"Expression": expression} if expression else {}
        if segment is not None:
            more["Segment"] = {"SegmentNumber": segment, "TotalSegments": GLUE_SEGMENTS}
        if token:
            more["NextToken"] = token
        page: dict[str, Any] = _asked(
            f"reading the partitions of {database}.{name}",
            self._glue.get_partitions,
            DatabaseName=database,
            TableName=name,
            ExcludeColumnSchema=True,
            MaxResults=GLUE_PAGE,
            **more,
        )
        return [_part(entry) for entry in page["Partitions"]], page.get("NextToken", "")

    def drop(self, spec: TableSpec) -> None:
        """Its partitions first: Glue deletes those of a deleted table at its leisure."""
        here = [r.partition for r in self.registered(spec, Window()) if r.partition]
        applied = self.remove(spec, here, no_progress)
        if applied.failed:
            raise EngineError(f"dropping table {spec.title}: {applied.failed[0][1]}")
        doing = f"dropping table {spec.title}"
        try:
            _asked(doing, self._glue.delete_table, DatabaseName=spec.database, Name=spec.name)
        except NotFound:
            return

    def add(self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress) -> Applied:
        def create(batch: Sequence[Partition]) -> GlueDict:
            entries = [partition_input(spec, p) for p in batch]
            return self._sent("batch_create_partition", spec, PartitionInputList=entries)

        doing = ("adding partitions", GLUE_BATCH, "AlreadyExistsException")
        return self._in_batches(spec, partitions, create, doing, progress)

    def remove(
        self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress
    ) -> Applied:
        def delete(batch: Sequence[Partition]) -> GlueDict:
            entries = [{"Values": list(spec.values(p))} for p in batch]
            return self._sent("batch_delete_partition", spec, PartitionsToDelete=entries)

        doing = ("removing partitions", GLUE_DELETE_BATCH, "EntityNotFoundException")
        return self._in_batches(spec, partitions, delete, doing, progress)

    def mend(self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress) -> Applied:
        def update(batch: Sequence[Partition]) -> GlueDict:
            entries = [
                {
                    "PartitionValueList": list(spec.values(p)),
                    "PartitionInput": partition_input(spec, p),
                }
                for p in batch
            ]
            return self._sent("batch_update_partition", spec, Entries=entries)

        doing = ("mending partitions", GLUE_BATCH, "EntityNotFoundException")
        applied = self._in_batches(spec, partitions, update, doing, progress)
        gone = tuple((partition, GONE) for partition in applied.already)
        return Applied(applied.done, failed=(*applied.failed, *gone))

    def _sent(self, operation: str, spec: TableSpec, **arguments: object) -> GlueDict:
        answer: GlueDict = _asked(
            f"{operation.replace('_', ' ')} of {spec.title}",
            getattr(self._glue, operation),
            DatabaseName=spec.database,
            TableName=spec.name,
            **arguments,
        )
        return answer

    def _in_batches(
        self,
        spec: TableSpec,
        partitions: Iterable[Partition],
        send: Callable[[Sequence[Partition]], GlueDict],
        doing: tuple[str, int, str],
        progress: Progress,
    ) -> Applied:
        """Sends batches side by side; what stays undone for a passing reason is sent again."""
        what, size, fine = doing
        wanted = tuple(partitions)
        outcome = _Outcome(spec, fine)
        left: Sequence[Partition] = wanted
        try:
            for again in range(1 + len(PAUSES)):
                if again:
                    self._pause(PAUSES[again - 1])
                self._round(what, batches(left, size), send, outcome, len(wanted), progress)
                left = () if outcome.refused else tuple(outcome.passing)
                if not left:
                    break
        except KeyboardInterrupt:
            rest = "; the same command does the rest" if outcome.done < len(wanted) else ""
            told = f"{what}: {outcome.done:,} of {len(wanted):,} are done{rest}"
            raise KeyboardInterrupt(told) from None
        return outcome.applied(wanted)

    def _round(
        self,
        what: str,
        several: Iterable[Sequence[Partition]],
        send: Callable[[Sequence[Partition]], GlueDict],
        outcome: _Outcome,
        total: int,
        progress: Progress,
    ) -> None:
        """Ctrl-C, and a refusal that all batches will meet, end it between two batches."""
        waiting: dict[Future[GlueDict], Sequence[Partition]] = {}

        def settle() -> None:
            for answer in wait(waiting, return_when=FIRST_COMPLETED).done:
                outcome.take(waiting[answer], answer)  # twice is the same: Ctrl-C comes any time
                del waiting[answer]
                progress(what, outcome.settled, total)

        with ThreadPoolExecutor(GLUE_WORKERS) as pool:
            try:
                for batch in several:
                    waiting[pool.submit(send, batch)] = batch
                    if len(waiting) == GLUE_WORKERS:
                        settle()
                    if outcome.refused:
                        break
                while waiting:
                    settle()
            except KeyboardInterrupt:
                while waiting:  # they are sent: their answers count
                    settle()
                raise

    def _find(self, database: str, name: str) -> TableSpec | None:
        """The table's spec; None when there is no such table. Raises ForeignTable."""
        found = self._get(database, name)
        return spec_from_table(database, found) if found else None

    def _get(self, database: str, name: str) -> GlueDict | None:
        try:
            answer = _asked(
                f"reading table {database}.{name}",
                self._glue.get_table,
                DatabaseName=database,
                Name=name,
            )
        except NotFound:
            return None
        table: GlueDict = answer["Table"]
        return table

    def _create_database(self, database: str) -> None:
        self._unless_there(
            f"creating database {database}",
            self._glue.create_database,
            DatabaseInput={"Name": database},
        )

    def _create_table(self, spec: TableSpec) -> TableSpec | None:
        """None when it was made; what is there when another run was quicker."""
        made = self._unless_there(
            f"creating table {spec.title}",
            self._glue.create_table,
            DatabaseName=spec.database,
            TableInput=table_input(spec),
        )
        return None if made else self.table(spec.database, spec.name)

    def _unless_there(self, doing: str, call: Callable[..., Any], **arguments: object) -> bool:
        try:
            call(**arguments)
        except self._glue.exceptions.AlreadyExistsException:
            return False
        except (ClientError, BotoCoreError) as error:
            raise aws_failure(error, doing) from error
        return True
