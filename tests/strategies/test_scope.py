import numpy as np
import pytest

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, make_strategy

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
