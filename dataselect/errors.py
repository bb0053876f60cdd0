"""The errors that a user may meet: one root with a message and a hint.

The message says what was expected and what came, the hint what to do next. The command line prints both in one
line and exits with `exit_code`; the library raises them as they are. Both may quote text from outside, so both are
escaped and shortened when the error is made. Errors of libraries and of the system become one of these in
`library_errors`. Faults of our own stay `assert` or built-in exceptions: the command line reports them as ours, in one
line too.
"""

from __future__ import annotations

from dataselect.escaping import bearable, escaped


class DataselectError(Exception):
    """An error that the user can act on.

    Args:
        message: What was expected and what came, in one line.
        hint: What to do about it, in one line; empty if the message is enough.
    """

    exit_code = 1
    longest = 800

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = bearable(escaped(message), self.longest), bearable(escaped(hint), self.longest)
        super().__init__(self.message)

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
    """A file or stage directory that is in the way, incomplete, damaged, locked, unreadable or not writable."""


class MissingExtraError(DataselectError):
    """An optional package is not installed; the hint names the extra that brings it."""


class ConfigError(DataselectError):
    """A configuration with one or more faults, reported together."""

    longest = 10_000
