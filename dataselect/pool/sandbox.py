"""Untrusted Jinja templates, compiled so that no rendering exceeds a budget of steps, text and time.

Jinja's sandbox keeps a template away from the machine, not from its time: `'x' * 10 ** 10`, nested loops, a recursive
macro or lists that contain each other twice all end in a hang or without memory. So the work of a template is counted
where it is done: the Python code that Jinja makes of it counts a step in every pass of a loop and every call of a
macro, and every operation whose result can be far larger than its operands is measured first (operators, methods,
filters, list displays). Then each single operation is short, and a clock that is checked between operations ends a
rendering that takes too long in total. Nothing here depends on signals, threads or processes: limits hold wherever a
template is rendered.

    steps      1,000,000 passes of loops, calls of macros and items of lists
    one text   20,000,000 characters
    all texts  500,000,000 characters made in one rendering
    time       20 s of the rendering thread's own processor time, so that a busy machine changes no result

Left out: the size of the template itself, which is in memory once the file is read.
"""

from __future__ import annotations

import ast
import functools
import re
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

from dataselect.errors import DataselectError, RenderError

STEPS = 1_000_000
LARGEST = 20_000_000
ALL = 500_000_000
SECONDS = 20.0

NOW = "strftime_now"
"""The function that templates call for the time: a format in, text out."""

_LOOK = 1024
"""Steps between two checks of the clock."""
_SHORT, _LONG = 1_000, 100_000
"""A text up to the first is not counted; after one over the second the clock is checked."""
_WIDE = re.compile(r"\d{6}|\*")
"""A width in a format that is larger than any sensible one."""
_BITS = 4096
_NUMBER = 100_000
"""The largest number that a filter or method of text may be given."""
_MULTIPLIES = frozenset({"indent", "wordwrap", "join", "replace", "tojson", "xmlattr"})
_ITEMS_OF_TEXT = frozenset({"list", "sort", "unique", "batch", "slice", "groupby", "join", "map", "select", "reject"})
_LAZY = frozenset(
    {"length", "count", "first", "last", "map", "select", "reject", "selectattr", "rejectattr", "default"}
)


class RenderLimitError(RenderError):
    """A rendering that exceeded its budget."""


class RenderBudget:
    """The remaining budget of the current rendering; as a context manager, the full budget of a new one.

    Two threads that render with one template take turns.
    """

    __slots__ = ("_characters", "_lock", "_steps", "_until")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps, self._characters, self._until = STEPS, ALL, 0.0

    def __enter__(self) -> RenderBudget:
        self._lock.acquire()
        self._steps, self._characters, self._until = STEPS, ALL, 0.0
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def step(self) -> None:
        """Count a pass of a loop or a call."""
        self._steps = left = self._steps - 1
        if not left % _LOOK:
            self._look()

    def count(self, items: int) -> None:
        """Count items of a list as steps."""
        self._steps -= items
        self._look()

    def text(self, length: int) -> None:
        """Count characters of a text."""
        if length > LARGEST:
            raise RenderLimitError(f"it makes a text of more than {LARGEST:,} characters")
        self._characters -= length
        if self._characters < 0:
            raise RenderLimitError(f"it makes more than {ALL:,} characters in all")
        if length > _LONG:
            self._look()

    def made(self, value: Any) -> Any:  # noqa: ANN401 - any value of a template
        """Count a value with everything in it, as often as it occurs."""
        if value.__class__ is str:
            if len(value) > _SHORT:
                self.text(len(value))
        elif isinstance(value, list | tuple | dict | set | frozenset):
            self.text(self.length(value))
        return value

    def length(self, value: Any) -> int:  # noqa: ANN401
        """Characters of a text, or items of a container and characters of all texts in it; items count as steps."""
        if isinstance(value, str | bytes):
            return len(value)
        length, todo = 0, [value]
        while todo:
            one = todo.pop()
            if isinstance(one, str | bytes):
                length += len(one)
            elif isinstance(one, list | tuple | set | frozenset | range | Mapping):
                self.count(len(one))
                length += len(one)
                if isinstance(one, Mapping):
                    todo += one.values()
                if not isinstance(one, range):
                    todo += one
        return length

    def shown(self, value: object) -> str:
        """A value as text."""
        return value if value.__class__ is str else str(self.made(value))

    def joined(self, values: Iterable[object]) -> str:
        """Values as one text."""
        parts = [value if value.__class__ is str else self.shown(value) for value in values]
        length = sum(map(len, parts))
        if length > _SHORT:
            self.text(length)
        return "".join(parts)

    def _look(self) -> None:
        if self._steps <= 0:
            raise RenderLimitError(f"it takes more than {STEPS:,} steps")
        now = time.thread_time()
        self._until = self._until or now + SECONDS
        if now > self._until:
            raise RenderLimitError(f"it takes more than {SECONDS:.0f} s")


