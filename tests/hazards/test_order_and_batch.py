"""P13: scores that depend on what else is scored, on its order, or on the batch size."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.errors import UsageError
from dataselect.pool import RenderOptions

QA = RenderOptions(template="qa")


def records() -> list[dict[str, str]]:
    """Thirty rows of many lengths, in no order of length; half of them begin with the same sixty characters."""
    rng = np.random.default_rng(0)
    shared = "Please answer in one sentence, and be as brief as you can be. "
    return [
        {"id": f"row {i}", "question": (shared if i % 2 else "") + f"What is {i} + {i}?", "answer": "It is. " * int(n)}
        for i, n in enumerate(rng.integers(1, 12, 30))
    ]


def by_id(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda row: row["id"])


def test_P13_shuffled_and_rebatched_every_row_keeps_its_numbers(make_model, score_pool, assert_same_rows, truth):
    model = make_model(add_bos=True, kind="gpt2")  # learned positions, so that any shift shows
    expected = by_id(score_pool(model, records(), rendering=QA, ifd=True).rows)
    for seed, batch_tokens in ((1, 1), (2, 300), (3, 100_000)):
        order = np.random.default_rng(seed).permutation(30)
        shuffled = [records()[i] for i in order]
        rows = score_pool(model, shuffled, rendering=QA, ifd=True, batch_tokens=batch_tokens).rows
        assert [row["id"] for row in rows] == [record["id"] for record in shuffled]
        assert_same_rows(by_id(rows), expected, rel=1e-5)
    # Longest first is how batches are made: answers left in that order would be other rows' answers.
    sorted_rows = sorted(expected, key=lambda row: -row["total_tokens"])
    mixed_up = [one["response_nll"] != other["response_nll"] for one, other in zip(expected, sorted_rows, strict=True)]
    assert np.mean(mixed_up) > 0.8


def test_P13_a_row_has_the_same_numbers_alone_and_in_company(make_model, score_pool, assert_same_rows):
    model = make_model(add_bos=True)
    together = score_pool(model, records(), rendering=QA).rows
    alone = [score_pool(model, [record], rendering=QA).rows[0] for record in records()[:5]]
    assert_same_rows(alone, together[:5], rel=1e-5)


def test_P13_equal_rows_have_equal_numbers_wherever_they_stand(make_model, score_pool, assert_same_rows):
    twins = [{"question": "Now?", "answer": "It is noon."}] * 2
    rows = score_pool(make_model(), [twins[0], *records(), twins[1]], rendering=QA).rows
    assert_same_rows([rows[-1]], [rows[0] | {"id": rows[0]["id"] + "-2"}], rel=0)


@pytest.mark.vllm
def test_P13_vllm_gives_the_same_whatever_was_asked_before(vllm_backend, transformers_backend):
    """vLLM issue 42019: with prefix caching, log-probabilities of a shared beginning come from the request before.

    The shared beginning of 700 tokens is longer than any cache block, and every sequence is asked three times.
    """
    rng = np.random.default_rng(0)
    shared = np.concatenate(([0], rng.integers(4, 8192, 699))).astype(np.int32)
    family = [
        TokenSequence(np.concatenate((shared, rng.integers(4, 8192, n))).astype(np.int32)) for n in (1, 40, 200, 323)
    ]
    expected = [scores.logprobs for scores in transformers_backend.score(family)]
    asked = [*family, *family[::-1], TokenSequence(shared), *family]
    answers = [scores.logprobs for scores in vllm_backend.score(asked)]
    wanted = [*expected, *expected[::-1], expected[0][:700], *expected]
    for ours, reference in zip(answers, wanted, strict=True):
        np.testing.assert_allclose(ours[1:], reference[1:], atol=1e-4)
    for sequence, reference in zip(family, expected, strict=True):
        alone = vllm_backend.score([sequence])[0].logprobs
        np.testing.assert_allclose(alone[1:], reference[1:], atol=1e-4)


def test_P13_prefix_caching_cannot_be_turned_on(builtin):
    with pytest.raises(UsageError, match="enable_prefix_caching"):
        load_backend("vllm", builtin, BackendOptions(engine_args={"enable_prefix_caching": True}))
