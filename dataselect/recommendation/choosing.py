"""Selections of candidates: from the sample for the search, from all clean rows for the final.

What a candidate reads decides what is made: most need nothing but the counted tokens; the sample is scored and embedded
once for all candidates that need it. Of the whole pools only those of the winner are scored or embedded, and only if
its rule reads that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from dataselect.embeddings import EmbedRequest, embed
from dataselect.recommendation.candidates import CONTROL, Candidate, select_request
from dataselect.recommendation.cleaning import CleanPools
from dataselect.recommendation.lengths import PoolLengths, count_tokens
from dataselect.recommendation.plan import SearchPlan
from dataselect.recommendation.preparing import Prepared
from dataselect.recommendation.targets import write_targets
from dataselect.scoring import ScoreRequest, score
from dataselect.selection import is_selected, select
from dataselect.stage import IF_DIFFERENT, StageDirectory

_FILES = (".jsonl", ".ranking.parquet", ".manifest.json")
SCORES = 4
"""Cost of a candidate from which on its rule reads scores."""


@dataclass(frozen=True, slots=True)
class RowTables:
    """Pools with what was computed about their rows.

    Attributes:
        scores: A table with at least the tokens of each row.
        embeddings: None where no candidate needs them.
        tokens: Name of the pool -> tokens that can be chosen from.
        part: Most rows of each pool that have scores; None for all.
    """

    pools: CleanPools
    scores: Path
    embeddings: Path | None
    tokens: dict[str, int]
    part: int | None = None

    def tokens_of(self, candidate: Candidate) -> int:
        """Tokens of the pools of a candidate."""
        return sum(self.tokens[name] for name in candidate.pools)


@dataclass(frozen=True, slots=True)
class Chooser:
    """Makes selections into `selections/`.

    Attributes:
        candidates: Those of the plan, by name.
        sample: Tables of the search.
    """

    prepared: Prepared
    stage: StageDirectory
    candidates: dict[str, Candidate]
    sample: RowTables
    targets: tuple[str, ...]

    @classmethod
    def of(cls, prepared: Prepared, plan: SearchPlan, stage: StageDirectory, say: Callable[[str], None]) -> Chooser:
        """Draw the sample, and score and embed it as far as the candidates of a plan need it."""
        found = {one.name: one for one in prepared.candidates if one.name in plan.candidates}
        pools = prepared.pools.sample(plan.sample_rows, stage)
        lengths = count_tokens(pools, prepared.request.model, prepared.request.rendering, stage, "sample-")
        targets = write_targets(prepared.halves, stage, pools.columns)
        sample = _tables(prepared, found.values(), pools, lengths, targets, stage, ("scores", "embeddings"), say)
        return cls(prepared, stage, found, sample, targets)

    @property
    def control(self) -> Candidate:
        """Random rows of all pools."""
        return self.candidates[CONTROL]

    def whole(self, candidate: Candidate, say: Callable[[str], None], limit: int | None = None) -> RowTables:
        """The tables for choosing a candidate's rows among all clean ones.

        Args:
            limit: Most rows of each pool that are scored or embedded, a random part; None for all.
        """
        if all(self.sample.pools.rows[name] == self.prepared.pools.rows[name] for name in candidate.pools):
            return self.sample  # which is the whole
        prepared, places = self.prepared, ("whole/scores", "whole/embeddings")
        return _tables(
            prepared, [candidate], _only(prepared.pools, candidate), prepared.lengths, self.targets, self.stage, places,
            say, limit,
        )  # fmt: skip

    def choose(self, candidate: Candidate, tables: RowTables, tokens: int, seed: int, name: str) -> Path:
        """Select at most so many tokens of a candidate's rows into `selections/NAME.jsonl`, best first.

        Raises:
            DataselectError: If nothing can be selected.
        """
        self.stage.claim(*(f"selections/{name}{suffix}" for suffix in _FILES))
        out = self.stage.path / "selections" / f"{name}.jsonl"
        out.parent.mkdir(exist_ok=True)
        self._select(candidate, tables, tokens, seed, out)
        return out

    def recommend(self, candidate: Candidate, tables: RowTables, tokens: int, seed: int) -> Path:
        """Select into `recommended.jsonl`."""
        self.stage.claim(*(f"recommended{suffix}" for suffix in _FILES))
        out = self.stage.path / "recommended.jsonl"
        self._select(candidate, tables, tokens, seed, out)
        return out

    def _select(self, candidate: Candidate, tables: RowTables, tokens: int, seed: int, out: Path) -> None:
        budget = min(tokens, tables.tokens_of(candidate))
        request = select_request(
            candidate, tables.pools, tables.scores, tables.embeddings, budget, seed, out, self.targets
        )
        if not is_selected(request):
            select(request, self.stage.scratch)


def _only(pools: CleanPools, candidate: Candidate) -> CleanPools:
    names = candidate.pools
    return replace(
        pools, files={name: pools.files[name] for name in names}, rows={name: pools.rows[name] for name in names}
    )


def _tables(
    prepared: Prepared, candidates: Iterable[Candidate], pools: CleanPools, lengths: PoolLengths,
    targets: tuple[str, ...], stage: StageDirectory, places: tuple[str, str], say: Callable[[str], None],
    limit: int | None = None,
) -> RowTables:  # fmt: skip
    """Score and embed pools as far as candidates read it."""
    wanted = list(candidates)
    request, files = prepared.request, tuple(str(file) for file in pools.files.values())
    scores, embeddings = lengths.table, None
    if any(one.cost >= SCORES for one in wanted):
        scores = stage.path / places[0]
        stage.inner(places[0])
        say(f"score {_rows(pools, limit)} rows with {request.model}")
        score(
            ScoreRequest(
                pools=files, model=request.model, out=scores, rendering=request.rendering, columns=pools.columns,
                ifd=any(one.wants_ifd for one in wanted), limit=limit, overwrite=IF_DIFFERENT,
            ),
            warn=lambda line: say(f"warning: {line}"),
        )  # fmt: skip
    if any(one.wants_embeddings for one in wanted):
        embeddings = stage.path / places[1]
        stage.inner(places[1])
        say(f"embed {_rows(pools, limit)} rows with {request.encoder}")
        embed(
            EmbedRequest(
                pools=files, encoder=request.encoder, out=embeddings, targets=targets, columns=pools.columns,
                limit=limit, overwrite=IF_DIFFERENT,
            )
        )  # fmt: skip
    return RowTables(pools, scores, embeddings, dict(lengths.tokens), limit)


def _rows(pools: CleanPools, limit: int | None) -> str:
    return f"{sum(min(rows, limit or rows) for rows in pools.rows.values()):,}"
