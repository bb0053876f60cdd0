from pathlib import Path

import numpy as np
import pytest

from dataselect.errors import DataselectError, UsageError
from dataselect.selection.inputs import wanted_columns
from dataselect.selection.request import check_columns, check_given
from dataselect.selection.score_tables import ScoreTable
from dataselect.strategies import Needs

TABLE = ScoreTable("s", ["a"], None, {"ppl": np.zeros(1)}, {}, None, "")


@pytest.mark.parametrize(
    ("column", "command"),
    [
        ("ifd", "dataselect score POOL --model M --ifd --out DIR, then --scores DIR"),
        ("ifd_loss", "dataselect score POOL --model M --ifd --out DIR, then --scores DIR"),
        ("similarity", "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR"),
        ("total_tokens", "dataselect score POOL --model M --out DIR, then --scores DIR"),
        ("excess_loss", "dataselect score POOL --model M --model NAME=REFERENCE --out DIR, then --scores DIR"),
        ("excess_loss.tuned", "dataselect score POOL --model M --model NAME=REFERENCE --out DIR, then --scores DIR"),
        (
            "rating",
            "give --scores DIR or FILE that has it; those of `dataselect score` are listed by `dataselect ls scorers`",
        ),
    ],
)
def test_a_missing_column_names_the_command_that_makes_it(column, command):
    with pytest.raises(DataselectError) as caught:
        check_columns(("ppl", column), "the strategy x", [TABLE])
    assert caught.value.message == f"the strategy x needs the column {column}"
    assert caught.value.hint == command
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("needs", "message", "hint"),
    [
        (
            Needs(vectors=True),
            "x needs embeddings",
            "dataselect embed POOL --encoder E --out DIR, then --embeddings DIR",
        ),
        (
            Needs(vectors=True, targets=True),
            "x needs the embeddings of a target set",
            "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR",
        ),
        (
            Needs(texts=True, target_texts=True),
            "x needs a target set",
            "give --target FILE: examples of what to become good at",
        ),
    ],
)
def test_missing_embeddings_and_targets_name_what_makes_them(needs, message, hint):
    with pytest.raises(DataselectError) as caught:
        check_given(needs, "x", None, ())
    assert (caught.value.message, caught.value.hint, caught.value.exit_code) == (message, hint, 1)
    check_given(needs, "x", Path("embeddings"), ("target.jsonl",) if needs.target_texts else ())


def test_targets_that_nothing_reads_are_wrong_usage():
    check_given(Needs(), "x", None, ())
    with pytest.raises(UsageError, match="x reads no --target"):
        check_given(Needs(vectors=True, targets=True), "x", Path("embeddings"), ("target.jsonl",))


def test_reads_only_what_is_used():
    assert wanted_columns(Needs()) == ("response_tokens", "total_tokens")
    assert wanted_columns(Needs(columns=("ppl",))) == ("ppl", "response_tokens", "total_tokens")
