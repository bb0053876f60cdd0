"""The defects that are planted in the quickstart pool, each a function of one clean example (or of two).

`swapped_response`, `truncated`, `garbled` and `wrong_language` spoil a response and leave the prompt alone;
`exact_duplicate` and `near_duplicate` are copies of clean examples, which stay in the pool as they are. Every defect
changes what it is planted in; where an example does not allow that (too short to cut), `suits` says so beforehand.
"""

from __future__ import annotations

import re
from dataclasses import replace

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, Turn
from quickstart_pool.languages import SENTENCES

DEFECTS = ("swapped_response", "truncated", "garbled", "exact_duplicate", "near_duplicate", "wrong_language")
_SHORTEST = 50  # characters of a response that is cut or garbled


def suits(example: Example) -> bool:
    """Whether the response is long enough to be cut inside a word or garbled."""
    return len(example.response) >= _SHORTEST and bool(_cuts(example.response))


def _cuts(text: str) -> list[int]:
    """Positions from 30 % to 60 % of a text that lie inside a word."""
    inside = range(len(text) * 3 // 10 + 1, len(text) * 6 // 10)
    return [i for i in inside if text[i - 1].isalpha() and text[i].isalpha()]


def truncated(example: Example, draw: Draw) -> Example:
    """The response cut inside a word at 30 % to 60 % of its length; a dialogue ends there."""
    left = draw.pick(_cuts(example.response))
    kept: list[str] = []
    for said in example.responses:
        kept.append(said[:left])
        left -= len(said) + 1
        if left <= 0:
            break
    return example.answered(kept)


_NOISE = "#@~^%&*=|<>$€§¤"


def garbled(example: Example, draw: Draw) -> Example:
    """The response with characters shuffled, dropped and replaced by noise in 40 % to 80 % of each turn."""
    responses = [_noisy(said, draw) for said in example.responses]
    assert responses != example.responses
    return example.answered(responses)


def _noisy(text: str, draw: Draw) -> str:
    length = max(len(text) * draw.integer(40, 80) // 100, min(6, len(text)))
    start = draw.integer(0, len(text) - length)
    noisy = []
    for i in range(start, start + length, 5):
        part = draw.shuffled(text[i : min(i + 5, start + length)])
        noisy += [draw.pick(_NOISE) if draw.chance(15) else c for c in part if not draw.chance(12)]
    return text[:start] + "".join(noisy) + draw.pick(_NOISE) + text[start + length :]


def wrong_language(example: Example, draw: Draw) -> Example:
    """The response in German, French or Spanish."""
    groups = SENTENCES[draw.pick(tuple(SENTENCES))][example.kind]
    if len(groups) == 1:
        return example.answered([" ".join(draw.sample(groups[0], draw.integer(2, 5)))])
    first, between, last = groups
    middle = draw.sample(between, len(example.responses) - 2)
    return example.answered([draw.pick(first), *middle, draw.pick(last)])


def swappable(one: Example, other: Example) -> bool:
    """Whether each has as many assistant turns as the other and neither response would answer the other's prompt."""
    return len(one.responses) == len(other.responses) and _topic(one) != _topic(other)


def _topic(example: Example) -> str:
    if example.kind == "arithmetic":
        return example.response.rsplit("\n", 1)[-1]
    if example.kind == "function":
        return example.response.split("(")[0]
    return re.split(r"[: ]", example.instance)[0]


def swapped(one: Example, other: Example) -> tuple[Example, Example]:
    """The two with their responses exchanged."""
    return one.answered(other.responses), other.answered(one.responses)


_PROMPT_PAIRS = (
    ("Please", "Kindly"),
    ("I need", "I want"),
    ("Can you", "Could you"),
    ("I'd like", "I would like"),
    ("How many", "Please tell me how many"),
    ("Write", "Please write"),
    ("a function", "a Python function"),
    ("I'm", "I am"),
    ("What is", "What's"),
    ("Hello", "Hi"),
)
_PROSE_PAIRS = (
    ("Answer:", "Final answer:"),
    (" * ", " x "),
    ("we have", "we get"),
    ("To find", "In order to find"),
    ("From this we get", "This gives us"),
    ("the number of", "the count of"),
    ("Shall I", "Should I"),
    ("Do you want", "Would you like"),
    ("cannot", "can not"),
    ("It is", "It's"),
    ("Then", "Next"),
    ("is booked", "has been booked"),
    ("minutes", "min"),
    ("Thank you", "Thanks"),
)
_CODE_PAIRS = (
    ("result", "res"),
    ("answer", "res"),
    ("found", "hits"),
    ("out", "res"),
    ("word", "w"),
    ("value", "v"),
    ("total", "t"),
    ("values", "vals"),
    ("text", "txt"),
    ("x", "y"),
)


def near_copy(example: Example, draw: Draw) -> Example:
    """The example with a small edit of its prompt and another of one of its responses."""
    edited = draw.pick([i for i, turn in enumerate(example.turns) if turn.role == "assistant"])
    asked = next(i for i, turn in enumerate(example.turns) if turn.role == "user")
    turns = list(example.turns)
    turns[asked] = Turn("user", _edited(turns[asked].content, _PROMPT_PAIRS, draw))
    said = turns[edited].content
    changed = _renamed(said, draw) if example.kind == "function" else _edited(said, _PROSE_PAIRS, draw)
    turns[edited] = Turn("assistant", changed)
    return replace(example, turns=tuple(turns))


def _edited(text: str, pairs: tuple[tuple[str, str], ...], draw: Draw) -> str:
    """The text with one phrase replaced, or a typing mistake in its longest word where no phrase fits."""
    fitting = [pair for pair in pairs if pair[0] in text]
    if fitting:
        old, new = draw.pick(fitting)
        return text.replace(old, new, 1)
    word = max(re.findall(r"\w+", text), key=len)
    for i in range(2, len(word)):
        if word[i - 1] != word[i]:
            return text.replace(word, word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :], 1)
    return f"{text} "


def _renamed(code: str, draw: Draw) -> str:
    """The code with one of its names changed throughout, or with a comment where none of ours occurs."""
    prose = code.split('"""')[1] if '"""' in code else ""
    fitting = [
        (old, new)
        for old, new in _CODE_PAIRS
        if re.search(rf"\b{old}\b", code) and not re.search(rf"\b{old}\b", prose) and not re.search(rf"\b{new}\b", code)
    ]
    if not fitting:
        return re.sub(r"^( +)return", r"\1# this is the result\n\1return", code, count=1, flags=re.MULTILINE)
    old, new = draw.pick(fitting)
    return re.sub(rf"\b{old}\b", new, code)
