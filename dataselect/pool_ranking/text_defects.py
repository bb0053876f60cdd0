"""Defects of a pool that are visible in its text alone, without a model: counted, not removed.

    empty_response      no response, or white space only; plain text is all response
    duplicate           prompt and response equal those of an earlier row
    response_is_prompt  the response repeats the prompt
    truncated_ending    the response stops in the middle: on a comma, dash or open bracket, inside a fence of code,
                        where it is prose of several sentences, on a small letter, or anywhere but in a list inside a
                        word: on letters that are no word of the pool but begin one that stands in three of its rows
    non_text            the response has no letter and no digit, or holds replacement or control characters

White space and case are set aside. Prose here is a response of at least 40 characters whose last line, no list item,
ended a sentence before and then breaks off; so a list, a signature or a bare answer is not counted.

Each is a sign, not a proof. Of responses that were cut inside a word at 30 to 60 % of their length, one row in twenty,
`truncated_ending` found 39 to 47 % in Alpaca, Dolly and LIMA, 86 % in role play, 30 % in short dialogues, 22 % in code
and 16 % in GSM8K; of the rows as they are it marked 0 to 1.2 %. So read it as a lower
bound. Left out: what needs a model (swapped responses, wrong facts, another language).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dataselect.selection.text_normalisation import normalised
from dataselect.strategies import Text

_OPEN_ENDS = ",([{-–—\N{FULLWIDTH COMMA}\N{IDEOGRAPHIC COMMA}\N{FULLWIDTH SEMICOLON}"
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*\s+\S|[\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH EXCLAMATION MARK}]\S")
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\N{REPLACEMENT CHARACTER}]")
_LIST_ITEM = re.compile(r"\s*([-*+\N{BULLET}#|>]|\d+[.)]|\w[.)])")
_PROSE_CHARACTERS = 40
_WORD = re.compile(r"[^\W\d_]+")
_FEWEST_WORDS = 5
ROWS_WITH_WORD = 3
"""Rows that have the word which a cut one begins."""


@dataclass(frozen=True, slots=True)
class DefectCount:
    """Number of rows with one kind of defect; a row may show several kinds."""

    defect: str
    rows: int
    share: float


def text_defects(texts: Sequence[Text]) -> tuple[DefectCount, ...]:
    """Count each kind of defect.

    Args:
        texts: Of the rows of one pool, in order; at least one.
    """
    counts = {name: sum(map(shows, texts)) for name, shows in _SHOWS.items()}
    early = {row for row, text in enumerate(texts) if ends_early(text.response)}
    counts["truncated_ending"] = len(early.union(cut_words(texts)))
    counts["duplicate"] = len(texts) - len({(normalised(text.prompt), normalised(text.response)) for text in texts})
    order = ("empty_response", "duplicate", "response_is_prompt", "truncated_ending", "non_text")
    return tuple(DefectCount(name, counts[name], counts[name] / len(texts)) for name in order)


def ends_early(response: str) -> bool:
    """Return whether a response shows the signs of `truncated_ending`."""
    text = response.rstrip()
    if not text:
        return False
    if text.count("```") % 2:
        return True
    last = text[text.rfind("\n") + 1 :]
    return text[-1] in _OPEN_ENDS or _stops_in_prose(text, last)


def cut_words(texts: Iterable[Text]) -> list[int]:
    """Find the rows of one pool whose response ends inside a word.

    Args:
        texts: Of its rows, in order; read once.
    """
    rows_with: Counter[str] = Counter()
    ends: dict[int, str] = {}
    for row, text in enumerate(texts):
        found = _WORD.findall(text.response.lower())
        if _may_be_cut(text.response, found):
            ends[row] = found.pop()
        rows_with.update(set(found).union(_WORD.findall(text.prompt.lower())))
    begun = {word[:end] for word, rows in rows_with.items() if rows >= ROWS_WITH_WORD for end in range(1, len(word))}
    return [row for row, word in ends.items() if word in begun and word not in rows_with]


def _may_be_cut(response: str, found: Sequence[str]) -> bool:
    """Whether it ends in a letter of a script with capitals, in a line that is no list item."""
    text = response.rstrip()
    if len(found) < _FEWEST_WORDS or text[-1].lower() == text[-1].upper():
        return False
    return _LIST_ITEM.match(text[text.rfind("\n") + 1 :]) is None


def _stops_in_prose(text: str, last_line: str) -> bool:
    if len(text) < _PROSE_CHARACTERS or _LIST_ITEM.match(last_line):
        return False
    word = last_line.split()[-1]
    breaks_off = word[-1].isalpha() and word == word.lower() and not word.startswith("#")
    return breaks_off and _SENTENCE_END.search(last_line) is not None


def _repeats_prompt(text: Text) -> bool:
    return bool(text.response.strip()) and normalised(text.prompt) == normalised(text.response)


def _is_no_text(text: Text) -> bool:
    response = text.response.strip()
    return bool(response) and (not any(map(str.isalnum, response)) or _UNREADABLE.search(response) is not None)


_SHOWS: dict[str, Callable[[Text], bool]] = {
    "empty_response": lambda text: not text.response.strip(),
    "response_is_prompt": _repeats_prompt,
    "truncated_ending": lambda text: ends_early(text.response),
    "non_text": _is_no_text,
}
