"""The live view: what it shows, and which vehicle a key goes to."""

from __future__ import annotations

import io

from rich.console import Console

from missions.flight.values import FlightPhase, FlightStatus, LinkState, PilotCommand
from missions.plan import Finding, Severity
from vedette.commands.fly_view import FlightScreen


def status(name: str, **values) -> FlightStatus:
    finding = Finding(rule="standoff", severity=Severity.ERROR, message="too near", sortie=name)
    defaults = {
        "system": 1, "phase": FlightPhase.FLYING, "mode": "AUTO", "armed": True, "leg": 2, "legs": 9,
        "battery_pct": 81.0, "planned_battery_pct": 84.0, "time_to_go_s": 125.0, "cross_track_m": 1.25,
        "standoff_m": 310.0, "link": LinkState.STALE, "findings": (finding,),
    }  # fmt: skip
    return FlightStatus(sortie=name, **{**defaults, **values})


def shown(screen: FlightScreen) -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(screen._picture())
    return console.export_text()


def test_what_is_shown() -> None:
    screen = FlightScreen(2)
    screen.update(status("S01"))
    screen.update(status("S02", system=0, phase=FlightPhase.CONNECTING, mode="", armed=False, findings=()))
    text = shown(screen)
    for piece in ("S01 (system 1)", "AUTO armed", "3/9", "81 % (84 %)", "2:05", "1.2 m", "310 m", "stale", "too near"):
        assert piece in text, piece
    assert "S02 (system ?)" in text
    assert "connecting" in text


def test_keys_go_to_the_chosen_vehicle() -> None:
    screen = FlightScreen(2)
    pilots = [screen.pilot_of("S01"), screen.pilot_of("S02")]
    for key in "2r0px1cL":
        screen._press(key)
    first, second = (list(iter(pilot, None)) for pilot in pilots)
    assert first == [PilotCommand.PAUSE, PilotCommand.RESUME, PilotCommand.LAND]
    assert second == [PilotCommand.RETURN, PilotCommand.PAUSE]
