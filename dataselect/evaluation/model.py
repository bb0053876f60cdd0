"""The model under evaluation: the record of its training, the renderer of its texts, and the model itself.

It is loaded once for all tasks, and only if a task needs it. lm-evaluation-harness runs it with its own transformers
class, on the same folder, dtype and limit; its vLLM class is not used, since it does not find the CPU build of vLLM.
The price is speed on tasks that generate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends import Backend, BackendOptions, BatchTooLargeError, TokenSequence, load_backend
from dataselect.backends.contract import Generated, Generator, Tick, TokenIds
from dataselect.backends.memory import release_memory
from dataselect.errors import DataselectError, UsageError
from dataselect.library_errors import loading
from dataselect.likelihood import ingredients
from dataselect.models import quiet_transformers
from dataselect.pool import Renderer, RenderOptions, rolling_windows
from dataselect.pool.prompting import stop_tokens
from dataselect.records import RESPONSE, UNSCORED, Example, Reject, Rendered, TokenScores
from dataselect.registry import require
from dataselect.stage import is_stage, read_finished

UNTRAINED = {"strategy": "untrained", "budget": 0, "unit": "examples", "seed": 0}
"""The run of a model that this toolkit did not train."""


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """The record of `dataselect train` in a model folder.

    Attributes:
        run: Strategy, budget, unit and seed.
        rendering: Settings of the renderer that it was trained with; None if it was not trained by this toolkit.
    """

    run: Mapping[str, Any]
    rendering: Mapping[str, Any] | None


def read_training(model: Path) -> TrainingRecord:
    """Read the manifest of `dataselect train` in a model folder, if there is one.

    Raises:
        ArtifactError: If the training was not finished, or its record is damaged.
    """
    if not is_stage(model):
        return TrainingRecord(UNTRAINED, None)
    manifest = read_finished(model, "train").manifest
    return TrainingRecord(manifest["run"], manifest["rendering"])


def resolve_rendering(training: TrainingRecord, given: Mapping[str, Any]) -> RenderOptions:
    """Resolve how to render for a model: as given, else as it was trained, else the defaults.

    Length and truncation are not taken from the training: longer texts can be scored than were trained on, and every
    model of a comparison should answer the same items.

    Args:
        given: Fields of `RenderOptions` that were given.
    """
    if training.rendering is None:
        return RenderOptions(**given)
    trained = replace(RenderOptions.recorded(training.rendering), max_length=None, truncate=False)
    if "template" in given:
        trained = replace(trained, template_text=None)
    return replace(trained, **given)


@dataclass(frozen=True, slots=True)
class ResponseScore:
    """The likelihood of one response under a model.

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
    """A model and its renderer.

    Args:
        path: Model folder.
        backend: Resolved name of the backend.
        dtype: Resolved dtype.
        batch_tokens: Most tokens computed at once; None for the backend's default.

    Attributes:
        tokens: Tokens computed so far.
        busy: Seconds of computing them.
    """

    def __init__(self, path: Path, renderer: Renderer, backend: str, dtype: str, batch_tokens: int | None) -> None:
        self.path, self.renderer, self.backend_name, self.dtype = path, renderer, backend, dtype
        self._batch_tokens = batch_tokens
        self._backend: Backend | None = None
        self._harness_model: Any = None
        self.tokens, self.busy = 0, 0.0

    def harness_model(self) -> Any:  # noqa: ANN401 - a model of lm-evaluation-harness
        """Return the same model as lm-evaluation-harness runs it; loaded once, until it is dropped."""
        if self._harness_model is None:
            self._harness_model = load_harness_model(self.path, self.dtype, self.renderer.max_length)
        return self._harness_model

    def drop_harness_model(self) -> None:
        """Free the memory of the harness: on a GPU the backend needs it."""
        if self._harness_model is None:
            return
        self._harness_model = None
        release_memory()

    def respond(self, examples: Sequence[Example]) -> list[ResponseScore]:
        """Compute the likelihood of the examples' responses, each given all that precedes it, in order."""
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

    def log_probabilities(self, sequences: Sequence[TokenIds]) -> list[float]:
        """Sum the log-probabilities of each sequence's tokens after the first; NaN where there is no number."""
        answers = self._ask([TokenSequence(ids) for ids in sequences])
        return [float(answer.logprobs[1:].sum(dtype=np.float64)) for answer in answers]

    def write_on(
        self, prompts: Sequence[TokenIds], max_new_tokens: int, tick: Tick = lambda done: None
    ) -> list[Generated]:
        """Write an answer after each prompt, greedily, until the model ends its turn.

        Raises:
            DataselectError: If the backend does not write, or there is no memory for a single prompt.
        """
        backend = self._loaded()
        if not isinstance(backend, Generator):
            raise UsageError(f"the backend {backend.name} writes no answers", "use --backend transformers or vllm")
        began = time.perf_counter()
        answers = self._written(backend, prompts, max_new_tokens, tick)
        self.busy += time.perf_counter() - began
        self.tokens += sum(len(one) for one in prompts) + sum(len(one.ids) for one in answers)
        return answers

    def _written(
        self, backend: Generator, prompts: Sequence[TokenIds], max_new_tokens: int, tick: Tick
    ) -> list[Generated]:
        """The answers; where memory runs out, those of one half after those of the other."""
        if not prompts:
            return []
        try:
            return backend.generate(prompts, max_new_tokens, self._ends, tick)
        except BatchTooLargeError as error:
            if len(prompts) == 1:
                message = f"there is not enough memory to answer a prompt of {len(prompts[0])} tokens: {error}"
                raise DataselectError(message, "give fewer --max-new-tokens") from None
        half = len(prompts) // 2
        first = self._written(backend, prompts[:half], max_new_tokens, tick)
        return first + self._written(backend, prompts[half:], max_new_tokens, tick)

    @cached_property
    def _ends(self) -> frozenset[int]:
        """Tokens that end an answer: those of the template, and those that the model's folder names."""
        from transformers import GenerationConfig

        named = None
        if (self.path / "generation_config.json").exists():
            with loading(f"generation_config.json in {self.path}", "copy it again from where the model came from"):
                named = GenerationConfig.from_pretrained(str(self.path)).eos_token_id
        return stop_tokens(self.renderer) | set([named] if isinstance(named, int) else named or [])

    def _ask(self, sequences: Sequence[TokenSequence]) -> list[TokenScores]:
        if not sequences:
            return []
        backend = self._loaded()
        began = time.perf_counter()
        answers = backend.score(sequences, ranks=False)
        self.busy += time.perf_counter() - began
        self.tokens += sum(len(sequence.ids) for sequence in sequences)
        return answers

    def _loaded(self) -> Backend:
        if self._backend is None:
            options = BackendOptions(self.dtype, self._batch_tokens, self.renderer.max_length)
            self._backend = load_backend(self.backend_name, self.path, options)
        return self._backend


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


_BATCH_ROWS = 16


def load_harness_model(path: Path, dtype: str, max_length: int) -> Any:  # noqa: ANN401
    """Load a model into the harness.

    Args:
        path: Model folder.
        dtype: Resolved dtype; the softmax is taken in float32 in any case.
        max_length: Longest sequence.
    """
    require("lm_eval", "eval")
    import torch
    from lm_eval.models.huggingface import HFLM

    quiet_transformers()
    return HFLM(
        str(path),
        backend="causal",
        dtype=dtype,
        softmax_dtype="float32",
        device="cuda" if torch.cuda.is_available() else "cpu",
        batch_size=_BATCH_ROWS,
        max_length=max_length,
    )
