"""Requests to an OpenAI-compatible server: many at once, each tried again where that can help.

Requests run on an event loop in a thread of its own: only there can one that waits for its answer be cancelled at once,
and a notebook's own loop stays free. Waits between tries grow exponentially and are never shorter than the server's
`Retry-After`. The API key comes from the environment and is kept in the client alone (`access`).

A server is not trusted to end an answer: its size is limited by what was asked, the time from its first byte on is
limited too, and no compressed answer is taken, since its size shows only when it fills the memory.

Left out: streaming, and following redirects, which could carry the key to another host.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataselect.backends.server.access import Secret, api_key, checked_address
from dataselect.backends.server.replies import UnansweredError, may_pass, refusal, retry_after, server_words
from dataselect.registry import require

if TYPE_CHECKING:
    import httpx


Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Retries:
    """Limits on how often and how long a request is tried.

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
    """The only connection to a server.

    Args:
        address: Base URL, up to and without `/completions`.
        concurrency: Most requests in flight.
        timeout: Most seconds from a request to the end of its answer.
        retries: How often and how long a request is tried.
        limits: How large an answer may be, and how long it may take to come.

    Attributes:
        secret: The key, which masks messages about the server.

    Raises:
        MissingExtraError: If httpx is not installed.
        UsageError: If the address or the key cannot be used.
    """

    def __init__(self, address: str, concurrency: int, timeout: float, retries: Retries, limits: AnswerLimits) -> None:
        self._httpx = require("httpx", extra="server")
        self.address, self.secret = checked_address(address), Secret(api_key())
        self._retries, self._limits, self._timeout = retries, limits, timeout
        self._http: httpx.AsyncClient = self._httpx.AsyncClient(
            base_url=self.address,
            headers={**self.secret.header, "Accept-Encoding": "identity"},
            follow_redirects=False,
            timeout=self._httpx.Timeout(timeout, connect=min(timeout, 10.0), pool=None),
            limits=self._httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        )
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, name="dataselect-requests", daemon=True)
        thread.start()
        self.secret.watch_logs()
        self.close = weakref.finalize(self, _close, self._http, self._loop, thread, self.secret)

    def submit(
        self, method: str, path: str, body: Body | None = None, tries: int | None = None, timeout: float | None = None
    ) -> Future[Any]:
        """Start a request. Its future gives the decoded JSON, or raises; it can be cancelled.

        Args:
            tries: Most tries, where that is fewer than the client's.
            timeout: Most seconds per try, where that is less than the client's.

        Raises:
            UnansweredError: If every try failed.
            RefusedError: If the server refuses the request.
            DataselectError: If the server refuses the key.
            RuntimeError: If the sequence is too long for the server, or the answer is not JSON, or is compressed or
                too large.
        """
        most = self._retries.tries
        asked = self._ask(method, path, body, min(tries or most, most), min(timeout or self._timeout, self._timeout))
        return asyncio.run_coroutine_threadsafe(asked, self._loop)

    def ask(
        self, method: str, path: str, body: Body | None = None, tries: int | None = None, timeout: float | None = None
    ) -> Any:  # noqa: ANN401
        """Send a request and wait for its answer; see `submit`."""
        future = self.submit(method, path, body, tries, timeout)
        try:
            return future.result()
        finally:
            future.cancel()

    async def _ask(self, method: str, path: str, body: Body | None, tries: int, timeout: float) -> Any:  # noqa: ANN401
        deadline = None
        for tried in range(1, tries + 1):
            wait, status = self._retries.wait(tried), None
            try:
                async with asyncio.timeout(timeout), self._http.stream(method, path, json=body) as response:
                    content = await read_answer(response, self._limits, body)
            except self._httpx.TransportError as error:
                text = f"{type(error).__name__} {error}".strip()
            except TimeoutError as error:
                text = str(error) or f"no whole answer within {timeout:g} s"
            else:
                status = response.status_code
                if not may_pass(status):
                    return self._decoded(status, content)
                text = f"HTTP {status} {server_words(content, self.secret.masked)}".strip()
                wait = max(wait, retry_after(response.headers.get("Retry-After")))
            now = self._loop.time()
            deadline = now + self._retries.patience if deadline is None else deadline
            if tried == tries or now + wait > deadline:
                raise UnansweredError(status, text, tried)
            await asyncio.sleep(wait)

    def _decoded(self, status: int, content: bytes) -> Any:  # noqa: ANN401
        if status != 200:
            raise refusal(status, server_words(content, self.secret.masked))
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise RuntimeError(
                f"the server's answer is not JSON: {server_words(content, self.secret.masked)}"
            ) from None


def _close(http: httpx.AsyncClient, loop: asyncio.AbstractEventLoop, thread: threading.Thread, secret: Secret) -> None:
    """Cancel requests in flight, close the connections and end the thread; in that thread itself, only end it."""

    async def finish() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await http.aclose()

    secret.leave_logs()
    if thread is threading.current_thread():
        loop.stop()
        return
    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(finish(), loop).result(timeout=10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    if not loop.is_running():
        loop.close()


_FAILURE_BYTES = 65_536
"""Bytes that are read of a failure: its message comes first."""


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Limits on the size of an answer, and on the time from its headers to its end.

    A token with its log-probability takes about 100 bytes; a list of models may take a megabyte.

    Attributes:
        size: Bytes, whatever the request.
        size_per_token: Bytes more for each token of the prompt.
        seconds: Seconds, whatever the request.
        seconds_per_token: Seconds more for each token of the prompt.
    """

    size: int = 16 * 2**20
    size_per_token: int = 4096
    seconds: float = 20.0
    seconds_per_token: float = 0.001


async def read_answer(response: httpx.Response, limits: AnswerLimits, body: Mapping[str, Any] | None) -> bytes:
    """Read the content of an answer whose headers have arrived.

    Args:
        body: The request; a longer prompt allows for a longer answer.

    Raises:
        TimeoutError: If it does not end in time.
        RuntimeError: If it is compressed, or too large.
    """
    tokens = len(body.get("prompt", "")) if body else 0
    seconds = limits.seconds + tokens * limits.seconds_per_token
    try:
        async with asyncio.timeout(seconds):
            return await _bounded(response, limits.size + tokens * limits.size_per_token)
    except TimeoutError:
        raise TimeoutError(f"the server began an answer and did not end it within {seconds:g} s") from None


async def _bounded(response: httpx.Response, most: int) -> bytes:
    if response.status_code != 200:
        most = _FAILURE_BYTES
    elif (coding := response.headers.get("Content-Encoding", "identity").lower()) != "identity":
        raise RuntimeError(f"the server's answer is compressed ({coding[:20]}), though that was not asked for")
    content = bytearray()
    async for part in response.aiter_raw():
        content += part
        if len(content) > most:
            if response.status_code != 200:
                break
            raise RuntimeError(f"the server's answer has more than the {most:,} bytes that it can need")
    return bytes(content[:most])
