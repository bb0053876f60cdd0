"""The stages of one setting: scores and embeddings of its pool, then select, train and evaluate for a cell.

Every stage keeps its own directory with its own fingerprint, so a run that was stopped goes on with the same command
and repeats only what was not finished.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.embeddings import EmbedRequest, embed
from dataselect.evaluation import EvaluateRequest, evaluate
from dataselect.experiment.cells import UNTRAINED, Cell
from dataselect.experiment.config import IFD_COLUMNS, ExperimentConfig
from dataselect.experiment.variant import Variant
from dataselect.layers import LayersRequest, layers
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.ratings import PRODUCT, RATINGS
from dataselect.selection import SelectRequest, select
from dataselect.selection.target import manifest_path
from dataselect.strategies import make_strategy
from dataselect.training import TrainRequest, train

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Where one setting is, and what it does. Plain values, so that a process of its own may be given one.

    Attributes:
        out: The setting's folder, for selections, models and results.
        scores, embeddings: Folders that it may share with other settings.
    """

    config: ExperimentConfig
    out: Path
    scores: Path
    embeddings: Path

    def prepare(self, say: Say) -> None:
        """Score the pool, and embed it if a listed strategy looks at embeddings."""
        say(f"score {', '.join(Path(p).name for p in self.config.pools)}")
        score(self.score_request)
        if self.config.wants_embeddings:
            say(f"embed with {self.config.encoder}")
            embed(
                EmbedRequest(
                    pools=self.config.pools, encoder=self.config.encoder, out=self.embeddings,
                    targets=self.config.targets, top_k=self.config.top_k, embed_text=self.config.embed_text,
                    columns=self.config.columns,
                )
            )  # fmt: skip

    @property
    def score_request(self) -> ScoreRequest:
        """How the pool is scored."""
        config, columns = self.config, self.config.needed_columns
        scoring = dataclasses.asdict(config.scoring) | {"references": tuple(config.scoring.references.items())}
        return ScoreRequest(
            pools=config.pools, model=config.model, out=self.scores, rendering=config.rendering,
            columns=config.columns, ifd=bool(columns & IFD_COLUMNS),
            ratings=tuple(name for name in RATINGS if columns & {name, PRODUCT}), **scoring,
        )  # fmt: skip

    def run(self, cell: Cell) -> None:
        """Train the model of a cell on its selection, and evaluate it; of the untrained one, only evaluate."""
        if cell.trains:
            recipe = dataclasses.replace(self.config.training, seed=cell.seed)
            file, model = self.selection(cell.name), self.model(cell)
            train(TrainRequest(file=file, model=self.config.model, out=model, config=recipe))
            self._evaluate(str(model), cell)
        else:
            self._evaluate(self.config.model, cell)

    def selection(self, name: str) -> Path:
        """The selection of a cell."""
        return self.out / "selections" / f"{name}.jsonl"

    def model(self, cell: Cell) -> Path:
        """The model folder of a cell."""
        return self.out / "models" / cell.name

    def select(self, cell: Cell) -> None:
        """Write the selection of a cell, unless it is there."""
        file = self.selection(cell.name)
        if not cell.trains or manifest_path(file).exists():
            return
        config, variant = self.config, self._variant(cell)
        params = dict(variant.params)
        if cell.matches is not None:
            params["match"] = str(self.selection(cell.matches))
        reads_targets = make_strategy(variant.strategy, params).needs.target_texts
        file.parent.mkdir(exist_ok=True)
        select(
            SelectRequest(
                pools=config.pools, strategy=variant.strategy, budget=cell.budget, out=file, params=params,
                scores=(self.scores,), embeddings=self.embeddings if config.wants_embeddings else None,
                seed=cell.seed, columns=config.columns, targets=config.targets if reads_targets else (),
                length_control=variant.control, filters=variant.filters, then=variant.then, quota=variant.quota,
                label=cell.strategy if cell.strategy in config.variants else "",
            )
        )  # fmt: skip

    def compare_layers(self, trained: Sequence[Cell], overwrite: bool) -> None:
        """Compare the weights of models with those of the base, and the change of each layer with the gain."""
        with_gains = (self.out,) if UNTRAINED not in self.config.without else ()
        tuned = tuple((cell.name, str(self.model(cell))) for cell in trained)
        folder = self.out / "layers"
        layers(LayersRequest(self.config.model, tuned, folder, False, with_gains, overwrite=overwrite))

    def _variant(self, cell: Cell) -> Variant:
        listed = cell.strategy in self.config.compared
        return self.config.variant(cell.strategy) if listed else Variant(strategy=cell.strategy)

    def _evaluate(self, model: str, cell: Cell) -> None:
        evaluate(self.evaluate_request(model, self.config.tasks, self.out / "results" / cell.name))

    def evaluate_request(self, model: str, tasks: tuple[str, ...], out: Path) -> EvaluateRequest:
        """How a model is evaluated."""
        rendering = self.config.rendering
        given = {"template": rendering.template, "bos": rendering.bos, "think": rendering.think}
        options = dataclasses.asdict(self.config.evaluation)
        options |= {name: options[name] and Path(options[name]) for name in ("shots_from", "task_path")}
        return EvaluateRequest(model=model, tasks=tasks, out=out, rendering=given, **options)
