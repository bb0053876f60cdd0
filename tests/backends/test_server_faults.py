"""What the server backend makes of answers that do not come, or are wrong: another try, or an error, never a number."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from dataselect.backends import EngineDiedError
from dataselect.backends.server.replies import retry_after
from dataselect.errors import DataselectError

# --- faults that pass ---


@pytest.mark.parametrize("status", [500, 502, 503, 408, 409, 425, 429])
def test_a_fault_that_passes_costs_another_try_and_nothing_else(server, connect, status, sent):
    backend = connect()
    server.fault = lambda n, request, answer: (status, {}, {"error": {"message": "no"}}) if n < 3 else None
    ticks = []
    server.assert_right(backend.score(sent, tick=ticks.append))
    assert len(server.seen) == len(sent) + 3
    assert sum(ticks) == len(sent)


def test_retry_after_is_waited_for(server, connect, sent):
    backend = connect()
    times = []

    def limited(n, request, answer):
        times.append(time.monotonic())
        return (429, {"Retry-After": "0.25"}, b"") if n == 0 else None

    server.fault = limited
    server.assert_right(backend.score(sent[:1]), sent[:1])
    assert times[1] - times[0] >= 0.25  # the wait of QUICK would have been 0.01


def test_retry_after_reads_numbers_and_dates():
    assert retry_after("7") == 7
    assert 58 < retry_after(time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))) <= 60
    assert [retry_after(text) for text in (None, "soon", "-3", "nan", "inf")] == [0, 0, 0, 0, 0]


def test_a_server_that_asks_for_more_patience_than_there_is_is_not_pressed(server, connect, sent):
    backend = connect()
    server.fault = lambda n, request, answer: (429, {"Retry-After": "3600"}, b"")
    with pytest.raises(DataselectError, match="limits the rate") as told:
        backend.score(sent[:1])
    assert "later" in told.value.hint
    assert len(server.seen) == 1


def test_a_request_that_hangs_is_sent_again(server, connect, sent):
    backend = connect(engine_args={"timeout": 0.2})
    server.fault = lambda n, request, answer: time.sleep(0.6) if n == 1 else None
    server.assert_right(backend.score(sent))


def test_a_connection_that_breaks_is_made_again(server, connect, sent):
    backend = connect()

    def broken(n, request, answer):
        if n == 2:
            raise ConnectionResetError  # the handler ends without an answer
        return None

    server.http.handle_error = lambda *args: None
    server.fault = broken
    server.assert_right(backend.score(sent))


# --- faults that stay ---


def test_a_sequence_that_the_server_fails_at_is_told_from_a_server_that_fails(server, connect, sent):
    backend = connect()
    poison = sent[3].ids.tolist()
    server.fault = lambda n, request, answer: (500, {}, b"boom") if request["prompt"] == poison else None
    with pytest.raises(RuntimeError, match="answers other requests, but not this one: HTTP 500 boom") as told:
        backend.score(sent)
    assert not isinstance(told.value, EngineDiedError)
    server.assert_right(backend.score(sent[:3]), sent[:3])
    server.fault = lambda n, request, answer: (500, {}, b"boom")
    with pytest.raises(EngineDiedError, match="no longer answers"):
        backend.score(sent)


def test_a_server_that_is_gone_is_a_dead_engine(server, connect, sent):
    backend = connect()
    server.stop()
    with pytest.raises(EngineDiedError, match="Error"):
        backend.score(sent)


def test_a_wrong_address_is_told_when_the_backend_is_made(connect):
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(DataselectError, match=f"no server answers at {address}"):
            connect(server=address)


def changed(change: Callable[[dict[str, Any]], None]):
    """A fault that answers, after a change to the answer's only choice."""

    def fault(n, request, answer):
        whole = answer()
        change(whole["choices"][0])
        return 200, {}, whole

    return fault


def set_logprob(value: Any) -> Callable[[dict[str, Any]], None]:
    def change(choice):
        next(iter(choice["prompt_logprobs"][-1].values()))["logprob"] = value

    return change


