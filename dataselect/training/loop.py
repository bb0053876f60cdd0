"""The training loop: transformers' `Trainer`, set up so that a seed decides everything and nothing else is written.

Chosen over TRL's `SFTTrainer` by measurement (`benchmarks/trainer_choice.py`): on equal rows it was 1.9 times as fast
in float32 and 1.4 times in bfloat16, and it takes our token ids and labels as they are. Rows are grouped by length,
which saves padding; the groups depend on the seed and `batch_size` alone. On GPU, kernels may add in another order from
run to run; on CPU two runs with one seed and as many threads give the same bytes.

The loss of a step is the mean NLL of its trained tokens over all its passes, the same for every family and every cut.
The losses that come with transformers' models differ: some know of the step beyond their own pass and some do not (then
the loss depends on the micro batch), some add terms for routers. And since most of a batch is prompt and padding, the
head is asked for the trained positions alone: with a vocabulary of 262,144 it is most of a small model's work and
nearly all of its memory.

Weight decay, where there is any, spares biases and the weights of norms, as the `Trainer` does it.

Left out: checkpoints (a training is one step of an experiment, and is done again if it is stopped) and evaluation.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from dataselect.errors import DataselectError, UsageError
from dataselect.escaping import one_line
from dataselect.library_errors import is_out_of_memory, user_errors
from dataselect.registry import require
from dataselect.stage import StageDirectory
from dataselect.training.config import TrainConfig
from dataselect.training.rows import IGNORED, TrainSet, collate

LOG = "train_log.jsonl"
TRACKER_FOLDER = "trainer"
"""Where an experiment tracker may put its files; nothing else goes there."""

FIXED = {
    "optim": "adamw_torch_fused",
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "label_smoothing_factor": 0.0,
    "train_sampling_strategy": "group_by_length",
    "dataloader_drop_last": False,
}
"""Fixed settings of every training, by the names of `TrainingArguments`; the manifest holds them."""

_SCHEDULERS = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step, as the training log keeps it.

    Attributes:
        step: Its number, from 1.
        of: Number of steps of the whole training.
        loss: Mean NLL of its trained tokens before its update, in nats.
        learning_rate: Rate of its update.
        tokens: Tokens seen up to and with it, prompts included.
    """

    step: int
    of: int
    loss: float
    learning_rate: float
    tokens: int


Progress = Callable[[Step], None]
"""Called after each optimiser step."""


@dataclass(frozen=True, slots=True)
class TrainOutcome:
    """The outcome of the loop.

    Attributes:
        steps: Optimiser steps.
        final_loss: Loss of the last step in nats per trained token, before its update.
        tokens: Tokens seen, prompts included.
        seconds: Time in the loop.
    """

    steps: int
    final_loss: float
    tokens: int
    seconds: float


def fit(
    model: Any,  # noqa: ANN401 - a transformers or PEFT model
    train_set: TrainSet,
    config: TrainConfig,
    dtype: str,
    stage: StageDirectory,
    progress: Progress,
) -> TrainOutcome:
    """Train `model` in place, and write DIR/train_log.jsonl.

    Args:
        model: From `load_trainable`.
        dtype: Resolved dtype.
        stage: The stage directory.
        progress: Called after each optimiser step.

    Raises:
        DataselectError: If the training diverges or memory runs out.
    """
    require("accelerate", "train")
    from transformers import PrinterCallback, ProgressCallback

    rows = [{"input_ids": row.input_ids, "labels": row.labels} for row in train_set.rows]
    stage.claim(LOG)
    with (
        user_errors(f"cannot write {stage.path / LOG}"),
        (stage.path / LOG).open("w", encoding="utf-8", newline="\n") as log,
    ):
        trainer = _trainer_class()(
            model,
            _arguments(config, len(rows), dtype, stage.scratch),
            data_collator=collate,
            train_dataset=rows,
            compute_loss_func=mean_nll,
            callbacks=[_step_log(log, progress)],
        )
        for own in (PrinterCallback, ProgressCallback):  # both write to stdout
            trainer.remove_callback(own)
        began = time.perf_counter()
        _run(trainer)
        seconds = time.perf_counter() - began
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    _require_finite(model, losses)
    return TrainOutcome(trainer.state.global_step, losses[-1], trainer.state.num_input_tokens_seen, seconds)


def load_libraries() -> None:
    """Import what a training imports, so that a training that is timed does not."""
    require("accelerate", "train")
    import accelerate  # noqa: F401
    import transformers.trainer  # noqa: F401


def _trainer_class() -> Any:  # noqa: ANN401
    """Return the `Trainer` subclass whose passes compute logits of trained positions only."""
    from transformers import Trainer

    class PositionTrainer(Trainer):  # type: ignore[misc]
        def __init__(self, model: Any, *further: Any, **named: Any) -> None:  # noqa: ANN401
            super().__init__(model, *further, **named)
            self._positions = TrainedPositions(model)

        def compute_loss(self, model: Any, inputs: dict[str, Any], *further: Any, **named: Any) -> Any:  # noqa: ANN401
            with self._positions.of(inputs["labels"]):
                return super().compute_loss(model, inputs, *further, **named)

    return PositionTrainer


