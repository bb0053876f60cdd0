"""The quickstart: which of four small pools to train the bundled model on for word problems; a few minutes, offline.

It writes the pools and the task, then makes the same call as `dataselect recommend` does on anybody's files; nothing
about the answer is known to it. Beside it lies `quickstart.yaml`, a full comparison of strategies on the same rows,
which takes longer and is left to `dataselect run`.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from dataselect.experiment.quickstart import write_experiment, write_quickstart
from dataselect.library_errors import user_errors
from dataselect.recommendation.request import RecommendRequest, recipe_of
from dataselect.recommendation.run import Recommendation, Say, recommend

TASK = "arithmetic"
TRAIN_TOKENS = 110_000
"""Enough to decide between four pools; a minute of training on two cores."""

_DETAIL = re.compile(r", seed \d+: |^final: |^compare |^evaluate ")
"""What `recommend` says of single trainings and small steps; the quickstart prints fifteen lines at most."""


@user_errors()
def quickstart(out: Path, say: Say = lambda line: None) -> Recommendation:
    """Write the data into `out/data` and recommend into `out/recommended`; called again, it goes on.

    Raises:
        DataselectError: If the folder cannot be used or a step fails.
    """
    files = write_quickstart(out / "data")
    write_experiment(files, out)
    pools, task, answer = tuple(str(path) for path in files.pools.values()), files.tasks[TASK], out / "recommended"
    folder = shlex.quote(str(files.pool.with_name("pools")))
    say(
        f"dataselect recommend {folder}/*.jsonl --model builtin --task {shlex.quote(str(task))} "
        f"--train-tokens {TRAIN_TOKENS} --out {shlex.quote(str(answer))}"
    )
    request = RecommendRequest(
        pools=pools, model="builtin", tasks=(str(task),), out=answer, train_tokens=TRAIN_TOKENS,
        recipe=recipe_of(None, "builtin", lora=False),
    )  # fmt: skip
    return recommend(request, lambda line: None if _DETAIL.search(line) else say(line))
