"""Can the numbers be trusted? A sample is scored by a reference and by a backend, by the latter in several ways.

Two questions, one answer. Of a backend: does it agree with float32 transformers at batch size 1, and with itself when
rows are shuffled and batched otherwise (`passes`)? Of a finished score folder: are its recorded numbers those of this
pool, model, rendering and dtype (`recorded_check`)? The reference is computed first and its model let go before the
backend is loaded, so that both fit where one does. Nothing is taken from the score cache, and nothing is put there.

Left out: the rendering, which both sides share: `dataselect show` prints it.
"""

from __future__ import annotations

import gc
from dataclasses import asdict
from typing import Any

from dataselect.artifacts import StageDirectory, write_json
from dataselect.backends import BackendOptions, choose_backend, load_backend
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.bundled.resolve import model_digest, resolve_model
from dataselect.errors import DataselectError
from dataselect.pool import PoolReader, Renderer
from dataselect.provenance import environment
from dataselect.scoring.passes import compare_passes, reference_numbers
from dataselect.scoring.recorded import OF_SERVER, RecordedScores
from dataselect.scoring.recorded_check import check_recorded
from dataselect.scoring.rows import TokenNumbers
from dataselect.scoring.sample import RowSample, draw_rows
from dataselect.scoring.tolerance import Tolerance
from dataselect.scoring.verification import Verification, VerifyRequest
from dataselect.scoring.worker import NO_PROGRESS, Progress

VERIFY = "verify.json"


def verify(request: VerifyRequest, progress: Progress = NO_PROGRESS) -> Verification:
    """Verify a backend or recorded scores; whether it passed is in the answer.

    Args:
        progress: Called with a number of sequences that were just scored, in whatever pass.

    Raises:
        DataselectError: If pools, model, template, backend or folders cannot be used, no row can be scored, or the
            backend fails altogether.
    """
    prepared = _Prepared(request)
    if request.out is None:
        return prepared.verify(progress)
    with StageDirectory(request.out, prepared.fingerprint, request.options(), (VERIFY,), request.overwrite) as stage:
        found = prepared.verify(progress)
        if not stage.finished:
            write_json(request.out / VERIFY, found.document)
            stage.finish({"stage": "verify", "passed": found.passed, "environment": environment()})
    return found


class _Prepared:
    """A checked request."""

    def __init__(self, request: VerifyRequest) -> None:
        self._request = request
        self._scores = None if request.scores is None else RecordedScores.open(request.scores)
        self._backend = choose_backend(request.backend)
        self._dtype = self._claimed_dtype()
        self._model = resolve_model(request.model)
        self._renderer = Renderer(self._model, request.rendering, bool(self._scores and self._scores.holds("ifd")))
        limit = self._scores.limit if self._scores else None
        self._reader = PoolReader(request.pools, request.columns, request.prefix_ids, limit)
        self._tolerance = Tolerance.of(self._dtype, request.tolerance)

    def _claimed_dtype(self) -> str:
        asked = self._request.dtype
        if self._scores and asked == "auto" and self._scores.dtype != OF_SERVER:
            return self._scores.dtype
        return resolve_dtype(asked, gpu=on_gpu() or self._backend == "server" or self._scores is not None)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that the answer depends on."""
        request = self._request
        return self._claims() | {
            "backend": self._backend,
            "dtype": self._dtype,
            "rows": request.rows,
            "seed": request.seed,
            "ranks": request.ranks,
            "tolerance": request.tolerance,
            "batch_tokens": request.batch_tokens,
            "engine_args": dict(request.engine_args),
            "scores": None if self._scores is None else self._scores.digest,
        }

    def _claims(self) -> dict[str, Any]:
        """What a score folder would have to say."""
        return {
            "input": self._reader.inputs,
            "columns": asdict(self._request.columns),
            "prefix_ids": self._request.prefix_ids,
            "model": model_digest(self._model),
            "rendering": self._renderer.settings(),
        }

    def verify(self, progress: Progress) -> Verification:
        """Draw the sample and compare."""
        sample = draw_rows(self._reader, lambda one: self._renderer.render([one])[0], *self._drawn())
        if not sample.rows:
            raise DataselectError(
                f"none of the {sample.records:,} records can be scored", "dataselect show POOL prints what is read"
            )
        ranks = self._request.ranks if self._scores is None else self._scores.holds("ranks")
        reference = reference_numbers(self._model, sample.rows, self._renderer.max_length, ranks, progress)
        _release()
        if self._scores is not None:
            return self._of_recorded(self._scores, sample, reference)
        return self._of_backend(sample, reference, progress)

    def _drawn(self) -> tuple[int, int]:
        return self._request.rows, self._request.seed

    def _of_backend(self, sample: RowSample, reference: list[TokenNumbers], progress: Progress) -> Verification:
        request, longest = self._request, self._renderer.max_length
        options = BackendOptions(
            "auto" if self._backend == "server" else self._dtype, request.batch_tokens, longest, request.engine_args,
            request.server, request.served_model,
        )  # fmt: skip
        backend = load_backend(self._backend, self._model, options)
        try:
            compared = compare_passes(backend, sample.rows, reference, longest, request.seed, request.ranks, progress)
        finally:
            backend.stop()
        return Verification(
            self._backend, self._dtype, self._tolerance, len(sample.rows), sample.longest, sample.records, compared
        )

    def _of_recorded(self, scores: RecordedScores, sample: RowSample, reference: list[TokenNumbers]) -> Verification:
        asked = self._claims()
        if self._request.dtype != "auto" and scores.dtype != OF_SERVER:
            asked["dtype"] = self._dtype
        if self._request.backend != "auto":
            asked["backend"] = self._backend
        found = check_recorded(scores, sample.rows, reference, self._renderer.max_length)
        return Verification(
            str(scores.directory), self._dtype, self._tolerance, len(sample.rows), sample.longest, sample.records,
            found.compared, (*scores.differences(asked), *found.differences), found.passed_over,
        )  # fmt: skip


def _release() -> None:
    """Give the reference's memory back to the device, for an engine in a process of its own."""
    gc.collect()
    if on_gpu():
        import torch

        torch.cuda.empty_cache()