def _arguments(config: TrainConfig, num_rows: int, dtype: str, folder: Path) -> Any:  # noqa: ANN401
    import torch
    from transformers import TrainingArguments

    arguments = TrainingArguments(
        output_dir=str(folder / TRACKER_FOLDER),
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        learning_rate=config.learning_rate,
        lr_scheduler_type=_SCHEDULERS[config.scheduler],
        warmup_steps=int(config.warmup_ratio * config.num_steps(num_rows)),
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        **FIXED,
        per_device_train_batch_size=config.rows_per_pass,
        gradient_accumulation_steps=config.batch_size // config.rows_per_pass,
        bf16=dtype == "bfloat16",
        use_cpu=not torch.cuda.is_available(),
        seed=config.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="non_padding",
        save_strategy="no",
        disable_tqdm=True,
        report_to=config.report_to,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # on several GPUs the Trainer would multiply the batch size
    return arguments


def check_tracker(name: str) -> None:
    """Refuse an experiment tracker that transformers does not know, before anything is loaded.

    Raises:
        UsageError: If it does not know it.
    """
    if name == "none":
        return
    from transformers.integrations import get_reporting_integration_callbacks

    try:
        get_reporting_integration_callbacks(name)
    except ValueError as error:
        raise UsageError(f"report_to {name}: {one_line(error)}", "use none, or one of these") from None


def _run(trainer: Any) -> None:  # noqa: ANN401
    try:
        trainer.train()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        message = f"the training ran out of memory: {one_line(error)}"
        raise DataselectError(message, "lower micro_batch_size in --config, or --max-length; or use --lora") from None


def _require_finite(model: Any, losses: list[float]) -> None:  # noqa: ANN401
    first = next((step for step, loss in enumerate(losses, 1) if not math.isfinite(loss)), None)
    if first is None and all(bool(weights.isfinite().all()) for weights in model.parameters()):
        return
    where = f"the loss of step {first} is {losses[first - 1]}" if first else "the last step left weights not finite"
    raise DataselectError(f"the training diverged: {where}", "lower the learning rate")


def _step_log(log: IO[str], progress: Progress) -> Any:  # noqa: ANN401
    """A callback that writes one line per step to `log` and calls `progress`."""
    from transformers import TrainerCallback

    class StepLog(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **_: Any) -> None:  # noqa: ANN401
            if "loss" not in logs:
                return
            step = Step(
                state.global_step, state.max_steps, logs["loss"], logs["learning_rate"], state.num_input_tokens_seen
            )
            line = {name: value for name, value in asdict(step).items() if name != "of"}
            log.write(json.dumps(line) + "\n")
            log.flush()
            progress(step)

    return StepLog()


class TrainedPositions:
    """Restrict a model's head to those positions whose next token is trained.

    A family that computes its logits without calling a head still gives those of all positions.

    Args:
        model: A transformers or PEFT model.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self._trained: Any = None
        head = model.get_output_embeddings()
        if head is not None:
            head.register_forward_pre_hook(self._select)

    def _select(self, head: Any, given: tuple[Any, ...]) -> tuple[Any, ...] | None:  # noqa: ANN401
        if self._trained is None or given[0].shape[:2] != self._trained.shape:
            return None
        return (given[0][self._trained][None], *given[1:])

    @contextmanager
    def of(self, labels: Any) -> Iterator[None]:  # noqa: ANN401
        """Restrict the head to the positions before these labels, inside the block.

        Args:
            labels: (n_rows, n_tokens), IGNORED where no loss falls.
        """
        self._trained = _before(labels)
        try:
            yield
        finally:
            self._trained = None


def mean_nll(outputs: Any, labels: Any, num_items_in_batch: Any) -> Any:  # noqa: ANN401 - tensors
    """Return the summed NLL of a pass's trained tokens over the trained tokens of the whole step: passes add up.

    Args:
        outputs: With `logits`, (1, n_trained, vocabulary), or (n_rows, n_tokens, vocabulary) of all positions.
        labels: (n_rows, n_tokens), IGNORED where no loss falls, so at the first token of each row.
        num_items_in_batch: TrainOutcome tokens of the step.

    Returns:
        () in nats.
    """
    from torch.nn.functional import cross_entropy

    logits = outputs.logits
    chosen = logits[_before(labels)] if logits.shape[:2] == labels.shape else logits[0]
    return cross_entropy(chosen.float(), labels[labels != IGNORED], reduction="sum") / num_items_in_batch


def _before(labels: Any) -> Any:  # noqa: ANN401
    """Return (n_rows, n_tokens) booleans: which positions are followed by a trained token."""
    from torch.nn.functional import pad

    return pad(labels[:, 1:] != IGNORED, (0, 1))
