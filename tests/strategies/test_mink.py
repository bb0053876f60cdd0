import numpy as np
import pytest

from dataselect.likelihood import min_k
from dataselect.strategies import Candidates, make_strategy

# of ten tokens the two least likely: (-9 - 7) / 2 = -8 for a, (-3 - 1) / 2 = -2 for b
A = np.array([-9, -7, -1, -1, -1, -1, -1, -1, -1, -1], np.float32)
B = np.array([-3, -1, -1, -1, -1, -1, -1, -1, -1, -1], np.float32)
CANDIDATES = Candidates(["a", "b"], {"mink_20": np.array([min_k(A), min_k(B)])})


@pytest.mark.parametrize(("params", "order", "scores"), [({}, "ba", [-2, -8]), ({"direction": "low"}, "ab", [-8, -2])])
def test_rows_without_a_hard_token_come_first_by_default(params, order, scores):
    ranking = make_strategy("mink", params).rank(CANDIDATES, np.random.default_rng(0))
    assert "".join(CANDIDATES.ids[i] for i in ranking.order) == order
    assert ranking.scores.tolist() == scores
