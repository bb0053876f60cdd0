"""Requests to an OpenAI-compatible server: many at once, retried where trying again can help.

Requests run on an event loop in a thread of its own, because only there a request that waits for its answer can be
cancelled at once, and because a notebook's own loop stays free. A connection that fails, a time-out, 408, 409, 425, 429
and 5xx are tried again after exponentially growing waits, and not before the time in `Retry-After`. What the server
refuses otherwise would be refused again, and is raised.

The API key comes from the environment and is kept only in the HTTP client's headers; where a server's message repeats
it, it is blotted out. Left out: streaming, and following redirects, which could carry the key to another host.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import weakref
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dataselect.backends.server_faults import (
    RETRIED,
    UnansweredError,
    message_of,
    refusal,
    retry_after,
)
from dataselect.errors import UsageError
from dataselect.registry import require

if TYPE_CHECKING:
    import httpx

KEYS = ("DATASELECT_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the API key; the first that is set counts."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a request is tried.

    Attributes:
        tries: Most tries, the first included.
        first_wait: Seconds before the second try; each further wait is twice as long. A random part, up to half, is
            taken off, so that requests that failed together do not come back together.
        patience: Seconds after the first failure from which no further try begins.
    """

    tries: int = 6
    first_wait: float = 2.0
    patience: float = 60.0

    def wait(self, attempt: int) -> float:
        """Seconds to wait after `attempt` tries."""
        return float(self.first_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.0))


class ServerClient:
    """The one door to a server.

    Args:
        address: Base URL, up to and without `/completions`.
        concurrency: Most requests in flight.
        timeout: Seconds to wait for an answer.
        retries: How often and how long a request is tried.

    Raises:
        MissingExtraError: If httpx is not installed.
        UsageError: If the address or the key cannot be used.
    """

    def __init__(self, address: str, concurrency: int, timeout: float, retries: Retries) -> None:
        self._httpx = require("httpx", extra="server")
        self.address, self._retries, self._key = checked_address(address), retries, _Key()
        self._http: httpx.AsyncClient = self._httpx.AsyncClient(
            base_url=self.address,
            headers=self._key.headers(),
            timeout=self._httpx.Timeout(timeout, connect=min(timeout, 10.0), pool=None),
            limits=self._httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        )
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, name="dataselect-server-requests", daemon=True)
        thread.start()
        self.close = weakref.finalize(self, _close, self._http, self._loop, thread)

    def submit(self, method: str, path: str, body: Any = None, tries: int | None = None) -> Future[Any]:  # noqa: ANN401
        """Start a request; the future gives the decoded JSON and can be cancelled.

        Raises:
            UnansweredError: By the future, if every try failed.
            RefusedError: By the future, if the server refuses what was asked.
            DataselectError: By the future, if the server wants another key.
            RuntimeError: By the future, if the sequence is too long for the server or the answer is not JSON.
        """
        return asyncio.run_coroutine_threadsafe(
            self._ask(method, path, body, tries or self._retries.tries), self._loop
        )

    def ask(self, method: str, path: str, body: Any = None, tries: int | None = None) -> Any:  # noqa: ANN401
        """One request and its answer; see `submit`."""
        future = self.submit(method, path, body, tries)
        try:
            return future.result()
        finally:
            future.cancel()

    async def _ask(self, method: str, path: str, body: Any, tries: int) -> Any:  # noqa: ANN401
        failed_first: float | None = None
        attempt = 0
        while True:
            attempt += 1
            told = None
            try:
                response = await self._http.request(method, path, json=body)
            except self._httpx.TransportError as error:
                fault = UnansweredError(attempt, None, f"{type(error).__name__} {error}".strip())
            else:
                if response.status_code != 429 and response.status_code not in RETRIED:
                    return self._decoded(response)
                fault = UnansweredError(attempt, response.status_code, self._told(response))
                told = retry_after(response.headers.get("Retry-After"))
            now = self._loop.time()
            failed_first = now if failed_first is None else failed_first
            wait = max(told or 0.0, self._retries.wait(attempt))
            if attempt >= tries or now + wait - failed_first > self._retries.patience:
                raise fault
            await asyncio.sleep(wait)
