"""The server backend: any OpenAI-compatible completions endpoint that gives log-probabilities of a prompt.

Token ids go in, one sequence per request, as many requests in flight as keep the server busy and as hold the token
budget; the server batches as it likes. How it has to be asked is found out first (`start`), every answer is checked
(`replies`), and faults that may pass are tried again (`client`).

What is guaranteed: each number belongs to the token that was asked, and no fault becomes a number. What is not: the
weights, dtype and batching are the server's, so only one that runs in float32 agrees with the other backends to 1e-4
nats. Nor can its prefix cache be switched off from here. vLLM 0.32 looks no prefix up for a request with prompt
log-probabilities (`SamplingParams.skip_reading_prefix_cache`), and its echo becomes one; still, with caching on,
other versions have given numbers that depend on the order of requests (vLLM issue 42019). Start a server for scoring
with `--no-enable-prefix-caching`.

Left out: several sequences per request, which would only make one failure the failure of all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from pathlib import Path
from typing import Any

from dataselect.backends.contract import BackendOptions, EngineDiedError, Tick, TokenSequence, unscored
from dataselect.backends.server.client import AnswerLimits, Retries, ServerClient
from dataselect.backends.server.replies import LIMITED, UnansweredError
from dataselect.backends.server.start import PROBE_SECONDS, find_served
from dataselect.errors import DataselectError, UsageError
from dataselect.records import TokenScores
from dataselect.registry import unknown

DEFAULT_BATCH_TOKENS = 65_536
_DEFAULTS = {"concurrency": 16, "timeout": 300}
"""Engine arguments: most requests in flight, and seconds to wait for one answer."""


class ServerBackend:
    """A causal language model behind a server. See `contract.Backend`.

    Args:
        model: Model folder: its tokenizer must be the server's, and its positions limit `max_length`.
        options: `server` is the address; `batch_tokens` counts tokens in flight; `engine_args` may hold `concurrency`
            (16 requests) and `timeout` (300 seconds from a request to the end of its answer). The dtype is the
            server's own.
        retries: How often and how long a request is tried; None for six times in a minute.
        limits: How large an answer may be, and how long it may take; None for the defaults.

    Raises:
        MissingExtraError: If httpx is not installed.
        UsageError: If the address is missing or unusable, or the server serves several models and none is named.
        DataselectError: If the server does not answer, or cannot score this model's sequences.
    """

    name = "server"
    alone: str | None = None
    dtype = "of the server"

    def __init__(
        self,
        model: Path,
        options: BackendOptions,
        retries: Retries | None = None,
        limits: AnswerLimits | None = None,
    ) -> None:
        if not options.server:
            raise UsageError(
                "the backend server needs the address of a server",
                "give --server URL, such as http://127.0.0.1:8000/v1, or set DATASELECT_SERVER in the environment",
            )
        arguments = _arguments(options.engine_args)
        self.batch_tokens = options.batch_tokens or DEFAULT_BATCH_TOKENS
        self.max_length = options.longest(model)
        self._concurrency = int(arguments["concurrency"])
        self._client = ServerClient(
            options.server, self._concurrency, arguments["timeout"], retries or Retries(), limits or AnswerLimits()
        )
        try:
            with self._client.secret.kept():
                self._served = find_served(self._client, options.served_model, model)
            _require_room(self.max_length, self._served.positions)
        except BaseException:
            self.stop()
            raise

    def score(
        self,
        sequences: Sequence[TokenSequence],
        ranks: bool = True,
        tick: Tick = lambda done: None,
        batch_tokens: int | None = None,
    ) -> list[TokenScores]:
        """Score sequences; see `contract.Backend`.

        Raises:
            EngineDiedError: If the server no longer answers.
            RuntimeError: If it cannot score one of the sequences, though it answers others.
            DataselectError: If ranks are wanted and it has none, or it refuses the key or further requests.
        """
        if ranks and not self._served.dialect.ranks:
            raise DataselectError("this server gives log-probabilities but no ranks", "score with --no-ranks")
        results = [unscored(len(s.ids)) for s in sequences]
        sizes = {i: len(s.ids) for i, s in enumerate(sequences) if len(s.ids) > s.start}
        tick(len(sequences) - len(sizes))

        def submit(i: int) -> Future[Any]:
            body = self._served.dialect.body(self._served.name, sequences[i].ids.tolist())
            return self._client.submit("POST", "/completions", body)

        flow = answers(submit, sizes, self._concurrency, batch_tokens or self.batch_tokens)
        try:
            with self._client.secret.kept(), closing(flow):
                for i, answer in flow:
                    found = self._served.dialect.read(answer, sequences[i].ids.tolist())
                    start = sequences[i].start
                    results[i].logprobs[start:] = found.logprobs[start:]
                    if ranks:
                        results[i].ranks[start:] = found.ranks[start:]
                    tick(1)
        except UnansweredError as error:
            raise self._diagnosis(error) from None
        return results

    def stop(self) -> None:
        """Cancel requests in flight and close the connections; the server itself keeps running."""
        self._client.close()

    def _diagnosis(self, error: UnansweredError) -> Exception:
        """Diagnose a request that was never answered: by sending the request of the start again."""
        if error.status == LIMITED:
            return DataselectError(
                f"the server limits the rate of requests: {error}",
                "run the same command again later; --engine-arg concurrency=4 sends fewer at once",
            )
        try:
            self._client.ask("POST", "/completions", self._served.probe, tries=1, timeout=PROBE_SECONDS)
        except (UnansweredError, DataselectError, RuntimeError):
            return EngineDiedError(f"the server no longer answers: {error}")
        return RuntimeError(f"the server answers other requests, but not this one: {error}")


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in given.items():
        if name not in _DEFAULTS:
            raise unknown("engine argument of the backend server", name, _DEFAULTS)
        wanted: Any = int if name == "concurrency" else int | float
        if isinstance(value, bool) or not isinstance(value, wanted) or not value > 0:
            raise UsageError(f"--engine-arg {name} must be a number above 0, got {value!r}")
    return {**_DEFAULTS, **given}


def _require_room(max_length: int, positions: int | None) -> None:
    if positions is not None and max_length > positions - 1:
        raise DataselectError(
            f"sequences may have {max_length} tokens, but the server takes {positions}, of which it generates one",
            f"score with --max-length {positions - 1}, or start the server with --max-model-len {max_length + 1}",
        )


def answers(
    submit: Callable[[int], Future[Any]], sizes: Mapping[int, int], most: int, most_tokens: int
) -> Generator[tuple[int, Any]]:
    """Yield answers as they arrive, each with the key of its request.

    The next request is sent as soon as it fits, in the order of the keys; one alone always fits. Closing the generator,
    or an error in it, cancels what is still in flight.

    Args:
        submit: Sends the request of a key.
        sizes: Number of tokens of each request by its key.
        most: Most requests in flight.
        most_tokens: Most tokens in flight.

    Raises:
        Exception: The error of the first request that fails.
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
