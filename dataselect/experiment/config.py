"""The configuration of an experiment: which model, pools, strategies, budgets, seeds and tasks make up its matrix.

Paths in the file are taken relative to the file. Whatever can be found wrong without running a model is found by
`check`, all of it together, before anything long starts; `dataselect validate` is that and nothing more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dataselect.bundled.resolve import resolve_model
from dataselect.config import build, load_yaml
from dataselect.errors import ConfigError, DataselectError
from dataselect.pool import ColumnMap, Renderer, RenderOptions
from dataselect.selection.budget import parse_budget
from dataselect.strategies import Needs, Strategy, make_strategy
from dataselect.training import TrainConfig

CONTROLS = ("untrained", "full", "random", "longest", "length-matched-random")
"""What stands beside every strategy without being listed."""

SIMILARITY_COLUMNS = frozenset({"similarity", "centroid_similarity"})
IFD_COLUMNS = frozenset({"ifd", "ifd_loss"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRun:
    """How a model is run to score or to evaluate."""

    backend: str = "auto"
    dtype: str = "auto"
    batch_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentConfig:
    """One experiment. The keys of the YAML file are these fields."""

    pools: tuple[str, ...]
    """Pool files, folders or hub ids."""

    tasks: tuple[str, ...]
    """What every model is evaluated on: files of held-out examples or of choices, or lm-evaluation-harness names."""

    strategies: tuple[str, ...]
    """Strategies to compare. The untrained model, the full pool, random, longest and length-matched controls come by
    themselves."""

    budgets: tuple[str, ...]
    """How much each strategy keeps: `500` examples, `10%` of the pool, or `20000tok`."""

    model: str = "builtin"
    """The base model: `builtin`, a folder or a hub id. It scores the pool and is what is fine-tuned."""

    params: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Options of strategies, by name."""

    seeds: tuple[int, ...] = (0,)
    """One run of each strategy per seed: it seeds the selection, where that draws, and the training."""

    random_seeds: tuple[int, ...] = (0, 1, 2)
    """The same for the random control, at least three: a difference must stand out from their spread."""

    length_matched: tuple[str, ...] | None = None
    """Strategies that get a length-matched random control; null for all that are listed."""

    targets: tuple[str, ...] = ()
    """Examples of what the model should become good at, for strategies that look at a target; not the tasks' items."""

    encoder: str = "minilm"
    """What embeds pool and targets."""

    embed_text: Literal["prompt", "response", "both"] = "prompt"
    """Which text of an example is embedded."""

    top_k: int = 10
    """Nearest targets that the similarity is averaged over."""

    columns: ColumnMap = field(default_factory=ColumnMap)
    """Which columns of the pools hold what, where that is not detected."""

    rendering: RenderOptions = field(default_factory=RenderOptions)
    """How examples are shown to the model, in every stage."""

    scoring: ModelRun = field(default_factory=ModelRun)
    """How the pool is scored."""

    training: TrainConfig = field(default_factory=TrainConfig)
    """The training recipe; its seed comes from the matrix."""

    evaluation: ModelRun = field(default_factory=ModelRun)
    """How the tasks are evaluated."""

    known_defects: str | None = None
    """A JSONL file with the ids of defects that were planted: {"id", "defect"}; the report counts them."""

    def __post_init__(self) -> None:
        """Rules that one field cannot tell."""
        faults = list(self._faults())
        if faults:
            raise ValueError("; ".join(faults))

    def _faults(self) -> Iterator[str]:
        for name in ("pools", "tasks", "strategies", "budgets", "seeds"):
            values = getattr(self, name)
            if not values:
                yield f"{name}: at least one is needed"
            if len(set(values)) < len(values):
                yield f"{name}: one is given twice"
        if len(set(self.random_seeds)) < 3:
            yield "random_seeds: at least three different ones are needed, or chance cannot be told from effect"
        for name in self.matched:
            if name not in self.compared:
                yield f"length_matched: {name} is not among the strategies"

    @property
    def compared(self) -> tuple[str, ...]:
        """The listed strategies without the controls, which come by themselves."""
        return tuple(name for name in self.strategies if name not in CONTROLS)

    @property
    def matched(self) -> tuple[str, ...]:
        """The strategies that get a length-matched control."""
        return self.compared if self.length_matched is None else self.length_matched

    def strategy(self, name: str) -> Strategy:
        """One strategy with its options."""
        return make_strategy(name, self.params.get(name, {}))

    @property
    def needs(self) -> tuple[Needs, ...]:
        """What each listed strategy needs."""
        return tuple(self.strategy(name).needs for name in self.compared)

    @property
    def needed_columns(self) -> frozenset[str]:
        """Score columns that the listed strategies need."""
        return frozenset(column for needs in self.needs for column in needs.columns)

    @property
    def wants_embeddings(self) -> bool:
        """Whether a listed strategy looks at embeddings, or at similarities that come with them."""
        return any(needs.vectors or needs.targets or SIMILARITY_COLUMNS & set(needs.columns) for needs in self.needs)

    @property
    def wants_targets(self) -> bool:
        """Whether a listed strategy looks at the target set."""
        return any(
            needs.targets or needs.target_texts or SIMILARITY_COLUMNS & set(needs.columns) for needs in self.needs
        )


