"""Vocabulary heads: from hidden states to log-probabilities of given tokens, without the logits of a whole batch.

`VocabularyHead` walks the vocabulary in tiles. Each tile's logits are made, reduced to the logarithm of their sum of
exponentials and to a count of those at or above the target's, and dropped: a batch of 16,384 tokens over a vocabulary
of 150,000 would need 10 GB of float32 logits, a tile needs megabytes that stay in a CPU's cache; each core has tiles of
its own. The target's own logit is made first, as a dot product, and takes its place in its tile, so that rank and
probability speak of the same number. Logits are made in the model's dtype, as the model itself would make them;
everything after that is float32. Models that transform their logits (a soft cap, a scale) do it here too.

`OwnHead` serves models whose head is of another kind (another layer in front, a cap by another name): the model runs as
a whole and its logits are held for all positions of a sequence at once, 4 bytes times the vocabulary for each token. It
is asked for one sequence at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from dataselect.backends.cpu import Linear, prepacked, side_by_side
from dataselect.errors import DataselectError

_ROWS, _TILE = 512, 512
"""Positions and vocabulary entries at once on a CPU: 1 MB of logits (measured: benchmarks/LOG.md)."""

_WHOLE_ROWS = 256
"""Positions of whole logits that are normalised at once."""

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
        """Yield the first vocabulary entry and the projection of each tile."""
        from torch.nn.functional import linear

        for begin in range(0, len(self._weight), size):
            weight = self._weight[begin : begin + size]
            bias = None if self._bias is None else self._bias[begin : begin + size]
            yield begin, prepacked(weight, bias) or partial(linear, weight=weight, bias=bias)

    def logits(self, hidden: Any) -> Any:  # noqa: ANN401
        """Return (n, vocabulary) logits of (n, width) hidden states, all at once: for a handful of positions."""
        import torch

        hidden = hidden.to(self._weight.dtype)
        return torch.cat([self._transform(project(hidden)) for _, project in self._tiles], dim=1)

    def score(self, hidden: Any, targets: Any, ranks: bool) -> tuple[Any, Any]:  # noqa: ANN401
        """Compute log-probabilities and ranks of the targets.

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

        # small results of each tile that outlived it would lie between the large ones and tear the heap
        sums, above = torch.zeros((2, len(self._tiles), len(targets)), device=hidden.device)

        def reduce(number: int) -> None:
            """Keep the logarithm of a tile's sum of exponentials, and how many of it are at or above the target's."""
            begin, project = self._tiles[number]
            logits = self._transform(project(hidden)).float()
            _put(logits, chosen, targets - begin)
            normalised = logits.log_softmax(1)
            # nan: all of the tile is -inf
            torch.sub(logits.amax(1), normalised.amax(1).nan_to_num(nan=0.0), out=sums[number])
            if ranks:
                torch.sum(torch.ge(logits, chosen[:, None], out=normalised), 1, out=above[number])

        for _ in side_by_side(reduce, range(len(self._tiles)), len(self._tiles)):
            pass
        return chosen - sums.logsumexp(0), above.sum(0)

    def _chosen(self, hidden: Any, targets: Any) -> Any:  # noqa: ANN401
        """Return the (n,) float32 logits of the targets."""
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


class OwnHead:
    """Takes the place of `VocabularyHead`; its hidden states are the logits themselves."""

    def logits(self, hidden: Any) -> Any:  # noqa: ANN401
        """Return the (n, vocabulary) logits unchanged."""
        return hidden

    def score(self, hidden: Any, targets: Any, ranks: bool) -> tuple[Any, Any]:  # noqa: ANN401
        """Compute log-probabilities and ranks of the targets; see `VocabularyHead.score`.

        Args:
            hidden: (n, vocabulary) logits, each of the position before its target.
            targets: (n,) token ids.
            ranks: Whether ranks are wanted; without them they are 0.
        """
        import torch

        logprobs, above = hidden.new_empty(len(targets), dtype=torch.float32), torch.zeros_like(targets)
        for begin in range(0, len(targets), _WHOLE_ROWS):
            rows = slice(begin, begin + _WHOLE_ROWS)
            logits = hidden[rows].float()
            chosen = logits.gather(1, targets[rows, None])
            logprobs[rows] = chosen[:, 0] - logits.logsumexp(1)
            if ranks:
                above[rows] = (logits >= chosen).sum(1)
        return logprobs, above.int()
