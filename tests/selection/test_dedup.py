"""The three ways of telling that rows say the same, each against a slow truth, and their walk down a ranking."""

import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.embeddings import EmbedRequest, embed
from dataselect.errors import MissingExtraError
from dataselect.selection import SelectRequest, select
from dataselect.selection.dedup import (
    PERMUTATIONS,
    bands,
    deduplicated,
    exact_duplicates,
    jaccard,
    near_duplicates,
    semantic_duplicates,
    shingles,
)
from dataselect.selection.exclusions import Exclusions
from dataselect.selection.filters import Filters
from dataselect.strategies import Text
from dataselect.strategies.strings import Strings

FOX = "the quick brown fox jumps over the lazy dog and runs far away from here"


def rows(*order):
    return np.array(order, np.int64)


def test_exact_duplicates_repeat_the_first_in_rank_order():
    texts = [Text("Add 1.", "2"), Text(" add\n1. ", "２"), Text("Add 1. 2", ""), Text("ADD 1.", "2")]
    assert exact_duplicates(texts, rows(0, 1, 2, 3)) == {1: 0, 3: 0}  # 2 has the words in another place
    assert exact_duplicates(texts, rows(3, 2, 1, 0)) == {1: 3, 0: 3}
    assert exact_duplicates(texts, rows(2, 1)) == {}


def test_shingles_are_runs_of_five_words_or_the_whole_text():
    assert shingles(Text("a b c", "d e f")) == {"a b c d e", "b c d e f"}
    assert shingles(Text("a", "b")) == {"a b"}
    assert shingles(Text("", "")) == set()
    assert shingles(Text("", "一二三四五六")) == {"一 二 三 四 五", "二 三 四 五 六"}


def test_near_duplicates_share_enough_of_their_shingles():
    """FOX has 15 words and 11 shingles. Another last word changes one: 10 shared of 12. Another in the middle five."""
    changed_end, changed_middle = FOX.replace("here", "there"), FOX.replace("lazy", "sleepy")
    texts = [Text("", FOX), Text("", changed_end), Text("", changed_middle), Text("", "Something else at all, no?")]
    assert jaccard(shingles(texts[0]), shingles(texts[1])) == 10 / 12
    assert jaccard(shingles(texts[0]), shingles(texts[2])) == 6 / 16
    assert near_duplicates(texts, rows(0, 1, 2, 3), 0.8) == {1: 0}
    assert near_duplicates(texts, rows(3, 2, 1, 0), 0.8) == {0: 1}
    assert near_duplicates(texts, rows(0, 1, 2, 3), 0.3) == {1: 0, 2: 0}
    assert near_duplicates(texts, rows(0, 1, 2, 3), 0.9) == {}


def test_a_row_that_only_resembles_dropped_rows_stays():
    """Each next text lacks the first word of the one before. To the last kept one: 10 of 11, 9 of 11, then 8 of 9."""
    words = FOX.split()
    texts = [Text("", " ".join(words[drop:])) for drop in range(4)]
    assert near_duplicates(texts, rows(0, 1, 2, 3), 0.85) == {1: 0, 3: 2}


def test_empty_texts_resemble_nothing():
    assert near_duplicates([Text("", ""), Text("", "")], rows(0, 1), 0.5) == {}


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.8, 0.95, 1.0])
def test_a_pair_at_the_threshold_is_overlooked_less_than_once_in_a_thousand(threshold):
    number, length = bands(threshold)
    assert number >= 2
    assert number * length <= PERMUTATIONS
    assert (1 - threshold**length) ** number <= 1e-3 or length == 1


sentences = st.lists(st.sampled_from("abc"), min_size=0, max_size=9).map(lambda letters: Text("", " ".join(letters)))


@settings(max_examples=30, deadline=None)
@given(st.lists(sentences, max_size=12), st.sampled_from([0.5, 0.8, 1.0]))
def test_near_duplicates_are_those_of_comparing_each_with_all_that_are_kept(texts, threshold):
    """Signatures tell so few shingles apart for certain, so that hashing overlooks nothing here."""
    kept, expected = [], {}
    for row, text in enumerate(texts):
        likeness = {other: jaccard(shingles(text), shingles(texts[other])) for other in kept if shingles(text)}
        nearest = max(likeness, key=likeness.get, default=None)
        if nearest is not None and likeness[nearest] >= threshold:
            expected[row] = nearest
        elif shingles(text):
            kept.append(row)
    assert near_duplicates(texts, np.arange(len(texts)), threshold) == expected


