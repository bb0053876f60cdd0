"""Embeddings by a causal language model: its last hidden layer, pooled over the tokens of the text.

    v = sum over tokens t = 1 ... n of w_t h_t,   then divided by its length

    mean            w_t = 1 / n
    weighted-mean   w_t = t / (1 + 2 + ... + n): a later token has read more (SGPT, arXiv 2202.08904, and RDS+)
    last            w_n = 1: the only token that has read everything (Deita, arXiv 2312.15685)

h_t is the output of the last layer after the final norm, the input of the language-model head. Special tokens that the
tokenizer adds are read by the model but get no weight and no number: the state of a leading BOS is the same for every
text and in many models far longer than all others, so it would pull all texts together. Batches are padded on the
right, where no real token of a causal model can see the padding, and padding gets no weight either: a text has the same
vector in a batch and alone. (The authors' code of RDS+ weighs padding too, and so needs batches of one.) Texts are cut
at 2048 tokens (the length of RDS+, arXiv 2503.01807) or at the model's positions.

Against RDS+: that reads the whole dialogue in its template, BOS included; here it is the text that was chosen. A raw
language model is a weaker encoder than one trained for similarity.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.dtypes import resolve_dtype
from dataselect.backends.pretrained import body, load_pretrained
from dataselect.embeddings.encoder import (
    SILENT,
    Pooling,
    Progress,
    batches,
    count_tokens,
    device,
    loading_encoder,
    unit,
)
from dataselect.models import max_positions, model_digest, model_path

MAX_TOKENS = 2048

_POOLING = {
    "mean": "mean of the last hidden layer",
    "weighted-mean": "mean of the last hidden layer, weighted by position",
    "last": "last hidden layer at the last token",
}


def builtin(pooling: Pooling | None = None) -> CausalEncoder:
    """The bundled language model."""
    return CausalEncoder("builtin", model_path(), pooling or "mean")


class CausalEncoder:
    """An `Encoder` over the folder of a causal language model: float32 on a CPU, bfloat16 on a GPU, pooled in float32.

    Args:
        name: As the user named it.
        path: A folder with configuration, tokenizer and safetensors weights.
        pooling: How the states of the tokens are weighted.
    """

    def __init__(self, name: str, path: Path, pooling: Pooling = "mean") -> None:
        self.name = name
        self._path = path
        self._pooling: Pooling = pooling

    @property
    def _dtype(self) -> str:
        return resolve_dtype("auto", gpu=device() == "cuda")

    @cached_property
    def _tokenizer(self) -> Any:  # noqa: ANN401 - transformers' class
        from transformers import AutoTokenizer

        with loading_encoder(self.name):
            return AutoTokenizer.from_pretrained(self._path, local_files_only=True)

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - transformers' class
        return body(load_pretrained(Path(self._path), self._dtype)).to(device()).eval()

    @property
    def dim(self) -> int:
        """Length of a vector: the model's hidden size."""
        return int(self._model.config.get_text_config().hidden_size)

    @cached_property
    def max_tokens(self) -> int:
        """Most tokens of a text that are read, special tokens not counted."""
        return min(max_positions(self._path), MAX_TOKENS) - int(self._tokenizer.num_special_tokens_to_add())

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n,) tokens of each whole text, special tokens not counted."""
        return count_tokens(self._tokenizer, texts)

    def encode(self, texts: Sequence[str], progress: Progress = SILENT) -> NDArray[np.float32]:
        """(n, dim) unit vectors, in the order of the texts, each of at least one token."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        for batch in batches(np.minimum(self.count_tokens(texts), self.max_tokens)):
            vectors[batch] = self._pooled([texts[i] for i in batch])
            progress(len(batch))
        return unit(vectors, self.name)

    def _pooled(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) weighted means of one batch."""
        import torch

        limit = self.max_tokens + int(self._tokenizer.num_special_tokens_to_add())
        read = self._tokenizer(list(texts), truncation=True, max_length=limit, return_special_tokens_mask=True)
        ids, own = _padded(read["input_ids"], read["special_tokens_mask"])
        with torch.inference_mode():
            padded = torch.from_numpy(ids).to(device())
            states = self._model(input_ids=padded, use_cache=False).last_hidden_state.float()
            weights = torch.from_numpy(_weights(own, self._pooling)).to(device())
            means = (states * weights[:, :, None]).sum(1)
        pooled: NDArray[np.float32] = means.cpu().numpy()
        return pooled

    def settings(self) -> dict[str, Any]:
        """Kind, pooling, dtype, longest text and a digest over the configuration, tokenizer and weights."""
        return {
            "kind": "causal-lm",
            "pooling": _POOLING[self._pooling],
            "dtype": self._dtype,
            "token_limit": MAX_TOKENS,
            "digest": model_digest(self._path),
        }


def _padded(
    token_ids: Sequence[Sequence[int]], special: Sequence[Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Right-padded (n, longest) ids, and which of them are tokens of the text.

    Any id will do for padding: no real token sees it and its own state has no weight.
    """
    shape = (len(token_ids), max(map(len, token_ids)))
    ids, own = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    for row, (tokens, marks) in enumerate(zip(token_ids, special, strict=True)):
        ids[row, : len(tokens)] = tokens
        own[row, : len(tokens)] = np.array(marks) == 0
    return ids, own


def _weights(own: NDArray[np.bool_], pooling: Pooling) -> NDArray[np.float32]:
    """The weight of each token, 1 in each row together.

    Args:
        own: (n, longest) which tokens are of the text; at least one in each row.
    """
    place = np.cumsum(own, axis=1)
    wanted = {"mean": own, "weighted-mean": own * place, "last": own & (place == place[:, -1:])}[pooling]
    shares: NDArray[np.float64] = wanted / wanted.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)
