"""The transformers backend: plain PyTorch on CPU or GPU, the reference that the others are compared with.

Sequences are sorted by length and laid end to end in packs of a token budget (`packing`), so that nothing is padded;
attention keeps each to itself (`packed_attention`), positions start at 0 for every sequence, and the result of a
sequence is that of the sequence alone. Only positions whose score is wanted reach the vocabulary head (`head`). A model
that cannot take packs is found out when it is loaded (`decoder`) and gets one sequence at a time.

Left out: models whose tokens see the future (encoders, prefix language models), and sharding over several devices.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.allocator import keep_freed_memory
from dataselect.backends.contract import BackendOptions, BatchTooLargeError, Tick, TokenSequence, check_ids
from dataselect.backends.decoder import load_decoder
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.backends.generation import Generated, TokenIds, room
from dataselect.backends.greedy import plan_batches, write_on
from dataselect.backends.packing import Pack, pack, plan_packs
from dataselect.model_config import max_positions
from dataselect.records import TokenScores

_PACK_TOKENS = {"cpu": 1024, "cuda": 32768}
_CACHE_TOKENS = {"cpu": 16384, "cuda": 65536}
"""Most positions whose keys and values are held at once while answers are written."""

_T = TypeVar("_T")


class TransformersBackend:
    """A causal language model run by transformers. See `contract.Backend`.

    Args:
        model: Model folder.
        options: How to run it; `batch_tokens` is 1,024 on CPU and 32,768 on GPU by default.

    Raises:
        DataselectError: If the model cannot be loaded or its head is not understood.
    """

    name = "transformers"

    def __init__(self, model: Path, options: BackendOptions) -> None:
        device = "cuda" if on_gpu() else "cpu"
        self.dtype = resolve_dtype(options.dtype, gpu=on_gpu())
        self._decoder = load_decoder(model, self.dtype, device)
        keep_freed_memory()
        self.batch_tokens = options.batch_tokens or _PACK_TOKENS[device]
        self.max_length = options.max_length or max_positions(model) - 1

    def score(
        self,
        sequences: Sequence[TokenSequence],
        ranks: bool = True,
        tick: Tick = lambda done: None,
        batch_tokens: int | None = None,
    ) -> list[TokenScores]:
        """Score sequences; see `contract.Backend`."""
        check_ids(sequences, self._vocabulary)
        empty = TokenScores(np.zeros(0, np.float32), np.zeros(0, np.int32))
        results = [empty] * len(sequences)
        budget = (batch_tokens or self.batch_tokens) if self._decoder.packs else 1
        plan = plan_packs([len(s.ids) for s in sequences], budget, self._decoder.apart)
        for chosen, one, found in _one_behind(self._computed(sequences, plan, ranks)):
            with told_out_of_memory():
                each = _apart(one, *(column.cpu().numpy() for column in found))
            for i, scores in zip(chosen, each, strict=True):
                results[i] = scores
            tick(len(chosen))
        return results

    def _computed(
        self, sequences: Sequence[TokenSequence], plan: Iterable[list[int]], ranks: bool
    ) -> Iterator[tuple[list[int], Pack, tuple[Any, Any]]]:
        """Each pack's sequences, and its log-probabilities and ranks on the device; a GPU may still be at them."""
        import torch

        for chosen in plan:
            one = pack([sequences[i] for i in chosen])
            with told_out_of_memory(), torch.inference_mode():
                hidden = self._decoder.hidden(one)[self._decoder.moved(one.scored - 1)]
                targets = self._decoder.moved(one.ids[one.scored])
                found = self._decoder.head.score(hidden, targets, ranks)
            yield chosen, one, found

    def generate(
        self,
        prompts: Sequence[TokenIds],
        max_new_tokens: int,
        stop: Collection[int],
        tick: Tick = lambda done: None,
    ) -> list[Generated]:
        """Write on from prompts; see `generation.Generator`."""
        check_ids([TokenSequence(prompt) for prompt in prompts], self._vocabulary)
        rooms = [room(prompt, max_new_tokens, self.max_length) for prompt in prompts]
        most = _CACHE_TOKENS[self._decoder.model.device.type] if self._decoder.packs else 1
        found: dict[int, Generated] = {}
        for chosen, limit in plan_batches([len(prompt) for prompt in prompts], rooms, most):
            with told_out_of_memory():
                answers = write_on(self._decoder, [prompts[i] for i in chosen], limit, stop)
            found |= zip(chosen, answers, strict=True)
            tick(len(chosen))
        return [found[i] for i in range(len(prompts))]

    @property
    def _vocabulary(self) -> int:
        return int(self._decoder.model.get_input_embeddings().weight.shape[0])

    def stop(self) -> None:
        """Nothing to stop: the model goes with its last reference."""


_OUT_OF_MEMORY = re.compile(r"can't allocate memory|could not create a primitive(?! descriptor)")
"""What PyTorch's allocator and oneDNN, which finds no room for a kernel, say on a CPU."""


@contextmanager
def told_out_of_memory() -> Iterator[None]:
    """Turn PyTorch's ways of saying that memory ran out, on GPU and CPU, into `BatchTooLargeError`."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _says_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise BatchTooLargeError(" ".join(str(error).split())[:200]) from None


def _says_out_of_memory(error: RuntimeError) -> bool:
    import torch

    return isinstance(error, torch.OutOfMemoryError) or _OUT_OF_MEMORY.search(str(error)) is not None


def _one_behind(items: Iterable[_T]) -> Iterator[_T]:
    """Hand each item on after the next was made: a GPU then computes one pack while the one before is read."""
    before: list[_T] = []
    for item in items:
        yield from before
        before = [item]
    yield from before


def _apart(one: Pack, logprobs: NDArray[np.float32], ranks: NDArray[np.int32]) -> list[TokenScores]:
    """The scores of each sequence of a pack."""
    whole = TokenScores(np.full(len(one.ids), np.nan, np.float32), np.zeros(len(one.ids), np.int32))
    whole.logprobs[one.scored], whole.ranks[one.scored] = logprobs, ranks
    cuts = one.bounds[1:-1]
    each = zip(np.split(whole.logprobs, cuts), np.split(whole.ranks, cuts), strict=True)
    return [TokenScores(*columns) for columns in each]