WRONG = {
    "one position too few": (lambda c: c["prompt_logprobs"].pop(), "prompt_logprobs have 29 positions"),
    "one position too many": (lambda c: c["prompt_logprobs"].append({}), "prompt_logprobs have 31 positions"),
    "no log-probabilities": (lambda c: c.pop("prompt_logprobs"), "no prompt_logprobs"),
    "another token": (lambda c: c["prompt_logprobs"].__setitem__(4, {"7": {"logprob": -1.0, "rank": 1}}), "tokenizer"),
    "null for a token": (lambda c: c["prompt_logprobs"].__setitem__(4, None), "tokenizer"),
    "null for a value": (set_logprob(None), "gave None as a log-probability at position 29"),
    "not a number": (set_logprob(float("nan")), "gave nan"),
    "minus infinity": (set_logprob(float("-inf")), "gave -inf"),
    "the stand-in for minus infinity": (set_logprob(-9999.0), "gave -9999.0"),
    "more likely than certain": (set_logprob(0.01), "gave 0.01"),
    "text": (set_logprob("-1.0"), "gave -1.0"),
    "more than half for the second": (set_logprob(-0.5), "rank 2"),
    "no rank": (lambda c: c["prompt_logprobs"][3].popitem()[1], "tokenizer"),
    "rank 0": (lambda c: next(iter(c["prompt_logprobs"][3].values())).update(rank=0), "the rank 0 at position 3"),
}


@pytest.mark.parametrize(("change", "told"), WRONG.values(), ids=WRONG)
def test_no_wrong_answer_becomes_a_number(server, connect, change, told, sent):
    backend = connect()
    server.fault = changed(change)
    with pytest.raises(RuntimeError, match=told):
        backend.score(sent[3:4])
    assert len(server.seen) == 1  # asked again, it would say the same


ECHOES = {
    "wrong ids": (lambda f: f.update(tokens=["token_id:8"] * 31), "scored token_id:8 at position 0, where token 5"),
    "too few": (lambda f: f["token_logprobs"].__delitem__(slice(3)), "token_logprobs have 28 positions"),
    "null": (lambda f: f["token_logprobs"].__setitem__(6, None), "gave None as a log-probability at position 6"),
}


@pytest.mark.parametrize(("change", "told"), ECHOES.values(), ids=ECHOES)
def test_wrong_echoes_become_no_numbers_either(server, connect, change, told, sent):
    server.speaks = "echo"
    backend = connect()
    server.fault = changed(lambda choice: change(choice["logprobs"]))
    with pytest.raises(RuntimeError, match=told):
        backend.score(sent[3:4], ranks=False)


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"\xff\xfe", b"", b"[]", b"null", b'{"choices": []}'])
def test_an_answer_that_cannot_be_read_is_the_fault_of_its_request(server, connect, body, sent):
    backend = connect()
    server.fault = lambda n, request, answer: (200, {}, body) if n == 0 else None
    with pytest.raises(RuntimeError, match=r"not JSON|one choice"):
        backend.score(sent[:1])
    server.assert_right(backend.score(sent))


def test_a_count_of_other_tokens_than_were_sent_is_an_error(server, connect, sent):
    backend = connect()
    server.fault = lambda n, request, answer: (200, {}, {**answer(), "usage": {"prompt_tokens": 3}})
    with pytest.raises(RuntimeError, match="2 tokens were sent to the server, which counted 3"):
        backend.score(sent[:1])


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 1024 tokens. However, your prompt contains 1024",
        "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
        "Input is too long for requested model",
        "prompt exceeds the context window",
    ],
)
def test_a_sequence_that_is_too_long_there_is_the_fault_of_its_row(server, connect, message, sent):
    backend = connect()
    server.fault = lambda n, request, answer: (400, {}, {"error": {"message": message}})
    with pytest.raises(RuntimeError, match="too long for the server"):
        backend.score(sent[:1])


def test_other_refusals_are_told_in_the_servers_words_and_shortened(server, connect, sent):
    backend = connect()
    server.fault = lambda n, request, answer: (418, {}, {"error": {"message": "a\nteapot " + "t" * 500}})
    with pytest.raises(DataselectError, match=r"HTTP 418.*: a teapot") as told:
        backend.score(sent[:1])
    assert len(told.value.message) < 300
    server.fault = lambda n, request, answer: (307, {"Location": "http://127.0.0.1:9/"}, b"")
    with pytest.raises(DataselectError, match="HTTP 307"):
        backend.score(sent[:1])
