"""The sections of agreement between models, and of the heat map of models and data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.prediction.grid import OVERALL
from dataselect.prediction.sentences import interval
from dataselect.reports.content import Block, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, count, decimals, fixed, percent, probability, signed

_HEADERS = (
    "Task", "Method", "Pairs", "Mean Pearson (95 %)", "Mean Spearman (95 %)", "Models", "General share", "By chance",
    "p", "p after Holm",
)  # fmt: skip


def agreement_section(document: Mapping[str, Any]) -> Section:
    """How much is general and how much model-specific, task by task, and the models pair by pair."""
    about = (
        "Every two models are correlated over the data sets that both were trained on. A baseline is one number per "
        "model, so correlations of scores are those of gains. The general share is what the data set alone tells "
        "of the differences within models; the rest is specific to a model, or noise of single runs. Intervals are "
        "over data sets."
    )
    found = document["agreements"]
    rows = tuple(
        (
            text(one["task"]), text(one["method"]), number(count(one["pearson"]["pairs"]), one["pearson"]["pairs"]),
            number(interval(one["pearson"], 2), one["pearson"]["estimate"]),
            number(interval(one["spearman"], 2), one["spearman"]["estimate"]),
            number(count(one["n_models"]), one["n_models"]),
            number(percent(one["general_share"]), one["general_share"]),
            number(percent(one["by_chance"]), one["by_chance"]),
            number(probability(one["p"]), one["p"]), number(probability(one["p_holm"]), one["p_holm"]),
        )
        for one in found
    )  # fmt: skip
    blocks = [Block(paragraphs=(about,), tables=(Table("agreement", "Agreement between models", _HEADERS, rows),))]
    for place, method in enumerate(dict.fromkeys(one["method"] for one in found)):
        blocks.append(_pairs(f"pairs-{place}", method, [one for one in found if one["method"] == method]))
    return Section("agreement", "What is general, and what only one model's", tuple(blocks))


def _pairs(key: str, method: str, found: Sequence[Mapping[str, Any]]) -> Block:
    first = _overall_first(found)
    models = list(
        dict.fromkeys(name for one in found for pair in one["pairs"] for name in (pair["first"], pair["second"]))
    )
    series = [{"amount": one["task"], "values": _matrix(models, one["pairs"])} for one in first]
    data = {"rows": models, "columns": models, "series": series, "choice": "Task", "limit": 1}
    plot = Plot(f"{key}-plot", "matrix", "", f"Pearson of every two models, {method}; see the table below.", data)
    rows = tuple(
        (
            text(pair["first"]), text(pair["second"]), number(count(pair["n"]), pair["n"]),
            number(fixed(pair["pearson"], 2), pair["pearson"]), number(fixed(pair["spearman"], 2), pair["spearman"]),
        )
        for pair in first[0]["pairs"]
    )  # fmt: skip
    headers = ("Model", "Other model", "Data sets", "Pearson", "Spearman")
    table = Table(key, f"Every two models, {first[0]['task']}, {method}", headers, rows, folded=True)
    return Block(title=f"Pairs of models, {method}", plots=(plot,), tables=(table,))


def _matrix(models: Sequence[str], pairs: Sequence[Mapping[str, Any]]) -> list[list[float | None]]:
    known = {frozenset((pair["first"], pair["second"])): pair["pearson"] for pair in pairs}
    return [[known.get(frozenset((a, b))) if a != b else None for b in models] for a in models]


def _overall_first(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(found, key=lambda one: one["task"] != OVERALL)


def heat_map_section(document: Mapping[str, Any]) -> Section:
    """Model by data set: centred, with a choice of the task."""
    about = (
        "Score minus the mean of the same model over its data sets, so that colours compare data sets, not models. "
        "The gains over the baselines are in analyze.json."
    )
    found = document["heat_maps"]
    blocks = [Block(paragraphs=(about,))]
    for place, method in enumerate(dict.fromkeys(one["method"] for one in found)):
        blocks.append(_heat_map(f"heat-map-{place}", method, [one for one in found if one["method"] == method]))
    return Section("heat-maps", "Models and data sets", tuple(blocks))


def _heat_map(key: str, method: str, found: Sequence[Mapping[str, Any]]) -> Block:
    ordered = _overall_first(found)
    models, datasets = ordered[0]["models"], ordered[0]["datasets"]
    series = [{"amount": one["task"], "values": one["centred"]} for one in ordered]
    data = {"rows": models, "columns": datasets, "series": series, "choice": "Task", "limit": None}
    plot = Plot(
        f"{key}-plot", "matrix", "", f"Models and data sets, {method}; the first task is in the table below.", data
    )
    values = [abs(v) for row in ordered[0]["centred"] for v in row if v is not None]
    places = decimals(None, max(values, default=None))
    rows = tuple(
        (text(model), *(number(ABSENT if v is None else signed(v, places), v) for v in row))
        for model, row in zip(models, ordered[0]["centred"], strict=True)
    )
    table = Table(key, f"{ordered[0]['task']}, {method}", ("Model", *datasets), rows, folded=True)
    return Block(title=method, plots=(plot,), tables=(table,))
