"""Models on disk: from the name that a user gives to a folder, to one digest of its content, and to its configuration.

`builtin` is the bundled model, an existing path is itself, anything else is a hub id that is looked up in the local
hub cache and fetched when the hub may be reached. Every later stage works on a folder, so there is one way to load a
model and one way to fingerprint it. A folder that `dataselect train` wrote is compared with its manifest first. Pickled
weights and remote code are never used.

Rendering and backends must agree on the number of positions. Recurrent models (Mamba, RWKV) and those with ALiBi
(BLOOM) take sequences of any length, and many state no number: they get `UNSTATED`, the length that such models were
trained with, unless the user sets another with `--max-length`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataselect.artifacts import digest, file_digest, read_json_object
from dataselect.errors import DataselectError
from dataselect.library_errors import loading
from dataselect.stage import MANIFEST, RUN, is_stage, read_finished

BUNDLED = Path(__file__).parent / "bundled"
"""What ships with the package: a small base model and the archive of the quickstart pool."""
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WANTED = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")
_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "*.model", "vocab.json", "vocab.txt", "tekken.json")
_ADAPTER = "adapter_config.json"
_GGUF_HINT = "give the folder with config.json and safetensors weights that it was made from"


def model_path() -> Path:
    """Return the folder of the bundled model (`--model builtin`): configuration, tokenizer, chat template, weights."""
    return BUNDLED / "model"


def resolve_model(name: str) -> Path:
    """Return the folder of a model.

    Args:
        name: `builtin`, a local folder, or a hub id.

    Raises:
        DataselectError: If there is no such folder, it holds no model or tokenizer or only an adapter, the hub has no
            such model, or our own training wrote it and a file is missing or damaged.
    """
    path = model_path() if name == "builtin" else Path(name)
    if not path.exists():
        path = _from_hub(name)
    if not path.is_dir():
        hint = _GGUF_HINT if path.suffix.lower() == ".gguf" else "give its folder"
        raise DataselectError(f"the model {name} is a file, but a model folder is needed", hint)
    if is_stage(path):
        read_finished(path, "train").verify()
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
    if (path / _ADAPTER).exists():  # with PEFT installed, transformers would load the base that it names
        base = read_json_object(path / _ADAPTER).get("base_model_name_or_path")
        raise DataselectError(
            f"the folder {name} holds an adapter for {base or 'another model'}, not a whole model",
            "merge it into its base (merge_and_unload, then save_pretrained) and give that folder",
        )
    if not (path / "config.json").exists():
        if any(path.glob("*.gguf")):
            raise DataselectError(f"the folder {name} holds a model as a GGUF file, which is not read", _GGUF_HINT)
        raise DataselectError(f"the folder {name} holds no config.json, so it is no model", "give a model folder")
    if not any(file for pattern in _TOKENIZERS for file in path.glob(pattern)):
        raise DataselectError(f"the model {name} has no tokenizer files", "copy the tokenizer of its base model there")


def model_digest(path: Path) -> str:
    """Return a sha256 over the configuration, tokenizer, template and weights in a model folder.

    Other files of our own training do not count: the same model has the same digest wherever it was made.
    """
    files = sorted({file for pattern in _WANTED for file in path.glob(pattern) if file.name not in (RUN, MANIFEST)})
    return digest([(file.name, file_digest(file)) for file in files])


UNSTATED = 2048
"""Positions of a model that states no number of them."""

_NAMES = ("max_position_embeddings", "n_positions", "max_seq_len", "max_target_positions", "seq_length")


def read_model_config(model: Path) -> Any:  # noqa: ANN401 - a transformers configuration
    """Read the configuration of a model.

    Args:
        model: Model folder.

    Raises:
        DataselectError: If it cannot be read.
    """
    from transformers import AutoConfig

    with loading(f"the configuration in {model}", "copy config.json again from where the model came from"):
        return AutoConfig.from_pretrained(str(model), trust_remote_code=False)


def stated_positions(model: Path) -> int | None:
    """Return the number of positions that a model's configuration states; None if it states none.

    Raises:
        DataselectError: If the configuration cannot be read.
    """
    config = read_model_config(model).get_text_config()
    stated = (getattr(config, name, None) for name in _NAMES)
    return next((number for number in stated if isinstance(number, int) and number > 0), None)


def max_positions(model: Path) -> int:
    """Return the number of positions that a model's configuration states, or `UNSTATED`."""
    return stated_positions(model) or UNSTATED


def quiet_transformers() -> None:
    """Switch off transformers' progress bars for loading and writing weights; warnings stay."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


@contextmanager
def without_scikit_learn() -> Iterator[None]:
    """Import parts of transformers in this block without scikit-learn and SciPy behind it.

    Any use of its tokenizers imports its generation, and that scikit-learn, for a measure of assisted decoding that
    nothing here uses: two of the five seconds that `dataselect show` took for a row.
    """
    from transformers import utils

    asked = utils.is_sklearn_available
    utils.is_sklearn_available = lambda: False
    try:
        yield
    finally:
        utils.is_sklearn_available = asked
