"""Everything that an experiment folder tells beyond its results, gathered in one pass over each file.

Texts are read last and only for the few examples that are shown. They come from the selections' records; examples that
no selection holds have texts and kinds only where the pool itself is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataselect.analysis.coloured_examples import ColouredExample, coloured_examples, coloured_places
from dataselect.analysis.composition import Composition, by_kind, by_source
from dataselect.analysis.controls import WITHOUT_BUDGET
from dataselect.analysis.defects import Defects, defects, read_defects
from dataselect.analysis.distributions import Distribution, distributions
from dataselect.analysis.excerpts import Texts, read_texts
from dataselect.analysis.experiment_folder import ExperimentFolder
from dataselect.analysis.funnels import Funnel, funnels
from dataselect.analysis.layer_changes import layer_changes
from dataselect.analysis.overlap import Overlap, overlaps
from dataselect.analysis.pool_summary import NO_KIND, PoolSummary, summarise_pool
from dataselect.analysis.pool_table import PoolTable, read_pool_table
from dataselect.analysis.selections import Selection, first_seeds, read_selections
from dataselect.analysis.shown_examples import ShownSelection, shown_examples, shown_ids
from dataselect.analysis.similarity import Similarity, sampled_rows, similarity
from dataselect.pool import PoolReader
from dataselect.records import SCORABLE


@dataclass(frozen=True, slots=True)
class Sections:
    """The parts of a report beside the rows; None or empty where the experiment has no data for one."""

    pool: PoolSummary | None = None
    defects: Defects | None = None
    distributions: tuple[Distribution, ...] = ()
    similarity: Similarity | None = None
    overlaps: tuple[Overlap, ...] = ()
    compositions: tuple[Composition, ...] = ()
    funnels: tuple[Funnel, ...] = ()
    layers: dict[str, Any] | None = None
    examples: tuple[ShownSelection, ...] = ()
    coloured: tuple[ColouredExample, ...] = ()


def gather(folder: ExperimentFolder, pool: PoolReader | None) -> Sections:
    """Make every section that the folder has data for.

    Args:
        pool: The pool of the experiment, for the texts and kinds of examples that no selection holds.

    Raises:
        ArtifactError: If a part of the experiment is unfinished or malformed.
    """
    every = read_selections(folder.selections)
    selections = [s for s in every if s.strategy not in WITHOUT_BUDGET]
    table = read_pool_table(folder.scores, folder.similarities) if folder.scores else None
    first = first_seeds(selections)
    texts = _texts(first_seeds(every), table, pool, shown_ids(first))
    kinds = _pool_kinds(table, every, texts) if table else None
    return Sections(
        pool=summarise_pool(table, kinds) if table else None,
        defects=_defects(folder, table, selections),
        distributions=distributions(table, first) if table else (),
        similarity=similarity(table, texts.excerpts) if table else None,
        overlaps=overlaps(first, _scorable(table)),
        compositions=_present(by_kind(first, kinds), by_source(first, _sources(table))),
        funnels=funnels(first),
        layers=layer_changes(folder.layers),
        examples=shown_examples(first, texts.excerpts),
        coloured=_coloured(folder, table, pool),
    )


def _defects(folder: ExperimentFolder, table: PoolTable | None, selections: Sequence[Selection]) -> Defects | None:
    if table is None or folder.known_defects is None:
        return None
    return defects(read_defects(folder.known_defects), table, selections)


def _coloured(
    folder: ExperimentFolder, table: PoolTable | None, pool: PoolReader | None
) -> tuple[ColouredExample, ...]:
    if table is None or pool is None or folder.scores is None:
        return ()
    return coloured_examples(folder.scores.parent, pool, coloured_places(table))


def _sources(table: PoolTable | None) -> dict[str, str]:
    return dict(zip(table.ids, table.sources, strict=True)) if table else {}


def _texts(first: Sequence[Selection], table: PoolTable | None, pool: PoolReader | None, shown: set[str]) -> Texts:
    wanted = shown | ({table.ids[r] for r in sampled_rows(table)} if table else set())
    found = read_texts(pool, wanted) if pool is not None else Texts({}, {})
    for selection in first:
        if any(i in wanted and i not in found.excerpts for i in selection.ids):
            found.excerpts.update(read_texts(PoolReader([str(selection.path)], selection.columns), wanted).excerpts)
    return found


def _pool_kinds(table: PoolTable, selections: Sequence[Selection], texts: Texts) -> list[str] | None:
    """One kind per row of the pool, or None where some row's record was never seen or no row has a kind."""
    known = dict(texts.kinds)
    for selection in selections:
        known.update(zip(selection.ids, selection.kinds, strict=True))
    if not any(known.values()) or any(i not in known for i in table.ids):
        return None
    return [known[i] or NO_KIND for i in table.ids]


def _scorable(table: PoolTable | None) -> int | None:
    return None if table is None else sum(status in SCORABLE for status in table.statuses)


def _present(*found: Composition | None) -> tuple[Composition, ...]:
    return tuple(c for c in found if c is not None and len(c.names) > 1)
