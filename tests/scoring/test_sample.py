"""Drawing rows from a pool that is read once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataselect.records import Example, Reject, Rendered
from dataselect.scoring.sample import Largest, draw_rows


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 10))
def test_the_largest_are_those_of_a_stable_sort(keys, size):
    kept: Largest[int] = Largest(size)
    for place, key in enumerate(keys):
        kept.add(key, place)
    assert kept.items == sorted(range(len(keys)), key=lambda place: -keys[place])[:size]


def rendered(example: Example) -> Rendered:
    """As `Renderer` would, as far as drawing looks: every third example cannot be scored."""
    none = np.zeros(0, np.int32)
    status = "too_long" if int(example.id) % 3 == 0 else "ok"
    return Rendered(example.id, "p", "", none, none, none, status, (), 0)


def pool(count: int) -> list[Example | Reject]:
    examples = [Example(str(i), "p", {}, text="x" * (i % 97)) for i in range(count)]
    return [Reject("p", i, "malformed_json", "") if i % 50 == 49 else one for i, one in enumerate(examples)]


def test_a_sample_is_of_scorable_rows_in_pool_order_with_the_longest_among_them():
    sample = draw_rows(pool(1000), rendered, 40, seed=3)
    ids = [int(one.id) for one in sample.rows]
    assert (len(ids), sample.longest, sample.records) == (40, 4, 1000)
    assert ids == sorted(set(ids))
    assert all(i % 3 and i % 50 != 49 for i in ids)
    # scorable rows of 96 characters, the most there are: 193, 290, 484, 581, ... the four first are taken
    assert {193, 290, 484, 581} <= set(ids)


def test_the_seed_decides_and_nothing_else():
    first, again, other = (draw_rows(pool(1000), rendered, 40, seed) for seed in (3, 3, 4))
    assert [one.id for one in first.rows] == [one.id for one in again.rows]
    assert [one.id for one in first.rows] != [one.id for one in other.rows]


def test_rows_by_chance_are_uniform_over_the_scorable_ones():
    # 200 records, 131 of them scorable; 2 000 draws of 10 rows, one of which is always the longest
    count: dict[str, int] = {}
    for seed in range(2000):
        for one in draw_rows(pool(200), rendered, 10, seed).rows:
            count[one.id] = count.get(one.id, 0) + 1
    assert count.pop("193") == 2000
    scorable = sum(i % 3 != 0 and i % 50 != 49 for i in range(200))
    expected = 2000 * 9 / (scorable - 1)  # about 138, with a standard deviation of about 11.5
    assert len(count) == scorable - 1
    assert all(abs(times - expected) < 5 * expected**0.5 for times in count.values())


def test_a_pool_with_fewer_rows_is_taken_whole():
    sample = draw_rows(pool(20), rendered, 40, seed=0)
    assert len(sample.rows) == sum(i % 3 != 0 for i in range(20))
    assert draw_rows([], rendered, 5, seed=0).rows == ()


def test_few_rows_of_a_large_pool_are_rendered():
    asked = 0

    def counted(example: Example) -> Rendered:
        nonlocal asked
        asked += 1
        return rendered(example)

    draw_rows(pool(100_000), counted, 50, seed=0)
    # by chance about 50 * ln(66,000 / 50) = 360 scorable rows, with the unscorable beside them; and by length
    assert asked < 5000
