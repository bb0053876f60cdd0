"""Many texts to tokens at once: ids, and the characters that each token holds, in flat arrays.

The offsets are those of the tokenizer itself, without the post-processor that some byte-level tokenizers use to trim
the space before a word. Where the vocabulary says how many bytes each token stands for (`token_lengths`), the tokenizer
is not asked for them. Texts that such a tokenizer changes first are tokenised again, with offsets; where these are
many, it is asked for all offsets from then on.

Left out: special tokens around the text, padding and truncation.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.token_lengths import left_alone, token_lengths

Integers = NDArray[np.int64]

_PATIENCE = 1024
"""How many more texts than not may have been tokenised again before the tokenizer is asked for all offsets at once."""


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
    """What the tokenizer gave: one `tokenizers.Encoding` per text, with offsets or without."""

    encodings: Sequence[Any]
    with_offsets: bool


class TextEncoder:
    """Tokenises with a transformers tokenizer's own engine."""

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401
        self._engine = _bare(tokenizer)
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
        """What `encode` gave, as arrays."""
        numbers, counts = array("i"), []
        for encoding in encoded.encodings:
            own = encoding.ids
            numbers.fromlist(own)
            counts.append(len(own))
        ids, bounds, places = np.array(numbers, np.int32), _sums(counts), _sums([len(text) for text in texts])
        text_places = np.repeat(places[:-1], counts)
        if encoded.with_offsets:
            starts, ends = _told(encoded.encodings) + text_places
            return Tokens(ids, starts, ends, bounds, places)
        starts, ends, right = self._measured(texts, ids, bounds)
        if not right.all():
            wrong = [text for text, fine in zip(texts, right, strict=True) if not fine]
            chosen = np.repeat(~right, counts)
            told = _told(self._engine.encode_batch(wrong, add_special_tokens=False))
            starts[chosen], ends[chosen] = told + text_places[chosen]
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


def _told(encodings: Sequence[Any]) -> Integers:
    """(2, n_tokens) starts and ends as the tokenizer tells them, each in its own text."""
    pairs = chain.from_iterable(encoding.offsets for encoding in encodings)
    return np.fromiter(chain.from_iterable(pairs), np.int64).reshape(-1, 2).T


def _sums(values: Any) -> Integers:  # noqa: ANN401 - integers or truth values
    """0, then the sum up to each value."""
    return np.concatenate(([0], np.cumsum(values, dtype=np.int64)))


def _bare(tokenizer: Any) -> Any:  # noqa: ANN401
    """A copy of the tokenizer's engine without post-processor, padding and truncation."""
    from tokenizers import Tokenizer, processors

    engine = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    engine.post_processor = processors.Sequence([])
    engine.no_padding()
    engine.no_truncation()
    return engine
