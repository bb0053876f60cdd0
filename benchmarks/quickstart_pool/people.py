"""The people of the composed stories, letters and dialogues: first names with a pronoun, and surnames."""

from __future__ import annotations

from dataclasses import dataclass

from quickstart_pool.draw import Draw
from quickstart_pool.wording import words

_SHE = words(
    "Amina Beatriz Chloe Dalia Edith Farida Greta Hanna Ines Joy Kavya Leila Mariam Nadia Olga Priya Ruth Sofia "
    "Tamar Ursula Vera Wanda Yasmin Zoe Clara Marta Ngozi Alice Rosa Thandi"
)
_HE = words(
    "Ahmed Boris Carlos Daniel Emil Felix Goran Hugo Ivan Jonas Kofi Luca Mateo Nils Omar Pavel Rafael Samuel Tomas "
    "Umar Victor Walter Yusuf Zoltan Arthur Bruno Dmitri Simon Peter Kenji"
)
SURNAMES = words(
    "Abara Bennett Castillo Dvorak Eriksen Fontaine Gupta Haddad Ibrahim Jansen Keller Lindqvist Moreau Nakamura "
    "Okafor Petrov Quinn Rossi Schmidt Tanaka Underwood Vargas Whitfield Yilmaz Ziegler Marsh Holloway Banerjee"
)


@dataclass(frozen=True)
class Person:
    """Someone in a story, with the pronouns that go with the name."""

    name: str
    she: str
    her: str

    @property
    def words(self) -> dict[str, str]:
        """The fields that templates may use: `who`, `she`, `She`, `her` (possessive)."""
        return {"who": self.name, "she": self.she, "She": self.she.capitalize(), "her": self.her}


def person(draw: Draw) -> Person:
    """Anyone."""
    return Person(draw.pick(_SHE), "she", "her") if draw.chance(50) else Person(draw.pick(_HE), "he", "his")


def two_people(draw: Draw) -> tuple[Person, Person]:
    """Two people of different names."""
    first, second = person(draw), person(draw)
    while second.name == first.name:
        second = person(draw)
    return first, second


def full_name(draw: Draw) -> str:
    """A first name and a surname."""
    return f"{person(draw).name} {draw.pick(SURNAMES)}"
