"""A vehicle's parameters over a link: read by name, read all of them, written."""

from __future__ import annotations

import dataclasses
import logging
import math
import struct
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from geo.errors import InputError
from missions.flight import packed_parameters
from missions.flight.file_link import FileLink
from missions.links.link_transport import LinkError
from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from missions.flight.state import VehicleState
    from missions.transfer import Channel
    from missions.transfer.values import Message, Watcher

logger = logging.getLogger(__name__)
_FRUITLESS_ROUNDS: Final = 6
"""Rounds of asking without one new answer: where a fifth of all frames is lost each way, one read in 500 ends so."""
_WAIT_S: Final = 0.5
_SILENT_S: Final = 1.0
"""A list that pauses so long has ended, or lost its rest; half of it, where single ones were asked for."""
_AT_ONCE: Final = 20
"""Parameters that may be asked for in one go: ArduPilot keeps so many wishes."""
_MOST: Final = 20_000
"""No vehicle has as many; more is no parameter list."""
_INTEGER_FORMATS: Final = {1: "<B", 2: "<b", 3: "<H", 4: "<h", 5: "<I", 6: "<i"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeldParameter:
    """A parameter as the vehicle holds it."""

    value: float
    kind: int
    """MAV_PARAM_TYPE."""

    def equals(self, value: float) -> bool:
        """Whether this is `value`, as far as a float of 32 bits tells."""
        return math.isclose(self.value, value, rel_tol=1e-5, abs_tol=1e-6)


def parameter_value(message: Message, dialect: Dialect) -> float:
    """Return PARAM_VALUE as a number: ArduPilot casts to float, PX4 puts an integer's bytes there (MAVLink docs)."""
    if dialect is Dialect.PX4 and message.param_type in _INTEGER_FORMATS:
        packed = struct.pack("<f", message.param_value)
        code = _INTEGER_FORMATS[message.param_type]
        return float(struct.unpack(code, packed[: struct.calcsize(code)])[0])
    return float(message.param_value)


def wire_value(value: float, kind: int, dialect: Dialect) -> float:
    """Return a number as PARAM_SET carries it, the inverse of `parameter_value`."""
    if dialect is Dialect.PX4 and kind in _INTEGER_FORMATS:
        packed = struct.pack(_INTEGER_FORMATS[kind], round(value)).ljust(4, b"\0")
        return float(struct.unpack("<f", packed)[0])
    return value


class ParameterLink:
    """Read and write the parameters of one vehicle.

    Parameters
    ----------
    channel
        The link.
    state
        The vehicle; its ids address the messages and its dialect packs the numbers.
    watch
        Sees every message that arrives meanwhile.
    """

    def __init__(self, channel: Channel, state: VehicleState, watch: Watcher) -> None:
        self._channel = channel
        self._state = state
        self._watch = watch

    def values(self, names: Iterable[str]) -> dict[str, float]:
        """Read parameters by name as plain numbers; those that the vehicle does not have are left out."""
        return {name: held.value for name, held in self.read(names).items()}

    def read(self, names: Iterable[str]) -> dict[str, HeldParameter]:
        """Read parameters by name; those that the vehicle does not have are left out.

        ArduPilot has room for twenty wishes (`GCS_Param.cpp`) and drops the others: each round begins with other names,
        or those it does not have would keep the later ones out for ever.
        """
        wanted = list(names)
        held: dict[str, HeldParameter] = {}
        first = fruitless = 0
        while fruitless < _FRUITLESS_ROUNDS and (missing := [name for name in wanted if name not in held]):
            before = len(held)
            first = first % len(missing)
            for name in (*missing[first:], *missing[:first]):
                self._ask(name.encode(), -1)
            first += _AT_ONCE
            self._collect(held, set(missing))
            fruitless = 0 if len(held) > before else fruitless + 1
        return held

    def read_all(self) -> dict[str, HeldParameter]:
        """Read every parameter: the vehicle's file of them, else its list and what of that was lost by number.

        Raises
        ------
        LinkError
            When the list does not become whole.
        """
        held = self._packed() if self._has_file else {}
        if held:
            return held
        indices: dict[int, str] = {}
        count = self._listed(held, indices)
        fruitless = 0
        while count < 0 or len(indices) < count:
            if fruitless >= _FRUITLESS_ROUNDS:
                whole = f"{len(indices)} of {count}" if count >= 0 else "none"
                raise LinkError(f"{whole} of the vehicle's parameters came over; check the link and try again")
            before = len(indices)
            for index in [k for k in range(max(count, 0)) if k not in indices][:_AT_ONCE]:
                self._ask(b"", index)
            count = max(count, self._listed(held, indices, ask=count < 0))
            fruitless = 0 if len(indices) > before else fruitless + 1
        return held

    def write(self, name: str, value: float, kind: int) -> None:
        """Send one PARAM_SET; what became of it is read back by the caller."""
        wire = wire_value(value, kind, self._state.dialect)
        system, component = self._state.system, self._state.component
        self._channel.send(mavlink.MAVLink_param_set_message(system, component, name.encode(), wire, kind))

    @property
    def _has_file(self) -> bool:
        """Whether it says that it gives files, and is one that has all its parameters in one (PX4 has none)."""
        gives = self._state.capabilities & mavlink.MAV_PROTOCOL_CAPABILITY_FTP
        return bool(gives) and self._state.dialect is Dialect.ARDUPILOT

    def _packed(self) -> dict[str, HeldParameter]:
        data = FileLink(self._channel, self._state, self._watch).read(packed_parameters.PATH)
        try:
            found = packed_parameters.unpacked(data) if data is not None else {}
        except InputError as error:
            logger.warning("%s; the vehicle's list is asked for", error.message)
            return {}
        return {name: HeldParameter(value=value, kind=kind) for name, (value, kind) in found.items()}

    def _ask(self, name: bytes, index: int) -> None:
        system, component = self._state.system, self._state.component
        self._channel.send(mavlink.MAVLink_param_request_read_message(system, component, name, index))

    def _listed(self, held: dict[str, HeldParameter], indices: dict[int, str], *, ask: bool = True) -> int:
        """Take what a list brings until it pauses; return how many there are, -1 where nothing said so."""
        if ask and not indices:
            system, component = self._state.system, self._state.component
            self._channel.send(mavlink.MAVLink_param_request_list_message(system, component))
        count = -1
        silent_s = _SILENT_S if ask else 0.5 * _SILENT_S
        until_s = self._channel.clock() + silent_s
        while self._channel.clock() < until_s and (count < 0 or len(indices) < count):
            message = self._next(until_s)
            if message is None or message.param_count > _MOST:
                continue
            count = message.param_count
            self._keep(held, message)
            if message.param_index < count:
                indices[message.param_index] = message.param_id
            until_s = self._channel.clock() + silent_s
        return count

    def _collect(self, held: dict[str, HeldParameter], wanted: set[str]) -> None:
        until_s = self._channel.clock() + _WAIT_S
        while self._channel.clock() < until_s and not wanted <= held.keys():
            message = self._next(until_s)
            if message is not None and message.param_id in wanted:
                self._keep(held, message)

    def _next(self, until_s: float) -> Message | None:
        """Return the vehicle's next PARAM_VALUE, None when something else or nothing came."""
        message = self._channel.receive(max(0.0, min(0.1, until_s - self._channel.clock())))
        if message is None:
            return None
        self._watch(message)
        ours = message.get_srcSystem() == self._state.system and message.get_type() == "PARAM_VALUE"
        return message if ours else None

    def _keep(self, held: dict[str, HeldParameter], message: Message) -> None:
        value = parameter_value(message, self._state.dialect)
        held[message.param_id] = HeldParameter(value=value, kind=message.param_type)
