"""Budget: what `--budget` means, and how many rows of a ranking it keeps.

Three forms: `N` examples, `P%` of the pool's rows (rounded down, at least 1), `Ntok` tokens as `total_tokens` of the
score table counts them. A token budget stops before the first row that overshoots and never skips it for a shorter
one, so that a larger budget only appends. A budget over the pool is an error and not a cap: it is nearly always a
typing mistake. Fewer rankable rows than asked is no error; the caller reports it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import DataselectError, UsageError

Unit = Literal["examples", "tokens"]
_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)(%|tok)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget as typed, not yet resolved against a pool.

    Attributes:
        text: What the user typed.
        value: Examples, tokens or per cent; exact, since 0.29 * 100 is not 29 in floating point.
    """

    text: str
    value: Fraction
    unit: Unit
    percent: bool

    def resolve(self, rows: int, tokens: int | None) -> int:
        """Return the budget as a number of examples or tokens.

        Args:
            rows: Readable rows of the pool.
            tokens: Tokens of the pool's scored rows; needed for a token budget only.

        Raises:
            DataselectError: If it is more than the pool holds; names both numbers.
        """
        if self.percent:
            if self.value > 100:
                _over(f"{self.text} of the pool", f"{rows:,} rows, which is 100%", "give at most 100%")
            return max(1, int(self.value * rows / 100))
        wanted, held = int(self.value), rows if self.unit == "examples" else tokens
        assert held is not None, "a token budget needs counted tokens"
        if wanted > held:
            what = "rows" if self.unit == "examples" else "scored tokens"
            most = f"{held}" if self.unit == "examples" else f"{held}tok"
            _over(f"{wanted:,} {self.unit}", f"{held:,} {what}", f"give at most {most}, or 100%")
        return wanted


def _over(asked: str, held: str, hint: str) -> None:
    raise DataselectError(f"the budget asks for {asked}, but the pool has {held}", hint)


def parse_budget(text: str) -> Budget:
    """Read `N`, `P%` or `Ntok`.

    Raises:
        UsageError: If it is anything else, zero or negative.
    """
    form = _FORM.fullmatch(text.strip())
    hint = "examples: 1000 (examples), 10% or 0.5% (of the pool's rows), 50000tok (tokens)"
    if form is None or ("." in form[1] and form[2] != "%"):
        raise UsageError(f"expected a budget such as 1000, 10% or 50000tok, got {text!r}", hint)
    value = Fraction(form[1])
    if value == 0:
        raise UsageError(f"a budget must be greater than 0, got {text!r}", hint)
    return Budget(text, value, "tokens" if form[2] == "tok" else "examples", form[2] == "%")


def most_rows(unit: Unit, amount: int, tokens: NDArray[np.float64] | None) -> int:
    """Return the most rows that a budget can hold, whichever they are; at least 1.

    Args:
        amount: Examples or tokens.
        tokens: (n_candidates,) tokens of each row that may be taken, NaN where not counted; for a token budget only.
    """
    if unit == "examples":
        return amount
    assert tokens is not None, "a token budget needs counted tokens"
    return max(1, fitting(np.sort(tokens), amount))


def fitting(tokens: NDArray[np.float64], amount: int) -> int:
    """Count the leading rows that fit in `amount` tokens."""
    return int(np.searchsorted(np.cumsum(tokens), amount, side="right"))


def cut_tokens(tokens: NDArray[np.float64], amount: int) -> int:
    """Count the leading rows that fit in `amount` tokens, at least one.

    Args:
        tokens: (n_ranked,) tokens of each row, best first.

    Raises:
        DataselectError: If the first row alone is larger.
    """
    kept = fitting(tokens, amount)
    if kept == 0:
        raise DataselectError(
            f"the best row alone has {int(tokens[0]):,} tokens, more than the budget of {amount:,}",
            f"give at least {int(tokens[0])}tok",
        )
    return kept
