"""A request to score pools, the plan made from it, and the summary of the run.

The plan knows pools, models and renderings before anything is scored, and holds the fingerprint of all that the numbers
depend on. Workers, engine, batch size, paths and the server's address do not belong to it; engine arguments do, unless
they are known to change only speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dataselect.arguments import checked
from dataselect.artifacts import digest
from dataselect.backends import BackendOptions, choose_backend
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.errors import UsageError
from dataselect.likelihood import RANK_CLIP
from dataselect.models import UNSTATED, model_digest, resolve_model, stated_positions
from dataselect.pool import ColumnMap, PoolReader, Renderer, RenderOptions
from dataselect.scoring.cache import cache_path
from dataselect.scoring.ratings import RATINGS
from dataselect.scoring.table import SHARD_RECORDS
from dataselect.scoring.worker import WorkerSpec
from dataselect.stage import Overwrite
from dataselect.stage.provenance import hardware, versions

EngineName = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """A request to score pools with one or more models.

    Attributes:
        pools: Pool files, folders, hub ids, or "-".
        model: `builtin`, a model folder or a hub id: the model that the pool is chosen for.
        references: Further models as (name, model). Their columns have the suffix `.name`, and the contrasts between
            them and `model` are columns too.
        out: The stage directory.
        ifd: Whether to score the final response without its prompt too.
        tokens: Whether to keep every token's id, log-probability, rank and part.
        ranks: Whether to count ranks.
        rank_clip: Higher ranks count as this one in the rank-surprisal ratio.
        ratings: Ratings by the digit that the model expects: "complexity", "quality" (`ratings`).
        dtype: `auto` (float32 on CPU, bfloat16 on GPU) or a dtype's name; on a server always `auto`, its own.
        batch_tokens: Most tokens computed at once; None for the backend's default.
        engine_args: Further arguments of the vLLM engine, by its own names; of a server, `concurrency` and `timeout`.
        server: Address of an OpenAI-compatible server, for `backend="server"`.
        served_model: Name of the model on that server; None for the only one.
        limit: Most records read from each pool, the first ones; None for all.
        sample_seed: Draw the records of the limit by chance instead; None for the first ones.
        engine: Where workers run: on this machine, or on a Ray cluster.
        workers: Processes that score shards side by side.
        cache: Whether rows that were scored before are taken from the cache, and new ones kept in it.
    """

    pools: tuple[str, ...]
    model: str
    out: Path
    references: tuple[tuple[str, str], ...] = ()
    backend: str = "auto"
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    ifd: bool = False
    tokens: bool = False
    ranks: bool = True
    rank_clip: int = RANK_CLIP
    ratings: tuple[str, ...] = ()
    dtype: str = "auto"
    batch_tokens: int | None = None
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    server: str | None = None
    served_model: str | None = None
    limit: int | None = None
    sample_seed: int | None = None
    engine: EngineName = "local"
    workers: int = 1
    cache: bool = True
    overwrite: Overwrite = False

    def __post_init__(self) -> None:
        checked(self)
        names = [name for name, _ in self.references]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(f"two models are called {twice[0]}", "name them: --model NAME=MODEL")
        for name, model in self.references:
            if "." in name and name != Path(model).name:
                raise UsageError(f"a model's name is the suffix of its columns and must have no dot, got {name!r}")
        check_rank_clip(self.rank_clip)
        for rating in self.ratings:
            if rating not in RATINGS or self.ratings.count(rating) > 1:
                raise UsageError(f"--rating expects {' and '.join(RATINGS)}, each once, got {rating!r}")
        if self.columns.pairs and self.tokens:
            raise UsageError("--tokens cannot be combined with --pairs", "score without --tokens")
        if self.references and self.backend == "server":
            raise UsageError("--backend server accepts only one model", "score once per server, into two folders")
        if self.server and self.backend != "server":
            raise UsageError(f"--server cannot be combined with --backend {self.backend}", "add --backend server")
        if self.engine_args and self.backend == "transformers":
            raise UsageError(
                "--engine-arg cannot be combined with --backend transformers",
                "engine arguments are those of vLLM or the server",
            )


_OLDER = "an older version made this folder, without the columns of ranks and steps: --overwrite scores again"


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """The result of a scoring run.

    Attributes:
        counts: Rows per status, and `rejects`.
        tokens_per_second: Tokens that the model computed over the wall time from the first shard handed out to the last
            result, of all workers together; None if it computed none.
        fresh: False if the directory was finished already and nothing was computed.
        cached: Rows that came from the cache.
        notes: Warnings, and faults that were recovered from, one line each.
        sources: Rows per source, in the order of the pools.
    """

    counts: dict[str, int]
    tokens_per_second: float | None
    fresh: bool
    cached: int = 0
    notes: tuple[str, ...] = ()
    sources: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Mapping[str, Any], fresh: bool) -> ScoreSummary:
        """Read a summary from a manifest; of an earlier run only the counts and sources."""
        if not fresh:
            older = () if RANK_CLIP_KEY in manifest else (_OLDER,)
            return cls(manifest["counts"], None, fresh=False, notes=older, sources=manifest["sources"])
        return cls(
            counts=manifest["counts"],
            tokens_per_second=manifest["tokens_per_second"],
            fresh=True,
            cached=manifest["cached_rows"],
            notes=tuple(manifest["notes"]),
            sources=manifest["sources"],
        )

    @property
    def rejects(self) -> int:
        """Records that could not be read or rendered."""
        return self.counts.get("rejects", 0)


_ONLY_SPEED = frozenset(
    {"tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "gpu_memory_utilization", "max_num_seqs",
     "swap_space", "cpu_offload_gb", "distributed_executor_backend", "disable_custom_all_reduce",
     "concurrency", "timeout"}
)  # fmt: skip


_INGREDIENTS = "rank sums and steps"
"""Names what a cached row holds, so that rows without a later ingredient are scored again."""

RANK_CLIP_KEY = "rank_clip"
"""The clip's name in manifests and fingerprints."""


