"""Many texts to tokens at once: ids, and the characters that each token holds, in flat arrays.

The offsets are those of the tokenizer itself, without the post-processor that some byte-level tokenizers use to trim
the space before a word. A byte-level tokenizer writes every byte of a text as one letter and cuts the result into
tokens, so the lengths of the tokens alone say where each one is (`token_lengths`), and the tokenizer need not be asked
for offsets, which take it a quarter of its time to keep track of and Python far longer to take over. That holds where
nothing is put in front of a word, no letter is unknown and nothing but a Unicode normal form changes the text; for
other tokenizers there is no table. Texts that the normal form changes are tokenised again, with offsets; where these
are many, the tokenizer is asked for all offsets from then on.

A tokenizer takes about 240 bytes of memory for each byte of a text, so that one record of 20 MB, which is far over any
limit, took gigabytes before it was found to be too long. Where every token is a piece of the text and every piece has
its token, a text has at least as many tokens as its length over that of the longest token (`FewestTokens`). That is
known of two kinds: the vocabularies above, with lengths in bytes, and BPE that writes the space as U+2581 and falls
back to bytes, with lengths in characters. Of other tokenizers, which may drop, merge or rewrite what they do not know,
nothing is claimed. A Unicode normal form leaves at least a quarter of a text's bytes. An added token that takes the
white space beside it may be of any length, so where one exists, white space is not counted.

Left out: special tokens around the text, padding and truncation; lengths of vocabularies that write the space as
U+2581, since they put one in front of the text.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
_PATIENCE = 1024
"""Surplus of texts tokenised twice after which the tokenizer is asked for all offsets at once."""

_UNICODE_FORMS = frozenset({"NFC", "NFD", "NFKC", "NFKD"})
_CUTTING = frozenset({"ByteLevel", "Digits", "Punctuation", "Split"})
_UNKNOWN = 1 << 30
"""The length of tokens whose text is not known: longer than any text is."""

_QUARTER = 4
_BYTES = frozenset(f"<0x{byte:02X}>" for byte in range(256))
_SPACE = "▁"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of several texts, one text after the other. Places are characters of all texts joined.

    Attributes:
        ids: (n_tokens,) int32.
        starts: (n_tokens,) place of each token's first character, non-decreasing.
        ends: (n_tokens,) place behind each token's last character, non-decreasing.
        bounds: (n_texts + 1,) index of each text's first token, and n_tokens.
        places: (n_texts + 1,) place of each text's first character, and the length of all texts.
    """

    ids: NDArray[np.int32]
    starts: Integers
    ends: Integers
    bounds: Integers
    places: Integers

    @property
    def spans(self) -> NDArray[np.int32]:
        """(n_tokens, 2) first character of each token in its own text, and the one after its last."""
        text_places = np.repeat(self.places[:-1], np.diff(self.bounds))
        return np.stack((self.starts - text_places, self.ends - text_places), axis=1).astype(np.int32)

    def first_is(self, token: int | None) -> NDArray[np.bool_]:
        """(n_texts,) whether a text has tokens and begins with this one."""
        begins = np.diff(self.bounds) > 0
        if token is not None:
            begins[begins] = self.ids[self.bounds[:-1][begins]] == token
        return begins & (token is not None)

    def with_first(self, token: int, texts: NDArray[np.bool_]) -> Tokens:
        """Put a token that holds no character in front of the chosen texts."""
        at, places = self.bounds[:-1][texts], self.places[:-1][texts]
        return Tokens(
            np.insert(self.ids, at, token),
            np.insert(self.starts, at, places),
            np.insert(self.ends, at, places),
            self.bounds + _sums(texts),
            self.places,
        )

    def without_first(self, texts: NDArray[np.bool_]) -> Tokens:
        """Take the first token of the chosen texts away."""
        at = self.bounds[:-1][texts]
        return Tokens(
            np.delete(self.ids, at),
            np.delete(self.starts, at),
            np.delete(self.ends, at),
            self.bounds - _sums(texts),
            self.places,
        )


