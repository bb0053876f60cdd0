"""The checks of an experiment: each yields the faults of some keys, as `key: what is wrong`.

Every check asks the code of the stage that would refuse later, with the request that the stage would get.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from dataselect.backends import BACKENDS
from dataselect.backends.dtypes import resolve_dtype
from dataselect.backends.pretrained import check_weights
from dataselect.embeddings import load_encoder
from dataselect.embeddings.sentence import SentenceEncoder
from dataselect.errors import DataselectError
from dataselect.evaluation import EvaluateRequest
from dataselect.evaluation.run import check_shots, check_task
from dataselect.evaluation.tasks import find_tasks
from dataselect.experiment.cells import Cell, cells
from dataselect.experiment.config import SIMILARITY_COLUMNS, EvaluationRun, ExperimentConfig, ScoringRun
from dataselect.experiment.matrix import check_distinct
from dataselect.experiment.stages import Stages
from dataselect.models import resolve_model
from dataselect.pool import PoolReader, Renderer
from dataselect.pool.sources import STDIN, find_sources
from dataselect.records import Example
from dataselect.registry import check_installed, unknown
from dataselect.reports.sections.defects import read_defects
from dataselect.scoring.ratings import RATINGS
from dataselect.scoring.rows import schema
from dataselect.scoring.table import table_schema
from dataselect.selection.budget import parse_budget
from dataselect.selection.contamination import read_evaluation_texts
from dataselect.selection.inputs import read_target_texts
from dataselect.selection.request import Plan, check_inputs, make_plan
from dataselect.selection.stages import check_sizes
from dataselect.training.loop import check_tracker
from dataselect.training.model import training_dtype

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OF_CONTRAST = ("excess_loss", "aligned_likelihood", "poft_weight", "nll_difference")


def refusals(key: str, check: Callable[..., object], *arguments: object, **options: object) -> Iterator[str]:
    """Yield what a check refuses about a key, if it does."""
    try:
        check(*arguments, **options)
    except (DataselectError, ValueError) as error:
        yield f"{key}: {error}"


def _stages(config: ExperimentConfig) -> Stages:
    return Stages(config=config, out=Path(), scores=Path("scores"), embeddings=Path("embeddings"))


def check_names(config: ExperimentConfig) -> Iterator[str]:
    """Names that cannot be parts of file names."""
    for key, names in (("variants", config.variants), ("scoring.references", config.scoring.references)):
        for name in names:
            if not _NAME.fullmatch(name):
                yield f"{key}: a name may contain only letters, digits, ., - and _, got {name!r}"
    yield from refusals("matrix", check_distinct, config.matrix)


def check_training(config: ExperimentConfig) -> Iterator[str]:
    """Trackers, dtypes and packages of every recipe."""
    for name in config.matrix.training or ("",):
        key, recipe = f"matrix.training.{name}" if name else "training", config.recipe(name)
        yield from refusals(key, check_tracker, recipe.report_to)
        yield from refusals(key, training_dtype, recipe.dtype)
        if recipe.lora:
            yield from refusals(key, check_installed, "peft", "train")
    yield from refusals("training", check_installed, "accelerate", "train")


def check_runs(config: ExperimentConfig) -> Iterator[str]:
    """Backends, dtypes and batch sizes of scoring and evaluation."""
    runs: dict[str, ScoringRun | EvaluationRun] = {"scoring": config.scoring, "evaluation": config.evaluation}
    for key, run in runs.items():
        yield from refusals(f"{key}.dtype", resolve_dtype, run.dtype, gpu=False)
        yield from refusals(f"{key}.backend", _check_backend, run.backend)
        if run.batch_tokens is not None and run.batch_tokens < 1:
            yield f"{key}.batch_tokens: expected at least 1, got {run.batch_tokens}"


def _check_backend(name: str) -> None:
    here = [one for one in ("auto", *BACKENDS.names()) if one != "server"]
    if name not in here:
        raise unknown("backend of an experiment", name, here)
    if name == "vllm":
        check_installed("vllm", "vllm")


def check_models(config: ExperimentConfig) -> Iterator[str]:
    """Base and reference models that cannot be loaded."""
    models = [("model", name) for name in config.matrix.model.values()] or [("model", config.model)]
    models += [(f"scoring.references.{name}", model) for name, model in config.scoring.references.items()]
    for key, model in dict.fromkeys(models):
        yield from refusals(key, _check_model, model)


def _check_model(model: str) -> None:
    check_weights(resolve_model(model))


def check_rendering(config: ExperimentConfig) -> Iterator[str]:
    """Templates and options of rendering that a model's tokenizer does not support."""
    asked = _stages(config).score_request
    models = [*config.matrix.model.values()] or [config.model]
    for model in dict.fromkeys([*models, *config.scoring.references.values()]):
        try:
            path = resolve_model(model)
        except DataselectError:
            continue  # among the faults of the models
        yield from refusals("rendering", Renderer, path, config.rendering, asked.ifd, asked.ratings)


