import numpy as np

from dataselect.records import Example, Message, Reject
from dataselect.selection.pool_index import index_pool, response_bytes, text_of_example
from dataselect.strategies import Text


def dialogue(id_, *messages):
    return Example(id_, "p", {}, messages=messages)


def test_sorts_by_id_and_counts_rejects():
    pool = [
        dialogue("b", Message("assistant", "12345")),
        Reject("p", 2, "malformed_json", "{"),
        dialogue("a", Message("assistant", "1")),
    ]
    result = index_pool(pool)
    assert (result.ids, result.rejects) == (("a", "b"), 1)
    np.testing.assert_array_equal(result.response_bytes, [1, 5])


def test_counts_utf8_bytes_of_every_assistant_turn_and_nothing_else():
    turns = (Message("user", "a long question"), Message("assistant", "né"), Message("assistant", "日本"))
    assert response_bytes(dialogue("a", *turns)) == 3 + 6  # n 1, é 2; two characters of 3


def test_tool_calls_count_as_json():
    assert response_bytes(dialogue("a", Message("assistant", "", tool_calls=({"name": "f"},)))) == len('{"name":"f"}')


def test_plain_text_is_all_response():
    assert response_bytes(Example("a", "p", {}, text="où")) == 3


def test_sources_go_with_their_ids_and_texts_are_kept_where_they_are_asked_for():
    turns = (
        Message("system", " Be brief. "),
        Message("user", "Add.", "1 and 2"),
        Message("assistant", "3 ", tool_calls=({"name": "f"},)),
        Message("user", "Thanks."),
    )
    pool = [Example("b", "q", {}, text=" plain "), Example("a", "p", {}, messages=turns)]
    result = index_pool(pool, texts=True)
    assert (result.ids, result.sources) == (("a", "b"), ("p", "q"))
    assert result.texts == (Text("Be brief.\n\nAdd.\n\n1 and 2\n\nThanks.", '3\n\n{"name":"f"}'), Text("", "plain"))
    assert index_pool(pool).texts == ()


def test_an_empty_pool_has_no_rows():
    result = index_pool([])
    assert (result.ids, len(result.response_bytes), result.rejects) == ((), 0, 0)


def test_the_text_of_a_pair_is_both_replies():
    asked, good, bad = Message("user", "Q"), Message("assistant", "A"), Message("assistant", "B")
    pair = Example("x", "pool", {}, (asked, good), rejected=(asked, bad))
    assert text_of_example(pair) == Text("Q", "A\n\nB")
    assert response_bytes(pair) == 1  # the length of a pair is that of its chosen reply
