import pytest
from quickstart_pool import arithmetic, dialogues, functions, instructions
from quickstart_pool.defects import garbled, near_copy, suits, swappable, swapped, truncated, wrong_language
from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, Turn, single
from quickstart_pool.languages import SENTENCES

MAKERS = (arithmetic.make, functions.make, dialogues.make, instructions.make)


@pytest.fixture(params=MAKERS, ids=["arithmetic", "function", "dialogue", "instruction"])
def examples(request):
    draw = Draw(21)
    return [example for example in (request.param(draw) for _ in range(80)) if suits(example)]


def test_a_cut_is_inside_a_word_from_30_to_60_per_cent():
    example = single("instruction", "x", "Say it.", "abcdefghij" * 10)  # 100 letters, one word
    lengths = {len(truncated(example, Draw(seed)).response) for seed in range(400)}
    assert lengths == set(range(31, 60))


def test_truncated_responses_are_beginnings(examples):
    draw = Draw(22)
    for example in examples:
        cut = truncated(example, draw)
        assert example.response.startswith(cut.response)
        assert example.response[len(cut.response) - 1 : len(cut.response) + 1].isalpha()
        assert cut.turns[-1].role == "assistant"
        assert 0.3 <= len(cut.response) / len(example.response) <= 0.6


def test_a_dialogue_is_cut_in_the_turn_that_the_cut_falls_into():
    turns = (Turn("user", "a"), Turn("assistant", "x" * 20), Turn("user", "b"), Turn("assistant", "y" * 80))
    cut = truncated(Example("dialogue", "i", turns), Draw(0))
    assert [turn.role for turn in cut.turns] == ["user", "assistant", "user", "assistant"]
    assert cut.turns[1].content == "x" * 20
    assert set(cut.turns[3].content) == {"y"}
    assert 31 <= 21 + len(cut.turns[3].content) <= 61


def test_garbling_changes_each_response_and_no_prompt(examples):
    draw = Draw(23)
    for example in examples:
        spoiled = garbled(example, draw)
        assert spoiled.prompt == example.prompt
        assert all(new != old for new, old in zip(spoiled.responses, example.responses, strict=True))


def test_the_wrong_language_keeps_the_turns(examples):
    draw, foreign = Draw(24), set()
    for groups in (kinds[examples[0].kind] for kinds in SENTENCES.values()):
        foreign |= {sentence for group in groups for sentence in group}
    for example in examples:
        spoiled = wrong_language(example, draw)
        assert spoiled.prompt == example.prompt
        assert len(spoiled.responses) == len(example.responses)
        assert all(any(said.startswith(sentence) for sentence in foreign) for said in spoiled.responses)


def test_no_sentence_of_another_language_stands_twice():
    sentences = [
        text for kinds in SENTENCES.values() for groups in kinds.values() for group in groups for text in group
    ]
    assert len(sentences) == len(set(sentences))
    assert len(sentences) > 100


def test_swapping_exchanges_the_responses_and_nothing_else(examples):
    one = examples[0]
    other = next(example for example in examples if swappable(one, example))
    left, right = swapped(one, other)
    assert (left.prompt, left.response) == (one.prompt, other.response)
    assert (right.prompt, right.response) == (other.prompt, one.response)
    assert not swappable(one, one)


def test_arithmetic_with_equal_answers_is_never_swapped():
    one = single("arithmetic", "a", "What is 2 + 2?", "2 + 2 = 4\nAnswer: 4")
    other = single("arithmetic", "b", "What is 8 / 2?", "8 / 2 = 4\nAnswer: 4")
    third = single("arithmetic", "c", "What is 8 - 3?", "8 - 3 = 5\nAnswer: 5")
    assert not swappable(one, other)
    assert swappable(one, third)


def test_a_near_copy_differs_a_little_in_prompt_and_response(examples):
    draw = Draw(25)
    for example in examples:
        copy = near_copy(example, draw)
        assert copy.prompt != example.prompt
        assert copy.response != example.response
        if example.kind == "function":
            compile(copy.response, "<copy>", "exec")
