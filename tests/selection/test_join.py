from dataclasses import replace

import numpy as np
import pytest
from numpy import nan

from dataselect.errors import ArtifactError
from dataselect.selection.join import join
from dataselect.selection.score_tables import ScoreTable


def table(name, ids, status=None, rendering=None, **columns):
    arrays = {key: np.array(values, float) for key, values in columns.items()}
    return ScoreTable(name, list(ids), status, arrays, {}, rendering, "")


def test_aligns_columns_to_the_pool_and_counts_what_is_left_out():
    scores = table("s", "cxba", ["ok", "ok", "too_long", "truncated"], ppl=[3, 9, nan, 1])
    joined = join("abcd", [scores])
    assert list(joined.exclusions) == ["", "too_long", "", "without_scores"]
    np.testing.assert_equal(joined.columns["ppl"], [1, nan, 3, nan])
    assert joined.not_in_pool == 1


def test_without_tables_everything_is_scorable():
    joined = join("ab", [])
    assert list(joined.exclusions) == ["", ""]
    assert (joined.columns, joined.not_in_pool, joined.rendering) == ({}, 0, None)


def test_a_row_must_be_in_every_table_and_fine_in_all_with_a_status():
    first = table("1", "abcd", ["ok", "engine_error", "ok", "too_long"])
    second = table("2", "abde", ["ok", "too_long", "ok", "ok"])
    third = table("3", "abcde", similarity=[1, 2, 3, 4, 5])
    joined = join("abcde", [first, second, third])
    # the second table lacks c and the first e; b and d have a status that stops them, b that of the first table
    assert list(joined.exclusions) == ["", "engine_error", "without_scores", "too_long", "without_scores"]


def test_rows_that_are_not_embedded_are_counted_apart_and_last():
    """b is too long, c and d have no embedding, e no score and no embedding: each counted once."""
    scores, embedded = table("s", "abcd", ["ok", "too_long", "ok", "ok"]), replace(table("e", "ax"), embedded=True)
    for tables in ([scores, embedded], [embedded, scores]):
        joined = join("abcde", tables)
        assert list(joined.exclusions) == ["", "too_long", "without_embedding", "without_embedding", "without_scores"]
        assert joined.not_in_pool == 1


def test_columns_of_several_tables_come_together():
    joined = join("ab", [table("1", "ab", ppl=[1, nan]), table("2", "ba", ppl=[2, 1], ifd=[0.2, 0.1])])
    np.testing.assert_equal(joined.columns, {"ppl": np.array([1.0, 2.0]), "ifd": np.array([0.1, 0.2])})


def test_tables_that_disagree_are_named():
    with pytest.raises(ArtifactError) as caught:
        join("abc", [table("one", "abc", ppl=[1, 2, 3]), table("two", "abc", ppl=[1, 2.5, nan])])
    assert caught.value.message == (
        "one and two disagree in the column ppl for 1 rows, the first being 'b': 2 and 2.5"
    )  # fmt: skip


def test_a_disagreement_of_the_third_table_names_the_table_the_column_came_from():
    tables = [table("one", "ab", ifd=[1, 1]), table("two", "ab", ppl=[1, 2]), table("three", "ab", ppl=[1, 3])]
    with pytest.raises(ArtifactError, match="two and three disagree"):
        join("ab", tables)


def test_no_id_in_common_is_an_error_that_shows_one_of_each():
    with pytest.raises(ArtifactError, match="'x' there, 'a' in the pool"):
        join("ab", [table("s", "xy")])
    with pytest.raises(ArtifactError, match="s has no rows"):
        join("ab", [table("s", "")])


def test_one_rendering_is_taken_and_two_are_refused():
    qa, chat = table("1", "a", rendering={"template": "qa"}), table("2", "a", rendering={"template": "chat"})
    assert join("a", [table("0", "a"), qa, qa]).rendering == {"template": "qa"}
    with pytest.raises(ArtifactError, match="1 and 2 were scored with different renderings"):
        join("a", [qa, chat])


def words(name, ids, values, column="lang"):
    return replace(table(name, ids), texts={column: np.array(values, object)})


def test_texts_are_aligned_and_come_together_as_numbers_do():
    joined = join("abcd", [words("1", "dba", ["en", None, "de"]), table("2", "abcd", ppl=[1, 2, 3, 4])])
    assert joined.texts["lang"].tolist() == ["de", None, None, "en"]
    apart = [words("1", "a", ["en"]), words("2", "b", ["de"])]  # no row in both tables
    assert join("ab", apart).texts["lang"].tolist() == ["en", "de"]
    again = [words("1", "ab", ["en", None]), words("2", "ba", ["de", "en"])]
    assert join("ab", again).texts["lang"].tolist() == ["en", "de"]


def test_a_column_of_nulls_in_one_table_leaves_the_texts_of_another():
    joined = join("ab", [table("1", "a", lang=[nan]), words("2", "b", ["de"])])
    assert joined.texts["lang"].tolist() == [None, "de"]


def test_tables_that_disagree_in_a_text_are_named():
    with pytest.raises(ArtifactError) as caught:
        join("ab", [words("1", "ab", ["en", "de"]), table("2", "ab", ppl=[1, 2]), words("3", "ab", ["en", "fr"])])
    assert caught.value.message == "1 and 3 disagree in the column lang for 1 rows, the first being 'b': 'de' and 'fr'"
    for tables in (
        [table("1", "a", lang=[1]), words("2", "b", ["en"])],
        [words("2", "b", ["en"]), table("1", "a", lang=[1])],
    ):
        with pytest.raises(ArtifactError, match="1 has numbers in the column lang and 2 has texts"):
            join("ab", tables)


def test_the_status_of_the_first_table_that_has_one_is_the_text():
    states = [words("1", "ab", ["ok", None], "status"), words("2", "ab", ["truncated", "ok"], "status")]
    assert join("ab", states).texts["status"].tolist() == ["ok", "ok"]  # of the first table that has it
