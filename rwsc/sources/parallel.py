"""Work on many things with a few threads: results in order, and a bound on what waits in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_WORKERS = 4
"""Threads that read and decode images; decoding lets go of the interpreter's lock."""


def map_in_order(work: Callable[[T], R], things: Iterable[T], *, max_workers: int) -> Iterator[R]:
    """Apply a function to things in threads and give the results in the things' order.

    Args:
        work: What to do; its first exception ends the iteration.
        things: Taken lazily, at most two per thread ahead of what was given back.
        max_workers: Threads, 1 or more.

    Yields:
        R: One result per thing.
    """
    with ThreadPoolExecutor(max_workers=max_workers) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for thing in things:
                waiting.append(pool.submit(work, thing))
                if len(waiting) > 2 * max_workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
