"""What a person orders in flight: the way home that was judged, and the plan put back."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from missions.flight.commands import CommandResult
from missions.flight.pilot_orders import carry_out, return_intent
from missions.flight.values import PilotCommand
from missions.judging.return_rules import asked_actions


class Desk:
    """A flight that writes down what it is told."""

    def __init__(self, sortie, *, uploaded=True, flown_to=4, accepts=True) -> None:
        self.sortie, self.flown_to, self.link_lost = sortie, flown_to, False
        self.hold = SimpleNamespace(held=False)
        self.commander = self
        self.told = []
        self._uploaded, self._accepts = uploaded, accepts

    def put_mission(self):
        self.told.append("mission")
        return SimpleNamespace(uploaded=self._uploaded, message="item 3 was refused")

    def set_current(self, seq):
        self.told.append(seq)
        return CommandResult(accepted=self._accepts, name="ACCEPTED" if self._accepts else "DENIED")

    def set_mode(self, intent):
        self.told.append(intent)
        return CommandResult(accepted=True, name="ACCEPTED")


@pytest.mark.parametrize(
    ("dialect", "way", "intent"),
    [
        ("ardupilot", "straight", "return"), ("ardupilot", "retrace", "retrace"), ("ardupilot", "mission", "mission"),
        ("px4", "straight", "return"), ("px4", "retrace", "return"),
    ],
)  # fmt: skip
def test_a_return_is_flown_by_the_way_that_was_judged(square_sortie, dialect, way, intent) -> None:
    asked = asked_actions(dialect, fixed_wing=False, way=way)
    assert return_intent(asked) == intent
    desk = Desk(dataclasses.replace(square_sortie, vehicle_parameters=asked))
    assert carry_out(desk, PilotCommand.RETURN) == "ACCEPTED"
    assert desk.told == [intent]


def test_a_wiped_mission_is_put_back_and_gone_on_with(square_sortie) -> None:
    desk = Desk(square_sortie)
    assert carry_out(desk, PilotCommand.RESTORE) == "the mission is back; ACCEPTED"
    assert desk.told == ["mission", 4, "auto"]
    fresh = Desk(square_sortie, flown_to=-1)
    carry_out(fresh, PilotCommand.RESTORE)
    assert fresh.told == ["mission", "auto"]


def test_what_does_not_go_through_changes_no_mode(square_sortie) -> None:
    refused = Desk(square_sortie, uploaded=False)
    assert carry_out(refused, PilotCommand.RESTORE) == "item 3 was refused"
    assert refused.told == ["mission", "mission"]
    stays = Desk(square_sortie, accepts=False)
    assert "does not go on at item 4 (DENIED)" in carry_out(stays, PilotCommand.RESTORE)
    assert stays.told == ["mission", 4]


@pytest.mark.parametrize("command", [PilotCommand.RETURN, PilotCommand.RESTORE, PilotCommand.PAUSE])
def test_nothing_is_sent_without_a_link_or_a_voice(square_sortie, command) -> None:
    for change in ({"link_lost": True}, {"hold": SimpleNamespace(held=True)}):
        desk = Desk(square_sortie)
        vars(desk).update(change)
        carry_out(desk, command)
        assert desk.told == []
