"""The reference: a model as transformers loads it, in float32, one sequence at a time, by its own full logits.

It contains nothing that makes the transformers backend fast: no packs, no attention or head from this package. A fault
in any of those shows as a difference. Slow, and for `verify` only; users cannot choose it as a backend.

Left out: an independent engine. Tokens, weights and layers are those of transformers in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataselect.backends.contract import BackendOptions, Tick, TokenSequence, check_ids, unscored
from dataselect.backends.dtypes import on_gpu
from dataselect.backends.pretrained import load_pretrained
from dataselect.backends.transformers import out_of_memory_raised
from dataselect.records import TokenScores

_LOGITS = 2**29
"""Most logits held at once, 2 GB; a sequence with more is computed again for every further part of it."""


class ReferenceBackend:
    """A causal language model, slow and plain. See `contract.Backend`.

    Args:
        model: Model folder.
        options: Only `max_length` is used.

    Raises:
        DataselectError: If the model cannot be loaded.
    """

    name = "reference"
    dtype = "float32"
    batch_tokens = 1
    alone: str | None = "the reference is plain"

    def __init__(self, model: Path, options: BackendOptions) -> None:
        import torch

        self._model = load_pretrained(model, torch.float32).eval().to("cuda" if on_gpu() else "cpu")
        self.max_length = options.longest(model)

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
            with out_of_memory_raised():
                found.append(self._score(sequence))
            tick(1)
        return found

    def stop(self) -> None:
        """Do nothing: the model is freed with its last reference."""

    def _score(self, sequence: TokenSequence) -> TokenScores:
        import torch

        n, vocabulary = len(sequence.ids), int(self._model.get_input_embeddings().weight.shape[0])
        found = unscored(n)
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
        """Return the (end - begin, vocabulary) logits at these positions, by the model's own forward pass."""
        import torch

        with torch.inference_mode():
            if whole:
                return self._model(input_ids=ids[None], use_cache=False).logits[0, begin:end].float()
            kept = torch.arange(begin, end, device=ids.device)
            return self._model(input_ids=ids[None], use_cache=False, logits_to_keep=kept).logits[0].float()
