"""The alibi of each association in words and as a table, with the warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dataselect.reports.content import Block, Section, Table, TableCell, number, text
from dataselect.reports.numbers import ABSENT, probability, signed
from dataselect.run_analysis.findings import counted
from dataselect.run_analysis.presentation import Entry, count_cell, overall_entries, overall_first, p_cell

_TONES = {"warning": "worse", "caution": "worse", "holds": "better", "no number": "none"}
_ABOUT = (
    "An association over a few sources may live on a part of them, and one of a likelihood on the length. "
    "So each is shown with the length held fixed (partial Spearman), without each group in turn, and without the few "
    "groups, at most a third, that carry most of it. The interval is from drawing the groups anew. Coefficients are "
    "Spearman of property and score within each model, and their mean over models. A warning: the sign turns or less "
    "than half is left, and tables in which all groups share the relation (or in which the length has no part in it) "
    "fall as far in at most 5 % of cases, over all checks of one association together. A caution: the sign turns or "
    "less than half is left, but so it would in a sound table of this size: these groups cannot tell. One clean "
    "association in twenty has a warning."
)


def alibi_section(document: Entry) -> Section:
    """Show every alibi: those of the mean over models first, then of each model."""
    found = sorted(overall_first(document["alibis"]), key=lambda one: one["scope"] == "one model")
    headers = (
        "Property", "Task", "Method", "Over", "Runs", "Spearman", "Length held fixed", "p (length)", "Length",
        "Groups of", "Groups", "95 % over groups", "Without one", "Moves most", "Without the few that carry it",
        "These", "p (groups)", "Few groups",
    )  # fmt: skip
    rows = tuple(_cells(one, group) for one in found for group in one["groups"])
    sentences = tuple((text(line),) for one in found for line in (alibi_sentence(one), *warning_lines(one)))
    tables = (
        Table("alibis", "Every association and its alibi", headers, rows),
        Table("alibi-sentences", "In words", ("What it says",), sentences, folded=True),
    )
    lines = [line for one in found for line in warning_lines(one) if line.startswith("warning")]
    shown = tuple(lines) or ("No association has a warning.",)
    return Section(
        "alibis",
        "Do the associations hang on length or on few groups?",
        (Block(paragraphs=(_ABOUT, *shown), tables=tables),),
    )


def _cells(one: Entry, group: Entry) -> tuple[TableCell, ...]:
    length, few = one["length"], group["farthest"]
    return (
        text(one["property"]), text(one["task"]), text(one["method"]), text(_over(one)), count_cell(one["n"]),
        _signed_cell(one["estimate"]), _signed_cell(length["given"]), p_cell(length["p"]), _hold_cell(length),
        text(group["column"]), count_cell(group["groups"]), _range_cell(group["ci_low"], group["ci_high"]),
        _range_cell(group["low"], group["high"]), text(group["moves_most"] or ""),
        _signed_cell(few and few["without"]), text(listed_all(few["groups"]) if few else ""), p_cell(group["p"]),
        _hold_cell(group),
    )  # fmt: skip


def _signed_cell(value: float | None) -> TableCell:
    return number(ABSENT if value is None else signed(value, 3), value)


def _range_cell(low: float | None, high: float | None) -> TableCell:
    return number(ABSENT if low is None or high is None else f"{signed(low, 2)} to {signed(high, 2)}", low)


def _hold_cell(part: Entry) -> TableCell:
    return TableCell(part["note"] or part["hold"], part["hold"], _TONES[part["hold"]])


def _over(one: Entry) -> str:
    return str(one["model"]) if one["scope"] == "one model" else f"mean over {counted(one['n_models'], 'model')}"


def listed_all(names: Sequence[str]) -> str:
    """Join all names, the last with and."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def alibi_sentences(document: Entry) -> Iterator[str]:
    """State the alibi of the main associations, each with its warnings, and how many warnings there are elsewhere."""
    found = document["alibis"]
    several = [one for one in found if one["scope"] == "mean over models"]
    main = overall_entries(several or found)
    for one in main:
        yield alibi_sentence(one)
        yield from warning_lines(one)
    rest = [one for one in found if one not in main]
    warned = sum(any(line.startswith("warning") for line in warning_lines(one)) for one in rest)
    if rest:
        yield (
            f"Of the other {counted(len(rest), 'association')} (single models, other tasks) {warned:,} have a warning "
            "of length or few groups; one clean one in twenty has."
        )


