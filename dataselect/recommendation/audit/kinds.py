"""Every kind of finding: its name, what it means in plain words, how serious it is, and what removes or fixes it.

    serious    spoils training or the evaluation; remove or fix it
    look       often a fault, sometimes meant; read the examples first
    note       a property of the data that is good to know

`select` removes duplicates by itself, and any other finding through the table `rows.parquet` of the audit,
which has a column of 0 and 1 for each kind. `fix` is what keeps the rows instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["serious", "look", "note"]
SEVERITIES: tuple[Severity, ...] = ("serious", "look", "note")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding.

    Attributes:
        key: Its name in `audit.json` and as a column of `rows.parquet`.
        title: Its name for people.
        meaning: Why it matters, in a sentence or two.
        remove: Options of `select` that remove the rows; empty: `--where "KEY == 0"`; "-" for none.
        fix: What to do instead of removing them; empty for nothing.
        needs: What it takes to look for it: "model", "task", "dedup", "audit", "pools" (two); empty for nothing.
    """

    key: str
    title: str
    severity: Severity
    meaning: str
    remove: str = ""
    fix: str = ""
    needs: str = ""


KINDS = (
    Kind(
        "leak", "Text of a task", "serious",
        "The row shares 13 words in a row with an item of a task (or holds a shorter prompt whole), and more than "
        "common phrases: a model that is trained on it is not tested by it.",
        needs="task",
    ),
    Kind(
        "unreadable", "Unreadable records", "serious",
        "No command can read these records, so they are in no result.",
        remove="-",
        fix="correct the file, or name its columns with --prompt-column, --response-column and the like",
    ),
    Kind(
        "repeated_id", "Own ids that repeat", "serious",
        "Two rows with one id cannot be distinguished in score tables; every other command refuses such a pool.",
        remove="-", fix="--prefix-ids if they repeat between files; else make them unique",
    ),
    Kind(
        "empty_response", "Empty responses", "serious",
        "There is nothing to learn from the row.",
    ),
    Kind(
        "no_trained_token", "Rows without a trained token", "serious",
        "As rendered for this model, no token of the row is trained; `score` gives it no numbers and `select "
        "--scores` never takes it.",
        needs="model",
    ),
    Kind(
        "template_error", "Rows that the template refuses", "serious",
        "The model's template cannot render these dialogues; `score` and `train` reject them.",
        fix="another --template, such as alpaca", needs="model",
    ),
    Kind(
        "non_text", "Responses without text", "serious",
        "The response has no letter and no digit, or holds replacement or control characters.",
    ),
    Kind(
        "response_is_prompt", "Responses that repeat the prompt", "serious",
        "The response only repeats the prompt.",
    ),
    Kind(
        "duplicate", "Exact duplicates inside a pool", "serious",
        "Prompt and response equal those of an earlier row of the same pool, white space and case aside: the row "
        "counts twice in training.",
        remove="--dedup exact",
    ),
    Kind(
        "shared_row", "Rows that are in another pool too", "look",
        "Prompt and response equal those of a row of an earlier pool: the pools are not independent, and a "
        "mixture counts the row twice.",
        remove="--dedup exact", needs="pools",
    ),
    Kind(
        "near_duplicate", "Near-duplicates inside a pool", "look",
        "Most word 5-grams (Jaccard similarity of 0.8 or more) are those of an earlier row that stays.",
        remove="--dedup exact --dedup ngram", needs="dedup",
    ),
    Kind(
        "shared_near", "Near-duplicates of rows of another pool", "look",
        "Most word 5-grams are those of a row of an earlier pool.",
        remove="--dedup exact --dedup ngram", needs="dedup pools",
    ),
    Kind(
        "truncated_ending", "Responses that stop in the middle", "look",
        "The response ends on a comma, dash or open bracket, inside a fence of code, or in mid-sentence. A lower "
        "bound: a cut inside the first sentence or in code is not seen.",
    ),
    Kind(
        "same_response", "One response for different prompts", "look",
        "A response of eight words or more that rows with other prompts have too, in any of the pools: it answers "
        "none of them in particular.",
    ),
    Kind(
        "unlike_pool", "Text unlike its pool", "look",
        "The response is made of sequences of characters that hardly occur in the rest of its pool (nor in the "
        "tasks): garbled, or in another script or form.",
    ),
    Kind(
        "special_text", "Special tokens spelled out in the text", "look",
        "Text such as <|im_end|> or </s> becomes a control token of a tokenizer that has it, and can end a turn "
        "too early.",
        fix="--special-tokens text in score and train",
    ),
    Kind(
        "unread_columns", "Columns that are not read", "look",
        "The row has known columns with content that no schema reads here (a second context, rejected replies).",
        remove="-", fix="map what you need with --prompt-column, --response-column or --system-column",
    ),
    Kind(
        "empty_prompt", "Empty prompts", "look",
        "A response without a prompt teaches what to say first, not what to answer.",
    ),
    Kind(
        "unanswered", "Dialogues that end without an answer", "look",
        "The last turn is not the assistant's; it is context for nothing.",
    ),
    Kind(
        "refusal", "Refusals and answers about being a model", "look",
        "The response begins with \"As an AI language model\", \"I'm sorry, but I cannot\" or the like (English and "
        "Chinese): few are fine, many teach the model to refuse.",
    ),
    Kind(
        "too_long", "Rows over the model's length", "look",
        "The row has more tokens than the model has positions; `score` leaves it unscored.",
        fix="--truncate, or a model with more positions", needs="model",
    ),
    Kind(
        "no_end_mark", "Responses without an end mark", "look",
        "As rendered, no token that ends the turn follows the response: the model does not learn to stop.",
        remove="-", fix="another --template that ends a turn", needs="model",
    ),
    Kind(
        "other_language", "Rows in another language than most of their pool", "look",
        "The response is in another language than most of the pool, as far as its first 300 characters show.",
        needs="audit",
    ),
    Kind(
        "task_wording", "Wording shared with a task", "note",
        "The row shares 13 words in a row with an item of a task, but in phrases that many rows have, and not the "
        "item itself: texts written after one template. select --decontaminate would remove it.",
        needs="task",
    ),
    Kind(
        "same_prompt", "One prompt, different responses", "note",
        "Another row has the same prompt and another response: variety where many answers are right, a "
        "contradiction where one is.",
    ),
    Kind(
        "very_long", "Unusually long responses", "note",
        "Far longer than the rest of the pool (over three interquartile ranges above the upper quartile, in "
        "logarithms).",
    ),
    Kind(
        "very_short", "Unusually short responses", "note",
        "Far shorter than the rest of the pool (over three interquartile ranges below the lower quartile, in "
        "logarithms).",
    ),
    Kind(
        "common_opening", "Boilerplate openings", "note",
        "The response begins with the same four words as at least one in fifty of its pool (and at least 20).",
    ),
)  # fmt: skip
"""Listed in this order within one severity."""

BITS = {kind.key: 1 << place for place, kind in enumerate(KINDS)}
"""key -> the bit of `Rows.flags`."""
