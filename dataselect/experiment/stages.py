"""The stages of one setting: scores and embeddings of its pool, then select, train and evaluate for a cell.

Every stage keeps its own directory with its own fingerprint, so a run that was stopped resumes with the same command
and repeats only what was not finished.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from dataselect.comparison.controls import UNTRAINED
from dataselect.embeddings import EmbedRequest, embed
from dataselect.evaluation import EvaluateRequest, evaluate
from dataselect.experiment.cells import Cell
from dataselect.experiment.config import IFD_COLUMNS, ExperimentConfig, Variant
from dataselect.layers import LayersRequest, layers
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.ratings import PRODUCT, RATINGS
from dataselect.selection import SelectRequest, is_selected, select
from dataselect.stage import IF_DIFFERENT, Overwrite, is_stage, read_finished
from dataselect.strategies import make_strategy
from dataselect.training import TrainRequest, train

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The folders and requests of one setting. Plain values, so that it can be sent to another process.

    Attributes:
        out: The setting's folder, for selections, models and results.
        scores, embeddings: Folders that it may share with other settings.
        overwrite: Whether stages with other inputs or damaged outputs are made again.
    """

    config: ExperimentConfig
    out: Path
    scores: Path
    embeddings: Path
    overwrite: Overwrite = False

    def prepare(self, say: Say) -> None:
        """Score the pool, and embed it if a listed strategy requires embeddings."""
        say(f"score {', '.join(Path(p).name for p in self.config.pools)}")
        score(self.score_request, warn=lambda line: say(f"warning: {line}"))
        if self.config.wants_embeddings:
            say(f"embed with {self.config.encoder}")
            embed(self.embed_request)

    @property
    def embed_request(self) -> EmbedRequest:
        """The request that embeds the pool and the targets."""
        config = self.config
        return EmbedRequest(
            pools=config.pools, encoder=config.encoder, out=self.embeddings, targets=config.targets, top_k=config.top_k,
            embed_text=config.embed_text, columns=config.columns, overwrite=self.overwrite,
        )  # fmt: skip

    @property
    def score_request(self) -> ScoreRequest:
        """The request that scores the pool."""
        config, columns = self.config, self.config.needed_columns
        scoring = dataclasses.asdict(config.scoring) | {"references": tuple(config.scoring.references.items())}
        return ScoreRequest(
            pools=config.pools, model=config.model, out=self.scores, rendering=config.rendering,
            columns=config.columns, ifd=bool(columns & IFD_COLUMNS),
            ratings=tuple(name for name in RATINGS if columns & {name, PRODUCT}), overwrite=self.overwrite, **scoring,
        )  # fmt: skip

    def run(self, cell: Cell) -> None:
        """Train the model of a cell on its selection, and evaluate it; of the untrained one, only evaluate."""
        if cell.trains:
            recipe = dataclasses.replace(self.config.training, seed=cell.seed)
            file, model = self.selection(cell.name), self.model(cell)
            train(TrainRequest(file=file, model=self.config.model, out=model, config=recipe, overwrite=self.overwrite))
            self._evaluate(str(model), cell)
        else:
            self._evaluate(self.config.model, cell)

    def selection(self, name: str) -> Path:
        """Return the path of the selection of a cell."""
        return self.out / "selections" / f"{name}.jsonl"

    def model(self, cell: Cell) -> Path:
        """Return the model folder of a cell."""
        return self.out / "models" / cell.name

    def select(self, cell: Cell) -> None:
        """Write the selection of a cell, unless it is present, undamaged and of the same inputs."""
        if not cell.trains:
            return
        request = self.select_request(cell)
        if not is_selected(request):
            request.out.parent.mkdir(exist_ok=True)
            select(request)

    def select_request(self, cell: Cell) -> SelectRequest:
        """Return the request that selects the rows of a cell."""
        config, variant = self.config, self._variant(cell)
        params = dict(variant.params)
        if cell.matches is not None:
            params["match"] = str(self.selection(cell.matches))
        reads_targets = make_strategy(variant.strategy, params).needs.target_texts
        return SelectRequest(
            pools=config.pools, strategy=variant.strategy, budget=cell.budget, out=self.selection(cell.name),
            params=params, scores=(self.scores,), embeddings=self.embeddings if config.wants_embeddings else None,
            seed=cell.seed, columns=config.columns, targets=config.targets if reads_targets else (),
            length_control=variant.control, within=variant.within, filters=variant.filters, then=variant.then,
            quota=variant.quota,
            label=cell.strategy if cell.strategy in config.variants else "",
            overwrite=True,  # run.json of the experiment lists its selections, so an existing one is its own
        )  # fmt: skip

    def compare_layers(self, trained: Sequence[Cell]) -> None:
        """Compare the weights of models with those of the base, and the change of each layer with the gain."""
        with_gains = (self.out,) if UNTRAINED not in self.config.without else ()
        tuned = tuple((cell.name, str(self.model(cell))) for cell in trained)
        folder = self.out / "layers"
        layers(
            LayersRequest(
                base=self.config.model, tuned=tuned, out=folder, spectra=False, gains=with_gains, overwrite=IF_DIFFERENT
            )
        )

    @property
    def _date(self) -> str | None:
        """The date that templates print for all models: the one given, else that of the scores, once they exist."""
        if self.config.rendering.date or not is_stage(self.scores):
            return self.config.rendering.date
        return cast("str | None", read_finished(self.scores, "score").manifest["rendering"].get("date"))

    def _variant(self, cell: Cell) -> Variant:
        listed = cell.strategy in self.config.compared
        return self.config.variant(cell.strategy) if listed else Variant(strategy=cell.strategy)

    def _evaluate(self, model: str, cell: Cell) -> None:
        evaluate(self.evaluate_request(model, self.config.tasks, self.out / "results" / cell.name))

    def evaluate_request(self, model: str, tasks: tuple[str, ...], out: Path) -> EvaluateRequest:
        """Return the request that evaluates a model."""
        rendering = self.config.rendering
        given = {"template": rendering.template, "bos": rendering.bos, "think": rendering.think}
        given |= {"special_tokens": rendering.special_tokens} | ({"date": date} if (date := self._date) else {})
        options = dataclasses.asdict(self.config.evaluation)
        options |= {name: options[name] and Path(options[name]) for name in ("shots_from", "task_path")}
        return EvaluateRequest(
            model=model, tasks=tasks, out=out, rendering=given, overwrite=self.overwrite, **options
        )  # fmt: skip
