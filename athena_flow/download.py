"""The edge that brings objects of S3 onto this machine for a while: ranged, parallel, bounded.

A large object comes in parts, each of them of the very version that was listed. What waits
on disk never exceeds a limit: who wants more waits until others have let theirs go.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from athena_flow.aws import READS, Account
from athena_flow.awserrors import aws_failure
from athena_flow.errors import BadFile, BadSetting, CannotWrite
from athena_flow.layout import PARQUET
from athena_flow.parallel import WORKERS
from athena_flow.ports import ObjectInfo

RANGE_BYTES = 8 * 2**20
"""Of an object that is asked for at a time."""
_MOVED = ("PreconditionFailed", "412", "NoSuchKey", "404")
"""What S3 says of an object that was written again, or removed, since it was listed."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Bytes ``[start, end)`` of an object."""

    log: ObjectInfo
    path: Path
    start: int
    end: int


class Downloads:
    """Objects of one account in one folder, at most ``limit_bytes`` of them at a time."""

    def __init__(self, account: Account, folder: Path, limit_bytes: int) -> None:
        self._s3 = account.client("s3")
        self._folder, self._limit = folder, limit_bytes
        self._free = limit_bytes
        self._turn = threading.Condition()
        self._pool = ThreadPoolExecutor(WORKERS)
        self._moved: set[str] = set()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def moved(self, log: ObjectInfo) -> bool:
        """An `ingest.Tools.moved`."""
        return log.uri in self._moved

    @contextmanager
    def fetch(self, logs: Sequence[ObjectInfo]) -> Iterator[Mapping[str, str]]:
        """An `ingest.Tools.fetch`. Raises BadSetting for a log that is larger than the limit."""
        size = sum(log.size_bytes for log in logs)
        if size > self._limit:
            raise BadSetting(
                f"{logs[0].uri} has {size:,} bytes, more than --cache-size allows",
                hint="raise --cache-size",
            )
        with self._room(size):
            paths = {log.uri: self._path(log) for log in logs}
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                list(self._pool.map(self._part, self._parts(logs, paths)))
                yield {uri: str(path) for uri, path in paths.items()}
            except OSError as error:
                raise CannotWrite(f"cannot write {self._folder}: {error.strerror}") from None
            finally:
                for path in paths.values():
                    path.unlink(missing_ok=True)

    @contextmanager
    def _room(self, size: int) -> Iterator[None]:
        with self._turn:
            self._turn.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._turn:
                self._free += size
                self._turn.notify_all()

    def _path(self, log: ObjectInfo) -> Path:
        """A name of our own: a key may hold what no file name can."""
        suffix = PARQUET if log.uri.endswith(PARQUET) else ".log"
        return self._folder / (
            hashlib.blake2b(log.uri.encode(), digest_size=16).hexdigest() + suffix
        )

    @staticmethod
    def _parts(logs: Sequence[ObjectInfo], paths: Mapping[str, Path]) -> Iterator[_Part]:
        for log in logs:
            with paths[log.uri].open("wb") as file:
                file.truncate(log.size_bytes)
            for start in range(0, log.size_bytes, RANGE_BYTES):
                end = min(start + RANGE_BYTES, log.size_bytes)
                yield _Part(log, paths[log.uri], start, end)

    def _part(self, part: _Part) -> None:
        """Brings one part into its place in the file."""
        log, start, end = part.log, part.start, part.end
        bucket, _, key = log.uri.removeprefix("s3://").partition("/")
        wanted = {"Bucket": bucket, "Key": key, "Range": f"bytes={start}-{end - 1}"}
        if log.stamp:
            wanted["IfMatch"] = f'"{log.stamp}"'
        for left in reversed(range(READS)):
            try:
                data: bytes = self._s3.get_object(**wanted)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in _MOVED:
                    self._moved.add(log.uri)
                    return
                raise aws_failure(error, f"reading {log.uri}") from error
            except BotoCoreError as error:  # boto3 repeats a call, but not the reading of a body
                if not left:
                    raise aws_failure(error, f"reading {log.uri}") from error
                continue
            if len(data) == end - start:
                break
            if not left:
                raise BadFile(f"{log.uri}: {len(data):,} bytes came of {end - start:,} asked for")
        with part.path.open("r+b") as file:
            os.pwrite(file.fileno(), data, start)
