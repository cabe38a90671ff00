"""The edge to the Glue Data Catalog by boto3: tables, and partitions in batches side by side."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from athena_flow.aws import Account, asked
from athena_flow.awserrors import aws_failure
from athena_flow.errors import AccessError, AthenaFlowError, EngineError, NotFound
from athena_flow.gluetable import GlueDict, partition_input, spec_from_table, table_input
from athena_flow.layout import Partition
from athena_flow.parallel import batches, threads
from athena_flow.ports import GONE, Applied, Part, Progress, Registered, no_progress
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


def _part(entry: GlueDict) -> Part:
    """One that somebody made without a LOCATION lies nowhere."""
    storage = entry.get("StorageDescriptor") or {}
    values = tuple(entry["Values"])
    return Part(values, storage.get("Location", ""), storage.get("InputFormat", ""))


def _wait(seconds: float) -> None:
    """Anything up to these seconds: what failed together is not sent again together."""
    time.sleep(random.uniform(0, seconds))


class _Outcome:
    """What became of each partition so far."""

    def __init__(self, spec: TableSpec, fine: str) -> None:
        self._spec, self._fine = spec, fine
        self._done: set[Partition] = set()
        self._already: set[Partition] = set()
        """Done by somebody else."""
        self._failed: dict[Partition, str] = {}
        self.passing: dict[Partition, str] = {}
        """Undone for a reason that may pass."""
        self.refused: AccessError | None = None
        """A refusal that every batch will meet."""

    @property
    def done(self) -> int:
        return len(self._done) + len(self._already)

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
        self._done.update(by_values.values())
        self._settled(by_values.values())

    def _refuse(self, partition: Partition, detail: GlueDict) -> None:
        reason = f"{detail.get('ErrorCode')}: {detail.get('ErrorMessage')}"
        if detail.get("ErrorCode") in _PASSING:
            self.passing[partition] = reason
            return
        if detail.get("ErrorCode") == self._fine:
            self._already.add(partition)
        else:
            self._failed[partition] = reason
        self._settled([partition])

    def _settled(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions if self.passing else ():
            self.passing.pop(partition, None)

    def applied(self, wanted: tuple[Partition, ...]) -> Applied:
        """Raises AccessDenied, NoCredentials or NotFound where nothing could be done for it."""
        if self.refused and not self.done:
            raise self.refused
        failed = self.passing | self._failed
        if self.refused:
            undone = (p for p in wanted if p not in self._done and p not in self._already)
            failed = dict.fromkeys(undone, self.refused.message) | failed
        return Applied(
            wanted if len(self._done) == len(wanted) else _among(wanted, self._done),
            _among(wanted, self._already),
            tuple((p, failed[p]) for p in wanted if p in failed),
        )


def _among(wanted: Sequence[Partition], some: Container[Partition]) -> tuple[Partition, ...]:
    return tuple(p for p in wanted if p in some)


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
        page: dict[str, Any] = asked(
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
            asked(doing, self._glue.delete_table, DatabaseName=spec.database, Name=spec.name)
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
        answer: GlueDict = asked(
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
            answer = asked(
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
