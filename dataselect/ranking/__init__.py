"""Which pool? Whole data sets beside each other: perplexity, similarity to a target, defects, with intervals."""

from dataselect.ranking.request import RankRequest
from dataselect.ranking.result import Ranking
from dataselect.ranking.run import rank

__all__ = ["RankRequest", "Ranking", "rank"]
