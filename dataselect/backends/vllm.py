"""The vLLM backend: the real engine, offline, asked for the log-probabilities of the prompt, or for greedy answers.

Prefix caching is off: with it on, prompt log-probabilities have depended on the order of requests (vLLM issue 42019).
Token ids go in and nothing is detokenised. One token has to be generated, so a sequence may have at most the model's
positions minus 1. Flat log-probabilities keep the output out of millions of small Python objects, which otherwise make
the engine slower than a plain forward pass. With `prompt_logprobs=0` each position carries just its own token, whose
id is checked against what was asked.

Left out: sampling. Several GPUs are the engine's own business (`--engine-arg tensor_parallel_size=2`).
"""

from __future__ import annotations

import atexit
import math
import os
import threading
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends.children import Guardian, guarded
from dataselect.backends.contract import (
    BackendOptions,
    EngineDiedError,
    Generated,
    Tick,
    TokenIds,
    TokenSequence,
    check_ids,
    cut,
    room,
    unscored,
)
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.errors import DataselectError, UsageError
from dataselect.records import TokenScores
from dataselect.registry import require

_SET_HERE = {
    "model", "dtype", "max_model_len", "enable_prefix_caching", "skip_tokenizer_init", "max_num_batched_tokens",
    "enforce_eager", "seed", "trust_remote_code",
}  # fmt: skip
_INSTEAD = {"max_num_batched_tokens": "use --batch-tokens", "max_model_len": "use --max-length", "dtype": "use --dtype"}


class VllmBackend:
    """A causal language model run by vLLM. See `contract.Backend`.

    Args:
        model: Model folder.
        options: How to run it. A lower `max_length` saves memory; `engine_args` go to vLLM's `LLM`.

    Raises:
        MissingExtraError: If vLLM is not installed.
        DataselectError: If the engine does not start.
    """

    name = "vllm"
    alone: str | None = None

    def __init__(self, model: Path, options: BackendOptions) -> None:
        _check(options.engine_args)
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        vllm = require("vllm", extra="vllm")
        self.max_length = options.longest(model)
        if not on_gpu():
            os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(_cache_gib(model, self.max_length)))
        self.dtype = resolve_dtype(options.dtype, gpu=on_gpu())
        budget = options.batch_tokens
        limits = {} if budget is None else {"max_num_batched_tokens": max(budget, self.max_length + 1)}
        before = threading.enumerate()
        try:
            with guarded() as guardian:
                self._engine = vllm.LLM(
                    model=str(model),
                    dtype=self.dtype,
                    max_model_len=self.max_length + 1,
                    enable_prefix_caching=False,
                    enforce_eager=not on_gpu(),
                    skip_tokenizer_init=True,
                    seed=0,
                    **limits,
                    **options.engine_args,
                )
        except (RuntimeError, ValueError, OSError, TypeError) as error:
            raise DataselectError(
                f"vLLM cannot run the model in {model}: {' '.join(str(error).split())[:300]}",
                "try --backend transformers",
            ) from error
        started = [thread for thread in threading.enumerate() if thread not in before]
        self._stop = weakref.finalize(self, _stop, self._engine.llm_engine.engine_core, started, guardian)
        # multiprocessing's own exit handler waits for the engine's process for ever; the last one registered runs first
        atexit.register(self._stop)
        _wake_when_it_ends(self._engine.llm_engine.engine_core)
        self.batch_tokens = int(self._engine.llm_engine.vllm_config.scheduler_config.max_num_batched_tokens)
        self._vocabulary = int(self._engine.llm_engine.vllm_config.model_config.get_vocab_size())
        self._sampling = vllm.SamplingParams(
            max_tokens=1, temperature=0.0, prompt_logprobs=0, flat_logprobs=True, detokenize=False
        )

    def score(
        self,
        sequences: Sequence[TokenSequence],
        ranks: bool = True,
        tick: Tick = lambda done: None,
        batch_tokens: int | None = None,
    ) -> list[TokenScores]:
        """Score sequences; see `contract.Backend`. vLLM always computes ranks, so asking for none saves nothing."""
        results = [unscored(len(s.ids)) for s in sequences]
        asked = [i for i, s in enumerate(sequences) if len(s.ids) > s.start]
        check_ids(sequences, self._vocabulary)
        tick(len(sequences) - len(asked))
        for group in _groups(asked, sequences, batch_tokens):
            asked_for = [sequences[i].ids for i in group]
            for i, output in zip(group, self._ask(asked_for, self._sampling), strict=True):
                _fill(results[i], sequences[i], output.prompt_logprobs, ranks)
            tick(len(group))
        return results

    def generate(
        self,
        prompts: Sequence[TokenIds],
        max_new_tokens: int,
        stop: Collection[int],
        tick: Tick = lambda done: None,
    ) -> list[Generated]:
        """Continue prompts; see `contract.Generator`. The engine makes the batches."""
        import vllm

        check_ids([TokenSequence(prompt) for prompt in prompts], self._vocabulary)
        ends = sorted(token for token in stop if token < self._vocabulary)
        sampling = [
            vllm.SamplingParams(
                max_tokens=room(prompt, max_new_tokens, self.max_length), temperature=0.0, stop_token_ids=ends,
                ignore_eos=True, detokenize=False,
            )
            for prompt in prompts
        ]  # fmt: skip
        found = [cut(answer.outputs[0].token_ids, stop) for answer in self._ask(prompts, sampling)]
        tick(len(prompts))
        return found

    def stop(self) -> None:
        """Stop the engine's process; it also stops when the backend is released or Python exits."""
        self._stop()

    def _ask(self, prompts: Sequence[TokenIds], sampling: Any) -> Any:  # noqa: ANN401 - vLLM's parameters and answers
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            given = [{"prompt_token_ids": prompt.tolist()} for prompt in prompts]
            return self._engine.generate(given, sampling, use_tqdm=False)
        except EngineDeadError as error:
            raise EngineDiedError("vLLM's engine process ended") from error
        except Exception as error:
            if type(error).__module__.startswith("vllm."):  # its refusals derive from Exception alone
                raise RuntimeError(" ".join(str(error).split())[:200]) from error
            raise


