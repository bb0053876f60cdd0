"""The quickstart: the bundled pool, the bundled model, and an experiment small enough for two cores and a short wait.

It shows every stage and the shape of the answer. Its numbers say something about a model of four million parameters on
a composed pool, and nothing about anybody's data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataselect.artifacts import write_text
from dataselect.bundled.quickstart import QuickstartFiles, write_quickstart
from dataselect.experiment.reading import read_config
from dataselect.experiment.run import ExperimentSummary, run_experiment
from dataselect.experiment.stages import Say

_HEADER = """\
# The quickstart as an experiment: dataselect run {name} --out DIR does the same.
"""


def quickstart(out: Path, say: Say = lambda line: None) -> ExperimentSummary:
    """Make the pool in `out/data`, its configuration beside it, and run it into `out/experiment`.

    Raises:
        DataselectError: If the folder cannot be used or a stage fails.
    """
    say("make the pool")
    files = write_quickstart(out / "data")
    config = out / "quickstart.yaml"
    write_text(config, _HEADER.format(name=config.name) + _yaml(_settings(files, out)))
    return run_experiment(read_config(config), config, out / "experiment", say)


def _yaml(settings: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(settings, sort_keys=False, default_flow_style=None, width=110)


def _settings(files: QuickstartFiles, out: Path) -> dict[str, Any]:
    def relative(path: Path) -> str:
        return path.relative_to(out).as_posix()

    return {
        "model": "builtin",
        "pools": [relative(files.pool)],
        "tasks": [*(relative(path) for path in files.tasks.values()), relative(files.choices)],
        "targets": [relative(path) for path in files.targets.values()],
        "encoder": "minilm",
        "strategies": ["ppl-low", "ppl-mid", "ppl-high", "ifd-high", "similarity"],
        "budgets": ["10%"],
        "seeds": [0],
        "random_seeds": [0, 1, 2],
        "length_matched": ["ppl-low"],
        "scoring": {"tokens": True},
        "layers": True,
        "training": {"epochs": 1.0, "learning_rate": 1e-3, "batch_size": 8},
        "known_defects": relative(files.defects),
    }
