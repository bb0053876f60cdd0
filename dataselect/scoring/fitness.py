"""Examine a model before it is used: does it load, how is it fed, does it end its turns, does it run in packs.

The questions that cost hours when their answer is found late, asked of a model before any pool: it is loaded by the
backend that would score, a few exchanges are rendered by its template, and the probe of a scoring run (`feeding`)
scores them and a plain sentence with and without BOS. Nothing is written.

Left out: models on a server, which are fed by the server, and speed, which `dataselect score --estimate` measures on a
pool.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataselect.backends import BackendOptions, choose_backend, load_backend
from dataselect.backends.dtypes import on_gpu, resolve_dtype
from dataselect.errors import DataselectError
from dataselect.library_errors import user_errors
from dataselect.models import resolve_model, stated_positions
from dataselect.pool import Renderer, RenderOptions
from dataselect.records import END, Rendered
from dataselect.scoring.feeding import SHARE, Feeding, FeedingProbe, rendered_exchanges

_ENOUGH = SHARE * 100_000
"""Tokens of work for which the probe may take as many rows as it ever does."""


@dataclass(frozen=True, slots=True)
class ModelFitness:
    """What was found about a model.

    Attributes:
        model: As it was asked for.
        backend, dtype: What would score it here.
        positions: The most tokens that it states; None where it states none.
        template: Name of the template that would be used.
        alone: Why rows are scored one at a time; empty if they run in packs.
        end: The token that ends a response; empty if the template writes none that is one token.
        feeding: What the probe of BOS and of the end mark found.
    """

    model: str
    backend: str
    dtype: str
    positions: int | None
    template: str
    alone: str
    end: str
    feeding: Feeding

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before this model is used, one line each."""
        no_end = "no end is trained: the template ends a response with no token of its own, so a model that is trained "
        no_end += "with it will not stop by itself"
        slow = f"packs are off, each row is scored by itself: {self.alone}"
        lines = (*self.feeding.warnings, "" if self.end else no_end, slow if self.alone else "")
        return tuple(line for line in lines if line)


@user_errors()
def examine(model: str, rendering: RenderOptions = RenderOptions(), dtype: str = "auto") -> ModelFitness:  # noqa: B008 - frozen
    """Load a model and look at how it is fed.

    Args:
        model: `builtin`, a model folder or a hub id.
        rendering: Template and BOS as they would be used.
        dtype: `auto` or the name of a dtype.

    Raises:
        DataselectError: If the model cannot be loaded or cannot score a plain exchange.
    """
    folder = resolve_model(model)
    renderer = Renderer(folder, rendering)
    rows = rendered_exchanges(renderer)
    if not rows:
        raise DataselectError(
            f"the template {renderer.template_name} renders no plain exchange with a scorable response",
            "choose another --template; dataselect show prints rows as rendered",
        )
    name = choose_backend("auto")
    backend = load_backend(name, folder, BackendOptions(dtype=dtype))
    try:
        feeding = FeedingProbe(renderer).ask(backend, rows, _ENOUGH)
    finally:
        backend.stop()
    return ModelFitness(
        model=model, backend=name, dtype=resolve_dtype(dtype, gpu=on_gpu()), positions=stated_positions(folder),
        template=renderer.template_name, alone=getattr(backend, "alone", None) or "", end=_end(renderer, rows),
        feeding=feeding,
    )  # fmt: skip


def _end(renderer: Renderer, rows: list[Rendered]) -> str:
    ends = rows[0].token_ids[rows[0].parts == END]
    return str(renderer.tokenizer.convert_ids_to_tokens(int(ends[0]))) if len(ends) else ""
