"""Which tokens a perplexity is over: those of the response, or those of the whole sequence.

The papers differ and often do not say. `response` (given the prompt) is what a trainer that masks the prompt minimises;
`sequence` also counts the prompt and the end-of-turn tokens, as pretraining data and a trainer that masks nothing do.
The two order a pool of short answers to long prompts quite differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Scope = Literal["response", "sequence"]

PERPLEXITY: Mapping[Scope, str] = {"response": "ppl", "sequence": "sequence_ppl"}
"""The column of a score table that holds the perplexity of each scope."""
