"""The tokens that end a response: which of them are trained, and where `generate` looks for them.

A base model's generation_config.json names the end of a document; a model that was trained to end its turns with
another token writes that one, and plain `generate`, vLLM and others would continue after it for ever. So the tokens
that the loss fell on at the ends of responses are listed before those that the file names. One that the file names and
that occurs inside responses is removed, since it would cut them.

Where a template ends a response with a text that is not one token, there is nothing to stop at: a warning names it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.artifacts import read_json_object
from dataselect.records import END, RESPONSE, Rendered

FILE = "generation_config.json"
_SHOWN = 60
"""Characters of a text that a warning shows."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of the responses of a training.

    Attributes:
        tokens: Ids of the tokens that end responses, the most frequent first.
        inside: Ids of tokens that responses hold.
        responses: Number of dialogues, those that are cut off not counted.
        open: How many of these have no token after their last response.
        behind: What the template writes after it in the first such dialogue.
    """

    tokens: tuple[int, ...]
    inside: frozenset[int]
    responses: int
    open: int
    behind: str

    @property
    def warnings(self) -> list[str]:
        """Warnings about responses that no token ends."""
        if not self.open:
            return []
        after = f"{_shown(self.behind)!r}, which is not one token," if self.behind else "nothing"
        how = "all responses" if self.open == self.responses else f"{self.open} of {self.responses} responses"
        return [
            f"no end is trained for {how}: the template writes {after} after them, so the model will not stop by itself"
        ]


def find_ends(rendered: Sequence[Rendered], marks: Collection[int]) -> Ends:
    """Find how all responses end.

    Args:
        rendered: The examples trained on.
        marks: Ids of all special tokens.
    """
    tokens: Counter[int] = Counter()
    inside: set[int] = set()
    dialogues = [one for one in rendered if not one.plain_text and one.status == "ok"]
    for one in rendered:
        tokens.update(token for token in one.token_ids[one.parts == END].tolist() if token in marks)
        inside.update(one.token_ids[one.parts == RESPONSE].tolist())
    behind = [text for one in dialogues if (text := _behind(one)) is not None]
    ordered = tuple(token for token, _ in tokens.most_common())
    return Ends(ordered, frozenset(inside), len(dialogues), len(behind), behind[0] if behind else "")


def _behind(one: Rendered) -> str | None:
    """Return the text after the last response if no end token follows it; None if one does."""
    last = int(np.flatnonzero(one.parts == RESPONSE)[-1])
    if (one.parts[last + 1 :] == END).any():
        return None
    return one.text[int(one.spans[last][1]) :].strip()


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def write_ends(ends: Ends, base: Path, target: Path) -> None:
    """Write the trained end tokens into the generation settings of a saved model.

    Args:
        base: Folder of the base model; its other settings are kept.
        target: Folder of the trained model.
    """
    source = base / FILE if (base / FILE).exists() else target / FILE
    settings: dict[str, Any] = dict(read_json_object(source)) if source.exists() else {}
    named = settings.get("eos_token_id")
    before: Iterable[int] = named if isinstance(named, list) else [] if named is None else [named]
    stops = list(dict.fromkeys([*ends.tokens, *(token for token in before if token not in ends.inside)]))
    if ends.tokens:
        settings["eos_token_id"] = stops[0] if len(stops) == 1 else stops
    (target / FILE).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8", newline="\n")
