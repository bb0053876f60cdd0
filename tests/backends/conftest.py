"""A real HTTP server that answers as servers do, and fails as a test asks; the backend is what connects to it."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from dataselect.backends import BackendOptions, TokenSequence
from dataselect.backends.server.backend import ServerBackend
from dataselect.backends.server.client import Retries

QUICK = Retries(tries=4, first_wait=0.01, patience=0.5)
SENT = [TokenSequence(np.arange(5, 5 + n, dtype=np.int32)) for n in (2, 9, 4, 30, 6, 17, 3, 12)]


def logprob(before: int, token: int) -> float:
    """A distribution made up for these tests: below -ln 2, so that rank 2 is possible, and different for neighbours."""
    return -(1 + (31 * before + 17 * token) % 97 / 16)


class FaultyServer:
    """A real HTTP server that tells these log-probabilities; `fault` may answer in its place.

    `fault(n, request, answer)` is asked with the number of the request, from 0 after the start, its body, and a maker
    of the true answer; it returns None, or a status, headers and a body.
    """

    def __init__(self, tokenizer: Any, speaks: str) -> None:
        self.tokenizer, self.speaks = tokenizer, speaks
        self.fault: Callable[[int, dict[str, Any], Callable[[], Any]], Any] = lambda n, request, answer: None
        self.listed = [{"id": "tiny", "max_model_len": 1024}]
        self.seen: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.connections: list[Any] = []
        self.started, self.in_flight, self.most, self.lock = False, 0, 0, threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                outer.connections.append(self.connection)

            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                outer.keys.add(self.headers.get("Authorization"))
                self.send(*(outer.refuses or (200, {}, {"data": outer.listed})))

            def do_POST(self) -> None:
                outer.keys.add(self.headers.get("Authorization"))
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send(*outer.reply(request))

            def send(self, status: int, headers: dict[str, str], body: Any) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

        self.refuses: tuple[int, dict[str, str], Any] | None = None
        self.http = type("Http", (ThreadingHTTPServer,), {"request_queue_size": 64})(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.http.server_port}/v1"

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
        for connection in self.connections:  # those that are kept alive would still be answered
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def assert_right(self, scores: Any, sequences: Any = None, rank: int = 2) -> None:
        """What a backend made of the answers is what this server tells for these sequences, `sent` by default."""
        sequences = SENT if sequences is None else sequences
        assert len(scores) == len(sequences)
        for found, sequence in zip(scores, sequences, strict=True):
            expected = [logprob(a, b) for a, b in itertools.pairwise(sequence.ids.tolist())]
            np.testing.assert_allclose(found.logprobs[1:], expected, rtol=1e-6)
            assert np.isnan(found.logprobs[0])
            assert found.ranks.tolist() == [0] + [rank] * len(expected)

    def reply(self, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        with self.lock:
            if self.started:
                self.seen.append(request)
            n = len(self.seen) - 1
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
        try:
            found = self.refuses or (self.fault(n, request, lambda: self.answer(request)) if self.started else None)
            return found or (200, {}, self.answer(request))
        finally:
            with self.lock:
                self.in_flight -= 1

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        prompt = request["prompt"]
        ids = self.tokenizer(prompt).input_ids if isinstance(prompt, str) else prompt
        values = [logprob(a, b) for a, b in itertools.pairwise(ids)]
        choice: dict[str, Any] = {"text": "x"}
        if self.speaks == "vllm" and "prompt_logprobs" in request:
            entries = [{str(i): {"logprob": v, "rank": 2}} for i, v in zip(ids[1:], values, strict=True)]
            choice["prompt_logprobs"] = [None, *entries]
        if self.speaks in ("vllm", "echo") and request.get("echo") and request.get("logprobs") is not None:
            tokens = [f"<{i}>" for i in [*ids, 0]]
            choice["logprobs"] = {"tokens": tokens, "token_logprobs": [None, *values, -0.5]}
        return {"choices": [choice], "usage": {"prompt_tokens": len(ids)}}


@pytest.fixture(scope="module")
def tokenizer(builtin):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(builtin)


@pytest.fixture
def sent() -> list[TokenSequence]:
    """Sequences of 2 to 30 tokens."""
    return SENT


@pytest.fixture
def server(tokenizer, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("DATASELECT_API_KEY", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FaultyServer(tokenizer, "vllm")
    yield server
    server.stop()


@pytest.fixture
def connect(server, builtin):
    made = []

    def connect(retries: Retries = QUICK, **options: Any) -> ServerBackend:
        made.append(ServerBackend(builtin, BackendOptions(**{"server": server.address, **options}), retries))
        server.started = True
        return made[-1]

    yield connect
    for backend in made:
        backend.stop()


@pytest.fixture(scope="session")
def truth(builtin):
    """Log-probabilities in float64 and ranks of one sequence, from the full logits of the model in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).eval()

    def slow(sequence: TokenSequence) -> tuple[np.ndarray, np.ndarray]:
        ids = torch.tensor(sequence.ids.tolist())
        with torch.inference_mode():
            logits = model(ids[None]).logits[0, :-1].double()
        chosen = logits.gather(1, ids[1:, None])
        return (chosen[:, 0] - logits.logsumexp(1)).numpy(), (logits >= chosen).sum(1).numpy()

    return slow
