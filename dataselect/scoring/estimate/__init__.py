"""`dataselect score --estimate`: rows, tokens, time, memory and disk of a scoring run, before it starts."""

from __future__ import annotations

from dataselect.scoring.estimate.run import Duration, ModelEstimate, ScoreEstimate, estimate

__all__ = ["Duration", "ModelEstimate", "ScoreEstimate", "estimate"]
