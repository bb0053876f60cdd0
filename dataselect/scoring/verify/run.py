"""Verify that numbers can be trusted: a sample is scored by a reference, and compared with a backend or a score folder.

A backend has to agree with the reference, and with itself when the sample is shuffled and batched differently. A
finished score folder has to hold the numbers of this pool, model, rendering and dtype (`recorded_check`).

The reference is transformers in float32, one sequence at a time, by the model's own logits: no neighbour, no order, and
nothing of what makes a backend fast (`backends.reference`). Its model is released before the backend is loaded, so that
both fit where one does. The backend is asked directly, without the retries of a scoring run and without the cache, so
that every fault shows: first in order, then shuffled, then with a half, a quarter and an eighth of the tokens at once,
which puts the rows into other batches each time.

Left out: the rendering, which both sides share (`dataselect show` prints it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends import Backend, BackendOptions, choose_backend, load_backend
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.backends.memory import release_memory
from dataselect.backends.reference import ReferenceBackend
from dataselect.errors import DataselectError
from dataselect.library_errors import user_errors
from dataselect.models import model_digest, resolve_model
from dataselect.pool import PoolReader, Renderer
from dataselect.progress import measured
from dataselect.records import Rendered
from dataselect.scoring.recorded import OF_SERVER, RecordedScores
from dataselect.scoring.rows import TokenNumbers, sequences, token_numbers
from dataselect.scoring.sample import RowSample, draw_rows
from dataselect.scoring.verify.parity import ParityReport, compare_tokens
from dataselect.scoring.verify.recorded_check import check_recorded
from dataselect.scoring.verify.request import Tolerance, Verification, VerifyRequest
from dataselect.scoring.worker import NO_PROGRESS, Progress
from dataselect.stage import FinishedStage, StageDirectory, recorded_options, run_stage

VERIFY = "verify.json"

HALVINGS = 3
"""Times that the tokens computed at once are halved."""


@user_errors()
def verify(request: VerifyRequest, progress: Progress = NO_PROGRESS) -> Verification:
    """Verify a backend or recorded scores; the answer says whether it passed.

    Args:
        progress: Called with a number of sequences that were just scored, in whatever pass.

    Raises:
        DataselectError: If pools, model, template, backend or folders cannot be used, no row can be scored, or the
            backend fails altogether.
    """
    with measured("verify", "sequences") as meter:
        verifier = Verifier(request, meter.also(progress))
        if request.out is None:
            return verifier.verification
        return run_stage(verifier, request.out, request.overwrite)


class Verifier:
    """`dataselect verify`: a checked request."""

    name = "verify"

    def __init__(self, request: VerifyRequest, progress: Progress) -> None:
        self._request = request
        self._progress = progress
        self._scores = None if request.scores is None else RecordedScores.open(request.scores)
        self._backend = choose_backend(request.backend)
        self._dtype = self._claimed_dtype()
        self._model = resolve_model(request.model)
        rendering = request.rendering if self._scores is None else self._scores.dated(request.rendering)
        if request.out is not None:
            rendering = rendering.resumed(request.out, request.overwrite)
        self._renderer = Renderer(self._model, rendering, ifd=bool(self._scores and self._scores.holds("ifd")))
        limit, sample_seed = self._scores.limit if self._scores else (None, None)
        self._reader = PoolReader(
            request.pools,
            columns=request.columns,
            prefix_ids=request.prefix_ids,
            limit=limit,
            sample_seed=sample_seed,
        )

    def _claimed_dtype(self) -> str:
        asked = self._request.dtype
        if self._scores and asked == "auto" and self._scores.dtype != OF_SERVER:
            return self._scores.dtype
        return resolve_dtype(asked, gpu=on_gpu() or self._backend == "server" or self._scores is not None)

    @property
    def fingerprint(self) -> Mapping[str, Any]:
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

    @property
    def options(self) -> Mapping[str, Any]:
        """All options."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Write `verify.json`."""
        directory.write_json(VERIFY, self.verification.document)
        return {"stage": "verify", "passed": self.verification.passed}

    def result(self, finished: FinishedStage, fresh: bool) -> Verification:
        """Return the verification, computed again for a finished directory: it holds more than the file."""
        return self.verification

    def _claims(self) -> dict[str, Any]:
        """Return what a score folder would have to say."""
        return {
            "input": self._reader.inputs,
            "columns": self._request.columns.recorded(),
            "prefix_ids": self._request.prefix_ids,
            "model": model_digest(self._model),
            "rendering": self._renderer.settings(),
        }

    @cached_property
    def verification(self) -> Verification:
        """Draw the sample and compare."""
        request, scores = self._request, self._scores
        sample = draw_rows(self._reader, lambda one: self._renderer.render([one])[0], request.rows, request.seed)
        if not sample.rows:
            raise DataselectError(
                f"none of the {sample.records:,} records can be scored", "dataselect show POOL prints what is read"
            )
        ranks = request.ranks if scores is None else scores.holds("ranks")
        reference = reference_numbers(self._model, sample.rows, self._renderer.max_length, ranks, self._progress)
        release_memory()
        if scores is not None:
            return self._of_recorded(scores, sample, reference)
        return self._answer(self._backend, sample, self._compared_passes(sample, reference))

    def _compared_passes(self, sample: RowSample, reference: list[TokenNumbers]) -> tuple[ParityReport, ...]:
        request, longest = self._request, self._renderer.max_length
        options = BackendOptions(
            dtype="auto" if self._backend == "server" else self._dtype,
            batch_tokens=request.batch_tokens,
            max_length=longest,
            engine_args=request.engine_args,
            server=request.server,
            served_model=request.served_model,
        )
        backend = load_backend(self._backend, self._model, options)
        try:
            return compare_passes(backend, sample.rows, reference, longest, request.seed, request.ranks, self._progress)
        finally:
            backend.stop()

    def _of_recorded(self, scores: RecordedScores, sample: RowSample, reference: list[TokenNumbers]) -> Verification:
        asked = self._claims()
        if self._request.dtype != "auto" and scores.dtype != OF_SERVER:
            asked["dtype"] = self._dtype
        if self._request.backend != "auto":
            asked["backend"] = self._backend
        found = check_recorded(scores, sample.rows, reference, self._renderer.max_length)
        differences = (*scores.differences(asked), *found.differences)
        return self._answer(str(scores.directory), sample, found.compared, differences, found.passed_over)

    def _answer(
        self,
        subject: str,
        sample: RowSample,
        compared: tuple[ParityReport, ...],
        differences: tuple[str, ...] = (),
        passed_over: int = 0,
    ) -> Verification:
        return Verification(
            subject=subject,
            dtype=self._dtype,
            tolerance=Tolerance.of(self._dtype, self._request.tolerance),
            rows=len(sample.rows),
            longest=sample.longest,
            records=sample.records,
            compared=compared,
            differences=differences,
            passed_over=passed_over,
        )


