"""The server backend's start, keys and concurrency; that it agrees with other backends is test_vllm_serve.py's."""

from __future__ import annotations

import logging
import random
import threading
import time

import numpy as np
import pytest

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.errors import DataselectError, UsageError

KEY = "sk-very-secret-0123"

# --- keys and addresses ---


def test_the_key_is_sent_and_never_shown(server, connect, caplog, capfd, monkeypatch, sent):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DATASELECT_API_KEY", KEY)
    backend = connect()
    assert server.keys == {f"Bearer {KEY}"}
    told = []
    for status in (200, 400, 401, 403, 404, 422, 429, 500):
        server.fault = lambda n, request, answer, s=status: (s, {"Retry-After": "9"}, f"wrong key {KEY}".encode())
        with pytest.raises((RuntimeError, DataselectError)) as failure:
            backend.score(sent[:1])
        told += [str(failure.value), repr(failure.value), repr(failure.value.__cause__)]
    told += [
        repr(backend),
        repr(vars(backend)),
        repr(BackendOptions(server=server.address)),
        caplog.text,
        *capfd.readouterr(),
    ]
    assert KEY not in "".join(told)
    assert "wrong key ***" in "".join(told)
    monkeypatch.setenv("DATASELECT_API_KEY", f"{KEY}\u20ac")  # an HTTP library that cannot encode it would print it
    with pytest.raises(UsageError, match="DATASELECT_API_KEY") as failure:
        connect()
    assert KEY not in str(failure.value)


def test_the_projects_own_variable_goes_before_openais(server, connect, monkeypatch):
    monkeypatch.setenv("DATASELECT_API_KEY", "first")
    monkeypatch.setenv("OPENAI_API_KEY", "second")
    connect()
    monkeypatch.delenv("DATASELECT_API_KEY")
    connect()
    monkeypatch.delenv("OPENAI_API_KEY")
    connect()
    assert server.keys == {"Bearer first", "Bearer second", None}


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_wants_a_key_is_answered_with_the_variables_name(server, connect, status):
    server.refuses = (status, {}, {"error": "Unauthorized"})
    with pytest.raises(DataselectError, match="refuses access") as told:
        connect()
    assert "DATASELECT_API_KEY" in told.value.hint


def test_addresses_that_hold_secrets_or_are_none_are_refused_unseen(builtin):
    for address, expected in {
        "http://me:hunter2@127.0.0.1:8000/v1": "DATASELECT_API_KEY",
        "http://hunter2@127.0.0.1:8000/v1": "DATASELECT_API_KEY",
        "http://127.0.0.1:8000/v1?key=hunter2": "leave out",
        "ftp://hunter2/v1": "not a URL",
        "hunter2:8000": "not a URL",
        "http://127.0.0.1:hunter2": "not a URL",
    }.items():
        with pytest.raises(UsageError, match=expected) as told:
            load_backend("server", builtin, BackendOptions(server=address))
        assert "hunter2" not in str(told.value)
    with pytest.raises(UsageError, match=r"--server URL.*DATASELECT_SERVER"):
        load_backend("server", builtin)


# --- the start ---


def test_the_only_model_is_taken_and_several_are_listed(server, connect, sent):
    assert connect().max_length == 1023
    server.listed = [{"id": "one"}, {"id": "two"}]
    with pytest.raises(UsageError, match=r"one, two.*--served-model"):
        connect()
    backend = connect(served_model="two")
    backend.score(sent[:1])
    assert server.seen[-1]["model"] == "two"
    server.listed = []
    with pytest.raises(UsageError, match="the server lists no models"):
        connect()


def test_a_server_without_room_for_the_longest_sequence_is_refused(server, connect):
    server.listed = [{"id": "tiny", "max_model_len": 512}]
    with pytest.raises(DataselectError, match="may have 1023 tokens, but the server takes 512") as told:
        connect()
    assert "--max-length 511" in told.value.hint
    assert connect(max_length=511).max_length == 511


