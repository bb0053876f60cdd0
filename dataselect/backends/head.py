"""From hidden states to log-probabilities of given tokens, without ever holding the logits of a batch.

The vocabulary is walked in tiles. Each tile's logits are made, reduced to the logarithm of their sum of exponentials
and to a count of those at or above the target's, and forgotten: a batch of 16,384 tokens over a vocabulary of 150,000
would need 10 GB of float32 logits, a tile needs megabytes that stay in a CPU's cache. The target's own logit is made
first, as a dot product, and takes its place in its tile, so that rank and probability speak of the same number.

Logits are made in the model's dtype, as the model itself would make them; everything after that is float32. Models
that transform their logits (a soft cap, a scale) do it here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from dataselect.backends.prepacked import Linear, prepacked
from dataselect.errors import DataselectError

_ROWS, _TILE = 1024, 1024
"""Positions and vocabulary entries at once on a CPU: 4 MB of logits (measured: benchmarks/LOG.md)."""

_GPU_LOGITS = 2**27
"""Logits at once on a GPU, where the whole vocabulary is one tile: 512 MB in float32."""


class VocabularyHead:
    """Projects hidden states of one model to its vocabulary.

    Args:
        model: A transformers causal language model in evaluation mode.

    Raises:
        DataselectError: If the model has no head.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        projection = model.get_output_embeddings()
        if projection is None:
            raise DataselectError("this model has no vocabulary head, so it is no causal language model")
        self._weight, self._bias = projection.weight.detach(), getattr(projection, "bias", None)
        config = model.config.get_text_config()
        self._cap = getattr(config, "final_logit_softcapping", None)
        self._factor = (getattr(config, "logit_scale", None) or 1.0) / (getattr(config, "logits_scaling", None) or 1.0)
        size = len(self._weight)
        on_cpu = self._weight.device.type == "cpu"
        self._rows = _ROWS if on_cpu else max(1, _GPU_LOGITS // size)
        self._tiles = list(self._cut(_TILE if on_cpu else size))

    def _cut(self, size: int) -> Iterator[tuple[int, Linear]]:
        """First vocabulary entry and projection of each tile."""
        from torch.nn.functional import linear

        for begin in range(0, len(self._weight), size):
            weight = self._weight[begin : begin + size]
            bias = None if self._bias is None else self._bias[begin : begin + size]
            yield begin, prepacked(weight, bias) or partial(linear, weight=weight, bias=bias)

    def logits(self, hidden: Any) -> Any:  # noqa: ANN401
        """(n, vocabulary) logits of (n, width) hidden states, all at once: for a handful of positions."""
        import torch

        hidden = hidden.to(self._weight.dtype)
        return torch.cat([self._transform(project(hidden)) for _, project in self._tiles], dim=1)

    def score(self, hidden: Any, targets: Any, ranks: bool) -> tuple[Any, Any]:  # noqa: ANN401
        """Log-probabilities and ranks of the targets.

        Args:
            hidden: (n, width) hidden states, each of the position before its target.
            targets: (n,) token ids.
            ranks: Whether ranks are wanted; without them they are 0.

        Returns:
            (n,) float32 log-probabilities and (n,) int32 ranks, on the model's device.
        """
        import torch

        hidden = hidden.to(self._weight.dtype)  # some models keep float32 up to the head
        parts = [
            self._score_rows(hidden[begin : begin + self._rows], targets[begin : begin + self._rows], ranks)
            for begin in range(0, len(targets), self._rows)
        ]
        if not parts:
            return hidden.new_zeros(0, dtype=torch.float32), targets.new_zeros(0, dtype=torch.int32)
        logprobs, found = (torch.cat(column) for column in zip(*parts, strict=True))
        return logprobs, found.int()

    def _score_rows(self, hidden: Any, targets: Any, ranks: bool) -> tuple[Any, Any]:  # noqa: ANN401
        import torch

        chosen = self._chosen(hidden, targets)
        sums, above = [], torch.zeros_like(chosen)
        for begin, project in self._tiles:
            logits = self._transform(project(hidden)).float()
            _put(logits, chosen, targets - begin)
            normalised = logits.log_softmax(1)
            sums.append(logits.amax(1) - normalised.amax(1).nan_to_num(nan=0.0))  # nan: all of the tile is -inf
            if ranks:
                above += torch.ge(logits, chosen[:, None], out=normalised).sum(1)
        return chosen - torch.stack(sums).logsumexp(0), above

    def _chosen(self, hidden: Any, targets: Any) -> Any:  # noqa: ANN401
        """(n,) float32 logits of the targets."""
        products = (hidden.float() * self._weight[targets].float()).sum(1)
        if self._bias is not None:
            products += self._bias[targets].float()
        return self._transform(products.to(hidden.dtype)).float()

    def _transform(self, logits: Any) -> Any:  # noqa: ANN401
        import torch

        if self._factor != 1.0:
            logits = logits * self._factor
        return logits if self._cap is None else torch.tanh(logits / self._cap) * self._cap


def _put(logits: Any, chosen: Any, columns: Any) -> None:  # noqa: ANN401
    """Write each row's chosen logit into its column, in the rows whose column is in this tile."""
    import torch

    at = columns.clamp(0, logits.shape[1] - 1)[:, None]
    inside = (at[:, 0] == columns)[:, None]
    logits.scatter_(1, at, torch.where(inside, chosen[:, None], logits.gather(1, at)))