@dataclass(frozen=True, slots=True)
class Encoded:
    """The tokenizer's output: one `tokenizers.Encoding` per text, with offsets or without."""

    encodings: Sequence[Any]
    with_offsets: bool


class BatchTokenizer:
    """Tokenises with a tokenizer's engine.

    Args:
        definition: The engine as JSON.

    Attributes:
        fewest: How few tokens a text can have.
    """

    def __init__(self, definition: str) -> None:
        self._engine = _bare(definition)
        self.fewest = FewestTokens(self._engine)
        lengths = token_lengths(self._engine)
        self._measures = lengths is not None
        self._lengths = np.zeros(0, np.int64) if lengths is None else lengths
        self._gain = 0

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The tokenizer's own work: on all cores, and outside the interpreter's lock."""
        if self._measures:
            return Encoded(self._engine.encode_batch_fast(texts, add_special_tokens=False), with_offsets=False)
        return Encoded(self._engine.encode_batch(texts, add_special_tokens=False), with_offsets=True)

    def tokens(self, texts: Sequence[str], encoded: Encoded) -> Tokens:
        """Convert the output of `encode` to arrays."""
        numbers, counts = array("i"), []
        for encoding in encoded.encodings:
            own = encoding.ids
            numbers.fromlist(own)
            counts.append(len(own))
        ids, bounds, places = np.array(numbers, np.int32), _sums(counts), _sums([len(text) for text in texts])
        text_places = np.repeat(places[:-1], counts)
        if encoded.with_offsets:
            starts, ends = _given_offsets(encoded.encodings) + text_places
            return Tokens(ids, starts, ends, bounds, places)
        starts, ends, right = self._measured(texts, ids, bounds)
        if not right.all():
            wrong = [text for text, fine in zip(texts, right, strict=True) if not fine]
            chosen = np.repeat(~right, counts)
            offsets = _given_offsets(self._engine.encode_batch(wrong, add_special_tokens=False))
            starts[chosen], ends[chosen] = offsets + text_places[chosen]
            self._gain += len(texts) - 2 * len(wrong)
            self._measures = self._gain > -_PATIENCE
        return Tokens(ids, starts, ends, bounds, places)

    def _measured(
        self, texts: Sequence[str], ids: NDArray[np.int32], bounds: Integers
    ) -> tuple[Integers, Integers, NDArray[np.bool_]]:
        """Starts and ends by the lengths of the tokens, and for which texts they are right."""
        raw = "".join(texts).encode("utf-8")
        sizes = np.array([len(text) if text.isascii() else len(text.encode("utf-8")) for text in texts], np.int64)
        sums = _sums(self._lengths[ids])
        right = np.diff(sums[bounds]) == sizes
        right &= np.array([left_alone(self._engine, text) for text in texts], np.bool_)
        shift = np.repeat(_sums(sizes)[:-1] - sums[bounds[:-1]], np.diff(bounds))
        starts, ends = sums[:-1] + shift, sums[1:] + shift
        if not raw.isascii():
            characters = np.cumsum((np.frombuffer(raw, np.uint8) & 0xC0) != 0x80, dtype=np.int64)
            starts = characters.take(starts, mode="clip") - 1
            ends = characters.take(ends - 1, mode="clip")
        return starts, ends, right


class FewestTokens:
    """A lower bound of the number of tokens of a text.

    Args:
        engine: A tokenizers.Tokenizer.

    Attributes:
        longest: Most bytes or characters of a token.
    """

    def __init__(self, engine: Any) -> None:  # noqa: ANN401
        added = list(engine.get_added_tokens_decoder().values())
        self._in_bytes = token_lengths(engine) is not None
        self._known = self._in_bytes or _falls_back_to_bytes(engine)
        self._shrinks = self._in_bytes and engine.normalizer is not None
        self._strips = any(token.lstrip or token.rstrip for token in added)
        pieces = (len(piece) for piece in engine.get_vocab(with_added_tokens=False)) if self._known else ()
        self.longest = max(*pieces, *(self._length(token.content) for token in added), 1, 1)

    def over(self, text: str, most: int) -> bool:
        """Return whether a text certainly has more than `most` tokens; False where that is not known."""
        if not self._known or 4 * len(text) <= most * self.longest:
            return False
        if self._strips:
            text = "".join(text.split())
        length = self._length(text)
        if self._shrinks and not text.isascii():
            length //= _QUARTER
        return length > most * self.longest

    def _length(self, text: str) -> int:
        return len(text.encode("utf-8", "replace")) if self._in_bytes else len(text)


def token_lengths(engine: Any) -> NDArray[np.int64] | None:  # noqa: ANN401 - a tokenizers.Tokenizer
    """(vocabulary,) bytes of each token; None if this tokenizer's tokens do not determine their places."""
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
    """Return whether the normaliser, if any, leaves a text unchanged; no Unicode normal form changes ASCII."""
    return engine.normalizer is None or text.isascii() or engine.normalizer.normalize_str(text) == text


