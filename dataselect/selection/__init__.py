"""Selection: from a pool and its scores to a ranked file within a budget."""

from dataselect.selection.filters import Filters
from dataselect.selection.length_control import LengthBins, LengthResidual
from dataselect.selection.request import SelectRequest
from dataselect.selection.reselect import ReselectRequest, reselect
from dataselect.selection.run import select
from dataselect.selection.stages import Then
from dataselect.selection.summary import Counts, SelectionSummary

__all__ = [
    "Counts",
    "Filters",
    "LengthBins",
    "LengthResidual",
    "ReselectRequest",
    "SelectRequest",
    "SelectionSummary",
    "Then",
    "reselect",
    "select",
]
