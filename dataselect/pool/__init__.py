"""Pools: reading records of any known schema, and rendering them into what a model sees."""

from dataselect.pool.columns import ColumnMap
from dataselect.pool.reader import PoolReader
from dataselect.pool.render_options import RenderOptions
from dataselect.pool.rendering import Renderer
from dataselect.pool.sequences import rolling_windows

__all__ = ["ColumnMap", "PoolReader", "RenderOptions", "Renderer", "rolling_windows"]
