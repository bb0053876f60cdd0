"""`dataselect analyze`: which property of the data predicts how much it helps, from a table of runs."""

from dataselect.run_analysis.config import AnalyzeConfig, read_config
from dataselect.run_analysis.result import Analysis
from dataselect.run_analysis.run import ANALYZE, analyze

__all__ = ["ANALYZE", "Analysis", "AnalyzeConfig", "analyze", "read_config"]
