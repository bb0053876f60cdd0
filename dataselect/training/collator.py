"""Pad rows of unequal length to one batch.

Our own ten lines rather than a library's collator, because those pad through the tokenizer and need it to have a
padding token; many base models have none, and adding one would change tokenizer and embeddings. Padding stands on the
right, carries no attention and no label, so its token id is never seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dataselect.training.rows import IGNORED


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
