"""The bench's Glue as Trino has to see it: what moto leaves out of its answers, put back.

Trino needs three things of Glue that moto does not give: the defaults of a storage descriptor, the
list of keys that were not processed, and an answer to what it asks about statistics.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from athena_server import Environ, StartResponse
from werkzeug.serving import make_server

Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

DEFAULTS: dict[str, object] = {
    "BucketColumns": [],
    "Compressed": False,
    "NumberOfBuckets": 0,
    "SortColumns": [],
    "StoredAsSubDirectories": False,
}
"""What Glue stores where a StorageDescriptor says nothing."""
STATISTICS = ("GetColumnStatisticsForTable", "GetColumnStatisticsForPartition")
"""Operations that moto lacks; Trino asks them for its planner, and nobody has any."""


class GlueFront:
    """WSGI: passes Glue's requests on, and completes the answers."""

    def __init__(self, bench: Wsgi) -> None:
        self._bench = bench

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        if operation in STATISTICS:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return _answer(start_response, {"ColumnStatisticsList": [], "Errors": []})
        said: list[Any] = []
        answer = b"".join(self._bench(environ, lambda *words: said.extend(words)))
        status, headers, *_ = said
        if status.startswith("200"):
            return _answer(start_response, complete(operation, json.loads(answer or b"{}")))
        start_response(status, headers)
        return [answer]


def _answer(start_response: StartResponse, document: object) -> list[bytes]:
    body = json.dumps(document).encode()
    kind = ("Content-Type", "application/x-amz-json-1.1")
    start_response("200 OK", [kind, ("Content-Length", str(len(body)))])
    return [body]


def complete(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of moto's with all that Glue's has."""
    if operation == "BatchGetPartition":
        answer.setdefault("UnprocessedKeys", [])
    found = (answer.get("Table"), answer.get("Partition"))
    for each in (*found, *answer.get("TableList", ()), *answer.get("Partitions", ())):
        if each and "StorageDescriptor" in each:
            each["StorageDescriptor"] = {**DEFAULTS, **each["StorageDescriptor"]}
    return answer


@contextmanager
def glue_front(bench: Wsgi) -> Iterator[str]:
    """The endpoint of a Glue for Trino, on a free port."""
    server = make_server("127.0.0.1", 0, GlueFront(bench), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
