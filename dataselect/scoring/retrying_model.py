"""A model that recovers from faults: it halves batches, restarts the engine, and isolates a row that cannot be scored.

Out of memory halves the tokens computed at once until the shard fits. A dead engine is restarted as it was, which gives
the same numbers if it was killed from outside; if it dies over the same sequences again, it is restarted with half the
tokens and one sequence at a time, so that the one that kills it is found. Any other fault of a batch is isolated by
halving the batch. The sequence that the model cannot score has no answer, and all others have one. If nothing at all
can be scored, the fault is not a row's, and the run ends with the model's own message.

A retry may compute sequences again; it never answers one twice. Each recovery is recorded in `notes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataselect.backends import Backend, BatchTooLargeError, EngineDiedError, TokenSequence
from dataselect.errors import DataselectError
from dataselect.escaping import one_line
from dataselect.records import TokenScores

Load = Callable[[int | None], Backend]
"""Loads the backend, with this many tokens at once or its own default."""

FUTILE = 16
"""Sequences that may fail one by one, with none ever scored, before the fault is attributed to the model."""

RESTARTS = 4
"""Times that an engine is restarted without having scored anything in between."""


class RetryingModel:
    """A backend that is loaded on first use, and retried or restarted when it fails.

    Args:
        load: Loads the backend.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._backend: Backend | None = None
        self._restarts = 0
        self._failed = 0
        self._succeeded = False
        self.notes: list[str] = []

    def score(
        self, sequences: Sequence[TokenSequence], ranks: bool, tick: Callable[[int], None]
    ) -> list[TokenScores | None]:
        """Score sequences; None for each that the model cannot score.

        Raises:
            DataselectError: If the model cannot be loaded, dies repeatedly, or scores nothing at all.
        """
        return _Attempt(self, ranks, tick).score(list(sequences), None)

    def stop(self) -> None:
        """Release the backend."""
        if self._backend is not None:
            self._backend.stop()
            self._backend = None

    @property
    def backend(self) -> Backend:
        """The backend, loaded on first use."""
        if self._backend is None:
            self._backend = self._load(None)
        return self._backend

    def restart(self, fault: _Fault) -> bool:
        """Load the backend again: the first time as it was, then with half the tokens at once.

        Returns:
            Whether its settings are unchanged.
        """
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise DataselectError(
                f"the engine died {self._restarts} times without scoring anything: {fault.words}",
                "what is finished is kept: run the same command again, with a lower --batch-tokens",
            )
        half = None if self._restarts == 1 else max(1, self.backend.batch_tokens // 2)
        self.stop()
        self._backend = self._load(half)
        how = "" if half is None else f" with {half:,} tokens at once, one sequence at a time"
        self.notes.append(f"the engine died ({fault.words}); it was restarted{how}")
        return half is None

    def succeeded(self) -> None:
        """Record that something was scored; the first time, note if that is slow."""
        if not self._succeeded and self.backend.alone:
            self.notes.append(f"packs are off, each row is scored by itself: {self.backend.alone}")
        self._restarts, self._failed, self._succeeded = 0, 0, True

    def failed(self, sequence: TokenSequence, fault: _Fault) -> None:
        """Record that one sequence by itself cannot be scored."""
        self._failed += 1
        if self._failed >= FUTILE and not self._succeeded:
            raise DataselectError(
                f"the model scores nothing: {fault.words}", "check that the backend supports this model"
            )
        self.notes.append(f"a sequence of {len(sequence.ids):,} tokens cannot be scored: {fault.words}")


@dataclass(frozen=True, slots=True)
class _Fault:
    """Kind and message of an error, whose traceback would keep all that the failed attempt had computed in memory."""

    kind: type[Exception]
    words: str

    @classmethod
    def of(cls, error: Exception) -> _Fault:
        return cls(type(error), one_line(error) or type(error).__name__)


class _Attempt:
    """One call of `score`: its options, and how much progress was already reported."""

    def __init__(self, model: RetryingModel, ranks: bool, tick: Callable[[int], None]) -> None:
        self._model = model
        self._ranks = ranks
        self._tick = tick
        self._reported = 0

    def score(self, sequences: list[TokenSequence], budget: int | None) -> list[TokenScores | None]:
        """Score, halving budget or batch where that is needed."""
        if not sequences:
            return []
        ticked = 0

        def tick(done: int) -> None:
            nonlocal ticked
            ticked += done
            self._progress(done)

        try:
            answers: list[TokenScores | None] = list(self._model.backend.score(sequences, self._ranks, tick, budget))
        except (RuntimeError, ValueError, IndexError, ArithmeticError) as error:
            fault = _Fault.of(error)
        else:
            self._model.succeeded()
            return answers
        self._reported += ticked
        if issubclass(fault.kind, BatchTooLargeError):
            return self._with_less(sequences, budget, fault)
        if not issubclass(fault.kind, EngineDiedError):
            return self._in_halves(sequences, budget, fault)
        if self._model.restart(fault):
            return self.score(sequences, budget)
        if len(sequences) == 1:
            return self._given_up(sequences[0], fault)
        return [answer for sequence in sequences for answer in self.score([sequence], None)]

    def _with_less(self, sequences: list[TokenSequence], budget: int | None, fault: _Fault) -> list[TokenScores | None]:
        half = (budget or self._model.backend.batch_tokens) // 2
        if half >= 1 and len(sequences) > 1:
            self._model.notes.append(f"out of memory; this shard continues with {half:,} tokens at once")
            return self.score(sequences, half)
        return self._in_halves(sequences, 1, _Fault(fault.kind, f"out of memory even by itself ({fault.words})"))

    def _in_halves(self, sequences: list[TokenSequence], budget: int | None, fault: _Fault) -> list[TokenScores | None]:
        if len(sequences) == 1:
            return self._given_up(sequences[0], fault)
        middle = len(sequences) // 2
        return self.score(sequences[:middle], budget) + self.score(sequences[middle:], budget)

    def _given_up(self, sequence: TokenSequence, fault: _Fault) -> list[TokenScores | None]:
        self._model.failed(sequence, fault)
        self._progress(1)
        return [None]

    def _progress(self, done: int) -> None:
        """Report progress, without what a failed attempt has reported already."""
        again = min(done, self._reported)
        self._reported -= again
        if done > again:
            self._tick(done - again)
