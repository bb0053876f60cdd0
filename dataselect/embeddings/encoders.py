"""Which encoder a name means.

The rule, in this order:

1. a registered name: `minilm` (sentence-transformers, offline from a pip package) or `builtin` (the bundled model);
2. a folder with `modules.json`: a sentence-transformers model;
3. a folder whose `config.json` names a causal language model: its last hidden layer, pooled as asked, else the mean;
4. a hub id, `owner/name`: fetched or taken from the hub cache, then as 2 or 3.

A causal model with a `modules.json` beside it is thus what that file makes of it. Any other folder is refused: the mean
over a model that was not made for it (a masked language model without its pooling, say) would look like an embedding.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from dataselect.bundled.resolve import resolve_model
from dataselect.embeddings.encoder import Encoder, Pooling, loading, refuse_pooling
from dataselect.errors import DataselectError, UsageError
from dataselect.registry import Registry, unknown

ENCODERS = Registry(
    "encoder",
    {
        "minilm": "dataselect.embeddings.sentence:minilm",
        "builtin": "dataselect.embeddings.causal:builtin",
    },
)

_HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")
_CAUSAL = ("ForCausalLM", "LMHeadModel")


def load_encoder(name: str, pooling: Pooling | None = None) -> Encoder:
    """The encoder behind a name; its weights are loaded on first use.

    Args:
        name: A registered name, a folder or a hub id (`owner/name`).
        pooling: How a causal language model is pooled; None for the mean, or for what the encoder has of its own.

    Raises:
        UsageError: If the name is none of these, or a pooling is asked of an encoder that has its own.
        MissingExtraError: If the encoder's package is not installed.
        DataselectError: If the hub cannot give it, or the folder holds no encoder.
    """
    if name in ENCODERS.names():
        made: Encoder = ENCODERS.load(name)(pooling)
        return made
    path = Path(name)
    if path.is_dir():
        return _from_folder(name, path, pooling)
    if _HUB_ID.fullmatch(name) and not path.exists():
        return _from_folder(name, resolve_model(name), pooling)
    error = unknown("encoder", name, ENCODERS.names())
    raise UsageError(error.message, f"{error.hint}; an existing folder or a hub id (owner/name) will do too")


def _from_folder(name: str, path: Path, pooling: Pooling | None) -> Encoder:
    if (path / "modules.json").is_file():
        refuse_pooling(name, pooling)
        from dataselect.embeddings.sentence import SentenceEncoder

        return SentenceEncoder(name, path)
    if not (path / "config.json").is_file():
        raise DataselectError(
            f"the folder {name} holds neither modules.json nor config.json, so it is no encoder",
            "give the folder of a sentence-transformers model or of a causal language model",
        )
    with loading(name):
        architectures = json.loads((path / "config.json").read_text(encoding="utf-8")).get("architectures") or []
    if any(str(one).endswith(_CAUSAL) for one in architectures):
        from dataselect.embeddings.causal import CausalEncoder

        return CausalEncoder(name, resolve_model(str(path)), pooling or "mean")
    found = ", ".join(map(str, architectures)) or "no architecture"
    raise DataselectError(
        f"the folder {name} holds {found} without modules.json: neither a sentence-transformers model nor a causal one",
        "save it with sentence-transformers, so that its pooling is known",
    )
