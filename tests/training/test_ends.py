"""A trained model stops by itself wherever it is run, and responses that nothing ends are told."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from dataselect.pool import Renderer, RenderOptions
from dataselect.records import END, Example, Message
from dataselect.training import TrainConfig, TrainRequest, train
from dataselect.training.ends import FILE, Ends, find_ends, write_ends
from dataselect.training.rows import make_train_set

MARK = "<|im_end|>"


def dialogue(*turns):
    return Example("a", "p", {}, tuple(Message(role, content) for role, content in turns))


HELLO = dialogue(("user", "Hi."), ("assistant", "Hello."), ("user", "Bye."), ("assistant", "See you."))


def ends_of(folder, **options):
    return make_train_set([HELLO], Renderer(folder, RenderOptions(**options))).ends


@pytest.fixture
def named_otherwise(builtin, tmp_path):
    """A copy of the bundled model whose tokenizer does not call the end of a turn a special token."""
    folder = tmp_path / "named"
    folder.mkdir()
    for file in builtin.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (entry,) = [one for one in tokenizer["added_tokens"] if one["content"] == MARK]
    entry["special"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
def test_plain_generate_stops_where_a_trained_model_ends_its_turn(builtin, tmp_path, lora):
    pool, out = tmp_path / "rows.jsonl", tmp_path / "out"
    pool.write_text("".join(json.dumps({"prompt": f"Say {n}.", "response": "I say it."}) + "\n" for n in range(4)))
    recipe = TrainConfig(max_steps=8, batch_size=4, learning_rate=5e-3 if lora else 2e-3, lora=lora)
    train(TrainRequest(pool, "builtin", out, recipe))
    tokenizer, model = AutoTokenizer.from_pretrained(out), AutoModelForCausalLM.from_pretrained(out)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Say 9."}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    written = model.generate(**asked, do_sample=False, max_new_tokens=40)[0, asked["input_ids"].shape[1] :]
    assert tokenizer.decode(written) == f"I say it.{MARK}"
    document = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    assert GenerationConfig.from_pretrained(out).eos_token_id == [tokenizer.convert_tokens_to_ids(MARK), document]
    assert json.loads((out / "manifest.json").read_text())["training"]["end_tokens"] == [MARK]


def test_an_end_that_is_an_added_token_and_not_called_special_is_trained_and_stops(named_otherwise):
    mark = AutoTokenizer.from_pretrained(named_otherwise).convert_tokens_to_ids(MARK)
    found = ends_of(named_otherwise)
    assert (found.tokens, found.open, found.warnings) == ((mark,), 0, [])
    (rendered,) = Renderer(named_otherwise).render([HELLO])
    assert rendered.token_ids[rendered.parts == END].tolist() == [mark, mark]


def test_a_line_break_that_the_vocabulary_adds_is_no_end(named_otherwise):
    """Gemma's does; the mark that ends the turn stands behind it."""
    tokenizer = json.loads((named_otherwise / "tokenizer.json").read_text())
    (entry,) = [one for one in tokenizer["added_tokens"] if one["content"] == MARK]
    unused = next(one for one in tokenizer["added_tokens"] if one["content"] == "<|pad|>")
    tokenizer["added_tokens"].append(
        {**unused, "id": max(tokenizer["model"]["vocab"].values()) + 1, "content": "\n", "special": False}
    )
    (named_otherwise / "tokenizer.json").write_text(json.dumps(tokenizer))
    jinja = named_otherwise / "broken.jinja"
    jinja.write_text("{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}\n<|im_end|>{% endfor %}")
    assert ends_of(named_otherwise, template=str(jinja)).tokens == (entry["id"],)


def test_an_end_that_is_text_is_named(builtin, tmp_path):
    jinja = tmp_path / "plain.jinja"
    jinja.write_text("{% for m in messages %}### {{ m.role }}: {{ m.content }} [end]\n{% endfor %}")
    found = ends_of(builtin, template=str(jinja))
    assert found.tokens == ()
    assert found.warnings == [
        "no end is trained for all responses: the template writes '[end]', which is not one token, after them, "
        "so the model will not stop by itself"
    ]


