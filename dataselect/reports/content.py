"""What a report is made of, before it is HTML or Markdown: sections of sentences, tables, plots and examples.

Both renderers go through the same sections, so that both say the same. All text is raw: escaping belongs to the
renderer, which alone knows where the text goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what is shown, what it sorts by, and for verdicts a tone: better, worse, fewer, more or none."""

    text: str
    sort: float | str = ""
    tone: str = ""

    @property
    def numeric(self) -> bool:
        """Whether it stands in a column of numbers."""
        return isinstance(self.sort, int | float)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption; `key` is unique in the report."""

    key: str
    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False

    def numeric(self, column: int) -> bool:
        """Whether a column holds numbers."""
        return any(row[column].numeric for row in self.rows)


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: `kind` names the function that draws it from `data`; `description` says in words what it shows.

    The title is empty where the block's own says the same.
    """

    key: str
    kind: str
    title: str
    description: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a verdict: what is shown, the numbers behind it, and the tone of its mark."""

    lead: str
    detail: str
    tone: str

    @property
    def text(self) -> str:
        """The clause in one piece."""
        return f"{self.lead}, {self.detail}" if self.detail else self.lead


@dataclass(frozen=True, slots=True)
class Verdict:
    """One strategy on one task: a clause per budget."""

    strategy: str
    clauses: tuple[Clause, ...]

    @property
    def rest(self) -> str:
        """The sentence without the strategy's name."""
        return f"{'; '.join(c.text for c in self.clauses)}."

    @property
    def sentence(self) -> str:
        """The whole verdict as one sentence."""
        return f"{self.strategy}: {self.rest}"


@dataclass(frozen=True, slots=True)
class Example:
    """One example to read: rank and score in words, its id, and its texts."""

    title: str
    id: str
    prompt: str
    response: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its text, what a pointer on it tells, and its step of surprise from 0; None where it has none."""

    text: str
    hover: str
    step: int | None
    strong: bool


@dataclass(frozen=True, slots=True)
class Coloured:
    """A text whose tokens are coloured; `spaced` where they are no running text."""

    title: str
    id: str
    tokens: tuple[Token, ...]
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a section under one heading: sentences, verdicts, plots, tables with notes, examples, code."""

    title: str = ""
    paragraphs: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    coloured: tuple[Coloured, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a report."""

    key: str
    title: str
    blocks: tuple[Block, ...]


def text(value: object) -> Cell:
    """A cell of words, sorted as words."""
    return Cell(str(value), str(value))


def number(shown: str, value: float | None) -> Cell:
    """A cell of a number; absent ones sort below all."""
    return Cell(shown, float("-inf") if value is None else float(value))
