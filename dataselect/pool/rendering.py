"""The one renderer: from an example to token ids and parts. Scoring, training and evaluation all use it.

The whole conversation is rendered once (`templates`), tokenised once, and masked by character offsets (`masks`). Token
ids are therefore the same everywhere, and what is trained on is what was scored. BOS stands in front exactly when the
tokenizer or the template puts it there, and never twice. Offsets are taken without the post-processor that some
byte-level tokenizers use to trim the space before a word: a token that holds that space straddles the seam.

While one batch is finished in Python, two threads already tokenise the next ones, outside the interpreter's lock: two,
because each waits for the lock to hand over its result, and the other one works meanwhile.

Left out: packing, padding and batching for a model, which belong to whoever runs it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import digest
from dataselect.errors import DataselectError, RenderError, UsageError
from dataselect.models import UNSTATED, stated_positions
from dataselect.pool.chat_templates import ChatTemplate
from dataselect.pool.rating_prompts import RatingPrompts
from dataselect.pool.render_options import RenderOptions, load_template
from dataselect.pool.sandbox import RenderLimitError
from dataselect.pool.sequences import AssemblyRules, assemble, without_tokens
from dataselect.pool.special_texts import SpecialTexts
from dataselect.pool.templates import Template, Templated, TextTemplate
from dataselect.pool.tokenizer import engine_json, load_tokenizer, special_tokens, tokenizer_digest
from dataselect.pool.tokenizing import BatchTokenizer, Encoded, Tokens
from dataselect.records import Example, Message, Reject, Rendered

_BATCH = 512
"""Examples that go through the tokenizer together."""

_CHARACTERS = 1_000_000
"""Characters after which no further example joins them: a tokenizer takes hundreds of bytes for each."""

_PATIENCE = 20
"""Rows in which the template may reach a limit before the whole is given up."""

_THREADS = 2
_WAITING = 3
"""Items that may be submitted ahead of the one that is finished."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some examples on their way.

    Attributes:
        filled: The rendering of each; rows that are certainly too long are finished.
        examples: Those that the tokenizer has to read.
        templated: Their texts, in the same order.
    """

    filled: list[Templated | Reject | Rendered]
    examples: list[Example]
    templated: list[Templated]

    @property
    def given(self) -> list[str]:
        """The texts that the tokenizer reads."""
        return [one.given for one in self.templated]


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
        date: The time for templates that ask for it: midnight of a day.

    Raises:
        DataselectError: If model or template cannot be used.
    """

    def __init__(
        self,
        model: Path,
        options: RenderOptions = RenderOptions(),  # noqa: B008 - frozen
        ifd: bool = False,
        ratings: Sequence[str] = (),
    ) -> None:
        self.tokenizer = load_tokenizer(model)
        self._special = special_tokens(self.tokenizer)
        self.date = options.midnight
        if options.template_text is not None:
            self._template: Template = ChatTemplate(options.template, options.template_text, self.tokenizer, self.date)
        else:
            self._template = load_template(options.template, self.tokenizer, self._special.eos_text, self.date)
        self._plain: Template = TextTemplate("")
        self._options = options
        self._limited = 0
        self.max_length = self._limit(model, options.max_length)
        self.template_name = self._template.name
        if options.bos == "always" and self._special.bos is None:
            raise UsageError("--bos always, but this tokenizer has no BOS token", "use --bos auto")
        self._bos_is_mark = self._opens_turns()
        self._special_texts = SpecialTexts(self.tokenizer)
        self._keeps_text = options.special_tokens == "text"
        engine = self._special_texts.engine_json() if self._keeps_text else engine_json(self.tokenizer)
        self._encoder = BatchTokenizer(engine)
        self._rules = AssemblyRules(
            special=self._special,
            think=options.think,
            max_length=self.max_length,
            truncate=options.truncate,
            alone=ifd,
        )
        self._ratings = RatingPrompts(ratings, self.token_ids, self.max_length) if ratings else None

    def _opens_turns(self) -> bool:
        """Return whether BOS also opens turns, so that none marks the sequence alone."""
        asked = Example("", "", {}, (Message("user", "a"), Message("assistant", "a")))
        try:
            shown = self._template.render(asked)
        except RenderError:
            return False
        headers = (shown.text[turn.header : turn.start] for turn in shown.turns)
        return bool(self.tokenizer.bos_token) and any(self.tokenizer.bos_token in header for header in headers)

    @staticmethod
    def _limit(model: Path, wanted: int | None) -> int:
        if wanted is not None and wanted < 2:
            raise UsageError(f"--max-length {wanted} leaves nothing to score", "use at least 2")
        stated = stated_positions(model)
        most = (stated or UNSTATED) - 1
        if wanted is None:
            return most
        if stated and wanted > most:
            raise UsageError(f"--max-length {wanted} is over the model's limit of {most}", f"use at most {most}")
        return wanted

    def settings(self) -> dict[str, Any]:
        """Everything that the rendering depends on, for fingerprints and manifests."""
        return {
            "template": self.template_name,
            "template_text": self._template.source,
            "template_sha256": digest(self._template.source),
            "max_length": self.max_length,
            "truncate": self._options.truncate,
            "bos": self._options.bos,
            "think": self._options.think,
            "special_tokens": self._options.special_tokens,
            "tokenizer_sha256": tokenizer_digest(self.tokenizer),
            **({"date": f"{self.date:%Y-%m-%d}"} if self._template.dated else {}),
        }

    @property
    def bos(self) -> int | None:
        """Id of the BOS token; None if there is none."""
        return self._special.bos

    def token_ids(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The token ids of texts by themselves, BOS included where it is wanted."""
        if not texts:
            return []
        tokens = self._with_bos(self._encoder.tokens(texts, self._encoder.encode(texts)))
        return np.split(tokens.ids, tokens.bounds[1:-1])

    def render(self, examples: Iterable[Example]) -> list[Rendered | Reject]:
        """Render examples, in order; one that the template refuses becomes a `Reject`.

        They are drawn a batch at a time while the tokenizer works on earlier ones, so a stream is as good as a list.
        """
        batches = self._batches(iter(examples))
        if isinstance(examples, Sized) and len(examples) <= _BATCH:
            return [one for batch in batches for one in self._finished(batch, self._encoded(batch))]
        return [one for batch, encoded in prefetched(self._encoded, batches) for one in self._finished(batch, encoded)]

    def _batches(self, examples: Iterator[Example]) -> Iterator[_Batch]:
        batch, characters = _Batch([], [], []), 0
        for example in examples:
            one = self._templated(example)
            batch.filled.append(one)
            if isinstance(one, Templated):
                batch.examples.append(example)
                batch.templated.append(one)
                characters += len(one.text)
            if len(batch.filled) == _BATCH or characters > _CHARACTERS:
                yield batch
                batch, characters = _Batch([], [], []), 0
        if batch.filled:
            yield batch

    def _templated(self, example: Example) -> Templated | Reject | Rendered:
        template = self._plain if example.text is not None else self._template
        try:
            rendered = self._shown(template, example).responses_of(example.messages)
        except RenderLimitError as error:
            self._note_limit(example, error)
            return Reject(example.source, example.line, "template_limit", str(error)[:200])
        except RenderError as error:
            return Reject(example.source, example.line, "template_error", str(error)[:200])
        if rendered.text.isascii() or rendered.text.encode("utf-8", "replace").decode("utf-8") == rendered.text:
            return self._untokenised(example, rendered) or rendered
        return Reject(example.source, example.line, "lone_surrogate", "the text holds half of a surrogate pair")

    def _shown(self, template: Template, example: Example) -> Templated:
        """Apply the template to an example; special tokens that it spells out are counted, or stay text."""
        spelled = self._special_texts.count(example)
        if not self._keeps_text:
            return replace(template.render(example), special_texts=spelled)
        rendered = template.render(self._special_texts.hidden(example))
        text, masked = self._special_texts.shown(rendered.text), self._special_texts.masked(rendered.text)
        return replace(rendered, text=text, special_texts=spelled, masked=masked)

    def _untokenised(self, example: Example, templated: Templated) -> Rendered | None:
        """Finish a dialogue that is certainly too long without its tokens, which take far more memory than its text."""
        fewest = self._encoder.fewest
        if example.text is not None or self._options.truncate or not fewest.over(templated.given, self.max_length):
            return None
        return without_tokens(example, templated, self._rules, fewest.longest)

    def _note_limit(self, example: Example, error: RenderLimitError) -> None:
        """Stop a run that would take days: each row that reaches a limit takes seconds."""
        self._limited += 1
        if self._limited > _PATIENCE:
            raise DataselectError(
                f"{error.message}, in {example.source} line {example.line} and {_PATIENCE} rows before it",
                "use another template, or leave these rows out",
            )

    def _encoded(self, batch: _Batch) -> Encoded:
        return self._encoder.encode(batch.given)

    def _finished(self, batch: _Batch, encoded: Encoded) -> Iterator[Rendered | Reject]:
        tokens = self._with_bos(self._encoder.tokens(batch.given, encoded))
        rendered = assemble(batch.examples, batch.templated, tokens, self._rules)
        if self._ratings is not None:
            rendered = self._rated(batch.examples, list(rendered), self._ratings)
        return (next(rendered) if isinstance(one, Templated) else one for one in batch.filled)

    def _rated(
        self, examples: Sequence[Example], rendered: list[Rendered], ratings: RatingPrompts
    ) -> Iterator[Rendered]:
        """Add the rating prompts to examples that can be scored at all."""
        scorable = [example for example, one in zip(examples, rendered, strict=True) if one.scorable]
        prompts = iter(ratings.of(scorable))
        return (replace(one, ratings=next(prompts)) if one.scorable else one for one in rendered)

    def _with_bos(self, tokens: Tokens) -> Tokens:
        bos = self._special.bos
        there = tokens.first_is(bos)
        if self._options.bos == "never" and not self._bos_is_mark:
            return tokens.without_first(there)
        wanted = self._options.bos == "always" or (self._options.bos == "auto" and self._special.adds_bos)
        return tokens.with_first(bos, ~there) if wanted and bos is not None else tokens


def prefetched(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Yield each item with the result of `work`, in order.

    Args:
        work: Called in a thread; its exceptions are raised here when the item's turn comes.
        items: Drawn in this thread, a few ahead.
    """
    with ThreadPoolExecutor(_THREADS) as threads:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            waiting.append((item, threads.submit(work, item)))
            if len(waiting) > _WAITING:
                first, result = waiting.popleft()
                yield first, result.result()
        for later, result in waiting:
            yield later, result.result()
