"""Prompts for writing: each is the beginning of what the model is trained on, in text and in tokens."""

import numpy as np
import pytest

from dataselect.pool import Renderer, RenderOptions
from dataselect.pool.prompting import next_turn, render_prompts, render_texts, stop_tokens
from dataselect.records import RESPONSE, Example, Message

DIALOGUES = [
    [("user", "What is 2+2?")],
    [("system", "Be brief."), ("user", "What is the time?")],
    [("user", "Hi"), ("assistant", "Hello."), ("user", "Is it so?")],
]
RESPONSES = ["It is 4.", "42", "- a list", "Yes.\n\nIt is.", "x"]


def messages(turns):
    return tuple(Message(role, content) for role, content in turns)


def trained(renderer, turns, response):
    (one,) = renderer.render([Example("i", "", {}, (*messages(turns), Message("assistant", response)))])
    assert one.scorable
    return one


def prompt_of(renderer, turns):
    (prompt,) = render_prompts(renderer, [messages(turns)])
    assert prompt.status == "ok"
    return prompt


@pytest.mark.parametrize("turns", DIALOGUES, ids=["question", "system", "turns"])
@pytest.mark.parametrize(
    ("model", "template"),
    [("builtin", "chat"), ("builtin", "alpaca"), ("builtin", "qa"), ("builtin", "text"), ("no_bos", "chat"),
     ("no_bos", "qa"), ("adds_bos", "qa"), ("double_bos", "chat"), ("bos_unused", "text")],
)  # fmt: skip
def test_a_prompt_is_the_beginning_of_the_training_sequence_up_to_the_response(request, model, template, turns):
    renderer = Renderer(request.getfixturevalue(model), RenderOptions(template=template))
    prompt = prompt_of(renderer, turns)
    for response in RESPONSES:
        one = trained(renderer, turns, response)
        assert one.token_ids[: len(prompt.ids)].tolist() == prompt.ids.tolist()
        behind = one.text[one.spans[len(prompt.ids)][0] :].lstrip()
        assert behind.startswith(response)  # nothing but white space lies between the prompt and the response


@pytest.mark.parametrize("turns", DIALOGUES[:1] + DIALOGUES[2:], ids=["question", "turns"])
def test_with_a_chat_template_a_prompt_is_what_apply_chat_template_makes_for_generation(builtin, turns):
    renderer = Renderer(builtin)
    shown = renderer.tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in turns], add_generation_prompt=True, tokenize=False
    )
    expected = renderer.tokenizer(shown, add_special_tokens=False)["input_ids"]
    assert prompt_of(renderer, turns).ids.tolist() == expected


def test_a_token_that_joins_header_and_response_is_left_to_the_response(no_bos):
    renderer = Renderer(no_bos, RenderOptions(template="qa"))
    prompt = prompt_of(renderer, [("user", "is it?")])
    one = trained(renderer, [("user", "is it?")], "is")
    assert one.seam_tokens == 1  # " is" is one token of this tokenizer, " x" is two
    assert renderer.tokenizer.decode(prompt.ids) == "###Question: is it?\n###Answer:"
    assert int(np.argmax(one.parts == RESPONSE)) == len(prompt.ids)


def test_the_empty_thought_of_a_last_turn_is_the_models_to_write_unless_thoughts_are_prompt(rewriting):
    turns = [("user", "Is it?")]
    thinking = prompt_of(Renderer(rewriting), turns).ids
    not_thinking = prompt_of(Renderer(rewriting, RenderOptions(think=False)), turns).ids
    decode = Renderer(rewriting).tokenizer.decode
    assert decode(thinking).endswith("<|im_start|>assistant\n")
    assert decode(not_thinking).startswith(decode(thinking) + "<think>\n\n</think>")


def test_prompts_that_do_not_fit_or_are_refused_say_so(builtin, tmp_path):
    renderer = Renderer(builtin, RenderOptions(max_length=40))
    long, short = render_prompts(renderer, [messages([("user", "word " * 60)]), messages([("user", "Hi")])])
    assert (long.status, len(long.ids), short.status) == ("too_long", 0, "ok")
    cutting = Renderer(builtin, RenderOptions(max_length=40, truncate=True))
    assert render_prompts(cutting, [messages([("user", "word " * 60)])])[0].status == "too_long"
    jinja = tmp_path / "refuses.jinja"
    jinja.write_text(
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('never') }}{% endif %}{{ m.content }}\n{% endfor %}"
    )
    refusing = Renderer(builtin, RenderOptions(template=str(jinja)))
    assert render_prompts(refusing, [messages(DIALOGUES[1])])[0].status == "template_error"


def test_plain_text_is_shown_as_it_is(builtin):
    renderer = Renderer(builtin, RenderOptions(max_length=30))
    shown, long = render_texts(renderer, ["Once upon a", "word " * 60])
    assert shown.ids.tolist() == renderer.tokenizer("Once upon a")["input_ids"]
    assert long.status == "too_long"


def test_answers_end_at_the_tokens_that_end_responses_in_training(builtin, no_bos):
    # <|endoftext|> is 0 and <|im_end|> is 2: see the model's tokenizer
    assert stop_tokens(Renderer(builtin)) == {0, 2}
    assert stop_tokens(Renderer(builtin, RenderOptions(template="qa"))) == {0}
    tokenizer = Renderer(no_bos).tokenizer
    assert stop_tokens(Renderer(no_bos)) == set(tokenizer.convert_tokens_to_ids(["<eos>", "<|im_end|>"]))


def test_the_users_next_turn_is_known_by_its_words_where_no_token_marks_it(builtin, tmp_path):
    def mark(template):
        return next_turn(Renderer(builtin, RenderOptions(template=template)))

    assert mark("alpaca") == "### Instruction:"
    assert mark("qa") == "###Question:"
    assert mark("text") == ""
    assert mark("chat") == ""  # <|im_end|> ends the answer; "user" would be found in any text
    jinja = tmp_path / "plain.jinja"
    jinja.write_text(
        "{% for m in messages %}{{ m.role|upper + ': ' + m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT: ' }}{% endif %}"
    )
    assert mark(str(jinja)) == "USER:"
