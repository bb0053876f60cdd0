"""The table of strategies: the name that a user types, and the class behind it. One strategy per file."""

from dataselect.registry import Registry

STRATEGIES = Registry(
    "strategy",
    {
        "random": "dataselect.strategies.random:Random",
        "full": "dataselect.strategies.full:Full",
        "longest": "dataselect.strategies.longest:Longest",
        "length-matched-random": "dataselect.strategies.length_matched_random:LengthMatchedRandom",
        "ppl-low": "dataselect.strategies.ppl_low:PplLow",
        "ppl-mid": "dataselect.strategies.ppl_mid:PplMid",
        "ppl-high": "dataselect.strategies.ppl_high:PplHigh",
        "ifd-high": "dataselect.strategies.ifd_high:IfdHigh",
        "similarity": "dataselect.strategies.similarity:Similarity",
    },
)
"""Every strategy by the name that a user types."""
