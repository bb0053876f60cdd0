"""Rolling windows over a text that is longer than the model: every token scored once, with as much context as fits.

The rule is that of lm-evaluation-harness: windows follow each other, each keeps at least `context` tokens of what came
before, and the last one is moved back so that it is full, which gives its tokens the most context that fits. The golden
numbers of its tests are reproduced in ours. With one token of context, the default there and here, a text costs
one pass over its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Feed tokens `[begin, end)` of the sequence and keep the log-probabilities of `[first_scored, end)`."""

    begin: int
    first_scored: int
    end: int


def rolling_windows(num_tokens: int, max_length: int, context: int = 1) -> list[Window]:
    """Windows of at most `max_length` tokens in which each token but the first is scored once.

    Args:
        num_tokens: Tokens of the whole sequence; the first one is only context.
        max_length: Most tokens in one window, at least 2.
        context: Tokens of context that every window but the first has at least, from 1 to max_length - 1.
    """
    assert max_length >= 2
    assert 1 <= context < max_length
    windows: list[Window] = []
    scored = 1
    while scored < num_tokens:
        end = min(num_tokens, scored + max_length - (context if windows else 1))
        windows.append(Window(max(0, end - max_length), scored, end))
        scored = end
    return windows
