"""Setting a vehicle's failsafes, returns and fence as a plan asks, on a real vehicle process over a real link."""

from __future__ import annotations

import dataclasses
import json

import pytest

from geo.errors import InputError, RefusedError
from missions.failsafes.settable import PACE_RANGES, SETTABLE
from missions.failsafes.table import COPTER, PLANE, PX4
from missions.flight import parameter_link
from missions.flight.parameter_backup_file import ParameterBackup, read_backup, write_backup
from missions.flight.parameter_link import HeldParameter, parameter_value, wire_value
from missions.flight.parameter_setting import ParameterChange, changes_asked, put_asked, write_changes
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.judging.return_rules import RALLY_ASKED
from missions.links.link import open_link
from missions.links.link_transport import LinkError
from missions.performance.aircraft import BUNDLED
from missions.performance.handling import parameters
from missions.plan import VehicleParameter
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_folder_file import FORMAT, VERSION
from sitl.faults import LinkQuality
from sitl.vehicle import VehicleConfig, start_vehicle
from sitl.vehicle.parameters import ParameterTable
from vedette.main import main

pytestmark = pytest.mark.timing


@pytest.fixture
def at_home():
    """Start a vehicle with its autopilot's defaults at a sortie's home; it ends with the test."""
    started = []

    def start(sortie, **config):
        places = {
            "home_lat_deg": sortie.home_lat_deg, "home_lon_deg": sortie.home_lon_deg,
            "home_alt_amsl_m": sortie.home_alt_amsl_m,
        }  # fmt: skip
        vehicle = start_vehicle(VehicleConfig(**places, speedup=200.0, **config))
        started.append(vehicle)
        return vehicle

    yield start
    for vehicle in started:
        vehicle.stop()


class Channel:
    """A link on which the vehicle does not hear PARAM_SET of some names."""

    def __init__(self, link, deaf_to=()):
        self._link, self._deaf_to = link, deaf_to
        self.written = []

    def __getattr__(self, name):
        return getattr(self._link, name)

    def send(self, message):
        if message.get_type() == "PARAM_SET":
            name = message.param_id
            self.written.append(name)
            if name in self._deaf_to:
                return
        self._link.send(message)


def connected(link, sortie, deaf_to=()):
    channel = Channel(link, deaf_to)
    flight = Flight(channel, sortie, FlightOptions())
    flight.connect()
    return flight, channel


def held_by(flight, sortie):
    return flight.commander.parameters.values(settable(sortie))


def settable(sortie):
    """Return what is asked, by name."""
    return {v.name: v.value for v in sortie.vehicle_parameters}


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_vehicle_on_its_defaults_then_does_what_the_plan_asks(at_home, square_sortie, asked_of, dialect) -> None:
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=asked_of(dialect))
    vehicle = at_home(sortie, dialect=dialect)
    kept = []
    with open_link(vehicle.link_url if dialect is Dialect.ARDUPILOT else vehicle.udp_url) as link:
        flight, channel = connected(link, sortie)
        before = held_by(flight, sortie)
        changed = put_asked(flight, lambda held, changes: kept.append((dict(held), tuple(changes))))
        after = held_by(flight, sortie)
        assert after == pytest.approx(settable(sortie))
        assert put_asked(flight, lambda *_: kept.append(None)) == ()
    ((held, changes),) = kept
    assert changes == changed
    assert len(held) > 40
    assert {name: held[name].value for name in before} == before
    assert {c.name for c in changed} == {name for name, value in settable(sortie).items() if before[name] != value}
    assert channel.written == [c.name for c in changed]


def test_a_value_that_does_not_take_undoes_the_others(at_home, square_sortie) -> None:
    vehicle = at_home(square_sortie)
    with open_link(vehicle.link_url) as link:
        flight, _ = connected(link, square_sortie, deaf_to=("FS_GCS_ENABLE",))
        before = held_by(flight, square_sortie)
        with pytest.raises(RefusedError, match=r"does not take FS_GCS_ENABLE = 1; what had been written is undone"):
            put_asked(flight, lambda *_: None)
        assert held_by(flight, square_sortie) == before


def test_nothing_is_written_to_an_armed_vehicle(at_home, square_sortie) -> None:
    vehicle = at_home(square_sortie)
    with open_link(vehicle.link_url) as link:
        flight, channel = connected(link, square_sortie)
        assert flight.commander.arm().accepted
        flight._idle(5.0, until=lambda: flight.state.armed)
        with pytest.raises(RefusedError, match="the vehicle is armed"):
            put_asked(flight, lambda *_: pytest.fail("kept"))
        with pytest.raises(RefusedError, match="the vehicle is armed"):
            write_changes(flight, [ParameterChange(name="FENCE_ACTION", before=1.0, after=2.0, kind=2)])
        assert channel.written == []


