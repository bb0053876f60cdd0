"""Whether a cell of a table is what a configuration asks for.

A CSV knows only text, YAML also numbers and truth values: `10` matches the cells "10" and "10.0", `true` matches
"True", and text matches itself. Nothing matches an empty cell but an empty text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def same(cell: str, wanted: Any) -> bool:  # noqa: ANN401 - YAML
    """Whether one cell has the wanted value, or one of a list of them."""
    if isinstance(wanted, list | tuple):
        return any(same(cell, one) for one in wanted)
    if isinstance(wanted, bool):
        return cell.strip().lower() == str(wanted).lower()
    if isinstance(wanted, int | float):
        try:
            return float(cell) == wanted
        except ValueError:
            return False
    return cell.strip() == ("" if wanted is None else str(wanted).strip())


def rows_that_match(labels: Mapping[str, Sequence[str]], condition: Mapping[str, Any], n: int) -> NDArray[np.bool_]:
    """(n,) mask of the rows that have every wanted value.

    Args:
        labels: Column -> (n,) cells.
        n: Rows; what an empty condition matches.
    """
    mask = np.ones(n, dtype=bool)
    for column, wanted in condition.items():
        mask &= np.array([same(cell, wanted) for cell in labels[column]], dtype=bool)
    return mask
