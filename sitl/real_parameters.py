"""Parameters of a real autopilot that is up, each set as the type it has there and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from missions.flight.parameter_link import ParameterLink
from missions.flight.state import VehicleState
from missions.links.link import open_link
from missions.plan_files.dialect import Dialect
from sitl.errors import SitlError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from missions.transfer.values import Message

AUTOPILOT: Final = {Dialect.ARDUPILOT: 3, Dialect.PX4: 12}
"""MAV_AUTOPILOT."""
TRIES: Final = 3


def put_parameters(link_url: str, system: int, dialect: Dialect, values: Mapping[str, float]) -> list[str]:
    """Set parameters on a vehicle that is up; return the names it does not have.

    Raises
    ------
    SitlError
        Naming a parameter that does not take its value.
    """
    state = VehicleState()
    state.system, state.component, state.autopilot = system, 1, AUTOPILOT[dialect]
    with open_link(link_url) as link:
        parameters = ParameterLink(link, state, _ignore)
        held = parameters.read(values)
        for _ in range(TRIES):
            left = [name for name in held if not held[name].equals(values[name])]
            if not left:
                return sorted(set(values) - set(held))
            for name in left:
                parameters.write(name, values[name], held[name].kind)
            held |= parameters.read(left)
    wrong = next(name for name in held if not held[name].equals(values[name]))
    raise SitlError(f"the simulator keeps {wrong} at {held[wrong].value:g} instead of {values[wrong]:g}")


def _ignore(_message: Message) -> None:
    """Nobody looks at the rest of what a vehicle says while it is set."""
