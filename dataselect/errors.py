"""The errors that a user may meet: one root with a message and a hint.

The message says what was expected and what came; the hint says what to do next. The command line prints both in one
line and exits with `exit_code`; the library raises them as they are. Faults of our own stay `assert` or the built-in
exceptions, so that they reach us as tracebacks and are never dressed up as the user's.
"""

from __future__ import annotations


class DataselectError(Exception):
    """A fault that the user can act on.

    Args:
        message: What was expected and what came, in one line.
        hint: What to do about it, in one line; empty where the message says it all.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(DataselectError):
    """Wrong options or arguments: nothing was started. Exit code 2."""

    exit_code = 2


class PoolError(DataselectError):
    """A pool that cannot be read at all, or whose ids clash."""


class RenderError(DataselectError):
    """An example that the chosen template cannot render."""


class ArtifactError(DataselectError):
    """A stage directory that is in the way, incomplete, locked or unreadable."""


class MissingExtraError(DataselectError):
    """An optional package is not installed; the hint names the extra that brings it."""


class ConfigError(DataselectError):
    """A configuration with one or more faults, all of them told together."""
