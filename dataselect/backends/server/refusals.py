"""What a server's failures mean: which are worth another try, which belong to one sequence, which to the whole run.

Nothing here sends anything. A failure that may pass (408, 409, 425, 429, 5xx, a broken connection) becomes an
`UnansweredError` once all tries are used up, and the backend decides from it. A prompt that is too long is the fault
of its sequence alone, and a `RuntimeError`, as in every backend. All else would be refused again: a `DataselectError`.
"""

from __future__ import annotations

import json
import math
import re
import time
from email.utils import parsedate_to_datetime

from dataselect.errors import DataselectError

LIMITED = 429
_PASSING = frozenset({408, 409, 425, LIMITED})
_TOO_LONG = re.compile(
    r"too long|too large|context.{0,10}(length|window)|max(imum)?[ _](model|context|prompt|input)"
    r"|max_tokens must be at least 1, got"  # vLLM 0.32, where the prompt alone fills the model's positions
)
_SHOWN = 200


class UnansweredError(Exception):
    """Every try failed in a way that might have passed.

    Attributes:
        status: The last HTTP status; None where there was no answer at all.
    """

    def __init__(self, status: int | None, text: str, tries: int) -> None:
        super().__init__(f"{text}, after {tries} {'try' if tries == 1 else 'tries'}")
        self.status = status


class RefusedError(DataselectError):
    """The server understood that something was asked, and refuses it.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status


def may_pass(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _PASSING or status >= 500


def retry_after(header: str | None) -> float:
    """Seconds that a `Retry-After` header asks to wait, given as a number or as a date; 0 without one."""
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


def told(body: str, key: str) -> str:
    """The message in the body of a failure: one line, at most 200 characters, without the key."""
    text: object = body
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        error = answer.get("error", answer)
        text = error.get("message") or error.get("detail") or error if isinstance(error, dict) else error
    line = " ".join(str(text).split())
    return (line.replace(key, "***") if key else line)[:_SHOWN]


def refusal(status: int, message: str) -> Exception:
    """The error for a status that another try would not change."""
    if status in (401, 403):
        return DataselectError(
            f"the server does not let us in (HTTP {status})",
            "set the environment variable DATASELECT_API_KEY to a key that it accepts",
        )
    if status in (400, 413, 422) and _TOO_LONG.search(message.lower()):
        return RuntimeError(f"the sequence is too long for the server: {message}")
    hint = "the address of a server usually ends in /v1" if status in (404, 405) else ""
    return RefusedError(status, f"the server refuses the request (HTTP {status}): {message}", hint)
