"""Preference records as pairs: both replies of every known form, one context, and what is refused by name."""

from __future__ import annotations

import json

import pytest

from dataselect.pool import ColumnMap, PoolReader
from dataselect.pool.pairs import TIES, rating_margin, read_pair, sides
from dataselect.pool.rejects import Unreadable
from dataselect.records import Example, Message, Reject


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


Q, A, B = turn("user", "Q"), turn("assistant", "A"), turn("assistant", "B")
USER, GOOD, BAD = Message("user", "Q"), Message("assistant", "A"), Message("assistant", "B")


def pair(record: dict, **columns: str):
    content = read_pair(record, ColumnMap(**columns, pairs=True))
    return content.messages, content.rejected


def reason(record: dict, **columns: str) -> str:
    with pytest.raises(Unreadable) as caught:
        read_pair(record, ColumnMap(**columns, pairs=True))
    return caught.value.reason


FORMS = {
    "TRL, text": {"prompt": "Q", "chosen": "A", "rejected": "B"},
    "TRL, turns": {"prompt": [Q], "chosen": [A], "rejected": [B]},
    "TRL, turns without prompt": {"chosen": [Q, A], "rejected": [Q, B]},
    "TRL, text without prompt": {"chosen": "Q A", "rejected": "Q B"},
    "the prompt in both sides too": {"prompt": "Q", "chosen": [Q, A], "rejected": [Q, B]},
    "as JSON text": {"chosen": json.dumps([Q, A]), "rejected": json.dumps([Q, B])},
    "LLaMA-Factory, sharegpt": {
        "conversations": [{"from": "human", "value": "Q"}],
        "chosen": {"from": "gpt", "value": "A"},
        "rejected": {"from": "gpt", "value": "B"},
    },
    "alpaca": {"instruction": "Q", "input": "", "chosen": "A", "rejected": "B"},
    "alpaca with an output": {"instruction": "Q", "input": "", "output": "C", "chosen": "A", "rejected": "B"},
    "question": {"question": "Q", "chosen": "A", "rejected": "B"},
    "UltraFeedback, binarised": {"prompt": "Q", "messages": [Q, A], "chosen": [Q, A], "rejected": [Q, B]},
    "UltraFeedback": {
        "instruction": "Q",
        "completions": [
            {"response": "C", "overall_score": 6.5},
            {"response": "B", "overall_score": 2},
            {"response": "A", "overall_score": "9"},
            {"response": "no rating", "overall_score": None},
        ],
    },
    "HH-RLHF": {"chosen": "\n\nHuman: Q\n\nAssistant: A", "rejected": "\n\nHuman: Q\n\nAssistant: B"},
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_two_sides(name):
    assert pair(FORMS[name]) == ((USER, GOOD), (USER, BAD))


def test_a_named_prompt_column_and_a_system_column():
    assert pair({"query": "Q", "chosen": "A", "rejected": "B"}, prompt="query") == ((USER, GOOD), (USER, BAD))
    system = Message("system", "S")
    record = {"system": "S", "prompt": "Q", "chosen": "A", "rejected": "B"}
    assert pair(record) == ((system, USER, GOOD), (system, USER, BAD))


def test_what_both_sides_say_is_context_and_not_trained():
    first, more = turn("assistant", "first"), turn("user", "more")
    chosen, rejected = pair({"chosen": [Q, first, more, A], "rejected": [Q, first, more, B]})
    assert [(one.content, one.is_response) for one in chosen] == [
        ("Q", False), ("first", False), ("more", False), ("A", True),
    ]  # fmt: skip
    assert rejected[:3] == chosen[:3]
    text = "\n\nHuman: Q\n\nAssistant: first\n\nHuman: more\n\nAssistant: "
    assert pair({"chosen": text + "A", "rejected": text + "B"}) == (chosen, rejected)


def test_texts_without_a_prompt_part_at_the_last_space_that_they_share():
    # shared characters: "The sky is b", cut after "is"
    chosen, rejected = pair({"chosen": "The sky is blue.", "rejected": "The sky is brown."})
    assert [one.content for one in chosen] == ["The sky is", "blue."]
    assert [one.content for one in rejected] == ["The sky is", "brown."]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"prompt": "Q", "chosen": "A"}, "one_sided"),
        ({"prompt": "Q", "chosen": "A", "rejected": None}, "one_sided"),
        ({"prompt": "Q", "chosen": None, "rejected": "B"}, "one_sided"),
        ({"prompt": "Q", "chosen": None, "rejected": None}, "one_sided"),
        ({"chosen": [Q, A], "rejected": [Q]}, "one_sided"),
        ({"prompt": "Q", "chosen": "A", "rejected": " A "}, "identical_pair"),
        ({"chosen": [Q, A], "rejected": [Q, A]}, "identical_pair"),
        ({"chosen": [Q, A], "rejected": [turn("user", "other"), B]}, "two_prompts"),
        ({"prompt": "Q", "chosen": [turn("user", "other"), A], "rejected": [B]}, "two_prompts"),
        ({"chosen": "A", "rejected": "B"}, "lone_reply"),
        ({"chosen": [A], "rejected": [B]}, "lone_reply"),
        ({"prompt": "Q", "completion": "A"}, "not_a_pair"),
        ({"messages": [Q, A]}, "not_a_pair"),
        ({"prompt": "Q", "completion": "A", "label": None}, "one_sided"),
        ({"text": "T", "label": True}, "lone_reply"),
        ({"messages": [Q], "label": True}, "one_sided"),
        ({"prompt": "Q", "chosen": {"a": 1}, "rejected": "B"}, "wrong_type"),
    ],
)
def test_what_is_no_pair_is_refused_by_name(record, expected):
    assert reason(record) == expected


