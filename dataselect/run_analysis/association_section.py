"""The section and sentences on properties: how they correlate with scores, and the plot of one against the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dataselect.reports.content import Block, Plot, Section, Table, TableCell, number, text
from dataselect.reports.numbers import ABSENT, fixed, probability, signed
from dataselect.run_analysis.findings import counted
from dataselect.run_analysis.presentation import (
    Entry,
    count_cell,
    effect_point,
    grouped,
    interval,
    interval_cell,
    overall_entries,
    overall_first,
    p_cell,
)
from dataselect.run_analysis.run_table import OVERALL

_COUNTS = ("tests", "shown", "not_showable", "without_number")
_SCOPES = {"one model": "one model", "pooled": "pooled gains", "centred": "centred per model"}


def association_section(document: Entry) -> Section:
    """Show for every property a plot of Spearman's coefficients, a table, and the sentence of each."""
    about = (
        "Each coefficient with its 95 % interval from resampling both models and data sets, because runs that share "
        "either are not independent. p is a permutation test of Spearman in which the data set is the unit. Pooled "
        "gains rest on the baselines and mix which data helps with which model gains; one model and centred need none. "
        "Each scope is a question of its own: p after Holm is corrected over all tests of that question, whatever the "
        "property, the task and the method, and over no others. Lowest is the smallest p after Holm that any outcome "
        "could have had: where it is not below 0.05, the data could not have shown a relation, and not having shown "
        "one says nothing. Spearman without one is its range without one data set, or one model, each in turn; one of "
        "them carries it if without it the sign is another, or less than half is left."
    )
    blocks = [Block(paragraphs=(about,), tables=(_question_table(document["questions"]),))]
    for place, (name, found) in enumerate(grouped(document["associations"], "property").items()):
        points = relation_plot(f"property-{place}-points", name, document)
        blocks.append(_property_block(f"property-{place}", name, found, points))
    return Section("associations", "Do properties of the data correlate with the scores?", tuple(blocks))


def _question_table(asked: Sequence[Entry]) -> Table:
    rows = tuple((text(one["words"]), text(one["scope"]), *(count_cell(one[key]) for key in _COUNTS)) for one in asked)
    headers = ("Question", "Scope", "Tests", "Hold after Holm over these", "Could not have held", "Without a number")
    return Table("questions", "What was asked, and over what it is corrected", headers, rows)


def _property_block(key: str, name: str, found: Sequence[Entry], points: Plot) -> Block:
    given = list(dict.fromkeys(e["given"] for one in found for e in one["estimates"] if e["given"]))
    partial = [(coefficient, control) for control in given for coefficient in ("Pearson", "Spearman")]
    headers = (
        "Task", "Method", "Scope", "Runs", "Data sets", "Pearson (95 %)", "Spearman (95 %)", "Kendall (95 %)",
        "Spearman without one", "Carried by", *(f"{c} given {control} (95 %)" for c, control in partial),
        "p", "p after Holm", "Tests", "Lowest", "Verdict",
    )  # fmt: skip
    sentences = tuple((text(association_sentence(one)),) for one in found)
    tables = (
        Table(key, f"{name}: coefficients", headers, tuple(_association_cells(one, partial) for one in found)),
        Table(f"{key}-sentences", f"{name}: in words", ("What it says",), sentences, folded=True),
    )
    return Block(title=name, plots=(points, *_coefficient_plots(key, name, found)), tables=tables)


def _coefficient_plots(key: str, name: str, found: Sequence[Entry]) -> tuple[Plot, ...]:
    tasks = dict.fromkeys(one["task"] for one in found)
    wanted = OVERALL if OVERALL in tasks else next(iter(tasks))
    points = [
        effect_point(f"{one['model'] or _SCOPES[one['scope']]}, {one['method']}", spearman, "none", places=2)
        for one in found
        if one["task"] == wanted and (spearman := _estimate(one, "Spearman")) and spearman["ci_low"] is not None
    ]
    if not points:
        return ()
    data = {"title": f"Spearman of {name} and {wanted}", "points": points, "plain": True}
    return (Plot(f"{key}-plot", "effects", "", f"Spearman's coefficients of {name}; see the table below.", data),)


def _association_cells(one: Entry, partial: Sequence[tuple[str, str]]) -> tuple[TableCell, ...]:
    spearman = _estimate(one, "Spearman")
    return (
        text(one["task"]), text(one["method"]), text(one["model"] or _SCOPES[one["scope"]]), count_cell(one["n"]),
        count_cell(one["n_datasets"]),
        *(_coefficient_cell(_estimate(one, name)) for name in ("Pearson", "Spearman", "Kendall")),
        *_without_one_cells({"low": None} if spearman is None else spearman["leave_one_out"]),
        *(_coefficient_cell(_estimate(one, *key)) for key in partial),
        p_cell(one["p"]), p_cell(one["p_holm"]), count_cell(one["tests"]), p_cell(one["p_least"]),
        text(one["verdict"]),
    )  # fmt: skip


