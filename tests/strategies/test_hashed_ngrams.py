"""Hashed n-grams against the numbers that the authors of DSIR test theirs with, and against counting by hand."""

import numpy as np

from dataselect.strategies.hashed_ngrams import bucket_of, hashed_ngrams


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