def check_rank_clip(clip: int | None) -> None:
    """Refuse a clip below 1, where every rank would count alike."""
    if clip is not None and clip < 1:
        raise UsageError(f"--rank-clip {clip} should be at least 1", f"the default is {RANK_CLIP}")


def clip_fingerprint(clip: int) -> dict[str, int]:
    """Return the clip's part of a fingerprint; none for the default, so that earlier folders still match."""
    return {} if clip == RANK_CLIP else {RANK_CLIP_KEY: clip}


def recorded_rank_clip(scorers: Mapping[str, Any]) -> int:
    """Return the clip of a recorded fingerprint's scorers."""
    return int(scorers.get(RANK_CLIP_KEY, RANK_CLIP))


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """One model of the run.

    Attributes:
        name: Empty for the first model, else the suffix of its columns.
        called: Its name as given by the user, absolute if it is a path.
        rendering: `Renderer.settings()`.
        notes: Warnings before it is used, one line each.
    """

    name: str
    called: str
    digest: str
    rendering: dict[str, Any]
    notes: tuple[str, ...]


class ScorePlan:
    """A checked scoring run, planned before anything is scored.

    Raises:
        DataselectError: If pools, models, template or options cannot be used.
    """

    def __init__(self, request: ScoreRequest) -> None:
        self.request = replace(request, rendering=request.rendering.resumed(request.out, request.overwrite))
        self.reader = PoolReader(
            request.pools,
            columns=request.columns,
            prefix_ids=request.prefix_ids,
            limit=request.limit,
            sample_seed=request.sample_seed,
        )
        self.backend = choose_backend(request.backend)
        self.dtype = _dtype(request, self.backend)
        self.models = [self._model(name, model) for name, model in (("", request.model), *request.references)]

    def _model(self, name: str, called: str) -> ModelPlan:
        path = resolve_model(called)
        if called != "builtin" and Path(called).exists():
            called = str(Path(called).resolve())
        request = self.request
        renderer = Renderer(path, request.rendering, ifd=request.ifd, ratings=request.ratings)
        notes = () if request.rendering.max_length or stated_positions(path) else (_unstated(called),)
        return ModelPlan(
            name=name, called=called, digest=model_digest(path), rendering=renderer.settings(), notes=notes
        )

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that the results depend on."""
        request = self.request
        first = self.models[0]
        return {
            "input": self.reader.inputs,
            "columns": request.columns.recorded(),
            "prefix_ids": request.prefix_ids,
            "limit": request.limit,
            "sample_seed": request.sample_seed,
            "model": first.digest,
            "rendering": first.rendering,
            "references": {one.name: {"model": one.digest, "rendering": one.rendering} for one in self.models[1:]},
            "backend": self.backend,
            "dtype": self.dtype,
            "engine_args": self.engine_args,
            "served_model": request.served_model,
            "scorers": {
                "ifd": request.ifd,
                "ranks": request.ranks,
                "tokens": request.tokens,
                "ratings": sorted(request.ratings),
                **(clip_fingerprint(request.rank_clip) if request.ranks else {}),
            },
            "shard_records": SHARD_RECORDS,
        }

    @property
    def engine_args(self) -> dict[str, Any]:
        """The engine arguments that may change numbers."""
        return {key: value for key, value in self.request.engine_args.items() if key not in _ONLY_SPEED}

    def same_tokenizer(self) -> dict[str, bool]:
        """Return name -> whether that further model's tokenizer is the first one's."""
        ours = self.models[0].rendering["tokenizer_sha256"]
        return {one.name: one.rendering["tokenizer_sha256"] == ours for one in self.models[1:]}

    def worker(self, model: ModelPlan, before: float) -> WorkerSpec:
        """Return the spec of a worker for one model of a run that began at the Unix time `before`."""
        request = self.request
        return WorkerSpec(
            model=model.called,
            digest=model.digest,
            backend=self.backend,
            options=BackendOptions(
                dtype=self.dtype,
                batch_tokens=request.batch_tokens,
                max_length=model.rendering["max_length"],
                engine_args=dict(request.engine_args),
                server=request.server,
                served_model=request.served_model,
            ),
            rendering=RenderOptions.recorded(model.rendering),
            ifd=request.ifd,
            ranks=request.ranks,
            tokens=request.tokens,
            ratings=request.ratings,
            pairs=request.columns.pairs,
            rank_clip=request.rank_clip,
            cache=cache_path() if request.cache and self.backend != "server" else None,
            salt=self._salt(model),
            before=before,
        )

    def _salt(self, model: ModelPlan) -> str:
        request = self.request
        return digest(
            {
                "model": model.digest, "max_length": model.rendering["max_length"], "backend": self.backend,
                "dtype": self.dtype, "engine_args": self.engine_args,
                "scorers": [request.ifd, request.ranks, request.tokens, request.rank_clip, _INGREDIENTS],
                "versions": versions(),
                "hardware": hardware() if on_gpu() else {**hardware(), "memory_gib": None},
            }
        )  # fmt: skip


def _unstated(model: str) -> str:
    return (
        f"the model {model} states no number of positions: its limit is taken to be {UNSTATED - 1:,} tokens, "
        "and --max-length N takes another"
    )


def _dtype(request: ScoreRequest, backend: str) -> str:
    if backend != "server":
        return resolve_dtype(request.dtype, gpu=on_gpu())
    if request.dtype != "auto":
        raise UsageError(
            f"--dtype {request.dtype} cannot be combined with --backend server", "the server decides its dtype"
        )
    return "of the server"
