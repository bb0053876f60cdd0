"""From what a user calls a model to a folder on disk, and from that folder to one digest of its content.

`builtin` is the bundled model, an existing path is itself, anything else is a hub id that is looked up in the local
hub cache and fetched when the hub may be reached. Every later stage works on a folder, so there is one way to load a
model and one way to fingerprint it. Pickled weights and remote code are never used.
"""

from __future__ import annotations

import re
from pathlib import Path

from dataselect.artifacts import MANIFEST, RUN, digest, file_digest
from dataselect.bundled import model_path
from dataselect.errors import DataselectError

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WANTED = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")


def resolve_model(name: str) -> Path:
    """The folder of a model.

    Args:
        name: `builtin`, a local folder, or a hub id.

    Raises:
        DataselectError: If there is no such folder, it holds no model or tokenizer, or the hub cannot give it.
    """
    path = model_path() if name == "builtin" else Path(name)
    if not path.exists():
        path = _from_hub(name)
    if not path.is_dir():
        raise DataselectError(f"the model {name} is a file, but a model folder is needed", "give its folder")
    _check(path, name)
    return path


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    if not _HUB_ID.fullmatch(name):
        raise DataselectError(f"there is no model folder {name}", "use builtin, an existing folder or a hub id")
    try:
        return Path(snapshot_download(name, allow_patterns=list(_WANTED)))
    except (
        OSError,
        ValueError,
    ) as error:  # the hub client's errors for offline, missing and refused all derive from these
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataselectError(
            f"the model {name} is neither a folder nor a hub id that can be had now: {first}",
            "use builtin or a folder, or check the id and the connection",
        ) from None


def _check(path: Path, name: str) -> None:
    if not (path / "config.json").exists():
        raise DataselectError(f"the folder {name} holds no config.json, so it is no model", "give a model folder")
    if not any((path / file).exists() for file in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")):
        raise DataselectError(f"the model {name} has no tokenizer files", "copy the tokenizer of its base model there")


def model_digest(path: Path) -> str:
    """sha256 over the configuration, tokenizer, template and weights in a model folder.

    What our own training wrote beside them does not count: the same model has the same digest wherever it was made.
    """
    files = sorted({file for pattern in _WANTED for file in path.glob(pattern) if file.name not in (RUN, MANIFEST)})
    return digest([(file.name, file_digest(file)) for file in files])
