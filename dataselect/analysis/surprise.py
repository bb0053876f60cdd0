"""How surprised the model was by each token of a row: -log p in nats, beside the text that the token holds.

The numbers come from the token sidecar of `score --tokens`, the text from rendering the record once more as it was
scored, with the tokenizer of the model that is named there. No model runs. The two are shown together only if the token
ids are the same, one by one. Text that no token holds goes with the token after it; what several tokens share (the
bytes of one character) goes with the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dataselect.artifacts import MANIFEST, read_json
from dataselect.bundled.resolve import resolve_model
from dataselect.errors import DataselectError
from dataselect.pool import Renderer, RenderOptions
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Example, Rendered
from dataselect.scoring.recorded import RecordedScores

Part = Literal["prompt", "response", "end", "unscored"]
PARTS: dict[int, Part] = {PROMPT: "prompt", RESPONSE: "response", END: "end", UNSCORED: "unscored"}


STEPS: tuple[tuple[float, str], ...] = (
    (math.log(2), "1 in 2 or more"),
    (math.log(10), "1 in 10"),
    (math.log(100), "1 in 100"),
    (math.log(1000), "1 in 1,000"),
    (math.inf, "less"),
)
"""(most nats, in words): how likely the model held it; a token is on the first step that its nats do not exceed."""


def step_of(nats: float) -> int:
    """The step of a token, from 0 for what the model expected."""
    return next(place for place, (most, _) in enumerate(STEPS) if nats <= most)


@dataclass(frozen=True, slots=True)
class TokenSurprise:
    """One token.

    Attributes:
        text: The characters that no token before it has shown.
        nats: -log p, given all before it; None for a token that is not scored.
        rank: Entries of the vocabulary that are at least as likely; None where ranks were not kept.
    """

    text: str
    part: Part
    nats: float | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class Surprise:
    """The tokens of a row.

    Attributes:
        model: As it was called when the row was scored.
        truncated: Whether the text goes on after the last token.
    """

    model: str
    tokens: tuple[TokenSurprise, ...]
    truncated: bool

    def mean(self, part: Part) -> float | None:
        """Mean nats of a part's tokens; None where it has none."""
        nats = [token.nats for token in self.tokens if token.part == part and token.nats is not None]
        return float(np.mean(nats)) if nats else None

    def top(self, k: int) -> tuple[int, ...]:
        """Places of the k most surprising tokens of the response; of equals the first."""
        scored = [(-t.nats, at) for at, t in enumerate(self.tokens) if t.part == "response" and t.nats is not None]
        return tuple(at for _, at in sorted(scored)[:k])


def read_surprise(folder: Path, example: Example) -> Surprise:
    """The tokens of one example.

    Args:
        folder: Of `dataselect score`.

    Raises:
        DataselectError: If the folder keeps no tokens of it, the tokenizer is not at hand, or the tokens are others.
    """
    manifest = read_json(folder / MANIFEST)
    recorded = RecordedScores.open(folder).tokens([example.id]).get(example.id)
    if recorded is None or recorded["token_id"] is None:
        raise DataselectError(
            f"{folder} keeps no tokens of it",
            f"dataselect score POOL --model {manifest['model']} --tokens --out DIR, then --scores DIR",
        )
    rendered = _rendered(folder, manifest, example)
    scored = rendered.parts != UNSCORED
    if not np.array_equal(rendered.token_ids[scored], np.array(recorded["token_id"], np.int32)):
        raise DataselectError(
            f"the tokens in {folder} are not those of this text under {manifest['model']}", "score the pool again"
        )
    return _joined(manifest["model"], rendered, recorded)


def _rendered(folder: Path, manifest: Mapping[str, Any], example: Example) -> Rendered:
    rendered = Renderer(resolve_model(manifest["model"]), RenderOptions.recorded(manifest["rendering"])).render(
        [example]
    )
    if not isinstance(rendered[0], Rendered):
        raise DataselectError(f"the template of {folder} does not take it: {rendered[0].reason}", "score it again")
    return rendered[0]


def _joined(model: str, rendered: Rendered, recorded: Mapping[str, Any]) -> Surprise:
    numbers = iter(zip(recorded["logprob"], recorded.get("rank") or [None] * len(recorded["logprob"]), strict=True))
    tokens, shown = [], 0
    for part, (_, end) in zip(rendered.parts.tolist(), rendered.spans.tolist(), strict=True):
        logprob, rank = (None, None) if part == UNSCORED else next(numbers)
        nats = None if logprob is None else max(0.0, -logprob)
        tokens.append(TokenSurprise(rendered.text[shown : max(shown, end)], PARTS[part], nats, rank))
        shown = max(shown, end)
    return Surprise(model, tuple(tokens), shown < len(rendered.text))
