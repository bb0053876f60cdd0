"""The score command, in forks of one warm process."""

from __future__ import annotations

import pytest
from warm import Started, Warm

IMPORTS = """
import pyarrow.parquet, torch, transformers
import transformers.models.llama.modeling_llama, transformers.integrations.executorch
import dataselect.cli.score, dataselect.backends.transformers, dataselect.scoring.table, dataselect.scoring.run
"""


class WarmScoring:
    """Runs `dataselect` commands one after the other, with shards of few records."""

    def __init__(self, warm: Warm) -> None:
        self._warm = warm

    def start(self, *arguments, shard_records=8, before="", **options) -> Started:
        """Start a command; see `Warm.start`."""
        smaller = f"import dataselect.scoring.run\ndataselect.scoring.run.SHARD_RECORDS = {shard_records}\n"
        return self._warm.start(*arguments, before=smaller + before, **options)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A process that has imported torch, transformers and dataselect, and runs commands in forks of itself."""
    one = Warm(tmp_path_factory.mktemp("warm"), IMPORTS)
    yield WarmScoring(one)
    one.stop()
