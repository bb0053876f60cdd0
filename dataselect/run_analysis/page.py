"""The page of an analysis: the summary, the checks, then every part with its unit of uncertainty beside it."""

from __future__ import annotations

from collections.abc import Iterator

from dataselect.reports.content import Block, Report, Section, Table, text
from dataselect.run_analysis.agreement import agreement_section, agreement_sentences
from dataselect.run_analysis.alibi_section import alibi_section, alibi_sentences
from dataselect.run_analysis.association_section import association_section, property_sentences
from dataselect.run_analysis.curves import curve_section, curve_sentences
from dataselect.run_analysis.extremes import extremes_section, extremes_sentences
from dataselect.run_analysis.findings import check_section, counted
from dataselect.run_analysis.forecast_section import forecast_section, forecast_sentences
from dataselect.run_analysis.heat_maps import heat_map_section
from dataselect.run_analysis.leave_one_out import prediction_section, prediction_sentences
from dataselect.run_analysis.paired_comparisons import comparison_section, comparison_sentences
from dataselect.run_analysis.presentation import Entry

_SECTIONS = {
    "extremes": extremes_section,
    "associations": association_section,
    "alibis": alibi_section,
    "predictions": prediction_section,
    "forecasts": forecast_section,
    "agreements": agreement_section,
    "comparisons": comparison_section,
    "curves": curve_section,
    "heat_maps": heat_map_section,
}
"""Part of the document -> its section, in the order of the page; a part without entries has none."""

_CORRECTIONS = {
    "associations": "Holm within each question, all properties, tasks and methods of it together",
    "data sets": "Holm within each task and method",
    "agreement": "Holm over all tasks and methods",
    "comparisons": "Holm over the tasks of each comparison; the mean over tasks is a test of its own",
}


def build_page(document: Entry) -> Report:
    """Arrange an analysis, as `analyze.json` holds it, into a page."""
    parts = [make(document) for key, make in _SECTIONS.items() if document[key]]
    return Report(
        title="Which data helps, and what predicts it?",
        lede=f"What the runs in {document['source']['name']} say about which data helps, and how certain that is.",
        sections=(_summary_section(document), check_section(document), *parts, _reproduction_section(document)),
        made_from="analyze.json", drawings=("analysis_plots.js",),
    )  # fmt: skip


def summary(document: Entry) -> Iterator[str]:
    """State what a reader must know first."""
    source = document["source"]
    excluded = f", {source['excluded']:,} of them excluded" if source["excluded"] else ""
    yield (
        f"{source['name']} has {counted(source['rows'], 'row')}{excluded}: {counted(source['models'], 'model')}, "
        f"{counted(source['datasets'], 'data set')}, {counted(source['tasks'], 'task')}."
    )
    serious = sum(one["severity"] == "serious" for one in document["findings"])
    notes = counted(len(document["findings"]) - serious, "note")
    first = " Read them before the numbers." if serious else ""
    yield f"The checks have {counted(serious, 'serious finding')} and {notes}.{first}"
    yield from extremes_sentences(document)
    yield from property_sentences(document)
    yield from alibi_sentences(document)
    yield from prediction_sentences(document)
    yield from forecast_sentences(document)
    yield from agreement_sentences(document)
    yield from comparison_sentences(document)
    yield from curve_sentences(document)


def _summary_section(document: Entry) -> Section:
    tests = "; ".join(
        f"{count:,} of {name} ({_CORRECTIONS[name]})" for name, count in document["tests"].items() if count
    )
    shown = "A corrected p below 0.05 is called shown; a test whose p could not have been below it is marked as such."
    notes = (
        f"Tests: {tests}. {shown}" if tests else "No hypothesis was tested.",
        "Centred means minus the mean of the same model over its data sets: a baseline is the same number for all runs "
        "of a model, so centred numbers need none.",
    )
    methods = ", ".join(
        f"{one['method']} ({one['runs']:,} runs, {one['models']} models, {one['datasets']} data sets)"
        for one in document["methods"]
    )
    compared = (f"Methods analysed: {methods}.",) if methods else ()
    return Section("glance", "In short", (Block(paragraphs=(*summary(document), *compared), notes=notes),))


def _reproduction_section(document: Entry) -> Section:
    source = document["source"]
    rows = tuple((text(name), text(value)) for name, value in source["sha256"].items())
    about = (
        f"Bootstrap of {document['resamples']:,} draws, permutation tests of at least {document['permutations']:,} "
        f"(more where p is small, all of them where those are few), seed {document['seed']}."
    )
    tables = (Table("file-digests", "Files read", ("File", "sha256"), rows),)
    blocks = [Block(paragraphs=(about,), tables=tables)]
    if source["config"]:
        blocks.append(Block(title="Configuration", code=source["config"]))
    return Section("reproduce", "How to reproduce", tuple(blocks))
