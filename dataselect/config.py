"""YAML to dataclasses, strictly: unknown keys are refused, every fault is reported, and all of them together.

The target is a tree of frozen dataclasses; the annotations are the schema, and a field without a default is required.
`__post_init__` of a target may raise `ValueError` or our own errors for rules beyond types. Only what configurations
need is supported: str, int, float, bool, None, Literal, tuples and dicts of these, unions with None, and nested
dataclasses. There is no interpolation and no import path in a configuration: nothing in it can run code.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dataselect.artifacts import read_text
from dataselect.errors import ArtifactError, ConfigError, DataselectError

T = TypeVar("T")


def load_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping.

    Raises:
        ConfigError: If the file is missing, is not YAML, or is not a mapping.
    """
    import yaml

    try:
        loaded = yaml.safe_load(read_text(path, "the configuration"))
    except ArtifactError as error:
        raise ConfigError(error.message, error.hint) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that no calendar has
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path} should hold a mapping of settings, not {type(loaded).__name__}")
    return loaded


def build(target: type[T], values: Mapping[str, Any], origin: str) -> T:
    """Make a `target` dataclass from plain values.

    Args:
        target: A dataclass type.
        values: Nested mappings, lists and scalars, as YAML or the command line gives them.
        origin: Source of the values, for the message.

    Raises:
        ConfigError: With every fault found, each with the path of its key.
    """
    made, faults = build_or_faults(target, values)
    if made is None:
        raise faulty(origin, faults)
    return made


def build_or_faults(target: type[T], values: Mapping[str, Any]) -> tuple[T | None, list[str]]:
    """Make a `target`, or list the faults, each as `key: what is wrong`; one of the two is empty."""
    faults: list[str] = []
    made = _dataclass(target, values, "", faults)
    return (None if faults else typing.cast(T, made)), faults


def faulty(origin: str, faults: Sequence[str]) -> ConfigError:
    """Return the error that lists all faults of one configuration."""
    many = f"{len(faults)} faults" if len(faults) > 1 else "1 fault"
    return ConfigError(f"{origin} has {many}: " + "; ".join(faults))


def _dataclass(target: type[Any], values: object, path: str, faults: list[str]) -> Any:  # noqa: ANN401
    if not isinstance(values, Mapping):
        faults.append(f"{path or 'the whole'}: expected a mapping of settings, got {values!r}")
        return None
    before = len(faults)
    fields = {f.name: f for f in dataclasses.fields(target)}
    hints = typing.get_type_hints(target)
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            faults.append(f"{_join(path, key)}: unknown key" + (f", did you mean {near[0]}?" if near else ""))
    made = {k: _value(hints[k], values[k], _join(path, k), faults) for k in fields if k in values}
    for name, f in fields.items():
        if name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            faults.append(f"{_join(path, name)}: missing")
    if len(faults) > before:
        return None
    try:
        return target(**made)
    except (ValueError, DataselectError) as error:
        faults.append(f"{path}: {error}" if path else str(error))
        return None


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _value(hint: Any, value: Any, path: str, faults: list[str]) -> Any:  # noqa: ANN401
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _value(next(a for a in arguments if a is not type(None)), value, path, faults)
    if origin is typing.Literal:
        return value if value in arguments else _fault(faults, path, f"one of {', '.join(map(str, arguments))}", value)
    if origin is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_value(arguments[0], item, f"{path}[{i}]", faults) for i, item in enumerate(items))
    if origin is dict:
        if not isinstance(value, Mapping):
            return _fault(faults, path, "a mapping", value)
        return {str(k): _value(arguments[1], v, _join(path, k), faults) for k, v in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, value, path, faults)
    return _scalar(hint, value, path, faults)


def _scalar(hint: Any, value: Any, path: str, faults: list[str]) -> Any:  # noqa: ANN401
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str):  # YAML 1.1 reads 1e-4 as text
        try:
            return float(value)
        except ValueError:
            return _fault(faults, path, "a number", value)
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return _fault(faults, path, names.get(hint, str(hint)), value)


def _fault(faults: list[str], path: str, expected: str, value: object) -> None:
    faults.append(f"{path}: expected {expected}, got {value!r}")
