"""A causal language model that is ready to be run over packs, after it has shown that packs change nothing.

Packs need a model that hands everything attention depends on to an exchangeable attention function, and that takes
positions from outside. Transformers marks such models; whether it is so is shown on a probe: three short sequences in
one pack must give the logits that the model as it came, with its plainest attention, gives to each alone. A model that
is not marked or fails (recurrent and linear-attention layers, ALiBi, positions counted inside) is loaded again as it
came and runs one sequence at a time, through the same code: a pack of one. A head that cannot be reproduced even then
is refused rather than scored wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends.contract import TokenSequence
from dataselect.backends.head import VocabularyHead
from dataselect.backends.packed_attention import NAME, Bounds, register
from dataselect.backends.packing import Pack, pack
from dataselect.backends.prepacked import prepack_layers
from dataselect.backends.pretrained import load_pretrained
from dataselect.errors import DataselectError

_PROBE = (5, 9, 4)
"""Lengths of the probe's sequences."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """A model without its head, and the head.

    Attributes:
        packs: Whether packs of several sequences may be given.
        apart: Sequences of more tokens than this share no pack with shorter ones; None if all may.
    """

    model: Any
    head: VocabularyHead
    packs: bool
    apart: int | None

    def hidden(self, one: Pack) -> Any:  # noqa: ANN401
        """(n_tokens, width) hidden states of a pack, on the model's device."""
        ids = self.moved(one.ids)[None]
        if not self.packs:
            return self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
        places = tuple(zip(one.bounds[:-1].tolist(), one.bounds[1:].tolist(), strict=True))
        bounds = Bounds(places, self.moved(one.bounds))
        positions = self.moved(one.positions)[None]
        body = self.model.base_model
        return body(input_ids=ids, position_ids=positions, use_cache=False, bounds=bounds).last_hidden_state[0]

    def moved(self, array: np.ndarray[Any, Any]) -> Any:  # noqa: ANN401
        """The array as a tensor on the model's device; a GPU fetches it without waiting for what it computes."""
        import torch

        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to("cuda", non_blocking=True) if self.model.device.type == "cuda" else tensor


def load_decoder(folder: Path, dtype: str, device: str) -> Decoder:
    """Load a model for the fastest way that it can be run.

    Raises:
        DataselectError: If it cannot be loaded, is no causal language model, or makes its logits in an unknown way.
    """
    model = _load(folder, dtype, device)
    if _sees_ahead(model):
        raise DataselectError(
            "the tokens of this model see those that follow: it has no perplexity", "give a causal language model"
        )
    apart = _threshold(model)
    if getattr(model, "_supports_flash_attn", False) and getattr(model, "_supports_attention_backend", False):
        if decoder := _packed(model, apart):
            return decoder
        model = _load(folder, dtype, device)
    decoder = Decoder(model, VocabularyHead(model), packs=False, apart=apart)
    if not _agrees(decoder, _own_logits(model)):
        raise DataselectError(
            "this model makes its logits in a way that the transformers backend does not know", "use --backend vllm"
        )
    return decoder


def _packed(model: Any, apart: int | None) -> Decoder | None:  # noqa: ANN401
    """The model with everything that makes packs fast, or None if it does not run so, or not to the same numbers."""
    register()
    try:
        model.set_attn_implementation("eager")
        expected = _own_logits(model)
        model.set_attn_implementation(NAME)
        decoder = Decoder(model, VocabularyHead(model), packs=True, apart=apart)
        prepack_layers(model.base_model)
        return decoder if _agrees(decoder, expected) else None
    except (TypeError, AttributeError, KeyError, ValueError, RuntimeError):
        return None


def _probes(vocabulary: int) -> list[TokenSequence]:
    numbers = np.arange(1, sum(_PROBE) + 1, dtype=np.int32) * 7 % vocabulary
    return [TokenSequence(one) for one in np.split(numbers, np.cumsum(_PROBE)[:-1])]


def _sees_ahead(model: Any) -> bool:  # noqa: ANN401
    """Whether the logits of the first tokens change with what follows them, as those of an encoder do."""
    import torch

    ids = torch.tensor(_probes(model.get_input_embeddings().weight.shape[0])[1].ids.tolist(), device=model.device)[None]
    half = ids.shape[1] // 2
    with torch.inference_mode():
        alone, followed = (
            model(input_ids=one, use_cache=False).logits[0, :half].float() for one in (ids[:, :half], ids)
        )
    return not torch.allclose(alone, followed, rtol=5e-2, atol=5e-2 * float(alone.std()))


def _own_logits(model: Any) -> Any:  # noqa: ANN401
    """(probe tokens, vocabulary) logits by the model's own forward pass, one sequence at a time."""
    import torch

    vocabulary = model.get_input_embeddings().weight.shape[0]
    with torch.inference_mode():
        each = [
            model(input_ids=torch.tensor(one.ids.tolist(), device=model.device)[None], use_cache=False).logits[0]
            for one in _probes(vocabulary)
        ]
        return torch.cat(each).float()


def _probe_logits(decoder: Decoder) -> Any:  # noqa: ANN401
    """The same by packs, or by packs of one where that is all the decoder takes."""
    import torch

    probes = _probes(decoder.model.get_input_embeddings().weight.shape[0])
    packs = [pack(probes)] if decoder.packs else [pack([one]) for one in probes]
    with torch.inference_mode():
        return torch.cat([decoder.head.logits(decoder.hidden(one)) for one in packs]).float()


def _agrees(decoder: Decoder, expected: Any) -> bool:  # noqa: ANN401
    """Whether the logits are those expected, up to rounding and to what is common to all entries of a position."""
    import torch

    found = _probe_logits(decoder)
    if found.shape != expected.shape:
        return False
    difference, size = ((x - x.mean(1, keepdim=True)).norm(dim=1) for x in (found - expected, expected))
    tolerance = 1e-3 if decoder.model.dtype == torch.float32 else 5e-2
    return bool((difference <= tolerance * size).all())


def _threshold(model: Any) -> int | None:  # noqa: ANN401
    """The length over which LongRoPE changes the frequencies of everything in a pack; None for all other models."""
    rotary = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    each = [rotary, *(one for one in rotary.values() if isinstance(one, dict))]
    limits = [one["original_max_position_embeddings"] for one in each if one.get("rope_type") == "longrope"]
    return min(limits, default=None)


def _load(folder: Path, dtype: str, device: str) -> Any:  # noqa: ANN401
    import torch

    return load_pretrained(folder, getattr(torch, dtype)).eval().to(device)