def test_a_vehicle_that_is_too_slow_is_made_as_fast_as_planned_and_a_faster_one_is_left(square_sortie) -> None:
    paces = [
        VehicleParameter(name=name, value=value, why="", at_least=True, pace=True)
        for name, value in (("WPNAV_SPEED", 1500.0), ("WPNAV_SPEED_UP", 400.0), ("WPNAV_SPEED_DN", 300.0))
    ]
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=tuple(paces))
    held = {"WPNAV_SPEED": 1000.0, "WPNAV_SPEED_UP": 500.0, "WPNAV_SPEED_DN": 150.0}
    old = {name: HeldParameter(value=value, kind=9) for name, value in held.items()}
    assert {c.name: c.after for c in changes_asked(sortie, old)} == {"WPNAV_SPEED": 1500.0, "WPNAV_SPEED_DN": 300.0}
    new = {"WP_SPD": HeldParameter(value=10.0, kind=9), "WP_SPD_UP": HeldParameter(value=5.0, kind=9)}
    assert [(c.name, c.before, c.after) for c in changes_asked(sortie, new)] == [("WP_SPD", 10.0, 15.0)]


@pytest.mark.parametrize(("name", "value"), [("WPNAV_SPEED", 2400.0), ("MPC_Z_VEL_MAX_DN", 5.0), ("WP_SPD", 24.0)])
def test_a_pace_beyond_what_the_autopilot_allows_is_refused_whole(square_sortie, name, value) -> None:
    wanted = VehicleParameter(name=name, value=value, why="", at_least=True, pace=True)
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=(*square_sortie.vehicle_parameters, wanted))
    held = {"FENCE_ACTION": HeldParameter(value=0.0, kind=2), name: HeldParameter(value=1.0, kind=9)}
    with pytest.raises(RefusedError, match=f"asks for {name} = {value:g}, and the autopilot allows"):
        changes_asked(sortie, held)


@pytest.mark.parametrize("name", ["ARMING_CHECK", "SERVO1_FUNCTION", "COM_ARM_WO_GPS", "SYSID_MYGCS", "BRD_OPTIONS"])
def test_a_plan_that_asks_for_more_is_refused_whole(square_sortie, name) -> None:
    wanted = VehicleParameter(name=name, value=0.0, why="", action=True)
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=(*square_sortie.vehicle_parameters, wanted))
    held = {"FENCE_ACTION": HeldParameter(value=0.0, kind=2), name: HeldParameter(value=1.0, kind=2)}
    with pytest.raises(RefusedError, match=f"asks for {name}, which no flight may set"):
        changes_asked(sortie, held)


def test_the_list_has_what_plans_ask_and_nothing_that_arms_or_moves() -> None:
    asked = {name for table in (COPTER, PLANE, PX4) for names in table.asked.values() for name in names}
    paces = {
        name for kind in BUNDLED.values() for dialect in ("ardupilot", "px4") for name in parameters(kind, dialect)
    }
    assert paces <= set(PACE_RANGES)
    assert asked | paces | {v.name for v in RALLY_ASKED} <= SETTABLE
    closed = ("ARMING", "COM_ARM", "SERVO", "MOT_", "BRD_", "SYSID", "MAV_", "PWM", "CA_", "SIM_", "COMPASS", "INS_")
    assert not [name for name in SETTABLE if name.startswith(closed)]


def test_a_newer_vehicle_is_set_by_its_own_names_and_units(square_sortie) -> None:
    wanted = VehicleParameter(name="RTL_ALT", value=4000.0, why="")
    room = VehicleParameter(name="SRTL_POINTS", value=110.0, why="", at_least=True)
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=(wanted, room))
    held = {"RTL_ALT_M": HeldParameter(value=15.0, kind=9), "SRTL_POINTS": HeldParameter(value=300.0, kind=4)}
    (change,) = changes_asked(sortie, held)
    assert (change.name, change.before, change.after) == ("RTL_ALT_M", 15.0, 40.0)


def test_room_for_smart_rtl_counts_only_from_the_next_start(at_home, square_sortie) -> None:
    room = VehicleParameter(name="SRTL_POINTS", value=400.0, why="", at_least=True)
    sortie = dataclasses.replace(square_sortie, vehicle_parameters=(room,))
    with open_link(at_home(sortie).link_url) as link:
        flight, _ = connected(link, sortie)
        with pytest.raises(RefusedError, match="SRTL_POINTS is set and counts from the vehicle's next start"):
            put_asked(flight, lambda *_: None)
        assert held_by(flight, sortie) == {"SRTL_POINTS": 400.0}


