"""The parts of an experiment that report sections are computed from, each file read once.

A section takes what it needs from here and reads no file of the experiment a second time. Texts are read last, in one
pass, and only for the few examples that a section shows. They come from the pool where it is given, else from the
selections' records; an example that neither holds has no text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from dataselect.comparison.arms import Arm
from dataselect.comparison.controls import WITHOUT_BUDGET
from dataselect.comparison.excerpts import Texts, read_texts
from dataselect.comparison.experiment_folder import ComparisonInputs, ExperimentFolder, FileDigest
from dataselect.comparison.pool_table import PoolTable, read_pool_table
from dataselect.comparison.selections import SelectionRecord, first_seeds, read_selections
from dataselect.pool import PoolReader

NO_KIND = "(none)"
"""The kind of a record that has none, beside others that have one."""


@dataclass(frozen=True, slots=True)
class SectionInputs:
    """The inputs of a comparison, read once.

    Attributes:
        arms: The evaluated runs, seeds of one strategy put together.
        inputs: The folders that are compared.
        files: Digests of all files that the comparison reads.
        pool: The experiment's pool, where it was given.
        table: The score table; None without an experiment or without scores.
        all_selections: All strategies, all seeds.
        texts: Excerpts of the examples that sections show, and the kinds of all examples that were read.
    """

    arms: tuple[Arm, ...]
    inputs: ComparisonInputs
    files: tuple[FileDigest, ...] = ()
    pool: PoolReader | None = None
    table: PoolTable | None = None
    all_selections: tuple[SelectionRecord, ...] = ()
    texts: Texts = field(default_factory=lambda: Texts({}, {}))

    @classmethod
    def read(
        cls, arms: Sequence[Arm], inputs: ComparisonInputs, files: tuple[FileDigest, ...], pool: PoolReader | None
    ) -> Self:
        """Read the score table and the selections; texts are read by `with_texts`.

        Raises:
            ArtifactError: If a part of the experiment is unfinished or malformed.
        """
        folder = inputs.experiment
        if folder is None:
            return cls(tuple(arms), inputs, files)
        selections = tuple(read_selections(folder.selections))
        table = read_pool_table(folder.scores, folder.similarities) if folder.scores else None
        return cls(tuple(arms), inputs, files, pool, table, selections)

    @property
    def experiment(self) -> ExperimentFolder | None:
        """The experiment folder, where one is compared."""
        return self.inputs.experiment

    @property
    def selections(self) -> list[SelectionRecord]:
        """The selections under a budget, all seeds."""
        return [one for one in self.all_selections if one.strategy not in WITHOUT_BUDGET]

    @property
    def first_selections(self) -> list[SelectionRecord]:
        """Of every strategy at every budget, the selection of the lowest seed."""
        return first_seeds(self.selections)

    @property
    def kinds(self) -> list[str] | None:
        """One kind per row of the score table; None where some row's record was never read or no row has a kind."""
        if self.table is None:
            return None
        known = dict(self.texts.kinds)
        for selection in self.all_selections:
            known.update(zip(selection.ids, selection.kinds, strict=True))
        if not any(known.values()) or any(one not in known for one in self.table.ids):
            return None
        return [known[one] or NO_KIND for one in self.table.ids]

    def with_texts(self, wanted: Collection[str]) -> Self:
        """The same with excerpts of the examples of these ids, as far as they can be read."""
        found = read_texts(self.pool, wanted) if self.pool is not None else Texts({}, {})
        for selection in first_seeds(self.all_selections):
            if any(one in wanted and one not in found.excerpts for one in selection.ids):
                reader = PoolReader([str(selection.path)], selection.columns)
                found.excerpts.update(read_texts(reader, wanted).excerpts)
        return replace(self, texts=found)
