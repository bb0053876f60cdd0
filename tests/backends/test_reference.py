"""The reference of `verify`: what a model's own forward pass says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.backends import BackendOptions, TokenSequence
from dataselect.backends.reference import ReferenceBackend

SEQUENCES = [TokenSequence(np.random.default_rng(n).integers(4, 8192, n).astype(np.int32)) for n in (2, 30, 7)]


@pytest.fixture(scope="module")
def reference(builtin) -> ReferenceBackend:
    return ReferenceBackend(builtin, BackendOptions())


@pytest.mark.parametrize("held", [2**29, 8192 * 4, 1])
def test_it_gives_the_models_own_numbers_however_many_logits_it_may_hold(reference, truth, held, monkeypatch):
    monkeypatch.setattr("dataselect.backends.reference._LOGITS", held)
    for sequence, scores in zip(SEQUENCES, reference.score(SEQUENCES), strict=True):
        logprobs, ranks = truth(sequence)
        np.testing.assert_allclose(scores.logprobs[1:], logprobs, atol=2e-5)
        assert (scores.ranks[1:] == ranks).mean() > 0.99
        assert np.isnan(scores.logprobs[0])


def test_only_what_is_asked_for_is_given(reference):
    whole, part = reference.score([SEQUENCES[1], TokenSequence(SEQUENCES[1].ids, 12)])
    assert np.isnan(part.logprobs[:12]).all()
    np.testing.assert_allclose(part.logprobs[12:], whole.logprobs[12:], atol=1e-6)


def test_it_tells_each_sequence_and_holds_what_the_model_holds(reference):
    told: list[int] = []
    reference.score(SEQUENCES, tick=told.append)
    assert told == [1, 1, 1]
    assert (reference.max_length, reference.batch_tokens) == (1023, 1)


def test_an_id_that_the_model_has_not_is_refused(reference):
    with pytest.raises(ValueError, match="8192 is not among"):
        reference.score([TokenSequence(np.array([0, 8192], np.int32))])
