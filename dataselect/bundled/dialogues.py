"""The dialogue examples: a conversation about any of the services, in `messages` form.

The services are in `travel_services`, `town_services`, `care_services` and `errand_services`; `services` puts a
conversation together.
"""

from __future__ import annotations

from dataselect.bundled.care_services import CARE
from dataselect.bundled.draw import Draw
from dataselect.bundled.errand_services import ERRANDS
from dataselect.bundled.example import Example
from dataselect.bundled.services import dialogue
from dataselect.bundled.town_services import TOWN
from dataselect.bundled.travel_services import TRAVEL

SERVICES = (*TRAVEL, *TOWN, *CARE, *ERRANDS)


def make(draw: Draw) -> Example:
    """One service dialogue."""
    return dialogue(draw.pick(SERVICES), draw)
