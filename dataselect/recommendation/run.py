"""From pools and examples of a task to the rows to train on: every step a stage on disk.

    audit, split, clean, count     what is there, and what may be looked at
    plan                           budgets, sample, candidates, from tokens or from a measured speed
    score, embed                   the sample, once, as far as a candidate needs it
    race                           short trainings on the steering items (`race`, `measuring`)
    final                          the finalist and random, fresh seeds, sealed items (`final`)
    answer                         recommended.jsonl, recommendation.json, report.html

The directory is opened as that of an experiment is: the command always runs, and what is finished inside is read. So it
goes on where it was killed, and with more time or tokens the same search is continued.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataselect.library_errors import user_errors
from dataselect.models import model_digest, resolve_model
from dataselect.pool import Renderer
from dataselect.recommendation.answer import write_answer
from dataselect.recommendation.choosing import Chooser
from dataselect.recommendation.finalists import run_final
from dataselect.recommendation.planning import make_plan_of
from dataselect.recommendation.preparing import Prepared, prepare
from dataselect.recommendation.request import RecommendRequest
from dataselect.recommendation.searching import search
from dataselect.recommendation.split import check_tasks
from dataselect.stage import MANIFEST, StageDirectory
from dataselect.stage.provenance import environment
from dataselect.training.loop import load_libraries

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer.

    Attributes:
        document: The content of `recommendation.json`.
        out: The folder; `recommended.jsonl` and `report.html` are in it.
        wall_seconds: Time of this call.
    """

    document: Mapping[str, Any]
    out: Path
    wall_seconds: float

    @property
    def sentence(self) -> str:
        """What to do."""
        return str(self.document["sentence"])


@user_errors()
def recommend(request: RecommendRequest, say: Say = lambda line: None) -> Recommendation:
    """Search for the rows to train on.

    Raises:
        UsageError: If an option is wrong, a task is a pool, or time or tokens do not suffice.
        DataselectError: If a pool, task or model cannot be used, or no training succeeded.
    """
    check_tasks(request.tasks, request.run_code)
    began = time.perf_counter()
    request = replace(request, rendering=request.rendering.resumed(request.out, request.overwrite))
    with StageDirectory("recommend", request.out, _fingerprint(request), _options(request), request.overwrite) as stage:
        stage.remove(MANIFEST)  # written again at the end
        prepared = prepare(request, stage, say)
        plan, speed = make_plan_of(prepared, stage, say, began)
        chooser = Chooser.of(prepared, plan, stage, say)
        with few_objects_to_scan():
            outcome = search(chooser, plan, say)
            final = run_final(chooser, plan, outcome, say)
        document = write_answer(chooser, plan, speed, outcome, final)
        stage.finish({"stage": "recommend", "environment": environment()})
    return Recommendation(document, request.out, time.perf_counter() - began)


@contextmanager
def few_objects_to_scan() -> Iterator[None]:
    """Keep what is loaded out of garbage collection: every training asks for a full one, a third of a second each."""
    load_libraries()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _fingerprint(request: RecommendRequest) -> dict[str, Any]:
    """What may not change in a folder: pools, candidates, budgets, time and tokens may."""
    model = resolve_model(request.model)
    return {
        "model": model_digest(model), "tasks": Prepared.task_digests(request), "recipe": request.recipe.recipe(),
        "seed": request.seed, "rendering": Renderer(model, request.rendering).settings(),
    }  # fmt: skip


def _options(request: RecommendRequest) -> dict[str, Any]:
    return {"pools": list(request.pools), "model": request.model, "tasks": list(request.tasks)}
