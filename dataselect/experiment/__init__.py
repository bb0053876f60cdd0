"""An experiment: every stage of one configuration, for a matrix of strategies, budgets and seeds, with its controls."""

from __future__ import annotations

from dataselect.experiment.config import ExperimentConfig
from dataselect.experiment.reading import read_config
from dataselect.experiment.run import ExperimentSummary, run_experiment

__all__ = ["ExperimentConfig", "ExperimentSummary", "read_config", "run_experiment"]
