"""The scorers as `dataselect ls scorers` prints them: each column with its meaning, its requirement and its source.

All but the ratings come from one forward pass per model and are computed in `likelihood` and `contrast`; ratings take
six short sequences each (`ratings`). This module imports nothing heavy, so that the list prints at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Scorer:
    """One score column.

    Attributes:
        needs: "" for every run; "ifd" for `--ifd`; "ranks" for a run without `--no-ranks`; "models" for a second
            `--model`; "rating" for `--rating`; "pairs" for `--pairs`.
    """

    name: str
    meaning: str
    source: str
    needs: Literal["", "ifd", "ranks", "models", "rating", "pairs"] = ""


_DEITA = "Deita (2312.15685)"

SCORERS = (
    Scorer("ppl", "perplexity of the response given the prompt", "Harada et al. 2025 (2506.14681), after any LM"),
    Scorer("sequence_ppl", "perplexity over prompt, response and end tokens", "Marion et al. 2023 (2309.04564)"),
    Scorer("bits_per_byte", "bits of response NLL per UTF-8 byte: comparable across tokenizers", "Gao et al. 2020"),
    Scorer("mink_20", "mean log-probability of the least likely 20 % of response tokens", "Min-K% (2310.16789)"),
    Scorer("shifted_fraction", "share of response tokens of rank > 3", "URIAL (2312.01552)", "ranks"),
    Scorer("marginal_fraction", "share of response tokens of rank 2 or 3", "URIAL (2312.01552)", "ranks"),
    Scorer("rsr", "sum of ranks up to 100 / sum of -log p of response tokens", "RSR (2601.14249)", "ranks"),
    Scorer("step_nll", "NLL of the first tokens of lines, counted in step_tokens", "after ASLEC (2604.06834)"),
    Scorer("ifd", "perplexity with the prompt / perplexity without it", "Superfiltering (2402.00530)", "ifd"),
    Scorer("ifd_loss", "mean NLL with the prompt / mean NLL without it", "Cherry LLM (2308.12032)", "ifd"),
    Scorer("excess_loss", "mean NLL minus the further models' mean NLL", "RHO-1 (2404.07965)", "models"),
    Scorer("nll_difference.NAME", "response NLL minus that of model NAME, such as base minus tuned", "", "models"),
    Scorer("aligned_likelihood", "mean log-probability under the further models", "PoFT (2412.12865)", "models"),
    Scorer("poft_weight", "PoFT's weight of the example in the loss", "PoFT (2412.12865)", "models"),
    Scorer("complexity", "the digit from 1 to 6 that the model expects as rating of the query", _DEITA, "rating"),
    Scorer("quality", "the digit from 1 to 6 that the model expects as rating of the response", _DEITA, "rating"),
    Scorer("complexity_quality", "complexity times quality, summed over the exchanges of a dialogue", _DEITA, "rating"),
    Scorer("rejected_NAME", "the column NAME, of the rejected reply of a pair", "", "pairs"),
    Scorer("rating_margin", "the record's rating of the chosen reply minus that of the rejected", "", "pairs"),
)
