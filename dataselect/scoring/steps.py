"""The tokens that begin a step of a response.

A step is a line: the first step begins with the response (of each assistant turn), a further one with the first
character of a later line that is not white space. The token that holds that character begins the step. Reasoning traces
mostly write one step a line; ASLEC (arXiv 2604.06834), of which only the abstract was read, says that such a token is
improbable, because a step may go anywhere, so that a mean log-probability favours responses of long steps.

Left out: sentences within a line. Where one ends is a guess (numbers, abbreviations, code), and would be another one in
each language.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from dataselect.records import RESPONSE, UNSCORED, Rendered

_LINE = re.compile(r"\n[^\S\n]*(?=\S)")


def step_starts(rendered: Rendered) -> NDArray[np.int64]:
    """Return the indices of the response tokens that begin a step, ascending; scored tokens only."""
    response = rendered.parts == RESPONSE
    lines = np.array([match.end() for match in _LINE.finditer(rendered.text)], np.int64)
    holding = np.searchsorted(rendered.spans[:, 1], lines, side="right")
    found = np.zeros(len(response) + 1, bool)
    found[holding] = True
    found[:-1] |= _first_of_turns(rendered, response)
    return np.flatnonzero(found[:-1] & response)


def _first_of_turns(rendered: Rendered, response: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the first token of each run of response tokens, unless an unscored token of text stands before it."""
    first = response.copy()
    first[1:] &= ~response[:-1]
    begun = (rendered.parts == UNSCORED) & (rendered.spans[:, 1] > rendered.spans[:, 0])
    first[1:] &= ~begun[:-1]
    return first
