import numpy as np
import pytest
from numpy import nan

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, make_strategy
from dataselect.strategies.ifd_high import IfdHigh

CANDIDATES = Candidates(
    ["a", "b", "c", "d", "e"],
    {"ifd": np.array([0.4, 1.01, 1.0, nan, 0.9]), "ifd_loss": np.array([0.8, 0.2, nan, 1.2, 0.5])},
)


@pytest.mark.parametrize(
    ("params", "order", "scores"),
    [
        ({}, ["c", "e", "a"], [1.0, 0.9, 0.4]),  # 1.01 is over 1 and dropped, 1.0 is not
        ({"ratio": "ppl"}, ["c", "e", "a"], [1.0, 0.9, 0.4]),
        ({"ratio": "loss"}, ["a", "e", "b"], [0.8, 0.5, 0.2]),  # 1.2 is dropped
    ],
)
def test_drops_over_one_and_ranks_the_rest_descending(params, order, scores):
    ranking = make_strategy("ifd-high", params).rank(CANDIDATES, np.random.default_rng(0))
    assert [CANDIDATES.ids[i] for i in ranking.order] == order
    assert ranking.scores.tolist() == scores


def test_needs_only_the_column_of_its_ratio():
    assert IfdHigh().needs.columns == ("ifd",)
    assert IfdHigh("loss").needs.columns == ("ifd_loss",)


def test_another_ratio_is_refused_with_the_choices():
    with pytest.raises(UsageError, match=r"ratio: expected one of ppl, loss, got 'bytes'.*ratio=ppl\|loss"):
        make_strategy("ifd-high", {"ratio": "bytes"})
