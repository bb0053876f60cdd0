"""The content of a report, before it is HTML or Markdown: sections of sentences, tables, plots and examples.

Both renderers go through the same sections, so that both say the same. All text is raw: the
renderers escape it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from dataselect.comparison.section_inputs import SectionInputs
from dataselect.reports.forest import Forest


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell: what is shown, what it sorts by, and for verdicts a tone: better, worse, fewer, more or none."""

    text: str
    sort: float | str = ""
    tone: str = ""

    @property
    def numeric(self) -> bool:
        """True for a number."""
        return isinstance(self.sort, int | float)


Column = tuple[str, Callable[[Any], TableCell]]
"""A header, and what makes the cell of a row."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption; `key` is unique in the report."""

    key: str
    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    folded: bool = False

    @classmethod
    def of(
        cls, key: str, caption: str, rows: Iterable[Any], columns: Sequence[Column], *, folded: bool = False
    ) -> Self:
        """A table with one row per item of `rows` and the given columns."""
        headers = tuple(header for header, _ in columns)
        return cls(key, caption, headers, tuple(tuple(make(row) for _, make in columns) for row in rows), folded)

    def numeric(self, column: int) -> bool:
        """True if a column holds numbers."""
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
    """One part of a verdict: its words, its numbers, and the tone of its mark."""

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
class ExampleCard:
    """One example to read: rank and score in words, its id, and its texts."""

    title: str
    id: str
    prompt: str
    response: str


@dataclass(frozen=True, slots=True)
class ColouredToken:
    """A token: its text, the text on hovering, and its step of likelihood from 0; None where it was not scored."""

    text: str
    hover: str
    step: int | None
    strong: bool


@dataclass(frozen=True, slots=True)
class ColouredText:
    """A text whose tokens are coloured; `spaced` puts space between them."""

    title: str
    id: str
    tokens: tuple[ColouredToken, ...]
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
    examples: tuple[ExampleCard, ...] = ()
    coloured: tuple[ColouredText, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a report."""

    key: str
    title: str
    blocks: tuple[Block, ...]


Fact = tuple[str, tuple[str, ...]]
"""A title and its lines."""


@dataclass(frozen=True, slots=True)
class FirstScreen:
    """What a reader meets first: a sentence for each task, figures that need no script, and a few facts."""

    headlines: tuple[str, ...]
    forests: tuple[Forest, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A report ready to be rendered; all text in it is raw.

    Attributes:
        made_from: Name of the file that holds its numbers.
        drawings: Scripts beside `plots.js` that draw further kinds of plots.
        first: What stands above the sections, which are folded then.
    """

    title: str
    lede: str
    sections: tuple[Section, ...]
    made_from: str
    drawings: tuple[str, ...] = ()
    first: FirstScreen | None = None

    @property
    def plots(self) -> list[Plot]:
        """All plots, in order."""
        return [plot for section in self.sections for block in section.blocks for plot in block.plots]


@dataclass(frozen=True, slots=True)
class ReportSection:
    """One section of the report of a comparison: what is computed for it, and how that is shown.

    Attributes:
        key: Of its data in `comparison.json`.
        data: Computes its data: a dataclass, a tuple of them, or a dict; None or empty where the inputs have none.
        view: Arranges the data, as `comparison.json` holds them.
        shows: Ids of the examples whose texts it needs.
        drawings: Scripts beside `plots.js` that draw its plots.
    """

    key: str
    data: Callable[[SectionInputs], Any]
    view: Callable[[Any], Section]
    shows: Callable[[SectionInputs], Collection[str]] = lambda _: ()
    drawings: tuple[str, ...] = ()


def text(value: object) -> TableCell:
    """A cell of words, sorted as words."""
    return TableCell(str(value), str(value))


def number(shown: str, value: float | None) -> TableCell:
    """A cell of a number; absent ones sort below all."""
    return TableCell(shown, float("-inf") if value is None else float(value))


def cell(value: float | None, write: Callable[[Any], str]) -> TableCell:
    """A cell of a number as `write` formats it; absent ones sort below all."""
    return number(write(value), value)
