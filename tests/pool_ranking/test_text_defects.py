"""Defects that the text of a pool shows."""

from __future__ import annotations

import pytest

from dataselect.pool_ranking.text_defects import cut_words, ends_early, text_defects
from dataselect.strategies import Text

GOOD = Text("Name a bird.", "A robin is a bird.")


def counts(*texts):
    return {one.defect: one.rows for one in text_defects(texts) if one.rows}


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        (Text("Name a bird.", " \n "), "empty_response"),
        (Text("Name a bird.", "name  a BIRD."), "response_is_prompt"),
        (Text("Name a bird.", "?! ..."), "non_text"),
        (Text("Name a bird.", "A ro\N{REPLACEMENT CHARACTER}in."), "non_text"),
        (Text("Name birds.", "Robins, larks,"), "truncated_ending"),
    ],
)
def test_each_kind_is_counted_alone(text, defect):
    assert counts(GOOD, text) == {defect: 1}
    assert next(one.share for one in text_defects([GOOD, text]) if one.defect == defect) == 0.5


def test_copies_count_from_the_second_on_with_the_prompt_and_without_case_or_space():
    assert counts(GOOD, Text("name a  bird.", "A robin is a bird. "), GOOD) == {"duplicate": 2}
    assert counts(GOOD, Text("Name another.", GOOD.response)) == {}


def test_an_empty_response_is_no_repetition_of_an_empty_prompt():
    assert counts(Text("", "")) == {"empty_response": 1}


@pytest.mark.parametrize(
    "response",
    [
        "The robin sings in spring. It builds its nest in ivy and feeds its yo",
        "I went there in the spring. It was cold, and",
        "Here is the code:\n```python\nprint(1)",
        "知更鸟在春天唱歌。它在常春藤里筑巢，并且喂养它的小鸟。它们在树上唱歌，然后飞到很远的地方去寻找食物、",
    ],
)
def test_a_response_that_stops_in_the_middle_ends_early(response):
    assert ends_early(response)


@pytest.mark.parametrize(
    "response",
    [
        "", "42", "Paris", "#### 72", "The robin sings in spring. It builds its nest in ivy.",
        "Birds that sing. For example:\n- the robin\n- the song thrush that lives here",
        "It was a pleasure to meet you all. Yours sincerely, Ada Lovelace",
        "Enjoy the long summer days. Come and visit us soon! #summer #visitus",
        "```python\nprint(1)\n```", "SELECT name FROM birds WHERE colour = 'red';",
    ],
)  # fmt: skip
def test_answers_lists_signatures_and_code_do_not(response):
    assert not ends_early(response)


WORKED = [f"The number of apples so far: {n} + 1 = {n + 1}" for n in range(5)]


@pytest.mark.parametrize(
    ("response", "cut"),
    [
        ("First we count the numb", True),  # begins "number", which five rows have, and is no word itself
        ("First we count the number", False),
        ("First we count the numb.", False),  # ended by a mark
        ("We count:\n1. The apples\n2. the numb", False),  # in a list
        ("The numb", False),  # a short answer
        ("First we count the pea", False),  # begins no word of the pool
        ("First we count the sto", False),  # "story" stands in one row only
    ],
)
def test_a_response_that_ends_inside_a_word_of_the_pool_is_cut(response, cut):
    texts = [Text("How many?", answer) for answer in (*WORKED, "A story.", response)]
    assert cut_words(texts) == ([len(texts) - 1] if cut else [])
    assert {one.defect: one.rows for one in text_defects(texts)}["truncated_ending"] == int(cut)
