"""Glue, S3 listings, STS and Athena's ALTER TABLE from memory, over HTTP, each answer delayed.

A server for benches: quick enough to hold a million partitions and a million keys, and a
process of its own, so that it shares no interpreter with what is measured. It counts every
request by operation (``AWSGlue.GetPartitions``, ``S3.ListObjectsV2``), and knows nothing of
the project's code. What it answers is what a caller reads, and no more; what it does not
know it refuses.

    with Stub() as stub:
        stub.keys(Tree(accounts=100, regions=20, days=7))
        stub.delay(0.05)
        ...
        assert stub.calls() == {"S3.ListObjectsV2": 1}

Where it is kinder than AWS, it is so to everybody: an ALTER TABLE is done at once.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import subprocess
import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote

BUCKET = "logs"
OBJECT_BYTES = 58_123
"""The size of every object."""
KEYS_PER_PAGE = 1_000
"""Source: Amazon S3 API reference, ListObjectsV2, MaxKeys."""
PARTITIONS_PER_PAGE = 1_000
"""Source: AWS Glue API reference, GetPartitions, MaxResults."""
MOST_CREATED = 100
"""Source: AWS Glue API reference, BatchCreatePartition, PartitionInputList."""

Values = tuple[str, ...]
Answer = dict[str, Any]


REGIONS = tuple(
    f"{area}-{side}-1"
    for area in ("us", "eu", "ap", "sa")
    for side in ("east", "west", "north", "south", "central")
)
LAST = date(2026, 11, 20)
"""The last day of every tree."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Days or hours of so many accounts and regions, and a few objects in the folder of each."""

    accounts: int
    regions: int
    days: int
    hourly: bool = False
    objects: int = 1

    def __len__(self) -> int:
        return self.accounts * self.regions * self.days * (24 if self.hourly else 1)

    def folders(self) -> Iterator[tuple[Values, str]]:
        """Each partition's values and its folder, by day."""
        days = [LAST - timedelta(n) for n in reversed(range(self.days))]
        hours = [f"{hour:02}" for hour in range(24)] if self.hourly else [""]
        accounts = [f"{10**11 + n}" for n in range(self.accounts)]
        for day, hour, account, region in product(days, hours, accounts, REGIONS[: self.regions]):
            below = f"{day:%Y/%m/%d}/{hour}/" if hour else f"{day:%Y/%m/%d}/"
            values = (account, region, f"{day}", *filter(None, [hour]))
            yield values, f"AWSLogs/{account}/vpcflowlogs/{region}/{below}"

    def keys(self) -> Iterator[str]:
        for (account, region, day, *hour), folder in self.folders():
            stamp = f"{day.replace('-', '')}T{''.join(hour) or '00'}05Z"
            name = f"{folder}{account}_vpcflowlogs_{region}_fl-0a1b2c3d4e5f60718_{stamp}"
            yield from (f"{name}_{n:08x}.log.gz" for n in range(self.objects))


