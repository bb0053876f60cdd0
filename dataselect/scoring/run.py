"""The scoring run: read, render, score, shard by shard, into one score table.

Every record of the pool ends as one row or one reject, never both and never neither. Results do not depend on shards
or batches, and a run that is stopped goes on from its finished shards. The model is loaded only if there is something
left to score.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataselect.artifacts import MANIFEST, StageDirectory, read_json
from dataselect.backends import Backend, TokenSequence, choose_backend, load_backend
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.bundled.resolve import model_digest, resolve_model
from dataselect.errors import DataselectError, PoolError
from dataselect.pool import ColumnMap, PoolReader, Renderer, RenderOptions
from dataselect.provenance import environment
from dataselect.records import Example, Reject, Rendered, TokenScores
from dataselect.scoring.rows import schema, scored_row, sequences, unscored_row
from dataselect.scoring.shards import OWN, SHARD_RECORDS, Shards
from dataselect.scoring.summary import summarise

Progress = Callable[[int], None]
"""Called with the number of records that were just finished."""


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What to score, with what, and where to.

    Attributes:
        pools: Pool files, folders, hub ids, or "-".
        model: `builtin`, a model folder or a hub id.
        out: The stage directory.
        ifd: Whether to score the final response without its prompt too.
        ranks: Whether to count ranks.
        batch_tokens: Most tokens computed at once; None for the backend's default.
        limit: Most records read from the pools; None for all.
    """

    pools: tuple[str, ...]
    model: str
    out: Path
    backend: str = "auto"
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    ifd: bool = False
    ranks: bool = True
    dtype: str = "auto"
    batch_tokens: int | None = None
    limit: int | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """What a scoring run ended with.

    Attributes:
        counts: Rows per status, and `rejects`.
        fresh: False if the directory was finished already and nothing was done.
    """

    counts: dict[str, int]
    tokens_per_second: float | None
    fresh: bool

    @property
    def rejects(self) -> int:
        """Records that could not be read or rendered."""
        return self.counts.get("rejects", 0)


def score(request: ScoreRequest, progress: Progress = lambda done: None) -> ScoreSummary:
    """Score pools into a stage directory.

    Raises:
        DataselectError: If pools, model, template or directory cannot be used, or nothing at all could be scored.
    """
    run = _Run(request)
    with StageDirectory(
        request.out,
        run.fingerprint,
        _options(request),
        own=("scores.parquet", "rejects.jsonl", *OWN),
        overwrite=request.overwrite,
    ) as stage:
        if stage.finished:
            counts = read_json(request.out / MANIFEST)["counts"]
            return ScoreSummary(counts, None, fresh=False)
        return run.finish(stage, progress)


def _options(request: ScoreRequest) -> dict[str, Any]:
    return {key: value for key, value in asdict(request).items() if key not in ("overwrite", "out")}


class _Run:
    """One scoring run, from its request to its manifest."""

    def __init__(self, request: ScoreRequest) -> None:
        self._request = request
        self._reader = PoolReader(request.pools, request.columns, request.prefix_ids, request.limit)
        self._model = resolve_model(request.model)
        self._renderer = Renderer(self._model, request.rendering, request.ifd)
        self._backend_name = choose_backend(request.backend)
        self._dtype = resolve_dtype(request.dtype, gpu=on_gpu())
        self._backend: Backend | None = None
        self._tokens, self._busy = 0, 0.0
        self.fingerprint = {
            "input": self._reader.inputs,
            "columns": asdict(request.columns),
            "prefix_ids": request.prefix_ids,
            "limit": request.limit,
            "model": model_digest(self._model),
            "rendering": self._renderer.settings(),
            "backend": self._backend_name,
            "dtype": self._dtype,
            "scorers": {"ifd": request.ifd, "ranks": request.ranks},
        }

    def finish(self, stage: StageDirectory, progress: Progress) -> ScoreSummary:
        began = time.perf_counter()
        shards = Shards(stage.path, schema(self._request.ifd, self._request.ranks))
        count = 0
        for index, records in enumerate(_chunks(iter(self._reader), SHARD_RECORDS)):
            if shards.done(index):
                progress(len(records))
            else:
                shards.write(index, *self._score(records, progress))
            count = index + 1
        if count == 0:
            raise PoolError("the pool holds no records", "give a file that holds some")
        shards.merge(count)
        summary = summarise(stage.path)
        _require_some(summary.counts)
        speed = self._tokens / self._busy if self._busy else None
        stage.finish(
            {
                "stage": "score",
                "counts": summary.counts,
                "pool": summary.pool,
                "inputs": self._reader.inputs,
                "model": self._request.model,
                "backend": self._backend_name,
                "dtype": self._dtype,
                "rendering": self._renderer.settings(),
                "columns": asdict(self._request.columns),
                "seed": None,
                "wall_seconds": round(time.perf_counter() - began, 3),
                "tokens_per_second": None if speed is None else round(speed, 1),
                "environment": environment(),
            }
        )
        shards.remove()
        return ScoreSummary(summary.counts, speed, fresh=True)

    def _score(
        self, records: Sequence[Example | Reject], progress: Progress
    ) -> tuple[list[dict[str, Any]], list[Reject]]:
        """Rows and rejects of one shard, each in input order."""
        rejects = [r for r in records if isinstance(r, Reject)]
        rendered: list[Rendered] = []
        for one in self._renderer.render([r for r in records if isinstance(r, Example)]):
            (rejects if isinstance(one, Reject) else rendered).append(one)  # type: ignore[arg-type]
        order = [one["source"] for one in self._reader.inputs]
        rejects.sort(key=lambda r: (order.index(r.file), r.line))
        asked = [sequences(r, self._renderer.max_length) if r.scorable else [] for r in rendered]
        answers = iter(self._ask([s for group in asked for s in group], len(records), progress))
        rows = []
        for one, group in zip(rendered, asked, strict=True):
            given = list(itertools.islice(answers, len(group)))
            rows.append(scored_row(one, given, self._request.ranks) if given else unscored_row(one, one.status))
        return rows, rejects

    def _ask(self, asked: Sequence[TokenSequence], records: int, progress: Progress) -> list[TokenScores]:
        """Score the sequences of a shard, and tell progress in records."""
        if not asked:
            progress(records)
            return []
        if self._backend is None:
            self._backend = load_backend(
                self._backend_name, self._model, self._dtype, self._request.batch_tokens, self._renderer.max_length
            )
        finished = 0

        def tick(sequences: int) -> None:
            nonlocal finished
            before = records * finished // len(asked)
            finished += sequences
            progress(records * finished // len(asked) - before)

        began = time.perf_counter()
        answers = self._backend.score(asked, self._request.ranks, tick)
        self._busy += time.perf_counter() - began
        self._tokens += sum(len(s.ids) for s in asked)
        return answers


def _chunks(records: Iterator[Example | Reject], size: int) -> Iterator[list[Example | Reject]]:
    while chunk := list(itertools.islice(records, size)):
        yield chunk


def _require_some(counts: dict[str, int]) -> None:
    if counts["ok"] + counts["truncated"] == 0:
        told = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
        raise DataselectError(
            f"nothing in the pool could be scored: {told}", "dataselect show POOL prints what is read"
        )
