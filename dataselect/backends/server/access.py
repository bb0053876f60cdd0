"""The address of a server and the API key, and how the key is kept out of every text that a server influences.

The key comes from the environment alone. Neither an address with a password nor a key that no header can carry is
repeated in the errors raised here.

A server may send the key back: in an error, in a model's name, in a field where numbers should be; as it is, in pieces,
in another case, in base64 or hexadecimal, quoted for a URL, for JSON or for HTML. Every message about a server passes
through `Secret.masked`, which looks for all of these. Pieces of fewer than six characters stay: they say little, and
words like "key" would be masked with them. A key that is shorter itself is looked for as a whole.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, quote_plus, unquote, urlsplit

from dataselect.errors import DataselectError, UsageError
from dataselect.escaping import escaped

KEYS = ("DATASELECT_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the API key; the first that is set counts."""


def checked_address(address: str) -> str:
    """Return the base URL without its last slash; refuse, without repeating it, a URL with a password or a query."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError("the server's address is not a URL", "give one such as --server http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"the address of the server {parts.hostname} holds a user name or a password",
            f"set the environment variable {KEYS[0]} instead",
        )
    if parts.query or parts.fragment:
        hint = f"leave out everything after {parts.path or '/'}"
        raise UsageError("the server URL must not contain a query or a fragment", hint)
    return address.rstrip("/")


def api_key() -> str:
    """Return the API key, or an empty string. A key that no header can carry is refused: later errors would show it."""
    for name in KEYS:
        key = os.environ.get(name, "").strip()
        if key and not (key.isascii() and key.isprintable()):
            raise UsageError(f"the environment variable {name} holds characters that a key cannot have", "set it again")
        if key:
            return key
    return ""


PIECE = 6
"""Characters of the key from which on a piece of it is masked."""

MASK = "***"
_SHOWN = 600
"""Most characters of a message about a server."""

_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")


class Secret:
    """A key.

    Args:
        key: Printable ASCII; empty where there is none.
    """

    def __init__(self, key: str) -> None:
        self._forms = {form.lower() for form in _forms(key)} if key else set()
        self._pieces = {piece for form in self._forms for piece in _pieces(form)}
        self.header = {"Authorization": f"Bearer {key}"} if key else {}

    def __repr__(self) -> str:
        return "Secret()"

    def masked(self, text: str) -> str:
        """Mask the key and its pieces in a text, and escape control characters."""
        if self._forms:
            text = self._hidden(text)
            for undo in _QUOTINGS:
                plain = undo(text)
                if plain != text and (hidden := self._hidden(plain)) != plain:
                    text = hidden
        return escaped(text)

    def _hidden(self, text: str) -> str:
        lowered = text.lower()
        if len(lowered) != len(text):  # a few letters change their length with their case
            text = lowered
        hit = bytearray(len(text))
        for size in {len(piece) for piece in self._pieces}:
            for at in range(len(text) - size + 1):
                if lowered[at : at + size] in self._pieces:
                    hit[at : at + size] = b"\x01" * size
        return "".join(MASK if run[0] else text[run[1] : run[2]] for run in _runs(hit))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Mask the key in errors that leave the block, and in their causes."""
        try:
            yield
        except Exception as error:
            behind: BaseException | None = error
            while behind is not None:
                self._clean(behind)
                behind = behind.__cause__ or behind.__context__
            raise

    def _clean(self, error: BaseException) -> None:
        error.args = tuple(self.masked(one)[:_SHOWN] if isinstance(one, str) else one for one in error.args)
        if isinstance(error, DataselectError):
            error.message, error.hint = self.masked(error.message)[:_SHOWN], self.masked(error.hint)

    def watch_logs(self) -> None:
        """Mask the key in the HTTP libraries' own log records, which quote headers, from now on."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._clean_record)

    def leave_logs(self) -> None:
        """Undo `watch_logs`."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self._clean_record)

    def _clean_record(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.masked(record.getMessage()), ()
        return True


def _forms(key: str) -> Iterator[str]:
    yield key
    yield from (quote(key, safe=""), quote_plus(key), json.dumps(key)[1:-1], repr(key)[1:-1])
    yield key.encode().hex()
    for before in range(3):  # in base64 a text looks different at each place within three bytes
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * before + key.encode()).decode().rstrip("=")
            ours = whole[-(-before * 8 // 6) : (before + len(key)) * 8 // 6]
            if len(ours) >= PIECE:
                yield ours


def _pieces(form: str) -> Iterator[str]:
    size = min(PIECE, len(form))
    yield from (form[at : at + size] for at in range(len(form) - size + 1))


def _runs(hit: bytearray) -> Iterator[tuple[bool, int, int]]:
    for found in re.finditer(b"\x01+|\x00+", bytes(hit)):
        yield found.group()[0] == 1, found.start(), found.end()


def _without_escapes(text: str) -> str:
    return re.sub(r"\\+u([0-9a-fA-F]{4})|\\+x([0-9a-fA-F]{2})", lambda m: chr(int(m[1] or m[2], 16)), text)


_QUOTINGS: tuple[Callable[[str], str], ...] = (unquote, _without_escapes, html.unescape)
"""Inverses of quotings; a text is shown unquoted only where that revealed the key."""
