"""The transformers backend: plain PyTorch on CPU or GPU, the reference that the others are compared with.

Sequences are sorted by length and laid end to end in packs of a token budget (`packing`), so that nothing is padded;
attention keeps each to itself (`attention`), positions start at 0 for every sequence, and the result of a
sequence is that of the sequence alone. On a CPU several packs are in work at a time, on cores of their own (`cpu`);
the token budget is that of all of them, so that long sequences are in work one at a time. Only positions whose score is
wanted reach the vocabulary head (`heads`). A model that cannot take packs is detected when it is loaded (`decoder`):
all but the head then computes one sequence at a time.

Left out: models whose tokens see the future (encoders, prefix language models), and sharding over several devices.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.contract import (
    BackendOptions,
    BatchTooLargeError,
    Generated,
    Tick,
    TokenIds,
    TokenSequence,
    check_ids,
    room,
    unscored,
)
from dataselect.backends.cpu import MemoryThreads, cores, keep_freed_memory, side_by_side
from dataselect.backends.decoder import load_decoder
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.backends.greedy import plan_batches, write_on
from dataselect.backends.packing import Pack, pack, plan_lanes, plan_packs
from dataselect.library_errors import is_out_of_memory
from dataselect.records import TokenScores

_PACK_TOKENS = {"cpu": 2048, "cuda": 32768}
_LANE_TOKENS = 256
"""Fewest tokens per lane of cores: fewer do not keep a core busy between two readings of the weights."""

_CACHE_TOKENS = {"cpu": 16384, "cuda": 65536}
"""Most positions whose keys and values are held at once while answers are generated."""

_T = TypeVar("_T")


class TransformersBackend:
    """A causal language model run by transformers. See `contract.Backend`.

    Args:
        model: Model folder.
        options: How to run it; `batch_tokens` is 2,048 on CPU and 32,768 on GPU by default.

    Raises:
        DataselectError: If the model cannot be loaded or its head is not supported.
    """

    name = "transformers"

    def __init__(self, model: Path, options: BackendOptions) -> None:
        device = "cuda" if on_gpu() else "cpu"
        self.dtype = resolve_dtype(options.dtype, gpu=on_gpu())
        self._decoder = load_decoder(model, self.dtype, device)
        self.alone = self._decoder.alone
        keep_freed_memory()
        self.batch_tokens = options.batch_tokens or _PACK_TOKENS[device]
        self.max_length = options.longest(model)
        self._threads = MemoryThreads()

    def score(
        self,
        sequences: Sequence[TokenSequence],
        ranks: bool = True,
        tick: Tick = lambda done: None,
        batch_tokens: int | None = None,
    ) -> list[TokenScores]:
        """Score sequences; see `contract.Backend`."""
        check_ids(sequences, self._vocabulary)
        results = [unscored(0)] * len(sequences)
        tokens = 1 if self._decoder.own_logits else batch_tokens or self.batch_tokens

        def fill() -> None:
            for chosen, one, found in _one_behind(self._computed(sequences, ranks, tokens)):
                with out_of_memory_raised():
                    each = _apart(one, *(column.cpu().numpy() for column in found))
                for i, scores in zip(chosen, each, strict=True):
                    results[i] = scores
                tick(len(chosen))

        self._threads.run(fill)
        return results

    def _computed(
        self, sequences: Sequence[TokenSequence], ranks: bool, tokens: int
    ) -> Iterator[tuple[list[int], Pack, tuple[Any, Any]]]:
        """Yield each pack's sequences, and its log-probabilities and ranks, which a GPU may still be computing."""
        lanes = min(cores(), max(1, tokens // _LANE_TOKENS)) if self._decoder.side_by_side else 1
        lengths = [len(sequence.ids) for sequence in sequences]
        if lanes == 1:
            stages = iter([(1, list(plan_packs(lengths, tokens, self._decoder.apart)))])
        else:
            stages = plan_lanes(lengths, tokens, lanes)

        def work(chosen: list[int]) -> tuple[Pack, tuple[Any, Any]]:
            one = pack([sequences[i] for i in chosen])
            with out_of_memory_raised():
                hidden = self._decoder.hidden(one)[self._decoder.moved(one.scored - 1)]
                targets = self._decoder.moved(one.ids[one.scored])
                return one, self._decoder.head.score(hidden, targets, ranks)

        for share, packs in stages:
            for chosen, (one, found) in zip(packs, side_by_side(work, packs, share), strict=True):
                yield chosen, one, found

    def generate(
        self,
        prompts: Sequence[TokenIds],
        max_new_tokens: int,
        stop: Collection[int],
        tick: Tick = lambda done: None,
    ) -> list[Generated]:
        """Continue prompts; see `contract.Generator`."""
        check_ids([TokenSequence(prompt) for prompt in prompts], self._vocabulary)
        rooms = [room(prompt, max_new_tokens, self.max_length) for prompt in prompts]
        most = _CACHE_TOKENS[self._decoder.model.device.type] if self._decoder.packs else 1
        found: dict[int, Generated] = {}
        for chosen, limit in plan_batches([len(prompt) for prompt in prompts], rooms, most):
            batch = [prompts[i] for i in chosen]
            answers = self._threads.run(out_of_memory_raised()(partial(write_on, self._decoder, batch, limit, stop)))
            found |= zip(chosen, answers, strict=True)
            tick(len(chosen))
        return [found[i] for i in range(len(prompts))]

    @property
    def _vocabulary(self) -> int:
        return int(self._decoder.model.get_input_embeddings().weight.shape[0])

    def stop(self) -> None:
        """Do nothing: the model is freed with its last reference."""


@contextmanager
def out_of_memory_raised() -> Iterator[None]:
    """Raise PyTorch's out-of-memory errors, of GPU and CPU, as `BatchTooLargeError`."""
    import torch

    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise BatchTooLargeError(" ".join(str(error).split())[:200]) from None


def _one_behind(items: Iterable[_T]) -> Iterator[_T]:
    """Yield each item after the next was made: a GPU then computes one pack while the one before is read."""
    before: list[_T] = []
    for item in items:
        yield from before
        before = [item]
    yield from before


def _apart(one: Pack, logprobs: NDArray[np.float32], ranks: NDArray[np.int32]) -> list[TokenScores]:
    """Split the scores of a pack into those of its sequences."""
    whole = unscored(len(one.ids))
    whole.logprobs[one.scored], whole.ranks[one.scored] = logprobs, ranks
    cuts = one.bounds[1:-1]
    each = zip(np.split(whole.logprobs, cuts), np.split(whole.ranks, cuts), strict=True)
    return [TokenScores(*columns) for columns in each]
