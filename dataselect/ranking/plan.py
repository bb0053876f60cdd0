"""What a ranking will do, known before it starts: its fingerprint, and faults in what it was given.

Names that stand for one and the same model are found here, so that its agreement with itself is not taken for evidence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataselect.embeddings import load_encoder
from dataselect.embeddings.tfidf import require_one_space
from dataselect.errors import UsageError
from dataselect.ranking.bootstrap import RESAMPLES
from dataselect.ranking.pool_rows import NGRAM
from dataselect.ranking.request import RankRequest
from dataselect.scoring import ScoreRequest
from dataselect.scoring.plan import ScorePlan
from dataselect.selection.contamination import EvaluationWords
from dataselect.selection.evaluation_texts import read_evaluation_texts


class RankPlan:
    """A checked ranking.

    Raises:
        UsageError: If a target is also a pool, or an option is wrong.
        DataselectError: If a pool, model, target or encoder cannot be used.

    Attributes:
        fingerprint: Everything that the results depend on.
        same: Names of models that are one given before, with the name of that one.
        words: The words of the target set; None without one.
    """

    def __init__(self, request: RankRequest) -> None:
        self.request = request
        texts = read_evaluation_texts(request.targets, request.columns)
        self.words = EvaluationWords(texts.items, NGRAM) if request.targets else None
        self.targets = texts.inputs
        (_, first), *further = request.models
        scoring = ScorePlan(self._scoring(request.pools, first, request.out, tuple(further)))
        self.inputs = scoring.reader.inputs
        _refuse_pool_as_target(self.inputs, self.targets)
        names = [name for name, _ in request.models]
        self.same = _same(names, [model.digest for model in scoring.models])
        self.fingerprint = {
            **scoring.fingerprint, "names": names, "target": self._target() if request.targets else None,
            "bootstrap": {"seed": request.seed, "resamples": RESAMPLES},
        }  # fmt: skip

    def scoring(self, pool: str, model: str, out: Path) -> ScoreRequest:
        """The scoring run of one pool by one model."""
        return self._scoring((pool,), model, out)

    def _scoring(
        self, pools: tuple[str, ...], model: str, out: Path, references: tuple[tuple[str, str], ...] = ()
    ) -> ScoreRequest:
        asked = self.request
        return ScoreRequest(
            pools=pools, model=model, out=out, references=references, backend=asked.backend,
            rendering=asked.rendering, columns=asked.columns, prefix_ids=asked.prefix_ids, dtype=asked.dtype,
            batch_tokens=asked.batch_tokens, engine_args=asked.engine_args, limit=asked.limit, cache=asked.cache,
        )  # fmt: skip

    def _target(self) -> dict[str, Any]:
        encoder = load_encoder(self.request.encoder)
        require_one_space(encoder)
        return {
            "inputs": self.targets,
            "encoder": encoder.settings(),
            "top_k": self.request.top_k,
            "embed_text": self.request.embed_text,
            "ngram": NGRAM,
        }


def _refuse_pool_as_target(pools: list[dict[str, str]], targets: tuple[dict[str, Any], ...]) -> None:
    for target in targets:
        for pool in pools:
            if pool["sha256"] == target["sha256"]:
                raise UsageError(
                    f"the target {target['source']} is also the pool {pool['source']}",
                    "a pool cannot be compared with itself: leave it out of one of the two",
                )


def _same(names: list[str], digests: list[str]) -> dict[str, str]:
    firsts = {digest: name for name, digest in reversed(list(zip(names, digests, strict=True)))}
    return {name: firsts[digest] for name, digest in zip(names, digests, strict=True) if firsts[digest] != name}
