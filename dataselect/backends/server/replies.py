"""The replies of a server: log-probabilities in several dialects, each checked, and what failures mean.

vLLM's extension `prompt_logprobs` gives each token's id, log-probability and rank. The classic `echo` with `logprobs`
gives log-probabilities and the tokens' spellings; vLLM can spell them as ids. Servers differ in what they make of
`logprobs: 0` and of fields they do not know, so the dialects below are tried in turn, best first (`start`).
One token is always generated: `max_tokens: 0` means "without limit" to some servers.

Every reply is checked: as many positions as tokens were sent, the same token ids where the dialect has ids, and
values that log-probabilities can have. A token of rank r has at least r tokens as likely as itself, so its probability
is at most 1 / r; raw logits, which vLLM returns under `--logprobs-mode raw_logits`, violate that.

Failures. One that may pass (408, 409, 425, 429, 5xx, a broken connection) becomes an `UnansweredError` once all tries
are used up, and the backend decides from it. A prompt that is too long is the fault of its sequence alone, and a
`RuntimeError`, as in every backend. Any other would be refused again: a `DataselectError`. Nothing here sends anything.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np

from dataselect.errors import DataselectError
from dataselect.records import TokenScores

TINY = 1e-6
_RANK_SLACK = 1e-2
_INFINITE = -9999.0
"""The value that servers send for minus infinity, which JSON cannot hold."""
_ID = "token_id:"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One form of request, and how its reply is read.

    Attributes:
        name: The request, for messages.
        asks: Fields of the request beside model and prompt.
        read: From a decoded answer and the ids that were sent to their scores, all positions but the first; raises
            RuntimeError if the answer is not what it should be.
        ranks: Whether answers have ranks; without them every rank is 0.
    """

    name: str
    asks: Mapping[str, Any]
    read: Callable[[Any, Sequence[int]], TokenScores]
    ranks: bool

    def body(self, model: str, prompt: Sequence[int] | str) -> dict[str, Any]:
        """Return the request for one prompt."""
        return {"model": model, "prompt": prompt, "max_tokens": 1, "temperature": 0, **self.asks}


def read_prompt_logprobs(answer: Any, ids: Sequence[int]) -> TokenScores:  # noqa: ANN401
    """Scores from vLLM's `choices[0].prompt_logprobs`: null, then {"<id>": {"logprob": ..., "rank": ...}} per token."""
    entries = _list("prompt_logprobs", _choice(answer, ids), (len(ids),))
    logprobs, ranks = [], [0]
    for position, (token, entry) in enumerate(zip(ids[1:], entries[1:], strict=True), 1):
        if not isinstance(entry, dict) or not isinstance(entry.get(str(token)), dict):
            raise RuntimeError(
                f"the server gave no log-probability of token {token} at position {position}, but "
                f"{str(entry)[:100]}: it may have another tokenizer"
            )
        logprobs.append(entry[str(token)].get("logprob"))
        rank = entry[str(token)].get("rank")
        if type(rank) is not int or not 1 <= rank < 2**31:
            raise RuntimeError(f"the server gave the rank {str(rank)[:40]} at position {position}")
        ranks.append(rank)
    scores = TokenScores(_checked(logprobs), np.array(ranks, np.int32))
    above = scores.logprobs[1:] > -np.log(scores.ranks[1:]) + _RANK_SLACK
    if above.any():
        at = int(np.argmax(above)) + 1
        raise RuntimeError(
            f"the server gave {scores.logprobs[at]} to a token of rank {scores.ranks[at]}, at position {at}: "
            "these are not log-probabilities"
        )
    return scores


def read_echo(answer: Any, ids: Sequence[int]) -> TokenScores:  # noqa: ANN401
    """Scores from `choices[0].logprobs` of an echoed prompt; the generated token behind it is cut off."""
    found = _choice(answer, ids).get("logprobs")
    if not isinstance(found, dict):
        raise RuntimeError(f"the server's answer has no logprobs: {str(found)[:100]}")
    values = _list("token_logprobs", found, (len(ids), len(ids) + 1))
    tokens = found.get("tokens")
    for position, (token, told) in enumerate(zip(ids, tokens if isinstance(tokens, list) else (), strict=False)):
        if isinstance(told, str) and told.startswith(_ID) and told != f"{_ID}{token}":
            raise RuntimeError(f"the server scored {told} at position {position}, where token {token} was sent")
    return TokenScores(_checked(values[1 : len(ids)]), np.zeros(len(ids), np.int32))