class Refused(Exception):
    """An error in AWS's terms."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


# ---------------------------------------------------------------- Glue


class Table:
    """One table and its partitions: their values, each with where it lies."""

    def __init__(self, described: Answer) -> None:
        self.described = described
        self.partitions: dict[Values, str] = {}
        self._found: dict[str, list[Values]] = {}
        """The partitions of an expression, as long as none is added."""

    def hold(self, partitions: dict[Values, str]) -> None:
        self.partitions = partitions
        self._found.clear()

    def create(self, entries: list[Answer]) -> list[Answer]:
        """The errors of those that are there already."""
        errors = []
        self._found.clear()
        for entry in entries:
            values = tuple(entry["Values"])
            if values in self.partitions:
                detail = {"ErrorCode": "AlreadyExistsException", "ErrorMessage": "exists"}
                errors.append({"PartitionValues": list(values), "ErrorDetail": detail})
            else:
                self.partitions[values] = entry["StorageDescriptor"]["Location"]
        return errors

    def that(self, expression: str) -> list[Values]:
        """The partitions that an expression picks."""
        if expression not in self._found:
            terms = re.split(r" AND (?!'[^']*'(?: AND |$))", expression)
            tests = [self._test(term) for term in terms if term]
            self._found[expression] = [v for v in self.partitions if all(t(v) for t in tests)]
        return self._found[expression]

    def _test(self, term: str) -> Callable[[Values], bool]:
        """One of ``key = 'x'``, ``key IN ('x', 'y')``, ``key >= 'x'``, ``key BETWEEN 'x' AND 'y'``.

        Also ``>``, ``<`` and ``<=``.
        """
        match = re.fullmatch(r"(\w+) (=|IN|>=?|<=?|BETWEEN) (\(.*\)|'[^']*'(?: AND '.*')?)", term)
        keys = [key["Name"] for key in self.described["PartitionKeys"]]
        if not match or match[1] not in keys:
            raise Refused("InvalidInputException", f"Unsupported expression: {term}")
        n, literals = keys.index(match[1]), frozenset(re.findall(r"'([^']*)'", match[3]))
        first, last = min(literals), max(literals)
        return {
            "=": lambda v: v[n] in literals,
            "IN": lambda v: v[n] in literals,
            "BETWEEN": lambda v: first <= v[n] <= last,
            ">": lambda v: v[n] > first,
            "<": lambda v: v[n] < first,
            ">=": lambda v: v[n] >= first,
            "<=": lambda v: v[n] <= first,
        }[match[2]]


class Glue:
    def __init__(self) -> None:
        self.tables: dict[tuple[str, str], Table] = {}

    def answer(self, operation: str, given: Answer) -> Answer:
        known = {
            "CreateDatabase": lambda _: {},
            "CreateTable": self._create_table,
            "GetTable": lambda g: {"Table": self._table(g["DatabaseName"], g["Name"]).described},
            "GetPartitions": self._get_partitions,
            "BatchCreatePartition": self._batch_create,
        }
        if operation not in known:
            raise Refused("InvalidAction", f"no {operation} here")
        return known[operation](given)

    def _table(self, database: str, name: str) -> Table:
        if (database, name) not in self.tables:
            raise Refused("EntityNotFoundException", f"Table {name} not found.")
        return self.tables[database, name]

    def _create_table(self, given: Answer) -> Answer:
        described = given["TableInput"] | {"DatabaseName": given["DatabaseName"]}
        self.tables[given["DatabaseName"], described["Name"]] = Table(described)
        return {}

    def _batch_create(self, given: Answer) -> Answer:
        entries = given["PartitionInputList"]
        if len(entries) > MOST_CREATED:
            raise Refused("ValidationException", f"more than {MOST_CREATED} partitions")
        errors = self._table(given["DatabaseName"], given["TableName"]).create(entries)
        return {"Errors": errors} if errors else {}

    def _get_partitions(self, given: Answer) -> Answer:
        table = self._table(given["DatabaseName"], given["TableName"])
        found = table.that(given.get("Expression", ""))
        segment = given.get("Segment") or {"SegmentNumber": 0, "TotalSegments": 1}
        start = int(given.get("NextToken") or segment["SegmentNumber"])
        step = segment["TotalSegments"]
        end = start + PARTITIONS_PER_PAGE * step
        same = {
            "DatabaseName": given["DatabaseName"],
            "TableName": given["TableName"],
            "CreationTime": 1_780_000_000.0,
            "CatalogId": "123456789012",
        }
        storage = table.described["StorageDescriptor"]
        if given.get("ExcludeColumnSchema"):
            storage = {key: value for key, value in storage.items() if key != "Columns"}
        page = [
            {
                **same,
                "Values": values,
                "StorageDescriptor": {**storage, "Location": table.partitions[values]},
            }
            for values in found[start:end:step]
        ]
        return {"Partitions": page, **({"NextToken": str(end)} if end < len(found) else {})}


# ---------------------------------------------------------------- Athena


class Athena:
    """Takes one ALTER TABLE ADD PARTITION at a time; each is done by the first question."""

    _PARTITION = re.compile(r"PARTITION \(([^)]*)\) LOCATION '([^']*)'")

    def __init__(self, glue: Glue) -> None:
        self._glue = glue
        self._sent = 0

    def answer(self, operation: str, given: Answer) -> Answer:
        if operation == "StartQueryExecution":
            self._sent += 1
            self._run(given["QueryString"])
            return {"QueryExecutionId": f"{self._sent}"}
        if operation == "GetQueryExecution":
            state = {"State": "SUCCEEDED"}
            return {"QueryExecution": {"QueryExecutionId": f"{self._sent}", "Status": state}}
        raise Refused("InvalidRequestException", f"no {operation} here")

    def _run(self, sql: str) -> None:
        named = re.match(r"ALTER TABLE `(\w+)`\.`(\w+)` ADD IF NOT EXISTS\s", sql)
        found = self._PARTITION.findall(sql)
        if not named or not found:
            raise Refused("InvalidRequestException", f"not understood: {sql[:100]}")
        table = self._glue.tables[named[1], named[2]]
        for values, location in found:
            entry = {"Values": re.findall(r"'([^']*)'", values)}
            table.create([{**entry, "StorageDescriptor": {"Location": location}}])


# ---------------------------------------------------------------- S3


class Keys:
    """One bucket's keys, listed as ListObjectsV2 lists them: sorted, with folders rolled up."""

    def __init__(self) -> None:
        self._keys: list[str] = []

    def hold(self, keys: Iterable[str]) -> None:
        self._keys = sorted(keys)

    def page(self, query: dict[str, str]) -> str:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        at = bisect_left(self._keys, prefix)
        if after := query.get("continuation-token"):
            at = self._past(after) if after.endswith("/") else bisect_right(self._keys, after)
        found: list[str] = []
        more = False
        while at < len(self._keys) and self._keys[at].startswith(prefix):
            if len(found) == KEYS_PER_PAGE:
                more = True
                break
            key = self._keys[at]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                found.append(key)
                at += 1
            else:
                found.append(key[: cut + 1])
                at = self._past(found[-1])
        shown = "".join(map(_entry, found))
        token = f"<NextContinuationToken>{found[-1] if more else ''}</NextContinuationToken>"
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{quote(prefix)}</Prefix>"
            f"<KeyCount>{len(found)}</KeyCount><MaxKeys>{KEYS_PER_PAGE}</MaxKeys>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token * more}{shown}</ListBucketResult>"
        )

    def _past(self, folder: str) -> int:
        """The first key after all that lie in a folder."""
        return bisect_left(self._keys, folder[:-1] + "0")  # "0" follows "/"


