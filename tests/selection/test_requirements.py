from pathlib import Path

import numpy as np
import pytest

from dataselect.errors import DataselectError
from dataselect.selection.requirements import check_columns, wanted_columns
from dataselect.selection.tables import ScoreTable
from dataselect.strategies import Needs

TABLE = ScoreTable("s", ["a"], None, {"ppl": np.zeros(1)}, {}, None, "")


@pytest.mark.parametrize(
    ("column", "command"),
    [
        ("ifd", "dataselect score POOL --model M --ifd --out DIR, then --scores DIR"),
        ("ifd_loss", "dataselect score POOL --model M --ifd --out DIR, then --scores DIR"),
        ("similarity", "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR"),
        ("total_tokens", "dataselect score POOL --model M --out DIR, then --scores DIR"),
    ],
)
def test_a_missing_column_names_the_command_that_makes_it(column, command):
    with pytest.raises(DataselectError) as caught:
        check_columns(("ppl", column), "the strategy x", [TABLE])
    assert caught.value.message == f"the strategy x needs the column {column}"
    assert caught.value.hint == command
    assert caught.value.exit_code == 1


def test_reads_only_what_is_used():
    assert wanted_columns(Needs()) == ("total_tokens",)
    assert wanted_columns(Needs(columns=("ppl",))) == ("ppl", "total_tokens")
    assert wanted_columns(Needs(length=True)) == ("response_tokens", "total_tokens")
    assert wanted_columns(Needs(selection=Path("x"))) == ("response_tokens", "total_tokens")
