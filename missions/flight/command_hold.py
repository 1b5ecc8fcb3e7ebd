"""What a flight does when another station uses our system id: alarm, hold commands, and let a named person decide."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from geo.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.flight.finding_log import FindingLog
    from missions.transfer import Channel

HELD: Final = "another ground station uses our system id; our commands are held, only our heartbeats go on"
_WAY_OUT: Final = "end it or take another id (--station), or resume by name and reason (--resume-commands)"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CommandRelease:
    """A named person's decision that this station commands, and why."""

    name: str
    reason: str


class CommandHold:
    """Watch one channel for a second station.

    Parameters
    ----------
    channel
        The link; a channel that cannot tell (DroneKit's) is never held.
    findings
        Where the alarm, and who ended it, are kept.
    ask
        Asked while commands are held: a person's decision, or None.
    """

    def __init__(
        self, channel: Channel, findings: FindingLog, ask: Callable[[], CommandRelease | None] | None = None
    ) -> None:
        self._channel = channel
        self._findings = findings
        self._ask = ask

    @property
    def held(self) -> bool:
        """Whether our commands are held now."""
        return bool(getattr(self._channel, "commands_held", False))

    def look(self) -> None:
        """Raise the alarm if it is new, and take a person's decision if there is one."""
        if not self.held:
            return
        self._findings.error("second_station", HELD)
        release = self._ask() if self._ask is not None else None
        if release is not None:
            self.resume(release)

    def resume(self, release: CommandRelease) -> None:
        """Command again, on a named person's word; the alarm stays among the findings."""
        resume = getattr(self._channel, "resume_commands", None)
        if self.held and resume is not None:
            resume()
            self._findings.warning("commands_resumed", f"{release.name} resumed our commands: {release.reason}")

    def require_voice(self) -> None:
        """Refuse to go on while commands are held.

        Raises
        ------
        RefusedError
            Saying what can be done.
        """
        self.look()
        if self.held:
            raise RefusedError(f"{HELD}; {_WAY_OUT}")
