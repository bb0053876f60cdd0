""" """

import numpy as np
import pytest
from numpy import nan

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, make_strategy
from dataselect.strategies.perplexity import PplHigh, PplLow, PplMid

# a: a hard prompt with an easy answer; b: the other way round; c: between
CANDIDATES = Candidates(["a", "b", "c"], {"ppl": np.array([2.0, 9.0, 5.0]), "sequence_ppl": np.array([9.0, 4.0, 5.0])})


@pytest.mark.parametrize(
    ("name", "scope", "column", "order"),
    [
        ("ppl-low", "response", "ppl", "acb"),
        ("ppl-low", "sequence", "sequence_ppl", "bca"),
        ("ppl-high", "response", "ppl", "bca"),
        ("ppl-high", "sequence", "sequence_ppl", "acb"),
        ("ppl-mid", "response", "ppl", "cab"),
        ("ppl-mid", "sequence", "sequence_ppl", "cab"),
    ],
)
def test_the_scope_says_which_perplexity_is_ranked(name, scope, column, order):
    strategy = make_strategy(name, {"scope": scope})
    assert strategy.needs.columns == (column,)
    ranking = strategy.rank(CANDIDATES, np.random.default_rng(0))
    assert "".join(CANDIDATES.ids[i] for i in ranking.order) == order


def test_the_response_is_the_default_and_other_scopes_are_refused():
    assert make_strategy("ppl-low", {}).needs.columns == ("ppl",)
    with pytest.raises(UsageError, match=r"scope: expected one of response, sequence, got 'prompt'"):
        make_strategy("ppl-low", {"scope": "prompt"})


def test_ranks_low_before_high_and_ties_by_id():
    candidates = Candidates(["a", "b", "c", "d", "e"], {"ppl": np.array([8.0, 2.5, nan, 2.5, 4.0])})
    ranking = PplLow().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [1, 3, 4, 0]
    assert ranking.scores.tolist() == [2.5, 2.5, 4.0, 8.0]


def test_ranks_by_distance_from_the_median_rank():
    # ascending: b 1.5, e 2, a 3, f 50, d 900 -> ranks 0 to 4, median rank 2, distances 2 1 0 1 2
    candidates = Candidates(["a", "b", "c", "d", "e", "f"], {"ppl": np.array([3, 1.5, nan, 900, 2, 50])})
    ranking = PplMid().rank(candidates, np.random.default_rng(0))
    assert [candidates.ids[i] for i in ranking.order] == ["a", "e", "f", "b", "d"]
    assert ranking.scores.tolist() == [0, 1, 1, 2, 2]


def test_ranks_high_before_low_and_ties_by_id():
    candidates = Candidates(["a", "b", "c", "d", "e"], {"ppl": np.array([2.5, 8.0, nan, 8.0, 4.0])})
    ranking = PplHigh().rank(candidates, np.random.default_rng(0))
    assert ranking.order.tolist() == [1, 3, 4, 0]
    assert ranking.scores.tolist() == [8.0, 8.0, 4.0, 2.5]
