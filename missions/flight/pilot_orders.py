"""What a person orders of a flying aircraft, carried out: modes, the way home that was judged, the plan put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from missions.flight.command_hold import HELD
from missions.flight.values import PilotCommand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from missions.flight.command_hold import CommandHold
    from missions.flight.commands import Commander
    from missions.plan import Sortie, VehicleParameter
    from missions.transfer.values import UploadReport

_INTENTS: Final = {
    PilotCommand.PAUSE: "hold",
    PilotCommand.RESUME: "auto",
    PilotCommand.LAND: "land",
}
_ON_LINK_LOSS: Final = {4.0: "retrace", 6.0: "mission"}
"""FS_GCS_ENABLE of ArduCopter: SmartRTL, and the way back that the mission holds."""


class Ordered(Protocol):
    """What of a `missions.flight.run.Flight` is needed here."""

    hold: CommandHold
    commander: Commander
    sortie: Sortie

    @property
    def link_lost(self) -> bool:
        """Whether the vehicle is not heard."""
        ...

    @property
    def flown_to(self) -> int:
        """The item on the wire that was last flown to by the mission, -1 for none."""
        ...

    def put_mission(self) -> UploadReport:
        """Write the mission and read it back."""
        ...


def return_intent(asked: Iterable[VehicleParameter]) -> str:
    """Return the mode in which a person's "return" is the way home that a plan was judged with."""
    held = {wanted.name: wanted.value for wanted in asked}
    return _ON_LINK_LOSS.get(held.get("FS_GCS_ENABLE", 0.0), "return")


def carry_out(flight: Ordered, command: PilotCommand) -> str:
    """Carry an order out; return what became of it."""
    if flight.link_lost:
        return "the link is lost, nothing was sent"
    if flight.hold.held:
        return f"not sent; {HELD}"
    if command is PilotCommand.RESTORE:
        return _restored(flight)
    returns = command is PilotCommand.RETURN
    intent = return_intent(flight.sortie.vehicle_parameters) if returns else _INTENTS[command]
    return flight.commander.set_mode(intent).name


def _restored(flight: Ordered) -> str:
    """Put the proven mission back on the vehicle and go on with it where it was left."""
    report = flight.put_mission()
    if not report.uploaded:  # what PX4 says of the wiped mission may come now, and be taken for its verdict on this one
        report = flight.put_mission()
    if not report.uploaded:
        return report.message
    if flight.flown_to > 0:
        went = flight.commander.set_current(flight.flown_to)
        if not went.accepted:
            return f"the mission is back, but the vehicle does not go on at item {flight.flown_to} ({went.name})"
    return f"the mission is back; {flight.commander.set_mode('auto').name}"
