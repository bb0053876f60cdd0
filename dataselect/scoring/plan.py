"""What a scoring run will do, known before it starts: pools, models, renderings, and the fingerprint of all that.

The fingerprint holds what the numbers depend on. Workers, engine, batch size, paths and the server's address do not
belong to it; engine arguments do, unless they are known to change nothing but speed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import digest
from dataselect.backends import BackendOptions, choose_backend
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.bundled.resolve import model_digest, resolve_model
from dataselect.errors import UsageError
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.provenance import hardware, versions
from dataselect.scoring.cache import cache_path
from dataselect.scoring.request import ScoreRequest
from dataselect.scoring.shards import SHARD_RECORDS
from dataselect.scoring.worker import WorkerSpec

_ONLY_SPEED = frozenset(
    {"tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "gpu_memory_utilization", "max_num_seqs",
     "swap_space", "cpu_offload_gb", "distributed_executor_backend", "disable_custom_all_reduce",
     "concurrency", "timeout"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """One model of the run.

    Attributes:
        name: Empty for the first model, else the suffix of its columns.
        called: What the user called it, absolute if it is a path.
        rendering: `Renderer.settings()`.
    """

    name: str
    called: str
    digest: str
    rendering: dict[str, Any]


class ScorePlan:
    """A checked scoring run.

    Raises:
        DataselectError: If pools, models, template or options cannot be used.
    """

    def __init__(self, request: ScoreRequest) -> None:
        self.request = request
        self.reader = PoolReader(request.pools, request.columns, request.prefix_ids, request.limit)
        self.backend = choose_backend(request.backend)
        self.dtype = _dtype(request, self.backend)
        self.models = [self._model(name, model) for name, model in (("", request.model), *request.references)]

    def _model(self, name: str, called: str) -> ModelPlan:
        path = resolve_model(called)
        if called != "builtin" and Path(called).exists():
            called = str(Path(called).resolve())
        request = self.request
        settings = Renderer(path, request.rendering, request.ifd, request.ratings).settings()
        return ModelPlan(name, called, model_digest(path), settings)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that the results depend on."""
        request = self.request
        first = self.models[0]
        return {
            "input": self.reader.inputs,
            "columns": asdict(request.columns),
            "prefix_ids": request.prefix_ids,
            "limit": request.limit,
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
            },
            "shard_records": SHARD_RECORDS,
        }

    @property
    def engine_args(self) -> dict[str, Any]:
        """Engine arguments that may change numbers."""
        return {key: value for key, value in self.request.engine_args.items() if key not in _ONLY_SPEED}

    def same_tokenizer(self) -> dict[str, bool]:
        """Whether each further model's tokenizer is the first one's."""
        ours = self.models[0].rendering["tokenizer_sha256"]
        return {one.name: one.rendering["tokenizer_sha256"] == ours for one in self.models[1:]}

    def worker(self, model: ModelPlan, before: float) -> WorkerSpec:
        """What a worker needs for one model of a run that began at the Unix time `before`."""
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
                "scorers": [request.ifd, request.ranks, request.tokens], "versions": versions(),
                "hardware": hardware() if on_gpu() else {**hardware(), "memory_gib": None},
            }
        )  # fmt: skip


def _dtype(request: ScoreRequest, backend: str) -> str:
    if backend != "server":
        return resolve_dtype(request.dtype, gpu=on_gpu())
    if request.dtype != "auto":
        raise UsageError(f"--dtype {request.dtype} with --backend server", "the server decides its dtype")
    return "of the server"
