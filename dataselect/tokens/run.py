"""The token view: stored sidecars in, `tokens.json` and a page out. Runs no model; a tokenizer gives tokens their text.

A base model alone shows where the responses of the scored file differ from what it would have written. With the sidecar
of a tuned model over the same file, the view shows what training changed at each of these positions.

URIAL's numbers are about responses that the tuned model wrote itself, greedily: let it answer the prompts first, score
that file with the base and `--tokens`, and view that. On SFT data the same view shows how far the data is from the
base. The stored numbers do not give the divergence between whole distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.arguments import checked
from dataselect.artifacts import read_json
from dataselect.comparison.excerpts import printable_values
from dataselect.errors import ArtifactError, DataselectError, UsageError
from dataselect.library_errors import user_errors
from dataselect.models import resolve_model
from dataselect.pool.tokenizer import load_tokenizer, tokenizer_digest
from dataselect.reports.html import render_html
from dataselect.reports.tokens_page import CATEGORIES, tokens_report
from dataselect.stage import FinishedStage, StageDirectory, recorded_options, run_stage
from dataselect.tokens.shifts import PositionTable, TokenTable, categories
from dataselect.tokens.sidecar import RowCounts, Sidecar, aligned

TOKENS, PAGE = "tokens.json", "tokens.html"
MIN_COUNT, TOP = 20, 20

DEFINITIONS = {
    "unshifted": "the base ranks the token first (URIAL, arXiv 2312.01552)",
    "marginal": "the base ranks it second or third",
    "shifted": "the base ranks it below",
    "position": "of the scored response tokens of an example, from 1, all its assistant turns together",
    "interval": "95 %, over examples",
    "change": "log p_tuned - log p_base of the token at this position, in nats",
}


@dataclass(frozen=True, slots=True)
class TokensRequest:
    """The sidecars to describe.

    Attributes:
        base: Folder of `dataselect score --tokens` under the base model.
        out: The stage directory.
        tuned: The same pool under a tuned model; None for the base alone.
        reference: Instead of `tuned`: name of a further model of the scoring run `base`.
        min_count: Fewest occurrences of a token in the lists by share and by change.
        top: Tokens in each list.
        overwrite: Remove this stage's own files first.
    """

    base: Path
    out: Path
    tuned: Path | None = None
    reference: str | None = None
    min_count: int = MIN_COUNT
    top: int = TOP
    overwrite: bool = False

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True)
class TokensSummary:
    """The result of a token view.

    Attributes:
        document: The content of `tokens.json`.
        fresh: False if the directory was finished already and nothing was done.
    """

    out: Path
    document: Mapping[str, Any]
    fresh: bool


@user_errors()
def tokens(request: TokensRequest) -> TokensSummary:
    """Describe the response tokens of stored sidecars, into a stage directory.

    Raises:
        UsageError: If the tuned model is named twice, or is the base.
        DataselectError: If a folder holds no sidecar with ranks, or no row can be compared.
    """
    return run_stage(TokenView(request), request.out, request.overwrite)


class TokenView:
    """`dataselect tokens`: the sidecars that a request names."""

    name = "tokens"

    def __init__(self, request: TokensRequest) -> None:
        if request.tuned is not None and request.reference is not None:
            raise UsageError("a second folder and --reference both name the tuned model", "give one of them")
        self._request = request
        self._base = Sidecar.open(request.base)
        self._tuned = None
        if request.tuned is not None or request.reference is not None:
            self._tuned = Sidecar.open(request.tuned or request.base, request.reference)
        if self._tuned is not None and self._tuned.files == self._base.files:
            raise UsageError(f"base and tuned are both {request.base}", "give the scores of another model")

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the numbers depend on."""
        return {
            "base": self._base.content,
            "tuned": self._tuned.content if self._tuned else None,
            "tokenizer": self._base.tokenizer,
            "min_count": self._request.min_count,
            "top": self._request.top,
        }

    @property
    def options(self) -> Mapping[str, Any]:
        """All options."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Write `tokens.json` and the page."""
        directory.write_json(TOKENS, self._document())
        directory.write_text(PAGE, render_html(tokens_report(read_json(directory.path / TOKENS))))
        return {
            "stage": "tokens",
            "base": str(self._request.base),
            "tuned": str(self._request.tuned or self._request.reference or ""),
            "seed": None,
            "wall_seconds": directory.wall_seconds,
        }

    def result(self, finished: FinishedStage, fresh: bool) -> TokensSummary:
        """Read the numbers from `tokens.json`."""
        return TokensSummary(finished.path, read_json(finished.file(TOKENS)), fresh)

    def _document(self) -> dict[str, Any]:
        base, tuned = self._base, self._tuned
        two = tuned is not None
        counts, positions, vocabulary = RowCounts(), PositionTable(two), TokenTable(two)
        transitions = np.zeros((3, 3), np.int64)
        for row in aligned(base, tuned, counts):
            positions.add(row)
            vocabulary.add(row)
            if row.tuned is not None:
                cells = categories(row.base.rank) * 3 + categories(row.tuned.rank)
                transitions += np.bincount(cells, minlength=9).reshape(3, 3)
        if not counts.compared:
            raise _nothing_compared(base, tuned, counts)
        text, known = _token_texts(base)
        plain: dict[str, Any] = printable_values(
            {
                "kind": "tokens",
                "base": base.name,
                "tuned": None if tuned is None else tuned.name,
                "rows": asdict(counts),
                "whole": asdict(positions.whole()),
                "positions": [asdict(one) for one in positions.bins()],
                "transitions": {"categories": CATEGORIES, "counts": transitions.tolist()} if two else None,
                "tokens": asdict(vocabulary.lists(self._request.min_count, self._request.top, text)),
                "min_count": self._request.min_count,
                "token_texts": known,
                "definitions": DEFINITIONS,
            }
        )
        return plain


def _nothing_compared(base: Sidecar, tuned: Sidecar | None, counts: RowCounts) -> ArtifactError:
    reasons = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in asdict(counts).items() if n)
    if tuned is not None and counts.different_tokens:
        other = " (their tokenizers differ)" if tuned.tokenizer != base.tokenizer else ""
        hint = f"both models must split the same responses into the same tokens{other}"
    else:
        hint = "score one pool with both models, with --tokens" if tuned else "score a pool with responses"
    return ArtifactError(f"no row of {base.directory} can be compared: {reasons or 'no rows'}", hint)


def _token_texts(base: Sidecar) -> tuple[Callable[[int], str], bool]:
    """A function from token id to what is shown, and whether that is text: only with the scoring model's tokenizer."""

    def numbered(token: int) -> str:
        return f"token {token}"

    try:
        tokenizer = load_tokenizer(resolve_model(base.model))
    except DataselectError:
        return numbered, False
    if tokenizer_digest(tokenizer) != base.tokenizer:
        return numbered, False

    def decoded(token: int) -> str:
        text = str(tokenizer.decode([token]))
        if text and "\N{REPLACEMENT CHARACTER}" not in text:
            return repr(text)
        return str(tokenizer.convert_ids_to_tokens(token))

    return decoded, True
