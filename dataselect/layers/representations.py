"""Sentence representations per layer, and their intrinsic dimension before and after tuning.

A text's representation at a layer is the mean of its hidden states over all tokens but a leading BOS, of the text as it
is rendered for training. Index 0 is the embedding and index l the output of layer l (the last one after the final norm,
as transformers returns it); the position is index / layers. Both models read the same token ids, rendered with the
base's tokenizer. Texts with equal ids are read once. float32 on a CPU, bfloat16 on a GPU, means in float32. An adapter
is added to the base's weights in place, so one model is in memory at a time, and no remote code is ever run.

The intrinsic dimension is TwoNN, by two nearest neighbours (Facco et al. 2017, Scientific Reports 7:12140). For every
point, mu = r_2 / r_1, the ratio of the distances to its second and first neighbour. Where points lie evenly on a
manifold of dimension d, P(mu <= m) = 1 - m^(-d) whatever the density. With the mu sorted, F_i = i / n, the largest
tenth left out (these are where the density varies within a neighbourhood), d is the slope of a line through the origin:

    d = sum ln(mu_i) y_i / sum ln(mu_i)^2,      y_i = -ln(1 - F_i),  i = 1 ... floor(0.9 n)

Points that coincide are counted once: a distance of zero has no ratio. The interval comes from resampling the ratios.
With few points a high dimension is underestimated, for base and tuned model alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.backends.pretrained import load_pretrained
from dataselect.errors import DataselectError, PoolError
from dataselect.layers.checkpoints import CONFIG, Adapter
from dataselect.layers.pairs import same_names
from dataselect.pool import PoolReader, Renderer
from dataselect.records import Example, Rendered

_BATCH_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """A rendered text: its token ids, and the first of them that is averaged (1 after a BOS)."""

    ids: tuple[int, ...]
    begin: int


@dataclass(frozen=True, slots=True)
class LayerDimension:
    """The intrinsic dimension of the representations at one depth."""

    index: int
    position: float
    dimension: Dimension


def read_texts(reader: PoolReader, renderer: Renderer) -> list[TokenizedText]:
    """The distinct rendered texts of a pool that can be scored, in order.

    Raises:
        PoolError: If there is none.
    """
    examples = [record for record in reader if isinstance(record, Example)]
    rendered = [one for one in renderer.render(examples) if isinstance(one, Rendered) and one.scorable]
    bos = renderer.tokenizer.bos_token_id
    texts = list(dict.fromkeys(_text(one, bos) for one in rendered))
    if not texts:
        raise PoolError("no example of --pool can be rendered and scored", "dataselect show POOL prints what is read")
    return texts


def _text(rendered: Rendered, bos: int | None) -> TokenizedText:
    ids = tuple(rendered.token_ids.tolist())
    return TokenizedText(ids, int(len(ids) > 1 and ids[0] == bos))


def dimensions(base: Path, tuned: Path | None, texts: Sequence[TokenizedText], seed: int) -> list[LayerDimension]:
    """The intrinsic dimension at every depth of a model.

    Args:
        base: Folder of the base.
        tuned: Folder of a tuned model or an adapter; None for the base itself.

    Raises:
        DataselectError: If the model cannot be loaded or does not know a token.
    """
    model = _load(base, tuned)
    known = int(model.get_input_embeddings().weight.shape[0])
    largest = max(max(text.ids) for text in texts)
    if largest >= known:
        raise DataselectError(f"{tuned or base} has {known} tokens, but a text holds token id {largest}")
    pooled = _pooled(model, texts)
    last = len(pooled) - 1
    return [
        LayerDimension(index, index / last, twonn(vectors.astype(np.float64), seed))
        for index, vectors in enumerate(pooled)
    ]


def _load(base: Path, tuned: Path | None) -> Any:  # noqa: ANN401 - a transformers model
    import torch

    dtype = getattr(torch, resolve_dtype("auto", gpu=on_gpu()))
    if tuned is None or not (tuned / CONFIG).exists():
        model = load_pretrained(tuned or base, dtype)
    else:
        model = load_pretrained(base, dtype)
        _add_adapter(model, Adapter(tuned))
    return model.to("cuda" if on_gpu() else "cpu").eval()


def _add_adapter(model: Any, adapter: Adapter) -> None:  # noqa: ANN401
    import torch

    weights = dict(model.named_parameters(remove_duplicate=False))
    own = same_names([*adapter.matrices, *adapter.whole], weights)
    with torch.no_grad():
        for name, module in adapter.matrices.items():
            weight = weights.get(own.get(name, ""))
            change = None if weight is None else adapter.change(module, tuple(weight.shape))
            if weight is None or change is None:
                raise DataselectError(f"{adapter.folder} changes {name}, which the base does not have in that shape")
            weight += torch.from_numpy(change.left @ change.right).to(weight.dtype)
        for name, stored in adapter.whole.items():
            if name in own:
                weights[own[name]].copy_(torch.from_numpy(stored.part(0, 0, max((1, *stored.shape[:1])))))


def _pooled(model: Any, texts: Sequence[TokenizedText]) -> NDArray[np.float32]:  # noqa: ANN401
    """(depths, texts, hidden size) means."""
    import torch

    found: NDArray[np.float32] | None = None
    for batch in _batches(texts):
        ids, seen, own = (padded.to(model.device) for padded in _padded([texts[i] for i in batch]))
        with torch.inference_mode():
            read = model.base_model(input_ids=ids, attention_mask=seen, use_cache=False, output_hidden_states=True)
            weights = (own / own.sum(dim=1, keepdim=True))[:, :, None]
            means = np.stack([(states.float() * weights).sum(dim=1).cpu().numpy() for states in read.hidden_states])
        if found is None:
            found = np.empty((len(means), len(texts), means.shape[2]), np.float32)
        found[:, batch] = means
    assert found is not None, "read_texts returns at least one text"
    return found


def _padded(texts: Sequence[TokenizedText]) -> tuple[Any, Any, Any]:
    """(n, longest) token ids padded on the right, which of them are read, and which are averaged."""
    import torch

    ids, seen, own = (np.zeros((len(texts), max(len(text.ids) for text in texts)), np.int64) for _ in range(3))
    for row, text in enumerate(texts):
        ids[row, : len(text.ids)] = text.ids
        seen[row, : len(text.ids)] = 1
        own[row, text.begin : len(text.ids)] = 1
    return torch.from_numpy(ids), torch.from_numpy(seen), torch.from_numpy(own)


def _batches(texts: Sequence[TokenizedText]) -> list[list[int]]:
    """Indices of texts of like length, of at most `_BATCH_TOKENS` tokens with padding."""
    batches: list[list[int]] = []
    for i in sorted(range(len(texts)), key=lambda i: (-len(texts[i].ids), i)):
        if batches and len(texts[batches[-1][0]].ids) * (len(batches[-1]) + 1) <= _BATCH_TOKENS:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


DISCARDED = 0.1
FEWEST_POINTS = 20
_RESAMPLES = 200
_CELLS = 2**22


@dataclass(frozen=True, slots=True)
class Dimension:
    """An intrinsic dimension.

    Attributes:
        value: None for too few distinct points, or ratios that do not vary.
        low, high: 95 % interval; None without a value.
        points: Distinct points.
        duplicates: Points left out because they coincide with another.
    """

    value: float | None
    low: float | None
    high: float | None
    points: int
    duplicates: int


def twonn(points: NDArray[np.float64], seed: int = 0, discarded: float = DISCARDED) -> Dimension:
    """Estimate the intrinsic dimension of (n, d) points.

    Args:
        seed: Of the interval.
        discarded: Share of the largest ratios that is left out, above 0 (the largest has F = 1 and no finite y).
    """
    distinct = np.unique(points, axis=0)
    duplicates = len(points) - len(distinct)
    if len(distinct) < FEWEST_POINTS:
        return Dimension(None, None, None, len(distinct), duplicates)
    logs = np.log(neighbour_ratios(distinct))
    value = slope(logs, discarded)
    if value is None:
        return Dimension(None, None, None, len(distinct), duplicates)
    rng = np.random.default_rng(seed)
    draws = [slope(logs[rng.integers(0, len(logs), len(logs))], discarded) for _ in range(_RESAMPLES)]
    low, high = np.quantile([draw for draw in draws if draw is not None], [0.025, 0.975])
    return Dimension(value, float(low), float(high), len(distinct), duplicates)


def slope(logs: NDArray[np.float64], discarded: float) -> float | None:
    """The dimension behind (n,) values of ln mu; None if all that are kept are 0."""
    n = len(logs)
    kept = int(n * (1 - discarded))
    x = np.sort(logs)[:kept]
    y = -np.log1p(-np.arange(1, kept + 1) / n)
    squares = float((x**2).sum())
    return float((x * y).sum()) / squares if squares > 0 else None


def neighbour_ratios(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) r_2 / r_1 of distinct (n, d) points, at least three.

    Neighbours are found from inner products of the centred points, and the distances to the four nearest are then taken
    from the differences themselves, since inner products lose the small ones.
    """
    points = points - points.mean(axis=0)
    norms = (points**2).sum(axis=1)
    n, nearest = len(points), min(4, len(points) - 1)
    ratios = np.empty(n)
    step = max(1, _CELLS // n)
    for begin in range(0, n, step):
        end = min(begin + step, n)
        squares = norms[begin:end, None] + norms - 2 * points[begin:end] @ points.T
        squares[np.arange(end - begin), np.arange(begin, end)] = np.inf
        near = np.argpartition(squares, nearest - 1, axis=1)[:, :nearest]
        distances = np.sort(np.linalg.norm(points[begin:end, None] - points[near], axis=2), axis=1)
        ratios[begin:end] = distances[:, 1] / distances[:, 0]
    return ratios
