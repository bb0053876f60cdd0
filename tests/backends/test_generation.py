"""Greedy answers, against a loop that takes the most likely token of a whole forward pass each time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.backends.contract import Generator, cut, room
from dataselect.backends.greedy import plan_batches
from dataselect.pool import Renderer
from dataselect.pool.prompting import render_prompts, stop_tokens
from dataselect.records import Message

MOST = 7
QUESTIONS = [
    "Tell me of the mouse.",
    "What is two and two?",
    "Name a colour that the sky has in the evening, and tell me why it has it. Take your time, and be brief all the same.",
    "Hello.",
    "Where did he go?",
    "Write a line about the sea and the old man who lives beside it.",
]


@pytest.fixture(scope="module")
def prompts(builtin):
    return [one.ids for one in render_prompts(Renderer(builtin), [[Message("user", text)] for text in QUESTIONS])]


@pytest.fixture(scope="module")
def ends(builtin):
    return stop_tokens(Renderer(builtin))


@pytest.fixture(scope="module")
def slow(builtin, prompts, ends):
    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).eval()

    def answer(prompt, most):
        ids = prompt.tolist()
        while len(ids) < len(prompt) + most:
            with torch.no_grad():
                best = int(model(torch.tensor([ids])).logits[0, -1].argmax())
            if best in ends:
                return ids[len(prompt) :], True
            ids.append(best)
        return ids[len(prompt) :], False

    return [answer(prompt, MOST) for prompt in prompts]


def as_pairs(answers):
    return [(one.ids.tolist(), one.ended) for one in answers]


def test_answers_are_those_of_the_slow_loop(transformers_backend, prompts, ends, slow):
    assert isinstance(transformers_backend, Generator)
    assert as_pairs(transformers_backend.generate(prompts, MOST, ends)) == slow
    assert {ended for _, ended in slow} == {True, False}  # both ends are seen
    assert len({len(ids) for ids, _ in slow}) > 1


def test_neighbours_and_padding_change_no_answer(transformers_backend, prompts, ends, slow):
    alone = [transformers_backend.generate([prompt], MOST, ends)[0] for prompt in prompts]
    backwards = transformers_backend.generate(prompts[::-1], MOST, ends)[::-1]
    assert as_pairs(alone) == as_pairs(backwards) == slow


def test_scores_before_and_after_answers_are_the_same_to_the_bit(builtin, prompts, ends):
    backend = load_backend("transformers", builtin, BackendOptions("float32"))
    asked = [TokenSequence(prompt) for prompt in prompts]
    before = backend.score(asked)
    backend.generate(prompts, 4, ends)
    for one, other in zip(before, backend.score(asked), strict=True):
        np.testing.assert_array_equal(one.logprobs, other.logprobs)


def test_without_stop_tokens_an_answer_has_all_its_tokens(transformers_backend, prompts):
    (answer,) = transformers_backend.generate(prompts[:1], 40, ())
    assert (len(answer.ids), answer.ended) == (40, False)


def test_the_models_own_settings_for_sampling_are_not_used(builtin, prompts, ends, slow):
    backend = load_backend("transformers", builtin, BackendOptions("float32"))
    recommended = backend._decoder.model.generation_config
    recommended.do_sample, recommended.temperature, recommended.repetition_penalty = True, 5.0, 3.0
    assert as_pairs(backend.generate(prompts, MOST, ends)) == slow


def test_an_answer_ends_where_the_positions_end(transformers_backend):
    most = transformers_backend.max_length
    assert most == 1023
    long, short = np.full(most - 2, 100, np.int32), np.full(5, 100, np.int32)
    answers = transformers_backend.generate([short, long], 8, ())
    assert [len(one.ids) for one in answers] == [8, 3]  # 1,021 of 1,024 positions were taken
    assert not answers[1].ended


def test_every_prompt_is_ticked_once(transformers_backend, prompts, ends):
    ticks = []
    transformers_backend.generate(prompts, 2, ends, ticks.append)
    assert sum(ticks) == len(prompts)
    assert transformers_backend.generate([], 2, ends) == []


def test_an_unknown_token_is_refused_before_the_engine_meets_it(transformers_backend):
    with pytest.raises(ValueError, match="token id 999999"):
        transformers_backend.generate([np.array([1, 999999], np.int32)], 2, ())


def test_the_token_that_ends_an_answer_is_not_part_of_it():
    assert as_pairs([cut([4, 5, 0, 6, 0], {0})]) == [([4, 5], True)]
    assert as_pairs([cut([4, 5], {0})]) == [([4, 5], False)]
    assert as_pairs([cut([0], {0})]) == [([], True)]


def test_room_counts_the_last_token_which_needs_no_position():
    # 1,024 positions: after 1,020 tokens there are 4 left, and one more token may be told
    assert room(np.zeros(1020, np.int32), 100, max_length=1023) == 4
    assert room(np.zeros(10, np.int32), 100, max_length=1023) == 100


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 3)), max_size=20), st.integers(1, 200))
def test_batches_hold_each_prompt_once_with_its_own_room_and_keep_to_the_limit(prompts, most):
    lengths, rooms = [n for n, _ in prompts], [r for _, r in prompts]
    batches = list(plan_batches(lengths, rooms, most))
    assert sorted(i for chosen, _ in batches for i in chosen) == list(range(len(prompts)))
    for chosen, limit in batches:
        assert {rooms[i] for i in chosen} == {limit}
        assert len(chosen) == 1 or len(chosen) * (max(lengths[i] for i in chosen) + limit) <= most


@pytest.mark.vllm
def test_vllm_writes_the_same_tokens(vllm_backend, prompts, ends, slow):
    assert isinstance(vllm_backend, Generator)
    assert as_pairs(vllm_backend.generate(prompts, MOST, ends)) == slow
    long = np.full(vllm_backend.max_length - 2, 100, np.int32)
    answers = vllm_backend.generate([long, prompts[0]], 8, ())
    assert [len(one.ids) for one in answers] == [3, 8]
    assert np.isfinite(vllm_backend.score([TokenSequence(prompts[0])])[0].logprobs[1:]).all()
