"""Embeddings by a causal language model: the mean of its last hidden layer over the tokens of the text.

    v = (1 / n) * sum over tokens t of h_t,   then divided by its length

h_t is the output of the last layer after the final norm, what the language-model head sees. Special tokens that the
tokenizer adds are read by the model but left out of the mean: the state of a leading BOS is the same for every text and
in many models far longer than all others, so it would pull all texts together. Batches are padded on the right, where
no real token of a causal model can see the padding, and padding is in no mean: a text has the same vector in a batch
and alone. Texts are cut at 2048 tokens (the length of RDS+, arXiv 2503.01807) or at the model's positions.

Against RDS+: that weights token i by i and reads the whole templated dialogue; here the weights are equal and the text
is the one that was chosen. A raw language model is a weaker encoder than one trained for similarity.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.dtypes import resolve_dtype
from dataselect.bundled import model_path
from dataselect.bundled.resolve import model_digest
from dataselect.embeddings.encoder import batches, device, loading, unit
from dataselect.model_config import max_positions
from dataselect.quiet import quiet_transformers

MAX_TOKENS = 2048


def builtin() -> CausalEncoder:
    """The bundled language model."""
    return CausalEncoder("builtin", model_path())


class CausalEncoder:
    """An `Encoder` over the folder of a causal language model: float32 on a CPU, bfloat16 on a GPU, pooled in float32.

    Args:
        name: As the user named it.
        path: A folder with configuration, tokenizer and safetensors weights.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    @property
    def _dtype(self) -> str:
        return resolve_dtype("auto", gpu=device() == "cuda")

    @cached_property
    def _tokenizer(self) -> Any:  # noqa: ANN401 - transformers' class
        from transformers import AutoTokenizer

        with loading(self.name):
            return AutoTokenizer.from_pretrained(self._path, local_files_only=True)

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - transformers' class
        from transformers import AutoModelForCausalLM

        quiet_transformers()
        with loading(self.name):
            model = AutoModelForCausalLM.from_pretrained(
                self._path, dtype=self._dtype, local_files_only=True, use_safetensors=True
            )
        return model.base_model.to(device()).eval()

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
        plain = {"add_special_tokens": False, "truncation": False, "padding": False, "verbose": False}
        ids = self._tokenizer(list(texts), **plain)["input_ids"] if texts else []
        return np.array([len(one) for one in ids], np.int64)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) unit vectors, in the order of the texts, each of at least one token."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        for batch in batches(np.minimum(self.count_tokens(texts), self.max_tokens)):
            vectors[batch] = self._pooled([texts[i] for i in batch])
        return unit(vectors, self.name)

    def _pooled(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) means of one batch."""
        import torch

        limit = self.max_tokens + int(self._tokenizer.num_special_tokens_to_add())
        read = self._tokenizer(list(texts), truncation=True, max_length=limit, return_special_tokens_mask=True)
        ids, wanted = _padded(read["input_ids"], read["special_tokens_mask"])
        with torch.inference_mode():
            padded = torch.from_numpy(ids).to(device())
            states = self._model(input_ids=padded, use_cache=False).last_hidden_state.float()
            weights = torch.from_numpy(wanted).to(device())
            means = (states * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True)
        pooled: NDArray[np.float32] = means.cpu().numpy()
        return pooled

    def settings(self) -> dict[str, Any]:
        """Kind, pooling, dtype, longest text and a digest over the configuration, tokenizer and weights."""
        return {
            "kind": "causal-lm",
            "pooling": "mean of the last hidden layer",
            "dtype": self._dtype,
            "token_limit": MAX_TOKENS,
            "digest": model_digest(self._path),
        }


def _padded(
    token_ids: Sequence[Sequence[int]], special: Sequence[Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Right-padded (n, longest) ids, and weights that are 1 on the tokens of the text.

    Any id will do for padding: no real token sees it and its own state is in no mean.
    """
    shape = (len(token_ids), max(map(len, token_ids)))
    ids, wanted = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
    for row, (tokens, marks) in enumerate(zip(token_ids, special, strict=True)):
        ids[row, : len(tokens)] = tokens
        wanted[row, : len(tokens)] = 1 - np.array(marks, np.float32)
    return ids, wanted
