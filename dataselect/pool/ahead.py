"""Work ahead: while one item is finished in Python, threads already work on the next ones.

It pays for work outside the interpreter's lock, which a tokenizer's is. There are two threads, because each waits for
the lock to hand over what it has done, and the other one works meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_THREADS = 2
_WAITING = 3
"""Items that may be ahead of the one that is finished."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def work_ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Each item with what `work` makes of it, in order.

    Args:
        work: Called in a thread; what it raises is raised here when the item's turn comes.
        items: Drawn in this thread, a few ahead.
    """
    with ThreadPoolExecutor(_THREADS) as threads:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            waiting.append((item, threads.submit(work, item)))
            if len(waiting) > _WAITING:
                first, result = waiting.popleft()
                yield first, result.result()
        for later, result in waiting:
            yield later, result.result()