def rated(*ratings):
    return {
        "instruction": "Q",
        "completions": [{"response": f"R{at}", "overall_score": rating} for at, rating in enumerate(ratings)],
    }


def test_three_responses_with_ties():
    content = read_pair(rated(5, 3, 5), ColumnMap(pairs=True))  # two of the best: the first is taken, and it is said
    assert (content.messages[-1].content, content.rejected[-1].content) == ("R0", "R1")
    assert content.unread == (TIES,)
    assert read_pair(rated(5, 3, 4), ColumnMap(pairs=True)).unread == ()
    assert reason(rated(4, 4, 4)) == "tied_ratings"
    assert reason(rated(4)) == "one_sided"
    assert reason(rated(4, None, "nan")) == "one_sided"


@pytest.mark.parametrize("value", [True, "false", 0])
def test_a_labelled_reply_is_one_side_with_its_label(value):
    wanted = {True: True, "false": False, 0: False}[value]
    for record in (
        {"prompt": "Q", "completion": "A", "label": value},
        {"prompt": [Q], "completion": [A], "label": value},
        {"messages": [Q, A], "label": value},
        {"instruction": "Q", "output": "A", "kto_tag": value},
    ):
        content = read_pair(record, ColumnMap(pairs=True))
        assert (content.messages, content.rejected, content.desirable) == ((USER, GOOD), (), wanted)


def test_the_sides_of_an_example():
    one = Example("x", "y", {}, (USER, GOOD), rejected=(USER, BAD))
    assert {name: side.messages for name, side in sides(one).items()} == {
        "chosen": (USER, GOOD),
        "rejected": (USER, BAD),
    }
    assert all(not side.rejected for side in sides(one).values())
    assert list(sides(Example("x", "y", {}, (USER, GOOD)))) == [""]
    assert list(sides(Example("x", "y", {}, (USER, GOOD), desirable=False))) == ["undesirable"]


def test_a_pool_of_pairs_is_read_whole_and_what_is_dropped_is_counted(tmp_path):
    records = [*FORMS.values(), {"prompt": "Q", "chosen": "A", "rejected": "A"}, {"prompt": "Q", "completion": "A"}]
    (tmp_path / "pool.jsonl").write_text("\n".join(map(json.dumps, records)))
    (tmp_path / "pool.json").write_text(json.dumps({"data": [FORMS["UltraFeedback"], FORMS["HH-RLHF"]]}))
    reader = PoolReader([str(tmp_path / "pool.jsonl")], ColumnMap(pairs=True))
    items = list(reader)
    assert [one.reason for one in items if isinstance(one, Reject)] == ["identical_pair", "not_a_pair"]
    assert all(one.rejected == (USER, BAD) for one in items if isinstance(one, Example))
    assert reader.unread == {"output": 1}  # a third reply is in neither side
    assert len(list(PoolReader([str(tmp_path / "pool.json")], ColumnMap(pairs=True)))) == 2


def test_read_without_pairs_nothing_is_different(tmp_path):
    (tmp_path / "pool.jsonl").write_text(json.dumps(FORMS["TRL, text"]))
    (one,) = PoolReader([str(tmp_path / "pool.jsonl")])
    assert (one.messages, one.rejected, one.desirable) == ((USER, GOOD), (), None)
    assert "pairs" not in ColumnMap().recorded()
    assert ColumnMap(**ColumnMap(pairs=True).recorded()) == ColumnMap(pairs=True)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"score_chosen": 8.5, "score_rejected": "6"}, 8.5 - 6),
        ({"chosen-rating": 4, "rejected-rating": 5}, -1.0),  # a record may contradict itself: that is what it says
        ({"margin": 0.25, "score_chosen": 9, "score_rejected": 1}, 0.25),
        ({"score_chosen": 8.5}, None),
        ({"margin": "nan"}, None),
        ({"margin": True}, None),
        (rated(5, 3, None, 4), 5.0 - 3.0),
    ],
)
def test_how_much_better_a_record_rates_its_chosen_reply(record, expected):
    assert rating_margin(record) == expected
