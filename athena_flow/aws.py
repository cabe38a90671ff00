"""The edge to AWS by boto3: the account, and S3Store; `glue` has the catalog.

Every call goes through one of two small functions that turn what AWS refuses into one of
our errors, so that no refusal is met twice in different words.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from athena_flow.awserrors import aws_failure
from athena_flow.errors import BadSetting
from athena_flow.parallel import WORKERS
from athena_flow.ports import Level, ObjectInfo, is_visible

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

_QUICK = _RETRIES.merge(
    Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 2})
)
"""For STS, to which a private network may have no way at all: whoever asks does without it."""


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
        answer = asked("asking who we are", self.client("sts").get_caller_identity)
        return str(answer["Account"])

    @property
    def key(self) -> str:
        """The access key's id, where nobody says which account it is of."""
        found = self.session.get_credentials()
        return f"key {found.access_key}" if found else ""

    def client(self, service: str) -> Any:  # boto3 makes its clients' types at run time
        config = {"glue": _UNCHECKED, "sts": _QUICK}.get(service, _RETRIES)
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


def asked(doing: str, call: Callable[..., Any], **arguments: object) -> Any:  # as boto3
    try:
        return call(**arguments)
    except (ClientError, BotoCoreError) as error:
        raise aws_failure(error, doing) from error


class S3Store:
    """Objects in S3. Raises NotFound, AccessDenied, NoCredentials."""

    def __init__(self, account: Account) -> None:
        self._s3 = account.client("s3")
        self.endpoint = str(self._s3.meta.endpoint_url)

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
                    etag = entry.get("ETag", "").strip('"')
                    yield ObjectInfo(f"s3://{bucket}/{entry['Key']}", entry["Size"], etag)

    def read(self, uri: str, most: int | None) -> bytes:
        return self._read(uri, None if most is None else f"bytes=0-{most - 1}")

    def tail(self, uri: str, most: int) -> bytes:
        return self._read(uri, f"bytes=-{most}")

    def _read(self, uri: str, span: str | None) -> bytes:
        bucket, key = _split(uri)
        wanted = {"Range": span} if span else {}
        for left in reversed(range(READS)):
            try:
                answer = self._s3.get_object(Bucket=bucket, Key=key, **wanted)
                body: bytes = answer["Body"].read()
                break
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidRange":  # of an empty object
                    return b""
                raise aws_failure(error, f"reading {uri}") from error
            except BotoCoreError as error:  # boto3 repeats a call, but not the reading of a body
                if not left:
                    raise aws_failure(error, f"reading {uri}") from error
        return body

    def _pages(self, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
        bucket, key = _split(prefix)
        paginator = self._s3.get_paginator("list_objects_v2")
        pages = iter(paginator.paginate(Bucket=bucket, Prefix=key, **more))
        while (page := asked(f"listing {prefix}", lambda: next(pages, None))) is not None:
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
    while (page := asked("describing flow logs", lambda: next(pages, None))) is not None:
        found += page["FlowLogs"]
    return found
