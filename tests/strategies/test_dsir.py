"""DSIR worked by hand on texts of three words, its draw against the weights, and on real text.

Hashed n-grams against the numbers that the authors of DSIR test theirs with, and against counting by hand.
"""

import json
import math

import numpy as np
import pytest

from dataselect.errors import DataselectError, UsageError
from dataselect.strategies import Candidates, Text, make_strategy
from dataselect.strategies.dsir import bucket_of, hashed_ngrams, log_weights, probabilities

POOL = ["red red", "red blue", "green", ""]
TARGET = ["red red red blue"]


def ngrams(texts):
    return hashed_ngrams(texts, longest=1, size=1000)


def candidates_of(pool, target, **more):
    texts = [Text("", text) for text in pool]
    return Candidates(
        [f"id{i:04}" for i in range(len(pool))], texts=texts, target_texts=[Text("", text) for text in target],
        target_text_tasks=["t"] * len(target), **more,
    )  # fmt: skip


def test_the_log_weight_is_the_sum_of_log_ratios_of_smoothed_shares():
    """Single words in 1,000 buckets. Pool: red 3, blue 1, green 1 of 5; target: red 3, blue 1 of 4.

    With s = 1 a target share is (count + 1) / (4 + 1000): red 4/1004, blue 2/1004, green 1/1004.
    """
    red, blue, green = (
        math.log(count / 1004 + 1e-8) - math.log(share + 1e-8) for count, share in ((4, 3 / 5), (2, 1 / 5), (1, 1 / 5))
    )
    np.testing.assert_allclose(
        log_weights(ngrams(POOL), ngrams(TARGET), 1.0), [2 * red, red + blue, green, np.nan], rtol=1e-12
    )


def test_without_smoothing_a_word_that_no_target_has_costs_what_the_floor_leaves():
    """red ln(3/4) - ln(3/5) = 0.223, blue ln(1/4) - ln(1/5) = 0.223, green ln(1e-8) - ln(1/5) = -16.81."""
    weights = log_weights(ngrams(POOL), ngrams(TARGET), 0.0)
    np.testing.assert_allclose(weights, [0.4463, 0.4463, -16.8112, np.nan], atol=1e-4)


def test_smoothing_is_the_published_formula():
    """(share * total + s) / (total + s * buckets), as the authors test theirs."""
    counted = ngrams(["one two two three", "three three"])
    plain, smooth = probabilities(counted, 0.0), probabilities(counted, 0.5)
    np.testing.assert_allclose(smooth, (plain * 6 + 0.5) / (6 + 0.5 * 1000), rtol=1e-12)
    assert plain[bucket_of("three", 1000)] == pytest.approx(3 / 6)
    assert plain.sum() == pytest.approx(1)


def test_what_talks_like_the_target_comes_first():
    target = ["How many apples are left?", "How many pens are there in all?"] * 5
    pool = ["Describe the sea in a poem.", "How many boats are left?", "Who wrote this novel?", "How many are there?"]
    strategy = make_strategy("dsir", {"smoothing": 0.01})  # 1 for each of 10,000 buckets would outweigh 80 n-grams
    order = strategy.rank(candidates_of(pool, target), np.random.default_rng(0)).order
    assert sorted(order[:2]) == [1, 3]


def test_the_first_place_is_drawn_in_proportion_to_the_weights():
    """Weights of 2 : 1 : 1 by hand: shares of target 1/2, 1/4, 1/4 over shares of pool 1/3 each; 4,000 draws.

    A share of 1/2 then has a standard deviation of 0.008.
    """
    strategy = make_strategy("dsir", {"ngrams": 1, "smoothing": 0.0})
    candidates = candidates_of(["a", "b", "c"], ["a a b c"])
    firsts = [strategy.rank(candidates, np.random.default_rng(seed)).order[0] for seed in range(4000)]
    np.testing.assert_allclose(np.bincount(firsts) / 4000, [0.5, 0.25, 0.25], atol=0.03)


def test_a_row_without_a_word_is_not_ranked_and_scores_fall_along_the_order():
    ranking = make_strategy("dsir", {}).rank(candidates_of(POOL, TARGET), np.random.default_rng(1))
    assert sorted(ranking.order) == [0, 1, 2]
    assert (np.diff(ranking.scores) <= 0).all()


