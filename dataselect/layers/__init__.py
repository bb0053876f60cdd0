"""Where tuning changed a model: weights before and after, layer by layer, and what goes with the gain."""

from dataselect.layers.request import LayersRequest, LayersSummary
from dataselect.layers.run import layers

__all__ = ["LayersRequest", "LayersSummary", "layers"]
