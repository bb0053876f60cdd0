import numpy as np
import pytest
from numpy import nan

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, make_strategy

CANDIDATES = Candidates(["a", "b", "c", "d"], {"rating": np.array([3.0, 4.5, nan, 3.0]), "ppl": np.zeros(4)})


@pytest.mark.parametrize(
    ("direction", "order"), [({}, "bad"), ({"direction": "low"}, "adb"), ({"direction": "mid"}, "adb")]
)
def test_ranks_by_the_named_column(direction, order):
    strategy = make_strategy("column", {"name": "rating", **direction})
    assert strategy.needs.columns == ("rating",)
    ranking = strategy.rank(CANDIDATES, np.random.default_rng(0))
    assert "".join(CANDIDATES.ids[i] for i in ranking.order) == order


def test_a_column_has_to_be_named():
    with pytest.raises(UsageError, match=r"name: missing.*--param name=NAME, --param direction=low\|mid\|high"):
        make_strategy("column", {})
    with pytest.raises(UsageError, match="expected the name of a column, got nothing"):
        make_strategy("column", {"name": ""})
