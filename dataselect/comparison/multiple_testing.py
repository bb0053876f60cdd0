"""Multiple-testing correction by Holm's method: p values that are valid for a family of tests together.

With m tests, the k-th smallest p (k from 1) is multiplied by m - k + 1, none may be below an earlier one, and none is
over 1 (Holm 1979, Scandinavian Journal of Statistics 6:65). The chance of any false positive in the family is then at
most the level, for any dependence between the tests.

A difference has two p values (`intervals`): that of its own interval, which assumes nothing about the noise of seeds,
and one that is made for this correction. The corrected p is Holm's of the second, and no less than the first.

Left out: which tests form a family, which the caller decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataselect.comparison.intervals import ArmDifference


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Corrected p values in the order given; None stays None and counts as no test."""
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, place) in enumerate(tested):
        least = max(least, min(1.0, (len(tested) - rank) * p))
        corrected[place] = least
    return corrected


def corrected_p(differences: Sequence[ArmDifference | None]) -> list[float | None]:
    """Corrected p values of differences that are tested together, in the order given; None where there is no p."""
    corrected = holm([None if one is None else one.p_family for one in differences])
    return [
        None if p is None or one is None or one.p is None else max(p, one.p)
        for p, one in zip(corrected, differences, strict=True)
    ]
