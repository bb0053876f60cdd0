"""The negative log-likelihood of each token of a row, -log p in nats, with the text of the token.

The numbers come from the token sidecar of `score --tokens`, the text from rendering the record once more as it was
scored, with the tokenizer of the model that is named there. No model runs. The two are shown together only if the token
ids are the same, one by one. Text that no token holds is shown with the token after it, a character that several
tokens share with the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dataselect.errors import DataselectError
from dataselect.models import resolve_model
from dataselect.pool import Renderer, RenderOptions
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Example, Rendered
from dataselect.scoring.recorded import RecordedScores

TokenPart = Literal["prompt", "response", "end", "unscored"]
PARTS: dict[int, TokenPart] = {PROMPT: "prompt", RESPONSE: "response", END: "end", UNSCORED: "unscored"}
STEPS: tuple[tuple[float, str], ...] = (
    (math.log(2), "1 in 2 or more"),
    (math.log(10), "1 in 10"),
    (math.log(100), "1 in 100"),
    (math.log(1000), "1 in 1,000"),
    (math.inf, "less"),
)
"""(most nats, in words) of the steps of likelihood; a token is on the first step that its nats do not exceed."""


def step_of(nats: float) -> int:
    """The step of a token, from 0 for what the model expected."""
    return next(place for place, (most, _) in enumerate(STEPS) if nats <= most)


@dataclass(frozen=True, slots=True)
class TokenNll:
    """One token.

    Attributes:
        text: The characters that no token before it has shown.
        nats: -log p, given all before it; None for a token that is not scored.
        rank: Entries of the vocabulary that are at least as likely; None where ranks were not kept.
    """

    text: str
    part: TokenPart
    nats: float | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class RowNll:
    """The tokens of a row.

    Attributes:
        model: The name by which it was scored.
        truncated: True if the text continues after the last token.
    """

    model: str
    tokens: tuple[TokenNll, ...]
    truncated: bool

    def mean(self, part: TokenPart) -> float | None:
        """Mean nats of a part's tokens; None where it has none."""
        nats = [token.nats for token in self.tokens if token.part == part and token.nats is not None]
        return float(np.mean(nats)) if nats else None

    def top(self, k: int) -> tuple[int, ...]:
        """Places of the k most surprising tokens of the response; of equals the first."""
        scored = [(-t.nats, at) for at, t in enumerate(self.tokens) if t.part == "response" and t.nats is not None]
        return tuple(at for _, at in sorted(scored)[:k])


def read_token_nll(folder: Path, example: Example) -> RowNll:
    """Read the tokens of one example.

    Args:
        folder: Of `dataselect score`.

    Raises:
        DataselectError: If the folder keeps no tokens of it, the tokenizer is missing, or the tokens differ.
    """
    scores = RecordedScores.open(folder)
    manifest, recorded = scores.manifest, scores.tokens([example.id]).get(example.id)
    if recorded is None or recorded["token_id"] is None:
        raise DataselectError(
            f"{folder} holds no tokens of {example.id!r}",
            f"dataselect score POOL --model {manifest['model']} --tokens --out DIR, then --scores DIR",
        )
    rendered = _rendered(folder, manifest, example)
    scored = rendered.parts != UNSCORED
    if not np.array_equal(rendered.token_ids[scored], np.array(recorded["token_id"], np.int32)):
        raise DataselectError(
            f"the tokens of {example.id!r} in {folder} differ from those of its text under {manifest['model']}",
            "score the pool again",
        )
    return _joined(manifest["model"], rendered, recorded)


def _rendered(folder: Path, manifest: Mapping[str, Any], example: Example) -> Rendered:
    renderer = Renderer(resolve_model(manifest["model"]), RenderOptions.recorded(manifest["rendering"]))
    (rendered,) = renderer.render([example])
    if not isinstance(rendered, Rendered):
        raise DataselectError(
            f"the template of {folder} cannot render {example.id!r}: {rendered.reason}", "score the pool again"
        )
    return rendered


def _joined(model: str, rendered: Rendered, recorded: Mapping[str, Any]) -> RowNll:
    numbers = iter(zip(recorded["logprob"], recorded.get("rank") or [None] * len(recorded["logprob"]), strict=True))
    tokens, shown = [], 0
    for part, (_, end) in zip(rendered.parts.tolist(), rendered.spans.tolist(), strict=True):
        logprob, rank = (None, None) if part == UNSCORED else next(numbers)
        nats = None if logprob is None else max(0.0, -logprob)
        tokens.append(TokenNll(rendered.text[shown : max(shown, end)], PARTS[part], nats, rank))
        shown = max(shown, end)
    return RowNll(model, tuple(tokens), shown < len(rendered.text))
