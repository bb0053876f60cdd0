"""A model that goes on: faults are made on purpose here, since no real machine gives them on demand."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from dataselect.backends import BatchTooLargeError, EngineDiedError, TokenSequence
from dataselect.errors import DataselectError
from dataselect.records import TokenScores
from dataselect.scoring.retrying_model import FUTILE, RESTARTS, RetryingModel


def sequences(*lengths: int) -> list[TokenSequence]:
    return [TokenSequence(np.arange(n, dtype=np.int32)) for n in lengths]


class Faulty:
    """Scores a sequence as its length, unless `fault` says otherwise."""

    def __init__(self, fault, batch_tokens=None):
        self.name, self.max_length, self.alone = "faulty", 1000, None
        self.batch_tokens = batch_tokens or 64
        self.fault = fault
        self.calls: list[tuple[list[int], int | None]] = []
        self.stopped = False

    def score(self, asked, ranks=True, tick=lambda done: None, batch_tokens=None):
        self.calls.append(([len(s.ids) for s in asked], batch_tokens))
        for s in asked:
            self.fault(s, batch_tokens or self.batch_tokens, asked)
            tick(1)
        return [
            TokenScores(np.full(len(s.ids), float(len(s.ids)), np.float32), np.zeros(len(s.ids), np.int32))
            for s in asked
        ]

    def stop(self):
        self.stopped = True


def run(fault, asked):
    """The answers by length (None where there is none), the model, all backends made, and the progress told."""
    made: list[Faulty] = []
    told: list[int] = []

    def load(batch_tokens):
        made.append(Faulty(fault, batch_tokens))
        return made[-1]

    model = RetryingModel(load)
    answers = model.score(asked, True, told.append)
    return [None if a is None else int(a.logprobs[0]) for a in answers], model, made, sum(told)


def test_without_faults_there_is_one_call_and_no_note():
    answers, model, made, told = run(lambda *_: None, sequences(3, 5, 4))
    assert (answers, told, model.notes) == ([3, 5, 4], 3, [])
    assert made[0].calls == [([3, 5, 4], None)]


def test_out_of_memory_halves_the_tokens_until_the_shard_fits():
    def fault(s, budget, asked):
        if budget > 20:
            raise BatchTooLargeError("no memory")

    answers, model, made, told = run(fault, sequences(3, 5, 4))
    assert (answers, told) == ([3, 5, 4], 3)
    assert [budget for _, budget in made[0].calls] == [None, 32, 16]  # the backend's own is 64
    assert model.notes == [
        "out of memory; this shard continues with 32 tokens at once",
        "out of memory; this shard continues with 16 tokens at once",
    ]


def test_a_row_that_never_fits_has_no_answer_and_the_others_have():
    def fault(s, budget, asked):
        if len(s.ids) == 9:
            raise BatchTooLargeError("no memory")

    answers, model, _, told = run(fault, sequences(3, 9, 4))
    assert (answers, told) == ([3, None, 4], 3)
    assert model.notes[-1] == "a sequence of 9 tokens cannot be scored: out of memory even by itself (no memory)"


@pytest.mark.parametrize("place", range(5))
def test_the_row_that_breaks_a_batch_is_found_wherever_it_stands(place):
    lengths = [3, 4, 5, 6, 7]
    lengths[place] = 99

    def fault(s, budget, asked):
        if len(s.ids) == 99:
            raise IndexError("index out of range in self")

    answers, model, _, told = run(fault, sequences(*lengths))
    assert answers == [None if n == 99 else n for n in lengths]
    assert told == 5
    assert model.notes == ["a sequence of 99 tokens cannot be scored: index out of range in self"]


def test_an_engine_killed_from_outside_is_started_as_it_was_and_asked_the_same():
    deaths = iter([True])

    def fault(s, budget, asked):
        if next(deaths, False):
            raise EngineDiedError("killed")

    answers, model, made, told = run(fault, sequences(3, 5))
    assert (answers, told) == ([3, 5], 2)
    assert [one.calls for one in made] == [[([3, 5], None)], [([3, 5], None)]]
    assert made[0].stopped
    assert made[1].batch_tokens == 64
    assert model.notes == ["the engine died (killed); it was restarted"]


def test_the_sequence_that_kills_the_engine_is_found_one_by_one_with_half_the_tokens():
    def fault(s, budget, asked):
        if len(s.ids) == 9:
            raise EngineDiedError("gone")

    answers, _, made, told = run(fault, sequences(3, 9, 4))
    assert (answers, told) == ([3, None, 4], 3)
    assert made[2].batch_tokens == 32
    assert all(len(lengths) == 1 for one in made[2:] for lengths, _ in one.calls)


def test_an_engine_that_only_dies_ends_the_run_with_its_own_words():
    def fault(s, budget, asked):
        raise EngineDiedError("no device")

    with pytest.raises(DataselectError, match=rf"died {RESTARTS + 1} times .*no device"):
        run(fault, sequences(3, 5, 4, 6))


def test_a_model_that_takes_nothing_ends_the_run_with_its_own_words():
    def fault(s, budget, asked):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(DataselectError, match="scores nothing: shapes do not fit"):
        run(fault, sequences(*[5] * (FUTILE + 1)))


def test_what_a_failed_attempt_computed_is_freed_before_the_next_one():
    """On a GPU it would leave no room for half as much either."""
    computed: list[weakref.ref] = []
    left: list[bool] = []

    def fault(s, budget, asked):
        left.extend(one() is not None for one in computed)
        if budget > 20:
            activations = np.zeros(10)
            computed.append(weakref.ref(activations))
            try:
                raise RuntimeError("CUDA out of memory")
            except RuntimeError as error:
                raise BatchTooLargeError(str(error)) from None

    answers, *_ = run(fault, sequences(3, 5))
    assert answers == [3, 5]
    assert len(computed) == 2
    assert not any(left)


def test_an_engine_killed_from_outside_over_a_single_sequence_is_asked_again_too():
    deaths = iter([True])

    def fault(s, budget, asked):
        if next(deaths, False):
            raise EngineDiedError("killed")

    answers, model, _, told = run(fault, sequences(3))
    assert (answers, told) == ([3], 1)
    assert model.notes == ["the engine died (killed); it was restarted"]
