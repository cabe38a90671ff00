"""What an ObjectStore promises, asked of S3 (on the bench) and of a directory alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from athena_server import ACCOUNT, AthenaServer
from conftest import somebody

from athena_flow.aws import Account, S3Store
from athena_flow.errors import AccessDenied, AccessError, NoCredentials, NotFound
from athena_flow.local import DirStore
from athena_flow.ports import ObjectStore

DAY = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/20/"
HARD = (
    "a b.log",
    "plus+sign.log",
    "100%.log",
    "%41.log",
    "key=value&more.log",
    "données-日本-🙂.log",
    "quote'\"<>.log",
    "tilde~(1)!$;:@,[x].log",
)


@cache
def account() -> Account:
    """Kept, because opening one costs more than what most tests do with it."""
    return Account()


@dataclass(frozen=True)
class Kit:
    store: ObjectStore
    root: str
    """The bucket or directory, ending in ``/``."""
    folder: Path | None
    """Where a directory's files lie."""

    def put(self, files: Mapping[str, bytes] | Iterable[str]) -> None:
        """Objects by key below the root; those without a body hold one byte."""
        bodies = files if isinstance(files, Mapping) else dict.fromkeys(files, b"x")
        for key, body in bodies.items():
            if self.folder:
                path = self.folder / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
            else:
                _bucket().put_object("logs", key, body)  # type: ignore[attr-defined]  # moto's

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that the store lists below a prefix, without its root."""
        found = [o.uri for o in self.store.objects(self.root + prefix)]
        assert all(uri.startswith(self.root) for uri in found)
        return [uri.removeprefix(self.root) for uri in found]


def _bucket() -> object:
    """moto's S3 by its back door: a thousand puts over HTTP take seconds."""
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT]["aws"]


def _s3_kit() -> Kit:
    account().client("s3").create_bucket(Bucket="logs")
    return Kit(S3Store(account()), "s3://logs/", None)


@pytest.fixture(params=["s3", "directory"])
def kit(request: pytest.FixtureRequest) -> Kit:
    if request.param == "s3":
        request.getfixturevalue("aws")
        return _s3_kit()
    folder = request.getfixturevalue("tmp_path") / "logs"
    folder.mkdir()
    return Kit(DirStore(), f"{folder}/", folder)


@pytest.fixture
def s3(aws: AthenaServer) -> tuple[AthenaServer, Kit]:
    """For what only a service can do: refuse, throttle, page."""
    return aws, _s3_kit()


# ---------------------------------------------------------------- folders


def _level(store: ObjectStore) -> Callable[[str], Iterable[str]]:
    return lambda prefix: store.level(prefix).folders


def test_objects_directly_below(kit: Kit) -> None:
    """A level names its own objects as well, without those that Athena does not read."""
    kit.put(["AWSLogs/b.log", "AWSLogs/a.log", "AWSLogs/_hidden", "AWSLogs/.also", "AWSLogs/x/y"])
    level = kit.store.level(kit.root + "AWSLogs/")
    assert level.objects == ("a.log", "b.log")
    assert level.folders == ("x/",)


def test_folders_are_those_directly_below(kit: Kit) -> None:
    """Names of the next folders only, each ending in a slash, sorted; objects are none."""
    kit.put(["AWSLogs/b/x.log", "AWSLogs/a/deep/er/x.log", "AWSLogs/file.log", "other/y.log"])
    assert list(kit.store.level(kit.root).folders) == ["AWSLogs/", "other/"]
    assert list(kit.store.level(kit.root + "AWSLogs/").folders) == ["a/", "b/"]
    assert list(kit.store.level(kit.root + "AWSLogs/a/deep/").folders) == ["er/"]
    assert list(kit.store.level(kit.root + "AWSLogs/a/deep/er/").folders) == []


def test_folders_of_nothing(kit: Kit) -> None:
    """A prefix that no key has holds no folders, and that is no error."""
    kit.put([DAY + "x.log"])
    assert list(kit.store.level(kit.root + "AWSLogs/999999999999/").folders) == []
    assert list(kit.store.level(kit.root + "AWSLogs/1111/").folders) == []


def test_folders_with_hard_names(kit: Kit) -> None:
    """Spaces, plus, percent, equals signs and other scripts come out as they went in."""
    names = sorted(f"{name}/" for name in HARD)
    kit.put([f"AWSLogs/{name}x.log" for name in names])
    assert list(kit.store.level(kit.root + "AWSLogs/").folders) == names


def test_more_folders_than_a_page(kit: Kit) -> None:
    """A page of S3's listing holds 1,000; all accounts are found."""
    accounts = [f"{n:012}/" for n in range(1_005)]
    kit.put([f"AWSLogs/{account}x.log" for account in accounts])
    assert list(kit.store.level(kit.root + "AWSLogs/").folders) == accounts


# ---------------------------------------------------------------- objects


def test_objects_with_their_sizes(kit: Kit) -> None:
    """Every object at any depth below the prefix, with its size, and none beside it."""
    kit.put({DAY + "a.log.gz": b"12345", DAY + "07/b.log": b"1", "AWSLogs/beside.log": b"12"})
    found = [(o.uri, o.size_bytes) for o in kit.store.objects(kit.root + DAY)]
    assert found == [(f"{kit.root}{DAY}07/b.log", 1), (f"{kit.root}{DAY}a.log.gz", 5)]
    assert sum(o.size_bytes for o in kit.store.objects(kit.root)) == 8


def test_an_empty_object_is_one(kit: Kit) -> None:
    """A file of no bytes is listed: a note will name it."""
    kit.put({DAY + "empty.log": b""})
    assert [o.size_bytes for o in kit.store.objects(kit.root + DAY)] == [0]


