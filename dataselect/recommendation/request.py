"""The request of a recommendation: pools, a model, examples of the task, and what may be spent on the answer.

What may be spent is either time, which a plan turns into training tokens, or training tokens, which give the same
answer on every machine. Budgets name how much data is to be recommended; `auto` lets the search find it.

Left out: the recipe of a training, which is that of `train` (`--config`), and models on a server, which cannot be
trained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.errors import UsageError
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.selection.budget import parse_budget
from dataselect.training import TrainConfig
from dataselect.training.config import resolve_config

AUTO = "auto"
DEFAULT_SECONDS = 3600.0
BUILTIN: Mapping[str, Any] = {"learning_rate": 1e-3, "batch_size": 8}
"""Settings for the bundled model: it is too small for the usual rate, and its trainings are of few rows."""

LORA_RATE = 10.0
"""Learning rate of adapters over that of all weights, where the recipe names none. At it the bundled model's loss on
the quickstart's arithmetic falls as far with adapters as with all weights: from 4.28 to 3.18 and 3.15 (20 rows), 2.60
and 2.49 (80 rows). At the same rate it falls to 3.98 and 3.58, at 2 times to 3.77 and 3.26, at 5 times to 3.42 and
2.83, at 20 times to 3.24 and 2.81, and at 50 times it rises. Others found the same factor (Schulman et al. 2025, LoRA
Without Regret)."""

_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RecommendRequest:
    """What to recommend from, for which task, and at what cost.

    Attributes:
        pools: Pool files or folders, as `PoolReader` takes them.
        model: `builtin`, a model folder or a hub id: the model that will be trained.
        tasks: Files of examples of the task, as `[NAME=][KIND:]FILE`.
        out: The folder of the results.
        budgets: Rows, tokens or shares to recommend; `auto` for what the search finds best.
        seconds: Time for everything; None for an hour, or where `train_tokens` says when to stop.
        train_tokens: Tokens of all trainings together; None to derive them from the time.
        strategies: Names of strategies to try in place of the default ones.
        candidates: A grammar of candidates as YAML; None for the default one.
        recipe: Settings of a training.
        rendering: How rows are rendered.
        columns: Column map of the pools.
        prefix_ids: Whether ids carry the name of their file.
        run_code: Whether programs that the models write may be executed; tasks with unit tests need it.
        overwrite: Begin again where an earlier run in `out` had another model, task, recipe or seed.
    """

    pools: tuple[str, ...]
    model: str
    tasks: tuple[str, ...]
    out: Path
    budgets: tuple[str, ...] = (AUTO,)
    seconds: float | None = None
    train_tokens: int | None = None
    strategies: tuple[str, ...] = ()
    candidates: Path | None = None
    recipe: TrainConfig = field(default_factory=lambda: TrainConfig(epochs=1.0))
    encoder: str = "minilm"
    seed: int = 0
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    run_code: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be searched, before anything is read."""
        checked(self)
        if not self.tasks:
            raise UsageError("no task was given", "--task FILE: examples of what the model should become good at")
        if not self.pools:
            raise UsageError("no pool was given", "dataselect recommend POOL... --task FILE")
        if self.seconds is not None and self.train_tokens is not None:
            raise UsageError("--time and --train-tokens both say when to stop", "give one of them")
        if self.strategies and self.candidates:
            raise UsageError("--strategies and --candidates both name the candidates", "give one of them")
        if AUTO in self.budgets and len(self.budgets) > 1:
            raise UsageError("--budget auto cannot be combined with other budgets", "give auto, or the others")
        for budget in self.fixed_budgets:
            parse_budget(budget)
        if self.recipe.max_steps is not None:
            raise UsageError("a recipe with max_steps trains every budget alike", "use epochs in --config")

    @property
    def fixed_budgets(self) -> tuple[str, ...]:
        """The budgets as typed, none for `auto`."""
        return tuple(budget for budget in self.budgets if budget != AUTO)

    @property
    def allowed_seconds(self) -> float | None:
        """Seconds for everything; None where training tokens say when to stop."""
        return self.seconds or (None if self.train_tokens else DEFAULT_SECONDS)

    @property
    def given_rendering(self) -> Mapping[str, Any]:
        """The fields of `RenderOptions` that a model is trained and evaluated with."""
        options = self.rendering
        return {"template": options.template, "bos": options.bos, "think": options.think,
                "special_tokens": options.special_tokens, "date": options.date}  # fmt: skip


def recipe_of(path: Path | None, model: str, lora: bool) -> TrainConfig:
    """The recipe of all trainings: one epoch, `BUILTIN` for the bundled model, `LORA_RATE`, then the YAML file.

    Raises:
        ConfigError: With every fault of the file.
    """
    recipe = resolve_config(path, {"lora": True} if lora else {})
    given = set() if path is None else _keys(path)
    settings: dict[str, Any] = {} if "epochs" in given else {"epochs": 1.0}
    if model == "builtin":
        settings |= {key: value for key, value in BUILTIN.items() if key not in given}
    if recipe.lora and "learning_rate" not in given:
        settings["learning_rate"] = LORA_RATE * settings.get("learning_rate", recipe.learning_rate)
    return recipe.__class__(**{**recipe.recipe(), "report_to": recipe.report_to, **settings})


def _keys(path: Path) -> set[str]:
    from dataselect.config import load_yaml

    return set(load_yaml(path))


def parse_seconds(text: str) -> float:
    """Read a time such as 2h, 45m, 1h30m or 90s.

    Raises:
        UsageError: If it is none, or zero.
    """
    found = _TIME.fullmatch(text.strip().lower().replace(" ", ""))
    seconds = 0.0 if found is None else sum(
        float(part or 0) * size for part, size in zip(found.groups(), (3600, 60, 1), strict=True)
    )  # fmt: skip
    if seconds <= 0:
        raise UsageError(f"--time expects a time such as 2h, 45m or 1h30m, got {text!r}")
    return seconds
