"""Scenarios: the shipped ones are read, one flies here, verdicts and JUnit say what happened."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from missions.plan_files.dialect import Dialect
from sitl.errors import ScenarioError
from sitl.scenarios.scenario import FILM_METRICS
from sitl.scenarios.scenario_backend import for_backend
from sitl.scenarios.scenario_file import junit_xml, read_scenario
from sitl.scenarios.scenario_real import Backend, set_once_up
from sitl.scenarios.scenario_run import filmed, run_scenario
from sitl.scenarios.scenario_sortie import sortie_of
from sitl.scenarios.scenario_verdict import Flown, ScenarioResult, judge
from sitl.vehicle.config import Airframe
from vedette.main import main

pytestmark = pytest.mark.timing

SHIPPED = sorted((Path(__file__).parents[2] / "examples" / "scenarios").glob("*.toml"))

SHORT = """
name = "short"
seed = 3
speedup = 40

[origin]
lat_deg = 47.385
lon_deg = 112.59
alt_amsl_m = 1050.0

[weather]
wind_mps = 5
from_deg = 200

[border]
line_m = [[-1500, 0], [1500, 0]]
standoff_m = 100

[[vehicle]]
name = "one"
home_m = [0, -250]
route_m = [[-150, -150, 30], [150, -150, 30]]

[[expect]]
metric = "completed"
min = 1

[[expect]]
metric = "min_standoff_m"
min = {standoff}

[[expect]]
metric = "landed_off_home_m"
max = 5
"""


def test_ten_scenarios_are_shipped_and_read():
    assert len(SHIPPED) >= 10
    names = {read_scenario(path).name for path in SHIPPED}
    assert len(names) == len(SHIPPED)


def test_a_scenario_flies_and_its_verdicts_are_measured_on_the_truth(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(SHORT.format(standoff=140))
    result = run_scenario(read_scenario(path), tmp_path / "out")
    assert result.met, [verdict.sentence for verdict in result.verdicts]
    standoff = result.verdicts[1].measured
    assert 140.0 < standoff <= 152.0
    assert ET.fromstring(junit_xml([result])).find("testsuite").get("failures") == "0"


def test_what_is_expected_of_one_backend_is_not_asked_of_another(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(SHORT.format(standoff=140).replace("max = 5", 'max = 5\nbackend = ["embedded", "ardupilot"]'))
    scenario = read_scenario(path)
    asked = {name: len(for_backend(scenario, Backend(name=name)).expect) for name in ("embedded", "ardupilot", "px4")}
    assert asked == {"embedded": 3, "ardupilot": 3, "px4": 2}
    alone = scenario.model_copy(update={"expect": scenario.expect[2:]})
    with pytest.raises(ScenarioError, match="expects nothing of px4"):
        for_backend(alone, Backend(name="px4"))


def test_the_landing_of_a_wing_is_judged_by_whose_autopilot_lands_it():
    """Measured: 6 m off on ArduPilot, 5 on the embedded vehicle, 96 on PX4 (decision 0998)."""
    scenario = read_scenario(next(path for path in SHIPPED if path.stem == "fixed_wing"))
    limits = {
        name: [e.max for e in for_backend(scenario, Backend(name=name)).expect if e.metric == "landed_off_home_m"]
        for name in ("embedded", "ardupilot", "px4")
    }
    assert limits == {"embedded": [20.0], "ardupilot": [20.0], "px4": [120.0]}


WIPED = """
[[vehicle.second_station]]
at_s = 12
system = 254
clears_mission = true

[[expect]]
metric = "found"
text = "mission_changed"

