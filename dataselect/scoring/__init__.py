"""The scoring run: every example of a pool gets one row of numbers, or the reason why there are none."""

from __future__ import annotations

from dataselect.scoring.request import ScoreRequest, ScoreSummary
from dataselect.scoring.run import score

__all__ = ["ScoreRequest", "ScoreSummary", "score"]
