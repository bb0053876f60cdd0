"""Which property of the data tells how much it will help? A table of runs in, checked statistics and a page out."""

from dataselect.prediction.config import AnalyzeConfig, read_config
from dataselect.prediction.result import Analysis
from dataselect.prediction.run import ANALYZE, analyze

__all__ = ["ANALYZE", "Analysis", "AnalyzeConfig", "analyze", "read_config"]
