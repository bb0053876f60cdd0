"""The dialogue examples: a conversation about any of the services, in `messages` form.

The services are in `travel_services`, `town_services`, `care_services` and `errand_services`; `services` puts a
conversation together.
"""

from __future__ import annotations

from quickstart_pool.care_services import CARE
from quickstart_pool.draw import Draw
from quickstart_pool.errand_services import ERRANDS
from quickstart_pool.example import Example
from quickstart_pool.services import dialogue
from quickstart_pool.town_services import TOWN
from quickstart_pool.travel_services import TRAVEL

SERVICES = (*TRAVEL, *TOWN, *CARE, *ERRANDS)


def make(draw: Draw) -> Example:
    """One service dialogue."""
    return dialogue(draw.pick(SERVICES), draw)
