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


def shown(screen: FlightScreen, width: int = 160) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(screen._picture())
    return console.export_text()


def test_what_is_shown() -> None:
    screen = FlightScreen(2)
    screen.update(status("S01"))
    screen.update(status("S02", system=0, phase=FlightPhase.CONNECTING, mode="", armed=False, findings=()))
    text = shown(screen)
    for piece in ("S01 (1)", "AUTO armed", "3/9", "81 % (84 %)", "2:05", "1.2 m", "310 m", "stale", "too near"):
        assert piece in text, piece
    assert "S02 (?)" in text
    assert "connecting" in text


def test_a_vehicle_takes_one_line_of_a_terminal_of_80_columns_and_what_is_found_lines_of_its_own() -> None:
    """80 columns are what a terminal opens with, over ssh too; a pilot reads a row, not a column of words."""
    screen = FlightScreen(2)
    told = "another ground station uses our system id; our commands are held, only our heartbeats go on"
    found = Finding(rule="second_station", severity=Severity.ERROR, message=told, sortie="S01")
    screen.update(status("S01", findings=(found,), note="the link is lost; waiting for the vehicle to be heard again"))
    screen.update(status("S02", phase=FlightPhase.UPLOADING, mode="STABILIZE", armed=False, battery_pct=100.0))
    lines = shown(screen, 80).splitlines()
    (first,) = [" ".join(text.split()) for text in lines if "S01 (1)" in text]
    (second,) = [text for text in lines if "S02 (1)" in text]
    assert first == "1 S01 (1) AUTO armed 3/9 81 % (84 %) 2:05 1.2 m 310 m stale"
    assert all(piece in second for piece in ("STABILIZE", "uploading", "100 % (84 %)", "310 m", "stale"))
    assert f"error second_station (S01): {told}" in " ".join(" ".join(lines).split())
    assert "S01: the link is lost; waiting for the vehicle to be heard again" in " ".join(" ".join(lines).split())


def test_keys_go_to_the_chosen_vehicle() -> None:
    screen = FlightScreen(2)
    pilots = [screen.pilot_of("S01"), screen.pilot_of("S02")]
    for key in "2r0px1cL":
        screen._press(key)
    first, second = (list(iter(pilot, None)) for pilot in pilots)
    assert first == [PilotCommand.PAUSE, PilotCommand.RESUME, PilotCommand.LAND]
    assert second == [PilotCommand.RETURN, PilotCommand.PAUSE]
