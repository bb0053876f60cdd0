"""`--where`: keep the rows for which an expression over columns holds. Parsed, never evaluated as code.

The language is that of comparisons: `response_tokens > 20 and ppl < 50`, `source in ("gsm8k.jsonl", "lima.json")`,
`not (ifd >= 1 or bits_per_byte > 3)`, `nll_difference.tuned / response_tokens > 0.5`. Names are columns of the score
tables, of numbers or of texts, and `source`. Missing values follow SQL: a comparison with one is neither true nor
false, `not` keeps it so, and a row is kept only where the whole is true. Nothing is called, indexed or assigned.

Python's own parser reads the text; each kind of node that is allowed is computed here, on whole columns. Whether a
column holds texts is known only when it is read, so that a comparison of the wrong kind is refused then. Left out:
functions, True and False, and any comparison of text but equality and membership.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import UsageError
from dataselect.registry import unknown

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_HINT = 'such as --where "response_tokens > 20 and ppl < 50"'


@dataclass(frozen=True, slots=True)
class _Values:
    """Numbers or texts, one per row or one for all, and whether each is known.

    Attributes:
        text: Whether they are texts; None for a column that is not read yet.
    """

    values: Any
    known: Any
    text: bool | None


@dataclass(frozen=True, slots=True)
class _Truth:
    """Rows for which something is true, and for which it is false; where neither, a value was missing."""

    true: Any
    false: Any


class Where:
    """A parsed expression.

    Args:
        text: The expression.

    Raises:
        UsageError: If it is not one of this language.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise UsageError(f"--where cannot be read: {text!r}", _HINT) from None
        self.columns = tuple(
            sorted({name for node in ast.walk(self._tree) if (name := _name(node))} - _inside(self._tree))
        )
        self._truth(self._tree, {})

    def holds(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Mark the rows for which the expression is true.

        Args:
            columns: name -> (n,) float64 with NaN where a value is missing, or (n,) objects, text with None where it
                is missing. All of one length.

        Raises:
            UsageError: If a column that it names is missing, or does not hold what it is compared with.
        """
        for name in self.columns:
            if name not in columns:
                raise unknown("column in --where", name, columns)
        n = len(next(iter(columns.values())))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.broadcast_to(np.asarray(self._truth(self._tree, columns).true, bool), n).copy()

    def _truth(self, node: ast.expr, columns: Mapping[str, NDArray[Any]]) -> _Truth:
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(value, columns) for value in node.values]
            true, false = [p.true for p in parts], [p.false for p in parts]
            if isinstance(node.op, ast.And):
                return _Truth(_fold(np.logical_and, true), _fold(np.logical_or, false))
            return _Truth(_fold(np.logical_or, true), _fold(np.logical_and, false))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._truth(node.operand, columns)
            return _Truth(inner.false, inner.true)
        if isinstance(node, ast.Compare):
            return self._compare(node, columns)
        raise UsageError(f"--where expects comparisons, got {ast.unparse(node)!r}", _HINT)

    def _compare(self, node: ast.Compare, columns: Mapping[str, NDArray[Any]]) -> _Truth:
        truth = _Truth(True, False)
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            one = self._one(left, op, right, columns)
            truth = _Truth(np.logical_and(truth.true, one.true), np.logical_or(truth.false, one.false))
            left = right
        return truth

    def _one(self, left: ast.expr, op: ast.cmpop, right: ast.expr, columns: Mapping[str, NDArray[Any]]) -> _Truth:
        a = self._values(left, columns)
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
                raise UsageError(f"--where: `in` expects a list in brackets, got {ast.unparse(right)!r}", _HINT)
            each = [_compared(operator.eq, a, self._values(item, columns), left) for item in right.elts]
            found = _Truth(_fold(np.logical_or, [e.true for e in each]), _fold(np.logical_and, [e.false for e in each]))
            return found if isinstance(op, ast.In) else _Truth(found.false, found.true)
        if type(op) not in _COMPARE:
            raise UsageError("--where supports < <= > >= == != and in", _HINT)
        b = self._values(right, columns)
        if (a.text or b.text) and not isinstance(op, ast.Eq | ast.NotEq):
            raise UsageError(f"--where: text is compared with == and in only, in {ast.unparse(left)!r}")
        return _compared(_COMPARE[type(op)], a, b, left)

    def _values(self, node: ast.expr, columns: Mapping[str, NDArray[Any]]) -> _Values:
        name = _name(node)
        if name:
            return _column(columns[name]) if columns else _Values(None, None, None)
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | None):
            raise UsageError(f"--where compares with numbers and texts, not with {node.value}", _HINT)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
            return _Values(node.value, True, isinstance(node.value, str))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _arithmetic(operator.sub, _Values(0.0, True, False), self._values(node.operand, columns))
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return _arithmetic(
                _ARITHMETIC[type(node.op)], self._values(node.left, columns), self._values(node.right, columns)
            )
        raise UsageError(f"--where does not support {ast.unparse(node)!r}", _HINT)


def _name(node: ast.AST) -> str:
    """Return the column that a node names, dots included; empty if it names none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _name(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _inside(tree: ast.AST) -> set[str]:
    """Return names that are only the first part of a dotted one: `ppl` in `ppl.tuned`, unless it stands alone too."""
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    within: set[str] = set()
    alone: set[str] = set()
    for node in ast.walk(tree):
        if name := _name(node):
            (within if isinstance(parents.get(id(node)), ast.Attribute) else alone).add(name)
    return within - alone


def _column(values: NDArray[Any]) -> _Values:
    if values.dtype.kind in "fiu":
        return _Values(values, ~np.isnan(values), False)
    return _Values(values, np.array([value is not None for value in values.tolist()], bool), True)


def _compared(compare: Callable[[Any, Any], Any], a: _Values, b: _Values, left: ast.expr) -> _Truth:
    if a.text is None or b.text is None:
        return _Truth(False, False)
    if a.text != b.text:
        one, other = ("text", "a number") if a.text else ("numbers", "a text")
        raise UsageError(f"--where compares {ast.unparse(left)}, which is {one}, with {other}", _HINT)
    known = np.logical_and(a.known, b.known)
    result = compare(np.asarray(a.values), np.asarray(b.values))
    return _Truth(np.logical_and(known, result), np.logical_and(known, np.logical_not(result)))


def _arithmetic(compute: Callable[[Any, Any], Any], a: _Values, b: _Values) -> _Values:
    if a.text or b.text:
        raise UsageError("--where computes with numbers only", _HINT)
    if a.text is None or b.text is None:
        return _Values(None, None, None)
    values = compute(np.asarray(a.values, np.float64), np.asarray(b.values, np.float64))
    return _Values(values, np.logical_and(np.logical_and(a.known, b.known), np.isfinite(values)), False)


def _fold(combine: Callable[[Any, Any], Any], parts: list[Any]) -> Any:  # noqa: ANN401 - bool or array
    result = parts[0]
    for part in parts[1:]:
        result = combine(result, part)
    return result