def _estimate(one: Entry, coefficient: str, given: str | None = None) -> Entry | None:
    found = (e for e in one["estimates"] if (e["coefficient"], e["given"]) == (coefficient, given))
    return next(found, None)


def _coefficient_cell(estimate: Entry | None) -> TableCell:
    if estimate is None or estimate["estimate"] is None:
        return number(ABSENT, None)
    return interval_cell(estimate, 2)


def _without_one_cells(found: Entry) -> tuple[TableCell, TableCell]:
    if found["low"] is None:
        return number(ABSENT, None), text("")
    shown = f"{signed(found['low'], 2)} to {signed(found['high'], 2)}"
    return number(shown, found["low"]), text(found["carried_by"] or "")


def relation_plot(key: str, name: str, document: Entry) -> Plot:
    """Plot a property against every task, one point per model and data set, both minus the model's mean.

    The task is chosen on the page; colours are methods.
    """
    maps = {one["method"]: one for one in document["property_maps"] if one["property"] == name}
    heat = [one for one in document["heat_maps"] if one["method"] in maps]
    series = [
        {"amount": one["task"], "label": one["method"], "points": _relation_points(maps[one["method"]], one)}
        for one in overall_first(heat)
    ]
    return Plot(
        key, "relation", "", f"{name} and scores, both minus the model's mean; coefficients are in the table below.",
        {"x": name, "series": series, "choice": "Task"},
    )  # fmt: skip


def _relation_points(values: Entry, scores: Entry) -> list[list[Any]]:
    return [
        [x, y, f"{model}, {dataset}"]
        for model, xs, ys in zip(values["models"], values["centred"], scores["centred"], strict=True)
        for dataset, x, y in zip(values["datasets"], xs, ys, strict=True)
        if x is not None and y is not None
    ]


def property_sentences(document: Entry) -> Iterator[str]:
    """State what was asked of the properties, and what each relation is."""
    if not document["source"]["properties"]:
        yield "The table holds no property of the data, so no property was tested as a predictor of the scores."
        return
    yield from map(question_sentence, document["questions"])
    scopes = {one["scope"] for one in document["associations"] if one["p"] is not None}
    wanted = "centred" if "centred" in scopes else "one model"
    yield from (
        association_sentence(one) for one in overall_entries(document["associations"]) if one["scope"] == wanted
    )


def question_sentence(asked: Entry) -> str:
    """Count the tests of a question, those that hold, and those that could not have held."""
    question = f"{asked['words']} ({asked['scope']}): "
    if not asked["tests"]:
        return f"{question}no test could be made."
    question += f"{asked['shown']:,} of {counted(asked['tests'], 'test')} hold after Holm's correction over these"
    if asked["not_showable"] == asked["tests"]:
        return f"{question}; none could have held: too few data sets for so many tests."
    never = f"; {asked['not_showable']:,} could not have held" if asked["not_showable"] else ""
    return f"{question}{never}."


def association_sentence(entry: Entry) -> str:
    """State what one property has to do with one task."""
    where = {"one model": f"under {entry['model']}", "pooled": "all models pooled", "centred": "centred per model"}
    about = f"{entry['property']} and {'gain' if entry['needs_baseline'] else 'score'} on {entry['task']}"
    about += f" ({entry['method']}, {where[entry['scope']]}"
    if entry["verdict"] == "no number":
        return f"{about}): no number, because {entry['note'] or 'one side is the same everywhere'}."
    spearman = next(e for e in entry["estimates"] if e["coefficient"] == "Spearman" and e["given"] is None)
    return (
        f"{about}, {entry['n']} runs, {entry['n_datasets']} data sets): Spearman {interval(spearman, 2)}"
        f"{_without_one(spearman['leave_one_out'], entry['n_models'])}; p {probability(entry['p'])}, "
        f"{probability(entry['p_holm'])} after Holm over the {counted(entry['tests'], 'test')} of this question "
        f"({entry['scope']}): {_verdict(entry)}."
    )


def _without_one(found: Entry, n_models: int) -> str:
    if found["low"] is None:
        return ""
    unit = "data set or model" if n_models > 1 else "data set"
    shown = f", without one {unit} {signed(found['low'], 2)} to {signed(found['high'], 2)}"
    if found["carried_by"] is None:
        return shown
    return f"{shown} (warning: {found['carried_by']} alone carries it, without it {signed(found['without'], 2)})"


def _verdict(entry: Entry) -> str:
    if entry["verdict"] == "relation":
        return "a relation"
    if entry["verdict"] == "none shown":
        least = entry["shown_from"]
        would = f"; a Spearman of {fixed(least, 2)} or farther from 0 would have been" if least else ""
        return f"no relation shown{would}"
    among = entry["allowed_tests"]
    fewer = f", or these among at most {counted(among, 'test')}" if among else ""
    return (
        "nothing could be shown here, since even the closest relation would have p "
        f"{probability(entry['p_least'])} after Holm. {entry['needed_datasets']} data sets that all differ would be "
        f"enough{fewer}"
    )