def test_objects_are_sorted_by_key(kit: Kit) -> None:
    """By the key's text, where a hyphen and a dot stand before a slash."""
    keys = ["a/1.log", "a-b/1.log", "a.log", "a/0.log", "B/1.log", "a0.log", "é.log", "z/1.log"]
    kit.put(keys)
    assert kit.keys() == sorted(keys)


def test_hidden_objects_are_left_out(kit: Kit) -> None:
    """Athena reads no file whose name begins with an underscore or a dot; nor do we."""
    hidden = ["a/_x", "a/.y", "a/_SUCCESS", "a/.part.crc", "_top", ".top"]
    kit.put([*hidden, "a/x_y.log", "a/x.log", "a/~odd"])
    assert kit.keys() == ["a/x.log", "a/x_y.log", "a/~odd"]


def test_objects_of_nothing(kit: Kit) -> None:
    """A prefix without objects is empty, as a day without logs is; that is no error."""
    kit.put(["AWSLogs/x.log"])
    assert kit.keys(DAY) == []
    assert kit.keys("AWSLogs/x.log/") == []


def test_objects_with_hard_names(kit: Kit) -> None:
    """Spaces, plus, percent and other scripts come out of a listing as they went in."""
    keys = sorted(f"{folder}/{name}" for folder in ("AWS Logs", "ü+%2F") for name in HARD)
    kit.put(keys)
    assert kit.keys() == keys
    assert kit.keys("ü+%2F/") == keys[len(HARD) :]


def test_more_objects_than_a_page(request: pytest.FixtureRequest, kit: Kit) -> None:
    """2,050 objects come in order and each once; S3 gives them in three pages."""
    keys = [f"{DAY}{n:05}.log" for n in range(2_050)]
    kit.put(keys)
    assert kit.keys(DAY) == keys
    if kit.folder is None:
        assert len(request.getfixturevalue("aws").calls("S3.ListObjectsV2")) == 3


# ---------------------------------------------------------------- bytes


@pytest.mark.parametrize(
    ("most", "found"), [(1, b"9"), (3, b"789"), (10, b"0123456789"), (16_384, b"0123456789")]
)
def test_the_tail_of_an_object(kit: Kit, most: int, found: bytes) -> None:
    """Its last bytes, or all of an object that has fewer."""
    kit.put({"a b+ü.parquet": b"0123456789"})
    assert kit.store.tail(kit.root + "a b+ü.parquet", most) == found


def test_the_ends_of_an_empty_object(kit: Kit) -> None:
    """An empty object has no first and no last bytes, which is no error."""
    kit.put({"empty.parquet": b""})
    assert kit.store.tail(kit.root + "empty.parquet", 8) == b""
    assert kit.store.read(kit.root + "empty.parquet", 8) == b""


def test_the_tail_of_no_object(kit: Kit) -> None:
    """One that was removed meanwhile is an error that names it."""
    kit.put(["beside.log"])
    with pytest.raises(AccessError, match="gone.parquet"):
        kit.store.tail(kit.root + "gone.parquet", 8)


# ---------------------------------------------------------------- what only one of them does


def test_a_missing_bucket_is_not_found(s3: tuple[AthenaServer, Kit]) -> None:
    """A bucket that does not exist is an error that names what was listed."""
    store = s3[1].store
    for ask in (_level(store), store.objects):
        with pytest.raises(NotFound, match="s3://no-such-bucket/AWSLogs/"):
            list(ask("s3://no-such-bucket/AWSLogs/"))


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("AccessDenied", 403, AccessDenied), ("ExpiredToken", 400, NoCredentials)],
)
def test_a_refused_listing(
    s3: tuple[AthenaServer, Kit], code: str, status: int, error: type[Exception]
) -> None:
    """Denied and expired are told apart, and name what was listed."""
    aws, kit = s3
    for ask in (_level(kit.store), kit.store.objects):
        aws.faults.add("S3.ListObjectsV2", code, status, "the reason")
        with pytest.raises(error, match="s3://logs/net/.*the reason"):
            list(ask("s3://logs/net/"))


def test_a_listing_refused_half_way(s3: tuple[AthenaServer, Kit]) -> None:
    """A page that fails after good ones is an error, never a shorter list."""
    aws, kit = s3
    kit.put([f"{n:05}.log" for n in range(1_001)])
    aws.faults.add("S3.ListObjectsV2", "AccessDenied", 403, after=1)
    with pytest.raises(AccessDenied):
        kit.keys()


def test_a_throttled_listing_is_repeated(s3: tuple[AthenaServer, Kit]) -> None:
    """S3's "slow down" is waited out, and nothing is missing or twice."""
    aws, kit = s3
    kit.put([f"{n:05}.log" for n in range(1_001)])
    aws.faults.add("S3.ListObjectsV2", "SlowDown", 503, after=1)
    assert kit.keys() == [f"{n:05}.log" for n in range(1_001)]
    assert aws.faults.left == 0


def test_the_marker_of_a_folder_is_no_object(s3: tuple[AthenaServer, Kit]) -> None:
    """What S3's console writes for an empty folder, a key ending in a slash, holds no logs."""
    _, kit = s3
    kit.put({"net/": b"", "net/AWSLogs/": b"", "net/AWSLogs/x.log": b"x"})
    assert kit.keys() == ["net/AWSLogs/x.log"]


def test_a_directory_that_may_not_be_read(tmp_path: Path) -> None:
    """A directory without permission is AccessDenied, by name, and not an empty one."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    for ask in (_level(DirStore()), DirStore().objects):
        with somebody(), pytest.raises(AccessDenied, match="closed"):
            list(ask(f"{tmp_path}/closed/"))
