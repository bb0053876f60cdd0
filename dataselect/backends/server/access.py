"""Where a server is and what lets us in: an address without secrets, and a key from the environment alone.

Neither an address with a password nor a key that no header can carry is repeated in the errors raised here.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from dataselect.errors import UsageError

KEYS = ("DATASELECT_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the API key; the first that is set counts."""


def checked_address(address: str) -> str:
    """The base URL without its last slash; refused, without repeating it, where it holds what belongs elsewhere."""
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
        raise UsageError("the server's address goes on after its path", f"leave out what follows {parts.path or '/'}")
    return address.rstrip("/")


def api_key() -> str:
    """The API key, or an empty string. One that no header can carry is refused here: later errors would show it."""
    for name in KEYS:
        key = os.environ.get(name, "").strip()
        if key and not (key.isascii() and key.isprintable()):
            raise UsageError(f"the environment variable {name} holds characters that a key cannot have", "set it again")
        if key:
            return key
    return ""
