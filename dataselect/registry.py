"""Names that a user may type, and where the code of each is.

A registry is a literal table `name -> "module:attribute"`, read top to bottom by people and loaded on first use, so
that listing names imports nothing heavy. Unknown names are answered with their near matches. There is no plug-in
mechanism: a new entry is one line here beside the new file.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from dataselect.errors import MissingExtraError, UsageError


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is not among `known`, with near matches first."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    return UsageError(f"unknown {kind} {name!r}", hint)


class Registry:
    """A lazy table of named things of one kind.

    Args:
        kind: The kind of the entries, in the singular, for messages ("strategy").
        entries: name -> "module:attribute".
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def names(self) -> list[str]:
        """Return all names, in the order of the table."""
        return list(self._entries)

    def load(self, name: str) -> Any:  # noqa: ANN401 - each registry holds its own type of thing
        """Import and return the object of `name`.

        Raises:
            UsageError: If the name is unknown.
        """
        if name not in self._entries:
            raise unknown(self.kind, name, self._entries)
        module, attribute = self._entries[name].split(":")
        return getattr(importlib.import_module(module), attribute)


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module.

    Args:
        module: Dotted name, such as "faiss".
        extra: The extra of dataselect that installs it.

    Raises:
        MissingExtraError: If the module is absent. An import error *inside* the module is not hidden.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise _missing(module, extra) from None


def check_installed(module: str, extra: str) -> None:
    """Refuse a missing optional package, without the time of an import.

    Args:
        module: Name of the package.
        extra: The extra of dataselect that installs it.

    Raises:
        MissingExtraError: If it is absent.
    """
    if importlib.util.find_spec(module) is None:
        raise _missing(module, extra)


def _missing(module: str, extra: str) -> MissingExtraError:
    package = module.split(".")[0]
    return MissingExtraError(
        f"this needs the package {package}, which is not installed", f"pip install 'dataselect[{extra}]'"
    )
