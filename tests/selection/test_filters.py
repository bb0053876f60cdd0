import numpy as np
import pytest
from numpy import nan

from dataselect.errors import UsageError
from dataselect.selection.fates import Fates
from dataselect.selection.filtering import apply_columns
from dataselect.selection.filters import Filters
from dataselect.strategies.strings import Strings

SOURCES = Strings(["a", "a", "b", "b", "b"])
COLUMNS = {"ppl": np.array([1.0, 9, nan, 2, 3]), "response_tokens": np.array([5.0, 5, 5, nan, 80])}


def fates_of(**filters):
    fates = Fates(5)
    apply_columns(Filters(**filters), fates, SOURCES, COLUMNS)
    return list(fates)


def test_rows_for_which_the_expression_is_not_true_leave():
    assert fates_of(where="ppl < 5") == ["", "where", "where", "", ""]
    assert fates_of(where='source == "b" and not ppl > 2') == ["where", "where", "where", "", "where"]
    assert fates_of(where='source in ("a", "c")') == ["", "", "where", "where", "where"]


def test_bounds_are_included_and_an_unknown_length_is_out_of_them():
    assert fates_of(min_tokens=5) == ["", "", "", "min_tokens", ""]
    assert fates_of(max_tokens=5) == ["", "", "", "max_tokens", "max_tokens"]
    assert fates_of(min_tokens=6, max_tokens=79) == ["min_tokens"] * 4 + ["max_tokens"]
    assert fates_of(where="ppl < 5", min_tokens=80) == ["min_tokens", "where", "where", "min_tokens", ""]


def test_says_what_it_needs_and_for_which_option():
    filters = Filters(
        where='ppl < 5 and source == "a"', max_tokens=9, dedup=("semantic", "exact"), decontaminate=("t",)
    )
    assert filters.columns == {"--where": ("ppl",), "--max-tokens": ("response_tokens",)}
    assert (filters.texts, filters.vectors, filters.targets) == ("--decontaminate", "--dedup semantic", "")
    filters = Filters(dedup=("ngram",), decontaminate_cosine=0.9)
    assert (filters.texts, filters.vectors, filters.targets) == ("--dedup ngram", *["--decontaminate-cosine"] * 2)
    assert (Filters().columns, Filters().texts, Filters().vectors) == ({}, "", "")


def test_describes_what_was_asked_for_and_nothing_else():
    assert Filters().described == {}
    filters = Filters(where="a < 1", dedup=("exact", "ngram"), decontaminate=("some/where/t.jsonl",), min_tokens=3)
    assert filters.described == {
        "where": "a < 1",
        "min_tokens": 3,
        "dedup": {"exact": None, "ngram": 0.8},
        "decontaminate": {"files": ["t.jsonl"], "ngram": 13},
    }


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({"where": "ppl <"}, "--where cannot be read"),
        ({"min_tokens": 9, "max_tokens": 8}, "no row has at least 9 and at most 8 tokens"),
        ({"max_tokens": 0}, "no row has at least 0 and at most 0 tokens"),
        ({"dedup": ("exact", "exact")}, "each of exact, ngram, semantic once, got 'exact'"),
        ({"dedup": ("fuzzy",)}, "each of exact, ngram, semantic once, got 'fuzzy'"),
        ({"dedup_threshold": 0.0}, "a Jaccard similarity is over 0 and at most 1, got 0.0"),
        ({"dedup_threshold": nan}, "a Jaccard similarity is over 0"),
        ({"dedup_cosine": 1.0}, "a cosine to exceed is at least -1 and below 1, got 1.0"),
        ({"decontaminate_cosine": -2.0}, "a cosine to exceed is at least -1"),
        ({"decontaminate_ngram": 0}, "an n-gram has at least 1 word"),
    ],
)
def test_what_cannot_be_a_filter_is_refused(filters, told):
    with pytest.raises(UsageError, match=told):
        Filters(**filters)
