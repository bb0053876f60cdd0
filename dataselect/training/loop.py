"""The training loop: transformers' `Trainer`, set up so that a seed decides everything and nothing else is written.

Chosen over TRL's `SFTTrainer` by measurement (`benchmarks/trainer_choice.py`): on equal rows it was 1.9 times as fast
in float32 and 1.4 times in bfloat16, and it takes our token ids and labels as they are. Rows are grouped by length,
which saves padding; the groups depend on the seed and `batch_size` alone. The loss of a step is the mean over its
trained tokens, over all passes of that step together. On GPU, kernels may add in another order from run to run; on CPU
two runs with one seed and as many threads give the same bytes.

Left out: checkpoints (a training is one step of an experiment, and is done again if it is stopped) and evaluation.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from dataselect.errors import DataselectError, UsageError
from dataselect.registry import require
from dataselect.training.collator import collate
from dataselect.training.config import TrainConfig
from dataselect.training.rows import TrainSet

LOG = "train_log.jsonl"
TRACKER_FOLDER = "trainer"
"""Where an experiment tracker may put its files; nothing else goes there."""

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
class Trained:
    """What the loop did.

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
    folder: Path,
    progress: Progress,
) -> Trained:
    """Train `model` in place, and write DIR/train_log.jsonl.

    Args:
        model: From `load_trainable`.
        dtype: Resolved dtype.
        folder: The stage directory.
        progress: Called after each optimiser step.

    Raises:
        DataselectError: If the training diverges or memory runs out.
    """
    require("accelerate", "train")
    from transformers import PrinterCallback, ProgressCallback, Trainer

    use_cache = model.config.use_cache
    rows = [{"input_ids": row.input_ids, "labels": row.labels} for row in train_set.rows]
    with (folder / LOG).open("w", encoding="utf-8", newline="\n") as log:
        trainer = Trainer(
            model,
            _arguments(config, len(rows), dtype, folder),
            data_collator=collate,
            train_dataset=rows,
            callbacks=[_step_log(log, progress)],
        )
        for own in (PrinterCallback, ProgressCallback):  # both write to stdout
            trainer.remove_callback(own)
        began = time.perf_counter()
        _run(trainer)
        seconds = time.perf_counter() - began
    model.config.use_cache = use_cache
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    _require_finite(model, losses)
    return Trained(trainer.state.global_step, losses[-1], trainer.state.num_input_tokens_seen, seconds)


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
        per_device_train_batch_size=config.rows_per_pass,
        gradient_accumulation_steps=config.batch_size // config.rows_per_pass,
        train_sampling_strategy="group_by_length",
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
    from transformers.integrations import get_reporting_integration_callbacks

    try:
        get_reporting_integration_callbacks(name)
    except ValueError as error:
        raise UsageError(f"report_to {name}: {' '.join(str(error).split())}", "use none, or one of these") from None


def _run(trainer: Any) -> None:  # noqa: ANN401
    import torch

    try:
        trainer.train()
    except torch.OutOfMemoryError as error:
        message = f"the training ran out of GPU memory: {str(error).splitlines()[0]}"
        raise DataselectError(message, "lower micro_batch_size or --max-length, or use --lora") from None


def _require_finite(model: Any, losses: list[float]) -> None:  # noqa: ANN401
    first = next((step for step, loss in enumerate(losses, 1) if not math.isfinite(loss)), None)
    if first is None and all(bool(weights.isfinite().all()) for weights in model.parameters()):
        return
    where = f"the loss of step {first} is {losses[first - 1]}" if first else "the last step left infinite weights"
    raise DataselectError(f"the training diverged: {where}", "lower the learning rate")


def _step_log(log: IO[str], progress: Progress) -> Any:  # noqa: ANN401
    """A callback that writes one line per step to `log` and tells `progress`."""
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