def test_a_classic_server_gives_log_probabilities_but_no_ranks(server, connect, sent):
    server.speaks = "echo"
    backend = connect()
    with pytest.raises(DataselectError, match=r"no ranks.*--no-ranks"):
        backend.score(sent)
    server.assert_right(backend.score(sent, ranks=False), rank=0)
    assert server.seen[-1]["echo"] is True


def test_a_server_without_prompt_log_probabilities_is_told_what_was_asked(server, connect):
    server.speaks = "chat"
    with pytest.raises(DataselectError, match="no log-probabilities of a prompt") as told:
        connect()
    assert "prompt_logprobs: 0: the server's answer has no prompt_logprobs" in told.value.message
    assert "echo with logprobs: 1: the server's answer has no logprobs" in told.value.message


def test_a_server_that_puts_a_token_in_front_is_found_out(server, connect, monkeypatch):
    # its last position is not that of our last token; nothing else in a classic answer would show it
    server.speaks = "echo"
    true = server.answer
    monkeypatch.setattr(server, "answer", lambda request: shifted(true(request)))

    def shifted(answer):
        found = answer["choices"][0].get("logprobs")
        if found:
            found["token_logprobs"] = [None, -1.0, *found["token_logprobs"][1:-1]]
        return {"choices": answer["choices"]}

    with pytest.raises(DataselectError, match="for two different tokens in one place"):
        connect()


def test_a_server_with_another_tokenizer_is_found_out(server, connect, tokenizer, monkeypatch):
    class Bytes:
        def __call__(self, text):
            return type("Encoded", (), {"input_ids": list(text.encode())})

    monkeypatch.setattr(server, "tokenizer", Bytes())
    with pytest.raises(DataselectError, match="tokenizes a text differently"):
        connect()


def test_engine_arguments_are_checked(connect):
    for wrong in ({"concurrency": 0}, {"concurrency": 1.5}, {"timeout": True}, {"timeout": "5"}, {"retries": 3}):
        with pytest.raises(UsageError, match="engine"):
            connect(engine_args=wrong)


# --- many at once ---


def test_answers_come_in_the_order_of_the_questions_whatever_the_order_of_the_server(server, connect, sent):
    backend = connect()
    rng = random.Random(0)
    server.fault = lambda n, request, answer: time.sleep(0.05 + rng.random() / 20)
    many = sent * 8
    server.assert_right(backend.score(many), many)
    assert 8 < server.most <= 16


def test_requests_and_tokens_in_flight_are_bounded(server, connect, sent):
    backend = connect(engine_args={"concurrency": 3})
    server.fault = lambda n, request, answer: time.sleep(0.01)
    server.assert_right(backend.score(sent * 3), sent * 3)
    assert server.most == 3
    server.most = 0
    server.assert_right(backend.score(sent * 2, batch_tokens=4), sent * 2)  # longer ones go alone
    assert server.most <= 2
    server.most = 0
    server.assert_right(backend.score(sent, batch_tokens=1))
    assert server.most == 1


def test_sequences_with_nothing_to_score_are_not_sent(server, connect, sent):
    backend = connect()
    ticks = []
    scores = backend.score([TokenSequence(np.array([5], np.int32)), TokenSequence(sent[1].ids, 6)], tick=ticks.append)
    assert np.isnan(scores[0].logprobs).all()
    assert np.isnan(scores[1].logprobs).tolist() == [True] * 6 + [False] * 3
    assert scores[1].ranks.tolist() == [0] * 6 + [2] * 3
    assert len(server.seen) == 1
    assert sum(ticks) == 2
    assert backend.score([]) == []


def test_an_interrupt_does_not_wait_for_the_server(server, connect, sent):
    backend = connect()
    hanging = threading.Event()
    server.fault = lambda n, request, answer: hanging.wait(20) and None if n > 0 else None

    def interrupted(done: int) -> None:
        if done:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        backend.score(sent, tick=interrupted)
    backend.stop()
    backend.stop()
    assert time.monotonic() - began < 10
    hanging.set()