def _given_offsets(encodings: Sequence[Any]) -> Integers:
    """(2, n_tokens) starts and ends as the tokenizer gives them, each in its own text."""
    pairs = chain.from_iterable(encoding.offsets for encoding in encodings)
    return np.fromiter(chain.from_iterable(pairs), np.int64).reshape(-1, 2).T


def _sums(values: Any) -> Integers:  # noqa: ANN401 - integers or truth values
    """0, then the sum up to each value."""
    return np.concatenate(([0], np.cumsum(values, dtype=np.int64)))


def _bare(definition: str) -> Any:  # noqa: ANN401 - a tokenizers.Tokenizer
    """The engine without post-processor, padding and truncation."""
    from tokenizers import Tokenizer, processors

    engine = Tokenizer.from_str(definition)
    engine.post_processor = processors.Sequence([])
    engine.no_padding()
    engine.no_truncation()
    return engine


def _only_cuts(engine: Any) -> bool:  # noqa: ANN401
    """Return whether tokens are only the text cut into pieces, if its normal form does not change it."""
    from tokenizers import models

    model = engine.model
    if not isinstance(model, models.BPE) or model.dropout:
        return False
    steps = list(component_steps(engine.pre_tokenizer))
    return (
        not (model.continuing_subword_prefix or model.end_of_word_suffix)
        and {step["type"] for step in component_steps(engine.normalizer)} <= _UNICODE_FORMS
        and "ByteLevel" in {step["type"] for step in steps} <= _CUTTING
        and not any(step.get("add_prefix_space") or step.get("behavior") == "Removed" for step in steps)
    )


def _falls_back_to_bytes(engine: Any) -> bool:  # noqa: ANN401
    """Return whether tokens are the text cut into pieces or bytes, with U+2581 for the space."""
    from tokenizers import models

    model = engine.model
    if not isinstance(model, models.BPE) or model.dropout or not model.byte_fallback:
        return False
    if model.continuing_subword_prefix or model.end_of_word_suffix:
        return False
    return (
        engine.get_vocab(with_added_tokens=False).keys() >= _BYTES
        and all(_keeps_length(step) for step in component_steps(engine.normalizer))
        and all(_keeps_pieces(step) for step in component_steps(engine.pre_tokenizer))
    )


def _keeps_length(step: dict[str, Any]) -> bool:
    if step["type"] == "Replace":
        return bool(step["pattern"] == {"String": " "} and step["content"] == _SPACE)
    return bool(step["type"] == "Prepend")


def _keeps_pieces(step: dict[str, Any]) -> bool:
    return bool(step["type"] == "Metaspace" or (step["type"] == "Split" and step["behavior"] != "Removed"))


def component_steps(component: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """The definitions of a normaliser or pre-tokenizer, sequences taken apart."""
    waiting = [] if component is None else [json.loads(component.__getstate__())]
    while waiting:
        step = waiting.pop()
        inner = step.get("normalizers", step.get("pretokenizers"))
        if inner is None:
            yield step
        else:
            waiting += inner
