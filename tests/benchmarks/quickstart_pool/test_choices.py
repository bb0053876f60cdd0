from collections import Counter

import pytest
from quickstart_pool import dialogues, instructions
from quickstart_pool.choices import answer, make_choices, suits_choice
from quickstart_pool.draw import Draw
from quickstart_pool.example import single


@pytest.fixture(scope="module")
def examples():
    draw = Draw(31)
    made = {"dialogue": dialogues.make, "instruction": instructions.make}
    return {
        kind: [example for example in (make(draw) for _ in range(60)) if suits_choice(example)][:10]
        for kind, make in made.items()
    }


def test_the_right_choice_is_the_answer_and_stands_there_once(examples):
    right = {example.response: None for members in examples.values() for example in members}
    firsts = {answer(example) for members in examples.values() for example in members}
    items = make_choices(examples, Draw(1))
    assert len(items) == 20
    assert right
    for item in items:
        assert len(set(item.choices)) == 4
        assert item.choices[item.answer] in firsts


def test_positions_are_balanced(examples):
    assert Counter(item.answer for item in make_choices(examples, Draw(2))) == {0: 5, 1: 5, 2: 5, 3: 5}


def test_two_wrong_choices_have_the_words_of_the_right_one_and_one_has_not(examples):
    for item in make_choices(examples, Draw(3)):
        right = sorted(item.choices[item.answer].split())
        same = [choice for i, choice in enumerate(item.choices) if i != item.answer and sorted(choice.split()) == right]
        assert len(same) == 2


def test_a_short_or_very_long_text_makes_no_item():
    assert not suits_choice(single("instruction", "a", "Why?", "Too few words here."))
    assert not suits_choice(single("instruction", "b", "Why?", "one two three four five six " * 20))
    assert suits_choice(single("instruction", "c", "Why?", "one two three four five six"))
