import numpy as np

from dataselect.strategies import Candidates
from dataselect.strategies.random import Random


def test_every_order_is_equally_likely():
    candidates = Candidates(["a", "b", "c"])
    drawn = [tuple(Random().rank(candidates, np.random.default_rng(seed)).order.tolist()) for seed in range(6000)]
    counts = [drawn.count(order) for order in set(drawn)]
    assert len(counts) == 6  # 3! orders, 1000 expected of each, standard deviation sqrt(6000 * 1/6 * 5/6) = 28.9
    assert max(abs(count - 1000) for count in counts) < 4 * 28.9


def test_has_no_score():
    assert np.isnan(Random().rank(Candidates(["a", "b"]), np.random.default_rng(0)).scores).all()
