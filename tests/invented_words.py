"""Sentences of words drawn by a seed: no two seeds resemble each other."""

from __future__ import annotations

import random

WORDS = (
    "river",
    "garden",
    "letter",
    "market",
    "village",
    "bridge",
    "window",
    "captain",
    "harvest",
    "lantern",
    "orchard",
)


def words(seed: int, number: int = 12) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=number))


def sentence(seed: int, number: int = 14) -> str:
    return words(seed, number).capitalize() + "."
