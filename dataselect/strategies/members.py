"""Strategies that are named inside an option: `ppl-low(scope=sequence), similarity, longest`.

A member is a strategy's name, with its own options in brackets where it has any. It is given what it asked for and
nothing else, as if it ranked alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from dataselect.strategies.contract import LENGTH, Candidates, Needs, Strategy
from dataselect.strategies.parameters import make_strategy

_MEMBER = re.compile(r"([\w-]+)\s*(?:\(([^()]*)\))?")
_BETWEEN = re.compile(r",(?![^()]*\))")
"""A comma that is not inside brackets."""


@dataclass(frozen=True, slots=True)
class Member:
    """A strategy and what it was called."""

    text: str
    strategy: Strategy

    @property
    def name(self) -> str:
        """The strategy's name, without its options."""
        return self.text.partition("(")[0].strip()


def parse_member(text: str) -> Member:
    """Read `name` or `name(option=value, option=value)`.

    Raises:
        ValueError: If it is neither, or an option comes twice.
        UsageError: If the strategy or one of its options is unknown or wrong.
    """
    found = _MEMBER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected a strategy such as ppl-low or ppl-low(scope=sequence), got {text!r}")
    params: dict[str, str] = {}
    for pair in (found[2] or "").split(",") if (found[2] or "").strip() else ():
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key or key in params:
            raise ValueError(f"expected each option once, as option=value, in {text.strip()!r}")
        params[key] = value
    return Member(text.strip(), make_strategy(found[1], params))


def parse_members(text: str) -> tuple[Member, ...]:
    """Read members separated by commas.

    Raises:
        ValueError: If one cannot be read.
        UsageError: If a strategy or one of its options is unknown or wrong.
    """
    return tuple(parse_member(part) for part in _BETWEEN.split(text))


def united(needs: Iterable[Needs]) -> Needs:
    """What several strategies need together.

    Raises:
        ValueError: If two follow different selections.
    """
    every = tuple(needs)
    selections = sorted({need.selection for need in every if need.selection is not None})
    if len(selections) > 1:
        raise ValueError(f"expected one selection to match, got {selections[0]} and {selections[1]}")
    return Needs(
        columns=tuple(dict.fromkeys(name for need in every for name in need.columns)),
        length=any(need.length for need in every),
        selection=selections[0] if selections else None,
        vectors=any(need.vectors for need in every),
        targets=any(need.targets for need in every),
        texts=any(need.texts for need in every),
        target_texts=any(need.target_texts for need in every),
        sources=any(need.sources for need in every),
    )


def narrowed(candidates: Candidates, needs: Needs) -> Candidates:
    """The candidates as a strategy with these `needs` is given them, without a limit."""
    columns = {name: candidates.columns[name] for name in (*needs.columns, *((LENGTH,) if needs.length else ()))}
    nothing = Candidates(())
    return replace(
        candidates,
        columns=columns,
        match_lengths=candidates.match_lengths if needs.selection is not None else nothing.match_lengths,
        vectors=candidates.vectors if needs.vectors else None,
        target_vectors=candidates.target_vectors if needs.targets else nothing.target_vectors,
        target_tasks=candidates.target_tasks if needs.targets else (),
        texts=candidates.texts if needs.texts else (),
        target_texts=candidates.target_texts if needs.target_texts else (),
        target_text_tasks=candidates.target_text_tasks if needs.target_texts else (),
        sources=candidates.sources if needs.sources else (),
        limit=None,
    )
