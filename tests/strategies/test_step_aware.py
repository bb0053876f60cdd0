"""Perplexity without the first tokens of steps, worked by hand."""

import math

import numpy as np
import pytest

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, make_strategy

# a: 4 tokens, 8 nats, 2 first tokens with 6 of them; b: 4 tokens, 6 nats, 1 first token with 2
COLUMNS = {
    "response_nll": [8.0, 6.0, np.nan, 3.0],
    "response_tokens": [4.0, 4.0, 0.0, 1.0],
    "step_nll": [6.0, 2.0, np.nan, 3.0],
    "step_tokens": [2.0, 1.0, 0.0, 1.0],
}


def ranked(name, columns, **params):
    candidates = Candidates([*"abcd"][: len(columns["step_nll"])], {k: np.array(v) for k, v in columns.items()})
    found = make_strategy(name, params).rank(candidates, np.random.default_rng(0))
    return [candidates.ids[i] for i in found.order], found.scores.tolist()


def test_drop_is_the_perplexity_of_the_other_tokens():
    ids, scores = ranked("ppl-low", COLUMNS, steps="drop")
    assert ids == ["a", "b"]  # c was not scored, d has only a first token; ppl-low itself has b first: 6/4 < 8/4
    assert scores == pytest.approx([math.exp((8 - 6) / (4 - 2)), math.exp((6 - 2) / (4 - 1))])
    assert ranked("ppl-high", COLUMNS, steps="drop")[0] == ["b", "a"]


def test_regress_keeps_what_the_share_of_first_tokens_does_not_explain():
    # x = share of first tokens 0, 1/2, 1; y = mean NLL 1, 4, 4: b = (0.5 * 3) / (2 * 0.25) = 3, mean x = 0.5
    columns = {"response_nll": [2.0, 8.0, 8.0], "response_tokens": [2.0] * 3,
               "step_nll": [0.0, 4.0, 8.0], "step_tokens": [0.0, 1.0, 2.0]}  # fmt: skip
    ids, scores = ranked("ppl-low", columns, steps="regress")
    assert ids == ["a", "c", "b"]  # 1 + 1.5 = 2.5, 4 - 1.5 = 2.5, 4 - 0: a and c tie, by id
    assert [math.log(score) for score in scores] == pytest.approx([2.5, 2.5, 4.0])


def test_regress_changes_nothing_where_all_shares_are_equal():
    columns = {"response_nll": [6.0, 4.0], "response_tokens": [2.0, 2.0], "step_nll": [1.0, 1.0],
               "step_tokens": [1.0, 1.0]}  # fmt: skip
    ids, scores = ranked("ppl-low", columns, steps="regress")
    assert ids == ["b", "a"]
    assert scores == pytest.approx([math.exp(2), math.exp(3)])


def test_the_whole_sequence_has_no_steps():
    with pytest.raises(UsageError, match="steps=drop is over the response only"):
        make_strategy("ppl-low", {"steps": "drop", "scope": "sequence"})
