from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.errors import ArtifactError
from dataselect.explanation.inputs import row_cosines
from dataselect.explanation.neighbours import nearest, nearest_targets
from dataselect.selection.vectors import Vectors
from dataselect.strategies.strings import Strings


def unit(rows):
    matrix = np.array(rows, np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def vectors(ids, rows, targets=((1.0, 0.0),)):
    return Vectors(Path("embeddings"), ids, unit(rows), unit(targets), ("t.jsonl",) * len(targets))


def test_the_nearest_come_first_and_of_equals_the_first_by_id():
    # from a = (1, 0): c and d at 0.8, b at 0, e at -1; x is in no pool
    found = vectors(["e", "d", "x", "c", "a", "b"], [(-1, 0), (4, 3), (1, 0), (4, -3), (1, 0), (0, 1)])
    ids = Strings(["a", "b", "c", "d", "e", "f"])
    near = nearest(row_cosines(found, ids, 0), 3)
    assert [(ids[one.place], one.cosine) for one in near] == [
        ("c", pytest.approx(0.8)), ("d", pytest.approx(0.8)), ("b", pytest.approx(0.0)),
    ]  # fmt: skip
    assert [ids[one.place] for one in nearest(row_cosines(found, ids, 0), 99)] == [
        "c",
        "d",
        "b",
        "e",
    ]  # f has no vector


def test_a_row_without_a_vector_is_said():
    with pytest.raises(ArtifactError, match="no vector"):
        row_cosines(vectors(["a"], [(1, 0)]), Strings(["a", "b"]), 1)


def test_targets_by_their_place():
    found = vectors(["a"], [(1, 0)], targets=[(0, 1), (4, 3), (1, 0)])
    assert [(one.place, round(one.cosine, 6)) for one in nearest_targets(found, "a", 2)] == [(2, 1.0), (1, 0.8)]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 50), st.integers(0, 99))
def test_they_are_those_of_a_sorted_list(n, k, seed):
    rows = np.random.default_rng(seed).normal(size=(n, 5))
    ids = [f"{i:02}" for i in range(n)]
    found = vectors(ids, rows, targets=[np.ones(5)])
    near = nearest(row_cosines(found, Strings(ids), 0), k)
    exact = unit(rows).astype(float)
    truth = sorted((-(exact[0] @ exact[i]), i) for i in range(1, n))[:k]
    assert [one.place for one in near] == [i for _, i in truth]
    np.testing.assert_allclose([one.cosine for one in near], [-c for c, _ in truth], atol=1e-6)