def limited_template(source: str, now: datetime | None = None) -> Any:  # noqa: ANN401 - a jinja2.Template
    """A chat template as transformers compiles it, with limits.

    Args:
        now: What its `strftime_now` takes for the time; None for the clock's.

    Returns:
        The template. Its `meter` is to be entered around each rendering; `render` does that by itself. `dated` says
        whether it asks for the time.

    Raises:
        jinja2.TemplateError, SyntaxError, RecursionError, MemoryError: If it cannot be compiled.
    """
    from jinja2 import nodes

    meter = RenderBudget()
    environment = _environment(meter)
    if now is not None:
        environment.globals[NOW] = now.strftime
    with meter:
        tree = ast.parse(environment.compile(source, raw=True))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            _Counting().visit(node)
    namespace: dict[str, Any] = {"environment": environment, "__file__": "<template>"}
    exec(compile(ast.fix_missing_locations(tree), "<template>", "exec"), namespace)
    namespace |= {"_step": meter.step, "_made": meter.made, "str": meter.shown}
    namespace |= {"str_join": meter.joined, "markup_join": meter.joined}
    made = _template_class()._from_namespace(environment, namespace, environment.make_globals(None))
    made.meter = meter
    made.dated = any(name.name == NOW for name in environment.parse(source).find_all(nodes.Name))
    return made


@contextmanager
def limited_chat_templates(name: str, now: datetime) -> Iterator[None]:
    """Inside, transformers' own `apply_chat_template` renders with the same limits.

    Args:
        name: What the template is called in the error.
        now: What `strftime_now` takes for the time.

    Raises:
        DataselectError: If a rendering exceeds its budget.
    """
    from transformers.utils import chat_template_utils

    theirs = chat_template_utils._compile_jinja_template
    _sandbox()
    chat_template_utils._compile_jinja_template = functools.lru_cache(functools.partial(limited_template, now=now))
    try:
        yield
    except RenderLimitError as error:
        raise DataselectError(f"the template {name} cannot be used: {error.message}", "use another template") from None
    finally:
        chat_template_utils._compile_jinja_template = theirs


@functools.cache
def _template_class() -> Any:  # noqa: ANN401
    from jinja2 import Template

    class LimitedTemplate(Template):
        """A template that gives every rendering its own budget."""

        meter: RenderBudget
        dated: bool

        def render(self, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401
            with self.meter:
                return super().render(*args, **kwargs)

    return LimitedTemplate


@functools.cache
def _sandbox() -> Any:  # noqa: ANN401
    """The environment in which transformers compiles templates."""
    from transformers.utils.chat_template_utils import _compile_jinja_template

    return _compile_jinja_template("").environment


def _environment(meter: RenderBudget) -> Any:  # noqa: ANN401
    """The sandbox of transformers, with operations that can make large results measured first."""
    environment = _sandbox().overlay()
    guard = _Guard(meter, environment.call)
    environment.intercepted_binops = frozenset({"+", "*", "**", "%"})
    environment.call_binop = guard.binary
    environment.call = guard.call
    environment.concat = meter.joined
    environment.filters = {name: guard.measured(name, one) for name, one in environment.filters.items()}
    environment.globals = {name: one for name, one in environment.globals.items() if name != "lipsum"}
    return environment


class _Counting(ast.NodeTransformer):
    """Puts a step into every loop and function of the code, and measures lists that hold variables."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._stepping(node)

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._stepping(node)

    def visit_List(self, node: ast.List) -> ast.AST:
        return self._measured(node, node.elts) if isinstance(node.ctx, ast.Load) else node

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        return self._measured(node, node.elts) if isinstance(node.ctx, ast.Load) else node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        return self._measured(node, node.values)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave the arguments of a join to the join, which measures them."""
        if isinstance(node.func, ast.Name) and node.func.id in ("str_join", "markup_join"):
            (given,) = node.args
            self.generic_visit(given)
            return node
        return self.generic_visit(node)

    def _stepping(self, node: Any) -> ast.AST:  # noqa: ANN401
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(ast.Call(ast.Name("_step", ast.Load()), [], [])))
        return node  # type: ignore[no-any-return]

    def _measured(self, node: ast.AST, parts: Iterable[ast.AST]) -> ast.AST:
        plain = all(isinstance(part, ast.Constant) for part in parts)
        self.generic_visit(node)
        return node if plain else ast.Call(ast.Name("_made", ast.Load()), [node], [])  # type: ignore[list-item]


