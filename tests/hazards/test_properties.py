"""Properties of aggregation over drawn texts: sums add up, and models whose answer is known get it.

One model guesses; one sees nothing but the last token, so that no prompt tells it anything.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.likelihood import ingredients, nll
from dataselect.pool import RenderOptions
from dataselect.records import END, PROMPT, RESPONSE

SLOW = settings(  # a run of the scorer per example: few of them, and none spent on making a failing one smaller
    max_examples=6, deadline=None, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Co")), max_size=20)
RECORD = st.tuples(TEXT, TEXT).map(lambda pair: {"question": pair[0], "answer": pair[1] + "."})
RECORDS = st.lists(RECORD, min_size=1, max_size=12)
VOCABULARY = 260


@pytest.fixture(scope="module")
def make_model_once(make_model):
    """`make_model_once(edit=None)`: as `make_model` with room for long rows, made once per edit."""
    made: dict = {}

    def make(edit=None):
        if edit not in made:
            made[edit] = make_model(edit=edit, positions=4096)
        return made[edit]

    return make


@given(
    tokens=st.lists(
        st.tuples(st.floats(-20, 0, width=32), st.sampled_from([PROMPT, RESPONSE, END])), min_size=1, max_size=60
    ),
    data=st.data(),
)
def test_sums_of_parts_add_up_over_any_split(tokens, data):
    logprobs = np.array([logprob for logprob, _ in tokens], np.float32)
    parts = np.array([part for _, part in tokens], np.int8)
    cut = data.draw(st.integers(0, len(tokens)))
    whole = ingredients(logprobs, parts)
    pieces = [ingredients(logprobs[:cut], parts[:cut]), ingredients(logprobs[cut:], parts[cut:])]
    for name in ("prompt", "response", "end"):
        assert getattr(whole, f"{name}_tokens") == sum(getattr(piece, f"{name}_tokens") for piece in pieces)
        sums = [getattr(piece, f"{name}_nll") for piece in pieces if getattr(piece, f"{name}_nll") is not None]
        assert getattr(whole, f"{name}_nll") == (pytest.approx(math.fsum(sums), abs=1e-9) if sums else None)
    total = math.fsum(x for x in (whole.prompt_nll, whole.response_nll, whole.end_nll) if x is not None)
    assert total == pytest.approx(nll(logprobs), abs=1e-9)


@pytest.fixture(scope="module")
def backend(make_model):
    return load_backend("transformers", make_model(), BackendOptions("float32"))


@settings(max_examples=30, deadline=None)
@given(ids=st.lists(st.integers(0, VOCABULARY - 1), min_size=3, max_size=60), data=st.data())
def test_nll_of_a_sequence_is_that_of_its_beginning_and_of_the_rest_given_it(backend, ids, data):
    cut = data.draw(st.integers(2, len(ids) - 1))
    tokens = np.array(ids, np.int32)
    asked = [TokenSequence(tokens), TokenSequence(tokens[:cut]), TokenSequence(tokens, start=cut)]
    whole, beginning, rest = (-float(np.nansum(s.logprobs, dtype=np.float64)) for s in backend.score(asked))
    assert whole == pytest.approx(beginning + rest, abs=1e-3)


@SLOW
@given(records=RECORDS)
def test_thoughts_move_between_prompt_and_response_and_the_sum_stays(make_model_once, score_pool, records):
    model = make_model_once()
    records = [record | {"answer": f"<think>{record['question']}</think> {record['answer']}"} for record in records]
    counted, left_out = (
        score_pool(model, records, rendering=RenderOptions("qa", think=think)).rows for think in (True, False)
    )
    for one, other in zip(counted, left_out, strict=True):
        assert one["response_tokens"] > other["response_tokens"]
        for name in ("nll", "tokens"):
            sums = [row[f"prompt_{name}"] + row[f"response_{name}"] + row[f"end_{name}"] for row in (one, other)]
            assert sums[0] == pytest.approx(sums[1], rel=1e-6)


def guesses(model) -> None:
    model.lm_head.weight.zero_()


@SLOW
@given(records=RECORDS, texts=st.lists(TEXT.map(lambda text: f"No{text}"), max_size=4))
def test_a_model_that_guesses_has_the_vocabulary_size_as_perplexity(make_model_once, score_pool, records, texts):
    records = records + [{"text": text} for text in texts]
    scored = score_pool(make_model_once(guesses), records, rendering=RenderOptions("qa"), ifd=True)
    for row in scored.rows:
        assert row["ppl"] == pytest.approx(VOCABULARY, rel=1e-5)
        assert row["sequence_ppl"] == pytest.approx(VOCABULARY, rel=1e-5)
        assert row["bits_per_byte"] == pytest.approx(
            math.log2(VOCABULARY) * row["response_tokens"] / row["response_bytes"]
        )
        assert row["shifted_fraction"] == 1  # each token ties with 259 others
        assert row["ifd"] is None or row["ifd"] == pytest.approx(1, abs=1e-6)
    assert scored.manifest["pool"]["ppl"] == pytest.approx(VOCABULARY, rel=1e-5)
    assert scored.manifest["pool"]["ppl_token_weighted"] == pytest.approx(VOCABULARY, rel=1e-5)


def forgets(model) -> None:
    """Attention adds nothing, so the next token hangs on the last one alone, and on nothing before the header."""
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight.zero_()


@SLOW
@given(records=RECORDS, template=st.sampled_from(["qa", "alpaca"]))
def test_ifd_is_one_when_the_prompt_is_ignored_by_construction(make_model_once, score_pool, records, template):
    options = RenderOptions(template=template)
    forgetful = score_pool(make_model_once(forgets), records, rendering=options, ifd=True).rows
    for row in forgetful:
        assert row["ifd"] == pytest.approx(1, abs=1e-5)
        assert row["ifd_loss"] == pytest.approx(1, abs=1e-5)
    heedful = score_pool(make_model_once(), records, rendering=options, ifd=True).rows
    assert all(abs(row["ifd"] - 1) > 1e-4 for row in heedful)  # with its attention it is not
