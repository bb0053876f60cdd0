"""Partial correlation: what remains between two numbers when a third is held fixed.

    r_xy.z = (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2))

With Pearson's r it is the correlation of what straight lines in z leave over of x and y; with Spearman's, the same for
ranks. It removes a relation that runs through z as a line (or a monotone curve), not one of another shape.
"""

from __future__ import annotations

import numpy as np

from dataselect.prediction.table import Floats


def partial(xy: Floats, xz: Floats, yz: Floats) -> Floats:
    """Partial correlations from (n,) correlations; NaN where x or y is already told by z alone."""
    left = (1 - xz**2) * (1 - yz**2)
    bottom = np.sqrt(np.where(left > 1e-12, left, np.nan))
    remains: Floats = np.clip((xy - xz * yz) / bottom, -1.0, 1.0)
    return remains
