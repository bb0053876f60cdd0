"""Preference records read as pairs: a prompt, the reply that was preferred to it, and the one that was not.

    chosen and rejected       texts, turns or whole dialogues, with a prompt beside them in any schema of `schema` or
                              without one: TRL's forms, LLaMA-Factory's and the binarised UltraFeedback
    completions with ratings  UltraFeedback's own form: the best rated against the worst rated
    a reply with a label      KTO's `label` or `kto_tag`: one side alone, and whether it is wanted

Without a prompt, the sides are dialogues, transcripts of "Human:" and "Assistant:" turns (HH-RLHF), or texts with a
common beginning, which then is the prompt, up to its last space (as TRL does it). What the sides share is context: only
the turns in which they differ are replies that are scored and trained.

A pair says which of two replies is better. So a record without a second reply (`one_sided`), with the same reply twice
(`identical_pair`), or whose ratings all tie (`tied_ratings`) is refused by name. Of several replies with the best or
worst rating the first is taken, and such records are counted among the notes. An empty reply stays a side: rendering
gives it the status `empty_response`.

Left out: lists of more than two ranked replies as such.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dataselect.pool.columns import CHOSEN, LABELS, ColumnMap, Record, lead_of, shape_of
from dataselect.pool.rejects import Unreadable, as_text, is_gap, shown_value
from dataselect.pool.schema import Content, Messages, read_content
from dataselect.pool.turns import is_turn, turns_in_text
from dataselect.records import Example, Message

REJECTED = "rejected"
TIES = "completions that tie for the best or worst rating"
"""What a record is counted under in which the first of several was taken."""

_SIDES = (CHOSEN, REJECTED)
_COMPLETIONS = "completions"
_RATINGS = ("overall_score", "fine-grained_score", "rating", "score")
_RATED = (
    ("score_chosen", "score_rejected"), ("chosen_score", "rejected_score"),
    ("chosen_rating", "rejected_rating"), ("chosen-rating", "rejected-rating"),
)  # fmt: skip
_SPEAKER = re.compile(r"\n\n(Human|Assistant):[ ]?")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def is_pair(record: Record) -> bool:
    """Return whether a record has the columns of a pair, or those of a labelled reply."""
    return any(name in record for name in _SIDES) or _rated(record) is not None or _label(record) is not None


def read_pair(record: Record, columns: ColumnMap) -> Content:
    """Read one record as a pair, or as a labelled reply.

    Raises:
        Unreadable: With `not_a_pair`, `one_sided`, `identical_pair`, `tied_ratings`, `two_prompts`, `lone_reply`, or
            what `read_content` gives.
    """
    if any(not is_gap(record.get(name)) for name in _SIDES):
        return _two_sides(record, columns)
    if (rated := _rated(record)) is not None:
        best, worst, tied = _extremes(rated)
        content = _two_sides({**record, CHOSEN: best, REJECTED: worst}, columns)
        unread = tuple(name for name in content.unread if name != _COMPLETIONS)
        return content._replace(unread=(*unread, TIES) if tied else unread)
    if (label := _label(record)) is not None:
        return _labelled(record, columns, *label)
    for name in LABELS:
        if name in record:
            raise Unreadable("one_sided", f"{name} is {shown_value(record[name])}: it should say true or false")
    if any(name in record for name in _SIDES):
        raise Unreadable("one_sided", "chosen and rejected are both empty")
    keys = ", ".join(map(str, record))
    raise Unreadable("not_a_pair", f"no chosen and rejected, rated completions or label; columns: {keys}")


def sides(example: Example) -> dict[str, Example]:
    """Return the replies of an example, each as an example of its own, under the name of its side.

    Returns:
        "chosen" and "rejected", in this order; "desirable" or "undesirable" for a labelled reply; "" for any other.
    """
    one = replace(example, rejected=())
    if example.rejected:
        return {CHOSEN: one, REJECTED: replace(one, messages=example.rejected)}
    return {{True: "desirable", False: "undesirable", None: ""}[example.desirable]: one}


def rating_margin(record: Record) -> float | None:
    """Return by how much the record itself rates its chosen reply above the rejected one; None where it does not say.

    That is a column `margin`, the difference of two columns of ratings (`_RATED`), or the best minus the worst rating
    of completions.
    """
    margin = _number(record.get("margin"))
    if margin is not None:
        return margin
    for pair in _RATED:
        chosen, rejected = (_number(record.get(name)) for name in pair)
        if chosen is not None and rejected is not None:
            return chosen - rejected
    ratings = [rating for _, rating in _rated(record) or ()]
    return max(ratings) - min(ratings) if ratings else None


def _two_sides(record: Record, columns: ColumnMap) -> Content:
    for name in _SIDES:
        if name not in record or (is_gap(record[name]) and record[name] != ""):
            raise Unreadable("one_sided", f"{name} is {shown_value(record.get(name))}: a pair has two replies")
    chosen, rejected = _read_sides(record, columns)
    shared = _shared(chosen.messages, rejected.messages)
    context = tuple(replace(turn, trained=False) if turn.is_response else turn for turn in chosen.messages[:shared])
    replies = chosen.messages[shared:], rejected.messages[shared:]
    for name, reply in zip(_SIDES, replies, strict=True):
        if not any(turn.is_response for turn in reply):
            raise Unreadable("one_sided", f"{name} holds no reply of its own to what both sides share")
    for reply in replies:
        if reply[0].role not in ("assistant", "tool"):
            raise Unreadable("two_prompts", f"the sides answer different prompts: {shown_value(reply[0].content)}")
    if [_said(turn) for turn in replies[0]] == [_said(turn) for turn in replies[1]]:
        raise Unreadable("identical_pair", f"both replies are {shown_value(replies[0][-1].content)}")
    unread = tuple(name for name in chosen.unread if name in rejected.unread and name not in _SIDES)
    return Content((*context, *replies[0]), None, chosen.tools, unread, (*context, *replies[1]))


def _read_sides(record: Record, columns: ColumnMap) -> tuple[Content, Content]:
    """Read each side as a dialogue, the prompt included."""
    found = []
    for name in _SIDES:
        one = {key: value for key, value in record.items() if key not in LABELS and (key == name or key not in _SIDES)}
        named = replace(columns, response=name, text=None)
        if named.prompt or lead_of(one, shape_of(tuple(one)), named) is not None:
            found.append(read_content(one, named))
        elif _is_dialogue(one[name]):
            rest = {key: value for key, value in one.items() if key != name}
            found.append(read_content({"messages": one[name], **rest}, replace(named, response=None)))
    if len(found) == len(_SIDES):
        return found[0], found[1]
    texts = [record[name] for name in _SIDES]
    if found or not all(isinstance(text, str) for text in texts):
        raise Unreadable("lone_reply", "chosen and rejected have no prompt beside them: name it with --prompt-column")
    first, second = _split(*texts)
    return Content(first), Content(second)


def _is_dialogue(value: object) -> bool:
    turns = turns_in_text(value) if isinstance(value, str) else value
    return isinstance(turns, list) and any(is_turn(turn, "user") for turn in turns)


def _split(chosen: str, rejected: str) -> tuple[Messages, Messages]:
    """Divide two texts without a prompt: transcripts by their speakers, others after what they share."""
    if all(_SPEAKER.match(text if text.startswith("\n") else "\n\n" + text) for text in (chosen, rejected)):
        return _transcript(chosen), _transcript(rejected)
    different = (at for at, (one, other) in enumerate(zip(chosen, rejected, strict=False)) if one != other)
    shared = chosen[: next(different, min(len(chosen), len(rejected)))]
    if len(shared) < min(len(chosen), len(rejected)) and not shared.endswith((" ", "\n")):
        shared = shared[: 1 + max(shared.rfind(" "), shared.rfind("\n"))]
    if not shared.strip():
        raise Unreadable("lone_reply", "chosen and rejected begin differently, and there is no prompt beside them")
    asked = Message("user", shared.rstrip())
    first, second = (Message("assistant", text[len(shared.rstrip()) :].lstrip()) for text in (chosen, rejected))
    return (asked, first), (asked, second)


def _transcript(text: str) -> Messages:
    parts = _SPEAKER.split(text if text.startswith("\n") else "\n\n" + text)
    said = zip(parts[1::2], parts[2::2], strict=True)
    return tuple(Message(_ROLES[speaker], words.strip()) for speaker, words in said)


def _shared(chosen: Messages, rejected: Messages) -> int:
    """How many turns both sides begin with, their last ones never among them."""
    most = min(len(chosen), len(rejected)) - 1
    same = (_said(chosen[at]) == _said(rejected[at]) for at in range(most))
    return next((at for at, equal in enumerate(same) if not equal), max(0, most))


def _said(turn: Message) -> tuple[object, ...]:
    return turn.role, turn.full_content.strip(), turn.tool_calls


def _rated(record: Record) -> list[tuple[str, float]] | None:
    """Return reply and rating of UltraFeedback's completions that have both; None for another schema."""
    value = record.get(_COMPLETIONS)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return None
    if not all(isinstance(one, Mapping) and "response" in one for one in value):
        return None
    ratings = [(as_text(one["response"], "response"), _rating(one)) for one in value]
    return [(text, rating) for text, rating in ratings if rating is not None]


