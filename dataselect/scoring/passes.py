"""The passes that `verify` makes over one sample: the reference, and the chosen backend in several ways.

The reference is transformers in float32, one sequence at a time, by the model's own logits: no neighbour, no order, and
nothing of what makes a backend fast (`backends.reference`). The backend is asked directly, without the care that a
scoring run takes and without its cache, so that every fault shows. It scores the sample as it came, then shuffled, then
with a half, a quarter and an eighth of the tokens at once, which puts the rows into other groups each time; what it
gives then is compared with what it gave first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataselect.backends import Backend, BackendOptions
from dataselect.backends.reference import ReferenceBackend
from dataselect.errors import DataselectError
from dataselect.records import Rendered
from dataselect.scoring.comparison import Compared, compare_tokens
from dataselect.scoring.rows import TokenNumbers, sequences, token_numbers
from dataselect.scoring.worker import NO_PROGRESS, Progress

HALVINGS = 3
"""Times that the tokens at once are halved."""


def reference_numbers(
    model: Path, rows: Sequence[Rendered], max_length: int, ranks: bool = True, progress: Progress = NO_PROGRESS
) -> list[TokenNumbers]:
    """Score rows with the reference, whose model is let go at the end."""
    return backend_numbers(
        ReferenceBackend(model, BackendOptions(max_length=max_length)), rows, max_length, ranks, progress
    )


def backend_numbers(
    backend: Backend,
    rows: Sequence[Rendered],
    max_length: int,
    ranks: bool = True,
    progress: Progress = NO_PROGRESS,
    shuffle: int | None = None,
    batch_tokens: int | None = None,
) -> list[TokenNumbers]:
    """Score rows with a backend, in one call.

    Args:
        rows: Scorable rows.
        max_length: Most tokens in one sequence.
        shuffle: Seed of the order in which the sequences are given; None for the order of the rows.
        batch_tokens: Most tokens at once; None for the backend's own number.

    Raises:
        DataselectError: If the backend does not answer every sequence.
    """
    asked = [sequences(one, max_length) for one in rows]
    flat = [sequence for group in asked for sequence in group]
    order = range(len(flat)) if shuffle is None else np.random.default_rng(shuffle).permutation(len(flat)).tolist()
    try:
        given = backend.score([flat[i] for i in order], ranks, progress, batch_tokens)
        answers = dict(zip(order, given, strict=True))
    except (RuntimeError, ValueError, IndexError, ArithmeticError) as error:
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataselectError(
            f"the backend {backend.name} cannot score the sample: {told}", "try a lower --batch-tokens, or fewer --rows"
        ) from error
    places = iter(range(len(flat)))
    return [
        token_numbers(one, [answers[next(places)] for _ in group], ranks)
        for one, group in zip(rows, asked, strict=True)
    ]


def compare_passes(
    backend: Backend,
    rows: Sequence[Rendered],
    reference: Sequence[TokenNumbers],
    max_length: int,
    seed: int = 0,
    ranks: bool = True,
    progress: Progress = NO_PROGRESS,
) -> tuple[Compared, ...]:
    """Score a sample in every way, and compare: with the reference first, then with that first pass.

    Args:
        backend: The backend to be checked.
        rows: The sample: at least one scorable row.
        reference: `reference_numbers` of the same rows.
        max_length: Most tokens in one sequence.
        seed: Seed of the shuffle.

    Raises:
        DataselectError: If the backend does not answer every sequence.
    """

    def again(shuffle: int | None, batch_tokens: int | None) -> list[TokenNumbers]:
        return backend_numbers(backend, rows, max_length, ranks, progress, shuffle, batch_tokens)

    first = again(None, None)
    found = [
        compare_tokens("against the reference", rows, first, reference),
        compare_tokens("shuffled", rows, again(seed, None), first),
    ]
    tokens = sum(len(sequence.ids) for one in rows for sequence in sequences(one, max_length))
    most = min(backend.batch_tokens, tokens)
    for budget in (most // 2**n for n in range(1, HALVINGS + 1) if most >= 2**n):
        found.append(compare_tokens(f"{budget:,} tokens at once", rows, again(None, budget), first))
    return tuple(found)
