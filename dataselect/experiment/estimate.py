"""Estimate an experiment before it runs: models, tokens, time and disk, from a short calibration.

Scoring is estimated as `score --estimate` does it. For training, a random selection of a few rows is trained for real,
which gives tokens per second and the fixed cost of a training; for evaluation, the untrained model is evaluated once.
All of it happens in a temporary folder.

    time = scoring + sum over trainings (start + tokens / speed) + models x one evaluation

Side by side on one machine, the trainings share its cores or each has a GPU; the estimate is for one after the other.
Left out: embedding, and how much longer an answer the trained models may write.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dataselect.evaluation import evaluate
from dataselect.experiment.cells import Cell, cells
from dataselect.experiment.config import ExperimentConfig
from dataselect.experiment.stages import Say, Stages
from dataselect.library_errors import user_errors
from dataselect.scoring.estimate import Duration, estimate
from dataselect.selection import SelectRequest, select
from dataselect.selection.budget import parse_budget
from dataselect.training import TrainRequest, train

_ROWS = 32
"""Rows of the training that is timed."""


@dataclass(frozen=True, slots=True)
class SettingEstimate:
    """One setting.

    Attributes:
        name: Empty if the experiment has one setting only.
        examples: Readable records of its pool, of `tokens_per_row` tokens.
        trainings: Models that are trained.
        training_tokens: Tokens that all of them see, prompts included.
        tokens_per_second: Of the training that was timed; `start` is its fixed cost in seconds.
        evaluation: Seconds for one model on all tasks.
        model_bytes: Disk of one trained model.
    """

    name: str
    examples: int
    tokens_per_row: float
    trainings: int
    training_tokens: int
    tokens_per_second: float
    start: float
    evaluation: float
    model_bytes: int
    scoring: Duration

    @property
    def training(self) -> float:
        """Seconds for all trainings, one after the other."""
        return self.trainings * self.start + self.training_tokens / self.tokens_per_second

    @property
    def seconds(self) -> float:
        """Seconds for everything."""
        return self.scoring.expected + self.training + (self.trainings + 1) * self.evaluation


@user_errors()
def estimate_experiment(config: ExperimentConfig, say: Say = lambda line: None) -> tuple[SettingEstimate, ...]:
    """Estimate every setting.

    Raises:
        DataselectError: If the pool, the model or a task cannot be used.
    """
    found = []
    for setting, one in config.settings.items():
        say(f"calibrate {setting.name or 'scoring, training and evaluation'}")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            found.append(
                _estimated(
                    setting.name, Stages(config=one, out=out, scores=out / "scores", embeddings=out / "embeddings"), out
                )
            )
    return tuple(found)


def _estimated(name: str, stages: Stages, folder: Path) -> SettingEstimate:
    scoring = estimate(stages.score_request)
    per_row = scoring.models[0].tokens / scoring.examples
    speed, start, size = _timed_training(stages, folder)
    began = time.perf_counter()
    evaluate(stages.evaluate_request(stages.config.model, stages.config.tasks, folder / "evaluated"))
    trained = [cell for cell in cells(stages.config) if cell.trains]
    return SettingEstimate(
        name=name, examples=scoring.examples, tokens_per_row=per_row, trainings=len(trained),
        training_tokens=round(sum(_tokens(stages.config, trained, scoring.examples, per_row))),
        tokens_per_second=speed, start=start, evaluation=time.perf_counter() - began, model_bytes=size,
        scoring=scoring.duration,
    )  # fmt: skip


def _tokens(config: ExperimentConfig, trained: Iterable[Cell], rows: int, per_row: float) -> Iterator[float]:
    recipe = config.training
    for cell in trained:
        budget = parse_budget(cell.budget)
        if recipe.max_steps is not None:
            yield recipe.max_steps * recipe.batch_size * per_row
        else:
            amount = budget.resolve(rows, round(rows * per_row))
            yield recipe.epochs * (amount if budget.unit == "tokens" else amount * per_row)


def _timed_training(stages: Stages, folder: Path) -> tuple[float, float, int]:
    """Train once, and return tokens per second, the fixed cost in seconds, and the size of the model."""
    file, model = folder / "calibration.jsonl", folder / "model"
    config = stages.config
    select(SelectRequest(pools=config.pools, strategy="random", budget=str(_ROWS), out=file, columns=config.columns))
    recipe = dataclasses.replace(config.training, epochs=1.0, max_steps=None)
    began = time.perf_counter()
    made = train(TrainRequest(file=file, model=config.model, out=model, config=recipe))
    start = time.perf_counter() - began - made.wall_seconds
    return made.tokens_per_second, start, sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
