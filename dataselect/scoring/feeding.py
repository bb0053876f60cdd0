"""Detect a model that is fed differently than it was trained: with or without BOS, with end marks that it never writes.

A model that is fed wrongly makes a pool look bad. Gemma without its BOS gives a plain sentence a perplexity of 100
instead of 9, and every row likewise; converted tokenizers often lose it. So before the first rows of a model are
scored, one plain sentence is scored as the rows are fed, and with BOS added or removed. Where the other way is better
by `MARGIN` nats per token, a few of the rows are scored both ways too, and where they agree a warning is given. The
first `UNSURE` tokens are left out: at the beginning of a text every model gains from a token before it.

The same pass looks at the mark that ends the rows' responses. Where none has a probability over `HOPELESS`, answers
that are complete whatever the pool (`EXCHANGES`) are scored too, since a model that knows the mark may expect a pool's
answers to continue.

It changes no number: the rows are scored again afterwards among the others. Its cost is bounded (`budget`). Left out:
models on a server, where each sequence is a request of its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.backends import Backend, TokenSequence
from dataselect.likelihood import not_finite
from dataselect.pool import Renderer
from dataselect.records import END, RESPONSE, Example, Message, Rendered, TokenScores

Ids = NDArray[np.int32]

SENTENCE = (
    "The capital of France is Paris, a city on the river Seine that is known for its museums, its food and its long "
    "history."
)
EXCHANGES = (
    ("What is the capital of France?", "The capital of France is Paris."),
    ("What is 2 plus 2?", "2 plus 2 is 4."),
    ("Say hello.", "Hello! How can I help you today?"),
)
ROWS, ROW_TOKENS = 8, 256
_PLAIN = ("alpaca", "qa", "text")
MOST, SHARE = 2048, 16
"""Most tokens of rows that the probe computes, and its largest share of the work (1 / SHARE), beyond one row."""

UNSURE = 8
MARGIN = 0.5
"""Nats per token; benchmarks/LOG.md has the values of right and wrong settings."""

HOPELESS = 2e-6


@dataclass(frozen=True, slots=True)
class Feeding:
    """The findings of a probe.

    Attributes:
        with_bos: Whether rows begin with BOS as they are scored; None for a model without BOS.
        sentence_ppl: Perplexity of the plain sentence, fed as the rows are.
        sentence_ppl_otherwise: The same with BOS added or removed; None without a BOS.
        rows_gain: Nats per token by which the median row is better the other way; None where the sentence is not.
        rows: Rows that were scored.
        end: The mark that ends most responses; empty if none does.
        end_probability: The highest probability of that mark at an end; None without such a mark.
        ends: Number of ends, those of the exchanges among them.
        template: Name of the template.
    """

    with_bos: bool | None
    sentence_ppl: float
    sentence_ppl_otherwise: float | None
    rows_gain: float | None
    rows: int
    end: str
    end_probability: float | None
    ends: int
    template: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings for the user, one line each."""
        return tuple(line for line in (self._of_bos(), self._of_ends()) if line)

    def as_dict(self) -> dict[str, Any]:
        """Return the findings for the manifest."""
        return {**asdict(self), "warnings": list(self.warnings)}

    def _of_bos(self) -> str:
        if self.sentence_ppl_otherwise is None or self.rows_gain is None:
            return ""
        sentence_gain = math.log(self.sentence_ppl / self.sentence_ppl_otherwise)
        if min(sentence_gain, self.rows_gain) < MARGIN:
            return ""
        way, option = ("without", "never") if self.with_bos else ("with", "always")
        return (
            f"wrong BOS setting: {way} BOS a plain sentence has a perplexity of "
            f"{self.sentence_ppl_otherwise:,.0f} instead of {self.sentence_ppl:,.0f}, and the pool's rows gain "
            f"{self.rows_gain:.1f} nats per token: score with --bos {option}"
        )

    def _of_ends(self) -> str:
        if self.end_probability is None or self.end_probability > HOPELESS:
            return ""
        other = "" if self.template in _PLAIN else "score with --template alpaca or text, or "
        return (
            f"the model never ends a response with {self.end}: of {self.ends} ends the likeliest has a probability of "
            f"{self.end_probability:.0e}, so it has not learned this mark: {other}read end_nll and sequence_ppl as "
            "what SFT has yet to teach it"
        )