def read_config(path: Path) -> ExperimentConfig:
    """Read and check a configuration.

    Raises:
        ConfigError: With every fault found.
    """
    values = load_yaml(path)
    if isinstance(values.get("training"), Mapping) and "seed" in values["training"]:
        raise ConfigError(f"{path}: training.seed is set by the matrix", "use seeds and random_seeds")
    config = _anchored(build(ExperimentConfig, values, str(path)), path.parent)
    faults = list(check(config))
    if faults:
        many = f"{len(faults)} faults" if len(faults) > 1 else "1 fault"
        raise ConfigError(f"{path} has {many}: " + "; ".join(faults))
    return config


def _anchored(config: ExperimentConfig, folder: Path) -> ExperimentConfig:
    """Make relative paths relative to the configuration's folder; names that are no path there stay names."""

    def anchor(name: str) -> str:
        there = folder / name
        return str(there) if not Path(name).is_absolute() and there.exists() else name

    def tuple_of(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(anchor(name) for name in names)

    return dataclasses.replace(
        config,
        model=config.model if config.model == "builtin" else anchor(config.model),
        pools=tuple_of(config.pools),
        tasks=tuple_of(config.tasks),
        targets=tuple_of(config.targets),
        rendering=dataclasses.replace(config.rendering, template=anchor(config.rendering.template)),
        known_defects=None if config.known_defects is None else anchor(config.known_defects),
    )


def check(config: ExperimentConfig) -> Iterator[str]:
    """Everything that is wrong with a configuration and can be told without running a model."""
    for name in config.compared:
        yield from _told(f"strategies: {name}", lambda name=name: config.strategy(name))
    for budget in config.budgets:
        yield from _told("budgets", lambda budget=budget: parse_budget(budget))
    unused = sorted(set(config.params) - set(config.compared))
    if unused:
        yield f"params: {', '.join(unused)} is not among the strategies"
    yield from _told("model", lambda: Renderer(resolve_model(config.model), config.rendering))
    yield from _check_files(config)


def _told(where: str, attempt: Any) -> Iterator[str]:  # noqa: ANN401 - any call
    try:
        attempt()
    except DataselectError as error:
        yield f"{where}: {error}"


def _check_files(config: ExperimentConfig) -> Iterator[str]:
    for field_name in ("pools", "targets"):
        for name in getattr(config, field_name):
            if Path(name).suffix and not Path(name).exists():
                yield f"{field_name}: there is no file {name}"
    for task in config.tasks:
        if task.endswith((".jsonl", ".json", ".parquet", ".csv")) and not Path(task.split("=", 1)[-1]).exists():
            yield f"tasks: there is no file {task}"
    if config.known_defects is not None and not Path(config.known_defects).exists():
        yield f"known_defects: there is no file {config.known_defects}"
    try:
        wants_target = config.wants_targets
    except DataselectError:
        return
    if wants_target and not config.targets:
        yield "targets: a strategy looks at a target, but none is given"
