"""The transformers backend: plain PyTorch on CPU or GPU, the reference that the others are compared with.

Sequences are sorted by length and cut into batches of a token budget, so that little is padded. Padding stands on the
right, where a causal model cannot see it, so positions start at 0 for every sequence and no attention mask is needed:
the result of a sequence is that of the sequence alone. Only positions whose score is wanted reach the vocabulary head.

Left out: models whose tokens see the future (encoders, prefix language models), and sharding over several devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends.contract import BackendOptions, BatchTooLargeError, Tick, TokenSequence
from dataselect.backends.dtypes import resolve_dtype
from dataselect.backends.head import VocabularyHead
from dataselect.errors import DataselectError
from dataselect.model_config import max_positions
from dataselect.quiet import quiet_transformers
from dataselect.records import TokenScores

DEFAULT_BATCH_TOKENS = {"cpu": 1024, "cuda": 32768}


def plan_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Indices of each batch: longest first, each at most `batch_tokens` padded tokens, or one sequence.

    Args:
        lengths: Tokens of each sequence.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and lengths[batch[0]] * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


class TransformersBackend:
    """A causal language model run by transformers. See `contract.Backend`.

    Args:
        model: Model folder.
        options: How to run it; `batch_tokens` counts padded tokens and is 1,024 on CPU and 32,768 on GPU by default.

    Raises:
        DataselectError: If the model cannot be loaded or its head is not understood.
    """

    name = "transformers"

    def __init__(self, model: Path, options: BackendOptions) -> None:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = resolve_dtype(options.dtype, gpu=device == "cuda")
        self._model = _load(model, getattr(torch, self.dtype)).to(device)
        self._head = VocabularyHead(self._model)
        self.batch_tokens = options.batch_tokens or DEFAULT_BATCH_TOKENS[device]
        self.max_length = options.max_length or max_positions(model) - 1

    def score(
        self,
        sequences: Sequence[TokenSequence],
        ranks: bool = True,
        tick: Tick = lambda done: None,
        batch_tokens: int | None = None,
    ) -> list[TokenScores]:
        """Score sequences; see `contract.Backend`."""
        results: list[TokenScores | None] = [None] * len(sequences)
        for batch in plan_batches([len(s.ids) for s in sequences], batch_tokens or self.batch_tokens):
            with told_out_of_memory():
                scored = self._score_batch([sequences[i] for i in batch], ranks)
            for i, one in zip(batch, scored, strict=True):
                results[i] = one
            tick(len(batch))
        return [one for one in results if one is not None]

    def stop(self) -> None:
        """Nothing to stop: the model goes with its last reference."""

    def _score_batch(self, batch: Sequence[TokenSequence], ranks: bool) -> list[TokenScores]:
        import torch

        width = max(len(s.ids) for s in batch)
        padded = np.zeros((len(batch), width), np.int64)
        wanted = np.zeros((len(batch), width), bool)
        for row, sequence in enumerate(batch):
            padded[row, : len(sequence.ids)] = sequence.ids
            wanted[row, sequence.start : len(sequence.ids)] = True
        ids = torch.from_numpy(padded).to(self._model.device)
        mask = torch.from_numpy(wanted).to(self._model.device)
        with torch.inference_mode():
            hidden = self._model.base_model(input_ids=ids, use_cache=False).last_hidden_state
            logprobs, found = self._head.score(hidden[:, :-1][mask[:, 1:]], ids[mask], ranks)
        return _unpack(batch, logprobs.numpy(), found.numpy())


@contextmanager
def told_out_of_memory() -> Iterator[None]:
    """Turn PyTorch's ways of saying that memory ran out, on GPU and CPU, into `BatchTooLargeError`."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _says_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise BatchTooLargeError(" ".join(str(error).split())[:200]) from None


def _says_out_of_memory(error: RuntimeError) -> bool:
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _unpack(batch: Sequence[TokenSequence], logprobs: Any, ranks: Any) -> list[TokenScores]:  # noqa: ANN401
    scored, at = [], 0
    for sequence in batch:
        n, start = len(sequence.ids), sequence.start
        one = TokenScores(np.full(n, np.nan, np.float32), np.zeros(n, np.int32))
        one.logprobs[start:] = logprobs[at : at + max(0, n - start)]
        one.ranks[start:] = ranks[at : at + max(0, n - start)]
        at += max(0, n - start)
        scored.append(one)
    return scored


def _load(model: Path, dtype: Any) -> Any:  # noqa: ANN401
    from transformers import AutoModelForCausalLM

    quiet_transformers()
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            str(model), dtype=dtype, trust_remote_code=False, use_safetensors=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataselectError(
            f"the model in {model} cannot be loaded: {' '.join(str(error).split())[:300]}",
            "it must be a causal language model with safetensors weights",
        ) from None
    return loaded.eval()
