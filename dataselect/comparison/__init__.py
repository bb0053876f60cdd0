"""Statistics over results: evaluated runs in, a comparison with intervals and verdicts out. Runs no model."""

from dataselect.comparison.intervals import ArmDifference, paired_difference
from dataselect.comparison.run_comparison import COMPARISON, Comparison, compare_runs
from dataselect.comparison.verdicts import ComparisonRow

__all__ = ["COMPARISON", "ArmDifference", "Comparison", "ComparisonRow", "compare_runs", "paired_difference"]
