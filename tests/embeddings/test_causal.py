"""The bundled language model as an encoder, against one forward pass per text."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from dataselect.embeddings.causal import CausalEncoder, _weights, builtin
from dataselect.embeddings.encoder import Encoder
from dataselect.errors import DataselectError
from dataselect.models import model_path

TEXTS = [
    "Mia has 3 apples.",
    "Once upon a time there was a small dog that lived in a house by the river and played all day long.",
    "a",
    "What is 12 plus 30? " * 20,
    "The cat sat on the mat.",
]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return builtin()


@pytest.fixture(scope="session")
def vectors(encoder):
    return encoder.encode(TEXTS)


def test_equals_the_mean_of_the_last_hidden_states_without_bos(vectors):
    """Truth: one text per pass, all hidden states kept, the BOS state dropped, mean and length in float64."""
    tokenizer = AutoTokenizer.from_pretrained(model_path())
    model = AutoModelForCausalLM.from_pretrained(model_path(), dtype=torch.float32).eval()
    for text, vector in zip(TEXTS, vectors, strict=True):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        assert ids[0, 0] == tokenizer.bos_token_id
        with torch.no_grad():
            states = model(ids, output_hidden_states=True).hidden_states[-1][0].double().numpy()
        mean = states[1:].mean(axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def states_of(texts):
    """For each text, read alone: the last hidden states of its own tokens, (n_tokens, 192) float64."""
    tokenizer = AutoTokenizer.from_pretrained(model_path())
    model = AutoModelForCausalLM.from_pretrained(model_path(), dtype=torch.float32).eval()
    with torch.no_grad():
        every = [model(**tokenizer(t, return_tensors="pt"), output_hidden_states=True).hidden_states[-1] for t in texts]
    return [states[0, 1:].double().numpy() for states in every]


@pytest.mark.parametrize(
    ("pooling", "rule"),
    [
        ("mean", lambda n: np.full(n, 1 / n)),
        ("weighted-mean", lambda n: np.arange(1, n + 1) / (n * (n + 1) / 2)),
        ("last", lambda n: np.eye(n)[-1]),
    ],
)
def test_each_pooling_is_its_formula_and_a_batch_is_like_batches_of_one(pooling, rule):
    """Lengths from 1 to over 100 tokens go through one padded batch; the truth is read one by one."""
    encoder = builtin(pooling)
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    for states, vector in zip(states_of(TEXTS), together, strict=True):
        pooled = rule(len(states)) @ states
        np.testing.assert_allclose(vector, pooled / np.linalg.norm(pooled), atol=1e-5)


def test_weights_see_the_tokens_of_the_text_and_nothing_else():
    """Two rows of BOS, text, EOS and padding: three tokens of text and one."""
    own = np.array([[0, 1, 1, 1, 0], [0, 1, 0, 0, 0]], bool)
    wanted = {
        "mean": [[0, 1 / 3, 1 / 3, 1 / 3, 0], [0, 1, 0, 0, 0]],
        "weighted-mean": [[0, 1 / 6, 2 / 6, 3 / 6, 0], [0, 1, 0, 0, 0]],
        "last": [[0, 0, 0, 1, 0], [0, 1, 0, 0, 0]],
    }
    for pooling, weights in wanted.items():
        np.testing.assert_allclose(_weights(own, pooling), weights, rtol=1e-6)


def test_the_pooling_is_part_of_the_settings():
    poolings = [builtin(pooling).settings()["pooling"] for pooling in (None, "mean", "weighted-mean", "last")]
    assert poolings[0] == poolings[1]
    assert len(set(poolings)) == 3


def test_unit_vectors_of_float32_in_the_hidden_size(encoder, vectors):
    assert vectors.shape == (len(TEXTS), 192) == (len(TEXTS), encoder.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_padding_is_invisible_a_text_alone_equals_the_text_in_a_batch(encoder, vectors):
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)


def test_order_does_not_matter_and_is_kept(encoder, vectors):
    order = np.random.default_rng(0).permutation(len(TEXTS))
    np.testing.assert_allclose(encoder.encode([TEXTS[i] for i in order]), vectors[order], atol=1e-5)


def test_twice_is_the_same_to_the_bit(encoder, vectors):
    np.testing.assert_array_equal(encoder.encode(TEXTS), vectors)


def test_tokens_are_those_of_the_whole_text_and_the_limit_leaves_room_for_bos(encoder):
    tokenizer = AutoTokenizer.from_pretrained(model_path())
    long = "word " * 3000
    assert encoder.count_tokens([*TEXTS, long, ""]).tolist() == [
        len(tokenizer.tokenize(text)) for text in [*TEXTS, long, ""]
    ]
    assert encoder.max_tokens == 1024 - 1


def test_a_long_text_is_embedded_by_its_beginning(encoder):
    beginning = "one two three four five six seven eight nine ten. " * 200  # more than 2,000 tokens
    first, second = encoder.encode([beginning + "A dog.", beginning + "The end of the world. " * 50])
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert encoder.count_tokens([beginning])[0] > encoder.max_tokens


def test_no_texts_are_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 192)


def test_the_settings_name_no_path_and_change_with_the_weights(tmp_path, encoder):
    copy = tmp_path / "copy"
    shutil.copytree(model_path(), copy)
    assert CausalEncoder("mine", copy).settings() == encoder.settings()
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert CausalEncoder("mine", copy).settings()["digest"] != encoder.settings()["digest"]


def test_broken_weights_are_one_error(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(model_path(), copy)
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(DataselectError, match="cannot be loaded"):
        CausalEncoder("mine", copy).encode(["hello"])
