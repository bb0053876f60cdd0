"""The ways in which OpenAI-compatible servers tell the log-probabilities of a prompt, and how an answer is checked.

vLLM's extension `prompt_logprobs` gives each token's id, log-probability and rank. The classic `echo` with `logprobs`
gives log-probabilities and the tokens' spellings; vLLM can spell them as ids. Servers differ in what they make of
`logprobs: 0` and of fields they do not know, so the dialects below are tried in turn, best first (`start`).
One token is always generated: `max_tokens: 0` means "without limit" to some servers.

Every answer is checked: as many positions as tokens were sent, the same token ids where the dialect has ids, and
values that log-probabilities can have. A token of rank r has at least r tokens as likely as itself, so its probability
is at most 1 / r; raw logits, which vLLM returns under `--logprobs-mode raw_logits`, do not keep to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataselect.records import TokenScores

TINY = 1e-6
_RANK_SLACK = 1e-2
_INFINITE = -9999.0
"""What servers write for minus infinity, which JSON cannot hold."""
_ID = "token_id:"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to ask and to read.

    Attributes:
        name: What is asked, for messages.
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
        """The request for one prompt."""
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
    """The one choice of an answer, after its count of prompt tokens, where it has one."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        raise RuntimeError(f"one choice was asked of the server, and this came: {str(answer)[:100]}")
    usage = answer.get("usage")
    counted = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    if counted not in (None, len(ids)):
        raise RuntimeError(f"{len(ids)} tokens were sent to the server, which counted {str(counted)[:40]}")
    choice: Mapping[str, Any] = choices[0]
    return choice


def _list(name: str, holder: Mapping[str, Any], lengths: Sequence[int]) -> list[Any]:
    """The list of that name, if it has one of these lengths; the first is the number of tokens sent."""
    found = holder.get(name)
    if not isinstance(found, list):
        raise RuntimeError(f"the server's answer has no {name}")
    if len(found) not in lengths:
        raise RuntimeError(f"{lengths[0]} tokens were sent to the server, whose {name} have {len(found)} positions")
    return found


def _checked(values: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(1 + n_values,) float32: NaN for the first token, then the values, if each can be a log-probability."""
    for position, value in enumerate(values, 1):
        if type(value) not in (int, float) or not (math.isfinite(value) and _INFINITE < value <= TINY):
            raise RuntimeError(f"the server gave {str(value)[:40]} as a log-probability at position {position}")
    return np.array([math.nan, *values], np.float32)
