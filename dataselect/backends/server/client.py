"""Requests to an OpenAI-compatible server: many at once, and tried again where that can help.

Requests run on an event loop in a thread of its own: only there can one that waits for its answer be cancelled at once,
and a notebook's own loop stays free. Waits between tries grow exponentially and are never shorter than the server's
`Retry-After`. The API key comes from the environment and is kept in the client alone.

Left out: streaming, and following redirects, which could carry the key to another host.
"""

from __future__ import annotations

import asyncio
import random
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataselect.backends.server.access import api_key, checked_address
from dataselect.backends.server.refusals import UnansweredError, may_pass, refusal, retry_after, told
from dataselect.registry import require

if TYPE_CHECKING:
    import httpx

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a request is tried.

    Attributes:
        tries: Most tries, the first included.
        first_wait: Seconds before the second try; each further wait is twice as long. A random part of up to half is
            taken off, so that requests that failed together do not come back together.
        patience: Seconds after the first failure from which no further try begins.
    """

    tries: int = 6
    first_wait: float = 2.0
    patience: float = 60.0

    def wait(self, tries: int) -> float:
        """Seconds to wait after so many tries."""
        return float(self.first_wait * 2 ** (tries - 1) * random.uniform(0.5, 1.0))


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
        self.address, self._retries, self._key = checked_address(address), retries, api_key()
        self._http: httpx.AsyncClient = self._httpx.AsyncClient(
            base_url=self.address,
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=self._httpx.Timeout(timeout, connect=min(timeout, 10.0), pool=None),
            limits=self._httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        )
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, name="dataselect-requests", daemon=True)
        thread.start()
        self.close = weakref.finalize(self, _close, self._http, self._loop, thread)

    def submit(self, method: str, path: str, body: Body | None = None, tries: int | None = None) -> Future[Any]:
        """Start a request. Its future gives the decoded JSON, or raises; it can be cancelled.

        Raises:
            UnansweredError: If every try failed.
            RefusedError: If the server refuses what was asked.
            DataselectError: If the server wants another key.
            RuntimeError: If the sequence is too long for the server, or the answer is not JSON.
        """
        asked = self._ask(method, path, body, min(tries or self._retries.tries, self._retries.tries))
        return asyncio.run_coroutine_threadsafe(asked, self._loop)

    def ask(self, method: str, path: str, body: Body | None = None, tries: int | None = None) -> Any:  # noqa: ANN401
        """Send a request and wait for its answer; see `submit`."""
        future = self.submit(method, path, body, tries)
        try:
            return future.result()
        finally:
            future.cancel()

    async def _ask(self, method: str, path: str, body: Body | None, tries: int) -> Any:  # noqa: ANN401
        deadline = None
        for tried in range(1, tries + 1):
            wait, status = self._retries.wait(tried), None
            try:
                response = await self._http.request(method, path, json=body)
            except self._httpx.TransportError as error:
                text = f"{type(error).__name__} {error}".strip()
            else:
                status = response.status_code
                if not may_pass(status):
                    return self._decoded(response)
                text = f"HTTP {status} {told(response.text, self._key)}".strip()
                wait = max(wait, retry_after(response.headers.get("Retry-After")))
            now = self._loop.time()
            deadline = now + self._retries.patience if deadline is None else deadline
            if tried == tries or now + wait > deadline:
                raise UnansweredError(status, text, tried)
            await asyncio.sleep(wait)

    def _decoded(self, response: httpx.Response) -> Any:  # noqa: ANN401
        if response.status_code != 200:
            raise refusal(response.status_code, told(response.text, self._key))
        try:
            return response.json()
        except ValueError:
            raise RuntimeError(f"the server's answer is not JSON: {told(response.text, self._key)}") from None


def _close(http: httpx.AsyncClient, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Cancel what is in flight, close the connections, end the thread; in that thread itself, only end it."""

    async def finish() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await http.aclose()

    if thread is threading.current_thread():
        loop.stop()
        return
    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(finish(), loop).result(timeout=10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    if not loop.is_running():
        loop.close()
