"""Ranks within source: rows compete only with those of their own pool file.

A likelihood score differs between sources for reasons that have nothing to do with a row's worth: its domain, its
length, and above all whether the scored model's own family wrote it. Ranked over the whole pool it then chooses
sources. Here each source gives the same share of its rows, its best first, as each bin of length in `length_control`.

Left out: shares other than those of the pool (`--quota`), and groups other than pool files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from dataselect.errors import UsageError
from dataselect.records import Ranking
from dataselect.selection.interleaving import interleaved
from dataselect.strategies import Needs, Strategy

Within = Literal["source"]


def within_sources(ranking: Ranking, sources: Sequence[str]) -> Ranking:
    """Interleave the sources of a ranking in proportion to their ranked rows.

    Args:
        sources: (n_candidates,) the pool file of each candidate.
    """
    number = {name: at for at, name in enumerate(sorted(set(sources)))}
    groups = np.array([number[source] for source in sources], np.int64)
    return interleaved(ranking, groups[ranking.order]) if len(ranking.order) else ranking


def needs_within(needs: Needs, within: Within | None) -> Needs:
    """Return what a strategy needs, with the sources where rows compete within them."""
    return needs if within is None else replace(needs, sources=True)


def check_within(name: str, strategy: Strategy, within: Within | None) -> None:
    """Refuse ranks within sources of a strategy whose places do not follow from one score.

    Raises:
        UsageError: If they are asked for where rows are drawn, or weighed against those already chosen.
    """
    if within is not None and not strategy.by_score:
        raise UsageError(
            f"--within {within} needs a strategy that orders rows by one score, and {name} does not",
            "leave it off; --quota gives each source a share",
        )
