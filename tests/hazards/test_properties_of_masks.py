"""Properties of masks and seams over drawn dialogues: each token has one part, told by the characters that it holds.

The renderings are written out here, piece by piece, so the expected parts come from no code of the package.
"""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dataselect.pool import Renderer, RenderOptions
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Example, Message, Rendered

ODD = (
    "",
    " ",
    "\n",
    "\n\n",
    " it",
    "it.",
    ".\n",
    "<think>so</think>",
    "<|im_end|>",
    "<|endoftext|>",
    "é",
    "你好",
    "👍🏽",
)
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Co")), max_size=20),
    st.lists(st.sampled_from(ODD), max_size=4).map("".join),
)
TURNS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3)
WHICH = [("chat", "bundled"), ("qa", "bundled"), ("alpaca", "bundled"), ("qa", "merging"), ("alpaca", "merging")]
"""Template and tokenizer."""


def example(turns: list[tuple[str, str]], name: str = "x") -> Example:
    messages = [m for asked, said in turns for m in (Message("user", asked), Message("assistant", said))]
    return Example(name, "pool", {}, tuple(messages))


Piece = tuple[str, int]
"""A stretch of a rendering, and what its characters are."""


def chat(turns: list[tuple[str, str]]) -> list[Piece]:
    pieces = [("<|endoftext|>", PROMPT)]
    for asked, said in turns:
        pieces += [(f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n", PROMPT), (said, RESPONSE)]
        pieces += [("<|im_end|>", END if said else PROMPT), ("\n", PROMPT)]
    return pieces


def qa(turns: list[tuple[str, str]]) -> list[Piece]:
    pieces = []
    for k, (asked, said) in enumerate(turns):
        pieces += [("\n" * bool(k) + f"###Question: {asked}\n###Answer: ", PROMPT), (said, RESPONSE)]
        pieces += [("<|endoftext|>", END if said else PROMPT)]
    return pieces


def alpaca(turns: list[tuple[str, str]]) -> list[Piece]:
    told = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
    pieces = [(told, PROMPT)]
    for asked, said in turns:
        pieces += [(f"\n\n### Instruction:\n{asked}\n\n### Response:\n", PROMPT), (said, RESPONSE)]
        pieces += [("<|endoftext|>", END if said else PROMPT)]
    return pieces


TEMPLATES = {"chat": chat, "qa": qa, "alpaca": alpaca}


@pytest.fixture(scope="module")
def renderers(builtin, make_model):
    """The bundled tokenizer, and one whose merges reach across every seam; the same EOS text for both."""
    merges = [("Ġ", "i"), ("Ġi", "t"), ("Ċ", "Ċ"), (":", "Ċ"), (".", "Ċ"), ("Ġ", "Ġ")]
    merging = make_model(merges=merges, positions=4096, eos="<|endoftext|>")
    found = {(name, "bundled"): Renderer(builtin, RenderOptions(template=name)) for name in TEMPLATES}
    return found | {(name, "merging"): Renderer(merging, RenderOptions(template=name)) for name in ("qa", "alpaca")}


@settings(max_examples=150, deadline=None)
@given(turns=TURNS, which=st.sampled_from(WHICH))
def test_masks_cover_every_token_once_and_seam_tokens_are_counted(renderers, turns, which):
    pieces = TEMPLATES[which[0]](turns)
    kinds = [kind for text, kind in pieces for _ in text]
    one = renderers[which].render([example(turns)])[0]
    assume(isinstance(one, Rendered))
    assert one.text == "".join(text for text, _ in pieces)
    held = [{kinds[c] for c in range(a, b)} for a, b in one.spans]
    expected = [RESPONSE if RESPONSE in of else END if of == {END} else PROMPT for of in held]
    expected[0] = UNSCORED
    assert one.parts.tolist() == expected
    seams = [t for t, of in enumerate(held) if t and RESPONSE in of and of != {RESPONSE}]
    assert list(one.seams) == seams
    assert one.seam_tokens == len(seams)
    assert one.response_bytes == len("".join(said for _, said in turns).encode())


@settings(max_examples=40, deadline=None)
@given(dialogues=st.lists(TURNS, min_size=2, max_size=4), which=st.sampled_from(WHICH))
def test_a_rendering_does_not_depend_on_the_other_examples(renderers, dialogues, which):
    examples = [example(turns, str(k)) for k, turns in enumerate(dialogues)]
    together, backwards = renderers[which].render(examples), renderers[which].render(examples[::-1])[::-1]
    for one, again, alone in zip(together, backwards, (renderers[which].render([e])[0] for e in examples), strict=True):
        assume(isinstance(alone, Rendered))
        for name in ("token_ids", "parts", "spans"):
            assert getattr(one, name).tolist() == getattr(alone, name).tolist() == getattr(again, name).tolist()
        assert (one.status, one.seams, one.text) == (alone.status, alone.seams, alone.text)
