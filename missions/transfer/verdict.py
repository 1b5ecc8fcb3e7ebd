"""What an autopilot says of a mission after it has taken every item: PX4 judges it then, in its own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from missions.transfer import messages as wire

if TYPE_CHECKING:
    from missions.transfer.values import Message, Timers

WATCHED: Final = frozenset({"STATUSTEXT", "MISSION_CURRENT"})
"""The messages it is said in."""
_UNFIT: Final = re.compile(
    r"reject|infeasib|invalid|not (feasible|possible|supported|allowed)|cannot|too far|no mission|outside|violat",
    re.IGNORECASE,
)
"""How PX4 words a mission it has taken and then found unfit (`MissionFeasibilityChecker`)."""
_CONTROL: Final = re.compile(r"\bconstrained\b", re.IGNORECASE)
"""How PX4 words that a parameter of its controllers is held to another (`MulticopterPositionControl`): no mission's."""
_PROTOCOL: Final = ("WPM", "IGN MISSION")
"""How PX4 begins what it says of the transfer itself (`mavlink_mission.cpp`)."""
_ERROR_SEVERITY, _WARNING_SEVERITY = 3, 4
_MISSION_STATE_NONE: Final = 1


class Verdict:
    """Hears what the vehicle says, and tells what it found.

    Parameters
    ----------
    timers
        How long the vehicle is given to say so.
    """

    def __init__(self, timers: Timers) -> None:
        self.texts: list[str] = []
        self._timers = timers
        self._against: list[str] = []
        self._accepted_s = 0.0
        self._mission_state = 0

    @property
    def due_s(self) -> float:
        """When the vehicle is first asked what it found."""
        return self._accepted_s + self._timers.verdict_s

    def begin(self) -> None:
        """Forget what was said of items sent before."""
        self._against.clear()

    def accept(self, now_s: float) -> None:
        """Note that the vehicle took the items."""
        if not self._accepted_s:
            self._accepted_s, self._mission_state = now_s, 0

    def hear(self, message: Message) -> None:
        """Take in one of the messages `WATCHED`."""
        if message.get_type() == "MISSION_CURRENT":
            self._mission_state = getattr(message, "mission_state", 0)
            return
        text = wire.statustext(message)
        self.texts.append(text)
        worded = message.severity <= _WARNING_SEVERITY and _UNFIT.search(text)
        elsewhere = text.startswith(_PROTOCOL) or _CONTROL.search(text)
        if not elsewhere and (message.severity <= _ERROR_SEVERITY or worded):
            self._against.append(text)

    def told(self, now_s: float) -> str | None:
        """Return what speaks against the mission, "" for nothing, and None where the vehicle must say so again.

        That it has no mission counts when it still says so after a while: it may not have loaded it yet.
        """
        none = self._mission_state == _MISSION_STATE_NONE
        if self._against:
            return self._against[0]
        if none and now_s - self._accepted_s < self._timers.verdict_patience_s:
            self._mission_state = 0
            return None
        return "MISSION_CURRENT says it has no mission" if none else ""
