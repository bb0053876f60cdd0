"""A worker scores shards with its own renderer, cache and model: in this process, another one, or on another machine.

A worker is made from plain values (`WorkerSpec`) and returns plain tables, so that it does not matter where it runs:
the run writes the shard. Rendering and scoring are separate steps, so that a shard can be rendered while the one before
it is being scored.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.likelihood import RANK_CLIP
from dataselect.models import resolve_model
from dataselect.pool import Renderer, RenderOptions
from dataselect.pool.pairs import sides
from dataselect.records import Example, Reject, Rendered, TokenScores
from dataselect.scoring.cache import ScoreCache, row_key
from dataselect.scoring.feeding import Feeding, FeedingProbe
from dataselect.scoring.pair_rows import RenderedPair, pair_row
from dataselect.scoring.retrying_model import RetryingModel
from dataselect.scoring.rows import own_columns, schema, scored_row, sequences, token_numbers, unscored_row
from dataselect.scoring.tokens import token_row, token_schema

Progress = Callable[[int], None]
"""Called with the number of records that were just finished."""

NO_PROGRESS: Progress = lambda done: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """Everything that a worker needs, as plain values.

    Attributes:
        model: As named by the user; each machine resolves it by itself.
        digest: Digest of its content.
        tokens: Whether to keep the token sidecar.
        ratings: Ratings that the model gives.
        pairs: Whether records are preference pairs, of which both replies are scored.
        rank_clip: Higher ranks count as this one.
        cache: The cache's file; None without cache.
        salt: Digest of everything that cached numbers depend on besides the row.
        before: Unix time at which the run began; see `cache`.
    """

    model: str
    digest: str
    backend: str
    options: BackendOptions
    rendering: RenderOptions
    ifd: bool
    ranks: bool
    tokens: bool
    ratings: tuple[str, ...] = ()
    pairs: bool = False
    rank_clip: int = RANK_CLIP
    cache: Path | None = None
    salt: str = ""
    before: float = 0.0


@dataclass(frozen=True, slots=True)
class Shard:
    """A stretch of the pool, in input order."""

    index: int
    records: Sequence[Example | Reject]


@dataclass(frozen=True, slots=True)
class ShardResult:
    """The result of scoring a shard.

    Attributes:
        table: Arrow table of rows, in input order.
        sidecar: Arrow table of tokens, aligned with `table`; None without `--tokens`.
        rejects: Records that could not be read or rendered, in input order.
        tokens: Tokens that the model computed.
        cached: Rows that came from the cache.
        notes: Faults that were recovered from, one line each.
    """

    index: int
    table: Any
    sidecar: Any
    rejects: list[Reject]
    tokens: int
    cached: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RenderedShard:
    """A shard as the model will see it.

    Attributes:
        records: How many it was made from.
        rendered: One for each row; of a pair the chosen reply.
        pairs: What belongs to each of them, where records are read as pairs; else empty.
    """

    index: int
    records: int
    rendered: list[Rendered]
    rejects: list[Reject]
    pairs: list[RenderedPair] = field(default_factory=list)

    @property
    def replies(self) -> list[Rendered]:
        """Everything that is scored: what is rendered, then the rejected replies."""
        return [*self.rendered, *(pair.rejected for pair in self.pairs if pair.rejected is not None)]


class ShardWorker:
    """Scores shards with one model, which is loaded when the first row needs it."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._model_path = resolve_model(spec.model)
        self._renderer = Renderer(self._model_path, spec.rendering, spec.ifd, spec.ratings)
        self._model = RetryingModel(self._load)
        self._cache = None if spec.cache is None else ScoreCache(spec.cache, spec.before)
        self._probe = FeedingProbe(self._renderer) if spec.backend != "server" else None

    def _load(self, batch_tokens: int | None) -> Any:  # noqa: ANN401 - a backend
        options = self._spec.options
        if batch_tokens is not None:
            options = replace(options, batch_tokens=batch_tokens)
        return load_backend(self._spec.backend, self._model_path, options)

    @property
    def batch_tokens(self) -> int:
        """Most tokens that the model computes at once; loads the model."""
        return self._model.backend.batch_tokens

    def stop(self) -> None:
        """Release the model."""
        self._model.stop()

    def render(self, shard: Shard) -> RenderedShard:
        """Render a shard's examples; those that cannot be rendered join its rejects, in input order."""
        if self._spec.pairs:
            return self._render_pairs(shard)
        examples = iter(self._renderer.render([r for r in shard.records if isinstance(r, Example)]))
        items = [r if isinstance(r, Reject) else next(examples) for r in shard.records]
        return RenderedShard(
            index=shard.index,
            records=len(items),
            rendered=[one for one in items if isinstance(one, Rendered)],
            rejects=[one for one in items if isinstance(one, Reject)],
        )

    def _render_pairs(self, shard: Shard) -> RenderedShard:
        """Render both replies of each pair; one that cannot be rendered rejects the pair."""
        replies = [list(sides(r).values()) if isinstance(r, Example) else [] for r in shard.records]
        rendered = iter(self._renderer.render([reply for each in replies for reply in each]))
        found = RenderedShard(shard.index, len(replies), rendered=[], rejects=[], pairs=[])
        for record, each in zip(shard.records, replies, strict=True):
            seen = [next(rendered) for _ in each]
            faults = [one for one in (record, *seen) if isinstance(one, Reject)]
            if faults or isinstance(record, Reject):
                found.rejects.append(faults[0])
                continue
            chosen, *rejected = [one for one in seen if isinstance(one, Rendered)]
            found.rendered.append(chosen)
            found.pairs.append(RenderedPair.of(record, rejected[0] if rejected else None))
        return found

    def score(self, shard: RenderedShard, progress: Progress = NO_PROGRESS) -> Iterator[Feeding | ShardResult]:
        """Score a rendered shard: rows in the cache are taken from it, equal rows are computed once.

        A `Feeding` comes before the first rows that a worker computes.
        """
        replies = shard.replies
        keys = {id(one): row_key(self._spec.salt, one) for one in replies if one.scorable}
        known = self._cache.find(set(keys.values())) if self._cache else {}
        new: dict[bytes, Rendered] = {}
        for one in replies:
            if one.scorable and keys[id(one)] not in known:
                new.setdefault(keys[id(one)], one)
        cached = sum(key in known for key in keys.values())
        if (feeding := self._feeding(list(new.values()))) is not None:
            yield feeding
        rows, tokens = self._compute(new, shard.records, progress)
        if self._cache and rows:
            self._cache.store({k: v for k, v in rows.items() if v["row"]["status"] != "engine_error"}, time.time())
        known |= rows
        entries = [_of(one, known[keys[id(one)]] if one.scorable else None) for one in replies]
        if self._spec.pairs:
            entries = _joined(shard, entries)
        notes, self._model.notes = tuple(self._model.notes), []
        yield ShardResult(
            index=shard.index,
            table=self._table(entries),
            sidecar=self._sidecar(entries) if self._spec.tokens else None,
            rejects=shard.rejects,
            tokens=tokens,
            cached=cached,
            notes=notes,
        )

    def _feeding(self, rows: list[Rendered]) -> Feeding | None:
        """Probe once how the model is fed; faults of the model are left to the scoring that follows."""
        if not rows or self._probe is None:
            return None
        probe, self._probe = self._probe, None
        try:
            return probe.ask(self._model.backend, rows, sum(len(one.token_ids) for one in rows))
        except (RuntimeError, ValueError, IndexError, ArithmeticError):
            return None

    def _compute(
        self, new: dict[bytes, Rendered], records: int, progress: Progress
    ) -> tuple[dict[bytes, dict[str, Any]], int]:
        """Compute the entries of rendered examples, and count the tokens computed for them."""
        asked = [sequences(one, self._renderer.max_length) for one in new.values()]
        flat = [sequence for group in asked for sequence in group]
        if not flat:
            progress(records)
            return {}, 0
        answers = iter(self._model.score(flat, self._spec.ranks, _in_records(progress, len(flat), records)))
        entries = {}
        for (key, one), group in zip(new.items(), asked, strict=True):
            entries[key] = self._entry(one, group, list(itertools.islice(answers, len(group))))
        return entries, sum(len(sequence.ids) for sequence in flat)

    def _entry(self, one: Rendered, asked: list[TokenSequence], answers: list[TokenScores | None]) -> dict[str, Any]:
        """Return what the cache keeps of one example: its row, and with the sidecar its tokens."""
        given = [answer for answer in answers if answer is not None]
        if len(given) < len(asked):
            return {"row": unscored_row(one, "engine_error"), "tokens": token_row(one, None)}
        numbers = token_numbers(one, given, self._spec.ranks)
        windows = len(asked) - (numbers.alone is not None) - numbers.digits.size
        row = scored_row(one, numbers, windows, self._spec.rank_clip)
        good = row["status"] != "engine_error"
        return {"row": row} | ({"tokens": token_row(one, numbers if good else None)} if self._spec.tokens else {})

    def _table(self, entries: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - an Arrow table
        import pyarrow as pa

        columns = schema(self._spec.ifd, self._spec.ranks, self._spec.ratings, pairs=self._spec.pairs)
        return pa.Table.from_pylist([entry["row"] for entry in entries], columns)

    def _sidecar(self, entries: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - an Arrow table
        import pyarrow as pa

        columns = token_schema(self._spec.ifd, self._spec.ranks)
        return pa.Table.from_pylist([entry["tokens"] for entry in entries], columns)


def _of(one: Rendered, entry: dict[str, Any] | None) -> dict[str, Any]:
    """Return an entry under the id of this example: equal content may have been scored under another one."""
    if entry is None:
        return {"row": unscored_row(one, one.status), "tokens": token_row(one, None)}
    named = {"row": entry["row"] | own_columns(one)}
    return named | ({"tokens": entry["tokens"] | {"id": one.id}} if "tokens" in entry else {})


def _joined(shard: RenderedShard, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one entry for each pair, from those of `shard.replies`."""
    rejected = iter(entries[len(shard.rendered) :])
    return [
        {"row": pair_row(chosen, entry["row"], pair, next(rejected)["row"] if pair.rejected is not None else None)}
        for chosen, entry, pair in zip(shard.rendered, entries[: len(shard.rendered)], shard.pairs, strict=True)
    ]


def _in_records(progress: Progress, sequences: int, records: int) -> Callable[[int], None]:
    """Convert progress in sequences to progress in records."""
    finished = 0

    def tick(done: int) -> None:
        nonlocal finished
        before = records * finished // sequences
        finished += done
        progress(records * finished // sequences - before)

    return tick
