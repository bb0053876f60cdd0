"""Arguments of Python callers, converted to the types of a request's fields, or refused in one line.

A request is a frozen dataclass whose annotations are the contract. `checked`, called first in `__post_init__`, reads
them: a path may be text or `Path`, a field of several takes one or many, models may be given without their names, and
everything else has to be what the annotation says. Without it `pools="a.jsonl"` would be seven pools of one letter, and
`out="dir"` a fault deep inside a run. The command line makes its requests the same way.

Left out: what a value means (that a file exists, that a name is known), which the stage that uses it checks.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import types
import typing
from collections.abc import Iterable, Mapping, Set
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

from dataselect.errors import UsageError

PathLike = str | os.PathLike[str]
"""One path, file name, folder, or hub id."""

_PLAIN: dict[Any, tuple[Any, str]] = {
    int: (Integral, "a whole number"), float: (Real, "a number"), bool: (bool, "True or False"),
}  # fmt: skip
_Models = tuple[str, str]
_SHOWN = 60


class _Unfit(Exception):
    """A value of the wrong kind; the text names the expected one."""


def checked(request: Any) -> None:  # noqa: ANN401 - any dataclass
    """Convert the fields of a frozen dataclass to their annotations.

    Raises:
        UsageError: If one cannot be; it names the request, the field, what was expected and what came.
    """
    kind: Any = type(request)
    for name, hint in _hints(kind).items():
        value = getattr(request, name)
        object.__setattr__(request, name, _fitted(f"{kind.__name__}: {name}", hint, value))


def as_path(value: PathLike, name: str) -> Path:
    """Convert one path.

    Args:
        name: Name of the argument, for the message.

    Raises:
        UsageError: If it is none.
    """
    path: Path = _fitted(name, Path, value)
    return path


def as_paths(value: PathLike | Iterable[PathLike], name: str) -> tuple[Path, ...]:
    """Convert one path or many.

    Raises:
        UsageError: If it is neither.
    """
    paths: tuple[Path, ...] = _fitted(name, tuple[Path, ...], value)
    return paths


def as_texts(value: PathLike | Iterable[PathLike], name: str) -> tuple[str, ...]:
    """Convert one name or many, of files, folders, or hub ids.

    Raises:
        UsageError: If it is neither.
    """
    texts: tuple[str, ...] = _fitted(name, tuple[str, ...], value)
    return texts


def named_model(given: PathLike) -> tuple[str, str]:
    """Split NAME=MODEL into (name, model); without NAME it is the last part of the path.

    The adapter inside a run has the name of the run.

    Raises:
        UsageError: If a part is missing.
    """
    text = os.fspath(given)
    name, equals, model = text.partition("=")
    if equals and not Path(text).exists():
        if not name or not model:
            raise UsageError(f"a model is given as MODEL or NAME=MODEL, got {text!r}")
        return name, model
    path = Path(text)
    name = (path.parent.name if path.name == "adapter" and path.parent.name else path.name) or text
    if not name:
        raise UsageError("a model is given as MODEL or NAME=MODEL, got ''")
    return name, text


@functools.cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _fitted(what: str, hint: Any, value: Any) -> Any:  # noqa: ANN401
    try:
        return _made(hint, value)
    except _Unfit as unfit:
        shown = repr(value)
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
        raise UsageError(f"{what} should be {unfit}, got {shown}") from None


def _made(hint: Any, value: Any) -> Any:  # noqa: ANN401
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _one_of(arguments, value)
    if origin is Literal:
        if value not in arguments or isinstance(value, bool):
            raise _Unfit(_either(list(map(str, arguments))))
        return value
    if origin is tuple:
        return _many(arguments[0], value) if arguments[-1] is ... else _pair(value)
    if origin is not None:
        if not isinstance(value, origin):
            raise _Unfit("a mapping" if issubclass(origin, Mapping) else f"a {origin.__name__}")
        return value
    return _single(hint, value)


def _one_of(arguments: tuple[Any, ...], value: Any) -> Any:  # noqa: ANN401
    if value is None and type(None) in arguments:
        return None
    expected = []
    for argument in arguments:
        try:
            if argument is not type(None):
                return _made(argument, value)
        except _Unfit as unfit:
            expected.append(str(unfit))
    raise _Unfit(_either([*dict.fromkeys(expected), *(["None"] if type(None) in arguments else [])]))


def _either(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _many(hint: Any, value: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Convert one value or many to a tuple. Sets, mappings and bytes are refused."""
    if isinstance(value, str | os.PathLike) or not isinstance(value, Iterable):
        value = (value,)
    if isinstance(value, Mapping | Set | bytes | bytearray):
        raise _Unfit(f"{_called(hint)}, or a list of them")
    try:
        return tuple(_made(hint, one) for one in value)
    except _Unfit:
        raise _Unfit(f"{_called(hint)}, or a list of them") from None


def _called(hint: Any) -> str:  # noqa: ANN401
    if typing.get_origin(hint) is tuple:
        return "a model, or its name and the model"
    try:
        _made(hint, None)
    except _Unfit as unfit:
        return str(unfit)
    raise AssertionError(hint)


def _pair(value: Any) -> _Models:  # noqa: ANN401
    """Convert a model with or without its name."""
    if isinstance(value, str | os.PathLike):
        return named_model(value)
    if isinstance(value, list | tuple) and len(value) == 2:
        name, model = value
        if isinstance(name, str) and isinstance(model, str | os.PathLike):
            return name, os.fspath(model)
    raise _Unfit("a model, or its name and the model")


def _single(hint: type[Any], value: Any) -> Any:  # noqa: ANN401
    if hint in (Path, str):
        if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
            raise _Unfit("a path (text or Path)" if hint is Path else "text")
        return Path(value) if hint is Path else os.fspath(value)
    if hint in _PLAIN:
        wanted, called = _PLAIN[hint]
        if not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool):
            raise _Unfit(called)
        return hint(value)
    if not isinstance(value, hint):
        raise _Unfit(f"a {hint.__name__}")
    return value
