"""The request of a ranking, and its plan: the scoring runs, the fingerprint, and the checks before it starts.

Names of one and the same model are found here, so that its agreement with itself is not counted as evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.embeddings import load_encoder
from dataselect.embeddings.texts import EmbedText
from dataselect.errors import UsageError
from dataselect.pool import ColumnMap, PoolReader, RenderOptions
from dataselect.pool_ranking.bootstrap import RESAMPLES
from dataselect.scoring import ScoreRequest
from dataselect.scoring.request import ScorePlan
from dataselect.selection.contamination import EvaluationWords, read_evaluation_texts
from dataselect.stage import IF_DIFFERENT, Overwrite

NGRAM = 13
"""A row that has as many words in a row in common with a target example is left out."""


@dataclass(frozen=True, slots=True)
class RankRequest:
    """Pools to rank, the models to rank them by, and the target.

    Attributes:
        pools: Pool files, folders or hub ids, each a pool of its own.
        models: (name, model) of each model; the order by the first one is printed first.
        out: The stage directory.
        targets: Files of the target set, pooled into one set.
        encoder: The encoder for similarity to the target; needed with targets.
        top_k: Nearest targets that a row's similarity averages over.
        embed_text: Which part of an example is embedded.
        limit: Most records read from each pool, the first ones; None for all.
        sample_seed: Draw the records of the limit by chance instead; None for the first ones.
        seed: Of the bootstrap.
        cache: Whether rows that were scored before are taken from the score cache.
    """

    pools: tuple[str, ...]
    models: tuple[tuple[str, str], ...]
    out: Path
    targets: tuple[str, ...] = ()
    encoder: str = "minilm"
    top_k: int = 10
    embed_text: EmbedText = "prompt"
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    backend: str = "auto"
    dtype: str = "auto"
    batch_tokens: int | None = None
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    sample_seed: int | None = None
    seed: int = 0
    cache: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        checked(self)
        names = [name for name, _ in self.models]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names:
            raise UsageError("no model was given", "add --model M")
        if twice:
            raise UsageError(f"two models are called {twice[0]}", "name them: --model NAME=MODEL")
        if "-" in (*self.pools, *self.targets):
            raise UsageError(
                "rank reads every pool more than once, so - is not possible", "write the pool to a file first"
            )
        if self.backend == "server":
            raise UsageError("rank scores with transformers or vllm, not with a server", "leave --backend out")
        if self.seed < 0:
            raise UsageError(f"a seed is a whole number from 0, got {self.seed}")

    @property
    def inner_overwrite(self) -> Overwrite:
        """When existing scores and embeddings are made again: where they are different or damaged."""
        return IF_DIFFERENT if self.overwrite else False


class RankPlan:
    """A checked ranking.

    Raises:
        UsageError: If a target is also a pool, or an option is wrong.
        DataselectError: If a pool, model, target or encoder cannot be used.

    Attributes:
        fingerprint: Everything that the results depend on.
        same: Name of a model that is the same as an earlier one -> the earlier name.
        words: The words of the target set; None without one.
    """

    def __init__(self, request: RankRequest) -> None:
        self.request = request
        texts = read_evaluation_texts(request.targets, request.columns)
        self.words = EvaluationWords(texts.items, NGRAM) if request.targets else None
        self.targets = texts.inputs
        scoring = ScorePlan(self.all_scoring)
        self.request = replace(request, rendering=scoring.request.rendering)
        self.inputs = scoring.reader.inputs
        _refuse_pool_as_target(self.inputs, self.targets)
        names = [name for name, _ in request.models]
        self.same = _repeated_models(names, [model.digest for model in scoring.models])
        self.fingerprint = {
            **scoring.fingerprint, "prefix_ids": request.prefix_ids, "names": names,
            "target": self._target() if request.targets else None,
            "bootstrap": {"seed": request.seed, "resamples": RESAMPLES},
        }  # fmt: skip

    @property
    def all_scoring(self) -> ScoreRequest:
        """All scoring runs as one, which is checked and estimated."""
        (_, first), *further = self.request.models
        numbered = tuple((f"model-{number}", model) for number, (_, model) in enumerate(further, start=2))
        return self.scoring(first, self.request.out, numbered)

    def scoring(self, model: str, out: Path, references: tuple[tuple[str, str], ...] = ()) -> ScoreRequest:
        """Return the request that scores all pools with one model."""
        asked = self.request
        return ScoreRequest(
            pools=asked.pools, model=model, out=out, references=references, backend=asked.backend,
            rendering=asked.rendering, columns=asked.columns, prefix_ids=True, dtype=asked.dtype,
            batch_tokens=asked.batch_tokens, engine_args=asked.engine_args, limit=asked.limit,
            sample_seed=asked.sample_seed, cache=asked.cache, overwrite=asked.inner_overwrite,
        )  # fmt: skip

    def reader(self) -> PoolReader:
        """Read all pools, with their names in the ids, since ids of different pools may clash."""
        asked = self.request
        return PoolReader(asked.pools, asked.columns, True, asked.limit, asked.sample_seed)

    def _target(self) -> dict[str, Any]:
        return {
            "inputs": self.targets,
            "encoder": load_encoder(self.request.encoder).settings(),
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


def _repeated_models(names: list[str], digests: list[str]) -> dict[str, str]:
    firsts = {digest: name for name, digest in reversed(list(zip(names, digests, strict=True)))}
    return {name: firsts[digest] for name, digest in zip(names, digests, strict=True) if firsts[digest] != name}
