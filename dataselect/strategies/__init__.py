"""Strategies: each orders a pool by one rule.

A new strategy is a new file and one line in `registry`; the contract tests then run it too.
"""

from dataselect.strategies.contract import LENGTH, Candidates, Needs, Strategy, Text
from dataselect.strategies.registry import STRATEGIES, make_strategy

__all__ = ["LENGTH", "STRATEGIES", "Candidates", "Needs", "Strategy", "Text", "make_strategy"]
