"""TF-IDF + SVD: against its formula by hand and NumPy's dense decomposition, and embedding runs with it."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from pyarrow import parquet

from dataselect.embeddings import EmbedRequest, embed, encoding, load_encoder
from dataselect.embeddings import tfidf as tfidf_module
from dataselect.embeddings.tfidf import TermSpace, terms_of
from dataselect.errors import ArtifactError, DataselectError, MissingExtraError, PoolError, UsageError

POOL = [
    {"id": "sum", "prompt": "What is 4 plus 5?", "response": "9"},
    {"id": "sum2", "prompt": "What is 7 plus 5?", "response": "12"},
    {"id": "sum3", "prompt": "What is 4 plus 8?", "response": "12"},
    {"id": "cat", "prompt": "Tell a story about a cat.", "response": "Once."},
    {"id": "dog", "prompt": "Tell a story about a dog.", "response": "Once."},
    {"id": "boat", "prompt": "Tell a long story about a boat.", "response": "Once."},
    {"id": "none", "prompt": " ", "response": "Nothing was asked."},
    {"id": "signs", "prompt": "?!", "response": "Signs."},
    {"id": "stop", "prompt": "the of and", "response": "Stop words."},
]
TARGETS = [
    {"id": "t1", "prompt": "What is 5 plus 5?", "response": "10"},
    {"id": "foreign", "prompt": "Quelle heure?", "response": "Midi."},
]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


@pytest.fixture
def pool(tmp_path):
    return write(tmp_path / "pool.jsonl", POOL)


@pytest.fixture
def targets(tmp_path):
    return (write(tmp_path / "targets.jsonl", TARGETS),)


def vectors_of(out):
    ids = (out / "ids.txt").read_text().splitlines()
    return dict(zip(ids, np.load(out / "embeddings.npy"), strict=True))


def test_like_texts_are_near_and_every_vector_has_length_one(tmp_path, pool, targets):
    out = tmp_path / "out"
    summary = embed(EmbedRequest((pool,), "tfidf", out, targets=targets, top_k=1, dim=3))
    assert summary.dim == 3
    vectors = vectors_of(out)
    np.testing.assert_allclose(np.linalg.norm(list(vectors.values()), axis=1), 1, atol=1e-6)
    assert vectors["sum"] @ vectors["sum2"] > 0.9
    assert vectors["cat"] @ vectors["boat"] > 0.9
    assert abs(vectors["sum"] @ vectors["cat"]) < 0.1
    rows = {row["id"]: row["similarity"] for row in parquet.read_table(out / "scores.parquet").to_pylist()}
    assert min(rows["sum"], rows["sum2"], rows["sum3"]) > max(rows["cat"], rows["dog"], rows["boat"]) + 0.5


def test_texts_without_a_known_term_have_no_vector_and_are_listed(tmp_path, pool, targets):
    """A text of stop words alone has one; one without text or terms, or in words that no fitted text has, has not."""
    summary = embed(EmbedRequest((pool,), "tfidf", tmp_path / "out", targets=targets))
    assert (summary.counts.embedded, summary.counts.without_text) == (7, 2)
    assert "stop" in vectors_of(tmp_path / "out")
    assert [target.counts.without_text for target in summary.targets] == [1]
    rejects = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    assert [(one["excerpt"], one["reason"]) for one in rejects] == [
        ("id foreign", "no_token"), ("id none", "no_text"), ("id signs", "no_token"),
    ]  # fmt: skip


def test_what_the_directions_do_not_see_has_no_vector(tmp_path):
    """Two directions for three kinds of text that share no word: the rarest kind is at right angles to both."""
    records = [{"prompt": text, "response": "."} for text in ["a b"] * 9 + ["c d"] * 5 + ["x y"]]
    pool = write(tmp_path / "kinds.jsonl", records)
    summary = embed(EmbedRequest((pool,), "tfidf", tmp_path / "two", dim=2))
    assert (summary.dim, summary.counts.embedded, summary.counts.without_text) == (2, 14, 1)
    summary = embed(EmbedRequest((pool,), "tfidf", tmp_path / "three", dim=3))
    assert (summary.dim, summary.counts.embedded) == (3, 15)


def test_it_is_fitted_on_the_pool_and_not_on_the_targets(tmp_path, pool, targets):
    embed(EmbedRequest((pool,), "tfidf", tmp_path / "with", targets=targets))
    embed(EmbedRequest((pool,), "tfidf", tmp_path / "without"))
    for name in ("tfidf.npz", "embeddings.npy"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
    manifest = json.loads((tmp_path / "with" / "manifest.json").read_text())["encoder"]
    assert (manifest["name"], manifest["components"], manifest["fitted_texts"]) == ("tfidf", 256, 8)
    assert manifest["dim"] <= 7


def test_the_order_of_the_pool_and_the_size_of_chunks_change_no_bit(tmp_path, pool, monkeypatch):
    embed(EmbedRequest((pool,), "tfidf", tmp_path / "there"))
    monkeypatch.setattr(encoding, "CHUNK", 2)
    embed(EmbedRequest((write(tmp_path / "back.jsonl", POOL[::-1]),), "tfidf", tmp_path / "back"))
    there, back = vectors_of(tmp_path / "there"), vectors_of(tmp_path / "back")
    assert there.keys() == back.keys()
    for id_ in there:
        np.testing.assert_array_equal(there[id_], back[id_])


def test_a_larger_pool_is_fitted_on_a_sample_that_its_order_does_not_change(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(tfidf_module, "FIT_TEXTS", 5)
    embed(EmbedRequest((pool,), "tfidf", tmp_path / "there"))
    embed(EmbedRequest((write(tmp_path / "back.jsonl", POOL[::-1]),), "tfidf", tmp_path / "back"))
    assert (tmp_path / "there" / "tfidf.npz").read_bytes() == (tmp_path / "back" / "tfidf.npz").read_bytes()
    assert json.loads((tmp_path / "there" / "manifest.json").read_text())["encoder"]["fitted_texts"] == 5


def test_a_run_that_was_stopped_reads_the_fitted_space(tmp_path, pool, monkeypatch):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(encoding, "CHUNK", 4)
    request = EmbedRequest((pool,), "tfidf", tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        embed(request, interrupt)
    stamp = (tmp_path / "out" / "tfidf.npz").stat().st_mtime_ns
    monkeypatch.setattr(tfidf_module.TermSpace, "fit", lambda *_: pytest.fail("fitted again"))
    assert embed(request).resumed == 4
    assert (tmp_path / "out" / "tfidf.npz").stat().st_mtime_ns == stamp


def test_the_folder_of_a_run_is_an_encoder_for_other_texts(tmp_path, pool, targets):
    embed(EmbedRequest((pool,), "tfidf", tmp_path / "first", targets=targets))
    other = write(tmp_path / "other.jsonl", TARGETS[:1])
    summary = embed(EmbedRequest((other,), str(tmp_path / "first"), tmp_path / "second"))
    assert summary.counts.embedded == 1
    np.testing.assert_array_equal(
        np.load(tmp_path / "second" / "embeddings.npy"), np.load(tmp_path / "first" / "targets.npy")
    )
    assert not (tmp_path / "second" / "tfidf.npz").exists()
    assert embed(EmbedRequest((other,), str(tmp_path / "first"), tmp_path / "second")).already_finished
    with pytest.raises(UsageError, match="no states of tokens to pool"):
        load_encoder(str(tmp_path / "first"), "mean")
    again = EmbedRequest((other,), str(tmp_path / "first"), tmp_path / "first", overwrite=True)  # over itself
    assert embed(again).counts.embedded == 1


def test_another_dimension_is_another_run(tmp_path, pool):
    embed(EmbedRequest((pool,), "tfidf", tmp_path / "out", dim=3))
    with pytest.raises(DataselectError, match=r"another encoder\.components \(was 3, now 2\)"):
        embed(EmbedRequest((pool,), "tfidf", tmp_path / "out", dim=2))


@pytest.mark.parametrize("prompts", [["?!", "..."], [" "]])
def test_a_pool_without_words_is_an_error(tmp_path, prompts):
    pool = write(tmp_path / "signs.jsonl", [{"prompt": prompt, "response": "Yes."} for prompt in prompts])
    with pytest.raises(PoolError, match="the pools should hold examples with words to embed"):
        embed(EmbedRequest((pool,), "tfidf", tmp_path / "out"))


def test_targets_that_the_pool_shares_no_word_with_are_an_error(tmp_path, pool):
    foreign = write(tmp_path / "foreign.jsonl", TARGETS[1:])
    with pytest.raises(PoolError, match=r"foreign\.jsonl should hold examples with text to embed.*no_token"):
        embed(EmbedRequest((pool,), "tfidf", tmp_path / "out", targets=(foreign,)))


def test_sums_of_a_real_pool_are_nearer_to_others_of_their_kind_than_instructions_are(tmp_path, shared_data):
    """GSM8K training questions among Alpaca's instructions, with GSM8K test questions as the target."""
    sums = (shared_data / "pools" / "gsm8k__train.jsonl").read_text(encoding="utf-8").split("\n")[:300]
    others = json.loads((shared_data / "pools" / "alpaca__alpaca_5000.json").read_text(encoding="utf-8"))[:300]
    asked = (shared_data / "benchmarks" / "gsm8k__test.jsonl").read_text(encoding="utf-8").split("\n")[:100]
    pool = write(tmp_path / "mixed.jsonl", [*map(json.loads, sums), *others])
    target = write(tmp_path / "target.jsonl", map(json.loads, asked))
    summary = embed(EmbedRequest((pool,), "tfidf", tmp_path / "out", targets=(target,)))
    assert summary.counts.embedded == 600
    near = parquet.read_table(tmp_path / "out" / "scores.parquet")["similarity"].to_numpy()
    # the chance that a sum is nearer than an instruction
    assert (near[:300, None] > near[None, 300:]).mean() > 0.95


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
    monkeypatch.setattr("dataselect.embeddings.tfidf.MAX_TERMS", 2)
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