def test_the_whole_list_comes_over_a_link_that_loses_a_fifth(at_home, square_sortie) -> None:
    vehicle = at_home(square_sortie, link=LinkQuality(loss=0.2), seed=3)
    with open_link(vehicle.link_url) as link:
        flight, _ = connected(link, square_sortie)
        held = flight.commander.parameters.read_all()
    table = ParameterTable(Dialect.ARDUPILOT).values()
    assert {name: one.value for name, one in held.items()} == pytest.approx(table)


def test_a_vehicle_that_lists_nothing_is_not_written_to(at_home, square_sortie, monkeypatch) -> None:
    monkeypatch.setattr(parameter_link, "_FRUITLESS_ROUNDS", 2)
    vehicle = at_home(square_sortie)
    with open_link(vehicle.link_url) as link:
        flight, channel = connected(link, square_sortie)
        channel.receive = lambda _timeout_s: None
        with pytest.raises(LinkError, match="none of the vehicle's parameters"):
            put_asked(flight, lambda *_: pytest.fail("kept"))
    assert channel.written == []


@pytest.mark.parametrize(("kind", "value"), [(1, 200.0), (2, -4.0), (4, -1500.0), (6, 70_000.0), (9, 0.3)])
def test_numbers_are_packed_as_px4_reads_them(kind, value) -> None:
    class Told:
        param_type = kind
        param_value = wire_value(value, kind, Dialect.PX4)

    assert parameter_value(Told(), Dialect.PX4) == pytest.approx(value)


def plan_folder(tmp_path, plan):
    out = tmp_path / "plan"
    out.mkdir()
    document = {"format": FORMAT, "version": VERSION, "sha256": plan.sha256, "plan": dataclasses.asdict(plan)}
    (out / "plan.json").write_text(json.dumps(document))
    assert main(["fly", str(out), "--approve", "A. Name", "--reason", "trial"]) == 0
    return out


def test_set_fly_and_put_back_as_a_person_does(at_home, square_plan, tmp_path, capsys) -> None:
    (sortie,) = square_plan.sorties
    kind = VehicleParameter(name="FENCE_TYPE", value=4.0, why="", action=True)
    sortie = dataclasses.replace(sortie, vehicle_parameters=(*sortie.vehicle_parameters, kind))
    plan = dataclasses.replace(square_plan, sorties=(sortie,))
    folder = plan_folder(tmp_path, plan)
    vehicle = at_home(sortie)
    fly = ["fly", str(folder), "--link", vehicle.link_url]
    assert main([*fly, "--yes"]) == 3
    assert "which was not judged" in capsys.readouterr().err
    assert main([*fly, "--yes", "--json", "--set-parameters"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["completed"] is True
    assert "FENCE_TYPE 7 -> 4" in captured.err
    (backup,) = (folder / "flights").glob("s1-*.parameters.json")
    changed = read_backup(backup).changes
    assert main([*fly, "--restore-parameters", str(backup)]) == 0
    with open_link(vehicle.link_url) as link:
        flight, _ = connected(link, sortie)
        assert flight.commander.parameters.values(c.name for c in changed) == {c.name: c.before for c in changed}
    events = [json.loads(line)["event"] for line in (folder / "flight-log.jsonl").read_text().splitlines()]
    assert events == ["approved", "refused", "set_parameters", "flown", "restored_parameters"]


def a_backup(**changes) -> ParameterBackup:
    change = ParameterChange(name="FENCE_TYPE", before=7.0, after=4.0, kind=2)
    values = {"system": 9, "dialect": "ardupilot", "t_utc": "2026", "values": {"FENCE_TYPE": 7.0}, "changes": (change,)}
    return ParameterBackup(**{**values, **changes})


def test_a_backup_is_of_one_vehicle_and_only_of_names_that_may_be_set(at_home, square_plan, tmp_path, capsys) -> None:
    write_backup(a_backup(), tmp_path / "nine.json")
    assert read_backup(tmp_path / "nine.json") == a_backup()
    folder = plan_folder(tmp_path, square_plan)
    vehicle = at_home(square_plan.sorties[0])
    asked = ["fly", str(folder), "--link", vehicle.link_url, "--restore-parameters", str(tmp_path / "nine.json")]
    assert main(asked) == 3
    assert "is of vehicle 9 (ardupilot); this is 1 (ardupilot)" in " ".join(capsys.readouterr().err.split())
    text = (tmp_path / "nine.json").read_text().replace("FENCE_TYPE", "ARMING_CHECK")
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InputError, match="'ARMING_CHECK' may be set by no flight"):
        read_backup(tmp_path / "bad.json")
    (tmp_path / "no.json").write_text("[]")
    with pytest.raises(InputError, match="no backup of parameters"):
        read_backup(tmp_path / "no.json")
