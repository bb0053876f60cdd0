"""Padded batches: texts of like length together, so that little of what an encoder computes is padding.

Scoring needs none of this, since it lays sequences end to end (`backends.packing`); encoders take padded batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BATCH_TOKENS = {"cpu": 1024, "cuda": 32768}
"""Padded tokens at once. More on a CPU is slower: activations leave its cache."""


def plan_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Indices of each batch: longest first, each at most `batch_tokens` padded tokens, or one text.

    Args:
        lengths: Tokens of each text.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and lengths[batch[0]] * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
