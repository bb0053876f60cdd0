import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import nan
from scipy.stats import rankdata

from dataselect.errors import UsageError
from dataselect.records import Ranking
from dataselect.selection.length_control import (
    LengthBins,
    LengthResidual,
    check_controllable,
    control,
    controlled_needs,
    described,
)
from dataselect.strategies import STRATEGIES, Needs, make_strategy


def ranking_of(order, scores=None):
    scores = range(len(order)) if scores is None else scores
    return Ranking(np.array(order, np.int64), np.array(scores, float))


def test_bins_take_from_all_lengths_alike():
    # rows 0 to 3 are short, 4 to 7 long, and the strategy likes the short ones best
    lengths = np.array([1, 2, 3, 4, 50, 60, 70, 80.0])
    result = control(ranking_of([0, 1, 2, 3, 4, 5, 6, 7]), lengths, LengthBins(2))
    assert result.order.tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert result.scores.tolist() == [0, 4, 1, 5, 2, 6, 3, 7]  # scores go with their rows


def test_bins_of_unequal_size_give_in_proportion():
    # five rows of 7 tokens share one bin, two of 9 are the other: spots 0.1 0.3 0.5 0.7 0.9 and 0.25 0.75
    lengths = np.array([7, 7, 7, 7, 7, 9, 9.0])
    result = control(ranking_of([6, 5, 4, 3, 2, 1, 0]), lengths, LengthBins(2))
    assert result.order.tolist() == [4, 6, 3, 2, 1, 5, 0]


def test_equal_lengths_share_the_bin_of_their_mean_rank():
    # ranks 0 1 2 of 5 tokens have the mean 1: floor(4 * 1.5 / 6) = 1; then floor(4 * 3.5 / 6) = 2 and twice 3
    assert LengthBins(4).assign(np.array([8, 5, 5, 9, 5, 7.0])).tolist() == [3, 1, 1, 3, 1, 2]


def test_more_bins_than_rows_keep_the_order():
    assert control(ranking_of([2, 0, 1]), np.array([5.0, 6.0, 7.0]), LengthBins(10)).order.tolist() == [2, 0, 1]


def test_residual_subtracts_a_line_in_the_logarithm_of_length():
    # places 0 1 2 3 at log2 lengths 0 1 1 2: slope 1.5, line from 0 to 3 -> residuals 0, -0.5, 0.5, 0
    result = control(ranking_of([3, 2, 1, 0]), np.array([4, 2, 2, 1.0]), LengthResidual())
    assert result.order.tolist() == [2, 0, 3, 1]  # 3 and 0 tie at 0, by id
    np.testing.assert_allclose(result.scores, [-0.5, 0, 0, 0.5], atol=1e-12)


def test_residual_of_an_order_by_length_alone_is_nothing():
    lengths = 2.0 ** np.arange(8)
    result = control(ranking_of(range(8), lengths), lengths, LengthResidual())
    np.testing.assert_allclose(result.scores, 0, atol=1e-9)


def test_residual_gives_equal_scores_their_mean_place():
    # scores 5 5 9: places 0.5 0.5 2; all of one length: nothing to subtract but the mean place 1
    result = control(ranking_of([2, 0, 1], [5, 5, 9]), np.array([3, 3, 3.0]), LengthResidual())
    assert result.order.tolist() == [0, 2, 1]
    assert result.scores.tolist() == [-0.5, -0.5, 1.0]


def test_residual_does_not_change_under_a_rising_transformation_of_the_score():
    rng = np.random.default_rng(0)
    scores, lengths = np.sort(rng.exponential(size=50)), rng.integers(1, 200, 50).astype(float)
    order = rng.permutation(50)
    plain = control(ranking_of(order, scores), lengths, LengthResidual())
    bent = control(ranking_of(order, np.exp(9 * scores)), lengths, LengthResidual())
    assert plain.order.tolist() == bent.order.tolist()


def test_rows_without_a_length_are_not_ranked():
    for method in (LengthBins(), LengthResidual()):
        lengths = np.array([3, nan, 5])
        assert sorted(control(ranking_of([1, 0, 2]), lengths, method).order) == [0, 2]
        assert control(ranking_of([1]), lengths, method).order.tolist() == []


drawn_lengths = st.lists(st.integers(0, 30), min_size=1, max_size=60)


@given(lengths=drawn_lengths, bins=st.integers(2, 12), seed=st.integers(0, 5))
def test_bins_permute_and_every_prefix_has_its_share_of_each_bin(lengths, bins, seed):
    lengths = np.array(lengths, float)
    order = np.random.default_rng(seed).permutation(len(lengths))
    result = control(ranking_of(order), lengths, LengthBins(bins))
    assert sorted(result.order) == list(range(len(lengths)))
    bin_of = np.floor(bins * (rankdata(lengths) - 0.5) / len(lengths)).astype(int)
    before = {row: place for place, row in enumerate(order)}
    used = np.unique(bin_of)
    for one in used:
        inside = [before[row] for row in result.order if bin_of[row] == one]
        assert inside == sorted(inside)  # within a bin the strategy's own order
    for cut in range(1, len(lengths) + 1):
        taken = bin_of[result.order[:cut]]
        for one in used:
            size = (bin_of == one).sum()
            assert abs((taken == one).sum() - size * cut / len(lengths)) <= (len(used) + 1) / 2


@given(lengths=drawn_lengths, seed=st.integers(0, 5))
def test_residuals_do_not_correlate_with_the_logarithm_of_length(lengths, seed):
    lengths = np.array(lengths, float)
    order = np.random.default_rng(seed).permutation(len(lengths))
    result = control(ranking_of(order), lengths, LengthResidual())
    assert sorted(result.order) == list(range(len(lengths)))
    assert (np.diff(result.scores) >= 0).all()
    log_length = np.log(np.maximum(lengths[result.order], 1))
    assert abs(np.dot(result.scores, log_length - log_length.mean())) < 1e-6


def test_length_control_asks_for_the_length():
    assert controlled_needs(Needs(columns=("ppl",)), None) == Needs(columns=("ppl",))
    assert controlled_needs(Needs(columns=("ppl",)), LengthBins()) == Needs(columns=("ppl",), length=True)


@pytest.mark.parametrize("name", ["random", "full", "zip"])
def test_a_strategy_without_one_score_is_refused(name):
    check_controllable(name, make_strategy(name, {}), None)
    with pytest.raises(UsageError, match=f"--length-control residual needs a strategy .* one score, and {name} does"):
        check_controllable(name, make_strategy(name, {}), LengthResidual())


def test_every_strategy_says_whether_length_can_be_taken_out():
    assert all(isinstance(STRATEGIES.load(name).by_score, bool | property) for name in STRATEGIES.names())


def test_the_manifest_says_how():
    assert described(None) is None
    assert described(LengthBins(4)) == {"method": "bins", "bins": 4}
    assert described(LengthResidual()) == {"method": "residual"}


def test_one_bin_is_no_control():
    with pytest.raises(UsageError, match="length bins are at least 2, got 1"):
        LengthBins(1)
