"""The sections on properties: how they go with scores, and what they predict for a model not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.prediction.grid import OVERALL
from dataselect.prediction.page_relation import relation_plot
from dataselect.prediction.sentences import association, interval
from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, count, fixed, probability

_SCOPES = {"one model": "one model", "pooled": "pooled gains", "centred": "centred per model"}


def association_section(document: Mapping[str, Any]) -> Section:
    """Per property: a plot of Spearman's coefficients, a table, and the sentence of each."""
    found = document["associations"]
    about = (
        "Each coefficient with its 95 % interval from resampling models and data sets, both, because runs that share "
        "either are not independent. p is a permutation test of Spearman in which the data set is the unit. Pooled "
        "gains rest on the baselines and mix which data helps with which model gains; one model and centred need none."
    )
    blocks = [Block(paragraphs=(about,))]
    for place, name in enumerate(dict.fromkeys(one["property"] for one in found)):
        mine = [one for one in found if one["property"] == name]
        points = relation_plot(f"property-{place}-points", name, document)
        blocks.append(_property(f"property-{place}", name, mine, document["tests"]["associations"], points))
    return Section("associations", "Do properties of the data go with what it gave?", tuple(blocks))


def _property(key: str, name: str, found: Sequence[Mapping[str, Any]], tests: int, points: Plot) -> Block:
    given = list(dict.fromkeys(e["given"] for one in found for e in one["estimates"] if e["given"]))
    headers = ["Task", "Method", "Scope", "Runs", "Data sets", "Pearson (95 %)", "Spearman (95 %)", "Kendall (95 %)"]
    headers += [f"{c} given {g} (95 %)" for g in given for c in ("Pearson", "Spearman")]
    rows = tuple(_cells(one, given) for one in found)
    sentences = tuple((text(association(one, tests)),) for one in found)
    tables = (
        Table(key, f"{name}: coefficients", (*headers, "p", "p after Holm"), rows),
        Table(f"{key}-sentences", f"{name}: in words", ("What it says",), sentences, folded=True),
    )
    return Block(title=name, plots=(points, *_plots(key, name, found)), tables=tables)


def _plots(key: str, name: str, found: Sequence[Mapping[str, Any]]) -> tuple[Plot, ...]:
    tasks = dict.fromkeys(one["task"] for one in found)
    wanted = OVERALL if OVERALL in tasks else next(iter(tasks))
    points = []
    for one in found:
        spearman = _get(one, "Spearman", None)
        if one["task"] == wanted and spearman is not None and spearman["ci_low"] is not None:
            label = f"{one['model'] or _SCOPES[one['scope']]}, {one['method']}"
            ends = [spearman["estimate"], spearman["ci_low"], spearman["ci_high"]]
            points.append({"label": label, "range": ends, "tone": "none", "hover": f"{label}: {interval(spearman, 2)}"})
    if not points:
        return ()
    data = {"title": f"Spearman of {name} and {wanted}", "points": points, "plain": True}
    return (Plot(f"{key}-plot", "effects", "", f"Spearman's coefficients of {name}; see the table below.", data),)


def _cells(one: Mapping[str, Any], given: Sequence[str]) -> tuple[Cell, ...]:
    wanted: list[tuple[str, str | None]] = [("Pearson", None), ("Spearman", None), ("Kendall", None)]
    wanted += [(c, g) for g in given for c in ("Pearson", "Spearman")]
    return (
        text(one["task"]),
        text(one["method"]),
        text(one["model"] or _SCOPES[one["scope"]]),
        number(count(one["n"]), one["n"]),
        number(count(one["n_datasets"]), one["n_datasets"]),
        *(_coefficient(_get(one, *key)) for key in wanted),
        number(probability(one["p"]), one["p"]),
        number(probability(one["p_holm"]), one["p_holm"]),
    )


def _get(one: Mapping[str, Any], coefficient: str, given: str | None) -> Mapping[str, Any] | None:
    found = (e for e in one["estimates"] if (e["coefficient"], e["given"]) == (coefficient, given))
    return next(found, None)


def _coefficient(estimate: Mapping[str, Any] | None) -> Cell:
    if estimate is None or estimate["estimate"] is None:
        return number(ABSENT, None)
    return number(interval(estimate, 2), estimate["estimate"])


def prediction_section(document: Mapping[str, Any]) -> Section:
    """Errors on models left out, and each of these models."""
    about = (
        "Each model is predicted by a linear regression fitted on the others. Skill is 1 minus the squared error over "
        "that of a prediction without any predictor: 0 is no better, below 0 worse. The predictor data set is the mean "
        "of the other models on the same data. Intervals are over models."
    )
    headers = ("Task", "Method", "Predicted", "From", "Runs", "Models", "Error without", "Error", "Skill (95 %)")
    rows = tuple(
        (
            text(one["task"]), text(one["method"]), text(one["target"]), text(one["predictor"]),
            number(count(one["n"]), one["n"]), number(count(one["n_models"]), one["n_models"]),
            number(fixed(one["rmse_without"], 3), one["rmse_without"]), number(fixed(one["rmse"], 3), one["rmse"]),
            number(interval(one, 2, "skill"), one["skill"]),
        )
        for one in document["predictions"]
    )  # fmt: skip
    left = tuple(
        (
            text(model["model"]), text(one["task"]), text(one["method"]), text(one["predictor"]),
            number(count(model["n"]), model["n"]), number(fixed(model["rmse_without"], 3), model["rmse_without"]),
            number(fixed(model["rmse"], 3), model["rmse"]),
        )
        for one in document["predictions"] if one["task"] == OVERALL for model in one["models"]
    )  # fmt: skip
    tables = [Table("predictions", "Leaving one model out: root mean squared errors", headers, rows)]
    if left:
        names = ("Model", "Task", "Method", "From", "Runs", "Error without", "Error")
        tables.append(Table("left-out", "Each model left out", names, left, folded=True))
    return Section("predictions", "Predicting a model not seen", (Block(paragraphs=(about,), tables=tuple(tables)),))
