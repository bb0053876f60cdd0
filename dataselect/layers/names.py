"""What a tensor's name says: its layer, its place in the layer, and which name of another file means the same tensor.

A name such as `model.layers.7.mlp.up_proj.weight` is a stack (`model.layers`), a layer (7) and a module
(`mlp.up_proj.weight`). Of several stacks (a vision tower beside a language model) the one with the most weights is the
model's; the others stand outside the layers.

    position of layer l of L   l / (L - 1), 0 for the first and 1 for the last; 0 where there is only one

so that models of different depth share one axis.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_IN_LAYER = re.compile(r"(?P<stack>(?:.*?\.)?(?:layers|h|blocks|block|layer))\.(?P<layer>\d+)\.(?P<module>.+)")
_WRAPPERS = ("base_model.model.", "model.", "transformer.")
_OUTPUT = ("lm_head.weight", "embed_out.weight", "output.weight")
_INPUT = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor stands: `layer` is None outside the layers, and `module` then the whole name."""

    layer: int | None
    module: str


def bare(name: str) -> str:
    """The name without the wrappers that one file may have around the model and another not."""
    while wrapper := next((one for one in _WRAPPERS if name.startswith(one)), None):
        name = name[len(wrapper) :]
    return name


def same_names(wanted: Iterable[str], there: Iterable[str]) -> dict[str, str]:
    """For every wanted name the one that means the same tensor there; absent if there is none, or more than one."""
    exact = set(there)
    by_bare: dict[str, list[str]] = {}
    for name in exact:
        by_bare.setdefault(bare(name), []).append(name)
    found = {}
    for name in wanted:
        candidates = [name] if name in exact else by_bare.get(bare(name), [])
        if len(candidates) == 1:
            found[name] = candidates[0]
    return found


def is_output_embedding(name: str) -> bool:
    """Whether a tensor is the output embedding, which a model may tie to its input embedding."""
    return name.endswith(_OUTPUT)


def input_embedding(names: Iterable[str]) -> str | None:
    """The name of the input embedding, if one is known as such."""
    return next((name for name in names if name.endswith(_INPUT)), None)


def places(sizes: Mapping[str, int]) -> dict[str, Place]:
    """Where every tensor stands.

    Args:
        sizes: Name -> number of weights.
    """
    matches = {name: _IN_LAYER.fullmatch(name) for name in sizes}
    stacks: Counter[str] = Counter()
    for name, match in matches.items():
        if match:
            stacks[match["stack"]] += sizes[name]
    main = stacks.most_common(1)[0][0] if stacks else ""
    return {
        name: Place(int(match["layer"]), match["module"]) if match and match["stack"] == main else Place(None, name)
        for name, match in matches.items()
    }


def position(layer: int, layers: int) -> float:
    """Relative depth of a layer, 0 to 1."""
    return layer / (layers - 1) if layers > 1 else 0.0
