"""`dataselect rank`: whole data sets compared by perplexity, similarity to a target and defects, with intervals."""

from dataselect.pool_ranking.request import RankRequest
from dataselect.pool_ranking.result import PoolRanking
from dataselect.pool_ranking.run import rank

__all__ = ["PoolRanking", "RankRequest", "rank"]
