"""Rolling windows against the golden lists of lm-evaluation-harness (tests/test_utils.py, v1 to v6 and empty).

There a window is (input tokens, predicted tokens) over a prefix token and the text; `max_seq_len` counts the inputs, so
a window spans one token more than that.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.pool.sequences import rolling_windows


def as_harness(length: int, max_seq_len: int, context: int) -> list[tuple[list[int], list[int]]]:
    tokens = [-100, *range(length)]
    windows = rolling_windows(len(tokens), max_seq_len + 1, context)
    return [(tokens[w.begin : w.end - 1], tokens[w.first_scored : w.end]) for w in windows]


FIRST = ([-100, 0, 1, 2, 3, 4, 5, 6, 7, 8], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])


def span(begin: int, end: int) -> list[int]:
    return list(range(begin, end))


GOLDEN = {
    "v1": (34, 10, 1, [FIRST, (span(9, 19), span(10, 20)), (span(19, 29), span(20, 30)), (span(23, 33), span(30, 34))]),
    "v2": (34, 10, 8, [FIRST, *((span(i - 8, i + 2), span(i, i + 3)) for i in range(10, 34, 3))]),
    "v3": (34, 10, 10, [FIRST, *((span(i - 10, i), [i]) for i in range(10, 34))]),
    "v4": (30, 10, 10, [FIRST, *((span(i - 10, i), [i]) for i in range(10, 30))]),
    "v5": (30, 10, 1, [FIRST, (span(9, 19), span(10, 20)), (span(19, 29), span(20, 30))]),
    "v6": (9, 2, 1, [([-100, 0], [0, 1]), ([1, 2], [2, 3]), ([3, 4], [4, 5]), ([5, 6], [6, 7]), ([6, 7], [8])]),
    "empty": (0, 2, 1, []),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_windows_of_the_harness(case):
    length, max_seq_len, context, expected = GOLDEN[case]
    assert as_harness(length, max_seq_len, context) == expected


@given(st.integers(0, 300), st.integers(2, 40), st.data())
def test_every_token_but_the_first_is_scored_once_within_the_limit(num_tokens, max_length, data):
    context = data.draw(st.integers(1, max_length - 1))
    windows = rolling_windows(num_tokens, max_length, context)
    assert [t for w in windows for t in range(w.first_scored, w.end)] == list(range(1, num_tokens))
    assert all(w.end - w.begin <= max_length for w in windows)
    assert all(w.first_scored - w.begin >= context for w in windows[1:])
