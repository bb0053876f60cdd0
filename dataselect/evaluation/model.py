"""The model under evaluation: rendered for by one renderer, loaded once for all tasks, and only if a task asks."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends import Backend, BackendOptions, TokenSequence, load_backend
from dataselect.evaluation.harness_model import load_harness_model
from dataselect.likelihood import ingredients
from dataselect.pool import Renderer, rolling_windows
from dataselect.records import RESPONSE, UNSCORED, Example, Reject, Rendered, TokenScores


@dataclass(frozen=True, slots=True)
class ResponseScore:
    """How likely a model finds one response.

    Attributes:
        status: "ok" or "truncated", or why there are no numbers.
        nll: Sum over the response tokens in nats; None if there are no numbers.
        tokens: Response tokens in that sum.
        num_bytes: UTF-8 bytes of the response as rendered.
    """

    status: str
    nll: float | None = None
    tokens: int = 0
    num_bytes: int = 0


class EvaluatedModel:
    """A model and the way texts are shown to it.

    Args:
        path: Model folder.
        backend: Resolved name of the backend.
        dtype: Resolved dtype.
        batch_tokens: Most tokens computed at once; None for the backend's default.

    Attributes:
        tokens: Tokens computed so far.
        busy: Seconds that took.
    """

    def __init__(self, path: Path, renderer: Renderer, backend: str, dtype: str, batch_tokens: int | None) -> None:
        self.path, self.renderer, self.backend_name, self.dtype = path, renderer, backend, dtype
        self._batch_tokens = batch_tokens
        self._backend: Backend | None = None
        self._harness_model: Any = None
        self.tokens, self.busy = 0, 0.0

    def harness_model(self) -> Any:  # noqa: ANN401 - a model of lm-evaluation-harness
        """The same model as lm-evaluation-harness runs it; loaded once, until it is dropped."""
        if self._harness_model is None:
            self._harness_model = load_harness_model(self.path, self.dtype, self.renderer.max_length)
        return self._harness_model

    def drop_harness_model(self) -> None:
        """Give back the harness's memory: on a GPU the backend needs it."""
        if self._harness_model is None:
            return
        import torch

        self._harness_model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def respond(self, examples: Sequence[Example]) -> list[ResponseScore]:
        """Likelihood of the examples' responses, given what stands before them, in order."""
        rendered = self.renderer.render(examples)
        asked = [self._sequences(one) if isinstance(one, Rendered) and one.scorable else [] for one in rendered]
        answers = iter(self._ask([sequence for group in asked for sequence in group]))
        return [_score(one, group, answers) for one, group in zip(rendered, asked, strict=True)]

    def _sequences(self, rendered: Rendered) -> list[TokenSequence]:
        """The windows of a long plain text, or the one sequence of anything else, from its first response token on."""
        windows = rolling_windows(len(rendered.token_ids), self.renderer.max_length)
        if len(windows) == 1:
            return [TokenSequence(rendered.token_ids, int(np.argmax(rendered.parts == RESPONSE)))]
        return [TokenSequence(rendered.token_ids[w.begin : w.end], w.first_scored - w.begin) for w in windows]

    def _ask(self, sequences: Sequence[TokenSequence]) -> list[TokenScores]:
        if not sequences:
            return []
        if self._backend is None:
            options = BackendOptions(self.dtype, self._batch_tokens, self.renderer.max_length)
            self._backend = load_backend(self.backend_name, self.path, options)
        began = time.perf_counter()
        answers = self._backend.score(sequences, ranks=False)
        self.busy += time.perf_counter() - began
        self.tokens += sum(len(sequence.ids) for sequence in sequences)
        return answers


def _score(
    rendered: Rendered | Reject, asked: Sequence[TokenSequence], answers: Iterator[TokenScores]
) -> ResponseScore:
    if isinstance(rendered, Reject):
        return ResponseScore(rendered.reason)
    if not asked:
        return ResponseScore(rendered.status)
    logprobs = np.full(len(rendered.token_ids), np.nan, np.float32)
    end = asked[0].start
    for sequence in asked:
        new = next(answers).logprobs[sequence.start :]
        logprobs[end : end + len(new)] = new
        end += len(new)
    parts = np.where(rendered.parts == RESPONSE, RESPONSE, UNSCORED).astype(np.int8)
    try:
        found = ingredients(logprobs, parts)
    except FloatingPointError:
        return ResponseScore("engine_error")
    return ResponseScore(rendered.status, found.response_nll, found.response_tokens, rendered.response_bytes)