def check_evaluation(config: ExperimentConfig) -> Iterator[str]:
    """Options of the evaluation."""
    folder = config.evaluation.task_path
    if folder is not None and not Path(folder).is_dir():
        yield f"evaluation.task_path: {folder} is not a folder"
    yield from refusals("evaluation", lambda: _evaluate_request(config).generation)


def _evaluate_request(config: ExperimentConfig) -> EvaluateRequest:
    return _stages(config).evaluate_request(config.model, config.tasks, Path("results"))


def check_tasks(config: ExperimentConfig) -> Iterator[str]:
    """Tasks that cannot be read, or that the options of the evaluation do not fit."""
    given = {one: list(refusals("tasks", find_tasks, [one])) for one in config.tasks}
    yield from (fault for found in given.values() for fault in found)
    usable = [one for one, found in given.items() if not found]
    if not usable:
        return
    try:
        request = _evaluate_request(config)
        generation = request.generation
    except DataselectError:
        return  # among the faults of the evaluation
    try:
        tasks = find_tasks(usable, request.task_path, generation)
    except DataselectError as error:
        yield f"tasks: {error}"
        return
    for task in tasks:
        yield from refusals("tasks", check_task, task, config.evaluation.run_code)
    if len(usable) == len(given):
        yield from refusals("evaluation", check_shots, config.evaluation.shots, tasks)


def check_targets(config: ExperimentConfig) -> Iterator[str]:
    """Target files that cannot be read."""
    wrong = [
        fault for name in config.targets for fault in refusals("targets", read_target_texts, [name], config.columns)
    ]
    yield from wrong or refusals("targets", lambda: find_sources(config.targets) if config.targets else None)


def check_wanted_targets(config: ExperimentConfig) -> Iterator[str]:
    """Targets that a strategy requires."""
    if config.wants_targets and not config.targets:
        yield "targets: a strategy looks at a target, but none is given"


def check_embeddings(config: ExperimentConfig) -> Iterator[str]:
    """Encoder and options of the embedding, if a strategy requires embeddings."""
    yield from refusals("embeddings", lambda: _stages(config).embed_request)
    if config.wants_embeddings:
        yield from refusals("encoder", check_installed, "faiss", "embed")
        yield from refusals("encoder", _check_encoder, config.encoder)


def _check_encoder(name: str) -> None:
    if isinstance(load_encoder(name), SentenceEncoder):
        check_installed("sentence_transformers", "embed")


def check_filters(config: ExperimentConfig) -> Iterator[str]:
    """Evaluation sets and packages that filters require."""
    for name, variant in config.variants.items():
        key = f"variants.{name}.filters"
        for file in variant.filters.decontaminate:
            yield from refusals(key, read_evaluation_texts, [file], config.columns)
        if "ngram" in variant.filters.dedup:
            yield from refusals(key, check_installed, "datasketch", "dedup")


