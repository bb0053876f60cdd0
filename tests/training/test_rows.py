"""Rows to train on: labels on responses and ends only, windows of long texts, and batches without a padding token."""

import numpy as np
import pytest

from dataselect.errors import DataselectError
from dataselect.pool import Renderer, RenderOptions
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Example, Message, Reject
from dataselect.training.rows import IGNORED, collate, make_train_set, train_rows


def dialogue(identifier, *turns):
    messages = tuple(Message(role, content) for role, content in turns)
    return Example(identifier, "pool.jsonl", {}, messages, line=1)


def plain(identifier, text):
    return Example(identifier, "pool.jsonl", {}, (), text, line=1)


SKY = dialogue("sky", ("user", "What is blue?"), ("assistant", "The sky."), ("user", "And?"), ("assistant", "The sea."))


def test_labels_are_the_response_and_end_tokens_of_the_rendering(builtin):
    renderer = Renderer(builtin)
    (rendered,) = renderer.render([SKY])
    (row,) = train_rows(rendered, renderer.max_length)
    assert row.input_ids.tolist() == rendered.token_ids.tolist()
    for token, part, label in zip(rendered.token_ids, rendered.parts, row.labels, strict=True):
        assert label == (token if part in (RESPONSE, END) else IGNORED)
    trained = renderer.tokenizer.decode(row.labels[row.labels != IGNORED])
    assert trained == "The sky.<|im_end|>The sea.<|im_end|>"
    assert {UNSCORED, PROMPT} <= set(rendered.parts[row.labels == IGNORED].tolist())


def test_counts_are_those_of_the_parts(builtin):
    renderer = Renderer(builtin)
    (rendered,) = renderer.render([SKY])
    counts = make_train_set([SKY], renderer).counts()
    assert counts["response_tokens"] == int((rendered.parts == RESPONSE).sum())
    assert counts["end_tokens"] == int((rendered.parts == END).sum()) == 2
    assert counts["trained_tokens"] == counts["response_tokens"] + counts["end_tokens"]
    assert counts["total_tokens"] == len(rendered.token_ids)
    assert counts["rows"] == counts["sequences"] == 1


def test_long_plain_text_is_trained_on_in_windows_each_token_once(builtin):
    renderer = Renderer(builtin, RenderOptions(max_length=8))
    (rendered,) = renderer.render(
        [plain("tale", "Once upon a time there was a small grey mouse in a small grey house.")]
    )
    assert len(rendered.token_ids) > 16
    rows = train_rows(rendered, 8)
    assert all(len(row.input_ids) <= 8 for row in rows)
    labels = np.concatenate([row.labels[row.labels != IGNORED] for row in rows])
    assert labels.tolist() == rendered.token_ids[rendered.parts == RESPONSE].tolist()
    for row in rows:  # the first token of a window has nothing before it there, so it cannot be predicted
        assert row.labels[0] == IGNORED
    counts = make_train_set(
        [plain("tale", "Once upon a time there was a small grey mouse in a small grey house.")], renderer
    )
    assert (counts.examples, len(counts.rows)) == (1, len(rows))


def test_what_cannot_be_trained_on_is_left_out_and_counted(builtin):
    renderer = Renderer(builtin, RenderOptions(max_length=48))
    records = [
        SKY,
        dialogue("empty", ("user", "Say nothing."), ("assistant", "")),
        dialogue("long", ("user", "Count."), ("assistant", "one two three " * 20)),
        Reject("pool.jsonl", 4, "malformed_json", "{"),
        dialogue("also-empty", ("user", "Say nothing."), ("assistant", "  ")),
    ]
    train_set = make_train_set(records, renderer)
    assert train_set.examples == 1
    assert train_set.left_out == {"empty_response": 2, "malformed_json": 1, "too_long": 1}


def test_a_truncated_row_is_trained_on_up_to_the_limit(builtin):
    renderer = Renderer(builtin, RenderOptions(max_length=24, truncate=True))
    train_set = make_train_set([dialogue("long", ("user", "Count."), ("assistant", "one two three " * 20))], renderer)
    assert len(train_set.rows[0].input_ids) == 24
    assert train_set.end_tokens == 0


def test_nothing_to_train_on_is_an_error_with_the_reasons(builtin):
    with pytest.raises(DataselectError, match="no row can be trained on: 1 empty_response"):
        make_train_set([dialogue("empty", ("user", "Hm?"), ("assistant", ""))], Renderer(builtin))


def test_rows_are_padded_on_the_right_without_attention_and_label():
    batch = collate(
        [
            {"input_ids": np.array([5, 6, 7], np.int32), "labels": np.array([-100, 6, 7], np.int32)},
            {"input_ids": np.array([8], np.int32), "labels": np.array([8], np.int32)},
        ]
    )
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 6, 7], [8, -100, -100]]
