import numpy as np
import pytest

from dataselect.errors import UsageError
from dataselect.strategies import LENGTH, Candidates, make_strategy


def ranked(params, columns, seed=0):
    ids = [f"{i:02}" for i in range(len(next(iter(columns.values()))))]
    ranking = make_strategy("rrf", params).rank(
        Candidates(ids, {k: np.array(v, float) for k, v in columns.items()}), np.random.default_rng(seed)
    )
    return ranking.order.tolist(), ranking.scores.tolist()


def test_adds_up_one_over_sixty_plus_rank():
    """ppl-low ranks 0 1 2 3, longest 3 1 2 0."""
    order, scores = ranked({"of": "ppl-low,longest"}, {"ppl": [1, 2, 3, 4], LENGTH: [1, 3, 2, 4]})
    # 1: 2/62; 0 and 3: 1/61 + 1/64, which tie and go by id; 2: 2/63
    np.testing.assert_allclose(scores, [2 / 62, 1 / 61 + 1 / 64, 1 / 61 + 1 / 64, 2 / 63], rtol=1e-9)
    assert order == [1, 0, 3, 2]


def test_a_smaller_k_counts_the_first_places_more():
    columns = {"ppl": [1, 2, 3], "bits_per_byte": [1, 2, 3], LENGTH: [1, 2, 9]}  # 0 is twice first, 2 once
    assert ranked({"of": "ppl-low,bpb,longest", "k": "0"}, columns)[0] == [0, 2, 1]  # 2 1/3, 1 2/3, 1 1/2
    with pytest.raises(UsageError, match="k: expected at least 0, got -1"):
        make_strategy("rrf", {"of": "ppl-low,bpb", "k": "-1"})


def test_what_a_member_drops_may_come_in_by_another_and_what_all_drop_does_not():
    """Of ifd-high 0 is dropped for being over 1; 2 has no perplexity; 3 has neither."""
    columns = {"ifd": [1.5, 0.9, 0.8, np.nan], "ppl": [1, 2, np.nan, np.nan]}
    order, scores = ranked({"of": "ifd-high,ppl-low"}, columns)
    assert order == [1, 0, 2]
    np.testing.assert_allclose(scores, [1 / 61 + 1 / 62, 1 / 61, 1 / 62], rtol=1e-9)


def test_sums_in_another_order_tie_exactly():
    places = {"ppl": [1, 2, 3], "bits_per_byte": [2, 3, 1], LENGTH: [1, 3, 2]}  # ranks 1 2 3, 2 3 1 and 3 1 2
    order, scores = ranked({"of": "ppl-low,bpb,longest"}, places)
    assert order == [0, 1, 2]
    assert len(set(scores)) == 1


def test_each_drawing_member_draws_for_itself_and_by_the_seed():
    columns = {LENGTH: list(range(50))}
    assert ranked({"of": "random,random"}, columns, 1) == ranked({"of": "random,random"}, columns, 1)
    assert ranked({"of": "random,random"}, columns, 1) != ranked({"of": "random,random"}, columns, 2)
    two, scores = ranked({"of": "random,random"}, columns)
    one = np.random.default_rng(0).spawn(2)[0].permutation(50).tolist()
    assert two != one  # one draw added to itself would keep its order
    assert len(set(scores)) > 25


def test_takes_length_out_only_if_all_members_are_orders_by_score():
    assert make_strategy("rrf", {"of": "ppl-low,longest"}).by_score
    assert not make_strategy("rrf", {"of": "ppl-low,random"}).by_score


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("ppl-low", "of: expected two or more strategies"),
        ("", "expected a strategy such as ppl-low"),
        ("ppl-low,nothing-such", "unknown strategy 'nothing-such'"),
        ("length-matched-random(match=a),length-matched-random(match=b)", "one selection to match, got a and b"),
    ],
)
def test_members_that_cannot_be_are_refused(of, expected):
    with pytest.raises(UsageError, match=expected):
        make_strategy("rrf", {"of": of})