class _Guard:
    """Operators, calls and filters that measure their result before they compute it."""

    def __init__(self, meter: RenderBudget, call: Callable[..., Any]) -> None:
        self._meter, self._theirs = meter, call

    def binary(self, _: object, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        """An operation on two values."""
        if operator == "+":
            made = left + right
            return made if made.__class__ is str and len(made) <= _SHORT else self._meter.made(made)
        if operator == "*":
            self._measure_product(left, right)
            return self._meter.made(left * right)
        if operator == "**":
            if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _BITS:
                raise RenderLimitError(f"it makes a number of more than {_BITS:,} bits")
            return left**right
        _check_format_width(left)
        return self._meter.made(left % right)

    def _measure_product(self, left: Any, right: Any) -> None:  # noqa: ANN401
        for one, other in ((left, right), (right, left)):
            if isinstance(other, int):
                if isinstance(one, str | bytes):
                    self._meter.text(len(one) * max(0, other))
                elif isinstance(one, list | tuple):
                    self._meter.count(len(one) * max(0, other))
                elif isinstance(one, int) and one.bit_length() + other.bit_length() > _BITS:
                    raise RenderLimitError(f"it makes a number of more than {_BITS:,} bits")

    def call(self, context: Any, called: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Call something. Macros count their own steps; methods of text and numbers are measured first."""
        if isinstance(called, types.BuiltinMethodType):
            if called.__name__ == "join" and args and isinstance(args[0], Iterator):
                args = (list(islice(args[0], STEPS)),)
            self._measure_method(called, args, kwargs)
        elif hasattr(called, "__wrapped__"):  # Jinja's own `format` of a text
            _check_format_width(getattr(called.__wrapped__, "__self__", ""))
            _largest_argument(args)
        return self._meter.made(self._theirs(context, called, *args, **kwargs))

    def _measure_method(self, called: types.BuiltinMethodType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        own: Any = called.__self__
        name = called.__name__
        if name == "replace" and len(args) > 1 and all(type(one) is type(own) for one in args[:2]):
            self._meter.text(len(own) + own.count(args[0]) * len(args[1]))
        elif name == "join" and args and isinstance(own, str | bytes):
            self._meter.text(self._meter.length(args[0]) * max(1, len(own)))
        elif name == "translate" and args and isinstance(args[0], Mapping) and isinstance(own, str):
            self._meter.text(len(own) * _largest_argument(args[0].values()))
        elif name == "expandtabs" and isinstance(own, str | bytes):
            self._meter.text(len(own) * _largest_argument((*args, *kwargs.values())))
        elif name in ("center", "ljust", "rjust", "zfill") or isinstance(own, int):
            _largest_argument((*args, *kwargs.values()))

    def measured(self, name: str, one: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a filter so that it measures its arguments and its result."""
        passed = 1 if hasattr(one, "jinja_pass_arg") else 0
        lazy, by_items, multiplies = name in _LAZY, name in _ITEMS_OF_TEXT, name in _MULTIPLIES
        meter = self._meter

        @functools.wraps(one)
        def filtered(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            value = args[passed] if len(args) > passed else ""
            if value.__class__ is not str:
                if not lazy:
                    meter.made(value)
            elif by_items:
                meter.count(len(value))
            if kwargs or len(args) > passed + 1:
                others = (*args[passed + 1 :], *kwargs.values())
                most = _largest_argument(others)
                if multiplies:
                    if isinstance(value, Iterator):
                        value = list(islice(value, STEPS))
                        args = (*args[:passed], value, *args[passed + 1 :])
                    meter.text(meter.length(value) * most)
                if name == "sum" and any(not isinstance(start, int | float | str) for start in others):
                    raise RenderLimitError("it sums values that are not numbers")
                if name == "format":
                    _check_format_width(value)
            return meter.made(one(*args, **kwargs))

        return filtered


def _check_format_width(form: object) -> None:
    """Refuse a format with a width that is larger than any sensible one."""
    if isinstance(form, str) and _WIDE.search(form):
        raise RenderLimitError(f"it formats to a width of {_NUMBER:,} or more")


def _largest_argument(values: Iterable[object]) -> int:
    """The largest number or length of text among arguments, at least 1.

    Raises:
        RenderLimitError: If a number is larger than any text is wide.
    """
    most = 1
    for value in values:
        if isinstance(value, int):
            if value > _NUMBER:
                raise RenderLimitError(f"it asks for {value:,} places, over {_NUMBER:,}")
            most = max(most, value)
        elif isinstance(value, str):
            most = max(most, len(value))
        elif isinstance(value, tuple | list):
            most = max(most, *(len(one) for one in value if isinstance(one, str)), 1)
    return most
