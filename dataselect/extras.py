"""The extras of this installation: which are complete, and which packages the others lack.

Read from the metadata of the installed `dataselect`, so that the list is that of pyproject.toml and is kept nowhere
else. An extra that names another (`all`) has that one's packages too. Nothing is imported: a package counts as
installed if its metadata says so in a version that fits, which says nothing about whether its import works.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass

NAME = "dataselect"
_FOR_DEVELOPERS = ("test", "dev")


@dataclass(frozen=True, slots=True)
class Extra:
    """One extra.

    Attributes:
        name: As in `pip install 'dataselect[name]'`.
        missing: Requirements that are not met, as pip writes them.
    """

    name: str
    missing: tuple[str, ...]


def extras() -> tuple[Extra, ...]:
    """Every extra but those for developers, sorted by name.

    Raises:
        PackageNotFoundError: If dataselect is not installed, only lying on the path.
    """
    names = importlib.metadata.metadata(NAME).get_all("Provides-Extra") or []
    return tuple(Extra(name, missing(name)) for name in sorted(names) if name not in _FOR_DEVELOPERS)


def missing(extra: str = "") -> tuple[str, ...]:
    """Requirements of an extra that are not met; without a name, those of dataselect itself."""
    return tuple(sorted({text for text, met in _requirements(extra) if not met}))


def _requirements(extra: str) -> Iterator[tuple[str, bool]]:
    from packaging.requirements import Requirement

    for text in importlib.metadata.requires(NAME) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        belongs = marker is None if not extra else marker is not None and marker.evaluate({"extra": extra})
        if not belongs or (extra and marker is not None and marker.evaluate({"extra": ""})):
            continue
        if requirement.name == NAME:
            for inner in sorted(requirement.extras):
                yield from _requirements(inner)
        else:
            yield f"{requirement.name}{requirement.specifier}", _is_met(requirement.name, str(requirement.specifier))


def _is_met(name: str, specifier: str) -> bool:
    from packaging.specifiers import SpecifierSet

    try:
        return SpecifierSet(specifier).contains(importlib.metadata.version(name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False
