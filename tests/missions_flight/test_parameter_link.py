"""Parameters read by name from a vehicle that keeps few wishes at a time, as ArduPilot does."""

from __future__ import annotations

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.flight.parameter_link import ParameterLink
from missions.flight.state import VehicleState

ROOM = 20
"""`param_requests` of ArduPilot's `GCS_Param.cpp`."""


class FullQueue:
    """A vehicle too busy to answer before its queue of wishes is full: it drops the others, time passes by steps."""

    def __init__(self, table: dict[str, float]) -> None:
        self.table, self.now_s = table, 0.0
        self.wishes: list[str] = []

    def clock(self) -> float:
        return self.now_s

    def send(self, message) -> None:
        if len(self.wishes) < ROOM:
            name = message.param_id
            self.wishes.append(name.decode() if isinstance(name, bytes) else name)

    def receive(self, wait_s: float):
        while self.wishes:
            name = self.wishes.pop(0)
            if name in self.table:
                message = mavlink.MAVLink_param_value_message(name.encode(), self.table[name], 9, 1, 0)
                message.pack(mavlink.MAVLink(None, srcSystem=1, srcComponent=1))
                return message
        self.now_s += max(wait_s, 0.01)
        return None


def test_names_behind_many_that_it_does_not_have_are_read_too():
    """Thirty unknown names come first; with one order for ever the twenty wishes would always be theirs."""
    table = {f"THERE_{k}": float(k) for k in range(25)}
    state = VehicleState()
    state.system, state.component, state.autopilot = 1, 1, 3
    channel = FullQueue(table)
    read = ParameterLink(channel, state, lambda _: None).values([*(f"NOT_{k}" for k in range(30)), *table])
    assert read == table