def test_what_is_read_is_what_was_asked_for():
    pool = [Text("red", "blue"), Text("blue", "red")]
    candidates = Candidates(["a", "b"], texts=pool, target_texts=[Text("red", "")], target_text_tasks=["t"])
    for seed in range(20):
        strategy = make_strategy("dsir", {"text": "prompt", "smoothing": 0.0})
        assert strategy.rank(candidates, np.random.default_rng(seed)).order.tolist() == [0, 1]
    with pytest.raises(DataselectError, match="the 1 targets have no word in their response") as caught:
        make_strategy("dsir", {"text": "response"}).rank(candidates, np.random.default_rng(0))
    assert "--param text=" in caught.value.hint


@pytest.mark.parametrize(
    "params", [{"buckets": 0}, {"ngrams": 0}, {"smoothing": -1.0}, {"smoothing": "nan"}, {"text": "all"}]
)
def test_wrong_options_are_refused(params):
    with pytest.raises(UsageError):
        make_strategy("dsir", params)


def test_mathematics_is_found_among_other_instructions(shared_data):
    """500 problems of GSM8K's training set hidden among 5,000 Alpaca rows, and 100 of its test set as target.

    Smoothing is what makes so small a target work.
    """
    hidden = read_lines(shared_data / "pools" / "gsm8k__train.jsonl")[:500]
    alpaca = json.loads((shared_data / "pools" / "alpaca__alpaca_5000.json").read_text())
    target = read_lines(shared_data / "benchmarks" / "gsm8k__test.jsonl")[:100]
    texts = [Text(row["question"], row["answer"]) for row in hidden]
    texts += [Text(f"{row['instruction']}\n\n{row['input']}", row["output"]) for row in alpaca]
    ids = [f"id{i:04}" for i in range(len(texts))]
    aims = [Text(row["question"], row["answer"]) for row in target]
    candidates = Candidates(ids, texts=texts, target_texts=aims, target_text_tasks=["t"] * 100)
    found = {}
    for smoothing in (0.0, 1.0):
        strategy = make_strategy("dsir", {"smoothing": smoothing})
        found[smoothing] = (strategy.rank(candidates, np.random.default_rng(0)).order[:500] < 500).mean()
    assert found[1.0] > 0.9
    assert found[0.0] < found[1.0] - 0.2


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_buckets_are_those_of_the_published_hash():
    assert (bucket_of("alice", 10_000), bucket_of("alice went", 10_000)) == (6720, 114)


def test_five_words_are_nine_words_and_pairs():
    ngrams = hashed_ngrams(["Alice went to the store"], longest=2, size=10_000)
    assert ngrams.counts.sum() == 5 + 4
    assert ngrams.counts[6720] == ngrams.counts[114] == 1


def test_words_are_runs_of_letters_and_runs_of_signs():
    ngrams = hashed_ngrams(["It's 3.5%... née\n日本"], longest=1, size=10**6)
    words = ["it", "'", "s", "3", ".", "5", "%...", "née", "日本"]
    assert ngrams.buckets.tolist() == [bucket_of(word, 10**6) for word in words]


def test_ngrams_stay_within_their_text():
    ngrams = hashed_ngrams(["a b c", "", "d"], longest=3, size=10**6)
    wanted = ["a", "b", "c", "a b", "b c", "a b c", "d"]
    assert ngrams.buckets.tolist() == [bucket_of(text, 10**6) for text in wanted]
    assert ngrams.starts.tolist() == [0, 6, 6, 7]
    assert ngrams.lengths.tolist() == [6, 0, 1]


def test_a_text_that_is_no_valid_unicode_has_buckets_too():
    assert len(hashed_ngrams(["\ud800 x"], longest=2, size=10).buckets) > 0


def test_no_texts_have_no_ngrams():
    ngrams = hashed_ngrams([], longest=2, size=4)
    assert (ngrams.counts.tolist(), ngrams.lengths.tolist()) == ([0, 0, 0, 0], [])
    assert ngrams.counts.dtype.kind == "i"
    np.testing.assert_array_equal(ngrams.starts, [0])