def _entry(name: str) -> str:
    if name.endswith("/"):
        return f"<CommonPrefixes><Prefix>{quote(name)}</Prefix></CommonPrefixes>"
    return (
        f"<Contents><Key>{quote(name)}</Key><LastModified>2026-11-20T10:10:00.000Z</LastModified>"
        f"<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>{OBJECT_BYTES}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


_WHO = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    "<GetCallerIdentityResult><Account>123456789012</Account><UserId>bench</UserId>"
    "<Arn>arn:aws:iam::123456789012:user/bench</Arn></GetCallerIdentityResult>"
    "</GetCallerIdentityResponse>"
)


# ---------------------------------------------------------------- the server


class Server:
    def __init__(self) -> None:
        self.glue, self.keys = Glue(), Keys()
        self.athena = Athena(self.glue)
        self.calls: Counter[str] = Counter()
        self.delay = 0.0

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=2**20)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        async with server:
            await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().rstrip().split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length") or 0))
                status, kind, text = self._answer(first.split(" ")[1], headers, body)
                if not first.split(" ")[1].startswith("/-/"):
                    await asyncio.sleep(self.delay)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(text.encode())}\r\n\r\n{text}".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the caller is done
        finally:
            writer.close()

    def _answer(self, target: str, headers: dict[str, str], body: bytes) -> tuple[str, str, str]:
        path, _, query = target.partition("?")
        if path.startswith("/-/"):
            return "200 OK", "application/json", json.dumps(self._control(path[3:], body))
        operation = headers.get("x-amz-target")
        if b"Action=GetCallerIdentity" in body:
            self.calls["STS.GetCallerIdentity"] += 1
            return "200 OK", "text/xml", _WHO
        if operation is None:
            told = {key: value[0] for key, value in parse_qs(query, True).items()}
            if told.get("list-type") != "2" or unquote(path).strip("/") != BUCKET:
                self.calls[f"S3 {target}"] += 1
                return "400 Bad Request", "application/xml", "<Error><Code>NotHere</Code></Error>"
            self.calls["S3.ListObjectsV2"] += 1
            return "200 OK", "application/xml", self.keys.page(told)
        self.calls[operation] += 1
        service, _, name = operation.rpartition(".")
        edge = self.glue if service == "AWSGlue" else self.athena
        kind = "application/x-amz-json-1.1"
        try:
            return "200 OK", kind, json.dumps(edge.answer(name, json.loads(body)))
        except Refused as error:
            said = json.dumps({"__type": error.code, "Message": error.message})
            return "400 Bad Request", kind, said

    def _control(self, what: str, body: bytes) -> object:
        """What the bench itself asks for; see `Stub`."""
        given = json.loads(body)
        if what == "calls":
            counted = dict(self.calls)
            self.calls.clear()
            return counted
        if what == "delay":
            self.delay = given
        elif what == "keys":
            self.keys.hold(Tree(**given).keys())
        elif what in ("partitions", "holds", "held"):
            (table,) = self.glue.tables.values()
            if what == "held":
                return len(table.partitions)
            wanted = {v: f"s3://{BUCKET}/{folder}" for v, folder in Tree(**given).folders()}
            if what == "holds":
                return table.partitions == wanted
            table.hold(wanted)
        else:
            raise ValueError(what)
        return None


# ---------------------------------------------------------------- and how a bench holds it


class Stub:
    """The server's process; what it holds stays until it is told otherwise."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point every AWS client at it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def delay(self, seconds: float) -> None:
        """What each answer waits from now on."""
        self._ask("delay", seconds)

    def keys(self, tree: Tree) -> None:
        """The bucket holds these keys."""
        self._ask("keys", asdict(tree))

    def partitions(self, tree: Tree) -> None:
        """The only table holds these partitions."""
        self._ask("partitions", asdict(tree))

    def holds(self, tree: Tree) -> bool:
        """Does the only table hold exactly these partitions, each where it lies?"""
        return bool(self._ask("holds", asdict(tree)))

    def held(self) -> int:
        """How many partitions the only table has."""
        return int(self._ask("held", None))

    def calls(self) -> Counter[str]:
        """The requests by operation since the last time that this was asked."""
        return Counter(self._ask("calls", None))

    def _ask(self, what: str, given: object) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", f"/-/{what}", json.dumps(given))
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer


if __name__ == "__main__":
    asyncio.run(Server().serve())
