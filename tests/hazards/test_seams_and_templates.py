"""P3: tokens that merge across a seam. P4: templates that rewrite earlier turns. P5: marks of the assistant's tokens."""

from __future__ import annotations

import jinja2
import numpy as np
import pytest

from dataselect.pool import RenderOptions

QA = RenderOptions(template="qa")
ALPACA = RenderOptions(template="alpaca")

# As newer chat templates do it: of the thoughts only the last turn's are shown, and contents are trimmed.
REWRITING = (
    "{% for m in messages %}{% set said = m.content.strip() %}"
    "{% if m.role == 'assistant' and not loop.last %}{% set said = said.split('</think>')[-1].strip() %}{% endif %}"
    "{{ '<|im_start|>' + m.role + '\n' + said + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
PLAIN = "{% for m in messages %}{{ m.content }}{% endfor %}"


def nll(logprobs: np.ndarray) -> float:
    return -float(logprobs.sum())


def held(spans: list[tuple[int, int]], start: int, end: int) -> list[int]:
    """The tokens that hold a character of [start, end), one by one."""
    return [t for t, (a, b) in enumerate(spans) if a < end and b > start]


@pytest.fixture(scope="module")
def merging(make_model):
    """Joins a space with `it`, two line breaks, and a full stop with a line break."""
    return make_model(merges=[("Ġ", "i"), ("Ġi", "t"), ("Ċ", "Ċ"), (".", "Ċ")], trim=False)


def encoded(tokenizer, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    encoding = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    return encoding["input_ids"], encoding["offset_mapping"]


SEAMS = {
    "a space and a word": (QA, {"question": "Now?", "answer": "it is."}, "###Question: Now?\n###Answer: ", "it is."),
    "two line breaks": (
        ALPACA,
        {"instruction": "Go.", "output": "\nGone."},
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\nGo.\n\n### Response:\n",
        "\nGone.",
    ),
}


@pytest.mark.parametrize("case", SEAMS)
def test_P03_a_token_that_merges_across_the_seam_is_scored_and_counted(
    merging, load_tokenizer, score_pool, truth, case
):
    options, record, prompt, response = SEAMS[case]
    tokenizer = load_tokenizer(merging)
    ids, spans = encoded(tokenizer, prompt + response + "<eos>")
    tokens = held(spans, len(prompt), len(prompt + response))
    each = truth(merging, ids)
    row = score_pool(merging, [record], rendering=options).rows[0]
    assert spans[tokens[0]][0] < len(prompt)  # the merge is there
    assert row["seam_tokens"] == 1
    assert row["response_tokens"] == len(tokens)
    assert row["response_bytes"] == len(response)
    assert row["response_nll"] == pytest.approx(nll(each[tokens]), abs=1e-3)

    behind_the_prefix = list(range(len(tokenizer(prompt)["input_ids"]), len(ids) - 1))  # length-subtraction
    assert behind_the_prefix == tokens[1:]
    apart = tokenizer(prompt)["input_ids"] + tokenizer(response)["input_ids"]  # two texts, tokenised apart
    assert apart != ids[:-1]
    wrong = truth(merging, apart)[len(tokenizer(prompt)["input_ids"]) :]
    for other in (nll(each[behind_the_prefix]), nll(wrong)):
        assert abs(other - row["response_nll"]) > 0.1


def test_P03_a_token_that_merges_with_what_follows_the_response_is_scored_and_counted(
    merging, load_tokenizer, score_pool, truth, tmp_path
):
    template = tmp_path / "lines.jinja"
    template.write_text("{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}")
    prompt, response = "user: Now?\nassistant: ", "Yes."
    ids, spans = encoded(load_tokenizer(merging), prompt + response + "\n")
    tokens = held(spans, len(prompt), len(prompt + response))
    assert spans[tokens[-1]] == (len(prompt) + 3, len(prompt) + 5)  # ".\n" is one token
    record = {"prompt": "Now?", "response": response}
    row = score_pool(merging, [record], rendering=RenderOptions(template=str(template))).rows[0]
    assert (row["seam_tokens"], row["response_tokens"], row["end_tokens"]) == (1, 4, 0)
    right = nll(truth(merging, ids)[tokens])
    assert row["response_nll"] == pytest.approx(right, abs=1e-3)
    assert abs(nll(truth(merging, ids)[tokens[:-1]]) - right) > 0.1  # tokens that lie wholly inside


def test_P04_turns_that_the_template_rewrites_are_found_in_the_whole_rendering(
    make_model, load_tokenizer, score_pool, truth
):
    model = make_model(chat_template=REWRITING)
    tokenizer = load_tokenizer(model)
    messages = [
        {"role": "user", "content": "One?"}, {"role": "assistant", "content": "<think>hm</think> Yes. "},
        {"role": "user", "content": "Two?"}, {"role": "assistant", "content": "<think>so</think> No."},
    ]  # fmt: skip
    text = (
        "<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\nYes.<|im_end|>\n"
        "<|im_start|>user\nTwo?<|im_end|>\n<|im_start|>assistant\n<think>so</think> No.<|im_end|>\n"
    )
    ids, spans = encoded(tokenizer, text)
    tokens = [t for said in ("Yes.", "<think>so</think> No.") for t in held(spans, text.index(said), text.index(said) + len(said))]  # fmt: skip
    row = score_pool(model, [{"messages": messages}]).rows[0]
    assert row["response_tokens"] == len(tokens) == len("Yes.<think>so</think> No.")
    assert row["response_nll"] == pytest.approx(nll(truth(model, ids)[tokens]), abs=1e-3)

    def rendered(turns: int, generate: bool = False) -> str:
        return tokenizer.apply_chat_template(messages[:turns], tokenize=False, add_generation_prompt=generate)

    assert rendered(4) == text
    assert not text.startswith(rendered(2))  # alone, the first answer is the last turn and keeps its thought
    by_prefix = [
        t for k in (1, 3)
        for t in range(len(tokenizer(rendered(k, generate=True))["input_ids"]), len(tokenizer(rendered(k + 1))["input_ids"]))
    ]  # fmt: skip
    assert abs(nll(truth(model, ids)[by_prefix]) - row["response_nll"]) > 1


def marked(encoding, start: int, end: int) -> list[int]:
    """Tokens of a `{% generation %}` span as `assistant_tokens_mask` has found them (transformers issue 47326)."""
    first, last = encoding.char_to_token(start), encoding.char_to_token(end - 1)
    if not first:
        return []
    return list(range(first, (last if last else len(encoding["input_ids"]) - 1) + 1))


def test_P05_a_response_that_begins_the_sequence_is_scored_from_its_second_token(
    make_model, load_tokenizer, score_pool, truth, tmp_path
):
    model = make_model()
    template = tmp_path / "plain.jinja"
    template.write_text(PLAIN)
    record = {"messages": [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Hi"}]}
    encoding = load_tokenizer(model)("Hello.Hi")
    assert marked(encoding, 0, 6) == []  # the token at index 0 is taken for none at all
    row = score_pool(model, [record], rendering=RenderOptions(template=str(template))).rows[0]
    assert (row["status"], row["response_tokens"], row["prompt_tokens"]) == ("ok", 5, 2)
    assert row["response_nll"] == pytest.approx(nll(truth(model, encoding["input_ids"])[1:6]), abs=1e-3)


@pytest.mark.parametrize(("content", "wrong"), [(" it is.", 0), ("it is. ", 7)])
def test_P05_white_space_at_the_edges_of_a_response_loses_and_adds_no_token(
    make_model, load_tokenizer, score_pool, truth, content, wrong
):
    """With trimmed offsets no token holds the space, so a mark that begins or ends there finds none."""
    template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    model = make_model(merges=[("Ġ", "i"), ("Ġi", "t")], chat_template=template)
    text = f"<|im_start|>user\nNow?<|im_end|><|im_start|>assistant\n{content}<|im_end|>"
    encoding = load_tokenizer(model)(text)
    at = text.index(content)
    assert len(marked(encoding, at, at + len(content))) == wrong
    tokens = load_tokenizer(model)(content)["input_ids"]
    row = score_pool(model, [{"prompt": "Now?", "response": content}]).rows[0]
    assert row["response_tokens"] == len(tokens) != wrong
    assert encoding["input_ids"][-1 - len(tokens) : -1] == tokens
    right = nll(truth(model, encoding["input_ids"])[-1 - len(tokens) : -1])
    assert row["response_nll"] == pytest.approx(right, abs=1e-3)


def test_P05_no_generation_mark_is_needed_and_a_wrong_one_changes_nothing(make_model, score_pool):
    """A template whose marks lie about the response is scored like the same template without marks."""
    record = {"prompt": "Now?", "response": "It is noon."}
    honest = "{% for m in messages %}<|im_start|>{{ m.role + '\n' }}{{ m.content }}<|im_end|>{% endfor %}"
    lying = honest.replace("{{ m.role + '\n' }}", "{% generation %}{{ m.role + '\n' }}{% endgeneration %}")
    with pytest.raises(jinja2.TemplateSyntaxError):
        jinja2.Environment().parse(lying)  # the marks are an extension of transformers, really there
    rows = [score_pool(make_model(chat_template=one), [record]).rows[0] for one in (honest, lying)]
    assert rows[0] == rows[1]