def _wake_when_it_ends(engine_core: Any) -> None:  # noqa: ANN401
    """Raise in every pending request when the engine's process ends: vLLM's own client would wait for ever."""
    from vllm.v1.engine.exceptions import EngineDeadError

    sentinels = [process.sentinel for process in engine_core.resources.engine_manager.processes]
    answers = engine_core.outputs_queue

    def watch() -> None:
        wait(sentinels)
        answers.put_nowait(EngineDeadError())

    threading.Thread(target=watch, name="engine-watch", daemon=True).start()


def _check(engine_args: Mapping[str, Any]) -> None:
    """Refuse arguments that the backend sets itself: with another value the numbers would be wrong or missing."""
    taken = sorted(set(engine_args) & _SET_HERE)
    if taken:
        raise UsageError(f"--engine-arg {taken[0]}: this argument is set by dataselect", _INSTEAD.get(taken[0], ""))


def _groups(
    asked: Sequence[int], sequences: Sequence[TokenSequence], batch_tokens: int | None
) -> Iterator[Sequence[int]]:
    """Yield all at once, which suits the engine best; or groups of at most `batch_tokens` tokens, at least one each."""
    if batch_tokens is None:
        yield from [asked] if asked else []
        return
    group: list[int] = []
    for i in asked:
        if group and sum(len(sequences[k].ids) for k in (*group, i)) > batch_tokens:
            yield group
            group = []
        group.append(i)
    if group:
        yield group


def _stop(engine_core: Any, threads: Sequence[threading.Thread], guardian: Guardian) -> None:  # noqa: ANN401
    """Stop the engine and wait for its threads: one that still runs when Python exits aborts the process."""
    engine_core.shutdown()
    guardian.dismiss()
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(timeout=10)


def _cache_gib(model: Path, max_length: int) -> int:
    """Return the cache of the engine on a CPU in whole GiB: room for four sequences of full length.

    By default the engine asks for nearly all memory of the machine, and refuses to start where some is in use.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(str(model), trust_remote_code=False).get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    per_token = 2 * int(config.num_hidden_layers * heads * width * 4)
    return max(1, math.ceil(4 * max_length * per_token / 2**30))


def _fill(scores: TokenScores, sequence: TokenSequence, flat: Any, ranks: bool) -> None:  # noqa: ANN401
    """Copy one request's flat log-probabilities; the first position has none."""
    if flat.token_ids != sequence.ids[1:].tolist():
        raise RuntimeError("vLLM returned log-probabilities of other tokens than it was given")
    scores.logprobs[sequence.start :] = np.array(flat.logprobs[sequence.start - 1 :], np.float32)
    if ranks:
        scores.ranks[sequence.start :] = np.array(flat.ranks[sequence.start - 1 :], np.int32)
