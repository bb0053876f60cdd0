"""A causal language model, run over packs of sequences if loading it has shown that packs change nothing.

Packs need a model that hands everything attention depends on to an exchangeable attention function, and that takes
positions from outside. Transformers marks such models; the mark is verified when one is loaded: attention over packs
must equal the model's own in every kind of layer, and three short sequences in one pack must get the logits that the
unchanged model gives to each alone (`pack_probes`), both in the dtype that is asked for. A model that is not marked or
fails (recurrent and linear-attention layers, ALiBi, positions counted inside) stays unchanged, or is loaded again where
the trial has changed it, and runs one sequence at a time; only the head takes the sequences of a pack together, since
its tiles pay off from some hundred positions on; `alone` has the reason. Where even then the head cannot be reproduced,
the model's own logits are used whole (`heads.OwnHead`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends.attention import NAME, Bounds, register
from dataselect.backends.cpu import prepack_layers
from dataselect.backends.heads import OwnHead, VocabularyHead
from dataselect.backends.memory import release_memory
from dataselect.backends.pack_probes import EXACT, OwnLogits, compare_attention, probes
from dataselect.backends.packing import Pack, pack
from dataselect.backends.pretrained import body, load_pretrained
from dataselect.errors import DataselectError
from dataselect.escaping import one_line
from dataselect.library_errors import is_out_of_memory


@dataclass(frozen=True, slots=True)
class Decoder:
    """A model without its head, and the head.

    Attributes:
        alone: The reason why it takes one sequence at a time; None if it takes packs of several.
        apart: Sequences of more tokens than this share no pack with shorter ones; None if all may.
    """

    model: Any
    head: VocabularyHead | OwnHead
    alone: str | None
    apart: int | None

    @property
    def side_by_side(self) -> bool:
        """Whether several packs may be computed at a time: on a CPU, if none changes the state of another."""
        return self.packs and self.model.device.type == "cpu" and not _rope_types(self.model) & {"longrope", "dynamic"}

    @property
    def packs(self) -> bool:
        """Whether a pack may hold several sequences."""
        return self.alone is None

    @property
    def own_logits(self) -> bool:
        """Whether the model's logits are held whole, which needs one sequence at a time."""
        return isinstance(self.head, OwnHead)

    def hidden(self, one: Pack) -> Any:  # noqa: ANN401
        """Return the (n_tokens, width) input of `head`, on the model's device; without packs, sequence by sequence."""
        import torch

        ids = self.moved(one.ids)[None]
        places = tuple(zip(one.bounds[:-1].tolist(), one.bounds[1:].tolist(), strict=True))
        if not self.packs:
            return torch.cat([self._alone(ids[:, begin:end]) for begin, end in places])
        bounds = Bounds(places, self.moved(one.bounds))
        positions = self.moved(one.positions)[None]
        packed = body(self.model)(input_ids=ids, position_ids=positions, use_cache=False, bounds=bounds)
        return packed.last_hidden_state[0]

    def _alone(self, ids: Any) -> Any:  # noqa: ANN401
        """Return the (n_tokens, width) input of `head` of one sequence."""
        if self.own_logits:
            return self.model(input_ids=ids, use_cache=False).logits[0]
        return body(self.model)(input_ids=ids, use_cache=False).last_hidden_state[0]

    def moved(self, array: np.ndarray[Any, Any]) -> Any:  # noqa: ANN401
        """Return the array as a tensor on the model's device; a GPU copies it without waiting for its computation."""
        import torch

        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to("cuda", non_blocking=True) if self.model.device.type == "cuda" else tensor


