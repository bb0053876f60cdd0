"""Explanations of a selection: the outcome of one row and its reasons, or the rows left out for one reason."""

from dataselect.explanation.left_out import Dropped, Reasons, dropped, reasons
from dataselect.explanation.request import DroppedRequest, ExplainRequest, Explanation
from dataselect.explanation.run import explain

__all__ = ["Dropped", "DroppedRequest", "ExplainRequest", "Explanation", "Reasons", "dropped", "explain", "reasons"]
