"""The sections of the report of a comparison, one file each: the data computed for it, and the view of them.

A new section is one new file that defines `SECTION`, and its name in `SECTIONS`. Verdicts, results and settings have no
data of their own: they are views of the comparison's rows (`report.build_report`).
"""

from __future__ import annotations

from typing import Any

from dataselect.comparison.section_inputs import SectionInputs
from dataselect.reports.sections import (
    budget_curves,
    coloured_tokens,
    composition,
    defects,
    distributions,
    examples,
    funnels,
    layer_changes,
    overlap,
    pool,
    reproduction,
    similarity,
)

SECTIONS = tuple(
    one.SECTION
    for one in (
        budget_curves,
        defects,
        pool,
        distributions,
        similarity,
        overlap,
        composition,
        funnels,
        layer_changes,
        examples,
        coloured_tokens,
        reproduction,
    )
)
"""In the order of the page."""


def section_data(inputs: SectionInputs) -> dict[str, Any]:
    """Compute the data of every section, key by key; None or empty where the inputs have none.

    Raises:
        ArtifactError: If a part of the experiment is unfinished or malformed.
    """
    if inputs.experiment is not None:
        inputs = inputs.with_texts({name for section in SECTIONS for name in section.shows(inputs)})
    return {section.key: section.data(inputs) for section in SECTIONS}