def check_report(config: ExperimentConfig) -> Iterator[str]:
    """Packages and files that the report requires."""
    defects = config.known_defects
    if defects is not None:
        if not Path(defects).is_file():
            yield f"known_defects: there is no file {defects}"
        else:
            yield from refusals("known_defects", read_defects, Path(defects))


def check_columns(config: ExperimentConfig) -> Iterator[str]:
    """Columns that a strategy or filter requires and no stage of the experiment writes."""
    scored = table_schema(schema(True, True, RATINGS), list(config.scoring.references)).names
    there = {*scored, *SIMILARITY_COLUMNS}  # a similarity without a target is among the faults of the targets
    for name, plan in _plans(config):
        needed = [(f"strategies: {name}", column) for column in plan.ranking_needs.columns]
        for option, columns in plan.filters.columns.items():
            needed += [(f"variants.{name}: {option}", column) for column in columns]
        for key, column in needed:
            if column not in there:
                yield f"{key} needs the column {column}, {_maker(column, there)}"


def _maker(column: str, there: Collection[str]) -> str:
    if column.partition(".")[0] in _OF_CONTRAST:
        return "which takes a second model: name it under scoring.references"
    return f"which no stage of an experiment makes ({unknown('column', column, sorted(there)).hint})"


def check_ranking_inputs(config: ExperimentConfig) -> Iterator[str]:
    """Targets, embeddings and selections that a strategy requires and the experiment does not have."""
    stages = _stages(config)
    for cell in _listed(config):
        request = stages.select_request(cell)
        plan = make_plan(request)
        if not plan.needs.targets or config.targets:  # else among the faults of the targets
            yield from refusals(f"strategies: {cell.strategy}", check_inputs, plan, request)
        match = plan.needs.selection
        if match is not None and not match.is_file():
            yield f"strategies: {cell.strategy}: there is no selection {match} to match"


def _listed(config: ExperimentConfig) -> list[Cell]:
    """Return one cell of every listed strategy at every budget."""
    first = [cell for cell in cells(config) if cell.strategy in config.compared and cell.matches is None]
    return list({(cell.strategy, cell.budget): cell for cell in first}.values())


def _plans(config: ExperimentConfig) -> list[tuple[str, Plan]]:
    return [(cell.strategy, make_plan(_stages(config).select_request(cell))) for cell in _listed(config)]


def check_pool(config: ExperimentConfig) -> Iterator[str]:
    """The pool, read once from end to end, and the budgets, shortlists and quotas that it is too small for."""
    if STDIN in config.pools:
        yield "pools: standard input can be read once only, write it to a file first"
        return
    wrong = [fault for one in config.pools for fault in refusals("pools", find_sources, [one])]
    yield from wrong
    if wrong or not config.pools:
        return
    try:
        rows = sum(isinstance(item, Example) for item in PoolReader(config.pools, config.columns))
    except DataselectError as error:
        yield f"pools: {error}"
        return
    if not rows:
        yield "pools: they hold no readable record"
        return
    yield from _sizes(config, rows)


def _sizes(config: ExperimentConfig, rows: int) -> Iterator[str]:
    amounts: dict[int, str] = {}
    for text in config.budgets:
        budget = parse_budget(text)
        if budget.unit == "tokens":
            continue
        try:
            amount = budget.resolve(rows, None)
        except DataselectError as error:
            yield f"budgets: {error}"
            continue
        if amount in amounts:
            yield f"budgets: {amounts[amount]} and {text} are the same {amount:,} of {rows:,} rows"
        amounts[amount] = text
    sources = [source.name for source in find_sources(config.pools)]
    for name, plan in _plans(config):
        if not plan.budget.percent and plan.budget.value > rows and plan.budget.unit == "examples":
            continue  # among the faults of the budgets
        yield from refusals(f"strategies: {name}", check_sizes, plan.stages, plan.budget, rows)
        if plan.quota is not None:
            yield from refusals(f"variants.{name}.quota", plan.quota.of, sources)