def unit(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_semantic_duplicates_name_the_nearest_kept_row_before_them():
    """cos 10° is 0.985, cos 20° 0.940: 10° is within 0.95 of 0°, 20° is not; 12° is nearer to 20° than to 0°."""
    assert semantic_duplicates(unit(0, 10, 20, 12, 90), np.arange(5), 0.95) == {1: 0, 3: 2}
    assert semantic_duplicates(unit(0, 10, 20, 12, 90), np.arange(5), 0.9999) == {}
    assert semantic_duplicates(unit(10, 5, 0, 1), np.arange(4), 0.9998) == {3: 2}
    assert semantic_duplicates(unit(), np.arange(0), 0.5) == {}


def test_semantic_duplicates_of_some_rows_in_another_order_are_those_of_the_rows_taken_out():
    vectors = unit(*range(0, 360, 7), *range(3, 360, 11))
    order = np.random.default_rng(0).permutation(len(vectors))[:50]
    expected = semantic_duplicates(vectors[order], np.arange(50), 0.97)
    assert expected
    assert semantic_duplicates(vectors, order, 0.97) == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 359), max_size=30))
def test_semantic_duplicates_are_those_of_comparing_each_with_all_that_are_kept(degrees):
    vectors = unit(*degrees)
    kept, expected = [], {}
    for row, vector in enumerate(vectors.astype(np.float64)):
        near = [other for other in kept if float(vectors[other].astype(np.float64) @ vector) > 0.9]
        if near:
            expected[row] = near
        else:
            kept.append(row)
    found = semantic_duplicates(vectors, np.arange(len(vectors)), 0.9)
    assert set(found) == set(expected)
    assert all(other in expected[row] for row, other in found.items())


def test_ways_are_applied_one_after_the_other_and_each_row_leaves_once():
    texts = [Text("", FOX), Text("", FOX.upper()), Text("", FOX.replace("here", "there")), Text("", "Other words.")]
    ids, exclusions = Strings(["a", "b", "c", "d"]), Exclusions(4)
    order = deduplicated(Filters(dedup=("exact", "ngram")), rows(3, 1, 2, 0), ids, texts, None, exclusions)
    assert order.tolist() == [3, 1]
    assert list(exclusions) == ["duplicate", "", "near_duplicate", ""]
    assert exclusions.because == {0: "b", 2: "b"}


@settings(max_examples=30, deadline=None)
@given(st.lists(sentences, min_size=1, max_size=12), st.randoms())
def test_duplicates_are_never_both_kept_and_order_stays(texts, random):
    order = list(range(len(texts)))
    random.shuffle(order)
    ids, exclusions = Strings([str(row) for row in range(len(texts))]), Exclusions(len(texts))
    kept = deduplicated(Filters(dedup=("exact", "ngram")), np.array(order), ids, texts, None, exclusions).tolist()
    assert kept == [row for row in order if row in kept]
    assert sorted(kept) == exclusions.remaining.tolist()
    for number, row in enumerate(kept):
        for other in kept[:number]:
            a, b = shingles(texts[row]), shingles(texts[other])
            assert not a or not b or jaccard(a, b) < 0.8
            assert texts[row] != texts[other]
    # a longer ranking changes nothing above: budgets nest
    again = Exclusions(len(texts))
    half = deduplicated(Filters(dedup=("exact", "ngram")), np.array(order[: len(order) // 2]), ids, texts, None, again)
    assert half.tolist() == kept[: len(half)]


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(MissingExtraError, match=r"datasketch.*pip install 'dataselect\[dedup\]'"):
        near_duplicates([Text("", "a")], rows(0), 0.8)


TOLD = "The harbour master writes down every boat that comes in, its name, its owner and what it carries. "


def test_rows_that_differ_behind_the_limit_of_the_encoder_are_no_duplicates_in_meaning(tmp_path):
    """MiniLM reads 256 tokens: to it the first two are one text. The last two are read whole and say the same."""
    rows = {
        "north": f"{TOLD * 14}Sail north.",
        "south": f"{TOLD * 14}Burn the boat.",
        "short": TOLD,
        "again": f"{TOLD}.",
    }
    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(json.dumps({"id": i, "prompt": p, "response": "Aye."}) + "\n" for i, p in rows.items()))
    folder = tmp_path / "embeddings"
    embed(EmbedRequest((str(pool),), "minilm", folder))
    vectors = np.load(folder / "embeddings.npy")
    assert vectors[0] @ vectors[1] > 0.9999
    assert vectors[2] @ vectors[3] > 0.95
    assert (folder / "truncated.txt").read_text() == "north\nsouth\n"
    filters = Filters(dedup=("semantic",))
    summary = select(
        SelectRequest((str(pool),), "random", "3", tmp_path / "out.jsonl", embeddings=folder, filters=filters)
    )
    assert summary.counts.left_out == {"semantic_duplicate": 1}
    kept = {json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()}
    assert {"north", "south"} <= kept
    assert summary.counts.embedded_in_part == 2
    assert (
        "2 rows embedded only in part: --dedup semantic does not compare them (--dedup ngram reads all text)"
        in summary.line
    )
