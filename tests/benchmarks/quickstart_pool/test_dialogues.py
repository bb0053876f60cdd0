import re
from string import Formatter

import pytest
from quickstart_pool import dialogues
from quickstart_pool.draw import Draw


@pytest.fixture(scope="module")
def examples():
    draw = Draw(6)
    return [dialogues.make(draw) for _ in range(500)]


def roles(example):
    return [turn.role for turn in example.turns]


def test_turns_alternate_and_end_with_the_assistant(examples):
    for example in examples:
        spoken = [role for role in roles(example) if role != "system"]
        assert spoken == ["user", "assistant"] * (len(spoken) // 2)
        assert 2 <= len(spoken) // 2 <= 4
        assert "system" not in roles(example)[1:]


def test_some_have_a_system_turn_and_all_lengths_occur(examples):
    assert 0.2 < sum(roles(example)[0] == "system" for example in examples) / len(examples) < 0.4
    assert {roles(example).count("assistant") for example in examples} == {2, 3, 4}


def test_all_services_occur(examples):
    assert len(dialogues.SERVICES) >= 15
    assert {example.instance.split(":")[0] for example in examples} == {service.name for service in dialogues.SERVICES}


def test_no_field_is_left_open_and_sentences_begin_with_a_capital(examples):
    for example in examples:
        for turn in example.turns:
            assert not re.search(r"[{}]", turn.content)
            assert not re.search(r"(^|[.?!] )[a-z]", turn.content), turn.content
            assert not re.search(r"\b[Aa] [aeio](?!ne\b)", turn.content), turn.content


def test_slots_keep_their_values_through_a_conversation(examples):
    """A day or time that the caller gives is the one that the assistant offers and books."""
    for example in examples:
        given = " ".join(turn.content for turn in example.turns if turn.role == "user")
        times = set(re.findall(r"\d+:\d\d [ap]m", given))
        assert len(times) <= 1
        if times:
            answered = re.findall(r"\d+:\d\d [ap]m", example.response)
            assert set(answered) <= times, example.response


@pytest.mark.parametrize("service", dialogues.SERVICES, ids=lambda service: service.name)
def test_a_service_can_ask_for_and_is_told_each_of_its_slots(service):
    known = {*service.wanted, *service.found, "name", "first", "code", "phone", "staff", "when"}
    assert set(service.asks) == set(service.tells) == set(service.wanted)
    texts = [*service.openings, *service.offers, *service.done, *(text for pair in service.extras for text in pair)]
    texts += [text for slot in service.wanted for text in (*service.asks[slot], *service.tells[slot])]
    for text in texts:
        assert {field for _, field, _, _ in Formatter().parse(text) if field} <= known, text
    for slot in service.wanted:
        assert all(f"{{{slot}}}" in text for text in service.tells[slot])