def test_a_template_that_writes_nothing_behind_a_response_is_told(builtin, tmp_path):
    jinja = tmp_path / "open.jinja"
    jinja.write_text(
        "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ '\n' if not loop.last else '' }}{% endfor %}"
    )
    (told,) = ends_of(builtin, template=str(jinja)).warnings
    assert "no end is trained for all responses: the template writes nothing after them" in told


def test_the_summary_and_the_manifest_say_so(builtin, tmp_path):
    jinja, pool, out = tmp_path / "plain.jinja", tmp_path / "rows.jsonl", tmp_path / "out"
    jinja.write_text("{% for m in messages %}{{ m.role }}: {{ m.content }} [end]\n{% endfor %}")
    pool.write_text(json.dumps({"prompt": "Hi.", "response": "Hello."}) + "\n")
    summary = train(TrainRequest(pool, "builtin", out, TrainConfig(max_steps=1), {"template": str(jinja)}))
    assert any("'[end]'" in warning for warning in summary.warnings)
    assert json.loads((out / "manifest.json").read_text())["warnings"] == list(summary.warnings)


def test_plain_text_and_cut_rows_are_no_responses_without_an_end(builtin):
    renderer = Renderer(builtin, RenderOptions(max_length=20, truncate=True))
    rendered = renderer.render([Example("t", "p", {}, (), "Once upon a time."), HELLO])
    found = find_ends(rendered, set())
    assert (rendered[1].status, found.responses, found.open) == ("truncated", 0, 0)


@pytest.mark.parametrize(
    ("named", "tokens", "inside", "expected"),
    [
        (7, (5,), (), [5, 7]),  # a document still ends where it did
        ([7, 5], (5,), (), [5, 7]),
        ([7, 8], (5, 6), (8,), [5, 6, 7]),  # 8 stands inside responses: it would cut them
        (None, (5,), (), 5),
        (5, (5,), (), 5),
        (7, (), (), 7),  # plain text: nothing new is known
    ],
)
def test_trained_ends_come_first_and_those_that_would_cut_a_response_go(tmp_path, named, tokens, inside, expected):
    base, target = tmp_path / "base", tmp_path / "target"
    base.mkdir(), target.mkdir()
    # temperature without do_sample is what transformers refuses to save, and what published models hold
    (base / FILE).write_text(json.dumps({"temperature": 0.6, "do_sample": False, "eos_token_id": named}))
    write_ends(Ends(tokens, frozenset(inside), 1, 0, ""), base, target)
    written = json.loads((target / FILE).read_text())
    assert written == {"temperature": 0.6, "do_sample": False, "eos_token_id": expected}


@pytest.mark.real_model
def test_a_trained_smollm2_stops_in_plain_generate(smollm2, tmp_path):
    """Its own generation_config.json names <|im_end|> as well, so it is taken away first."""
    base, pool, out = tmp_path / "base", tmp_path / "rows.jsonl", tmp_path / "out"
    base.mkdir()
    for file in smollm2.iterdir():
        if file.name != FILE:
            (base / file.name).symlink_to(file)
    (base / FILE).write_text(json.dumps({"eos_token_id": 0}))
    pool.write_text(json.dumps({"prompt": "Name a colour.", "response": "Red."}) + "\n")
    train(TrainRequest(pool, str(base), out, TrainConfig(max_steps=1, batch_size=1, learning_rate=1e-5)))
    tokenizer, model = (
        AutoTokenizer.from_pretrained(out),
        AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32),
    )
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Name a colour."}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    written = model.generate(**asked, do_sample=False, max_new_tokens=24)[0, asked["input_ids"].shape[1] :]
    assert tokenizer.decode(written[-1]) == MARK
    assert np.count_nonzero(written == tokenizer.convert_tokens_to_ids(MARK)) == 1
