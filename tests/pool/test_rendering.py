"""Masks, seams, BOS, lengths: which token ends up in which part, seen on small real tokenizers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.errors import DataselectError, UsageError
from dataselect.pool import Renderer, RenderOptions
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Example, Message, Reject


def ask(*turns: tuple[str, str], text: str | None = None) -> Example:
    return Example("x", "pool", {}, tuple(Message(role, content) for role, content in turns), text)


def qa(prompt: str, response: str) -> Example:
    return ask(("user", prompt), ("assistant", response))


def rendered(model, example, **options):
    return Renderer(model, RenderOptions(**options), ifd=True).render([example])[0]


def part_text(one, part: int) -> str:
    """The characters that tokens of one part hold, each once."""
    held = sorted({c for (a, b), p in zip(one.spans, one.parts, strict=True) if p == part for c in range(a, b)})
    return "".join(one.text[c] for c in held)


def test_parts_of_a_chat(builtin):
    one = rendered(builtin, qa("What is 2+2?", "It is 4."))
    assert one.text == (
        "<|endoftext|><|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\nIt is 4.<|im_end|>\n"
    )
    assert part_text(one, RESPONSE) == "It is 4."
    assert part_text(one, END) == "<|im_end|>"
    assert part_text(one, UNSCORED) == "<|endoftext|>"
    assert one.parts[-1] == PROMPT  # the newline behind the last mark is the template's
    assert (one.status, one.seam_tokens, one.response_bytes) == ("ok", 0, 8)


def test_all_assistant_turns_are_response_and_later_user_turns_prompt(builtin):
    one = rendered(builtin, ask(("user", "Hi"), ("assistant", "Hello."), ("user", "Bye"), ("assistant", "See you.")))
    assert part_text(one, RESPONSE) == "Hello.See you."
    assert "Bye" in part_text(one, PROMPT)
    assert (one.parts == END).sum() == 2


def test_a_token_across_the_seam_belongs_to_the_response_and_is_counted(no_bos):
    # P3: "###Answer: it" tokenises as ... ":", " it": the space is the template's, the token is the response's
    one = rendered(no_bos, qa("what is the time?", "it is noon."), template="qa")
    first = int(np.flatnonzero(one.parts == RESPONSE)[0])
    assert one.text[slice(*one.spans[first])] == " it"
    assert one.seam_tokens == 1
    assert one.response_bytes == len("it is noon.")


def test_token_ids_are_those_of_the_whole_text_tokenised_once(no_bos, builtin):
    for model in (no_bos, builtin):
        renderer = Renderer(model, RenderOptions(template="qa"))
        one = renderer.render([qa("what is the time?", "it is noon.")])[0]
        expected = renderer.tokenizer(one.text, add_special_tokens=False)["input_ids"]
        assert one.token_ids[-len(expected) :].tolist() == expected


def test_a_tokenizer_without_bos_scores_from_its_second_token(no_bos):
    # P2: no BOS, and EOS is not put in its place
    one = rendered(no_bos, ask(text="The answer is yes."))
    assert one.parts.tolist() == [UNSCORED] + [RESPONSE] * (len(one.parts) - 1)
    assert one.text[slice(*one.spans[0])] != "<eos>"


def test_a_tokenizer_that_adds_bos_gets_it_once(adds_bos, double_bos):
    for model, example in ((adds_bos, qa("a", "b")), (double_bos, qa("a", "b")), (adds_bos, ask(text="The answer"))):
        renderer = Renderer(model)
        one = renderer.render([example])[0]
        bos = renderer.tokenizer.bos_token_id
        assert (one.token_ids == bos).sum() == 1
        assert one.token_ids[0] == bos
        assert one.parts[0] == UNSCORED


def test_a_bos_that_the_tokenizer_does_not_add_is_not_added(bos_unused):
    assert Renderer(bos_unused).tokenizer.bos_token_id not in rendered(bos_unused, qa("a", "b")).token_ids


def test_bos_always_and_never(bos_unused, adds_bos, no_bos):
    always = rendered(bos_unused, ask(text="The answer"), bos="always")
    assert always.token_ids[0] == Renderer(bos_unused).tokenizer.bos_token_id
    never = rendered(adds_bos, ask(text="The answer"), bos="never")
    assert Renderer(adds_bos).tokenizer.bos_token_id not in never.token_ids
    with pytest.raises(UsageError, match="no BOS"):
        Renderer(no_bos, RenderOptions(bos="always"))


def test_a_template_that_rewrites_earlier_turns(rewriting):
    # P4: the first thought is dropped by the template, contents are trimmed; what is shown is what is scored
    one = rendered(
        rewriting,
        ask(
            ("user", "one"), ("assistant", "<think>\nhm\n</think>\n\n The answer is yes.  "),
            ("user", "two"), ("assistant", "<think>so</think>it is noon."),
        ),
    )  # fmt: skip
    assert "hm" not in one.text
    assert part_text(one, RESPONSE) == "The answer is yes.<think>\nso\n</think>\n\nit is noon."
    assert part_text(one, END) == "<|im_end|>" * 2


def test_an_empty_thought_that_the_template_puts_in_counts_as_response(rewriting):
    one = rendered(rewriting, qa("one", "it is noon."))
    assert part_text(one, RESPONSE) == "<think>\n\n</think>\n\nit is noon."
    bare = rendered(rewriting, qa("one", "it is noon."), think=False)
    assert part_text(bare, RESPONSE) == "it is noon."


def test_no_think_leaves_thoughts_to_the_prompt(builtin):
    example = qa("Why?", "<think>because</think>\nThat is why.")
    assert part_text(rendered(builtin, example), RESPONSE) == "<think>because</think>\nThat is why."
    without = rendered(builtin, example, think=False)
    assert part_text(without, RESPONSE) == "That is why."
    assert "because" in part_text(without, PROMPT)


def test_a_response_that_repeats_the_prompt_is_found_where_it_stands(builtin):
    one = rendered(builtin, ask(("user", "yes"), ("assistant", "yes"), ("user", "yes"), ("assistant", "yes")))
    assert part_text(one, RESPONSE) == "yesyes"
    first = int(np.flatnonzero(one.parts == RESPONSE)[0])
    assert one.spans[first][0] == one.text.index("<|im_start|>assistant\nyes") + len("<|im_start|>assistant\n")


def test_tool_calls_are_response_even_where_the_template_does_not_know_them(builtin):
    call = {"type": "function", "function": {"name": "clock", "arguments": {"zone": "UTC"}}}
    example = Example(
        "x",
        "pool",
        {},
        (Message("user", "Time?"), Message("assistant", "", tool_calls=(call,)), Message("tool", "12:00")),
    )
    one = rendered(builtin, example)
    assert part_text(one, RESPONSE) == '{"name": "clock", "arguments": {"zone": "UTC"}}'
    assert "12:00" in part_text(one, PROMPT)


@pytest.mark.parametrize("template", ["chat", "alpaca", "qa"])
@pytest.mark.parametrize("response", ["", " \n "])
def test_an_empty_response_is_told_and_not_scored(builtin, template, response):
    # P7
    assert rendered(builtin, qa("Say nothing.", response), template=template).status == "empty_response"


def test_a_dialogue_without_assistant_turn_has_an_empty_response(builtin):
    assert rendered(builtin, ask(("user", "Hello?"))).status == "empty_response"


def test_a_response_of_one_token_is_scored(builtin):
    one = rendered(builtin, qa("Yes or no?", "no"))
    assert (one.status, int((one.parts == RESPONSE).sum())) == ("ok", 1)


def test_a_text_of_one_token_without_bos_is_too_short(no_bos):
    assert rendered(no_bos, ask(text="e")).status == "too_short"


def test_too_long_is_unscored_unless_truncated(no_bos):
    # P9: 64 positions, so 63 tokens fit
    long = qa("one", "The answer is yes. " * 30)
    whole = rendered(no_bos, long)
    assert whole.status == "too_long"
    assert len(whole.token_ids) > 63
    cut = rendered(no_bos, long, truncate=True)
    assert (cut.status, len(cut.token_ids)) == ("truncated", 63)
    assert cut.token_ids.tolist() == whole.token_ids[:63].tolist()
    assert cut.response_bytes == int(cut.spans[-1][1]) - cut.text.index("The answer")


def test_truncation_that_leaves_no_response_stays_too_long(no_bos):
    assert rendered(no_bos, qa("The answer is yes. " * 30, "yes"), truncate=True).status == "too_long"


def test_exactly_the_limit_fits(no_bos):
    renderer = Renderer(no_bos)
    fits = next(
        one
        for n in range(1, 80)
        if len((one := renderer.render([qa("one", "z" * n)])[0]).token_ids) == renderer.max_length
    )
    assert (renderer.max_length, fits.status) == (63, "ok")


def test_plain_text_over_the_limit_is_not_too_long(no_bos):
    assert rendered(no_bos, ask(text="The answer is yes. " * 30)).status == "ok"


def test_alone_holds_header_and_exactly_the_same_response_tokens(builtin, no_bos):
    # P6: the same tokens with and without the prompt, seam token included
    for model, template in ((builtin, "chat"), (builtin, "alpaca"), (no_bos, "qa"), (builtin, "qa")):
        one = rendered(model, qa("what is the time?", "it is noon."), template=template)
        response = one.token_ids[one.parts == RESPONSE]
        assert one.alone_ids[one.alone_start :].tolist() == response.tolist()
        assert one.token_ids[one.final_start : one.final_start + len(response)].tolist() == response.tolist()
        assert one.alone_start > 0
    chat = Renderer(builtin, ifd=True)
    one = chat.render([qa("what is the time?", "it is noon.")])[0]
    assert chat.tokenizer.decode(one.alone_ids) == "<|endoftext|><|im_start|>assistant\nit is noon."


def test_alone_is_the_final_turn_of_a_dialogue(builtin):
    renderer = Renderer(builtin, ifd=True)
    one = renderer.render([ask(("user", "Hi"), ("assistant", "Hello."), ("user", "Bye"), ("assistant", "See you."))])[0]
    assert renderer.tokenizer.decode(one.alone_ids) == "<|endoftext|><|im_start|>assistant\nSee you."


def test_qa_and_alpaca_texts(builtin):
    assert rendered(builtin, qa("Q", "A"), template="qa").text == "###Question: Q\n###Answer: A<|endoftext|>"
    alpaca = Example("x", "pool", {}, (Message("user", "Add.", input="1 1"), Message("assistant", "2")))
    assert rendered(builtin, alpaca, template="alpaca").text == (
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
        "response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 1\n\n"
        "### Response:\n2<|endoftext|>"
    )


def test_the_eos_of_alpaca_is_an_end_token(builtin):
    one = rendered(builtin, qa("Q", "A"), template="alpaca")
    assert (part_text(one, RESPONSE), part_text(one, END)) == ("A", "<|endoftext|>")


def test_auto_is_chat_where_there_is_a_template_else_alpaca(builtin, adds_bos):
    assert Renderer(builtin).template_name == "chat"
    assert Renderer(adds_bos).template_name == "alpaca"
    with pytest.raises(UsageError, match="no chat template"):
        Renderer(adds_bos, RenderOptions(template="chat"))


def test_a_jinja_file_is_a_template_and_can_be_used_again_from_the_manifest(builtin, tmp_path):
    file = tmp_path / "plain.jinja"
    file.write_text("{% for m in messages %}[{{ m.role }}]\n{{ m.content }}\n{% endfor %}")
    first = Renderer(builtin, RenderOptions(template=str(file)))
    again = Renderer(builtin, RenderOptions.recorded(first.settings()))
    example = qa("Q", "A")
    assert first.render([example])[0].text == "[user]\nQ\n[assistant]\nA\n" == again.render([example])[0].text
    assert again.settings() == first.settings()
    assert part_text(first.render([example])[0], RESPONSE) == "A"


def test_an_unknown_template_names_near_matches(builtin):
    with pytest.raises(UsageError, match="did you mean alpaca"):
        Renderer(builtin, RenderOptions(template="alpacca"))


def test_broken_jinja_is_one_error(builtin, tmp_path):
    file = tmp_path / "broken.jinja"
    file.write_text("{% for m in messages %}{{ m.role }")
    with pytest.raises(DataselectError, match=r"broken\.jinja"):
        Renderer(builtin, RenderOptions(template=str(file)))


def test_an_example_that_the_template_refuses_is_a_reject(builtin, tmp_path):
    file = tmp_path / "strict.jinja"
    file.write_text("{% if messages[0].role == 'system' %}{{ raise_exception('no system turns') }}{% endif %}" + "{% for m in messages %}{{ m.content }}{% endfor %}")  # fmt: skip
    renderer = Renderer(builtin, RenderOptions(template=str(file)))
    refused, fine = renderer.render([ask(("system", "s"), ("user", "u"), ("assistant", "a")), qa("u", "a")])
    assert isinstance(refused, Reject)
    assert (refused.reason, "no system turns" in refused.excerpt) == ("template_error", True)
    assert fine.status == "ok"


def test_half_a_surrogate_pair_is_a_reject_and_never_a_crash(builtin):
    assert Renderer(builtin).render([qa("u", "a\ud800b")])[0].reason == "lone_surrogate"


def test_max_length_over_the_model_is_refused(builtin):
    with pytest.raises(UsageError, match="1023"):
        Renderer(builtin, RenderOptions(max_length=1024))


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(
    turns=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3), template=st.sampled_from(["chat", "alpaca", "qa"])
)
def test_every_response_character_is_in_a_response_token(builtin_renderers, turns, template):
    """Whatever the text, response tokens cover the responses, end tokens never, and only the first token is unscored."""
    messages = tuple(m for p, r in turns for m in (Message("user", p), Message("assistant", r)))
    one = builtin_renderers[template].render([Example("x", "pool", {}, messages)])[0]
    if isinstance(one, Reject) or not one.scorable:
        return
    assert (one.parts == UNSCORED).sum() == 1
    wanted = "".join(r for _, r in turns)
    covered = part_text(one, RESPONSE)
    assert one.response_bytes == len(wanted.encode())
    assert len(covered) >= len(wanted) if one.seam_tokens else covered == wanted


@pytest.fixture(scope="session")
def builtin_renderers(builtin):
    return {name: Renderer(builtin, RenderOptions(template=name)) for name in ("chat", "alpaca", "qa")}
