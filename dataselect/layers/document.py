"""A comparison of weights as plain values: the content of `layers.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from dataselect.comparison.excerpts import printable_values
from dataselect.layers.compare import PartChange, RunChange
from dataselect.layers.correlation import CONFIDENCE, RESAMPLES, Curve, GainCorrelation, RunGroup, common_depths
from dataselect.layers.representations import DISCARDED, LayerDimension

CAUTION = (
    "A correlation over runs says which layers' changes go together with the gain. It does not say that they cause it: "
    "runs that were trained longer, on more or on other data differ in every layer at once. So only runs of one budget "
    "are correlated with each other, controls apart, and runs of one strategy that differ in their seeds are one point."
)
DEFINITIONS = {
    "relative_change": "||W' - W||_F / ||W||_F over all compared weights of the part as one vector",
    "cosine": "of W and W' as vectors; angle: the same in degrees",
    "effective_rank": "exp of the entropy of the normalised singular values of W' - W (Roy and Vetterli 2007); of a "
    "part: mean over its changed matrices",
    "stable_rank": "||W' - W||_F^2 / s_1^2",
    "rank_90": "fewest singular values that hold 90 % of the squared change",
    "mean_spectrum": "largest singular values of W' - W as shares of the first, mean over changed matrices",
    "share": "part of the squared change of all compared weights",
    "position": "layer / (layers - 1)",
}


def run_part(run: RunChange) -> dict[str, Any]:
    """One tuned model."""
    return {
        "name": run.name,
        "kind": run.kind,
        **part(run.whole),
        "middle_share": run.middle_share,
        "mean_spectrum": list(run.mean_spectrum),
        "layers": [{"layer": one.layer, "position": one.position, **part(one.change)} for one in run.layers],
        "modules": [{"module": kind, **part(change)} for kind, change in run.kinds.items()],
        "tensors": [
            {
                "name": one.name, "layer": one.place.layer, "module": one.kind, "shape": list(one.shape),
                **_sums(PartChange(one.sums, None, None, None)),
                "spectrum": None if one.spectrum is None else asdict(one.spectrum),
            }
            for one in run.tensors
        ],
        "matrices": _matrices(run),
        "not_compared": [asdict(one) for one in run.not_compared],
    }  # fmt: skip


def _matrices(run: RunChange) -> dict[str, Any]:
    """A map of the model: one row per kind of matrix, one column per layer."""
    layers = [one.layer for one in run.layers]
    rows = run.matrices
    return {
        "modules": list(rows),
        "layers": layers,
        "relative_change": [[row.get(layer) for layer in layers] for row in rows.values()],
    }


def part(change: PartChange) -> dict[str, Any]:
    """A layer, a kind of matrix or the whole model."""
    return {
        **_sums(change),
        "share": change.share,
        "effective_rank": change.effective_rank,
        "stable_rank": change.stable_rank,
    }


def _sums(change: PartChange) -> dict[str, Any]:
    sums = change.sums
    return {
        "weights": sums.weights,
        "base_norm": sums.base**0.5,
        "change_norm": sums.change**0.5,
        "relative_change": sums.relative,
        "cosine": sums.cosine,
        "angle": sums.angle,
    }


def correlation_part(
    found: GainCorrelation, group: RunGroup, gains: Mapping[str, float], bases: Sequence[str]
) -> dict[str, Any]:
    """The correlation with one outcome over one group; `points` says which runs each of its points is the mean of."""
    runs = [name for names in group.points.values() for name in names]
    described = {"group": group.name, "budget": group.budget, "controls": group.controls, "bases": list(bases)}
    return {
        **asdict(found),
        **described,
        "runs": runs,
        "points": {point: list(names) for point, names in group.points.items()},
        "gains": {name: gains[name] for name in runs},
    }


def apart_part(group: RunGroup) -> dict[str, Any]:
    """Runs that a correlation leaves out, being of another group."""
    return {"group": group.name, "runs": [name for runs in group.points.values() for name in runs]}


def representation_part(texts: int, found: Mapping[str, Sequence[LayerDimension]]) -> dict[str, Any]:
    """The intrinsic dimensions of the base and every tuned model."""
    return {
        "texts": texts,
        "method": f"TwoNN (Facco et al. 2017), the largest {DISCARDED:.0%} of the ratios left out",
        "models": [{"name": name, "depths": [asdict(one) for one in depths]} for name, depths in found.items()],
    }


def document(
    base: str,
    spectra: bool,
    seed: int,
    runs: Sequence[Mapping[str, Any]],
    correlations: Sequence[Mapping[str, Any]],
    representations: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The whole document."""
    plain: dict[str, Any] = printable_values(
        {
            "kind": "layers",
            "base": base,
            "spectra": spectra,
            "runs": list(runs),
            "map": depth_map(runs),
            "correlations": list(correlations),
            "representations": representations,
            "interval": {"method": "percentile bootstrap over points", "confidence": CONFIDENCE, "resamples": RESAMPLES,
                         "seed": seed},
            "definitions": DEFINITIONS,
            "caution": CAUTION,
        }
    )  # fmt: skip
    return plain


def depth_map(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The relative change of every run at common depths, for a map; None where no model has layers.

    `layers` names the layers of the positions, where all runs have the same.
    """
    layered = [run for run in runs if run["layers"]]
    if not layered:
        return None
    positions, changes = common_depths([curve(run) for run in layered])
    depths = {len(run["layers"]) for run in layered}
    return {
        "runs": [run["name"] for run in layered],
        "positions": positions.tolist(),
        "layers": [one["layer"] for one in layered[0]["layers"]] if depths == {len(positions)} else None,
        "relative_change": changes.tolist(),
    }


def curve(run: Mapping[str, Any]) -> Curve:
    """Positions and relative changes of a run's layers."""
    layers = run["layers"]
    changes = np.array([one["relative_change"] or 0.0 for one in layers], np.float64)
    return np.array([one["position"] for one in layers], np.float64), changes