[[expect]]"""


def test_a_mission_that_another_station_wipes_is_missed_at_once_and_put_back(tmp_path):
    """PX4 takes a wish to clear its mission from any station, also in flight, and then holds."""
    path = tmp_path / "s.toml"
    text = SHORT.format(standoff=140).replace("home_m =", 'dialect = "px4"\nhome_m =')
    path.write_text(text.replace("\n[[expect]]", WIPED, 1))
    result = run_scenario(read_scenario(path), tmp_path / "out")
    assert result.met, [verdict.sentence for verdict in result.verdicts]
    modes = result.flown[0].truth["mode"].tolist()
    assert "LOITER" in modes[modes.index("AUTO") :]
    assert any(finding.rule == "mission_changed" for finding in result.flown[0].report.findings)


def test_what_a_simulator_cannot_have_is_not_filmed_not_measured_and_not_missed(tmp_path):
    scenario = read_scenario(next(path for path in SHIPPED if path.stem == "calm_night"))
    vehicle = scenario.vehicle[0]
    sortie = sortie_of(scenario, vehicle)
    ground = {name: np.zeros(2) for name in ("lat_deg", "lon_deg", "alt_amsl_m", "t_utc_ns", "armed", "mission_seq")}
    asked = [e for e in scenario.expect if e.metric in FILM_METRICS]
    scenario = scenario.model_copy(update={"expect": tuple(asked)})
    for remark, unmeasured in (("px4's simulation has no gimbal: nothing was filmed", True), ("still air", False)):
        one = Flown(vehicle=vehicle, sortie=sortie, truth=ground, report=None, remarks=(remark,))
        if unmeasured:
            assert filmed(scenario, one, tmp_path) is one
        verdicts = judge(scenario, [one])
        result = ScenarioResult(name="n", verdicts=verdicts, flown=(one,), wall_s=0.0)
        assert len(verdicts) == 2
        assert [bool(v.unmeasured) for v in verdicts] == [unmeasured] * 2
        assert result.met is unmeasured
        suite = ET.fromstring(junit_xml([result])).find("testsuite")
        assert suite.get("failures") == ("0" if unmeasured else "2")
        assert len(suite.findall("testcase/skipped")) == (2 if unmeasured else 0)


def flown_down(vehicle, sortie, modes, battery_pct):
    """A flight of one row a second at 50 m that ends disarmed on the ground with a pack that is full again."""
    rows = len(modes) + 1
    truth = {name: np.zeros(rows) for name in ("t_utc_ns", "mission_seq")}
    truth |= {"lat_deg": np.full(rows, sortie.home_lat_deg), "lon_deg": np.full(rows, sortie.home_lon_deg)}
    truth["alt_amsl_m"] = sortie.home_alt_amsl_m + np.append(np.full(rows - 1, 50.0), 0.0)
    truth |= {"armed": np.append(np.ones(rows - 1, bool), False), "mode": np.array([*modes, "LOITER"])}
    truth["battery_pct"] = np.append(np.array(battery_pct, dtype=float), 100.0)
    return Flown(vehicle=vehicle, sortie=sortie, truth=truth, report=None)


@pytest.mark.parametrize(("dialect", "modes", "battery_pct", "returned"), [
    ("ardupilot", ("AUTO", "AUTO", "RTL"), (60, 24, 24), True),
    ("ardupilot", ("AUTO", "AUTO", "RTL"), (60, 26, 24), True),
    ("ardupilot", ("AUTO", "RTL", "RTL"), (60, 26, 24), False),  # its mission's own end
    ("px4", ("AUTO", "LOITER", "RTL"), (60, 22, 22), True),
    ("px4", ("AUTO", "AUTO", "AUTO"), (60, 22, 22), False),
])  # fmt: skip
def test_a_return_for_the_battery_is_seen_by_what_is_flown(dialect, modes, battery_pct, returned):
    """The stage that returns lies at 25 % on both; what they say of it differs."""
    scenario = read_scenario(next(path for path in SHIPPED if path.stem == "battery_sag"))
    vehicle = scenario.vehicle[0].model_copy(update={"dialect": Dialect(dialect)})
    one = flown_down(vehicle, sortie_of(scenario, vehicle), modes, battery_pct)
    measured = {v.what.split()[0]: v.measured for v in judge(scenario, [one])}
    assert measured["returned_on_battery"] == float(returned)
    assert measured["battery_at_landing_pct"] == battery_pct[-1]


@pytest.mark.parametrize(("airframe", "drag"), [("copter", 0.3), ("plane", 0.05)])
def test_a_real_px4_flies_a_scenario_with_an_aircraft_that_can(airframe, drag):
    """With its simulation's own drag the plane reaches 14.4 m/s, and 18 are asked for; a table's own values win."""
    scenario = read_scenario(next(path for path in SHIPPED if path.stem == "fixed_wing"))
    changes = {"dialect": Dialect.PX4, "airframe": Airframe(airframe), "parameters": {"FW_AIRSPD_MAX": 22.0}}
    held = set_once_up(scenario.vehicle[0].model_copy(update=changes), Dialect.PX4)
    assert (held["SIH_KDV"], held["FW_AIRSPD_MAX"]) == (drag, 22.0)
    assert held["BAT_LOW_THR"] > held["BAT_CRIT_THR"] > 0.22 > held["BAT_EMERGEN_THR"]  # battery_sag falls to 22 %


def test_a_missed_expectation_exits_1_and_is_in_the_junit(tmp_path, capsys):
    path = tmp_path / "s.toml"
    path.write_text(SHORT.format(standoff=170))
    junit = tmp_path / "v.xml"
    assert main(["sitl", "run", str(path), "--junit", str(junit), "--out", str(tmp_path / "out")]) == 1
    assert "missed" in capsys.readouterr().out
    suite = ET.parse(junit).getroot().find("testsuite")
    assert suite.get("failures") == "1"
    assert "at least 170" in suite.find("testcase/failure").get("message")


@pytest.mark.parametrize(("change", "said"), [
    (("lat_deg = 47.385", "lat_deg = 147.385"), "origin.lat_deg"),
    (('metric = "completed"', 'metric = "done"'), r"expect\[0\].metric = 'done' is none of"),
    (('name = "one"', 'name = "../one"'), r"vehicle\[0\].name"),
    (("max = 5", 'max = 5\nbackend = ["px5"]'), r"expect\[2\].backend"),
    (("[border]", "[bordr]"), "bordr is not a key of a scenario .did you mean border"),
    (("seed = 3", "seed = 3\nseed = 4"), "no TOML"),
    (('name = "one"', 'name = "one"\nafter = "two"'), "'two'"),
    (("home_m = [0, -250]", 'home_m = [0, -250]\nfault = [{kind = "gust", at_s = 1, strength = 3}]'), "strength"),
])  # fmt: skip
def test_a_wrong_field_is_named(tmp_path, change, said):
    path = tmp_path / "s.toml"
    path.write_text(SHORT.format(standoff=1).replace(*change))
    with pytest.raises(ScenarioError, match=said):
        read_scenario(path)


def test_a_real_backend_refuses_faults_and_names_a_missing_program(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("VEDETTE_ARDUCOPTER", "VEDETTE_PX4"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "s.toml"
    path.write_text(SHORT.format(standoff=1))
    assert main(["sitl", "run", str(path), "--backend", "ardupilot"]) == 2
    assert "VEDETTE_ARDUCOPTER" in capsys.readouterr().err
    path.write_text(SHORT.format(standoff=1).replace("home_m = [", 'fault = [{kind = "gust", at_s = 1}]\nhome_m = ['))
    assert main(["sitl", "run", str(path), "--backend", "px4"]) == 2
    assert "its simulation has no wind (vehicle 'one')" in capsys.readouterr().err
    assert main(["sitl", "run", str(path), "--backend", "xplane"]) == 2


@pytest.mark.parametrize("option", [["--speedup", "2000"], ["--junit", "/nowhere/v.xml"]])
def test_a_wrong_option_is_named_before_anything_flies(tmp_path, capsys, option):
    path = tmp_path / "s.toml"
    path.write_text(SHORT.format(standoff=1))
    assert main(["sitl", "run", str(path), *option]) == 2
    assert option[0] in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path, capsys):
    assert main(["sitl", "run", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_is_met(path, tmp_path):
    result = run_scenario(read_scenario(path), tmp_path)
    assert result.met, [verdict.sentence for verdict in result.verdicts if not verdict.met]


def test_an_interrupted_run_stops_at_once_and_leaves_no_vehicle_behind(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(SHORT.format(standoff=1).replace("speedup = 40", "speedup = 1"))
    command = [sys.executable, "-m", "vedette", "sitl", "run", str(path)]
    run = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a runner in the background ignores it
    )  # fmt: skip
    children: list[int] = []
    started = time.monotonic()
    while not children and time.monotonic() - started < 30.0:
        time.sleep(0.1)
        children = children_of(run.pid)
    assert children
    time.sleep(1.5)
    run.send_signal(signal.SIGINT)
    assert run.wait(120) == 130
    gone_by = time.monotonic() + 4.0  # on a busy machine who is told to end takes its turn a moment later
    while any(map(is_running, children)) and time.monotonic() < gone_by:
        time.sleep(0.02)
    assert not [pid for pid in children if is_running(pid)]


def is_running(pid: int) -> bool:
    """Tell whether a process is there and is more than an entry that nobody has asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found
