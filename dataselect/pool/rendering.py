"""The one renderer: from an example to token ids and parts. Scoring, training and evaluation all use it.

The whole conversation is rendered once (`templates`), tokenised once, and masked by character offsets (`masks`). Token
ids are therefore the same everywhere, and what is trained on is what was scored. BOS stands in front exactly when the
tokenizer or the template puts it there, and never twice. Offsets are taken without the post-processor that some
byte-level tokenizers use to trim the space before a word: a token that holds that space straddles the seam.

Left out: packing, padding and batching, which belong to whoever runs a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import digest
from dataselect.errors import RenderError, UsageError
from dataselect.model_config import max_positions
from dataselect.pool.ahead import work_ahead
from dataselect.pool.assembling import Rules, assemble
from dataselect.pool.chat import ChatTemplate
from dataselect.pool.encoder import Encoded, TextEncoder, Tokens
from dataselect.pool.rating_prompts import RatingPrompts
from dataselect.pool.spans import Templated
from dataselect.pool.templates import NAMES, Template, TextTemplate, load_template
from dataselect.pool.tokenizer import load_tokenizer, special_tokens, tokenizer_digest
from dataselect.records import Example, Reject, Rendered

_BATCH = 512
"""Examples that go through the tokenizer together."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How to render; chosen once per run and recorded.

    Attributes:
        template: `auto`, `chat`, `alpaca`, `qa`, `text`, or the path of a Jinja file.
        template_text: The Jinja text itself, where a manifest recorded it; `template` is then only its name.
        max_length: Most tokens per sequence; None for the model's positions minus 1.
        truncate: Whether a longer dialogue is cut and scored instead of left unscored.
        bos: `auto` as the tokenizer or template does it, `always`, or `never`.
        think: Whether `<think>` spans count as response.
    """

    template: str = "auto"
    max_length: int | None = None
    truncate: bool = False
    bos: Literal["auto", "always", "never"] = "auto"
    think: bool = True
    template_text: str | None = None

    @classmethod
    def recorded(cls, settings: Mapping[str, Any]) -> RenderOptions:
        """The options behind `Renderer.settings()`, so that a later stage renders as an earlier one did."""
        of_file = settings["template"] not in NAMES
        return cls(
            template=settings["template"],
            max_length=settings["max_length"],
            truncate=settings["truncate"],
            bos=settings["bos"],
            think=settings["think"],
            template_text=settings["template_text"] if of_file else None,
        )


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some examples on their way.

    Attributes:
        filled: What the template made of each.
        examples: Those that it did not refuse.
        templated: Their texts, in the same order.
    """

    filled: Sequence[Templated | Reject]
    examples: Sequence[Example]
    templated: Sequence[Templated]


