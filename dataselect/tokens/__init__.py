"""The response tokens that a model would not have chosen, and how tuning changed them, from stored token sidecars."""

from dataselect.tokens.run import TokensRequest, TokensSummary, tokens

__all__ = ["TokensRequest", "TokensSummary", "tokens"]
