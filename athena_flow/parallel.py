"""Items in batches, and work in threads: a few items ahead of the one asked for, no more.

What streams in streams out, however much it is: nothing here waits for the last item
before it gives the first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

WORKERS = 16
"""Threads that wait for an answer at the same time."""

In = TypeVar("In")
Out = TypeVar("Out")


def batches(items: Iterable[In], size: int) -> Iterator[tuple[In, ...]]:
    """The items in order, at most ``size`` at a time."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


@contextmanager
def threads(workers: int = WORKERS) -> Iterator[ThreadPoolExecutor]:
    """A pool that nobody waits for when its user stops early: by an error, or by Ctrl-C."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[In], Out],
    items: Iterable[In],
    ahead: int = 2 * WORKERS,
) -> Generator[Out, None, None]:
    """``work`` of each item, in the order of the items, at most so many ahead."""
    waiting: deque[Future[Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) == ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