def load_decoder(folder: Path, dtype: str, device: str) -> Decoder:
    """Load a model for the fastest way to run it.

    Raises:
        DataselectError: If it cannot be loaded, cannot be run on text alone, or is no causal language model.
    """
    model = _load(folder, dtype, device)
    with _run_on_text():
        sees_ahead = _sees_ahead(model)
    if sees_ahead:
        raise DataselectError(
            "the tokens of this model see those that follow: it has no perplexity", "give a causal language model"
        )
    apart = _threshold(model)
    if not (getattr(model, "_supports_flash_attn", False) and getattr(model, "_supports_attention_backend", False)):
        return _unpacked(model, apart, "transformers does not let its attention be exchanged")
    found = _packed(model, apart)
    if isinstance(found, Decoder):
        return found
    del model  # what was tried on it cannot be undone; two copies may be more than fits
    release_memory()
    return _unpacked(_load(folder, dtype, device), apart, found)


def _unpacked(model: Any, apart: int | None, why: str) -> Decoder:  # noqa: ANN401
    """Return the unchanged model, for one sequence at a time."""
    decoder = Decoder(model, VocabularyHead(model), alone=why, apart=apart)
    if OwnLogits.of(model).fault(_logits(decoder)):
        return Decoder(model, OwnHead(), alone="its vocabulary head is of a kind of its own", apart=apart)
    return decoder


@contextmanager
def _run_on_text() -> Iterator[None]:
    """Raise the errors of a model that needs more than token ids (images, another model's states) as one line."""
    try:
        yield
    except (TypeError, AttributeError, KeyError, IndexError, ValueError, AssertionError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise DataselectError(
            f"this model cannot be run on text alone: {one_line(error)}", "give a causal language model"
        ) from error


def _packed(model: Any, apart: int | None) -> Decoder | str:  # noqa: ANN401
    """Return the model prepared for packs, or the reason why it cannot run so, or not with the same numbers."""
    register()
    try:
        attention = compare_attention(model, apart)
        if attention.fault:
            return attention.fault
        if attention.plain:
            model.set_attn_implementation(EXACT)
        own = OwnLogits.of(model)
        model.set_attn_implementation(NAME)
        decoder = Decoder(model, VocabularyHead(model), alone=None, apart=apart)
        prepack_layers(body(model))
        return own.fault(_logits(decoder)) or decoder
    except (TypeError, AttributeError, KeyError, IndexError, ValueError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        return one_line(error)


def _logits(decoder: Decoder) -> list[Any]:
    """Return the logits of each probe, computed in one pack."""
    import torch

    asked = probes(decoder.model)
    with torch.inference_mode():
        logits = decoder.head.logits(decoder.hidden(pack(asked))).float()
    return list(logits.split([len(one.ids) for one in asked]))


def _sees_ahead(model: Any) -> bool:  # noqa: ANN401
    """Return whether the logits of the first tokens depend on what follows them, as those of an encoder do."""
    import torch

    ids = torch.tensor(probes(model)[1].ids.tolist(), device=model.device)[None]
    half = ids.shape[1] // 2
    with torch.inference_mode():
        alone, followed = (
            model(input_ids=one, use_cache=False).logits[0, :half].float() for one in (ids[:, :half], ids)
        )
    return not torch.allclose(alone, followed, rtol=5e-2, atol=5e-2 * float(alone.std()))


def _rope_types(model: Any) -> set[str]:  # noqa: ANN401
    """Return the types of its rotary frequencies; some change with the longest sequence seen last."""
    return {one["rope_type"] for one in _rotary(model) if "rope_type" in one}


def _rotary(model: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return the settings of its rotary frequencies, for each kind of layer."""
    settings = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    return [settings, *(one for one in settings.values() if isinstance(one, dict))]


def _threshold(model: Any) -> int | None:  # noqa: ANN401
    """Return the length over which LongRoPE changes the frequencies of a whole pack; None for all other models."""
    longrope = (one for one in _rotary(model) if one.get("rope_type") == "longrope")
    limits = [one["original_max_position_embeddings"] for one in longrope]
    return min(limits, default=None)


def _load(folder: Path, dtype: str, device: str) -> Any:  # noqa: ANN401
    import torch

    return load_pretrained(folder, getattr(torch, dtype)).eval().to(device)
