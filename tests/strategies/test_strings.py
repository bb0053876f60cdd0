from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.strategies.strings import Strings

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=12)


def test_is_a_sequence_of_strings():
    strings = Strings(["b", "", "né"])
    assert (len(strings), strings[0], strings[-1], list(strings[1:])) == (3, "b", "né", ["", "né"])
    assert strings == ["b", "", "né"]
    assert strings != ["b", "", "ne"]
    assert strings.take(np.array([2, 0, 2])) == ["né", "b", "né"]


def test_takes_arrow_arrays_of_any_layout():
    chunked = pa.chunked_array([["a"], ["b", "a"]])
    for array in (
        chunked,
        chunked.dictionary_encode(),
        chunked.combine_chunks(),
        pa.array(["a", "b", "a"]),
        list("aba"),
    ):
        codes, names = Strings(array).encoded()
        assert (codes.tolist(), names) == ([0, 1, 0], ["a", "b"])
        assert Strings(array) == ["a", "b", "a"]


@given(texts)
def test_is_sorted_as_python_sorts(values):
    strings = Strings(values)
    assert strings.take(strings.ascending_rows()) == sorted(values)
    assert strings.ascending == all(a < b for a, b in pairwise(values))
    codes, names = strings.encoded()
    assert [names[code] for code in codes] == values
    assert names == sorted(set(values))


@given(texts.map(lambda values: list(dict.fromkeys(values))), texts)
def test_finds_where_others_stand(own, others):
    expected = [own.index(value) if value in own else -1 for value in others]
    assert Strings(own).rows_of(Strings(others)).tolist() == expected


def test_a_missing_string_is_a_fault_of_ours():
    with pytest.raises(AssertionError, match="missing"):
        Strings(pa.array(["a", None]))
