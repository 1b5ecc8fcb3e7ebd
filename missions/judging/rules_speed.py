"""Whether the aircraft flies as fast as it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from missions.judging.breaches import Breaches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.judging.subject import Subject


def speed(subject: Subject) -> Iterator[Breaches]:
    """Find legs that an item asks to be flown faster than the type flies at all."""
    legs, most = subject.legs, subject.aircraft.max_airspeed_mps
    leg = np.flatnonzero(np.nan_to_num(legs.asked_mps) > most)
    yield Breaches(
        rule="speed", leg=leg, measured=legs.asked_mps[leg], limit=most, xy_m=legs.start_m[leg], unit="m/s",
        text=f"is to be flown at {{measured:g}} m/s; {subject.aircraft.name} flies {{limit:g}} m/s at most, and nobody "
        "knows what the autopilot makes of it",
        advice=f"a speed of {most:g} m/s at most (km/h are 3.6 times m/s)",
    )  # fmt: skip
