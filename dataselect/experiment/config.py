"""The configuration of an experiment: which models, pools, strategies, budgets, seeds, recipes and tasks make it up.

A name in `strategies` is a strategy as it is, or a variant: a strategy with options, filters and length control of its
own.

Left out: reading it from a file (`reading`) and checking it (`checking`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dataselect.comparison.controls import CONTROLS
from dataselect.config import build
from dataselect.experiment.matrix import Matrix, Setting
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.selection import Filters, LengthBins, LengthResidual, SelectRequest, Then
from dataselect.selection.length_control import LengthControl
from dataselect.selection.request import make_plan
from dataselect.strategies import Needs
from dataselect.training import TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The selection of one arm of the comparison. The keys under `variants.NAME` are these fields."""

    strategy: str
    """Name of a strategy."""

    params: dict[str, Any] = field(default_factory=dict)
    """Its options."""

    length_control: Literal["bins", "residual"] | None = None
    """The way in which length is taken out of its order."""

    length_bins: int = 10
    """Bins, with `length_control: bins`."""

    within: Literal["source"] | None = None
    """`source`: rows compete only with those of their own pool file."""

    filters: Filters = field(default_factory=Filters)
    """Rows that are left out: where, min_tokens, max_tokens, dedup, decontaminate and their thresholds."""

    then: tuple[Then, ...] = ()
    """Strategies that order shortlists, one after the other: {shortlist: 20%, strategy: k-center}."""

    quota: tuple[str, ...] = ()
    """`even`, or `SOURCE=P%`."""

    @property
    def control(self) -> LengthControl | None:
        """The length control with its options."""
        if self.length_control == "residual":
            return LengthResidual()
        return LengthBins(self.length_bins) if self.length_control else None

    @property
    def needs(self) -> Needs:
        """The inputs that strategies and filters require.

        Raises:
            UsageError: If a strategy, an option, a shortlist or a quota is not valid.
        """
        request = SelectRequest(
            pools=(),
            strategy=self.strategy,
            budget="1",
            out=Path("x"),
            params=self.params,
            length_control=self.control,
            within=self.within,
            filters=self.filters,
            then=self.then,
            quota=self.quota,
        )
        return make_plan(request).needs


