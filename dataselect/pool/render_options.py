"""Options of rendering, chosen once per run and recorded, and the template that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from dataselect.errors import UsageError
from dataselect.pool.chat_templates import ChatTemplate
from dataselect.pool.templates import AlpacaTemplate, QATemplate, Template, TextTemplate
from dataselect.registry import unknown
from dataselect.stage import Overwrite, recorded_fingerprint
from dataselect.stage.fingerprints import leaves

TEMPLATE_NAMES = ("auto", "chat", "alpaca", "qa", "text")
"""Names that `--template` takes, besides a path to a Jinja file."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """Options of rendering; chosen once per run and recorded.

    Attributes:
        template: `auto`, `chat`, `alpaca`, `qa`, `text`, or the path of a Jinja file.
        template_text: The Jinja text itself, where a manifest recorded it; `template` is then only its name.
        max_length: Most tokens per sequence; None for the model's positions minus 1.
        truncate: Whether a longer dialogue is cut and scored instead of left unscored.
        bos: `auto` as the tokenizer or template does it, `always`, or `never`.
        think: Whether `<think>` spans count as response.
        special_tokens: Whether special tokens that a record's own text spells out become control tokens, or stay text.
        date: The date for templates that ask for the time, as 2026-01-31; None for today's.
    """

    template: str = "auto"
    max_length: int | None = None
    truncate: bool = False
    bos: Literal["auto", "always", "never"] = "auto"
    think: bool = True
    special_tokens: Literal["control", "text"] = "control"
    template_text: str | None = None
    date: str | None = None

    @classmethod
    def recorded(cls, settings: Mapping[str, Any]) -> RenderOptions:
        """The options behind `Renderer.settings()`, so that a later stage renders as an earlier one did."""
        of_file = settings["template"] not in TEMPLATE_NAMES
        return cls(
            template=settings["template"],
            max_length=settings["max_length"],
            truncate=settings["truncate"],
            bos=settings["bos"],
            think=settings["think"],
            special_tokens=settings.get("special_tokens", "control"),
            template_text=settings["template_text"] if of_file else None,
            date=settings.get("date"),
        )

    @property
    def midnight(self) -> datetime:
        """The time that templates are given: the beginning of the day `date`.

        Raises:
            UsageError: If `date` is no day.
        """
        return _midnight(self.date or today())

    def resumed(self, out: Path, overwrite: Overwrite = False) -> RenderOptions:
        """Fix the date: that of the run in `out` if it is resumed, else today's.

        Args:
            out: A stage directory, or what will be one.
            overwrite: Whether what is in it is removed.
        """
        earlier = () if overwrite is True else leaves(recorded_fingerprint(out))
        dates = (str(value) for name, value in earlier if name.endswith("rendering.date"))
        return replace(self, date=self.date or next(dates, None) or today())


def today() -> str:
    """The local date, as 2026-01-31."""
    return f"{datetime.now():%Y-%m-%d}"


def _midnight(date: str) -> datetime:
    try:
        day = datetime.strptime(date, "%Y-%m-%d")
    except ValueError:
        day = None
    if day is None or f"{day:%Y-%m-%d}" != date:  # dates are compared as texts
        raise UsageError(f"--date should be a day such as 2026-01-31, got {date!r}")
    return day


def load_template(name: str, tokenizer: Any, eos: str, now: datetime | None = None) -> Template:  # noqa: ANN401
    """Find a template by name or path.

    Args:
        name: `auto` (the tokenizer's own where it has one, else `alpaca`), `chat`, `alpaca`, `qa`, `text`, or the path
            of a Jinja file.
        tokenizer: A transformers tokenizer.
        eos: Text of its EOS token; empty if there is none.
        now: The time for templates that ask for it; None for the clock's, now.

    Raises:
        UsageError: If the name is unknown, or `chat` is asked of a tokenizer without a chat template.
    """
    if name == "auto":
        name = "chat" if tokenizer.chat_template else "alpaca"
    plain: Sequence[type[AlpacaTemplate] | type[QATemplate] | type[TextTemplate]] = (
        AlpacaTemplate, QATemplate, TextTemplate,
    )  # fmt: skip
    for kind in plain:
        if kind.name == name:
            return kind(eos)
    if name == "chat":
        return ChatTemplate.of_tokenizer(tokenizer, now)
    if Path(name).is_file():
        return ChatTemplate.of_file(Path(name), tokenizer, now)
    raise unknown("template", name, TEMPLATE_NAMES)
