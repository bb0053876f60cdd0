"""Load a model's tokenizer, and find out what it does at the start of a sequence.

Only fast tokenizers are taken: character offsets decide which token belongs to which part, and only they give them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import digest
from dataselect.errors import DataselectError


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """What the tokenizer itself says about its special tokens.

    Attributes:
        bos: Id of the BOS token; None if there is none.
        adds_bos: Whether `tokenizer(text)` puts BOS in front.
        eos: Id of the EOS token; None if there is none.
        eos_text: Its text; empty if there is none.
        special: Ids of all special tokens.
    """

    bos: int | None
    adds_bos: bool
    eos: int | None
    eos_text: str
    special: frozenset[int]


def load_tokenizer(model: Path) -> Any:  # noqa: ANN401 - a transformers tokenizer
    """Load the fast tokenizer of a model folder.

    Raises:
        DataselectError: If it cannot be loaded or is not a fast one.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(model), trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = " ".join(str(error).split())[:200]
        raise DataselectError(f"the tokenizer in {model} cannot be loaded: {first}", "check the model folder") from None
    if not tokenizer.is_fast:
        raise DataselectError(
            f"the tokenizer in {model} gives no character offsets, which the masks need",
            "use a model that ships a tokenizer.json",
        )
    return tokenizer


def special_tokens(tokenizer: Any) -> SpecialTokens:  # noqa: ANN401
    """Read off a tokenizer's special tokens, and try out whether it adds BOS."""
    added = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    probe = tokenizer("a")["input_ids"]
    bos = tokenizer.bos_token_id
    return SpecialTokens(
        bos=bos,
        adds_bos=bos is not None and len(probe) > 0 and probe[0] == bos,
        eos=tokenizer.eos_token_id,
        eos_text=tokenizer.eos_token or "",
        special=frozenset(added | set(tokenizer.all_special_ids)),
    )


def tokenizer_digest(tokenizer: Any) -> str:  # noqa: ANN401
    """sha256 of the tokenizer's whole definition: vocabulary, merges, normaliser and added tokens."""
    return digest(tokenizer.backend_tokenizer.to_str())
