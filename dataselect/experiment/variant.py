"""One strategy in one setting: what a name in `strategies` stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dataselect.selection import Filters, LengthBins, LengthResidual, SelectRequest, Then
from dataselect.selection.length_control import LengthControl
from dataselect.selection.plan import make_plan
from dataselect.strategies import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How one arm of the comparison selects. The keys under `variants.NAME` are these fields."""

    strategy: str
    """Name of a strategy."""

    params: dict[str, Any] = field(default_factory=dict)
    """Its options."""

    length_control: Literal["bins", "residual"] | None = None
    """How length is taken out of its order."""

    length_bins: int = 10
    """Bins, with `length_control: bins`."""

    filters: Filters = field(default_factory=Filters)
    """What is left out: where, min_tokens, max_tokens, dedup, decontaminate and their thresholds."""

    then: tuple[Then, ...] = ()
    """Strategies that order shortlists, one after the other: {shortlist: 20%, strategy: k-center}."""

    quota: tuple[str, ...] = ()
    """`even`, or `SOURCE=P%`."""

    @property
    def control(self) -> LengthControl | None:
        """The length control with its options."""
        if self.length_control == "residual":
            return LengthResidual()
        return LengthBins(self.length_bins) if self.length_control else None

    @property
    def needs(self) -> Needs:
        """What strategies and filters need.

        Raises:
            UsageError: If a strategy, an option, a shortlist or a quota is not valid.
        """
        request = SelectRequest(
            (), self.strategy, "1", Path("x"), self.params, length_control=self.control, filters=self.filters,
            then=self.then, quota=self.quota,
        )  # fmt: skip
        return make_plan(request).needs
