"""The one renderer: from an example to token ids and parts. Scoring, training and evaluation all use it.

The whole conversation is rendered once (`templates`), tokenised once, and masked by character offsets (`masks`). Token
ids are therefore the same everywhere, and what is trained on is what was scored. BOS stands in front exactly when the
tokenizer or the template puts it there, and never twice. Offsets are taken without the post-processor that some
byte-level tokenizers use to trim the space before a word: a token that holds that space straddles the seam.

Left out: packing, padding and batching, which belong to whoever runs a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import digest
from dataselect.errors import RenderError, UsageError
from dataselect.model_config import max_positions
from dataselect.pool.chat import ChatTemplate
from dataselect.pool.masks import final_run, response_bytes, token_parts
from dataselect.pool.spans import Templated
from dataselect.pool.templates import NAMES, Template, TextTemplate, load_template
from dataselect.pool.tokenizer import load_tokenizer, special_tokens, tokenizer_digest
from dataselect.records import RESPONSE, Example, Reject, Rendered


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


class Renderer:
    """Renders examples for one model.

    Args:
        model: Model folder; only its configuration and tokenizer are read.
        options: See `RenderOptions`.
        ifd: Whether to make the sequence that scores the final response without its prompt.

    Attributes:
        tokenizer: The transformers tokenizer.
        max_length: Most tokens per sequence.
        template_name: The template that was chosen.

    Raises:
        DataselectError: If model or template cannot be used.
    """

    def __init__(self, model: Path, options: RenderOptions = RenderOptions(), ifd: bool = False) -> None:
        self.tokenizer = load_tokenizer(model)
        self._special = special_tokens(self.tokenizer)
        self._template = self._load_template(options)
        self._plain: Template = TextTemplate("")
        self._options = options
        self._ifd = ifd
        self.max_length = self._limit(model, options.max_length)
        self.template_name = self._template.name
        if options.bos == "always" and self._special.bos is None:
            raise UsageError("--bos always, but this tokenizer has no BOS token", "use --bos auto")
        self._encoder = _bare_encoder(self.tokenizer)

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

    def render(self, examples: Sequence[Example]) -> list[Rendered | Reject]:
        """Render examples, in order; one that the template refuses becomes a `Reject`."""
        templated = [self._templated(example) for example in examples]
        texts = [t.text for t in templated if isinstance(t, Templated)]
        encodings = iter(self._encoder.encode_batch(texts, add_special_tokens=False))
        return [
            t if isinstance(t, Reject) else self._rendered(example, t, next(encodings))
            for example, t in zip(examples, templated, strict=True)
        ]

    def _templated(self, example: Example) -> Templated | Reject:
        template = self._plain if example.text is not None else self._template
        try:
            rendered = template.render(example)
        except RenderError as error:
            return Reject(example.source, example.line, "template_error", str(error)[:200])
        if rendered.text.isascii() or rendered.text.encode("utf-8", "replace").decode("utf-8") == rendered.text:
            return rendered
        return Reject(example.source, example.line, "lone_surrogate", "the text holds half of a surrogate pair")

    def _rendered(self, example: Example, templated: Templated, encoding: Any) -> Rendered:  # noqa: ANN401
        ids = np.array(encoding.ids, np.int32)
        spans = np.array(encoding.offsets, np.int32).reshape(-1, 2)
        ids, spans = self._with_bos(ids, spans)
        parts, seams = token_parts(templated, ids, spans, self._special, self._options.think)
        plain_text = example.text is not None
        status = _status(templated, parts, len(ids) > self.max_length and not plain_text, self._options.truncate)
        if status == "truncated":
            ids, spans, parts = ids[: self.max_length], spans[: self.max_length], parts[: self.max_length]
            status = status if (parts == RESPONSE).any() else "too_long"
        rendered = Rendered(
            id=example.id, source=example.source, text=templated.text, token_ids=ids, parts=parts, spans=spans,
            status=status, seams=tuple(sorted(t for t in seams if t < len(ids))), plain_text=plain_text,
            response_bytes=response_bytes(templated.text, parts, spans, templated.turns),
        )  # fmt: skip
        return self._with_alone(rendered, templated) if self._ifd and rendered.scorable else rendered

    def _with_bos(
        self, ids: NDArray[np.int32], spans: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        bos = self._special.bos
        there = bos is not None and len(ids) > 0 and ids[0] == bos
        if self._options.bos == "never":
            return (ids[1:], spans[1:]) if there else (ids, spans)
        wanted = self._options.bos == "always" or self._special.adds_bos
        if there or not wanted or bos is None:
            return ids, spans
        return np.concatenate(([np.int32(bos)], ids)), np.concatenate((np.zeros((1, 2), np.int32), spans))

    def _with_alone(self, rendered: Rendered, templated: Templated) -> Rendered:
        """Add BOS + assistant header + the same response token ids, all three cut out of the full sequence."""
        run = None if rendered.plain_text else final_run(templated.turns, rendered.parts, rendered.spans)
        if run is None:
            return rendered
        header_start = int(np.searchsorted(rendered.spans[:, 0], templated.turns[-1].header, side="left"))
        before = [rendered.token_ids[max(header_start, 1) : run[0]]]
        if rendered.token_ids[0] == self._special.bos:
            before.insert(0, rendered.token_ids[:1])
        context = np.concatenate(before)
        if len(context) == 0:
            return rendered
        alone = np.concatenate((context, rendered.token_ids[run[0] : run[1]]))
        return replace(rendered, alone_ids=alone, alone_start=len(context), final_start=run[0])


def _bare_encoder(tokenizer: Any) -> Any:  # noqa: ANN401
    """A copy of the tokenizer's engine without post-processor, padding and truncation."""
    from tokenizers import Tokenizer, processors

    engine = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    engine.post_processor = processors.Sequence([])
    engine.no_padding()
    engine.no_truncation()
    return engine


def _status(templated: Templated, parts: NDArray[np.int8], over: bool, truncate: bool) -> str:
    if not any(templated.text[turn.start : turn.end].strip() for turn in templated.turns):
        return "empty_response"
    if not (parts == RESPONSE).any():
        return "too_short"
    if over:
        return "truncated" if truncate else "too_long"
    return "ok"
