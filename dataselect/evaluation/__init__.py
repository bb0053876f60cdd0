"""Evaluation of a model on tasks, with the outcome of every item kept.

Comparisons need outcomes per item: two models that answered the same items can be compared item by item, which shows
differences that two means with their own errors cannot.
"""

from dataselect.evaluation.request import EvaluateRequest, EvaluateSummary, TaskMean
from dataselect.evaluation.run import evaluate
from dataselect.evaluation.tasks import KINDS

__all__ = ["KINDS", "EvaluateRequest", "EvaluateSummary", "TaskMean", "evaluate"]