def budget(tokens: int) -> int:
    """Return how many tokens of rows a probe may compute before a model computes `tokens`."""
    return min(MOST, tokens // SHARE)


def rendered_exchanges(renderer: Renderer) -> list[Rendered]:
    """Render `EXCHANGES`; those that cannot be scored under the template are left out."""
    turns = ((Message("user", asked), Message("assistant", answer)) for asked, answer in EXCHANGES)
    examples = [Example(str(i), "", {}, messages) for i, messages in enumerate(turns)]
    return [one for one in renderer.render(examples) if isinstance(one, Rendered) and one.scorable]


class FeedingProbe:
    """Probes how a model is fed by one renderer, which is used only in the constructor.

    Args:
        renderer: The renderer of the rows.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._bos = renderer.bos
        self._longest = min(ROW_TOKENS, renderer.max_length - 1)
        self._template = renderer.template_name
        self._text_of = renderer.tokenizer.convert_ids_to_tokens
        self._sentence = renderer.token_ids([SENTENCE])[0]
        self._exchanges = rendered_exchanges(renderer)

    def ask(self, backend: Backend, rows: Sequence[Rendered], tokens: int) -> Feeding:
        """Score a few rows and a plain sentence as they are fed, and with BOS added or removed.

        Args:
            backend: The model, loaded.
            rows: Scorable rows; at least one.
            tokens: Tokens that are about to be computed for them; see `budget`.

        Raises:
            RuntimeError, ValueError, IndexError, ArithmeticError: If the model cannot score them.
        """
        chosen = _chosen(rows, budget(tokens), self._longest)
        texts = [one.token_ids[: self._longest] for one in chosen]
        sentence = self._as_fed(texts[0])[: self._longest]
        there = [] if self._bos is None else [_otherwise(sentence, self._bos)]
        here, *rest = _scored(backend, [sentence, *there, *texts])
        ppl = _perplexity(_loss(sentence, here, self._bos))
        otherwise = _perplexity(_loss(there[0], rest[0], self._bos)) if there else None
        answers = rest[len(there) :]
        suspected = otherwise is not None and math.log(ppl / otherwise) >= MARGIN
        mark, likeliest, ends = self._ends(backend, chosen, answers)
        return Feeding(
            with_bos=None if self._bos is None else bool(texts[0][0] == self._bos),
            sentence_ppl=ppl,
            sentence_ppl_otherwise=otherwise,
            rows_gain=self._gain(backend, texts, answers) if suspected else None,
            rows=len(chosen),
            end="" if mark is None else str(self._text_of(mark)),
            end_probability=likeliest,
            ends=ends,
            template=self._template,
        )

    def _gain(self, backend: Backend, texts: Sequence[Ids], answers: Sequence[TokenScores]) -> float | None:
        """Return the nats per token by which the median row is better the other way."""
        assert self._bos is not None
        there = [_otherwise(ids, self._bos) for ids in texts]
        pairs = zip(texts, answers, there, _scored(backend, there), strict=True)
        gains = [_loss(a, here, self._bos) - _loss(b, other, self._bos) for a, here, b, other in pairs]
        finite = [gain for gain in gains if math.isfinite(gain)]
        return float(np.median(finite)) if finite else None

    def _ends(
        self, backend: Backend, rows: Sequence[Rendered], answers: Sequence[TokenScores]
    ) -> tuple[int | None, float | None, int]:
        """Return what `_ends` finds after the rows; where that is hopeless, after the exchanges too."""
        mark, likeliest, ends = _ends(rows, answers)
        if likeliest is None or likeliest > HOPELESS or not self._exchanges:
            return mark, likeliest, ends
        more = _scored(backend, [one.token_ids for one in self._exchanges])
        return _ends([*rows, *self._exchanges], [*answers, *more])

    def _as_fed(self, row: Ids) -> Ids:
        """Return the plain sentence with BOS if a row has it, and without if not."""
        if self._bos is None or (row[0] == self._bos) == (self._sentence[0] == self._bos):
            return self._sentence
        return _otherwise(self._sentence, self._bos)


def _scored(backend: Backend, texts: Sequence[Ids]) -> list[TokenScores]:
    return backend.score([TokenSequence(ids) for ids in texts], False)


def _chosen(rows: Sequence[Rendered], tokens: int, longest: int) -> list[Rendered]:
    """Draw rows evenly from the shorter half: as many as the tokens allow with BOS and without, at least one."""
    order = sorted(rows, key=lambda one: len(one.token_ids))
    half = order[: (len(order) + 1) // 2]
    spread = [half[int(place)] for place in np.linspace(0, len(half) - 1, min(ROWS, len(half)))]
    chosen = spread[:1]
    for one in spread[1:]:
        if 2 * sum(min(longest, len(each.token_ids)) for each in (*chosen, one)) <= tokens:
            chosen.append(one)
    return chosen


def _otherwise(ids: Ids, bos: int) -> Ids:
    """Return the text with BOS in front where it has none, and without BOS where it has one."""
    return ids[1:] if ids[0] == bos else np.concatenate(([np.int32(bos)], ids))


def _loss(ids: Ids, scores: TokenScores, bos: int | None) -> float:
    """Return the mean NLL of a text's tokens after the first `UNSURE`, BOS not counted; NaN if there are none."""
    settled = scores.logprobs[UNSURE + int(ids[0] == bos) :]
    return -float(np.mean(settled, dtype=np.float64)) if len(settled) else math.nan


def _perplexity(loss: float) -> float:
    if not math.isfinite(loss):
        raise not_finite()
    return math.exp(loss)


def _ends(rows: Sequence[Rendered], answers: Sequence[TokenScores]) -> tuple[int | None, float | None, int]:
    """Return the mark that most often follows a response, its highest probability there, and how often it does."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for row, scores in zip(rows, answers, strict=True):
        parts = row.parts[: len(scores.logprobs)]
        for place in np.flatnonzero((parts[1:] == END) & (parts[:-1] == RESPONSE)) + 1:
            found[int(row.token_ids[place])].append(math.exp(scores.logprobs[place]))
    if not found:
        return None, None, 0
    mark = max(found, key=lambda token: len(found[token]))
    return mark, max(found[mark]), len(found[mark])
