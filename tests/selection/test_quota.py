import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.errors import DataselectError, UsageError
from dataselect.selection.quota import Quota, interleaved, parse_quota, ran_out


def shared(sources, quota, sizes=None):
    """The order of rows 0, 1, 2 ... of these sources under a quota."""
    names = sorted(set(sources))
    shares, groups = quota.of(names)
    of_row = np.array([groups[names.index(source)] for source in sources])
    weights = np.ones(len(sources)) if sizes is None else np.array(sizes, float)
    return interleaved(np.arange(len(sources)), of_row, weights, shares).tolist()


def test_even_takes_from_all_sources_in_turn():
    assert shared("aaabbc", Quota()) == [0, 3, 5, 1, 4, 2]  # a ran out of b and c at the end


def test_shares_are_kept_in_every_prefix_and_the_rest_goes_to_the_others_in_rank_order():
    """a has 50%; b and c share the rest by rank: rows 4 5 6 7."""
    order = shared("aaaabcbc", Quota({"a": 50.0}))
    assert order == [0, 4, 1, 5, 2, 6, 3, 7]


def test_webster_by_hand():
    """a 60%, b 40%: a's rows stand at 0.5, 1.5, 2.5 / 0.6 = 0.83, 2.5, 4.17, b's at 1.25 and 3.75."""
    assert shared("aaabb", Quota({"a": 60.0, "b": 40.0})) == [0, 3, 1, 4, 2]


def test_shares_of_100_leave_the_others_for_the_end():
    assert shared("bcbaa", Quota({"a": 100.0})) == [3, 4, 0, 1, 2]


def test_under_a_token_budget_shares_are_of_tokens():
    """a's rows have 30 tokens and stand at 15 and 45, b's have 10: 5, 15, 25, 35. Ties go by rank."""
    assert shared("aabbbb", Quota(), [30, 30, 10, 10, 10, 10]) == [2, 0, 3, 4, 5, 1]


sources = st.lists(st.sampled_from("abc"), min_size=1, max_size=30)


@given(sources)
def test_even_prefixes_differ_by_at_most_one_row_until_a_source_runs_out(given_):
    order = shared(given_, Quota())
    assert sorted(order) == list(range(len(given_)))
    left = {name: given_.count(name) for name in given_}
    taken = dict.fromkeys(left, 0)
    for row in order:
        name = given_[row]
        assert all(taken[name] <= taken[other] for other in left if left[other])
        taken[name], left[name] = taken[name] + 1, left[name] - 1
    for name in left:  # inside a source the order stays
        own = [row for row in order if given_[row] == name]
        assert own == sorted(own)


@given(sources, st.integers(1, 99))
def test_prefixes_of_two_shares_are_within_a_row(given_, percent):
    names = sorted(set(given_))
    quota = Quota({names[0]: float(percent)}) if len(names) > 1 else Quota()
    order = shared(given_, quota)
    limit = next((k for k in range(len(order)) if len({given_[row] == names[0] for row in order[k:]}) < 2), len(order))
    for k in range(1, limit):
        mine = sum(given_[row] == names[0] for row in order[:k])
        assert abs(mine - k * percent / 100) <= 1 or len(names) == 1


def test_a_source_ran_out_if_it_gave_all_and_is_more_than_a_row_short():
    out = ran_out(np.array([2.0, 8.0]), np.array([2.0, 20.0]), np.array([0.5, 0.5]), 1.0)
    assert out.tolist() == [True, False]
    assert not ran_out(np.array([4.0, 5.0]), np.array([4.0, 20.0]), np.array([0.5, 0.5]), 1.0).any()


def test_reads_what_is_typed_and_what_is_recorded():
    assert parse_quota(()) is None
    assert parse_quota(("even",)) == Quota()
    assert parse_quota(("a=b.jsonl=30%", "c=0.5%")) == Quota({"a=b.jsonl": 30.0, "c": 0.5})
    for quota in (None, Quota(), Quota({"a": 30.0})):
        assert Quota.recorded(None if quota is None else quota.described) == quota


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("evenly",), "expected a quota such as even or"),
        (("a=30",), "expected a quota such as even or"),
        (("a=0%",), "expected a quota such as even or"),
        (("=5%",), "expected a quota such as even or"),
        (("even", "a=5%"), "cannot be combined with another --quota"),
        (("a=5%", "a=6%"), "--quota a is given twice"),
        (("a=60%", "b=41%"), "the quotas add up to 101%"),
    ],
)
def test_what_cannot_be_a_quota_is_refused(typed, expected):
    with pytest.raises(UsageError, match=expected):
        parse_quota(typed)


def test_a_quota_must_fit_the_pool():
    with pytest.raises(UsageError, match=r"unknown source in --quota 'pool\.json'.*did you mean pool\.jsonl"):
        Quota({"pool.json": 5.0}).of(["pool.jsonl", "other"])
    with pytest.raises(DataselectError, match="the quotas of all sources add up to 90%, not to 100%"):
        Quota({"a": 50.0, "b": 40.0}).of(["a", "b"])
