"""Statistics over records: evaluated runs in, a comparison with intervals and verdicts out. Runs no model."""

from dataselect.analysis.compare import COMPARISON, Comparison, compare
from dataselect.analysis.intervals import Difference, paired_difference
from dataselect.analysis.judgement import Row

__all__ = ["COMPARISON", "Comparison", "Difference", "Row", "compare", "paired_difference"]
