"""Selection: from a pool and its scores to a ranked file within a budget."""

from dataselect.selection.filters import Filters
from dataselect.selection.length_control import LengthBins, LengthResidual
from dataselect.selection.request import SelectRequest
from dataselect.selection.reselecting import ReselectRequest, reselect
from dataselect.selection.selecting import is_selected, select
from dataselect.selection.stages import Then
from dataselect.selection.summary import SelectionCounts, SelectionSummary

__all__ = [
    "Filters",
    "LengthBins",
    "LengthResidual",
    "ReselectRequest",
    "SelectRequest",
    "SelectionCounts",
    "SelectionSummary",
    "Then",
    "is_selected",
    "reselect",
    "select",
]
