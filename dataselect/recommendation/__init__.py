"""What should I train on? An audit of the pools comes first; the search over short trainings builds on it."""

from dataselect.recommendation.request import RecommendRequest, parse_seconds, recipe_of
from dataselect.recommendation.run import Recommendation, recommend

__all__ = ["RecommendRequest", "Recommendation", "parse_seconds", "recipe_of", "recommend"]
