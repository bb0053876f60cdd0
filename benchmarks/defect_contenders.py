"""The strategies and filters that `planted_defects.py` judges, and how each is run: by `dataselect.selection.select`.

Every strategy orders the whole pool (a budget of 100 %), and its places are read from the file that explains a
selection row by row. Left out are strategies that need a second model (`excess-loss`, `aligned-likelihood`,
`grape`), or that keep everything (`full`). Where a strategy wants a target, it is the evaluation set whose items were
leaked into the pool: what a user would do who wants to become good at it. The ratings that `deita` wants are those of
the same model, which was not trained to rate.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Contender:
    """A strategy with its options.

    Attributes:
        name: In the tables.
        embeddings: The folder of embeddings that it is given; empty for none.
        target: Whether it is given the target's texts.
        length_control: Whether it ranks within length bins.
        match: The contender whose lengths it follows; run before it.
        rated: Whether it is given the ratings instead of the scores.
    """

    name: str
    strategy: str
    params: Mapping[str, str] = field(default_factory=dict)
    embeddings: str = ""
    target: bool = False
    length_control: bool = False
    match: str = ""
    rated: bool = False


@dataclass(frozen=True, slots=True)
class Sieve:
    """A filter: fields of `dataselect.selection.Filters`. `decontaminate` is filled in with the evaluation set."""

    name: str
    filters: Mapping[str, Any]
    embeddings: str = ""


CONTENDERS = (
    Contender("random", "random"),
    Contender("longest", "longest"),
    Contender("ppl-low", "ppl-low"),
    Contender("ppl-mid", "ppl-mid"),
    Contender("ppl-high", "ppl-high"),
    Contender("bpb (low)", "bpb"),
    Contender("mink", "mink"),
    Contender("shifted-fraction", "shifted-fraction"),
    Contender("ifd-high", "ifd-high"),
    Contender("ifd-high, loss ratio", "ifd-high", {"ratio": "loss"}),
    Contender("ppl-low, length bins", "ppl-low", length_control=True),
    Contender("ifd-high, length bins", "ifd-high", length_control=True),
    Contender("length-matched to ppl-low", "length-matched-random", match="ppl-low"),
    Contender("length-matched to ifd-high", "length-matched-random", match="ifd-high"),
    Contender("rrf of ppl-mid, ifd-high", "rrf", {"of": "ppl-mid,ifd-high"}),
    Contender("similarity", "similarity", embeddings="minilm"),
    Contender("centroid", "centroid", embeddings="minilm"),
    Contender("rds-plus", "rds-plus", embeddings="builtin"),
    Contender("dsir", "dsir", target=True),
    Contender("zip", "zip"),
    Contender("k-center", "k-center", embeddings="minilm"),
    Contender("kmeans", "kmeans", embeddings="minilm"),
    Contender("facility-location", "facility-location", embeddings="minilm"),
    Contender("semdedup", "semdedup", embeddings="minilm"),
    Contender("entropy-loo", "entropy-loo", embeddings="minilm"),
    Contender("deita", "deita", embeddings="minilm", rated=True),
    Contender("column quality", "column", {"name": "quality"}, rated=True),
)

SIEVES = (
    Sieve("--dedup exact", {"dedup": ("exact",)}),
    Sieve("--dedup ngram", {"dedup": ("ngram",)}),
    Sieve("--dedup semantic", {"dedup": ("semantic",)}, "minilm"),
    Sieve("--decontaminate", {"decontaminate": ()}),
    Sieve("--decontaminate-cosine 0.9", {"decontaminate_cosine": 0.9}, "minilm"),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made of one data set before the strategies run.

    Attributes:
        scores: Folder of `score` over the rows of all seeds.
        ratings: The same with `--rating complexity --rating quality`; None where nothing is rated.
        embeddings: Folder of `embed` over the same rows, by name.
        target: The evaluation set as JSONL.
    """

    scores: Path
    ratings: Path | None
    embeddings: Mapping[str, Path]
    target: Path


def contenders(given: Prepared) -> list[Contender]:
    """Those that what was made is enough for."""
    return [one for one in CONTENDERS if given.ratings or not one.rated]


def places(contender: Contender, pool: Path, given: Prepared, seed: int, kept: Path) -> dict[str, float]:
    """The place of each row of a pool; infinity for rows that are not ranked.

    Args:
        pool: The pool's file.
        kept: Folder where selections lie that others follow in length.
    """
    from dataselect.selection import LengthBins, SelectRequest, select

    with tempfile.TemporaryDirectory() as folder:
        followed = any(one.match == contender.name for one in CONTENDERS)
        out = (kept if followed else Path(folder)) / f"{contender.name.replace(' ', '-')}.jsonl"
        out.parent.mkdir(parents=True, exist_ok=True)
        match = {"match": str(kept / f"{contender.match}.jsonl")} if contender.match else {}
        select(
            SelectRequest(
                pools=(str(pool),), strategy=contender.strategy, budget="100%", out=out,
                params={**contender.params, **match},
                scores=(given.ratings if contender.rated and given.ratings else given.scores,),
                embeddings=given.embeddings[contender.embeddings] if contender.embeddings else None, seed=seed,
                length_control=LengthBins() if contender.length_control else None,
                targets=(str(given.target),) if contender.target else (),
            )
        )  # fmt: skip
        explained = _explained(out, "rank")
    return {id_: np.inf if rank is None else float(rank) for id_, rank in explained.items()}


def removed(sieve: Sieve, pool: Path, given: Prepared, seed: int) -> set[str]:
    """The ids that a filter removes from a pool in random order."""
    from dataselect.selection import Filters, SelectRequest, select

    chosen = dict(sieve.filters)
    if "decontaminate" in chosen:
        chosen["decontaminate"] = (str(given.target),)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "kept.jsonl"
        embeddings = given.embeddings[sieve.embeddings] if sieve.embeddings else None
        select(
            SelectRequest(
                (str(pool),), "random", "100%", out, embeddings=embeddings, seed=seed, filters=Filters(**chosen)
            )
        )
        return {id_ for id_, reason in _explained(out, "reason").items() if reason}


def _explained(out: Path, column: str) -> dict[str, Any]:
    """A column of the file that says what became of every row, by id."""
    import pyarrow.parquet as pq

    table = pq.read_table(out.with_name(f"{out.stem}.ranking.parquet"), columns=["id", column])
    return dict(zip(table["id"].to_pylist(), table[column].to_pylist(), strict=True))
