"""The bundled SFT step: one plain, seeded fine-tuning of a base model on one selection.

It exists so that selections can be compared under a recipe that is the same for all of them; it is not a trainer to
tune records with. Other trainers can be used instead: what `select` writes is plain JSONL.
"""

from dataselect.training.config import TrainConfig
from dataselect.training.loop import Step
from dataselect.training.run import TrainRequest, TrainSummary, train

__all__ = ["Step", "TrainConfig", "TrainRequest", "TrainSummary", "train"]
