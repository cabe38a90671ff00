"""The edge to AWS by boto3: S3Store and GlueCatalog.

Every call goes through one of two small functions that turn what AWS refuses into one of
our errors, so that no refusal is met twice in different words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from athena_flow.awserrors import aws_failure
from athena_flow.errors import BadSetting, NotFound
from athena_flow.gluetable import GlueDict, partition_input, spec_from_table, table_input
from athena_flow.layout import Partition
from athena_flow.plan import batches
from athena_flow.ports import Applied, Level, ObjectInfo, Part, Progress, Registered, is_visible
from athena_flow.table import TableSpec, check_same
from athena_flow.walk import WORKERS
from athena_flow.window import Window

GLUE_BATCH = 100
"""Partitions per BatchCreatePartition. Source: AWS Glue API reference, PartitionInputList."""

GLUE_DELETE_BATCH = 25
"""Partitions per BatchDeletePartition. Source: AWS Glue API reference, PartitionsToDelete."""
DEFAULT_REGION = "us-east-1"
"""Where we look when neither flag nor AWS's own settings name a region."""

_RETRIES = Config(
    retries={"mode": "adaptive", "max_attempts": 10}, max_pool_connections=2 * WORKERS
)


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
        self._endpoint = endpoint

    @property
    def number(self) -> str:
        """The 12 digits of the account."""
        answer = _asked("asking who we are", self.client("sts").get_caller_identity)
        return str(answer["Account"])

    def client(self, service: str) -> Any:  # boto3 makes its clients' types at run time
        try:
            return self.session.client(
                service, region_name=self.region, endpoint_url=self._endpoint, config=_RETRIES
            )
        except BotoCoreError as error:
            raise aws_failure(error, f"connecting to {service}") from error
        except ValueError as error:
            raise BadSetting(f"connecting to {service}: {error}") from None


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
        answer = _asked(f"reading {uri}", self._s3.get_object, Bucket=bucket, Key=key, **part)
        body: bytes = _asked(f"reading {uri}", answer["Body"].read)
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


class GlueCatalog:
    """Tables and partitions in the Glue Data Catalog."""

    def __init__(self, account: Account) -> None:
        self._glue = account.client("glue")
        self._region = account.region

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
        expression = spec.layout.expression(window)
        for part in self.parts(spec.database, spec.name, expression):
            partition = spec.layout.partition(part.values)
            if partition is None or window.wants(partition.account, partition.region):
                yield Registered(partition, part.location)

    def parts(self, database: str, name: str, expression: str = "") -> Iterator[Part]:
        paginator = self._glue.get_paginator("get_partitions")
        pages = iter(
            paginator.paginate(
                DatabaseName=database,
                TableName=name,
                Expression=expression,
                ExcludeColumnSchema=True,
            )
        )
        doing = f"reading the partitions of {database}.{name}"
        while (page := _asked(doing, lambda: next(pages, None))) is not None:
            for entry in page["Partitions"]:
                yield Part(tuple(entry["Values"]), entry["StorageDescriptor"]["Location"])

    def drop(self, spec: TableSpec) -> None:
        """Its partitions first: Glue deletes those of a deleted table at its leisure."""
        table = {"DatabaseName": spec.database, "TableName": spec.name}
        doing = f"dropping table {spec.title}"
        here = (r.partition for r in self.registered(spec, Window()) if r.partition)
        for batch in batches(here, GLUE_DELETE_BATCH):
            values = [{"Values": list(spec.values(partition))} for partition in batch]
            _asked(doing, self._glue.batch_delete_partition, **table, PartitionsToDelete=values)
        try:
            _asked(doing, self._glue.delete_table, DatabaseName=spec.database, Name=spec.name)
        except NotFound:
            return

    def add(self, spec: TableSpec, partitions: Iterable[Partition], progress: Progress) -> Applied:
        wanted = tuple(partitions)
        failed: list[tuple[Partition, str]] = []
        already: list[Partition] = []
        for number, batch in enumerate(batches(wanted, GLUE_BATCH)):
            progress("adding partitions", number * GLUE_BATCH, len(wanted))
            answer = _asked(
                f"adding partitions to {spec.title}",
                self._glue.batch_create_partition,
                DatabaseName=spec.database,
                TableName=spec.name,
                PartitionInputList=[partition_input(spec, p) for p in batch],
            )
            by_values = {spec.values(p): p for p in batch}
            for entry in answer.get("Errors", ()):
                partition = by_values[tuple(entry["PartitionValues"])]
                detail = entry.get("ErrorDetail", {})
                if detail.get("ErrorCode") == "AlreadyExistsException":
                    already.append(partition)
                else:
                    reason = f"{detail.get('ErrorCode')}: {detail.get('ErrorMessage')}"
                    failed.append((partition, reason))
        apart = {*already, *(partition for partition, _ in failed)}
        added = tuple(partition for partition in wanted if partition not in apart)
        return Applied(added, tuple(already), tuple(failed))

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
