"""The token view: stored sidecars in, `tokens.json` and a page out. Runs no model; a tokenizer gives tokens their text.

A base model alone says where the responses of the scored file depart from what it would have written. With the sidecar
of a tuned model over the same file, what training did at each of these places.

URIAL's numbers are about responses that the tuned model wrote itself, greedily: let it answer the prompts first, score
that file with the base and `--tokens`, and look at that. On SFT data the same view says how far the data is from the
base. What the stored numbers cannot give is the divergence between whole distributions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from dataselect.analysis.printable import printable_values
from dataselect.artifacts import StageDirectory, read_json, write_json
from dataselect.bundled.resolve import resolve_model
from dataselect.errors import ArtifactError, DataselectError, UsageError
from dataselect.pool.tokenizer import load_tokenizer, tokenizer_digest
from dataselect.provenance import environment
from dataselect.reports.html import check_html
from dataselect.reports.tokens_page import write_tokens_html
from dataselect.tokens.positions import Positions
from dataselect.tokens.request import TokensRequest, TokensSummary
from dataselect.tokens.shares import CATEGORIES, categories
from dataselect.tokens.sidecar import RowCounts, Sidecar, aligned
from dataselect.tokens.vocabulary import Vocabulary

TOKENS, PAGE = "tokens.json", "tokens.html"

DEFINITIONS = {
    "unshifted": "the base ranks the token first (URIAL, arXiv 2312.01552)",
    "marginal": "the base ranks it second or third",
    "shifted": "the base ranks it below",
    "position": "of the scored response tokens of an example, from 1, all its assistant turns together",
    "interval": "95 %, over examples",
    "change": "log p_tuned - log p_base of the token that stands there, in nats",
}


def tokens(request: TokensRequest) -> TokensSummary:
    """Describe the response tokens of stored sidecars, into a stage directory.

    Raises:
        UsageError: If both or none of two ways to name the tuned model fit.
        DataselectError: If a folder holds no sidecar with ranks, or no row can be compared.
    """
    check_html()
    if request.tuned is not None and request.reference is not None:
        raise UsageError("a second folder and --reference both name the tuned model", "give one of them")
    base = Sidecar.open(request.base)
    tuned = None
    if request.tuned is not None:
        tuned = Sidecar.open(request.tuned)
    elif request.reference is not None:
        tuned = Sidecar.open(request.base, request.reference)
    if tuned is not None and tuned.files == base.files:
        raise UsageError(f"both are {request.base}", "give the scores of another model")
    fingerprint = {
        "base": base.content, "tuned": tuned.content if tuned else None, "min_count": request.min_count,
        "top": request.top,
    }  # fmt: skip
    with StageDirectory(request.out, fingerprint, request.options(), (TOKENS, PAGE), request.overwrite) as stage:
        fresh = not stage.finished
        if fresh:
            began = time.perf_counter()
            write_json(request.out / TOKENS, _work(request, base, tuned))
            write_tokens_html(read_json(request.out / TOKENS), request.out / PAGE)
            stage.finish(
                {"stage": "tokens", "base": str(request.base), "tuned": str(request.tuned or request.reference or ""),
                 "seed": None, "wall_seconds": round(time.perf_counter() - began, 3), "environment": environment()}
            )  # fmt: skip
        return TokensSummary(request.out, read_json(request.out / TOKENS), fresh)


def _work(request: TokensRequest, base: Sidecar, tuned: Sidecar | None) -> dict[str, Any]:
    two = tuned is not None
    counts, positions, vocabulary = RowCounts(), Positions(two), Vocabulary(two)
    moves = np.zeros((3, 3), np.int64)
    for row in aligned(base, tuned, counts):
        positions.add(row)
        vocabulary.add(row)
        if row.tuned is not None:
            cells = categories(row.base.rank) * 3 + categories(row.tuned.rank)
            moves += np.bincount(cells, minlength=9).reshape(3, 3)
    if not counts.compared:
        raise _nothing(base, tuned, counts)
    text, known = _texts(base)
    plain: dict[str, Any] = printable_values(
        {
            "kind": "tokens",
            "base": base.name,
            "tuned": None if tuned is None else tuned.name,
            "rows": asdict(counts),
            "whole": asdict(positions.whole()),
            "positions": [asdict(one) for one in positions.bins()],
            "transitions": {"categories": CATEGORIES, "counts": moves.tolist()} if two else None,
            "tokens": asdict(vocabulary.lists(request.min_count, request.top, text)),
            "min_count": request.min_count,
            "token_texts": known,
            "definitions": DEFINITIONS,
        }
    )
    return plain


def _nothing(base: Sidecar, tuned: Sidecar | None, counts: RowCounts) -> ArtifactError:
    told = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in asdict(counts).items() if n)
    if tuned is not None and counts.different_tokens:
        other = " (their tokenizers differ)" if tuned.tokenizer != base.tokenizer else ""
        hint = f"both models must split the same responses into the same tokens{other}"
    else:
        hint = "score one pool with both models, with --tokens" if tuned else "score a pool with responses"
    return ArtifactError(f"no row of {base.directory} can be compared: {told or 'no rows'}", hint)


def _texts(base: Sidecar) -> tuple[Callable[[int], str], bool]:
    """How token ids are shown, and whether as text: the scoring model's tokenizer must be at hand and the same."""
    try:
        tokenizer = load_tokenizer(resolve_model(base.model))
    except DataselectError:
        return (lambda token: f"token {token}"), False
    if tokenizer_digest(tokenizer) != base.tokenizer:
        return (lambda token: f"token {token}"), False

    def text(token: int) -> str:
        decoded = str(tokenizer.decode([token]))
        if decoded and "\N{REPLACEMENT CHARACTER}" not in decoded:
            return repr(decoded)
        return str(tokenizer.convert_ids_to_tokens(token))

    return text, True
