"""Which rows are ranked at all: filters on columns and texts, each with its reason.

    --where EXPR                  rows for which the expression is not true leave
    --min-tokens, --max-tokens    bounds of the response in tokens, as the score table counts them
    --decontaminate FILE          rows that share text with an evaluation set leave (`contamination`)

They come before the ranking, so that a strategy that looks at the whole pool (a median, clusters, a cover) sees only
what may be chosen. De-duplication (`deduplication`) comes after it: which row of a group stays is for the ranking to
say.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from dataselect.errors import UsageError
from dataselect.selection.matching import RESPONSE_TOKENS
from dataselect.selection.where import Where

SOURCE = "source"
Dedup = Literal["exact", "ngram", "semantic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is left out besides what cannot be ranked.

    Attributes:
        where: An expression over columns and `source`; empty for none.
        min_tokens: Least response tokens.
        max_tokens: Most response tokens.
        dedup: Ways of telling that rows say the same, in the order in which they are applied.
        dedup_threshold: Least Jaccard similarity of near-duplicates (`ngram`).
        dedup_cosine: Cosine over which embeddings are nearly the same (`semantic`).
        decontaminate: Files of evaluation sets.
        decontaminate_ngram: Consecutive words that a row may not share with them.
        decontaminate_cosine: Cosine that a row may not exceed to any embedded target; None for no such filter.
    """

    where: str = ""
    min_tokens: int | None = None
    max_tokens: int | None = None
    dedup: tuple[Dedup, ...] = ()
    dedup_threshold: float = 0.8
    dedup_cosine: float = 0.95
    decontaminate: tuple[str, ...] = ()
    decontaminate_ngram: int = 13
    decontaminate_cosine: float | None = None

    def __post_init__(self) -> None:
        if self.where:
            Where(self.where)
        least, most = self.min_tokens or 0, self.max_tokens
        if least < 0 or (most is not None and most < max(1, least)):
            raise UsageError(
                f"no row has at least {least:,} and at most {most} tokens", "--min-tokens 20 --max-tokens 500"
            )
        for method in self.dedup:
            if method not in get_args(Dedup) or self.dedup.count(method) > 1:
                raise UsageError(f"--dedup expects each of {', '.join(get_args(Dedup))} once, got {method!r}")
        if not 0.0 < self.dedup_threshold <= 1.0:
            raise UsageError(f"a Jaccard similarity is over 0 and at most 1, got {self.dedup_threshold}")
        for cosine in (self.dedup_cosine, self.decontaminate_cosine):
            if cosine is not None and not -1.0 <= cosine < 1.0:
                raise UsageError(f"a cosine to exceed is at least -1 and below 1, got {cosine}")
        if self.decontaminate_ngram < 1:
            raise UsageError(f"an n-gram has at least 1 word, got {self.decontaminate_ngram}")

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Columns of score tables by the option that needs them."""
        needed: dict[str, tuple[str, ...]] = {}
        if self.where:
            needed["--where"] = tuple(name for name in Where(self.where).columns if name != SOURCE)
        bounds = {"--min-tokens": self.min_tokens, "--max-tokens": self.max_tokens}
        return needed | {option: (RESPONSE_TOKENS,) for option, bound in bounds.items() if bound is not None}

    @property
    def texts(self) -> str:
        """The option that needs the texts of the pool; empty if none does."""
        if self.decontaminate:
            return "--decontaminate"
        return next((f"--dedup {method}" for method in self.dedup if method != "semantic"), "")

    @property
    def vectors(self) -> str:
        """The option that needs the embeddings of the pool; empty if none does."""
        return "--dedup semantic" if "semantic" in self.dedup else self.targets

    @property
    def targets(self) -> str:
        """The option that needs embedded targets; empty if none does."""
        return "" if self.decontaminate_cosine is None else "--decontaminate-cosine"

    @property
    def described(self) -> dict[str, Any]:
        """The filters that were asked for, as the manifest records them; evaluation sets by name."""
        names = [Path(file).name for file in self.decontaminate]
        thresholds = {"exact": None, "ngram": self.dedup_threshold, "semantic": self.dedup_cosine}
        values = {
            "where": self.where or None,
            "min_tokens": self.min_tokens,
            "max_tokens": self.max_tokens,
            "dedup": {method: thresholds[method] for method in self.dedup} or None,
            "decontaminate": {"files": names, "ngram": self.decontaminate_ngram} if names else None,
            "decontaminate_cosine": self.decontaminate_cosine,
        }
        return {name: value for name, value in values.items() if value is not None}
