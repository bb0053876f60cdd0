"""Greedy decoding of many prompts with transformers' own `generate`, in batches padded on the left.

The packs that make scoring fast have no cache of keys and values, so for the time of the call the model's plain
attention is restored. A model that cannot take packs may count positions inside, or carry a state from token to token
that padding would change: it generates one answer at a time. Prompts share a batch only if the same number of tokens
may follow them, so that none runs beyond the model's positions while another one is still being continued.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.attention import NAME
from dataselect.backends.contract import Generated, TokenIds, cut
from dataselect.backends.decoder import Decoder

Batch = tuple[Sequence[int], int]
"""Indices of prompts, and the most tokens that each of them may get."""


def plan_batches(lengths: Sequence[int], rooms: Sequence[int], most_tokens: int) -> Iterator[Batch]:
    """Yield batches of prompts with the same room, the longest first.

    Args:
        lengths: Tokens of each prompt.
        rooms: Most tokens that may follow each.
        most_tokens: Most positions in one batch, padding and answers included; a batch has at least one prompt.
    """
    by_room: defaultdict[int, list[int]] = defaultdict(list)
    for index, room in enumerate(rooms):
        by_room[room].append(index)
    for room, members in sorted(by_room.items(), reverse=True):
        members.sort(key=lambda index: -lengths[index])
        begin = 0
        while begin < len(members):
            rows = max(1, most_tokens // (lengths[members[begin]] + room))
            yield members[begin : begin + rows], room
            begin += rows


def write_on(
    decoder: Decoder, prompts: Sequence[TokenIds], max_new_tokens: int, stop: Collection[int]
) -> list[Generated]:
    """Generate the answers to one batch of prompts."""
    import torch
    from transformers import GenerationConfig

    model = decoder.model
    ids, mask = _padded(prompts)
    model.generation_config = GenerationConfig()  # what the model's folder recommends is for sampling
    settings = GenerationConfig(
        do_sample=False, num_beams=1, max_new_tokens=max_new_tokens, eos_token_id=sorted(stop) or None, pad_token_id=0
    )
    with torch.inference_mode(), _plain_attention(decoder):
        whole = model.generate(
            input_ids=decoder.moved(ids), attention_mask=decoder.moved(mask), generation_config=settings
        )
    return [cut(row, stop) for row in whole[:, ids.shape[1] :].tolist()]


def _padded(prompts: Sequence[TokenIds]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (n, longest) ids padded on the left, and the mask that hides the padding."""
    width = max(len(prompt) for prompt in prompts)
    ids = np.zeros((len(prompts), width), np.int64)
    mask = np.zeros((len(prompts), width), np.int64)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = prompt
        mask[row, width - len(prompt) :] = 1
    return ids, mask


@contextmanager
def _plain_attention(decoder: Decoder) -> Iterator[Any]:
    """Give a model that runs packs its plain attention, and restore attention over packs afterwards."""
    if not decoder.packs:
        yield
        return
    decoder.model.set_attn_implementation("eager")
    try:
        yield
    finally:
        decoder.model.set_attn_implementation(NAME)
