"""The space of TF-IDF + SVD against its formula by hand and NumPy's dense singular value decomposition."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dataselect.embeddings.term_space import TermSpace, terms_of
from dataselect.errors import ArtifactError, MissingExtraError

TEXTS = [
    "What is 4 plus 5?",
    "What is 7 plus 8? Add 7 and 8.",
    "Tell a story about a cat.",
    "Tell a long story about a dog and a cat, a very long one.",
    "the of and",
]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("What is 4+5?", ["what", "is", "4", "5"]),
        ("Ｆｕｌｌ ﬁt", ["full", "fit"]),  # NFKC
        ("snake_case x1", ["snake_case", "x1"]),
        ("日本語 text", ["日", "本", "語", "text"]),
        ("हिन्दी", ["हिन्दी"]),  # vowel signs stay inside the word
        (" ?! \n", []),
    ],
)
def test_terms(text, terms):
    assert terms_of(text) == terms


def weights_by_hand(texts, terms):
    """(1 + ln tf) (1 + ln((1 + n) / (1 + df))), then length 1."""
    counts = [Counter(terms_of(text)) for text in texts]
    document_frequency = {term: sum(term in count for count in counts) for term in terms}
    rows = np.array(
        [
            [
                (1 + np.log(count[term])) * (1 + np.log((1 + len(texts)) / (1 + document_frequency[term])))
                if count[term]
                else 0.0
                for term in terms
            ]
            for count in counts
        ]
    )
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_weights_and_directions_equal_the_formula_and_a_dense_decomposition():
    space = TermSpace.fit(TEXTS, dim=3)
    expected = weights_by_hand(TEXTS, space.terms)
    assert set(space.terms) == {term for text in TEXTS for term in terms_of(text)}
    np.testing.assert_allclose(space.weights(TEXTS).toarray(), expected, atol=1e-6)
    _, _, directions = np.linalg.svd(expected, full_matrices=False)
    truth = expected @ directions[:3].T
    projected = space.project(space.weights(TEXTS))
    assert (space.dim, projected.dtype) == (3, np.float32)
    np.testing.assert_allclose(projected @ projected.T, truth @ truth.T, atol=1e-5)  # directions have no sign
    np.testing.assert_allclose(np.abs(projected), np.abs(truth), atol=1e-5)


def test_there_are_no_more_directions_than_the_texts_have():
    # the second repeats the first, the last two are made of the same words: rank 2
    space = TermSpace.fit(["a b", "a b", "x y", "y x"], dim=256)
    assert space.dim == 2
    whole = space.project(space.weights(["a b", "x y"]))
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(whole[0] @ whole[1], 0.0, atol=1e-6)


def test_a_pool_of_one_word_has_one_direction():
    space = TermSpace.fit(["word", "word"], dim=256)
    np.testing.assert_allclose(space.project(space.weights(["word", "other"])), [[1], [0]])


def test_only_the_most_frequent_terms_are_kept(monkeypatch):
    monkeypatch.setattr("dataselect.embeddings.term_space.MAX_TERMS", 2)
    space = TermSpace.fit(["a a b", "a b c", "a b", "d"], dim=9)
    assert set(space.terms) == {"a", "b"}
    assert space.weights(["d c", "a d"]).toarray().tolist() == [[0, 0], [1, 0]]


def test_the_order_of_the_texts_shows_in_rounding_alone():
    there, back = TermSpace.fit(TEXTS, 4), TermSpace.fit(TEXTS[::-1], 4)
    one, other = (space.project(space.weights(TEXTS)) for space in (there, back))
    np.testing.assert_allclose(one @ one.T, other @ other.T, atol=1e-5)


def test_saved_and_loaded_it_is_the_same_to_the_bit(tmp_path):
    space = TermSpace.fit([*TEXTS, "日本語", "हिन्दी"], 4)
    for name in ("a.npz", "b.npz"):
        space.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = TermSpace.load(tmp_path / "a.npz")
    assert (loaded.terms, loaded.num_texts, loaded.dim) == (space.terms, 7, 4)
    np.testing.assert_array_equal(loaded.project(loaded.weights(TEXTS)), space.project(space.weights(TEXTS)))


def test_no_texts_have_no_rows():
    space = TermSpace.fit(TEXTS, 4)
    assert space.weights([]).shape == (0, len(space.terms))
    assert space.project(space.weights([])).shape == (0, 4)


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "tfidf.npz").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"tfidf\.npz cannot be read"):
        TermSpace.load(tmp_path / "tfidf.npz")


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(MissingExtraError):
        TermSpace.fit(TEXTS, 4)
