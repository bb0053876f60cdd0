"""A real `vllm serve` on the loopback address tells, in both dialects, what the transformers backend computes here."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.backends.server import start as server_start
from dataselect.backends.server.replies import DIALECTS
from dataselect.errors import DataselectError

pytestmark = pytest.mark.vllm

TOLERANCE = 1e-4  # nats per token
KEY = "sk-of-this-test"
START_SECONDS = 300


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://127.0.0.1:{port}/health", timeout=5
            )
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"vllm serve did not start, exit code {process.poll()}:\n{log.read_text(errors='replace')[-4000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End the server with all processes that it started."""
    for number, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
            process.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


@pytest.fixture(scope="module")
def address(builtin: Path, vllm_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server of the bundled model, in float32, which wants `KEY`."""
    port, log = free_port(), tmp_path_factory.mktemp("vllm") / "log"
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(builtin), "--host", "127.0.0.1",
        "--port", str(port), "--served-model-name", "tiny", "--dtype", "float32", "--enforce-eager",
        "--max-model-len", "1024", "--no-enable-prefix-caching",
    ]  # fmt: skip
    environment = {
        **os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "INFO", "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1", "VLLM_API_KEY": KEY,
    }  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            wait_until_ready(process, port, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            end(process)


@pytest.fixture
def connect(address, builtin, monkeypatch):
    monkeypatch.setenv("DATASELECT_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = []

    def connect(**options):
        made.append(load_backend("server", builtin, BackendOptions(server=address, **options)))
        return made[-1]

    yield connect
    for backend in made:
        backend.stop()


@pytest.fixture(scope="module")
def sequences() -> list[TokenSequence]:
    rng = np.random.default_rng(0)
    lengths = [1, 2, 15, 16, 17, 250, 513, 1022, *rng.integers(1, 150, 32)]
    return [TokenSequence(np.concatenate(([0], rng.integers(4, 8192, n))).astype(np.int32)) for n in lengths]


@pytest.fixture(scope="module")
def reference(transformers_backend, sequences):
    return transformers_backend.score(sequences)


def largest_difference(a, b) -> float:
    return max(float(np.nanmax(np.abs(x.logprobs - y.logprobs))) for x, y in zip(a, b, strict=True))


def test_the_server_scores_as_the_offline_backends_do(connect, sequences, reference):
    backend = connect()
    scores = backend.score(sequences)
    assert backend.max_length == 1023
    assert largest_difference(scores, reference) < TOLERANCE
    assert [np.isnan(s.logprobs).sum() for s in scores] == [1] * len(sequences)
    apart = np.concatenate([np.abs(a.ranks - b.ranks) for a, b in zip(scores, reference, strict=True)])
    assert apart.max() <= 1  # near ties may fall either way in float32
    assert (apart > 0).mean() < 0.01


@pytest.mark.parametrize("dialect", DIALECTS[1:], ids=lambda dialect: dialect.name)
def test_a_server_that_only_echoes_gives_the_same_without_ranks(connect, sequences, reference, dialect, monkeypatch):
    monkeypatch.setattr(server_start, "DIALECTS", (dialect,))
    backend = connect(served_model="tiny")
    scores = backend.score(sequences, ranks=False)
    assert largest_difference(scores, reference) < TOLERANCE
    assert not any(s.ranks.any() for s in scores)
    with pytest.raises(DataselectError, match="--no-ranks"):
        backend.score(sequences)


def test_order_and_the_number_in_flight_change_nothing(connect, sequences, reference):
    order = np.random.default_rng(1).permutation(len(sequences))
    scores = connect(engine_args={"concurrency": 3}, batch_tokens=600).score([sequences[i] for i in order])
    assert largest_difference(scores, [reference[i] for i in order]) < TOLERANCE


def test_the_longest_sequence_fits_and_one_token_more_is_the_fault_of_its_row(connect):
    # P23: one token has to be generated, so a prompt of exactly the model's positions is refused
    backend = connect()
    ids = np.concatenate(([0], np.full(1100, 100))).astype(np.int32)
    assert np.isfinite(backend.score([TokenSequence(ids[:1023])])[0].logprobs[1:]).all()
    for length in (1024, 1025, 1101):
        with pytest.raises(RuntimeError, match="too long for the server"):
            backend.score([TokenSequence(ids[:length])])


def test_wrong_keys_lengths_and_names_are_told(connect, monkeypatch):
    with pytest.raises(DataselectError, match="takes 1024"):
        connect(max_length=1024)
    with pytest.raises(DataselectError, match=r"HTTP 404.*huge"):
        connect(served_model="huge")
    monkeypatch.setenv("DATASELECT_API_KEY", "sk-another")
    with pytest.raises(DataselectError, match="refuses access"):
        connect()
