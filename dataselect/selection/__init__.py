"""Selection: from a pool and its scores to a ranked file within a budget."""

from dataselect.selection.run import select
from dataselect.selection.summary import Counts, SelectionSummary, SelectRequest

__all__ = ["Counts", "SelectRequest", "SelectionSummary", "select"]
