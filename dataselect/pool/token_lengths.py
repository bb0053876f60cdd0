"""How many bytes of a text each token of a byte-level vocabulary stands for.

A byte-level tokenizer writes every byte of a text as one letter and cuts the result into tokens, so the lengths of the
tokens alone say where each one stands, and nobody has to ask for offsets, which take a tokenizer a quarter of its time
to keep track of and Python far longer to take over. That holds where nothing is put in front of a word, no letter is
unknown and nothing but a Unicode normal form changes the text; for other tokenizers there is no table. Texts that their
normal form changes are for the caller to tell (`left_alone`).

Left out: vocabularies that write the space as U+2581, since they put one in front of the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UNICODE_FORMS = frozenset({"NFC", "NFD", "NFKC", "NFKD"})
_CUTTING = frozenset({"ByteLevel", "Digits", "Punctuation", "Split"})
_UNKNOWN = 1 << 30
"""The length of tokens that do not say what they stand for: longer than any text is."""


def token_lengths(engine: Any) -> NDArray[np.int64] | None:  # noqa: ANN401 - a tokenizers.Tokenizer
    """(vocabulary,) bytes of each token; None if the tokens of this tokenizer do not tell where they stand."""
    from tokenizers import pre_tokenizers

    vocabulary = engine.get_vocab(with_added_tokens=False)
    letters = set(pre_tokenizers.ByteLevel.alphabet())
    if not (letters <= vocabulary.keys() and _only_cuts(engine)):
        return None
    added = engine.get_added_tokens_decoder()
    lengths = np.full(max(*vocabulary.values(), *added, 0) + 1, _UNKNOWN, np.int64)
    for token, number in vocabulary.items():
        if letters.issuperset(token):
            lengths[number] = len(token)
    for number, token in added.items():
        takes_more = token.lstrip or token.rstrip
        lengths[number] = _UNKNOWN if takes_more else len(token.content.encode("utf-8", "replace"))
    return lengths


def left_alone(engine: Any, text: str) -> bool:  # noqa: ANN401
    """Whether the normaliser, if there is one, leaves a text as it is; no Unicode normal form changes ASCII."""
    return engine.normalizer is None or text.isascii() or engine.normalizer.normalize_str(text) == text


def _only_cuts(engine: Any) -> bool:  # noqa: ANN401
    """Whether tokens are nothing but the text cut into pieces, if its normal form does not change it."""
    from tokenizers import models

    model = engine.model
    if not isinstance(model, models.BPE) or model.dropout:
        return False
    steps = list(_steps(engine.pre_tokenizer))
    return (
        not (model.continuing_subword_prefix or model.end_of_word_suffix)
        and {step["type"] for step in _steps(engine.normalizer)} <= _UNICODE_FORMS
        and "ByteLevel" in {step["type"] for step in steps} <= _CUTTING
        and not any(step.get("add_prefix_space") or step.get("behavior") == "Removed" for step in steps)
    )


def _steps(component: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """The definitions of a normaliser or pre-tokenizer, sequences taken apart."""
    waiting = [] if component is None else [json.loads(component.__getstate__())]
    while waiting:
        step = waiting.pop()
        inner = step.get("normalizers", step.get("pretokenizers"))
        if inner is None:
            yield step
        else:
            waiting += inner
