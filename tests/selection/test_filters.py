import numpy as np
import pytest
from numpy import nan

from dataselect.errors import UsageError
from dataselect.selection.exclusions import Exclusions
from dataselect.selection.filters import Filters, apply_columns
from dataselect.strategies.strings import Strings

SOURCES = Strings(["a", "a", "b", "b", "b"])
COLUMNS = {"ppl": np.array([1.0, 9, nan, 2, 3]), "response_tokens": np.array([5.0, 5, 5, nan, 80])}
TEXTS = {"lang": np.array(["en", "de", None, "en", "fr"], object)}


def reasons_of(**filters):
    exclusions = Exclusions(5)
    apply_columns(Filters(**filters), exclusions, SOURCES, COLUMNS, TEXTS)
    return list(exclusions)


def test_rows_for_which_the_expression_is_not_true_leave():
    assert reasons_of(where="ppl < 5") == ["", "where", "where", "", ""]
    assert reasons_of(where='source == "b" and not ppl > 2') == ["where", "where", "where", "", "where"]
    assert reasons_of(where='source in ("a", "c")') == ["", "", "where", "where", "where"]
    assert reasons_of(where='lang == "en" and ppl < 2') == ["", "where", "where", "where", "where"]
    assert reasons_of(where='lang != "en"') == ["where", "", "where", "where", ""]  # nothing is known of the third


def test_bounds_are_included_and_an_unknown_length_is_out_of_them():
    assert reasons_of(min_tokens=5) == ["", "", "", "min_tokens", ""]
    assert reasons_of(max_tokens=5) == ["", "", "", "max_tokens", "max_tokens"]
    assert reasons_of(min_tokens=6, max_tokens=79) == ["min_tokens"] * 4 + ["max_tokens"]
    assert reasons_of(where="ppl < 5", min_tokens=80) == ["min_tokens", "where", "where", "min_tokens", ""]


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
    ("filters", "expected"),
    [
        ({"where": "ppl <"}, "--where cannot be read"),
        ({"min_tokens": 9, "max_tokens": 8}, "--max-tokens must be at least 1 and not below --min-tokens, got 9 to 8"),
        ({"max_tokens": 0}, "--max-tokens must be at least 1 and not below --min-tokens, got 0 to 0"),
        ({"dedup": ("exact", "exact")}, "each of exact, ngram, semantic once, got 'exact' twice"),
        ({"dedup": ("fuzzy",)}, "dedup should be exact, ngram or semantic, or a list of them, got"),
        ({"dedup_threshold": 0.0}, "--dedup-threshold must be above 0 and at most 1, got 0.0"),
        ({"dedup_threshold": nan}, "--dedup-threshold must be above 0 and at most 1, got nan"),
        ({"dedup_cosine": 1.0}, "--dedup-cosine and --decontaminate-cosine must be at least -1 and below 1, got 1.0"),
        ({"decontaminate_cosine": -2.0}, "--decontaminate-cosine must be at least -1 and below 1, got -2.0"),
        ({"decontaminate_ngram": 0}, "an n-gram has at least 1 word"),
    ],
)
def test_what_cannot_be_a_filter_is_refused(filters, expected):
    with pytest.raises(UsageError, match=expected):
        Filters(**filters)
