"""The page of an analysis: what to read first, the checks, then every part with its unit of certainty beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.prediction.page_agreement import agreement_section, heat_map_section
from dataselect.prediction.page_associations import association_section, prediction_section
from dataselect.prediction.page_checks import check_section
from dataselect.prediction.page_comparisons import comparison_section, curve_section
from dataselect.prediction.page_extremes import extremes_section
from dataselect.prediction.sentences import glance
from dataselect.reports.content import Block, Section, Table, text
from dataselect.reports.report import Report

_FAMILIES = {
    "associations": "Holm over all of them",
    "data sets": "Holm within each task and method",
    "agreement": "Holm over all tasks and methods",
    "comparisons": "Holm over the tasks of each comparison; the mean over tasks is a test of its own",
}


def build_page(document: Mapping[str, Any]) -> Report:
    """Arrange an analysis, as `analyze.json` holds it, into a page."""
    sections = [_glance(document), check_section(document)]
    for key, make in (
        ("extremes", extremes_section),
        ("associations", association_section),
        ("predictions", prediction_section),
        ("agreements", agreement_section),
        ("comparisons", comparison_section),
        ("curves", curve_section),
        ("heat_maps", heat_map_section),
    ):
        if document[key]:
            sections.append(make(document))
    sections.append(_reproduce(document))
    lede = f"What the runs in {document['source']['name']} say about which data helps, and how certain that is."
    return Report(
        "Does it tell which data will help?", lede, tuple(sections), made_from="analyze.json",
        drawings=("prediction_plots.js",),
    )  # fmt: skip


def _glance(document: Mapping[str, Any]) -> Section:
    tests = document["tests"]
    told = "; ".join(f"{count:,} of {name} ({_FAMILIES[name]})" for name, count in tests.items() if count)
    notes = (
        f"Tests: {told}. A corrected p below 0.05 is called shown." if told else "No hypothesis was tested.",
        "Centred means minus the mean of the same model over its data sets: a baseline is the same number for all runs "
        "of a model, so centred numbers need none.",
    )
    methods = ", ".join(
        f"{one['method']} ({one['runs']:,} runs, {one['models']} models, {one['datasets']} data sets)"
        for one in document["methods"]
    )
    compared = (f"Methods looked at: {methods}.",) if methods else ()
    return Section("glance", "In short", (Block(paragraphs=(*glance(document), *compared), notes=notes),))


def _reproduce(document: Mapping[str, Any]) -> Section:
    source = document["source"]
    rows = tuple((text(name), text(value)) for name, value in source["sha256"].items())
    about = (
        f"Bootstrap of {document['resamples']:,} draws, permutation tests of {document['permutations']:,}, seed "
        f"{document['seed']}."
    )
    tables = (Table("file-digests", "Files read", ("File", "sha256"), rows),)
    blocks = [Block(paragraphs=(about,), tables=tables)]
    if source["config"]:
        blocks.append(Block(title="Configuration", code=source["config"]))
    return Section("reproduce", "How to reproduce", tuple(blocks))
