"""Workers on a Ray cluster: one actor per worker, one engine per actor, one GPU each where the cluster has GPUs.

Ray places, restarts and retries: an actor that is killed, or whose node is lost, is restarted elsewhere with its shard.
The results come back to the process that began the run, which writes them: nodes need no shared folder. Every node
resolves the model by itself, by path or hub id. The cluster is the one that `RAY_ADDRESS` names, or one that runs on
this machine, or else one that is started here and ends with the run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from dataselect.errors import DataselectError
from dataselect.models import model_digest, resolve_model
from dataselect.registry import require
from dataselect.scoring.feeding import Feeding
from dataselect.scoring.worker import Progress, Shard, ShardResult, ShardWorker, WorkerSpec

_RETRIES = 3
"""Times that a worker is started again, and its shard tried again, before the run ends."""

_PREFETCHED = 2
"""Shards handed out per worker: one that it scores, one that waits."""


class RayEngine:
    """Actors on a Ray cluster.

    Args:
        workers: How many actors.

    Raises:
        MissingExtraError: If Ray is not installed.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._ray = require("ray", extra="ray")

    def run(self, spec: WorkerSpec, shards: Iterable[Shard], progress: Progress) -> Iterator[Feeding | ShardResult]:
        """See `Engine.run`. Workers on other machines do not use this machine's cache."""
        ray = self._ray
        ours = not ray.is_initialized()
        if ours:
            _connect(ray)
        actors = self._actors(replace(spec, cache=None))
        try:
            yield from self._hand_out(actors, iter(shards), progress)
        except (ray.exceptions.RayActorError, ray.exceptions.RaySystemError) as error:
            raise DataselectError(
                f"a Ray worker died more than {_RETRIES} times: {_first_line(error)}",
                "what is finished is kept: run the same command again",
            ) from None
        except ray.exceptions.RayTaskError as error:
            raise _cause(error) from None
        finally:
            for actor in actors:
                ray.kill(actor)
            if ours:
                ray.shutdown()

    def _actors(self, spec: WorkerSpec) -> list[Any]:
        gpus = 1 if self._ray.cluster_resources().get("GPU", 0) >= self._workers else 0
        made = self._ray.remote(max_restarts=_RETRIES, max_task_retries=_RETRIES, num_gpus=gpus)(_Actor)
        return [made.remote(spec) for _ in range(self._workers)]

    def _hand_out(
        self, actors: list[Any], shards: Iterator[Shard], progress: Progress
    ) -> Iterator[Feeding | ShardResult]:
        """Yield results, keeping each actor busy with its own queue, so that none waits for another."""
        waiting: dict[Any, tuple[Any, int]] = {}
        idle = [actor for actor in actors for _ in range(_PREFETCHED)]
        while True:
            for actor, shard in zip(list(idle), itertools.islice(shards, len(idle)), strict=False):
                waiting[actor.score.remote(shard)] = (actor, len(shard.records))
                idle.remove(actor)
            if not waiting:
                return
            for done in self._ray.wait(list(waiting), num_returns=1)[0]:
                actor, records = waiting.pop(done)
                results: list[Feeding | ShardResult] = self._ray.get(done)
                idle.append(actor)
                progress(records)
                yield from results


class _Actor:
    """A worker on some node, made by `ray.remote`; its first shard loads it, so that a failure reaches the run."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._worker: ShardWorker | None = None

    def score(self, shard: Shard) -> list[Feeding | ShardResult]:
        if self._worker is None:
            self._worker = _worker(self._spec)
        return list(self._worker.score(self._worker.render(shard)))


def _worker(spec: WorkerSpec) -> ShardWorker:
    """Return the worker for `spec`, if this node has the same model."""
    if model_digest(resolve_model(spec.model)) != spec.digest:
        raise DataselectError(
            f"the model {spec.model} on this node differs from the one where the run was started",
            "put the same model folder on every node",
        )
    return ShardWorker(spec)


def _connect(ray: Any) -> None:  # noqa: ANN401 - the module
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise DataselectError(
            f"no Ray cluster is available: {_first_line(error)}", "check RAY_ADDRESS, or use --engine local"
        ) from None


def _cause(error: Any) -> Exception:  # noqa: ANN401 - RayTaskError
    """Return the error that the worker raised, if it is a `DataselectError`; else a new one with its words."""
    cause = error.cause if isinstance(error.cause, DataselectError) else None
    return cause or DataselectError(f"a Ray worker failed: {_first_line(error)}")


def _first_line(error: object) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]
