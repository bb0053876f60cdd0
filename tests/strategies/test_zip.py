import json
import random
import zlib
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, Text, make_strategy
from dataselect.strategies.zip import Compressed, Zip


def size_ratio(*texts):
    whole = b"".join(texts)
    return len(whole) / len(zlib.compress(whole, 9))


def slow_zip(texts, k1, k2, k3, drop=False):
    """The three stages as the paper states them, each ratio from the whole text, each choice by a scan."""
    known = {row: size_ratio(text) for row, text in enumerate(texts)}
    order, left = [], list(range(len(texts)))
    while left:
        first = sorted(sorted(left, key=lambda row: (known[row], row))[:k1])
        for row in first:
            known[row] = size_ratio(*[texts[i] for i in order], texts[row])
        shortlist = sorted(sorted(first, key=lambda row: (known[row], row))[:k2])
        gone, chosen = list(shortlist), []
        while shortlist and len(chosen) < k3:
            best = min(shortlist, key=lambda row: (size_ratio(*[texts[i] for i in chosen], texts[row]), row))
            chosen.append(best)
            shortlist.remove(best)
        order += chosen
        left = [row for row in left if row not in (gone if drop else chosen)]
    return order


SOME = ["sum", "of", "two", "numbers", "is", "the", "and", "answer", "red", "blue", "xylophone", "7", "42"]
words = st.lists(st.sampled_from(SOME), max_size=12)
pools = st.lists(words.map(lambda drawn: " ".join(drawn).encode()), max_size=14)


@settings(max_examples=60, deadline=None)
@given(texts=pools, drop=st.booleans(), ks=st.lists(st.integers(1, 8), min_size=3, max_size=3).map(sorted))
def test_agrees_with_a_slow_reading_of_the_three_stages(texts, drop, ks):
    k3, k2, k1 = ks
    fast = Zip(k1, k2, k3, "drop" if drop else "return")
    assert [choice.row for choice in fast.choices(texts)] == slow_zip(texts, k1, k2, k3, drop)


def test_the_first_row_of_a_round_compresses_least_and_a_repetition_comes_last():
    texts = [Text("Say it.", "again " * 30), Text("Q7f?", "xK9 vbZ2 qJ"), Text("Q7f?", "xK9 vbZ2 qJ")]
    candidates = Candidates(["a", "b", "c"], texts=texts)
    ranking = make_strategy("zip", {"k3": "1", "k2": "2"}).rank(candidates, np.random.default_rng(0))
    raw = [f"{text.prompt}\n{text.response}\n".encode() for text in texts]
    assert ranking.order[0] == 1  # b and c are the least compressible; b by its id
    assert ranking.scores[0] == size_ratio(raw[1])
    # then either "again again ..." or the repetition of b joins b, whichever compresses less with it
    assert (ranking.order[1] == 2) == (size_ratio(raw[1], raw[2]) < size_ratio(raw[1], raw[0]))


@given(texts=st.lists(st.binary(max_size=60), max_size=12), last=st.binary(max_size=60))
def test_the_ratio_is_that_of_the_whole_text(texts, last):
    grown = Compressed()
    for text in texts:
        grown.append(text)
    if texts or last:
        assert grown.ratio_with(last) == size_ratio(*texts, last)


def test_the_ratio_is_that_of_the_whole_text_beyond_the_window_of_the_compressor(shared_data):
    rows = json.loads((shared_data / "pools" / "alpaca__alpaca_5000.json").read_text())[:1200]
    texts = [f"{row['instruction']}\n{row['output']}\n".encode() for row in rows]
    grown = Compressed()
    for text in texts[:1000]:
        grown.append(text)
    assert sum(map(len, texts[:1000])) > 5 * 2**15
    for text in random.Random(0).sample(texts[1000:], 20):
        assert grown.ratio_with(text) == size_ratio(*texts[:1000], text)


def test_dropping_the_rest_of_each_shortlist_ranks_k3_of_k2():
    candidates = Candidates(
        [f"{i:02}" for i in range(20)], texts=[Text(f"Add {i}.", f"It is {i * i}.") for i in range(20)]
    )
    params = {"k1": 20, "k2": 4, "k3": 2}
    assert len(make_strategy("zip", params).rank(candidates, np.random.default_rng(0)).order) == 20
    dropped = make_strategy("zip", {**params, "passed_over": "drop"}).rank(candidates, np.random.default_rng(0))
    assert (len(dropped.order), dropped.complete) == (10, True)


def test_rounds_are_made_as_they_are_asked_for():
    texts = [bytes([65 + i % 26]) * (i + 1) for i in range(30)]
    assert len(list(islice(Zip(10, 4, 2).choices(texts), 3))) == 3


@pytest.mark.parametrize("params", [{"k3": 0}, {"k2": 10, "k3": 11}, {"k1": 100}])
def test_stages_that_do_not_narrow_are_refused(params):
    with pytest.raises(UsageError, match="expected k1 >= k2 >= k3 >= 1"):
        make_strategy("zip", params)


def test_a_row_without_text_is_not_ranked():
    candidates = Candidates(["a", "b"], texts=[Text("", ""), Text("", "plain")])
    assert Zip().rank(candidates, np.random.default_rng(0)).order.tolist() == [1]
