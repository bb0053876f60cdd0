"""The reference: a model as transformers loads it, in float32, one sequence at a time, by its own full logits.

Nothing that makes the transformers backend fast is in it: no packs, no attention of ours, no head of ours. A fault in
any of those shows as a difference. Slow, and for `verify` only; it is no backend that a user can choose.

Left out: an engine of its own. Tokens, weights and layers are those of transformers here as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends.contract import BackendOptions, Tick, TokenSequence, check_ids
from dataselect.backends.dtypes import on_gpu
from dataselect.backends.pretrained import load_pretrained
from dataselect.backends.transformers import told_out_of_memory
from dataselect.model_config import max_positions
from dataselect.records import TokenScores

_LOGITS = 2**29
"""Most logits held at once, 2 GB; a sequence with more is computed again for every further part of it."""


class ReferenceBackend:
    """A causal language model, slow and plain. See `contract.Backend`.

    Args:
        model: Model folder.
        options: Only `max_length` is looked at.

    Raises:
        DataselectError: If the model cannot be loaded.
    """

    name = "reference"
    dtype = "float32"
    batch_tokens = 1

    def __init__(self, model: Path, options: BackendOptions) -> None:
        import torch

        self._model = load_pretrained(model, torch.float32).eval().to("cuda" if on_gpu() else "cpu")
        self.max_length = options.max_length or max_positions(model) - 1

    def score(
        self,
        sequences: Sequence[TokenSequence],
        ranks: bool = True,
        tick: Tick = lambda done: None,
        batch_tokens: int | None = None,
    ) -> list[TokenScores]:
        """Score sequences; see `contract.Backend`. Ranks cost nothing here, and are always given."""
        check_ids(sequences, self._model.get_input_embeddings().weight.shape[0])
        found = []
        for sequence in sequences:
            with told_out_of_memory():
                found.append(self._score(sequence))
            tick(1)
        return found

    def stop(self) -> None:
        """Nothing to stop: the model goes with its last reference."""

    def _score(self, sequence: TokenSequence) -> TokenScores:
        import torch

        n, vocabulary = len(sequence.ids), int(self._model.get_input_embeddings().weight.shape[0])
        found = TokenScores(np.full(n, np.nan, np.float32), np.zeros(n, np.int32))
        ids = torch.tensor(sequence.ids.tolist(), device=self._model.device)
        rows = max(1, _LOGITS // vocabulary)
        for begin in range(sequence.start, n, rows):
            end = min(n, begin + rows)
            logits = self._logits(ids, begin - 1, end - 1, whole=n <= rows)
            chosen = logits.gather(1, ids[begin:end, None])
            found.logprobs[begin:end] = (chosen[:, 0] - logits.logsumexp(1)).cpu().numpy()
            found.ranks[begin:end] = (logits >= chosen).sum(1).cpu().numpy()
        return found

    def _logits(self, ids: Any, begin: int, end: int, whole: bool) -> Any:  # noqa: ANN401
        """(end - begin, vocabulary) logits at these positions, by the model's own forward pass."""
        import torch

        with torch.inference_mode():
            if whole:
                return self._model(input_ids=ids[None], use_cache=False).logits[0, begin:end].float()
            kept = torch.arange(begin, end, device=ids.device)
            return self._model(input_ids=ids[None], use_cache=False, logits_to_keep=kept).logits[0].float()