class Renderer:
    """Renders examples for one model.

    Args:
        model: Model folder; only its configuration and tokenizer are read.
        options: See `RenderOptions`.
        ifd: Whether to make the sequence that scores the final response without its prompt.
        ratings: What the model is asked to rate: "complexity", "quality".

    Attributes:
        tokenizer: The transformers tokenizer.
        max_length: Most tokens per sequence.
        template_name: The template that was chosen.

    Raises:
        DataselectError: If model or template cannot be used.
    """

    def __init__(
        self, model: Path, options: RenderOptions = RenderOptions(), ifd: bool = False, ratings: Sequence[str] = ()
    ) -> None:
        self.tokenizer = load_tokenizer(model)
        self._special = special_tokens(self.tokenizer)
        self._template = self._load_template(options)
        self._plain: Template = TextTemplate("")
        self._options = options
        self.max_length = self._limit(model, options.max_length)
        self.template_name = self._template.name
        if options.bos == "always" and self._special.bos is None:
            raise UsageError("--bos always, but this tokenizer has no BOS token", "use --bos auto")
        self._encoder = TextEncoder(self.tokenizer)
        self._rules = Rules(self._special, options.think, self.max_length, options.truncate, ifd)
        self._ratings = RatingPrompts(ratings, self._ids, self.max_length) if ratings else None

    def _load_template(self, options: RenderOptions) -> Template:
        if options.template_text is not None:
            return ChatTemplate(options.template, options.template_text, self.tokenizer)
        return load_template(options.template, self.tokenizer, self._special.eos_text)

    @staticmethod
    def _limit(model: Path, wanted: int | None) -> int:
        if wanted is not None and wanted < 2:
            raise UsageError(f"--max-length {wanted} leaves nothing to score", "use at least 2")
        most = max_positions(model) - 1
        if wanted is None:
            return most
        if wanted > most:
            raise UsageError(f"--max-length {wanted} is over the model's limit of {most}", f"use at most {most}")
        return wanted

    def settings(self) -> dict[str, Any]:
        """What the rendering depends on, for fingerprints and manifests."""
        return {
            "template": self.template_name,
            "template_text": self._template.source,
            "template_sha256": digest(self._template.source),
            "max_length": self.max_length,
            "truncate": self._options.truncate,
            "bos": self._options.bos,
            "think": self._options.think,
            "tokenizer_sha256": tokenizer_digest(self.tokenizer),
        }

    def render(self, examples: Iterable[Example]) -> list[Rendered | Reject]:
        """Render examples, in order; one that the template refuses becomes a `Reject`.

        They are drawn a batch at a time while the tokenizer works on earlier ones, so a stream is as good as a list.
        """
        batches = self._batches(iter(examples))
        if isinstance(examples, Sized) and len(examples) <= _BATCH:
            return [one for batch in batches for one in self._finished(batch, self._encoded(batch))]
        return [one for batch, encoded in work_ahead(self._encoded, batches) for one in self._finished(batch, encoded)]

    def _batches(self, examples: Iterator[Example]) -> Iterator[_Batch]:
        while drawn := list(islice(examples, _BATCH)):
            filled = [self._templated(example) for example in drawn]
            shown = [(example, one) for example, one in zip(drawn, filled, strict=True) if isinstance(one, Templated)]
            yield _Batch(filled, [example for example, _ in shown], [one for _, one in shown])

    def _templated(self, example: Example) -> Templated | Reject:
        template = self._plain if example.text is not None else self._template
        try:
            rendered = template.render(example)
        except RenderError as error:
            return Reject(example.source, example.line, "template_error", str(error)[:200])
        if rendered.text.isascii() or rendered.text.encode("utf-8", "replace").decode("utf-8") == rendered.text:
            return rendered
        return Reject(example.source, example.line, "lone_surrogate", "the text holds half of a surrogate pair")

    def _encoded(self, batch: _Batch) -> Encoded:
        return self._encoder.encode([one.text for one in batch.templated])

    def _finished(self, batch: _Batch, encoded: Encoded) -> Iterator[Rendered | Reject]:
        tokens = self._with_bos(self._encoder.tokens([one.text for one in batch.templated], encoded))
        rendered = assemble(batch.examples, batch.templated, tokens, self._rules)
        if self._ratings is not None:
            rendered = self._rated(batch.examples, list(rendered), self._ratings)
        return (one if isinstance(one, Reject) else next(rendered) for one in batch.filled)

    def _rated(
        self, examples: Sequence[Example], rendered: list[Rendered], ratings: RatingPrompts
    ) -> Iterator[Rendered]:
        """The same with their rating prompts, where they can be scored at all."""
        scorable = [example for example, one in zip(examples, rendered, strict=True) if one.scorable]
        prompts = iter(ratings.of(scorable))
        return (replace(one, ratings=next(prompts)) if one.scorable else one for one in rendered)

    def _ids(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The token ids of texts by themselves, BOS included."""
        tokens = self._with_bos(self._encoder.tokens(texts, self._encoder.encode(texts)))
        return np.split(tokens.ids, tokens.bounds[1:-1])

    def _with_bos(self, tokens: Tokens) -> Tokens:
        bos = self._special.bos
        there = tokens.first_is(bos)
        if self._options.bos == "never":
            return tokens.without_first(there)
        wanted = self._options.bos == "always" or self._special.adds_bos
        return tokens.with_first(bos, ~there) if wanted and bos is not None else tokens