def reference_numbers(
    model: Path, rows: Sequence[Rendered], max_length: int, ranks: bool = True, progress: Progress = NO_PROGRESS
) -> list[TokenNumbers]:
    """Score rows with the reference, whose model is released at the end."""
    return backend_numbers(
        ReferenceBackend(model, BackendOptions(max_length=max_length)), rows, max_length, ranks, progress
    )


def backend_numbers(
    backend: Backend,
    rows: Sequence[Rendered],
    max_length: int,
    ranks: bool = True,
    progress: Progress = NO_PROGRESS,
    shuffle: int | None = None,
    batch_tokens: int | None = None,
) -> list[TokenNumbers]:
    """Score rows with a backend, in one call.

    Args:
        rows: Scorable rows.
        max_length: Most tokens in one sequence.
        shuffle: Seed of the order in which the sequences are given; None for the order of the rows.
        batch_tokens: Most tokens at once; None for the backend's own number.

    Raises:
        DataselectError: If the backend does not answer every sequence.
    """
    asked = [sequences(one, max_length) for one in rows]
    flat = [sequence for group in asked for sequence in group]
    order = range(len(flat)) if shuffle is None else np.random.default_rng(shuffle).permutation(len(flat)).tolist()
    try:
        given = backend.score([flat[i] for i in order], ranks, progress, batch_tokens)
        answers = dict(zip(order, given, strict=True))
    except (RuntimeError, ValueError, IndexError, ArithmeticError) as error:
        fault = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataselectError(
            f"the backend {backend.name} cannot score the sample: {fault}",
            "try a lower --batch-tokens, or fewer --rows",
        ) from error
    places = iter(range(len(flat)))
    return [
        token_numbers(one, [answers[next(places)] for _ in group], ranks)
        for one, group in zip(rows, asked, strict=True)
    ]


def compare_passes(
    backend: Backend,
    rows: Sequence[Rendered],
    reference: Sequence[TokenNumbers],
    max_length: int,
    seed: int = 0,
    ranks: bool = True,
    progress: Progress = NO_PROGRESS,
) -> tuple[ParityReport, ...]:
    """Score a sample in every way, and compare: with the reference first, then with that first pass.

    Args:
        backend: The backend to verify.
        rows: The sample: at least one scorable row.
        reference: `reference_numbers` of the same rows.
        max_length: Most tokens in one sequence.
        seed: Seed of the shuffle.

    Raises:
        DataselectError: If the backend does not answer every sequence.
    """

    def again(shuffle: int | None, batch_tokens: int | None) -> list[TokenNumbers]:
        return backend_numbers(backend, rows, max_length, ranks, progress, shuffle, batch_tokens)

    first = again(None, None)
    found = [
        compare_tokens("against the reference", rows, first, reference),
        compare_tokens("shuffled", rows, again(seed, None), first),
    ]
    tokens = sum(len(sequence.ids) for one in rows for sequence in sequences(one, max_length))
    most = min(backend.batch_tokens, tokens)
    for budget in (most // 2**n for n in range(1, HALVINGS + 1) if most >= 2**n):
        found.append(compare_tokens(f"{budget:,} tokens at once", rows, again(None, budget), first))
    return tuple(found)