def _rating(completion: Mapping[str, Any]) -> float | None:
    ratings = (_number(completion.get(name)) for name in _RATINGS)
    return next((rating for rating in ratings if rating is not None), None)


def _number(value: Any) -> float | None:  # noqa: ANN401 - JSON
    """A finite number, or a text that holds one; None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None


def _extremes(rated: list[tuple[str, float]]) -> tuple[str, str, bool]:
    """The best and the worst rated reply, and whether others tie with one of them."""
    if len(rated) < 2:
        raise Unreadable("one_sided", f"{_COMPLETIONS} holds {len(rated)} replies with a rating: a pair has two")
    ratings = [rating for _, rating in rated]
    best, worst = max(ratings), min(ratings)
    if best == worst:
        raise Unreadable("tied_ratings", f"all {len(rated)} replies have the rating {best:g}: none is preferred")
    tied = ratings.count(best) > 1 or ratings.count(worst) > 1
    return rated[ratings.index(best)][0], rated[ratings.index(worst)][0], tied


def _label(record: Record) -> tuple[str, bool] | None:
    """The column that says whether the reply is wanted, and what it says; None without one."""
    for name in LABELS:
        value = record.get(name)
        if isinstance(value, str):
            value = {"false": False, "true": True}.get(value.strip().lower())
        if isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1)):
            return name, bool(value)
    return None


def _labelled(record: Record, columns: ColumnMap, name: str, wanted: bool) -> Content:
    """Read a reply with its label; what comes before its last turns is context."""
    content = read_content({key: value for key, value in record.items() if key not in LABELS}, columns)
    if content.text is not None or not any(turn.role == "user" for turn in content.messages):
        raise Unreadable("lone_reply", f"{name} labels a text without a prompt: a reply to something is wanted")
    start = 1 + max(at for at, turn in enumerate(content.messages) if turn.role == "user")
    if start == len(content.messages):
        raise Unreadable("one_sided", f"{name} labels a dialogue that ends without a reply")
    before = (replace(turn, trained=False) if turn.is_response else turn for turn in content.messages[:start])
    return content._replace(messages=(*before, *content.messages[start:]), desirable=wanted)
