"""Strategies: each orders a pool by one rule.

A new strategy is a new file and one line in `table`; the contract tests pick it up from there.
"""

from dataselect.strategies.contract import LENGTH, Candidates, Needs, Strategy, Text
from dataselect.strategies.parameters import make_strategy
from dataselect.strategies.table import STRATEGIES

__all__ = ["LENGTH", "STRATEGIES", "Candidates", "Needs", "Strategy", "Text", "make_strategy"]