DIALECTS = (
    Dialect("prompt_logprobs: 0", {"prompt_logprobs": 0}, read_prompt_logprobs, ranks=True),
    Dialect(
        "echo with logprobs: 0 and token ids",
        {"echo": True, "logprobs": 0, "return_tokens_as_token_ids": True},
        read_echo,
        ranks=False,
    ),
    Dialect("echo with logprobs: 0", {"echo": True, "logprobs": 0}, read_echo, ranks=False),
    Dialect("echo with logprobs: 1", {"echo": True, "logprobs": 1}, read_echo, ranks=False),
)


def _choice(answer: Any, ids: Sequence[int]) -> Mapping[str, Any]:  # noqa: ANN401
    """Return the only choice of an answer, after checking its count of prompt tokens, where it has one."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        raise RuntimeError(f"expected one choice from the server, got {str(answer)[:100]}")
    usage = answer.get("usage")
    counted = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    if counted not in (None, len(ids)):
        raise RuntimeError(f"{len(ids)} tokens were sent to the server, which counted {str(counted)[:40]}")
    choice: Mapping[str, Any] = choices[0]
    return choice


def _list(name: str, holder: Mapping[str, Any], lengths: Sequence[int]) -> list[Any]:
    """Return the list of that name, if it has one of these lengths; the first is the number of tokens sent."""
    found = holder.get(name)
    if not isinstance(found, list):
        raise RuntimeError(f"the server's answer has no {name}")
    if len(found) not in lengths:
        raise RuntimeError(f"{lengths[0]} tokens were sent to the server, whose {name} have {len(found)} positions")
    return found


def _checked(values: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return (1 + n_values,) float32: NaN for the first token, then the values, if each can be a log-probability."""
    for position, value in enumerate(values, 1):
        if type(value) not in (int, float) or not (math.isfinite(value) and _INFINITE < value <= TINY):
            raise RuntimeError(f"the server gave {str(value)[:40]} as a log-probability at position {position}")
    return np.array([math.nan, *values], np.float32)


LIMITED = 429
_PASSING = frozenset({408, 409, 425, LIMITED})
_TOO_LONG = re.compile(
    r"too long|too large|context.{0,10}(length|window)|max(imum)?[ _](model|context|prompt|input)"
    r"|max_tokens must be at least 1, got"  # vLLM 0.32, where the prompt alone fills the model's positions
)
_SHOWN = 200
_READ = 5_000
"""Characters of a message that are masked: enough that no key is cut where `_SHOWN` ends."""


class UnansweredError(Exception):
    """Every try failed in a way that might have passed.

    Attributes:
        status: The last HTTP status; None where there was no answer at all.
    """

    def __init__(self, status: int | None, text: str, tries: int) -> None:
        super().__init__(f"{text}, after {tries} {'try' if tries == 1 else 'tries'}")
        self.status = status


class RefusedError(DataselectError):
    """The server understood the request and refuses it.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status


def may_pass(status: int) -> bool:
    """Return whether the same request may succeed later."""
    return status in _PASSING or status >= 500


def retry_after(header: str | None) -> float:
    """Return the seconds of a `Retry-After` header, given as a number or as a date; 0 without one."""
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0


def server_words(body: bytes, mask: Callable[[str], str]) -> str:
    """Extract the message from the body of a failure: one masked line of at most 200 characters."""
    text: object = body.decode("utf-8", "replace")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        error = answer.get("error", answer)
        text = error.get("message") or error.get("detail") or error if isinstance(error, dict) else error
    return mask(" ".join(str(text)[:_READ].split()))[:_SHOWN]


def refusal(status: int, message: str) -> Exception:
    """Return the error for a status that another try would not change."""
    if status in (401, 403):
        return DataselectError(
            f"the server refuses access (HTTP {status})",
            "set the environment variable DATASELECT_API_KEY to a key that it accepts",
        )
    if status in (400, 413, 422) and _TOO_LONG.search(message.lower()):
        return RuntimeError(f"the sequence is too long for the server: {message}")
    hint = ""
    if 300 <= status < 400:
        hint = "no redirect is followed, as it would carry the key along; give --server the final address"
    elif status in (404, 405):
        hint = "the address of a server usually ends in /v1"
    return RefusedError(status, f"the server refuses the request (HTTP {status}): {message}", hint)
