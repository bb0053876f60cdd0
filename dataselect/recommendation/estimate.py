"""What a recommendation will take: models, tokens, minutes and disk, before anything is decided.

The pools are audited and cleaned in a temporary folder, one short training and one evaluation are timed, and a few rows
are scored. The plan is then the one that the run will make. A search may end earlier than planned, when it is decided.

Left out: embedding, which takes seconds for thousands of rows, and scoring all rows for the winner.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dataselect.library_errors import user_errors
from dataselect.recommendation.choosing import SCORES
from dataselect.recommendation.plan import SearchPlan, TrainingSpeed, seconds_of
from dataselect.recommendation.planning import inputs_of, measure_speed, plan_of
from dataselect.recommendation.preparing import Prepared, prepare
from dataselect.recommendation.request import RecommendRequest
from dataselect.recommendation.split import check_tasks
from dataselect.scoring import ScoreRequest
from dataselect.scoring.estimate import estimate
from dataselect.stage import StageDirectory


@dataclass(frozen=True, slots=True)
class RecommendEstimate:
    """What will be done.

    Attributes:
        speed: As measured.
        scored_tokens, scoring: Tokens of the sample that is scored, and seconds of that; 0 where no candidate needs it.
        preparing: Seconds of audit, cleaning and counting, as it just took.
        folder_bytes: Disk of what stays, without the models, which are removed one by one.
    """

    plan: SearchPlan
    speed: TrainingSpeed
    scored_tokens: int
    scoring: float
    preparing: float
    folder_bytes: int

    @property
    def seconds(self) -> float:
        """Of everything, for a search that spends all its tokens."""
        return self.preparing + self.scoring + seconds_of(self.plan, self.speed)


@user_errors()
def estimate_recommendation(request: RecommendRequest, say: Callable[[str], None]) -> RecommendEstimate:
    """Estimate a run; nothing is written to its folder.

    Raises:
        DataselectError: As `recommend`.
    """
    check_tasks(request.tasks, request.run_code)
    with tempfile.TemporaryDirectory(prefix="dataselect-estimate-") as folder:
        inside = replace(request, out=Path(folder) / "estimate", rendering=request.rendering.resumed(Path(folder)))
        with StageDirectory("recommend", inside.out, {}, {}) as stage:
            return _estimated(inside, stage, say)


def _estimated(request: RecommendRequest, stage: StageDirectory, say: Callable[[str], None]) -> RecommendEstimate:
    began = time.perf_counter()
    prepared = prepare(request, stage, say)
    preparing = time.perf_counter() - began
    kept = sum(path.stat().st_size for path in stage.path.rglob("*") if path.is_file())
    plan, speed = plan_of(prepared, inputs_of(prepared, {}), lambda: measure_speed(prepared, stage, say), began)
    tokens, scoring = _scoring(prepared, plan, stage)
    return RecommendEstimate(plan, speed, tokens, scoring, preparing, 2 * kept)


def _scoring(prepared: Prepared, plan: SearchPlan, stage: StageDirectory) -> tuple[int, float]:
    """Tokens and seconds of scoring the sample."""
    wanted = [one for one in prepared.candidates if one.name in plan.candidates and one.cost >= SCORES]
    if not wanted:
        return 0, 0.0
    pools = prepared.pools.sample(plan.sample_rows, stage)
    found = estimate(
        ScoreRequest(
            pools=tuple(str(file) for file in pools.files.values()), model=prepared.request.model,
            out=stage.path / "scores", rendering=prepared.request.rendering, columns=pools.columns,
            ifd=any(one.wants_ifd for one in wanted),
        )
    )  # fmt: skip
    return found.models[0].computed, found.duration.expected
