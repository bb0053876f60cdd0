"""From rendered examples to what a trainer takes: token ids, and labels on response and end-of-turn tokens only.

The token ids are the renderer's own, never re-tokenised, and the labels follow its parts, so the loss is over exactly
the tokens that scoring counts as response and end. Plain text that is longer than the model is cut into the windows in
which it was scored; a token is a label in one window only. Rows that cannot be scored are left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError
from dataselect.pool import Renderer, rolling_windows
from dataselect.records import END, RESPONSE, Example, Reject, Rendered

IGNORED = -100
"""The label that PyTorch's cross-entropy leaves out."""


@dataclass(frozen=True, slots=True)
class TrainRow:
    """One sequence to train on.

    Attributes:
        input_ids: (n_tokens,) int32.
        labels: (n_tokens,) int32, the token id where the loss falls, else IGNORED.
    """

    input_ids: NDArray[np.int32]
    labels: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TrainSet:
    """The rows of one training and what was counted on the way.

    Attributes:
        rows: One per example, or one per window of a long plain text.
        examples: Examples trained on.
        left_out: Number of examples per reason.
        response_tokens: Response tokens of all rows.
        end_tokens: End-of-turn tokens of all rows.
        total_tokens: Tokens of all examples, prompts included.
    """

    rows: tuple[TrainRow, ...]
    examples: int
    left_out: dict[str, int]
    response_tokens: int
    end_tokens: int
    total_tokens: int

    def counts(self) -> dict[str, object]:
        """The counts, for the manifest."""
        return {
            "rows": self.examples,
            "sequences": len(self.rows),
            "left_out": self.left_out,
            "total_tokens": self.total_tokens,
            "trained_tokens": self.response_tokens + self.end_tokens,
            "response_tokens": self.response_tokens,
            "end_tokens": self.end_tokens,
        }


def train_rows(rendered: Rendered, max_length: int) -> list[TrainRow]:
    """The rows of one scorable example: one, or one per window of a plain text over `max_length` tokens."""
    ids, trained = rendered.token_ids, np.isin(rendered.parts, (RESPONSE, END))
    labels = np.where(trained, ids, IGNORED).astype(np.int32)
    rows = []
    for window in rolling_windows(len(ids), max_length):
        own = labels[window.begin : window.end].copy()
        own[: window.first_scored - window.begin] = IGNORED
        rows.append(TrainRow(ids[window.begin : window.end], own))
    return rows


def make_train_set(records: Iterable[Example | Reject], renderer: Renderer) -> TrainSet:
    """Render records and keep what can be trained on.

    Raises:
        DataselectError: If nothing is left.
    """
    left_out: Counter[str] = Counter()
    kept: list[Rendered] = []
    for one in _rendered(records, renderer):
        if isinstance(one, Reject):
            left_out[one.reason] += 1
        elif not one.scorable:
            left_out[one.status] += 1
        else:
            kept.append(one)
    if not kept:
        told = ", ".join(f"{number} {reason}" for reason, number in left_out.items()) or "the file is empty"
        raise DataselectError(f"there is nothing to train on: {told}", "check the file, --template and --max-length")
    return TrainSet(
        rows=tuple(row for one in kept for row in train_rows(one, renderer.max_length)),
        examples=len(kept),
        left_out=dict(sorted(left_out.items())),
        response_tokens=_count(kept, RESPONSE),
        end_tokens=_count(kept, END),
        total_tokens=sum(len(one.token_ids) for one in kept),
    )


def _rendered(records: Iterable[Example | Reject], renderer: Renderer) -> Iterator[Rendered | Reject]:
    """Unreadable records as they are, then the others rendered, in order."""
    examples = []
    for record in records:
        if isinstance(record, Reject):
            yield record
        else:
            examples.append(record)
    yield from renderer.render(examples)


def _count(rendered: Sequence[Rendered], part: int) -> int:
    return int(sum(np.count_nonzero(one.parts == part) for one in rendered))
