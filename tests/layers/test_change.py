"""Three sums, two routes and a Gram matrix: relative change, cosine, angle and ranks against plain linear algebra."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from dataselect.layers import change as change_module
from dataselect.layers.change import (
    KEPT,
    Sums,
    from_factors,
    full_change,
    low_rank_change,
    summarise,
    unchanged,
)
from dataselect.layers.checkpoints import LowRank, stored_tensors


def stored(tmp_path, **tensors):
    file = tmp_path / "t.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)
    return stored_tensors([file])


def test_by_hand(tmp_path):
    # W = (3, 0; 0, 4), W' = (3, 0; 0, 5): D = (0, 0; 0, 1).  a = 25, b = 4, c = 1
    found = stored(tmp_path, w=torch.tensor([[3.0, 0], [0, 4]]), v=torch.tensor([[3.0, 0], [0, 5]]))
    sums = full_change(found["w"], found["v"], True).sums
    assert sums == Sums(4, 25.0, 4.0, 1.0)
    assert sums.relative == pytest.approx(1 / 5)
    assert sums.cosine == pytest.approx(29 / (5 * math.sqrt(34)))
    assert math.cos(math.radians(sums.angle)) == pytest.approx(sums.cosine)


def test_the_angle_is_sharp_where_the_cosine_is_one_to_all_digits():
    sums = Sums(2, 1.0, 0.0, 1e-18)  # W = (1, 0), D = (0, 1e-9)
    assert sums.cosine == 1.0
    assert sums.angle == pytest.approx(math.degrees(1e-9), rel=1e-9)


def test_numbers_of_zero_weights_are_absent_and_not_zero():
    assert (Sums(3, 0.0, 0.0, 2.0).relative, Sums(3, 0.0, 0.0, 2.0).cosine, Sums(3, 0.0, 0.0, 2.0).angle) == (None,) * 3
    assert Sums(3, 4.0, -4.0, 4.0).cosine is None  # W' is 0
    assert Sums(3, 4.0, -4.0, 4.0).relative == 1.0


@pytest.mark.parametrize(
    ("shape", "part"), [((30, 7), 20), ((7, 30), 20), ((9, 9), 1000), ((5, 4, 3), 7), ((11,), 4), ((), 4)]
)
def test_parts_of_any_size_give_the_whole(tmp_path, monkeypatch, shape, part):
    monkeypatch.setattr(change_module, "_PART", part)
    draw = torch.Generator().manual_seed(1)
    w, d = torch.randn(shape, generator=draw), torch.randn(shape, generator=draw)
    found = stored(tmp_path, w=w, v=w + d)
    change = full_change(found["w"], found["v"], True)
    d = ((w + d).double() - w.double()).numpy()
    assert change.sums.change == pytest.approx(float((d**2).sum()))
    assert change.sums.weights == d.size
    assert unchanged(found["w"]).sums.base == pytest.approx(float((w.double() ** 2).sum()))
    if len(shape) != 2:
        assert change.spectrum is None
        return
    values = np.linalg.svd(d, compute_uv=False)
    assert change.spectrum.largest == pytest.approx(values[:KEPT], rel=1e-7)
    assert change.spectrum.stable_rank == pytest.approx((values**2).sum() / values[0] ** 2)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_factors_and_their_product_say_the_same(tmp_path_factory, m, n, r, seed):
    rng = np.random.default_rng(seed)
    w, left, right = rng.normal(size=(m, n)), rng.normal(size=(m, r)), rng.normal(size=(r, n))
    base = stored(tmp_path_factory.mktemp("t"), w=torch.from_numpy(w))["w"]
    found = low_rank_change(base, LowRank(left, right), True)
    d = left @ right
    assert found.sums.change == pytest.approx((d**2).sum(), rel=1e-9)
    assert found.sums.cross == pytest.approx((w * d).sum(), rel=1e-9, abs=1e-9)
    assert found.spectrum.largest[0] == pytest.approx(np.linalg.svd(d, compute_uv=False)[0], rel=1e-9)
    assert found.spectrum.effective_rank <= min(m, n, r) + 1e-9


def test_ranks_by_hand():
    # k equal values: effective, stable and 90 % rank are k, k and ceil(0.9 k)
    even = summarise(np.full(10, 3.0))
    assert (even.effective_rank, even.stable_rank, even.rank_90) == (pytest.approx(10), pytest.approx(10), 9)
    # 3 and 1: p = (3/4, 1/4), entropy 0.5623; stable rank 10/9; 9 of 10 in the first
    two = summarise(np.array([3.0, 1.0]))
    assert two.effective_rank == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))
    assert (two.stable_rank, two.rank_90) == (pytest.approx(10 / 9), 1)
    assert summarise(np.zeros(3)) is None


def test_a_change_of_rank_one_has_rank_one_by_both_routes(tmp_path):
    draw = torch.Generator().manual_seed(0)
    w = torch.zeros(50, 30, dtype=torch.float64)
    u, v = torch.randn(50, 1, generator=draw).double(), torch.randn(1, 30, generator=draw).double()
    found = stored(tmp_path, w=w, v=w + u @ v)
    assert full_change(found["w"], found["v"], True).spectrum.effective_rank == pytest.approx(1.0, abs=1e-4)
    assert from_factors(u.numpy(), v.numpy()).effective_rank == pytest.approx(1.0)


def test_an_empty_tensor_has_no_numbers(tmp_path):
    found = stored(tmp_path, w=torch.zeros(0, 8), v=torch.zeros(0, 8))
    change = full_change(found["w"], found["v"], True)
    assert (change.sums.weights, change.sums.relative, change.spectrum) == (0, None, None)


def test_bfloat16_weights_are_compared_exactly(tmp_path):
    draw = torch.Generator().manual_seed(0)
    w, v = torch.randn(6, 5, generator=draw).bfloat16(), torch.randn(6, 5, generator=draw).bfloat16()
    found = stored(tmp_path, w=w, v=v)
    expected = float(((v.double() - w.double()) ** 2).sum())
    assert full_change(found["w"], found["v"], False).sums.change == pytest.approx(expected, rel=1e-14)
