"""Choose supervised fine-tuning data by measuring.

The public names, each a request and the function that answers it; they are imported on first use, so that
`import dataselect` costs nothing. The command line calls the same functions.

    import dataselect as ds

    ds.score(ds.ScoreRequest(pools="pool.jsonl", model="builtin", out="scores"))
    chosen = ds.SelectRequest(pools="pool.jsonl", strategy="ppl-mid", budget="10%", out="chosen.jsonl", scores="scores")
    ds.select(chosen)

Paths are text or `Path`, and a field of several takes one or many (`arguments`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataselect.embeddings import EmbedRequest as EmbedRequest
    from dataselect.embeddings import embed as embed
    from dataselect.errors import DataselectError as DataselectError
    from dataselect.evaluation import EvaluateRequest as EvaluateRequest
    from dataselect.evaluation import evaluate as evaluate
    from dataselect.experiment import read_config as read_config
    from dataselect.experiment import run_experiment as run_experiment
    from dataselect.pool import ColumnMap as ColumnMap
    from dataselect.pool import PoolReader as PoolReader
    from dataselect.pool import RenderOptions as RenderOptions
    from dataselect.recommendation.audit import AuditReport as AuditReport
    from dataselect.recommendation.audit import AuditRequest as AuditRequest
    from dataselect.recommendation.audit import audit as audit
    from dataselect.recommendation.request import RecommendRequest as RecommendRequest
    from dataselect.recommendation.run import recommend as recommend
    from dataselect.reports import compare as compare
    from dataselect.scoring import ScoreRequest as ScoreRequest
    from dataselect.scoring import score as score
    from dataselect.selection import SelectRequest as SelectRequest
    from dataselect.selection import select as select
    from dataselect.training import TrainConfig as TrainConfig
    from dataselect.training import TrainRequest as TrainRequest
    from dataselect.training import train as train

__version__ = "0.1.0"

_HOMES = {
    "embeddings": ("EmbedRequest", "embed"),
    "errors": ("DataselectError",),
    "evaluation": ("EvaluateRequest", "evaluate"),
    "experiment": ("read_config", "run_experiment"),
    "pool": ("ColumnMap", "PoolReader", "RenderOptions"),
    "reports": ("compare",),
    "recommendation.request": ("RecommendRequest",),
    "recommendation.run": ("recommend",),
    "recommendation.audit": ("AuditReport", "AuditRequest", "audit"),
    "scoring": ("ScoreRequest", "score"),
    "selection": ("SelectRequest", "select"),
    "training": ("TrainConfig", "TrainRequest", "train"),
}
_MODULE_OF = {name: f"dataselect.{module}" for module, names in _HOMES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'dataselect' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
