"""The tokenizer of a model: loading it, its special tokens, and whether it adds BOS.

Only fast tokenizers are accepted: character offsets decide which token belongs to which part, and only they give them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dataselect.artifacts import digest
from dataselect.errors import DataselectError
from dataselect.library_errors import loading
from dataselect.models import without_scikit_learn

_FILES = ("*.json", "*.jinja", "*.model", "*.txt", "chat_template*/*")

_BLANK = " \t\r\n\u2581"
"""The characters of runs of blanks, which some vocabularies add as tokens; the last is the space of SentencePiece."""


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """The special tokens of a tokenizer, as it declares them.

    Attributes:
        bos: Id of the BOS token; None if there is none.
        adds_bos: Whether `tokenizer(text)` puts BOS in front.
        eos: Id of the EOS token; None if there is none.
        eos_text: Its text; empty if there is none.
        special: Ids of all special tokens.
        added: Ids of all tokens that a text is searched for as they are, runs of blanks aside: the special ones, and
            those that are added to the vocabulary without being called special.
    """

    bos: int | None
    adds_bos: bool
    eos: int | None
    eos_text: str
    special: frozenset[int]
    added: frozenset[int]


def load_tokenizer(model: Path) -> Any:  # noqa: ANN401 - a transformers tokenizer
    """The fast tokenizer of a model folder; the same object for the same files, since a large one takes seconds.

    It must not be modified.

    Raises:
        DataselectError: If it cannot be loaded or is not a fast one.
    """
    files = [(path, path.stat()) for path in sorted(path for pattern in _FILES for path in model.glob(pattern))]
    return _loaded(model, tuple((str(path), state.st_size, state.st_mtime_ns) for path, state in files))


@lru_cache(maxsize=2)
def _loaded(model: Path, files: tuple[tuple[str, int, int], ...]) -> Any:  # noqa: ANN401
    """Load it; `files` are those that it is made from."""
    with without_scikit_learn():
        from transformers import AutoTokenizer

    with loading(f"the tokenizer in {model}", _hint(model)):
        tokenizer = AutoTokenizer.from_pretrained(str(model), trust_remote_code=False)
    if not getattr(tokenizer, "is_fast", False):
        raise DataselectError(
            f"the tokenizer in {model} is a slow one ({type(tokenizer).__name__}): it gives no character offsets, "
            "which the masks need",
            "use a model that ships a tokenizer.json",
        )
    return tokenizer


def _hint(model: Path) -> str:
    if (model / "tokenizer.json").exists() or not any(model.glob("*.model")):
        return "copy its files again from where the model came from"
    return "it has no tokenizer.json: pip install sentencepiece protobuf makes one from its .model file"


def special_tokens(tokenizer: Any) -> SpecialTokens:  # noqa: ANN401
    """Read off a tokenizer's special tokens, and try out whether it adds BOS."""
    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    wordy = {i for i, token in tokenizer.added_tokens_decoder.items() if token.content.strip(_BLANK)}
    probe = tokenizer("a")["input_ids"]
    bos = tokenizer.bos_token_id
    return SpecialTokens(
        bos=bos,
        adds_bos=bos is not None and len(probe) > 0 and probe[0] == bos,
        eos=tokenizer.eos_token_id,
        eos_text=tokenizer.eos_token or "",
        special=frozenset(special | set(tokenizer.all_special_ids)),
        added=frozenset(wordy | special | set(tokenizer.all_special_ids)),
    )


def added_token_pattern(tokenizer: Any, special: bool = False) -> re.Pattern[str]:  # noqa: ANN401
    """A pattern that finds tokens spelled out in a text: all added ones, or the special ones alone."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special or not special}
    return re.compile(_any_of(sorted(added - {""})) or r"(?!)")


def _any_of(texts: Sequence[str]) -> str:
    """A pattern for the longest of some texts that fits; what they begin with in common is in it once."""
    behind: defaultdict[str, list[str]] = defaultdict(list)
    for text in texts:
        if text:
            behind[text[0]].append(text[1:])
    branches = "|".join(
        re.escape(first + rests[0]) if len(rests) == 1 else re.escape(first) + _any_of(rests)
        for first, rests in behind.items()
    )
    return f"(?:{branches}){'?' if '' in texts else ''}" if branches else ""


def tokenizer_digest(tokenizer: Any) -> str:  # noqa: ANN401
    """sha256 of the tokenizer's whole definition: vocabulary, merges, normaliser and added tokens."""
    return digest(engine_json(tokenizer))


def engine_json(tokenizer: Any) -> str:  # noqa: ANN401
    """The tokenizer's engine as JSON."""
    text: str = tokenizer.backend_tokenizer.to_str()
    return text