def alibi_sentence(one: Entry) -> str:
    """State the coefficient, with the length held fixed, and without groups."""
    said = ", lower said to be better" if one["direction"] == "lower" else ""
    about = f"{one['property']} and {one['task']} ({one['method']}, {_over(one)}{said}): "
    if one["estimate"] is None:
        return f"{about}no number, because {one['note']}."
    without = f" Left out: {', '.join(one['left_out_models'])}." if one["left_out_models"] else ""
    groups = " ".join(_group_sentence(group) for group in one["groups"])
    return f"{about}Spearman {signed(one['estimate'], 3)}; {_length_phrase(one['length'])}. {groups}{without}"


def _length_phrase(length: Entry) -> str:
    if length["given"] is None:
        return str(length["note"])
    return f"with {length['length']} held fixed {signed(length['given'], 3)}"


def _group_sentence(group: Entry) -> str:
    about = f"{counted(group['groups'], 'group')} of {group['column']}: "
    if group["low"] is None:
        return f"{about}no number, because {group['note'] or 'nothing is left without any of them'}."
    interval = (
        "no interval over fewer than five"
        if group["ci_low"] is None
        else f"95 % over them {signed(group['ci_low'], 2)} to {signed(group['ci_high'], 2)}"
    )
    each = (
        f"{interval}; without one {signed(group['low'], 2)} to {signed(group['high'], 2)}, moved most by "
        f"{group['moves_most']} ({signed(group['without_most'], 2)})"
    )
    few = group["farthest"]
    if few is None or few["groups"] == [group["moves_most"]]:
        return f"{about}{each}."
    return f"{about}{each}; lowest without {listed_all(few['groups'])}: {signed(few['without'], 3)}."


def warning_lines(one: Entry) -> Iterator[str]:
    """Say in plain words what the association hangs on."""
    about = f"{one['property']} and {one['task']} ({one['method']}, {_over(one)})"
    yield from _length_lines(about, one)
    for group in one["groups"]:
        if group["hold"] in ("warning", "caution"):
            hangs = f"{about} hangs on few groups of {group['column']}"
            yield f"{group['hold']}: {hangs}: {_fall(one, group)}. {_reference(group)}"


def _length_lines(about: str, one: Entry) -> Iterator[str]:
    length = one["length"]
    if length["hold"] not in ("warning", "caution"):
        return
    if length["given"] is None:
        yield f"warning: {about} hangs on {length['length']}: {length['note']}."
        return
    turned = length["given"] * one["estimate"] < 0
    what = "the sign turns" if turned else "less than half is left"
    share = f"{probability(length['p'])}, over lengths dealt out at random"
    judged = (
        f"Lengths that have no part in it would not take so much (p {share})"
        if length["hold"] == "warning"
        else f"Lengths that have no part in it take as much from so weak a relation (p {share}), so this cannot tell"
    )
    yield (
        f"{length['hold']}: {about} hangs on {length['length']}: with it held fixed {what}, from "
        f"{signed(one['estimate'], 3)} to {signed(length['given'], 3)}. {judged}."
    )


def _fall(one: Entry, group: Entry) -> str:
    parts = []
    for key, words in (("halved", "less than half is left"), ("turned", "the sign turns")):
        found = group[key]
        if found is not None and (key == "turned" or found != group["turned"]):
            parts.append(
                f"{words} without {listed_all(found['groups'])} ({len(found['groups'])} of {group['groups']}: "
                f"from {signed(one['estimate'], 3)} to {signed(found['without'], 3)})"
            )
    return ", and ".join(parts)


def _reference(group: Entry) -> str:
    if group["p"] is None:
        return "There are too many groups to compare this with sound tables."
    if group["hold"] == "warning":
        return f"A relation of this size that all groups share would not fall so far (p {probability(group['p'])})."
    return (
        f"A relation of this size that all groups share falls as far (p {probability(group['p'])}): "
        f"{counted(group['groups'], 'group')} cannot tell whether these are the exception."
    )
