"""The encoder behind a name.

The first rule that applies:

1. a registered name: `minilm` (sentence-transformers, offline from a pip package), `minilm-512` (the same, reading
   twice as far), `builtin` (the bundled model) or `tfidf` (no model: TF-IDF + SVD, fitted on the pools);
2. a folder with `tfidf.npz`: a run of `dataselect embed --encoder tfidf`, and the space that it fitted;
3. a folder with `modules.json`: a sentence-transformers model;
4. a folder whose `config.json` names a causal language model: its last hidden layer, pooled as asked, else the mean;
5. a hub id, `owner/name`: fetched or taken from the hub cache, then as 3 or 4.

A causal model with a `modules.json` beside it is thus what that file makes of it. Any other folder is refused: the mean
over a model that was not made for it (a masked language model without its pooling, say) would look like an embedding.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from dataselect.artifacts import read_text
from dataselect.embeddings.encoder import OWN_POOLING, Encoder, Pooling, loading_encoder, refuse_pooling
from dataselect.embeddings.tfidf import STATE, fitted_before
from dataselect.errors import DataselectError, UsageError
from dataselect.models import resolve_model
from dataselect.registry import Registry, unknown

ENCODERS = Registry(
    "encoder",
    {
        "minilm": "dataselect.embeddings.sentence:minilm",
        "minilm-512": "dataselect.embeddings.sentence:minilm_512",
        "builtin": "dataselect.embeddings.causal:builtin",
        "tfidf": "dataselect.embeddings.tfidf:tfidf",
    },
)

_HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")
_CAUSAL = ("ForCausalLM", "LMHeadModel")


def load_encoder(name: str, pooling: Pooling | None = None, dim: int | None = None) -> Encoder:
    """The encoder behind a name; its weights are loaded on first use.

    Args:
        name: A registered name, a folder or a hub id (`owner/name`).
        pooling: How a causal language model is pooled; None for the mean, or for what the encoder has of its own.
        dim: Length of a vector, for `tfidf`; None for its default, or for what the encoder has of its own.

    Raises:
        UsageError: If the name is none of these, or a pooling or dimension is asked of an encoder that has its own.
        MissingExtraError: If the encoder's package is not installed.
        DataselectError: If the hub cannot give it, or the folder holds no encoder.
    """
    if dim is not None and name != "tfidf":
        raise UsageError(f"the encoder {name} has a dimension of its own, but got {dim}", "leave --dim out")
    if name in ENCODERS.names():
        made: Encoder = ENCODERS.load(name)(pooling, **({} if dim is None else {"dim": dim}))
        return made
    path = Path(name)
    if path.is_dir():
        return _from_folder(name, path, pooling)
    if _HUB_ID.fullmatch(name) and not path.exists():
        return _from_folder(name, resolve_model(name), pooling)
    error = unknown("encoder", name, ENCODERS.names())
    raise UsageError(error.message, f"{error.hint}; or give an existing folder or a hub id (owner/name)")


def _from_folder(name: str, path: Path, pooling: Pooling | None) -> Encoder:
    if (path / STATE).is_file():
        return fitted_before(name, path, pooling)
    if (path / "modules.json").is_file():
        refuse_pooling(name, pooling, OWN_POOLING)
        from dataselect.embeddings.sentence import SentenceEncoder

        return SentenceEncoder(name, path)
    if not (path / "config.json").is_file():
        raise DataselectError(
            f"the folder {name} holds neither modules.json nor config.json, so it is no encoder",
            "give the folder of a sentence-transformers model or of a causal language model",
        )
    with loading_encoder(name):
        architectures = json.loads(read_text(path / "config.json")).get("architectures") or []
    if any(str(one).endswith(_CAUSAL) for one in architectures):
        from dataselect.embeddings.causal import CausalEncoder

        return CausalEncoder(name, resolve_model(str(path)), pooling or "mean")
    found = ", ".join(map(str, architectures)) or "no architecture"
    raise DataselectError(
        f"the folder {name} holds {found} without modules.json: neither a sentence-transformers model nor a causal one",
        "save it with sentence-transformers, so that its pooling is known",
    )
