"""What a model's configuration says that rendering and backends must agree on: its number of positions."""

from __future__ import annotations

from pathlib import Path

from dataselect.errors import DataselectError

_NAMES = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")


def max_positions(model: Path) -> int:
    """The number of positions that a model's configuration states.

    Args:
        model: Model folder.

    Raises:
        DataselectError: If the configuration cannot be read or states none.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(str(model), trust_remote_code=False).get_text_config()
    except (OSError, ValueError, KeyError) as error:
        message = " ".join(str(error).split())[:200]
        raise DataselectError(f"the configuration in {model} cannot be read: {message}") from None
    for name in _NAMES:
        if getattr(config, name, None):
            return int(getattr(config, name))
    raise DataselectError(f"the model {model} states no number of positions", "its config.json must name them")
