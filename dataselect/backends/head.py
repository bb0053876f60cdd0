"""From hidden states to log-probabilities of given tokens, in chunks, so that full logits never exist.

A batch of 16,384 tokens over a vocabulary of 150,000 would need 10 GB of float32 logits; a chunk needs tens of
megabytes. Logits are made in the model's dtype, as the model itself would make them; log-softmax is taken in float32.
Models that transform their logits (a soft cap, a scale) do it here too; a model whose own logits this cannot reproduce
on a probe is refused rather than scored wrongly.
"""

from __future__ import annotations

from typing import Any

from dataselect.errors import DataselectError

_CHUNK_ELEMENTS = {"cpu": 2**20, "cuda": 2**26}
"""Logits made at once: on a CPU as many as its cache holds (measured: benchmarks/LOG.md), on a GPU 256 MB."""


class VocabularyHead:
    """Projects hidden states of one model to its vocabulary.

    Args:
        model: A transformers causal language model in evaluation mode.

    Raises:
        DataselectError: If the model's own logits on a probe differ from the projection's.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        projection = model.get_output_embeddings()
        if projection is None:
            raise DataselectError("this model has no vocabulary head, so it is no causal language model")
        self._weight, self._bias = projection.weight, getattr(projection, "bias", None)
        config = model.config.get_text_config()
        self._cap = getattr(config, "final_logit_softcapping", None)
        self._factor = (getattr(config, "logit_scale", None) or 1.0) / (getattr(config, "logits_scaling", None) or 1.0)
        self._probe(model)

    def _logits(self, hidden: Any) -> Any:  # noqa: ANN401
        import torch

        logits = torch.nn.functional.linear(hidden, self._weight, self._bias)
        if self._factor != 1.0:
            logits = logits * self._factor
        return logits if self._cap is None else torch.tanh(logits / self._cap) * self._cap

    def _probe(self, model: Any) -> None:  # noqa: ANN401
        import torch

        ids = torch.arange(1, 9, device=model.device).remainder(self._weight.shape[0]).unsqueeze(0)
        with torch.inference_mode():
            own = model(input_ids=ids, use_cache=False).logits.float()
            ours = self._logits(model.base_model(input_ids=ids, use_cache=False).last_hidden_state).float()
        tolerance = 1e-3 if self._weight.dtype == torch.float32 else 5e-2
        if own.shape != ours.shape or float((own - ours).abs().max()) > tolerance * max(1.0, float(own.abs().max())):
            raise DataselectError(
                "this model makes its logits in a way that the transformers backend does not know",
                "use --backend vllm",
            )

    def score(self, hidden: Any, targets: Any, ranks: bool) -> tuple[Any, Any]:  # noqa: ANN401
        """Log-probabilities and ranks of the targets.

        Args:
            hidden: (n, width) hidden states, each of the position before its target.
            targets: (n,) token ids.
            ranks: Whether ranks are wanted; without them they are 0.

        Returns:
            (n,) float32 log-probabilities and (n,) int32 ranks, on the CPU.
        """
        import torch

        rows = max(1, _CHUNK_ELEMENTS[hidden.device.type] // self._weight.shape[0])
        logprobs = torch.empty(len(targets), dtype=torch.float32)
        found = torch.zeros(len(targets), dtype=torch.int32)
        for begin in range(0, len(targets), rows):
            end = min(begin + rows, len(targets))
            logits = self._logits(hidden[begin:end]).float()
            chosen = logits.gather(1, targets[begin:end, None])
            logprobs[begin:end] = (chosen[:, 0] - logits.logsumexp(dim=1)).cpu()
            if ranks:
                found[begin:end] = (logits >= chosen).sum(dim=1).cpu()
        return logprobs, found
