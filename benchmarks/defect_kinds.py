"""The defects that `planted_defects.py` plants in real pools, each a function of one clean row.

    swapped         the response of another row
    truncated       the response cut inside a word at 30 % to 60 % of its length
    garbled         40 % to 80 % of the response shuffled five characters at a time, one in ten replaced by noise
    wrong_language  a Chinese response, of the translated Alpaca, near the original in length
    boilerplate     a refusal or an empty phrase that answers nothing
    label_noise     (GSM8K) another number behind ####, the working left as it is
    duplicate       a copy
    near_duplicate  a copy with two letters of the prompt swapped and one word of the response dropped
    leaked          an item of the evaluation set, as it is
    leaked_edited   the same with each word dropped with probability 1/12, at least one of them

All but the last four change the response and leave the prompt alone. `planted_pools.py` decides where they go.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

import numpy as np

SPOILED = ("swapped", "truncated", "garbled", "wrong_language", "boilerplate", "label_noise")
COPIES = ("duplicate", "near_duplicate")
LEAKS = ("leaked", "leaked_edited")
KINDS = (*SPOILED, *COPIES, *LEAKS)
CLEAN = "clean"
LEAST_CHARACTERS = 40
"""Characters of the shortest response that is used, so that every defect fits in every row."""

BOILERPLATE = (
    "I'm sorry, but as an AI language model I am not able to help with that request.",
    "As an AI language model, I do not have personal opinions or access to current information.",
    "Thank you for your question! I hope this helps. Let me know if there is anything else I can do for you.",
    "Sure! Here is the answer to your question. Please let me know if you need any further assistance.",
    "I cannot answer this question without more context. Could you please provide more details?",
    "This is a great question. There are many factors to consider, and the answer depends on the situation.",
    "I apologize for any confusion, but I am unable to fulfil this request at this time.",
    "The requested information is not available. Please consult a qualified professional for advice.",
)
_NOISE = "#@~^%&*=|<>$§¤"
_FINAL = re.compile(r"(#### )(-?[\d,.]*\d)\s*$")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a pool.

    Attributes:
        kind: `clean`, or the defect.
        twin: For a copy the id of the row that it copies.
    """

    instruction: str
    input: str
    output: str
    kind: str = CLEAN
    twin: str = ""

    @property
    def id(self) -> str:
        """Of the content; an exact copy has one of its own."""
        text = "\x00".join((self.instruction, self.input, self.output))
        return hashlib.sha256(text.encode()).hexdigest()[:16] + ("-copy" if self.kind == "duplicate" else "")

    @property
    def record(self) -> dict[str, str]:
        """As it is written to a pool file."""
        return {"id": self.id, "instruction": self.instruction, "input": self.input, "output": self.output}


def swapped(rows: list[Row]) -> list[Row]:
    """Each row with the response of the one before it, the first with that of the last."""
    return [replace(row, output=rows[i - 1].output, kind="swapped") for i, row in enumerate(rows)]


def truncated(row: Row, rng: np.random.Generator) -> Row:
    """Cut between two letters or digits where there are such, else anywhere in the stretch."""
    text = row.output
    stretch = range(len(text) * 3 // 10 + 1, len(text) * 6 // 10)
    inside = [i for i in stretch if text[i - 1].isalnum() and text[i].isalnum()]
    return replace(row, output=text[: int(rng.choice(inside or list(stretch)))], kind="truncated")


def garbled(row: Row, rng: np.random.Generator) -> Row:
    """Five characters at a time are shuffled, then some replaced."""
    text = row.output
    length = len(text) * int(rng.integers(40, 81)) // 100
    start = int(rng.integers(0, len(text) - length + 1))
    noisy = []
    for at in range(start, start + length, 5):
        part = list(text[at : min(at + 5, start + length)])
        noisy += [
            _NOISE[rng.integers(len(_NOISE))] if rng.random() < 0.1 else part[i] for i in rng.permutation(len(part))
        ]
    spoiled = text[:start] + "".join(noisy) + text[start + length :]
    return replace(row, output=spoiled if spoiled != text else f"{text}{_NOISE[0]}", kind="garbled")


def wrong_language(row: Row, others: list[str], rng: np.random.Generator) -> Row:
    """Of twenty responses in the other language the one that is nearest in UTF-8 bytes."""
    drawn = [others[i] for i in rng.choice(len(others), size=min(20, len(others)), replace=False)]
    size = len(row.output.encode())
    return replace(row, output=min(drawn, key=lambda text: abs(len(text.encode()) - size)), kind="wrong_language")


def boilerplate(row: Row, rng: np.random.Generator) -> Row:
    """One of eight phrases."""
    return replace(row, output=BOILERPLATE[rng.integers(len(BOILERPLATE))], kind="boilerplate")


def label_noise(row: Row, rng: np.random.Generator) -> Row:
    """The final number changed by a little, doubled, or multiplied by ten."""
    found = _FINAL.search(row.output)
    assert found is not None, "the response ends with #### and a number"
    right = float(found[2].replace(",", ""))
    wrong = [value for value in (right + 1, right - 1, right + 10, right - 10, 2 * right, 10 * right) if value != right]
    return replace(row, output=f"{row.output[: found.start(2)]}{wrong[rng.integers(len(wrong))]:g}", kind="label_noise")


def duplicate(row: Row) -> Row:
    """A copy under an id of its own."""
    return replace(row, kind="duplicate", twin=row.id)


def near_duplicate(row: Row, rng: np.random.Generator) -> Row:
    """A typing mistake in the prompt, and a response that lacks one word."""
    words = row.output.split(" ")
    if len(words) > 1:
        del words[rng.integers(len(words) - 1)]
    mistyped = _mistyped(row.instruction, rng)
    return replace(row, instruction=mistyped, output=" ".join(words), kind="near_duplicate", twin=row.id)


def _mistyped(text: str, rng: np.random.Generator) -> str:
    places = [i for i in range(1, len(text)) if text[i - 1].isalpha() and text[i].isalpha() and text[i - 1] != text[i]]
    if not places:
        return f"{text} "
    i = int(rng.choice(places))
    return f"{text[: i - 1]}{text[i]}{text[i - 1]}{text[i + 1 :]}"


def leaked(item: Row) -> Row:
    """The item as it is."""
    return replace(item, kind="leaked")


def leaked_edited(item: Row, rng: np.random.Generator) -> Row:
    """The item with words missing; the last of question and answer stay, since they may be all that matters."""
    question = _thinned(item.instruction, rng)
    return replace(item, instruction=question, output=_thinned(item.output, rng), kind="leaked_edited")


def _thinned(text: str, rng: np.random.Generator) -> str:
    words = text.split(" ")
    dropped = set(np.flatnonzero(rng.random(len(words) - 1) < 1 / 12).tolist())
    if not dropped and len(words) > 1:
        dropped = {int(rng.integers(len(words) - 1))}
    return " ".join(word for i, word in enumerate(words) if i not in dropped)
