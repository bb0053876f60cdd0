"""The server backend: any OpenAI-compatible endpoint that gives log-probabilities of the prompt."""

from dataselect.backends.server.backend import ServerBackend

__all__ = ["ServerBackend"]
