"""Requests in flight: so many at once that the server stays busy, and no more tokens than it is given to hold."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any


def answers(
    submit: Callable[[int], Future[Any]], sizes: Mapping[int, int], most: int, most_tokens: int
) -> Generator[tuple[int, Any]]:
    """Answers as they come, each with the key of its question.

    The next request is sent as soon as it fits, in the order of the keys; one alone always fits. Closing the generator,
    or an error in it, cancels what is still in flight.

    Args:
        submit: Sends the request of a key.
        sizes: Number of tokens of each request by its key.
        most: Most requests in flight.
        most_tokens: Most tokens in flight.

    Raises:
        Exception: What a request failed with, as soon as it does.
    """
    waiting = list(reversed(sizes))
    in_flight: dict[Future[Any], int] = {}
    tokens = 0
    try:
        while waiting or in_flight:
            while waiting and (not in_flight or (len(in_flight) < most and tokens + sizes[waiting[-1]] <= most_tokens)):
                key = waiting.pop()
                tokens += sizes[key]
                in_flight[submit(key)] = key
            for done in wait(in_flight, return_when=FIRST_COMPLETED).done:
                key = in_flight.pop(done)
                tokens -= sizes[key]
                yield key, done.result()
    finally:
        for future in in_flight:
            future.cancel()
