"""Rating prompts: Deita's words, one prompt per exchange, and digits that are one token each or nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataselect.errors import DataselectError
from dataselect.pool import Renderer, RenderOptions
from dataselect.pool.rating_prompts import PROMPTS, exchanges
from dataselect.records import Example, Message


def dialogue(*turns) -> Example:
    return Example("x", "pool", {}, tuple(Message(*turn) for turn in turns))


def tokenizer_folder(folder, texts, **options):
    """A byte-level BPE that has learned `texts`, in a model folder of 256 positions."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    engine = Tokenizer(models.BPE(unk_token=options.get("unknown")))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(set(pre_tokenizers.ByteLevel.alphabet()) - set(options.get("without", "")))
    special = ["<s>", "<eos>", *([options["unknown"]] if "unknown" in options else [])]
    engine.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    if options.get("bos"):
        engine.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    PreTrainedTokenizerFast(tokenizer_object=engine, bos_token="<s>", eos_token="<eos>").save_pretrained(folder)
    config = {"model_type": "llama", "max_position_embeddings": 256, "vocab_size": 400}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_the_prompts_are_those_of_the_paper_with_every_space():
    assert PROMPTS["complexity"].format(instruction="{Q}", output="") == (
        "You are a helpful assistant. Please identify the complexity score of the following user query. \n"
        "##Query: {Q}  \n##Complexity: "
    )
    assert PROMPTS["quality"].format(instruction="{Q}", output="{A}") == (
        "You are a helpful assistant. Please identify the quality score of the Response corresponding to the Question. \n"
        " #Question#:\n{Q}\n#Response#:\n{A} \n##Quality: "
    )


def test_an_exchange_is_a_query_with_the_answers_up_to_the_next_query():
    found = exchanges(
        dialogue(
            ("system", "Be brief."), ("user", "What is it?", "A fox."), ("assistant", "Let me look."), ("tool", "fox"),
            ("assistant", "A fox."), ("user", "Sure?"), ("user", "Really?"), ("assistant", "Yes."), ("user", "Good."),
        )
    )  # fmt: skip
    assert [(one.instruction, one.output) for one in found] == [
        ("What is it?\n\nA fox.", "Let me look.\n\nA fox."), ("Sure?\n\nReally?", "Yes."),
    ]  # fmt: skip
    assert exchanges(Example("x", "pool", {}, text="Once upon a time.")) == []
    assert exchanges(dialogue(("assistant", "Hello!"), ("user", "Hi."), ("assistant", "  "))) == []


def test_the_digit_stands_behind_the_tokens_of_the_prompt(builtin):
    one = Renderer(builtin, ratings=("complexity", "quality")).render(
        [dialogue(("user", "Why?"), ("assistant", "So."))]
    )[0]
    tokenizer = Renderer(builtin).tokenizer
    for prompt, output in zip(one.ratings, ("", "So."), strict=True):
        text = PROMPTS[prompt.name].format(instruction="Why?", output=output)
        assert prompt.token_ids[:-1].tolist() == tokenizer(text)["input_ids"]  # the last space is a token of its own
        assert prompt.token_ids[-1] == prompt.digits[0]
        assert tokenizer.batch_decode([[digit] for digit in prompt.digits.tolist()]) == list("123456")


def test_a_tokenizer_that_joins_space_and_digit_reads_the_joined_token(tmp_path):
    folder = tokenizer_folder(tmp_path, [" 1 2 3 4 5 6 "] * 50)
    renderer = Renderer(folder, ratings=("complexity",))
    (prompt,) = renderer.render([dialogue(("user", "Why?"), ("assistant", "So."))])[0].ratings
    assert renderer.tokenizer.convert_ids_to_tokens(prompt.digits.tolist()) == [f"Ġ{digit}" for digit in "123456"]
    text = PROMPTS["complexity"].format(instruction="Why?")
    assert prompt.token_ids[:-1].tolist() == renderer.tokenizer(text.removesuffix(" "))["input_ids"]


@pytest.mark.parametrize(
    ("texts", "options"),
    [([" 1 1 1 1 "] * 50, {}), (["abc"], {"without": "456", "unknown": "<unk>"})],
    ids=["only the 1 joins the space", "three digits are unknown"],
)
def test_a_tokenizer_that_does_not_write_each_digit_as_one_token_is_refused(tmp_path, texts, options):
    folder = tokenizer_folder(tmp_path, texts, **options)
    assert Renderer(folder).tokenizer is not None
    with pytest.raises(DataselectError, match="as one token") as caught:
        Renderer(folder, ratings=("complexity",))
    assert "--scores" in caught.value.hint


def test_bos_stands_before_a_rating_prompt_as_before_everything_else(tmp_path):
    folder = tokenizer_folder(tmp_path, ["abc"], bos=True)
    one = dialogue(("user", "Why?"), ("assistant", "So."))
    (prompt,) = Renderer(folder, ratings=("complexity",)).render([one])[0].ratings
    (bare,) = Renderer(folder, RenderOptions(bos="never"), ratings=("complexity",)).render([one])[0].ratings
    assert prompt.token_ids[0] == 0
    assert np.array_equal(prompt.token_ids[1:], bare.token_ids)


def test_a_dialogue_with_one_exchange_that_is_too_long_is_not_rated_at_all(builtin):
    long = "word " * 60
    example = dialogue(("user", "Why?"), ("assistant", long), ("user", "Why?"), ("assistant", "So."))
    options = RenderOptions(max_length=100)
    one = Renderer(builtin, options, ratings=("complexity", "quality")).render([example])[0]
    assert one.scorable
    assert [prompt.name for prompt in one.ratings] == [
        "complexity",
        "complexity",
    ]  # the quality prompt holds the answer


def test_a_batch_without_an_exchange_has_no_prompts(builtin):
    renderer = Renderer(builtin, ratings=("complexity",))
    (one,) = renderer.render([Example("x", "pool", {}, text="Once upon a time.")])
    assert one.scorable
    assert one.ratings == ()
