"""Agreement of models on which data helps: what is general, and what holds for one model only.

For every two models, Pearson and Spearman of their scores over the data sets that both were trained on. A baseline is
one number per model, so these are the correlations of gains too, whatever the baselines are worth.

    mean correlation   over all pairs of models, with an interval over the data sets (each resample is the same for all
                       pairs; the models are not resampled)
    general share      the share of the variance of scores centred per model that the data set alone explains. The rest
                       is specific to the model, or noise of single runs, which one run per cell cannot separate. For
                       scores that are pure noise it is 1 in m for m models (`by_chance`). p is that of the F test of
                       data sets in a two-way layout without replication. Only models with all data sets count here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from dataselect.comparison.bootstrap import named_generator, percentile_interval
from dataselect.comparison.multiple_testing import holm
from dataselect.reports.content import Block, Plot, Section, Table, number, text
from dataselect.reports.numbers import fixed, percent
from dataselect.run_analysis.coefficients import coefficients
from dataselect.run_analysis.config import AnalyzeConfig
from dataselect.run_analysis.grid import Grid, centred, known_means
from dataselect.run_analysis.presentation import (
    Entry,
    count_cell,
    grouped,
    interval,
    interval_cell,
    overall_entries,
    overall_first,
    p_cell,
    task_phrase,
)
from dataselect.run_analysis.run_table import Floats
from dataselect.run_analysis.uncertainty import MIN_UNITS, drawn_counts


@dataclass(frozen=True, slots=True)
class ModelPair:
    """Two models over the `n` data sets that both have; None where one of them is constant or they are too few."""

    first: str
    second: str
    n: int
    pearson: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True)
class MeanCorrelation:
    """The mean over the pairs that have a coefficient."""

    pairs: int
    estimate: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """All models on one task with one method.

    Attributes:
        n_models, n_datasets: Of the general share: models that have every data set, and how many those are.
        p_holm: Of p, over all tasks and methods.
    """

    task: str
    method: str
    pairs: tuple[ModelPair, ...]
    pearson: MeanCorrelation
    spearman: MeanCorrelation
    n_models: int
    n_datasets: int
    general_share: float | None
    by_chance: float | None
    p: float | None
    p_holm: float | None = None


def agreements(grids: list[Grid], config: AnalyzeConfig) -> tuple[Agreement, ...]:
    """Compute one per task and method with two models, five data sets, and scores that differ at all."""
    found = [one for grid in grids for one in _grid_agreements(grid, config)]
    return tuple(replace(one, p_holm=p) for one, p in zip(found, holm([one.p for one in found]), strict=True))


def _grid_agreements(grid: Grid, config: AnalyzeConfig) -> Iterator[Agreement]:
    if len(grid.models) < 2 or len(grid.datasets) < MIN_UNITS:
        return
    for scores, task in zip(grid.scores, grid.tasks, strict=True):
        if not np.nan_to_num(centred(scores)).any():
            continue
        n_datasets = scores.shape[1]
        rng = named_generator(config.seed, "agreement", grid.method, task.name)
        held = np.vstack([np.ones(n_datasets), drawn_counts(n_datasets, config.resamples, rng)])
        pairs, pearson, spearman = _model_pairs(grid.models, scores, held)
        whole = np.isfinite(scores).all(axis=1)
        general_share, by_chance, p = _general_share(scores[whole])
        yield Agreement(
            task=task.name, method=grid.method, pairs=pairs, pearson=_mean_correlation(pearson),
            spearman=_mean_correlation(spearman), n_models=int(whole.sum()), n_datasets=n_datasets,
            general_share=general_share, by_chance=by_chance, p=p,
        )  # fmt: skip


def _model_pairs(
    models: tuple[str, ...], scores: Floats, held: Floats
) -> tuple[tuple[ModelPair, ...], list[Floats], list[Floats]]:
    """Correlate every two models, as the data sets are and in every resample."""
    pairs, pearson, spearman = [], [], []
    for a, b in combinations(range(len(models)), 2):
        both = np.isfinite(scores[a]) & np.isfinite(scores[b])
        n = int(both.sum())
        ends: tuple[float | None, float | None] = (None, None)
        if n >= MIN_UNITS:
            found = coefficients(scores[a][both], scores[b][both], held[:, both])
            pearson.append(found.pearson)
            spearman.append(found.spearman)
            ends = _finite(found.pearson[0]), _finite(found.spearman[0])
        pairs.append(ModelPair(models[a], models[b], n, *ends))
    return tuple(pairs), pearson, spearman


def _mean_correlation(pairs: list[Floats]) -> MeanCorrelation:
    """Average the pairs that are defined for the data sets as they are; in a resample, those that are defined there."""
    defined = [one for one in pairs if np.isfinite(one[0])]
    if not defined:
        return MeanCorrelation(0, None, None, None)
    means = known_means(np.array(defined), axis=0)
    found = percentile_interval(means[1:])
    ends = (None, None) if found is None else (_finite(found.low), _finite(found.high))
    return MeanCorrelation(len(defined), float(means[0]), *ends)


def _general_share(scores: Floats) -> tuple[float | None, float | None, float | None]:
    """Return the general share, its value by chance, and p, of (n_models, n_datasets) without missing cells."""
    from scipy.stats import f

    m, d = scores.shape
    values = centred(scores)
    total = float((values**2).sum())
    if m < 2 or total == 0:
        return None, None, None
    between = m * float((values.mean(axis=0) ** 2).sum())
    rest = max(total - between, 0.0)
    freedom = d - 1, (d - 1) * (m - 1)
    ratio = (between / freedom[0]) / (rest / freedom[1]) if rest > 0 else float("inf")
    return between / total, 1 / m, float(f.sf(ratio, *freedom))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


_HEADERS = (
    "Task", "Method", "Pairs", "Mean Pearson (95 %)", "Mean Spearman (95 %)", "Models", "General share", "By chance",
    "p", "p after Holm",
)  # fmt: skip


def agreement_section(document: Entry) -> Section:
    """Show the general share of every task, and the models pair by pair."""
    about = (
        "Every two models are correlated over the data sets that both were trained on. A baseline is one number per "
        "model, so correlations of scores are those of gains. The general share is the part of the differences within "
        "models that the data set alone explains; the rest is specific to a model, or noise of single runs. Intervals "
        "are over data sets."
    )
    found = document["agreements"]
    rows = tuple(
        (
            text(one["task"]), text(one["method"]), count_cell(one["pearson"]["pairs"]),
            interval_cell(one["pearson"], 2), interval_cell(one["spearman"], 2), count_cell(one["n_models"]),
            number(percent(one["general_share"]), one["general_share"]),
            number(percent(one["by_chance"]), one["by_chance"]), p_cell(one["p"]), p_cell(one["p_holm"]),
        )
        for one in found
    )  # fmt: skip
    blocks = [Block(paragraphs=(about,), tables=(Table("agreement", "Agreement between models", _HEADERS, rows),))]
    for place, (method, those) in enumerate(grouped(found, "method").items()):
        blocks.append(_pair_block(f"pairs-{place}", method, those))
    return Section("agreement", "What is general, and what only one model's", tuple(blocks))


def _pair_block(key: str, method: str, found: Sequence[Entry]) -> Block:
    first = overall_first(found)
    models = list(
        dict.fromkeys(name for one in found for pair in one["pairs"] for name in (pair["first"], pair["second"]))
    )
    series = [{"amount": one["task"], "values": _matrix(models, one["pairs"])} for one in first]
    data = {"rows": models, "columns": models, "series": series, "choice": "Task", "limit": 1}
    plot = Plot(f"{key}-plot", "matrix", "", f"Pearson of every two models, {method}; see the table below.", data)
    rows = tuple(
        (
            text(pair["first"]), text(pair["second"]), count_cell(pair["n"]),
            number(fixed(pair["pearson"], 2), pair["pearson"]), number(fixed(pair["spearman"], 2), pair["spearman"]),
        )
        for pair in first[0]["pairs"]
    )  # fmt: skip
    headers = ("Model", "Other model", "Data sets", "Pearson", "Spearman")
    table = Table(key, f"Every two models, {first[0]['task']}, {method}", headers, rows, folded=True)
    return Block(title=f"Pairs of models, {method}", plots=(plot,), tables=(table,))


def _matrix(models: Sequence[str], pairs: Sequence[Entry]) -> list[list[float | None]]:
    known = {frozenset((pair["first"], pair["second"])): pair["pearson"] for pair in pairs}
    return [[known.get(frozenset((a, b))) if a != b else None for b in models] for a in models]


def agreement_sentences(document: Entry) -> Iterator[str]:
    """State how far any two models agree, and how much is general."""
    for one in overall_entries(document["agreements"]):
        if one["general_share"] is not None:
            yield (
                f"{one['method']}, {task_phrase(one['task'])}: any two models agree on the data sets by Pearson "
                f"{interval(one['pearson'], 2)}; {percent(one['general_share'])} of the differences within models is "
                f"general, where noise alone would give {percent(one['by_chance'])}."
            )
