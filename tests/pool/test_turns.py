"""Turns: roles, tool calls, reasoning and parts, and turns that a record wants as context only."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataselect.artifacts import read_parquet
from dataselect.errors import DataselectError
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.pool.rating_prompts import exchanges
from dataselect.pool.rejects import Unreadable
from dataselect.pool.turns import read_turns
from dataselect.records import END, PROMPT, RESPONSE, Example, Message
from dataselect.scoring import ScoreRequest, score
from dataselect.selection.pool_index import response_bytes, text_of_example
from dataselect.training.rows import IGNORED, make_train_set

CALL = {"name": "area", "arguments": {"radius": 3}}
NORMAL = {"type": "function", "function": CALL}


def turns(*given):
    return read_turns(list(given), "messages")


def reason(value) -> str:
    with pytest.raises(Unreadable) as caught:
        read_turns(value, "messages")
    return caught.value.reason


def test_sharegpt_roles():
    names = ["system", "human", "function_call", "observation", "gpt", "Tool", " USER "]
    assert [m.role for m in turns(*({"from": name, "value": "x"} for name in names))] == [
        "system", "user", "assistant", "tool", "assistant", "tool", "user",
    ]  # fmt: skip


def test_the_first_field_that_is_not_null_counts():
    turn = {"role": None, "from": "human", "content": None, "value": "Q", "tool_calls": None, "name": None}
    assert turns(turn) == (Message("user", "Q"),)
    assert turns({"role": "user", "content": None}) == (Message("user", ""),)
    assert turns({"role": "user", "content": 5}) == (Message("user", "5"),)


def test_a_name_is_kept():
    assert turns({"role": "tool", "content": "7", "name": "area"}) == (Message("tool", "7", name="area"),)


@pytest.mark.parametrize(
    "turn",
    [
        {"from": "function_call", "value": json.dumps(CALL)},
        {"from": "function_call", "value": json.dumps({"name": "area", "arguments": '{"radius": 3}'})},
        {"from": "function_call", "value": CALL},
        {"from": "function_call", "value": json.dumps({"name": "area", "parameters": {"radius": 3}})},
        {"role": "assistant", "content": None, "tool_calls": [NORMAL]},
        {"role": "assistant", "tool_calls": [{"id": "1", **NORMAL}]},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "assistant", "content": "", "function_call": {"name": "area", "arguments": '{"radius": 3}'}},
        {"role": "assistant", "content": [{"type": "tool_call", "value": json.dumps(CALL)}]},
        {"role": "assistant", "content": [{"type": "tool_call", **CALL}]},
    ],
)
def test_every_spelling_of_a_tool_call(turn):
    assert turns(turn) == (Message("assistant", "", tool_calls=(NORMAL,)),)


def test_several_calls_in_one_turn():
    assert turns({"from": "function_call", "value": json.dumps([CALL, CALL])})[0].tool_calls == (NORMAL, NORMAL)


@pytest.mark.parametrize(
    "value", ["area(3)", '{"radius": 3}', '["x"]', '{"name": ""}', '{"name": "a", "arguments": [1]}']
)
def test_a_function_call_that_spells_out_no_call_stays_text(value):
    assert turns({"from": "function_call", "value": value}) == (Message("assistant", value),)


def test_a_call_and_the_reply_behind_it_both_stay():
    read = turns({"from": "function_call", "value": json.dumps(CALL)}, {"from": "gpt", "value": "done"})
    assert read == (Message("assistant", "", tool_calls=(NORMAL,)), Message("assistant", "done"))


def test_a_call_without_arguments_has_empty_ones():
    read = turns({"role": "assistant", "tool_calls": [{"name": "now"}, {"name": "now", "arguments": ""}]})
    assert [call["function"]["arguments"] for call in read[0].tool_calls] == [{}, {}]


@pytest.mark.parametrize("call", [5, {}, {"name": 5}, "text", {"name": "a", "arguments": "{"}, {"function": None}])
def test_stated_calls_that_are_none(call):
    assert reason([{"role": "assistant", "tool_calls": [call]}]) == "bad_tool_call"


def test_parts_are_joined_with_reasoning_in_its_place():
    parts = [
        {"type": "reasoning", "value": "hm"},
        {"type": "text", "text": "It is "},
        {"type": "text", "value": "7"},
        "!",
        {"type": "tool_call", "value": json.dumps(CALL)},
    ]
    message = Message("assistant", "<think>\nhm\n</think>\n\nIt is 7!", tool_calls=(NORMAL,))
    assert turns({"role": "assistant", "content": parts}) == (message,)
    thinking = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "It is 7!"}]
    assert turns({"role": "assistant", "content": thinking})[0].content == message.content
    separate = {"role": "assistant", "content": "It is 7!", "reasoning_content": "hm"}
    assert turns(separate)[0].content == message.content


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "empty_dialogue"),
        ("", "empty_dialogue"),
        (None, "empty_dialogue"),
        (5, "wrong_type"),
        ({"role": "user"}, "wrong_type"),
        ("not json", "malformed_json"),
        ("[{'role': 'user', 'content': 'Q'}]", "wrong_type"),
        (["hello"], "wrong_type"),
        ([{"role": "narrator", "content": "x"}], "unknown_role"),
        ([{"content": "x"}], "unknown_role"),
        ([{"role": ["user"], "content": "x"}], "unknown_role"),
        ([{"role": "user"}], "missing_content"),
        ([{"role": "user", "content": {"text": "x"}}], "wrong_type"),
        ([{"role": "user", "content": [{"type": "image", "url": "x"}]}], "unsupported_part"),
        ([{"role": "user", "content": [5]}], "unsupported_part"),
        ([{"role": "user", "content": [{"type": "text"}]}], "missing_content"),
        ([{"role": "user", "content": [{"type": "text", "text": ["x"]}]}], "wrong_type"),
    ],
)
def test_what_cannot_be_read(value, expected):
    assert reason(value) == expected


def trained(turn: dict) -> bool:
    return read_turns([{"role": "assistant", "content": "A", **turn}], "messages")[0].trained


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking", "tool_calls", "function_call", "name"])
def test_a_nan_in_a_field_of_a_turn_is_a_gap(name):
    nan = float("nan")
    turn = {"role": "assistant", "content": "A", name: nan}
    assert read_turns([turn], "messages") == (Message("assistant", "A"),)
    assert read_turns([{**turn, "reasoning_content": "hm"}], "messages") == (
        Message("assistant", "<think>\nhm\n</think>\n\nA"),
    )


def test_a_nan_for_a_content_is_a_gap_where_something_else_is_said():
    call = {"name": "f", "arguments": {"x": 1}}
    (message,) = read_turns([{"role": "assistant", "content": float("nan"), "tool_calls": [call]}], "messages")
    assert (message.content, message.tool_calls) == ("", ({"type": "function", "function": call},))
    (message,) = read_turns([{"role": "assistant", "content": float("nan"), "thinking": "hm"}], "messages")
    assert message.content == "<think>\nhm\n</think>\n\n"
    assert read_turns([{"from": "gpt", "content": float("nan"), "value": "A"}], "messages") == (
        Message("assistant", "A"),
    )
    with pytest.raises(Unreadable, match="not_a_number"):
        read_turns([{"role": "assistant", "content": float("nan"), "tool_calls": float("nan")}], "messages")


@pytest.mark.parametrize("name", ["weight", "loss_weight", "train", "training", "trainable"])
@pytest.mark.parametrize("value", [0, 0.0, False, "0", "0.0", "false", " False ", "no"])
def test_every_spelling_of_a_turn_that_is_context(name, value):
    assert not trained({name: value})


@pytest.mark.parametrize(
    "turn",
    [
        {}, {"weight": 1}, {"weight": 1.0}, {"train": True}, {"weight": "1"}, {"training": "true"}, {"weight": None},
        {"train": None, "weight": ""}, {"loss": True}, {"loss": 0.0}, {"loss": 1.7}, {"train_detail": None},
        {"weight": float("nan")}, {"weight": float("nan"), "train": True}, {"train_detail": float("nan")},
    ],
)  # fmt: skip
def test_turns_that_are_trained(turn):
    assert trained(turn)


def test_fields_of_one_turn_that_agree_and_nulls():
    assert not trained({"weight": 0, "train": False, "training": None})
    assert not trained({"loss": False})
    assert not trained({"weight": 0, "train": float("nan")})


@pytest.mark.parametrize(
    "turn",
    [
        {"weight": 0.5}, {"weight": 2}, {"weight": -1}, {"weight": "half"}, {"weight": [0]},
        {"weight": float("nan"), "train": 0.5}, {"weight": 0, "train": True},
        {"train_detail": [{"begin_offset": 0, "end_offset": 3, "train": False}]},
        {"content": [{"type": "text", "text": "A", "weight": 0}, {"type": "text", "text": "B"}]},
        {"content": [{"type": "text", "text": "A", "train": False}], "train": True},
    ],
)  # fmt: skip
def test_weights_that_no_loss_over_whole_tokens_has_are_refused_by_name(turn):
    with pytest.raises(Unreadable, match="bad_weight"):
        trained(turn)


def test_weights_of_parts_that_agree():
    parts = [{"type": "text", "text": "A", "weight": 0}, {"type": "text", "text": "B", "weight": 0}]
    assert not trained({"content": parts})
    assert trained({"content": [{**part, "weight": 1} for part in parts]})
    assert not trained({"content": [{"type": "text", "text": "A", "weight": 1}], "weight": 0})


def test_a_users_turn_is_a_prompt_whatever_its_weight():
    for weight in (0, 0.5, "half"):
        assert read_turns([{"role": "user", "content": "Q", "weight": weight}], "messages") == (Message("user", "Q"),)
        parts = [{"type": "text", "text": "Q", "weight": weight}]
        assert read_turns([{"role": "user", "content": parts}], "messages") == (Message("user", "Q"),)


ASKED = {"role": "user", "content": "2+2?"}
WRONG = {"role": "assistant", "content": "It is 5."}
DOUBTED = {"role": "user", "content": "No?"}
RIGHT = {"role": "assistant", "content": "It is 4."}


def example(*turns: dict) -> Example:
    return Example("x", "pool", {}, read_turns(list(turns), "messages"))


def words(rendered, part: int) -> str:
    return "".join(
        rendered.text[a:b] for (a, b), code in zip(rendered.spans, rendered.parts, strict=True) if code == part
    )


@pytest.mark.parametrize("template", ["auto", "alpaca", "qa", "text"])
@pytest.mark.parametrize("context", [{"weight": 0}, {"train": False}])
def test_a_turn_of_context_is_prompt_and_the_rest_stays_as_it_was(no_bos, template, context):
    renderer = Renderer(no_bos, RenderOptions(template))
    (plain,) = renderer.render([example(ASKED, WRONG, DOUBTED, RIGHT)])
    (one,) = renderer.render([example(ASKED, {**WRONG, **context}, DOUBTED, RIGHT)])
    assert np.array_equal(one.token_ids, plain.token_ids)
    assert "".join(words(plain, RESPONSE).split()) == "Itis5.Itis4."
    assert words(one, RESPONSE).split() == ["It", "is", "4."]
    assert one.response_bytes == plain.response_bytes - len(b"It is 5.")
    changed = one.parts != plain.parts
    assert set(plain.parts[changed]) <= {RESPONSE, END}
    assert set(one.parts[changed]) == {PROMPT}
    assert np.count_nonzero(one.parts == END) == np.count_nonzero(plain.parts == END) / 2


def test_the_loss_falls_on_no_turn_of_context(no_bos):
    renderer = Renderer(no_bos)
    found = make_train_set([example(ASKED, {**WRONG, "train": False}, DOUBTED, RIGHT)], renderer)
    ((row,), left_out) = found.rows, found.left_out
    assert renderer.tokenizer.decode(row.labels[row.labels != IGNORED]) == "It is 4.<|im_end|>"
    assert left_out == {}
    with pytest.raises(DataselectError, match="1 empty_response"):
        make_train_set([example(ASKED, {**WRONG, "weight": 0})], renderer)


def test_without_a_turn_to_train_the_row_is_an_empty_response(no_bos):
    (one,) = Renderer(no_bos).render([example(ASKED, {**WRONG, "weight": 0})])
    assert one.status == "empty_response"
    assert set(one.parts[1:]) == {PROMPT}


def test_ifd_is_only_for_dialogues_that_end_in_a_trained_turn(no_bos):
    renderer = Renderer(no_bos, ifd=True)
    last, first = renderer.render([
        example(ASKED, {**WRONG, "weight": 0}, DOUBTED, RIGHT), example(ASKED, WRONG, DOUBTED, {**RIGHT, "weight": 0}),
    ])  # fmt: skip
    alone = renderer.tokenizer.decode(last.alone_ids[last.alone_start :])
    assert alone == "It is 4."
    assert first.status == "ok"
    assert len(first.alone_ids) == 0


def test_what_else_reads_responses_passes_over_turns_of_context():
    one = example(ASKED, {**WRONG, "weight": 0}, DOUBTED, RIGHT)
    assert text_of_example(one).response == "It is 4."
    assert text_of_example(one).prompt == "2+2?\n\nIt is 5.\n\nNo?"
    assert response_bytes(one) == len("It is 4.")
    assert [(two.instruction, two.output) for two in exchanges(one)] == [("No?", "It is 4.")]


@pytest.mark.real_model
def test_a_real_model_is_asked_only_for_what_is_trained(smollm2, tmp_path):
    """The response NLL against a plain forward pass over `apply_chat_template`, summed over the last turn alone."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    turns = [
        {"role": "user", "content": "What is two plus two?"},
        {"role": "assistant", "content": "It is five.", "weight": 0},
        {"role": "user", "content": "Really?"},
        {"role": "assistant", "content": "No, it is four.", "weight": 1},
    ]
    (tmp_path / "pool.jsonl").write_text(json.dumps({"messages": turns}))
    request = ScoreRequest(
        pools=(str(tmp_path / "pool.jsonl"),), model=str(smollm2), out=tmp_path / "out", dtype="float32", cache=False
    )
    assert score(request).counts["ok"] == 1
    (row,) = read_parquet(tmp_path / "out" / "scores.parquet").to_pylist()
    tokenizer, model = AutoTokenizer.from_pretrained(smollm2), AutoModelForCausalLM.from_pretrained(smollm2)
    asked = tokenizer.apply_chat_template(turns[:3], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(turns, tokenize=False)
    before = len(tokenizer(asked, add_special_tokens=False)["input_ids"])
    ids = torch.tensor([tokenizer(whole, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        logs = model.float()(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0].double()
    assert tokenizer.decode(ids[0, before:]) == "No, it is four.<|im_end|>\n"
    assert (row["response_tokens"], row["end_tokens"], row["prompt_tokens"]) == (6, 1, before - 1 + 1)  # and the "\n"
    assert row["response_nll"] == pytest.approx(-float(logs[before - 1 : -2].sum()), rel=1e-4)
    assert row["end_nll"] == pytest.approx(-float(logs[-2]), rel=1e-4)
    assert row["prompt_nll"] == pytest.approx(-float(logs[: before - 1].sum() + logs[-1]), rel=1e-4)


def test_a_pool_with_weights_reads_the_same_from_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [
        {"messages": [ASKED, {**WRONG, "weight": 0}, DOUBTED, {**RIGHT, "weight": 1}]},
        {"messages": [ASKED, RIGHT]},
    ]
    (tmp_path / "pool.jsonl").write_text("\n".join(map(json.dumps, records)))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "pool.parquet")
    for name in ("pool.jsonl", "pool.parquet"):
        items = list(PoolReader([str(tmp_path / name)]))
        assert [[turn.trained for turn in item.messages] for item in items] == [[True, False, True, True], [True, True]]
