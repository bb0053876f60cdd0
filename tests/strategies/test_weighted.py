import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import zscore

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, make_strategy
from dataselect.strategies.weighted import parse_weights, percentiles, z_scores

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


def ranked(params, **columns):
    ids = [f"{i}" for i in range(len(next(iter(columns.values()))))]
    arrays = {name: np.array(column, float) for name, column in columns.items()}
    ranking = make_strategy("weighted", params).rank(Candidates(ids, arrays), np.random.default_rng(0))
    return ranking.order.tolist(), ranking.scores.tolist()


def test_adds_up_weighted_percentiles():
    """Of four rows the percentiles are 1/8, 3/8, 5/8 and 7/8; equal values share theirs."""
    order, scores = ranked({"of": "ppl=-1,similarity=2"}, ppl=[10, 20, 30, 1e9], similarity=[0.1, 0.5, 0.5, 0.9])
    # similarity 1/8, 4/8, 4/8, 7/8, twice, minus ppl: 1/8, 5/8, 3/8, 7/8
    assert order == [3, 1, 2, 0]
    assert scores == [7 / 8, 5 / 8, 3 / 8, 1 / 8]


def test_z_scores_weigh_distances():
    # mean 2, standard deviation sqrt(2): -sqrt 2, 0, 0, sqrt 2
    order, scores = ranked({"of": "a=1", "normalise": "zscore"}, a=[0, 2, 2, 4])
    assert order == [3, 1, 2, 0]
    np.testing.assert_allclose(scores, [np.sqrt(2), 0, 0, -np.sqrt(2)], atol=1e-12)


def test_a_row_without_one_of_the_columns_is_not_ranked_and_does_not_count():
    order, scores = ranked({"of": "a=1,b=1"}, a=[1, 2, np.nan, 4], b=[1, 2, 3, np.nan])
    assert (order, scores) == ([1, 0], [1.5, 0.5])  # of two rows: 1/4 and 3/4, twice


def test_what_is_equal_ties_and_goes_by_id():
    assert ranked({"of": "a=1,b=1,c=1"}, a=[1, 2, 3], b=[2, 3, 1], c=[3, 1, 2])[0] == [0, 1, 2]
    assert ranked({"of": "a=1", "normalise": "zscore"}, a=[0.1, 0.1])[1] == [0.0, 0.0]


@given(values)
def test_z_scores_are_those_of_scipy_and_do_not_change_with_the_unit(column):
    array = np.array(column)
    if len(set(column)) == 1:
        assert z_scores(array).tolist() == [0.0] * len(column)
    elif np.std(array / np.abs(array).max()) > 1e-6:
        np.testing.assert_allclose(z_scores(array), zscore(array), atol=1e-6)
    assert np.isfinite(z_scores(array * 1e300)).all()


@given(values)
def test_percentiles_keep_the_order_and_average_one_half(column):
    result = percentiles(np.array(column))
    assert result.mean() == pytest.approx(0.5)
    assert all(
        (a < b) == (x < y) for a, x in zip(column, result, strict=True) for b, y in zip(column, result, strict=True)
    )


def test_a_column_may_have_any_name():
    assert parse_weights("excess_loss.tuned=0.5, a=b=-2") == {"excess_loss.tuned": 0.5, "a=b": -2.0}


@pytest.mark.parametrize("of", ["", "ppl", "ppl=", "=1", "ppl=0", "ppl=nan", "ppl=inf", "ppl=1,ppl=2", "ppl=1,,ifd=1"])
def test_weights_that_say_nothing_are_refused(of):
    with pytest.raises(UsageError, match="of: expected columns with weights other than 0"):
        make_strategy("weighted", {"of": of})
