"""From rendered examples to batches: token ids, and labels on response and end-of-turn tokens only.

The token ids are the renderer's own, never re-tokenised, and the labels follow its parts, so the loss is over exactly
the tokens that scoring counts as response and end. Plain text that is longer than the model is cut into the windows in
which it was scored; a token is a label in one window only. Rows that cannot be scored are left out and counted.

Batches are padded by ten lines of our own: libraries' collators pad through the tokenizer and need it to have a padding
token, which many base models lack, and adding one would change tokenizer and embeddings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError
from dataselect.pool import Renderer, rolling_windows
from dataselect.pool.rejects import reject_notes
from dataselect.pool.tokenizer import special_tokens
from dataselect.records import END, RESPONSE, Example, Reject, Rendered
from dataselect.training.ends import Ends, find_ends

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
    """The rows of one training, with counts.

    Attributes:
        rows: One per example, or one per window of a long plain text.
        examples: Examples trained on.
        left_out: Number of examples per reason.
        response_tokens: Response tokens of all rows.
        end_tokens: End-of-turn tokens of all rows.
        total_tokens: Tokens of all examples, prompts included.
        ends: The ends of the responses.
        lost: Notes about parts of the file that were not read.
    """

    rows: tuple[TrainRow, ...]
    examples: int
    left_out: dict[str, int]
    response_tokens: int
    end_tokens: int
    total_tokens: int
    ends: Ends
    lost: tuple[str, ...] = ()

    def counts(self) -> dict[str, object]:
        """Return the counts, for the manifest."""
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
    """Return the rows of one scorable example: one, or one per window of a plain text over `max_length` tokens."""
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
    rejects: list[Reject] = []
    kept: list[Rendered] = []
    for one in _rendered(records, renderer):
        if isinstance(one, Reject):
            left_out[one.reason] += 1
            rejects.append(one)
        elif not one.scorable:
            left_out[one.status] += 1
        else:
            kept.append(one)
    if not kept:
        reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.items()) or "the file is empty"
        raise DataselectError(f"no row can be trained on: {reasons}", "check the file, --template and --max-length")
    return TrainSet(
        rows=tuple(row for one in kept for row in train_rows(one, renderer.max_length)),
        examples=len(kept),
        left_out=dict(sorted(left_out.items())),
        response_tokens=_count(kept, RESPONSE),
        end_tokens=_count(kept, END),
        total_tokens=sum(len(one.token_ids) for one in kept),
        ends=find_ends(kept, special_tokens(renderer.tokenizer).added),
        lost=reject_notes(rejects),
    )


def _rendered(records: Iterable[Example | Reject], renderer: Renderer) -> Iterator[Rendered | Reject]:
    """Yield the unreadable records, then the others rendered, in order."""
    examples = []
    for record in records:
        if isinstance(record, Reject):
            yield record
        else:
            examples.append(record)
    yield from renderer.render(examples)


def _count(rendered: Sequence[Rendered], part: int) -> int:
    return int(sum(np.count_nonzero(one.parts == part) for one in rendered))


def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make one batch.

    Args:
        rows: Mappings with `input_ids` and `labels`, 1-d integer arrays of equal length.

    Returns:
        `input_ids`, `attention_mask` and `labels`, int64 tensors (n_rows, longest).
    """
    import torch

    shape = (len(rows), max(len(row["input_ids"]) for row in rows))
    ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    labels = np.full(shape, IGNORED, np.int64)
    for i, row in enumerate(rows):
        length = len(row["input_ids"])
        ids[i, :length], mask[i, :length], labels[i, :length] = row["input_ids"], 1, row["labels"]
    arrays = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
