"""Signs in the text of one row: faults, special tokens, refusals, and the traits of its format.

The faults are those that `rank` counts (`pool_ranking.text_defects`). Each sign is a sign and not a proof. Whether a
response ends inside a word shows only beside the other rows of its pool (`mark_cut_words`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from dataselect.pool import ColumnMap
from dataselect.pool.columns import lead_of, shape_of
from dataselect.pool_ranking.text_defects import cut_words, text_defects
from dataselect.recommendation.audit.kinds import BITS
from dataselect.recommendation.audit.rows import Rows
from dataselect.records import Example
from dataselect.selection.text_normalisation import normalised, words
from dataselect.strategies import Text

SCHEMAS = (
    "alpaca (instruction, output)", "prompt and response", "question and answer", "messages",
    "conversations (ShareGPT)", "preference (chosen)", "plain text", "named columns",
)  # fmt: skip
_SCHEMA_OF = {"instruction": 0, "prompt": 1, "question": 2, "messages": 3, "conversations": 4, "chosen": 5, "text": 6}

TRAITS = ("several_turns", "system", "tools", "tool_calls", "code", "latex", "thoughts")
"""More than one answer, a system text, tool definitions, tool calls, a block of code, LaTeX, `<think>`."""

_TRAIT_BITS = {name: 1 << place for place, name in enumerate(TRAITS)}

_SPECIAL = re.compile(
    r"<\|[\w.\- ]{1,40}\|>|<\uff5c[^\uff5c\n]{1,40}\uff5c>|</?s>"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
)
_LATEX = re.compile(r"\\(?:frac|sqrt|begin\{|sum|int|cdot|times|boxed|left|mathbb|text\{)|\\\(|\\\[|\$\$")
_REFUSAL = re.compile(
    r"\bas an? (?:(?:large|ai|artificial intelligence) )*(?:language model|ai\b|ai assistant)"
    r"|\bi(?:'m| am) (?:sorry|afraid)\b[^.\n]{0,40}\b(?:can't|cannot|can not|unable|not able)\b"
    r"|\bi(?:'m| am)? (?:cannot|can't|can not|won't|unable to|not able to) "
    r"(?:assist|help|fulfil|provide|answer|comply|browse|access|complete|generate)"
    r"|作为(?:一个|一款|一名)?(?:ai|人工智能|大?语言模型)|(?:抱歉|对不起).{0,8}我?(?:无法|不能)"
    r"|我(?:无法|不能)(?:提供|回答|完成|帮助|协助|执行)",
    re.IGNORECASE,
)
_BEGINNING = 200
"""Characters in which a refusal stands, if there is one."""

_OPENING_WORDS = 4
_LONG_WORDS = 8


def signs(example: Example, text: Text) -> int:
    """The bits of the kinds that a row shows by itself."""
    found = [one.defect for one in text_defects((text,)) if one.rows]
    if example.text is None:
        if not text.prompt:
            found.append("empty_prompt")
        if example.messages and example.messages[-1].role != "assistant" and text.response:
            found.append("unanswered")
    if special_token(text):
        found.append("special_text")
    if _REFUSAL.search(text.response[:_BEGINNING].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")):
        found.append("refusal")
    return sum(BITS[key] for key in found)


def mark_cut_words(rows: Rows) -> None:
    """Mark the rows of all pools whose response ends inside a word."""
    pool = rows.column("pool")
    for one in range(len(rows.pools)):
        here = np.flatnonzero(pool == one)
        found = cut_words(rows[row] for row in here.tolist())
        rows.mark(here[found], BITS["truncated_ending"])


def special_token(text: Text) -> str:
    """The first special token that a row spells out, of those that common models have; empty for none."""
    found = _SPECIAL.search(text.prompt) or _SPECIAL.search(text.response)
    return found.group() if found else ""


def schema(record: Mapping[str, Any], columns: ColumnMap) -> int:
    """The place in `SCHEMAS` of what a record was read as."""
    if columns.text or columns.prompt:
        return len(SCHEMAS) - 1
    lead = lead_of(record, shape_of(tuple(record)), columns)
    if lead is None:
        return len(SCHEMAS) - 1
    return _SCHEMA_OF["chosen" if record.get("chosen") and not _answered(record) else lead]


def _answered(record: Mapping[str, Any]) -> bool:
    return any(record.get(name) for name in ("output", "response", "completion", "answer"))


def traits(example: Example, text: Text) -> int:
    """The bits of the traits of `TRAITS` that a row has."""
    roles = [message.role for message in example.messages]
    both = (text.prompt, text.response)
    has = {
        "several_turns": roles.count("assistant") > 1,
        "system": "system" in roles,
        "tools": bool(example.tools),
        "tool_calls": any(message.tool_calls for message in example.messages),
        "code": any("```" in part for part in both),
        "latex": any(_LATEX.search(part) for part in both),
        "thoughts": "<think>" in text.response,
    }
    return sum(_TRAIT_BITS[name] for name, there in has.items() if there)


def trait_bit(name: str) -> int:
    """The bit of one trait."""
    return _TRAIT_BITS[name]


def long_response(response: str) -> str:
    """A response as it is compared with others, white space and case aside; empty where it has under eight words."""
    said = normalised(response)
    return said if len(words(response)) >= _LONG_WORDS else ""


def opening(response: str) -> str:
    """The first four words of a response, without punctuation; empty where it has fewer."""
    first = words(response[:_BEGINNING])[:_OPENING_WORDS]
    return " ".join(first) if len(first) == _OPENING_WORDS else ""
