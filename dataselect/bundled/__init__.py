"""What ships inside the package: a small base language model and the maker of the quickstart pool.

Both exist so that the whole flow (score, select, train, evaluate, compare) can be tried on any machine with no
network and with real, non-uniform likelihoods. The model is described in `model/MODEL_CARD.md`; the pool is
composed by `dataselect.bundled.quickstart` from templates and word lists of our own, so nothing here is copied
from a data set. This package leaves loading the model to the backends.
"""

from __future__ import annotations

from pathlib import Path


def model_path() -> Path:
    """The folder of the bundled model (`--model builtin`): configuration, tokenizer, chat template and weights."""
    return Path(__file__).parent / "model"