SIMILARITY_COLUMNS = frozenset({"similarity", "centroid_similarity"})
IFD_COLUMNS = frozenset({"ifd", "ifd_loss"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRun:
    """Backend, dtype and batch size of a model that scores or is evaluated."""

    backend: str = "auto"
    dtype: str = "auto"
    batch_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringRun(ModelRun):
    """Settings of the scoring of the pool."""

    tokens: bool = False
    """Whether every token's log-probability is kept: the report then colours examples by it."""

    references: dict[str, str] = field(default_factory=dict)
    """Further models by name, for strategies that look at the contrast of two (excess-loss, aligned-likelihood)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRun(ModelRun):
    """Settings of the evaluation on the tasks."""

    max_new_tokens: int = 512
    """Most tokens of an answer, in tasks in which the model writes one."""

    shots: int = 0
    """Solved questions before each item of exact-match tasks."""

    shots_from: str | None = None
    """File that they are drawn from."""

    run_code: bool = False
    """Whether programs that the model wrote may be executed."""

    task_path: str | None = None
    """Folder of your own lm-evaluation-harness task files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentConfig:
    """One experiment. The keys of the YAML file are these fields."""

    pools: tuple[str, ...] = ()
    """Pool files, folders or hub ids; several are one pool. May be left out where the matrix names pools."""

    tasks: tuple[str, ...]
    """Tasks on which every model is evaluated: files of examples or choices, or lm-evaluation-harness names."""

    strategies: tuple[str, ...]
    """Strategies to compare, or names of variants. The untrained model, the full pool, random, longest and
    length-matched controls come by themselves."""

    budgets: tuple[str, ...]
    """Amounts that each strategy keeps: `500` examples, `10%` of the pool, or `20000tok`."""

    model: str = "builtin"
    """The base model: `builtin`, a folder or a hub id. It scores the pool and is what is fine-tuned."""

    params: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Options of strategies, by name."""

    variants: dict[str, Variant] = field(default_factory=dict)
    """Strategies in settings of their own, by the name that they get in the comparison."""

    matrix: Matrix = field(default_factory=Matrix)
    """Several models, pools or recipes: every combination is run."""

    without: tuple[Literal["untrained", "full", "longest", "length-matched-random"], ...] = ()
    """Controls that are left out; the report says so."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """One run of each strategy per seed: it seeds the selection, where that draws, and the training. One seed gives
    differences without a verdict."""

    random_seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the random control, at least three: a difference must exceed their spread."""

    length_matched: tuple[str, ...] | None = None
    """Strategies that get a length-matched random control; null for all that are listed."""

    targets: tuple[str, ...] = ()
    """Examples of what the model should become good at, for strategies that look at a target; not the tasks' items."""

    encoder: str = "minilm"
    """The encoder that embeds pool and targets."""

    embed_text: Literal["prompt", "response", "both"] = "prompt"
    """The text of an example that is embedded."""

    top_k: int = 10
    """Nearest targets that the similarity is averaged over."""

    columns: ColumnMap = field(default_factory=ColumnMap)
    """Names of the columns of the pools, if they are not detected."""

    rendering: RenderOptions = field(default_factory=RenderOptions)
    """The rendering of examples, the same in every stage."""

    scoring: ScoringRun = field(default_factory=ScoringRun)
    """Settings of the scoring of the pool."""

    training: TrainConfig = field(default_factory=TrainConfig)
    """The training recipe; its seed comes from the matrix."""

    evaluation: EvaluationRun = field(default_factory=EvaluationRun)
    """Settings of the evaluation on the tasks."""

    layers: bool = False
    """Whether the weights of all models are compared with the base's, layer by layer: reads every model once."""

    known_defects: str | None = None
    """A JSONL file with the ids of defects that were planted: {"id", "defect"}; the report counts them."""

    def __post_init__(self) -> None:
        """Check the rules that hold between fields."""
        faults = list(self._faults())
        if faults:
            raise ValueError("; ".join(faults))

    def _faults(self) -> Iterator[str]:
        if not self.pools and not self.matrix.pools:
            yield "pools: at least one is needed"
        for name in ("tasks", "strategies", "budgets", "seeds"):
            if not getattr(self, name):
                yield f"{name}: at least one is needed"
        for name in ("pools", "tasks", "strategies", "budgets", "seeds"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                yield f"{name}: one is given twice"
        if len(set(self.random_seeds)) < 3:
            yield "random_seeds: at least three different ones are needed to distinguish an effect from chance"
        yield from self._unknown_names()

    def _unknown_names(self) -> Iterator[str]:
        for name in self.length_matched or ():
            if name not in self.compared:
                yield f"length_matched: {name} is not among the strategies"
        for name in self.variants:
            if name not in self.strategies:
                yield f"variants: {name} is not among the strategies"
            if name in CONTROLS or ":" in name or name in self.params:
                yield f"variants: {name} is the name of a control or of a key of params, or contains a colon"

    @property
    def compared(self) -> tuple[str, ...]:
        """The listed strategies without the controls, which come by themselves."""
        return tuple(name for name in self.strategies if name not in CONTROLS)

    @property
    def matched(self) -> tuple[str, ...]:
        """The strategies that get a length-matched control."""
        if "length-matched-random" in self.without:
            return ()
        return self.compared if self.length_matched is None else self.length_matched

    def variant(self, name: str) -> Variant:
        """Return the variant that a name in `strategies` stands for."""
        return self.variants.get(name) or Variant(strategy=name, params=self.params.get(name, {}))

    @property
    def needs(self) -> tuple[Needs, ...]:
        """The requirements of each listed strategy."""
        return tuple(self.variant(name).needs for name in self.compared)

    @property
    def needed_columns(self) -> frozenset[str]:
        """Score columns that the listed strategies require."""
        return frozenset(column for needs in self.needs for column in needs.columns)

    @property
    def wants_embeddings(self) -> bool:
        """Whether a listed strategy requires embeddings, or similarities that come with them."""
        return any(needs.vectors or needs.targets or SIMILARITY_COLUMNS & set(needs.columns) for needs in self.needs)

    @property
    def wants_targets(self) -> bool:
        """Whether a listed strategy requires the target set."""
        return any(
            needs.targets or needs.target_texts or SIMILARITY_COLUMNS & set(needs.columns) for needs in self.needs
        )

    @property
    def settings(self) -> dict[Setting, ExperimentConfig]:
        """The configuration of every setting of the matrix, none of which has a matrix any more."""
        return {setting: self._at(setting) for setting in self.matrix.settings}

    def recipe(self, name: str) -> TrainConfig:
        """A recipe of the matrix: `training` with its differences; `training` itself for an empty name.

        Raises:
            ConfigError: If a setting of it is unknown or not valid.
        """
        values = {**dataclasses.asdict(self.training), **self.matrix.training.get(name, {})}
        return build(TrainConfig, values, f"matrix.training.{name}")

    def _at(self, setting: Setting) -> ExperimentConfig:
        return dataclasses.replace(
            self,
            model=self.matrix.model.get(setting.model, self.model),
            pools=self.matrix.pools.get(setting.pools, self.pools),
            training=self.recipe(setting.training),
            matrix=Matrix(),
        )
