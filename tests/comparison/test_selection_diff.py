"""Two selections side by side: overlap, chance, order and distinctive rows worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataselect.comparison.selection_diff import RankedRows, difference


def rows(name, ranks, budget, inputs=frozenset({"p"}), lengths=None):
    """A pool a, b, c ... with a rank each (0: not ranked), cut at a budget."""
    ids = np.array([chr(ord("a") + i) for i in range(len(ranks))])
    rank = np.array(ranks)
    chosen = (rank > 0) & (rank <= budget)
    reasons = np.where(chosen, "", np.where(rank == 0, "too_long", "over the budget"))
    length = np.array(lengths or [float(i) for i in range(len(ranks))])
    sources = np.array(["x" if i % 2 else "y" for i in range(len(ranks))])
    return RankedRows(
        Path(f"{name}.jsonl"), ids, sources, rank, length, "response_tokens", chosen, reasons,
        dict.fromkeys(("params", "seed", "budget_text", "length_control", "filters", "quota")) | {"strategy": name},
        inputs,
    )  # fmt: skip


def test_overlap_and_chance_by_hand():
    # A chooses a b c d, B chooses c d e f of 8 rows: 2 in both, 6 in either; by chance 4 * 4 / 8 = 2
    a = rows("low", [1, 2, 3, 4, 5, 6, 7, 8], 4)
    b = rows("high", [8, 7, 1, 2, 3, 4, 5, 6], 4)
    found = difference(a, b)
    assert (found.both, found.a.only_here, found.b.only_here) == (2, 2, 2)
    assert found.jaccard == pytest.approx(2 / 6)
    assert found.by_chance == 2.0
    assert found.spearman is None  # two rows have no order to speak of
    assert found.made == {"strategy": ("low", "high")}


def test_the_order_of_the_common_rows():
    # ranks 1 2 3 4 against 2 1 3 4: Spearman 1 - 6 * 2 / (4 * 15) = 0.8, Kendall (5 - 1) / 6 = 0.667
    found = difference(rows("a", [1, 2, 3, 4], 4), rows("b", [2, 1, 3, 4], 4))
    assert (found.spearman, found.kendall) == (pytest.approx(0.8), pytest.approx(4 / 6))
    assert found.jaccard == 1.0


def test_distinctive_rows_say_where_the_other_has_them():
    a = rows("a", [1, 2, 3, 4, 5], 3)
    b = rows("b", [0, 5, 1, 2, 3], 3)
    assert [(t.id, t.rank, t.rank_there, t.reason_there) for t in difference(a, b).a.telling] == [
        ("a", 1, None, "too_long"), ("b", 2, 5, "over the budget"),
    ]  # fmt: skip
    assert [t.id for t in difference(a, b, distinctive=1).b.telling] == ["d"]


def test_sources_and_lengths_are_those_of_the_chosen():
    found = difference(rows("a", [1, 2, 3, 4], 3), rows("b", [4, 3, 2, 1], 2))
    assert found.a.sources == {"x": 1, "y": 2}
    assert found.a.length[2] == 1.0  # the median of 0, 1 and 2
    assert found.b.length[2] == 2.5  # of 2 and 3


def test_different_pools_leave_chance_out():
    found = difference(rows("a", [1, 2], 1), rows("b", [1, 2], 1, inputs=frozenset({"q"})))
    assert found.by_chance is None
