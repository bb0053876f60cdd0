"""The weights of models before and after tuning, layer by layer, and the correlation of their change with the gain."""

from dataselect.layers.run import LayersRequest, LayersSummary, layers

__all__ = ["LayersRequest", "LayersSummary", "layers"]
