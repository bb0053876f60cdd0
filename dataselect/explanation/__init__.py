"""Explaining one row of a selection: what became of it and why, its numbers, what is near it, and its tokens."""

from dataselect.explanation.request import ExplainRequest
from dataselect.explanation.result import Explanation
from dataselect.explanation.run import explain

__all__ = ["ExplainRequest", "Explanation", "explain"]
