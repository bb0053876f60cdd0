import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy import nan

from dataselect.strategies import Candidates, Text
from dataselect.strategies.grape import Grape, best_of_each


def test_keeps_the_most_likely_response_to_each_prompt_and_orders_those():
    # mean log-probability: a -10/5 = -2, b -6/6 = -1, c -9/3 = -3, d -4/8 = -0.5, e none, f plain text
    candidates = Candidates(
        list("abcdef"),
        {"response_nll": np.array([10, 6, 9, 4, nan, 1.0]), "response_tokens": np.array([5, 6, 3, 8, 2, 9.0])},
        texts=[
            Text("Why?", "Because."), Text("Why?", "No idea."), Text("When?", "Now."), Text("Who?", "I."),
            Text("Who?", "You."), Text("", "Once upon a time"),
        ],
    )  # fmt: skip
    ranking = Grape().rank(candidates, np.random.default_rng(0))
    assert [candidates.ids[i] for i in ranking.order] == ["d", "b", "c"]  # a loses to b; a higher sum loses to a mean
    assert ranking.scores.tolist() == [-0.5, -1.0, -3.0]


def test_of_equally_likely_responses_the_lowest_id_stays():
    assert best_of_each(["x", "x", "y", "x"], np.array([1.0, 1.0, 0.0, 1.0])).tolist() == [True, False, True, False]


def test_a_response_without_scored_tokens_is_not_ranked():
    candidates = Candidates(
        ["a", "b"],
        {"response_nll": np.array([0.0, 3.0]), "response_tokens": np.array([0.0, 3.0])},
        texts=[Text("p", ""), Text("p", "r")],
    )
    assert Grape().rank(candidates, np.random.default_rng(0)).order.tolist() == [1]


@given(st.lists(st.tuples(st.sampled_from(["", "x", "y", "z"]), st.sampled_from([nan, 0.0, 1.0, 2.0])), max_size=30))
def test_agrees_with_a_search_in_each_group(rows):
    groups, values = [group for group, _ in rows], np.array([value for _, value in rows], float)
    expected = [False] * len(rows)
    for group in {"x", "y", "z"}:
        members = [i for i in range(len(rows)) if groups[i] == group and not np.isnan(values[i])]
        if members:
            expected[max(members, key=lambda i: (values[i], -i))] = True
    assert best_of_each(groups, values).tolist() == expected
