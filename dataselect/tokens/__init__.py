"""Which tokens a model would not have chosen, and what tuning did to them, read off stored token sidecars."""

from dataselect.tokens.request import TokensRequest, TokensSummary
from dataselect.tokens.run import tokens

__all__ = ["TokensRequest", "TokensSummary", "tokens"]
